"""Reads YAML as Pulumi's own reader does, keeps the line of every key, and finds everything that is wrong with the text at once.

PyYAML's loader speaks YAML 1.1: `NO` is false there, `1:30` is ninety. Pulumi's reader follows YAML 1.2 for these, so the same file
would mean two things. Here PyYAML only parses; what a scalar means is decided as Pulumi decides it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

LARGEST_FILE: Final = 1_000_000
"""Bytes of a stack file; ours have some thousands."""
MOST_NODES: Final = 20_000
"""Values in a file once aliases are followed: a short file can otherwise expand without end."""
DEEPEST: Final = 40
"""Levels of nesting; the settings have six."""

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_DECIMAL = re.compile(r"^[-+]?(0|[1-9][0-9_]*)$")
_BASED = re.compile(r"^[-+]?0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)$")
_LEADING_ZERO = re.compile(r"^[-+]?0[0-9_]+$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$")
_SPECIAL = re.compile(r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")


@dataclass(frozen=True)
class Secret:
    """An encrypted value. Its content is not known here, and is never printed."""

    inside: bool = False
    """Whether the value is a mapping or list that holds an encrypted value somewhere: Pulumi tells a program no more than that."""

    def __repr__(self) -> str:
        return "[secret]"


SECRET: Final = Secret()


@dataclass(frozen=True)
class Fault:
    """Something wrong with the text itself."""

    message: str
    line: int | None = None
    path: tuple[str | int, ...] = ()
    accepted: str = "YAML"


@dataclass
class Document:
    """What a file says."""

    data: Any = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict[tuple[str | int, ...], int])
    """Line of each key and list item, from 1."""
    faults: list[Fault] = field(default_factory=list[Fault])


def parse(raw: bytes) -> Document:
    """The document in `raw`. Never raises: what is wrong stands in `faults`, and `data` holds whatever could be read."""
    document = Document()
    if len(raw) > LARGEST_FILE:
        document.faults.append(
            Fault(f"is {len(raw):,} bytes long; a stack file has at most {LARGEST_FILE:,}", accepted=f"at most {LARGEST_FILE:,} bytes")
        )
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        document.faults.append(Fault("is not text in UTF-8", raw.count(b"\n", 0, bad.start) + 1, accepted="text in UTF-8"))
        return document
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        reason = " ".join(part for part in (bad.context, bad.problem) if part)
        document.faults.append(Fault(f"is not YAML: {reason}", mark.line + 1 if mark else None))
        return document
    except yaml.reader.ReaderError as bad:
        document.faults.append(
            Fault(f"is not YAML: a character that it does not allow (code {bad.character!r})", text.count("\n", 0, bad.position) + 1)
        )
        return document
    except (yaml.YAMLError, ValueError) as bad:
        document.faults.append(Fault(f"is not YAML: {bad}"))
        return document
    except RecursionError:
        document.faults.append(Fault("is nested too deeply", accepted=f"at most {DEEPEST} levels"))
        return document
    if len(nodes) > 1:
        document.faults.append(Fault("holds more than one YAML document", nodes[1].start_mark.line + 1, accepted="one document"))
    if nodes:
        _Builder(document).build(nodes[0])
    return document


class _Loader(yaml.SafeLoader):
    """PyYAML's composer, which remembers whether a scalar was written without quotes and without a tag."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        event = self.peek_event()
        node = super().compose_scalar_node(anchor)
        vars(node)["plain"] = event.implicit[0]
        return node


class _TooLargeError(Exception):
    """The document expands beyond `MOST_NODES`."""


class _Builder:
    """From PyYAML's nodes to plain values."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node) -> None:
        try:
            self.document.data = self._value(node, ())
        except _TooLargeError:
            self._fault(f"expands to more than {MOST_NODES:,} values", node, (), f"at most {MOST_NODES:,} values")

    def _fault(self, message: str, node: yaml.Node, path: tuple[str | int, ...], accepted: str) -> None:
        self.document.faults.append(Fault(message, node.start_mark.line + 1, path, accepted))

    def _value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self.count += 1
        if self.count > MOST_NODES:
            raise _TooLargeError
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self.open or len(path) > DEEPEST:
            self._fault("refers to itself" if id(node) in self.open else "is nested too deeply", node, path, f"at most {DEEPEST} levels")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                items: list[Any] = []
                for position, item in enumerate(node.value):
                    self.document.lines[(*path, position)] = item.start_mark.line + 1
                    items.append(self._value(item, (*path, position)))
                return items
            return self._mapping(node, path)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault("has a key that is not plain text", key_node, path, "keys of plain text")
                continue
            if key_node.value == "<<" and getattr(key_node, "plain", False):
                self._merge(value_node, path, merged)
                continue
            key = key_node.value
            line = key_node.start_mark.line + 1
            if key in own:
                first = self.document.lines[(*path, key)]
                self.document.faults.append(
                    Fault(f"stands here a second time; the first is in line {first}", line, (*path, key), "each key once")
                )
                continue
            self.document.lines[(*path, key)] = line
            own[key] = self._value(value_node, (*path, key))
        if set(own) == {"secure"} and isinstance(own["secure"], str) and not merged:
            return SECRET
        return {**merged, **own}

    def _merge(self, node: yaml.Node, path: tuple[str | int, ...], into: dict[str, Any]) -> None:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            value = self._value(source, path)
            if not isinstance(value, dict):
                self._fault("merges (`<<`) something that is not a mapping", source, path, "a mapping")
                continue
            for key, item in value.items():
                into.setdefault(key, item)

    def _scalar(self, node: yaml.ScalarNode, path: tuple[str | int, ...]) -> Any:
        text: str = node.value
        if not getattr(node, "plain", False):  # quoted, or with a tag of its own
            return text
        if _LEADING_ZERO.match(text):
            self._fault(
                f"{text} starts with a zero: Pulumi reads it as another number, so write it in quotes", node, path, "digits in quotes"
            )
            return text
        if _SPECIAL.match(text):
            self._fault(f"{text} is not a number that Pulumi takes", node, path, "a finite number")
            return text
        return plain_scalar(text)


def plain_scalar(text: str) -> Any:
    """What an unquoted scalar means to Pulumi: a truth value, nothing, a number or text."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    digits = text.replace("_", "")
    try:
        if _DECIMAL.match(text):
            return int(digits)
        if _BASED.match(text):
            return int(digits, 0)
        if _FLOAT.match(text):
            return whole(float(digits))
    except (ValueError, OverflowError):
        return text
    return text


def whole(number: float) -> int | float | str:
    """A float without a fraction as an integer, which is how it arrives in the program; an infinite one as text."""
    if not math.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() else number
