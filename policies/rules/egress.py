"""Rules about the egress firewall (AWS Network Firewall): nothing goes around it, it stops what no rule allows, and it tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from policies.checks import partnered
from policies.resources import Resource, Stack
from policies.rule import (
    EXAMPLE_DAY,
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.subnets import dead_end, tables_of, workload_subnets
from policies.tokens import (
    ECS_SERVICE,
    FIREWALL,
    FIREWALL_LOGS,
    FIREWALL_POLICY,
    FIREWALL_RULES,
    LAUNCH_TEMPLATE,
    NAT_GATEWAY,
    NETWORK_INTERFACE,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    ROUTE_TABLES,
    SUBNET,
)
from policies.values import ABSENT, UNKNOWN, Value, descend, has_unknown, items

EVERYWHERE = ("0.0.0.0/0", "::/0")
LONGEST_EMERGENCY = timedelta(days=14)
"""The furthest expiry of an emergency rule group: long enough for an incident and its review (DTO-052)."""
_TARGETS = {
    "natGatewayId": "a NAT gateway",
    "gatewayId": "an internet gateway",
    "egressOnlyGatewayId": "an egress-only gateway",
    "transitGatewayId": "a transit gateway",
    "vpcPeeringConnectionId": "a peering",
    "localGatewayId": "a local gateway",
    "carrierGatewayId": "a carrier gateway",
    "coreNetworkArn": "a core network",
}


@dataclass(frozen=True)
class _Route:
    carrier: Resource
    values: dict[str, Value]
    """Empty for a route of which nothing is known."""
    prop: str
    """The input that holds the whole route; empty where each target is an input of its own."""

    def target(self, key: str) -> Value:
        value = self.values.get(key, ABSENT)
        return ABSENT if value == "" else value

    def sources(self, key: str, *types: str) -> tuple[Resource, ...]:
        return self.carrier.sources(self.prop or key, *types)


def _default_routes(table: Resource) -> Iterator[_Route]:
    if table.stack is not None:
        for route in table.stack.users(table, "routeTableId", ROUTE):
            if _everywhere(route.get("destinationCidrBlock"), route.get("destinationIpv6CidrBlock")):
                yield _Route(route, dict(route.inputs.values), "")
    for route in items(table.get("routes")):
        if not isinstance(route, dict):
            yield _Route(table, {}, "routes")
        elif _everywhere(route.get("cidrBlock", ABSENT), route.get("ipv6CidrBlock", ABSENT)):
            yield _Route(table, route, "routes")


def _everywhere(*destinations: Value) -> bool:
    """Whether a route is, or may be, the default one."""
    return any(destination is UNKNOWN or destination in EVERYWHERE for destination in destinations)


def _closed(route: _Route) -> bool:
    """Whether every interface that it may lead to is a dead end."""
    interfaces = route.sources("networkInterfaceId", NETWORK_INTERFACE)
    return bool(interfaces) and all(dead_end(interface) for interface in interfaces)


def _through_firewall(stack: Stack) -> Iterator[Problem]:
    if not stack.of(FIREWALL):
        return
    told: set[tuple[str, str]] = set()
    for subnet in workload_subnets(stack).values():
        for table in tables_of(subnet):
            for route in _default_routes(table):
                problem = _judged(route, subnet)
                if problem is not None and (problem.resource.urn, problem.message) not in told:
                    told.add((problem.resource.urn, problem.message))
                    yield problem
    for association in stack.of(ROUTE_TABLE_ASSOCIATION):
        if (
            association.get("subnetId") is UNKNOWN
            and not association.sources("subnetId", *(SUBNET,))
            and not association.sources("gatewayId")
        ):
            yield unresolved(
                association, "subnetId", "nothing shows which subnet follows this table: services in it may go around the firewall"
            )


def _judged(route: _Route, subnet: Resource) -> Problem | None:
    for key, what in _TARGETS.items():
        value = route.target(key)
        if value is ABSENT or (value is UNKNOWN and route.sources("vpcEndpointId", FIREWALL) and not route.prop and not route.sources(key)):
            continue
        return violation(
            route.carrier, route.prop or key, f"leads subnet {subnet.name}, in which our code runs, around the firewall to {what}"
        )
    if not route.values:
        return unresolved(
            route.carrier, route.prop, f"the routes of subnet {subnet.name} are not known yet: they may lead around the firewall"
        )
    endpoint, interface = route.target("vpcEndpointId"), route.target("networkInterfaceId")
    # A program may set both, of which only one will have a value: each must be harmless.
    inspected = endpoint is ABSENT or bool(route.sources("vpcEndpointId", FIREWALL))
    closed = interface is ABSENT or _closed(route)
    if inspected and closed and (endpoint, interface) != (ABSENT, ABSENT):
        return None
    at = route.prop or ("vpcEndpointId" if not inspected else "networkInterfaceId")
    if UNKNOWN in (endpoint, interface) and not route.sources(at):
        return unresolved(route.carrier, at, f"`{at}` is not known yet: it may lead subnet {subnet.name} around the firewall")
    return violation(route.carrier, at, f"leads subnet {subnet.name}, in which our code runs, to something that is not the firewall")


def _route(depends: dict[str, tuple[str, ...]], **props: object) -> Given:
    return Given(
        ROUTE,
        "out",
        {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0", **dict.fromkeys(depends, UNKNOWN), **props},
        {"routeTableId": ["table"], **depends},
    )


_FIREWALL = Given(FIREWALL, "wall", {"vpcId": "vpc-0a"})
_HOME = (
    Given(SUBNET, "app", {"availabilityZone": "us-east-1a"}),
    Given(ROUTE_TABLE, "table", {}),
    Given(
        ROUTE_TABLE_ASSOCIATION, "assoc", {"subnetId": UNKNOWN, "routeTableId": UNKNOWN}, {"subnetId": ["app"], "routeTableId": ["table"]}
    ),
    Given(ECS_SERVICE, "backend", {"networkConfiguration": {"subnets": [UNKNOWN]}}, {"networkConfiguration": ["app"]}),
)
_WALLED = (_FIREWALL, *_HOME)
_NAT = Given(NAT_GATEWAY, "nat", {})
_HOLE = Given(NETWORK_INTERFACE, "hole", {"subnetId": "subnet-0f"})

NFW_01 = StackRule(
    id="NFW-01",
    severity=Severity.HIGH,
    title="Where there is an egress firewall, all that our code sends to the internet passes it.",
    rationale="One zone whose default route still leads to its NAT gateway is a door in the wall, and nobody looks there: the firewall is up.",
    remediation="Lead 0.0.0.0/0 of every table of subnets with services to the zone's firewall endpoint (`vpc_endpoint_id`).",
    references=("FSBP NetworkFirewall.1",),
    types=(ROUTE, *ROUTE_TABLES, ROUTE_TABLE_ASSOCIATION),
    check=_through_firewall,
    examples=(
        good("to the firewall's endpoint", *_WALLED, _route({"vpcEndpointId": ("wall",)})),
        good(
            "while the endpoint may or may not exist yet",
            *_WALLED,
            _HOLE,
            _route({"vpcEndpointId": ("wall",), "networkInterfaceId": ("wall", "hole")}),
        ),
        good("to an interface that is attached to nothing", *_WALLED, _HOLE, _route({"networkInterfaceId": ("wall", "hole")})),
        good(
            "a dead end that no route needs any more is no workload",
            _FIREWALL,
            *_HOME[:3],
            _NAT,
            _route({"natGatewayId": ("nat",)}),
            Given(NETWORK_INTERFACE, "hole", {"subnetId": UNKNOWN}, {"subnetId": ["app"]}),
        ),
        bad(
            "around it from a subnet with an interface that somebody may attach",
            _route({"natGatewayId": ("nat",)}),
            _FIREWALL,
            *_HOME[:3],
            _NAT,
            Given(NETWORK_INTERFACE, "node", {"subnetId": UNKNOWN, "securityGroups": ["sg-0a"]}, {"subnetId": ["app"]}),
        ),
        good("behind the firewall the NAT is next", _FIREWALL, *_HOME[:3], _NAT, _route({"natGatewayId": ("nat",)})),
        good("without a firewall there is nothing to pass", *_HOME, _NAT, _route({"natGatewayId": ("nat",)})),
        bad("to a NAT gateway", _route({"natGatewayId": ("nat",)}), _NAT, *_WALLED),
        bad("to a literal NAT gateway", _route({}, natGatewayId="nat-0a"), *_WALLED),
        bad("to an internet gateway", _route({}, gatewayId="igw-0a"), *_WALLED),
        bad("by IPv6", _route({}, destinationCidrBlock=None, destinationIpv6CidrBlock="::/0", egressOnlyGatewayId="eigw-0a"), *_WALLED),
        bad("to an endpoint that is not the firewall's", _route({}, vpcEndpointId="vpce-0b"), *_WALLED),
        bad(
            "to a machine's interface",
            _route({"networkInterfaceId": ("hole",)}),
            _HOLE,
            Given(LAUNCH_TEMPLATE, "router", {"networkInterfaces": [{"networkInterfaceId": UNKNOWN}]}, {"networkInterfaces": ["hole"]}),
            *_WALLED,
        ),
        bad(
            "to a machine's interface as long as there is no endpoint",
            _route({"vpcEndpointId": ("wall",), "networkInterfaceId": ("wall", "hole")}),
            _HOLE,
            Given(LAUNCH_TEMPLATE, "router", {"networkInterfaces": [{"networkInterfaceId": UNKNOWN}]}, {"networkInterfaces": ["hole"]}),
            *_WALLED,
        ),
        unknown(
            "a whole table that is not known",
            Given(ROUTE_TABLE, "table", {"routes": UNKNOWN}),
            _FIREWALL,
            _HOME[0],
            *_HOME[2:],
            expect={"table": Kind.UNRESOLVED},
        ),
        bad(
            "an inline route",
            Given(ROUTE_TABLE, "table", {"routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-0a"}]}),
            _FIREWALL,
            _HOME[0],
            *_HOME[2:],
        ),
        unknown("to what nothing explains", *_WALLED, _route({}, vpcEndpointId=UNKNOWN), expect={"out": Kind.UNRESOLVED}),
        unknown(
            "nothing shows which subnet follows a table",
            *_WALLED,
            Given(ROUTE_TABLE_ASSOCIATION, "stray", {"subnetId": UNKNOWN, "routeTableId": UNKNOWN}, {"routeTableId": ["table"]}),
            expect={"stray": Kind.UNRESOLVED},
        ),
        absent("no way out at all", *_WALLED),
    ),
)

_PASSED_ON = ("aws:forward_to_sfe", "aws:drop")
# AWS has each in several shades: for every packet, for established connections, for those whose application is known.
_DROP, _ALERT = "aws:drop_", "aws:alert_"


def _actions(resource: Resource, key: str) -> list[Value]:
    return items(resource.get(f"firewallPolicy.{key}"))


def _default_closed(resource: Resource) -> Iterator[Problem]:
    for key in ("statelessDefaultActions", "statelessFragmentDefaultActions"):
        actions = _actions(resource, key)
        if UNKNOWN in actions:
            yield unresolved(resource, "firewallPolicy")
        elif not any(action in _PASSED_ON for action in actions):
            yield violation(resource, "firewallPolicy", f"`{key}` lets packets through before any stateful rule has seen them")
    order, actions = resource.get("firewallPolicy.statefulEngineOptions.ruleOrder"), _actions(resource, "statefulDefaultActions")
    if order is UNKNOWN or UNKNOWN in actions:
        yield unresolved(resource, "firewallPolicy")
    elif order != "STRICT_ORDER":
        yield violation(resource, "firewallPolicy", "its rules are not in strict order: what none of them matches passes")
    elif not any(str(action).startswith((_DROP, _ALERT)) for action in actions):
        yield violation(resource, "firewallPolicy", "what no rule matches passes without a word: the default neither drops nor alerts")


def _policy(*actions: object, order: object = "STRICT_ORDER", stateless: str = "aws:forward_to_sfe") -> Given:
    document = {
        "statelessDefaultActions": [stateless],
        "statelessFragmentDefaultActions": [stateless],
        "statefulEngineOptions": {"ruleOrder": order},
        "statefulDefaultActions": list(actions),
    }
    return Given(FIREWALL_POLICY, "policy", {"firewallPolicy": document})


NFW_02 = ResourceRule(
    id="NFW-02",
    severity=Severity.HIGH,
    title="What no rule of the egress firewall matches is dropped, or while rules are being learnt reported.",
    rationale="A firewall whose default lets everything pass in silence is a list of wishes. That it only reports is NFW-05's advice.",
    remediation='Set `STRICT_ORDER` with `stateful_default_actions=["aws:drop_established", "aws:alert_established"]`, stateless ones forward.',
    references=("FSBP NetworkFirewall.4", "FSBP NetworkFirewall.5"),
    types=(FIREWALL_POLICY,),
    check=_default_closed,
    examples=(
        good("dropped", _policy("aws:drop_established", "aws:alert_established")),
        good("dropped once the application is known", _policy("aws:drop_established_app_layer_to_server")),
        good("reported", _policy("aws:alert_established")),
        bad("neither", _policy()),
        bad("the first match in no order", _policy("aws:drop_strict", order="DEFAULT_ACTION_ORDER")),
        bad("the stateless engine lets all pass", _policy("aws:drop_strict", stateless="aws:pass")),
        unknown("not known", _policy(UNKNOWN), expect={"policy": Kind.UNRESOLVED}),
        unknown(
            "a policy that is not known", Given(FIREWALL_POLICY, "policy", {"firewallPolicy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}
        ),
        absent("no order means none", _policy("aws:drop_strict", order=None), expect={"policy": Kind.VIOLATION}),
    ),
)


def _dropped(resource: Resource) -> Iterator[Problem]:
    actions = _actions(resource, "statefulDefaultActions")
    if UNKNOWN in actions:
        yield unresolved(resource, "firewallPolicy")
    elif not any(str(action).startswith(_DROP) for action in actions):
        yield violation(resource, "firewallPolicy", "reports what no rule matches and lets it out")


NFW_05 = ResourceRule(
    id="NFW-05",
    severity=Severity.MEDIUM,
    title="The egress firewall drops what no rule matches; reporting alone is for learning its rules.",
    rationale="The mode `alert` shows what a new list would refuse. Left on, it is an open door with a bell.",
    remediation="Set `egress.mode: drop` once the alert log is quiet; production's settings refuse anything else.",
    references=("FSBP NetworkFirewall.4",),
    types=(FIREWALL_POLICY,),
    check=_dropped,
    examples=(
        good("dropped", _policy("aws:drop_strict")),
        bad("reported", _policy("aws:alert_established")),
        unknown("not known", _policy(UNKNOWN), expect={"policy": Kind.UNRESOLVED}),
        absent("nothing", _policy(), expect={"policy": Kind.VIOLATION}),
    ),
)


def _alerts_kept(stack: Stack) -> Iterator[Problem]:
    yield from partnered(
        stack, FIREWALL, FIREWALL_LOGS, "firewallArn", "name", "nothing keeps its alerts: what it refuses, nobody hears of"
    )
    for logs in stack.of(FIREWALL_LOGS):
        configs = items(logs.get("loggingConfiguration.logDestinationConfigs"))
        kinds = [descend(config, "logType") for config in configs]
        if "ALERT" in kinds:
            continue
        if UNKNOWN in kinds:
            yield unresolved(logs, "loggingConfiguration")
        else:
            yield violation(logs, "loggingConfiguration", "keeps no alerts: what the firewall refuses, nobody hears of")


def _logs(*kinds: object) -> Given:
    configs = [{"logType": kind, "logDestinationType": "CloudWatchLogs"} for kind in kinds]
    return Given(
        FIREWALL_LOGS,
        "logs",
        {"firewallArn": UNKNOWN, "loggingConfiguration": {"logDestinationConfigs": configs}},
        {"firewallArn": ["wall"]},
    )


NFW_03 = StackRule(
    id="NFW-03",
    severity=Severity.HIGH,
    title="The egress firewall keeps its alerts.",
    rationale="The alert log tells a broker's new address from an intruder's; without it the mode `alert` is no mode at all.",
    remediation="Add a `networkfirewall.LoggingConfiguration` with a destination of the type ALERT.",
    references=("FSBP NetworkFirewall.2",),
    types=(FIREWALL, FIREWALL_LOGS),
    check=_alerts_kept,
    examples=(
        good("alerts and flows", _FIREWALL, _logs("ALERT", "FLOW")),
        bad("no log", _FIREWALL),
        bad("flows alone", _logs("FLOW"), _FIREWALL),
        unknown("which is not known", _FIREWALL, _logs(UNKNOWN), expect={"logs": Kind.UNRESOLVED}),
        unknown(
            "nothing says of which firewall",
            _FIREWALL,
            Given(
                FIREWALL_LOGS, "logs", {"firewallArn": UNKNOWN, "loggingConfiguration": {"logDestinationConfigs": [{"logType": "ALERT"}]}}
            ),
            expect={"logs": Kind.UNRESOLVED},
        ),
        absent("no firewall"),
    ),
)


def _emergencies_end(stack: Stack) -> Iterator[Problem]:
    for group in stack.of(FIREWALL_RULES):
        tags = group.get("tags")
        marked, day = descend(tags, "Emergency"), descend(tags, "Expires")
        if tags is UNKNOWN or marked is UNKNOWN:
            yield unresolved(group, "tags", "whether it is an emergency rule group is not known")
        elif (marked is not ABSENT and str(marked).lower() != "false") or day is not ABSENT:
            yield from _ends(group, tags, stack.today)


def _ends(group: Resource, tags: Value, today: date) -> Iterator[Problem]:
    if has_unknown([descend(tags, key) for key in ("Reason", "Expires", "Reviewer")]):
        yield unresolved(group, "tags", "why and until when it holds is not known")
        return
    for key in ("Reason", "Reviewer"):
        if descend(tags, key) in (ABSENT, ""):
            yield violation(group, "tags", f"is an emergency rule group without the tag `{key}`")
    day = descend(tags, "Expires")
    try:
        expires = date.fromisoformat(str(day))
    except ValueError:
        yield violation(group, "tags", "is an emergency rule group without a day in the tag `Expires`, such as 2026-03-31")
        return
    if today > expires:
        yield violation(group, "tags", f"the emergency that it was for ended on {expires.isoformat()}")
    elif expires > today + LONGEST_EMERGENCY:
        yield violation(
            group, "tags", f"its end on {expires.isoformat()} is more than {LONGEST_EMERGENCY.days} days away: that is no emergency"
        )


def _emergency(days: int = 1, **tags: object) -> Given:
    said = {
        "Emergency": "true",
        "Reason": "incident 4711: the broker moved its login servers",
        "Expires": (EXAMPLE_DAY + timedelta(days=days)).isoformat(),
        "Reviewer": "risk desk",
    }
    return Given(FIREWALL_RULES, "emergency", {"name": "emergency", "tags": {**said, **tags}})


NFW_04 = StackRule(
    id="NFW-04",
    severity=Severity.HIGH,
    title="An emergency rule group of the firewall says why, who reviewed it and when it ends, and ends then.",
    rationale="What was opened for a night stays open for years unless something insists on the day.",
    remediation="Remove `egress.emergency` from the settings, or have it reviewed again with a new day at most 14 days ahead.",
    references=(),
    types=(FIREWALL_RULES,),
    check=_emergencies_end,
    examples=(
        good("its last day", _emergency(0)),
        good("no emergency", Given(FIREWALL_RULES, "domains", {"tags": {"Name": "domains"}})),
        bad("a day too long", _emergency(-1)),
        bad("whatever has an end is held to it", _emergency(-1, Emergency=None)),
        bad("a month ahead", _emergency(30)),
        bad("nobody reviewed it", _emergency(Reviewer="")),
        bad("no reason", _emergency(Reason=None)),
        bad("no day", _emergency(Expires="soon")),
        unknown("its tags are not known", Given(FIREWALL_RULES, "emergency", {"tags": UNKNOWN}), expect={"emergency": Kind.UNRESOLVED}),
        unknown("its day is not known", _emergency(Expires=UNKNOWN), expect={"emergency": Kind.UNRESOLVED}),
        absent("no end at all", _emergency(Expires=None), expect={"emergency": Kind.VIOLATION}),
        absent("no tags", Given(FIREWALL_RULES, "domains", {})),
    ),
)

RULES = (NFW_01, NFW_02, NFW_03, NFW_04, NFW_05)
