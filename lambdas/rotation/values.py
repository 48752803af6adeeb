"""Secrets that are only compared with what somebody shows: nothing outside has to learn the new value before its readers start again."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

KEY_BYTES = 32
"""256 bits (seed 004 asks for as many)."""


def password(length: int, special: str) -> str:
    """Letters, digits and `special`, at least one of each kind.

    Raises:
        ValueError: fewer than 16 characters.
    """
    if length < 16:
        raise ValueError(f"{length} characters are too few for a password that nobody types (at least 16)")
    kinds = [kind for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, special) if kind]
    while True:
        drawn = "".join(secrets.choice("".join(kinds)) for _ in range(length))
        if all(any(character in kind for character in drawn) for kind in kinds):
            return drawn


class Value:
    """A plain value. Grafana's and Prometheus's are of this kind: who checks them reads them when it starts.

    Reads LENGTH (characters) and SPECIAL (characters beside letters and digits, may be empty).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._length = int(environment["LENGTH"])
        self._special = environment.get("SPECIAL", "")

    def new(self, current: str, first: bool) -> str:  # noqa: ARG002 - the protocol's
        """Drawn afresh."""
        return password(self._length, self._special)

    def set(self, current: str, pending: str, previous: str | None) -> None:
        """Nothing outside knows the value."""

    def test(self, pending: str) -> None:
        """The value is of the length that its readers expect.

        Raises:
            ValueError: it is not.
        """
        if len(pending) != self._length:
            raise ValueError("the pending value has another length than this secret's")

    def finished(self, value: str) -> None:
        """Nothing outside knows an older value."""


class SigningKey:
    """The key that signs sessions: {"current", "previous", "previous_until"}, keys in base64url without padding.

    The key before it stays in `previous` so that sessions which it signed are not cut; whoever checks a signature accepts it until
    `previous_until` (UTC, ISO 8601). That is the length of a session after the last consumer has been started again, which is when the last
    session is signed with it. The first key stood in the stack's state, so it is never kept.

    Reads SESSION_MINUTES and RESTART_MINUTES (between a rotation and the end of the restarts).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._valid = timedelta(minutes=int(environment["SESSION_MINUTES"]) + int(environment["RESTART_MINUTES"]))

    def new(self, current: str, first: bool) -> str:
        """A key of 256 bits, and the one before it unless it was the first."""
        key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()
        until = datetime.now(UTC) + (timedelta() if first else self._valid)
        previous = "" if first else str(json.loads(current)["current"])
        return json.dumps({"current": key, "previous": previous, "previous_until": until.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def set(self, current: str, pending: str, previous: str | None) -> None:
        """Nothing outside knows the key."""

    def test(self, pending: str) -> None:
        """All three parts are there, and the key has 256 bits.

        Raises:
            ValueError: they are not.
        """
        found = json.loads(pending)
        if set(found) != {"current", "previous", "previous_until"}:
            raise ValueError("the signing key's parts are not current, previous and previous_until")
        key = found["current"]
        if len(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))) < KEY_BYTES:
            raise ValueError("the signing key has fewer than 256 bits")
        if key == found["previous"]:
            raise ValueError("the signing key is the one before it")

    def finished(self, value: str) -> None:
        """The consumers start again with the new key (lambdas/restart_consumers)."""
