"""What the network of a plan is made of: plain records, read by the modules beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from typing import Final

from nautilus.inventory.addresses import is_public
from nautilus.inventory.ports import ALL_PORTS, Ports
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.references import References
from nautilus.inventory.tokens import GROUPS
from nautilus.inventory.values import at, is_unknown


class Goal(StrEnum):
    """Where a route leads."""

    LOCAL = "local"
    INTERNET = "internet gateway"
    NAT = "NAT gateway"
    FIREWALL = "firewall"
    CLOSED = "closed interface"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of a route table. `destination` is None where nobody can know it yet."""

    destination: IPv4Network | None
    goal: Goal
    target: PlannedResource | None = None
    """The gateway, firewall or interface, where the plan holds it."""
    zone: str | None = None
    """The zone of a firewall's endpoint, once AWS has said it."""
    resource: PlannedResource | None = None
    """What declares it; None for the local route that every table has."""

    @property
    def title(self) -> str:
        """For people: `0.0.0.0/0 → NAT gateway network-nat-a`."""
        where = f"{self.goal} {self.target.name}" if self.target is not None else str(self.goal)
        zone = f" in {self.zone}" if self.zone else ""
        return f"{self.destination or 'an unknown destination'} → {where}{zone}"


@dataclass(frozen=True, slots=True)
class Table:
    """A route table: its own entries and the local ones of its VPC. `name` is what people call it."""

    urn: str
    name: str
    routes: tuple[Route, ...]
    gateway_services: tuple[tuple[str, PlannedResource], ...] = ()
    """Services with a gateway endpoint on this table, such as s3, sorted."""
    ipv6_out: bool = False
    """Whether it holds an IPv6 route to an internet gateway."""

    def towards(self, block: IPv4Network) -> Route | None:
        """The entry that traffic to `block` takes: the longest prefix that holds all of it."""
        fits = [route for route in self.routes if route.destination is not None and block.subnet_of(route.destination)]
        return max(fits, key=lambda route: route.destination.prefixlen if route.destination else 0, default=None)

    @property
    def outward(self) -> tuple[Route, ...]:
        """The entries that lead to addresses of the internet, widest first, and those of unknown destination."""
        found = [route for route in self.routes if route.destination is None or is_public(route.destination)]
        return tuple(sorted(found, key=lambda route: (route.destination is None, route.destination.prefixlen if route.destination else 0)))


@dataclass(frozen=True, slots=True)
class Entry:
    """One numbered entry of a NACL. `block` is None where it is unknown or IPv6 (`ipv6`)."""

    number: int
    allow: bool
    ports: Ports
    block: IPv4Network | None
    ipv6: bool = False
    unknown: bool = False
    """Whether its protocol, ports or action cannot be told."""


@dataclass(frozen=True, slots=True)
class Nacl:
    """A network ACL: entries of both directions by number."""

    urn: str
    name: str
    ingress: tuple[Entry, ...]
    egress: tuple[Entry, ...]


