"""One connection that nothing forwards: groups, routes, firewalls and NACLs on the way there, and on the way of the answer."""

from __future__ import annotations

from typing import Final

from nautilus.inventory.firewall import open_ports
from nautilus.inventory.names import CLOUDFRONT, INTERNET
from nautilus.inventory.network import Goal, Network, Subnet
from nautilus.inventory.ports import ALL_PORTS, NO_PORTS, Open, Ports, exactly, join, meet, ports_text
from nautilus.inventory.reach.guards import Guards
from nautilus.inventory.reach.places import Peer, Place
from nautilus.inventory.reach.proof import Answer, Attempt, Hop
from nautilus.inventory.reach.trial import Trial, Way
from nautilus.inventory.reach.walks import Walks
from nautilus.inventory.suricata import FirewallError

EDGE_PORTS: Final[Ports] = ((80, 80), (443, 443))
"""What CloudFront listens on."""


class Connections:
    """Tries connections in one network; what it has worked out it keeps."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.guards = Guards(network)
        self.walks = Walks(network)
        self._let_out: Open | None = None

    def attempt(self, a: Place, b: Place, ask: Ports, *, explain: bool = False, client: Peer | None = None) -> Attempt:
        """Try one connection. `client` is the address that a network load balancer passes on; `explain` names every hop."""
        trial = Trial(exactly(ask))
        if not ask:
            trial.end("the port is not forwarded")
        elif a.thing is None and b.thing is None:
            self._outside_only(trial, a, b)
        elif a.thing is None:
            self._inward(trial, a, b, explain)
        elif b.thing is None:
            self._outward(trial, a, b, explain)
        else:
            self._within(trial, a, b, explain, client)
        zone = a.subnet.zone or "" if a.subnet is not None else ""
        if trial.ended:
            return Attempt(a.label, b.label, Answer.NO, NO_PORTS, trial.ended, zone)
        if trial.open.sure:
            return Attempt(a.label, b.label, Answer.YES, trial.open.sure, "", zone, tuple(trial.hops))
        return Attempt(a.label, b.label, Answer.UNKNOWN, trial.open.maybe, "; ".join(trial.doubts), zone, tuple(trial.hops))

    def _outside_only(self, trial: Trial, a: Place, b: Place) -> None:
        if (a.name, b.name) == (INTERNET, CLOUDFRONT) and self.network.distributions:
            trial.through(exactly(EDGE_PORTS), lambda: "CloudFront listens on 80 and 443 alone")
            distribution = self.network.inventory[next(iter(self.network.distributions))]
            trial.hops.append(Hop("CloudFront", f"distribution {distribution.name} takes requests from anybody", distribution.path))
        else:
            trial.end(f"{a.name} opens no connection to {b.name} through this network")

    def _within(self, trial: Trial, a: Place, b: Place, explain: bool, client: Peer | None) -> None:
        """From one thing in the VPC to another."""
        start, end = a.standing, b.standing
        if not self.guards.group(trial, a, b.peer, b.name, inward=False, explain=explain):
            return
        if start.urn == end.urn:
            trial.hops.append(Hop("route", f"both stand in {start.name}"))
        else:
            if start.vpc and end.vpc and start.vpc != end.vpc:
                trial.doubt(f"{start.name} and {end.name} are in different VPCs")
                if not any(route.goal is Goal.ELSEWHERE for route in (start.table.routes if start.table else ())):
                    trial.end(f"{start.name} and {end.name} are in different VPCs, and no route leads out of this one")
                    return
            way = self.walks.walk(start.table, start, end.block, start.zone or "")
            if not trial.follow(way):
                return
            trial.hops.extend(way.hops if explain else ())
            self._policy(trial, way, explain, inside=True)
            if not self.guards.borders(trial, (*way.subnets, end), start.block, end.block, explain=explain):
                return
        also = client
        sees = None if also is not None and a.thing is not None and a.thing.ungrouped else a.peer
        if not self.guards.group(trial, b, sees or (also or a.peer), a.name, inward=True, explain=explain, also=also if sees else None):
            return
        if start.urn != end.urn:
            back = self.walks.walk(end.table, end, start.block, start.zone or "")
            forward = self.walks.walk(start.table, start, end.block, start.zone or "")
            if trial.follow(back, "the answer: ") and self.walks.symmetric(trial, forward, back):
                self.guards.borders(trial, (*back.subnets, start), end.block, start.block, reply=True, explain=explain)

    def _outward(self, trial: Trial, a: Place, b: Place, explain: bool) -> None:
        """From a thing to the internet, or to one of AWS's services by its gateway endpoint."""
        start = a.standing
        if not self.guards.group(trial, a, b.peer, b.name, inward=False, explain=explain):
            return
        services = dict(start.table.gateway_services) if start.table is not None else {}
        if b.name in services:
            endpoint = services[b.name]
            if self.guards.border(trial, start, True, None, reply=False, outside=True, explain=explain):
                trial.hops.append(
                    Hop("gateway", f"gateway endpoint {endpoint.name} on {start.table.name if start.table else ''}", endpoint.path)
                )
                self.guards.border(trial, start, False, None, reply=True, outside=True, explain=explain)
            return
        way = self.walks.out(start, a.thing.public if a.thing is not None else False, start.zone or "")
        if not trial.follow(way):
            return
        trial.hops.extend(way.hops if explain else ())
        self._policy(trial, way, explain)
        if not trial.open.maybe:
            return
        if not self.guards.borders(trial, way.subnets, start.block, None, far_outside=True, explain=explain):
            return
        last = way.subnets[-1]
        if not self.guards.border(trial, last, True, None, reply=False, outside=True, explain=explain):
            return
        if not self.guards.border(trial, last, False, None, reply=True, outside=True, explain=explain):
            return
        # The answer comes to the NAT gateway, or to the thing's own public address through the internet gateway's table.
        edge = self.network.edge_tables.get(start.vpc)
        if way.nat is not None:
            back = self.walks.walk(last.table, last, start.block, start.zone or "")
        elif edge is not None:
            back = self.walks.walk(edge, None, start.block, start.zone or "")
        else:
            back = Way(True, "", (start,))
        if trial.follow(back, "the answer: ") and self.walks.symmetric(trial, way, back):
            self.guards.borders(trial, (*back.subnets, start), None, start.block, reply=True, near_outside=True, explain=explain)
        _ipv6(trial, start)

    def _inward(self, trial: Trial, a: Place, b: Place, explain: bool) -> None:
        """From the internet or CloudFront to a thing with a public address."""
        end = b.standing
        thing = b.thing
        if a.name not in (INTERNET, CLOUDFRONT):
            trial.end(f"{a.name} opens no connections")
            return
        if thing is None or thing.public is False:
            if thing is not None and end.ipv6 and end.table is not None and end.table.ipv6_out:
                trial.doubt(f"{end.name} has IPv6 and a route to an internet gateway, which this proof does not follow")
            else:
                trial.end(f"{b.thing.resource.name if b.thing else b.name} has no public address")
                return
        elif thing.public is None:
            trial.doubt(f"nobody can know yet whether {thing.resource.name} has a public address")
        out = self.walks.out(end, True, end.zone or "")
        if out.nat is not None:
            trial.end(f"the answer of {b.label} would leave through NAT gateway {out.nat.name}, not by the way that the request came")
            return
        if not trial.follow(out, "the answer: "):
            return
        edge = self.network.edge_tables.get(end.vpc)
        way = self.walks.walk(edge, None, end.block, end.zone or "") if edge is not None else Way(True)
        if not trial.follow(way) or not self.walks.symmetric(trial, way, out):
            return
        if explain:
            gateway = next((hop for hop in out.hops if hop.kind == "gateway"), None)
            trial.hops.extend([*(() if gateway is None else (gateway,)), *way.hops])
        if not self.guards.borders(trial, (*way.subnets, end), None, end.block, near_outside=True, explain=explain):
            return
        first = way.subnets[0] if way.subnets else end
        if not self.guards.border(trial, first, False, None, reply=False, outside=True, explain=explain):
            return
        if not self.guards.group(trial, b, a.peer, a.name, inward=True, explain=explain):
            return
        if self.guards.borders(trial, out.subnets, end.block, None, reply=True, far_outside=True, explain=explain):
            self.guards.border(trial, out.subnets[-1], True, None, reply=True, outside=True, explain=explain)
            trial.hops.extend([hop for hop in out.hops if hop.kind == "route"] if explain else ())

    def symmetry(self, subnet: Subnet) -> str:
        """Why requests from a subnet to the internet and their answers do not cross the same firewall endpoint; empty if they do.

        A subnet without a way out has nothing to answer.
        """
        way = self.walks.out(subnet, False, subnet.zone or "")
        if not way.arrives or way.nat is None:
            return ""
        last = way.subnets[-1]
        trial = Trial(exactly(ALL_PORTS))
        back = self.walks.walk(last.table, last, subnet.block, subnet.zone or "")
        if back.arrives:
            self.walks.symmetric(trial, way, back)
        return trial.ended

    def _policy(self, trial: Trial, way: Way, explain: bool, *, inside: bool = False) -> None:
        """What the firewalls on the way let out to anybody at all."""
        for urn, zone in dict.fromkeys(way.firewalls):
            firewall = self.network.inventory[urn]
            passes = exactly(ALL_PORTS) if inside else self.let_out()
            asked = trial.open.maybe
            if not trial.through(
                passes, lambda asked=asked, name=firewall.name: f"firewall {name} lets none of {ports_text(asked)} out to any host"
            ):
                return
            if explain:
                where = f" in {zone}" if zone else ""
                ports = (
                    ""
                    if inside
                    else f" lets {ports_text(trial.open.maybe)} out to the hosts on its list (`nautilus egress check HOST:PORT`)"
                )
                trial.hops.append(Hop("firewall", f"{firewall.name}{where}{ports}", firewall.path))

    def let_out(self) -> Open:
        """The ports on which the firewalls let anything out, to whatever host; every port perhaps, where their rules cannot be read."""
        if self._let_out is None:
            try:
                # Suricata counts port 0, which no connection has.
                self._let_out = exactly(meet(join(open_ports(self.network.inventory)), ALL_PORTS))
            except FirewallError:
                self._let_out = Open(NO_PORTS, ALL_PORTS)
        return self._let_out


def _ipv6(trial: Trial, subnet: Subnet) -> None:
    if trial.ended and subnet.ipv6 and subnet.table is not None and subnet.table.ipv6_out:
        trial.ended = ""
        trial.open = Open(NO_PORTS, ALL_PORTS)
        trial.doubts.append(f"{subnet.name} has IPv6 and a route to an internet gateway, which this proof does not follow")
