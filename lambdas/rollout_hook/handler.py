"""ECS lifecycle hook: holds a rollout at named percentages and stops it when an alarm is on.

ECS calls it before every shift of production traffic (PRE_PRODUCTION_TRAFFIC_SHIFT) and calls it again while it answers
IN_PROGRESS. Its configuration stands in the service's `hookDetails`:

    {"holds": [{"percent": 10, "seconds": 300}, …], "alarms": ["name", …], "grace_seconds": 600}

and its memory in the `hookDetails` that it returns, which ECS hands back with the next call: which share it watches, since
when, and since when it cannot see. Nothing is kept elsewhere. A run of it is bounded twice: by `grace_seconds` beyond the
hold here, and by the hook's time-out at ECS, which rolls back.

Answers: SUCCEEDED lets the next shift happen, IN_PROGRESS keeps the traffic where it is, FAILED rolls back.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STAGE = "PRE_PRODUCTION_TRAFFIC_SHIFT"
CALL_BACK_SECONDS = 30
DEFAULT_GRACE_SECONDS = 600
_NAMES_A_CALL = 100  # DescribeAlarms takes at most 100 names
_BOTO = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


class CannotSeeError(Exception):
    """AWS did not say what the hook has to know: an API failed, an alarm does not exist, or the weights are unknown."""


@dataclass(frozen=True)
class Settings:
    """What the service's definition asks of the hook."""

    holds: Mapping[float, float]
    alarms: tuple[str, ...]
    grace_seconds: float

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> Settings:
        """From `hookDetails`.

        Raises:
            ValueError: a value of the wrong kind. The rollout then fails: a gate that misreads its orders must not open.
        """
        try:
            holds = {float(hold["percent"]): float(hold["seconds"]) for hold in details.get("holds", [])}
            alarms = details.get("alarms", [])
            if not isinstance(alarms, list) or not all(isinstance(name, str) and name for name in alarms):
                raise ValueError("alarms is not a list of names")
            return cls(holds, tuple(alarms), float(details.get("grace_seconds", DEFAULT_GRACE_SECONDS)))
        except (KeyError, TypeError) as bad:
            raise ValueError(f"hookDetails cannot be read: {bad!r}") from bad


