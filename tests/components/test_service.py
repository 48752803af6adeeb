"""Web services: task, rollout, alarms, scaling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.cluster import Cluster
from infra.components.function import LAMBDAS, source_archive
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.plan.flows import Role
from infra.settings.workloads import Rollout, WebService
from tests.components.compute import KEY, SECRET, SUBNETS, Stack, context, image, synth, two_slots


def build(*, unlocked: bool = False, settings: WebService | None = None, **more: Any) -> Stack:
    def run() -> None:
        ctx = context(unlocked=unlocked)
        given: dict[str, Any] = {
            "role": Role.BACKEND,
            "settings": settings or WebService(),
            "cluster": Cluster("apps", ctx, log_key_arn=KEY),
            "image": image("backend"),
            "port": 8000,
            "health_path": "/health",
            "environment": {"ENVIRONMENT": "dev"},
            "secrets": {"JWT_SECRET": f"{SECRET}:key::"},
            "secret_key_arn": KEY,
            "subnet_ids": SUBNETS,
            "group_id": "sg-1",
            "route": two_slots(),
            "log_key_arn": KEY,
            "alarm_names": ["z-errors", "a-latency"],
            "hook": RolloutHook("rollout-hook", ctx, log_key_arn=KEY),
        }
        Service("backend", ctx, **{**given, **more})

    return synth(run)


def containers(stack: Stack) -> list[dict[str, Any]]:
    return json.loads(stack.one("TaskDefinition")["containerDefinitions"])


def test_the_task_is_a_private_hardened_fargate_task() -> None:
    stack = build()
    made = stack.one("TaskDefinition", "backend-task-definition")
    assert (made["family"], made["networkMode"], made["requiresCompatibilities"]) == ("nautilus-dev-backend", "awsvpc", ["FARGATE"])
    assert (made["cpu"], made["memory"]) == ("4096", "16384")
    assert made["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    assert made["volumes"] == [{"name": "scratch"}]
    [only] = containers(stack)
    assert only["name"] == "backend"
    assert only["image"] == image("backend")
    assert only["user"] == "10001:10001"
    assert only["readonlyRootFilesystem"] is True
    assert only["healthCheck"]["command"] == ["CMD", "curl", "-f", "http://localhost:8000/health"]
    assert only["environment"] == [{"name": "ENVIRONMENT", "value": "dev"}]
    assert only["secrets"] == [{"name": "JWT_SECRET", "valueFrom": f"{SECRET}:key::"}]
    assert only["logConfiguration"]["options"]["awslogs-group"] == stack.one("LogGroup", "backend-task-log")["name"]
    service = stack.one("Service", "backend-service")
    assert service["networkConfiguration"] == {"assignPublicIp": False, "securityGroups": ["sg-1"], "subnets": SUBNETS}
    assert (service["platformVersion"], service["enableExecuteCommand"]) == ("LATEST", False)


def test_the_roles_are_two_and_narrow() -> None:
    stack = build(policies={"queue": '{"Version":"2012-10-17","Statement":[]}'})
    execution = stack.one("RolePolicy", "backend-task-execution-policy").document("policy")
    assert execution["ReadSecrets"]["Resource"] == SECRET
    assert execution["PullImage"]["Resource"].endswith(":repository/nautilus-dev/backend")
    assert stack.one("RolePolicy", "backend-task-policy-queue")["role"] == "nautilus-dev-backend-task"
    for name in ("backend-task-role", "backend-task-execution-role"):
        [trust] = stack.one("Role", name).document("assumeRolePolicy").values()
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    attached = stack.one("RolePolicyAttachment")
    # Not below service-role/: AWS and moto know this one policy at the root only.
    assert attached["policyArn"] == "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"


def test_the_default_rollout_is_linear_with_holds_at_10_and_50() -> None:
    stack = build()
    made = stack.one("Service", "backend-service")["deploymentConfiguration"]
    assert made["strategy"] == "LINEAR"
    assert made["bakeTimeInMinutes"] == "5"
    assert made["linearConfiguration"] == {"stepPercent": 10.0, "stepBakeTimeInMinutes": "0"}
    assert made.get("canaryConfiguration") is None
    [hook] = made["lifecycleHooks"]
    assert hook["hookTargetArn"] == "arn:rollout-hook-function"
    assert hook["roleArn"] == "arn:rollout-hook-invoke-role"
    assert hook["lifecycleStages"] == ["PRE_PRODUCTION_TRAFFIC_SHIFT"]
    assert hook["timeoutConfiguration"] == {"timeoutInMinutes": "16", "action": "ROLLBACK"}
    assert json.loads(hook["hookDetails"]) == {
        "holds": [{"percent": 10, "seconds": 300}, {"percent": 50, "seconds": 300}],
        "alarms": ["a-latency", "z-errors"],
        "grace_seconds": 600,
    }


@pytest.mark.parametrize(
    ("steps", "strategy", "part", "expected"),
    [
        ([100], "BLUE_GREEN", None, None),
        ([25, 100], "CANARY", "canaryConfiguration", {"canaryPercent": 25.0, "canaryBakeTimeInMinutes": "5"}),
        ([50, 100], "CANARY", "canaryConfiguration", {"canaryPercent": 50.0, "canaryBakeTimeInMinutes": "5"}),
        ([25, 50, 75, 100], "LINEAR", "linearConfiguration", {"stepPercent": 25.0, "stepBakeTimeInMinutes": "5"}),
    ],
)
def test_other_rollouts_use_ecs_own_strategies(steps: list[int], strategy: str, part: str | None, expected: Any) -> None:
    made = build(settings=WebService(rollout=Rollout(steps=steps))).one("Service")["deploymentConfiguration"]
    assert made["strategy"] == strategy
    present = {key: made[key] for key in ("linearConfiguration", "canaryConfiguration") if made.get(key) is not None}
    assert present == ({} if part is None else {part: expected})
    assert json.loads(made["lifecycleHooks"][0]["hookDetails"])["holds"] == []


def test_a_deployment_rolls_back_and_ecs_may_shift_traffic() -> None:
    made = build().one("Service", "backend-service")
    assert made["deploymentController"] == {"type": "ECS"}
    assert made["alarms"] == {"alarmNames": ["z-errors", "a-latency"], "enable": True, "rollback": True}
    assert made["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (made["deploymentMinimumHealthyPercent"], made["deploymentMaximumPercent"]) == (100, 200)
    assert made["availabilityZoneRebalancing"] == "ENABLED"
    [balancer] = made["loadBalancers"]
    assert balancer["targetGroupArn"] == "arn:tg/blue"
    assert balancer["advancedConfiguration"] == {
        "alternateTargetGroupArn": "arn:tg/green",
        "productionListenerRule": "arn:production",
        "testListenerRule": "arn:test",
        "roleArn": "arn:backend-shift-role",
    }


def test_what_ecs_owns_is_ignored_at_paths_that_exist() -> None:
    made = build().one("Service", "backend-service")
    assert made.ignored == (
        "desiredCount",
        "loadBalancers[0].targetGroupArn",
        "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
    )
    assert made["desiredCount"] == 2
    assert made["loadBalancers"][0]["advancedConfiguration"]["alternateTargetGroupArn"]


def test_everything_that_must_exist_first_comes_first() -> None:
    before = set(build().one("Service", "backend-service").depends_on)
    assert {
        "backend-shift-policy",
        "rollout-hook-invoke-policy",
        "production",
        "test",
        "apps-capacity",
        "backend-task-execution-policy",
        "backend-task-definition",
    } <= before


def test_timeouts_outlast_the_rollout() -> None:
    assert build().one("Service", "backend-service").timeouts == ("45m", "45m", "30m")
    slow = WebService(rollout=Rollout(steps=[10, 50, 100], hold_minutes=60, bake_minutes=120))
    assert build(settings=slow).one("Service", "backend-service").timeouts == ("270m", "270m", "30m")


def test_scaling_follows_cpu_and_memory_between_2_and_10_tasks() -> None:
    stack = build()
    target = stack.one("Target")
    assert (target["minCapacity"], target["maxCapacity"]) == (2, 10)
    assert target["resourceId"] == "service/nautilus-dev-apps/nautilus-dev-backend"
    found = {
        made["targetTrackingScalingPolicyConfiguration"]["predefinedMetricSpecification"]["predefinedMetricType"]: made[
            "targetTrackingScalingPolicyConfiguration"
        ]["targetValue"]
        for made in stack.all("Policy")
    }
    assert found == {"ECSServiceAverageCPUUtilization": 70.0, "ECSServiceAverageMemoryUtilization": 80.0}


def test_service_connect_is_off_unless_a_name_is_given() -> None:
    assert "serviceConnectConfiguration" not in build().one("Service").inputs
    made = build(discovery_name="backend").one("Service")["serviceConnectConfiguration"]
    assert made["namespace"] == "arn:apps-namespace"
    assert made["services"] == [{"portName": "backend", "discoveryName": "backend", "clientAlias": [{"port": 8000, "dnsName": "backend"}]}]
    assert made["logConfiguration"]["options"]["awslogs-stream-prefix"] == "service-connect"


@pytest.mark.parametrize(("unlocked", "kept"), [(False, True), (True, False)])
def test_old_task_definitions_stay_active_for_rollbacks(unlocked: bool, kept: bool) -> None:
    assert build(unlocked=unlocked).one("TaskDefinition")["skipDestroy"] is kept


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"settings": WebService(cpu=4096, memory=4096)}, r"services\.backend\.memory = 4096"),
        ({"settings": WebService(min_tasks=11)}, "minTasks = 11 is above maxTasks = 10"),
        ({"settings": WebService(rollout=Rollout(steps=[33, 66, 100]))}, "nearest"),
        ({"alarm_names": []}, "at least one alarm"),
        ({"image": "nginx:latest"}, "digest"),
        ({"environment": {"DB_PASSWORD": "x"}}, "reads like a secret"),
    ],
)
def test_what_cannot_work_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(**more)


def test_the_hook_function_is_traced_logged_and_alone_invokable_by_ecs() -> None:
    stack = build()
    made = stack.one("Function")
    assert (made["runtime"], made["architectures"], made["handler"]) == ("python3.13", ["arm64"], "handler.handler")
    assert made["tracingConfig"] == {"mode": "Active"}
    assert "reservedConcurrentExecutions" not in made.inputs
    assert made["loggingConfig"]["logGroup"] == stack.one("LogGroup", "rollout-hook-log")["name"] == f"/aws/lambda/{made['name']}"
    [invoke] = stack.one("RolePolicy", "rollout-hook-invoke-policy").document("policy").values()
    assert invoke["Resource"] == ["arn:rollout-hook-function", "arn:rollout-hook-function:*"]


def test_the_functions_code_depends_on_the_sources_alone() -> None:
    archive = source_archive(LAMBDAS / "rollout_hook")
    assert set(archive.assets) == {"handler.py"}
    assert archive.assets["handler.py"].text == (LAMBDAS / "rollout_hook" / "handler.py").read_text(encoding="utf-8")
