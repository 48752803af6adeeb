"""The flow table and the rules out of it: nothing opens that the table does not say, and nobody reaches data from outside."""

from __future__ import annotations

import json
import re
from itertools import product

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.flows import OUTSIDE, Flow, Role, flows
from infra.plan.rules import ADMINISTERED, ADMINISTRATION_PORTS, DATA_ROLES, OPTIONAL, Direction, check, describe, groups, rules

PLATFORMS = [
    flows(gateway_port=port, timescale=timescale, interface_endpoints=endpoints, s3_endpoint=s3)
    for port, timescale, endpoints, s3 in product((4003, 4004), (True, False), (True, False), (True, False))
]
WITH_VPN = [
    flows(gateway_port=4003, timescale=timescale, interface_endpoints=True, s3_endpoint=True, vpn=True) for timescale in (True, False)
]
every_platform = pytest.mark.parametrize("table", PLATFORMS)


@every_platform
def test_every_platform_passes_the_check(table: tuple[Flow, ...]) -> None:
    check(table)
    assert list(table) == sorted(table)


@every_platform
def test_cloudfront_is_the_only_way_in(table: tuple[Flow, ...]) -> None:
    assert [(flow.source, flow.target, flow.ports) for flow in table if flow.source in OUTSIDE] == [
        (Role.CLOUDFRONT, Role.LOAD_BALANCER, (443, 443))
    ]


@every_platform
def test_data_is_reached_through_the_tasks_alone(table: tuple[Flow, ...]) -> None:
    """On every path from outside to data the last step but one is a task that works with that data (NET-14)."""
    graph = nx.DiGraph((flow.source, flow.target) for flow in table)
    for role in DATA_ROLES & set(graph):
        clients = set(graph.predecessors(role)) - {role}
        assert clients <= {Role.BACKEND, Role.ENGINE, Role.IB_GATEWAY}
        assert Role.LOAD_BALANCER not in clients


@every_platform
def test_the_gateway_talks_to_the_engine_alone(table: tuple[Flow, ...]) -> None:
    """Its API is clear text without a login."""
    assert {flow.source for flow in table if flow.target is Role.IB_GATEWAY} == {Role.ENGINE}


@every_platform
def test_each_flow_has_both_ends_and_nothing_else_is_open(table: tuple[Flow, ...]) -> None:
    made = rules(table)
    for flow in table:
        first, last = flow.ports
        ends = {(rule.group, rule.direction, rule.peer) for rule in made if (rule.first, rule.last) == (first, last)}
        assert ((flow.source, Direction.OUT, flow.target) in ends) == (flow.source not in OUTSIDE)
        assert ((flow.target, Direction.IN, flow.source) in ends) == (flow.target not in OUTSIDE)
    assert len(made) == sum((flow.source not in OUTSIDE) + (flow.target not in OUTSIDE) for flow in table)
    assert len({rule.key for rule in made}) == len(made)


@every_platform
def test_no_group_has_more_rules_than_aws_allows(table: tuple[Flow, ...]) -> None:
    """60 rules a direction; CloudFront's prefix list counts as 55."""
    for role in groups(table):
        for direction in Direction:
            weights = [
                55 if rule.peer is Role.CLOUDFRONT else 1 for rule in rules(table) if (rule.group, rule.direction) == (role, direction)
            ]
            assert sum(weights) <= 60


