"""What runs in containers: capacity, processes that must run exactly once, and the broker's gateway."""

from __future__ import annotations

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, LogFilter, Metric, Missing, Severity
from infra.settings.operations import Alarms as Thresholds


def service_alarms(key: str, *, cluster: str, service: str, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """CPU and memory of an ECS service (seed 003: 80 and 85 %), five minutes long, so that a start does not raise them."""
    dimensions: tuple[tuple[str, Dimension], ...] = (("ClusterName", cluster), ("ServiceName", service))
    return (
        AlarmSpec(
            key=f"{key}-cpu",
            severity=Severity.WARNING,
            source=Metric("AWS/ECS", "CPUUtilization", "Average", dimensions),
            comparison=Comparison.ABOVE,
            threshold=thresholds.cpu_percent,
            periods=5,
            why=f"The tasks of {key} use more than {thresholds.cpu_percent} % of their CPU.",
            seeds=("DTO-105", "DTO-140"),
            runbook="capacity",
        ),
        AlarmSpec(
            key=f"{key}-memory",
            severity=Severity.WARNING,
            source=Metric("AWS/ECS", "MemoryUtilization", "Average", dimensions),
            comparison=Comparison.ABOVE,
            threshold=thresholds.memory_percent,
            periods=5,
            why=f"The tasks of {key} use more than {thresholds.memory_percent} % of their memory.",
            seeds=("DTO-106", "DTO-140"),
            runbook="capacity",
        ),
    )


def singleton_alarms(key: str, *, cluster: str, service: str) -> tuple[AlarmSpec, ...]:
    """A process that must run exactly once (DESIGN.md decision 7): twice is worse than not at all, so they are two alarms.

    `twice` may serve as the singleton's deployment alarm: it is never raised by a missing task.
    """
    running = Metric(
        "ECS/ContainerInsights", "RunningTaskCount", "Maximum", (("ClusterName", cluster), ("ServiceName", service)), period=60
    )
    return (
        AlarmSpec(
            key=f"{key}-twice",
            severity=Severity.CRITICAL,
            source=running,
            comparison=Comparison.ABOVE,
            threshold=1,
            why=f"More than one task of {key} runs. Two of them may send the same orders.",
            seeds=("NRC-057", "decision 7"),
            runbook="singleton",
        ),
        AlarmSpec(
            key=f"{key}-absent",
            severity=Severity.CRITICAL,
            source=running,
            comparison=Comparison.BELOW,
            threshold=1,
            periods=5,
            missing=Missing.BREACHING,
            why=f"No task of {key} has run for five minutes, longer than a restart takes (120 s to stop, up to 180 s to start).",
            seeds=("DTO-109", "DTO-121", "decision 7"),
            runbook="singleton",
        ),
    )


GATEWAY_METRIC = "GatewayConnected"


def gateway_filter(*, log_group: Dimension, namespace: str) -> LogFilter:
    """The metric of the gateway's heartbeat lines (infra/plan/tasks.py: `gateway_watch`)."""
    return LogFilter(
        key="gateway-connected",
        log_group=log_group,
        pattern='{ $.event = "gateway.heartbeat" }',
        namespace=namespace,
        metric=GATEWAY_METRIC,
        value="$.connected",
    )


def gateway_alarms(*, namespace: str) -> tuple[AlarmSpec, ...]:
    """No API handshake with the broker's gateway for 120 s (seed 004). Silence counts as disconnected."""
    return (
        AlarmSpec(
            key="gateway-disconnected",
            severity=Severity.CRITICAL,
            source=Metric(namespace, GATEWAY_METRIC, "Maximum"),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            missing=Missing.BREACHING,
            why="The IB Gateway has answered no API handshake for 120 s: not logged in, or not running.",
            seeds=("NRC-019", "NRC-055"),
            runbook="gateway",
        ),
    )
