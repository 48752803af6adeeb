"""The pack against the real platform: content with it, as recorded and as a first preview shows it, and never with a mutant of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from policies.catalogue import RULES
from policies.rule import Kind
from policies.rules.functions import SUPPORTED_UNTIL
from policies.security_groups import WORLD, reach
from policies.subnets import data_subnets, internet_routes, tables_of, workload_subnets
from policies.testing import UNKNOWN, Recorded, evaluate, recorded_stack, simulated

pytestmark = pytest.mark.whole

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


@pytest.fixture(scope="session")
def platform(local_platform: Any) -> list[Recorded]:
    return simulated(local_platform.resources)


@pytest.fixture(scope="module")
def views(platform: list[Recorded]) -> dict[bool, list[Recorded]]:
    """The platform as recorded, and as a first preview shows it (True)."""
    return {False: platform, True: first_preview(platform)}


BY_ID = {rule.id: rule for rule in RULES}
_SHORTEST_COMPUTED = 6
"""Characters below which what AWS computed is not looked for in other inputs: a port or a zone's letter stands in many."""


def words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from words(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from words(item)
    elif isinstance(value, str):
        yield value


def computed(resource: Recorded) -> set[str]:
    """The words that AWS answered with and nobody had asked for: ids, ARNs, addresses, generated secrets."""
    asked = set(words(resource.props))
    return {word for word in words(resource.outputs) if word not in asked and len(word) >= _SHORTEST_COMPUTED}


def blanked(value: Any, answers: Callable[[str], bool]) -> Any:
    if isinstance(value, dict):
        return {key: blanked(item, answers) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [blanked(item, answers) for item in value]
    return UNKNOWN if isinstance(value, str) and answers(value) else value


def first_preview(resources: list[Recorded]) -> list[Recorded]:
    """What a preview of an empty stack shows: no outputs, and nothing in which stands what another resource has yet to answer."""
    answered = set[str]().union(*(computed(item) for item in resources))
    known: dict[str, bool] = {}

    def answers(text: str) -> bool:
        if text not in known:
            known[text] = text in answered or any(word in text for word in answered)
        return known[text]

    shown: list[Recorded] = []
    for item in resources:
        props = {prop: blanked(value, answers) if item.dependencies.get(prop) else value for prop, value in item.props.items()}
        shown.append(replace(item, outputs={}, props=props))
    return shown


def test_the_platform_keeps_every_rule(platform: list[Recorded]) -> None:
    assert evaluate(platform) == []


def test_its_first_preview_passes_and_announces_composed_documents(platform: list[Recorded]) -> None:
    findings = evaluate(first_preview(platform), preview=True)
    assert [finding for finding in findings if finding.kind is not Kind.LATER] == []
    assert {finding.rule for finding in findings} <= {
        "IAM-01",
        "ECS-01",
        "ECS-04",
        "ECS-06",
        "ECS-15",
        "MSG-02",
        "S3-08",
        "SEC-04",
        "KMS-02",
        "KMS-04",
        "IAM-05",
        "MSG-05",
        "IAM-03",
        "SNG-04",
        "SNG-05",
        "SNG-06",
        "EFS-02",
        "ECS-11",
        "ECS-07",
        "ECS-18",
        "LAM-03",
    }


def test_it_passes_as_the_engine_shows_it_after_an_up(platform: list[Recorded]) -> None:
    """The engine's view of a stack has the outputs of its resources, ARNs among them, but not their ids."""
    shown = [replace(item, outputs={key: value for key, value in item.outputs.items() if key != "id"}) for item in platform]
    assert evaluate(shown) == []


def test_what_it_is_advised_is_known(platform: list[Recorded]) -> None:
    """Advice that nobody follows must at least be a decision: what is new here is either followed or added with its reason."""
    advised = {finding.rule for finding in evaluate(platform, advice=True)}
    assert advised <= {
        "LB-09",  # tasks have no certificates of their own: inside the VPC requests travel in clear text
        "DNS-01",  # query log and DNSSEC are settings
        "BKP-05",  # the second region's vault says nothing itself: EventBridge brings its failed jobs home
        "SCH-03",  # calls of functions: what makes up for a lost one is the owner's, an alarm on silence or the next day's call
        "NFW-07",  # in the second region's network stand databases alone, without a way out
    }


def test_every_rule_has_something_to_judge(platform: list[Recorded]) -> None:
    there = {item.type for item in platform}
    idle = {rule.id for rule in RULES if not there.intersection(rule.types)}
    assert idle <= LATE, idle - LATE


LATE = {"CFG-02", "NET-05", "NFW-02", "NFW-03", "NFW-04", "NFW-05", "ECR-04"}
"""Rules about parts that a stack may lack: access lists of one's own, policies of repositories, and with `egress.mode: off` the firewall.
CFG-02 is about what must never be there."""


def test_the_graph_sees_the_flow_table(platform: list[Recorded]) -> None:
    for resources in (platform, first_preview(platform)):
        graph = reach(recorded_stack(resources, preview=True))
        named = {graph.name(target): {graph.name(source) for source in sources} for target, sources in graph.edges.items()}
        assert named["groups-load-balancer"] == {WORLD, "groups-rollout-hook"}
        assert named["groups-backend"] == {"groups-load-balancer"}
        assert named["groups-postgres"] == {
            "groups-proxy",
            "groups-engine",
            "groups-migrations",
            "groups-reconciliation",
            "groups-rotation",
            "groups-restore-check",
        }
        assert named["groups-proxy"] == {"groups-backend"}
        assert {graph.name(group) for group in graph.edge} == {"groups-load-balancer"}
        assert {graph.name(group) for group in graph.data} == {
            "groups-postgres",
            "groups-proxy",
            "groups-cache",
            "groups-timescale",
            "groups-session-files",
        }
        assert graph.puzzles == {}


def test_data_and_public_subnets_are_told_apart(platform: list[Recorded]) -> None:
    for resources in (platform, first_preview(platform)):
        stack = recorded_stack(resources, preview=True)
        public = {subnet.urn: subnet.name for subnet in stack.of("aws:ec2/subnet:Subnet") if list(internet_routes(subnet))}
        data = set(data_subnets(stack))
        assert len(data) == 3
        assert data.isdisjoint(public)
        # A tier of NAT gateways leads to the internet as well.
        assert {f"network-public-{zone}" for zone in "abc"} <= set(public.values())
        assert {name.split("-")[1] for name in public.values()} <= {"public", "nat"}


Mutant = Callable[[list[Recorded]], list[Recorded]]
ACL = "aws:wafv2/webAcl:WebAcl"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
CDN = "aws:cloudfront/distribution:Distribution"
FIREWALL = "aws:networkfirewall/firewall:Firewall"
FIREWALL_RULES = "aws:networkfirewall/ruleGroup:RuleGroup"
LISTENER = "aws:lb/listener:Listener"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
DNS = "aws:route53/resolverFirewall"
DB = "aws:rds/instance:Instance"
DB_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
DB_PROXY = "aws:rds/proxy:Proxy"
PROVIDER = "pulumi:providers:aws"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"


SERVICE = "aws:ecs/service:Service"


def named(resources: list[Recorded], name: str, type_end: str = "") -> Recorded:
    [found] = [item for item in resources if item.name == name and item.type.endswith(type_end)]
    return found


def first(resources: list[Recorded], type_: str) -> Recorded:
    return next(item for item in resources if item.type == type_)


def with_props(type_: str, **props: Any) -> Mutant:
    """The first resource of a type with some inputs replaced by literals."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        victim = first(resources, type_)
        changed = replace(
            victim,
            props={**victim.props, **props},
            dependencies={prop: urns for prop, urns in victim.dependencies.items() if prop not in props},
        )
        return [changed if item is victim else item for item in resources]

    return mutate


def where(type_: str, change: Callable[[dict[str, Any]], None], **told: Any) -> Mutant:
    """Some inputs of the first resource of a type that has the inputs `told` are changed in place."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        victim = next(item for item in resources if item.type == type_ and all(item.props.get(key) == value for key, value in told.items()))
        props = copy.deepcopy(dict(victim.props))
        change(props)
        assert props != victim.props
        dependencies = {prop: urns for prop, urns in victim.dependencies.items() if prop in props}
        return [replace(victim, props=props, dependencies=dependencies) if item is victim else item for item in resources]

    return mutate


def setting(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Puts a value at a dotted path; a number is a position in a list."""

    def change(props: dict[str, Any]) -> None:
        *way, last = path.split(".")
        inner: Any = props
        for key in way:
            inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
        if isinstance(inner, list):
            inner[int(last)] = value
        else:
            inner[last] = value

    return change


def keeping(prop: str, wanted: Callable[[Any], bool]) -> Callable[[dict[str, Any]], None]:
    """Leaves of a list only what is wanted."""

    def change(props: dict[str, Any]) -> None:
        props[prop] = [item for item in props[prop] if wanted(item)]

    return change


def bucket_origin(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Changes the first origin that is a bucket."""

    def find(props: dict[str, Any]) -> None:
        change(next(origin for origin in props["origins"] if origin.get("customOriginConfig") is None))

    return find


def web_origin(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Changes the first origin that is a web server."""

    def find(props: dict[str, Any]) -> None:
        change(next(origin for origin in props["origins"] if origin.get("customOriginConfig") is not None))

    return find


def root_of_a_bucket(props: dict[str, Any]) -> None:
    bucket = next(origin for origin in props["origins"] if origin.get("customOriginConfig") is None)
    props["defaultCacheBehavior"]["targetOriginId"] = bucket["originId"]
    props.pop("defaultRootObject", None)


def with_one_more(type_: str, **props: Any) -> Mutant:
    """A resource that the program does not make."""
    return lambda resources: [*resources, Recorded(type_, "mutant", props)]


def scaled_engine(resources: list[Recorded]) -> list[Recorded]:
    """Autoscaling of a web service is turned on the engine."""
    target = first(resources, "aws:appautoscaling/target:Target")
    engine = named(resources, "engine-service", ":Service")
    changed = replace(target, dependencies={**target.dependencies, "resourceId": [engine.urn]})
    return [changed if item is target else item for item in resources]


def deployed_side_by_side(resources: list[Recorded]) -> list[Recorded]:
    """A service whose task holds a lease, with ECS's own defaults for a deployment."""
    containers = json.dumps([{"name": "watchdog", "environment": [{"name": "LEASE_NAME", "value": "engine"}]}])
    task = Recorded("aws:ecs/taskDefinition:TaskDefinition", "mutant-task", {"containerDefinitions": containers})
    service = Recorded(SERVICE, "mutant", {"desiredCount": 1, "taskDefinition": UNKNOWN}, dependencies={"taskDefinition": [task.name]})
    return [*resources, task, service]


def once(name: str, *containers: dict[str, Any], zone: str = "a") -> list[Recorded]:
    """A service that runs exactly once, with its task."""
    task = Recorded("aws:ecs/taskDefinition:TaskDefinition", f"{name}-task", {"containerDefinitions": json.dumps(containers)})
    bounds = {"deploymentMinimumHealthyPercent": 0, "deploymentMaximumPercent": 100, "desiredCount": 1}
    props = {**bounds, "taskDefinition": UNKNOWN, "networkConfiguration": {"subnets": [f"subnet-{zone}"]}}
    return [task, Recorded(SERVICE, name, props, dependencies={"taskDefinition": [task.name]})]


HOLDER: dict[str, Any] = {"name": "watchdog", "essential": True, "environment": [{"name": "LEASE_NAME", "value": "mutant"}]}
HELD: dict[str, Any] = {"name": "mutant", "dependsOn": [{"containerName": "watchdog", "condition": "HEALTHY"}]}


def nobody_holds(resources: list[Recorded]) -> list[Recorded]:
    """One more singleton, without its watchdog."""
    return [*resources, *once("mutant", {"name": "mutant"})]


def holder_may_die(resources: list[Recorded]) -> list[Recorded]:
    """One more singleton, which outlives its watchdog."""
    return [*resources, *once("mutant", {**HOLDER, "essential": False}, HELD)]


def nobody_waits(resources: list[Recorded]) -> list[Recorded]:
    """One more singleton, which starts before it has its lease."""
    return [*resources, *once("mutant", HOLDER, {"name": "mutant"})]


def standby_in_the_same_zone(resources: list[Recorded]) -> list[Recorded]:
    """Two takers of one lease in one subnet."""
    return [*resources, *once("mutant", HOLDER, HELD), *once("mutant-standby", HOLDER, HELD)]


def around_the_firewall(resources: list[Recorded]) -> list[Recorded]:
    """One zone's default route leads to its NAT gateway although there is a firewall."""
    walled = resources if any(item.type == FIREWALL for item in resources) else [*resources, Recorded(FIREWALL, "mutant")]
    subnet = next(iter(workload_subnets(recorded_stack(walled, preview=True)).values()))
    table = tables_of(subnet)[0]
    for item in walled:
        if item.type.endswith(":Route") and table.urn in item.dependencies.get("routeTableId", ()):
            assert item.props["destinationCidrBlock"] == "0.0.0.0/0"
            props = {
                "routeTableId": item.props["routeTableId"],
                "destinationCidrBlock": "0.0.0.0/0",
                "natGatewayId": "nat-0123456789abcdef0",
            }
            open_door = replace(item, props=props, dependencies={"routeTableId": item.dependencies["routeTableId"]})
            return [open_door if other is item else other for other in walled]
    raise AssertionError("no default route of a subnet with services")


def behind_the_regional_firewall(resources: list[Recorded]) -> list[Recorded]:
    """CloudFront names the web ACL of the load balancer."""
    regional = next(item for item in resources if item.type == ACL and item.props["scope"] == "REGIONAL")
    cdn = first(resources, CDN)
    swapped = replace(cdn, props={**cdn.props, "webAclId": UNKNOWN}, dependencies={**cdn.dependencies, "webAclId": [regional.urn]})
    return [swapped if item is cdn else item for item in resources]


def reaching(source: str, **target: Any) -> Mutant:
    """One more egress rule for the security group of a role."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        group = named(resources, f"groups-{source}", ":SecurityGroup")
        props = {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, **target}
        return [*resources, Recorded(EGRESS, "mutant", props, dependencies={"securityGroupId": [group.urn]})]

    return mutate


def logs_with_kms(resources: list[Recorded]) -> list[Recorded]:
    """The bucket of the load balancer's log is encrypted with a key of ours."""
    stack = recorded_stack(resources, preview=True)
    [balancer] = [item for item in stack.of(BALANCER) if item.get("accessLogs.enabled") is True]
    sources = balancer.sources("accessLogs")
    buckets = {one.urn for source in sources for one in (source, *source.sources("bucket")) if one.type.endswith(":Bucket")}
    [rule] = [
        item
        for item in resources
        if item.type.endswith(":BucketServerSideEncryptionConfiguration") and buckets.intersection(item.dependencies["bucket"])
    ]
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]
    return [replace(item, props={**item.props, "rules": rules}) if item is rule else item for item in resources]


def used_at_once(resources: list[Recorded]) -> list[Recorded]:
    """Nobody waits for the validation of certificates: what took them from there takes them directly."""
    proofs = {item.urn: item for item in resources if item.type.endswith(":CertificateValidation")}
    assert proofs

    def direct(urns: Sequence[str]) -> list[str]:
        return [origin for urn in urns for origin in (proofs[urn].dependencies["certificateArn"] if urn in proofs else [urn])]

    return [
        replace(item, dependencies={prop: direct(urns) for prop, urns in item.dependencies.items()})
        for item in resources
        if item.urn not in proofs
    ]


def admitting(target: str, port: int, **source: Any) -> Mutant:
    """One more ingress rule for the security group of a role."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        group = named(resources, f"groups-{target}", ":SecurityGroup")
        props = {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": port, "toPort": port, **source}
        return [*resources, Recorded(INGRESS, "mutant", props, dependencies={"securityGroupId": [group.urn]})]

    return mutate


def from_group(target: str, source: str, port: int) -> Mutant:
    """One more permission between two groups of the platform."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        *rest, rule = admitting(target, port, referencedSecurityGroupId=UNKNOWN)(resources)
        origin = named(resources, f"groups-{source}", ":SecurityGroup")
        return [*rest, replace(rule, dependencies={**rule.dependencies, "referencedSecurityGroupId": [origin.urn]})]

    return mutate


def leading_out(resources: list[Recorded]) -> list[Recorded]:
    """A route from the data subnets' table to the internet gateway."""
    data = data_subnets(recorded_stack(resources, preview=True))
    association = next(
        item
        for item in resources
        if item.type.endswith(":RouteTableAssociation") and set(item.dependencies.get("subnetId", ())).intersection(data)
    )
    gateway = first(resources, "aws:ec2/internetGateway:InternetGateway")
    route = Recorded(
        "aws:ec2/route:Route",
        "mutant",
        {"routeTableId": UNKNOWN, "gatewayId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"},
        dependencies={"routeTableId": association.dependencies["routeTableId"], "gatewayId": [gateway.urn]},
    )
    return [*resources, route]


def one_zone(resources: list[Recorded]) -> list[Recorded]:
    """Every subnet in the same zone."""
    zone = {"availabilityZone": "us-east-1a"}
    return [replace(item, props={**item.props, **zone}) if item.type.endswith(":Subnet") else item for item in resources]


def borrowed(type_: str, prop: str) -> Mutant:
    """A resource stands in subnets of somebody else, although the stack has a network of its own."""
    return with_props(type_, **{prop: ["subnet-0feed000000000001", "subnet-0feed000000000002"]})


def passing_everything(resources: list[Recorded]) -> list[Recorded]:
    """One more line in the first rule group of the firewall that has lines."""
    line = "\npass ip $HOME_NET any -> any any (sid:9999999; rev:1;)"
    victim = next(item for item in resources if item.type == FIREWALL_RULES)
    props = copy.deepcopy(dict(victim.props))
    props["ruleGroup"]["rulesSource"]["rulesString"] += line
    return [replace(item, props=props) if item is victim else item for item in resources]


def without_header(resources: list[Recorded]) -> list[Recorded]:
    """The first rule that asks for CloudFront's header asks no longer."""

    def asks(condition: dict[str, Any]) -> bool:
        return condition.get("httpHeader") is not None

    victim = next(item for item in resources if item.type == LISTENER_RULE and any(asks(one) for one in item.props["conditions"]))
    conditions = [one for one in victim.props["conditions"] if not asks(one)]
    return [replace(item, props={**item.props, "conditions": conditions}) if item is victim else item for item in resources]


def blocking_and_open(resources: list[Recorded]) -> list[Recorded]:
    """The DNS firewall blocks, and answers everything when it is out of order."""
    closed = where(f"{DNS}Rule:ResolverFirewallRule", lambda props: props.update(action="BLOCK", priority=301), priority=300)
    opened = with_props(f"{DNS}Config:ResolverFirewallConfig", firewallFailOpen="ENABLED")
    return opened(closed(resources))


def inline_beside_rules(resources: list[Recorded]) -> list[Recorded]:
    """An access list with entries of both kinds."""
    return [
        *resources,
        Recorded("aws:ec2/networkAcl:NetworkAcl", "mutant", {"ingress": [{**SSH, "action": "deny"}]}),
        Recorded("aws:ec2/networkAclRule:NetworkAclRule", "more", {"networkAclId": UNKNOWN}, dependencies={"networkAclId": ["mutant"]}),
    ]


def without(type_: str) -> Mutant:
    """The first resource of a type is forgotten."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        victim = first(resources, type_)
        return [item for item in resources if item is not victim]

    return mutate


def without_parameter(name: str) -> Callable[[dict[str, Any]], None]:
    """Takes a parameter out of a parameter group."""

    def change(props: dict[str, Any]) -> None:
        props["parameters"] = [item for item in props["parameters"] if item["name"] != name]

    return change


def with_parameter(name: str, value: str, method: str = "immediate") -> Callable[[dict[str, Any]], None]:
    """Sets a parameter of a parameter group."""

    def change(props: dict[str, Any]) -> None:
        without_parameter(name)(props)
        props["parameters"].append({"name": name, "value": value, "applyMethod": method})

    return change


def production_with(type_: str, prop: str, value: Any, **has: Any) -> Mutant:
    """The platform says that it is production, and an input of the resource that `has` these is changed."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        told = where(PROVIDER, lambda props: props.update(defaultTags={"tags": {"Environment": "prod"}}))(resources)
        return where(type_, setting(prop, value), **has)(told)

    return mutate


def document(**changes: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **changes}]})


