"""Files and Pulumi's configuration end in the same settings and the same refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as runtime

from infra.settings.loader import load_program, load_stack, own_name, stacks_in
from infra.settings.problems import Problem, SettingsError
from infra.settings.root import AccountSettings, Settings
from infra.settings.yaml_reader import parse
from tests.settings.cases import SINGLE
from tests.settings.samples import ROOT, STACKS, changed, write


def refused(stack: str, folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        load_stack(stack, folder)
    assert "Traceback" not in str(caught.value)
    return caught.value.problems


def written(folder: Path, text: str | bytes, stack: str = "staging") -> Path:
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, "config: {}", "local")
    (problem,) = refused("prod", tmp_path)
    assert problem.file == "Pulumi.prod.yaml"
    assert "does not exist" in problem.message
    assert "stacks with a file there: local" in problem.message
    assert problem.repair == f"cp {tmp_path}/Pulumi.local.yaml {tmp_path}/Pulumi.prod.yaml"


def test_a_name_that_was_misspelled(tmp_path: Path) -> None:
    written(tmp_path, "config: {}", "local")
    written(tmp_path, "config: {}", "staging")
    (problem,) = refused("stagin", tmp_path)
    assert problem.repair == "nautilus config check --stack staging"


def test_an_empty_folder(tmp_path: Path) -> None:
    (problem,) = refused("prod", tmp_path)
    assert "there is no stack file at all" in problem.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty"),
        ("# nothing\n", None, "is empty"),
        ("config:\n", 1, "has no mapping under `config:`"),
        ("encryptionsalt: v1:x\n", None, "has no mapping under `config:`"),
        ("config: [a]\n", 1, "has no mapping under `config:`"),
        ("- config\n", None, "is not a mapping"),
        ("just text\n", None, "is not a mapping"),
        ("config:\n  a: [1\n", 3, "is not YAML"),
        (b"config:\n  a: \xe9\n", 2, "is not text in UTF-8"),
        (b"\x00\x01\x02", 1, "is not YAML: a character"),
    ],
)
def test_files_without_settings(tmp_path: Path, text: str | bytes, line: int | None, message: str) -> None:
    written(tmp_path, text)
    (problem,) = refused("staging", tmp_path)
    assert problem.line == line
    assert message in problem.message
    assert problem.accepted
    assert problem.repair.startswith('"${EDITOR:-vi}"')


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.staging.yaml").mkdir()
    (problem,) = refused("staging", tmp_path)
    assert problem.message == "cannot be read: Is a directory"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.staging.yaml").symlink_to("Pulumi.staging.yaml")
    (problem,) = refused("staging", tmp_path)
    assert problem.message.startswith("cannot be read: ")
    assert problem.repair.startswith("ls -ld ")


def test_lines_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, "staging", changed("staging", {"postgres.major": 14}))
    text = (tmp_path / "Pulumi.staging.yaml").read_text().splitlines()
    (problem,) = refused("staging", tmp_path)
    assert problem.line is not None
    assert text[problem.line - 1].strip() == "major: 14"


def test_duplicates_are_found_with_everything_else(tmp_path: Path) -> None:
    path = write(tmp_path, "staging", changed("staging", {"postgres.major": 14}))
    path.write_text(
        path.read_text() + "  nautilus-infra:unlock: true\n  nautilus-infra:unlock: false\n  nautilus-infra:config:unlock: true\n"
    )
    found = refused("staging", tmp_path)
    assert [problem.key for problem in found] == [
        "nautilus-infra:postgres.major", "nautilus-infra:unlock", "nautilus-infra:unlock"
    ]  # fmt: skip
    assert "a second time" in found[1].message
    assert "spelled `nautilus-infra:config:unlock`" in found[2].message


def test_leading_zeros_are_refused_where_pulumi_would_change_them(tmp_path: Path) -> None:
    path = write(tmp_path, "staging", changed("staging", {"account.id": "X"}))
    text = path.read_text()
    path.write_text(text.replace("id: X", 'id: "012345678901"'))
    assert load_stack("staging", tmp_path).account.id == "012345678901"
    path.write_text(text.replace("id: X", "id: 012345678901"))
    (problem,) = refused("staging", tmp_path)
    assert problem.key == "nautilus-infra:account.id"
    assert "starts with a zero" in problem.message


@pytest.mark.parametrize("spelling", ["aws:region", "aws:config:region"])
def test_a_region_that_contradicts(tmp_path: Path, spelling: str) -> None:
    path = write(tmp_path, "staging", changed("staging", {}))
    path.write_text(path.read_text() + f"  {spelling}: eu-west-1\n  aws:profile: desk\n  other:thing: {{a: 1}}\n")
    (problem,) = refused("staging", tmp_path)
    assert (problem.key, problem.value, problem.accepted) == (spelling, '"eu-west-1"', "us-east-1")
    assert problem.repair.endswith(f"config rm --stack staging --config-file {path} {spelling}")


def test_a_region_that_agrees(tmp_path: Path) -> None:
    path = write(tmp_path, "staging", changed("staging", {}))
    path.write_text(path.read_text() + "  aws:region: us-east-1\n")
    assert load_stack("staging", tmp_path).account.region == "us-east-1"


def test_an_encrypted_value_is_named_and_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "staging", changed("staging", {"postgres.user": {"secure": "v1:c2VjcmV0"}}))
    (problem,) = refused("staging", tmp_path)
    assert (problem.key, problem.value) == ("nautilus-infra:postgres.user", "[secret]")
    assert "Secrets Manager" in problem.message
    assert str(path) in problem.repair


def test_repairs_name_the_file_of_another_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "staging", changed("staging", {"postgres.major": 14}))
    assert "--config-file" in refused("staging", tmp_path)[0].repair
    (tmp_path / "Pulumi.yaml").write_text("name: nautilus-infra\nruntime: python\n")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert "--config-file" not in refused("staging", tmp_path)[0].repair


def test_defaults_of_the_project_file(tmp_path: Path) -> None:
    data = changed("staging", {})
    del data["trading"]
    write(tmp_path, "staging", data)
    project = {
        "name": "nautilus-infra",
        "config": {"trading": {"type": "object", "default": {"ibClientId": 7}}, "nautilus-infra:unlock": True},
    }
    (tmp_path / "Pulumi.yaml").write_text(json.dumps(project))
    settings = load_stack("staging", tmp_path)
    assert isinstance(settings, Settings)
    assert settings.trading.ib_client_id == 7
    assert settings.unlock is True
    (tmp_path / "Pulumi.yaml").write_text("{{{")
    assert load_stack("staging", tmp_path).unlock is False


def test_spellings_of_our_namespace() -> None:
    assert [own_name(key) for key in ("unlock", "nautilus-infra:unlock", "nautilus-infra:config:unlock", "aws:region")] == [
        "unlock",
        "unlock",
        "unlock",
        None,
    ]


def test_stacks_in_a_folder() -> None:
    assert stacks_in(ROOT) == sorted(STACKS)


# -- Pulumi's configuration -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    runtime.set_all_config({}, [])
    yield
    runtime.set_all_config({}, [])


def as_pulumi(data: dict[str, Any], **more: str) -> dict[str, str]:
    """What Pulumi hands to a program: objects as JSON, scalars as text, and the project's defaults."""
    config = {f"nautilus-infra:{name}": json.dumps(value) if not isinstance(value, str) else value for name, value in data.items()}
    declared = parse((ROOT / "Pulumi.yaml").read_bytes()).data["config"]
    defaults = {f"nautilus-infra:{name}": json.dumps(declaration["default"]) for name, declaration in declared.items()}
    return {**defaults, **config, **{name.replace("_", ":", 1): value for name, value in more.items()}}


