"""The firewall matrix: who may open connections to whom on which ports, as the planned security groups say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from nautilus.inventory.addresses import CLOUDFRONT_LIST, STRANGE_LIST, is_public
from nautilus.inventory.names import CLOUDFRONT, INTERNET, in_order
from nautilus.inventory.network import Network, Permission
from nautilus.inventory.ports import Ports, join, meet, ports_text
from nautilus.inventory.tokens import FUNCTION

_OUTSIDE: Final = "outside: "
"""Marks a peer that is no group, in keys."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One permitted connection: the ports, and the rules of both sides (empty on a side that is not ours)."""

    source: str
    target: str
    ports: Ports
    out_rule: str
    in_rule: str
    why: str

    def as_document(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "source": self.source,
            "target": self.target,
            "ports": [list(span) for span in self.ports],
            "egressRule": self.out_rule or None,
            "ingressRule": self.in_rule or None,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every permitted connection, and rules of one side that the other side does not answer (they let nothing through)."""

    allowed: tuple[Allowed, ...]
    half_open: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Who opens connections, in the platform's order."""
        return in_order(item.source for item in self.allowed)

    @property
    def targets(self) -> tuple[str, ...]:
        """Who is connected to, in the platform's order."""
        return in_order(item.target for item in self.allowed)

    def cell(self, source: str, target: str) -> str:
        """The ports from one to the other, for people; empty where nothing passes."""
        ports = join(*(item.ports for item in self.allowed if (item.source, item.target) == (source, target)))
        return ports_text(ports) if ports else ""

    def as_document(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"allowed": [item.as_document() for item in self.allowed], "halfOpen": list(self.half_open)}


def matrix(network: Network) -> Matrix:
    """The matrix of a network. One pass over the rules; a pair of groups is looked at only where both have a rule for the other."""
    names = _names(network)
    inward: dict[tuple[str, str], list[Permission]] = {}
    outward: dict[tuple[str, str], list[Permission]] = {}
    for rules in network.permissions.values():
        for rule in rules:
            for peer in _peers(network, rule):
                if rule.inward:
                    inward.setdefault((peer, rule.group), []).append(rule)
                else:
                    outward.setdefault((rule.group, peer), []).append(rule)
    found: dict[tuple[str, str, Ports, str, str], Allowed] = {}
    half: set[str] = set()

    def add(source: str, target: str, ports: Ports, out_rule: Permission | None, in_rule: Permission | None) -> None:
        reason = _why(in_rule) or _why(out_rule)
        item = Allowed(
            source.removeprefix(_OUTSIDE),
            target.removeprefix(_OUTSIDE),
            ports,
            out_rule.title if out_rule else "",
            in_rule.title if in_rule else "",
            reason,
        )
        found[item.source, item.target, ports, item.out_rule, item.in_rule] = item

    for pair in sorted(inward.keys() | outward.keys()):
        source, target = pair
        ins, outs = inward.get(pair, []), outward.get(pair, [])
        said, heard = names.get(source, source), names.get(target, target)
        if source.startswith(_OUTSIDE) or target.startswith(_OUTSIDE):
            for rule in (*ins, *outs):
                add(said, heard, rule.ports, None if rule.inward else rule, rule if rule.inward else None)
            continue
        answered: set[int] = set()
        for out_rule in outs:
            for in_rule in ins:
                if ports := meet(out_rule.ports, in_rule.ports):
                    add(said, heard, ports, out_rule, in_rule)
                    answered |= {id(out_rule), id(in_rule)}
        half |= {f"{rule.title}: {said} → {heard} {ports_text(rule.ports)}" for rule in (*ins, *outs) if id(rule) not in answered}
    ordered = sorted(found.values(), key=lambda item: (item.source, item.target, item.ports, item.out_rule, item.in_rule))
    return Matrix(tuple(ordered), tuple(sorted(half)))


def _names(network: Network) -> dict[str, str]:
    """What people call each group: by what stands in it, else by its own name without its component's.

    Functions share a group for what they do together, so it is the group's name that says what that is.
    """
    held: dict[str, set[str]] = {}
    for thing in network.things:
        if thing.resource.type == FUNCTION:
            continue
        for urn in thing.groups:
            held.setdefault(urn, set()).add(thing.role)
    found: dict[str, str] = {}
    for urn in network.permissions:
        resource = network.inventory[urn]
        own = resource.name.removeprefix(f"{resource.component[-1]}-") if resource.component else resource.name
        found[urn] = "+".join(sorted(held[urn])) if urn in held else own
    return found


def _peers(network: Network, rule: Permission) -> list[str]:
    """The other sides of a rule: group URNs, or names of the outside."""
    found: set[str] = set(rule.groups)
    if rule.itself:
        found.add(rule.group)
    for block in rule.blocks:
        found.add(_OUTSIDE + (INTERNET if is_public(block) and block.prefixlen == 0 else str(block)))
    found |= {_OUTSIDE + (INTERNET if block == "::/0" else block) for block in rule.ipv6}
    for name in rule.lists:
        if name in network.prefix_lists:
            found |= {_OUTSIDE + str(block) for block in network.prefix_lists[name]}
        else:
            found.add(_OUTSIDE + {CLOUDFRONT_LIST: CLOUDFRONT, STRANGE_LIST: "a prefix list of others"}.get(name, name))
    if rule.unknown and not found:
        found.add(f"{_OUTSIDE}unknown")
    return sorted(found)


def _why(rule: Permission | None) -> str:
    text = rule.resource.inputs.get("description") if rule is not None else None
    return text if isinstance(text, str) else ""


def markdown(found: Matrix) -> str:
    """The matrix and its rules as two Markdown tables. The same plan gives the same text."""
    targets = found.targets
    rows = [
        (f"**{source}**", *(f"`{cell}`" if (cell := found.cell(source, target)) else "" for target in targets)) for source in found.sources
    ]
    text = _table(("from \\ to", *targets), rows)
    rules = [
        (
            item.source,
            item.target,
            ports_text(item.ports),
            f"`{item.out_rule}`" if item.out_rule else "–",
            f"`{item.in_rule}`" if item.in_rule else "–",
            item.why,
        )
        for item in found.allowed
    ]
    text += "\n\n" + _table(("from", "to", "TCP port", "rule out", "rule in", "why"), rules)
    if found.half_open:
        text += "\n\nRules that the other side does not answer, so that nothing passes:\n\n" + "\n".join(
            f"- {line}" for line in found.half_open
        )
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
