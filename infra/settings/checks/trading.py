"""Trading and rollouts: who may trade live, where, and how a new version takes over beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from infra.plan.rollout import nearest, plan_of
from infra.settings import limits
from infra.settings.checks.finding import Finding
from infra.settings.foundation import Environment
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.trading import DeployGuard, TradingMode
from infra.settings.workloads import RolloutGuard, WebService


def _web(settings: Settings) -> Iterator[tuple[str, WebService]]:
    yield "backend", settings.services.backend
    yield "frontend", settings.services.frontend


def rollouts(settings: Settings) -> Iterator[Finding]:
    """Steps rise to 100 %, ECS can make them, and they fit the time that a deployment has."""
    for name, service in _web(settings):
        rollout = service.rollout
        base: Path = ("services", name, "rollout")
        steps, hold, bake = (*base, "steps"), (*base, "holdMinutes"), (*base, "bakeMinutes")
        try:
            plan = plan_of(rollout)
        except ValueError as refused:
            yield Finding(
                steps,
                f"cannot be rolled out: {refused}",
                "percentages that rise to 100, with a common divisor of 3 or more",
                _expressible(rollout.steps),
                (hold, bake),
            )
            continue
        minutes = plan.total_seconds / 60
        if minutes >= limits.LONGEST_ROLLOUT_MINUTES:
            rests, most = len(rollout.steps) - 1, limits.LONGEST_ROLLOUT_MINUTES - 1
            shorter = (most - rollout.bake_minutes) // rests if rests else 0
            path, good = (hold, shorter) if shorter >= 1 else (bake, max(1, most - rests * rollout.hold_minutes))
            yield Finding(
                path,
                f"makes a rollout of {rests} × {rollout.hold_minutes} minutes and {rollout.bake_minutes} more, {minutes:g} in all; "
                f"a deployment stays under {limits.LONGEST_ROLLOUT_MINUTES} (seed 004)",
                f"holds and bake that add up to less than {limits.LONGEST_ROLLOUT_MINUTES} minutes",
                good,
                (steps, hold, bake),
            )


def _expressible(steps: Sequence[int]) -> list[int]:
    """The nearest steps that ECS can make; the seed's where the list does not even rise to 100."""
    rises = steps[-1] == 100 and all(before < after for before, after in pairwise(steps))
    return list(nearest(steps)) if rises else [10, 50, 100]


def trading(settings: Settings) -> Iterator[Finding]:
    """Real money moves in production alone, and only where somebody wrote so."""
    own, environment = settings.trading, settings.platform.environment
    path: Path = ("trading", "mode")
    phrase = "orders from this stack move real money"
    if own.mode is TradingMode.LIVE and environment is not Environment.PROD:
        yield Finding(path, f"must be paper: {environment.value} never trades with real money", "paper; live in production alone", "paper")
    elif own.mode is TradingMode.LIVE and own.acknowledge_live_trading != phrase:
        yield Finding(("trading", "acknowledgeLiveTrading"), "is needed for trading.mode = live", phrase, phrase, (path,))
    if own.mode is TradingMode.PAPER and environment is Environment.PROD:
        yield Finding(
            path,
            "must be live in production: the paper stack is for paper trading. To bring production up before it may trade, set "
            "services.engine.enabled and services.ibGateway.enabled to false",
            "live",
            "live",
        )


def deploy_guard(settings: Settings) -> Iterator[Finding]:
    """Where money is real, deployments in session are refused, and there is a calendar that says when that is."""
    own = settings.trading
    if own.mode is TradingMode.LIVE and own.deploy_guard is DeployGuard.OFF:
        yield Finding(
            ("trading", "deployGuard"),
            "must not be off with trading.mode = live: nothing is deployed in a trading session (DESIGN.md decision 7); "
            "an emergency goes through with an override",
            "auto or refuse",
            DeployGuard.AUTO.value,
            (("trading", "mode"),),
        )
    if own.guarded and not own.venues:
        yield Finding(
            ("trading", "venues"),
            "is empty, so that the deploy guard knows no session",
            "one venue or more, such as nyse: nyse",
            {"nyse": "nyse"},
            (("trading", "mode"), ("trading", "deployGuard")),
        )
    if own.mode is TradingMode.LIVE and settings.services.backend.rollout.guard is RolloutGuard.OFF:
        yield Finding(
            ("services", "backend", "rollout", "guard"),
            "must not be off with trading.mode = live: orders pass through the backend",
            "sessions or all",
            RolloutGuard.SESSIONS.value,
            (("trading", "mode"),),
        )
