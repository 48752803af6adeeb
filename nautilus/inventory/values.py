"""Property values as they stand in Pulumi's documents, made plain: no secret, no marker of the wire format; and how to read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

SECRET: Final = "[secret]"
"""Stands for every secret value."""

UNKNOWN: Final = "[unknown]"
"""Stands for every value that only an `up` can know."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET_VALUE: Final = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT_VALUE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # mapping
    }
)
"""How the SDKs and the engine write a value that is not known yet (pulumi.runtime.rpc)."""


def redact(value: Any) -> Any:
    """`value` with secrets as `[secret]`, unknown values as `[unknown]`, and references as the URN they name."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWNS else value
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        match mapping.get(_SIGNATURE):
            case None:
                return {str(key): redact(item) for key, item in mapping.items()}
            case signature if signature == _SECRET_VALUE:
                return SECRET
            case signature if signature == _OUTPUT_VALUE:
                if mapping.get("secret"):
                    return SECRET
                return redact(mapping["value"]) if "value" in mapping else UNKNOWN
            case signature if signature == _REFERENCE:
                return str(mapping.get("urn", ""))
            case _:
                # Assets and archives: their digest says all that a reader may compare.
                return {str(key): redact(item) for key, item in mapping.items() if key != _SIGNATURE}
    if isinstance(value, list | tuple):
        return [redact(item) for item in cast("list[Any]", value)]
    return value


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; lists on the way are looked through. `[unknown]` anywhere on the way is the answer."""
    for key in path.split(".") if path else ():
        if isinstance(value, list):
            items = cast("list[Any]", value)
            value = [found for item in items if (found := at(item, key)) is not None]
        elif isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(key)
        elif value != UNKNOWN:
            return None
    return value


def words(value: Any) -> Iterator[str]:
    """Every text inside nested lists and mappings, in order; empty texts are left out."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from words(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from words(item)


def given(value: Any) -> bool:
    """Whether a property has a value at all: neither absent nor empty. An unknown value counts."""
    return value is not None and value not in ("", [], {})


def is_unknown(value: Any) -> bool:
    """Whether nobody can know the value before an `up`, or it is a secret."""
    return value in (UNKNOWN, SECRET)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def each(value: Any) -> list[Any]:
    """The value's items if it is a list, the value alone if it is anything else, nothing where no value is given."""
    return cast("list[Any]", value) if isinstance(value, list) else [value] if given(value) else []


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a list; none where the value is no list."""
    return [cast("Mapping[str, Any]", item) for item in listed(value) if isinstance(item, Mapping)]


def known_text(value: Any) -> str:
    """The value if it is a text that is known, else an empty one."""
    return value if isinstance(value, str) and not is_unknown(value) else ""


def flag(value: Any) -> bool | None:
    """A boolean property: absent is false, unknown is None."""
    if is_unknown(value):
        return None
    return value is True or (isinstance(value, str) and value.lower() == "true")


def number(value: Any) -> int | None:
    """The value as a whole number; None where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
