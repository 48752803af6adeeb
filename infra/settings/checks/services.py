"""What the web services' settings cannot be together: sidecars without an image, schedules that contradict the task counts."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.rollout import BACKEND_PATHS, is_backends
from infra.plan.sidecars import COLLECTOR_MEMORY, ROUTER_MEMORY
from infra.plan.tasks import FARGATE
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import Environment, Phase
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.services import LogRouting, MarketOpen
from infra.settings.words import one_of
from infra.settings.workloads import WebService

LEAST_MEMORY = 512
"""MiB that a web service's own container must have, Fargate's smallest task."""


def _web(settings: Settings) -> Iterator[tuple[str, WebService]]:
    yield "backend", settings.services.backend
    yield "frontend", settings.services.frontend


def sidecars(settings: Settings) -> Iterator[Finding]:
    """A sidecar that is switched on needs its image."""
    if settings.platform.phase is not Phase.SERVICES:
        return
    router, telemetry = settings.services.log_router, settings.services.telemetry
    if router.mode is LogRouting.FIRELENS and router.image_digest is None:
        yield Finding(
            ("services", "logRouter", "imageDigest"),
            "is needed for services.logRouter.mode = firelens",
            good=LogRouting.AWSLOGS.value,
            also=(("services", "logRouter", "mode"),),
            change=("services", "logRouter", "mode"),
        )
    if telemetry.enabled and telemetry.image_digest is None:
        yield Finding(
            ("services", "telemetry", "imageDigest"),
            "is needed for services.telemetry.enabled = true",
            good=False,
            also=(("services", "telemetry", "enabled"),),
            change=("services", "telemetry", "enabled"),
        )


def room(settings: Settings) -> Iterator[Finding]:
    """What stands beside the main container leaves it enough memory: ECS would start the task, and kill the program under load."""
    router, telemetry = settings.services.log_router, settings.services.telemetry
    beside = ROUTER_MEMORY * (router.mode is LogRouting.FIRELENS) + COLLECTOR_MEMORY * telemetry.enabled
    for name, service in _web(settings):
        offered = FARGATE[service.cpu]
        if beside and service.memory in offered and service.memory < beside + LEAST_MEMORY:
            enough = [size for size in offered if size >= beside + LEAST_MEMORY]
            yield Finding(
                ("services", name, "memory"),
                f"leaves less than {LEAST_MEMORY} MiB to the service: {beside} belong to the log router and the collector beside it",
                f"{enough[0]:,} MiB or more",
                enough[0],
                (("services", name, "cpu"), ("services", "logRouter", "mode"), ("services", "telemetry", "enabled")),
            )


def smoke_paths(settings: Settings) -> Iterator[Finding]:
    """A path of the smoke test leads to the service that it tests: on the test listener too, the path alone says who answers."""
    for name, service in _web(settings):
        for number, path in enumerate(service.rollout.smoke_paths):
            if is_backends(path) is not (name == "backend"):
                yield Finding(
                    ("services", name, "rollout", "smokePaths", number),
                    f"is answered by the {'frontend' if name == 'backend' else 'backend'}: it would say nothing about a new {name}",
                    f"a path that the backend answers: {one_of(BACKEND_PATHS)}"
                    if name == "backend"
                    else f"any path but {one_of(BACKEND_PATHS)}",
                    REMOVE,
                )


def market(settings: Settings) -> Iterator[Finding]:
    """The market's hours make a day, and its number of tasks lies between the service's own bounds."""
    for name, service in _web(settings):
        hours = service.market_open
        if not hours.enabled:
            continue
        base: Path = ("services", name, "marketOpen")
        if not hours.start < hours.end:
            yield Finding(
                (*base, "end"),
                f"is not after services.{name}.marketOpen.start = {hours.start} of the same day",
                "a later time of the same day",
                "23:59" if hours.start < "23:59" else MarketOpen().start,
                ((*base, "start"),),
                None if hours.start < "23:59" else (*base, "start"),
            )
        if not service.min_tasks <= hours.min_tasks <= service.max_tasks:
            yield Finding(
                (*base, "minTasks"),
                f"is not between services.{name}.minTasks = {service.min_tasks} and services.{name}.maxTasks = {service.max_tasks}",
                f"{service.min_tasks} to {service.max_tasks}",
                max(service.min_tasks, min(hours.min_tasks, service.max_tasks)),
                (("services", name, "minTasks"), ("services", name, "maxTasks")),
            )


def shells(settings: Settings) -> Iterator[Finding]:
    """Nobody opens a shell in a task of production: what is typed there passes no review and no rollout."""
    if settings.services.exec and settings.platform.environment is Environment.PROD:
        yield Finding(("services", "exec"), "does not do for production: what is typed in a shell passes no review", "false", False)
