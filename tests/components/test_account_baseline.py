"""What exists once in an account."""

from __future__ import annotations

from infra.components.account_baseline import AccountBaseline
from tests.components.compute import ACCOUNT, Stack, context, synth


def build() -> Stack:
    return synth(lambda: AccountBaseline("baseline", context()) and None)


def test_passwords_are_long_and_mixed_and_expire() -> None:
    made = build().one("AccountPasswordPolicy")
    assert made["minimumPasswordLength"] >= 14
    assert all(made[f"require{kind}"] for kind in ("LowercaseCharacters", "UppercaseCharacters", "Numbers", "Symbols"))
    assert (made["maxPasswordAge"], made["passwordReusePrevention"], made["hardExpiry"]) == (90, 24, False)


def test_no_bucket_of_the_account_can_be_public() -> None:
    made = build().one("AccountPublicAccessBlock")
    assert made["accountId"] == ACCOUNT
    assert all(made[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))


def test_volumes_images_and_access_are_watched() -> None:
    stack = build()
    assert stack.one("EncryptionByDefault")["enabled"] is True
    assert stack.one("Analyzer")["type"] == "ACCOUNT"
    assert stack.one("RegistryScanningConfiguration")["rules"] == [
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    ]


def test_guardduty_watches_objects_logins_volumes_functions_and_running_tasks() -> None:
    stack = build()
    assert stack.one("Detector")["enable"] is True
    features = {made["name"]: made for made in stack.all("DetectorFeature")}
    assert set(features) == {"EBS_MALWARE_PROTECTION", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS", "RUNTIME_MONITORING"}
    assert {made["status"] for made in features.values()} == {"ENABLED"}
    agents = {one["name"]: one["status"] for one in features["RUNTIME_MONITORING"]["additionalConfigurations"]}
    assert agents == {"EKS_ADDON_MANAGEMENT": "DISABLED", "ECS_FARGATE_AGENT_MANAGEMENT": "ENABLED", "EC2_AGENT_MANAGEMENT": "ENABLED"}
