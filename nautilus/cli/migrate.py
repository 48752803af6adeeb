"""`migrate`: dry-run, execute and check the migrations of a service's databases, as one-off tasks in the VPC."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption, YesOption

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from nautilus.cli.session import Session
    from nautilus.ops.jobs import JobFacts, Revision
    from nautilus.ops.migrate import Clients, Done, Mode, Report
    from nautilus.ops.rollout.records import Migration

MINUTES: Final = 30.0
"""How long a task may take where nobody says otherwise: as long as a deployment (seed 004)."""
_STYLES: Final = {"yes": "green", "no": "bold red", "unclear": "yellow"}


def now() -> datetime:
    """The time that is written into the record."""
    return datetime.now(UTC)


sleep = time.sleep
"""Waits between two looks."""
clock = time.monotonic
"""Measures how long a task takes."""


@dataclass(frozen=True)
class _Open:
    session: Session
    clients: Clients
    job: JobFacts
    parameter: str
    who: str


def migrate(
    stack: StackOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything in a transaction that is rolled back, and check the data.")
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Apply what a dry run of the same image has shown; needs --why.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the data, and what is pending; changes nothing.")] = False,
    service: Annotated[str, typer.Option("--service", metavar="SERVICE", help="Whose databases.")] = "backend",
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest", metavar="DIGEST", help="The image: sha256: and 64 hexadecimal digits; default: the stack's.", show_default=False
        ),
    ] = None,
    why: Annotated[str, typer.Option("--why", metavar="REASON", help="The reason, 4 to 500 characters; it is kept.")] = "",
    yes: YesOption = False,
    minutes: Annotated[
        float, typer.Option("--timeout", metavar="MINUTES", min=0.1, help="How long a task may take (exit code 3).")
    ] = MINUTES,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Migrate a service's databases. Exit code 0: as asked; 1: refused, or the data check says no; 3: it could not tell."""
    from infra.plan.images import DIGEST
    from nautilus.cli.errors import BadUseError, RefusedError
    from nautilus.ops import jobs
    from nautilus.ops.migrate import Mode, Notes, Runs, carry_out, objections
    from nautilus.ops.rollout.facts import Facts
    from nautilus.ops.rollout.records import read_migration

    chosen = [mode for mode, given in ((Mode.DRY_RUN, dry_run), (Mode.EXECUTE, execute), (Mode.CHECK, check)) if given]
    if len(chosen) != 1:
        raise BadUseError("say one of --dry-run, --execute and --check", where="migrate", hint="begin with --dry-run")
    mode = chosen[0]
    if digest is not None and not DIGEST.fullmatch(digest):
        raise BadUseError(f"{digest} is no digest of an image", where="--digest", hint="sha256: and 64 hexadecimal digits")
    if why or mode is Mode.EXECUTE:
        why = _reason(why)
    opened = _open(stack, service, config_dir, as_json)
    session, clients, job = opened.session, opened.clients, opened.job
    at = f"stack {session.stack}"
    with _asking(session.stack):
        facts = Facts(opened.parameter.rpartition("/migrations/")[0], job.cluster, {})
        known = read_migration(clients.ssm, facts, service)
        wanted = jobs.revision_of(clients.ecs, job, digest, register=False)
        if mode is Mode.EXECUTE and known is not None and known.status == "executed" and known.digest == wanted.digest:
            document = {**session.header("migrate"), **_document(mode, wanted, None, known)}
            session.output.emit(document, _lines([f"{wanted.digest} was executed already, {known.at} by {known.who}: nothing is done"]))
            return
        refusals = objections(clients, job, known, wanted.digest, mode=mode, now=now())
        if refusals:
            raise RefusedError(
                refusals[0].code,
                f"the migration is not {_WORDS[mode]}: {refusals[0].text}",
                where=at,
                details=[one.text for one in refusals[1:]],
                hint=refusals[0].repair.replace("{stack}", session.stack),
                document={**session.header("migrate"), **_document(mode, wanted, None, known)},
            )
        if mode is Mode.EXECUTE:
            session.confirm(f"Change the databases of {service} in {session.stack} with {wanted.digest[:19]}…?", yes=yes)
        revision = jobs.revision_of(clients.ecs, job, digest)
        try:
            runs = Runs(clients, job, revision, minutes * 60, on_line=_teller(session), clock=clock, sleep=sleep)
            done = carry_out(runs, mode, Notes(opened.parameter, opened.who, why, now), known)
        finally:
            jobs.discard(clients.ecs, revision)
    _end(session, mode, revision, done)


_WORDS: Final = {"check": "checked", "dry-run": "tried", "execute": "executed"}


def _document(mode: Mode, revision: Revision, done: Done | None, known: Migration | None) -> dict[str, Any]:
    return {
        "mode": mode.value,
        "digest": revision.digest,
        "runs": [report.as_document() for report in done.reports] if done else [],
        "record": None
        if known is None
        else {"digest": known.digest, "status": known.status, "who": known.who, "at": known.at, "detail": known.detail},
    }


