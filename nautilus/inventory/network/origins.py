"""CloudFront distributions: the load balancers behind them, and the ports that CloudFront opens there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nautilus.inventory.network.model import Balancer, Origin
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.ports import ALL_PORTS, Ports
from nautilus.inventory.records import PlannedResource
from nautilus.inventory.tokens import BALANCER, DISTRIBUTION, RECORD
from nautilus.inventory.values import UNKNOWN, given, is_unknown, mapping, mappings


def distributions(plan: Plan, balancers: Mapping[str, Balancer]) -> dict[str, tuple[Origin, ...]]:
    """Origins that are load balancers, by URN of the distribution; disabled distributions are left out."""
    names: dict[str, list[PlannedResource]] = {}
    for record in plan.all(RECORD):
        name = record.inputs.get("name")
        aimed = plan.refs.of(record, "aliases.name", *BALANCER).found or plan.refs.of(record, "records", *BALANCER).found
        if isinstance(name, str) and aimed:
            names.setdefault(name.rstrip(".").lower(), []).extend(aimed)
    found: dict[str, tuple[Origin, ...]] = {}
    for distribution in plan.all(DISTRIBUTION):
        if distribution.inputs.get("enabled") is False:
            continue
        origins: dict[str, Origin] = {}
        for origin in mappings(distribution.inputs.get("origins")):
            for balancer, ports in _origin(plan, distribution, origin, names):
                origins[balancer.urn] = Origin(balancers[balancer.urn].thing, ports)
        found[distribution.urn] = tuple(origins.values())
    return found


def _origin(
    plan: Plan, distribution: PlannedResource, origin: Mapping[str, Any], names: Mapping[str, list[PlannedResource]]
) -> Iterator[tuple[PlannedResource, Ports]]:
    domain = origin.get("domainName")
    custom = origin.get("customOriginConfig")
    ports: Ports = ALL_PORTS
    if isinstance(custom, Mapping):
        config = mapping(custom)
        secure, clear = config.get("httpsPort"), config.get("httpPort")
        policy = config.get("originProtocolPolicy")
        wanted = {"https-only": [secure], "http-only": [clear]}.get(str(policy), [clear, secure])
        ports = tuple(sorted((int(port), int(port)) for port in wanted if isinstance(port, int | float))) or ALL_PORTS
    elif not given(origin.get("vpcOriginConfig")):
        return
    found: tuple[PlannedResource, ...] = ()
    if isinstance(domain, str) and not is_unknown(domain):
        found = tuple(names.get(domain.rstrip(".").lower(), ())) or plan.refs.named(domain, *BALANCER)
    elif domain == UNKNOWN:
        found = plan.refs.sources(distribution, "origins", *BALANCER)
    for balancer in found:
        yield balancer, ports
