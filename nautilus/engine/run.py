"""Run one `pulumi` operation as a process and stream what its engine does.

The same code serves the sandbox and deployments to AWS: an `Operation` says which binary runs with which environment, `run` gives typed
events while it runs and one
`OperationResult` at its end. Pulumi's own exit code never decides alone: `OperationResult.outcome` does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any, Final

from nautilus.engine.events import (
    UNCHANGED_OPS,
    Diagnostic,
    EngineError,
    EngineEvent,
    PolicyViolation,
    Severity,
    Step,
    StepDone,
    StepFailed,
    StepStarted,
    Summary,
    parse,
    plain,
)

POLL_SECONDS: Final = 0.05
"""How often the event log is looked at: short enough for a progress line, long enough to cost nothing."""

INTERRUPT_GRACE_SECONDS: Final = 60.0
"""How long the engine may take to end by itself after a time-out asked it to; then it is killed."""

EventHandler = Callable[[EngineEvent], None]


class OperationError(Exception):
    """The operation could not be started: the binary is missing or not executable."""


class Verb(StrEnum):
    """The operations that write an event log."""

    PREVIEW = "preview"
    UP = "up"
    DESTROY = "destroy"
    REFRESH = "refresh"
    IMPORT = "import"


class Outcome(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CHANGES = "changes"
    """Nothing failed, but there are changes where none were expected."""
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What to run.

    `args` follow the verb. `env` is the whole environment of the process, not an addition. `log_dir` must exist: it gets `events.jsonl` and
    `pulumi.log`.
    `timeout` is in seconds (None: no limit). With `expect_no_changes` a result with changes has the outcome `CHANGES`.
    """

    verb: Verb
    cwd: Path
    env: Mapping[str, str]
    log_dir: Path
    args: tuple[str, ...] = ()
    pulumi: Path = Path("pulumi")
    timeout: float | None = None
    expect_no_changes: bool = False

    @property
    def event_log(self) -> Path:
        """Where the engine writes its events."""
        return self.log_dir / "events.jsonl"

    @property
    def output_log(self) -> Path:
        """Where stdout and stderr of the process go."""
        return self.log_dir / "pulumi.log"

    def command(self) -> list[str]:
        """The command line: plain text, no questions, events to the log."""
        return [
            str(self.pulumi),
            self.verb.value,
            "--non-interactive",
            "--color=never",
            f"--event-log={self.event_log}",
            *self.args,
        ]


