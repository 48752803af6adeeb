"""Network ACLs: what may cross the border of each tier's subnets, out of the address plan and the flow table. Pure.

A second fence behind the security groups. It knows tiers and not groups, so it is coarser, but it holds even where a group is wrong: no
address outside the VPC passes the data tier's, in either direction, and none reaches a listening port of the app tier.

An ACL keeps no state, so each connection needs a rule for its replies. AWS's resolver and the link-local services (metadata, time) are
not subject to ACLs. Within one subnet no ACL applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise, product
from types import MappingProxyType

from infra.plan.flows import OUTSIDE, Flow, Role, flows
from infra.plan.rules import Direction
from infra.plan.subnets import TIERS, ZONE_LETTERS, Tier, block

Ports = tuple[int, int]
"""First and last port."""

ANYWHERE = "0.0.0.0/0"

LIMIT = 19
"""Rules of an ACL in one direction: AWS's quota is 20 and counts the closing deny rule, which is always there."""

EPHEMERAL: Ports = (1024, 65_535)
"""Where replies arrive inside the VPC: load balancers, NAT gateways and functions open connections from anywhere above 1023 (VPC guide)."""

LINUX: Ports = (32_768, 65_535)
"""Where replies from outside the VPC arrive: Linux, and so a Fargate task or an EC2 node, opens connections from 32768 on.

Narrower than EPHEMERAL on purpose: every port that something of ours listens on lies below, so that the rule for replies admits nobody to
it. The price: a function in the app tier, which AWS lets open connections from 1024 on, should reach AWS through interface endpoints; through
the NAT about every second attempt fails and is repeated.
"""

HOME: Mapping[Role, Tier] = MappingProxyType(
    {
        Role.LOAD_BALANCER: Tier.PUBLIC,
        Role.FRONTEND: Tier.APP,
        Role.BACKEND: Tier.APP,
        Role.ENGINE: Tier.APP,
        Role.IB_GATEWAY: Tier.APP,
        Role.TIMESCALE: Tier.APP,
        Role.ENDPOINTS: Tier.APP,
        Role.VPN: Tier.APP,
        Role.ROTATION: Tier.APP,
        Role.RESTORE_CHECK: Tier.APP,
        Role.ROLLOUT_HOOK: Tier.APP,
        Role.MIGRATIONS: Tier.APP,
        Role.RECONCILIATION: Tier.APP,
        Role.PROXY: Tier.DATA,
        Role.POSTGRES: Tier.DATA,
        Role.CACHE: Tier.DATA,
        Role.SESSION_FILES: Tier.DATA,
    }
)
"""The tier whose subnets a role stands in."""

TCP, ICMP, EVERY = "tcp", "icmp", "all"
TOO_BIG: Ports = (3, 4)
"""ICMP type and code of `fragmentation needed`: without it a path with a smaller packet size than ours swallows large packets."""

_TRANSIT = (Tier.NAT, Tier.FIREWALL)
_SLOTS = 10
_WAYS_OUT = 5
"""Ranges of ports to the outside in one ACL. With more, those between the nearest are open here too, and closed by security groups and
firewall; six zones leave room for no sixth."""
_ICMP, _NARROW, _WIDE, _INSIDE, _OUTSIDE = 100, 6000, 7000, 8000, 9000


@dataclass(frozen=True, order=True)
class Entry:
    """A rule of an ACL. The lowest number that matches decides; what nothing matches is denied."""

    number: int
    """1 to 32766. Made of peer, zone and position, so that another zone adds rules and rewrites none."""
    allow: bool
    protocol: str
    """`tcp`, `icmp` or `all`."""
    cidr: str
    """Where the packet comes from (in) or goes to (out)."""
    first: int
    """First destination port; the type for ICMP; 0 for every protocol."""
    last: int
    """Last destination port; the code for ICMP; 0 for every protocol."""

    def matches(self, address: IPv4Address, port: int) -> bool:
        """Whether a TCP packet from or to `address`, to `port`, falls under the rule."""
        if address not in IPv4Network(self.cidr):
            return False
        return self.protocol == EVERY or (self.protocol == TCP and self.first <= port <= self.last)


