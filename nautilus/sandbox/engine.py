"""The sandbox: a stack on the real Pulumi engine, with a simulated AWS behind it.

One `Sandbox` is one stack of one checkout. Each operation starts the simulated provider, runs `pulumi` in the workspace's isolation, and
ends the provider.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, cast

import yaml

from nautilus.engine.events import STACK_TYPE, Diagnostic, Severity, is_secret
from nautilus.engine.run import EventHandler, Operation, OperationResult, Outcome, Verb, run
from nautilus.sandbox import toolchain as chain
from nautilus.sandbox.workspace import PreparedStack, Progress, Run, Workspace, placeholder, read_json, write_whole

SIMULATION_NOTICE: Final = (
    "This is a simulation: the real Pulumi engine ran against a simulated AWS. "
    "It checks the program, its settings and many of AWS's rules. "
    "It does not prove that AWS accepts anything, and nothing exists outside this checkout."
)
"""For every page and message about a sandbox result."""

SECRET_TEXT: Final = "[secret]"
PROVIDER_READY_SECONDS: Final = 180.0
"""How long the provider may take to listen; the first start of a pulumi_aws version makes its type table, about 40 s on a small machine."""

PROVIDER_END_SECONDS: Final = 3.0


class SandboxError(Exception):
    """The sandbox itself failed (provider, state, CLI), not the program; the text says where to look."""


@dataclass(frozen=True)
class PolicyPack:
    """A policy pack to run: its folder, and optionally a JSON file with its configuration."""

    folder: Path
    config: Path | None = None


def _say_nothing(_line: str) -> None:
    return


# -- provider ---------------------------------------------------------------------------------------------------------


class ProviderProcess:
    """The simulated provider while it runs.

    Contract: the process prints one line of JSON, `{"aws": PORT, "random": PORT}`, when it listens, and exits on SIGTERM, when its stdin
    closes, or when its parent dies.
    """

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path, progress: Progress) -> None:
        self._log_path = log
        self._progress = progress
        self._ready: queue.Queue[str | None] = queue.Queue()
        self._listening = False
        try:
            # A session of its own: a Ctrl-C at the terminal must reach the engine first, which still needs its provider.
            self.process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"the simulated provider cannot be started ({command[0]}): {error.strerror}") from error
        self._log: IO[bytes] = log.open("ab")
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read_output, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._ready.put(line.decode("utf-8", "replace"))
        self._ready.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._log.write(line)
            self._log.flush()
            if not self._listening and (text := line.decode("utf-8", "replace").strip()):
                self._progress(text)

    def _failure(self, what: str) -> SandboxError:
        tail = "\n".join(f"    {line}" for line in self._log_path.read_text("utf-8", "replace").splitlines()[-12:])
        return SandboxError(f"{what}; its log is {self._log_path}" + (f":\n{tail}" if tail else ""))

    def ports(self, timeout: float = PROVIDER_READY_SECONDS) -> dict[str, int]:
        """Wait until the provider listens; give the port of each package.

        Raises SandboxError when it ends first, says something else, or takes longer than `timeout` seconds.
        """
        try:
            line = self._ready.get(timeout=timeout)
        except queue.Empty:
            raise self._failure(f"the simulated provider did not listen within {timeout:.0f} s") from None
        if line is None:
            self.process.wait()
            self._threads[1].join(1)
            raise self._failure(f"the simulated provider ended at its start (code {self.process.returncode})")
        try:
            ports = {str(name): int(port) for name, port in json.loads(line).items()}
        except (ValueError, AttributeError, TypeError):
            raise self._failure(f"the simulated provider said {line.strip()!r} instead of its ports") from None
        self._listening = True
        return ports

    def trouble(self) -> str | None:
        """A sentence when the provider has ended while it was needed."""
        if self.process.poll() is None:
            return None
        return (
            f"the simulated provider ended in the middle of the operation (code {self.process.returncode}); "
            f"run it again. Its log: {self._log_path}"
        )

    def close(self) -> None:
        """End the provider."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            try:
                self.process.wait(PROVIDER_END_SECONDS)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        for thread in self._threads:
            thread.join(1)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self._log.close()


