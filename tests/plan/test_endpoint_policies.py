"""Endpoint policies, the profiles, and what a profile leaves to the NAT."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.endpoint_policies import (
    CALLS,
    ESSENTIAL,
    FULL,
    GATEWAYS,
    GUARDDUTY_AGENT_ACCOUNTS,
    INTERFACES,
    apis_through_nat,
    endpoint_policy,
    placed,
    through_nat,
)
from infra.plan.flows import Role
from infra.settings.foundation import EndpointProfile
from infra.settings.limits import ZONES
from tests.conftest import changed

OURS = "111111111111"
profiles = st.sampled_from(list(EndpointProfile))
zone_lists = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True)
exclusions = st.lists(st.sampled_from([*FULL, *(f"{service}/{zone}" for service in FULL for zone in "abcdef")]), max_size=12, unique=True)


def policy(service: str, region: str = "eu-west-1") -> list[dict[str, Any]]:
    return endpoint_policy(service, account=OURS, region=region)["Statement"]


@pytest.mark.parametrize(
    ("service", "prefix"),
    [
        ("appconfigdata", "appconfig"),
        ("aps-workspaces", "aps"),
        ("dynamodb", "dynamodb"),
        ("ec2", "ec2"),
        ("ecs", "ecs"),
        ("elasticache", "elasticache"),
        ("ecr.api", "ecr"),
        ("ecr.dkr", "ecr"),
        ("kms", "kms"),
        ("logs", "logs"),
        ("monitoring", "cloudwatch"),
        ("s3", "s3"),
        ("secretsmanager", "secretsmanager"),
        ("ssm", "ssm"),
        ("ssmmessages", "ssmmessages"),
        ("sts", "sts"),
        ("xray", "xray"),
    ],
)
def test_own_principals_and_own_resources_of_the_right_service(service: str, prefix: str) -> None:
    """The action's prefix is IAM's, which botocore knows as the service's signing name."""
    first = policy(service)[0]
    assert first["Action"] == f"{prefix}:*"
    assert first["Condition"] == {
        "StringEquals": {"aws:PrincipalAccount": OURS},
        "StringEqualsIfExists": {"aws:ResourceAccount": OURS},
    }
    models = {"aps-workspaces": "amp", "monitoring": "cloudwatch", "ecr.api": "ecr", "ecr.dkr": "ecr"}
    if service != "ssmmessages":  # no client has it: it is the agents' own protocol
        model = get_session().get_service_model(models.get(service, service))
        signing = {"monitoring": "cloudwatch"}.get(model.signing_name, model.signing_name)
        assert signing == prefix


def test_each_service_of_a_profile_has_a_policy_and_the_test_above_knows_it() -> None:
    for service in (*FULL, *GATEWAYS):
        assert policy(service), service
    assert set(ESSENTIAL) < set(FULL)
    assert INTERFACES[EndpointProfile.NONE] == ()


def test_guarddutys_endpoint_denies_every_other_account() -> None:
    """As GuardDuty's guide writes it: its telemetry goes to a resource of AWS's, so the resource's account must not be asked for."""
    allow, deny = policy("guardduty-data")
    assert (allow["Effect"], allow["Condition"]) == ("Allow", {"StringEquals": {"aws:PrincipalAccount": OURS}})
    assert (deny["Effect"], deny["Action"], deny["Resource"]) == ("Deny", "*", "*")
    assert deny["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": OURS}}


def test_aws_own_resources_stay_reachable() -> None:
    """Image layers, GuardDuty's agent and AWS's documents live in accounts of AWS (AWS-RULES.md section 6)."""
    own, layers = policy("s3")
    assert own["Action"] == "s3:*"
    assert layers["Action"] == "s3:GetObject", "reading only: nothing is carried out that way"
    assert "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*" in layers["Resource"]
    assert all("eu-west-1" in bucket for bucket in layers["Resource"])
    # Systems Manager's guide, "SSM Agent communications with AWS managed S3 buckets": without them no package reaches a node.
    for bucket in (
        "aws-ssm-eu-west-1",
        "aws-ssm-distributor-file-eu-west-1",
        "aws-ssm-document-attachments-eu-west-1",
        "eu-west-1-birdwatcher-prod",
    ):
        assert f"arn:aws:s3:::{bucket}/*" in layers["Resource"]
    assert "Condition" not in layers, "the layers' links are signed by an account of AWS"
    for service in ("ecr.api", "ecr.dkr"):
        agent = policy(service)[1]
        assert agent["Resource"] == ["arn:aws:ecr:eu-west-1:694911143906:repository/aws-guardduty-agent-fargate"]
        assert agent["Action"] == ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        assert agent["Condition"] == {"StringEquals": {"aws:PrincipalAccount": OURS}}
    documents = policy("ssm")[1]
    assert documents["Resource"] == ["arn:aws:ssm:eu-west-1::document/*", "arn:aws:ssm:eu-west-1::parameter/aws/*"]
    assert len(policy("kms")) == 1


def test_no_policy_but_those_names_a_foreign_resource() -> None:
    exceptions = {"s3", "ecr.api", "ecr.dkr", "ssm", "guardduty-data"}
    for service in {*FULL, *GATEWAYS} - exceptions:
        assert len(policy(service)) == 1, service


