"""CloudFront: countries, and what may be cached."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.caching import refusal
from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.root import Settings


def countries(settings: Settings) -> Iterator[Finding]:
    """Countries exist, are named once, and are either refused or served, not both."""
    cdn = settings.edge.cdn
    for key, codes in (("blockedCountries", cdn.blocked_countries), ("allowedCountries", cdn.allowed_countries)):
        for position, code in enumerate(codes):
            path: Path = ("edge", "cdn", key, position)
            if code not in limits.COUNTRIES:
                yield Finding(path, "is not the code of a country", "ISO 3166 codes, such as KP", REMOVE)
            elif code in codes[:position]:
                yield Finding(path, "is named twice", "each country once", REMOVE, ((*path[:-1], codes.index(code)),))
    if cdn.blocked_countries and cdn.allowed_countries:
        yield Finding(
            ("edge", "cdn", "blockedCountries"),
            "stands beside edge.cdn.allowedCountries, which refuses every other country already; CloudFront takes one of the two",
            "empty, or an empty edge.cdn.allowedCountries",
            REMOVE,
            (("edge", "cdn", "allowedCountries"),),
        )


def cached_paths(settings: Settings) -> Iterator[Finding]:
    """No path that speaks of one user, or of the desk's own trading, is cached for everybody."""
    for pattern in settings.edge.cdn.cached_paths:
        why = refusal(pattern)
        if why is not None:
            yield Finding(("edge", "cdn", "cachedPaths", pattern), why, "paths of market data, such as /api/market/instruments", REMOVE)
