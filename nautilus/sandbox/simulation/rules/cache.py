"""Rules of ElastiCache."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule, truth
from nautilus.sandbox.simulation.rules.database import windows
from nautilus.sandbox.simulation.values import UNKNOWN, is_map, shown

_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
_TOKEN_CHARACTERS = re.compile(r"[A-Za-z0-9!&#$^<>-]")


@rule("elasticache-auth", "ElastiCache, authenticating with AUTH: TLS is required, specials are !&#$^<>- only", _GROUP)
def auth(ctx: RuleContext) -> Iterator[Finding]:
    """AUTH without TLS, and generators that draw refused characters."""
    if ctx.absent("authToken"):
        return
    if truth(ctx.inputs.get("transitEncryptionEnabled")) is not True and ctx.inputs.get("transitEncryptionEnabled") is not UNKNOWN:
        yield "authToken", "is given, but AUTH needs transitEncryptionEnabled"
    value = ctx.text("authToken")
    refused: list[str] = []
    source = "contains"
    if value is not None:
        refused = sorted({char for char in value if not _TOKEN_CHARACTERS.match(char)})
    elif ctx.inputs.get("authToken") is UNKNOWN:
        generators, _ = ctx.related("authToken", "random:index/randomPassword:RandomPassword")
        for each in generators:
            letters = str(each.inputs.get("overrideSpecial") or "!@#$%&*()-_=+[]{}<>:?")
            if each.inputs.get("special") is not False:
                refused = sorted({char for char in letters if not _TOKEN_CHARACTERS.match(char)})
                source = f"comes from {each.urn.rpartition('::')[2]}, which may draw"
    if refused:
        yield "authToken", f"{source} {' '.join(refused)}, but ElastiCache accepts letters, digits and !&#$^<>- only"


@rule("elasticache-failover", "ElastiCache CreateReplicationGroup: failover needs two nodes, Multi-AZ needs failover", _GROUP)
def failover(ctx: RuleContext) -> Iterator[Finding]:
    """High availability without the nodes for it."""
    automatic = truth(ctx.inputs.get("automaticFailoverEnabled"))
    nodes = ctx.number("numCacheClusters")
    shards, replicas = ctx.number("numNodeGroups"), ctx.number("replicasPerNodeGroup")
    if automatic and nodes is not None and nodes < 2:
        yield "automaticFailoverEnabled", f"is set, but numCacheClusters is {nodes:g}: failover needs two nodes"
    if automatic and shards == 1 and replicas == 0:
        yield "automaticFailoverEnabled", "is set, but replicasPerNodeGroup is 0: failover needs a replica"
    if truth(ctx.inputs.get("multiAzEnabled")) and not automatic and ctx.inputs.get("automaticFailoverEnabled") is not UNKNOWN:
        yield "multiAzEnabled", "is set, but automaticFailoverEnabled is not"
    if shards is not None and shards > 1 and automatic is False:
        yield "automaticFailoverEnabled", "is off, but a cluster of several shards needs it"
    if nodes is not None and (shards is not None or replicas is not None):
        yield "numCacheClusters", "is given together with numNodeGroups or replicasPerNodeGroup; give one or the other"
    zones = ctx.get("preferredCacheClusterAzs")
    if isinstance(zones, list) and nodes is not None and len(zones) != nodes:
        yield "preferredCacheClusterAzs", f"names {len(zones)} zones, but numCacheClusters is {nodes:g}"


@rule("elasticache-windows", "ElastiCache: a daily snapshot window of an hour, a weekly maintenance window, no overlap", _GROUP)
def cache_windows(ctx: RuleContext) -> Iterator[Finding]:
    """Snapshot and maintenance windows."""
    yield from windows(ctx, "snapshotWindow", "maintenanceWindow", 60)


@rule("elasticache-description", "ElastiCache CreateReplicationGroup: the description is required", _GROUP)
def description(ctx: RuleContext) -> Iterator[Finding]:
    """Groups without a description."""
    if ctx.inputs.get("description") == "":
        yield "description", "is empty, but AWS wants a description"
    kind = ctx.text("nodeType")
    if kind is not None and not re.fullmatch(r"cache\.[a-z0-9]+\.[a-z0-9]+", kind):
        yield "nodeType", f"is {shown(kind)}, but must be a node type such as cache.r7g.large"


@rule("elasticache-snapshots", "ElastiCache: cache.t1 nodes keep no snapshots; data tiering needs r6gd", _GROUP)
def snapshots(ctx: RuleContext) -> Iterator[Finding]:
    """Features that the node type does not have."""
    kind = ctx.text("nodeType") or ""
    if truth(ctx.inputs.get("dataTieringEnabled")) and kind and not kind.startswith("cache.r6gd."):
        yield "dataTieringEnabled", f"is set, but {kind} has no data tiering (cache.r6gd has)"


@rule("elasticache-log-delivery", "ElastiCache LogDeliveryConfiguration: slow-log and engine-log, once each", _GROUP)
def log_delivery(ctx: RuleContext) -> Iterator[Finding]:
    """Log types given twice."""
    kinds = [each.get("logType") for each in ctx.items("logDeliveryConfigurations") if is_map(each)]
    for kind in sorted({each for each in kinds if isinstance(each, str) and kinds.count(each) > 1}):
        yield "logDeliveryConfigurations", f"has {kind} twice"
