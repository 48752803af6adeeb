"""The network that a plan draws: subnets with their routes and NACLs, security groups, what stands where, and what forwards.

Read from types and properties alone, so it says what AWS would do with the plan, not what the program meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from typing import Any, Final, cast

from nautilus.inventory.ports import ALL_PORTS, NO_PORTS, Ports
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.references import References, Referred, at, given, is_unknown
from nautilus.inventory.values import UNKNOWN

VPC: Final = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
SUBNET: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
DEFAULT_ROUTE_TABLE: Final = "aws:ec2/defaultRouteTable:DefaultRouteTable"
ROUTE: Final = "aws:ec2/route:Route"
TABLE_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN_TABLE: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
NAT: Final = "aws:ec2/natGateway:NatGateway"
ADDRESS: Final = "aws:ec2/eip:Eip"
ADDRESS_ASSOCIATION: Final = "aws:ec2/eipAssociation:EipAssociation"
INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"
INTERFACE_ATTACHMENT: Final = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
INSTANCE: Final = "aws:ec2/instance:Instance"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
SCALING_GROUP: Final = "aws:autoscaling/group:Group"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
ENDPOINT_TABLE: Final = "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"
FIREWALL: Final = "aws:networkfirewall/firewall:Firewall"
NACL: Final = "aws:ec2/networkAcl:NetworkAcl"
NACL_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
NACL_ASSOCIATION: Final = "aws:ec2/networkAclAssociation:NetworkAclAssociation"
DEFAULT_NACL: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUPS: Final = (GROUP, DEFAULT_GROUP)
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
PREFIX_LIST: Final = "aws:ec2/managedPrefixList:ManagedPrefixList"
BALANCER: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
LISTENER: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
LISTENER_RULE: Final = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
TARGET_GROUP: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
TARGET_ATTACHMENT: Final = ("aws:lb/targetGroupAttachment:TargetGroupAttachment", "aws:alb/targetGroupAttachment:TargetGroupAttachment")
SERVICE: Final = "aws:ecs/service:Service"
DATABASE: Final = "aws:rds/instance:Instance"
DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
DATABASE_PROXY: Final = "aws:rds/proxy:Proxy"
DATABASE_SUBNETS: Final = "aws:rds/subnetGroup:SubnetGroup"
CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
CACHE_CLUSTER: Final = "aws:elasticache/cluster:Cluster"
CACHE_SERVERLESS: Final = "aws:elasticache/serverlessCache:ServerlessCache"
CACHE_SUBNETS: Final = "aws:elasticache/subnetGroup:SubnetGroup"
MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
FUNCTION: Final = "aws:lambda/function:Function"
VPN: Final = "aws:ec2clientvpn/endpoint:Endpoint"
VPN_ASSOCIATION: Final = "aws:ec2clientvpn/networkAssociation:NetworkAssociation"
DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
RECORD: Final = "aws:route53/record:Record"

PRIVATE: Final = tuple(
    IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
"""Blocks that no router of the internet carries (RFC 1918, 6598, 3927, 1122)."""

CLOUDFRONT_LISTS: Final[Mapping[str, str]] = {
    "ap-northeast-1": "pl-58a04531",
    "ap-northeast-2": "pl-22a6434b",
    "ap-northeast-3": "pl-31a14458",
    "ap-south-1": "pl-9aa247f3",
    "ap-southeast-1": "pl-31a34658",
    "ap-southeast-2": "pl-b8a742d1",
    "ca-central-1": "pl-38a64351",
    "eu-central-1": "pl-a3a144ca",
    "eu-north-1": "pl-fab65393",
    "eu-west-1": "pl-4fa04526",
    "eu-west-2": "pl-93a247fa",
    "eu-west-3": "pl-75b1541c",
    "sa-east-1": "pl-5da64334",
    "us-east-1": "pl-3b927c52",
    "us-east-2": "pl-b6a144df",
    "us-west-1": "pl-4ea04527",
    "us-west-2": "pl-82a045eb",
}
"""AWS's list `com.amazonaws.global.cloudfront.origin-facing` by region, as AWS's networking blog published them. A plan holds the bare id."""

CLOUDFRONT_LIST = "cloudfront"
STRANGE_LIST = "strange"
"""A prefix list that the plan does not hold and that is none of AWS's known ones: its addresses may be anybody's."""


def is_public(block: IPv4Network) -> bool:
    """Whether a block holds addresses of the internet."""
    return not any(block.subnet_of(private) for private in PRIVATE)


def network_of(value: Any) -> IPv4Network | None:
    """The IPv4 block in a text; None where there is none (IPv6 and unknown values included)."""
    try:
        return IPv4Network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


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
        name = at(dict(self.resource.inputs), "tags.Name")
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


@dataclass
class Network:
    """Everything that decides who reaches whom, read once from an inventory. Immutable by agreement."""

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


def read(inventory: Inventory) -> Network:
    """The network of an inventory. One pass over the resources of each kind."""
    return _Reader(inventory).network


class _Reader:
    """Builds the network; holds the indexes that only the building needs."""

    def __init__(self, inventory: Inventory) -> None:
        self.by_type: dict[str, list[PlannedResource]] = {}
        for resource in inventory.real:
            self.by_type.setdefault(resource.type, []).append(resource)
        self.refs = References(inventory)
        self.network = Network(inventory, self.refs)
        self.attached = self._attached()
        self.endpoint_zones = self._endpoint_zones()
        self.with_address = self._with_address()
        self._vpcs()
        self._lists()
        self._subnets()
        self._gateways()
        self._groups()
        self._things()
        self._forwarders()

    def all(self, *types: str) -> list[PlannedResource]:
        return [resource for kind in types for resource in self.by_type.get(kind, ())]

    # -- addresses and gateways ------------------------------------------------------------------------------------------

    def _attached(self) -> set[str]:
        """URNs of the network interfaces that an instance, or a template of instances, carries."""
        found: set[str] = set()
        for template in self.all(LAUNCH_TEMPLATE, INSTANCE):
            found |= set(self.refs.of(template, "networkInterfaces.networkInterfaceId", INTERFACE).urns)
            found |= set(self.refs.of(template, "primaryNetworkInterface.networkInterfaceId", INTERFACE).urns)
        for attachment in self.all(INTERFACE_ATTACHMENT):
            found |= set(self.refs.of(attachment, "networkInterfaceId", INTERFACE).urns)
        found |= {interface.urn for interface in self.all(INTERFACE) if given(interface.inputs.get("attachments"))}
        return found

    def _endpoint_zones(self) -> dict[str, tuple[PlannedResource, str]]:
        """Endpoint ids of the firewalls with their zones, as far as AWS has said them."""
        found: dict[str, tuple[PlannedResource, str]] = {}
        for firewall in self.all(FIREWALL):
            for status in _mappings(firewall.outputs.get("firewallStatuses")):
                for state in _mappings(status.get("syncStates")):
                    zone = state.get("availabilityZone")
                    for attachment in _mappings(state.get("attachments")):
                        endpoint = attachment.get("endpointId")
                        if isinstance(endpoint, str) and isinstance(zone, str) and not is_unknown(endpoint):
                            found[endpoint] = firewall, zone
        return found

    def _with_address(self) -> set[str]:
        """URNs of instances and interfaces that an elastic address is bound to."""
        found: set[str] = set()
        for address in self.all(ADDRESS, ADDRESS_ASSOCIATION):
            for path, kind in (
                ("networkInterface", INTERFACE),
                ("networkInterfaceId", INTERFACE),
                ("instance", INSTANCE),
                ("instanceId", INSTANCE),
            ):
                found |= set(self.refs.of(address, path, kind).urns)
        return found

    def _vpcs(self) -> None:
        blocks: dict[str, list[IPv4Network]] = {vpc.urn: [] for vpc in self.all(*VPC)}
        for vpc in self.all(*VPC):
            if (block := network_of(vpc.inputs.get("cidrBlock") or vpc.outputs.get("cidrBlock"))) is not None:
                blocks[vpc.urn].append(block)
        for more in self.all("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"):
            vpc = self.refs.of(more, "vpcId", *VPC).first
            if vpc is not None and (block := network_of(more.inputs.get("cidrBlock"))) is not None:
                blocks[vpc.urn].append(block)
        self.network.vpcs = {urn: tuple(found) for urn, found in blocks.items()}

    def _vpc_of(self, resource: PlannedResource, prop: str = "vpcId") -> str:
        referred = self.refs.of(resource, prop, *VPC)
        return referred.first.urn if referred.first is not None else (referred.foreign[0] if referred.foreign else "")

    def _lists(self) -> None:
        self.network.prefix_lists = {
            item.urn: tuple(
                block for value in cast("list[Any]", at(dict(item.inputs), "entries.cidr") or []) if (block := network_of(value))
            )
            for item in self.all(PREFIX_LIST)
        }
        services = {_service(endpoint): endpoint for endpoint in self.all(ENDPOINT) if endpoint.inputs.get("vpcEndpointType") == "Gateway"}
        self.network.gateway_services = tuple(sorted(services))
        self.list_of_service = {
            value: name
            for name, endpoint in services.items()
            if isinstance(value := endpoint.outputs.get("prefixListId"), str) and not is_unknown(value)
        }

    # -- routes ----------------------------------------------------------------------------------------------------------

    def _route(self, resource: PlannedResource, entry: Mapping[str, Any], prefix: str) -> Route | None:
        """One entry; None where it is for IPv6 or a gateway endpoint's list."""
        key = "cidrBlock" if prefix else "destinationCidrBlock"
        destination = entry.get(key)
        if not given(destination):
            return None
        block = network_of(destination)
        refs = self.refs

        def referred(name: str, *types: str) -> Referred:
            if not given(entry.get(name)):
                return Referred()
            # Inline entries share one property, so an unknown target is any of the right type; known ids are exact.
            value = entry[name]
            if isinstance(value, str) and not is_unknown(value):
                known = refs.named(value, *types)
                if known:
                    return Referred(known)
                sources = refs.sources(resource, prefix or name, *types)
                return Referred(sources, (value,))
            sources = refs.sources(resource, prefix or name, *types)
            return Referred(sources, (), not sources)

        def made(goal: Goal, target: PlannedResource | None = None, zone: str | None = None) -> Route:
            return Route(block, goal, target, zone, resource)

        gateway = entry.get("gatewayId")
        if given(gateway):
            if gateway == "local":
                return made(Goal.LOCAL)
            found = referred("gatewayId", INTERNET_GATEWAY)
            literal = isinstance(gateway, str) and gateway.startswith("igw-")
            return made(Goal.INTERNET, found.first) if found.found or literal else made(Goal.ELSEWHERE)
        if given(entry.get("natGatewayId")):
            found = referred("natGatewayId", NAT)
            return made(Goal.NAT, found.first) if found.found else made(Goal.ELSEWHERE)
        return self._appliance(
            entry, referred("vpcEndpointId", FIREWALL, ENDPOINT), referred("networkInterfaceId", FIREWALL, INTERFACE), made
        )

    def _appliance(self, entry: Mapping[str, Any], endpoint: Referred, interface: Referred, made: Any) -> Route:
        """A route to a firewall's endpoint, or to an interface; while neither is known, to the firewall that both come from."""
        ident = entry.get("vpcEndpointId")
        if isinstance(ident, str) and ident in self.endpoint_zones:
            return made(Goal.FIREWALL, *self.endpoint_zones[ident])
        decided = given(entry.get("networkInterfaceId")) and not is_unknown(entry.get("networkInterfaceId"))
        if not decided:
            for found in (endpoint, interface):
                firewall = next((item for item in found.found if item.type == FIREWALL), None)
                if firewall is not None:
                    return made(Goal.FIREWALL, firewall)
        card = next((item for item in interface.found if item.type == INTERFACE), None)
        if card is not None:
            return made(Goal.ELSEWHERE, card) if card.urn in self.attached else made(Goal.CLOSED, card)
        return made(Goal.ELSEWHERE, next(iter(endpoint.found), None))

    def _tables(self) -> dict[str, Table]:
        entries: dict[str, list[Route]] = {}
        ipv6: set[str] = set()
        vpc_of: dict[str, str] = {}
        tables = self.all(ROUTE_TABLE, DEFAULT_ROUTE_TABLE)
        for table in tables:
            vpc = self._vpc_of(table, "defaultRouteTableId" if table.type == DEFAULT_ROUTE_TABLE else "vpcId")
            vpc_of[table.urn] = vpc
            entries[table.urn] = [Route(block, Goal.LOCAL) for block in self.network.vpcs.get(vpc, ())]
            for entry in _mappings(table.inputs.get("routes")):
                if (route := self._route(table, entry, "routes")) is not None:
                    entries[table.urn].append(route)
                if given(entry.get("ipv6CidrBlock")) and given(entry.get("gatewayId")):
                    ipv6.add(table.urn)
        for resource in self.all(ROUTE):
            owner = self.refs.of(resource, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE, *VPC).first
            if owner is None:
                continue
            urns = [owner.urn] if owner.urn in entries else [table.urn for table in tables if table.type == DEFAULT_ROUTE_TABLE]
            for urn in urns:
                if (route := self._route(resource, resource.inputs, "")) is not None:
                    entries[urn].append(route)
                if given(resource.inputs.get("destinationIpv6CidrBlock")) and given(resource.inputs.get("gatewayId")):
                    ipv6.add(urn)
        services: dict[str, list[tuple[str, PlannedResource]]] = {}
        for endpoint in self.all(ENDPOINT):
            if endpoint.inputs.get("vpcEndpointType") == "Gateway":
                for urn in self.refs.of(endpoint, "routeTableIds", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).urns:
                    services.setdefault(urn, []).append((_service(endpoint), endpoint))
        for binding in self.all(ENDPOINT_TABLE):
            endpoint = self.refs.of(binding, "vpcEndpointId", ENDPOINT).first
            for urn in self.refs.of(binding, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).urns:
                if endpoint is not None:
                    services.setdefault(urn, []).append((_service(endpoint), endpoint))
        self.vpc_of_table = vpc_of
        return {
            table.urn: Table(
                table.urn,
                table.name,
                tuple(entries[table.urn]),
                tuple(sorted(services.get(table.urn, ()), key=lambda pair: pair[0])),
                table.urn in ipv6,
            )
            for table in tables
        }

    # -- subnets ---------------------------------------------------------------------------------------------------------

    def _nacls(self) -> tuple[dict[str, Nacl], dict[str, str], dict[str, str]]:
        """NACLs by URN, the NACL of each subnet that has one of its own, and the adopted default one of each VPC."""
        ingress: dict[str, list[Entry]] = {}
        egress: dict[str, list[Entry]] = {}
        of_subnet: dict[str, str] = {}
        default_of: dict[str, str] = {}
        nacls = self.all(NACL, DEFAULT_NACL)
        for nacl in nacls:
            ingress[nacl.urn] = [_entry(item) for item in _mappings(nacl.inputs.get("ingress"))]
            egress[nacl.urn] = [_entry(item) for item in _mappings(nacl.inputs.get("egress"))]
            of_subnet.update(dict.fromkeys(self.refs.of(nacl, "subnetIds", *SUBNET).urns, nacl.urn))
            if nacl.type == DEFAULT_NACL:
                default_of[self._vpc_of(nacl, "defaultNetworkAclId")] = nacl.urn
        for rule in self.all(NACL_RULE):
            for urn in self.refs.of(rule, "networkAclId", NACL, DEFAULT_NACL).urns:
                (egress if rule.inputs.get("egress") is True else ingress)[urn].append(_entry(rule.inputs))
        for binding in self.all(NACL_ASSOCIATION):
            nacl = self.refs.of(binding, "networkAclId", NACL, DEFAULT_NACL).first
            if nacl is not None:
                of_subnet.update(dict.fromkeys(self.refs.of(binding, "subnetId", *SUBNET).urns, nacl.urn))

        def ordered(entries: list[Entry]) -> tuple[Entry, ...]:
            return tuple(sorted(entries, key=lambda entry: entry.number))

        made = {nacl.urn: Nacl(nacl.urn, nacl.name, ordered(ingress[nacl.urn]), ordered(egress[nacl.urn])) for nacl in nacls}
        return made, of_subnet, default_of

    def _subnets(self) -> None:
        tables = self._tables()
        self.tables = tables
        own: dict[str, str] = {}
        for binding in self.all(TABLE_ASSOCIATION):
            table = self.refs.of(binding, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).first
            if table is None:
                continue
            own.update(dict.fromkeys(self.refs.of(binding, "subnetId", *SUBNET).urns, table.urn))
            for gateway in self.refs.of(binding, "gatewayId", INTERNET_GATEWAY).found:
                self.network.edge_tables[self._vpc_of(gateway)] = tables[table.urn]
        main = {self.vpc_of_table[urn]: urn for urn, table in tables.items() if table and self.by_urn(urn).type == DEFAULT_ROUTE_TABLE}
        for binding in self.all(MAIN_TABLE):
            table = self.refs.of(binding, "routeTableId", ROUTE_TABLE).first
            if table is not None:
                main[self._vpc_of(binding)] = table.urn
        nacls, nacl_of, default_nacl = self._nacls()
        for subnet in self.all(*SUBNET):
            vpc = self._vpc_of(subnet)
            table_urn = own.get(subnet.urn) or main.get(vpc)
            # Without a table of the plan the VPC's own one counts, which AWS fills with the local routes alone.
            bare = (
                Table("", f"main table of {vpc.rpartition('::')[2] or 'the VPC'}", self._local(vpc)) if vpc in self.network.vpcs else None
            )
            nacl_urn = nacl_of.get(subnet.urn) or default_nacl.get(vpc)
            flag = subnet.inputs.get("mapPublicIpOnLaunch")
            tier = at(dict(subnet.inputs), "tags.Tier")
            self.network.subnets[subnet.urn] = Subnet(
                subnet.urn,
                subnet.name,
                network_of(subnet.inputs.get("cidrBlock")),
                _text(subnet.inputs.get("availabilityZone")) or _text(subnet.inputs.get("availabilityZoneId")) or None,
                vpc,
                _text(tier),
                flag is True or flag == "true" or is_unknown(flag),
                tables[table_urn] if table_urn else bare,
                nacls[nacl_urn] if nacl_urn else (OPEN_NACL if vpc in self.network.vpcs else None),
                ipv6=given(subnet.inputs.get("ipv6CidrBlock")) or subnet.inputs.get("ipv6Native") is True,
            )

    def by_urn(self, urn: str) -> PlannedResource:
        return self.network.inventory[urn]

    def _local(self, vpc: str) -> tuple[Route, ...]:
        return tuple(Route(block, Goal.LOCAL) for block in self.network.vpcs.get(vpc, ()))

    def _in(self, referred: Referred) -> tuple[Subnet, ...]:
        """The subnets of a reference; ones that the plan only names stand for themselves."""
        found = [self.network.subnets[urn] for urn in referred.urns]
        names = [*referred.foreign, *(["an unknown subnet"] if referred.unknown else [])]
        found += [Subnet(name, name, None, None, "", "", True, None, None, foreign=True) for name in names]
        return tuple(sorted(found, key=lambda subnet: (subnet.zone or "", subnet.name)))

    def _gateways(self) -> None:
        private: set[str] = set()
        for nat in self.all(NAT):
            standing = self._in(self.refs.of(nat, "subnetId", *SUBNET))
            if standing:
                self.network.nat_subnets[nat.urn] = standing[0]
            if nat.inputs.get("connectivityType") == "private":
                private.add(nat.urn)
        self.network.private_nats = frozenset(private)
        for firewall in self.all(FIREWALL):
            self.network.firewall_subnets[firewall.urn] = self._in(self.refs.of(firewall, "subnetMappings.subnetId", *SUBNET))

    # -- security groups -------------------------------------------------------------------------------------------------

    def _groups(self) -> None:
        found: dict[str, list[Permission]] = {group.urn: [] for group in self.all(*GROUPS)}
        self.default_group = {self._vpc_of(group): group.urn for group in self.all(DEFAULT_GROUP)}
        for group in self.all(*GROUPS):
            for prop, inward in (("ingress", True), ("egress", False)):
                for index, rule in enumerate(_mappings(group.inputs.get(prop)), 1):
                    found[group.urn].append(self._permission(group, rule, group.urn, inward, prop, index))
        for rule in self.all(INGRESS, EGRESS, GROUP_RULE):
            inward = rule.type == INGRESS or (rule.type == GROUP_RULE and rule.inputs.get("type") != "egress")
            for urn in self.refs.of(rule, "securityGroupId", *GROUPS).urns:
                found[urn].append(self._permission(rule, rule.inputs, urn, inward, ""))
        self.network.permissions = {urn: tuple(rules) for urn, rules in found.items()}

    def _permission(
        self, resource: PlannedResource, rule: Mapping[str, Any], group: str, inward: bool, prop: str, index: int = 0
    ) -> Permission:
        """`prop` is the property that holds an inline rule; empty for a standalone one."""
        standalone = resource.type in (INGRESS, EGRESS)
        unknown = False
        ports, vague = _rule_ports(rule.get("ipProtocol" if standalone else "protocol"), rule.get("fromPort"), rule.get("toPort"))
        blocks: list[IPv4Network] = []
        ipv6: list[str] = []
        for key in ("cidrIpv4", "cidrBlocks", "cidrIpv6", "ipv6CidrBlocks"):
            value = rule.get(key)
            for item in cast("list[Any]", value if isinstance(value, list) else [value] if given(value) else []):
                if is_unknown(item):
                    blocks += self._blocks_of(resource, prop or key)
                    unknown = unknown or not blocks
                elif (block := network_of(item)) is not None:
                    blocks.append(block)
                elif isinstance(item, str):
                    ipv6.append(item)
        peers = Referred()
        for key in ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups"):
            if given(rule.get(key)):
                peers = self._peers(resource, rule[key], prop or key, group)
        unknown = unknown or peers.unknown
        lists: set[str] = set()
        for key in ("prefixListId", "prefixListIds"):
            if given(rule.get(key)):
                lists |= self._list_names(resource, rule[key], prop or key)
        return Permission(
            group,
            inward,
            ports,
            resource,
            frozenset(peers.urns),
            tuple(blocks),
            frozenset(lists),
            rule.get("self") is True,
            tuple(ipv6),
            unknown,
            vague,
            index,
        )

    def _blocks_of(self, resource: PlannedResource, prop: str) -> list[IPv4Network]:
        """Blocks of the subnets and VPCs that an unknown block is computed from."""
        found = [self.network.subnets[item.urn].block for item in self.refs.sources(resource, prop, *SUBNET)]
        blocks = [block for block in found if block is not None]
        for vpc in self.refs.sources(resource, prop, *VPC):
            blocks += self.network.vpcs[vpc.urn]
        return blocks

    def _peers(self, resource: PlannedResource, value: Any, prop: str, group: str) -> Referred:
        """The groups that a rule names; a rule inside a group does not mean that group itself unless it says so."""
        texts = [item for item in (cast("list[Any]", value) if isinstance(value, list) else [value]) if isinstance(item, str)]
        known = [found for text in texts if not is_unknown(text) for found in self.refs.named(text, *GROUPS)]
        sources = [item for item in self.refs.sources(resource, prop, *GROUPS) if resource.type not in GROUPS or item.urn != group]
        vague = any(is_unknown(text) for text in texts)
        if vague:
            return Referred(tuple({item.urn: item for item in (*known, *sources)}.values()), (), not sources)
        return Referred(tuple(known or sources))

    def _list_names(self, resource: PlannedResource, value: Any, prop: str) -> set[str]:
        found: set[str] = set()
        for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
            if isinstance(item, str) and not is_unknown(item):
                planned = self.refs.named(item, PREFIX_LIST)
                if planned:
                    found.add(planned[0].urn)
                elif item in self.list_of_service:
                    found.add(self.list_of_service[item])
                else:
                    found.add(CLOUDFRONT_LIST if item in CLOUDFRONT_LISTS.values() else STRANGE_LIST)
                continue
            sources = self.refs.sources(resource, prop, ENDPOINT, PREFIX_LIST)
            found |= {_service(source) if source.type == ENDPOINT else source.urn for source in sources} or {STRANGE_LIST}
        return found

    # -- things ----------------------------------------------------------------------------------------------------------

    def _thing(
        self,
        role: str,
        resource: PlannedResource,
        subnets: Iterable[Subnet],
        groups: Referred,
        public: bool | None,
        *,
        ungrouped: bool = False,
        holds_data: bool = False,
    ) -> Thing:
        placed = tuple({subnet.urn: subnet for subnet in subnets}.values())
        urns = groups.urns
        unknown = bool(groups.unknown or groups.foreign)
        if not urns and not unknown and not ungrouped:
            # What names no group gets its VPC's default one.
            defaults = {self.default_group[subnet.vpc] for subnet in placed if subnet.vpc in self.default_group}
            urns, unknown = tuple(sorted(defaults)), not defaults
        return Thing(role, resource, placed, urns, public, unknown, ungrouped, holds_data)

    def _things(self) -> None:
        found = [
            *self._services(),
            *self._databases(),
            *self._caches(),
            *self._machines(),
            *self._balancers(),
            *self._others(),
        ]
        self.network.things = tuple(sorted(found, key=lambda thing: (thing.role, thing.resource.name, thing.resource.urn)))

    def _services(self) -> Iterator[Thing]:
        for service in self.all(SERVICE):
            standing = self._in(self.refs.of(service, "networkConfiguration.subnets", *SUBNET))
            if standing:
                groups = self.refs.of(service, "networkConfiguration.securityGroups", *GROUPS)
                public = _flag(at(dict(service.inputs), "networkConfiguration.assignPublicIp"))
                yield self._thing(role_of(service), service, standing, groups, public)
        for function in self.all(FUNCTION):
            standing = self._in(self.refs.of(function, "vpcConfig.subnetIds", *SUBNET))
            if standing:
                groups = self.refs.of(function, "vpcConfig.securityGroupIds", *GROUPS)
                yield self._thing(role_of(function), function, standing, groups, False)

    def _databases(self) -> Iterator[Thing]:
        for database in self.all(DATABASE):
            subnets = self.refs.of(database, "dbSubnetGroupName", DATABASE_SUBNETS)
            if not subnets:
                source = self.refs.of(database, "replicateSourceDb", DATABASE).first
                subnets = self.refs.of(source, "dbSubnetGroupName", DATABASE_SUBNETS) if source is not None else subnets
            standing = self._grouped(subnets)
            groups = self.refs.of(database, "vpcSecurityGroupIds", *GROUPS)
            public = _flag(database.inputs.get("publiclyAccessible"))
            yield self._thing(role_of(database), database, standing, groups, public, holds_data=True)
        open_clusters = {
            urn
            for member in self.all("aws:rds/clusterInstance:ClusterInstance")
            if _flag(member.inputs.get("publiclyAccessible")) is not False
            for urn in self.refs.of(member, "clusterIdentifier", DATABASE_CLUSTER).urns
        }
        for cluster in self.all(DATABASE_CLUSTER):
            standing = self._grouped(self.refs.of(cluster, "dbSubnetGroupName", DATABASE_SUBNETS))
            groups = self.refs.of(cluster, "vpcSecurityGroupIds", *GROUPS)
            yield self._thing(role_of(cluster), cluster, standing, groups, cluster.urn in open_clusters, holds_data=True)
        for proxy in self.all(DATABASE_PROXY):
            standing = self._in(self.refs.of(proxy, "vpcSubnetIds", *SUBNET))
            groups = self.refs.of(proxy, "vpcSecurityGroupIds", *GROUPS)
            yield self._thing(role_of(proxy), proxy, standing, groups, False, holds_data=True)

    def _grouped(self, groups: Referred) -> tuple[Subnet, ...]:
        """The subnets of subnet groups; a group that nobody planned is one unknown subnet."""
        if not groups.found:
            return self._in(Referred((), groups.foreign, True))
        return tuple(subnet for group in groups.found for subnet in self._in(self.refs.of(group, "subnetIds", *SUBNET)))

    def _caches(self) -> Iterator[Thing]:
        for cache in self.all(CACHE, CACHE_CLUSTER):
            if given(cache.inputs.get("replicationGroupId")) and cache.type == CACHE_CLUSTER:
                continue
            standing = self._grouped(self.refs.of(cache, "subnetGroupName", CACHE_SUBNETS))
            groups = self.refs.of(cache, "securityGroupIds", *GROUPS)
            # ElastiCache has no public addresses at all.
            yield self._thing(role_of(cache), cache, standing, groups, False, holds_data=True)
        for cache in self.all(CACHE_SERVERLESS):
            standing = self._in(self.refs.of(cache, "subnetIds", *SUBNET))
            yield self._thing(role_of(cache), cache, standing, self.refs.of(cache, "securityGroupIds", *GROUPS), False, holds_data=True)
        for target in self.all(MOUNT_TARGET):
            standing = self._in(self.refs.of(target, "subnetId", *SUBNET))
            yield self._thing(role_of(target), target, standing, self.refs.of(target, "securityGroups", *GROUPS), False, holds_data=True)

    def _machines(self) -> Iterator[Thing]:
        for interface in self.all(INTERFACE):
            if interface.urn in self.attached:
                standing = self._in(self.refs.of(interface, "subnetId", *SUBNET))
                groups = self.refs.of(interface, "securityGroups", *GROUPS)
                yield self._machine(interface, standing, groups, interface.urn in self.with_address)
        for instance in self.all(INSTANCE):
            standing = self._in(self.refs.of(instance, "subnetId", *SUBNET))
            if not standing:
                continue
            groups = self.refs.of(instance, "vpcSecurityGroupIds", *GROUPS)
            asked = instance.inputs.get("associatePublicIpAddress")
            public = _flag(asked) if given(asked) else any(subnet.gives_addresses for subnet in standing)
            yield self._machine(instance, standing, groups, True if instance.urn in self.with_address else public)
        for group in self.all(SCALING_GROUP):
            standing = self._in(self.refs.of(group, "vpcZoneIdentifiers", *SUBNET))
            if not standing:
                continue
            referred = self.refs.of(group, "launchTemplate.id", LAUNCH_TEMPLATE) or self.refs.of(group, "launchTemplate", LAUNCH_TEMPLATE)
            template = referred.first
            if template is None:
                yield self._machine(group, standing, Referred((), (), True), None)
                continue
            groups = self.refs.of(template, "vpcSecurityGroupIds", *GROUPS) or self.refs.of(
                template, "networkInterfaces.securityGroups", *GROUPS
            )
            asked = at(dict(template.inputs), "networkInterfaces.associatePublicIpAddress")
            asked = asked[0] if isinstance(asked, list) and asked else None
            public = _flag(asked) if given(asked) else any(subnet.gives_addresses for subnet in standing)
            yield self._machine(group, standing, groups, public)

    def _machine(self, resource: PlannedResource, standing: tuple[Subnet, ...], groups: Referred, public: bool | None) -> Thing:
        return self._thing(role_of(resource), resource, standing, groups, public)

    def _balancers(self) -> Iterator[Thing]:
        for balancer in self.all(*BALANCER):
            referred = self.refs.of(balancer, "subnets", *SUBNET) or self.refs.of(balancer, "subnetMappings.subnetId", *SUBNET)
            groups = self.refs.of(balancer, "securityGroups", *GROUPS)
            network = balancer.inputs.get("loadBalancerType") in ("network", "gateway")
            inside = _flag(balancer.inputs.get("internal"))
            public = None if inside is None else not inside
            yield self._thing(role_of(balancer), balancer, self._in(referred), groups, public, ungrouped=network and not groups)

    def _others(self) -> Iterator[Thing]:
        for endpoint in self.all(ENDPOINT):
            if endpoint.inputs.get("vpcEndpointType") == "Interface":
                standing = self._in(self.refs.of(endpoint, "subnetIds", *SUBNET))
                yield self._thing(role_of(endpoint), endpoint, standing, self.refs.of(endpoint, "securityGroupIds", *GROUPS), False)
        by_endpoint: dict[str, list[Subnet]] = {}
        for association in self.all(VPN_ASSOCIATION):
            endpoint = self.refs.of(association, "clientVpnEndpointId", VPN).first
            if endpoint is not None:
                by_endpoint.setdefault(endpoint.urn, []).extend(self._in(self.refs.of(association, "subnetId", *SUBNET)))
        for endpoint in self.all(VPN):
            groups = self.refs.of(endpoint, "securityGroupIds", *GROUPS)
            yield self._thing(role_of(endpoint), endpoint, by_endpoint.get(endpoint.urn, ()), groups, False)

    # -- what forwards ---------------------------------------------------------------------------------------------------

    def _forwarders(self) -> None:
        members = self._members()
        listeners: dict[str, list[Listener]] = {}
        rules: dict[str, list[PlannedResource]] = {}
        for rule in self.all(*LISTENER_RULE):
            for urn in self.refs.of(rule, "listenerArn", *LISTENER).urns:
                rules.setdefault(urn, []).append(rule)
        keeps: set[str] = set()
        for listener in self.all(*LISTENER):
            port = listener.inputs.get("port")
            for balancer in self.refs.of(listener, "loadBalancerArn", *BALANCER).urns:
                for carrier, prop in [(listener, "defaultActions"), *((rule, "actions") for rule in rules.get(listener.urn, ()))]:
                    groups = self._target_groups(carrier, prop)
                    backends = tuple(backend for group in groups for backend in members.get(group.urn, ()))
                    condition = _header(carrier) if carrier is not listener else ""
                    listeners.setdefault(balancer, []).append(
                        Listener(carrier, int(port) if isinstance(port, int | float) else 0, backends, condition)
                    )
                    keeps |= {balancer for group in groups if _keeps_address(group)}
        self.network.balancers = {
            thing.resource.urn: Balancer(thing, tuple(listeners.get(thing.resource.urn, ())), thing.resource.urn in keeps)
            for thing in self.network.things
            if thing.resource.type in BALANCER
        }
        self._origins()

    def _target_groups(self, carrier: PlannedResource, prop: str) -> tuple[PlannedResource, ...]:
        found: dict[str, PlannedResource] = {}
        for path in (f"{prop}.targetGroupArn", f"{prop}.forward.targetGroups.arn"):
            found.update({item.urn: item for item in self.refs.of(carrier, path, *TARGET_GROUP).found})
        return tuple(found.values())

    def _members(self) -> dict[str, list[Backend]]:
        """What stands behind each target group, by its URN."""
        things = {thing.resource.urn: thing for thing in self.network.things}
        groups = {group.urn: group for group in self.all(*TARGET_GROUP)}
        found: dict[str, dict[str, Backend]] = {}

        def join_group(group: str, thing: Thing | None, port: Any) -> None:
            if thing is None or group not in groups:
                return
            number = port if given(port) else groups[group].inputs.get("port")
            ports: Ports = ((int(number), int(number)),) if isinstance(number, int | float) else ALL_PORTS
            found.setdefault(group, {})[thing.resource.urn] = Backend(thing, ports, groups[group])

        for service in self.all(SERVICE):
            for path in ("loadBalancers.targetGroupArn", "loadBalancers.advancedConfiguration.alternateTargetGroupArn"):
                port = at(dict(service.inputs), "loadBalancers.containerPort")
                only = port[0] if isinstance(port, list) and len(cast("list[Any]", port)) == 1 else None
                for group in self.refs.of(service, path, *TARGET_GROUP).urns:
                    join_group(group, things.get(service.urn), only)
        for attachment in self.all(*TARGET_ATTACHMENT):
            targets = self.refs.of(attachment, "targetId", *_TARGETS)
            if not targets.found:
                targets = Referred(self._by_address(attachment))
            for group in self.refs.of(attachment, "targetGroupArn", *TARGET_GROUP).urns:
                for target in targets.found:
                    join_group(group, things.get(target.urn), attachment.inputs.get("port"))
        for scaled in self.all(SCALING_GROUP):
            for group in self.refs.of(scaled, "targetGroupArns", *TARGET_GROUP).urns:
                join_group(group, things.get(scaled.urn), None)
        for binding in self.all("aws:autoscaling/attachment:Attachment"):
            for group in self.refs.of(binding, "lbTargetGroupArn", *TARGET_GROUP).urns:
                for scaled in self.refs.of(binding, "autoscalingGroupName", SCALING_GROUP).urns:
                    join_group(group, things.get(scaled), None)
        return {group: list(backends.values()) for group, backends in found.items()}

    def _by_address(self, attachment: PlannedResource) -> tuple[PlannedResource, ...]:
        """Targets by IP address: what has that address, else everything that stands in the address's subnet (the cautious reading)."""
        value = attachment.inputs.get("targetId")
        sources = self.refs.sources(attachment, "targetId", *_TARGETS)
        if sources or not isinstance(value, str):
            return sources
        block = network_of(value)
        if block is None:
            # Nobody can tell what it is: whatever the load balancer's rules let it reach.
            return tuple(thing.resource for thing in self.network.things)
        exact = tuple(item for item in self.all(INTERFACE, INSTANCE) if item.outputs.get("privateIp") == value)
        if exact:
            return exact
        near = [thing for thing in self.network.things if any(s.block is not None and block.subnet_of(s.block) for s in thing.subnets)]
        return tuple(thing.resource for thing in near)

    def _origins(self) -> None:
        names: dict[str, list[PlannedResource]] = {}
        for record in self.all(RECORD):
            name = record.inputs.get("name")
            balancers = self.refs.of(record, "aliases.name", *BALANCER).found or self.refs.of(record, "records", *BALANCER).found
            if isinstance(name, str) and balancers:
                names.setdefault(name.rstrip(".").lower(), []).extend(balancers)
        for distribution in self.all(DISTRIBUTION):
            if distribution.inputs.get("enabled") is False:
                continue
            origins: dict[str, Origin] = {}
            for origin in _mappings(distribution.inputs.get("origins")):
                for balancer, ports in self._origin(distribution, origin, names):
                    origins[balancer.urn] = Origin(self.network.balancers[balancer.urn].thing, ports)
            self.network.distributions[distribution.urn] = tuple(origins.values())

    def _origin(
        self, distribution: PlannedResource, origin: Mapping[str, Any], names: Mapping[str, list[PlannedResource]]
    ) -> Iterator[tuple[PlannedResource, Ports]]:
        domain = origin.get("domainName")
        custom = origin.get("customOriginConfig")
        ports: Ports = ALL_PORTS
        if isinstance(custom, Mapping):
            config = cast("Mapping[str, Any]", custom)
            secure, clear = config.get("httpsPort"), config.get("httpPort")
            policy = config.get("originProtocolPolicy")
            wanted = {"https-only": [secure], "http-only": [clear]}.get(str(policy), [clear, secure])
            ports = tuple(sorted((int(port), int(port)) for port in wanted if isinstance(port, int | float))) or ALL_PORTS
        elif not given(origin.get("vpcOriginConfig")):
            return
        found: tuple[PlannedResource, ...] = ()
        if isinstance(domain, str) and not is_unknown(domain):
            found = tuple(names.get(domain.rstrip(".").lower(), ())) or self.refs.named(domain, *BALANCER)
        elif domain == UNKNOWN:
            found = self.refs.sources(distribution, "origins", *BALANCER)
        for balancer in found:
            yield balancer, ports


