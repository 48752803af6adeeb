"""Applies numbered SQL files to a database, one transaction each, and checks the data: the reference program of `jobs.migrations`.

It lives in the backend's image. What `nautilus migrate` expects of it, or of any program in its place, is the last argument, the exit code
and the lines on stdout: docs/migrations.md. It needs PostgreSQL 14 or later, Python 3.11, and pg8000.

Environment: DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD, _SSLMODE, _CA and TIMESCALE_HOST, _PORT, _DATABASE, _USER, _PASSWORD, _SSLMODE;
MIGRATIONS_LOCK_SECONDS and MIGRATIONS_STATEMENT_SECONDS. Files: `sql/relational/` and `sql/market/` beside this program.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

try:
    from datacheck import Connection, check, counts, read_protected, shrunk  # in the image, the folder is the root
    from sqltext import transaction_control
except ImportError:
    from containers.migrations.datacheck import Connection, check, counts, read_protected, shrunk
    from containers.migrations.sqltext import transaction_control

HERE = Path(__file__).resolve().parent
LOCK = 0x6E61_7574
"""Key of the advisory lock: one runner at a time in a database. The server releases it when the runner's connection ends, however it ends."""
TRIES = 3
"""How often a file is tried whose transaction PostgreSQL gave up for another's sake."""
SCHEMA = "nautilus_migrations"
_FILE = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+\.sql")
_MAY_SHRINK = re.compile(r"^-- may-shrink: (?P<table>\S+)\s*$", re.MULTILINE)
_CONFLICTS = {"40001", "40P01"}
_LOCK_NOT_AVAILABLE = "55P03"

Emit = Callable[..., None]


class Mode(StrEnum):
    """The last argument."""

    CHECK = "check"
    DRY_RUN = "dry-run"
    EXECUTE = "execute"


class RefusedError(Exception):
    """The answer is no: exit code 1."""


class UnclearError(Exception):
    """There is no answer: exit code 3."""


@dataclass(frozen=True)
class File:
    """A migration."""

    number: int
    name: str
    sql: str
    sha256: str
    may_shrink: frozenset[str]


@dataclass(frozen=True)
class Folder:
    """The migrations of a database."""

    files: tuple[File, ...]
    protected: tuple[str, ...]


