"""Monthly costs, each against a sum made by hand, and the price table that they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus.inventory import Inventory, from_mocks
from nautilus.inventory.cost import (
    FREE_ENDPOINTS,
    NOTHING_FIXED,
    PAID_GROUPS,
    PRICERS,
    Estimate,
    break_even,
    estimate,
    known_types,
    priced_elsewhere,
    profiles,
    regions,
    usage,
    use_note,
    zones,
)
from nautilus.inventory.cost.machines import rds_vcpus
from nautilus.inventory.cost.scene import UnpricedError
from nautilus.inventory.prices import PriceTable, load, parse
from nautilus.inventory.values import UNKNOWN
from tests.conftest import ROOT, changed, stack, synthesised

TABLE = load()
MONTH = Decimal(730)
SERVICES = {"full": ["logs", "kms", "sts", "guardduty-data"], "essential": ["logs", "kms"], "none": []}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:test::test::{kind}::{name}"


def item(
    kind: str, name: str = "one", uses: Mapping[str, list[tuple[str, str]]] | None = None, parent: str = "", **inputs: Any
) -> dict[str, Any]:
    """A registration; `uses` names (type, name) by property."""
    return {
        "type": kind,
        "name": name,
        "inputs": inputs,
        "parent": parent,
        "propertyDependencies": {key: [urn(*one) for one in used] for key, used in (uses or {}).items()},
    }


def priced(*items: dict[str, Any], anywhere: bool = False) -> Estimate:
    return estimate(from_mocks(items), TABLE, anywhere=anywhere)


def monthly(*items: dict[str, Any]) -> Decimal:
    """The total, of resources that all have a price."""
    found = priced(*items)
    assert found.unpriced == ()
    return found.monthly


def refusal(*items: dict[str, Any]) -> str:
    """Why the only resource without a price has none."""
    (only,) = priced(*items).unpriced
    return only.why


NAT = "aws:ec2/natGateway:NatGateway"
EIP = "aws:ec2/eip:Eip"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FIREWALL = "aws:networkfirewall/firewall:Firewall"
SUBNET = "aws:ec2/subnet:Subnet"
DATABASE = "aws:rds/instance:Instance"
PROXY = "aws:rds/proxy:Proxy"
PROXY_TARGET = "aws:rds/proxyTarget:ProxyTarget"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
VOLUME = "aws:ebs/volume:Volume"
GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
TARGET = "aws:appautoscaling/target:Target"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
ACL = "aws:wafv2/webAcl:WebAcl"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
CHECK = "aws:route53/healthCheck:HealthCheck"

# --- one type after the other -------------------------------------------------------------------------------------------------


def endpoint(service: str, subnets: int, kind: str = "Interface") -> dict[str, Any]:
    ids = [f"subnet-{number}" for number in range(subnets)]
    return item(ENDPOINT, service, vpcEndpointType=kind, serviceName=f"com.amazonaws.us-east-1.{service}", subnetIds=ids)


def test_nat_gateways_and_their_addresses() -> None:
    assert monthly(item(NAT)) == Decimal("32.85")
    assert monthly(item(EIP)) == Decimal("3.65")


def test_an_endpoint_costs_by_the_zone_and_some_cost_nothing() -> None:
    assert monthly(endpoint("ecr.api", 3)) == Decimal("21.90")
    assert monthly(endpoint("ecr.api", 2)) == Decimal("14.60")
    for free in (endpoint("guardduty-data", 3), endpoint("s3", 0, "Gateway"), item(ENDPOINT, serviceName="com.amazonaws.us-east-1.s3")):
        found = priced(free)
        assert (found.monthly, found.free, found.unpriced) == (0, {ENDPOINT: 1}, ())


def test_subnets_that_only_an_up_knows_are_counted_by_what_they_come_from() -> None:
    known = {"subnetIds": [(SUBNET, "a"), (SUBNET, "b")]}
    inputs = {"vpcEndpointType": "Interface", "serviceName": "com.amazonaws.us-east-1.kms"}
    assert monthly(item(ENDPOINT, uses=known, subnetIds=UNKNOWN, **inputs)) == Decimal("14.60")
    assert monthly(item(ENDPOINT, subnetIds=[UNKNOWN, UNKNOWN], **inputs)) == Decimal("14.60")
    assert "not known before an up" in refusal(item(ENDPOINT, subnetIds=UNKNOWN, **inputs))
    assert "no subnetIds" in refusal(item(ENDPOINT, **inputs))


def test_a_firewall_costs_by_its_endpoints_and_names_what_aws_waives() -> None:
    firewall = item(FIREWALL, subnetMappings=[{"subnetId": "a"}, {"subnetId": "b"}])
    assert monthly(firewall) == 2 * MONTH * Decimal("0.395")
    assert priced(firewall).waived == 0, "there is no NAT whose hours could be waived"
    assert priced(item(NAT)).waived == 0
    both = priced(firewall, *(item(NAT, name) for name in "abc"))
    assert both.waived == 2 * MONTH * Decimal("0.045"), "one for one: the third NAT is paid"
    assert both.monthly == 2 * MONTH * Decimal("0.395") + 3 * MONTH * Decimal("0.045"), "the total is the list"


def test_load_balancers() -> None:
    assert monthly(item(BALANCER, loadBalancerType="network", internal=True)) == Decimal("16.425")
    facing = item(BALANCER, loadBalancerType="application", internal=False, subnets=["a", "b", "c"])
    assert monthly(facing) == Decimal("16.425") + 3 * Decimal("3.65")
    assert monthly(item(BALANCER, loadBalancerType="network", subnetMappings=[{}, {}])) == Decimal("16.425") + 2 * Decimal("3.65")
    assert "gateway load balancer" in refusal(item(BALANCER, loadBalancerType="gateway", internal=True))


def database(name: str = "one", **inputs: Any) -> dict[str, Any]:
    given = {"instanceClass": "db.t4g.medium", "storageType": "gp3", "allocatedStorage": 20, **inputs}
    return item(DATABASE, name, **{key: value for key, value in given.items() if value is not None})


def test_databases() -> None:
    assert monthly(database()) == Decimal("47.45") + Decimal("2.30")
    assert monthly(database(multiAz=True)) == Decimal("94.17") + Decimal("4.60")
    assert "db.x9.huge (single)" in refusal(database(instanceClass="db.x9.huge"))
    assert "storage io1" in refusal(database(storageType="io1"))


def test_throughput_of_a_database_above_what_is_free() -> None:
    large: dict[str, Any] = {"allocatedStorage": 400, "iops": 12_000}
    plain = monthly(database(**large))
    assert monthly(database(**large, storageThroughput=500)) == plain
    assert monthly(database(**large, storageThroughput=600)) - plain == 100 * Decimal("0.08")
    assert monthly(database(**large, storageThroughput=600, multiAz=True)) - monthly(database(**large, multiAz=True)) == 100 * Decimal(
        "0.16"
    )


def proxied(instance_class: str) -> list[dict[str, Any]]:
    return [
        item(PROXY, "proxy", engineFamily="POSTGRESQL"),
        item(PROXY_TARGET, "target", {"dbProxyName": [(PROXY, "proxy")], "dbInstanceIdentifier": [(DATABASE, "one")]}),
        database(instanceClass=instance_class),
    ]


@pytest.mark.parametrize(
    ("instance_class", "vcpus"),
    [("db.t4g.micro", 2), ("db.t4g.medium", 2), ("db.m6g.large", 2), ("db.m7g.xlarge", 4), ("db.m7g.2xlarge", 8)],
)
def test_a_database_proxy_costs_by_the_vcpus_behind_it(instance_class: str, vcpus: int) -> None:
    assert monthly(*proxied(instance_class)) - monthly(database(instanceClass=instance_class)) == vcpus * MONTH * Decimal("0.015")


def test_a_database_proxy_of_somebody_elses_database_has_no_price() -> None:
    assert "not of this stack" in refusal(item(PROXY, "proxy"))
    assert rds_vcpus("db.m6g.medium") == 1
    with pytest.raises(UnpricedError, match="vCPUs of db"):
        rds_vcpus("db.serverless")
    assert "allocatedStorage" in refusal(database(allocatedStorage=None))


def test_iops_of_a_database_are_paid_above_what_gp3_includes() -> None:
    small = monthly(database(allocatedStorage=100))
    assert monthly(database(allocatedStorage=100, iops=3000)) == small
    assert monthly(database(allocatedStorage=100, iops=4000)) == small + 1000 * Decimal("0.02")
    large = monthly(database(allocatedStorage=400, multiAz=True))
    assert monthly(database(allocatedStorage=400, multiAz=True, iops=12000)) == large
    assert monthly(database(allocatedStorage=400, multiAz=True, iops=14000)) == large + 80


def test_a_replica_has_the_storage_of_its_source() -> None:
    primary = database("primary", allocatedStorage=100)
    replica = item(DATABASE, "replica", {"replicateSourceDb": [(DATABASE, "primary")]}, instanceClass="db.t4g.medium")
    assert monthly(primary, replica) == 2 * (Decimal("47.45") + Decimal("11.50"))


def test_cache_nodes() -> None:
    group = {"nodeType": "cache.t4g.small", "engine": "valkey"}
    assert monthly(item(CACHE, numCacheClusters=3, **group)) == 3 * MONTH * Decimal("0.0256")
    assert monthly(item(CACHE, numNodeGroups=2, replicasPerNodeGroup=1, **group)) == 4 * MONTH * Decimal("0.0256")
    assert monthly(item(CACHE, **{**group, "engine": "redis"}, numCacheClusters=1)) == MONTH * Decimal("0.032")
    assert "memcached" in refusal(item(CACHE, **{**group, "engine": "memcached"}))


def test_the_secondary_of_a_global_datastore_costs_what_its_primary_does() -> None:
    store = "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup"
    home = item(CACHE, "home", engine="valkey", nodeType="cache.t4g.medium", numCacheClusters=2)
    joined = item(store, "store", {"primaryReplicationGroupId": [(CACHE, "home")]})
    abroad = item(CACHE, "abroad", {"globalReplicationGroupId": [(store, "store")]}, numCacheClusters=3)
    alone = monthly(home)
    assert monthly(home, joined, abroad) == alone / 2 * 5
    assert "primary" in refusal(item(store, "store"), abroad)


def test_volumes() -> None:
    assert monthly(item(VOLUME, type="gp3", size=500)) == 40
    assert monthly(item(VOLUME, type="gp3", size=500, iops=6000, throughput=250)) == 40 + 15 + 5
    assert "io2" in refusal(item(VOLUME, type="io2", size=10))


def nodes(**inputs: Any) -> list[dict[str, Any]]:
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3", "volumeSize": 30}}
    template = item(TEMPLATE, "t", instanceType="t4g.large", blockDeviceMappings=[disk], monitoring={"enabled": True})
    return [template, item(GROUP, "g", {"launchTemplate": [(TEMPLATE, "t")]}, **inputs)]


def test_a_group_costs_its_machines_their_disks_and_their_metrics() -> None:
    one = MONTH * Decimal("0.0672") + Decimal("2.40") + 7 * Decimal("0.30")
    assert monthly(*nodes(minSize=1, maxSize=1, desiredCapacity=1)) == one
    scaling = priced(*nodes(minSize=2, maxSize=5))
    assert (scaling.monthly, scaling.at_most) == (2 * one, 5 * one)
    assert "launch template" in refusal(item(GROUP, minSize=1, maxSize=1))
    assert "t9.huge" in refusal(item("aws:ec2/instance:Instance", instanceType="t9.huge"))


def tasks(*, scaled: bool = True, arm: bool = True, **inputs: Any) -> list[dict[str, Any]]:
    chip = {"cpuArchitecture": "ARM64"} if arm else {}
    found = [
        item(TASK, "task", cpu="1024", memory="2048", runtimePlatform=chip),
        item(SERVICE, "service", {"taskDefinition": [(TASK, "task")]}, **{"desiredCount": 2, **inputs}),
    ]
    if scaled:
        found.append(item(TARGET, "scaling", {"resourceId": [(SERVICE, "service")]}, minCapacity=2, maxCapacity=10))
    return found


def test_tasks_cost_from_their_least_to_their_most() -> None:
    each = MONTH * (Decimal("0.03238") + 2 * Decimal("0.00356"))
    found = priced(*tasks())
    assert (found.monthly, found.at_most) == (2 * each, 10 * each)
    single = priced(*tasks(scaled=False, desiredCount=1))
    assert single.monthly == single.at_most == each
    assert monthly(*tasks(scaled=False, arm=False)) == 2 * MONTH * (Decimal("0.04048") + 2 * Decimal("0.004445"))
    assert priced(*tasks(desiredCount=0)).monthly == 2 * each, "the scaling keeps its least"


def test_tasks_elsewhere() -> None:
    assert priced(*tasks(launchType="EC2")).monthly == 0, "its machines are priced"
    assert "Spot" in refusal(*tasks(capacityProviderStrategies=[{"capacityProvider": "FARGATE_SPOT"}]))
    assert "task definition" in refusal(item(SERVICE, desiredCount=1))
    with_disk = tasks(scaled=False)
    with_disk[0]["inputs"]["ephemeralStorage"] = {"sizeInGib": 30}
    assert monthly(*with_disk) - monthly(*tasks(scaled=False)) == 2 * 10 * MONTH * Decimal("0.000111")


def test_keys_and_secrets() -> None:
    assert monthly(item("aws:kms/key:Key"), item("aws:kms/replicaKey:ReplicaKey")) == 2
    assert monthly(item("aws:secretsmanager/secret:Secret")) == Decimal("0.40")
    assert monthly(item("aws:secretsmanager/secret:Secret", replicas=[{"region": "us-west-2"}])) == Decimal("0.80")


def managed(name: str) -> dict[str, Any]:
    return {"name": name, "statement": {"managedRuleGroupStatement": {"vendorName": "AWS", "name": name}}}


def test_web_acls_and_the_rule_groups_with_a_fee() -> None:
    plain = [managed("AWSManagedRulesCommonRuleSet"), {"name": "rate", "statement": {"rateBasedStatement": {"limit": 100}}}]
    assert monthly(item(ACL, rules=plain)) == 5 + 2
    assert monthly(item(ACL, rules=[])) == 5
    for name, key in PAID_GROUPS.items():
        found = priced(item(ACL, rules=[*plain, managed(name)]))
        assert found.monthly == 5 + 3 + TABLE[key].usd
        assert [price.key for price in found.guesses] == [key], "its price was not looked up, and says so"
    upper = json.dumps([{"Name": "bots", "Statement": {"ManagedRuleGroupStatement": {"Name": "AWSManagedRulesBotControlRuleSet"}}}])
    assert monthly(item(ACL, ruleJson=upper)) == 5 + 1 + 10
    assert "not known" in refusal(item(ACL, ruleJson=UNKNOWN))
    assert monthly(item("aws:wafv2/ruleGroup:RuleGroup", rules=plain)) == 2


def test_names_and_checks() -> None:
    assert monthly(item("aws:route53/zone:Zone")) == Decimal("0.50")
    assert monthly(item(CHECK, type="HTTP", requestInterval=30)) == Decimal("0.50")
    assert monthly(item(CHECK, type="HTTPS_STR_MATCH", requestInterval=10, measureLatency=True)) == Decimal("4.50")
    assert monthly(item("aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList", domains=["a.", "b."])) == Decimal("0.001")
    assert monthly(item("aws:route53/resolverEndpoint:ResolverEndpoint", ipAddresses=[{}, {}])) == Decimal("182.50")
    assert monthly(item("aws:ec2clientvpn/networkAssociation:NetworkAssociation")) == 73


def test_an_advanced_dns_firewall_is_no_ordinary_one() -> None:
    group, rule, association = (
        f"aws:route53/resolverFirewall{part}:ResolverFirewall{part}" for part in ("RuleGroup", "Rule", "RuleGroupAssociation")
    )
    attached = item(association, "a", {"firewallRuleGroupId": [(group, "g")]})
    plain = [item(group, "g"), item(rule, "r", {"firewallRuleGroupId": [(group, "g")]}, action="BLOCK"), attached]
    found = priced(*plain)
    assert (found.monthly, found.by_use) == (0, {association: 1})
    plain[1]["inputs"]["dnsThreatProtection"] = "DGA"
    assert monthly(*plain) == MONTH * Decimal("0.16")


def test_alarms() -> None:
    assert monthly(item(ALARM, period=60)) == Decimal("0.10")
    assert monthly(item(ALARM, period=10)) == Decimal("0.30")
    queries = [{"id": "a", "metric": {"period": 60}}, {"id": "b", "metric": {"period": 60}}, {"id": "c", "expression": "a/b"}]
    assert monthly(item(ALARM, metricQueries=queries)) == Decimal("0.20")
    band = [{"id": "a", "metric": {"period": 60}}, {"id": "b", "expression": "ANOMALY_DETECTION_BAND(a, 2)"}]
    assert monthly(item(ALARM, metricQueries=band)) == Decimal("0.30")


def test_tables_and_parameters() -> None:
    table, parameter = "aws:dynamodb/table:Table", "aws:ssm/parameter:Parameter"
    assert priced(item(table, billingMode="PAY_PER_REQUEST")).by_use == {table: 1}
    assert monthly(item(table, readCapacity=10, writeCapacity=2)) == MONTH * (10 * Decimal("0.00013") + 2 * Decimal("0.00065"))
    assert priced(item(parameter, tier="Standard")).free == priced(item(parameter)).free == {parameter: 1}
    assert monthly(item(parameter, tier="Advanced")) == Decimal("0.05")
    assert "chosen by AWS" in refusal(item(parameter, tier="Intelligent-Tiering"))


# --- what is not priced ---------------------------------------------------------------------------------------------------


def test_a_type_that_the_table_does_not_know_is_named_and_never_zero() -> None:
    found = priced(item("aws:redshift/cluster:Cluster", "warehouse"))
    assert [(one.type, one.name) for one in found.unpriced] == [("aws:redshift/cluster:Cluster", "warehouse")]
    assert (found.lines, found.free, found.by_use) == ((), {}, {})


def test_a_price_that_is_known_in_part_stays_in_the_total() -> None:
    found = priced(database(storageType="io1"))
    assert found.monthly == Decimal("47.45")
    assert len(found.unpriced) == 1


def test_other_regions_are_not_guessed() -> None:
    here, same, other = (item(NAT, name, region=name) for name in ("us-east-1", "us-west-2", "eu-central-1"))
    found = priced(here, same, other)
    assert found.monthly == 2 * Decimal("32.85")
    assert [one.why for one in found.unpriced] == ["the table has no prices of eu-central-1"]
    assert priced(here, same, other, anywhere=True).monthly == 3 * Decimal("32.85")
    inventory = from_mocks([here, same, other, item("pulumi:providers:aws", region="us-east-1")])
    assert regions(inventory) == ("us-east-1",)
    assert priced_elsewhere(inventory, TABLE) == ("eu-central-1", "us-west-2")


def test_components_add_up() -> None:
    root, network = "nautilus:infra:platform", "nautilus:infra:network"
    items = [
        {**item(root, "platform"), "custom": False},
        {**item(network, "network", parent=urn(root, "platform")), "custom": False},
        item(NAT, "a", parent=urn(network, "network")),
        item(EIP, "a", parent=urn(network, "network")),
        item("aws:kms/key:Key", "key", parent=urn(root, "platform")),
    ]
    found = priced(*items)
    assert found.by(lambda line: line.component) == {
        "network": (Decimal("36.50"), Decimal("36.50")),
        "platform": (Decimal(1), Decimal(1)),
    }


kinds = st.sampled_from(sorted(known_types(TABLE)))


@given(st.lists(kinds, max_size=30))
def test_every_resource_ends_in_exactly_one_list(found: list[str]) -> None:
    """Without any property: what cannot be told is named."""
    made = priced(*(item(kind, f"n{number}") for number, kind in enumerate(found)))
    lines = {line.urn for line in made.lines}
    named = {urn(one.type, one.name) for one in made.unpriced}
    others = sum(made.free.values()) + sum(made.by_use.values())
    assert len(lines | named) + others == len(found)
    assert made.monthly == sum((low for low, _ in made.by(lambda line: line.type).values()), Decimal(0))
    assert Decimal(0) <= made.monthly <= made.at_most


# --- the platform ---------------------------------------------------------------------------------------------------------


def plan(settings: Any) -> Inventory:
    made = synthesised(settings)
    return from_mocks(
        {
            "type": one.type,
            "name": one.name,
            "urn": one.urn,
            "custom": one.custom,
            "parent": one.parent,
            "inputs": one.inputs,
            "dependencies": list(one.dependencies),
            "propertyDependencies": {key: list(used) for key, used in one.property_dependencies.items()},
        }
        for one in made.resources
    )


@pytest.mark.whole
@pytest.mark.parametrize("name", ["local", "prod", "paper", "staging"])
def test_everything_that_a_stack_plans_is_known(name: str) -> None:
    """A new type needs an entry: a pricer in `cost/pricers.py`, or `free` or `byUse` in `prices.yaml`; a new size needs its price."""
    found = estimate(plan(stack(name)), TABLE)
    assert found.unpriced == ()
    assert found.monthly > 0
    assert found.at_most > found.monthly, "services scale out"


def test_every_type_that_the_program_can_make_is_known() -> None:
    """In any stack, the account's too, and under any settings: read from the components' text."""
    known = {f"{token.split(':')[1].partition('/')[0]}.{token.split(':')[2]}" for token in known_types(TABLE)}
    made = {
        f"{module.removesuffix('_')}.{name}"
        for path in (ROOT / "infra").rglob("*.py")
        for module, name in re.findall(r"\baws\.([a-z0-9_]+)\.([A-Z][A-Za-z0-9]+)\(", path.read_text())
        if not name.endswith("Args")
    }
    assert len(made) > 80
    assert sorted(made - known) == []


@pytest.mark.whole
def test_a_single_nat_is_cheaper_by_two_nats_and_their_addresses() -> None:
    several = estimate(plan(stack("local")), TABLE)
    single = estimate(plan(changed("local", network={"nat": "single"})), TABLE)

    def of(found: Estimate, key: str) -> Decimal:
        return sum((line.monthly for line in found.lines if line.price.key == key), Decimal(0))

    assert of(several, "nat.hour") - of(single, "nat.hour") == 2 * MONTH * Decimal("0.045")
    assert of(several, "ipv4.hour") - of(single, "ipv4.hour") == 2 * MONTH * Decimal("0.005")


@pytest.mark.whole
@pytest.mark.parametrize("profile", ["full", "essential", "none"])
def test_the_compared_profile_is_the_planned_one(profile: str) -> None:
    from infra.plan.endpoint_policies import INTERFACES

    services = {kind.value: list(found) for kind, found in INTERFACES.items()}
    inventory = plan(changed("local", network={"endpoints": profile}))
    (current,) = [row for row in profiles(inventory, TABLE, services) if row.current]
    assert current.endpoints == profile
    keys = {"nat.hour", "endpoint.hour", "firewall.hour"}
    lines = [line for line in estimate(inventory, TABLE).lines if line.price.key in keys or line.type == EIP]
    assert current.fixed == sum((line.monthly for line in lines), Decimal(0))


# --- volumes and profiles -----------------------------------------------------------------------------------------------------


def test_volumes_pass_what_the_plan_has() -> None:
    def costs(*items: dict[str, Any], traffic: int = 0, logs: int = 0) -> dict[str, Decimal]:
        found = usage(from_mocks(items), TABLE, traffic_gb=Decimal(traffic), log_gb=Decimal(logs))
        return {one.what: one.monthly for one in found}

    firewall = item(FIREWALL, subnetMappings=[{}])
    assert costs(item(NAT)) == {}
    assert costs(item(NAT), traffic=100) == {"through the NAT": Decimal("4.50")}
    assert costs(traffic=300) == {"out to the internet": 18}
    both = costs(item(NAT), firewall, traffic=100)
    assert both["through the egress firewall"] == Decimal("6.50")
    assert sum(both.values()) == Decimal("6.50"), "behind a firewall the NAT's share is waived"
    assert costs(logs=20) == {"into log groups": 10}


def network(*, nats: int = 3, services: tuple[str, ...] = ("logs", "kms"), firewall: bool = False, letters: str = "abc") -> Inventory:
    found = [item(SUBNET, letter, availabilityZone=f"us-east-1{letter}") for letter in letters]
    found += [item(NAT, str(number)) for number in range(nats)]
    found += [endpoint(service, len(letters)) for service in services]
    found += [item(FIREWALL, subnetMappings=[{}] * len(letters))] if firewall else []
    return from_mocks(found)


def test_profiles_by_hand() -> None:
    rows = {(row.endpoints, row.nat, row.firewall): row for row in profiles(network(), TABLE, SERVICES)}
    assert len(rows) == 3 * 2 * 2
    nat, three_firewalls = Decimal("36.50"), 3 * MONTH * Decimal("0.395")
    assert rows["none", "single", False].fixed == nat
    assert rows["none", "per-zone", False].fixed == 3 * nat
    assert rows["essential", "per-zone", False].fixed == 3 * nat + 2 * Decimal("21.90")
    assert rows["full", "per-zone", False].fixed == 3 * nat + 3 * Decimal("21.90"), "guardduty-data costs nothing"
    guarded = rows["none", "per-zone", True]
    assert guarded.fixed == 3 * nat + three_firewalls
    assert guarded.billed == guarded.fixed - 3 * Decimal("32.85")
    assert rows["none", "single", True].billed == nat + three_firewalls - Decimal("32.85")
    assert (rows["full", "single", False].aws_low, rows["full", "single", False].aws_high) == (1, 1)
    assert (rows["essential", "single", False].aws_low, rows["essential", "single", False].aws_high) == (1, Decimal("4.50"))
    assert (rows["none", "single", True].aws_low, rows["none", "single", True].internet) == (Decimal("6.50"), Decimal("6.50"))


@pytest.mark.parametrize(
    ("inventory", "current"),
    [
        (network(), ("essential", "per-zone", False)),
        (network(services=("logs", "sts"), nats=1), ("full", "single", False)),
        (network(services=(), firewall=True), ("none", "per-zone", True)),
        (network(services=("logs",)), ("essential", "per-zone", False)),
    ],
    ids=["essential", "full", "none", "one left out"],
)
def test_the_plans_own_profile_is_marked(inventory: Inventory, current: tuple[str, str, bool]) -> None:
    marked = [(row.endpoints, row.nat, row.firewall) for row in profiles(inventory, TABLE, SERVICES) if row.current]
    assert marked == [current]


def test_zones_come_from_the_plan() -> None:
    assert zones(network(letters="ab")) == 2
    assert zones(from_mocks([endpoint("logs", 4)])) == 4
    assert zones(from_mocks([item(SERVICE, networkConfiguration={"subnets": ["a", "b"]})])) == 2
    with pytest.raises(ValueError, match="zones"):
        zones(from_mocks([item(NAT)]))


def test_break_even_by_hand() -> None:
    """The often-quoted 160 GB leaves out the endpoint's own price of a GB: 7.30 / 0.045 = 162."""
    rows = {row.endpoints: row for row in break_even(TABLE, SERVICES, 3)}
    one = rows["one endpoint"]
    assert (one.zones, one.fixed) == (1, Decimal("7.30"))
    assert round(one.gb_without_firewall, 1) == Decimal("208.6")
    assert round(one.gb_with_firewall, 1) == Decimal("132.7")
    assert round(rows["essential"].gb_without_firewall, 1) == Decimal("1251.4"), "two services in three zones"
    assert rows["full"].fixed == 9 * one.fixed
    assert "none" not in rows


