"""Every key is documented: words, unit, default, an example that passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from infra.settings.base import Section
from infra.settings.root import AccountSettings, Settings
from infra.settings.words import Key, Kind, key_at, keys_of, shape_of


def every_key(section: type[Section] = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type[Section], Key]]:
    for name, key in keys_of(section).items():
        yield (*path, name), section, key
        if key.shape.section is not None:
            yield from every_key(key.shape.section, (*path, name))
        elif key.shape.kind is Kind.MAPPING and key.shape.item and key.shape.item.section:
            yield from every_key(key.shape.item.section, (*path, name, "NAME"))


KEYS = [pytest.param(*entry, id=".".join(entry[0])) for entry in every_key()]


def test_there_are_keys() -> None:
    assert len(KEYS) > 100
    assert set(keys_of(AccountSettings)) <= set(keys_of(Settings))


@pytest.mark.parametrize(("path", "section", "key"), KEYS)
def test_a_key_is_described(path: tuple[str, ...], section: type[Section], key: Key) -> None:
    assert key.description.endswith("."), "a description is a sentence"
    assert len(key.description.split()) >= 2
    assert key.shape.words
    shape = key.shape.item if key.shape.kind is Kind.LIST and key.shape.item else key.shape
    if shape.kind in (Kind.INTEGER, Kind.NUMBER):
        assert key.unit, "a number has a unit"
        bounded = shape.choices or shape.accepts or (shape.most is not None and (shape.least is not None or shape.above is not None))
        assert bounded, "a number has bounds"
    else:
        assert key.unit == ""
    if shape.kind is Kind.TEXT:
        assert shape.choices or shape.accepts, "text has a form that is said in words"


@pytest.mark.parametrize(("path", "section", "key"), KEYS)
def test_examples_and_defaults_pass(path: tuple[str, ...], section: type[Section], key: Key) -> None:
    if key.shape.kind is Kind.SECTION:
        return
    for value in (key.shape.example, key.good):
        errors: list[str] = []
        try:
            section.model_validate({key.name: value})
        except ValidationError as refused:
            errors = [str(error) for error in refused.errors() if error["loc"][:1] == (key.name,)]
        assert errors == []


def test_a_class_says_what_it_is_for() -> None:
    assert [section.__name__ for _, section, _ in every_key() if not section.__doc__] == []


def test_words() -> None:
    assert keys_of(Settings)["postgres"].shape.words == "a mapping"
    words = {
        ("postgres", "major"): "a whole number from 15 to 18",
        ("postgres", "multiAz"): "true or false",
        ("postgres", "iops"): "a whole number from 12,000 to 64,000",
        ("alarms", "errorPercent"): "a number above 0, at most 100",
        ("network", "nat"): "per-zone or single",
        ("network", "zones"): "a list of 2 to 6: each the letter of an availability zone, a to f",
        ("account", "id"): "12 digits in quotes, such as 123456789012",
        ("trading", "acknowledgeLiveTrading"): '"" or orders from this stack move real money',
    }
    for path, text in words.items():
        key = key_at(Settings, path)
        assert key is not None
        assert key.shape.words == text


def test_default_words() -> None:
    defaults = {
        ("platform", "owner"): "none: it must be set",
        ("postgres", "iops"): "unset",
        ("postgres", "multiAz"): "true",
        ("network", "peerCidrs"): "empty",
        ("services", "backend", "rollout", "steps"): "10, 50, 100",
        ("network", "nat"): "per-zone",
    }
    for path, text in defaults.items():
        key = key_at(Settings, path)
        assert key is not None
        assert key.default_words == text


def test_paths_that_lead_nowhere() -> None:
    assert key_at(Settings, ("nothing",)) is None
    assert key_at(Settings, ("postgres", "nothing")) is None
    zones = key_at(Settings, ("network", "zones"))
    assert key_at(Settings, ("network", "zones", 3)) is zones


def test_a_type_without_words_is_refused() -> None:
    with pytest.raises(TypeError, match="not a type that settings use"):
        shape_of(bytes)
    with pytest.raises(TypeError, match="choice of types"):
        shape_of(int | str)
