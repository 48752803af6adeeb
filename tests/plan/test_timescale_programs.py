"""The programs of a TimescaleDB node at work: their commands are played (AWS, Docker, systemd), OpenSSL and PostgreSQL are real."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pg8000.exceptions
import pytest
import yaml

from infra.plan.secrets import TIMESCALE_SECRETS, inventory
from infra.plan.timescale import Node, files
from infra.settings.workloads import Trading
from tests.plan.test_timescale import CLUSTER, NODES
from tests.servers import BINARIES, Server, postgres

AWS = f"""#!{sys.executable}
import json, os, sys, time
place = os.environ["PLAY"]
state = json.load(open(place))
words, options = [], {{}}
for word in sys.argv[1:]:
    if word.startswith("--"):
        options[last := word] = []
    elif options:
        options[last].append(word)
    else:
        words.append(word)
one = lambda name: " ".join(options[name])
call = words[-1]
state["calls"].append([call, sys.argv[1:]])
answer, code = "", 0
if call in state.get("fail", []):
    sys.stderr.write(f"{{call}} fails\\n"); code = 254
elif call == "get-parameter":
    if "ca" in state: answer = state["ca"]
    else: sys.stderr.write("An error occurred (ParameterNotFound)\\n"); code = 254
elif call == "put-parameter":
    if state.get("rival"): state["ca"] = state.pop("rival")
    if "ca" in state: sys.stderr.write("ParameterAlreadyExists\\n"); code = 254
    else: state["ca"] = open(one("--value").removeprefix("file://")).read()
elif call == "get-secret-value":
    versions = state["secrets"][one("--secret-id")]
    if "--version-id" in options: value = next(v for v in versions if v["VersionId"] == one("--version-id"))
    else: value = next(v for v in versions if "AWSCURRENT" in v["VersionStages"])
    answer = value["value"] if "--query" in options else json.dumps({{"SecretString": value["value"]}})
elif call == "list-secret-version-ids":
    found = state["secrets"][one("--secret-id")]
    answer = json.dumps({{"Versions": [{{k: w for k, w in v.items() if k != "value"}} for v in found]}})
elif call == "put-secret-value":
    versions = state["secrets"][one("--secret-id")]
    made = {{"VersionId": f"v{{len(versions) + 1}}", "VersionStages": [one("--version-stages")], "CreatedDate": "2099-01-01T00:00:00+00:00"}}
    versions.append({{**made, "value": open(one("--secret-string").removeprefix("file://")).read()}})
    answer = json.dumps(made)
elif call == "update-secret-version-stage":
    label = one("--version-stage")
    for version in state["secrets"][one("--secret-id")]:
        if version["VersionId"] == one("--remove-from-version-id"): version["VersionStages"].remove(label)
    for version in state["secrets"][one("--secret-id")]:
        if "--move-to-version-id" in options and version["VersionId"] == one("--move-to-version-id"): version["VersionStages"].append(label)
elif call == "put-events":
    state["events"] += json.loads(one("--entries")); answer = '{{"FailedEntryCount": 0}}'
elif call == "put-metric-data":
    state["metrics"] = [dict(p.split("=", 1) for p in m.split(",")) for m in options["--metric-data"]]; state["namespace"] = one("--namespace")
else:
    sys.stderr.write(f"unplayed: {{call}}\\n"); code = 2
