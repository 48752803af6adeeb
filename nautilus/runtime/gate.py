"""The watchdog: holds a lease, and keeps the path to the broker open only while it does (`python -m nautilus.runtime.gate`).

It is a process of its own beside the one that it protects the broker from, so it does not matter what that one does: a trading engine
that is stopped in the middle of an order and wakes up later writes into a connection that is gone. Against its own pauses it has the
kernel (`nautilus.runtime.deadline`). docs/leases.md says what this guarantees and what can still be in flight.

Two processes: the parent starts, waits and reports; the child does the work and is what the kernel ends at the deadline. The kernel
would not end process 1 of a container, and somebody has to write down that it did.

Exit codes: 0 after SIGTERM, 2 wrong settings, 3 the lease was lost after it had been held, 4 the kernel ended it at the deadline,
5 a defect.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TextIO

import boto3

from nautilus.runtime import status
from nautilus.runtime.deadline import GuardMissingError, KernelGuard, SystemClock, die_with_parent
from nautilus.runtime.gate_settings import GateSettings, GateSettingsError, read, usable
from nautilus.runtime.halt import Halt, is_halted, parameter_text
from nautilus.runtime.lease import Keeper, Path, Phase, Request, Route, StoreError, Upstream
from nautilus.runtime.lease_store import DynamoStore, client_config
from nautilus.runtime.relay import Relay

STOPPED, WRONG_SETTINGS, LOST, ENDED_AT_DEADLINE, DEFECT = 0, 2, 3, 4, 5
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_SECONDS = 4.5
"""From SIGTERM to the end, at the latest."""
WATCH_SECONDS = 0.02
HALT_SECONDS = 5.0
REPORT_SECONDS = 60.0
"""A line at least this often: silence is an alarm."""


class Log:
    """Events as JSON, one a line."""

    def __init__(self, stream: TextIO, **always: Any) -> None:
        """Write `always` with each."""
        self._stream, self._always = stream, always
        self._lock = threading.Lock()

    def event(self, event: str, **fields: Any) -> None:
        """Write one."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **self._always, **fields}
        with self._lock:
            self._stream.write(json.dumps(line, sort_keys=True) + "\n")
            self._stream.flush()


