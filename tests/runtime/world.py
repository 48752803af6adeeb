"""A small world for the lease's core: a table, machines with clocks of their own, a network that loses and delays, and a kernel.

Nothing here decides anything about leases. `evaluate` says what DynamoDB does with a request; `test_lease.py` holds it against moto.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nautilus.runtime.lease import Answer, Deadline, Instant, Keeper, Kind, Path, Phase, Request, Route, Row, Terms, Upstream

LEASE = "engine"
GATEWAY = "ib-gateway"
TERMS = Terms(seconds=30, renew=10, clock_error=1)


def evaluate(row: Row | None, request: Request) -> tuple[Row | None, Answer]:
    """The row after a request, and the answer: the conditions of `Request`, applied at one instant."""
    own = row is not None and row.token == request.token and row.session == request.session
    match request.kind:
        case Kind.READ:
            return row, Answer(applied=True, row=row)
        case Kind.TAKE:
            free = row is None if request.seen is None else row is not None and row.token == request.seen and row.expires < request.limit
            new = Row(holder=request.holder, expires=request.expires, token=request.token, session=request.session, address=request.address)
        case Kind.RENEW:
            free = own and row is not None and row.expires <= request.expires
            new = replace(row, expires=request.expires) if row is not None else None
        case Kind.RELEASE:
            free = own
            new = replace(row, expires=request.expires, session="", address="") if row is not None else None
    return (new, Answer(applied=True, row=new)) if free else (row, Answer(applied=False, row=row))


class Machine:
    """A machine's clocks. `error` is how wrong its wall clock is, `rate` how long its second is."""

    def __init__(self, world: World, rate: float) -> None:
        self.world, self.rate, self.error = world, rate, 0.0

    def now(self) -> Instant:
        t = self.world.t
        return Instant(1_800_000_000 + t + self.error, 500 + t * self.rate)


@dataclass
class Kernel:
    """Ends the process at the deadline, whatever the process is doing. Asked whenever time has passed."""

    deadline: Deadline | None = None

    def arm(self, deadline: Deadline) -> None:
        self.deadline = deadline

    def disarm(self) -> None:
        self.deadline = None


class NoKernel(Kernel):
    """For mutants: a machine on which nothing ends a process."""

    def arm(self, deadline: Deadline) -> None:
        """Do nothing."""


@dataclass
class Flight:
    """A request under way, and its answer once the table has worked on it."""

    request: Request
    answer: Answer | None = None


class Process:
    """One watchdog: the real core, and what a pause can cut in two, namely a request and a forwarded chunk."""

    def __init__(self, world: World, name: str, session: str, machine: Machine, lease: str) -> None:
        self.world, self.name, self.machine, self.session = world, name, machine, session
        self.kernel = world.kernels()
        self.keeper = world.keepers(
            lease, holder=name, session=session, terms=world.terms, clock=machine, guard=self.kernel, address="10.0.0.9"
        )
        self.upstream = Upstream(GATEWAY, terms=world.terms, clock=machine)
        self.path: Path = world.paths(self.keeper, self.upstream)
        self.paused = self.dead = False
        self.flight: Flight | None = None
        self.chunk: Route | None = None

    def runs(self) -> bool:
        return not self.paused and not self.dead

    def open(self) -> bool:
        """Whether its path is open at this instant of the world: it could forward something now."""
        return not self.dead and self.path.route() is not None


