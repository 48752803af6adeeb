"""Recurring operations: moved ones still come as often as they must, where they must not be in the way, and somebody hears of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from infra.plan.operations import BY_KEY, UTC, Kind, cron_problem, in_maintenance
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.root import Settings


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        return False
    return True


def schedules(settings: Settings) -> Iterator[Finding]:
    """Every change fits the operation that it changes."""
    for name, change in settings.schedules.changes.items():
        base: Path = ("schedules", "changes", name)
        operation = BY_KEY[name]
        cron, zone = (*base, "cron"), (*base, "zone")
        if change.cron is not None and (problem := cron_problem(change.cron, operation.cadence)):
            yield Finding(cron, f"is refused: {problem}", f"a schedule that is {operation.cadence.value}", operation.when)
            continue
        if change.zone is not None and not _known(change.zone):
            yield Finding(zone, "is no zone of the tz database", "UTC or a zone such as Europe/Berlin", REMOVE)
            continue
        if operation.kind is Kind.MACHINE and change.zone not in (None, UTC):
            yield Finding(zone, "moves what machines do with the clocks; the maintenance stands in UTC", "UTC", UTC)
            continue
        if problem := in_maintenance(replace(operation, when=change.cron or operation.when)):
            yield Finding(cron, f"meets the weekly maintenance: {problem}", "a start outside of it", operation.when)
