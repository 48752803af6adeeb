"""ElastiCache: encrypted twice over, a user for each service, failing over, and if asked copied to the second region."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.component import Context
from infra.components.cache import Cache, Standby
from infra.naming import Names
from infra.plan import cache as plan
from infra.plan.cache import CacheUser
from infra.settings import data
from nautilus.sandbox.simulation.mocks import synth as sandbox
from tests.components.data import ACCOUNT, ZONES, Secret, Stack, context, key, protected, synth

PASSWORDS = {"backend": "password-of-the-backend", "engine": "password-of-the-engine"}
STANDBY = Standby(subnet_ids=["subnet-x", "subnet-y"], group_id="sg-abroad", key_arn=key("cache", region="us-west-2"))


def cache(ctx: Context, *, passwords: dict[str, str] | None = None, standby: Standby | None = None, **settings: Any) -> Cache:
    given = PASSWORDS if passwords is None else passwords
    return Cache(
        "cache",
        ctx,
        settings=data.Cache(**settings),
        subnet_ids=["subnet-a", "subnet-b"],
        group_id="sg-cache",
        key_arn=key("cache"),
        log_key_arn=key("logs"),
        passwords={name: pulumi.Output.secret(value) for name, value in given.items()},
        standby=standby,
    )


def made(
    *,
    unlocked: bool = False,
    environment: str = "prod",
    passwords: dict[str, str] | None = None,
    standby: Standby | None = None,
    **settings: Any,
) -> Stack:
    def build() -> dict[str, Any]:
        one = cache(context(unlocked=unlocked, environment=environment), passwords=passwords, standby=standby, **settings)
        return {
            "primary": one.primary_address,
            "members": one.member_ids,
            "port": one.port,
            "users": one.user_ids,
            "standby": one.standby_address,
            "datastore": one.global_datastore_id,
        }

    return synth(build)


def abroad(**settings: Any) -> Stack:
    return made(standby=STANDBY, global_datastore=True, **settings)


def group(stack: Stack) -> Any:
    return next(one for one in stack.all("elasticache.ReplicationGroup") if one.name == "cache-group")


def users(stack: Stack, prefix: str = "cache-user-") -> dict[str, Any]:
    return {one["userName"]: one for one in stack.all("elasticache.User") if one.name.startswith(prefix)}


def test_the_group_is_encrypted_and_kept() -> None:
    one = group(made())
    expected = {
        "replicationGroupId": "nautilus-prod-cache",
        "engine": "valkey",
        "engineVersion": "7.2",
        "transitEncryptionEnabled": True,
        "transitEncryptionMode": "required",
        "atRestEncryptionEnabled": True,
        "kmsKeyId": key("cache"),
        "numCacheClusters": 3,
        "automaticFailoverEnabled": True,
        "multiAzEnabled": True,
        "snapshotRetentionLimit": 30,
        "autoMinorVersionUpgrade": True,
        "applyImmediately": False,
        "securityGroupIds": ["sg-cache"],
        "port": 6379,
    }
    assert {name: one.inputs.get(name) for name in expected} == expected
    assert one.ignored == ()


def test_nobody_signs_in_without_a_name() -> None:
    """ElastiCache takes an AUTH token or a user group, never both."""
    stack = made()
    one = group(stack)
    assert "authToken" not in one.inputs
    assert one["userGroupIds"] == ["nautilus-prod-cache-users"]
    (of_users,) = stack.all("elasticache.UserGroup")
    assert (of_users["engine"], of_users["userIds"]) == ("valkey", ["nautilus-prod-cache-backend", "nautilus-prod-cache-engine"])


def test_each_service_has_its_own_user_and_password() -> None:
    found = users(made())
    assert set(found) == {"backend", "engine"}
    for name, one in found.items():
        assert one["passwords"] == Secret([PASSWORDS[name]]) or one["passwords"] == [Secret(PASSWORDS[name])]
        assert one["engine"] == "valkey"
        assert one["userId"] == f"nautilus-prod-cache-{name}"
        assert one.ignored == ("passwords",), "later passwords come from rotation"
        assert one["accessString"] == next(user.access for user in plan.USERS if user.name == name)


def test_redis_has_the_default_user_that_it_insists_on_and_it_is_off() -> None:
    stack = made(engine="redis", version="7.1")
    found = users(stack)
    assert set(found) == {"backend", "engine", "default"}
    default = found["default"]
    assert (default["accessString"], default["noPasswordRequired"]) == ("off -@all", True)
    assert "passwords" not in default.inputs
    (of_users,) = stack.all("elasticache.UserGroup")
    assert of_users["engine"] == "redis"
    assert "nautilus-prod-cache-default" in of_users["userIds"]
    assert {one["engine"] for one in found.values()} == {"redis"}, "a Redis group takes no Valkey user"


@pytest.mark.parametrize("passwords", [{}, {"backend": "x" * 16}, {**PASSWORDS, "admin": "x" * 16}])
def test_passwords_are_those_of_the_users(passwords: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="passwords of backend, engine are needed"):
        made(passwords=passwords)


def test_a_single_node_cannot_fail_over() -> None:
    one = group(made(replicas=0))
    assert (one["numCacheClusters"], one["automaticFailoverEnabled"], one["multiAzEnabled"]) == (1, False, False)


def test_both_logs_go_to_our_groups() -> None:
    stack = made()
    configured = {one["logType"]: one for one in group(stack)["logDeliveryConfigurations"]}
    assert set(configured) == {"slow-log", "engine-log"}
    for kind, one in configured.items():
        assert one["destination"] == f"/aws/vendedlogs/elasticache/nautilus-prod-cache/{kind}"
        assert (one["destinationType"], one["logFormat"]) == ("cloudwatch-logs", "json")
    assert {one["kmsKeyId"] for one in stack.all("cloudwatch.LogGroup")} == {key("logs")}


@pytest.mark.parametrize(("engine", "version", "known"), [("valkey", "8.1", "valkey8"), ("redis", "7.1", "redis7")])
def test_the_parameter_group_follows_the_engine(engine: str, version: str, known: str) -> None:
    stack = made(engine=engine, version=version)
    one = stack.one("elasticache.ParameterGroup")
    assert (one["family"], one["name"]) == (known, f"nautilus-prod-{known}")
    assert group(stack)["parameterGroupName"] == f"nautilus-prod-{known}"


def test_a_restore_names_its_snapshot_and_takes_the_old_groups_place() -> None:
    assert "snapshotName" not in group(made()).inputs
    assert group(made(snapshot_name="cache-kept-20261121"))["snapshotName"] == "cache-kept-20261121"


def test_versions_that_elasticache_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no redis 7.2"):
        made(engine="redis", version="7.2")


def test_names_fit_elasticaches_forty_characters() -> None:
    stack = abroad(environment="a-very-long-environment-name-of-somebody", engine="redis", version="7.1")
    ids = [one["replicationGroupId"] for one in stack.all("elasticache.ReplicationGroup")]
    ids += [one["userGroupId"] for one in stack.all("elasticache.UserGroup")]
    ids += [one["userId"] for one in stack.all("elasticache.User")]
    ids += [one["globalReplicationGroupIdSuffix"] for one in stack.all("elasticache.GlobalReplicationGroup")]
    assert max(len(one) for one in ids) <= 40
    assert len({one["userId"] for one in users(stack).values()}) == 3, "shortened names stay apart"


def test_the_group_is_protected_until_the_stack_is_unlocked() -> None:
    assert protected(made()) == {"cache-group"}
    assert protected(abroad()) == {"cache-group", "cache-global", "cache-standby"}
    assert protected(made(unlocked=True)) == set()


def test_members_are_named_before_they_exist() -> None:
    outputs = made(replicas=1).outputs
    assert outputs["members"] == ["nautilus-prod-cache-001", "nautilus-prod-cache-002"]
    assert outputs["primary"] == "master.nautilus-prod-cache.cache"
    assert outputs["port"] == 6379
    assert outputs["users"] == {"backend": "nautilus-prod-cache-backend", "engine": "nautilus-prod-cache-engine"}
    assert (outputs["standby"], outputs["datastore"]) == (None, None)


# --- the copy abroad ------------------------------------------------------------------------------------------------------


def test_the_copy_takes_from_the_datastore_what_it_may_not_name() -> None:
    stack = abroad()
    one = next(each for each in stack.all("elasticache.ReplicationGroup") if each.name == "cache-standby")
    assert one["region"] == "us-west-2"
    assert one["kmsKeyId"] == key("cache", region="us-west-2")
    assert one["securityGroupIds"] == ["sg-abroad"]
    for inherited in ("engine", "engineVersion", "nodeType", "parameterGroupName", "atRestEncryptionEnabled", "transitEncryptionEnabled"):
        assert inherited not in one.inputs, f"the provider refuses {inherited} beside globalReplicationGroupId"
    assert one["globalReplicationGroupId"] == "cache-global-id"
    assert (one["multiAzEnabled"], one["snapshotRetentionLimit"]) == (True, 30)
    assert stack.outputs["standby"] == "master.nautilus-prod-cache-standby.cache"


def test_in_a_datastore_the_primary_leaves_three_things_to_it() -> None:
    stack = abroad(node_type="cache.m7g.large")
    assert set(group(stack).ignored) == {"engineVersion", "nodeType", "parameterGroupName"}
    (store,) = stack.all("elasticache.GlobalReplicationGroup")
    assert (store["cacheNodeType"], store["engineVersion"]) == ("cache.m7g.large", "7.2")


def test_the_users_exist_there_too_with_the_same_passwords() -> None:
    stack = abroad()
    home, there = users(stack), users(stack, "cache-standby-user-")
    assert set(there) == set(home)
    for name, one in there.items():
        assert one["region"] == "us-west-2"
        for same in ("userId", "accessString", "passwords", "engine"):
            assert one[same] == home[name][same]
    groups = {one.name: one for one in stack.all("elasticache.UserGroup")}
    assert groups["cache-standby-users"]["region"] == "us-west-2"


def test_a_place_and_a_wish_go_together() -> None:
    with pytest.raises(ValueError, match="there is no place for the copy"):
        made(global_datastore=True)
    with pytest.raises(ValueError, match="a place without a copy"):
        made(standby=STANDBY)


@pytest.mark.parametrize(
    ("settings", "says"), [({"node_type": "cache.t4g.medium"}, "not cache.t4g.medium"), ({"replicas": 0}, "one replica")]
)
def test_a_datastore_that_aws_would_refuse_is_refused_here(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        abroad(**settings)


# --- the sandbox ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"engine": "redis", "version": "7.1"}, {"global_datastore": True}])
def test_the_sandbox_accepts_it(settings: dict[str, Any]) -> None:
    def program() -> Cache:
        ctx = Context(
            names=Names("nautilus", "prod"),
            account_id=ACCOUNT,
            region="us-east-1",
            dr_region="us-west-2",
            zones=ZONES,
            log_days=365,
            unlocked=False,
        )
        return cache(ctx, standby=STANDBY if "global_datastore" in settings else None, **settings)

    recording = sandbox(program, account=ACCOUNT)
    assert recording.one("aws:elasticache/parameterGroup:ParameterGroup").inputs["family"]


def test_a_user_that_owns_everything_cannot_be_written_down() -> None:
    with pytest.raises(ValueError, match="no prefix"):
        CacheUser("greedy", own=("*",))