json.dump(state, open(place, "w"))
sys.stdout.write(answer)
sys.exit(code)
"""


class Play:
    """A node's folders and the commands that it finds."""

    def __init__(self, place: Path, node: Node = NODES[0]) -> None:
        self.place = place
        self.node = node
        self.bin = place / "bin"
        for name in ("bin", "run", "tls", "data/data/pgdata", "data/etcd/data", "etc"):
            (place / name).mkdir(parents=True)
        self.state = place / "state.json"
        secrets = {
            arn: [
                {
                    "VersionId": "v1",
                    "VersionStages": ["AWSCURRENT"],
                    "CreatedDate": "2026-01-01T00:00:00.123000+00:00",
                    "value": f"first-{i}",
                }
            ]
            for i, arn in enumerate(CLUSTER.secrets)
        }
        self.write({"calls": [], "events": [], "secrets": secrets})
        for file in files(CLUSTER, node):
            if file.path.startswith("/usr/local/sbin/"):
                self.command(Path(file.path).name, file.text)
            elif file.path.startswith("/etc/nautilus/"):
                (place / "etc" / Path(file.path).name).write_text(file.text)
        self.command("aws", AWS)
        self.command("sleep", "#!/bin/sh\nexit 0\n")

    def command(self, name: str, text: str) -> None:
        """Put a command in the path."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def read(self) -> dict[str, Any]:
        return json.loads(self.state.read_text())

    def write(self, state: dict[str, Any]) -> None:
        self.state.write_text(json.dumps(state))

    def change(self, **values: Any) -> None:
        self.write(self.read() | values)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        place = str(self.place)
        environment = {
            "PATH": f"{self.bin}:{BINARIES}:{os.environ['PATH']}",
            "PLAY": str(self.state),
            "NODE_ENV": f"{place}/etc/node.env",
            "TLS_FOLDER": f"{place}/tls",
            "MEMORY_FOLDER": f"{place}/run",
            "PATRONI_FOLDER": f"{place}/run/patroni",
            "SETTINGS_FOLDER": f"{place}/etc",
            "RESTORE_FILE": f"{place}/run/restore.env",
            "TOLD_FILE": f"{place}/run/told",
            "DATA_FOLDER": f"{place}/data",
            "RUN_FOLDER": f"{place}/run",
            "DATABASE_USER": f"{os.getuid()}:{os.getgid()}",
            **more,
        }
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    def ok(self, *command: str, **more: str) -> str:
        done = self.run(*command, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


# --- certificates -----------------------------------------------------------------------------------------------------------


def test_the_first_node_makes_the_authority_and_the_others_take_it(tmp_path: Path) -> None:
    first = Play(tmp_path / "a")
    first.ok("nautilus-certificates")
    authority = first.read()["ca"]
    assert "PRIVATE KEY" in authority
    second = Play(tmp_path / "b", NODES[1])
    second.change(ca=authority)
    second.ok("nautilus-certificates")
    assert [call for call, _ in second.read()["calls"]] == ["get-parameter"]
    for one in (first, second):
        tls = one.place / "tls"
        assert openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", tls / "ca.crt", tls / "server.crt").returncode == 0
        assert (
            openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", first.place / "tls/ca.crt", tls / "server.crt").returncode
            == 0
        )
        names = openssl("x509", "-in", tls / "server.crt", "-noout", "-ext", "subjectAltName").stdout
        assert f"IP Address:{one.node.address}, IP Address:127.0.0.1, DNS:localhost" in names
        assert "PRIVATE KEY" not in (tls / "ca.crt").read_text(), "the authority's key does not stay on the node"
        assert (tls / "server.key").stat().st_mode & 0o777 == 0o600
        assert list((one.place / "run").iterdir()) == [], "nor in its memory"


def test_of_two_first_nodes_one_wins(tmp_path: Path) -> None:
    winner = Play(tmp_path / "a")
    winner.ok("nautilus-certificates")
    loser = Play(tmp_path / "b", NODES[1])
    loser.change(rival=winner.read()["ca"])
    loser.ok("nautilus-certificates")
    assert loser.read()["ca"] == winner.read()["ca"]
    assert openssl("verify", "-CAfile", winner.place / "tls/ca.crt", loser.place / "tls/server.crt").returncode == 0


def test_a_stranger_is_no_member(tmp_path: Path) -> None:
    one, other = Play(tmp_path / "a"), Play(tmp_path / "b")
    one.ok("nautilus-certificates")
    other.ok("nautilus-certificates")
    assert openssl("verify", "-CAfile", one.place / "tls/ca.crt", other.place / "tls/server.crt").returncode != 0


def test_no_authority_is_made_because_aws_does_not_answer(play: Play) -> None:
    play.change(fail=["get-parameter"])
    assert play.run("nautilus-certificates").returncode == 1
    assert "put-parameter" not in [call for call, _ in play.read()["calls"]]
    assert list((play.place / "tls").iterdir()) == []


def test_a_certificate_is_renewed_in_time_with_the_same_key(play: Play) -> None:
    play.ok("nautilus-certificates")
    tls = play.place / "tls"
    key, first = (tls / "server.key").read_text(), (tls / "server.crt").read_text()
    play.ok("nautilus-certificates")
    assert (tls / "server.crt").read_text() == first, "good for a year: nothing to do"
    program = (play.bin / "nautilus-certificates").read_text()
    play.command("nautilus-certificates", program.replace("-checkend 5184000", f"-checkend {399 * 86_400}"))
    play.ok("nautilus-certificates")
    assert (tls / "server.crt").read_text() != first
    assert (tls / "server.key").read_text() == key


# --- passwords on a node ------------------------------------------------------------------------------------------------------


def test_patroni_finds_its_settings_and_passwords_in_memory(play: Play) -> None:
    play.ok("nautilus-secrets")
    folder = play.place / "run/patroni"
    found = yaml.safe_load((folder / "20-secrets.yml").read_text())
    assert found["postgresql"]["authentication"]["superuser"]["password"] == "first-0"
    assert found["postgresql"]["authentication"]["replication"]["password"] == "first-1"
    assert found["postgresql"]["authentication"]["replication"]["sslmode"] == "verify-ca"
    assert found["restapi"]["authentication"] == {"username": "patroni", "password": "first-2"}
    assert (folder / "market").read_text() == "first-3\n"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert yaml.safe_load((folder / "10-patroni.yml").read_text())["name"] == "a"
    assert "method" not in yaml.safe_load((folder / "10-patroni.yml").read_text())["bootstrap"]
    (play.place / "run/restore.env").write_text("RESTORE_TARGET=\n")
    play.ok("nautilus-secrets")
    assert yaml.safe_load((folder / "10-patroni.yml").read_text())["bootstrap"]["method"] == "pgbackrest"


@pytest.mark.parametrize("value", ['a"b', "two words", "line\nbreak", "", "$(id)", "a: b"])
def test_a_password_that_yaml_would_misread_is_refused(play: Play, value: str) -> None:
    state = play.read()
    state["secrets"][CLUSTER.secrets[1]][0]["value"] = value
    play.write(state)
    done = play.run("nautilus-secrets")
    assert done.returncode != 0
    assert "misread" in done.stderr
    assert not (play.place / "run/patroni").exists()


def test_two_runs_at_once_and_patroni_meet_no_half_file(play: Play) -> None:
    folder = play.place / "run/patroni"
    play.command("chown", f"#!/bin/sh\nls -A {folder} >> {play.place}/seen\n")
    play.ok("nautilus-secrets")
    seen = {name for name in (play.place / "seen").read_text().split() if name.startswith(".")}
    assert len(seen) == 3
    # Patroni would read it as settings; and another run would move it away, or find it moved.
    assert not any(name.endswith(".yml") for name in seen)
    play.ok("nautilus-secrets")
    later = {name for name in (play.place / "seen").read_text().split() if name.startswith(".")} - seen
    assert len(later) == 3, "each run has names of its own"
    assert sorted(path.name for path in folder.iterdir()) == ["10-patroni.yml", "20-secrets.yml", "market"]


def test_a_node_takes_every_password_that_a_stack_may_draw_for_it(play: Play) -> None:
    # RDS and PostgreSQL take these characters, so the settings do; a node would not start with one of them in its password.
    state = play.read()
    specs = {spec.name: spec for spec in inventory(Trading(), password_special="!#$%&()*+,:;<=>?[]^`{|}")}
    for name, arn in zip(TIMESCALE_SECRETS, CLUSTER.secrets, strict=True):
        alphabet = specs[name].alphabet
        assert alphabet is not None
        state["secrets"][arn][0]["value"] = f"aA0{alphabet.special}"
    play.write(state)
    play.ok("nautilus-secrets")


def test_patroni_is_told_when_something_changed_and_only_then(play: Play) -> None:
    play.command("docker", f'#!/bin/sh\necho "$@" >> {play.place}/docker\n')
    heard = play.place / "docker"
    play.ok("nautilus-refresh")
    assert heard.read_text() == "kill --signal HUP patroni\n"
    play.ok("nautilus-refresh")
    assert heard.read_text().count("\n") == 1
    state = play.read()
    state["secrets"][CLUSTER.secrets[1]][0]["value"] = "second"
    play.write(state)
    play.ok("nautilus-refresh")
    assert heard.read_text().count("\n") == 2
    play.command("docker", "#!/bin/sh\nexit 1\n")
    state["secrets"][CLUSTER.secrets[1]][0]["value"] = "third"
    play.write(state)
    assert play.run("nautilus-refresh").returncode != 0
    play.command("docker", f'#!/bin/sh\necho "$@" >> {play.place}/docker\n')
    play.ok("nautilus-refresh")
    assert heard.read_text().count("\n") == 3, "what it did not hear is said again"


# --- etcd's membership --------------------------------------------------------------------------------------------------------

PEERS = "1a, started, b, https://10.20.65.10:2380, https://10.20.65.10:2379, false\n1b, started, c, https://10.20.66.10:2380, https://10.20.66.10:2379, false\n"
OURS = "1c, started, a, https://10.20.64.10:2380, https://10.20.64.10:2379, false\n"
FRESH = "1c, started, a, https://10.20.64.10:2380, , false\n"


def etcd(play: Play, *, members: str | None, healthy: bool = True) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Start etcd where the others answer with `members`, or not at all; what was asked of Docker."""
    (play.place / "members").write_text(members or "")
    play.command(
        "docker",
        f"""#!/bin/bash
echo "$*" >> {play.place}/docker
case "$*" in
  *"member list"*) {"cat " + str(play.place / "members") if members is not None else "exit 1"} ;;
  *"member remove"* | *"member add"*) exit {0 if healthy else 1} ;;
esac
""",
    )
    done = play.run("nautilus-run", "etcd")
    heard = (play.place / "docker").read_text().splitlines()
    return done, [line for line in heard if "member" in line or "--config-file" in line]


