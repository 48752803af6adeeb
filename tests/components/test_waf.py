"""The web application firewall: which rules at which end, the log, the region."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.components.waf import WebFirewall
from tests.components.edge import Stack, context, synth


def build(scope: Any, *, region: str = "us-east-1", **more: Any) -> Stack:
    given: dict[str, Any] = {"requests_per_five_minutes": 6000, "log_key_arn": "arn:key", **more}

    def program() -> dict[str, Any]:
        return {"arn": WebFirewall("waf", context(region=region), scope=scope, **given).arn}

    return synth(program)


def rules(stack: Stack) -> dict[str, Any]:
    return {rule["name"]: rule for rule in stack.one("WebAcl")["rules"]}


def test_cloudfront_sees_the_client_and_counts_its_requests() -> None:
    """WAF-01, WAF-03, WAF-04, PFC-057."""
    stack = build("CLOUDFRONT")
    found = rules(stack)
    assert sorted(found) == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesAnonymousIpList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
        "rate-limit",
    ]
    limit = found["rate-limit"]
    assert limit["statement"]["rateBasedStatement"] == {"limit": 6000, "aggregateKeyType": "IP", "evaluationWindowSec": 300}
    assert limit["action"] == {"block": {"customResponse": {"responseCode": 429}}}
    assert all(rule["visibilityConfig"]["cloudwatchMetricsEnabled"] for rule in found.values())
    assert len({rule["priority"] for rule in found.values()}) == len(found)
    assert stack.one("WebAcl")["defaultAction"] == {"allow": {}}


def test_a_rented_server_is_counted_and_not_blocked() -> None:
    group = rules(build("CLOUDFRONT"))["AWSManagedRulesAnonymousIpList"]["statement"]["managedRuleGroupStatement"]
    assert group["ruleActionOverrides"] == [{"name": "HostingProviderIPList", "actionToUse": {"count": {}}}]


def test_behind_cloudfront_no_rule_looks_at_the_address() -> None:
    """There every client has an address of CloudFront's (AWS-RULES.md section 6)."""
    found = rules(build("REGIONAL"))
    assert sorted(found) == ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet"]
    assert all(rule["overrideAction"] == {"none": {}} for rule in found.values())


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_the_log_holds_no_credentials(scope: str) -> None:
    """WAF-02, DTO-050."""
    stack = build(scope)
    group = stack.one("LogGroup")
    assert group["name"] == f"aws-waf-logs-nautilus-prod-{scope.lower()}"
    assert (group["retentionInDays"], group["kmsKeyId"]) == (365, "arn:key")
    logging = stack.one("WebAclLoggingConfiguration")
    assert logging["logDestinationConfigs"] == ["arn:waf-log"]
    assert [field["singleHeader"]["name"] for field in logging["redactedFields"]] == ["authorization", "cookie"]
    assert build(scope, log_days=90).one("LogGroup")["retentionInDays"] == 90


def test_from_another_region_cloudfronts_part_goes_to_us_east_1_with_a_key_of_its_own() -> None:
    stack = build("CLOUDFRONT", region="eu-central-1")
    placed = [one for one in stack.made if one.type.startswith("aws:")]
    assert {one["region"] for one in placed} == {"us-east-1"}
    assert stack.one("LogGroup")["kmsKeyId"] == "arn:waf-log"
    key = stack.one("Key")
    assert (key.protect, key["enableKeyRotation"], key["deletionWindowInDays"]) == (True, True, 30)
    assert "logs.us-east-1.amazonaws.com" in {entry["Principal"].get("Service") for entry in json.loads(key["policy"])["Statement"]}
    assert not build("REGIONAL", region="eu-central-1").all("Key")
    assert not [one for one in build("CLOUDFRONT").made if "region" in one.inputs]


def test_the_load_balancer_stands_behind_it() -> None:
    """LB-08."""
    link = build("REGIONAL", associate_with="arn:balancer").one("WebAclAssociation")
    assert (link["webAclArn"], link["resourceArn"]) == ("arn:waf", "arn:balancer")
    assert not build("REGIONAL").all("WebAclAssociation")


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_names_and_descriptions_are_what_waf_takes(scope: str) -> None:
    acl = build(scope).one("WebAcl")
    assert re.fullmatch(r"[\w+=:#@/\-,.][\w+=:#@/\-,.\s]+[\w+=:#@/\-,.]", acl["description"])
    assert re.fullmatch(r"[\w\-]{1,128}", acl["name"])


@pytest.mark.parametrize(
    ("scope", "wrong", "told"),
    [
        ("CLOUDFRONT", {"requests_per_five_minutes": 9}, "WAF takes 10 to"),
        ("REGIONAL", {"requests_per_five_minutes": 2_000_000_001}, "WAF takes 10 to"),
        ("CLOUDFRONT", {"associate_with": "arn:x"}, "cannot be associated"),
    ],
)
def test_what_waf_refuses_is_refused_first(scope: str, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(scope, **wrong)
