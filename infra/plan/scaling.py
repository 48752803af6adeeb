"""Autoscaling as pure data: requests per task that outlive a blue-green rollout, and the market's hours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")
_SUM = "requests"


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A number of tasks from a time on."""

    part: str
    """Last part of the action's name."""
    schedule: str
    """Application Auto Scaling's cron: minutes, hours, day of the month, month, days of the week, year."""
    time_zone: str
    least: int
    most: int


def requests_metric(groups: Sequence[Any], load_balancer: Any) -> Mapping[str, Any]:
    """A target-tracking metric: requests per minute and task, of all target groups together.

    AWS's own metric for it (`ALBRequestCountPerTarget`) names one target group and is not offered for blue-green services. This one adds
    up `RequestCountPerTarget` of both. With one group empty it is the other's; while a rollout shifts traffic both have as many
    tasks, so the sum is what either will have to carry alone: the shift itself neither adds tasks nor takes any away.

    Args:
        groups: ARN suffixes of the target groups; they may be Pulumi outputs.
        load_balancer: ARN suffix of the load balancer.

    Raises:
        ValueError: not two different groups.
    """
    if len(groups) != 2:
        raise ValueError(f"requests are counted on both target groups of a service, not on {len(groups)}")
    slots = [f"slot_{index}" for index in range(len(groups))]
    return {
        "metrics": [
            {
                # A group without tasks reports nothing: FILL makes that nothing, instead of no sum.
                "id": _SUM,
                "expression": " + ".join(f"FILL({slot}, 0)" for slot in slots),
                "label": "requests per minute and task",
                "return_data": True,
            },
            *(
                {
                    "id": slot,
                    "metric_stat": {
                        "metric": {
                            "namespace": "AWS/ApplicationELB",
                            "metric_name": "RequestCountPerTarget",
                            "dimensions": [{"name": "LoadBalancer", "value": load_balancer}, {"name": "TargetGroup", "value": group}],
                        },
                        "stat": "Sum",
                    },
                    "return_data": False,
                }
                for slot, group in zip(slots, groups, strict=True)
            ),
        ]
    }


def market_schedule(
    *, start: str, end: str, days: str, time_zone: str, least: int, open_least: int, most: int
) -> tuple[Scheduled, Scheduled]:
    """More tasks from `start`, the ordinary number again from `end`.

    Args:
        start: Local time `HH:MM`.
        end: Local time of the same day, after `start`.
        days: Days of the week as cron has them, `MON-FRI`, in any order; a range may pass the end of AWS's week, which is Saturday.
        time_zone: IANA name.
        least: Fewest tasks while the market is closed.
        open_least: Fewest tasks while it is open, from `least` to `most`.
        most: Most tasks, always.

    Raises:
        ValueError: times that are none or do not follow each other, or counts that do not.
    """
    opening, closing = _cron(start, days), _cron(end, days)
    if not start < end:
        raise ValueError(f"the market closes at {end}, which is not after {start}")
    if not least <= open_least <= most:
        raise ValueError(f"{open_least} tasks while the market is open are not between {least} and {most}")
    return (
        Scheduled(part="open", schedule=opening, time_zone=time_zone, least=open_least, most=most),
        Scheduled(part="close", schedule=closing, time_zone=time_zone, least=least, most=most),
    )


_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""In the order in which AWS's cron counts them, from 1."""


def _plain(days: str) -> str:
    """The same days without a range that falls, such as `MON-SUN`, and none twice: AWS's cron counts days from Sunday on."""
    named: list[str] = []
    for part in days.split(","):
        first, _, last = part.partition("-")
        start, end = _WEEK.index(first), _WEEK.index(last or first)
        named += [part] if start <= end else [_WEEK[day % len(_WEEK)] for day in range(start, end + len(_WEEK) + 1)]
    return ",".join(dict.fromkeys(named))


def _cron(time: str, days: str) -> str:
    found = _TIME.match(time)
    if found is None:
        raise ValueError(f"{time!r} is not a time of day from 00:00 to 23:59")
    return f"cron({int(found[2])} {int(found[1])} ? * {_plain(days)} *)"
