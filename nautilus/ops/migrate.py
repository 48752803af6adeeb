"""Database migrations: a dry run, the execution and the data check as one-off tasks, and the record that rollouts ask for.

The program in the task is the application's; what is expected of it stands in docs/migrations.md: its last argument says what to do, its
exit code is the answer, and its lines of JSON are the reasons.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from nautilus.ops import jobs
from nautilus.ops.jobs import Ended, JobError, JobFacts, JobLostError, Revision
from nautilus.ops.rollout.records import LONGEST_WHY, Migration, put_migration

JOB: Final = "migrations"
STARTED_BY: Final = "nautilus-migrate"
_END: Final = "migration.end"
_CANNOT_TELL: Final = 3


class Mode(StrEnum):
    """What a run is for; its value is the program's last argument."""

    CHECK = "check"
    DRY_RUN = "dry-run"
    EXECUTE = "execute"


class Answer(StrEnum):
    """What a run says."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Clients:
    """AWS, in the platform's region."""

    ecs: Any
    logs: Any
    ssm: Any
    rds: Any


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a migration is not executed."""

    code: str
    text: str
    repair: str
    """What mends it; `{stack}` stands for the stack's name."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the data check."""

    database: str
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Report:
    """What a run said, by its lines and its exit code."""

    mode: Mode
    answer: Answer
    why: str
    """The first reason where the answer is not yes."""
    checks: tuple[Check, ...] = ()
    pending: tuple[str, ...] | None = None
    """Files that are not applied, as `database: file`; None where the program does not say."""
    applied: tuple[str, ...] = ()
    task: str = ""
    untouched: bool = False
    """Whether nothing can have changed: the task never started, or its program says that it could not tell and applied nothing."""

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "mode": self.mode.value,
            "answer": self.answer.value,
            "why": self.why,
            "checks": [{"database": one.database, "name": one.name, "ok": one.ok, "detail": one.detail} for one in self.checks],
            "pending": None if self.pending is None else list(self.pending),
            "applied": list(self.applied),
            "task": self.task,
        }


def parse_line(line: str) -> Mapping[str, Any] | None:
    """A line as an event of ours; None for anything else that a program writes."""
    if not line.startswith("{"):
        return None
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    if isinstance(found, dict) and str(cast("dict[str, Any]", found).get("event", "")).startswith("migration."):
        return cast("dict[str, Any]", found)
    return None


def complete(lines: Sequence[str]) -> bool:
    """Whether the program's closing line is among them."""
    return any((event := parse_line(line)) is not None and event["event"] == _END for line in lines)


def _file(event: Mapping[str, Any]) -> str:
    return f"{event['database']}: {event.get('file', '')}" if event.get("database") else str(event.get("file", ""))


def judge(mode: Mode, ended: Ended) -> Report:
    """What a task that ended says. A yes needs exit code 0, a data check with one line at least, and no line that failed.

    Lines without exit code 0 convince nobody, and exit code 0 without a data check does not either: a program that checks nothing, or whose
    log is lost, has shown nothing.
    """
    events = [event for line in ended.lines if (event := parse_line(line)) is not None]
    checks = tuple(
        Check(str(one.get("database", "")), str(one.get("name", "")), one.get("ok") is True, str(one.get("detail", "")))
        for one in events
        if one["event"] == "migration.check"
    )
    states = [one for one in events if one["event"] == "migration.state"]
    pending: tuple[str, ...] | None = None
    if states:
        pending = tuple(
            f"{state['database']}: {name}" if state.get("database") else str(name)
            for state in states
            for name in state.get("pending") or ()
        )
    applied = tuple(_file(one) for one in events if one["event"] == "migration.applied")
    reasons = [str(one.get("detail", "")) for one in events if one["event"] in ("migration.failed", "migration.unclear")]
    reasons += [f"data check {one.name}: {one.detail}" for one in checks if not one.ok]
    if ended.exit_code == 0:
        if not reasons and not checks:
            return Report(mode, Answer.UNCLEAR, "the program reported no data check", checks, pending, applied, ended.task)
        if not reasons and mode is Mode.EXECUTE and pending:
            reasons = [f"still not applied: {', '.join(pending)}"]
        return Report(mode, Answer.NO if reasons else Answer.YES, reasons[0] if reasons else "", checks, pending, applied, ended.task)
    never = ended.stop_code == "TaskFailedToStart"
    ran = "it never started" if never else f"it ended with {'no exit code' if ended.exit_code is None else f'exit code {ended.exit_code}'}"
    why = reasons[0] if reasons else ": ".join(filter(None, (ran, ended.reason or ended.stop_code)))
    untouched = never or (ended.exit_code == _CANNOT_TELL and complete(ended.lines) and not applied)
    return Report(mode, Answer.NO if ended.exit_code == 1 else Answer.UNCLEAR, why, checks, pending, applied, ended.task, untouched)


