"""Queues: SQS with our key, TLS alone, and a dead-letter queue that nobody overlooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.naming import fit
from infra.plan.alarms import AlarmSpec, queue_alarms
from infra.plan.iam import canonical, queue_policy, worker_policy
from infra.settings.queues import Queue as QueueSettings

NAME_LIMIT = 80
"""Characters of a queue's name, `.fifo` included (SQS)."""
POLL_SECONDS = 20
"""How long a call waits for a message: SQS's longest, so that an empty queue costs the fewest calls."""
KEY_REUSE_SECONDS = 300
"""How long SQS uses one data key: its default, five minutes until a key that was taken away no longer opens anything."""
DEAD_DAYS = 14
"""How long a message that nobody could work on is kept: SQS's longest, never shorter than in the queue that it comes from, whose clock it keeps."""
DAY_SECONDS = 86_400
_FIFO = ".fifo"


def physical(ctx: Context, *parts: str, fifo: bool) -> str:
    """A queue's name; that of a FIFO queue ends in `.fifo` (SQS)."""
    name = fit("-".join((ctx.names.prefix, *parts)), NAME_LIMIT - len(_FIFO))
    return f"{name}{_FIFO}" if fifo else name


class Queue(Component):
    """`nautilus:queue`: a queue, its dead-letter queue, and who may use them.

    Makes: two `sqs.Queue`, encrypted with our key, and an `sqs.QueuePolicy` each that refuses clear text and every other account.
    `infra.plan.alarms.queue_alarms` watches it. There is no redrive allow policy: whoever could point another queue at this dead-letter queue
    may change queues, and could take such a policy away as well.
    Sources: issue 6 item 6; POLICY-RULES MSG-01, MSG-02, MSG-04; FSBP SQS.1, SQS.3.

    A queue holds work, not data: it is not protected, because every message can be made again by whoever sent it.
    """

    token: ClassVar[str] = "queue"

    queue_name: str
    """Physical name, for alarms."""
    dead_name: str

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: QueueSettings,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the queue `<project>-<environment>-<name>` and its dead-letter queue, `-dead` at the end of its name.

        Args:
            name: Logical name, and the last part of the physical one.
            ctx: The stack.
            settings: One entry of `queues`.
            key_arn: KMS key that admits SQS (`DataClass.MESSAGING`).
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self._key_arn = key_arn
        self.settings = settings
        fifo = settings.fifo
        self.queue_name = physical(ctx, name, fifo=fifo)
        self.dead_name = physical(ctx, name, "dead", fifo=fifo)
        self.dead = self._queue(f"{name}-dead", self.dead_name, fifo, hidden=settings.hidden_seconds, keep_days=DEAD_DAYS, redrive=None)
        self.queue = self._queue(
            name,
            self.queue_name,
            fifo,
            hidden=settings.hidden_seconds,
            keep_days=settings.retention_days,
            redrive=self.dead.arn.apply(lambda arn: canonical({"deadLetterTargetArn": arn, "maxReceiveCount": settings.max_receives})),
        )
        for logical, made in ((f"{name}-policy", self.queue), (f"{name}-dead-policy", self.dead)):
            aws.sqs.QueuePolicy(
                logical,
                queue_url=made.url,
                policy=made.arn.apply(lambda arn: queue_policy(arn, account_id=ctx.account_id)),
                opts=self.child(),
            )
        self.url: pulumi.Output[str] = self.queue.url
        self.arn: pulumi.Output[str] = self.queue.arn
        self.register_outputs({"url": self.url, "arn": self.arn})

    def alarms(self) -> tuple[AlarmSpec, ...]:
        """What watches it; every name in it is known beforehand."""
        return queue_alarms(
            self.logical,
            queue=self.queue_name,
            dead=self.dead_name,
            oldest_seconds=self.settings.oldest_seconds,
            most_messages=self.settings.most_messages,
        )

    def _queue(
        self, logical: str, name: str, fifo: bool, *, hidden: int, keep_days: int, redrive: pulumi.Input[str] | None
    ) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            logical,
            name=name,
            fifo_queue=True if fifo else None,
            # Every sender names its own id: two jobs that look alike are two jobs.
            content_based_deduplication=False if fifo else None,
            kms_master_key_id=self._key_arn,
            kms_data_key_reuse_period_seconds=KEY_REUSE_SECONDS,
            visibility_timeout_seconds=hidden,
            message_retention_seconds=keep_days * DAY_SECONDS,
            receive_wait_time_seconds=POLL_SECONDS,
            redrive_policy=redrive,
            # A name is free again a minute after its queue is gone (SQS), so a replacement comes under the name of the old one.
            opts=self.child(delete_before_replace=True),
        )


def variables(queues: Mapping[str, Queue]) -> dict[str, pulumi.Output[str]]:
    """Where a service finds its queues: `JOBS_QUEUE_URL` for the queue `jobs`, sorted by name."""
    return {f"{name.upper().replace('-', '_')}_QUEUE_URL": queue.url for name, queue in sorted(queues.items())}


def work_policy(queues: Mapping[str, Queue], *, key_arn: pulumi.Input[str], region: str) -> pulumi.Output[str]:
    """What a task may do that sends to and works on `queues`: nothing else, and their key through SQS alone.

    Raises:
        ValueError: There is no queue.
    """
    if not queues:
        raise ValueError("a policy of queues needs a queue")
    arns = [queue.arn for _, queue in sorted(queues.items())]
    return pulumi.Output.all(key_arn, *arns).apply(lambda known: worker_policy(queue_arns=known[1:], key_arn=known[0], region=region))
