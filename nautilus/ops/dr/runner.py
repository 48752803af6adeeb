"""Takes the steps of a move in order: resumable after a crash anywhere, never acting twice on what has taken effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from nautilus.ops.dr.journal import Journal, Move, Record, State
from nautilus.ops.dr.room import Lost, Room, Stated
from nautilus.ops.dr.step import Check, Kind, Step


class Outcome(StrEnum):
    """What became of a step in this run."""

    HOLDS = "holds"
    """A gate that holds."""
    DONE = "done"
    """Done now, or seen to be done."""
    EARLIER = "earlier"
    """Done by an earlier run."""
    WOULD = "would"
    """A dry run: what it would do."""
    REFUSED = "refused"
    """What must hold before it does not."""
    WAITS = "waits"
    """A person has to do it."""
    LATE = "late"
    """It was begun and did not take effect in time."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How a step stands after this run."""

    step: str
    title: str
    kind: Kind
    outcome: Outcome
    detail: str
    estimate: int
    seconds: float | None = None
    checks: tuple[Check, ...] = ()
    will: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "step": self.step,
            "title": self.title,
            "kind": self.kind.value,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "estimateSeconds": self.estimate,
            "measuredSeconds": self.seconds,
            "checks": [{"name": one.name, "ok": one.ok, "detail": one.detail, "hint": one.hint} for one in self.checks],
            "will": list(self.will),
        }


STOPS = frozenset({Outcome.REFUSED, Outcome.WAITS, Outcome.LATE})


def rto(taken: Sequence[Taken]) -> dict[str, Any]:
    """The region's RTO: what the steps are estimated to take one after the other, and what they took. Apart from the loss of a node or a zone."""
    measured = [one.seconds for one in taken if one.seconds is not None]
    return {
        "estimateSeconds": sum(one.estimate for one in taken),
        "estimateOfPeopleSeconds": sum(one.estimate for one in taken if one.kind is Kind.PERSON),
        "measuredSeconds": round(sum(measured), 1) if measured else None,
        "measuredSteps": len(measured),
        "steps": len(taken),
    }


def look(steps: Sequence[Step]) -> list[Taken]:
    """A dry run: every check of every step, and what each would do. Writes nothing anywhere."""
    found: list[Taken] = []
    for step in steps:
        checks = tuple(step.checks())
        if step.kind is Kind.GATE:
            ok = all(check.ok for check in checks)
            outcome = Outcome.HOLDS if ok else Outcome.REFUSED
            detail = "; ".join(check.detail for check in checks if check.ok == ok)
            found.append(_taken(step, outcome, detail, checks=checks))
            continue
        done = step.done()
        outcome = Outcome.EARLIER if done.ok else Outcome.WOULD
        found.append(_taken(step, outcome, done.detail, checks=checks, will=() if done.ok else tuple(step.will())))
    return found


def take(steps: Sequence[Step], journal: Journal, run: str, *, room: Room, on_result: Callable[[Taken], None] | None = None) -> list[Taken]:
    """Take the steps until one stops the move, writing the journal before and after each.

    A gate is looked at in every run, because trading may have been resumed since the last. A step that the journal calls done is still
    asked; one that has taken effect although the journal does not know it (a crash between the two) is written down and not repeated.
    """
    records = journal.records(run)
    results: list[Taken] = []

    def tell(taken: Taken) -> bool:
        results.append(taken)
        if on_result:
            on_result(taken)
        return taken.outcome not in STOPS

    for step in steps:
        record = records.get(step.name)
        taken = _gate(step) if step.kind is Kind.GATE else _bring_about(step, journal, run, record, room)
        if not tell(taken):
            break
    return results


def _gate(step: Step) -> Taken:
    checks = tuple(step.checks())
    failed = [check for check in checks if not check.ok]
    if failed:
        return _taken(step, Outcome.REFUSED, "; ".join(check.detail for check in failed), checks=checks)
    return _taken(step, Outcome.HOLDS, "; ".join(check.detail for check in checks), checks=checks)


def _bring_about(step: Step, journal: Journal, run: str, record: Record | None, room: Room) -> Taken:
    started = record.started if record else room.now().isoformat()
    done = step.done()
    if done.ok:
        if record and record.state is State.DONE:
            return _taken(step, Outcome.EARLIER, record.detail, seconds=record.seconds)
        return _finish(step, journal, run, started, done.detail, room)
    checks = tuple(step.checks())
    failed = [check for check in checks if not check.ok]
    if failed:
        return _taken(step, Outcome.REFUSED, "; ".join(check.detail for check in failed), checks=checks)
    if record is None:
        journal.write(run, Record(step.name, State.STARTED, started))
    if step.kind is Kind.PERSON:
        return _taken(step, Outcome.WAITS, done.detail, checks=checks, will=tuple(step.will()))
    step.act()
    waited = 0.0
    while not (done := step.done()).ok:
        if waited >= step.limit:
            return _taken(step, Outcome.LATE, f"{done.detail}, after {waited:.0f} s", checks=checks)
        room.sleep(step.poll)
        waited += step.poll
    return _finish(step, journal, run, started, done.detail, room)


def _finish(step: Step, journal: Journal, run: str, started: str, detail: str, room: Room) -> Taken:
    ended = room.now()
    seconds = round(max((ended - datetime.fromisoformat(started)).total_seconds(), 0.0), 1)
    journal.write(run, Record(step.name, State.DONE, started, ended.isoformat(), seconds, detail))
    return _taken(step, Outcome.DONE, detail, seconds=seconds)


def _taken(
    step: Step, outcome: Outcome, detail: str, *, seconds: float | None = None, checks: tuple[Check, ...] = (), will: tuple[str, ...] = ()
) -> Taken:
    return Taken(step.name, step.title, step.kind, outcome, detail, step.estimate, seconds, checks, will)


def with_statements(room: Room, journal: Journal, run: str) -> Room:
    """The room with what people stated in earlier runs of this move, so that nobody has to say it twice."""
    earlier = {
        name: record.detail.removeprefix("stated: ")
        for name, record in journal.records(run).items()
        if record.state is State.DONE and record.detail.startswith("stated: ")
    }
    return replace(room, stated=replace(room.stated, done={**earlier, **room.stated.done}))


TEXT_LIMIT = 500
"""Characters of a statement that the journal keeps: a parameter holds 4,096 bytes (SSM)."""


def noted(move: Move, stated: Stated) -> Move:
    """The move with what is stated now in the place of what was stated before."""
    lost = stated.lost
    return replace(
        move,
        lost_since=lost.since.isoformat() if lost else move.lost_since,
        evidence=lost.evidence[:TEXT_LIMIT] if lost else move.evidence,
        broker_session_gone=(stated.broker_session_gone or move.broker_session_gone)[:TEXT_LIMIT],
        accept_loss=stated.accept_loss or move.accept_loss,
    )


def remembered(move: Move, stated: Stated) -> Stated:
    """What is stated now, and what was stated before about the same move. A confirmation is never remembered."""
    lost = Lost(move.evidence, datetime.fromisoformat(move.lost_since)) if move.evidence and move.lost_since else None
    return replace(
        stated,
        lost=stated.lost or lost,
        broker_session_gone=stated.broker_session_gone or move.broker_session_gone,
        accept_loss=stated.accept_loss or move.accept_loss,
    )
