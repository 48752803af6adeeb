"""The alarm table: every threshold of the seeds as data, with the line it comes from.

Names that AWS invents (a load balancer's suffix, say) stand in the table as `Target`s and are filled in by the component;
everything else is known before the first resource exists, so the table is pure and can be tested line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.settings.operations import Alarms as Thresholds


class Severity(StrEnum):
    """Which topic hears of it: critical wakes people, a warning waits for the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


class Comparison(StrEnum):
    """CloudWatch's comparison operators."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


class Missing(StrEnum):
    """What a minute without data means."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True)
class Target:
    """A value that is known only once a resource exists; the component resolves it by name."""

    name: str


Dimension = str | Target


@dataclass(frozen=True)
class Metric:
    """One CloudWatch metric.

    `statistic` is `Average`, `Minimum`, `Maximum`, `Sum` or a percentile such as `p95`; `period` is in seconds. AWS's own
    services publish every 60 s, so a shorter period would only be empty.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, Dimension], ...] = ()
    period: int = 60

    @property
    def is_percentile(self) -> bool:
        """Whether CloudWatch wants it as an extended statistic."""
        return re.fullmatch(r"p\d{1,2}(\.\d+)?", self.statistic) is not None


@dataclass(frozen=True)
class Expression:
    """Metric math over metrics that have ids (`[a-z][A-Za-z0-9_]*`), at most ten of them in an alarm (AWS limit)."""

    text: str
    label: str
    metrics: tuple[tuple[str, Metric], ...]


@dataclass(frozen=True)
class AlarmSpec:
    """One alarm. It is raised when `datapoints` of the last `periods` values break the threshold."""

    key: str
    """Short and stable: part of the physical name and of the URN."""
    severity: Severity
    source: Metric | Expression
    comparison: Comparison
    threshold: float
    why: str
    seeds: tuple[str, ...]
    """Lines of the seeds (`NDS-…`, `DTO-…`, `NRC-…`) or decisions of the design that ask for it."""
    runbook: str
    """Page of the operators' handbook, below `docs/runbooks/`."""
    periods: int = 1
    datapoints: int | None = None
    missing: Missing = Missing.NOT_BREACHING

    @property
    def targets(self) -> frozenset[str]:
        """Names of the `Target`s that the component has to resolve."""
        metrics = (self.source,) if isinstance(self.source, Metric) else tuple(metric for _, metric in self.source.metrics)
        return frozenset(value.name for metric in metrics for _, value in metric.dimensions if isinstance(value, Target))

    @property
    def description(self) -> str:
        """What the person who is woken reads, at most 1,024 characters (AWS limit)."""
        return f"{self.why} Runbook: docs/runbooks/{self.runbook}.md. Asked for by: {', '.join(self.seeds)}."[:1024]


@dataclass(frozen=True)
class LogFilter:
    """A metric made of log lines."""

    key: str
    log_group: Dimension
    pattern: str
    namespace: str
    metric: str
    value: str = "1"
    default: float | None = None
    """Value of a minute with log lines but without a match; None leaves the minute without data."""


def table(*groups: Iterable[AlarmSpec]) -> tuple[AlarmSpec, ...]:
    """All alarms in the order of their keys.

    Raises:
        ValueError: a key occurs twice.
    """
    specs = sorted((spec for group in groups for spec in group), key=lambda spec: spec.key)
    keys = [spec.key for spec in specs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"alarm keys occur twice: {', '.join(twice)}")
    return tuple(specs)


def custom_namespace(prefix: str) -> str:
    """Namespace of our own metrics: one for each stack, so that two stacks in an account do not mix."""
    return f"Nautilus/{prefix}"


# --- containers -----------------------------------------------------------------------------------------------------------


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


def _slots(metric: str, statistic: str, *, load_balancer: Target, slots: Sequence[Target]) -> tuple[tuple[str, Metric], ...]:
    return tuple(
        (
            f"{metric.lower()}_{index}",
            Metric("AWS/ApplicationELB", metric, statistic, (("LoadBalancer", load_balancer), ("TargetGroup", slot))),
        )
        for index, slot in enumerate(slots)
    )


def _sum(metrics: Sequence[tuple[str, Metric]]) -> str:
    return " + ".join(f"FILL({name}, 0)" for name, _ in metrics)


