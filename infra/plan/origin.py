"""How the load balancer knows CloudFront: the conditions that a listener rule has room for, and the rotation of the header's value. Pure.

The header's value stands in two secrets: `current`, which CloudFront sends, and `previous`, which is accepted beside it. Whoever rotates
(a person with `up`, or a function that calls AWS) takes the steps of `rotation` in their order. Each step leaves the secrets so that
somebody who applies them at that moment, accepting both and sending `current`, shuts nobody out; so a deployment may happen between any two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

HEADER = "X-Origin-Verify"
"""The header that CloudFront adds to each request for the load balancer."""
VALUES_OF_A_CONDITION, VALUES_OF_A_RULE, WILDCARDS_OF_A_RULE = 3, 5, 5
"""What a listener rule takes: match evaluations of one condition, of all its conditions together, and wildcards (`*`, `?`) in them (ELB)."""
ACCEPTED = 2
"""Values of the header that are accepted: the current one and the one before it."""
PATTERNS = min(VALUES_OF_A_CONDITION, VALUES_OF_A_RULE - ACCEPTED)
"""Path patterns that fit a rule beside the header's values. ECS shifts one rule of a service, so they cannot be spread over two."""


def check_patterns(patterns: Sequence[str]) -> None:
    """Refuse path patterns that no listener rule takes beside the origin header.

    Raises:
        ValueError: None, more than `PATTERNS`, the same twice, more than five wildcards, or one that is no path of 1 to 128 characters.
    """
    if not 1 <= len(patterns) <= PATTERNS:
        raise ValueError(f"{len(patterns)} path patterns; a rule has room for 1 to {PATTERNS} beside the origin header (ELB)")
    if len(set(patterns)) != len(patterns):
        raise ValueError(f"a path pattern stands twice: {', '.join(sorted(patterns))}")
    wrong = [pattern for pattern in patterns if not pattern.startswith("/") or len(pattern) > 128]
    if wrong:
        raise ValueError(f"path patterns start with `/` and have at most 128 characters (ELB): {', '.join(wrong)}")
    wildcards = sum(pattern.count("*") + pattern.count("?") for pattern in patterns)
    if wildcards > WILDCARDS_OF_A_RULE:
        raise ValueError(f"{wildcards} wildcards in the path patterns; a rule takes {WILDCARDS_OF_A_RULE} (ELB)")


def accepted(current: str, previous: str) -> list[str]:
    """The values that a rule accepts, sorted, each once: in the middle of a rotation both secrets hold the same."""
    return sorted({current, previous})


@dataclass(frozen=True)
class Origin:
    """Everything that a rotation touches."""

    current: str
    """The secret of what CloudFront sends."""
    previous: str
    """The secret of what is accepted beside it."""
    rules: frozenset[str]
    """What the load balancer's rules accept."""
    sent: frozenset[str]
    """What CloudFront's edges send: two values while a change of the distribution spreads, which takes minutes."""

    @classmethod
    def settled(cls, current: str, previous: str) -> Origin:
        """Secrets that have been applied everywhere."""
        return cls(current, previous, frozenset(accepted(current, previous)), frozenset({current}))

    @property
    def open(self) -> bool:
        """Whether every request of CloudFront's passes."""
        return self.sent <= self.rules

    @property
    def rules_applied(self) -> Origin:
        """After the rules have been set to what the secrets say."""
        return replace(self, rules=frozenset(accepted(self.current, self.previous)))

    @property
    def spreading(self) -> Origin:
        """While the distribution changes to the current value: some edges send it already."""
        return replace(self, sent=self.sent | {self.current})

    @property
    def spread(self) -> Origin:
        """After the distribution is deployed everywhere."""
        return replace(self, sent=frozenset({self.current}))

    @property
    def deployed(self) -> tuple[Origin, ...]:
        """What an `up` does with the secrets as they are: the rules, then CloudFront, then the wait for its edges."""
        first = self.rules_applied
        return first, first.spreading, first.spreading.spread


def rotation(start: Origin, new: str) -> tuple[Origin, ...]:
    """Every state of a rotation to `new`, the first included.

    1. `previous` takes the value of `current`; nothing is applied yet.
    2. `current` takes the new value; an `up` or a function applies both: the rules first,
    3. then CloudFront, whose edges change one after the other.

    Raises:
        ValueError: CloudFront still sends another value than `current` (wait until the distribution is `Deployed`), it is shut out
            already, or `new` is not new.
    """
    if start.sent != frozenset({start.current}) or not start.open:
        raise ValueError("the last rotation has not spread yet: wait until the distribution is Deployed")
    if new in {start.current, start.previous}:
        raise ValueError("the new value is one of the old ones")
    kept = replace(start, previous=start.current)
    renewed = replace(kept, current=new)
    return start, kept, renewed, *renewed.deployed
