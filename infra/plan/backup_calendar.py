"""The backup calendar of seed 003 (DTO-155 to DTO-158) as AWS Backup rules, and the proof that no start meets RDS's maintenance. Pure.

All times are UTC. A minute of the week counts from Sunday 00:00, so that Sunday 01:00 is minute 60.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.settings.data import Backup, LockMode, RestoreTest

DAY = 24 * 60
WEEK = 7 * DAY
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

FOUR_HOURLY_DAYS = 7
"""How long the backups in between are kept, in days: until the weekly one has long been taken."""
CONTINUOUS_DAYS = 35
"""How far back a point-in-time restore reaches, in days: AWS Backup's longest."""
START_MINUTES = 60
"""A job starts within this time of its schedule, in minutes: AWS Backup's shortest."""
COMPLETION_MINUTES = 480
LONGEST_LOCK_DAYS = 366
"""A vault lock's upper bound must leave room for the monthly backups' 12 months."""
ACKNOWLEDGEMENT = "this lock can never be removed"
COLD_DAYS = 90
"""AWS Backup keeps what it has moved to cold storage for this many days at least, and bills as many."""
COLD_TYPES = ("EFS",)
"""Of what the platform holds, this moves to cold storage. For RDS and EBS AWS Backup ignores the setting; DynamoDB needs the service's
advanced features for it, which are an account's setting."""
LOG_TEST_HOURS = 3
"""The restore from the log starts this many hours after that of the snapshots, so that the two do not wait for each other."""
TEST_START_HOURS = 1
"""A restore test starts within this time of its schedule, in hours: AWS Backup's shortest."""
LONGEST_AGE_DAYS = 8
"""A weekly proof that is older than this has been missed."""
MAINTENANCE = "sun:02:00-sun:04:00"
"""The seed's maintenance window (DESIGN.md, numbers): rotations, restarts and RDS's own maintenance. No restored copy may hang about in it."""


@dataclass(frozen=True)
class Rule:
    """One rule of a backup plan.

    Args:
        name: Letters, digits, hyphens and underscores, 1 to 50.
        schedule: AWS's six-field cron expression, in UTC.
        keep_days: Days until AWS Backup deletes the recovery point, in both regions.
        copied: Whether a copy goes to the second region.
        continuous: Whether the rule ships the log continuously, for a restore to any second of the last `keep_days` days.
        cold_days: Days until AWS Backup moves the recovery point to cold storage, where the resource's type has one (`COLD_TYPES`).
    """

    name: str
    schedule: str
    keep_days: int
    copied: bool
    continuous: bool = False
    cold_days: int | None = None


def calendar(settings: Backup) -> tuple[Rule, ...]:
    """The rules that take snapshots: daily, weekly, monthly, and every four hours.

    Raises:
        ValueError: A rule deletes less than 90 days after it moves to cold storage, which AWS Backup refuses.
    """
    rules = (
        Rule("daily", "cron(0 2 * * ? *)", settings.daily_days, copied=True),
        Rule("weekly", "cron(0 1 ? * SUN *)", settings.weekly_days, copied=True),
        Rule("monthly", "cron(0 0 ? * 1#1 *)", settings.monthly_days, copied=True, cold_days=settings.cold_after_days),
        Rule("four-hourly", "cron(0 0/4 * * ? *)", FOUR_HOURLY_DAYS, copied=True),
    )
    for rule in rules:
        if problem := cold_problem(rule):
            raise ValueError(f"backup: {problem}")
    return rules


def cold_problem(rule: Rule) -> str | None:
    """What AWS Backup refuses about a rule's cold storage, or None: delete 90 days after the move or later, and never for a log."""
    if rule.cold_days is None:
        return None
    if rule.continuous:
        return f"{rule.name} moves to cold storage, which continuous backups have none of"
    if rule.keep_days < rule.cold_days + COLD_DAYS:
        return (
            f"{rule.name} is deleted after {rule.keep_days} days, but AWS Backup keeps what moved to cold storage after {rule.cold_days} days "
            f"until day {rule.cold_days + COLD_DAYS} at least"
        )
    return None


def log_shipping() -> Rule:
    """The rule that replaces seed 003's 15-minute log backups: RDS ships its log every five minutes while continuous backup is on.

    AWS Backup copies snapshots to another region, never a continuous recovery point, so this rule has no copy.
    """
    return Rule("continuous", "cron(0 5 * * ? *)", CONTINUOUS_DAYS, copied=False, continuous=True)


