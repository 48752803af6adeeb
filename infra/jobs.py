"""Tasks that run once and end: migrations and the daily reconciliation, with the latter's alarms. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.job import Job
from infra.components.keys import DataClass
from infra.components.reconciliation import Reconciliation
from infra.foundation import Foundation
from infra.plan import alarms as plan
from infra.plan import environment
from infra.plan.flows import Role
from infra.plan.jobs import CHECK, MIGRATIONS, RECONCILIATION, reconciles
from infra.plan.rds_authorities import authority
from infra.settings.jobs import Program
from infra.settings.root import Settings
from infra.settings.workloads import Container


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What the composition root needs to know of them."""

    facts: dict[str, pulumi.Output[str]]
    """The stack's output `jobs`: JSON by job."""
    alarm_names: tuple[pulumi.Output[str], ...]


def build_jobs(settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, addresses: Mapping[str, Any]) -> Jobs:
    """Provision the jobs that the settings ask for. `addresses` are those of the workloads (`infra.plan.environment.Addresses`).

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    facts: dict[str, pulumi.Output[str]] = {}
    names: tuple[pulumi.Output[str], ...] = ()
    log_key, secret_key = base.keys.arn(DataClass.LOGS), base.keys.arn(DataClass.SECRETS)
    backend = settings.services.backend
    if settings.jobs.migrations.enabled:
        own = settings.jobs.migrations
        job = Job(
            MIGRATIONS,
            ctx,
            # One image for code and schema, so one processor too.
            settings=Container(cpu=own.cpu, memory=own.memory, architecture=backend.architecture),
            cluster=base.cluster,
            image=base.image("backend", backend.image_digest),
            command=own.command,
            argument=CHECK,
            environment=environment.migrations(settings, addresses, authority=authority(ctx.region)),
            secrets=base.secrets.environment(Role.MIGRATIONS),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.MIGRATIONS),
            log_key_arn=log_key,
            topic_arn=base.notify.critical_arn,
            more={
                "service": "backend",
                "database": base.postgres.instance_id,
                "dryRunHours": own.dry_run_hours,
                "restorePointMinutes": own.restore_point_minutes,
            },
            opts=top,
        )
        facts[MIGRATIONS] = job.facts
    if reconciles(settings):
        daily = settings.jobs.reconciliation
        program = backend if daily.program is Program.BACKEND else settings.services.engine
        made = Reconciliation(
            RECONCILIATION,
            ctx,
            settings=daily,
            architecture=program.architecture,
            cluster=base.cluster,
            image=base.image(daily.program.value, program.image_digest),
            environment=environment.reconciliation(settings, addresses),
            secrets=base.secrets.environment(Role.RECONCILIATION),
            secret_key_arn=secret_key,
            queue_key_arn=base.keys.arn(DataClass.MESSAGING),
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.RECONCILIATION),
            log_key_arn=log_key,
            topic_arn=base.notify.critical_arn,
            opts=top,
        )
        facts[RECONCILIATION] = made.facts
        namespace = plan.custom_namespace(ctx.names.prefix)
        alarms = Alarms(
            "reconciliation-alarms",
            ctx,
            table=plan.table(plan.reconciliation_alarms(namespace=namespace, queue=made.queue_name)),
            topics=base.notify,
            targets={"log": made.log_group_name},
            filters=[plan.reconciliation_filter(log_group=plan.Target("log"), namespace=namespace)],
            opts=top,
        )
        names = tuple(alarms.names.values())
    return Jobs(facts=facts, alarm_names=names)
