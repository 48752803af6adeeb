"""When venues trade: sessions over midnight, summer time, holidays, windows, and the first gap that is long enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.components.function import data_file, source_archive
from infra.components.rollout_hook import zone_files
from infra.plan.trading_calendar import ZONES, calendar
from infra.settings.trading import Trading, VenueHours
from nautilus.runtime import trading_hours as hours

ROOT = Path(__file__).resolve().parents[2]
WINDOW = {"day": 6, "opens": "02:00", "closes": "04:00"}


def of(*kinds: VenueHours) -> hours.Calendar:
    return hours.read(calendar(Trading(venues={kind.value: kind for kind in kinds})))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "moment", "open_until"),
    [
        (VenueHours.NYSE, "2026-11-23 14:29", None),
        (VenueHours.NYSE, "2026-11-23 14:30", "2026-11-23 21:00"),
        (VenueHours.NYSE, "2026-11-23 20:59", "2026-11-23 21:00"),
        (VenueHours.NYSE, "2026-11-23 21:00", None),
        (VenueHours.NYSE, "2026-07-20 13:30", "2026-07-20 20:00"),  # summer time
        (VenueHours.NYSE, "2026-11-21 15:00", None),  # Saturday
        (VenueHours.NYSE, "2026-11-26 15:00", None),  # Thanksgiving
        (VenueHours.NYSE, "2026-11-27 20:00", "2026-11-27 21:00"),  # closes early at 18:00: refused until the usual end
        (VenueHours.LSE, "2026-03-27 08:00", "2026-03-27 16:35"),
        (VenueHours.LSE, "2026-03-30 07:00", "2026-03-30 15:35"),  # London is an hour ahead from Sunday on
        (VenueHours.TSE, "2026-11-24 00:00", "2026-11-24 06:30"),
        (VenueHours.TSE, "2026-11-23 01:00", None),  # Labour Thanksgiving
        (VenueHours.CME, "2026-11-22 22:59", None),
        (VenueHours.CME, "2026-11-22 23:00", "2026-11-23 22:00"),  # Sunday evening in Chicago
        (VenueHours.CME, "2026-11-23 22:30", None),
        (VenueHours.CME, "2026-11-27 22:00", None),
        (VenueHours.ALWAYS, "2026-11-22 01:59", "2026-11-22 02:00"),
        (VenueHours.ALWAYS, "2026-11-22 02:00", None),
        (VenueHours.ALWAYS, "2026-11-22 03:59", None),
        (VenueHours.ALWAYS, "2026-11-22 04:00", "2026-11-29 02:00"),
    ],
)
def test_a_venue_is_open_in_its_sessions_and_at_no_other_time(kind: VenueHours, moment: str, open_until: str | None) -> None:
    found = hours.open_venue(utc(moment), of(kind))
    assert (None if found is None else found.closes) == (None if open_until is None else utc(open_until))


def test_of_several_open_venues_the_one_that_closes_last_is_named() -> None:
    found = hours.open_venue(utc("2026-11-23 15:00"), of(VenueHours.NYSE, VenueHours.LSE))
    assert found is not None
    assert found.venue == "nyse"
    assert found.sentence == "nyse trades from 2026-11-23 14:30 to 21:00 UTC"
    always = hours.open_venue(utc("2026-11-23 15:00"), of(VenueHours.NYSE, VenueHours.ALWAYS))
    assert always is not None
    assert "maintenance window opens at 2026-11-29 02:00 UTC" in always.sentence


@pytest.mark.parametrize(
    ("moment", "minutes", "who"),
    [
        ("2026-11-23 14:05", 25, None),
        ("2026-11-23 14:06", 25, "nyse"),
        ("2026-11-23 14:29", 0, None),
        ("2026-11-23 15:00", 0, "nyse"),
        ("2026-11-23 21:00", 60 * 17, None),
    ],
)
def test_what_would_reach_into_a_session_conflicts_with_it(moment: str, minutes: int, who: str | None) -> None:
    found = hours.conflict(utc(moment), of(VenueHours.NYSE), minutes)
    assert (None if found is None else found.venue) == who


@pytest.mark.parametrize(
    ("kinds", "moment", "minutes", "allowed"),
    [
        ((VenueHours.NYSE,), "2026-11-21 12:00", 25, "2026-11-21 12:00"),
        ((VenueHours.NYSE,), "2026-11-23 14:10", 25, "2026-11-23 21:00"),
        ((VenueHours.NYSE,), "2026-11-23 15:00", 18 * 60, "2026-11-25 21:00"),  # over Thanksgiving
        ((VenueHours.NYSE, VenueHours.TSE), "2026-11-23 15:00", 200, "2026-11-24 06:30"),
        ((VenueHours.ALWAYS,), "2026-11-22 03:50", 25, "2026-11-29 02:00"),
        ((VenueHours.ALWAYS,), "2026-11-22 12:00", 120, "2026-11-29 02:00"),
        ((VenueHours.ALWAYS,), "2026-11-22 12:00", 121, None),
        ((), "2026-11-23 15:00", 25, "2026-11-23 15:00"),
    ],
)
def test_the_next_gap_that_is_long_enough(kinds: tuple[VenueHours, ...], moment: str, minutes: int, allowed: str | None) -> None:
    found = hours.next_allowed(utc(moment), of(*kinds), minutes)
    assert found == (None if allowed is None else utc(allowed))


moments = st.integers(0, 5 * 365 * 24 * 60).map(lambda minutes: utc("2026-01-01 00:00") + timedelta(minutes=minutes))
kinds = st.sets(st.sampled_from(list(VenueHours)), max_size=3)


@given(moments, kinds, st.integers(0, 300))
def test_the_gap_is_free_and_there_is_none_before_it(now: datetime, chosen: set[VenueHours], minutes: int) -> None:
    known = of(*sorted(chosen))
    found = hours.next_allowed(now, known, minutes)
    end = now + hours.HORIZON if found is None else found
    if found is not None:
        assert hours.conflict(found, known, minutes) is None
        assert found >= now
        assert found == now or hours.conflict(found - timedelta(minutes=1), known, minutes) is not None
    for hour in range(int((end - now) / timedelta(hours=1))):
        assert hours.conflict(now + timedelta(hours=hour), known, minutes) is not None


@given(moments, st.sampled_from(list(VenueHours)))
def test_sessions_begin_and_end_at_the_venues_own_clock(now: datetime, kind: VenueHours) -> None:
    known = of(kind)
    [venue] = known.venues
    for session in known.sessions(now, now + timedelta(days=10)):
        assert session.opens < session.closes
        if venue.zone is not None:
            assert session.opens.astimezone(venue.zone).time() == venue.opens
            assert session.closes.astimezone(venue.zone).time() == venue.closes
            assert session.opens.astimezone(venue.zone).weekday() in venue.days
            assert session.opens.astimezone(venue.zone).date() not in venue.holidays


NYSE: dict[str, Any] = {"name": "nyse", "zone": "America/New_York", "days": [0], "opens": "09:30", "closes": "16:00"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"venues": []},
        {"venues": [NYSE]},
        {"venues": [{**NYSE, "zone": "Mars/Olympus"}], "window": WINDOW},
        {"venues": [{**NYSE, "days": [7]}], "window": WINDOW},
        {"venues": [{**NYSE, "days": []}], "window": WINDOW},
        {"venues": [{**NYSE, "opens": "half past nine"}], "window": WINDOW},
        {"venues": [{**NYSE, "holidays": {"2026": "1332"}}], "window": WINDOW},
        {"venues": [{"zone": "Europe/London"}], "window": WINDOW},
        {"venues": [NYSE], "window": {**WINDOW, "closes": "01:00"}},
        {"venues": [NYSE], "window": {**WINDOW, "day": 7}},
    ],
)
def test_a_document_of_another_form_is_refused(document: Any) -> None:
    with pytest.raises(ValueError):
        hours.read(document)


def test_the_hooks_archive_carries_every_zone_and_needs_none_of_the_systems(tmp_path: Path) -> None:
    """As in Lambda: neither the system's zones nor any installed library."""
    archive = source_archive(ROOT / "lambdas" / "rollout_hook", (), ("smoke", "trading_hours"), {"tzdata": zone_files()})
    for place, asset in archive.assets.items():
        target = tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if hasattr(asset, "text"):
            target.write_text(asset.text, "utf-8")
        else:
            shutil.copy(asset.path, target)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 150_000
    program = (
        "import sys, json; sys.path.insert(0, sys.argv[1])\n"
        "from nautilus.runtime import trading_hours\n"
        "from zoneinfo import ZoneInfo\n"
        "for zone in json.loads(sys.argv[2]): ZoneInfo(zone)\n"
        "print('all')\n"
    )
    import json

    environment = {**os.environ, "PYTHONTZPATH": ""}
    command = [sys.executable, "-S", "-c", program, str(tmp_path), json.dumps(ZONES)]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "all\n"
    (tmp_path / "tzdata" / "zoneinfo" / "Asia" / "Tokyo").unlink()
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=False).returncode != 0


def test_a_file_that_a_distribution_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        data_file("tzdata", "tzdata/zoneinfo/Mars/Olympus")
    with pytest.raises(ValueError, match="anything in it"):
        data_file("tzdata", "tzdata/zoneinfo/Europe/__init__.py")