@dataclass(frozen=True)
class Acl:
    """The ACL of a tier's subnets."""

    tier: Tier
    ingress: tuple[Entry, ...]
    egress: tuple[Entry, ...]

    def admits(self, direction: Direction, address: str, port: int) -> bool:
        """Whether a TCP packet to `port` may enter from `address` (IN) or leave to it (OUT)."""
        entries = self.ingress if direction is Direction.IN else self.egress
        peer = IPv4Address(address)
        return next((entry.allow for entry in sorted(entries) if entry.matches(peer, port)), False)


@cache
def every_flow() -> tuple[Flow, ...]:
    """Every flow that any platform of this program may have: what an ACL admits if nobody says which platform it is."""
    found = {
        flow
        for port, endpoints, s3, nat in product((4003, 4004), (True, False), (True, False), ((), (Role.TIMESCALE,)))
        for flow in flows(gateway_port=port, timescale=True, interface_endpoints=endpoints, s3_endpoint=s3, through_nat=nat)
    }
    return tuple(sorted(found))


def acls(vpc: str, zones: Sequence[str], table: Sequence[Flow]) -> tuple[Acl, ...]:
    """The ACL of each tier, in the order of TIERS, for the zones of letters `zones`.

    Raises:
        ValueError: The table opens the data tier to the outside or lets it out; has something of ours listen where replies from outside
            arrive; names a role without a tier; has so many ports that AWS's quota of rules cannot hold them; or the address plan refuses
            the block or a zone.
    """
    for source, target in ((None, Tier.DATA), (Tier.DATA, None)):
        if _ports(table, source, target):
            raise ValueError(f"the flow table leads {'into' if target else 'out of'} the data tier, past the VPC's border (NET-09, NET-12)")
    for flow in table:
        if _home(flow.target) is not None and flow.ports[1] >= LINUX[0]:
            raise ValueError(f"{flow.source} → {flow.target}:{flow.port}: ports from {LINUX[0]} on take replies from outside; listen below")
    return tuple(
        Acl(tier, *(_rules(vpc, zones, *_needs(table, tier, direction), tier, direction) for direction in (Direction.IN, Direction.OUT)))
        for tier in TIERS
    )


def _home(role: Role) -> Tier | None:
    """The tier of a role, None for the outside."""
    if role in OUTSIDE:
        return None
    if role not in HOME:
        raise ValueError(f"role {role}: no tier is known for it (infra.plan.nacls.HOME)")
    return HOME[role]


def _ports(table: Iterable[Flow], source: Tier | None, target: Tier | None) -> set[Ports]:
    """Ports that `source` opens connections to in `target`; None stands for the outside."""
    if source is target is Tier.DATA:
        # Replicas of RDS and ElastiCache follow their primaries in other zones.
        return {flow.ports for flow in table if _home(flow.target) is Tier.DATA}
    return {flow.ports for flow in table if (_home(flow.source), _home(flow.target)) == (source, target)}


def _needs(table: Sequence[Flow], tier: Tier, direction: Direction) -> tuple[dict[Tier, list[Ports]], list[Ports]]:
    """Ports that packets in `direction` need, by peer tier and for the outside."""
    if tier in _TRANSIT:
        # What the app tier sends out passes here with its own source and destination; so do the replies.
        services = _ports(table, Tier.APP, None)
        if direction is Direction.OUT:
            return {Tier.APP: [LINUX]} if services else {}, _union(services)
        # The NAT gateway's own connections, which replies come back to, start anywhere above 1023.
        replies = [EPHEMERAL if tier is Tier.NAT else LINUX] if services else []
        return {Tier.APP: _union(services)} if services else {}, replies

    def both(peer: Tier | None, replies: Ports) -> list[Ports]:
        opened, answered = _ports(table, peer, tier), _ports(table, tier, peer)
        if direction is Direction.OUT:
            opened, answered = answered, opened
        return _union(opened | ({replies} if answered else set()))

    peers = {peer: both(peer, EPHEMERAL) for peer in (Tier.PUBLIC, Tier.APP, Tier.DATA)}
    if peers[tier]:
        # One range among the zones of a tier: security groups tell its members apart, and rules are scarce.
        peers[tier] = [(peers[tier][0][0], peers[tier][-1][1])]
    # Replies to what we open outside come to our ports; replies to the load balancer's clients go to theirs.
    return {peer: ports for peer, ports in peers.items() if ports}, both(None, LINUX if direction is Direction.IN else EPHEMERAL)