def from_pulumi(config: dict[str, str], stack: str, secrets: list[str] | None = None) -> Settings | AccountSettings:
    runtime.set_all_config(config, secrets or [])
    return load_program(pulumi.Config("nautilus-infra"), stack)


@pytest.mark.parametrize("stack", STACKS)
def test_program_and_tools_see_the_same(stack: str) -> None:
    assert from_pulumi(as_pulumi(changed(stack, {})), stack) == load_stack(stack, ROOT)


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        pytest.param(case[0], case[1], id=case[2])
        for case in SINGLE
        if "[secret]" not in str(case[1]) and "object object" not in str(case[1])
    ],
)
def test_program_and_tools_refuse_the_same(stack: str, changes: dict[str, Any], tmp_path: Path) -> None:
    data = changed(stack, changes)
    write(tmp_path, stack, data)
    with pytest.raises(SettingsError) as caught:
        from_pulumi(as_pulumi(data), stack)
    in_program = {(problem.key, problem.message) for problem in caught.value.problems}
    in_file = {(problem.key, problem.message) for problem in refused(stack, tmp_path)}
    if any(value is None for value in changes.values()) or "postgres" in changes:
        # Pulumi spells a section that is empty or no object as text.
        assert {key for key, _ in in_program} == {key for key, _ in in_file}
    else:
        assert in_program == in_file


