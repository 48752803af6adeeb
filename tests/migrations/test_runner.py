"""The reference runner on a real PostgreSQL, as the task starts it: a process with an environment, an argument and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from nautilus.ops.jobs import Ended
from nautilus.ops.migrate import Answer, Mode, Report, judge
from tests.servers import Server, postgres

PROGRAM = Path(__file__).resolve().parents[2] / "containers/migrations"
BASE = {
    "0001_accounts.sql": "CREATE TABLE accounts (id int PRIMARY KEY);",
    "0002_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts (id), note text);\n"
    "INSERT INTO accounts VALUES (1); INSERT INTO orders VALUES (1, 1, 'a;b'), (2, 1, '12:30');",
}
PROTECTED = "public.orders  # nobody deletes an order\n"


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what it said."""

    code: int
    lines: list[dict[str, Any]]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of an event."""
        return [line for line in self.lines if line["event"] == event]

    @property
    def failed_checks(self) -> dict[str, str]:
        """Name to detail."""
        return {line["name"]: line["detail"] for line in self.of("migration.check") if not line["ok"]}

    @property
    def reason(self) -> str:
        """Why it is no, or unclear."""
        [line] = [*self.of("migration.failed"), *self.of("migration.unclear")]
        return line["detail"]


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres() as running:
        yield running


class World:
    """A database of its own, and a folder of migrations."""

    def __init__(self, server: Server, name: str, folder: Path) -> None:
        self.server, self.name, self.sql = server, name, folder
        (folder / "relational").mkdir(parents=True)
        with closing(server.connect()) as admin:
            admin.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            admin.run(f'CREATE DATABASE "{name}"')

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.sql / "relational" / name).write_text(text)

    def connect(self) -> pg8000.native.Connection:
        return self.server.connect(database=self.name)

    def ask(self, sql: str) -> Any:
        with closing(self.connect()) as connection:
            return connection.run(sql)

    def wait_for_sleep(self) -> None:
        """Until a runner is in the middle of a file, whose snapshot it then has."""
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        until = time.monotonic() + 30
        with closing(self.connect()) as connection:
            while not connection.run(asleep)[0][0]:
                assert time.monotonic() < until, "no runner came so far"
                time.sleep(0.05)

    @property
    def tables(self) -> set[str]:
        return {
            row[0] for row in self.ask("SELECT tablename::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
        }

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_HOST": self.server.host,
            "DATABASE_PORT": str(self.server.port),
            "DATABASE_NAME": self.name,
            "DATABASE_USER": self.server.user,
            "DATABASE_PASSWORD": self.server.password,
            "DATABASE_SSLMODE": "disable",
            "MIGRATIONS_LOCK_SECONDS": "1",
            **more,
        }

    def start(self, mode: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, PROGRAM, "--sql", self.sql, mode],
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, mode: str, **more: str) -> Ran:
        return ended(self.start(mode, **more))


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=60)
    assert not err, err
    return Ran(process.returncode, [json.loads(line) for line in out.splitlines()])


@pytest.fixture
def world(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    made = World(server, f"w{abs(hash(request.node.name)) % 10**9}", tmp_path / "sql")
    made.write(BASE | {"protected.txt": PROTECTED})
    return made


def test_a_dry_run_does_everything_and_leaves_nothing_behind(world: World) -> None:
    ran = world.run("dry-run")
    assert ran.code == 0
    assert [line["file"] for line in ran.of("migration.pending")] == list(BASE)
    assert {line["name"] for line in ran.of("migration.check")} == {
        "constraints-validated",
        "indexes-valid",
        "triggers-enabled",
        "foreign-keys",
    }
    assert ran.of("migration.state") == [
        {"event": "migration.state", "database": "relational", "version": 0, "pending": list(BASE), "ahead": 0}
    ]
    assert ran.lines[-1] == {"event": "migration.end", "mode": "dry-run", "ok": True}
    assert world.tables == set()


def test_execute_applies_each_file_once(world: World) -> None:
    first = world.run("execute")
    assert (first.code, [line["file"] for line in first.of("migration.applied")]) == (0, list(BASE))
    assert world.ask("SELECT note FROM orders ORDER BY id") == [["a;b"], ["12:30"]]
    again = world.run("execute")
    assert (again.code, again.of("migration.applied")) == (0, [])
    [state] = again.of("migration.state")
    assert (state["version"], state["pending"]) == (2, [])
    assert world.ask("SELECT number, who FROM nautilus_migrations.applied ORDER BY 1") == [[1, world.server.user], [2, world.server.user]]


def test_check_changes_nothing_and_names_what_is_pending(world: World) -> None:
    ran = world.run("check")
    assert (ran.code, ran.of("migration.state")[0]["pending"]) == (0, list(BASE))
    assert world.tables == set()


@pytest.mark.parametrize("mode", ["dry-run", "execute"])
def test_a_failing_file_is_rolled_back_whole_and_named(world: World, mode: str) -> None:
    world.run("execute")
    world.write({"0003_half.sql": "CREATE TABLE half (id int);\nINSERT INTO orders VALUES (3, 99, NULL);"})
    ran = world.run(mode)
    assert ran.code == 1
    assert "0003_half.sql: insert or update on table" in ran.reason
    assert "SQLSTATE 23503" in ran.reason
    assert "half" not in world.tables
    assert world.ask("SELECT max(number) FROM nautilus_migrations.applied") == [[2]]


def test_a_deferred_constraint_is_looked_at_before_the_end(world: World) -> None:
    """In a dry run nothing is committed, so nothing would ever be looked at."""
    world.run("execute")
    world.write(
        {
            "0003_later.sql": "CREATE TABLE fills (id int, o int REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED);\n"
            "INSERT INTO fills VALUES (1, 99);"
        }
    )
    ran = world.run("dry-run")
    assert (ran.code, "SQLSTATE 23503" in ran.reason) == (1, True)


@pytest.mark.parametrize("mode", ["dry-run", "execute"])
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM orders WHERE id = 2;", "public.orders: 2 rows before, 1 after"),
        ("TRUNCATE orders;", "public.orders: 2 rows before, 0 after"),
        ("DROP TABLE orders;", "public.orders: 2 rows before, the table is gone"),
    ],
)
def test_protected_rows_stay(world: World, mode: str, sql: str, told: str) -> None:
    world.run("execute")
    world.write({"0003_less.sql": sql})
    ran = world.run(mode)
    assert ran.code == 1
    assert told in ran.reason
    assert world.ask("SELECT count(*) FROM orders") == [[2]]


def test_a_file_may_say_that_it_takes_rows_and_others_write_meanwhile(world: World) -> None:
    """Rows are counted in the migration's own snapshot, so an order that comes in meanwhile hides nothing."""
    world.run("execute")
    world.write({"0003_less.sql": "-- may-shrink: public.orders\nDELETE FROM orders WHERE id = 2;"})
    assert world.run("execute").code == 0
    world.write({"0004_less.sql": "SELECT pg_sleep(3); DELETE FROM orders WHERE id = 1;"})
    process = world.start("execute")
    world.wait_for_sleep()
    world.ask("INSERT INTO orders VALUES (7, 1, 'meanwhile')")
    assert "public.orders: 1 rows before, 0 after" in ended(process).reason


