"""The lease under ten thousand random interleavings of everything that can go wrong: never two open paths.

The core is the real one (`nautilus.runtime.lease`); clocks, table, network, pauses and the kernel's timers are `world`'s. The second half
shows that the machine can fail: each protocol with one rule less is caught by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from nautilus.runtime.lease import Answer, Instant, Keeper, Kind, Path, Request, Route, Row, Terms
from tests.runtime.world import LEASE, NoKernel, Process, Table, World

INTERLEAVINGS = 10_000
STEPS = 20
WHO = st.integers(0, 2)
JUMPS = st.sampled_from((0.05, 0.4, 0.4, 1.0, 1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 10.0, 10.0, 18.0, 26.0, 27.9, 28.1, 29.1, 31.0, 33.1, 35.0))
LONG = st.sampled_from((0.4, 3.0, 10.0, 20.0, 23.0, 26.0, 29.1, 33.1, 36.0))
ACTS = st.sampled_from(("send", "work", "deliver", "give_up", "exchange", "exchange", "look_upstream", "check", "forward"))
ERRORS = st.sampled_from((-1.0, -0.5, 0.0, 0.5, 1.0))


class Contenders(RuleBasedStateMachine):
    """Two or three watchdogs that want one lease."""

    counts: ClassVar[dict[str, int]] = {}
    make: ClassVar[Callable[[], World]] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make()

    def at(self, who: int) -> Process:
        return self.world.processes[who % len(self.world.processes)]

    def count(self, name: str, by: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + by

    @initialize(three=st.booleans(), errors=st.tuples(ERRORS, ERRORS, ERRORS), begun=st.booleans())
    def begin(self, three: bool, errors: tuple[float, float, float], begun: bool) -> None:
        self.world.start(3 if three else 2)
        for process, error in zip(self.world.processes, errors, strict=False):
            process.machine.error = error
            self.world.look_upstream(process)
        if begun:
            self.settle(0)

    @rule(seconds=JUMPS)
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(who=WHO, what=ACTS)
    def act(self, who: int, what: str) -> None:
        """One small step of one process, the network or the table."""
        getattr(self.world, what)(self.at(who))

    @rule(who=WHO, what=st.sampled_from(("restart", "leave", "pause", "resume", "cut_off", "heal")))
    def trouble(self, who: int, what: str) -> None:
        """A crash and a new task, SIGTERM, SIGSTOP, SIGCONT, no network any more, network again."""
        getattr(self.world, what)(self.at(who))

    @rule(who=WHO)
    def settle(self, who: int) -> None:
        """A task that ended is replaced; then enough exchanges for whoever may have the lease to get it, and a chunk if it has."""
        self.world.replace_lost(self.at(who))
        process = self.at(who)
        self.world.deliver(process)
        for _ in range(3):
            self.world.exchange(process)
        self.world.look_upstream(process)
        self.world.check(process)
        self.world.forward(process)

    @rule(start=WHO, seconds=LONG)
    def hand_over(self, start: int, seconds: float) -> None:
        """Time passes, and everybody has a turn."""
        self.world.advance(seconds)
        for who in range(3):
            self.settle(start + who)

    @rule(who=WHO, applied=st.booleans())
    def answer_lost(self, who: int, applied: bool) -> None:
        """A request whose answer never comes, whether the table made it or not."""
        process = self.at(who)
        self.world.send(process)
        if applied:
            self.world.work(process)
        self.world.give_up(process)

    @rule(who=WHO, seconds=JUMPS)
    def stuck(self, who: int, seconds: float) -> None:
        """A request hangs in the network, the next one passes it, and then the first one arrives."""
        process = self.at(who)
        self.world.send(process)
        self.world.give_up(process)
        self.world.advance(seconds)
        self.world.exchange(process)
        self.world.late(-1)

    @rule(who=WHO, seconds=JUMPS)
    def slow(self, who: int, seconds: float) -> None:
        """The table works at once; its answer takes its time."""
        process = self.at(who)
        self.world.send(process)
        self.world.work(process)
        self.world.advance(seconds)
        self.world.deliver(process)

    @rule(start=WHO, seconds=LONG, writing=st.booleans())
    def stopped(self, start: int, seconds: float, writing: bool) -> None:
        """Whoever's path is open is stopped, before a write that it has checked or before an answer; it wakes up after the others' turn."""
        for process in [process for process in self.world.processes if process.open() and process.runs()]:
            self.world.send(process)
            self.world.work(process)
            if writing:
                self.world.check(process)
            self.world.pause(process)
            self.hand_over(start, seconds)
            self.world.resume(process)
            self.world.forward(process)
            self.world.deliver(process)
            self.world.check(process)
            self.world.forward(process)

    @rule(index=st.integers(0, 7))
    def late(self, index: int) -> None:
        """A request that nobody waits for arrives after all."""
        self.world.late(index)

    @rule(who=WHO, error=ERRORS)
    def clock_moves(self, who: int, error: float) -> None:
        """A wall clock is put forward or back, within the bound."""
        self.at(who).machine.error = error
        self.world.kernels_look()

    @rule(who=WHO, released=st.booleans(), seconds=st.sampled_from((30, 10_000)))
    def gateway(self, who: int, released: bool, seconds: int) -> None:
        """The lease on the other side changes hands; one process learns of it at once, the others when they look."""
        self.world.move_gateway(released=released, seconds=seconds)
        self.world.look_upstream(self.at(who))

    @invariant()
    def never_two(self) -> None:
        self.world.paths_are_exclusive()
        self.count("steps")

    def teardown(self) -> None:
        world = self.world
        self.count("examples")
        self.count("forwarded", len(world.forwarded))
        self.count("moves", world.moves)
        row = world.rows.get(LEASE)
        if row is not None:
            self.count("tokens", row.token)
            self.count("changed hands", row.token > 1)


def play(machine: type[Contenders], examples: int) -> None:
    """Run a machine."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


