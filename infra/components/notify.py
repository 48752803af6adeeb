"""Who hears of it: two SNS topics, one that wakes people and one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.iam import topic_policy

TOPIC_LIMIT = 256
"""Characters of a topic's name (SNS)."""


def alarm_topic(
    owner: Component, severity: str, *, physical: str, key_arn: pulumi.Input[str], emails: Iterable[str], region: str | None = None
) -> aws.sns.Topic:
    """Make a topic named `<owner>-<severity>`, open to this account's AWS services only, and subscribe `emails` to it.

    Args:
        owner: The component that it belongs to.
        severity: `critical` or `warning`.
        physical: Its name, unique in the region.
        key_arn: KMS key of that region, which admits the publishers of `infra.plan.iam.TOPIC_PUBLISHERS`.
        emails: Each address confirms once.
        region: Where; None for the stack's own region.
    """
    ctx, logical = owner.ctx, f"{owner.logical}-{severity}"
    topic = aws.sns.Topic(
        logical,
        name=physical,
        display_name=f"{ctx.names.prefix} {severity}"[:100],
        kms_master_key_id=key_arn,
        region=region,
        opts=owner.child(),
    )
    aws.sns.TopicPolicy(
        f"{logical}-policy",
        arn=topic.arn,
        policy=topic.arn.apply(lambda arn: topic_policy(arn, account_id=ctx.account_id)),
        region=region,
        opts=owner.child(),
    )
    for email in sorted(set(emails)):
        # Named by the address and not by its place, so that a new address replaces no other subscription.
        mark = sha256(email.encode()).hexdigest()[:8]
        aws.sns.TopicSubscription(f"{logical}-{mark}", topic=topic.arn, protocol="email", endpoint=email, region=region, opts=owner.child())
    return topic


class Notify(Component):
    """A critical and a warning topic, encrypted with our key, open to this account's AWS services only.

    The key must admit the publishers of `infra.plan.iam.TOPIC_PUBLISHERS`. Each address gets an e-mail that it has to
    confirm once (DTO-130, DTO-131, DTO-135).
    """

    token = "notify"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        key_arn: pulumi.Input[str],
        emails: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the topics and subscribe `emails` to both."""
        super().__init__(name, ctx, opts)
        self.topics: dict[str, aws.sns.Topic] = {}
        for severity in ("critical", "warning"):
            self.topics[severity] = alarm_topic(
                self, severity, physical=ctx.names(severity, limit=TOPIC_LIMIT), key_arn=key_arn, emails=emails
            )
        self.critical_arn = self.topics["critical"].arn
        self.warning_arn = self.topics["warning"].arn
        self.register_outputs({"critical_arn": self.critical_arn, "warning_arn": self.warning_arn})
