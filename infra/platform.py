"""The composition root: reads like the architecture diagram, from the ground up."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from infra.components.backup import Backup
from infra.components.keys import DataClass
from infra.components.parameters import Parameters
from infra.foundation import REPOSITORIES, build_foundation
from infra.outputs import CONTRACT_VERSION, Outputs
from infra.settings.foundation import Phase
from infra.settings.root import Settings
from infra.stack import start
from infra.workloads import build_workloads


def build_platform(settings: Settings) -> Outputs:
    """Provision the platform up to the phase that the settings name, and return the contract of its outputs.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    root, ctx = start(settings.platform, settings.account, zones=settings.network.zones, unlock=settings.unlock)
    top = root.child()
    base = build_foundation(settings, ctx, top)
    workloads = build_workloads(settings, ctx, base, top) if settings.platform.phase is Phase.SERVICES else None

    # Backups of everything that holds data and that AWS Backup knows.
    backup = Backup(
        "backup",
        ctx,
        settings=settings.backup,
        key_arn=base.keys.arn(DataClass.BACKUP),
        dr_key_arn=base.keys.dr_arn(DataClass.BACKUP),
        resource_arns={"postgres": base.postgres.instance_arn, "leases": base.leases.arn, **(workloads.backed_up if workloads else {})},
        continuous=("postgres",),
        topic_arn=base.notify.critical_arn,
        opts=top,
    )

    prefix = ctx.names.path("outputs")
    outputs = Outputs(
        contract_version=pulumi.Output.from_input(CONTRACT_VERSION),
        environment=pulumi.Output.from_input(settings.platform.environment.value),
        phase=pulumi.Output.from_input(settings.platform.phase.value),
        account_id=pulumi.Output.from_input(ctx.account_id),
        region=pulumi.Output.from_input(ctx.region),
        dr_region=pulumi.Output.from_input(ctx.dr_region),
        parameter_prefix=pulumi.Output.from_input(prefix),
        vpc_id=base.network.vpc_id,
        app_subnet_ids=pulumi.Output.all(*base.network.app_subnet_ids).apply(list),
        data_subnet_ids=pulumi.Output.all(*base.network.data_subnet_ids).apply(list),
        nat_addresses=pulumi.Output.all(*base.network.nat_addresses).apply(list),
        security_group_ids=pulumi.Output.all(**base.groups.ids).apply(dict),
        zone_id=base.dns.zone_id,
        name_servers=base.dns.name_servers.apply(list),
        certificate_arn=base.dns.certificate_arn,
        ds_record=base.dns.ds_record,
        cluster_name=base.cluster.name,
        repository_urls=pulumi.Output.all(**{name: base.registry.url(name) for name in REPOSITORIES}).apply(dict),
        secret_arns=pulumi.Output.all(**base.secrets.arns).apply(dict),
        assets_bucket=base.assets.name,
        postgres_address=base.postgres.address,
        postgres_reader_address=base.postgres.reader_address,
        postgres_port=base.postgres.port,
        cache_primary_address=base.cache.primary_address,
        cache_port=base.cache.port,
        lease_table=base.leases.name,
        backup_vault_arn=backup.vault_arn,
        dr_backup_vault_arn=backup.dr_vault_arn,
        critical_topic_arn=base.notify.critical_arn,
        warning_topic_arn=base.notify.warning_arn,
        trail_arn=base.audit.trail_arn,
    )
    if workloads:
        outputs = replace(outputs, **workloads.outputs)
    Parameters("parameters", ctx, prefix=prefix, values=outputs.known(), opts=top)
    return outputs
