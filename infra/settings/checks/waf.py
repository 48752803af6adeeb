"""The web application firewall: addresses, limits, capacity, and what production must have."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from infra.plan.waf import INCLUDED_CAPACITY, MOST_CAPACITY, capacity, table
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import Environment
from infra.settings.problems import Path
from infra.settings.root import Settings

_STEP = 500


def firewall_networks(settings: Settings) -> Iterator[Finding]:
    """The firewall's networks are public, named once, and a network that is let in does not lie in one that is refused."""
    waf = settings.edge.waf
    blocked = [IPv4Network(text) for text in waf.blocked_networks]
    for key, texts in (("blockedNetworks", waf.blocked_networks), ("allowedNetworks", waf.allowed_networks)):
        for position, text in enumerate(texts):
            path: Path = ("edge", "waf", key, position)
            network = IPv4Network(text)
            if network.prefixlen == 0:
                yield Finding(path, "is the whole internet, which WAF takes in no list", "/1 to /32", REMOVE)
            elif not network.is_global:
                yield Finding(path, "is not public: no client of CloudFront has such an address", "public networks", REMOVE)
            elif text in texts[:position]:
                yield Finding(path, "is named twice", "each network once", REMOVE, ((*path[:-1], texts.index(text)),))
            elif key == "allowedNetworks":
                for refused, other in enumerate(blocked):
                    if network.subnet_of(other):
                        why = f"lies in edge.waf.blockedNetworks[{refused}] = {other}, which is looked at first: it is never let in"
                        yield Finding(path, why, "networks outside those that are refused", REMOVE, (("edge", "waf", "blockedNetworks"),))
                        break


def firewall_paths(settings: Settings) -> Iterator[Finding]:
    """Each path has one rate limit of its own, and uploads are named once."""
    waf = settings.edge.waf
    known = {
        waf.login_path: "login",
        waf.limits.orders.path: "orders",
        waf.limits.market_data.path: "marketData",
        waf.limits.websockets.path: "websockets",
    }
    for path in waf.path_limits:
        if path in known:
            why = f"has a limit of its own already, edge.waf.limits.{known[path]}"
            yield Finding(("edge", "waf", "pathLimits", path), why, "other paths", REMOVE, (("edge", "waf", "limits"),))
    for position, path in enumerate(waf.upload_paths):
        if path in waf.upload_paths[:position]:
            first: Path = ("edge", "waf", "uploadPaths", waf.upload_paths.index(path))
            yield Finding(("edge", "waf", "uploadPaths", position), "is named twice", "each path once", REMOVE, (first,))


def firewall_capacity(settings: Settings) -> Iterator[Finding]:
    """The firewall's rules weigh no more than `edge.waf.capacity`: above 1,500 WCU AWS charges for each request."""
    waf = settings.edge.waf
    weighs = max(capacity(table(waf, "CLOUDFRONT")), capacity(table(waf, "REGIONAL")))
    if weighs <= waf.capacity:
        return
    need = INCLUDED_CAPACITY + -(-(weighs - INCLUDED_CAPACITY) // _STEP) * _STEP
    parts = (("edge", "waf", "pathLimits"), ("edge", "waf", "uploadPaths"), ("edge", "waf", "botControl"))
    yield Finding(
        ("edge", "waf", "capacity"),
        f"is {waf.capacity:,} WCU, but the rules that the settings ask for weigh up to {weighs:,}; AWS charges for more than {INCLUDED_CAPACITY:,}",
        f"{weighs:,} to {MOST_CAPACITY:,}, or fewer of pathLimits and uploadPaths",
        need,
        parts,
    )


def account_takeover(settings: Settings) -> Iterator[Finding]:
    """Production watches its login form for stolen credentials, and the fields are named as the form is sent."""
    takeover = settings.edge.waf.account_takeover
    if settings.platform.environment is Environment.PROD and not takeover.enabled:
        yield Finding(
            ("edge", "waf", "accountTakeover", "enabled"),
            "does not do for production: the lockout after five failures stops guessing at one account, not one guess at each of many",
            "true",
            True,
        )
    for key, value, good in (
        ("usernameField", takeover.username_field, "username"),
        ("passwordField", takeover.password_field, "password"),
    ):
        pointer = takeover.payload == "JSON"
        if pointer != value.startswith("/"):
            what = "a JSON pointer, which starts with a slash" if pointer else "a form field's name, without a slash"
            path: Path = ("edge", "waf", "accountTakeover", key)
            yield Finding(
                path,
                f"is not {what}; edge.waf.accountTakeover.payload = {takeover.payload.value}",
                what,
                f"/{value}" if pointer else good,
                (("edge", "waf", "accountTakeover", "payload"),),
            )
