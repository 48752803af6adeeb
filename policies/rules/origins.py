"""Rules about what stands between CloudFront and a load balancer: the header that only CloudFront sends."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.security_groups import permissions
from policies.tokens import (
    DISTRIBUTION,
    GROUPS,
    INGRESS_RULE,
    INGRESS_SOURCES,
    LISTENER_RULES,
    LISTENERS,
    LOAD_BALANCERS,
    SECURITY_GROUP,
)
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, items

_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
_BALANCER, _LISTENER, _RULE = LOAD_BALANCERS[0], LISTENERS[0], LISTENER_RULES[0]
_EVERY_PORT = (0, 65535)


def _cdn_ports(stack: Stack, balancer: Resource) -> list[tuple[int, int]]:
    """The ports on which CloudFront reaches a load balancer: by its prefix list, or as the origin that a distribution names."""
    found: list[tuple[int, int]] = []
    groups = {group.urn for group in balancer.sources("securityGroups", *GROUPS)}
    for carrier in stack.of(*INGRESS_SOURCES):
        targets = [carrier] if carrier.type in GROUPS else carrier.sources("securityGroupId", *GROUPS)
        if not any(target.urn in groups for target in targets):
            continue
        for permission in permissions(carrier):
            # A list of one's own holds addresses of one's own; any other of AWS's that a balancer admits is CloudFront's.
            foreign = [value for prop, value in permission.prefix_lists if value is not ABSENT and not carrier.sources(prop, _LIST)]
            if foreign and permission.ports is not ABSENT:
                found.append(_EVERY_PORT if isinstance(permission.ports, Gap) else permission.ports)
    for cdn in stack.of(DISTRIBUTION):
        if balancer in cdn.sources("origins", *LOAD_BALANCERS):
            ports = [descend(origin, "customOriginConfig.httpsPort") for origin in items(cdn.get("origins"))]
            found += [(port, port) if isinstance(port, int) else _EVERY_PORT for port in ports if port is not ABSENT]
    return found


def _sent(stack: Stack) -> set[str]:
    """The headers that the stack's distributions add, in lower case; empty where that is not known."""
    headers = [
        descend(header, "name")
        for cdn in stack.of(DISTRIBUTION)
        for origin in items(cdn.get("origins"))
        for header in items(descend(origin, "customHeaders"))
    ]
    return set() if UNKNOWN in headers else {str(name).lower() for name in headers}


def _forwards(actions: Value) -> bool | None:
    """Whether a request gets through to targets; `None` where it is not known."""
    kinds = [descend(action, "type") for action in items(actions)]
    return True if "forward" in kinds else None if UNKNOWN in kinds else False


def _header_demanded(stack: Stack) -> Iterator[Problem]:
    sent = _sent(stack)
    for balancer in stack.of(*LOAD_BALANCERS):
        if balancer.get("loadBalancerType") in ("network", "gateway"):
            continue
        ports = _cdn_ports(stack, balancer)
        if not ports:
            continue
        for rule in stack.of(*LISTENER_RULES):
            if rule.get("listenerArn") is UNKNOWN and not rule.sources("listenerArn"):
                yield unresolved(rule, "listenerArn", f"nothing shows whose rule it is: {balancer.name} is reached through CloudFront")
        for listener in stack.users(balancer, "loadBalancerArn", *LISTENERS):
            port = listener.get("port")
            if isinstance(port, int) and not any(first <= port <= last for first, last in ports):
                continue  # CloudFront is not let in there: whoever is comes from inside
            forwards = _forwards(listener.get("defaultActions"))
            if forwards is None:
                yield unresolved(listener, "defaultActions")
            elif forwards:
                yield violation(listener, "defaultActions", "forwards by default, whether a request came through CloudFront or not")
            for rule in stack.users(listener, "listenerArn", *LISTENER_RULES):
                yield from _demands(rule, sent)


def _demands(rule: Resource, sent: set[str]) -> Iterator[Problem]:
    forwards = _forwards(rule.get("actions"))
    if forwards is False:
        return
    conditions = items(rule.get("conditions"))
    headers = [header for condition in conditions for header in items(descend(condition, "httpHeader"))]
    demanded = [header for header in headers if header is not UNKNOWN and _asks(header, sent)]
    if demanded:
        return
    if forwards is None:
        yield unresolved(rule, "actions")
    elif UNKNOWN in conditions or UNKNOWN in headers or any(descend(header, "httpHeaderName") is UNKNOWN for header in headers):
        yield unresolved(rule, "conditions")
    else:
        yield violation(
            rule, "conditions", "forwards requests without the header that CloudFront adds: whose distribution sent them is not asked"
        )


def _asks(header: Value, sent: set[str]) -> bool:
    name, values = descend(header, "httpHeaderName"), items(descend(header, "values"))
    if not isinstance(name, str) or (sent and name.lower() not in sent):
        return False
    return bool(values) and all(value is UNKNOWN or str(value).strip("*?") != "" for value in values)


