"""What an egress firewall lets out, read from planned resources: policy and rule groups of AWS Network Firewall in strict order.

Reads the part of Suricata's language that infra.plan.egress writes, and refuses to judge a rule with anything else in it, because a rule that
is half understood proves nothing. AWS-managed groups stand in the policy by name alone: they refuse what they know as a threat, so an allowed
connection is allowed as far as the list goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final, cast

from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import UNKNOWN

FIREWALL: Final = "aws:networkfirewall/firewall:Firewall"
POLICY: Final = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
RULE_GROUP: Final = "aws:networkfirewall/ruleGroup:RuleGroup"
PROTOCOLS: Final[Mapping[str, int]] = {"icmp": 1, "tcp": 6, "udp": 17}
"""Protocols that can be asked about, with their numbers (IANA)."""

_RULE = re.compile(r"(pass|drop|reject|alert)\s+(\S+)\s+(\S+)\s+(\S+)\s+->\s+(\S+)\s+(\S+)\s*\((.*)\)\s*")
_OPTION = re.compile(r'\s*([a-z_.]+)\s*(?::\s*((?:"(?:[^"\\]|\\.)*"|[^;"])*))?;')
_PLAIN = frozenset({"msg", "sid", "rev", "metadata", "flow", "content", "ip_proto"})
_FLAGS = frozenset({"tls.sni", "http.host", "dotprefix", "nocase", "startswith", "endswith"})


class FirewallError(ValueError):
    """The plan's firewall cannot be judged."""


@dataclass(frozen=True)
class Verdict:
    """Whether a connection may leave, and what decides it."""

    allowed: bool
    rule: str
    """The deciding rule: its sid and message, or the default action."""
    group: str
    """The rule group that holds it; empty for a default action, and without a firewall."""
    reason: str
    """One sentence for people."""
    logged: bool = False
    """Whether the firewall writes a line about it in its alert log."""
    firewall: bool = True
    """False where there is no firewall at all."""


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


def port_ranges(text: str) -> tuple[tuple[int, int], ...]:
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
    found.sort()
    if not negated:
        return tuple(found)
    gaps: list[tuple[int, int]] = []
    start = 0
    for first, last in found:
        if first > start:
            gaps.append((start, first - 1))
        start = max(start, last + 1)
    return (*gaps, (start, 65_535)) if start <= 65_535 else tuple(gaps)


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


@dataclass(frozen=True)
class RuleGroup:
    """One rule group in the policy's order; `managed` ones have no readable rules."""

    name: str
    priority: int
    rules: tuple[Rule, ...] = ()
    managed: bool = False
    alert_only: bool = False


@dataclass(frozen=True)
class Policy:
    """What one firewall does, in the order in which it asks."""

    name: str
    groups: tuple[RuleGroup, ...]
    defaults: tuple[str, ...]
    stateless: tuple[str, ...]
    home: tuple[IPv4Network, ...]

    @property
    def drops(self) -> bool:
        """Whether what no rule decides is dropped."""
        return any(action.startswith("aws:drop") for action in self.defaults)

    @property
    def alerts(self) -> bool:
        """Whether what no rule decides is logged."""
        return any(action.startswith("aws:alert") for action in self.defaults)

    def judge(self, query: Query) -> Verdict:
        """The verdict on one connection: the first `pass`, `drop` or `reject` decides, an `alert` only writes a line."""
        target = f"{query.host}:{query.port}" + ("" if query.protocol == "tcp" else f"/{query.protocol}")
        if "aws:forward_to_sfe" not in self.stateless:
            allowed = "aws:pass" in self.stateless
            word = "passes" if allowed else "drops"
            return Verdict(
                allowed, f"stateless default action {' and '.join(self.stateless)}", "", f"the firewall {word} it before any rule"
            )
        noticed: str | None = None
        for group in self.groups:
            for rule in group.rules:
                if not rule.matches(query, self.home):
                    continue
                if rule.action == "alert":
                    noticed = noticed or rule.label
                elif rule.action == "pass":
                    return Verdict(True, rule.label, group.name, f"{target} is on the list", logged=noticed is not None)
                else:
                    return Verdict(False, rule.label, group.name, f"{target} is refused by the firewall", logged=True)
        return self._default(query, target, noticed)

    def _default(self, query: Query, target: str, noticed: str | None) -> Verdict:
        rule = f"default action {' and '.join(self.defaults) or 'of no kind'}"
        if self.drops and (query.protocol == "tcp" or "aws:drop_strict" in self.defaults):
            return Verdict(False, rule, "", f"no rule lets {target} out", logged=self.alerts)
        if self.drops:
            return Verdict(
                True,
                rule,
                "",
                f"no rule is about {target}, and the default action drops established connections only: its first packets leave",
            )
        logged = noticed is not None or self.alerts
        return Verdict(
            True,
            noticed or rule,
            "",
            f"no rule lets {target} out, but the firewall only {'logs' if logged else 'watches'} it: allowed",
            logged=logged,
        )


