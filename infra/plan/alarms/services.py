"""What runs in containers: capacity, processes that must run exactly once, and the broker's gateway."""

from __future__ import annotations

from collections.abc import Mapping

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


def singleton_alarms(key: str, *, cluster: str, service: str, standby: bool = False) -> tuple[AlarmSpec, ...]:
    """A process that must run exactly once (DESIGN.md decision 7): twice is worse than not at all, so they are two alarms.

    `twice` may serve as the singleton's deployment alarm: it is never raised by a missing task. A `standby` acts only with the lease,
    so neither alarm on it wakes anybody.
    """
    running = Metric(
        "ECS/ContainerInsights", "RunningTaskCount", "Maximum", (("ClusterName", cluster), ("ServiceName", service)), period=60
    )
    severity = Severity.WARNING if standby else Severity.CRITICAL
    return (
        AlarmSpec(
            key=f"{key}-twice",
            severity=severity,
            source=running,
            comparison=Comparison.ABOVE,
            threshold=1,
            why=f"More than one task of {key} runs. "
            + ("Only the lease keeps them apart." if standby else "Two of them may send the same orders."),
            seeds=("NRC-057", "decision 7"),
            runbook="singleton",
        ),
        AlarmSpec(
            key=f"{key}-absent",
            severity=severity,
            source=running,
            comparison=Comparison.BELOW,
            threshold=1,
            periods=5,
            missing=Missing.BREACHING,
            why=f"No task of {key} has run for five minutes, longer than a restart takes (120 s to stop, up to 180 s to start)."
            + (" Nobody would take the login over." if standby else ""),
            seeds=("DTO-109", "DTO-121", "decision 7"),
            runbook="singleton",
        ),
    )


LEASE_HELD, LEASE_LOST = "LeaseHeld", "LeaseLost"
"""Metrics of the watchdog's lines, by the dimension `Lease`: it says once a minute that it holds, and once that it lost."""


def lease_filters(*, log_groups: Mapping[str, Dimension], namespace: str) -> tuple[LogFilter, ...]:
    """The metrics of a lease out of the log groups of all tasks that may hold it, by service."""
    found: list[LogFilter] = []
    for service, group in sorted(log_groups.items()):
        for part, metric, pattern in (
            ("held", LEASE_HELD, '{ $.event = "holding" }'),
            (
                "lost",
                LEASE_LOST,
                '{ ($.event = "lost") || ($.event = "ended-at-deadline") || ($.event = "defect") }',
            ),
        ):
            found.append(
                LogFilter(
                    key=f"{service}-lease-{part}",
                    log_group=group,
                    pattern=pattern,
                    namespace=namespace,
                    metric=metric,
                    dimensions=(("Lease", "$.lease"),),
                )
            )
    return tuple(found)


def lease_alarms(lease: str, *, namespace: str) -> tuple[AlarmSpec, ...]:
    """Nobody holds a lease, or its holder lost it while it ran (DESIGN.md decision 7). Silence counts as not held."""
    dimensions = (("Lease", lease),)
    return (
        AlarmSpec(
            key=f"{lease}-lease-free",
            severity=Severity.CRITICAL,
            source=Metric(namespace, LEASE_HELD, "Maximum", dimensions, period=300),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why=f"For five minutes no watchdog has said that it holds the lease {lease}: what needs it stands still.",
            seeds=("NRC-057", "decision 7"),
            runbook="singleton",
        ),
        AlarmSpec(
            key=f"{lease}-lease-lost",
            severity=Severity.CRITICAL,
            source=Metric(namespace, LEASE_LOST, "Sum", dimensions),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=f"The holder of the lease {lease} lost it while it ran: its path was cut, and what was under way is not known.",
            seeds=("NRC-057", "decision 7"),
            runbook="singleton",
        ),
    )


GATEWAY_METRIC = "GatewayReady"
"""1 while the task that holds the gateway's lease is connected or in its restart window. Without dimensions: it follows the holder."""

GATEWAY_BY_TASK = "GatewayConnected"
"""1 while the holder has a login, by the dimension `Service`: which of the two tasks it is."""

_HOLDER = '{ ($.event = "gateway.heartbeat") && ($.held = 1) }'
"""The heartbeat of the task that counts (`infra.plan.gateway.watch`); a standby's lines make no metric."""


def gateway_filter(*, log_group: Dimension, namespace: str, service: str = "ib-gateway") -> LogFilter:
    """The alarm's metric, out of one task's heartbeat lines."""
    return LogFilter(
        key=f"{service}-ready", log_group=log_group, pattern=_HOLDER, namespace=namespace, metric=GATEWAY_METRIC, value="$.ready"
    )


def gateway_filters(*, log_groups: Mapping[str, Dimension], namespace: str) -> tuple[LogFilter, ...]:
    """The metrics of the gateway's heartbeat lines: for each task's log group, what the alarm looks at, and who is connected."""
    found: list[LogFilter] = []
    for service, group in sorted(log_groups.items()):
        found.append(gateway_filter(log_group=group, namespace=namespace, service=service))
        found.append(
            LogFilter(
                key=f"{service}-connected",
                log_group=group,
                pattern=_HOLDER,
                namespace=namespace,
                metric=GATEWAY_BY_TASK,
                value="$.connected",
                dimensions=(("Service", "$.service"),),
            )
        )
    return tuple(found)


def gateway_alarms(*, namespace: str) -> tuple[AlarmSpec, ...]:
    """No API handshake with the broker's gateway for 120 s (seed 004), outside its restart window. Silence counts as disconnected."""
    return (
        AlarmSpec(
            key="gateway-disconnected",
            severity=Severity.CRITICAL,
            source=Metric(namespace, GATEWAY_METRIC, "Maximum"),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            missing=Missing.BREACHING,
            why="The IB Gateway that holds the lease has answered no API handshake for 120 s: not logged in, not running, or nobody holds it.",
            seeds=("NRC-019", "NRC-055"),
            runbook="gateway",
        ),
    )
