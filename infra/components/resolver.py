"""The VPC's resolver: every question logged, and answers for the names on the list alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.components.network import Network
from infra.plan.dns_firewall import Rule, Verdict, own_names, rules
from infra.settings.foundation import DnsFirewallMode, VpcDns

NAME_LIMIT = 64
"""Characters of a name in Route 53 Resolver (API)."""
ASSOCIATION_PRIORITY = 200
"""Among the rule groups of the VPC; AWS takes 101 to 9899 (AssociateFirewallRuleGroup), and what Firewall Manager adds goes around it."""


class Resolver(Component):
    """Query log and DNS firewall of a network.

    Makes, with `queryLog`: an encrypted log group with a resource policy that admits log delivery from this account,
    `route53.ResolverQueryLogConfig` and its association. With `firewall` other than `off`: `route53.ResolverFirewallDomainList`,
    `ResolverFirewallRule` for blocked names, allowed names and the rest (`infra.plan.dns_firewall`), the `ResolverFirewallRuleGroup`, its
    association, and `ResolverFirewallConfig`.

    Fails closed with `block`: while AWS's DNS firewall is out of order the resolver answers nothing, as AWS's own default has it. The
    egress firewall never sees a question, so this is the only fence against data that leaves in names; a fence that opens by itself is
    none. A firewall that only watches (`alert`) must not be able to stop the platform: it fails open.

    Nothing is made in a VPC that was brought along: whoever owns it may have query logs and rule groups there already, and a list of ours
    would cut off everything else in it.

    Sources: DTO-048, DTO-050, PFC-073.
    """

    token: ClassVar[str] = "resolver"

    log_group_name: pulumi.Output[str] | None
    """Of the query log; None without one."""
    rules: tuple[Rule, ...]
    """What the firewall goes by; empty without one."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        network: Network,
        settings: VpcDns,
        allowed_domains: Sequence[str],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the resolver's settings for `network`.

        Args:
            allowed_domains: Names that the platform needs besides AWS's and the VPC's own: `Egress.allowed_domains` and the platform's
                domain, as `.example.com` (with everything below), `*.example.com` or `example.com`.

        Raises:
            ValueError: A list is longer than the resolver takes.
        """
        super().__init__(name, ctx, opts)
        self.log_group_name = None
        self.rules = ()
        if network.own and settings.query_log:
            self._query_log(network, log_key_arn)
        if network.own and settings.firewall is not DnsFirewallMode.OFF:
            block = settings.firewall is DnsFirewallMode.BLOCK
            self.rules = rules(
                allowed=(*own_names(network.vpc_cidr), *allowed_domains, *settings.allowed_domains),
                blocked=settings.blocked_domains,
                block=block,
            )
            self._firewall(network, fail_open=not block)
        self.register_outputs({"logGroupName": self.log_group_name})

    def _query_log(self, network: Network, log_key_arn: pulumi.Input[str]) -> None:
        ctx, name = self.ctx, f"{self.logical}-queries"
        group = log_group(self, name, path=ctx.names.path("vpc", "dns"), key_arn=log_key_arn)
        self.log_group_name = group.name
        # AWS adds such a policy by itself where the one who deploys may write resource policies; it belongs to the stack instead.
        statement: dict[str, Any] = {
            "Sid": "QueryLog",
            "Effect": "Allow",
            "Principal": {"Service": "delivery.logs.amazonaws.com"},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": ctx.arn("logs", f"log-group:{ctx.names.path('vpc', 'dns')}:log-stream:*"),
            "Condition": {"StringEquals": {"aws:SourceAccount": ctx.account_id}, "ArnLike": {"aws:SourceArn": ctx.arn("logs", "*")}},
        }
        policy = aws.cloudwatch.LogResourcePolicy(
            name,
            policy_name=ctx.names("vpc-dns"),
            policy_document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            opts=self.child(delete_before_replace=True),
        )
        config = aws.route53.ResolverQueryLogConfig(
            name,
            name=ctx.names("dns-queries", limit=NAME_LIMIT),
            destination_arn=group.arn,
            tags={"Name": ctx.names("dns-queries")},
            opts=self.child(depends_on=[policy]),
        )
        aws.route53.ResolverQueryLogConfigAssociation(
            name, resolver_query_log_config_id=config.id, resource_id=network.vpc_id, opts=self.child(delete_before_replace=True)
        )

    def _firewall(self, network: Network, *, fail_open: bool) -> None:
        ctx, name = self.ctx, self.logical
        group = aws.route53.ResolverFirewallRuleGroup(
            name, name=ctx.names("dns", limit=NAME_LIMIT), tags={"Name": ctx.names("dns")}, opts=self.child()
        )
        made = [self._rule(rule, group) for rule in self.rules]
        config = aws.route53.ResolverFirewallConfig(
            name,
            resource_id=network.vpc_id,
            firewall_fail_open="ENABLED" if fail_open else "DISABLED",
            opts=self.child(delete_before_replace=True),
        )
        aws.route53.ResolverFirewallRuleGroupAssociation(
            name,
            name=ctx.names("dns", limit=NAME_LIMIT),
            firewall_rule_group_id=group.id,
            vpc_id=network.vpc_id,
            priority=ASSOCIATION_PRIORITY,
            mutation_protection="DISABLED",
            tags={"Name": ctx.names("dns")},
            # The group is associated whole: half of it might be the rule that blocks the rest.
            opts=self.child(depends_on=[*made, config], delete_before_replace=True),
        )

    def _rule(self, rule: Rule, group: aws.route53.ResolverFirewallRuleGroup) -> aws.route53.ResolverFirewallRule:
        ctx, name = self.ctx, f"{self.logical}-{rule.part}"
        domains = aws.route53.ResolverFirewallDomainList(
            name,
            name=ctx.names("dns", rule.part, limit=NAME_LIMIT),
            domains=list(rule.domains),
            tags={"Name": ctx.names("dns", rule.part)},
            opts=self.child(),
        )
        return aws.route53.ResolverFirewallRule(
            name,
            name=ctx.names("dns", rule.part, limit=NAME_LIMIT),
            firewall_rule_group_id=group.id,
            firewall_domain_list_id=domains.id,
            priority=rule.priority,
            action=rule.verdict.value,
            # NXDOMAIN rather than an empty answer: programs give up at once instead of asking for the next record type.
            block_response="NXDOMAIN" if rule.verdict is Verdict.BLOCK else None,
            firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN" if rule.trust_redirection else "INSPECT_REDIRECTION_DOMAIN",
            opts=self.child(delete_before_replace=True),
        )
