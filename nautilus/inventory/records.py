"""Typed records of the resources of one stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_PREFIX: Final = "pulumi:providers:"


def urn_type(urn: str) -> str:
    """The type of a URN, without the types of its parents: `urn:pulumi:S::P::parent$aws:s3/bucket:Bucket::name` gives the last one."""
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2] if len(parts) == 4 else ""


def urn_name(urn: str) -> str:
    """The logical name of a URN. It may hold `::` itself."""
    parts = urn.split("::", 3)
    return parts[3] if len(parts) == 4 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResource:
    """One resource of a plan or a state. Secrets in `inputs` and `outputs` are `[secret]`, unknown values `[unknown]`.

    `component` names the components that the resource stands under, outermost first, without the stack and without the resource itself.
    `dependencies` are URNs; `property_dependencies` says which of them each property uses. `operation` is the engine's word in a plan
    (create, same, …), None in a state.
    """

    urn: str
    type: str
    name: str
    custom: bool = True
    parent: str = ""
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    component: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    operation: str | None = None

    @property
    def is_component(self) -> bool:
        """Whether it only groups others."""
        return not self.custom and self.type != STACK_TYPE

    @property
    def is_provider(self) -> bool:
        """Whether it is a provider's configuration."""
        return self.type.startswith(PROVIDER_PREFIX)

    @property
    def is_real(self) -> bool:
        """Whether a cloud would hold it: neither the stack, a component nor a provider."""
        return self.custom and not self.is_provider

    @property
    def path(self) -> str:
        """Where it stands, for people: `nautilus/network/network-vpc`."""
        return "/".join((*self.component, self.name))

    @property
    def all_dependencies(self) -> tuple[str, ...]:
        """Every URN that it depends on, by property or explicitly, sorted."""
        found = set(self.dependencies)
        for urns in self.property_dependencies.values():
            found.update(urns)
        found.discard(self.urn)
        return tuple(sorted(found))


class Inventory:
    """The resources of one stack, sorted by URN, so that the same plan gives the same order."""

    def __init__(self, resources: Iterable[PlannedResource]) -> None:
        known = {resource.urn: resource for resource in resources}
        self._by_urn = {urn: replace(known[urn], component=_component_path(known, urn)) for urn in sorted(known)}

    def __iter__(self) -> Iterator[PlannedResource]:
        return iter(self._by_urn.values())

    def __len__(self) -> int:
        return len(self._by_urn)

    def __contains__(self, urn: object) -> bool:
        return urn in self._by_urn

    def __getitem__(self, urn: str) -> PlannedResource:
        return self._by_urn[urn]

    def get(self, urn: str) -> PlannedResource | None:
        """The resource of this URN, or None."""
        return self._by_urn.get(urn)

    @cached_property
    def stack(self) -> PlannedResource | None:
        """The stack's own resource, whose outputs are the stack's outputs."""
        return next((item for item in self if item.type == STACK_TYPE), None)

    @cached_property
    def components(self) -> tuple[PlannedResource, ...]:
        """Every component."""
        return tuple(item for item in self if item.is_component)

    @cached_property
    def real(self) -> tuple[PlannedResource, ...]:
        """Everything that a cloud would hold."""
        return tuple(item for item in self if item.is_real)

    def of_type(self, *types: str) -> tuple[PlannedResource, ...]:
        """The resources of these types, such as `aws:rds/instance:Instance`."""
        return tuple(item for item in self if item.type in types)

    def ancestors(self, urn: str) -> tuple[PlannedResource, ...]:
        """The components above a resource, nearest first."""
        found: list[PlannedResource] = []
        seen = {urn}
        current = self._by_urn.get(urn)
        while current is not None and (parent := self._by_urn.get(current.parent)) is not None and parent.urn not in seen:
            seen.add(parent.urn)
            if parent.is_component:
                found.append(parent)
            current = parent
        return tuple(found)

    def group_of(self, urn: str, depth: int = 1) -> PlannedResource | None:
        """The component that stands for a resource in an overview: `depth` levels below the root component, or as near to that as there is.

        None for what stands under no component.
        """
        own = self._by_urn.get(urn)
        chain = list(reversed(self.ancestors(urn)))
        if own is not None and own.is_component:
            chain.append(own)
        if not chain:
            return None
        return chain[min(depth, len(chain) - 1)]


def _component_path(known: Mapping[str, PlannedResource], urn: str) -> tuple[str, ...]:
    names: list[str] = []
    seen = {urn}
    parent = known[urn].parent
    while parent and parent in known and parent not in seen:
        seen.add(parent)
        if known[parent].is_component:
            names.append(known[parent].name)
        parent = known[parent].parent
    return tuple(reversed(names))