IDENTITY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"


def loose(**more: object) -> str:
    """The definition of one sound container, with a change."""
    sound = {"name": "backend", "image": f"backend@sha256:{'0' * 64}", "user": "10001", "readonlyRootFilesystem": True}
    return json.dumps([{**sound, **more}])


def all_without(type_: str) -> Mutant:
    """Every resource of a type is forgotten."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        assert any(item.type == type_ for item in resources)
        return [item for item in resources if item.type != type_]

    return mutate


LEAKY = json.dumps([{"name": "backend", "environment": [{"name": "JWT_SECRET", "value": "0123456789"}]}])
SSH = {"ruleNo": 1, "action": "allow", "protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlock": "0.0.0.0/0"}
FORWARD = {"statelessDefaultActions": ["aws:forward_to_sfe"], "statelessFragmentDefaultActions": ["aws:forward_to_sfe"]}
STRICT = {**FORWARD, "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"}}
INLINE = [{"protocol": "tcp", "fromPort": 8000, "toPort": 8000, "cidrBlocks": ["10.0.0.0/8"]}]
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
A_ROLE = "arn:aws:iam::123456789012:role/anybody"
DECRYPTS_ALL = json.dumps({"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]})

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SHIFTED: dict[str, Any] = {"deploymentMaximumPercent": 200}
_HOOK = "deploymentConfiguration.lifecycleHooks.0"


def fewer_alarms(resources: list[Recorded]) -> list[Recorded]:
    """A service that shifts traffic no longer names the alarm on its green target group."""
    victim = next(item for item in resources if item.type == SERVICE and item.props.get("deploymentMaximumPercent") == 200)
    [alarm] = [
        item
        for item in resources
        if item.type == ALARM and item.name == "rollout-alarms-" + victim.name.removesuffix("-service") + "-rollout-green"
    ]
    kept = [urn for urn in victim.dependencies["alarms"] if urn != alarm.urn]
    assert len(kept) == len(victim.dependencies["alarms"]) - 1
    names = [name for name in victim.props["alarms"]["alarmNames"] if name != alarm.props["name"]]
    changed = replace(
        victim,
        props={**victim.props, "alarms": {**victim.props["alarms"], "alarmNames": names}},
        dependencies={**victim.dependencies, "alarms": kept},
    )
    return [changed if item is victim else item for item in resources]


MUTANTS: list[tuple[str, str, Mutant]] = [
    ("NET-02", "SSH for the world", admitting("backend", 22, cidrIpv4="0.0.0.0/0")),
    ("NET-04", "the broker's interface for the world", admitting("ib-gateway", 4003, cidrIpv6="::/0")),
    ("NET-09", "data subnets lead out", leading_out),
    ("NET-14", "the database admits one address outside", admitting("postgres", 5432, cidrIpv4="198.51.100.7/32")),
    ("NET-14", "the load balancer is a client of the database", from_group("postgres", "load-balancer", 5432)),
    ("NET-14", "the backend admits the world beside the load balancer", admitting("backend", 8000, cidrIpv4="0.0.0.0/0")),
    ("NET-14", "the time series admit the load balancer", from_group("timescale", "load-balancer", 5432)),
    ("RDS-01", "a public database", with_props("aws:rds/instance:Instance", publiclyAccessible=True)),
    ("RDS-14", "a literal password", with_props("aws:rds/instance:Instance", password="hunter2hunter2")),
    (
        "RDS-17",
        "TimescaleDB on RDS",
        with_props("aws:rds/parameterGroup:ParameterGroup", parameters=[{"name": "shared_preload_libraries", "value": "timescaledb"}]),
    ),
    ("RDS-02", "a database in clear", where(DB, setting("storageEncrypted", False))),
    ("RDS-02", "AWS's own key", where(DB, setting("kmsKeyId", None), storageEncrypted=True, engine="postgres")),
    ("RDS-03", "production in one zone", production_with(DB, "multiAz", False, engine="postgres")),
    ("RDS-04", "a database that one call deletes", where(DB, setting("deletionProtection", False))),
    ("RDS-05", "backups of a week", where(DB, setting("backupRetentionPeriod", 7), engine="postgres")),
    ("RDS-09", "a log whose group RDS makes", where(DB, setting("enabledCloudwatchLogsExports", ["postgresql", "audit"]))),
    ("RDS-10", "passwords alone", where(DB, setting("iamDatabaseAuthenticationEnabled", False))),
    ("RDS-15", "clients in clear", where(DB_PARAMETERS, without_parameter("rds.force_ssl"))),
    ("RDS-15", "AWS's own parameters", where(DB, setting("parameterGroupName", None))),
    ("RDS-18", "statistics lost", where(DB_PARAMETERS, with_parameter("shared_preload_libraries", "pgaudit"))),
    ("RDS-19", "connections at once", where(DB_PARAMETERS, with_parameter("max_connections", "600"))),
    ("RDS-20", "the next major version with the old parameters", where(DB, setting("engineVersion", "18"), engine="postgres")),
    ("RDS-25", "a proxy without TLS", where(DB_PROXY, setting("requireTls", False))),
    ("RDS-27", "a proxy for passwords", where(DB_PROXY, setting("auths.0.iamAuth", "DISABLED"))),
    ("CCH-01", "a cache in clear text", where(CACHE, setting("transitEncryptionEnabled", False))),
    ("CCH-02", "a cache under AWS's own key", where(CACHE, setting("kmsKeyId", None))),
    ("CCH-03", "production's cache without a replica", production_with(CACHE, "numCacheClusters", 1)),
    ("CCH-04", "snapshots of two days", where(CACHE, setting("snapshotRetentionLimit", 2))),
    ("CCH-05", "a cache that asks nobody", where(CACHE, setting("userGroupIds", None))),
    ("CCH-08", "a user who may do everything", where("aws:elasticache/user:User", setting("accessString", "on ~* +@all"))),
    ("RDS-21", "data subnets lead out", leading_out),
    ("RDS-21", "all in one zone", one_zone),
    ("ECS-06", "a secret in the environment", with_props("aws:ecs/taskDefinition:TaskDefinition", containerDefinitions=LEAKY)),
    ("ECS-01", "a task on its host's network", with_props(TASK_DEFINITION, networkMode="host")),
    ("ECS-01", "a container as root", with_props(TASK_DEFINITION, containerDefinitions=loose(user="0"))),
    ("ECS-02", "tasks with public addresses", with_props(SERVICE, networkConfiguration={"assignPublicIp": True, "subnets": []})),
    ("ECS-03", "the host's processes", with_props(TASK_DEFINITION, pidMode="host")),
    ("ECS-04", "a privileged container", with_props(TASK_DEFINITION, containerDefinitions=loose(privileged=True))),
    ("ECS-05", "a writable root", with_props(TASK_DEFINITION, containerDefinitions=loose(readonlyRootFilesystem=False))),
    ("ECS-12", "a deployment that nobody rolls back", with_props(SERVICE, deploymentCircuitBreaker={"enable": True, "rollback": False})),
    ("ECS-15", "an image by tag", with_props(TASK_DEFINITION, containerDefinitions=loose(image="backend:latest"))),
    ("ECS-13", "one slot without an alarm", where(ALARM, setting("metricName", "HealthyHostCount"), metricName="UnHealthyHostCount")),
    ("ECS-13", "an alarm dropped from the list", fewer_alarms),
    ("ECS-13", "alarms that stop and do not roll back", where(SERVICE, setting("alarms.rollback", False), **SHIFTED)),
    (
        "ECS-16",
        "a hook where a rollback passes",
        where(SERVICE, setting(f"{_HOOK}.lifecycleStages.0", "PRODUCTION_TRAFFIC_SHIFT"), **SHIFTED),
    ),
    (
        "ECS-16",
        "a hook that is let through when it is late",
        where(SERVICE, setting(f"{_HOOK}.timeoutConfiguration.action", "CONTINUE"), **SHIFTED),
    ),
    ("ECS-16", "no bake", where(SERVICE, setting("deploymentConfiguration.bakeTimeInMinutes", None), **SHIFTED)),
    ("LB-12", "a sticky slot", where("aws:lb/targetGroup:TargetGroup", setting("stickiness.enabled", True), port=8000)),
    ("SNG-01", "an engine in two zones", where(SERVICE, setting("availabilityZoneRebalancing", "ENABLED"), deploymentMaximumPercent=100)),
    ("SNG-01", "two engines", where(SERVICE, setting("desiredCount", 2), deploymentMaximumPercent=100)),
    ("SNG-02", "an engine that is scaled", scaled_engine),
    ("SNG-03", "an engine that is deployed beside the old one", deployed_side_by_side),
    ("S3-01", "a bucket without its block", without("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")),
    ("S3-01", "a block with a gap", with_props("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", blockPublicPolicy=False)),
    ("S3-08", "a public bucket", with_props("aws:s3/bucketPolicy:BucketPolicy", policy=document())),
    ("S3-08", "a foreign account", with_props("aws:s3/bucketPolicy:BucketPolicy", policy=document(Principal={"AWS": "999999999999"}))),
    ("SEC-04", "a public secret", with_props("aws:secretsmanager/secretPolicy:SecretPolicy", policy=document())),
    ("KMS-01", "a key that never rotates", with_props("aws:kms/key:Key", enableKeyRotation=False)),
    ("KMS-02", "a public key", with_props("aws:kms/key:Key", policy=document(Action="kms:*"))),
    ("KMS-03", "a key that dies in a week", with_props("aws:kms/key:Key", deletionWindowInDays=7)),
    ("KMS-04", "a role that opens every key", with_props("aws:iam/rolePolicy:RolePolicy", policy=DECRYPTS_ALL)),
    ("KMS-05", "a role is master of a key", with_props("aws:kms/key:Key", policy=document(Principal={"AWS": A_ROLE}, Action="kms:*"))),
    ("KMS-06", "a service for anybody", with_props("aws:kms/key:Key", policy=document(Principal={"Service": "cloudtrail.amazonaws.com"}))),
    ("KMS-07", "a key without a name", without("aws:kms/alias:Alias")),
    ("IAM-01", "everything allowed", with_props("aws:iam/rolePolicy:RolePolicy", policy=IDENTITY)),
    ("IAM-05", "a role for everybody", with_props("aws:iam/role:Role", assumeRolePolicy=document(Action="sts:AssumeRole"))),
    ("IAM-06", "an administrator", with_props("aws:iam/rolePolicyAttachment:RolePolicyAttachment", policyArn=ADMINISTRATOR)),
    ("MSG-02", "a public topic", with_props("aws:sns/topicPolicy:TopicPolicy", policy=document(Action="sns:Publish"))),
    ("NET-01", "nobody manages the default group", without("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")),
    ("NET-03", "the backend admits the world on a web port", admitting("backend", 443, cidrIpv4="0.0.0.0/0")),
    ("NET-03", "the test listener for the world", admitting("load-balancer", 8443, cidrIpv4="0.0.0.0/0")),
    ("NET-05", "an access list admits SSH", with_one_more("aws:ec2/networkAcl:NetworkAcl", ingress=[SSH])),
    ("NET-06", "a subnet hands out public addresses", with_props("aws:ec2/subnet:Subnet", mapPublicIpOnLaunch=True)),
    ("NET-07", "no flow log", without("aws:ec2/flowLog:FlowLog")),
    ("NET-07", "a flow log of refusals", with_props("aws:ec2/flowLog:FlowLog", trafficType="REJECT")),
    (
        "NET-08",
        "no endpoint for logs",
        where("aws:ec2/vpcEndpoint:VpcEndpoint", setting("serviceName", "mutant"), serviceName="com.amazonaws.us-east-1.logs"),
    ),
    ("NET-11", "inline rules beside standalone ones", with_props("aws:ec2/securityGroup:SecurityGroup", ingress=INLINE)),
    ("NET-11", "an access list with entries of both kinds", inline_beside_rules),
    ("NET-18", "SSH from one's own network", admitting("backend", 22, cidrIpv4="10.0.0.0/8")),
    ("NET-18", "SSH from one role to another", from_group("timescale", "backend", 22)),
    ("NET-19", "an endpoint for everybody", with_props(ENDPOINT, policy=document())),
    ("NET-19", "an endpoint with AWS's own policy", where(ENDPOINT, setting("policy", None), vpcEndpointType="Interface")),
    (
        "NET-19",
        "an endpoint for a foreign account",
        with_props(ENDPOINT, policy=document(Condition={"StringEquals": {"aws:PrincipalAccount": "*"}})),
    ),
    ("NET-12", "the database reaches the internet", reaching("postgres", cidrIpv4="0.0.0.0/0")),
    ("NET-13", "a zone without a NAT gateway", without("aws:ec2/natGateway:NatGateway")),
    (
        "NET-15",
        "metadata without a token",
        where("aws:ec2/launchTemplate:LaunchTemplate", setting("metadataOptions.httpTokens", "optional")),
    ),
    ("NET-17", "a disk in clear", with_props("aws:ebs/volume:Volume", encrypted=False)),
    ("NET-17", "a disk with AWS's key", with_props("aws:ebs/volume:Volume", kmsKeyId=None)),
    ("NFW-01", "one zone goes around the firewall", around_the_firewall),
    ("NFW-02", "the firewall's default passes", with_one_more("aws:networkfirewall/firewallPolicy:FirewallPolicy", firewallPolicy=STRICT)),
    ("NFW-03", "a firewall without a log", with_one_more(FIREWALL, vpcId="vpc-0123456789abcdef0")),
    (
        "NFW-04",
        "an emergency that is over",
        with_one_more(
            "aws:networkfirewall/ruleGroup:RuleGroup",
            tags={"Emergency": "true", "Expires": "1999-12-31", "Reason": "the turn of the century", "Reviewer": "risk"},
        ),
    ),
    (
        "NFW-05",
        "the firewall only reports",
        with_one_more(
            "aws:networkfirewall/firewallPolicy:FirewallPolicy",
            firewallPolicy={**STRICT, "statefulDefaultActions": ["aws:alert_established"]},
        ),
    ),
    ("NFW-06", "names on no list are answered", where(f"{DNS}Rule:ResolverFirewallRule", setting("action", "ALLOW"), priority=300)),
    (
        "NFW-06",
        "the last list is short",
        where(f"{DNS}DomainList:ResolverFirewallDomainList", setting("domains", ["x.y."]), domains=["*."]),
    ),
    ("NFW-06", "the DNS firewall opens by itself", blocking_and_open),
    ("NFW-07", "nobody judges names", without(f"{DNS}RuleGroupAssociation:ResolverFirewallRuleGroupAssociation")),
    ("NFW-08", "one line passes everything", passing_everything),
    ("LB-11", "a rule without the origin's header", without_header),
    ("LB-11", "the listener forwards by default", where(LISTENER, setting("defaultActions.0.type", "forward"), port=443)),
    ("LB-01", "port 80 forwards", where(LISTENER, setting("defaultActions.0.type", "forward"), protocol="HTTP")),
    ("LB-02", "TLS 1.0", where(LISTENER, setting("sslPolicy", "ELBSecurityPolicy-2016-08"), protocol="HTTPS")),
    ("LB-03", "invalid headers", where(BALANCER, setting("dropInvalidHeaderFields", False), loadBalancerType="application")),
    ("LB-04", "no access log", where(BALANCER, setting("accessLogs.enabled", False), loadBalancerType="application")),
    ("LB-04", "an access log that KMS refuses", logs_with_kms),
    ("LB-05", "deletable", where(BALANCER, setting("enableDeletionProtection", False), loadBalancerType="application")),
    ("LB-06", "ambiguous requests", where(BALANCER, setting("desyncMitigationMode", "monitor"), loadBalancerType="application")),
    ("LB-07", "all in one zone", one_zone),
    ("LB-08", "no web firewall", without("aws:wafv2/webAclAssociation:WebAclAssociation")),
    ("LB-09", "nobody checks the targets", where("aws:lb/targetGroup:TargetGroup", setting("healthCheck.enabled", False))),
    ("LB-10", "the origin admits one address out there", admitting("load-balancer", 443, cidrIpv4="198.51.100.7/32")),
    ("WAF-01", "an empty web ACL", where(ACL, setting("rules", []), scope="REGIONAL")),
    ("WAF-02", "no log", without("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")),
    ("WAF-03", "no metrics", where(ACL, setting("visibilityConfig.cloudwatchMetricsEnabled", False))),
    (
        "WAF-04",
        "no limit at CloudFront",
        where(ACL, keeping("rules", lambda rule: rule["statement"].get("rateBasedStatement") is None), scope="CLOUDFRONT"),
    ),
    ("WAF-04", "no bad inputs", where(ACL, keeping("rules", lambda rule: "KnownBadInputs" not in rule["name"]), scope="REGIONAL")),
    ("CF-01", "one path in clear text", where(CDN, setting("orderedCacheBehaviors.0.viewerProtocolPolicy", "allow-all"))),
    ("CF-02", "TLS 1.0", where(CDN, setting("viewerCertificate.minimumProtocolVersion", "TLSv1"))),
    ("CF-03", "CloudFront's own name", where(CDN, setting("viewerCertificate", {"cloudfrontDefaultCertificate": True}))),
    ("CF-04", "no log", without("aws:cloudwatch/logDeliverySource:LogDeliverySource")),
    ("CF-04", "a log that nothing delivers", without("aws:cloudwatch/logDelivery:LogDelivery")),
    ("CF-05", "no web firewall", with_props(CDN, webAclId="")),
    ("CF-05", "the regional web firewall", behind_the_regional_firewall),
    ("CF-06", "an open bucket", where(CDN, bucket_origin(setting("originAccessControlId", None)))),
    ("CF-07", "an origin in clear text", where(CDN, web_origin(setting("customOriginConfig.originProtocolPolicy", "http-only")))),
    ("CF-07", "an origin with TLS 1.0", where(CDN, web_origin(setting("customOriginConfig.originSslProtocols", ["TLSv1", "TLSv1.2"])))),
    ("CF-08", "a bucket without a root", where(CDN, root_of_a_bucket)),
    (
        "CF-09",
        "an hour of HTTPS",
        where(
            "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
            setting("securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec", 3600),
        ),
    ),
    ("CF-09", "a path without headers", where(CDN, setting("orderedCacheBehaviors.0.responseHeadersPolicyId", None))),
    ("CF-10", "a bucket of nobody", where(CDN, bucket_origin(setting("domainName", "nobodys.s3.us-east-1.amazonaws.com")))),
    ("DNS-01", "a zone that nobody watches", with_one_more("aws:route53/zone:Zone", name="example.net")),
    (
        "DNS-02",
        "a distribution that is gone",
        with_one_more("aws:route53/record:Record", type="A", name="old.example.com", aliases=[{"name": "d111111abcdef8.cloudfront.net"}]),
    ),
    ("ACM-01", "a certificate of the wrong region", where("aws:acm/certificate:Certificate", setting("region", "eu-west-1"))),
    ("ACM-01", "a certificate that nobody validates", used_at_once),
]


_SECRETS = "aws:secretsmanager/secret"
MUTANTS.extend(
    [
        ("SEC-01", "a secret that nobody rotates", without(f"{_SECRETS}Rotation:SecretRotation")),
        (
            "SEC-01",
            "a rotation too late",
            where(f"{_SECRETS}Rotation:SecretRotation", setting("rotationRules.scheduleExpression", "rate(31 days)")),
        ),
        ("SEC-02", "AWS's key", where(f"{_SECRETS}:Secret", lambda props: props.pop("kmsKeyId"))),
        ("SEC-05", "no copy", where(f"{_SECRETS}:Secret", setting("replicas", []))),
        ("SEC-06", "a secret without a policy", without(f"{_SECRETS}Policy:SecretPolicy")),
    ]
)


_QUEUE = "aws:sqs/queue:Queue"
_REPOSITORY = "aws:ecr/repository:Repository"
MUTANTS.extend(
    [
        ("MSG-01", "SQS's own encryption", where(_QUEUE, lambda props: props.pop("kmsMasterKeyId"))),
        ("MSG-01", "AWS's key for a topic", with_props("aws:sns/topic:Topic", kmsMasterKeyId="alias/aws/sns")),
        ("MSG-04", "no dead-letter queue", where(_QUEUE, setting("redrivePolicy", ""), name="nautilus-local-jobs")),
        ("MSG-05", "messages in clear text", without("aws:sqs/queuePolicy:QueuePolicy")),
        ("ECR-01", "never scanned", where(_REPOSITORY, setting("imageScanningConfiguration.scanOnPush", False))),
        ("ECR-01", "AWS's key for images", where(_REPOSITORY, setting("encryptionConfigurations", [{"encryptionType": "AES256"}]))),
        ("ECR-02", "tags that move", where(_REPOSITORY, setting("imageTagMutability", "MUTABLE"))),
        ("ECR-03", "images for ever", without("aws:ecr/lifecyclePolicy:LifecyclePolicy")),
        (
            "ECR-04",
            "a public repository",
            with_one_more("aws:ecr/repositoryPolicy:RepositoryPolicy", policy=document(Action="ecr:PutImage")),
        ),
    ]
)


_BACKUP = "aws:backup/"
_CALENDAR = "nautilus-local-calendar"
MUTANTS.extend(
    [
        ("BKP-01", "AWS's key", where(f"{_BACKUP}vault:Vault", lambda props: props.pop("kmsKeyArn"))),
        ("BKP-02", "an open vault", without(f"{_BACKUP}vaultLockConfiguration:VaultLockConfiguration")),
        ("BKP-03", "a table outside every plan", with_one_more("aws:dynamodb/table:Table", name="mutant")),
        ("BKP-03", "a volume outside every plan", with_one_more("aws:ebs/volume:Volume", tags={"Name": "mutant"})),
        ("BKP-04", "kept for two weeks", where(f"{_BACKUP}plan:Plan", setting("rules.0.lifecycle.deleteAfter", 14), name=_CALENDAR)),
        ("BKP-04", "never copied", where(f"{_BACKUP}plan:Plan", setting("rules.1.copyActions", []), name=_CALENDAR)),
        ("BKP-05", "nobody is told", without(f"{_BACKUP}vaultNotifications:VaultNotifications")),
        ("BKP-06", "cold for a month", where(f"{_BACKUP}plan:Plan", setting("rules.2.lifecycle.coldStorageAfter", 336), name=_CALENDAR)),
        ("BKP-07", "in RDS's hour before", where(f"{_BACKUP}plan:Plan", setting("rules.0.schedule", "cron(0 3 * * ? *)"), name=_CALENDAR)),
    ]
)


_EFS = "aws:efs/fileSystem"
_ALL_ROWS = json.dumps({"Statement": [{"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "arn:aws:dynamodb:::table/x"}]})
_CLEAR = [{"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-0", "authorizationConfig": {"iam": "ENABLED"}}}]
MUTANTS.extend(
    [
        ("SNG-04", "an engine without its watchdog", nobody_holds),
        ("SNG-04", "an engine that outlives its watchdog", holder_may_die),
        ("SNG-04", "an engine that does not wait for its lease", nobody_waits),
        ("SNG-05", "a standby beside the one it stands by for", standby_in_the_same_zone),
        ("SNG-06", "a role that writes every lease", with_props("aws:iam/rolePolicy:RolePolicy", policy=_ALL_ROWS)),
        (
            "IAM-03",
            "any role for a task",
            with_props("aws:iam/rolePolicy:RolePolicy", policy=document(Action="iam:PassRole", Principal=None)),
        ),
        ("LAM-01", "a function for anybody", with_props("aws:lambda/permission:Permission", sourceArn=None, sourceAccount=None)),
        ("EFS-01", "files in clear", where(f"{_EFS}:FileSystem", setting("encrypted", False))),
        ("EFS-02", "files for whoever comes", without(f"{_EFS}Policy:FileSystemPolicy")),
        ("EFS-02", "a policy for everybody", with_props(f"{_EFS}Policy:FileSystemPolicy", policy=document())),
        ("ECS-11", "files on the wire", with_props(TASK_DEFINITION, volumes=_CLEAR)),
    ]
)


_CONFIGURATION = "aws:appconfig/"
MUTANTS.extend(
    [
        (
            "CFG-01",
            "a document that nothing holds",
            with_one_more(f"{_CONFIGURATION}configurationProfile:ConfigurationProfile", locationUri="hosted", kmsKeyIdentifier="alias/x"),
        ),
        (
            "CFG-01",
            "flags under AWS's key",
            with_one_more(
                f"{_CONFIGURATION}configurationProfile:ConfigurationProfile", locationUri="hosted", type="AWS.AppConfig.FeatureFlags"
            ),
        ),
        ("CFG-02", "a deployment in the stack", with_one_more(f"{_CONFIGURATION}deployment:Deployment", configurationVersion="1")),
    ]
)


_LOGS = "aws:cloudwatch/logGroup:LogGroup"
_TABLE = "aws:dynamodb/table:Table"
_SCALING = "aws:appautoscaling/"
_POINT = "aws:efs/accessPoint:AccessPoint"
_FUNCTION = "aws:lambda/function:Function"
_SCHEDULE = "aws:scheduler/schedule:Schedule"
_GONE = [{"name": "JWT_SECRET", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/local/gone-a1b2c3"}]
_ELSEWHERE = {"logDriver": "awslogs", "options": {"awslogs-group": "/nautilus/local/gone"}}
_HOOKS = "deploymentConfiguration.lifecycleHooks"
_ONCE: dict[str, Any] = {"deploymentMaximumPercent": 100}
_STRANGER = "arn:aws:lambda:us-east-1:999999999999:function"
_SCHEDULER = document(Action="sts:AssumeRole", Principal={"Service": "scheduler.amazonaws.com"})


def watching_a_stranger(resources: list[Recorded]) -> list[Recorded]:
    """The first alarm on an expression about target groups watches one of somebody else's."""
    victim = next(item for item in resources if item.type == ALARM and "TargetGroup" in str(item.props.get("metricQueries")))
    queries = copy.deepcopy(victim.props["metricQueries"])
    metric = next(query["metric"] for query in queries if "TargetGroup" in str(query.get("metric")))
    metric["dimensions"]["TargetGroup"] = "targetgroup/somebody-elses/0123456789abcdef"
    changed = replace(victim, props={**victim.props, "metricQueries": queries})
    return [changed if item is victim else item for item in resources]


