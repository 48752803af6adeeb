"""A plan as the readers see it: resources by type, references, and the VPCs with their address blocks."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network

from nautilus.inventory.addresses import network_of
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.references import References
from nautilus.inventory.tokens import INSTANCE, INTERFACE, INTERFACE_ATTACHMENT, LAUNCH_TEMPLATE, VPC, VPC_BLOCK
from nautilus.inventory.values import given


class Plan:
    """The indexes that only the reading needs."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.refs = References(inventory)
        self._by_type: dict[str, list[PlannedResource]] = {}
        for resource in inventory.real:
            self._by_type.setdefault(resource.type, []).append(resource)

    def all(self, *types: str) -> list[PlannedResource]:
        """The resources of some types, type by type."""
        return [resource for kind in types for resource in self._by_type.get(kind, ())]

    @cached_property
    def vpcs(self) -> dict[str, tuple[IPv4Network, ...]]:
        """Address blocks by URN of the VPC."""
        blocks: dict[str, list[IPv4Network]] = {vpc.urn: [] for vpc in self.all(*VPC)}
        for vpc in self.all(*VPC):
            if (block := network_of(vpc.inputs.get("cidrBlock") or vpc.outputs.get("cidrBlock"))) is not None:
                blocks[vpc.urn].append(block)
        for more in self.all(VPC_BLOCK):
            vpc = self.refs.of(more, "vpcId", *VPC).first
            if vpc is not None and (block := network_of(more.inputs.get("cidrBlock"))) is not None:
                blocks[vpc.urn].append(block)
        return {urn: tuple(found) for urn, found in blocks.items()}

    def vpc_of(self, resource: PlannedResource, prop: str = "vpcId") -> str:
        """URN or id of the VPC that a property names; empty where it cannot be told."""
        referred = self.refs.of(resource, prop, *VPC)
        return referred.first.urn if referred.first is not None else (referred.foreign[0] if referred.foreign else "")

    @cached_property
    def carried(self) -> frozenset[str]:
        """URNs of the network interfaces that an instance, or a template of instances, carries."""
        found: set[str] = set()
        for template in self.all(LAUNCH_TEMPLATE, INSTANCE):
            found |= set(self.refs.of(template, "networkInterfaces.networkInterfaceId", INTERFACE).urns)
            found |= set(self.refs.of(template, "primaryNetworkInterface.networkInterfaceId", INTERFACE).urns)
        for attachment in self.all(INTERFACE_ATTACHMENT):
            found |= set(self.refs.of(attachment, "networkInterfaceId", INTERFACE).urns)
        found |= {interface.urn for interface in self.all(INTERFACE) if given(interface.inputs.get("attachments"))}
        return frozenset(found)
