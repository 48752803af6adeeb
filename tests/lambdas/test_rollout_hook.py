"""The rollout hook, by payloads as ECS sends them, stage by stage, and its calls to AWS against moto and stubs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from infra.components.rollout_hook import SECONDS
from infra.plan.rollout import GRACE_SECONDS, PAUSE_SECONDS, SMOKE_SECONDS, SmokeTarget, hook_details, orders, plan
from infra.settings.trading import Trading, TradingMode, VenueHours
from infra.settings.workloads import BackendRollout, MigrationGate, Rollout
from lambdas.rollout_hook import handler as hook
from lambdas.rollout_hook import world as worlds
from lambdas.rollout_hook.orders import Smoke
from lambdas.rollout_hook.stages import STAGES as HOOKED
from nautilus.runtime.smoke import Check, Report
from tests.lambdas.ecs_controller import ARN, STAGES, Controller, Scene

ROLLOUT = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
PARAMETERS = "/nautilus/prod/rollouts/backend"
MIGRATION = "/nautilus/prod/migrations/backend"
TARGET = SmokeTarget(load_balancer="nautilus-prod-balancer", port=8443, host="trading.example.com", health_path="/health", json_health=True)
LIVE = Trading(mode=TradingMode.LIVE, acknowledge_live_trading="orders from this stack move real money")
SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONDAY_IN_SESSION = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
MONDAY_JUST_BEFORE = datetime(2026, 11, 23, 14, 10, tzinfo=UTC)


def told(settings: Rollout | None = None, trading: Trading = LIVE) -> dict[str, Any]:
    """`hookDetails` as the program writes them."""
    made = orders(
        settings or BackendRollout(),
        trading,
        ROLLOUT,
        service="backend",
        parameters=PARAMETERS,
        migration=MIGRATION,
        listener=TARGET,
    )
    return json.loads(hook_details(ROLLOUT, alarms=["backend-errors", "backend-latency"], told=made))


DETAILS = told()


def scene(now: datetime = SATURDAY) -> Scene:
    return Scene(now.timestamp(), dict.fromkeys(DETAILS["alarms"], "OK"))


def at(world: Scene, stage: str, *, details: Any = None, percent: float | None = None, **more: Any) -> dict[str, Any]:
    """One call of the hook."""
    one = Controller(ROLLOUT, DETAILS, world, weights_in_payload=percent is not None, **more)
    one.percent = percent or 0.0
    return world.call(one.payload(stage, DETAILS if details is None else details))


def until_the_end(world: Scene, stage: str, **more: Any) -> tuple[str, float, str]:
    """One stage until it ends: (final status, seconds it took, reason). ECS hands back what IN_PROGRESS returned."""
    began, details = world.now, more.pop("details", DETAILS)
    for _ in range(1000):
        answer = at(world, stage, details=details, **more)
        if answer["hookStatus"] != "IN_PROGRESS":
            return answer["hookStatus"], world.now - began, answer["reason"]
        assert 1 <= answer["callBackDelay"] <= 30
        details = answer["hookDetails"]
        world.now += answer["callBackDelay"]
    raise AssertionError("the hook never ends")


def record(**fields: Any) -> str:
    return json.dumps(fields)


# --- PRE_SCALE_UP: trading hours ------------------------------------------------------------------------------------------------


def test_outside_of_sessions_a_deployment_starts() -> None:
    assert at(scene(), "PRE_SCALE_UP")["hookStatus"] == "SUCCEEDED"


def test_in_session_it_is_refused_with_venue_end_and_way_out() -> None:
    answer = at(scene(MONDAY_IN_SESSION), "PRE_SCALE_UP")
    assert answer["hookStatus"] == "FAILED"
    for part in ("nyse", "21:00 UTC", "possible again from 2026-11-23 21:00 UTC", f"{PARAMETERS}/override"):
        assert part in answer["reason"]


def test_a_deployment_that_would_reach_into_the_next_session_is_refused_too() -> None:
    assert at(scene(MONDAY_JUST_BEFORE), "PRE_SCALE_UP")["hookStatus"] == "FAILED"
    assert at(scene(MONDAY_JUST_BEFORE - timedelta(minutes=10)), "PRE_SCALE_UP")["hookStatus"] == "SUCCEEDED"


def test_a_holiday_is_no_session() -> None:
    thanksgiving = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
    assert at(scene(thanksgiving), "PRE_SCALE_UP")["hookStatus"] == "SUCCEEDED"


def test_paper_stacks_and_a_guard_that_is_off_do_not_refuse() -> None:
    for trading in (Trading(), LIVE.model_copy(update={"deploy_guard": "off"})):
        assert at(scene(MONDAY_IN_SESSION), "PRE_SCALE_UP", details=told(trading=trading))["hookStatus"] == "SUCCEEDED"


def test_a_venue_that_never_closes_leaves_the_maintenance_window_unless_the_service_heeds_sessions_alone() -> None:
    crypto = LIVE.model_copy(update={"venues": {"binance": VenueHours.ALWAYS}})
    strict = told(trading=crypto)
    assert at(scene(), "PRE_SCALE_UP", details=strict)["hookStatus"] == "FAILED"
    assert "2026-11-22 02:00" in at(scene(), "PRE_SCALE_UP", details=strict)["reason"]
    assert at(scene(datetime(2026, 11, 22, 2, 0, tzinfo=UTC)), "PRE_SCALE_UP", details=strict)["hookStatus"] == "SUCCEEDED"
    assert at(scene(datetime(2026, 11, 22, 3, 50, tzinfo=UTC)), "PRE_SCALE_UP", details=strict)["hookStatus"] == "FAILED"
    lenient = told(BackendRollout.model_validate({"guard": "sessions"}), crypto)
    assert at(scene(), "PRE_SCALE_UP", details=lenient)["hookStatus"] == "SUCCEEDED"


def test_a_first_creation_is_never_refused_for_the_session() -> None:
    assert at(scene(MONDAY_IN_SESSION), "PRE_SCALE_UP", first=True)["hookStatus"] == "SUCCEEDED"


def test_a_rollback_is_never_kept_back() -> None:
    world = scene(MONDAY_IN_SESSION)
    world.parameters[MIGRATION] = record(digest="sha256:new", status="failed")
    assert at(world, "PRE_SCALE_UP", status="ROLLBACK_IN_PROGRESS")["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("value", "let_through"),
    [
        (record(who="ada", why="login broken", until="2026-11-23T15:30:00+00:00"), True),
        (record(who="ada", why="login broken", until="2026-11-23T16:30:00+01:00"), True),
        (record(who="ada", why="login broken", until="2026-11-23T15:00:00+00:00"), False),
        (record(who="ada", why="login broken", until="2026-11-23T17:00:00+00:00"), False),
        (record(who="ada", why="login broken", until="2026-11-23T15:30:00"), False),
        (record(who="ada", why=" ", until="2026-11-23T15:30:00+00:00"), False),
        (record(why="login broken", until="2026-11-23T15:30:00+00:00"), False),
        (record(who="ada", why="login broken", until="soon"), False),
        ("yes", False),
        ("[]", False),
    ],
)
def test_an_override_lets_through_for_an_hour_at_most_and_an_unreadable_one_is_none(
    value: str, let_through: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = scene(MONDAY_IN_SESSION)
    world.parameters[f"{PARAMETERS}/override"] = value
    assert at(world, "PRE_SCALE_UP")["hookStatus"] == ("SUCCEEDED" if let_through else "FAILED")
    assert any("OVERRIDE" in line and "ada" in line and "login broken" in line for line in caplog.messages) is let_through


def test_a_calendar_that_cannot_be_read_refuses() -> None:
    for calendar in ({}, {"venues": [{"name": "x", "zone": "Mars/Olympus"}], "window": DETAILS["guard"]["calendar"]["window"]}, None):
        answer = at(scene(), "PRE_SCALE_UP", details={**DETAILS, "guard": {"mode": "refuse", "minutes": 25, "calendar": calendar}})
        assert answer["hookStatus"] == "FAILED"
        assert "cannot be read" in answer["reason"]


def test_an_ecs_that_does_not_answer_in_session_is_waited_for_and_then_refused() -> None:
    world = scene(MONDAY_IN_SESSION)
    world.blind = True
    status, taken, reason = until_the_end(world, "PRE_SCALE_UP")
    assert status == "FAILED"
    assert GRACE_SECONDS <= taken <= GRACE_SECONDS + 30
    assert "could not see" in reason


# --- PRE_SCALE_UP: migrations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "value", "status"),
    [
        (MigrationGate.CHECKED, None, "SUCCEEDED"),
        (MigrationGate.CHECKED, record(digest="sha256:new", status="checked"), "SUCCEEDED"),
        (MigrationGate.CHECKED, record(digest="sha256:new", status="executed"), "SUCCEEDED"),
        (MigrationGate.CHECKED, record(digest="sha256:new", status="failed", detail="rows lost"), "FAILED"),
        (MigrationGate.CHECKED, record(digest="sha256:new", status="perhaps"), "FAILED"),
        (MigrationGate.CHECKED, record(digest="sha256:other", status="failed"), "SUCCEEDED"),
        (MigrationGate.CHECKED, "nonsense", "FAILED"),
        (MigrationGate.CHECKED, record(status="checked"), "FAILED"),
        (MigrationGate.REQUIRED, None, "FAILED"),
        (MigrationGate.REQUIRED, record(digest="sha256:new", status="checked"), "FAILED"),
        (MigrationGate.REQUIRED, record(digest="sha256:new", status="executed"), "SUCCEEDED"),
        (MigrationGate.REQUIRED, record(digest="sha256:other", status="executed"), "FAILED"),
        (MigrationGate.REQUIRED, record(digest="sha256:new", status="failed"), "FAILED"),
        (MigrationGate.OFF, record(digest="sha256:new", status="failed"), "SUCCEEDED"),
    ],
)
def test_the_migration_of_the_version_that_is_deployed_counts(gate: MigrationGate, value: str | None, status: str) -> None:
    world = scene()
    if value is not None:
        world.parameters[MIGRATION] = value
    assert at(world, "PRE_SCALE_UP", details=told(BackendRollout(migrations=gate)))["hookStatus"] == status


def test_an_override_of_the_session_does_not_cover_a_failed_migration() -> None:
    world = scene(MONDAY_IN_SESSION)
    world.parameters[f"{PARAMETERS}/override"] = record(who="ada", why="broken", until="2026-11-23T15:30:00+00:00")
    world.parameters[MIGRATION] = record(digest="sha256:new", status="failed", detail="rows lost")
    answer = at(world, "PRE_SCALE_UP")
    assert (answer["hookStatus"], "rows lost" in answer["reason"], "nyse" in answer["reason"]) == ("FAILED", True, False)


# --- POST_TEST_TRAFFIC_SHIFT ------------------------------------------------------------------------------------------------------


def test_a_version_that_answers_gets_traffic() -> None:
    answer = at(scene(), "POST_TEST_TRAFFIC_SHIFT")
    assert (answer["hookStatus"], answer["reason"]) == ("SUCCEEDED", "1 smoke tests passed")


def test_a_cold_version_gets_time_and_one_that_never_answers_fails() -> None:
    world = scene()
    world.healthy = False
    status, taken, reason = until_the_end(world, "POST_TEST_TRAFFIC_SHIFT")
    assert status == "FAILED"
    assert SMOKE_SECONDS <= taken <= SMOKE_SECONDS + 10
    assert "/health: answered 503, not 200" in reason
    assert world.smoked > 20
    world = scene()
    world.healthy = False
    first = at(world, "POST_TEST_TRAFFIC_SHIFT")
    world.healthy, world.now = True, world.now + first["callBackDelay"]
    assert at(world, "POST_TEST_TRAFFIC_SHIFT", details=first["hookDetails"])["hookStatus"] == "SUCCEEDED"


def test_a_load_balancer_that_cannot_be_found_fails_after_the_bound() -> None:
    world = scene()
    world.blind = True
    status, taken, _ = until_the_end(world, "POST_TEST_TRAFFIC_SHIFT")
    assert status == "FAILED"
    assert taken >= GRACE_SECONDS


def test_without_smoke_tests_the_stage_passes() -> None:
    assert at(scene(), "POST_TEST_TRAFFIC_SHIFT", details={**DETAILS, "smoke": {}})["hookStatus"] == "SUCCEEDED"


# --- PRE_PRODUCTION_TRAFFIC_SHIFT -------------------------------------------------------------------------------------------------

SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"


@pytest.mark.parametrize("shown", [True, False])
def test_a_whole_rollout_holds_at_10_and_50_percent_and_nowhere_else(shown: bool) -> None:
    world = scene()
    taken: dict[int, float] = {}
    for percent in range(0, 100, ROLLOUT.step_percent):
        one = Controller(ROLLOUT, DETAILS, world, weights_in_payload=shown)
        one.percent = percent
        began, details = world.now, DETAILS
        while (answer := world.call(one.payload(SHIFT, details)))["hookStatus"] == "IN_PROGRESS":
            details, world.now = answer["hookDetails"], world.now + answer["callBackDelay"]
        assert answer["hookStatus"] == "SUCCEEDED"
        taken[percent] = world.now - began
    assert {percent: seconds for percent, seconds in taken.items() if seconds} == {10: 300, 50: 300}


@pytest.mark.parametrize("percent", [10, 50])
@pytest.mark.parametrize("second", [0, 120, 290])
def test_an_alarm_during_a_hold_fails_the_rollout_at_the_next_look(percent: int, second: int) -> None:
    world = scene()
    began, details = world.now, DETAILS
    while True:
        if world.now - began >= second:
            world.alarms["backend-errors"] = "ALARM"
        answer = at(world, SHIFT, percent=percent, details=details)
        if answer["hookStatus"] != "IN_PROGRESS":
            break
        details, world.now = answer["hookDetails"], world.now + answer["callBackDelay"]
    assert (answer["hookStatus"], answer["reason"]) == ("FAILED", "in alarm: backend-errors")
    assert second <= world.now - began <= second + 30


def test_an_alarm_fails_the_rollout_between_holds_too_and_one_of_another_service_does_not() -> None:
    world = scene()
    world.alarms["frontend-errors"] = "ALARM"
    assert at(world, SHIFT, percent=30)["hookStatus"] == "SUCCEEDED"
    world.alarms["backend-latency"] = "ALARM"
    assert at(world, SHIFT, percent=30)["hookStatus"] == "FAILED"


def test_without_data_an_alarm_does_not_stop_a_rollout_but_one_that_does_not_exist_does() -> None:
    world = scene()
    world.alarms["backend-errors"] = "INSUFFICIENT_DATA"
    assert at(world, SHIFT, percent=20)["hookStatus"] == "SUCCEEDED"
    del world.alarms["backend-errors"]
    assert "no such alarm: backend-errors" in at(world, SHIFT, percent=20)["reason"]
    assert until_the_end(world, SHIFT, percent=20)[0] == "FAILED"


@pytest.mark.parametrize("percent", [10, 20])
def test_a_cloudwatch_that_does_not_answer_keeps_the_traffic_and_fails_after_the_bound(percent: int) -> None:
    world = scene()
    world.blind = True
    status, taken, _ = until_the_end(world, SHIFT, percent=percent)
    assert status == "FAILED"
    assert GRACE_SECONDS <= taken <= GRACE_SECONDS + 30


def test_an_outage_within_a_hold_does_not_lengthen_it() -> None:
    world = scene()
    began = world.now
    details = at(world, SHIFT, percent=10)["hookDetails"]
    world.now, world.blind = began + 60, True
    details = at(world, SHIFT, percent=10, details=details)["hookDetails"]
    assert details["memory"]["blind_since"] == began + 60
    world.now, world.blind = began + 120, False
    details = at(world, SHIFT, percent=10, details=details)["hookDetails"]
    assert details["memory"] == {"deployment": f"{ARN}service-deployment/apps/backend/d1", "stage": SHIFT, "percent": 10.0, "since": began}
    world.now = began + 300
    assert at(world, SHIFT, percent=10, details=details)["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize("value", [record(who="ada", why="one more look", at="now"), "nonsense", "", "[]"])
def test_a_pause_holds_at_any_share_even_one_that_cannot_be_read(value: str) -> None:
    world = scene()
    world.parameters[f"{PARAMETERS}/pause"] = value
    for percent in (0, 10, 30):
        status, taken, reason = until_the_end(world, SHIFT, percent=percent)
        assert status == "FAILED"
        assert PAUSE_SECONDS <= taken <= PAUSE_SECONDS + 30
        assert ("ada says: one more look" in reason) or "cannot be read" in reason


def test_after_a_pause_the_rollout_goes_on_and_an_alarm_ends_it_meanwhile() -> None:
    world = scene()
    world.parameters[f"{PARAMETERS}/pause"] = record(who="ada", why="look", at="now")
    paused = at(world, SHIFT, percent=10)
    assert paused["hookStatus"] == "IN_PROGRESS"
    del world.parameters[f"{PARAMETERS}/pause"]
    world.now += 100
    held = at(world, SHIFT, percent=10, details=paused["hookDetails"])
    assert (held["hookStatus"], held["reason"]) == ("IN_PROGRESS", "holding at 10 %, 200 s left")
    world.now += 300
    assert at(world, SHIFT, percent=10, details=held["hookDetails"])["hookStatus"] == "SUCCEEDED"
    world.parameters[f"{PARAMETERS}/pause"] = record(who="ada", why="look", at="now")
    world.alarms["backend-errors"] = "ALARM"
    assert at(world, SHIFT, percent=10)["hookStatus"] == "FAILED"


def test_the_memory_of_another_share_stage_or_deployment_is_not_believed() -> None:
    world = scene()
    mine = {"deployment": f"{ARN}service-deployment/apps/backend/d1", "stage": SHIFT, "percent": 50.0, "since": world.now - 300}
    assert at(world, SHIFT, percent=50, details={**DETAILS, "memory": mine})["hookStatus"] == "SUCCEEDED"
    for wrong in ({"percent": 10.0}, {"deployment": "another"}, {"stage": "PRE_SCALE_UP"}, {"since": "yesterday"}, {"since": True}):
        answer = at(world, SHIFT, percent=50, details={**DETAILS, "memory": {**mine, **wrong}})
        assert answer["hookStatus"] == "IN_PROGRESS", wrong
    assert at(world, SHIFT, percent=50, details={**DETAILS, "memory": "nonsense"})["hookStatus"] == "IN_PROGRESS"


def test_a_clock_that_ran_backwards_does_not_lengthen_the_hold() -> None:
    world = scene()
    ahead = {"deployment": f"{ARN}service-deployment/apps/backend/d1", "stage": SHIFT, "percent": 10.0, "since": world.now + 5000}
    assert at(world, SHIFT, percent=10, details={**DETAILS, "memory": ahead})["hookDetails"]["memory"]["since"] == world.now


def test_weights_that_nobody_knows_fail_after_the_bound() -> None:
    world = scene()
    one = Controller(ROLLOUT, DETAILS, world, weights_in_payload=False)
    one.percent = None  # type: ignore[assignment]  # as ECS leaves it out
    began, details = world.now, DETAILS
    event = {
        "lifecycleStage": SHIFT,
        "resourceArn": one.arn,
        "executionDetails": {"serviceArn": "s", "targetServiceRevisionArn": one.revision, "productionTrafficWeights": {}},
    }
    while (answer := world.call({**event, "hookDetails": details}))["hookStatus"] == "IN_PROGRESS":
        details, world.now = answer["hookDetails"], world.now + answer["callBackDelay"]
    assert answer["hookStatus"] == "FAILED"
    assert world.now - began >= GRACE_SECONDS


# --- every stage --------------------------------------------------------------------------------------------------------------------


def test_the_hook_runs_where_the_plan_registers_it_and_passes_everywhere_else() -> None:
    assert set(HOOKED) == set(ROLLOUT.stages)
    world = scene(MONDAY_IN_SESSION)
    world.alarms["backend-errors"], world.blind, world.healthy = "ALARM", True, False
    for stage in set(STAGES) - set(HOOKED):
        assert at(world, stage, percent=10, status="ROLLBACK_IN_PROGRESS")["hookStatus"] == "SUCCEEDED"


def test_details_arrive_as_json_text_too_and_go_back_whole() -> None:
    answer = at(scene(), SHIFT, percent=10, details=DETAILS)
    assert {key: answer["hookDetails"][key] for key in DETAILS} == DETAILS
    world = scene()
    event = Controller(ROLLOUT, DETAILS, world).payload(SHIFT, {}) | {"hookDetails": json.dumps(DETAILS)}
    event["executionDetails"]["productionTrafficWeights"] = {event["executionDetails"]["targetServiceRevisionArn"]: 10}
    assert world.call(event)["hookStatus"] == "IN_PROGRESS"


@pytest.mark.parametrize("stage", sorted(HOOKED))
@pytest.mark.parametrize(
    "details",
    [
        "{",
        "[1]",
        {"holds": [{"percent": 10}]},
        {"holds": 3},
        {"alarms": "one"},
        {"alarms": [""]},
        {"guard": {"mode": "perhaps"}},
        {"guard": {"minutes": 25, "calendar": {}}},
        {"guard": []},
        {"smoke": {"port": 8443}},
        {"smoke": {"load_balancer": "b", "port": 8443, "host": "h", "paths": []}},
        {"smoke": {"load_balancer": "b", "port": 8443, "host": "h", "paths": ["health"]}},
        {"migrations": {"required": True}},
    ],
)
def test_orders_that_cannot_be_read_fail_the_rollout(stage: str, details: Any) -> None:
    world = scene()
    told = {**DETAILS, **details} if isinstance(details, dict) else details
    event = Controller(ROLLOUT, DETAILS, world).payload(stage, {}) | {"hookDetails": told}
    assert world.call(event)["hookStatus"] == "FAILED"


def test_lost_orders_open_no_gate() -> None:
    world = scene()
    least = {"alarms": DETAILS["alarms"], "holds": []}
    for details in (None, "", {}, {"memory": {}}, {"alarms": [], "holds": []}, *({key: least[key]} for key in least)):
        for stage in HOOKED:
            event = Controller(ROLLOUT, DETAILS, world).payload(stage, {}) | {"hookDetails": details}
            assert world.call(event)["hookStatus"] == "FAILED"


def test_the_least_orders_mean_no_guard_no_test_and_no_hold() -> None:
    world = scene(MONDAY_IN_SESSION)
    for stage in HOOKED:
        event = Controller(ROLLOUT, DETAILS, world).payload(stage, {}) | {"hookDetails": {"alarms": DETAILS["alarms"], "holds": []}}
        assert world.call(event)["hookStatus"] == "SUCCEEDED"


@pytest.mark.parametrize("event", [None, [], {}, {"lifecycleStage": None}, "text"])
def test_a_payload_of_another_shape_does_not_crash(event: Any) -> None:
    assert scene().call(event)["hookStatus"] == "SUCCEEDED"


events = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(STAGES),
        "now": st.integers(0, 14 * 24 * 60).map(lambda minutes: SATURDAY + timedelta(minutes=minutes)),
        "percent": st.sampled_from([None, 0, 10, 30, 50, 90]),
        "alarm": st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]),
        "blind": st.booleans(),
        "healthy": st.booleans(),
        "first": st.booleans(),
        "pause": st.booleans(),
    }
)


@given(events)
def test_any_call_is_answered_at_once_twice_the_same_and_every_wait_ends(case: dict[str, Any]) -> None:
    """Idempotent and bounded: whatever the world does, a stage is over within the hook's time-out at ECS."""
    world = scene(case["now"])
    world.alarms["backend-errors"], world.blind, world.healthy = case["alarm"], case["blind"], case["healthy"]
    if case["pause"]:
        world.parameters[f"{PARAMETERS}/pause"] = "{}"
    arguments = {"percent": case["percent"], "first": case["first"]}
    assert at(world, case["stage"], **arguments) == at(world, case["stage"], **arguments)
    assert until_the_end(world, case["stage"], **arguments)[1] < ROLLOUT.hook_minutes * 60


