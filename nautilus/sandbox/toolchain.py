"""Find, or build, a Pulumi CLI.

By order: a `pulumi` on PATH that is new enough; one that was built before, from the cache; one built now from the Go modules that
`cli_build/go.sum` pins by checksum. A build takes
3 to 5 minutes once; the result is shared by every checkout of this version.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

MINIMUM: Final = (3, 259, 0)
"""The oldest CLI that the installed SDK and providers work with; also the version that is built."""

VERSION: Final = ".".join(map(str, MINIMUM))
GO_MINIMUM: Final = (1, 25, 11)
PACKAGE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_SYMBOL: Final = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
BUILD_FOLDER: Final = Path(__file__).resolve().with_name("cli_build")
HOST_NAME: Final = "pulumi-language-python"
LANGUAGE_HOST: Final = Path(__file__).resolve().with_name("language_host.py")

PYTHON_VARIABLE: Final = "NAUTILUS_SANDBOX_PYTHON"
HOST_VARIABLE: Final = "NAUTILUS_SANDBOX_HOST"

Progress = Callable[[str], None]

# The launcher stands in a cache that several checkouts share, so which interpreter and which host it starts comes from the environment of
# the run.
_LAUNCHER: Final = f"""#!/bin/sh
: "${{{PYTHON_VARIABLE}:?this Pulumi CLI was built by nautilus-infra and runs programs only through it: use nautilus up, or install the
official CLI}}"
exec "${PYTHON_VARIABLE}" -u "${HOST_VARIABLE}" "$@"
"""


class ToolchainError(Exception):
    """No usable Pulumi CLI could be found or built; the text names every way to get one."""


@dataclass(frozen=True)
class Toolchain:
    """A Pulumi CLI. `own_host` says that the language host beside it is ours; a user's own CLI keeps its own unless it has none."""

    pulumi: Path
    version: str
    source: Literal["path", "cache", "built"]
    own_host: bool

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with what this CLI needs to find the language host."""
        env = dict(base)
        env[PYTHON_VARIABLE] = sys.executable
        env[HOST_VARIABLE] = str(LANGUAGE_HOST)
        if self.own_host and self.source == "path":
            # The user's CLI came without a Python host: ours is put on PATH, the only other place where it looks.
            env["PATH"] = str(_host_folder()) + os.pathsep + env.get("PATH", os.defpath)
        elif self.own_host:
            # An older host somewhere on PATH would win over the one beside the CLI.
            env["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
        return env


def cache_home() -> Path:
    """The folder for what can be made again: `$XDG_CACHE_HOME/nautilus-infra`, or `~/.cache/nautilus-infra`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "nautilus-infra"


