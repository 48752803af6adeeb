"""Web services: task, rollout, alarms, scaling."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from pulumi.runtime.mocks import MockResourceArgs

from infra.components.cluster import Cluster
from infra.components.extras import Extras, Shell, web_extras
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.plan.flows import Role
from infra.plan.rollout import hook_details, plan
from infra.settings.services import ImageOwner, LogRouter, LogRouting, MarketOpen, Telemetry
from infra.settings.workloads import Rollout, Services, WebService
from tests.components import compute
from tests.components.compute import DIGEST, KEY, SECRET, SUBNETS, Stack, context, image, synth, two_slots


def build(*, unlocked: bool = False, settings: WebService | None = None, **more: Any) -> Stack:
    def run() -> dict[str, Any]:
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
        return {"template": Service("backend", ctx, **{**given, **more}).template_arn}

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
    made_plan = plan([10, 50, 100], hold_minutes=5, bake_minutes=5)
    assert hook["lifecycleStages"] == list(made_plan.stages)
    assert hook["timeoutConfiguration"] == {"timeoutInMinutes": str(made_plan.hook_minutes), "action": "ROLLBACK"}
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
    def longest(own: WebService) -> int:
        create, update, delete = build(settings=own).one("Service", "backend-service").timeouts
        assert create == update
        assert delete == "30m"
        return int(create.removesuffix("m"))

    for rollout in (Rollout(), Rollout(steps=[100]), Rollout(steps=[10, 50, 100], hold_minutes=60, bake_minutes=120)):
        made = plan(rollout.steps, hold_minutes=rollout.hold_minutes, bake_minutes=rollout.bake_minutes)
        assert longest(WebService(rollout=rollout)) >= made.guard_minutes + 30 > made.total_seconds / 60


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
    made = build(settings=WebService(discovery=True)).one("Service")["serviceConnectConfiguration"]
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


def test_the_hook_is_told_what_the_plan_says_beside_its_alarms() -> None:
    told = {"service": "backend", "guard": {"mode": "off"}}
    [hook] = build(told=told).one("Service")["deploymentConfiguration"]["lifecycleHooks"]
    assert {**told, "alarms": ["a-latency", "z-errors"]}.items() <= json.loads(hook["hookDetails"]).items()
    assert hook["hookDetails"] == hook_details(
        plan([10, 50, 100], hold_minutes=5, bake_minutes=5), alarms=["z-errors", "a-latency"], told=told
    )


def requests(stack: Stack) -> dict[str, Any]:
    return stack.one("Policy", "backend-scaling-requests")["targetTrackingScalingPolicyConfiguration"]


def test_scaling_by_requests_counts_both_target_groups() -> None:
    own = WebService(requests_per_target=600)
    made = requests(build(settings=own, load_balancer="app/lb/1"))
    assert made["targetValue"] == 600.0
    assert "predefinedMetricSpecification" not in made, "AWS's own metric names one target group"
    counted = [one["metricStat"]["metric"] for one in made["customizedMetricSpecification"]["metrics"] if "metricStat" in one]
    groups = {pair["value"] for metric in counted for pair in metric["dimensions"] if pair["name"] == "TargetGroup"}
    assert groups == {"targetgroup/blue/1", "targetgroup/green/1"}
    assert sorted(one.name for one in build().all("Policy")) == ["backend-scaling-cpu", "backend-scaling-memory"]
    with pytest.raises(Exception, match=r"requestsPerTarget = 600 needs a load balancer"):
        build(settings=own)


def test_the_market_raises_the_lower_bound_and_no_up_puts_it_back() -> None:
    own = WebService(market_open=MarketOpen(enabled=True, start="09:00", end="16:30", min_tasks=6))
    stack = build(settings=own)
    opening, closing = stack.one("ScheduledAction", "backend-scaling-open"), stack.one("ScheduledAction", "backend-scaling-close")
    assert (opening["schedule"], closing["schedule"]) == ("cron(0 9 ? * MON-FRI *)", "cron(30 16 ? * MON-FRI *)")
    assert opening["timezone"] == closing["timezone"] == "America/New_York"
    assert opening["scalableTargetAction"] == {"minCapacity": 6, "maxCapacity": 10}
    assert closing["scalableTargetAction"] == {"minCapacity": 2, "maxCapacity": 10}
    assert "backend-scaling-open" in closing.depends_on, "two changes of a target at once are refused"
    assert stack.one("Target").ignored == ("minCapacity",)
    assert stack.one("Target")["minCapacity"] == 2
    plain = build()
    assert plain.one("Target").ignored == ()
    assert plain.all("ScheduledAction") == []


def revision(args: MockResourceArgs) -> dict[str, Any]:
    """As `compute` answers, but that every change of a task definition is a new revision."""
    if args.typ == "aws:ecs/taskDefinition:TaskDefinition":
        return {"arn": f"arn:{args.name}:{zlib.crc32(args.inputs['containerDefinitions'].encode())}"}
    return compute.computed(args)


def seen(owner: ImageOwner, digest: str) -> dict[str, Any]:
    """What Pulumi compares on the next `up`: every resource's inputs without the ones that it ignores."""
    stack = build(settings=WebService(image_owner=owner), image=image("backend").replace(DIGEST, digest))
    return {
        one.name: {key: value for key, value in one.inputs.items() if key not in one.ignored}
        for one in stack.made
        if one.type.startswith("aws:") and one.name.startswith("backend")
    }