# --- AWS ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(key, value)
    with mock_aws():
        yield


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str) -> Stubber:
    """A stub of one service: moto lacks these calls."""
    client = boto3.client(service)
    stub = Stubber(client)
    stub.activate()
    monkeypatch.setattr(worlds.boto3, "client", lambda name, **_: client if name == service else boto3.client(name))
    return stub


@pytest.mark.usefixtures("_aws")
def test_alarm_states_come_from_cloudwatch_beyond_one_page() -> None:
    client = boto3.client("cloudwatch")
    names = tuple(f"alarm-{number:03}" for number in range(130))
    for name in names:
        client.put_metric_alarm(AlarmName=name, MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1.0,
                                ComparisonOperator="GreaterThanThreshold", Statistic="Sum")  # fmt: skip
    client.set_alarm_state(AlarmName=names[-1], StateValue="ALARM", StateReason="test")
    states = worlds.Aws().alarm_states((*names, "no-such"))
    assert len(states) == 130
    assert states[names[-1]] == "ALARM"


@pytest.mark.usefixtures("_aws")
def test_parameters_are_read_and_missing_ones_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("ssm").put_parameter(Name="/a/b", Value="v", Type="String")
    assert (worlds.Aws().parameter("/a/b"), worlds.Aws().parameter("/a/c")) == ("v", None)
    stubbed(monkeypatch, "ssm").add_client_error("get_parameter", "AccessDeniedException")
    with pytest.raises(worlds.CannotSeeError, match="AccessDenied"):
        worlds.Aws().parameter("/a/b")


