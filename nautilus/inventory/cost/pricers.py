"""Which function prices which type."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from nautilus.inventory.cost.edges import (
    distribution,
    dns_association,
    domains,
    endpoint,
    firewall,
    health_check,
    load_balancer,
    resolver,
    rule_group,
    web_acl,
)
from nautilus.inventory.cost.machines import cache, database, database_proxy, group, instance, service, volume
from nautilus.inventory.cost.scene import Pricer
from nautilus.inventory.cost.upkeep import alarm, authority, metric_filter, parameter, secret, table
from nautilus.inventory.prices import PriceTable


def _hourly(key: str) -> Pricer:
    return lambda scene: [(key, scene.hours)]


def _monthly(key: str) -> Pricer:
    return lambda _scene: [(key, Decimal(1))]


PRICERS: Mapping[str, Pricer] = MappingProxyType(
    {
        "aws:acmpca/certificateAuthority:CertificateAuthority": authority,
        "aws:autoscaling/group:Group": group,
        "aws:cloudfront/distribution:Distribution": distribution,
        "aws:cloudfront/monitoringSubscription:MonitoringSubscription": _monthly("cloudfront.metrics.month"),
        "aws:cloudwatch/compositeAlarm:CompositeAlarm": _monthly("alarm.composite.month"),
        "aws:cloudwatch/dashboard:Dashboard": _monthly("dashboard.month"),
        "aws:cloudwatch/logMetricFilter:LogMetricFilter": metric_filter,
        "aws:cloudwatch/metricAlarm:MetricAlarm": alarm,
        "aws:dynamodb/table:Table": table,
        "aws:ebs/volume:Volume": lambda scene: volume(scene.inputs),
        "aws:ec2/eip:Eip": _hourly("ipv4.hour"),
        "aws:ec2/instance:Instance": instance,
        "aws:ec2/natGateway:NatGateway": _hourly("nat.hour"),
        "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
        "aws:ec2clientvpn/networkAssociation:NetworkAssociation": _hourly("vpn.association.hour"),
        "aws:ecs/service:Service": service,
        "aws:elasticache/replicationGroup:ReplicationGroup": cache,
        "aws:kms/externalKey:ExternalKey": _monthly("kms.key.month"),
        "aws:kms/key:Key": _monthly("kms.key.month"),
        "aws:kms/replicaKey:ReplicaKey": _monthly("kms.key.month"),
        "aws:lb/loadBalancer:LoadBalancer": load_balancer,
        "aws:networkfirewall/firewall:Firewall": firewall,
        "aws:rds/instance:Instance": database,
        "aws:rds/proxy:Proxy": database_proxy,
        "aws:route53/healthCheck:HealthCheck": health_check,
        "aws:route53/resolverEndpoint:ResolverEndpoint": resolver,
        "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": domains,
        "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": dns_association,
        "aws:route53/zone:Zone": _monthly("route53.zone.month"),
        "aws:secretsmanager/secret:Secret": secret,
        "aws:ssm/parameter:Parameter": parameter,
        "aws:wafv2/ruleGroup:RuleGroup": rule_group,
        "aws:wafv2/webAcl:WebAcl": web_acl,
    }
)
"""Types with a fixed price. One that yields nothing for a resource is free, or billed by use, as the table says."""

NOTHING_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "aws:dynamodb/table:Table": "on demand: by request and GB",
        "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": "by query",
    }
)
"""Priced types that are billed by use in the form that has no fixed price; of the others that form is free."""


def known_types(table: PriceTable) -> frozenset[str]:
    """Every type that has a price, is free, or is billed by use."""
    return frozenset(PRICERS) | frozenset(table.free) | frozenset(table.by_use)
