"""Settings of one-off jobs: database migrations, and the daily reconciliation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Section
from infra.settings.workloads import CpuUnits, MemoryMib


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone that the IANA database knows") from None
    return name


TimeZone = Annotated[
    str,
    AfterValidator(_zone),
    Field(pattern=r"^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+){1,2})$", max_length=50),
    Accepts("a time zone of the IANA database, such as America/New_York or UTC", "America/New_York"),
]
ClockTime = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Accepts("a time of day as HH:MM, 00:00 to 23:59", "17:15"),
]
CommandWord = Annotated[
    str,
    Field(pattern=r"^[!-~]{1,256}$"),
    Accepts("1 to 256 printable characters without spaces, and nothing secret", "python3"),
]


class Program(StrEnum):
    """Whose image a job runs from."""

    BACKEND = "backend"
    ENGINE = "engine"


class Migrations(Section):
    """The task that changes the databases' schemas. It runs from the backend's image: one digest is code and schema."""

    enabled: bool = Field(default=True, description="Whether the task definition exists; production needs it.")
    command: list[CommandWord] = Field(
        default_factory=lambda: ["python3", "/opt/nautilus/migrations"],
        min_length=1,
        max_length=20,
        description="Program in the backend's image; `check`, `dry-run` or `execute` is added as its last argument (docs/migrations.md).",
    )
    cpu: CpuUnits = Field(default=512, description="CPU units of the task, 1,024 to one vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384.")
    memory: MemoryMib = Field(default=1024, description="Memory of the task in MiB; Fargate offers fixed sizes for each CPU size.")
    lock_seconds: Annotated[int, Field(ge=1, le=60)] = Field(
        default=5, description="How long a statement waits for a lock, in seconds, 1 to 60: everybody who comes after it waits too."
    )
    statement_seconds: Annotated[int, Field(ge=1, le=7_200)] = Field(
        default=600, description="How long one statement may take, in seconds, 1 to 7,200."
    )
    dry_run_hours: Annotated[int, Field(ge=1, le=168)] = Field(
        default=24, description="How old a dry run may be when the migration is executed, in hours, 1 to 168."
    )
    restore_point_minutes: Annotated[int, Field(ge=5, le=1_440)] = Field(
        default=15,
        description="How old the newest point that the database can be restored to may be when a migration is executed, in minutes, 5 to "
        "1,440; RDS ships its log every 5.",
    )


class Reconciliation(Section):
    """The daily comparison of our orders and positions with what the venues and the broker say (PFC-218, PFC-219)."""

    enabled: bool = Field(default=True, description="Whether it runs; nothing runs without the engine. Production needs it.")
    program: Program = Field(default=Program.ENGINE, description="Whose image it runs from: `engine` or `backend`.")
    command: list[CommandWord] = Field(
        default_factory=lambda: ["python3", "-m", "nautilus_reconciliation"],
        min_length=1,
        max_length=20,
        description="Program in that image, with its arguments (docs/runbooks/reconciliation.md).",
    )
    at: ClockTime = Field(default="17:15", description="When it starts, HH:MM in `zone`, every day: after the venue's close.")
    zone: TimeZone = Field(default="America/New_York", description="Time zone of `at`, by its IANA name; summer time is followed.")
    cpu: CpuUnits = Field(default=1024, description="CPU units of the task, 1,024 to one vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384.")
    memory: MemoryMib = Field(default=2048, description="Memory of the task in MiB; Fargate offers fixed sizes for each CPU size.")


class Jobs(Section):
    """Tasks that run once and end."""

    migrations: Migrations = Field(default_factory=Migrations, description="Database migrations.")
    reconciliation: Reconciliation = Field(default_factory=Reconciliation, description="Order and end-of-day reconciliation.")