@dataclass(frozen=True, kw_only=True)
class OperationResult:
    """How an operation ended and what it did.

    `steps` holds one entry for each resource and operation, in the order in which the engine began them; after an `up` they carry the final
    state. `changes` counts resources by
    operation, as the engine's summary does. `seconds` is wall-clock time. `output_log` holds everything that the process printed.
    """

    verb: Verb
    outcome: Outcome
    changes: Mapping[str, int]
    steps: tuple[Step, ...]
    failed: tuple[Step, ...]
    diagnostics: tuple[Diagnostic, ...]
    policies: tuple[PolicyViolation, ...]
    policy_packs: Mapping[str, str]
    seconds: float
    output_log: Path
    event_log: Path
    command: tuple[str, ...] = ()
    pulumi_exit_code: int = field(default=0, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the operation did what was asked."""
        return self.outcome is Outcome.SUCCEEDED

    @property
    def change_count(self) -> int:
        """How many resources change, counted by operation."""
        return sum(count for op, count in self.changes.items() if op not in UNCHANGED_OPS)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(item for item in self.diagnostics if item.severity is Severity.ERROR)

    @property
    def mandatory_violations(self) -> tuple[PolicyViolation, ...]:
        """The policy findings that stop an operation."""
        return tuple(item for item in self.policies if item.mandatory)


class _Follower:
    """Reads complete lines of a growing file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        while chunk := self._file.read(1 << 20):
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            yield from whole

    def close(self) -> None:
        self._file.close()


class _Interrupts:
    """Counts interrupt, terminate and hang-up signals while an operation runs, so that the engine, not Python, ends it."""

    def __init__(self) -> None:
        self.count = 0

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    @contextmanager
    def installed(self) -> Generator[None]:
        # Only the main thread may install handlers; elsewhere the caller has its `cancel` event.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@dataclass
class _Collected:
    steps: dict[tuple[str, str], Step] = field(default_factory=dict[tuple[str, str], Step])
    failed: list[Step] = field(default_factory=list[Step])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    policies: list[PolicyViolation] = field(default_factory=list[PolicyViolation])
    summary: Summary | None = None

    def add(self, event: EngineEvent) -> None:
        match event:
            case StepStarted(step=step) | StepDone(step=step):
                self.steps[step.urn, step.op] = step
            case StepFailed(step=step):
                self.failed.append(step)
            case Diagnostic(ephemeral=False) if event.message.strip() and event not in self.diagnostics[-8:]:
                # The engine may report one error twice, from the step and from the program; once is enough for a reader.
                self.diagnostics.append(event)
            case PolicyViolation():
                self.policies.append(event)
            case Summary():
                self.summary = event
            case EngineError(message=message):
                self.diagnostics.append(Diagnostic(Severity.ERROR, message))
            case _:
                pass


def _document(line: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None  # a line cut short by a kill
    return document if isinstance(document, dict) else None


def _printed_errors(output_log: Path) -> list[Diagnostic]:
    """The `error:` lines that Pulumi printed itself: what fails before the engine starts has no event."""
    lines = plain(output_log.read_text("utf-8", "replace")).splitlines()
    found: list[list[str]] = []
    for line in lines:
        if line.startswith("error: "):
            found.append([line.removeprefix("error: ")])
        elif found and line.strip():
            found[-1].append(line)
    return [Diagnostic(Severity.ERROR, "\n".join(part).rstrip()) for part in found]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group at once. Plugins live in groups of their own and end when they lose their parent."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _outcome(op: Operation, code: int, collected: _Collected, *, timed_out: bool, interrupted: bool) -> Outcome:
    if timed_out:
        return Outcome.TIMED_OUT
    if interrupted and (code != 0 or (collected.summary and collected.summary.result == "canceled")):
        return Outcome.INTERRUPTED
    if code != 0:
        return Outcome.FAILED
    changed = collected.summary is not None and any(n for name, n in collected.summary.changes.items() if name not in UNCHANGED_OPS)
    return Outcome.CHANGES if op.expect_no_changes and changed else Outcome.SUCCEEDED


def run(
    op: Operation,
    on_event: EventHandler | None = None,
    *,
    cancel: threading.Event | None = None,
    on_start: Callable[[int], None] | None = None,
    watch: Callable[[], str | None] | None = None,
) -> OperationResult:
    """Run `op` to its end.

    `on_event` gets every event but debug messages, in the engine's order. The first SIGINT, SIGTERM or SIGHUP (or `cancel` being set) is
    passed on once, so that the engine finishes what is in flight and
    writes its state; the second kills it. `on_start` gets the process id. `watch` is asked now and then; a text that it returns ends the
    operation as failed with that text as an error.

    Raises OperationError when the process cannot be started.
    """
    op.event_log.touch(mode=0o600)
    op.output_log.touch(mode=0o600)
    env = {**op.env, "PULUMI_DEBUG_COMMANDS": "true"}  # without it the CLI does not know --event-log
    collected, interrupts = _Collected(), _Interrupts()
    started = time.monotonic()
    timed_out = interrupted = forwarded = killed = False
    trouble: str | None = None

    with interrupts.installed(), op.output_log.open("ab") as output:
        try:
            # A session of its own: a Ctrl-C at the terminal reaches us alone, and we pass it on exactly once.
            process = subprocess.Popen(
                op.command(), cwd=op.cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            raise OperationError(f"cannot start {op.pulumi}: {error.strerror or error}") from error
        follower = _Follower(op.event_log)
        deadline = started + op.timeout if op.timeout is not None else None
        kill_at: float | None = None

        def drain() -> None:
            for line in follower.lines():
                if (document := _document(line)) is not None:
                    event = parse(document)
                    if isinstance(event, Diagnostic) and event.severity is Severity.DEBUG:
                        continue  # the SDK's own trace: a dozen lines a resource
                    collected.add(event)
                    if on_event is not None:
                        on_event(event)

        try:
            if on_start is not None:
                on_start(process.pid)
            while process.poll() is None:
                drain()
                now = time.monotonic()
                asked = interrupts.count + (1 if cancel is not None and cancel.is_set() else 0)
                if trouble is None and watch is not None:
                    trouble = watch()
                late = deadline is not None and now > deadline
                timed_out = timed_out or late
                interrupted = interrupted or asked > 0
                if (asked or late or trouble) and not forwarded:
                    process.send_signal(signal.SIGINT)
                    forwarded = True
                    # A person may press Ctrl-C again; a time-out and a lost provider have nobody to do so.
                    kill_at = None if asked else now + INTERRUPT_GRACE_SECONDS
                elif not killed and (asked > 1 or (kill_at is not None and now > kill_at)):
                    _kill(process)
                    killed = True
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
            drain()
        except BaseException:
            _kill(process)
            process.wait()
            raise
        finally:
            follower.close()

    code = process.returncode
    if code != 0 and trouble is None and not interrupted and watch is not None:
        trouble = watch()  # it may have ended the engine before we looked
    diagnostics = list(collected.diagnostics)
    if trouble is not None:
        diagnostics.append(Diagnostic(Severity.ERROR, trouble))
    outcome = _outcome(op, code, collected, timed_out=timed_out, interrupted=interrupted)
    if trouble is not None and outcome is Outcome.SUCCEEDED:
        outcome = Outcome.FAILED
    if (
        outcome is Outcome.FAILED
        and not any(item.severity is Severity.ERROR for item in diagnostics)
        and not any(p.mandatory for p in collected.policies)
    ):
        diagnostics += _printed_errors(op.output_log) or [
            Diagnostic(Severity.ERROR, f"pulumi {op.verb} ended without saying why; see {op.output_log}")
        ]
    summary = collected.summary
    return OperationResult(
        verb=op.verb,
        outcome=outcome,
        changes=summary.changes if summary else {},
        steps=tuple(collected.steps.values()),
        failed=tuple(collected.failed),
        diagnostics=tuple(diagnostics),
        policies=tuple(collected.policies),
        policy_packs=summary.policy_packs if summary else {},
        seconds=time.monotonic() - started,
        output_log=op.output_log,
        event_log=op.event_log,
        command=tuple(op.command()),
        pulumi_exit_code=code,
    )
