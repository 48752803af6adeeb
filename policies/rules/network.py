"""Rules about the network: what the world may reach, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    elsewhere,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.security_groups import ADMIN_PORTS, DATA_PORTS, is_world, permissions, reach
from policies.subnets import brought_along, data_subnets, foreign_subnets, internet_routes
from policies.tokens import (
    DB_INSTANCE,
    DB_SUBNET_GROUP,
    INGRESS_RULE,
    INGRESS_SOURCES,
    INTERNET_GATEWAY,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNET,
    SUBNET_GROUPS,
    SUBNETS,
    VPC,
)
from policies.values import ABSENT, UNKNOWN

_LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"


def _world_ports(resource: Resource, ports: Mapping[int, str]) -> Iterator[Problem]:
    for permission in permissions(resource):
        named = permission.opens(ports)
        for prop, cidr in permission.cidrs:
            at = prop or "ingress"
            if isinstance(cidr, str) and is_world(cidr):
                if permission.ports is UNKNOWN:
                    yield unresolved(resource, at, f"{cidr} is admitted to ports that are not known yet")
                elif named:
                    yield violation(resource, at, f"{cidr} is admitted to {', '.join(named[:4])}{' and more' if len(named) > 4 else ''}")
            elif cidr is UNKNOWN and (named or permission.ports is UNKNOWN) and not resource.sources(prop, VPC, *SUBNETS):
                yield unresolved(resource, at, f"`{at}` is not known yet: it may be the whole internet")


def _admin(resource: Resource) -> Iterator[Problem]:
    yield from _world_ports(resource, ADMIN_PORTS)


def _data(resource: Resource) -> Iterator[Problem]:
    yield from _world_ports(resource, DATA_PORTS)


def _ingress(name: str, port: int | object, cidr: object = None, *, last: int | None = None, v6: object = None) -> Given:
    props = {"ipProtocol": "tcp", "fromPort": port, "toPort": last or port, "securityGroupId": "sg-0a"}
    if cidr is not None:
        props["cidrIpv4"] = cidr
    if v6 is not None:
        props["cidrIpv6"] = v6
    return Given(INGRESS_RULE, name, props)


NET_02 = ResourceRule(
    id="NET-02",
    severity=Severity.CRITICAL,
    title="The world reaches no administration port.",
    rationale="Ports for SSH, remote desktop, VNC or Docker that the internet can reach are found within minutes and attacked without end.",
    remediation="Remove the rule and administer through SSM Session Manager, or admit only the addresses of your own network.",
    references=("FSBP EC2.13", "FSBP EC2.14", "FSBP EC2.19", "CIS 5.3", "CIS 5.4", "CKV_AWS_24", "CKV_AWS_25", "AVD-AWS-0107"),
    types=INGRESS_SOURCES,
    check=_admin,
    examples=(
        good("HTTPS from the world is no administration", _ingress("https", 443, "0.0.0.0/0")),
        good("SSH from one's own network", _ingress("ssh", 22, "10.0.0.0/8")),
        good(
            "egress to the world is not ingress",
            Given(
                SECURITY_GROUP_RULE, "out", {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
            ),
        ),
        good("ping has no ports", Given(INGRESS_RULE, "ping", {"ipProtocol": "icmp", "fromPort": 8, "toPort": 0, "cidrIpv4": "0.0.0.0/0"})),
        bad("SSH from everywhere", _ingress("ssh", 22, "0.0.0.0/0")),
        bad("SSH from everywhere, by IPv6", _ingress("ssh", 22, v6="::/0")),
        bad("remote desktop inside a range", _ingress("wide", 3000, "0.0.0.0/0", last=4000)),
        bad("half of the internet is the internet", _ingress("half", 22, "128.0.0.0/1")),
        bad("every protocol means every port", Given(INGRESS_RULE, "all", {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})),
        bad(
            "an inline rule",
            Given(
                SECURITY_GROUP,
                "app",
                {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]},
            ),
        ),
        bad(
            "a rule of the older kind",
            Given(
                SECURITY_GROUP_RULE,
                "in",
                {"type": "ingress", "protocol": "tcp", "fromPort": 22.0, "toPort": 22.0, "ipv6CidrBlocks": ["::/0"]},
            ),
        ),
        unknown("an unknown block may be the internet", _ingress("ssh", 22, UNKNOWN), expect={"ssh": Kind.UNRESOLVED}),
        unknown("unknown ports for the world", _ingress("ports", UNKNOWN, "0.0.0.0/0"), expect={"ports": Kind.UNRESOLVED}),
        unknown("inline rules that are not known", Given(SECURITY_GROUP, "app", {"ingress": UNKNOWN}), expect={"app": Kind.UNRESOLVED}),
        unknown("an unknown block for HTTPS harms nothing", _ingress("https", 443, UNKNOWN)),
        unknown(
            "the block of the stack's own VPC",
            Given(INGRESS_RULE, "ssh", {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": UNKNOWN}, {"cidrIpv4": ["vpc"]}),
            Given(VPC, "vpc", {}),
        ),
        absent("a group without rules", Given(SECURITY_GROUP, "empty", {})),
        absent(
            "TCP without ports means all of them",
            Given(INGRESS_RULE, "bare", {"ipProtocol": "tcp", "cidrIpv4": "0.0.0.0/0"}),
            expect={"bare": Kind.VIOLATION},
        ),
    ),
)

NET_04 = ResourceRule(
    id="NET-04",
    severity=Severity.CRITICAL,
    title="The world reaches no port of a database, cache, file share or broker interface.",
    rationale="A data port on the internet leaves one password, or none, between a stranger and the data; the broker's interface has none.",
    remediation="Admit the security group of the application that needs the port, never an address block of the internet.",
    references=("FSBP EC2.19", "AVD-AWS-0107"),
    types=INGRESS_SOURCES,
    check=_data,
    examples=(
        good("the database from its own network", _ingress("db", 5432, "10.20.0.0/16")),
        good(
            "the database from the application",
            Given(INGRESS_RULE, "db", {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "referencedSecurityGroupId": "sg-0b"}),
        ),
        bad("PostgreSQL from everywhere", _ingress("db", 5432, "0.0.0.0/0")),
        bad("Redis from everywhere by IPv6", _ingress("cache", 6379, v6="::/0")),
        bad("the broker's interface from everywhere", _ingress("gateway", 4003, "0.0.0.0/0")),
        bad("a data port inside a range", _ingress("wide", 5000, "0.0.0.0/1", last=6000)),
        unknown("an unknown block may be the internet", _ingress("db", 5432, UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        absent("a group without rules", Given(SECURITY_GROUP, "empty", {})),
    ),
)


def _data_subnets_closed(stack: Stack) -> Iterator[Problem]:
    for urn, holder in data_subnets(stack).items():
        subnet = stack.find(urn)
        if subnet is None:
            continue
        for route, at, certain in internet_routes(subnet):
            if certain:
                yield violation(route, at, f"leads subnet {subnet.name}, which holds data of {holder.name}, to an internet gateway")
            else:
                yield unresolved(route, at, f"`{at}` is not known yet: it may lead subnet {subnet.name}, which holds data, to the internet")
    for group in stack.of(*SUBNET_GROUPS):
        if brought_along(group, "subnetIds"):
            yield elsewhere(group, "subnetIds", "its subnets are of a VPC that was brought along: look there whether they are private")
        elif group.get("subnetIds") is not ABSENT and (foreign_subnets(group, "subnetIds") or not group.sources("subnetIds", *SUBNETS)):
            yield unresolved(group, "subnetIds", "its subnets are not all of this stack: nothing shows that they are private")


def _subnet(name: str, block: str = "10.0.0.0/24", zone: str = "us-east-1a") -> Given:
    return Given(SUBNET, name, {"cidrBlock": block, "availabilityZone": zone, "vpcId": UNKNOWN}, {"vpcId": ["vpc"]})


def _subnet_group(*subnets: str) -> Given:
    return Given(DB_SUBNET_GROUP, "data", {"subnetIds": [UNKNOWN for _ in subnets]}, {"subnetIds": subnets})


def _routed(subnet: str, table: str = "table") -> Given:
    return Given(
        ROUTE_TABLE_ASSOCIATION,
        f"{subnet}-{table}",
        {"subnetId": UNKNOWN, "routeTableId": UNKNOWN},
        {"subnetId": [subnet], "routeTableId": [table]},
    )


_TABLE = Given(ROUTE_TABLE, "table", {"vpcId": UNKNOWN}, {"vpcId": ["vpc"]})
_VPC = Given(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})
_GATEWAY = Given(INTERNET_GATEWAY, "igw", {})
_OUT = Given(
    ROUTE,
    "out",
    {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": UNKNOWN},
    {"routeTableId": ["table"], "gatewayId": ["igw"]},
)
_NAT = Given(
    ROUTE,
    "nat",
    {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": UNKNOWN},
    {"routeTableId": ["table"], "natGatewayId": ["nat-gateway"]},
)

NET_09 = StackRule(
    id="NET-09",
    severity=Severity.CRITICAL,
    title="Subnets that hold data have no route to an internet gateway.",
    rationale="With such a route one wrong security group or one public address is enough to put a database on the internet.",
    remediation="Associate the data subnets with a route table that has no route through an internet gateway.",
    references=("FSBP RDS.46",),
    types=(ROUTE, ROUTE_TABLE, *SUBNET_GROUPS),
    check=_data_subnets_closed,
    examples=(
        good("a table with a NAT gateway only", _VPC, _subnet("a"), _subnet_group("a"), _TABLE, _routed("a"), _NAT),
        good(
            "public subnets elsewhere may lead out",
            _VPC,
            _GATEWAY,
            _subnet("a"),
            _subnet("web", "10.0.9.0/24"),
            _subnet_group("a"),
            _TABLE,
            _routed("web"),
            _OUT,
            Given(ROUTE_TABLE, "closed", {}),
            _routed("a", "closed"),
        ),
        bad("the data subnet's table leads out", _OUT, _VPC, _GATEWAY, _subnet("a"), _subnet_group("a"), _TABLE, _routed("a")),
        bad(
            "so does an inline route",
            Given(ROUTE_TABLE, "table", {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": UNKNOWN}]}, {"routes": ["igw"]}),
            _GATEWAY,
            _subnet("a"),
            _subnet_group("a"),
            _routed("a"),
        ),
        bad(
            "a literal gateway",
            Given(ROUTE, "out", {"routeTableId": UNKNOWN, "gatewayId": "igw-0123"}, {"routeTableId": ["table"]}),
            _subnet("a"),
            _subnet_group("a"),
            _TABLE,
            _routed("a"),
        ),
        bad(
            "without an association the main table counts",
            _OUT,
            Given(
                "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
                "main",
                {"vpcId": UNKNOWN, "routeTableId": UNKNOWN},
                {"vpcId": ["vpc"], "routeTableId": ["table"]},
            ),
            _VPC,
            _GATEWAY,
            _subnet("a"),
            _subnet_group("a"),
            _TABLE,
        ),
        unknown(
            "a gateway that nothing explains",
            Given(ROUTE, "out", {"routeTableId": UNKNOWN, "gatewayId": UNKNOWN}, {"routeTableId": ["table"]}),
            _subnet("a"),
            _subnet_group("a"),
            _TABLE,
            _routed("a"),
            expect={"out": Kind.UNRESOLVED},
        ),
        unknown(
            "subnets from outside a stack with a VPC of its own",
            Given(DB_SUBNET_GROUP, "data", {"subnetIds": ["subnet-0a", "subnet-0b"]}),
            _VPC,
            expect={"data": Kind.UNRESOLVED},
        ),
        unknown(
            "one of them from outside",
            _VPC,
            _subnet("a"),
            Given(DB_SUBNET_GROUP, "data", {"subnetIds": [UNKNOWN, "subnet-0b"]}, {"subnetIds": ["a"]}),
            expect={"data": Kind.UNRESOLVED},
        ),
        unknown(
            "a VPC that was brought along",
            Given(DB_SUBNET_GROUP, "data", {"subnetIds": ["subnet-0a", "subnet-0b"]}),
            expect={"data": Kind.ELSEWHERE},
        ),
        unknown(
            "a VPC that was brought along, with one id that nothing explains",
            Given(DB_SUBNET_GROUP, "data", {"subnetIds": ["subnet-0a", UNKNOWN]}),
            expect={"data": Kind.UNRESOLVED},
        ),
        unknown("subnets that are not known", Given(DB_SUBNET_GROUP, "data", {"subnetIds": UNKNOWN}), expect={"data": Kind.UNRESOLVED}),
        absent("a stack without data", _VPC, _GATEWAY, _subnet("web"), _TABLE, _routed("web"), _OUT),
        absent("a data subnet without a table of its own, in a VPC without a main one", _VPC, _subnet("a"), _subnet_group("a")),
    ),
)


def _world_through_edge(stack: Stack) -> Iterator[Problem]:
    graph = stack.view(reach)
    for urn, path in graph.breaches():
        group = stack.find(urn)
        if group is not None:
            yield violation(group, "ingress", f"holds data ({graph.data[urn]}) and is reached by {path}")
    told: set[tuple[str, str]] = set()
    for urn in graph.data:
        for member in sorted(graph.behind(urn)):
            for carrier, prop in graph.puzzles.get(member, ()):
                if (carrier.urn, prop) not in told:
                    told.add((carrier.urn, prop))
                    yield unresolved(
                        carrier,
                        prop or "ingress",
                        f"who is admitted cannot be told, and {graph.name(urn)}, which holds data, lies behind it",
                    )


def _group(name: str) -> Given:
    return Given(SECURITY_GROUP, name, {"vpcId": UNKNOWN}, {"vpcId": ["vpc"]})


def _flow(source: str, target: str, port: int) -> Given:
    return Given(
        INGRESS_RULE,
        f"{source}-{target}",
        {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "securityGroupId": UNKNOWN, "referencedSecurityGroupId": UNKNOWN},
        {"securityGroupId": [target], "referencedSecurityGroupId": [source]},
    )


def _from(cidr: object, target: str, port: int, name: str = "world") -> Given:
    return Given(
        INGRESS_RULE,
        f"{name}-{target}",
        {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "securityGroupId": UNKNOWN, "cidrIpv4": cidr},
        {"securityGroupId": [target]},
    )


_DATABASE = Given(DB_INSTANCE, "postgres", {"vpcSecurityGroupIds": [UNKNOWN]}, {"vpcSecurityGroupIds": ["db"]})
_BALANCER = Given(
    _LOAD_BALANCER,
    "balancer",
    {"internal": False, "securityGroups": [UNKNOWN], "subnets": [UNKNOWN]},
    {"securityGroups": ["edge"], "subnets": ["web"]},
)
_SERVICE = Given(
    "aws:ecs/service:Service",
    "backend",
    {"networkConfiguration": {"securityGroups": [UNKNOWN], "subnets": [UNKNOWN]}},
    {"networkConfiguration": ["app", "inner"]},
)
_PLATFORM = (
    _VPC,
    _subnet("web", "10.0.0.0/24"),
    _subnet("inner", "10.0.1.0/24"),
    _group("edge"),
    _group("app"),
    _group("db"),
    _BALANCER,
    _SERVICE,
    _DATABASE,
    _from("0.0.0.0/0", "edge", 443),
    _flow("edge", "app", 8000),
    _flow("app", "db", 5432),
)

NET_14 = StackRule(
    id="NET-14",
    severity=Severity.CRITICAL,
    title="The world reaches data only through a load balancer and then an application.",
    rationale="Each permission may look harmless alone; together they can form a path from the internet to a database that nobody drew.",
    remediation=(
        "Cut the path that the message draws: the database admits groups of applications, these admit the load balancer, "
        "and only the load balancer admits the world."
    ),
    references=(),
    types=(*INGRESS_SOURCES,),
    check=_world_through_edge,
    examples=(
        good("the intended path", *_PLATFORM),
        good("replicas talk among themselves", *_PLATFORM, _flow("db", "db", 5432)),
        good("a private block where only applications live", *_PLATFORM, _from("10.0.1.0/24", "db", 5432, "inner")),
        good(
            "CloudFront's prefix list reaches the load balancer",
            *_PLATFORM,
            Given(
                INGRESS_RULE,
                "cdn",
                {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListId": "pl-3b927c52", "securityGroupId": UNKNOWN},
                {"securityGroupId": ["edge"]},
            ),
        ),
        bad("the database admits the world", *_PLATFORM, _from("0.0.0.0/0", "db", 5432), at="db"),
        bad("or one address out there", *_PLATFORM, _from("198.51.100.7/32", "db", 5432), at="db"),
        bad("the application admits the world", *_PLATFORM, _from("0.0.0.0/0", "app", 8000), at="db"),
        bad("the load balancer is a client of the database", *_PLATFORM, _flow("edge", "db", 5432), at="db"),
        bad("the whole network is admitted, the load balancer with it", *_PLATFORM, _from("10.0.0.0/16", "db", 5432, "vpc"), at="db"),
        bad("a group that opens a database's port holds data", _VPC, _group("nodes"), _from("203.0.113.0/24", "nodes", 5432), at="nodes"),
        bad(
            "a way round through a bastion",
            *_PLATFORM,
            _group("bastion"),
            _from("198.51.100.0/24", "bastion", 443),
            _flow("bastion", "app", 8000),
            at="db",
        ),
        unknown(
            "a source group from outside the stack",
            *_PLATFORM,
            Given(
                INGRESS_RULE,
                "stranger",
                {
                    "ipProtocol": "tcp",
                    "fromPort": 5432,
                    "toPort": 5432,
                    "securityGroupId": UNKNOWN,
                    "referencedSecurityGroupId": "sg-0feed",
                },
                {"securityGroupId": ["db"]},
            ),
            expect={"stranger": Kind.UNRESOLVED},
        ),
        unknown("a block that nothing explains", *_PLATFORM, _from(UNKNOWN, "app", 8000, "who"), expect={"who-app": Kind.UNRESOLVED}),
        unknown(
            "a block that is a subnet's, where only applications live",
            *_PLATFORM,
            Given(
                INGRESS_RULE,
                "inner-db",
                {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "securityGroupId": UNKNOWN, "cidrIpv4": UNKNOWN},
                {"securityGroupId": ["db"], "cidrIpv4": ["inner"]},
            ),
        ),
        absent("a database that admits nobody", _VPC, _group("db"), _DATABASE),
        absent("a stack without data", _VPC, _group("edge"), _from("0.0.0.0/0", "edge", 443)),
    ),
)

_SHELLS = {port: ADMIN_PORTS[port] for port in (22, 3389)}


def _no_shell(resource: Resource) -> Iterator[Problem]:
    for permission in permissions(resource):
        peers = [
            (prop, value)
            for prop, value in (*permission.cidrs, *permission.prefix_lists, *permission.groups)
            # The world is NET-02's: one fault needs one exemption.
            if value is not ABSENT and not (isinstance(value, str) and is_world(value))
        ]
        if permission.itself:
            peers.append(("self", "itself"))
        for prop, peer in peers[:1]:
            at = prop or "ingress"
            if permission.ports is UNKNOWN:
                yield unresolved(resource, at, "ports that are not known yet are admitted: they may be those of SSH or remote desktop")
            elif named := permission.opens(_SHELLS):
                yield violation(resource, at, f"{'a peer' if peer is UNKNOWN else peer} is admitted to {' and '.join(named)}")


NET_18 = ResourceRule(
    id="NET-18",
    severity=Severity.HIGH,
    title="No security group opens SSH or remote desktop to anybody, from inside neither.",
    rationale="Sessions through Systems Manager need no open port and leave a record; an open port is the way from one machine to the next.",
    remediation="Remove the rule, and use SSM Session Manager or ECS Exec; where every protocol is admitted, name the ports that are needed.",
    references=(),
    types=INGRESS_SOURCES,
    check=_no_shell,
    examples=(
        good("an application's port", _ingress("app", 8000, "10.0.0.0/16")),
        good(
            "ping has no ports", Given(INGRESS_RULE, "ping", {"ipProtocol": "icmp", "fromPort": 8, "toPort": 0, "cidrIpv4": "10.0.0.0/8"})
        ),
        good("SSH from everywhere is NET-02's", _ingress("ssh", 22, "0.0.0.0/0")),
        good("egress opens nothing", Given(SECURITY_GROUP_RULE, "out", {"type": "egress", "protocol": "-1", "cidrBlocks": ["10.0.0.0/8"]})),
        bad("SSH from one's own network", _ingress("ssh", 22, "10.0.0.0/8")),
        bad("remote desktop by IPv6, inside a range", _ingress("wide", 3000, v6="fd00::/8", last=4000)),
        bad(
            "SSH from another group",
            Given(INGRESS_RULE, "ssh", {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "referencedSecurityGroupId": UNKNOWN}),
        ),
        bad(
            "SSH from a prefix list", Given(INGRESS_RULE, "ssh", {"ipProtocol": "6", "fromPort": 22, "toPort": 22, "prefixListId": "pl-0a"})
        ),
        bad(
            "SSH among themselves",
            Given(SECURITY_GROUP, "app", {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "self": True}]}),
        ),
        bad("every protocol from a group", Given(INGRESS_RULE, "all", {"ipProtocol": "-1", "referencedSecurityGroupId": "sg-0b"})),
        bad(
            "a rule of the older kind",
            Given(
                SECURITY_GROUP_RULE,
                "in",
                {"type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22, "sourceSecurityGroupId": "sg-0b"},
            ),
        ),
        unknown("ports that are not known", _ingress("in", UNKNOWN, "10.0.0.0/8"), expect={"in": Kind.UNRESOLVED}),
        unknown("rules that are not known", Given(SECURITY_GROUP, "app", {"ingress": UNKNOWN}), expect={"app": Kind.UNRESOLVED}),
        unknown("whoever it is", _ingress("ssh", 22, UNKNOWN), expect={"ssh": Kind.VIOLATION}),
        absent("a group without rules", Given(SECURITY_GROUP, "empty", {})),
        absent("a permission for nobody", Given(INGRESS_RULE, "ssh", {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22})),
    ),
)

RULES = (NET_02, NET_04, NET_09, NET_14, NET_18)