@dataclass(frozen=True)
class Lock:
    """A vault's lock: bounds of retention in days, and the cooling-off days of compliance mode (None in governance mode)."""

    min_days: int
    max_days: int
    cooling_off_days: int | None


def lock(settings: Backup) -> Lock | None:
    """The lock of both vaults, or None where the settings want none.

    Raises:
        ValueError: Compliance mode without its acknowledgement: AWS removes such a lock for nobody once its cooling-off days are over.
    """
    if settings.lock is LockMode.NONE:
        return None
    if settings.lock is LockMode.COMPLIANCE and settings.acknowledge_compliance != ACKNOWLEDGEMENT:
        raise ValueError(f"backup: lock `compliance` needs acknowledgeCompliance: {ACKNOWLEDGEMENT}")
    kept = [rule.keep_days for rule in (*calendar(settings), log_shipping())]
    cooling = settings.cooling_off_days if settings.lock is LockMode.COMPLIANCE else None
    return Lock(min(kept), max(LONGEST_LOCK_DAYS, *kept), cooling)


def _number(text: str, names: tuple[str, ...], offset: int) -> int:
    upper = text.upper()
    return names.index(upper) + offset if upper in names else int(text)


def _field(text: str, low: int, high: int, names: tuple[str, ...] = (), offset: int = 0) -> list[int]:
    """Every value that one field of a cron expression matches."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        elif "-" in span:
            first, last = (_number(end, names, offset) for end in span.split("-", 1))
        else:
            first = _number(span, names, offset)
            last = high if step else first
        if not low <= first <= last <= high or (step and int(step) < 1):
            raise ValueError(f"`{part}` is not within {low} to {high}")
        found.update(range(first, last + 1, int(step or 1)))
    return sorted(found)


def starts(schedule: str) -> tuple[int, ...]:
    """Every minute of the week at which `schedule` can fire in some week, rising.

    Days of the month and months do not follow the week, so a schedule by day of month counts for every weekday, and the nth weekday of a
    month for that weekday: rather one start too many than one too few.

    Raises:
        ValueError: Not one of AWS's cron expressions (`cron(minutes hours day-of-month month day-of-week year)`), or one by `L` or `W`.
    """
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", schedule)
    if match is None:
        raise ValueError(f"`{schedule}` is not a cron expression of six fields")
    minutes, hours, month_days, months, week_days, years = match.groups()
    if (month_days == "?") == (week_days == "?"):
        raise ValueError(f"`{schedule}`: exactly one of day-of-month and day-of-week must be `?`")
    try:
        _field(months, 1, 12, _MONTHS, 1)
        _field(years, 1970, 2199)
        if week_days == "?":
            _field(month_days, 1, 31)
            days = list(range(7))
        elif "#" in week_days:
            day, nth = week_days.split("#", 1)
            _field(nth, 1, 5)
            days = [number - 1 for number in _field(day, 1, 7, _DAYS, 1)]
        else:
            days = [number - 1 for number in _field(week_days, 1, 7, _DAYS, 1)]
        times = [hour * 60 + minute for hour in _field(hours, 0, 23) for minute in _field(minutes, 0, 59)]
    except ValueError as bad:
        raise ValueError(f"`{schedule}`: {bad}") from None
    return tuple(sorted(day * DAY + time for day in days for time in times))


def window(text: str) -> tuple[int, int]:
    """Minutes of the week of a window such as `sun:03:30-sun:04:00`; the end lies behind the start, beyond the week's end if need be.

    Raises:
        ValueError: Not such a window.
    """
    match = re.fullmatch(r"([a-z]{3}):(\d\d):(\d\d)-([a-z]{3}):(\d\d):(\d\d)", text)
    if match is None or match[1].upper() not in _DAYS or match[4].upper() not in _DAYS:
        raise ValueError(f"`{text}` is not a window such as sun:03:30-sun:04:00")
    first = _DAYS.index(match[1].upper()) * DAY + int(match[2]) * 60 + int(match[3])
    last = _DAYS.index(match[4].upper()) * DAY + int(match[5]) * 60 + int(match[6])
    return first, last if last > first else last + WEEK


def clock(minute: int) -> str:
    """A minute of the week for people: `Sun 02:30`."""
    day, time = divmod(minute % WEEK, DAY)
    return f"{_DAYS[day].title()} {time // 60:02d}:{time % 60:02d}"


def conflicts(rules: Iterable[Rule], maintenance: str) -> tuple[str, ...]:
    """Every scheduled start inside RDS's maintenance window or in the hour before it, where AWS Backup's RDS jobs fail; empty if none.

    Args:
        rules: The rules that cover an RDS instance.
        maintenance: RDS's window, such as `sun:03:30-sun:04:00`.
    """
    first, last = window(maintenance)
    blocked = last - first + 60
    return tuple(
        f"{rule.name} starts {clock(start)}, between {clock(first - 60)} and {clock(last)}"
        for rule in rules
        for start in starts(rule.schedule)
        if (start - (first - 60)) % WEEK < blocked
    )


# --- restore tests -------------------------------------------------------------------------------------------------------------------


def restore_schedules(settings: RestoreTest) -> dict[str, str]:
    """When the two restore tests start, by what they restore: the newest snapshots, and the database from its log."""
    day = settings.weekday.value
    return {
        "snapshots": f"cron(0 {settings.start_hours} ? * {day} *)",
        "log": f"cron(0 {settings.start_hours + LOG_TEST_HOURS} ? * {day} *)",
    }


def restore_conflict(settings: RestoreTest, maintenance: str = MAINTENANCE) -> str | None:
    """Why a restored copy would still be there while the platform is maintained, or None.

    A test takes up to its start window, the restore (its target, in whole hours) and the time that the copy is kept. A copy in the
    maintenance window would be counted against databases that are being restarted, and a failure there would tell nothing.
    """
    length = (TEST_START_HOURS + -(-settings.rto_minutes // 60) + settings.keep_hours) * 60
    first, last = window(maintenance)
    for name, schedule in restore_schedules(settings).items():
        for start in starts(schedule):
            before = (first - start) % WEEK
            if before < length or (start - first) % WEEK < last - first:
                return f"the test of {name} starts {clock(start)} and may last until {clock(start + length)}, into {clock(first)} to {clock(last)}"
    return None


# --- audit ---------------------------------------------------------------------------------------------------------------------------

AUDITED_TYPES = ("DynamoDB", "EFS", "RDS")
"""What AWS Backup Audit Manager looks for in the account. EBS is left out: the volumes of etcd and of machines are in no plan on purpose,
and a scope knows no exception; `nautilus backup coverage` proves those that are."""


@dataclass(frozen=True)
class Control:
    """One control of a framework: AWS's name for it, its parameters, and the resource types that it looks at (all, if empty)."""

    name: str
    parameters: Mapping[str, str]
    types: tuple[str, ...] = ()