class Watchdog:
    """The child: one lease, perhaps a path, the status, the halt flag."""

    def __init__(self, settings: GateSettings, log: Log) -> None:
        """Prepare everything that can fail: the kernel's timers, the ports.

        Raises:
            GuardMissingError: the kernel offers no timers.
            OSError: a port is taken.
        """
        self.settings, self.log = settings, log
        clock, terms = SystemClock(), settings.terms
        self.guard = KernelGuard()
        self.keeper = Keeper(
            settings.lease,
            holder=settings.holder,
            session=secrets.token_hex(16),
            terms=terms,
            clock=clock,
            guard=self.guard,
            address=settings.address,
        )
        client = boto3.client("dynamodb", region_name=settings.region, config=client_config(terms.patience))
        self.store = DynamoStore(client, settings.table)
        self.upstream = Upstream(settings.upstream_lease, terms=terms, clock=clock)
        self.path = Path(self.keeper, self.upstream)
        self.stopping = threading.Event()
        self.halt: Halt | None = None
        self._beat = time.monotonic()
        self._told: tuple[Any, ...] = ()
        self._code = STOPPED
        self._ending = threading.Lock()
        self.relay = Relay(settings.listen, settings.upstream_port, self.route, self.event) if settings.listen else None
        self.server = status.serve(settings.status_port, status.State(self.healthy, self.held, self.status))

    # --- state -----------------------------------------------------------------------------------------------------------------

    def route(self) -> Route | None:
        """Where the path leads at this moment; None while it is closed."""
        return None if self.stopping.is_set() else self.path.route()

    def held(self) -> bool:
        """Whether the lease is held at this moment."""
        return not self.stopping.is_set() and self.keeper.allows()

    def healthy(self) -> bool:
        """Whether the loop that asks for the lease still turns. A standby that waits is healthy."""
        terms = self.settings.terms
        return not self.stopping.is_set() and time.monotonic() - self._beat < terms.renew + 4 * terms.patience

    def status(self) -> dict[str, Any]:
        """The state in one object."""
        keeper, halt, route = self.keeper, self.halt, self.route()
        return {
            "lease": keeper.lease,
            "holder": keeper.holder,
            "held": self.held(),
            "phase": keeper.phase.value,
            "token": keeper.token,
            "left_seconds": round(keeper.left(), 3),
            "why": keeper.why,
            "clock_wrong": keeper.clock_wrong,
            "path": self._path_word(route),
            "path_why": "" if route is not None or self.relay is None else self._why_closed(),
            "upstream": None if route is None else route.address,
            "connections": 0 if self.relay is None else self.relay.connections,
            "halted": None if halt is None else halt.halted,
            "halt_why": "" if halt is None else halt.why,
            "halt_who": "" if halt is None else halt.who,
        }

    def event(self, event: str, **fields: Any) -> None:
        """Write an event with the lease's state."""
        keeper, route = self.keeper, self.route()
        base = {"token": keeper.token, "path": self._path_word(route), "phase": keeper.phase.value, "why": keeper.why}
        self.log.event(event, **{**base, **fields})

    def _path_word(self, route: Route | None) -> str:
        return "none" if self.relay is None else "closed" if route is None else "open"

    def _why_closed(self) -> str:
        return "the watchdog stops" if self.stopping.is_set() else self.path.why()

    # --- work ------------------------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Hold the lease until SIGTERM or until it is lost; the exit code."""
        self.event("started", seconds=self.settings.terms.seconds, clock_error=self.settings.terms.clock_error)
        if self.relay is not None:
            threading.Thread(target=self.relay.run, name="relay", daemon=True).start()
            threading.Thread(target=self._watch_upstream, name="upstream", daemon=True).start()
        if self.settings.halt_parameter:
            threading.Thread(target=self._watch_halt, name="halt", daemon=True).start()
        threading.Thread(target=self._watch_deadline, name="deadline", daemon=True).start()
        while not self.stopping.is_set():
            self._beat = time.monotonic()
            request = self.keeper.request()
            if request is None:
                break
            self._send(request)
            self.stopping.wait(self.keeper.pause())
        return self._end()

    def terminate(self) -> None:
        """Asked to stop: from this instant the path is closed."""
        self.stopping.set()
        timer = threading.Timer(STOP_SECONDS, os._exit, (STOPPED,))
        timer.daemon = True
        timer.start()

    def _send(self, request: Request) -> None:
        before = self.keeper.phase
        try:
            answer = self.store.send(request)
        except StoreError as error:
            self.keeper.failed(request, str(error))
            self.event("unanswered", asked=request.kind.value, why=str(error))
            return
        self.keeper.answer(request, answer)
        if self.keeper.clock_wrong:
            self.event("clock-wrong")
        if self.keeper.phase is not before and self.keeper.phase is Phase.HELD:
            self.event("taken", address=self.settings.address)

    def _watch_deadline(self) -> None:
        """Report what changes, and end the process when the lease is gone, even while a request hangs."""
        reported = -REPORT_SECONDS
        while not self.stopping.is_set():
            route, held = self.route(), self.keeper.allows()
            state = (route, held, self.keeper.phase)
            if self.relay is not None and self._told and state[0] != self._told[0]:
                if route is None:
                    self.event("path-closed", why=self._why_closed())
                else:
                    self.event("path-open", upstream=route.address, upstream_token=route.upstream_token)
            self._told = state
            if self.keeper.phase is Phase.HELD and not held and not self.keeper.allows():
                self.keeper.lose("its time ran out before a renewal was confirmed")
                os._exit(self._end(lost=True))
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                self.event("holding" if held else "waiting")
            self.stopping.wait(WATCH_SECONDS)

    def _watch_upstream(self) -> None:
        while not self.stopping.is_set():
            request = self.upstream.request()
            try:
                self.upstream.answer(request, self.store.send(request), usable)
            except StoreError as error:
                self.upstream.failed(str(error))
            self.stopping.wait(self.settings.terms.poll)

    def _watch_halt(self) -> None:
        """Only shown: the path stays open on a halt, because an engine must still be able to cancel its orders."""
        client = boto3.client("ssm", region_name=self.settings.region, config=client_config(self.settings.terms.patience))
        while not self.stopping.is_set():
            found = is_halted(lambda: parameter_text(client, self.settings.halt_parameter))
            if self.halt is None or self.halt.halted != found.halted:
                self.log.event("halted" if found.halted else "not-halted", who=found.who, why=found.why)
            self.halt = found
            self.stopping.wait(HALT_SECONDS)

    def _end(self, *, lost: bool = False) -> int:
        """Close the path, give the lease back, say so. Once, whoever comes first."""
        if not self._ending.acquire(blocking=False):
            # The other thread is at it and ends the process; the exit code is its.
            time.sleep(STOP_SECONDS)
            return self._code
        lost = lost or self.keeper.phase is Phase.LOST
        why = self.keeper.why
        self._code = LOST if lost else STOPPED
        self.stopping.set()
        if self.relay is not None:
            self.relay.stop()
            if not self.relay.closed.wait(1.0):
                self.event("defect", why="the relay did not close; the kernel ends it")
                os._exit(DEFECT)
        # Nothing can be forwarded any more: the rest may take longer than the deadline.
        self.guard.disarm()
        if lost:
            # No release: the row is another's already, or the table cannot be reached. The sooner this task ends, the better.
            self.event("lost", why=why)
        elif (request := self.keeper.release()) is not None:
            self._release(request)
        self.event("stopped", why=why if lost else "asked to", code=self._code)
        return self._code

    def _release(self, request: Request) -> None:
        try:
            answer = self.store.send(request)
        except StoreError as error:
            self.event("release-failed", why=f"{error}; the lease runs out by itself")
        else:
            self.event("released" if answer.applied else "release-refused")


