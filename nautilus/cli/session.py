"""One command on one stack: its settings, its engine, what it may do, and how its runs are shown and judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus.cli import account, engines
from nautilus.cli.errors import BadUseError, CannotTellError, CliError, RefusedError, StoppedError
from nautilus.cli.output import Output
from nautilus.cli.problems import explain_all, violation_text
from nautilus.cli.progress import Progress
from nautilus.cli.stacks import LOCAL, check_name, load_settings, project_folder, required, settings_folder
from nautilus.cli.stateful import GuardFinding, endangered
from nautilus.cli.summary import result_document
from nautilus.engine.events import EngineEvent, Severity
from nautilus.engine.run import OperationResult, Outcome

if TYPE_CHECKING:
    from infra.settings.root import AccountSettings, Settings

UNLOCK_HINT = "set `nautilus-infra:unlock: true` in the stack file (the one unlock), or pass --unlock to destroy"


@dataclass
class Session:
    """What a command works with. `simulated` says whether the engine is the sandbox."""

    stack: str
    output: Output
    project: Path
    config_dir: Path | None
    settings: Settings | AccountSettings
    simulated: bool
    _engine: engines.StackEngine | None = None
    _progress: Progress | None = field(default=None, repr=False)
    caller: account.Identity | None = None

    @property
    def engine(self) -> engines.StackEngine:
        """The stack's engine, opened at the first use."""
        if self._engine is None:
            self._engine = engines.open_engine(self.project, self.stack, self.config_dir, self.say, sandbox=self.simulated)
        return self._engine

    @property
    def region(self) -> str:
        """The AWS region of the settings."""
        return self.settings.account.region

    @property
    def stack_file(self) -> Path:
        """The stack's file of settings."""
        return (self.config_dir or self.project) / f"Pulumi.{self.stack}.yaml"

    def say(self, text: str) -> None:
        """A note for people, above the progress where that is shown."""
        if self._progress is not None:
            self._progress.message(text)
        else:
            self.output.note(text)

    def header(self, operation: str) -> dict[str, Any]:
        """The first keys of every JSON document about this stack."""
        document: dict[str, Any] = {"operation": operation, "stack": self.stack, "simulation": self.simulated}
        if self.simulated:
            document["notice"] = simulation_notice()
        else:
            document["account"] = self.settings.account.id
            document["region"] = self.region
        return document

    def name_account(self) -> None:
        """Say which account and region a command on AWS works on, and refuse credentials of another account."""
        if self.simulated:
            return
        self.caller = account.check_account(account.aws_session(self.region), self.stack, self.settings.account.id)
        self.output.note(f"stack {self.stack}: AWS account {self.caller.account}, region {self.region}, as {self.caller.arn}")

    def confirm(self, question: str, *, yes: bool, typed: str | None = None) -> None:
        """Ask a person before AWS is changed. The sandbox asks nothing.

        With `typed` the person must type that word. Raises BadUseError when nobody can answer, RefusedError when the answer is no.
        """
        if self.simulated or yes:
            return
        if not self.output.interactive:
            raise BadUseError(f"{question} Nobody can answer here", where=f"stack {self.stack}", hint="add --yes")
        suffix = f"type {typed} to go on: " if typed else "[y/N] "
        self.output.stderr.write(f"{question} {suffix}")
        self.output.stderr.flush()
        try:
            answer = input().strip()
        except EOFError:
            answer = ""
        if answer != typed if typed else answer.lower() not in ("y", "yes"):
            raise RefusedError("not-confirmed", "nothing was done: the question was not answered with yes", where=f"stack {self.stack}")

    def watch(self, title: str, operation: Callable[[Callable[[EngineEvent], None]], OperationResult]) -> OperationResult:
        """Run an operation with progress shown."""
        suffix = " (simulation)" if self.simulated else ""
        with Progress(self.output, f"{title} of {self.stack}{suffix}") as progress:
            self._progress = progress
            try:
                return operation(progress)
            finally:
                self._progress = None

    def judge(self, result: OperationResult, operation: str, *, locked: bool = True) -> None:
        """Return when the operation did what was asked and, `locked`, would remove nothing that holds data.

        Raises CliError otherwise: exit code 1 for a refusal, 3 where there is no answer, 130 after Ctrl-C.
        """
        document = {**self.header(operation), **result_document(result)}
        trouble = self._trouble(result, operation, document)
        if trouble is None and locked and (findings := endangered(result.steps)):
            trouble = self._endangered(findings, document, str(result.output_log))
        if trouble is not None:
            raise trouble

    def _trouble(self, result: OperationResult, operation: str, document: dict[str, Any]) -> CliError | None:
        log, where = str(result.output_log), f"stack {self.stack}"
        match result.outcome:
            case Outcome.SUCCEEDED:
                return None
            case Outcome.INTERRUPTED:
                return StoppedError(
                    f"{operation} of {self.stack} was interrupted",
                    where=where,
                    hint="run it again: it goes on where it stopped",
                    log=log,
                )
            case Outcome.TIMED_OUT:
                return CannotTellError(
                    "timeout",
                    f"{operation} of {self.stack} took longer than allowed",
                    where=where,
                    log=log,
                    document=document,
                    hint="run it again with a longer --timeout",
                )
            case Outcome.CHANGES:
                changed = [f"{step.op} {step.type} {step.name}" for step in result.steps if step.changes]
                text = f"{result.change_count} change{'' if result.change_count == 1 else 's'} where none was expected"
                return RefusedError("changes", text, where=where, details=sorted(changed), log=log, document=document)
            case Outcome.FAILED:
                return self._failure(result, operation, document)

    def _failure(self, result: OperationResult, operation: str, document: dict[str, Any]) -> CliError:
        log, where = str(result.output_log), f"stack {self.stack}"
        problems = explain_all(result.errors)
        document["problems"] = [problem.as_document() for problem in problems]
        if violations := result.mandatory_violations:
            count = len(violations)
            text = f"{count} mandatory polic{'y is' if count == 1 else 'ies are'} broken"
            return RefusedError(
                "policy", text, where=where, details=[violation_text(item) for item in violations], log=log, document=document
            )
        kinds = {problem.kind for problem in problems}
        details = [problem.text() for problem in problems]
        if kinds & {"property", "argument"}:
            wrong = [problem for problem in problems if problem.kind in ("property", "argument")]
            text = f"{len(wrong)} propert{'y is' if len(wrong) == 1 else 'ies are'} refused" + (
                "; nothing was changed" if operation == "preview" else ""
            )
            return RefusedError("invalid-property", text, where=wrong[0].where, details=details, log=log, document=document)
        if "protected" in kinds:
            text = f"{operation} of {self.stack} would remove protected resources"
            return RefusedError("protected", text, where=where, details=details, hint=UNLOCK_HINT, log=log, document=document)
        for problem in problems:
            if (known := engines.stack_trouble(problem.rule, self.stack)) is not None:
                return known
        code = "program" if kinds == {"program"} else "engine"
        return CannotTellError(code, f"{operation} of {self.stack} failed", where=where, details=details, log=log, document=document)

    def _endangered(self, findings: tuple[GuardFinding, ...], document: dict[str, Any], log: str) -> CliError:
        document["endangered"] = [
            {"urn": item.urn, "type": item.type, "name": item.name, "action": item.action, "because": list(item.because)}
            for item in findings
        ]
        count = len(findings)
        return RefusedError(
            "stateful",
            f"{count} resource{'' if count == 1 else 's'} that hold{'s' if count == 1 else ''} data would be removed; nothing was changed",
            where=f"stack {self.stack}",
            details=[item.text() for item in findings],
            hint=UNLOCK_HINT,
            log=log,
            document=document,
        )

    def warnings(self, result: OperationResult) -> list[str]:
        """What a successful run still wants people to know: advisory findings and the engine's warnings."""
        advisory = grouped(violation_text(item).splitlines()[-1] for item in result.policies if not item.mandatory)
        engine = [item.message.strip() for item in result.diagnostics if item.severity is Severity.WARNING]
        return [*advisory, *engine]


