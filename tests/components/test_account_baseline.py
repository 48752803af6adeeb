"""What exists once in an account, in both regions where something can be restored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.component import Context
from infra.components.account_baseline import AccountBaseline
from infra.naming import Names
from infra.settings.access import AccountAccess
from nautilus.sandbox.simulation.mocks import Recording, synth

ACCOUNT = "123456789012"
HOME, SECOND = "us-east-1", "us-west-2"


def build(access: AccountAccess | None = None) -> Recording[AccountBaseline]:
    ctx = Context(
        names=Names("nautilus", "account"), account_id=ACCOUNT, region=HOME, dr_region=SECOND, zones=(), log_days=365, unlocked=False
    )
    return synth(lambda: AccountBaseline("account", ctx, access=access))


@pytest.fixture(scope="module")
def made() -> Recording[AccountBaseline]:
    return build()


def by_region(made: Recording[AccountBaseline], kind: str) -> dict[str, dict[str, Any]]:
    found = {item.inputs["region"]: item.inputs for item in made.by_type(kind)}
    assert len(found) == len(made.by_type(kind)), f"{kind} twice in a region"
    return found


def test_passwords_are_long_and_mixed_and_expire(made: Recording[AccountBaseline]) -> None:
    policy = made.one("iam.AccountPasswordPolicy").inputs
    assert policy["minimumPasswordLength"] >= 14
    assert all(policy[f"require{kind}"] for kind in ("LowercaseCharacters", "UppercaseCharacters", "Numbers", "Symbols"))
    assert (policy["maxPasswordAge"], policy["passwordReusePrevention"], policy["hardExpiry"]) == (90, 24, False)


def test_no_bucket_of_the_account_can_be_public(made: Recording[AccountBaseline]) -> None:
    block = made.one("s3.AccountPublicAccessBlock").inputs
    assert block["accountId"] == ACCOUNT
    assert all(block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("ebs.EncryptionByDefault", "enabled", True),
        ("ebs.SnapshotBlockPublicAccess", "state", "block-all-sharing"),
        ("ec2.ImageBlockPublicAccess", "state", "block-new-sharing"),
        ("ec2.InstanceMetadataDefaults", "httpTokens", "required"),
        ("ec2.InstanceMetadataDefaults", "httpPutResponseHopLimit", 1),
        ("ec2.SerialConsoleAccess", "enabled", False),
        ("ssm.ServiceSetting", "settingId", "/ssm/documents/console/public-sharing-permission"),
        ("ssm.ServiceSetting", "settingValue", "Disable"),
        ("accessanalyzer.Analyzer", "type", "ACCOUNT"),
        (
            "ecr.RegistryScanningConfiguration",
            "rules",
            [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}],
        ),
    ],
)
def test_both_regions_are_closed(made: Recording[AccountBaseline], kind: str, key: str, value: Any) -> None:
    """A backup is restored in the second region: what protects the first one must stand there before that day."""
    assert {region: inputs[key] for region, inputs in by_region(made, kind).items()} == {HOME: value, SECOND: value}


def test_backups_may_take_what_the_platforms_hand_them(made: Recording[AccountBaseline]) -> None:
    for inputs in by_region(made, "backup.RegionSettings").values():
        assert inputs["resourceTypeOptInPreference"] == {"DynamoDB": True, "EBS": True, "EFS": True, "RDS": True}
        assert inputs["resourceTypeManagementPreference"] == {"DynamoDB": True, "EFS": True}
    for item in made.by_type("backup.RegionSettings"):
        # AWS answers with every kind that it knows: without this the plan would never be quiet.
        assert set(item.ignore_changes) == {"resourceTypeOptInPreference", "resourceTypeManagementPreference"}


def test_the_vpcs_of_the_account_may_face_the_internet(made: Recording[AccountBaseline]) -> None:
    """VPC's block of public access would cut CloudFront off from the load balancer."""
    assert made.by_type("ec2.VpcBlockPublicAccessOptions") == []


def test_guardduty_watches_objects_logins_volumes_functions_and_running_tasks(made: Recording[AccountBaseline]) -> None:
    assert made.one("guardduty.Detector").inputs["enable"] is True
    features = {item.inputs["name"]: item.inputs for item in made.by_type("guardduty.DetectorFeature")}
    assert set(features) == {"EBS_MALWARE_PROTECTION", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS", "RUNTIME_MONITORING"}
    assert {inputs["status"] for inputs in features.values()} == {"ENABLED"}
    agents = {one["name"]: one["status"] for one in features["RUNTIME_MONITORING"]["additionalConfigurations"]}
    assert agents == {"EKS_ADDON_MANAGEMENT": "DISABLED", "ECS_FARGATE_AGENT_MANAGEMENT": "ENABLED", "EC2_AGENT_MANAGEMENT": "ENABLED"}


def test_sessions_are_recorded_in_both_regions(made: Recording[AccountBaseline]) -> None:
    documents = by_region(made, "ssm.Document")
    keys = {item.outputs["arn"]: item.inputs["region"] for item in made.by_type("kms.Key")}
    assert set(documents) == {HOME, SECOND}
    for region, document in documents.items():
        inputs = json.loads(document["content"])["inputs"]
        assert keys[inputs["kmsKeyId"]] == region, "a key of another region cannot open a session here"
        assert inputs["cloudWatchLogGroupName"] == by_region(made, "cloudwatch.LogGroup")[region]["name"]


def test_the_settings_reach_the_sessions() -> None:
    access = AccountAccess.model_validate({"sessions": {"idleMinutes": 5, "maxMinutes": 30}})
    for document in by_region(build(access), "ssm.Document").values():
        inputs = json.loads(document["content"])["inputs"]
        assert (inputs["idleSessionTimeout"], inputs["maxSessionDuration"]) == ("5", "30")


def test_operators_may_open_sessions_with_the_keys_of_both_regions(made: Recording[AccountBaseline]) -> None:
    policy = made.one("iam.Policy").inputs
    assert policy["name"] == "nautilus-account-session-operators"
    statements = {one["Sid"]: one for one in json.loads(policy["policy"])["Statement"]}
    assert set(statements["EncryptSessions"]["Resource"]) == {item.outputs["arn"] for item in made.by_type("kms.Key")}
    assert statements["RefuseWithoutSecondFactor"]["Effect"] == "Deny"
    assert len(policy["policy"]) <= 6_144, "IAM's limit for a managed policy"


def test_unused_access_is_looked_for_on_demand(made: Recording[AccountBaseline]) -> None:
    assert {item.inputs["type"] for item in made.by_type("accessanalyzer.Analyzer")} == {"ACCOUNT"}, "AWS bills the other kind by role"
    with_it = build(AccountAccess.model_validate({"unusedDays": 90})).one("accessanalyzer.Analyzer", "account-unused").inputs
    assert with_it["type"] == "ACCOUNT_UNUSED_ACCESS"
    assert with_it["configuration"]["unusedAccess"]["unusedAccessAge"] == 90
