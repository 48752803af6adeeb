"""The seeds' recurring operations: what is done daily, weekly, monthly and quarterly, by whom, and when. Pure.

Two kinds, because a schedule can do only half of them. What a machine can look at by itself goes to the `operations` queue, where a function
works on it and whoever leaves it undone is noticed. What people judge (a review, a training, a drill) is a reminder to its owner by mail: a
schedule can say that it is due, never that it was done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from infra.plan.backup_calendar import DAY, MAINTENANCE, WEEK, clock, starts, window

UTC = "UTC"
DESK = "America/New_York"
"""Where the people are: half an hour before the exchanges open is the same time of their day in summer and winter."""
QUEUE = "operations"
SCHEDULED, EXECUTION = "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>"
"""What EventBridge Scheduler replaces in a message: when it was due, and an id that is the same in every repetition."""
MESSAGE_BYTES = 256 * 1024
"""Longest message of SQS and SNS; EventBridge Scheduler's own limit for an input is the same."""


class Kind(StrEnum):
    """Who does it."""

    MACHINE = "machine"
    PEOPLE = "people"


class Cadence(StrEnum):
    """How often. Each has a schedule group of its own, by which EventBridge Scheduler counts what went wrong."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class Owner(StrEnum):
    """Who answers for it; the same words as in the inventory of secrets, and `security`."""

    OPERATIONS = "operations"
    PLATFORM = "platform"
    SECURITY = "security"
    TRADING = "trading"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One recurring operation."""

    key: str
    """Short and stable: part of the schedule's name, its URN and the settings' keys; starts with the cadence."""
    cadence: Cadence
    kind: Kind
    owner: Owner
    what: str
    """What is to be done, as a sentence for whoever gets the message."""
    seeds: tuple[str, ...]
    """Lines of the seeds that ask for it."""
    page: str
    """Where it is written how, below docs/."""
    when: str
    """`cron(…)` of EventBridge Scheduler, six fields."""
    zone: str = UTC
    """Time zone of `when`, by its name in the tz database."""


def _people(cadence: Cadence, when: str, *rows: tuple[str, Owner, str, tuple[str, ...], str]) -> Iterator[Operation]:
    for key, owner, what, seeds, page in rows:
        yield Operation(
            key=f"{cadence}-{key}",
            cadence=cadence,
            kind=Kind.PEOPLE,
            owner=owner,
            what=what,
            seeds=seeds,
            page=page,
            when=when,
            zone=DESK,
        )


def _machine(when: str, *rows: tuple[str, Owner, str, tuple[str, ...], str]) -> Iterator[Operation]:
    for key, owner, what, seeds, page in rows:
        yield Operation(
            key=f"{Cadence.DAILY}-{key}",
            cadence=Cadence.DAILY,
            kind=Kind.MACHINE,
            owner=owner,
            what=what,
            seeds=seeds,
            page=page,
            when=when,
        )


_OPS, _PLATFORM, _SECURITY, _TRADING = Owner.OPERATIONS, Owner.PLATFORM, Owner.SECURITY, Owner.TRADING

