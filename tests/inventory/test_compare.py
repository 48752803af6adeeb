"""Differences between two plans."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from nautilus.inventory import Inventory
from nautilus.inventory.compare import MISSING, PropertyDifference, compare, differing, flatten
from nautilus.inventory.records import PlannedResource
from tests.inventory.test_values import plain


def resource(name: str, inputs: dict[str, Any], *, protect: bool = False, kind: str = "aws:sqs/queue:Queue") -> PlannedResource:
    return PlannedResource(urn=f"urn:pulumi:s::p::{kind}::{name}", type=kind, name=name, inputs=inputs, protect=protect)


def test_leaves_have_paths_and_json_text_is_opened() -> None:
    policy = json.dumps({"Statement": [{"Effect": "Deny"}]})
    assert dict(flatten({"a": {"b": [1, {"c": 2}]}, "policy": policy, "empty": [], "text": "[not json"})) == {
        "a.b[0]": 1,
        "a.b[1].c": 2,
        "policy.Statement[0].Effect": "Deny",
        "empty": [],
        "text": "[not json",
    }


def test_both_sides_are_listed_by_type_and_name() -> None:
    left = Inventory([resource("jobs", {"delay": 1, "same": True}), resource("only-left", {"a": 1}), resource("same", {"a": 1})])
    right = Inventory(
        [resource("jobs", {"delay": 2, "same": True, "more": "x"}, protect=True), resource("only-right", {}), resource("same", {"a": 1})]
    )
    found = {item.name: item for item in compare(left, right)}
    assert {name: item.side for name, item in found.items()} == {"jobs": "both", "only-left": "left", "only-right": "right"}
    assert found["only-left"].properties == (PropertyDifference("a", 1, MISSING),)
    assert found["jobs"].properties == (
        PropertyDifference("delay", 1, 2),
        PropertyDifference("more", MISSING, "x"),
        PropertyDifference("(protect)", False, True),
    )


def test_components_and_providers_are_not_compared() -> None:
    component = PlannedResource(urn="u", type="nautilus:x", name="x", custom=False)
    provider = resource("aws", {"region": "a"}, kind="pulumi:providers:aws")
    assert compare(Inventory([component, provider]), Inventory([])) == ()


@given(plain, plain)
def test_nothing_differs_from_itself_and_differences_are_symmetric(left: Any, right: Any) -> None:
    assert differing(left, left) == ()
    mirrored = tuple(PropertyDifference(item.path, item.right, item.left) for item in differing(right, left))
    assert differing(left, right) == mirrored
