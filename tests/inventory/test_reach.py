"""The proof, and the opposite of each of its claims: every hole that can be cut into a closed network is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.reach import measure, synthetic
from infra.settings.foundation import EndpointProfile, ExistingVpc, NatMode
from nautilus.inventory import UNKNOWN, Inventory, PlannedResource
from nautilus.inventory.audit import DATA_ROLES, findings
from nautilus.inventory.names import PLATFORM
from nautilus.inventory.network import read
from nautilus.inventory.reach import Answer, Proof, Prover, UnknownNameError, guards, prove
from tests.conftest import changed, stack, synthesised
from tests.inventory.networks import changed_to, find, ident, made, platform, plus, recorded, without

YES, NO, PERHAPS = Answer.YES, Answer.NO, Answer.UNKNOWN
INTERNET_PORT = {"ipProtocol": "tcp", "cidrIpv4": "0.0.0.0/0"}


def answer(inventory: Inventory, source: str, target: str, port: int | None = None, **more: Any) -> Answer:
    return prove(inventory, source, target, port, **more).answer


def codes(inventory: Inventory) -> list[str]:
    return sorted({finding.code for finding in findings(inventory)})


def ends(proof: Proof) -> str:
    return " / ".join(ending.reason for ending in proof.endings)


def rule(inventory: Inventory, group: str, *, inward: bool = True, **inputs: Any) -> PlannedResource:
    """One more standalone rule of a group."""
    kind = "Ingress" if inward else "Egress"
    return made(
        f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule",
        f"extra-{group}-{kind}-{inputs.get('fromPort')}",
        {"securityGroupId": ident(inventory, "SecurityGroup", f"groups-{group}"), "ipProtocol": "tcp", **inputs},
    )


def opened(inventory: Inventory, group: str, port: int, **peer: Any) -> Inventory:
    """The inventory with a port of a group open to somebody; to everybody unless `peer` says otherwise."""
    return plus(inventory, rule(inventory, group, fromPort=port, toPort=port, **(peer or {"cidrIpv4": "0.0.0.0/0"})))


def routed(inventory: Inventory, tier: str, zone: str = "a", block: str = "0.0.0.0/0", **goal: Any) -> Inventory:
    """The inventory with one more route of a subnet's table; to the internet gateway unless `goal` says otherwise."""
    goal = goal or {"gatewayId": ident(inventory, "InternetGateway")}
    inputs = {"routeTableId": ident(inventory, "RouteTable", f"{tier}-{zone}"), "destinationCidrBlock": block, **goal}
    return plus(inventory, made("aws:ec2/route:Route", f"extra-{tier}-{zone}", inputs))


@pytest.fixture(scope="module")
def plain() -> Inventory:
    return platform()


# -- what passes ----------------------------------------------------------------------------------------------------------

EXPECTED = {
    ("internet", "postgres", None): NO,
    ("internet", "backend", 8000): YES,
    ("internet", "backend", 5432): NO,
    ("internet", "engine", None): NO,
    ("internet", "load-balancer", 443): YES,
    ("internet", "load-balancer", 80): NO,
    ("internet", "cloudfront", 443): YES,
    ("cloudfront", "load-balancer", 443): YES,
    ("cloudfront", "postgres", None): NO,
    ("load-balancer", "backend", 8000): YES,
    ("load-balancer", "postgres", None): NO,
    ("backend", "postgres", 5432): YES,
    ("backend", "postgres", 5433): NO,
    ("backend", "engine", None): NO,
    ("backend", "internet", 443): YES,
    ("backend", "internet", 80): NO,
    ("backend", "s3", 443): YES,
    ("engine", "s3", 443): NO,
    ("postgres", "internet", None): NO,
    ("postgres", "backend", None): NO,
    ("s3", "backend", None): NO,
}


@pytest.mark.parametrize("unknown", [False, True], ids=["state", "preview"])
@pytest.mark.parametrize("nat", [False, True], ids=["nat-a-zone", "one-nat"])
def test_the_small_platform_is_as_drawn(unknown: bool, nat: bool) -> None:
    inventory = platform(unknown=unknown, single_nat=nat)
    prover = Prover(read(inventory))
    assert {question: prover.prove(*question).answer for question in EXPECTED} == EXPECTED
    assert findings(inventory) == []


def test_a_path_names_every_resource_that_lets_it_pass(plain: Inventory) -> None:
    proof = prove(plain, "backend", "postgres", 5432)
    assert (proof.kind, proof.path_port, proof.ports) == ("direct", 5432, ((5432, 5432),))
    assert [(hop.kind, hop.resource) for hop in proof.hops] == [
        ("security group", "backend-out-postgres-5432"),
        ("route", ""),
        ("NACL", "app"),
        ("NACL", "data"),
        ("security group", "postgres-in-backend-5432"),
        ("NACL", "data"),
        ("NACL", "app"),
    ]


