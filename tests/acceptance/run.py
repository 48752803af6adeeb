"""The unchanged program on another runner of the real engine (`make acceptance RUNNER=path`).

The runner brings its own AWS provider. It runs `local` through its whole life (preview, up, second preview, refresh, destroy) and previews production's
settings. Passed: every step succeeded, no validation error that is not explained below, and nothing left over. What the runner
had to simulate is listed.

The stand-in of AWS answers within a millisecond, head and body apart. A client on several threads may read the head before it has noticed
that its own request is written, and then hangs up: measured, one answer in a thousand, and none in 4,900 calls on one thread, which is what
it gets here. Should an answer be lost all the same, the client sends the request again, and a call that makes something is told that it
exists already. That says nothing about the program. Where the answer says that a rule, an entry or
a route already is as asked, the run goes on, and every such answer must be one to a call that the client's log shows twice; a failed run
all of whose errors are of this kind is repeated. The last run decides.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UNLOCK = "nautilus-infra:unlock=true"
EXPLAINED: dict[str, str] = {}
"""Validation messages (a part of the text) that come from a provider older than the one the program is written for, and why."""


AS_ASKED = r"InvalidPermission\.(NotFound|Duplicate)|NetworkAclEntryAlreadyExists|InvalidRoute\.NotFound"
"""What a call about a rule, an entry or a route is told when it was carried out before: nothing depends on a value that only the lost answer held."""
TRIES = 3
PATIENCE_SECONDS = 1800
"""No repetition is begun later than this."""


def life(runner: Path, stack: str, *more: str) -> dict[str, Any]:
    """Run one stack and return the runner's summary."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "summary.json"
        command = [str(runner), "run", str(ROOT), stack, "--json", str(report), *more]
        subprocess.run(command, check=False, env={**os.environ, "GOMAXPROCS": "1", "RIG_SIMULATE_MATCH": AS_ASKED})
        if not report.exists():
            sys.exit(f"{runner.name} wrote no summary for {stack}")
        return json.loads(report.read_text())


ERROR = re.compile(r"error: .*")
CALL = re.compile(r"operation error ([\w .()-]+): (\w+)")
AFTERMATH = frozenset({"error: update failed", "error: preview failed"})
ANSWERS = ("NotFound", "NoSuch", "Already", "Duplicate", "InUse", "Conflict")
"""What a call answers when it was carried out before: a part of the error's text."""


def errors(summary: dict[str, Any]) -> list[str]:
    """The error lines of the failed steps, each once."""
    texts = [Path(step["output"]).read_text("utf-8", "replace") for step in summary["steps"] if step["rc"] and step["required"]]
    return sorted({line.strip() for text in texts for line in ERROR.findall(text)} - AFTERMATH)


SILENT = {
    "a function's permission": "AddPermission",
    "distribution": "CreateDistribution",
    "eip": "AllocateAddress",
    "hosted-zone": "CreateHostedZone",
    "kms-key": "CreateKey",
    "nat-gateway": "CreateNatGateway",
    "vpc": "CreateVpc",
    "vpc-endpoint": "CreateVpcEndpoint",
}
"""Calls that make a second one without a word when they are sent twice, by what the runner's list of leftovers calls it (a permission is not in it)."""
OF_A_SECOND_ONE = ("DependencyViolation", "delete: found resource")
"""What stands in the error of a removal that a second one is in the way of."""


def sent_again(summary: dict[str, Any]) -> Counter[str]:
    """The calls that the client's log shows to have been sent again, and how often."""
    log = Path(summary["work"], "terraform.log")
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    return Counter(re.findall(r"retrying request [\w .()-]+/(\w+), attempt", text))


