"""`secrets`: what a stack holds, filling a container, how old values are, starting a rotation. Values are never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption, YesOption

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from nautilus.cli.session import Session
    from nautilus.ops.secret_shapes import Sealed
    from nautilus.ops.secrets import Held

secrets_app = typer.Typer(
    name="secrets", help="Secrets of a stack: list them, fill them, see how old they are, rotate them.", no_args_is_help=True
)

_STYLES: Final = {
    "fine": "green",
    "soon": "yellow",
    "due": "bold red",
    "empty": "bold red",
    "first": "bold red",
    "stuck": "bold red",
    "unknown": "yellow",
}

Answer = TypeVar("Answer")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The secret, as `nautilus secrets list` names it.")]


@dataclass(frozen=True)
class _Open:
    """A stack whose secrets are looked at."""

    session: Session
    client: Any
    arns: dict[str, str]
    outputs: Mapping[str, Any]

    def arn(self, name: str) -> str:
        """The ARN of a secret. Raises BadUseError for a name that the stack does not have, with the nearest one."""
        import difflib

        from nautilus.cli.errors import BadUseError

        if name in self.arns:
            return self.arns[name]
        near = difflib.get_close_matches(name, self.arns, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"nautilus secrets list --stack {self.session.stack}"
        raise BadUseError(f"stack {self.session.stack} has no such secret: {_printable(name)}", where="secrets NAME", hint=hint)


def _printable(name: str) -> str:
    """What was given as a name, unless it may be a value that slipped into its place."""
    import re

    return name if re.fullmatch(r"[a-z0-9-]{1,48}", name) else "(not shown: it does not look like a name)"


def now() -> datetime:
    """The time by which ages are judged."""
    return datetime.now(UTC)


@secrets_app.command("list")
def list_(stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List a stack's secrets: who changes them, who reads them, how old they are. Exit code 0, or 3 where one could not be seen."""
    _report("secrets list", stack, config_dir, as_json, judge=False)


