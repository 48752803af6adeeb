"""Events of EventBridge that people are told of: a rule on the default bus whose only target is a topic."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component

RULE_LIMIT = 64
"""Characters of a rule's name (EventBridge)."""


def tell(
    owner: Component,
    logical: str,
    *,
    name: str,
    what: str,
    pattern: pulumi.Input[str],
    topic_arn: pulumi.Input[str],
    target: str | None = None,
    target_id: str = "critical",
    words: aws.cloudwatch.EventTargetInputTransformerArgsDict | None = None,
) -> aws.cloudwatch.EventRule:
    """Tell a topic of every event that a pattern fits.

    Makes: a `cloudwatch.EventRule` and its `cloudwatch.EventTarget`.

    Args:
        owner: The component that they belong to.
        logical: Logical name of the rule.
        name: Physical name of the rule, at most `RULE_LIMIT` characters.
        what: Its description, which names the runbook.
        pattern: The event pattern as JSON.
        topic_arn: Who hears of it; the topic's policy must admit EventBridge (`infra.plan.iam.topic_policy`).
        target: Logical name of the target, `<logical>-topic` if none is given.
        target_id: EventBridge's name of the target.
        words: What is sent instead of the event itself.
    """
    rule = aws.cloudwatch.EventRule(logical, name=name, description=what, event_pattern=pattern, state="ENABLED", opts=owner.child())
    aws.cloudwatch.EventTarget(
        target or f"{logical}-topic", rule=rule.name, target_id=target_id, arn=topic_arn, input_transformer=words, opts=owner.child()
    )
    return rule
