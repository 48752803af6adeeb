"""Schedules: EventBridge Scheduler with a role that may do nothing else. They call a function, or send a message to a queue or a topic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.component import Component
from infra.components.function import NAME_LIMIT
from infra.plan.iam import keep_statements, policy, statement, trust

DESCRIPTION_LIMIT = 512
"""Characters of a schedule's description (EventBridge Scheduler)."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """When a function is called, and with what."""

    when: str
    """`rate(…)` or `cron(…)` of EventBridge Scheduler, in UTC."""
    description: str
    part: str = ""
    """Last part of the schedule's names; empty for a component's only schedule."""
    event: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent to a queue or a topic, and when."""

    when: str
    """`rate(…)` or `cron(…)` of EventBridge Scheduler, in `zone`."""
    description: str
    """At most 512 characters (EventBridge Scheduler)."""
    part: str
    """Last part of the schedule's names."""
    target: str
    """Which of the targets gets it, by name."""
    text: str
    """The message; EventBridge Scheduler replaces `<aws.scheduler.scheduled-time>` and `<aws.scheduler.execution-id>` in it."""
    group: pulumi.Input[str]
    """Name of the schedule group."""
    zone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Where a call goes that EventBridge Scheduler gave up."""

    queue_arn: pulumi.Input[str]
    """A standard queue that is watched."""
    key_arn: pulumi.Input[str]
    """Its KMS key."""


def sender(
    owner: Component, role: str, *, purpose: str, permission: str, document: pulumi.Input[str]
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """The role with which a component's schedules act, and what it may do.

    Makes: an `iam.Role` `<owner>-<role>-role` that EventBridge Scheduler takes for this account alone, and its `iam.RolePolicy`.

    Args:
        owner: The component that the schedules belong to.
        role: Middle part of the names.
        purpose: Description of the role.
        permission: Name of the inline policy.
        document: The policy.
    """
    ctx, name = owner.ctx, owner.logical
    made = aws.iam.Role(
        f"{name}-{role}-role",
        name=ctx.names(name, role, limit=NAME_LIMIT),
        description=purpose,
        # EventBridge Scheduler sends the account it works for, so nobody else's schedule can take the role.
        assume_role_policy=trust("scheduler.amazonaws.com", account_id=ctx.account_id),
        opts=owner.child(),
    )
    return made, aws.iam.RolePolicy(f"{name}-{role}-policy", name=permission, role=made.name, policy=document, opts=owner.child())


def messages(
    owner: Component,
    *sent: Message,
    targets: Mapping[str, pulumi.Input[str]],
    document: pulumi.Input[str],
    dead_letter_arn: pulumi.Input[str],
    purpose: str,
    patience_seconds: int,
    retries: int,
    after: Sequence[pulumi.Resource] = (),
) -> list[aws.scheduler.Schedule]:
    """Send messages on schedules named after `owner`.

    Makes: an `iam.Role` with `document` as its policy, and a `scheduler.Schedule` for each of `sent`.

    Args:
        owner: The component that they belong to.
        sent: The messages.
        targets: ARNs of standard queues and topics, by name.
        document: What the role may do: send to the targets and to the dead-letter queue, and use their key.
        dead_letter_arn: Queue of what could not be delivered.
        purpose: Description of the role.
        patience_seconds: How old a delivery may become before it is given up, 60 to 86,400 seconds (EventBridge Scheduler).
        retries: How often a failed delivery is repeated, 0 to 185 times (EventBridge Scheduler).
        after: What must exist before the first delivery.

    Raises:
        ValueError: A message is for a target that is not named, or a description is too long.
    """
    for message in sent:
        if message.target not in targets:
            raise ValueError(f"{message.part}: no target {message.target!r}")
        if len(message.description) > DESCRIPTION_LIMIT:
            raise ValueError(f"{message.part}: a description of {len(message.description)} characters (accepted: {DESCRIPTION_LIMIT})")
    role, permission = sender(owner, "send", purpose=purpose, permission="send", document=document)
    ctx, name = owner.ctx, owner.logical
    return [
        aws.scheduler.Schedule(
            f"{name}-{message.part}",
            name=ctx.names(message.part, limit=NAME_LIMIT),
            group_name=message.group,
            description=message.description,
            schedule_expression=message.when,
            schedule_expression_timezone=message.zone,
            state="ENABLED",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": targets[message.target],
                "role_arn": role.arn,
                "input": message.text,
                "dead_letter_config": {"arn": dead_letter_arn},
                "retry_policy": {"maximum_event_age_in_seconds": patience_seconds, "maximum_retry_attempts": retries},
            },
            opts=owner.child(depends_on=[permission, *after]),
        )
        for message in sent
    ]


def schedule(
    owner: Component,
    function: aws.lambda_.Function,
    *calls: Call,
    purpose: str,
    patience_seconds: int,
    retries: int,
    lost: Lost | None = None,
) -> list[aws.scheduler.Schedule]:
    """Call `function` on schedules named after `owner`.

    Makes: an `iam.Role` that may invoke this function alone, and a `scheduler.Schedule` for each of `calls`.

    Args:
        owner: The component that the function belongs to.
        function: What is called.
        calls: The schedules; more than one need a `part` each.
        purpose: Description of the role.
        patience_seconds: How old a call may become before it is given up, 60 to 86,400 seconds (EventBridge Scheduler).
        retries: How often a failed call is repeated, 0 to 185 times (EventBridge Scheduler).
        lost: Where calls go that were given up; None where the owner hears of a lost call otherwise, by an alarm on silence.
    """
    ctx, name = owner.ctx, owner.logical
    queue: list[pulumi.Input[str]] = [lost.queue_arn, lost.key_arn] if lost else []
    invoker, permission = sender(
        owner,
        "invoke",
        purpose=purpose,
        permission="invoke",
        document=pulumi.Output.all(function.arn, *queue).apply(
            lambda known: policy(
                statement(["lambda:InvokeFunction"], [known[0]], sid="InvokeFunction"),
                *(keep_statements(queue_arn=known[1], key_arn=known[2], region=ctx.region) if lost else ()),
            )
        ),
    )

    def target(call: Call) -> aws.scheduler.ScheduleTargetArgsDict:
        made: aws.scheduler.ScheduleTargetArgsDict = {
            "arn": function.arn,
            "role_arn": invoker.arn,
            "retry_policy": {"maximum_event_age_in_seconds": patience_seconds, "maximum_retry_attempts": retries},
        }
        if lost:
            made["dead_letter_config"] = {"arn": lost.queue_arn}
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
