"""Rules about security groups: what the default one holds, who may be open to the world, and how rules are declared."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.security_groups import ADMIN_PORTS, DATA_PORTS, egress_permissions, is_outside, is_world, permissions, reach
from policies.tokens import (
    DB_INSTANCE,
    DEFAULT_NETWORK_ACL,
    DEFAULT_SECURITY_GROUP,
    DEFAULT_VPC,
    EGRESS_RULE,
    GROUPS,
    INGRESS_RULE,
    INGRESS_SOURCES,
    NETWORK_ACL,
    NETWORK_ACL_RULE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNETS,
    VPC,
)
from policies.values import ABSENT, UNKNOWN

_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_STANDALONE = (INGRESS_RULE, EGRESS_RULE, SECURITY_GROUP_RULE)
_ACLS = (NETWORK_ACL, DEFAULT_NETWORK_ACL)
_EGRESS_SOURCES = (*GROUPS, SECURITY_GROUP_RULE, EGRESS_RULE)
_OWN_BLOCKS = (*SUBNETS, VPC, DEFAULT_VPC)


def _default_group_empty(stack: Stack) -> Iterator[Problem]:
    managed: set[str] = set()
    for group in stack.of(DEFAULT_SECURITY_GROUP):
        managed |= {vpc.urn for vpc in group.sources("vpcId", VPC)}
        for prop in ("ingress", "egress"):
            value = group.get(prop)
            if value is UNKNOWN:
                yield unresolved(group, prop)
            elif value is not ABSENT and value != []:
                yield violation(group, prop, f"the default group has {prop} rules: whatever forgets to name a group gets them")
        for type_ in _STANDALONE:
            for rule in stack.users(group, "securityGroupId", type_):
                yield violation(group, "ingress", f"{rule.name} adds a rule to the default group")
    for vpc in stack.of(VPC):
        if vpc.urn not in managed:
            yield violation(vpc, "id", "its default security group is not managed: AWS fills it with rules that let everything out")


def _default(**props: object) -> Given:
    return Given(DEFAULT_SECURITY_GROUP, "default", {"vpcId": UNKNOWN, **props}, {"vpcId": ["vpc"]})


_VPC = Given(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})

NET_01 = StackRule(
    id="NET-01",
    severity=Severity.HIGH,
    title="The default security group of every VPC is managed and empty.",
    rationale="Whatever is started without a group lands in the default one, whose own rules let everything out and each other in.",
    remediation="Manage it with a `DefaultSecurityGroup` whose `ingress` and `egress` are empty lists, and name a group everywhere.",
    references=("FSBP EC2.2", "CIS 5.5", "CKV2_AWS_12"),
    types=(VPC, DEFAULT_SECURITY_GROUP),
    check=_default_group_empty,
    examples=(
        good("managed and empty", _VPC, _default(ingress=[], egress=[])),
        bad("nobody manages it", _VPC),
        bad("it lets everything out", _default(egress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]), _VPC),
        bad(
            "a rule beside it",
            _default(),
            _VPC,
            Given(
                INGRESS_RULE,
                "in",
                {"securityGroupId": UNKNOWN, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"},
                {"securityGroupId": ["default"]},
            ),
        ),
        unknown("its rules are not known", _VPC, _default(ingress=UNKNOWN), expect={"default": Kind.UNRESOLVED}),
        absent("without rules the provider strips it of AWS's own", _VPC, _default()),
        absent("a stack without a VPC of its own"),
    ),
)

_WEB = ((80, 80), (443, 443))


def _world_only_at_the_edge(stack: Stack) -> Iterator[Problem]:
    edge = stack.view(reach).edge
    for carrier in stack.of(*INGRESS_SOURCES):
        for permission in permissions(carrier):
            if permission.ports is UNKNOWN or permission.opens(ADMIN_PORTS) or permission.opens(DATA_PORTS):
                continue  # NET-02 and NET-04 say more about these, and one fault needs one exemption
            for prop, cidr in permission.cidrs:
                at = prop or "ingress"
                if cidr is UNKNOWN:
                    if not carrier.sources(prop, *_OWN_BLOCKS):
                        yield unresolved(carrier, at, f"`{at}` is not known yet: it may be the whole internet")
                    continue
                if not isinstance(cidr, str) or not is_world(cidr):
                    continue
                targets = [carrier] if carrier.type in GROUPS else list(carrier.sources("securityGroupId", *GROUPS))
                if permission.ports not in _WEB:
                    yield violation(carrier, at, f"{cidr} is admitted to more than port 80 or 443")
                elif not targets:
                    yield unresolved(
                        carrier, at, f"{cidr} is admitted to a group that is not of this stack: nothing shows that it is the edge"
                    )
                elif any(target.urn not in edge for target in targets):
                    yield violation(carrier, at, f"{cidr} is admitted to a group that is not an internet-facing load balancer's")


def _ingress(name: str, group: str, port: object, cidr: object) -> Given:
    return Given(
        INGRESS_RULE,
        name,
        {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": cidr, "securityGroupId": UNKNOWN},
        {"securityGroupId": [group]},
    )


def _group(name: str, **props: object) -> Given:
    return Given(SECURITY_GROUP, name, props)


_EDGE = (_group("edge"), Given(_BALANCER, "balancer", {"internal": False, "securityGroups": [UNKNOWN]}, {"securityGroups": ["edge"]}))

NET_03 = StackRule(
    id="NET-03",
    severity=Severity.HIGH,
    title="The world is admitted to internet-facing load balancers alone, on ports 80 and 443.",
    rationale="Every other open port is a way around the web firewall, the access log and the health checks.",
    remediation="Admit the world, or better CloudFront's prefix list, to the load balancer's group; admit groups everywhere else.",
    references=("FSBP EC2.18", "CKV_AWS_260", "CKV_AWS_277"),
    types=INGRESS_SOURCES,
    check=_world_only_at_the_edge,
    examples=(
        good("HTTPS to the load balancer", *_EDGE, _ingress("https", "edge", 443, "0.0.0.0/0")),
        good("one's own network to an application", _group("app"), _ingress("app-in", "app", 8000, "10.0.0.0/16")),
        good("SSH from everywhere is NET-02's", *_EDGE, _ingress("ssh", "edge", 22, "0.0.0.0/0")),
        bad("HTTPS to an application", _ingress("https", "app", 443, "0.0.0.0/0"), _group("app"), *_EDGE),
        bad("another port of the load balancer", _ingress("test", "edge", 8443, "0.0.0.0/0"), *_EDGE),
        bad(
            "an internal load balancer is no edge",
            _ingress("https", "inner", 443, "0.0.0.0/0"),
            _group("inner"),
            Given(_BALANCER, "balancer", {"internal": True, "securityGroups": [UNKNOWN]}, {"securityGroups": ["inner"]}),
        ),
        bad(
            "an inline rule",
            _group("app", ingress=[{"protocol": "tcp", "fromPort": 443, "toPort": 443, "ipv6CidrBlocks": ["::/0"]}]),
        ),
        unknown("an unknown block may be the internet", *_EDGE, _ingress("in", "edge", 443, UNKNOWN), expect={"in": Kind.UNRESOLVED}),
        unknown("unknown ports are NET-02's", *_EDGE, _ingress("in", "edge", UNKNOWN, "0.0.0.0/0")),
        unknown(
            "a group from outside the stack",
            Given(
                INGRESS_RULE,
                "in",
                {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0", "securityGroupId": "sg-0feed"},
            ),
            expect={"in": Kind.UNRESOLVED},
        ),
        absent("a group without rules", _group("app")),
    ),
)


def _declared_one_way(stack: Stack) -> Iterator[Problem]:
    yield from _one_way(stack, (SECURITY_GROUP,), "securityGroupId", _STANDALONE)
    yield from _one_way(stack, _ACLS, "networkAclId", (NETWORK_ACL_RULE,))


def _one_way(stack: Stack, holders: tuple[str, ...], link: str, standalone: tuple[str, ...]) -> Iterator[Problem]:
    mixed = False
    for holder in stack.of(*holders):
        inline = [prop for prop in ("ingress", "egress") if holder.get(prop) is not ABSENT]
        if not inline:
            continue
        mixed = True
        for rule in stack.users(holder, link, *standalone):
            yield violation(holder, inline[0], f"has inline {inline[0]} rules, and {rule.name} adds another beside them")
    if mixed:
        for rule in stack.of(*standalone):
            if rule.get(link) is UNKNOWN and not rule.sources(link):
                yield unresolved(rule, link, "to what it adds is not known, and some of the stack have inline rules")


_INLINE = {"ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}]}

_ENTRY = {"ruleNo": 100, "action": "allow", "protocol": "6", "fromPort": 443, "toPort": 443, "cidrBlock": "10.0.0.0/8"}


def _list(type_: str = NETWORK_ACL, **props: object) -> Given:
    return Given(type_, "list", props)


def _list_rule() -> Given:
    return Given(NETWORK_ACL_RULE, "in", {"networkAclId": UNKNOWN, "ruleNumber": 110}, {"networkAclId": ["list"]})


NET_11 = StackRule(
    id="NET-11",
    severity=Severity.HIGH,
    title="The rules of a security group, or of a network access list, are inline or standalone, never both.",
    rationale="The two ways overwrite each other: every update removes rules that the other one added, and traffic stops or opens at random.",
    remediation=(
        "Leave `ingress` and `egress` of the group unset and declare each rule as `SecurityGroupIngressRule` or `…EgressRule`; "
        "of an access list, as `NetworkAclRule`."
    ),
    references=(),
    types=(SECURITY_GROUP, *_STANDALONE, *_ACLS, NETWORK_ACL_RULE),
    check=_declared_one_way,
    examples=(
        good("standalone rules", _group("app"), _ingress("in", "app", 443, "10.0.0.0/8")),
        good("inline rules", _group("app", **_INLINE)),
        good("one way each", _group("app", **_INLINE), _group("db"), _ingress("in", "db", 5432, "10.0.0.0/8")),
        bad("both", _group("app", **_INLINE), _ingress("in", "app", 8000, "10.0.0.0/8")),
        bad("an empty inline list removes the others too", _group("app", egress=[]), _ingress("in", "app", 8000, "10.0.0.0/8")),
        bad(
            "the older kind of rule counts",
            _group("app", **_INLINE),
            Given(SECURITY_GROUP_RULE, "out", {"type": "egress", "securityGroupId": UNKNOWN}, {"securityGroupId": ["app"]}),
        ),
        good("an access list with rules of its own", _list(), _list_rule()),
        bad("an access list with both", _list(ingress=[_ENTRY]), _list_rule()),
        bad("the default list with both", _list(DEFAULT_NETWORK_ACL, egress=[]), _list_rule()),
        unknown(
            "nothing says to which list a rule adds",
            _list(ingress=[_ENTRY]),
            Given(NETWORK_ACL_RULE, "in", {"networkAclId": UNKNOWN}),
            expect={"in": Kind.UNRESOLVED},
        ),
        unknown(
            "nothing says which group a rule adds to",
            _group("app", **_INLINE),
            Given(INGRESS_RULE, "in", {"securityGroupId": UNKNOWN}),
            expect={"in": Kind.UNRESOLVED},
        ),
        absent("a group without rules", _group("app")),
    ),
)


def _data_stays_inside(stack: Stack) -> Iterator[Problem]:
    data = stack.view(reach).data
    for carrier in stack.of(*_EGRESS_SOURCES):
        for permission in egress_permissions(carrier):
            targets: list[Resource] = [carrier] if carrier.type in GROUPS else list(carrier.sources("securityGroupId", *GROUPS))
            held = [target for target in targets if target.urn in data]
            if not held:
                continue
            for prop, cidr in permission.cidrs:
                at = prop or "egress"
                if cidr is UNKNOWN:
                    if not carrier.sources(prop, *_OWN_BLOCKS):
                        yield unresolved(carrier, at, f"`{at}` is not known yet: {held[0].name} holds data and may reach the internet")
                elif isinstance(cidr, str) and is_outside(cidr):
                    yield violation(carrier, at, f"{held[0].name} holds data ({data[held[0].urn]}) and reaches {cidr}")


def _out(cidr: object, group: str = "db") -> Given:
    return Given(EGRESS_RULE, "out", {"ipProtocol": "-1", "cidrIpv4": cidr, "securityGroupId": UNKNOWN}, {"securityGroupId": [group]})


_DATABASE = (_group("db"), Given(DB_INSTANCE, "postgres", {"vpcSecurityGroupIds": [UNKNOWN]}, {"vpcSecurityGroupIds": ["db"]}))

NET_12 = StackRule(
    id="NET-12",
    severity=Severity.MEDIUM,
    title="What holds data reaches no address of the internet.",
    rationale="A database that can open connections to the internet can be made to send what it holds there.",
    remediation="Let the group of the data reach groups and AWS's prefix lists only.",
    references=("CKV_AWS_382", "AVD-AWS-0104"),
    types=_EGRESS_SOURCES,
    check=_data_stays_inside,
    examples=(
        good("inside the network", *_DATABASE, _out("10.0.0.0/16")),
        good("applications may reach out", _group("app"), _out("0.0.0.0/0", "app")),
        good(
            "S3 through its prefix list",
            *_DATABASE,
            Given(
                EGRESS_RULE,
                "out",
                {"ipProtocol": "tcp", "prefixListId": "pl-63a5400a", "securityGroupId": UNKNOWN},
                {"securityGroupId": ["db"]},
            ),
        ),
        bad("everywhere", _out("0.0.0.0/0"), *_DATABASE),
        bad("one address out there", _out("198.51.100.7/32"), *_DATABASE),
        bad(
            "an inline rule",
            _group("db", egress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]),
            _DATABASE[1],
        ),
        unknown("a block that nothing explains", *_DATABASE, _out(UNKNOWN), expect={"out": Kind.UNRESOLVED}),
        absent("a database that reaches nobody", *_DATABASE),
    ),
)

RULES = (NET_01, NET_03, NET_11, NET_12)
