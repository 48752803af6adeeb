"""The Lambda that guards, tests and holds a rollout (lambdas/rollout_hook), and ECS's right to call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.function import NAME_LIMIT, Code, Placement, lambda_function
from infra.plan.iam import hook_policy, invoke_policy, trust
from infra.plan.trading_calendar import ZONES

SECONDS = 120
"""Time-out of one call: the smoke test takes at most 40 seconds, and each of its calls to AWS, four at most, 21 more."""


def zone_files() -> tuple[str, ...]:
    """What of the distribution `tzdata` the function carries: the zones of the trading calendars."""
    return ("tzdata/__init__.py", *(f"tzdata/zoneinfo/{zone}" for zone in ZONES))


class RolloutHook(Component):
    """One function for all services of the stack; each service's orders stand in its own `hookDetails` (`infra.plan.rollout.orders`).

    It stands in the VPC: the test listener answers nobody else. The load balancer's name leads to public addresses even there, so the
    function looks up the private ones.

    Makes: `lambda.Function` with its `iam.Role` and `cloudwatch.LogGroup`; an `iam.Role` with which ECS calls this function alone.
    Sources: NDS-001, NRC-076; AWS-RULES.md sections 2 and 6.
    """

    token: ClassVar[str] = "rollout-hook"

    function_name: str
    """Physical name, for alarms and the runbook."""
    function_arn: pulumi.Output[str]
    invoke_role_arn: pulumi.Output[str]
    invoke_permission: aws.iam.RolePolicy
    """Must exist before a service names the hook."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        log_key_arn: pulumi.Input[str],
        placement: Placement | None = None,
        services: Sequence[str] = (),
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the function, its role, its log group and the role with which ECS invokes it.

        Args:
            name: Logical name.
            ctx: The stack.
            log_key_arn: KMS key of the log.
            placement: App subnets and the group of `Role.ROLLOUT_HOOK`. None leaves it outside the VPC, from where it cannot smoke-test.
            services: Workloads whose pauses, overrides and migration records it may read.
            after: Ways to the AWS APIs: ECS may call the function only once it can see something.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=NAME_LIMIT)
        function = lambda_function(
            self,
            Code(
                folder="rollout_hook",
                description="Guards, tests and holds ECS rollouts, and stops them when an alarm is on",
                seconds=SECONDS,
                purpose="What the rollout hook may do",
                shared=("smoke", "trading_hours"),
                # Lambda's image promises no time zones; the whole of tzdata would be six hundred files.
                data={"tzdata": zone_files()},
            ),
            permissions=lambda arn: hook_policy(
                log_group_arn=arn,
                region=ctx.region,
                account_id=ctx.account_id,
                partition=ctx.partition,
                services=services,
                parameters=ctx.names.path(),
            ),
            log_key_arn=log_key_arn,
            placement=placement,
        )
        role = aws.iam.Role(
            f"{name}-invoke-role",
            name=ctx.names(name, "invoke", limit=NAME_LIMIT),
            description="With which ECS calls the rollout hook",
            assume_role_policy=trust("ecs.amazonaws.com"),
            opts=self.child(),
        )
        self.invoke_permission = aws.iam.RolePolicy(
            f"{name}-invoke-policy",
            name="invoke",
            role=role.name,
            policy=function.arn.apply(invoke_policy),
            opts=self.child(depends_on=list(after)),
        )
        self.function_arn = function.arn
        self.invoke_role_arn = role.arn
        self.register_outputs({"function_arn": self.function_arn, "invoke_role_arn": self.invoke_role_arn})
