"""The administrators' VPN: who signs in how, what a group reaches, and what is written down."""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws
import pytest

from infra.component import Context
from infra.components.security_groups import SecurityGroups
from infra.components.vpn import Vpn
from infra.naming import Names
from infra.plan import alarms
from infra.plan.flows import Role, flows
from infra.settings.access import Vpn as Settings
from nautilus.sandbox.simulation.check import CheckError
from nautilus.sandbox.simulation.mocks import Recording, synth

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
ROOT = "arn:aws:acm:us-east-1:123456789012:certificate/fedcba98-7654-3210-fedc-ba9876543210"
SAML = "arn:aws:iam::123456789012:saml-provider/vpn"
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
TARGETS = {"postgres": ["10.20.10.0/24", "10.20.11.0/24"], "timescale": ["10.20.0.0/23", "10.20.2.0/23"]}
BOTH = ["postgres", "timescale"]
SIGN_IN: dict[str, Any] = {"serverCertificateArn": CERTIFICATE, "samlProviderArn": SAML, "grants": {"dba": BOTH}}
MUTUAL: dict[str, Any] = {"authentication": "certificate", "serverCertificateArn": CERTIFICATE, "rootCertificateChainArn": ROOT}
ZONES = ("us-east-1a", "us-east-1b")


def build(given: dict[str, Any], *, targets: dict[str, list[str]] | None = None, subnets: int = 2) -> Recording[Vpn]:
    ctx = Context(
        names=Names("nautilus", "prod"),
        account_id="123456789012",
        region="us-east-1",
        dr_region="us-west-2",
        zones=ZONES,
        log_days=365,
        unlocked=False,
    )

    def program() -> Vpn:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.20.0.0/16")
        made = [
            aws.ec2.Subnet(f"app-{zone}", vpc_id=vpc.id, cidr_block=cidr, availability_zone=zone)
            for zone, cidr in zip(ZONES, TARGETS["timescale"], strict=True)
        ]
        groups = SecurityGroups(
            "groups",
            ctx,
            vpc_id=vpc.id,
            table=flows(gateway_port=4003, timescale=True, interface_endpoints=True, s3_endpoint=False, vpn=True),
            cloudfront_prefix_list_id="pl-3b927c52",
            s3_prefix_list_id=None,
        )
        return Vpn(
            "vpn",
            ctx,
            settings=Settings.model_validate({"enabled": True} | given),
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in made][:subnets],
            group_id=groups.of(Role.VPN),
            targets=TARGETS if targets is None else targets,
            log_key_arn=KEY,
        )

    return synth(program)


def test_saml_asks_the_identity_provider_and_signs_in_again() -> None:
    endpoint = build(SIGN_IN).one("ec2clientvpn.Endpoint").inputs
    assert endpoint["authenticationOptions"] == [{"type": "federated-authentication", "samlProviderArn": SAML}]
    assert endpoint["sessionTimeoutHours"] == 8
    assert endpoint["disconnectOnSessionTimeout"] is True, "else the client renews by itself, and nobody asks for the second factor"
    assert endpoint["selfServicePortal"] == "disabled"
    assert endpoint["serverCertificateArn"] == CERTIFICATE


def test_the_portal_comes_with_its_provider() -> None:
    made = build(SIGN_IN | {"selfServiceSamlProviderArn": f"{SAML}-portal"})
    endpoint = made.one("ec2clientvpn.Endpoint")
    assert endpoint.inputs["selfServicePortal"] == "enabled"
    assert endpoint.inputs["authenticationOptions"][0]["selfServiceSamlProviderArn"] == f"{SAML}-portal"
    assert endpoint.outputs["selfServicePortalUrl"].endswith(endpoint.id)
    assert made.result.portal_url is not None
    assert build(SIGN_IN).result.portal_url is None


def test_certificates_reach_what_the_platform_has_and_no_group_is_asked() -> None:
    made = build(MUTUAL)
    endpoint = made.one("ec2clientvpn.Endpoint").inputs
    assert endpoint["authenticationOptions"] == [{"type": "certificate-authentication", "rootCertificateChainArn": ROOT}]
    rules = made.by_type("ec2clientvpn.AuthorizationRule")
    assert {rule.inputs["targetNetworkCidr"] for rule in rules} == {cidr for cidrs in TARGETS.values() for cidr in cidrs}
    assert all(rule.inputs["authorizeAllGroups"] is True and "accessGroupId" not in rule.inputs for rule in rules)


def test_only_traffic_to_the_vpc_goes_through() -> None:
    endpoint = build(SIGN_IN).one("ec2clientvpn.Endpoint").inputs
    assert endpoint["splitTunnel"] is True
    assert "dnsServers" not in endpoint, "the VPC's resolver would take a laptop's whole web through our DNS firewall"
    assert (endpoint["transportProtocol"], endpoint["vpnPort"]) == ("udp", 443)
    assert build(SIGN_IN).by_type("ec2clientvpn.Route") == []


