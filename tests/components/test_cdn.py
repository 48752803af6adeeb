"""CloudFront: behaviours, origins, the seed's headers, the maintenance page, logs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.components.cdn import Cdn
from infra.components.storage import PrivateBucket
from infra.plan.edge_code import source
from infra.plan.headers import SECURITY_HEADERS
from infra.plan.maintenance import MAINTENANCE_HTML
from infra.settings.edge import Cdn as Settings
from tests.components.edge import ACCOUNT, Secret, Stack, context, synth

DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"


def build(*, region: str = "us-east-1", deferred: bool = True, default_tags: int = 5, **settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        ctx = context(region=region)
        assets = PrivateBucket("assets", ctx, bucket_name="nautilus-prod-assets", key_arn="arn:key", log_bucket=None, defer_policy=deferred)
        cdn = Cdn(
            "cdn",
            ctx,
            domain="nautilus.example.com",
            certificate_arn="arn:certificate",
            firewall_arn="arn:firewall",
            origin_domain="origin.nautilus.example.com",
            origin_header=("X-Origin-Verify", "shibboleth"),
            assets=assets,
            settings=Settings(**settings),
            log_bucket="nautilus-logs",
            default_tags=default_tags,
        )
        return {"domain": cdn.domain_name, "zone": cdn.hosted_zone_id, "arn": cdn.distribution_arn, "id": cdn.distribution_id}

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


@pytest.fixture(scope="module")
def distribution(stack: Stack) -> dict[str, Any]:
    return stack.one("Distribution").inputs


def test_viewers(distribution: dict[str, Any]) -> None:
    """CF-01, CF-02, CF-03, CF-05, CF-08."""
    assert distribution["aliases"] == ["nautilus.example.com", "www.nautilus.example.com"]
    assert distribution["viewerCertificate"] == {
        "acmCertificateArn": "arn:certificate",
        "minimumProtocolVersion": "TLSv1.2_2021",
        "sslSupportMethod": "sni-only",
    }
    assert (distribution["httpVersion"], distribution["isIpv6Enabled"], distribution["enabled"]) == ("http2and3", False, True)
    assert distribution["webAclId"] == "arn:firewall"
    assert distribution["defaultRootObject"] == "index.html"
    assert distribution["priceClass"] == "PriceClass_100"


def test_origins(distribution: dict[str, Any]) -> None:
    """CF-06, CF-07, CF-10; the seed's time-outs of 5 and 60 s."""
    assert isinstance(distribution["origins"], Secret), "one of them carries the header's value"
    balancer, assets = distribution["origins"].value
    assert balancer["domainName"] == "origin.nautilus.example.com"
    assert balancer["customHeaders"] == [{"name": "X-Origin-Verify", "value": "shibboleth"}]
    custom = balancer["customOriginConfig"]
    assert (custom["originProtocolPolicy"], custom["originSslProtocols"], custom["originReadTimeout"]) == ("https-only", ["TLSv1.2"], 60)
    assert custom["originKeepaliveTimeout"] == 60
    assert balancer["connectionTimeout"] == 5
    assert assets["domainName"] == "nautilus-prod-assets.s3.us-east-1.amazonaws.com"
    assert assets["originAccessControlId"] == "cdn-assets-id"
    assert "s3OriginConfig" not in assets


def test_live_paths_are_never_cached(distribution: dict[str, Any]) -> None:
    paths = {behaviour["pathPattern"]: behaviour for behaviour in distribution["orderedCacheBehaviors"]}
    assert list(paths) == ["/api/*", "/ws/*", "/assets/*", "/maintenance.html"]
    for live in (distribution["defaultCacheBehavior"], paths["/api/*"], paths["/ws/*"]):
        assert (live["targetOriginId"], live["cachePolicyId"], live["originRequestPolicyId"]) == ("load-balancer", DISABLED, ALL_VIEWER)
        assert "POST" in live["allowedMethods"]
    assert distribution["defaultCacheBehavior"]["viewerProtocolPolicy"] == "redirect-to-https"
    assert {paths[path]["viewerProtocolPolicy"] for path in ("/api/*", "/ws/*")} == {"https-only"}


