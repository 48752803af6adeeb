"""Subnets with their routes and NACLs, and the gateways and firewalls that stand in them."""

from __future__ import annotations

from collections.abc import Mapping

from nautilus.inventory.addresses import network_of
from nautilus.inventory.network.acls import read_acls
from nautilus.inventory.network.model import OPEN_NACL, Subnet, Table
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.network.routes import local_routes, vpc_of_table
from nautilus.inventory.references import Referred
from nautilus.inventory.tokens import DEFAULT_ROUTE_TABLE, INTERNET_GATEWAY, MAIN_TABLE, NAT, ROUTE_TABLE, SUBNET, TABLE_ASSOCIATION
from nautilus.inventory.values import at, given, is_unknown, known_text


def read_subnets(plan: Plan, tables: Mapping[str, Table]) -> dict[str, Subnet]:
    """Every subnet of the plan, by URN."""
    own: dict[str, str] = {}
    for binding in plan.all(TABLE_ASSOCIATION):
        table = plan.refs.of(binding, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).first
        if table is not None:
            own.update(dict.fromkeys(plan.refs.of(binding, "subnetId", *SUBNET).urns, table.urn))
    main = {vpc_of_table(plan, table): table.urn for table in plan.all(DEFAULT_ROUTE_TABLE)}
    for binding in plan.all(MAIN_TABLE):
        table = plan.refs.of(binding, "routeTableId", ROUTE_TABLE).first
        if table is not None:
            main[plan.vpc_of(binding)] = table.urn
    acls = read_acls(plan)
    found: dict[str, Subnet] = {}
    for subnet in plan.all(*SUBNET):
        vpc = plan.vpc_of(subnet)
        inside = vpc in plan.vpcs
        table_urn = own.get(subnet.urn) or main.get(vpc)
        # Without a table of the plan the VPC's own one counts, which AWS fills with the local routes alone.
        bare = Table("", f"main table of {vpc.rpartition('::')[2] or 'the VPC'}", local_routes(plan, vpc)) if inside else None
        flag = subnet.inputs.get("mapPublicIpOnLaunch")
        found[subnet.urn] = Subnet(
            subnet.urn,
            subnet.name,
            network_of(subnet.inputs.get("cidrBlock")),
            known_text(subnet.inputs.get("availabilityZone")) or known_text(subnet.inputs.get("availabilityZoneId")) or None,
            vpc,
            known_text(at(subnet.inputs, "tags.Tier")),
            flag is True or flag == "true" or is_unknown(flag),
            tables[table_urn] if table_urn else bare,
            acls.guarding(subnet.urn, vpc) or (OPEN_NACL if inside else None),
            ipv6=given(subnet.inputs.get("ipv6CidrBlock")) or subnet.inputs.get("ipv6Native") is True,
        )
    return found


def edge_tables(plan: Plan, tables: Mapping[str, Table]) -> dict[str, Table]:
    """Route tables of internet gateways, by VPC."""
    found: dict[str, Table] = {}
    for binding in plan.all(TABLE_ASSOCIATION):
        table = plan.refs.of(binding, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).first
        if table is not None:
            for gateway in plan.refs.of(binding, "gatewayId", INTERNET_GATEWAY).found:
                found[plan.vpc_of(gateway)] = tables[table.urn]
    return found


def standing(subnets: Mapping[str, Subnet], referred: Referred) -> tuple[Subnet, ...]:
    """The subnets of a reference; ones that the plan only names stand for themselves."""
    found = [subnets[urn] for urn in referred.urns]
    names = [*referred.foreign, *(["an unknown subnet"] if referred.unknown else [])]
    found += [Subnet(name, name, None, None, "", "", True, None, None, foreign=True) for name in names]
    return tuple(sorted(found, key=lambda subnet: (subnet.zone or "", subnet.name)))


def nat_subnets(plan: Plan, subnets: Mapping[str, Subnet]) -> dict[str, Subnet]:
    """Where each NAT gateway stands, by its URN."""
    places = {nat.urn: standing(subnets, plan.refs.of(nat, "subnetId", *SUBNET)) for nat in plan.all(NAT)}
    return {urn: place[0] for urn, place in places.items() if place}
