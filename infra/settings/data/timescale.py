"""Settings of market data: TimescaleDB on EC2."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Digest, Section


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
