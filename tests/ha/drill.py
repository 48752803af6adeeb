"""One run: start three nodes, kill one, cut one off, kill a postmaster, restore; each timed and counted.

`python -m tests.ha.drill FOLDER` is this in namespaces of its own, entered by `run`; the result is FOLDER/result.json.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.plan.timescale import CONTROL_PORT
from tests.ha import libpq
from tests.ha.nodes import USER, Machine, bridge, machines, wait_for
from tests.ha.rendered import cluster
from tests.ha.restore import restored
from tests.ha.watch import Watch, overlap, reigns
from tests.ha.writer import TABLE, Writer, address

ROOT = Path(__file__).resolve().parents[2]
START_S, BACK_S, FAILOVER_S = 120, 120, 90
ARCHIVE_TIMEOUT_S = 30
WORST_S = 26
"""The node is killed so long after its last archived segment: close to `archive_timeout`, where most is unarchived."""


@dataclass
class Harm:
    """What one harm did.

    Args:
        node: The leader that was harmed.
        rto_s: Seconds until a server that was looked for after the harm acknowledged a row.
        healthy_s: Seconds from the repair until three members of etcd and two streaming replicas stood again.
        after: Rows that the old leader acknowledged to a client on its own side of a cut network.
    """

    node: str
    rto_s: float
    healthy_s: float
    after: int = 0


def lost(writers: Sequence[tuple[str, Sequence[int]]], held: Mapping[str, Set[int]]) -> int:
    """How many acknowledged rows, by writer, the leader does not hold."""
    return sum(number not in held.get(name, set()) for name, numbers in writers for number in numbers)


@dataclass
class Result:
    """One run in figures."""

    kill: Harm
    cut: Harm
    postmaster: Harm
    acknowledged: int
    lost_acknowledged: int
    two_leaders_s: float
    rpo_s: float
    restore_s: float
    point: dict[str, Any]
    took_s: float
    leaders: list[str] = field(default_factory=list)


class Drill:
    """One run in `place`."""

    def __init__(self, place: Path, say: Callable[[str], None]) -> None:
        self.place, self.say = place, say
        self.cluster = cluster()
        self.addresses = tuple(node.address for node in self.cluster.nodes)
        self.nodes = machines(place, self.cluster)
        self.writers: list[Writer] = []

    # --- what the cluster says of itself -----------------------------------------------------------------------------------

    def members(self, through: str) -> list[dict[str, Any]]:
        """Patroni's view of the cluster by one node; empty when that does not answer."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(f"https://{through}:{CONTROL_PORT}/cluster", timeout=2, context=context) as answer:
                return json.load(answer)["members"]
        except (OSError, ValueError, KeyError):
            return []

    def etcd_healthy(self, node: str) -> bool:
        """A linearised read by this member works: it is in the quorum."""
        machine = self.nodes[node]
        tls = "/etc/nautilus/tls"
        keys = (f"--cacert={tls}/ca.crt", f"--cert={tls}/server.crt", f"--key={tls}/server.key")
        command = ["etcdctl", f"--endpoints=https://{machine.address}:2379", *keys, "endpoint", "health"]
        return (
            subprocess.run(
                machine.within(*command, environment={"ETCDCTL_API": "3"}), check=False, capture_output=True, timeout=20
            ).returncode
            == 0
        )

    def leader(self) -> str | None:
        """The leader by the word of all nodes that answer."""
        said = {member["name"] for each in self.addresses for member in self.members(each) if member["role"] in ("leader", "master")}
        return said.pop() if len(said) == 1 else None

    def healthy(self) -> bool:
        """A leader, its synchronous replica and another one, both streaming without lag, by the word of all three."""
        for each in self.addresses:
            roles = sorted(
                (member["role"], member["state"] in ("running", "streaming"), member.get("lag", 0)) for member in self.members(each)
            )
            if roles != [("leader", True, 0), ("replica", True, 0), ("sync_standby", True, 0)]:
                return False
        return all(self.etcd_healthy(name) for name in self.nodes)

    def wait_healthy(self, seconds: float) -> float:
        """Seconds until `healthy`."""
        return wait_for("three healthy nodes", self.healthy, seconds, 0.5)

    def rows(self) -> dict[str, set[int]]:
        """The rows on the leader, by writer."""
        with libpq.Connection(address(self.addresses)) as connection:
            found: dict[str, set[int]] = {}
            for writer, number in connection.run(f"select writer, number from {TABLE}"):
                found.setdefault(writer, set()).add(int(number))
            return found

    # --- the scenes -------------------------------------------------------------------------------------------------------------

    def begin(self) -> Writer:
        """Three nodes, a table, a first backup and a client."""
        bridge()
        begun = time.monotonic()
        for machine in self.nodes.values():
            machine.start()
        self.wait_healthy(START_S)
        self.say(f"three nodes healthy after {time.monotonic() - begun:.1f} s")
        with libpq.Connection(address(self.addresses)) as connection:
            connection.run(
                f"create table {TABLE} (writer text, number bigint, written timestamptz default clock_timestamp(), primary key (writer, number))"
            )
        writer = self.writer("client")
        wait_for("first row", lambda: bool(writer.acknowledged), 20)
        begun = time.monotonic()
        for machine in self.nodes.values():
            machine.run("/usr/local/sbin/nautilus-backup")  # the leader's affair: the others' script does nothing
        self.say(f"first backup by the rendered script: {time.monotonic() - begun:.1f} s")
        return writer

    def writer(self, name: str, network: Machine | None = None) -> Writer:
        """A client; on the bridge, or in a node's network with only that node to talk to."""
        hosts = self.addresses if network is None else (str(network.address),)
        writer = Writer(name, address(hosts), network=network.pid if network else None)
        writer.start()
        self.writers.append(writer)
        return writer

    def _leader(self) -> Machine:
        """The leader of a cluster in which all is well: a harm in the middle of an election would measure that."""
        self.wait_healthy(BACK_S)
        name = self.leader()
        if name is None:
            raise RuntimeError("no leader that all agree on")
        return self.nodes[name]

    def _back(self, writer: Writer, since: float, what: str) -> float:
        wait_for(f"writes after {what}", lambda: writer.first_after(since) is not None, FAILOVER_S, 0.05)
        rto = writer.first_after(since)
        assert rto is not None
        self.say(f"{what}: writes succeed again after {rto:.1f} s")
        return rto

    def segments(self) -> list[Path]:
        """Log segments in the repository, wherever in it the archive lies."""
        return [path for path in (self.place / "repository").rglob("*.lz4") if "archive" in path.parts]

    def archive_age(self) -> float:
        """Seconds since the last segment reached the repository."""
        return time.time() - max((path.stat().st_mtime for path in self.segments()), default=0.0)

    def archived(self) -> set[str]:
        """Names of the segments in the repository."""
        return {path.name for path in self.segments()}

    def kill_node(self, writer: Writer) -> tuple[Harm, float, float]:
        """Kill Patroni, PostgreSQL and etcd of the leader together; then restore from what the archive held at that moment."""
        wait_for("the worst moment", lambda: WORST_S <= self.archive_age() < ARCHIVE_TIMEOUT_S, 90, 0.2)
        machine = self._leader()
        machine.kill()
        since = time.monotonic()
        # The survivors archive on: what the archive held is kept aside before the next leader is there.
        aside = self.place / "aside"
        subprocess.run(["cp", "-a", self.place / "repository", aside], check=True)
        newest = [each for each in list(writer.acknowledged) if each.answered <= since][-1]
        rto = self._back(writer, since, f"node {machine.name} killed")
        machine.start()
        healthy = self.wait_healthy(BACK_S)
        self.say(f"node {machine.name} is back and in step after {healthy:.1f} s")
        rows, took = restored(self.place / "lost", aside, self.cluster)
        kept = [each for each in writer.acknowledged if each.number in rows["client"]][-1]
        rpo = newest.answered - kept.answered
        self.say(f"restored from the repository alone in {took:.1f} s: it ends {rpo:.1f} s before the kill")
        shutil.rmtree(aside)
        return Harm(machine.name, rto, healthy), rpo, took

    def cut_network(self, writer: Writer) -> Harm:
        """Take the leader off the network, with a client on its side, until the others have gone on without it."""
        machine = self._leader()
        inner = self.writer(f"inside-{machine.name}", machine)
        wait_for("first row from inside", lambda: bool(inner.acknowledged), 20)
        machine.cut()
        since = time.monotonic()
        rto = self._back(writer, since, f"network of {machine.name} cut")
        time.sleep(5)
        after = sum(each.asked >= since for each in list(inner.acknowledged))
        machine.heal()
        healed = time.monotonic()
        wait_for("healthy after the cut", self.healthy, BACK_S, 0.5)
        inner.stop()
        self.say(f"old leader acknowledged {after} rows after the cut; in step again after {time.monotonic() - healed:.1f} s")
        return Harm(machine.name, rto, time.monotonic() - healed, after)

    def kill_postmaster(self, writer: Writer) -> Harm:
        """SIGKILL to the leader's postmaster alone."""
        machine = self._leader()
        process = (machine.root / "var/lib/nautilus/data/pgdata/data/postmaster.pid").read_text().splitlines()[0]
        machine.run("kill", "-KILL", process)
        since = time.monotonic()
        rto = self._back(writer, since, f"postmaster of {machine.name} killed")
        return Harm(machine.name, rto, self.wait_healthy(BACK_S))

    def to_a_named_time(self, writer: Writer) -> dict[str, Any]:
        """Restore to a moment between two rows, and compare with what the cluster held then."""
        writer.hold()
        moment = datetime.now(UTC)
        before = {name: sorted(numbers) for name, numbers in self.rows().items()}
        time.sleep(0.2)
        writer.resume()
        count = len(writer.acknowledged)
        wait_for("rows after the moment", lambda: len(writer.acknowledged) > count + 5, 20)
        machine = self._leader()
        segments = self.archived()
        ask = ("psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres", "-c")
        name = machine.run(*ask, "select pg_walfile_name(pg_switch_wal())", user=USER).strip()
        wait_for(f"segment {name} in the archive", lambda: any(each.startswith(name) for each in self.archived() - segments), 30)
        writer.hold()
        later = self.rows()
        rows, took = restored(self.place / "point", self.place / "repository", self.cluster, moment)
        wrong = sum(len(set(before[name]) ^ rows.get(name, set())) for name in before) + sum(
            len(rows[name]) for name in rows.keys() - before.keys()
        )
        point = {
            "moment": moment.isoformat(),
            "rows_then": sum(map(len, before.values())),
            "rows_restored": sum(map(len, rows.values())),
            "rows_later": sum(map(len, later.values())),
            "different": wrong,
            "restore_s": round(took, 1),
        }
        self.say(f"point in time: {point}")
        return point

    def run(self) -> Result:
        """All scenes."""
        begun = time.monotonic()
        watch = Watch({name: machine.socket for name, machine in self.nodes.items()}, self.place / "watch", USER)
        try:
            writer = self.begin()
            kill, rpo, took = self.kill_node(writer)
            cut = self.cut_network(writer)
            postmaster = self.kill_postmaster(writer)
            point = self.to_a_named_time(writer)
            for each in self.writers:
                each.stop()
            held = self.rows()
            missing = lost([(each.name, [row.number for row in each.acknowledged]) for each in self.writers], held)
        finally:
            watch.stop()
        found = reigns(watch.samples())
        return Result(
            kill,
            cut,
            postmaster,
            acknowledged=sum(len(each.acknowledged) for each in self.writers),
            lost_acknowledged=missing,
            two_leaders_s=round(overlap(found), 2),
            rpo_s=rpo,
            restore_s=took,
            point=point,
            took_s=time.monotonic() - begun,
            leaders=[each.node for each in found],
        )