def cache_folder() -> Path:
    """Where the CLI of these pinned modules is, or will be, cached."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((BUILD_FOLDER / name).read_bytes())
    return cache_home() / f"pulumi-{VERSION}-{digest.hexdigest()[:12]}"


def parse_version(text: str) -> tuple[int, int, int] | None:
    """`v3.259.0`, `3.259.0-dev.1+abc` or `go version go1.25.11 …` as a triple; None when there is no version in it."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _ask_version(pulumi: Path) -> tuple[tuple[int, int, int] | None, str]:
    """The version of a CLI, or None with the reason why it is of no use."""
    with tempfile.TemporaryDirectory(prefix="nautilus-pulumi-") as home:
        env = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": home}
        try:
            answer = subprocess.run(
                [str(pulumi), "version"], capture_output=True, text=True, timeout=30, check=False, env=env, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, f"it does not run ({type(error).__name__})"
    version = parse_version(answer.stdout)
    if answer.returncode != 0:
        return None, f"`pulumi version` ends with code {answer.returncode}"
    return (version, "") if version else (None, "`pulumi version` names no version")


def _write_launcher(folder: Path) -> None:
    target = folder / HOST_NAME
    if target.exists() and target.read_text("utf-8") == _LAUNCHER:
        return
    handle, name = tempfile.mkstemp(dir=folder, prefix=".host-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_LAUNCHER)
    Path(name).chmod(0o755)
    Path(name).replace(target)


def _host_folder() -> Path:
    folder = cache_home() / "language-host"
    folder.mkdir(parents=True, exist_ok=True)
    _write_launcher(folder)
    return folder


def _on_path(progress: Progress) -> Toolchain | None:
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("pulumi", path=entry) if entry else None
        if found is None:
            continue
        version, reason = _ask_version(Path(found))
        if version is None:
            progress(f"skipping {found}: {reason}")
        elif version < MINIMUM:
            progress(f"skipping {found}: version {'.'.join(map(str, version))} is older than {VERSION}")
        else:
            beside = (Path(found).resolve().parent / HOST_NAME).exists()
            return Toolchain(Path(found), ".".join(map(str, version)), "path", own_host=not beside and shutil.which(HOST_NAME) is None)
    return None


def _cached() -> Toolchain | None:
    pulumi = cache_folder() / "pulumi"
    if not os.access(pulumi, os.X_OK):
        return None
    _write_launcher(pulumi.parent)
    return Toolchain(pulumi, VERSION, "cache", own_host=True)


def find_go() -> tuple[Path | None, str]:
    """A usable Go, or None with what is wrong with the one that is there."""
    found = shutil.which("go")
    if found is None:
        return None, "there is no `go` on PATH"
    answer = subprocess.run([found, "version"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"})
    version = parse_version(answer.stdout.partition(" go")[2] or answer.stdout)
    if answer.returncode != 0 or version is None:
        return None, f"`{found} version` does not work"
    if version < GO_MINIMUM:
        return None, f"{found} is Go {'.'.join(map(str, version))}, older than {'.'.join(map(str, GO_MINIMUM))}"
    return Path(found), ""


def _ways(first: str) -> str:
    return "\n".join(
        [
            first,
            f"Any one of these helps (Pulumi CLI {VERSION} or newer):",
            "  1. install the official CLI and put it on PATH: https://www.pulumi.com/docs/install/",
            "  2. let Python install it, then put that folder on PATH:",
            "     python -c 'from pulumi.automation import PulumiCommand as P; print(P.install().command)'",
            f"  3. install Go {'.'.join(map(str, GO_MINIMUM))} or newer (https://go.dev/dl/) and run this again:",
            "     the CLI is then built once from pinned modules, in 3 to 5 minutes",
            f"  4. copy a finished `pulumi` from another machine of this kind to {cache_folder() / 'pulumi'}",
        ]
    )


@contextmanager
def _build_lock(progress: Progress) -> Generator[None]:
    """One build at a time for all checkouts; the kernel lets go of the lock when its holder dies."""
    cache_home().mkdir(parents=True, exist_ok=True)
    with (cache_home() / "build.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process is building the Pulumi CLI; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(target: Path) -> None:
    """Remove what interrupted builds left; the lock is held, so nobody uses it."""
    for leftover in target.parent.glob(".build-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the compiler with its helpers: they are a process group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _compile(go: Path, output: Path, progress: Progress, heartbeat: float) -> None:
    env = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    # -v names each package as it is compiled: the only sign of life that `go build` gives.
    command = [
        str(go),
        "build",
        "-v",
        "-mod=readonly",
        "-trimpath",
        "-ldflags",
        f"-s -w -X {VERSION_SYMBOL}=v{VERSION}",
        "-o",
        str(output),
        PACKAGE,
    ]
    started = said = time.monotonic()
    # A file rather than a pipe: nothing blocks, and a Ctrl-C finds this thread in a short sleep.
    with tempfile.TemporaryFile() as sink:
        try:
            process = subprocess.Popen(
                command, cwd=BUILD_FOLDER, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            raise ToolchainError(_ways(f"Go could not be started: {error}")) from error
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() - said >= heartbeat:
                    said = time.monotonic()
                    packages = os.pread(sink.fileno(), 1 << 24, 0).count(b"\n")
                    progress(
                        f"building the Pulumi CLI {VERSION}: {said - started:.0f} s, {packages} packages compiled (3 to 5 minutes, once)"
                    )
        except BaseException:
            _end(process)
            raise
        sink.seek(0)
        log = sink.read().decode("utf-8", "replace").splitlines()
    if process.returncode != 0:
        tail = "\n".join(f"    {line}" for line in log[-15:])
        raise ToolchainError(_ways(f"Building the Pulumi CLI failed (go build ended with code {process.returncode}):\n{tail}"))


def build(progress: Progress, *, heartbeat: float = 10.0) -> Toolchain:
    """Build the CLI into the cache and give it; another process's finished build is taken over.

    `heartbeat` is the time between two progress lines, in seconds. Raises ToolchainError when there is no usable Go or the build fails.
    """
    go, reason = find_go()
    if go is None:
        raise ToolchainError(_ways(f"No Pulumi CLI {VERSION} or newer was found, and none can be built: {reason}."))
    target = cache_folder()
    with _build_lock(progress):
        if (ready := _cached()) is not None:
            return ready
        _sweep(target)
        progress(f"building the Pulumi CLI {VERSION} from pinned Go modules (3 to 5 minutes, once)")
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=target.parent))
        try:
            started = time.monotonic()
            _compile(go, work / "pulumi", progress, heartbeat)
            version, why = _ask_version(work / "pulumi")
            if version != MINIMUM:
                raise ToolchainError(_ways(f"The Pulumi CLI that was built is of no use: {why or version}"))
            _write_launcher(work)
            # The folder appears whole or not at all. One without a usable binary may stand there: it is not worth keeping.
            shutil.rmtree(target, ignore_errors=True)
            work.replace(target)
            progress(f"built the Pulumi CLI {VERSION} in {time.monotonic() - started:.0f} s: {target / 'pulumi'}")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Toolchain(target / "pulumi", VERSION, "built", own_host=True)


def resolve(progress: Progress) -> Toolchain:
    """The CLI to use; builds one when it must. `progress` gets lines for people.

    Raises ToolchainError with every way to get a CLI when there is none and none can be built.
    """
    return _on_path(progress) or _cached() or build(progress)
