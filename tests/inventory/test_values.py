"""Secrets and unknown values never leave in their wire form."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nautilus.inventory import SECRET, UNKNOWN, redact

SIGNATURE = "4dabf18193072939515e22adb298388d"


def secret(content: Any) -> dict[str, Any]:
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(content), "ciphertext": "v1:abc"}


def test_a_secret_becomes_its_mask_at_any_depth() -> None:
    assert redact({"a": [secret("x")], "b": {"c": secret({"d": 1})}}) == {"a": [SECRET], "b": {"c": SECRET}}


def test_unknown_values_of_every_type_become_one_mark() -> None:
    assert redact(["04da6b54-80e4-46f7-96ec-b56ff0331ba9", "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"]) == [UNKNOWN, UNKNOWN]


def test_output_values_are_opened_unless_secret_or_unknown() -> None:
    output = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    assert redact({**output, "value": [1]}) == [1]
    assert redact(output) == UNKNOWN
    assert redact({**output, "value": 1, "secret": True}) == SECRET


def test_a_reference_is_the_urn_that_it_names_and_an_asset_keeps_its_digest() -> None:
    assert redact({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "urn:x"}) == "urn:x"
    assert redact({SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": "abc"}) == {"hash": "abc"}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert redact(value) == value


@given(plain, plain)
def test_nothing_of_a_secret_survives(inside: Any, beside: Any) -> None:
    marked = secret({"marker-5f1c": inside})
    assert "marker-5f1c" not in json.dumps(redact({"deep": [beside, {"er": marked}]}))