def controls(settings: Backup, *, dr_region: str) -> tuple[Control, ...]:
    """What must hold for the backups, in the order of the names.

    Without a lock there is no control of locks, and without restore tests none of their duration.
    """
    bounds = lock(settings)
    kept = [rule.keep_days for rule in (*calendar(settings), log_shipping())]
    found = [
        Control("BACKUP_LAST_RECOVERY_POINT_CREATED", {"recoveryPointAgeUnit": "days", "recoveryPointAgeValue": "1"}, AUDITED_TYPES),
        Control(
            "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK",
            {
                "requiredFrequencyUnit": "days",
                "requiredFrequencyValue": "1",
                "requiredRetentionDays": str(min(settings.daily_days, CONTINUOUS_DAYS)),
            },
        ),
        Control("BACKUP_RECOVERY_POINT_ENCRYPTED", {}),
        Control("BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED", {}),
        Control("BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK", {"requiredRetentionDays": str(min(kept))}),
        Control("BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN", {}, AUDITED_TYPES),
        Control("BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION", {"crossRegionList": dr_region}, AUDITED_TYPES),
    ]
    if bounds is not None:
        limits = {"maxRetentionDays": str(bounds.max_days), "minRetentionDays": str(bounds.min_days)}
        found.append(Control("BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK", limits, AUDITED_TYPES))
    if settings.restore_test.enabled:
        target = {"maxRestoreTime": str(settings.restore_test.rto_minutes)}
        found.append(Control("RESTORE_TIME_FOR_RESOURCES_MEET_TARGET", target, AUDITED_TYPES))
    return tuple(sorted(found, key=lambda control: control.name))
