"""The way out: what is too wide to be a rule, what another rule covers already, and what a policy cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network
from itertools import combinations

from infra.plan.egress import POLICY_CAPACITY, DomainRule, emergency_problems, parse_address, parse_domain, policy_capacity, venue_ports
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.egress import EgressMode
from infra.settings.limits import EGRESS_REFUSED_PORTS, EGRESS_WIDEST, SHARED_SUFFIXES
from infra.settings.problems import Path
from infra.settings.root import Settings

_MOST_PORTS = 100
_MOST_RANGES = 10
"""Ranges of ports that the engine's security group opens to the outside; it takes 60 rules (VPC quota), and a list is none with more."""


def _lists(settings: Settings) -> Iterator[tuple[Path, Mapping[str, str], Mapping[str, str]]]:
    """The allow-list and the emergency list: where they stand, their domains, their addresses."""
    yield ("egress",), settings.egress.domains, settings.egress.addresses
    if settings.egress.emergency:
        yield ("egress", "emergency"), settings.egress.emergency.domains, settings.egress.emergency.addresses


def _shared(rule: DomainRule) -> str | None:
    """The suffix under which anybody can register a name, if the rule reaches there."""
    if not rule.below:
        return None
    for suffix in SHARED_SUFFIXES:
        if rule.name == suffix or suffix.endswith(f".{rule.name}"):
            return suffix
    return "amazonaws.com" if rule.name.endswith(".amazonaws.com") else None


def domains(settings: Settings) -> Iterator[Finding]:
    """Each domain of the way out belongs to one owner, is said once, and is not asked for DNS."""
    for where, names, _ in _lists(settings):
        rules = {key: parse_domain(key) for key in names}
        for key, rule in rules.items():
            path: Path = (*where, "domains", key)
            if suffix := _shared(rule):
                yield Finding(
                    path,
                    f"reaches everything below {suffix}, where anybody can have a name",
                    "a domain of one owner, or an exact name without the leading dot",
                    REMOVE,
                )
            if rule.port in EGRESS_REFUSED_PORTS:
                yield Finding(path, f"is port {rule.port}: {EGRESS_REFUSED_PORTS[rule.port]}", "another port", REMOVE)
        for (one, first), (other, second) in combinations(rules.items(), 2):
            for key, rule, by, cover in ((other, second, one, first), (one, first, other, second)):
                if cover.covers(rule):
                    yield Finding((*where, "domains", key), f"is covered by {by}", "each name once", REMOVE, ((*where, "domains", by),))
                    break


def addresses(settings: Settings) -> Iterator[Finding]:
    """Each network of the way out is public, narrow, outside the VPC, has few ports, and is said once."""
    for where, _, networks in _lists(settings):
        rules = {key: parse_address(key) for key in networks}
        for key, rule in rules.items():
            path: Path = (*where, "addresses", key)
            network = IPv4Network(rule.cidr)
            if network.prefixlen < EGRESS_WIDEST:
                yield Finding(
                    path,
                    f"is a /{network.prefixlen}: that is no list of addresses",
                    f"/{EGRESS_WIDEST} to /32, one entry a network",
                    REMOVE,
                )
            elif not network.is_global or network.is_multicast:
                yield Finding(path, "is not public: nothing behind the NAT has such an address", "a public network", REMOVE)
            if rule.last - rule.first >= _MOST_PORTS:
                yield Finding(path, f"opens {rule.last - rule.first + 1:,} ports", f"at most {_MOST_PORTS} ports", REMOVE)
            for port, why in EGRESS_REFUSED_PORTS.items():
                if rule.first <= port <= rule.last:
                    yield Finding(path, f"opens port {port}: {why}", f"ports without {port}", REMOVE)
        for (one, first), (other, second) in combinations(rules.items(), 2):
            if IPv4Network(first.cidr).overlaps(IPv4Network(second.cidr)) and first.first <= second.last and second.first <= first.last:
                yield Finding(
                    (*where, "addresses", other),
                    f"overlaps {one}",
                    "networks and ports that do not overlap",
                    REMOVE,
                    ((*where, "addresses", one),),
                )


def firewall(settings: Settings) -> Iterator[Finding]:
    """The egress firewall fits the network and a policy's capacity; an emergency list names something and has a firewall."""
    egress = settings.egress
    on = egress.mode is not EgressMode.OFF
    if on and settings.network.existing is not None:
        yield Finding(
            ("egress", "mode"),
            "builds a firewall, but a VPC that is brought along has no subnets and routes of ours for it",
            "off, with a firewall of that VPC's owner in the way",
            "off",
            (("network", "existing"),),
        )
    if len(set(egress.threat_signatures)) != len(egress.threat_signatures):
        yield Finding(
            ("egress", "threatSignatures"), "names a group twice", "each group once", _once([str(one) for one in egress.threat_signatures])
        )
    elif (needed := policy_capacity(egress.threat_signatures)) > POLICY_CAPACITY:
        yield Finding(
            ("egress", "threatSignatures"),
            f"needs up to {needed:,} of the {POLICY_CAPACITY:,} rules that a policy holds",
            "fewer groups: those for Windows, phones and phishing are for people's machines",
        )
    if (ranges := len(venue_ports(egress))) > _MOST_RANGES:
        yield Finding(
            ("egress", "domains"),
            f"opens, with egress.addresses, {ranges} separate ranges of ports to the engine",
            f"at most {_MOST_RANGES} ranges of ports in both lists",
            also=(("egress", "addresses"),),
        )
    if egress.emergency is not None:
        if not egress.emergency.domains and not egress.emergency.addresses:
            yield Finding(("egress", "emergency"), "names neither a domain nor an address", "domains, addresses or both", REMOVE)
        if not on:
            yield Finding(
                ("egress", "emergency"),
                "has no effect: there is no firewall with mode off",
                "an emergency list only beside a firewall",
                REMOVE,
                (("egress", "mode"),),
            )


def _once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def emergency(settings: Settings, today: date) -> Iterator[Finding]:
    """An emergency list is neither over nor meant to last."""
    for problem in emergency_problems(settings.egress.emergency, today):
        yield Finding(
            ("egress", "emergency", "expires"),
            problem,
            "a day from today to 14 days ahead",
            REMOVE,
            change=("egress", "emergency"),
        )
