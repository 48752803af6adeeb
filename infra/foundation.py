"""The ground floor: everything that needs neither container images nor filled secrets (phase `foundation`)."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.component import Context
from infra.components.audit import Audit, bucket_statements
from infra.components.cache import Cache
from infra.components.cluster import Cluster
from infra.components.dns import Dns
from infra.components.egress import Egress
from infra.components.endpoints import Endpoints
from infra.components.keys import DataClass, Keys
from infra.components.network import Network
from infra.components.notify import Notify
from infra.components.postgres import Postgres
from infra.components.registry import Registry
from infra.components.resolver import Resolver
from infra.components.secrets import Secrets
from infra.components.security_groups import SecurityGroups
from infra.components.singleton import LeaseTable
from infra.components.storage import PrivateBucket
from infra.components.vpn import Vpn
from infra.plan.access import vpn_targets
from infra.plan.bucket_policies import log_bucket_statements
from infra.plan.egress import venue_ports
from infra.plan.endpoint_policies import apis_through_nat, nodes_need_nat
from infra.plan.flows import Role, flows
from infra.plan.secrets import SecretSpec, inventory
from infra.settings.foundation import EndpointProfile, Phase
from infra.settings.root import Settings

REPOSITORIES = ("backend", "engine", "etcd", "frontend", "ib-gateway", "timescale")
CDN_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"
TRAIL_LOCK_DAYS = 365
"""How long nobody can delete a file of the audit trail, in days (POLICY-RULES S3-09)."""


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The ground floor's pieces, for what is built on them."""

    keys: Keys
    notify: Notify
    network: Network
    egress: Egress
    groups: SecurityGroups
    logs: PrivateBucket
    assets: PrivateBucket
    dns: Dns
    specs: tuple[SecretSpec, ...]
    secrets: Secrets
    postgres: Postgres
    cache: Cache
    registry: Registry
    cluster: Cluster
    leases: LeaseTable
    audit: Audit
    vpn: Vpn | None


def build_foundation(settings: Settings, ctx: Context, top: pulumi.ResourceOptions) -> Foundation:
    """Provision the ground floor under the options `top`.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    # Keys, and who hears of trouble.
    keys = Keys("keys", ctx, opts=top)
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

    # The network, and the one table of who may talk to whom.
    table = flows(
        gateway_port=settings.trading.gateway_port,
        timescale=settings.timescale.enabled,
        interface_endpoints=settings.network.endpoints is not EndpointProfile.NONE,
        edge=settings.platform.phase is Phase.SERVICES,
        every_endpoint=not nodes_need_nat(settings.network.endpoints, settings.network.endpoints_without),
        s3_endpoint=settings.network.existing is None,
        vpn=settings.access.vpn.enabled,
        venue_ports=venue_ports(settings.egress),
    )
    network = Network("network", ctx, settings=settings.network, log_key_arn=log_key, table=table, opts=top)
    egress = Egress(
        "egress",
        ctx,
        network=network,
        settings=settings.egress,
        log_key_arn=log_key,
        aws_domains=dict.fromkeys(
            apis_through_nat(settings.network.endpoints, ctx.region, account=ctx.account_id, without=settings.network.endpoints_without),
            "AWS API without an endpoint in the VPC",
        ),
        opts=top,
    )
    Resolver(
        "resolver",
        ctx,
        network=network,
        settings=settings.network.dns,
        allowed_domains=(*egress.allowed_domains, f".{settings.edge.dns.domain}"),
        log_key_arn=log_key,
        opts=top,
    )
    groups = SecurityGroups(
        "groups",
        ctx,
        vpc_id=network.vpc_id,
        table=table,
        cloudfront_prefix_list_id=aws.ec2.get_managed_prefix_list_output(
            name=CDN_PREFIX_LIST, opts=pulumi.InvokeOutputOptions(parent=top.parent)
        ).id,
        s3_prefix_list_id=network.s3_prefix_list_id,
        opts=top,
    )
    Endpoints(
        "endpoints",
        ctx,
        network=network,
        profile=settings.network.endpoints,
        group_id=groups.of(Role.ENDPOINTS),
        without=settings.network.endpoints_without,
        opts=top,
    )
    vpn: Vpn | None = None
    if settings.access.vpn.enabled:
        vpn = Vpn(
            "vpn",
            ctx,
            settings=settings.access.vpn,
            vpc_id=network.vpc_id,
            subnet_ids=network.app_subnet_ids,
            group_id=groups.of(Role.VPN),
            targets=vpn_targets(
                settings.network.cidr,
                settings.network.zones,
                timescale=settings.timescale.enabled,
                existing=settings.network.existing is not None,
            ),
            log_key_arn=log_key,
            opts=top,
        )
    dns = Dns("dns", ctx, settings=settings.edge.dns, validate=settings.platform.phase is Phase.SERVICES, log_key_arn=log_key, opts=top)

    # Secrets, then what opens with them.
    specs = inventory(settings.trading, rotation_days=settings.secrets.rotation_days, timescale=settings.timescale.enabled)
    secrets = Secrets(
        "secrets",
        ctx,
        specs=specs,
        key_arn=keys.arn(DataClass.SECRETS),
        dr_key_arn=keys.dr_arn(DataClass.SECRETS),
        recovery_days=settings.secrets.recovery_days,
        opts=top,
    )
    postgres = Postgres(
        "postgres",
        ctx,
        settings=settings.postgres,
        subnet_ids=network.data_subnet_ids,
        group_id=groups.of(Role.POSTGRES),
        key_arn=keys.arn(DataClass.DATABASE),
        log_key_arn=log_key,
        username=settings.postgres.user,
        password=secrets.value("database-password"),
        topic_arn=notify.critical_arn,
        opts=top,
    )
    cache = Cache(
        "cache",
        ctx,
        settings=settings.cache,
        subnet_ids=network.data_subnet_ids,
        group_id=groups.of(Role.CACHE),
        key_arn=keys.arn(DataClass.CACHE),
        log_key_arn=log_key,
        auth_token=secrets.value("cache-auth-token"),
        opts=top,
    )

    # Where the workloads will run, and the leases that keep two of them from running twice.
    registry = Registry("registry", ctx, repositories=REPOSITORIES, key_arn=keys.arn(DataClass.REGISTRY), opts=top)
    cluster = Cluster("cluster", ctx, log_key_arn=log_key, opts=top)
    leases = LeaseTable("leases", ctx, key_arn=keys.arn(DataClass.DATABASE), opts=top)

    return Foundation(
        keys=keys,
        notify=notify,
        network=network,
        egress=egress,
        groups=groups,
        logs=logs,
        assets=assets,
        dns=dns,
        specs=specs,
        secrets=secrets,
        postgres=postgres,
        cache=cache,
        registry=registry,
        cluster=cluster,
        leases=leases,
        audit=audit,
        vpn=vpn,
    )
