"""The watchdog end to end: real processes, real sockets, moto's DynamoDB over HTTP, and a broker that writes down what it got and when."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from nautilus.runtime.gate_settings import GateSettingsError, read, usable
from nautilus.runtime.lease import Terms
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
TERMS = Terms(seconds=4, renew=1, clock_error=0.3)
HANDOVER = TERMS.seconds + 1 + TERMS.margin + TERMS.poll + 2
"""Longest wait for a lease whose holder died: its rest, rounding, the margin, a look, and two seconds for a busy machine."""
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def aws() -> Generator[str]:
    """moto's server, with a table."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def dynamodb(aws: str) -> Any:
    return boto3.client(
        "dynamodb", region_name="us-east-1", endpoint_url=f"http://{aws}", aws_access_key_id="test", aws_secret_access_key="test"
    )


class Sockets:
    """Whatever was opened is closed in the end, even if a thread still waits on it."""

    def __init__(self) -> None:
        self.all: list[socket.socket] = []

    def keep(self, one: socket.socket) -> socket.socket:
        self.all.append(one)
        return one

    def close(self) -> None:
        for one in self.all:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Broker(Sockets):
    """A gateway that takes every connection and remembers each line with its time."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[float, bytes]] = []
        self.server = self.keep(socket.create_server(("127.0.0.1", 0)))
        self.port = int(self.server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self.keep(self.server.accept()[0])
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                now = time.monotonic()
                self.lines += [(now, line) for line in data.split(b"\n") if line]
                connection.sendall(b"ok\n")

    def of(self, who: str) -> list[float]:
        """When lines of `who` arrived."""
        return [at for at, line in list(self.lines) if line.startswith(who.encode())]


class Wire(Sockets):
    """A TCP proxy that can be cut: then it neither answers nor closes, like a lost network."""

    def __init__(self, target: str) -> None:
        super().__init__()
        host, _, port = target.rpartition(":")
        self.target = (host, int(port))
        self.server = self.keep(socket.create_server(("127.0.0.1", 0)))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        self.cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self.keep(self.server.accept()[0])
                far = self.keep(socket.create_connection(self.target))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                while self.cut:
                    time.sleep(0.05)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


class Gate:
    """One watchdog, started as ECS would."""

    def __init__(self, place: Place, name: str, **variables: str) -> None:
        self.name, self.wire = name, Wire(place.aws)
        self.port, self.status_port = free_port(), free_port()
        self.variables = {
            **KEYS,
            "PATH": os.environ["PATH"],
            "LEASE_TABLE": place.table,
            "LEASE_NAME": "engine",
            "LEASE_SECONDS": f"{TERMS.seconds:g}",
            "RENEW_SECONDS": f"{TERMS.renew:g}",
            "CLOCK_ERROR_SECONDS": f"{TERMS.clock_error:g}",
            "GATE_LISTEN": f"127.0.0.1:{self.port}",
            "GATE_UPSTREAM_LEASE": "ib-gateway",
            "GATE_UPSTREAM_PORT": str(place.broker.port),
            "STATUS_PORT": str(self.status_port),
            "HOLDER": name,
            "HOLDER_ADDRESS": "10.0.0.7",
            "AWS_ENDPOINT_URL_DYNAMODB": self.wire.url,
            "AWS_ENDPOINT_URL_SSM": self.wire.url,
            **variables,
        }
        self.log = place.folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nautilus.runtime.gate"], cwd=ROOT, env=self.variables, stdout=log, start_new_session=True
            )

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}{path}", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}

    def status(self) -> dict[str, Any]:
        return self.ask("/status")[1]

    def open(self) -> bool:
        return self.status().get("path") == "open"

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.events() if line["event"] == event]

    def signal(self, number: int) -> None:
        """To the parent and the child, as a freezer or ECS would."""
        os.killpg(self.process.pid, number)

    def finish(self) -> int:
        return self.process.wait(timeout=10)


class Place:
    """A table of its own, a broker, and what has to be ended afterwards."""

    def __init__(self, aws: str, dynamodb: Any, table: str, folder: Path) -> None:
        self.aws, self.dynamodb, self.table, self.folder = aws, dynamodb, table, folder
        self.broker = Broker()
        self.gates: list[Gate] = []
        self.engines: list[Engine] = []
        self.upstream(token=1)

    def upstream(self, token: int, address: str = "127.0.0.1", seconds: float = 3600) -> None:
        """The row of the gateway's lease."""
        self.dynamodb.put_item(
            TableName=self.table,
            Item={
                "lease": {"S": "ib-gateway"},
                "holder": {"S": f"gw-{token}"},
                "expires": {"N": str(int(time.time() + seconds))},
                "token": {"N": str(token)},
                "address": {"S": address},
            },
        )

    def row(self) -> dict[str, Any]:
        return self.dynamodb.get_item(TableName=self.table, Key={"lease": {"S": "engine"}}, ConsistentRead=True).get("Item", {})

    def engine(self, gate: Gate) -> None:
        """Somebody who sends orders to this gate."""
        self.engines.append(Engine(gate))

    def gate(self, name: str, **variables: str) -> Gate:
        self.gates.append(Gate(self, name, **variables))
        return self.gates[-1]


