"""Walks through route tables: to another subnet, and out to the internet."""

from __future__ import annotations

from ipaddress import IPv4Network

from nautilus.inventory.network import Goal, Network, Route, Subnet, Table
from nautilus.inventory.reach.proof import Hop
from nautilus.inventory.reach.trial import Crossed, Trial, Way
from nautilus.inventory.records import PlannedResource


class Walks:
    """Walks through one network; those that it has made it keeps."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._ways: dict[tuple[str, str, bool | None], Way] = {}
        self._walks: dict[tuple[str, IPv4Network | None, str], Way] = {}

    def _firewall(self, route: Route, here: Subnet | None, hint: str) -> Subnet | None:
        """The firewall's subnet behind a route: its endpoint's zone, else the zone that the walk is about."""
        subnets = self.network.firewall_subnets.get(route.target.urn, ()) if route.target is not None else ()
        zone = route.zone or hint or (here.zone if here is not None else None)
        return next((subnet for subnet in subnets if subnet.zone == zone), subnets[0] if subnets else None)

    def walk(self, table: Table | None, start: Subnet | None, block: IPv4Network | None, hint: str) -> Way:
        """From a subnet (or an internet gateway's table) to a block inside the VPC."""
        key = (start.urn if start is not None else table.urn if table is not None else "", block, hint)
        if key not in self._walks:
            self._walks[key] = self._walk_anew(table, start, block, hint)
        return self._walks[key]

    def _walk_anew(self, table: Table | None, start: Subnet | None, block: IPv4Network | None, hint: str) -> Way:
        label = start.name if start is not None else "the internet gateway"
        if table is None or block is None:
            return Way(None, f"routes or addresses of {label} are not part of this plan", (start,) if start else ())
        subnets: list[Subnet] = [start] if start is not None else []
        firewalls: list[tuple[str, str | None]] = []
        hops: list[Hop] = []
        current: Table | None = table
        here = start
        for _ in range(8):
            if current is None:
                return Way(None, "a route table on the way is not part of this plan", tuple(subnets), tuple(firewalls))
            route = current.towards(block)
            if route is None:
                return Way(False, f"route table {current.name} has no route to {block}", tuple(subnets), tuple(firewalls))
            path = route.resource.path if route.resource is not None else ""
            hops.append(Hop("route", f"{current.name}: {route.title}", path))
            if route.goal is Goal.LOCAL:
                return Way(True, "", tuple(subnets), tuple(firewalls), None, tuple(hops))
            if route.goal is not Goal.FIREWALL:
                arrives = None if route.goal is Goal.ELSEWHERE else False
                return Way(arrives, f"route table {current.name} leads {route.title}", tuple(subnets), tuple(firewalls))
            following = self._firewall(route, here, hint)
            if following is None or following in subnets:
                return Way(None if following is None else False, f"{route.title} goes round in a circle", tuple(subnets), tuple(firewalls))
            firewalls.append((route.target.urn if route.target is not None else "", route.zone))
            subnets.append(following)
            here, current = following, following.table
        return Way(False, "the way never ends", tuple(subnets), tuple(firewalls))

    def out(self, start: Subnet, public: bool | None, hint: str) -> Way:
        """From a subnet to the internet, with a public address or over a NAT gateway. `hint` is the zone that the walk is about."""
        key = (start.urn, hint, public)
        if key not in self._ways:
            self._ways[key] = self._leave(start, public, hint, (start,), (), None, ())
        return self._ways[key]

    def _leave(
        self,
        here: Subnet,
        public: bool | None,
        hint: str,
        subnets: tuple[Subnet, ...],
        firewalls: Crossed,
        nat: PlannedResource | None,
        hops: tuple[Hop, ...],
    ) -> Way:
        """From a subnet to the internet; where several routes lead there, one that arrives."""
        table = here.table
        if table is None:
            return Way(None, f"the routes of {here.name} are not part of this plan", subnets, firewalls)
        ways: list[Way] = []
        for route in table.outward:
            hop = Hop("route", f"{table.name}: {route.title}", route.resource.path if route.resource is not None else "")
            seen = (*hops, hop)
            if route.goal is Goal.INTERNET:
                way = _through_gateway(route, table, public, subnets, firewalls, nat, seen)
            elif route.goal is Goal.NAT and route.target is not None and nat is None:
                way = self._through_nat(route.target, hint, subnets, firewalls, seen)
            elif route.goal is Goal.FIREWALL and (following := self._firewall(route, here, hint)) is not None and following not in subnets:
                crossed = (*firewalls, (route.target.urn if route.target is not None else "", route.zone))
                way = self._leave(following, public, hint, (*subnets, following), crossed, nat, seen)
            elif route.goal is Goal.LOCAL:
                continue
            else:
                arrives = None if route.goal is Goal.ELSEWHERE else False
                way = Way(arrives, f"route table {table.name} leads {route.title}", subnets, firewalls, nat, seen)
            if route.destination is None and way.arrives:
                way = Way(None, f"the destination of {route.title} is unknown", way.subnets, way.firewalls, way.nat, way.hops)
            ways.append(way)
        if not ways:
            return Way(False, f"route table {table.name} has no route to the internet", subnets, firewalls, nat, hops)
        order = {True: 0, None: 1, False: 2}
        return min(ways, key=lambda way: order[way.arrives])

    def _through_nat(
        self,
        nat: PlannedResource,
        hint: str,
        subnets: tuple[Subnet, ...],
        firewalls: Crossed,
        hops: tuple[Hop, ...],
    ) -> Way:
        standing = self.network.nat_subnets.get(nat.urn)
        if nat.urn in self.network.private_nats or standing is None:
            return Way(None, f"NAT gateway {nat.name} has no public address of this plan", subnets, firewalls, nat, hops)
        hop = Hop("gateway", f"NAT gateway {nat.name} in {standing.name}", nat.path)
        return self._leave(standing, True, hint, (*subnets, standing), firewalls, nat, (*hops, hop))

    def symmetric(self, trial: Trial, forward: Way, back: Way) -> bool:
        """A stateful firewall drops answers to requests that it has not seen, and the other way round."""
        there, again = forward.firewalls, tuple(reversed(back.firewalls))
        same = len(there) == len(again) and all(
            one[0] == two[0] and (one[1] is None or two[1] is None or one[1] == two[1]) for one, two in zip(there, again, strict=False)
        )
        if not same:
            trial.end(
                f"request and answer do not cross the same firewall endpoint: {self._crossed(there)} there, {self._crossed(again)} back"
            )
        return same

    def _crossed(self, firewalls: Crossed) -> str:
        return ", ".join(f"{self.network.inventory[urn].name} in {zone or 'a zone'}" for urn, zone in firewalls) or "no firewall"


def _through_gateway(
    route: Route,
    table: Table,
    public: bool | None,
    subnets: tuple[Subnet, ...],
    firewalls: Crossed,
    nat: PlannedResource | None,
    hops: tuple[Hop, ...],
) -> Way:
    if nat is None and public is False:
        reason = f"route table {table.name} leads straight to the internet gateway, which needs a public address"
        return Way(False, reason, subnets, firewalls, nat, hops)
    if nat is None and public is None:
        return Way(None, "nobody can know yet whether there is a public address", subnets, firewalls, nat, hops)
    path = route.target.path if route.target is not None else ""
    gateway = Hop("gateway", f"internet gateway {route.target.name if route.target is not None else ''}".rstrip(), path)
    return Way(True, "", subnets, firewalls, nat, (*hops, gateway))
