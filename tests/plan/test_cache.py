"""Who may do what in the cache, judged as the engine would judge it; engines, windows and node types."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.backup_calendar import window
from infra.plan.cache import (
    DISABLED,
    FAMILIES,
    MAINTENANCE_WINDOW,
    PARAMETERS,
    SNAPSHOT_WINDOW,
    USERS,
    CacheUser,
    burstable,
    family,
    goes_global,
    needs_default,
    refused_globally,
    refused_node,
)
from infra.plan.postgres import MAINTENANCE_WINDOW as DATABASE_WINDOW
from infra.settings.limits import VERSIONS

COMMANDS = {
    # Categories as `COMMAND INFO` of Valkey 7.2 gives them, for what our services use and for what they must not.
    "auth": "fast connection",
    "blpop": "write list slow blocking",
    "client|kill": "admin slow dangerous connection",
    "client|list": "admin slow dangerous connection",
    "client|setinfo": "slow connection",
    "client|setname": "slow connection",
    "config|set": "admin slow dangerous",
    "debug": "admin slow dangerous",
    "del": "keyspace write slow",
    "discard": "fast transaction",
    "eval": "slow scripting",
    "evalsha": "slow scripting",
    "exec": "slow transaction",
    "expire": "keyspace write fast",
    "acl|setuser": "admin slow dangerous",
    "flushall": "keyspace write slow dangerous",
    "flushdb": "keyspace write slow dangerous",
    "function|flush": "write slow scripting",
    "function|load": "write slow scripting",
    "get": "read string fast",
    "hello": "fast connection",
    "hgetall": "read hash slow",
    "hset": "write hash fast",
    "info": "slow dangerous",
    "incr": "write string fast",
    "keys": "keyspace read slow dangerous",
    "lrange": "read list slow",
    "mget": "read string fast",
    "migrate": "keyspace write slow dangerous",
    "multi": "fast transaction",
    "ping": "fast connection",
    "publish": "pubsub fast",
    "replicaof": "admin slow dangerous",
    "restore": "keyspace write slow dangerous",
    "rpush": "write list fast",
    "sadd": "write set fast",
    "save": "admin slow dangerous",
    "scan": "keyspace read slow",
    "script|exists": "slow scripting",
    "script|flush": "slow scripting",
    "script|kill": "slow scripting",
    "script|load": "slow scripting",
    "set": "write string slow",
    "shutdown": "admin slow dangerous",
    "smembers": "read set slow",
    "sort": "write set sortedset list slow dangerous",
    "subscribe": "pubsub slow",
    "swapdb": "keyspace write fast dangerous",
    "xadd": "write stream fast",
    "xread": "read stream slow blocking",
    "xtrim": "write stream slow",
    "zadd": "write sortedset fast",
}
NEVER = {
    "acl|setuser", "client|kill", "client|list", "config|set", "debug", "flushall", "flushdb", "function|flush", "function|load", "keys",
    "migrate", "replicaof", "restore", "save", "script|flush", "script|kill", "shutdown", "sort", "swapdb",
}  # fmt: skip


class Acl:
    """An access string as the engine reads it: from left to right, the last word about a command counts."""

    def __init__(self, access: str) -> None:
        self.on = False
        self.commands: set[str] = set()
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.channels: list[str] = []
        for word in access.split():
            if word in {"on", "off"}:
                self.on = word == "on"
            elif word.startswith("~"):
                self.reads.append(word[1:])
                self.writes.append(word[1:])
            elif word.startswith("%R~"):
                self.reads.append(word[3:])
            elif word.startswith("&"):
                self.channels.append(word[1:])
            elif word[0] in "+-":
                self._command(word)
            else:
                raise AssertionError(f"{word} is no word that we use")

    def _command(self, word: str) -> None:
        name = word[1:]
        if name.startswith("@"):
            category = name[1:]
            found = {one for one, categories in COMMANDS.items() if category == "all" or category in categories.split()}
            assert found, f"{name} has no command in the table"
        else:
            assert name in COMMANDS, f"{name} is not in the table"
            found = {name}
        self.commands = self.commands | found if word[0] == "+" else self.commands - found

    def may(self, command: str, *, read: str = "", write: str = "", channel: str = "") -> bool:
        return (
            self.on
            and command in self.commands
            and (not read or any(fnmatchcase(read, one) for one in self.reads))
            and (not write or any(fnmatchcase(write, one) for one in self.writes))
            and (not channel or any(fnmatchcase(channel, one) for one in self.channels))
        )


ACL = {user.name: Acl(user.access) for user in USERS}


def test_the_backend_has_what_sessions_caching_and_web_sockets_need() -> None:
    backend = ACL["backend"]
    key = "backend:session:1"
    assert all(
        backend.may(command) for command in ("auth", "hello", "ping", "client|setinfo", "client|setname", "multi", "exec", "discard")
    )
    assert all(backend.may(command, read=key) for command in ("get", "mget", "hgetall", "smembers"))
    assert all(backend.may(command, write=key) for command in ("set", "del", "expire", "incr", "hset", "sadd", "zadd"))
    assert all(backend.may(command) for command in ("eval", "evalsha", "script|load", "script|exists")), "rate limits and locks are scripts"
    assert backend.may("publish", channel="backend:ticks")
    assert backend.may("subscribe", channel="backend:ticks")


def test_the_backend_sees_the_engines_state_and_leaves_it_alone() -> None:
    backend, key = ACL["backend"], "trader-TRADER-001:orders:O-1"
    assert backend.may("lrange", read=key)
    assert backend.may("xread", read="trader-TRADER-001:stream")
    assert not backend.may("del", write=key)
    assert not backend.may("xadd", write="trader-TRADER-001:stream"), "nobody forges the engine's events"
    assert not backend.may("publish", channel="trader-TRADER-001")


def test_the_engine_has_what_nautilus_trader_calls() -> None:
    """As its Redis cache and message bus call them: INFO at the connection, lists, sets, hashes and streams under `trader-`."""
    engine, key = ACL["engine"], "trader-TRADER-001:index:orders_open"
    assert all(engine.may(command) for command in ("auth", "info", "ping", "scan", "multi", "exec"))
    assert all(engine.may(command, read=key) for command in ("get", "mget", "hgetall", "smembers", "lrange", "xread"))
    assert all(engine.may(command, write=key) for command in ("set", "del", "rpush", "sadd", "hset", "xadd", "xtrim"))


def test_the_engine_stays_out_of_the_sessions_and_runs_no_scripts() -> None:
    engine = ACL["engine"]
    assert not engine.may("get", read="backend:session:1")
    assert not engine.may("set", write="backend:session:1")
    assert not any(engine.may(command) for command in ("eval", "evalsha", "script|load"))
    assert not ACL["backend"].may("info"), "INFO is the engine's alone"


@pytest.mark.parametrize("name", sorted(ACL))
def test_nobody_has_a_dangerous_command(name: str) -> None:
    assert {command for command in NEVER if ACL[name].may(command)} == set()


def test_the_judge_sees_a_user_who_may_do_too_much() -> None:
    """The opposite of the claims above: had `-@dangerous` come first, the categories after it would bring its commands back."""
    assert Acl("on ~* +@all").may("flushall", write="anything")
    assert Acl("on ~a:* -@dangerous -@all +@write").may("flushdb")
    assert not Acl(DISABLED).may("ping")


@pytest.mark.parametrize("prefix", ["", "*", "a*", "backend", "Backend:", "a b:", "~a:", ":"])
def test_what_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        CacheUser("x", own=(prefix,))
    with pytest.raises(ValueError, match="no prefix"):
        CacheUser("x", own=("a:",), reads=(prefix,))


def test_a_user_owns_something() -> None:
    with pytest.raises(ValueError, match="owns no prefix"):
        CacheUser("x", own=())


PREFIX = st.from_regex(re.compile(r"[a-z][a-z0-9-]{0,8}[:-]"), fullmatch=True)


@given(own=st.lists(PREFIX, min_size=1, max_size=3, unique=True), reads=st.lists(PREFIX, max_size=3, unique=True), scripts=st.booleans())
def test_whatever_the_prefixes_nothing_else_is_reached(own: list[str], reads: list[str], scripts: bool) -> None:
    acl = Acl(CacheUser("x", tuple(own), tuple(reads), scripts=scripts).access)
    assert not any(acl.may(command) for command in NEVER)
    assert acl.may("eval") == scripts
    for prefix in own:
        assert acl.may("set", write=f"{prefix}key")
        assert acl.may("publish", channel=f"{prefix}news")
    for prefix in reads:
        assert acl.may("get", read=f"{prefix}key")
        assert acl.may("set", write=f"{prefix}key") == any(f"{prefix}key".startswith(one) for one in own)
    assert not acl.may("get", read="Z:key")


def test_redis_needs_a_default_user_and_valkey_takes_none() -> None:
    assert needs_default("redis")
    assert not needs_default("valkey")


def test_every_version_of_the_settings_has_a_family() -> None:
    assert {(engine, version) for engine, versions in VERSIONS.items() for version in versions} == set(FAMILIES)
    assert {family(*known) for known in FAMILIES} == {"valkey7", "valkey8", "redis7"}


@pytest.mark.parametrize(("engine", "version"), [("redis", "7.2"), ("redis", "8.0"), ("valkey", "7.0"), ("memcached", "1.6")])
def test_versions_that_elasticache_lacks_are_refused(engine: str, version: str) -> None:
    with pytest.raises(ValueError, match=f"no {engine} {version}"):
        family(engine, version)


def test_windows_are_an_hour_and_apart() -> None:
    first, last = window(MAINTENANCE_WINDOW)
    assert last - first >= 60
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in SNAPSHOT_WINDOW.split("-"))
    assert end - start >= 60
    assert not (start < last and first < end), "Sunday's snapshot must not meet the maintenance"


def test_maintenance_is_in_the_seeds_window_and_after_the_rotation() -> None:
    first, last = window(MAINTENANCE_WINDOW)
    assert first >= 120
    assert last <= 240
    assert first >= 180, "passwords rotate from 02:00 to 03:00 UTC"
    assert window(DATABASE_WINDOW)[1] <= last


def test_no_parameter_repeats_a_default() -> None:
    """ElastiCache leaves a parameter that equals its default out of the answer, and each preview would set it again."""
    defaults = {"tcp-keepalive": "300", "slowlog-log-slower-than": "10000", "slowlog-max-len": "128"}
    assert set(PARAMETERS) == set(defaults)
    assert all(PARAMETERS[name] != value for name, value in defaults.items())


@pytest.mark.parametrize(
    ("node", "taken"),
    [
        ("cache.r7g.large", True),
        ("cache.m5.large", True),
        ("cache.r6gd.xlarge", True),
        ("cache.c7gn.large", True),
        ("cache.r4.large", False),
        ("cache.m4.large", False),
        ("cache.t4g.medium", False),
        ("cache.t3.small", False),
        ("r7g.large", False),
    ],
)
def test_a_global_datastore_takes_nodes_of_the_fifth_generation(node: str, taken: bool) -> None:
    assert goes_global(node) == taken
    assert not (taken and burstable(node))
    refusal = refused_globally(node_type=node, replicas=1, regions=("us-east-1", "us-west-2"))
    assert (refusal is None) == taken


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ("cache.r7g.large", None),
        ("cache.t2.micro", None),
        ("cache.m4.10xlarge", None),
        ("cache.c7gn.16xlarge", None),
        ("cache.r9x.xlarge", None),
        ("cache.t1.micro", "previous generation"),
        ("cache.m3.medium", "previous generation"),
        ("cache.c1.xlarge", "previous generation"),
        ("cache.r6gd.xlarge", "data tiering"),
        ("cache.x2.large", "of no family"),
        ("cache.r7g.bigger", "of no family"),
        ("cache.r7g.7large", "of no family"),
        ("db.r7g.large", "of no family"),
    ],
)
def test_nodes_that_elasticache_would_refuse(node: str, says: str | None) -> None:
    refused = refused_node(node)
    assert (refused is None) == (says is None)
    assert (says or "") in (refused or "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"replicas": 0}, "at least one replica"),
        ({"regions": ("us-east-1", "af-south-1")}, "af-south-1"),
        ({"regions": ("us-east-1", "us-east-1")}, "the same"),
    ],
)
def test_what_a_global_datastore_needs(change: dict[str, object], says: str) -> None:
    asked: dict[str, object] = {"node_type": "cache.r7g.large", "replicas": 1, "regions": ("us-east-1", "us-west-2")}
    assert refused_globally(**asked) is None  # pyright: ignore[reportArgumentType]
    refusal = refused_globally(**asked | change)  # pyright: ignore[reportArgumentType]
    assert refusal is not None
    assert says in refusal
