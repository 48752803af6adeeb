"""A one-off job: its task, its way in, and who hears of a run that ended badly."""

from __future__ import annotations

import json
import re
from typing import Any

import pulumi
import pytest

from infra.component import Context
from infra.components.cluster import Cluster
from infra.components.job import Job
from infra.naming import Names
from infra.settings.workloads import Container
from nautilus.sandbox.simulation.mocks import Recording, synth

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c0ffee0-0000-4000-8000-000000000000"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:nautilus-prod-critical"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-prod/backend@sha256:{'ab' * 32}"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:nautilus/prod/database-app-login-AbCdEf"


def context() -> Context:
    return Context(
        names=Names("nautilus", "prod"),
        account_id=ACCOUNT,
        region=REGION,
        dr_region="us-west-2",
        zones=("us-east-1a", "us-east-1b"),
        log_days=365,
        unlocked=False,
    )


def build(**more: Any) -> Recording[Job]:
    def program() -> Job:
        ctx = context()
        given: dict[str, Any] = {
            "settings": Container(cpu=512, memory=1024),
            "cluster": Cluster("cluster", ctx, log_key_arn=KEY),
            "image": IMAGE,
            "command": ["python3", "/opt/nautilus/migrations"],
            "argument": "check",
            "environment": {"DATABASE_HOST": "db.example.com"},
            "secrets": {"DATABASE_PASSWORD": f"{SECRET}:password::"},
            "secret_key_arn": KEY,
            "subnet_ids": ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"],
            "group_id": "sg-0a1b2c3d4e5f60718",
            "log_key_arn": KEY,
            "topic_arn": TOPIC,
            "more": {"service": "backend", "dryRunHours": 24},
        }
        job = Job("migrations", ctx, **{**given, **more})
        pulumi.export("facts", job.facts)
        return job

    return synth(program, account=ACCOUNT)


def test_it_is_a_task_definition_and_no_service() -> None:
    made = build()
    definition = made.one("aws:ecs/taskDefinition:TaskDefinition").inputs
    assert (definition["family"], definition["cpu"], definition["memory"]) == ("nautilus-prod-migrations", "512", "1024")
    [container] = json.loads(definition["containerDefinitions"])
    assert container["command"] == ["python3", "/opt/nautilus/migrations", "check"], "what nobody orders changes nothing"
    assert (container["readonlyRootFilesystem"], container["user"], container["stopTimeout"]) == (True, "10001:10001", 120)
    assert container["secrets"] == [{"name": "DATABASE_PASSWORD", "valueFrom": f"{SECRET}:password::"}]
    assert not made.by_type("aws:ecs/service:Service")


def test_its_own_role_may_do_nothing_and_ecs_may_read_its_secrets_alone() -> None:
    made = build()
    policies = {one.name: json.loads(one.inputs["policy"]) for one in made.by_type("aws:iam/rolePolicy:RolePolicy")}
    assert list(policies) == ["migrations-task-execution-policy"]
    statements = {one["Sid"]: one for one in policies["migrations-task-execution-policy"]["Statement"]}
    assert statements["ReadSecrets"]["Resource"] == SECRET
    assert statements["PullImage"]["Resource"].endswith(":repository/nautilus-prod/backend")


def test_its_log_is_encrypted_and_kept() -> None:
    [log] = [one for one in build().by_type("aws:cloudwatch/logGroup:LogGroup") if one.name == "migrations-task-log"]
    assert (log.inputs["name"], log.inputs["kmsKeyId"], log.inputs["retentionInDays"]) == ("/nautilus/prod/migrations", KEY, 365)


