"""`dr`: what is warm in the second region, and a move into it and back."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.errors import BadUseError, CannotTellError, CliError, RefusedError
from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from infra.settings.root import Settings
    from nautilus.cli.session import Session
    from nautilus.ops.dr.room import Lost, Room, Stated
    from nautilus.ops.dr.runner import Taken

dr_app = typer.Typer(name="dr", help="The second region: what stands ready there, and a move into it and back.", no_args_is_help=True)

ConfirmOption = Annotated[
    str | None,
    typer.Option(
        "--confirm", metavar="STACK", help="The stack's name, typed by a person; nothing else confirms a move.", show_default=False
    ),
]
LostOption = Annotated[
    str,
    typer.Option(
        "--region-lost", metavar="EVIDENCE", help="State that the home region is lost, and what shows it; counts only where it is silent."
    ),
]
SinceOption = Annotated[
    str, typer.Option("--lost-since", metavar="TIME", help="When it was lost, ISO 8601 with its zone, such as 2030-01-31T09:29:00Z.")
]
BrokerOption = Annotated[
    str,
    typer.Option(
        "--broker-session-gone", metavar="TEXT", help="Who saw on the broker's own page that our session is gone; for a silent region."
    ),
]
LossOption = Annotated[
    str,
    typer.Option(
        "--accept-loss", metavar="SECONDS", help="Accept to lose so many seconds of data; `unknown` where nobody can say how many."
    ),
]
DoneOption = Annotated[
    list[str], typer.Option("--done", metavar="STEP=TEXT", help="State that a person's step is done, and who saw what; once for each step.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the open move, whoever began it.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Look at everything, say what would be done; change nothing, need no confirmation.")
]
ProjectOption = Annotated[
    str,
    typer.Option(
        "--takeover-project",
        metavar="NAME",
        help="First part of the names of the stack that takes over; default: -dr added, or taken away.",
    ),
]
DomainOption = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="Domain of the stack that takes over; default: dr.<domain>, or without it.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the stack file of the region that takes over.")]

_STYLES = {"ok": "green", "done": "green", "would": "cyan", "NO": "bold red", "LATE": "bold red", "person": "yellow"}
_SYMBOLS = {"holds": "ok", "done": "done", "earlier": "done", "would": "would", "refused": "NO", "waits": "person", "late": "LATE"}


@dataclass(frozen=True)
class _Site:
    """One command's stack, session and room."""

    session: Session
    room: Room


def takeover_domain(domain: str) -> str:
    """The domain of the stack that takes over: `dr.` before it, or taken away on the way back."""
    return domain.removeprefix("dr.") if domain.startswith("dr.") else f"dr.{domain}"


