"""The one graph builder: who needs whom, by resource and by component, and its picture in Mermaid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus.inventory.records import Inventory, PlannedResource

if TYPE_CHECKING:
    import networkx as nx


def resource_graph(inventory: Inventory) -> nx.DiGraph[str]:
    """Resources as nodes (key: URN, attribute `resource`), an edge from each to what it needs.

    The edge's attribute `properties` names the properties that need it.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    for resource in inventory:
        graph.add_node(resource.urn, resource=resource)
    for resource in inventory:
        for target in resource.all_dependencies:
            if target in inventory:
                uses = tuple(sorted(key for key, urns in resource.property_dependencies.items() if target in urns))
                graph.add_edge(resource.urn, target, properties=uses)
    return graph


@dataclass(frozen=True, slots=True)
class ComponentNode:
    """A component in the overview: its URN, type, name, and how many real resources stand under it, of them protected ones."""

    urn: str
    type: str
    name: str
    resources: int
    protected: int


def component_graph(inventory: Inventory, depth: int = 1) -> nx.DiGraph[str]:
    """Components as nodes (key: URN, attribute `node`), an edge where any resource of one needs a resource of the other.

    The edge's attribute `uses` counts them.

    `depth` 1 takes the components directly below the root component; deeper ones are counted with them.
    """
    import networkx as nx

    groups: dict[str, PlannedResource] = {}
    counts: dict[str, list[int]] = {}
    for resource in inventory:
        group = inventory.group_of(resource.urn, depth)
        if group is None:
            continue
        groups[group.urn] = group
        tally = counts.setdefault(group.urn, [0, 0])
        if resource.is_real:
            tally[0] += 1
            tally[1] += resource.protect
    graph: nx.DiGraph[str] = nx.DiGraph()
    for urn in sorted(groups):
        group = groups[urn]
        graph.add_node(urn, node=ComponentNode(urn, group.type, group.name, *counts[urn]))
    uses: dict[tuple[str, str], int] = {}
    for source, target in resource_graph(inventory).edges:
        pair = tuple(group.urn for urn in (source, target) if (group := inventory.group_of(urn, depth)) is not None)
        if len(pair) == 2 and pair[0] != pair[1]:
            uses[pair[0], pair[1]] = uses.get((pair[0], pair[1]), 0) + 1
    for (source, target), count in sorted(uses.items()):
        graph.add_edge(source, target, uses=count)
    # The root component holds only the provider; a box without contents or arrows tells nothing.
    idle = [urn for urn, data in graph.nodes(data=True) if not data["node"].resources and not graph.degree(urn)]
    graph.remove_nodes_from(idle)
    return graph


def reduced(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """`graph` without the edges that other edges imply, which makes an overview readable.

    Components that need each other count as one: the edges among them stay.
    """
    import networkx as nx

    condensed = nx.condensation(graph)
    member: dict[str, int] = condensed.graph["mapping"]
    telling = set(nx.transitive_reduction(condensed).edges)
    thin: nx.DiGraph[str] = nx.DiGraph()
    thin.add_nodes_from(graph.nodes(data=True))
    for source, target, data in graph.edges(data=True):
        ends = member[source], member[target]
        if ends[0] == ends[1] or ends in telling:
            thin.add_edge(source, target, **data)
    return thin


def _nodes(graph: nx.DiGraph[str]) -> list[ComponentNode]:
    return sorted((data["node"] for _, data in graph.nodes(data=True)), key=lambda node: (node.name, node.type, node.urn))


def _ids(nodes: list[ComponentNode]) -> dict[str, str]:
    """A Mermaid id for each URN: the name in letters, digits and underscores, numbered where two collide."""
    taken: set[str] = set()
    ids: dict[str, str] = {}
    for node in nodes:
        base = re.sub(r"[^A-Za-z0-9]+", "_", node.name).strip("_") or "component"
        # Mermaid reads a bare `end` as a keyword.
        base = f"{base}_" if base.lower() == "end" else base
        candidate, number = base, 2
        while candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(candidate)
        ids[node.urn] = candidate
    return ids


def mermaid(graph: nx.DiGraph[str], title: str) -> str:
    """The component graph as a Mermaid flow chart. The same graph gives the same text."""
    nodes = _nodes(graph)
    ids = _ids(nodes)
    lines = ["---", f"title: {title}", "---", "flowchart LR"]
    for node in nodes:
        kind = node.type.rpartition(":")[2]
        count = f"{node.resources} resource{'' if node.resources == 1 else 's'}"
        label = f"{node.name}<br/>{kind}, {count}".replace('"', "#quot;")
        # A cylinder is the usual sign for what holds data.
        lines.append(f'    {ids[node.urn]}[("{label}")]' if node.protected else f'    {ids[node.urn]}["{label}"]')
    lines += [f"    {source} --> {target}" for source, target in sorted((ids[a], ids[b]) for a, b in graph.edges)]
    return "\n".join(lines) + "\n"


def as_document(graph: nx.DiGraph[str]) -> dict[str, Any]:
    """The component graph as plain data: `nodes` and `edges`, sorted."""
    nodes = _nodes(graph)
    ids = _ids(nodes)
    return {
        "nodes": [
            {"id": ids[node.urn], "name": node.name, "type": node.type, "resources": node.resources, "protected": node.protected}
            for node in nodes
        ],
        "edges": [
            {"from": source, "to": target, "uses": uses}
            for source, target, uses in sorted((ids[a], ids[b], data["uses"]) for a, b, data in graph.edges(data=True))
        ],
    }