@pytest.mark.parametrize(
    ("owner", "changed"),
    [
        (ImageOwner.PULUMI, {"backend-task-definition", "backend-service"}),
        (ImageOwner.PIPELINE, {"backend-task-definition"}),
    ],
)
def test_one_of_two_owns_the_image(owner: ImageOwner, changed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "answer", revision)
    before, after = seen(owner, DIGEST), seen(owner, "sha256:" + "cd" * 32)
    assert {name for name in before if before[name] != after[name]} == changed


def test_the_first_task_definition_is_pulumis_either_way() -> None:
    for owner in ImageOwner:
        stack = build(settings=WebService(image_owner=owner))
        assert stack.one("Service", "backend-service")["taskDefinition"] == "arn:backend-task-definition"
        assert stack.outputs["template"] == "arn:backend-task-definition"


def test_the_pipelines_switch_ignores_nothing_else() -> None:
    mine, theirs = (set(build(settings=WebService(image_owner=owner)).one("Service", "backend-service").ignored) for owner in ImageOwner)
    assert theirs - mine == {"taskDefinition"}
    assert mine < theirs


def test_a_shell_is_opened_in_the_service_and_in_the_task_together() -> None:
    shell = Shell(session_log_arn="arn:aws:logs:us-east-1:123456789012:log-group:/x", key_arn=KEY)
    stack = build(extras=Extras(shell=shell))
    assert stack.one("Service", "backend-service")["enableExecuteCommand"] is True
    assert stack.one("RolePolicy", "backend-task-policy-shell")


def test_the_stop_follows_the_setting() -> None:
    [only] = containers(build(settings=WebService(stop_seconds=95)))
    assert only["stopTimeout"] == 95


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Services(), (None, None, None)),
        (Services(log_router=LogRouter(mode=LogRouting.FIRELENS, image_digest=DIGEST)), ("aws-for-fluent-bit", None, None)),
        (Services(telemetry=Telemetry(enabled=True, image_digest=DIGEST, sampling_percent=7)), (None, "aws-otel-collector", None)),
        (Services(exec=True), (None, None, True)),
    ],
)
def test_extras_follow_the_settings(settings: Services, expected: tuple[Any, ...]) -> None:
    found: list[Extras] = []

    def run() -> None:
        ctx = context()
        found.append(web_extras(settings, ctx, Cluster("apps", ctx, log_key_arn=KEY), environment="dev", log_key_arn=KEY))

    synth(run)
    [made] = found
    router, collector, shell = expected
    assert made.router_image == (router and f"123456789012.dkr.ecr.us-east-1.amazonaws.com/ecr-public/aws-observability/{router}@{DIGEST}")
    assert (made.tracing and str(made.tracing.image).split("/")[-1].split("@")[0]) == collector
    assert (made.tracing.sampling_percent if made.tracing else 7) == 7
    assert (made.shell is not None) is bool(shell)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Services(log_router=LogRouter(mode=LogRouting.FIRELENS)), r"services\.logRouter\.imageDigest is unset"),
        (Services(telemetry=Telemetry(enabled=True)), r"services\.telemetry\.imageDigest is unset"),
    ],
)
def test_a_sidecar_without_an_image_is_refused(settings: Services, message: str) -> None:
    def run() -> None:
        ctx = context()
        web_extras(settings, ctx, Cluster("apps", ctx, log_key_arn=KEY), environment="dev", log_key_arn=KEY)

    with pytest.raises(ValueError, match=message):
        synth(run)
