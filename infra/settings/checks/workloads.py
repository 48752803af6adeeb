"""What runs: sizes, images, scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.plan.tasks import FARGATE
from infra.settings.checks.finding import Finding
from infra.settings.foundation import Phase
from infra.settings.root import Settings
from infra.settings.words import one_of
from infra.settings.workloads import Container, WebService


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
    backend = settings.services.backend
    if backend.pool_max < backend.pool_min:
        yield Finding(
            ("services", "backend", "poolMax"),
            f"is below services.backend.poolMin = {backend.pool_min}",
            f"{backend.pool_min} to 100",
            backend.pool_min,
            (("services", "backend", "poolMin"),),
        )
