"""The egress firewall of a plan: rules read back, verdicts in strict order, and the round trip from settings to verdict."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.broker_addresses import HOSTS
from infra.plan.egress import default_actions, rule_groups
from infra.settings.egress import Egress
from nautilus.inventory import Inventory, from_mocks
from nautilus.inventory.firewall import open_ports, verdict
from nautilus.inventory.suricata import FirewallError, parse_rule, port_ranges
from nautilus.inventory.tokens import FIREWALL, FIREWALL_POLICY, FIREWALL_RULES

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PREFIX = "urn:pulumi:test::test::"
HOME = ["10.20.0.0/20"]
MANAGED = "arn:aws:network-firewall:us-east-1:aws-managed:stateful-rulegroup/ThreatSignaturesDoSStrictOrder"


def arn(name: str) -> str:
    return f"arn:aws:network-firewall:us-east-1:123456789012:stateful-rulegroup/{name}"


def plan_of(
    groups: dict[str, list[str]], *, defaults: tuple[str, ...] = default_actions(Egress().mode), up: bool = False, **policy: Any
) -> Inventory:
    """A plan (or, with `up`, a state) with these rule groups in this order."""
    references = [
        {"priority": 1000 * (index + 1), "resourceArn": MANAGED if name == "managed" else arn(name)} for index, name in enumerate(groups)
    ]
    made: list[dict[str, Any]] = [
        {
            "type": FIREWALL_RULES,
            "name": f"egress-{name}",
            "inputs": {"name": name, "ruleGroup": {"rulesSource": {"rulesString": "\n".join(rules)}}},
        }
        for name, rules in groups.items()
        if name != "managed"
    ]
    document = {
        "statelessDefaultActions": ["aws:forward_to_sfe"],
        "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"},
        "statefulDefaultActions": list(defaults),
        "statefulRuleGroupReferences": list(reversed(references)),
        "policyVariables": {"ruleVariables": [{"key": "HOME_NET", "ipSet": {"definitions": HOME}}]},
        **policy,
    }
    policy_arn = "arn:aws:network-firewall:us-east-1:123456789012:firewall-policy/egress"
    made += [
        {
            "type": FIREWALL_POLICY,
            "name": "egress",
            "inputs": {"name": "egress", "firewallPolicy": document},
            "outputs": {"arn": policy_arn if up else UNKNOWN},
        },
        {
            "type": FIREWALL,
            "name": "egress",
            "inputs": {"firewallPolicyArn": policy_arn if up else UNKNOWN},
            "propertyDependencies": {"firewallPolicyArn": [f"{PREFIX}{FIREWALL_POLICY}::egress"]},
        },
    ]
    return from_mocks(made)


def of(settings: Egress, **more: Any) -> Inventory:
    """The plan of the settings, as the component lays it out."""
    groups = {str(one.group): list(one.rules) for one in rule_groups(settings)}
    return plan_of(groups, defaults=default_actions(settings.mode), **more)


def settings(**more: Any) -> Egress:
    return Egress.model_validate({"domains": {}, "addresses": {}, **more})


# --- verdicts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "port", "protocol", "allowed"),
    [
        ("api.binance.com", 443, "tcp", True),
        ("binance.com", 443, "tcp", True),
        ("API.Binance.Com.", 443, "tcp", True),
        ("a.b.binance.com", 9443, "tcp", True),
        ("evilbinance.com", 443, "tcp", False),
        ("binance.com.evil.org", 443, "tcp", False),
        ("api.binance.com", 80, "tcp", False),
        ("api.binance.com", 4001, "tcp", False),
        ("api.stlouisfed.org", 443, "tcp", True),
        ("x.api.stlouisfed.org", 443, "tcp", False),
        ("8.17.22.31", 4001, "tcp", True),
        ("8.17.22.31", 4000, "tcp", True),
        ("8.17.22.31", 4002, "tcp", False),
        ("8.17.22.31", 443, "tcp", False),
        ("8.17.23.31", 4001, "tcp", False),
        ("8.17.22.31", 4001, "udp", False),
        ("ndc1.ibllc.com", 4001, "tcp", True),
        ("elsewhere.ibllc.com", 4001, "tcp", False),
        ("api.binance.com", 443, "udp", False),
        ("8.8.8.8", 53, "udp", False),
        ("8.8.8.8", 53, "tcp", False),
        ("169.254.169.123", 123, "udp", False),
        ("8.8.8.8", 0, "icmp", False),
    ],
)
def test_the_default_list(host: str, port: int, protocol: str, allowed: bool) -> None:
    found = verdict(of(Egress()), host, port, protocol)
    assert (found.allowed, found.firewall) == (allowed, True)
    assert found.logged is not allowed


def test_the_deciding_rule_is_named() -> None:
    inventory = of(Egress())
    found = verdict(inventory, "api.binance.com", 443)
    assert found.group == "egress-domains"
    assert "pass tls, egress .binance.com port 443" in found.rule
    refused = verdict(inventory, "api.binance.com", 22)
    assert (refused.group, refused.rule.split(": ")[1]) == ("egress-closed", "reject tcp, egress closed, no rule for this TCP port")
    unlisted = verdict(inventory, "evil.org", 443)
    assert (unlisted.group, unlisted.rule) == ("", "default action " + " and ".join(default_actions(Egress().mode)))


def test_alert_mode_allows_and_says_that_it_logs() -> None:
    inventory = of(Egress.model_validate({"mode": "alert"}))
    for port in (443, 22):
        found = verdict(inventory, "evil.org", port)
        assert (found.allowed, found.logged) == (True, True)
        assert "only logs it" in found.reason
    listed = verdict(inventory, "api.binance.com", 443)
    assert (listed.allowed, listed.logged) == (True, False)


def test_no_firewall_is_said_plainly() -> None:
    found = verdict(from_mocks([]), "evil.org", 25)
    assert (found.allowed, found.firewall, found.rule) == (True, False, "none")
    assert "no egress firewall" in found.reason
    assert open_ports(from_mocks([])) == ((0, 65_535),)


def test_the_order_decides() -> None:
    let, refuse = (
        'pass tcp $HOME_NET any -> any 443 (msg:"let"; flow:to_server; sid:1; rev:1;)',
        'drop tcp $HOME_NET any -> any 443 (msg:"refuse"; flow:to_server; sid:2; rev:1;)',
    )
    assert verdict(plan_of({"first": [let], "second": [refuse]}), "1.1.1.1", 443).allowed is True
    assert verdict(plan_of({"first": [refuse], "second": [let]}), "1.1.1.1", 443).allowed is False
    assert verdict(plan_of({"first": [refuse, let]}), "1.1.1.1", 443).allowed is False
    assert verdict(plan_of({"managed": [], "first": [let]}), "1.1.1.1", 443).allowed is True


def test_an_alert_rule_decides_nothing() -> None:
    noticed = 'alert tcp $HOME_NET any -> any 443 (msg:"see"; flow:to_server; sid:1; rev:1;)'
    assert verdict(plan_of({"first": [noticed]}), "1.1.1.1", 443).allowed is False
    assert verdict(plan_of({"first": [noticed]}, defaults=()), "1.1.1.1", 443).logged is True


@pytest.mark.parametrize(("stateless", "allowed"), [(["aws:pass"], True), (["aws:drop"], False)])
def test_the_stateless_default_comes_before_all(stateless: list[str], allowed: bool) -> None:
    refuse = 'drop ip $HOME_NET any -> any any (msg:"no"; sid:1; rev:1;)'
    inventory = plan_of({"first": [refuse]}, statelessDefaultActions=stateless)
    assert verdict(inventory, "1.1.1.1", 443).allowed is allowed
    assert open_ports(inventory) == (((0, 65_535),) if allowed else ())


def test_dropping_established_connections_lets_a_first_datagram_out() -> None:
    """Which is why the closed group exists: without it the default action says nothing about UDP."""
    groups = {str(one.group): list(one.rules) for one in rule_groups(Egress())}
    assert verdict(plan_of(groups), "8.8.8.8", 53, "udp").allowed is False
    del groups["closed"]
    assert verdict(plan_of(groups), "8.8.8.8", 53, "udp").allowed is True
    assert verdict(plan_of(groups, defaults=("aws:drop_strict",)), "8.8.8.8", 53, "udp").allowed is False


# --- what a plan lets out at all --------------------------------------------------------------------------------------------


def test_open_ports() -> None:
    assert open_ports(of(Egress())) == ((443, 443), (4000, 4001), (9443, 9443))
    assert open_ports(of(Egress()), "udp") == open_ports(of(Egress()), "icmp") == ()
    assert open_ports(of(Egress.model_validate({"mode": "alert"}))) == ((0, 65_535),)
    assert open_ports(of(settings(domains={"a.x.com": "some words"}))) == ((443, 443),)


def test_a_port_that_only_the_default_action_would_let_out_is_open() -> None:
    half = 'reject tcp $HOME_NET any -> any ![443] (msg:"x"; flow:to_server; sid:1; rev:1;)'
    assert open_ports(plan_of({"first": [half]}, defaults=())) == ((443, 443),)


# --- reading ----------------------------------------------------------------------------------------------------------------


def test_a_state_is_read_like_a_plan() -> None:
    for up in (False, True):
        assert verdict(of(Egress(), up=up), "api.binance.com", 443).allowed is True


def test_rule_groups_of_an_older_form_are_read() -> None:
    """`rules` beside `ruleGroup`, comments and empty lines, and an ARN that only the outputs know."""
    inventory = from_mocks(
        [
            {
                "type": FIREWALL_RULES,
                "name": "g",
                "inputs": {"rules": '# why\n\npass tcp $HOME_NET any -> any 443 (msg:"x"; flow:to_server; sid:1; rev:1;)\n'},
                "outputs": {"arn": arn("generated-1234")},
            },
            {
                "type": FIREWALL_POLICY,
                "name": "p",
                "inputs": {
                    "firewallPolicy": {
                        "statelessDefaultActions": ["aws:forward_to_sfe"],
                        "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"},
                        "statefulRuleGroupReferences": [{"priority": "1", "resourceArn": arn("generated-1234")}],
                        "statefulDefaultActions": ["aws:drop_established"],
                    }
                },
            },
            {"type": FIREWALL, "name": "f", "inputs": {"firewallPolicyArn": UNKNOWN}},
        ]
    )
    assert verdict(inventory, "1.1.1.1", 443).allowed is True
    assert verdict(inventory, "1.1.1.1", 444).allowed is False


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"statefulEngineOptions": {"ruleOrder": "DEFAULT_ACTION_ORDER"}}, "no strict order"),
        ({"statefulRuleGroupReferences": [{"priority": 1, "resourceArn": arn("gone")}]}, "is not in the plan"),
        ({"statefulRuleGroupReferences": [{"resourceArn": arn("first")}]}, "has no priority"),
    ],
)
def test_what_cannot_be_judged_is_not_judged(change: dict[str, Any], says: str) -> None:
    inventory = plan_of({"first": ['pass tcp $HOME_NET any -> any 443 (msg:"x"; flow:to_server; sid:1;)'], "other": []}, **change)
    with pytest.raises(FirewallError, match=says):
        verdict(inventory, "1.1.1.1", 443)


def test_a_firewall_whose_policy_is_elsewhere_cannot_be_judged() -> None:
    inventory = from_mocks(
        [{"type": FIREWALL, "name": "f", "inputs": {"firewallPolicyArn": "arn:aws:network-firewall:::firewall-policy/x"}}]
    )
    with pytest.raises(FirewallError, match="not in the plan"):
        verdict(inventory, "1.1.1.1", 443)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("allow everything", "no rule"),
        ('pass tcp 10.0.0.0/8 any -> any 443 (msg:"x"; sid:1;)', "not the whole app tier"),
        ('pass tcp $HOME_NET any -> any 443 (msg:"x"; pcre:"/a/"; sid:1;)', "keyword pcre is unknown"),
        ('pass tcp $HOME_NET any -> any 443 (msg:"x"; flow:to_client; sid:1;)', "not to_server"),
        ('pass ssh $HOME_NET any -> any 22 (msg:"x"; sid:1;)', "protocol ssh is unknown"),
        ('pass tls $HOME_NET any -> any 443 (tls.sni; content:"x.com"; endswith; sid:1;)', "neither an exact name"),
        ('pass tls $HOME_NET any -> any 443 (tls.sni; content:"x.com"; startswith; sid:1;)', "neither an exact name"),
        ('pass tls $HOME_NET any -> any 443 (msg:"every name"; sid:1;)', "neither an exact name"),
        ('pass tcp $HOME_NET any -> any 443 (content:"x.com"; sid:1;)', "outside of a TLS or HTTP rule"),
        ("drop ip $HOME_NET any -> any any (ip_proto:6; sid:1;)", "not the exclusion of a number"),
        ('pass tcp $HOME_NET any -> any 443 (msg:"x" sid:1)', "options that this check cannot read"),
    ],
)
def test_a_rule_that_is_half_understood_proves_nothing(line: str, says: str) -> None:
    with pytest.raises(FirewallError, match=says):
        parse_rule(line)


def test_a_semicolon_in_a_message_ends_nothing() -> None:
    rule = parse_rule('pass tcp $HOME_NET any -> any 443 (msg:"a; pcre: b"; flow:to_server; sid:7; rev:1;)')
    assert (rule.sid, rule.message) == (7, "a; pcre: b")


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("any", ((0, 65_535),)),
        ("443", ((443, 443),)),
        ("4000:4001", ((4000, 4001),)),
        ("[80,443]", ((80, 80), (443, 443))),
        ("![443,9443]", ((0, 442), (444, 9442), (9444, 65_535))),
        ("!0:65535", ()),
    ],
)
def test_port_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert port_ranges(text) == ranges


@pytest.mark.parametrize("bad", ["$HTTP_PORTS", "443:x", "[80,b]"])
def test_ports_of_another_form_are_refused(bad: str) -> None:
    with pytest.raises(FirewallError, match="cannot be read"):
        port_ranges(bad)


@pytest.mark.parametrize(("port", "protocol"), [(70_000, "tcp"), (-1, "tcp"), (443, "sctp")])
def test_bad_questions(port: int, protocol: str) -> None:
    with pytest.raises(ValueError, match=r"port|protocol"):
        verdict(from_mocks([]), "x.com", port, protocol)


# --- the round trip ---------------------------------------------------------------------------------------------------------

labels = st.sampled_from(["a", "b", "api", "x-1"])
names = st.lists(labels, min_size=1, max_size=3).map(lambda parts: ".".join((*parts, "com")))
keys = st.builds(lambda dot, name, port: f"{dot}{name}{port}", st.sampled_from(["", "."]), names, st.sampled_from(["", ":80", ":8443"]))
blocks = st.builds(
    lambda third, length, first, width: f"{IPv4Network(f'198.51.{third}.0/{length}')}:{first}" + (f"-{first + width}" if width else ""),
    st.integers(0, 3),
    st.sampled_from([24, 25, 28]),
    st.integers(4000, 4005),
    st.integers(0, 3),
)
targets = st.one_of(names, st.builds(lambda third, fourth: f"198.51.{third}.{fourth}", st.integers(0, 4), st.integers(0, 140)))


def expected(domains: dict[str, str], addresses: dict[str, str], host: str, port: int) -> bool:
    """What the settings say, without a word of Suricata."""
    if host.replace(".", "").isdigit():
        for key in addresses:
            block, ports = key.split(":")
            first, _, last = ports.partition("-")
            if IPv4Address(host) in IPv4Network(block) and int(first) <= port <= int(last or first):
                return True
        return False
    for key in domains:
        pattern, _, number = key.partition(":")
        if int(number or 443) == port and (host == pattern.lstrip(".") or (pattern.startswith(".") and host.endswith(pattern))):
            return True
    return False


@given(
    st.dictionaries(keys, st.just("some words"), max_size=6),
    st.dictionaries(blocks, st.just("some words"), max_size=4),
    targets,
    st.sampled_from([22, 80, 443, 4000, 4001, 4003, 4007, 8443]),
)
def test_settings_rules_and_verdict_agree(domains: dict[str, str], addresses: dict[str, str], host: str, port: int) -> None:
    made = settings(domains=domains, addresses=addresses)
    found = verdict(of(made), host, port)
    assert found.allowed is expected(domains, addresses, host, port), found
    # Alert mode lets the same out by the same rules, and everything else with a line in the log.
    noticed = verdict(of(made.model_copy(update={"mode": Egress.model_validate({"mode": "alert"}).mode})), host, port)
    assert noticed.allowed
    assert noticed.logged is not found.allowed
    assert not verdict(of(made), host, port, "udp").allowed


def test_every_broker_host_is_let_out_by_name_and_by_address() -> None:
    for host in HOSTS:
        for port in (4000, 4001):
            assert verdict(of(Egress()), host.name, port).allowed
            assert verdict(of(Egress()), host.address, port).allowed