def test_a_group_reaches_its_databases_alone() -> None:
    made = build(SIGN_IN | {"grants": {"dba": BOTH, "quants": ["timescale"]}})
    rules = {(rule.inputs["accessGroupId"], rule.inputs["targetNetworkCidr"]) for rule in made.by_type("ec2clientvpn.AuthorizationRule")}
    assert {cidr for group, cidr in rules if group == "quants"} == set(TARGETS["timescale"])
    assert {cidr for group, cidr in rules if group == "dba"} == set(TARGETS["timescale"]) | set(TARGETS["postgres"])
    assert all("authorizeAllGroups" not in rule.inputs for rule in made.by_type("ec2clientvpn.AuthorizationRule"))


def test_the_security_group_opens_database_ports_and_nothing_else() -> None:
    made = build(SIGN_IN)
    endpoint = made.one("ec2clientvpn.Endpoint")
    (group,) = endpoint.inputs["securityGroupIds"]
    leaves = [rule.inputs for rule in made.by_type("vpc.SecurityGroupEgressRule") if rule.inputs["securityGroupId"] == group]
    assert {(rule["fromPort"], rule["toPort"]) for rule in leaves} == {(5432, 5432), (5433, 5433)}
    assert all("referencedSecurityGroupId" in rule and "cidrIpv4" not in rule for rule in leaves)
    assert [rule for rule in made.by_type("vpc.SecurityGroupIngressRule") if rule.inputs["securityGroupId"] == group] == []


def test_it_lands_in_every_zone_or_in_one() -> None:
    assert [one.name for one in build(SIGN_IN).by_type("ec2clientvpn.NetworkAssociation")] == ["vpn-a", "vpn-b"]
    assert [one.name for one in build(SIGN_IN | {"landing": "single"}).by_type("ec2clientvpn.NetworkAssociation")] == ["vpn-a"]


def test_every_connection_is_written_down() -> None:
    made = build(SIGN_IN)
    log, stream = made.one("cloudwatch.LogGroup"), made.one("cloudwatch.LogStream")
    assert made.one("ec2clientvpn.Endpoint").inputs["connectionLogOptions"] == {
        "enabled": True,
        "cloudwatchLogGroup": log.inputs["name"],
        "cloudwatchLogStream": stream.inputs["name"],
    }
    assert (log.inputs["name"], log.inputs["kmsKeyId"]) == ("/nautilus/prod/vpn/connections", KEY)
    banner = made.one("ec2clientvpn.Endpoint").inputs["clientLoginBannerOptions"]
    assert banner == {"enabled": True, "bannerText": "Authorised administrators only. Connections are logged."}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({key: value for key, value in SIGN_IN.items() if key != "serverCertificateArn"}, "serverCertificateArn"),
        ({key: value for key, value in SIGN_IN.items() if key != "samlProviderArn"}, "samlProviderArn"),
        ({key: value for key, value in MUTUAL.items() if key != "rootCertificateChainArn"}, "rootCertificateChainArn"),
        ({key: value for key, value in SIGN_IN.items() if key != "grants"}, "grants nobody anything"),
    ],
)
def test_what_signing_in_needs(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(given)


def test_a_database_that_is_off_cannot_be_granted() -> None:
    with pytest.raises(ValueError, match="cannot lead to timescale"):
        build(SIGN_IN, targets={"postgres": TARGETS["postgres"]})


def test_a_subnet_is_needed_in_each_zone() -> None:
    with pytest.raises(ValueError, match="1 subnets for 2 zones"):
        build(SIGN_IN, subnets=1)


def test_a_client_range_inside_the_vpc_is_refused_by_the_simulation() -> None:
    with pytest.raises(CheckError, match=r"overlaps the VPC's 10\.20\.0\.0/16"):
        build(SIGN_IN | {"clientCidr": "10.20.252.0/22"})


def test_five_failed_sign_ins_raise_an_alarm() -> None:
    """DTO-033 counts five. The metric is AWS's own, because failed certificates are in no log."""
    (spec,) = alarms.vpn_alarms(endpoint=alarms.Target("vpn"))
    assert isinstance(spec.source, alarms.Metric)
    assert (spec.source.namespace, spec.source.name, spec.source.statistic) == ("AWS/ClientVPN", "AuthenticationFailures", "Sum")
    assert spec.source.dimensions == (("Endpoint", alarms.Target("vpn")),)
    assert spec.source.period == 300, "the metric comes every five minutes"
    assert (spec.comparison, spec.threshold) == (alarms.Comparison.ABOVE, 4)
    assert spec.runbook == "access"