def test_the_way_out_goes_through_firewall_and_nat_and_back(plain: Inventory) -> None:
    proof = prove(plain, "backend", "internet", 443)
    ways = [hop.text for hop in proof.hops if hop.kind in ("route", "gateway", "firewall")]
    assert ways == [
        "app-a: 0.0.0.0/0 → firewall firewall in us-east-1a",
        "firewall-a: 0.0.0.0/0 → NAT gateway nat-a",
        "NAT gateway nat-a in nat-a",
        "nat-a: 0.0.0.0/0 → internet gateway igw",
        "internet gateway igw",
        "firewall in us-east-1a lets 443 out to the hosts on its list (`nautilus egress check HOST:PORT`)",
    ]


def test_a_forwarder_makes_an_application_path(plain: Inventory) -> None:
    proof = prove(plain, "internet", "backend")
    assert (proof.answer, proof.kind, proof.path_port) == (YES, "application", 8000)
    assert proof.hops[0].kind == "CloudFront"
    assert "listener https on 443 forwards to backend-blue" in [hop.text for hop in proof.hops]
    straight = prove(plain, "internet", "backend", direct=True)
    assert (straight.answer, straight.hops) == (NO, ())
    assert "backend has no public address" in ends(straight)


def test_without_its_distribution_nobody_comes_in(plain: Inventory) -> None:
    assert answer(without(plain, find(plain, "Distribution")), "internet", "backend") is NO
    assert answer(changed_to(plain, find(plain, "Distribution"), enabled=False), "internet", "backend") is NO


def test_an_origin_is_found_by_its_record(plain: Inventory) -> None:
    assert answer(changed_to(plain, find(plain, "Record"), name="elsewhere.example.com"), "internet", "backend") is NO


def test_without_a_firewall_only_security_groups_limit_ports() -> None:
    assert answer(platform(firewall=False), "engine", "internet", 4000) is YES
    proof = prove(platform(), "engine", "internet", 4000)
    assert proof.answer is NO
    assert "firewall firewall lets none of 4000 out to any host" in ends(proof)


def test_before_the_endpoints_are_known_to_stand_nothing_leaves() -> None:
    proof = prove(platform(endpoints=False), "backend", "internet")
    assert proof.answer is NO
    assert "closed interface dead-end" in ends(proof)


def test_a_firewall_that_only_watches_lets_everything_out(plain: Inventory) -> None:
    policy = find(plain, "FirewallPolicy")
    watching = {**policy.inputs["firewallPolicy"], "statefulDefaultActions": ["aws:alert_strict"]}
    assert answer(changed_to(plain, policy, firewallPolicy=watching), "engine", "internet", 4000) is YES


def test_a_firewall_that_cannot_be_read_leaves_the_answer_open(plain: Inventory) -> None:
    proof = prove(changed_to(plain, find(plain, "Firewall"), firewallPolicyArn="arn:of-others"), "engine", "internet", 4000)
    assert proof.answer is PERHAPS


# -- the opposite of every claim -------------------------------------------------------------------------------------------


def test_a_data_port_that_is_open_to_the_world_is_found(plain: Inventory) -> None:
    hole = opened(plain, "postgres", 5432)
    assert "data-port-open" in codes(hole)
    # By itself it is no path: there is no public address and no route.
    assert answer(hole, "internet", "postgres") is NO


@pytest.mark.parametrize(
    "peer",
    [
        {"cidrIpv4": "0.0.0.0/1"},
        {"cidrIpv4": "8.8.8.0/24"},
        {"cidrIpv6": "::/0"},
        {"prefixListId": "pl-3b927c52"},
        {"prefixListId": "pl-aaaaaaaa"},
    ],
)
def test_a_data_port_that_is_open_to_strangers_is_found(plain: Inventory, peer: dict[str, str]) -> None:
    assert "data-port-open" in codes(opened(plain, "postgres", 5432, **peer))


@pytest.mark.parametrize("peer", [{"cidrIpv4": "10.0.0.0/16"}, {"cidrIpv4": "172.16.0.0/12"}, {"cidrIpv6": "fd00::/8"}])
def test_private_peers_are_no_strangers(plain: Inventory, peer: dict[str, str]) -> None:
    assert codes(opened(plain, "postgres", 5432, **peer)) == []


def test_a_port_of_no_data_may_be_open(plain: Inventory) -> None:
    assert codes(opened(plain, "load-balancer", 443)) == []


def test_every_port_at_once_is_found_too(plain: Inventory) -> None:
    everything = rule(plain, "postgres", cidrIpv4="0.0.0.0/0", fromPort=0, toPort=65535)
    assert "data-port-open" in codes(plus(plain, everything))


def test_a_data_subnet_with_a_route_out_is_found(plain: Inventory) -> None:
    assert codes(routed(plain, "data")) == ["data-route"]
    assert codes(routed(plain, "data", natGatewayId=ident(plain, "NatGateway", "nat-a"))) == ["data-route"]
    assert codes(routed(plain, "data", block="8.0.0.0/8")) == ["data-route"]


