"""The alarm table: every threshold of the seeds as data, with the line it comes from.

Names that AWS invents (a load balancer's suffix, say) stand in the table as `Target`s and are filled in by the component;
everything else is known before the first resource exists, so the table is pure and can be tested line by line.

`model` says what an alarm is; each module beside it holds the alarms of one capability. Callers import from here.
"""

from __future__ import annotations

from infra.plan.alarms.backup import backup_alarms, config_backup_alarms, restore_alarms
from infra.plan.alarms.cache import cache_alarms
from infra.plan.alarms.edge import certificate_alarms, ddos_alarms, dnssec_alarms, uptime_alarms
from infra.plan.alarms.functions import function_alarms, rotation_alarms
from infra.plan.alarms.jobs import BREAKS_METRIC, reconciliation_alarms, reconciliation_filter
from infra.plan.alarms.model import (
    AlarmSpec,
    Comparison,
    Dimension,
    Expression,
    LogFilter,
    Metric,
    Missing,
    Severity,
    Target,
    custom_namespace,
    table,
)
from infra.plan.alarms.network import broker_alarms, nat_alarms, vpn_alarms
from infra.plan.alarms.postgres import SLOW_QUERY_METRIC, instance_memory_gib, postgres_alarms, proxy_alarms, slow_query_filter
from infra.plan.alarms.queues import queue_alarms, schedule_alarms
from infra.plan.alarms.registry import registry_alarms
from infra.plan.alarms.second_region import REPLICATION_MINUTES, REPLICATION_RULE, archive_alarms, archive_source_alarms, replica_alarms
from infra.plan.alarms.services import (
    GATEWAY_METRIC,
    gateway_alarms,
    gateway_filter,
    gateway_filters,
    lease_alarms,
    lease_filters,
    service_alarms,
    singleton_alarms,
)
from infra.plan.alarms.timescale import timescale_alarms
from infra.plan.alarms.web import origin_alarms, rollout_alarms, web_alarms

__all__ = [
    "BREAKS_METRIC",
    "GATEWAY_METRIC",
    "REPLICATION_MINUTES",
    "REPLICATION_RULE",
    "SLOW_QUERY_METRIC",
    "AlarmSpec",
    "Comparison",
    "Dimension",
    "Expression",
    "LogFilter",
    "Metric",
    "Missing",
    "Severity",
    "Target",
    "archive_alarms",
    "archive_source_alarms",
    "backup_alarms",
    "broker_alarms",
    "cache_alarms",
    "certificate_alarms",
    "config_backup_alarms",
    "custom_namespace",
    "ddos_alarms",
    "dnssec_alarms",
    "function_alarms",
    "gateway_alarms",
    "gateway_filter",
    "gateway_filters",
    "instance_memory_gib",
    "lease_alarms",
    "lease_filters",
    "nat_alarms",
    "origin_alarms",
    "postgres_alarms",
    "proxy_alarms",
    "queue_alarms",
    "reconciliation_alarms",
    "reconciliation_filter",
    "registry_alarms",
    "replica_alarms",
    "restore_alarms",
    "rollout_alarms",
    "rotation_alarms",
    "schedule_alarms",
    "service_alarms",
    "singleton_alarms",
    "slow_query_filter",
    "table",
    "timescale_alarms",
    "uptime_alarms",
    "vpn_alarms",
    "web_alarms",
]
