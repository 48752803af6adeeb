"""What users of a web service feel, what rolls a deployment of it back, and the load balancer in front."""

from __future__ import annotations

from collections.abc import Sequence

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Expression, Metric, Missing, Severity, Target, total, worst
from infra.settings.operations import Alarms as Thresholds

ROLLOUT_FAILURES = 10
"""Failed requests a minute that roll a deployment back, however many succeed: 1 % of the seeds' 1,000 a minute."""


def _slots(metric: str, statistic: str, *, load_balancer: Target, slots: Sequence[Target]) -> tuple[tuple[str, Metric], ...]:
    return tuple(
        (
            f"{metric.lower()}_{index}",
            Metric("AWS/ApplicationELB", metric, statistic, (("LoadBalancer", load_balancer), ("TargetGroup", slot))),
        )
        for index, slot in enumerate(slots)
    )


def _error_percent(load_balancer: Target, slots: Sequence[Target]) -> Expression:
    errors = _slots("HTTPCode_Target_5XX_Count", "Sum", load_balancer=load_balancer, slots=slots)
    requests = _slots("RequestCount", "Sum", load_balancer=load_balancer, slots=slots)
    return Expression(
        f"IF({total(requests)} > 0, 100 * ({total(errors)}) / ({total(requests)}), 0)",
        "failed requests in percent",
        (*errors, *requests),
    )


def _slowest(load_balancer: Target, slots: Sequence[Target]) -> Expression:
    times = _slots("TargetResponseTime", "p95", load_balancer=load_balancer, slots=slots)
    return Expression(worst(times), "p95 response time in seconds", times)


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
            source=Expression(total(healthy), "healthy tasks", healthy),
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
    """What rolls a deployment back: failed requests, as a share and as a number, latency, and unhealthy tasks in either target group.

    None is raised by missing data: a service's first deployment has none, and ECS would stop watching an alarm that is
    already on when a deployment starts.
    """
    slots = {"blue": blue, "green": green}
    failed = _slots("HTTPCode_Target_5XX_Count", "Sum", load_balancer=load_balancer, slots=(blue, green))
    unreached = _slots("TargetConnectionErrorCount", "Sum", load_balancer=load_balancer, slots=(blue, green))
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
            key=f"{key}-rollout-5xx",
            severity=Severity.WARNING,
            source=Expression(f"{total(failed)} + {total(unreached)}", "failed requests a minute", (*failed, *unreached)),
            comparison=Comparison.ABOVE,
            threshold=ROLLOUT_FAILURES,
            periods=3,
            datapoints=2,
            why=f"More than {ROLLOUT_FAILURES} requests a minute to {key} fail, or find no task: no deployment may go on. "
            "A share of all requests hides a new version that fails at 10 % of the traffic.",
            seeds=("NDS-061", "NRC-076"),
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
