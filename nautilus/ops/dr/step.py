"""One step of a move: what must hold before it, what it does, and what must hold after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from nautilus.ops.dr.room import Room


class Kind(StrEnum):
    """Who brings a step about."""

    GATE = "gate"
    """Nobody: it is looked at, every time, and stops the move where it does not hold."""
    ACTION = "action"
    """This tool."""
    PERSON = "person"
    """A person; the tool says what to do and looks whether it was done."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class Step(ABC):
    """`done` decides: a step whose `done` holds is never acted on again, whatever a crash left in the journal."""

    name: ClassVar[str]
    """Short and stable: its entry in the journal."""
    title: ClassVar[str]
    kind: ClassVar[Kind]
    estimate: ClassVar[int]
    """Seconds that it takes, for the region's RTO; docs/dr.md says where the number comes from."""
    poll: ClassVar[float] = 15.0
    """Seconds between looks while an action takes effect."""
    limit: ClassVar[int] = 7_200
    """Seconds after which an action that has not taken effect is given up."""

    def __init__(self, room: Room) -> None:
        self.room = room

    @abstractmethod
    def checks(self) -> Sequence[Check]:
        """What must hold before it. For a gate, all there is."""

    def act(self) -> str:
        """Bring it about; safe to repeat. A sentence about what was begun."""
        return ""

    def done(self) -> Check:
        """Whether it has taken effect."""
        failed = [check for check in self.checks() if not check.ok]
        return failed[0] if failed else Check(self.name, True, "holds")

    def will(self) -> Sequence[str]:
        """What it would do, or the commands that a person runs."""
        return ()