def entered(play: Play) -> str:
    return yaml.safe_load((play.place / "run/etcd.yml").read_text())["initial-cluster-state"]


def test_a_first_day_makes_a_new_cluster(play: Play) -> None:
    done, _ = etcd(play, members=None)
    assert done.returncode == 0
    assert entered(play) == "new"


def test_a_member_with_its_volume_starts_as_it_was(play: Play) -> None:
    (play.place / "data/etcd/data/member").mkdir()
    done, heard = etcd(play, members=PEERS + OURS)
    assert done.returncode == 0
    assert len(heard) == 1, "nobody is asked"
    assert (play.place / "data/data/etcd-member").exists()


def test_a_lost_volume_is_taken_out_before_it_joins_anew(play: Play) -> None:
    done, heard = etcd(play, members=PEERS + OURS)
    assert done.returncode == 0
    assert ["remove 1c" in heard[1], "add a --peer-urls=https://10.20.64.10:2380" in heard[2]] == [True, True]
    assert "10.20.64.10:2379" not in heard[0].split("--endpoints")[1], "the others are asked"
    assert entered(play) == "existing"


@pytest.mark.parametrize(("members", "added"), [(PEERS + FRESH, 0), (PEERS, 1)])
def test_who_never_was_in_joins(play: Play, members: str, added: int) -> None:
    done, heard = etcd(play, members=members)
    assert done.returncode == 0
    assert sum("member add" in line for line in heard) == added
    assert not any("member remove" in line for line in heard)
    assert entered(play) == "existing"