def test_without_timescale_there_is_no_group_for_it() -> None:
    assert Role.TIMESCALE in groups(flows(gateway_port=4003, timescale=True, interface_endpoints=True, s3_endpoint=True))
    without = groups(flows(gateway_port=4003, timescale=False, interface_endpoints=False, s3_endpoint=True))
    assert set(without) == set(Role) - OUTSIDE - OPTIONAL


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        (Flow(Role.INTERNET, Role.POSTGRES, 5432, "open database"), "NET-04"),
        (Flow(Role.CLOUDFRONT, Role.CACHE, 6379, "open cache"), "NET-04"),
        (Flow(Role.INTERNET, Role.LOAD_BALANCER, 443, "past CloudFront"), "LB-10"),
        (Flow(Role.CLOUDFRONT, Role.LOAD_BALANCER, 80, "clear text"), "NET-03"),
        (Flow(Role.CLOUDFRONT, Role.LOAD_BALANCER, 443, "a range", 500), "NET-03"),
        (Flow(Role.INTERNET, Role.BACKEND, 22, "administration"), "NET-03"),
        (Flow(Role.POSTGRES, Role.INTERNET, 443, "data leaves"), "NET-12"),
        (Flow(Role.INTERNET, Role.S3, 443, "not ours"), "neither side"),
        (Flow(Role.BACKEND, Role.CACHE, 0, "no port"), "range of TCP ports"),
        (Flow(Role.BACKEND, Role.CACHE, 6380, "backwards", 6379), "range of TCP ports"),
        (Flow(Role.BACKEND, Role.CACHE, 65536, "too high"), "range of TCP ports"),
        (Flow(Role.BACKEND, Role.CACHE, 6379, "once more"), "twice"),
        (Flow(Role.BACKEND, Role.TIMESCALE, 22, "a jump host"), "NET-02"),
        (Flow(Role.VPN, Role.TIMESCALE, 22, "administration"), "NET-02"),
        (Flow(Role.ENGINE, Role.BACKEND, 20, "a range over it", 25), "NET-02"),
        (Flow(Role.BACKEND, Role.FRONTEND, 3389, "remote desktop"), "NET-02"),
        (Flow(Role.VPN, Role.CACHE, 6379, "sessions of users"), "PFC-077"),
        (Flow(Role.VPN, Role.IB_GATEWAY, 4003, "orders"), "PFC-077"),
        (Flow(Role.VPN, Role.BACKEND, 8000, "past the firewall"), "PFC-077"),
        (Flow(Role.VPN, Role.INTERNET, 443, "out again"), "PFC-077"),
        (Flow(Role.BACKEND, Role.VPN, 443, "to a laptop"), "administrator's machine"),
    ],
)
def test_a_table_that_opens_what_must_stay_closed_is_refused(flow: Flow, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        rules((*PLATFORMS[0], flow))


@given(st.text(max_size=600))
def test_descriptions_are_what_aws_takes(text: str) -> None:
    found = describe(text)
    assert re.fullmatch(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", found)
    assert describe(found) == found


def test_a_description_keeps_its_words() -> None:
    assert describe("Interactive Brokers' web services") == "Interactive Brokers web services"


def test_rules_can_be_written_down() -> None:
    """The table's roles are strings, so that documents and names show `backend` and not `Role.BACKEND`."""
    assert json.dumps([str(rules(PLATFORMS[0])[0].group)]) == f'["{rules(PLATFORMS[0])[0].group.value}"]'


@pytest.mark.parametrize("table", [*PLATFORMS, *WITH_VPN])
def test_nobody_opens_ssh_or_remote_desktop(table: tuple[Flow, ...]) -> None:
    assert [rule.key for rule in rules(table) if any(rule.first <= port <= rule.last for port in ADMINISTRATION_PORTS)] == []


@pytest.mark.parametrize("table", WITH_VPN)
def test_administrators_reach_databases_and_nothing_else(table: tuple[Flow, ...]) -> None:
    """PFC-077, DTO-039: a way in, on the databases' ports alone."""
    found = {(flow.target, flow.port) for flow in table if flow.source is Role.VPN}
    timescale = {(Role.TIMESCALE, 5432), (Role.TIMESCALE, 5433)} if any(flow.source is Role.TIMESCALE for flow in table) else set()
    assert found == {(Role.POSTGRES, 5432)} | timescale
    assert {target for target, _ in found} <= ADMINISTERED
    assert Role.VPN in groups(table)
    assert [rule.key for rule in rules(table) if rule.group is Role.VPN and rule.direction is Direction.IN] == []


@every_platform
def test_without_a_vpn_there_is_nothing_of_it(table: tuple[Flow, ...]) -> None:
    assert Role.VPN not in groups(table)
    assert [rule.key for rule in rules(table) if Role.VPN in (rule.group, rule.peer)] == []


def test_the_vpn_changes_no_other_flow() -> None:
    for timescale, table in zip((True, False), WITH_VPN, strict=True):
        without = flows(gateway_port=4003, timescale=timescale, interface_endpoints=True, s3_endpoint=True)
        assert tuple(flow for flow in table if flow.source is not Role.VPN) == without


@pytest.mark.parametrize(
    ("endpoints", "by_nat", "aws"), [(True, (), Role.ENDPOINTS), (True, (Role.ROLLOUT_HOOK,), Role.INTERNET), (False, (), Role.INTERNET)]
)
def test_the_rollout_hook_reaches_the_test_listener_and_aws_and_nobody_reaches_it(
    endpoints: bool, by_nat: tuple[Role, ...], aws: Role
) -> None:
    table = flows(gateway_port=4003, timescale=True, interface_endpoints=endpoints, s3_endpoint=True, through_nat=by_nat, rollout_hook=True)
    check(table)
    assert not [flow for flow in table if flow.target is Role.ROLLOUT_HOOK]
    reached = {(flow.target, flow.ports) for flow in table if flow.source is Role.ROLLOUT_HOOK}
    assert reached == {(Role.LOAD_BALANCER, (8443, 8443)), (aws, (443, 443))} | ({(Role.ENDPOINTS, (443, 443))} if endpoints else set())
    others = flows(gateway_port=4003, timescale=True, interface_endpoints=endpoints, s3_endpoint=True)
    assert not [flow for flow in others if Role.ROLLOUT_HOOK in (flow.source, flow.target)]
    assert not [flow for flow in table if flow.port == 8443 and flow.source is not Role.ROLLOUT_HOOK]
