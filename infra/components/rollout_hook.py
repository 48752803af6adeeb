"""The Lambda that holds a rollout at named percentages (lambdas/rollout_hook), and ECS's right to call it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.function import Code, lambda_function
from infra.plan.iam import hook_policy, invoke_policy, trust


class RolloutHook(Component):
    """One function for all services of the stack; each service's holds and alarms stand in its own `hookDetails`."""

    token = "rollout-hook"

    def __init__(self, name: str, ctx: Context, *, log_key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the function, its role, its log group and the role with which ECS invokes it."""
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=64)
        self.function = lambda_function(
            self,
            Code(
                folder="rollout_hook",
                description="Holds ECS rollouts at named percentages and stops them when an alarm is on",
                seconds=30,
                purpose="What the rollout hook may do",
            ),
            permissions=lambda arn: hook_policy(log_group_arn=arn, region=ctx.region, account_id=ctx.account_id, partition=ctx.partition),
            log_key_arn=log_key_arn,
        )
        self.invoke_role = aws.iam.Role(
            f"{name}-invoke-role",
            name=ctx.names(name, "invoke", limit=64),
            description="With which ECS calls the rollout hook",
            assume_role_policy=trust("ecs.amazonaws.com"),
            opts=self.child(),
        )
        self.invoke_permission = aws.iam.RolePolicy(
            f"{name}-invoke-policy",
            name="invoke",
            role=self.invoke_role.name,
            policy=self.function.arn.apply(invoke_policy),
            opts=self.child(),
        )
        self.function_arn = self.function.arn
        self.invoke_role_arn = self.invoke_role.arn
        self.register_outputs({"function_arn": self.function_arn, "invoke_role_arn": self.invoke_role_arn})
