"""What security groups let in, and the graph of who can reach whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise

from policies.resources import Resource, Stack
from policies.tokens import (
    DATA_STORES,
    DEFAULT_SECURITY_GROUP,
    DEFAULT_VPC,
    EGRESS_RULE,
    GROUPS,
    INGRESS_RULE,
    INGRESS_SOURCES,
    LOAD_BALANCERS,
    PLACEMENTS,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNETS,
    VPC,
)
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, items, texts

ADMIN_PORTS: Mapping[int, str] = {
    22: "SSH",
    23: "telnet",
    135: "Windows RPC",
    445: "SMB",
    2375: "Docker",
    2376: "Docker",
    3389: "remote desktop",
    5900: "VNC",
    5901: "VNC",
    5985: "WinRM",
    5986: "WinRM",
    6443: "Kubernetes",
    10250: "kubelet",
}
"""Ports through which machines are administered (Security Hub EC2.19; the VNC of the IB Gateway image)."""

DATABASE_PORTS: Mapping[int, str] = {
    1433: "SQL Server",
    1521: "Oracle",
    2049: "NFS",
    2379: "etcd",
    2380: "etcd",
    3306: "MySQL",
    5432: "PostgreSQL",
    5433: "PostgreSQL",
    5439: "Redshift",
    6379: "Redis",
    6380: "Redis",
    6432: "PgBouncer",
    8008: "Patroni",
    9042: "Cassandra",
    9200: "OpenSearch",
    9300: "OpenSearch",
    11211: "memcached",
    27017: "MongoDB",
}
"""Ports of what holds data (Security Hub EC2.19)."""

DATA_PORTS: Mapping[int, str] = {
    **DATABASE_PORTS,
    4001: "IB Gateway",
    4002: "IB Gateway",
    4003: "IB Gateway",
    4004: "IB Gateway",
    7496: "Trader Workstation",
    7497: "Trader Workstation",
    9092: "Kafka",
}
"""The same, and the interfaces that carry orders without a password."""

_ALL = (0, 65535)
_WITH_PORTS = frozenset({"tcp", "udp", "6", "17"})
_WORLD_BITS = {4: 8, 6: 32}
"""Prefixes shorter than this are the world: two halves of the internet are as open as the whole."""

# The ranges that no router of the internet carries (RFC 1918, 6598, 3927, 4193, 4291). Python's `is_private` also counts ranges that are
# reserved for documentation, and whether 0.0.0.0/0 is private has changed between its releases.
_PRIVATE_4 = tuple(
    IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
_PRIVATE_6 = tuple(IPv6Network(block) for block in ("fc00::/7", "fe80::/10", "::1/128"))


@dataclass(frozen=True)
class Permission:
    """One ingress permission: who may come in on which ports."""

    prop: str
    """The input that it stands in, for messages."""
    ports: tuple[int, int] | Gap
    """First and last port. Every port for every protocol; `ABSENT` for a protocol without ports; `UNKNOWN`."""
    cidrs: tuple[tuple[str, Value], ...]
    """Address blocks, each with the input that holds it."""
    prefix_lists: tuple[tuple[str, Value], ...]
    groups: tuple[tuple[str, Value], ...]
    itself: bool
    """Whether members of the group reach each other."""

    def opens(self, ports: Mapping[int, str]) -> list[str]:
        """Which of `ports` are inside, each as number and name."""
        if isinstance(self.ports, Gap):
            return []
        first, last = self.ports
        return [f"{port} ({name})" for port, name in ports.items() if first <= port <= last]


def permissions(resource: Resource) -> list[Permission]:
    """The ingress permissions that a security group or a standalone rule declares."""
    if resource.type in GROUPS:
        listed = items(resource.get("ingress"))
        return [
            _permission("ingress", item, ("cidrBlocks", "ipv6CidrBlocks"), ("prefixListIds",), ("securityGroups",), "protocol", "ingress")
            for item in listed
        ]
    if resource.type == SECURITY_GROUP_RULE:
        if resource.get("type") == "egress":
            return []
        whole: Value = dict(resource.inputs.values)
        return [_permission("", whole, ("cidrBlocks", "ipv6CidrBlocks"), ("prefixListIds",), ("sourceSecurityGroupId",), "protocol", "")]
    if resource.type == INGRESS_RULE:
        whole = dict(resource.inputs.values)
        return [_permission("", whole, ("cidrIpv4", "cidrIpv6"), ("prefixListId",), ("referencedSecurityGroupId",), "ipProtocol", "")]
    return []


def egress_permissions(resource: Resource) -> list[Permission]:
    """The egress permissions that a security group or a standalone rule declares: who may be reached on which ports."""
    if resource.type in GROUPS:
        listed = items(resource.get("egress"))
        return [
            _permission("egress", item, ("cidrBlocks", "ipv6CidrBlocks"), ("prefixListIds",), ("securityGroups",), "protocol", "egress")
            for item in listed
        ]
    whole: Value = dict(resource.inputs.values)
    if resource.type == SECURITY_GROUP_RULE and resource.get("type") == "egress":
        return [_permission("", whole, ("cidrBlocks", "ipv6CidrBlocks"), ("prefixListIds",), ("sourceSecurityGroupId",), "protocol", "")]
    if resource.type == EGRESS_RULE:
        return [_permission("", whole, ("cidrIpv4", "cidrIpv6"), ("prefixListId",), ("referencedSecurityGroupId",), "ipProtocol", "")]
    return []


def _permission(
    prop: str,
    item: Value,
    cidrs: tuple[str, ...],
    prefix_lists: tuple[str, ...],
    groups: tuple[str, ...],
    protocol: str,
    root: str,
) -> Permission:
    def gather(keys: tuple[str, ...]) -> tuple[tuple[str, Value], ...]:
        if isinstance(item, Gap):
            return ()
        return tuple((root or key, value) for key in keys for value in items(descend(item, key)))

    if item is UNKNOWN:
        return Permission(prop, UNKNOWN, ((root, UNKNOWN),), (), (), False)
    ports = _ports(descend(item, protocol), descend(item, "fromPort"), descend(item, "toPort"))
    itself = descend(item, "self")
    return Permission(prop or protocol, ports, gather(cidrs), gather(prefix_lists), gather(groups), itself is True)


def _ports(protocol: Value, first: Value, last: Value) -> tuple[int, int] | Gap:
    if protocol is UNKNOWN:
        return UNKNOWN
    name = str(protocol).lower() if not isinstance(protocol, Gap) else "-1"
    if name in ("-1", "all"):
        return _ALL
    if name not in _WITH_PORTS:
        return ABSENT
    if first is UNKNOWN or last is UNKNOWN:
        return UNKNOWN
    if first is ABSENT or last is ABSENT:
        return _ALL
    try:
        bounds = int(str(first)), int(str(last))
    except ValueError:
        return UNKNOWN
    return _ALL if bounds[0] == -1 else bounds


def network_of(cidr: Value) -> IPv4Network | IPv6Network | None:
    """The address block in a CIDR; `None` where the text is none."""
    if not isinstance(cidr, str):
        return None
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None


def is_world(cidr: str) -> bool:
    """Whether a CIDR is the whole internet or a large part of it."""
    network = network_of(cidr)
    return network is not None and network.prefixlen < _WORLD_BITS[network.version] and is_outside(cidr)


def is_outside(cidr: str) -> bool:
    """Whether a CIDR holds addresses that are not private: somebody out there, however few."""
    network = network_of(cidr)
    if isinstance(network, IPv4Network):
        return not any(network.subnet_of(block) for block in _PRIVATE_4)
    return network is not None and not any(network.subnet_of(block) for block in _PRIVATE_6)


WORLD = "the internet"


@dataclass
class Reach:
    """Who can open a connection to whose security group. Built from every ingress permission of the stack."""

    edges: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Group URN → source (a group URN or `WORLD`) → ports, for messages."""
    puzzles: dict[str, list[tuple[Resource, str]]] = field(default_factory=dict[str, list[tuple[Resource, str]]])
    """Group URN → permissions whose source cannot be told: the resource and its input."""
    edge: set[str] = field(default_factory=set[str])
    """Groups of load balancers that face the internet."""
    data: dict[str, str] = field(default_factory=dict[str, str])
    """Groups of what holds data → why."""
    names: dict[str, str] = field(default_factory=dict[str, str])

    def name(self, node: str) -> str:
        """How messages call a node."""
        return self.names.get(node, node)

    def breaches(self) -> Iterator[tuple[str, str]]:
        """Each data group that the world reaches other than through a load balancer and then an application: the group and the path."""
        for target in self.data:
            for path in self._bad_paths(target):
                yield target, self._drawn([*path])

    def behind(self, target: str) -> set[str]:
        """The groups from which a data group is reached, itself included, load balancers excluded."""
        seen = {target}
        queue = deque([target])
        while queue:
            for source in self.edges.get(queue.popleft(), {}):
                if source != WORLD and source not in seen and source not in self.edge:
                    seen.add(source)
                    queue.append(source)
        return seen

    def _bad_paths(self, target: str) -> Iterator[list[str]]:
        seen = {target}
        queue: deque[list[str]] = deque([[target]])
        while queue:
            path = queue.popleft()
            head = path[0]
            for source in sorted(self.edges.get(head, {})):
                if source == WORLD:
                    yield [WORLD, *path]
                elif source in self.edge:
                    # A load balancer may talk to applications; straight to data it makes the world a client of the database.
                    if head in self.data:
                        yield [WORLD, source, *path] if WORLD in self.edges.get(source, {}) else [source, *path]
                elif source not in seen and source not in self.data:
                    # Another data group answers for its own visitors.
                    seen.add(source)
                    queue.append([source, *path])

    def _drawn(self, path: list[str]) -> str:
        text = self.name(path[0])
        for source, target in pairwise(path):
            text += f" —{self.edges[target][source]}→ {self.name(target)}"
        return text