def parse_time(text: str) -> datetime:
    """A time with its zone.

    Raises:
        BadUseError: Another form, or no zone.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise BadUseError(f"{text} is no time with its zone", where="--lost-since", hint="such as 2030-01-31T09:29:00Z")
    return when.astimezone(UTC)


def parse_done(given: Sequence[str]) -> dict[str, str]:
    """What people state about their steps.

    Raises:
        BadUseError: Not `STEP=TEXT`, or no step that a person states.
    """
    from nautilus.ops.dr.moves import ORDER
    from nautilus.ops.dr.people import StatedStep

    known = sorted(step.name for step in ORDER if issubclass(step, StatedStep))
    found: dict[str, str] = {}
    for item in given:
        name, _, text = item.partition("=")
        if name not in known or not text.strip():
            raise BadUseError(
                f"{item} is not STEP=TEXT with a step that a person states", where="--done", hint=f"steps: {', '.join(known)}"
            )
        found[name] = text.strip()
    return found


def _lost(evidence: str, since: str) -> Lost | None:
    from nautilus.ops.dr.room import Lost

    if bool(evidence) != bool(since):
        raise BadUseError("--region-lost and --lost-since belong together", where="dr failover", hint="give both")
    return Lost(evidence, parse_time(since)) if evidence else None


def _open(
    stack: str | None, config_dir: Path | None, as_json: bool, *, stated: Stated, controlled: bool, project: str, domain: str, out: Path
) -> _Site:
    """The room of a command: settings from the file, everything else from the second region."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.cli.images import digests
    from nautilus.cli.session import open_platform
    from nautilus.ops.dr.room import NotReadyError, Room, read_facts
    from nautilus.ops.dr.stack_file import takeover_project

    session, settings = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS, which has no second region to move to",
        account_stack="the account stack has no second region",
        hint="--stack prod",
    )
    name = session.stack
    aws = account.aws_session(settings.account.dr_region)
    account.check_account(aws, name, settings.account.id)
    own = settings.platform
    try:
        facts = read_facts(aws, settings.account.dr_region, f"/{own.project}/{own.environment.value}/dr")
    except NotReadyError as error:
        raise RefusedError(
            "not-ready", str(error), where=f"stack {name}", hint=f"set dr.enabled: true, then nautilus up --stack {name}"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, f"reading {settings.account.dr_region}") from error
    accepted = stated.accept_loss
    if accepted and not re.fullmatch(r"unknown|[0-9]{1,6}", accepted):
        raise BadUseError(f"{accepted} is neither seconds nor `unknown`", where="--accept-loss")
    goal = project or takeover_project(own.project)
    room = Room(aws, facts, name, goal, digests(settings), stated=stated, controlled=controlled, config_dir=str(out))

    def write(values: Mapping[str, str]) -> str:
        return _write_stack(session, settings, room, domain or takeover_domain(settings.edge.dns.domain), out, values)

    return _Site(session, replace(room, write_stack=write))


def _write_stack(session: Session, settings: Settings, room: Room, domain: str, out: Path, values: Mapping[str, str]) -> str:
    """Write the stack file and say what to look at; a file that the settings' checks refuse is written too, because a person mends it."""
    import yaml

    from nautilus.cli.errors import SettingsRefusedError
    from nautilus.cli.stacks import load_settings
    from nautilus.ops.dr.stack_file import Takeover, takeover_file

    present: dict[str, Any] = yaml.safe_load(session.stack_file.read_text())
    takeover = Takeover(room.takeover_project, domain, values["snapshotId"], values["keyArn"])
    document, look = takeover_file(present, settings.model_dump(mode="json", by_alias=True), takeover)
    out.mkdir(parents=True, exist_ok=True)
    file = out / session.stack_file.name
    if file.exists():
        return _kept(file, values["snapshotId"])
    notes = "".join(f"#  - {line}\n" for line in look)
    file.write_text(
        f"# The stack {session.stack} in {room.facts.region}, taking over from {room.facts.home}. Look at:\n{notes}"
        + yaml.safe_dump(document, sort_keys=False)
    )
    try:
        load_settings(session.stack, out)
    except SettingsRefusedError as error:
        return f"{file} is written; mend before the next step: {'; '.join(error.details)}"
    return f"{file} is written, and its settings are in order"


def _kept(file: Path, snapshot: str) -> str:
    """A file that an earlier run wrote is a person's by now: it is left alone.

    Raises:
        RefusedError: It belongs to another move.
    """
    import yaml

    config: dict[str, Any] = (yaml.safe_load(file.read_text()) or {}).get("config", {})
    found = (config.get("nautilus-infra:dr", {}).get("restore") or {}).get("snapshotId")
    if found != snapshot:
        raise RefusedError(
            "other-file",
            f"{file} restores {found or 'nothing'}, this move {snapshot}",
            where=str(file),
            hint="name another folder with --out",
        )
    return f"{file} stands already and is left as it is"


def _document(operation: str, site: _Site, taken: Sequence[Taken], **more: Any) -> dict[str, Any]:
    from nautilus.ops.dr.runner import rto

    facts = site.room.facts
    return {
        "operation": operation,
        "stack": site.room.stack,
        "from": facts.home,
        "to": facts.region,
        "takeover": site.room.takeover_prefix,
        "steps": [one.as_document() for one in taken],
        "regionRto": rto(taken),
        "notice": "the RTO of five minutes is that of a node or a zone; this is the region's",
        **more,
    }


