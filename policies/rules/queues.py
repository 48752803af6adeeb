"""Rules about queues, and about what topics and queues are encrypted with."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.documents import Statement, statements
from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    later,
    unknown,
    unresolved,
    violation,
)
from policies.rules.messaging import QUEUE, QUEUE_POLICY, TOPIC
from policies.values import ABSENT, UNKNOWN, Gap, parse_json

SCHEDULE = "aws:scheduler/schedule:Schedule"
_QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012"


def _own_key(resource: Resource) -> Iterator[Problem]:
    key = resource.get("kmsMasterKeyId")
    if key is UNKNOWN and not resource.dependencies.get("kmsMasterKeyId"):
        yield unresolved(resource, "kmsMasterKeyId")
    elif key is ABSENT or key == "":
        yield violation(resource, "kmsMasterKeyId", "its messages lie under no key of ours")
    elif isinstance(key, str) and "alias/aws/" in key:
        yield violation(resource, "kmsMasterKeyId", "AWS's own key admits neither alarms nor schedules, and nobody here decides about it")


MSG_01 = ResourceRule(
    id="MSG-01",
    severity=Severity.MEDIUM,
    title="Topics and queues are encrypted with a key of ours.",
    rationale="Messages carry orders, accounts and errors; a key of ours says who reads them, and AWS's services can be admitted to it.",
    remediation="Set `kms_master_key_id` to a key whose policy admits the senders.",
    references=("FSBP SNS.1", "FSBP SQS.1", "CKV_AWS_26", "CKV_AWS_27"),
    types=(TOPIC, QUEUE),
    check=_own_key,
    examples=(
        good("a key", Given(QUEUE, "jobs", {"kmsMasterKeyId": "arn:aws:kms:us-east-1:123456789012:key/0"})),
        good("a topic with a key", Given(TOPIC, "alerts", {"kmsMasterKeyId": "arn:aws:kms:us-east-1:123456789012:key/0"})),
        bad("SQS's own encryption", Given(QUEUE, "jobs", {"sqsManagedSseEnabled": True})),
        bad("AWS's key", Given(TOPIC, "alerts", {"kmsMasterKeyId": "alias/aws/sns"})),
        bad("an empty word", Given(QUEUE, "jobs", {"kmsMasterKeyId": ""})),
        unknown("a key that does not exist yet", Given(QUEUE, "jobs", {"kmsMasterKeyId": UNKNOWN}, {"kmsMasterKeyId": ["key"]})),
        unknown(
            "unknown, and nothing explains it", Given(TOPIC, "alerts", {"kmsMasterKeyId": UNKNOWN}), expect={"alerts": Kind.UNRESOLVED}
        ),
        absent("none", Given(TOPIC, "alerts", {}), expect={"alerts": Kind.VIOLATION}),
    ),
)


def _targets(queue: Resource) -> list[Resource]:
    """The dead-letter queues of `queue`, as far as the stack makes them."""
    found = list(queue.sources("redrivePolicy", QUEUE))
    text = queue.get("redrivePolicy")
    if not found and isinstance(text, str) and queue.stack is not None:
        try:
            policy = parse_json(text)
        except ValueError:
            return []
        arn = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
        if isinstance(arn, str):
            found = list(queue.stack.identified([arn], [QUEUE]))
    return found


def _dead_letters(stack: Stack) -> Iterator[Problem]:
    queues = stack.of(QUEUE)
    dead = {target.urn for queue in queues for target in _targets(queue)}
    # What a schedule could not start is read by people, and by nobody else.
    dead |= {target.urn for schedule in stack.of(SCHEDULE) for target in schedule.sources("target.deadLetterConfig.arn", QUEUE)}
    for queue in queues:
        if queue.urn in dead:
            continue
        policy = queue.get("redrivePolicy")
        if policy is UNKNOWN:
            if not _targets(queue):
                yield unresolved(queue, "redrivePolicy")
        elif policy is ABSENT or policy == "":
            yield violation(queue, "redrivePolicy", "what fails for good comes back until it is too old, and then is gone")


def _queue(name: str, dead: str | None = None) -> Given:
    policy = {} if dead is None else {"redrivePolicy": json.dumps({"deadLetterTargetArn": f"{_QUEUE_ARN}:{dead}", "maxReceiveCount": 5})}
    return Given(QUEUE, name, {"name": name, **policy}, {}, {"arn": f"{_QUEUE_ARN}:{name}"})


def _schedule(dead: str, to: str = "run") -> Given:
    target = {"arn": f"{_QUEUE_ARN}:{to}", "deadLetterConfig": {"arn": f"{_QUEUE_ARN}:{dead}"}}
    return Given(SCHEDULE, "daily", {"target": target}, {"target": ["lost", "jobs"]})


MSG_04 = StackRule(
    id="MSG-04",
    severity=Severity.HIGH,
    title="Every queue has a dead-letter queue.",
    rationale="A message that cannot be worked on blocks its workers, and disappears at the end of its retention without a trace.",
    remediation="Set `redrive_policy` with the ARN of a second queue and `maxReceiveCount`.",
    references=("AWS Well-Architected REL05-BP02",),
    types=(QUEUE,),
    check=_dead_letters,
    examples=(
        good("a queue and its dead-letter queue", _queue("jobs", "dead"), _queue("dead")),
        good("the dead-letter queue of a schedule", _queue("lost"), _schedule("lost")),
        bad("no dead-letter queue", _queue("jobs")),
        bad("what a schedule sends to", _queue("jobs"), _queue("lost"), _schedule("lost", to="jobs")),
        bad("the dead-letter queue of another one", _queue("more"), _queue("jobs", "dead"), _queue("dead")),
        unknown(
            "a dead-letter queue that does not exist yet",
            Given(QUEUE, "jobs", {"redrivePolicy": UNKNOWN}, {"redrivePolicy": ["dead"]}),
            Given(QUEUE, "dead", {}),
        ),
        unknown("unknown, and nothing explains it", Given(QUEUE, "jobs", {"redrivePolicy": UNKNOWN}), expect={"jobs": Kind.UNRESOLVED}),
        absent("an empty policy", Given(QUEUE, "jobs", {"redrivePolicy": ""}), expect={"jobs": Kind.VIOLATION}),
    ),
)


def _refuses_clear_text(statement: Statement) -> bool:
    return (
        not statement.allow
        and statement.admits_everyone
        and not statement.inverted
        and bool({"sqs:*", "*"} & {action.lower() for action in statement.actions})
        and [(one.operator, one.key, tuple(value.lower() for value in one.values)) for one in statement.conditions]
        == [("bool", "aws:securetransport", ("false",))]
    )


def _tls(stack: Stack) -> Iterator[Problem]:
    for queue in stack.of(QUEUE):
        own = [(queue, "policy")] if queue.get("policy") not in (ABSENT, "") else []
        places = [*own, *((policy, "policy") for policy in stack.users(queue, "queueUrl", QUEUE_POLICY))]
        if not places:
            yield violation(queue, "policy", "it has no policy that refuses clear text")
        for resource, prop in places:
            if isinstance(resource.get(prop), Gap):
                yield later(resource, prop)
                continue
            found = list(statements(resource, prop))
            problems = [one for one in found if isinstance(one, Problem)]
            yield from problems
            if not problems and not any(_refuses_clear_text(one) for one in found if isinstance(one, Statement)):
                yield violation(resource, prop, "it lets messages travel in clear text")


_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
_JOBS = Given(QUEUE, "jobs", {"name": "jobs"}, {}, {"id": _URL, "url": _URL})
_DENY = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def _policy(**changes: object) -> Given:
    statement = {key: value for key, value in {**_DENY, **changes}.items() if value is not None}
    return Given(QUEUE_POLICY, "policy", {"queueUrl": _URL, "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


MSG_05 = StackRule(
    id="MSG-05",
    severity=Severity.HIGH,
    title="Queues take and give messages over TLS alone.",
    rationale="SQS also answers in clear text, where a message and the signature of its sender can be read on the way.",
    remediation="Deny `sqs:*` to everybody where `aws:SecureTransport` is false, in an `aws.sqs.QueuePolicy` for each queue.",
    references=("AWS SQS security best practices",),
    types=(QUEUE, QUEUE_POLICY),
    check=_tls,
    examples=(
        good("denied in clear text", _JOBS, _policy()),
        good("in the queue itself", Given(QUEUE, "jobs", {"policy": json.dumps({"Statement": _DENY})})),
        bad("no policy", _JOBS),
        bad("a policy for another queue", _JOBS, Given(QUEUE_POLICY, "other", {"queueUrl": f"{_URL}-other", "policy": "{}"})),
        bad("another condition", _policy(Condition={"Bool": {"aws:SecureTransport": "true"}}), _JOBS),
        bad("one more condition", _policy(Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"a": "b"}}), _JOBS),
        bad("for one service alone", _policy(Principal={"Service": "events.amazonaws.com"}), _JOBS),
        bad("for one action alone", _policy(Action="sqs:SendMessage"), _JOBS),
        bad("an allow", _policy(Effect="Allow"), _JOBS),
        bad("no JSON", Given(QUEUE_POLICY, "policy", {"queueUrl": _URL, "policy": "{"}), _JOBS),
        unknown(
            "composed from what does not exist yet",
            Given(QUEUE, "jobs", {}),
            Given(QUEUE_POLICY, "policy", {"queueUrl": UNKNOWN, "policy": UNKNOWN}, {"queueUrl": ["jobs"], "policy": ["jobs"]}),
            expect={"policy": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it",
            _JOBS,
            Given(QUEUE_POLICY, "policy", {"queueUrl": _URL, "policy": UNKNOWN}),
            expect={"policy": Kind.UNRESOLVED},
        ),
        absent("an empty policy of its own", Given(QUEUE, "jobs", {"policy": ""}), expect={"jobs": Kind.VIOLATION}),
    ),
)

RULES = (MSG_01, MSG_04, MSG_05)
