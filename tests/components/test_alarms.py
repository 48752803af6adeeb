"""Alarms and metric filters."""

from __future__ import annotations

from typing import Any

import pytest

from infra.components.alarms import Alarms
from infra.components.notify import Notify
from infra.plan import alarms as plan
from infra.plan.alarms import AlarmSpec, Comparison, Expression, LogFilter, Metric, Severity, Target
from infra.settings.operations import Alarms as Thresholds
from tests.components.compute import KEY, Stack, context, synth

LB, BLUE, GREEN = Target("lb"), Target("blue"), Target("green")
TARGETS = {"lb": "app/lb/1", "blue": "targetgroup/blue/1", "green": "targetgroup/green/1"}


def build(*table: AlarmSpec, targets: dict[str, Any] | None = None, filters: tuple[LogFilter, ...] = ()) -> Stack:
    def run() -> dict[str, Any]:
        ctx = context()
        topics = Notify("notify", ctx, key_arn=KEY, emails=["a@example.com"])
        made = Alarms("alarms", ctx, table=table, topics=topics, targets=targets, filters=filters)
        return {"names": made.names, "some": made.of(*(spec.key for spec in table[:1]))}

    return synth(run)


def test_a_plain_metric() -> None:
    [spec, _] = plan.service_alarms("backend", cluster="c", service="s", thresholds=Thresholds())
    made = build(spec).one("MetricAlarm", "alarms-backend-cpu")
    assert made["name"] == "nautilus-dev-backend-cpu"
    assert (made["namespace"], made["metricName"], made["statistic"], made["period"]) == ("AWS/ECS", "CPUUtilization", "Average", 60)
    assert made["dimensions"] == {"ClusterName": "c", "ServiceName": "s"}
    assert (made["comparisonOperator"], made["threshold"]) == ("GreaterThanThreshold", 80)
    assert (made["evaluationPeriods"], made["datapointsToAlarm"], made["treatMissingData"]) == (5, 5, "notBreaching")
    assert "docs/runbooks/capacity.md" in made["alarmDescription"]


def test_a_percentile_is_an_extended_statistic() -> None:
    spec = AlarmSpec(
        key="slow",
        severity=Severity.WARNING,
        source=Metric("AWS/ApplicationELB", "TargetResponseTime", "p95", (("LoadBalancer", LB),)),
        comparison=Comparison.ABOVE,
        threshold=0.1,
        why="x",
        seeds=("NDS-060",),
        runbook="latency",
    )
    made = build(spec, targets={"lb": "app/lb/1"}).one("MetricAlarm")
    assert made["extendedStatistic"] == "p95"
    assert "statistic" not in made.inputs
    assert made["dimensions"] == {"LoadBalancer": "app/lb/1"}


def test_an_expression_over_both_target_groups() -> None:
    table = plan.web_alarms("backend", load_balancer=LB, blue=BLUE, green=GREEN, thresholds=Thresholds())
    stack = build(*table, targets=TARGETS)
    made = stack.one("MetricAlarm", "alarms-backend-latency")
    answer, *inputs = made["metricQueries"]
    assert answer == {
        "id": "answer",
        "expression": "MAX([FILL(targetresponsetime_0, 0), FILL(targetresponsetime_1, 0)])",
        "label": "p95 response time in seconds",
        "returnData": True,
    }
    assert [(query["id"], query["returnData"], query["metric"]["stat"]) for query in inputs] == [
        ("targetresponsetime_0", False, "p95"),
        ("targetresponsetime_1", False, "p95"),
    ]
    assert [query["metric"]["dimensions"]["TargetGroup"] for query in inputs] == ["targetgroup/blue/1", "targetgroup/green/1"]
    for key in ("metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions"):
        assert key not in made.inputs, key


def test_each_severity_speaks_on_its_topic_when_it_starts_and_ends() -> None:
    table = plan.web_alarms("backend", load_balancer=LB, blue=BLUE, green=GREEN, thresholds=Thresholds())
    stack = build(*table, targets=TARGETS)
    for key, topic in (("down", "arn:notify-critical"), ("latency", "arn:notify-warning"), ("errors", "arn:notify-critical")):
        made = stack.one("MetricAlarm", f"alarms-backend-{key}")
        assert (made["alarmActions"], made["okActions"], made["actionsEnabled"]) == ([topic], [topic], True)


def test_names_are_outputs_that_wait_for_the_alarm() -> None:
    outputs = build(*plan.backup_alarms(vault="v")).outputs
    assert outputs["names"]["backup-failed"] == "nautilus-dev-backup-failed"
    assert outputs["some"] == ["nautilus-dev-backup-failed"]


def test_log_filters() -> None:
    beats = plan.gateway_filters(log_groups={"ib-gateway": Target("log")}, namespace="Nautilus/x")
    slow = plan.slow_query_filter(log_group="/aws/rds/instance/db/postgresql", namespace="Nautilus/x")
    stack = build(targets={"log": "/nautilus/dev/ib-gateway"}, filters=(*beats, slow))
    holder = '{ ($.event = "gateway.heartbeat") && ($.held = 1) }'
    ready = stack.one("LogMetricFilter", "alarms-ib-gateway-ready-filter")
    assert (ready["logGroupName"], ready["pattern"]) == ("/nautilus/dev/ib-gateway", holder)
    assert ready["metricTransformation"] == {"name": "GatewayReady", "namespace": "Nautilus/x", "value": "$.ready"}
    by_task = stack.one("LogMetricFilter", "alarms-ib-gateway-connected-filter")["metricTransformation"]
    assert by_task == {
        "name": "GatewayConnected",
        "namespace": "Nautilus/x",
        "value": "$.connected",
        "dimensions": {"Service": "$.service"},
    }
    counted = stack.one("LogMetricFilter", "alarms-postgres-slow-queries-filter")
    assert counted["metricTransformation"]["defaultValue"] == "0"


def test_a_target_without_a_value_and_a_value_without_a_target_are_refused() -> None:
    table = plan.certificate_alarms("origin", certificate=Target("certificate"))
    with pytest.raises(ValueError, match=r"without a value: \['certificate'\]; values that no alarm names: \['typo'\]"):
        build(*table, targets={"typo": "x"})


def test_more_metrics_than_an_alarm_takes_are_refused() -> None:
    metrics = tuple((f"m{number}", Metric("n", "m", "Sum")) for number in range(11))
    spec = AlarmSpec(
        key="wide",
        severity=Severity.WARNING,
        source=Expression("m0", "wide", metrics),
        comparison=Comparison.ABOVE,
        threshold=1,
        why="x",
        seeds=("NDS-060",),
        runbook="x",
    )
    with pytest.raises(ValueError, match="11 metrics"):
        build(spec)
