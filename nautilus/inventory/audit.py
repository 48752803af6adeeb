"""What is wrong with a planned network, whoever made it: holes, bypasses and shapes that AWS does not support."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

from nautilus.inventory.addresses import CLOUDFRONT_LIST, STRANGE_LIST, is_public
from nautilus.inventory.firewall import verdict
from nautilus.inventory.names import INTERNET
from nautilus.inventory.network import Goal, Network, Permission, Thing, read
from nautilus.inventory.ports import Ports, join, meet, ports_text
from nautilus.inventory.reach import Answer, Prover
from nautilus.inventory.records import PROVIDER_PREFIX, Inventory, PlannedResource
from nautilus.inventory.suricata import FirewallError
from nautilus.inventory.tokens import (
    BALANCER,
    CERTIFICATES,
    DEFAULT_NACL,
    DEFAULT_ROUTE_TABLE,
    DISTRIBUTION,
    GROUPS,
    NACL,
    NACL_RULE,
    ROUTE,
    ROUTE_TABLE,
)
from nautilus.inventory.values import at, given, is_unknown

DATA_PORTS: Final[Ports] = join(*(((port, port),) for port in (2049, 2379, 2380, 5432, 5433, 6379, 8008)))
"""NFS, etcd, PostgreSQL and its reader, Redis, Patroni: ports of what holds data."""

DATA_ROLES: Final = ("postgres", "timescale", "cache", "session-files")
CANARIES: Final = (("canary.invalid", 443, "tcp"), ("192.0.2.1", 22, "tcp"), ("192.0.2.1", 53, "udp"))
"""Destinations that no allow-list names: a reserved name (RFC 6761) and a documentation address (RFC 5737)."""
CDN_REGION: Final = "us-east-1"
"""The region whose certificates CloudFront takes (CloudFront developer guide)."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: a stable code, what it is about (a resource's path), and the sentence with its remedy."""

    code: str
    resource: str
    message: str

    def as_document(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"code": self.code, "resource": self.resource, "message": self.message}


def findings(inventory: Inventory) -> list[Finding]:
    """Everything that is wrong with the network of an inventory, sorted; empty when nothing is.

    Codes: `data-reached`, `data-public`, `data-route`, `data-port-open`, `data-nacl`, `firewall-bypassed`, `firewall-zone`,
    `firewall-asymmetric`, `firewall-open`, `balancer-zones`, `mixed-rules`, `certificate-region`, `address-given`.
    """
    auditor = _Auditor(read(inventory))
    return sorted(set(auditor.all()))


