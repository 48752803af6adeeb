"""Functions that fail."""

from __future__ import annotations

from infra.plan.alarms.model import AlarmSpec, Comparison, Metric, Severity


def function_alarms(
    key: str,
    *,
    function: str,
    why: str,
    severity: Severity = Severity.WARNING,
    seeds: tuple[str, ...] = ("DTO-109",),
    runbook: str = "functions",
) -> tuple[AlarmSpec, ...]:
    """A Lambda function that fails. `function` is its physical name."""
    return (
        AlarmSpec(
            key=f"{key}-failing",
            severity=severity,
            source=Metric("AWS/Lambda", "Errors", "Sum", (("FunctionName", function),)),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=seeds,
            runbook=runbook,
        ),
    )


def rotation_alarms(key: str, *, function: str) -> tuple[AlarmSpec, ...]:
    """A function that rotates a secret, or starts its readers again, fails: the week's rotation may be missing."""
    return function_alarms(
        key,
        function=function,
        why="A rotation of secrets or a restart of their readers fails: a secret stays as it was, or a service holds an old one.",
        severity=Severity.CRITICAL,
        seeds=("DTO-025", "OTE-034"),
        runbook="secrets",
    )
