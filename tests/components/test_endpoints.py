"""Interface endpoints: what each profile has, where it stands, and whom the policies admit."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

from infra.components.endpoints import Endpoints
from infra.components.network import Network
from infra.plan.endpoint_policies import FULL
from infra.settings.foundation import EndpointProfile
from infra.settings.foundation import Network as Settings
from nautilus.sandbox.simulation.mocks import Recorded, synth
from tests.components.edge import ACCOUNT, context

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
GROUP = "sg-0123456789abcdef0"


def build(profile: EndpointProfile, *, without: Collection[str] = (), zones: str = "abc") -> dict[str, Recorded]:
    def program() -> tuple[str, ...]:
        ctx = context()
        ctx = type(ctx)(**{**ctx.__dict__, "zones": tuple(f"us-east-1{letter}" for letter in zones)})
        network = Network("network", ctx, settings=Settings(cidr="10.20.0.0/16", zones=list(zones)), log_key_arn=KEY)
        return Endpoints("endpoints", ctx, network=network, profile=profile, group_id=GROUP, without=without).services

    made = synth(program)
    found = {
        one.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1."): one
        for one in made.by_type("ec2.VpcEndpoint")
        if one.inputs["vpcEndpointType"] == "Interface"
    }
    assert made.result == tuple(sorted(found))
    return found


def subnets(endpoint: Recorded) -> list[str]:
    """Logical names of the subnets that an endpoint stands in."""
    return sorted(urn.rpartition("::")[2] for urn in endpoint.property_dependencies["subnetIds"])


def test_the_full_profile_keeps_aws_off_the_nat() -> None:
    made = build(EndpointProfile.FULL)
    assert sorted(made) == [
        "appconfigdata",
        "aps-workspaces",
        "ec2",
        "ecr.api",
        "ecr.dkr",
        "ecs",
        "elasticache",
        "events",
        "guardduty-data",
        "kms",
        "logs",
        "monitoring",
        "secretsmanager",
        "sqs",
        "ssm",
        "ssmmessages",
        "sts",
        "xray",
    ]
    assert not any(service.startswith("ecs-") for service in made), "Fargate's agent does not use ECS's own"
    assert made["ecr.api"].name == "endpoints-ecr-api"


def test_every_endpoint_is_private_and_stands_in_every_zone() -> None:
    for endpoint in build(EndpointProfile.FULL).values():
        inputs = endpoint.inputs
        assert inputs["privateDnsEnabled"] is True
        assert inputs["ipAddressType"] == "ipv4"
        assert inputs["securityGroupIds"] == [GROUP]
        assert subnets(endpoint) == ["network-app-a", "network-app-b", "network-app-c"]


def test_smaller_profiles() -> None:
    """Essential is what a Fargate task starts with when it has no way out (NET-08)."""
    assert sorted(build(EndpointProfile.ESSENTIAL)) == ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager"]
    assert build(EndpointProfile.NONE) == {}


def test_what_aws_does_not_offer_is_left_out() -> None:
    made = build(EndpointProfile.FULL, without=["aps-workspaces", "xray/b"])
    assert set(FULL) - set(made) == {"aps-workspaces"}
    assert subnets(made["xray"]) == ["network-app-a", "network-app-c"]
    assert subnets(made["logs"]) == ["network-app-a", "network-app-b", "network-app-c"]


def test_a_third_zone_changes_endpoints_in_place() -> None:
    """Of what makes AWS replace an endpoint nothing differs between two zones and three: only the subnets do."""
    two, three = build(EndpointProfile.FULL, zones="ab"), build(EndpointProfile.FULL, zones="abc")
    assert sorted(two) == sorted(three)
    for service, before in two.items():
        after = three[service]
        assert before.urn == after.urn
        assert {key for key in {*before.inputs, *after.inputs} if before.inputs.get(key) != after.inputs.get(key)} == {"subnetIds"}
        assert len(before.inputs["subnetIds"]) + 1 == len(after.inputs["subnetIds"])


def test_every_policy_admits_our_principals_alone() -> None:
    """Each statement that allows something names our account as the caller's, or is the one for AWS's own objects behind S3."""
    for service, endpoint in build(EndpointProfile.FULL).items():
        statements: list[dict[str, Any]] = json.loads(endpoint.inputs["policy"])["Statement"]
        allowed = [one for one in statements if one["Effect"] == "Allow"]
        assert allowed
        assert all(one["Condition"]["StringEquals"] == {"aws:PrincipalAccount": ACCOUNT} for one in allowed), service


def test_a_network_with_other_zones_than_the_context_is_refused() -> None:
    class Half:
        vpc_id = "vpc-0123456789abcdef0"
        app_subnet_ids = ("subnet-0123456789abcdef0",)

    def program() -> None:
        Endpoints("endpoints", context(), network=Half(), profile=EndpointProfile.FULL, group_id=GROUP)  # type: ignore[arg-type] - a network with half of the attributes, on purpose

    with pytest.raises(ValueError, match="zip"):
        synth(program)
