"""Which changes need a new resource: the reviewed table in `replacements.yaml`, read when something changes for the first time."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nautilus.sandbox.simulation.types_table import ResourceType

TABLE = Path(__file__).with_name("replacements.yaml")


class Effect(Enum):
    """What a change of an input does."""

    REPLACE = "replace"
    UPDATE = "update"
    UNKNOWN = "unknown"
    """No reviewed entry: taken as an update, and reported."""


@dataclass(frozen=True)
class Entry:
    """The reviewed inputs of one type."""

    replace: frozenset[str]
    update: frozenset[str]


@functools.cache
def entries() -> dict[str, Entry]:
    """The reviewed table, by type."""
    import yaml  # here: a run in which nothing changes never reads the table

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(TABLE.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # a safe loader, in C where there is one
    return {token: Entry(frozenset(row.get("replace") or ()), frozenset(row.get("update") or ())) for token, row in raw.items()}


def effect(row: ResourceType, name: str) -> Effect:
    """What a change of an input of a type does.

    A type outside the table falls back on its documentation, where that says that a change forces a replacement.
    """
    if name in {"tags", "tagsAll"}:
        return Effect.UPDATE
    entry = entries().get(row.token)
    if entry is not None:
        if name in entry.replace:
            return Effect.REPLACE
        return Effect.UPDATE if name in entry.update else Effect.UNKNOWN
    if name == "region" or name in row.renews:
        return Effect.REPLACE
    return Effect.UNKNOWN


def named_by_program(row: ResourceType, name_property: str, inputs: dict[str, object]) -> bool:
    """Whether the program fixed the physical name, so that old and new cannot exist side by side."""
    defaults = inputs.get("__defaults")
    automatic = isinstance(defaults, list) and name_property in defaults
    return name_property in row.inputs and inputs.get(name_property) is not None and not automatic
