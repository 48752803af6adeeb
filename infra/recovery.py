"""The way back: backups, the proof that they can be restored, and copies of what was configured. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.backup import Backup
from infra.components.backup_audit import BackupAudit
from infra.components.config_backup import ConfigBackup
from infra.components.function import Placement
from infra.components.keys import DataClass
from infra.components.restore_testing import Database, RestoreTesting
from infra.components.storage import PrivateBucket
from infra.foundation import Foundation
from infra.plan.alarms import custom_namespace
from infra.plan.config_backup import bucket_statements
from infra.plan.flows import Role
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The pieces of the way back, for their alarms and for the outputs."""

    backup: Backup
    restore_testing: RestoreTesting | None
    config: PrivateBucket
    config_backup: ConfigBackup


def build_recovery(
    settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, saved: Mapping[str, pulumi.Output[str]]
) -> Recovery:
    """Provision the way back for everything that holds data: the ground floor's, and `saved`, the workloads' ARNs by short name.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    # Backups of everything that holds data and that AWS Backup knows.
    backup = Backup(
        "backup",
        ctx,
        settings=settings.backup,
        key_arn=base.keys.arn(DataClass.BACKUP),
        dr_key_arn=base.keys.dr_arn(DataClass.BACKUP),
        resource_arns={"postgres": base.postgres.instance_arn, "leases": base.leases.arn, **saved},
        continuous=("postgres",),
        topic_arn=base.notify.critical_arn,
        report_topic_arn=base.notify.warning_arn,
        opts=top,
    )

    # The proof that they can be restored, and that nothing is left out.
    restore_testing: RestoreTesting | None = None
    if settings.backup.restore_test.enabled:
        restore_testing = RestoreTesting(
            "restore-testing",
            ctx,
            settings=settings.backup.restore_test,
            vault_arn=backup.vault_arn,
            role_arn=backup.role_arn,
            resource_arns={
                "RDS": {"postgres": base.postgres.instance_arn},
                "DynamoDB": {"leases": base.leases.arn},
                "EBS": {key: arn for key, arn in saved.items() if key.startswith("timescale-")},
                "EFS": {key: arn for key, arn in saved.items() if key == "session-files"},
            },
            database=Database(
                name=settings.postgres.database,
                host=base.postgres.reader_address,
                port=base.postgres.port,
                subnet_group_name=base.postgres.primary.db_subnet_group_name,
                group_id=base.groups.of(Role.POSTGRES),
                instance_class=settings.postgres.instance_class,
            ),
            placement=Placement(subnet_ids=base.network.app_subnet_ids, group_id=base.groups.of(Role.RESTORE_CHECK)),
            namespace=custom_namespace(ctx.names.prefix),
            log_key_arn=base.keys.arn(DataClass.LOGS),
            opts=top,
        )
    if settings.backup.audit:
        BackupAudit("backup-audit", ctx, settings=settings.backup, log_bucket=base.logs.name, opts=top)

    # A copy of what was configured, for the day on which it is gone.
    config_name = ctx.names.bucket("config", account=ctx.account_id, region=ctx.region)
    config = PrivateBucket(
        "config",
        ctx,
        bucket_name=config_name,
        key_arn=base.keys.arn(DataClass.BACKUP),
        log_bucket=base.logs.name,
        object_lock_days=settings.backup.config_days,
        expire_days=settings.backup.config_days,
        noncurrent_days=1,
        policy_statements=bucket_statements(config_name, guarded=ctx.guarded),
        opts=top,
    )
    config_backup = ConfigBackup(
        "config-backup",
        ctx,
        bucket=config,
        bucket_key_arn=base.keys.arn(DataClass.BACKUP),
        log_key_arn=base.keys.arn(DataClass.LOGS),
        namespace=custom_namespace(ctx.names.prefix),
        state_bucket=settings.backup.state_bucket,
        opts=top,
    )

    return Recovery(backup=backup, restore_testing=restore_testing, config=config, config_backup=config_backup)
