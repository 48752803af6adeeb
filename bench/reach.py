"""What a proof costs: reading the network, the firewall matrix, and one proof for every permitted connection, at 10, 100 and 1,000 flows.

Seconds are medians of CPU time. `growth` is what one more flow costs at the larger size ÷ at the smaller one: 1 is linear.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from nautilus.inventory.matrix import matrix
from nautilus.inventory.network import Network, read
from nautilus.inventory.reach import Answer, Prover
from nautilus.inventory.records import Inventory, PlannedResource

SIZES = (10, 100, 1_000)
ZONES = "abc"


def _resource(kind: str, name: str, **inputs: Any) -> PlannedResource:
    ident = f"{kind.rpartition(':')[2]}-{name}"
    return PlannedResource(
        urn=f"urn:pulumi:bench::bench::aws:{kind}::{name}", type=f"aws:{kind}", name=name, inputs=inputs, outputs={"id": ident}
    )


def synthetic(flows: int) -> Inventory:
    """A VPC of three zones with a chain of `flows` + 1 services, each of which may open port 8000 of the next."""
    made: list[PlannedResource] = []

    def add(kind: str, name: str, **inputs: Any) -> str:
        made.append(_resource(kind, name, **inputs))
        return str(made[-1].outputs["id"])

    vpc = add("ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    subnets: list[str] = []
    rule = {"ruleNo": 100, "action": "allow", "protocol": "6", "fromPort": 1, "toPort": 65_535, "cidrBlock": "10.0.0.0/16"}
    for number, zone in enumerate(ZONES):
        block, place = f"10.0.{number}.0/24", f"us-east-1{zone}"
        subnets.append(add("ec2/subnet:Subnet", f"app-{zone}", vpcId=vpc, cidrBlock=block, availabilityZone=place, tags={"Tier": "app"}))
        table = add("ec2/routeTable:RouteTable", f"app-{zone}", vpcId=vpc)
        add("ec2/routeTableAssociation:RouteTableAssociation", f"app-{zone}", routeTableId=table, subnetId=subnets[-1])
    add("ec2/networkAcl:NetworkAcl", "app", vpcId=vpc, subnetIds=subnets, ingress=[rule], egress=[rule])
    groups: list[str] = []
    for number in range(flows + 1):
        group = add("ec2/securityGroup:SecurityGroup", f"service-{number}", vpcId=vpc)
        groups.append(group)
        add("ecs/service:Service", f"service-{number}", networkConfiguration={"subnets": subnets, "securityGroups": [group]})
    for number in range(flows):
        ports = {"ipProtocol": "tcp", "fromPort": 8000, "toPort": 8000}
        here, there = groups[number], groups[number + 1]
        add(
            "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            f"out-{number}",
            securityGroupId=here,
            referencedSecurityGroupId=there,
            **ports,
        )
        add(
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            f"in-{number}",
            securityGroupId=there,
            referencedSecurityGroupId=here,
            **ports,
        )
    return Inventory(made)


def _median(rounds: int, work: Callable[[], Any]) -> float:
    seconds: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def _proofs(network: Network, flows: int) -> None:
    """A yes for every flow, and a no for the way back."""
    prover = Prover(network)
    for number in range(flows):
        here, there = f"service-{number}", f"service-{number + 1}"
        if prover.prove(here, there, 8000).answer is not Answer.YES or prover.prove(there, here, 8000).answer is not Answer.NO:
            raise RuntimeError(f"the proof of {here} and {there} is wrong")


def measure(sizes: tuple[int, ...] = SIZES, rounds: int = 3) -> dict[str, Any]:
    """Seconds by number of flows, and the growth of each step.

    Raises:
        RuntimeError: A proof or the matrix gave a wrong answer.
    """
    found: dict[int, dict[str, float]] = {}
    for flows in sizes:
        inventory = synthetic(flows)
        network = read(inventory)
        if len(matrix(network).allowed) != flows:
            raise RuntimeError(f"the matrix of {flows} flows shows {len(matrix(network).allowed)}")
        found[flows] = {
            "read": _median(rounds, lambda inventory=inventory: read(inventory)),
            "matrix": _median(rounds, lambda network=network: matrix(network)),
            "proofs": _median(rounds, lambda network=network, flows=flows: _proofs(network, flows)),
        }
    growth = {
        f"{low}→{high}": {part: round((found[high][part] / high) / (found[low][part] / low), 2) for part in ("read", "matrix", "proofs")}
        for low, high in pairwise(sizes)
    }
    seconds = {str(flows): {part: round(value, 4) for part, value in parts.items()} for flows, parts in found.items()}
    return {"seconds": seconds, "growth_per_flow": growth}