def service_of(job: JobFacts) -> str:
    """The service whose image and database the migrations are.

    Raises:
        JobError: the stack does not say.
    """
    found = job.more.get("service")
    if not isinstance(found, str) or not found:
        raise JobError("the stack's output for the job migrations names no service")
    return found


def record(ssm: Any, parameter: str, *, digest: str, status: str, who: str, at: datetime, detail: str) -> Migration:
    """Write how the migration of a digest stands, for the rollout hook and `nautilus rollout start`."""
    # Parameter Store takes two opening braces for a reference to another parameter, and refuses the value: no two may stay together.
    said = re.sub(r"\{(?=\{)", "{ ", detail)[:LONGEST_WHY]
    made = Migration(digest, status, who, at.astimezone(UTC).isoformat(timespec="seconds"), said)
    put_migration(ssm, parameter, made)
    return made


def objections(clients: Clients, job: JobFacts, known: Migration | None, digest: str, *, mode: Mode, now: datetime) -> list[Objection]:
    """Everything that speaks against a run now; for `check` and `dry-run` only that another runs.

    Args:
        clients: AWS.
        job: The job.
        known: The record as it stands.
        digest: The image.
        mode: What is asked.
        now: The time.
    """
    found: list[Objection] = []
    if busy := jobs.running(clients.ecs, job):
        found.append(
            Objection(
                "busy",
                f"a migration task runs already: {busy[0].rpartition('/')[2]}",
                f"wait for it: aws logs tail {job.log_group} --follow",
            )
        )
    if mode is Mode.EXECUTE:
        found += _unproven(job, known, digest, now)
        found += _no_way_back(clients.rds, job, now)
    return found


def _unproven(job: JobFacts, known: Migration | None, digest: str, now: datetime) -> list[Objection]:
    """Whether a dry run and its data check passed for this very image, not long ago."""
    again = "nautilus migrate --dry-run --stack {stack}"
    if known is None:
        return [Objection("no-dry-run", "no dry run is recorded", again)]
    if known.failed:
        return [Objection("failed", f"the last run failed at {known.at} ({known.who}): {known.detail or 'no detail'}", again)]
    if known.digest != digest:
        return [Objection("no-dry-run", f"the last dry run was of {known.digest}, not of {digest}", again)]
    hours = int(job.more.get("dryRunHours", 24))
    try:
        age = now - datetime.fromisoformat(known.at)
    except (ValueError, TypeError):
        return [Objection("no-dry-run", f"the record's time cannot be read: {known.at}", again)]
    if not timedelta(minutes=-5) <= age <= timedelta(hours=hours):
        return [Objection("old", f"the dry run is of {known.at}, more than {hours} hours old", again)]
    return []


def _no_way_back(rds: Any, job: JobFacts, now: datetime) -> list[Objection]:
    """Whether the database could be restored to a moment ago."""
    name, minutes = str(job.more.get("database", "")), int(job.more.get("restorePointMinutes", 15))
    repair = "docs/runbooks/backup.md: a backup must work before its data is changed"
    if not name:
        return [Objection("no-database", "the stack does not name the database of its migrations", "nautilus up --stack {stack}")]
    [instance] = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    latest = instance.get("LatestRestorableTime")
    if latest is None:
        return [Objection("no-restore-point", f"{name} cannot be restored to any point in time", repair)]
    if now - latest > timedelta(minutes=minutes):
        text = f"{name} can be restored to {latest.astimezone(UTC).isoformat(timespec='seconds')} at the latest, more than {minutes} minutes ago"
        return [Objection("no-restore-point", text, repair)]
    return []


