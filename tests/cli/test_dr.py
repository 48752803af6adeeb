"""`dr` on two simulated regions: what a person must type, what stops a move, and what the stack file of the new region holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from nautilus.cli import account, dr
from nautilus.cli.errors import BadUseError
from nautilus.ops.dr import inspection
from nautilus.ops.dr.stack_file import Takeover, takeover_file
from tests.cli.conftest import Nautilus
from tests.conftest import stack
from tests.ops.test_dr import THERE, World, foundation, world

__all__ = ["world"]

KEY = "arn:aws:kms:us-west-2:123456789012:key/01234567-89ab-4def-8123-456789abcdef"


@pytest.fixture
def regions(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command line in both regions."""
    monkeypatch.setattr(account, "aws_session", lambda _region: world)
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity("123456789012", "arn:aws:iam::0:user/someone"))
    return world


def out(tmp_path: Path) -> tuple[str, str]:
    return "--out", str(tmp_path / "takeover")


def test_plan_shows_what_is_warm_each_step_and_the_regions_rto(nautilus: Nautilus, regions: World) -> None:
    ran = nautilus("dr", "plan", "--stack", "prod", "--json")
    assert ran.code == 0
    document = ran.document
    assert (document["from"], document["to"], document["takeover"]) == ("us-east-1", THERE, "nautilus-dr-prod")
    assert [one["what"] for one in document["warm"]] == ["replica", "secrets", "images", "backups", "archive", "keys"]
    assert document["steps"][0]["step"] == "confirmation"
    total = sum(one["estimateSeconds"] for one in document["steps"])
    assert document["regionRto"]["estimateSeconds"] == total > 300
    assert "five minutes" in document["notice"]
    assert document["stackFile"] is None
    assert not any(call.split(".")[1].startswith(("promote", "create", "put", "stop", "delete")) for call in regions.calls)


def test_plan_for_people_has_a_line_for_each(nautilus: Nautilus, regions: World) -> None:
    text = nautilus("dr", "plan", "--stack", "prod").out
    assert "replica        nautilus-prod-postgres-dr is available, 5 s behind" in text
    assert "promote-read-replica nautilus-prod-postgres-dr" in text
    assert "region RTO: 4 h 21 min by estimate: 15675 s" in text
    assert text.endswith("nothing was changed in AWS\n")


@pytest.mark.parametrize("typed", [(), ("--confirm", "yes"), ("--confirm", "staging")])
def test_a_failover_without_the_typed_name_does_nothing(nautilus: Nautilus, regions: World, typed: tuple[str, ...]) -> None:
    ran = nautilus("dr", "failover", "--stack", "prod", "--json", *typed)
    assert (ran.code, ran.document["error"]["code"]) == (1, "not-confirmed")
    assert "ssm.put_parameter" not in regions.calls


def test_there_is_no_yes_for_a_failover(nautilus: Nautilus, regions: World) -> None:
    assert nautilus("dr", "failover", "--stack", "prod", "--yes").code == 2


def test_a_failover_waits_for_people_and_goes_on_with_resume(nautilus: Nautilus, regions: World, tmp_path: Path) -> None:
    args = ("dr", "failover", "--stack", "prod", "--json", "--confirm", "prod", *out(tmp_path))
    first = nautilus(*args)
    assert (first.code, first.document["error"]["code"]) == (1, "waits")
    assert "foundation" in first.document["error"]["message"]
    assert any("nautilus up" in line for line in first.document["error"]["details"])
    assert first.document["regionRto"]["measuredSteps"] == 4
    again = nautilus(*args)
    assert (again.code, again.document["error"]["code"]) == (1, "open"), "a second operator is told to resume"
    foundation(regions)
    on = nautilus(*args, "--resume")
    assert on.document["steps"][-1]["step"] == "images"
    assert on.document["run"] == first.document["run"]
    status = nautilus("dr", "status", "--stack", "prod", "--json").document
    assert status["move"]["direction"] == "failover"
    assert {one["step"]: one["state"] for one in status["records"]}["promote"] == "done"
    assert nautilus("dr", "abandon", "--stack", "prod", "--json").code == 1, "closing is confirmed too"
    assert nautilus("dr", "abandon", "--stack", "prod", "--confirm", "prod", "--json").document["closed"] == on.document["run"]
    assert nautilus("dr", "status", "--stack", "prod").out.splitlines()[6] == "no move is open"