@pytest.fixture
def place(aws: str, dynamodb: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    table = re.sub(r"[^a-z-]", "-", request.node.name.lower())
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "lease", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lease", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    found = Place(aws, dynamodb, table, tmp_path)
    yield found
    for gate in found.gates:
        if gate.process.poll() is None:
            gate.signal(signal.SIGKILL)
            gate.process.wait()
        gate.wire.close()
    for engine in found.engines:
        engine.going = False
        engine.thread.join()
    found.broker.close()


def until(what: Any, seconds: float = 20.0) -> float:
    """Wait for `what` to be true; seconds it took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "did not happen in time"
        time.sleep(0.03)
    return time.monotonic() - began


class Engine:
    """Sends a numbered order every 20 ms from a thread, and connects again whenever it is thrown out."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.going = gate, True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        number = 0
        while self.going:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.gate.port), timeout=2) as one:
                while self.going:
                    number += 1
                    one.sendall(f"{self.gate.name} {number}\n".encode())
                    time.sleep(0.02)
            time.sleep(0.05)


def test_one_of_two_is_open_and_sigterm_hands_over_within_seconds(place: Place) -> None:
    first = place.gate("first")
    until(first.open)
    second = place.gate("second")
    place.engine(first)
    place.engine(second)
    until(lambda: second.ask("/health")[0] == 200 and second.said("waiting"))
    until(lambda: len(place.broker.of("first")) > 20)
    assert first.ask("/held")[0] == 200
    assert second.ask("/held")[0] == 503
    assert second.status()["path"] == "closed"
    until(lambda: "first holds token 1" in second.status()["why"])
    assert place.broker.of("second") == []
    assert place.row()["address"]["S"] == "10.0.0.7"

    first.signal(signal.SIGTERM)
    began = time.monotonic()
    assert first.finish() == 0
    assert time.monotonic() - began < 5
    until(second.open, 2 + 1 + TERMS.margin + TERMS.poll + 2)
    until(lambda: place.broker.of("second"))
    assert max(place.broker.of("first")) < min(place.broker.of("second"))
    assert place.row()["token"]["N"] == "2"
    assert [line["event"] for line in first.events() if line["event"] in ("released", "stopped")] == ["released", "stopped"]


def test_a_stopped_holder_is_ended_by_the_kernel_and_forwards_nothing_when_it_wakes_up(place: Place) -> None:
    first = place.gate("first")
    until(first.open)
    second = place.gate("second")
    place.engine(first)
    place.engine(second)
    until(lambda: len(place.broker.of("first")) > 20)

    first.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    until(second.open, HANDOVER)
    until(lambda: place.broker.of("second"))
    assert first.process.poll() is None, "the parent is stopped too and cannot have reported yet"
    first.signal(signal.SIGCONT)
    assert first.finish() == 4
    time.sleep(0.5)
    assert [line["path"] for line in first.said("ended-at-deadline")] == ["closed"]
    assert max(place.broker.of("first")) < stopped + 0.5
    assert max(place.broker.of("first")) < min(place.broker.of("second"))


