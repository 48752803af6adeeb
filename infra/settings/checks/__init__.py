"""Checks that need more than one key: what AWS refuses, what cannot work together, and what production must have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from infra.settings.checks import (
    access,
    backup,
    cache,
    cdn,
    dr,
    edge,
    egress,
    endpoints,
    flags,
    identity,
    jobs,
    network,
    postgres,
    production,
    queues,
    registry,
    schedules,
    secrets,
    services,
    singletons,
    timescale,
    trading,
    waf,
    workloads,
)
from infra.settings.checks.finding import Check, Finding
from infra.settings.foundation import Environment
from infra.settings.root import AccountSettings, Settings

CHECKS: tuple[Check, ...] = (
    network.addresses,
    network.zones,
    network.own_vpc,
    network.resolver,
    egress.domains,
    egress.addresses,
    egress.firewall,
    endpoints.endpoints,
    access.vpn,
    access.vpn_grants,
    access.vpn_addresses,
    access.vpn_landing,
    edge.certificates,
    edge.zone,
    edge.uptime,
    cdn.countries,
    cdn.cached_paths,
    waf.firewall_networks,
    waf.firewall_paths,
    waf.firewall_capacity,
    waf.account_takeover,
    postgres.postgres,
    postgres.postgres_conflicts,
    timescale.timescale,
    cache.cache,
    secrets.passwords,
    secrets.authority,
    backup.backup,
    dr.network,
    dr.zones,
    dr.replica,
    dr.restore,
    workloads.sizes,
    workloads.images,
    workloads.scaling,
    trading.rollouts,
    services.sidecars,
    services.room,
    services.smoke_paths,
    services.market,
    services.shells,
    trading.trading,
    trading.deploy_guard,
    flags.volume,
    flags.limits,
    jobs.sizes,
    jobs.commands,
    jobs.gate,
    queues.queues,
    schedules.schedules,
    singletons.watchdog_image,
    singletons.lease_times,
    singletons.restart_window,
    singletons.second_broker,
    production.production,
)
"""The checks of a platform stack, in the order of the sections."""


def _as_stack(settings: Settings | AccountSettings, stack: str) -> Settings | AccountSettings:
    """The settings as the stack's name says, so that a wrong environment hides no invariant."""
    known = {member.value: member for member in Environment}
    if stack not in known:
        return settings
    return settings.model_copy(update={"platform": settings.platform.model_copy(update={"environment": known[stack]})})


def findings(settings: Settings | AccountSettings, stack: str, today: date | None = None) -> Iterator[Finding]:
    """Everything that is wrong with settings whose single values are all in order; with `today`, what has expired too."""
    yield from identity.environment_is_stack(settings, stack)
    settings = _as_stack(settings, stack)
    yield from identity.names_are_free(settings.platform)
    yield from identity.regions_differ(settings)
    yield from identity.recipients(settings)
    if isinstance(settings, Settings):
        for check in CHECKS:
            yield from check(settings)
        if today is not None:
            yield from egress.emergency(settings, today)
            yield from registry.accepted(settings, today)
    else:
        yield from access.sessions(settings.access)
        yield from registry.account(settings)
