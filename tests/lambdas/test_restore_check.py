"""The judge of restore tests: moto where it knows the service; AWS Backup's restore jobs, which it does not, as a recorded client."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from infra.components.restore_testing import COMPARE_SECONDS
from lambdas.restore_check import handler as judge

PLAN = "arn:aws:backup:us-east-1:123456789012:restore-testing-plan:nautilus_test_snapshots-1"
BEGAN = datetime(2026, 3, 7, 6, 10, tzinfo=UTC)
SETTINGS = judge.Settings(
    "Nautilus/nautilus-test",
    frozenset({PLAN}),
    ("RDS", "EBS"),
    "nautilus-test-restore-compare",
    {"host": "live.example.com", "port": 5432, "database": "nautilus"},
)
GOOD = {"tables": 4, "rows": 116, "problems": [], "rpoSeconds": 12.0, "answerSeconds": 1.5}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def job(
    kind: str = "RDS", created: str = "arn:aws:rds:us-east-1:123456789012:db:awsbackup-restore-test-1", **changes: Any
) -> dict[str, Any]:
    return {
        "RestoreJobId": "job-1",
        "RecoveryPointArn": "arn:aws:rds:us-east-1:123456789012:snapshot:awsbackup:job-1",
        "RecoveryPointCreationDate": datetime(2026, 3, 7, 4, 0, tzinfo=UTC),
        "CreationDate": BEGAN,
        "CompletionDate": BEGAN + timedelta(minutes=21),
        "Status": "COMPLETED",
        "ResourceType": kind,
        "CreatedResourceArn": created,
        "CreatedBy": {"RestoreTestingPlanArn": PLAN},
    } | changes


class Lambda:
    """The comparing function: what it is asked, and what it answers."""

    def __init__(self, answer: dict[str, Any], error: str | None = None) -> None:
        self.answer, self.error, self.asked = answer, error, []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked.append((FunctionName, json.loads(Payload)))
        response: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return response | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def comparer(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    return use(monkeypatch, Lambda(dict(GOOD)))


def use(monkeypatch: pytest.MonkeyPatch, comparer: Lambda, backup: Any = None) -> Lambda:
    real = boto3.client

    def client(name: str, **options: Any) -> Any:
        if name == "lambda":
            return comparer
        return backup if name == "backup" and backup is not None else real(name, **options)

    monkeypatch.setattr(judge.boto3, "client", client)
    return comparer


def restored_instance(*, encrypted: bool = True, public: bool = False) -> None:
    boto3.client("rds").create_db_instance(
        DBInstanceIdentifier="awsbackup-restore-test-1",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="nautilus_admin",
        MasterUserPassword="unused-Password-1",
        StorageEncrypted=encrypted,
        PubliclyAccessible=public,
    )


def test_a_database_is_compared_as_of_its_snapshot(comparer: Lambda) -> None:
    restored_instance()
    outcome = judge.judge(job(), SETTINGS)
    assert (outcome.problems, outcome.words, outcome.rpo_seconds) == ((), "4 tables, 116 rows", 12.0)
    [(name, asked)] = comparer.asked
    assert name == "nautilus-test-restore-compare"
    assert asked["restored"]["host"].startswith("awsbackup-restore-test-1.")
    assert asked["live"] == {"host": "live.example.com", "port": 5432}
    assert (asked["database"], asked["reference"]) == ("nautilus", "2026-03-07T04:00:00+00:00")


def test_a_restore_from_the_log_is_compared_as_of_its_start() -> None:
    point = "arn:aws:backup:us-east-1:123456789012:recovery-point:continuous:db-ABC-0a1b2c3d"
    assert judge.reference(job(RecoveryPointArn=point)) == BEGAN
    assert judge.reference(job()) == datetime(2026, 3, 7, 4, 0, tzinfo=UTC)


def test_a_comparison_of_many_minutes_is_asked_once_over_a_line_that_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, Any]] = []
    plain = boto3.client

    def client(service: str, **options: Any) -> Any:
        made.append((service, options.get("config")))
        return Lambda(GOOD) if service == "lambda" else plain(service, **options)

    monkeypatch.setattr(judge.boto3, "client", client)
    restored_instance()
    assert judge.check_database(job(), SETTINGS).problems == ()
    [config] = [config for service, config in made if service == "lambda"]
    assert config.tcp_keepalive is True
    # Repeated, it would count two databases twice; given up, it would call a good backup bad.
    assert config.retries == {"total_max_attempts": 1}
    assert config.read_timeout >= COMPARE_SECONDS


def test_what_the_comparison_finds_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    restored_instance(encrypted=False, public=True)
    use(monkeypatch, Lambda(GOOD | {"problems": ["public.orders has 1 of 100 rows"]}))
    assert judge.judge(job(), SETTINGS).problems == (
        "the restored instance is not encrypted",
        "the restored instance has a public address",
        "public.orders has 1 of 100 rows",
    )
    use(monkeypatch, Lambda({"errorType": "Sandbox.Timedout"}, "Unhandled"))
    assert judge.judge(job(), SETTINGS).problems[-1] == "the comparison itself failed: Sandbox.Timedout"


def test_volumes() -> None:
    ec2 = boto3.client("ec2")
    ids = [ec2.create_volume(AvailabilityZone="us-east-1a", Size=10, Encrypted=encrypted)["VolumeId"] for encrypted in (True, False)]
    arns = [f"arn:aws:ec2:us-east-1:123456789012:volume/{one}" for one in ids]
    assert judge.judge(job("EBS", arns[0]), SETTINGS) == judge.Outcome((), "10 GiB")
    assert judge.judge(job("EBS", arns[1]), SETTINGS).problems == ("the restored volume is not encrypted",)


def test_file_systems() -> None:
    efs = boto3.client("efs")
    made = [efs.create_file_system(CreationToken=str(encrypted), Encrypted=encrypted)["FileSystemId"] for encrypted in (True, False)]
    arns = [f"arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/{one}" for one in made]
    assert judge.judge(job("EFS", arns[0]), SETTINGS).problems == ()
    assert judge.judge(job("EFS", arns[1]), SETTINGS).problems == ("the restored file system is not encrypted",)


def test_tables() -> None:
    dynamodb = boto3.client("dynamodb")
    name = "awsbackup-restore-test-leases"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "lease", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lease", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName=name, Item={"lease": {"S": "engine"}})
    outcome = judge.judge(job("DynamoDB", f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"), SETTINGS)
    assert (outcome.problems, outcome.words) == ((), "1 items on the first page")


def test_what_did_not_restore_or_nobody_knows() -> None:
    failed = job(Status="FAILED", StatusMessage="no subnet group", CompletionDate=None)
    outcome = judge.judge(failed, SETTINGS)
    assert outcome.problems == ("the restore ended FAILED: no subnet group",)
    assert judge.measures(failed, outcome) == {"RestoreChecked": (1.0, "Count"), "RestoreFailed": (1.0, "Count")}
    assert judge.judge(job("FSx"), SETTINGS).problems == ("nobody knows how to check a restored FSx",)


def test_rto_is_until_the_first_answer() -> None:
    values = judge.measures(job(), judge.Outcome((), "x", answer_seconds=2.5, rpo_seconds=12.0))
    assert values["RestoreRto"] == (21 * 60 + 2.5, "Seconds")
    assert values["RestoreRpo"] == (12.0, "Seconds")
    assert values["RestoreFailed"] == (0.0, "Count")
    assert "RestoreRpo" not in judge.measures(job(), judge.Outcome((), "x"))


def stubbed(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> tuple[Stubber, Lambda]:
    """AWS Backup's own model checks what is sent and what comes back."""
    client = boto3.client("backup")
    stub = Stubber(client)
    stub.add_response("describe_restore_job", found, {"RestoreJobId": "job-1"})
    comparer = use(monkeypatch, Lambda(dict(GOOD)), client)
    return stub, comparer


