"""A rule is data and a pure predicate, with examples that prove both sides of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias

from policies.resources import Resource, Stack


class Severity(StrEnum):
    """How bad a violation is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Enforcement(StrEnum):
    """What a violation does to a deployment."""

    MANDATORY = "mandatory"
    """It fails the preview, and during an update it stops the resource."""
    ADVISORY = "advisory"
    """It is a warning line."""


class Kind(StrEnum):
    """What a rule has to say about a resource."""

    VIOLATION = "violation"
    """The rule does not hold."""
    UNRESOLVED = "unresolved"
    """The rule cannot be shown to hold, because a value is unknown: it fails closed."""
    LATER = "later"
    """A document composed from resources that do not exist yet: judged at the update, before its resource is created."""
    ELSEWHERE = "elsewhere"
    """It is about what somebody else made and the stack was only given, so that nothing here can show it: advice to look there."""
    BROKEN = "broken"
    """The rule itself failed."""
    EXEMPTED = "exempted"
    """The rule does not hold, and `exemptions.yaml` says why that is accepted for now."""


@dataclass(frozen=True)
class Problem:
    """One thing that a rule found wrong with one resource."""

    resource: Resource
    prop: str
    """The input that is wrong, as a dotted path."""
    message: str
    """One sentence. It names ports, addresses, principals and actions, never the value of a secret."""
    kind: Kind = Kind.VIOLATION


def violation(resource: Resource, prop: str, message: str) -> Problem:
    """The rule does not hold for `resource`, because of `prop`."""
    return Problem(resource, prop, message)


def unresolved(resource: Resource, prop: str, message: str = "") -> Problem:
    """The rule cannot be shown to hold: `prop` is unknown."""
    return Problem(resource, prop, message or f"`{prop}` is not known yet, so the rule cannot be shown to hold", Kind.UNRESOLVED)


def later(resource: Resource, prop: str) -> Problem:
    """`prop` is a document composed from resources that do not exist yet.

    In a preview it is announced; at the update it is judged before its resource is created. Where the program's own resources do not
    explain why it is unknown, the framework treats it as `unresolved`.
    """
    return Problem(resource, prop, f"`{prop}` is composed from resources that do not exist yet", Kind.LATER)


def elsewhere(resource: Resource, prop: str, message: str) -> Problem:
    """`prop` names what this stack was given wholly and does not make, so whether the rule holds can be seen there alone.

    It stops nothing, whatever the rule's level: only for what the stack could not declare even if it wanted to (see `brought_along`).
    """
    return Problem(resource, prop, message, Kind.ELSEWHERE)


class Case(StrEnum):
    """Which side of a rule an example shows."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    ABSENT = "absent"


@dataclass(frozen=True)
class Given:
    """One resource of an example. Dependencies name other resources of the example by their logical name."""

    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    depends: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Example:
    """Resources, and what the rule must say about them: nothing, or the problems named by resource."""

    case: Case
    why: str
    given: tuple[Given, ...]
    expect: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    """Logical name of a resource → what the rule says about it. Empty: the rule is content."""


def good(why: str, *given: Given) -> Example:
    """The rule must be content."""
    return Example(Case.GOOD, why, given)


def bad(why: str, *given: Given, at: str = "") -> Example:
    """The rule must find a violation at the resource named `at` (the first one when not given)."""
    return Example(Case.BAD, why, given, {at or given[0].name: Kind.VIOLATION})


def unknown(why: str, *given: Given, expect: Mapping[str, Kind] | None = None) -> Example:
    """A value is unknown; `expect` says what follows (nothing when not given)."""
    return Example(Case.UNKNOWN, why, given, expect or {})


def absent(why: str, *given: Given, expect: Mapping[str, Kind] | None = None) -> Example:
    """A property is not set; `expect` says what follows (nothing when not given)."""
    return Example(Case.ABSENT, why, given, expect or {})


@dataclass(frozen=True, kw_only=True)
class _Described:
    id: str
    """Stable, such as `NET-02`: the engine shows it, exemptions and the policy configuration name it."""
    severity: Severity
    title: str
    """What must hold, as one sentence."""
    rationale: str
    """What goes wrong otherwise."""
    remediation: str
    """What to change, as one sentence; shown with every violation."""
    references: tuple[str, ...]
    """Published controls that ask for the same: Security Hub (`FSBP …`), CIS AWS v5.0 (`CIS …`), checkov (`CKV_…`), trivy (`AVD-…`)."""
    types: tuple[str, ...]
    """Type tokens of the resources that it reports on."""
    examples: tuple[Example, ...]

    @property
    def enforcement(self) -> Enforcement:
        """Critical and high rules are mandatory, medium and low ones advise. A stack's configuration may say otherwise."""
        return Enforcement.MANDATORY if self.severity in (Severity.CRITICAL, Severity.HIGH) else Enforcement.ADVISORY


@dataclass(frozen=True, kw_only=True)
class ResourceRule(_Described):
    """Judges one resource by its inputs, before it is created or changed."""

    check: Callable[[Resource], Iterable[Problem]]


@dataclass(frozen=True, kw_only=True)
class StackRule(_Described):
    """Judges how resources of the whole stack relate."""

    check: Callable[[Stack], Iterable[Problem]]


EXAMPLE_DAY = date(2026, 1, 15)
"""The day on which every example plays."""

Rule: TypeAlias = ResourceRule | StackRule
