"""Security groups: whom each of their rules lets in or out, and the prefix lists that rules name."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from nautilus.inventory.addresses import CLOUDFRONT_LIST, CLOUDFRONT_LISTS, STRANGE_LIST, network_of
from nautilus.inventory.names import service_of
from nautilus.inventory.network.model import Permission, Subnet
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.ports import rule_ports
from nautilus.inventory.records import PlannedResource
from nautilus.inventory.references import Referred
from nautilus.inventory.tokens import EGRESS, ENDPOINT, GROUP_RULE, GROUPS, INGRESS, PREFIX_LIST, SUBNET, VPC
from nautilus.inventory.values import at, each, given, is_unknown, listed, mappings


def prefix_lists(plan: Plan) -> dict[str, tuple[IPv4Network, ...]]:
    """The blocks of the plan's own prefix lists, by URN."""
    return {
        item.urn: tuple(block for value in listed(at(item.inputs, "entries.cidr")) if (block := network_of(value)))
        for item in plan.all(PREFIX_LIST)
    }


def gateway_endpoints(plan: Plan) -> dict[str, PlannedResource]:
    """Gateway endpoints by service, such as s3."""
    return {service_of(endpoint): endpoint for endpoint in plan.all(ENDPOINT) if endpoint.inputs.get("vpcEndpointType") == "Gateway"}


def permissions(plan: Plan, subnets: Mapping[str, Subnet]) -> dict[str, tuple[Permission, ...]]:
    """The rules of every security group, by its URN."""
    return _Groups(plan, subnets).read()


class _Groups:
    def __init__(self, plan: Plan, subnets: Mapping[str, Subnet]) -> None:
        self.plan = plan
        self.subnets = subnets
        self.list_of_service = {
            value: name
            for name, endpoint in gateway_endpoints(plan).items()
            if isinstance(value := endpoint.outputs.get("prefixListId"), str) and not is_unknown(value)
        }

    def read(self) -> dict[str, tuple[Permission, ...]]:
        found: dict[str, list[Permission]] = {group.urn: [] for group in self.plan.all(*GROUPS)}
        for group in self.plan.all(*GROUPS):
            for prop, inward in (("ingress", True), ("egress", False)):
                for index, rule in enumerate(mappings(group.inputs.get(prop)), 1):
                    found[group.urn].append(self._permission(group, rule, group.urn, inward, prop, index))
        for rule in self.plan.all(INGRESS, EGRESS, GROUP_RULE):
            inward = rule.type == INGRESS or (rule.type == GROUP_RULE and rule.inputs.get("type") != "egress")
            for urn in self.plan.refs.of(rule, "securityGroupId", *GROUPS).urns:
                found[urn].append(self._permission(rule, rule.inputs, urn, inward, ""))
        return {urn: tuple(rules) for urn, rules in found.items()}

    def _permission(
        self, resource: PlannedResource, rule: Mapping[str, Any], group: str, inward: bool, prop: str, index: int = 0
    ) -> Permission:
        """`prop` is the property that holds an inline rule; empty for a standalone one."""
        standalone = resource.type in (INGRESS, EGRESS)
        unknown = False
        ports, vague = rule_ports(rule.get("ipProtocol" if standalone else "protocol"), rule.get("fromPort"), rule.get("toPort"))
        blocks: list[IPv4Network] = []
        ipv6: list[str] = []
        for key in ("cidrIpv4", "cidrBlocks", "cidrIpv6", "ipv6CidrBlocks"):
            value = rule.get(key)
            for item in each(value):
                if is_unknown(item):
                    blocks += self._blocks_of(resource, prop or key)
                    unknown = unknown or not blocks
                elif (block := network_of(item)) is not None:
                    blocks.append(block)
                elif isinstance(item, str):
                    ipv6.append(item)
        peers = Referred()
        for key in ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups"):
            if given(rule.get(key)):
                peers = self._peers(resource, rule[key], prop or key, group)
        unknown = unknown or peers.unknown
        lists: set[str] = set()
        for key in ("prefixListId", "prefixListIds"):
            if given(rule.get(key)):
                lists |= self._list_names(resource, rule[key], prop or key)
        return Permission(
            group,
            inward,
            ports,
            resource,
            frozenset(peers.urns),
            tuple(blocks),
            frozenset(lists),
            rule.get("self") is True,
            tuple(ipv6),
            unknown,
            vague,
            index,
        )

    def _blocks_of(self, resource: PlannedResource, prop: str) -> list[IPv4Network]:
        """Blocks of the subnets and VPCs that an unknown block is computed from."""
        found = [self.subnets[item.urn].block for item in self.plan.refs.sources(resource, prop, *SUBNET)]
        blocks = [block for block in found if block is not None]
        for vpc in self.plan.refs.sources(resource, prop, *VPC):
            blocks += self.plan.vpcs[vpc.urn]
        return blocks

    def _peers(self, resource: PlannedResource, value: Any, prop: str, group: str) -> Referred:
        """The groups that a rule names; a rule inside a group does not mean that group itself unless it says so."""
        texts = [item for item in each(value) if isinstance(item, str)]
        known = [found for text in texts if not is_unknown(text) for found in self.plan.refs.named(text, *GROUPS)]
        sources = [item for item in self.plan.refs.sources(resource, prop, *GROUPS) if resource.type not in GROUPS or item.urn != group]
        vague = any(is_unknown(text) for text in texts)
        if vague:
            return Referred(tuple({item.urn: item for item in (*known, *sources)}.values()), (), not sources)
        return Referred(tuple(known or sources))

    def _list_names(self, resource: PlannedResource, value: Any, prop: str) -> set[str]:
        found: set[str] = set()
        for item in each(value):
            if isinstance(item, str) and not is_unknown(item):
                planned = self.plan.refs.named(item, PREFIX_LIST)
                if planned:
                    found.add(planned[0].urn)
                elif item in self.list_of_service:
                    found.add(self.list_of_service[item])
                else:
                    found.add(CLOUDFRONT_LIST if item in CLOUDFRONT_LISTS.values() else STRANGE_LIST)
                continue
            sources = self.plan.refs.sources(resource, prop, ENDPOINT, PREFIX_LIST)
            found |= {service_of(source) if source.type == ENDPOINT else source.urn for source in sources} or {STRANGE_LIST}
        return found
