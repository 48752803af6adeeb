"""What two databases hold, table by table, and whether the restored one holds what the live one held at the time of the backup. No AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

TIME_COLUMNS = ("created_at", "inserted_at", "recorded_at", "occurred_at", "event_time", "ts", "time", "timestamp", "updated_at")
"""Which of a table's columns says when a row came, best first; otherwise its first column of a time. What never changes comes first:
a row that is updated after the backup must not vanish from the count."""

_TABLES = """
select n.nspname, c.relname, has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
"""
_TIMES = """
select n.nspname, c.relname, a.attname, a.atttypid = 'timestamptz'::regtype
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
order by 1, 2, a.attnum
"""


class Connection(Protocol):
    """A database connection (`pg8000.native.Connection`)."""

    def run(self, sql: str, **params: Any) -> list[list[Any]] | None:
        """Run one statement with named parameters (`:name`), and give its rows."""
        ...

    def close(self) -> None:
        """Say goodbye."""
        ...


@dataclass(frozen=True)
class Table:
    """What a table held at the time that is asked for."""

    rows: int
    newest: datetime | None
    """When its newest row came; None for a table without times, or without rows."""
    timed: bool
    """Whether rows that came later could be told apart and are not counted."""
    readable: bool = True


@dataclass(frozen=True)
class Verdict:
    """What a comparison found."""

    tables: int
    rows: int
    problems: tuple[str, ...]
    rpo_seconds: float | None
    """How much older the restored database's newest row is than the live one's was; None where no table tells."""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _time_column(columns: list[tuple[str, bool]]) -> tuple[str, bool] | None:
    ranked = sorted(columns, key=lambda column: TIME_COLUMNS.index(column[0]) if column[0] in TIME_COLUMNS else len(TIME_COLUMNS))
    return ranked[0] if ranked else None


def read(connection: Connection, reference: datetime) -> dict[str, Table]:
    """Every table of the database by `schema.name`, counted as of `reference`.

    Rows with a later time are left out, where the table has a time; times without a zone count as UTC.
    """
    columns: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for schema, table, column, zoned in connection.run(_TIMES) or []:
        columns.setdefault((schema, table), []).append((column, zoned))
    found: dict[str, Table] = {}
    for schema, table, readable in connection.run(_TABLES) or []:
        name = f"{schema}.{table}"
        if not readable:
            found[name] = Table(0, None, timed=False, readable=False)
            continue
        source = f"{_quoted(schema)}.{_quoted(table)}"
        column = _time_column(columns.get((schema, table), []))
        if column is None:
            [[rows]] = connection.run(f"select count(*) from {source}") or [[0]]  # noqa: S608 - names of the catalogue, quoted
            found[name] = Table(rows, None, timed=False)
            continue
        when = _quoted(column[0]) if column[1] else f"({_quoted(column[0])} at time zone 'UTC')"
        text = f"select count(*), max({when}) from {source} where {when} is null or {when} <= cast(:reference as timestamptz)"  # noqa: S608
        [[rows, newest]] = connection.run(text, reference=reference.astimezone(UTC).isoformat()) or [[0, None]]
        found[name] = Table(rows, newest, timed=True)
    return found


def compare(live: Mapping[str, Table], restored: Mapping[str, Table], missing_rows_percent: float) -> Verdict:
    """Whether `restored` holds what `live` held, both read as of the same time.

    Args:
        live: The tables of the live database.
        restored: Those of the restored one.
        missing_rows_percent: How many rows of a table may be missing, 0 to 100.
    """
    problems: list[str] = []
    if restored and not live:
        problems.append(f"the live database holds no table, the restored one {len(restored)}: what is live has lost its data")
    ages: list[float] = []
    for name, then in sorted(live.items()):
        if not then.readable:
            problems.append(f"{name} cannot be read in the live database: grant select on it to the role of the restore test")
            continue
        now = restored.get(name)
        if now is None:
            # A table that was empty at the time of the backup may have been made after it.
            if then.rows:
                problems.append(f"{name} is missing; it had {then.rows} rows")
            continue
        if not now.readable:
            problems.append(f"{name} cannot be read in the restored database: the backup is older than the grant")
        elif now.rows < then.rows * (1 - missing_rows_percent / 100):
            problems.append(f"{name} has {now.rows} of {then.rows} rows")
        if then.newest and now.newest:
            ages.append(max(0.0, (then.newest - now.newest).total_seconds()))
    return Verdict(len(restored), sum(table.rows for table in restored.values()), tuple(problems), max(ages, default=None))
