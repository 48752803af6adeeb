"""What the network model reads out of planned resources."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus.inventory import UNKNOWN, Inventory, PlannedResource
from nautilus.inventory.addresses import CLOUDFRONT_LISTS, is_public, network_of
from nautilus.inventory.names import role_of
from nautilus.inventory.network import Goal, Subnet, Table, read
from nautilus.inventory.ports import ALL_PORTS, Open, exactly, join, meet, ports_text, without
from nautilus.inventory.references import References
from nautilus.inventory.values import at
from nautilus.sandbox.simulation.computed.network import prefix_list_id
from tests.inventory.networks import Ref, Sketch, changed_to, find, made, platform, plus
from tests.inventory.networks import without as fewer

spans = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6)
port_sets = spans.map(lambda found: join(tuple(found)))


def members(ports: Any) -> set[int]:
    return {port for first, last in ports for port in range(first, last + 1)}


@given(port_sets, port_sets)
def test_port_sets_are_sets(left: Any, right: Any) -> None:
    assert members(join(left, right)) == members(left) | members(right)
    assert members(meet(left, right)) == members(left) & members(right)
    assert members(without(left, right)) == members(left) - members(right)


@given(port_sets)
def test_equal_sets_of_ports_are_written_the_same(ports: Any) -> None:
    single = join(tuple((port, port) for port in sorted(members(ports), reverse=True)))
    assert single == ports
    assert all(after > before + 1 for (_, before), (after, _) in pairwise(ports))


def test_what_is_open_keeps_certain_and_possible_apart() -> None:
    both = exactly(((443, 443),)) | Open((), ((80, 80),))
    assert both == Open(((443, 443),), ((80, 80), (443, 443)))
    assert both & exactly(((80, 80),)) == Open((), ((80, 80),))
    assert both.doubted().sure == ()
    assert ports_text(both.maybe) == "80, 443"
    assert (ports_text(()), ports_text(ALL_PORTS), ports_text(((4000, 4001),))) == ("no port", "any port", "4000–4001")


# -- references ---------------------------------------------------------------------------------------------------------


def test_references_by_id_by_origin_and_of_others() -> None:
    s = Sketch(unknown=True)
    known, other = s.add("ec2/subnet:Subnet", "a"), s.add("ec2/subnet:Subnet", "b")
    s.add("x/y:User", "unknown", subnets=[known, other], groups={"deep": [{"id": known}]})
    inventory = s.inventory()
    refs = References(inventory)
    user = find(inventory, "User")
    assert [item.name for item in refs.of(user, "subnets").found] == ["a", "b"]
    assert [item.name for item in refs.of(user, "groups.deep.id").found] == ["a"]
    assert not refs.of(user, "missing")
    bare = made("aws:x/y:User", "bare", {"subnets": [UNKNOWN], "literal": ["subnet-1"]})
    refs = References(plus(inventory, bare))
    assert refs.of(bare, "subnets").unknown
    assert refs.of(bare, "literal").foreign == ("subnet-1",)


def test_a_name_that_the_plan_spells_out_refers_to_its_origin() -> None:
    s = Sketch(unknown=True)
    group = s.add("rds/subnetGroup:SubnetGroup", "store", name="physical")
    s.add("rds/instance:Instance", "db", dbSubnetGroupName=group)
    inventory = s.inventory()
    database = find(inventory, "Instance")
    spelled = plus(
        fewer(inventory, database),
        PlannedResource(
            urn=database.urn,
            type=database.type,
            name="db",
            inputs={"dbSubnetGroupName": "physical-as-made"},
            property_dependencies=database.property_dependencies,
        ),
    )
    assert References(spelled).of(spelled[database.urn], "dbSubnetGroupName").urns == (group.urn,)


def test_a_path_into_something_unknown_is_unknown() -> None:
    assert at({"a": UNKNOWN}, "a.b.c") == UNKNOWN
    assert at({"a": [{"b": 1}, {"b": 2}, {}]}, "a.b") == [1, 2]
    assert at({"a": 1}, "a.b") is None


# -- routes -------------------------------------------------------------------------------------------------------------


def subnet(inventory: Inventory, name: str) -> Subnet:
    return next(item for item in read(inventory).subnets.values() if item.name == name)


def table(inventory: Inventory, name: str) -> Table:
    found = subnet(inventory, name).table
    assert found is not None
    return found


@pytest.mark.parametrize("unknown", [False, True])
def test_routes_by_association(unknown: bool) -> None:
    inventory = platform(unknown=unknown)
    assert [route.goal for route in table(inventory, "public-a").routes] == [Goal.LOCAL, Goal.INTERNET]
    assert [route.goal for route in table(inventory, "data-a").routes] == [Goal.LOCAL]
    app = table(inventory, "app-b")
    assert [route.goal for route in app.outward] == [Goal.FIREWALL]
    assert app.outward[0].zone == (None if unknown else "us-east-1b")
    assert [service for service, _ in app.gateway_services] == ["s3"]


def test_the_longest_prefix_wins() -> None:
    nat = table(platform(), "nat-a")
    back = nat.towards(IPv4Network("10.0.3.0/24"))
    assert back is not None
    assert back.goal is Goal.FIREWALL
    near = nat.towards(IPv4Network("10.0.4.0/24"))
    assert near is not None
    assert near.goal is Goal.LOCAL


def test_before_aws_names_the_endpoints_the_way_is_closed() -> None:
    assert [route.goal for route in table(platform(endpoints=False), "app-a").outward] == [Goal.CLOSED]


def test_an_interface_that_a_machine_carries_is_not_closed() -> None:
    inventory = platform(endpoints=False)
    card = find(inventory, "NetworkInterface").outputs["id"]
    appliance = made("aws:ec2/instance:Instance", "appliance", {"networkInterfaces": [{"networkInterfaceId": card}]})
    assert [route.goal for route in table(plus(inventory, appliance), "app-a").outward] == [Goal.ELSEWHERE]


def test_without_an_association_the_main_table_counts() -> None:
    inventory = platform(firewall=False)
    bindings = [item for item in inventory.real if item.type.endswith("RouteTableAssociation") and item.name == "app-a"]
    bare = fewer(inventory, *bindings)
    assert table(bare, "app-a").name == "default"
    assert table(fewer(bare, find(bare, "DefaultRouteTable")), "app-a").name == "main table of vpc"
    main = made(
        "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
        "main",
        {"vpcId": find(bare, "Vpc").outputs["id"], "routeTableId": find(bare, "RouteTable", "public-a").outputs["id"]},
    )
    assert table(plus(bare, main), "app-a").name == "public-a"


def test_routes_of_many_kinds() -> None:
    s = Sketch()
    vpc = s.add("ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    peering = s.add("ec2/vpcPeeringConnection:VpcPeeringConnection", "peer")
    inline = s.add(
        "ec2/routeTable:RouteTable",
        "inline",
        vpcId=vpc,
        routes=[
            {"cidrBlock": "10.9.0.0/16", "vpcPeeringConnectionId": peering},
            {"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123"},
            {"cidrBlock": "8.8.8.0/24", "natGatewayId": "nat-of-others"},
            {"ipv6CidrBlock": "::/0", "gatewayId": "igw-0123"},
            {"cidrBlock": "10.0.0.0/16", "gatewayId": "local"},
        ],
    )
    s.add("ec2/route:Route", "unknown", routeTableId=inline, destinationCidrBlock=UNKNOWN, natGatewayId="nat-1")
    network = s.add("ec2/subnet:Subnet", "net", vpcId=vpc, cidrBlock="10.0.0.0/24")
    s.add("ec2/routeTableAssociation:RouteTableAssociation", "a", routeTableId=inline, subnetId=network)
    found = table(s.inventory(), "net")
    assert [(str(route.destination), route.goal) for route in found.routes] == [
        ("10.0.0.0/16", Goal.LOCAL),
        ("10.9.0.0/16", Goal.ELSEWHERE),
        ("0.0.0.0/0", Goal.INTERNET),
        ("8.8.8.0/24", Goal.ELSEWHERE),
        ("10.0.0.0/16", Goal.LOCAL),
        ("None", Goal.ELSEWHERE),
    ]
    assert found.ipv6_out
    assert [str(route.destination) for route in found.outward] == ["0.0.0.0/0", "8.8.8.0/24", "None"]


# -- NACLs, groups, things ------------------------------------------------------------------------------------------------


def test_nacls_by_association_and_by_default() -> None:
    inventory = platform()
    assert [subnet(inventory, name).nacl.name for name in ("app-a", "data-b")] == ["app", "data"]  # pyright: ignore[reportOptionalMemberAccess] - each has one, or this fails
    bare = fewer(inventory, find(inventory, "NetworkAcl", "data"))
    open_acl = subnet(bare, "data-b").nacl
    assert open_acl is not None
    assert (open_acl.name, [entry.allow for entry in open_acl.ingress]) == ("AWS's default NACL", [True])
    adopted = made("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "locked", {"defaultNetworkAclId": find(bare, "Vpc").outputs["id"]})
    locked = subnet(plus(bare, adopted), "data-b").nacl
    assert locked is not None
    assert (locked.name, locked.ingress, locked.egress) == ("locked", (), ())


def test_standalone_nacl_rules_and_associations_count() -> None:
    inventory = platform()
    acl = made("aws:ec2/networkAcl:NetworkAcl", "own", {"vpcId": find(inventory, "Vpc").outputs["id"]}, {"id": "acl-own"})
    rule = {"networkAclId": "acl-own", "ruleNumber": 20, "ruleAction": "deny", "protocol": "-1", "cidrBlock": "0.0.0.0/0"}
    more = [
        acl,
        made("aws:ec2/networkAclAssociation:NetworkAclAssociation", "own", {"networkAclId": "acl-own", "subnetId": find(inventory, "Subnet", "app-a").outputs["id"]}),
        made("aws:ec2/networkAclRule:NetworkAclRule", "twenty", rule),
        made("aws:ec2/networkAclRule:NetworkAclRule", "ten", {**rule, "ruleNumber": 10, "ruleAction": "allow", "protocol": "tcp", "fromPort": 80, "toPort": 80}),
        made("aws:ec2/networkAclRule:NetworkAclRule", "out", {**rule, "egress": True}),
    ]  # fmt: skip
    found = subnet(plus(inventory, *more), "app-a").nacl
    assert found is not None
    assert [(entry.number, entry.allow, entry.ports) for entry in found.ingress] == [(10, True, ((80, 80),)), (20, False, ALL_PORTS)]
    assert [(entry.number, entry.allow) for entry in found.egress] == [(20, False)]


def group_with(**rule: Any) -> Any:
    s = Sketch()
    group = s.add("ec2/securityGroup:SecurityGroup", "g", ingress=[rule])
    return read(s.inventory()).permissions[group.urn][0]


def test_rules_of_security_groups() -> None:
    assert group_with(protocol="-1", fromPort=0, toPort=0, cidrBlocks=["10.0.0.0/8"]).ports == ALL_PORTS
    assert group_with(protocol="6", fromPort=22, toPort=23, self=True).ports == ((22, 23),)
    assert group_with(protocol="udp", fromPort=53, toPort=53, cidrBlocks=["0.0.0.0/0"]).ports == ()
    assert group_with(protocol="tcp", fromPort=0, toPort=65535).ports == ALL_PORTS
    assert group_with(protocol=UNKNOWN, cidrBlocks=["10.0.0.0/8"]).vague
    assert group_with(protocol="tcp", fromPort=1, toPort=2, cidrBlocks=[UNKNOWN]).unknown
    assert group_with(protocol="tcp", fromPort=1, toPort=2, prefixListIds=["pl-63a5400a"]).lists == {"strange"}
    assert group_with(protocol="tcp", fromPort=1, toPort=2, prefixListIds=[CLOUDFRONT_LISTS["eu-west-1"]]).lists == {"cloudfront"}
    assert group_with(protocol="tcp", fromPort=1, toPort=2, ipv6CidrBlocks=["::/0"]).ipv6 == ("::/0",)


def test_an_unknown_block_is_that_of_the_subnet_it_comes_from() -> None:
    s = Sketch(unknown=True)
    net = s.add("ec2/subnet:Subnet", "net", cidrBlock="10.1.2.0/24")
    group = s.add("ec2/securityGroup:SecurityGroup", "g")
    s.add(
        "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "r",
        securityGroupId=group,
        ipProtocol="tcp",
        fromPort=1,
        toPort=1,
        cidrIpv4=net,
    )
    rule = read(s.inventory()).permissions[group.urn][0]
    assert (rule.blocks, rule.unknown) == ((IPv4Network("10.1.2.0/24"),), False)


@pytest.mark.parametrize("unknown", [False, True])
def test_what_stands_where(unknown: bool) -> None:
    network = read(platform(unknown=unknown))
    assert network.roles == ("backend", "engine", "load-balancer", "postgres")
    for role, tier, public in (("backend", "app", False), ("postgres", "data", False), ("load-balancer", "public", True)):
        (thing,) = network.of_role(role)
        assert [item.name for item in thing.subnets] == [f"{tier}-a", f"{tier}-b"]
        assert (thing.public, thing.groups_unknown) == (public, False)
        assert [network.inventory[urn].name for urn in thing.groups] == [f"groups-{role}"]
    (balancer,) = network.balancers.values()
    assert [(item.port, [back.thing.role for back in item.backends]) for item in balancer.listeners] == [(443, ["backend"])]
    ((origin,),) = network.distributions.values()
    assert (origin.thing.role, origin.ports) == ("load-balancer", ((443, 443),))


def test_machines_get_their_place_from_template_interface_or_group() -> None:
    s = Sketch()
    vpc = s.add("ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    net = s.add("ec2/subnet:Subnet", "net", vpcId=vpc, cidrBlock="10.0.0.0/24", mapPublicIpOnLaunch=True)
    group = s.add("ec2/securityGroup:SecurityGroup", "g", vpcId=vpc)
    card = s.add("ec2/networkInterface:NetworkInterface", "card", subnetId=net, securityGroups=[group])
    s.add("ec2/networkInterface:NetworkInterface", "idle", subnetId=net, securityGroups=[group])
    s.add("ec2/launchTemplate:LaunchTemplate", "fixed", networkInterfaces=[{"networkInterfaceId": card}])
    template = s.add("ec2/launchTemplate:LaunchTemplate", "many", vpcSecurityGroupIds=[group])
    hidden = s.add(
        "ec2/launchTemplate:LaunchTemplate", "hidden", networkInterfaces=[{"securityGroups": [group], "associatePublicIpAddress": "false"}]
    )
    s.add("autoscaling/group:Group", "fleet", vpcZoneIdentifiers=[net], launchTemplate={"id": template})
    s.add("autoscaling/group:Group", "quiet", vpcZoneIdentifiers=[net], launchTemplate={"id": hidden})
    s.add("ec2/instance:Instance", "one", subnetId=net, vpcSecurityGroupIds=[group], associatePublicIpAddress=False)
    fixed = s.add("ec2/instance:Instance", "two", subnetId=net, vpcSecurityGroupIds=[group], associatePublicIpAddress=False)
    s.add("ec2/eip:Eip", "address", instance=fixed)
    found = {thing.resource.name: thing.public for thing in read(s.inventory()).things}
    assert found == {"card": False, "fleet": True, "quiet": False, "one": False, "two": True}


def test_a_thing_without_groups_has_its_vpcs_default_one() -> None:
    inventory = platform()
    vpc = find(inventory, "Vpc").outputs["id"]
    default = made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "locked", {"vpcId": vpc, "ingress": [], "egress": []})
    bare = plus(changed_to(inventory, find(inventory, "Instance"), vpcSecurityGroupIds=None), default)
    (thing,) = read(bare).of_role("postgres")
    assert thing.groups == (default.urn,)
    (unguarded,) = read(fewer(bare, default)).of_role("postgres")
    assert unguarded.groups_unknown


def test_subnets_of_other_people_stand_for_themselves() -> None:
    inventory = platform()
    service = find(inventory, "Service", "backend")
    configuration = {**service.inputs["networkConfiguration"], "subnets": ["subnet-of-others"]}
    (thing,) = read(changed_to(inventory, service, networkConfiguration=configuration)).of_role("backend")
    assert [(item.name, item.foreign, item.table) for item in thing.subnets] == [("subnet-of-others", True, None)]


@pytest.mark.parametrize(
    ("kind", "inputs", "component", "role"),
    [
        ("aws:rds/instance:Instance", {"engine": "postgres"}, (), "postgres"),
        ("aws:rds/instance:Instance", {"replicateSourceDb": "x"}, (), "postgres"),
        ("aws:rds/instance:Instance", {"engine": "mysql"}, (), "mysql"),
        ("aws:lb/loadBalancer:LoadBalancer", {}, ("root", "timescale"), "load-balancer"),
        ("aws:lb/loadBalancer:LoadBalancer", {"loadBalancerType": "network"}, ("root", "timescale"), "timescale"),
        ("aws:ecs/service:Service", {}, ("root", "ib-gateway", "singleton"), "ib-gateway"),
        ("aws:ecs/service:Service", {}, (), "own"),
    ],
)
def test_names_of_things(kind: str, inputs: dict[str, Any], component: tuple[str, ...], role: str) -> None:
    assert role_of(PlannedResource(urn="u", type=kind, name="own", inputs=inputs, component=component)) == role


def test_targets_by_address() -> None:
    inventory = platform()
    group = find(inventory, "TargetGroup").outputs["id"]
    attached = made(
        "aws:lb/targetGroupAttachment:TargetGroupAttachment", "ip", {"targetGroupArn": group, "targetId": "10.0.4.9", "port": 5432}
    )
    (balancer,) = read(plus(inventory, attached)).balancers.values()
    assert ("postgres", ((5432, 5432),)) in [(back.thing.role, back.ports) for item in balancer.listeners for back in item.backends]


def test_public_and_private_blocks() -> None:
    assert is_public(IPv4Network("0.0.0.0/0"))
    assert is_public(IPv4Network("172.0.0.0/8"))
    assert not is_public(IPv4Network("172.31.0.0/16"))
    assert not is_public(IPv4Network("100.64.0.0/10"))
    assert (network_of("::/0"), network_of(None), network_of("10.0.0.1")) == (None, None, IPv4Network("10.0.0.1/32"))


def test_the_sandbox_knows_cloudfronts_lists_as_this_module_does() -> None:
    assert {region: prefix_list_id(region, "cloudfront") for region in CLOUDFRONT_LISTS} == dict(CLOUDFRONT_LISTS)
    assert len(set(CLOUDFRONT_LISTS.values())) == len(CLOUDFRONT_LISTS)


def test_the_helper_of_these_tests_hides_ids_on_request() -> None:
    s = Sketch(unknown=True)
    ref = s.add("ec2/vpc:Vpc", "v")
    assert isinstance(ref, Ref)
    assert find(s.inventory(), "Vpc").outputs == {}
