"""Answers questions about one network: directly first, then through what forwards."""

from __future__ import annotations

from functools import cached_property

from nautilus.inventory.names import CLOUDFRONT, INTERNET, PLATFORM
from nautilus.inventory.network import Network, Subnet, read
from nautilus.inventory.ports import ALL_PORTS, Open, Ports, join
from nautilus.inventory.reach.connections import Connections
from nautilus.inventory.reach.forwarding import Forwarding
from nautilus.inventory.reach.places import places
from nautilus.inventory.reach.proof import Answer, Attempt, Ending, Proof, UnknownNameError, best_of, endings_of, first_of, zones_of
from nautilus.inventory.records import Inventory


class Prover:
    """Answers any number of questions about one network; what it has worked out it keeps."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._connections = Connections(network)
        self._forwarding = Forwarding(network, self._connections)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name that a question may use, sorted."""
        return tuple(sorted({*PLATFORM, *self.network.roles, *self.network.gateway_services}))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

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
        ends = list(places(self.network, target))
        pairs = [(a, b) for a in places(self.network, source) for b in ends]
        attempts = [self._connections.attempt(a, b, ask) for a, b in pairs]
        best = best_of(attempts)
        found = join(*(attempt.ports for attempt in attempts if attempt.answer is Answer.YES))
        zones = zones_of(attempts)
        path: list[Attempt] = []
        kind = ""
        answer = best.answer if best is not None else Answer.NO
        forwarded: list[Attempt] = []
        if answer is not Answer.YES and not direct:
            answer, path, forwarded = self._forwarding.path(source, target, ask, answer, best)
            kind = "application" if path else ""
        if not path and best is not None and answer is not Answer.NO:
            a, b = pairs[attempts.index(best)]
            path, kind = [self._connections.attempt(a, b, first_of(best.ports), explain=True)], "direct"
        hops = tuple(hop for step in path for hop in step.hops)
        used = path[-1].ports[0][0] if path and path[-1].ports else None
        endings = (*endings_of(attempts), *endings_of(forwarded))
        return Proof(source, target, port, answer, kind, used, found, hops, endings, zones)

    def nacl(self, subnet: Subnet, *, egress: bool) -> Open:
        """What a subnet's NACL lets pass to (`egress`) or from the internet."""
        return self._connections.guards.nacl(subnet, egress=egress)

    def symmetry(self, subnet: Subnet) -> str:
        """Why requests from a subnet to the internet and their answers do not cross the same firewall endpoint; empty if they do."""
        return self._connections.symmetry(subnet)


def prove(inventory: Inventory, source: str, target: str, port: int | None = None, *, direct: bool = False) -> Proof:
    """One question about an inventory; `Prover` answers several without reading it again.

    Raises:
        UnknownNameError: A name stands for nothing.
        ValueError: A port outside 1 to 65535, or both names mean the outside.
    """
    return Prover(read(inventory)).prove(source, target, port, direct=direct)