@secrets_app.command()
def age(stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Judge the age of each value against its rotation. Exit code 0: all fine; 1: something is due; 3: something could not be seen."""
    _report("secrets age", stack, config_dir, as_json, judge=True)


@secrets_app.command(context_settings={"allow_extra_args": True})
def put(
    context: typer.Context,
    name: NameArgument,
    stack: StackOption = None,
    from_stdin: Annotated[bool, typer.Option("--stdin", help="Read the value from standard input instead of asking for it.")] = False,
    any_shape: Annotated[
        bool, typer.Option("--any-shape", help="Take a value that does not look like its issuer's values. Every other check stays.")
    ] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill a container with what a broker, an exchange or a vendor issued. Asks twice, shows nothing; the value is never an argument."""
    import uuid

    from nautilus.cli.errors import BadUseError, RefusedError
    from nautilus.ops import secrets as library
    from nautilus.ops.secret_shapes import RefusedValueError, check_value

    if context.args:
        raise BadUseError(
            "the value is never an argument: the shell keeps it in its history and every user of this machine can read it in the process list",
            where="secrets put NAME",
            hint="take the value as leaked: have a new one issued, then run this with the name alone, or with --stdin in a pipe",
        )
    opened = _open(stack, config_dir, as_json)
    session = opened.session
    held = _seen(opened, name)
    if held.hands is not library.Hands.PERSON:
        # Before anybody types anything.
        raise RefusedError(
            "generated",
            f"{name} is generated, and rotated by {held.hands.words if held.hands else 'nobody'}: a value put by hand would lock its consumers out",
            where=f"stack {session.stack}",
            hint=f"nautilus secrets rotate {name} --stack {session.stack}",
        )
    value = _from_stdin(held) if from_stdin else _from_person(session, held)
    try:
        check_value(name, value, live=_live(session), json_keys=held.json_keys, any_shape=any_shape)
        token, who, twins = str(uuid.uuid4()), _who(session), _twins(session, held)
        done = _asking(opened, lambda: library.put(opened.client, held, value, token=token, who=who, now=now(), twins=twins))
    except RefusedValueError as error:
        refused = RefusedError(
            "value",
            f"{name} was not changed: {error.reason}",
            where=f"stack {session.stack}",
            hint="--any-shape takes it as it is, where the issuer has changed its format" if error.shape else None,
        )
    except library.SecretError as error:
        refused = _failed(error, session.stack)
    else:
        restart = _restart(opened, held)
        document = {
            **session.header("secrets put"),
            "name": name,
            "version": done.version,
            "comparedWithOld": done.compared,
            "first": held.current is None,
            "restart": restart,
        }
        lines = [f"{name}: version {done.version} is the current one"]
        if not done.compared:
            lines.append("it could not be compared with the old one: you may fill this secret, not read it")
        if held.current is not None:
            lines.append("have the old one revoked by whoever issued it, once the consumers run with the new one")
        session.output.emit(document, _lines([*lines, *_restart_lines(held, restart)]))
        return
    # Outside of the handlers: the value's frames do not travel along as the context of what is raised.
    raise refused


@secrets_app.command()
def rotate(
    name: NameArgument,
    stack: StackOption = None,
    because: Annotated[
        str | None,
        typer.Option(
            "--because",
            metavar="REASON",
            help="Rotate outside of the maintenance window (Sunday 02:00 to 04:00 UTC), and why: a value has leaked.",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[int, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for the new value; 0: not at all.")] = 600,
    yes: YesOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have Secrets Manager replace a generated value now. Planned ones run by themselves on Sundays."""
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import secrets as library

    opened = _open(stack, config_dir, as_json)
    session = opened.session
    held = _seen(opened, name)
    if not because and not library.window_open(now()) and held.hands is library.Hands.LAMBDA:
        raise RefusedError(
            "window",
            f"planned rotations, and the restart of consumers after them, run in the maintenance window alone: {library.WINDOW}",
            where=f"stack {session.stack}",
            hint=f'wait for it, or, when a value has leaked: nautilus secrets rotate {name} --stack {session.stack} --because "…"',
        )
    if held.hands is library.Hands.LAMBDA:
        session.confirm(f"Rotate {name} of {session.stack} now?", yes=yes)
    try:
        before = library.start_rotation(opened.client, held)
        after = library.wait_for_rotation(opened.client, held, before, seconds=wait) if wait else None
    except library.SecretError as error:
        raise _failed(error, session.stack) from None
    restart = _restart(opened, held)
    document = {
        **session.header("secrets rotate"),
        "name": name,
        "because": because,
        "before": before,
        "version": None if after is None else after.current,
        "restart": restart,
    }
    first = f"{name}: rotation begun" if after is None else f"{name}: version {after.current} is the current one"
    session.output.emit(document, _lines([first, *_restart_lines(held, restart)]))


def _open(stack: str | None, config_dir: Path | None, as_json: bool) -> _Open:
    """The stack's secrets by its outputs, and a client with the caller's own credentials."""
    from botocore.exceptions import BotoCoreError

    from nautilus.cli import account
    from nautilus.cli.errors import CannotTellError
    from nautilus.cli.session import open_platform

    session, _ = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS: its secrets hold nothing",
        account_stack="the account stack has no secrets",
    )
    name = session.stack
    session.name_account()
    outputs = session.engine.outputs()
    found: object = outputs.get("secretArns")
    if not isinstance(found, dict) or not found:
        raise CannotTellError(
            "no-outputs",
            f"the outputs of {name} name no secrets: it has not been up",
            where=f"stack {name}",
            hint=f"nautilus up --stack {name}",
        )
    arns = {str(key): str(value) for key, value in cast("dict[str, Any]", found).items()}
    try:
        client = account.aws_session(session.region).client("secretsmanager")
    except BotoCoreError as error:
        raise account.aws_trouble(error, f"secrets of {name}") from error
    return _Open(session, client, arns, outputs)


def _seen(opened: _Open, name: str) -> Held:
    """One secret. Raises BadUseError for an unknown name, CannotTellError where it cannot be seen."""
    from nautilus.cli.errors import CannotTellError
    from nautilus.ops.secrets import look

    arn = opened.arn(name)
    held = _asking(opened, lambda: look(opened.client, name, arn))
    if held.trouble is not None:
        raise CannotTellError("unseen", f"{name}: {held.trouble}", where=f"stack {opened.session.stack}")
    return held


def _asking(opened: _Open, ask: Callable[[], Answer]) -> Answer:
    from botocore.exceptions import BotoCoreError

    from nautilus.cli import account

    try:
        return ask()
    except BotoCoreError as error:
        raise account.aws_trouble(error, f"secrets of {opened.session.stack}") from error


def _report(operation: str, stack: str | None, config_dir: Path | None, as_json: bool, *, judge: bool) -> None:
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.ops.secrets import Age, look_at_all

    opened = _open(stack, config_dir, as_json)
    session = opened.session
    at = now()
    held = _asking(opened, lambda: look_at_all(opened.client, opened.arns))
    states = {item.name: item.state(at) for item in held}
    owed = [item for item in held if states[item.name].owed]
    unseen = [item for item in held if states[item.name] is Age.UNKNOWN]
    document: dict[str, Any] = {
        **session.header(operation),
        "at": at.isoformat(),
        "secrets": [item.as_document(at) for item in held],
        "owed": len(owed),
        "unknown": len(unseen),
    }

    def render(console: Console) -> None:
        _table(console, held, at)

    trouble = None
    if judge and owed:
        some = f"{len(owed)} secret{'s are' if len(owed) > 1 else ' is'}"
        trouble = RefusedError(
            "due",
            f"{some} due in {session.stack}",
            where=f"stack {session.stack}",
            details=[f"{item.name}: {_duty(session.stack, item, at)}" for item in owed],
            hint="docs/secrets-by-hand.md, How old: what each state asks for",
            document=document,
        )
    elif unseen:
        trouble = CannotTellError(
            "unseen",
            f"{len(unseen)} secret{'s' if len(unseen) > 1 else ''} could not be seen",
            where=f"stack {session.stack}",
            details=[f"{item.name}: {item.trouble or 'no date'}" for item in unseen],
            document=document,
        )
    if trouble is None:
        session.output.emit(document, render)
        return
    if not as_json:
        render(session.output.console())
    raise trouble


def _state(held: Held, at: datetime) -> str:
    """How a secret stands, in a few words."""
    from nautilus.ops.secrets import Age

    match held.state(at):
        case Age.EMPTY:
            return "never filled" if held.hands == "person" else "no value"
        case Age.FIRST:
            return "never rotated"
        case Age.DUE:
            return f"{held.age_days(at)} days old, at most {held.days}"
        case Age.STUCK:
            return "rotation stuck"
        case Age.SOON:
            return f"{held.age_days(at)} days old, due at {held.days}"
        case Age.UNKNOWN:
            return held.trouble or "no date"
        case Age.FINE:
            return f"{held.age_days(at)} days old"


def _duty(stack: str, held: Held, at: datetime) -> str:
    """How a secret that somebody must see to stands, and what to do."""
    from nautilus.ops.secrets import Age

    put_it = f"nautilus secrets put {held.name} --stack {stack}"
    person = held.hands == "person"
    todo = {
        Age.EMPTY: put_it if person else f"nautilus up --stack {stack}",
        Age.FIRST: "its first value stands in the stack's state",
        Age.DUE: put_it if person else "its rotation does not run, docs/runbooks/secrets.md",
        Age.STUCK: "a rotation was begun and has not ended, docs/runbooks/secrets.md",
    }.get(held.state(at))
    return f"{_state(held, at)}: {todo}" if todo else _state(held, at)


def _table(console: Console, held: list[Held], at: datetime) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    # A name is copied: it is never broken.
    table.add_column("secret", no_wrap=True)
    for title in ("changed by", "read by", "how it stands"):
        table.add_column(title, overflow="fold")
    for item in held:
        text = Text(_state(item, at), style=_STYLES[item.state(at).value])
        table.add_row(item.name, str(item.hands or "?"), ", ".join(item.consumers), text)
    console.print(table)


def _from_person(session: Session, held: Held) -> Sealed:
    """Ask twice, without echo. Raises BadUseError where nobody can be asked unseen, RefusedError where the two differ."""
    import getpass
    import json
    import sys
    import warnings

    from nautilus.cli.errors import BadUseError, RefusedError
    from nautilus.ops.secret_shapes import Sealed

    if sys.stdin is None or not sys.stdin.isatty():
        raise BadUseError(
            "nobody can be asked here without the value being seen", where="secrets put", hint="pipe the value in and add --stdin"
        )

    def ask(question: str) -> Sealed:
        with warnings.catch_warnings():
            # Python's own fallback would echo what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return Sealed(getpass.getpass(question))
            except getpass.GetPassWarning:
                pass
        raise BadUseError("this terminal shows what is typed", where="secrets put", hint="pipe the value in and add --stdin")

    def twice(what: str) -> Sealed:
        first, second = ask(f"{what}: "), ask(f"{what}, again: ")
        if not first.same(second.text):
            raise RefusedError("value", "nothing was changed: the two entries differ", where=f"stack {session.stack}")
        return first

    if not held.json_keys:
        return twice(held.name)
    return Sealed(json.dumps({key: twice(f"{held.name}, {key}").text for key in held.json_keys}))


def _from_stdin(held: Held) -> Sealed:
    """What a pipe gives, without the one line break that `echo` and editors put at its end.

    Raises BadUseError at a terminal, where typing would be seen.
    """
    import sys

    from nautilus.cli.errors import BadUseError
    from nautilus.ops.secret_shapes import MOST_BYTES, Sealed

    if sys.stdin is None or sys.stdin.isatty():
        raise BadUseError("--stdin reads a pipe, and this is a terminal, which would show the value", where="secrets put --stdin")
    failed = None
    try:
        text = sys.stdin.read(MOST_BYTES + 2)
    except UnicodeDecodeError:
        failed = BadUseError(f"the value of {held.name} is not text in UTF-8", where="secrets put --stdin")
        text = ""
    if failed is not None:
        raise failed
    return Sealed(text.removesuffix("\n").removesuffix("\r"))


def _live(session: Session) -> bool | None:
    """Whether the stack trades for real; None for the account stack, which does not trade."""
    from infra.settings.root import Settings
    from infra.settings.workloads import TradingMode

    return session.settings.trading.mode is TradingMode.LIVE if isinstance(session.settings, Settings) else None


def _twins(session: Session, held: Held) -> list[str]:
    """The same secret of the other environments: trading keys are never shared between them; data vendors' keys may be."""
    from nautilus.cli.stacks import LOCAL, known_stacks, settings_folder

    if held.owner != "trading":
        return []
    others = [name for name in known_stacks(settings_folder(session.config_dir)) if name not in (LOCAL, "account", session.stack)]
    project = session.settings.platform.project
    return [f"{project}/{other}/{held.name}" for other in others]


def _who(session: Session) -> str:
    """The end of the caller's ARN: a user's name, or the name of a session of a role."""
    return session.caller.arn.rpartition("/")[2] if session.caller is not None else "unknown"


def _restart(opened: _Open, held: Held) -> list[str]:
    """The commands that restart the services that read a secret, as far as they run on ECS; a standby reads what its other does."""
    from nautilus.ops.rollout.facts import workload

    cluster, found = opened.outputs.get("clusterName"), opened.outputs.get("serviceNames")
    services = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return [
        f"aws ecs update-service --region {opened.session.region} --cluster {cluster} --service {services[name]} --force-new-deployment"
        for name in sorted(services)
        if workload(name) in held.consumers and cluster
    ]


def _restart_lines(held: Held, restart: list[str]) -> list[str]:
    from nautilus.ops.secrets import WINDOW

    if not held.consumers:
        return []
    head = f"{', '.join(held.consumers)} read{'s' if len(held.consumers) == 1 else ''} it when started; what runs on ECS is restarted by itself, {WINDOW}"
    return [head, *(["sooner, by hand:"] if restart else []), *(f"  {command}" for command in restart)]


def _failed(error: Any, stack: str) -> Exception:
    from nautilus.cli.errors import CannotTellError, RefusedError

    kind = RefusedError if error.no else CannotTellError
    hint = error.hint
    if hint is not None and hint.startswith("nautilus "):
        # The library knows no stack.
        hint = f"{hint} --stack {stack}"
    return kind(error.code, error.message, where=f"stack {stack}", hint=hint)


def _lines(lines: list[str]) -> Callable[[Console], None]:
    def render(console: Console) -> None:
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)

    return render
