"""PostgreSQL's logins, on a real server whose administrator has the rights of RDS's: no superuser, but CREATEROLE and its database."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pg8000.native
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from pg8000.exceptions import DatabaseError, InterfaceError

from infra.plan.secrets import APP_OWNER, APP_USERS, PROXY_USER, RESTORE_USER, inventory
from infra.settings.workloads import Trading
from lambdas.rotation.postgres import Administrator, AppLogin, by_iam, first_that_opens, over_tls, quoted, verifier
from tests.lambdas.secret import STEPS, Vault
from tests.lambdas.tls import in_front_of, issue
from tests.servers import Server, postgres

ADMINISTRATOR, STATE_ADMIN, STATE_APP = "rds_admin", "State-admin-password-1", "State-app-password-1"
SPEC = next(spec for spec in inventory(Trading()) if spec.name == "database-app-login")


@dataclass
class Platform:
    """A server as RDS hands it out, and the two secrets that the stack made."""

    server: Server
    administrator: Vault
    app: Vault

    def connect(self, user: str, password: str) -> pg8000.native.Connection:
        return self.server.connect(user, password, "nautilus")

    def opens(self, user: str, password: str) -> bool:
        try:
            self.connect(user, password).close()
        except DatabaseError as refusal:
            assert refusal.args[0]["C"] in {"28000", "28P01"}  # noqa: PT017 - any other trouble would prove nothing
            return False
        return True

    @property
    def for_administrator(self) -> Administrator:
        return Administrator({"USERNAME": ADMINISTRATOR, "LENGTH": "48", "SPECIAL": "-_.~"}, self.connect)

    @property
    def for_app(self) -> AppLogin:
        return AppLogin(self.environment, self.connect, self.administrator.client)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE": "nautilus",
            "LENGTH": "48",
            "SPECIAL": "-_.~",
            "ADMINISTRATOR": ADMINISTRATOR,
            "ADMINISTRATOR_SECRET": self.administrator.arn,
            "USERNAMES": ",".join(APP_USERS),
            "OWNER": APP_OWNER,
            "PROXY_USER": PROXY_USER,
            "READER": RESTORE_USER,
        }

    def login(self, stage: str = "AWSCURRENT") -> tuple[str, str]:
        found = json.loads(self.app.value(stage))
        return found["username"], found["password"]

    def query(self, sql: str, login: tuple[str, str] | None = None) -> list[list[Any]]:
        connection = self.connect(*(login or self.login()))
        try:
            return connection.run(sql) or []
        finally:
            connection.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    settings = ("logging_collector=on", "log_statement=all", "log_min_duration_statement=0", "log_connections=on")
    with postgres(user="superuser", password="Superuser-1", settings=settings) as server:
        yield server


@pytest.fixture
def platform(running: Server) -> Iterator[Platform]:
    root = running.connect()
    root.run(f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB PASSWORD '{verifier(STATE_ADMIN)}'")
    root.run(f"CREATE DATABASE nautilus OWNER {ADMINISTRATOR}")
    root.run(f"CREATE ROLE rds_iam; GRANT rds_iam TO {ADMINISTRATOR} WITH ADMIN OPTION")
    try:
        with mock_aws():
            yield Platform(running, Vault(STATE_ADMIN, "nautilus/test/admin"), Vault(SPEC.first_version(STATE_APP), "nautilus/test/app"))
    finally:
        root.run("DROP DATABASE nautilus WITH (FORCE)")
        there = {row[0] for row in root.run("SELECT rolname::text FROM pg_roles") or []}
        for name in (*APP_USERS, PROXY_USER, RESTORE_USER, APP_OWNER, ADMINISTRATOR, "rds_iam"):
            if name in there:
                root.run(f"DROP OWNED BY {name}")
                root.run(f"DROP ROLE {name}")
        root.close()


# --- the administrator ----------------------------------------------------------------------------------------------------


def test_the_administrators_old_password_opens_nothing_afterwards(platform: Platform) -> None:
    assert platform.opens(ADMINISTRATOR, STATE_ADMIN)
    new = platform.administrator.rotate(platform.for_administrator)
    assert platform.opens(ADMINISTRATOR, new)
    assert not platform.opens(ADMINISTRATOR, STATE_ADMIN), "what stands in the stack's state must not open the database"


def test_the_administrator_is_reached_after_a_crash_at_any_step(platform: Platform) -> None:
    platform.administrator.begin()
    for done in range(1, len(STEPS) + 1):
        for step in STEPS[:done]:
            platform.administrator.step(platform.for_administrator, step)
    assert platform.opens(ADMINISTRATOR, platform.administrator.value())


def test_the_administrator_is_reached_when_somebody_put_the_value_before_back(platform: Platform) -> None:
    first = platform.administrator.rotate(platform.for_administrator)
    platform.administrator.rotate(platform.for_administrator)
    root = platform.server.connect()
    root.run(f"ALTER ROLE {ADMINISTRATOR} PASSWORD '{verifier(first)}'")
    root.close()
    third = platform.administrator.rotate(platform.for_administrator)
    assert platform.opens(ADMINISTRATOR, third)


def test_a_server_that_takes_none_of_the_passwords_stops_the_rotation(platform: Platform) -> None:
    root = platform.server.connect()
    root.run(f"ALTER ROLE {ADMINISTRATOR} PASSWORD '{verifier('somebody-elses')}'")
    root.close()
    platform.administrator.begin()
    platform.administrator.step(platform.for_administrator, "createSecret")
    with pytest.raises(PermissionError, match="takes none of the passwords") as error:
        platform.administrator.step(platform.for_administrator, "setSecret")
    assert STATE_ADMIN not in str(error.value)
    assert platform.administrator.value() == STATE_ADMIN


def test_an_untested_password_never_becomes_current(platform: Platform) -> None:
    platform.administrator.begin()
    platform.administrator.step(platform.for_administrator, "createSecret")
    with pytest.raises(PermissionError, match="takes none of the passwords"):
        platform.administrator.step(platform.for_administrator, "testSecret")
    assert platform.administrator.value() == STATE_ADMIN


class ByIamAlone:
    """RDS towards a member of `rds_iam`: no password is looked at, and a token opens."""

    TOKEN = "db.example:5432/?Action=connect"

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.tried: list[str] = []

    def connect(self, user: str, password: str) -> pg8000.native.Connection:
        if user != ADMINISTRATOR:
            return self.platform.connect(user, password)
        self.tried.append(password)
        if password != self.TOKEN:
            raise DatabaseError({"S": "FATAL", "C": "28000", "M": f'PAM authentication failed for user "{user}"'})
        root = self.platform.server.connect(database="nautilus")
        root.run(f"SET SESSION AUTHORIZATION {user}")
        return root

    def token(self, user: str) -> str:
        assert user == ADMINISTRATOR
        return self.TOKEN


def unasked(user: str) -> str:
    raise AssertionError(f"{user} asked for a token where a password is what the server wants")


def test_who_makes_the_roles_of_iam_becomes_an_indirect_member_of_it(platform: Platform) -> None:
    """Why there is a way in by IAM: RDS keeps such members from their passwords (`hostssl all +rds_iam all pam`)."""
    root = platform.server.connect()
    root.run(f"REVOKE rds_iam FROM {ADMINISTRATOR}")
    member = f"SELECT pg_has_role('{ADMINISTRATOR}', 'rds_iam', 'MEMBER')"
    assert root.run(member) == [[False]]
    root.run(f"SET SESSION AUTHORIZATION {ADMINISTRATOR}; CREATE ROLE {PROXY_USER} LOGIN; RESET SESSION AUTHORIZATION")
    root.run(f"GRANT rds_iam TO {PROXY_USER}")
    assert root.run(member) == [[True]]
    root.close()


def test_an_administrator_whom_only_iam_lets_in_is_rotated_all_the_same(platform: Platform) -> None:
    server = ByIamAlone(platform)
    environment = {"USERNAME": ADMINISTRATOR, "LENGTH": "48", "SPECIAL": "-_.~"}
    new = platform.administrator.rotate(Administrator(environment, server.connect, server.token))
    assert server.TOKEN in server.tried
    assert platform.opens(ADMINISTRATOR, new), "its password has changed too"
    assert not platform.opens(ADMINISTRATOR, STATE_ADMIN)


def test_the_application_is_rotated_by_an_administrator_whom_only_iam_lets_in(platform: Platform) -> None:
    server = ByIamAlone(platform)
    platform.app.rotate(AppLogin(platform.environment, server.connect, platform.administrator.client, server.token))
    assert platform.opens(*platform.login())


def test_a_wrong_password_is_not_made_good_by_iam(platform: Platform) -> None:
    with pytest.raises(PermissionError, match="takes none of the passwords"):
        first_that_opens(platform.connect, ADMINISTRATOR, ("wrong",), unasked)


def test_a_token_is_signed_for_the_server_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    token = by_iam({"HOST": "db.abc.us-east-1.rds.amazonaws.com", "PORT": "5432"})(ADMINISTRATOR)
    assert token.startswith("db.abc.us-east-1.rds.amazonaws.com:5432/?Action=connect&")
    assert f"DBUser={ADMINISTRATOR}" in token
    assert "us-east-1%2Frds-db%2Faws4_request" in token


# --- the application ------------------------------------------------------------------------------------------------------


def test_the_first_run_makes_the_roles_and_nothing_of_the_state_opens(platform: Platform) -> None:
    assert platform.login() == (APP_USERS[0], STATE_APP)
    platform.app.rotate(platform.for_app)
    user, password = platform.login()
    assert user == APP_USERS[1]
    assert platform.opens(user, password)
    for name in (*APP_USERS, APP_OWNER, PROXY_USER, RESTORE_USER):
        assert not platform.opens(name, STATE_APP), f"{name} opens with what stands in the stack's state"
    logins = dict(platform.query("SELECT rolname::text, rolcanlogin FROM pg_roles WHERE rolname LIKE 'nautilus%'"))
    assert logins == {APP_OWNER: False, PROXY_USER: True, RESTORE_USER: True, APP_USERS[0]: True, APP_USERS[1]: True}
    rights = platform.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'nautilus%' AND (rolsuper OR rolcreaterole OR rolcreatedb)")
    assert rights == []


def test_the_users_take_turns_and_the_one_before_opens_until_its_turn(platform: Platform) -> None:
    seen = []
    for _ in range(3):
        platform.app.rotate(platform.for_app)
        seen.append(platform.login())
        if len(seen) > 1:
            assert platform.opens(*seen[-2]), "consumers hold the one before until they are started again"
        if len(seen) > 2:
            assert not platform.opens(*seen[-3])
    assert [user for user, _ in seen] == [APP_USERS[1], APP_USERS[0], APP_USERS[1]]


def test_objects_belong_to_the_owner_whoever_made_them(platform: Platform) -> None:
    platform.app.rotate(platform.for_app)
    platform.query("CREATE TABLE orders (id bigint PRIMARY KEY)")
    platform.query("INSERT INTO orders VALUES (1)")
    platform.app.rotate(platform.for_app)
    platform.query("ALTER TABLE orders ADD COLUMN symbol text")
    assert platform.query("SELECT id FROM orders") == [[1]]
    assert platform.query("SELECT tableowner::text FROM pg_tables WHERE tablename = 'orders'") == [[APP_OWNER]]
    assert platform.query("SELECT session_user::text, current_user::text") == [[APP_USERS[0], APP_OWNER]]


def test_the_proxys_user_comes_in_by_iam_alone(platform: Platform) -> None:
    platform.app.rotate(platform.for_app)
    groups = "SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member"
    assert {row[0] for row in platform.query(f"{groups} WHERE u.rolname = '{PROXY_USER}'")} == {APP_OWNER, "rds_iam"}
    root = platform.server.connect()
    assert root.run(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{PROXY_USER}'") == [[True]]
    root.close()


def test_a_server_that_is_not_rds_has_no_iam_and_that_is_all_right(platform: Platform) -> None:
    root = platform.server.connect()
    root.run("DROP ROLE rds_iam")
    platform.app.rotate(platform.for_app)
    assert platform.opens(*platform.login())
    root.run("CREATE ROLE rds_iam")
    root.close()


def test_a_crash_after_any_step_is_made_good(platform: Platform) -> None:
    platform.app.begin()
    for done in range(1, len(STEPS) + 1):
        for step in STEPS[:done]:
            platform.app.step(platform.for_app, step)
    assert platform.opens(*platform.login())
    assert platform.login()[0] == APP_USERS[1]


def test_a_crash_among_the_statements_is_made_good(platform: Platform) -> None:
    """The connection breaks before each statement of setSecret in turn; started over, the step always ends well."""
    platform.app.begin()
    platform.app.step(platform.for_app, "createSecret")
    broken = 0
    while True:
        left = broken + 1

        class Breaking(pg8000.native.Connection):
            def run(self, sql: str, *args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise InterfaceError("the line broke")
                return super().run(sql, *args, **kwargs)

        def connect(user: str, password: str) -> pg8000.native.Connection:
            return Breaking(user, host="127.0.0.1", port=platform.server.port, password=password, database="nautilus", timeout=10)

        try:
            platform.app.step(AppLogin(platform.environment, connect, platform.app.client), "setSecret")
        except InterfaceError:
            broken += 1
        else:
            break
    assert broken > 10
    for step in STEPS:
        platform.app.step(platform.for_app, step)
    assert platform.opens(*platform.login())


def test_both_rotations_at_once_do_not_meet(platform: Platform) -> None:
    """The administrator's password has changed at the server while its secret still holds the old one."""
    platform.administrator.begin()
    for step in STEPS[:2]:
        platform.administrator.step(platform.for_administrator, step)
    platform.app.rotate(platform.for_app)
    assert platform.opens(*platform.login())


