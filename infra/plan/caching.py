"""Which path of the site is cached how: one table, in the order in which CloudFront tries it.

Nothing that may belong to one user is ever cached. What a setting lists as market data is cached for everybody alike, and therefore asked
for without credentials: neither cookies nor `Authorization` reach the load balancer on those paths, so no answer can depend on who asks
(DTO-081, DTO-084, DTO-091). An answer that says `Cache-Control: private` or `no-store` is not kept even there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from infra.plan.maintenance import MAINTENANCE_PATH

ASSET_SECONDS: Final = 31_536_000
"""A year: how long edges and browsers keep a static file, whose name changes with its content (DTO-090, DTO-093)."""
DEFAULT: Final = "*"
"""Pattern of CloudFront's default behaviour."""
SHARED_PATHS: Final = 10
"""Most paths of market data. AWS: 20 cache policies an account, of which each duration needs one."""
PERSONAL: Final = frozenset(
    [
        "account",
        "accounts",
        "admin",
        "auth",
        "balance",
        "balances",
        "credentials",
        "execution",
        "executions",
        "fills",
        "key",
        "keys",
        "login",
        "logout",
        "me",
        "oauth",
        "order",
        "orders",
        "password",
        "pnl",
        "portfolio",
        "portfolios",
        "position",
        "positions",
        "profile",
        "risk",
        "session",
        "sessions",
        "settings",
        "strategies",
        "strategy",
        "token",
        "tokens",
        "user",
        "users",
        "wallet",
        "wallets",
        "withdraw",
        "withdrawals",
    ]
)
"""Words in a path that speak of one user, or of the desk's own trading: no such path is cached."""

_SHARED = re.compile(r"/api(/[A-Za-z0-9][A-Za-z0-9_.-]*)+(/\*)?")
_LONGEST = 255
"""Characters of a path pattern (CloudFront)."""


class Kind(StrEnum):
    """What CloudFront does with a path."""

    LIVE = "live"
    """Never cached; everything that the viewer sends goes to the load balancer."""
    SHARED = "shared"
    """Cached for everybody alike, by path and query; asked for without cookies and `Authorization`; read only."""
    STATIC = "static"
    """Files of the bucket, kept for long; read only."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A path pattern and what happens on it."""

    pattern: str
    kind: Kind
    why: str
    seconds: int = 0
    """Longest time in CloudFront's cache; 0 is never."""
    redirect: bool = False
    """Whether clear text is sent to HTTPS. Elsewhere it is refused: a redirect would lose the body of a program's request."""
    pages: bool = False
    """Whether deep links of the single-page application lead to its one page here."""


def refusal(pattern: str) -> str | None:
    """Why CloudFront must not cache `pattern`; None where it may."""
    if len(pattern) > _LONGEST:
        return f"is longer than CloudFront's {_LONGEST} characters"
    if not _SHARED.fullmatch(pattern):
        return "is not a path under /api/ of plain segments, of which only the last may be `*`"
    spelled = pattern.lower().replace("order-book", "orderbook")  # of the market, not of a user
    words = set(re.split(r"[/._-]", spelled))
    found = sorted(words & PERSONAL)
    return f"speaks of what belongs to somebody ({', '.join(found)}): one user's answer would be shown to others" if found else None


def behaviours(shared: Mapping[str, int]) -> tuple[Behaviour, ...]:
    """The table of a site that caches `shared` (pattern to seconds); the first match wins, the last entry is the default.

    Raises:
        ValueError: A pattern that must not be cached, more patterns than CloudFront's quotas allow, or seconds outside 1 to 86,400.
    """
    if len(shared) > SHARED_PATHS:
        raise ValueError(f"{len(shared)} cached paths; at most {SHARED_PATHS}")
    for pattern, seconds in shared.items():
        why = refusal(pattern)
        if why is not None:
            raise ValueError(f"cached path {pattern} {why}")
        if not 1 <= seconds <= 86_400:
            raise ValueError(f"cached path {pattern}: {seconds} seconds; 1 to 86400")
    # The most exact pattern first, so that a longer duration on a folder never hides a shorter one on a path inside it.
    ordered = sorted(shared, key=lambda pattern: (pattern.endswith("*"), -len(pattern), pattern))
    return (
        *(
            Behaviour(pattern=pattern, kind=Kind.SHARED, seconds=shared[pattern], why="market data, the same for everybody")
            for pattern in ordered
        ),
        Behaviour(pattern="/api/*", kind=Kind.LIVE, why="the API: answers belong to who asks"),
        Behaviour(pattern="/ws/*", kind=Kind.LIVE, why="WebSockets"),
        Behaviour(pattern="/assets/*", kind=Kind.STATIC, seconds=ASSET_SECONDS, redirect=True, why="files with a digest in their names"),
        Behaviour(
            pattern=MAINTENANCE_PATH, kind=Kind.STATIC, seconds=ASSET_SECONDS, redirect=True, why="the page says for how long itself"
        ),
        Behaviour(pattern=DEFAULT, kind=Kind.LIVE, redirect=True, pages=True, why="the application's page, which each release replaces"),
    )


def durations(table: Sequence[Behaviour]) -> tuple[int, ...]:
    """The different durations of shared paths: each needs a cache policy of its own."""
    return tuple(sorted({one.seconds for one in table if one.kind is Kind.SHARED}))


def behaviour_of(path: str, table: Sequence[Behaviour]) -> Behaviour:
    """What CloudFront does with `path`. In its patterns `*` stands for any characters, slashes too; upper and lower case differ.

    Raises:
        LookupError: The table has no default.
    """
    for one in table:
        if one.pattern == DEFAULT or fnmatchcase(path, one.pattern.replace("[", "[[]")):
            return one
    raise LookupError(f"no behaviour takes {path}")
