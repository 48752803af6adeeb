"""What stands between users and the load balancer: certificates, names, and the site seen from outside."""

from __future__ import annotations

from collections.abc import Mapping

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity


def certificate_alarms(key: str, *, certificate: Dimension) -> tuple[AlarmSpec, ...]:
    """A certificate of this region that expires in less than 30 days: ACM renews 60 days ahead, so its renewal has failed."""
    return (
        AlarmSpec(
            key=f"{key}-certificate",
            severity=Severity.WARNING,
            source=Metric("AWS/CertificateManager", "DaysToExpiry", "Minimum", (("CertificateArn", certificate),), period=86_400),
            comparison=Comparison.BELOW,
            threshold=30,
            why="A certificate expires in less than 30 days and has not been renewed.",
            seeds=("DTO-123", "NRC-003"),
            runbook="certificates",
        ),
    )


def uptime_alarms(*, checks: Mapping[str, Dimension]) -> tuple[AlarmSpec, ...]:
    """The site seen from outside. `checks` are Route 53's health-check ids by name; their metrics exist in us-east-1 alone.

    Two minutes, so that a check which has just been made may begin to report; silence counts as down.
    """
    return tuple(
        AlarmSpec(
            key=f"uptime-{name}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/Route53", "HealthCheckStatus", "Minimum", (("HealthCheckId", check),)),
            comparison=Comparison.BELOW,
            threshold=1,
            periods=2,
            missing=Missing.BREACHING,
            why=f"Route 53 does not reach the site from outside ({name}): users do not either.",
            seeds=("NRC-035", "OTE-066", "NDS-059"),
            runbook="uptime",
        )
        for name, check in sorted(checks.items())
    )


def dnssec_alarms(*, zone: Dimension) -> tuple[AlarmSpec, ...]:
    """A signed zone whose signing fails vanishes for every resolver that checks. Route 53 reports every four hours, in us-east-1."""
    of: tuple[tuple[str, Dimension], ...] = (("HostedZoneId", zone),)
    kinds = {
        "failing": ("DNSSECInternalFailure", Severity.CRITICAL, "Route 53 cannot sign the zone: its names are about to vanish."),
        "key": ("DNSSECKeySigningKeysNeedingAction", Severity.CRITICAL, "The zone's signing key cannot be used: Route 53 asks for action."),
    }
    return tuple(
        AlarmSpec(
            key=f"dnssec-{kind}",
            severity=severity,
            source=Metric("AWS/Route53", metric, "Sum", of, period=14_400),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=("NRC-028", "DTO-008"),
            runbook="uptime",
        )
        for kind, (metric, severity, why) in kinds.items()
    )


def ddos_alarms(*, resources: Mapping[str, Dimension]) -> tuple[AlarmSpec, ...]:
    """Shield Advanced sees an attack on a resource that it protects. `resources` are ARNs by name: CloudFront and Route 53 report to us-east-1."""
    return tuple(
        AlarmSpec(
            key=f"ddos-{name}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/DDoSProtection", "DDoSDetected", "Maximum", (("ResourceArn", resource),)),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=f"Shield Advanced sees an attack on {name}.",
            seeds=("PFC-056",),
            runbook="uptime",
        )
        for name, resource in sorted(resources.items())
    )
