"""The web application firewall, once at CloudFront and once at the load balancer."""

from __future__ import annotations

import json
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.key_policies import DataClass, Place, key_policy

Scope = Literal["REGIONAL", "CLOUDFRONT"]

CDN_REGION = "us-east-1"
"""Where AWS keeps everything of CloudFront: its firewall, the firewall's log and its certificates."""
WINDOW_SECONDS = 300
KEY_WINDOW_DAYS = 30
REDACTED_HEADERS = ("authorization", "cookie")
"""Never written to the log: they are credentials."""

CONTENT_GROUPS = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet")
"""Groups that look at a request's content: both scopes have them."""
ADDRESS_GROUPS = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesAnonymousIpList")
"""Groups that look at the client's address: only CloudFront sees it. Behind CloudFront every client has an address of Amazon, which the
second group holds for a hosting provider's, and the header that names the client can be forged."""
COUNT_ONLY = {"AWSManagedRulesAnonymousIpList": ("HostingProviderIPList",)}
"""Rules that count and do not block: people trade from rented servers too, so an address of a cloud is no reason to refuse."""


class WebFirewall(Component):
    """A web ACL with AWS's managed rules, its log and, at CloudFront, a limit of requests a client address.

    Makes: `wafv2.WebAcl` (WAF-01, WAF-03, WAF-04), a `cloudwatch.LogGroup` named `aws-waf-logs-…` (WAF's rule) and
    `wafv2.WebAclLoggingConfiguration` without credentials (WAF-02); with `associate_with` a `wafv2.WebAclAssociation` (LB-08). With scope
    CLOUDFRONT all of it stands in us-east-1, and a stack of another region gets a `kms.Key` there for the log.
    The rate limit counts addresses, so it exists at CloudFront alone: behind it every client has one of CloudFront's.
    Sources: PFC-057, PFC-075, DTO-049, DTO-050; seed 003's rate limiting.
    """

    token: ClassVar[str] = "web-firewall"

    arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    metric_name: str
    """The `WebACL` dimension of its metrics."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        scope: Scope,
        requests_per_five_minutes: int,
        log_key_arn: pulumi.Input[str],
        log_days: int | None = None,
        associate_with: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the firewall.

        Args:
            requests_per_five_minutes: Requests of one address in 5 minutes before it is blocked, 10 to 2,000,000,000 (WAF); at CLOUDFRONT.
            log_key_arn: Key of the log group in the stack's region; CLOUDFRONT in another region makes its own.
            log_days: Retention of the log, in days; None follows the stack.
            associate_with: ARN of a load balancer to put behind the firewall; REGIONAL only, CloudFront names its firewall itself.

        Raises:
            ValueError: A limit that WAF refuses, or an association at CLOUDFRONT.
        """
        super().__init__(name, ctx, opts)
        if not 10 <= requests_per_five_minutes <= 2_000_000_000:
            raise ValueError(f"{name}: requests_per_five_minutes = {requests_per_five_minutes}; WAF takes 10 to 2000000000")
        if scope == "CLOUDFRONT" and associate_with is not None:
            raise ValueError(f"{name}: a CLOUDFRONT firewall is named by its distribution, it cannot be associated")
        part = scope.lower()
        self._region = CDN_REGION if scope == "CLOUDFRONT" and ctx.region != CDN_REGION else None
        self.metric_name = ctx.names("waf", part, limit=128)
        managed = [*CONTENT_GROUPS, *(ADDRESS_GROUPS if scope == "CLOUDFRONT" else ())]
        rules = [self._managed(group, priority) for priority, group in enumerate(managed, start=10)]
        if scope == "CLOUDFRONT":
            rules.insert(0, self._rate(requests_per_five_minutes))
        self._acl = aws.wafv2.WebAcl(
            name,
            name=self.metric_name,
            description="Managed rules and rate limit of the platform" if scope == "CLOUDFRONT" else "Managed rules of the platform",
            scope=scope,
            default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            rules=rules,
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=self.metric_name
            ),
            region=self._region,
            tags={"Name": self.metric_name},
            opts=self.child(),
        )
        self.arn = self._acl.arn
        self._log(part, log_key_arn, log_days or ctx.log_days)
        if associate_with is not None:
            aws.wafv2.WebAclAssociation(name, web_acl_arn=self.arn, resource_arn=associate_with, opts=self.child())
        self.register_outputs({"arn": self.arn})

    @staticmethod
    def _visible(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
        return aws.wafv2.WebAclRuleVisibilityConfigArgs(cloudwatch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=metric)

    def _managed(self, group: str, priority: int) -> aws.wafv2.WebAclRuleArgs:
        overrides = [
            aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(
                name=rule,
                action_to_use=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs(
                    count=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs()
                ),
            )
            for rule in COUNT_ONLY.get(group, ())
        ]
        return aws.wafv2.WebAclRuleArgs(
            name=group,
            priority=priority,
            override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()),
            statement=aws.wafv2.WebAclRuleStatementArgs(
                managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                    vendor_name="AWS", name=group, rule_action_overrides=overrides or None
                )
            ),
            visibility_config=self._visible(group),
        )

    def _rate(self, limit: int) -> aws.wafv2.WebAclRuleArgs:
        return aws.wafv2.WebAclRuleArgs(
            name="rate-limit",
            priority=1,
            action=aws.wafv2.WebAclRuleActionArgs(
                block=aws.wafv2.WebAclRuleActionBlockArgs(
                    custom_response=aws.wafv2.WebAclRuleActionBlockCustomResponseArgs(response_code=429)
                )
            ),
            statement=aws.wafv2.WebAclRuleStatementArgs(
                rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                    limit=limit, aggregate_key_type="IP", evaluation_window_sec=WINDOW_SECONDS
                )
            ),
            visibility_config=self._visible("rate-limit"),
        )

    def _log(self, part: str, key_arn: pulumi.Input[str], days: int) -> None:
        group = aws.cloudwatch.LogGroup(
            f"{self.logical}-log",
            name=f"aws-waf-logs-{self.ctx.names(part)}",
            retention_in_days=days,
            kms_key_id=key_arn if self._region is None else self._edge_key(self._region),
            region=self._region,
            opts=self.child(),
        )
        self.log_group_name = group.name
        aws.wafv2.WebAclLoggingConfiguration(
            f"{self.logical}-log",
            resource_arn=self.arn,
            log_destination_configs=[group.arn],
            redacted_fields=[
                aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(name=header)
                )
                for header in REDACTED_HEADERS
            ],
            region=self._region,
            opts=self.child(),
        )

    def _edge_key(self, region: str) -> pulumi.Output[str]:
        """A key for the log in CloudFront's region: a log group takes a key of its own region alone."""
        ctx = self.ctx
        policy = key_policy(DataClass.LOGS, Place(account=ctx.account_id, region=region, partition=ctx.partition))
        key = aws.kms.Key(
            f"{self.logical}-log",
            description=f"{ctx.names.prefix}: log groups of CloudFront",
            deletion_window_in_days=KEY_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=json.dumps(policy, sort_keys=True, separators=(",", ":")),
            region=region,
            tags={"Name": ctx.names("edge-logs")},
            opts=self.stateful(),
        )
        aws.kms.Alias(
            f"{self.logical}-log",
            name=f"alias/{ctx.names('edge-logs')}",
            target_key_id=key.key_id,
            region=region,
            opts=self.child(delete_before_replace=True),
        )
        return key.arn
