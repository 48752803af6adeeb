"""One `up` of the unchanged `local` stack, shared by every engine test of the session."""

from __future__ import annotations

import fcntl
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nautilus.engine.run import OperationResult
from nautilus.sandbox.engine import PolicyPack, Sandbox
from nautilus.sandbox.toolchain import ToolchainError, resolve
from tests.conftest import ROOT

PACKAGES = ("infra", "policies", "lambdas", "nautilus")


@dataclass(frozen=True)
class Life:
    """The stack after its first `up`."""

    sandbox: Sandbox
    first: OperationResult


def explain(result: OperationResult) -> str:
    """What went wrong, for an assertion's message."""
    return "\n".join([item.message for item in result.errors] or [f"see {result.output_log}"])


@pytest.fixture(scope="session")
def toolchain() -> object:
    try:
        return resolve(print)
    except ToolchainError as error:
        pytest.skip(f"no Pulumi CLI: {error}")


@pytest.fixture(scope="session")
def life(toolchain: object, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Life]:
    """One `up` for all workers: whoever comes first makes it, and each goes on with a copy of its own."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "first-up"
    shared.mkdir(exist_ok=True)
    packs = [PolicyPack(ROOT / "policies")]
    kept = shared / "result.pickle"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            result = Sandbox(ROOT, "local", root=shared / "sandbox", policy_packs=packs).up()
            kept.write_bytes(pickle.dumps(result))
    first: OperationResult = pickle.loads(kept.read_bytes())
    assert first.ok, explain(first)
    root = tmp_path_factory.mktemp("sandbox") / "copy"
    shutil.copytree(shared / "sandbox", root, symlinks=True)
    yield Life(Sandbox(ROOT, "local", root=root, policy_packs=packs), first)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the program whose files a test may spoil."""
    program = tmp_path / "program"
    program.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, program / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("Pulumi*.yaml"), ROOT / "__main__.py", ROOT / "pyproject.toml"):
        shutil.copy(file, program)
    (program / ".venv").symlink_to(ROOT / ".venv")
    return program


def spoil(program: Path, file: str, old: str, new: str) -> None:
    """Plant a defect. The text must be there: a test whose defect was not planted proves nothing."""
    path = program / file
    text = path.read_text()
    assert old in text, f"{file} does not contain {old!r}"
    path.write_text(text.replace(old, new))
