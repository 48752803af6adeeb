"""The pack's reading of schedules against the program's own, and what both rooms call stateful."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import backup_calendar as plan
from nautilus.inventory import backups as inventory
from policies import schedules
from policies.rules import backups as rules

FIELDS = st.sampled_from(["0", "30", "0/15", "5-20", "1,2,3", "*", "59"])
HOURS = st.sampled_from(["0", "23", "0/4", "2-5", "1,13", "*"])
DAYS = st.sampled_from(["SUN", "1", "MON-FRI", "1#1", "7#5", "SAT,SUN", "sun", "2-4", "*"])


@given(FIELDS, HOURS, DAYS)
def test_the_pack_reads_schedules_as_the_program_does(minutes: str, hours: str, days: str) -> None:
    for text in (f"cron({minutes} {hours} ? * {days} *)", f"cron({minutes} {hours} * * ? *)"):
        assert sorted(schedules.starts(text)) == list(plan.starts(text))


@pytest.mark.parametrize(
    "text", ["rate(1 day)", "cron(0 2 * * * *)", "cron(0 24 * * ? *)", "cron(0 2 ? * 8 *)", "cron(0 2 * *)", "cron(x 2 * * ? *)"]
)
def test_neither_reads_what_is_no_schedule(text: str) -> None:
    for read in (schedules.starts, plan.starts):
        with pytest.raises(ValueError):
            read(text)


@given(st.integers(0, plan.WEEK - 1), st.integers(1, 600))
def test_windows_agree(first: int, length: int) -> None:
    text = "-".join(plan.clock(minute).lower().replace(" ", ":") for minute in (first, first + length))
    begin, end = plan.window(text)
    assert schedules.window(text) == (begin, end - begin)


@pytest.mark.parametrize("text", ["03:30-04:00", "sun:03:30", "xyz:03:30-sun:04:00"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        schedules.window(text)


def test_the_pack_and_the_proof_know_the_same_types() -> None:
    """The rooms stay apart, so both have the list. Machines are rebuilt, and buckets keep their versions (S3-04)."""
    assert set(rules.STATEFUL) == set(inventory.SUPPORTED) - {"aws:ec2/instance:Instance", inventory.BUCKET}
    for type_, form in rules.STATEFUL.items():
        assert inventory.SUPPORTED[type_][1].replace("*", "x") == form
    assert rules.EXEMPT_TAG == inventory.EXEMPT_TAG


def test_the_numbers_are_the_calendars() -> None:
    assert rules.DAILY_DAYS == 30
    assert rules.SHORTEST_DAYS == plan.FOUR_HOURLY_DAYS
    assert rules.COLD_DAYS == plan.COLD_DAYS
