"""The whole network of an inventory, reader by reader."""

from __future__ import annotations

from nautilus.inventory.network.balancers import balancers
from nautilus.inventory.network.groups import gateway_endpoints, permissions, prefix_lists
from nautilus.inventory.network.model import Network
from nautilus.inventory.network.origins import distributions
from nautilus.inventory.network.placements import things
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.network.routes import tables
from nautilus.inventory.network.subnets import edge_tables, nat_subnets, read_subnets, standing
from nautilus.inventory.records import Inventory
from nautilus.inventory.tokens import FIREWALL, NAT, SUBNET


def read(inventory: Inventory) -> Network:
    """The network of an inventory. One pass over the resources of each kind."""
    plan = Plan(inventory)
    routes = tables(plan)
    subnets = read_subnets(plan, routes)
    placed = things(plan, subnets)
    forwarders = balancers(plan, placed)
    return Network(
        inventory,
        plan.refs,
        vpcs=plan.vpcs,
        subnets=subnets,
        things=placed,
        permissions=permissions(plan, subnets),
        balancers=forwarders,
        distributions=distributions(plan, forwarders),
        nat_subnets=nat_subnets(plan, subnets),
        private_nats=frozenset(nat.urn for nat in plan.all(NAT) if nat.inputs.get("connectivityType") == "private"),
        firewall_subnets={
            firewall.urn: standing(subnets, plan.refs.of(firewall, "subnetMappings.subnetId", *SUBNET)) for firewall in plan.all(FIREWALL)
        },
        edge_tables=edge_tables(plan, routes),
        prefix_lists=prefix_lists(plan),
        gateway_services=tuple(sorted(gateway_endpoints(plan))),
    )
