"""Questions' answers: attempts with their hops, and the proof that they make together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from nautilus.inventory.ports import NO_PORTS, Ports


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


_ORDER: Final = {Answer.YES: 0, Answer.UNKNOWN: 1, Answer.NO: 2}


def best_of(attempts: Iterable[Attempt]) -> Attempt | None:
    """The first of the attempts with the best answer; None without attempts."""
    return min(attempts, key=lambda attempt: _ORDER[attempt.answer], default=None)


def zones_of(attempts: Iterable[Attempt]) -> tuple[tuple[str, Answer], ...]:
    """The best answer of each source zone, where they differ."""
    found: dict[str, Answer] = {}
    for attempt in attempts:
        if attempt.zone and (attempt.zone not in found or _ORDER[attempt.answer] < _ORDER[found[attempt.zone]]):
            found[attempt.zone] = attempt.answer
    return tuple(sorted(found.items())) if len(set(found.values())) > 1 else ()


def endings_of(attempts: Iterable[Attempt]) -> tuple[Ending, ...]:
    """The attempts that did not succeed, by reason, the most frequent first."""
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.answer is not Answer.YES and attempt.reason:
            found.setdefault(attempt.reason, []).append(attempt)
    endings = [Ending(reason, len(items), f"{items[0].source} → {items[0].target}") for reason, items in found.items()]
    return tuple(sorted(endings, key=lambda ending: (-ending.attempts, ending.reason)))


def first_of(ports: Ports) -> Ports:
    """The lowest port alone; nothing of nothing."""
    return ((ports[0][0], ports[0][0]),) if ports else NO_PORTS
