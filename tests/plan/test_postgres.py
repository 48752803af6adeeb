"""What RDS would refuse is refused before it is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.backup_calendar import window
from infra.plan.postgres import (
    BACKUP_WINDOW,
    CONNECTIONS_KEPT,
    MAINTENANCE_WINDOW,
    PRELOADABLE,
    PROXY_USER,
    Demand,
    check,
    conflicts,
    connect_arn,
    connect_policy,
    family,
    most_connections,
    parameters,
    preload,
    proxy_policy,
    proxy_pool,
    refusals,
)
from infra.settings.data import DatabaseProxy, MajorUpgrade, Postgres


def odd(**changes: object) -> Postgres:
    """Settings that the section's own bounds would not let through: the planner must hold without them."""
    given: dict[str, Any] = {**dict(Postgres()), **changes}
    return Postgres.model_construct(**given)


def values(settings: Postgres) -> dict[str, tuple[str, str]]:
    return {p.name: (p.value, p.apply_method) for p in parameters(settings)}


def test_the_defaults_are_accepted() -> None:
    assert refusals(Postgres()) == ()


def test_the_group_forces_tls_and_keeps_statements_on_record() -> None:
    found = values(Postgres(slow_query_ms=750, max_connections=321))
    assert found["rds.force_ssl"] == ("1", "immediate")
    assert found["rds.accepted_password_auth_method"] == ("scram", "immediate")
    assert found["log_min_duration_statement"] == ("750", "immediate")
    assert found["idle_in_transaction_session_timeout"] == ("60000", "immediate")


def test_static_parameters_wait_for_a_reboot_and_no_other_does() -> None:
    found = values(Postgres(max_connections=321))
    assert {name for name, (_, method) in found.items() if method == "pending-reboot"} == {"max_connections", "shared_preload_libraries"}
    assert found["max_connections"] == ("321", "pending-reboot")
    assert found["shared_preload_libraries"] == ("pg_stat_statements", "pending-reboot")


def test_parameters_are_sorted_and_unique() -> None:
    names = [p.name for p in parameters(Postgres())]
    assert names == sorted(set(names))


def test_timescaledb_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"RDS does not offer.*`timescale` component"):
        preload(("timescaledb",))
    with pytest.raises(ValueError, match="timescaledb"):
        parameters(odd(preload_libraries=["pg_cron", "timescaledb"]))


def test_libraries_of_the_settings_are_loaded_beside_the_statistics() -> None:
    found = values(Postgres(preload_libraries=["pgaudit", "pg_cron"]))
    assert found["shared_preload_libraries"] == ("pg_stat_statements,pgaudit,pg_cron", "pending-reboot")


def test_a_blue_green_upgrade_needs_a_log_for_logical_replication() -> None:
    found = values(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN))
    assert found["rds.logical_replication"] == ("1", "pending-reboot")
    for other in (MajorUpgrade.REFUSE, MajorUpgrade.IN_PLACE):
        assert "rds.logical_replication" not in values(Postgres(major_upgrade=other))


def test_an_unknown_library_is_refused() -> None:
    with pytest.raises(ValueError, match="citus"):
        preload(("citus",))


@given(st.lists(st.sampled_from(sorted(PRELOADABLE)), max_size=6))
def test_pg_stat_statements_stays_first_and_nothing_comes_twice(libraries: list[str]) -> None:
    found = preload(tuple(libraries)).split(",")
    assert found[0] == "pg_stat_statements"
    assert len(found) == len(set(found))
    assert set(found) == {*libraries, "pg_stat_statements"}


@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_families(major: int) -> None:
    assert family(major) == f"postgres{major}"


