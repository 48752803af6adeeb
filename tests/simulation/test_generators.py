"""The random package: deterministic, and a password that holds the worst its generator may draw."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus.sandbox.simulation import generators
from nautilus.sandbox.simulation.context import Urn
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, reveal

PASSWORD = "urn:pulumi:test::p::random:index/randomPassword:RandomPassword::pw"


def urn(kind: str, name: str = "it") -> Urn:
    return Urn(f"urn:pulumi:test::p::random:index/{kind[0].lower()}{kind[1:]}:{kind}::{name}")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60),
    st.fixed_dictionaries({}, optional={name: st.booleans() for name in ("lower", "upper", "numeric", "special")}),
    st.fixed_dictionaries({}, optional={name: st.integers(0, 5) for name in ("minLower", "minUpper", "minNumeric", "minSpecial")}),
    st.one_of(st.none(), st.text("!#%-_=+.,@", min_size=1, max_size=8)),
)
def test_a_password_keeps_to_its_generator(length: int, switches: dict[str, bool], least: dict[str, int], special: str | None) -> None:
    inputs: dict[str, Any] = {"length": length, **switches, **least} | ({"overrideSpecial": special} if special else {})
    if not any(switches.get(name, True) for name in ("lower", "upper", "numeric", "special")) or sum(least.values()) > length:
        return
    text = generators.worst_case(inputs, Seed("x"))
    assert len(text) == length
    sets = {
        "lower": set(string.ascii_lowercase),
        "upper": set(string.ascii_uppercase),
        "numeric": set(string.digits),
        "special": set(special or generators.SPECIAL),
    }
    for name, letters in sets.items():
        count = sum(char in letters for char in text)
        if switches.get(name, True):
            assert count >= least.get(f"min{name.title()}", 0)
        elif name != "special" or not special:
            assert count == 0
    assert text == generators.worst_case(inputs, Seed("x"))


def test_a_password_holds_every_special_character_that_fits() -> None:
    assert set(generators.SPECIAL) <= set(generators.worst_case({"length": 32}, Seed("x")))
    assert {"@", ":", "!"} & set(generators.worst_case({"length": 8}, Seed("x")))
    assert "@" in generators.worst_case({"length": 5}, Seed("x"))


def test_a_password_without_special_characters() -> None:
    assert generators.worst_case({"length": 40, "special": False}, Seed("x")).isalnum()


def test_a_password_is_secret_and_known_at_preview() -> None:
    ident, outputs = generators.make(Urn(PASSWORD), {"length": 20})
    assert ident == "none"
    assert isinstance(outputs["result"], Secret)
    assert isinstance(outputs["bcryptHash"], Secret)
    assert reveal(outputs["bcryptHash"]).startswith("$2a$10$")


def test_unknown_inputs_give_unknown_outputs() -> None:
    ident, outputs = generators.make(Urn(PASSWORD), {"length": UNKNOWN})
    assert ident == ""
    assert outputs["result"] == Secret(UNKNOWN)


def test_another_generation_is_another_value() -> None:
    first, second = (generators.make(Urn(PASSWORD), {"length": 20}, generation=number)[1]["result"] for number in (0, 1))
    assert first != second


@pytest.mark.parametrize(
    ("kind", "inputs", "check"),
    [
        (
            "RandomId",
            {"byteLength": 4, "prefix": "p-"},
            lambda ident, out: len(ident) == 6 and out["hex"].startswith("p-") and len(out["hex"]) == 10,
        ),
        ("RandomUuid", {}, lambda ident, out: out["result"] == ident and len(ident) == 36),
        ("RandomInteger", {"min": 3, "max": 5}, lambda ident, out: 3 <= out["result"] <= 5 and ident == str(out["result"])),
        ("RandomPet", {"length": 3, "separator": "_"}, lambda ident, out: ident.count("_") == 2),
        ("RandomString", {"length": 9}, lambda ident, out: len(out["result"]) == 9 == len(ident)),
        ("RandomBytes", {"length": 8}, lambda ident, out: len(reveal(out["hex"])) == 16),
        ("RandomShuffle", {"inputs": ["a", "b", "c"], "resultCount": 2}, lambda ident, out: len(set(out["results"])) == 2),
    ],
)
def test_the_other_generators(kind: str, inputs: dict[str, Any], check: Any) -> None:
    ident, outputs = generators.make(urn(kind), inputs)
    assert check(ident, outputs), (ident, outputs)
    assert generators.make(urn(kind), inputs) == (ident, outputs)


def test_impossible_generators_are_refused() -> None:
    assert dict(generators.failures("random:index/randomPassword:RandomPassword", {"length": 0}))
    assert dict(generators.failures("random:index/randomInteger:RandomInteger", {"min": 5, "max": 3}))
    nothing = {"length": 5, "lower": False, "upper": False, "numeric": False, "special": False}
    assert dict(generators.failures("random:index/randomString:RandomString", nothing))
