"""Settings of what people change while the platform runs: feature flags, the share of the trading volume, risk limits (AWS AppConfig)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Section

FlagName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-zA-Z0-9_-]{0,63}$"),
    Accepts("1 to 64 letters, digits, `_` and `-`, the first a small letter (AppConfig)", "new_strategies"),
]
FlagText = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./=+@,()'-]{3,199}$"),
    Accepts("4 to 200 letters, digits, spaces and _./=+@,()'- that say what it switches", "strategies that never traded real money"),
]
Instrument = Annotated[
    str,
    Field(pattern=r"^[A-Z0-9][A-Za-z0-9_./=-]{0,62}\.[A-Z0-9]{1,20}$"),
    Accepts("an instrument and its venue as NautilusTrader writes them, such as AAPL.NASDAQ", "AAPL.NASDAQ"),
]
Dollars = Annotated[int, Field(ge=1, le=100_000_000)]


def _names() -> dict[str, str]:
    return {"new_strategies": "strategies that never traded real money"}


class RiskLimits(Section):
    """What the engine holds every order against. The stack file gives the first document and, times `headroom`, the most that any later one may say.

    The seeds name the limits (NRC-022, PFC-216, PFC-221 to PFC-225) and give one number, a drawdown below 25 % (PFC-015); every other
    default is small on purpose.
    """

    max_order_value_usd: Dollars = Field(
        default=1_000, description="Largest value of one order, in US dollars, 1 to 100,000,000 (PFC-216)."
    )
    max_position_value_usd: Dollars = Field(
        default=5_000, description="Largest position in one instrument, in US dollars; not below `maxOrderValueUsd` (PFC-222)."
    )
    max_exposure_usd: Dollars = Field(
        default=10_000, description="Largest sum of all positions, in US dollars; not below `maxPositionValueUsd` (PFC-023)."
    )
    max_leverage: Annotated[float, Field(ge=1, le=50)] = Field(
        default=1.0, description="Largest exposure for each dollar of equity, 1 to 50; 1 is none (PFC-024, PFC-223)."
    )
    max_daily_loss_usd: Dollars = Field(
        default=500, description="Loss of one trading day that stops new orders, in US dollars: the circuit breaker (PFC-224, PFC-221)."
    )
    max_drawdown_percent: Annotated[int, Field(ge=1, le=24)] = Field(
        default=10, description="Loss from the highest equity that stops new orders, in percent, 1 to 24 (PFC-015: below 25; PFC-225)."
    )
    max_orders_per_minute: Annotated[int, Field(ge=1, le=3_000)] = Field(
        default=10, description="Most orders that may be sent in a minute, 1 to 3,000 (NRC-022; IB takes 50 messages a second)."
    )
    instruments: list[Instrument] = Field(
        default_factory=list, max_length=200, description="What may be traded at first, at most 200; an empty list lets nothing be traded."
    )
    headroom: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10,
        description="How many times these numbers a deployed document may reach at most, 1 to 100: beyond it the stack file, and so a "
        "review, comes first.",
    )


class Flags(Section):
    """Three documents in AppConfig. This section makes the first version of each; afterwards they belong to `nautilus flags`."""

    names: dict[FlagName, FlagText] = Field(
        default_factory=_names,
        max_length=50,
        description="Feature flags of the first document, each with what it switches; all are off. Later ones are added with `nautilus flags deploy`.",
    )
    volume_steps: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=20)] = Field(
        default_factory=lambda: [1, 5, 10, 25, 50, 100],
        description="Shares of the trading volume that may be set, in percent, rising: the first document says the first, and a rise goes one "
        "step at a time (NRC-073: start with 1 %).",
    )
    volume_bake_minutes: Annotated[int, Field(ge=1, le=1_440)] = Field(
        default=30, description="Minutes that the alarms are watched after the volume rose before the step counts, 1 to 1,440."
    )
    limits: RiskLimits = Field(default_factory=RiskLimits, description="Risk limits.")
