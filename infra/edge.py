"""What faces the internet: CloudFront, a firewall at each end, the load balancer with its routes, names, and the eyes on all of it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.cdn import Cdn
from infra.components.dns import Aliases, names_of
from infra.components.health_checks import EdgeAlarms, HealthChecks
from infra.components.keys import DataClass
from infra.components.load_balancer import LoadBalancer
from infra.components.secrets import Secrets
from infra.components.shield import Shield, address_arn, zone_arn
from infra.components.waf import WebFirewall
from infra.components.web_route import WebRoute, sent_once_accepted
from infra.foundation import Foundation
from infra.plan import alarms as plan
from infra.plan.flows import BACKEND_PORT, FRONTEND_PORT, Role
from infra.plan.origin import HEADER
from infra.plan.rollout import BACKEND_PATHS
from infra.rotation import Sender
from infra.settings.root import Settings
from infra.stack import default_tags


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The edge's pieces, for what stands behind it and for the outputs."""

    balancer: LoadBalancer
    cdn: Cdn
    routes: dict[str, WebRoute]
    """By the workload behind them."""
    uptime_check_ids: dict[str, pulumi.Output[str]]
    alarm_names: tuple[pulumi.Output[str], ...]
    sender: Sender
    """What the rotation of the origin header changes."""


def build_edge(settings: Settings, ctx: Context, base: Foundation, top: pulumi.ResourceOptions) -> Edge:
    """Provision the edge on top of `base`.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    own = settings.edge
    log_key = base.keys.arn(DataClass.LOGS)
    _site, _www, origin = names_of(own.dns.domain)

    # The load balancer answers whoever knows the header: CloudFront, with the current value or the one before it.
    current, previous = (_stored(base.secrets, f"origin-header-{part}", top) for part in ("value", "previous"))
    balancer = LoadBalancer(
        "balancer",
        ctx,
        subnet_ids=base.network.public_subnet_ids,
        vpc_id=base.network.vpc_id,
        group_id=base.groups.of(Role.LOAD_BALANCER),
        certificate_arn=base.dns.certificate_arn,
        log_bucket=base.logs.name,
        idle_seconds=own.load_balancer.idle_seconds,
        keep_alive_seconds=own.load_balancer.keep_alive_seconds,
        origin_header=(HEADER, current),
        previous_value=previous,
        opts=top,
    )
    backend = WebRoute(
        "backend-route",
        ctx,
        load_balancer=balancer,
        vpc_id=base.network.vpc_id,
        port=BACKEND_PORT,
        health_path="/health",
        path_patterns=BACKEND_PATHS,
        priority=100,
        deregistration_seconds=60,
        opts=top,
    )
    frontend = WebRoute(
        "frontend-route",
        ctx,
        load_balancer=balancer,
        vpc_id=base.network.vpc_id,
        port=FRONTEND_PORT,
        health_path="/",
        path_patterns=["/*"],
        priority=200,
        deregistration_seconds=30,
        opts=top,
    )
    routes = {"backend": backend, "frontend": frontend}

    # A web application firewall at each end: addresses and rates are judged where they are seen, content twice.
    WebFirewall(
        "origin-firewall",
        ctx,
        scope="REGIONAL",
        settings=own.waf,
        log_key_arn=log_key,
        secret_headers=(HEADER,),
        associate_with=balancer.arn,
        opts=top,
    )
    firewall = WebFirewall("edge-firewall", ctx, scope="CLOUDFRONT", settings=own.waf, log_key_arn=log_key, opts=top)
    cdn = Cdn(
        "cdn",
        ctx,
        domain=own.dns.domain,
        certificate_arn=base.dns.cdn_certificate_arn,
        firewall_arn=firewall.arn,
        origin_domain=origin,
        origin_header=(HEADER, sent_once_accepted(current, list(routes.values()))),
        assets=base.assets,
        settings=own.cdn,
        log_bucket=base.logs.name,
        default_tags=len(default_tags(settings.platform)),
        opts=top,
    )

    # Names. `origin.` fails over to the second region when the load balancer's own alarm says so.
    origin_alarms = Alarms(
        "origin-alarms",
        ctx,
        table=plan.table(plan.origin_alarms(load_balancer=plan.Target("balancer"))),
        topics=base.notify,
        targets={"balancer": balancer.arn_suffix},
        opts=top,
    )
    Aliases(
        "aliases",
        ctx,
        domain=own.dns.domain,
        zone_id=base.dns.zone_id,
        cdn=(cdn.domain_name, cdn.hosted_zone_id),
        load_balancer=(balancer.dns_name, balancer.zone_id),
        standby=own.dns.standby,
        origin_alarm=origin_alarms.names["origin-failing"],
        opts=top,
    )
    uptime = HealthChecks("uptime", ctx, domain=own.dns.domain, settings=own.uptime, opts=top) if own.uptime.enabled else None
    edge_alarms = _watch(settings, ctx, base, top, balancer=balancer, cdn=cdn, uptime=uptime)
    return Edge(
        balancer=balancer,
        cdn=cdn,
        routes=routes,
        uptime_check_ids=uptime.ids if uptime else {},
        alarm_names=(*origin_alarms.names.values(), *edge_alarms.names.values()),
        sender=Sender(
            distribution_id=cdn.distribution_id,
            distribution_arn=cdn.distribution_arn,
            origin_domain=origin,
            rule_arns=[route.production_rule.arn for route in routes.values()],
            resources=(cdn, *(route.production_rule for route in routes.values())),
        ),
    )


def _stored(secrets: Secrets, name: str, top: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The value that Secrets Manager holds now: rotation may have replaced the first one (`infra.plan.origin`)."""
    found = aws.secretsmanager.get_secret_version_output(secret_id=secrets.holder(name), opts=pulumi.InvokeOutputOptions(parent=top.parent))
    return pulumi.Output.secret(found.secret_string)


