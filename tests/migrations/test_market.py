"""Tables for market data: PostgreSQL runs them; what TimescaleDB adds is played by functions with its signatures, so that a real server
checks names, arguments and types. The options that only its own hooks know end in the one error that a server without them gives."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pg8000.exceptions
import pg8000.native
import pytest

from tests.servers import BINARIES, Server, postgres

FOLDER = Path(__file__).resolve().parents[2] / "migrations/market"
TABLES = FOLDER / "0001_market_data.sql"
TIMESCALE = FOLDER / "0002_timescale.sql"
PSQL = shutil.which("psql", path=f"{BINARIES}:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(PSQL is None, reason="no psql here")

HYPERTABLES = ("bars", "book_changes", "quotes", "trades")

PLAYED = """
CREATE SCHEMA timescaledb_information;
CREATE TABLE called (what text, relation regclass, argument interval, more interval);
CREATE TABLE timescaledb_information.hypertables (hypertable_schema name, hypertable_name name, compression_enabled boolean);
-- Signatures as in TimescaleDB 2 (its reference and sql/ddl_api.sql, sql/policy_api.sql); "any" is anyelement here, for PL/pgSQL.
CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, partitioning_column name = NULL, number_partitions integer = NULL,
    associated_schema_name name = NULL, associated_table_prefix name = NULL, chunk_time_interval anyelement = NULL::bigint,
    create_default_indexes boolean = TRUE, if_not_exists boolean = FALSE, partitioning_func regproc = NULL, migrate_data boolean = FALSE,
    chunk_target_size text = NULL, chunk_sizing_func regproc = NULL, time_partitioning_func regproc = NULL)
RETURNS TABLE (hypertable_id integer, schema_name name, table_name name, created boolean) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = time_column_name AND atttypid = 'timestamptz'::regtype AND attnotnull)
    THEN RAISE EXCEPTION 'column % of % is no time', time_column_name, relation; END IF;
    -- TimescaleDB refuses a unique index without the time.
    IF EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = time_column_name AND a.attnum = ANY (i.indkey)))
    THEN RAISE EXCEPTION 'cannot create a unique index without the column % (used in partitioning)', time_column_name; END IF;
    INSERT INTO called VALUES ('create_hypertable', relation, chunk_time_interval);
    RETURN QUERY SELECT 1, 'x'::name, 'x'::name, TRUE;
END $$;
CREATE FUNCTION add_compression_policy(hypertable regclass, compress_after anyelement, if_not_exists boolean = FALSE,
    schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL, compress_created_before interval = NULL)
RETURNS integer LANGUAGE sql AS $$ INSERT INTO called VALUES ('compress', hypertable, compress_after) RETURNING 1 $$;
CREATE FUNCTION add_retention_policy(relation regclass, drop_after anyelement, if_not_exists boolean = FALSE,
    schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL, drop_created_before interval = NULL)
RETURNS integer LANGUAGE sql AS $$ INSERT INTO called VALUES ('retain', relation, drop_after) RETURNING 1 $$;
CREATE FUNCTION add_continuous_aggregate_policy(continuous_aggregate regclass, start_offset anyelement, end_offset anyelement,
    schedule_interval interval, if_not_exists boolean = FALSE, initial_start timestamptz = NULL, timezone text = NULL)
