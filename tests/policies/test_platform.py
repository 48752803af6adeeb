"""The pack against the real platform: content with it, as recorded and as a first preview shows it, and never with a mutant of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies.catalogue import RULES
from policies.rule import Kind
from policies.security_groups import WORLD, reach
from policies.subnets import data_subnets, internet_routes
from policies.testing import UNKNOWN, Recorded, evaluate, recorded_stack, simulated

pytestmark = pytest.mark.whole

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture(scope="session")
def platform(local_platform: Any) -> list[Recorded]:
    return simulated(local_platform.resources)


def blanked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: blanked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [blanked(item) for item in value]
    return UNKNOWN if isinstance(value, str) else value


def first_preview(resources: list[Recorded]) -> list[Recorded]:
    """What a preview of an empty stack shows: no outputs, and nothing of an input that is computed from another resource."""
    shown: list[Recorded] = []
    for item in resources:
        props = {prop: blanked(value) if item.dependencies.get(prop) else value for prop, value in item.props.items()}
        shown.append(replace(item, outputs={}, props=props))
    return shown


def test_the_platform_keeps_every_rule(platform: list[Recorded]) -> None:
    assert evaluate(platform) == []


def test_its_first_preview_passes_and_announces_composed_documents(platform: list[Recorded]) -> None:
    findings = evaluate(first_preview(platform), preview=True)
    assert [finding for finding in findings if finding.kind is not Kind.LATER] == []
    assert {finding.rule for finding in findings} <= {"IAM-01", "ECS-06", "MSG-02", "S3-08", "SEC-04", "KMS-02", "IAM-05"}


def test_every_rule_has_something_to_judge(platform: list[Recorded]) -> None:
    there = {item.type for item in platform}
    assert [rule.id for rule in RULES if not there.intersection(rule.types)] == []


def test_the_graph_sees_the_flow_table(platform: list[Recorded]) -> None:
    for resources in (platform, first_preview(platform)):
        graph = reach(recorded_stack(resources, preview=True))
        named = {graph.name(target): {graph.name(source) for source in sources} for target, sources in graph.edges.items()}
        assert named["groups-load-balancer"] == {WORLD}
        assert named["groups-backend"] == {"groups-load-balancer"}
        assert named["groups-postgres"] == {"groups-backend", "groups-engine"}
        assert {graph.name(group) for group in graph.edge} == {"groups-load-balancer"}
        assert {graph.name(group) for group in graph.data} == {
            "groups-postgres",
            "groups-cache",
            "groups-timescale",
            "groups-session-files",
        }
        assert graph.puzzles == {}


def test_data_and_public_subnets_are_told_apart(platform: list[Recorded]) -> None:
    for resources in (platform, first_preview(platform)):
        stack = recorded_stack(resources, preview=True)
        public = {subnet.urn for subnet in stack.of("aws:ec2/subnet:Subnet") if list(internet_routes(subnet))}
        data = set(data_subnets(stack))
        assert len(data) == 3
        assert len(public) == 3
        assert data.isdisjoint(public)


Mutant = Callable[[list[Recorded]], list[Recorded]]


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


def without(type_: str) -> Mutant:
    """The first resource of a type is forgotten."""

    def mutate(resources: list[Recorded]) -> list[Recorded]:
        victim = first(resources, type_)
        return [item for item in resources if item is not victim]

    return mutate


def document(**changes: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **changes}]})


IDENTITY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
LEAKY = json.dumps([{"name": "backend", "environment": [{"name": "JWT_SECRET", "value": "0123456789"}]}])
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

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
    ("RDS-21", "data subnets lead out", leading_out),
    ("RDS-21", "all in one zone", one_zone),
    ("ECS-06", "a secret in the environment", with_props("aws:ecs/taskDefinition:TaskDefinition", containerDefinitions=LEAKY)),
    ("S3-01", "a bucket without its block", without("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")),
    ("S3-01", "a block with a gap", with_props("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", blockPublicPolicy=False)),
    ("S3-08", "a public bucket", with_props("aws:s3/bucketPolicy:BucketPolicy", policy=document())),
    ("S3-08", "a foreign account", with_props("aws:s3/bucketPolicy:BucketPolicy", policy=document(Principal={"AWS": "999999999999"}))),
    ("SEC-04", "a public secret", with_props("aws:secretsmanager/secretPolicy:SecretPolicy", policy=document())),
    ("KMS-02", "a public key", with_props("aws:kms/key:Key", policy=document(Action="kms:*"))),
    ("IAM-01", "everything allowed", with_props("aws:iam/rolePolicy:RolePolicy", policy=IDENTITY)),
    ("IAM-05", "a role for everybody", with_props("aws:iam/role:Role", assumeRolePolicy=document(Action="sts:AssumeRole"))),
    ("IAM-06", "an administrator", with_props("aws:iam/rolePolicyAttachment:RolePolicyAttachment", policyArn=ADMINISTRATOR)),
    ("MSG-02", "a public topic", with_props("aws:sns/topicPolicy:TopicPolicy", policy=document(Action="sns:Publish"))),
]


@pytest.mark.parametrize("shown", [False, True], ids=["recorded", "first-preview"])
@pytest.mark.parametrize(("rule", "why", "mutant"), MUTANTS, ids=[f"{rule}-{why}" for rule, why, _ in MUTANTS])
def test_no_mutant_survives(platform: list[Recorded], rule: str, why: str, mutant: Mutant, shown: bool) -> None:
    before = first_preview(platform) if shown else platform
    violations = {finding.rule for finding in evaluate(mutant(before), preview=shown) if finding.kind is Kind.VIOLATION}
    assert rule in violations, why


def test_every_rule_has_a_mutant() -> None:
    assert {rule for rule, _, _ in MUTANTS} == {rule.id for rule in RULES}