def test_two_at_once_one_works(world: World) -> None:
    world.write({"0003_slow.sql": "SELECT pg_sleep(4);"})
    slow = world.start("execute")
    world.wait_for_sleep()
    other = world.run("execute")
    assert (other.code, other.reason) == (3, "another runner works in this database")
    assert ended(slow).code == 0
    assert world.run("execute").code == 0, "the lock went with its connection"


def test_a_killed_runner_leaves_a_whole_file_or_none_and_no_lock(world: World) -> None:
    world.write({"0003_slow.sql": "CREATE TABLE slow (id int); SELECT pg_sleep(8);"})
    slow = world.start("execute")
    world.wait_for_sleep()
    slow.kill()
    slow.communicate()
    until = time.monotonic() + 10
    while (ran := world.run("check")).code == 3 and time.monotonic() < until:
        time.sleep(0.3)
    assert (ran.code, ran.of("migration.state")[0]["pending"]) == (0, ["0003_slow.sql"])
    assert "slow" not in world.tables


def test_a_lock_that_cannot_be_had_is_no_answer(world: World) -> None:
    """Waiting for it would make everybody wait who comes after."""
    world.run("execute")
    world.write({"0003_column.sql": "ALTER TABLE orders ADD COLUMN more text;"})
    with closing(world.connect()) as busy:
        busy.run("BEGIN")
        busy.run("LOCK TABLE orders IN SHARE MODE")
        ran = world.run("execute")
        assert (ran.code, "0003_column.sql: canceling statement due to lock timeout" in ran.reason) == (3, True)
    assert world.run("execute").code == 0


