"""The composition root: reads like the architecture diagram, from the ground up."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from infra.components.parameters import Parameters
from infra.components.registry import REPOSITORIES
from infra.foundation import build_foundation
from infra.outputs import CONTRACT_VERSION, Outputs
from infra.recovery import build_recovery
from infra.settings.foundation import Phase
from infra.settings.root import Settings
from infra.stack import start
from infra.watch import watch_platform
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

    recovery = build_recovery(settings, ctx, base, top, saved=workloads.backed_up if workloads else {})

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
        postgres_proxy_address=base.postgres.proxy_address,
        config_bucket=recovery.config.name,
        cache_primary_address=base.cache.primary_address,
        cache_port=base.cache.port,
        lease_table=base.leases.name,
        backup_vault_arn=recovery.backup.vault_arn,
        dr_backup_vault_arn=recovery.backup.dr_vault_arn,
        critical_topic_arn=base.notify.critical_arn,
        warning_topic_arn=base.notify.warning_arn,
        trail_arn=base.audit.trail_arn,
        signing_profile_arn=base.registry.signing_profile_arn,
    )
    if workloads:
        alarms = watch_platform(settings, ctx, base, top, running=workloads.running, recovery=recovery)
        far = base.second_region.alarm_names.values() if base.second_region else ()
        names = pulumi.Output.all(*workloads.alarm_names, *far, *alarms.names.values()).apply(sorted)
        outputs = replace(outputs, **workloads.outputs, alarm_names=names)
    Parameters("parameters", ctx, prefix=prefix, values=outputs.known(), opts=top)
    return outputs
