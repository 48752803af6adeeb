"""The part of Suricata's language that an egress firewall's rules are written in: one rule, and whether it is about a connection.

A rule with anything else in it is refused, because a rule that is half understood proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from nautilus.inventory.ports import Ports, without

PROTOCOLS: Final[Mapping[str, int]] = {"icmp": 1, "tcp": 6, "udp": 17}
"""Protocols that can be asked about, with their numbers (IANA)."""

_RULE = re.compile(r"(pass|drop|reject|alert)\s+(\S+)\s+(\S+)\s+(\S+)\s+->\s+(\S+)\s+(\S+)\s*\((.*)\)\s*")
_OPTION = re.compile(r'\s*([a-z_.]+)\s*(?::\s*((?:"(?:[^"\\]|\\.)*"|[^;"])*))?;')
_PLAIN = frozenset({"msg", "sid", "rev", "metadata", "flow", "content", "ip_proto"})
_FLAGS = frozenset({"tls.sni", "http.host", "dotprefix", "nocase", "startswith", "endswith"})


class FirewallError(ValueError):
    """The plan's firewall cannot be judged."""


@dataclass(frozen=True)
class Query:
    """A connection from the app tier: to a name (in lower case) or an IPv4 address."""

    host: str
    port: int
    protocol: str = "tcp"

    @cached_property
    def address(self) -> IPv4Address | None:
        """The host as an address; None for a name."""
        try:
            return IPv4Address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True)
class Rule:
    """One rule, parsed."""

    action: str
    protocol: str
    target: str
    ports: str
    sid: int
    message: str
    name: str | None
    """What the server's name must be or end in; None for rules that look at addresses alone."""
    below: bool
    hosts: tuple[str, ...]
    """Names whose servers are known to stand in the target network (`metadata:host …`)."""
    not_protocols: tuple[int, ...]

    @property
    def label(self) -> str:
        """For people."""
        return f"sid {self.sid}: {self.action} {self.protocol}, {self.message}"

    def matches(self, query: Query, home: tuple[IPv4Network, ...]) -> bool:
        """Whether it is about this connection. A name matches a network only where the rule itself says that the name stands in it."""
        number = PROTOCOLS[query.protocol]
        if self.protocol == "ip":
            if number in self.not_protocols:
                return False
        elif self.protocol in ("tls", "http"):
            if query.protocol != "tcp" or not self._names(query):
                return False
        elif self.protocol != query.protocol:
            return False
        if query.protocol in ("tcp", "udp") and not _port_in(query.port, self.ports):
            return False
        return _address_in(query, self.target, home, self.hosts)

    def _names(self, query: Query) -> bool:
        if self.name is None or query.address is not None:
            return False  # a client that connects to an address sends no server name
        return query.host == self.name or (self.below and query.host.endswith(f".{self.name}"))


def parse_rule(line: str) -> Rule:
    """One line of Suricata.

    Raises:
        FirewallError: not a rule, or one with a keyword, a source or a flow that this check does not know.
    """
    match = _RULE.fullmatch(line)
    if match is None:
        raise FirewallError(f"no rule that this check can read: {line}")
    action, protocol, source, source_port, target, ports, text = match.groups()
    options = _options(text, line)
    if source not in ("$HOME_NET", "any") or source_port != "any":
        raise FirewallError(f"the source {source} {source_port} is not the whole app tier: {line}")
    if protocol not in ("tcp", "udp", "icmp", "ip", "tls", "http"):
        raise FirewallError(f"the protocol {protocol} is unknown to this check: {line}")
    values: dict[str, list[str]] = {}
    for key, value in options:
        values.setdefault(key, []).append(value)
    if any(flow != "to_server" for flow in values.get("flow", [])):
        raise FirewallError(f"the flow is not to_server: {line}")
    metadata = [item.strip().partition(" ") for value in values.get("metadata", []) for item in value.split(",")]
    return Rule(
        action=action,
        protocol=protocol,
        target=target,
        ports=ports,
        sid=int(values.get("sid", ["0"])[0]),
        message=values.get("msg", [""])[0],
        name=_name(protocol, values, line),
        below="dotprefix" in values,
        hosts=tuple(value.strip().lower() for key, _, value in metadata if key == "host"),
        not_protocols=tuple(_excluded(value, line) for value in values.get("ip_proto", [])),
    )


def _options(text: str, line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = _OPTION.match(text, position)
        if match is None:
            raise FirewallError(f"options that this check cannot read: {line}")
        key, value = match[1], (match[2] or "").strip()
        if key not in (_FLAGS if match[2] is None else _PLAIN):
            raise FirewallError(f"the keyword {key} is unknown to this check: {line}")
        found.append((key, value[1:-1] if value.startswith('"') else value))
        position = match.end()
    return found


def _name(protocol: str, values: Mapping[str, list[str]], line: str) -> str | None:
    content = values.get("content", [])
    if protocol not in ("tls", "http"):
        if content:
            raise FirewallError(f"content outside of a TLS or HTTP rule: {line}")
        return None
    exact, below = "startswith" in values, "dotprefix" in values
    buffer = "tls.sni" if protocol == "tls" else "http.host"
    if (
        len(content) != 1
        or buffer not in values
        or "endswith" not in values
        or exact == below
        or (below and not content[0].startswith("."))
    ):
        raise FirewallError(f"neither an exact name nor one with everything below it: {line}")
    return content[0].removeprefix(".").lower()


def _excluded(value: str, line: str) -> int:
    if not value.startswith("!") or not value[1:].isdigit():
        raise FirewallError(f"ip_proto is not the exclusion of a number: {line}")
    return int(value[1:])


def _members(text: str) -> tuple[bool, list[str]]:
    """Whether a list is negated, and what it lists: `![443,9443]` gives (True, [443, 9443])."""
    negated = text.startswith("!")
    plain = text.removeprefix("!")
    if plain.startswith("[") and plain.endswith("]"):
        return negated, [part.strip() for part in plain[1:-1].split(",")]
    return negated, [plain]


def port_ranges(text: str) -> Ports:
    """The ports of a rule as ranges: `any`, `443`, `4000:4001`, `[80,443]`, or a negation of these.

    Raises:
        FirewallError: another form.
    """
    if text == "any":
        return ((0, 65_535),)
    negated, members = _members(text)
    found: list[tuple[int, int]] = []
    for member in members:
        first, _, last = member.partition(":")
        if not first.isdigit() or (last and not last.isdigit()):
            raise FirewallError(f"the ports {text} cannot be read")
        found.append((int(first), int(last or first)))
    spans = tuple(sorted(found))
    return without(((0, 65_535),), spans) if negated else spans


def _port_in(port: int, text: str) -> bool:
    return any(first <= port <= last for first, last in port_ranges(text))


def _address_in(query: Query, text: str, home: tuple[IPv4Network, ...], hosts: tuple[str, ...]) -> bool:
    if text == "any":
        return True
    if text in ("$EXTERNAL_NET", "!$HOME_NET"):
        return query.address is None or not any(query.address in network for network in home)
    if text == "$HOME_NET":
        return query.address is not None and any(query.address in network for network in home)
    negated, members = _members(text)
    try:
        networks = [IPv4Network(member) for member in members]
    except ValueError:
        raise FirewallError(f"the target {text} cannot be read") from None
    if query.address is None:
        if negated:
            raise FirewallError(f"whether {query.host} is outside of {text} cannot be told from its name")
        return query.host in hosts
    return any(query.address in network for network in networks) != negated
