"""The egress firewall's rules: from typed settings to Suricata text, the order of the groups, and who judges the emergency list. Pure.

Why the rules look as they do (AWS Network Firewall developer guide and AWS's own best-practice guide):
- Strict order: groups by priority, rules by line; the first that matches decides.
- A `pass` ends the inspection of its connection. So AWS's threat signatures come before every pass of ours.
- TLS rules match on the server name of the ClientHello, which comes after the TCP handshake. Handshakes to the ports of domain rules
  therefore pass, and the default action waits for the application data: `drop_established_app_layer_to_server`. The older
  `drop_established` decides at the first data packet, and cuts a ClientHello that spans two packets, as post-quantum key exchange makes it;
  the variant for both directions cuts legitimate answers, such as window updates. The families cannot be mixed.
- Rules on `tcp` and `udp` carry `flow:to_server`: without a `flow` keyword they would be judged on addresses alone before all others.
- Ports without any rule are refused at the first packet, so that not even a handshake leaves; TCP with a reset, so that clients learn at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from infra.plan.broker_addresses import PORTS, ZONE, hosts_in
from infra.settings.egress import Egress, EgressMode, Emergency, ThreatGroup

TLS_PORT: Final = 443
HTTP_PORT: Final = 80
LONGEST_EMERGENCY_DAYS: Final = 14
"""How far ahead an emergency list may expire, in days."""


class Group(StrEnum):
    """Our rule groups, in the order in which the firewall asks them."""

    EMERGENCY = "emergency"
    ADDRESSES = "addresses"
    DOMAINS = "domains"
    CLOSED = "closed"


CAPACITY: Final = MappingProxyType({Group.EMERGENCY: 100, Group.ADDRESSES: 300, Group.DOMAINS: 600, Group.CLOSED: 20})
"""Rules that a group can ever hold. AWS fixes it at creation, so there is room above the settings' own maxima; a Suricata rule counts one."""

PRIORITY: Final = MappingProxyType({Group.EMERGENCY: 1000, Group.ADDRESSES: 2000, Group.DOMAINS: 3000, Group.CLOSED: 4000})
"""Priorities in the policy; AWS's threat signatures stand before them, from `THREAT_PRIORITY` in steps of ten."""

THREAT_PRIORITY: Final = 100
POLICY_CAPACITY: Final = 30_000
"""Stateful rules in one policy (Network Firewall quota)."""

_SIDS: Final = MappingProxyType({Group.EMERGENCY: 1_000_000, Group.ADDRESSES: 2_000_000, Group.DOMAINS: 3_000_000, Group.CLOSED: 4_000_000})
_SID_RANGE: Final = 900_000

_COMMON: Final = frozenset(
    {
        ThreatGroup.BOTNET,
        ThreatGroup.BOTNET_WEB,
        ThreatGroup.DOS,
        ThreatGroup.EMERGING_EVENTS,
        ThreatGroup.EXPLOITS,
        ThreatGroup.IOC,
        ThreatGroup.MALWARE,
        ThreatGroup.MALWARE_COINMINING,
        ThreatGroup.SCANNERS,
        ThreatGroup.SUSPECT,
    }
)
_COMMON_CAPACITY: Final = 13_200
"""What the ten groups above take together (AWS's best-practice guide); it gives no number for each."""
_THREAT_CAPACITY: Final = MappingProxyType(
    {
        ThreatGroup.BOTNET_WINDOWS: 3_400,
        ThreatGroup.MALWARE_WEB: 3_300,
        ThreatGroup.WEB_ATTACKS: 1_400,
        ThreatGroup.PHISHING: 4_200,
        ThreatGroup.MALWARE_MOBILE: 4_000,
        ThreatGroup.ABUSED_BOTNET_DOMAINS: 200,
        ThreatGroup.ABUSED_MALWARE_DOMAINS: 200,
        ThreatGroup.BOTNET_DOMAINS: 200,
        ThreatGroup.MALWARE_DOMAINS: 200,
    }
)


@dataclass(frozen=True, order=True)
class DomainRule:
    """A name that may be reached: exactly, or `below` with everything under it."""

    name: str
    below: bool
    port: int
    why: str

    @property
    def pattern(self) -> str:
        """As in the settings, without the port: `.binance.com` or `api.binance.com`."""
        return f".{self.name}" if self.below else self.name

    def covers(self, other: DomainRule) -> bool:
        """Whether everything that `other` allows is allowed by this rule already."""
        if self.port != other.port:
            return False
        if self.below:
            return other.name == self.name or other.name.endswith(f".{self.name}")
        return not other.below and other.name == self.name


@dataclass(frozen=True, order=True)
class AddressRule:
    """A network that may be reached on TCP ports `first` to `last`."""

    cidr: str
    first: int
    last: int
    why: str

    @property
    def ports(self) -> str:
        """Suricata's spelling."""
        return str(self.first) if self.first == self.last else f"{self.first}:{self.last}"


