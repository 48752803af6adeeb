"""`smoke` on the command line: what it asks of a real server, and its exit codes."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from nautilus.runtime.smoke import SECURITY_HEADERS
from tests.cli.conftest import Nautilus


class Site(BaseHTTPRequestHandler):
    """A site: `/`, a health document, a slow path, a WebSocket at `/ws/`."""

    health: ClassVar[str] = '{"status": "healthy"}'
    asked: ClassVar[list[tuple[str, str]]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.asked.append((self.path, self.headers["Host"]))
        if self.path == "/ws/" and self.headers.get("Upgrade") == "websocket":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            return
        if self.path == "/slow":
            time.sleep(0.2)
        body = (self.health if self.path == "/health" else "hello").encode()
        self.send_response(200 if self.path in ("/", "/health", "/slow", "/headers", "/a?b=c") else 404)
        if self.path == "/headers":
            for name in SECURITY_HEADERS:
                self.send_header(name, "x")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base class calls it so
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    monkeypatch.setattr(Site, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_healthy_site(nautilus: Nautilus, site: str) -> None:
    ran = nautilus("smoke", site, "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)
    assert [one["path"] for one in ran.document["results"]] == ["/", "/health"]
    assert [line.split()[:2] for line in nautilus("smoke", site).out.splitlines()] == [["ok", "/"], ["ok", "/health"]]


def test_an_unhealthy_one(nautilus: Nautilus, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Site, "health", '{"status": "degraded"}')
    ran = nautilus("smoke", site, "--json")
    assert (ran.code, ran.document["error"]["code"], ran.document["ok"]) == (1, "smoke", False)
    assert ran.document["error"]["details"] == ["/health: says status 'degraded'"]
    text = nautilus("smoke", site)
    assert text.code == 1
    assert text.out.splitlines()[1].split()[:2] == ["NO", "/health"]
    assert "1 of 2 checks failed" in text.err


def test_the_urls_own_path_and_others(nautilus: Nautilus, site: str) -> None:
    assert nautilus("smoke", f"{site}/a?b=c").code == 0
    assert nautilus("smoke", f"{site}/a").code == 1
    assert [path for path, _ in Site.asked] == ["/a?b=c", "/a"]
    assert nautilus("smoke", site, "--path", "/", "--path", "/nothing").code == 1
    assert nautilus("smoke", site, "--path", "/").code == 0


def test_a_websocket(nautilus: Nautilus, site: str) -> None:
    assert nautilus("smoke", site, "--websocket", "/ws/").code == 0
    ran = nautilus("smoke", site, "--path", "/", "--websocket", "/", "--json")
    assert (ran.code, [one["ok"] for one in ran.document["results"]]) == (1, [True, False])


def test_latency(nautilus: Nautilus, site: str) -> None:
    assert nautilus("smoke", site, "--path", "/slow", "--latency-ms", "100").code == 1
    assert nautilus("smoke", site, "--path", "/slow", "--latency-ms", "5000").code == 0


def test_security_headers(nautilus: Nautilus, site: str) -> None:
    assert nautilus("smoke", site, "--path", "/headers", "--security-headers").code == 0
    assert nautilus("smoke", site, "--path", "/", "--security-headers").code == 1


def test_another_address_keeps_the_name(nautilus: Nautilus, site: str) -> None:
    port = site.rpartition(":")[2]
    assert nautilus("smoke", f"http://trading.example.com:{port}", "--resolve", "127.0.0.1").code == 0
    assert {host for _, host in Site.asked} == {"trading.example.com"}


def test_nobody_listens(nautilus: Nautilus) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert nautilus("smoke", url).code == 1


def test_a_name_that_leads_nowhere_is_no_answer(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    ran = nautilus("smoke", "https://trading.example.com", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "name")


@pytest.mark.parametrize(
    "args",
    [
        ("trading.example.com",),
        ("ftp://trading.example.com",),
        ("https://",),
        ("https://jane:secret@trading.example.com",),
        ("https://jane:secret@trading.example.com:99999",),
        ("https://trading.example.com:99999",),
        ("https://trading.example.com/#top",),
        ("https://trading.example.com", "--path", "health"),
        ("https://trading.example.com", "--path", "/a b"),
        ("https://trading.example.com", "--websocket", "ws"),
        ("https://trading.example.com", "--latency-ms", "0"),
    ],
)
def test_bad_use(nautilus: Nautilus, args: tuple[str, ...]) -> None:
    ran = nautilus("smoke", *args)
    assert ran.code == 2
    assert "secret" not in ran.err