@pytest.mark.parametrize("major", [9, 14, 19])
def test_an_unsupported_family_is_refused(major: int) -> None:
    with pytest.raises(ValueError, match=r"accepted: 15, 16, 17, 18"):
        family(major)
    assert refusals(odd(major=major)) != ()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (odd(storage_gb=399, iops=12_000), "iops AWS takes it from 400 GiB"),
        (odd(storage_gb=399, storage_throughput=500), "storageThroughput AWS takes it from 400 GiB"),
        (odd(storage_gb=400, storage_throughput=600), "set without postgres.iops"),
        (odd(storage_gb=400, iops=12_000, storage_throughput=3_001), "a quarter of postgres.iops = 12,000 (accepted: at most 3,000)"),
        (odd(instance_class="db.m4.xlarge"), "instanceClass is a previous generation"),
        (odd(instance_class="db.t2.large"), "instanceClass is a previous generation"),
        (odd(instance_class="db.z1d.large"), "not offered for PostgreSQL"),
        (odd(instance_class="db.c6gd.large"), "Multi-AZ clusters alone"),
        (odd(instance_class="db.serverless"), "Aurora's"),
        (odd(instance_class="db.x9.large"), "no family that RDS has for PostgreSQL"),
        (odd(instance_class="db.m77g.large"), "no family that RDS has for PostgreSQL"),
        (odd(instance_class="db.m7g.huge"), "not known"),
        (odd(instance_class="db.t4g.micro", max_connections=500), "maxConnections is more than the memory of db.t4g.micro carries, 225"),
        (odd(preload_libraries=["citus"]), "RDS preloads"),
        (odd(preload_libraries=["timescaledb"]), "RDS does not offer the library"),
        (odd(storage_gb=100, max_storage_gb=109), "110 or more"),
        (odd(storage_gb=100, max_storage_gb=50), "110 or more"),
        (odd(insights_days=30), "multiple of 31"),
        (odd(insights_days=744), "multiple of 31"),
        (odd(monitoring_seconds=20), "monitoringSeconds 20"),
        (odd(user="postgres"), "user `postgres`"),
        (odd(user="rdsadmin"), "user `rdsadmin`"),
        (odd(user="pg_admin"), "user `pg_admin`"),
        (odd(database="postgres"), "database `postgres`"),
    ],
)
def test_what_rds_refuses_is_refused_with_value_and_range(settings: Postgres, reason: str) -> None:
    found = refusals(settings)
    assert len(found) == 1
    assert reason in found[0]
    with pytest.raises(ValueError, match="postgres: "):
        check(settings)


def test_all_reasons_come_at_once() -> None:
    assert len(refusals(odd(storage_gb=100, max_storage_gb=100, iops=12_000, insights_days=8))) == 3


@given(st.integers(0, 1000))
def test_insights_days_are_a_week_months_or_two_years(days: int) -> None:
    accepted = days in {7, 731, *(31 * n for n in range(1, 24))}
    assert (refusals(odd(insights_days=days)) == ()) is accepted


@given(st.integers(20, 65_536), st.integers(20, 65_536))
def test_autoscaling_needs_ten_percent_of_room(storage: int, largest: int) -> None:
    assert (refusals(Postgres(storage_gb=storage, max_storage_gb=largest)) == ()) is (largest >= storage * 1.1)


def test_the_windows_do_not_meet() -> None:
    first, last = window(MAINTENANCE_WINDOW)
    start, end = BACKUP_WINDOW.split("-")
    assert 2 * 60 <= first < last <= 4 * 60, "seed: Sunday 02:00 to 04:00 UTC"
    assert last - first >= 30, "RDS wants half an hour at least"
    assert (start, end) == ("23:00", "23:30")


# --- what excludes each other -----------------------------------------------------------------------------------------------

ALONE = DatabaseProxy(enabled=False)


def blamed(settings: Postgres, *, second_region: bool = False) -> list[str]:
    return [f"{one.key}: {one.reason}" for one in conflicts(settings, second_region=second_region)]


def test_the_defaults_are_no_conflict_with_a_replica_in_the_second_region_either() -> None:
    assert blamed(Postgres(), second_region=True) == []


def test_managed_password_and_read_replica_exclude_each_other() -> None:
    [found] = blamed(Postgres(managed_password=True, replicas=2))
    assert found.startswith("managedPassword: excludes postgres.replicas = 2")
    assert blamed(Postgres(managed_password=True, replicas=0)) == []
    assert blamed(Postgres(managed_password=False, replicas=2)) == []


def test_managed_password_and_the_replica_in_the_second_region_exclude_each_other() -> None:
    [found] = blamed(Postgres(managed_password=True, replicas=0), second_region=True)
    assert "dr.postgresReplica" in found


def test_blue_green_and_managed_password_exclude_each_other() -> None:
    [found] = blamed(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, replicas=0, proxy=ALONE, managed_password=True))
    assert "passwords that Secrets Manager manages" in found


def test_blue_green_and_read_replica_exclude_each_other() -> None:
    [found] = blamed(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, replicas=1, proxy=ALONE))
    assert "postgres.replicas = 1" in found


