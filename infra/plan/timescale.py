"""The TimescaleDB cluster: what settings are refused, what a node is told when it starts, what it may do. Pure.

Three nodes, one a zone. A node is cattle on fixed ground: its address and its two volumes outlive it. Everything that a new one needs
stands in its user data, rendered from the templates in `infra/timescale`; secrets are not in there, a node reads them when it starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from infra.plan.deflate import gzipped
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
"""EC2's limit for user data, before base64; ours is compressed, which cloud-init undoes."""
EVENT_SOURCE = "nautilus.timescale"
EVENT_TYPE = "SecretRotated"
"""What a node puts on the default event bus once a password has changed; the detail is `{"secret": "<arn>"}`."""
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
        max_connections: PostgreSQL's limit.
        namespace: CloudWatch namespace of the nodes' metrics.
        ca_parameter: Name of the SSM parameter that keeps the cluster's certificate authority; the first node makes it.
        ca_key: KMS key of that parameter.
        memory_mib: Memory of a node in MiB, for PostgreSQL's buffers; 0 leaves PostgreSQL's own defaults.

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
    namespace: str = f"Nautilus/{SCOPE}"
    ca_parameter: str = f"/{SCOPE}/timescale/ca"
    ca_key: str = "alias/aws/ssm"
    memory_mib: int = 0

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


_PROGRAMS = ("volumes", "certificates", "secrets", "refresh", "run", "backup", "metrics")
_UNITS = (
    "nautilus-volumes.service",
    "etcd.service",
    "patroni.service",
    *(
        f"{name}.{kind}"
        for name in ("pgbackrest", "nautilus-metrics", "nautilus-refresh", "nautilus-rotate")
        for kind in ("service", "timer")
    ),
)
_FILES = (
    ("node.env", "/etc/nautilus/node.env", "0644"),
    ("patroni.yml", "/etc/nautilus/patroni.yml", "0644"),
    ("patroni.yml", "/etc/nautilus/patroni-restore.yml", "0644"),
    ("etcd.yml", "/etc/nautilus/etcd.yml", "0644"),
    ("pgbackrest.conf", "/etc/nautilus/pgbackrest.conf", "0644"),
    ("start.sh", "/etc/nautilus/start.sh", "0755"),
    ("bootstrap.sh", "/etc/nautilus/bootstrap.sh", "0755"),
    ("restore.sh", "/etc/nautilus/restore.sh", "0755"),
    *((f"{name}.sh", f"/usr/local/sbin/nautilus-{name}", "0755") for name in _PROGRAMS),
    ("restore-cluster.sh", "/usr/local/sbin/nautilus-restore", "0755"),
    *((name, f"/etc/systemd/system/{name}", "0644") for name in _UNITS),
)
_ROTATE = "/usr/local/sbin/nautilus-rotate"

_TYPE = re.compile(r"(?P<family>[a-z]+[0-9]+[a-z0-9-]*)\.(?:nano|micro|small|medium|large|[0-9]*xlarge|metal(?:-[0-9]+xl)?)")
_XEN = frozenset("t1 t2 m1 m2 m3 m4 c1 c3 c4 r3 r4 x1 x1e i2 i3 d2 h1 hs1 cc2 cg1 cr1 g2 g3 g3s p2 p3 f1".split())  # noqa: SIM905 - reads better as text
"""Families before Nitro. Their volumes are no NVMe devices, and the nodes find theirs by their NVMe names (EC2 user guide: EBS and NVMe)."""


def instance_refusal(instance_type: str) -> str | None:
    """Why a node cannot be of an EC2 instance type, as the end of a sentence, or None. New families pass: AWS adds them all the time."""
    found = _TYPE.fullmatch(instance_type)
    if found is None or instance_type.startswith(("mac", "u-")):
        return "is no instance type of EC2 that runs a TimescaleDB node"
    if found["family"] in _XEN:
        return "is of a family before Nitro: a node would wait for ever for its volumes, which it knows by their NVMe names"
    return None


_GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8, "x": 16}


def instance_memory_mib(instance_type: str) -> int:
    """Memory of an EC2 instance type in MiB, from its family's ratio to the vCPUs; 0 where it does not follow from the name."""
    match = re.fullmatch(r"(?P<family>[cmrx])\d[a-z0-9-]*\.(?P<times>\d*)(?P<size>medium|large|xlarge)", instance_type)
    if match is None or (match["times"] and match["size"] != "xlarge"):
        return 0
    vcpus = {"medium": 1, "large": 2, "xlarge": 4}[match["size"]] * int(match["times"] or 1)
    return vcpus * _GIB_PER_VCPU[match["family"]] * 1024


