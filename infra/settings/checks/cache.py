"""ElastiCache."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.cache import goes_global, refused_globally, refused_node
from infra.settings import limits
from infra.settings.checks.finding import Finding
from infra.settings.root import Settings
from infra.settings.words import one_of


def cache(settings: Settings) -> Iterator[Finding]:
    """The version is one of the engine's, the nodes are ones that it runs on; a global datastore is one that AWS would make."""
    own = settings.cache
    versions = limits.VERSIONS[own.engine]
    if own.version not in versions:
        yield Finding(("cache", "version"), f"is not a version of {own.engine}", one_of(versions), versions[0], (("cache", "engine"),))
    refused = refused_node(own.node_type)
    if refused:
        yield Finding(("cache", "nodeType"), refused, "a type of the families t2 to t4g, m4 to m7g, r4 to r7g or c7gn", "cache.r7g.large")
    if not own.global_datastore:
        return
    if not settings.dr.enabled:
        yield Finding(
            ("cache", "globalDatastore"),
            "has no network to stand in: the second region is not kept warm",
            "false, or dr.enabled: true",
            False,
            (("dr", "enabled"),),
        )
    if not refused and not goes_global(own.node_type):
        yield Finding(
            ("cache", "nodeType"),
            "cannot be in a global datastore, which takes M and R nodes of the fifth generation or later (ElastiCache)",
            "a node type such as cache.r7g.large",
            "cache.r7g.large",
            (("cache", "globalDatastore"),),
        )
    if own.replicas < 1:
        yield Finding(
            ("cache", "replicas"),
            "leaves nothing to replicate from: a global datastore needs a group that replicates (ElastiCache)",
            "1 to 5",
            1,
            (("cache", "globalDatastore"),),
        )
    regions = (settings.account.region, settings.account.dr_region)
    refusal = refused_globally(node_type="cache.r7g.large", replicas=1, regions=regions)
    if refusal:
        yield Finding(("cache", "globalDatastore"), f"cannot be: {refusal}", "false, or two regions that have them", False)
