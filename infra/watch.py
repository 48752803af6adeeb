"""The alarms of the platform. Those that a service names must exist before it, so they are made apart. A part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.background import Background
from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.gateway import STANDBY
from infra.components.rollout_hook import RolloutHook
from infra.edge import Edge
from infra.foundation import Foundation
from infra.market_data import MarketData
from infra.plan import alarms as plan
from infra.plan.backup_calendar import LONGEST_AGE_DAYS
from infra.plan.singletons import ENGINE_LEASE, GATEWAY_LEASE
from infra.recovery import Recovery
from infra.settings.root import Settings
from infra.trading import Desk

_BALANCER = plan.Target("balancer")


@dataclass(frozen=True, kw_only=True)
class Running:
    """What runs, for the alarms on it."""

    edge: Edge
    services: Mapping[str, str]
    """Physical names of the web services, by workload."""
    singletons: Mapping[str, str]
    """Physical names of the services of exactly one task, by workload."""
    desk: Desk
    market: MarketData | None
    background: Background
    hook: RolloutHook


def _slots(key: str) -> dict[str, plan.Target]:
    return {part: plan.Target(f"{key}-{part}") for part in ("blue", "green")}


def _route_targets(edge: Edge) -> dict[str, pulumi.Input[str]]:
    targets: dict[str, pulumi.Input[str]] = {"balancer": edge.balancer.arn_suffix}
    for key, route in edge.routes.items():
        targets |= {f"{key}-blue": route.blue.arn_suffix, f"{key}-green": route.green.arn_suffix}
    return targets


def watch_rollouts(
    settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, edge: Edge
) -> tuple[Alarms, dict[str, list[pulumi.Output[str]]]]:
    """The alarms that roll a deployment back: all of them, and the names of each web service's own."""
    tables = {key: plan.rollout_alarms(key, load_balancer=_BALANCER, thresholds=settings.alarms, **_slots(key)) for key in edge.routes}
    made = Alarms("rollout-alarms", ctx, table=plan.table(*tables.values()), topics=base.notify, targets=_route_targets(edge), opts=top)
    return made, {key: made.of(*(spec.key for spec in table)) for key, table in tables.items()}


def watch_singletons(
    ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, singletons: Mapping[str, str], standby: str | None = None
) -> Alarms:
    """The alarms on processes that must run exactly once: physical service names by workload."""
    cluster = base.cluster.cluster_name
    spare = [plan.singleton_alarms(STANDBY, cluster=cluster, service=standby, standby=True)] if standby else []
    table = plan.table(*(plan.singleton_alarms(key, cluster=cluster, service=name) for key, name in singletons.items()), *spare)
    return Alarms("singleton-alarms", ctx, table=table, topics=base.notify, opts=top)


def watch_platform(
    settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions, *, running: Running, recovery: Recovery
) -> Alarms:
    """The seeds' thresholds on what runs, on what holds data and on the way back.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    thresholds = settings.alarms
    namespace = plan.custom_namespace(ctx.names.prefix)
    targets = _route_targets(running.edge)

    def named(key: str, values: list[pulumi.Output[str]]) -> list[plan.Target]:
        """Targets for values that AWS invents."""
        found = [plan.Target(f"{key}-{index}") for index in range(len(values))]
        targets.update(dict(zip((target.name for target in found), values, strict=True)))
        return found

    cluster = base.cluster.cluster_name
    groups = [
        plan.web_alarms(key, load_balancer=_BALANCER, thresholds=thresholds, critical=key == "backend", **_slots(key))
        for key in running.edge.routes
    ]
    groups += [
        plan.service_alarms(key, cluster=cluster, service=name, thresholds=thresholds)
        for key, name in {**running.services, **running.singletons}.items()
    ]
    filters: list[plan.LogFilter] = []
    if running.desk.gateway:
        groups.append(plan.gateway_alarms(namespace=namespace))
        logs = {key: named(f"{key}-log", [group])[0] for key, group in running.desk.gateway.log_groups.items()}
        filters += plan.gateway_filters(log_groups=logs, namespace=namespace)
        groups.append(plan.lease_alarms(GATEWAY_LEASE, namespace=namespace))
        filters += plan.lease_filters(log_groups=logs, namespace=namespace)
    if running.desk.engine:
        groups.append(plan.lease_alarms(ENGINE_LEASE, namespace=namespace))
        filters += plan.lease_filters(
            log_groups={"engine": named("engine-log", [running.desk.engine.log_group_name])[0]}, namespace=namespace
        )
    if running.desk.broker_watch:
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
    if base.postgres.proxy:
        groups.append(
            plan.proxy_alarms(
                proxy=named("postgres-proxy", [base.postgres.proxy.name])[0],
                most=base.postgres.proxy.pool.most(settings.postgres.max_connections),
            )
        )
    filters.append(plan.slow_query_filter(log_group=named("postgres-log", [base.postgres.log_group_name])[0], namespace=namespace))
    groups.append(
        plan.cache_alarms(
            members=named("cache", base.cache.member_ids), thresholds=thresholds, max_connections=settings.cache.max_connections
        )
    )
    if running.market:
        timescale = running.market.timescale
        groups.append(
            plan.timescale_alarms(
                groups=named("timescale", timescale.node_group_names),
                thresholds=thresholds,
                namespace=namespace,
                balancer=named("timescale-balancer", [timescale.balancer_suffix])[0],
                writer=named("timescale-writer", [timescale.writer_suffix])[0],
            )
        )
    groups += [queue.alarms() for queue in running.background.queues.values()]
    groups.append(running.background.operations.alarms())
    groups.append(plan.registry_alarms(rules=running.background.scans.rules))
    groups.append(plan.backup_alarms(vault=ctx.names("backup", limit=50)))
    if recovery.restore_testing:
        test = settings.backup.restore_test
        groups.append(
            plan.restore_alarms(
                namespace=namespace,
                rto_minutes=test.rto_minutes,
                rpo_minutes=test.rpo_minutes,
                age_days=LONGEST_AGE_DAYS,
                functions={
                    "restore-testing": recovery.restore_testing.function_name,
                    "restore-compare": recovery.restore_testing.compare.function_name,
                },
            )
        )
    groups.append(plan.config_backup_alarms(namespace=namespace))
    groups.append(
        plan.function_alarms(
            "config-backup",
            function=recovery.config_backup.function_name,
            why="The function that copies what was configured fails: a lost configuration cannot be brought back.",
        )
    )
    if base.vpn and settings.access.vpn.server_certificate_arn:
        groups.append(plan.vpn_alarms(endpoint=named("vpn", [base.vpn.endpoint_id])[0]))
        groups.append(plan.certificate_alarms("vpn", certificate=settings.access.vpn.server_certificate_arn))
    if base.network.nat_gateway_ids:
        groups.append(plan.nat_alarms(gateways=named("nat", base.network.nat_gateway_ids)))
    groups.append(plan.certificate_alarms("origin", certificate=named("certificate", [base.dns.certificate_arn])[0]))
    groups.append(
        plan.function_alarms(
            "rollout-hook", function=running.hook.function_name, why="The function that holds rollouts fails: deployments roll back."
        )
    )
    return Alarms("alarms", ctx, table=plan.table(*groups), topics=base.notify, targets=targets, filters=filters, opts=top)