OPERATIONS: tuple[Operation, ...] = (
    # 06:30 UTC: after the night's backups (02:00 to 05:00) and Sunday's maintenance (to 04:00), before Europe's day.
    *_machine(
        "cron(30 6 * * ? *)",
        ("system-health", _OPS, "Every alarm is silent and every service has its tasks.", ("OTE-127", "DTO-273"), "runbooks/schedules.md"),
        (
            "backup-verification",
            _PLATFORM,
            "Every backup of the last day has succeeded, and what holds data has a recovery point that is younger than a day.",
            ("OTE-130", "DTO-276"),
            "runbooks/backup.md",
        ),
    ),
    *_people(
        Cadence.DAILY,
        "cron(45 8 * * ? *)",
        (
            "performance-review",
            _OPS,
            "Read yesterday's figures of the API, the databases and the engine: is anything slower than last week?",
            ("OTE-128", "DTO-275"),
            "runbooks/latency.md",
        ),
        (
            "capacity",
            _OPS,
            "Look at yesterday's use of CPU, memory and disks, and at the number of tasks.",
            ("OTE-132",),
            "runbooks/capacity.md",
        ),
        (
            "api",
            _OPS,
            "Look at yesterday's requests, failures and latency of the API, and at the uptime checks.",
            ("OTE-133",),
            "runbooks/latency.md",
        ),
        (
            "database",
            _PLATFORM,
            "Look at yesterday's connections, slow queries and replication of the databases.",
            ("OTE-134",),
            "runbooks/database.md",
        ),
        (
            "error-analysis",
            _OPS,
            "Read yesterday's errors in the logs of every service; open an issue for each new kind.",
            ("OTE-129", "DTO-274", "PFC-228"),
            "runbooks/errors.md",
        ),
        (
            "security-review",
            _SECURITY,
            "Read yesterday's findings: GuardDuty, refused connections, refused sign-ins, changes of IAM.",
            ("OTE-131", "DTO-277"),
            "runbooks/access.md",
        ),
        (
            "alert-review",
            _OPS,
            "Go through the alarms of the last day: each is explained, over, or an issue with an owner.",
            ("OTE-135", "PFC-226"),
            "runbooks/README.md",
        ),
        (
            "trading-verification",
            _TRADING,
            "Yesterday's orders, positions and profit agree with the broker; the reconciliation's report has no open line.",
            ("DTO-278", "PFC-227", "PFC-229"),
            "operations-calendar.md",
        ),
        (
            "documentation",
            _PLATFORM,
            "Whatever changed yesterday is described as it now is.",
            ("OTE-136",),
            "operations-calendar.md",
        ),
    ),
    *_people(
        Cadence.WEEKLY,
        "cron(0 9 ? * MON *)",
        (
            "performance-analysis",
            _OPS,
            "Compare the week's latency, throughput and errors with the four weeks before.",
            ("OTE-137", "DTO-279", "PFC-232"),
            "runbooks/latency.md",
        ),
        (
            "capacity-review",
            _OPS,
            "Look at the week's peaks of tasks, databases and disks; what reaches its limit within a month is enlarged now.",
            ("OTE-139", "DTO-281"),
            "runbooks/capacity.md",
        ),
        (
            "team-sync",
            _OPS,
            "The operations team meets: what happened, what is planned, who is on call.",
            ("OTE-143",),
            "operations-calendar.md",
        ),
        (
            "incident-review",
            _OPS,
            "Go through the week's incidents; each has a cause, a lesson and a date for its repair.",
            ("OTE-144",),
            "operations-calendar.md",
        ),
        (
            "improvement-planning",
            _OPS,
            "Choose next week's improvement from what the reviews have shown.",
            ("OTE-145",),
            "operations-calendar.md",
        ),
    ),
    *_people(
        Cadence.WEEKLY,
        "cron(0 10 ? * TUE *)",
        (
            "security-audit",
            _SECURITY,
            "Read the week's image scans, security findings and accepted findings that end soon.",
            ("OTE-138", "DTO-280", "DTO-057"),
            "runbooks/images.md",
        ),
        (
            "update-review",
            _PLATFORM,
            "Look at new versions of base images, engines, libraries and the machine image; plan what is needed.",
            ("OTE-141",),
            "deploy.md",
        ),
        (
            "configuration-audit",
            _PLATFORM,
            "Compare the stack with its program (`nautilus refresh`), and the week's changes of configuration with their reviews.",
            ("DTO-282",),
            "deploy.md",
        ),
    ),
    *_people(
        Cadence.WEEKLY,
        "cron(0 10 ? * WED *)",
        (
            "backup-test-review",
            _PLATFORM,
            "Read the report of this week's restore test: what was restored, how long it took, what was compared.",
            ("OTE-140", "DTO-186"),
            "runbooks/restore-test.md",
        ),
        (
            "recovery-procedures",
            _PLATFORM,
            "Read the disaster recovery pages against what exists now, and correct them.",
            ("DTO-185", "DTO-283"),
            "dr.md",
        ),
        (
            "documentation-review",
            _PLATFORM,
            "Read one part of the documentation against the platform, in turn, and correct it.",
            ("OTE-142",),
            "operations-calendar.md",
        ),
        (
            "training",
            _OPS,
            "Somebody shows the team one thing: a runbook, a tool, an incident of another house.",
            ("OTE-146", "DTO-284"),
            "operations-calendar.md",
        ),
    ),
    *_people(
        Cadence.MONTHLY,
        "cron(0 10 ? * 2#1 *)",
        (
            "system-audit",
            _PLATFORM,
            "Go through the whole platform: resources without an owner, rights that nobody uses, exemptions, costs, open reviews.",
            ("OTE-147",),
            "operations-calendar.md",
        ),
        (
            "performance-optimization",
            _PLATFORM,
            "Take the slowest queries and requests of the month, and make one of them faster.",
            ("OTE-148", "DTO-287"),
            "runbooks/slow-queries.md",
        ),
        (
            "security-assessment",
            _SECURITY,
            "Assess the month: findings and how long they stood open, who has which access, what rotated and what did not.",
            ("OTE-149", "DTO-286"),
            "access.md",
        ),
        (
            "capacity-planning",
            _OPS,
            "Plan the next quarter's capacity from the growth of orders, market data and disks.",
            ("OTE-151",),
            "runbooks/capacity.md",
        ),
        (
            "update-planning",
            _PLATFORM,
            "Plan the month's updates and the maintenance that they need, and announce a major release a week before.",
            ("OTE-152", "NDS-078"),
            "deploy.md",
        ),
    ),
    *_people(
        Cadence.MONTHLY,
        "cron(0 10 ? * 3#2 *)",
        (
            "recovery-test",
            _PLATFORM,
            "Practise the failover to the second region, and write down how long each step took.",
            ("OTE-150", "DTO-285"),
            "dr.md",
        ),
        (
            "restore-test",
            _PLATFORM,
            "Restore what the weekly test does not cover, and check that retention is as the calendar says.",
            ("DTO-161", "DTO-188", "DTO-189", "DTO-288"),
            "runbooks/restore.md",
        ),
        (
            "documentation-audit",
            _PLATFORM,
            "Read all documentation for what is wrong or missing, and divide the repairs.",
            ("OTE-153", "DTO-289"),
            "operations-calendar.md",
        ),
        (
            "team-training",
            _OPS,
            "A training for everybody on call; new people shadow a shift.",
            ("OTE-154", "DTO-290"),
            "operations-calendar.md",
        ),
        (
            "vendor-review",
            _TRADING,
            "Review brokers, exchanges and data vendors: outages, announcements, prices, contracts that end.",
            ("OTE-155",),
            "operations-calendar.md",
        ),
        (
            "budget-review",
            _OPS,
            "Compare the month's bill with the budget and with `nautilus cost`; explain every line that moved.",
            ("OTE-156",),
            "cost.md",
        ),
    ),
    *_people(
        Cadence.QUARTERLY,
        "cron(0 10 ? 1,4,7,10 4#3 *)",
        (
            "security-audit",
            _SECURITY,
            "A complete audit: every access, key, rule and exemption is confirmed by its owner or taken away.",
            ("DTO-291",),
            "access.md",
        ),
        (
            "benchmark",
            _PLATFORM,
            "Measure the platform under load and compare with the last quarter.",
            ("DTO-292",),
            "operations-calendar.md",
        ),
        (
            "recovery-drill",
            _PLATFORM,
            "A full drill of recovery and of failover, with everybody who would take part.",
            ("DTO-293", "DTO-191", "DTO-209"),
            "dr.md",
        ),
        (
            "capacity-assessment",
            _OPS,
            "Assess a year's growth against quotas, reservations and the network's plan.",
            ("DTO-294",),
            "cost.md",
        ),
        (
            "technology-review",
            _PLATFORM,
            "Review the technology: what is out of support within a year is planned out.",
            ("DTO-295",),
            "operations-calendar.md",
        ),
        (
            "continuity-planning",
            _OPS,
            "Go through the plan for the business without the platform: who trades how, who tells whom.",
            ("DTO-296",),
            "operations-calendar.md",
        ),
    ),
)
"""Every recurring operation of the seeds. AWS Backup's own calendar (DTO-155 to DTO-158, DTO-180 to DTO-187) stands in
`infra.plan.backup_calendar`; the reconciliation of orders is a job of its own."""

