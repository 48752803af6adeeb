"""Rotation of a cache user: ElastiCache's own rules, a crash at any step, and a sign-in over real TLS.

moto knows `CreateUser` and `DescribeUsers` but not `ModifyUser`, so the first is asked of moto and the last of a stand-in that refuses what
AWS refuses.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from infra.plan.cache import PASSWORD_LENGTH
from infra.plan.rotation import KINDS
from infra.plan.secrets import ELASTICACHE_SPECIAL, Rotator
from lambdas.rotation.cache import CacheUser, NotOpenError

USER = "nautilus-prod-cache-backend"
ENVIRONMENT = {"USER_ID": USER, "USERNAME": "backend", "HOST": "master.cache", "PORT": "6379"}
OLD, NEW, NEWER = "old-password-of-16", "new-password-of-16", "newer-password-16"


class ElastiCache:
    """One region's user, with ElastiCache's rules; it becomes active again only after it has been looked at a few times."""

    def __init__(self, *passwords: str, slow: int = 2) -> None:
        self.passwords = list(passwords)
        self.slow = slow
        self.calls = 0
        self.crash_at: int | None = None
        self._busy = 0

    def _called(self) -> None:
        self.calls += 1
        if self.crash_at is not None and self.calls == self.crash_at:
            raise ConnectionError("the function was killed")

    def describe_users(self, *, UserId: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        self._called()
        assert UserId == USER
        status = "active" if self._busy == 0 else "modifying"
        self._busy = max(0, self._busy - 1)
        return {
            "Users": [{"UserId": UserId, "Status": status, "Authentication": {"Type": "password", "PasswordCount": len(self.passwords)}}]
        }

    def modify_user(self, *, UserId: str, AuthenticationMode: dict[str, Any]) -> None:  # noqa: N803 (AWS's names)
        self._called()
        passwords = AuthenticationMode["Passwords"]

        def refuse(code: str) -> ClientError:
            return ClientError({"Error": {"Code": code, "Message": code}}, "ModifyUser")

        if self._busy:
            raise refuse("InvalidUserState")
        if not 1 <= len(passwords) <= 2 or len(set(passwords)) != len(passwords) or AuthenticationMode["Type"] != "password":
            raise refuse("InvalidParameterCombination")
        if any(not PASSWORD_LENGTH[0] <= len(one) <= PASSWORD_LENGTH[1] for one in passwords):
            raise refuse("InvalidParameterValue")
        self.passwords, self._busy = list(passwords), self.slow


class Server:
    """The cache behind those users: opens for the user's passwords and no others."""

    def __init__(self, users: ElastiCache) -> None:
        self.users = users

    def connect(self, username: str, password: str) -> Any:
        opens = username == "backend" and password in self.users.passwords

        class Connection:
            def ping(self) -> bool:
                if not opens:
                    raise redis.AuthenticationError("WRONGPASS")
                return True

            def close(self) -> None:
                return None

        return Connection()


def strategy(users: ElastiCache, *, standby: ElastiCache | None = None, waits: list[float] | None = None) -> CacheUser:
    regions: dict[str | None, ElastiCache] = {None: users}
    environment = dict(ENVIRONMENT)
    if standby is not None:
        regions["us-west-2"] = standby
        environment["STANDBY_REGION"] = "us-west-2"
    waited = [] if waits is None else waits
    return CacheUser(environment, sleep=waited.append, client=regions.__getitem__, connect=Server(users).connect)


def rotate(one: CacheUser, current: str, pending: str) -> None:
    """The steps that Secrets Manager asks for, after the value has been made."""
    one.set(current, pending, None)
    one.test(pending)
    one.finished(pending)


def test_old_and_new_both_open_in_between_and_the_new_one_alone_after() -> None:
    users = ElastiCache(OLD)
    one = strategy(users)
    one.set(OLD, NEW, None)
    assert users.passwords == [OLD, NEW]
    one.test(NEW)
    one.finished(NEW)
    assert users.passwords == [NEW]
    with pytest.raises(NotOpenError):
        one.test(OLD)


def test_the_next_rotation_starts_from_the_last() -> None:
    users = ElastiCache(OLD)
    rotate(strategy(users), OLD, NEW)
    strategy(users).set(NEW, NEWER, OLD)
    assert users.passwords == [NEW, NEWER], "the one before is gone: a user has two at most"


@pytest.mark.parametrize("crash", range(1, 17))
def test_a_crash_at_any_call_is_repaired_by_repeating(crash: int) -> None:
    users = ElastiCache(OLD)
    users.crash_at = crash
    crashed = False
    for step in (lambda: strategy(users).set(OLD, NEW, None), lambda: strategy(users).test(NEW), lambda: strategy(users).finished(NEW)):
        try:
            step()
        except ConnectionError:
            crashed = True
            assert users.passwords in ([OLD], [OLD, NEW], [NEW]), "nobody is ever locked out"
            step()
    assert users.passwords == [NEW]
    assert crashed == (crash <= 10), "the test would not have crashed anywhere"


def test_every_step_may_be_repeated() -> None:
    users = ElastiCache(OLD)
    one = strategy(users)
    for _ in range(3):
        one.set(OLD, NEW, None)
        assert users.passwords == [OLD, NEW]
    for _ in range(3):
        one.finished(NEW)
        assert users.passwords == [NEW]


def test_the_second_regions_user_follows() -> None:
    users, standby = ElastiCache(OLD), ElastiCache(OLD)
    one = strategy(users, standby=standby)
    one.set(OLD, NEW, None)
    assert standby.passwords == [OLD, NEW]
    one.finished(NEW)
    assert standby.passwords == [NEW]


