"""What CloudFront may cache: market data that is listed, static files, and nothing that may be one user's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.caching import ASSET_SECONDS, DEFAULT, Kind, behaviour_of, behaviours, durations, refusal
from tests.conftest import ROOT

PUBLIC = [
    "/api/market/instruments",
    "/api/market/candles",
    "/api/market/*",
    "/api/market/candles/*",
    "/api/v2/market/order-book",
    "/api/fx.rates",
]
SHARED = st.dictionaries(st.sampled_from(PUBLIC), st.integers(1, 86_400), max_size=6)
SEGMENT = st.text("abcXYZ019._-%?*", min_size=1, max_size=8)
PATHS = st.lists(st.sampled_from(["api", "ws", "assets", "market", "candles", "orders", "maintenance.html"]) | SEGMENT, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@given(SHARED, PATHS)
def test_a_path_is_cached_only_as_it_is_listed(shared: dict[str, int], path: str) -> None:
    found = behaviour_of(path, behaviours(shared))
    listed = [pattern for pattern in shared if path == pattern or (pattern.endswith("/*") and path.startswith(pattern[:-1]))]
    if listed:
        assert (found.kind, found.seconds) == (Kind.SHARED, shared[found.pattern])
        assert path in shared or len(found.pattern) == max(map(len, listed)), "the most exact pattern wins"
        assert found.pattern == path if path in shared else True
    elif path.startswith("/assets/") or path == "/maintenance.html":
        assert (found.kind, found.seconds) == (Kind.STATIC, ASSET_SECONDS)
    else:
        assert (found.kind, found.seconds) == (Kind.LIVE, 0)


@given(SHARED)
def test_the_order_does_not_depend_on_how_it_is_written(shared: dict[str, int]) -> None:
    table = behaviours(shared)
    assert table == behaviours(dict(reversed(shared.items())))
    assert [one.pattern for one in table[-5:]] == ["/api/*", "/ws/*", "/assets/*", "/maintenance.html", DEFAULT]
    assert durations(table) == tuple(sorted(set(shared.values())))
    assert len({one.pattern for one in table}) == len(table)


def test_upper_and_lower_case_differ_and_brackets_are_plain() -> None:
    table = behaviours({"/api/market/*": 5})
    assert behaviour_of("/api/market/x", table).kind is Kind.SHARED
    assert behaviour_of("/API/market/x", table).pattern == DEFAULT
    assert behaviour_of("/api/market", table).pattern == "/api/*"
    with pytest.raises(LookupError, match="/x"):
        behaviour_of("/x", table[:-1])


@pytest.mark.parametrize("pattern", PUBLIC)
def test_market_data_may_be_cached(pattern: str) -> None:
    assert refusal(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("/api/*", "plain segments"),
        ("/*", "plain segments"),
        ("*", "plain segments"),
        ("/ws/prices", "plain segments"),
        ("/market/candles", "plain segments"),
        ("/api/market/*/candles", "plain segments"),
        ("/api/market/can*", "plain segments"),
        ("/api/market/?", "plain segments"),
        ("/api/market/", "plain segments"),
        ("/api/../ws", "plain segments"),
        ("/api/mar%6bet", "plain segments"),
        ("/api/market//x", "plain segments"),
        ("/api/" + "a" * 251, "255 characters"),
        ("/api/orders", "(orders)"),
        ("/api/market/My-Positions", "(positions)"),
        ("/api/account/*", "(account)"),
        ("/api/v1/users/me", "(me, users)"),
        ("/api/auth.session", "(auth, session)"),
    ],
)
def test_what_may_be_somebodys_is_refused(pattern: str, told: str) -> None:
    found = refusal(pattern)
    assert found is not None
    assert told in found
    with pytest.raises(ValueError, match="cached path"):
        behaviours({pattern: 60})


@pytest.mark.parametrize(
    ("shared", "told"),
    [
        ({"/api/market/x": 0}, "1 to 86400"),
        ({"/api/market/x": 86_401}, "1 to 86400"),
        ({f"/api/market/x{n}": 1 for n in range(11)}, "at most 10"),
    ],
)
def test_quotas_and_durations(shared: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        behaviours(shared)


def test_only_pages_route_deep_links_and_nothing_live_is_kept() -> None:
    table = behaviours({"/api/market/instruments": 300})
    assert [one.pattern for one in table if one.pages] == [DEFAULT]
    assert {one.seconds for one in table if one.kind is Kind.LIVE} == {0}
    assert {one.pattern for one in table if not one.redirect} == {"/api/market/instruments", "/api/*", "/ws/*"}


def test_the_page_lists_the_table() -> None:
    """docs/edge-cdn-waf.md against the table."""
    rows = [
        f"| `{one.pattern}` | {'bucket' if one.kind is Kind.STATIC else 'load balancer'} | {f'{one.seconds:,} s' if one.seconds else 'never'} "
        f"| {'redirected' if one.redirect else 'refused'} | {one.why} |"
        for one in behaviours({})
    ]
    page = (ROOT / "docs" / "edge-cdn-waf.md").read_text(encoding="utf-8")
    found = [line for line in page.splitlines() if line.startswith(("| `/", "| `*"))]
    assert found == rows
