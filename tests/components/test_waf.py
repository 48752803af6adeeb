"""The web application firewall: which rules at which end, the log, the region."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.components.waf import WebFirewall
from infra.settings.edge import Waf as Settings
from nautilus.sandbox.simulation.mocks import Recording
from nautilus.sandbox.simulation.mocks import synth as checked
from tests.components.edge import ACCOUNT, Stack, context, synth

CONTENT = ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet"]


def build(scope: Any, *, region: str = "us-east-1", **more: Any) -> Stack:
    own = {key: more.pop(key) for key in ("associate_with", "secret_headers") if key in more}

    def program() -> dict[str, Any]:
        settings = Settings.model_validate(more)
        return {"arn": WebFirewall("waf", context(region=region), scope=scope, settings=settings, log_key_arn="arn:key", **own).arn}

    return synth(program)


def rules(stack: Stack) -> dict[str, Any]:
    return {rule["name"]: rule for rule in stack.one("WebAcl")["rules"]}


def path(prefix: str) -> dict[str, Any]:
    return {
        "byteMatchStatement": {
            "fieldToMatch": {"uriPath": {}},
            "positionalConstraint": "STARTS_WITH",
            "searchString": prefix,
            "textTransformations": [{"priority": 0, "type": "URL_DECODE"}, {"priority": 1, "type": "NORMALIZE_PATH"}],
        }
    }


def test_cloudfront_sees_the_client_and_counts_its_requests() -> None:
    """WAF-01, WAF-03, WAF-04, PFC-057."""
    stack = build("CLOUDFRONT")
    found = rules(stack)
    assert list(found) == [
        *CONTENT,
        "rate-limit",
        "rate-limit-login",
        "rate-limit-orders",
        "rate-limit-market-data",
        "rate-limit-websockets",
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesAnonymousIpList",
        "AWSManagedRulesATPRuleSet",
    ]
    limit = found["rate-limit"]
    assert limit["statement"]["rateBasedStatement"] == {"limit": 6000, "aggregateKeyType": "IP", "evaluationWindowSec": 300}
    assert all(rule["visibilityConfig"]["cloudwatchMetricsEnabled"] for rule in found.values())
    assert len({rule["priority"] for rule in found.values()}) == len(found)
    assert stack.one("WebAcl")["defaultAction"] == {"allow": {}}


def test_who_sends_too_much_is_told_so_and_for_how_long() -> None:
    stack = build("CLOUDFRONT")
    acl = stack.one("WebAcl")
    bodies = {body["key"]: body for body in acl["customResponseBodies"]}
    limits = [rule for name, rule in rules(stack).items() if name.startswith("rate-limit")]
    assert len(limits) == 5
    for rule in limits:
        answer = rule["action"]["block"]["customResponse"]
        assert answer["responseCode"] == 429
        assert answer["responseHeaders"] == [{"name": "Retry-After", "value": "60"}]
        body = bodies[answer["customResponseBodyKey"]]
        assert body["contentType"] == "APPLICATION_JSON"
        assert json.loads(body["content"])["error"] == "too_many_requests"


def test_paths_have_limits_of_their_own() -> None:
    """DTO-063, OTE-033, PFC-194."""
    found = rules(build("CLOUDFRONT", limits={"orders": {"path": "/api/v2/orders", "requests": 10}}, path_limits={"/api/backtests": 50}))
    orders = found["rate-limit-orders"]["statement"]["rateBasedStatement"]
    assert (orders["limit"], orders["evaluationWindowSec"]) == (10, 60)
    where, how = orders["scopeDownStatement"]["andStatement"]["statements"]
    assert where == path("/api/v2/orders")
    assert how["byteMatchStatement"] == {
        "fieldToMatch": {"method": {}},
        "positionalConstraint": "EXACTLY",
        "searchString": "POST",
        "textTransformations": [{"priority": 0, "type": "NONE"}],
    }
    assert found["rate-limit-websockets"]["statement"]["rateBasedStatement"]["scopeDownStatement"] == path("/ws")
    [own] = [rule["statement"]["rateBasedStatement"] for name, rule in found.items() if name.startswith("rate-limit-path-")]
    assert own == {"limit": 50, "aggregateKeyType": "IP", "evaluationWindowSec": 300, "scopeDownStatement": path("/api/backtests")}


def test_lists_of_addresses_stand_around_the_look_at_content() -> None:
    """A refused address is refused first; a trusted one skips limits and reputation, never the look at content."""
    stack = build(
        "CLOUDFRONT", region="eu-central-1", blocked_networks=["198.51.100.0/24"], allowed_networks=["203.0.113.9/32", "203.0.113.8/32"]
    )
    sets = {one.name: one for one in stack.all("IpSet")}
    assert sets["waf-blocked"]["addresses"] == ["198.51.100.0/24"]
    assert sets["waf-allowed"]["addresses"] == ["203.0.113.8/32", "203.0.113.9/32"]
    assert {(one["scope"], one["region"], one["ipAddressVersion"]) for one in sets.values()} == {("CLOUDFRONT", "us-east-1", "IPV4")}
    found = rules(stack)
    assert found["blocked-addresses"]["action"]["block"]["customResponse"]["responseCode"] == 403
    assert found["blocked-addresses"]["statement"] == {"ipSetReferenceStatement": {"arn": "arn:waf-blocked"}}
    assert found["allowed-addresses"]["action"] == {"allow": {}}
    order = {name: rule["priority"] for name, rule in found.items()}
    assert order["blocked-addresses"] < min(order[name] for name in CONTENT)
    assert max(order[name] for name in CONTENT) < order["allowed-addresses"] < order["rate-limit"]
    assert not build("CLOUDFRONT").all("IpSet")


def test_a_rented_server_is_counted_and_not_blocked() -> None:
    group = rules(build("CLOUDFRONT"))["AWSManagedRulesAnonymousIpList"]["statement"]["managedRuleGroupStatement"]
    assert group["ruleActionOverrides"] == [{"name": "HostingProviderIPList", "actionToUse": {"count": {}}}]


def test_stolen_credentials_are_looked_for_at_the_login_form() -> None:
    found = rules(build("CLOUDFRONT", login_path="/api/session", account_takeover={"username_field": "/user"}))
    [config] = found["AWSManagedRulesATPRuleSet"]["statement"]["managedRuleGroupStatement"]["managedRuleGroupConfigs"]
    assert config["awsManagedRulesAtpRuleSet"] == {
        "loginPath": "/api/session",
        "requestInspection": {
            "payloadType": "JSON",
            "usernameField": {"identifier": "/user"},
            "passwordField": {"identifier": "/password"},
        },
        "responseInspection": {"statusCode": {"successCodes": [200, 204], "failureCodes": [401, 403]}},
    }
    login = found["rate-limit-login"]["statement"]["rateBasedStatement"]["scopeDownStatement"]["andStatement"]["statements"]
    assert login[0] == path("/api/session")
    assert "AWSManagedRulesATPRuleSet" not in rules(build("CLOUDFRONT", account_takeover={"enabled": False}))


def test_bot_control_looks_at_pages_alone() -> None:
    """Programs are the API's clients, and each look costs money."""
    assert "AWSManagedRulesBotControlRuleSet" not in rules(build("CLOUDFRONT"))
    group = rules(build("CLOUDFRONT", bot_control="common"))["AWSManagedRulesBotControlRuleSet"]["statement"]["managedRuleGroupStatement"]
    assert group["managedRuleGroupConfigs"] == [{"awsManagedRulesBotControlRuleSet": {"inspectionLevel": "COMMON"}}]
    outside = group["scopeDownStatement"]["notStatement"]["statement"]
    kept = [entry["byteMatchStatement"]["searchString"] for entry in outside["orStatement"]["statements"]]
    assert kept == ["/api/", "/assets/", "/health", "/ws/"]
    targeted = rules(build("CLOUDFRONT", bot_control="targeted"))["AWSManagedRulesBotControlRuleSet"]["statement"]
    [config] = targeted["managedRuleGroupStatement"]["managedRuleGroupConfigs"]
    assert config["awsManagedRulesBotControlRuleSet"] == {"inspectionLevel": "TARGETED", "enableMachineLearning": True}


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_large_bodies_are_for_uploads_alone(scope: str) -> None:
    found = rules(build(scope, upload_paths=["/api/strategies", "/api/backtests"]))
    common = found["AWSManagedRulesCommonRuleSet"]["statement"]["managedRuleGroupStatement"]
    assert common["ruleActionOverrides"] == [{"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}]
    own = found["large-bodies"]
    label, outside = own["statement"]["andStatement"]["statements"]
    assert label == {"labelMatchStatement": {"scope": "LABEL", "key": "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"}}
    assert outside["notStatement"]["statement"] == {"orStatement": {"statements": [path("/api/backtests"), path("/api/strategies")]}}
    assert own["action"]["block"]["customResponse"]["responseCode"] == 403
    assert own["priority"] > found["AWSManagedRulesCommonRuleSet"]["priority"], "the label must be there already"
    single = rules(build(scope, upload_paths=["/api/x"]))["large-bodies"]["statement"]["andStatement"]["statements"][1]
    assert single["notStatement"]["statement"] == path("/api/x"), "WAF refuses an `or` of one"
    closed = rules(build(scope))
    assert "large-bodies" not in closed
    assert "ruleActionOverrides" not in closed["AWSManagedRulesCommonRuleSet"]["statement"]["managedRuleGroupStatement"]


def test_how_much_of_a_body_is_looked_at() -> None:
    def looked(**more: Any) -> Any:
        return build("CLOUDFRONT", **more).one("WebAcl")["associationConfig"]["requestBodies"][0]["cloudfront"]

    assert looked() == {"defaultSizeInspectionLimit": "KB_16"}
    assert looked(inspect_body_kb=64) == {"defaultSizeInspectionLimit": "KB_64"}
    assert "associationConfig" not in build("REGIONAL").one("WebAcl").inputs, "8 KB at a load balancer, which nobody can change"


def test_behind_cloudfront_no_rule_looks_at_the_address() -> None:
    """There every client has an address of CloudFront's (AWS-RULES.md section 6)."""
    stack = build("REGIONAL", bot_control="targeted", blocked_networks=["198.51.100.0/24"], allowed_networks=["203.0.113.9/32"])
    found = rules(stack)
    assert list(found) == CONTENT
    assert not stack.all("IpSet")
    assert all(rule["overrideAction"] == {"none": {}} for rule in found.values())


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_the_log_holds_no_credentials(scope: str) -> None:
    """WAF-02, DTO-050. The load balancer's firewall sees the origin header; samples would show what the log redacts."""
    stack = build(scope, secret_headers=["X-Origin-Verify"])
    group = stack.one("LogGroup")
    assert group["name"] == f"aws-waf-logs-nautilus-prod-{scope.lower()}"
    assert (group["retentionInDays"], group["kmsKeyId"]) == (365, "arn:key")
    logging = stack.one("WebAclLoggingConfiguration")
    assert logging["logDestinationConfigs"] == ["arn:waf-log"]
    redacted = [field["singleHeader"]["name"] for field in logging["redactedFields"]]
    assert redacted == ["authorization", "cookie", "x-api-key", "x-origin-verify"]
    acl = stack.one("WebAcl")
    visible = [acl["visibilityConfig"], *(rule["visibilityConfig"] for rule in acl["rules"])]
    assert {entry["sampledRequestsEnabled"] for entry in visible} == {False}
    assert build(scope, log_days=90).one("LogGroup")["retentionInDays"] == 90


def test_what_no_rule_matched_is_not_logged_twice() -> None:
    kept = build("CLOUDFRONT").one("WebAclLoggingConfiguration")["loggingFilter"]
    assert (kept["defaultBehavior"], kept["filters"][0]["behavior"], kept["filters"][0]["requirement"]) == ("DROP", "KEEP", "MEETS_ANY")
    actions = [condition["actionCondition"]["action"] for condition in kept["filters"][0]["conditions"]]
    assert actions == ["BLOCK", "CAPTCHA", "CHALLENGE", "COUNT", "EXCLUDED_AS_COUNT"]
    assert "loggingFilter" not in build("CLOUDFRONT", log_requests="all").one("WebAclLoggingConfiguration").inputs


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
    stack = build(scope, blocked_networks=["198.51.100.0/24"], allowed_networks=["203.0.113.9/32"])
    for one in (stack.one("WebAcl"), *stack.all("IpSet")):
        assert re.fullmatch(r"[\w+=:#@/\-,.][\w+=:#@/\-,.\s]+[\w+=:#@/\-,.]", one["description"])
        assert re.fullmatch(r"[\w\-]{1,128}", one["name"])


EVERYTHING: dict[str, Any] = {
    "bot_control": "targeted",
    "upload_paths": ["/api/backtests", "/api/strategies"],
    "blocked_networks": ["198.51.100.0/24"],
    "allowed_networks": ["203.0.113.9/32"],
    "path_limits": {"/api/backtests": 50, "/api/reports": 100},
    "inspect_body_kb": 64,
}


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_everything_at_once_keeps_awss_limits(scope: Any) -> None:
    def program() -> None:
        key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000001"
        WebFirewall("waf", context(), scope=scope, settings=Settings.model_validate(EVERYTHING), log_key_arn=key)

    made: Recording[None] = checked(program, region="us-east-1", account=ACCOUNT)
    assert made.failures == []
    assert len([one for one in made if one.custom]) == (5 if scope == "CLOUDFRONT" else 3)


@pytest.mark.parametrize(
    ("scope", "wrong", "told"),
    [
        ("CLOUDFRONT", {"upload_paths": [f"/api/u{n}" for n in range(20)]}, "weigh up to 1768 WCU, more than edge.waf.capacity = 1500"),
        ("CLOUDFRONT", {"associate_with": "arn:x"}, "cannot be associated"),
    ],
)
def test_what_waf_refuses_is_refused_first(scope: str, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(scope, **wrong)