@pytest.mark.usefixtures("_aws")
def test_the_load_balancers_private_addresses_are_those_of_its_own_interfaces() -> None:
    ec2 = boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    mine: list[str] = []
    for description in ("ELB app/nautilus-prod-balancer/50dc6c495c0c9188", "ELB app/nautilus-prod-balancer/50dc6c495c0c9188"):
        made = ec2.create_network_interface(SubnetId=subnet, Description=description)
        mine.append(made["NetworkInterface"]["PrivateIpAddress"])
    for description in ("ELB app/nautilus-prod-balancer-2/1", "ELB net/nautilus-prod-balancer/1", "a task"):
        ec2.create_network_interface(SubnetId=subnet, Description=description)
    assert worlds.Aws().addresses("nautilus-prod-balancer") == tuple(sorted(mine))
    with pytest.raises(worlds.CannotSeeError, match="no network interface"):
        worlds.Aws().smoke(Smoke("absent", 8443, "h", (Check(),)))


@pytest.mark.usefixtures("_aws")
def test_the_smoke_test_goes_to_each_private_address_until_one_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, str, int]] = []

    def run(target: Any, checks: Any, *, until: float) -> Report:
        asked.append((target.address, target.host, target.port))
        ok = target.address == "10.0.1.2"
        status = 200 if ok else None
        return Report(tuple(worlds.smoke.Result(check.path, ok, "", status) for check in checks))

    monkeypatch.setattr(worlds.smoke, "run", run)
    monkeypatch.setattr(worlds.Aws, "addresses", lambda self, name: ("10.0.1.1", "10.0.1.2", "10.0.1.3"))
    assert worlds.Aws().smoke(Smoke("b", 8443, "trading.example.com", (Check(path="/health"),))).ok
    assert asked == [("10.0.1.1", "trading.example.com", 8443), ("10.0.1.2", "trading.example.com", 8443)]


