"""Builds a data component on Pulumi's mocks and shows what it registered: inputs, secrets, protection and dependencies."""

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
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
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
    needs: tuple[str, ...]
    """Logical names of what it waits for explicitly."""
    parent: str

    def __getitem__(self, key: str) -> Any:
        return self.inputs[key]


def context(*, unlocked: bool = False, environment: str = "prod") -> Context:
    """A context of three zones."""
    return Context(
        names=Names("nautilus", environment),
        account_id=ACCOUNT,
        region="us-east-1",
        dr_region="us-west-2",
        zones=ZONES,
        log_days=365,
        unlocked=unlocked,
    )


def key(name: str, *, region: str = "us-east-1") -> str:
    """ARN of a KMS key."""
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{name}"


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_shown(value["value"]))
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value


def _computed(args: MockResourceArgs) -> dict[str, Any]:
    """What AWS fills in and the components read back."""
    given = args.inputs
    region = given.get("region") or "us-east-1"
    kind = args.typ.rpartition(":")[2]
    place = f"{region}:{ACCOUNT}"
    match args.typ:
        case "aws:kms/key:Key":
            return {"arn": key(args.name, region=region), "keyId": f"id-of-{args.name}"}
        case "aws:secretsmanager/secret:Secret":
            return {"arn": f"arn:aws:secretsmanager:{place}:secret:{given['name']}-AbCdEf"}
        case "random:index/randomPassword:RandomPassword":
            return {"result": f"value-of-{args.name}"}
        case "random:index/randomId:RandomId":
            return {"hex": "0a1b2c3d"}
        case "aws:rds/instance:Instance":
            name = given["identifier"]
            return {
                "address": f"{name}.abc.{region}.rds.amazonaws.com",
                "arn": f"arn:aws:rds:{place}:db:{name}",
                "port": 5432,
                "resourceId": f"db-{args.name}",
                "masterUserSecrets": [{"secretArn": f"arn:aws:secretsmanager:{place}:secret:rds!db-1"}]
                if given.get("manageMasterUserPassword")
                else [],
            }
        case "aws:rds/proxy:Proxy":
            name = given["name"]
            return {
                "endpoint": f"{name}.proxy-abc.{region}.rds.amazonaws.com",
                "arn": f"arn:aws:rds:{place}:db-proxy:prx-0123456789abcdef0",
            }
        case "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup":
            return {"name": "default"}
        case "aws:elasticache/replicationGroup:ReplicationGroup":
            name = given["replicationGroupId"]
            return {"primaryEndpointAddress": f"master.{name}.cache", "readerEndpointAddress": f"replica.{name}.cache"}
        case "aws:ec2/networkInterface:NetworkInterface":
            return {"privateIp": f"10.20.{64 + ord(args.name.split('-')[1]) - ord('a')}.10"}
        case "aws:ebs/volume:Volume":
            return {"arn": f"arn:aws:ec2:{place}:volume/vol-{args.name}"}
        case "aws:ec2/launchTemplate:LaunchTemplate":
            return {"latestVersion": 7}
        case "aws:lb/loadBalancer:LoadBalancer":
            return {"arn": f"arn:aws:elasticloadbalancing:{place}:{args.name}", "dnsName": f"{given['name']}.elb.{region}.amazonaws.com"}
        case "aws:iam/instanceProfile:InstanceProfile":
            return {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{given['name']}"}
        case "aws:iam/role:Role":
            return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{given['name']}"}
        case "aws:cloudwatch/logGroup:LogGroup":
            return {"arn": f"arn:aws:logs:{place}:log-group:{given['name']}"}
        case "aws:s3/bucket:Bucket":
            return {"arn": f"arn:aws:s3:::{given['bucket']}"}
        case _:
            return {"arn": f"arn:aws:{kind.lower()}:{place}:{args.name}"}


class _Recorder(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        identity = {"aws:ebs/volume:Volume": f"vol-{args.name}", "aws:s3/bucket:Bucket": args.inputs.get("bucket")}.get(args.typ)
        return identity or f"{args.name}-id", {**args.inputs, **_computed(args)}

    def call(self, args: MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(f"a component must not look anything up: {args.token}")


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.made: list[Made] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (Pulumi's name)
        # What an input refers to counts as a dependency too; only the rest was asked for.
        implied = {urn for one in request.propertyDependencies.values() for urn in one.urns}
        self.made.append(
            Made(
                type=request.type,
                name=request.name,
                inputs=_shown(rpc.deserialize_properties(request.object)),
                protect=request.protect,
                retain=request.retainOnDelete,
                ignored=tuple(request.ignoreChanges),
                needs=tuple(sorted(urn.rpartition("::")[2] for urn in request.dependencies if urn not in implied)),
                parent=request.parent.rpartition("::")[2],
            )
        )
        return super().RegisterResource(request)


class Stack:
    """Everything that a program registered."""

    def __init__(self, made: list[Made], outputs: dict[str, Any]) -> None:
        # Resources register as soon as their inputs are known, in no fixed order.
        self.made = sorted(made, key=lambda one: (one.type, one.name))
        self.outputs = outputs

    def all(self, kind: str) -> list[Made]:
        """Resources of a type, named by module and type: `rds.Instance`."""
        module, _, name = kind.partition(".")
        return [one for one in self.made if one.type.endswith(f":{name}") and one.type.split(":")[1].split("/")[0] == module]

    def names(self, kind: str) -> list[str]:
        """Logical names of a type's resources."""
        return [one.name for one in self.all(kind)]

    def one(self, kind: str, name: str | None = None) -> Made:
        """The only resource of a type, or that of a logical name."""
        found = [one for one in self.all(kind) if name is None or one.name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}: {self.names(kind)}"
        return found[0]


def synth(build: Callable[[], dict[str, Any] | None]) -> Stack:
    """Run `build` on mocks. What it returns is resolved into `outputs`."""
    mocks = _Recorder()
    monitor = _Monitor(mocks)
    resolved: dict[str, Any] = {}
    set_mocks(mocks, project="nautilus-infra", stack="test", preview=False, monitor=monitor)

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        given = build() or {}
        return pulumi.Output.all(**given).apply(resolved.update)

    program()
    return Stack(monitor.made, resolved)


def protected(stack: Stack) -> set[str]:
    """Logical names of what is protected; the same must be retained."""
    assert {one.name for one in stack.made if one.protect} == {one.name for one in stack.made if one.retain}
    return {one.name for one in stack.made if one.protect}