def test_a_change_that_never_ends_is_an_error() -> None:
    waits: list[float] = []
    one = strategy(ElastiCache(OLD, slow=10_000), waits=waits)
    with pytest.raises(TimeoutError, match="modifying"):
        one.set(OLD, NEW, None)
    # The longest step, with the calls of two regions, ends before Lambda ends it.
    assert 4 * sum(waits) + 60 <= KINDS[Rotator.CACHE_USER].seconds
    assert sum(waits) >= 180, "ElastiCache takes minutes"


def test_a_node_that_learns_late_is_waited_for() -> None:
    users, tries = ElastiCache(OLD, NEW), []
    server = Server(users)

    def late(username: str, password: str) -> Any:
        tries.append(1)
        return server.connect(username, "not yet" if len(tries) < 3 else password)

    waits: list[float] = []
    CacheUser(ENVIRONMENT, sleep=waits.append, client=lambda _region: users, connect=late).test(NEW)
    assert (len(tries), len(waits)) == (3, 2)


def test_the_error_holds_no_password() -> None:
    with pytest.raises(NotOpenError) as raised:
        strategy(ElastiCache(OLD)).test(NEW)
    assert NEW not in str(raised.value)
    assert OLD not in str(raised.value)


@given(st.booleans())
def test_new_values_are_what_elasticache_takes(first: bool) -> None:
    value = strategy(ElastiCache(OLD)).new(OLD, first)
    assert PASSWORD_LENGTH[0] <= len(value) <= PASSWORD_LENGTH[1]
    assert all(char.isascii() and (char.isalnum() or char in ELASTICACHE_SPECIAL) for char in value)
    assert value not in {OLD, strategy(ElastiCache(OLD)).new(OLD, first)}


@pytest.mark.parametrize("name", list(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        CacheUser({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_the_real_clients_question_fits_awss_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 checks the parameters against its model before it sends them, and moto's answer has the fields that are waited for."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        elasticache: Any = boto3.client("elasticache", region_name="us-east-1")
        elasticache.create_user(UserId=USER, UserName="backend", Engine="valkey", AccessString="on ~* -@all", Passwords=[OLD])
        sent: list[dict[str, Any]] = []

        def instead(params: dict[str, Any], **_: Any) -> None:
            sent.append(params)
            raise InterruptedError("what would be sent is known; moto lacks the call itself")

        elasticache.meta.events.register("provide-client-params.elasticache.ModifyUser", instead)
        with pytest.raises(InterruptedError):
            CacheUser(ENVIRONMENT, sleep=lambda _seconds: None, client=lambda _region: elasticache).set(OLD, NEW, None)
        assert sent == [{"UserId": USER, "AuthenticationMode": {"Type": "password", "Passwords": [OLD, NEW]}}]


# --- over TLS -------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> Path:
    """A certificate that signs itself, with its key, as one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class _Resp(socketserver.StreamRequestHandler):
    """As much of the protocol as a sign-in and a PING need."""

    server: Any

    def handle(self) -> None:
        signed_in = False
        while line := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode() for _ in range(int(line[1:]))]
            command = words[0].upper()
            if command == "HELLO" or command == "AUTH":
                given = words[words.index("AUTH") + 1 :] if command == "HELLO" and "AUTH" in words else words[1:]
                signed_in = tuple(given[:2]) == ("backend", self.server.password)
                answer = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
                if signed_in:
                    answer = b"%1\r\n+proto\r\n:3\r\n" if command == "HELLO" else b"+OK\r\n"
            elif not signed_in:
                answer = b"-NOAUTH Authentication required.\r\n"
            else:
                answer = b"+PONG\r\n" if command == "PING" else b"+OK\r\n"
            self.wfile.write(answer)


@contextmanager
def tls_cache(folder: Path, name: str, password: str) -> Generator[int]:
    """A server on loopback that speaks TLS under `name` and opens for one password. Its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, name))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        password: str

        def get_request(self) -> Any:
            connection, address = super().get_request()
            connection.settimeout(5)
            return context.wrap_socket(connection, server_side=True), address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what some of the tests are about."""

    with Server(("127.0.0.1", 0), _Resp) as server:
        server.password = password
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name resolves to this machine."""
    real: Callable[..., Any] = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: real("127.0.0.1", *rest, **more))


def over_tls(port: int, host: str = "localhost") -> CacheUser:
    return CacheUser(ENVIRONMENT | {"HOST": host, "PORT": str(port)}, sleep=lambda _seconds: None, client=lambda _region: None)


@pytest.mark.usefixtures("here")
def test_a_sign_in_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_cache(tmp_path, "localhost", NEW) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
        over_tls(port).test(NEW)
        with pytest.raises(NotOpenError, match="AuthenticationError"):
            over_tls(port).test(OLD)


@pytest.mark.usefixtures("here")
def test_a_server_whose_certificate_nobody_signed_gets_no_password(tmp_path: Path) -> None:
    with tls_cache(tmp_path, "localhost", NEW) as port, pytest.raises(NotOpenError, match="ConnectionError"):
        over_tls(port).test(NEW)


@pytest.mark.usefixtures("here")
def test_a_server_of_another_name_gets_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_cache(tmp_path, "somebody.else", NEW) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "somebody.else.pem"))
        with pytest.raises(NotOpenError, match="ConnectionError"):
            over_tls(port, "localhost").test(NEW)