def test_a_public_database_is_found(plain: Inventory) -> None:
    assert codes(changed_to(plain, find(plain, "Instance"), publiclyAccessible=True)) == ["data-public"]


def test_all_holes_together_are_a_path_and_each_mended_one_closes_it(plain: Inventory) -> None:
    acl = find(plain, "NetworkAcl", "data")
    everybody = {"ruleNo": 100, "action": "allow", "protocol": "-1", "cidrBlock": "0.0.0.0/0"}
    holes = {
        "rule": lambda inventory: opened(inventory, "postgres", 5432),
        "route": lambda inventory: routed(inventory, "data"),
        "address": lambda inventory: changed_to(inventory, find(inventory, "Instance"), publiclyAccessible=True),
        "nacl": lambda inventory: changed_to(inventory, acl, ingress=[everybody], egress=[everybody]),
    }
    whole = plain
    for cut in holes.values():
        whole = cut(whole)
    assert answer(whole, "internet", "postgres", 5432) is YES
    assert prove(whole, "internet", "postgres", 5432).kind == "direct"
    assert "data-reached" in codes(whole)
    for mended in holes:
        rest = plain
        for name, cut in holes.items():
            rest = rest if name == mended else cut(rest)
        assert answer(rest, "internet", "postgres", 5432) is NO, mended
        assert "data-reached" not in codes(rest)


def test_a_load_balancer_in_front_of_a_database_is_a_path(plain: Inventory) -> None:
    group = ident(plain, "TargetGroup")
    attached = made(
        "aws:lb/targetGroupAttachment:TargetGroupAttachment", "hole", {"targetGroupArn": group, "targetId": "10.0.4.9", "port": 5432}
    )
    peers = {
        "out": rule(plain, "load-balancer", inward=False, fromPort=5432, toPort=5432, referencedSecurityGroupId=ident(plain, "SecurityGroup", "groups-postgres")),
        "in": rule(plain, "postgres", fromPort=5432, toPort=5432, referencedSecurityGroupId=ident(plain, "SecurityGroup", "groups-load-balancer")),
    }  # fmt: skip
    hole = plus(plain, attached, *peers.values())
    proof = prove(hole, "internet", "postgres")
    assert (proof.answer, proof.kind, proof.path_port) == (YES, "application", 5432)
    assert codes(hole) == ["data-reached"]
    assert answer(plus(plain, attached, peers["in"]), "internet", "postgres") is NO
    assert answer(plus(plain, attached, peers["out"]), "internet", "postgres") is NO
    assert answer(plus(plain, *peers.values()), "internet", "postgres") is NO


def test_a_network_load_balancer_passes_its_clients_address_on(plain: Inventory) -> None:
    subnets = [ident(plain, "Subnet", f"public-{zone}") for zone in "ab"]
    network = [
        made("aws:lb/loadBalancer:LoadBalancer", "nlb", {"loadBalancerType": "network", "internal": False, "subnets": subnets}, {"id": "nlb"}),
        made("aws:lb/targetGroup:TargetGroup", "raw", {"protocol": "TCP", "port": 5432, "targetType": "ip", "preserveClientIp": "true"}, {"id": "raw"}),
        made("aws:lb/listener:Listener", "raw", {"loadBalancerArn": "nlb", "port": 5432, "defaultActions": [{"type": "forward", "targetGroupArn": "raw"}]}),
        made("aws:lb/targetGroupAttachment:TargetGroupAttachment", "raw", {"targetGroupArn": "raw", "targetId": "10.0.4.9", "port": 5432}),
    ]  # fmt: skip
    exposed = plus(plain, *network)
    assert answer(exposed, "internet", "postgres") is NO
    assert answer(opened(exposed, "postgres", 5432), "internet", "postgres") is YES


def test_a_zone_that_goes_round_the_firewall_is_found(plain: Inventory) -> None:
    route = find(plain, "Route", "app-b")
    bypass = changed_to(plain, route, vpcEndpointId=None, networkInterfaceId=None, natGatewayId=ident(plain, "NatGateway", "nat-b"))
    assert "firewall-bypassed" in codes(bypass)
    # The answer still comes back through the firewall, which has not seen the request.
    assert "firewall-asymmetric" in codes(bypass)
    proof = prove(bypass, "backend", "internet", 443)
    assert dict(proof.zones) == {"us-east-1a": YES, "us-east-1b": NO}
    assert "do not cross the same firewall endpoint: no firewall there, firewall in us-east-1b back" in ends(proof)


def test_a_missing_way_back_through_the_firewall_is_found(plain: Inventory) -> None:
    broken = without(plain, find(plain, "Route", "return-a"))
    assert codes(broken) == ["firewall-asymmetric"]
    assert dict(prove(broken, "backend", "internet", 443).zones) == {"us-east-1a": NO, "us-east-1b": YES}


