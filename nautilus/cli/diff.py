"""`diff`: what differs between two stacks, in settings and in planned resources, and why."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings.root import AccountSettings, Settings
    from nautilus.cli.reasons import Explainer
    from nautilus.cli.session import Session
    from nautilus.inventory.compare import PropertyDifference, ResourceDifference

IDENTITY_KEYS = (
    "platform.environment",
    "account.id",
    "account.region",
    "account.drRegion",
    "edge.dns.domain",
    "network.cidr",
    "platform.owner",
)
"""Settings that must differ between stacks. What they alone explain is counted, not listed, unless --all."""


def _settings(session: Session) -> dict[str, Any]:
    return session.settings.model_dump(mode="json", by_alias=True)


def _expected(keys: tuple[str, ...]) -> bool:
    return bool(keys) and all(key in IDENTITY_KEYS for key in keys)


def describe(resource: ResourceDifference, explainer: Explainer, left: str, right: str) -> dict[str, Any]:
    """One differing resource as plain data, with the reason of each difference."""
    document: dict[str, Any] = {"type": resource.type, "name": resource.name, "component": "/".join(resource.component)}
    if resource.side != "both":
        reason = explainer.of_resource(resource)
        only = left if resource.side == "left" else right
        return {**document, "only": only, "why": list(reason.keys), "certain": reason.certain, "expected": False}
    properties: list[dict[str, Any]] = []
    for item in resource.properties:
        reason = explainer.of_property(item, resource)
        properties.append({"path": item.path, left: item.left, right: item.right, "why": list(reason.keys), "certain": reason.certain})
    expected = all(_expected(tuple(item["why"])) for item in properties)
    return {**document, "properties": properties, "expected": expected}


def diff(
    left: Annotated[str, typer.Argument(metavar="STACK", help="The one stack.")],
    right: Annotated[str, typer.Argument(metavar="STACK", help="The other stack.")],
    everything: Annotated[
        bool, typer.Option("--all", help="List differences too that only names, accounts, regions and addresses explain.")
    ] = False,
    settings_only: Annotated[bool, typer.Option("--settings-only", help="Compare settings alone: no plan is made.")] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two stacks' settings and planned resources, and why. Plans are made in the sandbox."""
    from nautilus.cli.output import Output
    from nautilus.cli.reasons import Explainer
    from nautilus.cli.session import open_session
    from nautilus.inventory.compare import compare, differing

    if left == right:
        from nautilus.cli.errors import BadUseError

        raise BadUseError("name two different stacks", where=f"{left} {right}")
    ours = open_session(left, config_dir=config_dir, as_json=as_json, sandbox=True)
    theirs = open_session(right, config_dir=config_dir, as_json=as_json, sandbox=True)
    settings = differing(_settings(ours), _settings(theirs))
    resources: list[dict[str, Any]] = []
    document: dict[str, Any] = {
        "left": left,
        "right": right,
        "settings": [{"key": item.path, left: item.left, right: item.right} for item in settings],
    }
    if not settings_only:
        from nautilus.cli.plans import plan
        from nautilus.cli.session import simulation_notice

        explainer = Explainer([*settings, *derived(ours.settings, theirs.settings)])
        resources = [describe(item, explainer, left, right) for item in compare(plan(ours), plan(theirs))]
        document |= {"simulation": True, "notice": simulation_notice(), "resources": resources}
    Output(as_json).emit(document, lambda console: _render(console, document, settings, everything))


def _value(value: Any, limit: int = 60) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _render(console: Console, document: dict[str, Any], settings: tuple[PropertyDifference, ...], everything: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    left, right = document["left"], document["right"]
    table = Table(
        "setting", left, right, box=box.SIMPLE_HEAD, pad_edge=False, title=f"{len(settings)} settings differ", title_justify="left"
    )
    for item in settings:
        table.add_row(item.path, Text(_value(item.left)), Text(_value(item.right)))
    console.print(table)
    if "resources" not in document:
        return
    resources: list[dict[str, Any]] = document["resources"]
    for side in (left, right):
        only = [item for item in resources if item.get("only") == side]
        if only:
            console.print(f"only in {side}: {len(only)} resources", style="bold", markup=False)
            for item in only:
                console.print(f"  {item['type']} {item['name']}   ({_reason(item)})", markup=False, soft_wrap=True)
    changed = [item for item in resources if "properties" in item]
    console.print(f"in both with other properties: {len(changed)} resources", style="bold", markup=False)
    groups, hidden = grouped(changed, left, right, everything)
    for line in groups:
        console.print(line, markup=False, soft_wrap=True)
    if hidden:
        keys = ", ".join(key for key, _ in hidden.most_common())
        text = f"  {sum(hidden.values())} more differences come from {keys} alone (--all lists them)"
        console.print(text, style="dim", markup=False, soft_wrap=True)
    console.print(document["notice"], style="dim", markup=False, soft_wrap=True)


def grouped(changed: list[dict[str, Any]], left: str, right: str, everything: bool) -> tuple[list[str], Counter[str]]:
    """The differing properties by their reason, one line for the same change of the same property wherever it stands, and what was left out."""
    lines: dict[str, dict[str, list[str]]] = {}
    hidden: Counter[str] = Counter()
    for resource in changed:
        for entry in resource["properties"]:
            if not everything and _expected(tuple(entry["why"])):
                hidden.update(entry["why"])
                continue
            path = re.sub(r"\[\d+\]", "[]", entry["path"])
            change = f"{path}: {_value(entry[left])} → {_value(entry[right])}"
            names = lines.setdefault(_reason(entry), {}).setdefault(change, [])
            if resource["name"] not in names:
                names.append(resource["name"])
    result: list[str] = []
    for reason in sorted(lines, key=lambda text: (not text.startswith("because"), text)):
        result.append(f"  {reason}")
        for change, names in sorted(lines[reason].items()):
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            result.append(f"      {change}   in {', '.join(names[:3])}{more}")
    return result, hidden


def _reason(entry: dict[str, Any]) -> str:
    from nautilus.cli.reasons import Reason

    return Reason(tuple(entry["why"]), entry["certain"]).text()


def derived(ours: AccountSettings | Settings, theirs: AccountSettings | Settings) -> list[PropertyDifference]:
    """Values that the program computes from one setting, under that setting's key, so that they can be recognised in a plan."""
    from infra.settings.root import Settings as Full
    from nautilus.inventory.compare import PropertyDifference

    if not isinstance(ours, Full) or not isinstance(theirs, Full) or ours.trading.gateway_port == theirs.trading.gateway_port:
        return []
    return [PropertyDifference("trading.mode", ours.trading.gateway_port, theirs.trading.gateway_port)]
