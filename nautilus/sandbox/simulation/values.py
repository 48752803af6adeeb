"""Property values as the simulation sees them: plain Python, with markers for what is unknown, secret or an asset.

Pulumi's wire carries these as objects with a signature (sdk/go/common/resource/plugin/rpc.go); this module is the only one that knows the
signatures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_STRINGS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""What the engine writes for a value that is not known yet, by type."""
UNKNOWN_WIRE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """The one value that is not known yet: at preview, an output of something that does not exist."""

    _only: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "<unknown until up>"

    def __bool__(self) -> bool:
        return True  # it will have some value; truth tests ask whether something was given

    def __deepcopy__(self, _memo: object) -> Unknown:
        return self

    def __reduce__(self) -> tuple[type[Unknown], tuple[()]]:
        return (Unknown, ())


UNKNOWN: Final = Unknown()


class Secret:
    """A value that must stay secret. Its text never appears in a message."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value.value if isinstance(value, Secret) else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(("secret", repr(self.value)))

    def __repr__(self) -> str:
        return "[secret]"


class Asset:
    """An asset or archive, kept as the engine sent it; equality is that of the contents' hash."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = dict(raw)

    @property
    def digest(self) -> str:
        """Hash of the contents (hex), as the engine computed it; empty where it did not."""
        return str(self.raw.get("hash") or "")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Asset):
            return False
        if self.digest or other.digest:
            return self.digest == other.digest
        return self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<asset {self.raw.get('path') or self.digest[:12]}>"


def is_known(value: Any) -> bool:
    """Whether there is a value and it is known; what is nested may still be unknown."""
    return value is not None and value is not UNKNOWN


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a property value is a list."""
    return isinstance(value, list)


def is_map(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a property value is a map or object."""
    return isinstance(value, dict)


def reveal(value: Any) -> Any:
    """The value without secret markers, at any depth."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if is_map(value):
        return {key: reveal(item) for key, item in value.items()}
    if is_list(value):
        return [reveal(item) for item in value]
    return value


class Hidden(str):
    """A secret string under check: a string to every rule, but never shown in a message."""

    __slots__ = ()


def reveal_hidden(value: Any, *, secret: bool = False) -> Any:
    """Like `reveal`, but strings that were secret stay marked, so that no message quotes them."""
    if isinstance(value, Secret):
        return reveal_hidden(value.value, secret=True)
    if is_map(value):
        return {key: reveal_hidden(item, secret=secret) for key, item in value.items()}
    if is_list(value):
        return [reveal_hidden(item, secret=secret) for item in value]
    return Hidden(value) if secret and isinstance(value, str) else value


def contains(value: Any, test: Callable[[Any], bool]) -> bool:
    """Whether `test` holds for the value or anything in it (secrets included)."""
    if test(value):
        return True
    if isinstance(value, Secret):
        return contains(value.value, test)
    if is_map(value):
        return any(contains(item, test) for item in value.values())
    if is_list(value):
        return any(contains(item, test) for item in value)
    return False


def has_unknown(value: Any) -> bool:
    """Whether anything in the value is unknown."""
    return contains(value, lambda item: item is UNKNOWN)


def has_secret(value: Any) -> bool:
    """Whether anything in the value is secret."""
    return contains(value, lambda item: isinstance(item, Secret))


def decode_value(value: Any, urns: set[str] | None = None) -> Any:
    """A protobuf `Value` as Python.

    Args:
        value: `google.protobuf.struct_pb2.Value`.
        urns: where given, the dependencies that output values name are added to it.
    """
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_STRINGS else text
    if kind == "struct_value":
        return _decode_object(value.struct_value.fields, urns)
    if kind == "list_value":
        return [decode_value(item, urns) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    return None


def _decode_object(fields: Any, urns: set[str] | None) -> Any:
    if SIGNATURE in fields:
        signature = fields[SIGNATURE].string_value
        if signature == SECRET:
            return Secret(decode_value(fields["value"], urns))
        if signature == OUTPUT:
            if urns is not None and "dependencies" in fields:
                urns.update(item.string_value for item in fields["dependencies"].list_value.values)
            inner = decode_value(fields["value"], urns) if "value" in fields else UNKNOWN
            return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        if signature == RESOURCE:
            # A resource reference stands for the id, where the engine knows it.
            return decode_value(fields["id"], urns) if "id" in fields else fields["urn"].string_value
        if signature in {ASSET, ARCHIVE}:
            return Asset({name: _decode_raw(item) for name, item in fields.items()})
    return {name: decode_value(item, urns) for name, item in fields.items()}


def _decode_raw(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {name: _decode_raw(item) for name, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_decode_raw(item) for item in value.list_value.values]
    return decode_value(value)


def decode(struct: Any, urns: dict[str, set[str]] | None = None) -> dict[str, Any]:
    """A protobuf `Struct` as Python. Nulls are dropped: to Pulumi an absent property and a null one are the same.

    Args:
        struct: `google.protobuf.struct_pb2.Struct`.
        urns: where given, filled with property → URNs it depends on, for engines that send output values.
    """
    out: dict[str, Any] = {}
    for name, item in struct.fields.items():
        found: set[str] | None = None if urns is None else set()
        value = decode_value(item, found)
        if value is not None:
            out[name] = value
        if urns is not None and found:
            urns[name] = found
    return out


def to_wire(value: Any) -> Any:
    """Markers as the JSON-like objects that a protobuf `Struct` is filled with."""
    if value is UNKNOWN:
        return UNKNOWN_WIRE
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": to_wire(value.value)}
    if isinstance(value, Asset):
        return value.raw
    if is_map(value):
        return {key: to_wire(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    return value


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as a protobuf `Struct`, markers included."""
    struct = struct_pb2.Struct()
    struct.update({name: to_wire(value) for name, value in properties.items() if value is not None})
    return struct


def dumps(value: Any) -> str:
    """Canonical JSON of a value with its markers: equal values give equal text."""
    return json.dumps(to_wire(value), sort_keys=True, separators=(",", ":"), default=str)


def loads(text: str) -> Any:
    """What `dumps` wrote."""
    return from_wire(json.loads(text))


def from_wire(value: Any) -> Any:
    """The inverse of `to_wire`."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_STRINGS else value
    if is_map(value):
        signature = value.get(SIGNATURE)
        if signature == SECRET:
            return Secret(from_wire(value.get("value")))
        if signature in {ASSET, ARCHIVE}:
            return Asset(value)
        return {key: from_wire(item) for key, item in value.items()}
    if is_list(value):
        return [from_wire(item) for item in value]
    return value


def shown(value: Any, *, limit: int = 60) -> str:
    """A value for a message: quoted, shortened, never a secret."""
    if contains(value, lambda item: isinstance(item, (Secret, Hidden))):
        return "[secret]"
    if value is UNKNOWN:
        return repr(value)
    text = json.dumps(to_wire(value), default=str) if isinstance(value, (dict, list)) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its property path (`rules[0].name`), outermost first, secrets opened."""
    inner = value.value if isinstance(value, Secret) else value
    yield path, inner
    if is_map(inner):
        for key, item in inner.items():
            yield from walk(item, f"{path}.{key}" if path else key)
    elif is_list(inner):
        for index, item in enumerate(inner):
            yield from walk(item, f"{path}[{index}]")