def _watch(
    settings: Settings,
    ctx: Context,
    base: Foundation,
    top: pulumi.ResourceOptions,
    *,
    balancer: LoadBalancer,
    cdn: Cdn,
    uptime: HealthChecks | None,
) -> EdgeAlarms:
    """Alarms on what AWS measures in CloudFront's region alone; and Shield Advanced where the account has it."""
    table = [plan.certificate_alarms("cdn", certificate=plan.Target("cdn-certificate"))]
    targets: dict[str, pulumi.Input[str]] = {"cdn-certificate": base.dns.cdn_certificate_arn}
    if uptime:
        table.append(plan.uptime_alarms(checks={key: plan.Target(f"uptime-{key}") for key in uptime.ids}))
        targets |= {f"uptime-{key}": value for key, value in uptime.ids.items()}
    if base.dns.signed:
        table.append(plan.dnssec_alarms(zone=plan.Target("zone")))
        targets["zone"] = base.dns.zone_id
    if settings.edge.shield.adopt:
        worldwide: dict[str, pulumi.Input[str]] = {"cdn": cdn.distribution_arn}
        if settings.edge.dns.zone_id is None:  # a zone that was brought along may be another account's
            worldwide["dns"] = zone_arn(ctx, base.dns.zone_id)
        addresses = {
            f"nat-{index}": address_arn(ctx, gateway.allocation_id.apply(str)) for index, gateway in enumerate(base.network.nat_gateways)
        }
        Shield(
            "shield",
            ctx,
            resources={**worldwide, "load-balancer": balancer.arn, **addresses},
            health_checks={"cdn": next(iter(uptime.arns.values()))} if uptime else None,
            opts=top,
        )
        table.append(plan.ddos_alarms(resources={key: plan.Target(f"shield-{key}") for key in worldwide}))
        targets |= {f"shield-{key}": arn for key, arn in worldwide.items()}
    return EdgeAlarms(
        "edge-alarms", ctx, table=plan.table(*table), targets=targets, topics=base.notify, emails=settings.alarms.emails, opts=top
    )