# --- the table ---------------------------------------------------------------------------------------------------------------


def test_the_table_and_the_pricers_agree() -> None:
    assert not set(PRICERS) & set(TABLE.free)
    assert set(PRICERS) & set(TABLE.by_use) == {"aws:cloudfront/distribution:Distribution"}
    assert set(NOTHING_FIXED) <= set(PRICERS)
    assert set(PAID_GROUPS.values()) <= set(TABLE.prices)
    assert use_note("aws:sqs/queue:Queue", TABLE) == "by message"


def test_free_endpoints_are_endpoints_of_ours() -> None:
    from infra.plan.endpoint_policies import FULL

    assert set(FREE_ENDPOINTS) <= set(FULL)


@pytest.mark.parametrize("module", ["aws"])
def test_every_type_of_the_table_exists(module: str) -> None:
    """A misspelt token would never match, and its resources would be reported as not priced."""
    import importlib

    for token in sorted(known_types(TABLE)):
        package, path, name = token.split(":")
        if package == module:
            found = importlib.import_module(f"pulumi_aws.{path.partition('/')[0].replace('lambda', 'lambda_')}")
            assert hasattr(found, name), token


def test_prices_are_dated_sourced_and_sane() -> None:
    assert TABLE.dated.year >= 2026
    assert TABLE.hours == 730
    for price in TABLE.prices.values():
        assert price.usd > 0, price.key
        assert (price.source == "memory") == (not price.verified), price.key
        assert price.what, price.key
    for key, price in TABLE.prices.items():
        if key.startswith("rds.") and key.endswith(".single") and not key.startswith("rds.gp3"):
            multi = TABLE[key.replace(".single", ".multi")]
            assert Decimal("1.9") < multi.usd / price.usd < Decimal("2.1"), key
        if key.startswith("cache.") and key.endswith(".valkey"):
            assert TABLE[key.replace(".valkey", ".redis")].usd > price.usd, key


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('nat.hour: {usd: "0.045"', 'nat.hour: {usd: "-1"', "negative prices: nat.hour"),
        ('nat.hour: {usd: "0.045"', 'nat.hour: {usd: "cheap"', "broken"),
        ("source: bills}", "source: hearsay}", "no source"),
        ('what: "NAT gateway, data processed"', "what: NAT gateway, data processed", "fields that no price has: data processed"),
        ("    - aws:ec2/vpc:Vpc\n", "    - aws:ec2/vpc:Vpc\n    - aws:ec2/vpc:Vpc\n", "free twice"),
        ("    - aws:ec2/vpc:Vpc\n", "    - aws:sqs/queue:Queue\n", "free and billed by use"),
        ("region: us-east-1", "region: eu-west-1", "not among its regions"),
        ('date: "2026-11-21"', 'date: "soon"', "soon"),
        ("prices:\n", "prizes:\n", "broken"),
    ],
)
def test_a_broken_table_is_refused(old: str, new: str, message: str) -> None:
    from importlib.resources import files

    text = files("nautilus.inventory").joinpath("prices.yaml").read_text("utf-8")
    assert isinstance(parse(text), PriceTable)
    with pytest.raises(ValueError, match=message):
        parse(edited(text, old, new))
