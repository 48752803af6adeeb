"""What an egress firewall lets out, read from planned resources: policy and rule groups of AWS Network Firewall in strict order.

Reads the part of Suricata's language that infra.plan.egress writes, and refuses to judge a rule with anything else in it, because a rule that
is half understood proves nothing. AWS-managed groups stand in the policy by name alone: they refuse what they know as a threat, so an allowed
connection is allowed as far as the list goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from nautilus.inventory.ports import Ports, join
from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.references import References
from nautilus.inventory.suricata import PROTOCOLS, FirewallError, Query, Rule, parse_rule, port_ranges
from nautilus.inventory.tokens import FIREWALL, FIREWALL_POLICY, FIREWALL_RULES
from nautilus.inventory.values import UNKNOWN, listed, mapping, mappings


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
    references = References(inventory)
    for firewall in inventory.of_type(FIREWALL):
        policy = _refers(references, firewall, "firewallPolicyArn", firewall.inputs.get("firewallPolicyArn"), FIREWALL_POLICY)
        if policy is None:
            raise FirewallError(f"the policy of the firewall {firewall.name} is not in the plan")
        found[policy.urn] = _policy(references, policy)
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


def open_ports(inventory: Inventory, protocol: str = "tcp") -> Ports:
    """The ports on which the firewall lets anything out at all, to whatever host, as sorted ranges that do not touch.

    Everything without a firewall, and where unlisted traffic is only logged.

    Raises:
        FirewallError: the firewall cannot be judged.
    """
    found: list[tuple[int, int]] = []
    known = policies(inventory)
    for policy in known:
        found += _lets_out(policy, protocol)
    return join(tuple(found) if known else ((0, 65_535),))


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


# --- reading the plan -------------------------------------------------------------------------------------------------------


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in listed(value))


def _refers(references: References, owner: PlannedResource, key: str, value: Any, kind: str) -> PlannedResource | None:
    """The resource of a kind that an ARN is of, as its outputs say, or by the physical name that the ARN ends in."""
    if isinstance(value, str) and value != UNKNOWN:
        named = references.named(value, kind) or references.named(value.rpartition("/")[2], kind)
        return named[0] if named else None
    # An event log carries no dependencies: then only a plan with one resource of the kind is clear.
    candidates = references.sources(owner, key, kind) or references.inventory.of_type(kind)
    return candidates[0] if len(candidates) == 1 else None


def _policy(references: References, resource: PlannedResource) -> Policy:
    document = mapping(resource.inputs.get("firewallPolicy"))
    if mapping(document.get("statefulEngineOptions")).get("ruleOrder") != "STRICT_ORDER":
        raise FirewallError(f"the policy {resource.name} has no strict order, so that no line decides")
    items = [mapping(item) for item in listed(document.get("statefulRuleGroupReferences"))]
    groups = sorted((_group(references, resource, item) for item in items), key=lambda group: group.priority)
    variables = mappings(mapping(document.get("policyVariables")).get("ruleVariables"))
    home = [_texts(mapping(item.get("ipSet")).get("definitions")) for item in variables if item.get("key") == "HOME_NET"]
    return Policy(
        name=resource.name,
        groups=tuple(groups),
        defaults=_texts(document.get("statefulDefaultActions")),
        stateless=_texts(document.get("statelessDefaultActions")),
        home=tuple(IPv4Network(block) for blocks in home for block in blocks if block != UNKNOWN),
    )


def _group(references: References, policy: PlannedResource, reference: Mapping[str, Any]) -> RuleGroup:
    arn, priority = reference.get("resourceArn"), reference.get("priority")
    if priority is None:
        raise FirewallError(f"a rule group of the policy {policy.name} has no priority")
    place = int(float(str(priority)))
    if isinstance(arn, str) and ":aws-managed:" in arn:
        alert_only = mapping(reference.get("override")).get("action") == "DROP_TO_ALERT"
        return RuleGroup(arn.rpartition("/")[2], place, managed=True, alert_only=alert_only)
    resource = _refers(references, policy, "firewallPolicy", arn, FIREWALL_RULES)
    if resource is None:
        raise FirewallError(f"a rule group of the policy {policy.name} is not in the plan: {arn}")
    text = resource.inputs.get("rules") or mapping(mapping(resource.inputs.get("ruleGroup")).get("rulesSource")).get("rulesString")
    if not isinstance(text, str) or text == UNKNOWN:
        raise FirewallError(f"the rules of the group {resource.name} are not written as Suricata text")
    lines = [line.strip() for line in text.splitlines()]
    return RuleGroup(resource.name, place, tuple(parse_rule(line) for line in lines if line and not line.startswith("#")))
