"""Every rule has a sound resource that passes and a change that it finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nautilus.sandbox.simulation.rules import all_rules
from nautilus.sandbox.simulation.types_table import Type
from nautilus.sandbox.simulation.values import UNKNOWN, Secret
from tests.simulation.rule_cases import BASE, CASES, ELSEWHERE, changed, every_unknown
from tests.simulation.support import check, findings, table, token


@pytest.mark.parametrize("short", sorted(BASE))
def test_a_sound_resource_passes(short: str) -> None:
    assert [str(one) for one in check(short, BASE[short]).failures] == []


@pytest.mark.parametrize("short", sorted(BASE))
def test_unknown_values_wait_for_up(short: str) -> None:
    """At preview a program may know nothing yet; that is no mistake."""
    found = check(short, every_unknown(short), preview=True).failures
    assert [str(one) for one in found] == []


@pytest.mark.parametrize("short", sorted(BASE))
def test_one_unknown_value_waits_for_up(short: str) -> None:
    for name in BASE[short]:
        found = check(short, BASE[short] | {name: UNKNOWN}, preview=True).failures
        assert [f"{name} unknown: {one}" for one in found] == []


def _junk(kind: Type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a type, sensible and not."""
    scalar = st.one_of(
        st.just(UNKNOWN),
        st.text(max_size=12),
        st.integers(-3, 100_000),
        st.booleans(),
        st.floats(-5, 5),
        st.sampled_from(["{}", "[]", "arn:aws:s3:::b"]),
    )
    match kind.kind:
        case "list" if kind.item is not None:
            return st.one_of(st.just(UNKNOWN), st.lists(_junk(kind.item, depth + 1), max_size=2))
        case "map" if kind.item is not None:
            return st.one_of(st.just(UNKNOWN), st.dictionaries(st.text(max_size=4), _junk(kind.item, depth + 1), max_size=2))
        case "object" if depth < 4:
            properties = table().input_object(kind.ref) or {}
            return st.one_of(
                st.just(UNKNOWN),
                st.fixed_dictionaries({}, optional={name: _junk(prop.type, depth + 1) for name, prop in list(properties.items())[:12]}),
            )
        case "object":
            return st.just(UNKNOWN)
        case _:
            return scalar


@pytest.mark.parametrize("short", [each for each in sorted(BASE) if each != "wafv2.WebAcl"])
def test_no_rule_trips_over_strange_values(short: str) -> None:
    row = table().resource(token(short))
    assert row is not None
    inputs = st.fixed_dictionaries({}, optional={name: _junk(prop.type) for name, prop in row.inputs.items()})

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def holds(values: dict[str, Any]) -> None:
        assert check(short, values, preview=True).trouble == []
        assert check(short, BASE[short] | values, preview=True).trouble == []

    holds()


@pytest.mark.parametrize(("rule", "short", "change", "path"), CASES, ids=[f"{rule}-{index}" for index, (rule, *_) in enumerate(CASES)])
def test_a_broken_rule_is_found(rule: str, short: str, change: dict[str, Any], path: str) -> None:
    name = change.get("__name", "it")
    result = check(short, changed(short, change), name=name)
    assert (rule, path) in {(one.rule, one.path) for one in result.failures}, [str(one) for one in result.failures]


def test_every_rule_has_an_example() -> None:
    covered = {rule for rule, *_ in CASES} | ELSEWHERE
    assert set(all_rules()) - covered == set()


def test_every_rule_says_where_aws_says_so() -> None:
    for rule, (source, _tokens) in all_rules().items():
        assert len(source.split()) >= 2, rule


def test_a_finding_names_value_and_range() -> None:
    result = check("lb.TargetGroup", changed("lb.TargetGroup", {"name": "nautilus-prod-backend-blue-target-group-x"}))
    reason = result.failures[0].reason
    assert "nautilus-prod-backend-blue-target-group-x" in reason
    assert "32" in reason
    assert "41 characters" in reason


def test_all_findings_come_at_once() -> None:
    found = findings("rds.Instance", changed("rds.Instance", {"identifier": "Main", "port": 1, "username": "admin", "iops": 5}))
    assert {path for _, path in found} == {"identifier", "port", "username", "iops"}


def test_a_finding_never_quotes_a_secret() -> None:
    for password in ("hunter2@hunter2", "short"):
        result = check("rds.Instance", changed("rds.Instance", {"password": Secret(password)}))
        assert result.failures
        assert all(password not in str(one) for one in result.failures)
    token = "abcdefgh@12345678"
    assert all(
        token not in str(one)
        for one in check("elasticache.ReplicationGroup", changed("elasticache.ReplicationGroup", {"authToken": token})).failures
    )