_TARGETS: Final = (INTERFACE, INSTANCE, FUNCTION, DATABASE, CACHE, MOUNT_TARGET, *BALANCER)

_ROLES: Final[Mapping[str, str]] = {
    DATABASE: "postgres",
    DATABASE_CLUSTER: "postgres",
    DATABASE_PROXY: "postgres",
    CACHE: "cache",
    CACHE_CLUSTER: "cache",
    CACHE_SERVERLESS: "cache",
    MOUNT_TARGET: "session-files",
    ENDPOINT: "endpoints",
    VPN: "vpn",
}


def role_of(resource: PlannedResource) -> str:
    """What people call it: managed data and endpoints by type, an application load balancer by what it is, the rest by its capability.

    The capability is the component right below the root; a resource outside any goes by its own name.
    """
    engine = resource.inputs.get("engine")
    if resource.type in (DATABASE, DATABASE_CLUSTER) and isinstance(engine, str) and not is_unknown(engine) and "postgres" not in engine:
        return engine
    if resource.type in BALANCER and resource.inputs.get("loadBalancerType", "application") == "application":
        return "load-balancer"
    return _ROLES.get(resource.type) or (resource.component[1] if len(resource.component) > 1 else resource.name)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) and not is_unknown(value) else ""


def _flag(value: Any) -> bool | None:
    """A boolean property: absent is false, unknown is None."""
    if is_unknown(value):
        return None
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _service(endpoint: PlannedResource) -> str:
    """`s3` of `com.amazonaws.us-east-1.s3`."""
    return str(endpoint.inputs.get("serviceName", "")).rpartition(".")[2]