def test_the_endpoint_of_another_zone_is_found(plain: Inventory) -> None:
    crossed = changed_to(plain, find(plain, "Route", "app-b"), vpcEndpointId="vpce-a")
    assert {"firewall-zone", "firewall-asymmetric"} <= set(codes(crossed))
    back = changed_to(plain, find(plain, "Route", "return-b"), vpcEndpointId="vpce-a")
    assert {"firewall-zone", "firewall-asymmetric"} <= set(codes(back))


def test_a_load_balancer_in_one_zone_is_found(plain: Inventory) -> None:
    balancer = find(plain, "LoadBalancer")
    assert codes(changed_to(plain, balancer, subnets=balancer.inputs["subnets"][:1])) == ["balancer-zones"]
    twice = [balancer.inputs["subnets"][0], ident(plain, "Subnet", "app-a")]
    assert codes(changed_to(plain, balancer, subnets=twice)) == ["balancer-zones"]


def test_inline_and_standalone_rules_together_are_found(plain: Inventory) -> None:
    inline = {"protocol": "tcp", "fromPort": 9000, "toPort": 9000, "cidrBlocks": ["10.0.0.0/16"]}
    assert codes(changed_to(plain, find(plain, "SecurityGroup", "groups-backend"), ingress=[inline])) == ["mixed-rules"]
    table = find(plain, "RouteTable", "app-a")
    local = {"cidrBlock": "10.9.0.0/16", "gatewayId": "local"}
    assert codes(changed_to(plain, table, routes=[local])) == ["mixed-rules"]
    numbered = {"networkAclId": ident(plain, "NetworkAcl", "app"), "ruleNumber": 5, "ruleAction": "deny", "protocol": "6", "fromPort": 1, "toPort": 1, "cidrBlock": "0.0.0.0/0"}  # fmt: skip
    assert codes(plus(plain, made("aws:ec2/networkAclRule:NetworkAclRule", "five", numbered))) == ["mixed-rules"]


