"""What trades: the engine, the broker's gateway with its standby, and what keeps each from acting twice. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.app_config import AppConfig
from infra.components.broker_watch import BrokerWatch
from infra.components.gateway import STANDBY, Gateway
from infra.components.halt_watch import HaltWatch
from infra.components.keys import DataClass
from infra.components.singleton import Fence, Singleton
from infra.foundation import Foundation
from infra.plan import alarms as plan
from infra.plan import environment
from infra.plan.flows import Role
from infra.plan.singletons import ENGINE_LEASE, GATEWAY_LEASE
from infra.settings.egress import EgressMode
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The pieces that trade; None where the settings leave one out."""

    gateway: Gateway | None
    engine: Singleton | None
    broker_watch: BrokerWatch | None


def singleton_names(settings: Settings, ctx: Context) -> dict[str, str]:
    """Physical names of the services of exactly one task, by workload: known before the services exist, because their alarms come first."""
    enabled = {"engine": settings.services.engine.enabled, "ib-gateway": settings.services.ib_gateway.enabled}
    return {key: ctx.names(key) for key, on in enabled.items() if on}


def standby_name(settings: Settings, ctx: Context) -> str | None:
    """Physical name of the gateway's standby, if there is one."""
    gateway = settings.services.ib_gateway
    return ctx.names(STANDBY) if gateway.enabled and gateway.standby else None


def readers(singletons: Mapping[str, str], standby: str | None) -> dict[Role, tuple[str, ...]]:
    """The services that read a role's secrets, by physical name: the standby logs in as the gateway does."""
    found: dict[Role, tuple[str, ...]] = {Role(key): (name,) for key, name in singletons.items()}
    if standby:
        found[Role.IB_GATEWAY] += (standby,)
    return found


def build_desk(
    settings: Settings,
    ctx: Context,
    base: Foundation,
    top: pulumi.ResourceOptions,
    *,
    addresses: Mapping[str, Any],
    config: AppConfig,
    alarms: Alarms,
) -> Desk:
    """Provision what trades.

    Args:
        settings: The stack's.
        ctx: The stack.
        base: The ground floor.
        top: Options of the components.
        addresses: Where the data is (`infra.plan.environment`).
        config: The documents that the engine reads.
        alarms: The singletons' alarms.

    Raises:
        ValueError: What a planner refuses.
    """
    if not singleton_names(settings, ctx):
        return Desk(gateway=None, engine=None, broker_watch=None)
    log_key, secret_key = base.keys.arn(DataClass.LOGS), base.keys.arn(DataClass.SECRETS)
    watchdog = settings.services.watchdog
    fence = Fence(ctx=ctx, image=base.image("watchdog", watchdog.image_digest), settings=watchdog, table=base.leases)
    HaltWatch("halt-watch", ctx, parameter=fence.halt, topic_arn=base.notify.critical_arn, opts=top)

    gateway: Gateway | None = None
    if settings.services.ib_gateway.enabled:
        gateway = Gateway(
            "ib-gateway",
            ctx,
            settings=settings.services.ib_gateway,
            trading=settings.trading,
            cluster=base.cluster,
            image=base.image("ib-gateway", settings.services.ib_gateway.image_digest),
            environment={},
            secrets=base.secrets.environment(Role.IB_GATEWAY),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.IB_GATEWAY),
            files_subnet_ids=base.network.data_subnet_ids,
            files_group_id=base.groups.of(Role.SESSION_FILES),
            files_key_arn=base.keys.arn(DataClass.STORAGE),
            log_key_arn=log_key,
            fence=fence,
            alarm_names=alarms.of("ib-gateway-twice"),
            standby_alarm_names=alarms.of(f"{STANDBY}-twice") if standby_name(settings, ctx) else (),
            opts=top,
        )
    engine: Singleton | None = None
    if settings.services.engine.enabled:
        engine = Singleton(
            "engine",
            ctx,
            role=Role.ENGINE,
            settings=settings.services.engine,
            cluster=base.cluster,
            image=base.image("engine", settings.services.engine.image_digest),
            environment=environment.engine(settings, addresses) | config.variables,
            secrets=base.secrets.environment(Role.ENGINE),
            secret_key_arn=secret_key,
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(Role.ENGINE),
            log_key_arn=log_key,
            alarm_names=alarms.of("engine-twice"),
            sidecars=[fence.engine(gateway_port=settings.trading.gateway_port if gateway else None)],
            policies={**fence.policies(ENGINE_LEASE, reads=[GATEWAY_LEASE] if gateway else []), "configuration": config.reader_policy},
            opts=top,
        )

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
    return Desk(gateway=gateway, engine=engine, broker_watch=watch)