def _line(one: Taken) -> str:
    from nautilus.ops.dr.runner import Outcome

    took = f"{one.seconds:.0f} s of {one.estimate} s" if one.seconds is not None else f"about {one.estimate} s"
    lines = [f"{_SYMBOLS[one.outcome.value]:<7}{one.step:<15}{took:<20}{one.title}: {one.detail}"]
    lines += [f"         → {text}" for text in one.will]
    if one.outcome is Outcome.REFUSED:
        lines += [f"         fix: {check.hint}" for check in one.checks if not check.ok and check.hint]
    return "\n".join(lines)


def _text(one: Taken) -> Text:
    """`_line` with its first word in colour."""
    from rich.text import Text

    symbol = _SYMBOLS[one.outcome.value]
    made = Text(_line(one))
    made.stylize(_STYLES[symbol], 0, len(symbol))
    return made


def _tell_warm(console: Console, warm: Mapping[str, Any]) -> None:
    from rich.text import Text

    symbol = "ok" if warm["ok"] else "NO"
    console.print(Text.assemble((f"{symbol:<7}", _STYLES[symbol]), f"{warm['what']:<15}{warm['detail']}"), soft_wrap=True)


def _render(document: Mapping[str, Any], taken: Sequence[Taken], told: bool) -> Callable[[Console], None]:
    def render(console: Console) -> None:
        for warm in document.get("warm", []):
            _tell_warm(console, warm)
        if not told:
            for one in taken:
                console.print(_text(one), soft_wrap=True)
        rto = document["regionRto"]
        measured = (
            f", measured {rto['measuredSeconds']:.0f} s in {rto['measuredSteps']} steps" if rto["measuredSeconds"] is not None else ""
        )
        hours, minutes = divmod(round(rto["estimateSeconds"] / 60), 60)
        console.print(
            f"region RTO: {hours} h {minutes} min by estimate: {rto['estimateSeconds']} s, "
            f"{rto['estimateOfPeopleSeconds']} s of them people's{measured}",
            markup=False,
            soft_wrap=True,
        )
        if not told:
            console.print("nothing was changed in AWS", markup=False)

    return render


