"""The resolver's firewall: which names it answers. Pure.

A name server that an attacker runs is a way out past every other fence: the question itself carries the data, and the VPC's resolver
passes it on. So the resolver answers the names that the platform needs and says of every other that it does not exist. Names under AWS's
own domains are served by AWS alone and carry nothing to anybody else; what a task may connect to behind them is the egress firewall's matter.

How the resolver reads a list (Route 53 Resolver developer guide): `example.com` is that name alone, `*.example.com` every name below it, a
single asterisk every name; rules go by priority, and the first that matches decides. It keeps names with their closing dot and returns
them so: written without, the provider would see a change after every refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

LONGEST_LIST = 1000
"""Names that the resolver takes in one request (Route 53 Resolver API, UpdateFirewallDomains)."""
LONGEST_NAME = 255
"""Characters of a name, with its closing dot."""
EVERY_NAME = "*."

AWS_NAMES = ("*.amazonaws.com", "*.api.aws")
"""AWS's APIs, and with them databases, caches, file systems, load balancers and registries of ours."""
VPC_NAMES = ("*.compute.internal", "*.ec2.internal")
"""Names that the resolver itself gives to addresses in the VPC, which every lookup of a short name tries too."""


class Verdict(StrEnum):
    """What a rule does with a name that it matches (Route 53 Resolver's words)."""

    ALLOW = "ALLOW"
    ALERT = "ALERT"
    BLOCK = "BLOCK"


@dataclass(frozen=True)
class Rule:
    """One rule, and the list that it goes by."""

    part: str
    """Short, stable name."""
    priority: int
    verdict: Verdict
    domains: tuple[str, ...]
    trust_redirection: bool = False
    """Whether what an answer redirects to is let through unseen; otherwise every name of the chain must be allowed."""

    def matches(self, name: str) -> bool:
        """Whether a question for `name` falls under the rule."""
        return any(covers(pattern, name) for pattern in self.domains)


def covers(pattern: str, name: str) -> bool:
    """Whether `pattern` of a list matches `name`, which may itself be a pattern: then whether it matches everything that `name` does."""
    pattern, name = fully(pattern), fully(name)
    if pattern == EVERY_NAME:
        return True
    if pattern.startswith("*."):
        return name.removeprefix("*").endswith(pattern.removeprefix("*"))
    return pattern == name


def fully(name: str) -> str:
    """A name or pattern in the resolver's own form: lower case, with the closing dot."""
    return f"{name.lower().rstrip('.')}."


def spelled(domains: Iterable[str]) -> tuple[str, ...]:
    """Domains in the resolver's form, sorted, once each, none under another.

    `.example.com`, as the egress firewall writes it, is the domain and everything below it: here two entries.
    """
    names: set[str] = set()
    for domain in domains:
        if domain.startswith("."):
            names |= {fully(domain[1:]), fully(f"*{domain}")}
        else:
            names.add(fully(domain))
    return tuple(sorted(name for name in names if not any(other != name and covers(other, name) for other in names)))


def reverse(vpc: str) -> str:
    """The reverse zone around the VPC's block: answered by the resolver itself, never passed on, so no way out."""
    first, second = str(IPv4Network(vpc).network_address).split(".")[:2]
    return f"*.{second}.{first}.in-addr.arpa"


def own_names(vpc: str) -> tuple[str, ...]:
    """Names that every platform needs, whatever its settings say."""
    return (*AWS_NAMES, *VPC_NAMES, reverse(vpc))


def rules(*, allowed: Sequence[str], blocked: Sequence[str], block: bool) -> tuple[Rule, ...]:
    """The rules in the order in which they are asked.

    Args:
        allowed: Names that are answered, as `example.com`, `*.example.com` or `.example.com`.
        blocked: Names that are not, before what is allowed.
        block: Whether the rest is blocked; else it is answered and logged as an alert, and so is what is blocked.

    Raises:
        ValueError: Nothing is allowed, a list is longer than the resolver takes, or a name is.
    """
    verdict = Verdict.BLOCK if block else Verdict.ALERT
    if not allowed:
        raise ValueError("the DNS firewall allows no name: not even AWS's own would be answered")
    # An answer may redirect to names that nobody can list beforehand (content networks, AWS's own load balancers). Asking the last name
    # of such a chain directly is still refused.
    lists = [
        Rule("blocked", 100, verdict, spelled(blocked)),
        Rule("allowed", 200, Verdict.ALLOW, spelled(allowed), trust_redirection=True),
        Rule("rest", 300, verdict, (EVERY_NAME,)),
    ]
    for rule in lists:
        if len(rule.domains) > LONGEST_LIST:
            raise ValueError(f"the DNS firewall's list of {rule.part} names has {len(rule.domains)}: the resolver takes {LONGEST_LIST}")
        for name in rule.domains:
            if len(name) > LONGEST_NAME:
                raise ValueError(f"the DNS firewall's list of {rule.part} names: {name[:40]}… is longer than {LONGEST_NAME} characters")
    return tuple(rule for rule in lists if rule.domains)


def verdict(found: Sequence[Rule], name: str) -> tuple[Verdict, str]:
    """What the rules do with a question for `name`, and which one: `(ALLOW, "allowed")`. Without any rule everything is answered."""
    for rule in sorted(found, key=lambda rule: rule.priority):
        if rule.matches(name):
            return rule.verdict, rule.part
    return Verdict.ALLOW, ""
