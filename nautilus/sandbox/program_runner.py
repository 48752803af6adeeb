"""Runs a Pulumi program, or a policy pack, in the interpreter that the program asks for.

The language host starts this file as a script, so it may import `pulumi` and the standard library, nothing of nautilus: the program's
environment need not have nautilus.

    program_runner.py program     settings as JSON in NAUTILUS_RUNNER
    program_runner.py policy ENGINE_ADDRESS DIRECTORY
    program_runner.py plugin DIRECTORY ARGUMENTS...

Exit codes: 0 well; 32 the error has been shown to the user through the engine; anything else is the program's own.
"""

from __future__ import annotations

import asyncio
import ctypes
import difflib
import inspect
import json
import logging
import os
import re
import runpy
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

SHOWN = 32
"""Exit code: the user has seen the error, so the host bails out and shows no second one."""

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """End this process when the language host dies, however it dies: a program without an engine would register resources with nobody."""
    parent = os.getppid()
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    expected = os.environ.pop("NAUTILUS_RUNNER_PARENT", "")
    if expected and expected != str(parent):
        os._exit(1)  # the host died before we could ask

    def watch() -> None:
        # For systems without the signal, and as a second pair of eyes.
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _quiet_exit(_number: int, _frame: object) -> None:
    os._exit(130)


def _user_traceback(error: BaseException, program: str) -> str:
    """The traceback from the first frame of the program on: the frames above it are this runner's and Pulumi's."""
    entry = Path(program).resolve()
    if entry.is_dir():
        entry = entry / "__main__.py"
    found = traceback.TracebackException.from_exception(error, capture_locals=False)
    seen: set[int] = set()
    part: traceback.TracebackException | None = found
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        for index, frame in enumerate(part.stack):
            if Path(frame.filename).resolve() == entry:
                part.stack = traceback.StackSummary.from_list(list(part.stack)[index:])
                break
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return "".join(found.format())


