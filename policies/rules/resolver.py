"""Rules about the VPC's resolver and its DNS firewall: a name is a way out as well."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import partnered
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import DNS_ASSOCIATION, DNS_CONFIG, DNS_GROUP, DNS_LIST, DNS_RULE, FIREWALL, VPC
from policies.values import ABSENT, UNKNOWN, Value, has_unknown, items

_EVERY_NAME = ("*", "*.")
_CLOSED = ("ALERT", "BLOCK")


def _by_vpc(stack: Stack) -> Iterator[tuple[str, list[Resource]]]:
    """For each VPC, by URN or id, the rule groups that are associated with it, in the order in which they are asked."""
    found: dict[str, list[Resource]] = {}
    for association in stack.of(DNS_ASSOCIATION):
        owners = [vpc.urn for vpc in association.sources("vpcId", VPC)] or [str(association.get("vpcId"))]
        for owner in owners:
            found.setdefault(owner, []).append(association)
    for owner, associations in found.items():
        yield owner, sorted(associations, key=lambda one: _number(one.get("priority")))


def _number(value: Value) -> int:
    """A priority; what is not known may come last."""
    text = str(value)
    return int(text) if text.isdigit() else 1 << 31


def _every_name(rule: Resource) -> bool | None:
    """Whether a rule is about every name; `None` where nothing shows it."""
    lists = rule.sources("firewallDomainListId", DNS_LIST)
    if rule.get("firewallDomainListId") is ABSENT or rule.get("qType") not in (ABSENT, ""):
        # A list of names is missing (threat protection alone), or questions of other types are not meant.
        return False
    if not lists or any(has_unknown(one.get("domains")) for one in lists):
        return None
    return any(domain in _EVERY_NAME for one in lists for domain in items(one.get("domains")))


def _names_end_closed(stack: Stack) -> Iterator[Problem]:
    if not stack.of(FIREWALL):
        return
    lost = [rule for rule in stack.of(DNS_RULE) if rule.get("firewallRuleGroupId") is UNKNOWN and not rule.sources("firewallRuleGroupId")]
    for rule in lost:
        yield unresolved(rule, "firewallRuleGroupId")
    for association in stack.of(DNS_ASSOCIATION):
        if association.get("vpcId") is UNKNOWN and not association.sources("vpcId"):
            yield unresolved(association, "vpcId")
        for group in association.sources("firewallRuleGroupId", DNS_GROUP):
            for rule in stack.users(group, "firewallRuleGroupId", DNS_RULE):
                if rule.get("action") == "ALLOW" and _every_name(rule):
                    yield violation(rule, "action", "answers every name: whatever comes after it is never asked")
    for owner, associations in _by_vpc(stack):
        last = associations[-1]
        groups = last.sources("firewallRuleGroupId", DNS_GROUP)
        if not groups:
            yield unresolved(last, "firewallRuleGroupId", "its rule group is not of this stack: nothing shows that it ends closed")
        for group in groups:
            rules = sorted(stack.users(group, "firewallRuleGroupId", DNS_RULE), key=lambda one: _number(one.get("priority")))
            if rules:
                yield from _ends_closed(stack, owner, rules[-1])
            elif not lost:
                yield violation(group, "name", "has no rules: the resolver answers every name")


def _ends_closed(stack: Stack, owner: str, last: Resource) -> Iterator[Problem]:
    action, every = last.get("action"), _every_name(last)
    if last.get("priority") is UNKNOWN or action is UNKNOWN:
        yield unresolved(last, "action", "what becomes of names on no list is not known")
    elif action not in _CLOSED:
        if not every:  # one that allows every name has been told already
            yield violation(last, "action", f"is the last rule and says {action}: names on no list are answered without a word")
    elif every is None:
        yield unresolved(last, "firewallDomainListId", "is the last rule, and nothing shows that its list holds every name")
    elif not every:
        yield violation(last, "firewallDomainListId", "is the last rule and not about every name: the resolver answers the others")
    elif action == "BLOCK":
        for config in stack.of(DNS_CONFIG):
            if owner not in ({vpc.urn for vpc in config.sources("resourceId", VPC)} or {str(config.get("resourceId"))}):
                continue
            if config.get("firewallFailOpen") is UNKNOWN:
                yield unresolved(config, "firewallFailOpen")
            elif config.get("firewallFailOpen") == "ENABLED":
                yield violation(config, "firewallFailOpen", "opens by itself whenever the DNS firewall that blocks is out of order")


_WALL = Given(FIREWALL, "wall", {"vpcId": UNKNOWN}, {"vpcId": ["vpc"]})
_VPC = Given(VPC, "vpc", {})
_GROUP = Given(DNS_GROUP, "group", {"name": "dns"})


def _associated(name: str = "association", group: str = "group", priority: object = 200) -> Given:
    return Given(
        DNS_ASSOCIATION,
        name,
        {"vpcId": UNKNOWN, "firewallRuleGroupId": UNKNOWN, "priority": priority},
        {"vpcId": ["vpc"], "firewallRuleGroupId": [group]},
    )


def _rule(name: str, action: object, domains: object, priority: object = 300, group: str = "group", **props: object) -> tuple[Given, Given]:
    ids = {"firewallRuleGroupId": UNKNOWN, "firewallDomainListId": UNKNOWN}
    depends = {"firewallRuleGroupId": [group], "firewallDomainListId": [f"{name}-list"]}
    return (
        Given(DNS_RULE, name, {**ids, "action": action, "priority": priority, **props}, depends),
        Given(DNS_LIST, f"{name}-list", {"domains": domains}),
    )


def _open(value: object) -> Given:
    return Given(DNS_CONFIG, "config", {"resourceId": UNKNOWN, "firewallFailOpen": value}, {"resourceId": ["vpc"]})


_HOME = (_WALL, _VPC, _GROUP, _associated())
_ALLOWED = _rule("allowed", "ALLOW", ["*.amazonaws.com."], 200)
_REST = _rule("rest", "BLOCK", ["*."])

NFW_06 = StackRule(
    id="NFW-06",
    severity=Severity.HIGH,
    title="A DNS firewall beside the egress firewall ends in a rule that blocks or reports every name, and one that blocks fails closed.",
    rationale=(
        "The egress firewall never sees a question to the VPC's resolver, and a question carries data in the name itself. A list of names "
        "whose end is open, or that opens when it is out of order, stops nobody."
    ),
    remediation=(
        "Give the rule with the largest priority the action BLOCK or ALERT and a list that holds `*.`, for every type of question, and set "
        '`firewall_fail_open="DISABLED"` where it blocks; or `network.dns.firewall: off`, of which NFW-07 advises.'
    ),
    references=(),
    types=(DNS_RULE, DNS_GROUP, DNS_ASSOCIATION, DNS_CONFIG),
    check=_names_end_closed,
    examples=(
        good("the rest is blocked", *_HOME, *_ALLOWED, *_REST, _open("DISABLED")),
        good("the rest is reported, and nothing stops when it fails", *_HOME, *_ALLOWED, *_rule("rest", "ALERT", ["*"]), _open("ENABLED")),
        good("without an egress firewall it is a list of what is known to be bad", _VPC, _GROUP, _associated(), *_ALLOWED),
        good(
            "a group of blocked names before the one that ends closed",
            *_HOME,
            *_REST,
            Given(DNS_GROUP, "bad", {}),
            _associated("first", "bad", 150),
            *_rule("worse", "BLOCK", ["evil.example."], group="bad"),
        ),
        bad("it ends in what is allowed", *_ALLOWED, *_HOME),
        bad("the rule for the rest allows", *_rule("rest", "ALLOW", ["*."]), *_HOME, *_ALLOWED),
        bad("everything is allowed before the rest is blocked", *_rule("all", "ALLOW", ["*."], 100), *_HOME, *_REST),
        bad("the last rule is about some names", *_rule("rest", "BLOCK", ["*.example.com."]), *_HOME, *_ALLOWED),
        bad("the last rule is about some questions", *_rule("rest", "BLOCK", ["*."], qType="A"), *_HOME, *_ALLOWED),
        bad("it blocks and fails open", _open("ENABLED"), *_HOME, *_ALLOWED, *_REST),
        bad("a group without rules", _GROUP, _WALL, _VPC, _associated()),
        bad(
            "an open group after the closed one",
            *_rule("worse", "BLOCK", ["evil.example."], group="bad"),
            *_HOME,
            *_REST,
            Given(DNS_GROUP, "bad", {}),
            _associated("second", "bad", 300),
        ),
        unknown("what it does is not known", *_HOME, *_ALLOWED, *_rule("rest", UNKNOWN, ["*."]), expect={"rest": Kind.UNRESOLVED}),
        unknown("about what is not known", *_HOME, *_ALLOWED, *_rule("rest", "BLOCK", UNKNOWN), expect={"rest": Kind.UNRESOLVED}),
        unknown("whether it fails open is not known", *_HOME, *_REST, _open(UNKNOWN), expect={"config": Kind.UNRESOLVED}),
        unknown(
            "a group of another stack",
            _WALL,
            _VPC,
            Given(DNS_ASSOCIATION, "association", {"vpcId": UNKNOWN, "firewallRuleGroupId": "rslvr-frg-0a"}, {"vpcId": ["vpc"]}),
            expect={"association": Kind.UNRESOLVED},
        ),
        unknown(
            "nothing says of which group a rule is",
            *_HOME,
            *_REST,
            Given(DNS_RULE, "stray", {"firewallRuleGroupId": UNKNOWN, "action": "BLOCK", "priority": 1}),
            expect={"stray": Kind.UNRESOLVED},
        ),
        unknown(
            "nothing says for which VPC",
            _WALL,
            _GROUP,
            *_REST,
            Given(DNS_ASSOCIATION, "association", {"vpcId": UNKNOWN, "firewallRuleGroupId": UNKNOWN}, {"firewallRuleGroupId": ["group"]}),
            expect={"association": Kind.UNRESOLVED},
        ),
        absent("failing closed is AWS's default", *_HOME, *_ALLOWED, *_REST),
        absent("no DNS firewall is NFW-07's", _WALL, _VPC),
    ),
)


def _names_judged(stack: Stack) -> Iterator[Problem]:
    if stack.of(FIREWALL):
        message = "an egress firewall stands in the stack, and its resolver answers every name: no DNS firewall is associated"
        yield from partnered(stack, VPC, DNS_ASSOCIATION, "vpcId", "id", message)


NFW_07 = StackRule(
    id="NFW-07",
    severity=Severity.MEDIUM,
    title="Where there is an egress firewall, a DNS firewall judges the names that its VPC's resolver answers.",
    rationale="Data leaves in names that are asked, past every other fence. Outside production one may live with that, knowingly.",
    remediation="Set `network.dns.firewall: block`, or `alert` while the names are being learnt.",
    references=(),
    types=(VPC, DNS_ASSOCIATION),
    check=_names_judged,
    examples=(
        good("associated", *_HOME),
        good("without an egress firewall names are the least of it", _VPC),
        bad("none", _VPC, _WALL),
        bad(
            "that of another VPC", _VPC, _WALL, Given(DNS_ASSOCIATION, "other", {"vpcId": "vpc-0b", "firewallRuleGroupId": "rslvr-frg-0a"})
        ),
        unknown(
            "nothing says for which VPC", _VPC, _WALL, Given(DNS_ASSOCIATION, "some", {"vpcId": UNKNOWN}), expect={"some": Kind.UNRESOLVED}
        ),
        absent("a stack without a VPC of its own", Given(FIREWALL, "wall", {"vpcId": "vpc-0a"})),
    ),
)

RULES = (NFW_06, NFW_07)
