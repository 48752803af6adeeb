"""The resolver's settings: a log of every question, a firewall that fails closed, and nothing in somebody else's VPC."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.network import Network
from infra.components.resolver import Resolver
from infra.settings.foundation import DnsFirewallMode, VpcDns
from infra.settings.foundation import Network as Settings
from nautilus.sandbox.simulation.mocks import Recording, synth
from tests.components.edge import context
from tests.components.test_network import EXISTING

KEY = "arn:aws:kms:us-east-1:123456789012:key/0c0ffee0-0000-4000-8000-000000000000"


def build(*, existing: bool = False, **dns: Any) -> Recording[Resolver]:
    def program() -> Resolver:
        ctx = context()
        settings = Settings(cidr="10.20.0.0/16", existing=EXISTING if existing else None)
        network = Network("network", ctx, settings=settings, log_key_arn=KEY)
        return Resolver(
            "resolver",
            ctx,
            network=network,
            settings=VpcDns(**dns),
            allowed_domains=(".binance.com", ".nautilus.example.com"),
            log_key_arn=KEY,
        )

    return synth(program)


def firewall(stack: Recording[Resolver]) -> list[str]:
    return [each.name for each in stack if "resolverFirewall" in each.type]


@pytest.fixture(scope="module")
def stack() -> Recording[Resolver]:
    return build(blocked_domains=["*.bad.example.org"])


def test_every_question_is_logged_encrypted(stack: Recording[Resolver]) -> None:
    """DTO-050."""
    group = stack.one("cloudwatch.LogGroup", "resolver-queries")
    assert (group.inputs["name"], group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == ("/nautilus/prod/vpc/dns", KEY, 365)
    config = stack.one("route53.ResolverQueryLogConfig")
    assert config.inputs["destinationArn"] == group.outputs["arn"]
    association = stack.one("route53.ResolverQueryLogConfigAssociation")
    assert association.inputs["resourceId"] == stack.one("ec2.Vpc").id
    assert association.inputs["resolverQueryLogConfigId"] == config.id


def test_log_delivery_writes_to_that_group_for_this_account_alone(stack: Recording[Resolver]) -> None:
    policy = stack.one("cloudwatch.LogResourcePolicy")
    (statement,) = json.loads(policy.inputs["policyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Resource"] == "arn:aws:logs:us-east-1:123456789012:log-group:/nautilus/prod/vpc/dns:log-stream:*"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert policy.urn in stack.one("route53.ResolverQueryLogConfig").dependencies


def test_blocked_names_go_first_then_allowed_ones_then_the_rest(stack: Recording[Resolver]) -> None:
    in_order = sorted(stack.by_type("route53.ResolverFirewallRule"), key=lambda each: each.inputs["priority"])
    rules = {each.name.removeprefix("resolver-"): each for each in in_order}
    lists = {each.name.removeprefix("resolver-"): each for each in stack.by_type("route53.ResolverFirewallDomainList")}
    assert [(name, rule.inputs["action"], rule.inputs.get("blockResponse")) for name, rule in rules.items()] == [
        ("blocked", "BLOCK", "NXDOMAIN"),
        ("allowed", "ALLOW", None),
        ("rest", "BLOCK", "NXDOMAIN"),
    ]
    assert [rule.inputs["priority"] for rule in rules.values()] == [100, 200, 300]
    assert all(rules[name].inputs["firewallDomainListId"] == lists[name].id for name in rules)
    assert lists["rest"].inputs["domains"] == ["*."]
    assert lists["blocked"].inputs["domains"] == ["*.bad.example.org."]
    assert {"*.binance.com.", "binance.com.", "*.amazonaws.com.", "*.nautilus.example.com.", "*.20.10.in-addr.arpa."} <= set(
        lists["allowed"].inputs["domains"]
    )


def test_redirections_are_trusted_for_allowed_names_alone(stack: Recording[Resolver]) -> None:
    found = {each.name: each.inputs["firewallDomainRedirectionAction"] for each in stack.by_type("route53.ResolverFirewallRule")}
    assert found == {
        "resolver-blocked": "INSPECT_REDIRECTION_DOMAIN",
        "resolver-allowed": "TRUST_REDIRECTION_DOMAIN",
        "resolver-rest": "INSPECT_REDIRECTION_DOMAIN",
    }


def test_the_group_is_associated_when_it_is_whole(stack: Recording[Resolver]) -> None:
    association = stack.one("route53.ResolverFirewallRuleGroupAssociation")
    rules = {each.urn for each in stack.by_type("route53.ResolverFirewallRule")}
    assert len(rules) == 3
    assert rules < set(association.dependencies)
    assert association.inputs["vpcId"] == stack.one("ec2.Vpc").id


def test_it_fails_closed_where_it_blocks_and_open_where_it_watches(stack: Recording[Resolver]) -> None:
    assert stack.one("route53.ResolverFirewallConfig").inputs["firewallFailOpen"] == "DISABLED"
    watching = build(firewall=DnsFirewallMode.ALERT)
    assert watching.one("route53.ResolverFirewallConfig").inputs["firewallFailOpen"] == "ENABLED"
    assert {each.inputs["action"] for each in watching.by_type("route53.ResolverFirewallRule")} == {"ALLOW", "ALERT"}
    assert not [each for each in watching.by_type("route53.ResolverFirewallRule") if "blockResponse" in each.inputs]


def test_what_is_off_is_not_made() -> None:
    assert firewall(build(firewall=DnsFirewallMode.OFF)) == []
    silent = build(query_log=False)
    assert not [each for each in silent if "QueryLog" in each.type or each.name == "resolver-queries"]
    assert silent.result.log_group_name is None
    assert len(firewall(silent)) == 7


def test_a_vpc_that_is_brought_along_keeps_its_own_settings() -> None:
    stack = build(existing=True, blocked_domains=["*.bad.example.org"])
    assert [each.name for each in stack if each.custom] == []
    assert stack.result.rules == ()


def test_names_of_long_projects_fit() -> None:
    def program() -> Resolver:
        ctx = context(environment="e" * 60)
        network = Network("network", ctx, settings=Settings(cidr="10.20.0.0/16"), log_key_arn=KEY)
        return Resolver("resolver", ctx, network=network, settings=VpcDns(), allowed_domains=(), log_key_arn=KEY)

    names = [each.inputs["name"] for each in synth(program) if "resolver" in each.type.lower() and "name" in each.inputs]
    assert max(map(len, names)) <= 64
    assert len(set(names)) == 4, "log, group and two lists, each with its own name"
