"""The egress firewall's rules as text, in order, within AWS's limits; and who judges the emergency list."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import egress as plan
from infra.plan.egress import CAPACITY, Group, rule_groups, venue_ports
from infra.plan.endpoint_policies import apis_through_nat
from infra.settings import egress as section
from infra.settings.egress import Egress, EgressMode, ThreatGroup
from infra.settings.foundation import EndpointProfile

WHY = "some words"
REASON = "incident 4711: broker moved its servers"


def emergency(**more: Any) -> dict[str, Any]:
    return {"reason": REASON, "expires": "2026-12-01", "reviewer": "security officer", **more}


def settings(**more: Any) -> Egress:
    return Egress.model_validate({"domains": {}, "addresses": {}, **more})


def lines(made: Egress, group: Group) -> tuple[str, ...]:
    return next((one.rules for one in rule_groups(made) if one.group is group), ())


# --- text -------------------------------------------------------------------------------------------------------------------


def test_a_domain_with_everything_below_it() -> None:
    (line,) = lines(settings(domains={".binance.com": WHY}), Group.DOMAINS)
    assert re.sub(r"sid:\d+", "sid:N", line) == (
        'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"egress .binance.com port 443, some words"; flow:to_server; '
        'tls.sni; dotprefix; content:".binance.com"; nocase; endswith; sid:N; rev:1;)'
    )


def test_an_exact_name_on_another_port() -> None:
    (line,) = lines(settings(domains={"stream.binance.com:9443": WHY}), Group.DOMAINS)
    assert line.startswith("pass tls $HOME_NET any -> $EXTERNAL_NET 9443 (")
    assert 'tls.sni; content:"stream.binance.com"; nocase; startswith; endswith;' in line
    assert "dotprefix" not in line, "an exact name must not let its subdomains out"


def test_a_reason_cannot_take_the_place_of_the_number() -> None:
    """AWS refuses a rule without a number, and with it the whole group."""
    made = settings(domains={".x.com": "INSIDER filings, SID of the desk"}, addresses={"9.9.9.9/32:443": "RESIDENT SID proxies"})
    for group in (Group.DOMAINS, Group.ADDRESSES):
        (line,) = lines(made, group)
        assert re.search(r"; sid:\d+; rev:1;\)$", line)
    assert '"egress .x.com port 443, INSIDER filings, SID of the desk"' in lines(made, Group.DOMAINS)[0]


def test_port_80_is_plain_http() -> None:
    """Suricata lower-cases `http.host` itself and refuses `nocase` beside it."""
    (line,) = lines(settings(domains={".x.com:80": WHY}), Group.DOMAINS)
    assert line.startswith("pass http $HOME_NET any -> $EXTERNAL_NET 80 (")
    assert 'http.host; dotprefix; content:".x.com"; endswith;' in line


def test_addresses_and_ports() -> None:
    line, single = lines(settings(addresses={"8.17.22.0/24:4000-4001": WHY, "9.9.9.9/32:443": WHY}), Group.ADDRESSES)
    assert line.startswith("pass tcp $HOME_NET any -> 8.17.22.0/24 4000:4001 (")
    assert "metadata:host cdc1.ibllc.com, host " in line
    assert single.startswith("pass tcp $HOME_NET any -> 9.9.9.9/32 443 (")
    assert "metadata" not in single


def test_tcp_and_udp_rules_look_at_flows() -> None:
    """Without a flow keyword Suricata judges such a rule before every other, by address alone."""
    for group in rule_groups(Egress()):
        for line in group.rules:
            if line.split()[1] in ("tcp", "udp", "tls", "http"):
                assert "flow:to_server;" in line


def test_everything_else_is_closed() -> None:
    closed = lines(settings(domains={".x.com": WHY, ".x.com:9443": WHY}), Group.CLOSED)
    assert [line.split(" (")[0] for line in closed] == [
        "reject tcp $HOME_NET any -> any ![443,9443]",
        "drop udp $HOME_NET any -> any any",
        "drop icmp $HOME_NET any -> any any",
        "drop ip $HOME_NET any -> any any",
    ]
    assert "ip_proto:!1; ip_proto:!6; ip_proto:!17;" in closed[3]
    without = lines(settings(addresses={"9.9.9.9/32:443": WHY}), Group.CLOSED)
    assert without[0].startswith("reject tcp $HOME_NET any -> any any "), "no domain rule needs a handshake"


def test_alert_mode_refuses_nothing() -> None:
    made = settings(mode="alert", domains={".x.com": WHY})
    assert {line.split()[0] for group in rule_groups(made) for line in group.rules} == {"pass", "alert"}
    assert plan.default_actions(EgressMode.ALERT) == ("aws:alert_established_app_layer_to_server",)


def test_drop_mode_drops_and_logs_in_one_family() -> None:
    """AWS refuses a mix of the families, and logs nothing of a drop without its alert."""
    actions = plan.default_actions(EgressMode.DROP)
    assert {action.split(":")[1].split("_", 1)[0] for action in actions} == {"alert", "drop"}
    assert len({action.split("_", 1)[1] for action in actions}) == 1


def test_mode_off_has_no_rules() -> None:
    assert rule_groups(settings(mode="off", domains={".x.com": WHY})) == ()


# --- order, sids, capacity --------------------------------------------------------------------------------------------------


def test_the_order_of_the_groups() -> None:
    made = settings(domains={".x.com": WHY}, addresses={"9.9.9.9/32:1": WHY}, emergency=emergency(domains={".y.com": WHY}))
    groups = rule_groups(made)
    assert [one.group for one in groups] == [Group.EMERGENCY, Group.ADDRESSES, Group.DOMAINS, Group.CLOSED]
    priorities = [one.priority for one in groups]
    assert priorities == sorted(set(priorities))
    # A pass ends the inspection, so AWS's signatures come before the first of ours, however many there are.
    assert priorities[0] >= plan.THREAT_PRIORITY + 10 * section.MOST_THREAT_GROUPS


def test_empty_lists_make_no_group() -> None:
    assert [one.group for one in rule_groups(settings())] == [Group.CLOSED]


def test_an_emergency_port_stays_reachable() -> None:
    made = settings(emergency=emergency(domains={"login.y.com:8443": WHY}))
    assert "![8443]" in lines(made, Group.CLOSED)[0]


def many_domains(count: int) -> dict[str, str]:
    return {f"host{number}.example.com": "w" * 120 for number in range(count)}


def many_addresses(count: int) -> dict[str, str]:
    return {f"8.{number // 250}.{number % 250}.0/24:4000-4001": "w" * 120 for number in range(count)}


def test_the_settings_maxima_fit_the_capacities() -> None:
    """Capacity is fixed at creation (AWS): the longest lists that the settings take must fit, with AWS's own hosts."""
    made = settings(
        domains=many_domains(section.MOST_DOMAINS),
        addresses=many_addresses(section.MOST_ADDRESSES),
        emergency=emergency(domains=many_domains(section.MOST_EMERGENCY), addresses=many_addresses(section.MOST_EMERGENCY)),
    )
    hosts_of_aws = apis_through_nat(EndpointProfile.NONE, "us-east-1", account="1" * 12)
    groups = rule_groups(made, dict.fromkeys(hosts_of_aws, "AWS API"))
    assert {one.group for one in groups} == set(Group)
    for one in groups:
        assert len(one.rules) <= one.capacity // 2 or one.group is Group.CLOSED, "room to grow"
        assert len(one.text.encode()) <= 2_000_000
        assert all(len(line) <= 8_192 for line in one.rules)
    with pytest.raises(ValueError, match=f"capacity of {CAPACITY[Group.DOMAINS]}"):
        rule_groups(made, many_domains(section.MOST_DOMAINS) | {f"more{n}.example.org": WHY for n in range(CAPACITY[Group.DOMAINS])})


