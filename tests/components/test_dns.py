"""Zone, certificates, validation and aliases; and what happens when some of it is brought along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.dns import Aliases, Dns
from infra.settings.edge import Dns as Settings
from infra.settings.edge import Standby
from tests.components.edge import Stack, context, synth

DOMAIN = "nautilus.example.com"
OWN = "arn:aws:acm:us-east-1:123456789012:certificate/own"


KEY = "arn:aws:kms:us-east-1:123456789012:key/logs"


def build(*, validate: bool = True, region: str = "us-east-1", unlocked: bool = False, key: str | None = KEY, **settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        ctx = context(region=region, unlocked=unlocked)
        dns = Dns("dns", ctx, settings=Settings.model_validate({"domain": DOMAIN, **settings}), validate=validate, log_key_arn=key)
        found = {"zone": dns.zone_id, "servers": dns.name_servers, "origin": dns.certificate_arn, "cdn": dns.cdn_certificate_arn}
        return found | ({"ds": dns.ds_record} if dns.ds_record is not None else {})

    return synth(program)


def test_certificates_name_what_they_serve() -> None:
    stack = build(region="eu-west-1")
    origin, cdn = stack.one("Certificate", "dns-origin"), stack.one("Certificate", "dns-cdn")
    assert (origin["domainName"], origin["subjectAlternativeNames"]) == (DOMAIN, [f"www.{DOMAIN}", f"origin.{DOMAIN}"])
    assert (cdn["domainName"], cdn["subjectAlternativeNames"]) == (DOMAIN, [f"www.{DOMAIN}"])
    assert {origin["validationMethod"], cdn["validationMethod"]} == {"DNS"}
    assert "region" not in origin.inputs
    assert cdn["region"] == "us-east-1", "CloudFront takes certificates of us-east-1 alone (ACM-01)"
    assert stack.one("CertificateValidation", "dns-cdn")["region"] == "us-east-1"


def test_each_name_is_proved_once_by_its_own_record() -> None:
    """The options come in any order; both certificates ask for the same records."""
    stack = build()
    records = {record.name: record for record in stack.all("Record") if record["type"] == "CNAME"}
    assert sorted(records) == ["dns-proof-apex", "dns-proof-origin", "dns-proof-www"]
    assert records["dns-proof-apex"]["name"] == f"_proof.{DOMAIN}."
    assert records["dns-proof-www"]["records"] == [f"_value-of-www.{DOMAIN}.acm-validations.aws."]
    assert records["dns-proof-origin"]["allowOverwrite"] is True
    assert {one["certificateArn"] for one in stack.all("CertificateValidation")} == {
        "arn:aws:acm:::certificate/dns-origin",
        "arn:aws:acm:::certificate/dns-cdn",
    }


def test_amazon_alone_may_issue() -> None:
    record = build().one("Record", "dns-caa")
    assert (record["name"], record["type"]) == (DOMAIN, "CAA")
    assert record["records"] == ['0 issue "amazon.com"', '0 issuewild ";"'], "and nobody a wildcard, which the platform does not use"
    assert build(caa_contact="pki@example.com").one("Record", "dns-caa")["records"][0] == '0 iodef "mailto:pki@example.com"'


def test_the_zone_is_protected_and_shows_its_servers() -> None:
    stack = build()
    zone = stack.one("Zone")
    assert (zone.protect, zone.retain, zone["forceDestroy"]) == (True, True, False)
    assert stack.outputs["servers"] == ["ns-1.example.net"]
    assert build(unlocked=True).one("Zone")["forceDestroy"] is True


def test_without_validation_nothing_waits_for_the_delegation() -> None:
    stack = build(validate=False)
    assert not stack.all("CertificateValidation")
    assert len([record for record in stack.all("Record") if record["type"] == "CNAME"]) == 3, "the proof waits for the delegation"
    assert stack.outputs["origin"] == "arn:aws:acm:::certificate/dns-origin"


def test_what_is_brought_along_is_handed_through() -> None:
    stack = build(zone_id="Z0123456789ABC", certificate_arn=OWN, cdn_certificate_arn=OWN)
    assert not [one for one in stack.made if one.type.startswith("aws:")]
    assert stack.outputs == {"zone": "Z0123456789ABC", "servers": [], "origin": OWN, "cdn": OWN}


def test_one_certificate_of_ours_proves_its_own_names_and_leaves_the_issuers_open() -> None:
    stack = build(certificate_arn=OWN)
    assert sorted(record.name for record in stack.all("Record")) == ["dns-proof-apex", "dns-proof-www"]
    assert [one.name for one in stack.all("Certificate")] == ["dns-cdn"]
    assert stack.outputs["origin"] == OWN
    assert [one.name for one in build(cdn_certificate_arn=OWN).all("Certificate")] == ["dns-origin"]


def test_a_certificate_without_the_proof_of_a_name_is_an_error() -> None:
    from infra.components.dns import _validation

    with pytest.raises(ValueError, match=r"no validation record for www\.example\.com"):
        _validation([], "www.example.com", "resource_record_name")


def test_names_point_at_the_edge_and_the_origin() -> None:
    """NRC-028, DNS-02."""

    def program() -> None:
        Aliases("alias", context(), domain=DOMAIN, zone_id="Z1", cdn=("d1.cloudfront.net", "ZCDN"), load_balancer=("alb.example", "ZALB"))

    stack = synth(program)
    found = {record["name"]: (record["aliases"][0]["name"], record["aliases"][0]["zoneId"]) for record in stack.all("Record")}
    assert found == {
        DOMAIN: ("d1.cloudfront.net", "ZCDN"),
        f"www.{DOMAIN}": ("d1.cloudfront.net", "ZCDN"),
        f"origin.{DOMAIN}": ("alb.example", "ZALB"),
    }
    assert {record["type"] for record in stack.all("Record")} == {"A"}


STANDBY = {"host": "standby-1234567890.us-west-2.elb.amazonaws.com", "zone_id": "Z1H1FL5HABSF5"}


def aliases(*, alarm: str | None = "nautilus-prod-origin-failing", **standby: Any) -> Stack:
    def program() -> None:
        Aliases(
            "alias",
            context(),
            domain=DOMAIN,
            zone_id="Z1",
            cdn=("d1.cloudfront.net", "ZCDN"),
            load_balancer=("alb.example", "ZALB"),
            standby=Standby(**standby) if standby else None,
            origin_alarm=alarm,
        )

    return synth(program)


def test_the_origin_alone_fails_over() -> None:
    """Two distributions cannot carry the same name: the site's own records stay single."""
    stack = aliases(**STANDBY)
    policies = {record.name: record.inputs.get("failoverRoutingPolicies") for record in stack.all("Record")}
    assert policies == {
        "alias-origin": [{"type": "PRIMARY"}],
        "alias-origin-standby": [{"type": "SECONDARY"}],
        "alias-apex": None,
        "alias-www": None,
    }
    primary, second = stack.one("Record", "alias-origin"), stack.one("Record", "alias-origin-standby")
    assert primary["name"] == second["name"] == f"origin.{DOMAIN}"
    assert (primary["setIdentifier"], second["setIdentifier"]) == ("primary", "standby")
    assert primary["healthCheckId"] == "alias-origin-id"
    assert second["aliases"] == [{"name": STANDBY["host"], "zoneId": STANDBY["zone_id"], "evaluateTargetHealth": True}]
    assert primary["aliases"][0]["evaluateTargetHealth"] is True
    assert "healthCheckId" not in second.inputs