def _union(ranges: Iterable[Ports]) -> list[Ports]:
    """The same ports in as few ranges as possible, in order."""
    found: list[Ports] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _rules(
    vpc: str, zones: Sequence[str], peers: dict[Tier, list[Ports]], outside: list[Ports], tier: Tier, direction: Direction
) -> tuple[Entry, ...]:
    fixed: list[Entry] = []
    if direction is Direction.OUT:
        outside = list(outside)
        while len(outside) > _WAYS_OUT:
            _join(outside, min(range(len(outside) - 1), key=lambda index: outside[index + 1][0] - outside[index][1]))
    # Hosts hear from routers that a packet was too big; only the transit tiers pass that on.
    if outside and (direction is Direction.IN or tier in _TRANSIT):
        fixed.append(Entry(_ICMP, True, ICMP, ANYWHERE, *TOO_BIG))
    if outside:
        # Everything inside that has not been admitted by now: the rules below mean the outside alone.
        fixed.append(Entry(_INSIDE, False, EVERY, vpc, 0, 0))
        fixed += [Entry(_OUTSIDE + index, True, TCP, ANYWHERE, *ports) for index, ports in enumerate(outside)]
    room = LIMIT - len(fixed)
    fitted = _merged(peers, len(zones), room)
    made = _each(vpc, zones, fitted)
    if len(made) > room:
        made = _narrow_then_wide(vpc, zones, fitted)
    if len(made) > room:
        raise ValueError(
            f"network ACL of the {tier} tier, {direction}: {len(made) + len(fixed)} rules for {len(zones)} zones, and AWS allows "
            f"{LIMIT} besides its own; fewer zones or fewer ports are needed"
        )
    return tuple(sorted([*fixed, *made]))


def _merged(peers: Mapping[Tier, list[Ports]], zones: int, room: int) -> dict[Tier, list[Ports]]:
    """The same ports, and those between the nearest of them where rules would not suffice."""
    ranges = {peer: list(found) for peer, found in peers.items()}
    while sum(map(len, ranges.values())) * zones > room or any(len(found) > _SLOTS for found in ranges.values()):
        gaps = [
            (after[0] - before[1], list(TIERS).index(peer), index, peer)
            for peer, found in ranges.items()
            for index, (before, after) in enumerate(pairwise(found))
        ]
        if not gaps:
            break
        _, _, index, peer = min(gaps)
        _join(ranges[peer], index)
    return ranges


def _join(ranges: list[Ports], index: int) -> None:
    """Make one range of two neighbours, in place."""
    ranges[index : index + 2] = [(ranges[index][0], ranges[index + 1][1])]


def _slot(zone: str) -> int:
    return _SLOTS * ZONE_LETTERS.index(zone)


def _each(vpc: str, zones: Sequence[str], peers: Mapping[Tier, list[Ports]]) -> list[Entry]:
    """A rule for each peer, zone and range."""
    return [
        Entry(1000 * (1 + TIERS.index(peer)) + _slot(zone) + index, True, TCP, block(vpc, zone, peer), *ports)
        for peer, found in peers.items()
        for zone in zones
        for index, ports in enumerate(found)
    ]


def _narrow_then_wide(vpc: str, zones: Sequence[str], peers: Mapping[Tier, list[Ports]]) -> list[Entry]:
    """The same with fewer rules, for many zones: peers that need few ports get these and no other; one rule for the VPC serves the rest."""
    narrow = {peer: found for peer, found in peers.items() if found[-1][1] < EPHEMERAL[1]}
    wide = [ports for peer, found in peers.items() if peer not in narrow for ports in found]
    closed = [
        Entry(_NARROW + 100 * TIERS.index(peer) + _slot(zone), False, EVERY, block(vpc, zone, peer), 0, 0)
        for peer in narrow
        for zone in zones
    ]
    rest = [Entry(_WIDE, True, TCP, vpc, min(wide)[0], max(last for _, last in wide))] if wide else []
    return [*_each(vpc, zones, narrow), *closed, *rest]
