"""`nautilus config check` and `nautilus config docs`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from infra.settings.loader import load_stack
from nautilus.cli.app import main
from nautilus.cli.config import resolved
from tests.settings.samples import ROOT, STACKS, changed, write


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_in_order(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--stack", stack, "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert list(document) == ["stack", "file", "settings"]
    assert document["stack"] == stack
    assert document["file"] == str(ROOT / f"Pulumi.{stack}.yaml")
    assert document["settings"]["platform"]["environment"] == stack
    assert document["settings"]["account"]["drRegion"] == "us-west-2"
    assert "no problems" in err


def test_resolved_settings_are_yaml_that_marks_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--stack", "prod"]) == 0
    out, _ = capsys.readouterr()
    assert yaml.safe_load(out) == load_stack("prod", ROOT).model_dump(mode="json", by_alias=True)
    lines = out.splitlines()
    assert "  environment: prod" in lines
    assert "  costCenter: trading" in lines
    assert "  project: nautilus  # default" in lines
    assert "unlock: false  # default" in lines


def test_a_section_that_is_left_out_is_all_default() -> None:
    lines = list(resolved(load_stack("local", ROOT)))
    start = lines.index("secrets:")
    assert lines[start + 1 : start + 3] == ["  recoveryDays: 30  # default", "  rotationDays: 30  # default"]


def test_problems_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "prod", changed("prod", {"postgres.major": 14, "network.nat": "single", "cache.nodes": 3}))
    assert main(["config", "check", "--stack", "prod", "--config-dir", str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["error"]["code"] == "settings"
    assert document["error"]["message"] == "the settings of stack prod have 3 problems"
    assert document["error"]["where"] == str(path)
    assert [problem["key"] for problem in document["problems"]] == [
        "nautilus-infra:network.nat", "nautilus-infra:postgres.major", "nautilus-infra:cache.nodes"
    ]  # fmt: skip
    assert set(document["problems"][0]) == {"file", "line", "key", "value", "accepted", "message", "repair"}
    assert err == ""


def test_problems_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "prod", changed("prod", {"postgres.major": 14}))
    assert main(["config", "check", "--stack", "prod", "--config-dir", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "nautilus-infra:postgres.major = 14 (accepted: a whole number from 15 to 18)" in err
    assert "fix: pulumi config set --stack prod" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("text", ["", "config: [", "config: 3", "\x00", "config:\n  nautilus-infra:platform: 3\n"])
def test_bad_files_are_a_no_and_one_document(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(text)
    assert main(["config", "check", "--stack", "prod", "--config-dir", str(tmp_path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["problems"]
    assert all(problem["repair"] for problem in document["problems"])


def test_a_stack_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--stack", "productoin"]) == 1
    err = capsys.readouterr().err
    assert "stacks with a file there: account, local, paper, prod, staging" in err
    assert "nautilus config check --stack prod" in err


@pytest.mark.parametrize("stack", ["../prod", "", "a/b", "-x", "x" * 101])
def test_a_name_that_is_none_is_bad_use(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", f"--stack={stack}", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_a_folder_that_is_none_is_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config-dir", str(tmp_path / "none"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_local_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stack"] == "local"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that counts as a checkout of ours, with nothing in docs/."""
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_docs_are_written_once(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "docs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["docs/settings.md", "docs/settings.schema.json"]
    for name in ("settings.md", "settings.schema.json"):
        assert (checkout / "docs" / name).read_bytes() == (ROOT / "docs" / name).read_bytes()
    assert main(["config", "docs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == []


def test_stale_docs_are_a_no_and_are_left_alone(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "docs"]) == 0
    page = checkout / "docs" / "settings.md"
    page.write_text("old")
    capsys.readouterr()
    assert main(["config", "docs", "--check", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["hint"] == "nautilus config docs"
    assert document["stale"] == ["docs/settings.md"]
    assert page.read_text() == "old"


def test_committed_docs_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "docs", "--check"]) == 0
    assert "up to date" in capsys.readouterr().err
