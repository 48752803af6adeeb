"""Settings of alarms and who hears of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Email, Section

Percent = Annotated[int, Field(ge=1, le=100)]


class Alarms(Section):
    """Thresholds. The defaults are the seeds' numbers."""

    emails: list[Email] = Field(
        default_factory=list, max_length=20, description="Addresses that hear of alarms; production needs one or more."
    )
    cpu_percent: Percent = Field(default=80, description="CPU warning, in percent (seed 003: 80).")
    memory_percent: Percent = Field(default=85, description="Memory warning, in percent (seed 003: 85).")
    disk_percent: Percent = Field(default=90, description="Disk warning, in percent (seed 003: 90).")
    latency_ms: Annotated[int, Field(ge=1, le=60_000)] = Field(
        default=100, description="95th percentile of the API's response time, in milliseconds (seed 004: 100)."
    )
    error_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        default=1.0, description="Share of failed requests that raises an alarm, in percent (seed 003: 1)."
    )
    rollout_error_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.1, description="Share of failed requests that rolls a deployment back, in percent (seed 004: 0.1)."
    )
    replica_lag_seconds: Annotated[int, Field(ge=1, le=3_600)] = Field(
        default=60, description="Replication lag that raises an alarm, in seconds."
    )
