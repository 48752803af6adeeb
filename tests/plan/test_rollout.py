"""Rollouts in words to ECS's strategies."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.plan.rollout import (
    GRACE_SECONDS,
    HOOK_STAGES,
    LEAST_STEP,
    PAUSE_SECONDS,
    SMOKE_SECONDS,
    START_MINUTES,
    Hold,
    SmokeTarget,
    Strategy,
    hook_details,
    is_backends,
    nearest,
    orders,
    plan,
    plan_of,
)
from infra.settings.limits import LONGEST_ROLLOUT_MINUTES
from infra.settings.trading import Trading, TradingMode, VenueHours
from infra.settings.workloads import BackendRollout, MigrationGate, Rollout, RolloutGuard

rising = st.sets(st.integers(1, 99), max_size=19).map(lambda found: [*sorted(found), 100])
minutes = st.integers(0, 60)


def test_the_seeds_rollout() -> None:
    made = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
    assert (made.strategy, made.step_percent, made.step_bake_minutes) == (Strategy.LINEAR, 10, 0)
    assert made.holds == made.rests == (Hold(10, 300), Hold(50, 300))
    assert made.stages == HOOK_STAGES
    assert made.total_seconds == 900 < LONGEST_ROLLOUT_MINUTES * 60
    assert made.guard_minutes == 15 + START_MINUTES < LONGEST_ROLLOUT_MINUTES
    assert made.hook_minutes == 76
    assert made.as_json() == {
        "strategy": "LINEAR",
        "step_percent": 10,
        "step_bake_minutes": 0,
        "bake_minutes": 5,
        "holds": [{"percent": 10, "seconds": 300}, {"percent": 50, "seconds": 300}],
        "stages": ["PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"],
        "total_seconds": 900,
    }


@pytest.mark.parametrize(
    ("steps", "strategy", "step", "bake", "held"),
    [
        ([100], Strategy.BLUE_GREEN, 100, 0, 0),
        ([10, 100], Strategy.CANARY, 10, 5, 0),
        ([1, 100], Strategy.CANARY, 1, 5, 0),
        ([50, 100], Strategy.CANARY, 50, 5, 0),
        ([25, 50, 75, 100], Strategy.LINEAR, 25, 5, 0),
        ([20, 40, 100], Strategy.LINEAR, 20, 0, 2),
        ([4, 8, 100], Strategy.LINEAR, 4, 0, 2),
    ],
)
def test_each_shape_has_its_strategy(steps: list[int], strategy: Strategy, step: int, bake: int, held: int) -> None:
    made = plan(steps, hold_minutes=5, bake_minutes=7)
    assert (made.strategy, made.step_percent, made.step_bake_minutes, len(made.holds)) == (strategy, step, bake, held)
    assert made.total_seconds == (len(steps) - 1) * 300 + 7 * 60


@pytest.mark.parametrize(
    ("steps", "better"),
    [([33, 66, 100], [35, 65, 100]), ([1, 2, 100], [4, 8, 100]), ([12, 50, 100], [10, 50, 100]), ([97, 98, 99, 100], [88, 92, 96, 100])],
)
def test_what_ecs_cannot_express_is_refused_with_the_nearest(steps: list[int], better: list[int]) -> None:
    with pytest.raises(ValueError, match=r"nearest") as refused:
        plan(steps, hold_minutes=5, bake_minutes=5)
    assert str(better) in str(refused.value)


@pytest.mark.parametrize("steps", [[], [50], [0, 100], [50, 50, 100], [60, 50, 100], [10, 101], [10, 100, 100]])
def test_a_list_that_does_not_rise_to_100_is_refused(steps: list[int]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        plan(steps, hold_minutes=5, bake_minutes=5)


@pytest.mark.parametrize(("hold", "bake"), [(-1, 5), (1441, 5), (5, -1), (5, 1441)])
def test_durations_out_of_ecs_bounds_are_refused(hold: int, bake: int) -> None:
    with pytest.raises(ValueError, match="0 to 1440"):
        plan([10, 100], hold_minutes=hold, bake_minutes=bake)


@given(rising, minutes, minutes)
def test_a_plan_stands_at_every_step_for_as_long_as_asked_or_is_refused(steps: list[int], hold: int, bake: int) -> None:
    if nearest(steps) != tuple(steps) and len(steps) > 2:
        with pytest.raises(ValueError, match="nearest"):
            plan(steps, hold_minutes=hold, bake_minutes=bake)
        return
    made = plan(steps, hold_minutes=hold, bake_minutes=bake)
    # Replay what ECS and the hook do, and compare with what was asked.
    stood: dict[int, int] = {}
    held = {one.percent: one.seconds for one in made.holds}
    share = 0
    while made.strategy is not Strategy.BLUE_GREEN:
        share = 100 if made.strategy is Strategy.CANARY and share else share + made.step_percent
        if share >= 100:
            break
        stood[share] = made.step_bake_minutes * 60 + held.get(share, 0)
    assert share in {0, 100}
    if hold:
        assert {percent for percent, seconds in stood.items() if seconds} == set(steps[:-1])
        assert set(stood.values()) <= {0, hold * 60}
    assert made.total_seconds == sum(stood.values()) + bake * 60
    if made.strategy is Strategy.LINEAR:
        assert made.step_percent >= LEAST_STEP
    # ECS's time-out comes after every bound of the hook's own, and is a matter of hours, not ECS's day.
    longest = max(max((one.seconds for one in made.holds), default=0) + PAUSE_SECONDS, SMOKE_SECONDS) + GRACE_SECONDS
    assert longest < made.hook_minutes * 60 <= longest + 120


@given(rising.filter(lambda steps: len(steps) > 2))
def test_the_nearest_plan_is_expressible_as_long_and_no_further_than_any_other(steps: list[int]) -> None:
    found = nearest(steps)
    assert len(found) == len(steps)
    assert all(after > before for before, after in pairwise(found))
    assert plan(found, hold_minutes=1, bake_minutes=1).step_percent >= LEAST_STEP
    distance = sum(abs(have - want) for have, want in zip(found, steps, strict=True))
    try:
        plan(steps, hold_minutes=1, bake_minutes=1)
    except ValueError:
        assert distance > 0
    else:
        assert distance == 0
    # Rounding every step by itself is one candidate; where it stays rising, the answer is at least as near.
    for step in (4, 5, 10, 20, 25, 50):
        rounded = [min(max(step, step * round(value / step)), 100 - step) for value in steps[:-1]]
        if all(after > before for before, after in pairwise(rounded)):
            assert distance <= sum(abs(have - want) for have, want in zip(rounded, steps, strict=False))


TARGET = SmokeTarget(
    load_balancer="b", port=8443, host="trading.example.com", health_path="/health", json_health=True, web_socket_path="/ws/"
)
LIVE = Trading(mode=TradingMode.LIVE, acknowledge_live_trading="orders from this stack move real money")


def told(trading: Trading = LIVE, **more: Any) -> dict[str, Any]:
    own = BackendRollout.model_validate(more)
    return orders(own, trading, plan_of(own), service="backend", parameters="/n/prod/rollouts/backend", migration="/m", listener=TARGET)


def test_a_service_tells_the_hook_everything_and_nothing_of_another_environment() -> None:
    made = told()
    assert made["service"] == "backend"
    assert made["parameters"] == "/n/prod/rollouts/backend"
    assert (made["guard"]["mode"], made["guard"]["minutes"]) == ("refuse", 25)
    assert [venue["name"] for venue in made["guard"]["calendar"]["venues"]] == ["nyse"]
    assert made["smoke"] == {
        "load_balancer": "b",
        "port": 8443,
        "host": "trading.example.com",
        "paths": [{"path": "/health", "health": True}],
        "seconds": SMOKE_SECONDS,
    }
    assert made["migrations"] == {"parameter": "/m", "required": False}
    assert made["pause_seconds"] == PAUSE_SECONDS


def test_settings_change_what_the_hook_is_told() -> None:
    assert told(guard=RolloutGuard.OFF)["guard"] == {"mode": "off"}
    both = LIVE.model_copy(update={"venues": {"binance": VenueHours.ALWAYS, "nyse": VenueHours.NYSE}})
    heeded = {scope: told(both, guard=scope)["guard"]["calendar"]["venues"] for scope in (RolloutGuard.ALL, RolloutGuard.SESSIONS)}
    assert [venue["name"] for venue in heeded[RolloutGuard.ALL]] == ["binance", "nyse"]
    assert [venue["name"] for venue in heeded[RolloutGuard.SESSIONS]] == ["nyse"]
    assert told(both) == told(both, guard=RolloutGuard.ALL), "what trades around the clock counts unless somebody says otherwise"
    assert "migrations" not in told(migrations=MigrationGate.OFF)
    assert told(migrations=MigrationGate.REQUIRED)["migrations"]["required"] is True
    paths = told(smoke_paths=["/api/status"], smoke_web_socket=True)["smoke"]["paths"]
    assert paths == [{"path": "/health", "health": True}, "/api/status", {"path": "/ws/", "websocket": True}]


def test_a_service_without_a_database_and_web_sockets_asks_for_neither() -> None:
    # Whatever path and record the program hands over: the frontend's rollout has no such settings, so nothing may open or close on them.
    made = orders(Rollout(), LIVE, plan_of(Rollout()), service="frontend", parameters="/p", migration="/m", listener=TARGET)
    assert "migrations" not in made
    assert made["smoke"]["paths"] == [{"path": "/health", "health": True}]
    for key in ("migrations", "smokeWebSocket"):
        assert key in {field.alias for field in BackendRollout.model_fields.values()}
        with pytest.raises(ValidationError, match=key):
            Rollout.model_validate({key: "off"})


def test_a_path_is_the_backends_as_the_load_balancer_reads_its_rules() -> None:
    mine = ["/api/", "/api/status", "/ws/", "/ws/prices", "/health"]
    theirs = ["/", "/api", "/API/status", "/ws", "/healthz", "/health/", "/status", "/v1/api/status"]
    assert [path for path in (*mine, *theirs) if is_backends(path)] == mine


def test_details_are_canonical_and_carry_holds_and_alarms() -> None:
    made = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
    text = hook_details(made, alarms=["b", "a"], told=told())
    found = json.loads(text)
    assert text == json.dumps(found, sort_keys=True, separators=(",", ":"))
    assert found["alarms"] == ["a", "b"]
    assert found["holds"] == [{"percent": 10, "seconds": 300}, {"percent": 50, "seconds": 300}]
    assert len(text) < 4096
    least = json.loads(hook_details(made, alarms=["a"]))
    assert set(least) == {"alarms", "grace_seconds", "holds"}
