"""Statements of a migration: what is text, what is a comment, and what would end its transaction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.migrations.sqltext import statements, transaction_control


@pytest.mark.parametrize(
    "sql",
    [
        "COMMIT",
        "select 1; commit ;",
        "/* a /* nested */ comment */ Rollback;",
        "-- first\nBEGIN;",
        "END",
        "START TRANSACTION",
        "SAVEPOINT here",
        "PREPARE TRANSACTION 'x'",
        "SET SESSION AUTHORIZATION somebody",
        "select e'it\\'s'; commit",
        "select 'it''s'; commit",
        "select $x$ ; $x$; commit",
        'select ";"; abort',
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT",
    ],
)
def test_what_ends_the_transaction_is_found(sql: str) -> None:
    assert transaction_control(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 'COMMIT;'",
        "SELECT $$; COMMIT; $$",
        "-- COMMIT;\nSELECT 1",
        "/* ; COMMIT; */ SELECT 1",
        'SELECT "a;commit" FROM t',
        "DO $do$ BEGIN PERFORM 1; END $do$",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; END",
        "PREPARE p AS SELECT 1",
        "SET lock_timeout = 0",
        "SELECT a$b$c, $1 FROM t",
        "UPDATE t SET begin = 1",
    ],
)
def test_what_only_looks_like_it_is_let_through(sql: str) -> None:
    assert transaction_control(sql) == []


def test_the_line_is_named() -> None:
    assert transaction_control("SELECT 1;\n\n/* a\nb */\nCOMMIT AND CHAIN;") == ["line 5: COMMIT AND"]


@pytest.mark.parametrize("sql", ["SELECT 'x", 'SELECT "x', "/* x", "SELECT $a$ x $b$"])
def test_what_never_ends_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match="never ends"):
        statements(sql)


@given(st.lists(st.sampled_from(["SELECT 1", "SELECT ';'", "SELECT $$;$$", "-- ;\nSELECT 2", "/* ; */ SELECT 3"])))
def test_as_many_statements_as_were_written(parts: list[str]) -> None:
    assert len(statements(" ;\n".join(parts))) == len(parts)


@given(st.text(alphabet=";'\"$/*-e\\ \nCOMIT", max_size=60))
def test_a_commit_behind_anything_that_ends_is_found(before: str) -> None:
    try:
        statements(before)
    except ValueError:
        return
    assert transaction_control(f"{before}\n;COMMIT")
