"""The VPC: tiers, routes, locked defaults, logs; and a VPC that is brought along."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from infra.components.network import Network
from infra.plan.flows import Flow, Role, flows
from infra.settings.foundation import ExistingVpc, NatMode
from infra.settings.foundation import Network as Settings
from nautilus.sandbox.simulation.mocks import synth as simulated
from tests.components.edge import Stack, context, synth

KEY = "arn:aws:kms:us-east-1:123456789012:key/0c0ffee0-0000-4000-8000-000000000000"

EXISTING = ExistingVpc(
    vpc_id="vpc-0123456789abcdef0",
    public_subnet_ids=[f"subnet-0000000{n}" for n in range(3)],
    app_subnet_ids=[f"subnet-1000000{n}" for n in range(3)],
    data_subnet_ids=[f"subnet-2000000{n}" for n in range(3)],
)


def build(*, unlocked: bool = False, table: tuple[Flow, ...] | None = None, **settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        chosen = Settings(cidr="10.20.0.0/16", **settings)
        network = Network("network", context(unlocked=unlocked), settings=chosen, log_key_arn="arn:key", table=table)
        return {
            "vpc": network.vpc_id,
            "public": network.public_subnet_ids,
            "natSubnets": network.nat_subnet_ids,
            "firewall": network.firewall_subnet_ids,
            "app": network.app_subnet_ids,
            "data": network.data_subnet_ids,
            "nat": network.nat_addresses,
            "gateways": network.nat_gateway_ids,
            "appTables": [table.id for table in network.app_tables],
            "firewallTables": [table.id for table in network.firewall_tables],
            "natTables": [table.id for table in network.nat_tables],
            "cidrs": network.app_cidrs,
            "own": network.own,
            "s3": network.s3_prefix_list_id,
        }

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_five_tiers_in_three_zones_without_automatic_addresses(stack: Stack) -> None:
    subnets = stack.all("Subnet")
    assert len(subnets) == 15
    assert {subnet["mapPublicIpOnLaunch"] for subnet in subnets} == {False}
    assert stack.one("Subnet", "network-app-b")["cidrBlock"] == "10.20.32.0/20"
    assert stack.one("Subnet", "network-app-b")["availabilityZone"] == "us-east-1b"
    for key, tier in (("public", "public"), ("natSubnets", "nat"), ("firewall", "firewall"), ("app", "app"), ("data", "data")):
        assert stack.outputs[key] == [f"network-{tier}-{zone}-id" for zone in "abc"]
    assert stack.outputs["cidrs"] == ["10.20.0.0/20", "10.20.32.0/20", "10.20.64.0/20"]
    assert stack.outputs["own"] is True
    assert stack.one("Vpc")["enableDnsSupport"] is True
    assert stack.one("Vpc")["enableDnsHostnames"] is True


def test_nothing_speaks_ipv6(stack: Stack) -> None:
    given = [key for one in stack.made for key, value in one.inputs.items() if "ipv6" in key.lower() and value]
    assert given == []
    assert not [
        key for acl in stack.all("NetworkAcl") for rule in (*acl["ingress"], *acl["egress"]) for key in rule if "ipv6" in key.lower()
    ]


def test_public_and_nat_lead_to_the_internet_and_nothing_else_does(stack: Stack) -> None:
    """NET-09: data has no route of ours at all; app and firewall wait for the egress firewall's."""
    routes = {route["routeTableId"]: route for route in stack.all("Route")}
    assert set(routes) == {"network-public-id", *(f"network-nat-{zone}-id" for zone in "abc")}
    assert {route["gatewayId"] for route in routes.values()} == {"network-id"}
    assert {route["destinationCidrBlock"] for route in routes.values()} == {"0.0.0.0/0"}


def test_each_zone_has_tables_of_its_own_but_for_public_and_data(stack: Stack) -> None:
    tables = {one["subnetId"]: one["routeTableId"] for one in stack.all("RouteTableAssociation")}
    assert len(tables) == 15
    for tier in ("public", "data"):
        assert [tables[f"network-{tier}-{zone}-id"] for zone in "abc"] == [f"network-{tier}-id"] * 3
    for key, tier in (("appTables", "app"), ("firewallTables", "firewall"), ("natTables", "nat")):
        mine = [f"network-{tier}-{zone}-id" for zone in "abc"]
        assert stack.outputs[key] == mine
        assert [tables[f"network-{tier}-{zone}-id"] for zone in "abc"] == mine
    assert [table.name for table in stack.all("RouteTable") if "routes" in table.inputs] == [], "inline routes fight with standalone ones"


def test_what_aws_makes_by_itself_is_emptied(stack: Stack) -> None:
    """NET-01. Which subnets the default ACL has just now is nobody's change."""
    group = stack.one("DefaultSecurityGroup")
    assert (group["ingress"], group["egress"]) == ([], [])
    assert stack.one("DefaultRouteTable")["routes"] == []
    acl = stack.one("DefaultNetworkAcl")
    assert (acl["ingress"], acl["egress"]) == ([], [])
    assert "subnetIds" not in acl.inputs
    assert acl.ignored == ("subnetIds",)


def test_every_subnet_is_in_its_tiers_acl(stack: Stack) -> None:
    """A subnet outside would fall to the default ACL, which admits nothing."""
    acls = {acl.name: acl for acl in stack.all("NetworkAcl")}
    assert {name: acl["subnetIds"] for name, acl in acls.items()} == {
        f"network-{tier}": [f"network-{tier}-{zone}-id" for zone in "abc"] for tier in ("public", "nat", "firewall", "app", "data")
    }
    assert stack.all("NetworkAclRule") == [], "never standalone rules beside inline ones"
    assert stack.all("NetworkAclAssociation") == []


