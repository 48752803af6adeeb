"""The data check: what must hold in a database before and after its schema changes, whatever application it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_TABLE = re.compile(r"[a-z_][a-z0-9_$]{0,62}\.[a-z_][a-z0-9_$]{0,62}")
_OURS = r"n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT LIKE '\_timescaledb\_%'"
MOST_NAMED = 5
"""How many offenders a line names."""


class Connection(Protocol):
    """What is needed of a connection (pg8000.native)."""

    def run(self, sql: str, **params: Any) -> Any:
        """Run a statement; its rows."""
        ...


@dataclass(frozen=True)
class Result:
    """One line of the check."""

    name: str
    ok: bool
    detail: str


def read_protected(text: str) -> tuple[str, ...]:
    """Tables that no migration may shrink: one `schema.table` a line, `#` begins a comment.

    Raises:
        ValueError: a line is no `schema.table` in lower case.
    """
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name and not _TABLE.fullmatch(name):
            raise ValueError(f"protected.txt, line {number}: {name!r} is no schema.table in lower case")
        if name:
            found.append(name)
    return tuple(dict.fromkeys(found))


def quoted(table: str) -> str:
    """`schema.table` as SQL."""
    return ".".join(f'"{part}"' for part in table.split("."))


def counts(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    """Rows of each table that exists, in the snapshot of the transaction."""
    found: dict[str, int] = {}
    for table in tables:
        if connection.run("SELECT to_regclass(:name)::text", name=quoted(table))[0][0] is not None:
            found[table] = int(connection.run(f"SELECT count(*) FROM {quoted(table)}")[0][0])  # noqa: S608 - a checked name
    return found


def shrunk(before: Mapping[str, int], after: Mapping[str, int], allowed: frozenset[str]) -> list[str]:
    """Tables with fewer rows than before, or gone, and how many."""
    return [
        f"{table}: {before[table]} rows before, {f'{after[table]} after' if table in after else 'the table is gone'}"
        for table in sorted(before)
        if table not in allowed and after.get(table, -1) < before[table]
    ]


def _named(rows: Sequence[Sequence[Any]]) -> str:
    names = [str(row[0]) for row in rows]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


_NOT_VALIDATED = f"""
SELECT format('%s on %s', c.conname, c.conrelid::regclass) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE NOT c.convalidated AND {_OURS} ORDER BY 1
"""  # noqa: S608 - nothing of it comes from outside
_INVALID = f"""
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND {_OURS} ORDER BY 1
"""  # noqa: S608 - nothing of it comes from outside
_SWITCHED_OFF = f"""
SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgenabled = 'D' AND {_OURS} ORDER BY 1
"""  # noqa: S608 - nothing of it comes from outside
_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("constraints-validated", "every constraint was validated for the rows that were there before it", "not validated", _NOT_VALIDATED),
    ("indexes-valid", "every index is complete", "invalid", _INVALID),
    ("triggers-enabled", "no trigger, and so no foreign key, is switched off", "switched off", _SWITCHED_OFF),
)

_FOREIGN_KEYS = f"""
SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,
    (SELECT array_agg(quote_ident(a.attname) ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number),
    (SELECT array_agg(quote_ident(a.attname) ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number)
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.convalidated AND {_OURS} ORDER BY 2, 1
"""  # noqa: S608 - nothing of it comes from outside


def _orphans(connection: Connection) -> list[str]:
    """Foreign keys with a row whose parent is missing: restored, or written while triggers were off. PostgreSQL itself never looks again."""
    found: list[str] = []
    for name, child, parent, columns, referenced in connection.run(_FOREIGN_KEYS):
        match = " AND ".join(f"p.{theirs} = c.{ours}" for ours, theirs in zip(columns, referenced, strict=True))
        given = " AND ".join(f"c.{ours} IS NOT NULL" for ours in columns)
        # Names come quoted from the catalogue.
        query = f"SELECT EXISTS (SELECT FROM {child} c WHERE {given} AND NOT EXISTS (SELECT FROM {parent} p WHERE {match}))"  # noqa: S608
        if connection.run(query)[0][0]:
            found.append(f"{name} on {child}")
    return found


def check(connection: Connection) -> Iterator[Result]:
    """Look at the whole database, in whatever transaction stands open. Changes nothing."""
    for name, good, bad, query in _LISTS:
        rows = connection.run(query)
        yield Result(name, not rows, f"{bad}: {_named(rows)}" if rows else good)
    lost = _orphans(connection)
    yield Result(
        "foreign-keys",
        not lost,
        f"rows without their parent: {_named([[one] for one in lost])}" if lost else "every child row has its parent",
    )
