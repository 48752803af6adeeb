"""Rules about caches: Valkey and Redis on ElastiCache."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policies.environments import PRODUCTION, environment_of, of_environment
from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.tokens import CACHE_GROUP, CACHE_USER
from policies.values import ABSENT, UNKNOWN, items


def _joins(group: Resource) -> bool:
    """Whether it is the secondary of a global datastore, which has engine and encryption of its primary and may not name them."""
    return group.get("globalReplicationGroupId") is not ABSENT


def _group(**props: object) -> Given:
    return Given(CACHE_GROUP, "cache", props)


_SECONDARY = {"globalReplicationGroupId": "ldgnf-cache"}


def _switched_on(prop: str, message: str) -> Callable[[Resource], Iterator[Problem]]:
    def check(group: Resource) -> Iterator[Problem]:
        if _joins(group):
            return
        value = group.flag(prop, default=False)
        if value is UNKNOWN:
            yield unresolved(group, prop)
        elif value is not True:
            yield violation(group, prop, message)

    return check


_tls = _switched_on("transitEncryptionEnabled", "sessions and passwords travel in clear text")
_at_rest = _switched_on("atRestEncryptionEnabled", "its snapshots and disks are in clear text")


def _encrypted(group: Resource) -> Iterator[Problem]:
    yield from _tls(group)
    mode = group.get("transitEncryptionMode")
    if mode is UNKNOWN:
        yield unresolved(group, "transitEncryptionMode")
    elif mode not in (ABSENT, "required"):
        yield violation(group, "transitEncryptionMode", f"`{mode}` takes clients that speak clear text as well")


CCH_01 = ResourceRule(
    id="CCH-01",
    severity=Severity.CRITICAL,
    title="Caches speak TLS, and nothing else.",
    rationale="Whoever listens on the network would read sessions, and the passwords that open the cache.",
    remediation="Set `transit_encryption_enabled=True` and leave `transit_encryption_mode` at `required`.",
    references=("FSBP ElastiCache.5", "CKV_AWS_30"),
    types=(CACHE_GROUP,),
    check=_encrypted,
    examples=(
        good("on", _group(transitEncryptionEnabled=True)),
        good("on and required", _group(transitEncryptionEnabled=True, transitEncryptionMode="required")),
        good("the secondary of a global datastore has its primary's", _group(**_SECONDARY)),
        bad("off", _group(transitEncryptionEnabled=False)),
        bad("on, but not for everybody", _group(transitEncryptionEnabled=True, transitEncryptionMode="preferred")),
        unknown("not known", _group(transitEncryptionEnabled=UNKNOWN), expect={"cache": Kind.UNRESOLVED}),
        unknown(
            "a mode that is not known",
            _group(transitEncryptionEnabled=True, transitEncryptionMode=UNKNOWN),
            expect={"cache": Kind.UNRESOLVED},
        ),
        absent("the default is clear text", _group(), expect={"cache": Kind.VIOLATION}),
    ),
)


def _own_key(group: Resource) -> Iterator[Problem]:
    yield from _at_rest(group)
    if group.get("kmsKeyId") is ABSENT:
        yield violation(group, "kmsKeyId", "it is encrypted with a key of AWS's, whose use nobody here decides")


CCH_02 = ResourceRule(
    id="CCH-02",
    severity=Severity.CRITICAL,
    title="Caches are encrypted at rest, with a key of ours.",
    rationale="Snapshots leave the node: without our key anybody who may copy them may read the engine's state in them.",
    remediation="Set `at_rest_encryption_enabled=True` and `kms_key_id`; both can be chosen only when the cache is made.",
    references=("FSBP ElastiCache.4", "CKV_AWS_29", "CKV_AWS_191"),
    types=(CACHE_GROUP,),
    check=_own_key,
    examples=(
        good("with a key", _group(atRestEncryptionEnabled=True, kmsKeyId="k")),
        good("with a key that does not exist yet", _group(atRestEncryptionEnabled=True, kmsKeyId=UNKNOWN)),
        good("a secondary with a key of its region", _group(**_SECONDARY, kmsKeyId="k")),
        bad("not encrypted", _group(atRestEncryptionEnabled=False, kmsKeyId="k")),
        bad("with AWS's key", _group(atRestEncryptionEnabled=True)),
        bad("a secondary with AWS's key", _group(**_SECONDARY)),
        unknown("not known", _group(atRestEncryptionEnabled=UNKNOWN, kmsKeyId="k"), expect={"cache": Kind.UNRESOLVED}),
        absent("the default is clear text", _group(kmsKeyId="k"), expect={"cache": Kind.VIOLATION}),
    ),
)

_LEAST_DAYS = 7


def _kept(group: Resource) -> Iterator[Problem]:
    days = group.get("snapshotRetentionLimit")
    if days is UNKNOWN:
        yield unresolved(group, "snapshotRetentionLimit")
    elif days is ABSENT or not isinstance(days, (int, float)) or days < _LEAST_DAYS:
        kept = "none" if days is ABSENT else f"{days:g} days" if isinstance(days, (int, float)) else str(days)
        yield violation(group, "snapshotRetentionLimit", f"snapshots are kept for less than {_LEAST_DAYS} days ({kept})")


CCH_04 = ResourceRule(
    id="CCH-04",
    severity=Severity.HIGH,
    title="Caches keep daily snapshots for a week or longer.",
    rationale="AWS Backup knows no caches, and ElastiCache keeps no append-only file: snapshots are the only backup.",
    remediation="Set `snapshot_retention_limit` to 7 or more.",
    references=("FSBP ElastiCache.1", "CKV_AWS_134"),
    types=(CACHE_GROUP,),
    check=_kept,
    examples=(
        good("a month", _group(snapshotRetentionLimit=30)),
        bad("none", _group(snapshotRetentionLimit=0)),
        bad("less than a week", _group(snapshotRetentionLimit=6)),
        unknown("not known", _group(snapshotRetentionLimit=UNKNOWN), expect={"cache": Kind.UNRESOLVED}),
        absent("the default is none", _group(), expect={"cache": Kind.VIOLATION}),
    ),
)


def _signed_in(group: Resource) -> Iterator[Problem]:
    people, token = group.get("userGroupIds"), group.get("authToken")
    if people is UNKNOWN:
        yield unresolved(group, "userGroupIds")
    elif items(people):
        return
    elif token is ABSENT:
        yield violation(group, "userGroupIds", "everybody who reaches it may do everything in it")
    else:
        yield violation(group, "authToken", "one token opens everything for everybody; give each service its own user")


CCH_05 = ResourceRule(
    id="CCH-05",
    severity=Severity.CRITICAL,
    title="Whoever speaks to a cache signs in as a user of a group.",
    rationale="With one token, or none, a hole in one service opens the state of all of them.",
    remediation="Set `user_group_ids`, and give each service a user with the keys and commands that it needs.",
    references=("FSBP ElastiCache.6", "CKV_AWS_31"),
    types=(CACHE_GROUP,),
    check=_signed_in,
    examples=(
        good("a group", _group(userGroupIds=["people"])),
        good("a group that does not exist yet", _group(userGroupIds=[UNKNOWN])),
        bad("a token for everybody", _group(authToken="token")),
        bad("no groups", _group(userGroupIds=[])),
        unknown("groups that are not known yet", _group(userGroupIds=UNKNOWN), expect={"cache": Kind.UNRESOLVED}),
        unknown("a token that is not known, for everybody", _group(authToken=UNKNOWN), expect={"cache": Kind.VIOLATION}),
        absent("nothing", _group(), expect={"cache": Kind.VIOLATION}),
    ),
)

_TOO_MUCH = ("+@all", "allcommands", "+@dangerous", "+@admin", "~*", "allkeys", "&*", "allchannels", "nopass")


def _narrow(user: Resource) -> Iterator[Problem]:
    words = user.text("accessString")
    if not isinstance(words, str):
        if words is UNKNOWN:
            yield unresolved(user, "accessString")
        else:
            yield violation(user, "accessString", "it has no access string")
        return
    on = "off" not in words.split()
    free = user.flag("noPasswordRequired", default=False)
    if on and free is UNKNOWN:
        yield unresolved(user, "noPasswordRequired")
    elif on and free is True:
        yield violation(user, "noPasswordRequired", "it signs in without a password")
    wide = [word for word in words.split() if word in _TOO_MUCH]
    if on and wide:
        yield violation(user, "accessString", f"it may do more than a service needs: {', '.join(wide)}")


def _user(access: object = "on ~backend:* -@all +@read", **props: object) -> Given:
    return Given(CACHE_USER, "user", {"accessString": access, **props})


CCH_08 = ResourceRule(
    id="CCH-08",
    severity=Severity.CRITICAL,
    title="Users of a cache have a password, their own keys, and no dangerous commands.",
    rationale="A user of everything is a token by another name: it flushes, reconfigures and reads what is another service's.",
    remediation="Name prefixes and categories in the access string; switch a user off who must exist.",
    references=("DTO-031", "PFC-059"),
    types=(CACHE_USER,),
    check=_narrow,
    examples=(
        good("its own keys", _user()),
        good("a user that is off", _user("off -@all", noPasswordRequired=True)),
        good("off, whatever it might do", _user("off ~* +@all")),
        bad("all keys", _user("on ~* -@all +@read")),
        bad("all commands", _user("on ~a:* +@all")),
        bad("dangerous ones", _user("on ~a:* -@all +@dangerous")),
        bad("all channels", _user("on ~a:* &* -@all +@pubsub")),
        bad("without a password", _user(noPasswordRequired=True)),
        unknown("not known", _user(UNKNOWN), expect={"user": Kind.UNRESOLVED}),
        unknown("whether it needs a password is not known", _user(noPasswordRequired=UNKNOWN), expect={"user": Kind.UNRESOLVED}),
        absent("no access string", Given(CACHE_USER, "user", {}), expect={"user": Kind.VIOLATION}),
    ),
)


def _zones(stack: Stack) -> Iterator[Problem]:
    if environment_of(stack) not in (PRODUCTION, UNKNOWN):
        return
    for group in stack.of(CACHE_GROUP):
        nodes = group.get("numCacheClusters")
        if nodes is UNKNOWN:
            yield unresolved(group, "numCacheClusters")
            continue
        if isinstance(nodes, (int, float)) and nodes < 2:
            yield violation(group, "numCacheClusters", "there is nothing to fail over to")
            continue
        for prop in ("automaticFailoverEnabled", "multiAzEnabled"):
            value = group.flag(prop, default=False)
            if value is UNKNOWN:
                yield unresolved(group, prop)
            elif value is not True:
                yield violation(group, prop, "it is lost with its zone until somebody acts")


CCH_03 = StackRule(
    id="CCH-03",
    severity=Severity.HIGH,
    title="Production's caches fail over to another zone by themselves.",
    rationale="A zone fails without notice; the engine waits for its state, and people are logged out.",
    remediation="Give it a replica, `automatic_failover_enabled=True` and `multi_az_enabled=True`.",
    references=("FSBP ElastiCache.3",),
    types=(CACHE_GROUP,),
    check=_zones,
    examples=(
        good("both", _group(numCacheClusters=2, automaticFailoverEnabled=True, multiAzEnabled=True), of_environment("prod")),
        good("one node, and not production", _group(numCacheClusters=1), of_environment("staging")),
        bad("one node", _group(numCacheClusters=1), of_environment("prod")),
        bad("in one zone", _group(numCacheClusters=2, automaticFailoverEnabled=True), of_environment("prod")),
        bad("by hand", _group(numCacheClusters=2, multiAzEnabled=True), of_environment("prod")),
        unknown(
            "not known",
            _group(numCacheClusters=2, automaticFailoverEnabled=UNKNOWN, multiAzEnabled=True),
            of_environment("prod"),
            expect={"cache": Kind.UNRESOLVED},
        ),
        unknown("how many is not known", _group(numCacheClusters=UNKNOWN), of_environment("prod"), expect={"cache": Kind.UNRESOLVED}),
        absent("nothing said", _group(), of_environment("prod"), expect={"cache": Kind.VIOLATION}),
    ),
)

RULES = (CCH_01, CCH_02, CCH_03, CCH_04, CCH_05, CCH_08)
