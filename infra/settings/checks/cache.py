"""ElastiCache."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import Finding
from infra.settings.root import Settings
from infra.settings.words import one_of


def cache(settings: Settings) -> Iterator[Finding]:
    """The version is one of the engine's."""
    own = settings.cache
    versions = limits.VERSIONS[own.engine]
    if own.version not in versions:
        yield Finding(("cache", "version"), f"is not a version of {own.engine}", one_of(versions), versions[0], (("cache", "engine"),))
