"""Which resources a property refers to: by the ids that are known, else by what the plan says it is computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import SECRET, UNKNOWN

_IDENTITIES: Final = ("id", "arn", "dnsName", "defaultRouteTableId", "defaultNetworkAclId", "mainRouteTableId", "name", "identifier")
"""Values by which other resources know one. Ids and ARNs are unique; names are so within a type."""


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; lists on the way are looked through. `[unknown]` anywhere on the way is the answer."""
    for key in path.split(".") if path else ():
        if isinstance(value, list):
            items = cast("list[Any]", value)
            value = [found for item in items if (found := at(item, key)) is not None]
        elif isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(key)
        elif value != UNKNOWN:
            return None
    return value


def words(value: Any) -> Iterator[str]:
    """Every text inside nested lists and mappings, in order; empty texts are left out."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from words(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from words(item)


def given(value: Any) -> bool:
    """Whether a property has a value at all: neither absent nor empty. An unknown value counts."""
    return value is not None and value not in ("", [], {})


def is_unknown(value: Any) -> bool:
    """Whether nobody can know the value before an `up`, or it is a secret."""
    return value in (UNKNOWN, SECRET)


@dataclass(frozen=True, slots=True)
class Referred:
    """What a property refers to: resources of the inventory, ids of other people's, and whether some of it cannot be told."""

    found: tuple[PlannedResource, ...] = ()
    foreign: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def urns(self) -> tuple[str, ...]:
        """URNs of the resources."""
        return tuple(resource.urn for resource in self.found)

    @property
    def first(self) -> PlannedResource | None:
        """The resource, where there is one; the first of several."""
        return self.found[0] if self.found else None

    def __bool__(self) -> bool:
        return bool(self.found or self.foreign or self.unknown)


class References:
    """Looks references up in one inventory. Building it takes one pass over the resources."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[str, list[PlannedResource]] = {}
        for resource in inventory.real:
            texts = {
                value
                for properties in (resource.outputs, resource.inputs)
                for key in _IDENTITIES
                if isinstance(value := properties.get(key), str) and value and not is_unknown(value)
            }
            for text in sorted(texts):
                self._known.setdefault(text, []).append(resource)

    def named(self, identity: str, *types: str) -> tuple[PlannedResource, ...]:
        """Resources of the types with this id, ARN or name."""
        return tuple(resource for resource in self._known.get(identity, ()) if not types or resource.type in types)

    def sources(self, resource: PlannedResource, prop: str, *types: str) -> tuple[PlannedResource, ...]:
        """Resources of the types that the plan says a top-level property is computed from, in the order of their URNs."""
        urns = sorted(set(resource.property_dependencies.get(prop, ())))
        found = (self._inventory.get(urn) for urn in urns)
        return tuple(item for item in found if item is not None and item.is_real and (not types or item.type in types))

    def of(self, resource: PlannedResource, path: str, *types: str) -> Referred:
        """What the input at `path` refers to, among resources of `types`.

        Known ids are looked up. Unknown ones are the dependencies of the top-level property, as far as no known id names them; an unknown
        value without any dependency of the types cannot be told.
        """
        value = at(dict(resource.inputs), path)
        if not given(value):
            return Referred()
        found: dict[str, PlannedResource] = {}
        stray: list[str] = []
        unknown = False
        for word in words(value):
            if is_unknown(word):
                unknown = True
            elif known := self.named(word, *types):
                found.update({item.urn: item for item in known})
            else:
                stray.append(word)
        others = [item for item in self.sources(resource, path.partition(".")[0], *types) if item.urn not in found]
        # A name that the plan spells out (a subnet group's) is not always an id of what it names.
        if others and (unknown or (stray and len(others) == len(stray))):
            found.update({item.urn: item for item in others})
            unknown, stray = False, [] if len(others) == len(stray) else stray
        return Referred(tuple(found.values()), tuple(stray), unknown)
