"""Ways out of the network, and the administrators' way in."""

from __future__ import annotations

from collections.abc import Sequence

from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity


def vpn_alarms(*, endpoint: Dimension) -> tuple[AlarmSpec, ...]:
    """Failed sign-ins to the administrators' VPN, which counts them itself every five minutes. Its log does not show failed certificates."""
    return (
        AlarmSpec(
            key="vpn-sign-ins",
            severity=Severity.WARNING,
            source=Metric("AWS/ClientVPN", "AuthenticationFailures", "Sum", (("Endpoint", endpoint),), period=300),
            comparison=Comparison.ABOVE,
            threshold=4,
            why="Five or more sign-ins to the administrators' VPN failed in five minutes.",
            seeds=("DTO-033", "PFC-077"),
            runbook="access",
        ),
    )


def nat_alarms(*, gateways: Sequence[Dimension]) -> tuple[AlarmSpec, ...]:
    """NAT gateways that run out of ports or drop packets."""
    specs: list[AlarmSpec] = []
    for number, gateway in enumerate(gateways, start=1):
        of: tuple[tuple[str, Dimension], ...] = (("NatGatewayId", gateway),)
        specs += [
            AlarmSpec(
                key=f"nat-ports-{number}",
                severity=Severity.WARNING,
                source=Metric("AWS/NATGateway", "ErrorPortAllocation", "Sum", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=0,
                why=f"NAT gateway {number} has no source port left for a connection out.",
                seeds=("DTO-122", "DTO-143"),
                runbook="egress",
            ),
            AlarmSpec(
                key=f"nat-drops-{number}",
                severity=Severity.WARNING,
                source=Metric("AWS/NATGateway", "PacketsDropCount", "Sum", of, period=300),
                comparison=Comparison.ABOVE,
                threshold=0,
                periods=3,
                why=f"NAT gateway {number} drops packets.",
                seeds=("DTO-122", "DTO-143"),
                runbook="egress",
            ),
        ]
    return tuple(specs)


def broker_alarms(*, namespace: str) -> tuple[AlarmSpec, ...]:
    """The watch over the broker's addresses (lambdas/broker_addresses), which reports once an hour."""
    return (
        AlarmSpec(
            key="broker-addresses-moved",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerAddressesOutside", "Maximum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="A server name of Interactive Brokers resolves to an address that the egress firewall does not let out to.",
            seeds=("DTO-051", "DTO-143"),
            runbook="broker-addresses",
        ),
        AlarmSpec(
            key="broker-hosts-unresolved",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerHostsUnresolved", "Minimum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            periods=3,
            why="A server name of Interactive Brokers has had no address for three hours.",
            seeds=("DTO-051",),
            runbook="broker-addresses",
        ),
        AlarmSpec(
            key="broker-watch-silent",
            severity=Severity.WARNING,
            source=Metric(namespace, "BrokerHostsChecked", "Sum", period=86_400),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            why="The watch over the broker's addresses has reported nothing for a day: nobody would see them move.",
            seeds=("DTO-051",),
            runbook="broker-addresses",
        ),
    )
