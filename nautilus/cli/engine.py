"""`engine`: whether trading is halted, by whom and why; halting it and resuming it by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption, YesOption

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings.root import Settings
    from nautilus.cli.account import Identity
    from nautilus.cli.session import Session
    from nautilus.ops.halt import Change, Halt, Version

engine_app = typer.Typer(name="engine", help="Trading: whether it is halted, and halting and resuming it by hand.", no_args_is_help=True)

WhyOption = Annotated[str, typer.Option("--why", metavar="REASON", help="The reason, 4 to 500 characters; it is kept and sent to people.")]
LEASES = ("engine", "ib-gateway")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Open:
    """A stack whose halt flag is looked at."""

    session: Session
    settings: Settings
    aws: Any
    caller: Identity
    parameter: str
    table: str

    @property
    def ssm(self) -> Any:
        return self.aws.client("ssm")


def now() -> datetime:
    """The time that is written into the flag."""
    return datetime.now(UTC)


def _open(stack: str | None, config_dir: Path | None, as_json: bool) -> _Open:
    from infra.naming import Names
    from nautilus.cli import account
    from nautilus.cli.session import open_platform

    session, settings = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS, where nothing trades",
        account_stack="the account stack trades nothing",
        hint="--stack paper",
    )
    aws = account.aws_session(settings.account.region)
    caller = account.check_account(aws, session.stack, settings.account.id)
    names = Names(settings.platform.project, settings.platform.environment.value)
    return _Open(session, settings, aws, caller, names.path("trading", "halt"), names("leases", limit=255))


def _check_why(why: str) -> None:
    """Raises BadUseError for a reason that is none, before anybody is asked: in a hurry nobody waits for that."""
    from nautilus.cli.errors import BadUseError
    from nautilus.ops.halt import check_why

    try:
        check_why(why)
    except ValueError as error:
        raise BadUseError(str(error), where="--why", hint='--why "prices run away"') from None


def _asking(doing: str, call: Callable[[], Answer]) -> Answer:
    """An answer of AWS's. Raises CannotTellError where there is none."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account

    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, doing) from error


def _write(opened: _Open, *, halted: bool, why: str, seen: Version | None) -> Halt:
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import halt as library

    try:
        return _asking(
            f"writing {opened.parameter}",
            lambda: library.set_halt(opened.ssm, opened.parameter, halted=halted, who=opened.caller.arn, why=why, now=now(), seen=seen),
        )
    except library.ChangedMeanwhileError as error:
        raise RefusedError(
            "changed",
            f"nothing was done: {error}",
            where=f"stack {opened.session.stack}",
            hint=f"nautilus engine status --stack {opened.session.stack}",
        ) from None


def _document(opened: _Open, operation: str, halt: Halt) -> dict[str, Any]:
    return {
        **opened.session.header(operation),
        "parameter": opened.parameter,
        "halted": halt.halted,
        "readable": halt.readable,
        "who": halt.who,
        "why": halt.why,
        "at": halt.at.isoformat() if halt.readable else None,
    }


