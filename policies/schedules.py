"""When an AWS schedule fires, and whether that is in a weekly window. Minutes of the week count from Sunday 00:00 UTC."""

from __future__ import annotations

import re

DAY = 24 * 60
WEEK = 7 * DAY
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def _values(text: str, low: int, high: int, *, named: bool = False) -> set[int]:
    def number(word: str) -> int:
        return _DAYS.index(word.upper()) + 1 if named and word.upper() in _DAYS else int(word)

    found: set[int] = set()
    for part in text.split(","):
        base, _, step = part.partition("/")
        if base in ("*", "?"):
            first, last = low, high
        else:
            ends = [number(word) for word in base.split("-", 1)]
            first, last = ends[0], ends[-1] if len(ends) > 1 or not step else high
        if not low <= first <= last <= high:
            raise ValueError(part)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def starts(schedule: str) -> frozenset[int]:
    """Every minute of the week at which a `cron(…)` of six fields can fire in some week: by day of the month, on any weekday.

    Raises:
        ValueError: It is no such expression, or one that names a day by `L` or `W`.
    """
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) \S+ (\S+) \S+\)", schedule)
    if match is None:
        raise ValueError(schedule)
    minutes, hours, month_days, week_days = match.groups()
    if (month_days == "?") == (week_days == "?"):
        raise ValueError(schedule)
    days = set(range(1, 8)) if week_days == "?" else _values(week_days.partition("#")[0], 1, 7, named=True)
    return frozenset(
        (day - 1) * DAY + hour * 60 + minute for day in days for hour in _values(hours, 0, 23) for minute in _values(minutes, 0, 59)
    )


def window(text: str) -> tuple[int, int]:
    """First minute and length of a weekly window such as `sun:03:30-sun:04:00`.

    Raises:
        ValueError: It is no such window.
    """
    match = re.fullmatch(r"([a-z]{3}):(\d\d):(\d\d)-([a-z]{3}):(\d\d):(\d\d)", text.lower())
    if match is None:
        raise ValueError(text)
    first, last = (_DAYS.index(match[group].upper()) * DAY + int(match[group + 1]) * 60 + int(match[group + 2]) for group in (1, 4))
    return first, (last - first) % WEEK


def clock(minute: int) -> str:
    """A minute of the week for people: `Sun 02:30`."""
    day, time = divmod(minute % WEEK, DAY)
    return f"{_DAYS[day].title()} {time // 60:02d}:{time % 60:02d}"
