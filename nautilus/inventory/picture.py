"""The network as a Mermaid flow chart: zones, tiers with what stands in them, and the way that traffic takes in and out."""

from __future__ import annotations

import re
from typing import Final

from nautilus.inventory.matrix import matrix
from nautilus.inventory.names import in_order
from nautilus.inventory.network import Goal, Network, Route, Subnet, Thing
from nautilus.inventory.ports import Ports, join, ports_text
from nautilus.inventory.tokens import BALANCER

_TIERS: Final = ("public", "nat", "firewall", "app", "data")
"""Tiers in the order in which traffic from outside meets them."""

_STYLES: Final = (
    "classDef outside fill:#f5f5f5,stroke:#616161,color:#212121",
    "classDef public fill:#fff3e0,stroke:#e65100,color:#212121",
    "classDef nat fill:#fffde7,stroke:#f9a825,color:#212121",
    "classDef firewall fill:#ffebee,stroke:#c62828,color:#212121",
    "classDef app fill:#e3f2fd,stroke:#1565c0,color:#212121",
    "classDef data fill:#e8f5e9,stroke:#2e7d32,color:#212121",
)

_ASIDE: Final = "&emsp;" * 12
"""Moves a box's title aside of the arrow that comes in at the middle of its top."""


class _Painter:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.held: dict[str, list[Thing]] = {}
        for thing in network.things:
            for subnet in thing.subnets:
                self.held.setdefault(subnet.urn, []).append(thing)
        self.nats = {subnet.urn: network.inventory[urn].name for urn, subnet in network.nat_subnets.items()}
        self.firewalls = {subnet.urn for subnets in network.firewall_subnets.values() for subnet in subnets}
        self.edges: dict[tuple[str, str, str], str] = {}

    def paint(self, title: str) -> str:
        """The whole chart: from the outside down to the data, and on out over firewall and NAT."""
        subnets = sorted(self.network.subnets.values(), key=lambda subnet: (subnet.zone or "", self._rank(subnet), subnet.name))
        zones = sorted({subnet.zone or "" for subnet in subnets})
        lines = ["---", f"title: {title}", "---", "flowchart TB"]
        lines.append('    clients(["internet: clients"]):::outside')
        if self.network.distributions:
            lines.append('    cloudfront["CloudFront"]:::outside')
            self.edges["clients", "cloudfront", "443"] = "-->"
        lines.append(f'    subgraph vpc["VPC{_ASIDE}"]')
        for zone in zones:
            lines.append(f'        subgraph {_id("zone", zone)}["{zone or "zone unknown"}{_ASIDE}"]')
            for subnet in subnets:
                if (subnet.zone or "") == zone:
                    lines.append(f"            {self._box(subnet)}")
                    self._routes(subnet)
            lines.append("        end")
        lines.append("    end")
        self._origins()
        self._stores(subnets)
        if any(target == "world" for _, target, _ in self.edges):
            lines.append('    world(["internet: brokers, exchanges, services"]):::outside')
        lines += [
            f"    {source} {arrow}{f'|{text}|' if text else ''} {target}" for (source, target, text), arrow in sorted(self.edges.items())
        ]
        lines += [f"    {style}" for style in _STYLES]
        lines.append("    style vpc fill:#fafafa,stroke:#9e9e9e,color:#212121")
        lines += [f"    style {_id('zone', zone)} fill:#ffffff,stroke:#bdbdbd,color:#212121,stroke-dasharray:4" for zone in zones]
        return "\n".join(lines) + "\n"

    def _rank(self, subnet: Subnet) -> int:
        tier = self._tier(subnet)
        return _TIERS.index(tier) if tier in _TIERS else len(_TIERS)

    def _tier(self, subnet: Subnet) -> str:
        """Its tag, else what it is used for."""
        if subnet.tier:
            return subnet.tier
        if subnet.urn in self.firewalls:
            return "firewall"
        if subnet.urn in self.nats:
            return "nat"
        if any(thing.holds_data for thing in self.held.get(subnet.urn, ())):
            return "data"
        return "public" if self._leads(subnet, Goal.INTERNET) else "app"

    def _leads(self, subnet: Subnet, goal: Goal) -> bool:
        return any(route.goal is goal for route in (subnet.table.outward if subnet.table else ()))

    def _box(self, subnet: Subnet) -> str:
        roles = in_order(thing.role for thing in self.held.get(subnet.urn, ()))
        rows = [f"{self._tier(subnet)} {subnet.block or subnet.name}"]
        rows += [", ".join(roles[start : start + 2]) for start in range(0, len(roles), 2)]
        rows += ["firewall endpoint"] if subnet.urn in self.firewalls else []
        rows += ["NAT gateway"] if subnet.urn in self.nats else []
        services = [service for service, _ in subnet.table.gateway_services] if subnet.table else []
        rows += [f"<i>endpoint: {', '.join(services)}</i>"] if services else []
        style = self._tier(subnet) if self._tier(subnet) in _TIERS else "app"
        return f'{_id("net", subnet.name)}["{"<br/>".join(rows)}"]:::{style}'

    def _routes(self, subnet: Subnet) -> None:
        """Arrows along the routes: to the internet, back through the firewall, and to the gateway endpoints."""
        here = _id("net", subnet.name)
        table = subnet.table
        if table is None:
            return
        for route in table.outward:
            # A public subnet's way out is the load balancer's way in, which is drawn from above.
            if route.goal is Goal.INTERNET and (subnet.urn in self.nats or self._tier(subnet) != "public"):
                self.edges[here, "world", "internet gateway" if self._tier(subnet) != "nat" else ""] = "-->"
            elif (target := self._goal(route, subnet)) is not None:
                self.edges[here, target, ""] = "-->"
        blocks = {other.block: other for other in self.network.subnets.values() if other.block is not None}
        for route in table.routes:
            home = blocks.get(route.destination) if route.destination is not None else None
            if home is not None and route.goal is Goal.FIREWALL and (target := self._goal(route, home)) is not None:
                self.edges[here, target, "answers"] = "-.->"

    def _goal(self, route: Route, subnet: Subnet) -> str | None:
        """The box that a route leads to; `subnet` tells the zone of a firewall endpoint that AWS has not named yet."""
        if route.target is None:
            return None
        if route.goal is Goal.NAT and (standing := self.network.nat_subnets.get(route.target.urn)) is not None:
            return _id("net", standing.name)
        if route.goal is Goal.FIREWALL:
            zone = route.zone or subnet.zone
            subnets = self.network.firewall_subnets.get(route.target.urn, ())
            return next((_id("net", one.name) for one in subnets if one.zone == zone), None)
        return None

    def _origins(self) -> None:
        """CloudFront's way to the load balancer, and the load balancer's to its services."""
        for origins in self.network.distributions.values():
            for origin in origins:
                for subnet in origin.thing.subnets:
                    self._append("cloudfront", _id("net", subnet.name), ports_text(origin.ports))
        for balancer in self.network.balancers.values():
            if balancer.thing.public is False or balancer.thing.resource.type not in BALANCER:
                continue
            ports = {
                (backend.thing.resource.urn, str(backend.ports[0][0]))
                for listener in balancer.listeners
                for backend in listener.backends
                if backend.ports
            }
            behind = {backend.thing.resource.urn: backend.thing for listener in balancer.listeners for backend in listener.backends}
            by_zone = {subnet.zone: subnet for subnet in balancer.thing.subnets}
            for urn, thing in behind.items():
                label = ", ".join(sorted(port for owner, port in ports if owner == urn))
                for subnet in thing.subnets:
                    start = by_zone.get(subnet.zone)
                    if start is not None:
                        self._append(_id("net", start.name), _id("net", subnet.name), label)

    def _stores(self, subnets: list[Subnet]) -> None:
        """What the security groups let through from the other tiers to the data tier, within a zone."""
        allowed: dict[tuple[str, str], Ports] = {}
        for item in matrix(self.network).allowed:
            pair = item.source, item.target
            allowed[pair] = join(allowed.get(pair, ()), item.ports)
        for store in subnets:
            if self._tier(store) != "data":
                continue
            targets = {thing.role for thing in self.held.get(store.urn, ())}
            for subnet in subnets:
                if subnet.zone != store.zone or subnet.urn == store.urn:
                    continue
                sources = {thing.role for thing in self.held.get(subnet.urn, ())}
                ports = join(*(spans for (one, two), spans in allowed.items() if one in sources and two in targets))
                if ports:
                    self.edges[_id("net", subnet.name), _id("net", store.name), ports_text(ports)] = "-->"

    def _append(self, source: str, target: str, label: str) -> None:
        """One arrow for several ports between the same boxes."""
        known = next((text for (a, b, text) in self.edges if (a, b) == (source, target) and text), None)
        if known is not None:
            arrow = self.edges.pop((source, target, known))
            label = ", ".join(sorted({*known.split(", "), *label.split(", ")}))
            self.edges[source, target, label] = arrow
        else:
            self.edges[source, target, label] = "-->"


def _id(*parts: str) -> str:
    return "_".join(re.sub(r"[^A-Za-z0-9]+", "_", part) or "x" for part in parts)


def picture(network: Network, title: str) -> str:
    """The network as a Mermaid flow chart. The same plan gives the same text."""
    return _Painter(network).paint(title)
