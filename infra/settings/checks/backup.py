"""AWS Backup."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan import backup_calendar as plan
from infra.plan.postgres import MAINTENANCE_WINDOW
from infra.settings.checks.finding import Finding
from infra.settings.data import LockMode, RestoreTest, Weekday
from infra.settings.problems import Path
from infra.settings.root import Settings


def backup(settings: Settings) -> Iterator[Finding]:
    """Longer-lived backups live longer, cold ones long enough, no start meets a maintenance, and an irrevocable lock is accepted in words."""
    own = settings.backup
    for name, value, shorter, least in (
        ("weeklyDays", own.weekly_days, "dailyDays", own.daily_days),
        ("monthlyDays", own.monthly_days, "weeklyDays", own.weekly_days),
    ):
        if value < least:
            yield Finding(("backup", name), f"is less than backup.{shorter} = {least}", f"{least} or more", least, (("backup", shorter),))
    phrase = "this lock can never be removed"
    if own.lock is LockMode.COMPLIANCE and own.acknowledge_compliance != phrase:
        yield Finding(
            ("backup", "acknowledgeCompliance"),
            f"is needed for backup.lock = compliance: after {own.cooling_off_days} days nobody can delete a backup before its time, not even AWS; "
            "if that is not meant, take governance",
            phrase,
            LockMode.GOVERNANCE.value,
            (("backup", "lock"),),
            ("backup", "lock"),
        )
    yield from _cold(settings)
    yield from _windows(settings)


def _cold(settings: Settings) -> Iterator[Finding]:
    """AWS Backup's rule for cold storage: deletion 90 days after the move, or later."""
    own = settings.backup
    if own.cold_after_days is None:
        return
    most = own.monthly_days - plan.COLD_DAYS
    if own.cold_after_days > most:
        yield Finding(
            ("backup", "coldAfterDays"),
            f"is {own.cold_after_days}, but backup.monthlyDays = {own.monthly_days} deletes monthly backups less than {plan.COLD_DAYS} days later, "
            "which AWS Backup refuses",
            f"1 to {most}",
            most,
            (("backup", "monthlyDays"),),
        )


def _windows(settings: Settings) -> Iterator[Finding]:
    """AWS Backup's RDS jobs fail in RDS's maintenance and in the hour before; restore tests stay clear of the platform's."""
    own = settings.backup
    rules = plan.calendar(own.model_copy(update={"cold_after_days": None}))
    for words in plan.conflicts((*rules, plan.log_shipping()), MAINTENANCE_WINDOW):
        yield Finding(("backup",), f"has a rule whose jobs RDS refuses: {words}")
    conflict = plan.restore_conflict(own.restore_test) if own.restore_test.enabled else None
    if conflict:
        base: Path = ("backup", "restoreTest")
        times = ((*base, "keepHours"), (*base, "rtoMinutes"))
        free = _free_hour(own.restore_test)
        if free is None:
            day = Weekday.MONDAY.value
            yield Finding(
                (*base, "weekday"),
                f"has no hour from 0 to 20 that would do: {conflict}",
                f"a day whose copies are gone before the maintenance of Sunday 02:00 to 04:00 UTC, such as {day}, or fewer keepHours or rtoMinutes",
                day,
                ((*base, "startHours"), *times),
            )
            return
        yield Finding(
            (*base, "startHours"),
            f"is {own.restore_test.start_hours}: {conflict}",
            "a start that leaves the copies' time before or after the maintenance of Sunday 02:00 to 04:00 UTC",
            free,
            ((*base, "weekday"), *times),
        )


def _free_hour(settings: RestoreTest) -> int | None:
    """The first hour of the same day that is clear; None where every test of that day would last into the maintenance."""
    for hour in range(21):
        if plan.restore_conflict(settings.model_copy(update={"start_hours": hour})) is None:
            return hour
    return None
