"""`backup repository` and `backup verify`: exit codes, one document, and what it says of what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.naming import Names
from infra.settings.loader import load_stack
from infra.settings.root import Settings as StackSettings
from lambdas.config_backup import handler
from lambdas.config_backup.scope import Aws, Settings, document
from nautilus.cli import account
from tests.cli.conftest import ROOT, Nautilus
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session
from tests.ops.test_config_backup import repository as git_repository

session = moto_session
repository = git_repository


def prod() -> StackSettings:
    """The settings of production."""
    loaded = load_stack("prod", ROOT)
    assert isinstance(loaded, StackSettings)
    return loaded


class Stack:
    """The bucket of `prod` on moto."""

    def __init__(self, session: CachedSession) -> None:
        own = prod()
        self.region = own.account.region
        self.session = session
        self.s3 = session.client("s3", self.region)
        self.bucket = Names(own.platform.project, "prod").bucket("config", account=own.account.id, region=self.region)
        self.s3.create_bucket(Bucket=self.bucket, **self._place())

    def _place(self) -> dict[str, Any]:
        return {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}

    def run(self, part: str) -> None:
        """What the function would save of a part."""

        def source(_aws: Aws) -> Any:
            yield document("a.json", part)

        settings = Settings("nautilus-prod", "/nautilus/prod", "nautilus", "prod", self.region, self.bucket, "N", None)
        made = Aws(settings, client=lambda service, region: self.session.client(service, region))
        handler.run(made, part, datetime(2026, 11, 21, 3, tzinfo=UTC), {"one": source})


class Home(CachedSession):
    """A session in the stack's region, as the command opens it."""

    def __init__(self, inner: CachedSession, region: str) -> None:
        super().__init__()
        self._inner, self._region = inner, region

    def client(self, name: str, region_name: str | None = None) -> Any:
        return self._inner.client(name, region_name or self._region)


@pytest.fixture
def stack(session: CachedSession, monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack(session)
    own = prod()
    monkeypatch.setattr(account, "aws_session", lambda region: Home(session, region))
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(own.account.id, "arn:aws:iam::0:user/someone"))
    return made


def test_the_repository_is_saved(nautilus: Nautilus, stack: Stack, repository: Path) -> None:
    ran = nautilus("backup", "repository", "--stack", "prod", "--folder", str(repository), "--json")
    assert ran.code == 0, ran.err
    key = ran.document["key"]
    assert key.startswith("repository/")
    assert stack.s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"] == {"commit": ran.document["commit"]}


def test_a_folder_that_is_no_repository_is_refused(nautilus: Nautilus, stack: Stack, tmp_path: Path) -> None:
    ran = nautilus("backup", "repository", "--stack", "prod", "--folder", str(tmp_path))
    assert ran.code == 1
    assert "was not saved" in ran.err
    assert stack.s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"] == 0


def test_copies_of_both_parts_are_read_back(nautilus: Nautilus, stack: Stack) -> None:
    stack.run("application")
    assert nautilus("backup", "verify", "--stack", "prod").code == 1, "the system's copy is missing"
    stack.run("system")
    ran = nautilus("backup", "verify", "--stack", "prod", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["good"] is True
    assert ran.document["parts"]["system"]["objects"] == 1
    ran = nautilus("backup", "verify", "--stack", "prod", "--day", "2026-11-20")
    assert ran.code == 1
    assert "no copy" in ran.out


def test_a_missing_object_is_named(nautilus: Nautilus, stack: Stack) -> None:
    for part in ("application", "system"):
        stack.run(part)
    stack.s3.delete_object(Bucket=stack.bucket, Key="config/2026/11/21/system/one/a.json")
    ran = nautilus("backup", "verify", "--stack", "prod")
    assert ran.code == 1
    assert "config/2026/11/21/system/one/a.json" in ran.out


def test_a_bucket_that_is_not_there_is_no_answer(nautilus: Nautilus, stack: Stack) -> None:
    stack.s3.delete_bucket(Bucket=stack.bucket)
    assert nautilus("backup", "verify", "--stack", "prod").code == 3


def test_the_local_stack_has_no_bucket(nautilus: Nautilus) -> None:
    assert nautilus("backup", "verify", "--stack", "local").code == 2


def test_the_account_stack_has_none_either(nautilus: Nautilus, stack: Stack) -> None:
    ran = nautilus("backup", "verify", "--stack", "account")
    assert ran.code == 2
    assert "holds no configuration" in ran.err


def test_a_folder_that_is_not_there_is_bad_use(nautilus: Nautilus, stack: Stack, tmp_path: Path) -> None:
    ran = nautilus("backup", "repository", "--stack", "prod", "--folder", str(tmp_path / "nowhere"))
    assert ran.code == 2
    assert "nowhere' does not exist" in ran.err
