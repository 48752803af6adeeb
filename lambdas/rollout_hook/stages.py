"""What the hook decides at each of its three stages, without a clock and without AWS."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nautilus.runtime import trading_hours

try:
    from orders import Call, Orders, object_of  # in Lambda, the folder is the root
    from world import CannotSeeError
except ImportError:
    from lambdas.rollout_hook.orders import Call, Orders, object_of
    from lambdas.rollout_hook.world import CannotSeeError

if TYPE_CHECKING:
    from lambdas.rollout_hook.world import World

CALL_BACK_SECONDS = 30
WARM_UP_SECONDS = 10
"""Seconds between two runs of the smoke test."""
LONGEST_OVERRIDE = timedelta(hours=1)
_SKEW = timedelta(minutes=5)
"""How far the clock of who wrote the override may be ahead."""

log = logging.getLogger("rollout_hook")


@dataclass(frozen=True)
class Go:
    """The rollout goes on."""

    why: str


@dataclass(frozen=True)
class Refuse:
    """The rollout is over: ECS rolls back."""

    why: str


@dataclass(frozen=True)
class Wait:
    """Everything stays as it is; ECS asks again in `seconds`."""

    why: str
    seconds: int = CALL_BACK_SECONDS
    memory: Mapping[str, Any] = field(default_factory=dict)


Decision = Go | Refuse | Wait
Stage = Callable[[Call, Orders, float, "World"], Decision]


def before_start(call: Call, orders: Orders, now: float, world: World) -> Decision:
    """PRE_SCALE_UP: no deployment in a trading session, and none on top of a failed migration."""
    session = _in_session(orders, datetime.fromtimestamp(now, UTC))
    migration = _migration(call, orders, world)
    if session is None and migration is None:
        return Go("no venue trades before the rollout ends" if orders.guard else "no deploy guard")
    deployment = world.deployment(call.deployment)
    if deployment.rolling_back:
        return Go("a rollback is never kept back")
    if deployment.first and session is not None:
        log.info("first deployment of %s, let through although %s", orders.service, session)
        session = None
    if session is not None and (permit := _override(orders, datetime.fromtimestamp(now, UTC), world)):
        log.warning("OVERRIDE: %s is deployed although %s; %s", orders.service, session, permit)
        session = None
    refused = [reason for reason in (session, migration) if reason]
    return Refuse("; ".join(refused)) if refused else Go("let through: a first deployment, or an override")


def _in_session(orders: Orders, now: datetime) -> str | None:
    """Why the guard refuses; None if it does not."""
    if orders.guard is None:
        return None
    try:
        calendar = trading_hours.read(orders.guard.get("calendar"))
        minutes = float(orders.guard.get("minutes", 0))
    except (TypeError, ValueError) as wrong:
        return f"the trading calendar cannot be read, so nothing is deployed: {wrong}"
    session = trading_hours.conflict(now, calendar, minutes)
    if session is None:
        return None
    free = trading_hours.next_allowed(now, calendar, minutes)
    when = f"possible again from {free:%Y-%m-%d %H:%M} UTC" if free else f"no gap of {minutes:g} minutes in the next two weeks"
    return f"{session.sentence}: {when}, or with the override {orders.parameters}/override"


def _override(orders: Orders, now: datetime, world: World) -> str | None:
    """Who lets the deployment through and why; None without a valid override. One that cannot be read is none."""
    if not orders.parameters:
        return None
    name = f"{orders.parameters}/override"
    try:
        text = world.parameter(name)
        if text is None:
            return None
        record = object_of(text)
        until = datetime.fromisoformat(str(record["until"]))
        who, why = str(record["who"]).strip(), str(record["why"]).strip()
        if until.tzinfo is None or not who or not why:
            raise ValueError("who, why and until (with a time zone) are needed")
    except (CannotSeeError, ValueError, KeyError) as unreadable:
        log.error("the override %s cannot be read, so there is none: %s", name, unreadable)
        return None
    if not now < until <= now + LONGEST_OVERRIDE + _SKEW:
        log.error("the override %s until %s is not valid now: it must end within the next hour", name, until.isoformat())
        return None
    return f"{who} says: {why} (until {until.isoformat()})"


def _migration(call: Call, orders: Orders, world: World) -> str | None:
    """Why the migration gate refuses; None if it does not. Only the record of the version that is deployed counts."""
    if not orders.migration:
        return None
    text = world.parameter(orders.migration)
    if text is None:
        return f"no migration is recorded in {orders.migration}, and one is required" if orders.migration_required else None
    try:
        record = object_of(text)
        status, digest = str(record["status"]), str(record["digest"])
    except (ValueError, KeyError) as unreadable:
        return f"the migration recorded in {orders.migration} cannot be read: {unreadable!r}"
    of_this = digest in world.digests(call.revision or world.deployment(call.deployment).revision)
    if of_this and status not in ("checked", "executed"):
        return f"the migration of this version has the status {status!r}: {record.get('detail', '')}"
    if orders.migration_required and not (of_this and status == "executed"):
        return f"the migration of this version is required and not executed; {orders.migration} says {status!r} for {digest}"
    return None


def before_traffic(call: Call, orders: Orders, now: float, world: World) -> Decision:
    """POST_TEST_TRAFFIC_SHIFT: the new version answers on the test listener. Its tasks may be cold, so it gets some time."""
    if orders.smoke is None:
        return Go("no smoke test")
    since = min(_number(call.memory.get("smoke_since"), now), now)
    report = world.smoke(orders.smoke)
    if report.ok:
        return Go(f"{len(report.results)} smoke tests passed")
    if now - since >= orders.smoke.seconds:
        return Refuse(f"smoke tests failed for {now - since:.0f} s: {report.problems}")
    return Wait(f"smoke tests fail: {report.problems}", WARM_UP_SECONDS, {"smoke_since": since})


def before_shift(call: Call, orders: Orders, now: float, world: World) -> Decision:
    """PRE_PRODUCTION_TRAFFIC_SHIFT: alarms first, then a pause that somebody asked for, then the hold at a named share."""
    if alarm := _alarm(orders, world):
        return Refuse(alarm)
    percent = call.percent if call.percent is not None else _percent(world, call.deployment)
    same = call.memory.get("percent") == percent
    # A clock that ran backwards between two execution environments must not lengthen the hold.
    since = min(_number(call.memory.get("since"), now), now) if same else now
    kept = {"percent": percent, "since": since}

    paused = world.parameter(f"{orders.parameters}/pause") if orders.parameters else None
    if paused is not None:
        began = min(_number(call.memory.get("paused_since"), now), now) if same else now
        if now - began >= orders.pause_seconds:
            return Refuse(f"paused for {now - began:.0f} s at {percent:g} %, longer than allowed: {_said(paused)}")
        return Wait(f"paused at {percent:g} %: {_said(paused)}", memory={**kept, "paused_since": began})

    seconds = (orders.holds or {}).get(round(percent, 1), 0.0)
    left = since + seconds - now
    if left <= 0:
        return Go(f"held {seconds:.0f} s at {percent:g} %" if seconds else f"no hold at {percent:g} %")
    return Wait(f"holding at {percent:g} %, {left:.0f} s left", min(CALL_BACK_SECONDS, math.ceil(left)), kept)


def _alarm(orders: Orders, world: World) -> str | None:
    if not orders.alarms:
        return None
    states = world.alarm_states(orders.alarms)
    if on := sorted(name for name in orders.alarms if states.get(name) == "ALARM"):
        return f"in alarm: {', '.join(on)}"
    if missing := sorted(set(orders.alarms) - states.keys()):
        raise CannotSeeError(f"no such alarm: {', '.join(missing)}")
    return None


def _percent(world: World, arn: str) -> float:
    """ECS's word where the payload has none; 0 for a service's first deployment, which replaces nothing."""
    found = world.deployment(arn)
    if found.first:
        return 0.0
    if found.percent is None:
        raise CannotSeeError("neither the payload nor ECS names the new version's share of traffic")
    return found.percent


def _said(text: str) -> str:
    """Who paused and why; a pause that cannot be read holds all the same."""
    try:
        record = object_of(text)
        return f"{record['who']} says: {record['why']}"
    except (ValueError, KeyError):
        return "the pause cannot be read, and holds"


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


STAGES: Mapping[str, Stage] = {
    "PRE_SCALE_UP": before_start,
    "POST_TEST_TRAFFIC_SHIFT": before_traffic,
    "PRE_PRODUCTION_TRAFFIC_SHIFT": before_shift,
}
"""The two `*_TRAFFIC_SHIFT` stages are missing on purpose: they run again during a rollback, which nothing may hold up."""
