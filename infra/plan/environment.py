"""Plain environment variables of the containers, by workload. Secrets are not among them: those come by reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.plan.cache import BACKEND_PREFIX
from infra.plan.flows import CACHE_PORT, POSTGRES_PORT, TIMESCALE_READER_PORT, Role
from infra.plan.secrets import PROXY_USER
from infra.plan.timescale import SCOPE
from infra.settings.root import Settings

Addresses = Mapping[str, Any]
"""Host names by what they reach: `postgres`, `postgres-reader`, `timescale`, `cache`, and `postgres-proxy` where there is one; values may be
Pulumi outputs."""


def _database(settings: Settings, addresses: Addresses, *, proxied: bool) -> dict[str, Any]:
    """The relational database.

    Directly: user and password come by reference from `database-app-login`, because the user alternates with every rotation. Through the
    proxy: the user is fixed, and its password is a token of 15 minutes that the application asks AWS for (docs/database.md). RDS
    Proxy has no endpoint for readers on an RDS instance, so reads go there as well.
    """
    common = {
        "DATABASE_PORT": str(POSTGRES_PORT),
        "DATABASE_NAME": settings.postgres.database,
        "DATABASE_SSLMODE": "verify-full",
    }
    if proxied:
        proxy = addresses["postgres-proxy"]
        return {**common, "DATABASE_HOST": proxy, "DATABASE_READER_HOST": proxy, "DATABASE_AUTH": "iam", "DATABASE_USER": PROXY_USER}
    return {
        **common,
        "DATABASE_HOST": addresses["postgres"],
        "DATABASE_READER_HOST": addresses["postgres-reader"],
        "DATABASE_AUTH": "password",
    }


def _data(settings: Settings, addresses: Addresses, *, proxied: bool) -> dict[str, Any]:
    """Where the data is. The application puts the URL together with the password that it gets by reference."""
    found = {
        **_database(settings, addresses, proxied=proxied),
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
    """FastAPI: data, through the proxy where there is one, the pool's bounds (DTO-086), the site it answers to."""
    service = settings.services.backend
    return {
        **_common(settings),
        **_data(settings, addresses, proxied="postgres-proxy" in addresses),
        "DATABASE_POOL_MIN": str(service.pool_min),
        "DATABASE_POOL_MAX": str(service.pool_max),
        "REDIS_USERNAME": Role.BACKEND.value,
        # Its user of the cache reaches no other keys and channels.
        "REDIS_KEY_PREFIX": BACKEND_PREFIX,
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
        **_data(settings, addresses, proxied=False),
        "REDIS_USERNAME": Role.ENGINE.value,
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
