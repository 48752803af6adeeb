"""What the phase `services` adds: market data, the edge, and everything that runs from an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.broker_watch import BrokerWatch
from infra.components.gateway import Gateway
from infra.components.keys import DataClass
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.components.singleton import Singleton
from infra.components.storage import PrivateBucket
from infra.components.timescale import Timescale
from infra.edge import build_edge
from infra.foundation import Foundation
from infra.plan import alarms as plan
from infra.plan import environment
from infra.plan.flows import BACKEND_PORT, FRONTEND_PORT, Role
from infra.plan.secrets import read_by
from infra.settings.egress import EgressMode
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """What the composition root needs to know of them."""

    backed_up: dict[str, pulumi.Output[str]]
    """ARNs of what holds data, by short name."""
    outputs: dict[str, Any]
    """Fields of `Outputs` that only this phase has."""


def build_workloads(settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions) -> Workloads:
    """Provision market data, edge and workloads on top of `base`.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    log_key = base.keys.arn(DataClass.LOGS)
    secret_key = base.keys.arn(DataClass.SECRETS)
    domain = settings.edge.dns.domain
    backed_up: dict[str, pulumi.Output[str]] = {}

    def secrets_of(role: Role) -> dict[str, pulumi.Output[str]]:
        return {spec.env: base.secrets.arn(spec.name) for spec in read_by(base.specs, role) if spec.env}

    def image(repository: str, digest: str | None) -> pulumi.Output[str]:
        if digest is None:
            raise ValueError(f"services.{repository}.imageDigest is unset: the phase `services` needs it")
        return base.registry.image(repository, digest)

    # Market data.
    timescale: Timescale | None = None
    if settings.timescale.enabled:
        archive = PrivateBucket(
            "archive",
            ctx,
            bucket_name=ctx.names.bucket("archive", account=ctx.account_id, region=ctx.region),
            key_arn=base.keys.arn(DataClass.BACKUP),
            log_bucket=base.logs.name,
            object_lock_days=settings.timescale.retention_days,
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
            log_key_arn=log_key,
            secret_key_arn=secret_key,
            secret_arns={spec.name: base.secrets.arn(spec.name) for spec in read_by(base.specs, Role.TIMESCALE)},
            registry_url=base.registry.url("timescale"),
            etcd_image=image("etcd", settings.timescale.etcd_image_digest),
            archive=archive,
            archive_key_arn=base.keys.arn(DataClass.BACKUP),
            slow_query_ms=settings.postgres.slow_query_ms,
            opts=top,
        )
        backed_up |= {f"timescale-{index}": arn for index, arn in enumerate(timescale.volume_arns)}

    # What faces the internet, and the alarms that roll a deployment back: both must exist before the services name them.
    edge = build_edge(settings, ctx, base, top)
    balancer, routes = edge.balancer, edge.routes
    slots = {key: {part: plan.Target(f"{key}-{part}") for part in ("blue", "green")} for key in routes}
    on_balancer = plan.Target("balancer")
    route_targets: dict[str, pulumi.Input[str]] = {"balancer": balancer.arn_suffix}
    for key, route in routes.items():
        route_targets |= {f"{key}-blue": route.blue.arn_suffix, f"{key}-green": route.green.arn_suffix}
    rollout_tables = {key: plan.rollout_alarms(key, load_balancer=on_balancer, thresholds=settings.alarms, **slots[key]) for key in routes}
    rollout_alarms = Alarms(
        "rollout-alarms", ctx, table=plan.table(*rollout_tables.values()), topics=base.notify, targets=route_targets, opts=top
    )
    hook = RolloutHook("rollout-hook", ctx, log_key_arn=log_key, opts=top)

    # The workloads. The engine comes after the gateway, because Service Connect shows a client only the servers that it finds.
    addresses: dict[str, Any] = {
        "postgres": base.postgres.address,
        "postgres-reader": base.postgres.reader_address,
        "cache": base.cache.primary_address,
    }
    if timescale:
        addresses["timescale"] = timescale.writer_address
    services = {
        key: Service(
            key,
            ctx,
            role=role,
            settings=own,
            cluster=base.cluster,
            image=image(key, own.image_digest),
            port=port,
            health_path=path,
            environment=variables,
            secrets=secrets_of(role),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(role),
            route=routes[key],
            log_key_arn=log_key,
            alarm_names=rollout_alarms.of(*(spec.key for spec in rollout_tables[key])),
            hook=hook,
            opts=top,
        )
        for key, role, own, port, path, variables in (
            (
                "backend",
                Role.BACKEND,
                settings.services.backend,
                BACKEND_PORT,
                "/health",
                environment.backend(settings, addresses),
            ),
            ("frontend", Role.FRONTEND, settings.services.frontend, FRONTEND_PORT, "/", environment.frontend(settings)),
        )
    }
    names: dict[str, pulumi.Output[str]] = {key: service.name for key, service in services.items()}
    enabled = {"engine": settings.services.engine.enabled, "ib-gateway": settings.services.ib_gateway.enabled}
    singletons = {key: ctx.names(key) for key, on in enabled.items() if on}
    singleton_alarms = Alarms(
        "singleton-alarms",
        ctx,
        table=plan.table(
            *(plan.singleton_alarms(key, cluster=base.cluster.cluster_name, service=name) for key, name in singletons.items())
        ),
        topics=base.notify,
        opts=top,
    )
    gateway: Gateway | None = None
    if settings.services.ib_gateway.enabled:
        gateway = Gateway(
            "ib-gateway",
            ctx,
            settings=settings.services.ib_gateway,
            trading=settings.trading,
            cluster=base.cluster,
            image=image("ib-gateway", settings.services.ib_gateway.image_digest),
            environment=environment.gateway(lease_table=base.leases.name),
            secrets=secrets_of(Role.IB_GATEWAY),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.IB_GATEWAY),
            files_subnet_ids=base.network.data_subnet_ids,
            files_group_id=base.groups.of(Role.SESSION_FILES),
            files_key_arn=base.keys.arn(DataClass.STORAGE),
            log_key_arn=log_key,
            alarm_names=singleton_alarms.of("ib-gateway-twice"),
            policies={"lease": base.leases.policy(Role.IB_GATEWAY.value)},
            opts=top,
        )
        backed_up["session-files"] = gateway.file_system_arn
        names["ib-gateway"] = gateway.name
    if settings.services.engine.enabled:
        engine = Singleton(
            "engine",
            ctx,
            role=Role.ENGINE,
            settings=settings.services.engine,
            cluster=base.cluster,
            image=image("engine", settings.services.engine.image_digest),
            environment=environment.engine(settings, addresses, lease_table=base.leases.name),
            secrets=secrets_of(Role.ENGINE),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.ENGINE),
            log_key_arn=log_key,
            alarm_names=singleton_alarms.of("engine-twice"),
            policies={"lease": base.leases.policy(Role.ENGINE.value)},
            after=[gateway] if gateway else [],
            opts=top,
        )
        names["engine"] = engine.name

    # The broker's addresses are dated data: something has to notice when they move.
    watch: BrokerWatch | None = None
    if gateway and settings.egress.mode is not EgressMode.OFF:
        watch = BrokerWatch(
            "broker-watch",
            ctx,
            allowed=settings.egress.addresses,
            namespace=plan.custom_namespace(ctx.names.prefix),
            log_key_arn=log_key,
            opts=top,
        )

    # Alarms on everything that runs and everything that holds data.
    alarms = _operational_alarms(
        settings,
        ctx,
        base,
        top,
        web={key: slots[key] for key in routes},
        route_targets=route_targets,
        services={key: service.service_name for key, service in services.items()},
        singletons=singletons,
        gateway=gateway,
        hook=hook,
        watch=watch,
        timescale=timescale,
    )

    return Workloads(
        backed_up=backed_up,
        outputs={
            "site_url": pulumi.Output.from_input(f"https://{domain}"),
            "api_url": pulumi.Output.from_input(f"https://{domain}/api/"),
            "websocket_url": pulumi.Output.from_input(f"wss://{domain}/ws/"),
            "distribution_id": edge.cdn.distribution_id,
            "distribution_domain": edge.cdn.domain_name,
            "load_balancer_dns": balancer.dns_name,
            "load_balancer_zone_id": balancer.zone_id,
            "uptime_check_ids": pulumi.Output.all(**edge.uptime_check_ids).apply(dict),
            "timescale_writer_address": timescale.writer_address if timescale else None,
            "service_names": pulumi.Output.all(**names).apply(dict),
            "alarm_names": pulumi.Output.all(
                *edge.alarm_names, *(name for made in (alarms, rollout_alarms, singleton_alarms) for name in made.names.values())
            ).apply(sorted),
        },
    )


