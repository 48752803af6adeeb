"""`diff`: what differs between two stacks, in settings and in planned resources, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption

if TYPE_CHECKING:
    from rich.console import Console

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

        explainer = Explainer(settings)
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
                console.print(f"  {item['type']} {item['name']}{_why(item)}", markup=False, soft_wrap=True)
    changed = [item for item in resources if "properties" in item]
    shown = [item for item in changed if everything or not item["expected"]]
    console.print(f"in both with other properties: {len(changed)} resources", style="bold", markup=False)
    for item in shown:
        console.print(f"  {item['type']} {item['name']}", markup=False, soft_wrap=True)
        for entry in item["properties"]:
            if everything or not _expected(tuple(entry["why"])):
                values = f"{_value(entry[left])} → {_value(entry[right])}"
                console.print(f"      {entry['path']}: {values}{_why(entry)}", markup=False, soft_wrap=True)
    hidden = Counter(key for item in changed if item["expected"] for entry in item["properties"] for key in entry["why"])
    if len(shown) < len(changed):
        keys = ", ".join(key for key, _ in hidden.most_common())
        console.print(
            f"  {len(changed) - len(shown)} more differ only through {keys} (--all lists them)", style="dim", markup=False, soft_wrap=True
        )
    console.print(document["notice"], style="dim", markup=False, soft_wrap=True)


def _why(entry: dict[str, Any]) -> str:
    from nautilus.cli.reasons import Reason

    return f"   ({Reason(tuple(entry['why']), entry['certain']).text()})"
