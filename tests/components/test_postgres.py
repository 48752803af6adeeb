"""RDS for PostgreSQL: encrypted, watched, protected, and replicated."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from infra.component import Component
from infra.components.database_proxy import ProxyWiring
from infra.components.postgres import REPLICA_IGNORES, Postgres, Snapshot, parameter_group, replica_args, timeouts
from infra.plan.postgres import Demand
from infra.settings import data
from tests.components.data import Secret, Stack, context, key, protected, synth

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/database-app-login-AbCdEf"
WIRING = ProxyWiring(group_id="sg-proxy", secret_arn=SECRET, secret_key_arn=key("secrets"), demand=Demand(2, 10, 10, 20))


def made(
    *,
    unlocked: bool = False,
    topic: bool = True,
    subnets: int = 3,
    proxy: ProxyWiring | None = None,
    snapshot: Snapshot | None = None,
    second_region: bool = False,
    **settings: Any,
) -> Stack:
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
            proxy=proxy,
            snapshot=snapshot,
            second_region=second_region,
        )
        return {
            "reader": postgres.reader_address,
            "writer": postgres.address,
            "replicas": postgres.replica_ids,
            "port": postgres.port,
            "proxy": postgres.proxy_address,
            "connect": postgres.connect_arn,
            "policy": postgres.connect_policy,
            "admin": postgres.managed_secret_arn,
        }

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
        "enabledCloudwatchLogsExports": ["iam-db-auth-error", "postgresql", "upgrade"],
        "allowMajorVersionUpgrade": False,
        "monitoringInterval": 60,
        "performanceInsightsEnabled": True,
        "performanceInsightsKmsKeyId": key("database"),
        "performanceInsightsRetentionPeriod": 7,
        "vpcSecurityGroupIds": ["sg-postgres"],
    }
    assert {name: one.inputs.get(name) for name in expected} == expected
    assert one["password"] == Secret("a-first-password")
    for unset in ("iops", "storageThroughput", "blueGreenUpdate", "manageMasterUserPassword", "snapshotIdentifier"):
        assert unset not in one.inputs


def test_aws_backup_rotation_and_autoscaling_are_left_alone() -> None:
    assert set(primary(made()).ignored) == {"password", "backupRetentionPeriod", "backupWindow", "snapshotIdentifier"}
    assert set(made().one("rds.Instance", "postgres-replica-1").ignored) == {"backupRetentionPeriod", "backupWindow"}


def test_log_groups_exist_before_rds_would_make_its_own() -> None:
    stack = made()
    assert {one["name"] for one in stack.all("cloudwatch.LogGroup")} == {
        f"/aws/rds/instance/nautilus-prod-postgres{suffix}/{kind}"
        for suffix in ("", "-replica-1")
        for kind in ("iam-db-auth-error", "postgresql", "upgrade")
    }
    for one in stack.all("cloudwatch.LogGroup"):
        assert (one["kmsKeyId"], one["retentionInDays"]) == (key("logs"), 365)
    assert {"postgres-iam-db-auth-error-log", "postgres-postgresql-log", "postgres-upgrade-log", "postgres-monitoring"} <= set(
        primary(stack).needs
    )
    replica = stack.one("rds.Instance", "postgres-replica-1")
    assert set(replica.needs) == {f"postgres-replica-1-{kind}-log" for kind in ("iam-db-auth-error", "postgresql", "upgrade")}


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
    # A replica in the second region takes the same role.
    assert trust["Condition"]["ArnLike"] == {
        "aws:SourceArn": ["arn:aws:rds:us-east-1:123456789012:db:*", "arn:aws:rds:us-west-2:123456789012:db:*"]
    }


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


def test_two_instances_one_after_the_other_never_share_the_name_of_their_last_snapshot() -> None:
    def keepers(stack: Stack) -> Any:
        return stack.one("index.RandomId")["keepers"]

    first = keepers(made())
    assert first == keepers(made(slow_query_ms=500)), "a change in place keeps the name"
    # Each of these makes RDS replace the instance, and each replacement leaves a snapshot behind.
    moved = Snapshot(identifier="takeover-of-june", key_arn=key("other"))
    for other in (made(database="other"), made(snapshot=moved)):
        assert keepers(other) != first


@pytest.mark.parametrize("given", [{}, {"storage_gb": 400, "iops": 13_000, "storage_throughput": 800}])
def test_replicas_stand_on_gp3_too(given: dict[str, Any]) -> None:
    # RDS's own choice for a replica that names IOPS is io1, which takes no throughput (RDS: CreateDBInstanceReadReplica).
    assert {one["storageType"] for one in made(**given).all("rds.Instance")} == {"gp3"}


def test_provisioned_iops_are_passed_on() -> None:
    assert primary(made(storage_gb=400, iops=13_000))["iops"] == 13_000


def test_what_rds_refuses_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="from 400 GiB"):
        made(iops=13_000)
    with pytest.raises(ValueError, match="two zones"):
        made(subnets=1)


def test_provisioned_throughput_is_passed_on_to_the_replica_too() -> None:
    stack = made(storage_gb=400, iops=13_000, storage_throughput=800)
    assert {(one["iops"], one["storageThroughput"]) for one in stack.all("rds.Instance")} == {(13_000, 800)}


def test_preloaded_libraries_reach_the_group() -> None:
    parameters = made(preload_libraries=["pgaudit"]).one("rds.ParameterGroup")["parameters"]
    assert {"name": "shared_preload_libraries", "value": "pg_stat_statements,pgaudit", "applyMethod": "pending-reboot"} in parameters


# --- major versions ---------------------------------------------------------------------------------------------------------


def test_a_major_upgrade_in_place_is_allowed_only_where_it_was_asked_for() -> None:
    stack = made(major_upgrade="in-place")
    one = primary(stack)
    assert one["allowMajorVersionUpgrade"] is True
    assert "blueGreenUpdate" not in one.inputs
    # Put off to the window, the `up` would end with replicas of the old version in a group of the new one.
    assert {each["applyImmediately"] for each in stack.all("rds.Instance")} == {True}


def test_other_changes_wait_for_the_maintenance_window() -> None:
    assert {each["applyImmediately"] for each in made().all("rds.Instance")} == {False}


def test_a_blue_green_upgrade_is_the_providers_with_a_log_for_it() -> None:
    def build() -> dict[str, Any]:
        Postgres(
            "postgres",
            context(),
            settings=data.Postgres(major_upgrade=data.MajorUpgrade.BLUE_GREEN, replicas=0, proxy=data.DatabaseProxy(enabled=False)),
            subnet_ids=["subnet-1", "subnet-2"],
            group_id="sg-postgres",
            key_arn=key("database"),
            log_key_arn=key("logs"),
            username="nautilus_admin",
            password="a-first-password",
        )
        return {}

    stack = synth(build)
    one = primary(stack)
    assert (one["blueGreenUpdate"], one["allowMajorVersionUpgrade"]) == ({"enabled": True}, True)
    assert {"name": "rds.logical_replication", "value": "1", "applyMethod": "pending-reboot"} in stack.one("rds.ParameterGroup")[
        "parameters"
    ]
    with pytest.raises(ValueError, match=r"excludes postgres\.replicas = 1"):
        made(major_upgrade="blue-green", replicas=1)


def test_the_provider_waits_longer_than_aws_needs() -> None:
    plain = timeouts(data.Postgres())
    assert (plain.create, plain.update, plain.delete) == ("3h", "6h", "3h")
    assert timeouts(data.Postgres(major_upgrade=data.MajorUpgrade.BLUE_GREEN)).update == "12h"


# --- managed password and snapshots -----------------------------------------------------------------------------------------


def test_a_managed_password_is_rds_own_and_no_other_is_given() -> None:
    stack = made(managed_password=True, replicas=0)
    assert stack.outputs["admin"] == "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1"
    assert made().outputs["admin"] is None
    one = primary(stack)
    assert one["manageMasterUserPassword"] is True
    assert one["masterUserSecretKmsKeyId"] == key("database")
    assert "password" not in one.inputs


def test_managed_password_with_a_replica_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="makes no read replica"):
        made(managed_password=True, replicas=1)
    with pytest.raises(ValueError, match="second region"):
        made(managed_password=True, replicas=0, second_region=True)


def test_a_primary_from_a_snapshot_keeps_the_snapshots_key_users_and_databases() -> None:
    one = primary(made(snapshot=Snapshot(identifier="nautilus-prod-takeover", key_arn=key("backup"))))
    assert (one["snapshotIdentifier"], one["kmsKeyId"]) == ("nautilus-prod-takeover", key("backup"))
    assert "dbName" not in one.inputs
    assert "username" not in one.inputs
    assert one["password"] == Secret("a-first-password"), "the old region's password opens nothing here"
    assert "snapshotIdentifier" in one.ignored


# --- a replica in another region --------------------------------------------------------------------------------------------


class Elsewhere(Component):
    """A component that makes a replica in another region."""

    token = "elsewhere"


def elsewhere(**changes: Any) -> Stack:
    settings = data.Postgres(major=17, instance_class="db.m7g.xlarge")

    def build() -> None:
        owner = Elsewhere("dr", context())
        group = parameter_group(owner, "dr-parameters", settings=settings, region="us-west-2")
        given: dict[str, Any] = {
            "identifier": "nautilus-prod-postgres-dr",
            "source": "arn:aws:rds:us-east-1:123456789012:db:nautilus-prod-postgres",
            "settings": settings,
            "group_id": "sg-dr",
            "parameter_group": group.name,
            "monitoring_role_arn": "arn:aws:iam::123456789012:role/monitoring",
            "insights_key_arn": key("database", region="us-west-2"),
            "region": "us-west-2",
            "key_arn": key("database", region="us-west-2"),
            "subnet_group": "dr",
            "multi_az": True,
            "instance_class": "db.r7g.large",
            **changes,
        }
        aws.rds.Instance("dr-replica", replica_args(owner.ctx, **given), opts=owner.stateful(ignore_changes=list(REPLICA_IGNORES)))

    return synth(build)


def test_a_replica_in_another_region_has_key_network_and_parameters_of_its_own() -> None:
    stack = elsewhere()
    one = stack.one("rds.Instance")
    assert (one["region"], one["kmsKeyId"], one["dbSubnetGroupName"]) == ("us-west-2", key("database", region="us-west-2"), "dr")
    assert (one["multiAz"], one["instanceClass"], one["storageEncrypted"]) == (True, "db.r7g.large", True)
    assert one["replicateSourceDb"].startswith("arn:aws:rds:us-east-1:")
    group = stack.one("rds.ParameterGroup")
    assert (group["region"], group["family"]) == ("us-west-2", "postgres17")
    assert protected(stack) == {"dr-replica"}


@pytest.mark.parametrize("lost", ["key_arn", "subnet_group", "region"])
def test_half_a_replica_in_another_region_is_refused(lost: str) -> None:
    with pytest.raises(ValueError, match="names region, key and subnet group"):
        elsewhere(**{lost: None})


# --- the proxy --------------------------------------------------------------------------------------------------------------


def test_without_a_proxy_there_is_nothing_to_connect_through() -> None:
    stack = made()
    assert stack.all("rds.Proxy") == []
    assert (stack.outputs["proxy"], stack.outputs["connect"], stack.outputs["policy"]) == (None, None, None)


def test_the_proxy_hangs_on_the_primary() -> None:
    stack = made(proxy=WIRING)
    assert stack.one("rds.Proxy").name == "postgres-proxy-proxy"
    assert stack.one("rds.ProxyTarget")["dbInstanceIdentifier"] == "nautilus-prod-postgres"
    assert json.loads(stack.outputs["policy"])["Statement"][0]["Resource"] == stack.outputs["connect"]
    assert protected(stack) == {"postgres-primary", "postgres-replica-1"}, "a proxy holds no data"