def test_a_certificate_of_the_wrong_region_is_found(plain: Inventory) -> None:
    assert codes(changed_to(plain, find(plain, "Certificate"), region="eu-west-1")) == ["certificate-region"]
    wrong = {"acmCertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x"}
    assert codes(changed_to(plain, find(plain, "Distribution"), viewerCertificate=wrong)) == ["certificate-region"]
    right = {"acmCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}
    assert codes(changed_to(plain, find(plain, "Distribution"), viewerCertificate=right)) == []


def test_the_region_of_a_certificate_may_be_its_providers(plain: Inventory) -> None:
    old = find(plain, "Certificate")
    url = "urn:pulumi:test::nautilus-infra::pulumi:providers:aws::abroad"
    provider = PlannedResource(urn=url, type="pulumi:providers:aws", name="abroad", inputs={"region": "eu-west-1"})
    other = PlannedResource(urn=old.urn, type=old.type, name=old.name, inputs={}, outputs=old.outputs, provider=f"{url}::1")
    assert codes(plus(without(plain, old), provider, other)) == ["certificate-region"]


def test_a_nacl_that_lets_the_world_into_the_data_tier_is_found(plain: Inventory) -> None:
    acl = find(plain, "NetworkAcl", "data")
    hole = {"ruleNo": 90, "action": "allow", "protocol": "6", "fromPort": 5432, "toPort": 5432, "cidrBlock": "0.0.0.0/0"}
    assert codes(changed_to(plain, acl, ingress=[hole, *acl.inputs["ingress"]])) == ["data-nacl"]
    denied = {**hole, "ruleNo": 80, "action": "deny"}
    assert codes(changed_to(plain, acl, ingress=[denied, hole, *acl.inputs["ingress"]])) == []
    assert codes(without(plain, acl)) == ["data-nacl"]


@pytest.mark.whole
def test_a_nacl_that_lets_the_world_at_the_nodes_of_timescale_is_found(local_platform: Any) -> None:
    whole = recorded(local_platform)
    acl = find(whole, "NetworkAcl", "network-app")
    hole = {"ruleNo": 1, "action": "allow", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlock": "0.0.0.0/0"}
    assert codes(changed_to(whole, acl, ingress=[hole, *acl.inputs["ingress"]])) == ["data-nacl"]


@pytest.mark.whole
def test_a_firewall_that_lets_everything_out_is_found(local_platform: Any) -> None:
    whole = recorded(local_platform)
    rules = find(whole, "RuleGroup", "egress-domains")
    everything = {**rules.inputs["ruleGroup"], "rulesSource": {"rulesString": "pass tcp any any -> any any (sid:1;)"}}
    assert codes(changed_to(whole, rules, ruleGroup=everything)) == ["firewall-open"]


def test_a_subnet_that_gives_public_addresses_is_found(plain: Inventory) -> None:
    assert codes(changed_to(plain, find(plain, "Subnet", "app-a"), mapPublicIpOnLaunch=True)) == ["address-given"]


# -- NACLs, routes and unknown values on the way ---------------------------------------------------------------------------


def nacl(inventory: Inventory, tier: str, direction: str, *entries: dict[str, Any]) -> Inventory:
    return changed_to(inventory, find(inventory, "NetworkAcl", tier), **{direction: list(entries)})


def entry(number: int, action: str, first: int, last: int, block: str = "10.0.0.0/16", protocol: str = "6") -> dict[str, Any]:
    return {"ruleNo": number, "action": action, "protocol": protocol, "fromPort": first, "toPort": last, "cidrBlock": block}


def test_nacls_are_asked_on_both_sides_and_both_ways(plain: Inventory) -> None:
    reply = entry(100, "allow", 1024, 65535)
    assert answer(nacl(plain, "data", "ingress", entry(100, "allow", 5432, 5432)), "backend", "postgres") is YES
    for tier, direction, kept, word in (
        ("app", "egress", entry(100, "allow", 443, 443), "NACL app of app-a lets none of 5432 out"),
        ("data", "ingress", entry(100, "allow", 443, 443), "NACL data of data-a lets none of 5432 in"),
        ("data", "egress", entry(100, "allow", 443, 443), "NACL data of data-a lets no answer out"),
        ("app", "ingress", entry(100, "allow", 443, 443), "NACL app of app-a lets no answer in"),
    ):
        proof = prove(nacl(plain, tier, direction, kept), "backend", "postgres", 5432)
        assert proof.answer is NO
        assert word in ends(proof)
    assert answer(nacl(plain, "app", "ingress", reply), "backend", "postgres", 5432) is YES


def test_the_first_entry_that_fits_decides(plain: Inventory) -> None:
    deny, allow = entry(10, "deny", 5432, 5432), entry(20, "allow", 1, 65535)
    assert answer(nacl(plain, "data", "ingress", allow, deny), "backend", "postgres", 5432) is NO
    assert answer(nacl(plain, "data", "ingress", {**allow, "ruleNo": 5}, deny), "backend", "postgres", 5432) is YES
    part = {**deny, "cidrBlock": "10.0.3.0/25"}
    assert answer(nacl(plain, "data", "ingress", allow, part), "backend", "postgres", 5432) is YES
    assert answer(nacl(plain, "data", "ingress", {**allow, "protocol": "17"}), "backend", "postgres", 5432) is NO


def test_within_a_subnet_no_nacl_is_asked(plain: Inventory) -> None:
    groups = [ident(plain, "SecurityGroup", f"groups-{name}") for name in ("backend", "engine")]
    talk = plus(
        plain,
        rule(plain, "backend", inward=False, fromPort=7000, toPort=7000, referencedSecurityGroupId=groups[1]),
        rule(plain, "engine", fromPort=7000, toPort=7000, referencedSecurityGroupId=groups[0]),
    )
    proof = prove(nacl(talk, "app", "ingress"), "backend", "engine", 7000)
    assert proof.answer is YES
    assert "both stand in app-a" in [hop.text for hop in proof.hops]


def test_a_more_specific_route_redirects(plain: Inventory) -> None:
    dead = ident(plain, "NetworkInterface", "dead-end")
    redirected = routed(plain, "app", "a", "10.0.0.0/17", networkInterfaceId=dead)
    proof = prove(redirected, "backend", "postgres", 5432)
    assert dict(proof.zones) == {"us-east-1a": NO, "us-east-1b": YES}
    assert "closed interface dead-end" in ends(proof)
    back = routed(routed(plain, "data", "a", "10.0.3.0/24", networkInterfaceId=dead), "data", "b", "10.0.0.0/17", networkInterfaceId=dead)
    assert prove(back, "backend", "postgres", 5432).endings[0].reason.startswith("the answer: route table data-b")


def test_an_internet_gateway_helps_nothing_without_a_public_address(plain: Inventory) -> None:
    straight = changed_to(
        plain, find(plain, "Route", "app-a"), vpcEndpointId=None, networkInterfaceId=None, gatewayId=ident(plain, "InternetGateway")
    )
    assert dict(prove(straight, "backend", "internet", 443).zones) == {"us-east-1a": NO, "us-east-1b": YES}
    service = find(straight, "Service", "backend")
    configuration = {**service.inputs["networkConfiguration"], "assignPublicIp": True}
    public = changed_to(straight, service, networkConfiguration=configuration)
    assert prove(public, "backend", "internet", 443).zones == ()
    # Its address works in both directions, but the group lets nobody in.
    assert answer(public, "internet", "backend", 9999) is NO
    assert answer(opened(public, "backend", 9999), "internet", "backend", 9999) is YES


def test_what_answers_over_the_nat_cannot_be_called_from_outside(plain: Inventory) -> None:
    service = find(plain, "Service", "backend")
    public = changed_to(plain, service, networkConfiguration={**service.inputs["networkConfiguration"], "assignPublicIp": True})
    proof = prove(opened(public, "backend", 9999), "internet", "backend", 9999)
    assert proof.answer is NO
    assert "would leave through NAT gateway nat-a" in ends(proof)


def test_a_route_to_somebody_else_cannot_be_told(plain: Inventory) -> None:
    abroad = changed_to(plain, find(plain, "Route", "app-a"), vpcEndpointId=None, networkInterfaceId=None, transitGatewayId="tgw-1")
    abroad = without(abroad, find(abroad, "Route", "app-b"))
    assert answer(abroad, "backend", "internet", 443) is PERHAPS


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"fromPort": UNKNOWN, "toPort": UNKNOWN}, PERHAPS),
        ({"ipProtocol": UNKNOWN, "fromPort": 7000, "toPort": 7000}, PERHAPS),
        ({"fromPort": 7000, "toPort": 7000, "referencedSecurityGroupId": UNKNOWN}, PERHAPS),
        ({"fromPort": 7001, "toPort": 7001, "referencedSecurityGroupId": UNKNOWN}, NO),
    ],
)
def test_an_unknown_value_that_decides_is_no_answer(plain: Inventory, values: dict[str, Any], expected: Answer) -> None:
    engine = ident(plain, "SecurityGroup", "groups-engine")
    out = rule(plain, "backend", inward=False, fromPort=7000, toPort=7000, referencedSecurityGroupId=engine)
    peer = {"referencedSecurityGroupId": ident(plain, "SecurityGroup", "groups-backend")}
    assert answer(plus(plain, out, rule(plain, "engine", **{**peer, **values})), "backend", "engine", 7000) is expected


