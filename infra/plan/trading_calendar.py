"""The trading calendar as data: opening hours of our own table, holidays from the library `holidays`, in the form of
`nautilus.runtime.trading_hours`. Pure.

Holidays are read while the program is planned and go out as dates, so that the rollout hook carries no library. The years are fixed, because
a plan must not depend on the day on which it is made. After the last of them every weekday counts as a session, which refuses more
deployments and lets none slip through; raise LAST_YEAR then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

from infra.settings.trading import Trading, VenueHours
from infra.settings.workloads import RolloutGuard

FIRST_YEAR, LAST_YEAR = 2026, 2035
"""Years whose holidays are known to the hook."""

WINDOW = MappingProxyType({"day": 6, "opens": "02:00", "closes": "04:00"})
"""The maintenance window, Sunday 02:00 to 04:00 UTC (seed 004)."""

_WEEKDAYS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Hours:
    """When a venue trades, its closing auction included, in its own time zone."""

    zone: str
    """IANA's name."""
    opens: str
    closes: str
    """Not after `opens`: on the next day."""
    market: str | None
    """ISO 10383 code under which `holidays` knows it; None takes every one of `days` for a session."""
    days: tuple[int, ...] = _WEEKDAYS
    """Days on which a session opens, Monday 0."""


HOURS: Mapping[VenueHours, Hours | None] = MappingProxyType(
    {
        VenueHours.NYSE: Hours("America/New_York", "09:30", "16:00", "XNYS"),
        VenueHours.NASDAQ: Hours("America/New_York", "09:30", "16:00", "XNAS"),
        # Globex opens on Sunday evening and rests one hour a day. On exchange holidays most of its products trade for a while: none is taken out.
        VenueHours.CME: Hours("America/Chicago", "17:00", "16:00", None, (6, 0, 1, 2, 3)),
        VenueHours.LSE: Hours("Europe/London", "08:00", "16:35", "XLON"),
        VenueHours.XETRA: Hours("Europe/Berlin", "09:00", "17:35", "XETR"),
        VenueHours.EURONEXT: Hours("Europe/Paris", "09:00", "17:40", "XPAR"),
        VenueHours.TSE: Hours("Asia/Tokyo", "09:00", "15:30", "XJPX"),
        VenueHours.HKEX: Hours("Asia/Hong_Kong", "09:00", "16:10", "XHKG"),
        VenueHours.ALWAYS: None,
    }
)
"""Regular sessions as the exchanges publish them; a lunch break counts as trading. None trades day and night."""

ZONES = tuple(sorted({hours.zone for hours in HOURS.values() if hours}))
"""Time zones that whoever reads a calendar must know."""


@cache
def holidays(market: str) -> Mapping[str, str]:
    """Days on which the exchange stays closed, `MMDD` by year, weekends left out. Half days are no holidays.

    Args:
        market: An ISO 10383 code of the library `holidays`.
    """
    from holidays import financial_holidays  # half a second, for who needs a calendar alone

    closed: dict[str, list[str]] = {str(year): [] for year in range(FIRST_YEAR, LAST_YEAR + 1)}
    days: list[date] = sorted(financial_holidays(market, years=range(FIRST_YEAR, LAST_YEAR + 1)))
    for day in days:
        if day.weekday() in _WEEKDAYS and str(day.year) in closed:
            closed[str(day.year)].append(f"{day:%m%d}")
    return MappingProxyType({year: " ".join(found) for year, found in closed.items()})


def calendar(trading: Trading, *, scope: RolloutGuard = RolloutGuard.ALL) -> dict[str, Any]:
    """The calendar of a stack's venues, for `nautilus.runtime.trading_hours.read`.

    Args:
        trading: The settings.
        scope: `all` venues, those with `sessions` that end, or none (`off`).
    """
    venues: list[dict[str, Any]] = []
    for name, kind in sorted(trading.venues.items()):
        hours = HOURS[kind]
        if scope is RolloutGuard.OFF or (scope is RolloutGuard.SESSIONS and hours is None):
            continue
        venue: dict[str, Any] = {"name": name}
        if hours is not None:
            venue |= {"zone": hours.zone, "days": list(hours.days), "opens": hours.opens, "closes": hours.closes}
            venue["holidays"] = dict(holidays(hours.market)) if hours.market else {}
        venues.append(venue)
    return {"venues": venues, "window": dict(WINDOW)}


def guard(trading: Trading, *, minutes: int, scope: RolloutGuard = RolloutGuard.ALL) -> dict[str, Any]:
    """What refuses a deployment in trading hours, as data: {"mode": "refuse", "minutes": …, "calendar": …}, or {"mode": "off"}.

    Args:
        trading: The settings.
        minutes: How long the deployment takes: it must end before the next session opens.
        scope: Which venues count.
    """
    if not trading.guarded or scope is RolloutGuard.OFF:
        return {"mode": "off"}
    return {"mode": "refuse", "minutes": minutes, "calendar": calendar(trading, scope=scope)}
