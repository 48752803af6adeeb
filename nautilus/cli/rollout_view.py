"""How rollouts look on a screen: a plan as a timeline, a service at one look, a deployment while it runs, and past ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from nautilus.ops.rollout.deployments import Deployment, Revision
    from nautilus.ops.rollout.look import View

BAR: Final = 10
"""Characters of a full bar: 10 % each."""
SIGNS: Final = {
    "serves": ("ok", "green"),
    "rolling": ("..", "cyan"),
    "going-back": ("<<", "bold red"),
    "rolled-back": ("NO", "bold red"),
    "rollback-failed": ("NO", "bold red"),
    "stopped": ("NO", "bold red"),
    "other": ("NO", "bold red"),
    "unknown": ("?", "yellow"),
}
"""A word of at most two letters and its style, by a verdict's outcome."""
OUTCOMES: Final = {"SUCCESSFUL": "successful", "ROLLBACK_SUCCESSFUL": "rolled back", "ROLLBACK_FAILED": "rollback failed"}
"""ECS's states that read badly in their own words."""
STAGES: Final = {
    "PRE_SCALE_UP": "trading hours, before new tasks start",
    "POST_TEST_TRAFFIC_SHIFT": "smoke tests, on the test listener",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "pause, hold and alarms, before each shift",
}
"""What the hook does at a stage of ECS's."""


def bar(percent: float) -> str:
    """`percent` as a bar of `BAR` characters; anything above zero is seen."""
    full = max(round(percent * BAR / 100), 1 if percent > 0 else 0)
    return "█" * full + "·" * (BAR - full)