def test_an_empty_member_never_votes_alone(play: Play) -> None:
    (play.place / "data/data/etcd-member").touch()
    done, heard = etcd(play, members=None)
    assert done.returncode != 0
    assert "waiting" in done.stderr
    assert not any("--config-file" in line for line in heard)


def test_without_a_quorum_nothing_is_started(play: Play) -> None:
    done, heard = etcd(play, members=PEERS + OURS, healthy=False)
    assert done.returncode != 0
    assert not any("--config-file" in line or "member add" in line for line in heard)


def test_patroni_runs_without_privileges_on_a_read_only_image(play: Play) -> None:
    play.command("docker", f'#!/bin/bash\nprintf "%s\\n" "$*" >> {play.place}/docker\n')
    play.ok("nautilus-run", "patroni")
    (started,) = [line for line in (play.place / "docker").read_text().splitlines() if line.startswith("run ")]
    for option in ("--read-only", "--user 1000:1000", "--cap-drop ALL", "--security-opt no-new-privileges", "--network host"):
        assert option in started
    assert started.endswith(f"--entrypoint /etc/nautilus/start.sh {CLUSTER.image}")
    assert "PASSWORD" not in started
    assert "restore.env" not in started
    (play.place / "run/restore.env").write_text("RESTORE_TARGET=\n")
    play.ok("nautilus-run", "patroni")
    assert f"--env-file {play.place}/run/restore.env" in (play.place / "docker").read_text()


# --- the container of PostgreSQL ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "accepted"), [("2.55.0", False), ("2.54.2", True), ("2.55.1", True), ("2.45", True)])
def test_the_broken_pgbackrest_is_refused_with_the_reason(play: Play, version: str, accepted: bool) -> None:
    play.command("pgbackrest", f"#!/bin/sh\necho 'pgBackRest {version}'\n")
    play.command("patroni", "#!/bin/sh\necho patroni $1\n")
    done = play.run("bash", str(play.place / "etc/start.sh"))
    assert (done.returncode, done.stdout) == ((0, "patroni /run/nautilus/patroni\n") if accepted else (1, ""))
    assert ("object lock" in done.stderr) is not accepted


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("2026-01-31 12:00:00+00", "--stanza=market --type=time --target=2026-01-31 12:00:00+00 --target-action=promote restore"),
        ("", "--stanza=market restore"),
    ],
)
def test_a_restore_ends_where_it_was_told(play: Play, target: str, asked: str) -> None:
    play.command("pgbackrest", '#!/bin/sh\necho "$@"\n')
    assert play.ok("bash", str(play.place / "etc/restore.sh"), RESTORE_TARGET=target) == asked + "\n"