def test_static_paths_come_cached_from_the_bucket(stack: Stack, distribution: dict[str, Any]) -> None:
    paths = {behaviour["pathPattern"]: behaviour for behaviour in distribution["orderedCacheBehaviors"]}
    for static in (paths["/assets/*"], paths["/maintenance.html"]):
        assert (static["targetOriginId"], static["cachePolicyId"]) == ("assets", "cdn-assets-id")
        assert static["allowedMethods"] == ["GET", "HEAD", "OPTIONS"]
        assert "originRequestPolicyId" not in static, "S3 refuses the viewer's Host header"
    policy = stack.one("CachePolicy")
    assert (policy["minTtl"], policy["defaultTtl"], policy["maxTtl"]) == (0, 31_536_000, 31_536_000)
    assert policy["parametersInCacheKeyAndForwardedToOrigin"]["queryStringsConfig"] == {"queryStringBehavior": "none"}


def test_market_data_is_shared_without_anybodys_credentials() -> None:
    """DTO-081, DTO-091: what is cached for all is fetched for nobody in particular."""
    stack = build(cached_paths={"/api/market/*": 60, "/api/market/instruments": 300, "/api/market/depth": 60})
    distribution = stack.one("Distribution")
    paths = {behaviour["pathPattern"]: behaviour for behaviour in distribution["orderedCacheBehaviors"]}
    shared = ["/api/market/instruments", "/api/market/depth", "/api/market/*"]
    assert list(paths) == [*shared, "/api/*", "/ws/*", "/assets/*", "/maintenance.html"]
    policies = {one.name: one for one in stack.all("CachePolicy")}
    assert sorted(policies) == ["cdn-assets", "cdn-market-data-300s", "cdn-market-data-60s"], "one for each duration"
    assert [paths[path]["cachePolicyId"] for path in shared] == [f"cdn-market-data-{seconds}s-id" for seconds in (300, 60, 60)]
    for path in shared:
        behaviour = paths[path]
        assert (behaviour["targetOriginId"], behaviour["viewerProtocolPolicy"]) == ("load-balancer", "https-only")
        assert behaviour["allowedMethods"] == ["GET", "HEAD", "OPTIONS"], "what changes something is never cached"
        assert behaviour["originRequestPolicyId"] == "cdn-market-data-id"
        assert behaviour["responseHeadersPolicyId"] == "cdn-shared-headers-id"
        assert "functionAssociations" not in behaviour
    policy = policies["cdn-market-data-60s"]
    assert (policy["minTtl"], policy["defaultTtl"], policy["maxTtl"]) == (0, 60, 60), "an origin that says no-store is obeyed"
    assert policy["parametersInCacheKeyAndForwardedToOrigin"] == {
        "cookiesConfig": {"cookieBehavior": "none"},
        "headersConfig": {"headerBehavior": "none"},
        "queryStringsConfig": {"queryStringBehavior": "all"},
        "enableAcceptEncodingBrotli": True,
        "enableAcceptEncodingGzip": True,
    }
    request = stack.one("OriginRequestPolicy")
    assert request["cookiesConfig"] == {"cookieBehavior": "none"}
    assert request["headersConfig"] == {"headerBehavior": "whitelist", "headers": {"items": ["Host"]}}
    assert request["queryStringsConfig"] == {"queryStringBehavior": "none"}
    common, without = stack.one("ResponseHeadersPolicy", "cdn-headers"), stack.one("ResponseHeadersPolicy", "cdn-shared-headers")
    assert without["removeHeadersConfig"] == {"items": [{"header": "Set-Cookie"}]}
    assert without["securityHeadersConfig"] == common["securityHeadersConfig"]
    assert "removeHeadersConfig" not in common.inputs, "elsewhere the load balancer's cookie keeps a client on its task"


