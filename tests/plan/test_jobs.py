"""One-off jobs as data: expressions, documents, and the settings that production must have."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import environment
from infra.plan.flows import Role, flows
from infra.plan.jobs import daily, facts, failures_pattern, reconciles
from infra.plan.nacls import HOME, every_flow
from infra.plan.rules import check
from infra.plan.secrets import inventory, references
from infra.settings.checks import findings
from infra.settings.jobs import TimeZone
from nautilus.sandbox.simulation.rules.operations import schedule_problem
from tests.conftest import changed, stack

ADDRESSES = {"postgres": "db", "postgres-reader": "reader", "cache": "cache", "postgres-proxy": "proxy", "timescale": "ts"}


@given(st.times())
def test_a_time_of_day_is_an_expression_that_aws_takes(at: Any) -> None:
    made = daily(f"{at:%H:%M}")
    assert schedule_problem(made) is None
    assert made == f"cron({at.minute} {at.hour} * * ? *)"


@pytest.mark.parametrize("text", ["", "24:00", "12", "12:60", "ab:cd", "-1:00", "12:00:00"])
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        daily(text)


def test_documents_are_canonical() -> None:
    pattern = failures_pattern(cluster_arn="c", family_arn="f", container="n")
    assert pattern == json.dumps(json.loads(pattern), sort_keys=True, separators=(",", ":"))
    given: dict[str, Any] = {"cluster": "c", "task_definition": "t", "container": "n", "command": ["x"], "subnets": ["b", "a"]}
    made = json.loads(facts(**given, group="g", log_group="l", more={"service": "backend"}))
    assert (made["subnets"], made["service"]) == (["b", "a"], "backend")


def test_a_jobs_facts_fit_a_parameter_with_the_others() -> None:
    """The stack publishes its output `jobs` as one parameter of the standard tier, 4,096 bytes."""
    one = facts(
        cluster="nautilus-staging-cluster",
        task_definition="arn:aws:ecs:ap-northeast-1:123456789012:task-definition/nautilus-staging-reconciliation:12345",
        container="reconciliation",
        command=["python3", "/opt/nautilus/migrations"],
        subnets=[f"subnet-0a1b2c3d4e5f6071{n}" for n in range(6)],
        group="sg-0a1b2c3d4e5f60718",
        log_group="/nautilus/staging/reconciliation",
        more={"service": "backend", "database": "nautilus-staging-postgres", "dryRunHours": 24, "restorePointMinutes": 15},
    )
    assert len(json.dumps({"migrations": one, "reconciliation": one})) < 4096


def test_without_an_engine_nothing_is_reconciled() -> None:
    assert reconciles(stack("paper"))
    off = changed("paper", services={"engine": {"enabled": False}})
    assert not reconciles(off)
    assert not reconciles(changed("paper", jobs={"reconciliation": {"enabled": False}}))


class TestWays:
    def test_migrations_reach_both_databases_and_no_proxy_cache_or_world(self) -> None:
        table = flows(gateway_port=4004, timescale=True, interface_endpoints=True, s3_endpoint=True, proxy=True, migrations=True)
        check(table)
        assert {(flow.target, flow.port) for flow in table if flow.source is Role.MIGRATIONS} == {
            (Role.POSTGRES, 5432),
            (Role.TIMESCALE, 5432),
            (Role.ENDPOINTS, 443),
            (Role.S3, 443),
        }

    def test_reconciliation_never_reaches_the_gateway(self) -> None:
        """The path to the broker belongs to the holder of the lease alone."""
        table = flows(gateway_port=4004, timescale=True, interface_endpoints=True, s3_endpoint=True, reconciliation=True)
        check(table)
        assert {(flow.target, flow.port) for flow in table if flow.source is Role.RECONCILIATION} == {
            (Role.POSTGRES, 5432),
            (Role.INTERNET, 443),
            (Role.ENDPOINTS, 443),
            (Role.S3, 443),
        }

    def test_nobody_connects_to_a_job(self) -> None:
        table = flows(gateway_port=4004, timescale=True, interface_endpoints=True, s3_endpoint=True, migrations=True, reconciliation=True)
        assert not [flow for flow in table if flow.target in (Role.MIGRATIONS, Role.RECONCILIATION)]

    def test_the_acls_need_no_other_port(self) -> None:
        more = flows(gateway_port=4004, timescale=True, interface_endpoints=True, s3_endpoint=True, migrations=True, reconciliation=True)
        borders = {(HOME.get(flow.source), HOME.get(flow.target), flow.ports) for flow in every_flow()}
        assert {(HOME.get(flow.source), HOME.get(flow.target), flow.ports) for flow in more} <= borders

    def test_without_them_the_table_is_what_it_was(self) -> None:
        table = flows(gateway_port=4004, timescale=True, interface_endpoints=False, s3_endpoint=False)
        assert not {flow.source for flow in table} & {Role.MIGRATIONS, Role.RECONCILIATION}


class TestSecrets:
    def test_migrations_log_in_as_the_application_even_behind_a_proxy(self) -> None:
        """Its two users are the owner's in every session: who else could alter the tables."""
        specs = inventory(stack("prod").trading, proxy=True, migrations=True)
        assert references(specs, Role.MIGRATIONS) == {
            "DATABASE_USER": ("database-app-login", "username"),
            "DATABASE_PASSWORD": ("database-app-login", "password"),
            "TIMESCALE_PASSWORD": ("timescale-market-password", None),
        }
        assert "database-app-login" not in {name for name, _ in references(specs, Role.BACKEND).values()}

    def test_reconciliation_reads_no_broker_login(self) -> None:
        specs = inventory(stack("prod").trading, reconciliation=True)
        read = {name for name, _ in references(specs, Role.RECONCILIATION).values()}
        assert {"database-app-login", "ib-flex-token", "binance-api-key"} <= read
        assert not read & {"ib-username", "ib-password", "jwt-signing-key", "cache-engine-password"}

    def test_without_them_the_inventory_is_what_it_was(self) -> None:
        specs = inventory(stack("prod").trading)
        assert "ib-flex-token" not in {spec.name for spec in specs}
        assert not references(specs, Role.MIGRATIONS) | references(specs, Role.RECONCILIATION)


