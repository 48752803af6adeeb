"""Network ACLs: their entries, and which subnet has which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.inventory.addresses import network_of
from nautilus.inventory.network.model import Entry, Nacl
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.ports import rule_ports
from nautilus.inventory.tokens import DEFAULT_NACL, NACL, NACL_ASSOCIATION, NACL_RULE, SUBNET
from nautilus.inventory.values import given, is_unknown, mappings, number


@dataclass(frozen=True, slots=True)
class Acls:
    """The plan's NACLs."""

    made: Mapping[str, Nacl]
    """By URN."""
    of_subnet: Mapping[str, str]
    """URN of the NACL by URN of the subnet, where a subnet has one of its own."""
    default_of: Mapping[str, str]
    """URN of the adopted default NACL by VPC."""

    def guarding(self, subnet: str, vpc: str) -> Nacl | None:
        """The NACL of a subnet; None where the plan holds none for it."""
        urn = self.of_subnet.get(subnet) or self.default_of.get(vpc)
        return self.made[urn] if urn else None


def read_acls(plan: Plan) -> Acls:
    """Every NACL, with inline entries and standalone ones."""
    ingress: dict[str, list[Entry]] = {}
    egress: dict[str, list[Entry]] = {}
    of_subnet: dict[str, str] = {}
    default_of: dict[str, str] = {}
    nacls = plan.all(NACL, DEFAULT_NACL)
    for nacl in nacls:
        ingress[nacl.urn] = [_entry(item) for item in mappings(nacl.inputs.get("ingress"))]
        egress[nacl.urn] = [_entry(item) for item in mappings(nacl.inputs.get("egress"))]
        of_subnet.update(dict.fromkeys(plan.refs.of(nacl, "subnetIds", *SUBNET).urns, nacl.urn))
        if nacl.type == DEFAULT_NACL:
            default_of[plan.vpc_of(nacl, "defaultNetworkAclId")] = nacl.urn
    for rule in plan.all(NACL_RULE):
        for urn in plan.refs.of(rule, "networkAclId", NACL, DEFAULT_NACL).urns:
            (egress if rule.inputs.get("egress") is True else ingress)[urn].append(_entry(rule.inputs))
    for binding in plan.all(NACL_ASSOCIATION):
        nacl = plan.refs.of(binding, "networkAclId", NACL, DEFAULT_NACL).first
        if nacl is not None:
            of_subnet.update(dict.fromkeys(plan.refs.of(binding, "subnetId", *SUBNET).urns, nacl.urn))

    def ordered(entries: list[Entry]) -> tuple[Entry, ...]:
        return tuple(sorted(entries, key=lambda entry: entry.number))

    made = {nacl.urn: Nacl(nacl.urn, nacl.name, ordered(ingress[nacl.urn]), ordered(egress[nacl.urn])) for nacl in nacls}
    return Acls(made, of_subnet, default_of)


def _entry(item: Mapping[str, Any]) -> Entry:
    """A NACL's entry, inline (`ruleNo`, `action`) or standalone (`ruleNumber`, `ruleAction`)."""
    place = number(item.get("ruleNo", item.get("ruleNumber")))
    action = item.get("action", item.get("ruleAction"))
    protocol, first, last = item.get("protocol"), item.get("fromPort"), item.get("toPort")
    # In a NACL 0 to 0 with every protocol means every port.
    ports, vague = rule_ports(protocol, first, last)
    block, ipv6 = item.get("cidrBlock"), item.get("ipv6CidrBlock")
    return Entry(
        place if place is not None else 0,
        str(action).lower() == "allow" or is_unknown(action),
        ports,
        network_of(block),
        given(ipv6) and not given(block),
        vague or is_unknown(action) or is_unknown(block) or place is None,
    )