@engine_app.command()
def halt(why: WhyOption, stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Stop trading, at once and without a question. Orders at the broker stay there; positions stay open.

    The engine and its watchdog read the flag every few seconds. What was sent before is on its way.
    """
    _check_why(why)
    opened = _open(stack, config_dir, as_json)
    made = _write(opened, halted=True, why=why, seen=None)
    text = f"trading on {opened.session.stack} is halted by {made.who}: {made.why}"
    opened.session.output.emit(_document(opened, "engine halt", made), text)


@engine_app.command()
def resume(
    why: WhyOption, stack: StackOption = None, yes: YesOption = False, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Let trading go on. Real money, or a flag that nobody can read, needs the stack's name typed by a person, or --yes."""
    from infra.settings.trading import TradingMode
    from nautilus.ops import halt as library

    _check_why(why)
    opened = _open(stack, config_dir, as_json)
    session, name = opened.session, opened.session.stack
    seen = _asking(f"reading {opened.parameter}", lambda: library.current(opened.ssm, opened.parameter))
    question = ""
    try:
        before = seen.halt()
    except library.HaltUnreadableError as error:
        question = f"What stands in {opened.parameter} is no flag ({error}): why trading stopped is not known. Resume?"
    else:
        if not before.halted:
            session.output.emit({**_document(opened, "engine resume", before), "changed": False}, f"trading on {name} is on already")
            return
        if opened.settings.trading.mode is TradingMode.LIVE:
            question = f"Halted by {before.who} at {before.at.isoformat()}: {before.why}. Resume trading with real money?"
    if question:
        session.confirm(question, yes=yes, typed=name)
    made = _write(opened, halted=False, why=why, seen=seen)
    text = f"trading on {name} goes on, says {made.who}: {made.why}"
    session.output.emit({**_document(opened, "engine resume", made), "changed": True}, text)


@engine_app.command()
def status(stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Show the flag, its last changes and who holds the leases. Exit code 0: trading is on; 1: halted, or the flag is none."""
    from nautilus.cli.errors import ExitCode
    from nautilus.ops import halt as library
    from nautilus.runtime.halt import is_halted

    opened = _open(stack, config_dir, as_json)
    seen = _asking(f"reading {opened.parameter}", lambda: library.current(opened.ssm, opened.parameter))

    def text() -> str:
        if not seen.number:
            raise library.HaltUnreadableError(f"there is no parameter {opened.parameter}")
        return seen.text

    flag = is_halted(text)
    changes = _asking(f"reading {opened.parameter}", lambda: library.history(opened.ssm, opened.parameter))
    leases = [_asking(f"reading {opened.table}", lambda lease=lease: _lease(opened, lease)) for lease in LEASES]
    document = {
        **_document(opened, "engine status", flag),
        "leases": leases,
        "history": [change.as_document() for change in changes],
    }
    opened.session.output.emit(document, lambda console: _render(console, opened.session.stack, flag, leases, changes))
    if flag.halted:
        raise typer.Exit(ExitCode.NO)


def _lease(opened: _Open, lease: str) -> dict[str, Any]:
    """A lease as it stands: who holds it, and until when."""
    from botocore.exceptions import ClientError

    try:
        row = opened.aws.client("dynamodb").get_item(TableName=opened.table, Key={"lease": {"S": lease}}, ConsistentRead=True).get("Item")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise
        row = None
    if row is None:
        return {"lease": lease, "holder": None, "expires": None, "held": False, "token": None, "address": None}
    expires = datetime.fromtimestamp(float(row["expires"]["N"]), UTC)
    return {
        "lease": lease,
        "holder": row["holder"]["S"],
        "expires": expires.isoformat(),
        "held": expires > now(),
        "token": int(row["token"]["N"]),
        "address": row.get("address", {}).get("S"),
    }


def _render(console: Console, stack: str, flag: Halt, leases: list[dict[str, Any]], changes: list[Change]) -> None:
    from rich.text import Text

    state = Text("HALTED", style="bold red") if flag.halted else Text("on", style="green")
    said = f" by {flag.who} at {flag.at.isoformat()}: {flag.why}" if flag.readable else f": {flag.why}"
    console.print(Text.assemble(f"trading on {stack}: ", state, said), soft_wrap=True)
    for one in leases:
        held = f"{one['holder']}, until {one['expires']}" if one["held"] else "nobody holds it"
        console.print(f"lease {one['lease']:<12}{held}", markup=False, soft_wrap=True)
    for change in changes:
        word = "no flag" if change.halt is None else "halted" if change.halt.halted else "resumed"
        why = "" if change.halt is None else change.halt.why
        console.print(f"{change.at.isoformat():<34}{word:<9}{change.author}  {why}", markup=False, soft_wrap=True)
