"""Who takes itself for the leader: every node's PostgreSQL is asked on its own socket, which no cut network hides, five times a second."""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ha import libpq

EVERY = 0.2
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Reign:
    """A time in which a node said at every question that it takes writes; monotonic seconds."""

    node: str
    begun: float
    ended: float


def _ask(node: str, folder: str, out: int) -> None:
    connection: libpq.Connection | None = None
    while True:
        asked = time.monotonic()
        try:
            connection = connection or libpq.Connection(f"host={folder} port=5432 dbname=postgres user=postgres connect_timeout=2")
            state = "replica" if connection.run("select pg_is_in_recovery()") == [("t",)] else "leader"
        except libpq.Error:
            if connection:
                connection.close()
            connection, state = None, "down"
        os.write(out, f"{node} {asked:.3f} {time.monotonic():.3f} {state}\n".encode())
        time.sleep(EVERY)


class Watch:
    """A process of the database's own user (its socket admits nobody else) that writes down what the nodes say of themselves."""

    def __init__(self, sockets: dict[str, Path], record: Path, user: int) -> None:
        self.record = record
        out = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._pid = os.fork()
        if self._pid:
            os.close(out)
            return
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for node, folder in sockets.items():
                threading.Thread(target=_ask, args=(node, str(folder), out), daemon=True).start()
            while True:
                signal.pause()
        finally:
            os._exit(1)

    def stop(self) -> None:
        """End it."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def samples(self) -> list[tuple[str, float, float, str]]:
        """Node, asked, answered, state; in order of the answers."""
        found: list[tuple[str, float, float, str]] = []
        for line in self.record.read_text().splitlines():
            node, asked, answered, state = line.split()
            found.append((node, float(asked), float(answered), state))
        return found


def reigns(samples: Sequence[tuple[str, float, float, str]]) -> list[Reign]:
    """Unbroken times of leadership, each from its first answer to its last question."""
    found: list[Reign] = []
    for node in sorted({sample[0] for sample in samples}):
        mine = (sample for sample in samples if sample[0] == node)
        for state, run in itertools.groupby(mine, key=lambda sample: sample[3]):
            group = list(run)
            if state == "leader":
                found.append(Reign(node, group[0][2], max(group[0][2], group[-1][1])))
    return sorted(found, key=lambda reign: reign.begun)


def overlap(found: Sequence[Reign]) -> float:
    """Seconds in which two nodes took themselves for the leader."""
    return sum(
        max(0.0, min(one.ended, other.ended) - max(one.begun, other.begun))
        for one, other in itertools.combinations(found, 2)
        if one.node != other.node
    )