_UNKNOWN = re.compile(r"(\w+)\.(?:_internal_init|__init__)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"Missing required property '(\w+)'")
_MISSING_PARTS = re.compile(r"(\w+)\.__init__\(\) missing \d+ required (?:keyword-only|positional) arguments?: (.+)")


def _sdk_class(name: str) -> type | None:
    """The class `name` of a loaded provider SDK."""
    for module_name, module in list(sys.modules.items()):
        found = vars(module).get(name) if module_name.startswith("pulumi_") else None
        if isinstance(found, type):
            return found
    return None


def _hint(cls: type | None, wrong: str) -> str:
    if cls is None:
        return ""
    init = getattr(cls, "_internal_init", None) or vars(cls)["__init__"]
    names = [name for name in inspect.signature(init).parameters if not name.startswith("_") and name != "self"]
    close = difflib.get_close_matches(wrong, names, 1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _display(cls: type | None, name: str) -> str:
    module = cls.__module__ if cls is not None else ""
    parts = module.removeprefix("pulumi_").split(".")
    return ".".join([*parts[:2], name]) if module.startswith("pulumi_") else name


def argument_error(error: BaseException) -> str | None:
    """One line for an argument that a provider's class does not know, or misses: resource, argument, file, line. None for any other error.

    Such an error is raised before the engine hears of the resource, so a traceback through generated code is all that Python has to say.
    """
    if not isinstance(error, TypeError):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    library = ("site-packages", "dist-packages", "<frozen")
    own = [frame for frame in frames if not any(part in frame.f_code.co_filename for part in library)]
    if not own:
        return None
    inside = next((f for f in reversed(frames) if "resource_name" in f.f_locals and "__self__" in f.f_locals), None)
    cls: type | None = type(inside.f_locals["__self__"]) if inside is not None else None
    text = str(error)
    if (found := _UNKNOWN.match(text)) and (inside is not None or _sdk_class(found[1])):
        cls = cls or _sdk_class(found[1])
        what, name = f"unknown argument '{found[2]}'{_hint(cls, found[2])}", found[1]
    elif (found := _MISSING.match(text)) and cls is not None:
        what, name = f"the required argument '{found[1]}' is missing", cls.__name__
    elif (found := _MISSING_PARTS.match(text)) and (cls := _sdk_class(found[1])):
        what, name = f"required and missing: {found[2]}", found[1]
    else:
        return None
    which = f' "{inside.f_locals["resource_name"]}"' if inside is not None else ""
    frame = own[-1]
    file = os.path.relpath(frame.f_code.co_filename)
    line = next(number for walked, number in traceback.walk_tb(error.__traceback__) if walked is frame)
    return f"{_display(cls, name)}{which}: {what} at {file}:{line}"


def _tell_dependencies() -> None:
    """Let the sandbox's provider know what each property depends on, so that rules about several resources hold at preview already.

    Loaded by path: the program's environment need not have this package. With any other provider it does nothing.
    """
    if "PULUMI_DEBUG_PROVIDERS" in os.environ:
        runpy.run_path(str(Path(__file__).parent / "simulation" / "dependency_tap.py"))["install"]()


def run_program(spec: dict[str, Any]) -> int:
    """Run the program that `spec` describes inside a Pulumi stack; give the exit code."""
    try:
        import pulumi
        import pulumi.runtime
    except ImportError as error:
        print(  # noqa: T201 - no engine to log to yet
            f"The Pulumi SDK cannot be imported by {sys.executable}: {error}.\n"
            "Install the project's dependencies into that environment, for example with `uv sync`.",
            file=sys.stderr,
        )
        return 1

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(pulumi.runtime.Settings(**spec["settings"]))
    _tell_dependencies()
    program: str = spec["program"]
    sys.argv = [program, *spec["args"]]
    os.chdir(spec["cwd"])

    def evaluate() -> None:
        runpy.run_path(program, run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    parallel: int | None = spec["settings"].get("parallel")
    executor = None
    if parallel is not None:
        # The engine may say "unbounded" with a very large number; a thread is made only when it is needed, yet a bound keeps a large
        # program from having thousands.
        executor = ThreadPoolExecutor(max_workers=min(max(parallel, 1) * 4, 256))
        loop.set_default_executor(executor)
    # A program that fails leaves futures behind; asyncio's complaints about them would bury the one message that matters.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(evaluate))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return SHOWN
    except Exception as error:  # noqa: BLE001 - whatever the program raises is shown once and ends it
        pulumi.log.error(argument_error(error) or "Program failed with an unhandled exception:\n" + _user_traceback(error, program))
        return SHOWN
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    if executor is not None:
        executor.shutdown(wait=True)
    return 0


def run_policy(arguments: list[str]) -> None:
    """Run the policy pack as `python -m pulumi.policy` does."""
    sys.argv = ["pulumi.policy", *arguments]
    sys.path.insert(0, str(Path.cwd()))  # as `-m` does
    runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)


def main() -> None:
    """Run what the command line names."""
    _die_with_parent()
    signal.signal(signal.SIGINT, _quiet_exit)
    signal.signal(signal.SIGTERM, _quiet_exit)
    # Started as a script, this file's folder comes first on the path and would shadow modules of the program's own.
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if str(Path(entry or ".").resolve()) != here]
    mode, *arguments = sys.argv[1:]
    if mode == "policy":
        run_policy(arguments)
        return
    if mode == "plugin":
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")
        return
    spec = json.loads(os.environ.pop("NAUTILUS_RUNNER"))
    program = Path(spec["program"])
    # runpy puts a directory on the path by itself, a file's folder it does not.
    sys.path.insert(0, str(program if program.is_dir() else program.parent))
    code = run_program(spec)
    if threading.current_thread() is threading.main_thread() and code == SHOWN:
        # Threads of a failed program may still wait for the engine; the error is out, so nothing is left to wait for.
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