def _error_percent(load_balancer: Target, slots: Sequence[Target]) -> Expression:
    errors = _slots("HTTPCode_Target_5XX_Count", "Sum", load_balancer=load_balancer, slots=slots)
    requests = _slots("RequestCount", "Sum", load_balancer=load_balancer, slots=slots)
    return Expression(
        f"IF({_sum(requests)} > 0, 100 * ({_sum(errors)}) / ({_sum(requests)}), 0)",
        "failed requests in percent",
        (*errors, *requests),
    )


def _slowest(load_balancer: Target, slots: Sequence[Target]) -> Expression:
    times = _slots("TargetResponseTime", "p95", load_balancer=load_balancer, slots=slots)
    return Expression(f"MAX([{', '.join(f'FILL({name}, 0)' for name, _ in times)}])", "p95 response time in seconds", times)


def web_alarms(
    key: str, *, load_balancer: Target, blue: Target, green: Target, thresholds: Thresholds, critical: bool = True
) -> tuple[AlarmSpec, ...]:
    """What users of a web service feel. Both target groups are watched as one, because either may carry the traffic.

    Args:
        key: The service.
        load_balancer: The ARN suffix of the load balancer.
        blue: The ARN suffix of one target group.
        green: That of the other.
        thresholds: The settings' numbers.
        critical: Whether the service's being down wakes people (seed 004: the trading API).
    """
    slots = (blue, green)
    healthy = _slots("HealthyHostCount", "Minimum", load_balancer=load_balancer, slots=slots)
    return (
        AlarmSpec(
            key=f"{key}-down",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            source=Expression(_sum(healthy), "healthy tasks", healthy),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why=f"No task of {key} is healthy. The seed asks for 30 s; load balancers publish every 60 s, so it is one such period.",
            seeds=("NDS-059", "DTO-121"),
            runbook="api-down",
        ),
        AlarmSpec(
            key=f"{key}-latency",
            severity=Severity.WARNING,
            source=_slowest(load_balancer, slots),
            comparison=Comparison.ABOVE,
            threshold=thresholds.latency_ms / 1000,
            periods=2,
            why=f"The 95th percentile of {key} is above {thresholds.latency_ms} ms for two minutes.",
            seeds=("NDS-060", "NRC-079", "DTO-110"),
            runbook="latency",
        ),
        AlarmSpec(
            key=f"{key}-errors",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            source=_error_percent(load_balancer, slots),
            comparison=Comparison.ABOVE,
            threshold=thresholds.error_percent,
            periods=3,
            datapoints=2,
            why=f"More than {thresholds.error_percent:g} % of the requests to {key} fail.",
            seeds=("DTO-141", "DTO-111"),
            runbook="errors",
        ),
    )


