"""The network: its tiers, its guarded ways in and out, and the one table of who may talk to whom. A part of the composition root."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.component import Context
from infra.components.egress import Egress
from infra.components.endpoints import Endpoints
from infra.components.network import Network
from infra.components.resolver import Resolver
from infra.components.security_groups import SecurityGroups
from infra.components.vpn import Vpn
from infra.plan.access import vpn_targets
from infra.plan.egress import venue_ports
from infra.plan.endpoint_policies import apis_through_nat, through_nat
from infra.plan.flows import Role, flows
from infra.plan.jobs import reconciles
from infra.plan.rotation import api_domains
from infra.settings.foundation import EndpointProfile, Phase
from infra.settings.root import Settings

CDN_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"


@dataclass(frozen=True, kw_only=True)
class Networking:
    """The network's pieces, for what stands in it."""

    network: Network
    groups: SecurityGroups
    ways_out: tuple[pulumi.Resource, ...]
    """What a function in the VPC needs before it can call AWS."""
    vpn: Vpn | None


def build_network(settings: Settings, ctx: Context, top: pulumi.ResourceOptions, *, log_key: pulumi.Input[str]) -> Networking:
    """Provision the network. `log_key` is the KMS key of its logs.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    # The one table of who may talk to whom: subnets, groups and the egress firewall all follow it.
    table = flows(
        gateway_port=settings.trading.gateway_port,
        timescale=settings.timescale.enabled,
        interface_endpoints=settings.network.endpoints is not EndpointProfile.NONE,
        edge=settings.platform.phase is Phase.SERVICES,
        through_nat=through_nat(settings.network.endpoints, settings.network.endpoints_without)
        | ({Role.ROTATION} if settings.cache.global_datastore else set()),
        s3_endpoint=settings.network.existing is None,
        vpn=settings.access.vpn.enabled,
        proxy=settings.postgres.proxy.enabled,
        rotation=True,
        restore_check=settings.backup.restore_test.enabled,
        migrations=settings.jobs.migrations.enabled,
        reconciliation=reconciles(settings),
        rollout_hook=settings.platform.phase is Phase.SERVICES,
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
        )
        | (api_domains(ctx.dr_region) if settings.cache.global_datastore else {}),
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
    endpoints = Endpoints(
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
    return Networking(network=network, groups=groups, ways_out=(endpoints, egress), vpn=vpn)