_ANY_PROTOCOL: Final = frozenset({"-1", "all"})
_TCP: Final = frozenset({"tcp", "6"})


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _rule_ports(protocol: Any, first: Any, last: Any) -> tuple[Ports, bool]:
    """The TCP ports of a rule, and whether they cannot be told (then: all of them, perhaps)."""
    name = str(protocol).lower() if given(protocol) else "-1"
    if is_unknown(protocol):
        return ALL_PORTS, True
    if name in _ANY_PROTOCOL:
        return ALL_PORTS, False
    if name not in _TCP:
        return NO_PORTS, False
    if is_unknown(first) or is_unknown(last):
        return ALL_PORTS, True
    start, end = _number(first), _number(last)
    if start is None or end is None or start == -1:
        return ALL_PORTS, False
    return ((max(start, 1), end),) if end >= 1 else NO_PORTS, False


def _entry(item: Mapping[str, Any]) -> Entry:
    """A NACL's entry, inline (`ruleNo`, `action`) or standalone (`ruleNumber`, `ruleAction`)."""
    number = _number(item.get("ruleNo", item.get("ruleNumber")))
    action = item.get("action", item.get("ruleAction"))
    protocol, first, last = item.get("protocol"), item.get("fromPort"), item.get("toPort")
    # In a NACL 0 to 0 with every protocol means every port.
    ports, vague = _rule_ports(protocol, first, last)
    block, ipv6 = item.get("cidrBlock"), item.get("ipv6CidrBlock")
    return Entry(
        number if number is not None else 0,
        str(action).lower() == "allow" or is_unknown(action),
        ports,
        network_of(block),
        given(ipv6) and not given(block),
        vague or is_unknown(action) or is_unknown(block) or number is None,
    )


def _header(rule: PlannedResource) -> str:
    """The header that a listener rule asks for."""
    for condition in _mappings(rule.inputs.get("conditions")):
        name = at(dict(condition), "httpHeader.httpHeaderName")
        if isinstance(name, str):
            return name
    return ""


def _keeps_address(group: PlannedResource) -> bool:
    """Whether targets see their client's address: a network load balancer's TCP groups of instances always, of addresses when told to."""
    if group.inputs.get("protocol") not in ("TCP", "TLS", "UDP", "TCP_UDP"):
        return False
    asked = group.inputs.get("preserveClientIp")
    return str(asked).lower() == "true" if given(asked) else group.inputs.get("targetType", "instance") == "instance"
