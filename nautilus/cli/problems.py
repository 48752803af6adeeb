"""What went wrong in an engine run, in one line each: the resource with its component, the property, the rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from nautilus.engine.events import Diagnostic, PolicyViolation
from nautilus.inventory.records import urn_name, urn_type

_PROPERTY = re.compile(
    r"(?P<type>\S+) resource '(?P<name>[^']+)': property (?P<property>.+?) value (?P<value>.*?) has a problem: (?P<reason>.*)", re.DOTALL
)
_RESOURCE = re.compile(r"(?P<type>\S+) resource '(?P<name>[^']+)' has a problem: (?P<reason>.*)", re.DOTALL)
_PROTECTED = re.compile(r"as it is currently marked for protection|cannot be deleted\s+because it is protected|is marked for protection")
_ARGUMENT = re.compile(
    r"TypeError: (?P<call>[\w.<>]+)\(\) (?P<what>got an unexpected keyword argument '(?P<extra>\w+)'(?:\. Did you mean '\w+'\?)?"
    r"|missing \d+ required .*argument.*)"
)
_MISSING = re.compile(r"TypeError: Missing required property '(?P<property>\w+)'")
_SANDBOX_ARGUMENT = re.compile(
    r"^(?P<what>(?P<type>[\w.]+)(?: \"(?P<name>[^\"]+)\")?: "
    r"(?:unknown argument '|the required argument '|required and missing: ).*) at (?P<where>\S+:\d+)$",
    re.MULTILINE,
)
"""How our own language host shows a wrong argument (nautilus/sandbox/program_runner.py)."""

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)
_TRACEBACK_END = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)): ?(?P<text>.*)", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^(preview|update|destroy|refresh|import) failed$|^an unhandled error occurred: Program exited with non-zero exit code: \d+$"
    r"|^resource registration failed|^BAIL:"
)
_FOREIGN: Final = ("site-packages", "dist-packages", "lib/python", "nautilus/sandbox", "runpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason of a failure.

    `kind` is `property` (a rule about a resource's property), `protected` (the engine refuses to remove a protected resource), `argument`
    (the program passes an argument that the resource does not have), `program` (another exception of the program) or `engine`. `where` is a
    resource's path or a file and line.
    """

    kind: str
    where: str | None
    rule: str
    property: str | None = None

    def text(self) -> str:
        """One line for people."""
        head = ": ".join(part for part in (self.where, self.property) if part)
        return f"{head}: {self.rule}" if head else self.rule

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"kind": self.kind, "where": self.where, "property": self.property, "rule": self.rule}


def resource_path(urn: str) -> str:
    """Where a resource stands, read from its URN alone: the types of its components, its logical name and its type.

    `urn:pulumi:S::P::nautilus:platform$nautilus:network$aws:ec2/vpc:Vpc::network-vpc` gives `network › network-vpc (aws:ec2/vpc:Vpc)`.
    """
    types = urn.split("::", 3)[2].split("$")[:-1] if urn.count("::") >= 3 else []
    components = [kind.rpartition(":")[2] for kind in types if not kind.startswith("pulumi:") and kind.rpartition(":")[2] != "platform"]
    return " › ".join((*components, f"{urn_name(urn)} ({urn_type(urn)})"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _named(kind: str, name: str, urn: str | None) -> str:
    return resource_path(urn) if urn and urn_name(urn) == name else f"{name} ({kind})"


def _own_frame(text: str) -> tuple[str, str] | None:
    """The innermost frame that is neither Python's nor a package's: the line of the program to look at."""
    frames = [match for match in _FRAME.finditer(text) if not any(part in match["file"] for part in _FOREIGN)]
    if not frames:
        return None
    last = frames[-1]
    return f"{PurePath(last['file']).as_posix()}:{last['line']}", last["function"]


def _from_program(text: str) -> Problem | None:
    if found := _SANDBOX_ARGUMENT.search(text):
        return Problem(kind="argument", where=found["where"], rule=found["what"])
    frame = _own_frame(text)
    where = frame[0] if frame else None
    if found := _ARGUMENT.search(text):
        resource = found["call"].removesuffix("._internal_init").removesuffix(".__init__")
        if found["extra"]:
            return Problem(kind="argument", where=where, property=found["extra"], rule=f"{resource} has no argument of this name")
        return Problem(kind="argument", where=where, rule=f"{resource} is {_one_line(found['what'])}")
    if found := _MISSING.search(text):
        return Problem(kind="argument", where=where, property=found["property"], rule="the resource needs this argument")
    if "Traceback (most recent call last)" in text or _FRAME.search(text):
        ends = list(_TRACEBACK_END.finditer(text))
        if ends:
            return Problem(kind="program", where=where, rule=f"{ends[-1]['kind']}: {_one_line(ends[-1]['text'])}")
    return None


def explain(diagnostic: Diagnostic) -> Problem:
    """A diagnostic of the engine as a problem."""
    text = diagnostic.message.strip()
    if found := _PROPERTY.search(text):
        return Problem(
            kind="property",
            where=_named(found["type"], found["name"], diagnostic.urn),
            property=found["property"],
            rule=f"{_one_line(found['reason'])} (value {_shorten(found['value'])})",
        )
    if found := _RESOURCE.search(text):
        return Problem(kind="property", where=_named(found["type"], found["name"], diagnostic.urn), rule=_one_line(found["reason"]))
    where = resource_path(diagnostic.urn) if diagnostic.urn and urn_type(diagnostic.urn) != "pulumi:pulumi:Stack" else None
    if _PROTECTED.search(text):
        return Problem(kind="protected", where=where, rule="is protected, and the plan would remove it")
    return _from_program(text) or Problem(kind="engine", where=where, rule=text)


def explain_all(diagnostics: Iterable[Diagnostic]) -> tuple[Problem, ...]:
    """Every error once, without the engine's closing phrases where something says more."""
    items = [item for item in diagnostics if item.message.strip()]
    telling = [item for item in items if not _NOISE.search(item.message.strip())]
    return tuple(dict.fromkeys(explain(item) for item in (telling or items)))


def violation_text(violation: PolicyViolation) -> str:
    """A policy finding for people: rule, where it was found, and the pack's own words, which end in the remedy."""
    where = f" at {resource_path(violation.urn)}" if violation.urn and urn_type(violation.urn) != "pulumi:pulumi:Stack" else ""
    return f"{violation.policy} [{violation.level}]{where}: {violation.message.strip()}"


def _shorten(value: str, limit: int = 120) -> str:
    flat = _one_line(value).removeprefix("{").removesuffix("}")
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
