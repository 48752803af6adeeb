"""Run the pack over recorded resources: what tests of other rooms and the command line use. Needs no engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from policies.catalogue import RULES
from policies.evaluation import Finding
from policies.evaluation import evaluate as run_rules
from policies.exemptions import Exemptions
from policies.resources import Resource, Stack
from policies.rule import EXAMPLE_DAY, Enforcement, Given, Kind, Rule
from policies.values import ABSENT, EMPTY, UNKNOWN, Properties, properties

__all__ = ["ABSENT", "UNKNOWN", "Finding", "Kind", "Recorded", "evaluate", "judge", "recorded_stack", "simulated"]

_LONG_AGO = date(2000, 1, 1)


@dataclass(frozen=True)
class Recorded:
    """One resource as mocks, a preview or a state file have it."""

    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Inputs under their names on the wire (camelCase). `UNKNOWN` marks a value that is not known yet."""
    urn: str = ""
    """Made up from type and name when not given."""
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the provider answered; `id` and `arn` here let literals in other inputs be recognised as references."""
    dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Input → URNs, or logical names, of the resources that it is computed from."""

    @cached_property
    def known(self) -> tuple[Properties, Properties]:
        """Inputs and outputs as rules see them; once, because many mutants of a platform share most of its resources."""
        return properties(self.props), properties(self.outputs) if self.outputs else EMPTY


class Simulated(Protocol):
    """A resource as a recorder of unit tests keeps it (the simulation's `synth` does)."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def outputs(self) -> Mapping[str, Any]: ...
    @property
    def property_dependencies(self) -> Mapping[str, Sequence[str]]: ...


def simulated(resources: Iterable[Simulated]) -> list[Recorded]:
    """What a recorder of unit tests kept, in the form that `evaluate` takes."""
    return [
        Recorded(
            type=item.type,
            name=item.name,
            props=item.inputs,
            urn=item.urn,
            outputs={**item.outputs, "id": item.id},
            dependencies=item.property_dependencies,
        )
        for item in resources
    ]


def evaluate(
    resources: Iterable[Recorded],
    *,
    rules: Sequence[Rule] = RULES,
    preview: bool = False,
    accounts: Iterable[str] = (),
    secrets: Iterable[str] = (),
    exemptions: Exemptions | None = None,
    today: date = _LONG_AGO,
    unlocked: bool = False,
    advice: bool = False,
) -> list[Finding]:
    """What the pack's mandatory rules find in recorded resources, and on request what the advisory ones find.

    Args:
        resources: The resources of one stack.
        rules: The rules to run; the whole pack when not given.
        preview: Whether unknown values come from a preview. Composed documents are then put off (`Kind.LATER`) instead of failing.
        accounts: The accounts that count as one's own, where the recording holds no provider with `allowedAccountIds`.
        secrets: The values of the stack's secret configuration.
        exemptions: Accepted exceptions; none when not given.
        today: The day that their expiry and that of emergency rules is measured against.
        unlocked: Whether the stack's configuration says `unlock`.
        advice: Whether the findings of advisory rules, and of mandatory ones about what the stack was given, are wanted too. They stop
            nothing.
    """
    stack = recorded_stack(resources, preview=preview, accounts=accounts, secrets=secrets, today=today, unlocked=unlocked)
    findings = run_rules(rules, stack, exemptions=exemptions)
    if advice:
        return findings
    advisory = {rule.id for rule in rules if rule.enforcement is Enforcement.ADVISORY}
    return [
        finding
        for finding in findings
        if finding.kind is Kind.BROKEN or (finding.rule not in advisory and finding.kind is not Kind.ELSEWHERE)
    ]


def recorded_stack(
    resources: Iterable[Recorded],
    *,
    preview: bool = False,
    accounts: Iterable[str] = (),
    secrets: Iterable[str] = (),
    today: date = _LONG_AGO,
    unlocked: bool = False,
) -> Stack:
    """The same resources as the graph that stack rules see."""
    recorded = [(item, item.urn or f"urn:pulumi:recorded::nautilus-infra::{item.type}::{item.name}") for item in resources]
    by_name = {item.name: urn for item, urn in recorded}
    own = tuple(accounts)
    return Stack(
        (
            Resource(
                urn=urn,
                type_=item.type,
                name=item.name,
                inputs=item.known[0],
                outputs=item.known[1],
                dependencies={prop: [by_name.get(name, name) for name in names] for prop, names in item.dependencies.items()},
                accounts=own,
            )
            for item, urn in recorded
        ),
        today=today,
        preview=preview,
        unlocked=unlocked,
        secrets=secrets,
    )


def judge(rule: Rule, given: Iterable[Given]) -> dict[str, Kind]:
    """What one rule says about the resources of an example, as in a preview: logical name → kind of finding."""
    found = evaluate(
        [Recorded(item.type, item.name, item.props, outputs=item.outputs, dependencies=item.depends) for item in given],
        rules=[rule],
        preview=True,
        today=EXAMPLE_DAY,
        advice=True,
    )
    return {finding.urn.rpartition("::")[2]: finding.kind for finding in found}
