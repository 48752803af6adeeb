"""Runs rules over resources: crash isolation, unknown values, exemptions, redaction. One `Run` is one preview or one update."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from policies.exemptions import Exemption, Exemptions
from policies.resources import Resource, Stack
from policies.rule import Kind, Problem, ResourceRule, Rule, StackRule
from policies.values import Value, texts

EXEMPTIONS_RULE = "PACK-01"
"""The id under which faults of `exemptions.yaml` are reported."""

_SENSITIVE = re.compile(r"pass(word|wd|phrase)|secret|token|credential|private.?key|api.?key|auth.?key|user.?data", re.IGNORECASE)
_SHORTEST_SECRET = 4
"""Characters below which a secret is not searched for in messages: replacing every `on` would hide the message, not the secret."""


@dataclass(frozen=True)
class Finding:
    """What the pack reports about one resource, or about the whole stack (empty `urn`)."""

    rule: str
    urn: str
    message: str
    kind: Kind
    prop: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it stops the deployment when its rule is mandatory."""
        return self.kind in (Kind.VIOLATION, Kind.UNRESOLVED, Kind.BROKEN)


class Run:
    """One pass of the rules over one stack: first resource by resource as the engine registers them, then the stack as a whole."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        exemptions: Exemptions | None = None,
        today: date,
        preview: bool = False,
    ) -> None:
        """Begin a pass.

        Args:
            rules: The rules to run, without those that the configuration disables.
            exemptions: What `exemptions.yaml` says.
            today: The day that expiry is measured against.
            preview: Whether values may still be unknown. Outside a preview every value is known, so a gap is a finding at once.
        """
        self.preview = preview
        self.today = today
        self._resource_rules = [rule for rule in rules if isinstance(rule, ResourceRule)]
        self._stack_rules = [rule for rule in rules if isinstance(rule, StackRule)]
        self._enabled = {rule.id for rule in rules}
        self._by_type: dict[str, list[ResourceRule]] = {}
        for rule in self._resource_rules:
            for type_ in rule.types:
                self._by_type.setdefault(type_, []).append(rule)
        self._exemptions = exemptions or Exemptions()
        self._used: set[Exemption] = set()
        self._pending: dict[str, list[ResourceRule]] = {}
        self._judged: set[str] = set()
        self._told: set[Finding] = set()

    def resource(self, resource: Resource) -> list[Finding]:
        """Judge one resource by its inputs alone.

        In a preview, whatever depends on an unknown value is put off to `stack`, where it is known what the value is computed from.
        """
        findings: list[Finding] = []
        self._judged.add(resource.urn)
        for rule in self._by_type.get(resource.type, ()):
            problems = self._problems(rule, lambda rule=rule: rule.check(resource), resource)
            if self.preview and resource.stack is None and any(isinstance(p, Problem) and p.kind in _GAPS for p in problems):
                self._pending.setdefault(resource.urn, []).append(rule)
                problems = [p for p in problems if not (isinstance(p, Problem) and p.kind in _GAPS)]
            findings += [self._finding(rule, problem) for problem in problems]
        self._told.update(findings)
        return findings

    def stack(self, stack: Stack) -> list[Finding]:
        """Judge the stack as a whole, and what was put off; then the exemptions themselves."""
        findings: list[Finding] = []
        for urn, rules in self._pending.items():
            resource = stack.find(urn)
            if resource is None:
                continue
            for rule in rules:
                problems = self._problems(rule, lambda rule=rule, resource=resource: rule.check(resource), resource)
                # What was certain from the first has been reported when the resource was shown alone.
                again = [self._finding(rule, problem) for problem in problems]
                findings += [finding for finding in again if finding not in self._told]
        for rule in self._stack_rules:
            problems = self._problems(rule, lambda rule=rule: rule.check(stack), None)
            findings += [self._finding(rule, problem) for problem in problems]
        return findings + self._exemption_findings(stack)

    def _problems(self, rule: Rule, check: Callable[[], Iterable[Problem]], resource: Resource | None) -> list[Problem | Finding]:
        try:
            return list(check())
        except Exception as problem:  # noqa: BLE001 (a broken rule must not take the verdicts of the others with it)
            # The text of the exception stays out: it may quote a property's value.
            frame = traceback.extract_tb(problem.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            message = f"the rule itself is broken ({type(problem).__name__} at {where}): until it is repaired nothing shows that it holds"
            return [Finding(rule.id, resource.urn if resource else "", message, Kind.BROKEN)]

    def _finding(self, rule: Rule, problem: Problem | Finding) -> Finding:
        if isinstance(problem, Finding):
            return problem
        urn, kind, message = problem.resource.urn, problem.kind, redact(problem.message, problem.resource)
        if kind is Kind.LATER and not (self.preview and _composed(problem)):
            kind = Kind.UNRESOLVED
            message = f"`{problem.prop}` is not known, and nothing of this stack explains why: the rule cannot be shown to hold"
        if kind is not Kind.LATER:
            for exemption in self._exemptions.entries:
                if exemption.rule == rule.id and exemption.covers(urn) and not exemption.expired(self.today):
                    self._used.add(exemption)
                    accepted = f"accepted until {exemption.expires.isoformat()} by {exemption.owner}: {exemption.reason} ({message})"
                    return Finding(rule.id, urn, accepted, Kind.EXEMPTED, problem.prop)
        return Finding(rule.id, urn, message, kind, problem.prop)

    def _exemption_findings(self, stack: Stack) -> list[Finding]:
        errors = list(self._exemptions.errors)
        for exemption in self._exemptions.entries:
            if not exemption.concerns(stack.name) or exemption.rule not in self._enabled:
                continue
            if exemption.expired(self.today):
                errors.append(
                    f"{exemption.label} expired on {exemption.expires.isoformat()}: repair the resource, or let its owner renew it"
                )
            elif exemption not in self._used and self._missed(exemption, stack):
                errors.append(f"{exemption.label} is not needed by anything in stack {stack.name}: remove it")
        return [Finding(EXEMPTIONS_RULE, "", error, Kind.VIOLATION) for error in errors]

    def _missed(self, exemption: Exemption, stack: Stack) -> bool:
        # With --target the engine shows only some resources to the resource rules; the others say nothing about an exemption.
        covered = [resource.urn for resource in stack.resources if exemption.covers(resource.urn)]
        if not covered or any(rule.id == exemption.rule for rule in self._stack_rules):
            return True
        return all(urn in self._judged for urn in covered)


_GAPS = (Kind.UNRESOLVED, Kind.LATER)


def _composed(problem: Problem) -> bool:
    """Whether the program's own resources explain why the property is unknown. True while relations are not known yet."""
    if problem.resource.stack is None:
        return True
    return bool(problem.resource.sources(problem.prop))


