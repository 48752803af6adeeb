"""What stands ready in the second region and falls behind: the database's replica, the archive's copy."""

from __future__ import annotations

from collections.abc import Mapping

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity

REPLICATION_MINUTES = 15
"""S3 Replication Time Control's threshold; S3 offers this one (S3 user guide)."""
REPLICATION_RULE = "everything"
"""Id of the one replication rule: a dimension of its metrics."""


def replica_alarms(*, replica: Dimension, max_lag_seconds: int) -> tuple[AlarmSpec, ...]:
    """The replica in the second region is behind, or says nothing: a failover would lose more than was promised.

    RDS reports a lag of -1 where replication has not begun or was broken off, which no threshold on the upper side sees.
    """
    of: tuple[tuple[str, Dimension], ...] = (("DBInstanceIdentifier", replica),)
    return (
        AlarmSpec(
            key="dr-replica-lag",
            severity=Severity.CRITICAL,
            source=Metric("AWS/RDS", "ReplicaLag", "Maximum", of),
            comparison=Comparison.ABOVE,
            threshold=max_lag_seconds,
            periods=5,
            missing=Missing.BREACHING,
            why=f"The replica in the second region is more than {max_lag_seconds} s behind, or silent: losing the home region now would lose that.",
            seeds=("DTO-202", "PFC-152", "NRC-039"),
            runbook="region",
        ),
        AlarmSpec(
            key="dr-replica-broken",
            severity=Severity.CRITICAL,
            source=Metric("AWS/RDS", "ReplicaLag", "Minimum", of),
            comparison=Comparison.BELOW,
            threshold=0,
            periods=5,
            why="Replication to the second region has stopped: RDS reports a lag of -1.",
            seeds=("DTO-202", "PFC-152", "NRC-039"),
            runbook="region",
        ),
    )


def _copy(buckets: Mapping[str, Dimension]) -> tuple[tuple[str, Dimension], ...]:
    return (("SourceBucket", buckets["source"]), ("DestinationBucket", buckets["target"]), ("RuleId", REPLICATION_RULE))


def archive_alarms(*, source: Dimension, target: Dimension) -> tuple[AlarmSpec, ...]:
    """The archive's copy is late. S3 publishes this metric in the copy's region, and only while there is something to copy."""
    return (
        AlarmSpec(
            key="dr-archive-late",
            severity=Severity.WARNING,
            source=Metric("AWS/S3", "ReplicationLatency", "Maximum", _copy({"source": source, "target": target})),
            comparison=Comparison.ABOVE,
            threshold=REPLICATION_MINUTES * 60,
            periods=5,
            why=f"The copy of TimescaleDB's archive is more than {REPLICATION_MINUTES} minutes behind.",
            seeds=("DTO-202", "PFC-152", "NRC-039"),
            runbook="region",
        ),
    )


def archive_source_alarms(*, source: Dimension, target: Dimension) -> tuple[AlarmSpec, ...]:
    """Files of the archive were not copied and will not be tried again. S3 publishes this metric in the archive's own region."""
    return (
        AlarmSpec(
            key="dr-archive-failed",
            severity=Severity.CRITICAL,
            source=Metric("AWS/S3", "OperationsFailedReplication", "Sum", _copy({"source": source, "target": target}), period=300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="S3 gave up copying files of TimescaleDB's archive: the copy has a gap, and cannot be restored past it.",
            seeds=("DTO-202", "PFC-152", "NRC-039"),
            runbook="region",
        ),
    )
