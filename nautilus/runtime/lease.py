"""The fencing lease: at most one process may act at any instant (DESIGN.md decision 7; seed line NRC-057; docs/leases.md).

The pure core of the protocol: it has no clock, no network and no thread of its own, so a test can stop it between any two steps. A
driver asks `Keeper.request` what to send, sends it, and hands back what came of it with `Keeper.answer` or `Keeper.failed`.

Three rules carry the proof. A holder counts its time from *before* its request was sent, on two clocks, and the earlier one ends it.
A contender waits longer than the clocks can disagree. The table decides every write by conditions on the token and the session.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SHORTEST_SECONDS = 3.0
LONGEST_SECONDS = 300.0
"""No lease lives longer without a renewal: moving to the second region waits this long for one that it cannot ask about."""
DATE_RESOLUTION = 1.0
"""Seconds. The clock of the table's answers (the header `Date`) has whole seconds."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on the two clocks of a machine, in seconds: `wall` since 1970, `boot` since the start, time asleep included."""

    wall: float
    boot: float


class Clock(Protocol):
    """Where the core gets its time."""

    def now(self) -> Instant:
        """This moment."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on both clocks; whichever clock comes to it first ends what it limits."""

    wall: float
    boot: float

    def passed(self, now: Instant) -> bool:
        """Whether either clock has come to it."""
        return now.wall >= self.wall or now.boot >= self.boot

    def left(self, now: Instant) -> float:
        """Seconds until the earlier of the two, never negative."""
        return max(0.0, min(self.wall - now.wall, self.boot - now.boot))

    @classmethod
    def after(cls, start: Instant, seconds: float) -> Deadline:
        """`seconds` after `start`."""
        return cls(start.wall + seconds, start.boot + seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a lease lives, in seconds.

    `clock_error` is the stated bound: each machine's wall clock is right within it. From it follow the three margins. The holder stops
    by itself two of it before the end (`soft`), the kernel ends the holder one of it before the end (`hard`), and a contender waits
    two of it after the end (`margin`). So even with both clocks wrong by the bound, in opposite directions, one whole `clock_error`
    lies between the last moment of the old path and the first of the new one.

    Raises:
        ValueError: outside the ranges named in the message.
    """

    seconds: float = 30.0
    renew: float = 10.0
    clock_error: float = 1.0

    def __post_init__(self) -> None:
        """Refuse terms under which the protocol does not hold or cannot live."""
        if not SHORTEST_SECONDS <= self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"a lease of {self.seconds:g} s: accepted are {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s")
        if not 0.05 <= self.clock_error <= self.seconds / 8:
            raise ValueError(
                f"a clock error of {self.clock_error:g} s: accepted are 0.05 s to an eighth of the lease, here {self.seconds / 8:g} s"
            )
        if not 0.2 <= self.renew <= self.seconds / 3:
            raise ValueError(
                f"a renewal every {self.renew:g} s: accepted are 0.2 s to a third of the lease, here {self.seconds / 3:g} s, "
                "so that one lost renewal loses no lease"
            )

    @property
    def soft(self) -> float:
        """Seconds after the request at which the holder closes its path."""
        return self.seconds - 2 * self.clock_error

    @property
    def hard(self) -> float:
        """Seconds after the request at which the kernel ends a holder that did not."""
        return self.seconds - self.clock_error

    @property
    def margin(self) -> float:
        """Seconds that a contender waits after the end."""
        return 2 * self.clock_error

    @property
    def poll(self) -> float:
        """Seconds between two looks of a contender."""
        return min(2.0, self.renew / 2)

    @property
    def patience(self) -> float:
        """Seconds after which an unanswered request is given up; two more attempts fit before the deadline."""
        return min(3.0, max(0.8, self.renew / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A lease as it stands in the table. `session` names the process: two processes of one task are two sessions."""

    holder: str
    expires: int
    token: int
    session: str = ""
    address: str = ""


class Kind(StrEnum):
    """What a request wants."""

    READ = "read"
    TAKE = "take"
    RENEW = "renew"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to the table, complete in itself. What the table checks when it applies it:

    - READ: nothing; consistent.
    - TAKE: there is no row (`seen` is None), or its token is still `seen` and `expires` lies below `limit`. The row becomes this
      holder's, with `token`.
    - RENEW: token and session are this holder's and the new end is not before the old one: a renewal that arrives late, after a newer
      one, must not shorten what the holder relies on.
    - RELEASE: token and session are this holder's. The end becomes now, and the session goes, so that a renewal that is still under
      way finds nothing to renew.
    """

    kind: Kind
    lease: str
    start: Instant
    holder: str = ""
    session: str = ""
    address: str = ""
    token: int = 0
    expires: int = 0
    seen: int | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the table said: whether the change was made, the row as it stands (after a refusal: why), and the table's own clock."""

    applied: bool
    row: Row | None
    served: float | None = None


class StoreError(Exception):
    """No clear answer: the change may have been made, now or later, or never."""


class Store(Protocol):
    """The table."""

    def send(self, request: Request) -> Answer:
        """Make the change if its conditions hold.

        Raises:
            StoreError: no clear answer, or a row that nobody can read (which counts as held).
        """
        ...


class Guard(Protocol):
    """Something outside the process's own code that ends it at a deadline, even while it is stopped."""

    def arm(self, deadline: Deadline) -> None:
        """End the process at this moment instead of at an earlier one."""
        ...

    def disarm(self) -> None:
        """The path is closed for good: end nothing any more."""
        ...


class Phase(StrEnum):
    """Where a keeper stands. It moves forward only: who lost a lease or gave it back does not take it again in the same process."""

    WAITING = "waiting"
    HELD = "held"
    LOST = "lost"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Tenure:
    """What is held, replaced as a whole so that another thread never sees half of a change."""

    token: int
    soft: Deadline


class Keeper:
    """One process's side of one lease.

    `allows` may be called from any thread; everything else from one thread at a time, and one request at a time.
    """

    def __init__(
        self,
        lease: str,
        *,
        holder: str,
        session: str,
        terms: Terms,
        clock: Clock,
        guard: Guard,
        address: str = "",
    ) -> None:
        """Begin without the lease.

        Args:
            lease: Key of the row.
            holder: Who holds it, for people; the identifier of the task.
            session: A value that no other process ever has.
            terms: Lengths, equal for all contenders.
            clock: Time.
            guard: Ends the process at the hard deadline.
            address: Where the holder can be reached, or empty.
        """
        self.lease, self.holder, self.session, self.address = lease, holder, session, address
        self.terms = terms
        self.phase = Phase.WAITING
        self.why = "not asked yet"
        """Why the lease is not held, in words."""
        self.seen: Row | None = None
        """The row as last seen."""
        self.clock_wrong = False
        """The last answer's clock contradicts this machine's by more than the stated bound."""
        self._clock, self._guard = clock, guard
        self._known = False
        self._tenure: Tenure | None = None
        self._token = 0
        self._next = 0.0

    # --- what the path asks --------------------------------------------------------------------------------------------------

    def allows(self) -> bool:
        """Whether the holder may act at this very moment."""
        tenure = self._tenure
        return tenure is not None and not tenure.soft.passed(self._clock.now())

    def left(self) -> float:
        """Seconds until the holder must stop; 0 without the lease."""
        tenure = self._tenure
        return 0.0 if tenure is None else tenure.soft.left(self._clock.now())

    @property
    def token(self) -> int:
        """Token of the last tenure; 0 if there was none."""
        return self._token

    # --- what the driver asks ------------------------------------------------------------------------------------------------

    def request(self) -> Request | None:
        """What to send now; None when there is nothing to send any more, because the lease was lost or given back."""
        now = self._clock.now()
        if self.phase is Phase.HELD and self.expired(now):
            self.lose("its time ran out before a renewal was confirmed")
        if self.phase in (Phase.LOST, Phase.RELEASED):
            return None
        if self.phase is Phase.HELD:
            return self._renewal(now, self._token)
        if not self._known:
            return Request(kind=Kind.READ, lease=self.lease, start=now)
        if self.seen is not None and self.seen.session == self.session:
            # An earlier attempt of this very process was made after all. What it promised then counts for nothing now: renew first.
            return self._renewal(now, self.seen.token)
        if self.free(now):
            return self._taking(now)
        return Request(kind=Kind.READ, lease=self.lease, start=now)

    def answer(self, request: Request, answer: Answer) -> None:
        """Take in what the table said to `request`."""
        now = self._clock.now()
        if self.phase in (Phase.LOST, Phase.RELEASED):
            return
        if self.phase is Phase.HELD and self.expired(now):
            self.lose("its time ran out before a renewal was confirmed")
            return
        self.clock_wrong = self._disagrees(request.start, now, answer.served)
        if self.clock_wrong:
            self._unclear(now, f"this machine's clock is wrong by more than {self.terms.clock_error:g} s against the table's")
            return
        if request.kind is Kind.READ:
            self._look(now, answer.row)
        elif answer.applied or self._lasts_longer(request, answer.row):
            self._hold(now, request)
        elif self.phase is Phase.HELD:
            self.seen = answer.row
            self.lose(f"the row is no longer this process's: {describe(answer.row)}")
        else:
            self._look(now, answer.row)

    def failed(self, request: Request, why: str) -> None:
        """No clear answer came to `request`. Nothing is extended; without the lease the row is read again before anything else."""
        if self.phase in (Phase.WAITING, Phase.HELD):
            self._unclear(self._clock.now(), f"{request.kind} without an answer: {why}")

    def pause(self) -> float:
        """Seconds to wait before the next request."""
        return max(0.0, self._next - self._clock.now().boot)

    def release(self) -> Request | None:
        """Stop acting now, for good; what to send then, or None if there is nothing to give back.

        The caller closes every connection before it sends this.
        """
        if self.phase is Phase.RELEASED or (self.phase is Phase.LOST and not self._token):
            return None
        token = self._token or (self.seen.token if self.seen is not None and self.seen.session == self.session else 0)
        self._tenure = None
        self.phase, self.why = Phase.RELEASED, "given back"
        if not token:
            return None
        now = self._clock.now()
        return Request(kind=Kind.RELEASE, lease=self.lease, start=now, session=self.session, token=token, expires=math.floor(now.wall))

    # --- decisions -----------------------------------------------------------------------------------------------------------

    def free(self, now: Instant) -> bool:
        """Whether the row that was seen may be taken: there is none, or its end and the margin have passed."""
        return self.seen is None or now.wall > self.seen.expires + self.terms.margin

    def expired(self, now: Instant) -> bool:
        """Whether what is held has come to its soft deadline."""
        tenure = self._tenure
        return tenure is None or tenure.soft.passed(now)

    def begins(self, request: Request) -> Instant:
        """The moment from which a granted request counts: before it was sent, because the table may have counted from then."""
        return request.start

    def lose(self, why: str) -> None:
        """The lease is lost, for good."""
        self._tenure = None
        self.phase, self.why = Phase.LOST, why

    def _renewal(self, now: Instant, token: int) -> Request:
        return Request(
            kind=Kind.RENEW,
            lease=self.lease,
            start=now,
            session=self.session,
            token=token,
            expires=math.ceil(now.wall + self.terms.seconds),
        )

    def _taking(self, now: Instant) -> Request:
        seen = self.seen
        return Request(
            kind=Kind.TAKE,
            lease=self.lease,
            start=now,
            holder=self.holder,
            session=self.session,
            address=self.address,
            token=1 if seen is None else seen.token + 1,
            expires=math.ceil(now.wall + self.terms.seconds),
            seen=None if seen is None else seen.token,
            limit=math.ceil(now.wall - self.terms.margin),
        )

    def _disagrees(self, start: Instant, now: Instant, served: float | None) -> bool:
        bound = self.terms.clock_error
        return served is not None and not start.wall - bound - DATE_RESOLUTION <= served <= now.wall + bound

    def _lasts_longer(self, request: Request, row: Row | None) -> bool:
        """A renewal refused only because the row already lasts longer: this machine's wall clock went back a little."""
        return (
            request.kind is Kind.RENEW
            and row is not None
            and row.session == self.session
            and row.token == request.token
            and row.expires >= request.expires
        )

    def _hold(self, now: Instant, request: Request) -> None:
        begins = self.begins(request)
        soft = Deadline.after(begins, self.terms.soft)
        if soft.passed(now):
            if self.phase is Phase.WAITING:
                self._unclear(now, "the answer came after the end of what it granted")
            return
        # The guard first: there is no moment in which the path is open and nothing would end it.
        self._guard.arm(Deadline.after(begins, self.terms.hard))
        self._token = request.token
        self._tenure = Tenure(request.token, soft)
        self.phase, self.why = Phase.HELD, ""
        self.seen = Row(holder=self.holder, expires=request.expires, token=request.token, session=self.session, address=self.address)
        self._next = request.start.boot + self.terms.renew

    def _look(self, now: Instant, row: Row | None) -> None:
        self.seen, self._known = row, True
        mine = row is not None and row.session == self.session
        if row is None or mine or self.free(now):
            self.why, self._next = "free: about to take it", now.boot
            return
        self.why = describe(row)
        self._next = now.boot + min(self.terms.poll, max(0.05, row.expires + self.terms.margin - now.wall))

    def _unclear(self, now: Instant, why: str) -> None:
        self._known = False
        self._next = now.boot + min(1.0, self.terms.renew / 4)
        self.why = why


def describe(row: Row | None) -> str:
    """A row in words."""
    if row is None:
        return "there is no row"
    return f"{row.holder} holds token {row.token} until {row.expires}"


# --- who is reached through the path ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """Where an open path leads, and whose tenures make it: a connection lives as long as its route stays the same."""

    address: str
    token: int
    upstream_token: int


@dataclass(frozen=True, slots=True)
class View:
    """The upstream's row as last read, and until when it may be believed."""

    address: str
    token: int
    until: Deadline


class Upstream:
    """The holder of the lease on the other side, seen from here. It is read, never written."""

    def __init__(self, lease: str, *, terms: Terms, clock: Clock) -> None:
        """Begin without a view."""
        self.lease, self.terms = lease, terms
        self.why = "not asked yet"
        self._clock = clock
        self._view: View | None = None

    def request(self) -> Request:
        """The next reading."""
        return Request(kind=Kind.READ, lease=self.lease, start=self._clock.now())

    def answer(self, request: Request, answer: Answer, usable: Callable[[str], bool]) -> None:
        """Take in a row. `usable` says whether its address may be connected to."""
        row = answer.row
        if row is None or not usable(row.address):
            self._view = None
            self.why = describe(row) if row is None else f"{describe(row)}, at {row.address or 'no address'}: nobody to connect to"
            return
        left = row.expires - self.terms.clock_error - request.start.wall
        until = Deadline.after(request.start, left)
        self._view = View(row.address, row.token, until)
        self.why = describe(row)

    def failed(self, why: str) -> None:
        """No answer: what was seen stays good until its own end, and not a moment longer."""
        self.why = f"unanswered: {why}"

    def current(self) -> View | None:
        """The holder on the other side, or None when nobody is known to hold the lease at this moment."""
        view = self._view
        return None if view is None or view.until.passed(self._clock.now()) else view


class Path:
    """The way from the protected process to the other side: open only while both leases stand."""

    def __init__(self, keeper: Keeper, upstream: Upstream) -> None:
        """Join the two."""
        self.keeper, self.upstream = keeper, upstream

    def route(self) -> Route | None:
        """Where the path leads at this very moment; None when it is closed. To be asked before every single write."""
        view = self.upstream.current()
        if view is None or not self.keeper.allows():
            return None
        return Route(view.address, self.keeper.token, view.token)

    def why(self) -> str:
        """Why it is closed."""
        return (
            f"lease {self.keeper.lease}: {self.keeper.why}"
            if not self.keeper.allows()
            else f"lease {self.upstream.lease}: {self.upstream.why}"
        )
