"""Restore tests: what is restored when, with what, and who judges it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.component import Context
from infra.components.function import Placement
from infra.components.restore_testing import Database, RestoreTesting
from infra.plan.rds_authorities import authority
from infra.settings import data
from nautilus.sandbox.simulation.mocks import Recording, synth
from tests.components.data import context

POSTGRES = "arn:aws:rds:us-east-1:123456789012:db:nautilus-prod-postgres"
LEASES = "arn:aws:dynamodb:us-east-1:123456789012:table/nautilus-prod-leases"
VOLUMES = {f"timescale-{index}": f"arn:aws:ec2:us-east-1:123456789012:volume/vol-{index:017x}" for index in range(3)}
FILES = "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-0123456789abcdef0"
VAULT = "arn:aws:backup:us-east-1:123456789012:backup-vault:nautilus-prod-backup"
ROLE = "arn:aws:iam::123456789012:role/nautilus-prod-backup"
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
NAMESPACE = "Nautilus/nautilus-prod"
ALL: dict[Any, dict[str, str]] = {"RDS": {"postgres": POSTGRES}, "DynamoDB": {"leases": LEASES}, "EBS": VOLUMES, "EFS": {"files": FILES}}

PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
SELECTION = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
FUNCTION = "aws:lambda/function:Function"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"


def database(**changes: Any) -> Database:
    given: dict[str, Any] = {
        "name": "nautilus",
        "host": "live.example.com",
        "port": 5432,
        "subnet_group_name": "nautilus-prod-postgres",
        "group_id": "sg-0123456789abcdef0",
        "instance_class": "db.m7g.large",
    }
    return Database(**{**given, **changes})


def made(*, resources: Any = None, place: Database | None = None, ctx: Context | None = None, **settings: Any) -> Recording[RestoreTesting]:
    return synth(
        lambda: RestoreTesting(
            "restore-testing",
            ctx or context(),
            settings=data.RestoreTest(**settings),
            vault_arn=VAULT,
            role_arn=ROLE,
            resource_arns=ALL if resources is None else resources,
            database=place or database(),
            placement=Placement(subnet_ids=["subnet-0123456789abcdef0"], group_id="sg-0fedcba9876543210"),
            namespace=NAMESPACE,
            log_key_arn=KEY,
        )
    )


def document(recording: Recording[RestoreTesting], name: str) -> dict[str, dict[str, Any]]:
    policy = recording.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"]
    return {one["Sid"]: one for one in json.loads(policy)["Statement"]}


def test_two_tests_a_week_of_the_newest_points_in_the_vault() -> None:
    found = made()
    plans = {one.name: one.inputs for one in found.by_type(PLAN)}
    assert {name: (one["scheduleExpression"], one["recoveryPointSelection"]["recoveryPointTypes"]) for name, one in plans.items()} == {
        "restore-testing-snapshots": ("cron(0 6 ? * SAT *)", ["SNAPSHOT"]),
        "restore-testing-log": ("cron(0 9 ? * SAT *)", ["CONTINUOUS"]),
    }
    for one in plans.values():
        assert one["recoveryPointSelection"]["includeVaults"] == [VAULT]
        assert one["recoveryPointSelection"]["algorithm"] == "LATEST_WITHIN_WINDOW"
        assert one["startWindowHours"] == 1


def test_everything_that_is_backed_up_is_restored() -> None:
    found = made(keep_hours=6)
    selections = {one.name: one.inputs for one in found.by_type(SELECTION)}
    assert {name: (one["protectedResourceType"], one["protectedResourceArns"]) for name, one in selections.items()} == {
        "restore-testing-snapshots-rds": ("RDS", [POSTGRES]),
        "restore-testing-snapshots-dynamodb": ("DynamoDB", [LEASES]),
        "restore-testing-snapshots-ebs": ("EBS", sorted(VOLUMES.values())),
        "restore-testing-snapshots-efs": ("EFS", [FILES]),
        "restore-testing-log-rds": ("RDS", [POSTGRES]),
    }
    assert {one["validationWindowHours"] for one in selections.values()} == {6}
    assert {one["iamRoleArn"] for one in selections.values()} == {ROLE}
    fewer = made(resources={"RDS": {"postgres": POSTGRES}, "EBS": {}})
    assert len(fewer.by_type(SELECTION)) == 2
    assert fewer.one(FUNCTION, "restore-testing-function").inputs["environment"]["variables"]["TYPES"] == '["RDS"]'


def test_the_copy_stands_where_it_can_be_reached_and_nowhere_else() -> None:
    found = made()
    for name in ("snapshots", "log"):
        overrides = found.one(SELECTION, f"restore-testing-{name}-rds").inputs["restoreMetadataOverrides"]
        assert overrides == {
            "dbInstanceClass": "db.m7g.large",
            "dbSubnetGroupName": "nautilus-prod-postgres",
            "enableIamDatabaseAuthentication": "true",
            "multiAz": "false",
            "publiclyAccessible": "false",
            "vpcSecurityGroupIds": '["sg-0123456789abcdef0"]',
        }
    assert "restoreMetadataOverrides" not in found.one(SELECTION, "restore-testing-snapshots-ebs").inputs


def test_the_judge_stands_outside_and_the_comparison_in_the_vpc() -> None:
    found = made(missing_rows_percent=2.5)
    judge, compare = found.one(FUNCTION, "restore-testing-function").inputs, found.one(FUNCTION, "restore-testing-compare-function").inputs
    assert "vpcConfig" not in judge
    assert compare["vpcConfig"]["subnetIds"] == ["subnet-0123456789abcdef0"]
    assert compare["vpcConfig"]["securityGroupIds"] == ["sg-0fedcba9876543210"]
    assert compare["timeout"] < judge["timeout"] <= 900
    assert compare["environment"]["variables"] == {
        "CA": authority("us-east-1"),
        "DATABASE_USER": "nautilus_restore",
        "MISSING_ROWS_PERCENT": "2.5",
    }
    variables = judge["environment"]["variables"]
    assert variables["COMPARE"] == compare["name"] == found.result.compare.function_name
    assert json.loads(variables["LIVE"]) == {"host": "live.example.com", "port": 5432, "database": "nautilus"}
    assert json.loads(variables["PLANS"]) == [
        one.outputs["arn"] for one in sorted(found.by_type(PLAN), key=lambda one: one.name, reverse=True)
    ]
    assert (variables["NAMESPACE"], json.loads(variables["TYPES"])) == (NAMESPACE, ["DynamoDB", "EBS", "EFS", "RDS"])
    assert document(found, "restore-testing-compare-policy")["ReadDatabases"]["Resource"].endswith("dbuser:*/nautilus_restore")


def test_neither_may_change_anything() -> None:
    found = made()
    compare, judge = document(found, "restore-testing-compare-policy"), document(found, "restore-testing-policy")
    assert compare["ReadDatabases"]["Resource"] == "arn:aws:rds-db:us-east-1:123456789012:dbuser:*/nautilus_restore"
    assert compare.keys() == {"ReadDatabases", "WriteLogs", "WriteTraces"}
    assert judge["Compare"]["Resource"] == found.one(FUNCTION, "restore-testing-compare-function").outputs["arn"]
    assert judge["SeeInstances"]["Resource"].endswith(":db:awsbackup-restore-test-*")
    assert judge["ReadTables"]["Resource"].endswith(":table/awsbackup-restore-test-*"), "live tables are closed to it"
    assert judge["WriteMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
    verbs = {
        action.partition(":")[2]
        for one in judge.values()
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    assert {verb for verb in verbs if not verb.startswith(("Describe", "List", "Scan", "Put", "Create", "Invoke"))} == set()
    assert {verb for verb in verbs if verb.startswith(("Put", "Create"))} == {
        "CreateLogStream",
        "PutLogEvents",
        "PutMetricData",
        "PutRestoreValidationResult",
        "PutTelemetryRecords",
        "PutTraceSegments",
    }


def test_the_end_of_a_restore_and_the_clock_wake_the_judge() -> None:
    found = made()
    function = found.one(FUNCTION, "restore-testing-function")
    ended, age = (found.one(RULE, f"restore-testing-{key}").inputs for key in ("ended", "age"))
    pattern = json.loads(ended["eventPattern"])
    assert pattern["detail-type"] == ["Restore Job State Change"]
    assert set(pattern["detail"]["status"]) == {"ABORTED", "COMPLETED", "FAILED"}
    assert age["scheduleExpression"] == "rate(6 hours)"
    assert json.loads(found.one(TARGET, "restore-testing-age").inputs["input"]) == {"kind": "age"}
    for key in ("ended", "age"):
        assert found.one(TARGET, f"restore-testing-{key}").inputs["arn"] == function.outputs["arn"]
        allowed = found.one("aws:lambda/permission:Permission", f"restore-testing-{key}").inputs
        assert (allowed["principal"], allowed["sourceArn"]) == (
            "events.amazonaws.com",
            found.one(RULE, f"restore-testing-{key}").outputs["arn"],
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"resources": {"EBS": VOLUMES}}, "no database to restore"),
        ({"resources": {"RDS": {f"db-{n}": POSTGRES for n in range(31)}}}, "31 resources of RDS"),
        ({"weekday": "SUN", "start_hours": 3}, "the test of snapshots starts Sun 03:00"),
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made(**change)