RETURNS integer LANGUAGE sql AS $$ INSERT INTO called VALUES ('aggregate', continuous_aggregate, start_offset, end_offset) RETURNING 1 $$;
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
AS $$ SELECT date_bin(bucket_width, ts, '2000-01-01Z') $$;
"""

AGGREGATES = """
CREATE FUNCTION earlier(state numeric[], value numeric, at timestamptz) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state IS NULL OR extract(epoch FROM at) < state[2] THEN ARRAY[value, extract(epoch FROM at)] ELSE state END $$;
CREATE FUNCTION later(state numeric[], value numeric, at timestamptz) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state IS NULL OR extract(epoch FROM at) >= state[2] THEN ARRAY[value, extract(epoch FROM at)] ELSE state END $$;
CREATE FUNCTION of_state(state numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT state[1] $$;
CREATE AGGREGATE first(numeric, timestamptz) (SFUNC = earlier, STYPE = numeric[], FINALFUNC = of_state);
CREATE AGGREGATE last(numeric, timestamptz) (SFUNC = later, STYPE = numeric[], FINALFUNC = of_state);
"""


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres() as made:
        connection = made.connect()
        connection.run("CREATE ROLE market LOGIN PASSWORD 'm'")
        connection.run("CREATE ROLE market_reader NOLOGIN")
        connection.close()
        yield made


def psql(server: Server, database: str, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script as `market`, in one transaction, as docs/timescale.md tells."""
    assert PSQL is not None
    command = [PSQL, "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-h", "127.0.0.1", "-p", str(server.port)]
    return subprocess.run(
        [*command, "-U", "market", "-d", database],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PGPASSWORD": "m"},
        timeout=60,
    )


@pytest.fixture
def database(server: Server) -> Generator[pg8000.native.Connection]:
    """A fresh database of `market`'s with the tables, and a connection to it."""
    name = "market"
    admin = server.connect()
    admin.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin.run(f"CREATE DATABASE {name} OWNER market")
    done = psql(server, name, TABLES.read_text())
    assert done.returncode == 0, done.stderr
    connection = server.connect("market", "m", name)
    connection.run(
        "INSERT INTO market_data.instruments (symbol, venue, asset_class, currency, price_increment) VALUES ('AAPL', 'XNAS', 'equity', 'USD', 0.01)"
    )
    yield connection
    connection.close()
    admin.close()


def rows(connection: pg8000.native.Connection, query: str) -> list[list[Any]]:
    return list(connection.run(query) or [])


def test_the_tables_may_be_made_again(server: Server, database: pg8000.native.Connection) -> None:
    before = rows(database, "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'market_data'::regnamespace ORDER BY 1")
    again = psql(server, "market", TABLES.read_text())
    assert again.returncode == 0, again.stderr
    assert rows(database, "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'market_data'::regnamespace ORDER BY 1") == before
    assert {name for name, kind in before if kind == "r"} == {*HYPERTABLES, "instruments"}
    assert rows(database, "SELECT count(*) FROM market_data.instruments") == [[1]]


@pytest.mark.parametrize(
    "accepted",
    [
        "trades (at, instrument, trade_id, price, size, aggressor) VALUES (now(), 1, 't1', 187.25, 100, -1)",
        "trades (at, instrument, trade_id, price, size) VALUES (now(), 1, 't1', -37.63, 1)",
        "quotes (at, instrument, bid, bid_size) VALUES (now(), 1, 187.24, 300)",
        "quotes (at, instrument, bid, bid_size, ask, ask_size) VALUES (now(), 1, 187.26, 300, 187.25, 100)",
        "bars (at, instrument, period, open, high, low, close, volume) VALUES (now(), 1, '1 minute', 2, 3, 1, 2, 0)",
        "book_changes (at, instrument, sequence, side, level, price, size) VALUES (now(), 1, 7, 'b', 0, 187.24, 0)",
    ],
)
def test_what_happens_in_a_market_is_kept(database: pg8000.native.Connection, accepted: str) -> None:
    database.run(f"INSERT INTO market_data.{accepted}")
    assert rows(database, f"SELECT count(*) FROM market_data.{accepted.split(' ')[0]}") == [[1]]


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("trades (at, instrument, trade_id, price, size) VALUES (now(), 2, 't', 1, 1)", "foreign key"),
        ("trades (at, instrument, trade_id, price, size) VALUES (now(), 1, 't', 1, 0)", "size"),
        ("trades (at, instrument, trade_id, price, size, aggressor) VALUES (now(), 1, 't', 1, 1, 2)", "aggressor"),
        ("trades (instrument, trade_id, price, size) VALUES (1, 't', 1, 1)", "not-null"),
        ("trades (at, instrument, trade_id, price, size) VALUES ('2026-01-01Z', 1, 't', 1, 1), ('2026-01-01Z', 1, 't', 2, 1)", "unique"),
        ("quotes (at, instrument, bid, bid_size, ask) VALUES (now(), 1, 1, 1, 2)", "check"),
        ("quotes (at, instrument) VALUES (now(), 1)", "check"),
        ("bars (at, instrument, period, open, high, low, close, volume) VALUES (now(), 1, '1 minute', 2, 1.9, 1, 2, 0)", "check"),
        ("bars (at, instrument, period, open, high, low, close, volume) VALUES (now(), 1, '1 minute', 2, 3, 2.1, 2, 0)", "check"),
        ("bars (at, instrument, period, open, high, low, close, volume) VALUES (now(), 1, '0', 2, 3, 1, 2, 0)", "period"),
        ("book_changes (at, instrument, sequence, side, level, price, size) VALUES (now(), 1, 7, 'x', 0, 1, 0)", "side"),
        ("instruments (symbol, venue, asset_class, currency, price_increment) VALUES ('A', 'X', 'card', 'USD', 1)", "asset_class"),
        ("instruments (symbol, venue, asset_class, currency, price_increment) VALUES ('AAPL', 'XNAS', 'equity', 'USD', 1)", "unique"),
    ],
)
def test_what_cannot_be_is_refused(database: pg8000.native.Connection, refused: str, why: str) -> None:
    with pytest.raises(pg8000.exceptions.DatabaseError, match=why):
        database.run(f"INSERT INTO market_data.{refused}")


