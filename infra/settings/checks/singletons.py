"""What runs exactly once: its watchdog, its standby, its restart window; and the second broker."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.egress import domain_rules, parse_domain
from infra.plan.gateway import fitting_restart, restart_clash
from infra.settings.broker import ActiveBroker
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.egress import EgressMode
from infra.settings.foundation import Phase
from infra.settings.problems import Path
from infra.settings.root import Settings


def watchdog_image(settings: Settings) -> Iterator[Finding]:
    """Nothing that must run once runs without its watchdog."""
    services = settings.services
    if settings.platform.phase is not Phase.SERVICES or services.watchdog.image_digest is not None:
        return
    if services.engine.enabled or services.ib_gateway.enabled:
        yield Finding(
            ("services", "watchdog", "imageDigest"),
            "is needed in phase `services` while services.engine or services.ibGateway is enabled; push the image and write its digest, "
            "or set platform.phase to foundation",
            good=Phase.FOUNDATION.value,
            also=(("platform", "phase"), ("services", "engine", "enabled"), ("services", "ibGateway", "enabled")),
            change=("platform", "phase"),
        )


def lease_times(settings: Settings) -> Iterator[Finding]:
    """One lost renewal loses no lease."""
    own = settings.services.watchdog
    if 3 * own.renew_seconds > own.lease_seconds:
        yield Finding(
            ("services", "watchdog", "renewSeconds"),
            f"is more than a third of services.watchdog.leaseSeconds = {own.lease_seconds}: one lost renewal would lose the lease",
            f"1 to {own.lease_seconds // 3}",
            own.lease_seconds // 3,
            (("services", "watchdog", "leaseSeconds"),),
        )


def restart_window(settings: Settings) -> Iterator[Finding]:
    """The gateway restarts while nobody trades through it."""
    gateway, trading = settings.services.ib_gateway, settings.trading
    if not gateway.enabled:
        return
    venue = restart_clash(trading, gateway.restart)
    if venue is None:
        return
    base: Path = ("services", "ibGateway", "restart")
    fits = fitting_restart(trading, gateway.restart)
    also = ((*base, "timeZone"), (*base, "windowMinutes"), ("trading", "venues"), ("services", "ibGateway", "enabled"))
    if fits is None:
        yield Finding(
            (*base, "windowMinutes"),
            f"leaves no time of day for the restart: a session of trading.venues.{venue} would be cut at any of them",
            "fewer minutes, or fewer venues in trading.venues",
            {"nyse": "nyse"},
            (*also, (*base, "time")),
            ("trading", "venues"),
        )
    else:
        yield Finding(
            (*base, "time"),
            f"falls with its {gateway.restart.window_minutes} minutes into a session of trading.venues.{venue}, on some day of the year",
            f"a time in {gateway.restart.time_zone} outside every session, such as {fits}",
            fits,
            also,
        )


def second_broker(settings: Settings) -> Iterator[Finding]:
    """A failover goes to a broker that is there and can be reached (NRC-024, PFC-207)."""
    trading, egress = settings.trading, settings.egress
    second = trading.second_broker
    if second is None:
        if trading.active_broker is ActiveBroker.SECOND:
            yield Finding(
                ("trading", "activeBroker"),
                "has no broker to go to: trading.secondBroker is not set",
                "primary, as long as there is no second broker",
                ActiveBroker.PRIMARY.value,
                (("trading", "secondBroker"),),
            )
        return
    if egress.mode is EgressMode.OFF:
        return
    allowed = domain_rules(egress.domains)
    for index, host in enumerate(second.hosts):
        wanted = parse_domain(host)
        if not any(rule.covers(wanted) for rule in allowed):
            yield Finding(
                ("trading", "secondBroker", "hosts", index),
                f"names {host}, which egress.domains does not let out to",
                "a host that egress.domains covers on the same port",
                REMOVE if len(second.hosts) > 1 or not egress.domains else next(iter(sorted(egress.domains))),
                (("egress", "domains"),),
                None if len(second.hosts) > 1 or egress.domains else ("trading", "secondBroker"),
            )
