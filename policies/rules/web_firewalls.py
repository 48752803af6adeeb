"""Rules about web firewalls (WAF)."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import flag_on, partnered
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import WEB_ACL, WEB_ACL_LOGS
from policies.values import ABSENT, UNKNOWN, Value, descend, items

_NEEDED = {
    "AWSManagedRulesCommonRuleSet": "AWS's common rules",
    "AWSManagedRulesKnownBadInputsRuleSet": "AWS's rules for known bad inputs",
}


def _has_rules(resource: Resource) -> Iterator[Problem]:
    rules = resource.get("rules")
    if rules is UNKNOWN:
        yield unresolved(resource, "rules")
    elif not items(rules) and descend(resource.get("defaultAction"), "block") is ABSENT:
        yield violation(resource, "rules", "lets everything through: it has no rules")


def _managed(name: object, **changes: object) -> dict[str, object]:
    group = {"managedRuleGroupStatement": {"vendorName": "AWS", "name": name}}
    return {"name": name, "statement": group, "overrideAction": {"none": {}}, **changes}


def _rate(**action: object) -> dict[str, object]:
    return {"name": "rate", "statement": {"rateBasedStatement": {"limit": 1000, "aggregateKeyType": "IP"}}, "action": action}


def _acl(*rules: object, **props: object) -> Given:
    return Given(WEB_ACL, "acl", {"scope": "REGIONAL", "defaultAction": {"allow": {}}, "rules": list(rules), **props})


_BASE = tuple(_managed(name) for name in _NEEDED)

WAF_01 = ResourceRule(
    id="WAF-01",
    severity=Severity.HIGH,
    title="Web ACLs have rules.",
    rationale="An empty web ACL costs as much as a full one and stops nothing.",
    remediation="Add rules, or make `block` the default action.",
    references=("FSBP WAF.10", "CKV_AWS_175"),
    types=(WEB_ACL,),
    check=_has_rules,
    examples=(
        good("rules", _acl(*_BASE)),
        good("everything is blocked", _acl(defaultAction={"block": {}})),
        bad("an empty list", _acl()),
        unknown("not known", Given(WEB_ACL, "acl", {"rules": UNKNOWN}), expect={"acl": Kind.UNRESOLVED}),
        absent("nothing", Given(WEB_ACL, "acl", {"defaultAction": {"allow": {}}}), expect={"acl": Kind.VIOLATION}),
    ),
)


def _logged(stack: Stack) -> Iterator[Problem]:
    yield from partnered(stack, WEB_ACL, WEB_ACL_LOGS, "resourceArn", "id", "nothing records what it blocks and counts")


WAF_02 = StackRule(
    id="WAF-02",
    severity=Severity.MEDIUM,
    title="Web ACLs log what they decide.",
    rationale="Without the log nobody can tell a customer that was blocked from an attacker that was not.",
    remediation="Add a `wafv2.WebAclLoggingConfiguration` of the ACL.",
    references=("FSBP WAF.11", "CKV2_AWS_31"),
    types=(WEB_ACL, WEB_ACL_LOGS),
    check=_logged,
    examples=(
        good("logged", _acl(*_BASE), Given(WEB_ACL_LOGS, "log", {"resourceArn": UNKNOWN}, {"resourceArn": ["acl"]})),
        bad("not logged", _acl(*_BASE)),
        unknown(
            "nothing says of which", _acl(*_BASE), Given(WEB_ACL_LOGS, "log", {"resourceArn": UNKNOWN}), expect={"log": Kind.UNRESOLVED}
        ),
        absent("no web ACL at all"),
    ),
)


def _measured(resource: Resource) -> Iterator[Problem]:
    yield from flag_on(resource, "visibilityConfig.cloudwatchMetricsEnabled", "sends no metrics")
    for rule in items(resource.get("rules")):
        if descend(rule, "visibilityConfig.cloudwatchMetricsEnabled") is False:
            yield violation(resource, "rules", f"rule {descend(rule, 'name')} sends no metrics")


def _seen(enabled: object, *rules: object) -> Given:
    return _acl(*rules, visibilityConfig={"cloudwatchMetricsEnabled": enabled, "metricName": "acl", "sampledRequestsEnabled": True})


WAF_03 = ResourceRule(
    id="WAF-03",
    severity=Severity.LOW,
    title="Web ACLs and their rules send metrics.",
    rationale="A rule that suddenly blocks everybody shows in its metric first.",
    remediation="Set `cloudwatch_metrics_enabled=True` in each `visibility_config`.",
    references=("FSBP WAF.12",),
    types=(WEB_ACL,),
    check=_measured,
    examples=(
        good("metrics", _seen(True, *_BASE)),
        bad("none", _seen(False)),
        bad("one rule without", _seen(True, _managed("AWSManagedRulesSQLiRuleSet", visibilityConfig={"cloudwatchMetricsEnabled": False}))),
        unknown("not known", _seen(UNKNOWN), expect={"acl": Kind.UNRESOLVED}),
        absent("it says nothing", _acl(), expect={"acl": Kind.VIOLATION}),
    ),
)


def _active(rule: Value) -> bool:
    """Whether a rule does more than count."""
    return descend(rule, "overrideAction.count") is ABSENT and descend(rule, "action.count") is ABSENT


def _essential_rules(resource: Resource) -> Iterator[Problem]:
    scope, rules = resource.get("scope"), items(resource.get("rules"))
    active = [rule for rule in rules if _active(rule)]
    names = [descend(rule, "statement.managedRuleGroupStatement.name") for rule in active]
    puzzled = resource.get("rules") is UNKNOWN or UNKNOWN in names or any(descend(rule, "statement") is UNKNOWN for rule in active)
    missing = [title for name, title in _NEEDED.items() if name not in names]
    if scope != "REGIONAL" and not any(descend(rule, "statement.rateBasedStatement") is not ABSENT for rule in active):
        missing.append("a limit of requests per address")
    if missing and (puzzled or scope is UNKNOWN):
        yield unresolved(resource, "rules")
    elif missing:
        yield violation(resource, "rules", f"lacks {' and '.join(missing)}, or only counts what they match")


WAF_04 = ResourceRule(
    id="WAF-04",
    severity=Severity.HIGH,
    title="Web ACLs block common attacks and known bad inputs, and at CloudFront floods from one address.",
    rationale=(
        "These rules stop what every public site meets within hours. The limit is asked of CloudFront's ACL alone: a regional one behind it "
        "sees CloudFront's addresses, and the header with the client's can be forged."
    ),
    remediation="Add both managed rule groups with `override_action` none, and in the scope CLOUDFRONT a `rate_based_statement` that blocks.",
    references=("CKV_AWS_192", "CKV2_AWS_76"),
    types=(WEB_ACL,),
    check=_essential_rules,
    examples=(
        good("CloudFront's", _acl(*_BASE, _rate(block={}), scope="CLOUDFRONT")),
        good("a regional one behind it needs no limit", _acl(*_BASE)),
        bad("no limit at CloudFront", _acl(*_BASE, scope="CLOUDFRONT")),
        bad("a limit that counts", _acl(*_BASE, _rate(count={}), scope="CLOUDFRONT")),
        bad("one group missing", _acl(_BASE[0])),
        bad("a group that counts", _acl(_BASE[0], _managed("AWSManagedRulesKnownBadInputsRuleSet", overrideAction={"count": {}}))),
        unknown(
            "rules that are not known", Given(WEB_ACL, "acl", {"scope": "REGIONAL", "rules": UNKNOWN}), expect={"acl": Kind.UNRESOLVED}
        ),
        unknown("a group that is not known", _acl(_BASE[0], _managed(UNKNOWN)), expect={"acl": Kind.UNRESOLVED}),
        absent("no rules", _acl(), expect={"acl": Kind.VIOLATION}),
    ),
)

RULES = (WAF_01, WAF_02, WAF_03, WAF_04)
