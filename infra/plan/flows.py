"""The one table of who may talk to whom. Security-group rules, the firewall matrix and the reachability proof come from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A security group of the platform, or the outside world."""

    INTERNET = "internet"
    CLOUDFRONT = "cloudfront"
    S3 = "s3"
    LOAD_BALANCER = "load-balancer"
    FRONTEND = "frontend"
    BACKEND = "backend"
    ENGINE = "engine"
    IB_GATEWAY = "ib-gateway"
    POSTGRES = "postgres"
    PROXY = "proxy"
    TIMESCALE = "timescale"
    CACHE = "cache"
    SESSION_FILES = "session-files"
    ENDPOINTS = "endpoints"
    VPN = "vpn"
    ROTATION = "rotation"
    RESTORE_CHECK = "restore-check"
    ROLLOUT_HOOK = "rollout-hook"
    MIGRATIONS = "migrations"
    RECONCILIATION = "reconciliation"


OUTSIDE = frozenset({Role.INTERNET, Role.CLOUDFRONT, Role.S3})
"""Roles that are not security groups of ours: the world as a block of addresses, CloudFront and S3 as AWS's prefix lists."""


@dataclass(frozen=True, order=True)
class Flow:
    """`source` may open connections to `target` on `port` to `last_port`, and why."""

    source: Role
    target: Role
    port: int
    why: str
    last_port: int | None = None

    @property
    def ports(self) -> tuple[int, int]:
        """First and last port."""
        return self.port, self.last_port or self.port


BACKEND_PORT = 8000
FRONTEND_PORT = 8080
POSTGRES_PORT = 5432
TIMESCALE_READER_PORT = 5433
PATRONI_PORT = 8008
CACHE_PORT = 6379
NFS_PORT = 2049
TEST_PORT = 8443


