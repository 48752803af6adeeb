"""TimescaleDB on EC2: nodes that may die, on addresses and volumes that may not."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from infra.component import Context
from infra.components.backup import SELECTION_TAG, Backup
from infra.components.storage import PrivateBucket
from infra.components.timescale import Timescale
from infra.plan.secrets import TIMESCALE_SECRETS
from infra.settings import data
from tests.components.data import ACCOUNT, ZONES, Stack, context, key, protected, synth

REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/nautilus-prod"
ETCD = f"{REGISTRY}/etcd@sha256:{'e7' * 32}"
SECRETS = {name: f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:nautilus/prod/{name}-AbCdEf" for name in TIMESCALE_SECRETS}


def timescale_of(
    ctx: Context, archive: PrivateBucket, *, subnets: int = 3, secrets: dict[str, str] | None = None, etcd: str = ETCD, **settings: Any
) -> Timescale:
    return Timescale(
        "timescale",
        ctx,
        settings=data.Timescale(**settings),
        subnet_ids=[f"subnet-{n}" for n in range(subnets)],
        vpc_id="vpc-1",
        group_id="sg-timescale",
        key_arn=key("database"),
        log_key_arn=key("logs"),
        secret_arns=SECRETS if secrets is None else secrets,
        secret_key_arn=key("secrets"),
        registry_url=f"{REGISTRY}/timescale",
        etcd_image=etcd,
        archive=archive,
        archive_key_arn=key("backup"),
    )


def made(
    *,
    unlocked: bool = False,
    subnets: int = 3,
    secrets: dict[str, str] | None = None,
    etcd: str = ETCD,
    **settings: Any,
) -> Stack:
    def build() -> dict[str, Any]:
        ctx = context(unlocked=unlocked)
        archive = PrivateBucket(
            "archive", ctx, bucket_name="nautilus-prod-archive", key_arn=key("backup"), log_bucket=None, object_lock_days=90
        )
        timescale = timescale_of(ctx, archive, subnets=subnets, secrets=secrets, etcd=etcd, **settings)
        return {
            "writer": timescale.writer_address,
            "reader": timescale.reader_address,
            "volumes": timescale.volume_arns,
            "groups": timescale.node_group_names,
            "ports": [timescale.writer_port, timescale.reader_port],
        }

    return synth(build)


def user_data(stack: Stack, letter: str) -> dict[str, str]:
    document = gzip.decompress(base64.b64decode(stack.one("ec2.LaunchTemplate", f"timescale-{letter}-template")["userData"])).decode()
    assert document.startswith("#cloud-config\n")
    return {item["path"]: item["content"] for item in yaml.safe_load(document)["write_files"]}


def test_three_nodes_each_in_its_zone() -> None:
    stack = made()
    assert [one["availabilityZones"] for one in stack.all("autoscaling.Group")] == [[zone] for zone in ZONES]
    assert [one["availabilityZone"] for one in stack.all("ebs.Volume") if one.name.endswith("data")] == list(ZONES)
    assert [one["subnetId"] for one in stack.all("ec2.NetworkInterface")] == ["subnet-0", "subnet-1", "subnet-2"]


def test_a_group_holds_one_instance_and_ends_the_old_one_first() -> None:
    for one in made().all("autoscaling.Group"):
        assert (one["minSize"], one["maxSize"], one["desiredCapacity"]) == (1, 1, 1)
        assert one["instanceMaintenancePolicy"] == {"minHealthyPercentage": 0, "maxHealthyPercentage": 100}
        assert "vpcZoneIdentifiers" not in one.inputs, "the fixed interface brings the subnet"
        assert one["launchTemplate"]["version"] == "7"


def test_instances_are_hardened_and_keep_their_address() -> None:
    stack = made()
    for letter in "abc":
        one = stack.one("ec2.LaunchTemplate", f"timescale-{letter}-template")
        assert one["metadataOptions"]["httpTokens"] == "required"
        assert one["metadataOptions"]["httpPutResponseHopLimit"] == 1
        (disk,) = one["blockDeviceMappings"]
        assert (disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyId"]) == ("true", key("database"))
        (interface,) = one["networkInterfaces"]
        assert interface["networkInterfaceId"] == f"timescale-{letter}-address-id"
        assert interface["deleteOnTermination"] == "false"
        assert "associatePublicIpAddress" not in interface
        assert "vpcSecurityGroupIds" not in one.inputs
    assert {one["securityGroups"][0] for one in stack.all("ec2.NetworkInterface")} == {"sg-timescale"}


def test_data_volumes_are_encrypted_and_never_in_a_template() -> None:
    stack = made(volume_gb=300, volume_iops=4_000)
    for one in stack.all("ebs.Volume"):
        assert (one["encrypted"], one["kmsKeyId"], one["type"]) == (True, key("database"), "gp3")
    assert {(one["size"], one["iops"]) for one in stack.all("ebs.Volume") if one.name.endswith("data")} == {(300, 4_000)}
    small = [one for one in stack.all("ebs.Volume") if one.name.endswith("etcd")]
    assert {(one["size"], one["iops"], one["throughput"]) for one in small} == {(10, 3_000, 125)}, "what gp3 gives without a surcharge"
    assert {len(one["blockDeviceMappings"]) for one in stack.all("ec2.LaunchTemplate")} == {1}


def test_volumes_are_protected_until_the_stack_is_unlocked() -> None:
    volumes = {f"timescale-{letter}-{kind}" for letter in "abc" for kind in ("data", "etcd")}
    assert protected(made()) == volumes | {"archive"}
    assert protected(made(unlocked=True)) == set()


def test_only_data_volumes_are_offered_for_backup() -> None:
    assert made().outputs["volumes"] == [f"arn:aws:ec2:us-east-1:{ACCOUNT}:volume/vol-timescale-{letter}-data" for letter in "abc"]


def test_no_backup_plan_takes_an_etcd_volume() -> None:
    """A member that came back with an old log would vote for the past, so neither the ARNs nor the tag of the calendar reach its volume."""

    def build() -> dict[str, Any]:
        ctx = context()
        archive = PrivateBucket("archive", ctx, bucket_name="nautilus-prod-archive", key_arn=key("backup"), log_bucket=None)
        timescale = timescale_of(ctx, archive)
        Backup(
            "backup",
            ctx,
            settings=data.Backup(),
            key_arn=key("backup"),
            dr_key_arn=key("backup", region="us-west-2"),
            resource_arns={f"timescale-{index}": arn for index, arn in enumerate(timescale.volume_arns)},
        )
        return {}

    stack = synth(build)
    taken = {arn for one in stack.all("backup.Selection") for arn in one.inputs.get("resources") or []}
    volumes = {one.name: one for one in stack.all("ebs.Volume")}
    assert {name for name in volumes if any(arn.endswith(f"/vol-{name}") for arn in taken)} == {f"timescale-{one}-data" for one in "abc"}
    assert not [name for name, one in volumes.items() if SELECTION_TAG in one["tags"]]
    assert not any("*" in arn for arn in taken), "no pattern that would take every volume"


def test_user_data_tells_each_node_who_it_is_and_who_its_peers_are() -> None:
    stack = made()
    for index, letter in enumerate("abc"):
        found = user_data(stack, letter)
        assert yaml.safe_load(found["/etc/nautilus/patroni.yml"])["restapi"]["connect_address"] == f"10.20.{64 + index}.10:8008"
        assert "a=https://10.20.64.10:2380,b=https://10.20.65.10:2380,c=https://10.20.66.10:2380" in found["/etc/nautilus/etcd.yml"]
        environment = found["/etc/nautilus/node.env"]
        assert f"DATA_VOLUME=vol-timescale-{letter}-data\n" in environment
        assert "METRICS_NAMESPACE=Nautilus/nautilus-prod\n" in environment
        assert f"CA_PARAMETER=/nautilus/prod/timescale/ca\nCA_KEY={key('secrets')}\n" in environment
        assert "shared_buffers: 4096MB" in found["/etc/nautilus/patroni.yml"]
        assert f"ETCD_VOLUME=vol-timescale-{letter}-etcd\n" in environment
        assert f"TIMESCALE_IMAGE={REGISTRY}/timescale@{data.Timescale().image_digest}\n" in environment
        assert "repo1-s3-bucket=nautilus-prod-archive\n" in found["/etc/nautilus/pgbackrest.conf"]


def test_the_balancer_is_internal_and_asks_patroni() -> None:
    stack = made()
    balancer = stack.one("lb.LoadBalancer")
    assert (balancer["internal"], balancer["loadBalancerType"], balancer["enableDeletionProtection"]) == (True, "network", True)
    assert balancer["enableCrossZoneLoadBalancing"] is True
    assert balancer["subnets"] == ["subnet-0", "subnet-1", "subnet-2"]
    assert balancer["securityGroups"] == ["sg-timescale"]
    for kind, path in (("writer", "/primary"), ("reader", "/replica")):
        group = stack.one("lb.TargetGroup", f"timescale-{kind}")
        check = group["healthCheck"]
        assert (check["protocol"], check["port"], check["path"]) == ("HTTPS", "8008", path)
        assert check["timeout"] < check["interval"]
        assert (group["targetType"], group["protocol"], group["port"]) == ("ip", "TCP", 5432)
        assert len(group["name"]) <= 32
    assert {one.name: one["port"] for one in stack.all("lb.Listener")} == {"timescale-writer": 5432, "timescale-reader": 5433}
    for kind in ("writer", "reader"):
        targets = [one["targetId"] for one in stack.all("lb.TargetGroupAttachment") if one.name.startswith(f"timescale-{kind}")]
        assert targets == ["10.20.64.10", "10.20.65.10", "10.20.66.10"]
    assert made(unlocked=True).one("lb.LoadBalancer")["enableDeletionProtection"] is False


def test_the_nodes_permissions_name_what_they_reach() -> None:
    stack = made()
    statements = {one["Sid"]: one for one in json.loads(stack.one("iam.RolePolicy")["policy"])["Statement"]}
    assert statements["ReadSecrets"]["Resource"] == list(SECRETS.values())
    assert len(statements["BringVolumes"]["Resource"]) == 6
    assert statements["UseArchive"]["Resource"] == ["arn:aws:s3:::nautilus-prod-archive/pgbackrest/*"]
    assert statements["PullImages"]["Resource"] == [
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/nautilus-prod/etcd",
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/nautilus-prod/timescale",
    ]
    assert statements["RotateSecrets"]["Resource"] == list(SECRETS.values())
    assert statements["MakeAuthority"]["Resource"] == [f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/nautilus/prod/timescale/ca"]
    assert statements["TellOfRotation"]["Resource"] == [f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"]
    assert "arn:aws:s3:::amazon-ssm-us-east-1/*" in statements["ReadAgentObjects"]["Resource"]
    assert len(stack.one("iam.RolePolicy")["policy"]) <= 10_240, "IAM's limit for a role's inline policies"
    assert statements["WriteLogs"]["Resource"] == [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/nautilus/prod/timescale:*"]
    for letter in "abc":
        assert "timescale-node" in stack.one("ec2.LaunchTemplate", f"timescale-{letter}-template").needs, (
            "no node starts without its permissions"
        )


def test_addresses_and_groups_are_told() -> None:
    outputs = made().outputs
    assert outputs["writer"] == outputs["reader"] == "nautilus-prod-timescale.elb.us-east-1.amazonaws.com"
    assert outputs["ports"] == [5432, 5433]
    assert outputs["groups"] == [f"nautilus-prod-timescale-{letter}" for letter in "abc"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"placement": "rds"}, "RDS does not offer the timescaledb extension"),
        ({"subnets": 2}, "2 subnets for 3 nodes"),
        ({"secrets": {}}, "no secret timescale-superuser-password"),
        ({"volume_gb": 20, "volume_iops": 16_000}, "at most 500"),
        ({"etcd": f"{REGISTRY}/etcd:3.5"}, "not pinned by digest"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        made(**wrong)