def described(**more: Any) -> dict[str, Any]:
    return {"serviceDeployments": [{"serviceDeploymentArn": "d", "sourceServiceRevisions": [{"arn": "old"}], **more}]}


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize(
    ("answer", "deployment"),
    [
        (
            described(status="IN_PROGRESS", targetServiceRevision={"arn": "new", "requestedProductionTrafficWeight": 10.0}),
            worlds.Deployment(False, False, 10.0, "new"),
        ),
        (described(status="ROLLBACK_IN_PROGRESS", targetServiceRevision={"arn": "new"}), worlds.Deployment(False, True, None, "new")),
        (
            described(
                status="IN_PROGRESS",
                targetServiceRevision={"arn": "new"},
                sourceServiceRevisions=[{"arn": "old", "requestedProductionTrafficWeight": 100.0}],
            ),
            worlds.Deployment(False, False, 0.0, "new"),
        ),
        (
            described(
                status="IN_PROGRESS",
                targetServiceRevision={"arn": "new"},
                sourceServiceRevisions=[{"arn": "old", "requestedProductionTrafficWeight": 60.0}, {"arn": "older"}],
            ),
            worlds.Deployment(False, False, None, "new"),
        ),
        (described(status="IN_PROGRESS", sourceServiceRevisions=[]), worlds.Deployment(True, False, None, "")),
    ],
)
def test_a_deployment_is_read_from_ecs(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], deployment: worlds.Deployment) -> None:
    stub = stubbed(monkeypatch, "ecs")
    stub.add_response("describe_service_deployments", answer, {"serviceDeploymentArns": ["d"]})
    assert worlds.Aws().deployment("d") == deployment
    stub.add_response("describe_service_deployments", {"serviceDeployments": []})
    with pytest.raises(worlds.CannotSeeError, match="does not know"):
        worlds.Aws().deployment("d")


