"""`nautilus reach`: its exit codes, its two forms, and that it needs no engine for a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nautilus.cli import plans
from nautilus.inventory import Inventory
from tests.cli.conftest import Engines, Nautilus
from tests.inventory.networks import changed_to, find, made, platform, plus


def document(inventory: Inventory) -> dict[str, Any]:
    """The inventory as a state export."""
    return {
        "version": 3,
        "deployment": {
            "resources": [
                {
                    "urn": item.urn,
                    "type": item.type,
                    "custom": True,
                    "inputs": dict(item.inputs),
                    "outputs": dict(item.outputs),
                    "propertyDependencies": {key: list(urns) for key, urns in item.property_dependencies.items()},
                }
                for item in inventory
            ]
        },
    }


@pytest.fixture
def state(tmp_path: Path) -> str:
    file = tmp_path / "state.json"
    file.write_text(json.dumps(document(platform())))
    return str(file)


def written(tmp_path: Path, inventory: Inventory) -> str:
    file = tmp_path / "other.json"
    file.write_text(json.dumps(document(inventory)))
    return str(file)


def test_a_path_is_printed_and_answers_yes(nautilus: Nautilus, fake: Engines, state: str) -> None:
    ran = nautilus("reach", "backend", "postgres", "5432", "--from", state)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "backend → postgres:5432: yes, by a direct connection"
    assert (
        lines[1]
        == "   1. security group: groups-backend lets 5432 out to postgres: rule backend-out-postgres-5432  [backend-out-postgres-5432]"
    )
    assert fake.opened == []


def test_an_application_path_is_called_one(nautilus: Nautilus, state: str) -> None:
    ran = nautilus("reach", "internet", "backend", "8000", "--from", state)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "internet → backend:8000: yes, by an application path")
    assert nautilus("reach", "internet", "backend", "8000", "--direct", "--from", state).code == 1


def test_no_path_is_a_no_with_reasons(nautilus: Nautilus, state: str) -> None:
    ran = nautilus("reach", "internet", "postgres", "--from", state)
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "internet → postgres: no",
        "  ends: postgres-primary has no public address  (2×, such as internet → postgres-primary in data-a)",
    ]
    assert ran.err == ""


def test_without_a_port_the_open_ones_are_printed(nautilus: Nautilus, state: str) -> None:
    lines = nautilus("reach", "backend", "postgres", "--from", state).out.splitlines()
    assert lines[0] == "backend → postgres: yes, by a direct connection on 5432"
    assert lines[-1] == "  open: 5432"


def test_one_document_in_every_case(nautilus: Nautilus, state: str) -> None:
    for target, code, answer in (("backend", 0, "yes"), ("postgres", 1, "no")):
        ran = nautilus("reach", "internet", target, "--from", state, "--json")
        assert (ran.code, ran.document["answer"], ran.document["title"]) == (code, answer, "state.json")
    assert nautilus("reach", "internet", "postgres", "--from", state, "--json").document["endings"][0]["attempts"] == 2


def test_what_nobody_knows_yet_is_neither_yes_nor_no(nautilus: Nautilus, tmp_path: Path) -> None:
    service = find(platform(), "Service", "backend")
    foreign = {**service.inputs["networkConfiguration"], "subnets": ["subnet-1"]}
    file = written(tmp_path, changed_to(platform(), service, networkConfiguration=foreign))
    ran = nautilus("reach", "backend", "postgres", "5432", "--from", file)
    assert ran.code == 3
    assert "cannot tell" in ran.out.splitlines()[0]
    assert any(line.startswith("  ends: ") and "not part of this plan" in line for line in ran.out.splitlines())


def test_zones_that_differ_are_named(nautilus: Nautilus, tmp_path: Path) -> None:
    plain = platform()
    route = find(plain, "Route", "app-b")
    bypass = changed_to(plain, route, vpcEndpointId=None, natGatewayId=find(plain, "NatGateway", "nat-b").outputs["id"])
    ran = nautilus("reach", "backend", "internet", "443", "--from", written(tmp_path, bypass))
    assert ran.code == 0
    assert "  zones differ: us-east-1a yes, us-east-1b no" in ran.out.splitlines()
    assert "do not cross the same firewall endpoint" in ran.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("reach", "internet", "postgress"), "nothing is called postgress"),
        (("reach", "internett", "postgres"), "nothing is called internett"),
        (("reach", "backend", "postgres", "0"), "0 is no TCP port"),
        (("reach", "backend", "postgres", "65536"), "65536 is no TCP port"),
        (("reach", "backend", "postgres", "http"), "http is no TCP port"),
        (("reach", "backend", "postgres", "٤"), "is no TCP port"),
        (("reach", "internet", "s3"), "both outside"),
        (("reach", "internet"), "SOURCE and TARGET are missing"),
        (("reach",), "SOURCE and TARGET are missing"),
        (("reach", "--audit", "--picture"), "cannot stand beside"),
        (("reach", "internet", "postgres", "--matrix"), "cannot stand beside"),
    ],
)
def test_bad_use(nautilus: Nautilus, state: str, args: tuple[str, ...], says: str) -> None:
    ran = nautilus(*args, "--from", state)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_an_unknown_name_comes_with_the_known_ones(nautilus: Nautilus, state: str) -> None:
    hint = nautilus("reach", "internet", "x", "--from", state, "--json").document["error"]["hint"]
    assert {"internet", "postgres", "ib-gateway"} <= set(hint.removeprefix("one of: ").split(", "))


def test_a_file_that_is_no_plan_is_bad_use(nautilus: Nautilus, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    assert nautilus("reach", "internet", "postgres", "--from", str(file)).code == 2
    assert nautilus("reach", "internet", "postgres", "--from", str(tmp_path / "missing")).code == 2


def test_the_audit_is_clean_or_a_no(nautilus: Nautilus, state: str, tmp_path: Path) -> None:
    clean = nautilus("reach", "--audit", "--from", state)
    assert (clean.code, clean.out) == (0, "state.json: 0 findings in the network\n")
    plain = platform()
    inputs = {
        "securityGroupId": find(plain, "SecurityGroup", "groups-postgres").outputs["id"],
        "ipProtocol": "tcp",
        "fromPort": 5432,
        "toPort": 5432,
        "cidrIpv4": "0.0.0.0/0",
    }
    hole = made("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "hole", inputs)
    file = written(tmp_path, plus(plain, hole))
    ran = nautilus("reach", "--audit", "--from", file)
    assert ran.code == 1
    assert ran.out.splitlines()[0] == "data-port-open  hole"
    assert ran.out.splitlines()[-1] == "other.json: 1 finding in the network"
    found = nautilus("reach", "--audit", "--from", file, "--json")
    assert (found.code, [item["code"] for item in found.document["findings"]]) == (1, ["data-port-open"])


def test_matrix_and_picture(nautilus: Nautilus, state: str) -> None:
    ran = nautilus("reach", "--matrix", "--from", state)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "| from \\ to | internet | load-balancer | backend | postgres |")
    assert nautilus("reach", "--matrix", "--from", state, "--json").document["halfOpen"] == []
    drawn = nautilus("reach", "--picture", "--from", state)
    assert (drawn.code, drawn.out.splitlines()[:4]) == (0, ["---", "title: state.json", "---", "flowchart TB"])
    assert nautilus("reach", "--picture", "--from", state, "--json").document["mermaid"] == drawn.out


def test_without_a_file_the_plan_of_the_stack_is_asked(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "plan", lambda session: platform())
    ran = nautilus("reach", "internet", "postgres", "--stack", "local", "--json")
    assert (ran.code, ran.document["title"]) == (1, "nautilus-infra local")
