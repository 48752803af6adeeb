"""`backup`: what brings a stack's data back and when it is saved, read from planned resources; copies of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.config_copies import repository, verify
from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from rich.console import Console

backup_app = typer.Typer(
    name="backup",
    help="Backups: what is saved and when, as planned; the configuration's copies, as they stand in the bucket.",
    no_args_is_help=True,
)

FromOption = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Judge a state export or a preview instead of a new plan.", show_default=False),
]


@backup_app.command()
def coverage(
    stack: LocalStackOption = "local", source: FromOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """List everything that holds data and what brings it back. Exit code 1: something that nothing brings back."""
    from nautilus.cli.errors import ExitCode
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of
    from nautilus.inventory.backups import Verdict
    from nautilus.inventory.backups import coverage as prove

    output = Output(as_json)
    title = source.name if source else f"nautilus-infra {stack}"
    rows = prove(inventory_of(stack, source, config_dir, as_json=as_json))
    counts = {verdict.value: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    document = {"title": title, "covered": not counts[Verdict.UNCOVERED], "counts": counts, "rows": [row.as_document() for row in rows]}
    output.emit(document, lambda console: _table(console, document))
    if counts[Verdict.UNCOVERED]:
        raise typer.Exit(ExitCode.NO)


def _table(console: Console, document: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{document['title']}: what holds data", title_justify="left")
    for column in ("resource", "verdict", "how"):
        made.add_column(column, overflow="fold")
    for resource, verdict, how in _gathered(document["rows"]):
        made.add_row(Text(resource), Text(verdict, style="bold red" if verdict == "uncovered" else ""), Text(how))
    console.print(made)
    said = ", ".join(f"{count} {verdict}" for verdict, count in document["counts"].items() if count)
    console.print(said or "nothing holds data", markup=False, soft_wrap=True)


def _gathered(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Rows for people: neighbours in one component that are brought back alike are one line. What is uncovered is always named."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        parent, slash, last = row["resource"].rpartition("/")
        own = last if row["verdict"] == "uncovered" or not slash else ""
        alike.setdefault((f"{parent}{slash}{own}", row["verdict"], row["how"]), []).append(row["resource"])
    return [(names[0] if len(names) == 1 else f"{place}… ({len(names)})", verdict, how) for (place, verdict, how), names in alike.items()]


@backup_app.command()
def calendar(
    stack: LocalStackOption = "local", source: FromOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """List every backup rule with its starts in the week. Exit code 1: AWS would refuse one, or a vault has no lock."""
    from nautilus.cli.errors import CannotTellError, ExitCode
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of
    from nautilus.inventory.backups import calendar as read

    output = Output(as_json)
    title = source.name if source else f"nautilus-infra {stack}"
    inventory = inventory_of(stack, source, config_dir, as_json=as_json)
    rules = read(inventory)
    if not rules:
        raise CannotTellError("no-plan", "there is no backup plan in it", where=title)
    windows = sorted(
        {
            str(item.inputs["maintenanceWindow"])
            for item in inventory.of_type("aws:rds/instance:Instance")
            if item.inputs.get("maintenanceWindow")
        }
    )
    lines = [_line(rule, windows) for rule in rules]
    document = {"title": title, "maintenance": windows, "rules": lines, "problems": [text for line in lines for text in line["problems"]]}
    output.emit(document, lambda console: _week(console, document))
    if document["problems"]:
        raise typer.Exit(ExitCode.NO)


def _line(rule: Any, windows: list[str]) -> dict[str, Any]:
    """One rule as a document, with what is wrong about it."""
    from infra.plan import backup_calendar as plan

    problems: list[str] = []
    starts: list[str] = []
    try:
        starts = [plan.clock(minute) for minute in plan.starts(rule.schedule)]
        if rule.databases:
            same = [plan.Rule(rule.name, rule.schedule, rule.keep_days or 0, copied=bool(rule.copies))]
            problems += [f"{words}: RDS refuses it" for window in windows for words in plan.conflicts(same, window)]
    except ValueError as strange:
        problems.append(str(strange))
    if rule.keep_days is None:
        problems.append(f"{rule.name} keeps its backups for ever")
    elif cold := plan.cold_problem(
        plan.Rule(rule.name, rule.schedule, rule.keep_days, copied=False, continuous=rule.continuous, cold_days=rule.cold_days)
    ):
        problems.append(cold)
    if rule.lock is None:
        problems.append(f"{rule.name} saves into {rule.vault or 'a vault of another stack'}, which has no lock")
    elif rule.keep_days is not None:
        low, high = rule.lock
        if (low is not None and rule.keep_days < low) or (high is not None and rule.keep_days > high):
            problems.append(f"{rule.name} keeps {rule.keep_days} days, which the vault's lock of {low} to {high} days refuses")
    return {
        "plan": rule.plan,
        "rule": rule.name,
        "schedule": rule.schedule,
        "starts": starts,
        "keepDays": rule.keep_days,
        "coldAfterDays": rule.cold_days,
        "continuous": rule.continuous,
        "copies": rule.copies,
        "vault": rule.vault,
        "resources": len(rule.takes),
        "problems": problems,
    }


def _week(console: Console, document: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{document['title']}: the backup calendar, in UTC", title_justify="left")
    for column in ("rule", "starts in the week", "kept", "copies", "resources"):
        made.add_column(column, overflow="fold", justify="left" if column in ("rule", "starts in the week") else "right")
    for line in document["rules"]:
        starts: list[str] = line["starts"]
        shown = ", ".join(starts[:2]) + (f" … {len(starts)} in all" if len(starts) > 2 else "")
        kept = (
            f"{line['keepDays']} d"
            + (f", cold from {line['coldAfterDays']}" if line["coldAfterDays"] else "")
            + (" of log" if line["continuous"] else "")
        )
        made.add_row(Text(line["rule"]), Text(shown or line["schedule"]), Text(kept), str(line["copies"]), str(line["resources"]))
    console.print(made)
    for text in document["problems"]:
        console.print(text, style="red", markup=False, soft_wrap=True)
    console.print("RDS's maintenance: " + (", ".join(document["maintenance"]) or "none planned"), markup=False, soft_wrap=True)


backup_app.command()(repository)
backup_app.command()(verify)
