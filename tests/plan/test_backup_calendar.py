"""The seed's calendar, exactly; and no backup near RDS's maintenance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.backup_calendar import (
    COLD_DAYS,
    DAY,
    LONGEST_AGE_DAYS,
    MAINTENANCE,
    WEEK,
    Rule,
    calendar,
    clock,
    cold_problem,
    conflicts,
    lock,
    log_shipping,
    restore_conflict,
    restore_schedules,
    starts,
    window,
)
from infra.plan.postgres import MAINTENANCE_WINDOW
from infra.settings.data import Backup, LockMode, RestoreTest, Weekday


def by_name(settings: Backup | None = None) -> dict[str, Rule]:
    return {rule.name: rule for rule in calendar(settings or Backup())}


def test_the_seeds_calendar_to_the_minute() -> None:
    rules = by_name()
    assert starts(rules["daily"].schedule) == tuple(day * DAY + 2 * 60 for day in range(7))
    assert starts(rules["weekly"].schedule) == (60,), "Sunday 01:00"
    assert starts(rules["monthly"].schedule) == (0,), "Sunday 00:00"
    assert starts(rules["four-hourly"].schedule) == tuple(range(0, WEEK, 240))


def test_the_monthly_one_is_for_the_first_sunday_only() -> None:
    assert by_name()["monthly"].schedule == "cron(0 0 ? * 1#1 *)"


def test_retention_is_the_seeds() -> None:
    rules = by_name()
    assert {name: rule.keep_days for name, rule in rules.items()} == {"daily": 30, "weekly": 84, "monthly": 366, "four-hourly": 7}
    assert by_name(Backup(daily_days=60))["daily"].keep_days == 60


def test_snapshots_are_copied_and_log_shipping_is_continuous() -> None:
    assert all(rule.copied and not rule.continuous for rule in calendar(Backup()))
    shipping = log_shipping()
    assert (shipping.continuous, shipping.copied, shipping.keep_days) == (True, False, 35)


def test_no_start_meets_the_maintenance_window() -> None:
    assert conflicts((*calendar(Backup()), log_shipping()), MAINTENANCE_WINDOW) == ()


@pytest.mark.parametrize(
    ("schedule", "starts_at"),
    [
        ("cron(30 2 ? * SUN *)", "Sun 02:30"),
        ("cron(0 3 * * ? *)", "Sun 03:00"),
        ("cron(59 3 ? * 1 *)", "Sun 03:59"),
        ("cron(45 3 ? * 1#2 *)", "Sun 03:45"),
    ],
)
def test_a_start_in_the_window_or_the_hour_before_is_found(schedule: str, starts_at: str) -> None:
    found = conflicts([Rule("odd", schedule, 7, copied=False)], "sun:03:30-sun:04:00")
    assert found == (f"odd starts {starts_at}, between Sun 02:30 and Sun 04:00",)


@pytest.mark.parametrize("schedule", ["cron(29 2 ? * SUN *)", "cron(0 4 ? * SUN *)", "cron(30 2 ? * MON *)"])
def test_a_start_beside_the_window_is_not(schedule: str) -> None:
    assert conflicts([Rule("near", schedule, 7, copied=False)], "sun:03:30-sun:04:00") == ()


def test_a_window_at_the_turn_of_the_week_counts() -> None:
    saturday_night = Rule("late", "cron(30 23 ? * SAT *)", 7, copied=False)
    assert conflicts([saturday_night], "sun:00:00-sun:00:30") != ()
    sunday = Rule("early", "cron(10 0 ? * SUN *)", 7, copied=False)
    assert conflicts([sunday], "sat:23:45-sun:00:15") != ()


@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 7), st.integers(0, WEEK - 1), st.integers(30, 600))
def test_conflicts_agree_with_counting_minutes(minute: int, hour: int, day: int, first: int, length: int) -> None:
    last = (first + length) % WEEK
    text = "-".join(clock(m).lower().replace(" ", ":") for m in (first, last))
    start = (day - 1) * DAY + hour * 60 + minute
    inside = start in {m % WEEK for m in range(first - 60, first + length)}
    assert (conflicts([Rule("r", f"cron({minute} {hour} ? * {day} *)", 7, copied=False)], text) != ()) is inside


@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.sets(st.integers(0, 23), min_size=1, max_size=4),
    st.sets(st.integers(1, 7), min_size=1),
)
def test_lists_of_a_cron_expression_multiply(minutes: set[int], hours: set[int], days: set[int]) -> None:
    parts = [",".join(map(str, sorted(each))) for each in (minutes, hours, days)]
    found = starts(f"cron({parts[0]} {parts[1]} ? * {parts[2]} *)")
    assert len(found) == len(minutes) * len(hours) * len(days)
    assert {m % 60 for m in found} == minutes
    assert {m // DAY + 1 for m in found} == days
    assert list(found) == sorted(found)


def test_ranges_steps_and_names() -> None:
    assert starts("cron(0 0 ? * MON-FRI *)") == tuple(day * DAY for day in range(1, 6))
    assert starts("cron(0/30 6-7 ? * 1 *)") == (360, 390, 420, 450)
    assert len(starts("cron(0 0 15 * ? *)")) == 7, "the 15th can be any weekday"


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(1 day)",
        "cron(0 2 * * *)",
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(60 2 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 2 ? * 8 *)",
        "cron(0 2 ? * 1#6 *)",
        "cron(0 2 L * ? *)",
        "cron(0 2 * 13 ? *)",
        "cron(0/0 2 * * ? *)",
    ],
)
def test_what_is_no_aws_cron_expression_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        starts(schedule)


@pytest.mark.parametrize("text", ["03:30-04:00", "sun:03:30", "xyz:03:30-sun:04:00", ""])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a window"):
        window(text)


def test_the_lock_leaves_room_for_every_retention() -> None:
    settings = Backup(monthly_days=500)
    found = lock(settings)
    assert found is not None
    assert (found.min_days, found.max_days, found.cooling_off_days) == (7, 500, None)
    for rule in (*calendar(settings), log_shipping()):
        assert found.min_days <= rule.keep_days <= found.max_days


def test_the_defaults_lock_in_governance_mode() -> None:
    found = lock(Backup())
    assert found is not None
    assert (found.min_days, found.max_days, found.cooling_off_days) == (7, 366, None)


def test_no_lock_where_none_is_wanted() -> None:
    assert lock(Backup(lock=LockMode.NONE)) is None


def test_compliance_mode_needs_its_acknowledgement() -> None:
    with pytest.raises(ValueError, match="this lock can never be removed"):
        lock(Backup(lock=LockMode.COMPLIANCE))
    found = lock(Backup(lock=LockMode.COMPLIANCE, acknowledge_compliance="this lock can never be removed", cooling_off_days=5))
    assert found is not None
    assert found.cooling_off_days == 5


@given(st.integers(1, 3_560), st.integers(366, 3_650))
def test_cold_storage_follows_aws_rule(cold: int, keep: int) -> None:
    settings = Backup(cold_after_days=cold, monthly_days=keep)
    if keep >= cold + COLD_DAYS:
        assert {rule.name for rule in calendar(settings) if rule.cold_days} == {"monthly"}
    else:
        with pytest.raises(ValueError, match=f"until day {cold + COLD_DAYS} at least"):
            calendar(settings)


def test_a_log_has_no_cold_storage() -> None:
    assert "none of" in (cold_problem(Rule("log", "cron(0 5 * * ? *)", 365, copied=False, continuous=True, cold_days=10)) or "")
    assert cold_problem(Rule("snapshot", "cron(0 5 * * ? *)", 365, copied=False, cold_days=10)) is None


def test_restore_tests_come_once_a_week_clear_of_the_maintenance() -> None:
    schedules = restore_schedules(RestoreTest())
    assert schedules == {"snapshots": "cron(0 6 ? * SAT *)", "log": "cron(0 9 ? * SAT *)"}
    assert all(len(starts(schedule)) == 1 for schedule in schedules.values())
    assert LONGEST_AGE_DAYS > 7
    assert restore_conflict(RestoreTest()) is None


@pytest.mark.parametrize(
    ("weekday", "hour", "keep", "rto", "meets"),
    [
        ("SAT", 20, 4, 60, True),
        ("SAT", 18, 4, 60, True),
        ("SAT", 17, 4, 60, False),
        ("SAT", 17, 1, 60, False),
        ("SUN", 1, 4, 60, True),
        ("SUN", 3, 1, 60, True),
        ("SUN", 4, 4, 60, False),
        ("FRI", 20, 4, 60, False),
        ("FRI", 20, 24, 60, False),
        ("FRI", 20, 24, 61, False),
        ("FRI", 20, 24, 121, True),
        ("SAT", 0, 4, 1_440, True),
    ],
)
def test_a_restored_copy_does_not_outlast_the_start_of_the_maintenance(weekday: str, hour: int, keep: int, rto: int, meets: bool) -> None:
    settings = RestoreTest(weekday=Weekday(weekday), start_hours=hour, keep_hours=keep, rto_minutes=rto)
    assert (restore_conflict(settings) is not None) is meets


@given(st.sampled_from(list(Weekday)), st.integers(0, 20), st.integers(1, 24), st.integers(15, 1_440))
def test_the_conflict_agrees_with_counting_minutes(weekday: Weekday, hour: int, keep: int, rto: int) -> None:
    settings = RestoreTest(weekday=weekday, start_hours=hour, keep_hours=keep, rto_minutes=rto)
    first, last = window(MAINTENANCE)
    closed = set(range(first, last))
    length = 60 + -(-rto // 60) * 60 + keep * 60
    busy = {
        (start + minute) % WEEK
        for schedule in restore_schedules(settings).values()
        for start in starts(schedule)
        for minute in range(length)
    }
    assert (restore_conflict(settings) is not None) is bool(busy & closed)
