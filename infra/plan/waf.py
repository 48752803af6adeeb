"""The web application firewall's rules as data: which rule stands at which end, in which order, and what it weighs.

Addresses are looked at where CloudFront sees the client, and nowhere else: behind CloudFront every client has one of Amazon's addresses,
and the header that names the client can be forged. So rate limits, address lists and what AWS knows of addresses stand at CLOUDFRONT alone,
and the load balancer's firewall looks at content only (PFC-057, PFC-075, PFC-194, OTE-033, DTO-049, DTO-063).

The order: addresses that we refuse; content, for everybody; addresses that we trust, which skip the rest but never the look at content;
rate limits; addresses that AWS knows; last what AWS charges for by request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal

from infra.settings.edge import BotControl, Payload, Waf

Scope = Literal["REGIONAL", "CLOUDFRONT"]

INCLUDED_CAPACITY: Final = 1_500
"""Web ACL capacity units (WCU) whose inspection is in the price of a request; each 500 more cost extra (AWS)."""
MOST_CAPACITY: Final = 5_000
"""WCU that a web ACL can hold (AWS)."""
OWN_BODY: Final = "SizeRestrictions_BODY"
"""The rule of AWS's common group that refuses bodies above 8 KB, whatever the firewall is told to inspect."""
OWN_BODY_LABEL: Final = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"
SECRET_HEADERS: Final = ("authorization", "cookie", "x-api-key")
"""Headers that are credentials: never written to a log."""
PAGES_OUTSIDE: Final = ("/api/", "/assets/", "/health", "/ws/")
"""Where bot control does not look: programs are welcome there, and each look costs money."""
LOGIN_SUCCESS: Final = (200, 204)
LOGIN_FAILURE: Final = (401, 403)
"""Status codes by which the account-takeover rules tell a failed login from a good one."""
TRANSFORMATIONS: Final = ("URL_DECODE", "NORMALIZE_PATH")
"""What is undone before a path is compared, so that `/api/%6frders` and `/api/x/../orders` are `/api/orders`."""

_TRANSFORMATION_WCU, _MATCH_WCU, _LABEL_WCU, _SET_WCU, _RATE_WCU = 10, 2, 1, 1, 2
_GROUP_WCU: Final = {
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50,
    "AWSManagedRulesATPRuleSet": 50,
    "AWSManagedRulesBotControlRuleSet": 50,
}
"""What AWS documents for its groups."""


@dataclass(frozen=True, kw_only=True)
class PathMatch:
    """Requests under a path."""

    prefix: str
    normalised: bool = True
    """Whether encodings and detours are undone first."""

    @property
    def wcu(self) -> int:
        """What it weighs, without what AWS saves where rules share a transformation."""
        return _MATCH_WCU + (_TRANSFORMATION_WCU * len(TRANSFORMATIONS) if self.normalised else 0)


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """One rule of a web ACL."""

    name: str
    priority: int
    why: str

    @property
    @abstractmethod
    def wcu(self) -> int:
        """What it weighs at most, in web ACL capacity units."""


class Listed(StrEnum):
    """What happens to the addresses of a list."""

    BLOCKED = "blocked"
    ALLOWED = "allowed"


@dataclass(frozen=True, kw_only=True)
class AddressRule(Rule):
    """Refuses or admits the addresses of a list."""

    listed: Listed
    networks: tuple[str, ...]

    @property
    def wcu(self) -> int:
        """An address list weighs one unit."""
        return _SET_WCU


@dataclass(frozen=True, kw_only=True)
class GroupRule(Rule):
    """A group of rules that AWS maintains, in the version that AWS makes the default."""

    counted: tuple[str, ...] = ()
    """Its rules that count and do not block."""
    outside: tuple[PathMatch, ...] = ()
    """Paths that the group is kept away from."""

    @property
    def wcu(self) -> int:
        """What AWS documents for the group, and the paths it is kept from."""
        return _GROUP_WCU[self.name] + sum(match.wcu for match in self.outside)


@dataclass(frozen=True, kw_only=True)
class TakeoverRule(GroupRule):
    """AWS's rules against stolen credentials, on one login form."""

    login_path: str
    payload: Payload
    username_field: str
    password_field: str


@dataclass(frozen=True, kw_only=True)
class BotRule(GroupRule):
    """AWS's bot control."""

    level: Literal["COMMON", "TARGETED"]


@dataclass(frozen=True, kw_only=True)
class RateRule(Rule):
    """Requests that one address may send in a time."""

    requests: int
    seconds: int
    """60, 120, 300 or 600 (AWS)."""
    path: PathMatch | None = None
    methods: tuple[str, ...] = ()
    """Of which methods; none is all."""

    @property
    def wcu(self) -> int:
        """The limit, its path and its methods."""
        return _RATE_WCU + (self.path.wcu if self.path else 0) + _MATCH_WCU * len(self.methods)


@dataclass(frozen=True, kw_only=True)
class BodyRule(Rule):
    """Refuses bodies above 8 KB everywhere but under the paths of uploads, by the label that AWS's own rule leaves."""

    uploads: tuple[PathMatch, ...] = field(default=())

    @property
    def wcu(self) -> int:
        """The label and the paths."""
        return _LABEL_WCU + sum(match.wcu for match in self.uploads)