def test_blue_green_and_the_replica_in_the_second_region_exclude_each_other() -> None:
    [found] = blamed(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, replicas=0, proxy=ALONE), second_region=True)
    assert "do not support replicas in another region" in found


def test_blue_green_and_the_proxy_exclude_each_other() -> None:
    [found] = blamed(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, replicas=0))
    assert "postgres.proxy.enabled" in found


def test_blue_green_alone_is_accepted_and_an_upgrade_in_place_with_everything() -> None:
    assert refusals(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, replicas=0, proxy=ALONE)) == ()
    assert refusals(Postgres(major_upgrade=MajorUpgrade.IN_PLACE, replicas=3), second_region=True) == ()


def test_conflicts_are_refused_with_everything_else() -> None:
    with pytest.raises(ValueError, match="passwords that Secrets Manager manages"):
        check(Postgres(major_upgrade=MajorUpgrade.BLUE_GREEN, managed_password=True, replicas=0, proxy=ALONE))
    with pytest.raises(ValueError, match=r"dr\.postgresReplica"):
        check(Postgres(managed_password=True, replicas=0), second_region=True)


# --- memory -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("instance_class", "most"), [("db.t4g.micro", 225), ("db.t4g.medium", 901), ("db.m7g.xlarge", 3604)])
def test_connections_that_the_memory_carries(instance_class: str, most: int) -> None:
    """1, 4 and 16 GiB; RDS's own defaults are half of these."""
    assert most_connections(instance_class) == most
    assert refusals(odd(instance_class=instance_class, max_connections=most)) == ()
    assert len(refusals(odd(instance_class=instance_class, max_connections=most + 1))) == 1


# --- the proxy --------------------------------------------------------------------------------------------------------------


def test_the_defaults_give_the_proxy_room_for_two_versions_of_the_backend() -> None:
    pool = proxy_pool(Demand(min_tasks=2, max_tasks=10, pool_min=10, pool_max=20), 500)
    assert (pool.most_percent, pool.idle_percent) == (80, 4)
    assert pool.most(500) == 400


@given(st.integers(1, 100), st.integers(1, 400), st.integers(10, 100), st.integers(10, 100), st.integers(100, 8_388))
def test_the_pool_is_one_that_rds_accepts_and_leaves_the_others_theirs(fewest: int, more: int, low: int, high: int, limit: int) -> None:
    demand = Demand(min_tasks=fewest, max_tasks=fewest + more, pool_min=min(low, high), pool_max=max(low, high))
    pool = proxy_pool(demand, limit)
    assert 1 <= pool.most_percent <= 100
    assert 0 <= pool.idle_percent <= pool.most_percent
    assert limit - pool.most(limit) >= CONNECTIONS_KEPT
    wanted = 2 * demand.max_tasks * demand.pool_max
    if wanted <= limit - CONNECTIONS_KEPT - limit / 100:
        assert pool.most(limit) >= wanted - limit / 100, "whole percents cost at most one of them"


def test_a_server_without_connections_to_spare_has_no_pool() -> None:
    with pytest.raises(ValueError, match="leaves the proxy nothing"):
        proxy_pool(Demand(1, 1, 10, 10), CONNECTIONS_KEPT)


def test_a_task_may_log_in_as_one_user_of_one_proxy_and_nothing_else() -> None:
    arn = connect_arn(resource_id="prx-0abc", region="us-east-1", account_id="123456789012")
    assert arn == f"arn:aws:rds-db:us-east-1:123456789012:dbuser:prx-0abc/{PROXY_USER}"
    [only] = json.loads(connect_policy(arn))["Statement"]
    assert (only["Effect"], only["Action"], only["Resource"]) == ("Allow", "rds-db:connect", arn)


def test_the_proxy_may_log_in_as_one_user_and_read_one_secret_through_secrets_manager() -> None:
    document = json.loads(proxy_policy(database_arn="db-arn", secret_arn="secret-arn", secret_key_arn="key-arn", region="us-east-1"))
    found = {one["Sid"]: one for one in document["Statement"]}
    assert (found["Database"]["Action"], found["Database"]["Resource"]) == ("rds-db:connect", "db-arn")
    assert found["Secret"]["Resource"] == "secret-arn"
    assert found["SecretKey"]["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    assert "*" not in json.dumps(document)
