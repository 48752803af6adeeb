"""The graph and its picture are complete and always the same."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from nautilus.inventory import Inventory, from_state
from nautilus.inventory.graph import as_document, component_graph, mermaid, reduced, resource_graph
from nautilus.inventory.records import PlannedResource
from tests.inventory import samples

EXPECTED = """---
title: nautilus-infra local
---
flowchart LR
    network[("network<br/>network, 2 resources")]
    postgres[("postgres<br/>postgres, 1 resource")]
    postgres --> network
"""


def inventory() -> Inventory:
    return from_state(samples.export())


def test_resources_have_an_edge_to_what_they_need() -> None:
    graph = resource_graph(inventory())
    assert list(graph.edges(data=True)) == [(samples.DATABASE, samples.VPC, {"properties": ("vpcSecurityGroupIds",)})]


def test_components_are_drawn_with_collapsed_edges_and_idle_ones_left_out() -> None:
    assert mermaid(component_graph(inventory()), "nautilus-infra local") == EXPECTED


def test_deeper_levels_show_nested_components() -> None:
    names = {node["name"] for node in as_document(component_graph(inventory(), depth=2))["nodes"]}
    assert names == {"network", "flow-logs", "postgres"}


def test_the_document_counts_protected_resources_and_uses() -> None:
    assert as_document(component_graph(inventory())) == {
        "nodes": [
            {"id": "network", "name": "network", "type": "nautilus:network", "resources": 2, "protected": 1},
            {"id": "postgres", "name": "postgres", "type": "nautilus:postgres", "resources": 1, "protected": 1},
        ],
        "edges": [{"from": "postgres", "to": "network", "uses": 1}],
    }


def chain(edges: list[tuple[str, str]], names: list[str]) -> Inventory:
    """Components of the given names, each with one resource, that need each other."""
    root = PlannedResource(urn="root", type="nautilus:platform", name="root", custom=False)
    items = [root]
    for name in names:
        items.append(PlannedResource(urn=f"c:{name}", type=f"nautilus:{name}", name=name, custom=False, parent="root"))
        needs = tuple(f"r:{target}" for source, target in edges if source == name)
        items.append(PlannedResource(urn=f"r:{name}", type="aws:x/y:Z", name=f"{name}-z", parent=f"c:{name}", dependencies=needs))
    return Inventory(items)


def test_reduction_drops_implied_edges_even_where_components_need_each_other() -> None:
    graph = component_graph(chain([("a", "b"), ("b", "c"), ("a", "c")], ["a", "b", "c"]))
    assert {(e["from"], e["to"]) for e in as_document(reduced(graph))["edges"]} == {("a", "b"), ("b", "c")}
    cyclic = component_graph(chain([("a", "b"), ("b", "a")], ["a", "b"]))
    assert as_document(reduced(cyclic)) == as_document(cyclic)
    both = component_graph(chain([("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("a", "d")], ["a", "b", "c", "d"]))
    assert {(e["from"], e["to"]) for e in as_document(reduced(both))["edges"]} == {("a", "b"), ("b", "a"), ("b", "c"), ("c", "d")}


def test_ids_never_collide_and_are_no_keywords() -> None:
    graph = component_graph(chain([], ["a-b", "a.b", "end", "Ü"]))
    ids = [node["id"] for node in as_document(graph)["nodes"]]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", item) and item != "end" for item in ids)


@given(st.randoms(use_true_random=False), st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=20))
def test_the_order_of_registration_does_not_matter(rng: random.Random, edges: set[tuple[str, str]]) -> None:
    first = chain(sorted(edges), list("abcdef"))
    shuffled = list(first)
    rng.shuffle(shuffled)
    assert mermaid(component_graph(Inventory(shuffled)), "t") == mermaid(component_graph(first), "t")