def test_the_failover_follows_an_alarm_because_no_checker_reaches_the_load_balancer() -> None:
    check = aliases(**STANDBY).one("HealthCheck")
    assert check["type"] == "CLOUDWATCH_METRIC"
    assert (check["cloudwatchAlarmName"], check["cloudwatchAlarmRegion"]) == ("nautilus-prod-origin-failing", "us-east-1")
    assert check["insufficientDataHealthStatus"] == "LastKnownStatus"
    assert (check["disabled"], check["invertHealthcheck"]) == (False, False)
    with pytest.raises(ValueError, match="a standby needs an alarm"):
        aliases(alarm=None, **STANDBY)


def test_a_planned_move_counts_the_primary_as_failed_whatever_its_alarm_says() -> None:
    check = aliases(**STANDBY, forced=True).one("HealthCheck")
    assert (check["disabled"], check["invertHealthcheck"]) == (True, True)


def test_a_standby_comes_and_goes_without_the_name_being_away() -> None:
    """A record that becomes part of a failover is made anew; ours is one from the start, and only what may change in place does."""
    with_one, without = aliases(**STANDBY).one("Record", "alias-origin"), aliases().one("Record", "alias-origin")
    fixed = ("name", "type", "zoneId", "setIdentifier", "failoverRoutingPolicies")
    assert [with_one[key] for key in fixed] == [without[key] for key in fixed]
    assert without["aliases"][0]["evaluateTargetHealth"] is False, "without a standby there is nowhere else to go"
    assert not aliases().all("HealthCheck")


