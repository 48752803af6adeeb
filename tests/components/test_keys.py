"""KMS keys: one a class, rotated, protected, with a twin where copies go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.keys import DataClass, Keys
from infra.plan.key_policies import Place, key_policy
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
    assert json.loads(stack.one("kms.Key", "keys-logs")["policy"]) == key_policy(DataClass.LOGS, here)
    assert json.loads(stack.one("kms.Key", "keys-database-dr")["policy"]) == key_policy(DataClass.DATABASE, there)


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
