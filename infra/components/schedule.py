"""Schedules that call a function: EventBridge Scheduler with a role that may do nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws

from infra.component import Component
from infra.components.function import NAME_LIMIT
from infra.plan.iam import policy, statement, trust


@dataclass(frozen=True, kw_only=True)
class Call:
    """When a function is called, and with what."""

    when: str
    """`rate(…)` or `cron(…)` of EventBridge Scheduler, in UTC."""
    description: str
    part: str = ""
    """Last part of the schedule's names; empty for a component's only schedule."""
    event: Mapping[str, str] | None = None


def schedule(
    owner: Component, function: aws.lambda_.Function, *calls: Call, purpose: str, patience_seconds: int, retries: int
) -> list[aws.scheduler.Schedule]:
    """Call `function` on schedules named after `owner`.

    Makes: an `iam.Role` that may invoke this function alone, and a `scheduler.Schedule` for each of `calls`. There is no dead-letter queue:
    the owner says what makes up for a lost call.

    Args:
        owner: The component that the function belongs to.
        function: What is called.
        calls: The schedules; more than one need a `part` each.
        purpose: Description of the role.
        patience_seconds: How old a call may become before it is given up, 60 to 86,400 seconds (EventBridge Scheduler).
        retries: How often a failed call is repeated, 0 to 185 times (EventBridge Scheduler).
    """
    ctx, name = owner.ctx, owner.logical
    invoker = aws.iam.Role(
        f"{name}-invoke-role",
        name=ctx.names(name, "invoke", limit=NAME_LIMIT),
        description=purpose,
        # EventBridge Scheduler sends the account it works for, so nobody else's schedule can take the role.
        assume_role_policy=trust("scheduler.amazonaws.com", account_id=ctx.account_id),
        opts=owner.child(),
    )
    permission = aws.iam.RolePolicy(
        f"{name}-invoke-policy",
        name="invoke",
        role=invoker.name,
        policy=function.arn.apply(lambda arn: policy(statement(["lambda:InvokeFunction"], [arn], sid="InvokeFunction"))),
        opts=owner.child(),
    )

    def target(call: Call) -> aws.scheduler.ScheduleTargetArgsDict:
        made: aws.scheduler.ScheduleTargetArgsDict = {
            "arn": function.arn,
            "role_arn": invoker.arn,
            "retry_policy": {"maximum_event_age_in_seconds": patience_seconds, "maximum_retry_attempts": retries},
        }
        if call.event is not None:
            made["input"] = json.dumps(dict(call.event))
        return made

    return [
        aws.scheduler.Schedule(
            "-".join(filter(None, (name, call.part))),
            name=ctx.names(*filter(None, (name, call.part)), limit=NAME_LIMIT),
            group_name="default",
            description=call.description,
            schedule_expression=call.when,
            schedule_expression_timezone="UTC",
            state="ENABLED",
            flexible_time_window={"mode": "OFF"},
            target=target(call),
            opts=owner.child(depends_on=[permission]),
        )
        for call in calls
    ]
