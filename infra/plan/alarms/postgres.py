"""RDS for PostgreSQL, and the proxy in front of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, LogFilter, Metric, Missing, Severity
from infra.settings.operations import Alarms as Thresholds

_GIB = 1024**3


_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0, "x": 16.0}


_BURST_GIB = {"micro": 1.0, "small": 2.0, "medium": 4.0, "large": 8.0, "xlarge": 16.0, "2xlarge": 32.0}


SLOW_QUERY_METRIC = "SlowQueries"


def instance_memory_gib(instance_class: str) -> float:
    """Memory of an RDS instance class in GiB, from its family's ratio to the vCPUs (t: a table of its own).

    Raises:
        ValueError: a class whose memory does not follow from its name.
    """
    match = re.fullmatch(r"db\.(?P<family>[a-z])[a-z0-9-]*\.(?P<size>[a-z0-9]+)", instance_class)
    if match:
        family, size = match["family"], match["size"]
        if family == "t" and size in _BURST_GIB:
            return _BURST_GIB[size]
        times = re.fullmatch(r"(\d+)?xlarge", size)
        vcpus = 1.0 if size == "medium" else 2.0 if size == "large" else 4.0 * int(times[1] or 1) if times else None
        if vcpus is not None and family in _GIB_PER_VCPU:
            return vcpus * _GIB_PER_VCPU[family]
    raise ValueError(f"the memory of {instance_class!r} is not known; the alarm knows the families c, m, r, t and x of RDS")


def postgres_alarms(
    *,
    instance: Dimension,
    replicas: Sequence[Dimension],
    instance_class: str,
    storage_gb: int,
    max_connections: int,
    thresholds: Thresholds,
    namespace: str,
    in_use: bool,
) -> tuple[AlarmSpec, ...]:
    """RDS for PostgreSQL.

    Args:
        instance: Identifier of the primary.
        replicas: Identifiers of the read replicas.
        instance_class: Gives the memory of which 15 % must stay free.
        storage_gb: First size in GiB; autoscaling only adds to it, so the threshold errs on the late side by what was added.
        max_connections: The server's limit, of which 90 % raise a warning.
        thresholds: The settings' numbers.
        namespace: Of the slow-query metric (`slow_query_filter`).
        in_use: Whether services run that keep connections open; without them, no connection is no incident.

    Raises:
        ValueError: an instance class whose memory is not known.
    """
    of: tuple[tuple[str, Dimension], ...] = (("DBInstanceIdentifier", instance),)
    free_memory = instance_memory_gib(instance_class) * _GIB * (100 - thresholds.memory_percent) / 100
    free_storage = storage_gb * _GIB * (100 - thresholds.disk_percent) / 100
    specs = [
        AlarmSpec(
            key="postgres-cpu",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "CPUUtilization", "Average", of),
            comparison=Comparison.ABOVE,
            threshold=thresholds.cpu_percent,
            periods=5,
            why=f"The database uses more than {thresholds.cpu_percent} % of its CPU.",
            seeds=("DTO-105", "DTO-140"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-memory",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "FreeableMemory", "Average", of),
            comparison=Comparison.BELOW,
            threshold=free_memory,
            periods=5,
            why=f"The database uses more than {thresholds.memory_percent} % of its memory.",
            seeds=("DTO-106", "DTO-140"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-storage",
            severity=Severity.CRITICAL,
            source=Metric("AWS/RDS", "FreeStorageSpace", "Minimum", of, period=300),
            comparison=Comparison.BELOW,
            threshold=free_storage,
            why=f"Less than {100 - thresholds.disk_percent} % of the database's first size is free, and autoscaling has not added to it.",
            seeds=("DTO-107", "DTO-128", "DTO-140"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-connections",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "DatabaseConnections", "Maximum", of),
            comparison=Comparison.ABOVE,
            threshold=int(max_connections * 0.9),
            periods=3,
            why=f"More than 90 % of the database's {max_connections} connections are in use.",
            seeds=("DTO-125", "NRC-018"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-slow-queries",
            severity=Severity.WARNING,
            source=Metric(namespace, SLOW_QUERY_METRIC, "Sum", period=300),
            comparison=Comparison.ABOVE,
            threshold=10,
            why="More than ten queries in five minutes were slower than the settings' limit (seed 003: 1,000 ms).",
            seeds=("DTO-126", "DTO-142"),
            runbook="slow-queries",
        ),
    ]
    if in_use:
        specs.append(
            AlarmSpec(
                key="postgres-lost",
                severity=Severity.CRITICAL,
                source=Metric("AWS/RDS", "DatabaseConnections", "Maximum", of),
                comparison=Comparison.BELOW,
                threshold=1,
                missing=Missing.BREACHING,
                why="No client has been connected to the database for 60 s, or it reports nothing: it cannot be reached.",
                seeds=("DTO-121", "DTO-142"),
                runbook="database",
            )
        )
    if replicas:
        # A replica that stays away keeps the primary's log on its disk: that fills before anybody misses the replica.
        specs.append(
            AlarmSpec(
                key="postgres-slot",
                severity=Severity.WARNING,
                source=Metric("AWS/RDS", "OldestReplicationSlotLag", "Maximum", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=storage_gb * _GIB / 20,
                periods=2,
                why="A replication slot keeps log of more than a twentieth of the database's first size: a replica has stopped following.",
                seeds=("DTO-127", "DTO-107"),
                runbook="database",
            )
        )
    specs += [
        AlarmSpec(
            key=f"postgres-lag-{number}",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "ReplicaLag", "Maximum", (("DBInstanceIdentifier", replica),)),
            comparison=Comparison.ABOVE,
            threshold=thresholds.replica_lag_seconds,
            periods=3,
            missing=Missing.BREACHING,
            why=f"Read replica {number} is more than {thresholds.replica_lag_seconds} s behind, or reports nothing.",
            seeds=("DTO-127",),
            runbook="database",
        )
        for number, replica in enumerate(replicas, start=1)
    ]
    return tuple(specs)


def proxy_alarms(*, proxy: Dimension, most: int) -> tuple[AlarmSpec, ...]:
    """RDS Proxy in front of the primary.

    Args:
        proxy: The proxy's name.
        most: Connections to the server that its pool may hold, of which 90 % raise a warning.
    """
    of: tuple[tuple[str, Dimension], ...] = (("ProxyName", proxy),)
    return (
        AlarmSpec(
            key="postgres-proxy-lost",
            severity=Severity.CRITICAL,
            source=Metric(
                "AWS/RDS", "AvailabilityPercentage", "Average", (*of, ("TargetGroup", "default"), ("TargetRole", "READ_WRITE")), period=60
            ),
            comparison=Comparison.BELOW,
            threshold=50,
            periods=2,
            missing=Missing.BREACHING,
            why="The proxy has not reached the database for most of two minutes, or reports nothing: the backend has no relational data.",
            seeds=("DTO-121", "DTO-142"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-proxy-connections",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "DatabaseConnections", "Sum", of),
            comparison=Comparison.ABOVE,
            threshold=int(most * 0.9),
            periods=3,
            why=f"More than 90 % of the {most} connections of the proxy's pool are in use: soon clients wait for one.",
            seeds=("DTO-125", "NRC-018"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-proxy-waits",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "DatabaseConnectionsBorrowLatency", "Average", of),
            comparison=Comparison.ABOVE,
            # Microseconds.
            threshold=50_000,
            periods=3,
            why="Clients wait more than 50 ms for a connection of the proxy's pool, half of what an answer of the API may take.",
            seeds=("DTO-125", "DTO-110"),
            runbook="database",
        ),
        AlarmSpec(
            key="postgres-proxy-refused",
            severity=Severity.WARNING,
            source=Metric("AWS/RDS", "ClientConnectionsSetupFailedAuth", "Sum", of, period=300),
            comparison=Comparison.ABOVE,
            threshold=10,
            why="The proxy refused more than ten log-ins in five minutes: an expired token, a role without rds-db:connect, or no TLS.",
            seeds=("DTO-121",),
            runbook="database",
        ),
    )


def slow_query_filter(*, log_group: Dimension, namespace: str) -> LogFilter:
    """Counts what PostgreSQL logs for `log_min_duration_statement`: lines with `duration: 1234.567 ms`."""
    return LogFilter(
        key="postgres-slow-queries",
        log_group=log_group,
        pattern='"duration:"',
        namespace=namespace,
        metric=SLOW_QUERY_METRIC,
        default=0,
    )
