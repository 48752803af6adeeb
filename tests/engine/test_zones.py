"""A third zone beside two: what stands stays, on the real engine."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nautilus.engine.run import OperationResult
from nautilus.sandbox.engine import Sandbox
from tests.conftest import ROOT
from tests.engine.conftest import explain

pytestmark = pytest.mark.engine

WITHOUT_TIMESCALE = {"timescale.enabled": "false", "platform.phase": "foundation"}
"""TimescaleDB runs one node in each of three zones, so two zones cannot have it; the ground floor has everything that stands in a zone."""
TWO, THREE = {**WITHOUT_TIMESCALE, "network.zones": "[a, b]"}, {**WITHOUT_TIMESCALE, "network.zones": "[a, b, c]"}

STAYS = (
    "aws:ec2/eip:Eip",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/networkAcl:NetworkAcl",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
"""What must never be replaced when a zone comes: addresses, and everything that holds one."""


@dataclass(frozen=True)
class Grown:
    """The stack in two zones, and the `up` that brings the third."""

    sandbox: Sandbox
    before: dict[str, str]
    """Ids by URN."""
    third: OperationResult


def ids(sandbox: Sandbox) -> dict[str, str]:
    return {item["urn"]: item["id"] for item in sandbox.resources() if item["type"] in STAYS}


@pytest.fixture(scope="module")
def grown(toolchain: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    root = tmp_path_factory.mktemp("zones")
    sandbox = Sandbox(ROOT, "local", root=root)
    first = sandbox.up(config_override=TWO)
    assert first.ok, explain(first)
    before = ids(sandbox)
    third = sandbox.up(config_override=THREE)
    assert third.ok, explain(third)
    yield Grown(sandbox, before, third)
    shutil.rmtree(root, ignore_errors=True)


def counted(result: OperationResult) -> Counter[tuple[str, str]]:
    """Steps by kind of resource and what happens to it."""
    return Counter((step.type, step.op) for step in result.steps if step.changes)


def test_nothing_is_replaced_and_nothing_goes(grown: Grown) -> None:
    bad = [(step.op, step.urn) for step in grown.third.steps if step.changes and ("replace" in step.op or "delete" in step.op)]
    assert bad == []


def test_every_address_keeps_its_id(grown: Grown) -> None:
    after = ids(grown.sandbox)
    assert {urn: after.get(urn) for urn in grown.before} == grown.before
    assert {urn.rpartition("$")[2].split("::")[0] for urn in grown.before} == set(STAYS)


def test_the_third_zone_is_added_in_place(grown: Grown) -> None:
    steps = counted(grown.third)
    assert steps[("aws:ec2/subnet:Subnet", "create")] == 5
    assert steps[("aws:ec2/natGateway:NatGateway", "create")] == 1
    assert steps[("aws:ec2/eip:Eip", "create")] == 1
    assert steps[("aws:ec2/routeTable:RouteTable", "create")] == 3, "app, NAT and firewall; public and data have one for all zones"
    assert steps[("aws:ec2/networkAcl:NetworkAcl", "update")] == 5
    endpoints = [item for item in grown.sandbox.resources() if item["type"] == "aws:ec2/vpcEndpoint:VpcEndpoint"]
    interfaces = [item for item in endpoints if item["inputs"].get("vpcEndpointType") == "Interface"]
    assert interfaces
    assert steps[("aws:ec2/vpcEndpoint:VpcEndpoint", "update")] == len(endpoints)
    assert {len(item["inputs"]["subnetIds"]) for item in interfaces} == {3}


def test_a_moved_address_plan_is_noticed(grown: Grown, copy: Path, tmp_path: Path) -> None:
    """The opposite: blocks that depend on how many zones there are replace every subnet that moves."""
    from tests.engine.conftest import spoil

    spoil(copy, "infra/plan/subnets.py", "ZONE_LETTERS.index(zone)), bits", "ZONE_LETTERS.index(zone) + 1), bits")
    moved = Sandbox(copy, "local", root=grown.sandbox.workspace.root).preview(config_override=THREE)
    replaced = {step.type for step in moved.steps if step.changes and "replace" in step.op}
    assert "aws:ec2/subnet:Subnet" in replaced
