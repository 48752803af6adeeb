"""What RDS would refuse is refused before it is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.backup_calendar import window
from infra.plan.postgres import (
    BACKUP_WINDOW,
    MAINTENANCE_WINDOW,
    PRELOADABLE,
    check,
    family,
    parameters,
    preload,
    refusals,
)
from infra.settings.data import Postgres


def odd(**changes: object) -> Postgres:
    """Settings that the section's own bounds would not let through: the planner must hold without them."""
    return Postgres.model_construct(**{**Postgres().model_dump(), **changes})


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
        parameters(Postgres(), libraries=("pg_cron", "timescaledb"))


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
        (odd(storage_gb=399, iops=12_000), "from 400 GiB"),
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
