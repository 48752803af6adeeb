"""Counting and comparing, with two databases of a real PostgreSQL: equal, missing rows, a missing table, stale, closed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pg8000.native
import pytest

from infra.plan.rds_authorities import authority
from lambdas.restore_compare import handler as module
from lambdas.restore_compare.compare import Table, compare, read
from tests.servers import Server, postgres

NOON = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
SCHEMA = (
    "create table orders (id int primary key, created_at timestamptz not null, updated_at timestamptz, note text)",
    "create table settings (name text primary key, value text)",
    "create schema trading",
    'create table trading."Fills" (id int, ts timestamp)',
    "create table parted (id int, created_at timestamptz) partition by range (id)",
    "create table parted_1 partition of parted for values from (0) to (1000)",
    "create temporary table scratch (id int)",
)


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres() as running:
        yield running


def fill(server: Server, name: str, *, orders: int = 100, until: datetime = NOON, extra: tuple[str, ...] = ()) -> None:
    admin = server.connect()
    admin.run(f"drop database if exists {name}")
    admin.run(f"create database {name}")
    admin.close()
    connection = server.connect(database=name)
    for text in SCHEMA:
        connection.run(text)
    connection.run(
        "insert into orders select n, cast(:until as timestamptz) - (:orders - n) * interval '1 minute', now(), 'x' from generate_series(1, :orders) n",
        until=until.isoformat(),
        orders=orders,
    )
    connection.run("insert into settings select 'key-' || n, 'value' from generate_series(1, 10) n")
    connection.run('insert into trading."Fills" values (1, :ts)', ts=until.replace(tzinfo=None).isoformat())
    connection.run("insert into parted select n, cast(:until as timestamptz) from generate_series(1, 5) n", until=until.isoformat())
    for text in extra:
        connection.run(text)
    connection.close()


def ask(server: Server, *, restored: str = "restored", live: str = "live", percent: float = 1.0, user: str | None = None) -> dict[str, Any]:
    event = {"restored": {"name": restored}, "live": {"name": live}, "database": "nautilus", "reference": NOON.isoformat()}

    def connect(place: Any, database: str) -> pg8000.native.Connection:
        assert database == "nautilus"
        return server.connect(user, database=place["name"])

    return module.run(event, percent, connect)


def test_what_a_database_holds(server: Server) -> None:
    fill(server, "live", extra=("insert into orders values (900, '2026-03-07T12:00:01Z', null, 'after the backup')",))
    with closing(server.connect(database="live")) as connection:
        tables = read(connection, NOON)
    assert tables == {
        "public.orders": Table(100, NOON, timed=True),
        "public.parted": Table(5, NOON, timed=True),
        "public.settings": Table(10, None, timed=False),
        "trading.Fills": Table(1, NOON, timed=True),
    }


def test_equal_databases(server: Server) -> None:
    fill(server, "live", extra=("insert into orders select n, '2026-03-07T13:00:00Z', null, 'later' from generate_series(500, 900) n",))
    fill(server, "restored")
    answer = ask(server, percent=0)
    assert answer["problems"] == []
    assert (answer["tables"], answer["rows"], answer["rpoSeconds"]) == (4, 116, 0.0)
    assert answer["answerSeconds"] < 10
    json.dumps(answer)


def test_missing_rows(server: Server) -> None:
    fill(server, "live")
    fill(server, "restored", extra=("delete from orders where id <= 2", "delete from settings where name = 'key-1'"))
    assert ask(server, percent=1)["problems"] == ["public.orders has 98 of 100 rows", "public.settings has 9 of 10 rows"]
    assert ask(server, percent=2)["problems"] == ["public.settings has 9 of 10 rows"]
    assert ask(server, percent=10)["problems"] == []


def test_a_missing_table(server: Server) -> None:
    fill(server, "live", extra=("create table made_after_the_backup (id int, created_at timestamptz)",))
    fill(server, "restored", extra=('drop table trading."Fills"',))
    assert ask(server)["problems"] == ["trading.Fills is missing; it had 1 rows"], "an empty table may be younger than the backup"


def test_a_stale_backup_shows_in_its_rpo(server: Server) -> None:
    fill(server, "live")
    fill(server, "restored", until=NOON - timedelta(minutes=90))
    answer = ask(server)
    assert answer["rpoSeconds"] == 90 * 60
    assert answer["problems"] == [], "as many rows, only older: the alarm on RestoreRpo tells"


def test_an_empty_live_database_is_no_proof(server: Server) -> None:
    fill(server, "restored")
    admin = server.connect()
    admin.run("drop database if exists nothing")
    admin.run("create database nothing")
    admin.close()
    assert ask(server, live="nothing")["problems"] == [
        "the live database holds no table, the restored one 4: what is live has lost its data"
    ]
    assert ask(server, live="nothing", restored="nothing")["problems"] == []


def test_a_table_that_the_role_may_not_read_is_named(server: Server) -> None:
    role = ("drop role if exists reader", "create role reader login password 'first-Password-1'")
    admin = server.connect()
    for text in ("drop database if exists live", "drop database if exists restored", *role):
        admin.run(text)
    admin.close()
    fills = ("grant usage on schema trading to reader", 'grant select on trading."Fills" to reader')
    fill(server, "live", extra=("grant select on orders, parted, settings to reader", *fills))
    fill(server, "restored", extra=("grant select on orders, parted to reader", *fills))
    assert ask(server, user="reader")["problems"] == [
        "public.settings cannot be read in the restored database: the backup is older than the grant",
    ]
    fill(server, "live", extra=("grant select on orders, parted, settings to reader", fills[1]))
    assert "trading.Fills cannot be read in the live database" in ask(server, user="reader")["problems"][1], (
        "a closed schema closes its tables"
    )


def test_a_database_that_does_not_open_is_the_answer(server: Server) -> None:
    fill(server, "live")
    answer = ask(server, restored="not_there")
    assert answer["problems"] == ['the restored database does not open: DatabaseError: database "not_there" does not exist']
    assert (answer["tables"], answer["answerSeconds"], answer["rpoSeconds"]) == (0, None, None)
    fill(server, "restored")
    assert ask(server, live="not_there")["problems"] == [
        'the live database cannot be read: DatabaseError: database "not_there" does not exist'
    ]


def test_nothing_is_written(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `login` sets makes writing fail; TLS and IAM are the real server's, which this one has not."""
    fill(server, "live")
    said: dict[str, Any] = {}
    opened = server.connect(database="live")

    def connect(user: str, **options: Any) -> pg8000.native.Connection:
        said.update(options, user=user)
        return opened

    monkeypatch.setenv("CA", authority("us-east-1"))
    monkeypatch.setenv("DATABASE_USER", "nautilus_restore")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(module.pg8000.native, "Connection", connect)
    connection = module.login({"host": "db.example.com", "port": 5432}, "nautilus")
    with pytest.raises(pg8000.native.DatabaseError, match="read-only transaction"):
        connection.run("delete from orders")
    connection.close()
    assert (said["user"], said["host"], said["database"]) == ("nautilus_restore", "db.example.com", "nautilus")
    assert said["password"].startswith("db.example.com:5432/?Action=connect&DBUser=nautilus_restore")
    assert "X-Amz-Signature=" in said["password"]
    context = said["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_one_authority_is_trusted_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CA", authority("us-east-1"))
    context = module.tls()
    [trusted] = context.get_ca_certs()
    assert "Amazon RDS us-east-1 Root CA RSA2048 G1" in str(trusted)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    monkeypatch.setenv("CA", "no certificate")
    with pytest.raises(ssl.SSLError):
        module.tls()
    monkeypatch.delenv("CA")
    with pytest.raises(KeyError):
        module.tls()


def test_a_live_table_that_cannot_be_read_is_a_problem() -> None:
    verdict = compare({"public.a": Table(0, None, timed=False, readable=False)}, {"public.a": Table(5, None, timed=False)}, 1)
    assert verdict.problems == ("public.a cannot be read in the live database: grant select on it to the role of the restore test",)


def test_the_handler_reads_its_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setenv("MISSING_ROWS_PERCENT", "2.5")
    monkeypatch.setattr(module, "run", lambda event, percent: asked.append(percent) or {"event": event})
    assert module.handler({"reference": "x"}) == {"event": {"reference": "x"}}
    assert asked == [2.5]
