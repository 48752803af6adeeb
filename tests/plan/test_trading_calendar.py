"""The trading calendar: our table of hours, the library's holidays, and what a deploy guard is told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import trading_calendar as plan
from infra.settings.trading import DeployGuard, Trading, TradingMode, VenueHours
from infra.settings.workloads import RolloutGuard
from nautilus.runtime import trading_hours

LIVE = Trading(mode=TradingMode.LIVE, acknowledge_live_trading="orders from this stack move real money")
EVERY = Trading(venues={kind.value: kind for kind in VenueHours})


def test_every_calendar_has_hours_in_a_zone_that_exists_and_can_be_read() -> None:
    assert set(plan.HOURS) == set(VenueHours)
    assert set(plan.ZONES) <= available_timezones()
    read = trading_hours.read(json.loads(json.dumps(plan.calendar(EVERY))))
    assert {venue.name for venue in read.venues} == {kind.value for kind in VenueHours}
    assert {venue.zone for venue in read.venues if venue.zone} == {ZoneInfo(zone) for zone in plan.ZONES}


@pytest.mark.parametrize(
    ("kind", "day", "closed"),
    [
        (VenueHours.NYSE, date(2026, 11, 26), True),  # Thanksgiving
        (VenueHours.NYSE, date(2026, 11, 27), False),  # closes early: a full session here
        (VenueHours.NYSE, date(2026, 7, 3), True),  # the fourth is a Saturday
        (VenueHours.NYSE, date(2027, 3, 26), True),  # Good Friday
        (VenueHours.NYSE, date(2026, 11, 23), False),
        (VenueHours.LSE, date(2026, 11, 26), False),
        (VenueHours.LSE, date(2026, 12, 28), True),  # Boxing Day, moved
        (VenueHours.XETRA, date(2026, 12, 24), True),
        (VenueHours.TSE, date(2026, 1, 2), True),
        (VenueHours.HKEX, date(2026, 2, 17), True),  # Lunar New Year
        (VenueHours.CME, date(2026, 11, 26), False),  # trades for a while
    ],
)
def test_holidays_are_those_of_the_exchange(kind: VenueHours, day: date, closed: bool) -> None:
    [venue] = trading_hours.read(plan.calendar(Trading(venues={"v": kind}))).venues
    assert (day in venue.holidays) is closed


def test_every_year_of_every_exchange_has_holidays_and_none_on_a_weekend() -> None:
    for hours in plan.HOURS.values():
        if hours is None or hours.market is None:
            continue
        found = plan.holidays(hours.market)
        assert [int(year) for year in found] == list(range(plan.FIRST_YEAR, plan.LAST_YEAR + 1))
        for year, days in found.items():
            assert 2 <= len(days.split()) <= 30, (hours.market, year)
            assert all(date(int(year), int(day[:2]), int(day[2:])).weekday() < 5 for day in days.split())


def test_after_the_last_known_year_every_weekday_is_a_session() -> None:
    christmas = datetime(plan.LAST_YEAR + 1, 12, 25, 15, 0, tzinfo=UTC)
    assert christmas.weekday() < 5
    assert trading_hours.open_venue(christmas, trading_hours.read(plan.calendar(LIVE))) is not None


@pytest.mark.parametrize(
    ("scope", "names"), [(RolloutGuard.ALL, ["binance", "nyse"]), (RolloutGuard.SESSIONS, ["nyse"]), (RolloutGuard.OFF, [])]
)
def test_the_scope_says_which_venues_count(scope: RolloutGuard, names: list[str]) -> None:
    trading = Trading(venues={"nyse": VenueHours.NYSE, "binance": VenueHours.ALWAYS})
    assert [venue["name"] for venue in plan.calendar(trading, scope=scope)["venues"]] == names


@pytest.mark.parametrize(
    ("mode", "guard", "refuses"),
    [
        (TradingMode.LIVE, DeployGuard.AUTO, True),
        (TradingMode.PAPER, DeployGuard.AUTO, False),
        (TradingMode.PAPER, DeployGuard.REFUSE, True),
        (TradingMode.LIVE, DeployGuard.OFF, False),
    ],
)
def test_the_guard_is_on_where_money_is_real_or_somebody_says_so(mode: TradingMode, guard: DeployGuard, refuses: bool) -> None:
    made = plan.guard(Trading(mode=mode, deploy_guard=guard), minutes=25)
    assert (made["mode"] == "refuse") is refuses
    assert ("calendar" in made) is refuses
    assert plan.guard(LIVE, minutes=25, scope=RolloutGuard.OFF) == {"mode": "off"}


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.sampled_from(list(VenueHours)), max_size=4))
def test_the_same_settings_give_the_same_document_whatever_their_order(venues: dict[str, VenueHours]) -> None:
    backwards = dict(reversed(list(venues.items())))
    assert json.dumps(plan.calendar(Trading(venues=venues))) == json.dumps(plan.calendar(Trading(venues=backwards)))
