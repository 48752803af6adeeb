"""The flow log of a VPC: every accepted and refused connection, in an encrypted log group."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra.component import Component
from infra.plan.iam import canonical

FLOW_LOG_SECONDS = 60
"""Over how long AWS gathers packets before it writes a line: 60 or 600 seconds (EC2)."""


def flow_log(
    owner: Component,
    *,
    vpc_id: pulumi.Input[str],
    group: aws.cloudwatch.LogGroup,
    role_name: str,
    whose: str,
    tags: Mapping[str, str],
    region: str | None = None,
) -> None:
    """Make the flow log as `<owner>-flow`, with a role that may write to `group` alone and is taken by this account's flow logs only.

    Args:
        owner: The component that the VPC belongs to.
        vpc_id: The VPC.
        group: Where it writes.
        role_name: Physical name of the role.
        whose: The role's description.
        tags: Of the flow log.
        region: Another region than the stack's.
    """
    ctx, logical = owner.ctx, f"{owner.logical}-flow"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ctx.account_id},
                    "ArnLike": {"aws:SourceArn": ctx.arn("ec2", "vpc-flow-log/*", region=region)},
                },
            }
        ],
    }
    role = aws.iam.Role(logical, name=role_name, description=whose, assume_role_policy=canonical(trust), opts=owner.child())
    write = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                "Resource": pulumi.Output.concat(group.arn, ":*"),
            },
            {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": ctx.arn("logs", "log-group:*", region=region)},
        ],
    }
    policy = aws.iam.RolePolicy(logical, name="write", role=role.id, policy=pulumi.Output.json_dumps(write), opts=owner.child())
    aws.ec2.FlowLog(
        logical,
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=FLOW_LOG_SECONDS,
        region=region,
        tags=dict(tags),
        opts=owner.child(depends_on=[policy]),
    )
