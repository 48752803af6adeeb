"""Settings of relational data: PostgreSQL on RDS."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Section


def _insights(days: int) -> int:
    if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 713):
        raise ValueError("is not a retention that Performance Insights offers")
    return days


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
"""Libraries that RDS for PostgreSQL 15 to 18 loads at its start and that the platform may ask for (RDS: `rds.allowed_extensions`)."""


def _library(name: str) -> str:
    if name == "timescaledb":
        raise ValueError("is a library that RDS does not offer: market data belongs to `timescale`, on nodes of its own")
    if name not in PRELOADABLE:
        raise ValueError("is not a library that RDS preloads for every major version from 15 to 18")
    return name


Library = Annotated[str, AfterValidator(_library), Accepts(f"one of {', '.join(sorted(PRELOADABLE))}", "pgaudit")]


class MajorUpgrade(StrEnum):
    """How RDS comes from one major version to the next when `postgres.major` changes."""

    REFUSE = "refuse"
    """Not at all: RDS refuses the change. A typing error in `major` then costs nothing."""
    IN_PLACE = "in-place"
    """During the `up`, minutes of downtime; read replicas of the region go along. Run it in the Sunday window."""
    BLUE_GREEN = "blue-green"
    """On a copy that takes over; for a database without replicas and without a proxy."""


class DatabaseProxy(Section):
    """RDS Proxy between the backend and the primary. The size of its pool follows from `services.backend` and `maxConnections`."""

    enabled: bool = Field(
        default=True, description="Whether the backend reaches the database through RDS Proxy, by IAM authentication: `true` or `false`."
    )
    idle_client_seconds: Annotated[int, Field(ge=60, le=28_800)] = Field(
        default=1_800,
        description="A client connection without a query for this long is closed, in seconds, 60 to 28,800 (RDS: up to 8 hours).",
    )
    borrow_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        default=10,
        description="A client waits at most this long for a free connection of the pool, in seconds, 1 to 300 (RDS: up to 300, 120 if unset). "
        "Short, because an order that waits is a risk.",
    )


class Postgres(Section):
    """Relational data on RDS for PostgreSQL."""

    major: Annotated[int, Field(ge=15, le=18)] = Field(
        default=16, description="Major version, 15 to 18 (seed 004 asks for 15); minor versions follow AWS."
    )
    instance_class: Annotated[
        str, Field(pattern=r"^db\.[a-z0-9-]+\.[a-z0-9]+$"), Accepts("an RDS instance class, such as db.m7g.xlarge", "db.m7g.xlarge")
    ] = Field(default="db.m7g.xlarge", description="RDS instance class; 4 vCPU and 16 GB by default (seed 004).")
    storage_gb: Annotated[int, Field(ge=20, le=65_536)] = Field(default=100, description="First size in GiB, 20 to 65,536 (gp3).")
    max_storage_gb: Annotated[int, Field(ge=20, le=65_536)] = Field(
        default=1_000, description="Largest size that autoscaling may reach, in GiB; at least 10 % above `storageGb`."
    )
    iops: Annotated[int, Field(ge=12_000, le=64_000)] | None = Field(
        default=None, description="Provisioned IOPS, 12,000 to 64,000; AWS accepts it from 400 GiB up. Unset takes gp3's baseline."
    )
    storage_throughput: Annotated[int, Field(ge=500, le=4_000)] | None = Field(
        default=None,
        description="Provisioned throughput in MiB/s, 500 to 4,000 and at most a quarter of `iops`; AWS accepts it from 400 GiB up. "
        "Unset takes gp3's baseline, 125 MiB/s, and 500 from 400 GiB up.",
    )
    multi_az: bool = Field(default=True, description="A standby in another zone; production needs it.")
    replicas: Annotated[int, Field(ge=0, le=5)] = Field(default=1, description="Read replicas, 0 to 5.")
    monitoring_seconds: Literal[1, 5, 10, 15, 30, 60] = Field(default=60, description="Enhanced monitoring's interval in seconds.")
    insights_days: Annotated[int, AfterValidator(_insights), Accepts("7, a multiple of 31 from 31 to 713, or 731", 7)] = Field(
        default=7, description="Retention of Performance Insights in days: 7, a multiple of 31 up to 713, or 731."
    )
    slow_query_ms: Annotated[int, Field(ge=100, le=60_000)] = Field(
        default=1_000, description="Queries slower than this are logged, in milliseconds (seed 003: 1,000)."
    )
    max_connections: Annotated[int, Field(ge=100, le=8_388)] = Field(
        default=500,
        description="The server's connection limit; must exceed the sum of the services' pools (10 to 100 each) and fit the memory of "
        "`instanceClass`: at most twice RDS's own default, memory / 9,531,392 bytes.",
    )
    preload_libraries: Annotated[list[Library], Field(max_length=10)] = Field(
        default_factory=list,
        description="Libraries that the server loads at its start, beside `pg_stat_statements`, which always stays; at most 10. "
        "A change waits for a restart.",
    )
    major_upgrade: MajorUpgrade = Field(
        default=MajorUpgrade.REFUSE,
        description="What a change of `major` does: `refuse`, `in-place` during the `up`, with minutes of downtime, or `blue-green` on a copy that "
        "takes over (without replicas, proxy and managed password only). While it is not `refuse`, no change waits for the maintenance window.",
    )
    managed_password: bool = Field(
        default=False,
        description="Whether RDS makes and rotates the administrator's password itself: `true` or `false`. It excludes read replicas, "
        "blue-green upgrades, and this platform's rotation of the application's login: `true` is refused.",
    )
    proxy: DatabaseProxy = Field(default_factory=DatabaseProxy, description="RDS Proxy, the backend's way to the primary.")
    user: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9_]{1,15}$"),
        Accepts("2 to 16 lower-case letters, digits and underscores, starting with a letter", "nautilus_admin"),
    ] = Field(
        default="nautilus_admin", description="Name of the administrator, 2–16 characters; `postgres`, `admin` and `rdsadmin` are refused."
    )
    database: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9_]{0,62}$"),
        Accepts("1 to 63 lower-case letters, digits and underscores, starting with a letter", "nautilus"),
    ] = Field(default="nautilus", description="Name of the first database.")
    final_snapshot: bool = Field(
        default=True, description="Whether RDS keeps a last snapshot when the instance is deleted; only throw-away stacks do without."
    )
