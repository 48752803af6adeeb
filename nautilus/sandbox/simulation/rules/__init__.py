"""AWS's published rules that types and API models do not carry, each with an id and its source in words.

Two forms: a `Limit` (in `limits.py`) is data about one property; a rule here is a function over a resource and what it relates to. A rule reports
only what it knows: a value that is unknown at preview is noted and checked at `up`.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nautilus.sandbox.simulation.api import ApiModels
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn
from nautilus.sandbox.simulation.limits import LIMITS, Limit, findings
from nautilus.sandbox.simulation.values import UNKNOWN, Asset, is_known, is_list, is_map

Finding = tuple[str, str]
"""Property path and reason."""


@dataclass
class RuleContext:
    """One resource under check. Inputs are plain: secrets opened, unknowns marked."""

    urn: Urn
    inputs: Mapping[str, Any]
    peer: Peer
    run: Run
    api: ApiModels
    preview: bool = True
    unchecked: list[str] = field(default_factory=list[str])
    trouble: list[str] = field(default_factory=list[str])
    """Rules that could not read these inputs: a mistake of the rule, not of the resource."""

    @property
    def token(self) -> str:
        """Resource type."""
        return self.urn.token

    @property
    def region(self) -> str:
        """Region of the resource: its own, else the provider's."""
        own = self.inputs.get("region")
        return own if isinstance(own, str) else self.peer.region

    def get(self, name: str) -> Any:
        """A known input, or None where it is absent or unknown."""
        value = self.inputs.get(name)
        return None if value is UNKNOWN else value

    def text(self, name: str) -> str | None:
        """A known string input, or None."""
        value = self.inputs.get(name)
        return value if isinstance(value, str) else None

    def chosen(self, name: str, default: str) -> str | None:
        """A string input, AWS's default where it is absent, or None where it is unknown."""
        value = self.inputs.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """A known number (numeric strings too), or None."""
        return number(self.inputs.get(name))

    def items(self, name: str) -> list[Any]:
        """The elements of a known list input; a single object counts as a list of one."""
        value = self.inputs.get(name)
        if is_list(value):
            return value
        return [value] if is_map(value) else []

    def absent(self, name: str) -> bool:
        """Whether an input is not given at all (an unknown one is given)."""
        return self.inputs.get(name) is None

    def later(self, path: str) -> None:
        """Note that a rule about `path` waits for `up`."""
        self.unchecked.append(path)

    def related(self, name: str, *tokens: str) -> tuple[list[Known], bool]:
        """Resources of `tokens` that an input refers to, and whether those are all.

        A known id or ARN is looked up; for an unknown value the dependencies count, where the engine or the language host told them. `False` means
        that some reference is unknown: the rule must wait for `up`.
        """
        value = self.inputs.get(name)
        wanted = value if is_list(value) else [value] if value is not None else []
        found: dict[str, Known] = {}
        complete = True
        for each in wanted:
            if isinstance(each, str):
                known = self.run.find(each)
                if known is not None:
                    if known.token in tokens:
                        found[known.urn] = known
                else:
                    complete = False
            elif each is UNKNOWN:
                complete = False
        if not complete:
            # An unknown element comes from a resource that the property depends on; components among those have no inputs of their own.
            told = [self.run.checked[urn] for urn in self.run.dependencies(self.urn, name) or () if urn in self.run.checked]
            found |= {known.urn: known for known in told if known.token in tokens}
            complete = bool(told) and all(known.token in tokens for known in told)
        if not complete:
            self.later(name)
        return list(found.values()), complete


RuleFunction = Callable[[RuleContext], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule over a whole resource."""

    id: str
    source: str
    """Where AWS says so, in words."""
    tokens: tuple[str, ...]
    """Resource types; empty for every type."""
    function: RuleFunction


RULES: dict[str, Rule] = {}


def rule(identity: str, source: str, *tokens: str) -> Callable[[RuleFunction], RuleFunction]:
    """Registers a rule for some resource types (or all)."""

    def register(function: RuleFunction) -> RuleFunction:
        if identity in RULES:
            raise ValueError(f"rule {identity} is registered twice")
        RULES[identity] = Rule(identity, source, tokens, function)
        return function

    return register


def number(value: Any) -> float | None:
    """A number or numeric string as a float, else None."""
    if isinstance(value, bool) or value is None or value is UNKNOWN or isinstance(value, (Asset, dict, list)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def truth(value: Any) -> bool | None:
    """A boolean input, `"true"` and `"false"` included; None where absent or unknown."""
    if value in {"true", "false"}:
        return value == "true"
    return value if isinstance(value, bool) else None


def listed(value: Any) -> list[Any]:
    """The elements of a list, none for anything else (an unknown list has none to look at)."""
    return value if is_list(value) else []


def outside(value: float, low: float | None, high: float | None) -> bool:
    """Whether a number is out of bounds."""
    return (low is not None and value < low) or (high is not None and value > high)


_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|cloudfront)?:(.+)", re.DOTALL)


@dataclass(frozen=True)
class Arn:
    """Parts of an ARN."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def arn(value: Any) -> Arn | None:
    """The parts of a known ARN, or None."""
    found = _ARN.fullmatch(value) if isinstance(value, str) else None
    return Arn(found[1], found[2], found[3], found[4] or "", found[5]) if found else None


_MODULES = (
    "acls",
    "app_config",
    "cache",
    "compute",
    "database",
    "edge",
    "general",
    "identity",
    "network",
    "operations",
    "people",
    "resolver",
    "storage",
)


@functools.cache
def _index() -> tuple[dict[str, list[Rule]], list[Rule], dict[str, list[Limit]]]:
    # The modules register their rules when they are imported.
    for module in _MODULES:
        importlib.import_module(f"{__name__}.{module}")
    by_token: dict[str, list[Rule]] = {}
    everywhere: list[Rule] = []
    for each in RULES.values():
        if not each.tokens:
            everywhere.append(each)
        for token in each.tokens:
            by_token.setdefault(token, []).append(each)
    limits: dict[str, list[Limit]] = {}
    for limit in LIMITS:
        for token in limit.tokens:
            limits.setdefault(token, []).append(limit)
    return by_token, everywhere, limits


def apply(context: RuleContext) -> Iterator[tuple[str, str, str]]:
    """All findings about a resource, as (rule id, property path, reason)."""
    by_token, everywhere, limits = _index()
    for limit in limits.get(context.token, ()):
        for path, reason in findings(limit, context.inputs):
            yield limit.rule, path, reason
    for each in (*by_token.get(context.token, ()), *everywhere):
        try:
            for path, reason in each.function(context):
                yield each.id, path, reason
        except Exception as error:  # noqa: BLE001  # a rule that trips must not stop a deployment; it is reported as our own mistake
            context.trouble.append(f"{each.id}: {type(error).__name__}: {error}")


def all_rules() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every rule and limit: id → (source, resource types; empty for all)."""
    _index()
    out: dict[str, tuple[str, tuple[str, ...]]] = {each.id: (each.source, each.tokens) for each in RULES.values()}
    for limit in LIMITS:
        before = out.get(limit.rule)
        out[limit.rule] = (limit.source, tuple(dict.fromkeys((*(before[1] if before else ()), *limit.tokens))))
    return dict(sorted(out.items()))


__all__ = [
    "RULES",
    "Arn",
    "Finding",
    "Rule",
    "RuleContext",
    "all_rules",
    "apply",
    "arn",
    "is_known",
    "listed",
    "number",
    "outside",
    "rule",
    "truth",
]
