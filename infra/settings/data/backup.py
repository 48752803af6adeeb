"""Settings of AWS Backup."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Section


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
