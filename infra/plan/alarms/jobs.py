"""The daily reconciliation: that it ends, and what it finds."""

from __future__ import annotations

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, LogFilter, Metric, Missing, Severity
from infra.plan.jobs import RECONCILED

BREAKS_METRIC = "ReconciliationBreaks"

SILENT_HOURS = 26
"""Daily, and an hour more for the day on which the clocks go back, and one for the run itself."""


def reconciliation_filter(*, log_group: Dimension, namespace: str) -> LogFilter:
    """The metric of the line with which a reconciliation ends (`infra.plan.jobs.RECONCILED`)."""
    return LogFilter(
        key="reconciliation-breaks",
        log_group=log_group,
        pattern=f'{{ $.event = "{RECONCILED}" }}',
        namespace=namespace,
        metric=BREAKS_METRIC,
        value="$.breaks",
    )


def reconciliation_alarms(*, namespace: str, queue: str) -> tuple[AlarmSpec, ...]:
    """Differences, silence, and a start that was given up.

    A task that ran and failed is announced by an event rule of the job itself.

    Args:
        namespace: Of the stack's own metrics.
        queue: Physical name of the schedule's dead-letter queue.
    """
    return (
        AlarmSpec(
            key="reconciliation-breaks",
            severity=Severity.CRITICAL,
            source=Metric(namespace, BREAKS_METRIC, "Maximum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            # It stays raised for a day, so that nobody reads an empty hour as an all-clear.
            periods=24,
            datapoints=1,
            why="Our orders or positions differ from what a venue or the broker says.",
            seeds=("PFC-218", "PFC-219", "PFC-229"),
            runbook="reconciliation",
        ),
        AlarmSpec(
            key="reconciliation-silent",
            severity=Severity.CRITICAL,
            source=Metric(namespace, BREAKS_METRIC, "SampleCount", period=3600),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=SILENT_HOURS,
            missing=Missing.BREACHING,
            why=f"No reconciliation has ended for {SILENT_HOURS} hours.",
            seeds=("PFC-219",),
            runbook="reconciliation",
        ),
        AlarmSpec(
            key="reconciliation-not-started",
            severity=Severity.CRITICAL,
            source=Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", (("QueueName", queue),)),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="EventBridge Scheduler could not start the reconciliation and gave up.",
            seeds=("PFC-219",),
            runbook="reconciliation",
        ),
    )