def test_every_query_to_our_zone_is_logged_where_route_53_writes() -> None:
    """DNS-01, CW-01, CW-02."""
    stack = build()
    group = stack.one("LogGroup")
    assert (group["name"], group["retentionInDays"], group["kmsKeyId"]) == (f"/aws/route53/{DOMAIN}", 365, KEY)
    assert stack.one("QueryLog")["zoneId"] == "Z0NE"
    assert stack.one("QueryLog")["cloudwatchLogGroupArn"] == "arn:dns-queries:*"
    [statement] = json.loads(stack.one("LogResourcePolicy")["policyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "route53.amazonaws.com"}
    assert statement["Resource"] == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/route53/*"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert not stack.all("Key")


def test_a_stack_elsewhere_logs_queries_in_us_east_1_with_a_key_of_that_region() -> None:
    stack = build(region="eu-west-1")
    assert {stack.one(kind)["region"] for kind in ("LogGroup", "LogResourcePolicy", "Key", "Alias")} == {"us-east-1"}
    assert stack.one("LogGroup")["kmsKeyId"] == "arn:dns-queries-key"
    assert stack.one("Key").protect
    statements = {one["Sid"]: one for one in json.loads(stack.one("Key")["policy"])["Statement"]}
    assert statements["LogGroups"]["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}


@pytest.mark.parametrize("settings", [{"query_log": False}, {"zone_id": "Z0123456789ABC"}, {"key": None}])
def test_no_query_log_where_it_is_not_ours_or_not_wanted(settings: dict[str, Any]) -> None:
    stack = build(**settings)
    assert not stack.all("QueryLog")
    assert not stack.all("LogResourcePolicy")


def test_a_zone_is_signed_with_a_key_that_route_53_takes() -> None:
    stack = build(dnssec="signing", region="eu-west-1", query_log=False)
    key, signer, signed = stack.one("Key"), stack.one("KeySigningKey"), stack.one("HostedZoneDnsSec")
    assert (key["customerMasterKeySpec"], key["keyUsage"], key["region"]) == ("ECC_NIST_P256", "SIGN_VERIFY", "us-east-1")
    assert key["enableKeyRotation"] is False, "AWS rotates no asymmetric key"
    assert (signer["name"], signer["status"]) == ("nautilus_prod_dnssec", "ACTIVE")
    assert signer["keyManagementServiceArn"] == "arn:dns-dnssec-key"
    assert signed["signingStatus"] == "SIGNING"
    statements = {one["Sid"]: one for one in json.loads(key["policy"])["Statement"]}
    assert statements["SignZones"]["Action"] == ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"]
    assert statements["SignZones"]["Principal"] == {"Service": "dnssec-route53.amazonaws.com"}
    assert statements["SignZones"]["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert statements["GrantToSigners"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_signing_ends_only_after_it_was_withdrawn() -> None:
    """While the registrar holds a DS record, a zone that is not signed vanishes: what signs is protected until the settings say `withdrawing`."""
    kinds = ("Key", "KeySigningKey", "HostedZoneDnsSec")
    signing, withdrawing = build(dnssec="signing"), build(dnssec="withdrawing")
    assert all(signing.one(kind).protect for kind in kinds)
    assert not any(withdrawing.one(kind).protect for kind in kinds)
    as_made = [
        {(made.type, made.name): made.inputs for made in stack.made if made.type.startswith("aws:")} for stack in (signing, withdrawing)
    ]
    assert as_made[0] == as_made[1], "nothing but the protection differs"
    assert not any(build().all(kind) for kind in kinds)


def test_a_zone_that_is_brought_along_is_not_signed_here() -> None:
    assert not build(dnssec="signing", zone_id="Z0123456789ABC").all("KeySigningKey")


def test_the_ds_record_is_told_while_the_registrar_must_hold_it() -> None:
    from nautilus.sandbox.simulation.mocks import synth as simulate

    def ds(dnssec: str) -> bool:
        def program() -> Dns:
            return Dns("dns", context(), settings=Settings.model_validate({"domain": DOMAIN, "dnssec": dnssec}), validate=False)

        return simulate(program).result.ds_record is not None

    assert [ds(dnssec) for dnssec in ("off", "signing", "withdrawing")] == [False, True, False]