def _end(session: Session, mode: Mode, revision: Revision, done: Done) -> None:
    """Show what came of it. Raises RefusedError for a no, CannotTellError where there is no answer."""
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.ops.migrate import Answer

    document = {**session.header("migrate"), **_document(mode, revision, done, done.record)}

    def render(console: Console) -> None:
        for report in done.reports:
            _table(console, report)
        if done.record is not None:
            console.print(f"record: {done.record.status}, {done.record.digest[:19]}…: {done.record.detail}", markup=False, soft_wrap=True)

    if done.answer is Answer.YES:
        session.output.emit(document, render)
        return
    if not session.output.as_json:
        render(session.output.console())
    kind, code = (RefusedError, "migration") if done.answer is Answer.NO else (CannotTellError, "unclear")
    raise kind(
        code,
        f"{mode.value} of {revision.digest[:19]}…: {done.why}",
        where=f"stack {session.stack}",
        hint="docs/runbooks/migrations.md",
        document=document,
    )


def _table(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(
        Text.assemble(f"{report.mode.value}: ", (report.answer.value, _STYLES[report.answer.value]), f" {report.why}"), soft_wrap=True
    )
    for file in report.applied:
        console.print(f"  applied {file}", markup=False)
    if report.pending:
        console.print(f"  pending: {', '.join(report.pending)}", markup=False, soft_wrap=True)
    if report.checks:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("database", "check", "holds", "detail"):
            table.add_column(title, overflow="fold")
        for one in report.checks:
            table.add_row(
                one.database, one.name, Text("yes" if one.ok else "NO", style="green" if one.ok else "bold red"), Text(one.detail)
            )
        console.print(table)


def _teller(session: Session) -> Callable[[str], None]:
    """Each line of the task as it comes, on stderr; its own events in words."""
    from nautilus.ops.migrate import parse_line

    def tell(line: str) -> None:
        event = parse_line(line)
        if event is None:
            session.output.note(line)
        elif event["event"] != "migration.end":
            rest = {key: value for key, value in event.items() if key != "event"}
            session.output.note(f"{str(event['event']).removeprefix('migration.')}: {json.dumps(rest, ensure_ascii=False)}", style="dim")

    return tell


def _reason(why: str) -> str:
    from nautilus.cli.errors import BadUseError
    from nautilus.ops.halt import check_why

    try:
        return check_why(why)
    except ValueError as error:
        raise BadUseError(str(error), where="--why") from None


def _open(stack: str | None, service: str, config_dir: Path | None, as_json: bool) -> _Open:
    from botocore.config import Config

    from nautilus.cli import account
    from nautilus.cli.errors import BadUseError, RefusedError
    from nautilus.cli.session import open_platform
    from nautilus.ops.jobs import JobError
    from nautilus.ops.migrate import JOB, Clients, service_of

    session, settings = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS, whose databases hold nothing",
        account_stack="the account stack has no database",
    )
    name = session.stack
    session.name_account()
    assert session.caller is not None
    own = settings.platform
    root = f"/{own.project}/{own.environment.value}"
    aws = account.aws_session(session.region)
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 8})
    clients = Clients(*(aws.client(one, config=config) for one in ("ecs", "logs", "ssm", "rds")))
    with _asking(name):
        try:
            job = _published(clients.ssm, f"{root}/outputs/jobs", JOB)
            owner = service_of(job)
        except JobError as error:
            raise RefusedError("not-ready", str(error), where=f"stack {name}", hint=f"nautilus up --stack {name}") from None
    if service != owner:
        raise BadUseError(f"there are no migrations of {service}", where="--service", hint=f"accepted: {owner}")
    return _Open(session, clients, job, f"{root}/migrations/{service}", session.caller.arn.rpartition(":")[2])


def _published(ssm: Any, parameter: str, name: str) -> JobFacts:
    """The job as the stack has published it. Raises JobError where there is nothing."""
    from botocore.exceptions import ClientError

    from nautilus.ops.jobs import JobError, parse_job
    from nautilus.ops.steps import code_of

    try:
        text = str(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            raise JobError(f"there is no {parameter}: the stack is not up, or its phase is `foundation`") from None
        raise
    try:
        return parse_job({"jobs": json.loads(text)}, name)
    except ValueError:
        raise JobError(f"{parameter} cannot be read") from None


@contextmanager
def _asking(stack: str) -> Generator[None]:
    """AWS is asked in here; what it does not answer ends the command with exit code 3."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.cli.errors import CannotTellError
    from nautilus.ops.jobs import JobError, JobLostError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, f"migrations of {stack}") from error
    except JobLostError as error:
        hint = f"docs/runbooks/migrations.md; the task: {error.task}"
        raise CannotTellError("lost", str(error), where=f"stack {stack}", hint=hint) from None
    except JobError as error:
        raise CannotTellError("not-run", str(error), where=f"stack {stack}") from None


def _lines(lines: list[str]) -> Callable[[Console], None]:
    def render(console: Console) -> None:
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)

    return render