def test_no_default_exceeds_a_policy() -> None:
    assert plan.policy_capacity(Egress().threat_signatures) <= plan.POLICY_CAPACITY
    assert plan.policy_capacity(list(ThreatGroup)) > plan.POLICY_CAPACITY
    assert plan.policy_capacity([]) == sum(CAPACITY.values())
    assert section.MOST_THREAT_GROUPS + len(Group) <= 20


def test_the_engine_gets_the_ports_that_the_lists_name() -> None:
    assert venue_ports(Egress()) == ((443, 443), (9443, 9443))
    listed = settings(domains={"api.example.org:8443": WHY, "feed.example.org:8444": WHY}, addresses={"8.8.8.0/24:5000-5010": WHY})
    assert venue_ports(listed) == ((443, 443), (5000, 5010), (8443, 8444))
    assert venue_ports(settings(domains={}, addresses={"8.8.8.0/24:4000-4001": WHY, "8.8.4.0/24:4001": WHY})) == ((443, 443),)
    assert venue_ports(settings(domains={}, addresses={}, emergency=emergency(addresses={"8.8.8.0/24:7000": WHY}))) == (
        (443, 443),
        (7000, 7000),
    )


hosts = st.from_regex(r"\.?[a-z]{1,6}\.[a-z]{2,4}", fullmatch=True)
ports = st.sampled_from(["", ":80", ":443", ":9443"])
domain_keys = st.builds(lambda host, port: host + port, hosts, ports)


