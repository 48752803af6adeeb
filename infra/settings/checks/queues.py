"""Queues: what SQS refuses, and what would lose work without a word."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.queues import WAITS
from infra.settings.root import Settings

RESERVED = frozenset({"jobs", "operations"})
"""Names of queues that exist without being asked for (`queues.jobs`, `infra.components.operations`)."""
_DAY = 86_400


def queues(settings: Settings) -> Iterator[Finding]:
    """Nobody takes a message that is still worked on; an alarm rings before a message is gone; names are free."""
    for name in settings.queues.more:
        if name in RESERVED or name.endswith("-dead"):
            yield Finding(
                ("queues", "more", name),
                "is a name that the program uses itself",
                "another name, neither `jobs` nor `operations`, and not ending in `-dead`",
                REMOVE,
            )
    for name, queue in settings.queues.named.items():
        base: Path = ("queues", "more", name) if name in settings.queues.more else ("queues", name)
        if queue.visibility_seconds is not None and queue.visibility_seconds < WAITS * queue.worker_seconds:
            yield Finding(
                (*base, "visibilitySeconds"),
                f"is less than {WAITS} × workerSeconds = {WAITS * queue.worker_seconds:,}: a second worker would take a message that is still worked on",
                f"{WAITS * queue.worker_seconds:,} to 43,200 seconds",
                WAITS * queue.worker_seconds,
                ((*base, "workerSeconds"),),
            )
        if queue.oldest_seconds >= queue.retention_days * _DAY:
            yield Finding(
                (*base, "oldestSeconds"),
                f"is not below {queue.retention_days} days of retention: messages would be gone before the alarm",
                f"60 to {queue.retention_days * _DAY - 1:,} seconds",
                3600,
                ((*base, "retentionDays"),),
            )