def test_operations_are_told_everything_to_run_it() -> None:
    made = build()
    facts = json.loads(made.exports["facts"])
    definition = made.one("aws:ecs/taskDefinition:TaskDefinition")
    assert facts == {
        "cluster": "nautilus-prod-cluster",
        "taskDefinition": definition.outputs["arn"],
        "container": "migrations",
        "command": ["python3", "/opt/nautilus/migrations"],
        "subnets": ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"],
        "group": "sg-0a1b2c3d4e5f60718",
        "logGroup": "/nautilus/prod/migrations",
        "service": "backend",
        "dryRunHours": 24,
    }


def event(**detail: Any) -> dict[str, Any]:
    """A task state change as ECS sends it."""
    return {
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "detail": {
            "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/nautilus-prod-cluster",
            "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/nautilus-prod-migrations:7",
            "lastStatus": "STOPPED",
            "stopCode": "EssentialContainerExited",
            "containers": [{"name": "migrations", "exitCode": 0}],
            **detail,
        },
    }


def matches(pattern: Any, value: Any) -> bool:
    """EventBridge's matching, as far as the pattern uses it (its user guide, event patterns)."""
    if isinstance(pattern, list):
        return any(_one(rule, value) for rule in pattern)
    if isinstance(value, list):
        return any(matches(pattern, item) for item in value)
    if not isinstance(value, dict):
        return False
    rest = {key: rule for key, rule in pattern.items() if key != "$or"}
    return all(key in value and matches(rule, value[key]) for key, rule in rest.items()) and (
        "$or" not in pattern or any(matches(rule, value) for rule in pattern["$or"])
    )


def _one(rule: Any, value: Any) -> bool:
    if isinstance(rule, dict):
        if "prefix" in rule:
            return isinstance(value, str) and value.startswith(rule["prefix"])
        return value not in rule["anything-but"]
    return value == rule


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ({}, False),
        ({"containers": [{"name": "migrations", "exitCode": 1}]}, True),
        ({"containers": [{"name": "migrations", "exitCode": 137}], "stopCode": "EssentialContainerExited"}, True),
        ({"containers": [{"name": "migrations"}], "stopCode": "TaskFailedToStart"}, True),
        # GuardDuty's agent, which AWS kills when the program has ended.
        ({"containers": [{"name": "migrations", "exitCode": 0}, {"name": "aws-guardduty-agent-mfjGLB", "exitCode": 137}]}, False),
        ({"containers": [{"name": "aws-guardduty-agent-mfjGLB", "exitCode": 0}, {"name": "migrations", "exitCode": 3}]}, True),
        ({"stopCode": "UserInitiated"}, True),
        ({"lastStatus": "RUNNING", "containers": [{"name": "migrations", "exitCode": 1}]}, False),
        ({"taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/nautilus-prod-migrations-2:7", "stopCode": "x"}, False),
        ({"clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/other", "stopCode": "x"}, False),
    ],
)
def test_a_run_that_ended_badly_is_told(detail: dict[str, Any], told: bool) -> None:
    made = build()
    rule = made.one("aws:cloudwatch/eventRule:EventRule").inputs
    assert matches(json.loads(rule["eventPattern"]), event(**detail)) is told
    assert made.one("aws:cloudwatch/eventTarget:EventTarget").inputs["arn"] == TOPIC
    assert re.search(r"docs/runbooks/migrations\.md", rule["description"])


def test_a_size_that_fargate_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"migrations\.memory = 64"):
        build(settings=Container.model_construct(cpu=256, memory=64))


def test_guarddutys_agent_can_be_pulled() -> None:
    """GuardDuty's guide, prerequisites for Fargate: the execution role pulls the agent, from AWS's own account."""
    [policy] = [one for one in build().by_type("aws:iam/rolePolicy:RolePolicy") if one.name == "migrations-task-execution-policy"]
    [statement] = [one for one in json.loads(policy.inputs["policy"])["Statement"] if one["Sid"] == "PullGuardDutyAgent"]
    assert statement["Resource"] == f"arn:aws:ecr:{REGION}:593207742271:repository/aws-guardduty-agent-fargate"
    assert "ecr:BatchGetImage" in statement["Action"]
