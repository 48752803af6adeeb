"""The site seen from outside: Route 53's checks, and the alarms on metrics that exist in CloudFront's region alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.alarms import regional_alarms
from infra.components.edge_region import CDN_REGION, edge_key, edge_region
from infra.components.notify import TOPIC_LIMIT, Notify, alarm_topic
from infra.plan.alarms import AlarmSpec, Severity
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
        self.names = regional_alarms(self, table, targets, arns, region=self._region)
        self.register_outputs({"names": self.names})

    def _topics(self, emails: Sequence[str]) -> dict[Severity, pulumi.Output[str]]:
        ctx = self.ctx
        policy = key_policy(DataClass.MESSAGING, Place(account=ctx.account_id, region=CDN_REGION, partition=ctx.partition))
        key = edge_key(self, "key", holds="alarms of CloudFront's region", policy=policy, options=self.stateful())
        return {
            severity: alarm_topic(
                self,
                severity,
                physical=ctx.names("edge", severity, limit=TOPIC_LIMIT),
                key_arn=key.arn,
                emails=emails,
                region=self._region,
            ).arn
            for severity in Severity
        }