def test_nothing_of_the_api_is_cached_unless_it_is_listed(stack: Stack) -> None:
    assert [one.name for one in stack.all("CachePolicy")] == ["cdn-assets"]
    assert not stack.all("OriginRequestPolicy")


def test_what_may_be_one_users_is_not_cached() -> None:
    with pytest.raises(ValueError, match="speaks of what belongs to somebody"):
        build(cached_paths={"/api/account/positions": 60})


def calls(behaviour: dict[str, Any]) -> dict[str, str]:
    return {entry["eventType"]: entry["functionArn"] for entry in behaviour.get("functionAssociations", [])}


def test_deep_links_lead_to_the_application(stack: Stack, distribution: dict[str, Any]) -> None:
    paths = {behaviour["pathPattern"]: behaviour for behaviour in distribution["orderedCacheBehaviors"]}
    assert calls(distribution["defaultCacheBehavior"]) == {
        "viewer-request": "arn:cdn-spa-router",
        "viewer-response": "arn:cdn-cache-headers",
    }
    assert calls(paths["/assets/*"]) == calls(paths["/maintenance.html"]) == {"viewer-response": "arn:cdn-cache-headers"}
    assert calls(paths["/api/*"]) == calls(paths["/ws/*"]) == {}
    router = stack.one("Function", "cdn-spa-router")
    assert (router["runtime"], router["publish"], router["name"]) == ("cloudfront-js-2.0", True, "nautilus-prod-spa-router")
    assert router["code"] == source("spa_router")
    assert sorted(one.name for one in stack.all("Function")) == ["cdn-cache-headers", "cdn-spa-router"]


def test_while_maintenance_is_on_nothing_reaches_the_load_balancer() -> None:
    stack = build(maintenance=True, cached_paths={"/api/market/instruments": 60})
    distribution = stack.one("Distribution")
    behaviours = [distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]]
    for behaviour in behaviours:
        stopped = calls(behaviour).get("viewer-request") == "arn:cdn-maintenance"
        assert stopped == (behaviour["targetOriginId"] == "load-balancer")
    assert json.dumps(MAINTENANCE_HTML) in stack.one("Function", "cdn-maintenance")["code"]


