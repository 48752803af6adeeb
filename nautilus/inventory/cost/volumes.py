"""What a month's volumes cost, where they are given: traffic and logs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from nautilus.inventory.cost.estimates import ZERO
from nautilus.inventory.prices import Price, PriceTable
from nautilus.inventory.records import Inventory
from nautilus.inventory.tokens import FIREWALL, NAT


@dataclass(frozen=True, slots=True)
class Usage:
    """A volume of a month and what it costs."""

    what: str
    price: Price
    quantity: Decimal

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return self.quantity * self.price.usd


INTERNET_FREE_GB = 100
"""GB a month to the internet that an account does not pay for."""


def usage(inventory: Inventory, table: PriceTable, *, traffic_gb: Decimal = ZERO, log_gb: Decimal = ZERO) -> tuple[Usage, ...]:
    """What a month's volumes cost beside the fixed prices.

    Args:
        inventory: The plan: its NAT gateways and firewall decide what the traffic passes.
        table: The prices.
        traffic_gb: GB from the app tier to the internet.
        log_gb: GB that CloudWatch Logs takes in.
    """
    found: list[Usage] = []
    if traffic_gb:
        nat = bool(inventory.of_type(NAT))
        if nat:
            found.append(Usage("through the NAT", table["nat.gb"], traffic_gb))
        if inventory.of_type(FIREWALL):
            found.append(Usage("through the egress firewall", table["firewall.gb"], traffic_gb))
            if nat:
                found.append(Usage("the NAT's share, waived behind the firewall", table["nat.gb"], -traffic_gb))
        if traffic_gb > INTERNET_FREE_GB:
            found.append(Usage("out to the internet", table["internet.gb"], traffic_gb - INTERNET_FREE_GB))
    if log_gb:
        found.append(Usage("into log groups", table["logs.gb"], log_gb))
    return tuple(found)