@dr_app.command()
def plan(
    stack: StackOption = None,
    write_stack: Annotated[
        bool, typer.Option("--write-stack", help="Also write the stack file of the region that would take over.")
    ] = False,
    takeover_project: ProjectOption = "",
    domain: DomainOption = "",
    out: OutOption = Path("takeover"),
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is warm, how old it is, what a failover would do step by step, and how long that takes. Changes nothing in AWS."""
    from nautilus.ops.dr.gates import snapshot_id
    from nautilus.ops.dr.inspection import inspect
    from nautilus.ops.dr.moves import steps
    from nautilus.ops.dr.room import Stated
    from nautilus.ops.dr.runner import look

    site = _open(stack, config_dir, as_json, stated=Stated(), controlled=False, project=takeover_project, domain=domain, out=out)
    with _trouble(site):
        found = steps(site.room)
        warm = inspect(site.room, found[0])
        taken = look(found)
    written = site.room.write_stack({"snapshotId": snapshot_id(site.room), "keyArn": site.room.facts.database_key}) if write_stack else None
    document = _document("dr plan", site, taken, warm=[one.as_document() for one in warm], stackFile=written)
    if written:
        site.session.output.note(written)
    site.session.output.emit(document, _render(document, taken, told=False))


@dr_app.command()
def failover(
    stack: StackOption = None,
    dry_run: DryRunOption = False,
    confirm: ConfirmOption = None,
    resume: ResumeOption = False,
    region_lost: LostOption = "",
    lost_since: SinceOption = "",
    broker_session_gone: BrokerOption = "",
    accept_loss: LossOption = "",
    done: DoneOption = [],  # noqa: B006 - typer reads the default and never changes it
    takeover_project: ProjectOption = "",
    domain: DomainOption = "",
    out: OutOption = Path("takeover"),
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move the platform into its second region. Promotes the replica, which cannot be taken back."""
    from nautilus.ops.dr.room import Stated

    stated = Stated(confirm or "", _lost(region_lost, lost_since), broker_session_gone, accept_loss, parse_done(done))
    site = _open(stack, config_dir, as_json, stated=stated, controlled=False, project=takeover_project, domain=domain, out=out)
    _move("failover", site, dry_run=dry_run, resume=resume)


@dr_app.command()
def failback(
    stack: StackOption = None,
    dry_run: DryRunOption = False,
    confirm: ConfirmOption = None,
    resume: ResumeOption = False,
    done: DoneOption = [],  # noqa: B006 - typer reads the default and never changes it
    takeover_project: ProjectOption = "",
    domain: DomainOption = "",
    out: OutOption = Path("home"),
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move back, from the stack that took over (--config-dir) to the region it came from. Nothing may be lost, so both regions must answer."""
    from nautilus.ops.dr.room import Stated

    stated = Stated(confirm or "", done=parse_done(done))
    site = _open(stack, config_dir, as_json, stated=stated, controlled=True, project=takeover_project, domain=domain, out=out)
    _move("failback", site, dry_run=dry_run, resume=resume)


@dr_app.command()
def status(stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Show what is warm, and how far an open move has come. Exit code 1: something that should be warm is not."""
    from nautilus.cli.errors import ExitCode
    from nautilus.ops.dr.inspection import inspect
    from nautilus.ops.dr.journal import Journal
    from nautilus.ops.dr.moves import steps
    from nautilus.ops.dr.room import Stated

    site = _open(stack, config_dir, as_json, stated=Stated(), controlled=False, project="", domain="", out=Path("takeover"))
    with _trouble(site):
        warm = inspect(site.room, steps(site.room)[0])
        journal = Journal(site.room.there("ssm"), site.room.path)
        move = journal.current()
        records = journal.records(move.run) if move else {}
    document: dict[str, Any] = {
        "operation": "dr status",
        "stack": site.room.stack,
        "warm": [one.as_document() for one in warm],
        "move": None if move is None else {"run": move.run, "direction": move.direction, "who": move.who, "started": move.started},
        "records": [{"step": one.step, "state": one.state.value, "seconds": one.seconds, "detail": one.detail} for one in records.values()],
    }

    def render(console: Console) -> None:
        for one in warm:
            _tell_warm(console, one.as_document())
        console.print("no move is open" if move is None else f"{move.direction} {move.run} by {move.who}", markup=False, soft_wrap=True)
        for one in records.values():
            took = f"{one.seconds:.0f} s" if one.seconds is not None else ""
            console.print(f"{one.state.value:<9}{one.step:<15}{took:<10}{one.detail}", markup=False, soft_wrap=True)

    site.session.output.emit(document, render)
    if not all(one.ok for one in warm):
        raise typer.Exit(ExitCode.NO)


@dr_app.command()
def abandon(
    stack: StackOption = None, confirm: ConfirmOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Close an open move that will not be finished. What it has done stays done; its journal is kept."""
    from nautilus.ops.dr.journal import Journal
    from nautilus.ops.dr.room import Stated

    site = _open(stack, config_dir, as_json, stated=Stated(confirm or ""), controlled=False, project="", domain="", out=Path("takeover"))
    _confirm(site, confirm, "Close the open move?")
    with _trouble(site):
        journal = Journal(site.room.there("ssm"), site.room.path)
        move = journal.current()
        journal.close()
    text = "no move was open" if move is None else f"{move.direction} {move.run} is closed"
    site.session.output.emit({"operation": "dr abandon", "stack": site.room.stack, "closed": move.run if move else None}, text)


def _confirm(site: _Site, given: str | None, question: str) -> str:
    """The stack's name as a person typed it. There is no --yes for this."""
    if given is None and site.session.output.interactive:
        site.session.confirm(question, yes=False, typed=site.room.stack)
        return site.room.stack
    if given != site.room.stack:
        raise RefusedError(
            "not-confirmed",
            "nothing was done: the stack's name was not typed",
            where=f"stack {site.room.stack}",
            hint=f"--confirm {site.room.stack}",
        )
    return site.room.stack


def _move(direction: str, site: _Site, *, dry_run: bool, resume: bool) -> None:
    from nautilus.ops.dr.journal import AlreadyOpenError, Journal, Move, run_name
    from nautilus.ops.dr.moves import steps
    from nautilus.ops.dr.runner import STOPS, Outcome, look, noted, remembered, take, with_statements

    output = site.session.output
    if dry_run:
        with _trouble(site):
            taken = look(steps(site.room))
        document = _document(f"dr {direction}", site, taken, dryRun=True)
        output.emit(document, _render(document, taken, told=False))
        return
    question = f"Move {site.room.stack} from {site.room.facts.home} to {site.room.facts.region}? The promotion cannot be taken back."
    confirmed = _confirm(site, site.room.stated.confirmed or None, question)
    room = replace(site.room, stated=replace(site.room.stated, confirmed=confirmed))
    with _trouble(site):
        journal = Journal(room.there("ssm"), room.path)
        move = journal.current()
        if move is None:
            if resume:
                raise RefusedError("no-move", "no move is open: there is nothing to resume", where=f"stack {room.stack}")
            now = room.now()
            move = noted(Move(run_name(now), direction, getpass.getuser(), now.isoformat()), room.stated)
            try:
                journal.open(move)
            except AlreadyOpenError as error:
                raise RefusedError(
                    "open", str(error), where=f"stack {room.stack}", hint=f"nautilus dr {direction} --stack {room.stack} --resume"
                ) from None
        elif not resume or move.direction != direction:
            raise RefusedError(
                "open",
                f"{move.direction} {move.run} of {move.who} is open since {move.started[:19]}",
                where=f"stack {room.stack}",
                hint=f"nautilus dr {move.direction} --stack {room.stack} --resume, or nautilus dr abandon --stack {room.stack}",
            )
        else:
            move = noted(move, room.stated)
            journal.restate(move)
        room = with_statements(replace(room, stated=remembered(move, room.stated)), journal, move.run)
        taken = take(
            steps(room),
            journal,
            move.run,
            room=room,
            on_result=lambda one: None if output.as_json else output.notes().print(_text(one), soft_wrap=True),
        )
        stopped = [one for one in taken if one.outcome in STOPS]
        if not stopped:
            journal.close()
    document = _document(f"dr {direction}", site, taken, run=move.run, finished=not stopped)
    if stopped:
        last = stopped[0]
        failed = CannotTellError if last.outcome is Outcome.LATE else RefusedError
        words = {Outcome.WAITS: "waits for a person", Outcome.REFUSED: "stops", Outcome.LATE: "took too long"}[last.outcome]
        raise failed(
            last.outcome.value,
            f"the {direction} {words} at {last.step}: {last.detail}",
            where=f"stack {site.room.stack}, run {move.run}",
            details=[*last.will, *(check.hint for check in last.checks if not check.ok and check.hint)],
            hint=f"then the same command again, with --resume: nautilus dr {direction} --stack {site.room.stack} --resume",
            document=document,
        )
    output.emit(document, _render(document, taken, told=True))


class _trouble:  # noqa: N801 - reads as a word
    """Errors of boto3 as errors of ours."""

    def __init__(self, site: _Site) -> None:
        self._site = site

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise CannotTellError for what boto3 raised."""
        from botocore.exceptions import BotoCoreError, ClientError

        from nautilus.cli import account

        if isinstance(error, BotoCoreError | ClientError) and not isinstance(error, CliError):
            raise account.aws_trouble(error, f"moving {self._site.room.stack}") from error