def read_folder(path: Path) -> Folder:
    """The files of a folder, in the order of their numbers.

    Raises:
        RefusedError: a name without its number, a number twice, a file that ends its transaction, or that is not text.
    """
    files: list[File] = []
    for file in sorted(path.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise RefusedError(f"{file.name} is not called 0001_some_words.sql")
        raw = file.read_bytes()
        try:
            sql = raw.decode()
            breaks = transaction_control(sql)
        except ValueError as error:
            raise RefusedError(f"{file.name}: {error}") from None
        if breaks:
            raise RefusedError(f"{file.name} must leave its transaction alone: {'; '.join(breaks)}")
        allowed = frozenset(one["table"] for one in _MAY_SHRINK.finditer(sql))
        files.append(File(int(match["number"]), file.name, sql, hashlib.sha256(raw).hexdigest(), allowed))
    numbers = [file.number for file in files]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise RefusedError(f"{path.name} has these numbers twice: {', '.join(f'{number:04}' for number in twice)}")
    listed = path / "protected.txt"
    try:
        return Folder(tuple(files), read_protected(listed.read_text("utf-8")) if listed.exists() else ())
    except ValueError as error:
        raise RefusedError(str(error)) from None


def _state(error: DatabaseError) -> str:
    found = error.args[0] if error.args else None
    return str(found.get("C", "")) if isinstance(found, dict) else ""


def _message(error: DatabaseError) -> str:
    found = error.args[0] if error.args else None
    return str(found.get("M", found)) if isinstance(found, dict) else str(error)


class Runner:
    """One database's migrations, over one connection."""

    def __init__(
        self, connection: pg8000.native.Connection, folder: Folder, database: str, emit: Emit, *, lock_seconds: int, statement_seconds: int
    ) -> None:
        self._connection: Connection = connection
        self._folder = folder
        self._database = database
        self._emit = emit
        self._bounds = f"SET lock_timeout = '{lock_seconds}s'; SET statement_timeout = '{statement_seconds}s'"

    def _run(self, sql: str, **values: object) -> Any:
        return self._connection.run(sql, **values)

    def run(self, mode: Mode) -> bool:
        """Do what `mode` asks; whether everything is in order.

        Raises:
            RefusedError: a migration fails, takes rows of a protected table, or the history contradicts the files.
            UnclearError: another runner works in this database, or a lock could not be had.
        """
        self._run(self._bounds)
        if not self._run("SELECT pg_try_advisory_lock(:key)", key=LOCK)[0][0]:
            raise UnclearError("another runner works in this database")
        pending = self._pending()
        for file in pending:
            self._say("migration.pending", file=file.name)
        if mode is Mode.DRY_RUN:
            return self._dry_run(pending)
        if mode is Mode.EXECUTE:
            for file in pending:
                self._patiently(lambda file=file: self._execute(file), file.name)
        self._run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            good = self._check()
        finally:
            self._run("ROLLBACK")
        self._report(self._pending())
        return good

    def _say(self, event: str, **more: object) -> None:
        self._emit(event, database=self._database, **more)

    def _applied(self) -> dict[int, tuple[str, str]]:
        """Number to name and hash of what has been applied."""
        if self._run(f"SELECT to_regclass('{SCHEMA}.applied')::text")[0][0] is None:
            return {}
        rows = self._run(f"SELECT number, name, sha256 FROM {SCHEMA}.applied ORDER BY number") or []  # noqa: S608 - a constant
        return {int(number): (str(name), str(sha256)) for number, name, sha256 in rows}

    def _pending(self) -> list[File]:
        applied = self._applied()
        known = {file.number: file for file in self._folder.files}
        newest = max(known, default=0)
        for number, (name, sha256) in applied.items():
            file = known.get(number)
            if file is None and number < newest:
                raise RefusedError(f"{name} was applied, and the image lacks it though it has later ones")
            if file is not None and (file.name, file.sha256) != (name, sha256):
                raise RefusedError(f"{file.name} is not what was applied as {name}: what is applied is never edited, write another file")
        pending = [file for file in self._folder.files if file.number not in applied]
        late = [file.name for file in pending if applied and file.number < max(applied)]
        if late:
            raise RefusedError(f"{', '.join(late)}: numbered below what is applied already ({max(applied):04})")
        return pending

    def _report(self, pending: Sequence[File]) -> None:
        applied = self._applied()
        newest = max((file.number for file in self._folder.files), default=0)
        self._say(
            "migration.state",
            version=max(applied, default=0),
            pending=[file.name for file in pending],
            # An older image in front of a newer schema: a rollback of the application, which never rolls its schema back.
            ahead=sum(number > newest for number in applied),
        )

    def _dry_run(self, pending: Sequence[File]) -> bool:
        """Everything in one transaction that is rolled back, the data check before it is."""

        def once() -> bool:
            self._run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            try:
                for file in pending:
                    self._apply(file)
                self._bind()
                return self._check()
            finally:
                with suppress(DatabaseError):
                    self._run("ROLLBACK")

        good = self._patiently(once, "dry run")
        self._report(pending)
        return good

    def _execute(self, file: File) -> bool:
        begun = time.monotonic()
        self._run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            self._apply(file)
            self._run("COMMIT")
        except BaseException:
            with suppress(DatabaseError, InterfaceError, OSError):
                self._run("ROLLBACK")
            raise
        self._say("migration.applied", file=file.name, seconds=round(time.monotonic() - begun, 3))
        return True

    def _patiently(self, attempt: Callable[[], bool], what: str) -> bool:
        """Try again what PostgreSQL gave up because of another transaction."""
        for left in range(TRIES - 1, -1, -1):
            try:
                return attempt()
            except DatabaseError as error:
                if _state(error) in _CONFLICTS and left:
                    self._say("migration.again", file=what, error=_message(error))
                    continue
                if _state(error) in {*_CONFLICTS, _LOCK_NOT_AVAILABLE}:
                    raise UnclearError(f"{what}: {_message(error)}; somebody else holds it, try again") from None
                raise RefusedError(f"{what}: {_message(error)} (SQLSTATE {_state(error)})") from None
        raise AssertionError("unreachable")

    def _bind(self) -> None:
        # What a file left in the session must not reach the next one, nor these statements.
        self._run("RESET ALL")
        self._run(self._bounds)

    def _apply(self, file: File) -> None:
        """One file and its line in the history, in the open transaction; its rows are counted in that transaction's own snapshot."""
        self._bind()
        before = counts(self._connection, self._folder.protected)
        transaction = self._run("SELECT pg_current_xact_id()::text")[0][0]
        try:
            self._run(file.sql)
            self._run("SET CONSTRAINTS ALL IMMEDIATE")
        except DatabaseError as error:
            if _state(error) in {*_CONFLICTS, _LOCK_NOT_AVAILABLE}:
                raise
            raise RefusedError(f"{file.name}: {_message(error)} (SQLSTATE {_state(error)})") from None
        self._bind()
        if self._run("SELECT pg_current_xact_id()::text")[0][0] != transaction:
            raise RefusedError(f"{file.name} ended its transaction: it has been applied in part, outside of the history")
        lost = shrunk(before, counts(self._connection, self._folder.protected), file.may_shrink)
        if lost:
            raise RefusedError(f"{file.name} takes rows of protected tables: {'; '.join(lost)}")
        self._run(
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};"
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.applied (number integer PRIMARY KEY, name text NOT NULL UNIQUE, sha256 text NOT NULL, "
            "at timestamptz NOT NULL DEFAULT clock_timestamp(), who text NOT NULL DEFAULT session_user)"
        )
        self._run(
            f"INSERT INTO {SCHEMA}.applied (number, name, sha256) VALUES (:number, :name, :sha256)",  # noqa: S608 - a constant
            number=file.number,
            name=file.name,
            sha256=file.sha256,
        )

    def _check(self) -> bool:
        good = True
        for result in check(self._connection):
            good = good and result.ok
            self._say("migration.check", name=result.name, ok=result.ok, detail=result.detail)
        return good


@dataclass(frozen=True)
class Target:
    """A database and its folder."""

    name: str
    folder: Path
    host: str
    port: int
    database: str
    user: str
    password: str
    tls: ssl.SSLContext | None

    def connect(self) -> pg8000.native.Connection:
        """A connection of its own."""
        return pg8000.native.Connection(
            self.user,
            host=self.host,
            port=self.port,
            database=self.database,
            password=self.password,
            timeout=None,
            ssl_context=self.tls,
            application_name="nautilus-migrations",
        )


def _tls(mode: str, authority: str) -> ssl.SSLContext | None:
    """TLS as libpq's words say.

    Raises:
        RefusedError: another word.
    """
    if mode == "disable":
        return None
    if mode not in {"require", "verify-full"}:
        raise RefusedError(f"sslmode {mode!r} is not disable, require or verify-full")
    context = ssl.create_default_context(cadata=authority or None)
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def targets(environment: Mapping[str, str], sql: Path) -> Iterator[Target]:
    """The databases that have both an address and a folder.

    Raises:
        RefusedError: a variable is missing or cannot be read.
    """
    for name, prefix, database in (("relational", "DATABASE", "NAME"), ("market", "TIMESCALE", "DATABASE")):
        folder = sql / name
        if not folder.is_dir() or not environment.get(f"{prefix}_HOST"):
            continue
        try:
            yield Target(
                name,
                folder,
                environment[f"{prefix}_HOST"],
                int(environment.get(f"{prefix}_PORT", "5432")),
                environment[f"{prefix}_{database}"],
                environment[f"{prefix}_USER"],
                environment[f"{prefix}_PASSWORD"],
                _tls(environment.get(f"{prefix}_SSLMODE", "verify-full"), environment.get(f"{prefix}_CA", "")),
            )
        except (KeyError, ValueError, ssl.SSLError) as error:
            raise RefusedError(f"the environment of the database {name}: {error}") from None


def say(event: str, **more: object) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(json.dumps({"event": event, **more}, sort_keys=True, default=str) + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ, emit: Emit = say) -> int:
    """Run; the exit code: 0 in order, 1 not, 2 bad use, 3 it could not tell."""
    parser = argparse.ArgumentParser(prog="migrations", description="Apply and check database migrations.")
    parser.add_argument("--sql", type=Path, default=HERE / "sql", help="folder of the folders relational and market")
    parser.add_argument("mode", choices=[mode.value for mode in Mode])
    given = parser.parse_args(argv)
    mode = Mode(given.mode)
    code = 0
    try:
        seconds = {key: int(environment.get(f"MIGRATIONS_{key}_SECONDS", usual)) for key, usual in (("LOCK", "5"), ("STATEMENT", "600"))}
        found = list(targets(environment, given.sql))
        if not found:
            raise RefusedError(f"no database has both an address in the environment and a folder in {given.sql}")
        # Every file is read before the first database changes.
        for target, folder in [(target, read_folder(target.folder)) for target in found]:
            with closing(target.connect()) as connection:
                runner = Runner(connection, folder, target.name, emit, lock_seconds=seconds["LOCK"], statement_seconds=seconds["STATEMENT"])
                code = code or (0 if runner.run(mode) else 1)
    except RefusedError as error:
        emit("migration.failed", detail=str(error))
        code = 1
    except (UnclearError, DatabaseError, InterfaceError, OSError, ValueError) as error:
        emit("migration.unclear", detail=_message(error) if isinstance(error, DatabaseError) else str(error))
        code = 3
    emit("migration.end", mode=mode.value, ok=code == 0)
    return code