def rollout_alarms(key: str, *, load_balancer: Target, blue: Target, green: Target, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """What rolls a deployment back: errors, latency, and unhealthy tasks in either target group.

    None is raised by missing data: a service's first deployment has none, and ECS would stop watching an alarm that is
    already on when a deployment starts.
    """
    slots = {"blue": blue, "green": green}
    unhealthy = tuple(
        AlarmSpec(
            key=f"{key}-rollout-{colour}",
            severity=Severity.WARNING,
            source=Metric("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", (("LoadBalancer", load_balancer), ("TargetGroup", slot))),
            comparison=Comparison.ABOVE,
            threshold=0,
            periods=3,
            why=f"A task of {key} in the {colour} target group fails its health check for three minutes.",
            seeds=("NDS-001", "NRC-076"),
            runbook="rollout",
        )
        for colour, slot in slots.items()
    )
    return (
        AlarmSpec(
            key=f"{key}-rollout-errors",
            severity=Severity.WARNING,
            source=_error_percent(load_balancer, tuple(slots.values())),
            comparison=Comparison.ABOVE,
            threshold=thresholds.rollout_error_percent,
            periods=3,
            datapoints=2,
            why=f"More than {thresholds.rollout_error_percent:g} % of the requests to {key} fail: no deployment may go on.",
            seeds=("NDS-061",),
            runbook="rollout",
        ),
        AlarmSpec(
            key=f"{key}-rollout-latency",
            severity=Severity.WARNING,
            source=_slowest(load_balancer, tuple(slots.values())),
            comparison=Comparison.ABOVE,
            threshold=thresholds.latency_ms / 1000,
            periods=2,
            why=f"The 95th percentile of {key} is above {thresholds.latency_ms} ms for two minutes: no deployment may go on.",
            seeds=("NDS-060",),
            runbook="rollout",
        ),
        *unhealthy,
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


def function_alarms(key: str, *, function: str, why: str) -> tuple[AlarmSpec, ...]:
    """A Lambda function that fails."""
    return (
        AlarmSpec(
            key=f"{key}-failing",
            severity=Severity.WARNING,
            source=Metric("AWS/Lambda", "Errors", "Sum", (("FunctionName", function),)),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=("DTO-109",),
            runbook="functions",
        ),
    )


# --- data -----------------------------------------------------------------------------------------------------------------

_GIB = 1024**3
_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0, "x": 16.0}
_BURST_GIB = {"micro": 1.0, "small": 2.0, "medium": 4.0, "large": 8.0, "xlarge": 16.0, "2xlarge": 32.0}


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


SLOW_QUERY_METRIC = "SlowQueries"


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


def cache_alarms(*, members: Sequence[Dimension], thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """ElastiCache. `members` are the node ids, at most ten (the limit of one alarm's metric math).

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
            source=Expression(_sum(masters), "primaries", masters),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why="No member of the cache has reported that it is the primary for 60 s.",
            seeds=("NRC-015", "DTO-109"),
            runbook="cache",
        )
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


def timescale_alarms(*, groups: Sequence[Dimension], thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """The TimescaleDB nodes, each an auto-scaling group of one, as far as EC2 itself sees them: CPU and status checks."""
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
    return tuple(specs)


def backup_alarms(*, vault: Dimension) -> tuple[AlarmSpec, ...]:
    """A backup or a copy to the second region that did not happen (seed 003: notification on failure)."""
    of: tuple[tuple[str, Dimension], ...] = (("BackupVaultName", vault),)
    kinds = {
        "failed": ("NumberOfBackupJobsFailed", "A backup job failed."),
        "expired": ("NumberOfBackupJobsExpired", "A backup job did not start within its window."),
        "copy-failed": ("NumberOfCopyJobsFailed", "A copy to the second region failed."),
    }
    return tuple(
        AlarmSpec(
            key=f"backup-{kind}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/Backup", metric, "Sum", of, period=300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=("DTO-129", "DTO-183"),
            runbook="backup",
        )
        for kind, (metric, why) in kinds.items()
    )


# --- edge -----------------------------------------------------------------------------------------------------------------


def certificate_alarms(key: str, *, certificate: Dimension) -> tuple[AlarmSpec, ...]:
    """A certificate of this region that expires in less than 30 days: ACM renews 60 days ahead, so its renewal has failed."""
    return (
        AlarmSpec(
            key=f"{key}-certificate",
            severity=Severity.WARNING,
            source=Metric("AWS/CertificateManager", "DaysToExpiry", "Minimum", (("CertificateArn", certificate),), period=86_400),
            comparison=Comparison.BELOW,
            threshold=30,
            why="A certificate expires in less than 30 days and has not been renewed.",
            seeds=("DTO-123", "NRC-003"),
            runbook="certificates",
        ),
    )


def uptime_alarms(*, checks: Mapping[str, Dimension]) -> tuple[AlarmSpec, ...]:
    """The site seen from outside. `checks` are Route 53's health-check ids by name; their metrics exist in us-east-1 alone.

    Two minutes, so that a check which has just been made may begin to report; silence counts as down.
    """
    return tuple(
        AlarmSpec(
            key=f"uptime-{name}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/Route53", "HealthCheckStatus", "Minimum", (("HealthCheckId", check),)),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            missing=Missing.BREACHING,
            why=f"Route 53 does not reach the site from outside ({name}): users do not either.",
            seeds=("NRC-035", "OTE-066", "NDS-059"),
            runbook="uptime",
        )
        for name, check in sorted(checks.items())
    )


def origin_alarms(*, load_balancer: Dimension) -> tuple[AlarmSpec, ...]:
    """The load balancer answers for its targets. One metric and one statistic: Route 53 follows no other alarm into a failover."""
    return (
        AlarmSpec(
            key="origin-failing",
            severity=Severity.CRITICAL,
            source=Metric("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", (("LoadBalancer", load_balancer),)),
            comparison=Comparison.ABOVE,
            threshold=30,
            periods=3,
            why="The load balancer itself has refused more than 30 requests a minute for three minutes: no task answers.",
            seeds=("DTO-201", "DTO-205", "DTO-207"),
            runbook="uptime",
        ),
    )


def dnssec_alarms(*, zone: Dimension) -> tuple[AlarmSpec, ...]:
    """A signed zone whose signing fails vanishes for every resolver that checks. Route 53 reports every four hours, in us-east-1."""
    of: tuple[tuple[str, Dimension], ...] = (("HostedZoneId", zone),)
    kinds = {
        "failing": ("DNSSECInternalFailure", Severity.CRITICAL, "Route 53 cannot sign the zone: its names are about to vanish."),
        "key": ("DNSSECKeySigningKeysNeedingAction", Severity.CRITICAL, "The zone's signing key cannot be used: Route 53 asks for action."),
    }
    return tuple(
        AlarmSpec(
            key=f"dnssec-{kind}",
            severity=severity,
            source=Metric("AWS/Route53", metric, "Sum", of, period=14_400),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=("NRC-028", "DTO-008"),
            runbook="uptime",
        )
        for kind, (metric, severity, why) in kinds.items()
    )


def ddos_alarms(*, resources: Mapping[str, Dimension]) -> tuple[AlarmSpec, ...]:
    """Shield Advanced sees an attack on a resource that it protects. `resources` are ARNs by name: CloudFront and Route 53 report to us-east-1."""
    return tuple(
        AlarmSpec(
            key=f"ddos-{name}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/DDoSProtection", "DDoSDetected", "Maximum", (("ResourceArn", resource),)),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=f"Shield Advanced sees an attack on {name}.",
            seeds=("PFC-056",),
            runbook="uptime",
        )
        for name, resource in sorted(resources.items())
    )


def vpn_alarms(*, endpoint: Dimension) -> tuple[AlarmSpec, ...]:
    """Failed sign-ins to the administrators' VPN, which counts them itself every five minutes. Its log does not show failed certificates."""
    return (
        AlarmSpec(
            key="vpn-sign-ins",
            severity=Severity.WARNING,
            source=Metric("AWS/ClientVPN", "AuthenticationFailures", "Sum", (("Endpoint", endpoint),), period=300),
            comparison=Comparison.ABOVE,
            threshold=4,
            why="Five or more sign-ins to the administrators' VPN failed in five minutes.",
            seeds=("DTO-033", "PFC-077"),
            runbook="access",
        ),
    )


def nat_alarms(*, gateways: Sequence[Dimension]) -> tuple[AlarmSpec, ...]:
    """NAT gateways that run out of ports or drop packets."""
    specs: list[AlarmSpec] = []
    for number, gateway in enumerate(gateways, start=1):
        of: tuple[tuple[str, Dimension], ...] = (("NatGatewayId", gateway),)
        specs += [
            AlarmSpec(
                key=f"nat-ports-{number}",
                severity=Severity.WARNING,
                source=Metric("AWS/NATGateway", "ErrorPortAllocation", "Sum", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=0,
                why=f"NAT gateway {number} has no source port left for a connection out.",
                seeds=("DTO-122", "DTO-143"),
                runbook="egress",
            ),
            AlarmSpec(
                key=f"nat-drops-{number}",
                severity=Severity.WARNING,
                source=Metric("AWS/NATGateway", "PacketsDropCount", "Sum", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=0,
                periods=3,
                why=f"NAT gateway {number} drops packets.",
                seeds=("DTO-122", "DTO-143"),
                runbook="egress",
            ),
        ]
    return tuple(specs)


def broker_alarms(*, namespace: str) -> tuple[AlarmSpec, ...]:
    """The watch over the broker's addresses (lambdas/broker_addresses), which reports once an hour."""
    return (
        AlarmSpec(
            key="broker-addresses-moved",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerAddressesOutside", "Maximum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="A server name of Interactive Brokers resolves to an address that the egress firewall does not let out to.",
            seeds=("DTO-051", "DTO-143"),
            runbook="broker-addresses",
        ),
        AlarmSpec(
            key="broker-hosts-unresolved",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerHostsUnresolved", "Minimum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            periods=3,
            why="A server name of Interactive Brokers has had no address for three hours.",
            seeds=("DTO-051",),
            runbook="broker-addresses",
        ),
        AlarmSpec(
            key="broker-watch-silent",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerHostsChecked", "Sum", period=86_400),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why="The watch over the broker's addresses has reported nothing for a day: nobody would see them move.",
            seeds=("DTO-051",),
            runbook="broker-addresses",
        ),
    )