def _operational_alarms(
    settings: Settings,
    ctx: Context,
    base: Foundation,
    top: pulumi.ResourceOptions,
    *,
    web: dict[str, dict[str, plan.Target]],
    route_targets: dict[str, pulumi.Input[str]],
    services: dict[str, str],
    singletons: dict[str, str],
    gateway: Gateway | None,
    hook: RolloutHook,
    watch: BrokerWatch | None,
    timescale: Timescale | None,
) -> Alarms:
    """The seeds' thresholds on what runs and holds data. Alarms that a service names must exist before it, so they stand apart."""
    thresholds = settings.alarms
    namespace = plan.custom_namespace(ctx.names.prefix)
    balancer = plan.Target("balancer")
    targets: dict[str, pulumi.Input[str]] = dict(route_targets)

    def named(key: str, values: list[pulumi.Output[str]]) -> list[plan.Target]:
        """Targets for values that AWS invents."""
        found = [plan.Target(f"{key}-{index}") for index in range(len(values))]
        targets.update(dict(zip((target.name for target in found), values, strict=True)))
        return found

    cluster = base.cluster.cluster_name
    groups = [plan.web_alarms(key, load_balancer=balancer, thresholds=thresholds, critical=key == "backend", **web[key]) for key in web]
    groups += [plan.service_alarms(key, cluster=cluster, service=name, thresholds=thresholds) for key, name in services.items()]
    groups += [plan.service_alarms(key, cluster=cluster, service=name, thresholds=thresholds) for key, name in singletons.items()]
    filters: list[plan.LogFilter] = []
    if gateway:
        groups.append(plan.gateway_alarms(namespace=namespace))
        filters.append(plan.gateway_filter(log_group=named("gateway-log", [gateway.log_group_name])[0], namespace=namespace))
    if watch:
        groups.append(plan.broker_alarms(namespace=namespace))
    groups.append(
        plan.postgres_alarms(
            instance=named("postgres", [base.postgres.instance_id])[0],
            replicas=named("postgres-replica", base.postgres.replica_ids),
            instance_class=settings.postgres.instance_class,
            storage_gb=settings.postgres.storage_gb,
            max_connections=settings.postgres.max_connections,
            thresholds=thresholds,
            namespace=namespace,
            in_use=True,
        )
    )
    filters.append(plan.slow_query_filter(log_group=named("postgres-log", [base.postgres.log_group_name])[0], namespace=namespace))
    groups.append(plan.cache_alarms(members=named("cache", base.cache.member_ids), thresholds=thresholds))
    if timescale:
        groups.append(plan.timescale_alarms(groups=named("timescale", timescale.node_group_names), thresholds=thresholds))
    groups.append(plan.backup_alarms(vault=ctx.names("backup", limit=50)))
    if base.vpn and settings.access.vpn.server_certificate_arn:
        groups.append(plan.vpn_alarms(endpoint=named("vpn", [base.vpn.endpoint_id])[0]))
        groups.append(plan.certificate_alarms("vpn", certificate=settings.access.vpn.server_certificate_arn))
    if base.network.nat_gateway_ids:
        groups.append(plan.nat_alarms(gateways=named("nat", base.network.nat_gateway_ids)))
    groups.append(plan.certificate_alarms("origin", certificate=named("certificate", [base.dns.certificate_arn])[0]))
    groups.append(
        plan.function_alarms(
            "rollout-hook", function=hook.function_name, why="The function that holds rollouts fails: deployments roll back."
        )
    )
    return Alarms("alarms", ctx, table=plan.table(*groups), topics=base.notify, targets=targets, filters=filters, opts=top)