def test_the_user_in_use_is_never_changed(platform: Platform) -> None:
    platform.app.rotate(platform.for_app)
    user, _ = platform.login()
    with pytest.raises(ValueError, match="is in use"):
        platform.for_app.set(platform.app.value(), json.dumps({"username": user, "password": "x"}), None)
    with pytest.raises(ValueError, match="neither nautilus_app nor nautilus_app_clone"):
        platform.for_app.set(platform.app.value(), json.dumps({"username": ADMINISTRATOR, "password": "x"}), None)
    assert platform.opens(*platform.login())


def test_a_login_that_does_not_become_the_owner_is_not_let_through(platform: Platform) -> None:
    platform.app.rotate(platform.for_app)
    root = platform.server.connect()
    root.run(f"ALTER ROLE {platform.login()[0]} RESET role")
    root.close()
    with pytest.raises(PermissionError, match=f"is not {APP_OWNER}'s"):
        platform.for_app.test(platform.app.value())


def test_no_password_ever_stands_in_the_servers_log(platform: Platform) -> None:
    drawn = [platform.administrator.rotate(platform.for_administrator)]
    platform.app.rotate(platform.for_app)
    drawn.append(platform.login()[1])
    root = platform.server.connect()
    ((log,),) = root.run("SELECT pg_read_file(pg_current_logfile())") or []
    root.close()
    assert 'ALTER ROLE "nautilus_app_clone" PASSWORD \'SCRAM-SHA-256$4096:' in log, "the log shows statements"
    assert [password for password in drawn if password in log] == []


