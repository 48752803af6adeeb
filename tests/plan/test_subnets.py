"""The address plan: blocks are disjoint, inside, of the promised size, and never move."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.subnets import TIERS, ZONE_LETTERS, Tier, block, plan


@st.composite
def vpcs(draw: st.DrawFn) -> str:
    """A private network of /16 to /20."""
    prefix = draw(st.integers(16, 20))
    outer = IPv4Network(draw(st.sampled_from(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))))
    room = prefix - outer.prefixlen
    number = draw(st.integers(0, 2**room - 1))
    return str(IPv4Network((int(outer.network_address) + number * 2 ** (32 - prefix), prefix)))


zones = st.lists(st.sampled_from(ZONE_LETTERS), unique=True, min_size=1, max_size=6)
tiers = st.lists(st.sampled_from(list(Tier)), unique=True, min_size=1)


@given(vpcs(), zones, tiers)
def test_blocks_are_disjoint_and_inside(vpc: str, letters: list[str], wanted: list[Tier]) -> None:
    blocks = [IPv4Network(found.cidr) for found in plan(vpc, letters, wanted)]
    assert len(blocks) == len(letters) * len(wanted)
    assert all(found.subnet_of(IPv4Network(vpc)) for found in blocks)
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


@given(vpcs(), zones, zones, tiers, tiers)
def test_blocks_never_move_when_zones_or_tiers_come_and_go(
    vpc: str, before: list[str], after: list[str], old: list[Tier], new: list[Tier]
) -> None:
    was = {(found.zone, found.tier): found.cidr for found in plan(vpc, before, old)}
    now = {(found.zone, found.tier): found.cidr for found in plan(vpc, after, new)}
    assert all(now[place] == was[place] for place in was.keys() & now.keys())


@given(vpcs(), st.sampled_from(ZONE_LETTERS))
def test_the_app_tier_has_half_of_its_zone_and_room_stays(vpc: str, letter: str) -> None:
    zone = 2 ** (32 - IPv4Network(vpc).prefixlen - 3)
    sizes = {tier: IPv4Network(block(vpc, letter, tier)).num_addresses for tier in Tier}
    assert sizes[Tier.APP] * 2 == zone
    assert sizes[Tier.PUBLIC] == sizes[Tier.DATA] == zone // 8
    assert min(sizes.values()) >= 16, "AWS's smallest subnet is a /28"
    assert sum(sizes.values()) < zone


def test_the_plan_of_a_known_network_is_written_down() -> None:
    """Moving one of these replaces every subnet of every stack."""
    found = {(entry.tier, entry.zone): entry.cidr for entry in plan("10.20.0.0/16", ["a", "b", "f"])}
    assert found == {
        (Tier.PUBLIC, "a"): "10.20.16.0/22",
        (Tier.PUBLIC, "b"): "10.20.48.0/22",
        (Tier.PUBLIC, "f"): "10.20.176.0/22",
        (Tier.APP, "a"): "10.20.0.0/20",
        (Tier.APP, "b"): "10.20.32.0/20",
        (Tier.APP, "f"): "10.20.160.0/20",
        (Tier.DATA, "a"): "10.20.20.0/22",
        (Tier.DATA, "b"): "10.20.52.0/22",
        (Tier.DATA, "f"): "10.20.180.0/22",
        (Tier.NAT, "a"): "10.20.24.0/23",
        (Tier.NAT, "b"): "10.20.56.0/23",
        (Tier.NAT, "f"): "10.20.184.0/23",
        (Tier.FIREWALL, "a"): "10.20.26.0/23",
        (Tier.FIREWALL, "b"): "10.20.58.0/23",
        (Tier.FIREWALL, "f"): "10.20.186.0/23",
    }


def test_every_tier_has_a_subnet_in_every_zone() -> None:
    assert TIERS == (Tier.PUBLIC, Tier.NAT, Tier.FIREWALL, Tier.APP, Tier.DATA) == tuple(Tier)
    assert [(found.tier, found.zone) for found in plan("10.20.0.0/20", "ba")] == [(tier, zone) for tier in TIERS for zone in "ba"]


@pytest.mark.parametrize(
    ("vpc", "letters", "told"),
    [
        ("10.0.0.0/15", ["a"], "/16 to /20"),
        ("10.0.0.0/21", ["a"], "/16 to /20"),
        ("8.8.0.0/16", ["a"], "RFC 1918"),
        ("172.32.0.0/16", ["a"], "RFC 1918"),
        ("10.0.0.0/16", ["g"], "letters a to f"),
        ("10.0.0.0/16", ["ab"], "letters a to f"),
        ("10.0.0.0/16", [""], "letters a to f"),
        ("10.0.0.0/16", ["a", "b", "a"], "named twice"),
    ],
)
def test_what_cannot_be_planned_is_refused(vpc: str, letters: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plan(vpc, letters)
