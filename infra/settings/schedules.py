"""Settings of recurring operations: what a stack switches off, moves, or gives to somebody else (docs/operations-calendar.md)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.plan.backup_calendar import starts
from infra.plan.operations import BY_KEY, Owner
from infra.settings.base import Accepts, Email, Section


def _operation(text: str) -> str:
    if text not in BY_KEY:
        raise ValueError("is no operation of the calendar")
    return text


def _cron(text: str) -> str:
    starts(text)
    return text


OperationName = Annotated[
    str,
    AfterValidator(_operation),
    Field(pattern=r"^(daily|weekly|monthly|quarterly)(-[a-z]+)+$"),
    Accepts("the name of a schedule in docs/operations-calendar.md, such as daily-error-analysis", "daily-error-analysis"),
]
Cron = Annotated[
    str,
    AfterValidator(_cron),
    Field(pattern=r"^cron\(\S+( \S+){5}\)$", max_length=100),
    Accepts("six fields of EventBridge Scheduler, without L and W, such as cron(30 13 * * ? *)", "cron(30 13 * * ? *)"),
]
Zone = Annotated[
    str,
    Field(pattern=r"^(UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]+){1,2})$", max_length=50),
    Accepts("UTC or a zone of the tz database, such as Europe/Berlin", "Europe/Berlin"),
]


class ScheduleChange(Section):
    """One operation that this stack does otherwise; what is unset stays as in the calendar."""

    enabled: bool = Field(default=True, description="Whether the operation is scheduled: `true` or `false`.")
    cron: Cron | None = Field(
        default=None,
        description="When it is due, as `cron(minutes hours day-of-month month day-of-week year)`; it must come as often as the calendar says.",
    )
    zone: Zone | None = Field(
        default=None, description="Time zone of `cron`, such as `Europe/Berlin`; what machines do stands in UTC, as the maintenance does."
    )
    owner: Owner | None = Field(default=None, description="Who answers for it: `operations`, `platform`, `security` or `trading`.")


class Schedules(Section):
    """The seeds' daily, weekly, monthly and quarterly operations."""

    machine: bool = Field(default=True, description="Whether machines' daily checks run: `true` or `false`.")
    people: bool = Field(default=True, description="Whether people are reminded of their reviews, trainings and drills: `true` or `false`.")
    owners: dict[Owner, Email] = Field(
        default_factory=dict,
        max_length=4,
        description="One address an owner for its reminders; an owner without one is reached at all of `alarms.emails`.",
    )
    handled_hours: Annotated[int, Field(ge=1, le=24)] = Field(
        default=2, description="How long a machine's check may wait until it is done, 1 to 24 hours; then an alarm is raised."
    )
    changes: dict[OperationName, ScheduleChange] = Field(
        default_factory=dict, max_length=60, description="What is done otherwise, by the schedule's name in docs/operations-calendar.md."
    )
