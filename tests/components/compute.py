"""Builds compute and operations components on Pulumi's mocks and shows what they registered, options included."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

from infra.component import Context
from infra.naming import Names

ACCOUNT = "123456789012"
REGION = "us-east-1"
DIGEST = "sha256:" + "ab" * 32
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:nautilus-dev/jwt-AbCdEf"
SUBNETS = ["subnet-a", "subnet-b", "subnet-c"]


def image(name: str) -> str:
    """An ECR image by digest."""
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-dev/{name}@{DIGEST}"


def context(*, unlocked: bool = False, log_days: int = 365) -> Context:
    """A context of three zones."""
    return Context(
        names=Names("nautilus", "dev"),
        account_id=ACCOUNT,
        region=REGION,
        dr_region="us-west-2",
        zones=tuple(f"{REGION}{letter}" for letter in "abc"),
        log_days=log_days,
        unlocked=unlocked,
    )


@dataclass(frozen=True)
class Made:
    """One registered resource and its options."""

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    protect: bool
    retain: bool
    ignored: tuple[str, ...]
    depends_on: tuple[str, ...]
    """Logical names."""
    timeouts: tuple[str, str, str]

    def __getitem__(self, key: str) -> Any:
        return self.inputs[key]

    def document(self, key: str) -> dict[str, dict[str, Any]]:
        """A policy document's statements by sid."""
        return {one.get("Sid", ""): one for one in json.loads(self.inputs[key])["Statement"]}


def computed(args: MockResourceArgs) -> dict[str, Any]:
    """What the components read back, in AWS's forms."""
    physical = args.inputs.get("name", args.name)
    match args.typ:
        case "aws:ecr/repository:Repository":
            return {
                "arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{physical}",
                "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{physical}",
            }
        case "aws:cloudwatch/logGroup:LogGroup":
            return {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{physical}"}
        case "aws:lb/targetGroup:TargetGroup":
            return {"arn": f"arn:tg/{args.name}", "arnSuffix": f"targetgroup/{args.name}/1"}
        case _:
            return {"arn": f"arn:{args.name}"}


answer: Callable[[MockResourceArgs], dict[str, Any]] = computed
"""What a registered resource answers beside its inputs; a test may put its own in place."""


class _Recorder(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", {"name": args.name, **args.inputs, **answer(args)}

    def call(self, args: MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(f"a component must not look anything up: {args.token}")


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.made: list[Made] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - Pulumi's name
        response = super().RegisterResource(request)
        self.made.append(
            Made(
                type=request.type,
                name=request.name,
                urn=response.urn,
                inputs=rpc.deserialize_properties(request.object, keep_unknowns=False),
                protect=request.protect,
                retain=request.retainOnDelete,
                ignored=tuple(request.ignoreChanges),
                depends_on=tuple(sorted(urn.rpartition("::")[2] for urn in request.dependencies)),
                timeouts=(request.customTimeouts.create, request.customTimeouts.update, request.customTimeouts.delete),
            )
        )
        return response


class Stack:
    """Everything that a program registered."""

    def __init__(self, made: list[Made], outputs: dict[str, Any]) -> None:
        self.made = made
        self.outputs = outputs

    def all(self, kind: str) -> list[Made]:
        """Resources of a type, named by its last part: `TaskDefinition`."""
        return [one for one in self.made if one.type.rpartition(":")[2] == kind]

    def one(self, kind: str, name: str | None = None) -> Made:
        """The only resource of a type, or that of a logical name."""
        found = [one for one in self.all(kind) if name is None or one.name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}: {[one.name for one in self.all(kind)]}"
        return found[0]


def synth(build: Callable[[], dict[str, Any] | None]) -> Stack:
    """Run `build` on mocks. What it returns is resolved into `outputs`."""
    mocks = _Recorder()
    monitor = _Monitor(mocks)
    set_mocks(mocks, project="nautilus", stack="test", preview=False, monitor=monitor)
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> Any:
        given = build() or {}
        return pulumi.Output.all(**given).apply(outputs.update) if given else None

    run()
    return Stack(monitor.made, outputs)


@dataclass
class TwoSlots:
    """A route as `infra.components.web_route` makes it."""

    blue: aws.lb.TargetGroup
    green: aws.lb.TargetGroup
    production_rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule


def two_slots() -> TwoSlots:
    """Two target groups and two rules."""
    rules = [
        aws.lb.ListenerRule(
            name,
            listener_arn="arn:listener",
            priority=10,
            conditions=[{"path_pattern": {"values": ["/api/*"]}}],
            actions=[{"type": "forward", "target_group_arn": "arn:tg/blue"}],
        )
        for name in ("production", "test")
    ]
    groups = [aws.lb.TargetGroup(name, port=8000, protocol="HTTP", target_type="ip", vpc_id="vpc-1") for name in ("blue", "green")]
    return TwoSlots(groups[0], groups[1], rules[0], rules[1])
