"""The gateway's scripts run in bash against servers of ours; its restart window against every session of a year."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.plan import gateway
from infra.plan.trading_calendar import FIRST_YEAR, HOURS
from infra.settings.broker import RestartWindow
from infra.settings.trading import Trading, TradingMode, VenueHours
from nautilus.runtime import status

BASH = shutil.which("bash") or ""
LOGIN = b"\x00\x00\x00\x1a176\x0020250101 00:00:00 EST\x00"
HELD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}"
NOT_HELD = b"HTTP/1.0 503 Service Unavailable\r\n\r\n{}"


def _request(connection: socket.socket) -> bytes:
    """The handshake, or a request up to its empty line: bash sends line by line, and what is closed over unread bytes is reset."""
    found = b""
    while not (found.endswith(b"\r\n\r\n") or (found.startswith(b"API") and len(found) == 17)):
        more = connection.recv(128)
        if not more:
            break
        found += more
    return found


@contextmanager
def server(*answers: bytes) -> Generator[tuple[int, list[bytes]]]:
    """Answers one connection after the other, the last answer for ever; yields its port and what it was sent."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def serve() -> None:
        left = list(answers)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                heard.append(_request(connection))
                connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def never() -> RestartWindow:
    """A window that is twelve hours away."""
    far = datetime.now(UTC) + timedelta(hours=12)
    return RestartWindow(time=f"{far:%H:%M}", time_zone="UTC")


