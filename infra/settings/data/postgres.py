"""Settings of relational data: PostgreSQL on RDS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Section


def _insights(days: int) -> int:
    if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 713):
        raise ValueError("is not a retention that Performance Insights offers")
    return days


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
        default=500, description="The server's connection limit; must exceed the sum of the services' pools (10 to 100 each)."
    )
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
