"""What the value of a secret may look like. A refusal says what is wrong with a value and never repeats any part of it."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import Final, Never, cast

MOST_BYTES: Final = 65_536
"""Secrets Manager takes no longer value."""
LEAST: Final = 6
"""Characters below which no broker, exchange or vendor issues anything."""


class Sealed:
    """A value that a person gave. It shows itself to nobody: not in a log, not in a message, not in a traceback with variables."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "[secret]"

    def __reduce__(self) -> Never:
        raise TypeError("a secret value is not written down")

    @property
    def text(self) -> str:
        """The value itself, for the one call that hands it over."""
        return self._text

    def same(self, other: str) -> bool:
        """Whether `other` is the same value, in a time that tells nothing."""
        return hmac.compare_digest(self._text.encode(), other.encode())

    def scrubbed(self, text: str) -> str:
        """`text` without the value, as it stands and as JSON would write it."""
        if not self._text:
            return text
        for form in (self._text, json.dumps(self._text)[1:-1], repr(self._text)[1:-1]):
            text = text.replace(form, "[secret]")
        return text


class RefusedValueError(ValueError):
    """A value that this secret cannot have.

    Args:
        reason: Why, in words that hold no part of the value.
        shape: Whether only the known shape speaks against it, which a person may overrule.
    """

    def __init__(self, reason: str, *, shape: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.shape = shape


@dataclass(frozen=True)
class Shape:
    """How an issuer's values look."""

    pattern: re.Pattern[str]
    text: str


_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PEM = r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END ([A-Z]+ )?PRIVATE KEY-----"
SHAPES: Final[dict[str, Shape]] = {
    "binance-api-key": Shape(re.compile(r"[A-Za-z0-9]{64}"), "64 letters and digits"),
    "binance-api-secret-key": Shape(re.compile(rf"[A-Za-z0-9]{{64}}|{_PEM}"), "64 letters and digits, or a private key in PEM form"),
    "coinbase-api-key": Shape(
        re.compile(rf"organizations/{_UUID}/apiKeys/{_UUID}|{_UUID}"), "organizations/…/apiKeys/… or the key's UUID, as Coinbase names it"
    ),
    "coinbase-api-secret-key": Shape(
        re.compile(rf"{_PEM}|[A-Za-z0-9+/]{{86}}=="), "a private key in PEM form, or 88 characters of base64 (Ed25519)"
    ),
    "fred-api-key": Shape(re.compile(r"[a-z0-9]{32}"), "32 lower-case letters and digits"),
    "ib-username": Shape(re.compile(r"[A-Za-z0-9._-]{3,64}"), "letters, digits, `.`, `_` and `-`"),
    "tradier-api-key": Shape(re.compile(r"[A-Za-z0-9]{20,64}"), "20 to 64 letters and digits"),
}
"""Shapes that an issuer keeps to, by the secret's name. Others are not guessed."""

_IB_ACCOUNT = re.compile(r"(DU|DF|U|F)[0-9]{5,9}", re.IGNORECASE)
_FILLERS = re.compile(r"(<.*>|\[.*\]|\.{3,}|…+|x{4,}|\*{3,}|(change|replace)[-_ ]?me|todo|tbd|none|null|undefined|example|dummy|secret|password|"
                      r"(your|my)[-_ ].*|insert[-_ ].*)", re.IGNORECASE)  # fmt: skip
_ASSIGNMENT = re.compile(r"(export\s+)?[A-Z][A-Z0-9_]{2,}=.*", re.DOTALL)


def check_value(name: str, value: Sealed, *, live: bool | None, json_keys: tuple[str, ...] = (), any_shape: bool = False) -> None:
    """Refuse a value that secret `name` cannot have.

    Args:
        name: The secret, as the inventory calls it.
        value: What a person gave.
        live: Whether the stack trades for real; None where that says nothing about its keys.
        json_keys: The keys of a secret whose value is a JSON object; empty for plain ones.
        any_shape: Take a value that does not look as its issuer's values do. Nothing else is overruled.

    Raises:
        RefusedValueError: Empty, too long, framed by white space or quotes, an assignment, a placeholder, JSON where there should be none
            or the other way round, of another shape, or recognisably of the other kind of account (DTO-024).
    """
    text = value.text
    if json_keys:
        _check_object(text, json_keys)
        return
    _check_text(text, at="it")
    if _is_json_object(text):
        raise RefusedValueError("it is a JSON object, and this secret is one plain value")
    if name == "ib-username":
        _check_login(text, live)
    shape = SHAPES.get(name)
    if shape is not None and not any_shape and not shape.pattern.fullmatch(text):
        raise RefusedValueError(f"it does not look like one: expected {shape.text}", shape=True)


def _check_text(text: str, *, at: str) -> None:
    if not text:
        raise RefusedValueError(f"{at} is empty")
    if len(text.encode()) > MOST_BYTES:
        raise RefusedValueError(f"{at} is longer than {MOST_BYTES} bytes, the most that Secrets Manager takes")
    if text != text.strip():
        raise RefusedValueError(f"{at} begins or ends with white space (a line break at its end counts): the consumer would send it along")
    if any(ord(char) < 32 and not (char == "\n" and text.startswith("-----BEGIN ")) for char in text):
        raise RefusedValueError(f"{at} holds a line break or another control character")
    if not text.isascii():
        raise RefusedValueError(f"{at} holds a character outside ASCII, such as a quote or a dash that a word processor has changed")
    if text[0] == text[-1] and text[0] in "\"'`":
        raise RefusedValueError(f"{at} stands in quotes, which would become part of the value")
    if _ASSIGNMENT.fullmatch(text):
        raise RefusedValueError(f"{at} is an assignment of a variable: give what stands behind the `=`")
    if _FILLERS.fullmatch(text) or len(set(text)) == 1:
        raise RefusedValueError(f"{at} is a placeholder")
    if len(text) < LEAST and not text.startswith("-----"):
        raise RefusedValueError(f"{at} is shorter than {LEAST} characters")


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_object(text: str, keys: tuple[str, ...]) -> None:
    wanted = ", ".join(keys)
    problem = f"it must be one JSON object with the keys {wanted}"
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None  # the parser's own message would quote the text
    if not isinstance(found, dict):
        raise RefusedValueError(problem)
    values = cast("dict[str, object]", found)
    if missing := [key for key in keys if key not in values]:
        raise RefusedValueError(f"{problem}; missing: {', '.join(missing)}")
    if len(values) > len(keys):
        raise RefusedValueError(f"{problem} and no others")
    for key in keys:
        item = values[key]
        if not isinstance(item, str):
            raise RefusedValueError(f"`{key}` must be text")
        _check_text(item, at=f"`{key}`")


def _check_login(text: str, live: bool | None) -> None:
    if not _IB_ACCOUNT.fullmatch(text):
        return
    paper = text[:1].upper() == "D"
    if paper and live:
        raise RefusedValueError(
            "it is the number of a paper-trading account, and this stack trades for real; the login's user name is asked for"
        )
    if not paper and live is False:
        raise RefusedValueError(
            "it is the number of a live account, and this stack trades on paper; the paper login's user name is asked for"
        )
    raise RefusedValueError("it is an account's number; the login's user name is asked for")
