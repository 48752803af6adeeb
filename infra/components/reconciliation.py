"""The daily reconciliation of orders and positions: its start, and what becomes of a start that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.function import NAME_LIMIT
from infra.components.job import Job
from infra.components.queue import DAY_SECONDS, DEAD_DAYS, KEY_REUSE_SECONDS
from infra.components.queue import NAME_LIMIT as QUEUE_LIMIT
from infra.components.schedule import sender
from infra.plan import jobs as plan
from infra.plan.iam import queue_policy
from infra.settings.jobs import Reconciliation as Settings
from infra.settings.workloads import Architecture, Container


class Reconciliation(Component):
    """`nautilus:reconciliation`: a job that EventBridge Scheduler runs every day after the venues' close.

    Makes: a `Job`; a `scheduler.Schedule` in the venue's time zone that runs its task, with an `iam.Role` that may run this task in this
    cluster, hand over its two roles to ECS, and nothing else; an encrypted `sqs.Queue` for starts that were given up. Its alarms are
    `infra.plan.alarms.reconciliation_alarms`. Owner: the trading desk.

    Sources: PFC-218 (order reconciliation), PFC-219 (end-of-day reconciliation automated), PFC-229.
    """

    token: ClassVar[str] = "reconciliation"

    queue_name: str
    """Physical name of the dead-letter queue, for its alarm."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        architecture: Architecture,
        cluster: Cluster,
        image: pulumi.Input[str],
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        queue_key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        topic_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the job and its schedule.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: The section `jobs.reconciliation`.
            architecture: Processor of the image.
            cluster: Where it runs.
            image: ECR image by digest.
            environment: Plain variables.
            secrets: Variable to secret ARN.
            secret_key_arn: KMS key of the secrets.
            queue_key_arn: KMS key of the dead-letter queue.
            subnet_ids: Where it runs.
            group_id: Its security group.
            log_key_arn: KMS key of the log group.
            topic_arn: Who hears of a run that ended badly.
            opts: Options of the component.

        Raises:
            ValueError: What `Job` refuses.
        """
        super().__init__(name, ctx, opts)
        self.job = Job(
            name,
            ctx,
            settings=Container(cpu=settings.cpu, memory=settings.memory, architecture=architecture),
            cluster=cluster,
            image=image,
            command=settings.command,
            environment=environment,
            secrets=secrets,
            secret_key_arn=secret_key_arn,
            subnet_ids=subnet_ids,
            group_id=group_id,
            log_key_arn=log_key_arn,
            topic_arn=topic_arn,
            opts=self.child(),
        )
        self.facts = self.job.facts
        self.log_group_name = self.job.log_group_name
        self.queue_name = ctx.names(name, "not-started", limit=QUEUE_LIMIT)
        queue = aws.sqs.Queue(
            f"{name}-not-started",
            name=self.queue_name,
            kms_master_key_id=queue_key_arn,
            kms_data_key_reuse_period_seconds=KEY_REUSE_SECONDS,
            message_retention_seconds=DEAD_DAYS * DAY_SECONDS,
            # A queue's name is its own again a minute after it was deleted (SQS), so a replacement cannot stand beside it.
            opts=self.child(delete_before_replace=True),
        )
        aws.sqs.QueuePolicy(
            f"{name}-not-started-policy",
            queue_url=queue.url,
            policy=queue.arn.apply(lambda arn: queue_policy(arn, account_id=ctx.account_id)),
            opts=self.child(),
        )
        task = self.job.task
        starter, permission = sender(
            self,
            "start",
            purpose="With which the schedule runs the reconciliation",
            permission="start",
            document=pulumi.Output.all(
                cluster=cluster.arn, roles=[task.execution_role.arn, task.role.arn], queue=queue.arn, key=queue_key_arn
            ).apply(
                lambda known: plan.start_policy(
                    cluster_arn=known["cluster"],
                    family_arn=self.job.family_arn,
                    role_arns=known["roles"],
                    queue_arn=known["queue"],
                    queue_key_arn=known["key"],
                    region=ctx.region,
                )
            ),
        )
        aws.scheduler.Schedule(
            f"{name}-schedule",
            name=ctx.names(name, limit=NAME_LIMIT),
            group_name="default",
            description=f"Order and end-of-day reconciliation, daily at {settings.at} {settings.zone}. Owner: trading.",
            schedule_expression=plan.daily(settings.at),
            schedule_expression_timezone=settings.zone,
            state="ENABLED",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": cluster.arn,
                "role_arn": starter.arn,
                "ecs_parameters": {
                    "task_definition_arn": task.arn,
                    "task_count": 1,
                    "launch_type": "FARGATE",
                    "platform_version": "LATEST",
                    "network_configuration": {
                        "subnets": list(subnet_ids),
                        "security_groups": [group_id],
                        "assign_public_ip": False,
                    },
                },
                "retry_policy": {"maximum_event_age_in_seconds": plan.PATIENCE_SECONDS, "maximum_retry_attempts": plan.RETRIES},
                "dead_letter_config": {"arn": queue.arn},
            },
            opts=self.child(depends_on=[permission]),
        )
        self.register_outputs({"facts": self.facts})
