"""What the cache is made of, without a resource: engines, parameters, windows, and who may do what in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PORT: Final = 6379

MAINTENANCE_WINDOW: Final = "sun:03:00-sun:04:00"
"""The second hour of the seed's Sunday 02:00–04:00 UTC, an hour at least (ElastiCache). Passwords rotate in the first one, and ElastiCache
changes no user of a group that it is at work on."""
SNAPSHOT_WINDOW: Final = "05:00-06:00"
"""UTC, an hour at least and clear of the maintenance window (ElastiCache); off the trading day."""

FAMILIES: Final[Mapping[tuple[str, str], str]] = {
    ("valkey", "7.2"): "valkey7",
    ("valkey", "8.0"): "valkey8",
    ("valkey", "8.1"): "valkey8",
    ("valkey", "8.2"): "valkey8",
    ("redis", "7.0"): "redis7",
    ("redis", "7.1"): "redis7",
}
"""Parameter group families of the engine versions that ElastiCache offers from Redis 7 on (seed 004)."""

PARAMETERS: Final[Mapping[str, str]] = {
    # Dead clients are noticed within a minute, in seconds.
    "tcp-keepalive": "60",
    # Commands slower than 5 ms are on record, in microseconds, and the last 256 of them.
    "slowlog-log-slower-than": "5000",
    "slowlog-max-len": "256",
}
"""What differs from ElastiCache's own values; a value that repeats the default would show as a change on every preview.

`maxmemory-policy` stays at ElastiCache's `volatile-lru`: keys without a time to live, such as the engine's own state, are never evicted;
sessions and cached answers are, the least used first. `acl-pubsub-default` stays at `resetchannels`: a user reaches the channels that its
access string names, and no other.
"""


def family(engine: str, version: str) -> str:
    """The parameter group family.

    Raises:
        ValueError: ElastiCache does not offer the version of the engine.
    """
    try:
        return FAMILIES[engine, version]
    except KeyError:
        offered = ", ".join(f"{known} {number}" for known, number in FAMILIES)
        raise ValueError(f"cache: no {engine} {version} on ElastiCache (accepted: {offered})") from None


# --- users ----------------------------------------------------------------------------------------------------------------

ID_LIMIT: Final = 40
"""Characters of a user's, a user group's and a replication group's id (ElastiCache): a letter first, then letters, digits and hyphens."""
PASSWORD_LENGTH: Final = (16, 128)
"""Characters of a password (ElastiCache). A user has at most two, which is what lets one rotate without an interruption."""

_REDUCED = ("-@admin", "-@dangerous", "-@scripting")
_SCRIPTS = ("+eval", "+evalsha", "+script|load", "+script|exists")
_PREFIX = re.compile(r"[a-z][a-z0-9-]*[:-]")


@dataclass(frozen=True)
class CacheUser:
    """A user of the cache, with the least that its service needs.

    Args:
        name: What the service signs in with: REDIS_USERNAME.
        own: Prefixes of keys and channels that it reads and writes.
        reads: Prefixes of keys that it only reads.
        extra: Single commands beyond the categories.
        scripts: Whether it runs Lua (rate limiting, locks); a script reaches no key or command that its user does not.

    Raises:
        ValueError: It owns nothing, or a prefix is not lower-case words that end in `:` or `-` (`*` would be every key).
    """

    name: str
    own: tuple[str, ...]
    reads: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    scripts: bool = False

    def __post_init__(self) -> None:
        if not self.own:
            raise ValueError(f"cache user `{self.name}`: owns no prefix")
        for prefix in (*self.own, *self.reads):
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(f"cache user `{self.name}`: `{prefix}` is no prefix (accepted: lower-case words that end in `:` or `-`)")

    @property
    def access(self) -> str:
        """ElastiCache's access string: keys, channels, then commands, of which the last word counts.

        `@dangerous` takes FLUSHALL, FLUSHDB, KEYS, SORT, MIGRATE, RESTORE, SWAPDB, INFO and the like away, `@admin` CONFIG, ACL, DEBUG,
        REPLICAOF and CLIENT KILL, `@scripting` FUNCTION and SCRIPT FLUSH; single ones come back after that.
        """
        words = ["on"]
        words += [f"~{prefix}*" for prefix in self.own]
        words += [f"%R~{prefix}*" for prefix in self.reads]
        words += [f"&{prefix}*" for prefix in self.own]
        words += ["-@all", "+@read", "+@write", "+@connection", "+@transaction", "+@pubsub", *_REDUCED]
        words += _SCRIPTS if self.scripts else ()
        words += [f"+{command}" for command in self.extra]
        return " ".join(words)


