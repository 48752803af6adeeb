"""Computed values: AWS's formats, the same every time, and something of the declared type for every output of every type."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.types_table import Type
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, reveal
from tests.simulation.rule_cases import BASE
from tests.simulation.support import ACCOUNT, check, exists, maker, table, token, urn

HEX17 = r"[0-9a-f]{17}"


def made(
    short: str,
    inputs: dict[str, Any] | None = None,
    *,
    peer: Peer | None = None,
    run: Run | None = None,
    name: str = "it",
    generation: int = 0,
) -> Known:
    where = Urn(urn(short, name))
    run = run or Run()
    checked = check(short, inputs if inputs is not None else BASE.get(short, {}), name=name, run=run, peer=peer)
    result = maker().make(where, checked.inputs, peer or Peer(), run, generation=generation)
    return Known(where.text, where.token, result.id, checked.inputs, result.outputs)


@pytest.mark.parametrize(
    ("short", "pattern"),
    [
        ("ec2.Vpc", f"vpc-{HEX17}"),
        ("ec2.Subnet", f"subnet-{HEX17}"),
        ("ec2.SecurityGroup", f"sg-{HEX17}"),
        ("vpc.SecurityGroupIngressRule", f"sgr-{HEX17}"),
        ("ec2.NetworkInterface", f"eni-{HEX17}"),
        ("ec2.Eip", f"eipalloc-{HEX17}"),
        ("ec2.NatGateway", f"nat-{HEX17}"),
        ("ec2.InternetGateway", f"igw-{HEX17}"),
        ("ec2.RouteTable", f"rtb-{HEX17}"),
        ("ec2.NetworkAcl", f"acl-{HEX17}"),
        ("ec2.VpcEndpoint", f"vpce-{HEX17}"),
        ("ec2.FlowLog", f"fl-{HEX17}"),
        ("ebs.Volume", f"vol-{HEX17}"),
        ("ec2.LaunchTemplate", f"lt-{HEX17}"),
        ("kms.Key", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("rds.Instance", r"db-[A-Z0-9]{26}"),
        ("cloudfront.Distribution", r"E[A-Z0-9]{13}"),
        ("route53.Zone", r"Z[A-Z0-9]{12,31}"),
        ("efs.FileSystem", f"fs-{HEX17}"),
        ("sqs.Queue", r"https://sqs\.us-east-1\.amazonaws\.com/123456789012/jobs"),
        ("sns.Topic", r"arn:aws:sns:us-east-1:123456789012:alerts"),
        ("secretsmanager.Secret", r"arn:aws:secretsmanager:us-east-1:123456789012:secret:/nautilus/prod/database-[A-Za-z0-9]{6}"),
        ("lb.LoadBalancer", r"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/[0-9a-f]{16}"),
        ("lb.TargetGroup", r"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/[0-9a-f]{16}"),
        (
            "lb.ListenerRule",
            r"arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/web/[0-9a-f]{16}/[0-9a-f]{16}/[0-9a-f]{16}",
        ),
        ("ecs.Cluster", r"arn:aws:ecs:us-east-1:123456789012:cluster/main"),
        ("ecs.Service", r"arn:aws:ecs:us-east-1:123456789012:service/main/it-[0-9a-f]{7}"),
        ("backup.Vault", "main"),
        ("iam.Role", r"it-[0-9a-f]{7}"),
    ],
)
def test_ids(short: str, pattern: str) -> None:
    assert re.fullmatch(pattern, made(short).id), made(short).id


@pytest.mark.parametrize(
    ("short", "name", "pattern"),
    [
        ("rds.Instance", "endpoint", r"main\.[a-z0-9]{12}\.us-east-1\.rds\.amazonaws\.com:5432"),
        ("rds.Instance", "arn", r"arn:aws:rds:us-east-1:123456789012:db:main"),
        ("rds.Instance", "hostedZoneId", "Z2R2ITUGPM61AM"),
        ("elasticache.ReplicationGroup", "primaryEndpointAddress", r"master\.main\.[a-z0-9]{6}\.use1\.cache\.amazonaws\.com"),
        ("lb.LoadBalancer", "dnsName", r"web-\d{10}\.us-east-1\.elb\.amazonaws\.com"),
        ("lb.LoadBalancer", "zoneId", "Z35SXDOTRQ7X7K"),
        ("lb.LoadBalancer", "arnSuffix", r"app/web/[0-9a-f]{16}"),
        ("cloudfront.Distribution", "domainName", r"d[a-z0-9]{13}\.cloudfront\.net"),
        ("cloudfront.Distribution", "hostedZoneId", "Z2FDTNDATAQYW2"),
        ("cloudfront.Distribution", "arn", r"arn:aws:cloudfront::123456789012:distribution/E[A-Z0-9]{13}"),
        ("ecr.Repository", "repositoryUrl", r"123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/nautilus/backend"),
        ("ecs.TaskDefinition", "arn", r"arn:aws:ecs:us-east-1:123456789012:task-definition/app:1"),
        (
            "lambda.Function",
            "invokeArn",
            r"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:it-[0-9a-f]{7}/invocations",
        ),
        ("iam.Role", "uniqueId", r"AROA[A-Z2-7]{17}"),
        ("iam.Role", "arn", r"arn:aws:iam::123456789012:role/it-[0-9a-f]{7}"),
        ("kms.Key", "arn", r"arn:aws:kms:us-east-1:123456789012:key/[0-9a-f-]{36}"),
        ("s3.Bucket", "arn", r"arn:aws:s3:::nautilus-logs"),
        ("s3.Bucket", "bucketRegionalDomainName", r"nautilus-logs\.s3\.us-east-1\.amazonaws\.com"),
        ("cloudwatch.LogGroup", "arn", r"arn:aws:logs:us-east-1:123456789012:log-group:/app/backend"),
        ("cloudwatch.MetricAlarm", "arn", r"arn:aws:cloudwatch:us-east-1:123456789012:alarm:it-[0-9a-f]{7}"),
        ("wafv2.WebAcl", "arn", r"arn:aws:wafv2:us-east-1:123456789012:regional/webacl/main/[0-9a-f-]{36}"),
        ("efs.FileSystem", "dnsName", r"fs-[0-9a-f]{17}\.efs\.us-east-1\.amazonaws\.com"),
        ("sns.TopicSubscription", "arn", r"arn:aws:sns:us-east-1:123456789012:alerts:[0-9a-f-]{36}"),
        (
            "autoscaling.Group",
            "arn",
            r"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:[0-9a-f-]{36}:autoScalingGroupName/it-[0-9a-f]{7}",
        ),
        ("ec2.LaunchTemplate", "latestVersion", "1"),
        ("cloudtrail.Trail", "homeRegion", "us-east-1"),
    ],
)
def test_outputs(short: str, name: str, pattern: str) -> None:
    value = str(reveal(made(short).outputs[name]))
    assert re.fullmatch(pattern, value), value


def test_values_are_the_same_every_time_and_differ_between_resources() -> None:
    assert made("ec2.Vpc").id == made("ec2.Vpc").id
    assert made("ec2.Vpc").id != made("ec2.Vpc", name="other").id
    assert made("ec2.Vpc").id != made("ec2.Vpc", generation=1).id


def test_an_id_does_not_depend_on_inputs() -> None:
    """The order of zones, or a changed description, gives a fresh stack no other ids."""
    one = made("ec2.Subnet", BASE["ec2.Subnet"])
    two = made("ec2.Subnet", BASE["ec2.Subnet"] | {"availabilityZone": "us-east-1b"})
    assert one.id == two.id


def test_account_region_and_partition_come_from_the_peer() -> None:
    peer = Peer(region="eu-central-1", account="210987654321")
    assert made("kms.Key", peer=peer).outputs["arn"].startswith("arn:aws:kms:eu-central-1:210987654321:key/")
    assert (
        made("sns.Topic", {"name": "a", "region": "us-gov-west-1"}, peer=peer).outputs["arn"]
        == "arn:aws-us-gov:sns:us-gov-west-1:210987654321:a"
    )


def test_secrets_stay_secret() -> None:
    database = made("rds.Instance", BASE["rds.Instance"] | {"password": Secret("abcdefgh1234")})
    assert isinstance(database.outputs["password"], Secret)
    assert isinstance(made("secretsmanager.SecretVersion").outputs["secretString"], Secret)


def test_a_certificate_has_its_validation_records() -> None:
    options = made("acm.Certificate").outputs["domainValidationOptions"]
    assert [each["domainName"] for each in options] == ["example.com", "*.example.com"]
    assert options[0]["resourceRecordName"] == options[1]["resourceRecordName"]
    assert re.fullmatch(r"_[0-9a-f]{32}\.example\.com\.", options[0]["resourceRecordName"])
    assert options[0]["resourceRecordValue"].endswith(".acm-validations.aws.")


def test_a_replica_follows_its_source() -> None:
    run = Run()
    source = exists(run, "rds.Instance", BASE["rds.Instance"] | {"backupRetentionPeriod": 7}, name="source")
    replica = made(
        "rds.Instance",
        {"identifier": "r", "instanceClass": "db.r7g.large", "replicateSourceDb": source.outputs["arn"], "skipFinalSnapshot": True},
        run=run,
    )
    assert replica.outputs["engine"] == "postgres"
    assert replica.outputs["engineVersion"] == "17.6"


def test_a_load_balancer_knows_its_vpc() -> None:
    run = Run()
    ids = [
        exists(run, "ec2.Subnet", BASE["ec2.Subnet"] | {"cidrBlock": f"10.0.{i}.0/24", "availabilityZone": f"us-east-1{z}"}, name=z).id
        for i, z in enumerate("ab")
    ]
    assert made("lb.LoadBalancer", {"name": "web", "subnets": ids}, run=run).outputs["vpcId"] == "vpc-0"


def test_firewall_endpoints_are_by_zone() -> None:
    run = Run()
    ids = [
        exists(run, "ec2.Subnet", BASE["ec2.Subnet"] | {"cidrBlock": f"10.0.{i}.0/24", "availabilityZone": f"us-east-1{z}"}, name=z).id
        for i, z in enumerate("abc")
    ]
    firewall = made(
        "networkfirewall.Firewall", BASE["networkfirewall.Firewall"] | {"subnetMappings": [{"subnetId": each} for each in ids]}, run=run
    )
    states = firewall.outputs["firewallStatuses"][0]["syncStates"]
    assert {state["availabilityZone"] for state in states} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    assert all(re.fullmatch(f"vpce-{HEX17}", state["attachments"][0]["endpointId"]) for state in states)


def test_an_adopted_default_group_is_the_vpcs() -> None:
    run = Run()
    vpc = exists(run, "ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})
    assert made("ec2.DefaultSecurityGroup", {"vpcId": vpc.id}, run=run).id == vpc.outputs["defaultSecurityGroupId"]


def _fits(kind: Type, value: Any) -> bool:
    value = reveal(value)
    match kind.kind:
        case "str":
            return isinstance(value, str)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "num":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list) and all(kind.item is None or _fits(kind.item, each) for each in value)
        case "map":
            return isinstance(value, dict) and all(kind.item is None or _fits(kind.item, each) for each in value.values())
        case "object":
            properties = table().output_object(kind.ref)
            return isinstance(value, dict) and (
                properties is None or all(name in properties and _fits(properties[name], each) for name, each in value.items())
            )
        case "union":
            return any(_fits(option, value) for option in kind.options)
        case _:
            return True


def test_every_output_of_every_type_has_its_declared_type() -> None:
    wrong: list[str] = []
    for each in table().tokens():
        if not each.startswith("aws:"):
            continue
        row = table().resource(each)
        assert row is not None
        result = maker().make(Urn(urn(each)), {}, Peer(), Run())
        assert result.id
        for name in {*row.computed, *row.present}:
            value = result.outputs.get(name)
            if value is None:
                if row.outputs[name].kind not in {"asset", "any"}:
                    wrong.append(f"{each}.{name} has no value")
            elif not _fits(row.outputs[name], value):
                wrong.append(f"{each}.{name} = {value!r} is no {row.outputs[name]}")
    assert wrong == []


def test_outputs_of_the_sound_resources_have_their_declared_types() -> None:
    wrong: list[str] = []
    for short in BASE:
        if short.startswith("random:"):
            continue
        row = table().resource(token(short))
        assert row is not None
        for name, value in made(short).outputs.items():
            if name in row.computed and not _fits(row.outputs[name], value):
                wrong.append(f"{short}.{name} = {value!r} is no {row.outputs[name]}")
    assert wrong == []


def test_a_plan_knows_what_is_given_and_nothing_that_aws_makes() -> None:
    where = Urn(urn("lb.LoadBalancer"))
    inputs = check("lb.LoadBalancer", {"name": "web", "subnets": [UNKNOWN, UNKNOWN]}, preview=True).inputs
    plan = maker().plan(where, inputs)
    assert plan["name"] == "web"
    assert plan["subnets"] == [UNKNOWN, UNKNOWN]
    assert plan["arn"] is UNKNOWN
    assert plan["dnsName"] is UNKNOWN
    assert plan["region"] == "us-east-1"
    assert plan["tagsAll"] == {}


def test_the_plan_of_an_update_keeps_what_stays() -> None:
    where = Urn(urn("lb.LoadBalancer"))
    before = made("lb.LoadBalancer")
    plan = maker().plan(where, before.inputs | {"idleTimeout": 30}, olds=before.outputs)
    assert plan["arn"] == before.outputs["arn"]
    assert plan["idleTimeout"] == 30


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("us-east-1a", "use1-az1"), ("eu-west-3c", "euw3-az3"), ("ap-southeast-2b", "apse2-az2"), ("ca-central-1d", "cac1-az4")],
)
def test_zone_ids(zone: str, expected: str) -> None:
    assert formats.zone_id(zone) == expected


def test_uuids_are_of_version_4() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", Seed("x").uuid())
    assert ACCOUNT
