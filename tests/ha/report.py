"""What runs add up to: the limits that they must keep, the one JSON object, and the table in `docs/reliability.md`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NODE_S, CUT_S, POSTMASTER_S, RPO_S = 30.0, 60.0, 12.0, 60.0
"""Seconds: a whole node, a node that vanishes from the network without a word, the postmaster alone, and what the archive may lack."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: written by `make ha DOCS=1` -->", "<!-- /measured -->"


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one JSON object of `make ha`."""
    return {
        "runs": len(runs),
        "rto_s": [round(run["kill"]["rto_s"], 1) for run in runs],
        "lost_acknowledged": sum(run["lost_acknowledged"] for run in runs),
        "rpo_s": [round(run["rpo_s"], 1) for run in runs],
    }


def broken(run: dict[str, Any], *, patience: float = 1.0) -> list[str]:
    """The limits that a run did not keep; empty when it kept all.

    Args:
        run: What was measured.
        patience: Factor on the limits in seconds, for a run that shares its cores with other work. What may not be lost stays zero.
    """
    node, cut_off, alone, age = (patience * limit for limit in (NODE_S, CUT_S, POSTMASTER_S, RPO_S))
    kill, cut, postmaster, point = (run[name] for name in ("kill", "cut", "postmaster", "point"))
    checks = (
        (kill["rto_s"] < node, f"a killed node: writes back after {kill['rto_s']:.1f} s, {node:.0f} allowed"),
        (cut["rto_s"] < cut_off, f"a cut network: writes back after {cut['rto_s']:.1f} s, {cut_off:.0f} allowed"),
        (
            postmaster["rto_s"] < alone,
            f"a killed postmaster: writes back after {postmaster['rto_s']:.1f} s, {alone:.0f} allowed",
        ),
        (run["acknowledged"] > 500, f"{run['acknowledged']} acknowledged rows: too few to say anything"),
        (run["lost_acknowledged"] == 0, f"{run['lost_acknowledged']} acknowledged rows are lost"),
        (run["two_leaders_s"] == 0, f"two leaders for {run['two_leaders_s']} s"),
        (0 <= run["rpo_s"] < age, f"the archive ends {run['rpo_s']:.1f} s before the kill, {age:.0f} allowed"),
        (
            point["different"] == 0 and point["rows_then"] == point["rows_restored"] < point["rows_later"],
            f"restored to a named time: {point['rows_restored']} rows, {point['rows_then']} then, {point['rows_later']} later, {point['different']} differ",
        ),
    )
    return [message for kept, message in checks if not kept]


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


COLUMNS: tuple[tuple[str, Callable[[dict[str, Any]], float], int], ...] = (
    ("whole node, s", lambda run: run["kill"]["rto_s"], 1),
    ("network cut, s", lambda run: run["cut"]["rto_s"], 1),
    ("postmaster, s", lambda run: run["postmaster"]["rto_s"], 1),
    ("node back in step, s", lambda run: run["kill"]["healthy_s"], 1),
    ("acknowledged by the cut-off leader", lambda run: run["cut"]["after"], 0),
    ("two leaders, s", lambda run: run["two_leaders_s"], 1),
    ("acknowledged rows", lambda run: run["acknowledged"], 0),
    ("of them lost", lambda run: run["lost_acknowledged"], 0),
    ("RPO by archive, s", lambda run: run["rpo_s"], 1),
    ("restore, s", lambda run: run["restore_s"], 1),
    ("rows different at the named time", lambda run: run["point"]["different"], 0),
)


def table(runs: Sequence[dict[str, Any]], versions: dict[str, str]) -> str:
    """The measured section of the page."""
    head = " | ".join(("run", *(name for name, _, _ in COLUMNS)))
    lines = [f"| {head} |", "| --- |" + " ---: |" * len(COLUMNS)]
    for number, run in enumerate(runs, 1):
        lines.append(f"| {number} | " + " | ".join(f"{value(run):.{digits}f}" for _, value, digits in COLUMNS) + " |")
    spread = (
        _spread([value(run) for run in runs]) if digits else f"{sum(value(run) for run in runs):.0f} in all" for _, value, digits in COLUMNS
    )
    lines.append("| least / median / most | " + " | ".join(spread) + " |")
    with_versions = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{len(runs)} runs with {with_versions}.\n\n" + "\n".join(lines) + f"\n\n```json\n{json.dumps(summary(runs))}\n```\n"


def write(runs: Sequence[dict[str, Any]], versions: dict[str, str], page: Path = PAGE) -> None:
    """Put the measured section into the page.

    Raises:
        ValueError: The page has no place for it.
    """
    text = page.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page.name}: no section between {BEGIN} and {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table(runs, versions)}\n{END}{after}", "utf-8")