def test_four_calls_to_aws_that_never_answer_end_before_the_function_does() -> None:
    """A function that is cut off rolls the deployment back; one that cannot see waits."""
    attempts = worlds._BOTO.retries["total_max_attempts"]
    pauses = sum(2**number for number in range(attempts - 1))
    one = attempts * (worlds._BOTO.connect_timeout + worlds._BOTO.read_timeout) + pauses
    assert attempts == 3
    assert 4 * one < SECONDS
    assert worlds._SMOKE_SECONDS + one < SECONDS


@pytest.mark.usefixtures("_aws")
def test_digests_are_those_of_the_service_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [{"containerName": "a", "imageDigest": "sha256:1", "image": "r@sha256:1"}, {"containerName": "b", "image": "r@sha256:2"}]
    stub = stubbed(monkeypatch, "ecs")
    revision = {"serviceRevisionArn": "r", "containerImages": images}
    stub.add_response("describe_service_revisions", {"serviceRevisions": [revision]}, {"serviceRevisionArns": ["r"]})
    assert worlds.Aws().digests("r") == {"sha256:1", "sha256:2"}
    stub.add_client_error("describe_service_revisions", "ServerException")
    with pytest.raises(worlds.CannotSeeError, match="ServerException"):
        worlds.Aws().digests("r")


@pytest.mark.usefixtures("_aws")
def test_the_entry_point_asks_aws_with_the_clock_of_today() -> None:
    answer = hook.handler({"lifecycleStage": SHIFT, "resourceArn": "d", "hookDetails": {"alarms": ["absent"], "holds": []}})
    assert (answer["hookStatus"], answer["reason"]) == ("IN_PROGRESS", "cannot see: no such alarm: absent")
