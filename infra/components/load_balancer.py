"""The application load balancer: CloudFront's only origin, closed to everyone who does not know the origin header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.bucket_policies import ALB_PREFIXES
from infra.plan.origin import accepted

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3, and 1.2 with forward secrecy and authenticated encryption alone, which CloudFront speaks (DTO-041, LB-02)."""
HTTP_PORT, HTTPS_PORT, TEST_PORT = 80, 443, 8443
NAME_LIMIT = 32
"""Characters of a load balancer's or target group's name (ELB)."""


class LoadBalancer(Component):
    """An internet-facing ALB whose listeners refuse by default.

    Makes: `lb.LoadBalancer` with access and connection logs (LB-04), invalid headers dropped (LB-03), defensive desync mitigation
    (LB-06) and deletion protection while the stack is locked (LB-05); `lb.Listener`s: 80 redirects to HTTPS (LB-01), 443 is production,
    8443 is the test listener of blue/green rollouts. Both answer 403 to what no rule of a `WebRoute` takes, and neither names its product.
    No flow opens port 80 or 8443 to the internet: the redirect is there for whoever opens 80 one day, and 8443 is reached from inside.

    The web firewall fails closed: a request that it cannot judge is refused. Requests are spread over all zones, and a zone that fails
    can be taken out by a zonal shift. `X-Forwarded-For` is appended to, without a port: its last entry is CloudFront, the one before it
    the client, and everything further left may be forged.
    Sources: NRC-005, NRC-029, PFC-037, DTO-007.
    """

    token: ClassVar[str] = "load-balancer"

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    """The `LoadBalancer` dimension of its metrics, `app/<name>/<id>`."""
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    header_name: str
    header_values: pulumi.Output[list[str]]
    """What the header may hold, secret: its current value and the one before it, sorted, each once."""
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
        keep_alive_seconds: int = 3_600,
        origin_header: tuple[str, pulumi.Input[str]],
        previous_value: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the load balancer.

        Args:
            subnet_ids: Public subnets, one a zone, two or more.
            vpc_id: Their VPC, which the routes' target groups belong to.
            certificate_arn: A validated certificate of this region.
            log_bucket: Name of a bucket with SSE-S3 whose policy admits ELB (`load_balancer_logs`); AWS tries to write at once.
            idle_seconds: Seconds that an idle connection stays open, 1 to 4,000; WebSockets need more than CloudFront's minute.
            keep_alive_seconds: Seconds after which a client's connection is renewed even when busy, 60 to 604,800.
            origin_header: Name and secret value of the header that CloudFront adds, at most 128 characters without `*` and `?`.
            previous_value: The value before it, which is accepted as well, so that CloudFront's edges may change one after the other
                (see `infra.plan.origin`); None accepts the current one alone.

        Raises:
            ValueError: Fewer than two subnets, a duration that ELB refuses, or a name with its reserved start.
        """
        super().__init__(name, ctx, opts)
        if len(subnet_ids) < 2:
            raise ValueError(
                f"{name}: an application load balancer needs subnets in two zones or more, not {len(subnet_ids)} (LB-07, ELB.13)"
            )
        if not 1 <= idle_seconds <= 4000:
            raise ValueError(f"{name}: idle_seconds = {idle_seconds}; ELB takes 1 to 4000 seconds")
        if not 60 <= keep_alive_seconds <= 604_800:
            raise ValueError(f"{name}: keep_alive_seconds = {keep_alive_seconds}; ELB takes 60 to 604800 seconds")
        self.name = physical = ctx.names(name, limit=NAME_LIMIT)
        if physical.startswith("internal-"):
            raise ValueError(f"{name}: ELB keeps names that start with `internal-` for itself; choose another platform.project")
        self.vpc_id = vpc_id
        self.header_name, current = origin_header
        both = pulumi.Output.all(current, current if previous_value is None else previous_value)
        self.header_values = pulumi.Output.secret(both.apply(lambda values: accepted(*values)))
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
            enable_cross_zone_load_balancing=True,
            enable_zonal_shift=True,
            enable_waf_fail_open=False,
            idle_timeout=idle_seconds,
            client_keep_alive=keep_alive_seconds,
            preserve_host_header=True,
            xff_header_processing_mode="append",
            enable_xff_client_port=False,
            # Overwrites what a client may have put there: the application can trust the version and the cipher that it reads.
            enable_tls_version_and_cipher_suite_headers=True,
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
            routing_http_response_server_enabled=False,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="fixed-response", fixed_response=refusal)],
            opts=self.child(),
        )