def reach(stack: Stack) -> Reach:
    """The graph of the stack's security groups: an edge for each permission, the world as one node.

    A private address block stands for every group that is placed in a subnet it overlaps; one that nothing of the stack explains is a
    puzzle at its target, not a hole.
    """
    graph = Reach(names={group.urn: group.name for group in stack.of(*GROUPS)})
    for balancer in stack.of(*LOAD_BALANCERS):
        if balancer.flag("internal", default=False) is not True:
            graph.edge |= {group.urn for group in balancer.sources("securityGroups", *GROUPS)}
    for type_, prop in DATA_STORES.items():
        for store in stack.of(type_):
            for group in store.sources(prop, *GROUPS):
                graph.data.setdefault(group.urn, f"{store.name} is in it")
    placed = _placed(stack)
    for carrier in stack.of(*INGRESS_SOURCES):
        for permission in permissions(carrier):
            targets = [carrier] if carrier.type in GROUPS else list(carrier.sources("securityGroupId", *GROUPS))
            for target in targets:
                _connect(graph, placed, carrier, permission, target)
    return graph


def _connect(graph: Reach, placed: dict[str, set[str]], carrier: Resource, permission: Permission, target: Resource) -> None:
    ports = _label(permission)
    named = permission.opens(DATABASE_PORTS)
    # A group that opens a database's own port holds data, whatever runs in it; one that opens everything is judged by what is in it.
    if named and permission.ports != _ALL and target.urn not in graph.edge:
        graph.data.setdefault(target.urn, f"it opens {named[0]}")
    into = graph.edges.setdefault(target.urn, {})

    def admit(source: str) -> None:
        known = into.get(source)
        into[source] = ports if known is None else known if ports in known.split(", ") else f"{known}, {ports}"

    if permission.itself:
        admit(target.urn)
    for _, value in permission.prefix_lists:
        if value is not ABSENT:
            # AWS's own lists (CloudFront) and others alike: addresses outside the platform.
            admit(WORLD)
    for prop, value in permission.groups:
        sources = _groups(carrier, prop, value)
        for source in sources:
            admit(source.urn)
        if not sources:
            graph.puzzles.setdefault(target.urn, []).append((carrier, prop))
    for prop, value in permission.cidrs:
        if value is UNKNOWN:
            sources = carrier.sources(prop, *SUBNETS, VPC, DEFAULT_VPC)
            if sources:
                for source in sources:
                    for group in placed.get(source.urn, set()) - {target.urn}:
                        admit(group)
            else:
                graph.puzzles.setdefault(target.urn, []).append((carrier, prop))
        elif isinstance(value, str) and is_outside(value):
            admit(WORLD)
        elif isinstance(value, str):
            for group in _inside(placed, carrier, value) - {target.urn}:
                admit(group)


