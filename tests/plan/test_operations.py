"""The recurring operations: the seeds' lines, their calendar, and what may not be changed about them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.backup_calendar import starts
from infra.plan.operations import (
    BY_KEY,
    EXECUTION,
    MESSAGE_BYTES,
    OPERATIONS,
    SCHEDULED,
    UTC,
    Cadence,
    Change,
    Kind,
    Owner,
    cron_problem,
    in_maintenance,
    message,
    planned,
    subscribers,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
DAILY, WEEKLY, MONTHLY, QUARTERLY = Cadence
CRONS = {
    DAILY: "cron(30 6 * * ? *)",
    WEEKLY: "cron(0 9 ? * MON *)",
    MONTHLY: "cron(0 10 ? * 2#1 *)",
    QUARTERLY: "cron(0 10 ? 1,4,7,10 4#3 *)",
}


def test_every_line_of_the_seeds_has_its_schedule() -> None:
    named = {seed for operation in OPERATIONS for seed in operation.seeds}
    assert {f"OTE-{number}" for number in range(127, 157)} <= named, "seed 002: daily, weekly and monthly operations"
    assert {f"DTO-{number}" for number in range(273, 297)} <= named, "seed 003: ongoing maintenance"
    assert {"PFC-226", "PFC-227", "PFC-228", "PFC-229", "PFC-232", "DTO-057", "DTO-161", "DTO-185", "DTO-186", "NDS-078"} <= named


def test_names_are_keys_of_the_settings_and_of_aws() -> None:
    assert len(BY_KEY) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.key.startswith(f"{operation.cadence}-")
        assert operation.key.replace("-", "").isalpha()
        assert len(f"nautilus-staging-{operation.key}") <= 64
        assert operation.what.endswith((".", "?"))


def test_a_schedule_comes_as_often_as_its_name_says() -> None:
    for operation in OPERATIONS:
        assert cron_problem(operation.when, operation.cadence) is None, operation.key


@pytest.mark.parametrize("cadence", list(Cadence))
def test_no_cadence_takes_the_schedule_of_another(cadence: Cadence) -> None:
    for other, cron in CRONS.items():
        assert (cron_problem(cron, cadence) is None) is (other is cadence), (cron, cadence)


@pytest.mark.parametrize(
    ("cron", "cadence"),
    [
        ("rate(1 day)", DAILY),
        ("cron(0 6 * * * *)", DAILY),
        ("cron(0 6,18 * * ? *)", DAILY),
        ("cron(0/30 6 * * ? *)", DAILY),
        ("cron(0 6 * * ? 2027)", DAILY),
        ("cron(0 6 1 * ? *)", DAILY),
        ("cron(0 6 ? * MON,TUE *)", DAILY),
        ("cron(0 6 ? * MON-FRI *)", WEEKLY),
        ("cron(0 6 ? * MON#2 *)", WEEKLY),
        ("cron(0 6 ? 1 MON *)", WEEKLY),
        ("cron(0 6 L * ? *)", MONTHLY),
        ("cron(0 6 1-5 * ? *)", MONTHLY),
        ("cron(0 6 29 * ? *)", MONTHLY),
        ("cron(0 6 ? * MON#5 *)", MONTHLY),
        ("cron(0 6 31 1,4,7,10 ? *)", QUARTERLY),
        ("cron(0 6 1 1,4 ? *)", QUARTERLY),
        ("cron(99 6 * * ? *)", DAILY),
    ],
)
def test_what_comes_more_or_less_often_is_refused(cron: str, cadence: Cadence) -> None:
    assert cron_problem(cron, cadence)


@pytest.mark.parametrize(
    ("cron", "cadence"), [("cron(0 6 ? * MON-FRI *)", DAILY), ("cron(0 6 28 * ? *)", MONTHLY), ("cron(0 6 ? * MON#4 *)", MONTHLY)]
)
def test_a_rest_at_the_weekend_and_a_day_of_the_month_are_fine(cron: str, cadence: Cadence) -> None:
    assert cron_problem(cron, cadence) is None


def test_no_machine_meets_the_maintenance() -> None:
    for operation in OPERATIONS:
        assert in_maintenance(operation) is None, operation.key


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_machine_in_the_maintenance_or_the_hour_before_is_found(hour: int, minute: int) -> None:
    operation = replace(BY_KEY["daily-system-health"], when=f"cron({minute} {hour} * * ? *)")
    assert bool(in_maintenance(operation)) is (60 <= hour * 60 + minute < 240), "Sunday 02:00 to 04:00 UTC, and the hour before"


def test_what_machines_do_stands_in_utc_and_people_may_be_reminded_at_any_time() -> None:
    machine = BY_KEY["daily-system-health"]
    assert machine.zone == UTC
    assert in_maintenance(replace(machine, zone="Europe/Berlin"))
    assert in_maintenance(replace(BY_KEY["weekly-training"], when="cron(0 3 ? * SUN *)")) is None


def test_a_stack_changes_what_it_says_and_nothing_else() -> None:
    changes = {
        "daily-documentation": Change(enabled=False),
        "weekly-training": Change(when="cron(0 15 ? * FRI *)", zone="Europe/Berlin", owner="platform"),
    }
    found = {operation.key: operation for operation in planned(changes)}
    assert set(BY_KEY) - set(found) == {"daily-documentation"}
    moved = found["weekly-training"]
    assert (moved.when, moved.zone, moved.owner) == ("cron(0 15 ? * FRI *)", "Europe/Berlin", Owner.PLATFORM)
    assert moved.what == BY_KEY["weekly-training"].what
    assert planned({}) == OPERATIONS
    assert {operation.kind for operation in planned({}, kinds=[Kind.MACHINE])} == {Kind.MACHINE}
    with pytest.raises(ValueError, match="no such operation: daily-nothing"):
        planned({"daily-nothing": Change()})


def test_a_message_says_what_who_and_where_and_can_be_told_from_its_repetition() -> None:
    for operation in OPERATIONS:
        text = message(operation, stack="prod")
        document = json.loads(text)
        assert (document["operation"], document["stack"], document["owner"]) == (operation.key, "prod", operation.owner.value)
        assert (document["due"], document["id"]) == (SCHEDULED, EXECUTION)
        assert len(text.encode()) < MESSAGE_BYTES
        assert ("\n" in text) is (operation.kind is Kind.PEOPLE), "people read it as it stands"


def test_every_page_that_is_named_exists() -> None:
    assert [operation.page for operation in OPERATIONS if not (DOCS / operation.page).exists()] == []


def test_reminders_go_to_the_owner_or_to_everybody() -> None:
    found = subscribers(OPERATIONS, owners={"security": "s@example.com"}, everybody=["a@example.com"])
    assert found == {"a@example.com": ("operations", "platform", "trading"), "s@example.com": ("security",)}
    one = subscribers(OPERATIONS, owners={owner.value: "a@example.com" for owner in Owner}, everybody=["b@example.com"])
    assert one == {"a@example.com": ("operations", "platform", "security", "trading")}
    assert subscribers([BY_KEY["daily-system-health"]], owners={}, everybody=["a@example.com"]) == {}


def test_starts_are_within_a_week() -> None:
    for operation in OPERATIONS:
        assert all(0 <= start < 7 * 24 * 60 for start in starts(operation.when))