BACKEND_PREFIX: Final = "backend:"
"""Keys and channels of FastAPI: sessions, cached answers, rate limits, locks, WebSocket fan-out. The application gets it as REDIS_KEY_PREFIX."""
ENGINE_PREFIX: Final = "trader-"
"""What NautilusTrader's keys and streams start with while `use_trader_prefix` is on, its default: `trader-<id>:orders`, `trader-<id>:stream`."""

USERS: Final = (
    CacheUser("backend", own=(BACKEND_PREFIX,), reads=(ENGINE_PREFIX,), scripts=True),
    # The engine asks for the server's version with INFO when it connects, and gives up without an answer.
    CacheUser("engine", own=(ENGINE_PREFIX,), extra=("info",)),
)
"""A user for each service that speaks to the cache. The engine's FLUSHDB is not among its commands: `flush_on_start` must stay off,
because one mistaken start would wipe everybody's keys."""

DISABLED: Final = "off -@all"
"""Access string of the user `default`, with which nobody may sign in."""


def needs_default(engine: str) -> bool:
    """Whether the user group must hold a user named `default`: Redis groups must (AWS: DefaultUserRequired), so there it is switched off.

    Valkey groups need none, and take only users who authenticate; who is not in the group cannot sign in.
    """
    return engine == "redis"


# --- node types -----------------------------------------------------------------------------------------------------------

_NODE = re.compile(r"cache\.(?P<family>[a-z]+)(?P<generation>[0-9]+)(?P<rest>[a-z]*)\.(?P<size>micro|small|medium|(?:[0-9]*x)?large)")


def burstable(node_type: str) -> bool:
    """Whether it is of a T family: its CPU is on credit, and it has no data tiering and no global datastore (ElastiCache)."""
    return node_type.startswith("cache.t")


_OLDEST: Final = {"t": 2, "m": 4, "r": 4, "c": 7}
"""First generation of each family on which ElastiCache runs Redis 7 and Valkey with encryption at rest."""


def refused_node(node_type: str) -> str | None:
    """Why the cache cannot run on a node type, as the end of a sentence, or None (ElastiCache user guide: supported node types, data tiering).

    New families and sizes of a known kind pass: AWS adds them more often than this program changes.
    """
    found = _NODE.fullmatch(node_type)
    if found is None or found["family"] not in _OLDEST:
        return "is of no family that ElastiCache has for Valkey or Redis"
    if int(found["generation"]) < _OLDEST[found["family"]]:
        return "is of a previous generation, which has no encryption at rest with these versions"
    if found["rest"] == "gd":
        return "keeps data on disk too (data tiering), which ElastiCache asks to be switched on, and which this platform does not use"
    return None


def goes_global(node_type: str) -> bool:
    """Whether a global datastore takes the node type: M or R of the fifth generation or later, or C7gn (ElastiCache)."""
    found = _NODE.fullmatch(node_type)
    if found is None:
        return False
    name, generation = found["family"], int(found["generation"])
    return (name in {"m", "r"} and generation >= 5) or (name == "c" and generation >= 7)


GLOBAL_REGIONS: Final = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""Regions with global datastores (ElastiCache user guide)."""


def refused_globally(*, node_type: str, replicas: int, regions: Sequence[str]) -> str | None:
    """Why ElastiCache would refuse a global datastore, or None.

    Args:
        node_type: Of both groups: a datastore has one.
        replicas: Beside the primary; a single node does not replicate.
        regions: The home region and the second one.
    """
    if not goes_global(node_type):
        return f"a global datastore takes M and R nodes of the fifth generation or later, not {node_type}"
    if replicas < 1:
        return "a global datastore replicates from a group that replicates: at least one replica"
    if outside := [region for region in regions if region not in GLOBAL_REGIONS]:
        return f"there are no global datastores in {', '.join(outside)}"
    if len(set(regions)) != len(regions):
        return "a global datastore spans two regions, and these are the same"
    return None
