"""PostgreSQL, TimescaleDB, cache, backups."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.data import LockMode, TimescalePlacement
from infra.settings.root import Settings
from infra.settings.words import one_of


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


def timescale(settings: Settings) -> Iterator[Finding]:
    """TimescaleDB's place, version and volumes."""
    own = settings.timescale
    if own.placement is TimescalePlacement.RDS:
        yield Finding(
            ("timescale", "placement"),
            "cannot be: RDS refuses `shared_preload_libraries = timescaledb`, so the extension never loads there",
            "ec2",
            "ec2",
        )
    if own.enabled and own.major != settings.postgres.major:
        yield Finding(
            ("timescale", "major"),
            f"must equal postgres.major = {settings.postgres.major}, so that one client and one dump fit both",
            str(settings.postgres.major),
            settings.postgres.major,
            (("postgres", "major"), ("timescale", "enabled")),
        )
    most = min(16_000, own.volume_gb * 500)
    if own.volume_iops > most:
        yield Finding(
            ("timescale", "volumeIops"),
            f"is more than 500 for each of timescale.volumeGb = {own.volume_gb} GiB",
            f"3,000 to {most:,}",
            most,
            (("timescale", "volumeGb"),),
        )


def cache(settings: Settings) -> Iterator[Finding]:
    """The version is one of the engine's."""
    own = settings.cache
    versions = limits.VERSIONS[own.engine]
    if own.version not in versions:
        yield Finding(("cache", "version"), f"is not a version of {own.engine}", one_of(versions), versions[0], (("cache", "engine"),))


def backup(settings: Settings) -> Iterator[Finding]:
    """Longer-lived backups live longer, and an irrevocable lock is accepted in words."""
    own = settings.backup
    for name, value, shorter, least in (
        ("weeklyDays", own.weekly_days, "dailyDays", own.daily_days),
        ("monthlyDays", own.monthly_days, "weeklyDays", own.weekly_days),
    ):
        if value < least:
            yield Finding(("backup", name), f"is less than backup.{shorter} = {least}", f"{least} or more", least, (("backup", shorter),))
    phrase = "this lock can never be removed"
    if own.lock is LockMode.COMPLIANCE and own.acknowledge_compliance != phrase:
        yield Finding(
            ("backup", "acknowledgeCompliance"),
            f"is needed for backup.lock = compliance: after {own.cooling_off_days} days nobody can delete a backup before its time, not even AWS; "
            "if that is not meant, take governance",
            phrase,
            LockMode.GOVERNANCE.value,
            (("backup", "lock"),),
            ("backup", "lock"),
        )
