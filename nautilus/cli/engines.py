"""One face for both places where a stack can live: the sandbox, or AWS with the user's own CLI, backend and credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from nautilus.cli.errors import BadUseError, CannotTellError, CliError
from nautilus.engine.run import EventHandler, Operation, OperationError, OperationResult, Verb, run

if TYPE_CHECKING:
    import yaml

UNLOCK_KEY: Final = "nautilus-infra:unlock"
POLICY_FOLDER: Final = "policies"

Say = Callable[[str], None]


class StackEngine(Protocol):
    """What the commands ask of a stack's engine.

    Every method raises `CliError` when it cannot start; what the engine says is in the result.
    """

    simulated: bool

    def preview(
        self, on_event: EventHandler | None = None, *, unlock: bool = False, expect_no_changes: bool = False, timeout: float | None = None
    ) -> OperationResult:
        """What an `up` would do, with the policy pack."""
        ...

    def up(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """Provision, with the policy pack."""
        ...

    def destroy(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """Delete everything in the state."""
        ...

    def refresh(
        self,
        on_event: EventHandler | None = None,
        *,
        preview_only: bool = False,
        expect_no_changes: bool = False,
        timeout: float | None = None,
    ) -> OperationResult:
        """Compare the state with the world; take over what differs unless `preview_only`."""
        ...

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Stack outputs; a secret is `[secret]` unless `show_secrets`."""
        ...

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The state in the form of `pulumi stack export`; secrets stay encrypted unless `show_secrets`."""
        ...


@contextmanager
def _translated(stack: str) -> Generator[None]:
    """The sandbox's and the engine's exceptions as exit codes."""
    from nautilus.sandbox.engine import SandboxError
    from nautilus.sandbox.toolchain import ToolchainError
    from nautilus.sandbox.workspace import BusyError, WorkspaceError

    try:
        yield
    except ToolchainError as error:
        first, *rest = str(error).splitlines()
        raise CannotTellError("toolchain", first, where="pulumi", details=rest) from error
    except WorkspaceError as error:
        raise BadUseError(str(error), where=f"stack {stack}") from error
    except BusyError as error:
        raise CannotTellError("busy", str(error), where=f"stack {stack}") from error
    except SandboxError as error:
        first, *rest = str(error).splitlines()
        raise CannotTellError("sandbox", first, where=f"stack {stack}", details=["\n".join(rest)] if rest else ()) from error
    except OperationError as error:
        raise CannotTellError("engine", str(error), where=f"stack {stack}") from error


class SandboxEngine:
    """A stack on the sandbox: no credentials, no network."""

    simulated = True

    def __init__(self, project: Path, stack: str, config_dir: Path | None, say: Say) -> None:
        from nautilus.sandbox.engine import PolicyPack, Sandbox

        with _translated(stack):
            packs = (PolicyPack(policy_folder(project)),)
            self._sandbox = Sandbox(project, stack, config_dir=config_dir, policy_packs=packs, progress=say)
        self._stack = stack

    def preview(
        self, on_event: EventHandler | None = None, *, unlock: bool = False, expect_no_changes: bool = False, timeout: float | None = None
    ) -> OperationResult:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.preview(
                on_event=on_event, config_override=_override(unlock), expect_no_changes=expect_no_changes, timeout=timeout
            )

    def up(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.up(on_event=on_event, config_override=_override(unlock), timeout=timeout)

    def destroy(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.destroy(on_event=on_event, config_override=_override(unlock), timeout=timeout)

    def refresh(
        self,
        on_event: EventHandler | None = None,
        *,
        preview_only: bool = False,
        expect_no_changes: bool = False,
        timeout: float | None = None,
    ) -> OperationResult:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.refresh(on_event=on_event, preview_only=preview_only, expect_no_changes=expect_no_changes, timeout=timeout)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.outputs(show_secrets=show_secrets)

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """See StackEngine."""
        with _translated(self._stack):
            return self._sandbox.export(show_secrets=show_secrets)


def _override(unlock: bool) -> dict[str, str] | None:
    return {UNLOCK_KEY: "true"} if unlock else None


def policy_folder(project: Path) -> Path:
    """The policy pack, which every preview and `up` runs.

    Raises CannotTellError when it is missing: going on without it would be an unguarded deployment.
    """
    folder = project / POLICY_FOLDER
    if not (folder / "PulumiPolicy.yaml").is_file():
        raise CannotTellError("policy-pack", "the policy pack is missing", where=str(folder / "PulumiPolicy.yaml"))
    return folder


class AwsEngine:
    """A stack on AWS through the `pulumi` on PATH, with the user's backend, credentials and plugins. Nothing of theirs is changed."""

    simulated = False

    def __init__(self, project: Path, stack: str, config_dir: Path | None, say: Say) -> None:
        self._project = project
        self._stack = stack
        self._folder = config_dir or project
        self._say = say
        self._pulumi = official_pulumi()

    def preview(
        self, on_event: EventHandler | None = None, *, unlock: bool = False, expect_no_changes: bool = False, timeout: float | None = None
    ) -> OperationResult:
        """See StackEngine."""
        args = [f"--policy-pack={policy_folder(self._project)}"]
        return self._operate(Verb.PREVIEW, args, on_event, unlock=unlock, expect_no_changes=expect_no_changes, timeout=timeout)

    def up(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """See StackEngine."""
        args = ["--yes", "--skip-preview", f"--policy-pack={policy_folder(self._project)}"]
        return self._operate(Verb.UP, args, on_event, unlock=unlock, timeout=timeout)

    def destroy(self, on_event: EventHandler | None = None, *, unlock: bool = False, timeout: float | None = None) -> OperationResult:
        """See StackEngine."""
        return self._operate(Verb.DESTROY, ["--yes", "--skip-preview"], on_event, unlock=unlock, timeout=timeout)

    def refresh(
        self,
        on_event: EventHandler | None = None,
        *,
        preview_only: bool = False,
        expect_no_changes: bool = False,
        timeout: float | None = None,
    ) -> OperationResult:
        """See StackEngine."""
        args = ["--preview-only"] if preview_only else ["--yes", "--skip-preview"]
        return self._operate(Verb.REFRESH, args, on_event, expect_no_changes=expect_no_changes, timeout=timeout)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """See StackEngine."""
        return self._query("stack", "output", "--json", *(["--show-secrets"] if show_secrets else []))

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """See StackEngine."""
        return self._query("stack", "export", *(["--show-secrets"] if show_secrets else []))

    def _operate(
        self,
        verb: Verb,
        args: list[str],
        on_event: EventHandler | None,
        *,
        unlock: bool = False,
        expect_no_changes: bool = False,
        timeout: float | None = None,
    ) -> OperationResult:
        logs = self._project / ".nautilus" / "runs" / f"{self._stack}-{verb.value}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        logs.mkdir(mode=0o700, parents=True)
        with self._stack_file(unlock) as stack_file, _translated(self._stack):
            operation = Operation(
                verb=verb,
                args=("--stack", self._stack, "--config-file", str(stack_file), *args),
                cwd=self._project,
                env=dict(os.environ),
                log_dir=logs,
                pulumi=self._pulumi,
                timeout=timeout,
                expect_no_changes=expect_no_changes,
            )
            return run(operation, on_event)

    @contextmanager
    def _stack_file(self, unlock: bool) -> Generator[Path]:
        """The stack file, or for the unlock a copy with the one key set: the user's file is never written."""
        original = self._folder / f"Pulumi.{self._stack}.yaml"
        if not unlock:
            yield original
            return
        with tempfile.TemporaryDirectory(prefix="nautilus-unlock-") as folder:
            copy = Path(folder) / original.name
            copy.write_text(unlocked(original.read_text("utf-8")), "utf-8")
            yield copy

    def _query(self, *args: str) -> dict[str, Any]:
        command = [str(self._pulumi), *args, "--stack", self._stack, "--non-interactive", "--color=never"]
        try:
            answer = subprocess.run(
                command, cwd=self._project, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotTellError("engine", f"`pulumi {' '.join(args[:2])}` failed: {error}", where=f"stack {self._stack}") from error
        if answer.returncode != 0:
            text = (answer.stderr or answer.stdout).strip().removeprefix("error: ")
            raise stack_trouble(text, self._stack) or CannotTellError("engine", text, where=f"stack {self._stack}")
        return cast("dict[str, Any]", json.loads(answer.stdout))


def stack_trouble(text: str, stack: str) -> CliError | None:
    """What Pulumi says of a stack or backend that is not set up, with the command that repairs it."""
    if "no stack named" in text or "no previous deployment" in text:
        return CannotTellError("no-stack", " ".join(text.split()), where=f"stack {stack}", hint=f"nautilus bootstrap --stack {stack}")
    if "PULUMI_ACCESS_TOKEN" in text or "pulumi login" in text:
        return CannotTellError("no-backend", " ".join(text.split()), where="pulumi login", hint=f"nautilus bootstrap --stack {stack}")
    return None


def official_pulumi() -> Path:
    """The user's own CLI, for deployments to AWS.

    Raises CannotTellError when there is none on PATH, or one older than the installed SDK works with.
    """
    from nautilus.sandbox.toolchain import MINIMUM, parse_version

    wanted = ".".join(map(str, MINIMUM))
    hint = f"install the Pulumi CLI {wanted} or newer: https://www.pulumi.com/docs/install/"
    found = shutil.which("pulumi")
    if found is None:
        raise CannotTellError("toolchain", "deploying to AWS needs the official Pulumi CLI on PATH", where="pulumi", hint=hint)
    answer = subprocess.run([found, "version"], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    version = parse_version(answer.stdout)
    if version is None or version < MINIMUM:
        raise CannotTellError("toolchain", f"version {answer.stdout.strip() or 'unknown'} is too old or unknown", where=found, hint=hint)
    return Path(found)


def unlocked(text: str) -> str:
    """A stack file's text with the unlock set. Nodes, not values, are written back, so that times such as `02:00` keep their meaning.

    Raises BadUseError when the text is not a stack file.
    """
    import yaml

    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise BadUseError(f"the stack file is not valid YAML: {error}") from error
    if not isinstance(tree, yaml.MappingNode):
        raise BadUseError("the stack file must be a mapping with `config:`")
    config = _value(tree, "config")
    if not isinstance(config, yaml.MappingNode):
        raise BadUseError("the stack file needs a mapping `config:`")
    true = yaml.ScalarNode("tag:yaml.org,2002:bool", "true")
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", config.value)
    rest = [pair for pair in pairs if pair[0].value != UNLOCK_KEY]
    config.value = [*rest, (yaml.ScalarNode("tag:yaml.org,2002:str", UNLOCK_KEY), true)]
    return yaml.serialize(tree, Dumper=yaml.SafeDumper, allow_unicode=True, width=4096)


def _value(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
    return next((value for name, value in pairs if name.value == key), None)


def open_engine(project: Path, stack: str, config_dir: Path | None, say: Say, *, sandbox: bool) -> StackEngine:
    """The engine of a stack."""
    return SandboxEngine(project, stack, config_dir, say) if sandbox else AwsEngine(project, stack, config_dir, say)


def planned(project: Path, stack: str, config_dir: Path | None, say: Say, on_event: EventHandler | None = None) -> OperationResult:
    """A preview of a stack in the sandbox from an empty state, printed as one JSON document into the result's `output_log`.

    The event log carries no dependencies; the printed document does. No policy pack: this asks what would be there, not whether it may.
    """
    from nautilus.sandbox.engine import Sandbox

    with _translated(stack):
        sandbox = Sandbox(project, stack, config_dir=config_dir, progress=say)
        return sandbox.preview(on_event=on_event, empty_state=True, document=True)
