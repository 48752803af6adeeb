"""What stands ready in the second region: names, documents and alarms. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from infra.plan.alarms import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity
from infra.plan.iam import policy, statement

FACTS_VERSION = 1
"""Version of the document that `facts` makes; `nautilus dr` refuses another."""
FACTS_BYTES = 4_096
"""Longest value of a standard parameter (SSM)."""
REPLICATION_MINUTES = 15
"""S3 Replication Time Control's threshold; S3 offers this one (S3 user guide)."""
REPLICATION_RULE = "everything"
"""Id of the one replication rule: a dimension of its metrics."""


def facts_parameter(path: str) -> str:
    """The parameter, in the second region, that a failover reads before anything else. `path` is the stack's, `/nautilus/prod/dr`."""
    return f"{path}/facts"


def facts(
    *,
    account: str,
    home: str,
    region: str,
    project: str,
    environment: str,
    replica: str | None,
    database_key: str,
    max_lag_seconds: int,
) -> dict[str, object]:
    """What `nautilus dr` must know while the home region is silent: names and ARNs only, nothing secret.

    Names are those that the components give; a test compares them with the plan of the whole platform.
    """
    prefix = f"{project}-{environment}"
    return {
        "version": FACTS_VERSION,
        "account": account,
        "home": home,
        "region": region,
        "project": project,
        "environment": environment,
        "replica": replica,
        "databaseKey": database_key,
        "maxLagSeconds": max_lag_seconds,
        "secretsPrefix": f"{project}/{environment}/",
        "repositoriesPrefix": f"{prefix}/",
        "haltParameter": f"/{project}/{environment}/trading/halt",
        "leaseTable": f"{prefix}-leases",
        "leases": ["engine", "ib-gateway"],
        "cluster": f"{prefix}-cluster",
        "services": {"engine": f"{prefix}-engine", "gateway": f"{prefix}-ib-gateway"},
        "vault": f"{prefix}-backup",
    }


def replication_policy(*, source: str, target: str, source_key: str, target_key: str, home: str, region: str) -> str:
    """What S3 may do while it copies the archive: read the source's versions with their locks, write replicas, and use a key at each end.

    Args:
        source: ARN of the bucket at home.
        target: ARN of its copy.
        source_key: KMS key of the objects at home.
        target_key: KMS key of their copies.
        home: Home region.
        region: Second region.
    """
    return policy(
        statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], [source], sid="ReadConfiguration"),
        statement(
            [
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionTagging",
            ],
            [f"{source}/*"],
            sid="ReadVersions",
        ),
        statement(["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], [f"{target}/*"], sid="WriteCopies"),
        statement(
            ["kms:Decrypt"], [source_key], sid="OpenSource", conditions={"StringEquals": {"kms:ViaService": f"s3.{home}.amazonaws.com"}}
        ),
        statement(
            ["kms:Encrypt", "kms:GenerateDataKey"],
            [target_key],
            sid="SealCopies",
            conditions={"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        ),
    )


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
