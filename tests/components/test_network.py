"""The VPC: tiers, routes, locked defaults, logs; and a VPC that is brought along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.network import Network
from infra.settings.foundation import ExistingVpc, NatMode
from infra.settings.foundation import Network as Settings
from tests.components.edge import Stack, context, synth

EXISTING = ExistingVpc(
    vpc_id="vpc-0123456789abcdef0",
    public_subnet_ids=[f"subnet-0000000{n}" for n in range(3)],
    app_subnet_ids=[f"subnet-1000000{n}" for n in range(3)],
    data_subnet_ids=[f"subnet-2000000{n}" for n in range(3)],
)


def build(*, unlocked: bool = False, **settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        network = Network("network", context(unlocked=unlocked), settings=Settings(cidr="10.20.0.0/16", **settings), log_key_arn="arn:key")
        return {
            "vpc": network.vpc_id,
            "public": network.public_subnet_ids,
            "app": network.app_subnet_ids,
            "data": network.data_subnet_ids,
            "nat": network.nat_addresses,
            "tables": network.app_route_table_ids,
            "s3": network.s3_prefix_list_id,
        }

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_three_tiers_in_three_zones_without_automatic_addresses(stack: Stack) -> None:
    subnets = stack.all("Subnet")
    assert len(subnets) == 9
    assert {subnet["mapPublicIpOnLaunch"] for subnet in subnets} == {False}
    assert stack.one("Subnet", "network-app-b")["cidrBlock"] == "10.20.32.0/20"
    assert stack.one("Subnet", "network-app-b")["availabilityZone"] == "us-east-1b"
    assert stack.outputs["data"] == ["network-data-a-id", "network-data-b-id", "network-data-c-id"]
    assert stack.one("Vpc")["enableDnsSupport"] is True
    assert stack.one("Vpc")["enableDnsHostnames"] is True


def test_the_data_tier_has_no_way_out(stack: Stack) -> None:
    """NET-09: its table carries no route of ours at all."""
    routes = {route["routeTableId"]: route for route in stack.all("Route")}
    assert set(routes) == {"network-public-id", "network-app-a-id", "network-app-b-id", "network-app-c-id"}
    assert routes["network-public-id"]["gatewayId"] == "network-id"
    assert routes["network-app-b-id"]["natGatewayId"] == "network-nat-b-id"
    tables = {one["subnetId"]: one["routeTableId"] for one in stack.all("RouteTableAssociation")}
    assert [tables[f"network-data-{zone}-id"] for zone in "abc"] == ["network-data-id"] * 3
    assert [tables[f"network-app-{zone}-id"] for zone in "abc"] == [f"network-app-{zone}-id" for zone in "abc"]
    assert len(tables) == 9


def test_what_aws_makes_by_itself_is_emptied(stack: Stack) -> None:
    """NET-01."""
    group = stack.one("DefaultSecurityGroup")
    assert (group["ingress"], group["egress"]) == ([], [])
    assert stack.one("DefaultRouteTable")["routes"] == []


def test_the_nat_has_a_protected_address_in_each_zone(stack: Stack) -> None:
    assert len(stack.all("NatGateway")) == 3
    assert [(one.protect, one.retain) for one in stack.all("Eip")] == [(True, True)] * 3
    assert stack.outputs["nat"] == ["203.0.113.7"] * 3
    assert {one["subnetId"] for one in stack.all("NatGateway")} == {f"network-public-{zone}-id" for zone in "abc"}


def test_an_unlocked_stack_protects_nothing() -> None:
    assert not [one.name for one in build(unlocked=True).made if one.protect or one.retain]


def test_a_single_nat_serves_every_zone() -> None:
    stack = build(nat=NatMode.SINGLE)
    assert [one.name for one in stack.all("NatGateway")] == ["network-nat-a"]
    assert {route["natGatewayId"] for route in stack.all("Route") if "natGatewayId" in route.inputs} == {"network-nat-a-id"}
    assert len(stack.outputs["tables"]) == 3


def test_all_traffic_is_logged_every_minute(stack: Stack) -> None:
    """NET-07, DTO-050."""
    log = stack.one("FlowLog")
    assert (log["trafficType"], log["maxAggregationInterval"], log["logDestinationType"]) == ("ALL", 60, "cloud-watch-logs")
    group = stack.one("LogGroup")
    assert (group["name"], group["retentionInDays"], group["kmsKeyId"]) == ("/nautilus/prod/vpc/flow", 365, "arn:key")
    trust = json.loads(stack.one("Role")["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    writes = json.loads(stack.one("RolePolicy")["policy"])["Statement"][0]
    assert writes["Resource"] == "arn:network-flow:*"


def test_gateway_endpoints_serve_app_and_data(stack: Stack) -> None:
    endpoint = stack.one("VpcEndpoint", "network-s3")
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert endpoint["routeTableIds"] == ["network-app-a-id", "network-app-b-id", "network-app-c-id", "network-data-id"]
    assert "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*" in json.loads(endpoint["policy"])["Statement"][1]["Resource"]
    assert stack.one("VpcEndpoint", "network-dynamodb")["serviceName"] == "com.amazonaws.us-east-1.dynamodb"
    assert stack.outputs["s3"] == "pl-63a5400a"


def test_a_vpc_that_is_brought_along_is_handed_through() -> None:
    stack = build(existing=EXISTING)
    assert [one.type for one in stack.made if one.type.startswith("aws:")] == []
    assert stack.outputs["vpc"] == "vpc-0123456789abcdef0"
    assert stack.outputs["data"] == ["subnet-20000000", "subnet-20000001", "subnet-20000002"]
    assert (stack.outputs["nat"], stack.outputs["tables"], stack.outputs["s3"]) == ([], [], None)


def test_a_missing_subnet_of_an_existing_vpc_is_named() -> None:
    short = EXISTING.model_copy(update={"data_subnet_ids": ["subnet-20000000"]})
    with pytest.raises(ValueError, match=r"network\.existing\.dataSubnetIds: 1 subnets for 3 zones"):
        build(existing=short)


def test_a_block_without_room_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="/16 to /20"):
        synth(lambda: _ignored(Network("n", context(), settings=Settings(cidr="10.20.0.0/24"), log_key_arn="arn:key")))


def _ignored(_: object) -> None:
    return None
