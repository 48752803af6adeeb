"""The platform as a whole, on mocks: what holds across components."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import jsonschema
import pytest
from syrupy.assertion import SnapshotAssertion

from infra.outputs import SCHEMA_FILE, schema
from policies.testing import evaluate, simulated
from tests.conftest import ROOT, changed, stack, synthesised

pytestmark = pytest.mark.whole

HOLDS_DATA = {
    "aws:rds/instance:Instance",
    "aws:ebs/volume:Volume",
    "aws:kms/key:Key",
    "aws:s3/bucket:Bucket",
    "aws:dynamodb/table:Table",
    "aws:efs/fileSystem:FileSystem",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:backup/vault:Vault",
    "aws:secretsmanager/secret:Secret",
    "aws:ecr/repository:Repository",
    "aws:route53/zone:Zone",
}
IMAGE = "sha256:" + "ab" * 32


def types(recording: Any) -> Counter[str]:
    return Counter(item.type for item in recording if item.custom)


def test_urns_are_stable(local_platform: Any, snapshot: SnapshotAssertion) -> None:
    """A rename without an alias would replace resources: it changes this snapshot."""
    assert "\n".join(sorted(item.urn.split("::", 2)[2] for item in local_platform)) == snapshot


@pytest.mark.parametrize("name", ["staging", "paper", "prod"])
def test_every_stack_has_the_pieces_of_the_platform(name: str, local_platform: Any) -> None:
    queries = {
        f"aws:route53/{kind[0].lower()}{kind[1:]}:{kind}" for kind in ("ResolverQueryLogConfig", "ResolverQueryLogConfigAssociation")
    }
    copies = {"aws:s3/bucketReplicationConfig:BucketReplicationConfig"}
    made = set(types(synthesised(stack(name)))) - queries
    assert made | copies == set(types(local_platform)), "`local` keeps no log of its DNS questions"
    assert (copies <= made) is (name == "prod"), "production keeps a second region"


def test_what_holds_data_is_protected_and_retained(local_platform: Any) -> None:
    data = [item for item in local_platform if item.type in HOLDS_DATA]
    assert {item.type for item in data} == HOLDS_DATA
    assert [item.name for item in data if not (item.protect and item.retain_on_delete)] == []


def test_the_one_unlock_clears_every_protection() -> None:
    unlocked = synthesised(changed("local", unlock=True))
    assert [item.name for item in unlocked if item.protect or item.retain_on_delete] == []
    still = [
        f"{item.name}.{key}"
        for item in unlocked
        for key in ("deletionProtection", "deletionProtectionEnabled", "enableDeletionProtection")
        if item.inputs.get(key) is True
    ]
    assert still == []
    assert [bucket.name for bucket in unlocked.by_type("aws:s3/bucket:Bucket") if bucket.inputs.get("forceDestroy") is not True] == []


def test_unlocking_changes_no_identity(local_platform: Any) -> None:
    unlocked = synthesised(changed("local", unlock=True))
    assert sorted(unlocked.urns()) == sorted(local_platform.urns())


def without_images() -> dict[str, Any]:
    """The section `services` of `local` without a digest."""
    found = changed("local").services.model_dump()
    return {
        key: {**value, "image_digest": None} if isinstance(value, dict) and "image_digest" in value else value
        for key, value in found.items()
    }


def test_foundation_needs_no_image() -> None:
    bare = without_images()
    recording = synthesised(changed("local", platform={"phase": "foundation"}, services=bare))
    made = types(recording)
    assert not any(token.startswith(("aws:ecs/service", "aws:ecs/taskDefinition", "aws:lb/", "aws:cloudfront/")) for token in made)
    assert made["aws:rds/instance:Instance"] == 2
    assert made["aws:acm/certificateValidation:CertificateValidation"] == 0
    assert "serviceNames" not in recording.exports
    jsonschema.validate(recording.exports, schema())


def test_services_without_an_image_are_refused_by_name() -> None:
    bare = without_images()
    with pytest.raises(ValueError, match=r"backend\.imageDigest"):
        synthesised(changed("local", services=bare))


def test_the_second_phase_only_adds(local_platform: Any) -> None:
    foundation = synthesised(changed("local", platform={"phase": "foundation"}))
    assert set(foundation.urns()) <= set(local_platform.urns())


def test_timescale_can_be_left_out() -> None:
    recording = synthesised(changed("local", timescale={"enabled": False}))
    assert types(recording)["aws:ebs/volume:Volume"] == 0
    assert not [item for item in recording if "timescale" in item.name and item.type.startswith("aws:vpc/")]


def test_outputs_keep_their_contract(local_platform: Any) -> None:
    jsonschema.validate(local_platform.exports, schema())
    assert json.loads((ROOT / SCHEMA_FILE).read_text()) == schema()


def test_every_output_is_a_parameter_too(local_platform: Any) -> None:
    prefix = local_platform.exports["parameterPrefix"]
    parameters = {item.inputs["name"]: item.inputs["value"] for item in local_platform.by_type("aws:ssm/parameter:Parameter")}
    published = {name for name in parameters if name.startswith(f"{prefix}/")}
    assert {f"{prefix}/{key}" for key in local_platform.exports} == published
    assert json.loads(parameters[f"{prefix}/natAddresses"]) == local_platform.exports["natAddresses"]
    assert all(parameters.values())


def test_no_secret_value_leaves_the_stack(local_platform: Any) -> None:
    values = {item.outputs["result"] for item in local_platform.by_type("random:index/randomPassword:RandomPassword")}
    assert len(values) >= 5
    text = json.dumps(local_platform.exports)
    assert not [value for value in values if value in text]
    for item in local_platform.by_type("aws:ecs/taskDefinition:TaskDefinition"):
        assert not [value for value in values if value in json.dumps(item.inputs)]


def test_every_log_group_is_encrypted_and_kept(local_platform: Any) -> None:
    groups = local_platform.by_type("aws:cloudwatch/logGroup:LogGroup")
    assert len(groups) > 8
    for group in groups:
        assert group.inputs["retentionInDays"] >= 90, group.name
        assert group.inputs["kmsKeyId"], group.name


def test_every_alarm_tells_someone(local_platform: Any) -> None:
    topics = {item.outputs["arn"] for item in local_platform.by_type("aws:sns/topic:Topic")}
    for alarm in local_platform.by_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert set(alarm.inputs["alarmActions"]) <= topics, alarm.name
        assert alarm.inputs["alarmActions"], alarm.name


def test_backups_cover_what_holds_data(local_platform: Any) -> None:
    chosen = {arn for item in local_platform.by_type("aws:backup/selection:Selection") for arn in item.inputs.get("resources") or []}
    supported = {"aws:rds/instance:Instance", "aws:dynamodb/table:Table", "aws:efs/fileSystem:FileSystem", "aws:ebs/volume:Volume"}
    missing = [
        item.name
        for item in local_platform
        if item.type in supported
        and item.outputs["arn"] not in chosen
        and not item.inputs.get("replicateSourceDb")
        and "etcd" not in item.name
    ]
    assert missing == []


def test_every_resource_stands_under_a_component(local_platform: Any) -> None:
    loose = [
        item.name for item in local_platform if item.custom and not item.type.startswith("pulumi:") and "nautilus:infra:" not in item.parent
    ]
    assert loose == []


def test_rollouts_and_singletons(local_platform: Any) -> None:
    services = {item.inputs["name"]: item for item in local_platform.by_type("aws:ecs/service:Service")}
    for name in ("nautilus-local-engine", "nautilus-local-ib-gateway"):
        assert services[name].inputs["desiredCount"] == 1
        assert services[name].inputs["deploymentMaximumPercent"] == 100
        assert services[name].inputs["deploymentMinimumHealthyPercent"] == 0
        assert services[name].inputs["availabilityZoneRebalancing"] == "DISABLED"
    for name in ("nautilus-local-backend", "nautilus-local-frontend"):
        assert services[name].inputs["deploymentConfiguration"]["strategy"] == "LINEAR"
        assert "desiredCount" in services[name].ignore_changes


@pytest.mark.parametrize("name", ["local", "staging", "paper", "prod"])
def test_the_policy_pack_finds_nothing(name: str) -> None:
    assert [str(finding) for finding in evaluate(simulated(synthesised(stack(name))))] == []
