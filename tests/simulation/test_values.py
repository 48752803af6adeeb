"""Values on Pulumi's wire and back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus.sandbox.simulation.values import (
    ARCHIVE,
    OUTPUT,
    RESOURCE,
    SIGNATURE,
    UNKNOWN,
    UNKNOWN_STRINGS,
    Asset,
    Hidden,
    Secret,
    decode,
    dumps,
    encode,
    has_secret,
    has_unknown,
    loads,
    reveal,
    reveal_hidden,
    shown,
    walk,
)

SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=20).filter(lambda text: text not in UNKNOWN_STRINGS), st.just(UNKNOWN)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3), inner.map(Secret)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4))
def test_the_wire_keeps_everything(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties
    assert loads(dumps(properties)) == properties


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_nothing_secret_is_shown(value: Any) -> None:
    assert not has_secret(reveal(value))
    if has_secret(value):
        assert shown(value) == "[secret]"


def test_every_kind_of_unknown_is_read() -> None:
    for text in UNKNOWN_STRINGS:
        struct = struct_pb2.Struct()
        struct.update({"a": text})
        assert decode(struct) == {"a": UNKNOWN}


def test_output_values_tell_their_dependencies() -> None:
    struct = struct_pb2.Struct()
    struct.update(
        {
            "subnets": [
                {SIGNATURE: OUTPUT, "dependencies": ["urn:a"]},
                {SIGNATURE: OUTPUT, "value": "subnet-1", "dependencies": ["urn:b"]},
            ],
            "password": {SIGNATURE: OUTPUT, "value": "x", "secret": True},
        }
    )
    urns: dict[str, set[str]] = {}
    assert decode(struct, urns) == {"subnets": [UNKNOWN, "subnet-1"], "password": Secret("x")}
    assert urns == {"subnets": {"urn:a", "urn:b"}}


def test_a_resource_reference_stands_for_the_id() -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": {SIGNATURE: RESOURCE, "urn": "urn:x", "id": "vpc-1"}, "b": {SIGNATURE: RESOURCE, "urn": "urn:x"}})
    assert decode(struct) == {"a": "vpc-1", "b": "urn:x"}


def test_assets_are_equal_by_contents() -> None:
    one, two = Asset({SIGNATURE: ARCHIVE, "hash": "h", "path": "a"}), Asset({SIGNATURE: ARCHIVE, "hash": "h", "path": "b"})
    assert one == two
    assert one != Asset({SIGNATURE: ARCHIVE, "hash": "i"})
    assert decode(encode({"code": one}))["code"].raw["path"] == "a"


def test_null_and_absent_are_the_same() -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": None, "b": 1})
    assert decode(struct) == {"b": 1}


def test_there_is_one_unknown() -> None:
    assert copy.deepcopy(UNKNOWN) is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN
    assert UNKNOWN


def test_hidden_strings_are_strings_that_do_not_show() -> None:
    value = reveal_hidden({"a": Secret(["word"]), "b": "plain"})
    assert value == {"a": ["word"], "b": "plain"}
    assert isinstance(value["a"][0], Hidden)
    assert "word" not in shown(value["a"])
    assert "plain" in shown(value["b"])


def test_walk_gives_paths() -> None:
    assert dict(walk({"a": [{"b": 1}], "c": Secret("x")})) == {
        "": {"a": [{"b": 1}], "c": Secret("x")},
        "a": [{"b": 1}],
        "a[0]": {"b": 1},
        "a[0].b": 1,
        "c": "x",
    }


def test_unknowns_are_found_at_any_depth() -> None:
    assert has_unknown({"a": [Secret({"b": UNKNOWN})]})
    assert not has_unknown({"a": [Secret({"b": 1})]})
