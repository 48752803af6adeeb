"""Rules about schedules (EventBridge Scheduler): that they run, how often they try, and what becomes of what they could not start."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.rules.queues import SCHEDULE
from policies.values import ABSENT, UNKNOWN

_ATTEMPTS, _AGE = "maximumRetryAttempts", "maximumEventAgeInSeconds"
_HALF_A_DAY = 12 * 60 * 60
"""Seconds after which a call that belongs to an hour of the day does harm instead of good. EventBridge Scheduler's default is a day."""


def _schedule(**props: object) -> Given:
    return Given(SCHEDULE, "daily", props)


def _on(schedule: Resource) -> Iterator[Problem]:
    state = schedule.get("state")
    if state is UNKNOWN:
        yield unresolved(schedule, "state")
    elif state not in (ABSENT, "ENABLED"):
        yield violation(schedule, "state", f"is {state}: it stands in every list, and nothing happens")


SCH_01 = ResourceRule(
    id="SCH-01",
    severity=Severity.HIGH,
    title="Schedules are switched on.",
    rationale="A schedule that was switched off for a night looks like all others, and nobody misses a reconciliation that does not fail.",
    remediation='Set `state="ENABLED"`; what is not wanted is taken out of the program.',
    references=(),
    types=(SCHEDULE,),
    check=_on,
    examples=(
        good("on", _schedule(state="ENABLED")),
        bad("off", _schedule(state="DISABLED")),
        unknown("nobody knows", _schedule(state=UNKNOWN), expect={"daily": Kind.UNRESOLVED}),
        absent("EventBridge Scheduler's default is on", _schedule()),
    ),
)


def _bounded(schedule: Resource) -> Iterator[Problem]:
    attempts, age = (schedule.get(f"target.retryPolicy.{key}") for key in (_ATTEMPTS, _AGE))
    if attempts is UNKNOWN or age is UNKNOWN:
        yield unresolved(schedule, "target")
    elif attempts is ABSENT or age is ABSENT:
        yield violation(schedule, "target", "tries 185 times in a day, long after its hour")
    elif not isinstance(age, (int, float)) or age > _HALF_A_DAY:
        yield violation(schedule, "target", f"still tries {age} seconds after its hour, and {_HALF_A_DAY} is the most")


def _trying(**policy: object) -> Given:
    return _schedule(target={"arn": "arn:aws:sns:us-east-1:123456789012:operations", "retryPolicy": policy})


SCH_02 = ResourceRule(
    id="SCH-02",
    severity=Severity.MEDIUM,
    title="Schedules give up within half a day.",
    rationale="A call that comes a day late does the work of another hour, beside the call that belongs there.",
    remediation="Set `maximum_retry_attempts`, and `maximum_event_age_in_seconds` to 43,200 or less, in the target's `retry_policy`.",
    references=("AWS Well-Architected REL05-BP03",),
    types=(SCHEDULE,),
    check=_bounded,
    examples=(
        good("an hour", _trying(maximumRetryAttempts=20, maximumEventAgeInSeconds=3600)),
        good("never again", _trying(maximumRetryAttempts=0, maximumEventAgeInSeconds=60)),
        bad("a day", _trying(maximumRetryAttempts=20, maximumEventAgeInSeconds=86_400)),
        bad("as often as it likes", _trying(maximumEventAgeInSeconds=3600)),
        bad("as long as it likes", _trying(maximumRetryAttempts=3)),
        unknown("nobody knows", _trying(maximumRetryAttempts=UNKNOWN, maximumEventAgeInSeconds=60), expect={"daily": Kind.UNRESOLVED}),
        absent("the default is a day", _schedule(target={}), expect={"daily": Kind.VIOLATION}),
    ),
)


def _caught(schedule: Resource) -> Iterator[Problem]:
    queue = schedule.get("target.deadLetterConfig.arn")
    if queue is UNKNOWN:
        if not schedule.sources("target.deadLetterConfig.arn"):
            yield unresolved(schedule, "target")
    elif queue is ABSENT or queue == "":
        yield violation(schedule, "target", "what it could not start is gone: it has no dead-letter queue")


def _catching(queue: object, **depends: list[str]) -> Given:
    return Given(SCHEDULE, "daily", {"target": {"deadLetterConfig": {"arn": queue}}}, depends)


SCH_03 = ResourceRule(
    id="SCH-03",
    severity=Severity.MEDIUM,
    title="Schedules have a dead-letter queue.",
    rationale="A call that could not be made leaves no error anywhere else: neither its target nor its log has heard of it.",
    remediation="Set `dead_letter_config` of the target to a queue that somebody reads.",
    references=("AWS Well-Architected REL05-BP02",),
    types=(SCHEDULE,),
    check=_caught,
    examples=(
        good("a queue", _catching("arn:aws:sqs:us-east-1:123456789012:dead")),
        bad("an empty word", _catching("")),
        unknown("a queue that does not exist yet", _catching(UNKNOWN, target=["dead"]), Given("aws:sqs/queue:Queue", "dead", {})),
        unknown("a queue from nowhere", _catching(UNKNOWN), expect={"daily": Kind.UNRESOLVED}),
        absent("none", _schedule(target={}), expect={"daily": Kind.VIOLATION}),
    ),
)

RULES = (SCH_01, SCH_02, SCH_03)
