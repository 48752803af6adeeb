"""Network ACLs: every flow of the table passes, and nothing that the table does not need gets near data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from infra.plan.endpoint_policies import CALLS
from infra.plan.flows import OUTSIDE, Flow, Role, flows
from infra.plan.nacls import EPHEMERAL, HOME, LIMIT, LINUX, Acl, Entry, acls, every_flow
from infra.plan.rules import Direction
from infra.plan.subnets import TIERS, ZONE_LETTERS, Tier, block
from tests.plan.test_subnets import vpcs

VPC = "10.20.0.0/16"
IN, OUT = Direction.IN, Direction.OUT
WORLD = "198.51.100.7"

zone_lists = st.integers(2, 6).map(lambda count: ZONE_LETTERS[:count])
unhurried = settings(deadline=None)
"""An example makes up to five lists of addresses and reads them again and again: slow on a busy machine, and that is no defect."""

client_ports = st.integers(EPHEMERAL[0], EPHEMERAL[1])
linux_ports = st.integers(32_768, 60_999)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Flow, ...]:
    """The flow table of some platform, with further ports that its egress settings may ask for."""
    table = flows(
        gateway_port=draw(st.sampled_from((4003, 4004))),
        timescale=draw(st.booleans()),
        interface_endpoints=draw(st.booleans()),
        s3_endpoint=draw(st.booleans()),
        through_nat=draw(st.sets(st.sampled_from(sorted(CALLS)))),
        edge=draw(st.booleans()),
        vpn=draw(st.booleans()),
    )
    more = draw(st.lists(st.integers(1, 65_535), max_size=12, unique=True))
    known = {(flow.source, flow.target, flow.port) for flow in table}
    extra = (Flow(Role.ENGINE, Role.INTERNET, port, "a setting") for port in more)
    return tuple(sorted({*table, *(flow for flow in extra if (flow.source, flow.target, flow.port) not in known)}))


@st.composite
def outsiders(draw: st.DrawFn, vpc: str) -> str:
    """An address outside the VPC; its neighbours are tried as often as the rest of the world."""
    network = IPv4Network(vpc)
    edge = st.sampled_from([int(network.network_address) - 1, int(network.broadcast_address) + 1])
    address = IPv4Address(draw(st.one_of(edge, st.integers(0, 2**32 - 1))))
    assume(address not in network)
    return str(address)


def by_tier(vpc: str, zones: str, table: Sequence[Flow]) -> dict[Tier, Acl]:
    return {acl.tier: acl for acl in acls(vpc, zones, table)}


def inside(data: st.DataObject, vpc: str, zone: str, tier: Tier) -> str:
    network = IPv4Network(block(vpc, zone, tier))
    return str(network[data.draw(st.integers(0, network.num_addresses - 1))])


def home(role: Role) -> Tier | None:
    return None if role in OUTSIDE else HOME[role]


def borders(there: Acl, back: Acl, source: str, target: str, port: int, reply: int) -> Iterator[bool]:
    """What two ACLs say to a connection between their subnets: out, in, and the replies."""
    yield there.admits(OUT, target, port)
    yield back.admits(IN, source, port)
    yield back.admits(OUT, source, reply)
    yield there.admits(IN, target, reply)


@unhurried
@given(st.data(), vpcs(), zone_lists, tables())
def test_every_flow_between_tiers_passes_both_ways(data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...]) -> None:
    """From any zone to any zone: load balancers open connections from any port above 1023."""
    found = by_tier(vpc, zones, table)
    for flow in table:
        source, target = home(flow.source), home(flow.target)
        if source is None or target is None:
            continue
        here = inside(data, vpc, data.draw(st.sampled_from(zones)), source)
        there = inside(data, vpc, data.draw(st.sampled_from(zones)), target)
        port, reply = data.draw(st.integers(*flow.ports)), data.draw(client_ports)
        assert all(borders(found[source], found[target], here, there, port, reply)), flow


@unhurried
@given(st.data(), vpcs(), zone_lists, tables())
def test_every_flow_to_the_outside_passes_firewall_and_nat(data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...]) -> None:
    """App → firewall → NAT with the task's address, then with the NAT's; and back. Zones differ: a single NAT serves all of them."""
    found = by_tier(vpc, zones, table)
    world = data.draw(outsiders(vpc))
    for flow in table:
        if home(flow.target) is not None or home(flow.source) is None:
            continue
        task = inside(data, vpc, data.draw(st.sampled_from(zones)), Tier.APP)
        port, reply, nat_port = data.draw(st.integers(*flow.ports)), data.draw(linux_ports), data.draw(client_ports)
        assert found[Tier.APP].admits(OUT, world, port), flow
        for transit in (Tier.FIREWALL, Tier.NAT):
            assert found[transit].admits(IN, task, port), (flow, transit)
            assert found[transit].admits(OUT, world, port), (flow, transit)
            assert found[transit].admits(OUT, task, reply), (flow, transit)
        assert found[Tier.NAT].admits(IN, world, nat_port)
        assert found[Tier.FIREWALL].admits(IN, world, reply)
        assert found[Tier.APP].admits(IN, world, reply)


@unhurried
@given(st.data(), vpcs(), zone_lists, tables())
def test_cloudfront_reaches_the_load_balancer_and_hears_back(data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...]) -> None:
    public = by_tier(vpc, zones, table)[Tier.PUBLIC]
    world = data.draw(outsiders(vpc))
    edge = any(flow.source is Role.CLOUDFRONT for flow in table)
    assert public.admits(IN, world, 443) == edge
    assert public.admits(OUT, world, data.draw(client_ports)) == edge
    assert not public.admits(IN, world, data.draw(st.integers(444, 65_535))), "8443 and everything else stay closed"


@unhurried
@given(st.data(), vpcs(), zone_lists, tables(), st.integers(1, 65_535))
def test_the_data_tier_admits_no_address_outside_the_vpc(
    data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...], port: int
) -> None:
    acl = by_tier(vpc, zones, table)[Tier.DATA]
    world = data.draw(outsiders(vpc))
    assert not acl.admits(IN, world, port)
    assert not acl.admits(OUT, world, port)
    assert all(IPv4Network(entry.cidr).subnet_of(IPv4Network(vpc)) for entry in (*acl.ingress, *acl.egress)), "no packet of any protocol"


@unhurried
@given(st.data(), vpcs(), zone_lists, tables(), st.integers(1, 65_535))
def test_the_data_tier_is_reached_from_app_and_data_alone(
    data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...], port: int
) -> None:
    acl = by_tier(vpc, zones, table)[Tier.DATA]
    for tier in (Tier.PUBLIC, Tier.NAT, Tier.FIREWALL):
        stranger = inside(data, vpc, data.draw(st.sampled_from(zones)), tier)
        assert not acl.admits(IN, stranger, port)
        assert not acl.admits(OUT, stranger, port)
    task = inside(data, vpc, data.draw(st.sampled_from(zones)), Tier.APP)
    opened = [flow.ports for flow in table if home(flow.target) is Tier.DATA]
    if not min(first for first, _ in opened) <= port <= max(last for _, last in opened):
        assert not acl.admits(IN, task, port)


@unhurried
@given(st.data(), vpcs(), zone_lists, tables())
def test_nobody_outside_reaches_what_listens_in_the_app_tier(data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...]) -> None:
    app = by_tier(vpc, zones, table)[Tier.APP]
    world = data.draw(outsiders(vpc))
    for flow in table:
        if home(flow.target) is Tier.APP:
            assert not app.admits(IN, world, data.draw(st.integers(*flow.ports))), flow
    assert not app.admits(IN, world, data.draw(st.integers(1, LINUX[0] - 1)))


@unhurried
@given(st.data(), vpcs(), zone_lists, tables(), st.integers(1, 65_535))
def test_the_load_balancers_tier_reaches_its_targets_and_no_more(
    data: st.DataObject, vpc: str, zones: str, table: tuple[Flow, ...], port: int
) -> None:
    found = by_tier(vpc, zones, table)
    balancer = inside(data, vpc, data.draw(st.sampled_from(zones)), Tier.PUBLIC)
    if not 8000 <= port <= 8080:
        assert not found[Tier.APP].admits(IN, balancer, port)
        task = inside(data, vpc, data.draw(st.sampled_from(zones)), Tier.APP)
        assert not found[Tier.PUBLIC].admits(OUT, task, port)
    database = inside(data, vpc, data.draw(st.sampled_from(zones)), Tier.DATA)
    assert not found[Tier.PUBLIC].admits(OUT, database, port)


@unhurried
@given(vpcs(), zone_lists, tables())
@example(VPC, ZONE_LETTERS, every_flow())
def test_aws_takes_the_rules(vpc: str, zones: str, table: tuple[Flow, ...]) -> None:
    for acl in acls(vpc, zones, table):
        for entries in (acl.ingress, acl.egress):
            assert len(entries) <= LIMIT
            numbers = [entry.number for entry in entries]
            assert numbers == sorted(set(numbers))
            assert all(1 <= number <= 32_766 for number in numbers)
            assert all(0 <= entry.first <= entry.last <= 65_535 for entry in entries)


@unhurried
@given(vpcs(), st.permutations(ZONE_LETTERS), tables())
def test_the_order_of_zones_changes_nothing(vpc: str, zones: list[str], table: tuple[Flow, ...]) -> None:
    assert acls(vpc, zones, table) == acls(vpc, ZONE_LETTERS, table)


@unhurried
@given(vpcs(), st.permutations(ZONE_LETTERS))
def test_a_third_zone_adds_rules_and_rewrites_none(vpc: str, zones: list[str]) -> None:
    """A rewritten rule is taken away before it is put back, in a network that trades."""
    before, after = acls(vpc, zones[:2], every_flow()), acls(vpc, zones[:3], every_flow())
    for old, new in zip(before, after, strict=True):
        assert set(old.ingress) < set(new.ingress)
        assert set(old.egress) < set(new.egress)


def test_three_zones_need_no_coarse_rule() -> None:
    """The usual platform: each port that data listens on by itself, and no wide rule for the VPC."""
    data = by_tier(VPC, "abc", every_flow())[Tier.DATA]
    assert {(entry.first, entry.last) for entry in data.ingress if entry.cidr == block(VPC, "a", Tier.APP)} == {
        (2049, 2049),
        (5432, 5432),
        (6379, 6379),
    }
    for acl in acls(VPC, "abc", every_flow()):
        assert not [entry for entry in (*acl.ingress, *acl.egress) if entry.allow and entry.cidr == VPC]


def test_six_zones_fit_by_one_rule_for_the_vpc_behind_the_load_balancers() -> None:
    app = by_tier(VPC, ZONE_LETTERS, every_flow())[Tier.APP]
    balancer = str(IPv4Network(block(VPC, "f", Tier.PUBLIC))[5])
    assert [entry.allow for entry in app.ingress if entry.cidr == VPC] == [True, False]
    assert app.admits(IN, balancer, 8000)
    assert not app.admits(IN, balancer, 5432)
    assert app.admits(IN, str(IPv4Network(block(VPC, "f", Tier.DATA))[5]), 40_000)


def test_every_role_has_a_tier() -> None:
    assert set(HOME) | OUTSIDE == set(Role)
    assert [acl.tier for acl in acls(VPC, "ab", every_flow())] == list(TIERS)


def test_packets_that_are_too_big_are_told_of() -> None:
    """Type 3, code 4, from anywhere, wherever something talks to the outside; never in the data tier."""
    found = by_tier(VPC, "ab", every_flow())
    told = Entry(100, True, "icmp", "0.0.0.0/0", 3, 4)
    assert {tier for tier, acl in found.items() if told in acl.ingress} == {Tier.PUBLIC, Tier.NAT, Tier.FIREWALL, Tier.APP}
    assert {tier for tier, acl in found.items() if told in acl.egress} == {Tier.NAT, Tier.FIREWALL}
    assert not Entry(1, True, "icmp", "0.0.0.0/0", 3, 4).matches(IPv4Address(WORLD), 3)


def test_the_first_rule_that_matches_decides() -> None:
    deny, allow = Entry(1, False, "all", "10.0.0.0/8", 0, 0), Entry(2, True, "tcp", "0.0.0.0/0", 443, 443)
    acl = Acl(Tier.PUBLIC, (allow, deny), ())
    assert not acl.admits(IN, "10.1.2.3", 443)
    assert acl.admits(IN, WORLD, 443)
    assert not acl.admits(IN, WORLD, 444)
    assert not acl.admits(OUT, WORLD, 443)


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        (Flow(Role.INTERNET, Role.POSTGRES, 5432, "open database"), "into the data tier"),
        (Flow(Role.CACHE, Role.INTERNET, 443, "data leaves"), "out of the data tier"),
        (Flow(Role.POSTGRES, Role.S3, 443, "exports"), "out of the data tier"),
        (Flow(Role.BACKEND, Role.ENGINE, 40_000, "listens where replies arrive"), "take replies from outside"),
    ],
)
def test_a_table_that_no_acl_may_carry_is_refused(flow: Flow, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        acls(VPC, "abc", (*every_flow(), flow))


def test_ports_beyond_the_quota_are_refused_and_not_dropped() -> None:
    """What the outside may open is never widened to fit: every port is a rule of its own."""
    table = [Flow(Role.CLOUDFRONT, Role.LOAD_BALANCER, port, "a port of its own") for port in range(1000, 1040, 2)]
    with pytest.raises(ValueError, match="AWS allows 19"):
        acls(VPC, "ab", table)