def _edge(**source: object) -> tuple[Given, ...]:
    return (
        Given(SECURITY_GROUP, "edge", {}),
        Given(_BALANCER, "balancer", {"loadBalancerType": "application", "securityGroups": [UNKNOWN]}, {"securityGroups": ["edge"]}),
        Given(
            INGRESS_RULE,
            "in",
            {
                "securityGroupId": UNKNOWN,
                "ipProtocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                **(source or {"prefixListId": "pl-3b927c52"}),
            },
            {"securityGroupId": ["edge"]},
        ),
    )


def _listener(action: object = "fixed-response", port: object = 443, name: str = "https") -> Given:
    actions = [{"type": action}]
    return Given(_LISTENER, name, {"loadBalancerArn": UNKNOWN, "port": port, "defaultActions": actions}, {"loadBalancerArn": ["balancer"]})


def _route(*conditions: object, action: object = "forward", listener: str = "https") -> Given:
    props = {"listenerArn": UNKNOWN, "actions": [{"type": action}], "conditions": list(conditions)}
    return Given(_RULE, "api", props, {"listenerArn": [listener]})


def _header(name: object = "X-Origin-Verify", *values: object) -> dict[str, object]:
    return {"httpHeader": {"httpHeaderName": name, "values": list(values or [UNKNOWN])}}


_PATHS = {"pathPattern": {"values": ["/api/*"]}}
_CDN = Given(DISTRIBUTION, "cdn", {"origins": [{"originId": "app", "customHeaders": [{"name": "x-origin-verify", "value": UNKNOWN}]}]})
_ORIGIN = Given(
    DISTRIBUTION,
    "cdn",
    {"origins": [{"originId": "app", "domainName": UNKNOWN, "customOriginConfig": {"httpsPort": 443}}]},
    {"origins": ["balancer"]},
)

LB_11 = StackRule(
    id="LB-11",
    severity=Severity.HIGH,
    title="What a load balancer forwards of CloudFront's requests carries the header that our distribution adds.",
    rationale=(
        "CloudFront's addresses are everybody's: a distribution of a stranger's comes from them too, without our web firewall and our limits. "
        "Listeners on ports that CloudFront is not admitted to, such as a rollout's test listener, are reached from inside alone."
    ),
    remediation="Give each rule that forwards an `http_header` condition with the origin's secret header, and refuse by default.",
    references=(),
    types=(*LISTENERS, *LISTENER_RULES),
    check=_header_demanded,
    examples=(
        good("the header is demanded", *_edge(), _CDN, _listener(), _route(_PATHS, _header())),
        good("a refusal needs none", *_edge(), _listener(), _route(_PATHS, action="fixed-response")),
        good("the test listener is reached from inside", *_edge(), _listener("forward", 8443, "test"), _route(_PATHS, listener="test")),
        good("nobody comes through CloudFront", *_edge(cidrIpv4="0.0.0.0/0"), _listener("forward"), _route(_PATHS)),
        good(
            "a prefix list of one's own",
            *_edge()[:2],
            Given(
                INGRESS_RULE,
                "in",
                {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListId": UNKNOWN},
                {"securityGroupId": ["edge"], "prefixListId": ["office"]},
            ),
            Given(_LIST, "office", {}),
            _listener("forward"),
        ),
        bad("paths alone", _route(_PATHS), *_edge(), _listener()),
        bad("no condition at all", _route(), *_edge(), _listener()),
        bad("the default forwards", _listener("forward"), *_edge()),
        bad("any value will do", _route(_PATHS, _header("X-Origin-Verify", "*")), *_edge(), _listener()),
        bad("one of its values is any", _route(_header("X-Origin-Verify", UNKNOWN, "*")), *_edge(), _listener()),
        bad("a header that everybody sends", _route(_PATHS, _header("User-Agent", "Amazon CloudFront")), *_edge(), _CDN, _listener()),
        bad("a distribution names it", _route(_PATHS), _ORIGIN, *_edge(cidrIpv4="0.0.0.0/0"), _listener()),
        bad("the test listener, once CloudFront is admitted there", _listener("forward", 8443), *_edge(prefixListId="pl-0a", toPort=8443)),
        unknown("what it asks is not known", *_edge(), _listener(), _route(UNKNOWN), expect={"api": Kind.UNRESOLVED}),
        unknown("which header is not known", *_edge(), _listener(), _route(_header(UNKNOWN)), expect={"api": Kind.UNRESOLVED}),
        unknown("what it does is not known", *_edge(), _listener(UNKNOWN), expect={"https": Kind.UNRESOLVED}),
        unknown("a port that is not known may be CloudFront's", _listener("forward", UNKNOWN), *_edge(), expect={"https": Kind.VIOLATION}),
        unknown(
            "nothing shows whose rule it is",
            *_edge(),
            Given(_RULE, "stray", {"listenerArn": UNKNOWN, "actions": [{"type": "forward"}]}),
            expect={"stray": Kind.UNRESOLVED},
        ),
        absent("no rules", *_edge(), _listener()),
    ),
)

RULES = (LB_11,)
