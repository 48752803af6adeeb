"""What exists in the simulated account: one SQLite file.

A create is on disk before it is acknowledged to the engine (write-ahead log; a killed process loses nothing that it acknowledged, only a power cut
may). Rows can be edited to make drift:

    python -m nautilus.sandbox.simulation.store list STORE
    python -m nautilus.sandbox.simulation.store set STORE URN_OR_ID_OR_NAME multiAz false
    python -m nautilus.sandbox.simulation.store delete STORE URN_OR_ID_OR_NAME
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nautilus.sandbox.simulation.context import Known, Peer
from nautilus.sandbox.simulation.values import Secret, dumps, is_list, is_map, loads

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    urn TEXT NOT NULL,
    id TEXT NOT NULL,
    token TEXT NOT NULL,
    arn TEXT,
    name_key TEXT,
    region TEXT NOT NULL,
    account TEXT NOT NULL,
    generation INTEGER NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    made TEXT NOT NULL,
    PRIMARY KEY (urn, id)
);
CREATE INDEX IF NOT EXISTS resources_id ON resources (id);
CREATE INDEX IF NOT EXISTS resources_arn ON resources (arn);
CREATE INDEX IF NOT EXISTS resources_name ON resources (name_key);
CREATE TABLE IF NOT EXISTS generations (urn TEXT PRIMARY KEY, next INTEGER NOT NULL);
"""
_COLUMNS = "urn, id, token, region, account, generation, inputs, outputs, made"
Names = tuple[str, ...]


class StoreError(Exception):
    """The store cannot be opened, or holds no such resource."""


@dataclass(frozen=True)
class Row:
    """A resource that exists."""

    urn: str
    id: str
    token: str
    region: str
    account: str
    generation: int
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    """As the account shows them now."""
    made: dict[str, Any]
    """As the last create or update left them: the difference is drift."""

    def known(self) -> Known:
        """The row as other resources see it."""
        return Known(self.urn, self.token, self.id, self.inputs, self.outputs)


def _row(raw: tuple[Any, ...]) -> Row:
    urn, ident, token, region, account, generation, inputs, outputs, made = raw
    return Row(urn, ident, token, region, account, generation, loads(inputs), loads(outputs), loads(made))


