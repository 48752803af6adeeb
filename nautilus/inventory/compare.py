"""What differs between two inventories: resources by type and logical name, properties by path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from nautilus.inventory.records import Inventory, PlannedResource

MISSING: Final = "[absent]"
"""Stands for a property that one side does not have."""


@dataclass(frozen=True, slots=True)
class PropertyDifference:
    """One property path with both values; `[absent]` where a side has none."""

    path: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class ResourceDifference:
    """A resource that only one side has (`side` is left or right), or that both have with other properties (`side` is both).

    `properties` of the former are all of its own, with the other side absent.
    """

    type: str
    name: str
    component: tuple[str, ...]
    side: str
    properties: tuple[PropertyDifference, ...] = ()


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings and lists with their paths: `a.b[0]`. An empty mapping or list is a leaf.

    Text that holds a JSON object or list is opened too (policies, container definitions).
    """
    opened = _opened(value)
    if isinstance(opened, Mapping) and opened:
        for key, item in sorted(cast("Mapping[str, Any]", opened).items()):
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(opened, list) and opened:
        for index, item in enumerate(cast("list[Any]", opened)):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield path, value


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            parsed: Any = json.loads(value)
        except ValueError:
            return value
        return parsed
    return value


def differing(left: Any, right: Any) -> tuple[PropertyDifference, ...]:
    """The leaves that differ, sorted by path."""
    ours, theirs = ({path: leaf for path, leaf in flatten(side) if path or leaf != {}} for side in (left, right))
    return tuple(
        PropertyDifference(path, ours.get(path, MISSING), theirs.get(path, MISSING))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path, MISSING) != theirs.get(path, MISSING)
    )


def _real(inventory: Inventory) -> dict[tuple[str, str], PlannedResource]:
    return {(item.type, item.name): item for item in inventory.real}


def compare(left: Inventory, right: Inventory) -> tuple[ResourceDifference, ...]:
    """Every difference between what a cloud would hold, sorted by type and name. Inputs are compared: outputs are the cloud's own."""
    ours, theirs = _real(left), _real(right)
    found: list[ResourceDifference] = []
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key), theirs.get(key)
        if mine is not None and other is not None:
            changed = differing(dict(mine.inputs), dict(other.inputs))
            if mine.protect != other.protect:
                changed = (*changed, PropertyDifference("(protect)", mine.protect, other.protect))
            if changed:
                found.append(ResourceDifference(*key, mine.component, "both", changed))
        elif (only := mine or other) is not None:
            ours_only = mine is not None
            properties = differing(dict(only.inputs), {}) if ours_only else differing({}, dict(only.inputs))
            found.append(ResourceDifference(*key, only.component, "left" if ours_only else "right", properties))
    return tuple(found)
