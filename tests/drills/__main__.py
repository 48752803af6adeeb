"""Interrupt `up` at random moments, many times, and see whether the next `up` completes it (`make drill RUNS=20`).

Each run starts an `up` of `local` from nothing, waits a random time, and then presses Ctrl-C, kills the provider, or kills everything at once.
The next `up` must succeed, and a preview after it must find nothing to change. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from nautilus.sandbox.engine import Sandbox
from tests.conftest import ROOT

UP = "import sys; from pathlib import Path; from nautilus.sandbox.engine import Sandbox; Sandbox(Path(sys.argv[1]), 'local', root=Path(sys.argv[2])).up()"


def processes(root: Path) -> dict[int, str]:
    """Command lines of our running processes that name `root`."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(root) in line and int(entry.parent.name) != os.getpid():
            found[int(entry.parent.name)] = line
    return found


def interrupt(kind: str, child: subprocess.Popen[bytes], root: Path) -> None:
    """Do the harm."""
    found = processes(root)
    if kind == "ctrl-c":
        victims, harm = [child.pid], signal.SIGINT
    elif kind == "provider":
        victims, harm = [pid for pid, line in found.items() if "nautilus.sandbox.provider" in line], signal.SIGKILL
    else:
        victims, harm = [child.pid, *found], signal.SIGKILL
    for pid in victims:
        with suppress(ProcessLookupError):  # the run may just have ended by itself
            os.kill(pid, harm)
    child.wait(180)


def drill(number: int, longest: float, dice: random.Random) -> dict[str, object]:
    """One interruption and what came of it."""
    root = Path(tempfile.mkdtemp(prefix="drill-"))
    kind = ("ctrl-c", "provider", "kill")[number % 3]
    after = dice.uniform(1.0, longest)
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", UP, str(ROOT), str(root)],
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(after)
        running = child.poll() is None
        interrupt(kind, child, root)
        sandbox = Sandbox(ROOT, "local", root=root)
        made = len(sandbox.resources())
        completed = sandbox.up().ok
        quiet = completed and sandbox.preview(expect_no_changes=True).ok
        return {"kind": kind, "after_s": round(after, 1), "in_flight": running, "in_state": made, "completed": completed, "quiet": quiet}
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main() -> int:
    """Run the drills; 0 when every one completed."""
    parser = argparse.ArgumentParser(prog="drills", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    started = time.monotonic()
    probe = Path(tempfile.mkdtemp(prefix="drill-"))
    result = Sandbox(ROOT, "local", root=probe).up()
    shutil.rmtree(probe, ignore_errors=True)
    if not result.ok:
        print(f"the first up failed, see {result.output_log}", file=sys.stderr)
        return 1
    longest = result.seconds
    rows = []
    for number in range(options.runs):
        rows.append(drill(number, longest, dice))
        print(json.dumps(rows[-1]), file=sys.stderr)
    good = sum(bool(row["completed"] and row["quiet"]) for row in rows)
    print(
        json.dumps(
            {
                "runs": options.runs,
                "completed": good,
                "up_s": round(longest, 1),
                "total_s": round(time.monotonic() - started),
                "drills": rows,
            }
        )
    )
    return 0 if good == options.runs else 1


if __name__ == "__main__":
    sys.exit(main())
