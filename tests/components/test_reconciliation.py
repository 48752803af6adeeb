"""The daily reconciliation: when it runs, as whom, and what becomes of a start that failed."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.cluster import Cluster
from infra.components.reconciliation import Reconciliation
from infra.plan import alarms
from infra.settings.jobs import Reconciliation as Settings
from infra.settings.workloads import Architecture
from nautilus.sandbox.simulation.mocks import Recording, synth
from tests.components.test_job import ACCOUNT, IMAGE, KEY, REGION, SECRET, TOPIC, context

NAMESPACE = "Nautilus/nautilus-prod"


def build(**settings: Any) -> Recording[Reconciliation]:
    def program() -> Reconciliation:
        ctx = context()
        made = Reconciliation(
            "reconciliation",
            ctx,
            settings=Settings(**settings),
            architecture=Architecture.ARM64,
            cluster=Cluster("cluster", ctx, log_key_arn=KEY),
            image=IMAGE,
            environment={"DATABASE_HOST": "db.example.com"},
            secrets={"DATABASE_PASSWORD": f"{SECRET}:password::"},
            secret_key_arn=KEY,
            queue_key_arn=KEY,
            subnet_ids=["subnet-0a1b2c3d4e5f60718"],
            group_id="sg-0a1b2c3d4e5f60718",
            log_key_arn=KEY,
            topic_arn=TOPIC,
        )
        pulumi.export("facts", made.facts)
        return made

    return synth(program, account=ACCOUNT)


def test_it_runs_every_day_after_the_close_in_the_venues_own_time() -> None:
    schedule = build().one("aws:scheduler/schedule:Schedule").inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("cron(15 17 * * ? *)", "America/New_York")
    assert schedule["state"] == "ENABLED"
    assert "Owner: trading" in schedule["description"]
    tokyo = build(at="08:05", zone="Asia/Tokyo").one("aws:scheduler/schedule:Schedule").inputs
    assert (tokyo["scheduleExpression"], tokyo["scheduleExpressionTimezone"]) == ("cron(5 8 * * ? *)", "Asia/Tokyo")


def test_it_runs_the_jobs_task_once_without_a_public_address() -> None:
    made = build()
    target = made.one("aws:scheduler/schedule:Schedule").inputs["target"]
    assert target["arn"] == made.one("aws:ecs/cluster:Cluster").outputs["arn"]
    assert target["ecsParameters"] == {
        "taskDefinitionArn": made.one("aws:ecs/taskDefinition:TaskDefinition").outputs["arn"],
        "taskCount": 1,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "networkConfiguration": {
            "subnets": ["subnet-0a1b2c3d4e5f60718"],
            "securityGroups": ["sg-0a1b2c3d4e5f60718"],
            "assignPublicIp": False,
        },
    }
    assert target["deadLetterConfig"] == {"arn": made.one("aws:sqs/queue:Queue").outputs["arn"]}
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 3}


def test_the_schedule_may_start_this_job_and_nothing_else() -> None:
    made = build()
    [role] = [one for one in made.by_type("aws:iam/role:Role") if one.name == "reconciliation-start-role"]
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert (trust["Principal"], trust["Condition"]) == (
        {"Service": "scheduler.amazonaws.com"},
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    )
    assert made.one("aws:scheduler/schedule:Schedule").inputs["target"]["roleArn"] == role.outputs["arn"]
    [document] = [one for one in made.by_type("aws:iam/rolePolicy:RolePolicy") if one.name == "reconciliation-start-policy"]
    statements = {one["Sid"]: one for one in json.loads(document.inputs["policy"])["Statement"]}
    assert set(statements) == {"RunJob", "HandRolesToTask", "FileLostStarts", "SealLostStarts"}
    assert statements["RunJob"]["Resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/nautilus-prod-reconciliation:*"
    assert statements["RunJob"]["Condition"] == {"ArnEquals": {"ecs:cluster": made.one("aws:ecs/cluster:Cluster").outputs["arn"]}}
    handed = [one.outputs["arn"] for one in made.by_type("aws:iam/role:Role") if one.name.startswith("reconciliation-task")]
    assert len(handed) == 2
    assert statements["HandRolesToTask"]["Resource"] == sorted(handed)
    assert statements["HandRolesToTask"]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert statements["FileLostStarts"]["Resource"] == made.one("aws:sqs/queue:Queue").outputs["arn"]


def test_a_start_that_was_given_up_is_kept_encrypted_and_raises_an_alarm() -> None:
    made = build()
    queue = made.one("aws:sqs/queue:Queue").inputs
    assert (queue["kmsMasterKeyId"], queue["messageRetentionSeconds"]) == (KEY, 1_209_600)
    statements = {one["Sid"]: one for one in json.loads(made.one("aws:sqs/queuePolicy:QueuePolicy").inputs["policy"])["Statement"]}
    assert {one["Effect"] for one in statements.values()} == {"Deny"}
    assert statements["RefuseClearText"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    found = {one.key: one for one in alarms.reconciliation_alarms(namespace=NAMESPACE, queue=queue["name"])}
    lost = found["reconciliation-not-started"]
    assert isinstance(lost.source, alarms.Metric)
    assert lost.source.dimensions == (("QueueName", "nautilus-prod-reconciliation-not-started"),)


def test_silence_is_noticed_after_a_day_with_an_hour_for_the_clocks() -> None:
    """On the day on which summer time ends, two runs are 25 hours apart; an alarm of CloudWatch looks back seven days at most."""
    found = {one.key: one for one in alarms.reconciliation_alarms(namespace=NAMESPACE, queue="q")}
    silent, breaks = found["reconciliation-silent"], found["reconciliation-breaks"]
    assert isinstance(silent.source, alarms.Metric)
    assert isinstance(breaks.source, alarms.Metric)
    assert 25 * 3600 < silent.source.period * silent.periods <= 7 * 86_400
    assert (silent.missing, silent.source.statistic) == (alarms.Missing.BREACHING, "SampleCount")
    assert (breaks.missing, breaks.source.statistic, breaks.threshold) == (alarms.Missing.NOT_BREACHING, "Maximum", 0)
    one = alarms.reconciliation_filter(log_group="/nautilus/prod/reconciliation", namespace=NAMESPACE)
    assert (one.metric, one.namespace, one.default) == (silent.source.name, NAMESPACE, None), "a line of zero is a sample, no line is none"
    assert breaks.source.name == one.metric
    assert {spec.severity for spec in found.values()} == {alarms.Severity.CRITICAL}


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "America/Gotham"},
        {"zone": "localtime"},
        {"zone": "America"},
        {"zone": "../etc/passwd"},
        {"at": "24:00"},
        {"at": "7:15"},
        {"command": []},
        {"command": ["two words"]},
        {"cpu": 300},
    ],
)
def test_what_aws_would_refuse_is_refused_by_the_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
