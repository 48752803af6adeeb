"""Who reaches whom: a path through security groups, NACLs, routes, firewalls and forwarders, or where every attempt ends.

A path exists if it exists for some address of the source and some of the target, so that "no" holds for all of them. A value that only an
`up` can know makes the answer "cannot tell" where it decides. Only TCP over IPv4 is proved; IPv6 routes out are reported as a doubt.

A CloudFront distribution and a load balancer open a connection of their own to what is behind them: a path through them is an
`application` path. Whoever may reach the forwarder reaches the target's port, though only in the forwarder's protocol. A detour from inside over the
internet to the platform's own front door counts as the two questions that it is, not as a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from nautilus.inventory.firewall import FirewallError, open_ports
from nautilus.inventory.network import (
    CLOUDFRONT_LIST,
    STRANGE_LIST,
    Goal,
    Nacl,
    Network,
    Permission,
    Route,
    Subnet,
    Table,
    Thing,
    is_public,
    read,
)
from nautilus.inventory.ports import ALL_PORTS, CLOSED, NO_PORTS, Open, Ports, exactly, join, meet, ports_text, without
from nautilus.inventory.records import Inventory, PlannedResource

if TYPE_CHECKING:
    import networkx as nx

INTERNET: Final = "internet"
CLOUDFRONT: Final = "cloudfront"
PLATFORM: Final = (
    "internet",
    "cloudfront",
    "s3",
    "load-balancer",
    "frontend",
    "backend",
    "engine",
    "ib-gateway",
    "postgres",
    "timescale",
    "cache",
    "session-files",
    "endpoints",
    "vpn",
)
"""Names that every stack understands, also where it does without the thing."""

EPHEMERAL: Final[Ports] = ((1024, 65_535),)
"""Ports that answers may go to: load balancers and NAT gateways take all of them, Linux 32768 to 60999 (Amazon VPC guide)."""

_EDGE_PORTS: Final[Ports] = ((80, 80), (443, 443))
"""What CloudFront listens on."""


class Answer(StrEnum):
    """What a proof says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot tell"


class UnknownNameError(ValueError):
    """A name that stands for nothing; `names` are those that do."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(f"nothing is called {name}")
        self.name = name
        self.names = names


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing that lets a connection pass, and the resource that says so (its path; empty for AWS's own)."""

    kind: str
    text: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try from one place to another: what came of it, on which ports, and why it ended or what was in doubt."""

    source: str
    target: str
    answer: Answer
    ports: Ports
    reason: str = ""
    zone: str = ""
    """The source's zone."""
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """A reason for which attempts ended, with one of them as an example."""

    reason: str
    attempts: int
    example: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer, the path that shows it, and where the other attempts ended."""

    source: str
    target: str
    port: int | None
    answer: Answer
    kind: str = ""
    """`direct`, or `application` for a path through a forwarder; empty without a path."""
    path_port: int | None = None
    """The target's port on the path."""
    ports: Ports = NO_PORTS
    """Every port of the target that a direct connection reaches for certain."""
    hops: tuple[Hop, ...] = ()
    endings: tuple[Ending, ...] = ()
    zones: tuple[tuple[str, Answer], ...] = ()
    """The direct answer by the source's zone, where zones differ."""

    def as_document(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "source": self.source,
            "target": self.target,
            "port": self.port,
            "answer": self.answer.value,
            "kind": self.kind or None,
            "pathPort": self.path_port,
            "ports": [list(span) for span in self.ports],
            "path": [{"kind": hop.kind, "text": hop.text, "resource": hop.resource or None} for hop in self.hops],
            "endings": [{"reason": item.reason, "attempts": item.attempts, "example": item.example} for item in self.endings],
            "zones": {zone: answer.value for zone, answer in self.zones},
        }


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side of a security-group rule or a NACL entry: something in the VPC, or the outside (`outside` is its name)."""

    outside: str = ""
    groups: frozenset[str] = frozenset()
    block: IPv4Network | None = None
    groups_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A thing in one of its subnets, or the outside."""

    name: str
    thing: Thing | None = None
    subnet: Subnet | None = None

    @property
    def label(self) -> str:
        """For people: `backend-service in network-app-a`."""
        return f"{self.thing.resource.name} in {self.subnet.name}" if self.thing is not None and self.subnet is not None else self.name

    @property
    def peer(self) -> Peer:
        """How rules see it."""
        if self.thing is None or self.subnet is None:
            return Peer(self.name)
        return Peer("", frozenset(self.thing.groups), self.subnet.block, self.thing.groups_unknown)


@dataclass(frozen=True, slots=True)
class Way:
    """A walk through route tables: whether it arrives (None: cannot tell), through which subnets and firewalls, and why it ended."""

    arrives: bool | None
    reason: str = ""
    subnets: tuple[Subnet, ...] = ()
    firewalls: tuple[tuple[str, str | None], ...] = ()
    """Firewall URN and the zone of the endpoint, None where AWS has not said it."""
    nat: PlannedResource | None = None
    hops: tuple[Hop, ...] = ()


