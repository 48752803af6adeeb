"""The alarm table of `infra.plan.alarms` as CloudWatch alarms and metric filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.notify import Notify
from infra.plan.alarms import AlarmSpec, Dimension, Expression, LogFilter, Metric, Severity, Target


class Alarms(Component):
    """Every alarm speaks when it is raised and when it is over, on the topic of its severity (controls CloudWatch.15, .17)."""

    token = "alarms"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        table: Sequence[AlarmSpec],
        topics: Notify,
        targets: Mapping[str, pulumi.Input[str]] | None = None,
        filters: Sequence[LogFilter] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the alarms.

        Args:
            name: Logical name.
            ctx: The stack.
            table: The alarms.
            topics: Where they are announced.
            targets: The value of every `Target` that the table and the filters name.
            filters: Metrics made of log lines.
            opts: Options of the component.

        Raises:
            ValueError: a target without a value, a value that nothing names, or an alarm of an expression with more than
                ten metrics.
        """
        super().__init__(name, ctx, opts)
        self._values = dict(targets or {})
        wanted = {key for spec in table for key in spec.targets}
        wanted |= {one.log_group.name for one in filters if isinstance(one.log_group, Target)}
        if wanted != self._values.keys():
            missing, idle = sorted(wanted - self._values.keys()), sorted(self._values.keys() - wanted)
            raise ValueError(f"alarm targets without a value: {missing}; values that no alarm names: {idle}")
        for one in filters:
            self._filter(name, one)
        self.alarms = {spec.key: self._alarm(spec, topics) for spec in table}
        self.names: dict[str, pulumi.Output[str]] = {key: alarm.name for key, alarm in self.alarms.items()}
        """Physical names by key, as outputs: what uses one waits for its alarm."""
        self.register_outputs({"names": self.names})

    def of(self, *keys: str) -> list[pulumi.Output[str]]:
        """The names of some alarms, for a service's deployment alarms."""
        return [self.names[key] for key in keys]

    def _value(self, dimension: Dimension) -> pulumi.Input[str]:
        return self._values[dimension.name] if isinstance(dimension, Target) else dimension

    def _filter(self, name: str, spec: LogFilter) -> None:
        aws.cloudwatch.LogMetricFilter(
            f"{name}-{spec.key}-filter",
            name=self.ctx.names(spec.key, limit=255),
            log_group_name=self._value(spec.log_group),
            pattern=spec.pattern,
            metric_transformation={
                "name": spec.metric,
                "namespace": spec.namespace,
                "value": spec.value,
                "default_value": None if spec.default is None else f"{spec.default:g}",
                "dimensions": dict(spec.dimensions) or None,
            },
            opts=self.child(),
        )

    def _alarm(self, spec: AlarmSpec, topics: Notify) -> aws.cloudwatch.MetricAlarm:
        topic = topics.critical_arn if spec.severity is Severity.CRITICAL else topics.warning_arn
        source = self._expression(spec.source) if isinstance(spec.source, Expression) else self._metric(spec.source)
        return _metric_alarm(self, spec, topic, source, region=None)

    def _dimensions(self, metric: Metric) -> dict[str, pulumi.Input[str]] | None:
        return {key: self._value(value) for key, value in metric.dimensions} or None

    def _metric(self, metric: Metric) -> dict[str, Any]:
        return {
            "namespace": metric.namespace,
            "metric_name": metric.name,
            "period": metric.period,
            "dimensions": self._dimensions(metric),
            "extended_statistic" if metric.is_percentile else "statistic": metric.statistic,
        }

    def _expression(self, source: Expression) -> dict[str, Any]:
        if len(source.metrics) > 10:
            raise ValueError(f"the expression {source.label!r} has {len(source.metrics)} metrics; an alarm takes ten")
        queries: list[dict[str, Any]] = [{"id": "answer", "expression": source.text, "label": source.label, "return_data": True}]
        for key, metric in source.metrics:
            inner: dict[str, Any] = {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "period": metric.period,
                "stat": metric.statistic,
                "dimensions": self._dimensions(metric),
            }
            queries.append({"id": key, "return_data": False, "metric": inner})
        return {"metric_queries": queries}


def regional_alarms(
    owner: Component,
    table: Iterable[AlarmSpec],
    targets: Mapping[str, pulumi.Input[str]],
    topics: Mapping[Severity, pulumi.Input[str]],
    *,
    region: str | None,
) -> dict[str, pulumi.Output[str]]:
    """Alarms of `table` as children of `owner`, where AWS measures in another region; their names by key.

    Args:
        owner: The component that they belong to.
        table: The alarms.
        targets: The value of every `Target` that the table names.
        topics: Who hears of it: topics of that region.
        region: Where; None for the stack's own region.

    Raises:
        ValueError: an alarm on anything but one metric with one statistic, the only ones that such a region's services need.
    """
    made: dict[str, pulumi.Output[str]] = {}
    for spec in table:
        metric = spec.source
        if not isinstance(metric, Metric) or metric.is_percentile:
            raise ValueError(f"{spec.key}: an alarm of another region is on one metric with one statistic")
        source: dict[str, Any] = {
            "namespace": metric.namespace,
            "metric_name": metric.name,
            "period": metric.period,
            "dimensions": {key: targets[value.name] if isinstance(value, Target) else value for key, value in metric.dimensions},
            "statistic": metric.statistic,
        }
        made[spec.key] = _metric_alarm(owner, spec, topics[spec.severity], source, region=region).name
    return made


def _metric_alarm(
    owner: Component, spec: AlarmSpec, topic: pulumi.Input[str], source: Mapping[str, Any], *, region: str | None
) -> aws.cloudwatch.MetricAlarm:
    return aws.cloudwatch.MetricAlarm(
        f"{owner.logical}-{spec.key}",
        name=owner.ctx.names(spec.key, limit=255),
        alarm_description=spec.description,
        comparison_operator=spec.comparison.value,
        threshold=spec.threshold,
        evaluation_periods=spec.periods,
        datapoints_to_alarm=spec.datapoints or spec.periods,
        treat_missing_data=spec.missing.value,
        actions_enabled=True,
        alarm_actions=[topic],
        ok_actions=[topic],
        region=region,
        opts=owner.child(),
        **source,
    )
