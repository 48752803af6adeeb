"""Property values as rules see them: known, unknown, or absent. Converted once from what the engine sends.

Pulumi's policy SDK hands rules proxies that raise on unknown values, and answers such a raise by turning a mandatory policy into
an advisory one. Here an unknown value is a value of its own, so that a rule has to say what it makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias, cast

from google.protobuf import struct_pb2


class Gap(Enum):
    """Why there is no value to judge."""

    UNKNOWN = "unknown"
    """Set, but computed from something that does not exist yet."""
    ABSENT = "absent"
    """Not set, or null."""

    def __bool__(self) -> bool:
        """A gap is neither true nor false.

        Raises:
            TypeError: Always. A rule that asks has forgotten a case; the framework reports it as broken.
        """
        raise TypeError(f"an {self.value} value is neither true nor false: compare it with UNKNOWN and ABSENT first")


UNKNOWN = Gap.UNKNOWN
ABSENT = Gap.ABSENT


@dataclass(frozen=True)
class Opaque:
    """A value that no rule looks into: an asset, an archive, a reference to a resource."""

    kind: str


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Gap | Opaque"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_OPAQUE = {
    "c44067f5952c0a294b673a41bacd8c17": "asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "resource",
}
_SENTINELS = (
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
    "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
)


@dataclass(frozen=True)
class Properties:
    """Top-level properties, and which strings in them the engine marked as secret."""

    values: Mapping[str, Value]
    secret_texts: frozenset[str] = frozenset()
    """The secret strings themselves, kept only to take them out of messages."""


EMPTY = Properties({})


class _Converter:
    def __init__(self) -> None:
        self.texts: set[str] = set()

    def convert(self, raw: object, secret: bool) -> Value:
        if isinstance(raw, struct_pb2.Value):
            raw = _unpacked(raw)
        if raw is None:
            return ABSENT
        if isinstance(raw, (Gap, Opaque, bool)):
            return raw
        if isinstance(raw, str):
            return self._text(raw, secret)
        if isinstance(raw, (int, float)):
            # JSON and protobuf know one number type: a port arrives as 5432.0.
            return int(raw) if isinstance(raw, float) and raw.is_integer() else raw
        if isinstance(raw, (Mapping, struct_pb2.Struct)):
            fields = cast("Mapping[str, object]", raw.fields if isinstance(raw, struct_pb2.Struct) else raw)
            return self._mapping(fields, secret)
        if isinstance(raw, (Sequence, struct_pb2.ListValue)):
            items = cast("Sequence[object]", raw.values if isinstance(raw, struct_pb2.ListValue) else raw)
            return [self.convert(item, secret) for item in items]
        return Opaque(type(raw).__name__)

    def _text(self, text: str, secret: bool) -> Value:
        if len(text) >= len(_SENTINELS[0]) and any(sentinel in text for sentinel in _SENTINELS):
            return UNKNOWN
        if secret and text:
            self.texts.add(text)
        return text

    def _mapping(self, fields: Mapping[str, object], secret: bool) -> Value:
        signature = _plain(fields.get(_SIGNATURE))
        if signature == _SECRET:
            return self.convert(fields.get("value"), True)
        if signature == _OUTPUT:
            hidden = secret or _plain(fields.get("secret")) is True
            return self.convert(fields["value"], hidden) if "value" in fields else UNKNOWN
        if isinstance(signature, str):
            return Opaque(_OPAQUE.get(signature, "unrecognised"))
        return {key: self.convert(item, secret) for key, item in fields.items()}


def _unpacked(value: struct_pb2.Value) -> object:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return value.struct_value
        case "list_value":
            return value.list_value
        case _:
            return None


def _plain(raw: object) -> object:
    return _unpacked(raw) if isinstance(raw, struct_pb2.Value) else raw


def properties(raw: Mapping[str, Any] | struct_pb2.Struct) -> Properties:
    """Convert a resource's properties: a protobuf struct of the engine, or a plain dictionary of a state file, a preview or a test.

    Pulumi's markers become what they mean: unknown sentinels `UNKNOWN`, null `ABSENT`, secrets their value (and an entry in
    `secret_texts`), assets and resource references `Opaque`. Numbers without a fraction become integers.
    """
    converter = _Converter()
    fields = cast("Mapping[str, object]", raw.fields if isinstance(raw, struct_pb2.Struct) else raw)
    values = {key: converter.convert(item, False) for key, item in fields.items()}
    return Properties(values, frozenset(converter.texts))


def descend(value: Value, path: str) -> Value:
    """The value at a dotted `path` below `value`: `ABSENT` where something on the way is missing, `UNKNOWN` where it is unknown."""
    for key in path.split("."):
        if isinstance(value, Gap):
            return value
        if not isinstance(value, dict):
            return ABSENT
        value = value.get(key, ABSENT)
    return value


def leaves(value: Value) -> Iterator[Value]:
    """Every value inside `value` that is neither a list nor an object, gaps included."""
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    else:
        yield value


def has_unknown(value: Value) -> bool:
    """Whether anything inside `value` is unknown."""
    return any(leaf is UNKNOWN for leaf in leaves(value))


def texts(value: Value) -> list[str]:
    """Every string inside `value`, in order."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, str)]


def items(value: Value) -> list[Value]:
    """The items of a list; a single value as a list of one; nothing for `ABSENT`. An unknown list is a list of one unknown."""
    if value is ABSENT:
        return []
    return value if isinstance(value, list) else [value]


def parse_json(text: str) -> Value:
    """The value that JSON text stands for, with `ABSENT` for null.

    Raises:
        ValueError: It is not JSON.
    """
    return _Converter().convert(json.loads(text), False)
