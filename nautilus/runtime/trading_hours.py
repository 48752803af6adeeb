"""When venues trade, and when something may be deployed: pure functions over a calendar that is data.

The calendar is a JSON document that the program writes (`infra.plan.trading_calendar.calendar`), so that who reads it needs neither a
library of holidays nor the program:

    {"venues": [{"name": "nyse", "zone": "America/New_York", "days": [0, 1, 2, 3, 4], "opens": "09:30", "closes": "16:00",
                 "holidays": {"2026": "0101 0119 …"}},
                {"name": "binance"}],
     "window": {"day": 6, "opens": "02:00", "closes": "04:00"}}

`days` are those on which a session opens, Monday is 0. A session whose end is not after its start ends on the next day. Holidays are dates
on which no session opens, months and days by year; in a year that is not listed every day of `days` is a session. An early close counts as
a full session. Both mistakes refuse longer than needed, never shorter. A venue without a zone trades day and night: for it everything
outside the weekly `window` (UTC) is one session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HORIZON = timedelta(days=15)
"""How far ahead a gap is looked for: more than any exchange closes for, and two maintenance windows."""
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Session:
    """A venue trades from `opens` (inclusive) to `closes` (exclusive), both UTC."""

    venue: str
    opens: datetime
    closes: datetime
    always: bool = False
    """The venue never closes: `closes` is the start of the next maintenance window."""

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether the session has a moment in common with `start` to `end`; for an empty span, whether `start` lies in it."""
        return self.opens <= start < self.closes or start <= self.opens < end

    @property
    def sentence(self) -> str:
        """Who trades until when, for people."""
        if self.always:
            return f"{self.venue} trades day and night; the next maintenance window opens at {self.closes:%Y-%m-%d %H:%M} UTC"
        return f"{self.venue} trades from {self.opens:%Y-%m-%d %H:%M} to {self.closes:%H:%M} UTC"


@dataclass(frozen=True)
class Venue:
    """A venue with opening hours, or one without (`zone` None)."""

    name: str
    zone: ZoneInfo | None = None
    days: frozenset[int] = frozenset()
    opens: time = time()
    closes: time = time()
    holidays: frozenset[date] = frozenset()

    def sessions(self, start: datetime, end: datetime, window: Window) -> Iterator[Session]:
        """The sessions that may overlap `start` to `end`, in their order."""
        if self.zone is None:
            closes = window.first_after(start - 2 * _WEEK)
            while closes <= end + _WEEK:
                opens, closes = closes + window.length, closes + _WEEK
                yield Session(self.name, opens, closes, always=True)
            return
        day = start.astimezone(self.zone).date() - 2 * _DAY
        while day <= end.astimezone(self.zone).date() + _DAY:
            if day.weekday() in self.days and day not in self.holidays:
                last = day if self.closes > self.opens else day + _DAY
                yield Session(
                    self.name,
                    datetime.combine(day, self.opens, self.zone).astimezone(UTC),
                    datetime.combine(last, self.closes, self.zone).astimezone(UTC),
                )
            day += _DAY


@dataclass(frozen=True)
class Window:
    """The weekly maintenance window, UTC."""

    day: int
    opens: time
    closes: time

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return timedelta(minutes=(self.closes.hour - self.opens.hour) * 60 + self.closes.minute - self.opens.minute)

    def first_after(self, moment: datetime) -> datetime:
        """The first opening at `moment` or later."""
        day = moment.date() + timedelta(days=(self.day - moment.weekday()) % 7)
        found = datetime.combine(day, self.opens, UTC)
        return found if found >= moment else found + _WEEK


@dataclass(frozen=True)
class Calendar:
    """Every venue of a stack, and its maintenance window."""

    venues: tuple[Venue, ...]
    window: Window

    def sessions(self, start: datetime, end: datetime) -> list[Session]:
        """Every session that overlaps `start` to `end`, by its opening."""
        found = (one for venue in self.venues for one in venue.sessions(start, end, self.window) if one.overlaps(start, end))
        return sorted(found, key=lambda one: (one.opens, one.closes, one.venue))


def read(document: Any) -> Calendar:
    """The calendar in a JSON document.

    Raises:
        ValueError: The document has another form, or names a time zone that is not known here. Whoever guards something must then refuse.
    """
    try:
        top = cast("Mapping[str, Any]", document)
        window = top["window"]
        return Calendar(
            tuple(_venue(one) for one in top["venues"]),
            _window(int(window["day"]), time.fromisoformat(window["opens"]), time.fromisoformat(window["closes"])),
        )
    except (KeyError, TypeError, AttributeError, ZoneInfoNotFoundError) as wrong:
        raise ValueError(f"the trading calendar cannot be read: {wrong!r}") from wrong


def _window(day: int, opens: time, closes: time) -> Window:
    if not 0 <= day <= 6 or closes <= opens:
        raise ValueError(f"the maintenance window on day {day} from {opens} to {closes} is none")
    return Window(day, opens, closes)


def _venue(data: Mapping[str, Any]) -> Venue:
    name = str(data["name"])
    if "zone" not in data:
        return Venue(name)
    days = frozenset(int(day) for day in data["days"])
    if not days or not days <= frozenset(range(7)):
        raise ValueError(f"{name}: days {sorted(days)} are no days of a week")
    holidays = frozenset(
        date(int(year), int(found[:2]), int(found[2:])) for year, dates in data.get("holidays", {}).items() for found in dates.split()
    )
    return Venue(name, ZoneInfo(data["zone"]), days, time.fromisoformat(data["opens"]), time.fromisoformat(data["closes"]), holidays)


def open_venue(now: datetime, calendar: Calendar) -> Session | None:
    """The session that `now` lies in; of several the one that ends last. None when no venue trades.

    Args:
        now: With a time zone.
    """
    return max(calendar.sessions(now, now), key=lambda one: one.closes, default=None)


def conflict(now: datetime, calendar: Calendar, minutes: float) -> Session | None:
    """What speaks against something that starts `now` and takes `minutes`: the session that is open, or the next that opens before its end."""
    if (found := open_venue(now, calendar)) is not None:
        return found
    return next(iter(calendar.sessions(now, now + timedelta(minutes=minutes))), None)


def next_allowed(now: datetime, calendar: Calendar, minutes: float) -> datetime | None:
    """The first moment from `now` on after which no venue trades for `minutes`; None where HORIZON has no such gap."""
    length = timedelta(minutes=minutes)
    start = now
    for session in calendar.sessions(now, now + HORIZON + length):
        if session.overlaps(start, start + length):
            start = session.closes
    return start if start <= now + HORIZON else None
