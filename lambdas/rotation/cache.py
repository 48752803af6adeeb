"""Rotates the password of a user of the cache (Valkey or Redis on ElastiCache).

A user has one password or two. Between `set` and `finished` it has the old one and the new one, so that services which were started before
and after go on signing in; `finished` leaves the new one alone. Every step states what the user shall have, never what to add: repeating it
after a crash ends in the same state.

    USER_ID         nautilus-prod-cache-backend   ElastiCache's id of the user
    USERNAME        backend                       what a service signs in with
    HOST            master.nautilus-prod-cache.…  the primary
    PORT            6379
    STANDBY_REGION  us-west-2                     where the same user exists for a global datastore; absent without one

Users do not follow a global datastore: without the second region's change a failover would find services with passwords that open nothing.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import redis
from botocore.config import Config
from redis.backoff import NoBackoff
from redis.retry import Retry

_BOTO = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 64
_WAIT_SECONDS = 200
"""How long ElastiCache may take to change a user on all nodes. A step waits four times at most, before and after each of two regions' changes,
and the function has 900 seconds: cut off by them it would not say what it waited for."""
_STEP_SECONDS = 5
_TRIES = 12
"""How often a new password is tried: the nodes learn of it one after the other."""
_TIMEOUT_SECONDS = 5


class NotOpenError(Exception):
    """The pending password does not open the cache. Its text never holds a password."""


class CacheUser:
    """The strategy of one user.

    Args:
        environment: The function's environment, as above.
        sleep: Waits for some seconds.
        client: Makes an ElastiCache client of a region (None: the function's own).
        connect: Makes a client of the cache from user name and password.

    Raises:
        ValueError: a variable is missing, or PORT is no number.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        client: Callable[[str | None], Any] | None = None,
        connect: Callable[[str, str], Any] | None = None,
    ) -> None:
        try:
            self._user, self._name = environment["USER_ID"], environment["USERNAME"]
            self._host, self._port = environment["HOST"], int(environment["PORT"])
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None
        self._regions: tuple[str | None, ...] = (None, *filter(None, [environment.get("STANDBY_REGION")]))
        self._sleep = sleep
        self._client = client or (lambda region: boto3.client("elasticache", region_name=region, config=_BOTO))
        self._connect = connect or self._over_tls

    def new(self, current: str, first: bool) -> str:  # noqa: ARG002 - the first value needs no other care: `finished` drops it
        """64 letters and digits, 381 bits: inside ElastiCache's 16 to 128, and nothing that a URL would have to escape."""
        while (value := "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))) == current:
            pass
        return value

    def set(self, current: str, pending: str, previous: str | None) -> None:  # noqa: ARG002 - two passwords are a user's most
        """Give the user the current and the pending password, in every region."""
        self._become((current, pending))

    def test(self, pending: str) -> None:
        """Sign in over TLS and ask for an answer; the certificate has to be the cache's.

        Raises:
            NotOpenError: the cache refused the password, or did not answer, for a minute.
        """
        problem = "it was never tried"
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(_STEP_SECONDS)
            try:
                connection = self._connect(self._name, pending)
                try:
                    if connection.ping():
                        return
                    problem = "it did not answer PING"
                finally:
                    connection.close()
            except redis.RedisError as error:
                problem = type(error).__name__
        raise NotOpenError(f"the new password of {self._name} does not open {self._host}: {problem}")

    def finished(self, value: str) -> None:
        """Leave the user this one password: whoever still holds the old one is out from the next connection on."""
        self._become((value,))

    def _become(self, passwords: Sequence[str]) -> None:
        """The user has exactly these passwords, on every node, in every region."""
        wanted = list(dict.fromkeys(passwords))
        for region in self._regions:
            client = self._client(region)
            # ElastiCache refuses a change of a user while it is at another one: an earlier attempt's, perhaps.
            self._settle(client)
            client.modify_user(UserId=self._user, AuthenticationMode={"Type": "password", "Passwords": wanted})
            self._settle(client, passwords=len(wanted))

    def _settle(self, client: Any, *, passwords: int | None = None) -> None:
        """Wait until the user is active, with so many passwords.

        Raises:
            TimeoutError: it takes longer than `_WAIT_SECONDS`.
        """
        waited = 0
        while True:
            (user,) = client.describe_users(UserId=self._user)["Users"]
            count = user.get("Authentication", {}).get("PasswordCount")
            if user["Status"] == "active" and passwords in (None, count):
                return
            if waited >= _WAIT_SECONDS:
                raise TimeoutError(f"user {self._user} has been {user['Status']} with {count} passwords for {waited} s")
            self._sleep(_STEP_SECONDS)
            waited += _STEP_SECONDS

    def _over_tls(self, username: str, password: str) -> Any:
        return redis.Redis(
            host=self._host,
            port=self._port,
            username=username,
            password=password,
            ssl=True,
            ssl_cert_reqs="required",
            ssl_check_hostname=True,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # `test` tries again itself.
            retry=Retry(NoBackoff(), 0),
        )
