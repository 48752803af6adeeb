"""From a rollout in words (`10 %, 50 %, 100 %, five minutes each`) to what ECS offers (DESIGN.md decision 6).

ECS knows three shifts: everything at once (BLUE_GREEN), one share and then the rest (CANARY), and equal shares (LINEAR).
Any other rising list becomes LINEAR at the steps' common divisor, and a hook Lambda holds where the list stands still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import reduce
from itertools import pairwise
from math import gcd, inf
from typing import Any

from infra.plan.iam import canonical
from infra.plan.trading_calendar import guard
from infra.settings.trading import Trading
from infra.settings.workloads import BackendRollout, MigrationGate, Rollout

LEAST_STEP = 3
"""ECS's smallest `stepPercent` of a linear deployment."""

_DIVISORS = tuple(step for step in range(LEAST_STEP, 100) if 100 % step == 0)
"""The linear steps that arrive at 100 % exactly: 4, 5, 10, 20, 25, 50."""

GRACE_SECONDS = 600
"""How long the hook waits for an AWS API that does not answer, in seconds, before it fails the rollout."""

PAUSE_SECONDS = 3600
"""The longest pause at one share of the traffic, in seconds; then the rollout fails."""

SMOKE_SECONDS = 300
"""How long a new version may take until it passes the smoke test, in seconds: its tasks are healthy, but cold."""

START_MINUTES = 10
"""What a deployment takes before its first shift: tasks start, become healthy and pass the smoke test. The deploy guard adds it."""

GUARD_STAGE, SMOKE_STAGE, SHIFT_STAGE = "PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"
HOOK_STAGES = (GUARD_STAGE, SMOKE_STAGE, SHIFT_STAGE)
"""Lifecycle stages at which the hook runs: before anything starts, with the new version on the test listener, and before each shift.

None of them is run again during a rollback, unlike the two `*_TRAFFIC_SHIFT` stages (AWS-RULES.md section 6).
"""


BACKEND_PATHS = ("/api/*", "/ws/*", "/health")
"""What the load balancer sends to the backend on both listeners, as path patterns; everything else is the frontend's."""


def is_backends(path: str) -> bool:
    """Whether the backend answers a path, as the load balancer's rules read it: small and capital letters differ."""
    return any(fnmatchcase(path, pattern) for pattern in BACKEND_PATHS)


class Strategy(StrEnum):
    """ECS's native strategies, as its API spells them."""

    BLUE_GREEN = "BLUE_GREEN"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


@dataclass(frozen=True)
class Hold:
    """The hook keeps the new version at `percent` of the traffic for `seconds`."""

    percent: int
    seconds: int