def test_a_clusters_restore_wants_patroni_stopped_and_keeps_what_was(play: Play) -> None:
    data = play.place / "data/data/pgdata"
    (data / "data").mkdir()
    (data / "data/PG_VERSION").write_text("16")
    play.command("docker", f'#!/bin/sh\necho "$@" >> {play.place}/docker\n')
    play.command("systemctl", "#!/bin/sh\nexit 0\n")
    done = play.run("nautilus-restore", "latest")
    assert (done.returncode, "Patroni runs" in done.stderr) == (1, True)
    assert (data / "data/PG_VERSION").exists()
    play.command("systemctl", '#!/bin/sh\n[ "$1" = start ]\n')
    assert play.run("nautilus-restore", "yesterday").returncode == 2
    assert (data / "data/PG_VERSION").exists(), "what is refused touches nothing"
    play.ok("nautilus-restore", "2026-01-31 12:00:00+00")
    assert "del --prefix /service/market/" in (play.place / "docker").read_text()
    assert (play.place / "run/restore.env").read_text() == "RESTORE_TARGET=2026-01-31 12:00:00+00\n"
    assert len(list(data.glob("before-*/PG_VERSION"))) == 1


def test_a_node_that_shall_begin_afresh_is_cleared_and_nothing_is_started(play: Play) -> None:
    data = play.place / "data/data/pgdata"
    (data / "data").mkdir()
    play.command("docker", f'#!/bin/sh\necho "$@" >> {play.place}/docker\n')
    play.command("systemctl", f'#!/bin/sh\necho "$@" >> {play.place}/systemctl\nexit 3\n')
    play.ok("nautilus-restore", "clear")
    assert not (data / "data").exists()
    assert len(list(data.glob("before-*"))) == 1
    assert (play.place / "systemctl").read_text() == "is-active --quiet patroni\n"
    assert not (play.place / "docker").exists(), "Patroni's memory is the first node's to clear"


@pytest.mark.parametrize(("leads", "day", "kind"), [(True, 7, "full"), (True, 3, "diff"), (False, 7, None)])
def test_the_leader_alone_backs_up(play: Play, leads: bool, day: int, kind: str | None) -> None:
    play.command("curl", f"#!/bin/sh\nexit {0 if leads else 22}\n")
    play.command("date", f"#!/bin/sh\necho {day}\n")
    play.command("docker", '#!/bin/sh\necho "$@"\n')
    told = play.ok("nautilus-backup")
    assert told == (f"exec patroni pgbackrest --stanza=market --type={kind} backup\n" if kind else "")


# --- rotation -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres(user="postgres") as made:
        connection = made.connect()
        # The superuser's password changes in these tests; this one stays, as the socket's `peer` does on a node.
        connection.run("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'keeper'")
        connection.run("CREATE ROLE market LOGIN")
        connection.run("CREATE ROLE replicator LOGIN REPLICATION")
        connection.run("CREATE DATABASE market OWNER market")
        connection.close()
        yield made


PSQL = shutil.which("psql", path=f"{BINARIES}:/usr/bin:/usr/local/bin")


class Rotation(Play):
    """The leader of a cluster whose database is real."""

    def __init__(self, place: Path, server: Server) -> None:
        super().__init__(place)
        self.server = server
        connection = server.connect("keeper", "keeper")
        for role in ("postgres", "replicator", "market"):
            connection.run(f"ALTER ROLE {role} PASSWORD 'of-another-test'")
        connection.close()
        self.command("curl", "#!/bin/sh\nexit 0\n")
        self.command("nautilus-refresh", f"#!/bin/sh\necho refresh >> {place}/refreshed\n")
        # What stands between `docker exec … patroni` and the end is psql in the container: on the socket as `postgres`, or over TCP.
        self.command(
            "docker",
            f"""#!{sys.executable}
import os, subprocess, sys
arguments = sys.argv[sys.argv.index("patroni") + 1:]
target = arguments.pop()
if "host=" in target:
    target = target.replace("sslmode=verify-ca", "sslmode=disable") + " port={server.port}"
else:
    target = "host=127.0.0.1 user=keeper dbname=" + target + " port={server.port}"
    os.environ["PGPASSWORD"] = "keeper"
text = sys.stdin.read()
open("{place}/sql", "a").write(text)
sys.exit(subprocess.run([*arguments, target], input=text, text=True).returncode)
""",
        )

    def rotate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, str(self.bin / "nautilus-rotate"), *arguments)

    def opens(self, user: str, password: str) -> bool:
        try:
            self.server.connect(user, password).close()
        except (pg8000.exceptions.DatabaseError, OSError):
            return False
        return True

    def current(self, index: int) -> str:
        found = [one for one in self.read()["secrets"][CLUSTER.secrets[index]] if "AWSCURRENT" in one["VersionStages"]]
        assert len(found) == 1
        return str(found[0]["value"])

    def labels(self) -> set[str]:
        return {label for versions in self.read()["secrets"].values() for one in versions for label in one["VersionStages"]}


