"""An attempt under way, and the walks through route tables that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nautilus.inventory.network import Subnet
from nautilus.inventory.ports import CLOSED, Open
from nautilus.inventory.reach.proof import Hop
from nautilus.inventory.records import PlannedResource

Crossed = tuple[tuple[str, str | None], ...]
"""Firewalls in the order of a walk: URN and the zone of the endpoint, None where AWS has not said it."""


@dataclass(frozen=True, slots=True)
class Way:
    """A walk through route tables: whether it arrives (None: cannot tell), through which subnets and firewalls, and why it ended."""

    arrives: bool | None
    reason: str = ""
    subnets: tuple[Subnet, ...] = ()
    firewalls: Crossed = ()
    nat: PlannedResource | None = None
    hops: tuple[Hop, ...] = ()


@dataclass
class Trial:
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

    def follow(self, way: Way, prefix: str = "") -> bool:
        """Take a walk; False where it does not arrive."""
        if way.arrives is False:
            self.end(f"{prefix}{way.reason}")
            return False
        if way.arrives is None:
            self.doubt(f"{prefix}{way.reason}")
        return True
