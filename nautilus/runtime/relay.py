"""The path itself: connections from the protected process to the other side, forwarded only while the lease stands.

One thread, non-blocking sockets, at most one chunk a direction in memory. The route is asked again before every write, also of what is
left of a chunk. All sockets are set to reset on close, so that neither a normal end of the path nor a killed process leaves
bytes behind that the kernel would still deliver.
"""

from __future__ import annotations

import fcntl
import selectors
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nautilus.runtime.lease import Route

CHUNK = 16_384
"""Bytes forwarded between two looks at the deadline."""
SEND_BUFFER = 65_536
"""Bytes that the kernel may keep for an upstream that does not read; dropped with the reset."""
LOOK_SECONDS = 0.02
"""Longest time between two looks at the route while nothing is sent."""
CONNECT_SECONDS = 5.0
MOST_CONNECTIONS = 64

Report = Callable[..., None]


def prepare(one: socket.socket) -> None:
    """Non-blocking, without delay, and reset instead of a polite end."""
    one.setblocking(False)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def unsent(one: socket.socket) -> int:
    """Bytes that the other side has not confirmed yet."""
    return int(struct.unpack("i", fcntl.ioctl(one, termios.TIOCOUTQ, bytes(4)))[0])


@dataclass(eq=False)
class _Side:
    """One end of a connection, and what came from it and waits for the other end."""

    socket: socket.socket
    waiting: bytes = b""
    ended: bool = False
    told: bool = False


@dataclass(eq=False)
class _Pair:
    """The protected process's connection and ours to the other side."""

    route: Route
    near: _Side
    far: _Side
    begun: float = field(default_factory=time.monotonic)
    connected: bool = False

    def other(self, side: _Side) -> _Side:
        return self.far if side is self.near else self.near

    def done(self) -> bool:
        """Both sides have ended and everything has arrived."""
        return self.near.told and self.far.told and not unsent(self.near.socket) and not unsent(self.far.socket)


class Relay:
    """Listens on loopback and forwards while `route` gives the same answer as when the connection began."""

    def __init__(self, listen: tuple[str, int], port: int, route: Callable[[], Route | None], report: Report) -> None:
        """Listen at once: the port must be free.

        Args:
            listen: Where the protected process connects to.
            port: Port on the other side.
            route: Where the path leads now, None while closed. Called from this relay's thread.
            report: Takes an event's name and fields.

        Raises:
            OSError: the port is taken.
        """
        self._port, self._route, self._report = port, route, report
        self._pairs: set[_Pair] = set()
        self._selector = selectors.DefaultSelector()
        self._server = socket.create_server(listen, backlog=MOST_CONNECTIONS)
        self._server.setblocking(False)
        self._selector.register(self._server, selectors.EVENT_READ, None)
        self._stop = threading.Event()
        self._refused = -3600.0
        self.closed = threading.Event()
        """Set when nothing is open any more and nothing will be."""

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._pairs)

    def stop(self) -> None:
        """Reset everything and end the thread."""
        self._stop.set()

    def run(self) -> None:
        """Forward until stopped."""
        try:
            while not self._stop.is_set():
                self._look()
                for key, events in self._selector.select(LOOK_SECONDS):
                    if key.data is None:
                        self._accept()
                    else:
                        pair, side = key.data
                        if pair in self._pairs:
                            self._serve(pair, side, events)
        finally:
            for pair in list(self._pairs):
                self._reset(pair, "the watchdog stops")
            self._server.close()
            self._selector.close()
            self.closed.set()

    # --- connections ---------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """End what may not go on."""
        now = time.monotonic()
        for pair in list(self._pairs):
            if self._route() != pair.route:
                self._reset(pair, "the path closed")
            elif not pair.connected and now - pair.begun > CONNECT_SECONDS:
                self._reset(pair, f"{pair.route.address}:{self._port} does not answer within {CONNECT_SECONDS:g} s")
            elif pair.connected and pair.done():
                self._reset(pair, "")

    def _accept(self) -> None:
        try:
            near, _ = self._server.accept()
        except OSError:
            return
        prepare(near)
        route = self._route()
        if route is None or len(self._pairs) >= MOST_CONNECTIONS:
            near.close()
            if time.monotonic() - self._refused > 10:
                self._refused = time.monotonic()
                self._report("refused", why="the path is closed" if route is None else f"{MOST_CONNECTIONS} connections are open")
            return
        far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        prepare(far)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        pair = _Pair(route, _Side(near), _Side(far))
        far.connect_ex((route.address, self._port))
        self._pairs.add(pair)
        self._selector.register(far, selectors.EVENT_WRITE, (pair, pair.far))

    def _serve(self, pair: _Pair, side: _Side, events: int) -> None:
        try:
            if not pair.connected:
                self._connected(pair)
                return
            if events & selectors.EVENT_READ and not side.waiting and not side.ended:
                side.waiting = side.socket.recv(CHUNK)
                side.ended = not side.waiting
            for one in (side, pair.other(side)):
                if not self._flush(pair, one):
                    return
        except BlockingIOError:
            pass
        except OSError as error:
            self._reset(pair, f"a side broke off: {error}")
            return
        self._watch(pair)

    def _connected(self, pair: _Pair) -> None:
        error = pair.far.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._reset(pair, f"cannot connect to {pair.route.address}:{self._port}: error {error}")
            return
        pair.connected = True
        self._selector.register(pair.near.socket, selectors.EVENT_READ, (pair, pair.near))
        self._report("connected", upstream=pair.route.address)
        self._watch(pair)

    def _flush(self, pair: _Pair, side: _Side) -> bool:
        """Forward what came from `side`; False when the connection had to be reset."""
        target = pair.other(side).socket
        if side.waiting:
            if self._route() != pair.route:
                self._reset(pair, "the path closed")
                return False
            try:
                side.waiting = side.waiting[target.send(side.waiting) :]
            except BlockingIOError:
                return True
        if side.ended and not side.waiting and not side.told:
            side.told = True
            target.shutdown(socket.SHUT_WR)
        return True

    def _watch(self, pair: _Pair) -> None:
        """Wait for what each side can do next."""
        if pair not in self._pairs:
            return
        for side in (pair.near, pair.far):
            wanted = selectors.EVENT_READ if not side.waiting and not side.ended else 0
            if pair.other(side).waiting:
                wanted |= selectors.EVENT_WRITE
            registered = side.socket in self._selector.get_map()
            if wanted and registered:
                self._selector.modify(side.socket, wanted, (pair, side))
            elif wanted:
                self._selector.register(side.socket, wanted, (pair, side))
            elif registered:
                self._selector.unregister(side.socket)

    def _reset(self, pair: _Pair, why: str) -> None:
        self._pairs.discard(pair)
        for side in (pair.near, pair.far):
            if side.socket in self._selector.get_map():
                self._selector.unregister(side.socket)
            side.socket.close()
        if why:
            self._report("connection-reset", upstream=pair.route.address, why=why)