def repeated(summary: dict[str, Any]) -> bool:
    """Whether a step failed and every error of it answers a request that was sent again, or stems from what such a request made twice."""
    found, again = errors(summary), sent_again(summary)
    if summary["ok"] or summary["invalid"] or not found:
        return False
    doubled = any(again[call] for call in SILENT.values())

    def explained(line: str) -> bool:
        call = CALL.search(line)
        answered = call is not None and bool(again[call[2]]) and any(answer in line for answer in ANSWERS)
        return answered or (doubled and any(sign in line for sign in OF_A_SECOND_ONE))

    return all(explained(line) for line in found)


def carried_on(summary: dict[str, Any]) -> Counter[str]:
    """The calls after whose error the run went on because of `AS_ASKED`, and how often."""
    log = Path(summary["work"], "rig.log")
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    found = [CALL.search(line) for line in lines if "\tmatched: " in line]
    return Counter(call[2] if call else "an unnamed call" for call in found)


def doubles(summary: dict[str, Any]) -> dict[str, list[str]]:
    """Leftovers that are the second one of a creation that was sent twice: no more of a kind than the log shows repetitions of its call."""
    again = sent_again(summary)
    return {kind: names for kind, names in summary["leftovers"].items() if names and kind in SILENT and len(names) <= again[SILENT[kind]]}


def unexplained(summary: dict[str, Any]) -> list[str]:
    """What speaks against this run, a line each."""
    found = [f"{item['type']} {item['name']}: {item['detail']}" for item in summary["invalid"]]
    found = [line for line in found if not any(part in line for part in EXPLAINED)]
    if not summary["ok"] and not (summary["invalid"] and not found):
        found += [f"step {step['name']} ended with {step['rc']}" for step in summary["steps"] if step["rc"] and step["required"]]
        found += errors(summary)
    again = sent_again(summary)
    found += [
        f"{call} was refused {count} times and sent again {again[call]} times"
        for call, count in carried_on(summary).items()
        if count > again[call]
    ]
    known = doubles(summary)
    left = {kind: names for kind, names in summary["leftovers"].items() if names and kind not in known}
    found += [f"left over: {kind} {', '.join(map(str, names))}" for kind, names in left.items()]
    return found


def simulated(summary: dict[str, Any]) -> list[str]:
    """Resource types that the runner could not take to its stand-in of AWS, with the number of resources."""
    facts = summary["facts"]
    return [
        f"{kind} {token} ×{count}" for kind in ("simulated", "partial", "dropped") for token, count in sorted(facts.get(kind, {}).items())
    ]


def main() -> int:
    """Both runs; 0 when neither left a complaint."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        print("usage: run.py RUNNER (a file that understands `run PROGRAM STACK`)", file=sys.stderr)
        return 2
    runner = Path(sys.argv[1]).resolve()
    setup = runner.parent / "setup.sh"
    if setup.exists():
        subprocess.run([str(setup)], check=True, stdout=subprocess.DEVNULL)
    whole = ("--collect", "--unprotect", "--teardown-config", UNLOCK, "--extra-region", "us-west-2")
    start = time.monotonic()
    local = life(runner, "local", *whole)
    for _ in range(TRIES - 1):
        if not repeated(local) or time.monotonic() - start > PATIENCE_SECONDS:
            break
        print(
            "\nonce more: answers were lost, and all that failed were requests sent a second time", *errors(local), sep="\n  ", flush=True
        )
        local = life(runner, "local", *whole)
    runs = {
        "local": local,
        "prod": life(runner, "prod", "--collect", "--only", "preview"),
    }
    complaints = [f"{stack}: {line}" for stack, summary in runs.items() for line in unexplained(summary)]
    for stack, summary in runs.items():
        seconds = ", ".join(f"{step['name']} {step['seconds']} s" for step in summary["steps"])
        print(f"\n{stack}: {summary['resources']} resources; {seconds}")
        for line in simulated(summary):
            print(f"  not proved there: {line}")
        for kind, names in doubles(summary).items():
            print(f"  made twice by a request that was sent twice, and left over: {kind} {', '.join(names)}")
    print()
    for line in complaints:
        print(f"refused: {line}")
    print(f"acceptance: {'refused' if complaints else 'accepted'}, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
