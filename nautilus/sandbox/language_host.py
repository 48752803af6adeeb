"""The Python language host of the CLI that we build: what the official distribution ships as `pulumi-language-python`.

The engine starts it beside the CLI (see `toolchain`), reads one line with a port, and speaks `pulumirpc.LanguageRuntime` to it. It is
started as a script and must be quick, several
times an operation, so it takes the protocol's classes from the `pulumi` package without importing the package (0.1 s instead of 0.4 s).

The program runs in, by order: the runtime option `virtualenv`; with the option `toolchain: uv`, or a `uv.lock` above it, that project's
`.venv`; else NAUTILUS_SANDBOX_PYTHON, the
interpreter that runs nautilus; else this interpreter.
"""

# ruff: noqa: N802, ARG002 - the names and parameters of the methods are gRPC's

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

if TYPE_CHECKING:
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import language_pb2 as lang
    from pulumi.runtime.proto import language_pb2_grpc as lang_grpc
    from pulumi.runtime.proto import plugin_pb2 as plug
else:

    def _protocol_without_the_sdk() -> None:
        """Stand in for `pulumi` and `pulumi.runtime` with empty packages, so that only the generated protocol modules load."""
        if "pulumi" in sys.modules:
            return
        from importlib.util import find_spec

        spec = find_spec("pulumi")
        if spec is None or spec.origin is None:
            raise ImportError("the pulumi package is not installed for " + sys.executable)
        root = Path(spec.origin).parent
        for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
            module = types.ModuleType(name)
            module.__path__ = [str(folder)]
            sys.modules[name] = module

    if __name__ == "__main__":
        _protocol_without_the_sdk()
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import language_pb2 as lang
    from pulumi.runtime.proto import language_pb2_grpc as lang_grpc
    from pulumi.runtime.proto import plugin_pb2 as plug

PYTHON_VARIABLE: Final = "NAUTILUS_SANDBOX_PYTHON"
"""Environment variable with the interpreter for programs that name none."""

SHOWN: Final = 32
"""The runner's exit code for an error that the user has seen (the same as in `program_runner`, which cannot be imported from here)."""

RUNNER: Final = Path(__file__).resolve().with_name("program_runner.py")
MAX_MESSAGE_BYTES: Final = 400 * 2**20
"""The engine's own limit for one message."""


class InterpreterError(Exception):
    """The runtime options name an environment that is not there. The text is for the user."""


