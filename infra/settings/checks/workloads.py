"""What runs: sizes, images, scaling, rollouts, trading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from infra.plan.rollout import nearest
from infra.plan.rollout import plan as plan_rollout
from infra.plan.tasks import FARGATE
from infra.settings import limits
from infra.settings.checks.finding import Finding
from infra.settings.foundation import Environment, Phase
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.words import one_of
from infra.settings.workloads import Container, TradingMode, WebService


def _containers(settings: Settings) -> Iterator[tuple[str, Container, bool]]:
    services = settings.services
    yield "backend", services.backend, True
    yield "frontend", services.frontend, True
    yield "engine", services.engine, services.engine.enabled
    yield "ibGateway", services.ib_gateway, services.ib_gateway.enabled


def _web(settings: Settings) -> Iterator[tuple[str, WebService]]:
    yield "backend", settings.services.backend
    yield "frontend", settings.services.frontend


def _sizes(sizes: Sequence[int]) -> str:
    if len(sizes) < 4:
        return one_of([f"{size:,}" for size in sizes])
    return f"{sizes[0]:,} to {sizes[-1]:,} in steps of {sizes[1] - sizes[0]:,}"


def sizes(settings: Settings) -> Iterator[Finding]:
    """Fargate offers fixed memory sizes for each CPU size."""
    for name, container, _ in _containers(settings):
        offered = FARGATE[container.cpu]
        if container.memory not in offered:
            nearest = min(offered, key=lambda size: (abs(size - container.memory), size))
            yield Finding(
                ("services", name, "memory"),
                f"is not a size that Fargate offers with services.{name}.cpu = {container.cpu}",
                f"{_sizes(offered)} MiB",
                nearest,
                (("services", name, "cpu"),),
            )


def images(settings: Settings) -> Iterator[Finding]:
    """Whatever runs needs an image."""
    if settings.platform.phase is not Phase.SERVICES:
        return
    for name, container, enabled in _containers(settings):
        if enabled and container.image_digest is None:
            yield Finding(
                ("services", name, "imageDigest"),
                "is needed in phase `services`; push the image and write its digest, or set platform.phase to foundation",
                good=Phase.FOUNDATION.value,
                also=(("platform", "phase"), ("services", name, "enabled")),
                change=("platform", "phase"),
            )


def scaling(settings: Settings) -> Iterator[Finding]:
    """Lower bounds are not above upper ones."""
    for name, service in _web(settings):
        if service.max_tasks < service.min_tasks:
            yield Finding(
                ("services", name, "maxTasks"),
                f"is below services.{name}.minTasks = {service.min_tasks}",
                f"{service.min_tasks} or more",
                service.min_tasks,
                (("services", name, "minTasks"),),
            )
        if service.pool_max < service.pool_min:
            yield Finding(
                ("services", name, "poolMax"),
                f"is below services.{name}.poolMin = {service.pool_min}",
                f"{service.pool_min} to 100",
                service.pool_min,
                (("services", name, "poolMin"),),
            )


def rollouts(settings: Settings) -> Iterator[Finding]:
    """Steps rise to 100 %, ECS can make them, and they fit the time that a deployment has."""
    for name, service in _web(settings):
        rollout = service.rollout
        base: Path = ("services", name, "rollout")
        steps, hold, bake = (*base, "steps"), (*base, "holdMinutes"), (*base, "bakeMinutes")
        try:
            plan = plan_rollout(rollout.steps, hold_minutes=rollout.hold_minutes, bake_minutes=rollout.bake_minutes)
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
