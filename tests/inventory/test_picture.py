"""The picture of the network shows zones, tiers and ways, and is the same each time."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from nautilus.inventory import Inventory
from nautilus.inventory.network import read
from nautilus.inventory.picture import picture
from tests.inventory.networks import find, platform, recorded, without


def drawn(inventory: Inventory) -> list[str]:
    return [line.strip() for line in picture(read(inventory), "t").splitlines()]


def edges(inventory: Inventory) -> set[str]:
    return {line for line in drawn(inventory) if re.search(r" -\.?->", line)}


@pytest.mark.parametrize("unknown", [False, True])
def test_the_small_platform(unknown: bool) -> None:
    expected: set[str] = {"clients -->|443| cloudfront"}
    for zone in "ab":
        expected |= {
            f"cloudfront -->|443| net_public_{zone}",
            f"net_public_{zone} -->|8000| net_app_{zone}",
            f"net_app_{zone} -->|5432| net_data_{zone}",
            f"net_app_{zone} --> net_firewall_{zone}",
            f"net_firewall_{zone} --> net_nat_{zone}",
            f"net_nat_{zone} -.->|answers| net_firewall_{zone}",
            f"net_nat_{zone} --> world",
        }
    assert edges(platform(unknown=unknown)) == expected


def test_one_nat_for_all_zones_and_no_firewall() -> None:
    found = edges(platform(firewall=False, single_nat=True))
    assert {"net_app_a --> net_nat_a", "net_app_b --> net_nat_a", "net_nat_a --> world"} <= found
    assert not [line for line in found if "firewall" in line]


def test_a_closed_way_out_is_not_drawn() -> None:
    assert not [line for line in edges(platform(endpoints=False)) if line.startswith("net_app_a --> ")]


def test_boxes_say_what_stands_in_them() -> None:
    lines = drawn(platform())
    assert 'net_app_a["app 10.0.3.0/24<br/>backend, engine<br/><i>endpoint: s3</i>"]:::app' in lines
    assert 'net_firewall_a["firewall 10.0.2.0/24<br/>firewall endpoint"]:::firewall' in lines
    assert 'net_nat_b["nat 10.0.9.0/24<br/>NAT gateway"]:::nat' in lines
    bare = platform()
    assert "cloudfront" not in "\n".join(drawn(without(bare, find(bare, "Distribution"))))


def test_tiers_without_tags_are_told_by_what_they_hold() -> None:
    s = [item for item in platform() if item.type != "aws:ec2/subnet:Subnet"]
    from dataclasses import replace

    untagged = [
        replace(item, inputs={key: value for key, value in item.inputs.items() if key != "tags"})
        for item in platform()
        if item.type == "aws:ec2/subnet:Subnet"
    ]
    lines = drawn(Inventory([*s, *untagged]))
    styles = {line.partition("[")[0]: line.rpartition(":::")[2] for line in lines if line.startswith("net_") and ":::" in line}
    assert {name.removesuffix("_a"): style for name, style in styles.items() if name.endswith("_a")} == {
        "net_public": "public",
        "net_nat": "nat",
        "net_firewall": "firewall",
        "net_app": "app",
        "net_data": "data",
    }


def test_the_order_of_registration_does_not_matter() -> None:
    resources = list(platform(zones="abc"))
    first = picture(read(Inventory(resources)), "t")
    random.Random(1).shuffle(resources)
    assert picture(read(Inventory(resources)), "t") == first


@pytest.mark.whole
def test_local_is_drawn_whole(local_platform: Any) -> None:
    inventory = recorded(local_platform)
    text = picture(read(inventory), "local")
    for subnet in inventory.of_type("aws:ec2/subnet:Subnet"):
        assert str(subnet.inputs["cidrBlock"]) in text
    for role in ("load-balancer", "frontend", "backend", "engine", "ib-gateway", "postgres", "timescale", "cache", "session-files"):
        assert role in text
    ids = re.findall(r"^\s*(net_\w+)\[", text, flags=re.MULTILINE)
    assert len(ids) == len(set(ids))
    named = set(re.findall(r"(?:^|\s)(net_\w+)", text))
    assert named == set(ids)
