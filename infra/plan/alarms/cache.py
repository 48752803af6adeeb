"""ElastiCache: each member, and the cache as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Expression, Metric, Missing, Severity, total, worst
from infra.settings.operations import Alarms as Thresholds


def cache_alarms(*, members: Sequence[Dimension], thresholds: Thresholds, max_connections: int = 5_000) -> tuple[AlarmSpec, ...]:
    """ElastiCache.

    Args:
        members: The node ids, at most ten (the limit of one alarm's metric math).
        thresholds: The settings' numbers.
        max_connections: Connections of one node above which something leaks or loops; ElastiCache itself ends at 65,000.

    Raises:
        ValueError: no member, or more than ten.
    """
    if not 1 <= len(members) <= 10:
        raise ValueError(f"the cache has {len(members)} members; its alarm watches 1 to 10")

    def of(name: str, member: Dimension, statistic: str = "Average") -> Metric:
        return Metric("AWS/ElastiCache", name, statistic, (("CacheClusterId", member),))

    masters = tuple((f"master_{index}", of("IsMaster", member, "Maximum")) for index, member in enumerate(members))
    specs = [
        AlarmSpec(
            key="cache-lost",
            severity=Severity.CRITICAL,
            source=Expression(total(masters), "primaries", masters),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why="No member of the cache has reported that it is the primary for 60 s.",
            seeds=("NRC-015", "DTO-109"),
            runbook="cache",
        )
    ]

    def together(
        key: str, label: str, metric: str, *, sum_up: bool, above: float, why: str, periods: int, seeds: tuple[str, ...]
    ) -> AlarmSpec:
        """One alarm on the worst member, or on the sum of all: which of them it is, the graph shows."""
        found = tuple((f"member_{index}", of(metric, member, "Sum" if sum_up else "Maximum")) for index, member in enumerate(members))
        return AlarmSpec(
            key=f"cache-{key}",
            severity=Severity.WARNING,
            source=Expression(total(found) if sum_up else worst(found), label, found),
            comparison=Comparison.ABOVE,
            threshold=above,
            periods=periods,
            why=why,
            seeds=seeds,
            runbook="cache",
        )

    specs += [
        together(
            "host-cpu",
            "CPU of the busiest node in percent",
            "CPUUtilization",
            sum_up=False,
            above=90,
            periods=5,
            why="A node of the cache uses more than 90 % of its CPU, the engine's threads and AWS's own work together.",
            seeds=("DTO-105", "DTO-140"),
        ),
        together(
            "lag",
            "seconds that the last replica is behind",
            "ReplicationLag",
            sum_up=False,
            above=thresholds.replica_lag_seconds,
            periods=3,
            why=f"A replica of the cache is more than {thresholds.replica_lag_seconds} s behind: a failover would lose that much.",
            seeds=("DTO-127", "DTO-142"),
        ),
        together(
            "evictions",
            "evicted keys a minute",
            "Evictions",
            sum_up=True,
            above=0,
            periods=5,
            why="The cache has thrown sessions and cached answers out for five minutes, because its memory is full.",
            seeds=("DTO-106", "DTO-109"),
        ),
        together(
            "connections",
            "connections of the busiest node",
            "CurrConnections",
            sum_up=False,
            above=max_connections,
            periods=3,
            why=f"A node of the cache has more than {max_connections} connections: a service opens them and does not close them.",
            seeds=("DTO-125", "DTO-109"),
        ),
        together(
            "sign-ins",
            "failed sign-ins",
            "AuthenticationFailures",
            sum_up=True,
            above=9,
            periods=1,
            why="Ten or more sign-ins to the cache failed within a minute: a service still holds an old password, or somebody guesses.",
            seeds=("DTO-031", "DTO-034"),
        ),
        together(
            "commands",
            "refused commands",
            "CommandAuthorizationFailures",
            sum_up=True,
            above=0,
            periods=1,
            why="A user of the cache tried a command that its access string does not have.",
            seeds=("DTO-031", "PFC-059"),
        ),
        together(
            "keys",
            "refused keys",
            "KeyAuthorizationFailures",
            sum_up=True,
            above=0,
            periods=1,
            why="A user of the cache tried a key of another service.",
            seeds=("DTO-031", "PFC-059"),
        ),
    ]
    for number, member in enumerate(members, start=1):
        specs += [
            AlarmSpec(
                key=f"cache-cpu-{number}",
                severity=Severity.WARNING,
                source=of("EngineCPUUtilization", member),
                comparison=Comparison.ABOVE,
                threshold=thresholds.cpu_percent,
                periods=5,
                why=f"Member {number} of the cache uses more than {thresholds.cpu_percent} % of the engine's one CPU.",
                seeds=("DTO-105", "DTO-140"),
                runbook="cache",
            ),
            AlarmSpec(
                key=f"cache-memory-{number}",
                severity=Severity.WARNING,
                source=of("DatabaseMemoryUsagePercentage", member),
                comparison=Comparison.ABOVE,
                threshold=thresholds.memory_percent,
                periods=5,
                why=f"Member {number} of the cache uses more than {thresholds.memory_percent} % of its memory.",
                seeds=("DTO-106", "DTO-140"),
                runbook="cache",
            ),
        ]
    return tuple(specs)
