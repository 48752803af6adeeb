"""The firewall matrix of a plan: the pairs that both sides let through, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from infra.plan.egress import venue_ports
from infra.plan.flows import flows
from infra.settings.egress import Egress
from nautilus.inventory import Inventory
from nautilus.inventory.matrix import Matrix, markdown, matrix
from nautilus.inventory.network import read
from tests.inventory.networks import changed_to, find, ident, made, platform, plus, recorded, without


def of(inventory: Inventory) -> Matrix:
    return matrix(read(inventory))


def cells(found: Matrix) -> dict[tuple[str, str], str]:
    return {(item.source, item.target): found.cell(item.source, item.target) for item in found.allowed}


@pytest.mark.parametrize("unknown", [False, True])
def test_the_small_platform(unknown: bool) -> None:
    found = of(platform(unknown=unknown))
    assert cells(found) == {
        ("cloudfront", "load-balancer"): "443",
        ("load-balancer", "backend"): "8000",
        ("backend", "postgres"): "5432",
        ("backend", "internet"): "443",
        ("engine", "postgres"): "5432",
        ("engine", "internet"): "4000",
    }
    assert found.half_open == ()
    assert found.sources == ("cloudfront", "load-balancer", "backend", "engine")
    assert found.targets == ("internet", "load-balancer", "backend", "postgres")


def test_a_rule_that_the_other_side_does_not_answer_lets_nothing_through() -> None:
    plain = platform()
    alone = of(without(plain, find(plain, "SecurityGroupIngressRule", "postgres-in-engine-5432")))
    assert ("engine", "postgres") not in cells(alone)
    assert alone.half_open == ("engine-out-postgres-5432: engine → postgres 5432",)
    narrow = of(changed_to(plain, find(plain, "SecurityGroupIngressRule", "postgres-in-engine-5432"), fromPort=5433, toPort=5433))
    assert len(narrow.half_open) == 2


def test_blocks_lists_and_inline_rules_are_shown() -> None:
    plain = platform()
    common = {"protocol": "tcp", "fromPort": 80, "toPort": 81}
    inline = [{**common, "cidrBlocks": ["192.168.0.0/16"]}, {**common, "self": True}, {**common, "prefixListIds": ["pl-0123"]}]
    shown = cells(of(changed_to(plain, find(plain, "SecurityGroup", "groups-engine"), ingress=inline)))
    assert shown["192.168.0.0/16", "engine"] == "80–81"
    assert shown["a prefix list of others", "engine"] == "80–81"
    # `self` opens one side only: the group lets nothing out to itself.
    assert ("engine", "engine") not in shown


def test_a_group_that_nothing_stands_in_goes_by_its_own_name() -> None:
    plain = platform()
    lonely = made("aws:ec2/securityGroup:SecurityGroup", "spare", {"vpcId": ident(plain, "Vpc")}, {"id": "sg-spare"})
    rule = {"securityGroupId": "sg-spare", "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIpv4": "0.0.0.0/0"}
    opened = made("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "spare-in", rule)
    assert cells(of(plus(plain, lonely, opened)))["internet", "spare"] == "1–2"


def test_markdown_is_complete_and_the_same_each_time() -> None:
    plain = platform()
    text = markdown(of(plain))
    assert text == markdown(of(Inventory(reversed(list(plain)))))
    assert text.splitlines()[0] == "| from \\ to | internet | load-balancer | backend | postgres |"
    assert "| **backend** | `443` |  |  | `5432` |" in text
    assert "| backend | postgres | 5432 | `backend-out-postgres-5432` | `postgres-in-backend-5432` |  |" in text
    half = markdown(of(without(plain, find(plain, "SecurityGroupIngressRule", "postgres-in-engine-5432"))))
    assert "- engine-out-postgres-5432: engine → postgres 5432" in half


def test_a_matrix_is_plain_data() -> None:
    document = of(platform()).as_document()
    assert document["halfOpen"] == []
    assert document["allowed"][-1] == {
        "source": "load-balancer",
        "target": "backend",
        "ports": [[8000, 8000]],
        "egressRule": "load-balancer-out-backend-8000",
        "ingressRule": "backend-in-load-balancer-8000",
        "why": "",
    }


@pytest.mark.whole
def test_the_matrix_of_local_is_the_flow_table(local_platform: Any) -> None:
    """What AWS is told equals the one table: no rule more, none less, none of one side alone."""
    found = of(recorded(local_platform))
    table = flows(
        gateway_port=4004,
        timescale=True,
        interface_endpoints=True,
        s3_endpoint=True,
        proxy=True,
        rotation=True,
        restore_check=True,
        rollout_hook=True,
        migrations=True,
        reconciliation=True,
        venue_ports=venue_ports(Egress()),
    )
    built = {(item.source, item.target, span) for item in found.allowed for span in item.ports}
    assert built == {(str(flow.source), str(flow.target), flow.ports) for flow in table}
    assert found.half_open == ()
    assert all((item.out_rule or item.in_rule).startswith("nautilus-local-") for item in found.allowed)
