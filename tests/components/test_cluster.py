"""The ECS cluster."""

from __future__ import annotations

from infra.components.cluster import Cluster
from tests.components.compute import ACCOUNT, KEY, REGION, Stack, context, synth

STORAGE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/2"


def build(storage_key_arn: str | None = None) -> Stack:
    return synth(lambda: Cluster("apps", context(), log_key_arn=KEY, storage_key_arn=storage_key_arn) and None)


def test_the_cluster_is_observed_and_its_sessions_are_audited() -> None:
    made = build().one("Cluster", "apps")
    assert made["name"] == "nautilus-dev-apps"
    assert made["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert made["configuration"]["executeCommandConfiguration"] == {
        "kmsKeyId": KEY,
        "logging": "OVERRIDE",
        "logConfiguration": {"cloudWatchEncryptionEnabled": True, "cloudWatchLogGroupName": "/nautilus/dev/apps/exec"},
    }


def test_scratch_disks_are_encrypted_by_the_key_that_is_given() -> None:
    made = build(STORAGE_KEY).one("Cluster", "apps")
    assert made["configuration"]["managedStorageConfiguration"] == {"fargateEphemeralStorageKmsKeyId": STORAGE_KEY}
    assert "managedStorageConfiguration" not in build().one("Cluster", "apps")["configuration"]


def test_container_insights_finds_its_log_group_already_encrypted() -> None:
    stack = build()
    insights = stack.one("LogGroup", "apps-insights-log")
    assert insights["name"] == "/aws/ecs/containerinsights/nautilus-dev-apps/performance"
    assert insights["kmsKeyId"] == KEY
    assert "apps-insights-log" in stack.one("Cluster").depends_on


def test_no_spot_capacity_exists() -> None:
    made = build().one("ClusterCapacityProviders")
    assert made["capacityProviders"] == ["FARGATE"]
    assert made["defaultCapacityProviderStrategies"] == [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}]


def test_services_find_each_other_in_a_namespace() -> None:
    assert build().one("HttpNamespace")["name"] == "nautilus-dev-apps"
