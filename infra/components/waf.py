"""The web application firewall, once at CloudFront and once at the load balancer. Its rules are data: `infra/plan/waf.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.edge_region import edge_region
from infra.plan import waf as plan
from infra.plan.key_policies import DataClass, Place, key_policy
from infra.settings.edge import LoggedRequests
from infra.settings.edge import Waf as Settings

KEY_WINDOW_DAYS = 30
RETRY_SECONDS = 60
"""What a client that sent too much is told to wait, in seconds: the shortest window of a limit."""
TOO_MANY, REFUSED = "too-many", "refused"
BODIES = {
    TOO_MANY: {"error": "too_many_requests", "message": "Too many requests from this address. Wait before trying again."},
    REFUSED: {"error": "forbidden", "message": "This request is not accepted."},
}
"""What our own rules answer, as JSON. AWS's groups answer with CloudFront's or the load balancer's bare 403."""
KEPT_ACTIONS = ("BLOCK", "CAPTCHA", "CHALLENGE", "COUNT", "EXCLUDED_AS_COUNT")
"""Actions whose requests are logged when not all are."""


class WebFirewall(Component):
    """A web ACL with the rules of `infra/plan/waf.py` for its scope, and its log.

    Makes: `wafv2.WebAcl` (WAF-01, WAF-03, WAF-04), a `cloudwatch.LogGroup` named `aws-waf-logs-…` (WAF's rule) and
    `wafv2.WebAclLoggingConfiguration` without credentials (WAF-02); with `associate_with` a `wafv2.WebAclAssociation` (LB-08); at CLOUDFRONT
    a `wafv2.IpSet` for each list of addresses that is not empty. With scope CLOUDFRONT all of it stands in us-east-1, and a stack of another
    region gets a `kms.Key` there for the log.

    No samples of requests are kept: WAF shows their headers to whoever may read samples, credentials included, and redacts them in logs
    only. AWS's groups follow the version that AWS makes the default, so that a new attack needs no release of ours.
    Sources: PFC-057, PFC-075, PFC-194, OTE-033, DTO-049, DTO-050, DTO-063.
    """

    token: ClassVar[str] = "web-firewall"

    arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    metric_name: str
    """The `WebACL` dimension of its metrics."""
    rules: tuple[plan.Rule, ...]
    """What it enforces, in order."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        scope: plan.Scope,
        settings: Settings,
        log_key_arn: pulumi.Input[str],
        secret_headers: Sequence[str] = (),
        associate_with: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the firewall.

        Args:
            settings: Limits, lists and what of it is logged; a log without its own retention follows the stack.
            log_key_arn: Key of the log group in the stack's region; CLOUDFRONT in another region makes its own.
            secret_headers: Headers beside cookies and authorization that the log must not hold. The load balancer's firewall sees the
                origin header, so it must be named here.
            associate_with: ARN of a load balancer to put behind the firewall; REGIONAL only, CloudFront names its firewall itself.

        Raises:
            ValueError: Rules that weigh more than the settings allow, or an association at CLOUDFRONT.
        """
        super().__init__(name, ctx, opts)
        if scope == "CLOUDFRONT" and associate_with is not None:
            raise ValueError(f"{name}: a CLOUDFRONT firewall is named by its distribution, it cannot be associated")
        self.rules = plan.table(settings, scope)
        weighs = plan.capacity(self.rules)
        if weighs > settings.capacity:
            raise ValueError(f"{name}: its rules weigh up to {weighs} WCU, more than edge.waf.capacity = {settings.capacity}")
        part = scope.lower()
        self._region = edge_region(self) if scope == "CLOUDFRONT" else None
        self.metric_name = ctx.names("waf", part, limit=128)
        edge = scope == "CLOUDFRONT"
        self._acl = aws.wafv2.WebAcl(
            name,
            name=self.metric_name,
            description="Rules on content, addresses and rates" if edge else "Rules on content",
            scope=scope,
            default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            rules=[self._rule(rule) for rule in self.rules],
            custom_response_bodies=[
                aws.wafv2.WebAclCustomResponseBodyArgs(
                    key=key, content_type="APPLICATION_JSON", content=json.dumps(BODIES[key], sort_keys=True, separators=(",", ":"))
                )
                for key in sorted(BODIES)
            ],
            association_config=_inspected(settings.inspect_body_kb) if edge else None,
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, sampled_requests_enabled=False, metric_name=self.metric_name
            ),
            region=self._region,
            tags={"Name": self.metric_name},
            opts=self.child(),
        )
        self.arn = self._acl.arn
        self._log(part, log_key_arn, settings, secret_headers)
        if associate_with is not None:
            aws.wafv2.WebAclAssociation(name, web_acl_arn=self.arn, resource_arn=associate_with, opts=self.child())
        self.register_outputs({"arn": self.arn})

    def _rule(self, rule: plan.Rule) -> aws.wafv2.WebAclRuleArgs:
        action: aws.wafv2.WebAclRuleActionArgs | None = None
        match rule:
            case plan.AddressRule():
                statement: dict[str, Any] = {"ip_set_reference_statement": {"arn": self._listed(rule)}}
                allow = aws.wafv2.WebAclRuleActionArgs(allow=aws.wafv2.WebAclRuleActionAllowArgs())
                action = allow if rule.listed is plan.Listed.ALLOWED else _block(403, REFUSED)
            case plan.RateRule():
                statement = {"rate_based_statement": _rate(rule)}
                action = _block(429, TOO_MANY, retry_seconds=RETRY_SECONDS)
            case plan.BodyRule():
                statement = {"and_statement": _large_body(rule)}
                action = _block(403, REFUSED)
            case plan.GroupRule():
                statement = {"managed_rule_group_statement": _group(rule)}
            case _:
                raise TypeError(f"{self.logical}: no statement is known for {type(rule).__name__}")
        own = None if action else aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs())
        return aws.wafv2.WebAclRuleArgs(
            name=rule.name,
            priority=rule.priority,
            action=action,
            override_action=own,
            statement=cast("aws.wafv2.WebAclRuleStatementArgs", statement),
            visibility_config=aws.wafv2.WebAclRuleVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, sampled_requests_enabled=False, metric_name=rule.name
            ),
        )

    def _listed(self, rule: plan.AddressRule) -> pulumi.Output[str]:
        addresses = aws.wafv2.IpSet(
            f"{self.logical}-{rule.listed.value}",
            name=self.ctx.names(rule.listed.value, "addresses", limit=128),
            description=rule.why.split(":")[0].capitalize(),
            scope="CLOUDFRONT",
            ip_address_version="IPV4",
            addresses=list(rule.networks),
            region=self._region,
            tags={"Name": self.ctx.names(rule.listed.value, "addresses")},
            opts=self.child(),
        )
        return addresses.arn

    def _log(self, part: str, key_arn: pulumi.Input[str], settings: Settings, secret_headers: Sequence[str]) -> None:
        group = aws.cloudwatch.LogGroup(
            f"{self.logical}-log",
            name=f"aws-waf-logs-{self.ctx.names(part)}",
            retention_in_days=settings.log_days or self.ctx.log_days,
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
                for header in sorted({*plan.SECRET_HEADERS, *(header.lower() for header in secret_headers)})
            ],
            logging_filter=_matched() if settings.log_requests is LoggedRequests.MATCHED else None,
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