def test_a_conflict_with_other_work_is_tried_again(world: World) -> None:
    world.run("execute")
    world.write({"0003_touch.sql": "SELECT pg_sleep(3); UPDATE orders SET note = note || '!' WHERE id = 1;"})
    process = world.start("execute")
    world.wait_for_sleep()
    world.ask("UPDATE orders SET note = 'theirs' WHERE id = 1")
    ran = ended(process)
    assert (ran.code, len(ran.of("migration.again"))) == (0, 1)
    assert world.ask("SELECT note FROM orders WHERE id = 1") == [["theirs!"]]


@pytest.mark.parametrize(
    ("spoil", "name", "told"),
    [
        ("ALTER TABLE orders ADD CONSTRAINT positive CHECK (id > 1) NOT VALID", "constraints-validated", "positive on orders"),
        ("ALTER TABLE orders DISABLE TRIGGER ALL", "triggers-enabled", "orders"),
        (
            "ALTER TABLE orders DISABLE TRIGGER ALL; INSERT INTO orders VALUES (9, 99, 'orphan'); ALTER TABLE orders ENABLE TRIGGER ALL",
            "foreign-keys",
            "orders_account_fkey on orders",
        ),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_pkey'::regclass", "indexes-valid", "orders_pkey"),
    ],
)
def test_the_data_check_finds_what_is_broken(world: World, spoil: str, name: str, told: str) -> None:
    world.run("execute")
    assert world.run("check").failed_checks == {}
    world.ask(spoil)
    for mode in ("check", "dry-run", "execute"):
        ran = world.run(mode)
        assert ran.code == 1
        assert told in ran.failed_checks[name]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"0001_accounts.sql": "CREATE TABLE accounts (id int);"}, "0001_accounts.sql is not what was applied"),
        ({"0002_orders.sql": None, "0003_new.sql": "SELECT 1;"}, "0002_orders.sql was applied, and the image lacks it"),
        ({"0000_early.sql": "SELECT 1;"}, "0000_early.sql: numbered below what is applied already (0002)"),
    ],
)
def test_what_is_applied_is_never_edited_taken_away_or_preceded(world: World, files: dict[str, str | None], told: str) -> None:
    world.run("execute")
    for name, text in files.items():
        if text is None:
            (world.sql / "relational" / name).unlink()
        else:
            world.write({name: text})
    for mode in ("check", "dry-run", "execute"):
        ran = world.run(mode)
        assert (ran.code, told in ran.reason) == (1, True)


def test_an_older_image_in_front_of_a_newer_schema_is_in_order(world: World) -> None:
    """A rollback of the application does not roll the schema back."""
    world.run("execute")
    (world.sql / "relational/0002_orders.sql").unlink()
    ran = world.run("check")
    assert (ran.code, ran.of("migration.state")[0]["ahead"]) == (0, 1)


@pytest.mark.parametrize(
    ("name", "sql", "told"),
    [
        ("0003_x.sql", "SELECT 1;\nCOMMIT;", "0003_x.sql must leave its transaction alone: line 2: COMMIT"),
        ("0003_x.sql", "SELECT 'never", "0003_x.sql: line 1: a quotation never ends"),
        ("0002_twice.sql", "SELECT 1;", "these numbers twice: 0002"),
        ("more.sql", "SELECT 1;", "more.sql is not called 0001_some_words.sql"),
        ("protected.txt", "orders", "protected.txt, line 1: 'orders' is no schema.table"),
    ],
)
def test_files_that_cannot_be_trusted_are_refused_before_anything_runs(world: World, name: str, sql: str, told: str) -> None:
    world.write({name: sql})
    ran = world.run("execute")
    assert (ran.code, told in ran.reason) == (1, True)
    assert world.tables == set()


