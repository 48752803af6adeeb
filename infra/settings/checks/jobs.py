"""One-off jobs: sizes that Fargate offers, and times that leave the heartbeat alone."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.tasks import FARGATE
from infra.settings.checks.finding import Finding
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.workloads import MigrationGate


def sizes(settings: Settings) -> Iterator[Finding]:
    """Fargate offers fixed memory sizes for each CPU size."""
    for name, job in (("migrations", settings.jobs.migrations), ("reconciliation", settings.jobs.reconciliation)):
        offered = FARGATE[job.cpu]
        if job.memory not in offered:
            path: Path = ("jobs", name, "memory")
            nearest = min(offered, key=lambda size: (abs(size - job.memory), size))
            yield Finding(
                path,
                f"is not a size that Fargate offers with jobs.{name}.cpu = {job.cpu}",
                f"one of {', '.join(f'{size:,}' for size in offered)} MiB",
                nearest,
                (("jobs", name, "cpu"),),
            )


def gate(settings: Settings) -> Iterator[Finding]:
    """A rollout waits for no migration that nothing can execute."""
    if settings.jobs.migrations.enabled or settings.services.backend.rollout.migrations is not MigrationGate.REQUIRED:
        return
    yield Finding(
        ("services", "backend", "rollout", "migrations"),
        "asks for an executed migration, but with jobs.migrations.enabled = false none ever is: every rollout would be refused",
        "off or checked",
        MigrationGate.CHECKED.value,
        (("jobs", "migrations", "enabled"),),
    )
