"""The broker's gateway: what its image is told, how its process waits for the lease, how it is watched, when it restarts. Pure.

Facts about the image are those of gnzsnz/ib-gateway-docker: its start program and variables, socat between the gateway's own port and the one
that other tasks reach, IBC's settings behind the variables. Both scripts need bash and coreutils in the image, and the time zones of
`tzdata`: without them the restart window is not known, and its alarm is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from infra.plan.trading_calendar import FIRST_YEAR, HOURS
from infra.settings.broker import RestartWindow
from infra.settings.trading import Trading, TradingMode

SESSION_PATH: Final = "/sessions"
"""Where the gateway keeps its settings and its autorestart file; without them every restart asks for a second factor again."""

STAMP: Final = f"{SESSION_PATH}/last-start"
"""On the file system that active and standby share: its time is that of the last login, whichever task made it."""

HEARTBEAT_SECONDS: Final = 15
HANDSHAKE_SECONDS: Final = 4


def api_port(trading: Trading) -> int:
    """The gateway's own port inside its task: 4001 live, 4002 paper. Between tasks it is `trading.gateway_port`."""
    return 4001 if trading.mode is TradingMode.LIVE else 4002


def clock_12(text: str) -> str:
    """`23:45` as IBC wants it: `11:45 PM`.

    Raises:
        ValueError: not a time of day as `HH:MM`.
    """
    return time.fromisoformat(text).strftime("%I:%M %p")


def gateway_environment(trading: Trading, restart: RestartWindow | None = None) -> dict[str, str]:
    """What the gateway's image is told about the login.

    The daily restart keeps the session, and a missed second factor ends the process instead of asking again at once: `wrapper` paces the
    next login. `primaryoverride` because the task with the lease must win: IBC lets a `primary` session be displaced by nobody, so a
    gateway that lost its lease but still runs would lock the standby out. VNC stays off: there is no variable for its password.
    """
    window = restart or RestartWindow()
    return {
        "AUTO_RESTART_TIME": clock_12(window.time),
        "EXISTING_SESSION_DETECTED_ACTION": "primaryoverride",
        "READ_ONLY_API": "no",
        "RELOGIN_AFTER_TWOFA_TIMEOUT": "no",
        "TIME_ZONE": window.time_zone,
        "TRADING_MODE": trading.mode.value,
        "TWOFA_TIMEOUT_ACTION": "exit",
        "TWS_SETTINGS_PATH": SESSION_PATH,
    }


def _held(status_port: int) -> Sequence[str]:
    """A bash function that succeeds while the watchdog beside says that this task holds the lease."""
    return (
        "held() (",
        f"  exec 3<>/dev/tcp/127.0.0.1/{status_port} || exit 1",
        r"  printf 'GET /held HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3",
        '  IFS=" " read -r -t 3 _ code _ <&3',
        '  [[ "$code" == 200* ]]',
        ") 2>/dev/null",
    )


def wrapper(command: str, *, status_port: int, pause_seconds: int, stamp: str = STAMP) -> str:
    """A bash script that starts the gateway once this task holds the lease, and never sooner than `pause_seconds` after the last login.

    The standby waits here, logged in nowhere. A login is paced across both tasks by the time of a file that they share: each login sends
    a second-factor request, and blind restarts lock the operator out (AWS-RULES.md section 3). A task that loses the lease while it
    waits starts nothing; one that loses it later is ended with its watchdog, which is essential.

    Args:
        command: The image's start program, a path without characters that a shell reads (`services.ibGateway.command`).
        status_port: Where the watchdog answers `/held` with 200 while the lease is held.
        pause_seconds: Fewest seconds between two logins, 0 for none.
        stamp: The shared file.
    """
    return "\n".join(
        (
            "trap 'exit 0' TERM INT",
            *_held(status_port),
            r"""say() { printf '{"event":"gateway.%s","seconds":%d}\n' "$1" "$2"; }""",
            'rest() { sleep "$1" & wait $!; }',
            "say waits 0",
            "until held; do rest 1; done",
            f"last=$(stat -c %Y {stamp} 2>/dev/null || echo 0)",
            f"left=$((last + {pause_seconds} - $(date +%s)))",
            # A clock that was wrong must not hold the login back for ever.
            f"((left > {pause_seconds})) && left={pause_seconds}",
            'if ((left > 0)); then say paused "$left"; fi',
            "while ((left-- > 0)); do rest 1; done",
            "held || { say lost 0; exit 1; }",
            f"touch {stamp} || {{ say unwritable 0; exit 1; }}",
            "say starts 0",
            f"exec {command}",
        )
    )