def handler(event: Any, context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes a context
    """Entry point of the Lambda function."""
    return decide(event, now=time.time(), alarm_states=alarm_states, deployment_weight=deployment_weight)


def decide(
    event: Any,
    *,
    now: float,
    alarm_states: Callable[[tuple[str, ...]], Mapping[str, str]],
    deployment_weight: Callable[[str], float],
) -> dict[str, Any]:
    """One call of the hook, without a clock and without AWS.

    Args:
        event: ECS's payload.
        now: Seconds since the epoch.
        alarm_states: State of each alarm by name. Raises CannotSeeError.
        deployment_weight: Percent of production traffic on the new version, by the deployment's ARN. Raises CannotSeeError.
    """
    event = event if isinstance(event, dict) else {}
    stage = event.get("lifecycleStage")
    if stage != STAGE:
        return _answer("SUCCEEDED", f"nothing to do at {stage}")
    try:
        details = _object(event.get("hookDetails"))
        settings = Settings.read(details)
    except ValueError as bad:
        return _answer("FAILED", str(bad))
    deployment = str(event.get("resourceArn", ""))
    memory = _object_or_empty(details.get("memory"))

    try:
        _refuse_alarms(settings, alarm_states)
        percent = _weight(event)
        if percent is None:
            percent = deployment_weight(deployment)
    except CannotSeeError as blind:
        since = _number(memory.get("blind_since"), now) if memory.get("deployment") == deployment else now
        if now - since >= settings.grace_seconds:
            return _answer("FAILED", f"could not see for {now - since:.0f} s: {blind}")
        kept = {**memory, "deployment": deployment, "blind_since": since}
        return _wait(details, kept, CALL_BACK_SECONDS, f"cannot see: {blind}")
    except _AlarmIsOnError as on:
        return _answer("FAILED", str(on))

    seconds = settings.holds.get(round(percent, 1), 0.0)
    same = memory.get("deployment") == deployment and memory.get("percent") == percent
    # A clock that ran backwards between two execution environments must not lengthen the hold.
    since = min(_number(memory.get("since"), now), now) if same else now
    left = since + seconds - now
    if left <= 0:
        return _answer("SUCCEEDED", f"held {seconds:.0f} s at {percent:g} %" if seconds else f"no hold at {percent:g} %")
    kept = {"deployment": deployment, "percent": percent, "since": since}
    return _wait(details, kept, min(CALL_BACK_SECONDS, math.ceil(left)), f"holding at {percent:g} %, {left:.0f} s left")


class _AlarmIsOnError(Exception):
    pass


def _refuse_alarms(settings: Settings, alarm_states: Callable[[tuple[str, ...]], Mapping[str, str]]) -> None:
    if not settings.alarms:
        return
    states = alarm_states(settings.alarms)
    on = sorted(name for name in settings.alarms if states.get(name) == "ALARM")
    if on:
        raise _AlarmIsOnError(f"in alarm: {', '.join(on)}")
    missing = sorted(set(settings.alarms) - states.keys())
    if missing:
        raise CannotSeeError(f"no such alarm: {', '.join(missing)}")


def _weight(event: Mapping[str, Any]) -> float | None:
    """Percent of production traffic on the new version, as the payload has it; None if the payload does not say."""
    execution = _object_or_empty(event.get("executionDetails"))
    weights = execution.get("productionTrafficWeights")
    target = execution.get("targetServiceRevisionArn")
    if not isinstance(weights, dict) or target not in weights:
        return None
    try:
        percent = float(weights[target])
    except (TypeError, ValueError):
        return None
    return percent if 0 <= percent <= 100 else None


def alarm_states(names: tuple[str, ...]) -> dict[str, str]:
    """State of each metric or composite alarm of `names` that exists."""
    states: dict[str, str] = {}
    try:
        client = boto3.client("cloudwatch", config=_BOTO)
        for start in range(0, len(names), _NAMES_A_CALL):
            asked = list(names[start : start + _NAMES_A_CALL])
            found = client.describe_alarms(AlarmNames=asked, AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=_NAMES_A_CALL)
            for alarm in (*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])):
                states[alarm["AlarmName"]] = alarm["StateValue"]
    except (BotoCoreError, ClientError) as failed:
        raise CannotSeeError(f"DescribeAlarms: {failed}") from failed
    return states


def deployment_weight(deployment: str) -> float:
    """Percent of production traffic on the new version, from ECS; 0 for a service's first deployment, which replaces nothing."""
    try:
        client = boto3.client("ecs", config=_BOTO)
        found = client.describe_service_deployments(serviceDeploymentArns=[deployment]).get("serviceDeployments", [])
    except (BotoCoreError, ClientError) as failed:
        raise CannotSeeError(f"DescribeServiceDeployments: {failed}") from failed
    if not found:
        raise CannotSeeError(f"ECS does not know the deployment {deployment!r}")
    if not found[0].get("sourceServiceRevisions"):
        return 0.0
    weight = found[0].get("targetServiceRevision", {}).get("requestedProductionTrafficWeight")
    if weight is None:
        raise CannotSeeError("neither the payload nor ECS names the new version's share of traffic")
    return float(weight)


def _object(value: Any) -> dict[str, Any]:
    """`hookDetails` as an object; it arrives as one, or as its JSON text."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = json.loads(value)  # JSONDecodeError is a ValueError
    if not isinstance(value, dict):
        raise ValueError(f"hookDetails is not an object but {type(value).__name__}")
    return value


def _object_or_empty(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _wait(details: Mapping[str, Any], memory: Mapping[str, Any], seconds: int, why: str) -> dict[str, Any]:
    # The whole configuration goes back with the memory: what ECS hands over next may replace the original details.
    return {
        **_answer("IN_PROGRESS", why),
        "callBackDelay": max(1, seconds),
        "hookDetails": {**details, "memory": dict(memory)},
    }


def _answer(status: str, why: str) -> dict[str, Any]:
    log.info("%s: %s", status, why)
    return {"hookStatus": status, "reason": why}
