"""Property values as they stand in Pulumi's documents, made plain: no secret, no marker of the wire format."""

from __future__ import annotations

from collections.abc import Mapping
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
