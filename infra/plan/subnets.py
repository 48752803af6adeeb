"""The address plan: which block of the VPC belongs to which tier of which zone. Pure, and stable for the life of a VPC.

A subnet's block can never change without replacing everything in it. So a block depends on the VPC's block, the zone's letter and the tier,
and on nothing else: adding a zone or using a reserved tier moves no other block.

    VPC /n ── 8 zone blocks /n+3, by letter: a=0 … f=5, two spare
      zone block ── 16 parts /n+7: app 0–7 (a /n+4) · public 8–9 · data 10–11 (a /n+6 each) · nat 12 · firewall 13 · two spare
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

ZONE_LETTERS = "abcdef"
"""Zones that the plan has room for; AWS names its zones with these letters."""

WIDEST, NARROWEST = 16, 20
"""Prefix lengths of a VPC that the plan accepts. AWS takes /16 to /28; below /20 the smallest tier would be under AWS's minimum of /28
with no room for a load balancer (8 free addresses a subnet) or a firewall endpoint."""

_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class Tier(StrEnum):
    """What stands in a zone's subnets.

    PUBLIC: the load balancer. NAT: the NAT gateways, apart from it, so that what comes in through the load balancer never crosses the
    egress firewall in one direction only, which AWS does not support. FIREWALL: the egress firewall's endpoints. APP: tasks, TimescaleDB's
    nodes and their load balancer, interface endpoints. DATA: databases, caches, file systems.
    """

    PUBLIC = "public"
    NAT = "nat"
    FIREWALL = "firewall"
    APP = "app"
    DATA = "data"


TIERS = tuple(Tier)
"""Tiers in the order in which traffic passes them, from outside. Each has a subnet in every zone."""

_PLACE = {Tier.APP: (1, 0), Tier.PUBLIC: (3, 4), Tier.DATA: (3, 5), Tier.NAT: (4, 12), Tier.FIREWALL: (4, 13)}
"""Bits below the zone block, and the position among the blocks of that size."""


@dataclass(frozen=True, order=True)
class Block:
    """The block of one tier in one zone."""

    tier: Tier
    zone: str
    """The zone's letter."""
    cidr: str


def _nth(network: IPv4Network, bits: int, position: int) -> IPv4Network:
    size = 1 << (network.max_prefixlen - network.prefixlen - bits)
    return IPv4Network((int(network.network_address) + position * size, network.prefixlen + bits))


def block(vpc: str, zone: str, tier: Tier) -> str:
    """The CIDR block of `tier` in the zone of letter `zone`, inside the VPC's block `vpc`.

    Raises:
        ValueError: `vpc` is not a private network (RFC 1918) of /16 to /20, or `zone` is not one of the letters a to f.
    """
    network = IPv4Network(vpc)
    if not WIDEST <= network.prefixlen <= NARROWEST:
        raise ValueError(f"network.cidr = {vpc}: the address plan needs a /{WIDEST} to /{NARROWEST}")
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise ValueError(f"network.cidr = {vpc}: not a private network (RFC 1918)")
    if len(zone) != 1 or zone not in ZONE_LETTERS:
        raise ValueError(f"zone {zone!r}: the address plan has room for the letters {ZONE_LETTERS[0]} to {ZONE_LETTERS[-1]}")
    bits, position = _PLACE[tier]
    return str(_nth(_nth(network, 3, ZONE_LETTERS.index(zone)), bits, position))


def plan(vpc: str, zones: Sequence[str], tiers: Sequence[Tier] = TIERS) -> tuple[Block, ...]:
    """The blocks of `tiers` in the zones of letters `zones`, tier by tier, in the order given.

    Raises:
        ValueError: A zone is named twice, or `block` refuses one.
    """
    if len(set(zones)) != len(zones):
        raise ValueError(f"network.zones = {', '.join(zones)}: a zone is named twice")
    return tuple(Block(tier, zone, block(vpc, zone, tier)) for tier in tiers for zone in zones)
