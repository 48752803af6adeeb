"""CloudFront in front of everything: the site and its API from the load balancer, static files and the maintenance page from a bucket."""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.edge_region import edge_region
from infra.components.storage import PrivateBucket
from infra.plan import headers
from infra.plan.bucket_policies import bucket_arn, origin_access
from infra.plan.caching import ASSET_SECONDS, DEFAULT, Behaviour, Kind, behaviours, durations
from infra.plan.edge_code import RUNTIME, source
from infra.plan.maintenance import MAINTENANCE_HTML, MAINTENANCE_PATH
from infra.settings.edge import Cdn as Settings

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
"""AWS's managed policies, whose ids are the same in every account."""

ORIGIN, ASSETS = "load-balancer", "assets"
READ_SECONDS = 60
"""Seconds that the origin has for an answer: the seed's proxy_read_timeout, and CloudFront's longest without a raised quota."""
CONNECT_SECONDS = 5
"""Seconds that a connection to the origin may take: the seed's proxy_connect_timeout."""
ERROR_SECONDS = 10
"""Seconds that an edge remembers an error of the origin; CloudFront's own default is 10 as well."""
OBJECT_TAGS = 10
"""Tags that an object takes (S3 object tagging); other resources take 50."""
READ = ("GET", "HEAD", "OPTIONS")
ALL = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Cdn(Component):
    """The distribution of `domain` and `www.<domain>`.

    Makes: `cloudfront.Distribution` (CF-01 to CF-10), `cloudfront.OriginAccessControl` and the bucket policy of `assets` that admits
    this distribution alone (CF-06), two `cloudfront.ResponseHeadersPolicy` with seed 004's headers (CF-09), `cloudfront.CachePolicy` and
    `cloudfront.OriginRequestPolicy` for what may be cached, `cloudfront.Function`s (`infra/edge`), the maintenance page as
    `s3.BucketObjectv2`, extra metrics (`cloudfront.MonitoringSubscription`, DTO-094), and access logs through CloudWatch's log delivery in
    us-east-1 (`LogDeliverySource`, `LogDeliveryDestination`, `LogDelivery`; CF-04), which unlike CloudFront's old logging needs no ACLs.

    Which path is cached how stands in `infra/plan/caching.py`. Everything but static files goes to the load balancer. Errors 502, 503 and
    504 become the maintenance page with status 503, on API paths too; no other error changes, so a missing file is never a page with
    status 200. `assets` must be built with `defer_policy=True`.
    IPv6 is off: the firewall's lists and limits and the VPC all speak IPv4. There is no origin shield: it would lengthen the way of every
    answer that is not cached, which is nearly all of them.
    Sources: NRC-006, PFC-039, DTO-046, DTO-081, DTO-090 to DTO-094, OTE-031, OTE-056.
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
        default_tags: int = 0,
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
            default_tags: How many tags the provider puts on everything.
        """
        super().__init__(name, ctx, opts)
        table = behaviours(settings.cached_paths)
        self._policies = {Kind.LIVE: self._headers("headers", "security-headers", "Security headers of every answer")}
        self._policies[Kind.STATIC] = self._policies[Kind.LIVE]
        self._caches: dict[Kind, dict[int, pulumi.Output[str]]] = {Kind.STATIC: {ASSET_SECONDS: self._cache("assets", ASSET_SECONDS)}}
        self._host: pulumi.Output[str] | None = None
        if durations(table):
            self._share(durations(table))
        self._functions = self._edge_code(maintenance=settings.maintenance)
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
            default_cache_behavior=self._default(next(one for one in table if one.pattern == DEFAULT), settings),
            ordered_cache_behaviors=[self._ordered(one, settings) for one in table if one.pattern != DEFAULT],
            custom_error_responses=[
                aws.cloudfront.DistributionCustomErrorResponseArgs(
                    error_code=code, response_code=503, response_page_path=MAINTENANCE_PATH, error_caching_min_ttl=ERROR_SECONDS
                )
                for code in (502, 503, 504)
            ],
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(geo_restriction=_countries(settings)),
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
        self._fill(assets, self._plain() if default_tags > OBJECT_TAGS else self.child())
        self._observe(log_bucket)
        self.register_outputs({"domainName": self.domain_name, "distributionId": self.distribution_id})

    def _headers(self, part: str, name: str, comment: str, remove: tuple[str, ...] = ()) -> pulumi.Output[str]:
        policy = aws.cloudfront.ResponseHeadersPolicy(
            f"{self.logical}-{part}",
            name=self.ctx.names(name, limit=128),
            comment=comment,
            remove_headers_config=aws.cloudfront.ResponseHeadersPolicyRemoveHeadersConfigArgs(
                items=[aws.cloudfront.ResponseHeadersPolicyRemoveHeadersConfigItemArgs(header=header) for header in remove]
            )
            if remove
            else None,
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
        return policy.id

    def _cache(self, part: str, seconds: int, *, query: bool = False) -> pulumi.Output[str]:
        """A cache policy in whose key stand neither cookies nor headers. An origin that says less, or no-store, is obeyed (TTL from 0)."""
        return aws.cloudfront.CachePolicy(
            f"{self.logical}-{part}",
            name=self.ctx.names(part, limit=128),
            comment=f"{seconds} seconds for everybody alike",
            min_ttl=0,
            default_ttl=seconds,
            max_ttl=seconds,
            parameters_in_cache_key_and_forwarded_to_origin=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
                cookies_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(cookie_behavior="none"),
                headers_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(header_behavior="none"),
                query_strings_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                    query_string_behavior="all" if query else "none"
                ),
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
            ),
            opts=self.child(),
        ).id

    def _share(self, seconds: tuple[int, ...]) -> None:
        """What shared paths need. Their answers lose every cookie: the load balancer's would put all readers on one task."""
        self._caches[Kind.SHARED] = {each: self._cache(f"market-data-{each}s", each, query=True) for each in seconds}
        self._policies[Kind.SHARED] = self._headers(
            "shared-headers", "shared-headers", "Security headers, without cookies", ("Set-Cookie",)
        )
        self._host = aws.cloudfront.OriginRequestPolicy(
            f"{self.logical}-market-data",
            name=self.ctx.names("market-data", limit=128),
            comment="The host alone, and what stands in the cache key",
            cookies_config=aws.cloudfront.OriginRequestPolicyCookiesConfigArgs(cookie_behavior="none"),
            headers_config=aws.cloudfront.OriginRequestPolicyHeadersConfigArgs(
                header_behavior="whitelist", headers=aws.cloudfront.OriginRequestPolicyHeadersConfigHeadersArgs(items=["Host"])
            ),
            query_strings_config=aws.cloudfront.OriginRequestPolicyQueryStringsConfigArgs(query_string_behavior="none"),
            opts=self.child(),
        ).id

    def _edge_code(self, *, maintenance: bool) -> dict[str, pulumi.Output[str]]:
        """The functions at the edge, by the name of their source."""
        names = ("spa_router", "cache_headers", *(("maintenance",) if maintenance else ()))
        return {
            name: aws.cloudfront.Function(
                f"{self.logical}-{name.replace('_', '-')}",
                name=self.ctx.names(name.replace("_", "-"), limit=64),
                comment=f"infra/functions/{name}.js",
                runtime=RUNTIME,
                code=source(name),
                publish=True,
                opts=self.child(),
            ).arn
            for name in names
        }

    def _behaviour(self, one: Behaviour, settings: Settings) -> dict[str, Any]:
        """What default and ordered behaviours have in common. Methods that change something exist on live paths alone."""
        live, shared = one.kind is Kind.LIVE, one.kind is Kind.SHARED
        calls: dict[str, str] = {}
        if one.kind is not Kind.STATIC and settings.maintenance:
            calls["viewer-request"] = "maintenance"
        elif one.pages:
            calls["viewer-request"] = "spa_router"
        if one.pages or one.kind is Kind.STATIC:
            calls["viewer-response"] = "cache_headers"
        return {
            "target_origin_id": ASSETS if one.kind is Kind.STATIC else ORIGIN,
            "viewer_protocol_policy": "redirect-to-https" if one.redirect else "https-only",
            "allowed_methods": list(ALL if live else READ),
            "cached_methods": ["GET", "HEAD"],
            "compress": True,
            "cache_policy_id": CACHING_DISABLED if live else self._caches[one.kind][one.seconds],
            "origin_request_policy_id": ALL_VIEWER if live else self._host if shared else None,
            "response_headers_policy_id": self._policies[one.kind],
            "calls": {event: self._functions[name] for event, name in sorted(calls.items())},
        }

    def _default(self, one: Behaviour, settings: Settings) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgs:
        given = self._behaviour(one, settings)
        calls = [
            aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(event_type=event, function_arn=arn)
            for event, arn in given.pop("calls").items()
        ]
        return aws.cloudfront.DistributionDefaultCacheBehaviorArgs(**given, function_associations=calls or None)

    def _ordered(self, one: Behaviour, settings: Settings) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        given = self._behaviour(one, settings)
        calls = [
            aws.cloudfront.DistributionOrderedCacheBehaviorFunctionAssociationArgs(event_type=event, function_arn=arn)
            for event, arn in given.pop("calls").items()
        ]
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(path_pattern=one.pattern, **given, function_associations=calls or None)

    def _plain(self) -> pulumi.ResourceOptions:
        """Options of a child without default tags. A provider of its own is a further process of the plugin, so only where nothing else helps."""
        ctx = self.ctx
        plain = aws.Provider(f"{self.logical}-untagged", region=ctx.region, allowed_account_ids=[ctx.account_id], opts=self.child())
        return pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(provider=plain))

    def _fill(self, assets: PrivateBucket, page: pulumi.ResourceOptions) -> None:
        bucket = assets.bucket_name
        assets.attach_policy(origin_access(bucket, self.distribution_arn, partition=self.ctx.partition))
        aws.s3.BucketObjectv2(
            f"{self.logical}-maintenance",
            bucket=assets.bucket.id,
            key=MAINTENANCE_PATH.lstrip("/"),
            content=MAINTENANCE_HTML,
            content_type="text/html; charset=utf-8",
            cache_control="public, max-age=60",
            opts=page,
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
        region = edge_region(self)
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


def _countries(settings: Settings) -> aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs:
    """Raises ValueError where both lists are given: CloudFront takes one."""
    blocked, allowed = settings.blocked_countries, settings.allowed_countries
    if blocked and allowed:
        raise ValueError("edge.cdn: blockedCountries and allowedCountries exclude each other")
    kind = "blacklist" if blocked else "whitelist" if allowed else "none"
    return aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type=kind, locations=sorted(blocked or allowed))
