"""Rules of ElastiCache."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule, truth
from nautilus.sandbox.simulation.rules.database import windows
from nautilus.sandbox.simulation.values import UNKNOWN, is_map, shown

_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
_USER = "aws:elasticache/user:User"
_USERS = "aws:elasticache/userGroup:UserGroup"
_DATASTORE = "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup"
_INHERITED = (
    "atRestEncryptionEnabled",
    "engine",
    "engineVersion",
    "nodeType",
    "numNodeGroups",
    "parameterGroupName",
    "securityGroupNames",
    "snapshotArns",
    "snapshotName",
    "transitEncryptionEnabled",
)
"""What a member of a global datastore has of its primary; naming it is refused."""
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


@rule(
    "elasticache-users", "ElastiCache CreateReplicationGroup: a user group needs TLS and takes the place of AUTH; one group at most", _GROUP
)
def user_groups(ctx: RuleContext) -> Iterator[Finding]:
    """A user group beside a token, without TLS, or for another engine."""
    if ctx.absent("userGroupIds"):
        return
    if not ctx.absent("authToken"):
        yield "userGroupIds", "is given together with authToken; ElastiCache takes one or the other"
    elsewhere = not ctx.absent("globalReplicationGroupId")
    tls = ctx.inputs.get("transitEncryptionEnabled")
    if truth(tls) is not True and tls is not UNKNOWN and not elsewhere:
        yield "userGroupIds", "is given, but users need transitEncryptionEnabled"
    if len(ctx.items("userGroupIds")) > 1:
        yield "userGroupIds", "names more than one group"
    engine = (ctx.text("engine") or "").lower()
    groups, _ = ctx.related("userGroupIds", _USERS)
    for each in groups:
        if engine == "redis" and str(each.inputs.get("engine", "")).lower() == "valkey":
            yield "userGroupIds", f"is a Valkey group ({each.urn.rpartition('::')[2]}), but a Redis cluster takes Redis groups only"


@rule("elasticache-user-password-mode", "ElastiCache CreateUser: one or two passwords, IAM, or expressly none", _USER)
def user_password(ctx: RuleContext) -> Iterator[Finding]:
    """Users whose way to sign in is missing, doubled, or of too many passwords."""
    if len(ctx.items("passwords")) > 2:
        yield "passwords", "names more than two passwords"
    free = truth(ctx.inputs.get("noPasswordRequired"))
    given = not ctx.absent("passwords") or not ctx.absent("passwordsWo") or not ctx.absent("authenticationMode")
    if free and (not ctx.absent("passwords") or not ctx.absent("passwordsWo")):
        yield "noPasswordRequired", "is set, but there are passwords"
    if not free and not given and ctx.inputs.get("noPasswordRequired") is not UNKNOWN:
        yield "passwords", "is missing; give passwords, an authenticationMode, or noPasswordRequired"
    if free and (ctx.text("engine") or "").lower() == "valkey":
        yield "noPasswordRequired", "is set, but a Valkey user group takes only users who authenticate"
    if (ctx.text("userId") or "") == "default":
        yield "userId", "is ElastiCache's own; a user of ours who replaces it has the name default and another id"


@rule("elasticache-access-string", "ElastiCache RBAC: `on` or `off` first, no passwords and no reset in an access string", _USER)
def access_string(ctx: RuleContext) -> Iterator[Finding]:
    """Access strings that ElastiCache refuses, or that let nobody in by mistake."""
    words = (ctx.text("accessString") or "").split()
    if not words:
        return
    if words[0] not in {"on", "off"}:
        yield "accessString", "starts with neither `on` nor `off`: the user would be off"
    for word in words:
        if word == "reset" or word[0] in "<>#!" or word in {"nopass", "resetpass"}:
            yield "accessString", f"holds {shown(word)}; passwords are given apart, and `reset` is not taken"
        elif word[0] not in "+-~&%(" and word not in {
            "on",
            "off",
            "resetkeys",
            "resetchannels",
            "allkeys",
            "allchannels",
            "allcommands",
            "nocommands",
        }:
            yield "accessString", f"holds {shown(word)}, which is no rule"


@rule(
    "elasticache-default-user", "ElastiCache CreateUserGroup: DefaultUserRequired in Redis groups; members fit the group's engine", _USERS
)
def default_user(ctx: RuleContext) -> Iterator[Finding]:
    """A Redis group without a user named default, users of the other engine, and a Valkey group with users who need no password."""
    engine = (ctx.text("engine") or "").lower()
    users, complete = ctx.related("userIds", _USER)
    if engine == "redis" and complete and all(each.inputs.get("userName") != "default" for each in users):
        yield "userIds", "holds no user named default, which a Redis group must have (DefaultUserRequired)"
    for each in users:
        name = each.urn.rpartition("::")[2]
        if engine == "redis" and str(each.inputs.get("engine", "")).lower() == "valkey":
            yield "userIds", f"holds {name}, a Valkey user, in a Redis group"
        if engine == "valkey" and truth(each.inputs.get("noPasswordRequired")):
            yield "userIds", f"holds {name}, who needs no password; a Valkey group takes only users who authenticate"


@rule("elasticache-datastore-member", "ElastiCache CreateReplicationGroup: a datastore's secondary inherits from its primary", _GROUP)
def member(ctx: RuleContext) -> Iterator[Finding]:
    """What a secondary of a global datastore may not name."""
    if ctx.absent("globalReplicationGroupId"):
        return
    for name in _INHERITED:
        if not ctx.absent(name):
            yield name, "is given together with globalReplicationGroupId, which decides it"


@rule("elasticache-datastore", "ElastiCache, global datastores: M and R nodes of the fifth generation or later, replication on", _DATASTORE)
def datastore(ctx: RuleContext) -> Iterator[Finding]:
    """Nodes that a datastore does not take, and a primary that does not replicate."""
    kind = ctx.text("cacheNodeType")
    if kind is not None and not re.fullmatch(r"cache\.([mr]([5-9]|[1-9][0-9])|c([7-9]|[1-9][0-9]))[a-z]*\.[a-z0-9]+", kind):
        yield "cacheNodeType", f"is {shown(kind)}, but a datastore takes M and R nodes of the fifth generation or later"
    groups, _ = ctx.related("primaryReplicationGroupId", _GROUP)
    for each in groups:
        if each.inputs.get("numCacheClusters") == 1:
            yield "primaryReplicationGroupId", f"is {each.urn.rpartition('::')[2]}, a single node, which does not replicate"
        primary = each.inputs.get("nodeType")
        if kind is None and isinstance(primary, str) and primary.startswith("cache.t"):
            yield "primaryReplicationGroupId", f"has {shown(primary)} nodes, which a datastore does not take"
