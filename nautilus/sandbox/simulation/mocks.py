"""Unit-test mocks that refuse what the sandbox refuses, and invent what it invents.

    recorded = synth(lambda: Postgres("db", ctx, …))
    database = recorded.one("aws:rds/instance:Instance")
    assert database.inputs["multiAz"] is True

A component test needs no engine: the program's registrations go to these mocks, which check the inputs and answer with computed values.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc
from pulumi.runtime.config import CONFIG
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_root_resource, set_root_resource
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

from nautilus.sandbox.simulation import generators, invokes, types_table, values
from nautilus.sandbox.simulation.api import ApiModels
from nautilus.sandbox.simulation.check import Checker, CheckError, Failure
from nautilus.sandbox.simulation.computed import Maker
from nautilus.sandbox.simulation.context import DEFAULT_ACCOUNT, DEFAULT_REGION, Known, Peer, Run, Urn
from nautilus.sandbox.simulation.provider_config import peer_of
from nautilus.sandbox.simulation.values import reveal

PROJECT = "nautilus-infra"
STACK = "test"
T = TypeVar("T")


@dataclass(frozen=True)
class Recorded:
    """One registered resource."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    """What the program gave, plus what the provider fills in (automatic name, `region`, `tagsAll`); secrets opened."""
    outputs: dict[str, Any]
    """Inputs and computed values; secrets opened."""
    id: str
    custom: bool
    secrets: frozenset[str]
    """Inputs that the program gave as secrets."""
    parent: str
    """URN of the parent; empty at the root."""
    dependencies: tuple[str, ...]
    """URNs it depends on, explicitly or through its inputs."""
    property_dependencies: Mapping[str, tuple[str, ...]]
    """URNs by input."""
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    provider: str
    """URN and id of the provider instance, as `urn::id`; empty for the default provider."""


class Recording(Generic[T]):
    """What a program registered, in order, and what it returned."""

    def __init__(self, result: T, resources: list[Recorded], exports: dict[str, Any], failures: list[tuple[str, str, Failure]]) -> None:
        self.result = result
        self.resources = resources
        self.exports = exports
        """Stack outputs by name, resolved; secrets opened."""
        self.failures = failures
        """(type, name, finding) of resources that broke a rule; only where `strict` is off."""

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    def by_type(self, token: str) -> list[Recorded]:
        """Resources of a type; a short form such as `rds.Instance` is enough."""
        wanted = token.lower()
        return [each for each in self.resources if each.type == token or short(each.type).lower() == wanted]

    def one(self, token: str, name: str | None = None) -> Recorded:
        """The only resource of a type (and logical name).

        Raises:
            LookupError: there is none, or more than one.
        """
        found = [each for each in self.by_type(token) if name is None or each.name == name]
        if len(found) != 1:
            there = ", ".join(f"{each.type} '{each.name}'" for each in (found or self.resources)) or "nothing"
            raise LookupError(f"{len(found)} resources of type {token}{f' named {name}' if name else ''}; there is: {there}")
        return found[0]

    def named(self, name: str) -> Recorded:
        """The only resource of a logical name, of whatever type.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = [each for each in self.resources if each.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources named {name}")
        return found[0]

    def find(self, identity: str) -> Recorded | None:
        """The resource whose id, ARN or URN this is."""
        return next((each for each in self.resources if identity in {each.id, each.urn, each.outputs.get("arn")}), None)

    def urns(self) -> list[str]:
        """All URNs, sorted: what a snapshot test compares."""
        return sorted(each.urn for each in self.resources)


def short(token: str) -> str:
    """`aws:rds/instance:Instance` as `rds.Instance`."""
    parts = token.split(":")
    return f"{parts[1].partition('/')[0]}.{parts[2]}" if len(parts) == 3 and parts[0] == "aws" else token


@cache
def _engine(cache_folder: str) -> tuple[Checker, Maker]:
    folder = Path(cache_folder)
    table = types_table.load(folder)
    return Checker(table, ApiModels(folder)), Maker(table)


class SimulationMocks(pulumi_mocks.Mocks):
    """Pulumi mocks on the simulation library.

    Args:
        strict: raise on the first resource that breaks a rule; otherwise collect the findings.
        region: region of resources without a provider of their own.
        account: account id.
        cache: folder of the types table; the checkout's `.nautilus/cache` by default.
        overrides: outputs by type token that replace computed ones (for the odd test that needs a value).
    """

    def __init__(
        self,
        *,
        strict: bool = True,
        region: str = DEFAULT_REGION,
        account: str = DEFAULT_ACCOUNT,
        cache: Path | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        project: str = PROJECT,
        stack: str = STACK,
    ) -> None:
        self.checker, self.maker = _engine(str(cache or types_table.default_cache()))
        self.strict = strict
        self.peer = Peer(region=region, account=account)
        self.run = Run()
        self.failures: list[tuple[str, str, Failure]] = []
        self.project = project
        self.stack = stack
        self._peers: dict[str, Peer] = {}
        self._overrides = dict(overrides or {})
        self._lock = threading.RLock()

    def register(
        self, urn: str, token: str, inputs: dict[str, Any], *, provider: str = "", physical: str = ""
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Check one resource and make its values: (id, checked inputs, outputs).

        Raises:
            CheckError: it broke a rule, and the mocks are strict.
        """
        with self._lock:
            where = Urn(urn)
            if token.startswith("pulumi:providers:"):
                self._peers[urn] = peer_of(reveal(inputs), self.peer)
                return f"provider-{where.name}", inputs, inputs
            peer = self._peers.get(provider.rpartition("::")[0], self.peer)
            checked = self.checker.check(where, inputs, peer, self.run, preview=False)
            if checked.trouble:
                raise RuntimeError(f"{token} '{where.name}': {'; '.join(checked.trouble)}")
            if checked.failures:
                if self.strict:
                    raise CheckError(token, where.name, checked.failures)
                self.failures += [(token, where.name, failure) for failure in checked.failures]
            if token.startswith("random:"):
                made_id, outputs = generators.make(where, checked.inputs)
            else:
                made = self.maker.make(where, checked.inputs, peer, self.run)
                made_id, outputs = physical or made.id, made.outputs
            outputs = outputs | dict(self._overrides.get(token, {}))
            self.run.note_exists(Known(urn, token, made_id, checked.inputs, outputs))
            return made_id, checked.inputs, outputs

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Pulumi's hook, for use with the SDK's own mock monitor (`pulumi.runtime.set_mocks(SimulationMocks())`)."""
        if not _ours(args.typ):
            return f"{args.name}-id", args.inputs
        urn = f"urn:pulumi:{self.stack}::{self.project}::{args.typ}::{args.name}"
        packed = _sync_await(rpc.serialize_properties(args.inputs, {}))
        made_id, _, outputs = self.register(
            urn, args.typ, values.decode(packed), provider=args.provider or "", physical=args.resource_id or ""
        )
        return made_id, cast("dict[str, Any]", rpc.deserialize_properties(values.encode(outputs), keep_unknowns=True))

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Pulumi's hook for provider functions.

        Raises:
            UnknownFunctionError: the simulation does not know the function.
        """
        peer = self._peers.get((args.provider or "").rpartition("::")[0], self.peer)
        with self._lock:
            result = invokes.invoke(args.token, dict(reveal(args.args)), peer, self.run, self.checker.table)
        return cast("dict[str, Any]", values.to_wire(result)), []


def _ours(token: str) -> bool:
    return token.startswith(("aws:", "random:", "pulumi:providers:"))


class _Monitor(pulumi_mocks.MockMonitor):
    """The SDK's mock monitor, which also notes parents, options and dependencies, and carries exports."""

    def __init__(self, mocks: SimulationMocks) -> None:
        super().__init__(mocks)
        self.simulation = mocks
        self.recorded: list[Recorded] = []
        self.errors: list[BaseException] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the SDK's name
        if request.type == "pulumi:pulumi:Stack" or not request.custom:
            return self._component(request)
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = values.decode(request.object)
        secrets = {name for name, value in inputs.items() if values.has_secret(value)}
        depends = {name: tuple(sorted(each.urns)) for name, each in request.propertyDependencies.items()}
        self.simulation.run.note_dependencies(request.type, request.name, depends)
        if _ours(request.type):
            try:
                made_id, checked, outputs = self.simulation.register(
                    urn, request.type, inputs, provider=request.provider, physical=request.importId
                )
            except BaseException as error:
                self.errors.append(error)
                raise
        else:
            made_id, checked, outputs = f"{request.name}-id", inputs, inputs
        self._note(request, urn, made_id, checked, outputs, secrets, depends)
        self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, made_id, dict(reveal(outputs)))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made_id, object=values.encode(outputs))

    def _component(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type != "pulumi:pulumi:Stack":
            self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, "", {})
            self._note(request, urn, "", {}, {}, set(), {})
        return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)

    def _note(
        self,
        request: Any,
        urn: str,
        made_id: str,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
        secrets: set[str],
        depends: dict[str, tuple[str, ...]],
    ) -> None:
        self.recorded.append(
            Recorded(
                urn=urn,
                type=request.type,
                name=request.name,
                inputs=cast("dict[str, Any]", reveal({key: value for key, value in inputs.items() if key != "__defaults"})),
                outputs=cast("dict[str, Any]", reveal(outputs)),
                id=made_id,
                custom=request.custom,
                secrets=frozenset(secrets),
                parent=request.parent,
                dependencies=tuple(sorted(request.dependencies)),
                property_dependencies=depends,
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                ignore_changes=tuple(request.ignoreChanges),
                provider=request.provider,
            )
        )


