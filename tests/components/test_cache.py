"""ElastiCache: encrypted twice over, authenticated, and failing over."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.components.cache import FAMILIES, MAINTENANCE_WINDOW, SNAPSHOT_WINDOW, Cache, family
from infra.plan.backup_calendar import window
from infra.settings import data
from tests.components.data import Secret, Stack, context, key, protected, synth


def made(*, unlocked: bool = False, environment: str = "prod", **settings: Any) -> Stack:
    def build() -> dict[str, Any]:
        cache = Cache(
            "cache",
            context(unlocked=unlocked, environment=environment),
            settings=data.Cache(**settings),
            subnet_ids=["subnet-a", "subnet-b"],
            group_id="sg-cache",
            key_arn=key("cache"),
            log_key_arn=key("logs"),
            auth_token=pulumi.Output.secret("token-of-at-least-16"),
        )
        return {"primary": cache.primary_address, "members": cache.member_ids, "port": cache.port}

    return synth(build)


def group(stack: Stack) -> Any:
    return stack.one("elasticache.ReplicationGroup")


def test_the_group_is_encrypted_authenticated_and_kept() -> None:
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
    assert one["authToken"] == Secret("token-of-at-least-16")
    assert one.ignored == ("authToken",)


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


def test_versions_that_elasticache_lacks_are_refused() -> None:
    assert {family(*known) for known in FAMILIES} == {"valkey7", "valkey8", "redis7"}
    for engine, version in (("redis", "7.2"), ("redis", "8.0"), ("valkey", "7.0"), ("memcached", "1.6")):
        with pytest.raises(ValueError, match=f"no {engine} {version}"):
            family(engine, version)
    with pytest.raises(ValueError, match=r"no redis 7.2"):
        made(engine="redis", version="7.2")


def test_windows_are_an_hour_and_apart() -> None:
    first, last = window(MAINTENANCE_WINDOW)
    assert last - first >= 60
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in SNAPSHOT_WINDOW.split("-"))
    assert end - start >= 60
    assert not (start < last and first < end), "Sunday's snapshot must not meet the maintenance"


def test_names_fit_elasticaches_forty_characters() -> None:
    assert len(group(made(environment="a-very-long-environment-name-of-somebody"))["replicationGroupId"]) <= 40


def test_the_group_is_protected_until_the_stack_is_unlocked() -> None:
    assert protected(made()) == {"cache-group"}
    assert protected(made(unlocked=True)) == set()


def test_members_are_named_before_they_exist() -> None:
    outputs = made(replicas=1).outputs
    assert outputs["members"] == ["nautilus-prod-cache-001", "nautilus-prod-cache-002"]
    assert outputs["primary"] == "master.nautilus-prod-cache.cache"
    assert outputs["port"] == 6379
