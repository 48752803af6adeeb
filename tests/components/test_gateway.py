"""The broker's gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.cluster import Cluster
from infra.components.gateway import Gateway
from infra.settings.workloads import Services, Trading, TradingMode
from tests.components.compute import KEY, SECRET, SUBNETS, Stack, context, image, synth


def build(*, mode: TradingMode = TradingMode.PAPER, unlocked: bool = False, **more: Any) -> Stack:
    def run() -> None:
        ctx = context(unlocked=unlocked)
        given: dict[str, Any] = {
            "settings": Services().ib_gateway,
            "trading": Trading(mode=mode),
            "cluster": Cluster("apps", ctx, log_key_arn=KEY),
            "image": image("ib-gateway"),
            "environment": {},
            "secrets": {"TWS_PASSWORD": SECRET},
            "secret_key_arn": KEY,
            "subnet_ids": SUBNETS,
            "group_id": "sg-gateway",
            "files_subnet_ids": ["data-a", "data-b", "data-c"],
            "files_group_id": "sg-files",
            "files_key_arn": KEY,
            "log_key_arn": KEY,
        }
        Gateway("gateway", ctx, **{**given, **more})

    return synth(run)


def containers(stack: Stack) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(stack.one("TaskDefinition")["containerDefinitions"])}


@pytest.mark.parametrize(("mode", "inside", "between"), [(TradingMode.PAPER, 4002, 4004), (TradingMode.LIVE, 4001, 4003)])
def test_ports_and_login_follow_the_trading_mode(mode: TradingMode, inside: int, between: int) -> None:
    stack = build(mode=mode)
    found = containers(stack)
    assert found["ib-gateway"]["portMappings"][0]["containerPort"] == between
    assert f"/dev/tcp/127.0.0.1/{inside}" in found["ib-gateway-watch"]["command"][0]
    assert {"name": "TRADING_MODE", "value": mode.value} in found["ib-gateway"]["environment"]
    service = stack.one("Service")["serviceConnectConfiguration"]["services"][0]
    assert service["clientAlias"] == [{"port": between, "dnsName": "ib-gateway"}]


def test_a_lost_login_is_reported_and_kills_nothing() -> None:
    found = containers(build())
    assert [name for name, one in found.items() if "healthCheck" in one] == []
    watch = found["ib-gateway-watch"]
    assert watch["essential"] is False
    assert watch["image"] == found["ib-gateway"]["image"]
    assert watch["entryPoint"] == ["bash", "-c"]
    assert watch["secrets"] == [], "the watch must not hold the login"
    values = {one["name"]: one["value"] for one in found["ib-gateway"]["environment"]}
    assert (values["TWOFA_TIMEOUT_ACTION"], values["RELOGIN_AFTER_TWOFA_TIMEOUT"]) == ("exit", "no")
    assert not any("VNC" in name for name in values)


def test_the_session_outlives_the_task_encrypted_in_transit_and_at_rest() -> None:
    stack = build()
    files = stack.one("FileSystem")
    assert (files["encrypted"], files["kmsKeyId"]) == (True, KEY)
    assert stack.one("BackupPolicy")["backupPolicy"] == {"status": "DISABLED"}
    [scratch, sessions] = stack.one("TaskDefinition")["volumes"]
    assert scratch == {"name": "scratch"}
    assert sessions["efsVolumeConfiguration"] == {
        "fileSystemId": "gateway-files-id",
        "transitEncryption": "ENABLED",
        "authorizationConfig": {"accessPointId": "gateway-files-access-id", "iam": "ENABLED"},
    }
    mounts = {mount["containerPath"]: mount["sourceVolume"] for mount in containers(stack)["ib-gateway"]["mountPoints"]}
    values = {one["name"]: one["value"] for one in containers(stack)["ib-gateway"]["environment"]}
    assert mounts == {"/tmp": "scratch", "/sessions": "files"}
    assert values["TWS_SETTINGS_PATH"] == "/sessions"


def test_every_zone_has_a_mount_target_before_the_task_starts() -> None:
    stack = build()
    targets = stack.all("MountTarget")
    assert sorted(made["subnetId"] for made in targets) == ["data-a", "data-b", "data-c"]
    assert {tuple(made["securityGroups"]) for made in targets} == {("sg-files",)}
    assert {made.name for made in targets} <= set(stack.one("Service").depends_on)


def test_only_the_gateways_role_mounts_and_only_as_user_10001() -> None:
    stack = build()
    access = stack.one("AccessPoint")
    assert access["posixUser"] == {"uid": 10001, "gid": 10001}
    assert access["rootDirectory"]["creationInfo"] == {"ownerUid": 10001, "ownerGid": 10001, "permissions": "0700"}
    own = stack.one("FileSystemPolicy").document("policy")
    assert own["MountThroughAccessPoint"]["Principal"] == {"AWS": "arn:gateway-singleton-task-role"}
    [mount] = stack.one("RolePolicy", "gateway-singleton-task-policy-files").document("policy").values()
    assert mount["Resource"] == "arn:gateway-files"


@pytest.mark.parametrize("unlocked", [False, True])
def test_the_session_is_protected_until_the_stack_is_unlocked(unlocked: bool) -> None:
    made = build(unlocked=unlocked).one("FileSystem")
    assert (made.protect, made.retain) == (not unlocked, not unlocked)


def test_a_zone_without_a_data_subnet_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        build(files_subnet_ids=["data-a"])


def test_settings_of_the_caller_win() -> None:
    values = {one["name"]: one["value"] for one in containers(build(environment={"TIME_ZONE": "UTC"}))["ib-gateway"]["environment"]}
    assert values["TIME_ZONE"] == "UTC"