def beat(port: int, *, status: int, window: RestartWindow | None = None) -> dict[str, Any]:
    """The first line of the watch."""
    script = gateway.watch(port, service="ib-gateway", status_port=status, restart=window or never(), seconds=30)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([BASH, "-c", script], stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            found: dict[str, Any] = json.loads(process.stdout.readline())
        finally:
            process.terminate()
            assert process.wait(10) == 0, "SIGTERM must end the watch at once and cleanly"
            if process.stdout is not None:
                process.stdout.close()
        errors.seek(0)
        assert errors.read() == b""
    assert (found["event"], found["service"]) == ("gateway.heartbeat", "ib-gateway")
    return found


def test_the_watch_speaks_the_brokers_handshake() -> None:
    with server(LOGIN) as (port, heard), server(HELD) as (status, asked):
        found = beat(port, status=status)
    assert (found["held"], found["connected"], found["excused"], found["ready"]) == (1, 1, 0, 1)
    assert heard == [b"API\x00\x00\x00\x00\x09v100..187"]
    assert asked == [b"GET /held HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"\x00\x00"])
def test_an_open_port_without_a_login_is_not_connected(answer: bytes) -> None:
    with server(answer) as (port, _), server(HELD) as (status, _):
        found = beat(port, status=status)
    assert (found["held"], found["connected"], found["ready"]) == (1, 0, 0)


def test_a_closed_port_is_not_connected() -> None:
    with server(HELD) as (status, _):
        assert beat(closed_port(), status=status)["ready"] == 0


@pytest.mark.parametrize("answer", [NOT_HELD, b"", b"garbage\r\n", b"HTTP/1.0 404 Not Found\r\n\r\n"])
def test_a_standby_says_that_it_does_not_count(answer: bytes) -> None:
    with server(answer) as (status, _):
        assert beat(closed_port(), status=status)["held"] == 0


def test_without_a_watchdog_nobody_counts() -> None:
    assert beat(closed_port(), status=closed_port())["held"] == 0


def now_in(zone: str, minutes: int) -> str:
    """The time of day in `zone`, so many minutes from now."""
    return f"{datetime.now(ZoneInfo(zone)) + timedelta(minutes=minutes):%H:%M}"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(("begins", "excused"), [(-3, 1), (3, 0), (-20, 0)])
def test_the_restart_window_is_local_time_and_excuses_a_lost_login(zone: str, begins: int, excused: int) -> None:
    window = RestartWindow(time=now_in(zone, begins), time_zone=zone, window_minutes=10)
    found = beat(closed_port(), status=closed_port(), window=window)
    assert (found["excused"], found["ready"], found["connected"]) == (excused, excused, 0)


def test_a_zone_that_the_image_does_not_know_excuses_nothing() -> None:
    window = RestartWindow(time=now_in("UTC", -3), time_zone="UTC").model_copy(update={"time_zone": "Mars/Olympus"})
    assert beat(closed_port(), status=closed_port(), window=window)["excused"] == 0, "date would silently take it for UTC"


def test_scripts_are_stable_and_name_their_ports() -> None:
    script = gateway.watch(4001, service="ib-gateway", status_port=8099, restart=RestartWindow())
    assert re.findall(r"/dev/tcp/127\.0\.0\.1/(\d+)", script) == ["8099", "4001"]
    assert script == gateway.watch(4001, service="ib-gateway", status_port=8099, restart=RestartWindow())


# --- the start -----------------------------------------------------------------------------------------------------------------


@contextmanager
def started(tmp_path: Path, status: int, *, pause: int = 0) -> Generator[subprocess.Popen[str]]:
    """The wrapper around a program that leaves a mark and goes on."""
    program = tmp_path / "run.sh"
    program.write_text(f"#!{BASH}\ntrap 'exit 7' TERM\ntouch {tmp_path}/ran\nwhile :; do sleep 0.1; done\n")
    program.chmod(0o755)
    script = gateway.wrapper(str(program), status_port=status, pause_seconds=pause, stamp=str(tmp_path / "last-start"))
    process = subprocess.Popen([BASH, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)


def events(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline())["event"] for _ in range(count)]


def until(what: Path, seconds: float = 10) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if what.exists():
            return True
        time.sleep(0.02)
    return False


def test_the_gateway_starts_only_with_the_lease_and_gets_signals_itself(tmp_path: Path) -> None:
    with server(NOT_HELD, NOT_HELD, HELD) as (status, asked), started(tmp_path, status) as process:
        assert events(process, 2) == ["gateway.waits", "gateway.starts"]
        assert until(tmp_path / "ran")
        assert len(asked) == 4, "twice refused, held, and asked once more right before the start"
        process.terminate()
        assert process.wait(10) == 7, "the program replaces the wrapper, so it is the one that is told to stop"
    assert (tmp_path / "last-start").exists()


def test_a_standby_waits_and_stops_at_once(tmp_path: Path) -> None:
    with server(NOT_HELD) as (status, asked), started(tmp_path, status) as process:
        assert events(process, 1) == ["gateway.waits"]
        while len(asked) < 2:
            time.sleep(0.02)
        process.terminate()
        assert process.wait(2) == 0
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "last-start").exists()


def test_the_scripts_understand_the_watchdogs_own_answers(tmp_path: Path) -> None:
    port, held = closed_port(), threading.Event()
    own = status.serve(port, status.State(healthy=lambda: True, held=held.is_set, status=lambda: {"lease": "ib-gateway"}))
    try:
        assert beat(closed_port(), status=port)["held"] == 0
        with started(tmp_path, port) as process:
            assert events(process, 1) == ["gateway.waits"]
            assert not until(tmp_path / "ran", 1.5)
            held.set()
            assert events(process, 1) == ["gateway.starts"]
            assert until(tmp_path / "ran")
            assert beat(closed_port(), status=port)["held"] == 1
    finally:
        own.shutdown()
        own.server_close()


def test_without_a_watchdog_nothing_starts(tmp_path: Path) -> None:
    with started(tmp_path, closed_port()) as process:
        assert events(process, 1) == ["gateway.waits"]
        assert not until(tmp_path / "ran", 1.5)


def test_a_login_that_was_just_tried_is_not_tried_again_at_once(tmp_path: Path) -> None:
    stamp = tmp_path / "last-start"
    stamp.touch()
    with server(HELD) as (status, _), started(tmp_path, status, pause=3) as process:
        before = time.monotonic()
        assert events(process, 3) == ["gateway.waits", "gateway.paused", "gateway.starts"]
        assert 1.5 < time.monotonic() - before < 6
        assert until(tmp_path / "ran")
    assert time.time() - stamp.stat().st_mtime < 60


@pytest.mark.parametrize("age", [100, 5])
def test_an_old_login_holds_nothing_up(tmp_path: Path, age: int) -> None:
    stamp = tmp_path / "last-start"
    stamp.touch()
    os.utime(stamp, (time.time() - age, time.time() - age))
    with server(HELD) as (status, _), started(tmp_path, status, pause=3) as process:
        assert events(process, 2) == ["gateway.waits", "gateway.starts"]


def test_a_wrong_clock_holds_a_login_up_for_the_pause_at_most(tmp_path: Path) -> None:
    stamp = tmp_path / "last-start"
    stamp.touch()
    os.utime(stamp, (time.time() + 86_400, time.time() + 86_400))
    with server(HELD) as (status, _), started(tmp_path, status, pause=2) as process:
        assert events(process, 3) == ["gateway.waits", "gateway.paused", "gateway.starts"]


def test_a_lease_that_was_lost_in_the_pause_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "last-start").touch()
    with server(HELD, NOT_HELD) as (status, _), started(tmp_path, status, pause=2) as process:
        assert events(process, 3) == ["gateway.waits", "gateway.paused", "gateway.lost"]
        assert process.wait(10) == 1
    assert not (tmp_path / "ran").exists()


def test_session_files_that_cannot_be_written_start_nothing(tmp_path: Path) -> None:
    script = gateway.wrapper("/bin/true", status_port=1, pause_seconds=0, stamp=str(tmp_path / "missing" / "last-start"))
    with server(HELD) as (status, _):
        ran = subprocess.run(
            [BASH, "-c", script.replace("127.0.0.1/1 ", f"127.0.0.1/{status} ")], capture_output=True, text=True, timeout=20, check=False
        )
    assert ran.returncode == 1
    assert json.loads(ran.stdout.splitlines()[-1])["event"] == "gateway.unwritable"