def test_ten_thousand_interleavings_never_open_two_paths() -> None:
    Contenders.counts.clear()
    began = time.process_time()
    play(Contenders, INTERLEAVINGS)
    counts = Contenders.counts
    print(f"\n{counts} in {time.process_time() - began:.0f} s of processor time")
    assert counts["examples"] >= INTERLEAVINGS
    assert counts["steps"] >= INTERLEAVINGS * 10
    # A machine in which little happens would prove little.
    assert counts["forwarded"] > INTERLEAVINGS / 4
    assert counts["changed hands"] > INTERLEAVINGS / 4
    assert counts["moves"] > INTERLEAVINGS / 4


# --- protocols with one rule less ---------------------------------------------------------------------------------------------


class NoMargins(Terms):
    """The holder goes on to the very end, and the next one begins there."""

    soft = hard = property(lambda self: self.seconds)  # pyright: ignore[reportAssignmentType]
    margin = property(lambda self: 0.0)  # pyright: ignore[reportAssignmentType]


class FromTheAnswer(Keeper):
    """Counts its time from when the answer came."""

    def begins(self, request: Request) -> Instant:
        return self._clock.now()


class NeverExpires(Keeper):
    """Does not look at its own deadline."""

    def allows(self) -> bool:
        return self._tenure is not None

    def expired(self, now: Instant) -> bool:
        return False


class TakesAnything(Keeper):
    """Takes without waiting for the end."""

    def free(self, now: Instant) -> bool:
        return True


class NoExpiryCondition(Table):
    """The table makes a TAKE whatever the end of the row."""

    @staticmethod
    def evaluate(row: Row | None, request: Request) -> tuple[Row | None, Answer]:
        return Table.evaluate(row, replace(request, limit=10**12) if request.kind is Kind.TAKE else request)


class AnybodyRenews(Table):
    """The table makes a RENEW whatever the token, the session and the end."""

    @staticmethod
    def evaluate(row: Row | None, request: Request) -> tuple[Row | None, Answer]:
        if request.kind is Kind.RENEW and row is not None:
            new = replace(row, expires=request.expires)
            return new, Answer(applied=True, row=new)
        return Table.evaluate(row, request)


class RenewalsGoBack(Table):
    """The table makes a RENEW that shortens the lease."""

    @staticmethod
    def evaluate(row: Row | None, request: Request) -> tuple[Row | None, Answer]:
        own = row is not None and row.token == request.token and row.session == request.session
        if request.kind is Kind.RENEW and row is not None and own:
            new = replace(row, expires=request.expires)
            return new, Answer(applied=True, row=new)
        return Table.evaluate(row, request)


class NoCheck(Path):
    """Forwards to whomever it saw first, without asking again."""

    def route(self) -> Route | None:
        return Route("10.0.0.1", self.keeper.token, 1) if self.keeper.token else None


class ReleasesFirst(Keeper):
    """Gives the lease back while its path is still open."""

    def release(self) -> Request | None:
        tenure = self._tenure
        request = super().release()
        self._tenure = tenure
        return request


def world(**changes: Any) -> Callable[[], World]:
    """A world with other rules."""
    return lambda: World(**changes)


MUTANTS: dict[str, Callable[[], World]] = {
    "no margins for the clocks": world(terms=NoMargins(seconds=30, renew=10, clock_error=1)),
    "time counted from the answer": world(keepers=FromTheAnswer),
    "the holder does not look at its deadline": world(keepers=NeverExpires, kernels=NoKernel),
    "taken without waiting for the end": world(keepers=TakesAnything, table=NoExpiryCondition),
    "renewed by anybody": world(table=AnybodyRenews),
    "a late renewal shortens the lease": world(table=RenewalsGoBack),
    "forwarded without a check": world(paths=NoCheck, kernels=NoKernel),
    "no kernel: stopped between check and write": world(kernels=NoKernel),
    "released before the path is closed": world(keepers=ReleasesFirst),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_catches(mutant: str) -> None:
    machine = type("Mutant", (Contenders,), {"make": staticmethod(MUTANTS[mutant]), "counts": {}})
    with pytest.raises(AssertionError, match=r"acted|token|connected"):
        play(machine, INTERLEAVINGS)
