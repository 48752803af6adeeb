"""Interface endpoints: what each profile has, and whom the policies admit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.endpoints import Endpoints
from infra.components.network import Network
from infra.plan.endpoint_policies import endpoint_policy
from infra.settings.foundation import EndpointProfile
from infra.settings.foundation import Network as Settings
from tests.components.edge import Made, context, synth


def build(profile: EndpointProfile) -> dict[str, Made]:
    def program() -> dict[str, Any]:
        ctx = context()
        network = Network("network", ctx, settings=Settings(cidr="10.20.0.0/16"), log_key_arn="arn:key")
        Endpoints("endpoints", ctx, network=network, profile=profile, group_id="sg-endpoints")
        return {}

    found = synth(program).all("VpcEndpoint")
    return {one["serviceName"].removeprefix("com.amazonaws.us-east-1."): one for one in found if one["vpcEndpointType"] == "Interface"}


def test_the_full_profile_keeps_aws_off_the_nat() -> None:
    made = build(EndpointProfile.FULL)
    assert sorted(made) == [
        "ec2",
        "ecr.api",
        "ecr.dkr",
        "kms",
        "logs",
        "monitoring",
        "secretsmanager",
        "ssm",
        "ssmmessages",
        "sts",
    ]
    endpoint = made["ecr.api"]
    assert endpoint.name == "endpoints-ecr-api"
    assert endpoint["privateDnsEnabled"] is True
    assert endpoint["subnetIds"] == ["network-app-a-id", "network-app-b-id", "network-app-c-id"]
    assert endpoint["securityGroupIds"] == ["sg-endpoints"]


def test_smaller_profiles() -> None:
    """Essential is what a Fargate task starts with when it has no way out (NET-08)."""
    assert sorted(build(EndpointProfile.ESSENTIAL)) == ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager"]
    assert build(EndpointProfile.NONE) == {}


def test_policies_admit_our_principals_and_our_resources() -> None:
    for service, endpoint in build(EndpointProfile.FULL).items():
        first = json.loads(endpoint["policy"])["Statement"][0]
        assert first["Condition"]["StringEquals"] == {"aws:PrincipalAccount": "123456789012"}
        assert first["Condition"]["StringEqualsIfExists"] == {"aws:ResourceAccount": "123456789012"}
        assert first["Action"] == {"ecr.api": "ecr:*", "ecr.dkr": "ecr:*", "monitoring": "cloudwatch:*"}.get(service, f"{service}:*")


def test_aws_own_resources_stay_reachable() -> None:
    """Image layers, GuardDuty's agent and AWS's documents live in accounts of AWS (AWS-RULES.md section 6)."""
    layers = endpoint_policy("s3", account="1" * 12, region="eu-west-1")["Statement"][1]
    assert layers["Action"] == "s3:GetObject"
    assert "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*" in layers["Resource"]
    assert "Condition" not in layers, "the layers' links are signed by an account of AWS"
    agent = endpoint_policy("ecr.dkr", account="1" * 12, region="eu-west-1")["Statement"][1]
    assert agent["Resource"] == ["arn:aws:ecr:eu-west-1:*:repository/aws-guardduty-agent-fargate"]
    documents = endpoint_policy("ssm", account="1" * 12, region="eu-west-1")["Statement"][1]
    assert documents["Resource"] == ["arn:aws:ssm:eu-west-1::document/*", "arn:aws:ssm:eu-west-1::parameter/aws/*"]
    assert len(endpoint_policy("kms", account="1" * 12, region="eu-west-1")["Statement"]) == 1


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(ValueError, match="no endpoint policy for 'sns'"):
        endpoint_policy("sns", account="1" * 12, region="eu-west-1")