def policies(inventory: Inventory) -> tuple[Policy, ...]:
    """The policies of the plan's firewalls, sorted by name; none where there is no firewall.

    Raises:
        FirewallError: a policy or a rule group is not in the plan, or cannot be read.
    """
    found: dict[str, Policy] = {}
    for firewall in inventory.of_type(FIREWALL):
        policy = _refers(inventory, firewall, "firewallPolicyArn", firewall.inputs.get("firewallPolicyArn"), POLICY)
        if policy is None:
            raise FirewallError(f"the policy of the firewall {firewall.name} is not in the plan")
        found[policy.urn] = _policy(inventory, policy)
    return tuple(sorted(found.values(), key=lambda policy: policy.name))


def verdict(inventory: Inventory, host: str, port: int, protocol: str = "tcp") -> Verdict:
    """Whether the plan's firewall lets a connection from the app tier out to `host` (a name or an IPv4 address) and `port`.

    Of several firewalls the most generous answer counts: a way out is a way out.

    Raises:
        FirewallError: the firewall cannot be judged.
        ValueError: an unknown protocol, or a port outside 0 to 65535.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"the protocol {protocol!r} is none of {', '.join(PROTOCOLS)}")
    if not 0 <= port <= 65_535:
        raise ValueError(f"the port {port} is outside 0 to 65535")
    query = Query(host.lower().removesuffix("."), port, protocol)
    answers = [policy.judge(query) for policy in policies(inventory)]
    if not answers:
        return Verdict(True, "none", "", "there is no egress firewall in this plan: everything leaves through the NAT", firewall=False)
    return next((answer for answer in answers if answer.allowed), answers[0])


def open_ports(inventory: Inventory, protocol: str = "tcp") -> tuple[tuple[int, int], ...]:
    """The ports on which the firewall lets anything out at all, to whatever host, as sorted ranges that do not touch.

    Everything without a firewall, and where unlisted traffic is only logged.

    Raises:
        FirewallError: the firewall cannot be judged.
    """
    found: list[tuple[int, int]] = []
    known = policies(inventory)
    for policy in known:
        found += _lets_out(policy, protocol)
    return _merged(found if known else [(0, 65_535)])


def _lets_out(policy: Policy, protocol: str) -> Iterator[tuple[int, int]]:
    if "aws:forward_to_sfe" not in policy.stateless:
        if "aws:pass" in policy.stateless:
            yield (0, 65_535)
        return
    for group in policy.groups:
        for rule in group.rules:
            of = "tcp" if rule.protocol in ("tls", "http") else rule.protocol
            about = of == protocol or (of == "ip" and PROTOCOLS[protocol] not in rule.not_protocols)
            if rule.action == "pass" and about:
                yield from port_ranges(rule.ports)
    # What no rule names: asked of a host that is on no list, at one port of each stretch that the rules tell apart.
    edges = sorted(
        {
            0,
            *(
                edge
                for group in policy.groups
                for rule in group.rules
                for first, last in port_ranges(rule.ports)
                for edge in (first, last + 1)
            ),
        }
    )
    for first, after in zip(edges, [*edges[1:], 65_536], strict=True):
        if first <= 65_535 and policy.judge(Query("host.invalid", first, protocol)).allowed:
            yield (first, after - 1)


def _merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


# --- reading the plan -------------------------------------------------------------------------------------------------------


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(value))


def _is(resource: PlannedResource, arn: str) -> bool:
    """Whether an ARN is this resource's, as its outputs say, or by the physical name that the ARN ends in."""
    if arn in (resource.outputs.get("arn"), resource.outputs.get("id")):
        return True
    return arn.rpartition("/")[2] == resource.inputs.get("name") and ":aws-managed:" not in arn


