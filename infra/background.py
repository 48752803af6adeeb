"""What runs behind the services: queues, the recurring operations, the watch on images, and tasks that run once. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.keys import DataClass
from infra.components.operations import Operations
from infra.components.queue import Queue
from infra.components.registry import ScanWatch
from infra.foundation import Foundation
from infra.jobs import Jobs, build_jobs
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Background:
    """The pieces, for what uses and watches them."""

    queues: dict[str, Queue]
    operations: Operations
    scans: ScanWatch
    jobs: Jobs


def build_background(
    settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, addresses: Mapping[str, Any]
) -> Background:
    """Provision it. `addresses` say where the data is (`infra.plan.environment.Addresses`).

    Raises:
        ValueError: What a planner refuses.
    """
    key, log_key = base.keys.arn(DataClass.MESSAGING), base.keys.arn(DataClass.LOGS)
    queues = {name: Queue(name, ctx, settings=one, key_arn=key, opts=top) for name, one in settings.queues.named.items()}
    operations = Operations(
        "operations",
        ctx,
        settings=settings.schedules,
        emails=settings.alarms.emails,
        cluster=base.cluster.cluster_name,
        vault=ctx.names("backup", limit=50),
        key_arn=key,
        log_key_arn=log_key,
        opts=top,
    )
    scans = ScanWatch("scan-watch", ctx, topic_arn=base.notify.critical_arn, opts=top)
    jobs = build_jobs(settings, ctx, base, top, addresses=addresses)
    return Background(queues=queues, operations=operations, scans=scans, jobs=jobs)