def evaluate(
    rules: Sequence[Rule],
    stack: Stack,
    *,
    exemptions: Exemptions | None = None,
) -> list[Finding]:
    """All findings about a recorded stack, in the order of its resources and then of its rules.

    Args:
        rules: The rules to run.
        stack: The recorded resources, and the day.
        exemptions: What `exemptions.yaml` says.
    """
    run = Run(rules, exemptions=exemptions, today=stack.today, preview=stack.preview)
    findings = [finding for resource in stack.resources for finding in run.resource(resource)]
    return findings + run.stack(stack)


def redact(message: str, resource: Resource) -> str:
    """`message` without any value that the engine marked as secret, or that stands under a name like a password's."""
    hidden = set(resource.inputs.secret_texts) | set(_sensitive(resource.inputs.values))
    for text in sorted(hidden, key=len, reverse=True):
        if len(text) >= _SHORTEST_SECRET:
            message = message.replace(text, "[secret]")
    return message


def _sensitive(values: Mapping[str, Value]) -> Iterable[str]:
    for key, value in values.items():
        if _SENSITIVE.search(key) and not key.lower().endswith(("arn", "name", "id")):
            yield from texts(value)
        elif isinstance(value, dict):
            yield from _sensitive(value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _sensitive(item)


_NAMED = 2
"""How many documents a summary names."""


def summarise(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with those put off to the update gathered into one line a rule: a first preview has dozens of composed documents."""
    kept: list[Finding] = []
    put_off: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.kind is Kind.LATER:
            put_off.setdefault(finding.rule, []).append(finding)
        else:
            kept.append(finding)
    for rule, several in put_off.items():
        names = sorted({finding.urn.rsplit("::", 1)[-1] for finding in several})
        what = "1 document is" if len(names) == 1 else f"{len(names)} documents are"
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        message = f"{what} composed from resources that do not exist yet; `up` judges each before it is created: {shown}"
        kept.append(Finding(rule, "", message, Kind.LATER))
    return kept