@pytest.fixture
def leader(tmp_path: Path, server: Server) -> Rotation:
    if PSQL is None:
        pytest.skip("no psql here")
    made = Rotation(tmp_path, server)
    (made.bin / "psql").symlink_to(PSQL)
    return made


def test_every_password_is_replaced_and_opens(leader: Rotation) -> None:
    before = [leader.current(index) for index in range(4)]
    done = leader.rotate()
    assert done.returncode == 0, done.stderr
    after = [leader.current(index) for index in range(4)]
    assert not set(before) & set(after)
    assert all(leader.opens(user, after[index]) for index, user in ((0, "postgres"), (1, "replicator"), (3, "market")))
    assert not leader.opens("market", before[3])
    assert leader.labels() == {"AWSCURRENT"}, "nothing is left pending"
    events = leader.read()["events"]
    assert {json.loads(event["Detail"])["secret"] for event in events} == set(CLUSTER.secrets)
    assert {(event["Source"], event["DetailType"]) for event in events} == {("nautilus.timescale", "SecretRotated")}
    assert (leader.place / "refreshed").read_text() == "refresh\n"


def test_no_value_stands_in_an_argument_a_statement_or_the_journal(leader: Rotation) -> None:
    done = leader.rotate()
    values = [leader.current(index) for index in range(4)]
    said = json.dumps(leader.read()["calls"]) + (leader.place / "sql").read_text() + done.stdout + done.stderr
    assert "ALTER ROLE" in said
    assert not any(value in said for value in values)


def test_a_fresh_password_is_left_alone_unless_told(leader: Rotation) -> None:
    assert leader.rotate().returncode == 0
    first = [leader.current(index) for index in range(4)]
    assert leader.rotate().returncode == 0
    assert leader.rotate("--finish").returncode == 0
    assert [leader.current(index) for index in range(4)] == first
    assert leader.rotate("--now").returncode == 0
    assert not set(first) & {leader.current(index) for index in range(4)}


def test_a_value_of_the_stacks_state_does_not_outlive_the_first_window(leader: Rotation) -> None:
    # A stack of Thursday: Secrets Manager rotates what is its own at once, a node on Sunday, and not a week later.
    assert leader.rotate().returncode == 0
    fresh = [leader.current(index) for index in range(4)]
    state = leader.read()
    next(one for one in state["secrets"][CLUSTER.secrets[3]] if "AWSCURRENT" in one["VersionStages"])["VersionStages"].append("FIRST")
    leader.write(state)
    assert leader.rotate("--finish").returncode == 0
    assert leader.current(3) == fresh[3], "outside of the window nobody is shut out"
    assert leader.rotate().returncode == 0
    assert leader.current(3) != fresh[3]
    assert not leader.opens("market", fresh[3])
    assert [leader.current(index) for index in range(3)] == fresh[:3]
    again = leader.current(3)
    assert leader.rotate().returncode == 0
    assert leader.current(3) == again, "the label stays with the old version"


def test_who_does_not_lead_does_nothing(leader: Rotation) -> None:
    leader.command("curl", "#!/bin/sh\nexit 22\n")
    assert leader.rotate("--now").returncode == 0
    assert leader.read()["calls"] == []


@pytest.mark.parametrize("broken", ["put-secret-value", "get-secret-value", "update-secret-version-stage", "put-events"])
def test_an_interrupted_rotation_is_finished_with_the_same_value(leader: Rotation, broken: str) -> None:
    leader.change(fail=[broken])
    done = leader.rotate("--now")
    assert done.returncode == 1
    assert "left unfinished" in done.stderr
    waiting = [one["value"] for one in leader.read()["secrets"][CLUSTER.secrets[3]] if "AWSPENDING" in one["VersionStages"]]
    leader.change(fail=[], events=[])
    assert leader.rotate("--finish").returncode == 0
    if broken == "put-secret-value":
        assert waiting == []
        assert leader.current(3) == "first-3", "nothing was begun, so nothing is finished"
        return
    assert waiting == [leader.current(3)]
    assert leader.opens("market", leader.current(3))
    assert leader.labels() == {"AWSCURRENT"}
    assert len(leader.read()["events"]) == 4, "who uses it is told in the end"


