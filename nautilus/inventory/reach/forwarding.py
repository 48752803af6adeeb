"""Paths through what opens connections of its own: CloudFront and load balancers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from nautilus.inventory.names import CLOUDFRONT, INTERNET
from nautilus.inventory.network import Network, Thing
from nautilus.inventory.ports import Ports, meet
from nautilus.inventory.reach.connections import EDGE_PORTS, Connections
from nautilus.inventory.reach.places import Peer, Place, places
from nautilus.inventory.reach.proof import Answer, Attempt, Hop, best_of, first_of

if TYPE_CHECKING:
    import networkx as nx

_DOUBT: Final = 1_000_000
"""The length of a connection that may or may not be possible: longer than every path of certain ones."""


class Forwarding:
    """Searches the paths of one network."""

    def __init__(self, network: Network, connections: Connections) -> None:
        self.network = network
        self.connections = connections

    def path(
        self, source: str, target: str, ask: Ports, known: Answer, best: Attempt | None
    ) -> tuple[Answer, list[Attempt], list[Attempt]]:
        """The shortest path through distributions and load balancers: the answer, its steps, and every step that failed."""
        wanted = {thing.resource.urn for thing in self.network.of_role(target)}
        telling = self._leading_to(wanted)
        if not telling and target != CLOUDFRONT:
            return known, [], []
        import networkx as nx

        graph, failed = self._graph(source, target, ask, wanted, telling)
        if "source" not in graph or "target" not in graph:
            return known, [], failed
        try:
            nodes: list[Any] = nx.shortest_path(graph, "source", "target", weight="doubt")
        except nx.NetworkXNoPath:
            return known, [], failed
        steps = list(pairwise(nodes))
        sure = not any(graph.edges[step]["doubt"] >= _DOUBT for step in steps)
        if not sure and known is Answer.UNKNOWN and best is not None:
            return known, [], failed
        path: list[Attempt] = []
        for step in steps:
            made = graph.edges[step]["explain"]
            path.append(made())
        return (Answer.YES if sure else Answer.UNKNOWN), path, failed

    def _graph(self, source: str, target: str, ask: Ports, wanted: set[str], telling: set[str]) -> tuple[nx.DiGraph[Any], list[Attempt]]:
        """Listeners as nodes `(load balancer, port)`, distributions by URN, an edge for each connection that may be made."""
        import networkx as nx

        graph: nx.DiGraph[Any] = nx.DiGraph()
        failed: list[Attempt] = []

        def edge(start: Any, end: Any, tries: list[tuple[Place, Place, Peer | None]], ports: Ports, before: tuple[Hop, ...] = ()) -> None:
            if not meet(ports, ports):
                return
            attempts = [self.connections.attempt(a, b, ports, client=client) for a, b, client in tries]
            best = best_of(attempts)
            if best is None or best.answer is Answer.NO:
                failed.extend(attempts)
                return
            a, b, client = tries[attempts.index(best)]
            chosen = first_of(best.ports)

            def explain() -> Attempt:
                made = self.connections.attempt(a, b, chosen, explain=True, client=client)
                return Attempt(made.source, made.target, made.answer, made.ports, made.reason, made.zone, (*before, *made.hops))

            doubt = 1 if best.answer is Answer.YES else _DOUBT
            if not graph.has_edge(start, end) or graph.edges[start, end]["doubt"] > doubt:
                graph.add_edge(start, end, doubt=doubt, explain=explain)

        def entry(name: str, balancer: Thing, port: int, *, origin: bool) -> None:
            spots = [Place(balancer.role, balancer, subnet) for subnet in balancer.subnets]
            sources = [Place(CLOUDFRONT)] if origin else list(places(self.network, name))
            end: Any = (balancer.resource.urn, port)
            edge("source" if not origin else name, end, [(a, b, None) for a in sources for b in spots], ((port, port),))
            if balancer.resource.urn in wanted and meet(ask, ((port, port),)):
                graph.add_edge(end, "target", doubt=0, explain=lambda: Attempt("", "", Answer.YES, ((port, port),)))

        if source in (INTERNET, CLOUDFRONT):
            for urn, origins in self.network.distributions.items():
                distribution = self.network.inventory[urn]
                hop = Hop("CloudFront", f"distribution {distribution.name} takes requests from anybody on 80 and 443", distribution.path)
                shown = (hop,) if source == INTERNET else ()
                graph.add_edge("source", urn, doubt=1, explain=lambda shown=shown: Attempt("", "", Answer.YES, EDGE_PORTS, hops=shown))
                for origin in origins:
                    for listener in self._ports_of(origin.thing) if origin.thing.resource.urn in telling else ():
                        if meet(origin.ports, ((listener, listener),)):
                            entry(urn, origin.thing, listener, origin=True)
                if target == CLOUDFRONT and meet(ask, EDGE_PORTS):
                    used = meet(ask, EDGE_PORTS)
                    graph.add_edge(urn, "target", doubt=0, explain=lambda used=used: Attempt("", "", Answer.YES, used))
        for balancer in (self.network.balancers[urn] for urn in sorted(telling)):
            for port in self._ports_of(balancer.thing):
                if balancer.thing.role != source:
                    entry(source, balancer.thing, port, origin=False)
            spots = [Place(balancer.thing.role, balancer.thing, subnet) for subnet in balancer.thing.subnets]
            clients = list(places(self.network, source)) if balancer.keeps_client_address else [None]
            for listener in balancer.listeners:
                for backend in listener.backends:
                    only = f", for requests with the header {listener.condition}" if listener.condition else ""
                    text = f"listener {listener.resource.name} on {listener.port} forwards to {backend.group.name}{only}"
                    hop = Hop("listener", text, listener.resource.path)
                    onward = [Place(backend.thing.role, backend.thing, subnet) for subnet in backend.thing.subnets]
                    tries = [(a, b, client.peer if client else None) for a in spots for b in onward for client in clients]
                    start = (balancer.thing.resource.urn, listener.port)
                    if backend.thing.resource.urn in wanted:
                        edge(start, "target", tries, meet(ask, backend.ports), (hop,))
                    if backend.thing.resource.urn in self.network.balancers:
                        for port in self._ports_of(backend.thing):
                            end = (backend.thing.resource.urn, port)
                            edge(start, end, tries, meet(backend.ports, ((port, port),)), (hop,))
        return graph, failed

    def _leading_to(self, wanted: set[str]) -> set[str]:
        """URNs of the load balancers that are wanted themselves, or forward to what is wanted, over others too."""
        found = wanted & set(self.network.balancers)
        while True:
            more = {
                urn
                for urn, balancer in self.network.balancers.items()
                if urn not in found
                and any(back.thing.resource.urn in wanted | found for listener in balancer.listeners for back in listener.backends)
            }
            if not more:
                return found
            found |= more

    def _ports_of(self, thing: Thing) -> tuple[int, ...]:
        balancer = self.network.balancers.get(thing.resource.urn)
        return tuple(sorted({listener.port for listener in balancer.listeners})) if balancer is not None else ()
