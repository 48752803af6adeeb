"""Conversion of what the engine sends."""

from __future__ import annotations

import json

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from policies.values import ABSENT, UNKNOWN, Gap, Opaque, descend, has_unknown, items, parse_json, properties

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
RAW = {
    "port": 5432,
    "ratio": 0.5,
    "open": False,
    "nothing": None,
    "later": UNKNOWN_TEXT,
    "within": f"prefix-{UNKNOWN_TEXT}",
    "password": {SIGNATURE: SECRET, "value": "hunter2"},
    "hidden": {SIGNATURE: SECRET, "value": {"a": ["b", UNKNOWN_TEXT]}},
    "output": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": "there", "secret": True},
    "pending": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"},
    "code": {SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "path": "lambdas"},
    "nested": [{"name": "a", "value": None}],
}


def as_struct(raw: dict[str, object]) -> struct_pb2.Struct:
    return json_format.ParseDict(raw, struct_pb2.Struct())


@pytest.mark.parametrize("raw", [RAW, as_struct(RAW)], ids=["dictionary", "protobuf"])
def test_markers_become_what_they_mean(raw: dict[str, object] | struct_pb2.Struct) -> None:
    converted = properties(raw)
    assert converted.values == {
        "port": 5432,
        "ratio": 0.5,
        "open": False,
        "nothing": ABSENT,
        "later": UNKNOWN,
        "within": UNKNOWN,
        "password": "hunter2",
        "hidden": {"a": ["b", UNKNOWN]},
        "output": "there",
        "pending": UNKNOWN,
        "code": Opaque("archive"),
        "nested": [{"name": "a", "value": ABSENT}],
    }
    assert isinstance(converted.values["port"], int)
    assert converted.secret_texts == {"hunter2", "b", "there"}


PLAIN = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), PLAIN, max_size=5))
def test_plain_values_survive_both_ways_of_arriving(raw: dict[str, object]) -> None:
    assert properties(raw).values == raw
    assert properties(as_struct(raw)).values == raw


@pytest.mark.parametrize("gap", list(Gap))
def test_a_gap_has_no_truth(gap: Gap) -> None:
    with pytest.raises(TypeError, match=gap.value):
        bool(gap)


def test_paths_lead_through_gaps() -> None:
    value = properties({"a": {"b": {"c": 1}, "u": UNKNOWN_TEXT}}).values["a"]
    assert descend(value, "b.c") == 1
    assert descend(value, "b.x") is ABSENT
    assert descend(value, "u.x.y") is UNKNOWN
    assert descend(value, "b.c.d") is ABSENT


def test_lists_and_leaves() -> None:
    assert items(ABSENT) == []
    assert items("one") == ["one"]
    assert items(UNKNOWN) == [UNKNOWN]
    assert has_unknown([{"a": [1, UNKNOWN]}])
    assert not has_unknown([{"a": [1, ABSENT]}])


def test_json_text() -> None:
    assert parse_json(json.dumps({"a": [1.0, None]})) == {"a": [1, ABSENT]}
    with pytest.raises(ValueError):
        parse_json("{")