MUTANTS.extend(
    [
        ("CW-01", "lines under AWS's key", where(_LOGS, lambda props: props.pop("kmsKeyId"))),
        ("CW-02", "lines of a month", where(_LOGS, setting("retentionInDays", 30))),
        ("CW-02", "lines for ever", where(_LOGS, lambda props: props.pop("retentionInDays"))),
        ("CW-03", "an alarm that tells nobody", where(ALARM, setting("alarmActions", []))),
        ("CW-03", "an alarm whose actions are off", where(ALARM, setting("actionsEnabled", False))),
        ("CW-05", "an alarm on a former queue", where(ALARM, setting("dimensions.QueueName", "gone"), namespace="AWS/SQS")),
        ("CW-05", "an alarm on a former function", where(ALARM, setting("dimensions.FunctionName", "gone"), namespace="AWS/Lambda")),
        ("CW-05", "an alarm on a former service", where(ALARM, setting("dimensions.ServiceName", "gone"), namespace="AWS/ECS")),
        ("CW-05", "an expression about a stranger", watching_a_stranger),
        ("DDB-01", "leases under DynamoDB's key", where(_TABLE, setting("serverSideEncryption.enabled", False))),
        ("DDB-01", "leases under AWS's key", where(_TABLE, lambda props: props["serverSideEncryption"].pop("kmsKeyArn"))),
        ("DDB-02", "leases without a past", where(_TABLE, setting("pointInTimeRecovery.enabled", False))),
        ("DDB-03", "leases that one call deletes", where(_TABLE, setting("deletionProtectionEnabled", False))),
        ("ECS-07", "a container without a log", with_props(TASK_DEFINITION, containerDefinitions=loose())),
        ("ECS-07", "a log group of nobody's", with_props(TASK_DEFINITION, containerDefinitions=loose(logConfiguration=_ELSEWHERE))),
        ("ECS-08", "an old platform", where(SERVICE, setting("platformVersion", "1.3.0"))),
        ("ECS-09", "nobody counts", where("aws:ecs/cluster:Cluster", setting("settings.0.value", "disabled"))),
        ("ECS-14", "one task in production", production_with(SERVICE, "desiredCount", 1, **SHIFTED)),
        ("ECS-14", "half of them in production", production_with(SERVICE, "deploymentMinimumHealthyPercent", 50, **SHIFTED)),
        ("ECS-14", "scaled down to one in production", production_with(f"{_SCALING}target:Target", "minCapacity", 1)),
        ("ECS-17", "nobody scales", without(f"{_SCALING}target:Target")),
        ("ECS-17", "nobody says when to scale", all_without(f"{_SCALING}policy:Policy")),
        ("ECS-18", "a secret that is gone", with_props(TASK_DEFINITION, containerDefinitions=loose(secrets=_GONE))),
        ("ECS-19", "no hooks", where(SERVICE, lambda props: props["deploymentConfiguration"].pop("lifecycleHooks"), **SHIFTED)),
        ("ECS-19", "an empty list of hooks", where(SERVICE, setting(_HOOKS, []), **SHIFTED)),
        ("ECS-19", "nobody guards the start", where(SERVICE, setting(f"{_HOOK}.lifecycleStages.0", "POST_SCALE_UP"), **SHIFTED)),
        ("ECS-19", "nobody tries it", where(SERVICE, setting(f"{_HOOK}.lifecycleStages", ["PRE_SCALE_UP"]), **SHIFTED)),
        (
            "ECS-19",
            "a hook without a function",
            where(SERVICE, lambda props: props["deploymentConfiguration"]["lifecycleHooks"][0].pop("hookTargetArn"), **SHIFTED),
        ),
        ("ECS-19", "a hook of somebody else's", where(SERVICE, setting(f"{_HOOK}.hookTargetArn", f"{_STRANGER}:hook"), **SHIFTED)),
        ("ECS-20", "alarms that are off", where(SERVICE, setting("alarms.enable", False), **_ONCE)),
        ("ECS-20", "alarms that stop and do not roll back", where(SERVICE, setting("alarms.rollback", False), **_ONCE)),
        ("ECS-20", "no alarms", where(SERVICE, lambda props: props.pop("alarms"), **_ONCE)),
        ("EFS-03", "the whole file system", where(_POINT, setting("rootDirectory.path", "/"))),
        ("EFS-03", "files as root", where(_POINT, setting("posixUser.uid", 0))),
        ("EFS-03", "files as anybody", where(_POINT, lambda props: props.pop("posixUser"))),
        ("LAM-02", "an old runtime", where(_FUNCTION, setting("runtime", "python3.8"))),
        ("LAM-03", "a function's literal secret", where(_FUNCTION, setting("environment.variables.API_KEY", "0123456789abcdef"))),
        ("SCH-01", "a schedule that is off", where(_SCHEDULE, setting("state", "DISABLED"))),
        ("SCH-02", "a day of attempts", where(_SCHEDULE, lambda props: props["target"].pop("retryPolicy"))),
        (
            "SCH-03",
            "calls that are lost",
            where(_SCHEDULE, lambda props: props["target"].pop("deadLetterConfig"), groupName="nautilus-local-daily"),
        ),
        ("IAM-05", "schedules of anybody", with_props("aws:iam/role:Role", assumeRolePolicy=_SCHEDULER)),
    ]
)


