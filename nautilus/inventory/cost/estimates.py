"""A stack's fixed costs: one line for each resource and price, and what could not be priced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from nautilus.inventory.cost.pricers import NOTHING_FIXED, PRICERS
from nautilus.inventory.cost.scene import Scene, UnpricedError
from nautilus.inventory.prices import Price, PriceTable
from nautilus.inventory.records import Inventory, PlannedResource

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One resource's share of a price."""

    urn: str
    type: str
    name: str
    component: str
    price: Price
    quantity: Decimal
    """In units of the price, for a month: two NAT gateways are 1460 hours."""
    most: Decimal | None = None
    """The same when everything is scaled out as far as it may be; None where nothing scales."""

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return self.quantity * self.price.usd

    @property
    def at_most(self) -> Decimal:
        """US dollars a month, scaled out."""
        return (self.quantity if self.most is None else self.most) * self.price.usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A resource whose price is not known, and why."""

    type: str
    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A stack's costs. Free and billed-by-use resources are counted by type."""

    lines: tuple[Line, ...]
    unpriced: tuple[Unpriced, ...]
    free: Mapping[str, int]
    by_use: Mapping[str, int]
    waived: Decimal
    """What AWS takes off for NAT gateways behind firewall endpoints, one for one, in US dollars a month. Not in the total."""

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return sum((line.monthly for line in self.lines), ZERO)

    @property
    def at_most(self) -> Decimal:
        """US dollars a month with every service scaled out."""
        return sum((line.at_most for line in self.lines), ZERO)

    def by(self, key: Callable[[Line], str]) -> dict[str, tuple[Decimal, Decimal]]:
        """Sums of `monthly` and `at_most` by a key, the dearest first."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for line in self.lines:
            low, high = sums.get(key(line), (ZERO, ZERO))
            sums[key(line)] = low + line.monthly, high + line.at_most
        return dict(sorted(sums.items(), key=lambda item: (-item[1][0], item[0])))

    @property
    def guesses(self) -> tuple[Price, ...]:
        """The prices used that were not looked up, by key."""
        return tuple(sorted({line.price for line in self.lines if not line.price.verified}, key=lambda price: price.key))


@dataclass
class _Sums:
    lines: list[Line] = field(default_factory=list[Line])
    unpriced: list[Unpriced] = field(default_factory=list[Unpriced])
    free: dict[str, int] = field(default_factory=dict[str, int])
    by_use: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, kind: str, *, used: bool) -> None:
        counts = self.by_use if used else self.free
        counts[kind] = counts.get(kind, 0) + 1


def regions(inventory: Inventory) -> tuple[str, ...]:
    """The regions of the AWS providers of a plan, sorted; empty where the plan does not name one."""
    providers = inventory.of_type("pulumi:providers:aws")
    return tuple(sorted({region for item in providers if isinstance(region := item.inputs.get("region"), str)}))


def priced_elsewhere(inventory: Inventory, table: PriceTable) -> tuple[str, ...]:
    """Regions of a plan's resources that are priced as the table's region, though the table is that of another, sorted."""
    used = {region for item in inventory.real if (region := _region(item)) is not None} | set(regions(inventory))
    return tuple(sorted(used - {table.region}))


def _region(resource: PlannedResource) -> str | None:
    own = resource.inputs.get("region")
    return own if isinstance(own, str) and "-" in own else None


def estimate(inventory: Inventory, table: PriceTable, *, anywhere: bool = False) -> Estimate:
    """What the resources of a plan or a state cost a month.

    Args:
        inventory: The plan, with dependencies: task definitions, launch templates and replicas are found by them.
        table: The prices.
        anywhere: Use the table's prices in every region; else what stands in a region that the table does not cover is not priced.
    """
    sums = _Sums()
    for resource in inventory.real:
        _add(sums, inventory, table, resource, anywhere)
    lines = sorted(sums.lines, key=lambda line: (line.component, line.type, line.name, line.price.key))
    hours = {key: sum((line.quantity for line in lines if line.price.key == key), ZERO) for key in ("nat.hour", "firewall.hour")}
    waived = min(hours.values()) * table["nat.hour"].usd
    return Estimate(
        lines=tuple(lines),
        unpriced=tuple(sorted(sums.unpriced, key=lambda item: (item.type, item.name))),
        free=dict(sorted(sums.free.items())),
        by_use=dict(sorted(sums.by_use.items())),
        waived=waived,
    )


def _add(sums: _Sums, inventory: Inventory, table: PriceTable, resource: PlannedResource, anywhere: bool) -> None:
    kind = resource.type
    pricer = PRICERS.get(kind)
    if pricer is None:
        if kind in table.free or kind in table.by_use:
            sums.count(kind, used=kind in table.by_use)
        else:
            sums.unpriced.append(Unpriced(type=kind, name=resource.path, why="the price table does not know this type"))
        return
    region = _region(resource)
    if region is not None and region not in table.regions and not anywhere:
        sums.unpriced.append(Unpriced(type=kind, name=resource.path, why=f"the table has no prices of {region}"))
        return
    group = inventory.group_of(resource.urn)
    component = group.name if group is not None else ""
    made: list[Line] = []
    try:
        for part in pricer(Scene(inventory, table, resource)):
            quantity = part[1]
            most = part[2] if len(part) == 3 and part[2] != quantity else None
            if quantity or most:
                made.append(
                    Line(
                        urn=resource.urn,
                        type=kind,
                        name=resource.name,
                        component=component,
                        price=table[part[0]],
                        quantity=quantity,
                        most=most,
                    )
                )
    except UnpricedError as reason:
        # What could be told of it stays in the total, and the rest is named.
        sums.unpriced.append(Unpriced(type=kind, name=resource.path, why=str(reason)))
        sums.lines += made
        return
    if made:
        sums.lines += made
    else:
        sums.count(kind, used=kind in table.by_use or kind in NOTHING_FIXED)


def use_note(kind: str, table: PriceTable) -> str:
    """By what a type is billed that has no fixed price."""
    return table.by_use.get(kind) or NOTHING_FIXED.get(kind, "by use")
