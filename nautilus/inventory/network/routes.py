"""Route tables, and where each of their entries leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nautilus.inventory.addresses import network_of
from nautilus.inventory.names import service_of
from nautilus.inventory.network.model import Goal, Route, Table
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.records import PlannedResource
from nautilus.inventory.references import Referred
from nautilus.inventory.tokens import (
    DEFAULT_ROUTE_TABLE,
    ENDPOINT,
    ENDPOINT_TABLE,
    FIREWALL,
    INTERFACE,
    INTERNET_GATEWAY,
    NAT,
    ROUTE,
    ROUTE_TABLE,
    VPC,
)
from nautilus.inventory.values import given, is_unknown, mappings


def local_routes(plan: Plan, vpc: str) -> tuple[Route, ...]:
    """What every route table of a VPC holds: its own blocks."""
    return tuple(Route(block, Goal.LOCAL) for block in plan.vpcs.get(vpc, ()))


def vpc_of_table(plan: Plan, table: PlannedResource) -> str:
    """The VPC of a route table: URN or id."""
    return plan.vpc_of(table, "defaultRouteTableId" if table.type == DEFAULT_ROUTE_TABLE else "vpcId")


def tables(plan: Plan) -> dict[str, Table]:
    """Every route table of the plan, by URN."""
    entries: dict[str, list[Route]] = {}
    ipv6: set[str] = set()
    zones = _endpoint_zones(plan)
    known = plan.all(ROUTE_TABLE, DEFAULT_ROUTE_TABLE)
    for table in known:
        entries[table.urn] = [*local_routes(plan, vpc_of_table(plan, table))]
        for entry in mappings(table.inputs.get("routes")):
            if (route := _route(plan, zones, table, entry, "routes")) is not None:
                entries[table.urn].append(route)
            if given(entry.get("ipv6CidrBlock")) and given(entry.get("gatewayId")):
                ipv6.add(table.urn)
    for resource in plan.all(ROUTE):
        owner = plan.refs.of(resource, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE, *VPC).first
        if owner is None:
            continue
        urns = [owner.urn] if owner.urn in entries else [table.urn for table in known if table.type == DEFAULT_ROUTE_TABLE]
        for urn in urns:
            if (route := _route(plan, zones, resource, resource.inputs, "")) is not None:
                entries[urn].append(route)
            if given(resource.inputs.get("destinationIpv6CidrBlock")) and given(resource.inputs.get("gatewayId")):
                ipv6.add(urn)
    services = _gateway_services(plan)
    return {
        table.urn: Table(
            table.urn,
            table.name,
            tuple(entries[table.urn]),
            tuple(sorted(services.get(table.urn, ()), key=lambda pair: pair[0])),
            table.urn in ipv6,
        )
        for table in known
    }


def _gateway_services(plan: Plan) -> dict[str, list[tuple[str, PlannedResource]]]:
    """Gateway endpoints with their services, by URN of the route table that they stand on."""
    services: dict[str, list[tuple[str, PlannedResource]]] = {}
    for endpoint in plan.all(ENDPOINT):
        if endpoint.inputs.get("vpcEndpointType") == "Gateway":
            for urn in plan.refs.of(endpoint, "routeTableIds", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).urns:
                services.setdefault(urn, []).append((service_of(endpoint), endpoint))
    for binding in plan.all(ENDPOINT_TABLE):
        endpoint = plan.refs.of(binding, "vpcEndpointId", ENDPOINT).first
        for urn in plan.refs.of(binding, "routeTableId", ROUTE_TABLE, DEFAULT_ROUTE_TABLE).urns:
            if endpoint is not None:
                services.setdefault(urn, []).append((service_of(endpoint), endpoint))
    return services


def _endpoint_zones(plan: Plan) -> dict[str, tuple[PlannedResource, str]]:
    """Endpoint ids of the firewalls with their zones, as far as AWS has said them."""
    found: dict[str, tuple[PlannedResource, str]] = {}
    for firewall in plan.all(FIREWALL):
        for status in mappings(firewall.outputs.get("firewallStatuses")):
            for state in mappings(status.get("syncStates")):
                zone = state.get("availabilityZone")
                for attachment in mappings(state.get("attachments")):
                    endpoint = attachment.get("endpointId")
                    if isinstance(endpoint, str) and isinstance(zone, str) and not is_unknown(endpoint):
                        found[endpoint] = firewall, zone
    return found


def _route(
    plan: Plan, zones: Mapping[str, tuple[PlannedResource, str]], resource: PlannedResource, entry: Mapping[str, Any], prefix: str
) -> Route | None:
    """One entry; None where it is for IPv6 or a gateway endpoint's list."""
    key = "cidrBlock" if prefix else "destinationCidrBlock"
    destination = entry.get(key)
    if not given(destination):
        return None
    block = network_of(destination)

    def referred(name: str, *types: str) -> Referred:
        if not given(entry.get(name)):
            return Referred()
        # Inline entries share one property, so an unknown target is any of the right type; known ids are exact.
        value = entry[name]
        if isinstance(value, str) and not is_unknown(value):
            known = plan.refs.named(value, *types)
            if known:
                return Referred(known)
            sources = plan.refs.sources(resource, prefix or name, *types)
            return Referred(sources, (value,))
        sources = plan.refs.sources(resource, prefix or name, *types)
        return Referred(sources, (), not sources)

    def made(goal: Goal, target: PlannedResource | None = None, zone: str | None = None) -> Route:
        return Route(block, goal, target, zone, resource)

    gateway = entry.get("gatewayId")
    if given(gateway):
        if gateway == "local":
            return made(Goal.LOCAL)
        found = referred("gatewayId", INTERNET_GATEWAY)
        literal = isinstance(gateway, str) and gateway.startswith("igw-")
        return made(Goal.INTERNET, found.first) if found.found or literal else made(Goal.ELSEWHERE)
    if given(entry.get("natGatewayId")):
        found = referred("natGatewayId", NAT)
        return made(Goal.NAT, found.first) if found.found else made(Goal.ELSEWHERE)
    ident = entry.get("vpcEndpointId")
    if isinstance(ident, str) and ident in zones:
        return made(Goal.FIREWALL, *zones[ident])
    decided = given(entry.get("networkInterfaceId")) and not is_unknown(entry.get("networkInterfaceId"))
    return _appliance(
        plan, decided, referred("vpcEndpointId", FIREWALL, ENDPOINT), referred("networkInterfaceId", FIREWALL, INTERFACE), made
    )


def _appliance(plan: Plan, decided: bool, endpoint: Referred, interface: Referred, made: Callable[..., Route]) -> Route:
    """A route to a firewall's endpoint, or to an interface; while neither is known (not `decided`), to the firewall that both come from."""
    if not decided:
        for found in (endpoint, interface):
            firewall = next((item for item in found.found if item.type == FIREWALL), None)
            if firewall is not None:
                return made(Goal.FIREWALL, firewall)
    card = next((item for item in interface.found if item.type == INTERFACE), None)
    if card is not None:
        return made(Goal.ELSEWHERE, card) if card.urn in plan.carried else made(Goal.CLOSED, card)
    return made(Goal.ELSEWHERE, next(iter(endpoint.found), None))