def test_settings_of_one_file_do_not_reach_the_next(world: World) -> None:
    world.write({"0003_path.sql": "SET search_path = pg_catalog; SET lock_timeout = 0;", "0004_table.sql": "CREATE TABLE here (id int);"})
    assert world.run("execute").code == 0
    assert "here" in {row[0] for row in world.ask("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")}


def test_both_databases_are_read_before_the_first_is_changed(world: World) -> None:
    (world.sql / "market").mkdir()
    (world.sql / "market/0001_x.sql").write_text("ROLLBACK;")
    market = {"TIMESCALE_HOST": world.server.host, "TIMESCALE_PORT": str(world.server.port), "TIMESCALE_DATABASE": world.name}
    market |= {"TIMESCALE_USER": world.server.user, "TIMESCALE_PASSWORD": world.server.password, "TIMESCALE_SSLMODE": "disable"}
    assert "0001_x.sql must leave its transaction alone" in world.run("execute", **market).reason
    assert world.tables == set()


def test_the_repositorys_market_tables_are_migrations(world: World, server: Server) -> None:
    folder = PROGRAM.parents[1] / "migrations/market"
    for file in (world.sql / "relational").iterdir():
        file.unlink()
    world.write({file.name: file.read_text() for file in folder.glob("*.sql")})
    with closing(server.connect()) as admin:
        for role in ("market", "market_reader"):
            admin.run(f"DROP ROLE IF EXISTS {role}")
            admin.run(f"CREATE ROLE {role}")
    ran = world.run("dry-run")
    # Everything up to what only TimescaleDB has.
    assert "0002_timescale.sql: function create_hypertable" in ran.reason


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ({"DATABASE_PASSWORD": "wrong"}, 3, "password authentication failed"),
        ({"DATABASE_PORT": "1"}, 3, "Can't create a connection"),
        ({"DATABASE_SSLMODE": "prefer"}, 1, "'prefer' is not disable, require or verify-full"),
        ({"DATABASE_HOST": ""}, 1, "no database has both an address"),
        ({"MIGRATIONS_LOCK_SECONDS": "soon"}, 3, "invalid literal"),
        ({"DATABASE_SSLMODE": "verify-full"}, 3, ""),
    ],
)
def test_what_it_cannot_tell_it_does_not_answer(world: World, more: dict[str, str], code: int, told: str) -> None:
    ran = world.run("check", **more)
    assert ran.code == code
    assert told in ran.reason
    assert ran.lines[-1] == {"event": "migration.end", "mode": "check", "ok": False}


def test_bad_use_is_2(world: World) -> None:
    process = world.start("migrate")
    process.communicate()
    assert process.returncode == 2


def test_the_command_line_understands_what_the_runner_says(world: World) -> None:
    """The contract of docs/migrations.md, held from both sides."""

    def judged(mode: Mode) -> Report:
        ran = world.run(mode.value)
        return judge(mode, Ended("task", ran.code, "EssentialContainerExited", "", tuple(json.dumps(line) for line in ran.lines)))

    tried = judged(Mode.DRY_RUN)
    assert (tried.answer, tried.pending, len(tried.checks)) == (Answer.YES, tuple(f"relational: {name}" for name in BASE), 4)
    done = judged(Mode.EXECUTE)
    assert (done.answer, done.applied, done.pending) == (Answer.YES, tried.pending, ())
    assert (judged(Mode.CHECK).answer, judged(Mode.CHECK).pending) == (Answer.YES, ())
    with closing(world.connect()) as busy:
        busy.run("SELECT pg_advisory_lock(1851880820)")
        refused = judged(Mode.EXECUTE)
    assert (refused.answer, refused.untouched) == (Answer.UNCLEAR, True)
    world.write({"0003_less.sql": "TRUNCATE orders;"})
    broken = judged(Mode.DRY_RUN)
    assert (broken.answer, "0003_less.sql takes rows" in broken.why) == (Answer.NO, True)
