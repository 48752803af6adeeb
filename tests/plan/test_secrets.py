"""The inventory of secrets: complete, well named, strong, and fit for whoever takes the value."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.flows import Role
from infra.plan.iam import secret_arn
from infra.plan.secrets import (
    APP_USERS,
    CACHE_TOKEN,
    DATABASE_PASSWORD,
    DATABASE_SPECIAL,
    ELASTICACHE_SPECIAL,
    RDS_FORBIDDEN,
    SIGNING_KEY,
    TIMESCALE_SECRETS,
    VALUE,
    Alphabet,
    Rotator,
    SecretKind,
    SecretSpec,
    Target,
    check_alphabet,
    inventory,
    read_by,
    references,
    value_from,
)
from infra.settings.workloads import Trading, TradingMode

GOOD = SecretSpec("fred-api-key", SecretKind.FILLED, "market-data", (Role.BACKEND,), "FRED_API_KEY", 30, "FRED")

SEED_004 = {
    "BINANCE_API_KEY",
    "BINANCE_API_SECRET",
    "COINBASE_API_KEY",
    "COINBASE_API_SECRET",
    "JWT_SECRET",
    "GRAFANA_PASSWORD",
    "PROMETHEUS_PASSWORD",
    "DATABASE_PASSWORD",
    "REDIS_PASSWORD",
}
SEED_002 = {"TRADIER_API_KEY", "YAHOO_FINANCE_API_KEY", "FRED_API_KEY", "QUIVER_QUANT_API_KEY"}


def test_everything_that_the_seeds_name_is_there() -> None:
    found = {variable for spec in inventory(Trading()) for variable in spec.variables}
    assert found >= SEED_004 | SEED_002 | {"TWS_USERID", "TWS_PASSWORD"}
    assert {spec.name for spec in inventory(Trading())} >= {"origin-header-value", "origin-header-previous"}


def test_names_and_variables_are_unique_and_sorted() -> None:
    specs = inventory(Trading())
    names = [spec.name for spec in specs]
    assert names == sorted(set(names))
    for role in Role:
        variables = [variable for spec in read_by(specs, role) for variable in spec.variables]
        assert len(variables) == len(set(variables)), f"two secrets fill the same variable of {role.value}"


def test_what_brokers_and_vendors_issue_is_never_generated() -> None:
    filled = {spec.name for spec in inventory(Trading()) if spec.kind is SecretKind.FILLED}
    assert filled == {
        "binance-api-key",
        "binance-api-secret-key",
        "coinbase-api-key",
        "coinbase-api-secret-key",
        "ib-username",
        "ib-password",
        "tradier-api-key",
        "yahoo-finance-api-key",
        "fred-api-key",
        "quiver-quant-api-key",
    }


def test_the_brokers_login_is_for_the_gateway_alone() -> None:
    assert {s.name for s in inventory(Trading()) if Role.IB_GATEWAY in s.consumers} == {"ib-username", "ib-password"}
    for spec in read_by(inventory(Trading()), Role.IB_GATEWAY):
        assert spec.consumers == (Role.IB_GATEWAY,)


def test_exchange_keys_are_for_the_engine_alone() -> None:
    for spec in inventory(Trading()):
        if spec.name.startswith(("binance", "coinbase")):
            assert spec.consumers == (Role.ENGINE,)


def test_a_paper_stack_asks_for_paper_keys_and_a_live_one_for_live_keys() -> None:
    live = Trading(mode=TradingMode.LIVE, acknowledge_live_trading="orders from this stack move real money")
    paper_text = {spec.name: spec.description for spec in inventory(Trading())}
    live_text = {spec.name: spec.description for spec in inventory(live)}
    assert "paper-trading" in paper_text["ib-username"]
    assert "live account" in live_text["ib-username"]
    assert "test-net" in paper_text["binance-api-key"]
    assert "live" in live_text["binance-api-key"]
    assert list(paper_text) == list(live_text), "the mode must never replace a secret"


def test_timescale_has_its_secrets_only_where_it_runs() -> None:
    with_it = {spec.name for spec in inventory(Trading())}
    without = {spec.name for spec in inventory(Trading(), timescale=False)}
    assert with_it - without == set(TIMESCALE_SECRETS)
    assert {s.name for s in read_by(inventory(Trading()), Role.TIMESCALE)} == set(TIMESCALE_SECRETS)
    assert {s.name for s in read_by(inventory(Trading()), Role.FRONTEND)} == set()


def test_generated_values_suit_those_who_take_them() -> None:
    assert not RDS_FORBIDDEN & set(DATABASE_PASSWORD.special)
    assert 8 <= DATABASE_PASSWORD.length <= 128
    assert set(CACHE_TOKEN.special) <= ELASTICACHE_SPECIAL
    assert 16 <= CACHE_TOKEN.length <= 128
    assert SIGNING_KEY.bits >= 256, "seed 004: a 256-bit JWT secret"
    # A connection URL carries these without escapes.
    assert re.fullmatch(r"[-_.~]*", DATABASE_PASSWORD.special)
    assert re.fullmatch(r"[-_.~]*", CACHE_TOKEN.special)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "Fred"}, "lower-case words"),
        ({"name": "fred_key"}, "lower-case words"),
        ({"name": "jwt-secret"}, "six characters"),
        ({"name": "origin-header"}, "six characters"),
        ({"env": "fred-key"}, "environment variable"),
        ({"rotation_days": 31}, "1 to 30"),
        ({"rotation_days": 0}, "1 to 30"),
        ({"alphabet": Alphabet(32)}, "belongs to a generated secret"),
        ({"kind": SecretKind.GENERATED}, "belongs to a generated secret"),
        ({"kind": SecretKind.GENERATED, "alphabet": Alphabet(12)}, "too few"),
    ],
)
def test_a_bad_spec_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(GOOD, **change)


MADE = SecretSpec("made-password", SecretKind.GENERATED, "x", (), "", 30, "x", Alphabet(48), Rotator.VALUE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rotator": Rotator.PERSON}, "people rotate what they fill"),
        ({"alphabet": Alphabet(48, "@"), "target": Target.RDS}, "`made-password`: RDS for PostgreSQL refuses '@'"),
        ({"alphabet": Alphabet(129), "target": Target.RDS}, "129 characters .accepted: 8 to 128"),
        ({"env": "A", "keys": {"B": "b"}, "template": {"b": VALUE}}, "not both"),
        ({"keys": {"B": "b"}, "template": {"c": VALUE}}, "first version lacks b"),
        ({"keys": {"B": "b"}, "template": {"b": "fixed"}}, "the value stands in it"),
        ({"keys": {"b": "b"}, "template": {"b": VALUE}}, "no environment variable from a JSON key"),
        ({"keys": {"B": "b.c"}, "template": {"b.c": VALUE}}, "no environment variable from a JSON key"),
    ],
)
def test_a_bad_generated_spec_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(MADE, **change)


def test_who_fills_is_a_person() -> None:
    with pytest.raises(ValueError, match="people rotate what they fill"):
        dataclasses.replace(GOOD, rotator=Rotator.VALUE)


@pytest.mark.parametrize("character", ["/", '"', "@", " ", "'", "é", "\n"])
def test_a_password_character_that_rds_refuses_is_refused_with_the_reason(character: str) -> None:
    with pytest.raises(ValueError, match=r"RDS for PostgreSQL refuses .* in a password"):
        check_alphabet(Alphabet(48, f"-{character}"), Target.RDS)
    with pytest.raises(ValueError, match="`database-password`: RDS for PostgreSQL refuses"):
        inventory(Trading(), password_special=character)


@pytest.mark.parametrize("character", sorted(set("_.~/@ %*+=?,;:|{}[]()'\"\\`") - ELASTICACHE_SPECIAL))
def test_a_character_that_elasticache_refuses_is_refused_with_the_reason(character: str) -> None:
    with pytest.raises(ValueError, match="ElastiCache refuses"):
        check_alphabet(Alphabet(64, character), Target.ELASTICACHE)
    for accepted in ELASTICACHE_SPECIAL:
        check_alphabet(Alphabet(64, accepted), Target.ELASTICACHE)


def test_a_header_is_no_pattern() -> None:
    for character in "*?-":
        with pytest.raises(ValueError, match="refuses"):
            check_alphabet(Alphabet(48, character), Target.HTTP_HEADER)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8))
def test_what_is_accepted_holds_nothing_that_is_refused(special: str) -> None:
    refused = set(special) & RDS_FORBIDDEN
    try:
        specs = inventory(Trading(), password_special=special)
    except ValueError:
        assert refused
    else:
        assert not refused
        assert {spec.alphabet.special for spec in specs if spec.alphabet and spec.target is Target.RDS} == {special}
        # A node of TimescaleDB writes its passwords into YAML: they keep to what it accepts.
        assert {spec.alphabet.special for spec in specs if spec.alphabet and spec.target is Target.POSTGRES} == {DATABASE_SPECIAL}


def test_json_secrets_start_with_all_their_parts() -> None:
    specs = {spec.name: spec for spec in inventory(Trading())}
    assert json.loads(specs["database-app-login"].first_version("drawn")) == {"username": APP_USERS[0], "password": "drawn"}
    assert json.loads(specs["jwt-signing-key"].first_version("drawn")) == {
        "current": "drawn",
        "previous": "",
        "previous_until": "1970-01-01T00:00:00Z",
    }
    assert specs["grafana-admin-password"].first_version("drawn") == "drawn"
    with pytest.raises(ValueError, match="an empty value"):
        specs["grafana-admin-password"].first_version("")


def test_containers_are_given_parts_by_reference() -> None:
    backend = references(inventory(Trading()), Role.BACKEND)
    assert backend["DATABASE_USER"] == ("database-app-login", "username")
    assert backend["DATABASE_PASSWORD"] == ("database-app-login", "password")
    assert backend["REDIS_PASSWORD"] == ("cache-backend-password", None)
    assert backend["JWT_SECRET_PREVIOUS"] == ("jwt-signing-key", "previous")
    engine = references(inventory(Trading(), proxy=True), Role.ENGINE)
    assert engine["REDIS_PASSWORD"] == ("cache-engine-password", None)
    assert "DATABASE_USER" in engine
    assert "DATABASE_USER" not in references(inventory(Trading(), proxy=True), Role.BACKEND)
    assert references(inventory(Trading()), Role.TIMESCALE)["TIMESCALE_PASSWORD"] == ("timescale-market-password", None)


def test_a_variable_has_one_source() -> None:
    again = dataclasses.replace(GOOD, name="fred-key-again")
    with pytest.raises(ValueError, match="both `fred-api-key` and `fred-key-again` fill FRED_API_KEY of backend"):
        references((GOOD, again), Role.BACKEND)


def test_references_are_as_ecs_reads_them() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/x-AbCdEf"
    assert value_from(arn, None) == arn
    assert value_from(arn, "password") == f"{arn}:password::"
    assert secret_arn(value_from(arn, "password")) == arn


@given(st.integers())
def test_rotation_is_bounded_by_the_seeds_thirty_days(days: int) -> None:
    if 1 <= days <= 30:
        assert {spec.rotation_days for spec in inventory(Trading(), rotation_days=days)} == {days}
    else:
        with pytest.raises(ValueError, match="1 to 30"):
            inventory(Trading(), rotation_days=days)


@given(st.integers(1, 200), st.text(alphabet="!#$-_.", max_size=6))
def test_longer_values_are_stronger(length: int, special: str) -> None:
    assert Alphabet(length + 1, special).bits > Alphabet(length, special).bits >= length * 5.9
