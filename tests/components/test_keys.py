"""KMS keys: one a class, rotated, protected, with a twin where copies go."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.components.keys import DataClass, Keys
from infra.plan.key_policies import ADMITTED, SECOND_REGION, Place, key_policy, log_group_patterns
from tests.components.data import ACCOUNT, context, protected, synth


def build() -> dict[str, Any]:
    keys = Keys("keys", context())
    return {
        "logs": keys.arn(DataClass.LOGS),
        "id": keys.key_id(DataClass.CACHE),
        "dr": keys.dr_arn(DataClass.BACKUP),
    }


def test_one_key_a_class_and_a_twin_for_what_is_copied() -> None:
    stack = synth(build)
    twins = {"keys-database-dr", "keys-secrets-dr", "keys-backup-dr"}
    assert set(stack.names("kms.Key")) == {f"keys-{kind}" for kind in DataClass} | twins
    assert {one.name for one in stack.all("kms.Key") if one.inputs.get("region") == "us-west-2"} == twins
    assert all("region" not in one.inputs for one in stack.all("kms.Key") if one.name not in twins)


def test_every_key_rotates_and_dies_slowly() -> None:
    for one in synth(build).all("kms.Key"):
        assert one["enableKeyRotation"] is True
        assert one["deletionWindowInDays"] == 30


def test_policies_are_those_of_class_and_region() -> None:
    stack = synth(build)
    here, there = Place(ACCOUNT, "us-east-1"), Place(ACCOUNT, "us-west-2")
    patterns = log_group_patterns(prefix="nautilus-prod", path="/nautilus/prod")
    assert json.loads(stack.one("kms.Key", "keys-logs")["policy"]) == key_policy(DataClass.LOGS, here, log_groups=patterns)
    assert json.loads(stack.one("kms.Key", "keys-cache")["policy"]) == key_policy(DataClass.CACHE, here)
    for name, place, other in (("keys-database", here, there), ("keys-database-dr", there, here)):
        expected = key_policy(DataClass.DATABASE, place, other_regions=[other.region])
        assert json.loads(stack.one("kms.Key", name)["policy"]) == expected


def test_a_global_datastore_gives_the_cache_a_key_in_the_second_region() -> None:
    def with_cache() -> dict[str, Any]:
        keys = Keys("keys", context(), second_region=SECOND_REGION | {DataClass.CACHE})
        return {"dr": keys.dr_arn(DataClass.CACHE)}

    stack = synth(with_cache)
    assert stack.one("kms.Key", "keys-cache-dr").inputs["region"] == "us-west-2"
    assert stack.outputs["dr"].endswith(":key/keys-cache-dr")
    policy = stack.one("kms.Key", "keys-cache-dr")["policy"]
    assert "elasticache.us-west-2.amazonaws.com" in policy
    assert "elasticache.us-east-1.amazonaws.com" in policy


def test_aliases_name_stack_and_class_in_both_regions() -> None:
    stack = synth(build)
    assert stack.one("kms.Alias", "keys-cache-alias")["name"] == "alias/nautilus-prod-cache"
    twin = stack.one("kms.Alias", "keys-backup-dr-alias")
    assert (twin["name"], twin["region"], twin["targetKeyId"]) == ("alias/nautilus-prod-backup", "us-west-2", "id-of-keys-backup-dr")


def test_keys_are_protected_until_the_stack_is_unlocked() -> None:
    assert protected(synth(build)) == set(synth(build).names("kms.Key"))
    assert protected(synth(lambda: {"k": Keys("keys", context(unlocked=True)).arn(DataClass.LOGS)})) == set()


def test_keys_are_found_by_class() -> None:
    outputs = synth(build).outputs
    assert outputs["logs"].endswith(":key/keys-logs")
    assert outputs["id"] == "id-of-keys-cache"
    assert outputs["dr"] == "arn:aws:kms:us-west-2:123456789012:key/keys-backup-dr"


def test_a_class_that_is_not_copied_has_no_key_in_the_second_region() -> None:
    def wrong() -> dict[str, Any]:
        return {"dr": Keys("keys", context()).dr_arn(DataClass.LOGS)}

    with pytest.raises(ValueError, match="no key for logs in us-west-2"):
        synth(wrong)


SERVICE = {
    "backup": "backup",
    "cloudtrail": "cloudtrail.amazonaws.com",
    "cloudwatch": "logs.us-east-1.amazonaws.com",
    "dynamodb": "dynamodb",
    "ebs": "ec2",
    "ec2": "ec2",
    "ecr": "ecr",
    "efs": "elasticfilesystem",
    "elasticache": "elasticache",
    "rds": "rds",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
}
"""By which service a resource of each module of the provider uses its key."""

WITHOUT_A_RESOURCE = {
    (DataClass.CACHE, "dax"): "ElastiCache calls KMS under this name too (its user guide)",
    (DataClass.SECRETS, "ssm"): "the authority of TimescaleDB's nodes, an encrypted parameter that no stack owns",
    (DataClass.DATABASE, "backup"): "a recovery point of the leases' table is made and restored by AWS Backup",
    (DataClass.DATABASE, "secretsmanager"): "a password that RDS manages itself: a setting",
    (DataClass.STORAGE, "backup"): "a recovery point of a file system",
    (DataClass.STORAGE, "appconfigdata"): "a task reads a document: the policy of its role names the key",
    (DataClass.STORAGE, "cloudfront.amazonaws.com"): "origin access: the bucket's policy names the distribution, not the key",
    **{
        (DataClass.BACKUP, service): "recovery points that AWS Backup does not manage itself are copied under the vault's key"
        for service in ("dynamodb", "ec2", "elasticfilesystem", "rds")
    },
    **{(DataClass.MESSAGING, service): "publishes to the topics" for service in ADMITTED[DataClass.MESSAGING].services},
}
"""Users of a key that show in no resource's properties, and why they are admitted."""