@dataclass
class World:
    """Everything, at one real instant `t`."""

    terms: Terms = TERMS
    keepers: type[Keeper] = Keeper
    paths: type[Path] = Path
    kernels: type[Kernel] = Kernel
    table: type[Table] | None = None
    t: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    limbo: list[Request] = field(default_factory=list[Request])
    processes: list[Process] = field(default_factory=list[Process])
    cut: set[str] = field(default_factory=set[str])
    sessions: int = 0
    moves: int = 0
    moved_after_release: bool = False
    forwarded: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def start(self, count: int, rates: tuple[float, ...] = (1.0, 1.0002, 0.9998)) -> None:
        """`count` contenders on machines of their own, and a gateway that everybody may be connected to."""
        self.rows[GATEWAY] = Row(holder="gw-1", expires=1_800_000_000 + 10**6, token=1, session="g1", address="10.0.0.1")
        for number in range(count):
            self.processes.append(self.boot(f"task-{number}", Machine(self, rates[number])))

    def boot(self, name: str, machine: Machine, lease: str = LEASE) -> Process:
        """A new process on a machine."""
        self.sessions += 1
        return Process(self, name, f"s{self.sessions}", machine, lease)

    # --- time ----------------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Time passes; the kernels look at their timers."""
        self.t += seconds
        self.kernels_look()

    def kernels_look(self) -> None:
        """End whoever is past its hard deadline, paused or not."""
        for process in self.processes:
            deadline = process.kernel.deadline
            if deadline is not None and not process.dead and deadline.passed(process.machine.now()):
                self.kill(process)

    def kill(self, process: Process) -> None:
        """The process is gone; what it had sent is still under way."""
        process.dead, process.paused, process.chunk = True, False, None
        self.drop(process)

    # --- the network ---------------------------------------------------------------------------------------------------------

    def send(self, process: Process, request: Request | None = None) -> None:
        """The core's next request leaves the process."""
        if process.flight is None and process.runs():
            asked = process.keeper.request() if request is None else request
            if asked is not None:
                process.flight = Flight(asked)

    def work(self, process: Process) -> None:
        """The request reaches the table, if the network lets it."""
        flight = process.flight
        if flight is not None and flight.answer is None and process.name not in self.cut:
            flight.answer = self.apply(flight.request)

    def deliver(self, process: Process) -> None:
        """The answer reaches the process."""
        flight = process.flight
        if flight is not None and flight.answer is not None and process.runs() and process.name not in self.cut:
            process.flight = None
            process.keeper.answer(flight.request, flight.answer)
            self.kernels_look()

    def give_up(self, process: Process) -> None:
        """The process's patience ends before an answer."""
        flight = process.flight
        if flight is not None and process.runs():
            self.drop(process)
            process.keeper.failed(flight.request, "timed out")

    def drop(self, process: Process) -> None:
        """Nobody waits for the request any more; the table may still get it."""
        flight, process.flight = process.flight, None
        if flight is not None and flight.answer is None and flight.request.kind is not Kind.READ:
            self.limbo.append(flight.request)

    def late(self, index: int) -> None:
        """A request that nobody waits for arrives after all."""
        if self.limbo:
            self.apply(self.limbo.pop(index % len(self.limbo)))

    def exchange(self, process: Process) -> None:
        """A request and its answer without trouble."""
        self.send(process)
        self.work(process)
        self.deliver(process)

    def apply(self, request: Request) -> Answer:
        """What the table does, and the two things that must hold of every change of a row."""
        before = self.rows.get(request.lease)
        after, answer = (self.table or Table).evaluate(before, request)
        if after is not None:
            self.rows[request.lease] = after
        if before is not None and after is not None:
            assert after.token >= before.token, "a token fell"
            taken = after.session != before.session and after.session != ""
            assert after.token == before.token + (1 if taken else 0), "a change of holder did not raise the token by one"
        return answer

    # --- the path ------------------------------------------------------------------------------------------------------------

    def look_upstream(self, process: Process) -> None:
        """The process reads who holds the gateway's lease."""
        if process.runs() and process.name not in self.cut:
            request = process.upstream.request()
            process.upstream.answer(request, self.apply(request), lambda address: address != "")

    def check(self, process: Process) -> None:
        """The relay asks whether it may forward; what it does about the answer comes later."""
        if process.runs():
            process.chunk = process.path.route()
            if process.chunk is not None:
                row = self.rows[GATEWAY]
                assert process.chunk.upstream_token == row.token or self.moved_after_release, "connected to a holder that was replaced"

    def forward(self, process: Process) -> None:
        """The chunk leaves for the broker: the instant that counts."""
        if process.runs() and process.chunk is not None:
            process.chunk = None
            self.forwarded.append((self.t, process.session))
            self.acts(process)

    def acts(self, process: Process) -> None:
        """`process` acts at this instant: it must be the holder in the table, and nobody else's path may be open."""
        row = self.rows.get(LEASE)
        assert row is not None, "acted without a row"
        assert row.session == process.session, f"{process.session} acted while the row is {row.session or 'nobody'}'s"
        others = [other.session for other in self.processes if other is not process and other.open()]
        assert not others, f"{process.session} acted while the path of {others} was open"

    def paths_are_exclusive(self) -> None:
        """Never two open paths, and an open one belongs to the holder in the table."""
        for process in self.processes:
            if process.open():
                self.acts(process)

    # --- what processes and people do ------------------------------------------------------------------------------------------

    def pause(self, process: Process) -> None:
        """SIGSTOP."""
        if not process.dead:
            process.paused = True

    def resume(self, process: Process) -> None:
        """SIGCONT."""
        process.paused = False

    def cut_off(self, process: Process) -> None:
        """Nothing comes to the process's machine or from it."""
        self.cut.add(process.name)

    def heal(self, process: Process) -> None:
        """The machine's network works again."""
        self.cut.discard(process.name)

    def restart(self, process: Process) -> None:
        """The task ends and another one starts on the same machine: a new session, an empty memory."""
        if not process.dead:
            self.kill(process)
        self.processes[self.processes.index(process)] = self.boot(process.name, process.machine)

    def leave(self, process: Process) -> None:
        """SIGTERM: the path closes, and the release is sent. The process is still there until it is restarted."""
        if process.runs():
            self.drop(process)
            request = process.keeper.release()
            process.chunk = None
            self.send(process, request)

    def replace_lost(self, process: Process) -> None:
        """ECS starts another task for one that ended."""
        if process.dead or process.keeper.phase in (Phase.LOST, Phase.RELEASED):
            self.restart(process)

    def move_gateway(self, *, released: bool, seconds: int) -> None:
        """Another gateway takes over, either long after the old lease ended or after the old one gave it back."""
        row = self.rows[GATEWAY]
        wall = 1_800_000_000 + self.t
        if released or wall > row.expires + self.terms.margin + self.terms.clock_error:
            self.moved_after_release = released
            self.moves += 1
            self.rows[GATEWAY] = Row(
                holder="gw", expires=int(wall + seconds), token=row.token + 1, session=f"g{row.token + 1}", address="10.0.0.2"
            )


class Table:
    """What the table does with a request. Mutants of it are in the state machine's tests."""

    @staticmethod
    def evaluate(row: Row | None, request: Request) -> tuple[Row | None, Answer]:
        return evaluate(row, request)