def test_every_answer_carries_the_seeds_headers(stack: Stack, distribution: dict[str, Any]) -> None:
    """DTO-046, OTE-031, CF-09."""
    behaviours = [distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]]
    assert {behaviour["responseHeadersPolicyId"] for behaviour in behaviours} == {"cdn-headers-id"}
    config = stack.one("ResponseHeadersPolicy")["securityHeadersConfig"]
    assert config == {
        "strictTransportSecurity": {"accessControlMaxAgeSec": 63072000, "includeSubdomains": True, "preload": True, "override": True},
        "frameOptions": {"frameOption": "SAMEORIGIN", "override": True},
        "contentTypeOptions": {"override": True},
        "xssProtection": {"protection": True, "modeBlock": True, "override": True},
        "referrerPolicy": {"referrerPolicy": "strict-origin-when-cross-origin", "override": True},
        "contentSecurityPolicy": {
            "contentSecurityPolicy": (
                "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; "
                "connect-src 'self' wss: https:; font-src 'self' data:; object-src 'none'; media-src 'self'; frame-src 'none';"
            ),
            "override": True,
        },
    }
    assert SECURITY_HEADERS["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert SECURITY_HEADERS["X-XSS-Protection"] == "1; mode=block"


def test_a_dead_origin_shows_the_maintenance_page(stack: Stack, distribution: dict[str, Any]) -> None:
    answers = {entry["errorCode"]: (entry["responseCode"], entry["responsePagePath"]) for entry in distribution["customErrorResponses"]}
    assert answers == dict.fromkeys((502, 503, 504), (503, "/maintenance.html"))
    assert 200 not in {code for code, _ in answers.values()}, "a missing file must stay a missing file"
    page = stack.one("BucketObjectv2")
    assert (page["key"], page["contentType"]) == ("maintenance.html", "text/html; charset=utf-8")
    assert page["content"] == MAINTENANCE_HTML


@pytest.mark.parametrize(("tags", "own"), [(10, False), (11, True)])
def test_an_object_that_cannot_take_all_default_tags_has_a_provider_without_them(tags: int, own: bool) -> None:
    """S3 takes ten tags on an object, and refuses the page with an eleventh."""
    made = build(default_tags=tags)
    plain = [one for one in made.made if one.type == "pulumi:providers:aws"]
    assert [one.name for one in plain] == (["cdn-untagged"] if own else [])
    assert all("defaultTags" not in one.inputs and one["region"] == "us-east-1" for one in plain)


def test_the_maintenance_page_loads_alone_under_the_sites_policy() -> None:
    """No script, no link, no picture: nothing but the page is there, and the policy would refuse foreign sources."""
    assert MAINTENANCE_HTML.startswith("<!doctype html>")
    assert not re.search(r"<script|<link|<img|src=|https?://|@import", MAINTENANCE_HTML)
    assert "Sundays between 02:00 and 04:00 UTC" in MAINTENANCE_HTML


def test_only_this_distribution_reads_the_bucket(stack: Stack) -> None:
    """CF-06, S3-02, S3-08."""
    statements = json.loads(stack.one("BucketPolicy")["policy"])["Statement"]
    [read] = [entry for entry in statements if entry["Effect"] == "Allow"]
    assert read["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert (read["Action"], read["Resource"]) == ("s3:GetObject", "arn:aws:s3:::nautilus-prod-assets/*")
    assert read["Condition"] == {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"}}
    control = stack.one("OriginAccessControl")
    assert (control["signingBehavior"], control["signingProtocol"]) == ("always", "sigv4")


def test_requests_are_logged(stack: Stack) -> None:
    """CF-04, DTO-094."""
    source, target = stack.one("LogDeliverySource"), stack.one("LogDeliveryDestination")
    assert (source["logType"], source["resourceArn"]) == ("ACCESS_LOGS", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1")
    assert target["deliveryDestinationConfiguration"] == {"destinationResourceArn": "arn:aws:s3:::nautilus-logs"}
    assert "s3DeliveryConfigurations" not in stack.one("LogDelivery").inputs
    subscription = stack.one("MonitoringSubscription")["monitoringSubscription"]
    assert subscription == {"realtimeMetricsSubscriptionConfig": {"realtimeMetricsSubscriptionStatus": "Enabled"}}


def test_log_delivery_stands_in_us_east_1() -> None:
    stack = build(region="eu-west-1")
    kinds = ("LogDeliverySource", "LogDeliveryDestination", "LogDelivery")
    assert [stack.one(kind)["region"] for kind in kinds] == ["us-east-1"] * 3


def test_countries_can_be_refused(distribution: dict[str, Any]) -> None:
    assert distribution["restrictions"]["geoRestriction"] == {"restrictionType": "none", "locations": []}
    restricted = build(blocked_countries=["KP", "CU"], price_class="PriceClass_All").one("Distribution")
    assert restricted["restrictions"]["geoRestriction"] == {"restrictionType": "blacklist", "locations": ["CU", "KP"]}
    assert restricted["priceClass"] == "PriceClass_All"
    served = build(allowed_countries=["US", "DE"]).one("Distribution")
    assert served["restrictions"]["geoRestriction"] == {"restrictionType": "whitelist", "locations": ["DE", "US"]}
    with pytest.raises(ValueError, match="exclude each other"):
        build(allowed_countries=["US"], blocked_countries=["KP"])


def test_a_bucket_that_has_its_policy_already_is_refused() -> None:
    with pytest.raises(ValueError, match="has its policy already"):
        build(deferred=False)