def synth(
    build: Callable[[], T],
    *,
    strict: bool = True,
    preview: bool = False,
    region: str = DEFAULT_REGION,
    account: str = DEFAULT_ACCOUNT,
    project: str = PROJECT,
    stack: str = STACK,
    config: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Recording[T]:
    """Runs a function that registers resources, on the simulation's mocks.

    Args:
        build: makes the resources; what it returns is in `.result`.
        strict: raise `CheckError` where a resource breaks a rule; otherwise the findings are in `.failures`.
        preview: whether `pulumi.runtime.is_dry_run()` is true.
        region: region of the default provider.
        account: account id.
        project: Pulumi project name.
        stack: Pulumi stack name.
        config: configuration, by full key (`nautilus-infra:environment`).
        overrides: outputs by type token that replace computed ones.

    Raises:
        CheckError: a resource broke a rule (strict).
    """
    mocks = SimulationMocks(strict=strict, region=region, account=account, overrides=overrides, project=project, stack=stack)
    monitor = _Monitor(mocks)
    box: list[T] = []
    exports: dict[str, Any] = {}
    before = dict(CONFIG.get())
    _ensure_loop()
    # The SDK keeps the root resource of an earlier run, with its exports.
    set_root_resource(cast("pulumi.Resource", None))
    pulumi.runtime.set_mocks(mocks, project=project, stack=stack, preview=preview, monitor=monitor)
    pulumi.runtime.set_all_config(dict(config or {}))

    def body() -> pulumi.Output[None]:
        box.append(build())
        root = get_root_resource()
        outputs = cast("dict[str, Any]", getattr(root, "outputs", {}))
        return pulumi.Output.all(**outputs).apply(exports.update)

    try:
        pulumi.runtime.test(body)()
    except BaseException:
        # The SDK wraps and repeats an error for every resource that depended on the failed one: the first finding is the cause.
        cause = next((each for each in monitor.errors if isinstance(each, CheckError)), None)
        if cause is not None:
            raise cause from None
        raise
    finally:
        pulumi.runtime.set_all_config(before)
    if monitor.errors:
        raise monitor.errors[0]
    return Recording(box[0], list(monitor.recorded), exports, list(mocks.failures))


def _ensure_loop() -> None:
    """The SDK wants an event loop in the thread; a test runner may have closed the last one."""
    if _ensure_event_loop().is_closed():
        asyncio.set_event_loop(asyncio.new_event_loop())


__all__ = ["CheckError", "Failure", "Recorded", "Recording", "SimulationMocks", "synth"]