# --- what SQL and TLS are made of -----------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=64))
def test_a_verifier_cannot_end_the_literal(password: str) -> None:
    assert set(verifier(password)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=$:-")


@pytest.mark.parametrize("name", ['a"; DROP ROLE b; --', "A", "", "1a", "a" * 64, "a-b", "a\n"])
def test_a_name_that_would_need_quoting_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        quoted(name)


def test_roles_from_the_environment_are_looked_at_before_anything_happens(platform: Platform) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        AppLogin({**platform.environment, "OWNER": 'x"; --'}, platform.connect, platform.app.client)


def test_the_certificate_is_checked_against_the_authority_and_the_name(platform: Platform, tmp_path: Path) -> None:
    ours, theirs = issue(tmp_path / "ours", "localhost"), issue(tmp_path / "theirs", "localhost")
    elsewhere = issue(tmp_path / "elsewhere", "db.example.com")
    for shown, trusted, accepted in ((ours, ours, True), (theirs, ours, False), (elsewhere, elsewhere, False)):
        with in_front_of(platform.server.port, shown) as port:
            connect = over_tls({"CA": trusted.authority, "HOST": "localhost", "PORT": str(port), "DATABASE": "nautilus"})
            if accepted:
                connection = connect(ADMINISTRATOR, STATE_ADMIN)
                assert connection.run("SELECT 1") == [[1]]
                connection.close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    connect(ADMINISTRATOR, STATE_ADMIN)


def test_a_server_without_tls_is_refused(platform: Platform, tmp_path: Path) -> None:
    authority = issue(tmp_path / "ours", "127.0.0.1").authority
    connect = over_tls({"CA": authority, "HOST": "127.0.0.1", "PORT": str(platform.server.port), "DATABASE": "nautilus"})
    with pytest.raises(InterfaceError, match="SSL"):
        connect(ADMINISTRATOR, STATE_ADMIN)


@pytest.mark.parametrize("missing", ["CA", "HOST", "PORT", "DATABASE"])
def test_without_an_authority_nothing_connects(missing: str, tmp_path: Path) -> None:
    environment = {"CA": issue(tmp_path / "a", "db").authority, "HOST": "db", "PORT": "5432", "DATABASE": "nautilus"}
    del environment[missing]
    with pytest.raises(KeyError, match=missing):
        over_tls(environment)


def test_trouble_that_is_no_refusal_is_not_taken_for_one(platform: Platform) -> None:
    def broken(user: str, password: str) -> pg8000.native.Connection:
        return platform.server.connect(user, password, "no_such_database")

    with pytest.raises(DatabaseError, match="3D000"):
        first_that_opens(broken, ADMINISTRATOR, (STATE_ADMIN, "another"), unasked)


def test_the_functions_client_is_boto3s_own(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    made: list[str] = []
    original = boto3.client

    def client(name: str, *args: Any, **kwargs: Any) -> Any:
        made.append(name)
        return original(name, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3, "client", client)
    AppLogin(platform.environment, platform.connect)
    assert made == ["secretsmanager"]
