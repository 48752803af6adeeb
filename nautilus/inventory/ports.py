"""Sets of TCP ports as ranges, with what is certain apart from what is only possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from nautilus.inventory.values import given, is_unknown, number

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


_ANY_PROTOCOL: Final = frozenset({"-1", "all"})
_TCP: Final = frozenset({"tcp", "6"})


def rule_ports(protocol: Any, first: Any, last: Any) -> tuple[Ports, bool]:
    """The TCP ports of a rule of a security group or a NACL, and whether they cannot be told (then: all of them, perhaps)."""
    name = str(protocol).lower() if given(protocol) else "-1"
    if is_unknown(protocol):
        return ALL_PORTS, True
    if name in _ANY_PROTOCOL:
        return ALL_PORTS, False
    if name not in _TCP:
        return NO_PORTS, False
    if is_unknown(first) or is_unknown(last):
        return ALL_PORTS, True
    start, end = number(first), number(last)
    if start is None or end is None or start == -1:
        return ALL_PORTS, False
    return ((max(start, 1), end),) if end >= 1 else NO_PORTS, False
