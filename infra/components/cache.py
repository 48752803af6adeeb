"""Sessions, cached answers and the engine's state: Valkey or Redis on ElastiCache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.settings import data

PORT = 6379
SNAPSHOT_WINDOW = "05:00-06:00"
"""After the maintenance window and off the trading day; ElastiCache wants an hour at least and no overlap with maintenance."""
MAINTENANCE_WINDOW = "sun:02:00-sun:03:00"
"""The first hour of the seed's Sunday 02:00–04:00 UTC; ElastiCache wants an hour at least."""

FAMILIES = {
    ("valkey", "7.2"): "valkey7",
    ("valkey", "8.0"): "valkey8",
    ("valkey", "8.1"): "valkey8",
    ("valkey", "8.2"): "valkey8",
    ("redis", "7.0"): "redis7",
    ("redis", "7.1"): "redis7",
}
"""Parameter group families of the engine versions that ElastiCache offers from Redis 7 on (seed 004)."""

_PARAMETERS = {
    # Dead clients are noticed within a minute, in seconds.
    "tcp-keepalive": "60",
    # Commands slower than 5 ms are on record, in microseconds, and the last 256 of them.
    "slowlog-log-slower-than": "5000",
    "slowlog-max-len": "256",
}
"""What differs from ElastiCache's own values; a value that repeats the default would show as a change on every preview.

`maxmemory-policy` stays at ElastiCache's `volatile-lru`: keys without a time to live, such as the engine's own state, are never evicted;
sessions and cached answers are, the least used first.
"""


def family(engine: str, version: str) -> str:
    """The parameter group family.

    Raises:
        ValueError: ElastiCache does not offer the version of the engine.
    """
    try:
        return FAMILIES[engine, version]
    except KeyError:
        offered = ", ".join(f"{known} {number}" for known, number in FAMILIES)
        raise ValueError(f"cache: no {engine} {version} on ElastiCache (accepted: {offered})") from None


class Cache(Component):
    """`nautilus:cache`: a replication group with one shard.

    Makes: `elasticache.SubnetGroup`, `elasticache.ParameterGroup`, log groups for the slow log and the engine log, and the
    `elasticache.ReplicationGroup` (stateful) with TLS, an AUTH token, our own key at rest, automatic failover over several zones as soon
    as there is a replica, and daily snapshots.
    Sources: NRC-015, DTO-080, DTO-082; POLICY-RULES CCH-01 to CCH-07.

    Seed 004 runs Redis with `--appendonly yes`. ElastiCache offers no append-only file for these engines; replicas in other zones,
    failover and daily snapshots take its place. Up to a second of writes may be lost at a failover, because replication is asynchronous:
    what must never be lost belongs in PostgreSQL.

    Args:
        settings: The section `cache`.
        subnet_ids: Data subnets.
        group_id: Security group of CACHE.
        key_arn: KMS key of CACHE.
        log_key_arn: KMS key of LOGS.
        auth_token: First AUTH token, 16 to 128 characters; later ones come from rotation.

    Raises:
        ValueError: ElastiCache does not offer the engine's version.
    """

    token: ClassVar[str] = "cache"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Cache,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        auth_token: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        identifier = ctx.names("cache", limit=40)
        known = family(settings.engine, settings.version)
        replicated = settings.replicas >= 1
        subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            name=identifier,
            description="Data subnets of the platform",
            subnet_ids=list(subnet_ids),
            opts=self.child(),
        )
        group = aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            name=ctx.names(known),
            family=known,
            description="Keep-alive and slow log of the platform",
            parameters=[{"name": key, "value": value} for key, value in sorted(_PARAMETERS.items())],
            opts=self.child(),
        )
        # ElastiCache writes to groups of this prefix without a resource policy of the account, whose size AWS bounds.
        logs = {
            kind: log_group(self, f"{name}-{kind}", path=f"/aws/vendedlogs/elasticache/{identifier}/{kind}", key_arn=log_key_arn)
            for kind in ("slow-log", "engine-log")
        }
        self.group = aws.elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=identifier,
            description="Sessions, cached answers and the engine's state",
            engine=settings.engine,
            engine_version=settings.version,
            node_type=settings.node_type,
            num_cache_clusters=1 + settings.replicas,
            automatic_failover_enabled=replicated,
            multi_az_enabled=replicated,
            port=PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[group_id],
            parameter_group_name=group.name,
            at_rest_encryption_enabled=True,
            kms_key_id=key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=auth_token,
            snapshot_retention_limit=settings.snapshot_days,
            snapshot_window=SNAPSHOT_WINDOW,
            maintenance_window=MAINTENANCE_WINDOW,
            auto_minor_version_upgrade=True,
            apply_immediately=False,
            log_delivery_configurations=[
                {"log_type": kind, "destination_type": "cloudwatch-logs", "destination": made.name, "log_format": "json"}
                for kind, made in logs.items()
            ],
            tags={"Name": identifier},
            # Later tokens come from rotation, which must add one (ROTATE) before it drops the old one (SET).
            opts=self.stateful(ignore_changes=["auth_token"]),
        )
        self.primary_address: pulumi.Output[str] = self.group.primary_endpoint_address
        self.port: pulumi.Output[int] = pulumi.Output.from_input(PORT)
        self.replication_group_id: pulumi.Output[str] = self.group.replication_group_id
        self.member_ids: list[pulumi.Output[str]] = [
            # ElastiCache numbers the members; their names are known before they exist, so that alarms can name them.
            self.group.replication_group_id.apply(lambda group_id, number=number: f"{group_id}-{number:03d}")
            for number in range(1, settings.replicas + 2)
        ]
        self.register_outputs({"primaryAddress": self.primary_address})
