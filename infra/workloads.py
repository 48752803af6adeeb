"""What the phase `services` adds: market data, the edge, and everything that runs from an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.background import build_background
from infra.component import Context
from infra.components.app_config import AppConfig
from infra.components.gateway import STANDBY
from infra.components.keys import DataClass
from infra.components.schedule import Lost
from infra.edge import build_edge
from infra.foundation import Foundation
from infra.market_data import build_market_data
from infra.plan.flows import Role
from infra.rotation import build_origin_rotation, build_restarts, watch_functions
from infra.services import build_services
from infra.settings.root import Settings
from infra.trading import build_desk, readers, singleton_names, standby_name
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
    addresses: dict[str, Any] = {
        "postgres": base.postgres.address,
        "postgres-reader": base.postgres.reader_address,
        "cache": base.cache.primary_address,
    }
    if base.postgres.proxy_address is not None:
        addresses["postgres-proxy"] = base.postgres.proxy_address
    if market:
        addresses["timescale"] = market.timescale.writer_address

    # What faces the internet, and the alarms that roll a deployment or a document back: they exist before anything names them.
    edge = build_edge(settings, ctx, base, top)
    rollout_alarms, rollback = watch_rollouts(settings, ctx, base, top, edge=edge)
    singletons, standby = singleton_names(settings, ctx), standby_name(settings, ctx)
    singleton_alarms = watch_singletons(ctx, base, top, singletons=singletons, standby=standby)
    config = AppConfig(
        "app-config",
        ctx,
        settings=settings.flags,
        key_arn=base.keys.arn(DataClass.STORAGE),
        alarm_arns={key: alarm.arn for made in (rollout_alarms, singleton_alarms) for key, alarm in made.alarms.items()},
        opts=top,
    )

    # The workloads: what answers people, what trades, and what runs behind both.
    background = build_background(settings, ctx, base, top, addresses=addresses)
    web = build_services(
        settings, ctx, base, top, edge=edge, addresses=addresses, rollback=rollback, config=config, queues=background.queues
    )
    desk = build_desk(settings, ctx, base, top, addresses=addresses, config=config, alarms=singleton_alarms)
    names: dict[str, pulumi.Output[str]] = {key: service.name for key, service in web.services.items()}
    if desk.gateway:
        names["ib-gateway"] = desk.gateway.name
        if desk.gateway.standby:
            names[STANDBY] = desk.gateway.standby.name
    if desk.engine:
        names["engine"] = desk.engine.name

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
        services={Role.BACKEND: (web.services["backend"].service_name,), **readers(singletons, standby)},
        log_key_arn=log_key,
        topic_arn=base.notify.critical_arn,
        lost=Lost(queue_arn=background.operations.queue.dead.arn, key_arn=base.keys.arn(DataClass.MESSAGING)),
        top=top,
    )
    rotation_alarms = watch_functions("rotation-alarms", ctx, rotations, topics=base.notify, top=top)

    backed_up: dict[str, pulumi.Output[str]] = {}
    if market:
        backed_up |= {f"timescale-{index}": arn for index, arn in enumerate(market.timescale.volume_arns)}
    if desk.gateway:
        backed_up["session-files"] = desk.gateway.file_system_arn
    return Workloads(
        backed_up=backed_up,
        running=Running(
            edge=edge,
            services={key: service.service_name for key, service in web.services.items()},
            singletons=singletons,
            desk=desk,
            market=market,
            background=background,
            hook=web.hook,
        ),
        alarm_names=(
            *edge.alarm_names,
            *(market.archive_copy.alarm_names.values() if market and market.archive_copy else ()),
            *background.jobs.alarm_names,
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
            "task_templates": pulumi.Output.all(**{key: service.template_arn for key, service in web.services.items()}).apply(dict),
            "app_config": config.facts,
            "jobs": pulumi.Output.all(**background.jobs.facts).apply(dict),
            "queue_urls": pulumi.Output.all(**{name: queue.url for name, queue in background.queues.items()}).apply(dict),
        },
    )
