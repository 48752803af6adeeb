"""One-off jobs: sizes that Fargate offers, commands that fit where they are kept, and a gate that something can open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from infra.plan.tasks import FARGATE
from infra.settings.checks.finding import Finding
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.workloads import MigrationGate

LONGEST_COMMAND: Final = 1_200
"""Bytes of a job's command as the stack's output `jobs` has it, JSON within JSON: two of them and what stands beside them (names, ARNs, six
subnets) stay within the 4,096 bytes of a standard parameter (SSM quota)."""


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


def commands(settings: Settings) -> Iterator[Finding]:
    """The commands fit into the parameter that `nautilus migrate` and the runbooks read them from."""
    for name, job in (("migrations", settings.jobs.migrations), ("reconciliation", settings.jobs.reconciliation)):
        length = len(json.dumps(json.dumps(job.command)))
        if job.enabled and length > LONGEST_COMMAND:
            yield Finding(
                ("jobs", name, "command"),
                f"takes {length:,} bytes as JSON within JSON: the parameter that carries the stack's output `jobs` has no room for it",
                f"at most {LONGEST_COMMAND:,} bytes together; a longer program belongs in the image",
                also=(("jobs", name, "enabled"),),
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
