"""Queues: work that failed for good, work that waits too long, and too much of it; schedules that did not deliver."""

from __future__ import annotations

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Expression, Metric, Missing, Severity, total

_SEEDS = ("DTO-109",)


def queue_alarms(
    key: str,
    *,
    queue: Dimension,
    dead: Dimension,
    oldest_seconds: int,
    most_messages: int,
    what: str = "A background job",
    seeds: tuple[str, ...] = _SEEDS,
    runbook: str = "queues",
) -> tuple[AlarmSpec, ...]:
    """A queue and its dead-letter queue.

    Args:
        key: Name of the queue.
        queue: Physical name of the queue.
        dead: Physical name of its dead-letter queue.
        oldest_seconds: Age of the oldest message that is too much.
        most_messages: Messages waiting that are too many.
        what: What a message is, as the start of a sentence.
        seeds: Lines that ask for it.
        runbook: Page of the runbooks.
    """

    def of(name: Dimension, metric: str) -> Metric:
        # SQS publishes every minute, and nothing at all for a queue that nobody touched for six hours.
        return Metric("AWS/SQS", metric, "Maximum", (("QueueName", name),))

    return (
        AlarmSpec(
            key=f"{key}-dead",
            severity=Severity.WARNING,
            source=of(dead, "ApproximateNumberOfMessagesVisible"),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=f"{what} failed every time it was tried and lies in the dead-letter queue: nobody works on it any more.",
            seeds=seeds,
            runbook=runbook,
        ),
        AlarmSpec(
            key=f"{key}-old",
            severity=Severity.WARNING,
            source=of(queue, "ApproximateAgeOfOldestMessage"),
            comparison=Comparison.ABOVE,
            threshold=oldest_seconds,
            periods=3,
            why=f"{what} has waited for more than {oldest_seconds:,} seconds: its workers are stopped, too slow, or too few.",
            seeds=seeds,
            runbook=runbook,
        ),
        AlarmSpec(
            key=f"{key}-deep",
            severity=Severity.WARNING,
            source=of(queue, "ApproximateNumberOfMessagesVisible"),
            comparison=Comparison.ABOVE,
            threshold=most_messages,
            periods=5,
            why=f"More than {most_messages:,} messages wait in the queue {key}: more comes in than is worked on.",
            seeds=seeds,
            runbook=runbook,
        ),
    )


def schedule_alarms(cadence: str, *, group: Dimension, daily: int | None = None) -> tuple[AlarmSpec, ...]:
    """The schedules of one group: a delivery was lost, or nothing was delivered at all.

    Args:
        cadence: `daily`, `weekly`, `monthly` or `quarterly`.
        group: Physical name of the schedule group.
        daily: Deliveries that each day must have; None where the group is not daily. CloudWatch looks back a week at most, and an alarm on
            a week's silence would stand from the first hour until the first Monday: the daily group shows that schedules, role and queue work.
    """

    def of(name: str, period: int = 300) -> Metric:
        return Metric("AWS/Scheduler", name, "Sum", (("ScheduleGroup", group),), period=period)

    lost = tuple(
        (name, of(metric))
        for name, metric in (
            ("dropped", "InvocationDroppedCount"),
            ("errors", "TargetErrorCount"),
            ("undelivered", "InvocationsFailedToBeSentToDeadLetterCount"),
            ("throttled", "InvocationThrottleCount"),
        )
    )
    alarms = [
        AlarmSpec(
            key=f"schedules-{cadence}-lost",
            severity=Severity.WARNING,
            source=Expression(total(lost), "deliveries that failed", lost),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=f"A {cadence} operation was not delivered to its queue or topic at the first try, or not at all.",
            seeds=_SEEDS,
            runbook="schedules",
        )
    ]
    if daily is not None:
        alarms.append(
            AlarmSpec(
                key=f"schedules-{cadence}-silent",
                severity=Severity.WARNING,
                source=of("InvocationAttemptCount", 86_400),
                comparison=Comparison.BELOW,
                threshold=daily,
                missing=Missing.BREACHING,
                why=f"Fewer than {daily} {cadence} operations were started within a day: a schedule is off, changed or gone.",
                seeds=_SEEDS,
                runbook="schedules",
            )
        )
    return tuple(alarms)
