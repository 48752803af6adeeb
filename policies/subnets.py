"""Which subnets lead to the internet, and what keeps data in them."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.tokens import (
    AUTOSCALING_GROUP,
    DEFAULT_VPC,
    ECS_SERVICE,
    INSTANCE,
    INTERNET_GATEWAY,
    LAUNCH_TEMPLATE,
    MAIN_ROUTE_TABLE_ASSOCIATION,
    NETWORK_INTERFACE,
    PLACEMENTS,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    ROUTE_TABLES,
    SUBNET_GROUPS,
    SUBNETS,
    VPC,
)
from policies.values import ABSENT, UNKNOWN, items

_RUNNERS = {
    ECS_SERVICE: "networkConfiguration",
    AUTOSCALING_GROUP: "vpcZoneIdentifiers",
    INSTANCE: "subnetId",
    LAUNCH_TEMPLATE: "networkInterfaces",
    NETWORK_INTERFACE: "subnetId",
    "aws:lambda/function:Function": "vpcConfig",
}
"""Types that run our own code → the input that says in which subnets."""
_ATTACHMENT = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
_MOUNT_TARGET = "aws:efs/mountTarget:MountTarget"


def foreign_subnets(resource: Resource, prop: str) -> list[str]:
    """The subnet ids at `prop` that are known and that no subnet of the stack has."""
    stack = resource.stack
    words = [item for item in items(resource.get(prop)) if isinstance(item, str)]
    return words if stack is None else [word for word in words if not stack.identified([word], SUBNETS)]


def brought_along(resource: Resource, prop: str) -> bool:
    """Whether `prop` names subnets of a network that the stack was given wholly: two or more literal ids, and nothing of a VPC is its own.

    A stack with a VPC or a subnet of its own could put the resource there, so a foreign id in it still has to be explained. What stands in
    another region does not count: nothing of this one can be put there.
    """
    stack, named = resource.stack, items(resource.get(prop))
    foreign = {word for word in foreign_subnets(resource, prop) if word.startswith("subnet-")}
    if stack is None or len(foreign) != len(named) or len(named) < 2:
        return False
    return not [one for one in stack.of(VPC, DEFAULT_VPC, *SUBNETS) if one.get("region") == resource.get("region")]


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


def workload_subnets(stack: Stack) -> dict[str, Resource]:
    """URN of each subnet in which our own code runs → the subnet: services, functions, machines and the interfaces that they use.

    Load balancers and endpoints are AWS's code; an interface that is a dead end runs nothing.
    """
    return stack.view(_workload_subnets)


def occupied_subnets(stack: Stack) -> dict[str, Resource]:
    """The same and the subnets of load balancers, endpoints and data: all in which something may be asked from outside."""
    found = {**workload_subnets(stack)}
    for type_, (_, prop) in PLACEMENTS.items():
        for holder in stack.of(type_):
            if holder.type != NETWORK_INTERFACE or not dead_end(holder):
                found.update({subnet.urn: subnet for subnet in holder.sources(prop, *SUBNETS)})
    for urn in data_subnets(stack):
        if (subnet := stack.find(urn)) is not None:
            found[urn] = subnet
    return found


def dead_end(interface: Resource) -> bool:
    """Whether a network interface is attached to nothing and meant for nothing: what is routed to it is lost, not let out.

    One that has security groups of its own is meant for something, though it may be attached by hands that the stack does not show.
    """
    stack = interface.stack
    return (
        stack is not None
        and not items(interface.get("attachments"))
        and not items(interface.get("securityGroups"))
        and not stack.users(interface, "networkInterfaces", INSTANCE, LAUNCH_TEMPLATE)
        and not stack.users(interface, "networkInterfaceId", _ATTACHMENT)
    )


def _workload_subnets(stack: Stack) -> dict[str, Resource]:
    return {
        subnet.urn: subnet
        for type_, prop in _RUNNERS.items()
        for runner in stack.of(type_)
        if runner.type != NETWORK_INTERFACE or not dead_end(runner)
        for subnet in runner.sources(prop, *SUBNETS)
    }


def internet_routes(subnet: Resource) -> Iterator[tuple[Resource, str, bool]]:
    """Every route from the subnet to an internet gateway: the resource that declares it, its input, and whether it is certain."""
    stack = subnet.stack
    if stack is None:
        return
    for table in tables_of(subnet):
        yield from _gateway_routes(stack, table)


def tables_of(subnet: Resource) -> list[Resource]:
    """The route tables of the stack that a subnet follows: its own, else its VPC's main one."""
    stack = subnet.stack
    if stack is None:
        return []
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