# -- facade -----------------------------------------------------------------------------------------------------------


class Sandbox:
    """A stack on the real engine without AWS.

    `checkout` holds Pulumi.yaml; `stack` names the stack; `config_dir` is another folder to read `Pulumi.<stack>.yaml` from. `policy_packs`
    run in `preview` and `up`.
    `progress` gets lines for people. `toolchain`, `root` and `provider_command` are for tests and benches (defaults: found or built,
    `<checkout>/.nautilus/sandbox`, our provider).

    Every operation may raise ToolchainError, WorkspaceError, BusyError, SandboxError or OperationError; what the program or the engine says
    is in the result instead.
    """

    def __init__(
        self,
        checkout: Path,
        stack: str,
        *,
        config_dir: Path | None = None,
        policy_packs: Sequence[PolicyPack] = (),
        progress: Progress = _say_nothing,
        toolchain: chain.Toolchain | None = None,
        root: Path | None = None,
        provider_command: Callable[[Path], Sequence[str]] | None = None,
    ) -> None:
        self.workspace = Workspace(checkout, config_dir=config_dir, root=root)
        self.stack = stack
        self.workspace.stack_file(stack)
        self._packs = tuple(policy_packs)
        self._progress = progress
        self._toolchain = toolchain
        self._provider_command = provider_command or self._own_provider

    @property
    def toolchain(self) -> chain.Toolchain:
        """The CLI in use; found, or built, at the first call."""
        if self._toolchain is None:
            self._toolchain = chain.resolve(self._progress)
        return self._toolchain

    # -- operations ---------------------------------------------------------------------------------------------------

    def preview(
        self,
        *,
        on_event: EventHandler | None = None,
        config_override: Mapping[str, str] | None = None,
        expect_no_changes: bool = False,
        empty_state: bool = False,
        refresh: bool = False,
        document: bool = False,
        targets: Sequence[str] = (),
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> OperationResult:
        """What an `up` would do. Works without any earlier `up`, then from an empty state; with `empty_state` always from one.

        `config_override` maps config paths to YAML values, for this run only. `targets` are URNs. `timeout` is in seconds. A preview
        changes nothing, so it may run beside another operation.

        With `document` the result's `output_log` holds the plan as one JSON document: unlike the events it carries the dependencies.
        """
        args = [*(["--refresh"] if refresh else []), *(["--json"] if document else []), *_targets(targets), *self._pack_arguments()]
        return self._operate(
            Verb.PREVIEW, args, on_event, config_override, timeout, cancel, expect_no_changes=expect_no_changes, empty_state=empty_state
        )

    def up(
        self,
        *,
        on_event: EventHandler | None = None,
        config_override: Mapping[str, str] | None = None,
        expect_no_changes: bool = False,
        targets: Sequence[str] = (),
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> OperationResult:
        """Provision the stack. What a killed or interrupted run left is completed. The parameters are those of `preview`."""
        args = ["--yes", "--skip-preview", *_targets(targets), *self._pack_arguments()]
        return self._operate(Verb.UP, args, on_event, config_override, timeout, cancel, expect_no_changes=expect_no_changes)

    def destroy(
        self,
        *,
        on_event: EventHandler | None = None,
        config_override: Mapping[str, str] | None = None,
        targets: Sequence[str] = (),
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> OperationResult:
        """Delete the stack's resources. A protected resource makes it fail: run an `up` with the unlock first."""
        args = ["--yes", "--skip-preview", *_targets(targets)]
        return self._operate(Verb.DESTROY, args, on_event, config_override, timeout, cancel)

    def refresh(
        self,
        *,
        on_event: EventHandler | None = None,
        config_override: Mapping[str, str] | None = None,
        expect_no_changes: bool = False,
        preview_only: bool = False,
        targets: Sequence[str] = (),
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> OperationResult:
        """Compare the state with what the simulated AWS holds, and take over the differences (not with `preview_only`)."""
        args = ["--preview-only"] if preview_only else ["--yes", "--skip-preview"]
        return self._operate(
            Verb.REFRESH, [*args, *_targets(targets)], on_event, config_override, timeout, cancel, expect_no_changes=expect_no_changes
        )

    def import_resource(
        self,
        type_: str,
        name: str,
        id_: str,
        *,
        parent: str | None = None,
        provider: str | None = None,
        protect: bool = False,
        on_event: EventHandler | None = None,
        timeout: float | None = None,
    ) -> OperationResult:
        """Take a resource of the simulated AWS into the state: its type token, the logical name it gets, its provider id. `parent` and
        `provider` are URNs.
        """
        args = ["--yes", "--skip-preview", "--generate-code=false", f"--protect={str(protect).lower()}"]
        args += [f"--parent=parent={parent}"] if parent else []
        args += [f"--provider=provider={provider}"] if provider else []
        return self._operate(Verb.IMPORT, [*args, type_, name, id_], on_event, None, timeout, None)

    # -- state --------------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the stack has any sandbox state."""
        return self.workspace.checkpoint(self.stack) is not None

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's deployment in the form of `pulumi stack export`; secrets stay encrypted unless `show_secrets`. An unknown stack has
        no resources.
        """
        deployment = self.workspace.checkpoint(self.stack)
        if deployment is None:
            return {"version": 3, "deployment": {"manifest": {}, "resources": []}}
        if not show_secrets:
            return {"version": 3, "deployment": deployment}
        return cast("dict[str, Any]", json.loads(self._query("stack", "export", "--stack", self.stack, "--show-secrets")))

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; a secret is `SECRET_TEXT` unless `show_secrets`. Empty before the first `up`."""
        deployment = cast("dict[str, Any]", self.export(show_secrets=show_secrets)["deployment"])
        for resource in cast("list[dict[str, Any]]", deployment.get("resources") or []):
            if resource.get("type") == STACK_TYPE:
                return {key: _shown(value, show_secrets) for key, value in cast("dict[str, Any]", resource.get("outputs") or {}).items()}
        return {}

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, as the state keeps them."""
        return cast("list[dict[str, Any]]", cast("dict[str, Any]", self.export()["deployment"]).get("resources") or [])

    def forget(self) -> None:
        """Remove the stack from the sandbox: its state and what the simulated AWS remembers of it. The workspace's other stacks stay."""
        with self.workspace.run(self.stack, "forget", self._progress, exclusive=True):
            state = self.workspace.state_file(self.stack)
            for path in (*state.parent.glob(f"{self.stack}.json*"), *state.parent.glob(f"{self.stack}.pulumi-tags*")):
                path.unlink(missing_ok=True)
            store = self.workspace.store_file(self.stack)
            for path in store.parent.glob(f"{store.name}*"):
                path.unlink(missing_ok=True)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _own_provider(self, store: Path) -> list[str]:
        tables = chain.cache_home() / "tables"
        return [
            sys.executable,
            "-m",
            "nautilus.sandbox.provider",
            "--store",
            str(store),
            "--table-cache",
            str(tables),
            "--parent-pid",
            str(os.getpid()),
        ]

    def _pack_arguments(self) -> list[str]:
        if not self._packs:
            return []
        args = [f"--policy-pack={pack.folder.resolve()}" for pack in self._packs]
        configs = [pack.config for pack in self._packs]
        if any(configs):
            # The engine pairs packs and configurations by position, so one without needs an empty file.
            empty = self.workspace.root / "no-policy-config.json"
            self.workspace.create()
            write_whole(empty, "{}")
            args += [f"--policy-pack-config={(config or empty).resolve()}" for config in configs]
        return args

    def _operate(
        self,
        verb: Verb,
        args: Sequence[str],
        on_event: EventHandler | None,
        override: Mapping[str, str] | None,
        timeout: float | None,
        cancel: threading.Event | None,
        *,
        expect_no_changes: bool = False,
        empty_state: bool = False,
    ) -> OperationResult:
        toolchain = self.toolchain
        workspace = self.workspace
        with ExitStack() as stack:
            record = stack.enter_context(workspace.run(self.stack, verb.value, self._progress, exclusive=verb is not Verb.PREVIEW))
            state = record.folder / "state" if empty_state else workspace.state
            env = toolchain.environment(workspace.environment(run_id=record.id, state=state))
            # The provider starts while the stack file is prepared: both take a moment.
            provider = stack.enter_context(self._provider(record, env))
            prepared = self._prepare(record, env, state, override or {})
            if verb is not Verb.PREVIEW and workspace.clear_pending_operations(self.stack):
                self._progress(f"taking up what an interrupted run of {self.stack} had begun")
            ports = provider.ports()
            env["PULUMI_DEBUG_PROVIDERS"] = ",".join(f"{name}:{port}" for name, port in sorted(ports.items()))
            operation = Operation(
                verb=verb,
                # Our provider listens already, so there is no plugin to install, and no reason to start a language host to ask for one.
                args=(
                    *("--stack", self.stack, "--config-file", str(prepared.path)),
                    *("--suppress-permalink", "--suppress-progress", "--skip-plugin-pre-install"),
                    *args,
                ),
                cwd=workspace.checkout,
                env=env,
                log_dir=record.folder,
                pulumi=toolchain.pulumi,
                timeout=timeout,
                expect_no_changes=expect_no_changes,
            )
            result = run(operation, on_event, cancel=cancel, on_start=lambda pid: record.add_process("pulumi", pid), watch=provider.trouble)
            notes = tuple(Diagnostic(Severity.INFO, note) for note in prepared.notes)
            if verb is Verb.DESTROY and result.outcome is Outcome.SUCCEEDED:
                self._forget_empty_store()
            workspace.trim_history(self.stack)
            if empty_state:
                shutil.rmtree(state, ignore_errors=True)
            return replace(result, diagnostics=(*result.diagnostics, *notes)) if notes else result

    def _forget_empty_store(self) -> None:
        """With nothing left in the state, forget what an interrupted run may have created beside it: the next `up` starts from an empty
        AWS.
        """
        if not self.resources():
            store = self.workspace.store_file(self.stack)
            for path in store.parent.glob(f"{store.name}*"):
                path.unlink(missing_ok=True)

    @contextmanager
    def _provider(self, record: Run, env: Mapping[str, str]) -> Generator[ProviderProcess]:
        command = self._provider_command(self.workspace.store_file(self.stack))
        provider = ProviderProcess(command, record.folder / "provider.log", env, self.workspace.root, self._progress)
        try:
            record.add_process("provider", provider.process.pid)
            yield provider
        finally:
            provider.close()

    def _prepare(self, record: Run, env: Mapping[str, str], state: Path, override: Mapping[str, str]) -> PreparedStack:
        prepared = self.workspace.prepare(self.stack, record.folder, lambda texts: self._encrypt(record, env, texts), override)
        self._ensure_stack(env, state)
        if prepared.placeholders:
            self._progress(f"{len(prepared.placeholders)} secret settings are placeholders here: {', '.join(prepared.placeholders)}")
        return prepared

    def _ensure_stack(self, env: Mapping[str, str], state: Path) -> None:
        """Create the stack in the backend when it is not there; in a scratch folder, because that writes a stack file."""
        if self.workspace.state_file(self.stack, state).exists():
            return
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = self._remembered().get("salt")
        scratch = self.workspace.project_folder
        with self.workspace.once("stack-init"):
            if self.workspace.state_file(self.stack, state).exists():
                return
            # Without a state file, a lock can only be that of a killed creation.
            self.workspace.clear_dead_locks(self.stack, self._progress, state=state)
            for path in scratch.rglob("Pulumi.*.yaml"):
                path.unlink()
            if salt:
                write_whole(scratch / f"Pulumi.{self.stack}.yaml", f"encryptionsalt: {salt}\n")
            self._command(env, scratch, "stack", "init", self.stack, "--no-select")
            for path in scratch.rglob("Pulumi.*.yaml"):
                path.unlink()

    def _remembered(self) -> dict[str, Any]:
        return read_json(self.workspace.root / "placeholders.json")

    def _encrypt(self, record: Run, env: Mapping[str, str], texts: list[str]) -> tuple[str, list[str]]:
        """The workspace's salt, and the ciphertext of each placeholder. The CLI makes what is new; what it made is remembered."""
        with self.workspace.once("encrypt"):
            memory = self._remembered()
            known = cast("dict[str, str]", memory.get("texts") or {})
            missing = [text for text in texts if text not in known]
            if missing or not memory.get("salt"):
                # One text more, so that a workspace without any secret gets its salt too.
                fresh = missing or [placeholder("salt")]
                memory = self._make_ciphertexts(record, env, memory, fresh)
                known = cast("dict[str, str]", memory["texts"])
        return str(memory["salt"]), [known[text] for text in texts]

    def _make_ciphertexts(self, record: Run, env: Mapping[str, str], memory: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        # A backend of its own for a moment: encrypting needs some stack, and the real one may not exist yet.
        folder = record.folder / "secrets"
        (folder / "state").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: placeholders\nruntime: python\n", "utf-8")
        file = folder / "Pulumi.placeholders.yaml"
        if memory.get("salt"):
            file.write_text(f"encryptionsalt: {memory['salt']}\n", "utf-8")
        own = {**env, "PULUMI_BACKEND_URL": self.workspace.backend_url(folder / "state")}
        self._command(own, folder, "stack", "init", "placeholders", "--no-select")
        pairs = [part for index, text in enumerate(texts) for part in ("--secret", f"p{index}={text}")]
        self._command(own, folder, "config", "set-all", "--stack", "placeholders", *pairs)
        written = cast("dict[str, Any]", yaml.safe_load(file.read_text("utf-8")))
        made = {text: str(written["config"][f"placeholders:p{index}"]["secure"]) for index, text in enumerate(texts)}
        result = {"salt": str(written["encryptionsalt"]), "texts": {**cast("dict[str, str]", memory.get("texts") or {}), **made}}
        write_whole(self.workspace.root / "placeholders.json", json.dumps(result, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        return result

    def _query(self, *args: str) -> str:
        """The standard output of a command that reads the state."""
        self.workspace.create()
        return self._command(self.toolchain.environment(self.workspace.environment()), self.workspace.project_folder, *args)

    def _command(self, env: Mapping[str, str], cwd: Path, *args: str) -> str:
        command = [str(self.toolchain.pulumi), *args, "--non-interactive", "--color=never"]
        started = time.monotonic()
        try:
            answer = subprocess.run(
                command, cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxError(f"`pulumi {' '.join(args[:2])}` failed after {time.monotonic() - started:.0f} s: {error}") from error
        if answer.returncode != 0:
            raise SandboxError(f"`pulumi {' '.join(args[:2])}` failed: {answer.stderr.strip() or answer.stdout.strip()}")
        return answer.stdout


def _targets(urns: Sequence[str]) -> list[str]:
    return [f"--target={urn}" for urn in urns]


def _shown(value: Any, show_secrets: bool) -> Any:
    """An output as people and JSON see it: a secret as its value or as `SECRET_TEXT`."""
    if is_secret(value):
        if not show_secrets:
            return SECRET_TEXT
        secret = cast("dict[str, Any]", value)
        return json.loads(secret["plaintext"]) if "plaintext" in secret else secret.get("value")
    if isinstance(value, dict):
        return {key: _shown(item, show_secrets) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_shown(item, show_secrets) for item in cast("list[Any]", value)]
    return value
