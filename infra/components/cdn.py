"""CloudFront in front of everything: the site and its API from the load balancer, static files and the maintenance page from a bucket."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.storage import PrivateBucket
from infra.components.waf import CDN_REGION
from infra.plan import headers
from infra.plan.bucket_policies import bucket_arn, origin_access
from infra.plan.maintenance import MAINTENANCE_HTML, MAINTENANCE_PATH
from infra.settings.edge import Cdn as Settings

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
"""AWS's managed policies, whose ids are the same in every account."""

ORIGIN, ASSETS = "load-balancer", "assets"
READ_SECONDS = 60
"""Seconds that the origin has for an answer: the seed's proxy_read_timeout, and CloudFront's longest without a raised quota."""
CONNECT_SECONDS = 5
"""Seconds that a connection to the origin may take: the seed's proxy_connect_timeout."""
ERROR_SECONDS = 10
"""Seconds that an edge remembers an error of the origin; CloudFront's own default is 10 as well."""
READ = ("GET", "HEAD", "OPTIONS")
ALL = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Cdn(Component):
    """The distribution of `domain` and `www.<domain>`.

    Makes: `cloudfront.Distribution` (CF-01 to CF-10), `cloudfront.OriginAccessControl` and the bucket policy of `assets` that admits
    this distribution alone (CF-06), `cloudfront.ResponseHeadersPolicy` with seed 004's headers (CF-09), the maintenance page as
    `s3.BucketObjectv2`, extra metrics (`cloudfront.MonitoringSubscription`, DTO-094), and access logs through CloudWatch's log delivery in
    us-east-1 (`LogDeliverySource`, `LogDeliveryDestination`, `LogDelivery`; CF-04), which unlike CloudFront's old logging needs no ACLs.

    Everything but `/assets/*` and the maintenance page goes to the load balancer, uncached. Errors 502, 503 and 504 become the maintenance
    page with status 503, on API paths too. `assets` must be built with `defer_policy=True`.
    IPv6 is off: the firewall's rate limit, allow-lists and the VPC all speak IPv4.
    Sources: NRC-006, PFC-039, DTO-046, DTO-090, DTO-093, OTE-031, OTE-056.
    """

    token: ClassVar[str] = "cdn"

    domain_name: pulumi.Output[str]
    hosted_zone_id: pulumi.Output[str]
    distribution_arn: pulumi.Output[str]
    distribution_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        domain: str,
        certificate_arn: pulumi.Input[str],
        firewall_arn: pulumi.Input[str],
        origin_domain: str,
        origin_header: tuple[str, pulumi.Input[str]],
        assets: PrivateBucket,
        settings: Settings,
        log_bucket: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the distribution.

        Args:
            domain: Name of the site; `www.` of it is the second one.
            certificate_arn: A validated certificate of us-east-1 for both names.
            firewall_arn: A web ACL of scope CLOUDFRONT.
            origin_domain: Name of the load balancer on a certificate of its own, such as `origin.<domain>`.
            origin_header: Name and secret value of the header by which the load balancer knows us.
            log_bucket: Name of the bucket for access logs, whose policy holds `cdn_logs`.
        """
        super().__init__(name, ctx, opts)
        self._policy = self._headers()
        control = aws.cloudfront.OriginAccessControl(
            f"{name}-assets",
            name=ctx.names("assets", limit=64),
            description="Signed reads of static files",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self.child(),
        )
        header, value = origin_header
        restriction = aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(
            restriction_type="blacklist" if settings.blocked_countries else "none", locations=sorted(settings.blocked_countries)
        )
        distribution = aws.cloudfront.Distribution(
            name,
            enabled=True,
            comment=f"{ctx.names.prefix}: {domain}",
            aliases=[domain, f"www.{domain}"],
            default_root_object="index.html",
            http_version="http2and3",
            is_ipv6_enabled=False,
            price_class=settings.price_class.value,
            web_acl_id=firewall_arn,
            origins=[
                aws.cloudfront.DistributionOriginArgs(
                    origin_id=ORIGIN,
                    domain_name=origin_domain,
                    connection_attempts=3,
                    connection_timeout=CONNECT_SECONDS,
                    custom_headers=[
                        aws.cloudfront.DistributionOriginCustomHeaderArgs(name=header, value=pulumi.Output.secret(value)),
                    ],
                    custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                        http_port=80,
                        https_port=443,
                        origin_protocol_policy="https-only",
                        origin_ssl_protocols=["TLSv1.2"],
                        origin_read_timeout=READ_SECONDS,
                        origin_keepalive_timeout=READ_SECONDS,
                    ),
                ),
                aws.cloudfront.DistributionOriginArgs(
                    origin_id=ASSETS,
                    domain_name=assets.domain_name,
                    connection_attempts=3,
                    connection_timeout=CONNECT_SECONDS,
                    origin_access_control_id=control.id,
                ),
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id=ORIGIN,
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=list(ALL),
                cached_methods=["GET", "HEAD"],
                compress=True,
                cache_policy_id=CACHING_DISABLED,
                origin_request_policy_id=ALL_VIEWER,
                response_headers_policy_id=self._policy.id,
            ),
            ordered_cache_behaviors=[
                # A redirect would lose the body of a program's request: programs that speak clear text are refused.
                self._live("/api/*", "https-only"),
                self._live("/ws/*", "https-only"),
                self._static("/assets/*"),
                self._static(MAINTENANCE_PATH),
            ],
            custom_error_responses=[
                aws.cloudfront.DistributionCustomErrorResponseArgs(
                    error_code=code, response_code=503, response_page_path=MAINTENANCE_PATH, error_caching_min_ttl=ERROR_SECONDS
                )
                for code in (502, 503, 504)
            ],
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(geo_restriction=restriction),
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=certificate_arn, minimum_protocol_version="TLSv1.2_2021", ssl_support_method="sni-only"
            ),
            tags={"Name": ctx.names("cdn")},
            opts=self.child(),
        )
        self.domain_name = distribution.domain_name
        self.hosted_zone_id = distribution.hosted_zone_id
        self.distribution_arn = distribution.arn
        self.distribution_id = distribution.id
        self._fill(assets)
        self._observe(log_bucket)
        self.register_outputs({"domainName": self.domain_name, "distributionId": self.distribution_id})

    def _headers(self) -> aws.cloudfront.ResponseHeadersPolicy:
        return aws.cloudfront.ResponseHeadersPolicy(
            f"{self.logical}-headers",
            name=self.ctx.names("security-headers", limit=128),
            comment="Security headers of every answer",
            security_headers_config=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs(
                strict_transport_security=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=headers.HSTS_SECONDS, include_subdomains=True, preload=True, override=True
                ),
                frame_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option=headers.FRAME_OPTIONS, override=True
                ),
                content_type_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(override=True),
                xss_protection=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigXssProtectionArgs(
                    protection=True, mode_block=True, override=True
                ),
                referrer_policy=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy=headers.REFERRER_POLICY, override=True
                ),
                content_security_policy=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                    content_security_policy=headers.CONTENT_SECURITY_POLICY, override=True
                ),
            ),
            opts=self.child(),
        )

    def _live(self, pattern: str, viewer: str) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
            path_pattern=pattern,
            target_origin_id=ORIGIN,
            viewer_protocol_policy=viewer,
            allowed_methods=list(ALL),
            cached_methods=["GET", "HEAD"],
            compress=True,
            cache_policy_id=CACHING_DISABLED,
            origin_request_policy_id=ALL_VIEWER,
            response_headers_policy_id=self._policy.id,
        )

    def _static(self, pattern: str) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
            path_pattern=pattern,
            target_origin_id=ASSETS,
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=list(READ),
            cached_methods=["GET", "HEAD"],
            compress=True,
            cache_policy_id=CACHING_OPTIMIZED,
            response_headers_policy_id=self._policy.id,
        )

    def _fill(self, assets: PrivateBucket) -> None:
        bucket = assets.bucket_name
        assets.attach_policy(origin_access(bucket, self.distribution_arn, partition=self.ctx.partition))
        aws.s3.BucketObjectv2(
            f"{self.logical}-maintenance",
            bucket=assets.bucket.id,
            key=MAINTENANCE_PATH.lstrip("/"),
            content=MAINTENANCE_HTML,
            content_type="text/html; charset=utf-8",
            cache_control="public, max-age=60",
            opts=self.child(),
        )

    def _observe(self, log_bucket: pulumi.Input[str]) -> None:
        ctx, name = self.ctx, self.logical
        aws.cloudfront.MonitoringSubscription(
            name,
            distribution_id=self.distribution_id,
            monitoring_subscription=aws.cloudfront.MonitoringSubscriptionMonitoringSubscriptionArgs(
                realtime_metrics_subscription_config=aws.cloudfront.MonitoringSubscriptionMonitoringSubscriptionRealtimeMetricsSubscriptionConfigArgs(
                    realtime_metrics_subscription_status="Enabled"
                )
            ),
            opts=self.child(),
        )
        region = None if ctx.region == CDN_REGION else CDN_REGION
        source = aws.cloudwatch.LogDeliverySource(
            f"{name}-log",
            name=ctx.names("cdn", limit=60),
            log_type="ACCESS_LOGS",
            resource_arn=self.distribution_arn,
            region=region,
            opts=self.child(delete_before_replace=True),
        )
        # No suffix path: AWS puts its own start before the path on creation but not on a change, so that a path of ours never settles.
        target = aws.cloudwatch.LogDeliveryDestination(
            f"{name}-log",
            name=ctx.names("cdn", limit=60),
            output_format="json",
            delivery_destination_configuration=aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                destination_resource_arn=pulumi.Output.from_input(log_bucket).apply(lambda bucket: bucket_arn(bucket, ctx.partition))
            ),
            region=region,
            opts=self.child(delete_before_replace=True),
        )
        aws.cloudwatch.LogDelivery(
            f"{name}-log", delivery_source_name=source.name, delivery_destination_arn=target.arn, region=region, opts=self.child()
        )
