"""Networks for tests, out of few words: the same plan with ids as a state has them, or without as a preview has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nautilus.inventory import UNKNOWN, Inventory, PlannedResource, from_mocks

PREFIX = "urn:pulumi:test::nautilus-infra::"
REGION = "us-east-1"


@dataclass(frozen=True)
class Ref:
    """A value of another resource: its id, or the property `key` of its outputs."""

    urn: str
    value: str
    also: tuple[str, ...] = ()
    """URNs of further resources that the value is computed from."""


def recorded(recording: Any) -> Inventory:
    """The inventory of a whole platform on mocks."""
    return from_mocks(
        {
            "urn": item.urn,
            "type": item.type,
            "name": item.name,
            "custom": item.custom,
            "parent": item.parent,
            "provider": item.provider,
            "inputs": item.inputs,
            "outputs": {**item.outputs, "id": item.id},
            "dependencies": list(item.dependencies),
            "propertyDependencies": {key: list(urns) for key, urns in item.property_dependencies.items()},
        }
        for item in recording
    )


def find(inventory: Inventory, kind: str, name: str = "") -> PlannedResource:
    """The only resource whose type ends in `kind`, of this name."""
    found = [item for item in inventory.real if item.type.endswith(f":{kind}") and name in ("", item.name)]
    assert len(found) == 1, [item.name for item in inventory.real if item.type.endswith(f":{kind}")]
    return found[0]


def changed_to(inventory: Inventory, resource: PlannedResource, **inputs: Any) -> Inventory:
    """The inventory with other inputs of one resource; None takes an input away. Known values hide what they were computed from."""
    merged = {key: value for key, value in {**resource.inputs, **inputs}.items() if value is not None}
    sources = {key: urns for key, urns in resource.property_dependencies.items() if key not in inputs}
    changed = replace(resource, inputs=merged, outputs={**resource.outputs, **inputs}, property_dependencies=sources)
    return Inventory([*(item for item in inventory if item.urn != resource.urn), changed])


def without(inventory: Inventory, *resources: PlannedResource) -> Inventory:
    """The inventory without some resources."""
    gone = {item.urn for item in resources}
    return Inventory(item for item in inventory if item.urn not in gone)


def plus(inventory: Inventory, *resources: PlannedResource) -> Inventory:
    """The inventory with more resources."""
    return Inventory([*inventory, *resources])


def made(kind: str, name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> PlannedResource:
    """One more resource, with known values."""
    return PlannedResource(urn=f"{PREFIX}{kind}::{name}", type=kind, name=name, inputs=inputs, outputs=outputs or {})


def ident(inventory: Inventory, kind: str, name: str = "") -> str:
    """The id of a resource."""
    return str(find(inventory, kind, name).outputs["id"])


@dataclass
class Sketch:
    """Collects resources. `unknown` hides every id, as a first preview does, and leaves what each property is computed from."""

    unknown: bool = False
    resources: list[PlannedResource] = field(default_factory=list[PlannedResource])

    def add(self, kind: str, name: str, /, *, outputs: Mapping[str, Any] | None = None, **inputs: Any) -> Ref:
        """A resource of the type `aws:<kind>`, such as `ec2/vpc:Vpc`; values may be `Ref`s."""
        urn = f"{PREFIX}aws:{kind}::{name}"
        sources = {key: tuple(sorted({urn for ref in _refs(value) for urn in (ref.urn, *ref.also)})) for key, value in inputs.items()}
        plain = {key: self._plain(value) for key, value in inputs.items()}
        known = {} if self.unknown else {"id": f"{kind.rpartition(':')[2].lower()}-{name}", **self._plain(dict(outputs or {}))}
        resource = PlannedResource(
            urn=urn,
            type=f"aws:{kind}",
            name=name,
            inputs=plain,
            outputs=known,
            property_dependencies={key: urns for key, urns in sources.items() if urns},
        )
        self.resources.append(resource)
        return Ref(urn, f"{kind.rpartition(':')[2].lower()}-{name}")

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return UNKNOWN if self.unknown else value.value
        if isinstance(value, dict):
            return {key: self._plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        return value

    def inventory(self) -> Inventory:
        """What was collected."""
        return Inventory(self.resources)


def _refs(value: Any) -> Iterable[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item)


def platform(
    *, unknown: bool = False, zones: str = "ab", firewall: bool = True, single_nat: bool = False, endpoints: bool = True
) -> Inventory:
    """A small platform with every kind of thing: edge, load balancer, two services, a database, and a way out over a firewall.

    With `endpoints` AWS has said the firewall's endpoints; else every route to it leads to the closed interface, as before the first `up`.
    """
    s = Sketch(unknown)
    vpc = s.add("ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    gateway = s.add("ec2/internetGateway:InternetGateway", "igw", vpcId=vpc)
    s.add("ec2/defaultRouteTable:DefaultRouteTable", "default", defaultRouteTableId=vpc, routes=[])
    subnets: dict[tuple[str, str], Ref] = {}
    tables: dict[tuple[str, str], Ref] = {}
    blocks: dict[tuple[str, str], str] = {}
    for number, zone in enumerate(zones):
        for place, tier in enumerate(("public", "nat", "firewall", "app", "data")):
            blocks[tier, zone] = f"10.0.{number * 8 + place}.0/24"
            subnets[tier, zone] = s.add(
                "ec2/subnet:Subnet",
                f"{tier}-{zone}",
                vpcId=vpc,
                cidrBlock=blocks[tier, zone],
                availabilityZone=f"{REGION}{zone}",
                mapPublicIpOnLaunch=False,
                tags={"Tier": tier},
            )
            tables[tier, zone] = s.add("ec2/routeTable:RouteTable", f"{tier}-{zone}", vpcId=vpc)
            s.add(
                "ec2/routeTableAssociation:RouteTableAssociation",
                f"{tier}-{zone}",
                routeTableId=tables[tier, zone],
                subnetId=subnets[tier, zone],
            )
    for tier in ("public", "nat", "firewall", "app", "data"):
        outside = "0.0.0.0/0" if tier != "data" else "10.0.0.0/16"
        rule = {"ruleNo": 100, "action": "allow", "protocol": "6", "fromPort": 1, "toPort": 65535, "cidrBlock": outside}
        s.add(
            "ec2/networkAcl:NetworkAcl",
            tier,
            vpcId=vpc,
            subnetIds=[subnets[tier, zone] for zone in zones],
            ingress=[rule],
            egress=[rule],
        )
    for zone in zones:
        for tier in ("public", "nat"):
            s.add("ec2/route:Route", f"{tier}-{zone}", routeTableId=tables[tier, zone], destinationCidrBlock="0.0.0.0/0", gatewayId=gateway)
    nats = {
        zone: s.add("ec2/natGateway:NatGateway", f"nat-{zone}", subnetId=subnets["nat", zone], connectivityType="public")
        for zone in (zones[:1] if single_nat else zones)
    }
    nat_of = {zone: zones[0] if single_nat else zone for zone in zones}
    if not firewall:
        for zone in zones:
            _route(s, f"app-{zone}", tables["app", zone], "0.0.0.0/0", natGatewayId=nats[nat_of[zone]])
    else:
        _firewall(s, zones, subnets, tables, blocks, nats, nat_of, endpoints)
    s.add("ec2/vpcEndpoint:VpcEndpoint", "s3", vpcEndpointType="Gateway", serviceName=f"com.amazonaws.{REGION}.s3", vpcId=vpc,
          routeTableIds=[tables["app", zone] for zone in zones], outputs={"prefixListId": "pl-63a5400a"})  # fmt: skip
    _things(s, vpc, zones, subnets)
    return s.inventory()


def _route(s: Sketch, name: str, table: Ref, block: str, **goal: Any) -> None:
    s.add("ec2/route:Route", name, routeTableId=table, destinationCidrBlock=block, **goal)


def _firewall(
    s: Sketch,
    zones: str,
    subnets: Mapping[tuple[str, str], Ref],
    tables: Mapping[tuple[str, str], Ref],
    blocks: Mapping[tuple[str, str], str],
    nats: Mapping[str, Ref],
    nat_of: Mapping[str, str],
    endpoints: bool,
) -> None:
    rules = s.add(
        "networkfirewall/ruleGroup:RuleGroup",
        "allowed",
        name="allowed",
        type="STATEFUL",
        ruleGroup={
            "rulesSource": {
                "rulesString": 'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"list"; tls.sni; content:"api.example.com"; startswith; endswith; sid:1;)'
            }
        },
    )
    policy = s.add(
        "networkfirewall/firewallPolicy:FirewallPolicy",
        "policy",
        firewallPolicy={
            "statelessDefaultActions": ["aws:forward_to_sfe"],
            "statelessFragmentDefaultActions": ["aws:forward_to_sfe"],
            "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"},
            "statefulDefaultActions": ["aws:drop_strict"],
            "statefulRuleGroupReferences": [
                {"priority": 1, "resourceArn": "arn:aws:network-firewall:us-east-1:1:stateful-rulegroup/allowed"}
            ],
        },
    )
    assert rules.urn
    states = [
        {
            "availabilityZone": f"{REGION}{zone}",
            "attachments": [{"endpointId": f"vpce-{zone}", "subnetId": subnets["firewall", zone].value}],
        }
        for zone in zones
    ]
    firewall = s.add(
        "networkfirewall/firewall:Firewall",
        "firewall",
        firewallPolicyArn=policy,
        subnetMappings=[{"subnetId": subnets["firewall", zone]} for zone in zones],
        outputs={"firewallStatuses": [{"syncStates": states if endpoints else []}]},
    )
    closed = s.add("ec2/networkInterface:NetworkInterface", "dead-end", subnetId=subnets["firewall", zones[0]])

    def goal(zone: str) -> dict[str, Any]:
        if s.unknown:
            return {"vpcEndpointId": firewall, "networkInterfaceId": Ref(closed.urn, "", (firewall.urn,))}
        return {"vpcEndpointId": Ref(firewall.urn, f"vpce-{zone}")} if endpoints else {"networkInterfaceId": closed}

    for zone in zones:
        _route(s, f"app-{zone}", tables["app", zone], "0.0.0.0/0", **goal(zone))
        _route(s, f"firewall-{zone}", tables["firewall", zone], "0.0.0.0/0", natGatewayId=nats[nat_of[zone]])
        _route(s, f"return-{zone}", tables["nat", nat_of[zone]], blocks["app", zone], **goal(zone))


def _things(s: Sketch, vpc: Ref, zones: str, subnets: Mapping[tuple[str, str], Ref]) -> None:
    roles = ("load-balancer", "backend", "engine", "postgres")
    groups = {role: s.add("ec2/securityGroup:SecurityGroup", f"groups-{role}", vpcId=vpc) for role in roles}

    def allow(source: str, target: str, port: int) -> None:
        common = {"ipProtocol": "tcp", "fromPort": port, "toPort": port}
        if source in groups:
            peer = {"referencedSecurityGroupId": groups[target]} if target in groups else {"cidrIpv4": "0.0.0.0/0"}
            s.add(
                "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
                f"{source}-out-{target}-{port}",
                securityGroupId=groups[source],
                **common,
                **peer,
            )
        if target in groups:
            peer = {"referencedSecurityGroupId": groups[source]} if source in groups else {"prefixListId": "pl-3b927c52"}
            s.add(
                "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
                f"{target}-in-{source}-{port}",
                securityGroupId=groups[target],
                **common,
                **peer,
            )

    for source, target, port in (
        ("cloudfront", "load-balancer", 443),
        ("load-balancer", "backend", 8000),
        ("backend", "postgres", 5432),
        ("backend", "internet", 443),
        ("engine", "postgres", 5432),
        ("engine", "internet", 4000),
    ):
        allow(source, target, port)
    app = [subnets["app", zone] for zone in zones]
    targets = s.add("lb/targetGroup:TargetGroup", "backend-blue", port=8000, protocol="HTTP", targetType="ip", vpcId=vpc)
    for role in ("backend", "engine"):
        more = {"loadBalancers": [{"targetGroupArn": targets, "containerPort": 8000}]} if role == "backend" else {}
        s.add(
            "ecs/service:Service",
            role,
            networkConfiguration={"subnets": app, "securityGroups": [groups[role]], "assignPublicIp": False},
            **more,
        )
    store = s.add("rds/subnetGroup:SubnetGroup", "postgres", name="postgres", subnetIds=[subnets["data", zone] for zone in zones])
    s.add(
        "rds/instance:Instance",
        "postgres-primary",
        engine="postgres",
        port=5432,
        dbSubnetGroupName=store,
        vpcSecurityGroupIds=[groups["postgres"]],
        publiclyAccessible=False,
    )
    balancer = s.add(
        "lb/loadBalancer:LoadBalancer",
        "balancer",
        internal=False,
        loadBalancerType="application",
        subnets=[subnets["public", zone] for zone in zones],
        securityGroups=[groups["load-balancer"]],
    )
    s.add(
        "lb/listener:Listener",
        "https",
        loadBalancerArn=balancer,
        port=443,
        protocol="HTTPS",
        defaultActions=[{"type": "forward", "targetGroupArn": targets}],
    )
    s.add("route53/record:Record", "origin", name="origin.example.com", type="A", aliases=[{"name": balancer, "zoneId": "Z"}])
    certificate = s.add("acm/certificate:Certificate", "cdn", region=REGION, domainName="example.com")
    s.add(
        "cloudfront/distribution:Distribution",
        "cdn",
        enabled=True,
        origins=[{"originId": "lb", "domainName": "origin.example.com", "customOriginConfig": {"httpPort": 80, "httpsPort": 443, "originProtocolPolicy": "https-only"}}],
        viewerCertificate={"acmCertificateArn": certificate},
    )  # fmt: skip