def test_unknown_public_addresses_and_strange_lists_are_no_answer(plain: Inventory) -> None:
    balancer = find(plain, "LoadBalancer")
    bare = without(opened(plain, "load-balancer", 80, cidrIpv4="0.0.0.0/0"), find(plain, "Distribution"))
    assert answer(bare, "internet", "load-balancer", 80) is YES
    assert answer(changed_to(bare, balancer, internal=UNKNOWN), "internet", "load-balancer", 80) is PERHAPS
    assert answer(changed_to(bare, balancer, internal=True), "internet", "load-balancer", 80) is NO
    strange = opened(without(plain, find(plain, "Distribution")), "load-balancer", 80, prefixListId="pl-0123456789abcdef0")
    assert answer(strange, "internet", "load-balancer", 80) is PERHAPS


def test_foreign_subnets_are_no_answer_where_the_groups_let_pass(plain: Inventory) -> None:
    service = find(plain, "Service", "backend")
    foreign = changed_to(plain, service, networkConfiguration={**service.inputs["networkConfiguration"], "subnets": ["subnet-1"]})
    assert answer(foreign, "backend", "postgres", 5432) is PERHAPS
    assert answer(foreign, "backend", "postgres", 5433) is NO
    assert answer(foreign, "internet", "postgres") is NO


def test_ipv6_is_reported_where_it_would_lead_out(plain: Inventory) -> None:
    database = find(plain, "Subnet", "data-a")
    six = changed_to(plain, database, ipv6CidrBlock="2001:db8::/64")
    way = {
        "routeTableId": ident(plain, "RouteTable", "data-a"),
        "destinationIpv6CidrBlock": "::/0",
        "gatewayId": ident(plain, "InternetGateway"),
    }
    routed6 = plus(six, made("aws:ec2/route:Route", "six", way))
    assert answer(six, "internet", "postgres", 5432) is NO
    hole = {"fromPort": 5432, "toPort": 5432, "cidrIpv4": "0.0.0.0/0"}
    proof = prove(plus(routed6, rule(routed6, "postgres", **hole)), "internet", "postgres", 5432)
    assert proof.answer is not YES


def test_two_vpcs_do_not_meet(plain: Inventory) -> None:
    other = made("aws:ec2/vpc:Vpc", "other", {"cidrBlock": "10.0.0.0/16"}, {"id": "vpc-other"})
    apart = plus(plain, other)
    for zone in "ab":
        apart = changed_to(apart, find(apart, "Subnet", f"data-{zone}"), vpcId="vpc-other")
    proof = prove(apart, "backend", "postgres", 5432)
    assert proof.answer is NO
    assert "different VPCs" in ends(proof)


# -- questions -------------------------------------------------------------------------------------------------------------


def test_names_and_ports_are_checked(plain: Inventory) -> None:
    with pytest.raises(UnknownNameError) as refused:
        prove(plain, "internet", "postgress")
    assert set(PLATFORM) <= set(refused.value.names)
    for port in (0, 65_536):
        with pytest.raises(ValueError, match="no TCP port"):
            prove(plain, "backend", "postgres", port)
    with pytest.raises(ValueError, match="both outside"):
        prove(plain, "internet", "s3")


