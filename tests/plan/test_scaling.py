"""Requests per task over a whole rollout, and the market's hours."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import scaling

GROUPS = ("targetgroup/nautilus-backend-blue/1", "targetgroup/nautilus-backend-green/2")
HOURS: dict[str, Any] = {
    "start": "09:15",
    "end": "16:05",
    "days": "MON-FRI",
    "time_zone": "America/New_York",
    "least": 2,
    "open_least": 6,
    "most": 10,
}


def hours(**change: Any) -> dict[str, Any]:
    return {**HOURS, **change}


def metrics() -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in scaling.requests_metric(GROUPS, "app/nautilus/9")["metrics"]}


def per_task(sent: dict[str, float], tasks: dict[str, int]) -> float:
    """What CloudWatch makes of the expression: a group without tasks has no data, which FILL turns into zero."""
    made = metrics()
    values: dict[str, float] = {}
    for name, one in made.items():
        if "metric_stat" in one:
            [group] = [pair["value"] for pair in one["metric_stat"]["metric"]["dimensions"] if pair["name"] == "TargetGroup"]
            if tasks[group]:
                values[name] = sent[group] / tasks[group]
    expression = re.sub(r"FILL\((\w+), 0\)", lambda found: str(values.get(found[1], 0.0)), made["requests"]["expression"])
    return sum(float(term) for term in expression.split(" + "))


def test_the_metric_is_one_number_from_both_groups() -> None:
    made = metrics()
    assert [name for name, one in made.items() if one["return_data"]] == ["requests"], "a target needs exactly one series"
    for slot, group in zip(("slot_0", "slot_1"), GROUPS, strict=True):
        stat = made[slot]["metric_stat"]
        assert stat["stat"] == "Sum", "the one statistic that RequestCountPerTarget has"
        assert (stat["metric"]["namespace"], stat["metric"]["metric_name"]) == ("AWS/ApplicationELB", "RequestCountPerTarget")
        assert {"name": "TargetGroup", "value": group} in stat["metric"]["dimensions"]


@given(st.integers(1, 50), st.floats(0, 1e6), st.floats(0, 1), st.booleans())
def test_a_shift_of_traffic_changes_nothing(tasks: int, requests: float, share: float, swapped: bool) -> None:
    """Both slots have as many tasks while traffic moves: neither direction and no share adds or removes a task."""
    old, new = reversed(GROUPS) if swapped else GROUPS
    before = per_task({old: requests, new: 0}, {old: tasks, new: 0})
    during = per_task({old: requests * (1 - share), new: requests * share}, {old: tasks, new: tasks})
    after = per_task({old: 0, new: requests}, {old: 0, new: tasks})
    assert before == after == pytest.approx(requests / tasks)
    assert during == pytest.approx(before, rel=1e-9, abs=1e-9)


def test_one_group_alone_would_be_blind_after_a_rollout() -> None:
    """What AWS's own metric does, and why it is not used: it names one group."""
    with pytest.raises(ValueError, match="both target groups"):
        scaling.requests_metric(GROUPS[:1], "app/nautilus/9")


def test_the_market_opens_and_closes_in_its_own_time_zone() -> None:
    opening, closing = scaling.market_schedule(**HOURS)
    assert (opening.schedule, closing.schedule) == ("cron(15 9 ? * MON-FRI *)", "cron(5 16 ? * MON-FRI *)")
    assert {opening.time_zone, closing.time_zone} == {"America/New_York"}
    assert ((opening.least, opening.most), (closing.least, closing.most)) == ((6, 10), (2, 10))
    assert opening.part != closing.part


@pytest.mark.parametrize(
    ("days", "plain"),
    [
        ("SUN-SAT", "SUN-SAT"),
        ("MON,WED-FRI", "MON,WED-FRI"),
        ("MON-SUN", "MON,TUE,WED,THU,FRI,SAT,SUN"),
        ("FRI-MON", "FRI,SAT,SUN,MON"),
        ("SAT-SUN,WED", "SAT,SUN,WED"),
        ("MON,MON", "MON"),
    ],
)
def test_no_range_of_days_falls(days: str, plain: str) -> None:
    """AWS's cron counts days from Sunday on: a range whose end comes before its start is written out."""
    opening, closing = scaling.market_schedule(**hours(days=days))
    assert (opening.schedule, closing.schedule) == (f"cron(15 9 ? * {plain} *)", f"cron(5 16 ? * {plain} *)")


@given(st.integers(0, 23 * 60 + 58))
def test_every_minute_of_a_day_but_its_last_can_open_a_market(minutes: int) -> None:
    hour, minute = divmod(minutes, 60)
    opening, _ = scaling.market_schedule(**hours(start=f"{hour:02}:{minute:02}", end="23:59"))
    assert opening.schedule == f"cron({minute} {hour} ? * MON-FRI *)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": "16:05"}, "not after"),
        ({"start": "17:00"}, "not after"),
        ({"start": "09:60", "end": "10:00"}, "not a time"),
        ({"start": "9:15", "end": "99:99"}, "not a time"),
        ({"open_least": 1}, "not between 2 and 10"),
        ({"open_least": 11}, "not between 2 and 10"),
    ],
)
def test_hours_that_are_none_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scaling.market_schedule(**hours(**change))
