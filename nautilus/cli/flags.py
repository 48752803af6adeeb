"""`flags`: feature flags, the share of the trading volume, risk limits: what is deployed, what may follow, how it is handed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, cast

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption, StackOption, YesOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.cli.session import Session
    from nautilus.ops.flags import Alarm, Deployment, Direction, Place, Started

Answer = TypeVar("Answer")

flags_app = typer.Typer(
    name="flags",
    help="Feature flags, trading volume and risk limits in AppConfig. The halt of trading is not here: nautilus engine.",
    no_args_is_help=True,
)


class Profile(StrEnum):
    """A document."""

    FLAGS = "flags"
    VOLUME = "volume"
    LIMITS = "limits"


ProfileArgument = Annotated[Profile, typer.Argument(metavar="PROFILE", help="flags, volume or limits.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The document, as JSON.", exists=True, dir_okay=False)]
WhyOption = Annotated[str, typer.Option("--why", metavar="REASON", help="Why: 4 to 400 ASCII characters, kept with the deployment.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Stay until the deployment has ended.")]
SecondsOption = Annotated[
    int,
    typer.Option("--seconds", metavar="SECONDS", min=0, help="How long to watch at most; then exit code 3, and the deployment goes on."),
]

WATCH_SECONDS = 3_600


@dataclass(frozen=True)
class _Open:
    """A stack whose documents are looked at."""

    session: Session
    client: Any
    cloudwatch: Any
    place: Place

    @property
    def who(self) -> str:
        """The end of the caller's ARN."""
        caller = self.session.caller
        return caller.arn.rpartition("/")[2] if caller is not None else "unknown"

    @property
    def where(self) -> str:
        """The stack, in an error."""
        return f"stack {self.session.stack}"


def pause(seconds: float) -> None:
    """Wait between two looks."""
    time.sleep(seconds)


# --- looking ------------------------------------------------------------------------------------------------------------------


