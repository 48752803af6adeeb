"""The broker's gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.cluster import Cluster
from infra.components.gateway import Gateway
from infra.components.singleton import Fence, LeaseTable
from infra.settings.broker import RestartWindow, Watchdog
from infra.settings.trading import Trading, TradingMode
from infra.settings.workloads import IbGateway
from tests.components.compute import KEY, SECRET, SUBNETS, Stack, context, image, synth


def build(*, mode: TradingMode = TradingMode.PAPER, unlocked: bool = False, settings: IbGateway | None = None, **more: Any) -> Stack:
    def run() -> None:
        ctx = context(unlocked=unlocked)
        given: dict[str, Any] = {
            "settings": settings or IbGateway(),
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
            "fence": Fence(ctx=ctx, image=image("watchdog"), settings=Watchdog(), table=LeaseTable("leases", ctx, key_arn=KEY)),
        }
        Gateway("gateway", ctx, **{**given, **more})

    return synth(run)


ACTIVE, STANDBY = "gateway-singleton", "gateway-standby"


def containers(stack: Stack, task: str = ACTIVE) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(stack.one("TaskDefinition", f"{task}-task-definition")["containerDefinitions"])}


@pytest.mark.parametrize(("mode", "inside", "between"), [(TradingMode.PAPER, 4002, 4004), (TradingMode.LIVE, 4001, 4003)])
def test_ports_and_login_follow_the_trading_mode(mode: TradingMode, inside: int, between: int) -> None:
    found = containers(build(mode=mode))
    assert found["ib-gateway"]["portMappings"][0]["containerPort"] == between
    assert f"/dev/tcp/127.0.0.1/{inside}" in found["ib-gateway-watch"]["command"][0]
    assert {"name": "TRADING_MODE", "value": mode.value} in found["ib-gateway"]["environment"]


def test_active_and_standby_are_two_services_of_one_task_each_and_share_no_zone() -> None:
    stack = build()
    services = {made.name: made for made in stack.all("Service")}
    assert set(services) == {f"{ACTIVE}-service", f"{STANDBY}-service"}
    zones: list[set[str]] = []
    for made in services.values():
        assert made["desiredCount"] == 1
        assert (made["deploymentMinimumHealthyPercent"], made["deploymentMaximumPercent"]) == (0, 100)
        assert made["availabilityZoneRebalancing"] == "DISABLED"
        assert made["networkConfiguration"]["securityGroups"] == ["sg-gateway"]
        zones.append(set(made["networkConfiguration"]["subnets"]))
    assert zones[0]
    assert zones[1]
    assert not zones[0] & zones[1]
    assert zones[0] | zones[1] == set(SUBNETS)
    assert {made["name"] for made in services.values()} == {"nautilus-dev-ib-gateway", "nautilus-dev-ib-gateway-standby"}


@pytest.mark.parametrize("task", [ACTIVE, STANDBY])
def test_nothing_logs_in_before_its_task_holds_the_lease(task: str) -> None:
    found = containers(build(), task)
    [main] = [one for name, one in found.items() if name not in ("watchdog", f"{name.removesuffix('-watch')}-watch")]
    assert main["command"][:2] == ["bash", "-c"]
    assert main["command"][2].endswith("exec scripts/run.sh")
    assert "GET /held" in main["command"][2]
    assert main["dependsOn"] == [{"containerName": "watchdog", "condition": "START"}]
    assert main["stopTimeout"] + found["watchdog"]["stopTimeout"] <= 120
    watchdog = found["watchdog"]
    told = {one["name"]: one["value"] for one in watchdog["environment"]}
    assert (told["LEASE_NAME"], told["GATE_LISTEN"]) == ("ib-gateway", "")
    assert watchdog["essential"] is True, "a task that lost the lease ends"
    assert "/health" in watchdog["healthCheck"]["command"][-1], "a standby is healthy without the lease"


@pytest.mark.parametrize("task", [ACTIVE, STANDBY])
def test_a_task_may_take_the_gateways_lease_and_no_other(task: str) -> None:
    own = build().one("RolePolicy", f"{task}-task-policy-lease").document("policy")
    assert own["OwnLeases"]["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "ib-gateway"}}
    assert "OthersLeases" not in own


def test_a_lost_login_is_reported_by_both_and_kills_neither() -> None:
    stack = build()
    for task, key in ((ACTIVE, "ib-gateway"), (STANDBY, "ib-gateway-standby")):
        found = containers(stack, task)
        assert [name for name, one in found.items() if "healthCheck" in one] == ["watchdog"]
        watch = found[f"{key}-watch"]
        assert watch["essential"] is False
        assert watch["image"] == found[key]["image"]
        assert watch["entryPoint"] == ["bash", "-c"]
        assert watch["secrets"] == [], "the watch must not hold the login"
        assert f'    {key} "$held"' in watch["command"][0], "each line says which task speaks"


def test_the_start_program_the_pause_and_the_window_are_settings() -> None:
    own = IbGateway(
        command="/opt/gateway/start", start_pause_seconds=900, restart=RestartWindow(time="17:30", time_zone="UTC", window_minutes=5)
    )
    found = containers(build(settings=own))
    assert found["ib-gateway"]["command"][2].endswith("exec /opt/gateway/start")
    assert "+ 900 -" in found["ib-gateway"]["command"][2]
    assert {"name": "AUTO_RESTART_TIME", "value": "05:30 PM"} in found["ib-gateway"]["environment"]
    assert "now - 1050 + 1440) % 1440 < 5" in found["ib-gateway-watch"]["command"][0]


def test_without_a_standby_there_is_one_task_in_every_zone() -> None:
    stack = build(settings=IbGateway(standby=False))
    assert stack.one("Service")["networkConfiguration"]["subnets"] == SUBNETS


def test_a_standby_needs_a_second_zone() -> None:
    with pytest.raises(ValueError, match="second zone"):
        build(subnet_ids=["subnet-a"])
    assert len(build(subnet_ids=["subnet-a"], settings=IbGateway(standby=False)).all("Service")) == 1


def test_the_session_outlives_the_task_encrypted_in_transit_and_at_rest() -> None:
    stack = build()
    files = stack.one("FileSystem")
    assert (files["encrypted"], files["kmsKeyId"]) == (True, KEY)
    assert stack.one("BackupPolicy")["backupPolicy"] == {"status": "DISABLED"}
    for made in stack.all("TaskDefinition"):
        [scratch, sessions] = made["volumes"]
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
    assert all({made.name for made in targets} <= set(service.depends_on) for service in stack.all("Service"))


def test_only_the_two_tasks_roles_mount_and_only_as_user_10001() -> None:
    stack = build()
    access = stack.one("AccessPoint")
    assert access["posixUser"] == {"uid": 10001, "gid": 10001}
    assert access["rootDirectory"]["creationInfo"] == {"ownerUid": 10001, "ownerGid": 10001, "permissions": "0700"}
    own = stack.one("FileSystemPolicy").document("policy")
    assert own["MountThroughAccessPoint"]["Principal"] == {"AWS": ["arn:gateway-singleton-task-role", "arn:gateway-standby-task-role"]}
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
