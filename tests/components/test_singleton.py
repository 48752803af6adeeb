"""Processes that never run twice, and their leases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.cluster import Cluster
from infra.components.singleton import LeaseTable, Singleton
from infra.plan.flows import Role
from infra.settings import workloads
from tests.components.compute import KEY, SUBNETS, Stack, context, image, synth


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


def test_it_gets_120_seconds_to_stop() -> None:
    [only] = json.loads(build().one("TaskDefinition")["containerDefinitions"])
    assert only["stopTimeout"] == 120
    assert "healthCheck" not in only
    assert "portMappings" not in only


def test_a_client_of_service_connect_serves_nothing() -> None:
    made = build().one("Service")["serviceConnectConfiguration"]
    assert (made["enabled"], made["namespace"]) == (True, "arn:apps-namespace")
    assert "services" not in made


def test_a_server_is_found_by_its_role() -> None:
    made = build(role=Role.IB_GATEWAY, image=image("ib-gateway"), port=4004).one("Service")["serviceConnectConfiguration"]
    assert made["services"] == [
        {"portName": "ib-gateway", "discoveryName": "ib-gateway", "clientAlias": [{"port": 4004, "dnsName": "ib-gateway"}]}
    ]


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
