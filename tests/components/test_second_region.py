"""The second region: everything there, encrypted, closed, watched; and nothing of it unless it is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.component import Context
from infra.components.second_region import ArchiveCopy, SecondRegion
from infra.components.storage import PrivateBucket
from infra.naming import Names
from infra.plan import dr as plan
from infra.plan.alarms import REPLICATION_RULE, Severity
from infra.settings import data
from infra.settings.dr import Dr
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth
from policies.testing import evaluate, simulated
from tests.components.data import ACCOUNT, key

HOME, THERE = "us-east-1", "us-west-2"
PRIMARY = f"arn:aws:rds:{HOME}:{ACCOUNT}:db:nautilus-prod-postgres"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nautilus-prod-postgres-monitoring"
GLOBAL = ("aws:iam/",)


def context(*, unlocked: bool = False) -> Context:
    return Context(
        names=Names("nautilus", "prod"),
        account_id=ACCOUNT,
        region=HOME,
        dr_region=THERE,
        zones=("us-east-1a", "us-east-1b", "us-east-1c"),
        log_days=365,
        unlocked=unlocked,
    )


def region(*, unlocked: bool = False, **settings: Any) -> Recording[Any]:
    def program() -> SecondRegion:
        return SecondRegion(
            "second-region",
            context(unlocked=unlocked),
            settings=Dr.model_validate({"enabled": True, **settings}),
            postgres=data.Postgres(),
            primary_arn=PRIMARY,
            key_arn=key("database", region=THERE),
            monitoring_role_arn=ROLE,
            repositories=("backend", "engine"),
            emails=["oncall@example.com", "oncall@example.com"],
        )

    return synth(program)


def archive() -> Recording[Any]:
    def program() -> ArchiveCopy:
        ctx = context()
        source = PrivateBucket(
            "archive",
            ctx,
            bucket_name=ctx.names.bucket("archive", account=ACCOUNT, region=HOME),
            key_arn=key("backup"),
            log_bucket="logs",
            object_lock_days=90,
        )
        return ArchiveCopy(
            "archive-copy",
            ctx,
            source=source,
            source_key_arn=key("backup"),
            key_arn=key("backup", region=THERE),
            lock_days=90,
            topics=dict.fromkeys(Severity, f"arn:aws:sns:{THERE}:{ACCOUNT}:there"),
            home_topics=dict.fromkeys(Severity, f"arn:aws:sns:{HOME}:{ACCOUNT}:home"),
        )

    return synth(program)


def made(recording: Recording[Any], kind: str) -> list[Recorded]:
    return recording.by_type(kind)


def test_everything_stands_in_the_second_region() -> None:
    for one in region().resources:
        if one.custom and one.type.startswith("aws:") and not one.type.startswith(GLOBAL):
            assert one.inputs.get("region") == THERE, one.name


def test_a_section_that_is_off_is_refused() -> None:
    with pytest.raises(Exception, match=r"dr\.enabled is false"):
        region(enabled=False)


def test_the_replica_follows_the_primary_with_a_key_of_its_own_region() -> None:
    recording = region()
    (replica,) = made(recording, "rds.Instance")
    assert replica.inputs["replicateSourceDb"] == PRIMARY
    assert replica.inputs["kmsKeyId"] == replica.inputs["performanceInsightsKmsKeyId"] == key("database", region=THERE)
    assert replica.inputs["storageEncrypted"] is True
    assert replica.inputs["deletionProtection"] is True
    assert replica.inputs["publiclyAccessible"] is False
    assert replica.inputs["instanceClass"] == "db.m7g.xlarge"
    assert replica.protect
    assert replica.retain_on_delete
    assert "replicateSourceDb" in replica.ignore_changes, "an up at home after a promotion would replace the database"
    assert not {"password", "username", "dbName", "manageMasterUserPassword"} & set(replica.inputs)
    groups = {one.inputs["name"] for one in made(recording, "cloudwatch.LogGroup")}
    assert {f"/aws/rds/instance/nautilus-prod-postgres-dr/{kind}" for kind in ("postgresql", "upgrade")} <= groups
    assert all(one.inputs["kmsKeyId"].startswith(f"arn:aws:kms:{THERE}:") for one in made(recording, "cloudwatch.LogGroup"))


def test_its_class_may_differ_and_an_unlocked_stack_can_go() -> None:
    (replica,) = made(region(unlocked=True, postgres_instance_class="db.m7g.large"), "rds.Instance")
    assert replica.inputs["instanceClass"] == "db.m7g.large"
    assert replica.inputs["deletionProtection"] is False
    assert not replica.protect


def test_without_a_replica_the_rest_stands() -> None:
    recording = region(postgres_replica=False)
    assert made(recording, "rds.Instance") == []
    assert made(recording, "cloudwatch.MetricAlarm") == []
    assert len(made(recording, "ec2.Subnet")) == 3
    (facts,) = made(recording, "ssm.Parameter")
    assert json.loads(facts.inputs["value"])["replica"] is None


def test_nothing_gets_in_or_out() -> None:
    recording = region(zones=["a", "c"])
    assert [one.inputs["cidrBlock"] for one in made(recording, "ec2.Subnet")] == ["10.60.20.0/22", "10.60.84.0/22"]
    assert [one.inputs["availabilityZone"] for one in made(recording, "ec2.Subnet")] == ["us-west-2a", "us-west-2c"]
    for kind in ("ec2.InternetGateway", "ec2.NatGateway", "ec2.Route", "vpc.SecurityGroupIngressRule", "vpc.SecurityGroupEgressRule"):
        assert made(recording, kind) == []
    (default,) = made(recording, "ec2.DefaultSecurityGroup")
    assert (default.inputs.get("ingress", []), default.inputs.get("egress", [])) == ([], [])
    (acl,) = made(recording, "ec2.NetworkAcl")
    assert {rule["cidrBlock"] for rule in (*acl.inputs["ingress"], *acl.inputs["egress"])} == {"10.60.0.0/16"}
    assert len(made(recording, "ec2.FlowLog")) == 1


def test_images_land_encrypted_under_the_same_names() -> None:
    repositories = made(region(), "ecr.Repository")
    assert [one.inputs["name"] for one in repositories] == ["nautilus-prod/backend", "nautilus-prod/engine"]
    assert {one.inputs["encryptionConfigurations"][0]["encryptionType"] for one in repositories} == {"KMS"}
    assert {one.inputs["imageTagMutability"] for one in repositories} == {"IMMUTABLE"}
    kept = made(region(), "ecr.LifecyclePolicy")
    assert [one.inputs["repository"] for one in kept] == ["nautilus-prod/backend", "nautilus-prod/engine"], "replication copies no policy"


def test_lag_is_heard_in_the_second_region() -> None:
    recording = region(max_lag_seconds=120)
    alarms = {one.inputs["name"]: one for one in made(recording, "cloudwatch.MetricAlarm")}
    assert sorted(alarms) == ["nautilus-prod-dr-replica-broken", "nautilus-prod-dr-replica-lag"]
    lag = alarms["nautilus-prod-dr-replica-lag"].inputs
    assert (lag["threshold"], lag["treatMissingData"], lag["comparisonOperator"]) == (120, "breaching", "GreaterThanThreshold")
    broken = alarms["nautilus-prod-dr-replica-broken"].inputs
    assert (broken["threshold"], broken["comparisonOperator"]) == (0, "LessThanThreshold"), "RDS reports -1"
    topics = {one.inputs["name"] for one in made(recording, "sns.Topic")}
    assert topics == {"nautilus-prod-dr-critical", "nautilus-prod-dr-warning"}
    for one in alarms.values():
        assert one.inputs["alarmActions"][0].startswith(f"arn:aws:sns:{THERE}:")
    assert len(made(recording, "sns.TopicSubscription")) == 2, "one address, two topics"


def test_the_published_facts_fit_and_name_what_the_platform_has() -> None:
    (parameter,) = made(region(), "ssm.Parameter")
    assert parameter.inputs["name"] == "/nautilus/prod/dr/facts"
    assert parameter.inputs["type"] == "String"
    text = parameter.inputs["value"]
    assert len(text.encode()) < plan.FACTS_BYTES
    facts = json.loads(text)
    assert (facts["home"], facts["region"], facts["replica"]) == (HOME, THERE, "nautilus-prod-postgres-dr")
    assert facts["databaseKey"] == key("database", region=THERE)


def test_the_facts_name_what_the_components_make(local_platform: Any) -> None:
    """The names are given twice, here and in the components: they must not drift apart."""
    facts: Any = plan.facts(
        account=ACCOUNT, home=HOME, region=THERE, project="nautilus", environment="local", replica=None, database_key="k", max_lag_seconds=1
    )
    names = {
        kind: {one.inputs.get("name") for one in local_platform.by_type(kind)} for kind in ("dynamodb.Table", "ecs.Cluster", "ecs.Service")
    }
    assert facts["leaseTable"] in names["dynamodb.Table"]
    assert facts["cluster"] in names["ecs.Cluster"]
    assert set(facts["services"].values()) <= names["ecs.Service"]
    assert facts["vault"] in {one.inputs["name"] for one in local_platform.by_type("backup.Vault")}
    assert all(one.inputs["name"].startswith(facts["secretsPrefix"]) for one in local_platform.by_type("secretsmanager.Secret"))
    assert all(one.inputs["name"].startswith(facts["repositoriesPrefix"]) for one in local_platform.by_type("ecr.Repository"))


def test_the_archive_is_copied_under_the_same_lock_within_fifteen_minutes() -> None:
    recording = archive()
    buckets = {one.inputs["bucket"]: one for one in made(recording, "s3.Bucket")}
    copy = buckets[f"nautilus-prod-archive-{ACCOUNT}-{THERE}"]
    assert (copy.inputs["region"], copy.inputs["objectLockEnabled"], copy.protect) == (THERE, True, True)
    (replication,) = made(recording, "s3.BucketReplicationConfig")
    assert replication.inputs["bucket"] == f"nautilus-prod-archive-{ACCOUNT}-{HOME}"
    assert replication.inputs["region"] == HOME
    (rule,) = replication.inputs["rules"]
    target = rule["destination"]
    assert rule["sourceSelectionCriteria"]["sseKmsEncryptedObjects"]["status"] == "Enabled", "without it S3 skips every encrypted file"
    assert target["encryptionConfiguration"]["replicaKmsKeyId"] == key("backup", region=THERE)
    assert target["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
    assert target["metrics"]["status"] == "Enabled"
    assert rule["deleteMarkerReplication"]["status"] == "Enabled"
    waits = " ".join(replication.dependencies)
    assert "archive-copy-bucket" in waits, "S3 refuses a target without versions"


def test_the_copying_role_opens_one_bucket_and_seals_into_another() -> None:
    document = json.loads(
        plan.replication_policy(source="arn:s", target="arn:t", source_key="arn:sk", target_key="arn:tk", home=HOME, region=THERE)
    )
    by_sid = {one["Sid"]: one for one in document["Statement"]}
    assert by_sid["ReadVersions"]["Resource"] == "arn:s/*"
    assert {"s3:GetObjectRetention", "s3:GetObjectLegalHold"} <= set(by_sid["ReadVersions"]["Action"]), "object lock needs them"
    assert by_sid["WriteCopies"]["Resource"] == "arn:t/*"
    assert (by_sid["OpenSource"]["Resource"], by_sid["SealCopies"]["Resource"]) == ("arn:sk", "arn:tk")
    assert by_sid["OpenSource"]["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{HOME}.amazonaws.com"}}
    assert "s3:*" not in json.dumps(document)
    (role,) = (one for one in made(archive(), "iam.Role") if one.inputs["name"].endswith("archive-copy"))
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    # S3 documents no condition here (Setting up permissions for live replication): one that it did not meet would stop the copy in silence.
    assert trust == {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}}


def test_a_copy_that_fails_is_heard_in_the_region_that_measures_it() -> None:
    alarms = {one.inputs["metricName"]: one for one in made(archive(), "cloudwatch.MetricAlarm")}
    assert {name: one.inputs["region"] for name, one in alarms.items()} == {
        "ReplicationLatency": THERE,
        "OperationsFailedReplication": HOME,
    }
    assert alarms["ReplicationLatency"].inputs["alarmActions"] == [f"arn:aws:sns:{THERE}:{ACCOUNT}:there"]
    assert alarms["OperationsFailedReplication"].inputs["alarmActions"] == [f"arn:aws:sns:{HOME}:{ACCOUNT}:home"]
    dimensions = alarms["ReplicationLatency"].inputs["dimensions"]
    assert dimensions["RuleId"] == REPLICATION_RULE
    assert dimensions["SourceBucket"].endswith(HOME)
    assert dimensions["DestinationBucket"].endswith(THERE)


@pytest.mark.parametrize("build", [region, archive])
def test_the_policies_find_nothing(build: Any) -> None:
    assert [str(one) for one in evaluate(simulated(build()))] == []
