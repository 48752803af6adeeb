"""Who did what: a CloudTrail trail of every region, kept where nobody can change it unseen."""

from __future__ import annotations

from typing import Protocol

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan.iam import Json, trail_bucket_statements, trail_log_policy, trust


class TrailBucket(Protocol):
    """What the trail needs of its bucket (`infra.components.storage.PrivateBucket`)."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]


def trail_name(ctx: Context) -> str:
    """The trail's physical name, 3 to 128 characters."""
    return ctx.names("trail", limit=128)


def bucket_statements(ctx: Context, bucket_name: str) -> list[Json]:
    """Policy statements for the bucket, built from names alone: the bucket's policy must exist before the trail does."""
    return trail_bucket_statements(
        bucket_arn=f"arn:{ctx.partition}:s3:::{bucket_name}",
        trail_arn=ctx.arn("cloudtrail", f"trail/{trail_name(ctx)}"),
        account_id=ctx.account_id,
    )


class Audit(Component):
    """A trail with validated, encrypted files in S3 and a searchable copy in CloudWatch (NRC-012, controls CloudTrail.1 to .5).

    It records management events of all regions, and reads and writes of every object in S3 except those of its own bucket,
    which would log its own logging.
    """

    token = "audit"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        bucket: TrailBucket,
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the trail.

        Args:
            name: Logical name.
            ctx: The stack.
            bucket: Made with `bucket_statements` in its policy.
            key_arn: KMS key of the files; its policy admits CloudTrail.
            log_key_arn: KMS key of the log group.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self.log = log_group(self, f"{name}-log", path=ctx.names.path("audit"), key_arn=log_key_arn)
        role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names("audit", limit=64),
            description="With which CloudTrail copies events to CloudWatch Logs",
            assume_role_policy=trust("cloudtrail.amazonaws.com"),
            opts=self.child(),
        )
        permission = aws.iam.RolePolicy(
            f"{name}-policy", name="write", role=role.name, policy=self.log.arn.apply(trail_log_policy), opts=self.child()
        )
        waits: list[pulumi.Resource] = [permission]
        if isinstance(bucket, pulumi.Resource):
            waits.append(bucket)
        self.trail = aws.cloudtrail.Trail(
            f"{name}-trail",
            name=trail_name(ctx),
            s3_bucket_name=bucket.name,
            kms_key_id=key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            cloud_watch_logs_group_arn=pulumi.Output.concat(self.log.arn, ":*"),
            cloud_watch_logs_role_arn=role.arn,
            advanced_event_selectors=[
                {"name": "management events", "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}]},
                {
                    "name": "objects in S3 outside the trail's own bucket",
                    "field_selectors": [
                        {"field": "eventCategory", "equals": ["Data"]},
                        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                        {"field": "resources.ARN", "not_starts_withs": [pulumi.Output.concat(bucket.arn, "/")]},
                    ],
                },
            ],
            opts=self.child(depends_on=waits),
        )
        self.trail_arn = self.trail.arn
        self.log_group_name = self.log.name
        self.register_outputs({"trail_arn": self.trail_arn, "log_group_name": self.log_group_name})