NO_USE = {"iam", "kms", "ssm"}
"""Modules whose resources name a key and use none: policies, aliases, published parameters."""


def keyed(value: Any, name: str = "") -> Iterator[str]:
    """Every text under a property that names a key."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from keyed(item, key if re.search("kms|encrypt", key, re.IGNORECASE) else name)
    elif isinstance(value, list):
        for item in value:
            yield from keyed(item, name)
    elif isinstance(value, str) and name:
        yield value


@pytest.mark.whole
def test_every_use_of_a_key_is_admitted_and_nobody_else_is(local_platform: Any) -> None:
    resources = [item for item in local_platform.resources if item.type.startswith("aws:")]
    classes = {
        item.outputs["arn"]: DataClass(item.name.removeprefix("keys-").removesuffix("-dr"))
        for item in resources
        if item.type == "aws:kms/key:Key" and item.name.startswith("keys-")
    }
    assert set(classes.values()) == set(DataClass)
    used: set[tuple[DataClass, str]] = set()
    for item in resources:
        module = item.type.split(":")[1].split("/")[0]
        if module in NO_USE:
            continue
        if item.type == "aws:ecs/cluster:Cluster":
            # Shells' channels are no service's use: the statement ShellChannels admits the task and the person themselves.
            disks = item.inputs["configuration"]["managedStorageConfiguration"]["fargateEphemeralStorageKmsKeyId"]
            used.add((classes[disks], "fargate.amazonaws.com"))
            assert classes[item.inputs["configuration"]["executeCommandConfiguration"]["kmsKeyId"]] is DataClass.LOGS
            continue
        for text in keyed(item.inputs):
            if text in classes:
                used.add((classes[text], SERVICE.get(module, module)))
    admitted = {
        (kind, name.format(region="us-east-1")) for kind in DataClass for name in (*ADMITTED[kind].through, *ADMITTED[kind].services)
    }
    assert used <= admitted, f"would be refused by AWS: {sorted(used - admitted)}"
    assert admitted - used == set(WITHOUT_A_RESOURCE), sorted(admitted - used ^ set(WITHOUT_A_RESOURCE))
    assert not [item.name for item in resources if item.type == "aws:ecs/service:Service" and item.inputs.get("enableExecuteCommand")]


@pytest.mark.whole
def test_every_log_group_under_the_key_is_one_that_its_policy_knows(local_platform: Any) -> None:
    [key] = [item for item in local_platform.resources if item.type == "aws:kms/key:Key" and item.name == "keys-logs"]
    [statement] = [one for one in json.loads(key.inputs["policy"])["Statement"] if one["Sid"] == "LogGroups"]
    accepted = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    groups = [
        item
        for item in local_platform.resources
        if item.type == "aws:cloudwatch/logGroup:LogGroup" and item.inputs.get("kmsKeyId") == key.outputs["arn"]
    ]
    assert len(groups) > 10
    prefix = key.outputs["arn"].split(":key/")[0].replace(":kms:", ":logs:")
    for item in groups:
        arn = f"{prefix}:log-group:{item.inputs['name']}"
        assert any(fnmatch.fnmatchcase(arn, pattern) for pattern in accepted), item.inputs["name"]