def test_guarddutys_repository_is_known_wherever_the_platform_can_run() -> None:
    assert set(ZONES) <= set(GUARDDUTY_AGENT_ACCOUNTS)
    assert all(len(account) == 12 and account.isdigit() for account in GUARDDUTY_AGENT_ACCOUNTS.values())
    assert len(policy("ecr.dkr", "xx-north-9")) == 1, "an unknown region opens nothing"


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(ValueError, match="no endpoint policy for 'sns'"):
        endpoint_policy("sns", account=OURS, region="eu-west-1")


# -- placement and the way round --------------------------------------------------------------------------------------


@given(profiles, zone_lists, exclusions)
def test_an_endpoint_stands_in_every_zone_but_those_left_out(profile: EndpointProfile, zones: list[str], without: list[str]) -> None:
    found = placed(profile, zones, without)
    assert list(found) == sorted(found)
    for service in INTERFACES[profile]:
        expected = [] if service in without else [zone for zone in zones if f"{service}/{zone}" not in without]
        assert list(found.get(service, ())) == expected
    assert set(found) <= set(INTERFACES[profile])


@given(profiles, exclusions)
def test_every_api_has_an_endpoint_or_a_name_for_the_firewall(profile: EndpointProfile, without: list[str]) -> None:
    services = [entry for entry in without if "/" not in entry]
    endpoints = placed(profile, "abc", services)
    hosts = apis_through_nat(profile, "us-east-1", account=OURS, without=services)
    assert len(endpoints) + len(hosts) == len(FULL)
    assert list(hosts) == sorted(set(hosts))
    assert all(host.endswith(".us-east-1.amazonaws.com") and "*" not in host and not host.startswith(".") for host in hosts)


def test_what_each_profile_leaves_to_the_nat() -> None:
    assert apis_through_nat(EndpointProfile.FULL, "us-east-1", account=OURS) == ()
    essential = apis_through_nat(EndpointProfile.ESSENTIAL, "us-east-1", account=OURS)
    assert {"ec2.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com", "ssmmessages.us-east-1.amazonaws.com"} < set(essential)
    assert not any("ecr" in host or "logs." in host for host in essential)
    everything = apis_through_nat(EndpointProfile.NONE, "eu-west-1", account=OURS)
    assert {"api.ecr.eu-west-1.amazonaws.com", f"{OURS}.dkr.ecr.eu-west-1.amazonaws.com"} < set(everything)


def test_a_role_needs_the_nat_unless_every_api_of_its_own_has_an_endpoint() -> None:
    assert through_nat(EndpointProfile.FULL) == frozenset()
    assert through_nat(EndpointProfile.ESSENTIAL) == through_nat(EndpointProfile.NONE) == set(CALLS)
    for service in FULL:
        assert through_nat(EndpointProfile.FULL, [service]) == {role for role, services in CALLS.items() if service in services}
    assert through_nat(EndpointProfile.FULL, ["elasticache"]) == {Role.ROTATION}
    assert through_nat(EndpointProfile.FULL, ["ec2/a"]) == frozenset(), "another zone's endpoint serves"


def test_what_a_role_calls_is_in_the_full_profile() -> None:
    assert {service for services in CALLS.values() for service in services} <= set(FULL)


# -- the setting --------------------------------------------------------------------------------------------------------


TIERS = (("public", 1), ("app", 4), ("data", 7))


def findings(without: list[str], **network: Any) -> list[tuple[tuple[object, ...], str]]:
    from infra.settings.checks.endpoints import endpoints

    settings = changed("local", network={"endpoints_without": without, **network})
    return [(finding.path, finding.message) for finding in endpoints(settings)]


@pytest.mark.parametrize("service", FULL)
def test_the_setting_takes_every_service(service: str) -> None:
    assert findings([f"{service}/a"]) == []
    assert (findings([service]) == []) == (service not in ESSENTIAL)


def test_what_tasks_start_with_is_left_out_only_where_something_else_gives_it() -> None:
    ((path, message),) = findings(["kms"])
    assert path == ("network", "endpointsWithout", 0)
    assert "no task starts" in message
    assert findings(["kms"], endpoints="none") == []
    subnets = {f"{tier}_subnet_ids": [f"subnet-{number:017x}" for number in range(start, start + 3)] for tier, start in TIERS}
    assert findings(["kms"], existing={"vpc_id": "vpc-0123456789abcdef0", **subnets}) == []


@pytest.mark.parametrize("entry", ["ecs-agent", "s3", "ec2/g", "ec2/", "EC2", "ecrXapi"])
def test_the_setting_refuses_anything_else(entry: str) -> None:
    with pytest.raises(ValueError, match="endpoints"):
        changed("local", network={"endpoints_without": [entry]})


@pytest.mark.parametrize(
    ("without", "position", "message"),
    [
        (["ec2", "ec2"], 1, "twice"),
        (["xray", "xray/a"], 1, "left out already by xray"),
        (["xray/f"], 0, "zone f"),
        (["xray/a", "xray/b", "xray/c"], 2, "no zone"),
    ],
)
def test_the_setting_is_checked(without: list[str], position: int, message: str) -> None:
    ((path, text),) = findings(without)
    assert path == ("network", "endpointsWithout", position)
    assert message in text


def test_two_zones_left_out_are_fine() -> None:
    assert findings(["xray/a", "xray/b"]) == []
