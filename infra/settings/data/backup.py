"""Settings of AWS Backup."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Section

_RESERVED_BUCKET = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)|(\d+\.){3}\d+")
"""Names that S3 gives to nobody: starts and ends of its own, and addresses (S3 user guide: bucket naming rules)."""


def _bucket(name: str) -> str:
    if ".." in name:
        raise ValueError("has two dots beside each other, which S3 refuses in a bucket's name")
    if _RESERVED_BUCKET.fullmatch(name):
        raise ValueError("is a name that S3 keeps for itself, or an address")
    return name


class LockMode(StrEnum):
    """AWS Backup's vault lock. Compliance mode can never be undone once its cooling-off days are over."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"
    NONE = "none"


class Weekday(StrEnum):
    """A day of the week, as AWS's schedules call it."""

    SUNDAY = "SUN"
    MONDAY = "MON"
    TUESDAY = "TUE"
    WEDNESDAY = "WED"
    THURSDAY = "THU"
    FRIDAY = "FRI"
    SATURDAY = "SAT"


class RestoreTest(Section):
    """The weekly restore test (DTO-161, DTO-186, OTE-140): restored, opened, counted, compared, measured, thrown away."""

    enabled: bool = Field(default=True, description="Whether backups are restored every week to prove that they can be.")
    weekday: Weekday = Field(
        default=Weekday.SATURDAY,
        description="Day of the test, `SUN` to `SAT`: the exchanges are closed, and Sunday's maintenance can still wait.",
    )
    start_hours: Annotated[int, Field(ge=0, le=20)] = Field(
        default=6, description="Start of the test, in hours after midnight UTC, 0 to 20; the test from the log follows three hours later."
    )
    keep_hours: Annotated[int, Field(ge=1, le=24)] = Field(
        default=4, description="How long the restored copies stay for their check before AWS Backup deletes them, in hours, 1 to 24."
    )
    rto_minutes: Annotated[int, Field(ge=15, le=1_440)] = Field(
        default=60,
        description="A restore that takes longer raises an alarm, in minutes, 15 to 1440; the seeds' 5 minutes are for a lost node or zone.",
    )
    rpo_minutes: Annotated[int, Field(ge=5, le=60)] = Field(
        default=60,
        description="A restored database whose newest row is older than it was raises an alarm, in minutes, 5 to 60 (seed: under 1 hour).",
    )
    missing_rows_percent: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.0,
        description="Rows of a table that may be missing, in percent of the live ones, 0 to 10: rows without a time may be younger than the backup.",
    )


class Backup(Section):
    """AWS Backup, on the calendar of seed 003: daily, weekly, monthly, every four hours."""

    lock: LockMode = Field(
        default=LockMode.GOVERNANCE,
        description="`governance`, `compliance` or `none`; compliance needs `acknowledgeCompliance`, and `none` an exemption from policy BKP-02.",
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
    cold_after_days: Annotated[int, Field(ge=1, le=3_560)] | None = Field(
        default=None,
        description="Days after which monthly backups of file systems move to cold storage, 1 to 3560; `monthlyDays` must be 90 more. "
        "AWS ignores it for databases and volumes.",
    )
    config_days: Annotated[int, Field(ge=30, le=3_650)] = Field(
        default=90, description="How long nobody can delete a copy of the configuration, in days, 30 to 3,650."
    )
    state_bucket: (
        Annotated[
            str,
            Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
            AfterValidator(_bucket),
            Accepts("the name of the bucket that `nautilus bootstrap` made", "nautilus-pulumi-state-123456789012-us-east-1"),
        ]
        | None
    ) = Field(default=None, description="Bucket of Pulumi's state, which is copied every day; unset where the state is not in S3.")
    audit: bool = Field(
        default=True,
        description="Whether AWS Backup Audit Manager judges the backups every day; it needs AWS Config, which the stack `account` turns on.",
    )
    restore_test: RestoreTest = Field(default_factory=RestoreTest, description="The weekly restore test.")
