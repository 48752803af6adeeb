"""The platform under other settings than the committed ones: what a stack file may say, the program must be able to build."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings.foundation import EndpointProfile, ExistingVpc, NatMode
from infra.settings.workloads import Architecture
from policies.testing import Kind, evaluate, simulated
from tests.conftest import changed, stack, synthesised

pytestmark = pytest.mark.whole


def service(name: str, **values: Any) -> dict[str, Any]:
    """The services section with some values of one service replaced."""
    section = stack("local").services.model_dump(mode="python")
    section[name].update(values)
    return section


def dns(**values: Any) -> dict[str, Any]:
    section = stack("local").edge.model_dump(mode="python")
    section["dns"].update(values)
    return section


def rollout(*steps: int) -> dict[str, Any]:
    return service("backend", rollout={"steps": list(steps), "hold_minutes": 3, "bake_minutes": 2})


def everything_on() -> dict[str, Any]:
    """Whatever may be switched on beside each other, under the longest name of a project: names and lists at their limits."""
    beside = {"image_owner": "pipeline", "discovery": True, "requests_per_target": 1000, "memory": 2048}
    smoke = {"steps": [25, 50, 75, 100], "smoke_paths": ["/api/" + "a" * 123] * 5, "smoke_web_socket": True, "migrations": "required"}
    services = service("backend", **beside, rollout=smoke, market_open={"enabled": True, "days": "MON,WED-FRI"})
    services["frontend"].update(beside, cpu=512)
    services.update(
        exec=True,
        log_router={"mode": "firelens", "image_digest": DIGEST},
        telemetry={"enabled": True, "image_digest": DIGEST, "sampling_percent": 100},
    )
    return {
        "platform": {"project": "abcdefghijkl", "tags": {f"own-{number}": "v" * 256 for number in range(38)}},
        "services": services,
        "queues": {"more": {f"q{number}-{'x' * 27}": {"fifo": number % 2 == 0} for number in range(10)}},
        "flags": {"names": {f"flag-{number}": "a" * 200 for number in range(50)}},
        "registry": {"signing": "required", "signature_months": 1},
        "trading": {"active_broker": "second", "second_broker": {"name": "tradestation", "hosts": ["api.binance.com"]}},
        "postgres": {"replicas": 5},
    }


def everything_off() -> dict[str, Any]:
    """Whatever a stack can do without."""
    services = service("engine", enabled=False, image_digest=None)
    services["ib_gateway"].update(enabled=False, image_digest=None)
    services["watchdog"].update(image_digest=None)
    services["backend"].update(rollout={"steps": [100], "hold_minutes": 0, "bake_minutes": 1, "migrations": "off"})
    return {
        "services": services,
        "network": {"zones": ["a", "b"], "endpoints": EndpointProfile.NONE},
        "timescale": {"enabled": False},
        "egress": {"mode": "off"},
        "jobs": {"migrations": {"enabled": False}, "reconciliation": {"enabled": False}},
        "schedules": {"machine": False, "people": False},
        "flags": {"names": {}},
        "trading": {"venues": {}, "deploy_guard": "off"},
        "alarms": {"emails": []},
    }


DIGEST = f"sha256:{'0' * 64}"
EUROPE = {"account": {"region": "eu-west-1", "dr_region": "eu-central-1"}}
VARIANTS: dict[str, dict[str, Any]] = {
    "another-region": EUROPE,
    "another-region-foundation": EUROPE | {"platform": {"phase": "foundation"}},
    "one-nat": {"network": {"nat": NatMode.SINGLE}},
    "essential-endpoints": {"network": {"endpoints": EndpointProfile.ESSENTIAL}},
    "no-endpoints": {"network": {"endpoints": EndpointProfile.NONE}},
    "two-zones": {"network": {"zones": ["a", "b"]}, "timescale": {"enabled": False}},
    "four-zones": {"network": {"zones": ["a", "b", "c", "d"]}},
    "a-small-network": {"network": {"cidr": "10.10.16.0/20"}},
    "no-replica": {"postgres": {"replicas": 0}},
    "three-replicas": {"postgres": {"replicas": 3}},
    "provisioned-iops": {"postgres": {"storage_gb": 400, "max_storage_gb": 1000, "iops": 12_000}},
    "one-zone-database": {"postgres": {"multi_az": False}},
    "redis": {"cache": {"engine": "redis", "version": "7.1"}},
    "a-lonely-cache": {"cache": {"replicas": 0}},
    "no-engine": {"services": service("engine", enabled=False)},
    "no-gateway": {"services": service("ib_gateway", enabled=False)},
    "all-at-once": {"services": rollout(100)},
    "canary": {"services": rollout(10, 100)},
    "linear": {"services": rollout(25, 50, 75, 100)},
    "intel": {"services": service("backend", architecture=Architecture.X86_64)},
    "own-zone": {"edge": dns(zone_id="Z0123456789ABCDEFGHIJ")},
    "own-certificates": {
        "edge": dns(
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
            cdn_certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/66666666-7777-8888-9999-000000000000",
        )
    },
    "compliance-lock": {
        "backup": {"lock": "compliance", "acknowledge_compliance": "this lock can never be removed", "cooling_off_days": 3}
    },
    "everything-on": everything_on(),
    "everything-off": everything_off(),
    "nobody-stands-by": {
        "services": service("ib_gateway", standby=False),
        "schedules": {"people": False},
        "queues": {"jobs": {"fifo": True}},
    },
    "reconciled-without-an-engine": {
        "services": service("engine", enabled=False),
        "jobs": {"reconciliation": {"program": "backend", "at": "00:00", "zone": "UTC"}},
        "trading": {"venues": {"binance": "always"}, "deploy_guard": "refuse"},
        "egress": {"mode": "alert"},
    },
    # Names that other parts of the program have too, and one that looks like a secret's.
    "queues-of-any-name": {
        "queues": {"more": {name: {} for name in ("secrets", "engine", "backend", "reconciliation", "rollout-hook", "migrations")}},
        "services": service("watchdog", lease_seconds=10, renew_seconds=1),
    },
    "a-longer-project": {"platform": {"project": "nautilusplat"}},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_builds_and_keeps_the_policies(name: str) -> None:
    recording = synthesised(changed("local", **VARIANTS[name]))
    assert len(recording) > 250
    assert [str(finding) for finding in evaluate(simulated(recording))] == []


def test_your_own_network_is_used_and_none_is_made() -> None:
    subnets = {tier: [f"subnet-0{tier}{letter}000000000000"[:24] for letter in "abc"] for tier in ("1", "2", "3")}
    existing = ExistingVpc(
        vpc_id="vpc-0123456789abcdef0",
        public_subnet_ids=subnets["1"],
        app_subnet_ids=subnets["2"],
        data_subnet_ids=subnets["3"],
    )
    recording = synthesised(changed("local", network={"existing": existing.model_dump(mode="python")}, egress={"mode": "off"}))
    made = {item.type for item in recording if not item.inputs.get("region")}
    assert not made & {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/natGateway:NatGateway", "aws:ec2/routeTable:RouteTable"}
    assert recording.exports["vpcId"] == "vpc-0123456789abcdef0"
    assert recording.exports["natAddresses"] == []
    for preview in (False, True):
        assert [str(finding) for finding in evaluate(simulated(recording), preview=preview)] == []
    advised = [finding for finding in evaluate(simulated(recording), advice=True) if finding.kind is Kind.ELSEWHERE]
    assert {finding.rule for finding in advised} == {"NET-09", "LB-07", "RDS-21"}


def test_another_region_puts_the_edge_into_us_east_1() -> None:
    recording = synthesised(changed("local", **EUROPE))
    firewall = recording.one("aws:wafv2/webAcl:WebAcl", "edge-firewall")
    assert firewall.inputs["region"] == "us-east-1"
    assert recording.one("aws:rds/instance:Instance", "postgres-primary").inputs["region"] == "eu-west-1"
