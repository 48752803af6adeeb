"""Container repositories."""

from __future__ import annotations

import json

import pytest

from infra.components.registry import LIFECYCLE, Registry
from tests.components.compute import ACCOUNT, DIGEST, KEY, REGION, Stack, context, synth


def build(*, unlocked: bool = False) -> Stack:
    def run() -> dict[str, object]:
        registry = Registry("registry", context(unlocked=unlocked), repositories=("backend", "ib-gateway"), key_arn=KEY)
        return {"url": registry.url("backend"), "arn": registry.arn("ib-gateway"), "image": registry.image("backend", DIGEST)}

    return synth(run)


def test_tags_cannot_be_moved_and_every_push_is_scanned_and_encrypted() -> None:
    stack = build()
    assert {made["name"] for made in stack.all("Repository")} == {"nautilus-dev/backend", "nautilus-dev/ib-gateway"}
    for made in stack.all("Repository"):
        assert made["imageTagMutability"] == "IMMUTABLE"
        assert made["imageScanningConfiguration"] == {"scanOnPush": True}
        assert made["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]


@pytest.mark.parametrize("unlocked", [False, True])
def test_images_survive_a_destroy_unless_the_stack_is_unlocked(unlocked: bool) -> None:
    for made in build(unlocked=unlocked).all("Repository"):
        assert (made.protect, made.retain, made["forceDelete"]) == (not unlocked, not unlocked, unlocked)


def test_releases_are_kept_for_rollbacks_and_leftovers_go() -> None:
    untagged, tagged = (rule["selection"] for rule in json.loads(LIFECYCLE)["rules"])
    assert (untagged["tagStatus"], untagged["countNumber"], untagged["countUnit"]) == ("untagged", 14, "days")
    assert (tagged["tagStatus"], tagged["tagPatternList"], tagged["countNumber"]) == ("tagged", ["*"], 30)
    assert [made["policy"] for made in build().all("LifecyclePolicy")] == [LIFECYCLE, LIFECYCLE]


def test_images_are_addressed_by_digest() -> None:
    url = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-dev/backend"
    assert build().outputs == {
        "url": url,
        "arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/nautilus-dev/ib-gateway",
        "image": f"{url}@{DIGEST}",
    }


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="named twice"):
        synth(lambda: Registry("registry", context(), repositories=("a", "a"), key_arn=KEY) and None)
