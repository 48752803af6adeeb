"""What production must have (DESIGN.md decision 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.settings.checks.finding import Finding
from infra.settings.data import LockMode
from infra.settings.egress import EgressMode
from infra.settings.foundation import DnsFirewallMode, EndpointProfile, Environment, NatMode
from infra.settings.problems import Path
from infra.settings.root import Settings


@dataclass(frozen=True)
class Invariant:
    """Something that production must have, and why."""

    path: Path
    accepted: str
    good: Any
    why: str
    holds: Callable[[Settings], bool]


PRODUCTION: tuple[Invariant, ...] = (
    Invariant(
        ("platform", "logDays"), "365 or more", 365, "a year of logs is what an audit asks for", lambda s: s.platform.log_days >= 365
    ),
    Invariant(
        ("network", "zones"),
        "3 zones or more",
        ["a", "b", "c"],
        "two zones must be left when one is lost",
        lambda s: len(s.network.zones) >= 3,
    ),
    Invariant(
        ("network", "nat"),
        "per-zone",
        "per-zone",
        "a single NAT gateway is lost with its zone",
        lambda s: s.network.nat is NatMode.PER_ZONE or s.network.existing is not None,
    ),
    Invariant(
        ("network", "endpoints"),
        "full or essential",
        "full",
        "tasks must start when the way to the internet is closed",
        lambda s: s.network.endpoints is not EndpointProfile.NONE,
    ),
    Invariant(
        ("network", "dns", "firewall"),
        "block",
        "block",
        "a name server is a way out past the egress firewall",
        lambda s: s.network.dns.firewall is DnsFirewallMode.BLOCK or s.network.existing is not None,
    ),
    Invariant(
        ("network", "dns", "queryLog"),
        "true",
        True,
        "an incident needs to know who asked for what",
        lambda s: s.network.dns.query_log or s.network.existing is not None,
    ),
    Invariant(
        ("egress", "mode"),
        "drop",
        "drop",
        "what no rule allows must not leave",
        lambda s: s.egress.mode is EgressMode.DROP or s.network.existing is not None,
    ),
    Invariant(
        ("postgres", "multiAz"),
        "true",
        True,
        "the database survives the loss of a zone (RTO under 5 minutes, seed 004)",
        lambda s: s.postgres.multi_az,
    ),
    Invariant(("postgres", "replicas"), "1 to 5", 1, "the seed's database is a primary and a replica", lambda s: s.postgres.replicas >= 1),
    Invariant(
        ("postgres", "finalSnapshot"), "true", True, "a deletion must leave something to restore from", lambda s: s.postgres.final_snapshot
    ),
    Invariant(("dr", "enabled"), "true", True, "a lost region needs data elsewhere", lambda s: s.dr.enabled or s.dr.restore is not None),
    Invariant(("cache", "replicas"), "1 to 5", 2, "without a replica there is nothing to fail over to", lambda s: s.cache.replicas >= 1),
    Invariant(
        ("backup", "lock"),
        "governance or compliance",
        "governance",
        "backups that anybody can delete protect against nobody",
        lambda s: s.backup.lock is not LockMode.NONE,
    ),
    Invariant(
        ("backup", "restoreTest", "enabled"),
        "true",
        True,
        "a backup that nobody has restored is a hope (DTO-161)",
        lambda s: s.backup.restore_test.enabled,
    ),
    Invariant(
        ("services", "backend", "minTasks"),
        "2 or more",
        2,
        "one task is lost with its zone (seed 004: 2)",
        lambda s: s.services.backend.min_tasks >= 2,
    ),
    Invariant(
        ("services", "frontend", "minTasks"),
        "2 or more",
        2,
        "one task is lost with its zone (seed 004: 2)",
        lambda s: s.services.frontend.min_tasks >= 2,
    ),
    Invariant(
        ("jobs", "migrations", "enabled"),
        "true",
        True,
        "a migration is dry-run and checked before traffic shifts (seed 004)",
        lambda s: s.jobs.migrations.enabled,
    ),
    Invariant(
        ("jobs", "reconciliation", "enabled"),
        "true",
        True,
        "orders are reconciled every day without anybody thinking of it (PFC-219)",
        lambda s: s.jobs.reconciliation.enabled,
    ),
    Invariant(
        ("services", "ibGateway", "standby"),
        "true",
        True,
        "the login is lost with its zone, and a new task takes minutes to start (decision 7)",
        lambda s: s.services.ib_gateway.standby or not s.services.ib_gateway.enabled,
    ),
    Invariant(
        ("alarms", "emails"),
        "one address or more",
        ["oncall@example.com"],
        "somebody must hear of an alarm",
        lambda s: bool(s.alarms.emails),
    ),
)
"""What production must have (DESIGN.md decision 1). The generated page lists them."""


def production(settings: Settings) -> Iterator[Finding]:
    """Production's invariants."""
    if settings.platform.environment is not Environment.PROD:
        return
    for rule in PRODUCTION:
        if not rule.holds(settings):
            yield Finding(rule.path, f"does not do for production: {rule.why}", rule.accepted, rule.good)