def test_one_failing_role_does_not_hold_up_the_others(leader: Rotation) -> None:
    connection = leader.server.connect("keeper", "keeper")
    connection.run("ALTER ROLE replicator NOLOGIN")
    try:
        assert leader.rotate("--now").returncode == 1
        assert leader.current(1) == "first-1", "what does not open is not made current"
        assert leader.opens("market", leader.current(3))
    finally:
        connection.run("ALTER ROLE replicator LOGIN")
        connection.close()
    assert leader.rotate("--finish").returncode == 0
    assert leader.opens("replicator", leader.current(1))


def test_two_runs_at_the_same_moment_go_one_after_the_other(leader: Rotation) -> None:
    """The timers of the rotation and of its completion fire together at 02:15."""
    with (leader.place / "run" / "rotate.lock").open("w") as held, ThreadPoolExecutor() as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = pool.submit(leader.rotate, "--now")
        time.sleep(1)
        assert not second.done()
        assert leader.read()["calls"] == [], "it asks for nothing before its turn"
        fcntl.flock(held, fcntl.LOCK_UN)
        assert second.result(timeout=60).returncode == 0
    assert leader.labels() == {"AWSCURRENT"}


def test_an_unknown_argument_is_refused(leader: Rotation) -> None:
    assert leader.rotate("--all").returncode == 2


# --- metrics ----------------------------------------------------------------------------------------------------------------------


def metrics(
    play: Play, *, row: str = "1|0|0|0|2|1", health: str = '{"health":"true"}', failed: str = "", info: str = "[]", minute: int = 7
) -> dict[str, str]:
    """What a node publishes."""
    play.command("df", "#!/bin/sh\nprintf 'Use%%\\n 42%%\\n'\n")
    play.command("curl", f"#!/bin/sh\n[ -n '{health}' ] && echo '{health}'\n")
    asked = f'#!/bin/bash\ncase "$*" in *psql*) echo "{row}" ;; *info*) echo \'{info}\' ;; esac\n'
    play.command("docker", asked if row else "#!/bin/sh\nexit 1\n")
    play.command(
        "systemctl", f'#!/bin/bash\ncase "$1" in list-units) printf "{failed}" ;; start) echo "$@" >> {play.place}/started ;; esac\n'
    )
    play.command("date", f'#!/bin/sh\ncase "$*" in *%M*) printf "%02d\\n" {minute} ;; *%s*) echo 1000000 ;; esac\n')
    play.ok("nautilus-metrics")
    assert play.read()["namespace"] == "Nautilus/market"
    return {one["MetricName"]: one["Value"] for one in play.read()["metrics"]}


def test_the_leader_publishes_the_clusters_state(play: Play) -> None:
    found = metrics(
        play,
        row="1|12|3|4096|2|1",
        info='[{"backup":[{"lsn":{"stop":"0/9"},"timestamp":{"start":1,"stop":10000}},{"timestamp":{"stop":920000}}]}]',
    )
    assert found == {
        "DataDiskPercent": "42",
        "FailedUnits": "0",
        "EtcdHealthy": "1",
        "Leader": "1",
        "WalWaitSeconds": "12",
        "ReplicationLagSeconds": "3",
        "ReplicationLagBytes": "4096",
        "Replicas": "2",
        "SynchronousReplicas": "1",
        "Failovers": "0",
        "BackupAgeHours": "22",
    }


def test_a_replica_and_a_node_without_database_lead_nothing(play: Play) -> None:
    assert metrics(play, row="0|0|0|0|0|0")["Leader"] == "0"
    silent = metrics(play, row="", health="", failed="patroni.service x\\nnautilus-rotate.service y\\n")
    assert (silent["Leader"], silent["EtcdHealthy"], silent["FailedUnits"]) == ("0", "0", "2")
    assert "WalWaitSeconds" not in silent


def test_a_replica_that_leads_is_a_failover_and_once(play: Play) -> None:
    metrics(play, row="0|0|0|0|0|0")
    assert metrics(play)["Failovers"] == "1"
    assert metrics(play)["Failovers"] == "0"


def test_etcd_without_a_leader_is_unhealthy(play: Play) -> None:
    assert metrics(play, health='{"health":"false"}')["EtcdHealthy"] == "0"


