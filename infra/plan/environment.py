"""Plain environment variables of the containers, by workload. Secrets are not among them: those come by reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.plan.cache import BACKEND_PREFIX
from infra.plan.flows import CACHE_PORT, POSTGRES_PORT, TIMESCALE_READER_PORT, Role
from infra.plan.secrets import PROXY_USER
from infra.plan.singletons import STATUS_PORT, StopPlan, halt_parameter
from infra.plan.timescale import SCOPE
from infra.settings.broker import ActiveBroker
from infra.settings.root import Settings

PRIMARY_BROKER = "interactive-brokers"
"""What `BROKER` says while the engine trades through the gateway."""

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
        found |= _market(addresses)
    return found


def _market(addresses: Addresses) -> dict[str, Any]:
    return {
        "TIMESCALE_HOST": addresses["timescale"],
        "TIMESCALE_PORT": str(POSTGRES_PORT),
        "TIMESCALE_READER_PORT": str(TIMESCALE_READER_PORT),
        "TIMESCALE_DATABASE": SCOPE,
        "TIMESCALE_USER": SCOPE,
        # The nodes' certificates are their own: traffic is encrypted, the peer is known by its security group.
        "TIMESCALE_SSLMODE": "require",
    }


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


def engine(settings: Settings, addresses: Addresses) -> dict[str, Any]:
    """NautilusTrader: data, the broker it trades with, the way to it, and the flag that halts it (DESIGN.md decision 7).

    The gateway stands behind the watchdog of its own task, so its address is 127.0.0.1; the engine takes no lease itself, and asks
    `WATCHDOG_STATUS` where it wants to know. `BROKER` follows `trading.activeBroker`; the second broker is reached directly.
    """
    second = settings.trading.second_broker
    found = {
        **_common(settings),
        **_data(settings, addresses, proxied=False),
        **StopPlan().environment(),
        "REDIS_USERNAME": Role.ENGINE.value,
        "TRADING_MODE": settings.trading.mode.value,
        "BROKER": second.name if second and settings.trading.active_broker is ActiveBroker.SECOND else PRIMARY_BROKER,
        "IB_GATEWAY_HOST": "127.0.0.1",
        "IB_GATEWAY_PORT": str(settings.trading.gateway_port),
        "IB_CLIENT_ID": str(settings.trading.ib_client_id),
        "HALT_PARAMETER": halt_parameter(settings.platform.project, settings.platform.environment.value),
        "WATCHDOG_STATUS": f"http://127.0.0.1:{STATUS_PORT}/status",
    }
    if second is not None:
        found["SECOND_BROKER"] = second.name
    return found


def migrations(settings: Settings, addresses: Addresses, *, authority: str) -> dict[str, Any]:
    """Migrations: both databases, past the proxy, and how long they may hold others up.

    `authority` is the certificate of RDS's authority, because an image trusts none of RDS's by itself.
    """
    own = settings.jobs.migrations
    found = {
        **_common(settings),
        **_database(settings, addresses, proxied=False),
        "DATABASE_CA": authority,
        "MIGRATIONS_LOCK_SECONDS": str(own.lock_seconds),
        "MIGRATIONS_STATEMENT_SECONDS": str(own.statement_seconds),
    }
    if settings.timescale.enabled:
        found |= _market(addresses)
    return found


def reconciliation(settings: Settings, addresses: Addresses) -> dict[str, Any]:
    """Reconciliation: the orders of the database. What it compares them with needs no address of ours."""
    return {
        **_common(settings),
        **_database(settings, addresses, proxied=False),
        "TRADING_MODE": settings.trading.mode.value,
        "RECONCILIATION_ZONE": settings.jobs.reconciliation.zone,
    }
