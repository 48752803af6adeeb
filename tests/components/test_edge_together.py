"""Network and edge wired as the platform wires them, on the simulation: real values, AWS's limits, order of creation."""

from __future__ import annotations

import pulumi
import pytest

from infra.components.cdn import Cdn
from infra.components.dns import Aliases, Dns
from infra.components.endpoints import Endpoints
from infra.components.load_balancer import LoadBalancer
from infra.components.network import Network
from infra.components.security_groups import SecurityGroups
from infra.components.storage import PrivateBucket
from infra.components.waf import WebFirewall
from infra.components.web_route import WebRoute
from infra.plan.bucket_policies import log_bucket_statements
from infra.plan.flows import Role, flows
from infra.settings import edge, foundation
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth
from tests.components.edge import ACCOUNT, context

pytestmark = pytest.mark.whole

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000001"
DOMAIN = "nautilus.example.com"


def build() -> None:
    ctx = context()
    network = Network("network", ctx, settings=foundation.Network(cidr="10.20.0.0/16"), log_key_arn=KEY)
    groups = SecurityGroups(
        "groups",
        ctx,
        vpc_id=network.vpc_id,
        table=flows(gateway_port=4003, timescale=True, interface_endpoints=True, s3_endpoint=True),
        cloudfront_prefix_list_id="pl-3b927c52",
        s3_prefix_list_id=network.s3_prefix_list_id,
    )
    Endpoints("endpoints", ctx, network=network, profile=foundation.EndpointProfile.FULL, group_id=groups.of(Role.ENDPOINTS))
    name = ctx.names.bucket("logs", account=ACCOUNT, region=ctx.region)
    logs = PrivateBucket(
        "logs",
        ctx,
        bucket_name=name,
        key_arn=None,
        log_bucket=None,
        expire_days=365,
        policy_statements=log_bucket_statements(name, ACCOUNT),
    )
    assets = PrivateBucket(
        "assets",
        ctx,
        bucket_name=ctx.names.bucket("assets", account=ACCOUNT, region=ctx.region),
        key_arn=KEY,
        log_bucket=logs.name,
        defer_policy=True,
    )
    PrivateBucket(
        "trail",
        ctx,
        bucket_name=ctx.names.bucket("trail", account=ACCOUNT, region=ctx.region),
        key_arn=KEY,
        log_bucket=logs.name,
        object_lock_days=365,
    )
    dns = Dns("dns", ctx, settings=edge.Dns(domain=DOMAIN))
    header = ("X-Origin-Verify", pulumi.Output.secret("0123456789abcdef0123456789abcdef"))
    balancer = LoadBalancer(
        "balancer",
        ctx,
        subnet_ids=network.public_subnet_ids,
        vpc_id=network.vpc_id,
        group_id=groups.of(Role.LOAD_BALANCER),
        certificate_arn=dns.certificate_arn,
        log_bucket=logs.name,
        idle_seconds=300,
        origin_header=header,
    )
    for route, port, patterns, priority in (("backend", 8000, ["/api/*", "/ws/*"], 100), ("frontend", 8080, ["/*"], 200)):
        WebRoute(
            f"{route}-route",
            ctx,
            load_balancer=balancer,
            vpc_id=network.vpc_id,
            port=port,
            health_path="/health",
            path_patterns=patterns,
            priority=priority,
            deregistration_seconds=60,
        )
    waf = edge.Waf(blocked_networks=["198.51.100.0/24"], allowed_networks=["203.0.113.9/32"], upload_paths=["/api/backtests"])
    WebFirewall(
        "origin-firewall", ctx, scope="REGIONAL", settings=waf, log_key_arn=KEY, secret_headers=[header[0]], associate_with=balancer.arn
    )
    firewall = WebFirewall("edge-firewall", ctx, scope="CLOUDFRONT", settings=waf, log_key_arn=KEY)
    cdn = Cdn(
        "cdn",
        ctx,
        domain=DOMAIN,
        certificate_arn=dns.cdn_certificate_arn,
        firewall_arn=firewall.arn,
        origin_domain=f"origin.{DOMAIN}",
        origin_header=header,
        assets=assets,
        settings=edge.Cdn(cached_paths={"/api/market/instruments": 300}),
        log_bucket=logs.name,
    )
    Aliases(
        "aliases",
        ctx,
        domain=DOMAIN,
        zone_id=dns.zone_id,
        cdn=(cdn.domain_name, cdn.hosted_zone_id),
        load_balancer=(balancer.dns_name, balancer.zone_id),
    )


@pytest.fixture(scope="module")
def stack() -> Recording[None]:
    return synth(build, region="us-east-1", account=ACCOUNT)


def after(stack: Recording[None], one: Recorded) -> set[str]:
    """Types and names of everything that must exist before `one`."""
    by_urn = {each.urn: each for each in stack}
    seen: set[str] = set()
    waiting = [one.urn]
    while waiting:
        for urn in by_urn[waiting.pop()].dependencies:
            if urn not in seen and urn in by_urn:
                seen.add(urn)
                waiting.append(urn)
    return {f"{by_urn[urn].type.rpartition(':')[2]} {by_urn[urn].name}" for urn in seen}


def test_every_value_keeps_awss_limits(stack: Recording[None]) -> None:
    assert stack.failures == []
    assert len([one for one in stack if one.custom]) > 150


def test_every_resource_belongs_to_its_component(stack: Recording[None]) -> None:
    owners = {one.urn for one in stack if not one.custom}
    assert not [one.name for one in stack if one.custom and one.parent not in owners]


def test_logs_are_only_sent_to_a_bucket_that_admits_them(stack: Recording[None]) -> None:
    """AWS tests the right to write when the load balancer is made: the bucket's policy must be there first."""
    assert "BucketPolicy logs" in after(stack, stack.one("lb.LoadBalancer"))
    assert "BucketPolicy logs" in after(stack, stack.one("cloudwatch.LogDeliveryDestination"))
    assert {"BucketPolicy logs"} <= after(stack, stack.one("s3.BucketLogging", "assets"))


def test_listeners_wait_for_a_validated_certificate(stack: Recording[None]) -> None:
    before = after(stack, stack.one("lb.Listener", "balancer-https"))
    assert {"CertificateValidation dns-origin", "Record dns-proof-apex", "Zone dns"} <= before
    assert "CertificateValidation dns-cdn" in after(stack, stack.one("cloudfront.Distribution"))


def test_private_tasks_find_a_way_out_only_after_the_internet_gateway(stack: Recording[None]) -> None:
    assert "InternetGateway network" in after(stack, stack.one("ec2.NatGateway", "network-nat-b"))
    assert "RolePolicy network-flow" in after(stack, stack.one("ec2.FlowLog"))


def test_the_origin_header_stays_secret_everywhere(stack: Recording[None]) -> None:
    secret = {(one.type.rpartition(":")[2], one.name): sorted(one.secrets) for one in stack if one.secrets}
    assert secret == {
        ("ListenerRule", "backend-route-production"): ["conditions"],
        ("ListenerRule", "frontend-route-production"): ["conditions"],
        ("Distribution", "cdn"): ["origins"],
    }


def test_what_cannot_be_made_again_is_protected(stack: Recording[None]) -> None:
    protected = {(one.type.rpartition(":")[2], one.name) for one in stack if one.protect and one.retain_on_delete}
    assert protected == {
        ("Zone", "dns"),
        *(("Bucket", name) for name in ("assets", "logs", "trail")),
        *(("Eip", f"network-nat-{zone}") for zone in "abc"),
    }
