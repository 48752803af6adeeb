"""The seeds' recurring operations: schedules that send to a queue for machines and to a topic for people, and the function that works on the
first (docs/operations-calendar.md)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.function import NAME_LIMIT, Code, lambda_function
from infra.components.notify import TOPIC_LIMIT
from infra.components.queue import Queue
from infra.components.schedule import DESCRIPTION_LIMIT, Message, messages
from infra.plan.alarms import AlarmSpec, function_alarms, queue_alarms, schedule_alarms
from infra.plan.iam import canonical, policy, private_topic_policy, statement, through_service, write_logs, write_traces
from infra.plan.operations import QUEUE, Cadence, Change, Kind, message, planned, subscribers
from infra.settings.queues import Queue as QueueSettings
from infra.settings.schedules import Schedules

WORKER_SECONDS = 120
PATIENCE_SECONDS = 3600
"""How old a delivery may become: a daily check that comes an hour late is still worth its name."""
RETRIES = 20


def send_policy(*, queue_arns: Sequence[str], topic_arn: str, key_arn: str, region: str) -> str:
    """What the schedules may do: send to the queue, to its dead-letter queue and to the topic, and use their key through those two services."""
    return policy(
        statement(["sqs:SendMessage"], queue_arns, sid="SendToQueues"),
        statement(["sns:Publish"], [topic_arn], sid="PublishReminders"),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="sqs", region=region, sid="UseQueueKey"),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="sns", region=region, sid="UseTopicKey"),
    )


def look_policy(*, log_group_arn: str, queue_arn: str, topic_arn: str, key_arn: str, ctx: Context, cluster: str, vault: str) -> str:
    """What the worker may do: take messages, read the state of this stack, and report.

    Neither `cloudwatch:DescribeAlarms` nor AWS Backup's list of jobs knows a narrower resource, nor do X-Ray's calls.
    """
    return policy(
        write_logs(log_group_arn),
        statement(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], [queue_arn], sid="TakeMessages"),
        statement(["sns:Publish"], [topic_arn], sid="Report"),
        through_service(key_arn, ["kms:Decrypt"], service="sqs", region=ctx.region, sid="ReadQueueKey"),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="sns", region=ctx.region, sid="UseTopicKey"),
        statement(["cloudwatch:DescribeAlarms"], [ctx.arn("cloudwatch", "alarm:*")], sid="ReadAlarms"),
        statement(
            ["ecs:ListServices"], ["*"], sid="ListServices", conditions={"ArnEquals": {"ecs:cluster": ctx.arn("ecs", f"cluster/{cluster}")}}
        ),
        statement(["ecs:DescribeServices"], [ctx.arn("ecs", f"service/{cluster}/*")], sid="ReadServices"),
        statement(["rds:DescribeDBInstances"], [ctx.arn("rds", "db:*")], sid="ReadDatabases"),
        statement(["backup:ListBackupJobs"], ["*"], sid="ReadBackupJobs"),
        statement(["backup:ListRecoveryPointsByBackupVault"], [ctx.arn("backup", f"backup-vault:{vault}")], sid="ReadRecoveryPoints"),
        write_traces(),
    )


class Operations(Component):
    """`nautilus:operations`: every recurring operation of the seeds as a named, owned schedule (OTE-127 to OTE-156, DTO-273 to DTO-296).

    Makes: a `scheduler.ScheduleGroup` for each cadence and a `scheduler.Schedule` for each operation, with a role that may send to the queue
    and the topic alone; the queue `operations` with its dead-letter queue, which also takes what the schedules could not deliver; a
    `lambda.Function` (lambdas/operations) that works on the machines' share; an `sns.Topic` of reminders and reports, whose subscribers get
    what their owner answers for. `infra.plan.alarms.schedule_alarms` and `queue_alarms` watch it.
    """

    token: ClassVar[str] = "operations"

    groups: dict[Cadence, str]
    """Physical names of the schedule groups, for alarms."""
    daily: int
    """Schedules of the daily group, for its alarm on silence."""
    queue: Queue
    """The machines' queue; its dead-letter queue takes what could not be delivered to anybody, people's reminders too."""
    function_name: str | None
    """Physical name of the worker; None where machines do nothing."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Schedules,
        emails: Sequence[str],
        cluster: str,
        vault: str,
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the schedules.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: The section `schedules`.
            emails: Who is reminded of what belongs to an owner without an address of its own; each address confirms once.
            cluster: Physical name of the ECS cluster.
            vault: Physical name of the backup vault.
            key_arn: KMS key that admits SQS and SNS (`DataClass.MESSAGING`).
            log_key_arn: KMS key of the log.
            opts: Options of the component.

        Raises:
            ValueError: The section changes an operation that does not exist.
        """
        super().__init__(name, ctx, opts)
        self._key_arn = key_arn
        wanted = [kind for kind, on in ((Kind.MACHINE, settings.machine), (Kind.PEOPLE, settings.people)) if on]
        changes = {key: Change(enabled=one.enabled, when=one.cron, zone=one.zone, owner=one.owner) for key, one in settings.changes.items()}
        self.planned = planned(changes, kinds=wanted)
        self.daily = sum(operation.cadence is Cadence.DAILY for operation in self.planned)
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=ctx.names(name, limit=TOPIC_LIMIT),
            display_name=f"{ctx.names.prefix} {name}"[:100],
            kms_master_key_id=key_arn,
            opts=self.child(),
        )
        aws.sns.TopicPolicy(
            f"{name}-topic-policy", arn=self.topic.arn, policy=self.topic.arn.apply(private_topic_policy), opts=self.child()
        )
        for address, owners in subscribers(
            self.planned, owners={owner.value: email for owner, email in settings.owners.items()}, everybody=emails
        ).items():
            aws.sns.TopicSubscription(
                f"{name}-{sha256(address.encode()).hexdigest()[:8]}",
                topic=self.topic.arn,
                protocol="email",
                endpoint=address,
                filter_policy=canonical({"owner": list(owners)}),
                filter_policy_scope="MessageBody",
                opts=self.child(),
            )
        self.queue = Queue(
            QUEUE,
            ctx,
            settings=QueueSettings(worker_seconds=WORKER_SECONDS, oldest_seconds=settings.handled_hours * 3600, max_receives=3),
            key_arn=key_arn,
            opts=self.child(),
        )
        self.function_name = self._worker(name, cluster, vault, log_key_arn) if settings.machine else None
        made: dict[Cadence, aws.scheduler.ScheduleGroup] = {}
        self.groups = {}
        for cadence in Cadence:
            if any(operation.cadence is cadence for operation in self.planned):
                self.groups[cadence] = ctx.names(cadence.value, limit=NAME_LIMIT)
                made[cadence] = aws.scheduler.ScheduleGroup(
                    f"{name}-{cadence}", name=self.groups[cadence], opts=self.child(delete_before_replace=True)
                )
        self.schedules = messages(
            self,
            *(
                Message(
                    when=operation.when,
                    zone=operation.zone,
                    description=f"{operation.owner.value}: {operation.what} ({', '.join(operation.seeds)})"[:DESCRIPTION_LIMIT],
                    part=operation.key,
                    target=operation.kind.value,
                    text=message(operation, stack=ctx.names.environment),
                    group=made[operation.cadence].name,
                )
                for operation in self.planned
            ),
            targets={Kind.MACHINE.value: self.queue.arn, Kind.PEOPLE.value: self.topic.arn},
            document=pulumi.Output.all(self.queue.arn, self.queue.dead.arn, self.topic.arn, key_arn).apply(
                lambda known: send_policy(queue_arns=known[:2], topic_arn=known[2], key_arn=known[3], region=ctx.region)
            ),
            dead_letter_arn=self.queue.dead.arn,
            purpose="With which the schedules of recurring operations send to their queue and topic",
            patience_seconds=PATIENCE_SECONDS,
            retries=RETRIES,
        )
        self.register_outputs({"queueUrl": self.queue.url, "topicArn": self.topic.arn})

    def alarms(self) -> tuple[AlarmSpec, ...]:
        """What watches it: the queue, each schedule group, and the worker. Every name in it is known beforehand."""
        watched = [
            *queue_alarms(
                QUEUE,
                queue=self.queue.queue_name,
                dead=self.queue.dead_name,
                oldest_seconds=self.queue.settings.oldest_seconds,
                most_messages=self.queue.settings.most_messages,
                what="A recurring operation",
                seeds=("OTE-127", "OTE-130", "DTO-134"),
                runbook="schedules",
            )
        ]
        for cadence, group in self.groups.items():
            watched += schedule_alarms(cadence.value, group=group, daily=self.daily if cadence is Cadence.DAILY else None)
        if self.function_name is not None:
            watched += function_alarms(
                "operations",
                function=self.function_name,
                why="The function that works on recurring operations fails: nobody looks at health and backups by schedule.",
                seeds=("OTE-127", "OTE-130"),
                runbook="schedules",
            )
        return tuple(watched)

    def _worker(self, name: str, cluster: str, vault: str, log_key_arn: pulumi.Input[str]) -> str:
        ctx, queue = self.ctx, self.queue
        function = lambda_function(
            self,
            Code(
                folder="operations",
                description="Works on recurring operations that need nobody: health and backups, once a day",
                seconds=WORKER_SECONDS,
                purpose="What the worker on recurring operations may do",
                variables={
                    "STACK": ctx.names.environment,
                    "PREFIX": ctx.names.prefix,
                    "CLUSTER": cluster,
                    "VAULT": vault,
                    "TOPIC_ARN": self.topic.arn,
                },
            ),
            permissions=lambda log: pulumi.Output.all(queue.arn, self.topic.arn, self._key_arn).apply(
                lambda known: look_policy(
                    log_group_arn=log, queue_arn=known[0], topic_arn=known[1], key_arn=known[2], ctx=ctx, cluster=cluster, vault=vault
                )
            ),
            log_key_arn=log_key_arn,
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-source",
            event_source_arn=queue.arn,
            function_name=function.arn,
            batch_size=1,
            # A message that failed comes again; those beside it do not.
            function_response_types=["ReportBatchItemFailures"],
            opts=self.child(),
        )
        return ctx.names(name, limit=NAME_LIMIT)
