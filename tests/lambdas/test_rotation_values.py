"""Values that only their readers know, and the key that signs sessions."""

from __future__ import annotations

import base64
import json
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from lambdas.rotation.values import SigningKey, Value, password
from tests.lambdas.secret import Vault

TIMES = {"SESSION_MINUTES": "30", "RESTART_MINUTES": "120"}
FIRST = json.dumps({"current": "k" * 64, "previous": "", "previous_until": "1970-01-01T00:00:00Z"})


@given(st.integers(16, 100), st.sampled_from(["", "-", "-_.~"]))
def test_a_password_has_its_length_and_every_kind_of_character(length: int, special: str) -> None:
    drawn = password(length, special)
    kinds = [kind for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, special) if kind]
    assert len(drawn) == length
    assert set(drawn) <= set("".join(kinds))
    assert all(set(drawn) & set(kind) for kind in kinds)


def test_short_passwords_are_refused_and_two_are_never_the_same() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        password(15, "")
    assert len({password(32, "-") for _ in range(200)}) == 200


def test_a_plain_value_is_replaced() -> None:
    with mock_aws():
        vault = Vault("first")
        value = vault.rotate(Value({"LENGTH": "32", "SPECIAL": "-_.~"}))
    assert value != "first"
    assert len(value) == 32


def test_a_plain_value_of_another_length_is_not_let_through() -> None:
    with pytest.raises(ValueError, match="another length"):
        Value({"LENGTH": "32"}).test("short")


def test_a_key_has_256_bits() -> None:
    key = json.loads(SigningKey(TIMES).new(FIRST, first=True))["current"]
    assert len(base64.urlsafe_b64decode(key + "=")) == 32
    assert "=" not in key


def test_the_first_key_is_never_kept() -> None:
    with mock_aws():
        vault = Vault(FIRST)
        value = vault.rotate(SigningKey(TIMES))
        assert json.loads(value)["previous"] == ""
        assert "k" * 64 not in value
        until = datetime.strptime(json.loads(value)["previous_until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert until <= datetime.now(UTC)


def test_later_the_key_before_it_is_kept_for_a_session_after_the_restarts() -> None:
    with mock_aws():
        vault = Vault(FIRST)
        before = json.loads(vault.rotate(SigningKey(TIMES)))
        after = json.loads(vault.rotate(SigningKey(TIMES)))
    assert after["previous"] == before["current"] != after["current"]
    until = datetime.strptime(after["previous_until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(until - datetime.now(UTC) - timedelta(minutes=150)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"current": "x" * 43, "previous": ""}, "parts"),
        ({"current": "eA", "previous": "", "previous_until": "2026-01-01T00:00:00Z"}, "fewer than 256 bits"),
        ({"current": "x" * 43, "previous": "x" * 43, "previous_until": "2026-01-01T00:00:00Z"}, "the one before it"),
    ],
)
def test_a_key_that_would_not_serve_is_not_let_through(value: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SigningKey(TIMES).test(json.dumps(value))
