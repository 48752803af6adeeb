"""The rollout hook, by payloads as ECS sends them, and its two AWS calls against moto and a stub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from infra.plan.rollout import GRACE_SECONDS, plan
from lambdas.rollout_hook import handler as hook

SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/apps/backend"
BLUE = "arn:aws:ecs:us-east-1:123456789012:service-revision/apps/backend/1"
GREEN = "arn:aws:ecs:us-east-1:123456789012:service-revision/apps/backend/2"
DEPLOYMENT = "arn:aws:ecs:us-east-1:123456789012:service-deployment/apps/backend/d1"
ROLLOUT = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
DETAILS: dict[str, Any] = {
    "holds": [{"percent": hold.percent, "seconds": hold.seconds} for hold in ROLLOUT.holds],
    "alarms": ["backend-errors", "backend-latency"],
    "grace_seconds": GRACE_SECONDS,
}


def payload(percent: float | None, details: Any = DETAILS, stage: str = hook.STAGE) -> dict[str, Any]:
    """An invocation; `percent` None leaves the weights empty, as ECS does at most stages."""
    return {
        "executionId": "a635edb5-a66b-4f44-bf3f-fcee4b3641a5",
        "lifecycleStage": stage,
        "resourceArn": DEPLOYMENT,
        "executionDetails": {
            "serviceArn": SERVICE,
            "targetServiceRevisionArn": GREEN,
            "testTrafficWeights": {},
            "productionTrafficWeights": {} if percent is None else {BLUE: 100 - percent, GREEN: percent},
        },
        "hookDetails": details,
    }


class World:
    """ECS and CloudWatch as the hook sees them; time passes as the hook asks."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.alarms = dict.fromkeys(DETAILS["alarms"], "OK")
        self.blind = False
        self.weight: float | None = None

    def states(self, names: tuple[str, ...]) -> Mapping[str, str]:
        if self.blind:
            raise hook.CannotSeeError("DescribeAlarms: throttled")
        return {name: state for name, state in self.alarms.items() if name in names}

    def deployed(self, deployment: str) -> float:
        assert deployment == DEPLOYMENT
        if self.weight is None:
            raise hook.CannotSeeError("DescribeServiceDeployments: throttled")
        return self.weight

    def call(self, event: Any) -> dict[str, Any]:
        return hook.decide(event, now=self.now, alarm_states=self.states, deployment_weight=self.deployed)

    def stage(self, percent: float | None, *, at_second: int | None = None, alarm: str = "") -> tuple[str, float]:
        """One stage until it ends: (final status, seconds it took). ECS hands back what IN_PROGRESS returned."""
        began, details = self.now, DETAILS
        for _ in range(1000):
            if at_second is not None and self.now - began >= at_second:
                self.alarms[alarm] = "ALARM"
            answer = self.call(payload(percent, details))
            if answer["hookStatus"] != "IN_PROGRESS":
                return answer["hookStatus"], self.now - began
            assert 1 <= answer["callBackDelay"] <= 30
            details = answer["hookDetails"]
            self.now += answer["callBackDelay"]
        raise AssertionError("the hook never ends")


@pytest.fixture
def world() -> World:
    return World()


def test_a_whole_rollout_holds_at_10_and_50_percent_and_nowhere_else(world: World) -> None:
    taken = {percent: world.stage(percent) for percent in range(0, 100, ROLLOUT.step_percent)}
    assert {percent: seconds for percent, (_, seconds) in taken.items() if seconds} == {10: 300, 50: 300}
    assert {status for status, _ in taken.values()} == {"SUCCEEDED"}


@pytest.mark.parametrize("percent", [10, 50])
@pytest.mark.parametrize("second", [0, 120, 290])
def test_an_alarm_during_a_hold_fails_the_rollout_at_the_next_look(world: World, percent: int, second: int) -> None:
    status, taken = world.stage(percent, at_second=second, alarm="backend-errors")
    assert status == "FAILED"
    assert second <= taken <= second + 30


