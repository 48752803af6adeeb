"""The language host: its protocol over a real connection, its start and end, and how the engine shows errors."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import language_pb2 as lang
from pulumi.runtime.proto import language_pb2_grpc as lang_grpc

from nautilus.engine import Outcome
from nautilus.sandbox import language_host
from nautilus.sandbox.language_host import InterpreterError, choose_interpreter
from nautilus.sandbox.program_runner import argument_error
from nautilus.sandbox.workspace import process_start
from tests.sandbox.support import project, sandbox, wait_until

HOST = Path(language_host.__file__)


class Connected:
    """A host process with a client."""

    def __init__(self, **env: str) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "UV_"))} | env
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(HOST), "--logtostderr", "127.0.0.1:1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub = lang_grpc.LanguageRuntimeStub(self.channel)

    def close(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def host():
    connected = Connected()
    yield connected
    connected.close()


def info(folder: Path, **options) -> lang.ProgramInfo:
    values = struct_pb2.Struct()
    values.update(options)
    return lang.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".", options=values)


# -- interpreters -----------------------------------------------------------------------------------------------------


def venv(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def test_the_virtualenv_option_is_relative_to_the_project(tmp_path):
    made = venv(tmp_path / "envs" / "one")
    found = choose_interpreter(tmp_path, tmp_path / "app", {"virtualenv": "envs/one"})
    assert found.python == made / "bin" / "python"
    environ = found.environ({"PATH": "/usr/bin", "PYTHONHOME": "/x"})
    assert environ["VIRTUAL_ENV"] == str(made)
    assert environ["PATH"] == f"{made / 'bin'}{os.pathsep}/usr/bin"
    assert "PYTHONHOME" not in environ


@pytest.mark.parametrize(("exists", "words"), [(False, "does not exist"), (True, "is not a virtual environment")])
def test_a_missing_virtualenv_says_how_to_make_it(tmp_path, exists, words):
    if exists:
        (tmp_path / "venv").mkdir()
    with pytest.raises(InterpreterError, match=words) as caught:
        choose_interpreter(tmp_path, tmp_path, {"virtualenv": "venv"})
    assert "python3 -m venv" in str(caught.value)


def test_uv_uses_the_nearest_locked_project(tmp_path, monkeypatch):
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
    (tmp_path / "uv.lock").write_text("")
    made = venv(tmp_path / ".venv")
    (tmp_path / "a" / "b").mkdir(parents=True)
    for options in ({"toolchain": "uv"}, {}):
        assert choose_interpreter(tmp_path / "a", tmp_path / "a" / "b", options).venv == made
    assert choose_interpreter(tmp_path / "a", tmp_path / "a" / "b", {"toolchain": "pip"}).venv != made


def test_without_an_environment_the_interpreter_of_nautilus_runs(tmp_path, monkeypatch):
    monkeypatch.setenv(language_host.PYTHON_VARIABLE, "/some/python")
    (tmp_path / "uv.lock").write_text("")
    assert choose_interpreter(tmp_path, tmp_path, {"toolchain": "uv"}).python == Path("/some/python")


# -- protocol ---------------------------------------------------------------------------------------------------------


def test_handshake_info_and_about(host, tmp_path):
    host.stub.Handshake(lang.LanguageHandshakeRequest(engine_address="127.0.0.1:9"))
    assert re.match(r"\d+\.\d+", host.stub.GetPluginInfo(empty_pb2.Empty()).version)
    about = host.stub.About(lang.AboutRequest(info=info(tmp_path)))
    assert about.version == ".".join(map(str, sys.version_info[:3]))
    assert Path(about.executable).exists()
    assert not host.stub.RuntimeOptionsPrompts(lang.RuntimeOptionsRequest()).prompts


def test_required_packages_leave_out_attached_providers(tmp_path):
    connected = Connected(PULUMI_DEBUG_PROVIDERS="random:1")
    try:
        packages = connected.stub.GetRequiredPackages(lang.GetRequiredPackagesRequest(info=info(tmp_path))).packages
        assert {(p.name, p.kind) for p in packages} == {("aws", "resource")}
        assert re.fullmatch(r"v7\.\d+\.\d+", packages[0].version)
        plugins = connected.stub.GetRequiredPlugins(lang.GetRequiredPluginsRequest(info=info(tmp_path))).plugins
        assert [p.name for p in plugins] == ["aws"]
    finally:
        connected.close()


def test_program_dependencies(host, tmp_path):
    def ask(transitive: bool) -> dict[str, str]:
        answer = host.stub.GetProgramDependencies(
            lang.GetProgramDependenciesRequest(info=info(tmp_path), transitiveDependencies=transitive)
        )
        return {item.name: item.version for item in answer.dependencies}

    every, direct = ask(True), ask(False)
    assert "pulumi" in every
    assert direct.keys() < every.keys()
    assert "protobuf" not in direct


def test_install_dependencies_says_what_to_do(host, tmp_path):
    said = b"".join(part.stdout for part in host.stub.InstallDependencies(lang.InstallDependenciesRequest(info=info(tmp_path))))
    assert b"uv sync" in said


def test_a_missing_virtualenv_stops_every_call(host, tmp_path):
    bad = info(tmp_path, virtualenv="nowhere")
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.GetRequiredPackages(lang.GetRequiredPackagesRequest(info=bad))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "nowhere" in (caught.value.details() or "")
    (tmp_path / "__main__.py").write_text("")
    assert "nowhere" in host.stub.Run(lang.RunRequest(info=bad, pwd=str(tmp_path))).error
    *_, last = host.stub.RunPlugin(lang.RunPluginRequest(info=bad, pwd=str(tmp_path), kind="analyzer"))
    assert last.exitcode == 1


def test_a_missing_program_is_named(host, tmp_path):
    assert "__main__.py" in host.stub.Run(lang.RunRequest(info=info(tmp_path), pwd=str(tmp_path))).error


def test_run_plugin_streams_both_outputs_then_the_exit_code(host, tmp_path):
    (tmp_path / "__main__.py").write_text(
        "import os, sys\nprint('out', sys.argv[1:], os.environ['COLOUR'])\nprint('err', file=sys.stderr)\nsys.exit(7)\n"
    )
    request = lang.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path), args=["x"], env=["COLOUR=blue=ish"], kind="resource")
    parts = list(host.stub.RunPlugin(request))
    assert b"".join(p.stdout for p in parts) == b"out ['x'] blue=ish\n"
    assert b"".join(p.stderr for p in parts) == b"err\n"
    assert parts[-1].exitcode == 7
    assert [p.WhichOneof("output") for p in parts].count("exitcode") == 1


def test_cancelling_a_plugin_ends_its_process(host, tmp_path):
    (tmp_path / "__main__.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    stream = host.stub.RunPlugin(lang.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path), kind="resource"))
    pid = int(next(stream).stdout)
    stream.cancel()
    wait_until(lambda: process_start(pid) is None, 5)


@pytest.mark.parametrize("how", ["cancel", "interrupt", "kill"])
def test_the_program_ends_with_its_host(host, tmp_path, how):
    (tmp_path / "__main__.py").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as mute:  # an engine that never answers, so the program waits for ever
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        request = lang.RunRequest(info=info(tmp_path), pwd=str(tmp_path), project="p", stack="s", parallel=4, monitor_address=address)
        future = host.stub.Run.future(request)
        mute.settimeout(10)
        answered, _ = mute.accept()
        pid = int(" ".join(path.read_text() for path in Path(f"/proc/{host.process.pid}/task").glob("*/children")))
        end(host, how, future)
        wait_until(lambda: process_start(pid) is None, 5)
        answered.close()


def end(host, how, future):
    if how == "cancel":
        host.stub.Cancel(empty_pb2.Empty())
        assert "SIGKILL" in future.result(timeout=5).error
    else:
        host.process.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGKILL)
        host.process.wait(5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_host_leaves_at_once_and_without_a_word(host, number):
    started = time.monotonic()
    host.process.send_signal(number)
    out, err = host.process.communicate(timeout=5)
    assert time.monotonic() - started < 1
    assert (host.process.returncode, out, err) == (0, b"", b"")


def test_the_host_starts_without_the_sdk():
    code = (
        "import runpy, sys, threading, os\n"
        "def tell(): print('pulumi.output' in sys.modules, 'pulumi_aws' in sys.modules, flush=True); os._exit(0)\n"
        "threading.Timer(1.5, tell).start()\n"
        f"sys.argv = ['host']\nrunpy.run_path({str(HOST)!r}, run_name='__main__')\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False).stdout.split()
    assert out[1:] == ["False", "False"]


# -- wrong arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            'aws.ssm.Parameter("limit", typ="String")',
            "aws.ssm.Parameter \"limit\": unknown argument 'typ' (did you mean 'type'?) at parts.py:4",
        ),
        ('aws.ssm.Parameter("limit", value="1")', "aws.ssm.Parameter \"limit\": the required argument 'type' is missing at parts.py:4"),
        ("aws.ssm.MaintenanceWindowTargetTargetArgs(kee=1)", "aws.ssm.MaintenanceWindowTargetTargetArgs: unknown argument 'kee'"),
        (
            "aws.ssm.MaintenanceWindowTargetTargetArgs()",
            "aws.ssm.MaintenanceWindowTargetTargetArgs: required and missing: 'key' and 'values' at",
        ),
        ("len(5)", None),
        ("dict(**{1: 2})", None),
    ],
)
def test_a_wrong_argument_is_one_line(tmp_path, monkeypatch, call, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.py").write_text(f"import pulumi_aws as aws\n\ndef build():\n    {call}\n\nbuild()\n")
    with pytest.raises(TypeError) as caught:
        runpy.run_path("parts.py")
    told = argument_error(caught.value)
    if expected is None:
        assert told is None
    else:
        assert told is not None
        assert told.startswith(expected)
        assert "\n" not in told


# -- with the real engine ---------------------------------------------------------------------------------------------


def messages(result) -> list[str]:
    return [item.message for item in result.errors]


@pytest.mark.engine
def test_an_exception_is_shown_once_from_the_users_frame_on(tmp_path):
    checkout = project(tmp_path / "p", 'def helper():\n    raise ValueError("the disk is too small")\n\nhelper()\n')
    result = sandbox(checkout).preview()
    assert result.outcome is Outcome.FAILED
    (told,) = messages(result)
    assert told.startswith("Program failed with an unhandled exception:")
    assert told.count("ValueError: the disk is too small") == 1
    assert "__main__.py" in told
    assert "runpy" not in told
    assert "program_runner" not in told


@pytest.mark.engine
def test_an_exception_in_an_apply_shows_the_users_line(tmp_path):
    checkout = project(tmp_path / "p", "pulumi.Output.from_input(1).apply(lambda value: value / 0)\n")
    result = sandbox(checkout).preview()
    assert result.outcome is Outcome.FAILED
    assert sum("division by zero" in text for text in messages(result)) == 1


@pytest.mark.engine
def test_only_a_type_error_of_the_program_keeps_its_traceback(tmp_path):
    checkout = project(tmp_path / "p", "def size(gib):\n    return gib\n\nsize(gb=1)\n")
    (told,) = messages(sandbox(checkout).preview())
    assert "Traceback" in told
    assert "unexpected keyword argument 'gb'" in told
    (checkout / "__main__.py").write_text('import pulumi_aws as aws\naws.ssm.Parameter("limit", typ="String")\n')
    (told,) = messages(sandbox(checkout).preview())
    assert told == "aws.ssm.Parameter \"limit\": unknown argument 'typ' (did you mean 'type'?) at __main__.py:2"


@pytest.mark.engine
def test_a_run_error_is_its_message_alone(tmp_path):
    checkout = project(tmp_path / "p", 'raise pulumi.RunError("Pulumi.local.yaml: backups = 0 (must be 1-35)")\n')
    assert messages(sandbox(checkout).preview()) == ["Pulumi.local.yaml: backups = 0 (must be 1-35)"]


@pytest.mark.engine
def test_an_exit_code_is_told(tmp_path):
    checkout = project(tmp_path / "p", "import sys\nsys.exit(3)\n")
    result = sandbox(checkout).preview()
    assert result.outcome is Outcome.FAILED
    assert any("non-zero exit code: 3" in text for text in messages(result))


@pytest.mark.engine
def test_the_program_sees_its_arguments_settings_and_modules(tmp_path):
    checkout = project(
        tmp_path / "p",
        """
        import os, sys
        import engine, workspace  # names that this project's own folder must win over the runner's neighbours
        pulumi.export("seen", {"cwd": os.getcwd(), "project": pulumi.get_project(), "stack": pulumi.get_stack(), "who": engine.WHO,
                               "config": pulumi.Config().require_object("deep"),
                               "aws": sorted(k for k in os.environ if k.startswith("AWS_ACC"))})
        print("a line on stdout")
        print("a line on stderr", file=sys.stderr)
        """,
        stacks={"local": "config:\n  tiny:deep:\n    a: [1, two]\n"},
    )
    for name in ("engine", "workspace"):
        (checkout / f"{name}.py").write_text("WHO = 'mine'\n")
    os.environ["AWS_ACCESS_KEY_ID"] = "leak"
    try:
        result = sandbox(checkout).up()
    finally:
        del os.environ["AWS_ACCESS_KEY_ID"]
    assert result.ok, messages(result)
    seen = sandbox(checkout).outputs()["seen"]
    assert seen == {"cwd": str(checkout), "project": "tiny", "stack": "local", "who": "mine", "config": {"a": [1, "two"]}, "aws": []}
    assert {"a line on stdout", "a line on stderr"} <= {item.message for item in result.diagnostics}
    assert not [item for item in result.diagnostics if "pulumi-language-python" in item.message]


@pytest.mark.engine
def test_the_virtualenv_of_the_project_is_used_and_its_absence_told(tmp_path):
    checkout = project(tmp_path / "p", "", runtime=json.dumps({"name": "python", "options": {"virtualenv": "venv"}}))
    result = sandbox(checkout).preview()
    assert result.outcome is Outcome.FAILED
    assert any("python3 -m venv" in text for text in messages(result)), messages(result)