def published() -> dict[str, list[float]]:
    metrics = boto3.client("cloudwatch").list_metrics(Namespace="Nautilus/nautilus-test")["Metrics"]
    return {f"{one['MetricName']}{len(one['Dimensions'])}": [] for one in metrics}


def test_a_good_restore_is_reported_to_aws_backup_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    restored_instance()
    stub, _ = stubbed(monkeypatch, job())
    expected = {"RestoreJobId": "job-1", "ValidationStatus": "SUCCESSFUL", "ValidationStatusMessage": "opened: 4 tables, 116 rows"}
    stub.add_response("put_restore_validation_result", {}, expected)
    with stub:
        answer = judge.on_job("job-1", SETTINGS)
    stub.assert_no_pending_responses()
    assert answer["judged"]
    assert answer["values"] == {"RestoreChecked": 1.0, "RestoreFailed": 0.0, "RestoreRto": 1261.5, "RestoreRpo": 12.0}
    assert {"RestoreRto0", "RestoreRto1", "RestoreRpo0", "RestoreFailed0", "RestoreChecked0"} <= set(published())


def test_a_bad_restore_is_reported_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    restored_instance()
    stub, comparer = stubbed(monkeypatch, job())
    comparer.answer["problems"] = ["public.orders is missing; it had 100 rows", "x" * 2000]
    message = ("public.orders is missing; it had 100 rows; " + "x" * 2000)[:1000]
    expected = {"RestoreJobId": "job-1", "ValidationStatus": "FAILED", "ValidationStatusMessage": message}
    stub.add_response("put_restore_validation_result", {}, expected)
    with stub:
        assert judge.on_job("job-1", SETTINGS)["values"]["RestoreFailed"] == 1.0
    stub.assert_no_pending_responses()


