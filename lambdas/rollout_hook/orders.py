"""What ECS hands over, and what the service's definition asks of the hook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.runtime.smoke import Check, checks_from

DEFAULT_GRACE_SECONDS = 600
DEFAULT_PAUSE_SECONDS = 3600
DEFAULT_SMOKE_SECONDS = 300


@dataclass(frozen=True)
class Smoke:
    """The smoke test: where the test listener is, and what it must answer."""

    load_balancer: str
    """Physical name."""
    port: int
    host: str
    checks: tuple[Check, ...]
    seconds: float = DEFAULT_SMOKE_SECONDS
    """How long a version may take until every check passes: its tasks are healthy by now, but cold."""


@dataclass(frozen=True)
class Orders:
    """What the service's definition asks of the hook."""

    service: str = ""
    parameters: str = ""
    """Path of the service's parameters; empty asks for none."""
    holds: Mapping[float, float] | None = None
    alarms: tuple[str, ...] = ()
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    pause_seconds: float = DEFAULT_PAUSE_SECONDS
    """The longest pause at one share of the traffic."""
    guard: Mapping[str, Any] | None = None
    """The deploy guard as data; None where there is none."""
    smoke: Smoke | None = None
    migration: str = ""
    """Parameter with the record of the migration; empty asks for none."""
    migration_required: bool = False

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> Orders:
        """From `hookDetails`.

        Raises:
            ValueError: a value of the wrong kind, or no alarms and holds, which every service's definition names: then these are not its
                orders. The rollout fails: a gate that misreads or loses its orders must not open.
        """
        try:
            alarms, holds = details["alarms"], details["holds"]
            if not isinstance(alarms, list) or not alarms or not all(isinstance(name, str) and name for name in alarms):
                raise ValueError("alarms is not a list of names")
            guard = _object(details, "guard")
            if guard and guard.get("mode") not in ("off", "refuse"):
                raise ValueError(f"guard.mode {guard.get('mode')!r} is neither off nor refuse")
            smoke, migrations = _object(details, "smoke"), _object(details, "migrations")
            return cls(
                service=str(details.get("service", "")),
                parameters=str(details.get("parameters", "")).rstrip("/"),
                holds={float(hold["percent"]): float(hold["seconds"]) for hold in holds},
                alarms=tuple(alarms),
                grace_seconds=float(details.get("grace_seconds", DEFAULT_GRACE_SECONDS)),
                pause_seconds=float(details.get("pause_seconds", DEFAULT_PAUSE_SECONDS)),
                guard=guard if guard.get("mode") == "refuse" else None,
                smoke=_smoke(smoke) if smoke else None,
                migration=str(migrations["parameter"]) if migrations else "",
                migration_required=migrations.get("required") is True,
            )
        except (KeyError, TypeError, AttributeError) as bad:
            raise ValueError(f"hookDetails cannot be read: {bad!r}") from bad


def _smoke(data: Mapping[str, Any]) -> Smoke:
    return Smoke(
        load_balancer=str(data["load_balancer"]),
        port=int(data["port"]),
        host=str(data["host"]),
        checks=checks_from(data["paths"]),
        seconds=float(data.get("seconds", DEFAULT_SMOKE_SECONDS)),
    )


@dataclass(frozen=True)
class Call:
    """One invocation by ECS."""

    stage: str
    deployment: str
    revision: str
    """ARN of the new version's service revision; empty where the payload has none."""
    percent: float | None
    """Percent of production traffic on the new version; None if the payload does not say, as at most stages."""
    details: Mapping[str, Any]
    memory: Mapping[str, Any]
    """What an earlier look of the same stage of the same deployment left; empty otherwise."""

    @classmethod
    def read(cls, event: Any) -> Call:
        """From the payload.

        Raises:
            ValueError: `hookDetails` is there and no object.
        """
        top: Mapping[str, Any] = event if isinstance(event, dict) else {}
        execution = object_or_empty(top.get("executionDetails"))
        stage, deployment = str(top.get("lifecycleStage") or ""), str(top.get("resourceArn") or "")
        revision = str(execution.get("targetServiceRevisionArn") or "")
        details = object_of(top.get("hookDetails"))
        memory = object_or_empty(details.get("memory"))
        mine = memory.get("deployment") == deployment and memory.get("stage") == stage
        return cls(stage, deployment, revision, _percent(execution, revision), details, memory if mine else {})


def _percent(execution: Mapping[str, Any], revision: str) -> float | None:
    weights = object_or_empty(execution.get("productionTrafficWeights"))
    try:
        percent = float(weights[revision])
    except (KeyError, TypeError, ValueError):
        return None
    return percent if 0 <= percent <= 100 else None


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object; it arrives as one, or as its text. Nothing is an empty one.

    Raises:
        ValueError: It is something else.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = json.loads(value)  # JSONDecodeError is a ValueError
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is wanted, not {type(value).__name__}")
    return value


def object_or_empty(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _object(details: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = details.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")
    return value
