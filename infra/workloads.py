"""What the phase `services` adds: market data, the edge, and everything that runs from an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.broker_watch import BrokerWatch
from infra.components.gateway import Gateway
from infra.components.keys import DataClass
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.components.singleton import Singleton
from infra.edge import build_edge
from infra.foundation import Foundation
from infra.market_data import build_market_data
from infra.plan import alarms as plan
from infra.plan import environment
from infra.plan.flows import BACKEND_PORT, FRONTEND_PORT, Role
from infra.rotation import build_origin_rotation, build_restarts, watch_functions
from infra.settings.egress import EgressMode
from infra.settings.root import Settings
from infra.watch import Running, watch_rollouts, watch_singletons


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """What the composition root needs to know of them."""

    backed_up: dict[str, pulumi.Output[str]]
    """ARNs of what holds data, by short name."""
    running: Running
    alarm_names: tuple[pulumi.Output[str], ...]
    """Alarms that exist already, because something here names them or stands elsewhere."""
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

    market = build_market_data(settings, ctx, base, top) if settings.timescale.enabled else None

    # What faces the internet, and the alarms that roll a deployment back: both must exist before the services name them.
    edge = build_edge(settings, ctx, base, top)
    rollout_alarms, rollback = watch_rollouts(settings, ctx, base, top, edge=edge)
    hook = RolloutHook("rollout-hook", ctx, log_key_arn=log_key, opts=top)

    # The workloads. The engine comes after the gateway, because Service Connect shows a client only the servers that it finds.
    addresses: dict[str, Any] = {
        "postgres": base.postgres.address,
        "postgres-reader": base.postgres.reader_address,
        "cache": base.cache.primary_address,
    }
    if base.postgres.proxy_address is not None:
        addresses["postgres-proxy"] = base.postgres.proxy_address
    if market:
        addresses["timescale"] = market.timescale.writer_address
    services = {
        key: Service(
            key,
            ctx,
            role=role,
            settings=own,
            cluster=base.cluster,
            image=base.image(key, own.image_digest),
            port=port,
            health_path=path,
            environment=variables,
            secrets=base.secrets.environment(role),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(role),
            route=edge.routes[key],
            log_key_arn=log_key,
            alarm_names=rollback[key],
            hook=hook,
            policies={"database": base.postgres.connect_policy} if role is Role.BACKEND and base.postgres.connect_policy else None,
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
    singleton_alarms = watch_singletons(ctx, base, top, singletons=singletons)
    gateway: Gateway | None = None
    if settings.services.ib_gateway.enabled:
        gateway = Gateway(
            "ib-gateway",
            ctx,
            settings=settings.services.ib_gateway,
            trading=settings.trading,
            cluster=base.cluster,
            image=base.image("ib-gateway", settings.services.ib_gateway.image_digest),
            environment=environment.gateway(lease_table=base.leases.name),
            secrets=base.secrets.environment(Role.IB_GATEWAY),
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
        names["ib-gateway"] = gateway.name
    if settings.services.engine.enabled:
        engine = Singleton(
            "engine",
            ctx,
            role=Role.ENGINE,
            settings=settings.services.engine,
            cluster=base.cluster,
            image=base.image("engine", settings.services.engine.image_digest),
            environment=environment.engine(settings, addresses, lease_table=base.leases.name),
            secrets=base.secrets.environment(Role.ENGINE),
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

    # The header by which CloudFront is known changes with the rest; whoever reads a secret is started again afterwards.
    rotations = base.rotations | build_origin_rotation(
        ctx,
        specs=base.specs,
        secrets=base.secrets,
        sender=edge.sender,
        key_arn=secret_key,
        log_key_arn=log_key,
        top=top,
    )
    rotations |= build_restarts(
        ctx,
        specs=base.specs,
        secrets=base.secrets,
        cluster=base.cluster.cluster_name,
        services={Role.BACKEND: services["backend"].service_name}
        | {role: singletons[role.value] for role in (Role.ENGINE, Role.IB_GATEWAY) if role.value in singletons},
        log_key_arn=log_key,
        topic_arn=base.notify.critical_arn,
        top=top,
    )
    rotation_alarms = watch_functions("rotation-alarms", ctx, rotations, topics=base.notify, top=top)

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

    backed_up: dict[str, pulumi.Output[str]] = {}
    if market:
        backed_up |= {f"timescale-{index}": arn for index, arn in enumerate(market.timescale.volume_arns)}
    if gateway:
        backed_up["session-files"] = gateway.file_system_arn
    return Workloads(
        backed_up=backed_up,
        running=Running(
            edge=edge,
            services={key: service.service_name for key, service in services.items()},
            singletons=singletons,
            gateway=gateway,
            market=market,
            broker_watch=watch,
            hook=hook,
        ),
        alarm_names=(
            *edge.alarm_names,
            *(market.archive_copy.alarm_names.values() if market and market.archive_copy else ()),
            *(name for made in (rollout_alarms, singleton_alarms, rotation_alarms) for name in made.names.values()),
        ),
        outputs={
            "site_url": pulumi.Output.from_input(f"https://{domain}"),
            "api_url": pulumi.Output.from_input(f"https://{domain}/api/"),
            "websocket_url": pulumi.Output.from_input(f"wss://{domain}/ws/"),
            "distribution_id": edge.cdn.distribution_id,
            "distribution_domain": edge.cdn.domain_name,
            "load_balancer_dns": edge.balancer.dns_name,
            "load_balancer_zone_id": edge.balancer.zone_id,
            "uptime_check_ids": pulumi.Output.all(**edge.uptime_check_ids).apply(dict),
            "timescale_writer_address": market.timescale.writer_address if market else None,
            "service_names": pulumi.Output.all(**names).apply(dict),
        },
    )
