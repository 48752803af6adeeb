"""The Lambda that holds a rollout at named percentages (lambdas/rollout_hook), and ECS's right to call it."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan.iam import hook_policy, invoke_policy, trust

SOURCE = Path(__file__).resolve().parents[2] / "lambdas" / "rollout_hook"


def source_archive(folder: Path) -> pulumi.AssetArchive:
    """The Python files of `folder` by content: neither compiled leftovers nor the checkout's place can change the plan."""
    return pulumi.AssetArchive({file.name: pulumi.StringAsset(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))})


class RolloutHook(Component):
    """One function for all services of the stack; each service's holds and alarms stand in its own `hookDetails`."""

    token = "rollout-hook"

    def __init__(self, name: str, ctx: Context, *, log_key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the function, its role, its log group and the role with which ECS invokes it."""
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=64)
        log = log_group(self, f"{name}-log", path=f"/aws/lambda/{self.function_name}", key_arn=log_key_arn)
        role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names(name, "run", limit=64),
            description="What the rollout hook may do",
            assume_role_policy=trust("lambda.amazonaws.com"),
            opts=self.child(),
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-policy",
            name="run",
            role=role.name,
            policy=log.arn.apply(
                lambda arn: hook_policy(log_group_arn=arn, region=ctx.region, account_id=ctx.account_id, partition=ctx.partition)
            ),
            opts=self.child(),
        )
        self.function = aws.lambda_.Function(
            f"{name}-function",
            name=self.function_name,
            description="Holds ECS rollouts at named percentages and stops them when an alarm is on",
            role=role.arn,
            runtime="python3.13",
            architectures=["arm64"],
            handler="handler.handler",
            code=source_archive(SOURCE),
            timeout=30,
            memory_size=256,
            tracing_config={"mode": "Active"},
            logging_config={"log_format": "JSON", "log_group": log.name, "application_log_level": "INFO", "system_log_level": "WARN"},
            opts=self.child(depends_on=[log, permissions]),
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
