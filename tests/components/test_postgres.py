"""RDS for PostgreSQL: encrypted, watched, protected, and replicated."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.postgres import Postgres
from infra.settings import data
from tests.components.data import Secret, Stack, context, key, protected, synth


def made(*, unlocked: bool = False, topic: bool = True, subnets: int = 3, **settings: Any) -> Stack:
    def build() -> dict[str, Any]:
        postgres = Postgres(
            "postgres",
            context(unlocked=unlocked),
            settings=data.Postgres(**settings),
            subnet_ids=[f"subnet-{n}" for n in range(subnets)],
            group_id="sg-postgres",
            key_arn=key("database"),
            log_key_arn=key("logs"),
            username="nautilus_admin",
            password=pulumi.Output.secret("a-first-password"),
            topic_arn="arn:aws:sns:us-east-1:123456789012:critical" if topic else None,
        )
        return {"reader": postgres.reader_address, "writer": postgres.address, "replicas": postgres.replica_ids, "port": postgres.port}

    return synth(build)


def primary(stack: Stack) -> Any:
    return stack.one("rds.Instance", "postgres-primary")


def test_the_primary_is_closed_encrypted_and_durable() -> None:
    one = primary(made())
    expected = {
        "identifier": "nautilus-prod-postgres",
        "engine": "postgres",
        "engineVersion": "16",
        "publiclyAccessible": False,
        "storageEncrypted": True,
        "kmsKeyId": key("database"),
        "multiAz": True,
        "storageType": "gp3",
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "nautilus-prod-postgres-final-0a1b2c3d",
        "copyTagsToSnapshot": True,
        "autoMinorVersionUpgrade": True,
        "iamDatabaseAuthenticationEnabled": True,
        "backupRetentionPeriod": 35,
        "backupWindow": "23:00-23:30",
        "maintenanceWindow": "sun:03:30-sun:04:00",
        "deleteAutomatedBackups": False,
        "caCertIdentifier": "rds-ca-rsa2048-g1",
        "networkType": "IPV4",
        "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
        "monitoringInterval": 60,
        "performanceInsightsEnabled": True,
        "performanceInsightsKmsKeyId": key("database"),
        "performanceInsightsRetentionPeriod": 7,
        "vpcSecurityGroupIds": ["sg-postgres"],
    }
    assert {name: one.inputs.get(name) for name in expected} == expected
    assert one["password"] == Secret("a-first-password")
    assert "iops" not in one.inputs


def test_aws_backup_rotation_and_autoscaling_are_left_alone() -> None:
    assert set(primary(made()).ignored) == {"password", "backupRetentionPeriod", "backupWindow"}


def test_log_groups_exist_before_rds_would_make_its_own() -> None:
    stack = made()
    assert {one["name"] for one in stack.all("cloudwatch.LogGroup")} == {
        f"/aws/rds/instance/nautilus-prod-postgres{suffix}/{kind}" for suffix in ("", "-replica-1") for kind in ("postgresql", "upgrade")
    }
    for one in stack.all("cloudwatch.LogGroup"):
        assert (one["kmsKeyId"], one["retentionInDays"]) == (key("logs"), 365)
    assert {"postgres-postgresql-log", "postgres-upgrade-log", "postgres-monitoring"} <= set(primary(stack).needs)
    replica = stack.one("rds.Instance", "postgres-replica-1")
    assert set(replica.needs) == {"postgres-replica-1-postgresql-log", "postgres-replica-1-upgrade-log"}


def test_a_replica_says_only_what_aws_lets_it_say() -> None:
    one = made().one("rds.Instance", "postgres-replica-1")
    assert one["replicateSourceDb"] == "nautilus-prod-postgres"
    assert (one["storageEncrypted"], one["publiclyAccessible"], one["deletionProtection"]) == (True, False, True)
    assert one["skipFinalSnapshot"] is True
    for refused in ("username", "password", "dbName", "engine", "engineVersion", "dbSubnetGroupName", "kmsKeyId", "allocatedStorage"):
        assert refused not in one.inputs


def test_replicas_spread_over_the_zones() -> None:
    stack = made(replicas=3)
    assert [one["availabilityZone"] for one in stack.all("rds.Instance") if "replica" in one.name] == [
        "us-east-1b",
        "us-east-1c",
        "us-east-1a",
    ]
    assert stack.outputs["replicas"] == [f"nautilus-prod-postgres-replica-{n}" for n in (1, 2, 3)]


def test_readers_go_to_a_replica_where_there_is_one() -> None:
    assert made().outputs["reader"] == "nautilus-prod-postgres-replica-1.abc.us-east-1.rds.amazonaws.com"
    alone = made(replicas=0).outputs
    assert alone["reader"] == alone["writer"] == "nautilus-prod-postgres.abc.us-east-1.rds.amazonaws.com"
    assert alone["port"] == 5432


def test_the_bound_group_forces_tls() -> None:
    stack = made(major=17)
    group = stack.one("rds.ParameterGroup")
    assert (group["name"], group["family"]) == ("nautilus-prod-postgres17", "postgres17")
    assert {"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"} in group["parameters"]
    assert {one["parameterGroupName"] for one in stack.all("rds.Instance")} == {"nautilus-prod-postgres17"}


def test_the_monitoring_role_is_for_rds_of_this_account() -> None:
    trust = json.loads(made().one("iam.Role")["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_events_reach_the_topic() -> None:
    one = made().one("rds.EventSubscription")
    assert one["sourceIds"] == ["nautilus-prod-postgres", "nautilus-prod-postgres-replica-1"]
    assert {"failover", "failure", "low storage", "deletion"} <= set(one["eventCategories"])
    assert one["eventCategories"] == sorted(one["eventCategories"])
    assert made(topic=False).all("rds.EventSubscription") == []


def test_instances_are_protected_until_the_stack_is_unlocked() -> None:
    assert protected(made()) == {"postgres-primary", "postgres-replica-1"}
    stack = made(unlocked=True, final_snapshot=False)
    assert protected(stack) == set()
    assert {one["deletionProtection"] for one in stack.all("rds.Instance")} == {False}
    assert primary(stack)["deleteAutomatedBackups"] is True
    assert primary(stack)["skipFinalSnapshot"] is True


def test_an_unlocked_stack_still_keeps_a_last_snapshot_unless_told_otherwise() -> None:
    assert primary(made(unlocked=True))["skipFinalSnapshot"] is False


def test_provisioned_iops_are_passed_on() -> None:
    assert primary(made(storage_gb=400, iops=13_000))["iops"] == 13_000


def test_what_rds_refuses_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="from 400 GiB"):
        made(iops=13_000)
    with pytest.raises(ValueError, match="two zones"):
        made(subnets=1)
