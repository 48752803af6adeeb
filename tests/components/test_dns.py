"""Zone, certificates, validation and aliases; and what happens when some of it is brought along."""

from __future__ import annotations

from typing import Any

import pytest

from infra.components.dns import Aliases, Dns
from infra.settings.edge import Dns as Settings
from tests.components.edge import Stack, context, synth

DOMAIN = "nautilus.example.com"
OWN = "arn:aws:acm:us-east-1:123456789012:certificate/own"


def build(*, validate: bool = True, region: str = "us-east-1", unlocked: bool = False, **settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        dns = Dns("dns", context(region=region, unlocked=unlocked), settings=Settings(domain=DOMAIN, **settings), validate=validate)
        return {"zone": dns.zone_id, "servers": dns.name_servers, "origin": dns.certificate_arn, "cdn": dns.cdn_certificate_arn}

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
    assert (record["name"], record["type"], record["records"]) == (DOMAIN, "CAA", ['0 issue "amazon.com"'])


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
