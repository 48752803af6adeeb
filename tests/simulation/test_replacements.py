"""The reviewed replacement table: complete for the types it has, and compared with CloudFormation's create-only properties."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from nautilus.sandbox.simulation.replacements import Effect, effect, entries
from tests.simulation.support import table, token

DIFFERENCES: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("cloudformation.yaml").read_text(encoding="utf-8")
)


@cache
def _schemas() -> Any:
    return resources.files("cfnlint.data.schemas")


@cache
def create_only(kind: str) -> frozenset[str] | None:
    """Top-level create-only properties of a CloudFormation type, in lower case; None for a type that is not there."""
    index: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    if kind not in index:
        return None
    schema = json.loads((_schemas() / "resources" / f"{index[kind]}.json").read_text(encoding="utf-8"))
    paths = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", [])]
    return frozenset(path.lower() for path in paths if "/" not in path)


@pytest.mark.parametrize("each", sorted(entries()))
def test_entries_name_inputs_of_their_type(each: str) -> None:
    row = table().resource(each)
    assert row is not None
    entry = entries()[each]
    assert entry.replace | entry.update <= set(row.inputs)
    assert not entry.replace & entry.update


@pytest.mark.parametrize("each", sorted(DIFFERENCES))
def test_against_cloudformation(each: str) -> None:
    """Each create-only property of CloudFormation that has a counterpart needs a replacement here too, unless a reason is listed."""
    listed = DIFFERENCES[each]
    only = create_only(listed["type"]["is"])
    assert only is not None, listed["type"]["is"]
    names: dict[str, str] = listed.get("names", {})
    reasons: dict[str, str] = listed.get("differs", {})
    row, entry = table().resource(token(each)), entries()[token(each)]
    assert row is not None
    ours = {names.get(name, name).lower(): name for name in row.inputs}
    found: dict[str, str] = {}
    for theirs in sorted(only):
        name = ours.get(theirs)
        if name is not None and name in entry.update:
            found[name] = "create-only in CloudFormation, an update here"
    for name in sorted(entry.replace - {"region", "namePrefix"}):
        theirs = names.get(name, name).lower()
        schema_has = theirs in _properties(listed["type"]["is"])
        if schema_has and theirs not in only:
            found[name] = "an update in CloudFormation, a replacement here"
    assert {name: why for name, why in found.items() if name not in reasons} == {}
    assert set(reasons) <= set(found), "a listed difference is none any more"


@cache
def _properties(kind: str) -> frozenset[str]:
    index: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    schema = json.loads((_schemas() / "resources" / f"{index[kind]}.json").read_text(encoding="utf-8"))
    return frozenset(name.lower() for name in schema.get("properties", {}))


def test_effects() -> None:
    database = table().resource(token("rds.Instance"))
    assert database is not None
    assert effect(database, "storageEncrypted") is Effect.REPLACE
    assert effect(database, "instanceClass") is Effect.UPDATE
    assert effect(database, "tagsAll") is Effect.UPDATE
    assert effect(database, "somethingNew") is Effect.UNKNOWN


def test_a_type_outside_the_table_follows_its_documentation() -> None:
    outside = next(
        each for each in table().tokens() if each not in entries() and (row := table().resource(each)) is not None and row.renews
    )
    row = table().resource(outside)
    assert row is not None
    assert effect(row, sorted(row.renews)[0]) is Effect.REPLACE
    assert effect(row, next(name for name in row.inputs if name not in row.renews and name not in {"region", "tags"})) is Effect.UNKNOWN