def _groups(carrier: Resource, prop: str, value: Value) -> list[Resource]:
    words = texts(value)
    found = list(carrier.sources(prop, *GROUPS))
    if carrier.type in GROUPS and carrier in found and words and carrier.identities.isdisjoint(words):
        found.remove(carrier)
    return found


def _placed(stack: Stack) -> dict[str, set[str]]:
    """Subnet and VPC URNs → the security groups that are placed there."""
    placed: dict[str, set[str]] = {}
    for type_, (groups_prop, subnets_prop) in PLACEMENTS.items():
        for holder in stack.of(type_):
            groups = {group.urn for group in holder.sources(groups_prop, SECURITY_GROUP, DEFAULT_SECURITY_GROUP)}
            for subnet in holder.sources(subnets_prop, *SUBNETS):
                placed.setdefault(subnet.urn, set()).update(groups)
                for vpc in subnet.sources("vpcId", VPC, DEFAULT_VPC):
                    placed.setdefault(vpc.urn, set()).update(groups)
    return placed


def _inside(placed: dict[str, set[str]], carrier: Resource, cidr: str) -> set[str]:
    network = network_of(cidr)
    if network is None or carrier.stack is None:
        return set()
    found: set[str] = set()
    for subnet in carrier.stack.of(*SUBNETS):
        block = network_of(subnet.get("cidrBlock"))
        # A subnet whose block is unknown may be inside: assume so.
        if block is None or (block.version == network.version and block.overlaps(network)):
            found |= placed.get(subnet.urn, set())
    return found


def _label(permission: Permission) -> str:
    if isinstance(permission.ports, Gap):
        return "unknown ports" if permission.ports is UNKNOWN else "no ports"
    first, last = permission.ports
    if (first, last) == _ALL:
        return "all ports"
    return str(first) if first == last else f"{first}–{last}"