class _Auditor:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.prover = Prover(network)
        placed: dict[str, list[Thing]] = {}
        for thing in network.things:
            for subnet in thing.subnets:
                placed.setdefault(subnet.urn, []).append(thing)
        self.data = [
            subnet for subnet in network.subnets.values() if subnet.tier == "data" or any(t.holds_data for t in placed.get(subnet.urn, ()))
        ]
        mine = {subnet.urn for subnet in self.data}
        # TimescaleDB's nodes hold data in app subnets, because they are machines that call AWS's APIs.
        self.holding = [
            subnet
            for subnet in network.subnets.values()
            if subnet.urn in mine or any(thing.role in DATA_ROLES for thing in placed.get(subnet.urn, ()))
        ]
        self.app = [
            subnet
            for subnet in network.subnets.values()
            if subnet.urn not in mine
            and (subnet.tier == "app" or any(thing.resource.type not in BALANCER for thing in placed.get(subnet.urn, ())))
        ]

    def all(self) -> Iterator[Finding]:
        yield from self._reached()
        yield from self._public()
        yield from self._routes()
        yield from self._firewall()
        yield from self._nacls()
        yield from self._ports()
        yield from self._balancers()
        yield from self._mixed()
        yield from self._certificates()

    def _path(self, urn: str) -> str:
        found = self.network.inventory.get(urn)
        return found.path if found is not None else urn

    def _reached(self) -> Iterator[Finding]:
        for role in DATA_ROLES:
            if not self.network.of_role(role):
                continue
            proof = self.prover.prove(INTERNET, role)
            if proof.answer is Answer.YES:
                last = next((hop.resource for hop in reversed(proof.hops) if hop.resource), role)
                route = "straight" if proof.kind == "direct" else "through a load balancer"
                yield Finding(
                    "data-reached", last, f"the internet reaches {role} {route} on {proof.path_port}: nautilus reach internet {role}"
                )

    def _public(self) -> Iterator[Finding]:
        for thing in self.network.things:
            if (thing.holds_data or thing.role in DATA_ROLES) and thing.public:
                yield Finding("data-public", thing.resource.path, f"{thing.role} has a public address: turn it off")
        for subnet in (*self.app, *self.data):
            if subnet.gives_addresses and not subnet.foreign:
                yield Finding("address-given", self._path(subnet.urn), "what starts there gets a public address: mapPublicIpOnLaunch false")

    def _routes(self) -> Iterator[Finding]:
        for subnet in self.data:
            for route in subnet.table.outward if subnet.table else ():
                if route.goal in (Goal.INTERNET, Goal.NAT, Goal.FIREWALL) and route.resource is not None:
                    text = f"data subnet {subnet.name} has a route out, {route.title}: data subnets lead nowhere"
                    yield Finding("data-route", route.resource.path, text)

    def _firewall(self) -> Iterator[Finding]:
        if not self.network.firewalled:
            return
        for subnet in self.app:
            for route in subnet.table.outward if subnet.table else ():
                if route.goal in (Goal.INTERNET, Goal.NAT) and route.resource is not None:
                    text = f"app subnet {subnet.name} goes round the firewall: {route.title}"
                    yield Finding("firewall-bypassed", route.resource.path, text)
                elif route.goal is Goal.FIREWALL and route.zone and subnet.zone and route.zone != subnet.zone and route.resource:
                    text = (
                        f"app subnet {subnet.name} of {subnet.zone} uses the firewall's endpoint of {route.zone}: lead it to its own zone's"
                    )
                    yield Finding("firewall-zone", route.resource.path, text)
            # What leaves through the firewall must come back through the same endpoint.
            attempt = self.prover.symmetry(subnet)
            if attempt:
                yield Finding("firewall-asymmetric", self._path(subnet.urn), attempt)
        yield from self._returns()
        yield from self._canaries()

    def _canaries(self) -> Iterator[Finding]:
        """Destinations that no list names do not leave unseen: refused, or at least logged while the firewall only watches."""
        for host, port, protocol in CANARIES:
            try:
                found = verdict(self.network.inventory, host, port, protocol)
            except FirewallError:
                return  # a proof that needs the rules says that it cannot tell
            if found.allowed and not found.logged:
                text = f"{found.rule} lets {host}:{port}/{protocol} out, which nobody listed: name hosts or networks in the rule"
                yield Finding("firewall-open", found.group or "the firewall's default action", text)

    def _returns(self) -> Iterator[Finding]:
        """Return routes towards an app subnet lead to the endpoint of that subnet's zone."""
        by_block = {subnet.block: subnet for subnet in self.app if subnet.block is not None}
        tables = {subnet.table.urn: subnet.table for subnet in self.network.subnets.values() if subnet.table}
        for table in tables.values():
            for route in table.routes:
                home = by_block.get(route.destination) if isinstance(route.destination, IPv4Network) else None
                if home is not None and route.goal is Goal.FIREWALL and route.zone and home.zone != route.zone and route.resource:
                    text = f"answers to {home.name} of {home.zone} return over the firewall's endpoint of {route.zone}: use its own zone's"
                    yield Finding("firewall-zone", route.resource.path, text)

    def _nacls(self) -> Iterator[Finding]:
        for subnet in self.holding:
            if subnet.nacl is None:
                continue
            open_ports = meet(self.prover.nacl(subnet, egress=False).sure, DATA_PORTS)
            if open_ports:
                path = self._path(subnet.nacl.urn) if subnet.nacl.urn else self._path(subnet.urn)
                text = f"{subnet.nacl.name} lets the internet into {subnet.name}, where data stands, on {ports_text(open_ports)}: admit the VPC alone"
                yield Finding("data-nacl", path, text)

    def _ports(self) -> Iterator[Finding]:
        for rules in self.network.permissions.values():
            for rule in rules:
                reached = meet(rule.ports, DATA_PORTS)
                if rule.inward and reached and (who := self._outsiders(rule)):
                    text = f"{rule.title} opens {ports_text(reached)} to {who}: data is for security groups of ours alone"
                    yield Finding("data-port-open", rule.resource.path, text)

    def _outsiders(self, rule: Permission) -> str:
        """Whom outside of the VPC a rule lets in; empty for nobody."""
        found = [str(block) for block in rule.blocks if is_public(block)]
        found += [block for block in rule.ipv6 if not block.lower().startswith(("fc", "fd", "fe8"))]
        found += [name for name in sorted(rule.lists) if name in (CLOUDFRONT_LIST, STRANGE_LIST)]
        found += [str(block) for name in rule.lists for block in self.network.prefix_lists.get(name, ()) if is_public(block)]
        return ", ".join(found)

    def _balancers(self) -> Iterator[Finding]:
        for thing in self.network.things:
            if thing.resource.type not in BALANCER or thing.resource.inputs.get("loadBalancerType", "application") != "application":
                continue
            zones = {subnet.zone or subnet.urn for subnet in thing.subnets}
            if len(zones) < 2:
                where = ", ".join(sorted(zones)) or "no zone"
                text = f"load balancer {thing.resource.name} stands in {where}: an application load balancer needs two zones"
                yield Finding("balancer-zones", thing.resource.path, text)

    def _mixed(self) -> Iterator[Finding]:
        """Inline and standalone rules of one thing: each `up` removes the other kind's (provider documentation of each type)."""
        inventory, references = self.network.inventory, self.network.references
        for urn, rules in self.network.permissions.items():
            kinds = {rule.resource.type in GROUPS for rule in rules}
            if len(kinds) == 2:
                yield Finding("mixed-rules", self._path(urn), f"{inventory[urn].name} has inline and standalone rules: keep one kind")
        for carriers, owner_types, prop, inline in (
            ((ROUTE,), (ROUTE_TABLE, DEFAULT_ROUTE_TABLE), "routeTableId", ("routes",)),
            ((NACL_RULE,), (NACL, DEFAULT_NACL), "networkAclId", ("ingress", "egress")),
        ):
            apart = {owner for item in inventory.of_type(*carriers) for owner in references.of(item, prop, *owner_types).urns}
            for owner in inventory.of_type(*owner_types):
                if owner.urn in apart and any(given(owner.inputs.get(key)) for key in inline):
                    yield Finding("mixed-rules", owner.path, f"{owner.name} has inline and standalone entries: keep one kind")

    def _certificates(self) -> Iterator[Finding]:
        for distribution in self.network.inventory.of_type(DISTRIBUTION):
            region = self._certificate_region(distribution)
            if region and region != CDN_REGION:
                text = f"its certificate is of {region}: CloudFront takes those of {CDN_REGION} alone"
                yield Finding("certificate-region", distribution.path, text)

    def _certificate_region(self, distribution: PlannedResource) -> str:
        """Region of a distribution's certificate; empty where it has none or nobody can tell."""
        arn = at(distribution.inputs, "viewerCertificate.acmCertificateArn")
        if isinstance(arn, str) and not is_unknown(arn) and arn.count(":") >= 5:
            return arn.split(":")[3]
        source = self.network.references.of(distribution, "viewerCertificate.acmCertificateArn", *CERTIFICATES).first
        if source is None:
            return ""
        if given(region := source.inputs.get("region")) and not is_unknown(region):
            return str(region)
        provider = self.network.inventory.get(source.provider.rpartition("::")[0])
        region = provider.inputs.get("region") if provider is not None and provider.type.startswith(PROVIDER_PREFIX) else None
        return region if isinstance(region, str) and not is_unknown(region) else ""
