"""The migrations' image: what its Dockerfile copies exists, its packages are the locked ones, and the settings start what it holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from infra.plan.tasks import USER
from infra.settings.jobs import Migrations

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "containers/migrations"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
PLACE = "/opt/nautilus/migrations"


def pinned(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package to version and hashes."""
    found = re.findall(r"^([a-z0-9.-]+)==(\S+)[^\n]*\\\n((?: +--hash=\S+(?: \\)?\n?)+)", text, re.MULTILINE)
    return {name: (version, frozenset(re.findall(r"sha256:[0-9a-f]{64}", hashes))) for name, version, hashes in found}


def test_its_packages_are_the_locked_ones() -> None:
    ours, locked = pinned((FOLDER / "requirements.txt").read_text("utf-8")), pinned((ROOT / "requirements.lock").read_text("utf-8"))
    assert set(ours) == {"asn1crypto", "pg8000", "python-dateutil", "scramp", "six"}, "pg8000 and all that it imports"
    assert ours == {name: locked[name] for name in ours}


def test_it_copies_every_module_and_nothing_that_is_not_there() -> None:
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    assert all((ROOT / word).exists() for word in copied), copied
    assert {Path(word).name for word in copied if word.endswith(".py")} == {file.name for file in FOLDER.glob("*.py")}


def test_the_settings_start_what_the_image_holds() -> None:
    assert Migrations().command == ["python3", PLACE]
    assert f" {PLACE}/\n" in DOCKERFILE
    assert DOCKERFILE.rstrip().endswith(f"USER {USER}:{USER}")


def test_it_runs_as_a_folder_alone(tmp_path: Path) -> None:
    """In the image there is no package `containers`, and nothing of this repository."""
    for file in FOLDER.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    ran = subprocess.run(
        [sys.executable, tmp_path, "check"], capture_output=True, text=True, check=False, cwd="/", env={"PATH": "/usr/bin"}
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "no database has both an address" in ran.stdout