def test_a_holder_without_network_closes_in_time_and_ends(place: Place) -> None:
    first = place.gate("first")
    until(first.open)
    second = place.gate("second")
    place.engine(first)
    place.engine(second)
    until(lambda: len(place.broker.of("first")) > 20)

    first.wire.cut = True
    cut = time.monotonic()
    assert first.finish() == 3
    assert time.monotonic() - cut < TERMS.hard + 0.5
    assert first.said("unanswered")
    assert "its time ran out" in first.said("lost")[0]["why"]
    assert first.said("path-closed") or first.said("connection-reset")
    until(second.open, HANDOVER)
    until(lambda: place.broker.of("second"))
    assert max(place.broker.of("first")) < cut + TERMS.soft + 0.2
    assert max(place.broker.of("first")) < min(place.broker.of("second"))


def test_a_stopped_engine_wakes_up_to_a_closed_path(place: Place) -> None:
    first = place.gate("first")
    until(first.open)
    code = (
        "import socket, sys, time\n"
        f"one = socket.create_connection(('127.0.0.1', {first.port}))\n"
        "for number in range(10**6):\n"
        "    one.sendall(f'order {number}\\n'.encode())\n"
        "    time.sleep(0.02)\n"
    )
    engine = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: len(place.broker.of("order")) > 10)
        engine.send_signal(signal.SIGSTOP)
        first.signal(signal.SIGTERM)
        assert first.finish() == 0, first.log.read_text()
        second = place.gate("second")
        until(second.open, HANDOVER)
        time.sleep(0.2)
        sent = len(place.broker.of("order"))
        engine.send_signal(signal.SIGCONT)
        _, said = engine.communicate(timeout=10)
        assert "ConnectionResetError" in said or "BrokenPipeError" in said
        assert len(place.broker.of("order")) == sent
    finally:
        engine.kill()
        engine.wait()


def test_a_crashed_holder_is_followed_after_its_lease_has_run_out(place: Place) -> None:
    first = place.gate("first")
    until(first.open)
    second = place.gate("second")
    until(lambda: second.said("waiting"))
    expires = int(place.row()["expires"]["N"])
    # The parent alone: the child may not outlive it.
    first.process.kill()
    until(lambda: first.ask("/health")[0] == 0, 2)
    until(second.open, HANDOVER)
    assert time.time() > expires + TERMS.margin - TERMS.clock_error
    assert place.row()["token"]["N"] == "2"


def test_another_gateway_on_the_other_side_ends_every_connection(place: Place, dynamodb: Any, aws: str) -> None:
    ssm = boto3.client("ssm", region_name="us-east-1", endpoint_url=f"http://{aws}", aws_access_key_id="test", aws_secret_access_key="test")
    first = place.gate("first", HALT_PARAMETER="/nautilus/test/trading/halt")
    until(first.open)
    with socket.create_connection(("127.0.0.1", first.port), timeout=5) as engine:
        engine.sendall(b"x 1\n")
        assert engine.recv(10) == b"ok\n"
        place.upstream(token=2)
        # What was sent stays readable; then comes a reset, and no polite end.
        with pytest.raises(ConnectionResetError):
            engine.recv(10)
    until(first.open)
    with socket.create_connection(("127.0.0.1", first.port), timeout=5) as engine:
        engine.sendall(b"x 2\n")
        assert engine.recv(10) == b"ok\n"
        # Nobody there, an address that is none of ours, an end in the past: closed each time.
        for wrong in ({"address": "169.254.170.2"}, {"address": "8.8.8.8"}, {"seconds": -5}):
            place.upstream(**{"token": 3, **wrong})
            until(lambda: first.status()["path"] == "closed")
            place.upstream(token=3)
            until(first.open)
    # No flag is a halt, and the path stays open all the same: an engine must be able to cancel orders.
    until(lambda: first.status()["halted"] is True)
    assert first.open()
    ssm.put_parameter(
        Name="/nautilus/test/trading/halt",
        Type="String",
        Value=json.dumps({"halted": False, "who": "desk", "why": "morning", "at": "2030-01-01T00:00:00+00:00"}),
    )
    until(lambda: first.status()["halted"] is False)
    assert first.status()["halt_who"] == "desk"


