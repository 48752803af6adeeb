"""A moto account: no network, and credentials that are nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.iam.models import AWSManagedPolicy, iam_backends

ACCOUNT = "123456789012"
REGION = "eu-west-1"


class CachedSession:
    """A boto3 session that makes each client once: reading the service models again for every test would take most of the tests' time."""

    def __init__(self) -> None:
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, name: str, region_name: str | None = None) -> Any:
        """The client of a service."""
        if self._session is None:
            self._session = boto3.Session(region_name=REGION)
        key = (name, region_name or REGION)
        if key not in self._clients:
            self._clients[key] = self._session.client(name, region_name=key[1])
        return self._clients[key]


_CACHED = CachedSession()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[CachedSession]:
    """A session on moto's account 123456789012, without any of the caller's own AWS settings."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield _CACHED


@pytest.fixture
def managed_policies(session: CachedSession) -> None:
    """The two AWS-managed policies that the CI roles attach; loading all of AWS's would cost a second a test."""
    backend = iam_backends[ACCOUNT]["aws"]
    for name in ("ReadOnlyAccess", "PowerUserAccess"):
        policy = AWSManagedPolicy(name, account_id=ACCOUNT, region="us-east-1", path="/", document="{}")
        backend.managed_policies[policy.arn] = policy
