"""Connects to a restored PostgreSQL and to the live one, counts both, and compares. Stands in the VPC and calls no AWS API.

Both logins are IAM's: the token is signed here, by this function's role, and the database user has no password. A backup therefore opens
whatever secrets have been rotated since, and nothing has to be changed in the restored instance. The environment:

    DATABASE_USER          the user that may read every table, member of `rds_iam`
    CA                     certificate authority of the region's databases, as PEM: the runtime trusts none of RDS's
    MISSING_ROWS_PERCENT   rows of a table that may be missing, in percent

The event names `restored` and `live` (`host`, `port`), `database`, and `reference`, the time that the backup is of, in ISO 8601.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

import boto3
import pg8000.native

try:
    from compare import Connection, compare, read  # in Lambda, the folder is the root
except ImportError:
    from lambdas.restore_compare.compare import Connection, compare, read

STATEMENT_SECONDS = 600

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


def tls() -> ssl.SSLContext:
    """A context that accepts the named server alone, by a certificate of the one authority; there is no way to turn that off."""
    context = ssl.create_default_context(cadata=os.environ["CA"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def login(place: Mapping[str, Any], database: str) -> Connection:
    """A read-only connection as the restore test's user, with a token that IAM accepts for fifteen minutes."""
    host, port, user = str(place["host"]), int(place["port"]), os.environ["DATABASE_USER"]
    token = boto3.client("rds").generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    connection = pg8000.native.Connection(user, host=host, port=port, database=database, password=token, ssl_context=tls(), timeout=30)
    connection.run("set default_transaction_read_only = on")
    connection.run(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
    return connection


def run(
    event: Mapping[str, Any], missing_rows_percent: float, connect: Callable[[Mapping[str, Any], str], Connection] = login
) -> dict[str, Any]:
    """One comparison.

    Returns:
        `tables`, `rows`, `problems`, `rpoSeconds`, and `answerSeconds`: until the restored database had answered for the first time. What
        cannot be opened or read is a problem, not an error: it is the answer to the question.
    """
    reference = datetime.fromisoformat(event["reference"])
    began = time.monotonic()
    try:
        with closing(connect(event["restored"], event["database"])) as connection:
            connection.run("select 1")
            answered = time.monotonic() - began
            restored = read(connection, reference)
    except Exception as error:
        log.exception("the restored database does not open")
        return _failed(f"the restored database does not open: {type(error).__name__}: {_short(error)}")
    try:
        with closing(connect(event["live"], event["database"])) as connection:
            live = read(connection, reference)
    except Exception as error:
        log.exception("the live database cannot be read")
        return _failed(f"the live database cannot be read: {type(error).__name__}: {_short(error)}")
    verdict = compare(live, restored, missing_rows_percent)
    return {
        "tables": verdict.tables,
        "rows": verdict.rows,
        "problems": list(verdict.problems),
        "rpoSeconds": verdict.rpo_seconds,
        "answerSeconds": round(answered, 3),
    }


def _failed(problem: str) -> dict[str, Any]:
    return {"tables": 0, "rows": 0, "problems": [problem], "rpoSeconds": None, "answerSeconds": None}


def _short(error: Exception) -> str:
    """PostgreSQL's own message where there is one; tokens never stand in it."""
    detail = error.args[0] if error.args else ""
    return str(detail.get("M", "") if isinstance(detail, dict) else detail)[:300]


def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Entry point of the Lambda function."""
    return run(event, float(os.environ["MISSING_ROWS_PERCENT"]))
