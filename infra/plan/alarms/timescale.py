"""The TimescaleDB cluster: from outside, and as its nodes see themselves."""

from __future__ import annotations

from collections.abc import Sequence

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity
from infra.settings.operations import Alarms as Thresholds

_TIMESCALE_NODES = 3
"""As many as `infra.plan.timescale` makes."""


def timescale_alarms(
    *,
    groups: Sequence[Dimension],
    thresholds: Thresholds,
    namespace: str | None = None,
    balancer: Dimension | None = None,
    writer: Dimension | None = None,
) -> tuple[AlarmSpec, ...]:
    """The TimescaleDB cluster: its machines as EC2 sees them, its writer as clients do, and what the nodes publish each minute.

    Args:
        groups: The auto-scaling groups, each of one node.
        thresholds: The settings' numbers.
        namespace: Where the nodes publish (infra/timescale/metrics.sh.j2); None without them.
        balancer: The ARN suffix of the load balancer; None leaves its view out.
        writer: That of its writer group.
    """
    specs: list[AlarmSpec] = []
    for number, group in enumerate(groups, start=1):
        of: tuple[tuple[str, Dimension], ...] = (("AutoScalingGroupName", group),)
        specs += [
            AlarmSpec(
                key=f"timescale-cpu-{number}",
                severity=Severity.WARNING,
                source=Metric("AWS/EC2", "CPUUtilization", "Average", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=thresholds.cpu_percent,
                why=f"TimescaleDB node {number} uses more than {thresholds.cpu_percent} % of its CPU.",
                seeds=("DTO-105", "DTO-140"),
                runbook="timescale",
            ),
            AlarmSpec(
                key=f"timescale-node-{number}",
                severity=Severity.CRITICAL,
                source=Metric("AWS/EC2", "StatusCheckFailed", "Maximum", of),
                comparison=Comparison.ABOVE,
                threshold=0,
                periods=2,
                missing=Missing.BREACHING,
                why=f"TimescaleDB node {number} fails EC2's status checks, or is gone.",
                seeds=("NRC-014", "DTO-109"),
                runbook="timescale",
            ),
        ]
    if balancer is not None and writer is not None:
        specs.append(
            AlarmSpec(
                key="timescale-lost",
                severity=Severity.CRITICAL,
                source=Metric("AWS/NetworkELB", "HealthyHostCount", "Maximum", (("LoadBalancer", balancer), ("TargetGroup", writer))),
                comparison=Comparison.BELOW,
                threshold=1,
                missing=Missing.BREACHING,
                why="The load balancer has found no TimescaleDB leader for 60 s: market data cannot be written.",
                seeds=("DTO-121", "DTO-142"),
                runbook="timescale-failover",
            )
        )
    if namespace is not None:
        specs += _timescale_nodes(namespace, thresholds)
    return tuple(specs)


def _timescale_nodes(namespace: str, thresholds: Thresholds) -> list[AlarmSpec]:
    """What the nodes say themselves. Most of it comes from the leader alone, so that silence is an alarm of its own."""

    def of(name: str, statistic: str = "Maximum", period: int = 60) -> Metric:
        return Metric(namespace, name, statistic, period=period)

    return [
        AlarmSpec(
            key="timescale-no-leader",
            severity=Severity.CRITICAL,
            source=of("Leader"),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            missing=Missing.BREACHING,
            why="No TimescaleDB node has led the cluster for two minutes, longer than a failover takes.",
            seeds=("DTO-121", "DTO-142"),
            runbook="timescale-failover",
        ),
        AlarmSpec(
            key="timescale-two-leaders",
            severity=Severity.CRITICAL,
            source=of("Leader", "Sum"),
            comparison=Comparison.ABOVE,
            threshold=1,
            periods=2,
            why="Two TimescaleDB nodes take themselves for the leader.",
            seeds=("NRC-014", "decision 4"),
            runbook="timescale-failover",
        ),
        AlarmSpec(
            key="timescale-failover",
            severity=Severity.WARNING,
            source=of("Failovers", "Sum", 300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="Another TimescaleDB node has become the leader.",
            seeds=("NRC-014", "DTO-142"),
            runbook="timescale-failover",
        ),
        AlarmSpec(
            key="timescale-no-standby",
            severity=Severity.CRITICAL,
            source=of("SynchronousReplicas"),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            why="No replica confirms TimescaleDB's commits: every write waits.",
            seeds=("NRC-014", "DTO-127"),
            runbook="timescale-failover",
        ),
        AlarmSpec(
            key="timescale-lag",
            severity=Severity.WARNING,
            source=of("ReplicationLagSeconds"),
            comparison=Comparison.ABOVE,
            threshold=thresholds.replica_lag_seconds,
            periods=3,
            why=f"A TimescaleDB replica is more than {thresholds.replica_lag_seconds} s behind.",
            seeds=("DTO-127",),
            runbook="timescale",
        ),
        AlarmSpec(
            key="timescale-replicas",
            severity=Severity.WARNING,
            source=of("Replicas"),
            comparison=Comparison.BELOW,
            threshold=_TIMESCALE_NODES - 1,
            periods=15,
            why="A TimescaleDB replica has been missing for 15 minutes: the next loss may stop all writes.",
            seeds=("NRC-014", "DTO-127"),
            runbook="timescale",
        ),
        AlarmSpec(
            key="timescale-wal-age",
            severity=Severity.CRITICAL,
            source=of("WalWaitSeconds"),
            comparison=Comparison.ABOVE,
            threshold=60,
            periods=3,
            why="TimescaleDB's log has waited more than 60 s for the archive: a restore would lose what is in it, and the disk fills.",
            seeds=("NDS-004", "NDS-064"),
            runbook="timescale-archive",
        ),
        AlarmSpec(
            key="timescale-backup-age",
            severity=Severity.CRITICAL,
            source=of("BackupAgeHours", "Minimum", 3_600),
            comparison=Comparison.ABOVE,
            threshold=26,
            missing=Missing.BREACHING,
            why="TimescaleDB's last backup is older than 26 hours, or nobody can tell.",
            seeds=("DTO-129", "DTO-183"),
            runbook="timescale-archive",
        ),
        AlarmSpec(
            key="timescale-disk",
            severity=Severity.CRITICAL,
            source=of("DataDiskPercent"),
            comparison=Comparison.ABOVE,
            threshold=thresholds.disk_percent,
            periods=3,
            why=f"A TimescaleDB node's data volume is more than {thresholds.disk_percent} % full.",
            seeds=("DTO-107", "DTO-140"),
            runbook="timescale-archive",
        ),
        AlarmSpec(
            key="timescale-etcd",
            severity=Severity.CRITICAL,
            source=of("EtcdHealthy"),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            why="etcd has lost its quorum: Patroni can elect nobody and ends the leader's term.",
            seeds=("NRC-014", "decision 4"),
            runbook="timescale-node",
        ),
        AlarmSpec(
            key="timescale-units",
            severity=Severity.WARNING,
            source=of("FailedUnits"),
            comparison=Comparison.ABOVE,
            threshold=0,
            periods=5,
            why="A service of a TimescaleDB node has failed: a backup, a rotation or a refresh of its passwords, say.",
            seeds=("DTO-109",),
            runbook="timescale-node",
        ),
        AlarmSpec(
            key="timescale-silent",
            severity=Severity.WARNING,
            source=of("Leader", "SampleCount", 300),
            comparison=Comparison.BELOW,
            threshold=4 * _TIMESCALE_NODES,
            periods=2,
            missing=Missing.BREACHING,
            why="A TimescaleDB node does not report each minute: its alarms are blind.",
            seeds=("DTO-109",),
            runbook="timescale-node",
        ),
    ]