def _inspected(kilobytes: int) -> aws.wafv2.WebAclAssociationConfigArgs:
    """How much of a body the firewall looks at. What is longer passes unseen beyond that, so uploads need the application's own look."""
    return aws.wafv2.WebAclAssociationConfigArgs(
        request_bodies=[
            aws.wafv2.WebAclAssociationConfigRequestBodyArgs(
                cloudfront=aws.wafv2.WebAclAssociationConfigRequestBodyCloudfrontArgs(default_size_inspection_limit=f"KB_{kilobytes}")
            )
        ]
    )


def _block(code: int, body: str, *, retry_seconds: int | None = None) -> aws.wafv2.WebAclRuleActionArgs:
    retry = aws.wafv2.WebAclRuleActionBlockCustomResponseResponseHeaderArgs(name="Retry-After", value=str(retry_seconds))
    return aws.wafv2.WebAclRuleActionArgs(
        block=aws.wafv2.WebAclRuleActionBlockArgs(
            custom_response=aws.wafv2.WebAclRuleActionBlockCustomResponseArgs(
                response_code=code, custom_response_body_key=body, response_headers=[retry] if retry_seconds else None
            )
        )
    )


def _matched() -> aws.wafv2.WebAclLoggingConfigurationLoggingFilterArgs:
    """Only what a rule matched: CloudFront's own log holds every request already, at the price of S3."""
    conditions = [
        aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs(
            action_condition=aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionActionConditionArgs(action=action)
        )
        for action in KEPT_ACTIONS
    ]
    return aws.wafv2.WebAclLoggingConfigurationLoggingFilterArgs(
        default_behavior="DROP",
        filters=[
            aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterArgs(behavior="KEEP", requirement="MEETS_ANY", conditions=conditions)
        ],
    )


