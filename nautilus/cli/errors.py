"""How the command line fails: one exception that carries the exit code, and one document or message that a reader gets."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, cast

DEBUG_VARIABLE: Final = "NAUTILUS_DEBUG"
"""Set to 1 to see the traceback of an unexpected error."""


class ExitCode(IntEnum):
    """What the process's exit code says. Pulumi's own codes never leak (issue 3, section 7)."""

    OK = 0
    NO = 1
    """The answer is no: settings errors in `config check`, changes under `--expect-no-changes`, policy findings, refusals."""
    USAGE = 2
    """Bad use, or a command other than `config check` refused for its settings."""
    UNKNOWN = 3
    """It could not tell: engine, network, time-out."""
    INTERRUPTED = 130
    """Ctrl-C."""


class CliError(Exception):
    """A command ends here, with a reason that a person can act on.

    Args:
        code: Stable word for machines, such as `settings` or `policy`.
        message: One sentence.
        exit_code: What the process returns.
        where: What it is about: a file and key, a resource's path, a stack.
        details: Further lines, one finding each.
        hint: The command or edit that repairs it.
        log: File with everything that the engine printed.
        document: Further keys of the JSON document, beside `error`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        exit_code: ExitCode,
        where: str | None = None,
        details: Sequence[str] = (),
        hint: str | None = None,
        log: str | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.where = where
        self.details = tuple(details)
        self.hint = hint
        self.log = log
        self.document: Mapping[str, Any] = document or {}

    def as_document(self) -> dict[str, Any]:
        """The one JSON document of a failed command: `{"error": {"code", "message", "where", …}, …}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "where": self.where}
        if self.details:
            error["details"] = list(self.details)
        if self.hint:
            error["hint"] = self.hint
        if self.log:
            error["log"] = self.log
        return {"error": error, **self.document}


class BadUseError(CliError):
    """Bad use of a command: exit code 2."""

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__("usage", message, exit_code=ExitCode.USAGE, where=where, hint=hint, details=details)


class RefusedError(CliError):
    """The answer is no: exit code 1."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(code, message, exit_code=ExitCode.NO, **more)


class CannotTellError(CliError):
    """There is no answer, because something on the way failed: exit code 3."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(code, message, exit_code=ExitCode.UNKNOWN, **more)


class StoppedError(CliError):
    """Ctrl-C: exit code 130."""

    def __init__(self, message: str = "interrupted", *, where: str | None = None, hint: str | None = None, log: str | None = None) -> None:
        super().__init__("interrupted", message, exit_code=ExitCode.INTERRUPTED, where=where, hint=hint, log=log)


class SettingsRefusedError(CliError):
    """A command other than `config check` cannot go on with these settings: exit code 2."""

    def __init__(self, stack: str, problems: Sequence[str], *, where: str | None = None, document: Mapping[str, Any] | None = None) -> None:
        count = len(problems)
        super().__init__(
            "settings",
            f"the settings of stack {stack} have {count} error{'' if count == 1 else 's'}",
            exit_code=ExitCode.USAGE,
            where=where,
            details=problems,
            hint=f"nautilus config check --stack {stack}",
            document=document,
        )


def debugging(environ: Mapping[str, str] | None = None) -> bool:
    """Whether tracebacks are wanted."""
    return (os.environ if environ is None else environ).get(DEBUG_VARIABLE, "") not in ("", "0")


def _given(error: BaseException) -> str:
    """What was typed, where the parser's text says only what should have been: some versions of typer check values with pydantic."""
    errors = getattr(error.__cause__, "errors", None)
    found = errors() if callable(errors) else None
    if not isinstance(found, list) or not found:
        return ""
    typed = repr(cast("list[dict[str, object]]", found)[0].get("input"))
    return "" if typed in str(error) or typed in str(getattr(error, "message", "")) else f", not {typed}"


def classify(error: BaseException) -> CliError:
    """Any exception as a `CliError`, without a traceback.

    Errors of typer and click (whichever of the two this typer version raises) carry `format_message`; everything unexpected is "could not
    tell".
    """
    if isinstance(error, CliError):
        return error
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return StoppedError()
    describe = getattr(error, "format_message", None)
    if callable(describe):
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", None)
        return BadUseError(str(describe()) + _given(error), where=command, hint=f"{command} --help" if command else "nautilus --help")
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError | NotADirectoryError) and error.filename:
        return CannotTellError("file", f"{os.strerror(error.errno or errno.EIO)}", where=str(error.filename))
    summary = " ".join(str(error).split()) or type(error).__name__
    return CannotTellError(
        "internal",
        f"{type(error).__name__}: {summary}",
        where=_origin(error),
        hint=f"set {DEBUG_VARIABLE}=1 to see the traceback; this is a defect, please report it",
    )


def _origin(error: BaseException) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