@dataclass(frozen=True)
class RuleGroup:
    """One stateful rule group of ours."""

    group: Group
    rules: tuple[str, ...]

    @property
    def capacity(self) -> int:
        """As fixed at creation."""
        return CAPACITY[self.group]

    @property
    def priority(self) -> int:
        """In the policy."""
        return PRIORITY[self.group]

    @property
    def text(self) -> str:
        """The rules as one Suricata text, without a final line end (AWS would give it back without)."""
        return "\n".join(self.rules)


def parse_domain(text: str, why: str = "") -> DomainRule:
    """A key of `egress.domains`."""
    name, _, port = text.partition(":")
    return DomainRule(name.removeprefix("."), name.startswith("."), int(port or TLS_PORT), why)


def parse_address(text: str, why: str = "") -> AddressRule:
    """A key of `egress.addresses`."""
    cidr, _, ports = text.partition(":")
    first, _, last = ports.partition("-")
    return AddressRule(cidr, int(first), int(last or first), why)


def domain_rules(entries: Mapping[str, str]) -> tuple[DomainRule, ...]:
    """The entries in a stable order."""
    return tuple(sorted(parse_domain(key, why) for key, why in entries.items()))


def address_rules(entries: Mapping[str, str]) -> tuple[AddressRule, ...]:
    """The entries in a stable order."""
    return tuple(sorted(parse_address(key, why) for key, why in entries.items()))


