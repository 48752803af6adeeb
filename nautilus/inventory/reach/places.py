"""Where a connection starts and ends: things in their subnets, or the outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from nautilus.inventory.names import CLOUDFRONT, INTERNET
from nautilus.inventory.network import Network, Subnet, Thing


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side of a security-group rule or a NACL entry: something in the VPC, or the outside (`outside` is its name)."""

    outside: str = ""
    groups: frozenset[str] = frozenset()
    block: IPv4Network | None = None
    groups_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A thing in one of its subnets, or the outside."""

    name: str
    thing: Thing | None = None
    subnet: Subnet | None = None

    @property
    def label(self) -> str:
        """For people: `backend-service in network-app-a`."""
        return f"{self.thing.resource.name} in {self.subnet.name}" if self.thing is not None and self.subnet is not None else self.name

    @property
    def peer(self) -> Peer:
        """How rules see it."""
        if self.thing is None or self.subnet is None:
            return Peer(self.name)
        return Peer("", frozenset(self.thing.groups), self.subnet.block, self.thing.groups_unknown)

    @property
    def standing(self) -> Subnet:
        """The subnet.

        Raises:
            ValueError: It is the outside.
        """
        if self.subnet is None:
            raise ValueError(f"{self.name} stands in no subnet")
        return self.subnet


def places(network: Network, name: str) -> Iterator[Place]:
    """Where the things of a name stand; things that no rule can tell apart count once."""
    if name in (INTERNET, CLOUDFRONT, "s3") or name in network.gateway_services:
        yield Place(name)
        return
    seen: set[tuple[object, ...]] = set()
    for thing in network.of_role(name):
        for subnet in thing.subnets:
            mark = (subnet.urn, thing.groups, thing.public, thing.groups_unknown, thing.ungrouped)
            if mark not in seen:
                seen.add(mark)
                yield Place(name, thing, subnet)
