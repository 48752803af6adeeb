"""States of the alarms that guard a deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

MISSING: Final = "MISSING"
"""In place of a state: there is no such alarm."""
_A_CALL: Final = 100
"""Most names that one DescribeAlarms takes."""


def alarm_states(cloudwatch: Any, names: Sequence[str]) -> Mapping[str, str]:
    """State of each alarm by name: `OK`, `ALARM`, `INSUFFICIENT_DATA`, or `MISSING`."""
    states = dict.fromkeys(sorted(names), MISSING)
    for start in range(0, len(names), _A_CALL):
        asked = list(names[start : start + _A_CALL])
        for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=asked, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])):
                states[str(alarm["AlarmName"])] = str(alarm["StateValue"])
    return states