def memory(cluster: Cluster) -> Mapping[str, str]:
    """PostgreSQL's memory: a quarter of the node for its buffers, the rest is the file cache's; one query's share stays small."""
    total = cluster.memory_mib
    if not total:
        return {}
    return {
        "shared_buffers": f"{total // 4}MB",
        "effective_cache_size": f"{total * 3 // 4}MB",
        "maintenance_work_mem": f"{min(2048, max(64, total // 16))}MB",
        "work_mem": f"{max(4, total // 4 // cluster.max_connections)}MB",
    }


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
    values = {"cluster": cluster, "node": node, "timing": timing or Timing(), "memory": memory(cluster)}
    rendered = (
        File(path, mode, templates.get_template(f"{source}.j2").render(values, restore="restore" in path)) for source, path, mode in _FILES
    )
    rotate = (resources("infra") / "timescale" / "rotate.py").read_text("utf-8")
    return (*rendered, File(_ROTATE, "0755", rotate))


def cloud_config(cluster: Cluster, node: Node, timing: Timing | None = None) -> str:
    """A node's cloud-init document."""
    return _templates().get_template("user-data.yml.j2").render(files=files(cluster, node, timing))


def user_data(cluster: Cluster, node: Node, timing: Timing | None = None) -> bytes:
    """The document as EC2 keeps it, compressed; the same bytes on every machine.

    Raises:
        ValueError: It is longer than EC2's 16 KiB.
    """
    packed = gzipped(cloud_config(cluster, node, timing).encode())
    if len(packed) > USER_DATA_BYTES:
        raise ValueError(f"timescale: user data of {len(packed)} bytes (EC2 takes {USER_DATA_BYTES})")
    return packed


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
    namespace: str = ""
    ca_parameter: str = ""
    event_bus: str = ""
    agent_objects: tuple[str, ...] = ()
    replica_key: str = ""
    replica_region: str = ""


def node_policy(reach: Reach) -> dict[str, object]:
    """What a node may do: bring its cluster's volumes to itself, read its secrets, ship backups and logs, pull its images.

    It rotates the cluster's four passwords itself, because nobody but a node may log in as superuser; it makes the cluster's certificate
    authority once and cannot replace it. `Reach.agent_objects` are AWS's own, which the SSM agent reads through the S3 endpoint: with one,
    AWS wants them in the role (Systems Manager, "SSM Agent communications with AWS managed S3 buckets").

    It may put a delete marker on a backup (pgBackRest expires old ones so), never remove a version: what is locked stays.
    No statement decrypts with any key but a named one (POLICY-RULES KMS-04).
    """
    copied = sorted({reach.region, reach.replica_region})
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
                "RotateSecrets",
                ["secretsmanager:ListSecretVersionIds", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
                reach.secrets,
            ),
            allow(
                "UseSecretKey",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [reach.secret_key],
                {"StringEquals": {"kms:ViaService": f"secretsmanager.{reach.region}.amazonaws.com"}},
            ),
            *(
                [
                    # A new password reaches the second region with the rights of the node that wrote it.
                    allow(
                        "SealCopiesOfSecrets",
                        ["kms:Encrypt", "kms:GenerateDataKey"],
                        [reach.replica_key],
                        {"StringEquals": {"kms:ViaService": [f"secretsmanager.{one}.amazonaws.com" for one in copied]}},
                    )
                ]
                if reach.replica_key
                else []
            ),
            allow("KeepAuthority", ["ssm:GetParameter"], [reach.ca_parameter]),
            # Without a null `ssm:Overwrite` the condition would let an update through that leaves the key out.
            allow("MakeAuthority", ["ssm:PutParameter"], [reach.ca_parameter], {"StringEquals": {"ssm:Overwrite": "false"}}),
            allow(
                "EncryptAuthority",
                ["kms:Decrypt", "kms:Encrypt"],
                [reach.secret_key],
                {"StringEquals": {"kms:ViaService": f"ssm.{reach.region}.amazonaws.com"}},
            ),
            allow(
                "TellOfRotation",
                ["events:PutEvents"],
                [reach.event_bus],
                {"StringEquals": {"events:detail-type": EVENT_TYPE, "events:source": EVENT_SOURCE}},
            ),
            allow("PublishMetrics", ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": reach.namespace}}),
            allow("ListArchive", ["s3:GetBucketLocation", "s3:ListBucket"], [reach.bucket]),
            *([allow("ReadAgentObjects", ["s3:GetObject"], reach.agent_objects)] if reach.agent_objects else []),
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
