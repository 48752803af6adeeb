"""What a pricer sees of a resource, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nautilus.inventory.prices import PriceTable
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import listed


class UnpricedError(Exception):
    """A resource has a fixed price that cannot be told; the text says why."""


@dataclass(frozen=True)
class Scene:
    """What a pricer sees."""

    inventory: Inventory
    table: PriceTable
    resource: PlannedResource

    @property
    def inputs(self) -> Mapping[str, Any]:
        """What the plan sets."""
        return self.resource.inputs

    @property
    def hours(self) -> Decimal:
        """Hours of a month."""
        return Decimal(self.table.hours)

    def text(self, key: str, default: str = "") -> str:
        """A text; `default` where there is none."""
        value = self.inputs.get(key)
        return value if isinstance(value, str) else default

    def number(self, key: str, default: int | None = None) -> Decimal:
        """A number; `default` where there is none."""
        return quantity_of(self.inputs.get(key), key, default)

    def count(self, key: str) -> Decimal:
        """Entries of a list; of a list that only an `up` knows, the resources that it is made of."""
        value = self.inputs.get(key)
        if isinstance(value, list):
            return Decimal(len(listed(value)))
        needed = self.resource.property_dependencies.get(key, ())
        if value is not None and needed:
            return Decimal(len(needed))
        raise UnpricedError(f"its {key} is not known before an up" if value is not None else f"it has no {key}")

    def needs(self, key: str, *types: str) -> PlannedResource | None:
        """The first resource of these types that a property uses."""
        for urn in self.resource.property_dependencies.get(key, ()):
            found = self.inventory.get(urn)
            if found is not None and found.type in types:
                return found
        return None

    def users(self, kind: str, key: str) -> Iterator[PlannedResource]:
        """Resources of a type whose property uses this one."""
        return (item for item in self.inventory.of_type(kind) if self.resource.urn in item.property_dependencies.get(key, ()))

    def size(self, family: str, size: str, kind: str) -> str:
        """The key of an instance's price."""
        key = f"{family}.{size}.{kind}"
        if self.table.get(key) is None:
            raise UnpricedError(f"the table has no price of {size or 'an unnamed size'} ({kind})")
        return key


def quantity_of(value: Any, what: str, default: int | None = None) -> Decimal:
    """A number of the plan; `what` names it.

    Raises:
        UnpricedError: It is none, or nobody knows it yet.
    """
    if value is None and default is not None:
        return Decimal(default)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnpricedError(f"its {what} is not a number")
    try:
        return Decimal(str(value))
    except ArithmeticError:
        raise UnpricedError(f"its {what} is not known before an up") from None


Part = tuple[str, Decimal] | tuple[str, Decimal, Decimal]
"""Price key, quantity a month, and where it scales the quantity at most."""
Pricer = Callable[[Scene], Iterable[Part]]
