"""Task definitions: the main container, its sidecars, and what the roles cover."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.extras import Extras, Shell, Tracing
from infra.components.task import Sidecar, Task
from infra.plan.tasks import Probe
from infra.settings.workloads import Container
from tests.components.compute import ACCOUNT, DIGEST, KEY, REGION, SECRET, Stack, context, image, synth

WATCHDOG_SECRET = SECRET.replace("jwt", "watchdog")
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ecr-public/aws-observability"
ROUTER = f"{REGISTRY}/aws-for-fluent-bit@{DIGEST}"
COLLECTOR = f"{REGISTRY}/aws-otel-collector@{DIGEST}"
SESSIONS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/nautilus/dev/cluster/exec"
TRACING = Tracing(image=COLLECTOR, environment="dev", namespace="Nautilus/nautilus-dev", sampling_percent=10)
EVERYTHING = Extras(router_image=ROUTER, tracing=TRACING, shell=Shell(session_log_arn=SESSIONS, key_arn=KEY))
LOG_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/nautilus/dev/engine"
HEALTH = Probe(("CMD", "python", "-c", "pass"))


def build(*sidecars: Sidecar, **more: Any) -> Stack:
    def run() -> None:
        given: dict[str, Any] = {
            "settings": Container(),
            "image": image("engine"),
            "environment": {"ENVIRONMENT": "dev"},
            "secrets": {"JWT_SECRET": f"{SECRET}:key::"},
            "secret_key_arn": KEY,
            "log_key_arn": KEY,
            "container_name": "engine",
            "sidecars": sidecars,
        }
        Task("engine-task", context(), **{**given, **more})

    return synth(run)


def containers(stack: Stack) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(stack.one("TaskDefinition")["containerDefinitions"])}


def test_a_sidecar_is_hardened_and_its_image_and_secrets_are_covered() -> None:
    stack = build(
        Sidecar(
            name="watchdog",
            image=image("watchdog"),
            environment={"LEASE_NAME": "engine"},
            secrets={"WATCHDOG_TOKEN": WATCHDOG_SECRET},
            entry_point=["python"],
            command=["-m", "nautilus.runtime.gate"],
            health=HEALTH,
            stop_seconds=10,
            cpu=64,
            memory=128,
        )
    )
    made = containers(stack)
    assert list(made) == ["engine", "watchdog"]
    sidecar = made["watchdog"]
    assert (sidecar["user"], sidecar["readonlyRootFilesystem"], sidecar["privileged"]) == ("10001:10001", True, False)
    assert sidecar["linuxParameters"] == {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}
    assert (sidecar["entryPoint"], sidecar["command"]) == (["python"], ["-m", "nautilus.runtime.gate"])
    assert (sidecar["stopTimeout"], sidecar["cpu"], sidecar["memory"], sidecar["essential"]) == (10, 64, 128, True)
    assert sidecar["environment"] == [{"name": "LEASE_NAME", "value": "engine"}]
    assert sidecar["secrets"] == [{"name": "WATCHDOG_TOKEN", "valueFrom": WATCHDOG_SECRET}]
    assert sidecar["healthCheck"]["command"] == list(HEALTH.command)
    assert sidecar["mountPoints"] == []
    assert sidecar["logConfiguration"]["options"]["awslogs-stream-prefix"] == "watchdog"
    execution = stack.one("RolePolicy", "engine-task-execution-policy").document("policy")
    assert execution["ReadSecrets"]["Resource"] == sorted([SECRET, WATCHDOG_SECRET])
    assert execution["PullImage"]["Resource"] == [
        f"arn:aws:ecr:us-east-1:123456789012:repository/nautilus-dev/{name}" for name in ("engine", "watchdog")
    ]


@pytest.mark.parametrize("condition", ["START", "HEALTHY"])
def test_the_main_container_waits_only_for_the_sidecars_that_say_so(condition: Any) -> None:
    first = Sidecar(name="watchdog", image=image("watchdog"), health=HEALTH, before_main=condition)
    other = Sidecar(name="other", image=image("watchdog"), essential=False, scratch=True)
    made = containers(build(first, other))
    assert made["engine"]["dependsOn"] == [{"containerName": "watchdog", "condition": condition}]
    assert "dependsOn" not in made["watchdog"]
    assert made["other"]["essential"] is False
    assert made["other"]["mountPoints"] == [{"sourceVolume": "scratch", "containerPath": "/tmp", "readOnly": False}]
    assert "dependsOn" not in containers(build(other))["engine"]


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        (Sidecar(name="watchdog", image="python:3.13"), "by digest"),
        (Sidecar(name="watchdog", image=image("watchdog"), before_main="HEALTHY"), "has no health check"),
        (Sidecar(name="watchdog", image=image("watchdog"), environment={"TOKEN": "x"}), "reads like a secret"),
        (Sidecar(name="watchdog", image=image("watchdog"), secrets={"TOKEN": "hunter2"}), "ARN of a secret"),
        (Sidecar(name="watchdog", image=image("watchdog"), stop_seconds=121), "2 to 120"),
        (Sidecar(name="engine", image=image("watchdog")), "differently named"),
        (Sidecar(name="watchdog", image=image("watchdog"), memory=5), "memory 5"),
        (Sidecar(name="watchdog", image=image("watchdog"), cpu=0), "cpu 0"),
    ],
)
def test_what_ecs_would_refuse_of_a_sidecar_is_refused(sidecar: Sidecar, message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(sidecar)


def test_without_extras_nothing_is_added() -> None:
    stack = build()
    assert list(containers(stack)) == ["engine"]
    assert stack.one("TaskDefinition")["volumes"] == [{"name": "scratch"}]
    assert [one.name for one in stack.all("RolePolicy")] == ["engine-task-execution-policy"]
    assert "CopyPublicImage" not in stack.one("RolePolicy").document("policy")


def test_a_router_takes_the_output_of_every_other_container_and_stops_last() -> None:
    stack = build(Sidecar(name="watchdog", image=image("watchdog")), extras=Extras(router_image=ROUTER))
    made = containers(stack)
    for name in ("engine", "watchdog"):
        assert made[name]["logConfiguration"]["logDriver"] == "awsfirelens"
        assert made[name]["logConfiguration"]["options"]["log_group_name"] == stack.one("LogGroup")["name"]
        assert {"containerName": "log-router", "condition": "START"} in made[name]["dependsOn"]
    router = made["log-router"]
    assert router["image"] == ROUTER
    assert router["logConfiguration"]["logDriver"] == "awslogs", "its own output cannot go through itself"
    assert (router["user"], router["readonlyRootFilesystem"], router["essential"]) == ("10001:10001", True, True)
    assert "dependsOn" not in router
    [written] = stack.one("RolePolicy", "engine-task-policy-logs").document("policy").values()
    assert written["Resource"] == f"{LOG_ARN}:*"
    assert written["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_images_of_the_cache_may_be_copied_and_no_others() -> None:
    execution = build(extras=EVERYTHING).one("RolePolicy", "engine-task-execution-policy").document("policy")
    copied = [
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ecr-public/aws-observability/{name}"
        for name in ("aws-for-fluent-bit", "aws-otel-collector")
    ]
    assert execution["CopyPublicImage"]["Action"] == ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    assert execution["CopyPublicImage"]["Resource"] == copied
    assert set(copied) < set(execution["PullImage"]["Resource"])


def test_a_collector_is_reached_by_the_main_container_and_may_fail() -> None:
    stack = build(extras=Extras(tracing=TRACING), environment={"ENVIRONMENT": "dev", "OTEL_TRACES_SAMPLER_ARG": "1"})
    made = containers(stack)
    collector = made["telemetry"]
    assert (collector["image"], collector["essential"], collector["healthCheck"]["command"]) == (COLLECTOR, False, ["CMD", "/healthcheck"])
    [variable] = collector["environment"]
    assert variable["name"] == "AOT_CONFIG_CONTENT"
    assert json.loads(variable["value"])["exporters"]["awsemf"]["log_group_name"] == stack.one("LogGroup")["name"]
    environment = {one["name"]: one["value"] for one in made["engine"]["environment"]}
    assert environment["OTEL_SERVICE_NAME"] == "engine"
    assert environment["OTEL_TRACES_SAMPLER_ARG"] == "1", "what the caller says wins"
    document = stack.one("RolePolicy", "engine-task-policy-telemetry").document("policy")
    assert document["WriteTraces"]["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    assert document["WriteMetrics"]["Resource"] == f"{LOG_ARN}:*"


def test_a_shell_has_its_channels_its_log_and_two_places_to_write() -> None:
    stack = build(extras=Extras(shell=Shell(session_log_arn=SESSIONS, key_arn=KEY)))
    main = containers(stack)["engine"]
    assert main["readonlyRootFilesystem"] is True
    assert {mount["containerPath"] for mount in main["mountPoints"]} == {"/tmp", "/var/lib/amazon", "/var/log/amazon"}
    volumes = {volume["name"] for volume in stack.one("TaskDefinition")["volumes"]}
    assert {mount["sourceVolume"] for mount in main["mountPoints"]} == volumes
    document = stack.one("RolePolicy", "engine-task-policy-shell").document("policy")
    assert document["OpenChannels"]["Action"] == [
        f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")
    ]
    assert document["LogSessions"]["Resource"] == f"{SESSIONS}:*"
    assert document["ReadChannel"]["Resource"] == KEY


def test_disk_and_files_follow_the_settings() -> None:
    stack = build(settings=Container(storage_gb=100, open_files=2048))
    assert stack.one("TaskDefinition")["ephemeralStorage"] == {"sizeInGib": 100}
    assert containers(stack)["engine"]["ulimits"] == [{"name": "nofile", "softLimit": 2048, "hardLimit": 2048}]
    assert "ephemeralStorage" not in build().one("TaskDefinition").inputs, "20 GiB is not a value that ECS takes"


def test_a_secret_under_a_key_that_the_role_may_not_use_stops_the_plan() -> None:
    assert build(secret_keys={"JWT_SECRET": KEY}).one("TaskDefinition")
    with pytest.raises(Exception, match=r"ECS cannot read the secrets of engine: JWT_SECRET of the container engine: .*key/2"):
        build(secret_keys={"JWT_SECRET": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/2"})


def test_a_secret_of_another_region_stops_the_plan() -> None:
    with pytest.raises(Exception, match=r"may not use the key .* in eu-west-1"):
        build(secrets={"JWT_SECRET": SECRET.replace(REGION, "eu-west-1")})


def test_a_policy_cannot_take_the_place_of_a_sidecars() -> None:
    mine = {"telemetry": '{"Version":"2012-10-17","Statement":[]}'}
    assert build(policies=mine).one("RolePolicy", "engine-task-policy-telemetry")
    with pytest.raises(ValueError, match="the policies telemetry are the sidecars'"):
        build(policies=mine, extras=EVERYTHING)
