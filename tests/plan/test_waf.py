"""The firewall's rules as data: scopes, order, weight."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.waf import (
    AddressRule,
    BodyRule,
    BotRule,
    GroupRule,
    Listed,
    PathMatch,
    RateRule,
    TakeoverRule,
    capacity,
    table,
)
from infra.settings.edge import BotControl, Waf
from tests.conftest import ROOT

WINDOWS = (60, 120, 300, 600)
NETWORKS = st.lists(st.sampled_from(["198.51.100.0/24", "203.0.113.9/32", "8.8.8.0/24"]), unique=True)
PLACES = st.sampled_from(["/api/backtests", "/api/reports", "/api/strategies", "/api/v2/x"])
LIMIT = st.fixed_dictionaries({"requests": st.integers(10, 10**6), "windowSeconds": st.sampled_from(WINDOWS)})
SETTINGS = st.fixed_dictionaries(
    {
        "requestsPerFiveMinutes": st.integers(100, 10**6),
        "blockedNetworks": NETWORKS,
        "allowedNetworks": NETWORKS,
        "botControl": st.sampled_from(["off", "common", "targeted"]),
        "accountTakeover": st.fixed_dictionaries({"enabled": st.booleans()}),
        "uploadPaths": st.lists(PLACES, unique=True),
        "pathLimits": st.dictionaries(PLACES, st.integers(10, 10**6)),
        "limits": st.fixed_dictionaries(dict.fromkeys(("login", "orders", "marketData", "websockets"), LIMIT)),
    }
).map(Waf.model_validate)


@given(SETTINGS)
def test_addresses_are_looked_at_where_the_client_is_seen(settings: Waf) -> None:
    """Behind CloudFront every client has an address of Amazon's (AWS-RULES.md section 6)."""
    origin = table(settings, "REGIONAL")
    assert not [rule for rule in origin if isinstance(rule, AddressRule | RateRule | TakeoverRule | BotRule)]
    assert not {"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesAnonymousIpList"} & {rule.name for rule in origin}
    edge = table(settings, "CLOUDFRONT")
    assert {rule.name for rule in origin} <= {rule.name for rule in edge}, "what the origin looks at, the edge looks at first"
    assert len([rule for rule in edge if isinstance(rule, RateRule)]) == 5 + len(settings.path_limits)


@given(SETTINGS, st.sampled_from(["REGIONAL", "CLOUDFRONT"]))
def test_rules_are_unique_ordered_and_within_wafs_limits(settings: Waf, scope: Any) -> None:
    rules = table(settings, scope)
    priorities = [rule.priority for rule in rules]
    assert priorities == sorted(set(priorities))
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        if isinstance(rule, RateRule):
            assert rule.requests >= 10
            assert rule.seconds in WINDOWS
    assert 1_100 <= capacity(rules) <= 5_000
    assert rules == table(settings.model_copy(update={"upload_paths": settings.upload_paths[::-1]}), scope)


@given(SETTINGS)
def test_trust_never_skips_the_look_at_content(settings: Waf) -> None:
    rules = {rule.name: rule.priority for rule in table(settings, "CLOUDFRONT")}
    content = [rules[rule.name] for rule in table(settings, "REGIONAL")]
    allowed = rules.get("allowed-addresses")
    if allowed is not None:
        assert max(content) < allowed
        assert all(priority > allowed for name, priority in rules.items() if name.startswith("rate-limit"))
    if "blocked-addresses" in rules:
        assert rules["blocked-addresses"] == min(rules.values())


@given(SETTINGS)
def test_what_costs_money_for_each_request_comes_last(settings: Waf) -> None:
    rules = table(settings, "CLOUDFRONT")
    paid = [index for index, rule in enumerate(rules) if isinstance(rule, TakeoverRule | BotRule)]
    assert paid == list(range(len(rules) - len(paid), len(rules)))
    assert len(paid) == settings.account_takeover.enabled + (settings.bot_control != "off")


