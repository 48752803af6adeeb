"""Processes that never run twice, and their leases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.component import Context
from infra.components.cluster import Cluster
from infra.components.singleton import Fence, LeaseTable, Singleton
from infra.components.task import Sidecar
from infra.plan.flows import Role
from infra.plan.singletons import ENGINE_LEASE, GATEWAY_LEASE
from infra.settings import workloads
from infra.settings.broker import Watchdog
from tests.components.compute import KEY, SECRET, SUBNETS, Stack, context, image, synth


def build(**more: Any) -> Stack:
    def run() -> None:
        ctx = context()
        given: dict[str, Any] = {
            "role": Role.ENGINE,
            "settings": workloads.Singleton(),
            "cluster": Cluster("apps", ctx, log_key_arn=KEY),
            "image": image("engine"),
            "environment": {},
            "secrets": {},
            "secret_key_arn": KEY,
            "subnet_ids": SUBNETS,
            "group_id": "sg-1",
            "log_key_arn": KEY,
        }
        Singleton("engine", ctx, **{**given, **more})

    return synth(run)


def test_the_old_task_stops_before_the_new_one_starts_and_nothing_adds_a_second() -> None:
    stack = build()
    made = stack.one("Service", "engine-service")
    assert made["desiredCount"] == 1
    assert (made["deploymentMinimumHealthyPercent"], made["deploymentMaximumPercent"]) == (0, 100)
    assert made["availabilityZoneRebalancing"] == "DISABLED"
    assert made["capacityProviderStrategies"] == [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}]
    assert "loadBalancers" not in made.inputs
    assert "deploymentConfiguration" not in made.inputs
    assert made.ignored == ()
    assert stack.all("Target") == []


def containers(stack: Stack) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(stack.one("TaskDefinition")["containerDefinitions"])}


def values(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container["environment"]}


def fence(ctx: Context, **more: Any) -> Fence:
    return Fence(ctx=ctx, image=image("watchdog"), settings=Watchdog(**more), table=LeaseTable("leases", ctx, key_arn=KEY))


def fenced(*, gateway_port: int | None = 4003, **more: Any) -> Stack:
    """An engine behind its watchdog."""

    def run() -> None:
        ctx = context()
        own = fence(ctx, **more)
        Singleton(
            "engine",
            ctx,
            role=Role.ENGINE,
            settings=workloads.Singleton(),
            cluster=Cluster("apps", ctx, log_key_arn=KEY),
            image=image("engine"),
            environment={},
            secrets={"BINANCE_API_KEY": SECRET},
            secret_key_arn=KEY,
            subnet_ids=SUBNETS,
            group_id="sg-1",
            log_key_arn=KEY,
            sidecars=[own.engine(gateway_port=gateway_port)],
            policies=own.policies(ENGINE_LEASE, reads=[GATEWAY_LEASE]),
        )

    return synth(run)


def test_it_stops_before_its_watchdog_and_both_within_120_seconds() -> None:
    found = containers(fenced())
    assert found["engine"]["dependsOn"] == [{"containerName": "watchdog", "condition": "HEALTHY"}]
    assert "dependsOn" not in found["watchdog"]
    assert found["engine"]["stopTimeout"] + found["watchdog"]["stopTimeout"] <= 120
    assert found["engine"]["stopTimeout"] > 10 + 10, "NautilusTrader's two time-outs fit"
    assert "healthCheck" not in found["engine"], "a restart of the engine does harm"
    assert "portMappings" not in found["engine"]


def test_a_sidecar_that_makes_the_stop_too_long_is_refused() -> None:
    late = Sidecar(name="late", image=image("late"), stop_seconds=21, before_main="START")
    with pytest.raises(ValueError, match="21 s more, a singleton has 120 s"):
        build(sidecars=[late])
    beside = Sidecar(name="beside", image=image("late"), stop_seconds=120)
    assert len(containers(build(sidecars=[beside]))) == 2, "what nobody waits for stops at the same time"


def test_the_engine_starts_only_with_the_lease_and_ends_with_its_watchdog() -> None:
    watchdog = containers(fenced())["watchdog"]
    assert watchdog["essential"] is True
    assert watchdog["entryPoint"] == ["python", "-m", "nautilus.runtime.gate"]
    assert "command" not in watchdog
    assert "/held" in watchdog["healthCheck"]["command"][-1]
    assert watchdog["secrets"] == [], "the watchdog holds no key of an exchange"
    told = values(watchdog)
    assert (told["LEASE_NAME"], told["GATE_LISTEN"], told["GATE_UPSTREAM_LEASE"]) == ("engine", "127.0.0.1:4003", "ib-gateway")
    assert (told["LEASE_TABLE"], told["HALT_PARAMETER"]) == ("nautilus-dev-leases", "/nautilus/dev/trading/halt")


def test_without_a_gateway_the_watchdog_relays_nothing() -> None:
    told = values(containers(fenced(gateway_port=None))["watchdog"])
    assert (told["LEASE_NAME"], told["GATE_LISTEN"], told["GATE_UPSTREAM_LEASE"]) == ("engine", "", "")


def test_the_leases_length_is_a_setting() -> None:
    told = values(containers(fenced(lease_seconds=60, renew_seconds=15))["watchdog"])
    assert (told["LEASE_SECONDS"], told["RENEW_SECONDS"]) == ("60", "15")


def test_the_role_takes_its_own_lease_sees_the_gateways_and_reads_one_flag() -> None:
    stack = fenced()
    lease = stack.one("RolePolicy", "engine-task-policy-lease").document("policy")
    keys = {sid: one["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] for sid, one in lease.items() if "Leases" in sid}
    assert keys == {"OwnLeases": "engine", "OthersLeases": "ib-gateway"}
    [flag] = stack.one("RolePolicy", "engine-task-policy-halt").document("policy").values()
    assert flag["Action"] == "ssm:GetParameter", "who trades does not resume trading"
    assert flag["Resource"] == "arn:aws:ssm:us-east-1:123456789012:parameter/nautilus/dev/trading/halt"


def test_the_execution_role_pulls_the_watchdog_too() -> None:
    start = fenced().one("RolePolicy", "engine-task-execution-policy").document("policy")
    assert any(arn.endswith("/watchdog") for arn in start["PullImage"]["Resource"])


def test_nothing_finds_it_by_name() -> None:
    assert "serviceConnectConfiguration" not in build(port=4004).one("Service").inputs


def test_a_second_service_of_one_role_has_its_own_names() -> None:
    stack = build(role=Role.IB_GATEWAY, part="ib-gateway-standby")
    assert stack.one("Service", "engine-service")["name"] == "nautilus-dev-ib-gateway-standby"
    assert set(containers(stack)) == {"ib-gateway-standby"}
    assert stack.one("TaskDefinition")["family"] == "nautilus-dev-ib-gateway-standby"


def test_deployments_roll_back_by_alarm_where_one_is_given() -> None:
    assert "alarms" not in build().one("Service").inputs
    made = build(alarm_names=["engine-twice"]).one("Service")
    assert made["alarms"] == {"alarmNames": ["engine-twice"], "enable": True, "rollback": True}
    assert made["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_a_size_that_fargate_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"services\.engine\.memory"):
        build(settings=workloads.Singleton(cpu=256, memory=16_384))


def leases(*, unlocked: bool) -> Stack:
    def run() -> dict[str, Any]:
        table = LeaseTable("leases", context(unlocked=unlocked), key_arn=KEY)
        return {"policy": table.policy("engine", "ib-gateway")}

    return synth(run)


@pytest.mark.parametrize("unlocked", [False, True])
def test_leases_are_encrypted_restorable_and_protected(unlocked: bool) -> None:
    made = leases(unlocked=unlocked).one("Table")
    assert (made["hashKey"], made["attributes"], made["billingMode"]) == ("lease", [{"name": "lease", "type": "S"}], "PAY_PER_REQUEST")
    assert made["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}
    assert made["pointInTimeRecovery"] == {"enabled": True}
    assert made["deletionProtectionEnabled"] is not unlocked
    assert (made.protect, made.retain) == (not unlocked, not unlocked)
    assert "ttl" not in made.inputs, "a token that starts again from zero lets an old holder back in"


def test_a_holder_touches_only_its_leases() -> None:
    [own, key] = json.loads(leases(unlocked=False).outputs["policy"])["Statement"]
    assert own["Resource"] == "arn:leases"
    assert own["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["engine", "ib-gateway"]}}
    assert key["Resource"] == KEY