def test_status_is_a_no_until_everything_warm_is_in_order(nautilus: Nautilus, regions: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def warm(ok: bool) -> None:
        monkeypatch.setattr(
            inspection, "inspect", lambda _room, _step: [inspection.Warm("keys", True, "x"), inspection.Warm("images", ok, "y")]
        )

    warm(True)
    assert nautilus("dr", "status", "--stack", "prod").code == 0
    warm(False)
    assert nautilus("dr", "status", "--stack", "prod", "--json").code == 1


def test_a_dry_run_needs_no_word_and_opens_no_move(nautilus: Nautilus, regions: World) -> None:
    ran = nautilus("dr", "failover", "--stack", "prod", "--dry-run", "--json")
    assert (ran.code, ran.document["dryRun"]) == (0, True)
    assert nautilus("dr", "status", "--stack", "prod", "--json").document["move"] is None


def test_a_failed_gate_is_a_no_with_what_mends_it(nautilus: Nautilus, regions: World) -> None:
    regions.halt(halted=False)
    ran = nautilus("dr", "failover", "--stack", "prod", "--confirm", "prod", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "refused")
    assert "trading is on" in ran.document["error"]["message"]
    assert any("halt trading" in line for line in ran.document["error"]["details"])


def test_resume_without_a_move_and_another_direction_are_refused(nautilus: Nautilus, regions: World, tmp_path: Path) -> None:
    nothing = nautilus("dr", "failover", "--stack", "prod", "--confirm", "prod", "--resume", "--json")
    assert nothing.document["error"]["code"] == "no-move"
    nautilus("dr", "failover", "--stack", "prod", "--confirm", "prod", *out(tmp_path))
    other = nautilus("dr", "failback", "--stack", "prod", "--confirm", "prod", "--resume", "--json")
    assert other.document["error"]["code"] == "open"


def test_a_failback_wants_everything_up_to_the_halt(nautilus: Nautilus, regions: World) -> None:
    def replica(direction: str) -> dict[str, Any]:
        steps = nautilus("dr", direction, "--stack", "prod", "--dry-run", "--json").document["steps"]
        return next(one for one in steps if one["step"] == "replica")

    assert replica("failover")["outcome"] == "holds"
    back = replica("failback")
    assert back["outcome"] == "refused"
    assert "has replayed everything up to" in back["detail"]


def test_a_region_that_is_not_enabled_is_a_no(nautilus: Nautilus, regions: World) -> None:
    regions.client("ssm", THERE).delete_parameter(Name="/nautilus/prod/dr/facts")
    ran = nautilus("dr", "plan", "--stack", "prod", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "not-ready")


@pytest.mark.parametrize(
    "args",
    [
        ("--stack", "local"),
        ("--stack", "prod", "--region-lost", "red"),
        ("--stack", "prod", "--region-lost", "red", "--lost-since", "yesterday"),
        ("--stack", "prod", "--region-lost", "red", "--lost-since", "2030-01-31T09:29:00"),
        ("--stack", "prod", "--accept-loss", "some"),
        ("--stack", "prod", "--done", "promote=me"),
        ("--stack", "prod", "--done", "names="),
    ],
)
def test_bad_use(nautilus: Nautilus, regions: World, args: tuple[str, ...]) -> None:
    assert nautilus("dr", "failover", *args).code == 2


def test_credentials_of_another_account_are_refused(nautilus: Nautilus, regions: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity("999999999999", "arn:aws:iam::0:user/someone"))
    assert nautilus("dr", "plan", "--stack", "prod", "--json").document["error"]["code"] == "account-mismatch"


def test_the_written_stack_passes_the_settings_checks_and_is_left_alone_afterwards(
    nautilus: Nautilus, regions: World, tmp_path: Path
) -> None:
    args = ("dr", "plan", "--stack", "prod", "--write-stack", "--json", *out(tmp_path))
    written = nautilus(*args).document["stackFile"]
    assert "settings are in order" in written
    file = tmp_path / "takeover" / "Pulumi.prod.yaml"
    config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
    assert config["nautilus-infra:platform"]["project"] == "nautilus-dr"
    assert config["nautilus-infra:platform"]["environment"] == "prod"
    assert config["nautilus-infra:platform"]["phase"] == "foundation"
    assert config["nautilus-infra:account"]["region"] == THERE
    assert config["nautilus-infra:account"]["drRegion"] == "us-east-1"
    assert config["nautilus-infra:edge"]["dns"]["domain"] == "dr.nautilus.example.com"
    assert config["nautilus-infra:dr"]["restore"]["snapshotId"] == "nautilus-dr-prod-from-nautilus-prod-postgres-dr"
    assert config["nautilus-infra:services"] == yaml.safe_load(Path("Pulumi.prod.yaml").read_text())["config"]["nautilus-infra:services"]
    file.write_text(file.read_text() + "# a person was here\n")
    assert "left as it is" in nautilus(*args).document["stackFile"]
    assert file.read_text().endswith("# a person was here\n")
    other = file.read_text().replace("nautilus-dr-prod-from-nautilus-prod-postgres-dr", "another")
    file.write_text(other)
    assert nautilus(*args).document["error"]["code"] == "other-file"


def test_what_belongs_to_the_lost_region_is_left_out_of_the_new_stack() -> None:
    settings = stack("prod").model_dump(mode="json", by_alias=True)
    present: dict[str, Any] = {
        "encryptionsalt": "v1:secret",
        "secretsprovider": "awskms://alias/x",
        "config": {
            "nautilus-infra:edge": {
                "dns": {
                    "domain": "nautilus.example.com",
                    "zoneId": "Z123",
                    "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
                    "caaContact": "a@example.com",
                }
            },
            "nautilus-infra:network": {"cidr": "10.40.0.0/16", "endpointsWithout": ["xray"], "peerCidrs": ["10.0.0.0/16"]},
            "nautilus-infra:timescale": {"amiId": "ami-0abcdef1234567890"},
            "aws:region": "us-east-1",
        },
    }
    settings["network"]["peerCidrs"] = ["10.0.0.0/16"]
    document, look = takeover_file(present, settings, Takeover("nautilus-dr", "dr.nautilus.example.com", "snap", KEY))
    assert set(document) == {"config"}
    assert "aws:region" not in document["config"]
    dns = document["config"]["nautilus-infra:edge"]["dns"]
    assert dns == {"domain": "dr.nautilus.example.com", "caaContact": "a@example.com"}
    assert document["config"]["nautilus-infra:network"]["cidr"] == "10.1.0.0/16"
    assert "endpointsWithout" not in document["config"]["nautilus-infra:network"]
    for word in ("zoneId", "certificateArn", "endpointsWithout", "amiId", "delegated"):
        assert any(word in line for line in look), word


def test_times_and_statements_are_parsed() -> None:
    assert dr.parse_time("2030-01-31T10:29:00+01:00") == datetime(2030, 1, 31, 9, 29, tzinfo=UTC)
    assert dr.parse_done(["market-data=ann saw 5 = 5"]) == {"market-data": "ann saw 5 = 5"}
    with pytest.raises(BadUseError, match="STEP=TEXT"):
        dr.parse_done(["foundation=up"])
    assert dr.takeover_domain(dr.takeover_domain("a.example.com")) == "a.example.com"
