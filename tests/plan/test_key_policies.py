"""Key policies: least privilege, and nobody forgotten."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.key_policies import (
    ADMINISTRATION,
    ADMITTED,
    HOLDS,
    SECOND_REGION,
    THROUGH,
    DataClass,
    Place,
    key_policy,
    log_group_patterns,
    table,
)
from tests.conftest import ROOT

HERE = Place(account="123456789012", region="eu-west-1")
ROOT_USER = {"AWS": "arn:aws:iam::123456789012:root"}
USING = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:CreateGrant")


def statements(kind: DataClass, place: Place = HERE, **more: Any) -> dict[str, dict[str, Any]]:
    found: Any = key_policy(kind, place, **more)["Statement"]
    assert len({item["Sid"] for item in found}) == len(found)
    return {item["Sid"]: item for item in found}


def actions(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def allows(statement: dict[str, Any], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in actions(statement))


@pytest.mark.parametrize("kind", list(DataClass))
def test_every_key_can_be_administered_by_the_account_and_by_no_other(kind: DataClass) -> None:
    for sid, statement in statements(kind).items():
        masters = [action for action in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion") if allows(statement, action)]
        assert bool(masters) == (sid == "AccountAdministration")
    assert statements(kind)["AccountAdministration"]["Principal"] == ROOT_USER


@pytest.mark.parametrize("action", USING)
def test_administrators_cannot_use_the_key(action: str) -> None:
    assert not [pattern for pattern in ADMINISTRATION if fnmatch.fnmatchcase(action, pattern)]
    assert not [pattern for pattern in ADMINISTRATION if "*" in pattern], "a wildcard takes in what AWS adds tomorrow"


DOCUMENTED: dict[DataClass, tuple[set[str], set[str]]] = {
    DataClass.DATABASE: ({"backup", "dynamodb", "ec2", "rds", "secretsmanager"}, set()),
    DataClass.CACHE: ({"dax", "elasticache"}, set()),
    DataClass.SECRETS: ({"secretsmanager", "ssm"}, set()),
    DataClass.LOGS: (set(), {"logs.eu-west-1.amazonaws.com"}),
    DataClass.STORAGE: (
        {"appconfig", "appconfigdata", "backup", "elasticfilesystem", "s3"},
        {"cloudfront.amazonaws.com", "cloudtrail.amazonaws.com", "fargate.amazonaws.com"},
    ),
    DataClass.BACKUP: ({"backup", "dynamodb", "ec2", "elasticfilesystem", "rds", "s3"}, set()),
    DataClass.MESSAGING: (
        {"sns", "sqs"},
        {
            "backup.amazonaws.com",
            "budgets.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "costalerts.amazonaws.com",
            "events.amazonaws.com",
            "events.rds.amazonaws.com",
        },
    ),
    DataClass.REGISTRY: ({"ecr"}, set()),
}
"""Written out a second time on purpose: one more user of a key is a decision, and this is where it is taken."""


@pytest.mark.parametrize("kind", list(DataClass))
def test_exactly_the_services_that_use_a_key_are_admitted(kind: DataClass) -> None:
    through, own = DOCUMENTED[kind]
    found = statements(kind)
    via = found.get("AccountUsesThroughServices", {"Condition": {"StringEquals": {"kms:ViaService": []}}})
    assert via["Condition"]["StringEquals"]["kms:ViaService"] == sorted(f"{name}.eu-west-1.amazonaws.com" for name in through)
    assert {item["Principal"]["Service"] for item in found.values() if "Service" in item["Principal"]} == own
    wildcards = {sid for sid, item in found.items() if "*" in item["Principal"].values()}
    assert wildcards == ({"AutoScalingUsesVolumes", "AutoScalingGrantsToVolumes"} if ADMITTED[kind].roles else set())


@pytest.mark.parametrize("kind", list(DataClass))
def test_the_accounts_iam_uses_a_key_through_services_alone(kind: DataClass) -> None:
    """A role that may decrypt cannot do so with a call of its own."""
    for sid, statement in statements(kind).items():
        if statement["Principal"] != ROOT_USER:
            continue
        used = [action for action in USING if allows(statement, action)]
        if sid == "AccountUsesThroughServices":
            assert tuple(statement["Action"]) == THROUGH
            assert list(statement["Condition"]) == ["StringEquals"]
            assert list(statement["Condition"]["StringEquals"]) == ["kms:ViaService"]
        elif sid == "AccountLetsServicesGrant":
            assert used == ["kms:CreateGrant"]
            assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        elif sid == "ShellChannels":
            # The channel of a session is the one thing for which KMS is called without a service between.
            assert used == ["kms:Decrypt", "kms:GenerateDataKey"]
            assert statement["Condition"] == {"StringLike": {"kms:EncryptionContext:aws:ssm:TargetId": "ecs:*"}}
        else:
            assert used == []


def test_copies_may_be_worked_from_either_end() -> None:
    found = statements(DataClass.SECRETS, other_regions=["us-west-2"])["AccountUsesThroughServices"]
    assert found["Condition"]["StringEquals"]["kms:ViaService"] == [
        "secretsmanager.eu-west-1.amazonaws.com",
        "secretsmanager.us-west-2.amazonaws.com",
        "ssm.eu-west-1.amazonaws.com",
        "ssm.us-west-2.amazonaws.com",
    ]


def test_log_groups_are_bound_by_encryption_context() -> None:
    patterns = log_group_patterns(prefix="nautilus-prod", path="/nautilus/prod")
    condition = statements(DataClass.LOGS, log_groups=patterns)["LogGroups"]["Condition"]
    [(operator, keys)] = condition.items()
    assert (operator, list(keys)) == ("ArnLike", ["kms:EncryptionContext:aws:logs:arn"])
    accepted = keys["kms:EncryptionContext:aws:logs:arn"]

    def opens(name: str, region: str = "eu-west-1", account: str = "123456789012") -> bool:
        return any(fnmatch.fnmatchcase(f"arn:aws:logs:{region}:{account}:log-group:{name}", one) for one in accepted)

    for name in (
        "/nautilus/prod/backend",
        "/aws/lambda/nautilus-prod-rollout-hook",
        "/aws/rds/instance/nautilus-prod-postgres/postgresql",
        "aws-waf-logs-nautilus-prod-regional",
        "/aws/route53/nautilus.example.com",
    ):
        assert opens(name), name
    for name in ("/nautilus/staging/backend", "/aws/lambda/nautilus-staging-hook", "/aws/lambda/other", "aws-waf-logs-other", "x"):
        assert not opens(name), name
    assert not opens("/nautilus/prod/backend", region="us-east-1")
    assert not opens("/nautilus/prod/backend", account="999999999999")


def test_a_key_of_logs_without_log_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        key_policy(DataClass.LOGS, HERE, log_groups=())


def test_the_origin_access_may_only_decrypt_and_only_for_our_distributions() -> None:
    statement = statements(DataClass.STORAGE)["OriginAccess"]
    assert statement["Action"] == ["kms:Decrypt"]
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/*"}}


def test_fargate_encrypts_the_scratch_disks_of_our_own_clusters_alone() -> None:
    found = statements(DataClass.STORAGE)
    for sid, action in (("TaskStorage", "kms:GenerateDataKeyWithoutPlaintext"), ("TaskStorageGrants", "kms:CreateGrant")):
        assert found[sid]["Action"] == [action]
        assert found[sid]["Condition"]["StringEquals"] == {"kms:EncryptionContext:aws:ecs:clusterAccount": "123456789012"}
    assert found["TaskStorageGrants"]["Condition"]["ForAllValues:StringEquals"] == {"kms:GrantOperations": ["Decrypt"]}


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


@given(kind=st.sampled_from(list(DataClass)), place=places, others=st.lists(st.sampled_from(["us-west-2", "eu-west-3"]), max_size=2))
def test_no_principal_is_open_and_no_other_account_is_named(kind: DataClass, place: Place, others: list[str]) -> None:
    for sid, statement in statements(kind, place, other_regions=others).items():
        if statement["Principal"] in ("*", {"AWS": "*"}):
            assert statement["Condition"]["StringEquals"]["kms:CallerAccount"] == place.account
            assert "aws:PrincipalArn" in statement["Condition"]["ArnLike"]
        elif "Service" in statement["Principal"] and sid != "EventsPublish":
            assert place.account in json.dumps(statement["Condition"])
        assert "kms:*" not in statement["Action"]
    text = json.dumps(key_policy(kind, place, other_regions=others))
    assert text.count('"arn:') == text.count(f'"arn:{place.partition}:')
    assert len(text) < 32_768, "KMS takes key policies of up to 32 KB"


@given(kind=st.sampled_from(list(DataClass)), place=places)
def test_no_statement_admits_a_service_outside_of_the_table(kind: DataClass, place: Place) -> None:
    listed = {name.format(region=place.region) for name in ADMITTED[kind].services}
    for statement in statements(kind, place).values():
        if "Service" in statement["Principal"]:
            assert statement["Principal"]["Service"] in listed
        for name in statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", []):
            assert name.removesuffix(f".{place.region}.amazonaws.com") in ADMITTED[kind].through


def test_every_class_has_its_line() -> None:
    assert set(ADMITTED) == set(HOLDS) == set(DataClass)


def test_copies_to_the_second_region_have_their_keys() -> None:
    assert {DataClass.DATABASE, DataClass.SECRETS, DataClass.BACKUP} == SECOND_REGION


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (ROOT / "docs/keys.md").read_text()
    assert table() in page, "docs/keys.md is out of date: copy what infra.plan.key_policies.table() gives"
    assert all(f"| `{kind}` |" in page for kind in DataClass)
