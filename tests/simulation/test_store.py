"""The simulated account's file: nothing acknowledged is lost, and rows can be edited by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus.sandbox.simulation.context import Peer
from nautilus.sandbox.simulation.store import Store, StoreError, main
from nautilus.sandbox.simulation.values import Secret

PEER = Peer()
URN = "urn:pulumi:test::p::aws:sns/topic:Topic::alerts"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "account.db") as found:
        yield found


def put(store: Store, ident: str = "arn:1", urn: str = URN, **outputs: object) -> None:
    store.put(urn, ident, "aws:sns/topic:Topic", PEER, {"name": "alerts"}, {"name": "alerts", "arn": ident, **outputs})


def test_what_is_put_is_found(store: Store) -> None:
    put(store, word=Secret("x"))
    row = store.get(URN, "arn:1")
    assert row is not None
    assert row.outputs["word"] == Secret("x")
    assert store.find("arn:1") == row.known()
    assert [each.urn for each in store.all("aws:sns/topic:Topic")] == [URN]
    assert store.look_up("alerts") == row


def test_a_renamed_resource_is_found_by_id_and_type(store: Store) -> None:
    put(store)
    assert store.get(URN.replace("alerts", "renamed"), "arn:1") is not None
    assert store.get(URN.replace("sns/topic:Topic", "sqs/queue:Queue"), "arn:1") is None
    assert store.delete(URN.replace("alerts", "renamed"), "arn:1")
    assert len(store) == 0


def test_generations_count_until_the_account_is_empty(store: Store) -> None:
    assert store.next_generation(URN) == 0
    put(store)
    put(store, ident="arn:0", urn=f"{URN}-other")
    assert store.next_generation(URN) == 1
    store.delete(URN, "arn:1")
    assert store.next_generation(URN) == 1
    store.delete(f"{URN}-other", "arn:0")
    assert store.next_generation(URN) == 0


def test_drift_reaches_nested_values_and_keeps_secrets(store: Store) -> None:
    put(store, rules=[{"port": 1}], word=Secret("x"))
    store.drift("alerts", "rules[0].port", 2)
    store.drift(URN, "word", "y")
    store.drift("arn:1", "tags.Owner", "them")
    store.drift("alerts", "name", None)
    row = store.look_up("alerts")
    assert row.outputs == {"arn": "arn:1", "rules": [{"port": 2}], "word": Secret("y"), "tags": {"Owner": "them"}}
    assert row.made["rules"] == [{"port": 1}]


@pytest.mark.parametrize("path", ["", "rules[5].port", "name.deeper.still"])
def test_a_path_that_leads_nowhere(store: Store, path: str) -> None:
    put(store, rules=[{"port": 1}])
    with pytest.raises(StoreError):
        store.drift("alerts", path, 1)


def test_nothing_or_two_of_a_name(store: Store) -> None:
    with pytest.raises(StoreError, match="0 resources"):
        store.look_up("alerts")
    put(store)
    put(store, ident="arn:2")
    with pytest.raises(StoreError, match="2 resources"):
        store.look_up("alerts")


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter, not a database, and long enough to be read as one" * 20)
    with pytest.raises(StoreError, match=r"x\.db"):
        Store(tmp_path / "x.db")


def test_the_file_is_private(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0


def test_threads_share_it(store: Store) -> None:
    def work(start: int) -> None:
        for index in range(20):
            put(store, ident=f"arn:{start}-{index}", urn=f"{URN}-{start}-{index}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == 80


WRITER = """
import sys
from nautilus.sandbox.simulation.context import Peer
from nautilus.sandbox.simulation.store import Store
store = Store(sys.argv[1])
for index in range(100000):
    urn = f"urn:pulumi:test::p::aws:sns/topic:Topic::t{index}"
    store.put(urn, f"arn:{index}", "aws:sns/topic:Topic", Peer(), {}, {})
    print(index, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "account.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = -1
    for line in process.stdout:
        last = int(line)
        if last >= 40:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    with Store(path) as store:
        assert {row.id for row in store.all()} >= {f"arn:{index}" for index in range(last + 1)}


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "a.db")
    with Store(path) as store:
        put(store, word=Secret("hunter2"))
    assert main(["list", path]) == 0
    assert "aws:sns/topic:Topic\talerts\tarn:1" in capsys.readouterr().out
    assert main(["set", path, "alerts", "displayName", '"Alerts"']) == 0
    capsys.readouterr()
    assert main(["show", path, "alerts"]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["outputs"]["displayName"] == "Alerts"
    assert "hunter2" not in shown
    assert main(["delete", path, "alerts"]) == 0
    assert main(["delete", path, "alerts"]) == 1
    assert main(["list", str(tmp_path / "none.db")]) == 2
    assert main(["fly", path]) == 2
