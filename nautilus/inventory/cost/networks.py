"""What each way to build the network costs: endpoints, NAT gateways and firewall, and where endpoints pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from nautilus.inventory.cost.edges import FREE_ENDPOINTS
from nautilus.inventory.prices import PriceTable
from nautilus.inventory.records import Inventory
from nautilus.inventory.tokens import ENDPOINT, FIREWALL, NAT, SERVICE, SUBNET
from nautilus.inventory.values import listed, mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProfile:
    """One way to build the network, and what it costs. All amounts in US dollars."""

    endpoints: str
    nat: str
    firewall: bool
    current: bool
    """Whether the plan is built this way."""
    fixed: Decimal
    """A month: NAT gateways with their addresses, interface endpoints, firewall endpoints, by the list."""
    billed: Decimal
    """The same after AWS has waived NAT hours, one for one with firewall hours."""
    aws_low: Decimal
    """100 GB to AWS's APIs, if all of it goes to services that have an endpoint."""
    aws_high: Decimal
    """100 GB to AWS's APIs, if all of it goes to services that have none."""
    internet: Decimal
    """100 GB to the internet, without AWS's charge for data out, which is the same for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """From how many GB a month to AWS's APIs on endpoints are cheaper than the way through the NAT."""

    endpoints: str
    zones: int
    fixed: Decimal
    """What the endpoints cost a month, in US dollars."""
    gb_without_firewall: Decimal
    gb_with_firewall: Decimal


HUNDRED: Final = Decimal(100)
"""GB that the profiles are compared for."""


def zones(inventory: Inventory) -> int:
    """Availability zones of the plan: of its subnets, else those that its services or endpoints span.

    Raises:
        ValueError: The plan shows none.
    """
    # A resource that names its region stands in another one than the platform: the copies of the second region have no way out to pay.
    home = [item for item in inventory.of_type(*SUBNET) if not item.inputs.get("region")]
    found = {zone for item in home if isinstance(zone := item.inputs.get("availabilityZone"), str)}
    spans = [len(listed(mapping(item.inputs.get("networkConfiguration")).get("subnets"))) for item in inventory.of_type(SERVICE)] + [
        len(listed(item.inputs.get("subnetIds"))) for item in inventory.of_type(ENDPOINT)
    ]
    count = len(found) or max(spans, default=0)
    if not count:
        raise ValueError("the plan shows neither subnets nor services, so the number of zones is not known")
    return count


def _paid(services: Iterable[str]) -> int:
    return sum(service not in FREE_ENDPOINTS for service in services)


def profiles(inventory: Inventory, table: PriceTable, services: Mapping[str, Sequence[str]]) -> tuple[NetworkProfile, ...]:
    """Every combination of endpoints, NAT and firewall for as many zones as the plan has.

    Args:
        inventory: The plan; says how many zones there are, and which profile it has.
        table: The prices.
        services: Interface endpoints by profile, such as `{"full": [...], "essential": [...], "none": []}`.

    Raises:
        ValueError: The plan shows no zones.
    """
    count = zones(inventory)
    here = {
        str(item.inputs.get("serviceName", "")).split(".", 3)[-1]
        for item in inventory.of_type(ENDPOINT)
        if item.inputs.get("vpcEndpointType") == "Interface"
    }
    nats = len(inventory.of_type(NAT))
    guarded = bool(inventory.of_type(FIREWALL))
    # A profile with some services left out is still that profile: it is the smallest that holds them all.
    fitting = sorted((len(offered), name) for name, offered in services.items() if here <= set(offered))
    own = fitting[0][1] if fitting else None
    hours = table.hours
    nat_gb, endpoint_gb, firewall_gb = (table[key].usd for key in ("nat.gb", "endpoint.gb", "firewall.gb"))
    found: list[NetworkProfile] = []
    for name, offered in services.items():
        endpoint_hours = _paid(offered) * count * hours
        for nat, gateways in (("per-zone", count), ("single", 1)):
            for firewall in (False, True):
                firewalls = count if firewall else 0
                fixed = (
                    gateways * hours * (table["nat.hour"].usd + table["ipv4.hour"].usd)
                    + endpoint_hours * table["endpoint.hour"].usd
                    + firewalls * hours * table["firewall.hour"].usd
                )
                # The waiver covers NAT hours and NAT gigabytes alike.
                way_out = max(nat_gb, firewall_gb) if firewall else nat_gb
                found.append(
                    NetworkProfile(
                        endpoints=name,
                        nat=nat,
                        firewall=firewall,
                        current=name == own and firewall == guarded and nats == gateways,
                        fixed=fixed,
                        billed=fixed - min(gateways, firewalls) * hours * table["nat.hour"].usd,
                        aws_low=HUNDRED * (endpoint_gb if offered else way_out),
                        aws_high=HUNDRED * (endpoint_gb if set(offered) >= _largest(services) else way_out),
                        internet=HUNDRED * way_out,
                    )
                )
    return tuple(found)


def _largest(services: Mapping[str, Sequence[str]]) -> set[str]:
    return {service for offered in services.values() for service in offered}


def break_even(table: PriceTable, services: Mapping[str, Sequence[str]], count: int) -> tuple[BreakEven, ...]:
    """For one endpoint in one zone, and for each profile in `count` zones: fixed price over what each GB saves against the NAT."""
    hour, endpoint_gb = table["endpoint.hour"].usd, table["endpoint.gb"].usd
    through_nat = table["nat.gb"].usd
    through_firewall = max(through_nat, table["firewall.gb"].usd)
    rows = [("one endpoint", 1, 1), *((name, _paid(offered), count) for name, offered in services.items() if offered)]
    return tuple(
        BreakEven(
            endpoints=name,
            zones=in_zones,
            fixed=(fixed := number * in_zones * table.hours * hour),
            gb_without_firewall=fixed / (through_nat - endpoint_gb),
            gb_with_firewall=fixed / (through_firewall - endpoint_gb),
        )
        for name, number, in_zones in rows
    )