_ADVICE = re.compile(r"([A-Z0-9]+-[0-9]+): ([^ ]+): (.*)")


def grouped(lines: Iterable[str]) -> list[str]:
    """Advisory lines `RULE: resource: text`, one for each rule and text, with all its resources."""
    found: dict[tuple[str, str], list[str]] = {}
    others: list[str] = []
    for line in sorted(lines):
        match = _ADVICE.fullmatch(line)
        if match:
            found.setdefault((match[1], match[3]), []).append(match[2])
        else:
            others.append(line)
    return [*(f"{rule}: {', '.join(names)}: {text}" for (rule, text), names in found.items()), *others]


def simulation_notice() -> str:
    """What every sandbox result says about itself."""
    from nautilus.sandbox.engine import SIMULATION_NOTICE

    return SIMULATION_NOTICE


def open_session(stack: str, *, config_dir: Path | None, as_json: bool, sandbox: bool = False) -> Session:
    """The session of a command, with checked settings. The stack `local` is always simulated.

    Raises BadUseError for a wrong name or folder, SettingsRefusedError for wrong settings.
    """
    check_name(stack)
    output = Output(as_json)
    project = project_folder()
    folder = settings_folder(config_dir)
    settings = load_settings(stack, folder)
    return Session(stack, output, project, folder if config_dir is not None else None, settings, simulated=sandbox or stack == LOCAL)


def platform_settings(session: Session, otherwise: str) -> Settings:
    """The settings of a platform. Raises BadUseError for the account stack; `otherwise` says what that lacks."""
    from infra.settings.root import Settings

    if not isinstance(session.settings, Settings):
        raise BadUseError(otherwise, where=f"--stack {session.stack}")
    return session.settings


def open_platform(
    stack: str | None, config_dir: Path | None, as_json: bool, *, local: str, account_stack: str, hint: str | None = None
) -> tuple[Session, Settings]:
    """The session of a command that needs a platform on AWS, and its settings.

    Args:
        stack: As it was typed.
        config_dir: The same.
        as_json: The same.
        local: Why the stack `local` will not do.
        account_stack: Why the account stack will not do.
        hint: What to do instead of `local`.

    Raises BadUseError for either of them, for no stack and for what `open_session` refuses.
    """
    name = required(stack, settings_folder(config_dir))
    if name == LOCAL:
        raise BadUseError(local, where="--stack local", hint=hint)
    session = open_session(name, config_dir=config_dir, as_json=as_json)
    return session, platform_settings(session, account_stack)