def flows(
    *,
    gateway_port: int,
    timescale: bool,
    interface_endpoints: bool,
    s3_endpoint: bool,
    through_nat: Collection[Role] = (),
    edge: bool = True,
    vpn: bool = False,
    proxy: bool = False,
    rotation: bool = False,
    restore_check: bool = False,
    rollout_hook: bool = False,
    migrations: bool = False,
    reconciliation: bool = False,
    venue_ports: Sequence[tuple[int, int]] = ((443, 443),),
) -> tuple[Flow, ...]:
    """Every permitted connection of a platform, in a stable order. Nothing else opens a port.

    Args:
        gateway_port: The IB Gateway's port between tasks, 4003 or 4004.
        timescale: Whether market data has its own database.
        interface_endpoints: Whether AWS's APIs are reached through endpoints in the VPC; else through the NAT.
        through_nat: Roles that call an API which has no such endpoint here (`infra.plan.endpoint_policies.through_nat`, or in another region).
        edge: Whether there is a load balancer yet; before it stands, nothing is opened to CloudFront.
        venue_ports: First and last ports on which the engine reaches exchanges and brokers (`infra.plan.egress.venue_ports`).
        proxy: Whether the backend reaches PostgreSQL through RDS Proxy instead of directly.
        rotation: Whether functions change the databases' passwords.
        restore_check: Whether a function connects to restored databases and compares them.
        rollout_hook: Whether a function tests new versions on the load balancer's test listener; it needs `edge`.
        migrations: Whether a one-off task changes the databases' schemas; it goes past the proxy, because it holds locks and settings.
        reconciliation: Whether a daily task compares our orders with the venues' and the broker's statements; never through the gateway, whose
            path belongs to the engine alone.
        vpn: Whether administrators come in through the VPN; they reach the databases' ports and nothing else (PFC-077, DTO-039).
        s3_endpoint: Whether S3 is reached through a gateway endpoint (image layers, backups); else through the NAT.
    """
    workers = [
        role
        for role in (Role.BACKEND, Role.FRONTEND, Role.ENGINE, Role.IB_GATEWAY, Role.TIMESCALE)
        if timescale or role is not Role.TIMESCALE
    ]
    if rotation:
        workers.append(Role.ROTATION)
    if restore_check:
        workers.append(Role.RESTORE_CHECK)
    if rollout_hook:
        workers.append(Role.ROLLOUT_HOOK)
    if migrations:
        workers.append(Role.MIGRATIONS)
    if reconciliation:
        workers.append(Role.RECONCILIATION)
    table = [
        Flow(Role.LOAD_BALANCER, Role.BACKEND, BACKEND_PORT, "API, WebSockets and health checks"),
        Flow(Role.LOAD_BALANCER, Role.FRONTEND, FRONTEND_PORT, "the site and its health checks"),
        Flow(Role.BACKEND, Role.PROXY if proxy else Role.POSTGRES, POSTGRES_PORT, "relational data"),
        Flow(Role.BACKEND, Role.CACHE, CACHE_PORT, "sessions and cached answers"),
        Flow(Role.ENGINE, Role.POSTGRES, POSTGRES_PORT, "orders and positions"),
        Flow(Role.ENGINE, Role.CACHE, CACHE_PORT, "the engine's own state store"),
        Flow(Role.ENGINE, Role.IB_GATEWAY, gateway_port, "broker API, clear text inside the VPC, from the engine alone"),
        Flow(Role.IB_GATEWAY, Role.SESSION_FILES, NFS_PORT, "the login's session directory on EFS"),
        Flow(Role.IB_GATEWAY, Role.INTERNET, 443, "Interactive Brokers' web services"),
        Flow(Role.IB_GATEWAY, Role.INTERNET, 4000, "Interactive Brokers' trading protocol", 4001),
        Flow(Role.BACKEND, Role.INTERNET, 443, "market-data and notification APIs"),
    ]
    table += [
        Flow(Role.ENGINE, Role.INTERNET, first, "exchange and broker APIs", last if last != first else None) for first, last in venue_ports
    ]
    if not any(first <= 443 <= last for first, last in venue_ports):
        table.append(Flow(Role.ENGINE, Role.INTERNET, 443, "the lease in DynamoDB, through the gateway endpoint"))
    if proxy:
        table.append(Flow(Role.PROXY, Role.POSTGRES, POSTGRES_PORT, "the proxy's pool of connections"))
    if rotation:
        table.append(Flow(Role.ROTATION, Role.POSTGRES, POSTGRES_PORT, "new passwords are set and tried"))
        table.append(Flow(Role.ROTATION, Role.CACHE, CACHE_PORT, "new passwords are tried"))
    if restore_check:
        table.append(Flow(Role.RESTORE_CHECK, Role.POSTGRES, POSTGRES_PORT, "restored databases are counted and compared"))
    if migrations:
        table.append(Flow(Role.MIGRATIONS, Role.POSTGRES, POSTGRES_PORT, "migrations of relational data"))
        if timescale:
            table.append(Flow(Role.MIGRATIONS, Role.TIMESCALE, POSTGRES_PORT, "migrations of market data"))
    if reconciliation:
        table.append(Flow(Role.RECONCILIATION, Role.POSTGRES, POSTGRES_PORT, "our orders, for their reconciliation"))
        table.append(Flow(Role.RECONCILIATION, Role.INTERNET, 443, "statements of exchanges and broker"))
    if rollout_hook:
        table.append(Flow(Role.ROLLOUT_HOOK, Role.LOAD_BALANCER, TEST_PORT, "smoke tests on the test listener"))
    if vpn:
        table.append(Flow(Role.VPN, Role.POSTGRES, POSTGRES_PORT, "administrators, relational data"))
        if timescale:
            table.append(Flow(Role.VPN, Role.TIMESCALE, POSTGRES_PORT, "administrators, market data"))
            table.append(Flow(Role.VPN, Role.TIMESCALE, TIMESCALE_READER_PORT, "administrators, market data, from a replica"))
    if edge:
        table.append(Flow(Role.CLOUDFRONT, Role.LOAD_BALANCER, 443, "CloudFront is the only client of the origin"))
    if interface_endpoints:
        table += [Flow(role, Role.ENDPOINTS, 443, "AWS APIs through interface endpoints") for role in workers]
    if s3_endpoint:
        table += [
            Flow(role, Role.S3, 443, "image layers and objects through the gateway endpoint")
            for role in workers
            if role is not Role.ROLLOUT_HOOK
        ]
    everybody = not (interface_endpoints and s3_endpoint)
    have = {flow.source for flow in table if flow.target is Role.INTERNET and flow.port == 443}
    table += [
        Flow(role, Role.INTERNET, 443, "AWS APIs through the NAT")
        for role in workers
        if role not in have and (everybody or role in through_nat)
    ]
    if timescale:
        table += [
            Flow(Role.BACKEND, Role.TIMESCALE, POSTGRES_PORT, "market data"),
            Flow(Role.BACKEND, Role.TIMESCALE, TIMESCALE_READER_PORT, "market data, read-only, from a replica"),
            Flow(Role.ENGINE, Role.TIMESCALE, POSTGRES_PORT, "market data"),
            Flow(Role.ENGINE, Role.TIMESCALE, TIMESCALE_READER_PORT, "market data, read-only, from a replica"),
            Flow(Role.TIMESCALE, Role.TIMESCALE, POSTGRES_PORT, "streaming replication"),
            Flow(Role.TIMESCALE, Role.TIMESCALE, PATRONI_PORT, "Patroni's REST interface and health checks"),
            Flow(Role.TIMESCALE, Role.TIMESCALE, 2379, "etcd clients and peers", 2380),
        ]
    return tuple(sorted(table))
