"""What a run did, by component: the short table at its end and the same as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nautilus.engine.events import Step
from nautilus.engine.run import OperationResult
from nautilus.inventory.records import Inventory, PlannedResource

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS: Final = ("created", "updated", "replaced", "deleted", "imported", "unchanged", "failed")
_COLUMN_OF: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
    "import-replacement": "replaced",
    "same": "unchanged",
    "refresh": "unchanged",
    "read": "unchanged",
}
"""The two halves of a replacement (`create-replacement`, `delete-replaced`) are left out: `replace` counts it once."""

OUTSIDE: Final = "(outside any component)"


@dataclass(slots=True)
class ComponentCount:
    """How many resources of one component were created, updated and so on."""

    name: str
    type: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))

    @property
    def total(self) -> int:
        """All resources of the component."""
        return sum(self.counts.values())

    @property
    def changed(self) -> int:
        """Those of them that change."""
        return self.total - self.counts["unchanged"]

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"component": self.name, "type": self.type, **self.counts}


def _record(step: Step) -> PlannedResource:
    state = step.new or step.old
    parent = state.parent if state else ""
    custom = state.custom if state else True
    return PlannedResource(urn=step.urn, type=step.type, name=step.name, custom=custom, parent=parent, operation=step.op)


def by_component(steps: Iterable[Step], failed: Iterable[Step] = ()) -> list[ComponentCount]:
    """Counts of real resources by the component that they stand under, directly below the root component; sorted by name.

    A failed step counts as failed only.
    """
    steps = list(steps)
    broken = {step.urn for step in failed}
    inventory = Inventory(_record(step) for step in steps)
    found: dict[str, ComponentCount] = {}
    counted: set[str] = set()
    for step in steps:
        resource = inventory[step.urn]
        column = "failed" if step.urn in broken else _COLUMN_OF.get(step.op)
        if column is None or not resource.is_real or (step.urn in broken and step.urn in counted):
            continue
        counted.add(step.urn)
        group = inventory.group_of(step.urn)
        key = group.urn if group else ""
        row = found.setdefault(key, ComponentCount(group.name if group else OUTSIDE, group.type if group else ""))
        row.counts[column] += 1
    return sorted(found.values(), key=lambda row: (row.name == OUTSIDE, row.name, row.type))


def table(rows: list[ComponentCount], *, planned: bool) -> Table:
    """The counts as a table with a total. `planned` puts the headings in the infinitive: nothing has happened yet."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    words = {"created": "create", "updated": "update", "replaced": "replace", "deleted": "delete", "imported": "import", "failed": "failed"}
    shown = [name for name in COLUMNS if any(row.counts[name] for row in rows)] or ["unchanged"]
    result = Table(box=box.SIMPLE_HEAD, show_footer=len(rows) > 1, pad_edge=False)
    result.add_column("component", footer="total", no_wrap=True)
    result.add_column("type", style="dim", no_wrap=True)
    for name in shown:
        style = {"created": "green", "updated": "yellow", "replaced": "red", "deleted": "red", "failed": "bold red"}.get(name, "dim")
        heading = words.get(name, name) if planned else name
        result.add_column(heading, justify="right", style=style, footer=str(sum(row.counts[name] for row in rows)))
    for row in rows:
        result.add_row(Text(row.name), Text(row.type), *(str(row.counts[name] or "") for name in shown))
    return result


def result_document(result: OperationResult) -> dict[str, Any]:
    """A finished operation as plain data, without any property values: those may be secret."""
    return {
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 1),
        "changes": dict(sorted(result.changes.items())),
        "components": [row.as_document() for row in by_component(result.steps, result.failed)],
        "steps": [
            {"op": step.op, "type": step.type, "name": step.name, "urn": step.urn, "properties": sorted(step.diffs or step.keys)}
            for step in sorted(result.steps, key=lambda step: (step.urn, step.op))
            if step.changes
        ],
        "policies": [
            {"rule": item.policy, "pack": item.pack, "level": item.level, "urn": item.urn, "message": item.message}
            for item in sorted(result.policies, key=lambda item: (item.policy, item.urn or "", item.message))
        ],
        "policyPacks": dict(sorted(result.policy_packs.items())),
        "log": str(result.output_log),
    }
