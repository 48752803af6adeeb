"""The watchdog's state for its neighbours in the task: HTTP on loopback, without TLS, read only."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class State:
    """What is asked for: `/health`, `/held`, `/status`."""

    healthy: Callable[[], bool]
    held: Callable[[], bool]
    status: Callable[[], dict[str, Any]]


def serve(port: int, state: State) -> ThreadingHTTPServer:
    """Answer on 127.0.0.1 from a thread of its own.

    `/health` and `/held` are 200 or 503; every answer's body is the state as JSON.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            """Answer."""
            match self.path:
                case "/health":
                    code = 200 if state.healthy() else 503
                case "/held":
                    code = 200 if state.held() else 503
                case "/status":
                    code = 200
                case _:
                    code = 404
            body = json.dumps(state.status(), sort_keys=True).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
            """Say nothing: a neighbour asks every second."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server