def inside(place: Path) -> int:
    """A run within its namespaces; the result in a file, or what went wrong and every node's last words on the error output."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - begun:6.1f} s  {text}", file=sys.stderr, flush=True)

    drill = Drill(place, say)
    try:
        result = drill.run()
    except (RuntimeError, OSError, libpq.Error, LookupError, subprocess.SubprocessError):
        traceback.print_exc()
        for machine in drill.nodes.values():
            print(machine.logs(), file=sys.stderr)
        for writer in drill.writers:
            print(f"--- {writer.name}: {len(writer.acknowledged)} acknowledged; last errors: {writer.errors[-5:]}", file=sys.stderr)
        return 1
    (place / "result.json").write_text(json.dumps(asdict(result)))
    return 0


def run(echo: Callable[[str], None]) -> dict[str, Any]:
    """One run from outside; progress line by line to `echo`.

    However this process ends, the run's ends with it: its processes, networks and mounts live in namespaces whose first process dies with us.

    Raises:
        RuntimeError: The run did not come to its end; with what it printed.
    """
    place = Path(tempfile.mkdtemp(prefix="ha-"))
    place.chmod(0o755)
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    said: list[str] = []
    child = subprocess.Popen([*command, sys.executable, "-m", "tests.ha.drill", place], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr
        for line in child.stderr:
            said.append(line)
            if line.startswith("  "):
                echo(line.rstrip())
        if child.wait(30):
            raise RuntimeError("the run failed:\n" + "".join(said))
        return json.loads((place / "result.json").read_text())
    finally:
        child.kill()
        child.wait(30)
        child.stderr.close() if child.stderr else None
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(inside(Path(sys.argv[1])))
