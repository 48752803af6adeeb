"""Sets of TCP ports as ranges, with what is certain apart from what is only possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Ports = tuple[tuple[int, int], ...]
"""Disjoint ranges of ports, first and last, in ascending order."""

NO_PORTS: Final[Ports] = ()
ALL_PORTS: Final[Ports] = ((1, 65_535),)


def join(*sets: Ports) -> Ports:
    """The ports that are in any of the sets; adjacent ranges become one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(span for ports in sets for span in ports):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)


def meet(left: Ports, right: Ports) -> Ports:
    """The ports that are in both."""
    spans = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return join(tuple(span for span in spans if span[0] <= span[1]))


def without(left: Ports, right: Ports) -> Ports:
    """The ports of `left` that are not in `right`."""
    for first, last in right:
        left = tuple(span for a, b in left for span in ((a, min(b, first - 1)), (max(a, last + 1), b)) if span[0] <= span[1])
    return left


def ports_text(ports: Ports) -> str:
    """For people: `443, 4000–4001`, `any port` or `no port`."""
    if ports == ALL_PORTS:
        return "any port"
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ports) or "no port"


@dataclass(frozen=True, slots=True)
class Open:
    """What passes: `sure` ports certainly, `maybe` ports (always a superset) if every unknown value is generous."""

    sure: Ports = NO_PORTS
    maybe: Ports = NO_PORTS

    def __or__(self, other: Open) -> Open:
        return Open(join(self.sure, other.sure), join(self.maybe, other.maybe))

    def __and__(self, other: Open) -> Open:
        return Open(meet(self.sure, other.sure), meet(self.maybe, other.maybe))

    def doubted(self) -> Open:
        """The same, with nothing certain any more."""
        return Open(NO_PORTS, self.maybe)


CLOSED: Final = Open()
"""Nothing passes."""


def exactly(ports: Ports) -> Open:
    """Certainly these."""
    return Open(ports, ports)