def work(settings: GateSettings) -> int:
    """The child's whole life; the exit code."""
    log = Log(sys.stdout, lease=settings.lease, holder=settings.holder)
    try:
        watchdog = Watchdog(settings, log)
    except (GuardMissingError, OSError) as error:
        log.event("defect", why=f"cannot start: {error}")
        return DEFECT

    def wait_for_the_end() -> None:
        # A thread, no handler: a handler could interrupt this process while it holds the very lock that the handler needs.
        signal.sigwait(SIGNALS)
        watchdog.terminate()

    threading.Thread(target=wait_for_the_end, name="signals", daemon=True).start()
    return watchdog.run()


def supervise(settings: GateSettings) -> int:
    """Start the child, pass signals on, and say how it ended; the exit code."""
    parent = os.getpid()
    # Held back until somebody is there to take them; in the child that stays so, and a thread waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child == 0:
        code = DEFECT
        try:
            die_with_parent()
            # The parent may have ended before that was arranged.
            code = work(settings) if os.getppid() == parent else DEFECT
        except BaseException:  # noqa: BLE001 - nothing may run the parent's code in the child
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    log = Log(sys.stdout, lease=settings.lease, holder=settings.holder)

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for name in SIGNALS:
        signal.signal(name, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended):
        killed = os.WTERMSIG(ended) == signal.SIGKILL
        log.event(
            "ended-at-deadline" if killed else "defect",
            path="closed",
            why="the kernel ended the watchdog: its lease was about to run out" if killed else f"signal {os.WTERMSIG(ended)}",
        )
        return ENDED_AT_DEADLINE if killed else DEFECT
    return os.waitstatus_to_exitcode(ended)


def main() -> int:
    """Read the settings and work; the exit code."""
    try:
        settings = read(os.environ)
    except GateSettingsError as error:
        log = Log(sys.stdout, lease=os.environ.get("LEASE_NAME", ""))
        for problem in error.problems:
            log.event("wrong-setting", why=problem)
        return WRONG_SETTINGS
    return supervise(settings)


if __name__ == "__main__":
    sys.exit(main())
