"""The border of the program: exit codes, one JSON document, no traceback, and a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from nautilus.cli import session
from nautilus.cli.app import hoisted
from nautilus.cli.errors import CannotTellError, CliError, ExitCode, classify
from nautilus.cli.output import asks_for_json
from tests.cli.conftest import ROOT, Engines, Nautilus


@pytest.mark.parametrize(
    "args",
    [
        ("bogus",),
        ("preview", "--bogus"),
        ("preview", "--stack"),
        ("up", "extra"),
        ("outputs", "--format", "xml"),
        ("graph", "--depth", "0"),
        ("graph", "--from", "no-such-file.json"),
        ("diff", "prod"),
        ("diff", "prod", "prod"),
        ("bootstrap",),
        ("bootstrap", "--stack", "local"),
        ("bootstrap", "--stack", "prod", "--repository", "not-a-repository"),
        ("preview", "--stack", "../escape"),
        ("preview", "--stack", "nosuch"),
        ("preview", "--config-dir", "no-such-folder"),
        ("state", "export", "--stack", "a b"),
    ],
)
def test_bad_use_is_2_in_both_forms(nautilus: Nautilus, args: tuple[str, ...]) -> None:
    plain = nautilus(*args)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith("error: ")
    as_json = nautilus(*args, "--json")
    assert as_json.code == 2
    assert {"code", "message", "where"} <= as_json.document["error"].keys()
    assert as_json.document["error"]["code"] in ("usage", "settings")


def boom(error: BaseException) -> Any:
    def explode(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return explode


def test_an_unexpected_error_is_3_and_one_line(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "load_settings", boom(RuntimeError("two\nlines")))
    plain = nautilus("preview")
    assert (plain.code, plain.out) == (3, "")
    assert plain.err.startswith("error: RuntimeError: two lines\n")
    assert "Traceback" not in plain.err
    document = nautilus("preview", "--json").document["error"]
    assert (document["code"], document["message"]) == ("internal", "RuntimeError: two lines")


def test_the_traceback_is_there_for_those_who_ask(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "load_settings", boom(RuntimeError("odd")))
    monkeypatch.setenv("NAUTILUS_DEBUG", "1")
    ran = nautilus("preview", "--json")
    assert "Traceback" in ran.err
    assert ran.document["error"]["code"] == "internal"


def test_ctrl_c_is_130_with_its_document(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "load_settings", boom(KeyboardInterrupt()))
    assert nautilus("preview").code == 130
    ran = nautilus("preview", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (130, "interrupted")


def test_settings_errors_refuse_every_command_but_the_check(nautilus: Nautilus, tmp_path: Any) -> None:
    text = (ROOT / "Pulumi.local.yaml").read_text().replace("environment: local", "environment: nonsense")
    (tmp_path / "Pulumi.local.yaml").write_text(text)
    ran = nautilus("preview", "--json", "--config-dir", str(tmp_path))
    assert ran.code == 2
    assert ran.document["error"]["code"] == "settings"
    assert ran.document["problems"][0]["key"] == "nautilus-infra:platform.environment"
    assert nautilus("config", "check", "--config-dir", str(tmp_path)).code == 1
    plain = nautilus("preview", "--config-dir", str(tmp_path))
    assert "nautilus-infra:platform.environment" in plain.err


def test_shared_options_may_stand_first(nautilus: Nautilus, fake: Engines) -> None:
    ran = nautilus("--json", "--stack", "local", "preview")
    assert (ran.code, ran.document["stack"]) == (0, "local")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--json", "preview", "-s", "x"], ["preview", "-s", "x", "--json"]),
        (["-s", "prod", "--config-dir=d", "preview"], ["preview", "-s", "prod", "--config-dir=d"]),
        (["--json", "diff", "--", "a", "b"], ["diff", "--json", "--", "a", "b"]),
        (["preview", "--json"], ["preview", "--json"]),
        (["--json"], ["--json"]),
        (["--stack"], ["--stack"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_hoisting(given: list[str], expected: list[str]) -> None:
    assert hoisted(given) == expected


def test_json_behind_a_separator_is_an_argument() -> None:
    assert asks_for_json(["diff", "--json", "a"])
    assert not asks_for_json(["diff", "--", "--json"])


def test_help_and_version_are_0_and_no_arguments_2(nautilus: Nautilus) -> None:
    assert nautilus("--help").code == 0
    assert nautilus("preview", "-h").code == 0
    version = nautilus("--version")
    assert (version.code, version.out.split()[0]) == (0, "nautilus-infra")
    assert nautilus().code == 2


def test_every_exit_code_is_one_of_the_five() -> None:
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 130}


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (FileNotFoundError(2, "No such file", "gone.txt"), "file", 3),
        (PermissionError(13, "denied", "locked.txt"), "file", 3),
        (ValueError(""), "internal", 3),
        (CannotTellError("network", "offline"), "network", 3),
    ],
)
def test_classification(error: BaseException, code: str, exit_code: int) -> None:
    found = classify(error)
    assert (found.code, int(found.exit_code)) == (code, exit_code)
    assert found.message


@pytest.mark.parametrize(
    ("args", "option", "value"),
    [
        (("rollout", "history", "--limit", "0"), "--limit", "'0'"),
        (("rollout", "watch", "--interval", "soon"), "--interval", "'soon'"),
        (("flags", "volume", "500", "--why", "a rise"), "PERCENT", "'500'"),
        (("flags", "show", "colours"), "PROFILE", "'colours'"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(nautilus: Nautilus, args: tuple[str, ...], option: str, value: str) -> None:
    ran = nautilus(*args, "--json")
    message = ran.document["error"]["message"]
    assert ran.code == 2
    assert option in message
    assert message.count(value) == 1


def test_an_error_document_keeps_what_else_is_known() -> None:
    error = CliError("policy", "two", exit_code=ExitCode.NO, where="stack x", details=["a"], hint="do", log="f", document={"changes": {}})
    assert error.as_document() == {
        "error": {"code": "policy", "message": "two", "where": "stack x", "details": ["a"], "hint": "do", "log": "f"},
        "changes": {},
    }


HEAVY = ("boto3", "botocore", "pulumi", "pulumi_aws", "networkx", "pydantic", "jinja2", "yaml", "infra", "nautilus.sandbox")


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, json; from nautilus.cli.app import main; main(['--help']); sys.stderr.write(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(ran.stderr))
    assert not {name for name in loaded if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY))}


def test_a_reader_that_goes_away_is_no_traceback_and_no_no() -> None:
    program = "import sys; from nautilus.cli.app import main; sys.exit(main(['config', 'check', '--stack', 'local']))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 3
    assert "Traceback" not in err