def test_a_name_that_a_stack_does_without_is_reached_by_nobody(plain: Inventory) -> None:
    proof = prove(plain, "internet", "timescale")
    assert (proof.answer, ends(proof)) == (NO, "there is no timescale in this plan")


def test_a_proof_is_plain_data(plain: Inventory) -> None:
    document = prove(plain, "backend", "postgres", 5432).as_document()
    assert (document["answer"], document["kind"], document["ports"]) == ("yes", "direct", [[5432, 5432]])
    assert document["path"][0] == {
        "kind": "security group",
        "text": "groups-backend lets 5432 out to postgres: rule backend-out-postgres-5432",
        "resource": "backend-out-postgres-5432",
    }


def test_the_order_of_resources_does_not_matter(plain: Inventory) -> None:
    assert prove(Inventory(reversed(list(plain))), "internet", "backend") == prove(plain, "internet", "backend")


@given(data=st.data())
def test_no_single_change_of_a_rule_opens_the_database(data: st.DataObject) -> None:
    """Whatever one stranger's rule is added to whatever group: the internet does not get in, because other layers hold."""
    plain = platform()
    group = data.draw(st.sampled_from(["load-balancer", "backend", "engine", "postgres"]))
    first = data.draw(st.integers(1, 65_535))
    hole = rule(
        plain, group, inward=data.draw(st.booleans()), cidrIpv4="0.0.0.0/0", fromPort=first, toPort=data.draw(st.integers(first, 65_535))
    )
    assert answer(plus(plain, hole), "internet", "postgres") is NO


# -- what it costs ---------------------------------------------------------------------------------------------------------


