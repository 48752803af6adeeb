"""The cluster survives what the seeds promise it survives: one run on real servers, and the harness's own parts, which must be able to fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra.plan.timescale import Timing, files
from tests.ha import report
from tests.ha.drill import lost, run
from tests.ha.packages import lacking
from tests.ha.rendered import CHANGES, Change, DriftError, cluster, node_files
from tests.ha.supervisor import service
from tests.ha.watch import Reign, overlap, reigns
from tests.ha.writer import Acknowledged, Writer

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
REASON = lacking()

# --- the measured run -------------------------------------------------------------------------------------------------------

measured_here = [
    pytest.mark.ha,
    pytest.mark.skipif(REASON is not None, reason=f"high availability is not measured here: {REASON}"),
]


def with_marks(marks: list[pytest.MarkDecorator]) -> Any:
    """All of `marks` on one test."""

    def decorate(test: Any) -> Any:
        for mark in marks:
            test = mark(test)
        return test

    return decorate


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """One run: a node killed, a network cut, a postmaster killed, two restores."""
    return run(lambda text: print(text, file=sys.stderr))


@with_marks(measured_here)
def test_a_run_keeps_every_limit(measured: dict[str, Any]) -> None:
    """The other half of the suite has the second core, so the clock gets twice its limits; `make ha` runs alone and keeps them."""
    assert report.broken(measured, patience=2) == []


@with_marks(measured_here)
def test_the_cut_off_leader_acknowledges_nothing_and_steps_down(measured: dict[str, Any]) -> None:
    """Its client on its own side of the cut gets no confirmation: there is no replica to give one."""
    assert measured["cut"]["after"] == 0
    assert measured["leaders"][0] == measured["kill"]["node"]
    assert len(measured["leaders"]) >= 3


@with_marks(measured_here)
def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL to the one who asked for the run: no process, network or mount of it stays."""
    program = f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}; from tests.ha.drill import run; run(lambda text: None)"
    child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not any("patroni" in line for line in _processes(tmp_path)):
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
    until = time.monotonic() + 20
    while left := _processes(tmp_path):
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert "node-a" not in subprocess.run(["ip", "link"], check=True, capture_output=True, text=True).stdout


def _processes(place: Path) -> list[str]:
    """What runs with a root directory, or on a command line, that lies in `place`."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            root = str((entry / "root").readlink())
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (root.startswith(str(place)) or ("tests.ha.drill" in line and str(place) in line)):
            found.append(line)
    return found


# --- what differs from production -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(3))
def test_only_named_lines_differ_from_production(index: int) -> None:
    whole = cluster()
    node = whole.nodes[index]
    produced = {file.path: file.text.splitlines() for file in files(whole, node)}
    gone = [line for file in node_files(whole, node) for line in produced[file.path] if line not in file.text.splitlines()]
    assert all(
        line.startswith(("repo1-type=s3", "repo1-s3-", "CREATE EXTENSION IF NOT EXISTS timescaledb")) or "shared_preload" in line
        for line in gone
    ), gone
    new = [line for file in node_files(whole, node) for line in file.text.splitlines() if line not in produced[file.path]]
    assert sorted(set(new)) == ["    shared_preload_libraries: pg_stat_statements", "repo1-type=posix"]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.file}-{change.pattern}")
def test_a_change_that_matches_nothing_is_drift(change: Change) -> None:
    text = next(file.text for file in files(cluster(), cluster().nodes[0]) if file.path.endswith("/" + change.file))
    changed = change.apply(text)
    assert changed != text
    with pytest.raises(DriftError, match="nothing matches"):
        change.apply(changed)


def test_a_file_that_is_gone_is_drift() -> None:
    with pytest.raises(DriftError, match="0 rendered files"):
        node_files(cluster(), cluster().nodes[0], [Change("gone.conf", "x", "y", "test")])


def test_what_is_measured_is_what_production_runs() -> None:
    """The timing, synchronous replication and archiving of the seeds' promise stand in the file that the test starts Patroni with."""
    text = next(file.text for file in node_files(cluster(), cluster().nodes[0]) if file.path == "/etc/nautilus/patroni.yml")
    timing = Timing()
    assert (timing.ttl, timing.loop_wait, timing.retry_timeout) == (20, 5, 5)
    for line in (f"ttl: {timing.ttl}", "loop_wait: 5", "retry_timeout: 5", "synchronous_mode: true", "synchronous_mode_strict: true"):
        assert f"    {line}\n" in text
    for line in ('synchronous_commit: "on"', "archive_timeout: 30s"):
        assert f"    {line}\n" in text
    assert "etcd3:" in text


# --- the harness can fail ---------------------------------------------------------------------------------------------------


def test_a_row_on_an_old_connection_is_no_recovery() -> None:
    writer = Writer("client", "")
    writer.acknowledged.append(Acknowledged(1, asked=10.2, answered=10.3, connected=1.0))
    assert writer.first_after(10.0) is None
    writer.acknowledged.append(Acknowledged(2, asked=31.0, answered=31.5, connected=30.0))
    assert writer.first_after(10.0) == 21.5


