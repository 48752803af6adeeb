"""Rules about topics and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.documents import public_statements
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown
from policies.values import UNKNOWN

TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"


def _not_public(resource: Resource) -> Iterator[Problem]:
    yield from public_statements(resource, "policy")


def _policy(type_: str = TOPIC_POLICY, **changes: object) -> Given:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sns:Publish", "Resource": "*", **changes}
    return Given(type_, "policy", {"policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})


MSG_02 = ResourceRule(
    id="MSG-02",
    severity=Severity.CRITICAL,
    title="Topics and queues are not public.",
    rationale="Strangers who may publish can raise false alarms or drown real ones; strangers who may subscribe read them.",
    remediation="Name services or roles, and bind a wildcard by `AWS:SourceAccount`, `AWS:SourceOwner` or `aws:SourceArn`.",
    references=("FSBP SNS.4", "FSBP SQS.3", "CKV_AWS_168", "CKV_AWS_169"),
    types=(TOPIC, TOPIC_POLICY, QUEUE, QUEUE_POLICY),
    check=_not_public,
    examples=(
        good("AWS's own default", _policy(Condition={"StringEquals": {"AWS:SourceOwner": "123456789012"}})),
        good(
            "an alarm of one's own account",
            _policy(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"}}),
        ),
        good("a service", _policy(Principal={"Service": "cloudwatch.amazonaws.com"})),
        good("deny for everybody", _policy(Effect="Deny", Principal="*")),
        bad("everybody may publish", _policy()),
        bad("everybody may send", _policy(QUEUE_POLICY, Action="sqs:SendMessage", Principal="*")),
        bad("a queue's own policy", Given(QUEUE, "queue", _policy().props)),
        bad("from anybody's alarm", _policy(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:*:*:alarm:*"}})),
        unknown(
            "composed from what does not exist yet",
            Given(TOPIC_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["topic"]}),
            Given(TOPIC, "topic", {}),
            expect={"policy": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(TOPIC_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}),
        absent("a topic without a policy belongs to its account", Given(TOPIC, "topic", {})),
    ),
)

RULES = (MSG_02,)