def test_an_alarm_fails_the_rollout_between_holds_too(world: World) -> None:
    world.alarms["backend-latency"] = "ALARM"
    answer = world.call(payload(30))
    assert answer["hookStatus"] == "FAILED"
    assert "backend-latency" in answer["reason"]


def test_an_alarm_of_another_service_does_not_matter(world: World) -> None:
    world.alarms["frontend-errors"] = "ALARM"
    assert world.call(payload(20))["hookStatus"] == "SUCCEEDED"


def test_without_data_an_alarm_does_not_stop_a_rollout(world: World) -> None:
    world.alarms["backend-errors"] = "INSUFFICIENT_DATA"
    assert world.call(payload(20))["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize("percent", [10, 20])
def test_a_cloudwatch_that_does_not_answer_keeps_the_traffic_and_fails_after_the_bound(world: World, percent: int) -> None:
    world.blind = True
    status, taken = world.stage(percent)
    assert status == "FAILED"
    assert GRACE_SECONDS <= taken <= GRACE_SECONDS + 30


def test_an_outage_shorter_than_the_bound_is_survived_and_starts_the_hold_anew(world: World) -> None:
    world.blind = True
    first = world.call(payload(10))
    assert (first["hookStatus"], first["hookDetails"]["memory"]["blind_since"]) == ("IN_PROGRESS", world.now)
    world.blind, world.now = False, world.now + 200
    second = world.call(payload(10, first["hookDetails"]))
    assert second["hookStatus"] == "IN_PROGRESS"
    assert second["hookDetails"]["memory"] == {"deployment": DEPLOYMENT, "percent": 10.0, "since": world.now}


def test_an_outage_within_a_hold_does_not_lengthen_it_by_more_than_itself(world: World) -> None:
    began = world.now
    details = world.call(payload(10))["hookDetails"]
    world.now, world.blind = began + 60, True
    details = world.call(payload(10, details))["hookDetails"]
    world.now, world.blind = began + 120, False
    details = world.call(payload(10, details))["hookDetails"]
    assert details["memory"]["since"] == began
    world.now = began + 300
    assert world.call(payload(10, details))["hookStatus"] == "SUCCEEDED"


def test_an_alarm_that_does_not_exist_is_no_green_light(world: World) -> None:
    del world.alarms["backend-errors"]
    answer = world.call(payload(20))
    assert answer["hookStatus"] == "IN_PROGRESS"
    assert "backend-errors" in answer["reason"]
    assert world.stage(20)[0] == "FAILED"


def test_empty_weights_are_looked_up_at_ecs(world: World) -> None:
    world.weight = 50.0
    assert world.stage(None) == ("SUCCEEDED", 300)
    world.weight = 30.0
    assert world.stage(None) == ("SUCCEEDED", 0)


def test_weights_that_nobody_knows_fail_after_the_bound(world: World) -> None:
    status, taken = world.stage(None)
    assert status == "FAILED"
    assert taken >= GRACE_SECONDS


def test_the_memory_of_another_share_or_another_deployment_is_not_believed(world: World) -> None:
    for memory in (
        {"deployment": DEPLOYMENT, "percent": 10.0, "since": 0.0},
        {"deployment": "another", "percent": 50.0, "since": 0.0},
        {"deployment": DEPLOYMENT, "percent": 50.0, "since": "yesterday"},
        "nonsense",
    ):
        assert world.call(payload(50, {**DETAILS, "memory": memory}))["hookStatus"] == "IN_PROGRESS"


def test_a_clock_that_ran_backwards_does_not_lengthen_the_hold(world: World) -> None:
    ahead = {**DETAILS, "memory": {"deployment": DEPLOYMENT, "percent": 10.0, "since": world.now + 5000}}
    answer = world.call(payload(10, ahead))
    assert answer["hookDetails"]["memory"]["since"] == world.now


def test_details_arrive_as_json_text_too(world: World) -> None:
    answer = world.call(payload(10, json.dumps(DETAILS)))
    assert answer["hookStatus"] == "IN_PROGRESS"
    assert {key: answer["hookDetails"][key] for key in DETAILS} == DETAILS


@pytest.mark.parametrize("details", ["{", "[1]", {"holds": [{"percent": 10}]}, {"holds": 3}, {"alarms": "one"}, {"alarms": [""]}])
def test_orders_that_cannot_be_read_fail_the_rollout(world: World, details: Any) -> None:
    assert world.call(payload(10, details))["hookStatus"] == "FAILED"


def test_no_orders_mean_no_hold(world: World) -> None:
    world.weight = 10.0
    for details in (None, "", {}):
        assert world.call(payload(10, details))["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "stage",
    ["RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"],
)
def test_other_stages_pass_even_during_a_rollback_with_an_alarm_on(world: World, stage: str) -> None:
    world.alarms["backend-errors"] = "ALARM"
    assert world.call(payload(10, stage=stage))["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize("event", [None, [], {}, {"lifecycleStage": None}])
def test_a_payload_of_another_shape_does_not_crash(world: World, event: Any) -> None:
    assert world.call(event)["hookStatus"] == "SUCCEEDED"


def test_answers_are_json_that_ecs_understands(world: World) -> None:
    for percent in (0, 10):
        answer = json.loads(json.dumps(world.call(payload(percent))))
        assert answer["hookStatus"] in {"SUCCEEDED", "IN_PROGRESS", "FAILED"}


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(key, value)


@pytest.mark.usefixtures("_aws")
def test_alarm_states_come_from_cloudwatch_beyond_one_page() -> None:
    with mock_aws():
        client = boto3.client("cloudwatch")
        names = tuple(f"alarm-{number:03}" for number in range(130))
        for name in names:
            client.put_metric_alarm(
                AlarmName=name,
                Namespace="n",
                MetricName="m",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        client.set_alarm_state(AlarmName="alarm-129", StateValue="ALARM", StateReason="test")
        states = hook.alarm_states((*names, "unknown"))
        assert set(states) == set(names)
        assert [name for name, state in states.items() if state == "ALARM"] == ["alarm-129"]
        event = payload(20, {**DETAILS, "alarms": list(names)})
        assert hook.handler(event, None)["hookStatus"] == "FAILED"
        client.set_alarm_state(AlarmName="alarm-129", StateValue="OK", StateReason="test")
        assert hook.handler(event, None)["hookStatus"] == "SUCCEEDED"


@pytest.mark.usefixtures("_aws")
def test_a_refused_call_is_not_a_green_light(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("cloudwatch")
    monkeypatch.setattr(hook.boto3, "client", lambda *_, **__: client)
    with Stubber(client) as stub:
        stub.add_client_error("describe_alarms", "AccessDenied")
        answer = hook.handler(payload(20), None)
    assert answer["hookStatus"] == "IN_PROGRESS"
    assert "AccessDenied" in answer["reason"]


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (
            {"sourceServiceRevisions": [{"arn": BLUE}], "targetServiceRevision": {"arn": GREEN, "requestedProductionTrafficWeight": 10.0}},
            10.0,
        ),
        ({"sourceServiceRevisions": [], "targetServiceRevision": {"arn": GREEN}}, 0.0),
        ({"sourceServiceRevisions": [{"arn": BLUE}], "targetServiceRevision": {"arn": GREEN}}, None),
        (None, None),
    ],
    ids=["rollout", "first creation", "no weight", "unknown deployment"],
)
def test_weights_from_ecs(monkeypatch: pytest.MonkeyPatch, described: dict[str, Any] | None, expected: float | None) -> None:
    client = boto3.client("ecs")
    monkeypatch.setattr(hook.boto3, "client", lambda *_, **__: client)
    found = [] if described is None else [{"serviceDeploymentArn": DEPLOYMENT, **described}]
    with Stubber(client) as stub:
        stub.add_response("describe_service_deployments", {"serviceDeployments": found}, {"serviceDeploymentArns": [DEPLOYMENT]})
        if expected is None:
            with pytest.raises(hook.CannotSeeError):
                hook.deployment_weight(DEPLOYMENT)
        else:
            assert hook.deployment_weight(DEPLOYMENT) == expected