def test_wrong_settings_are_all_named_before_anything_starts() -> None:
    variables = {**KEYS, "LEASE_TABLE": "no spaces", "LEASE_SECONDS": "900", "GATE_LISTEN": "0.0.0.0:4003", "HOLDER": "a"}
    done = subprocess.run(
        [sys.executable, "-m", "nautilus.runtime.gate"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    said = [json.loads(line)["why"] for line in done.stdout.splitlines()]
    assert all(json.loads(line)["event"] == "wrong-setting" for line in done.stdout.splitlines())
    assert any(why.startswith("LEASE_TABLE = 'no spaces': accepted") for why in said)
    assert any(why.startswith("LEASE_NAME = ''") for why in said)
    assert any("LEASE_SECONDS = 900" in why and "3 to 300 s" in why for why in said)
    assert any(why.startswith("GATE_LISTEN = '0.0.0.0:4003': accepted is 127.0.0.1") for why in said)


def test_the_default_settings_and_who_this_is_come_from_ecs() -> None:
    asked: list[str] = []

    def ecs(base: str, path: str) -> dict[str, Any]:
        asked.append(base + path)
        if path == "/task":
            return {"TaskARN": "arn:aws:ecs:us-east-1:123456789012:task/nautilus-prod-cluster/0123456789abcdef0123456789abcdef"}
        return {"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.40.1.17"]}]}

    variables = {
        "AWS_REGION": "us-east-1",
        "LEASE_TABLE": "t-leases",
        "LEASE_NAME": "ib-gateway",
        "ECS_CONTAINER_METADATA_URI_V4": "http://x",
    }
    found = read(variables, ecs)
    assert (found.holder, found.address) == ("0123456789abcdef0123456789abcdef", "10.40.1.17")
    assert asked == ["http://x/task", "http://x"]
    assert (found.terms, found.listen, found.status_port) == (Terms(seconds=30, renew=10, clock_error=1), None, 8099)
    assert read({**variables, "HOLDER": "me", "HOLDER_ADDRESS": "10.0.0.1"}, ecs).holder == "me"

    def silent(base: str, path: str) -> dict[str, Any]:
        raise OSError("no route")

    with pytest.raises(GateSettingsError, match="does not say who this task is"):
        read(variables, silent)
    with pytest.raises(GateSettingsError, match="HOLDER = ''"):
        read({**variables, "ECS_CONTAINER_METADATA_URI_V4": ""}, ecs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"LEASE_SECONDS": "2"}, "3 to 300"),
        ({"LEASE_SECONDS": "nan"}, "LEASE_SECONDS = 'nan'"),
        ({"RENEW_SECONDS": "11"}, "a third of the lease, here 10"),
        ({"CLOCK_ERROR_SECONDS": "4"}, "an eighth of the lease, here 3.75"),
        ({"CLOCK_ERROR_SECONDS": "0"}, "accepted are 0.05"),
        ({"GATE_LISTEN": "127.0.0.1:80"}, "GATE_LISTEN"),
        ({"GATE_UPSTREAM_LEASE": "engine"}, "another lease than LEASE_NAME"),
        ({"GATE_UPSTREAM_PORT": ""}, "GATE_UPSTREAM_PORT = ''"),
        ({"STATUS_PORT": "4003"}, "another port than GATE_LISTEN"),
        ({"STATUS_PORT": "http"}, "STATUS_PORT = 'http'"),
        ({"HALT_PARAMETER": "trading/halt"}, "HALT_PARAMETER"),
        ({"HOLDER": "two words"}, "HOLDER = 'two words'"),
        ({"HOLDER_ADDRESS": "54.1.2.3"}, "HOLDER_ADDRESS"),
        ({"AWS_REGION": ""}, "AWS_REGION"),
    ],
)
def test_each_wrong_setting_is_named_with_what_is_accepted(change: dict[str, str], says: str) -> None:
    good = {
        "AWS_REGION": "us-east-1",
        "LEASE_TABLE": "t-leases",
        "LEASE_NAME": "engine",
        "GATE_LISTEN": "127.0.0.1:4003",
        "GATE_UPSTREAM_LEASE": "ib-gateway",
        "GATE_UPSTREAM_PORT": "4003",
        "HOLDER": "a",
        "HOLDER_ADDRESS": "10.0.0.1",
    }
    assert read(good).listen == ("127.0.0.1", 4003)
    with pytest.raises(GateSettingsError) as error:
        read({**good, **change})
    assert says in str(error.value)
    assert len(error.value.problems) == 1


def test_only_private_addresses_are_connected_to() -> None:
    assert [address for address in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1") if not usable(address)] == []
    wrong = ("", "8.8.8.8", "169.254.170.2", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "ib-gateway")
    assert [address for address in wrong if usable(address)] == []