def _refers(inventory: Inventory, owner: PlannedResource, key: str, value: Any, kind: str) -> PlannedResource | None:
    if isinstance(value, str) and value != UNKNOWN:
        return next((item for item in inventory.of_type(kind) if _is(item, value)), None)
    named = [inventory[urn] for urn in owner.property_dependencies.get(key, ()) if urn in inventory and inventory[urn].type == kind]
    # An event log carries no dependencies: then only a plan with one resource of the kind is clear.
    candidates = named or list(inventory.of_type(kind))
    return candidates[0] if len(candidates) == 1 else None


def _policy(inventory: Inventory, resource: PlannedResource) -> Policy:
    document = _mapping(resource.inputs.get("firewallPolicy"))
    if _mapping(document.get("statefulEngineOptions")).get("ruleOrder") != "STRICT_ORDER":
        raise FirewallError(f"the policy {resource.name} has no strict order, so that no line decides")
    references = [_mapping(item) for item in _list(document.get("statefulRuleGroupReferences"))]
    groups = sorted((_group(inventory, resource, item) for item in references), key=lambda group: group.priority)
    variables = [_mapping(item) for item in _list(_mapping(document.get("policyVariables")).get("ruleVariables"))]
    home = [_texts(_mapping(item.get("ipSet")).get("definitions")) for item in variables if item.get("key") == "HOME_NET"]
    return Policy(
        name=resource.name,
        groups=tuple(groups),
        defaults=_texts(document.get("statefulDefaultActions")),
        stateless=_texts(document.get("statelessDefaultActions")),
        home=tuple(IPv4Network(block) for blocks in home for block in blocks if block != UNKNOWN),
    )


def _group(inventory: Inventory, policy: PlannedResource, reference: Mapping[str, Any]) -> RuleGroup:
    arn, priority = reference.get("resourceArn"), reference.get("priority")
    if priority is None:
        raise FirewallError(f"a rule group of the policy {policy.name} has no priority")
    place = int(float(str(priority)))
    if isinstance(arn, str) and ":aws-managed:" in arn:
        alert_only = _mapping(reference.get("override")).get("action") == "DROP_TO_ALERT"
        return RuleGroup(arn.rpartition("/")[2], place, managed=True, alert_only=alert_only)
    resource = _refers(inventory, policy, "firewallPolicy", arn, RULE_GROUP)
    if resource is None:
        raise FirewallError(f"a rule group of the policy {policy.name} is not in the plan: {arn}")
    text = resource.inputs.get("rules") or _mapping(_mapping(resource.inputs.get("ruleGroup")).get("rulesSource")).get("rulesString")
    if not isinstance(text, str) or text == UNKNOWN:
        raise FirewallError(f"the rules of the group {resource.name} are not written as Suricata text")
    lines = [line.strip() for line in text.splitlines()]
    return RuleGroup(resource.name, place, tuple(parse_rule(line) for line in lines if line and not line.startswith("#")))
