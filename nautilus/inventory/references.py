"""Which resources a property refers to: by the ids that are known, else by what the plan says it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import at, given, is_unknown, words

_IDENTITIES: Final = ("id", "arn", "dnsName", "defaultRouteTableId", "defaultNetworkAclId", "mainRouteTableId", "name", "identifier")
"""Values by which other resources know one. Ids and ARNs are unique; names are so within a type."""


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
        self.inventory = inventory
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
        found = (self.inventory.get(urn) for urn in urns)
        return tuple(item for item in found if item is not None and item.is_real and (not types or item.type in types))

    def of(self, resource: PlannedResource, path: str, *types: str) -> Referred:
        """What the input at `path` refers to, among resources of `types`.

        Known ids are looked up. Unknown ones are the dependencies of the top-level property, as far as no known id names them; an unknown
        value without any dependency of the types cannot be told.
        """
        value = at(resource.inputs, path)
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