def duration(seconds: float) -> str:
    """Seconds for people: `45 s`, `5 min`, `5 min 30 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(whole / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def plan_view(document: Mapping[str, Any]) -> RenderableType:
    """A rollout plan as a timeline: share of the traffic over minutes, where it stands still and who makes it."""
    from rich.console import Group
    from rich.text import Text

    service, total = document["service"], document["total_seconds"]
    if document["strategy"] == "ROLLING":
        stop = document["stop_seconds"]
        return Group(
            Text(
                f"{service}: ROLLING from {document['minimum_healthy_percent']} to {document['maximum_percent']} % of one task, never two\n"
            ),
            _timeline(
                "tasks",
                [
                    (_minutes(0), "0", f"ECS stops the old task: SIGTERM, and SIGKILL {stop} s later"),
                    (_minutes(stop), "1", "at the latest then ECS starts the new one; it acts when it holds the lease"),
                ],
            ),
            Text("\nNo traffic shifts and no hook is asked: `nautilus rollout check` looks at the trading calendar before."),
        )
    rows: list[tuple[str, str, str]] = []
    at, last = 0, 0
    for hold in document["holds"]:
        percent = hold["percent"]
        stands = f"stands {duration(hold['seconds'])}, {_by(document)}" if hold["seconds"] else "goes on at once"
        text = f"{stands}{_passing(document, last, percent)}"
        rows.append((_minutes(at), f"{percent:>3} % {bar(percent)}", text))
        at, last = at + hold["seconds"], percent
    kept = f"the old version stays {duration(document['bake_minutes'] * 60)} longer"
    rows.append((_minutes(at), f"100 % {bar(100)}", f"{kept}{_passing(document, last, 100)}"))
    rows.append((_minutes(total), "", "the old version is gone"))
    stages = [Text(f"{stage}: {STAGES.get(stage, 'the hook is asked')}") for stage in document["stages"]]
    minutes = document["guard_minutes"]
    limit = "seed 004: under 30" if minutes < 30 else "seed 004 has 30, which the time from the first shift keeps"
    return Group(
        Text(f"{service}: {_strategy(document)}, {duration(total)} from the first shift to the end\n"),
        _timeline("new version", rows),
        Text(f"\nWith about {minutes - -(-total // 60)} min to start and test new tasks before: {minutes} min ({limit})."),
        Text("The hook is asked at"),
        *stages,
    )


def _timeline(what: str, rows: Sequence[tuple[str, str, str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("min", justify="right", no_wrap=True)
    table.add_column(what, no_wrap=True)
    table.add_column("", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _strategy(document: Mapping[str, Any]) -> str:
    match document["strategy"]:
        case "LINEAR":
            return f"LINEAR in steps of {document['step_percent']} %"
        case "CANARY":
            return f"CANARY of {document['step_percent']} %, then the rest"
        case _:
            return "BLUE_GREEN, all at once"


def _by(document: Mapping[str, Any]) -> str:
    return "held by ECS" if document["step_bake_minutes"] else "held by the hook"


def _passing(document: Mapping[str, Any], low: int, high: int) -> str:
    """The steps between two holds, which ECS makes one after the other without a stop."""
    step = document["step_percent"]
    between = list(range(low + step, high, step)) if document["strategy"] == "LINEAR" else []
    return f"; passes {', '.join(map(str, between))} %" if between else ""


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g}"


def services_view(views: Sequence[View]) -> RenderableType:
    """Services at one look: a sign, the name, and what is to be said."""
    from rich.text import Text

    return _grid([(view, _said(view)) for view in views], Text)


def watch_view(views: Sequence[View], now: datetime) -> RenderableType:
    """Services while they roll out."""
    from rich.text import Text

    return _grid([(view, [*_said(view), *_going_on(view, now)]) for view in views], Text)


def _grid(rows: Sequence[tuple[View, Sequence[tuple[str, str]]]], text: type[Text]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for view, said in rows:
        sign, style = SIGNS[view.verdict.outcome.value]
        for number, (line, colour) in enumerate(said):
            first = number == 0
            table.add_row(text(sign if first else "", style), text(view.service if first else "", "bold"), text(line, colour))
    return table


def _said(view: View) -> list[tuple[str, str]]:
    """The verdict, who holds it, and alarms that are on: lines with their styles."""
    lines = [(view.verdict.text, "")]
    if view.pause is not None:
        lines.append((f"held by {view.pause.who} since {view.pause.at}: {view.pause.why}", "yellow"))
    return lines + [(f"alarm {name}: {view.alarms[name]}", "red") for name in view.ringing]


def _going_on(view: View, now: datetime) -> list[tuple[str, str]]:
    one = view.deployment
    if one is None or not one.running:
        return []
    lines = [(_state(one, now), "dim"), (f"new {_weight(one.target)}", "")]
    lines += [(f"old {_weight(source)}", "") for source in one.sources]
    lines += [(f"hook {text}", "dim") for text in _hooks(one)]
    return [*lines, (f"alarms {_alarms(view)}", "dim")]


def watch_line(view: View, now: datetime) -> str:
    """The same in one line, for a log."""
    one = view.deployment
    clock = now.astimezone(UTC).strftime("%H:%M:%S")
    if one is None or not one.running:
        return f"{clock} {view.service}: {view.verdict.text}"
    parts = [one.status, one.stage, f"new {_numbers(one.target)}", *(f"old {_numbers(item)}" for item in one.sources)]
    parts += [f"hook {text}" for text in _hooks(one)]
    parts.append(f"alarms {_alarms(view)}")
    if view.pause is not None:
        parts.append(f"held by {view.pause.who}: {view.pause.why}")
    return f"{clock} {view.service}: {', '.join(part for part in parts if part)}"


def _state(one: Deployment, now: datetime) -> str:
    since = one.started or one.created
    took = f", {duration(max((now - since).total_seconds(), 0))}" if since else ""
    return f"{one.strategy} {one.status}{f' at {one.stage}' if one.stage else ''}{took}"


def _weight(revision: Revision) -> str:
    share = "" if revision.production is None else f"{bar(revision.production)} {revision.production:>3g} %  "
    return f"{share}{_tasks(revision)}  {_what(revision)}"


def _numbers(revision: Revision) -> str:
    share = "" if revision.production is None else f"{revision.production:g} % "
    return f"{share}{_tasks(revision)}"


def _tasks(revision: Revision) -> str:
    waiting = f" (+{revision.pending} starting)" if revision.pending else ""
    return f"{revision.running}/{revision.requested} tasks{waiting}"


def _what(revision: Revision) -> str:
    digest = revision.digest.removeprefix("sha256:")[:12]
    return " ".join(part for part in (revision.task_definition.rpartition("/")[2], digest) if part) or revision.arn.rpartition("/")[2]


def _hooks(one: Deployment) -> list[str]:
    return [
        f"{hook.target.rpartition(':')[2] or hook.id} {hook.status}"
        + (f" until {hook.expires.astimezone(UTC):%H:%M} UTC, then {hook.on_time_out}" if hook.expires and hook.status in _WAITING else "")
        for hook in one.hooks
    ]


_WAITING: Final = ("IN_PROGRESS", "AWAITING_ACTION")


def _alarms(view: View) -> str:
    if not view.alarms:
        return "none"
    quiet = sum(state == "OK" for state in view.alarms.values())
    others = [f"{name} {state}" for name, state in view.alarms.items() if state != "OK"]
    return ", ".join([f"{quiet} of {len(view.alarms)} OK", *others])


def history_table(console: Console, service: str, found: Sequence[Deployment], said: Mapping[str, str]) -> None:
    """Past deployments of a service, newest first."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("started", no_wrap=True)
    table.add_column("took", no_wrap=True)
    table.add_column("rev", no_wrap=True, justify="right")
    table.add_column("image", no_wrap=True)
    table.add_column("outcome", overflow="fold")
    for one in found:
        begun = one.started or one.created
        good = one.status in ("SUCCESSFUL", "PENDING", "IN_PROGRESS")
        outcome = Text(OUTCOMES.get(one.status, one.status.lower().replace("_", " ")), style="" if good else "red")
        for text in ("" if good else one.why, said.get(one.arn, "")):
            if text:
                outcome.append(f"\n{text}", "dim")
        table.add_row(
            f"{begun.astimezone(UTC):%m-%d %H:%M}" if begun else "?",
            "runs" if one.running else duration(one.seconds) if one.seconds is not None else "?",
            one.target.task_definition.rpartition(":")[2] or "?",
            one.target.digest.removeprefix("sha256:")[:12] or "?",
            outcome,
        )
    console.print(f"{service}: deployments, the newest first, times in UTC", style="bold", markup=False)
    console.print(table)
