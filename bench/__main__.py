"""`make bench`: what a preview costs, as ratios measured in one run.

1. `local` against a flat program of the same resources (same engine, same provider, no policy pack), alternated, median of ROUNDS.
2. The same platform with 4 and 16 times the web services: what one more resource costs.
3. Seconds, the provider's share of them, peak memory.
4. `nautilus reach` and the firewall matrix at 10, 100 and 1,000 flows: seconds, and what one more flow costs.

`python -m bench --rounds 1` is the short form that CI runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
from pathlib import Path
from typing import Any

from bench import reach
from bench.flat import write
from nautilus.sandbox.engine import Sandbox

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".nautilus" / "bench"
GOALS = {"ratio": 1.15, "seconds": 20.0, "growth": 1.20, "reach_growth": 1.50}


def metered(sandbox: Sandbox, report: Path) -> None:
    """Let the sandbox start its provider through a meter that writes the provider's CPU seconds and peak memory to `report`."""
    plain = sandbox._provider_command
    sandbox._provider_command = lambda store: [sys.executable, str(ROOT / "bench" / "meter.py"), str(report), *plain(store)]


def preview(sandbox: Sandbox) -> tuple[float, int]:
    """Seconds of a preview from an empty state, and how many resources it plans."""
    result = sandbox.preview(empty_state=True)
    if not result.ok:
        sys.exit(f"the preview failed, see {result.output_log}")
    return result.seconds, result.change_count


def against_flat(rounds: int) -> dict[str, Any]:
    """The platform ÷ a flat program of the same resources."""
    report = WORK / "provider.json"
    platform = Sandbox(ROOT, "local", root=WORK / "platform")
    platform.forget()
    made = platform.up()
    if not made.ok:
        sys.exit(f"the up failed, see {made.output_log}")
    flat_folder = WORK / "flat-program"
    count = write(flat_folder, platform.export(show_secrets=True)["deployment"]["resources"], ROOT / ".venv")
    platform.forget()
    flat = Sandbox(flat_folder, "flat", root=WORK / "flat")
    metered(platform, report)
    ours: list[float] = []
    floor: list[float] = []
    shares: list[float] = []
    provider_memory = 0
    for _ in range(rounds):
        seconds, _count = preview(platform)
        ours.append(seconds)
        cost = json.loads(report.read_text())
        shares.append(cost["cpu_seconds"] / seconds)
        provider_memory = max(provider_memory, cost["peak_mib"])
        floor.append(preview(flat)[0])
    return {
        "resources": count,
        "platform_seconds": round(statistics.median(ours), 2),
        "flat_seconds": round(statistics.median(floor), 2),
        "ratio": round(statistics.median(ours) / statistics.median(floor), 3),
        "provider_share": round(statistics.median(shares), 3),
        "provider_peak_mib": provider_memory,
        "up_seconds": round(made.seconds, 1),
    }


def growth(rounds: int) -> dict[str, Any]:
    """What one more resource costs at 4 and 16 times the services."""
    sizes: dict[int, tuple[float, int]] = {}
    for times in (1, 4, 16):
        sandbox = Sandbox(ROOT / "bench" / "many", "local", config_dir=ROOT, root=WORK / f"many-{times}")
        runs = [sandbox.preview(empty_state=True, config_override={"nautilus-bench:times": str(times)}) for _ in range(rounds)]
        if not all(run.ok for run in runs):
            sys.exit(f"the preview at {times}× failed, see {runs[-1].output_log}")
        sizes[times] = statistics.median(run.seconds for run in runs), runs[0].change_count
    marginal = {
        f"{low}→{high}": round((sizes[high][0] - sizes[low][0]) / (sizes[high][1] - sizes[low][1]) * 1000, 2)
        for low, high in ((1, 4), (4, 16))
    }
    first, second = marginal.values()
    return {
        "previews": {f"{times}×": {"seconds": round(seconds, 2), "resources": count} for times, (seconds, count) in sizes.items()},
        "marginal_ms": marginal,
        "growth": round(second / first, 3) if first > 0 else None,
    }


def main() -> int:
    """Measure, print one JSON document, and say which goals were met."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    document = {"rounds": options.rounds, "preview": against_flat(options.rounds), "services": growth(max(1, options.rounds // 2))}
    document["reach"] = reach.measure(rounds=options.rounds)
    document["peak_process_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps(document, indent=2))
    met = {
        "ratio": document["preview"]["ratio"] <= GOALS["ratio"],
        "seconds": document["preview"]["platform_seconds"] <= GOALS["seconds"],
        "growth": (document["services"]["growth"] or 0) <= GOALS["growth"],
        "reach_growth": document["reach"]["growth_per_flow"]["100→1000"]["proofs"] <= GOALS["reach_growth"],
    }
    print("\n".join(f"{name}: goal {GOALS[name]}, {'met' if ok else 'missed'}" for name, ok in met.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
