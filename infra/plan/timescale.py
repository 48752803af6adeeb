"""The TimescaleDB cluster: what settings are refused, what a node is told when it starts, what it may do. Pure.

Three nodes, one a zone. A node is cattle on fixed ground: its address and its two volumes outlive it. Everything that a new one needs
stands in its user data, rendered from the templates in `infra/timescale`; secrets are not in there, a node reads them when it starts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from infra.settings.data import Timescale, TimescalePlacement

SCOPE = "market"
"""Name of the cluster in etcd, of the pgBackRest stanza, of the database and of the services' role."""
NODES = 3
"""Three, so that a majority outlives the loss of one."""
WRITER_PORT = 5432
READER_PORT = 5433
CONTROL_PORT = 8008
ETCD_VOLUME_GB = 10
ROOT_VOLUME_GB = 30
MAX_CONNECTIONS = 500
USER_DATA_BYTES = 16_384
"""EC2's limit for user data, before base64."""
IOPS_PER_GB = 500
"""gp3's limit."""
_IMAGE = re.compile(r"^[^\s@]+@sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Timing:
    """Patroni's clock, in seconds. A dead node is replaced as leader within `ttl` and a round; measured at 22 to 28 s with 20/5/5.

    Raises:
        ValueError: `ttl` is below Patroni's 20, or a leader that is cut off could outlive its own lease.
    """

    ttl: int = 20
    loop_wait: int = 5
    retry_timeout: int = 5

    def __post_init__(self) -> None:
        if self.ttl < 20:
            raise ValueError(f"ttl {self.ttl}: Patroni wants 20 seconds or more")
        if self.loop_wait + 2 * self.retry_timeout > self.ttl:
            raise ValueError(f"ttl {self.ttl}: must be loop_wait + 2 × retry_timeout = {self.loop_wait + 2 * self.retry_timeout} or more")


@dataclass(frozen=True)
class Node:
    """One node: the letter of its zone, its fixed address and the volumes that wait for it."""

    name: str
    address: str
    data_volume: str
    etcd_volume: str


@dataclass(frozen=True)
class Cluster:
    """What all nodes share.

    Args:
        scope: Name of the cluster in etcd and of the pgBackRest stanza.
        region: AWS region.
        major: PostgreSQL's major version.
        image: The timescaledb-ha image, by digest.
        etcd_image: The etcd image, by digest.
        log_group: CloudWatch log group.
        bucket: pgBackRest's bucket.
        retention_days: How long backups are kept, in days.
        slow_query_ms: Slower queries are logged, in milliseconds.
        secrets: ARNs of the passwords of superuser, replication, Patroni's interface and the services, in this order.
        nodes: The three nodes.

    Raises:
        ValueError: An image without digest, or not exactly three nodes with names and addresses of their own.
    """

    scope: str
    region: str
    major: int
    image: str
    etcd_image: str
    log_group: str
    bucket: str
    retention_days: int
    slow_query_ms: int
    secrets: tuple[str, str, str, str]
    nodes: tuple[Node, ...]
    max_connections: int = MAX_CONNECTIONS

    def __post_init__(self) -> None:
        for image in (self.image, self.etcd_image):
            if not _IMAGE.match(image):
                raise ValueError(f"timescale: image `{image}` is not pinned by digest (name@sha256:…)")
        if len(self.nodes) != NODES or len({n.name for n in self.nodes}) != NODES or len({n.address for n in self.nodes}) != NODES:
            raise ValueError(f"timescale: a cluster is {NODES} nodes, each with a name and an address of its own")


def refusals(settings: Timescale, zones: Sequence[str]) -> tuple[str, ...]:
    """Why the cluster cannot be built from these settings; empty when it can."""
    found: list[str] = []
    if settings.placement is TimescalePlacement.RDS:
        found.append("placement rds: RDS does not offer the timescaledb extension (shared_preload_libraries refuses it); use ec2")
    if len(set(zones)) < NODES:
        found.append(f"{len(set(zones))} zones: three nodes need three zones")
    if settings.volume_iops > settings.volume_gb * IOPS_PER_GB:
        found.append(f"volumeIops {settings.volume_iops}: gp3 takes at most {IOPS_PER_GB} for each GiB, {settings.volume_gb * IOPS_PER_GB}")
    return tuple(found)


def check(settings: Timescale, zones: Sequence[str]) -> None:
    """Refuse settings that cannot work, before anything is created.

    Raises:
        ValueError: All reasons of `refusals`.
    """
    found = refusals(settings, zones)
    if found:
        raise ValueError("timescale: " + "; ".join(found))


@dataclass(frozen=True)
class File:
    """A file that cloud-init writes on a node."""

    path: str
    mode: str
    text: str


_FILES = (
    ("node.env", "/etc/nautilus/node.env", "0644"),
    ("patroni.yml", "/etc/nautilus/patroni.yml", "0644"),
    ("etcd.yml", "/etc/nautilus/etcd.yml", "0644"),
    ("pgbackrest.conf", "/etc/nautilus/pgbackrest.conf", "0644"),
    ("bootstrap.sh", "/etc/nautilus/bootstrap.sh", "0755"),
    ("volumes.sh", "/usr/local/sbin/nautilus-volumes", "0755"),
    ("secrets.sh", "/usr/local/sbin/nautilus-secrets", "0755"),
    ("run.sh", "/usr/local/sbin/nautilus-run", "0755"),
    ("backup.sh", "/usr/local/sbin/nautilus-backup", "0755"),
    ("nautilus-volumes.service", "/etc/systemd/system/nautilus-volumes.service", "0644"),
    ("etcd.service", "/etc/systemd/system/etcd.service", "0644"),
    ("patroni.service", "/etc/systemd/system/patroni.service", "0644"),
    ("pgbackrest.service", "/etc/systemd/system/pgbackrest.service", "0644"),
    ("pgbackrest.timer", "/etc/systemd/system/pgbackrest.timer", "0644"),
)


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("infra", "timescale"),
        autoescape=False,  # noqa: S701 (configuration files, not HTML)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def files(cluster: Cluster, node: Node, timing: Timing | None = None) -> tuple[File, ...]:
    """Every file of a node, in a stable order.

    Raises:
        ValueError: `node` does not belong to the cluster.
    """
    if node not in cluster.nodes:
        raise ValueError(f"timescale: node `{node.name}` is not one of the cluster's")
    templates = _templates()
    values = {"cluster": cluster, "node": node, "timing": timing or Timing()}
    return tuple(File(path, mode, templates.get_template(f"{source}.j2").render(values)) for source, path, mode in _FILES)


def user_data(cluster: Cluster, node: Node, timing: Timing | None = None) -> str:
    """A node's cloud-init document.

    Raises:
        ValueError: It is longer than EC2's 16 KiB.
    """
    text = _templates().get_template("user-data.yml.j2").render(files=files(cluster, node, timing))
    size = len(text.encode())
    if size > USER_DATA_BYTES:
        raise ValueError(f"timescale: user data of {size} bytes (EC2 takes {USER_DATA_BYTES})")
    return text


@dataclass(frozen=True)
class Reach:
    """ARNs that a node's permissions name; `partition`, `region` and `account` complete the others."""

    volumes: tuple[str, ...]
    instance_profile: str
    volume_key: str
    secrets: tuple[str, ...]
    secret_key: str
    bucket: str
    bucket_key: str
    log_group: str
    repositories: tuple[str, ...]
    instances: str
    region: str


def node_policy(reach: Reach) -> dict[str, object]:
    """What a node may do: bring its cluster's volumes to itself, read its secrets, ship backups and logs, pull its images.

    It may put a delete marker on a backup (pgBackRest expires old ones so), never remove a version: what is locked stays.
    No statement decrypts with any key but a named one (POLICY-RULES KMS-04).
    """
    through_ec2 = {"StringEquals": {"kms:ViaService": f"ec2.{reach.region}.amazonaws.com"}}

    def allow(sid: str, actions: Sequence[str], resources: Sequence[str], condition: dict[str, object] | None = None) -> dict[str, object]:
        statement: dict[str, object] = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
        return statement | ({"Condition": condition} if condition else {})

    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("SeeVolumes", ["ec2:DescribeVolumes"], ["*"]),
            allow("BringVolumes", ["ec2:AttachVolume"], reach.volumes),
            allow(
                "BringVolumesToOwnInstances",
                ["ec2:AttachVolume"],
                [reach.instances],
                {"ArnEquals": {"ec2:InstanceProfile": reach.instance_profile}},
            ),
            allow(
                "UseVolumeKey",
                ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
                [reach.volume_key],
                dict(through_ec2),
            ),
            allow(
                "GrantVolumeKey",
                ["kms:CreateGrant"],
                [reach.volume_key],
                {**through_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
            allow("ReadSecrets", ["secretsmanager:GetSecretValue"], reach.secrets),
            allow(
                "DecryptSecrets",
                ["kms:Decrypt"],
                [reach.secret_key],
                {"StringEquals": {"kms:ViaService": f"secretsmanager.{reach.region}.amazonaws.com"}},
            ),
            allow("ListArchive", ["s3:GetBucketLocation", "s3:ListBucket"], [reach.bucket]),
            allow("UseArchive", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{reach.bucket}/pgbackrest/*"]),
            allow(
                "EncryptArchive",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [reach.bucket_key],
                {"StringEquals": {"kms:ViaService": f"s3.{reach.region}.amazonaws.com"}},
            ),
            allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{reach.log_group}:*"]),
            allow("SignInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
            allow(
                "PullImages",
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                reach.repositories,
            ),
        ],
    }
