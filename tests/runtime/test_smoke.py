"""The smoke test against real servers on this machine: answers, headers, time, TLS by name, and the WebSocket handshake."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nautilus.runtime import smoke
from nautilus.runtime.smoke import Check, Target, checks_from, run
from tests.lambdas.tls import issue

HOST = "trading.example.com"


class Site(BaseHTTPRequestHandler):
    """A service with one path for each way to be wrong."""

    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.path == "/ws/":
            self._upgrade(proof=True)
        elif self.path == "/ws/liar":
            self._upgrade(proof=False)
        elif self.path == "/slow":
            time.sleep(0.15)
            self._say(200, b"{}")
        elif self.path == "/moved":
            self._say(302, b"", {"Location": "/health"})
        else:
            body = {
                "/health": b'{"status": "Healthy"}',
                "/sick": b'{"status": "degraded"}',
                "/list": b"[]",
                "/text": b"fine",
                "/plain": b"{}",
            }.get(self.path)
            self._say(200 if body is not None else 503, body or b"no", {"X-Content-Type-Options": "nosniff", "X-Empty": " "})

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _upgrade(self, *, proof: bool) -> None:
        key = self.headers["Sec-WebSocket-Key"] if proof else "something else"
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.send_response(101)
        for name, value in (
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", base64.b64encode(digest).decode()),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[int]:
    """The site on a port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    if wrap is not None:
        server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def plain() -> Iterator[Target]:
    with served() as port:
        yield Target(host=HOST, address="127.0.0.1", port=port, tls=False, seconds=2)


def one(target: Target, **check: Any) -> smoke.Result:
    [result] = run(target, [Check(**check)]).results
    return result


@pytest.mark.parametrize(
    ("check", "detail"),
    [
        ({"path": "/health"}, None),
        ({"path": "/health", "health": True}, None),
        ({"path": "/plain", "health": True}, None),
        ({"path": "/health", "headers": ("x-content-type-options",)}, None),
        ({"path": "/ws/", "websocket": True}, None),
        ({"path": "/absent", "status": 503}, None),
        ({"path": "/absent"}, "answered 503, not 200"),
        ({"path": "/moved"}, "answered 302, not 200"),
        ({"path": "/sick", "health": True}, "says status 'degraded'"),
        ({"path": "/text", "health": True}, "is no JSON document"),
        ({"path": "/list", "health": True}, "is no JSON object"),
        ({"path": "/health", "headers": ("strict-transport-security", "x-empty")}, "has no header strict-transport-security, x-empty"),
        ({"path": "/slow", "most_ms": 50}, "more than 50"),
        ({"path": "/ws/liar", "websocket": True}, "without proof"),
        ({"path": "/health", "websocket": True}, "answered 200 to a WebSocket handshake"),
    ],
)
def test_each_check_passes_what_is_right_and_names_what_is_wrong(plain: Target, check: dict[str, Any], detail: str | None) -> None:
    result = one(plain, **check)
    assert result.ok is (detail is None)
    assert detail is None or detail in result.detail
    assert result.millis is not None


def test_requests_carry_the_visitors_name_and_an_agent(plain: Target) -> None:
    Site.seen.clear()
    assert run(plain, [Check(path="/health"), Check(path="/ws/", websocket=True)]).ok
    assert [seen["host"] for seen in Site.seen] == [HOST, HOST]
    assert all(seen["user-agent"] for seen in Site.seen)


def test_nobody_there_and_silence_are_failures_and_no_crash() -> None:
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        port = quiet.getsockname()[1]
        gone = one(Target(host=HOST, address="127.0.0.1", port=port, tls=False, seconds=1))
        quiet.listen()
        silent = one(Target(host=HOST, address="127.0.0.1", port=port, tls=False, seconds=0.2))
        shaken = one(Target(host=HOST, address="127.0.0.1", port=port, seconds=0.2))
    assert (gone.ok, gone.status, "no answer" in gone.detail) == (False, None, True)
    assert (silent.ok, silent.detail) == (False, "no answer in time")
    assert not shaken.ok


def test_checks_after_the_deadline_are_not_tried_and_fail(plain: Target) -> None:
    clock = iter(range(100))
    report = run(plain, [Check(path="/health")] * 3, until=1, clock=lambda: float(next(clock)))
    assert [result.ok for result in report.results] == [True, False, False]
    assert "time was used up" in report.problems


def test_a_report_without_checks_is_no_success_and_documents_say_everything(plain: Target) -> None:
    assert not run(plain, []).ok
    report = run(plain, [Check(path="/health"), Check(path="/absent")])
    assert not report.ok
    assert report.problems == "/absent: answered 503, not 200"
    document = report.as_json()
    assert document["ok"] is False
    assert [result["status"] for result in document["results"]] == [200, 503]


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Target]:
    made = issue(tmp_path, HOST)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.chain)
    with served(lambda plain: server.wrap_socket(plain, server_side=True)) as port:
        trust = ssl.create_default_context(cadata=made.authority)
        yield Target(host=HOST, address="127.0.0.1", port=port, seconds=2, context=trust)


def test_the_certificate_must_be_of_the_name_and_of_a_known_authority(certified: Target) -> None:
    assert one(certified, path="/health", health=True).ok
    assert one(certified, path="/ws/", websocket=True).ok
    for wrong in (replace(certified, host="other.example.com"), replace(certified, context=None)):
        result = one(wrong, path="/health")
        assert not result.ok
        assert "certificate is refused" in result.detail


def test_checks_come_from_paths_and_objects() -> None:
    assert checks_from(["/health", {"path": "/ws/", "websocket": True}, {"path": "/", "headers": ["a"], "most_ms": 100}]) == (
        Check(path="/health"),
        Check(path="/ws/", websocket=True),
        Check(path="/", headers=("a",), most_ms=100),
    )


@pytest.mark.parametrize(
    "items",
    [[], ["health"], [3], [None], [{}], [{"path": "/", "statsu": 200}], [{"path": "/", "status": "200"}], [{"path": "/", "headers": "a"}]],
)
def test_what_is_no_check_is_refused(items: list[Any]) -> None:
    with pytest.raises(ValueError):
        checks_from(items)
