"""`cost`: what a stack's planned resources cost a month, and what each network profile does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from nautilus.inventory import Inventory
    from nautilus.inventory.cost import Estimate, Usage
    from nautilus.inventory.prices import Price, PriceTable

PROFILES = ("full", "essential", "none")


def cost(
    stack: LocalStackOption = "local",
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Price a state export or a preview instead of a new plan.", show_default=False),
    ] = None,
    network: Annotated[bool, typer.Option("--profiles", help="Compare the network's cost profiles instead.")] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", metavar="PROFILE", help="Compare this endpoint profile alone: full, essential or none.", show_default=False
        ),
    ] = None,
    traffic: Annotated[
        float, typer.Option("--traffic", metavar="GB", min=0, help="Add so many GB a month from the services to the internet.")
    ] = 0,
    logs: Annotated[float, typer.Option("--logs", metavar="GB", min=0, help="Add so many GB a month of logs.")] = 0,
    anywhere: Annotated[
        bool, typer.Option("--any-region", help="Use the table's prices in every region, though they differ there.")
    ] = False,
    lines: Annotated[bool, typer.Option("--lines", help="List every priced resource.")] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a stack costs a month: list prices of what it plans, by component and type, from a dated table.

    Usage is not in it, unless --traffic or --logs name a volume: requests, GB moved and kept, GuardDuty's analysis.
    """
    from nautilus.cli.errors import BadUseError, CannotTellError
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of
    from nautilus.inventory import cost as arithmetic
    from nautilus.inventory.prices import load

    if profile is not None and profile not in PROFILES:
        raise BadUseError(f"there is no endpoint profile {profile}", where="--profile", hint=f"one of {', '.join(PROFILES)}")
    comparing = network or profile is not None
    if comparing and (traffic or logs or lines):
        raise BadUseError("--traffic, --logs and --lines price a stack, --profiles compares networks", where="nautilus cost")
    if any(volume != volume or volume == float("inf") for volume in (traffic, logs)):
        raise BadUseError("a volume is a number of GB", where="--traffic, --logs")
    output = Output(as_json)
    table = load()
    title = source.name if source else f"stack {stack}"
    inventory = inventory_of(stack, source, config_dir, as_json=as_json)
    foreign = [region for region in arithmetic.regions(inventory) if region not in table.regions]
    if foreign and not anywhere:
        raise CannotTellError(
            "no-prices",
            f"the price table has no prices of {', '.join(foreign)}; it holds those of {', '.join(sorted(table.regions))}",
            where=title,
            hint=f"add --any-region to use the prices of {table.region}",
        )
    document: dict[str, Any] = {"title": title, "prices": _dated(table), "currency": "USD"}
    try:
        if comparing:
            _compare(output, inventory, table, document, profile, anywhere=anywhere)
        else:
            volumes = arithmetic.usage(inventory, table, traffic_gb=Decimal(str(traffic)), log_gb=Decimal(str(logs)))
            found = arithmetic.estimate(inventory, table, anywhere=anywhere)
            _price(output, inventory, table, document, found, volumes, lines=lines, anywhere=anywhere)
    except ValueError as error:
        raise CannotTellError("plan", str(error), where=title) from error


def _dated(table: PriceTable) -> dict[str, Any]:
    return {"date": table.dated.isoformat(), "region": table.region, "regions": sorted(table.regions), "hoursPerMonth": table.hours}


def _cents(amount: Decimal) -> float:
    return float(round(amount, 2))


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _notes(inventory: Inventory, table: PriceTable, guesses: Iterable[Price], *, anywhere: bool) -> list[str]:
    from nautilus.inventory.cost import priced_elsewhere

    found = [
        (
            f"List prices on demand of {table.dated.isoformat()} in US dollars for {table.hours} hours, "
            "without tax, discounts, free tiers and data moved between zones."
        )
    ]
    others = priced_elsewhere(inventory, table)
    if alike := [region for region in others if region in table.regions]:
        found.append(f"{', '.join(alike)}: priced as {table.region}, whose list is the same.")
    if anywhere and (wrong := [region for region in others if region not in table.regions]):
        found.append(f"{', '.join(wrong)}: priced as {table.region}, because --any-region says so. The true prices differ.")
    if starred := sorted(price.what for price in guesses):
        found.append(f"* not looked up for this date: {'; '.join(starred)}.")
    return found


