"""Computed values of load balancers, listeners and target groups."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.computed.subject import Subject, spec


def _elb_kind(s: Subject) -> str:
    return {"network": "net", "gateway": "gwy"}.get(s.text("loadBalancerType", "application"), "app")


@spec("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
def _load_balancer(s: Subject) -> dict[str, Any]:
    kind = _elb_kind(s)
    suffix = f"{kind}/{s.name}/{s.seed.hex(16)}"
    internal = "internal-" if s.inputs.get("internal") is True and kind == "app" else ""
    host = f"{s.name}-{s.seed.hex(16)}.elb.{s.region}" if kind == "net" else f"{internal}{s.name}-{s.seed.digits(10)}.{s.region}.elb"
    return {
        "id": s.arn("elasticloadbalancing", f"loadbalancer/{suffix}"),
        "arn": s.arn("elasticloadbalancing", f"loadbalancer/{suffix}"),
        "arnSuffix": suffix,
        "dnsName": f"{host}.{s.suffix()}",
        "zoneId": formats.alb_zone(s.region, network=kind == "net"),
        "vpcId": s.vpc_of("subnets"),
        "internal": False,
        "ipAddressType": "ipv4",
        "securityGroups": [],
        "subnets": [],
        "subnetMappings": [{"subnetId": each} for each in s.inputs.get("subnets") or [] if isinstance(each, str)],
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "",
        "enablePrefixForIpv6SourceNat": "off",
        "secondaryIpsAutoAssignedPerSubnet": 0,
    }


@spec("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
def _target_group(s: Subject) -> dict[str, Any]:
    suffix = f"targetgroup/{s.name}/{s.seed.hex(16)}"
    arn = s.arn("elasticloadbalancing", suffix)
    return {
        "id": arn,
        "arn": arn,
        "arnSuffix": suffix,
        "loadBalancerArns": [],
        "ipAddressType": "ipv4",
        "loadBalancingAlgorithmType": "round_robin",
        "loadBalancingAnomalyMitigation": "off",
        "loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
        "protocolVersion": "HTTP1",
        "preserveClientIp": "",
        "targetType": "instance",
    }


@spec("aws:lb/listener:Listener", "aws:alb/listener:Listener")
def _listener(s: Subject) -> dict[str, Any]:
    balancer = s.text("loadBalancerArn").partition(":loadbalancer/")[2] or f"app/{s.urn.name}/{s.seed.hex(16, 'lb')}"
    arn = s.arn("elasticloadbalancing", f"listener/{balancer}/{s.seed.hex(16)}")
    secure = s.text("protocol") in {"HTTPS", "TLS"}
    return {
        "id": arn,
        "arn": arn,
        "protocol": "HTTP",
        "sslPolicy": "ELBSecurityPolicy-2016-08" if secure else "",
        "routingHttpResponseServerEnabled": True,
    }


@spec("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
def _listener_rule(s: Subject) -> dict[str, Any]:
    listener = s.text("listenerArn").partition(":listener/")[2] or f"app/{s.urn.name}/{s.seed.hex(16, 'lb')}/{s.seed.hex(16, 'listener')}"
    arn = s.arn("elasticloadbalancing", f"listener-rule/{listener}/{s.seed.hex(16)}")
    return {"id": arn, "arn": arn, "priority": s.seed.number() % 50000 + 1}


@spec("aws:lb/listenerCertificate:ListenerCertificate")
def _listener_certificate(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('listenerArn')}_{s.text('certificateArn')}"}


@spec("aws:lb/targetGroupAttachment:TargetGroupAttachment")
def _attachment(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('targetGroupArn')}-{s.seed.digits(26)}"}