class Store:
    """The simulated account of one stack. Safe to use from several threads; two processes take turns.

    Args:
        path: SQLite file, made where missing; `:memory:` for none.

    Raises:
        StoreError: the file cannot be opened or is none of ours.
    """

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.RLock()
        try:
            if str(path) != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).touch(mode=0o600)  # it holds the simulated passwords
            self._db = sqlite3.connect(str(path), check_same_thread=False, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the sandbox's store {path}: {error}") from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def put(
        self,
        urn: str,
        ident: str,
        token: str,
        peer: Peer,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        *,
        generation: int = 0,
        region: str = "",
        name_key: Names | None = None,
    ) -> None:
        """Add or replace a resource. On disk when this returns."""
        arn = outputs.get("arn")
        values = (
            urn,
            ident,
            token,
            arn if isinstance(arn, str) else None,
            "\x1f".join(name_key) if name_key else None,
            region or peer.region,
            peer.account,
            generation,
            dumps(dict(inputs)),
            dumps(dict(outputs)),
            dumps(dict(outputs)),
        )
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("INSERT OR REPLACE INTO resources VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)
                self._db.execute(
                    "INSERT INTO generations VALUES (?, ?) ON CONFLICT (urn) DO UPDATE SET next = max(next, excluded.next)",
                    (urn, generation + 1),
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def get(self, urn: str, ident: str) -> Row | None:
        """The resource of a URN and id, or None. A renamed resource is found by its id and type alone."""
        with self._lock:
            raw = self._db.execute(f"SELECT {_COLUMNS} FROM resources WHERE urn = ? AND id = ?", (urn, ident)).fetchone()  # noqa: S608
            if raw is None:
                token = urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""
                raw = self._db.execute(f"SELECT {_COLUMNS} FROM resources WHERE id = ? AND token = ?", (ident, token)).fetchone()  # noqa: S608
        return _row(raw) if raw else None

    def of_urn(self, urn: str) -> list[Row]:
        """All live resources of a URN, oldest first; two while one replaces the other."""
        with self._lock:
            found = self._db.execute(f"SELECT {_COLUMNS} FROM resources WHERE urn = ? ORDER BY generation", (urn,)).fetchall()  # noqa: S608
        return [_row(raw) for raw in found]

    def named(self, key: Names) -> Row | None:
        """The live resource that holds a unique physical name."""
        with self._lock:
            raw = self._db.execute(f"SELECT {_COLUMNS} FROM resources WHERE name_key = ?", ("\x1f".join(key),)).fetchone()  # noqa: S608
        return _row(raw) if raw else None

    def next_generation(self, urn: str) -> int:
        """How many resources of a URN have been made since the account was last empty."""
        with self._lock:
            raw = self._db.execute("SELECT next FROM generations WHERE urn = ?", (urn,)).fetchone()
        return int(raw[0]) if raw else 0

    def delete(self, urn: str, ident: str) -> bool:
        """Remove a resource; whether there was one. An account that becomes empty starts anew, with the same values as the first time."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                gone = self._db.execute("DELETE FROM resources WHERE urn = ? AND id = ?", (urn, ident)).rowcount
                if not gone:
                    token = urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""
                    gone = self._db.execute("DELETE FROM resources WHERE id = ? AND token = ?", (ident, token)).rowcount
                if self._db.execute("SELECT 1 FROM resources LIMIT 1").fetchone() is None:
                    self._db.execute("DELETE FROM generations")
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return gone > 0

    def find(self, identity: str) -> Known | None:
        """The live resource whose id or ARN this is."""
        with self._lock:
            raw = self._db.execute(f"SELECT {_COLUMNS} FROM resources WHERE id = ? OR arn = ? LIMIT 1", (identity, identity)).fetchone()  # noqa: S608
        return _row(raw).known() if raw else None

    def existing(self, token: str) -> list[Known]:
        """The live resources of a type, oldest first."""
        return [row.known() for row in self.all(token)]

    def all(self, token: str | None = None) -> Iterator[Row]:
        """All live resources, or those of a type."""
        with self._lock:
            where, parameters = (" WHERE token = ?", (token,)) if token else ("", ())
            found = self._db.execute(f"SELECT {_COLUMNS} FROM resources{where} ORDER BY rowid", parameters).fetchall()  # noqa: S608
        yield from (_row(raw) for raw in found)

    def __len__(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM resources").fetchone()[0])

    def look_up(self, which: str) -> Row:
        """The one resource of a URN, id, ARN or logical name.

        Raises:
            StoreError: there is none, or more than one.
        """
        found = [row for row in self.all() if which in {row.urn, row.id, row.outputs.get("arn"), row.urn.rpartition("::")[2]}]
        if len(found) != 1:
            raise StoreError(f"{len(found)} resources are called {which}; use a URN or an id")
        return found[0]

    def drift(self, which: str, path: str, value: Any) -> Row:
        """Change a property behind the engine's back, as someone in AWS's console would.

        Args:
            which: URN, id, ARN or logical name.
            path: property path such as `healthCheck.interval` or `tags.Owner`.
            value: the new value; None removes the property.

        Raises:
            StoreError: there is no such resource, or the path leads nowhere.
        """
        row = self.look_up(which)
        outputs = row.outputs
        _assign(outputs, path, value)
        arn = outputs.get("arn")
        with self._lock:
            self._db.execute(
                "UPDATE resources SET outputs = ?, arn = ? WHERE urn = ? AND id = ?",
                (dumps(outputs), arn if isinstance(arn, str) else None, row.urn, row.id),
            )
        return row


def _assign(target: dict[str, Any], path: str, value: Any) -> None:
    steps: list[str | int] = [int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]
    if not steps:
        raise StoreError(f"{path!r} is no property path")
    here: Any = target
    for step in steps[:-1]:
        inner = here.value if isinstance(here, Secret) else here
        if is_map(inner) and isinstance(step, str):
            here = inner.setdefault(step, {})
        elif is_list(inner) and isinstance(step, int) and step < len(inner):
            here = inner[step]
        else:
            raise StoreError(f"{path!r} leads nowhere at {step!r}")
    last = steps[-1]
    if is_map(here) and isinstance(last, str):
        if value is None:
            here.pop(last, None)
        else:
            here[last] = Secret(value) if isinstance(here.get(last), Secret) else value
    elif is_list(here) and isinstance(last, int) and last < len(here):
        here[last] = value
    else:
        raise StoreError(f"{path!r} leads nowhere")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(argv: list[str]) -> int:
    """The command line; see the module's text."""
    usage = __doc__ or ""
    if len(argv) < 2 or argv[0] not in {"list", "show", "set", "delete"}:
        sys.stderr.write(usage)
        return 2
    verb, path, *rest = argv
    if not Path(path).exists():
        sys.stderr.write(f"there is no store {path}\n")
        return 2
    try:
        store = Store(path)
        if verb == "list":
            for row in store.all():
                sys.stdout.write(f"{row.token}\t{row.urn.rpartition('::')[2]}\t{row.id}\n")
        elif verb == "show" and len(rest) == 1:
            row = store.look_up(rest[0])
            shown = {key: "[secret]" if isinstance(value, Secret) else value for key, value in row.outputs.items()}
            sys.stdout.write(json.dumps({"urn": row.urn, "id": row.id, "outputs": shown}, indent=2, default=str) + "\n")
        elif verb == "set" and len(rest) == 3:
            row = store.drift(rest[0], rest[1], _value(rest[2]))
            sys.stdout.write(f"{row.urn}: {rest[1]} = {rest[2]}\n")
        elif verb == "delete" and len(rest) == 1:
            row = store.look_up(rest[0])
            store.delete(row.urn, row.id)
            sys.stdout.write(f"{row.urn}: gone\n")
        else:
            sys.stderr.write(usage)
            return 2
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