def test_rules_have_the_form_that_aws_returns(stack: Stack) -> None:
    """Numbers for protocols, a type and code with ICMP, port 0 with every protocol."""
    app = stack.one("NetworkAcl", "network-app")
    rules = {rule["ruleNo"]: rule for rule in app["ingress"]}
    assert rules[100] == {
        "ruleNo": 100,
        "action": "allow",
        "protocol": "1",
        "cidrBlock": "0.0.0.0/0",
        "fromPort": 0,
        "toPort": 0,
        "icmpType": 3,
        "icmpCode": 4,
    }
    assert rules[8000] == {"ruleNo": 8000, "action": "deny", "protocol": "-1", "cidrBlock": "10.20.0.0/16", "fromPort": 0, "toPort": 0}
    assert rules[9000] == {
        "ruleNo": 9000,
        "action": "allow",
        "protocol": "6",
        "cidrBlock": "0.0.0.0/0",
        "fromPort": 32768,
        "toPort": 65535,
    }


def test_the_data_tiers_acl_names_no_address_outside_the_vpc(stack: Stack) -> None:
    acl = stack.one("NetworkAcl", "network-data")
    blocks = [IPv4Network(rule["cidrBlock"]) for rule in (*acl["ingress"], *acl["egress"])]
    assert len(blocks) == 18
    assert all(block.subnet_of(IPv4Network("10.20.0.0/16")) for block in blocks)
    assert {(rule["fromPort"], rule["toPort"]) for rule in acl["ingress"] if rule["cidrBlock"] == "10.20.32.0/20"} == {
        (2049, 2049),
        (5432, 5432),
        (6379, 6379),
    }


def test_the_acls_follow_the_flow_table() -> None:
    """What the platform at hand does not need is not open: here no way in, and one further port out."""
    base = flows(gateway_port=4003, timescale=False, interface_endpoints=True, s3_endpoint=True, edge=False)
    table = (*base, Flow(Role.ENGINE, Role.INTERNET, 9443, "market-data streams"))
    stack = build(table=table)
    assert [rule["fromPort"] for rule in stack.one("NetworkAcl", "network-public")["ingress"] if rule["action"] == "allow"] == [1024] * 3
    outside = [rule for rule in stack.one("NetworkAcl", "network-app")["egress"] if rule["cidrBlock"] == "0.0.0.0/0"]
    assert [(rule["fromPort"], rule["toPort"]) for rule in outside] == [(443, 443), (4000, 4001), (9443, 9443)]


def test_the_default_acl_is_emptied_after_every_subnet_has_left_it() -> None:
    """Otherwise a running network loses its traffic in between."""
    made = simulated(lambda: Network("network", context(), settings=Settings(cidr="10.20.0.0/16"), log_key_arn=KEY))
    default = made.one("ec2.DefaultNetworkAcl")
    acls = made.by_type("ec2.NetworkAcl")
    assert len(acls) == 5
    assert {acl.urn for acl in acls} < set(default.dependencies)
    assert default.id == made.one("ec2.Vpc").outputs["defaultNetworkAclId"]


def test_six_zones_pass_what_aws_checks() -> None:
    zones = replace(context(), zones=tuple(f"us-east-1{letter}" for letter in "abcdef"))
    made = simulated(lambda: Network("network", zones, settings=Settings(cidr="10.20.0.0/20"), log_key_arn=KEY))
    assert len(made.by_type("ec2.Subnet")) == 30
    assert max(len(acl.inputs[side]) for acl in made.by_type("ec2.NetworkAcl") for side in ("ingress", "egress")) <= 19


def test_the_nat_has_a_protected_address_in_each_zone(stack: Stack) -> None:
    assert len(stack.all("NatGateway")) == 3
    assert [(one.protect, one.retain) for one in stack.all("Eip")] == [(True, True)] * 3
    assert stack.outputs["nat"] == ["203.0.113.7"] * 3
    assert {one["subnetId"] for one in stack.all("NatGateway")} == {f"network-nat-{zone}-id" for zone in "abc"}


def test_an_unlocked_stack_protects_nothing() -> None:
    assert not [one.name for one in build(unlocked=True).made if one.protect or one.retain]


def test_a_single_nat_serves_every_zone() -> None:
    stack = build(nat=NatMode.SINGLE)
    assert [one.name for one in stack.all("NatGateway")] == ["network-nat-a"]
    assert stack.outputs["gateways"] == ["network-nat-a-id"]
    assert stack.one("NatGateway")["subnetId"] == "network-nat-a-id"
    assert [len(stack.outputs[key]) for key in ("natSubnets", "natTables", "appTables")] == [3, 3, 3]


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
    empty = ("nat", "gateways", "natSubnets", "firewall", "appTables", "firewallTables", "natTables", "cidrs")
    assert {key: stack.outputs[key] for key in empty} == {key: [] for key in empty}
    assert (stack.outputs["s3"], stack.outputs["own"]) == (None, False)


def test_a_missing_subnet_of_an_existing_vpc_is_named() -> None:
    short = EXISTING.model_copy(update={"data_subnet_ids": ["subnet-20000000"]})
    with pytest.raises(ValueError, match=r"network\.existing\.dataSubnetIds: 1 subnets for 3 zones"):
        build(existing=short)


def test_a_block_without_room_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="/16 to /20"):
        synth(lambda: _ignored(Network("n", context(), settings=Settings(cidr="10.20.0.0/24"), log_key_arn="arn:key")))


def _ignored(_: object) -> None:
    return None
