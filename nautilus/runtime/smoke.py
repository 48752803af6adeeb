"""The smoke test of a web service: a handful of requests that a version must answer before it gets traffic.

The rollout hook runs it against the test listener, and `nautilus smoke` against any address. One request a check, no retries: who asks
decides whether to ask again. Certificates are always verified, for the name that the visitors use.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SECURITY_HEADERS = (
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "content-security-policy",
    "referrer-policy",
)
"""What CloudFront adds to every answer (seed 004). The load balancer behind it adds none, so the hook does not ask for them."""

HEALTHY = frozenset({"healthy", "ok", "pass", "up"})
"""What `status` of a health document may say, in any case."""

AGENT = "nautilus-smoke/1"
"""The web firewall refuses requests without an agent."""

MOST_BYTES = 65_536
"""How much of a body is read."""

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455's constant, which a server proves with that it speaks WebSocket."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the requests go."""

    host: str
    """Name in SNI, in the certificate and in `Host`."""
    address: str | None = None
    """What the connection is opened to, an address or a name; None is `host`."""
    port: int = 443
    tls: bool = True
    seconds: float = 5.0
    """Longest wait for a connection, and for each part of an answer."""
    context: ssl.SSLContext | None = None
    """How certificates are verified; None trusts the system's authorities."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One request, and what the answer must be."""

    path: str = "/"
    status: int = 200
    health: bool = False
    """The body is a JSON object, and its `status`, where it has one, is one of HEALTHY."""
    most_ms: float | None = None
    """Longest time until the whole answer is there, in milliseconds, the connection not counted."""
    headers: tuple[str, ...] = ()
    """Headers that must be there with a value, in small letters."""
    websocket: bool = False
    """The path takes a WebSocket handshake (101) instead of a plain request; `status` and `health` do not matter then."""


@dataclass(frozen=True)
class Result:
    """How one check went."""

    path: str
    ok: bool
    detail: str
    """What was wrong, or what came, for people."""
    status: int | None = None
    millis: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {"path": self.path, "ok": self.ok, "detail": self.detail, "status": self.status, "millis": self.millis}