def test_readers_read_and_no_more(server: Server, database: pg8000.native.Connection) -> None:
    admin = server.connect(database="market")
    admin.run("SET ROLE market_reader")
    assert rows(admin, "SELECT count(*) FROM market_data.trades") == [[0]]
    with pytest.raises(pg8000.exceptions.DatabaseError, match="permission denied"):
        admin.run("DELETE FROM market_data.trades")
    admin.close()


# --- TimescaleDB ------------------------------------------------------------------------------------------------------------


def play(server: Server, *, enabled: bool) -> None:
    """TimescaleDB's functions, played in the database, and its view that says whether compression is on."""
    played = PLAYED + AGGREGATES
    flags = "".join(f"INSERT INTO timescaledb_information.hypertables VALUES ('market_data', '{name}', {enabled});" for name in HYPERTABLES)
    done = psql(server, "market", played + flags)
    assert done.returncode == 0, done.stderr


def plain(text: str) -> str:
    """The script without the one option of a view that only TimescaleDB knows."""
    without = text.replace("WITH (timescaledb.continuous) AS", "AS")
    assert without != text
    return without


def test_every_call_is_one_that_timescaledb_has(server: Server, database: pg8000.native.Connection) -> None:
    play(server, enabled=True)
    for _ in range(2):
        done = psql(server, "market", plain(TIMESCALE.read_text()))
        assert done.returncode == 0, done.stderr
    found = rows(database, "SELECT what, relation::text, max(argument), max(more) FROM called GROUP BY 1, 2")
    calls = {(what, name.removeprefix("market_data.")): (argument, more) for what, name, argument, more in found}
    of = {what: {name: argument for (kind, name), (argument, _) in calls.items() if kind == what} for what, _ in calls}
    assert set(of["create_hypertable"]) == set(of["compress"]) == set(HYPERTABLES)
    assert set(of["retain"]) == {"trades", "quotes", "book_changes"}, "bars are kept"
    for name, kept in of["retain"].items():
        assert of["create_hypertable"][name] <= of["compress"][name] < kept
    start, end = calls["aggregate", "trade_bars"]
    assert end < start < of["retain"]["trades"], "a refresh never sees a minute whose trades are gone"
    assert start <= of["compress"]["trades"], "nor does it read compressed chunks"
    assert start - end >= timedelta(minutes=2), "at least two buckets"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("chunk_time_interval =>", "chunk_interval =>"),
        ("add_retention_policy(", "add_retention("),
        ("'at', chunk", "'time', chunk"),
        ("compress_after => INTERVAL '2 days'", "compress_after => INTERVAL '2 dayz'"),
        ("schedule_interval => INTERVAL '1 minute'", "schedule_interval => 60"),
        ("'market_data.quotes'", "'market_data.quote'"),
        ("timescaledb.compress_orderby = 'at DESC'", "timescaledb.compress_orderby 'at DESC'"),
        ("first(price, at)", "first(price, trade_id)"),
    ],
)
def test_a_slip_would_be_noticed(server: Server, database: pg8000.native.Connection, right: str, wrong: str) -> None:
    play(server, enabled=True)
    text = plain(TIMESCALE.read_text())
    assert right in text
    assert psql(server, "market", text.replace(right, wrong, 1)).returncode != 0


