"""Both engines behind one face: what is passed to Pulumi, and how its troubles end."""

from __future__ import annotations

import json
import os
import stat
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from nautilus.cli import engines
from nautilus.cli.engines import AwsEngine, SandboxEngine, official_pulumi, policy_folder, stack_trouble, unlocked
from nautilus.cli.errors import BadUseError, CannotTellError, CliError
from nautilus.engine.run import OperationError, Outcome
from nautilus.sandbox.engine import SandboxError
from nautilus.sandbox.toolchain import ToolchainError
from nautilus.sandbox.workspace import BusyError, WorkspaceError

STACK_FILE = """\
# a comment
config:
  aws:region: us-east-1
  nautilus-infra:backup:
    start: 02:00
    zone: 0123
  nautilus-infra:secret:
    secure: v1:abc:def
encryptedkey: KEY
"""


def say(_text: str) -> None:
    return


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a policy pack and a stack file."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "Pulumi.yaml").write_text("name: nautilus-infra\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(STACK_FILE)
    return tmp_path


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` on PATH that writes down what it was called with and the stack file that it was given; its answer stands in `answer`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "pulumi"
    program.write_text(
        textwrap.dedent(
            f"""\
            #!/bin/sh
            [ "$1" = version ] && {{ cat {folder}/version; exit 0; }}
            printf '%s\\n' "$@" > {folder}/called
            while [ $# -gt 0 ]; do [ "$1" = --config-file ] && cat "$2" > {folder}/config; shift; done
            cat {folder}/answer
            cat {folder}/complaint >&2
            exit $(cat {folder}/code)
            """
        )
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name, text in {"version": "v3.300.0\n", "answer": "{}", "complaint": "", "code": "0"}.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def called(pulumi: Path) -> list[str]:
    return (pulumi / "called").read_text().splitlines()


def test_the_unlock_sets_one_key_and_keeps_every_other_text() -> None:
    tree = yaml.load(unlocked(STACK_FILE), Loader=yaml.BaseLoader)
    assert tree["config"]["nautilus-infra:unlock"] == "true"
    assert tree["config"]["nautilus-infra:backup"] == {"start": "02:00", "zone": "0123"}
    assert tree["config"]["nautilus-infra:secret"] == {"secure": "v1:abc:def"}
    assert tree["encryptedkey"] == "KEY"


def test_the_unlock_replaces_a_lock_that_is_spelled_out() -> None:
    text = "config:\n  nautilus-infra:unlock: false\n  a:b: 1\n"
    assert yaml.safe_load(unlocked(text)) == {"config": {"a:b": 1, "nautilus-infra:unlock": True}}


@pytest.mark.parametrize("text", ["", "[]", "a: [", "config: 3"])
def test_what_is_no_stack_file_is_refused(text: str) -> None:
    with pytest.raises(BadUseError):
        unlocked(text)


def test_aws_operations_run_the_users_cli_with_the_policy_pack(project: Path, pulumi: Path) -> None:
    engine = AwsEngine(project, "prod", None, say)
    assert engine.preview().outcome is Outcome.SUCCEEDED
    args = called(pulumi)
    assert args[0] == "preview"
    assert args[args.index("--stack") + 1] == "prod"
    assert args[args.index("--config-file") + 1] == str(project / "Pulumi.prod.yaml")
    assert f"--policy-pack={project / 'policies'}" in args
    result = engine.up()
    assert called(pulumi)[0] == "up"
    assert {"--yes", "--skip-preview", f"--policy-pack={project / 'policies'}"} <= set(called(pulumi))
    assert result.output_log.is_relative_to(project / ".nautilus" / "runs")
    engine.refresh(preview_only=True)
    assert "--preview-only" in called(pulumi)
    assert "--yes" not in called(pulumi)


def test_the_unlock_never_writes_the_users_file(project: Path, pulumi: Path) -> None:
    AwsEngine(project, "prod", None, say).up(unlock=True)
    assert "nautilus-infra:unlock: true" in (pulumi / "config").read_text()
    assert (project / "Pulumi.prod.yaml").read_text() == STACK_FILE


def test_another_folder_of_stack_files(project: Path, pulumi: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.prod.yaml").write_text(STACK_FILE)
    AwsEngine(project, "prod", other, say).destroy()
    assert str(other / "Pulumi.prod.yaml") in called(pulumi)


def test_outputs_and_state_come_from_the_cli(project: Path, pulumi: Path) -> None:
    (pulumi / "answer").write_text(json.dumps({"vpcId": "vpc-1"}))
    engine = AwsEngine(project, "prod", None, say)
    assert engine.outputs() == {"vpcId": "vpc-1"}
    assert "--show-secrets" not in called(pulumi)
    engine.export(show_secrets=True)
    assert called(pulumi)[:3] == ["stack", "export", "--show-secrets"]


def test_pulumis_own_exit_code_does_not_leak(project: Path, pulumi: Path) -> None:
    (pulumi / "code").write_text("255")
    (pulumi / "complaint").write_text("error: no stack named 'prod' found\n")
    with pytest.raises(CannotTellError) as caught:
        AwsEngine(project, "prod", None, say).outputs()
    assert (caught.value.code, int(caught.value.exit_code)) == ("no-stack", 3)
    assert caught.value.hint == "nautilus bootstrap --stack prod"


@pytest.mark.parametrize(("version", "fine"), [("v3.259.0", True), ("v3.258.9", False), ("", False), ("v4.0.0", True)])
def test_the_cli_must_be_new_enough(pulumi: Path, version: str, fine: bool) -> None:
    (pulumi / "version").write_text(version)
    if fine:
        assert official_pulumi() == pulumi / "pulumi"
    else:
        with pytest.raises(CannotTellError, match="too old or unknown"):
            official_pulumi()


def test_no_cli_names_the_way_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotTellError) as caught:
        official_pulumi()
    assert "pulumi.com" in (caught.value.hint or "")


def test_without_a_policy_pack_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(CannotTellError, match="policy pack is missing"):
        policy_folder(tmp_path)


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (ToolchainError("no CLI\nway 1\nway 2"), "toolchain", 3),
        (WorkspaceError("Pulumi.x.yaml is broken"), "usage", 2),
        (BusyError("busy"), "busy", 3),
        (SandboxError("the provider ended\n    log"), "sandbox", 3),
        (OperationError("cannot start"), "engine", 3),
    ],
)
def test_the_sandboxs_troubles(project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, exit_code: int) -> None:
    engine = SandboxEngine(project, "prod", None, say)

    def fail(*_args: Any, **_options: Any) -> None:
        raise error

    for method in ("preview", "up", "destroy", "refresh", "outputs", "export"):
        monkeypatch.setattr(engine._sandbox, method, fail)
        with pytest.raises(CliError) as caught:
            getattr(engine, method)()
        assert (caught.value.code, int(caught.value.exit_code)) == (code, exit_code)


def test_the_sandbox_gets_the_options(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SandboxEngine(project, "prod", None, say)
    asked: dict[str, dict[str, Any]] = {}
    for method in ("preview", "up", "destroy"):
        monkeypatch.setattr(engine._sandbox, method, lambda name=method, **options: asked.update({name: options}))
    engine.preview(unlock=True, expect_no_changes=True, timeout=3)
    engine.up()
    engine.destroy(unlock=True)
    assert asked["preview"] == {
        "on_event": None,
        "config_override": {"nautilus-infra:unlock": "true"},
        "expect_no_changes": True,
        "timeout": 3,
    }
    assert asked["up"]["config_override"] is None
    assert asked["destroy"]["config_override"] == {"nautilus-infra:unlock": "true"}
    assert [pack.folder for pack in engine._sandbox._packs] == [project / "policies"]


def test_backends_that_are_not_set_up_are_named() -> None:
    assert stack_trouble("PULUMI_ACCESS_TOKEN must be set for login", "prod") is not None
    assert stack_trouble("something else", "prod") is None


def test_each_place_has_its_engine(project: Path, pulumi: Path) -> None:
    assert isinstance(engines.open_engine(project, "prod", None, say, sandbox=True), SandboxEngine)
    assert isinstance(engines.open_engine(project, "prod", None, say, sandbox=False), AwsEngine)
