"""Settings that services share: who owns their images, where their logs go, traces, and more tasks while a market is open."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from infra.settings.base import Accepts, Digest, Section


class ImageOwner(StrEnum):
    """Who decides which image a service runs."""

    PULUMI = "pulumi"
    PIPELINE = "pipeline"


class LogRouting(StrEnum):
    """How the output of containers gets to CloudWatch Logs."""

    AWSLOGS = "awslogs"
    FIRELENS = "firelens"


@cache
def _zones() -> frozenset[str]:
    # Every call reads the whole database from disk.
    # Two files of the database that are no place: the machine's own zone, and the one of a machine that was never set up.
    return frozenset(available_timezones()) - {"Factory", "localtime"}


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("is not a time zone of the IANA database")
    return name


TimeZone = Annotated[
    str,
    AfterValidator(_zone),
    Field(max_length=64, examples=["America/New_York"]),
    Accepts("a time zone of the IANA database, such as America/New_York", "America/New_York"),
]
LocalTime = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"]),
    Accepts("a time of day from 00:00 to 23:59, such as 09:00", "09:00"),
]
Days = Annotated[
    str,
    Field(
        # A range has two ends: MON-WED-FRI is refused by Application Auto Scaling, in the middle of an update.
        pattern=r"^(MON|TUE|WED|THU|FRI|SAT|SUN)(-(MON|TUE|WED|THU|FRI|SAT|SUN))?"
        r"(,(MON|TUE|WED|THU|FRI|SAT|SUN)(-(MON|TUE|WED|THU|FRI|SAT|SUN))?)*$",
        max_length=27,
        examples=["MON-FRI"],
    ),
    Accepts("days of the week as cron has them, such as MON-FRI or MON,WED", "MON-FRI"),
]


class MarketOpen(Section):
    """More tasks while a market is open, started before the first orders come (scheduled scaling)."""

    enabled: bool = Field(default=False, description="Whether the fewest number of tasks rises with the market.")
    start: LocalTime = Field(default="09:15", description="Local time at which the number rises; tasks take up to three minutes to start.")
    end: LocalTime = Field(default="16:15", description="Local time at which it falls back to `minTasks`.")
    time_zone: TimeZone = Field(default="America/New_York", description="The market's time zone; summer time is AWS's business.")
    days: Days = Field(default="MON-FRI", description="The market's days. Holidays are not known here: on one, idle tasks run for a day.")
    min_tasks: Annotated[int, Field(ge=1, le=400)] = Field(default=4, description="Fewest tasks while the market is open, 1 to 400.")


class LogRouter(Section):
    """The way of the web services' log lines. The trading processes always use awslogs: one program less that may stop them."""

    mode: LogRouting = Field(
        default=LogRouting.AWSLOGS,
        description="`awslogs` (Fargate's own driver) or `firelens` (a Fluent Bit container beside each task, to filter or fan out).",
    )
    image_digest: Digest | None = Field(
        default=None, description="AWS's image of Fluent Bit (`aws-observability/aws-for-fluent-bit` on ECR Public), by digest."
    )


class Telemetry(Section):
    """Traces and metrics of the web services by OpenTelemetry: a collector beside each task, to X-Ray and CloudWatch."""

    enabled: bool = Field(default=False, description="Whether a collector runs beside each task.")
    image_digest: Digest | None = Field(
        default=None, description="AWS's image of the collector (`aws-observability/aws-otel-collector` on ECR Public), by digest."
    )
    sampling_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Share of requests that are traced, in percent, 1 to 100. A caller's own decision is kept."
    )