def test_a_unique_index_without_the_time_would_be_noticed(server: Server, database: pg8000.native.Connection) -> None:
    play(server, enabled=True)
    database.run("CREATE UNIQUE INDEX ON market_data.trades (trade_id)")
    assert "unique index without the column at" in psql(server, "market", plain(TIMESCALE.read_text())).stderr


def test_only_timescaledb_knows_the_options_of_compression(server: Server, database: pg8000.native.Connection) -> None:
    play(server, enabled=False)
    assert 'unrecognized parameter namespace "timescaledb"' in psql(server, "market", plain(TIMESCALE.read_text())).stderr


def test_only_timescaledb_knows_the_option_of_the_view(server: Server, database: pg8000.native.Connection) -> None:
    play(server, enabled=True)
    assert 'unrecognized parameter namespace "timescaledb"' in psql(server, "market", TIMESCALE.read_text()).stderr


def test_compression_names_columns_that_exist(database: pg8000.native.Connection) -> None:
    found = re.findall(
        r"ALTER TABLE market_data\.(\w+) SET \(\s*timescaledb\.compress, timescaledb\.compress_segmentby = '([^']+)',\s*timescaledb\.compress_orderby = '([^']+)'",
        TIMESCALE.read_text(),
    )
    assert sorted(table for table, _, _ in found) == list(HYPERTABLES)
    for table, segments, orders in found:
        columns = {name for (name,) in rows(database, f"SELECT attname FROM pg_attribute WHERE attrelid = 'market_data.{table}'::regclass")}
        segmented = [part.strip() for part in segments.split(",")]
        ordered = [part.split()[0] for part in orders.split(",")]
        assert {*segmented, *ordered} <= columns
        assert not {*segmented} & {*ordered}
        key = rows(
            database,
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
            f" WHERE i.indrelid = 'market_data.{table}'::regclass AND i.indisprimary",
        )
        assert {name for (name,) in key} == {*segmented, *ordered}, "what makes a row unique also sorts it, so that an upsert finds it"


def test_a_minutes_bar_is_what_its_trades_say(server: Server, database: pg8000.native.Connection) -> None:
    play(server, enabled=True)
    for second, price in ((1, 10), (20, 13), (40, 9), (59, 11)):
        database.run(
            "INSERT INTO market_data.trades (at, instrument, trade_id, price, size)"
            f" VALUES ('2026-01-05 14:30:{second:02}Z', 1, '{second}', {price}, 2)"
        )
    done = psql(server, "market", plain(TIMESCALE.read_text()))
    assert done.returncode == 0, done.stderr
    database.run("REFRESH MATERIALIZED VIEW market_data.trade_bars")
    ((*bar, trades),) = rows(database, "SELECT open, high, low, close, volume, trades FROM market_data.trade_bars")
    assert ([int(value) for value in bar], trades) == ([10, 13, 9, 11, 8], 4)