@dataclass(frozen=True)
class Report:
    """How the checks went."""

    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed, and there was one at all."""
        return bool(self.results) and all(result.ok for result in self.results)

    @property
    def problems(self) -> str:
        """What failed, in one line."""
        return "; ".join(f"{result.path}: {result.detail}" for result in self.results if not result.ok)

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {"ok": self.ok, "results": [result.as_json() for result in self.results]}


def checks_from(items: Iterable[Any]) -> tuple[Check, ...]:
    """Checks from JSON: a path, or an object with the fields of `Check`.

    Raises:
        ValueError: An item is neither, or there is none.
    """
    found = tuple(_read(item) for item in items)
    if not found:
        raise ValueError("there is no smoke check")
    return found


_KINDS: Mapping[str, tuple[type, ...]] = {
    "path": (str,),
    "status": (int,),
    "health": (bool,),
    "most_ms": (int, float),
    "headers": (list, tuple),
    "websocket": (bool,),
}


def _read(item: Any) -> Check:
    fields: dict[str, Any] = {"path": item} if isinstance(item, str) else dict(item) if isinstance(item, dict) else {}
    wrong = [name for name, value in fields.items() if not isinstance(value, _KINDS.get(name, ()))]
    if wrong or not str(fields.get("path", "")).startswith("/"):
        raise ValueError(f"a smoke check cannot be read: {item!r}")
    made: dict[str, Any] = {**fields, "headers": tuple(str(name) for name in fields.get("headers", ()))}
    return Check(**made)


def run(target: Target, checks: Sequence[Check], *, until: float | None = None, clock: Callable[[], float] = time.monotonic) -> Report:
    """Every check against the target, each over a connection of its own.

    Args:
        target: Where.
        checks: What.
        until: Reading of `clock` after which no check is started any more; those left over fail.
        clock: Seconds, rising.
    """
    results: list[Result] = []
    for check in checks:
        if until is not None and clock() >= until:
            results.append(Result(check.path, False, "not tried: the time was used up"))
            continue
        results.append(_one(target, check, clock))
    return Report(tuple(results))


def _one(target: Target, check: Check, clock: Callable[[], float]) -> Result:
    try:
        connection = _Connection(target)
    except (OSError, ssl.SSLError) as failed:
        return Result(check.path, False, _why(failed))
    try:
        return (_handshake if check.websocket else _request)(connection, target, check, clock)
    except (OSError, http.client.HTTPException) as failed:
        return Result(check.path, False, _why(failed))
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection to an address under another name, opened at once."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=target.seconds)
        plain = socket.create_connection((target.address or target.host, target.port), timeout=target.seconds)
        if not target.tls:
            self.sock = plain
            return
        try:
            context = target.context or ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=target.host)
        except (OSError, ValueError):
            plain.close()
            raise


def _host(target: Target) -> str:
    # The listener's port is no business of the application: it must answer as it will on the usual one.
    return target.host


def _request(connection: _Connection, target: Target, check: Check, clock: Callable[[], float]) -> Result:
    began = clock()
    connection.request("GET", check.path, headers={"Host": _host(target), "User-Agent": AGENT, "Accept": "*/*", "Connection": "close"})
    answer = connection.getresponse()
    body = answer.read(MOST_BYTES)
    millis = round((clock() - began) * 1000, 1)
    problem = _problem(check, answer, body, millis)
    return Result(check.path, problem is None, problem or f"{answer.status} in {millis:g} ms", answer.status, millis)


def _problem(check: Check, answer: http.client.HTTPResponse, body: bytes, millis: float) -> str | None:
    if answer.status != check.status:
        return f"answered {answer.status}, not {check.status}"
    if check.health and (problem := _unhealthy(body)):
        return problem
    missing = [name for name in check.headers if not (answer.getheader(name) or "").strip()]
    if missing:
        return f"has no header {', '.join(missing)}"
    if check.most_ms is not None and millis > check.most_ms:
        return f"took {millis:g} ms, more than {check.most_ms:g}"
    return None


def _unhealthy(body: bytes) -> str | None:
    try:
        document: Any = json.loads(body)
    except ValueError:
        return "is no JSON document"
    if not isinstance(document, dict):
        return "is no JSON object"
    status = document.get("status")
    return None if status is None or str(status).lower() in HEALTHY else f"says status {status!r}"


def _handshake(connection: _Connection, target: Target, check: Check, clock: Callable[[], float]) -> Result:
    key = base64.b64encode(os.urandom(16)).decode()
    began = clock()
    wanted = {
        "Host": _host(target),
        "User-Agent": AGENT,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Origin": f"{'https' if target.tls else 'http'}://{target.host}",
    }
    connection.request("GET", check.path, headers=wanted)
    answer = connection.getresponse()
    millis = round((clock() - began) * 1000, 1)
    accepted = base64.b64encode(hashlib.sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()).decode()
    problem: str | None = None
    if answer.status != 101:
        problem = f"answered {answer.status} to a WebSocket handshake, not 101"
    elif answer.getheader("Sec-WebSocket-Accept") != accepted:
        problem = "answered 101 without proof that it speaks WebSocket"
    elif check.most_ms is not None and millis > check.most_ms:
        problem = f"took {millis:g} ms, more than {check.most_ms:g}"
    return Result(check.path, problem is None, problem or f"WebSocket in {millis:g} ms", answer.status, millis)


def _why(failed: Exception) -> str:
    if isinstance(failed, ssl.SSLCertVerificationError):
        return f"the certificate is refused: {failed.verify_message}"
    if isinstance(failed, TimeoutError):
        return "no answer in time"
    return f"no answer: {failed or type(failed).__name__}"