def test_twice_the_flows_are_twice_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: each rule is judged once for each peer, whatever number of subnets, zones and questions there is."""
    judged: list[int] = []
    inner = guards._admits

    def counted(*args: Any) -> Any:
        judged.append(1)
        return inner(*args)

    monkeypatch.setattr(guards, "_admits", counted)
    counts: list[int] = []
    for flows in (20, 40):
        judged.clear()
        prover = Prover(read(synthetic(flows)))
        for _ in range(2):
            assert [prover.prove(f"service-{number}", f"service-{number + 1}", 8000).answer for number in range(flows)] == [YES] * flows
        counts.append(len(judged))
    assert counts[1] == 2 * counts[0] > 0


def test_the_bench_refuses_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(sizes=(2, 4), rounds=1)
    assert set(found["seconds"]["4"]) == {"read", "matrix", "proofs"}
    assert set(found["growth_per_flow"]) == {"2→4"}
    monkeypatch.setattr(guards, "_admits", lambda *_: None)
    with pytest.raises(RuntimeError, match="is wrong"):
        measure(sizes=(2,), rounds=1)


# -- the whole platform ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(local_platform: Any) -> Inventory:
    return recorded(local_platform)


@pytest.mark.whole
@pytest.mark.parametrize("role", DATA_ROLES)
def test_the_internet_does_not_reach_the_data_of_local(whole: Inventory, role: str) -> None:
    assert whole
    assert prove(whole, "internet", role).answer is NO


@pytest.mark.whole
def test_local_has_no_finding(whole: Inventory) -> None:
    assert [str(finding) for finding in findings(whole)] == []


@pytest.mark.whole
def test_local_serves_its_clients_and_its_services_reach_their_data(whole: Inventory) -> None:
    prover = Prover(read(whole))
    for source, target, port in (
        ("internet", "backend", 8000),
        ("internet", "frontend", 8080),
        ("backend", "proxy", 5432),
        ("proxy", "postgres", 5432),
        ("engine", "postgres", 5432),
        ("rotate-cache-engine-password", "cache", 6379),
        ("backend", "timescale", 5433),
        ("backend", "cache", 6379),
        ("engine", "ib-gateway", 4004),
        ("ib-gateway", "session-files", 2049),
        ("timescale", "timescale", 2380),
        ("backend", "endpoints", 443),
        ("backend", "s3", 443),
    ):
        assert prover.prove(source, target, port).answer is YES, (source, target, port)
    for source, target in (
        ("frontend", "postgres"),
        ("backend", "postgres"),
        ("frontend", "internet"),
        ("postgres", "internet"),
        ("internet", "ib-gateway"),
    ):
        assert prover.prove(source, target).answer is NO, (source, target)


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["world", "route", "public", "nacl", "zone", "mixed", "certificate", "given"])
def test_a_hole_cut_into_local_is_found(whole: Inventory, kind: str) -> None:
    database = find(whole, "Instance", "postgres-primary")
    balancer = find(whole, "LoadBalancer", "balancer")
    group = find(whole, "SecurityGroup", "groups-postgres")
    inline = {"protocol": "tcp", "fromPort": 9000, "toPort": 9000, "cidrBlocks": ["10.0.0.0/8"]}
    table = ident(whole, "RouteTable", "network-data")
    gateway = find(whole, "InternetGateway").outputs["id"]
    acl = next(iter(read(whole).of_role("cache"))).subnets[0].nacl
    assert acl is not None
    everybody = {"ruleNo": 1, "action": "allow", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlock": "0.0.0.0/0"}
    cuts: dict[str, tuple[str, Any]] = {
        "world": ("data-port-open", lambda: opened(whole, "postgres", 5432)),
        "route": (
            "data-route",
            lambda: plus(
                whole,
                made("aws:ec2/route:Route", "hole", {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway}),
            ),
        ),
        "public": ("data-public", lambda: changed_to(whole, database, publiclyAccessible=True)),
        "nacl": ("data-nacl", lambda: changed_to(whole, whole[acl.urn], ingress=[everybody])),
        "zone": ("balancer-zones", lambda: changed_to(whole, balancer, subnets=balancer.inputs["subnets"][:1])),
        "mixed": ("mixed-rules", lambda: changed_to(whole, group, ingress=[inline])),
        "certificate": (
            "certificate-region",
            lambda: changed_to(
                whole,
                find(whole, "Distribution"),
                viewerCertificate={"acmCertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x"},
            ),
        ),
        "given": ("address-given", lambda: changed_to(whole, find(whole, "Subnet", "network-app-a"), mapPublicIpOnLaunch=True)),
    }
    code, cut = cuts[kind]
    assert code in codes(cut())


@pytest.mark.whole
@pytest.mark.parametrize("zone", ["a", "b", "c"])
def test_one_zone_of_local_that_goes_round_the_firewall_is_found(whole: Inventory, zone: str) -> None:
    network = read(whole)
    app = next(item for item in network.subnets.values() if item.name == f"network-app-{zone}")
    assert app.table is not None
    (way,) = app.table.outward
    assert way.resource is not None
    nat = next(iter(network.nat_subnets))
    none = {"vpcEndpointId": None, "networkInterfaceId": None}
    bypass = changed_to(whole, way.resource, **none, natGatewayId=whole[nat].outputs["id"])
    assert "firewall-bypassed" in codes(bypass)


def other_stacks() -> dict[str, Any]:
    """Platforms by name, made when asked for: the committed stacks, one without services, and one in a VPC of other people."""
    ids = {tier: [f"subnet-0{tier}{letter}000000000000"[:24] for letter in "abc"] for tier in ("1", "2", "3")}
    existing = ExistingVpc(
        vpc_id="vpc-0123456789abcdef0", public_subnet_ids=ids["1"], app_subnet_ids=ids["2"], data_subnet_ids=ids["3"]
    ).model_dump(mode="python")
    return {
        "staging": lambda: stack("staging"),
        "paper": lambda: stack("paper"),
        "prod": lambda: stack("prod"),
        "foundation": lambda: changed("local", platform={"phase": "foundation"}),
        "existing-vpc": lambda: changed("local", network={"existing": existing}, egress={"mode": "off"}),
    }


@pytest.mark.whole
@pytest.mark.parametrize("name", other_stacks())
def test_the_internet_does_not_reach_the_data_of_any_stack(name: str) -> None:
    inventory = recorded(synthesised(other_stacks()[name]()))
    prover = Prover(read(inventory))
    assert {role: prover.prove("internet", role).answer for role in DATA_ROLES} == dict.fromkeys(DATA_ROLES, NO)
    assert [str(finding) for finding in findings(inventory)] == []


@st.composite
def valid_settings(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Settings of `local` with another shape of network."""
    zones = draw(st.sampled_from(["ab", "abc", "abcd", "bdf"]))
    timescale = draw(st.booleans()) and len(zones) >= 3
    return {
        "network": {
            "zones": list(zones),
            "nat": draw(st.sampled_from(list(NatMode))),
            "endpoints": draw(st.sampled_from(list(EndpointProfile))),
            "cidr": draw(st.sampled_from(["10.10.0.0/16", "172.20.0.0/18", "192.168.0.0/20"])),
        },
        "timescale": {"enabled": timescale},
        "postgres": {"replicas": draw(st.integers(0, 2)), "multi_az": draw(st.booleans())},
        "cache": {"replicas": draw(st.integers(1, 2))},
        "egress": {"mode": draw(st.sampled_from(["off", "alert", "drop"]))},
    }


@pytest.mark.whole
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(valid_settings())
def test_the_internet_does_not_reach_data_under_any_settings(sections: dict[str, dict[str, Any]]) -> None:
    inventory = recorded(synthesised(changed("local", **sections)))
    prover = Prover(read(inventory))
    for role in DATA_ROLES:
        assert prover.prove("internet", role).answer is NO, role
    assert prover.prove("internet", "backend", 8000).answer is YES
    assert prover.prove("backend", "proxy", 5432).answer is YES
    assert [str(finding) for finding in findings(inventory)] == []
