"""Settings of trading: paper or live, which venues, and when nothing may be deployed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from infra.settings.base import Accepts, Section
from infra.settings.broker import ActiveBroker, SecondBroker


class TradingMode(StrEnum):
    """Which broker account the stack trades on."""

    PAPER = "paper"
    LIVE = "live"


class VenueHours(StrEnum):
    """A trading calendar: opening hours, time zone and holidays (`infra.plan.trading_calendar.HOURS`)."""

    NYSE = "nyse"
    NASDAQ = "nasdaq"
    CME = "cme"
    LSE = "lse"
    XETRA = "xetra"
    EURONEXT = "euronext"
    TSE = "tse"
    HKEX = "hkex"
    ALWAYS = "always"
    """Trades day and night: crypto exchanges, and foreign exchange at the broker."""


class DeployGuard(StrEnum):
    """What happens to a deployment in a trading session."""

    AUTO = "auto"
    REFUSE = "refuse"
    OFF = "off"


_KNOWN_KEYS: dict[str, Any] = {"additionalProperties": False}
"""For editors: a key that does not match the pattern of names is a mistake."""

VenueName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", examples=["binance"]),
    Accepts("1 to 31 small letters, digits and hyphens, the first one a letter, such as binance", "binance"),
]


class Trading(Section):
    """What makes this a trading platform."""

    mode: TradingMode = Field(default=TradingMode.PAPER, description="`paper` or `live`; live is for production alone.")
    acknowledge_live_trading: Literal["", "orders from this stack move real money"] = Field(
        default="", description="Write `orders from this stack move real money` to accept live trading."
    )
    ib_client_id: Annotated[int, Field(ge=1, le=32_767)] = Field(
        default=100, description="Client id of the engine at the gateway (seed 004: 100); unique for each connection."
    )
    venues: dict[VenueName, VenueHours] = Field(
        default_factory=lambda: {"nyse": VenueHours.NYSE},
        json_schema_extra=_KNOWN_KEYS,
        description="Where the stack trades, with the calendar of each: `nyse`, `nasdaq`, `cme`, `lse`, `xetra`, `euronext`, `tse` (Tokyo), "
        "`hkex`, or `always` for what trades day and night (crypto exchanges, foreign exchange), where the maintenance window, "
        "Sunday 02:00 to 04:00 UTC, is the only time for a deployment.",
    )
    deploy_guard: DeployGuard = Field(
        default=DeployGuard.AUTO,
        description="Deployments in a session: `refuse` them, `off` lets them happen, `auto` refuses where `trading.mode` is live.",
    )
    active_broker: ActiveBroker = Field(
        default=ActiveBroker.PRIMARY,
        description="Where the engine sends its orders: `primary` (Interactive Brokers) or `second` (docs/runbooks/broker-failover.md).",
    )
    second_broker: SecondBroker | None = Field(default=None, description="The second broker; unset where there is none.")

    @property
    def gateway_port(self) -> int:
        """The gateway's port between tasks: 4003 live, 4004 paper (the seed's 4001 stays inside the container)."""
        return 4003 if self.mode is TradingMode.LIVE else 4004

    @property
    def guarded(self) -> bool:
        """Whether deployments in a session are refused."""
        return self.deploy_guard is DeployGuard.REFUSE or (self.deploy_guard is DeployGuard.AUTO and self.mode is TradingMode.LIVE)
