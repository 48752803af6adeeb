"""Settings of the broker's gateway, of the watchdog beside every process that must run once, and of the second broker."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Digest, Section
from infra.settings.egress import DomainPort
from infra.settings.services import LocalTime, TimeZone

StartCommand = Annotated[
    str,
    Field(pattern=r"^/?[A-Za-z0-9_.][A-Za-z0-9._/-]{1,253}$", examples=["scripts/run.sh"]),
    Accepts(
        "a path of at most 255 letters, digits and ._/-, absolute or from the image's working directory, such as scripts/run.sh",
        "scripts/run.sh",
    ),
]
BrokerName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{1,30}$", examples=["tradestation"]),
    Accepts("2 to 31 small letters, digits and hyphens, the first one a letter, such as tradestation", "tradestation"),
]


class RestartWindow(Section):
    """The gateway's daily restart, which keeps the login. No alarm about the login is raised in the window."""

    time: LocalTime = Field(
        default="23:45",
        description="Local time of the gateway's own daily restart, outside the sessions of `trading.venues`; the broker forces one a day.",
    )
    time_zone: TimeZone = Field(
        default="America/New_York",
        description="Time zone of `time`. The gateway writes it into its session files at its first start and keeps it.",
    )
    window_minutes: Annotated[int, Field(ge=5, le=120)] = Field(
        default=15, description="Minutes from `time` on in which a lost login raises no alarm, 5 to 120."
    )


class Watchdog(Section):
    """The container beside engine and gateway that holds their lease and closes their path before the lease runs out."""

    image_digest: Digest | None = Field(
        default=None,
        description="The watchdog's image (`containers/watchdog`), by digest. Needed in phase `services` while `services.engine` or "
        "`services.ibGateway` is enabled.",
    )
    lease_seconds: Annotated[int, Field(ge=10, le=300)] = Field(
        default=30, description="Seconds after which a lease that nobody renews is free again, 10 to 300: so long does a failover wait."
    )
    renew_seconds: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="Seconds between two renewals, 1 to 100, and at most a third of `leaseSeconds`."
    )


class ActiveBroker(StrEnum):
    """Where the engine sends its orders."""

    PRIMARY = "primary"
    SECOND = "second"


class SecondBroker(Section):
    """A second broker, for the day on which the first one fails (NRC-024, PFC-207). Its login is a secret container of its own."""

    name: BrokerName = Field(description="What the engine's program calls it: 2 to 31 small letters, digits and hyphens.")
    hosts: Annotated[list[DomainPort], Field(min_length=1, max_length=20)] = Field(
        description="Its servers as `host` or `host:port`, 1 to 20, each of them let out by `egress.domains`."
    )