def test_a_restore_that_failed_is_measured_but_not_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = job(Status="FAILED", StatusMessage="no space")
    stub, _ = stubbed(monkeypatch, found)
    with stub:
        assert judge.on_job("job-1", SETTINGS)["problems"] == ["the restore ended FAILED: no space"]
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"CreatedBy": {"RestoreTestingPlanArn": "arn:aws:backup:us-east-1:123456789012:restore-testing-plan:another"}},
            "not one of this stack's",
        ),
        ({"CreatedBy": {}}, "not one of this stack's"),
        ({"ValidationStatus": "SUCCESSFUL"}, "judged before"),
    ],
)
def test_a_restore_of_somebody_else_or_a_repeated_event_is_left_alone(monkeypatch: pytest.MonkeyPatch, changes: Any, why: str) -> None:
    stub, comparer = stubbed(monkeypatch, job(**changes))
    with stub:
        answer = judge.on_job("job-1", SETTINGS)
    assert not answer["judged"]
    assert answer["why"].startswith(why)
    assert (comparer.asked, published()) == ([], {})


class Jobs:
    """AWS Backup's list of restore jobs, page by page."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = pages, {}

    def get_paginator(self, name: str) -> Jobs:
        assert name == "list_restore_jobs"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"RestoreJobs": page} for page in self.pages]


def proof(kind: str, days: float, now: datetime, **changes: Any) -> dict[str, Any]:
    return job(kind, CompletionDate=now - timedelta(days=days), ValidationStatus="SUCCESSFUL") | changes


def test_the_age_of_the_oldest_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    assert boto3.client("backup").can_paginate("list_restore_jobs")
    now = datetime(2026, 3, 10, tzinfo=UTC)
    jobs = Jobs(
        [proof("RDS", 3, now), proof("RDS", 10, now), proof("EBS", 9, now)],
        [proof("EBS", 1, now, ValidationStatus="FAILED"), proof("EBS", 1, now, CreatedBy={}), proof("EFS", 1, now)],
    )
    use(monkeypatch, Lambda({}), jobs)
    assert judge.age_days(SETTINGS, now) == {"RDS": 3.0, "EBS": 9.0}
    assert jobs.asked == {"ByStatus": "COMPLETED", "ByCreatedAfter": now - timedelta(days=60)}
    use(monkeypatch, Lambda({}), Jobs([proof("RDS", 3, now)]))
    assert judge.age_days(SETTINGS, now) == {"RDS": 3.0, "EBS": 60.0}, "what has never been proved counts as old"


ENVIRONMENT = {
    "NAMESPACE": "Nautilus/nautilus-test",
    "PLANS": json.dumps([PLAN]),
    "TYPES": '["RDS", "EBS"]',
    "COMPARE": "nautilus-test-restore-compare",
    "LIVE": '{"host": "live.example.com", "port": 5432, "database": "nautilus"}',
}


def test_the_handler_knows_its_two_events(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert judge.Settings.read(ENVIRONMENT) == SETTINGS
    use(monkeypatch, Lambda({}), Jobs([]))
    assert judge.handler({"kind": "age"}) == {"ageDays": {"RDS": 60.0, "EBS": 60.0}}
    assert set(published()) == {"RestoreAgeDays0"}
    monkeypatch.setattr(judge, "on_job", lambda job_id, settings: {"job": job_id, "same": settings == SETTINGS})
    assert judge.handler({"detail": {"restoreJobId": "job-9", "status": "COMPLETED"}}) == {"job": "job-9", "same": True}


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        judge.Settings.read({key: value for key, value in ENVIRONMENT.items() if key != name})
