"""RDS for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from infra.plan.postgres import Refusal, conflicts, instance_refusals, most_connections, storage_refusals
from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.data import Postgres
from infra.settings.problems import Path
from infra.settings.root import Settings

MOST_CONNECTIONS: Final = 8_388
"""The largest `postgres.maxConnections`, as its type says."""


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
    yield from _pools(settings)


def _room(settings: Postgres) -> int:
    """The most that `maxConnections` can be: PostgreSQL's and RDS's own bound, and what the memory carries where it is known."""
    try:
        return min(MOST_CONNECTIONS, most_connections(settings.instance_class))
    except ValueError:
        return MOST_CONNECTIONS


def _pools(settings: Settings) -> Iterator[Finding]:
    """The server takes the connections of a rollout, in which two versions of the backend run; what its memory cannot carry is too many tasks."""
    own, backend = settings.postgres, settings.services.backend
    held, kept = 2 * backend.max_tasks * backend.pool_max, limits.CONNECTIONS_KEPT
    if held + kept <= own.max_connections:
        return
    sum_of = f"2 × {backend.max_tasks} tasks × {backend.pool_max} connections = {held:,}, and {kept} are kept for everything else"
    tasks: Path = ("services", "backend", "maxTasks")
    pool: Path = ("services", "backend", "poolMax")
    room = _room(own)
    if held + kept <= room:
        per_pool = (own.max_connections - kept) // (2 * backend.max_tasks)
        yield Finding(
            ("postgres", "maxConnections"),
            f"is too low: during a rollout both versions of the backend hold {sum_of}"
            + (f" (services.backend.poolMax = {per_pool} would fit too)" if per_pool >= 10 else ""),
            f"{held + kept:,} or more",
            held + kept,
            (tasks, pool),
        )
        return
    smaller, fewer = (room - kept) // (2 * backend.max_tasks), (room - kept) // (2 * backend.pool_max)
    why = f"is too much: during a rollout both versions of the backend hold {sum_of}, and {own.instance_class} carries {room:,}"
    also: tuple[Path, ...] = (("postgres", "instanceClass"), ("postgres", "maxConnections"))
    if smaller >= backend.pool_min:
        yield Finding(pool, why, f"at most {smaller}, or a smaller services.backend.maxTasks", smaller, (tasks, *also))
    elif fewer >= backend.min_tasks:
        yield Finding(tasks, why, f"at most {fewer}, or a smaller services.backend.poolMax", fewer, (pool, *also))
    else:
        # Neither fits above its own lower bound, so that bound comes down first.
        change, good = (("services", "backend", "minTasks"), fewer) if fewer else (("services", "backend", "poolMin"), 1)
        accepted = "fewer tasks with smaller pools, or a larger postgres.instanceClass"
        yield Finding(tasks, why, accepted, good, (pool, change, *also), change)


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