def good() -> dict[str, Any]:
    """A run that kept every limit."""
    harm = {"node": "a", "rto_s": 25.0, "healthy_s": 10.0, "after": 0}
    return {
        "kill": dict(harm),
        "cut": dict(harm),
        "postmaster": {**harm, "rto_s": 6.0},
        "acknowledged": 2_000,
        "lost_acknowledged": 0,
        "two_leaders_s": 0.0,
        "rpo_s": 28.0,
        "restore_s": 5.0,
        "point": {"moment": "", "rows_then": 10, "rows_restored": 10, "rows_later": 20, "different": 0, "restore_s": 5.0},
        "took_s": 170.0,
        "leaders": ["a", "b", "c"],
    }


def test_a_good_run_is_good() -> None:
    assert report.broken(good()) == []


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("kill", "rto_s"), 30.0, "a killed node"),
        (("cut", "rto_s"), 60.0, "a cut network"),
        (("postmaster", "rto_s"), 12.0, "a killed postmaster"),
        (("acknowledged",), 3, "too few"),
        (("lost_acknowledged",), 1, "1 acknowledged rows are lost"),
        (("two_leaders_s",), 0.1, "two leaders for 0.1 s"),
        (("rpo_s",), 60.0, "the archive ends 60.0 s"),
        (("rpo_s",), -1.0, "the archive ends -1.0 s"),
        (("point", "different"), 1, "1 differ"),
        (("point", "rows_restored"), 11, "restored to a named time"),
        (("point", "rows_later"), 10, "restored to a named time"),
    ],
)
def test_a_broken_limit_is_named(path: tuple[str, ...], value: float, says: str) -> None:
    result = good()
    inner = result
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    (message,) = report.broken(result)
    assert says in message


def test_lost_rows_are_counted_by_writer() -> None:
    assert lost([("client", [1, 2, 3]), ("inside-a", [1])], {"client": {1, 2, 3, 4}, "inside-a": {1}}) == 0
    assert lost([("client", [1, 2, 3]), ("inside-a", [1])], {"client": {1, 3}}) == 2


def test_two_leaders_at_once_are_seen() -> None:
    steady = [("a", t, t + 0.01, "leader") for t in (0.0, 0.2, 0.4)] + [("a", 0.6, 0.61, "down")]
    later = [("b", t, t + 0.01, "replica") for t in (0.0, 0.2)] + [("b", t, t + 0.01, "leader") for t in (0.5, 0.7)]
    assert reigns([*steady, *later]) == [Reign("a", 0.01, 0.4), Reign("b", 0.51, 0.7)]
    assert overlap(reigns([*steady, *later])) == 0
    early = [("b", t, t + 0.01, "leader") for t in (0.2, 0.7)]
    assert overlap(reigns([*steady, *early])) == pytest.approx(0.19)


def test_the_summary_has_the_shape_that_is_promised() -> None:
    assert (
        json.dumps(report.summary([good(), good()])) == '{"runs": 2, "rto_s": [25.0, 25.0], "lost_acknowledged": 0, "rpo_s": [28.0, 28.0]}'
    )


def test_figures_reach_the_page_only_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "reliability.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write([good(), good() | {"rpo_s": 12.0}], {"PostgreSQL": "15.0"}, page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| 12.0 / 20.0 / 28.0 |" in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no section between"):
        report.write([good()], {}, page)


def test_the_page_holds_a_measured_section() -> None:
    text = report.PAGE.read_text("utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return tmp_path / "x.service"


def test_a_unit_is_read_as_systemd_reads_it(unit: Path) -> None:
    unit.write_text("[Unit]\nAfter=y\n[Service]\nType=oneshot\nExecStartPre=-/bin/true\nExecStart=/bin/run a\n[Install]\nWantedBy=z\n")
    assert service("x", unit.parent) == {"Type": ["oneshot"], "ExecStartPre": ["-/bin/true"], "ExecStart": ["/bin/run a"]}


def test_a_unit_with_a_setting_that_is_not_understood_stops_the_test(unit: Path) -> None:
    unit.write_text("[Service]\nExecStart=/bin/run\nDynamicUser=yes\n")
    with pytest.raises(ValueError, match="DynamicUser is not understood"):
        service("x", unit.parent)


@pytest.mark.parametrize("words", [["run", "--privileged", "image"], ["run", "--rm", "--gpus", "all", "image"], ["compose", "up"]])
def test_a_docker_command_that_is_not_understood_stops_the_test(words: list[str]) -> None:
    done = subprocess.run([sys.executable, HERE / "stand_ins/docker", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not understood here" in done.stderr


def test_an_aws_command_that_is_not_understood_stops_the_test() -> None:
    done = subprocess.run([sys.executable, HERE / "stand_ins/aws", "s3", "ls"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not understood here" in done.stderr
