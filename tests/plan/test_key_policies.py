"""Key policies: least privilege, and nobody forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.key_policies import SECOND_REGION, DataClass, Place, key_policy

HERE = Place(account="123456789012", region="eu-west-1")


def statements(kind: DataClass, place: Place = HERE) -> dict[str, dict[str, Any]]:
    found: Any = key_policy(kind, place)["Statement"]
    return {item["Sid"]: item for item in found}


@pytest.mark.parametrize("kind", list(DataClass))
def test_every_key_can_be_administered_by_the_account_and_by_no_other(kind: DataClass) -> None:
    root = statements(kind)["AccountAdministration"]
    assert root["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert root["Action"] == "kms:*"


@pytest.mark.parametrize(
    ("kind", "services"),
    [
        (DataClass.LOGS, {"logs.eu-west-1.amazonaws.com", "cloudtrail.amazonaws.com"}),
        (DataClass.STORAGE, {"delivery.logs.amazonaws.com", "cloudtrail.amazonaws.com", "cloudfront.amazonaws.com"}),
        (
            DataClass.MESSAGING,
            {
                "cloudwatch.amazonaws.com",
                "backup.amazonaws.com",
                "budgets.amazonaws.com",
                "costalerts.amazonaws.com",
                "events.rds.amazonaws.com",
                "events.amazonaws.com",
            },
        ),
        (DataClass.DATABASE, set()),
        (DataClass.CACHE, set()),
        (DataClass.SECRETS, set()),
        (DataClass.BACKUP, set()),
        (DataClass.REGISTRY, set()),
    ],
)
def test_exactly_the_services_that_use_a_key_are_admitted(kind: DataClass, services: set[str]) -> None:
    assert {s["Principal"]["Service"] for s in statements(kind).values() if "Service" in s["Principal"]} == services


def test_log_groups_are_bound_by_encryption_context() -> None:
    assert statements(DataClass.LOGS)["LogGroups"]["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:*"}
    }


def test_the_origin_access_may_only_decrypt_and_only_for_our_distributions() -> None:
    statement = statements(DataClass.STORAGE)["OriginAccess"]
    assert statement["Action"] == ["kms:Decrypt"]
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/*"}}


def test_the_auto_scaling_role_is_admitted_without_having_to_exist() -> None:
    found = statements(DataClass.DATABASE)
    role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*"
    for sid in ("AutoScalingUsesVolumes", "AutoScalingGrantsToVolumes"):
        assert found[sid]["Condition"]["ArnLike"] == {"aws:PrincipalArn": role}
        assert found[sid]["Condition"]["StringEquals"] == {"kms:CallerAccount": "123456789012"}
    assert found["AutoScalingGrantsToVolumes"]["Action"] == "kms:CreateGrant"
    assert found["AutoScalingGrantsToVolumes"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    assert "kms:CreateGrant" not in found["AutoScalingUsesVolumes"]["Action"]


places = st.builds(
    Place,
    account=st.from_regex(r"\A[0-9]{12}\Z"),
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"]),
    partition=st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
)


@given(kind=st.sampled_from(list(DataClass)), place=places)
def test_no_principal_is_open_and_no_other_account_is_named(kind: DataClass, place: Place) -> None:
    for sid, statement in statements(kind, place).items():
        if statement["Principal"] in ("*", {"AWS": "*"}):
            assert statement["Condition"]["StringEquals"]["kms:CallerAccount"] == place.account
            assert "aws:PrincipalArn" in statement["Condition"]["ArnLike"]
        if sid not in ("AccountAdministration", "EventsPublish"):
            assert place.account in json.dumps(statement["Condition"])
        if sid != "AccountAdministration":
            assert "kms:*" not in statement["Action"]
    text = json.dumps(key_policy(kind, place))
    assert text.count('"arn:') == text.count(f'"arn:{place.partition}:')
    assert len(text) < 32_768, "KMS takes key policies of up to 32 KB"


def test_copies_to_the_second_region_have_their_keys() -> None:
    assert {DataClass.DATABASE, DataClass.SECRETS, DataClass.BACKUP} == SECOND_REGION
