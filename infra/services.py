"""The stateless services behind the load balancer, and the hook that guards their rollouts. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.component import Context
from infra.components.app_config import AppConfig
from infra.components.extras import web_extras
from infra.components.function import Placement
from infra.components.keys import DataClass
from infra.components.load_balancer import TEST_PORT
from infra.components.queue import Queue, variables, work_policy
from infra.components.rollout_hook import RolloutHook
from infra.components.service import Service
from infra.edge import Edge
from infra.foundation import Foundation
from infra.plan import environment
from infra.plan.flows import BACKEND_PORT, FRONTEND_PORT, Role
from infra.plan.rollout import SmokeTarget, orders, plan_of
from infra.settings.root import Settings
from infra.settings.workloads import WebService


@dataclass(frozen=True, kw_only=True)
class WebServices:
    """The services by workload, and their hook."""

    services: dict[str, Service]
    hook: RolloutHook


@dataclass(frozen=True, kw_only=True)
class _Web:
    """What makes one web service different from another."""

    key: str
    role: Role
    settings: WebService
    port: int
    health_path: str
    variables: Mapping[str, Any]
    policies: Mapping[str, pulumi.Input[str]] | None = None
    migrations: bool = False
    web_socket_path: str | None = None


def build_services(
    settings: Settings,
    ctx: Context,
    base: Foundation,
    top: pulumi.ResourceOptions,
    *,
    edge: Edge,
    addresses: Mapping[str, Any],
    rollback: Mapping[str, Sequence[pulumi.Output[str]]],
    config: AppConfig,
    queues: Mapping[str, Queue],
) -> WebServices:
    """Provision the web services.

    Args:
        settings: The stack's.
        ctx: The stack.
        base: The ground floor.
        top: Options of the components.
        edge: Their routes and the load balancer.
        addresses: Where the data is (`infra.plan.environment`).
        rollback: Names of the alarms that roll a service's deployment back, by workload; they exist already.
        config: The documents that the backend reads.
        queues: The background jobs' queues, by name.

    Raises:
        ValueError: What a planner refuses.
    """
    log_key = base.keys.arn(DataClass.LOGS)
    hook = RolloutHook(
        "rollout-hook",
        ctx,
        log_key_arn=log_key,
        placement=Placement(subnet_ids=base.network.app_subnet_ids, group_id=base.groups.of(Role.ROLLOUT_HOOK)),
        services=tuple(edge.routes),
        after=base.ways_out,
        opts=top,
    )
    extras = web_extras(settings.services, ctx, base.cluster, environment=settings.platform.environment.value, log_key_arn=log_key)
    backend_policies: dict[str, pulumi.Input[str]] = {
        "configuration": config.reader_policy,
        "queues": work_policy(queues, key_arn=base.keys.arn(DataClass.MESSAGING), region=ctx.region),
    }
    if base.postgres.connect_policy:
        backend_policies["database"] = base.postgres.connect_policy
    table = (
        _Web(
            key="backend",
            role=Role.BACKEND,
            settings=settings.services.backend,
            port=BACKEND_PORT,
            health_path="/health",
            variables={
                **environment.backend(settings, addresses),
                **config.variables,
                **variables(queues),
            },
            policies=backend_policies,
            migrations=True,
            web_socket_path="/ws/",
        ),
        _Web(
            key="frontend",
            role=Role.FRONTEND,
            settings=settings.services.frontend,
            port=FRONTEND_PORT,
            health_path="/",
            variables=environment.frontend(settings),
        ),
    )

    def made(web: _Web) -> Service:
        rollout = web.settings.rollout
        return Service(
            web.key,
            ctx,
            role=web.role,
            settings=web.settings,
            cluster=base.cluster,
            image=base.image(web.key, web.settings.image_digest),
            port=web.port,
            health_path=web.health_path,
            environment=web.variables,
            secrets=base.secrets.environment(web.role),
            secret_key_arn=base.keys.arn(DataClass.SECRETS),
            secret_keys=base.secrets.keys(web.role),
            subnet_ids=base.network.app_subnet_ids,
            group_id=base.groups.of(web.role),
            route=edge.routes[web.key],
            load_balancer=edge.balancer.arn_suffix,
            log_key_arn=log_key,
            alarm_names=rollback[web.key],
            hook=hook,
            told=orders(
                rollout,
                settings.trading,
                plan_of(rollout),
                service=web.key,
                parameters=ctx.names.path("rollouts", web.key),
                migration=ctx.names.path("migrations", web.key) if web.migrations else None,
                listener=SmokeTarget(
                    load_balancer=edge.balancer.name,
                    port=TEST_PORT,
                    host=settings.edge.dns.domain,
                    health_path=web.health_path,
                    web_socket_path=web.web_socket_path,
                ),
            ),
            extras=extras,
            policies=web.policies,
            opts=top,
        )

    return WebServices(services={web.key: made(web) for web in table}, hook=hook)