@dataclass(frozen=True)
class Interpreter:
    """A Python to run programs with; `venv` is its environment's folder, or None for one outside any."""

    python: Path
    venv: Path | None

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the environment activated, as the official host does it."""
        env = dict(base)
        if self.venv is not None:
            env["VIRTUAL_ENV"] = str(self.venv)
            env["PATH"] = str(self.python.parent) + os.pathsep + env.get("PATH", os.defpath)
            env.pop("PYTHONHOME", None)
        return env

    def site_packages(self) -> list[str]:
        """Where its packages are installed."""
        if self.venv is not None:
            return [
                str(path) for path in sorted(self.venv.glob("lib/python3*/site-packages")) + sorted(self.venv.glob("Lib/site-packages"))
            ]
        return [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]


def _venv(folder: Path) -> Interpreter | None:
    for python in (folder / "bin" / "python", folder / "Scripts" / "python.exe"):
        if python.exists():
            return Interpreter(python, folder)
    return None


def _upwards(start: Path, name: str) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / name).exists():
            return folder
    return None


def _default_interpreter() -> Interpreter:
    python = Path(os.environ.get(PYTHON_VARIABLE) or sys.executable)
    folder = python.parent.parent
    return Interpreter(python, folder if (folder / "pyvenv.cfg").exists() else None)


def choose_interpreter(root: Path, program: Path, options: Mapping[str, Any]) -> Interpreter:
    """The interpreter for the program in `program` of the project in `root` with the runtime's `options`.

    Raises InterpreterError when the option `virtualenv` names a folder that is no virtual environment.
    """
    named = options.get("virtualenv")
    if isinstance(named, str) and named:
        folder = (root / named).absolute()
        if (found := _venv(folder)) is None:
            what = "is not a virtual environment" if folder.is_dir() else "does not exist"
            raise InterpreterError(
                f"The 'virtualenv' option is set to {named!r}, but {folder} {what}. "
                f"Create it with `python3 -m venv {folder}` and install the dependencies, or remove the option."
            )
        return found
    tool = options.get("toolchain")
    project = _upwards(program, "uv.lock")
    if project is None and tool == "uv":
        project = _upwards(program, "pyproject.toml")
    if project is not None and tool in ("uv", None, ""):
        chosen = os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"
        if (found := _venv(project / chosen)) is not None:
            return found
    return _default_interpreter()


def _options(info: lang.ProgramInfo) -> dict[str, Any]:
    # A Struct is a mapping of its fields; nested values do not matter here.
    return {key: info.options[key] for key in info.options.fields}


def _attached_packages() -> set[str]:
    """Packages whose provider is already listening: the engine needs no plugin for them."""
    entries = os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(",")
    return {entry.partition(":")[0] for entry in entries if entry}


def required_packages(interpreter: Interpreter) -> list[plug.PackageDependency]:
    """The provider plugins that the installed SDKs ask for, without those already attached to the engine."""
    attached = _attached_packages()
    found: dict[str, plug.PackageDependency] = {}
    for site in interpreter.site_packages():
        for path in sorted(Path(site).glob("*/pulumi-plugin.json")):
            try:
                data: Any = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError):
                continue
            if not isinstance(data, dict) or not cast("dict[str, Any]", data).get("resource"):
                continue
            described = cast("dict[str, Any]", data)
            name = str(described.get("name") or path.parent.name.removeprefix("pulumi_"))
            if name not in attached:
                version = str(described.get("version") or "").removeprefix("v")
                found[name] = plug.PackageDependency(
                    name=name, kind="resource", version=f"v{version}" if version else "", server=str(described.get("server") or "")
                )
    return list(found.values())


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def dependencies(interpreter: Interpreter, *, transitive: bool) -> list[lang.DependencyInfo]:
    """Installed distributions; without `transitive` only those that no other one requires."""
    versions: dict[str, str] = {}
    needed: set[str] = set()
    for dist in importlib.metadata.distributions(path=interpreter.site_packages()):
        name = _normal(dist.metadata["Name"] or "")
        if not name:
            continue
        versions[name] = dist.version
        for requirement in dist.requires or []:
            if "extra ==" not in requirement:
                end = next((i for i, char in enumerate(requirement) if not (char.isalnum() or char in "-_.")), len(requirement))
                needed.add(_normal(requirement[:end]))
    return [
        lang.DependencyInfo(name=name, version=version) for name, version in sorted(versions.items()) if transitive or name not in needed
    ]


class LanguageHost(lang_grpc.LanguageRuntimeServicer):
    """`pulumirpc.LanguageRuntime` for Python programs and policy packs."""

    def __init__(self, engine: str = "") -> None:
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    # -- processes ----------------------------------------------------------------------------------------------------

    def _start(
        self, interpreter: Interpreter, arguments: Iterable[str], env: Mapping[str, str], cwd: str, *, piped: bool
    ) -> subprocess.Popen[bytes]:
        environment = interpreter.environ(env) | {"NAUTILUS_RUNNER_PARENT": str(os.getpid())}
        pipe = subprocess.PIPE if piped else None
        with self._lock:
            child = subprocess.Popen(
                [str(interpreter.python), "-u", str(RUNNER), *arguments],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
            )
            self._children.add(child)
        return child

    def _reap(self, child: subprocess.Popen[bytes]) -> int:
        code = child.wait()
        with self._lock:
            self._children.discard(child)
        return code

    def stop_children(self) -> None:
        """Kill what still runs; a signal handler may call it, so it takes no lock."""
        for child in tuple(self._children):
            _kill(child)

    # -- the protocol -------------------------------------------------------------------------------------------------

    def Handshake(self, request: lang.LanguageHandshakeRequest, context: grpc.ServicerContext) -> lang.LanguageHandshakeResponse:
        """Take the engine's address."""
        self._engine = request.engine_address or self._engine
        return lang.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plug.PluginInfo:
        """The version of the protocol's classes: the installed SDK's."""
        return plug.PluginInfo(version=_sdk_version())

    def GetRequiredPackages(
        self, request: lang.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> lang.GetRequiredPackagesResponse:
        """Plugins that the program's packages ask for."""
        return lang.GetRequiredPackagesResponse(packages=required_packages(self._interpreter(request.info, context)))

    def GetRequiredPlugins(self, request: lang.GetRequiredPluginsRequest, context: grpc.ServicerContext) -> lang.GetRequiredPluginsResponse:
        """The same for engines from before packages."""
        packages = required_packages(self._interpreter(request.info, context))
        return lang.GetRequiredPluginsResponse(
            plugins=[plug.PluginDependency(name=p.name, kind=p.kind, version=p.version, server=p.server) for p in packages]
        )

    def RuntimeOptionsPrompts(self, request: lang.RuntimeOptionsRequest, context: grpc.ServicerContext) -> lang.RuntimeOptionsResponse:
        """`pulumi new` has nothing to ask here."""
        return lang.RuntimeOptionsResponse()

    def About(self, request: lang.AboutRequest, context: grpc.ServicerContext) -> lang.AboutResponse:
        """The interpreter that programs run with."""
        interpreter = self._interpreter(request.info, context)
        probe = subprocess.run(
            [str(interpreter.python), "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=False,
        )
        return lang.AboutResponse(executable=str(interpreter.python), version=probe.stdout.strip(), metadata={"host": "nautilus sandbox"})

    def GetProgramDependencies(
        self, request: lang.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> lang.GetProgramDependenciesResponse:
        """Installed packages of the program's environment."""
        found = dependencies(self._interpreter(request.info, context), transitive=request.transitiveDependencies)
        return lang.GetProgramDependenciesResponse(dependencies=found)

    def InstallDependencies(
        self, request: lang.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[lang.InstallDependenciesResponse]:
        """Say how dependencies are installed; a simulation does not change a user's environment."""
        where = request.info.program_directory or request.directory
        text = f"Dependencies of {where} are not installed by the sandbox; install them with `uv sync` or `pip install`.\n"
        yield lang.InstallDependenciesResponse(stdout=text.encode())

    def Run(self, request: lang.RunRequest, context: grpc.ServicerContext) -> lang.RunResponse:
        """Run the program; its output goes where the host's goes."""
        directory = Path(request.info.program_directory or request.pwd)
        entry = request.info.entry_point
        program = directory if entry in ("", ".") else directory / entry
        if program.is_dir() and not (program / "__main__.py").exists():
            return lang.RunResponse(error=f"unable to find main python program `__main__.py` in `{program}`")
        if not program.exists():
            return lang.RunResponse(error=f"the program `{program}`, named by 'main' in Pulumi.yaml, does not exist")
        try:
            interpreter = choose_interpreter(Path(request.info.root_directory or directory), directory, _options(request.info))
        except InterpreterError as error:
            return lang.RunResponse(error=str(error))
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        }
        spec = {"program": str(program), "args": list(request.args), "cwd": request.pwd or str(directory), "settings": settings}
        env = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            "NAUTILUS_RUNNER": json.dumps(spec),
        }
        try:
            child = self._start(interpreter, ["program"], env, str(directory), piped=False)
        except OSError as error:
            return lang.RunResponse(error=f"could not run {interpreter.python}: {error.strerror}")
        context.add_callback(lambda: _kill(child))
        code = self._reap(child)
        if code == SHOWN:
            return lang.RunResponse(bail=True)
        if code < 0:
            return lang.RunResponse(error=f"Program was ended by signal {signal.Signals(-code).name}")
        return lang.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(self, request: lang.RunPluginRequest, context: grpc.ServicerContext) -> Iterator[lang.RunPluginResponse]:
        """Run a policy pack (kind `analyzer`) or another plugin written in Python; stream its output, its exit code last."""
        directory = Path(request.info.program_directory or request.program)
        root = Path(request.info.root_directory or directory)
        try:
            interpreter = choose_interpreter(root, directory, _options(request.info))
            env = {name: value for name, _, value in (entry.partition("=") for entry in request.env)} or dict(os.environ)
            arguments = (
                ["policy", *request.args, str(directory)] if request.kind in ("", "analyzer") else ["plugin", str(directory), *request.args]
            )
            child = self._start(interpreter, arguments, env, request.pwd or str(directory), piped=True)
        except (InterpreterError, OSError) as error:
            yield lang.RunPluginResponse(stderr=f"{error}\n".encode())
            yield lang.RunPluginResponse(exitcode=1)
            return
        context.add_callback(lambda: _kill(child))
        chunks: queue.Queue[lang.RunPluginResponse | None] = queue.Queue()

        def pump(stream: Any, name: str) -> None:
            for chunk in iter(lambda: stream.read1(65536), b""):
                chunks.put(lang.RunPluginResponse(stdout=chunk) if name == "stdout" else lang.RunPluginResponse(stderr=chunk))
            chunks.put(None)

        for stream, name in ((child.stdout, "stdout"), (child.stderr, "stderr")):
            threading.Thread(target=pump, args=(stream, name), daemon=True).start()
        open_streams = 2
        while open_streams:
            chunk = chunks.get()
            if chunk is None:
                open_streams -= 1
            else:
                yield chunk
        yield lang.RunPluginResponse(exitcode=self._reap(child) & 0xFF)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Stop whatever runs."""
        self.stop_children()
        return empty_pb2.Empty()

    def _interpreter(self, info: lang.ProgramInfo, context: grpc.ServicerContext) -> Interpreter:
        directory = Path(info.program_directory or ".")
        try:
            return choose_interpreter(Path(info.root_directory or directory), directory, _options(info))
        except InterpreterError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()


def _sdk_version() -> str:
    try:
        return importlib.metadata.version("pulumi")
    except importlib.metadata.PackageNotFoundError:
        return ""


def serve(engine: str = "") -> tuple[grpc.Server, LanguageHost, int]:
    """Start a server on a free port of the loopback address; give it, the host and the port."""
    host = LanguageHost(engine)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=16),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", MAX_MESSAGE_BYTES)],
    )
    lang_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, host, port


def main(arguments: list[str]) -> None:
    """Serve until the engine interrupts us: flags of the engine are ignored, the last positional argument is its address."""
    positional = [argument for argument in arguments if not argument.startswith("-")]
    # grpc reports methods that we leave out (code generation) with a traceback on stderr, which the engine would show.
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    server, host, port = serve(positional[-1] if positional else "")

    def leave(_number: int, _frame: object) -> NoReturn:
        # The engine waits five seconds for a plugin that ignores its interrupt, so nothing may delay this.
        host.stop_children()
        os._exit(0)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    parent = os.getppid()
    print(port, flush=True)  # noqa: T201 - the line that the engine reads
    # A killed engine cannot interrupt us.
    while os.getppid() == parent:
        if not server.wait_for_termination(timeout=0.5):
            break
    leave(0, None)


if __name__ == "__main__":
    main(sys.argv[1:])
