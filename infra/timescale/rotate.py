#!/usr/bin/env python3
"""Rotates the cluster's four passwords, on the node that leads; elsewhere it does nothing.

    nautilus-rotate            whatever is older than five days or stands in the stack's state, on Sundays
    nautilus-rotate --now      all four, whatever their age
    nautilus-rotate --finish   only what an interrupted run has left behind

For each secret: the new value becomes AWSPENDING, the role takes it, a login proves it, then it becomes AWSCURRENT, the consumers are told,
and the label AWSPENDING goes last. A run that ends anywhere in between is taken up by the next one with the value that is pending, on this
node or on another leader. Runs on the node's own Python 3.9 with the standard library alone; passwords never stand in an argument.
"""

# ruff: noqa: T201, UP017 (a program of the node: it prints to the journal, and its Python is 3.9)
from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

ORDER = (
    ("REPLICATION_SECRET", "replicator", "postgres"),
    ("REST_SECRET", "", ""),  # Patroni's interface: every node takes it up from the secret
    ("MARKET_SECRET", "market", "market"),
    ("SUPERUSER_SECRET", "postgres", "postgres"),
)
"""Variable of the node's environment, role, and the database that proves a login."""
FRESH = timedelta(days=5)
FIRST = "FIRST"
"""Label of the value with which the stack was made. It stands in the stack's state, so it is never fresh enough to be left alone."""
CA = "/etc/nautilus/tls/ca.crt"


def environment() -> dict[str, str]:
    """The node's environment file."""
    lines = Path(os.environ.get("NODE_ENV", "/etc/nautilus/node.env")).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def run(*command: str, text: str = "", more: dict[str, str] | None = None) -> str:
    """A command's output; its errors go to the journal."""
    done = subprocess.run(
        command, input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=60, env={**os.environ, **(more or {})}
    )
    return done.stdout


def ask(region: str, *command: str, text: str = "") -> Any:
    """An answer of AWS."""
    answer = run("aws", *command, "--region", region, "--output", "json", text=text)
    return json.loads(answer) if answer.strip() else {}


def leads() -> bool:
    """Whether Patroni says that this node is the leader."""
    url = "https://127.0.0.1:8008/primary"
    asked = subprocess.run(
        ["curl", "-fsS", "--max-time", "5", "--cacert", CA, "-o", "/dev/null", url], stderr=subprocess.DEVNULL, check=False
    )
    return asked.returncode == 0


def verifier(password: str) -> str:
    """What PostgreSQL stores for a password (RFC 5803): the password itself then stands in no statement, log or statistics."""
    salt, rounds = os.urandom(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    of_salt, of_stored, of_server = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${rounds}:{of_salt}${of_stored}:{of_server}"


def take(role: str, database: str, password: str) -> None:
    """Give `role` the password, and log in with it. May be repeated."""
    statements = f"SET log_statement = 'none'; SET log_min_duration_statement = -1;\nALTER ROLE {role} PASSWORD '{verifier(password)}';\n"
    psql = ("psql", "--no-psqlrc", "-Atq", "-v", "ON_ERROR_STOP=1")
    run("docker", "exec", "-i", "patroni", *psql, "-d", "postgres", text=statements)
    address = f"host=127.0.0.1 user={role} dbname={database} sslmode=verify-ca sslrootcert={CA} connect_timeout=10"
    run("docker", "exec", "-i", "-e", "PGPASSWORD", "patroni", *psql, "-d", address, text="SELECT 1;\n", more={"PGPASSWORD": password})


def stage(region: str, secret: str, label: str, *, to: str = "", away: str = "") -> None:
    """Move a label from one version to another."""
    moved = (*(("--move-to-version-id", to) if to else ()), *(("--remove-from-version-id", away) if away else ()))
    ask(region, "secretsmanager", "update-secret-version-stage", "--secret-id", secret, "--version-stage", label, *moved)


def tell(region: str, secret: str) -> None:
    """Say so on the event bus, for whoever wants to hear of it."""
    entry = {"Source": "nautilus.timescale", "DetailType": "SecretRotated", "Detail": json.dumps({"secret": secret})}
    answer = ask(region, "events", "put-events", "--entries", json.dumps([entry]))
    if answer.get("FailedEntryCount"):
        raise RuntimeError(f"the event bus refused: {answer}")


def rotate(region: str, secret: str, role: str, database: str, *, now: bool, finish: bool) -> bool:
    """Rotate one secret; False where there is nothing to do."""
    versions = ask(region, "secretsmanager", "list-secret-version-ids", "--secret-id", secret)["Versions"]
    of = {label: one for one in versions for label in one.get("VersionStages", ())}
    current, pending = of["AWSCURRENT"], of.get("AWSPENDING")
    if pending is None:
        made = datetime.fromisoformat(current["CreatedDate"].replace("Z", "+00:00"))
        due = now or FIRST in current["VersionStages"] or datetime.now(timezone.utc) - made > FRESH
        if finish or not due:
            return False
        put = ("put-secret-value", "--secret-id", secret, "--version-stages", "AWSPENDING", "--secret-string", "file:///dev/stdin")
        identity = str(ask(region, "secretsmanager", *put, text=secrets.token_hex(32))["VersionId"])
    else:
        identity = str(pending["VersionId"])
    if identity != current["VersionId"]:
        got = ask(region, "secretsmanager", "get-secret-value", "--secret-id", secret, "--version-id", identity)
        if role:
            take(role, database, got["SecretString"])
        stage(region, secret, "AWSCURRENT", to=identity, away=current["VersionId"])
    tell(region, secret)
    stage(region, secret, "AWSPENDING", away=identity)
    print(f"rotated {secret}", flush=True)
    return True


def main(arguments: list[str]) -> int:
    """The command.

    Returns:
        0 when all is done or this node does not lead, 1 when a secret was left unfinished, 2 for an unknown argument.
    """
    if any(argument not in ("--now", "--finish") for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    # Both timers fire at 02:15: two runs would move the same label, and one of them would call its failure left unfinished.
    folder = Path(os.environ.get("RUN_FOLDER", "/run/nautilus"))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rotate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return turn(arguments) if leads() else 0


def turn(arguments: list[str]) -> int:
    """One secret after the other, on the leader."""
    node, failed, changed = environment(), False, False
    for variable, role, database in ORDER:
        try:
            changed |= rotate(
                node["AWS_DEFAULT_REGION"], node[variable], role, database, now="--now" in arguments, finish="--finish" in arguments
            )
        except (subprocess.SubprocessError, OSError, RuntimeError, KeyError, ValueError) as error:
            # An error of subprocess names the command, which holds no value.
            print(f"{node.get(variable)}: left unfinished: {error}", file=sys.stderr, flush=True)
            failed = True
    if changed:
        run("nautilus-refresh")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