def test_what_the_defaults_weigh() -> None:
    """AWS: common 700, known bad inputs 200, SQL 200, reputation 25, anonymous 50, takeover 50; ours by the weights of their statements."""
    assert capacity(table(Waf(), "REGIONAL")) == 1_100
    assert capacity(table(Waf(), "CLOUDFRONT")) == 1_100 + 25 + 50 + 50 + 2 + 2 * 26 + 2 * 24


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        (AddressRule(name="x", priority=1, why="", listed=Listed.BLOCKED, networks=()), 1),
        (RateRule(name="x", priority=1, why="", requests=10, seconds=60), 2),
        (RateRule(name="x", priority=1, why="", requests=10, seconds=60, path=PathMatch(prefix="/x")), 2 + 2 + 20),
        (RateRule(name="x", priority=1, why="", requests=10, seconds=60, path=PathMatch(prefix="/x"), methods=("GET", "PUT")), 2 + 22 + 4),
        (BodyRule(name="x", priority=1, why="", uploads=(PathMatch(prefix="/x"),)), 1 + 22),
        (GroupRule(name="AWSManagedRulesSQLiRuleSet", priority=1, why="", outside=(PathMatch(prefix="/x", normalised=False),)), 202),
    ],
)
def test_what_rules_weigh(rule: Any, weight: int) -> None:
    assert rule.wcu == weight
    assert capacity([rule, rule]) == 2 * weight


def test_a_group_that_nobody_has_weighed_is_refused() -> None:
    with pytest.raises(KeyError, match="Unknown"):
        capacity([GroupRule(name="Unknown", priority=1, why="")])


def test_cancelling_an_order_is_never_limited_by_path() -> None:
    orders = next(rule for rule in table(Waf(), "CLOUDFRONT") if rule.name == "rate-limit-orders")
    assert isinstance(orders, RateRule)
    assert orders.methods == ("POST",)


def test_another_limited_path_renames_no_rule() -> None:
    def names(*paths: str) -> set[str]:
        settings = Waf.model_validate({"pathLimits": dict.fromkeys(paths, 10)})
        return {rule.name for rule in table(settings, "CLOUDFRONT")}

    assert names("/api/x") < names("/api/a", "/api/x")


def test_uploads_turn_awss_refusal_of_large_bodies_into_our_own() -> None:
    counted = {rule.name: rule.counted for rule in table(Waf(), "REGIONAL") if isinstance(rule, GroupRule)}
    assert counted["AWSManagedRulesCommonRuleSet"] == ()
    rules = table(Waf(upload_paths=["/api/backtests"]), "REGIONAL")
    counted = {rule.name: rule.counted for rule in rules if isinstance(rule, GroupRule)}
    assert counted["AWSManagedRulesCommonRuleSet"] == ("SizeRestrictions_BODY",)
    assert isinstance(rules[-1], BodyRule)


def test_the_page_lists_the_rules() -> None:
    """docs/edge-cdn-waf.md against the table, with everything on that a setting can turn on once."""
    settings = Waf(
        blocked_networks=["198.51.100.0/24"], allowed_networks=["203.0.113.9/32"], upload_paths=["/api/x"], bot_control=BotControl.COMMON
    )
    origin = {rule.name for rule in table(settings, "REGIONAL")}
    rows = [
        f"| {rule.priority} | `{rule.name}` | {'both' if rule.name in origin else 'CloudFront'} | {rule.wcu} | {rule.why} |"
        for rule in table(settings, "CLOUDFRONT")
    ]
    page = (ROOT / "docs" / "edge-cdn-waf.md").read_text(encoding="utf-8")
    found = [line for line in page.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
    assert found == rows
    default = table(Waf(), "CLOUDFRONT")
    assert f"their rules, {len(default)} and {len(table(Waf(), 'REGIONAL'))} by default | {len(default) + 3}.00 |" in page
