"""What is packed is what Lambda needs: each kind starts from its own archive and the runtime's libraries alone."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.components.function import LAMBDAS, library_files
from infra.plan.rds_authorities import authority
from infra.plan.rotation import KINDS
from infra.plan.secrets import APP_OWNER, APP_USERS, PROXY_USER, RESTORE_USER, Rotator

RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""What Lambda's Python runtime brings."""
ENVIRONMENT = {
    "LENGTH": "48",
    "SPECIAL": "-",
    "HOST": "db.example.com",
    "PORT": "5432",
    "DATABASE": "nautilus",
    "CA": authority("us-east-1"),
    "USERNAME": "backend",
    "USER_ID": "nautilus-test-cache-backend",
    "ADMINISTRATOR": "nautilus_admin",
    "ADMINISTRATOR_SECRET": "arn",
    "USERNAMES": ",".join(APP_USERS),
    "OWNER": APP_OWNER,
    "PROXY_USER": PROXY_USER,
    "READER": RESTORE_USER,
    "SESSION_MINUTES": "30",
    "RESTART_MINUTES": "120",
    "HEADER": "X",
    "PREVIOUS_SECRET": "arn",
}
SCRIPT = """
import json, os, sys
sys.path[:0] = sys.argv[1:3]
import handler
strategy = handler.strategy_of(json.loads(sys.argv[3]))
print(type(strategy).__module__, type(strategy).__name__)
"""


def runtime(folder: Path) -> Path:
    place = folder / "runtime"
    place.mkdir()
    for name in RUNTIME:
        file = Path(str(importlib.import_module(name).__file__))
        source = file.parent if file.stem == "__init__" else file
        (place / source.name).symlink_to(source)
    return place


def packed(folder: Path, libraries: tuple[str, ...]) -> Path:
    place = folder / "task"
    files = {path.name: path for path in (LAMBDAS / "rotation").glob("*.py")}
    for library in libraries:
        files |= library_files(library)
    for name, path in files.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    return place


def start(folder: Path, kind: Rotator, libraries: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    environment = {"KIND": kind.value, **ENVIRONMENT}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT, packed(folder, libraries), runtime(folder), json.dumps(environment)],
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_starts_from_its_own_archive(kind: Rotator, tmp_path: Path) -> None:
    done = start(tmp_path, kind, KINDS[kind].libraries)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in {"cache", "origin", "postgres", "values"}


@pytest.mark.parametrize("kind", [kind for kind, needs in KINDS.items() if needs.libraries])
def test_without_its_libraries_it_does_not(kind: Rotator, tmp_path: Path) -> None:
    done = start(tmp_path, kind, KINDS[kind].libraries[1:])
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
