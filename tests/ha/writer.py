"""A client that writes numbered rows through the multi-host address and keeps, outside every database, which of them were acknowledged."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.ha import libpq
from tests.ha.rendered import PASSWORDS

CLONE_NEWNET = 0x40000000
TABLE = "drill"
CLIENT_TIMEOUTS = "connect_timeout=2 tcp_user_timeout=3000 keepalives_idle=1 keepalives_interval=1 keepalives_count=3"
"""Without them a client of a machine that vanished waits for the kernel's quarter of an hour."""


def address(hosts: tuple[str, ...], session: str = "read-write") -> str:
    """The multi-host address that finds the leader."""
    return (
        f"host={','.join(hosts)} port=5432 dbname=market user=market password={PASSWORDS['market']} "
        f"sslmode=require target_session_attrs={session} {CLIENT_TIMEOUTS}"
    )


@dataclass(frozen=True)
class Acknowledged:
    """A row whose commit the server confirmed."""

    number: int
    asked: float
    """When the statement was sent, in seconds of the monotonic clock."""
    answered: float
    connected: float
    """When its connection was asked for."""


class Writer(threading.Thread):
    """Inserts a row about every `pause` seconds until stopped.

    Args:
        name: Stands in each row, so that two writers do not collide.
        dsn: libpq's address.
        network: Process in whose network the client lives; None: the drill's own.
        pause: Seconds between two rows.
    """

    def __init__(self, name: str, dsn: str, *, network: int | None = None, pause: float = 0.05) -> None:
        super().__init__(name=name, daemon=True)
        self._dsn, self._network, self._pause = dsn, network, pause
        self._over = threading.Event()
        self._held = threading.Event()
        self._idle = threading.Event()
        self.acknowledged: list[Acknowledged] = []
        self.attempts = 0
        self.errors: list[str] = []

    def run(self) -> None:
        """Write; after an error connect again."""
        if self._network is not None:
            with Path(f"/proc/{self._network}/ns/net").open() as place:
                if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET):  # this thread's alone
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        connection: libpq.Connection | None = None
        connected = 0.0
        while not self._over.is_set():
            if self._held.is_set():
                self._idle.set()
                self._over.wait(0.02)
                continue
            self._idle.clear()
            try:
                if connection is None:
                    connected = time.monotonic()
                    connection = libpq.Connection(self._dsn)
                self.attempts += 1
                number, asked = self.attempts, time.monotonic()
                connection.run(f"insert into {TABLE} (writer, number) values ('{self.name}', {number})")
                self.acknowledged.append(Acknowledged(number, asked, time.monotonic(), connected))
            except libpq.Error as error:
                self.errors.append(str(error).splitlines()[0] if str(error) else "connection lost")
                if connection:
                    connection.close()
                connection = None
                self._over.wait(0.1)
            self._over.wait(self._pause)
        if connection:
            connection.close()

    def first_after(self, moment: float) -> float | None:
        """Seconds from `moment` to the first acknowledgement by a server that was looked for after it.

        A row on an older connection proves nothing: the kernel may deliver, and an orphaned server process answer, one more after the harm.
        """
        return next((each.answered - moment for each in list(self.acknowledged) if each.connected >= moment), None)

    def hold(self) -> None:
        """Stop writing for a while; returns when nothing is on its way."""
        self._idle.clear()
        self._held.set()
        if not self._idle.wait(20):
            raise TimeoutError(f"writer {self.name}: a row is still on its way")

    def resume(self) -> None:
        """Write on."""
        self._held.clear()

    def stop(self) -> None:
        """Write no more; a call that hangs is left behind."""
        self._over.set()
        self.join(10)