def table(settings: Waf, scope: Scope) -> tuple[Rule, ...]:
    """The rules of one end, in the order of their priorities."""
    edge = scope == "CLOUDFRONT"
    rules: list[Rule] = []
    if edge and settings.blocked_networks:
        rules.append(
            AddressRule(
                name="blocked-addresses",
                priority=1,
                listed=Listed.BLOCKED,
                networks=tuple(sorted(settings.blocked_networks)),
                why="addresses that we refuse",
            )
        )
    rules += _content(settings)
    if edge:
        rules += _addresses(settings)
        rules += _paid(settings)
    return tuple(rules)


def _content(settings: Waf) -> list[Rule]:
    uploads = tuple(PathMatch(prefix=path) for path in sorted(settings.upload_paths))
    rules: list[Rule] = [
        GroupRule(
            name="AWSManagedRulesCommonRuleSet",
            priority=10,
            counted=(OWN_BODY,) if uploads else (),
            why="what attacks on web applications have in common",
        ),
        GroupRule(name="AWSManagedRulesKnownBadInputsRuleSet", priority=11, why="inputs that are known to exploit something"),
        GroupRule(name="AWSManagedRulesSQLiRuleSet", priority=12, why="SQL in parameters, bodies and cookies"),
    ]
    if uploads:
        rules.append(BodyRule(name="large-bodies", priority=13, uploads=uploads, why="bodies above 8 KB outside the paths of uploads"))
    return rules


def _addresses(settings: Waf) -> list[Rule]:
    limits = settings.limits
    rules: list[Rule] = []
    if settings.allowed_networks:
        rules.append(
            AddressRule(
                name="allowed-addresses",
                priority=20,
                listed=Listed.ALLOWED,
                networks=tuple(sorted(settings.allowed_networks)),
                why="addresses that we trust: no rate limit, no look at the address",
            )
        )
    rules.append(
        RateRule(
            name="rate-limit", priority=30, requests=settings.requests_per_five_minutes, seconds=300, why="all requests of one address"
        )
    )
    for offset, (name, path, limit, methods, why) in enumerate(
        (
            (
                "login",
                settings.login_path,
                limits.login,
                ("POST",),
                "attempts to log in; the lockout after five belongs to the application",
            ),
            ("orders", limits.orders.path, limits.orders, ("POST",), "new orders; cancelling is never counted here"),
            ("market-data", limits.market_data.path, limits.market_data, (), "market data"),
            ("websockets", limits.websockets.path, limits.websockets, (), "new WebSocket connections"),
        ),
        start=31,
    ):
        rules.append(
            RateRule(
                name=f"rate-limit-{name}",
                priority=offset,
                requests=limit.requests,
                seconds=limit.window_seconds,
                path=PathMatch(prefix=path),
                methods=methods,
                why=why,
            )
        )
    for offset, (path, requests) in enumerate(sorted(settings.path_limits.items()), start=35):
        rules.append(
            RateRule(
                # The path, not its place in the list: another path must not rename this one's metric.
                name=f"rate-limit-path-{sha256(path.encode()).hexdigest()[:8]}",
                priority=offset,
                requests=requests,
                seconds=300,
                path=PathMatch(prefix=path),
                why=f"requests under {path}",
            )
        )
    rules += [
        GroupRule(name="AWSManagedRulesAmazonIpReputationList", priority=60, why="addresses that Amazon knows for attacks"),
        GroupRule(
            name="AWSManagedRulesAnonymousIpList",
            priority=61,
            # People trade from rented servers too, so an address of a cloud is no reason to refuse.
            counted=("HostingProviderIPList",),
            why="addresses that hide the client: proxies and Tor; rented servers are counted only",
        ),
    ]
    return rules


def _paid(settings: Waf) -> list[Rule]:
    rules: list[Rule] = []
    takeover = settings.account_takeover
    if takeover.enabled:
        rules.append(
            TakeoverRule(
                name="AWSManagedRulesATPRuleSet",
                priority=70,
                login_path=settings.login_path,
                payload=takeover.payload,
                username_field=takeover.username_field,
                password_field=takeover.password_field,
                why="stolen credentials, and failed logins of one address or session",
            )
        )
    if settings.bot_control is not BotControl.OFF:
        rules.append(
            BotRule(
                name="AWSManagedRulesBotControlRuleSet",
                priority=71,
                level="TARGETED" if settings.bot_control is BotControl.TARGETED else "COMMON",
                # Not normalised: an address that hides in an encoding is looked at, which is the safe side.
                outside=tuple(PathMatch(prefix=prefix, normalised=False) for prefix in PAGES_OUTSIDE),
                why="programs that pose as people, on pages alone",
            )
        )
    return rules


def capacity(rules: Sequence[Rule]) -> int:
    """Upper bound of what the rules weigh, in WCU. AWS counts a transformation that rules share only once, so its own number may be less."""
    return sum(rule.wcu for rule in rules)
