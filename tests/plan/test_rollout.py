"""Rollouts in words to ECS's strategies."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.rollout import GRACE_SECONDS, HOOK_STAGE, LEAST_STEP, Hold, Strategy, nearest, plan

rising = st.sets(st.integers(1, 99), max_size=19).map(lambda found: [*sorted(found), 100])
minutes = st.integers(0, 60)


def test_the_seeds_rollout() -> None:
    made = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
    assert (made.strategy, made.step_percent, made.step_bake_minutes) == (Strategy.LINEAR, 10, 0)
    assert made.holds == made.rests == (Hold(10, 300), Hold(50, 300))
    assert made.stages == (HOOK_STAGE,)
    assert made.total_seconds == 900 < 30 * 60
    assert made.as_json() == {
        "strategy": "LINEAR",
        "step_percent": 10,
        "step_bake_minutes": 0,
        "bake_minutes": 5,
        "holds": [{"percent": 10, "seconds": 300}, {"percent": 50, "seconds": 300}],
        "stages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
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
    assert made.hook_minutes * 60 > max((one.seconds for one in made.holds), default=0) + GRACE_SECONDS


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
