"""Builds a network or edge component on Pulumi's mocks and shows what it registered: inputs, secrets and resource options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

from infra.component import Context
from infra.naming import Names

ACCOUNT = "123456789012"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Secret:
    """A secret input."""

    value: Any


@dataclass(frozen=True)
class Made:
    """One registered resource."""

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    retain: bool
    ignored: tuple[str, ...]

    def __getitem__(self, key: str) -> Any:
        return self.inputs[key]


def context(*, region: str = "us-east-1", unlocked: bool = False, environment: str = "prod", project: str = "nautilus") -> Context:
    """A context of three zones."""
    return Context(
        names=Names(project, environment),
        account_id=ACCOUNT,
        region=region,
        dr_region="eu-west-1",
        zones=tuple(f"{region}{letter}" for letter in "abc"),
        log_days=365,
        unlocked=unlocked,
    )


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_shown(value["value"]))
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value


def _computed(args: MockResourceArgs) -> dict[str, Any]:
    """What the components read back, in AWS's forms."""
    inputs = args.inputs
    match args.typ:
        case "aws:ec2/vpc:Vpc":
            return {"defaultRouteTableId": "rtb-default"}
        case "aws:ec2/eip:Eip":
            return {"publicIp": "203.0.113.7", "allocationId": f"eipalloc-{args.name}"}
        case "aws:ec2/vpcEndpoint:VpcEndpoint":
            return {"prefixListId": "pl-63a5400a"}
        case "aws:s3/bucket:Bucket":
            name = inputs["bucket"]
            return {"arn": f"arn:aws:s3:::{name}", "bucketRegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com"}
        case "aws:acm/certificate:Certificate":
            names = [inputs["domainName"], *inputs.get("subjectAlternativeNames", [])]
            options = [
                {
                    "domainName": name,
                    "resourceRecordName": f"_proof.{name}.",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": f"_value-of-{name}.acm-validations.aws.",
                }
                for name in reversed(names)
            ]
            return {"arn": f"arn:aws:acm:::certificate/{args.name}", "domainValidationOptions": options}
        case "aws:cloudfront/distribution:Distribution":
            return {
                "arn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1",
                "domainName": "d1.cloudfront.net",
                "hostedZoneId": "Z2FDTNDATAQYW2",
            }
        case "aws:route53/zone:Zone":
            return {"zoneId": "Z0NE", "nameServers": ["ns-1.example.net"]}
        case _:
            return {"arn": f"arn:{args.name}"}


class _Recorder(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", {**args.inputs, **_computed(args)}

    def call(self, args: MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(f"a component must not look anything up: {args.token}")


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.made: list[Made] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (Pulumi's name)
        self.made.append(
            Made(
                type=request.type,
                name=request.name,
                inputs=_shown(rpc.deserialize_properties(request.object)),
                protect=request.protect,
                retain=request.retainOnDelete,
                ignored=tuple(request.ignoreChanges),
            )
        )
        return super().RegisterResource(request)


class Stack:
    """Everything that a program registered."""

    def __init__(self, made: list[Made], outputs: dict[str, Any]) -> None:
        self.made = made
        self.outputs = outputs

    def all(self, kind: str) -> list[Made]:
        """Resources of a type, named by its last part: `Subnet`."""
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