@pytest.mark.parametrize("shown", [False, True], ids=["recorded", "first-preview"])
@pytest.mark.parametrize(("rule", "why", "mutant"), MUTANTS, ids=[f"{rule}-{why}" for rule, why, _ in MUTANTS])
def test_no_mutant_survives(views: dict[bool, list[Recorded]], rule: str, why: str, mutant: Mutant, shown: bool) -> None:
    """A rule asks no other, so each mutant meets the one that ought to find it."""
    before, alone = views[shown], [BY_ID[rule]]
    known = set(evaluate(before, rules=alone, preview=shown, advice=True))
    found = {finding for finding in evaluate(mutant(before), rules=alone, preview=shown, advice=True) if finding.kind is Kind.VIOLATION}
    assert found - known, why


@pytest.mark.parametrize(
    ("rule", "mutant"),
    [
        ("NET-09", borrowed("aws:rds/subnetGroup:SubnetGroup", "subnetIds")),
        ("RDS-21", borrowed("aws:rds/subnetGroup:SubnetGroup", "subnetIds")),
        ("LB-07", borrowed(BALANCER, "subnets")),
    ],
)
@pytest.mark.parametrize("shown", [False, True], ids=["recorded", "first-preview"])
def test_borrowed_subnets_fail_closed_beside_a_network_of_ones_own(
    platform: list[Recorded], rule: str, mutant: Mutant, shown: bool
) -> None:
    """What is only advice about a VPC that was brought along stops whoever has one of their own."""
    found = evaluate(mutant(first_preview(platform) if shown else platform), preview=shown)
    assert (rule, Kind.UNRESOLVED) in {(finding.rule, finding.kind) for finding in found}


