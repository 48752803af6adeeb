"""Prices of the network and its edge: endpoints, firewalls, load balancers, WAF, CloudFront, DNS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

from nautilus.inventory.cost.scene import Part, Scene, UnpricedError
from nautilus.inventory.values import listed, mapping

FREE_ENDPOINTS = ("guardduty-data",)
"""Interface endpoints for which AWS takes nothing, by hour or GB (GuardDuty's guide to its runtime agent)."""


def endpoint(scene: Scene) -> Iterator[Part]:
    """An interface endpoint in its zones."""
    if scene.text("vpcEndpointType", "Gateway") != "Interface" or scene.text("serviceName").endswith(FREE_ENDPOINTS):
        return
    yield "endpoint.hour", scene.hours * scene.count("subnetIds")


def firewall(scene: Scene) -> Iterator[Part]:
    """A firewall's endpoints."""
    yield "firewall.hour", scene.hours * scene.count("subnetMappings")


def load_balancer(scene: Scene) -> Iterator[Part]:
    """A load balancer and its public addresses, without capacity units."""
    kind = scene.text("loadBalancerType", "application")
    keys = {"application": "alb.hour", "network": "nlb.hour"}
    if kind not in keys:
        raise UnpricedError(f"the table has no price of a {kind} load balancer")
    yield keys[kind], scene.hours
    if scene.inputs.get("internal") is not True:
        # An internet-facing balancer holds a public address in each zone.
        yield "ipv4.hour", scene.hours * scene.count("subnets" if "subnets" in scene.inputs else "subnetMappings")


PAID_GROUPS = MappingProxyType(
    {
        "AWSManagedRulesBotControlRuleSet": "waf.bot-control.month",
        "AWSManagedRulesATPRuleSet": "waf.account-takeover.month",
        "AWSManagedRulesACFPRuleSet": "waf.account-creation.month",
        "AWSManagedRulesAntiDDoSRuleSet": "waf.anti-ddos.month",
    }
)
"""AWS-managed rule groups with a fee of their own."""


def _named(value: Any) -> Iterator[str]:
    """Every managed rule group in a web ACL's rules, in either spelling of its document."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            if key in ("managedRuleGroupStatement", "ManagedRuleGroupStatement"):
                group = mapping(item)
                yield str(group.get("name") or group.get("Name") or "")
            yield from _named(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _named(item)


def _rules(scene: Scene, key: str) -> list[Any]:
    text = scene.inputs.get(key)
    if not isinstance(text, str):
        return listed(scene.inputs.get("rules"))
    try:
        return listed(json.loads(text))
    except ValueError:
        raise UnpricedError("its rules are not known before an up") from None


def web_acl(scene: Scene) -> Iterator[Part]:
    """A web ACL, its rules, and the managed groups with a fee."""
    rules = _rules(scene, "ruleJson")
    yield "waf.acl.month", Decimal(1)
    if rules:
        yield "waf.rule.month", Decimal(len(rules))
    for group in sorted(set(_named(rules))):
        if group in PAID_GROUPS:
            yield PAID_GROUPS[group], Decimal(1)


def rule_group(scene: Scene) -> Iterator[Part]:
    """The rules of a rule group."""
    rules = _rules(scene, "rulesJson")
    if rules:
        yield "waf.rule.month", Decimal(len(rules))


def distribution(scene: Scene) -> Iterator[Part]:
    """A distribution with addresses of its own."""
    if mapping(scene.inputs.get("viewerCertificate")).get("sslSupportMethod") == "vip":
        yield "cloudfront.own-address.month", Decimal(1)


def health_check(scene: Scene) -> Iterator[Part]:
    """A health check and its options."""
    kind = scene.text("type")
    options = [
        kind.startswith("HTTPS"),
        kind.endswith("STR_MATCH"),
        scene.inputs.get("requestInterval") in (10, "10"),
        scene.inputs.get("measureLatency") is True,
    ]
    yield "route53.check.month", Decimal(1)
    if any(options):
        yield "route53.check-option.month", Decimal(sum(options))


def resolver(scene: Scene) -> Iterator[Part]:
    """The addresses of a resolver endpoint."""
    yield "resolver.endpoint.hour", scene.hours * scene.count("ipAddresses")


def domains(scene: Scene) -> Iterator[Part]:
    """The domains of a list."""
    yield "dns-firewall.domain.month", scene.count("domains")


def dns_association(scene: Scene) -> Iterator[Part]:
    """A DNS firewall with advanced protection in a VPC."""
    group = scene.needs("firewallRuleGroupId", "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup")
    rules = () if group is None else scene.inventory.of_type("aws:route53/resolverFirewallRule:ResolverFirewallRule")
    if any(rule.inputs.get("dnsThreatProtection") and group.urn in rule.all_dependencies for rule in rules if group is not None):
        yield "dns-firewall.advanced.hour", scene.hours
