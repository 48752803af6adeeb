"""Findings in images that nobody was told of."""

from __future__ import annotations

from collections.abc import Mapping

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Severity


def registry_alarms(*, rules: Mapping[str, Dimension]) -> tuple[AlarmSpec, ...]:
    """A critical finding that could not be announced. `rules` are the physical names of the event rules, by key."""
    return tuple(
        AlarmSpec(
            key=f"images-{key}-unannounced",
            severity=Severity.WARNING,
            source=Metric("AWS/Events", "FailedInvocations", "Sum", (("RuleName", rule),), period=300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="A critical finding in an image could not be announced: the topic refused the message. Look at the scans by hand.",
            seeds=("DTO-057", "DTO-277"),
            runbook="images",
        )
        for key, rule in sorted(rules.items())
    )
