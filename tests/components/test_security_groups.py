"""Security groups: one a role, standalone rules, and no way to open a data port."""

from __future__ import annotations

from typing import Any

import pytest

from infra.components.security_groups import SecurityGroups
from infra.plan.flows import Flow, Role, flows
from tests.components.edge import Stack, context, synth

TABLE = flows(gateway_port=4003, timescale=True, interface_endpoints=True, s3_endpoint=True)


def build(table: tuple[Flow, ...] = TABLE, s3: str | None = "pl-s3") -> Stack:
    def program() -> dict[str, Any]:
        groups = SecurityGroups("groups", context(), vpc_id="vpc-1", table=table, cloudfront_prefix_list_id="pl-cdn", s3_prefix_list_id=s3)
        return {"backend": groups.of(Role.BACKEND)}

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_one_group_a_role_without_inline_rules(stack: Stack) -> None:
    """NET-11."""
    groups = stack.all("SecurityGroup")
    assert len(groups) == 10
    assert all("ingress" not in group.inputs and "egress" not in group.inputs for group in groups)
    assert stack.one("SecurityGroup", "groups-backend")["name"] == "nautilus-prod-backend"
    assert stack.outputs["backend"] == "groups-backend-id"


def test_the_load_balancer_is_open_to_cloudfront_alone(stack: Stack) -> None:
    """LB-10."""
    doors = [rule for rule in stack.all("SecurityGroupIngressRule") if rule["securityGroupId"] == "groups-load-balancer-id"]
    assert [(door["prefixListId"], door["fromPort"], door["toPort"], door["ipProtocol"]) for door in doors] == [("pl-cdn", 443, 443, "tcp")]
    assert "cidrIpv4" not in doors[0].inputs
    assert "referencedSecurityGroupId" not in doors[0].inputs


def test_no_ingress_names_an_address(stack: Stack) -> None:
    """NET-02, NET-03, NET-04: not one block of addresses gets in anywhere."""
    rules = stack.all("SecurityGroupIngressRule")
    assert len(rules) == len([flow for flow in TABLE if flow.target not in (Role.INTERNET, Role.S3)])
    assert not [rule.name for rule in rules if "cidrIpv4" in rule.inputs or "cidrIpv6" in rule.inputs]


def test_both_ends_of_a_flow_name_each_other(stack: Stack) -> None:
    out = stack.one("SecurityGroupEgressRule", "groups-engine-out-ib-gateway-4003")
    into = stack.one("SecurityGroupIngressRule", "groups-ib-gateway-in-engine-4003")
    assert (out["securityGroupId"], out["referencedSecurityGroupId"]) == ("groups-engine-id", "groups-ib-gateway-id")
    assert (into["securityGroupId"], into["referencedSecurityGroupId"]) == ("groups-ib-gateway-id", "groups-engine-id")
    broker = stack.one("SecurityGroupEgressRule", "groups-ib-gateway-out-internet-4000")
    assert (broker["cidrIpv4"], broker["fromPort"], broker["toPort"]) == ("0.0.0.0/0", 4000, 4001)
    assert broker["description"] == "Interactive Brokers trading protocol", "AWS takes no apostrophe"
    assert stack.one("SecurityGroupEgressRule", "groups-frontend-out-s3-443")["prefixListId"] == "pl-s3"


def test_data_groups_reach_nothing_outside(stack: Stack) -> None:
    """NET-12."""
    closed = {f"groups-{role}-id" for role in ("postgres", "cache", "session-files")}
    assert not [rule.name for rule in stack.all("SecurityGroupEgressRule") if rule["securityGroupId"] in closed]


def test_an_open_data_port_stops_the_program() -> None:
    with pytest.raises(ValueError, match=r"internet → postgres:5432.*NET-04"):
        build((*TABLE, Flow(Role.INTERNET, Role.POSTGRES, 5432, "for a moment")))


def test_s3_without_its_prefix_list_stops_the_program() -> None:
    with pytest.raises(ValueError, match="s3_endpoint=False"):
        build(s3=None)
    assert build(flows(gateway_port=4003, timescale=False, interface_endpoints=True, s3_endpoint=False), s3=None).outputs


def test_a_platform_without_timescale_has_no_group_for_it() -> None:
    def program() -> None:
        table = flows(gateway_port=4003, timescale=False, interface_endpoints=True, s3_endpoint=True)
        groups = SecurityGroups("g", context(), vpc_id="vpc-1", table=table, cloudfront_prefix_list_id="pl-1", s3_prefix_list_id="pl-2")
        groups.of(Role.TIMESCALE)

    with pytest.raises(ValueError, match="no security group for timescale"):
        synth(program)


def test_a_group_without_flows_lets_nothing_through() -> None:
    """Without interface endpoints the group of their role still exists: what refers to it need not ask."""
    stack = build(flows(gateway_port=4003, timescale=True, interface_endpoints=False, s3_endpoint=True))
    assert stack.one("SecurityGroup", "groups-endpoints")
    rules = stack.all("SecurityGroupIngressRule") + stack.all("SecurityGroupEgressRule")
    assert not [rule.name for rule in rules if rule["securityGroupId"] == "groups-endpoints-id"]