def watch(port: int, *, service: str, status_port: int, restart: RestartWindow, seconds: int = HEARTBEAT_SECONDS) -> str:
    """A bash script that asks the gateway for an API handshake every `seconds` and logs what it found.

    The handshake is answered only after a login, so an open port alone does not pass. Each line says which task speaks and whether it is
    the one that counts: `{"event":"gateway.heartbeat","service":"ib-gateway","held":1,"connected":0,"excused":0,"ready":0}`. `excused` is
    1 in the restart window; `ready` is what the alarm looks at, connected or excused. The standby says `held` 0, so the metric filter
    passes its lines over and the alarm follows the lease. It runs in a container that is not essential: a lost login raises an alarm and
    kills nothing.

    The window is judged here because nothing in CloudWatch knows local time: metric math counts hours in UTC and has no answer without
    data, a composite alarm needs another alarm as its clock, and disabled actions would hide silence too.

    Args:
        port: The gateway's own port inside the task (`api_port`).
        service: Which of the two tasks: `ib-gateway` or `ib-gateway-standby`.
        status_port: Where the watchdog answers `/held`.
        restart: The daily window.
        seconds: Between two attempts.
    """
    hour, minute = (int(part) for part in restart.time.split(":"))
    begins = 60 * hour + minute
    return "\n".join(
        (
            "trap 'exit 0' TERM INT",
            *_held(status_port),
            "handshake() (",
            f"  exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1",
            # The prefix API\0, then the client's range of versions behind its length of nine bytes.
            r"  printf 'API\0\0\0\0\011v100..187' >&3",
            # The answer: four bytes of length, then the server's version in digits.
            f"  version=$(timeout {HANDSHAKE_SECONDS} head -c 7 <&3 | tail -c 3)",
            '  [[ "$version" =~ ^[0-9]{3}$ ]]',
            ") 2>/dev/null",
            "window() {",
            # A zone that the image does not know would silently be UTC.
            f"  [[ -e /usr/share/zoneinfo/{restart.time_zone} ]] || return 1",
            f"  now=$(TZ={restart.time_zone} date '+10#%H * 60 + 10#%M')",
            f"  (((now - {begins} + 1440) % 1440 < {restart.window_minutes}))",
            "}",
            "while :; do",
            "  if held; then held=1; else held=0; fi",
            "  if handshake; then connected=1; else connected=0; fi",
            "  if window; then excused=1; else excused=0; fi",
            '  printf \'{"event":"gateway.heartbeat","service":"%s","held":%d,"connected":%d,"excused":%d,"ready":%d}\\n\' \\',
            f'    {service} "$held" "$connected" "$excused" "$((connected | excused))"',
            f"  sleep {seconds} & wait $!",
            "done",
        )
    )


@dataclass(frozen=True)
class _Session:
    venue: str
    opens: datetime
    closes: datetime


def _at(day: date, text: str, zone: ZoneInfo) -> datetime:
    """A wall clock's time as a moment. In UTC, because Python compares times of one zone by their faces."""
    return datetime.combine(day, time.fromisoformat(text), zone).astimezone(UTC)


def _sessions(trading: Trading) -> Iterator[_Session]:
    """Every session of a year at the venues that close, holidays included: a window that fits the year fits them too."""
    days = [date(FIRST_YEAR, 1, 1) + timedelta(days=number) for number in range(-2, 368)]
    for name, kind in sorted(trading.venues.items()):
        hours = HOURS[kind]
        if hours is None:
            continue
        zone = ZoneInfo(hours.zone)
        for day in days:
            if day.weekday() in hours.days:
                last = day if hours.opens < hours.closes else day + timedelta(days=1)
                yield _Session(name, _at(day, hours.opens, zone), _at(last, hours.closes, zone))


def _clash(sessions: Sequence[_Session], restart: RestartWindow) -> str | None:
    zone = ZoneInfo(restart.time_zone)
    days = [date(FIRST_YEAR, 1, 1) + timedelta(days=number) for number in range(365)]
    windows = [_at(day, restart.time, zone) for day in days]
    length = timedelta(minutes=restart.window_minutes)
    by_day: dict[date, list[_Session]] = {}
    for session in sessions:
        day = session.opens.date()
        while day <= session.closes.date():
            by_day.setdefault(day, []).append(session)
            day += timedelta(days=1)
    for begins in windows:
        ends = begins + length
        for day in {begins.date(), ends.date()}:
            for session in by_day.get(day, ()):
                if begins < session.closes and session.opens < ends:
                    return session.venue
    return None


def restart_clash(trading: Trading, restart: RestartWindow) -> str | None:
    """The venue of `trading.venues` in whose session the daily restart would fall on some day of the year; None where it fits.

    Venues that trade day and night are left out: no time of day fits them, and the gateway's restart is due every day.
    """
    return _clash(list(_sessions(trading)), restart)


def fitting_restart(trading: Trading, restart: RestartWindow) -> str | None:
    """The nearest quarter of an hour, as `HH:MM`, at which the same window fits every session; None where none does."""
    sessions = list(_sessions(trading))
    hour, minute = (int(part) for part in restart.time.split(":"))
    wanted = 60 * hour + minute
    quarters = sorted(range(0, 1440, 15), key=lambda other: (min((other - wanted) % 1440, (wanted - other) % 1440), other))
    for other in quarters:
        text = f"{other // 60:02d}:{other % 60:02d}"
        if _clash(sessions, restart.model_copy(update={"time": text})) is None:
            return text
    return None