@dataclass
class _Trial:
    """An attempt under way: what still passes, what was seen, and where it ended."""

    open: Open
    hops: list[Hop] = field(default_factory=list[Hop])
    doubts: list[str] = field(default_factory=list[str])
    ended: str = ""

    def through(self, passes: Open, blocked: Callable[[], str]) -> bool:
        """Narrow to what passes; False when nothing is left."""
        before, self.open = self.open, self.open & passes
        if not self.open.maybe:
            self.ended = blocked()
            return False
        if before.sure and not self.open.sure:
            self.doubts.append(f"cannot tell whether {blocked()}")
        return True

    def doubt(self, reason: str) -> None:
        """Go on, but be sure of nothing."""
        self.open = self.open.doubted()
        self.doubts.append(reason)

    def end(self, reason: str) -> None:
        """Stop here."""
        self.open, self.ended = CLOSED, reason


class Prover:
    """Answers any number of questions about one network; what it has worked out it keeps."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._rules: dict[tuple[str, bool, Peer], tuple[tuple[Permission, bool], ...]] = {}
        self._nacls: dict[tuple[str, bool, IPv4Network | None], Open] = {}
        self._ways: dict[tuple[str, str, bool | None], Way] = {}
        self._walks: dict[tuple[str, IPv4Network | None, str], Way] = {}
        self._let_out: Open | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name that a question may use, sorted."""
        return tuple(sorted({*PLATFORM, *self.network.roles, *self.network.gateway_services}))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

    # -- questions -------------------------------------------------------------------------------------------------------

    def prove(self, source: str, target: str, port: int | None = None, *, direct: bool = False) -> Proof:
        """Whether `source` can open a TCP connection to `target` on `port` (any port without one).

        With `direct` only connections count that nothing forwards.

        Raises:
            UnknownNameError: A name stands for nothing.
            ValueError: A port outside 1 to 65535, or both names mean the outside.
        """
        for name in (source, target):
            if name not in self._known:
                raise UnknownNameError(name, self.names)
        if port is not None and not 1 <= port <= 65_535:
            raise ValueError(f"{port} is no TCP port (1 to 65535)")
        outside = {INTERNET, *self.network.gateway_services, "s3"}
        if source in outside and target in outside:
            raise ValueError(f"{source} and {target} are both outside of this network")
        ask: Ports = ALL_PORTS if port is None else ((port, port),)
        missing = [name for name in (source, target) if name not in outside | {CLOUDFRONT} and not self.network.of_role(name)]
        if missing:
            endings = tuple(Ending(f"there is no {name} in this plan", 0, "") for name in missing)
            return Proof(source, target, port, Answer.NO, endings=endings)
        pairs = list(self._pairs(source, target))
        attempts = [self.attempt(a, b, ask) for a, b in pairs]
        best = _best(attempts)
        found = join(*(attempt.ports for attempt in attempts if attempt.answer is Answer.YES))
        zones = _zones(attempts)
        path: list[Attempt] = []
        kind = ""
        answer = best.answer if best is not None else Answer.NO
        forwarded: list[Attempt] = []
        if answer is not Answer.YES and not direct:
            answer, path, forwarded = self._forwarded(source, target, ask, answer, best)
            kind = "application" if path else ""
        if not path and best is not None and answer is not Answer.NO:
            a, b = pairs[attempts.index(best)]
            path, kind = [self.attempt(a, b, _first(best.ports), explain=True)], "direct"
        hops = tuple(hop for step in path for hop in step.hops)
        used = path[-1].ports[0][0] if path and path[-1].ports else None
        endings = (*_endings(attempts), *_endings(forwarded))
        return Proof(source, target, port, answer, kind, used, found, hops, endings, zones)

    def _pairs(self, source: str, target: str) -> Iterator[tuple[Place, Place]]:
        targets = list(self._places(target))
        for a in self._places(source):
            for b in targets:
                yield a, b

    def _places(self, name: str) -> Iterator[Place]:
        """Where the things of a name stand; things that no rule can tell apart count once."""
        if name in (INTERNET, CLOUDFRONT, "s3") or name in self.network.gateway_services:
            yield Place(name)
            return
        seen: set[tuple[object, ...]] = set()
        for thing in self.network.of_role(name):
            for subnet in thing.subnets:
                mark = (subnet.urn, thing.groups, thing.public, thing.groups_unknown, thing.ungrouped)
                if mark not in seen:
                    seen.add(mark)
                    yield Place(name, thing, subnet)

    def _forwarded(
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
            attempts = [self.attempt(a, b, ports, client=client) for a, b, client in tries]
            best = _best(attempts)
            if best is None or best.answer is Answer.NO:
                failed.extend(attempts)
                return
            a, b, client = tries[attempts.index(best)]
            chosen = _first(best.ports)

            def explain() -> Attempt:
                made = self.attempt(a, b, chosen, explain=True, client=client)
                return Attempt(made.source, made.target, made.answer, made.ports, made.reason, made.zone, (*before, *made.hops))

            doubt = 1 if best.answer is Answer.YES else _DOUBT
            if not graph.has_edge(start, end) or graph.edges[start, end]["doubt"] > doubt:
                graph.add_edge(start, end, doubt=doubt, explain=explain)

        def entry(name: str, balancer: Thing, port: int, *, origin: bool) -> None:
            places = [Place(balancer.role, balancer, subnet) for subnet in balancer.subnets]
            sources = [Place(CLOUDFRONT)] if origin else list(self._places(name))
            end: Any = (balancer.resource.urn, port)
            edge("source" if not origin else name, end, [(a, b, None) for a in sources for b in places], ((port, port),))
            if balancer.resource.urn in wanted and meet(ask, ((port, port),)):
                graph.add_edge(end, "target", doubt=0, explain=lambda: Attempt("", "", Answer.YES, ((port, port),)))

        if source in (INTERNET, CLOUDFRONT):
            for urn, origins in self.network.distributions.items():
                distribution = self.network.inventory[urn]
                hop = Hop("CloudFront", f"distribution {distribution.name} takes requests from anybody on 80 and 443", distribution.path)
                shown = (hop,) if source == INTERNET else ()
                graph.add_edge("source", urn, doubt=1, explain=lambda shown=shown: Attempt("", "", Answer.YES, _EDGE_PORTS, hops=shown))
                for origin in origins:
                    for listener in self._ports_of(origin.thing) if origin.thing.resource.urn in telling else ():
                        if meet(origin.ports, ((listener, listener),)):
                            entry(urn, origin.thing, listener, origin=True)
                if target == CLOUDFRONT and meet(ask, _EDGE_PORTS):
                    used = meet(ask, _EDGE_PORTS)
                    graph.add_edge(urn, "target", doubt=0, explain=lambda used=used: Attempt("", "", Answer.YES, used))
        for balancer in (self.network.balancers[urn] for urn in sorted(telling)):
            for port in self._ports_of(balancer.thing):
                if balancer.thing.role != source:
                    entry(source, balancer.thing, port, origin=False)
            places = [Place(balancer.thing.role, balancer.thing, subnet) for subnet in balancer.thing.subnets]
            clients = list(self._places(source)) if balancer.keeps_client_address else [None]
            for listener in balancer.listeners:
                for backend in listener.backends:
                    only = f", for requests with the header {listener.condition}" if listener.condition else ""
                    text = f"listener {listener.resource.name} on {listener.port} forwards to {backend.group.name}{only}"
                    hop = Hop("listener", text, listener.resource.path)
                    onward = [Place(backend.thing.role, backend.thing, subnet) for subnet in backend.thing.subnets]
                    tries = [(a, b, client.peer if client else None) for a in places for b in onward for client in clients]
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

    # -- one connection --------------------------------------------------------------------------------------------------

    def attempt(self, a: Place, b: Place, ask: Ports, *, explain: bool = False, client: Peer | None = None) -> Attempt:
        """Try one connection. `client` is the address that a network load balancer passes on; `explain` names every hop."""
        trial = _Trial(exactly(ask))
        if not ask:
            trial.end("the port is not forwarded")
        elif a.thing is None and b.thing is None:
            self._outside_only(trial, a, b)
        elif a.thing is None:
            self._inward(trial, a, b, explain)
        elif b.thing is None:
            self._outward(trial, a, b, explain)
        else:
            self._within(trial, a, b, explain, client)
        zone = a.subnet.zone or "" if a.subnet is not None else ""
        if trial.ended:
            return Attempt(a.label, b.label, Answer.NO, NO_PORTS, trial.ended, zone)
        if trial.open.sure:
            return Attempt(a.label, b.label, Answer.YES, trial.open.sure, "", zone, tuple(trial.hops))
        return Attempt(a.label, b.label, Answer.UNKNOWN, trial.open.maybe, "; ".join(trial.doubts), zone, tuple(trial.hops))

    def _outside_only(self, trial: _Trial, a: Place, b: Place) -> None:
        if (a.name, b.name) == (INTERNET, CLOUDFRONT) and self.network.distributions:
            trial.through(exactly(_EDGE_PORTS), lambda: "CloudFront listens on 80 and 443 alone")
            distribution = self.network.inventory[next(iter(self.network.distributions))]
            trial.hops.append(Hop("CloudFront", f"distribution {distribution.name} takes requests from anybody", distribution.path))
        else:
            trial.end(f"{a.name} opens no connection to {b.name} through this network")

    def _group(self, trial: _Trial, place: Place, peer: Peer, other: str, *, inward: bool, explain: bool, also: Peer | None = None) -> bool:
        """The security groups of one side. `also` is a second address that the connection carries."""
        thing = place.thing
        if thing is None:
            return True
        verb = "from" if inward else "to"
        if thing.ungrouped:
            trial.hops.append(Hop("security group", f"{thing.resource.name} has none: everything passes", thing.resource.path))
            return True
        rules = [pair for one in (peer, also) if one is not None for pair in self._matching(thing, inward, one)]
        passes = CLOSED
        for rule, sure in rules:
            passes |= Open(rule.ports if sure else NO_PORTS, rule.ports)
        if thing.groups_unknown:
            passes |= Open(NO_PORTS, ALL_PORTS)
        asked = trial.open.maybe

        def which() -> str:
            names = ", ".join(self.network.inventory[urn].name for urn in thing.groups) or "unknown groups"
            return f"no rule of security group {names} lets {ports_text(asked)} {'in' if inward else 'out'} {verb} {other}"

        if not trial.through(passes, which):
            return False
        if explain:
            left = trial.open.maybe
            fits = sorted((not sure, rule.title, index) for index, (rule, sure) in enumerate(rules) if meet(rule.ports, left))
            if fits:
                rule = rules[fits[0][2]][0]
                owner = self.network.inventory[rule.group].name
                way = "in" if inward else "out"
                text = f"{owner} lets {ports_text(meet(rule.ports, left))} {way} {verb} {other}: rule {rule.title}"
                trial.hops.append(Hop("security group", text, rule.resource.path))
        return True

    def _matching(self, thing: Thing, inward: bool, peer: Peer) -> tuple[tuple[Permission, bool], ...]:
        """The rules of a thing's groups that admit a peer, each with whether that is certain."""
        found: list[tuple[Permission, bool]] = []
        for urn in thing.groups:
            key = (urn, inward, peer)
            if key not in self._rules:
                rules = ((rule, self._admits(rule, peer)) for rule in self.network.permissions.get(urn, ()) if rule.inward is inward)
                self._rules[key] = tuple((rule, sure and not rule.vague) for rule, sure in rules if sure is not None)
            found += self._rules[key]
        return tuple(found)

    def _admits(self, rule: Permission, peer: Peer) -> bool | None:
        """True: the peer is meant; False: perhaps; None: not."""
        planned = [block for name in rule.lists for block in self.network.prefix_lists.get(name, ())]
        perhaps = rule.unknown
        if peer.outside:
            public = [block for block in (*rule.blocks, *planned) if is_public(block)]
            meant = (
                (CLOUDFRONT_LIST in rule.lists) if peer.outside == CLOUDFRONT else (peer.outside != INTERNET and peer.outside in rule.lists)
            )
            # A narrow public block is somebody on the internet, but nobody knows whether it is this service of AWS.
            wide = peer.outside == INTERNET or any(block.prefixlen == 0 for block in public)
            if meant or (public and wide):
                return True
            perhaps = perhaps or bool(public) or STRANGE_LIST in rule.lists
        else:
            if rule.groups & peer.groups or (rule.itself and rule.group in peer.groups):
                return True
            blocks = (*rule.blocks, *planned)
            if peer.block is not None and any(block.overlaps(peer.block) for block in blocks):
                return True
            perhaps = perhaps or (peer.block is None and bool(blocks)) or (peer.groups_unknown and bool(rule.groups or rule.itself))
        return False if perhaps and rule.ports else None

    # -- NACLs -----------------------------------------------------------------------------------------------------------

    def _nacl(self, nacl: Nacl | None, egress: bool, block: IPv4Network | None) -> Open:
        """What a NACL lets pass to or from a block; without a block the internet."""
        if nacl is None:
            return Open(NO_PORTS, ALL_PORTS)
        key = (nacl.urn, egress, block)
        if key not in self._nacls:
            self._nacls[key] = _judge(nacl, egress, block)
        return self._nacls[key]

    def nacl(self, subnet: Subnet, *, egress: bool) -> Open:
        """What a subnet's NACL lets pass to (`egress`) or from the internet."""
        return self._nacl(subnet.nacl, egress, None)

    def symmetry(self, subnet: Subnet) -> str:
        """Why requests from a subnet to the internet and their answers do not cross the same firewall endpoint; empty if they do.

        A subnet without a way out has nothing to answer.
        """
        way = self._out(subnet, False, subnet.zone or "")
        if not way.arrives or way.nat is None:
            return ""
        last = way.subnets[-1]
        trial = _Trial(exactly(ALL_PORTS))
        back = self._walk(last.table, last, subnet.block, subnet.zone or "")
        if back.arrives:
            self._symmetric(trial, way, back)
        return trial.ended

    def _border(
        self, trial: _Trial, subnet: Subnet, egress: bool, block: IPv4Network | None, *, reply: bool, outside: bool, explain: bool
    ) -> bool:
        """One crossing of a subnet's border. `reply` judges the answers, on ephemeral ports."""
        if block is None and not outside:
            trial.doubt(f"the address block beyond {subnet.name} is unknown")
            return True
        passes = self._nacl(subnet.nacl, egress, None if outside else block)
        name = subnet.nacl.name if subnet.nacl is not None else "unknown"
        asked = trial.open.maybe

        def way() -> str:
            return f"{'out to' if egress else 'in from'} {'the internet' if outside else block}"

        if not reply:
            if not trial.through(passes, lambda: f"NACL {name} of {subnet.name} lets none of {ports_text(asked)} {way()}"):
                return False
        else:
            back = passes & exactly(EPHEMERAL)
            if not back.maybe:
                trial.end(f"NACL {name} of {subnet.name} lets no answer {way()} (ports {ports_text(EPHEMERAL)})")
                return False
            if not back.sure:
                trial.doubt(f"cannot tell whether NACL {name} of {subnet.name} lets answers {way()}")
        if explain and subnet.nacl is not None:
            numbers = self._entries(subnet.nacl, egress, None if outside else block, EPHEMERAL if reply else trial.open.maybe)
            what = "answers" if reply else ports_text(trial.open.maybe)
            resource = self.network.inventory[subnet.nacl.urn].path if subnet.nacl.urn else ""
            trial.hops.append(Hop("NACL", f"{name} of {subnet.name} lets {what} {way()}: entry {numbers}", resource))
        return True

    def _entries(self, nacl: Nacl, egress: bool, block: IPv4Network | None, ports: Ports) -> str:
        """The numbers of the entries that allow some of the ports."""
        chosen = nacl.egress if egress else nacl.ingress
        numbers = [str(entry.number) for entry in chosen if entry.allow and _fits(entry.block, block) and meet(entry.ports, ports)]
        single = len(ports) == 1 and ports[0][0] == ports[0][1]
        return ", ".join(numbers[: 1 if single else 3]) or "of unknown number"

    def _borders(
        self,
        trial: _Trial,
        subnets: tuple[Subnet, ...],
        near: IPv4Network | None,
        far: IPv4Network | None,
        *,
        reply: bool = False,
        near_outside: bool = False,
        far_outside: bool = False,
        explain: bool = False,
    ) -> bool:
        """Every border on a walk from `near` to `far`: out of each subnet and into the next."""
        for here, there in pairwise(subnets):
            if here.urn == there.urn:
                continue
            if not self._border(trial, here, True, far, reply=reply, outside=far_outside, explain=explain):
                return False
            if not self._border(trial, there, False, near, reply=reply, outside=near_outside, explain=explain):
                return False
        return True

    # -- routes ----------------------------------------------------------------------------------------------------------

    def _firewall(self, route: Route, here: Subnet | None, hint: str) -> Subnet | None:
        """The firewall's subnet behind a route: its endpoint's zone, else the zone that the walk is about."""
        subnets = self.network.firewall_subnets.get(route.target.urn, ()) if route.target is not None else ()
        zone = route.zone or hint or (here.zone if here is not None else None)
        return next((subnet for subnet in subnets if subnet.zone == zone), subnets[0] if subnets else None)

    def _walk(self, table: Table | None, start: Subnet | None, block: IPv4Network | None, hint: str) -> Way:
        """From a subnet (or an internet gateway's table) to a block inside the VPC."""
        key = (start.urn if start is not None else table.urn if table is not None else "", block, hint)
        if key not in self._walks:
            self._walks[key] = self._walk_anew(table, start, block, hint)
        return self._walks[key]

    def _walk_anew(self, table: Table | None, start: Subnet | None, block: IPv4Network | None, hint: str) -> Way:
        label = start.name if start is not None else "the internet gateway"
        if table is None or block is None:
            return Way(None, f"routes or addresses of {label} are not part of this plan", (start,) if start else ())
        subnets: list[Subnet] = [start] if start is not None else []
        firewalls: list[tuple[str, str | None]] = []
        hops: list[Hop] = []
        current: Table | None = table
        here = start
        for _ in range(8):
            if current is None:
                return Way(None, "a route table on the way is not part of this plan", tuple(subnets), tuple(firewalls))
            route = current.towards(block)
            if route is None:
                return Way(False, f"route table {current.name} has no route to {block}", tuple(subnets), tuple(firewalls))
            path = route.resource.path if route.resource is not None else ""
            hops.append(Hop("route", f"{current.name}: {route.title}", path))
            if route.goal is Goal.LOCAL:
                return Way(True, "", tuple(subnets), tuple(firewalls), None, tuple(hops))
            if route.goal is not Goal.FIREWALL:
                arrives = None if route.goal is Goal.ELSEWHERE else False
                return Way(arrives, f"route table {current.name} leads {route.title}", tuple(subnets), tuple(firewalls))
            following = self._firewall(route, here, hint)
            if following is None or following in subnets:
                return Way(None if following is None else False, f"{route.title} goes round in a circle", tuple(subnets), tuple(firewalls))
            firewalls.append((route.target.urn if route.target is not None else "", route.zone))
            subnets.append(following)
            here, current = following, following.table
        return Way(False, "the way never ends", tuple(subnets), tuple(firewalls))

    def _out(self, start: Subnet, public: bool | None, hint: str) -> Way:
        key = (start.urn, hint, public)
        if key not in self._ways:
            self._ways[key] = self._leave(start, public, hint, (start,), (), None, ())
        return self._ways[key]

    def _leave(
        self,
        here: Subnet,
        public: bool | None,
        hint: str,
        subnets: tuple[Subnet, ...],
        firewalls: tuple[tuple[str, str | None], ...],
        nat: PlannedResource | None,
        hops: tuple[Hop, ...],
    ) -> Way:
        """From a subnet to the internet; where several routes lead there, one that arrives."""
        table = here.table
        if table is None:
            return Way(None, f"the routes of {here.name} are not part of this plan", subnets, firewalls)
        ways: list[Way] = []
        for route in table.outward:
            hop = Hop("route", f"{table.name}: {route.title}", route.resource.path if route.resource is not None else "")
            seen = (*hops, hop)
            if route.goal is Goal.INTERNET:
                way = self._through_gateway(route, table, public, subnets, firewalls, nat, seen)
            elif route.goal is Goal.NAT and route.target is not None and nat is None:
                way = self._through_nat(route.target, hint, subnets, firewalls, seen)
            elif route.goal is Goal.FIREWALL and (following := self._firewall(route, here, hint)) is not None and following not in subnets:
                crossed = (*firewalls, (route.target.urn if route.target is not None else "", route.zone))
                way = self._leave(following, public, hint, (*subnets, following), crossed, nat, seen)
            elif route.goal is Goal.LOCAL:
                continue
            else:
                arrives = None if route.goal is Goal.ELSEWHERE else False
                way = Way(arrives, f"route table {table.name} leads {route.title}", subnets, firewalls, nat, seen)
            if route.destination is None and way.arrives:
                way = Way(None, f"the destination of {route.title} is unknown", way.subnets, way.firewalls, way.nat, way.hops)
            ways.append(way)
        if not ways:
            return Way(False, f"route table {table.name} has no route to the internet", subnets, firewalls, nat, hops)
        order = {True: 0, None: 1, False: 2}
        return min(ways, key=lambda way: order[way.arrives])

    def _through_gateway(
        self,
        route: Route,
        table: Table,
        public: bool | None,
        subnets: tuple[Subnet, ...],
        firewalls: tuple[tuple[str, str | None], ...],
        nat: PlannedResource | None,
        hops: tuple[Hop, ...],
    ) -> Way:
        if nat is None and public is False:
            reason = f"route table {table.name} leads straight to the internet gateway, which needs a public address"
            return Way(False, reason, subnets, firewalls, nat, hops)
        if nat is None and public is None:
            return Way(None, "nobody can know yet whether there is a public address", subnets, firewalls, nat, hops)
        path = route.target.path if route.target is not None else ""
        gateway = Hop("gateway", f"internet gateway {route.target.name if route.target is not None else ''}".rstrip(), path)
        return Way(True, "", subnets, firewalls, nat, (*hops, gateway))

    def _through_nat(
        self,
        nat: PlannedResource,
        hint: str,
        subnets: tuple[Subnet, ...],
        firewalls: tuple[tuple[str, str | None], ...],
        hops: tuple[Hop, ...],
    ) -> Way:
        standing = self.network.nat_subnets.get(nat.urn)
        if nat.urn in self.network.private_nats or standing is None:
            return Way(None, f"NAT gateway {nat.name} has no public address of this plan", subnets, firewalls, nat, hops)
        hop = Hop("gateway", f"NAT gateway {nat.name} in {standing.name}", nat.path)
        return self._leave(standing, True, hint, (*subnets, standing), firewalls, nat, (*hops, hop))

    # -- the four kinds of connection ------------------------------------------------------------------------------------

    def _within(self, trial: _Trial, a: Place, b: Place, explain: bool, client: Peer | None) -> None:
        """From one thing in the VPC to another."""
        start, end = _subnet(a), _subnet(b)
        if not self._group(trial, a, b.peer, b.name, inward=False, explain=explain):
            return
        if start.urn == end.urn:
            trial.hops.append(Hop("route", f"both stand in {start.name}"))
        else:
            if start.vpc and end.vpc and start.vpc != end.vpc:
                trial.doubt(f"{start.name} and {end.name} are in different VPCs")
                if not any(route.goal is Goal.ELSEWHERE for route in (start.table.routes if start.table else ())):
                    trial.end(f"{start.name} and {end.name} are in different VPCs, and no route leads out of this one")
                    return
            way = self._walk(start.table, start, end.block, start.zone or "")
            if not self._arrives(trial, way):
                return
            trial.hops.extend(way.hops if explain else ())
            self._policy(trial, way, explain, inside=True)
            if not self._borders(trial, (*way.subnets, end), start.block, end.block, explain=explain):
                return
        also = client
        sees = None if also is not None and a.thing is not None and a.thing.ungrouped else a.peer
        if not self._group(trial, b, sees or (also or a.peer), a.name, inward=True, explain=explain, also=also if sees else None):
            return
        if start.urn != end.urn:
            back = self._walk(end.table, end, start.block, start.zone or "")
            forward = self._walk(start.table, start, end.block, start.zone or "")
            if self._arrives(trial, back, "the answer: ") and self._symmetric(trial, forward, back):
                self._borders(trial, (*back.subnets, start), end.block, start.block, reply=True, explain=explain)

    def _outward(self, trial: _Trial, a: Place, b: Place, explain: bool) -> None:
        """From a thing to the internet, or to one of AWS's services by its gateway endpoint."""
        start = _subnet(a)
        if not self._group(trial, a, b.peer, b.name, inward=False, explain=explain):
            return
        services = dict(start.table.gateway_services) if start.table is not None else {}
        if b.name in services:
            endpoint = services[b.name]
            if self._border(trial, start, True, None, reply=False, outside=True, explain=explain):
                trial.hops.append(
                    Hop("gateway", f"gateway endpoint {endpoint.name} on {start.table.name if start.table else ''}", endpoint.path)
                )
                self._border(trial, start, False, None, reply=True, outside=True, explain=explain)
            return
        way = self._out(start, a.thing.public if a.thing is not None else False, start.zone or "")
        if not self._arrives(trial, way):
            return
        trial.hops.extend(way.hops if explain else ())
        self._policy(trial, way, explain)
        if not trial.open.maybe:
            return
        if not self._borders(trial, way.subnets, start.block, None, far_outside=True, explain=explain):
            return
        last = way.subnets[-1]
        if not self._border(trial, last, True, None, reply=False, outside=True, explain=explain):
            return
        if not self._border(trial, last, False, None, reply=True, outside=True, explain=explain):
            return
        # The answer comes to the NAT gateway, or to the thing's own public address through the internet gateway's table.
        edge = self.network.edge_tables.get(start.vpc)
        if way.nat is not None:
            back = self._walk(last.table, last, start.block, start.zone or "")
        elif edge is not None:
            back = self._walk(edge, None, start.block, start.zone or "")
        else:
            back = Way(True, "", (start,))
        if self._arrives(trial, back, "the answer: ") and self._symmetric(trial, way, back):
            self._borders(trial, (*back.subnets, start), None, start.block, reply=True, near_outside=True, explain=explain)
        self._ipv6(trial, start)

    def _inward(self, trial: _Trial, a: Place, b: Place, explain: bool) -> None:
        """From the internet or CloudFront to a thing with a public address."""
        end = _subnet(b)
        thing = b.thing
        if a.name not in (INTERNET, CLOUDFRONT):
            trial.end(f"{a.name} opens no connections")
            return
        if thing is None or thing.public is False:
            if thing is not None and end.ipv6 and end.table is not None and end.table.ipv6_out:
                trial.doubt(f"{end.name} has IPv6 and a route to an internet gateway, which this proof does not follow")
            else:
                trial.end(f"{b.thing.resource.name if b.thing else b.name} has no public address")
                return
        elif thing.public is None:
            trial.doubt(f"nobody can know yet whether {thing.resource.name} has a public address")
        out = self._out(end, True, end.zone or "")
        if out.nat is not None:
            trial.end(f"the answer of {b.label} would leave through NAT gateway {out.nat.name}, not by the way that the request came")
            return
        if not self._arrives(trial, out, "the answer: "):
            return
        edge = self.network.edge_tables.get(end.vpc)
        way = self._walk(edge, None, end.block, end.zone or "") if edge is not None else Way(True)
        if not self._arrives(trial, way) or not self._symmetric(trial, way, out):
            return
        if explain:
            gateway = next((hop for hop in out.hops if hop.kind == "gateway"), None)
            trial.hops.extend([*(() if gateway is None else (gateway,)), *way.hops])
        if not self._borders(trial, (*way.subnets, end), None, end.block, near_outside=True, explain=explain):
            return
        first = way.subnets[0] if way.subnets else end
        if not self._border(trial, first, False, None, reply=False, outside=True, explain=explain):
            return
        if not self._group(trial, b, a.peer, a.name, inward=True, explain=explain):
            return
        if self._borders(trial, out.subnets, end.block, None, reply=True, far_outside=True, explain=explain):
            self._border(trial, out.subnets[-1], True, None, reply=True, outside=True, explain=explain)
            trial.hops.extend([hop for hop in out.hops if hop.kind == "route"] if explain else ())

    def _arrives(self, trial: _Trial, way: Way, prefix: str = "") -> bool:
        if way.arrives is False:
            trial.end(f"{prefix}{way.reason}")
            return False
        if way.arrives is None:
            trial.doubt(f"{prefix}{way.reason}")
        return True

    def _symmetric(self, trial: _Trial, forward: Way, back: Way) -> bool:
        """A stateful firewall drops answers to requests that it has not seen, and the other way round."""
        there, again = forward.firewalls, tuple(reversed(back.firewalls))
        same = len(there) == len(again) and all(
            one[0] == two[0] and (one[1] is None or two[1] is None or one[1] == two[1]) for one, two in zip(there, again, strict=False)
        )
        if not same:
            trial.end(
                f"request and answer do not cross the same firewall endpoint: {self._crossed(there)} there, {self._crossed(again)} back"
            )
        return same

    def _crossed(self, firewalls: tuple[tuple[str, str | None], ...]) -> str:
        return ", ".join(f"{self.network.inventory[urn].name} in {zone or 'a zone'}" for urn, zone in firewalls) or "no firewall"

    def _policy(self, trial: _Trial, way: Way, explain: bool, *, inside: bool = False) -> None:
        """What the firewalls on the way let out to anybody at all."""
        for urn, zone in dict.fromkeys(way.firewalls):
            firewall = self.network.inventory[urn]
            passes = exactly(ALL_PORTS) if inside else self.let_out()
            asked = trial.open.maybe
            if not trial.through(
                passes, lambda asked=asked, name=firewall.name: f"firewall {name} lets none of {ports_text(asked)} out to any host"
            ):
                return
            if explain:
                where = f" in {zone}" if zone else ""
                ports = (
                    ""
                    if inside
                    else f" lets {ports_text(trial.open.maybe)} out to the hosts on its list (`nautilus egress check HOST:PORT`)"
                )
                trial.hops.append(Hop("firewall", f"{firewall.name}{where}{ports}", firewall.path))

    def let_out(self) -> Open:
        """The ports on which the firewalls let anything out, to whatever host; every port perhaps, where their rules cannot be read."""
        if self._let_out is None:
            try:
                # Suricata counts port 0, which no connection has.
                self._let_out = exactly(meet(join(open_ports(self.network.inventory)), ALL_PORTS))
            except FirewallError:
                self._let_out = Open(NO_PORTS, ALL_PORTS)
        return self._let_out

    def _ipv6(self, trial: _Trial, subnet: Subnet) -> None:
        if trial.ended and subnet.ipv6 and subnet.table is not None and subnet.table.ipv6_out:
            trial.ended = ""
            trial.open = Open(NO_PORTS, ALL_PORTS)
            trial.doubts.append(f"{subnet.name} has IPv6 and a route to an internet gateway, which this proof does not follow")


_DOUBT: Final = 1_000_000


def _subnet(place: Place) -> Subnet:
    if place.subnet is None:
        raise ValueError(f"{place.name} stands in no subnet")
    return place.subnet


def _fits(entry: IPv4Network | None, block: IPv4Network | None) -> bool:
    if entry is None:
        return True
    return is_public(entry) if block is None else entry.overlaps(block)


def _judge(nacl: Nacl, egress: bool, block: IPv4Network | None) -> Open:
    """Entries in the order of their numbers: the first that fits decides (AWS: network ACL rules)."""
    left = exactly(ALL_PORTS)
    allowed = CLOSED
    for entry in nacl.egress if egress else nacl.ingress:
        if entry.ipv6 or (not entry.unknown and not _fits(entry.block, block)):
            continue
        if entry.unknown:
            allowed |= Open(NO_PORTS, meet(left.maybe, entry.ports)) if entry.allow else CLOSED
            left = Open(without(left.sure, entry.ports), left.maybe)
            continue
        whole = entry.block is not None and (entry.block.prefixlen == 0 if block is None else block.subnet_of(entry.block))
        if entry.allow:
            allowed |= Open(meet(left.sure, entry.ports), meet(left.maybe, entry.ports))
        # An entry for a part of the addresses decides nothing for the others.
        if whole:
            left = Open(without(left.sure, entry.ports), without(left.maybe, entry.ports))
    return allowed


def _first(ports: Ports) -> Ports:
    return ((ports[0][0], ports[0][0]),) if ports else NO_PORTS


_ORDER: Final = {Answer.YES: 0, Answer.UNKNOWN: 1, Answer.NO: 2}


def _best(attempts: Iterable[Attempt]) -> Attempt | None:
    return min(attempts, key=lambda attempt: _ORDER[attempt.answer], default=None)


def _zones(attempts: Iterable[Attempt]) -> tuple[tuple[str, Answer], ...]:
    """The best answer of each source zone, where they differ."""
    found: dict[str, Answer] = {}
    for attempt in attempts:
        if attempt.zone and (attempt.zone not in found or _ORDER[attempt.answer] < _ORDER[found[attempt.zone]]):
            found[attempt.zone] = attempt.answer
    return tuple(sorted(found.items())) if len(set(found.values())) > 1 else ()


def _endings(attempts: Iterable[Attempt]) -> tuple[Ending, ...]:
    """The attempts that did not succeed, by reason, the most frequent first."""
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.answer is not Answer.YES and attempt.reason:
            found.setdefault(attempt.reason, []).append(attempt)
    endings = [Ending(reason, len(items), f"{items[0].source} → {items[0].target}") for reason, items in found.items()]
    return tuple(sorted(endings, key=lambda ending: (-ending.attempts, ending.reason)))


def prove(inventory: Inventory, source: str, target: str, port: int | None = None, *, direct: bool = False) -> Proof:
    """One question about an inventory; `Prover` answers several without reading it again.

    Raises:
        UnknownNameError: A name stands for nothing.
        ValueError: A port outside 1 to 65535, or both names mean the outside.
    """
    return Prover(read(inventory)).prove(source, target, port, direct=direct)
