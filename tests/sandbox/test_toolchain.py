"""Finding and building the CLI, with stand-ins for `pulumi` and `go`; the real build is `test_the_pinned_modules_build`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nautilus.sandbox import toolchain as chain
from nautilus.sandbox.toolchain import Toolchain, ToolchainError, parse_version, resolve
from tests.sandbox.support import wait_until

ROOT = Path(__file__).parents[2]

GOOD_CLI = 'echo "v3.259.0"'
# A stand-in for `go build -o FILE`: makes a CLI that tells the right version.
GO = r"""
[ "$1" = version ] && { echo "go version go1.26.1 linux/amd64"; exit 0; }
echo "$@" >> "$GO_LOG"; echo "$PWD $GOTOOLCHAIN" >> "$GO_LOG"
echo "github.com/example/one"; echo "github.com/example/two"
[ -n "$GO_PAUSE" ] && { touch "$GO_LOG.started"; sleep "$GO_PAUSE"; }
[ -n "$GO_FAIL" ] && { echo "undefined: thing" >&2; exit 1; }
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\necho v3.259.0\n' > "$2"; chmod +x "$2"
"""


def tool(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty cache, and a PATH of our own with the shell's tools."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("GO_LOG", str(tmp_path / "go.log"))
    for name in ("GO_PAUSE", "GO_FAIL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.259.0", (3, 259, 0)), ("3.260.1-alpha.5+abc", (3, 260, 1)), ("1.26.8 linux/amd64", (1, 26, 8)), ("1.27", (1, 27, 0)), ("", None)],
)
def test_versions(text, version):
    assert parse_version(text) == version


def test_a_good_cli_on_path_is_used_with_its_own_host(place):
    cli = tool(place / "bin", "pulumi", GOOD_CLI)
    tool(place / "bin", "pulumi-language-python", "exit 0")
    assert resolve(print) == Toolchain(cli, "3.259.0", "path", own_host=False)
    environment = resolve(print).environment({"PATH": "/usr/bin"})
    assert environment["PATH"] == "/usr/bin"
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS" not in environment


def test_a_cli_without_a_python_host_gets_ours_on_path(place):
    tool(place / "bin", "pulumi", GOOD_CLI)
    found = resolve(print)
    assert found.own_host
    first = Path(found.environment({"PATH": "/usr/bin"})["PATH"].split(os.pathsep)[0])
    assert os.access(first / "pulumi-language-python", os.X_OK)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo v3.258.9", "3.258.9 is older than 3.259.0"),
        ("exit 3", "ends with code 3"),
        ("echo hello", "names no version"),
        ("", "names no version"),
    ],
)
def test_a_cli_that_is_old_or_broken_is_skipped_with_a_word(place, body, words):
    tool(place / "bin", "pulumi", body)
    better = tool(place / "cache" / "nautilus-infra" / chain.cache_folder().name, "pulumi", GOOD_CLI)
    said: list[str] = []
    assert resolve(said.append) == Toolchain(better, "3.259.0", "cache", own_host=True)
    assert words in said[0]


def test_a_later_entry_of_path_may_be_the_good_one(place, monkeypatch):
    tool(place / "bin", "pulumi", "exit 1")
    good = tool(place / "more", "pulumi", GOOD_CLI)
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{place / 'more'}:/usr/bin:/bin")
    assert resolve(lambda _: None).pulumi == good


def test_without_anything_one_error_names_every_way(place, monkeypatch):
    monkeypatch.setenv("PATH", str(place / "bin"))
    with pytest.raises(ToolchainError) as caught:
        resolve(print)
    text = str(caught.value)
    for words in ("no `go` on PATH", "official CLI", "PulumiCommand", "install Go 1.25.11", str(chain.cache_folder())):
        assert words in text


def test_an_old_go_is_told(place):
    tool(place / "bin", "go", 'echo "go version go1.24.2 linux/amd64"')
    with pytest.raises(ToolchainError, match=r"Go 1\.24\.2, older than 1\.25\.11"):
        resolve(print)


def test_a_build_is_pinned_shown_and_cached(place, monkeypatch):
    tool(place / "bin", "go", GO)
    monkeypatch.setenv("GO_PAUSE", "0.7")
    said: list[str] = []
    built = chain.build(said.append, heartbeat=0.2)
    assert built == Toolchain(chain.cache_folder() / "pulumi", "3.259.0", "built", own_host=True)
    assert any(re.search(r"\d+ s, 2 packages compiled", line) for line in said)
    log = (place / "go.log").read_text()
    assert "-mod=readonly" in log
    assert "-trimpath" in log
    assert "version.Version=v3.259.0" in log
    assert f"{chain.BUILD_FOLDER} local" in log
    assert (built.pulumi.parent / "pulumi-language-python").exists()
    assert resolve(print).source == "cache"
    assert log == (place / "go.log").read_text()


def test_a_failed_build_shows_why_and_leaves_nothing(place, monkeypatch):
    tool(place / "bin", "go", GO)
    monkeypatch.setenv("GO_FAIL", "1")
    with pytest.raises(ToolchainError, match=r"(?s)code 1.*undefined: thing.*official CLI"):
        resolve(print)
    assert [path.name for path in chain.cache_home().iterdir()] == ["build.lock"]
    monkeypatch.delenv("GO_FAIL")
    assert resolve(print).source == "built"


def build_in_a_process(place: Path) -> subprocess.Popen[str]:
    code = "from nautilus.sandbox.toolchain import resolve\nprint(resolve(lambda line: None).source, flush=True)"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_recovers(place, monkeypatch, number):
    tool(place / "bin", "go", GO)
    monkeypatch.setenv("GO_PAUSE", "30")
    child = build_in_a_process(place)
    wait_until((place / "go.log.started").exists)
    child.send_signal(number)
    child.communicate(timeout=10)
    monkeypatch.delenv("GO_PAUSE")
    assert resolve(lambda _: None).source == "built"
    assert not list(chain.cache_home().glob(".build-*"))


def test_two_builds_at_once_are_one(place, monkeypatch):
    tool(place / "bin", "go", GO)
    monkeypatch.setenv("GO_PAUSE", "0.8")
    child = build_in_a_process(place)
    wait_until((place / "go.log.started").exists)
    said: list[str] = []
    assert resolve(said.append).source == "cache"
    assert any("another process is building" in line for line in said)
    assert child.communicate(timeout=10)[0].strip() == "built"
    assert (place / "go.log").read_text().count("-mod=readonly") == 1


def test_the_launcher_starts_the_host_of_the_run(place):
    tool(place / "bin", "go", GO)
    built = resolve(lambda _: None)
    launcher = built.pulumi.parent / "pulumi-language-python"
    environment = built.environment({"PATH": os.environ["PATH"]})
    assert environment["NAUTILUS_SANDBOX_HOST"] == str(chain.LANGUAGE_HOST)
    process = subprocess.Popen([launcher, "127.0.0.1:1"], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert 0 < int(process.stdout.readline()) < 65536
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0
    process.stdout.close()
    alone = subprocess.run([launcher], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert alone.returncode != 0
    assert "built by nautilus-infra" in alone.stderr


def test_the_modules_are_pinned():
    module = (chain.BUILD_FOLDER / "go.mod").read_text()
    for part in ("pkg", "sdk"):
        assert f"github.com/pulumi/pulumi/{part}/v3 v{chain.VERSION}" in module
    assert f"tool {chain.PACKAGE}" in module
    assert "github.com/pulumi/pulumi/pkg/v3 v3.259.0 h1:" in (chain.BUILD_FOLDER / "go.sum").read_text()


@pytest.mark.engine
def test_the_cli_in_use_is_new_enough_and_names_its_version():
    found = resolve(lambda _: None)
    answer = subprocess.run(
        [found.pulumi, "version"], capture_output=True, text=True, check=True, env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    )
    assert (parse_version(answer.stdout) or (0, 0, 0)) >= chain.MINIMUM


def test_waiting_for_a_build_can_be_left(place, monkeypatch):
    """A Ctrl-C while waiting for another's build ends the wait and not the build."""
    tool(place / "bin", "go", GO)
    monkeypatch.setenv("GO_PAUSE", "1.5")
    child = build_in_a_process(place)
    wait_until((place / "go.log.started").exists)
    main = threading.get_ident()
    threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        resolve(lambda _: None)
    assert time.monotonic() - started < 1.4
    assert child.communicate(timeout=10)[0].strip() == "built"
