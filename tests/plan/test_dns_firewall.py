"""The resolver's firewall: what it answers, what it does not, and lists in the resolver's own spelling."""

from __future__ import annotations

import re
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.dns_firewall import EVERY_NAME, LONGEST_LIST, Verdict, covers, fully, own_names, reverse, rules, spelled, verdict
from infra.plan.egress import allowed_domains
from infra.settings.egress import Egress
from tests.plan.test_subnets import vpcs

VPC = "10.20.0.0/16"
PLATFORM = (*own_names(VPC), *allowed_domains(Egress()), ".nautilus.example.com")
BLOCKING = rules(allowed=PLATFORM, blocked=["*.evil.amazonaws.com"], block=True)

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=2, max_size=5).map(".".join)
patterns = st.tuples(st.sampled_from(("", "*.", ".")), names).map("".join)


@pytest.mark.parametrize(
    "name",
    [
        "secretsmanager.us-east-1.amazonaws.com",
        "nautilus-prod.c0ffee.us-east-1.rds.amazonaws.com",
        "master.nautilus-prod.use1.cache.amazonaws.com",
        "fs-0123.efs.us-east-1.amazonaws.com",
        "ip-10-20-0-1.ec2.internal",
        "api.binance.com.ec2.internal",
        "1.0.20.10.in-addr.arpa",
        "api.binance.com",
        "binance.com",
        "gdc1.ibllc.com",
        "api.stlouisfed.org",
        "nautilus.example.com",
        "origin.nautilus.example.com",
        "API.Binance.Com.",
    ],
)
def test_what_the_platform_needs_is_answered(name: str) -> None:
    assert verdict(BLOCKING, name) == (Verdict.ALLOW, "allowed")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("c2VjcmV0.tunnel.example.net", "rest"),
        ("example.com", "rest"),
        ("evilbinance.com", "rest"),
        ("binance.com.example.net", "rest"),
        ("amazonaws.com", "rest"),
        ("com", "rest"),
        ("1.2.0.192.in-addr.arpa", "rest"),
        ("sub.api.stlouisfed.org", "rest"),
        ("x.evil.amazonaws.com", "blocked"),
    ],
)
def test_everything_else_does_not_exist(name: str, rule: str) -> None:
    assert verdict(BLOCKING, name) == (Verdict.BLOCK, rule)


def test_a_firewall_that_watches_answers_everything() -> None:
    watching = rules(allowed=PLATFORM, blocked=["*.evil.amazonaws.com"], block=False)
    assert verdict(watching, "tunnel.example.net") == (Verdict.ALERT, "rest")
    assert verdict(watching, "x.evil.amazonaws.com") == (Verdict.ALERT, "blocked")
    assert verdict(watching, "api.binance.com") == (Verdict.ALLOW, "allowed")
    assert verdict((), "tunnel.example.net") == (Verdict.ALLOW, "")


@given(st.lists(patterns, min_size=1, max_size=8), names)
def test_a_name_is_answered_exactly_if_a_pattern_says_so(allowed: list[str], name: str) -> None:
    """Against a reading of the patterns written another way."""
    expected = any(
        name == pattern
        or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        or (pattern.startswith(".") and (name == pattern[1:] or name.endswith(pattern)))
        for pattern in allowed
    )
    assert (verdict(rules(allowed=allowed, blocked=[], block=True), name)[0] is Verdict.ALLOW) == expected


@given(st.lists(patterns, min_size=1, max_size=8))
def test_lists_are_spelled_as_the_resolver_returns_them(domains: list[str]) -> None:
    """Closing dot, sorted, once each: or every refresh would end in a change."""
    found = spelled(domains)
    assert all(re.fullmatch(r"(\*\.)?([a-z0-9_-]+\.)+", name) for name in found)
    assert list(found) == sorted(set(found))
    assert spelled(found) == found
    assert not [(one, other) for one in found for other in found if one != other and covers(one, other)]


@given(vpcs(), st.integers(0, 2**16 - 1))
def test_reverse_names_of_the_vpc_are_answered_and_of_nobody_else(vpc: str, offset: int) -> None:
    network = IPv4Network(vpc)
    inside = network[offset % network.num_addresses]
    assert covers(reverse(vpc), inside.reverse_pointer)
    assert not covers(reverse(vpc), "1.113.0.203.in-addr.arpa")


def test_the_last_rule_takes_every_name() -> None:
    last = BLOCKING[-1]
    assert (last.part, last.domains, last.verdict) == ("rest", (EVERY_NAME,), Verdict.BLOCK)
    assert covers(EVERY_NAME, "anything.at.all")
    assert fully("*") == EVERY_NAME
    assert [rule.priority for rule in BLOCKING] == [100, 200, 300]
    assert [rule.part for rule in BLOCKING if rule.trust_redirection] == ["allowed"]
    assert [rule.part for rule in rules(allowed=["a.bc"], blocked=[], block=True)] == ["allowed", "rest"]


def test_what_the_resolver_would_refuse_is_refused_here() -> None:
    with pytest.raises(ValueError, match=f"has {LONGEST_LIST + 1}: the resolver takes {LONGEST_LIST}"):
        rules(allowed=[f"n{number}.example.com" for number in range(LONGEST_LIST + 1)], blocked=[], block=True)
    with pytest.raises(ValueError, match="longer than 255"):
        rules(allowed=["a." * 128 + "com"], blocked=[], block=True)
    with pytest.raises(ValueError, match="allows no name"):
        rules(allowed=[], blocked=["a.bc"], block=True)
