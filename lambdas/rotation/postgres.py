"""Logins of PostgreSQL: the application's, two roles that take turns, and the administrator's, one role alone.

Passwords reach the server as SCRAM verifiers that are computed here, so its log (`log_statement`) never shows one. Connections are TLS with
the server's certificate checked against RDS's authority (CA) and against its name; there is no way to turn that off.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import string
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

import boto3
import pg8000.native
import scramp
from pg8000.exceptions import DatabaseError

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_REFUSED = {"28000", "28P01"}
"""SQLSTATE of a login that is refused: not allowed, wrong password."""
_NO_PASSWORD = "28000"
"""SQLSTATE of a login that no password opens. RDS sends every member of `rds_iam`, direct or not, to IAM (`hostssl all +rds_iam all pam`)."""
_SCRAM_ITERATIONS = 4096

Connect = Callable[[str, str], pg8000.native.Connection]
"""Opens a connection with a user's name and password."""
Token = Callable[[str], str]
"""Makes what a user logs in with where IAM decides."""


def quoted(name: str) -> str:
    """A role's or database's name as SQL.

    Raises:
        ValueError: it has other characters than lower-case letters, digits and underscores, or more than 63.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of lower-case letters, digits and underscores")
    return f'"{name}"'


def verifier(password: str) -> str:
    """What PostgreSQL stores for `password` (RFC 5803, as `CREATE ROLE … PASSWORD` takes it)."""
    salt, stored, server, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(
        password, iteration_count=_SCRAM_ITERATIONS, salt=secrets.token_bytes(16)
    )
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _set_password(connection: pg8000.native.Connection, role: str, password: str) -> None:
    # ALTER ROLE takes no parameters; a verifier holds base64, `$`, `:` and `-` alone, so it cannot end the literal.
    # Nothing but the password: PostgreSQL 16 lets no role change anything else of its own.
    connection.run(f"ALTER ROLE {quoted(role)} PASSWORD '{verifier(password)}'")


def _new_password(environment: Mapping[str, str]) -> str:
    length, special = int(environment["LENGTH"]), environment.get("SPECIAL", "")
    kinds = [kind for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, special) if kind]
    while True:
        drawn = "".join(secrets.choice("".join(kinds)) for _ in range(length))
        if all(any(character in kind for character in drawn) for kind in kinds):
            return drawn


def over_tls(environment: Mapping[str, str]) -> Connect:
    """Connections to HOST, PORT and DATABASE whose certificate CA has signed.

    Raises:
        KeyError: one of them is missing.
        ssl.SSLError: CA is no certificate.
    """
    trust = ssl.create_default_context(cadata=environment["CA"])
    host, port, database = environment["HOST"], int(environment["PORT"]), environment["DATABASE"]

    def connect(user: str, password: str) -> pg8000.native.Connection:
        return pg8000.native.Connection(user, host=host, port=port, database=database, password=password, timeout=10, ssl_context=trust)

    return connect


def by_iam(environment: Mapping[str, str]) -> Token:
    """Tokens for HOST and PORT. They are signed here: no call leaves the function, and IAM asks for `rds-db:connect` when they are shown."""

    def token(user: str) -> str:
        made: str = boto3.client("rds").generate_db_auth_token(
            DBHostname=environment["HOST"], Port=int(environment["PORT"]), DBUsername=user
        )
        return made

    return token


def first_that_opens(connect: Connect, user: str, passwords: Iterable[str | None], token: Token) -> pg8000.native.Connection:
    """A connection with the first of `passwords` that the server takes; None and repeated ones are skipped.

    Where no password opens the role, it comes in by IAM. PostgreSQL 16 makes whoever creates a role its member, to administer it, and the
    grantor is the server's own superuser, so nobody here can take that back. The administrator, who makes the roles of IAM, thereby is an
    indirect member of `rds_iam`, and a server that counts such members lets it in by IAM alone from then on.

    Raises:
        PermissionError: it takes none of them.
        DatabaseError: IAM refuses too, or there is other trouble.
    """
    closed = False
    for password in dict.fromkeys(password for password in passwords if password):
        try:
            return connect(user, password)
        except DatabaseError as refusal:
            if _state(refusal) not in _REFUSED:
                raise
            closed = closed or _state(refusal) == _NO_PASSWORD
    if closed:
        return connect(user, token(user))
    raise PermissionError(f"the server takes none of the passwords that the secret has for {user}")


def _state(error: DatabaseError) -> str:
    found = error.args[0] if error.args else None
    return str(found.get("C", "")) if isinstance(found, dict) else ""


class Administrator:
    """One role whose password changes in place: from then on the older one opens nothing.

    Nothing but the functions here reads it, so nobody is shut out. Reads HOST, PORT, DATABASE, CA, USERNAME, LENGTH, SPECIAL.
    """

    def __init__(self, environment: Mapping[str, str], connect: Connect | None = None, token: Token | None = None) -> None:
        self._environment = environment
        self._user = environment["USERNAME"]
        self._connect = connect or over_tls(environment)
        self._token = token or by_iam(environment)

    def new(self, current: str, first: bool) -> str:  # noqa: ARG002 - the protocol's
        """Drawn afresh."""
        return _new_password(self._environment)

    def set(self, current: str, pending: str, previous: str | None) -> None:
        """The server takes `pending` from now on; with `previous` too it is reached when a person has put an older value back.

        Raises:
            PermissionError: none of the three opens it.
        """
        with closing(first_that_opens(self._connect, self._user, (pending, current, previous), self._token)) as connection:
            _set_password(connection, self._user, pending)

    def test(self, pending: str) -> None:
        """Log in; where no password opens the role, by IAM: then the pending one opens as little as the old one.

        Raises:
            PermissionError: the server refuses the password.
            DatabaseError: IAM refuses too, or there is other trouble.
        """
        with closing(first_that_opens(self._connect, self._user, (pending,), self._token)) as connection:
            connection.run("SELECT 1")

    def finished(self, value: str) -> None:
        """The older password died in `set`."""


class AppLogin:
    """The application's login, {"username", "password"}: two roles take turns, so what a consumer holds opens until the turn after.

    Both are members of the role that owns the application's objects and become it when they log in, so it does not matter which of them
    created a table. The first run makes all of them, the role by which the proxy's users come in, and the one that compares restored
    copies, whose sessions only read (both by IAM, without a password). The role
    of the very first value is made without a password: what stood in the stack's state never opens anything.

    Reads HOST, PORT, DATABASE, CA, LENGTH, SPECIAL; ADMINISTRATOR (role) and ADMINISTRATOR_SECRET (ARN); USERNAMES (two, comma between),
    OWNER, PROXY_USER and READER (roles).
    """

    def __init__(
        self, environment: Mapping[str, str], connect: Connect | None = None, client: Any = None, token: Token | None = None
    ) -> None:
        self._environment = environment
        self._connect = connect or over_tls(environment)
        self._token = token or by_iam(environment)
        self._client: Any = client or boto3.client("secretsmanager")
        first, second = environment["USERNAMES"].split(",")
        self._users = (first, second)
        self._owner, self._proxy_user, self._reader = environment["OWNER"], environment["PROXY_USER"], environment["READER"]
        for name in (*self._users, self._owner, self._proxy_user, self._reader, environment["DATABASE"]):
            quoted(name)

    def new(self, current: str, first: bool) -> str:  # noqa: ARG002 - the protocol's
        """The other role, with a password drawn afresh."""
        username = self._read(current)[0]
        other = self._users[1] if username == self._users[0] else self._users[0]
        return json.dumps({"username": other, "password": _new_password(self._environment)})

    def set(self, current: str, pending: str, previous: str | None) -> None:  # noqa: ARG002 - the protocol's
        """Make what is missing, and give the pending role its password. The current role is not touched.

        Raises:
            PermissionError: the administrator's secret does not open the server.
            ValueError: the pending role is the current one, or neither of the two.
        """
        username, password = self._read(pending)
        if username == self._read(current)[0]:
            raise ValueError(f"{username} is in use: its password may not change")
        with closing(self._administrator()) as connection:
            self._make_roles(connection)
            _set_password(connection, username, password)

    def test(self, pending: str) -> None:
        """Log in, and be the owner.

        Raises:
            DatabaseError: the server refuses.
            PermissionError: the session is somebody else's.
        """
        username, password = self._read(pending)
        with closing(self._connect(username, password)) as connection:
            found = connection.run("SELECT current_user")
        if found != [[self._owner]]:
            raise PermissionError(f"a session of {username} is not {self._owner}'s")

    def finished(self, value: str) -> None:
        """The role before it keeps its password until its next turn: consumers use it until they are started again."""

    def _read(self, value: str) -> tuple[str, str]:
        found = json.loads(value)
        username, password = str(found["username"]), str(found["password"])
        if username not in self._users:
            raise ValueError(f"the login's user is neither {' nor '.join(self._users)}")
        return username, password

    def _administrator(self) -> pg8000.native.Connection:
        """The administrator's own rotation may be between its second step and its last, so the pending password is tried too."""
        passwords = (self._password("AWSCURRENT"), self._password("AWSPENDING"))
        return first_that_opens(self._connect, self._environment["ADMINISTRATOR"], passwords, self._token)

    def _password(self, stage: str) -> str | None:
        try:
            found = self._client.get_secret_value(SecretId=self._environment["ADMINISTRATOR_SECRET"], VersionStage=stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        value: str = found["SecretString"]
        return value

    def _make_roles(self, connection: pg8000.native.Connection) -> None:
        there = {row[0] for row in connection.run("SELECT rolname::text FROM pg_roles") or []}
        owner, reader, by_iam = quoted(self._owner), quoted(self._reader), (self._proxy_user, self._reader)
        if self._owner not in there:
            connection.run(f"CREATE ROLE {owner} NOLOGIN")
        for name in (*self._users, *by_iam):
            if name not in there:
                connection.run(f"CREATE ROLE {quoted(name)} LOGIN")
            connection.run(f"GRANT {owner} TO {quoted(name)}")
            connection.run(f"ALTER ROLE {quoted(name)} SET role = {owner}")
        if "rds_iam" in there:
            connection.run(f"GRANT rds_iam TO {', '.join(quoted(name) for name in by_iam)}")
        connection.run(f"ALTER ROLE {reader} SET default_transaction_read_only = on")
        database = quoted(self._environment["DATABASE"])
        connection.run(f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {owner}")
        connection.run(f"GRANT CONNECT ON DATABASE {database} TO {', '.join(quoted(name) for name in (*self._users, *by_iam))}")
        connection.run(f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}")