def test_a_cluster_without_a_backup_makes_one(play: Play) -> None:
    found = metrics(play, info='[{"backup":[],"name":"market"}]')
    assert "BackupAgeHours" not in found
    assert (play.place / "started").read_text() == "start --no-block pgbackrest.service\n"
    assert "BackupAgeHours" not in metrics(play, info='[{"timestamp":{"stop":920000}}]', minute=9), "asked every ten minutes"
    assert metrics(play, info='[{"timestamp":{"stop":920000}}]', minute=10)["BackupAgeHours"] == "22"


def test_the_query_is_one_that_postgresql_answers(play: Play, server: Server) -> None:
    text = next(file.text for file in files(CLUSTER, NODES[0]) if file.path.endswith("nautilus-metrics"))
    query = text.split('query="')[1].split('"\n')[0]
    with postgres(user="postgres", settings=("archive_mode=on", "archive_command=false", "wal_level=replica")) as archiving:
        connection = archiving.connect()
        assert [int(value) for value in (connection.run(query) or [[]])[0]] == [1, 0, 0, 0, 0, 0]
        connection.run("CREATE TABLE t AS SELECT 1")
        connection.run("SELECT pg_switch_wal()")
        assert int((connection.run(query) or [[]])[0][1]) >= 1, "a log file that the archive does not take waits"
        connection.close()
    assert server.port


# --- the first database -----------------------------------------------------------------------------------------------------------


def test_the_bootstrap_may_be_repeated_and_names_the_password_nowhere(play: Play, server: Server) -> None:
    if PSQL is None:
        pytest.skip("no psql here")
    (play.bin / "psql").symlink_to(PSQL)
    play.command("pgbackrest", f'#!/bin/sh\necho "$@" >> {play.place}/stanza\n')
    script = (play.place / "etc/bootstrap.sh").read_text().replace("CREATE EXTENSION IF NOT EXISTS timescaledb;", "")
    script = script.replace("CREATE EXTENSION IF NOT EXISTS pg_stat_statements;", "")
    (play.place / "etc/bootstrap.sh").write_text(script)
    with postgres(user="postgres") as empty:
        address = f"host=127.0.0.1 port={empty.port} user=postgres dbname=postgres"
        for password in ("one-1", "two-2"):
            done = play.run("bash", str(play.place / "etc/bootstrap.sh"), address, MARKET_PASSWORD=password, PGPASSWORD=empty.password)
            if "getenv" in done.stderr:
                pytest.skip("this psql is older than 15")
            assert done.returncode == 0, done.stderr
            assert password not in done.stdout + done.stderr
            empty.connect("market", password, "market").close()
    assert (play.place / "stanza").read_text() == "--stanza=market stanza-create\n" * 2


# --- etcd itself --------------------------------------------------------------------------------------------------------------------

ETCD = shutil.which("etcd", path="/usr/bin:/usr/local/bin")


@pytest.mark.skipif(ETCD is None, reason="no etcd here (`make ha` installs it)")
def test_etcd_serves_the_clusters_certificates_and_nobody_else(play: Play, tmp_path: Path) -> None:
    from tests.servers import free_port

    here = dataclasses.replace(NODES[0], address="127.0.0.1")
    cluster = dataclasses.replace(CLUSTER, nodes=(here, *NODES[1:]))
    play.ok("nautilus-certificates")
    text = {file.path: file.text for file in files(cluster, here)}["/etc/nautilus/etcd.yml"]
    client, peer = free_port(), free_port()
    text = text.replace(":2379", f":{client}").replace(":2380", f":{peer}").replace("/etc/nautilus/tls", str(tmp_path / "tls"))
    page = yaml.safe_load(text) | {"data-dir": str(tmp_path / "etcd"), "initial-cluster": f"a=https://127.0.0.1:{peer}"}
    (tmp_path / "etcd.yml").write_text(yaml.safe_dump(page))
    with (tmp_path / "log").open("wb") as log:
        member = subprocess.Popen([str(ETCD), "--config-file", str(tmp_path / "etcd.yml")], stdout=log, stderr=log)
    try:
        tls = tmp_path / "tls"
        asked = ["curl", "-sS", "--retry", "40", "--retry-all-errors", "--retry-delay", "0", "--cacert", str(tls / "ca.crt")]
        known = ["--cert", str(tls / "server.crt"), "--key", str(tls / "server.key")]
        url = f"https://127.0.0.1:{client}/health"
        done = subprocess.run([*asked, *known, url], capture_output=True, text=True, check=False, timeout=50)
        assert '"health":"true"' in done.stdout, (tmp_path / "log").read_text()
        stranger = subprocess.run(["curl", "-sS", "--cacert", str(tls / "ca.crt"), url], capture_output=True, text=True, check=False)
        assert stranger.returncode != 0
    finally:
        member.terminate()
        member.wait(timeout=20)
