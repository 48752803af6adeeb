"""`nautilus flags`: exit codes, one document, and what it says of what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings.loader import load_stack
from infra.settings.root import Settings
from nautilus.cli import account
from nautilus.cli import flags as command
from tests.cli.conftest import ROOT, Engines, Nautilus
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session
from tests.ops.test_flags import Desk

session = moto_session
WHY = ("--why", "a test says so", "--yes", "--stack", "prod")


class Room:
    """What boto3's session is to the command: AppConfig with deployments, everything else moto's."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def client(self, name: str) -> Any:
        return {"appconfig": self.desk.client, "cloudwatch": self.desk.cloudwatch}[name]


@pytest.fixture
def desk(session: CachedSession, fake: Engines, monkeypatch: pytest.MonkeyPatch) -> Desk:
    loaded = load_stack("prod", ROOT)
    assert isinstance(loaded, Settings)
    made = Desk(session, loaded.account.region)
    fake.engine.values = {"appConfig": made.facts}
    monkeypatch.setattr(account, "aws_session", lambda region: Room(made))
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(loaded.account.id, "arn:aws:sts::0:assumed-role/desk/ann"))
    monkeypatch.setattr(command, "pause", lambda seconds: pytest.fail("nobody asked to wait"))
    return made


@pytest.fixture
def started(desk: Desk, nautilus: Nautilus) -> Desk:
    assert nautilus("flags", "start", *WHY).code == 0
    return desk


def written(folder: Path, document: Any) -> str:
    path = folder / "document.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def error(ran: Any) -> tuple[int, str]:
    return ran.code, ran.document["error"]["code"]


def test_before_the_start_nothing_counts(nautilus: Nautilus, desk: Desk) -> None:
    ran = nautilus("flags", "list", "--stack", "prod", "--json")
    assert ran.code == 1
    assert (ran.document["started"], ran.document["effectiveVolumePercent"]) == (False, 0)
    assert "nautilus flags start" in ran.err
    assert error(nautilus("flags", "show", "volume", "--stack", "prod", "--json")) == (1, "not-started")
    assert error(nautilus("flags", "watch", "volume", "--stack", "prod", "--json")) == (1, "not-started")
    assert error(nautilus("flags", "ceiling", "5", *WHY, "--json")) == (1, "not-started")


def test_the_start_deploys_all_three_and_a_second_one_nothing(nautilus: Nautilus, desk: Desk) -> None:
    ran = nautilus("flags", "start", *WHY, "--json")
    assert ran.code == 0, ran.err
    assert [(one["profile"], one["version"]) for one in ran.document["begun"]] == [("limits", 1), ("flags", 1), ("volume", 1)]
    again = nautilus("flags", "start", *WHY)
    assert (again.code, "nothing was done" in again.out) == (0, True)
    ran = nautilus("flags", "list", "--stack", "prod", "--json")
    assert (ran.code, ran.document["started"], ran.document["effectiveVolumePercent"]) == (0, True, 1)
    table = nautilus("flags", "list", "--stack", "prod")
    assert "trading volume that counts: 1 %" in table.out
    assert "ann: a test says so" in nautilus("flags", "history", "volume", "--stack", "prod").out


def test_a_document_is_shown_as_it_can_be_deployed_again(nautilus: Nautilus, started: Desk) -> None:
    ran = nautilus("flags", "show", "limits", "--stack", "prod")
    assert ran.code == 0
    assert json.loads(ran.out) == started.limits()
    assert nautilus("flags", "show", "limits", "--version", "1", "--stack", "prod", "--json").document["document"] == started.limits()
    assert error(nautilus("flags", "show", "limits", "--version", "9", "--stack", "prod", "--json")) == (1, "no-version")


