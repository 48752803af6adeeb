"""Runs a command and writes its CPU seconds and peak memory to a file when it ends: `meter.py REPORT COMMAND…`."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType


def main() -> int:
    """Pass signals and standard streams through; the exit code is the command's."""
    report, *command = sys.argv[1:]
    child = subprocess.Popen(command)

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    code = child.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(report).write_text(json.dumps({"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss // 1024}))
    return max(code, 0)


if __name__ == "__main__":
    sys.exit(main())