@flags_app.command("list")
def list_(stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List each document: what is deployed, what runs, its alarms, and the share of the volume that counts. Exit code 1: one has no deployment yet."""
    from nautilus.cli.errors import ExitCode
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    rows: list[dict[str, Any]] = []
    held: dict[str, dict[str, Any] | None] = {}
    for profile in Profile:
        name = profile.value
        found = _asking(opened, lambda name=name: library.deployments(opened.client, opened.place, name))
        last, busy = library.deployed(found), next((one for one in found if one.running), None)
        held[name] = (
            _asking(opened, lambda name=name, last=last: library.document_of(opened.client, opened.place, name, last.version))
            if last
            else None
        )
        loud = _asking(opened, lambda name=name: library.alarms(opened.client, opened.cloudwatch, opened.place, name))
        rows.append(
            {
                "profile": name,
                "version": last.version if last else None,
                "deployed": last.as_document() if last else None,
                "running": busy.as_document() if busy else None,
                "alarms": [{"name": one.name, "state": one.state} for one in loud],
            }
        )
    share = library.effective_volume(held["volume"], held["limits"])
    started = all(row["deployed"] for row in rows)
    document = {**opened.session.header("flags list"), "started": started, "effectiveVolumePercent": share, "profiles": rows}
    opened.session.output.emit(document, lambda console: _table(console, document))
    if not started:
        opened.session.output.note(f'next: nautilus flags start --why "…" --stack {opened.session.stack}')
        raise typer.Exit(ExitCode.NO)


def _table(console: Console, document: Mapping[str, Any]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("document", "version", "deployed", "runs", "alarms not quiet"):
        made.add_column(column, overflow="fold")
    for row in document["profiles"]:
        done, busy = row["deployed"], row["running"]
        loud = [f"{one['name']}: {one['state']}" for one in row["alarms"] if one["state"] != "OK"]
        made.add_row(
            row["profile"],
            str(row["version"] or "–"),
            Text(f"{done['ended'] or ''} {done['description']}".strip() if done else "never", style="" if done else "bold red"),
            Text(f"{busy['state']} {busy['percent']:g} %, version {busy['version']}" if busy else "–"),
            Text(", ".join(loud) or ("–" if row["alarms"] else "has none"), style="bold red" if loud else ""),
        )
    console.print(made)
    console.print(f"trading volume that counts: {document['effectiveVolumePercent']} %", markup=False)


@flags_app.command()
def show(
    profile: ProfileArgument,
    number: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="Another version than the deployed one.", show_default=False)
    ] = None,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a document as readers have it, to edit and deploy again. Exit code 1: nothing is deployed yet."""
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    wanted = number
    if wanted is None:
        found = library.deployed(_asking(opened, lambda: library.deployments(opened.client, opened.place, profile.value)))
        if found is None:
            raise RefusedError("not-started", f"{profile.value} was never deployed", where=opened.where, hint=_start_hint(opened))
        wanted = found.version
    text = _asking(opened, lambda: library.document_of(opened.client, opened.place, profile.value, wanted))
    document = {**opened.session.header("flags show"), "profile": profile.value, "version": wanted, "document": text}
    if as_json:
        opened.session.output.write_json(document)
    else:
        opened.session.output.note(f"{profile.value}, version {wanted}")
        opened.session.output.write_text(library.as_text(text))


@flags_app.command()
def check(
    profile: ProfileArgument,
    file: FileArgument,
    current: Annotated[
        Path | None,
        typer.Option(
            "--current", metavar="FILE", help="What is deployed, for the rule of steps; from `flags show`.", exists=True, dir_okay=False
        ),
    ] = None,
    stack: LocalStackOption = "local",
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a document against its rules, offline: the stack file's bounds, and with --current the steps of the volume. Exit code 1: it breaks one."""
    from infra.plan import app_config as plan
    from infra.settings.root import Settings
    from nautilus.cli.errors import BadUseError, RefusedError
    from nautilus.cli.session import open_session
    from nautilus.ops import flags as library

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    if not isinstance(session.settings, Settings):
        raise BadUseError(f"the stack {stack} has no documents", where=f"--stack {stack}")
    schema = plan.schemas(session.settings.flags)[plan.Profile(profile.value)]
    wrong: list[str] = []
    change: Direction | None = None
    document = old = None
    try:
        document = library.parse_document(file.read_text())
        wrong = library.findings(profile.value, document, schema)
    except ValueError as error:
        wrong = [str(error)]
    if current is not None and document is not None and not wrong:
        try:
            old = library.parse_document(current.read_text())
        except ValueError as error:
            raise BadUseError(f"{current} {error}", where="--current") from None
        change = library.direction(profile.value, old, document)
        if profile is Profile.VOLUME:
            jump = library.step_refusal(int(old.get("percent", 0)), int(document["percent"]), library.steps_of(schema))
            wrong = [jump] if jump else []
    answer = {
        "operation": "flags check",
        "stack": stack,
        "profile": profile.value,
        "file": str(file),
        "good": not wrong,
        "change": change.value if change else None,
        "strategy": library.strategy_for(profile.value, change) if change else None,
    }
    if wrong:
        raise RefusedError(
            "document", f"{file} breaks {len(wrong)} rule{'s' if len(wrong) > 1 else ''}", where=str(file), details=wrong, document=answer
        )
    more = f"; it {change.value}, handed out {library.strategy_for(profile.value, change)}" if change else ""
    session.output.emit(
        answer, lambda console: console.print(f"{file}: keeps the rules of {profile.value}{more}", markup=False, soft_wrap=True)
    )


@flags_app.command()
def history(
    profile: ProfileArgument,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the deployments of a document, newest first: who, why, and what became of each."""
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    found = _asking(opened, lambda: library.deployments(opened.client, opened.place, profile.value))
    whole = [
        _asking(opened, lambda one=one: library.deployment(opened.client, opened.place, profile.value, one.number)) for one in found[:50]
    ]
    document = {**opened.session.header("flags history"), "profile": profile.value, "deployments": [one.as_document() for one in whole]}

    def render(console: Console) -> None:
        for one in whole:
            at = one.started.isoformat(timespec="seconds") if one.started else ""
            console.print(f"{one.number:>4}  {at}  version {one.version}  {one.state}  {one.description}", markup=False, soft_wrap=True)
        if not whole:
            console.print(f"{profile.value} was never deployed", markup=False)

    opened.session.output.emit(document, render)


@flags_app.command()
def watch(
    profile: ProfileArgument,
    seconds: SecondsOption = WATCH_SECONDS,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow the newest deployment of a document. Exit code 0: complete; 1: taken back, or there is none; 3: it still runs."""
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    found = _asking(opened, lambda: library.deployments(opened.client, opened.place, profile.value))
    if not found:
        raise RefusedError("not-started", f"{profile.value} was never deployed", where=opened.where, hint=_start_hint(opened))
    _follow(opened, profile.value, found[0].number, seconds, {**opened.session.header("flags watch"), "profile": profile.value})


# --- changing -----------------------------------------------------------------------------------------------------------------


@flags_app.command()
def start(
    why: WhyOption,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy the first documents, once after the stack's first `up`: flags off, the lowest volume, the stack file's limits."""
    from nautilus.ops import flags as library

    _check_why(why)
    opened = _open(stack, config_dir, as_json)
    opened.session.confirm(f"Deploy the first documents of {opened.session.stack}?", yes=yes)
    begun: list[Started] = []
    # Limits first: no reader may have a volume without them.
    for profile in (Profile.LIMITS, Profile.FLAGS, Profile.VOLUME):
        made = _asking(
            opened,
            lambda profile=profile: library.start_first(
                opened.client, opened.cloudwatch, opened.place, profile.value, who=opened.who, why=why
            ),
        )
        if made is not None:
            begun.append(made)
    document = {**opened.session.header("flags start"), "begun": [_begun(one) for one in begun]}

    def render(console: Console) -> None:
        for one in begun:
            console.print(_line(one), markup=False)
        if not begun:
            console.print("every document was deployed before: nothing was done", markup=False)

    opened.session.output.emit(document, render)


@flags_app.command()
def deploy(
    profile: ProfileArgument,
    file: FileArgument,
    why: WhyOption,
    follow: WatchOption = False,
    seconds: SecondsOption = WATCH_SECONDS,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a document as a new version and hand it out. Refused while a deployment runs, and, for what rises, while an alarm is on."""
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import flags as library

    _check_why(why)
    try:
        document = library.parse_document(file.read_text())
    except ValueError as error:
        raise RefusedError("document", f"{file} {error}", where=str(file)) from None
    opened = _open(stack, config_dir, as_json)
    _deploy(opened, "flags deploy", profile.value, document, why=why, yes=yes, follow=follow, seconds=seconds)


@flags_app.command()
def volume(
    percent: Annotated[
        int, typer.Argument(metavar="PERCENT", min=0, max=100, help="Share of the trading volume: the next step up, or any lower one.")
    ],
    why: WhyOption,
    follow: WatchOption = False,
    seconds: SecondsOption = WATCH_SECONDS,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the share of the trading volume. It rises one step at a time, each under watch; it falls at once."""
    _check_why(why)
    opened = _open(stack, config_dir, as_json)
    _deploy(opened, "flags volume", "volume", {"percent": percent}, why=why, yes=yes, follow=follow, seconds=seconds)


@flags_app.command()
def ceiling(
    percent: Annotated[
        int, typer.Argument(metavar="PERCENT", min=0, max=100, help="The most of the trading volume that counts; 100 holds nothing down.")
    ],
    why: WhyOption,
    follow: WatchOption = False,
    seconds: SecondsOption = WATCH_SECONDS,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the trading volume down, whatever `volume` says. Works while alarms are on, because no alarm takes it back."""
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import flags as library

    _check_why(why)
    opened = _open(stack, config_dir, as_json)
    _, held = _asking(opened, lambda: library.current(opened.client, opened.place, "limits"))
    if held is None:
        raise RefusedError("not-started", "limits was never deployed", where=opened.where, hint=_start_hint(opened))
    wanted = {**held, "volumeCeilingPercent": percent}
    _deploy(opened, "flags ceiling", "limits", wanted, why=why, yes=yes, follow=follow, seconds=seconds)


@flags_app.command()
def stop(
    profile: ProfileArgument,
    revert: Annotated[
        bool, typer.Option("--revert", help="Take the last completed deployment back too, within 72 hours; asks no alarm.")
    ] = False,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the running deployment of a document: readers go back to the one before it."""
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    opened.session.confirm(f"Take the deployment of {profile.value} of {opened.session.stack} back?", yes=yes)
    ended = _asking(opened, lambda: library.stop(opened.client, opened.place, profile.value, revert=revert))
    document = {**opened.session.header("flags stop"), "profile": profile.value, "deployment": ended.as_document()}
    opened.session.output.emit(
        document, lambda console: console.print(f"deployment {ended.number} of {profile.value}: {ended.state}", markup=False)
    )


@flags_app.command()
def prune(
    profile: ProfileArgument,
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", min=0, help="How many of the newest versions to keep; 0 before the stack is destroyed.")
    ] = 20,
    yes: YesOption = False,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete old versions of a document. What is deployed and the stack's own first version stay; with --keep 0 only the latter."""
    from nautilus.ops import flags as library

    opened = _open(stack, config_dir, as_json)
    # With 0 what readers have goes too: then a person types the stack's name.
    question = f"Delete the versions of {profile.value} of {opened.session.stack} before the newest {keep}?"
    opened.session.confirm(question, yes=yes, typed=None if keep else opened.session.stack)
    gone = _asking(opened, lambda: library.prune(opened.client, opened.place, profile.value, keep=keep))
    document = {**opened.session.header("flags prune"), "profile": profile.value, "deleted": gone}
    opened.session.output.emit(
        document,
        lambda console: console.print(f"{profile.value}: {len(gone)} version{'' if len(gone) == 1 else 's'} deleted", markup=False),
    )


# --- shared -------------------------------------------------------------------------------------------------------------------


def _check_why(why: str) -> None:
    from nautilus.cli.errors import BadUseError
    from nautilus.ops.flags import check_why

    try:
        check_why(why)
    except ValueError as error:
        raise BadUseError(f"--why {error}", where="--why") from None


def _start_hint(opened: _Open) -> str:
    return f'nautilus flags start --why "…" --stack {opened.session.stack}'


def _open(stack: str | None, config_dir: Path | None, as_json: bool) -> _Open:
    """The stack's application by its output, and clients with the caller's own credentials."""
    from botocore.exceptions import BotoCoreError

    from nautilus.cli import account
    from nautilus.cli.errors import CannotTellError
    from nautilus.cli.session import open_platform
    from nautilus.ops.flags import parse_place

    session, _ = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS: nothing is deployed there",
        account_stack="the account stack has no documents",
    )
    name = session.stack
    session.name_account()
    found: object = session.engine.outputs().get("appConfig")
    try:
        place = parse_place(cast("Mapping[str, Any]", found if isinstance(found, dict) else {}))
    except ValueError as error:
        raise CannotTellError(
            "no-outputs", f"{error}: {name} has not been up", where=f"stack {name}", hint=f"nautilus up --stack {name}"
        ) from None
    aws = account.aws_session(session.region)
    try:
        return _Open(session, aws.client("appconfig"), aws.client("cloudwatch"), place)
    except BotoCoreError as error:
        raise account.aws_trouble(error, f"documents of {name}") from error


def _asking(opened: _Open, ask: Callable[[], Answer]) -> Answer:
    """What AWS answers; its refusals and our own as errors of the command line."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.ops.flags import RefusedError as Refused

    try:
        return ask()
    except Refused as error:
        _refuse(opened, error)
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, f"documents of {opened.session.stack}") from error


def _refuse(opened: _Open, error: Any) -> NoReturn:
    from nautilus.cli.errors import RefusedError

    stack = f"--stack {opened.session.stack}"
    hints = {
        "running": f"nautilus flags list {stack}, then wait, or nautilus flags stop PROFILE {stack}",
        "alarm": "docs/runbooks/flags.md, An alarm is on",
        "alarm-volume": f'nautilus flags ceiling PERCENT --why "…" {stack}, or in an emergency: nautilus engine halt',
        "alarm-flags": f"nautilus flags stop flags --revert {stack}, which asks no alarm",
        "step": f"nautilus flags list {stack}",
        "too-late": "deploy the former document: nautilus flags show PROFILE --version N",
    }
    raise RefusedError(error.code, error.reason, where=opened.where, details=error.details, hint=hints.get(error.code)) from None


def _begun(one: Started) -> dict[str, Any]:
    return {
        "profile": one.profile,
        "version": one.version,
        "deployment": one.deployment,
        "strategy": one.strategy,
        "change": one.direction.value,
    }


def _line(one: Started) -> str:
    return f"{one.profile}: version {one.version} is being handed out {one.strategy}, deployment {one.deployment}"


def _deploy(
    opened: _Open, operation: str, profile: str, document: dict[str, Any], *, why: str, yes: bool, follow: bool, seconds: int
) -> None:
    from nautilus.ops import flags as library

    opened.session.confirm(f"Deploy {profile} of {opened.session.stack}?", yes=yes)
    begun = _asking(
        opened, lambda: library.deploy(opened.client, opened.cloudwatch, opened.place, profile, document, who=opened.who, why=why)
    )
    answer = {**opened.session.header(operation), **_begun(begun)}
    if follow:
        opened.session.output.note(_line(begun))
        _follow(opened, profile, begun.deployment, seconds, answer)
        return

    def render(console: Console) -> None:
        console.print(_line(begun), markup=False)
        console.print(f"next: nautilus flags watch {profile} --stack {opened.session.stack}", markup=False)

    opened.session.output.emit(answer, render)


def _follow(opened: _Open, profile: str, number: int, seconds: int, answer: dict[str, Any]) -> None:
    """Show a deployment until it ends. Raises RefusedError where it was taken back, CannotTellError where it still runs."""
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.ops import flags as library

    seen: Deployment | None = None
    told = ""
    looks = library.follow(opened.client, opened.place, profile, number, seconds=seconds, sleep=pause)
    while (one := _asking(opened, lambda: next(looks, None))) is not None:
        seen = one
        line = f"{profile}: deployment {one.number}, version {one.version}: {one.state}, {one.percent:g} %"
        if line != told:
            opened.session.output.note(line)
            told = line
    if seen is None:
        raise CannotTellError("unseen", f"deployment {number} of {profile} could not be seen", where=opened.where)
    document = {**answer, "result": seen.as_document()}
    if seen.running:
        raise CannotTellError(
            "runs",
            f"deployment {number} of {profile} still runs: {seen.state}",
            where=opened.where,
            document=document,
            hint=f"nautilus flags watch {profile} --stack {opened.session.stack}",
        )
    if seen.state != "COMPLETE":
        loud: list[Alarm] = [
            one for one in _asking(opened, lambda: library.alarms(opened.client, opened.cloudwatch, opened.place, profile)) if not one.quiet
        ]
        raise RefusedError(
            "taken-back",
            f"deployment {number} of {profile} was taken back: {seen.state}; readers have the document before it",
            where=opened.where,
            details=[*seen.events, *(f"{one.name}: {one.state}" for one in loud)],
            hint="docs/runbooks/flags.md, A deployment was taken back",
            document=document,
        )
    opened.session.output.emit(
        document, lambda console: console.print(f"{profile}: version {seen.version} is deployed", markup=False) if seen else None
    )