@dataclass(frozen=True)
class RolloutPlan:
    """What ECS and the hook are told."""

    strategy: Strategy
    step_percent: int
    """Share of each linear step, or the canary's share; 100 for BLUE_GREEN."""
    holds: tuple[Hold, ...]
    """Where the hook holds; empty when ECS's own step bake does it."""
    step_bake_minutes: int
    """ECS's own wait after each step but the last, in minutes."""
    bake_minutes: int
    """How long the old version is kept after the last step, in minutes."""
    stages: tuple[str, ...]
    """Lifecycle stages at which the hook runs."""
    rests: tuple[Hold, ...]
    """Every share at which the rollout stands still, whoever holds it there."""

    @property
    def total_seconds(self) -> int:
        """Time from the first shift until the old version is gone, in seconds; starting tasks comes on top."""
        return sum(rest.seconds for rest in self.rests) + self.bake_minutes * 60

    @property
    def hook_minutes(self) -> int:
        """Time-out of one run of the hook in minutes: its longest wait by its own bounds, and one more. ECS's default is 24 hours."""
        longest = max(max((hold.seconds for hold in self.holds), default=0) + PAUSE_SECONDS, SMOKE_SECONDS)
        return -(-(longest + GRACE_SECONDS) // 60) + 1

    @property
    def guard_minutes(self) -> int:
        """What a deployment takes from its request to its end, in minutes: no session may open before."""
        return -(-self.total_seconds // 60) + START_MINUTES

    def as_json(self) -> dict[str, Any]:
        """The plan as one JSON document. `holds` are all the rests."""
        return {
            "strategy": self.strategy.value,
            "step_percent": self.step_percent,
            "step_bake_minutes": self.step_bake_minutes,
            "bake_minutes": self.bake_minutes,
            "holds": [asdict(rest) for rest in self.rests],
            "stages": list(self.stages),
            "total_seconds": self.total_seconds,
        }


def nearest(steps: Sequence[int]) -> tuple[int, ...]:
    """The expressible plan with as many steps whose percentages differ least from `steps` in sum.

    Args:
        steps: Rising percentages from 1 to 100, the last one 100, at most 25 of them (100 % in steps of 4 %).
    """
    wanted = list(steps[:-1])
    best_cost, best = inf, (100,)
    for step in reversed(_DIVISORS):
        marks = list(range(step, 100, step))
        if len(marks) < len(wanted):
            continue
        cost, chosen = _closest(wanted, marks)
        if cost < best_cost:
            best_cost, best = cost, (*chosen, 100)
    return best


def _closest(wanted: Sequence[int], marks: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """Rising choice of `marks`, one for each of `wanted`, with the smallest sum of differences."""
    # rows[j]: the best choice for the values so far that uses only the first j marks
    rows: list[tuple[int, tuple[int, ...]] | None] = [(0, ())] * (len(marks) + 1)
    for value in wanted:
        fresh: list[tuple[int, tuple[int, ...]] | None] = [None]
        for index, mark in enumerate(marks):
            before = rows[index]
            take = None if before is None else (before[0] + abs(mark - value), (*before[1], mark))
            skip = fresh[index]
            fresh.append(min((option for option in (take, skip) if option is not None), default=None))
        rows = fresh
    found = rows[-1]
    if found is None:
        raise ValueError("there are more steps than marks")
    return found


def plan(steps: Sequence[int], *, hold_minutes: int, bake_minutes: int) -> RolloutPlan:
    """What ECS is told so that the new version gets `steps` percent of the traffic, `hold_minutes` at each but the last.

    Args:
        steps: Rising percentages, 1 to 100, the last one 100.
        hold_minutes: 0 to 1,440 (ECS's bound of a step bake).
        bake_minutes: 0 to 1,440 (ECS's bound of the final bake).

    Raises:
        ValueError: the list is empty, does not rise to 100, a duration is out of bounds, or ECS cannot express it: then the
            message names the nearest plan that it can.
    """
    if not steps or steps[-1] != 100 or steps[0] < 1 or any(after <= before for before, after in pairwise(steps)):
        raise ValueError(f"steps {list(steps)} must rise from at least 1 to exactly 100")
    for what, minutes in (("hold", hold_minutes), ("bake", bake_minutes)):
        if not 0 <= minutes <= 1440:
            raise ValueError(f"the {what} of {minutes} minutes is outside ECS's 0 to 1440")
    rests = tuple(Hold(step, hold_minutes * 60) for step in steps[:-1])

    def made(strategy: Strategy, step: int, *, held: bool) -> RolloutPlan:
        return RolloutPlan(
            strategy=strategy,
            step_percent=step,
            holds=rests if held and hold_minutes else (),
            step_bake_minutes=0 if held or strategy is Strategy.BLUE_GREEN else hold_minutes,
            bake_minutes=bake_minutes,
            stages=HOOK_STAGES,
            rests=rests,
        )

    if len(steps) == 1:
        return made(Strategy.BLUE_GREEN, 100, held=False)
    if len(steps) == 2:
        return made(Strategy.CANARY, steps[0], held=False)
    common = reduce(gcd, steps)
    if common < LEAST_STEP:
        raise ValueError(
            f"ECS cannot shift in steps of {', '.join(map(str, steps))} %: their common divisor is {common}, and its smallest "
            f"linear step is {LEAST_STEP} %; the nearest rollout that it can make is {list(nearest(steps))}"
        )
    return made(Strategy.LINEAR, common, held=len(steps) != 100 // common)


def plan_of(settings: Rollout) -> RolloutPlan:
    """The plan of a service's settings.

    Raises:
        ValueError: As `plan`.
    """
    return plan(settings.steps, hold_minutes=settings.hold_minutes, bake_minutes=settings.bake_minutes)


@dataclass(frozen=True, kw_only=True)
class SmokeTarget:
    """Where a new version answers before it gets traffic, and what it must answer."""

    load_balancer: str
    """Physical name."""
    port: int
    host: str
    """Name in the certificate."""
    health_path: str
    json_health: bool = False
    """Whether the health check answers with a JSON object."""
    web_socket_path: str | None = None


def orders(
    settings: Rollout,
    trading: Trading,
    made: RolloutPlan,
    *,
    service: str,
    parameters: str,
    migration: str | None,
    listener: SmokeTarget,
) -> dict[str, Any]:
    """What the hook is told of one service, holds and alarms excepted, which `hook_details` adds.

    Args:
        settings: The service's rollout. Migrations and WebSockets are the backend's (`BackendRollout`); any other service asks for none.
        trading: The venues.
        made: The plan.
        service: The workload.
        parameters: Path of the parameters with which people pause a rollout or let one through.
        migration: Parameter with the record of its database migration; None where it has none.
        listener: Where the smoke test goes.
    """
    paths: list[str | dict[str, Any]] = [{"path": listener.health_path, "health": True} if listener.json_health else listener.health_path]
    paths += settings.smoke_paths
    own = settings if isinstance(settings, BackendRollout) else None
    if own is not None and own.smoke_web_socket and listener.web_socket_path:
        paths.append({"path": listener.web_socket_path, "websocket": True})
    told: dict[str, Any] = {
        "service": service,
        "parameters": parameters,
        "pause_seconds": PAUSE_SECONDS,
        "guard": guard(trading, minutes=made.guard_minutes, scope=settings.guard),
        "smoke": {
            "load_balancer": listener.load_balancer,
            "port": listener.port,
            "host": listener.host,
            "paths": paths,
            "seconds": SMOKE_SECONDS,
        },
    }
    if own is not None and migration is not None and own.migrations is not MigrationGate.OFF:
        told["migrations"] = {"parameter": migration, "required": own.migrations is MigrationGate.REQUIRED}
    return told


def hook_details(made: RolloutPlan, *, alarms: Sequence[str], told: Mapping[str, Any] | None = None) -> str:
    """`hookDetails` of a service as canonical JSON, so that a second preview shows no change.

    Args:
        made: The plan.
        alarms: Physical names of the alarms that fail the rollout.
        told: What `orders` gives; None holds and looks at alarms alone.
    """
    own = {"holds": [asdict(hold) for hold in made.holds], "grace_seconds": GRACE_SECONDS, "alarms": sorted(alarms)}
    return canonical({**(told or {}), **own})