OPEN_NACL: Final = Nacl(
    "",
    "AWS's default NACL",
    (Entry(100, True, ALL_PORTS, IPv4Network("0.0.0.0/0")),),
    (Entry(100, True, ALL_PORTS, IPv4Network("0.0.0.0/0")),),
)
"""What a subnet has that nobody gave one, in a VPC whose default NACL nobody touched."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. One that the plan only names by id is `foreign`: its routes and NACL are other people's."""

    urn: str
    name: str
    block: IPv4Network | None
    zone: str | None
    vpc: str
    """URN or id of its VPC; empty where it cannot be told."""
    tier: str
    """Value of its tag `Tier`; empty without."""
    gives_addresses: bool
    """Whether what is launched there gets a public address by itself (also when that is unknown)."""
    table: Table | None
    nacl: Nacl | None
    foreign: bool = False
    ipv6: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """One rule of a security group: whom it lets in or out on which TCP ports."""

    group: str
    """URN of the group."""
    inward: bool
    ports: Ports
    resource: PlannedResource
    groups: frozenset[str] = frozenset()
    blocks: tuple[IPv4Network, ...] = ()
    lists: frozenset[str] = frozenset()
    """Prefix lists: `cloudfront`, the name of a gateway endpoint's service, `strange`, or URN of a planned list."""
    itself: bool = False
    ipv6: tuple[str, ...] = ()
    unknown: bool = False
    """Whether its peer cannot be told."""
    vague: bool = False
    """Whether its ports cannot be told: `ports` are then all of them."""
    index: int = 0
    """Position among the inline rules of its resource; 0 for a standalone one."""

    @property
    def title(self) -> str:
        """AWS's name of it where the plan gives one (the tag `Name`), else the logical name."""
        inline = self.resource.type in GROUPS
        name = at(self.resource.inputs, "tags.Name")
        label = name if isinstance(name, str) and not is_unknown(name) and not inline else self.resource.name
        return f"{label} (inline {'in' if self.inward else 'out'} {self.index})" if inline else label


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with addresses of its own: a service's tasks, a database, a load balancer, an interface."""

    role: str
    """What people call it: backend, postgres, load-balancer …"""
    resource: PlannedResource
    subnets: tuple[Subnet, ...]
    groups: tuple[str, ...]
    public: bool | None
    """Whether it has public addresses; None where nobody can know yet."""
    groups_unknown: bool = False
    ungrouped: bool = False
    """Whether no security group guards it at all (a network load balancer made without one)."""
    holds_data: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a listener forwards to: members of a target group on their port."""

    thing: Thing
    ports: Ports
    group: PlannedResource


@dataclass(frozen=True, slots=True)
class Listener:
    """A load balancer's port with everything behind it."""

    resource: PlannedResource
    port: int
    backends: tuple[Backend, ...]
    condition: str = ""
    """A header that a request must carry, for people."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A load balancer behind a CloudFront distribution, and the ports that CloudFront opens on it."""

    thing: Thing
    ports: Ports


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer as a forwarder."""

    thing: Thing
    listeners: tuple[Listener, ...]
    keeps_client_address: bool = False


@dataclass(frozen=True)
class Network:
    """Everything that decides who reaches whom, read once from an inventory."""

    inventory: Inventory
    references: References
    vpcs: dict[str, tuple[IPv4Network, ...]] = field(default_factory=dict[str, tuple[IPv4Network, ...]])
    subnets: dict[str, Subnet] = field(default_factory=dict[str, Subnet])
    things: tuple[Thing, ...] = ()
    permissions: dict[str, tuple[Permission, ...]] = field(default_factory=dict[str, tuple[Permission, ...]])
    """Rules by group URN."""
    balancers: dict[str, Balancer] = field(default_factory=dict[str, Balancer])
    """By URN of the load balancer."""
    distributions: dict[str, tuple[Origin, ...]] = field(default_factory=dict[str, tuple[Origin, ...]])
    """Origins that are load balancers, by URN of the distribution; disabled distributions are left out."""
    nat_subnets: dict[str, Subnet] = field(default_factory=dict[str, Subnet])
    """Where each NAT gateway stands, by its URN."""
    private_nats: frozenset[str] = frozenset()
    firewall_subnets: dict[str, tuple[Subnet, ...]] = field(default_factory=dict[str, tuple[Subnet, ...]])
    edge_tables: dict[str, Table] = field(default_factory=dict[str, Table])
    """Route tables of internet gateways, by VPC."""
    prefix_lists: dict[str, tuple[IPv4Network, ...]] = field(default_factory=dict[str, tuple[IPv4Network, ...]])
    gateway_services: tuple[str, ...] = ()
    """Services that have a gateway endpoint somewhere, such as s3."""

    def of_role(self, role: str) -> tuple[Thing, ...]:
        """The things that people call by this name."""
        return self._by_role.get(role, ())

    @cached_property
    def _by_role(self) -> dict[str, tuple[Thing, ...]]:
        found: dict[str, list[Thing]] = {}
        for thing in self.things:
            found.setdefault(thing.role, []).append(thing)
        return {role: tuple(things) for role, things in found.items()}

    @property
    def roles(self) -> tuple[str, ...]:
        """Every name that something stands under, sorted."""
        return tuple(sorted(self._by_role))

    @property
    def firewalled(self) -> bool:
        """Whether the plan holds a network firewall."""
        return bool(self.firewall_subnets)
