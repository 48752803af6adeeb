"""The recurring operations: each a schedule with its owner, delivered to whoever does it, and nothing lost without a word."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.operations import Operations
from infra.components.schedule import Message, messages
from infra.plan.operations import OPERATIONS, Cadence, Kind
from infra.settings.schedules import Schedules
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth
from policies.testing import evaluate, simulated
from tests.components.data import context, key

KEY, LOGS = key("messaging"), key("logs")
SCHEDULE = "aws:scheduler/schedule:Schedule"


def made(emails: tuple[str, ...] = ("oncall@example.com",), **settings: Any) -> Recording[Any]:
    def program() -> dict[str, Any]:
        operations = Operations(
            "operations",
            context(),
            settings=Schedules.model_validate(settings),
            emails=emails,
            cluster="nautilus-prod-cluster",
            vault="nautilus-prod-backup",
            key_arn=KEY,
            log_key_arn=LOGS,
        )
        pulumi.export("queue", operations.queue.arn)
        pulumi.export("topic", operations.topic.arn)
        return {"alarms": operations.alarms(), "groups": operations.groups}

    return synth(program)


def schedules(recording: Recording[Any]) -> dict[str, Recorded]:
    return {one.name.removeprefix("operations-"): one for one in recording.by_type(SCHEDULE)}


def test_every_operation_of_the_seeds_is_a_schedule_in_the_group_of_its_cadence() -> None:
    recording = made()
    found = schedules(recording)
    assert sorted(found) == sorted(operation.key for operation in OPERATIONS)
    groups = {one.inputs["name"] for one in recording.by_type("aws:scheduler/scheduleGroup:ScheduleGroup")}
    assert groups == {f"nautilus-prod-{cadence}" for cadence in Cadence} == set(recording.result["groups"].values())
    for operation in OPERATIONS:
        one = found[operation.key].inputs
        assert one["groupName"] == f"nautilus-prod-{operation.cadence}"
        assert (one["scheduleExpression"], one["scheduleExpressionTimezone"], one["state"]) == (operation.when, operation.zone, "ENABLED")
        assert one["description"].startswith(f"{operation.owner}: ")
        assert json.loads(one["target"]["input"])["operation"] == operation.key


def test_machines_work_goes_to_the_queue_and_reminders_to_the_topic() -> None:
    recording = made()
    for operation in OPERATIONS:
        target = schedules(recording)[operation.key].inputs["target"]
        wanted = recording.exports["queue" if operation.kind is Kind.MACHINE else "topic"]
        assert target["arn"] == wanted
        assert target["deadLetterConfig"]["arn"] == f"{recording.exports['queue']}-dead"
        assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 20}


def test_the_schedules_role_may_send_and_nothing_else() -> None:
    recording = made()
    [document] = [
        json.loads(one.inputs["policy"]) for one in recording.by_type("aws:iam/rolePolicy:RolePolicy") if one.inputs["name"] == "send"
    ]
    allowed = {action for one in document["Statement"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    assert allowed == {"sqs:SendMessage", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}
    assert document["Statement"][0]["Resource"] == [recording.exports["queue"], f"{recording.exports['queue']}-dead"]
    [role] = [one for one in recording.by_type("aws:iam/role:Role") if one.name == "operations-send-role"]
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_reminders_reach_their_owners_and_everybody_else_gets_the_rest() -> None:
    recording = made(("a@example.com", "b@example.com"), owners={"security": "sec@example.com"})
    found = {
        one.inputs["endpoint"]: json.loads(one.inputs["filterPolicy"])["owner"]
        for one in recording.by_type("aws:sns/topicSubscription:TopicSubscription")
    }
    assert found == {
        "a@example.com": ["operations", "platform", "trading"],
        "b@example.com": ["operations", "platform", "trading"],
        "sec@example.com": ["security"],
    }
    assert {one.inputs["filterPolicyScope"] for one in recording.by_type("aws:sns/topicSubscription:TopicSubscription")} == {"MessageBody"}


def test_a_stack_switches_off_moves_and_hands_over() -> None:
    changes = {
        "daily-documentation": {"enabled": False},
        "weekly-training": {"cron": "cron(0 15 ? * FRI *)", "zone": "Europe/Berlin", "owner": "platform"},
    }
    found = schedules(made(changes=changes))
    assert "daily-documentation" not in found
    moved = found["weekly-training"].inputs
    assert (moved["scheduleExpression"], moved["scheduleExpressionTimezone"]) == ("cron(0 15 ? * FRI *)", "Europe/Berlin")
    assert json.loads(moved["target"]["input"])["owner"] == "platform"


def test_kinds_can_be_switched_off() -> None:
    people = made(machine=False)
    assert people.by_type("aws:lambda/function:Function") == []
    assert {OPERATION.key for OPERATION in OPERATIONS if OPERATION.kind is Kind.PEOPLE} == set(schedules(people))
    assert "operations-failing" not in {one.key for one in people.result["alarms"]}
    machines = made(people=False)
    assert len(schedules(machines)) == 2
    assert machines.by_type("aws:sns/topicSubscription:TopicSubscription") == []
    assert list(machines.result["groups"]) == [Cadence.DAILY]


def test_the_worker_takes_one_message_at_a_time_and_may_only_look() -> None:
    recording = made()
    [source] = recording.by_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert source.inputs["eventSourceArn"] == recording.exports["queue"]
    assert (source.inputs["batchSize"], source.inputs["functionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    [function] = recording.by_type("aws:lambda/function:Function")
    [queue] = [one for one in recording.by_type("aws:sqs/queue:Queue") if one.name == "operations"]
    assert queue.inputs["visibilityTimeoutSeconds"] >= 6 * function.inputs["timeout"]
    [document] = [
        json.loads(one.inputs["policy"]) for one in recording.by_type("aws:iam/rolePolicy:RolePolicy") if one.inputs["name"] == "run"
    ]
    allowed = {action for one in document["Statement"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    changing = ("Put", "Create", "Delete", "Update", "Start", "Stop", "Send")
    assert {action for action in allowed if action.split(":")[1].startswith(changing)} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:DeleteMessage",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


def test_alarms_know_how_many_operations_a_day_has() -> None:
    alarms = {one.key: one for one in made().result["alarms"]}
    daily = sum(operation.cadence is Cadence.DAILY for operation in OPERATIONS)
    assert alarms["schedules-daily-silent"].threshold == daily
    assert {key for key in alarms if key.endswith("-lost")} == {f"schedules-{cadence}-lost" for cadence in Cadence}
    assert alarms["operations-old"].threshold == 2 * 3600
    fewer = {one.key: one for one in made(changes={"daily-documentation": {"enabled": False}}, handledHours=1).result["alarms"]}
    assert (fewer["schedules-daily-silent"].threshold, fewer["operations-old"].threshold) == (daily - 1, 3600)


def test_a_message_for_nobody_and_a_long_description_are_refused() -> None:
    def build(**changes: Any) -> None:
        fields: dict[str, Any] = {"when": "rate(1 day)", "description": "d", "part": "p", "target": "t", "text": "{}", "group": "g"}

        def program() -> None:
            operations = Operations(
                "operations",
                context(),
                settings=Schedules(machine=False, people=False),
                emails=[],
                cluster="c",
                vault="v",
                key_arn=KEY,
                log_key_arn=LOGS,
            )
            messages(
                operations,
                Message(**{**fields, **changes}),
                targets={"t": "arn:aws:sqs:us-east-1:123456789012:t"},
                document="{}",
                dead_letter_arn="arn:aws:sqs:us-east-1:123456789012:d",
                purpose="p",
                patience_seconds=60,
                retries=0,
            )

        synth(program)

    with pytest.raises(Exception, match="no target 'x'"):
        build(target="x")
    with pytest.raises(Exception, match="513 characters"):
        build(description="d" * 513)


def test_the_policies_find_nothing() -> None:
    assert [str(one) for one in evaluate(simulated(made().resources), advice=True)] == []