BY_KEY: Mapping[str, Operation] = MappingProxyType({operation.key: operation for operation in OPERATIONS})


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a stack does otherwise about one operation; None keeps the table's."""

    enabled: bool = True
    when: str | None = None
    zone: str | None = None
    owner: str | None = None


def planned(changes: Mapping[str, Change], *, kinds: Iterable[Kind] = tuple(Kind)) -> tuple[Operation, ...]:
    """The operations of a stack, in the order of the table.

    Args:
        changes: By operation.
        kinds: The kinds that the stack has at all.

    Raises:
        ValueError: A change names an operation that does not exist.
    """
    unknown = sorted(set(changes) - BY_KEY.keys())
    if unknown:
        raise ValueError(f"no such operation: {', '.join(unknown)}")
    wanted, found = frozenset(kinds), list[Operation]()
    for operation in OPERATIONS:
        change = changes.get(operation.key, Change())
        if operation.kind in wanted and change.enabled:
            found.append(
                replace(
                    operation,
                    when=change.when or operation.when,
                    zone=change.zone or operation.zone,
                    owner=Owner(change.owner or operation.owner),
                )
            )
    return tuple(found)


SHORTEST_MONTH = 28
"""Days that every month has."""


def cron_problem(when: str, cadence: Cadence) -> str | None:
    """Why `when` is no schedule of that cadence, or None: EventBridge Scheduler refuses it, or it comes more or less often.

    `L` and `W` are refused: nothing here could tell on which weekday they fall.
    """
    try:
        minutes = starts(when)
    except ValueError as error:
        return str(error)
    _, _, month_days, months, week_days, years = when[5:-1].split()
    if years != "*":
        return f"`{when}` names years: an operation never ends"
    every_month = months == "*"
    if cadence is Cadence.QUARTERLY:
        if every_month or len(months.split(",")) != 4:
            return f"`{when}` is not quarterly: name four months, such as 1,4,7,10"
    elif not every_month:
        return f"`{when}` leaves out months"
    by_day = len(minutes) == len({minute // DAY for minute in minutes})
    days = len({minute // DAY for minute in minutes})
    if not by_day:
        return f"`{when}` fires more than once a day"
    if cadence is Cadence.DAILY and (days != 7 or month_days not in ("*", "?")):
        # Desks that rest at the weekend may leave it out; nothing else is daily.
        return None if week_days.upper() in ("MON-FRI", "2-6") else f"`{when}` is not daily: every day, or MON-FRI"
    if cadence is Cadence.WEEKLY and (days != 1 or week_days in ("?", "*") or "#" in week_days):
        return f"`{when}` is not weekly: name one weekday, such as MON"
    if cadence in (Cadence.MONTHLY, Cadence.QUARTERLY) and not ("#" in week_days or month_days.isdigit()):
        return f"`{when}` does not come once a month: name one day of the month, or the nth weekday such as 2#1"
    if month_days.isdigit() and int(month_days) > SHORTEST_MONTH:
        return f"`{when}` leaves out months without a day {month_days}: name one from 1 to {SHORTEST_MONTH}"
    if week_days.endswith("#5"):
        return f"`{when}` leaves out months without a fifth such day: name the first to the fourth, such as 2#1"
    return None


def in_maintenance(operation: Operation, maintenance: str = MAINTENANCE) -> str | None:
    """Why a machine's operation would meet the weekly maintenance, or None. What people are reminded of may stand there.

    Databases and services are restarted in it, and AWS Backup's jobs fail in the hour before RDS's own window: a check there reports what
    is meant to happen.
    """
    if operation.kind is not Kind.MACHINE:
        return None
    if operation.zone != UTC:
        return f"{operation.key} stands in {operation.zone}: what machines do stands in UTC, as the maintenance does"
    first, last = window(maintenance)
    for start in starts(operation.when):
        if (start - (first - 60)) % WEEK < last - first + 60:
            return f"{operation.key} starts {clock(start)}, between {clock(first - 60)} and {clock(last)}"
    return None


def message(operation: Operation, *, stack: str) -> str:
    """What the schedule sends, as JSON: to the queue in one line, to people's mail in lines that they can read.

    Fields: `operation`, `stack`, `kind`, `cadence`, `owner`, `what`, `page`, `seeds`, `due` (ISO time) and `id` (the same in each repetition
    of one delivery, so that a worker can tell them apart).
    """
    document = {
        "operation": operation.key,
        "stack": stack,
        "kind": operation.kind.value,
        "cadence": operation.cadence.value,
        "owner": operation.owner.value,
        "what": operation.what,
        "page": f"docs/{operation.page}",
        "seeds": list(operation.seeds),
        "due": SCHEDULED,
        "id": EXECUTION,
    }
    if operation.kind is Kind.PEOPLE:
        return json.dumps(document, indent=2, ensure_ascii=True)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def subscribers(operations: Sequence[Operation], *, owners: Mapping[str, str], everybody: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Who gets the reminders of which owners: addresses with the owners' names, both sorted.

    Args:
        operations: What is planned; machines' work reminds nobody.
        owners: One address for an owner, where it has one.
        everybody: Addresses that get what belongs to an owner without one.
    """
    found: dict[str, set[str]] = {}
    for owner in sorted({operation.owner.value for operation in operations if operation.kind is Kind.PEOPLE}):
        for address in [owners[owner]] if owner in owners else everybody:
            found.setdefault(address, set()).add(owner)
    return {address: tuple(sorted(names)) for address, names in sorted(found.items())}


def calendar() -> str:
    """The table of docs/operations-calendar.md."""
    lines = ["| schedule | who | owner | when | what | how | asked for by |", "|---|---|---|---|---|---|---|"]
    for operation in OPERATIONS:
        page = operation.page.rpartition("/")[2]
        lines.append(
            f"| `{operation.key}` | {operation.kind.value} | {operation.owner.value} | `{operation.when}` {operation.zone} "
            f"| {operation.what} | [{page.removesuffix('.md')}]({operation.page}) | {', '.join(operation.seeds)} |"
        )
    return "\n".join(lines)