@given(st.dictionaries(domain_keys, st.just(WHY), max_size=30), domain_keys)
def test_sids_are_unique_and_do_not_move(names: dict[str, str], extra: str) -> None:
    def by_rule(entries: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for group in rule_groups(settings(domains=entries)):
            for line in group.rules:
                sid = re.search(r"sid:(\d+)", line)
                assert sid
                assert sid[1] not in found.values()
                found[line.replace(sid[0], "")] = sid[1]
        return found

    before, after = by_rule(names), by_rule({**names, extra: WHY})
    moved = [rule for rule, sid in before.items() if rule in after and after[rule] != sid]
    # Only a collision of two digests in 900,000 may push one rule on.
    assert len(moved) <= 1


@given(st.dictionaries(domain_keys, st.just(WHY), max_size=12))
def test_the_order_of_the_settings_changes_nothing(names: dict[str, str]) -> None:
    assert rule_groups(settings(domains=names)) == rule_groups(settings(domains=dict(reversed(names.items()))))


# --- AWS's own hosts, the resolver ------------------------------------------------------------------------------------------


def test_aws_hosts_are_exact_and_the_registry_is_ours() -> None:
    made = dict.fromkeys(apis_through_nat(EndpointProfile.NONE, "eu-west-1", account="123456789012"), "AWS API")
    assert {"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"} <= set(made)
    text = lines(Egress.model_validate({"domains": {}, "addresses": {}}), Group.DOMAINS)
    assert text == ()
    (group,) = [one for one in rule_groups(settings(), made) if one.group is Group.DOMAINS]
    assert all("dotprefix" not in line for line in group.rules)


def test_what_the_resolver_answers() -> None:
    made = settings(domains={".x.com": WHY, "a.x.com:9443": WHY, "b.org": WHY}, emergency=emergency(domains={"c.net": WHY}))
    assert plan.allowed_domains(made, {"sts.us-east-1.amazonaws.com": WHY}) == (
        ".ibllc.com",
        ".x.com",
        "b.org",
        "c.net",
        "sts.us-east-1.amazonaws.com",
    )


def test_the_broker_resolves_even_where_no_domain_says_so() -> None:
    assert plan.allowed_domains(settings()) == (".ibllc.com",)


# --- threat signatures ------------------------------------------------------------------------------------------------------


def test_managed_groups_by_their_exact_names() -> None:
    assert plan.threat_arn(ThreatGroup.MALWARE_WEB, region="us-east-1", partition="aws") == (
        "arn:aws:network-firewall:us-east-1:aws-managed:stateful-rulegroup/ThreatSignaturesMalwareWebStrictOrder"
    )


# --- emergency --------------------------------------------------------------------------------------------------------------


def test_the_emergency_list_expires() -> None:
    made = settings(emergency=emergency(domains={"c.net": WHY})).emergency
    assert plan.emergency_problems(None, date(2026, 12, 1)) == ()
    assert plan.emergency_problems(made, date(2026, 12, 1)) == ()
    assert plan.emergency_problems(made, date(2026, 11, 17)) == ()
    assert "the emergency list is over" in plan.emergency_problems(made, date(2026, 12, 2))[0]
    assert "more than 14 days ahead" in plan.emergency_problems(made, date(2026, 11, 16))[0]
    assert made is not None
    assert plan.emergency_tags(made) == {"Expires": "2026-12-01", "Reason": REASON, "Reviewer": "security officer"}


# --- endpoints --------------------------------------------------------------------------------------------------------------


@given(st.permutations([("us-east-1a", "vpce-a"), ("us-east-1b", "vpce-b"), ("us-east-1c", None), (None, "vpce-x")]))
def test_endpoints_go_by_zone_whatever_the_order(states: list[tuple[str | None, str | None]]) -> None:
    assert plan.endpoints_by_zone(states) == {"us-east-1a": "vpce-a", "us-east-1b": "vpce-b"}