class TestEnvironment:
    def test_migrations_go_past_the_proxy_with_the_authority_to_trust(self) -> None:
        made = environment.migrations(stack("prod"), ADDRESSES, authority="PEM")
        assert (made["DATABASE_HOST"], made["DATABASE_AUTH"], made["DATABASE_SSLMODE"]) == ("db", "password", "verify-full")
        assert (made["DATABASE_CA"], made["TIMESCALE_HOST"], made["MIGRATIONS_LOCK_SECONDS"]) == ("PEM", "ts", "5")

    def test_without_timescale_there_is_no_market(self) -> None:
        made = environment.migrations(changed("prod", timescale={"enabled": False}), ADDRESSES, authority="PEM")
        assert not [key for key in made if key.startswith("TIMESCALE")]

    def test_no_variable_is_both_plain_and_secret(self) -> None:
        specs = inventory(stack("prod").trading, proxy=True, migrations=True, reconciliation=True)
        plain = environment.migrations(stack("prod"), ADDRESSES, authority="PEM")
        assert not plain.keys() & references(specs, Role.MIGRATIONS).keys()
        assert not environment.reconciliation(stack("prod"), ADDRESSES).keys() & references(specs, Role.RECONCILIATION).keys()


def wrong(**jobs: Any) -> list[tuple[str, ...]]:
    name = "prod"
    return [tuple(map(str, one.path)) for one in findings(changed(name, jobs=jobs), name) if one.path[0] == "jobs"]


def test_production_has_both() -> None:
    own = stack("prod").jobs.model_dump()
    assert wrong(**own) == []
    assert wrong(migrations={**own["migrations"], "enabled": False}) == [("jobs", "migrations", "enabled")]
    assert wrong(reconciliation={**own["reconciliation"], "enabled": False}) == [("jobs", "reconciliation", "enabled")]


def test_sizes_are_fargates() -> None:
    own = stack("prod").jobs.model_dump()
    [found] = [
        one
        for one in findings(changed("prod", jobs={"migrations": {**own["migrations"], "memory": 8192}}), "prod")
        if one.path[0] == "jobs"
    ]
    assert (found.path, found.good) == (("jobs", "migrations", "memory"), 4096)


def test_zones_are_those_of_the_runtime() -> None:
    assert TimeZone is not None
    assert ZoneInfo(stack("prod").jobs.reconciliation.zone).key == "America/New_York"
