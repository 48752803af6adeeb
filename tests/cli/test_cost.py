"""`cost`: its document, its tables, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nautilus.cli import engines
from nautilus.engine.run import Outcome, Verb
from tests.cli.conftest import Engines, Nautilus
from tests.cli.fakes import result

PREFIX = "urn:pulumi:test::p::"
ROOT = f"{PREFIX}nautilus:infra:platform::nautilus"
NETWORK = f"{PREFIX}nautilus:infra:platform$nautilus:infra:network::network"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def document(*, region: str = "us-east-1", firewall: bool = False) -> dict[str, Any]:
    """Two zones with a NAT, an endpoint, a bucket, a VPC and something that nobody has a price for."""

    def one(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
        return {
            "urn": f"{PREFIX}nautilus:infra:platform$nautilus:infra:network${kind}::{name}",
            "type": kind,
            "custom": True,
            "parent": NETWORK,
            "inputs": inputs,
        }

    found = [
        {"urn": ROOT, "type": "nautilus:infra:platform", "custom": False},
        {"urn": NETWORK, "type": "nautilus:infra:network", "custom": False, "parent": ROOT},
        {**one("pulumi:providers:aws", "aws", region=region), "parent": ROOT},
        one("aws:ec2/vpc:Vpc", "vpc"),
        one("aws:ec2/subnet:Subnet", "a", availabilityZone=f"{region}a"),
        one("aws:ec2/subnet:Subnet", "b", availabilityZone=f"{region}b"),
        one("aws:ec2/natGateway:NatGateway", "nat"),
        one(ENDPOINT, "logs", vpcEndpointType="Interface", serviceName=f"com.amazonaws.{region}.logs", subnetIds=["a", "b"]),
        one("aws:s3/bucket:Bucket", "bucket"),
        one("aws:redshift/cluster:Cluster", "warehouse"),
    ]
    if firewall:
        found.append(one("aws:networkfirewall/firewall:Firewall", "firewall", subnetMappings=[{}, {}]))
    return {"steps": [{"op": "create", "urn": item["urn"], "newState": item} for item in found]}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document()))
    return str(path)


def test_the_document(nautilus: Nautilus, fake: Engines, file: str) -> None:
    ran = nautilus("cost", "--from", file, "--json")
    assert ran.code == 0
    found = ran.document
    assert (found["monthly"], found["atMost"], found["waived"]) == (47.45, 47.45, 0)
    assert found["components"] == [{"name": "network", "monthly": 47.45, "atMost": 47.45}]
    assert {row["name"]: row["monthly"] for row in found["types"]} == {"aws:ec2/natGateway:NatGateway": 32.85, ENDPOINT: 14.6}
    assert {line["name"]: (line["quantity"], line["usd"]) for line in found["lines"]} == {"nat": (730, 0.045), "logs": (1460, 0.01)}
    assert found["free"] == [{"type": "aws:ec2/subnet:Subnet", "count": 2}, {"type": "aws:ec2/vpc:Vpc", "count": 1}]
    assert found["byUse"] == [{"type": "aws:s3/bucket:Bucket", "count": 1, "by": "by GB kept and requests"}]
    assert [(row["type"], row["name"]) for row in found["notPriced"]] == [("aws:redshift/cluster:Cluster", "nautilus/network/warehouse")]
    assert found["prices"]["date"] in found["notes"][0]
    assert fake.opened == []


def test_the_text_names_what_is_not_in_it(nautilus: Nautilus, file: str) -> None:
    text = nautilus("cost", "--from", file).out
    assert "together" in text
    assert "47.45" in text
    assert "1 aws:s3/bucket:Bucket: by GB kept and requests" in text
    assert "nautilus/network/warehouse (aws:redshift/cluster:Cluster)" in text
    assert "every priced resource" not in text
    assert "network/logs" in nautilus("cost", "--from", file, "--lines").out


def test_volumes(nautilus: Nautilus, file: str) -> None:
    found = nautilus("cost", "--from", file, "--json", "--traffic", "200", "--logs", "10").document
    assert {row["what"]: row["monthly"] for row in found["usage"]} == {
        "through the NAT": 9,
        "out to the internet": 9,
        "into log groups": 5,
    }
    assert found["monthly"] == 47.45 + 23
    assert "200 GB through the NAT" in nautilus("cost", "--from", file, "--traffic", "200").out


def test_what_aws_waives_is_said(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document(firewall=True)))
    ran = nautilus("cost", "--from", str(path), "--json").document
    assert ran["waived"] == 32.85
    assert any("32.85" in note for note in ran["notes"])


def test_profiles(nautilus: Nautilus, file: str) -> None:
    found = nautilus("cost", "--from", file, "--profiles", "--json").document
    assert found["zones"] == 2
    assert len(found["profiles"]) == 12
    assert [(row["endpoints"], row["nat"], row["firewall"], row["list"]) for row in found["profiles"] if row["current"]] == [
        ("essential", "single", False, 36.5 + 5 * 14.6)
    ]
    assert found["breakEven"][0] == {"endpoints": "one endpoint", "zones": 1, "monthly": 7.3, "gb": 208.6, "gbWithFirewall": 132.7}
    alone = nautilus("cost", "--from", file, "--profile", "none", "--json").document
    assert {row["endpoints"] for row in alone["profiles"]} == {"none"}
    text = nautilus("cost", "--from", file, "--profiles").out
    assert "← this stack" in text
    assert "endpoints pay from" in text


def test_a_stack_is_priced_from_its_plan(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "pulumi.log"
    log.write_text(json.dumps(document(), indent=4))
    asked: list[str] = []

    def planned(project: Path, stack: str, *_: Any) -> Any:
        asked.append(stack)
        return result(Verb.PREVIEW, log=log)

    monkeypatch.setattr(engines, "planned", planned)
    ran = nautilus("cost", "--stack", "prod", "--json")
    assert (ran.code, asked, ran.document["title"]) == (0, ["prod"], "stack prod")


def test_a_plan_that_fails_gives_no_price(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "planned", lambda *_: result(Verb.PREVIEW, outcome=Outcome.FAILED, errors=["boom"]))
    ran = nautilus("cost", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "engine")


def test_another_region_is_refused_unless_asked_for(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document(region="eu-central-1")))
    for more in ((), ("--profiles",)):
        ran = nautilus("cost", "--from", str(path), "--json", *more)
        assert (ran.code, ran.document["error"]["code"]) == (3, "no-prices")
        assert "--any-region" in ran.document["error"]["hint"]
    ran = nautilus("cost", "--from", str(path), "--json", "--any-region")
    assert (ran.code, ran.document["monthly"]) == (0, 47.45)
    assert any("eu-central-1" in note and "differ" in note for note in ran.document["notes"])


def test_a_plan_without_zones_has_no_profiles(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    urn = "urn:pulumi:local::nautilus-infra::aws:iam/role:Role::reader"
    state = {"urn": urn, "type": "aws:iam/role:Role", "custom": True, "inputs": {}}
    path.write_text(json.dumps({"steps": [{"op": "create", "urn": urn, "newState": state}]}))
    ran = nautilus("cost", "--from", str(path), "--profiles", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "plan")
    assert nautilus("cost", "--from", str(path), "--json").document["monthly"] == 0


@pytest.mark.parametrize("document", [{"steps": []}, {"deployment": {"resources": []}}, {"deployment": {}}], ids=("plan", "state", "bare"))
@pytest.mark.parametrize("command", [("cost",), ("egress", "check", "example.org:443"), ("reach", "--audit"), ("graph",)], ids=" ".join)
def test_nothing_is_said_about_nothing(nautilus: Nautilus, tmp_path: Path, command: tuple[str, ...], document: dict[str, Any]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    ran = nautilus(*command, "--from", str(path), "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "empty")


@pytest.mark.parametrize("command", [("egress", "check", "example.org:443"), ("reach", "--audit")], ids=" ".join)
def test_a_stack_without_a_network_is_not_judged(nautilus: Nautilus, tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "state.json"
    role = {"urn": "urn:pulumi:account::nautilus-infra::aws:iam/role:Role::reader", "type": "aws:iam/role:Role", "custom": True}
    path.write_text(json.dumps({"deployment": {"resources": [role]}}))
    ran = nautilus(*command, "--from", str(path), "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "no-network")
    path.write_text(json.dumps({"deployment": {"resources": [1, None, {"urn": 5}]}}))
    assert nautilus(*command, "--from", str(path), "--json").code == 2


@pytest.mark.parametrize(
    "args",
    [
        ("--from", "no-such-file.json"),
        ("--from", "README.md"),
        ("--profile", "huge"),
        ("--profiles", "--traffic", "5"),
        ("--profile", "none", "--lines"),
        ("--traffic", "-1"),
        ("--traffic", "nan"),
        ("--traffic", "much"),
        ("--stack", "nosuch"),
    ],
)
def test_bad_use(nautilus: Nautilus, args: tuple[str, ...]) -> None:
    assert nautilus("cost", *args, "--json").code == 2