# --- one stack --------------------------------------------------------------------------------------------------------------


def _price(
    output: Any,
    inventory: Inventory,
    table: PriceTable,
    document: dict[str, Any],
    found: Estimate,
    volumes: tuple[Usage, ...],
    *,
    lines: bool,
    anywhere: bool,
) -> None:
    from nautilus.inventory.cost import use_note

    moved = sum((volume.monthly for volume in volumes), Decimal(0))
    notes = _notes(
        inventory, table, {*found.guesses, *(volume.price for volume in volumes if not volume.price.verified)}, anywhere=anywhere
    )
    if found.waived:
        notes.append(
            f"AWS waives NAT hours one for one with firewall endpoint hours: the bill is {_money(found.waived)} lower than this list."
        )

    def sums(key: Any) -> list[dict[str, Any]]:
        return [{"name": name, "monthly": _cents(low), "atMost": _cents(high)} for name, (low, high) in found.by(key).items()]

    document |= {
        "monthly": _cents(found.monthly + moved),
        "atMost": _cents(found.at_most + moved),
        "waived": _cents(found.waived),
        "components": sums(lambda line: line.component),
        "types": sums(lambda line: line.type),
        "lines": [
            {
                "component": line.component,
                "type": line.type,
                "name": line.name,
                "price": line.price.key,
                "usd": float(line.price.usd),
                "per": line.price.per,
                "quantity": float(line.quantity),
                "monthly": _cents(line.monthly),
                "atMost": _cents(line.at_most),
                "verified": line.price.verified,
            }
            for line in found.lines
        ],
        "usage": [
            {"what": volume.what, "gb": float(volume.quantity), "usd": float(volume.price.usd), "monthly": _cents(volume.monthly)}
            for volume in volumes
        ],
        "free": [{"type": kind, "count": count} for kind, count in found.free.items()],
        "byUse": [{"type": kind, "count": count, "by": use_note(kind, table)} for kind, count in found.by_use.items()],
        "notPriced": [{"type": item.type, "name": item.name, "why": item.why} for item in found.unpriced],
        "notes": notes,
    }
    output.emit(document, lambda console: _render(console, document, lines))


