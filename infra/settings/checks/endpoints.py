"""Interface endpoints that are left out: once each, in zones that exist, and never in all of them."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.endpoint_policies import ESSENTIAL
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import EndpointProfile
from infra.settings.problems import Path
from infra.settings.root import Settings


def endpoints(settings: Settings) -> Iterator[Finding]:
    """Each entry of `network.endpointsWithout` leaves out something that would exist, and a zone's entry leaves another zone.

    What every task needs to start has an endpoint in each profile but `none`: the flow table gives tasks without one no way round. A VPC
    that is brought along may have such an endpoint already.
    """
    profile, existing = settings.network.endpoints, settings.network.existing
    own = profile is not EndpointProfile.NONE and existing is None
    zones, entries = settings.network.zones, settings.network.endpoints_without
    seen: set[str] = set()
    for position, entry in enumerate(entries):
        path: Path = ("network", "endpointsWithout", position)
        service, _, zone = entry.partition("/")
        if entry in seen or (zone and service in entries):
            why = "stands there twice" if entry in seen else f"is left out already by {service}"
            yield Finding(path, why, "each endpoint once", REMOVE)
        elif own and entry in ESSENTIAL:
            yield Finding(
                path,
                f"leaves out {service}, without which no task starts: network.endpoints is {profile}",
                "a service beyond the profile `essential`, one zone of a service, or network.endpoints: none",
                REMOVE,
                (("network", "endpoints"),),
            )
        elif zone and zone not in zones:
            yield Finding(
                path, f"names zone {zone}, which network.zones does not", f"a zone of {', '.join(zones)}", REMOVE, (("network", "zones"),)
            )
        elif zone and all(f"{service}/{letter}" in entries for letter in zones) and zone == zones[-1]:
            yield Finding(
                path, f"leaves {service} no zone: name {service} alone instead", "at least one zone left", REMOVE, (("network", "zones"),)
            )
        seen.add(entry)
