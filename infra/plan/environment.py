"""Plain environment variables of the containers, by workload. Secrets are not among them: those come by reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.plan.flows import CACHE_PORT, POSTGRES_PORT, TIMESCALE_READER_PORT, Role
from infra.plan.timescale import SCOPE
from infra.settings.root import Settings

Addresses = Mapping[str, Any]
"""Host names by what they reach: `postgres`, `postgres-reader`, `timescale`, `cache`; values may be Pulumi outputs."""


def _data(settings: Settings, addresses: Addresses) -> dict[str, Any]:
    """Where the data is. The application puts the URL together with the password that it gets by reference."""
    found = {
        "DATABASE_HOST": addresses["postgres"],
        "DATABASE_READER_HOST": addresses["postgres-reader"],
        "DATABASE_PORT": str(POSTGRES_PORT),
        "DATABASE_NAME": settings.postgres.database,
        "DATABASE_USER": settings.postgres.user,
        "DATABASE_SSLMODE": "verify-full",
        "REDIS_HOST": addresses["cache"],
        "REDIS_PORT": str(CACHE_PORT),
        "REDIS_TLS": "true",
    }
    if settings.timescale.enabled:
        found |= {
            "TIMESCALE_HOST": addresses["timescale"],
            "TIMESCALE_PORT": str(POSTGRES_PORT),
            "TIMESCALE_READER_PORT": str(TIMESCALE_READER_PORT),
            "TIMESCALE_DATABASE": SCOPE,
            "TIMESCALE_USER": SCOPE,
            # The nodes' certificates are their own: traffic is encrypted, the peer is known by its security group.
            "TIMESCALE_SSLMODE": "require",
        }
    return found


def _common(settings: Settings) -> dict[str, Any]:
    return {"ENVIRONMENT": settings.platform.environment.value, "DEBUG": "false"}


def backend(settings: Settings, addresses: Addresses) -> dict[str, Any]:
    """FastAPI: data, the pool's bounds (DTO-086), the site it answers to."""
    service = settings.services.backend
    return {
        **_common(settings),
        **_data(settings, addresses),
        "DATABASE_POOL_MIN": str(service.pool_min),
        "DATABASE_POOL_MAX": str(service.pool_max),
        "SITE_URL": f"https://{settings.edge.dns.domain}",
    }


def frontend(settings: Settings) -> dict[str, Any]:
    """React: where the API and the WebSockets are, behind the same CloudFront."""
    domain = settings.edge.dns.domain
    return {
        **_common(settings),
        "NODE_ENV": "production",
        "VITE_API_BASE_URL": f"https://{domain}/api/",
        "VITE_WS_URL": f"wss://{domain}/ws/",
    }


def engine(settings: Settings, addresses: Addresses, *, lease_table: Any) -> dict[str, Any]:
    """NautilusTrader: data, the gateway, and the lease without which it may not send an order (DESIGN.md decision 7)."""
    return {
        **_common(settings),
        **_data(settings, addresses),
        "TRADING_MODE": settings.trading.mode.value,
        "IB_GATEWAY_HOST": Role.IB_GATEWAY.value,
        "IB_GATEWAY_PORT": str(settings.trading.gateway_port),
        "IB_CLIENT_ID": str(settings.trading.ib_client_id),
        "LEASE_TABLE": lease_table,
        "LEASE_NAME": Role.ENGINE.value,
    }


def gateway(*, lease_table: Any) -> dict[str, Any]:
    """IB Gateway: the lease of its login; what its image is told about the login itself stands in the component."""
    return {"LEASE_TABLE": lease_table, "LEASE_NAME": Role.IB_GATEWAY.value}