def venue_ports(settings: Egress) -> tuple[tuple[int, int], ...]:
    """Ranges of TCP ports to exchanges and brokers that the lists name, joined where they touch; the Gateway's own protocol apart.

    Security groups and network ACLs open these to the engine; which hosts stand behind them the firewall decides.
    """
    emergency = settings.emergency
    names = [*settings.domains, *(emergency.domains if emergency else ())]
    networks = [*settings.addresses, *(emergency.addresses if emergency else ())]
    ranges = {(rule.port, rule.port) for rule in map(parse_domain, names)}
    ranges |= {(rule.first, rule.last) for rule in map(parse_address, networks)}
    joined: list[tuple[int, int]] = []
    lowest, highest = (int(port) for port in PORTS.split("-"))
    own = {(first, last) for first, last in ranges if not lowest <= first <= last <= highest}
    for first, last in sorted(own | {(TLS_PORT, TLS_PORT)}):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def allowed_domains(settings: Egress, aws: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """What the resolver must answer, as in the settings and without ports: `.binance.com`, `api.stlouisfed.org`; sorted, none under another.

    The broker's own domain is among them, because the gateway looks its servers up before it is let out by address.
    """
    entries = {**settings.domains, **aws, **(settings.emergency.domains if settings.emergency else {})}
    rules = {DomainRule(rule.name, rule.below, TLS_PORT, "") for rule in (parse_domain(key) for key in entries)}
    rules.add(DomainRule(ZONE.removeprefix("."), below=True, port=TLS_PORT, why=""))
    return tuple(sorted(rule.pattern for rule in rules if not any(other != rule and other.covers(rule) for other in rules)))


def _numbered(group: Group, keyed: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Rules with sids that follow from what they allow, so that a longer list renumbers nothing; a collision moves to the next free one."""
    taken: set[int] = set()
    made: list[str] = []
    for key, rule in keyed:
        sid = int(sha256(key.encode()).hexdigest(), 16) % _SID_RANGE
        while sid in taken:
            sid = (sid + 1) % _SID_RANGE
        taken.add(sid)
        made.append(rule.replace("; sid:SID;", f"; sid:{_SIDS[group] + sid};"))
    return tuple(made)


def _domain_line(rule: DomainRule) -> tuple[str, str]:
    protocol, buffer, nocase = ("http", "http.host", "") if rule.port == HTTP_PORT else ("tls", "tls.sni", "nocase; ")
    match = (
        f'{buffer}; dotprefix; content:".{rule.name}"; {nocase}endswith;'
        if rule.below
        else f'{buffer}; content:"{rule.name}"; {nocase}startswith; endswith;'
    )
    text = f'pass {protocol} $HOME_NET any -> $EXTERNAL_NET {rule.port} (msg:"egress {rule.pattern} port {rule.port}, {rule.why}"; flow:to_server; {match} sid:SID; rev:1;)'
    return f"{rule.pattern}:{rule.port}", text


def _address_line(rule: AddressRule) -> tuple[str, str]:
    names = hosts_in(rule.cidr)
    metadata = f"metadata:{', '.join(f'host {name}' for name in names)}; " if names else ""
    ports = rule.ports.replace(":", " to ")
    text = f'pass tcp $HOME_NET any -> {rule.cidr} {rule.ports} (msg:"egress {rule.cidr} port {ports}, {rule.why}"; flow:to_server; {metadata}sid:SID; rev:1;)'
    return f"{rule.cidr}:{rule.ports}", text


def _closed(mode: EgressMode, ports: Iterable[int]) -> tuple[str, ...]:
    """What no rule above has let out, and what the default action would let out for a packet: other ports, UDP, ICMP, other protocols."""
    drop, reject = ("drop", "reject") if mode is EgressMode.DROP else ("alert", "alert")
    listed = sorted(set(ports))
    others = f"![{','.join(map(str, listed))}]" if listed else "any"
    return _numbered(
        Group.CLOSED,
        (
            (
                "tcp",
                f'{reject} tcp $HOME_NET any -> any {others} (msg:"egress closed, no rule for this TCP port"; flow:to_server; sid:SID; rev:1;)',
            ),
            (
                "udp",
                f'{drop} udp $HOME_NET any -> any any (msg:"egress closed, no UDP leaves, QUIC neither"; flow:to_server; sid:SID; rev:1;)',
            ),
            ("icmp", f'{drop} icmp $HOME_NET any -> any any (msg:"egress closed, no ICMP leaves"; sid:SID; rev:1;)'),
            (
                "ip",
                f'{drop} ip $HOME_NET any -> any any (msg:"egress closed, no other protocol leaves"; ip_proto:!1; ip_proto:!6; ip_proto:!17; sid:SID; rev:1;)',
            ),
        ),
    )


def rule_groups(settings: Egress, aws: Mapping[str, str] = MappingProxyType({})) -> tuple[RuleGroup, ...]:
    """Our rule groups in the order of their priorities; an empty one is left out, because AWS refuses it. None with mode `off`.

    Args:
        settings: The settings; `aws` adds to their domains.
        aws: AWS's own hosts that are reached through the NAT, each with a reason.

    Raises:
        ValueError: a group holds more rules than its capacity.
    """
    if settings.mode is EgressMode.OFF:
        return ()
    emergency = settings.emergency
    lists = {
        Group.EMERGENCY: (emergency.domains, emergency.addresses) if emergency else ({}, {}),
        Group.ADDRESSES: ({}, settings.addresses),
        Group.DOMAINS: ({**settings.domains, **aws}, {}),
    }
    made: list[RuleGroup] = []
    ports: set[int] = set()
    for group, (names, networks) in lists.items():
        domains = domain_rules(names)
        ports |= {rule.port for rule in domains}
        lines = [_address_line(rule) for rule in address_rules(networks)] + [_domain_line(rule) for rule in domains]
        if lines:
            made.append(RuleGroup(group, _numbered(group, lines)))
    made.append(RuleGroup(Group.CLOSED, _closed(settings.mode, ports)))
    for one in made:
        if len(one.rules) > one.capacity:
            raise ValueError(f"the rule group {one.group} has {len(one.rules)} rules and a capacity of {one.capacity}")
    return tuple(made)


def default_actions(mode: EgressMode) -> tuple[str, ...]:
    """What happens to a connection that no rule decides. Without the alert beside it, a drop leaves no line in the log.

    In mode `alert` there is no drop among them, and what no action drops passes.
    """
    alert = "aws:alert_established_app_layer_to_server"
    return (alert, "aws:drop_established_app_layer_to_server") if mode is EgressMode.DROP else (alert,)


def threat_arn(group: ThreatGroup, *, region: str, partition: str) -> str:
    """The ARN of an AWS-managed rule group for strict order."""
    return f"arn:{partition}:network-firewall:{region}:aws-managed:stateful-rulegroup/{group.value}StrictOrder"


def policy_capacity(threats: Iterable[ThreatGroup]) -> int:
    """An upper bound of the stateful rules of a policy with these managed groups and all of ours."""
    chosen = set(threats)
    common = _COMMON_CAPACITY if chosen & _COMMON else 0
    return common + sum(_THREAT_CAPACITY[group] for group in chosen - _COMMON) + sum(CAPACITY.values())


def endpoints_by_zone(states: Iterable[tuple[str | None, str | None]]) -> dict[str, str]:
    """Endpoint by zone, from (zone, endpoint) pairs in any order; AWS lists the zones in none. Halves that AWS does not know yet are left out."""
    return {zone: endpoint for zone, endpoint in states if zone and endpoint}


def emergency_tags(emergency: Emergency) -> dict[str, str]:
    """What the emergency rule group says about itself. The policy pack reads `Expires`."""
    return {"Expires": emergency.expires, "Reason": emergency.reason, "Reviewer": emergency.reviewer}


def emergency_problems(emergency: Emergency | None, today: date) -> tuple[str, ...]:
    """What a clock finds wrong with the emergency list, as ends of a sentence that starts with `egress.emergency.expires`.

    The program reads no clock, so this is for `nautilus`; the policy pack reads the group's tag.
    """
    if emergency is None:
        return ()
    expires = emergency.expires
    day = date.fromisoformat(expires)
    if day < today:
        return (f"was {expires}: the emergency list is over; remove egress.emergency, or have it reviewed again",)
    if day - today > timedelta(days=LONGEST_EMERGENCY_DAYS):
        return (
            f"is {expires}, more than {LONGEST_EMERGENCY_DAYS} days ahead: what is needed for longer belongs in egress.domains or egress.addresses",
        )
    return ()
