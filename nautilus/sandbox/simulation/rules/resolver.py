"""Rules of the VPC's resolver: DNS firewall and query log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nautilus.sandbox.simulation.context import Urn
from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule
from nautilus.sandbox.simulation.values import is_known, shown

_RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"
_DOMAIN = re.compile(r"\*\.?|(\*\.)?([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_LONGEST = 255
_MOST = 1000


@rule(
    "resolver-domains",
    "Route 53 Resolver UpdateFirewallDomains: 1,000 names in a request, 255 characters, an asterisk only as the first label",
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
)
def domains(ctx: RuleContext) -> Iterator[Finding]:
    """Names that a domain list does not take."""
    items = ctx.items("domains")
    if len(items) > _MOST:
        yield "domains", f"has {len(items)} names, but AWS takes {_MOST} in one request"
    for index, name in enumerate(items):
        if not isinstance(name, str):
            continue
        if len(name) > _LONGEST:
            yield f"domains[{index}]", f"is {shown(name)} of {len(name)} characters, but AWS accepts at most {_LONGEST}"
        elif not _DOMAIN.fullmatch(name):
            yield f"domains[{index}]", f"is {shown(name)}, but must be a domain, with `*` as its first label or alone at most"


@rule("resolver-rule", "Route 53 Resolver CreateFirewallRule: BLOCK needs a response, OVERRIDE a record to answer with", _RULE)
def responses(ctx: RuleContext) -> Iterator[Finding]:
    """Rules whose action and response do not fit."""
    action, response = ctx.text("action"), ctx.text("blockResponse")
    if action == "BLOCK" and ctx.absent("blockResponse"):
        yield "blockResponse", "is missing: a rule that blocks answers NODATA, NXDOMAIN or OVERRIDE"
    if action in {"ALLOW", "ALERT"} and not ctx.absent("blockResponse"):
        yield "blockResponse", f"is given, but the action is {action}"
    override = ("blockOverrideDnsType", "blockOverrideDomain", "blockOverrideTtl")
    for name in override:
        if response == "OVERRIDE" and ctx.absent(name):
            yield name, "is missing, but the response is OVERRIDE"
        elif is_known(response) and response != "OVERRIDE" and not ctx.absent(name) and not ctx.absent("action"):
            yield name, "is given, but the response is not OVERRIDE"


@rule("resolver-rule-priority", "Route 53 Resolver CreateFirewallRule: each priority once in a rule group", _RULE)
def priorities(ctx: RuleContext) -> Iterator[Finding]:
    """Two rules of a group with one priority."""
    mine, group = ctx.number("priority"), ctx.inputs.get("firewallRuleGroupId")
    told = ctx.run.dependencies(ctx.urn, "firewallRuleGroupId")
    for other in ctx.run.of_token(_RULE):
        if other.urn == ctx.urn.text or mine is None or other.inputs.get("priority") != mine:
            continue
        same = (
            other.inputs.get("firewallRuleGroupId") == group
            if isinstance(group, str)
            else bool(told) and told == ctx.run.dependencies(Urn(other.urn), "firewallRuleGroupId")
        )
        if same:
            yield "priority", f"is {mine:g}, which {other.urn.rpartition('::')[2]} of the same group has too"


@rule(
    "resolver-query-log",
    "Route 53 Resolver CreateResolverQueryLogConfig: a bucket, a log group or a delivery stream",
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig",
)
def destination(ctx: RuleContext) -> Iterator[Finding]:
    """Query logs that go to something else."""
    arn = ctx.text("destinationArn")
    if arn is not None and not re.match(r"arn:[a-z-]+:(s3:::|logs:[^:]*:\d*:log-group:|firehose:[^:]*:\d*:deliverystream/)", arn):
        yield "destinationArn", f"is {shown(arn)}, but must be the ARN of a bucket, a log group or a delivery stream"
