"""Security-group rules out of the flow table. Pure: the table says who talks to whom, this says which rules let them.

A table that would expose data is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from infra.plan.flows import OUTSIDE, Flow, Role

DATA_ROLES = frozenset({Role.POSTGRES, Role.TIMESCALE, Role.CACHE, Role.SESSION_FILES})
"""Groups that hold data: the outside neither reaches them nor is reached from them, but for S3 through its gateway endpoint and AWS's APIs
from the TimescaleDB nodes, which are machines."""

OPTIONAL = frozenset(
    {Role.MIGRATIONS, Role.PROXY, Role.RECONCILIATION, Role.RESTORE_CHECK, Role.ROLLOUT_HOOK, Role.ROTATION, Role.TIMESCALE, Role.VPN}
)
"""Groups of components that a platform may do without."""

ADMINISTRATION_PORTS = frozenset({22, 3389})
"""SSH and remote desktop. No flow may open them to anybody: people come in through Session Manager or the VPN."""

ADMINISTERED = frozenset({Role.POSTGRES, Role.TIMESCALE})
"""What administrators may reach through the VPN."""

_MACHINES = frozenset({Role.TIMESCALE})
_DESCRIPTION = re.compile(r"[^a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]")


class Direction(StrEnum):
    """Which way a rule opens a group."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, order=True)
class Rule:
    """`group` accepts connections from `peer` (IN) or opens them to it (OUT), TCP, on `first` to `last` port."""

    group: Role
    direction: Direction
    peer: Role
    first: int
    last: int
    description: str

    @property
    def key(self) -> str:
        """A short, stable name of the rule, unique in a table."""
        return f"{self.group}-{self.direction}-{self.peer}-{self.first}"


def describe(why: str) -> str:
    """`why` as AWS takes it for a rule's description: at most 255 characters of a small alphabet, which lacks the apostrophe (EC2 API)."""
    return _DESCRIPTION.sub("", why)[:255].strip()


def check(table: tuple[Flow, ...]) -> None:
    """Refuse a table that opens what must stay closed.

    Raises:
        ValueError: The outside reaches a group other than the load balancer's, or that one from anywhere but CloudFront on 443
            (NET-03, NET-04, LB-10); a data group may talk to the internet (NET-12); a port is out of range; a flow stands in
            the table twice; SSH or remote desktop is opened to anybody (NET-02); or the VPN reaches more than databases (PFC-077),
            or is reached.
    """
    seen: set[tuple[Role, Role, int]] = set()
    for flow in table:
        what = f"{flow.source} → {flow.target}:{flow.port}"
        first, last = flow.ports
        if not 1 <= first <= last <= 65_535:
            raise ValueError(f"{what}: ports {first} to {last} are not a range of TCP ports")
        if flow.source in OUTSIDE and flow.target in OUTSIDE:
            raise ValueError(f"{what}: neither side is a security group of ours")
        if flow.source in OUTSIDE and flow.target in DATA_ROLES:
            raise ValueError(f"{what}: the outside must not reach a group that holds data (NET-04)")
        if flow.source in OUTSIDE and (flow.source, flow.target, flow.ports) != (Role.CLOUDFRONT, Role.LOAD_BALANCER, (443, 443)):
            raise ValueError(f"{what}: CloudFront to the load balancer on 443 is the only way in (NET-03, LB-10)")
        if flow.target is Role.INTERNET and flow.source in DATA_ROLES - _MACHINES:
            raise ValueError(f"{what}: a group that holds data must not reach the internet (NET-12)")
        if any(first <= port <= last for port in ADMINISTRATION_PORTS):
            raise ValueError(f"{what}: SSH and remote desktop stay closed, inside too (NET-02)")
        if flow.source is Role.VPN and flow.target not in ADMINISTERED:
            raise ValueError(f"{what}: administrators reach databases through the VPN, and nothing else (PFC-077)")
        if flow.target is Role.VPN:
            raise ValueError(f"{what}: nothing opens connections to an administrator's machine")
        if (flow.source, flow.target, first) in seen:
            raise ValueError(f"{what}: stands in the flow table twice")
        seen.add((flow.source, flow.target, first))


def rules(table: tuple[Flow, ...]) -> tuple[Rule, ...]:
    """Every rule that the table needs, in a stable order: an OUT rule on each source and an IN rule on each target that is a group of ours.

    Raises:
        ValueError: `check` refuses the table.
    """
    check(table)
    found: list[Rule] = []
    for flow in table:
        first, last = flow.ports
        why = describe(flow.why)
        if flow.source not in OUTSIDE:
            found.append(Rule(flow.source, Direction.OUT, flow.target, first, last, why))
        if flow.target not in OUTSIDE:
            found.append(Rule(flow.target, Direction.IN, flow.source, first, last, why))
    return tuple(sorted(found))


def groups(table: tuple[Flow, ...]) -> tuple[Role, ...]:
    """The roles that get a security group, in the order of `Role`: all of ours, and the optional ones if the table names them.

    A role that the table does not name, such as ENDPOINTS without endpoints, has a group without rules: nothing passes it, and what
    refers to it need not ask.
    """
    named = {role for flow in table for role in (flow.source, flow.target)}
    return tuple(role for role in Role if role not in OUTSIDE and (role in named or role not in OPTIONAL))
