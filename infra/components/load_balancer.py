"""The application load balancer: CloudFront's only origin, closed to everyone who does not know the origin header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.bucket_policies import ALB_PREFIXES

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3, and 1.2 with forward secrecy for clients that have no 1.3 (DTO-041, LB-02)."""
HTTP_PORT, HTTPS_PORT, TEST_PORT = 80, 443, 8443
NAME_LIMIT = 32
"""Characters of a load balancer's or target group's name (ELB)."""


class LoadBalancer(Component):
    """An internet-facing ALB whose listeners refuse by default.

    Makes: `lb.LoadBalancer` with access and connection logs (LB-04), invalid headers dropped (LB-03), defensive desync mitigation
    (LB-06) and deletion protection while the stack is locked (LB-05); `lb.Listener`s: 80 redirects to HTTPS (LB-01), 443 is production,
    8443 is the test listener of blue/green rollouts. Both answer 403 to what no rule of a `WebRoute` takes.
    No flow opens port 80 or 8443 to the internet: the redirect is there for whoever opens 80 one day, and 8443 is reached from inside.
    Sources: NRC-005, NRC-029, PFC-037, DTO-007.
    """

    token: ClassVar[str] = "load-balancer"

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    """The `LoadBalancer` dimension of its metrics, `app/<name>/<id>`."""
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    origin_header: tuple[str, pulumi.Input[str]]
    production_listener: aws.lb.Listener
    test_listener: aws.lb.Listener

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        subnet_ids: Sequence[pulumi.Input[str]],
        vpc_id: pulumi.Input[str],
        group_id: pulumi.Input[str],
        certificate_arn: pulumi.Input[str],
        log_bucket: pulumi.Input[str],
        idle_seconds: int,
        origin_header: tuple[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the load balancer.

        Args:
            subnet_ids: Public subnets, one a zone, two or more.
            vpc_id: Their VPC, which the routes' target groups belong to.
            certificate_arn: A validated certificate of this region.
            log_bucket: Name of a bucket with SSE-S3 whose policy admits ELB (`load_balancer_logs`); AWS tries to write at once.
            idle_seconds: Seconds that an idle connection stays open, 1 to 4,000; WebSockets need more than CloudFront's minute.
            origin_header: Name and secret value of the header that CloudFront adds, at most 128 characters without `*` and `?`.

        Raises:
            ValueError: Fewer than two subnets, an idle time that ELB refuses, or a name with its reserved start.
        """
        super().__init__(name, ctx, opts)
        if len(subnet_ids) < 2:
            raise ValueError(
                f"{name}: an application load balancer needs subnets in two zones or more, not {len(subnet_ids)} (LB-07, ELB.13)"
            )
        if not 1 <= idle_seconds <= 4000:
            raise ValueError(f"{name}: idle_seconds = {idle_seconds}; ELB takes 1 to 4000 seconds")
        physical = ctx.names(name, limit=NAME_LIMIT)
        if physical.startswith("internal-"):
            raise ValueError(f"{name}: ELB keeps names that start with `internal-` for itself; choose another platform.project")
        self.vpc_id = vpc_id
        self.origin_header = (origin_header[0], pulumi.Output.secret(origin_header[1]))
        access, connections = ALB_PREFIXES
        self._balancer = aws.lb.LoadBalancer(
            name,
            name=physical,
            internal=False,
            load_balancer_type="application",
            ip_address_type="ipv4",
            subnets=list(subnet_ids),
            security_groups=[group_id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=ctx.guarded,
            enable_http2=True,
            idle_timeout=idle_seconds,
            preserve_host_header=True,
            xff_header_processing_mode="append",
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=log_bucket, prefix=access, enabled=True),
            connection_logs=aws.lb.LoadBalancerConnectionLogsArgs(bucket=log_bucket, prefix=connections, enabled=True),
            tags={"Name": physical},
            opts=self.child(),
        )
        self.arn = self._balancer.arn
        self.arn_suffix = self._balancer.arn_suffix
        self.dns_name = self._balancer.dns_name
        self.zone_id = self._balancer.zone_id
        self._redirect()
        self.production_listener = self._closed("https", HTTPS_PORT, certificate_arn)
        self.test_listener = self._closed("test", TEST_PORT, certificate_arn)
        self.register_outputs({"arn": self.arn, "dnsName": self.dns_name})

    def _redirect(self) -> None:
        redirect = aws.lb.ListenerDefaultActionRedirectArgs(
            protocol="HTTPS", port=str(HTTPS_PORT), host="#{host}", path="/#{path}", query="#{query}", status_code="HTTP_301"
        )
        aws.lb.Listener(
            f"{self.logical}-http",
            load_balancer_arn=self.arn,
            port=HTTP_PORT,
            protocol="HTTP",
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=redirect)],
            opts=self.child(),
        )

    def _closed(self, part: str, port: int, certificate_arn: pulumi.Input[str]) -> aws.lb.Listener:
        refusal = aws.lb.ListenerDefaultActionFixedResponseArgs(content_type="text/plain", message_body="Forbidden", status_code="403")
        return aws.lb.Listener(
            f"{self.logical}-{part}",
            load_balancer_arn=self.arn,
            port=port,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=certificate_arn,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="fixed-response", fixed_response=refusal)],
            opts=self.child(),
        )
