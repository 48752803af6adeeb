"""The worker on recurring operations: what it finds, what it reports, and that it never reports on nothing (moto, and a stub for AWS Backup)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.plan.operations import BY_KEY, Kind, message
from lambdas.operations import handler as worker

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
REGION = "us-east-1"
Client = Callable[[str], Any]


class Pages:
    """One call's answer, as a paginator gives it."""

    def __init__(self, key: str, rows: list[dict[str, Any]]) -> None:
        self.key, self.rows = key, rows

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield {self.key: self.rows}


class Backup:
    """AWS Backup: jobs by state, and recovery points."""

    def __init__(self, points: list[tuple[str, datetime, str]], jobs: dict[str, list[dict[str, str]]] | None = None) -> None:
        self.points, self.jobs = points, jobs or {}

    def get_paginator(self, call: str) -> Any:
        if call == "list_backup_jobs":
            outer = self

            class Jobs(Pages):
                def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
                    yield {self.key: outer.jobs.get(arguments["ByState"], [])}

            return Jobs("BackupJobs", [])
        rows = [{"ResourceArn": arn, "CreationDate": when, "Status": status} for arn, when, status in self.points]
        return Pages("RecoveryPoints", rows)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            return clients.setdefault(service, boto3.client(service, region_name=REGION))

        client("ecs").create_cluster(clusterName="nautilus-prod-cluster")
        yield client


@pytest.fixture
def stack(aws: Client) -> worker.Stack:
    topic = aws("sns").create_topic(Name="nautilus-prod-operations")["TopicArn"]
    return worker.Stack("prod", "nautilus-prod", "nautilus-prod-cluster", "nautilus-prod-backup", topic)


def alarm(aws: Client, name: str, state: str) -> None:
    aws("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    aws("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def test_health_sees_alarms_services_and_databases_of_its_own_stack(aws: Client, stack: worker.Stack) -> None:
    assert worker.system_health(stack, aws, NOW) == []
    alarm(aws, "nautilus-prod-api-down", "ALARM")
    alarm(aws, "nautilus-prod-fine", "OK")
    alarm(aws, "nautilus-staging-api-down", "ALARM")
    aws("ecs").register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 128}])
    aws("ecs").create_service(cluster=stack.cluster, serviceName="nautilus-prod-backend", taskDefinition="t", desiredCount=2)
    found = worker.system_health(stack, aws, NOW)
    assert len(found) == 2
    assert found[0].startswith("alarm nautilus-prod-api-down is on since ")
    assert found[1] == "service nautilus-prod-backend runs 0 of 2 tasks"


def backup(*points: tuple[str, float, str], jobs: dict[str, list[dict[str, str]]] | None = None) -> Client:
    made = Backup([(arn, NOW - timedelta(hours=hours), status) for arn, hours, status in points], jobs)
    return lambda _service: made


def test_backups_are_young_complete_and_did_not_fail(stack: worker.Stack) -> None:
    assert worker.backup_verification(stack, backup(("db", 5, "COMPLETED"), ("db", 29, "COMPLETED"), ("files", 26, "AVAILABLE")), NOW) == []


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (backup(("db", 27, "COMPLETED")), "db was last saved 2026-11-21 03:30 UTC, more than 26 hours ago"),
        (backup(("db", 27, "COMPLETED"), ("db", 2, "PARTIAL")), "db was last saved"),
        (backup(), "vault nautilus-prod-backup has no recovery point of the last 8 days"),
        (backup(("db", 1, "EXPIRED")), "has no recovery point"),
        (
            backup(("db", 1, "COMPLETED"), jobs={"FAILED": [{"ResourceArn": "db", "State": "FAILED", "StatusMessage": "no room"}]}),
            "backup of db ended FAILED: no room",
        ),
        (backup(("db", 1, "COMPLETED"), jobs={"EXPIRED": [{"State": "EXPIRED"}]}), "backup of something ended EXPIRED: no reason given"),
    ],
)
def test_a_backup_that_is_missing_is_named(stack: worker.Stack, client: Client, words: str) -> None:
    [found] = worker.backup_verification(stack, client, NOW)
    assert words in found


def test_the_machines_operations_are_exactly_those_that_the_worker_knows() -> None:
    assert set(worker.CHECKS) == {key for key, operation in BY_KEY.items() if operation.kind is Kind.MACHINE}


class Topic:
    """SNS, and what was published."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []

    def publish(self, **message: str) -> None:
        self.sent.append(message)


def test_a_report_carries_its_owner_so_that_it_becomes_their_mail(aws: Client, stack: worker.Stack) -> None:
    alarm(aws, "nautilus-prod-api-down", "ALARM")
    topic = Topic()
    body = message(BY_KEY["daily-system-health"], stack="prod")
    worker.work(body, stack, lambda service: topic if service == "sns" else aws(service), NOW)
    [sent] = topic.sent
    assert sent["TopicArn"] == stack.topic_arn
    assert sent["Subject"] == "prod: daily-system-health: 1 to look at"
    report = json.loads(sent["Message"])
    assert (report["owner"], report["passed"], len(report["found"])) == ("operations", False, 1)
    assert (report["looked"], report["page"]) == ("2026-11-22T06:30:00Z", "docs/runbooks/schedules.md")


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"operation": 3}', '{"operation": "weekly-training"}'])
def test_a_message_that_is_none_of_the_machines_is_refused(stack: worker.Stack, body: str) -> None:
    with pytest.raises(ValueError, match=r"operation|machine|property name|Expecting"):
        worker.work(body, stack, lambda _service: None, NOW)


def test_what_failed_comes_again_and_what_did_not_does_not(aws: Client, stack: worker.Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("STACK", "PREFIX", "CLUSTER", "VAULT", "TOPIC_ARN"), vars(stack).values(), strict=True):
        monkeypatch.setenv(name, value)
    good = {"messageId": "1", "body": message(BY_KEY["daily-system-health"], stack="prod")}
    bad = {"messageId": "2", "body": '{"operation": "nonsense"}'}
    assert worker.handler({"Records": [good, bad]}) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert worker.handler({"Records": [good]}) == {"batchItemFailures": []}
    monkeypatch.delenv("VAULT")
    with pytest.raises(ValueError, match="VAULT"):
        worker.handler({"Records": [good]})