# --- what the image is told -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "told"), [("00:00", "12:00 AM"), ("00:05", "12:05 AM"), ("12:00", "12:00 PM"), ("23:45", "11:45 PM")])
def test_ibcs_clock_has_twelve_hours(given: str, told: str) -> None:
    assert gateway.clock_12(given) == told


def test_the_login_follows_the_mode_and_the_window_and_can_be_taken_over() -> None:
    live = gateway.gateway_environment(Trading(mode=TradingMode.LIVE), RestartWindow(time="17:30", time_zone="Europe/London"))
    assert (live["TRADING_MODE"], live["AUTO_RESTART_TIME"], live["TIME_ZONE"]) == ("live", "05:30 PM", "Europe/London")
    assert live["EXISTING_SESSION_DETECTED_ACTION"] == "primaryoverride", "nobody can displace a `primary` session, not even the standby"
    assert (live["TWOFA_TIMEOUT_ACTION"], live["RELOGIN_AFTER_TWOFA_TIMEOUT"]) == ("exit", "no")
    assert not any("VNC" in name for name in live)
    assert gateway.api_port(Trading(mode=TradingMode.LIVE)) == 4001
    assert gateway.api_port(Trading()) == 4002


# --- the restart window -----------------------------------------------------------------------------------------------------------


def test_the_default_window_fits_new_york_and_not_tokyo() -> None:
    assert gateway.restart_clash(Trading(), RestartWindow()) is None
    assert gateway.restart_clash(Trading(venues={"t": VenueHours.TSE}), RestartWindow()) == "t"
    assert gateway.fitting_restart(Trading(), RestartWindow()) == "23:45"


def test_a_window_may_touch_a_session_and_not_reach_into_it() -> None:
    def clash(time: str, minutes: int) -> str | None:
        return gateway.restart_clash(Trading(), RestartWindow(time=time, window_minutes=minutes))

    assert (clash("09:15", 15), clash("09:15", 16)) == (None, "nyse")
    assert (clash("16:00", 15), clash("15:59", 15)) == (None, "nyse")


def test_zones_that_change_their_clocks_on_other_days_are_found() -> None:
    trading = Trading(venues={"london": VenueHours.LSE})
    # In March, for three weeks, London is four hours ahead of New York and not five.
    assert gateway.restart_clash(trading, RestartWindow(time="11:40", window_minutes=15)) == "london"
    assert gateway.restart_clash(trading, RestartWindow(time="12:35", window_minutes=15)) is None
    assert gateway.restart_clash(trading, RestartWindow(time="02:45", window_minutes=15)) is None
    assert gateway.restart_clash(trading, RestartWindow(time="03:00", window_minutes=15)) == "london"


def test_venues_that_never_close_leave_the_choice_free() -> None:
    assert gateway.restart_clash(Trading(venues={"binance": VenueHours.ALWAYS}), RestartWindow(time="12:00")) is None


def test_where_nothing_fits_nothing_is_named() -> None:
    trading = Trading(venues={"globex": VenueHours.CME, "hk": VenueHours.HKEX})
    assert gateway.fitting_restart(trading, RestartWindow(window_minutes=70)) is None


MINUTES = st.integers(0, 1439).map(lambda number: f"{number // 60:02d}:{number % 60:02d}")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(VenueHours), min_size=1, max_size=3),
    MINUTES,
    st.sampled_from(["America/New_York", "Europe/London", "UTC", "Asia/Tokyo"]),
    st.integers(5, 120),
)
def test_a_window_that_fits_meets_no_session_minute_by_minute(venues: dict[str, VenueHours], begins: str, zone: str, minutes: int) -> None:
    trading, window = Trading(venues=venues), RestartWindow(time=begins, time_zone=zone, window_minutes=minutes)
    met = any(
        _trades(kind, datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).replace(hour=int(begins[:2]), minute=int(begins[3:])), at)
        for day in (date(FIRST_YEAR, 1, 1) + timedelta(days=number) for number in range(0, 365, 3))
        for kind in venues.values()
        for at in (0, minutes // 2, minutes - 1)
    )
    if gateway.restart_clash(trading, window) is None:
        assert not met
    fits = gateway.fitting_restart(trading, window)
    if fits is not None:
        assert gateway.restart_clash(trading, window.model_copy(update={"time": fits})) is None


def _trades(kind: VenueHours, begins: datetime, minutes: int) -> bool:
    """Whether a venue is in session so many minutes after `begins`: by its own clock, the other way round from the plan."""
    hours = HOURS[kind]
    if hours is None:
        return False
    there = (begins.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(ZoneInfo(hours.zone))
    clock = f"{there:%H:%M}"
    if hours.opens < hours.closes:
        return there.weekday() in hours.days and hours.opens <= clock < hours.closes
    return (there.weekday() in hours.days and clock >= hours.opens) or ((there.weekday() - 1) % 7 in hours.days and clock < hours.closes)
