"""The ground floor: everything that needs neither container images nor filled secrets (phase `foundation`)."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.audit import Audit, bucket_statements
from infra.components.cache import Cache
from infra.components.cluster import Cluster
from infra.components.dns import Dns
from infra.components.keys import DataClass, Keys
from infra.components.network import Network
from infra.components.notify import Notify
from infra.components.postgres import Postgres
from infra.components.registry import REPOSITORIES, Registry
from infra.components.second_region import SecondRegion
from infra.components.secrets import Secrets
from infra.components.security_groups import SecurityGroups
from infra.components.singleton import LeaseTable
from infra.components.storage import PrivateBucket
from infra.components.vpn import Vpn
from infra.data import build_data
from infra.network import build_network
from infra.plan.bucket_policies import log_bucket_statements
from infra.plan.key_policies import SECOND_REGION
from infra.plan.secrets import SecretSpec
from infra.settings.foundation import Phase
from infra.settings.root import Settings

TRAIL_LOCK_DAYS = 365
"""How long nobody can delete a file of the audit trail, in days (POLICY-RULES S3-09)."""


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The ground floor's pieces, for what is built on them."""

    keys: Keys
    notify: Notify
    network: Network
    groups: SecurityGroups
    ways_out: tuple[pulumi.Resource, ...]
    """What a function in the VPC needs before it can call AWS."""
    logs: PrivateBucket
    assets: PrivateBucket
    dns: Dns
    specs: tuple[SecretSpec, ...]
    secrets: Secrets
    rotations: dict[str, str]
    """Physical names of the functions that rotate secrets, by their logical ones."""
    postgres: Postgres
    second_region: SecondRegion | None
    cache: Cache
    registry: Registry
    cluster: Cluster
    leases: LeaseTable
    audit: Audit
    vpn: Vpn | None

    def image(self, repository: str, digest: str | None) -> pulumi.Output[str]:
        """The image `digest` of one of our repositories.

        Raises:
            ValueError: there is no digest yet.
        """
        if digest is None:
            raise ValueError(f"services.{repository}.imageDigest is unset: the phase `services` needs it")
        return self.registry.image(repository, digest)


def build_foundation(settings: Settings, ctx: Context, top: pulumi.ResourceOptions) -> Foundation:
    """Provision the ground floor under the options `top`.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    # Keys, and who hears of trouble.
    keys = Keys(
        "keys", ctx, second_region=SECOND_REGION | ({DataClass.CACHE} if settings.cache.global_datastore else frozenset()), opts=top
    )
    log_key = keys.arn(DataClass.LOGS)
    storage_key = keys.arn(DataClass.STORAGE)
    notify = Notify("notify", ctx, key_arn=keys.arn(DataClass.MESSAGING), emails=settings.alarms.emails, opts=top)

    # Buckets: logs of load balancer, CDN and buckets; the audit trail; the site's static files.
    logs_name = ctx.names.bucket("logs", account=ctx.account_id, region=ctx.region)
    logs = PrivateBucket(
        "logs",
        ctx,
        bucket_name=logs_name,
        key_arn=None,
        log_bucket=None,
        expire_days=ctx.log_days,
        policy_statements=log_bucket_statements(logs_name, ctx.account_id),
        opts=top,
    )
    trail_name = ctx.names.bucket("trail", account=ctx.account_id, region=ctx.region)
    trail = PrivateBucket(
        "trail",
        ctx,
        bucket_name=trail_name,
        key_arn=storage_key,
        log_bucket=logs.name,
        object_lock_days=TRAIL_LOCK_DAYS,
        policy_statements=bucket_statements(ctx, trail_name),
        opts=top,
    )
    assets = PrivateBucket(
        "assets",
        ctx,
        bucket_name=ctx.names.bucket("assets", account=ctx.account_id, region=ctx.region),
        key_arn=storage_key,
        log_bucket=logs.name,
        defer_policy=settings.platform.phase is Phase.SERVICES,
        opts=top,
    )
    audit = Audit("audit", ctx, bucket=trail, key_arn=storage_key, log_key_arn=log_key, opts=top)

    # The network and the site's names, then what holds data in it.
    networking = build_network(settings, ctx, top, log_key=log_key)
    dns = Dns("dns", ctx, settings=settings.edge.dns, validate=settings.platform.phase is Phase.SERVICES, log_key_arn=log_key, opts=top)
    data = build_data(settings, ctx, top, keys=keys, notify=notify, networking=networking)

    # Where the workloads will run, and the leases that keep two of them from running twice.
    registry = Registry(
        "registry", ctx, repositories=REPOSITORIES, key_arn=keys.arn(DataClass.REGISTRY), settings=settings.registry, opts=top
    )
    cluster = Cluster("cluster", ctx, log_key_arn=log_key, storage_key_arn=storage_key, opts=top)
    leases = LeaseTable("leases", ctx, key_arn=keys.arn(DataClass.DATABASE), opts=top)

    return Foundation(
        keys=keys,
        notify=notify,
        network=networking.network,
        groups=networking.groups,
        ways_out=networking.ways_out,
        logs=logs,
        assets=assets,
        dns=dns,
        specs=data.specs,
        secrets=data.secrets,
        rotations=data.rotations,
        postgres=data.postgres,
        second_region=data.second_region,
        cache=data.cache,
        registry=registry,
        cluster=cluster,
        leases=leases,
        audit=audit,
        vpn=networking.vpn,
    )