def _render(console: Console, document: dict[str, Any], every_line: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    def grid(title: str, *columns: str) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
        for number, column in enumerate(columns):
            made.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
        return made

    scaled = document["atMost"] != document["monthly"]
    for part in ("components", "types"):
        made = grid(f"{document['title']} by {part[:-1]}", part[:-1], "USD a month", *(("scaled out",) if scaled else ()))
        for row in document[part]:
            made.add_row(Text(row["name"]), f"{row['monthly']:,.2f}", *((f"{row['atMost']:,.2f}",) if scaled else ()))
        if part == "components":
            for volume in document["usage"]:
                cells = f"{volume['monthly']:,.2f}"
                made.add_row(Text(f"{abs(volume['gb']):,.0f} GB {volume['what']}"), cells, *((cells,) if scaled else ()))
            made.add_section()
            made.add_row("together", f"{document['monthly']:,.2f}", *((f"{document['atMost']:,.2f}",) if scaled else ()), style="bold")
        console.print(made)
    if every_line:
        made = grid("every priced resource", "resource", "price", "each", "quantity", "USD a month")
        for row in document["lines"]:
            name = f"{row['component']}/{row['name']}"
            made.add_row(
                Text(name),
                row["price"] + ("" if row["verified"] else " *"),
                f"{row['usd']:g}/{row['per']}",
                f"{row['quantity']:,.10g}",
                f"{row['monthly']:,.2f}",
            )
        console.print(made)
    _list(
        console,
        "billed by use, not in it" if document["byUse"] else "billed by use: nothing",
        [f"{row['count']} {row['type']}: {row['by']}" for row in document["byUse"]],
    )
    free = sum(row["count"] for row in document["free"])
    _list(console, f"free: {free} resources of {len(document['free'])} types", [])
    _list(
        console,
        "not priced" if document["notPriced"] else "not priced: nothing",
        [f"{row['name']} ({row['type']}): {row['why']}" for row in document["notPriced"]],
        "yellow",
    )
    for note in document["notes"]:
        console.print(note, style="dim", markup=False, soft_wrap=True)


def _list(console: Console, title: str, rows: list[str], style: str | None = None) -> None:
    console.print(title, style=(style if rows else None) or "bold", markup=False)
    for row in rows:
        console.print(f"  {row}", style=style, markup=False, soft_wrap=True)


# --- the network's profiles ---------------------------------------------------------------------------------------------------


def _compare(
    output: Any, inventory: Inventory, table: PriceTable, document: dict[str, Any], profile: str | None, *, anywhere: bool
) -> None:
    from infra.plan.endpoint_policies import INTERFACES
    from nautilus.inventory.cost import break_even, profiles, zones

    services = {kind.value: list(found) for kind, found in INTERFACES.items()}
    count = zones(inventory)
    rows = [row for row in profiles(inventory, table, services) if profile in (None, row.endpoints)]
    points = [row for row in break_even(table, services, count) if profile in (None, row.endpoints) or row.endpoints == "one endpoint"]
    used = [table[key] for key in ("nat.hour", "nat.gb", "ipv4.hour", "endpoint.hour", "endpoint.gb", "firewall.hour", "firewall.gb")]
    document |= {
        "zones": count,
        "profiles": [
            {
                "endpoints": row.endpoints,
                "nat": row.nat,
                "firewall": row.firewall,
                "current": row.current,
                "list": _cents(row.fixed),
                "billed": _cents(row.billed),
                "per100GbToAws": [_cents(row.aws_low), _cents(row.aws_high)],
                "per100GbToInternet": _cents(row.internet),
            }
            for row in rows
        ],
        "breakEven": [
            {
                "endpoints": row.endpoints,
                "zones": row.zones,
                "monthly": _cents(row.fixed),
                "gb": round(float(row.gb_without_firewall), 1),
                "gbWithFirewall": round(float(row.gb_with_firewall), 1),
            }
            for row in points
        ],
        "notes": [
            *_notes(inventory, table, [price for price in used if not price.verified], anywhere=anywhere),
            "`bill` is the list after AWS has waived NAT hours, one for one with firewall endpoint hours; the GB columns are what is billed.",
            (
                "To AWS: the first amount if all of it goes to services with an endpoint, the second if to services without. "
                "S3 and DynamoDB go through gateway endpoints, which cost nothing, with every profile."
            ),
            "To the internet: beside AWS's charge for data out, which is the same for all.",
            f"Without the firewall a GB by endpoint saves {table['nat.gb'].usd - table['endpoint.gb'].usd} against the NAT.",
        ],
    }
    output.emit(document, lambda console: _render_profiles(console, document))


def _render_profiles(console: Console, document: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"{document['title']}: network profiles in {document['zones']} zones, USD a month",
        title_justify="left",
    )
    for column in ("endpoints", "NAT", "firewall"):
        made.add_column(column)
    for column in ("list", "bill", "100 GB to AWS", "100 GB to the internet"):
        made.add_column(column, justify="right")
    made.add_column("")
    for row in document["profiles"]:
        low, high = row["per100GbToAws"]
        made.add_row(
            row["endpoints"],
            row["nat"],
            "on" if row["firewall"] else "off",
            f"{row['list']:,.2f}",
            f"{row['billed']:,.2f}",
            f"{low:,.2f}" if low == high else f"{low:,.2f} to {high:,.2f}",
            f"{row['per100GbToInternet']:,.2f}",
            "← this stack" if row["current"] else "",
        )
    console.print(made)
    points = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="endpoints pay from", title_justify="left")
    for number, column in enumerate(("endpoints", "zones", "USD a month", "GB a month, firewall off", "GB a month, firewall on")):
        points.add_column(column, justify="left" if number == 0 else "right")
    for row in document["breakEven"]:
        cells = (f"{row['monthly']:,.2f}", f"{row['gb']:,.0f}", f"{row['gbWithFirewall']:,.0f}")
        points.add_row(row["endpoints"], str(row["zones"]), *cells)
    console.print(points)
    for note in document["notes"]:
        console.print(note, style="dim", markup=False, soft_wrap=True)
