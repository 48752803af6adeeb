"""Kill, cut and restore the TimescaleDB cluster several times (`make ha RUNS=5`); the last line is one JSON object.

Progress goes to the standard output before it. Exit code 1 when a limit is broken or a run does not come to its end, 2 when it cannot run here.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tests.ha import packages, report
from tests.ha.drill import run


def say(text: str) -> None:
    """A line of progress, at once."""
    print(text, flush=True)


def main() -> int:
    """Run the drills; 0 when every run kept every limit."""
    parser = argparse.ArgumentParser(prog="ha", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--install", action="store_true", help="install the Debian packages that lack (apt, as root)")
    parser.add_argument("--docs", action="store_true", help="write the figures into docs/reliability.md")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: 1 or more")
    try:
        if options.install and packages.lacking():
            say(f"installing {' '.join(packages.PACKAGES)}")
            packages.install()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    if reason := packages.lacking():
        print(f"cannot run here: {reason}", file=sys.stderr)
        return 2
    versions = packages.versions()
    say(", ".join(f"{name} {version}" for name, version in versions.items()))
    runs: list[dict[str, Any]] = []
    kept = True
    for number in range(1, options.runs + 1):
        say(f"run {number} of {options.runs}")
        try:
            runs.append(run(say))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            kept = False
            continue
        problems = report.broken(runs[-1])
        kept = kept and not problems
        for problem in problems:
            say(f"  BROKEN: {problem}")
        say(f"  {json.dumps(runs[-1])}")
    if options.docs and kept:
        report.write(runs, versions)
        say("docs/reliability.md: figures written")
    say(json.dumps(report.summary(runs)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