def _path(match: plan.PathMatch) -> dict[str, Any]:
    """A statement, or one that narrows a rule: their classes differ in name only, so that a plain mapping serves both."""
    undone = plan.TRANSFORMATIONS if match.normalised else ("NONE",)
    return {
        "byte_match_statement": {
            "field_to_match": {"uri_path": {}},
            "positional_constraint": "STARTS_WITH",
            "search_string": match.prefix,
            "text_transformations": [{"priority": order, "type": name} for order, name in enumerate(undone)],
        }
    }


def _method(name: str) -> dict[str, Any]:
    return {
        "byte_match_statement": {
            "field_to_match": {"method": {}},
            "positional_constraint": "EXACTLY",
            "search_string": name,
            "text_transformations": [{"priority": 0, "type": "NONE"}],
        }
    }


def _any(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """WAF refuses an `or` of one."""
    return statements[0] if len(statements) == 1 else {"or_statement": {"statements": list(statements)}}


def _all(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return statements[0] if len(statements) == 1 else {"and_statement": {"statements": list(statements)}}


def _not(statement: dict[str, Any]) -> dict[str, Any]:
    return {"not_statement": {"statement": statement}}


def _rate(rule: plan.RateRule) -> dict[str, Any]:
    narrowed = [_path(rule.path)] if rule.path else []
    if rule.methods:
        narrowed.append(_any([_method(name) for name in rule.methods]))
    limit: dict[str, Any] = {"aggregate_key_type": "IP", "evaluation_window_sec": rule.seconds, "limit": rule.requests}
    return limit | ({"scope_down_statement": _all(narrowed)} if narrowed else {})


def _large_body(rule: plan.BodyRule) -> dict[str, Any]:
    labelled = {"label_match_statement": {"key": plan.OWN_BODY_LABEL, "scope": "LABEL"}}
    return {"statements": [labelled, _not(_any([_path(match) for match in rule.uploads]))]}


def _group(rule: plan.GroupRule) -> dict[str, Any]:
    group: dict[str, Any] = {"name": rule.name, "vendor_name": "AWS"}
    if rule.counted:
        group["rule_action_overrides"] = [{"name": name, "action_to_use": {"count": {}}} for name in rule.counted]
    if rule.outside:
        group["scope_down_statement"] = _not(_any([_path(match) for match in rule.outside]))
    match rule:
        case plan.TakeoverRule():
            form = {
                "payload_type": rule.payload.value,
                "username_field": {"identifier": rule.username_field},
                "password_field": {"identifier": rule.password_field},
            }
            answer = {"status_code": {"success_codes": list(plan.LOGIN_SUCCESS), "failure_codes": list(plan.LOGIN_FAILURE)}}
            watched = {"login_path": rule.login_path, "request_inspection": form, "response_inspection": answer}
            group["managed_rule_group_configs"] = [{"aws_managed_rules_atp_rule_set": watched}]
        case plan.BotRule():
            group["managed_rule_group_configs"] = [{"aws_managed_rules_bot_control_rule_set": _bots(rule)}]
        case _:
            pass
    return group


def _bots(rule: plan.BotRule) -> dict[str, Any]:
    # Machine learning is part of the targeted level and is on unless told otherwise; WAF knows the switch at that level alone.
    return {"inspection_level": rule.level} | ({"enable_machine_learning": True} if rule.level == "TARGETED" else {})
