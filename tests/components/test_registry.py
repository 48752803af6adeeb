"""Container repositories."""

from __future__ import annotations

import json

import pytest

from infra.components.registry import LIFECYCLE, Registry, ScanWatch
from infra.plan.alarms import Metric, registry_alarms
from infra.settings.registry import Registry as Settings
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


def signed(**settings: object) -> Stack:
    def run() -> dict[str, object]:
        made = Registry("registry", context(), repositories=("backend",), key_arn=KEY, settings=Settings.model_validate(settings))
        return {"profile": made.signing_profile_arn}

    return synth(run)


def test_a_signing_profile_exists_where_signatures_are_required() -> None:
    stack = signed(signing="required", signatureMonths=36)
    [profile] = stack.all("SigningProfile")
    assert profile["platformId"] == "Notation-OCI-SHA384-ECDSA"
    assert profile["signatureValidityPeriod"] == {"type": "MONTHS", "value": 36}
    assert profile["namePrefix"] == "nautilus_dev_images_", "a cancelled profile keeps its name for ever"
    assert "profile" in stack.outputs
    assert signed().all("SigningProfile") == []


@pytest.mark.parametrize("signing", ["off", "required"])
def test_the_pipelines_policy_pushes_and_signs_no_more_than_it_must(signing: str) -> None:
    [policy] = signed(signing=signing).all("Policy")
    statements = {one["Sid"]: one for one in json.loads(policy["policy"])["Statement"]}
    assert statements["PushAndRead"]["Resource"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/nautilus-dev/backend"
    assert not any("Delete" in action or "Policy" in action for action in statements["PushAndRead"]["Action"])
    assert ("Sign" in statements) is (signing == "required")


def test_critical_findings_of_both_scanners_reach_the_topic() -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:critical"
    watch: list[ScanWatch] = []

    def run() -> dict[str, object]:
        watch.append(ScanWatch("scan-watch", context(), topic_arn=topic))
        return {}

    stack = synth(run)
    rules = {made["name"]: json.loads(made["eventPattern"]) for made in stack.all("EventRule")}
    assert rules["nautilus-dev-scan-watch-scan"]["detail"] == {
        "repository-name": [{"prefix": "nautilus-dev/"}],
        "finding-severity-counts": {"CRITICAL": [{"numeric": [">", 0]}]},
    }
    assert rules["nautilus-dev-scan-watch-enhanced"]["detail"]["severity"] == ["CRITICAL"]
    assert {made["arn"] for made in stack.all("EventTarget")} == {topic}
    assert {one.source.dimensions[0][1] for one in registry_alarms(rules=watch[0].rules) if isinstance(one.source, Metric)} == set(rules)
