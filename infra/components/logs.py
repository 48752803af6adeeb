"""Log groups: encrypted with our key and kept as long as the settings say."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component


def log_group(component: Component, name: str, *, path: str, key_arn: pulumi.Input[str]) -> aws.cloudwatch.LogGroup:
    """A CloudWatch log group as a child of `component`.

    Args:
        component: The owner; gives parent and retention (`ctx.log_days`: 90 days or more, DTO-150).
        name: Logical name.
        path: Physical name; AWS prescribes it for Lambda (`/aws/lambda/<function>`) and RDS.
        key_arn: A KMS key of the same region whose policy admits CloudWatch Logs.
    """
    return aws.cloudwatch.LogGroup(
        name,
        name=path,
        retention_in_days=component.ctx.log_days,
        kms_key_id=key_arn,
        opts=component.child(),
    )
