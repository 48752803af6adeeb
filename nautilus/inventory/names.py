"""What people call the things of a network, and the outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from nautilus.inventory.records import PlannedResource
from nautilus.inventory.tokens import (
    BALANCER,
    CACHE,
    CACHE_CLUSTER,
    CACHE_SERVERLESS,
    DATABASE,
    DATABASE_CLUSTER,
    DATABASE_PROXY,
    ENDPOINT,
    MOUNT_TARGET,
    VPN,
)
from nautilus.inventory.values import is_unknown

INTERNET: Final = "internet"
CLOUDFRONT: Final = "cloudfront"
PLATFORM: Final = (
    "internet",
    "cloudfront",
    "s3",
    "load-balancer",
    "frontend",
    "backend",
    "engine",
    "ib-gateway",
    "proxy",
    "postgres",
    "timescale",
    "cache",
    "session-files",
    "endpoints",
    "vpn",
)
"""Names that every stack understands, also where it does without the thing."""

_ROLES: Final[Mapping[str, str]] = {
    DATABASE: "postgres",
    DATABASE_CLUSTER: "postgres",
    DATABASE_PROXY: "proxy",
    CACHE: "cache",
    CACHE_CLUSTER: "cache",
    CACHE_SERVERLESS: "cache",
    MOUNT_TARGET: "session-files",
    ENDPOINT: "endpoints",
    VPN: "vpn",
}


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the platform's order, and after that by the alphabet."""
    order = {name: index for index, name in enumerate(PLATFORM)}
    return tuple(sorted(set(names), key=lambda name: (order.get(name, len(order)), name)))


def role_of(resource: PlannedResource) -> str:
    """What people call it: managed data and endpoints by type, an application load balancer by what it is, the rest by its capability.

    The capability is the component right below the root; a resource outside any goes by its own name.
    """
    engine = resource.inputs.get("engine")
    if resource.type in (DATABASE, DATABASE_CLUSTER) and isinstance(engine, str) and not is_unknown(engine) and "postgres" not in engine:
        return engine
    if resource.type in BALANCER and resource.inputs.get("loadBalancerType", "application") == "application":
        return "load-balancer"
    return _ROLES.get(resource.type) or (resource.component[1] if len(resource.component) > 1 else resource.name)


def service_of(endpoint: PlannedResource) -> str:
    """What an endpoint of the VPC leads to: `s3` of `com.amazonaws.us-east-1.s3`."""
    return str(endpoint.inputs.get("serviceName", "")).rpartition(".")[2]