def test_an_unlocked_stack_may_lose_its_load_balancer(platform: list[Recorded]) -> None:
    """`nautilus destroy --unlock` runs an update with the pack: what holds a stack back from destruction must be allowed to go."""
    opened = [
        replace(item, props={**item.props, "enableDeletionProtection": False}) if item.type == BALANCER else item for item in platform
    ]
    assert {finding.rule for finding in evaluate(opened)} == {"LB-05"}
    assert evaluate(opened, unlocked=True) == []


def test_an_unlocked_stack_may_lose_its_leases(platform: list[Recorded]) -> None:
    opened = [replace(item, props={**item.props, "deletionProtectionEnabled": False}) if item.type == _TABLE else item for item in platform]
    assert {finding.rule for finding in evaluate(opened)} == {"DDB-03"}
    assert evaluate(opened, unlocked=True) == []


def test_a_runtime_ends_on_its_day(platform: list[Recorded]) -> None:
    """LAM-02 has a calendar: what runs today is found on the day after AWS's last repair."""
    runtimes = {item.props["runtime"] for item in platform if item.type == _FUNCTION}
    last = min(SUPPORTED_UNTIL[runtime] for runtime in runtimes)

    def found(day: date) -> set[str]:
        return {finding.rule for finding in evaluate(platform, today=day, advice=True)} & {"LAM-02"}

    assert found(last) == set()
    assert found(last + timedelta(days=1)) == {"LAM-02"}


def test_every_rule_has_a_mutant() -> None:
    assert {rule for rule, _, _ in MUTANTS} == {rule.id for rule in RULES}
