"""The workspace: scratch stack files, locks, dead runs, and what the engine's environment holds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nautilus.sandbox.workspace import BusyError, ProcessRef, Workspace, WorkspaceError, parse_path, placeholder, process_start
from tests.sandbox.support import digests, project, sandbox, wait_until


def encrypt(texts: list[str]) -> tuple[str, list[str]]:
    return "v1:salt", [f"v1:{text}" for text in texts]


def workspace(folder: Path, text: str = "config: {}\n", **options) -> Workspace:
    project(folder, "", stacks={"local": text})
    return Workspace(folder, **options)


def prepared(folder: Path, text: str, overrides: dict[str, str] | None = None) -> str:
    target = folder / "out"
    target.mkdir(exist_ok=True)
    return workspace(folder, text).prepare("local", target, encrypt, overrides or {}).path.read_text()


# -- stack files ------------------------------------------------------------------------------------------------------


def test_each_secret_becomes_a_placeholder_and_foreign_keys_go(tmp_path):
    text = """\
        secretsprovider: awskms://alias/prod
        encryptedkey: AAAA
        encryptionsalt: v1:theirs
        config:
          tiny:top:
            secure: AAAx
          tiny:deep:
            "odd.key":
              - url: {secure: AAAy}
              - plain
            secure: not-a-secret
            other: 1
        """
    folder = tmp_path / "out"
    folder.mkdir()
    done = workspace(tmp_path, text).prepare("local", folder, encrypt, {})
    assert done.placeholders == ("tiny:top", 'tiny:deep["odd.key"][0].url')
    data = yaml.safe_load(done.path.read_text())
    assert data["encryptionsalt"] == "v1:salt"
    assert data.keys() == {"config", "encryptionsalt"}
    assert data["config"]["tiny:top"] == {"secure": "v1:" + placeholder("tiny:top")}
    assert data["config"]["tiny:deep"]["odd.key"][0]["url"]["secure"].startswith("v1:sandbox-placeholder:")
    assert data["config"]["tiny:deep"]["secure"] == "not-a-secret"
    assert "AAA" not in done.path.read_text()


def test_scalars_keep_their_spelling(tmp_path):
    lines = ["a: 02:00", "b: 012345678901", "c: '0123'", "d: 2026-01-01", "e: on", 'f: "x"', "g: 1e3", "h: 0o17", "i: ~", "j: é → ×"]
    text = "config:\n" + "".join(f"  tiny:{line}\n" for line in lines)
    done = prepared(tmp_path, text)
    for line in lines:
        assert f"tiny:{line}\n" in done


def test_an_esc_environment_is_left_out_and_said(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    done = workspace(tmp_path, "environment: [prod]\nconfig: {}\n").prepare("local", folder, encrypt, {})
    assert "environment" not in yaml.safe_load(done.path.read_text())
    assert "environment" in done.notes[0]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("unlock", "true", {"tiny:unlock": True, "tiny:a": {"b": [1, 2], "c.d": 5}}),
        ("tiny:a.b[1]", "9", {"tiny:a": {"b": [1, 9], "c.d": 5}}),
        ("tiny:a.b[2]", "x", {"tiny:a": {"b": [1, 2, "x"], "c.d": 5}}),
        ('tiny:a["c.d"]', "{e: 1}", {"tiny:a": {"b": [1, 2], "c.d": {"e": 1}}}),
        ("aws:region", "eu-west-1", {"tiny:a": {"b": [1, 2], "c.d": 5}, "aws:region": "eu-west-1"}),
        ("tiny:new.deep[0].leaf", "1", {"tiny:a": {"b": [1, 2], "c.d": 5}, "tiny:new": {"deep": [{"leaf": 1}]}}),
    ],
)
def test_overrides_are_paths_with_yaml_values(tmp_path, key, value, expected):
    text = 'config:\n  tiny:a:\n    b: [1, 2]\n    "c.d": 5\n'
    assert yaml.safe_load(prepared(tmp_path, text, {key: value}))["config"] == expected


def test_a_key_with_a_dot_that_stands_in_the_file_is_itself(tmp_path):
    assert yaml.safe_load(prepared(tmp_path, "config:\n  tiny:a.b: 1\n", {"tiny:a.b": "2"}))["config"] == {"tiny:a.b": 2}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("tiny:", "1", "not a config path"),
        ("tiny:a[", "1", "not a config path"),
        ("tiny:[0]", "1", "not a config path"),
        ("tiny:a.b.c", "1", "does not fit"),
        ("tiny:a.l[7]", "1", "does not fit"),
        ("tiny:x", "{", "not valid YAML"),
    ],
)
def test_overrides_that_do_not_fit_are_told(tmp_path, key, value, words):
    with pytest.raises(WorkspaceError, match=words):
        prepared(tmp_path, "config:\n  tiny:a:\n    b: 1\n    l: [1]\n", {key: value})


@given(st.lists(st.text("abcXYZ09_-", min_size=1, max_size=5), min_size=1, max_size=4))
def test_dotted_paths_round_trip(parts):
    assert parse_path(".".join(parts)) == parts


@pytest.mark.parametrize(
    ("text", "words"),
    [("config: [", "not valid YAML"), ("- a\n", "must be a mapping"), ("config: 5\n", "must be a mapping of settings")],
)
def test_a_malformed_stack_file_is_named(tmp_path, text, words):
    with pytest.raises(WorkspaceError, match=words) as caught:
        prepared(tmp_path, text)
    assert "Pulumi.local.yaml" in str(caught.value)


@pytest.mark.parametrize("text", ["", "config:\n", "{}\n"])
def test_an_empty_stack_file_is_a_stack_without_settings(tmp_path, text):
    assert yaml.safe_load(prepared(tmp_path, text)) == {"config": {}, "encryptionsalt": "v1:salt"}


def test_a_missing_stack_file_names_those_that_are_there(tmp_path):
    place = workspace(tmp_path)
    with pytest.raises(WorkspaceError, match=r"Pulumi\.prod\.yaml does not exist; stack files here: Pulumi\.local\.yaml"):
        place.prepare("prod", tmp_path, encrypt, {})


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "a b"])
def test_a_stack_name_is_no_path(tmp_path, name):
    with pytest.raises(WorkspaceError, match="not a stack name"):
        workspace(tmp_path).stack_file(name)


def test_the_project_file_is_checked(tmp_path):
    with pytest.raises(WorkspaceError, match=r"Pulumi\.yaml does not exist"):
        Workspace(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(WorkspaceError, match="has no `name:`"):
        Workspace(tmp_path)


def test_stack_files_may_live_elsewhere(tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert workspace(tmp_path, config_dir=other).stack_file("local").parent == other
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\nstackConfigDir: stacks\n")
    assert Workspace(tmp_path).stack_file("local").parent == tmp_path / "stacks"


# -- isolation --------------------------------------------------------------------------------------------------------


def test_the_environment_holds_no_login_and_points_inside(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG"):
        monkeypatch.setenv(name, "leak")
    monkeypatch.setenv("NO_PROXY", "intranet")
    env = workspace(tmp_path).environment(run_id="r")
    assert "leak" not in env.values()
    assert {name for name in env if name.startswith("AWS_")} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
    assert env["AWS_CONFIG_FILE"] == os.devnull
    assert env["PULUMI_HOME"].startswith(str(tmp_path))
    assert env["PULUMI_BACKEND_URL"] == (tmp_path / ".nautilus/sandbox/state").as_uri() + "?metadata=skip"
    assert env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert env["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_git_sees_nothing(tmp_path):
    place = workspace(tmp_path)
    place.create()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "status", "--short", "--untracked-files=all"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert ".nautilus" not in listed
    assert place.root.stat().st_mode & 0o077 == 0


# -- runs -------------------------------------------------------------------------------------------------------------


def dead_run(place: Workspace, *, processes: list[ProcessRef], host: str | None = None) -> Path:
    place.create()
    folder = place.runs / "local-up-dead"
    folder.mkdir()
    record = {
        "stack": "local",
        "verb": "up",
        "exclusive": True,
        "finished": False,
        "host": host,
        "owner": {"name": "nautilus", "pid": 1, "start": "x"},
    }
    (folder / "run.json").write_text(json.dumps(record | {"processes": [vars(ref) for ref in processes]}))
    return folder


def backend_lock(place: Workspace, pid: int, *, when: datetime | None = None, host: str | None = None) -> Path:
    folder = place.state / ".pulumi" / "locks" / "organization" / "tiny" / "local"
    folder.mkdir(parents=True)
    moment = (when or datetime.now(UTC)).isoformat().replace("+00:00", "123Z")
    lock = folder / "one.json"
    lock.write_text(json.dumps({"pid": pid, "username": "u", "hostname": host or socket.gethostname(), "timestamp": moment}))
    return lock


def gone() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_live_run_refuses_a_second_on_its_stack_only(tmp_path):
    place = workspace(tmp_path)
    with place.run("local", "up", print, exclusive=True):
        with (
            pytest.raises(BusyError, match=rf"busy: up of local runs since \d\d:\d\d:\d\d \(process {os.getpid()}\)"),
            place.run("local", "up", print, exclusive=True),
        ):
            pass
        with place.run("local", "preview", print, exclusive=False), place.run("prod", "up", print, exclusive=True):
            pass
    with place.run("local", "up", print, exclusive=True):
        pass


def test_the_lock_of_a_dead_process_is_removed(tmp_path):
    place, said = workspace(tmp_path), []
    lock = backend_lock(place, gone())
    with place.run("local", "up", said.append, exclusive=True):
        assert not lock.exists()
    assert "removed the lock" in said[0]


def test_the_lock_of_a_live_process_is_respected(tmp_path):
    place = workspace(tmp_path)
    lock = backend_lock(place, os.getpid())
    with pytest.raises(BusyError, match=f"locked by process {os.getpid()}"), place.run("local", "up", print, exclusive=True):
        pass
    assert lock.exists()


def test_a_process_number_used_again_is_not_taken_for_the_lock_s(tmp_path):
    place = workspace(tmp_path)
    lock = backend_lock(place, os.getpid(), when=datetime.now(UTC) - timedelta(days=1))
    with place.run("local", "up", print, exclusive=True):
        assert not lock.exists()


def test_a_lock_from_another_host_falls_only_when_our_records_know_it(tmp_path):
    place = workspace(tmp_path)
    lock = backend_lock(place, 4242, host="a-container-that-was")
    with pytest.raises(BusyError, match="a-container-that-was"), place.run("local", "up", print, exclusive=True):
        pass
    dead_run(place, processes=[ProcessRef("pulumi", 4242, "1")])
    with place.run("local", "up", print, exclusive=True):
        assert not lock.exists()


def sleeper(**env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | env, start_new_session=True)


def test_processes_of_a_dead_run_are_ended_and_no_others(tmp_path):
    place, said = workspace(tmp_path), []
    engine, provider, stray = sleeper(), sleeper(), sleeper(NAUTILUS_SANDBOX_RUN="local-up-dead")
    other, reused = sleeper(NAUTILUS_SANDBOX_RUN="local-up-other"), sleeper()
    try:
        wait_until(lambda: b"local-up-dead" in Path(f"/proc/{stray.pid}/environ").read_bytes())
        references = [ProcessRef.of("pulumi", engine.pid), ProcessRef.of("provider", provider.pid), ProcessRef("host", reused.pid, "12345")]
        dead_run(place, processes=references)
        with place.run("local", "up", said.append, exclusive=True):
            for ended in (engine, provider, stray):
                assert ended.wait(5) != 0
            assert engine.returncode == -signal.SIGINT or engine.returncode == 1
            assert other.poll() is None
            assert reused.poll() is None
        assert "was killed" in said[0]
    finally:
        for process in (engine, provider, stray, other, reused):
            process.kill()
            process.wait()


def test_old_runs_are_forgotten(tmp_path):
    place = workspace(tmp_path)
    for _ in range(14):
        with place.run("local", "preview", print, exclusive=False):
            pass
    assert len(list(place.runs.iterdir())) == 10


def test_a_process_token_tells_two_processes_apart():
    first, second = sleeper(), sleeper()
    try:
        assert process_start(first.pid)
        assert ProcessRef.of("x", first.pid).alive
        assert not ProcessRef("x", second.pid, "1").alive
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
    assert process_start(first.pid) is None


def test_pending_operations_are_cleared_from_the_state(tmp_path):
    place = workspace(tmp_path)
    state = place.state_file("local")
    state.parent.mkdir(parents=True)
    state.write_text(
        json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [{"urn": "u"}], "pending_operations": [{"type": "creating"}]}}})
    )
    assert place.clear_pending_operations("local") == 1
    assert place.clear_pending_operations("local") == 0
    assert place.checkpoint("local") == {"resources": [{"urn": "u"}]}
    assert place.checkpoint("other") is None


# -- with the real engine ---------------------------------------------------------------------------------------------


@pytest.mark.engine
def test_stack_files_elsewhere_are_read_and_stay_as_they_are(tmp_path):
    checkout = project(
        tmp_path / "p", 'pulumi.export("size", pulumi.Config().require_int("size"))\n', stacks={"local": "config: {tiny:size: 1}\n"}
    )
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "Pulumi.try.yaml").write_text("config: {tiny:size: 7}\n")
    before = digests(tmp_path)
    box = sandbox(checkout, "try", config_dir=other)
    assert box.up().ok
    assert box.outputs() == {"size": 7}
    assert digests(tmp_path) == before


@pytest.mark.engine
def test_two_previews_and_an_up_at_once(tmp_path):
    checkout = project(
        tmp_path / "p", 'Thing("a", delay=1)\n', stacks={"local": "config: {}\n", "prod": "config: {tiny:x: {secure: AAAA}}\n"}
    )
    code = (
        "import sys; from pathlib import Path; from tests.sandbox.support import sandbox\n"
        "r = getattr(sandbox(Path(sys.argv[1]), sys.argv[2]), sys.argv[3])()\nprint(r.outcome, [d.message for d in r.errors])"
    )
    started = time.monotonic()
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(checkout), stack, verb], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
        )
        for stack, verb in (("local", "up"), ("prod", "preview"), ("prod", "preview"))
    ]
    assert [child.communicate(timeout=60)[0].strip() for child in children] == ["succeeded []"] * 3
    assert time.monotonic() - started < 60


@pytest.mark.engine
def test_a_lock_of_a_creation_that_was_killed_does_not_stop_a_preview(tmp_path):
    checkout = project(tmp_path / "p", "")
    box = sandbox(checkout)
    lock = backend_lock(box.workspace, gone())
    assert box.preview().ok
    assert not lock.exists()


def test_history_does_not_grow(tmp_path):
    place = workspace(tmp_path)
    folder = place.state / ".pulumi" / "history" / "tiny" / "local"
    folder.mkdir(parents=True)
    for number in range(9):
        for kind in ("history", "checkpoint"):
            (folder / f"local-{number}.{kind}.json").write_text("{}")
    place.trim_history("local")
    assert sorted(path.name for path in folder.iterdir()) == [
        f"local-{n}.{kind}.json" for n in range(4, 9) for kind in ("checkpoint", "history")
    ]
