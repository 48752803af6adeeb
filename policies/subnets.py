"""Which subnets lead to the internet, and what keeps data in them."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.tokens import (
    INTERNET_GATEWAY,
    MAIN_ROUTE_TABLE_ASSOCIATION,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    ROUTE_TABLES,
    SUBNET_GROUPS,
    SUBNETS,
)
from policies.values import ABSENT, UNKNOWN, items

_MOUNT_TARGET = "aws:efs/mountTarget:MountTarget"


def data_subnets(stack: Stack) -> dict[str, Resource]:
    """URN of each subnet in which data lives → the resource that puts it there."""
    found: dict[str, Resource] = {}
    for group in stack.of(*SUBNET_GROUPS):
        for subnet in group.sources("subnetIds", *SUBNETS):
            found.setdefault(subnet.urn, group)
    for target in stack.of(_MOUNT_TARGET):
        for subnet in target.sources("subnetId", *SUBNETS):
            found.setdefault(subnet.urn, target)
    return found


def internet_routes(subnet: Resource) -> Iterator[tuple[Resource, str, bool]]:
    """Every route from the subnet to an internet gateway: the resource that declares it, its input, and whether it is certain."""
    stack = subnet.stack
    if stack is None:
        return
    for table in _tables(stack, subnet):
        yield from _gateway_routes(stack, table)


def _tables(stack: Stack, subnet: Resource) -> list[Resource]:
    mine = stack.users(subnet, "subnetId", ROUTE_TABLE_ASSOCIATION)
    tables = [table for association in mine for table in association.sources("routeTableId", *ROUTE_TABLES)]
    if mine:
        return tables
    # Without an association of its own a subnet follows its VPC's main route table.
    return [
        *(
            table
            for association in stack.of(MAIN_ROUTE_TABLE_ASSOCIATION)
            if _same_vpc(association, subnet)
            for table in association.sources("routeTableId", ROUTE_TABLE)
        ),
        *(table for table in stack.of("aws:ec2/defaultRouteTable:DefaultRouteTable") if _same_vpc(table, subnet, "defaultRouteTableId")),
    ]


def _same_vpc(resource: Resource, subnet: Resource, prop: str = "vpcId") -> bool:
    vpcs = {vpc.urn for vpc in subnet.sources("vpcId")}
    return any(origin.urn in vpcs for origin in resource.sources(prop))


def _gateway_routes(stack: Stack, table: Resource) -> Iterator[tuple[Resource, str, bool]]:
    for route in stack.users(table, "routeTableId", ROUTE):
        found = _leads_out(route, "gatewayId")
        if found is not None:
            yield route, "gatewayId", found
    for route in items(table.get("routes")):
        if route is UNKNOWN or (isinstance(route, dict) and route.get("gatewayId", ABSENT) is not ABSENT):
            gateway = route.get("gatewayId") if isinstance(route, dict) else UNKNOWN
            if isinstance(gateway, str):
                if gateway.startswith("igw-"):
                    yield table, "routes", True
            elif table.sources("routes", INTERNET_GATEWAY):
                yield table, "routes", True
            elif not table.sources("routes"):
                yield table, "routes", False


def _leads_out(route: Resource, prop: str) -> bool | None:
    """True: through an internet gateway; False: nobody knows; None: not."""
    gateway = route.get(prop)
    if gateway is ABSENT or gateway == "":
        return None
    if isinstance(gateway, str):
        return True if gateway.startswith("igw-") or route.sources(prop, INTERNET_GATEWAY) else None
    if route.sources(prop, INTERNET_GATEWAY):
        return True
    # An unknown gateway that comes from something else of the stack (a VPN gateway, a firewall endpoint) is not the internet's.
    return None if route.sources(prop) else False
