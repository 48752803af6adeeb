"""Settings of what holds data: PostgreSQL, TimescaleDB, cache, secrets, backups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Digest, Section


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


class TimescalePlacement(StrEnum):
    """Where TimescaleDB runs. RDS cannot run it: AWS refuses the library (DESIGN.md decision 4)."""

    EC2 = "ec2"
    RDS = "rds"


class Timescale(Section):
    """Market data on three TimescaleDB nodes with Patroni."""

    enabled: bool = Field(default=True, description="Whether market data has its own database.")
    placement: TimescalePlacement = Field(
        default=TimescalePlacement.EC2, description="`ec2`; `rds` is refused, because RDS does not offer the extension."
    )
    major: Annotated[int, Field(ge=15, le=18)] = Field(default=16, description="PostgreSQL major version; must equal `postgres.major`.")
    image_digest: Digest = Field(
        default="sha256:" + "7d" * 32,
        description="Digest of the timescaledb-ha image mirrored in ECR; `nautilus doctor` says when the repository lacks it.",
    )
    etcd_image_digest: Digest = Field(
        default="sha256:" + "e7" * 32,
        description="Digest of the etcd image mirrored in ECR; `nautilus doctor` says when the repository lacks it.",
    )
    instance_type: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"), Accepts("an EC2 instance type, such as m7g.xlarge", "m7g.xlarge")
    ] = Field(default="m7g.xlarge", description="EC2 instance type of each node; ARM64 or x86 decides the machine image.")
    volume_gb: Annotated[int, Field(ge=20, le=16_384)] = Field(
        default=200, description="Size of each node's data volume in GiB, 20 to 16,384 (gp3)."
    )
    volume_iops: Annotated[int, Field(ge=3_000, le=16_000)] = Field(
        default=3_000, description="IOPS of each data volume, 3,000 to 16,000 and at most 500 for each GiB."
    )
    ami_id: Annotated[
        str, Field(pattern=r"^ami-[0-9a-f]{8,17}$"), Accepts("a machine image's id, such as ami-0abcdef1234567890", "ami-0abcdef1234567890")
    ] = Field(
        default="ami-0abcdef1234567890",
        description="Machine image of the nodes (Amazon Linux 2023 with Docker); pinned, so that a plan does not change by itself.",
    )
    retention_days: Annotated[int, Field(ge=30, le=3_650)] = Field(
        default=90, description="How long pgBackRest's objects are locked against deletion, in days."
    )


class Cache(Section):
    """Valkey or Redis on ElastiCache."""

    node_type: Annotated[
        str,
        Field(pattern=r"^cache\.[a-z0-9-]+\.[a-z0-9]+$"),
        Accepts("an ElastiCache node type, such as cache.r7g.large", "cache.r7g.large"),
    ] = Field(default="cache.r7g.large", description="ElastiCache node type.")
    engine: Literal["valkey", "redis"] = Field(default="valkey", description="`valkey` or `redis`.")
    version: Literal["7.0", "7.1", "7.2", "8.0", "8.1", "8.2"] = Field(
        default="7.2", description="Engine version: valkey 7.2 or 8.x, redis 7.0 or 7.1 (seed 004 asks for 7)."
    )
    replicas: Annotated[int, Field(ge=0, le=5)] = Field(
        default=2, description="Replicas beside the primary, 0 to 5; failover needs at least one."
    )
    snapshot_days: Annotated[int, Field(ge=1, le=35)] = Field(
        default=30, description="How long daily snapshots are kept, in days, 1 to 35."
    )


class Secrets(Section):
    """Secrets Manager."""

    recovery_days: Annotated[int, Field(ge=7, le=30)] = Field(
        default=30, description="Days in which a deleted secret can be restored, 7 to 30."
    )
    rotation_days: Annotated[int, Field(ge=1, le=30)] = Field(
        default=30, description="Keys are rotated at least this often, in days; the seed asks for 30."
    )


class LockMode(StrEnum):
    """AWS Backup's vault lock. Compliance mode can never be undone once its cooling-off days are over."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"
    NONE = "none"


class Backup(Section):
    """AWS Backup, on the calendar of seed 003: daily, weekly, monthly, every four hours."""

    lock: LockMode = Field(
        default=LockMode.GOVERNANCE, description="`governance`, `compliance` or `none`; compliance needs `acknowledgeCompliance`."
    )
    acknowledge_compliance: Literal["", "this lock can never be removed"] = Field(
        default="", description="Write `this lock can never be removed` to accept compliance mode."
    )
    cooling_off_days: Annotated[int, Field(ge=3, le=36_500)] = Field(
        default=3, description="Days in which a compliance lock can still be removed, 3 or more."
    )
    daily_days: Annotated[int, Field(ge=30, le=365)] = Field(
        default=30, description="How long daily backups are kept, in days (seed 003: 30)."
    )
    weekly_days: Annotated[int, Field(ge=84, le=730)] = Field(
        default=84, description="How long weekly backups are kept, in days (seed 003: 12 weeks)."
    )
    monthly_days: Annotated[int, Field(ge=366, le=3_650)] = Field(
        default=366, description="How long monthly backups are kept, in days (seed 003: 12 months)."
    )
