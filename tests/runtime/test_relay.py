"""The relay with real sockets: whole streams arrive, and nothing leaves once the route is another or none."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from nautilus.runtime.lease import Route
from nautilus.runtime.relay import MOST_CONNECTIONS, SEND_BUFFER, Relay, unsent
from tests.servers import free_port

HERE = Route("127.0.0.1", 1, 1)


class Bench:
    """A relay in a thread, whose route the test decides, and the server behind it."""

    def __init__(self) -> None:
        self.route: Route | None = HERE
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = free_port()
        self.relay = Relay(
            ("127.0.0.1", self.port),
            int(self.server.getsockname()[1]),
            lambda: self.route,
            lambda event, **fields: self.events.append((event, fields)),
        )
        self.thread = threading.Thread(target=self.relay.run, daemon=True)
        self.thread.start()

    def client(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A client, and what the server sees of it."""
        near = self.client()
        far, _ = self.server.accept()
        far.settimeout(10)
        return near, far

    def close(self) -> None:
        self.relay.stop()
        self.thread.join()
        self.server.close()


@pytest.fixture
def bench() -> Generator[Bench]:
    found = Bench()
    yield found
    found.close()


def heard(bench: Bench, event: str, seconds: float = 10.0) -> None:
    """Wait for an event: the relay's own thread says it after the sockets are gone."""
    end = time.monotonic() + seconds
    while event not in {one for one, _ in bench.events} and time.monotonic() < end:
        time.sleep(0.01)


def everything(one: socket.socket) -> bytes:
    """What arrives until a polite end."""
    found = bytearray()
    while data := one.recv(65536):
        found += data
    return bytes(found)


def test_whole_streams_arrive_both_ways_although_sockets_reset_on_close(bench: Bench) -> None:
    near, far = bench.pair()
    question, answer = bytes(range(256)) * 20_000, bytes(reversed(range(256))) * 12_000
    with near, far:
        sender = threading.Thread(target=lambda: (near.sendall(question), near.shutdown(socket.SHUT_WR)))
        sender.start()
        assert everything(far) == question
        far.sendall(answer[:1000])
        replier = threading.Thread(target=lambda: (far.sendall(answer[1000:]), far.shutdown(socket.SHUT_WR)))
        replier.start()
        assert everything(near) == answer
        sender.join()
        replier.join()
    end = time.monotonic() + 5
    while bench.relay.connections:
        assert time.monotonic() < end, "an ended connection stays"
        time.sleep(0.02)
    assert [event for event, _ in bench.events] == ["connected"]


@pytest.mark.parametrize("then", [None, Route("127.0.0.1", 1, 2), Route("127.0.0.1", 2, 1)])
def test_nothing_leaves_once_the_route_is_another(bench: Bench, then: Route | None) -> None:
    near, far = bench.pair()
    with near, far:
        near.sendall(b"before")
        assert far.recv(100) == b"before"
        bench.route = then
        with contextlib.suppress(OSError):
            near.sendall(b"after")
        with pytest.raises(ConnectionResetError):
            far.recv(100)
        with pytest.raises(ConnectionResetError):
            near.recv(100)
    heard(bench, "connection-reset")
    assert ("connection-reset", {"upstream": "127.0.0.1", "why": "the path closed"}) in bench.events


def test_what_the_kernel_had_not_sent_is_dropped_with_the_route(bench: Bench) -> None:
    bench.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    near, far = bench.pair()
    with near, far:
        near.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while True:
                sent += near.send(bytes(65536))
        bench.route = None
        time.sleep(0.2)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while data := far.recv(65536):
                got += len(data)
        # At most what already lay in the receiver's own buffer; the rest waited on this side of it.
        assert got < SEND_BUFFER < sent


def test_a_closed_path_refuses_at_once_and_says_so_once(bench: Bench) -> None:
    bench.route = None
    for _ in range(3):
        # The reset may come before connecting is over.
        with pytest.raises(ConnectionResetError), bench.client() as near:
            near.recv(1)
    heard(bench, "refused")
    assert [event for event, _ in bench.events] == ["refused"]
    bench.route = HERE
    near, far = bench.pair()
    with near, far:
        near.sendall(b"x")
        assert far.recv(1) == b"x"


def test_nobody_on_the_other_side_is_a_reset(bench: Bench) -> None:
    bench.server.close()
    with pytest.raises(ConnectionResetError), bench.client() as near:
        near.recv(1)
    heard(bench, "connection-reset")
    assert [event for event, _ in bench.events] == ["connection-reset"]
    assert "cannot connect" in bench.events[0][1]["why"]


def test_connections_have_a_bound(bench: Bench) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            for one in bench.pair():
                stack.enter_context(one)
        with pytest.raises(ConnectionResetError), bench.client() as near:
            near.recv(1)
        end = time.monotonic() + 5
        while ("refused", {"why": f"{MOST_CONNECTIONS} connections are open"}) not in bench.events:
            assert time.monotonic() < end, "nobody says so"
            time.sleep(0.02)


def test_a_stopped_relay_resets_everything_and_frees_its_port(bench: Bench) -> None:
    near, far = bench.pair()
    with near, far:
        near.sendall(b"x")
        assert far.recv(1) == b"x"
        bench.relay.stop()
        assert bench.relay.closed.wait(2)
        with pytest.raises(ConnectionResetError):
            far.recv(1)
    with pytest.raises(ConnectionRefusedError):
        bench.client()
    assert bench.relay.connections == 0


def test_unsent_counts_what_was_not_confirmed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.create_connection(server.getsockname()) as one:
            assert unsent(one) == 0
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    one.send(bytes(65536))
            assert unsent(one) > 0
