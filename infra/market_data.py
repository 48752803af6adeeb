"""Market data: the TimescaleDB cluster, the archive of its log and backups, and the archive's copy. A part of the composition root."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.keys import DataClass
from infra.components.second_region import ArchiveCopy
from infra.components.storage import PrivateBucket
from infra.components.timescale import Timescale
from infra.foundation import Foundation
from infra.plan.alarms import Severity
from infra.plan.flows import Role
from infra.plan.secrets import read_by
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class MarketData:
    """The pieces, for what reads and watches them."""

    timescale: Timescale
    archive_copy: ArchiveCopy | None


def build_market_data(settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions) -> MarketData:
    """Provision market data on top of `base`.

    Raises:
        ValueError: An image without a digest, or what a planner refuses.
    """
    archive = PrivateBucket(
        "archive",
        ctx,
        bucket_name=ctx.names.bucket("archive", account=ctx.account_id, region=ctx.region),
        key_arn=base.keys.arn(DataClass.BACKUP),
        log_bucket=base.logs.name,
        object_lock_days=settings.timescale.retention_days,
        opts=top,
    )
    archive_copy: ArchiveCopy | None = None
    if base.second_region and settings.dr.archive_copy:
        archive_copy = ArchiveCopy(
            "archive-copy",
            ctx,
            source=archive,
            source_key_arn=base.keys.arn(DataClass.BACKUP),
            key_arn=base.keys.dr_arn(DataClass.BACKUP),
            lock_days=settings.timescale.retention_days,
            topics=base.second_region.topics,
            home_topics={Severity.CRITICAL: base.notify.critical_arn, Severity.WARNING: base.notify.warning_arn},
            opts=top,
        )
    timescale = Timescale(
        "timescale",
        ctx,
        settings=settings.timescale,
        subnet_ids=base.network.app_subnet_ids,
        vpc_id=base.network.vpc_id,
        group_id=base.groups.of(Role.TIMESCALE),
        key_arn=base.keys.arn(DataClass.DATABASE),
        log_key_arn=base.keys.arn(DataClass.LOGS),
        secret_key_arn=base.keys.arn(DataClass.SECRETS),
        replica_key_arn=base.keys.dr_arn(DataClass.SECRETS),
        secret_arns={spec.name: base.secrets.arn(spec.name) for spec in read_by(base.specs, Role.TIMESCALE)},
        registry_url=base.registry.url("timescale"),
        etcd_image=base.image("etcd", settings.timescale.etcd_image_digest),
        archive=archive,
        archive_key_arn=base.keys.arn(DataClass.BACKUP),
        slow_query_ms=settings.postgres.slow_query_ms,
        opts=top,
    )
    return MarketData(timescale=timescale, archive_copy=archive_copy)
