"""RDS for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.root import Settings


def postgres(settings: Settings) -> Iterator[Finding]:
    """RDS's rules for storage, names and versions."""
    own = settings.postgres
    least = -(-own.storage_gb * 11 // 10)
    if own.max_storage_gb < least:
        yield Finding(
            ("postgres", "maxStorageGb"),
            f"must be at least 10 % above postgres.storageGb = {own.storage_gb}",
            f"{least:,} or more",
            least,
            (("postgres", "storageGb"),),
        )
    if own.iops is not None and own.storage_gb < 400:
        yield Finding(
            ("postgres", "iops"),
            f"AWS takes it from 400 GiB up, and postgres.storageGb is {own.storage_gb}: leave it out, or start with 400 GiB",
            "unset",
            REMOVE,
            (("postgres", "storageGb"),),
        )
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
