"""A whole web service, every option on, through the sandbox's checks of AWS's limits and through the policy pack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
import pytest

from infra.components.cluster import Cluster
from infra.components.extras import web_extras
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.plan.flows import Role
from infra.settings.services import ImageOwner, LogRouter, LogRouting, MarketOpen, Telemetry
from infra.settings.workloads import Services, WebService
from nautilus.sandbox.simulation.mocks import Recording, synth
from policies.testing import evaluate, simulated
from tests.components.compute import DIGEST, context

PLAIN = (Services(), WebService())
WHOLE = (
    Services(
        log_router=LogRouter(mode=LogRouting.FIRELENS, image_digest=DIGEST),
        telemetry=Telemetry(enabled=True, image_digest=DIGEST),
        exec=True,
    ),
    WebService(
        discovery=True,
        image_owner=ImageOwner.PIPELINE,
        market_open=MarketOpen(enabled=True),
        requests_per_target=600,
        stop_seconds=90,
        storage_gb=50,
    ),
)


@dataclass
class Slots:
    blue: aws.lb.TargetGroup
    green: aws.lb.TargetGroup
    production_rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule


def platform(services: Services, own: WebService) -> None:
    ctx = context(unlocked=True)
    key = aws.kms.Key("key", enable_key_rotation=True)
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(f"subnet-{index}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=zone)
        for index, zone in enumerate(ctx.zones)
    ]
    group = aws.ec2.SecurityGroup("tasks", vpc_id=vpc.id, description="tasks")
    balancer = aws.lb.LoadBalancer("balancer", name="b", internal=True, subnets=[one.id for one in subnets], security_groups=[group.id])
    slots = {
        colour: aws.lb.TargetGroup(colour, name=colour, port=8000, protocol="HTTP", target_type="ip", vpc_id=vpc.id)
        for colour in ("blue", "green")
    }
    rules: list[aws.lb.ListenerRule] = []
    for name, port in (("production", 80), ("test", 8443)):
        listener = aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=port,
            protocol="HTTP",
            default_actions=[{"type": "forward", "target_group_arn": slots["blue"].arn}],
        )
        rules.append(
            aws.lb.ListenerRule(
                f"{name}-rule",
                listener_arn=listener.arn,
                priority=10,
                conditions=[{"path_pattern": {"values": ["/api/*"]}}],
                actions=[{"type": "forward", "target_group_arn": slots["blue"].arn}],
            )
        )
    secret = aws.secretsmanager.Secret("secret", name="nautilus/dev/jwt", kms_key_id=key.arn)
    alarms = [
        aws.cloudwatch.MetricAlarm(
            f"alarm-{colour}",
            name=f"nautilus-dev-backend-{colour}",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            threshold=0,
            metric_name="UnHealthyHostCount",
            namespace="AWS/ApplicationELB",
            dimensions={"LoadBalancer": balancer.arn_suffix, "TargetGroup": slot.arn_suffix},
            period=60,
            statistic="Maximum",
        )
        for colour, slot in slots.items()
    ]
    repository = aws.ecr.Repository("repository", name="nautilus-dev/backend")
    cluster = Cluster("cluster", ctx, log_key_arn=key.arn, storage_key_arn=key.arn)
    Service(
        "backend",
        ctx,
        role=Role.BACKEND,
        settings=own,
        cluster=cluster,
        image=repository.repository_url.apply(lambda url: f"{url}@{DIGEST}"),
        port=8000,
        health_path="/health",
        environment={"ENVIRONMENT": "dev"},
        secrets={"JWT_SECRET": secret.arn},
        secret_key_arn=key.arn,
        secret_keys={"JWT_SECRET": secret.kms_key_id.apply(lambda known: known or "")},
        subnet_ids=[one.id for one in subnets],
        group_id=group.id,
        route=Slots(slots["blue"], slots["green"], *rules),
        load_balancer=balancer.arn_suffix,
        log_key_arn=key.arn,
        alarm_names=[alarm.name for alarm in alarms],
        hook=RolloutHook("rollout-hook", ctx, log_key_arn=key.arn),
        extras=web_extras(services, ctx, cluster, environment="dev", log_key_arn=key.arn),
    )


def made(case: tuple[Services, WebService]) -> Recording[None]:
    return synth(lambda: platform(*case))


@pytest.mark.parametrize("case", [PLAIN, WHOLE], ids=["plain", "whole"])
def test_aws_would_take_it_and_the_pack_blocks_nothing_of_it(case: tuple[Services, WebService]) -> None:
    blocked = [
        f"{finding.rule} {finding.urn.rpartition('::')[2]}: {finding.message}"
        for finding in evaluate(simulated(made(case).resources), secrets=())
        if finding.blocks and finding.urn.rpartition("::")[2].startswith(("backend", "cluster"))
    ]
    assert blocked == []


def test_every_option_is_in_it() -> None:
    """Otherwise the test above would be about less than it says."""
    found = made(WHOLE)
    service = found.one("aws:ecs/service:Service").inputs
    assert service["enableExecuteCommand"] is True
    assert service["serviceConnectConfiguration"]["enabled"] is True
    task: dict[str, Any] = found.one("aws:ecs/taskDefinition:TaskDefinition").inputs
    assert [one["name"] for one in json.loads(task["containerDefinitions"])] == ["backend", "log-router", "telemetry"]
    assert task["ephemeralStorage"] == {"sizeInGib": 50}
    assert len(found.by_type("aws:appautoscaling/policy:Policy")) == 3
    assert len(found.by_type("aws:appautoscaling/scheduledAction:ScheduledAction")) == 2
