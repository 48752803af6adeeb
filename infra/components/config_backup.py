"""The daily copies of the configuration: a scheduled Lambda (lambdas/config_backup) that writes to an object-lock bucket."""

from __future__ import annotations

from typing import ClassVar

import pulumi

from infra.component import Component, Context
from infra.components.function import Code, lambda_function
from infra.components.schedule import Call, schedule
from infra.components.storage import PrivateBucket
from infra.plan import config_backup as plan


class ConfigBackup(Component):
    """`nautilus:config-backup`: task definitions, images, parameters, certificates and Pulumi's state at 03:00 UTC; networks, firewalls, launch
    templates, IAM, alarms and dashboards at 04:00.

    Makes: `lambda.Function` with its `iam.Role` and `cloudwatch.LogGroup`, outside the VPC, because it reads AWS's APIs alone;
    two `scheduler.Schedule`s with a role that may invoke this function and nothing else. There is no dead-letter queue: a lost run raises
    `config-backup-silent` within a day, and yesterday's copy stands.

    Sources: DTO-170 to DTO-179, DTO-181 to DTO-183, NRC-038.

    Args:
        bucket: Where to; with object lock, or a thief of credentials could take the copies away with the rest.
        bucket_key_arn: The bucket's KMS key.
        log_key_arn: KMS key of LOGS.
        namespace: CloudWatch namespace of the stack (`infra.plan.alarms.custom_namespace`).
        state_bucket: Bucket of Pulumi's state; None where the state is kept elsewhere, which then has to save it.
    """

    token: ClassVar[str] = "config-backup"

    function_name: str
    """Physical name, for alarms and the runbook."""
    function_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        bucket: PrivateBucket,
        bucket_key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        namespace: str,
        state_bucket: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=64)
        path = ctx.names.path()
        variables = {
            "BUCKET": bucket.bucket_name,
            "NAMESPACE": namespace,
            "PARAMETER_PATH": path,
            "PREFIX": ctx.names.prefix,
            "PROJECT": ctx.names.project,
            "STACK": ctx.names.environment,
        }
        if state_bucket:
            variables["STATE_BUCKET"] = state_bucket
        function = lambda_function(
            self,
            Code(
                folder="config_backup",
                description="Saves the stack's configuration to a locked bucket",
                seconds=600,
                purpose="What the copies of the configuration may read, and where they go",
                variables=variables,
                memory_mb=512,
            ),
            permissions=lambda log_arn: pulumi.Output.from_input(bucket_key_arn).apply(
                lambda key_arn: plan.run_policy(
                    log_group_arn=log_arn,
                    namespace=namespace,
                    bucket=bucket.bucket_name,
                    bucket_key_arn=key_arn,
                    state_bucket=state_bucket,
                    project=ctx.names.project,
                    environment=ctx.names.environment,
                    prefix=ctx.names.prefix,
                    path=path,
                    account=ctx.account_id,
                    region=ctx.region,
                    partition=ctx.partition,
                )
            ),
            log_key_arn=log_key_arn,
        )
        schedule(
            self,
            function,
            *(
                Call(part=part, when=when, description=f"Saves the configuration of the {part}", event={"part": part})
                for part, when in plan.SCHEDULES.items()
            ),
            purpose="With which the schedules call the copies of the configuration",
            patience_seconds=3600,
            retries=2,
        )
        self.function_arn = function.arn
        self.register_outputs({"functionArn": self.function_arn})