@dataclass(frozen=True)
class Runs:
    """How one task after the other is run: everything that stays the same between them."""

    clients: Clients
    job: JobFacts
    revision: Revision
    seconds: float
    """How long each may take."""
    on_line: Callable[[str], None] | None = None
    """Hears each line at once."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def start(self, mode: Mode) -> str:
        """Start a task; its ARN.

        Raises:
            JobError: ECS would not run it.
        """
        return jobs.start(self.clients.ecs, self.job, self.revision, mode.value, by=STARTED_BY)

    def follow(self, mode: Mode, task: str) -> Report:
        """Wait for its end.

        A task that does not end in time is stopped unless it executes: an execution is left to end, because its file is either committed or
        not, and a person decides.

        Raises:
            JobLostError: it did not end in time.
        """
        at, clients = self.job, self.clients
        try:
            ended = jobs.follow(
                clients.ecs,
                clients.logs,
                at,
                task,
                seconds=self.seconds,
                last=complete,
                on_line=self.on_line,
                clock=self.clock,
                sleep=self.sleep,
            )
        except JobLostError:
            if mode is not Mode.EXECUTE:
                jobs.stop(clients.ecs, at, task, "nautilus migrate: it took longer than allowed")
            raise
        return judge(mode, ended)

    def run(self, mode: Mode) -> Report:
        """One task from its start to its report."""
        return self.follow(mode, self.start(mode))


@dataclass(frozen=True)
class Done:
    """What a whole command came to."""

    reports: tuple[Report, ...]
    record: Migration | None
    """The record afterwards; None where there is none."""

    @property
    def answer(self) -> Answer:
        """The last run's."""
        return self.reports[-1].answer

    @property
    def why(self) -> str:
        """The last run's."""
        return self.reports[-1].why


@dataclass(frozen=True)
class Notes:
    """Who writes the record, and where it stands."""

    parameter: str
    who: str
    why: str
    """The reason, kept in the record."""
    now: Callable[[], datetime]


def carry_out(runs: Runs, mode: Mode, notes: Notes, known: Migration | None) -> Done:
    """Run what is asked, and write the record that follows from it. `objections` were asked before.

    - dry run: yes gives `checked`, no gives `failed`; no answer changes nothing.
    - execution: while it runs the record says `failed`, so that nothing is deployed meanwhile, even where this command is killed; then the
      data check runs as a task of its own. Both yes give `executed`. An execution that can have changed nothing gives the earlier record
      back; every other end leaves `failed`.
    - check: no gives `failed`. Yes gives `executed` where the program says that nothing is pending.

    Args:
        runs: How tasks are run.
        mode: What for.
        notes: The record's place and its author.
        known: The record as it stands.

    Raises:
        JobError: ECS would not run it.
        JobLostError: it did not end in time.
    """

    def noted(status: str, detail: str) -> Migration:
        said = "; ".join(filter(None, (detail, notes.why)))
        return record(
            runs.clients.ssm, notes.parameter, digest=runs.revision.digest, status=status, who=notes.who, at=notes.now(), detail=said
        )

    if mode is not Mode.EXECUTE:
        report = runs.run(mode)
        if report.answer is Answer.NO:
            return Done((report,), noted("failed", f"{mode.value}: {report.why}"))
        if report.answer is Answer.YES and mode is Mode.DRY_RUN:
            return Done((report,), noted("checked", f"{len(report.checks)} checks passed"))
        if report.answer is Answer.YES and report.pending == ():
            return Done((report,), noted("executed", f"nothing pending, {len(report.checks)} checks passed"))
        return Done((report,), known)

    noted("failed", "an execution has begun and has not reported its end")
    try:
        task = runs.start(Mode.EXECUTE)
    except (JobError, ClientError, BotoCoreError):
        _put_back(runs.clients.ssm, notes.parameter, known)
        raise
    executed = runs.follow(Mode.EXECUTE, task)
    if executed.untouched:
        return Done((executed,), _put_back(runs.clients.ssm, notes.parameter, known))
    if executed.answer is not Answer.YES:
        return Done((executed,), noted("failed", f"execution: {executed.why}"))
    noted("failed", "executed, and the data check after it has not reported its end")
    checked = runs.run(Mode.CHECK)
    if checked.answer is Answer.YES and checked.pending:
        checked = replace(checked, answer=Answer.NO, why=f"still not applied: {', '.join(checked.pending)}")
    if checked.answer is not Answer.YES:
        return Done((executed, checked), noted("failed", f"data check after the execution: {checked.why}"))
    return Done((executed, checked), noted("executed", f"{len(executed.applied)} applied, {len(checked.checks)} checks passed"))


def _put_back(ssm: Any, parameter: str, known: Migration | None) -> Migration | None:
    """The record as it was before an execution that changed nothing."""
    if known is None:
        ssm.delete_parameter(Name=parameter)
    else:
        put_migration(ssm, parameter, known)
    return known
