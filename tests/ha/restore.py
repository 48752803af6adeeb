"""Restores on a machine that has nothing but the repository: no network, no peer, no volume of the cluster."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

from infra.plan.timescale import SCOPE, Cluster
from tests.ha.nodes import USER, Machine, wait_for
from tests.ha.writer import TABLE

DATA = "/var/lib/postgresql/data"
CONFIGURATION = {"PGBACKREST_CONFIG": "/etc/nautilus/pgbackrest.conf"}


def restored(place: Path, repository: Path, whole: Cluster, moment: datetime | None = None) -> tuple[dict[str, set[int]], float]:
    """Restore into a new directory, to the end of the archive or to `moment`, and read the rows by writer.

    Returns:
        Numbers of the rows by writer, and the seconds that it took until they could be read.

    Raises:
        RuntimeError: pgBackRest or the server failed.
    """
    machine = Machine("restore", place, repository, place / "parameters")
    machine.parameters.mkdir(parents=True)
    machine.prepare()
    machine.furnish(whole, whole.nodes[0])
    machine.start()
    begun = time.monotonic()
    try:
        wait_for("restore machine", lambda: "ready" in (place / "supervisor.log").read_text(), 10, 0.02)
        machine.run(
            "install", "-d", "-o", str(USER), "-g", str(USER), "-m", "0700", "/var/lib/postgresql", "/var/lib/postgresql/spool", DATA
        )
        target = [] if moment is None else ["--type=time", f"--target={moment.isoformat(sep=' ')}", "--target-action=promote"]
        # Nothing of this machine may reach the archive that it reads.
        command = ["pgbackrest", f"--stanza={SCOPE}", "--archive-mode=off", *target, "restore"]
        machine.run(*command, user=USER, environment=CONFIGURATION)
        options = ("listen_addresses=", "ssl=off", "hot_standby=off", "unix_socket_directories=/run/postgresql", "logging_collector=off")
        settings = [part for option in options for part in ("-c", option)]
        log = "/var/log/restored.log"
        machine.run("install", "-o", str(USER), "-m", "0600", "/dev/null", log)
        machine.run(
            "pg_ctl",
            "-D",
            DATA,
            "-l",
            log,
            "-t",
            "60",
            "-o",
            " ".join(f"'{part}'" for part in settings),
            "start",
            user=USER,
            environment=CONFIGURATION,
        )
        ask = ("psql", "-X", "-A", "-t", "-h", "/run/postgresql", "-d", SCOPE, "-c")
        asked = machine.within(*ask, "select 1", user=USER)
        # Connections are let in when the log is replayed to its end and not before.
        wait_for("restored database", lambda: not subprocess.run(asked, check=False, capture_output=True).returncode, 90, 0.2)
        rows = machine.run(*ask, f"select writer, number from {TABLE}", user=USER)
        took = time.monotonic() - begun
        found: dict[str, set[int]] = {}
        for line in rows.split():
            writer, number = line.split("|")
            found.setdefault(writer, set()).add(int(number))
        return found, took
    except (RuntimeError, TimeoutError) as error:
        raise RuntimeError(f"{error}\n{machine.logs()}") from error
    finally:
        machine.kill()
        shutil.rmtree(place, ignore_errors=True)
