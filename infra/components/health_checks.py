"""The site seen from outside: Route 53's checks, and the alarms on metrics that exist in CloudFront's region alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.edge_region import CDN_REGION, edge_key, edge_region
from infra.components.notify import Notify
from infra.plan.alarms import AlarmSpec, Metric, Severity
from infra.plan.iam import topic_policy
from infra.plan.key_policies import DataClass, Place, key_policy
from infra.settings.edge import Uptime, check_name
from infra.settings.limits import MOST_FAILED_CHECKS

HTTPS_PORT = 443


class HealthChecks(Component):
    """Requests to the site from three regions or more, as its users send them.

    Makes a `route53.HealthCheck` for each path: HTTPS with SNI through CloudFront, so that DNS, CDN, firewall, load balancer and task are all
    asked at once; not the certificate's dates, which Route 53 ignores and an alarm of their own watches. The checkers send AWS's own user agent from addresses that AWS publishes; each stays far below
    the firewall's rate limits (30 requests in five minutes at the shortest interval), and AWS's bot control counts them among the
    verified monitors. The maintenance page is a 503, so it counts as down. Sources: NRC-035, OTE-066.
    """

    token: ClassVar[str] = "health-checks"

    ids: dict[str, pulumi.Output[str]]
    """Ids by the checks' short names: the `HealthCheckId` dimension of their metrics."""
    arns: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, ctx: Context, *, domain: str, settings: Uptime, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the checks.

        Args:
            domain: Name of the site.
            settings: What is asked for, how often, and from where.

        Raises:
            ValueError: Two paths share a short name, or `down_seconds` is not 1 to 10 intervals.
        """
        super().__init__(name, ctx, opts)
        failures, rest = divmod(settings.down_seconds, settings.interval_seconds)
        if rest or not 1 <= failures <= MOST_FAILED_CHECKS:
            raise ValueError(f"{name}: down_seconds = {settings.down_seconds} is not 1 to 10 intervals of {settings.interval_seconds} s")
        checks: dict[str, aws.route53.HealthCheck] = {}
        for path in settings.paths:
            short = check_name(path)
            if short in checks:
                raise ValueError(f"{name}: two checks are called {short}")
            checks[short] = aws.route53.HealthCheck(
                f"{name}-{short}",
                type="HTTPS" if settings.search_text is None else "HTTPS_STR_MATCH",
                fqdn=domain,
                port=HTTPS_PORT,
                resource_path=path,
                search_string=settings.search_text,
                enable_sni=True,
                request_interval=settings.interval_seconds,
                failure_threshold=failures,
                measure_latency=False,
                regions=sorted(settings.regions),
                tags={"Name": ctx.names("uptime", short)},
                opts=self.child(),
            )
        self.ids = {short: check.id for short, check in checks.items()}
        self.arns = {short: check.arn for short, check in checks.items()}
        self.register_outputs({"ids": self.ids})


class EdgeAlarms(Component):
    """Alarms on what AWS measures in us-east-1 alone: Route 53, CloudFront's certificate, DNSSEC.

    Makes a `cloudwatch.MetricAlarm` for each line of the table, in us-east-1. An alarm speaks through a topic of its own region alone: a
    stack of us-east-1 uses its own topics; one of another region gets a critical and a warning `sns.Topic` there, with policy, subscriptions
    and a `kms.Key` that admits CloudWatch (CW-03, CW-04, MSG-01, MSG-03).
    """

    token: ClassVar[str] = "edge-alarms"

    names: dict[str, pulumi.Output[str]]
    """Physical names by key."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        table: Sequence[AlarmSpec],
        targets: Mapping[str, pulumi.Input[str]],
        topics: Notify,
        emails: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the alarms.

        Args:
            table: The alarms, each on a single metric.
            targets: The value of every `Target` that the table names.
            topics: The stack's own topics, used where the stack is in us-east-1.
            emails: Who hears of it elsewhere; each address confirms twice, once a topic.

        Raises:
            ValueError: A target without a value, a value that nothing names, an expression, or a percentile.
        """
        super().__init__(name, ctx, opts)
        wanted = {key for spec in table for key in spec.targets}
        if wanted != set(targets):
            missing, idle = sorted(wanted - set(targets)), sorted(set(targets) - wanted)
            raise ValueError(f"alarm targets without a value: {missing}; values that no alarm names: {idle}")
        self._region = edge_region(self)
        own = {Severity.CRITICAL: topics.critical_arn, Severity.WARNING: topics.warning_arn}
        arns = own if self._region is None else self._topics(emails)
        self.names = {spec.key: self._alarm(spec, targets, arns[spec.severity]).name for spec in table}
        self.register_outputs({"names": self.names})

    def _topics(self, emails: Sequence[str]) -> dict[Severity, pulumi.Output[str]]:
        ctx = self.ctx
        policy = key_policy(DataClass.MESSAGING, Place(account=ctx.account_id, region=CDN_REGION, partition=ctx.partition))
        key = edge_key(self, "key", holds="alarms of CloudFront's region", policy=policy, options=self.stateful())
        arns: dict[Severity, pulumi.Output[str]] = {}
        for severity in Severity:
            logical = f"{self.logical}-{severity}"
            topic = aws.sns.Topic(
                logical,
                name=ctx.names("edge", severity, limit=256),
                display_name=f"{ctx.names.prefix} {severity}"[:100],
                kms_master_key_id=key.arn,
                region=self._region,
                opts=self.child(),
            )
            aws.sns.TopicPolicy(
                f"{logical}-policy",
                arn=topic.arn,
                policy=topic.arn.apply(lambda arn: topic_policy(arn, account_id=ctx.account_id)),
                region=self._region,
                opts=self.child(),
            )
            for email in sorted(set(emails)):
                mark = sha256(email.encode()).hexdigest()[:8]
                aws.sns.TopicSubscription(
                    f"{logical}-{mark}", topic=topic.arn, protocol="email", endpoint=email, region=self._region, opts=self.child()
                )
            arns[severity] = topic.arn
        return arns

    def _alarm(self, spec: AlarmSpec, targets: Mapping[str, pulumi.Input[str]], topic: pulumi.Output[str]) -> aws.cloudwatch.MetricAlarm:
        metric = spec.source
        if not isinstance(metric, Metric) or metric.is_percentile:
            raise ValueError(f"{spec.key}: an alarm of the edge is on one metric with one statistic")
        dimensions = {key: value if isinstance(value, str) else targets[value.name] for key, value in metric.dimensions}
        return aws.cloudwatch.MetricAlarm(
            f"{self.logical}-{spec.key}",
            name=self.ctx.names(spec.key, limit=255),
            alarm_description=spec.description,
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=dimensions,
            statistic=metric.statistic,
            period=metric.period,
            comparison_operator=spec.comparison.value,
            threshold=spec.threshold,
            evaluation_periods=spec.periods,
            datapoints_to_alarm=spec.datapoints or spec.periods,
            treat_missing_data=spec.missing.value,
            actions_enabled=True,
            alarm_actions=[topic],
            ok_actions=[topic],
            region=self._region,
            opts=self.child(),
        )
