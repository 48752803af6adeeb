"""What RDS for PostgreSQL accepts, and the parameter group of the platform. Pure; every refusal names the value and what is accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from infra.settings.data import Postgres

MAJORS = (15, 16, 17, 18)
"""Majors from seed 004's 15 up that RDS offers."""
MAINTENANCE_WINDOW = "sun:03:30-sun:04:00"
"""Inside the seed's Sunday 02:00–04:00 UTC, clear of every start on the backup calendar and of the hour before (DESIGN.md decision 9)."""
BACKUP_WINDOW = "23:00-23:30"
"""RDS's own first window; AWS Backup takes it over once it manages the instance's continuous backup."""
BACKUP_DAYS = 35
"""RDS's longest retention, the same that AWS Backup's continuous backup sets."""
LOG_EXPORTS = ("postgresql", "upgrade")
EVENT_CATEGORIES = (
    "availability",
    "configuration change",
    "deletion",
    "failover",
    "failure",
    "low storage",
    "maintenance",
    "notification",
    "read replica",
    "recovery",
)
"""What operators hear of (POLICY-RULES RDS-22)."""

GP3_PROVISIONED_FROM_GB = 400
"""RDS accepts provisioned gp3 IOPS for PostgreSQL from this size on, in GiB."""
GP3_BASELINE_IOPS = 12_000
MONITORING_SECONDS = (1, 5, 10, 15, 30, 60)
PRELOADABLE = frozenset(
    {
        "auto_explain",
        "pg_cron",
        "pg_hint_plan",
        "pg_prewarm",
        "pg_similarity",
        "pg_stat_statements",
        "pg_tle",
        "pgaudit",
        "pglogical",
        "plprofiler",
    }
)
"""Libraries of `rds.allowed_extensions` that the platform may preload."""
RESERVED_USERS = frozenset(
    {"admin", "all", "postgres", "rds_superuser", "rds_replication", "rdsadmin", "rdsrepladmin", "rdstopmgr", "root", "user"}
)
RESERVED_DATABASES = frozenset({"postgres", "rdsadmin", "template0", "template1", "user"})
_USER = re.compile(r"^[a-z][a-z0-9_]{1,15}$")


@dataclass(frozen=True)
class Parameter:
    """One parameter of the group. Static parameters wait for a reboot, dynamic ones apply at once (POLICY-RULES RDS-19)."""

    name: str
    value: str
    apply_method: Literal["immediate", "pending-reboot"]


def family(major: int) -> str:
    """The parameter group family of a major version.

    Raises:
        ValueError: RDS or the platform does not support the major version.
    """
    if major not in MAJORS:
        raise ValueError(f"PostgreSQL {major}: no supported parameter group family (accepted: {', '.join(map(str, MAJORS))})")
    return f"postgres{major}"


def preload(libraries: tuple[str, ...]) -> str:
    """The value of `shared_preload_libraries`. `pg_stat_statements` always stays: setting the list replaces RDS's default.

    Raises:
        ValueError: A library that RDS does not preload; `timescaledb` first of all.
    """
    if "timescaledb" in libraries:
        raise ValueError(
            "shared_preload_libraries = timescaledb: RDS does not offer the library; market data belongs to the `timescale` component"
        )
    strange = sorted(set(libraries) - PRELOADABLE)
    if strange:
        raise ValueError(f"shared_preload_libraries = {', '.join(strange)}: RDS preloads {', '.join(sorted(PRELOADABLE))}")
    return ",".join(dict.fromkeys(("pg_stat_statements", *libraries)))


def parameters(settings: Postgres, *, libraries: tuple[str, ...] = ()) -> tuple[Parameter, ...]:
    """The parameter group, sorted by name.

    Forced TLS and SCRAM passwords (DTO-042), statements and slow queries on record (DTO-113, DTO-142, NRC-012), idle transactions and dead
    connections ended (DTO-089).
    """
    dynamic = {
        "rds.force_ssl": "1",
        "rds.accepted_password_auth_method": "scram",
        "log_connections": "1",
        "log_disconnections": "1",
        "log_lock_waits": "1",
        "log_min_duration_statement": str(settings.slow_query_ms),
        "log_statement": "ddl",
        "log_temp_files": "10240",
        "idle_in_transaction_session_timeout": "60000",
        "pg_stat_statements.track": "all",
        "tcp_keepalives_count": "6",
        "tcp_keepalives_idle": "60",
        "tcp_keepalives_interval": "10",
        "track_io_timing": "1",
    }
    static = {"max_connections": str(settings.max_connections), "shared_preload_libraries": preload(libraries)}
    table = [Parameter(name, value, "immediate") for name, value in dynamic.items()]
    table += [Parameter(name, value, "pending-reboot") for name, value in static.items()]
    return tuple(sorted(table, key=lambda item: item.name))


def refusals(settings: Postgres) -> tuple[str, ...]:
    """Why RDS would refuse these settings; empty when it would not."""
    found: list[str] = []
    if settings.major not in MAJORS:
        found.append(f"major {settings.major}: no supported parameter group family (accepted: {', '.join(map(str, MAJORS))})")
    if settings.iops is not None and settings.storage_gb < GP3_PROVISIONED_FROM_GB:
        found.append(
            f"iops {settings.iops} with {settings.storage_gb} GiB: RDS takes provisioned gp3 IOPS from {GP3_PROVISIONED_FROM_GB} GiB on"
        )
    if settings.max_storage_gb * 10 < settings.storage_gb * 11:
        least = -(-settings.storage_gb * 11 // 10)
        found.append(f"maxStorageGb {settings.max_storage_gb}: must be 10 % above storageGb, {least} or more")
    days = settings.insights_days
    if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 713):
        found.append(f"insightsDays {days}: accepted are 7, a multiple of 31 up to 713, and 731")
    if settings.monitoring_seconds not in MONITORING_SECONDS:
        found.append(f"monitoringSeconds {settings.monitoring_seconds}: accepted are {', '.join(map(str, MONITORING_SECONDS))}")
    if settings.user in RESERVED_USERS or settings.user.startswith("pg_") or not _USER.match(settings.user):
        found.append(f"user `{settings.user}`: 2 to 16 lower-case characters, and neither reserved nor starting with pg_")
    if settings.database in RESERVED_DATABASES:
        found.append(f"database `{settings.database}`: the server keeps that name for itself")
    return tuple(found)


def check(settings: Postgres) -> None:
    """Refuse what RDS would refuse, before anything is created.

    Raises:
        ValueError: All reasons of `refusals`, one after the other.
    """
    found = refusals(settings)
    if found:
        raise ValueError("postgres: " + "; ".join(found))
