"""RDS for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra.plan.postgres import Refusal, conflicts, instance_refusals, storage_refusals
from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.root import Settings


def _findings(refusals: Iterable[Refusal]) -> Iterator[Finding]:
    for one in refusals:
        good = REMOVE if one.good is None else one.good
        yield Finding(("postgres", one.key), one.reason, one.accepted, good, tuple(("postgres", key) for key in one.also))


def postgres(settings: Settings) -> Iterator[Finding]:
    """RDS's rules for storage, instance classes, names and versions."""
    own = settings.postgres
    yield from _findings(storage_refusals(own))
    yield from _findings(instance_refusals(own))
    if own.user in limits.RESERVED_USERS | limits.SQL_WORDS or own.user.startswith(limits.RESERVED_USER_STARTS):
        yield Finding(
            ("postgres", "user"),
            "is a name that RDS or PostgreSQL keeps for itself, or that an attacker tries first",
            "another name",
            "nautilus_admin",
        )
    if own.database in limits.RESERVED_DATABASES | limits.SQL_WORDS:
        yield Finding(("postgres", "database"), "is a name that RDS or PostgreSQL keeps for itself", "another name", "nautilus")
    pools = settings.services.backend.max_tasks * settings.services.backend.pool_max
    most = own.max_connections - limits.CONNECTIONS_KEPT
    if 2 * pools > most:
        per_pool = most // (2 * settings.services.backend.max_tasks)
        needed = 2 * pools + limits.CONNECTIONS_KEPT
        yield Finding(
            ("postgres", "maxConnections"),
            f"is too low: during a rollout both versions of the backend hold 2 × {settings.services.backend.max_tasks} tasks × "
            f"{settings.services.backend.pool_max} connections = {2 * pools:,}, and {limits.CONNECTIONS_KEPT} are kept for everything else"
            + (f" (services.backend.poolMax = {per_pool} would fit too)" if per_pool >= 10 else ""),
            f"{needed:,} or more" if needed <= 8_388 else "a smaller services.backend.maxTasks or poolMax",
            needed if needed <= 8_388 else own.max_connections,
            (("services", "backend", "maxTasks"), ("services", "backend", "poolMax")),
        )


def postgres_conflicts(settings: Settings) -> Iterator[Finding]:
    """Features of RDS that exclude each other: managed password, replicas here and in the second region, blue-green upgrades, proxy."""
    found = conflicts(settings.postgres, second_region=settings.dr.enabled and settings.dr.postgres_replica)
    yield from _findings(found)
    if settings.postgres.managed_password and not found:
        yield Finding(
            ("postgres", "managedPassword"),
            "excludes the rotation of the application's login: its function opens the server with `database-password`, which RDS would replace "
            "by a password of its own",
            "false",
            False,
        )