def test_unlock_as_pulumi_stores_it() -> None:
    assert from_pulumi(as_pulumi(changed("staging", {}) | {"unlock": "true"}), "staging").unlock is True


def test_secrets_in_a_section_are_not_read() -> None:
    config = as_pulumi(changed("staging", {"postgres.user": "hunter_two"}))
    with pytest.raises(SettingsError) as caught:
        from_pulumi(config, "staging", ["nautilus-infra:postgres"])
    assert "hunter_two" not in str(caught.value)
    (problem,) = caught.value.problems
    assert problem.repair == "nautilus config check --stack staging"


def test_unknown_keys_and_a_contradicting_region_in_the_program() -> None:
    with pytest.raises(SettingsError) as caught:
        from_pulumi(as_pulumi(changed("staging", {}), **{"nautilus-infra_unlok": "true", "aws_region": "eu-west-1"}), "staging")
    assert {problem.key for problem in caught.value.problems} == {"nautilus-infra:unlok", "aws:region"}


def test_configuration_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(as_pulumi(changed("staging", {"unlock": True}))))
    assert load_program(pulumi.Config("nautilus-infra"), "staging").unlock is True


def test_the_tools_do_not_load_pulumi() -> None:
    import subprocess
    import sys

    lines = (
        "import sys",
        "from pathlib import Path",
        "from infra.settings.loader import load_stack",
        "load_stack('prod', Path('.'))",
        "print('pulumi' in sys.modules)",
    )
    code = "; ".join(lines)
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.sub(r"\s", "", answer.stdout) == "False"


EMERGENCY = {
    "reason": "incident 4711: broker moved its login servers",
    "expires": "2026-12-10",
    "reviewer": "oncall",
    "domains": {"login.example.com": "new login servers"},
}


@pytest.mark.parametrize(
    ("today", "says"),
    [(date(2026, 12, 11), "was 2026-12-10"), (date(2026, 11, 20), "more than 14 days ahead")],
    ids=("over", "too far ahead"),
)
def test_an_emergency_list_ends_where_there_is_a_clock(tmp_path: Path, today: date, says: str) -> None:
    write(tmp_path, "prod", changed("prod", {"egress.emergency": EMERGENCY}))
    assert isinstance(load_stack("prod", tmp_path), Settings), "the program reads no clock"
    assert isinstance(load_stack("prod", tmp_path, today=date(2026, 12, 10)), Settings), "its last day counts"
    with pytest.raises(SettingsError) as caught:
        load_stack("prod", tmp_path, today=today)
    (problem,) = caught.value.problems
    assert problem.key == "nautilus-infra:egress.emergency.expires"
    assert says in problem.message
    assert problem.repair.endswith("nautilus-infra:egress.emergency")


@pytest.mark.parametrize(
    ("today", "says"),
    [(date(2026, 12, 11), "was accepted until 2026-12-10"), (date(2026, 9, 10), "is accepted for more than 90 days, until 2026-12-10")],
    ids=("over", "too far ahead"),
)
def test_an_accepted_finding_ends_where_there_is_a_clock(tmp_path: Path, today: date, says: str) -> None:
    entry = {"reason": "the library opens no socket here", "until": "2026-12-10", "reviewer": "security"}
    write(tmp_path, "prod", changed("prod", {"registry.acceptFindings": {"CVE-2026-12345": entry}}))
    assert isinstance(load_stack("prod", tmp_path), Settings), "the program reads no clock"
    assert isinstance(load_stack("prod", tmp_path, today=date(2026, 12, 10)), Settings), "its last day counts"
    with pytest.raises(SettingsError) as caught:
        load_stack("prod", tmp_path, today=today)
    (problem,) = caught.value.problems
    assert problem.key == "nautilus-infra:registry.acceptFindings.CVE-2026-12345.until"
    assert says in problem.message
    assert problem.repair.endswith("registry.acceptFindings.CVE-2026-12345")
