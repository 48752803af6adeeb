"""The command line on a fake engine: one call, its exit code, its two streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nautilus.cli import account, engines
from nautilus.cli.app import main
from tests.cli.fakes import FakeEngine

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """What a call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout; fails when there is anything beside it."""
        return json.loads(self.out)


Nautilus = Callable[..., Ran]


@pytest.fixture
def nautilus(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nautilus:
    """Call the command line as the installed program does."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("NAUTILUS_DEBUG", raising=False)

    def call(*args: str) -> Ran:
        capsys.readouterr()
        code = main(args)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@dataclass
class Engines:
    """The fake engine in place of both real ones, and what it was opened with."""

    engine: FakeEngine
    opened: list[dict[str, Any]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Engines:
    """Every stack lives on one fake engine."""
    held = Engines(FakeEngine(), [])

    def open_engine(project: Path, stack: str, config_dir: Path | None, say: Any, *, sandbox: bool) -> FakeEngine:
        held.opened.append({"stack": stack, "sandbox": sandbox, "config_dir": config_dir})
        held.engine.simulated = sandbox
        return held.engine

    monkeypatch.setattr(engines, "open_engine", open_engine)
    return held


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """AWS credentials of the account in the dictionary, without AWS."""
    caller = {"account": "123456789012"}
    monkeypatch.setattr(account, "aws_session", lambda region: region)
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(caller["account"], "arn:aws:iam::0:user/someone"))
    return caller
