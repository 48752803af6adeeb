"""A stack's engine without an engine: it gives what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nautilus.engine.events import Diagnostic, PolicyViolation, PropertyDiff, ResourceState, Severity, Step, StepDone, StepStarted
from nautilus.engine.run import EventHandler, OperationResult, Outcome, Verb

PREFIX = "urn:pulumi:local::nautilus-infra::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::nautilus-infra-local"
ROOT = f"{PREFIX}nautilus:platform::nautilus"
NETWORK = f"{PREFIX}nautilus:platform$nautilus:network::network"
POSTGRES = f"{PREFIX}nautilus:platform$nautilus:postgres::postgres"
VPC = f"{PREFIX}nautilus:platform$nautilus:network$aws:ec2/vpc:Vpc::network-vpc"
DATABASE = f"{PREFIX}nautilus:platform$nautilus:postgres$aws:rds/instance:Instance::postgres-primary"
PARENTS = {ROOT: STACK, NETWORK: ROOT, POSTGRES: ROOT, VPC: NETWORK, DATABASE: POSTGRES}


def state(urn: str, *, protect: bool = False) -> ResourceState:
    """A resource's state, with its parent as the fake platform has it."""
    kind = urn.split("::")[2].rpartition("$")[2]
    custom = kind.startswith("aws:")
    return ResourceState(
        urn=urn,
        type=kind,
        id="",
        parent=PARENTS.get(urn, ""),
        provider="",
        custom=custom,
        protect=protect,
        retain_on_delete=protect,
        external=False,
        pending_delete=False,
        inputs={},
        outputs={},
    )


def step(op: str, urn: str, *, protect: bool = False, replaces: Sequence[str] = ()) -> Step:
    """A step on a resource; deletions have only an old state, creations only a new one."""
    found = state(urn, protect=protect)
    diff = {path: PropertyDiff("update-replace", True) for path in replaces} or None
    old = None if op == "create" else found
    new = None if op == "delete" else found
    return Step(op=op, urn=urn, type=found.type, old=old, new=new, detailed_diff=diff)


ALL = (STACK, ROOT, NETWORK, POSTGRES, VPC, DATABASE)


def result(
    verb: Verb,
    steps: Sequence[Step] | None = None,
    *,
    op: str = "create",
    outcome: Outcome = Outcome.SUCCEEDED,
    errors: Sequence[str | Diagnostic] = (),
    policies: Sequence[PolicyViolation] = (),
    failed: Sequence[Step] = (),
    log: Path = Path("pulumi.log"),
) -> OperationResult:
    """An operation's result; without `steps` the whole fake platform is `op`-ed."""
    done = tuple(step(op, urn) for urn in ALL) if steps is None else tuple(steps)
    changes: dict[str, int] = {}
    for item in done:
        changes[item.op] = changes.get(item.op, 0) + 1
    diagnostics = tuple(Diagnostic(Severity.ERROR, item) if isinstance(item, str) else item for item in errors)
    return OperationResult(
        verb=verb,
        outcome=outcome,
        changes=changes,
        steps=done,
        failed=tuple(failed),
        diagnostics=diagnostics,
        policies=tuple(policies),
        policy_packs={"nautilus": "1.0"},
        seconds=1.5,
        output_log=log,
        event_log=log.with_suffix(".jsonl"),
    )


@dataclass
class FakeEngine:
    """Answers each operation with what `answers` holds for it, else with a plain success.

    `asked` lists the operations with their options.
    """

    simulated: bool = True
    answers: dict[str, OperationResult] = field(default_factory=dict[str, OperationResult])
    states: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def _run(self, name: str, verb: Verb, on_event: EventHandler | None, **options: Any) -> OperationResult:
        self.asked.append((name, {key: value for key, value in options.items() if value not in (None, False)}))
        answer = self.answers.get(name) or result(verb)
        if on_event is not None:
            for item in answer.steps:
                on_event(StepStarted(item, verb is Verb.PREVIEW))
                on_event(StepDone(item, verb is Verb.PREVIEW))
        return answer

    def preview(self, on_event: EventHandler | None = None, **options: Any) -> OperationResult:
        return self._run("preview", Verb.PREVIEW, on_event, **options)

    def up(self, on_event: EventHandler | None = None, **options: Any) -> OperationResult:
        answer = self._run("up", Verb.UP, on_event, **options)
        if options.get("unlock"):
            self.states = [{**item, "protect": False, "retainOnDelete": False} for item in self.states]
        return answer

    def destroy(self, on_event: EventHandler | None = None, **options: Any) -> OperationResult:
        answer = self._run("destroy", Verb.DESTROY, on_event, **options)
        if answer.ok:
            self.states = []
        return answer

    def refresh(self, on_event: EventHandler | None = None, **options: Any) -> OperationResult:
        return self._run("refresh", Verb.REFRESH, on_event, **options)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        self.asked.append(("outputs", {"show_secrets": show_secrets}))
        return self.values

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        return {"version": 3, "deployment": {"manifest": {}, "resources": self.states, "shown": show_secrets}}

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order."""
        return [name for name, _ in self.asked]