def test_the_volume_goes_up_by_a_step(nautilus: Nautilus, started: Desk) -> None:
    jump = nautilus("flags", "volume", "50", *WHY, "--json")
    assert error(jump) == (1, "step")
    assert "the next step is 5 %" in jump.document["error"]["message"]
    ran = nautilus("flags", "volume", "5", *WHY, "--json")
    assert (ran.code, ran.document["strategy"], ran.document["change"]) == (0, "watched", "rises")
    busy = nautilus("flags", "volume", "1", *WHY, "--json")
    assert error(busy) == (1, "running")
    assert "flags stop" in busy.document["error"]["hint"]
    shown = nautilus("flags", "list", "--stack", "prod")
    assert "DEPLOYING 20 %, version 2" in shown.out


def test_watching_says_what_became_of_it(nautilus: Nautilus, started: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = iter([("BAKING", 100.0), ("COMPLETE", 100.0)])
    monkeypatch.setattr(command, "pause", lambda _seconds: started.client.move("volume", *next(moves)))
    ran = nautilus("flags", "volume", "5", "--watch", *WHY, "--json")
    assert (ran.code, ran.document["result"]["state"]) == (0, "COMPLETE")
    assert "BAKING, 100 %" in ran.err
    assert nautilus("flags", "volume", "10", *WHY).code == 0
    still = nautilus("flags", "watch", "volume", "--seconds", "0", "--stack", "prod", "--json")
    assert error(still) == (3, "runs")
    started.client.move("volume", "ROLLED_BACK")
    back = nautilus("flags", "watch", "volume", "--stack", "prod", "--json")
    assert error(back) == (1, "taken-back")
    assert any("cloudwatch alarm" in line for line in back.document["error"]["details"])
    assert "docs/runbooks/flags.md" in back.document["error"]["hint"]


def test_in_trouble_the_ceiling_goes_down(nautilus: Nautilus, started: Desk) -> None:
    assert nautilus("flags", "volume", "5", *WHY).code == 0
    started.client.move("volume", "COMPLETE")
    started.alarm("engine-absent", "ALARM")
    refused = nautilus("flags", "volume", "1", *WHY, "--json")
    assert error(refused) == (1, "alarm-volume")
    assert "nautilus flags ceiling" in refused.document["error"]["hint"]
    ran = nautilus("flags", "ceiling", "1", *WHY, "--json")
    assert (ran.code, ran.document["change"], ran.document["strategy"]) == (0, "falls", "immediate")
    shown = nautilus("flags", "list", "--stack", "prod")
    assert "trading volume that counts: 1 %" in shown.out
    assert "engine-absent: ALARM" in shown.out
    assert error(nautilus("flags", "ceiling", "100", *WHY, "--json")) == (1, "alarm")


def test_a_deployment_is_stopped_and_taken_back(nautilus: Nautilus, started: Desk) -> None:
    assert error(nautilus("flags", "stop", "volume", "--yes", "--stack", "prod", "--json")) == (1, "none-runs")
    assert nautilus("flags", "volume", "5", *WHY).code == 0
    ran = nautilus("flags", "stop", "volume", "--yes", "--stack", "prod", "--json")
    assert (ran.code, ran.document["deployment"]["state"]) == (0, "ROLLED_BACK")
    ran = nautilus("flags", "stop", "volume", "--revert", "--yes", "--stack", "prod", "--json")
    assert (ran.code, ran.document["deployment"]["state"]) == (0, "REVERTED")


def test_a_document_is_deployed_from_a_file(nautilus: Nautilus, started: Desk, tmp_path: Path) -> None:
    file = written(tmp_path, started.limits(instruments=["AAPL.NASDAQ"]))
    ran = nautilus("flags", "deploy", "limits", file, *WHY, "--json")
    assert (ran.code, ran.document["version"], ran.document["strategy"]) == (0, 2, "immediate")
    assert json.loads(nautilus("flags", "show", "limits", "--stack", "prod").out)["instruments"] == ["AAPL.NASDAQ"]
    assert error(nautilus("flags", "deploy", "limits", file, *WHY, "--json")) == (1, "same")
    wrong = nautilus("flags", "deploy", "limits", written(tmp_path, started.limits(maxOrderValueUsd=6_000)), *WHY, "--json")
    assert error(wrong) == (1, "document")
    assert wrong.document["error"]["details"] == ["maxOrderValueUsd: is 6,000, above maxPositionValueUsd = 5,000"]
    assert error(nautilus("flags", "deploy", "limits", written(tmp_path, "{"), *WHY, "--json")) == (1, "document")


def test_nothing_changes_without_a_reason_or_an_answer(nautilus: Nautilus, started: Desk, tmp_path: Path) -> None:
    before = len(started.client.asked)
    for reason in ("abc", "größer"):
        assert error(nautilus("flags", "volume", "5", "--why", reason, "--yes", "--stack", "prod", "--json")) == (2, "usage")
    assert nautilus("flags", "volume", "5", "--stack", "prod").code == 2, "--why is needed"
    assert nautilus("flags", "volume", "5", "--why", "a test says so", "--stack", "prod").code == 2, "nobody can answer"
    assert nautilus("flags", "deploy", "limits", str(tmp_path / "nowhere.json"), *WHY).code == 2
    assert nautilus("flags", "volume", "101", *WHY).code == 2
    assert nautilus("flags", "show", "halt", "--stack", "prod").code == 2, "the halt is not here"
    assert not {name for name, _ in started.client.asked[before:]} & {"StartDeployment", "CreateHostedConfigurationVersion"}


def test_old_versions_are_deleted(nautilus: Nautilus, started: Desk) -> None:
    for percent in ("90", "80", "70"):
        assert nautilus("flags", "ceiling", percent, *WHY).code == 0
    ran = nautilus("flags", "prune", "limits", "--keep", "1", "--yes", "--stack", "prod", "--json")
    assert (ran.code, ran.document["deleted"]) == (0, [3, 2])


def test_checking_needs_no_aws(nautilus: Nautilus, tmp_path: Path) -> None:
    five, fifty, one = (tmp_path / f"{percent}.json" for percent in (5, 50, 1))
    for path in (five, fifty, one):
        path.write_text(json.dumps({"percent": int(path.stem)}))
    assert nautilus("flags", "check", "volume", str(fifty)).code == 0, "a step, as far as one can tell"
    ran = nautilus("flags", "check", "volume", str(five), "--current", str(one), "--stack", "prod", "--json")
    assert (ran.code, ran.document["change"], ran.document["strategy"]) == (0, "rises", "watched")
    jump = nautilus("flags", "check", "volume", str(fifty), "--current", str(one), "--json")
    assert error(jump) == (1, "document")
    assert jump.document["good"] is False
    assert error(nautilus("flags", "check", "limits", str(five), "--json")) == (1, "document")
    five.write_text('{"percent": 5, "percent": 100}')
    assert "percent twice" in nautilus("flags", "check", "volume", str(five)).err
    assert nautilus("flags", "check", "volume", str(fifty), "--current", str(five)).code == 2


def test_stacks_without_documents(nautilus: Nautilus, desk: Desk, fake: Engines) -> None:
    assert nautilus("flags", "list", "--stack", "local").code == 2
    assert nautilus("flags", "list", "--stack", "account").code == 2
    assert nautilus("flags", "check", "volume", __file__, "--stack", "account").code == 2
    fake.engine.values = {}
    ran = nautilus("flags", "list", "--stack", "prod", "--json")
    assert error(ran) == (3, "no-outputs")


def test_aws_that_refuses_is_no_answer(nautilus: Nautilus, started: Desk) -> None:
    started.client.ran.clear()
    started.client.inner.delete_application(ApplicationId=started.facts["application"])
    started.client.ran.update({environment: [] for environment in ("envf123", "envl123", "envv123")})
    assert nautilus("flags", "volume", "5", *WHY).code == 3
