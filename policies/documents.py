"""IAM policy documents: who is admitted, to what, and whether a condition keeps strangers out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from policies.resources import Resource
from policies.rule import Problem, later, violation
from policies.values import ABSENT, Gap, Value, has_unknown, items, parse_json, texts

_ACCOUNT = re.compile(r"^\d{12}$")
_POSITIVE = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
_ACCOUNT_KEYS = frozenset(
    {"aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "kms:calleraccount", "s3:dataaccesspointaccount"}
)
_ARN_KEYS = frozenset({"aws:sourcearn", "aws:principalarn"})
_NAME_KEYS = frozenset(
    {
        "aws:principalorgid",
        "aws:sourceorgid",
        "aws:principalorgpaths",
        "aws:sourceorgpaths",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
    }
)


@dataclass(frozen=True)
class Condition:
    """One condition: an operator, a key, and the values that it accepts. All lower case but the values."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def keeps_strangers_out(self) -> bool:
        """Whether only callers of named accounts, organisations, networks or resources meet it.

        An operator that negates, or that a request without the key passes (`…IfExists`, `ForAllValues:`), keeps nobody out.
        """
        operator = self.operator.removeprefix("foranyvalue:")
        if not self.values:
            return False
        if operator in ("ipaddress",) and self.key == "aws:sourceip":
            return all(_narrow(value) for value in self.values)
        if operator not in _POSITIVE:
            return False
        if self.key in _ACCOUNT_KEYS:
            return all(_ACCOUNT.match(value) for value in self.values)
        if self.key in _ARN_KEYS:
            return all(_owned(value) for value in self.values)
        return self.key in _NAME_KEYS and not any("*" in value[:3] or not value for value in self.values)


@dataclass(frozen=True)
class Statement:
    """One statement of a document."""

    label: str
    allow: bool
    principals: tuple[tuple[str, str], ...]
    """Kind (`AWS`, `Service`, `Federated`, `CanonicalUser`) and value. A bare `*` is of kind `AWS`."""
    inverted: bool
    """Whether it names who is *not* meant (`NotPrincipal`)."""
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    partial: bool
    """Whether something in it is still unknown."""

    @property
    def guarded(self) -> bool:
        """Whether one of its conditions keeps strangers out (all conditions must be met, so one is enough)."""
        return any(condition.keeps_strangers_out for condition in self.conditions)

    @property
    def admits_everyone(self) -> bool:
        """Whether its principal is everybody, whatever its conditions say."""
        return self.inverted or any("*" in value for _, value in self.principals)

    @property
    def public(self) -> bool:
        """Whether strangers get in: everybody is admitted and no condition keeps them out."""
        return self.allow and self.admits_everyone and not self.guarded


def statements(resource: Resource, prop: str, value: Value | None = None) -> Iterator[Statement | Problem]:
    """The statements of the document at `prop`, or the problem that there is instead of one.

    Args:
        resource: The resource that carries the document.
        prop: The input that holds it: JSON text, or an object.
        value: The document, where it is not the input itself but a part of it.
    """
    document = resource.get(prop) if value is None else value
    if document is ABSENT or document == "":
        return
    if isinstance(document, Gap):
        yield later(resource, prop)
        return
    if isinstance(document, str):
        try:
            document = parse_json(document)
        except ValueError:
            yield violation(resource, prop, f"`{prop}` is not a JSON document")
            return
    listed = _field(document, "Statement")
    if not isinstance(document, dict) or listed is ABSENT:
        yield violation(resource, prop, f"`{prop}` is not a policy document: it has no statements")
        return
    if isinstance(listed, Gap):
        yield later(resource, prop)
        return
    for position, item in enumerate(items(listed), start=1):
        yield _statement(resource, prop, item, position)


def allowed(resource: Resource, prop: str, value: Value | None = None) -> Iterator[Statement | Problem]:
    """The statements that allow something and are fully known; a problem for each that is not known, and for a broken document."""
    for statement in statements(resource, prop, value):
        if isinstance(statement, Problem):
            yield statement
        elif statement.partial:
            yield later(resource, prop)
        elif statement.allow:
            yield statement


def account_of(principal: str) -> str:
    """The account in an AWS principal (an ARN or twelve digits); empty where it names none."""
    if _ACCOUNT.match(principal):
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" else ""


def public_statements(resource: Resource, prop: str) -> Iterator[Problem]:
    """A violation for each statement of a resource policy through which strangers get in."""
    for statement in allowed(resource, prop):
        if isinstance(statement, Problem):
            yield statement
        elif statement.public:
            yield violation(resource, prop, f"{statement.label} admits everybody to {', '.join(statement.actions) or 'its actions'}")


def _statement(resource: Resource, prop: str, item: Value, position: int) -> Statement | Problem:
    if isinstance(item, Gap):
        return later(resource, prop)
    effect = _field(item, "Effect")
    if not isinstance(item, dict) or (not isinstance(effect, Gap) and str(effect).lower() not in ("allow", "deny")) or effect is ABSENT:
        return violation(resource, prop, f"statement {position} of `{prop}` has no effect, neither Allow nor Deny")
    sid = _field(item, "Sid")
    inverted = _field(item, "NotPrincipal") is not ABSENT
    return Statement(
        label=f"statement {sid if isinstance(sid, str) and sid else position}",
        allow=isinstance(effect, Gap) or str(effect).lower() == "allow",
        principals=tuple(_principals(_field(item, "NotPrincipal" if inverted else "Principal"))),
        inverted=inverted,
        actions=tuple(texts(_field(item, "Action"))),
        not_actions=tuple(texts(_field(item, "NotAction"))),
        resources=tuple(texts(_field(item, "Resource"))),
        not_resources=tuple(texts(_field(item, "NotResource"))),
        conditions=tuple(_conditions(_field(item, "Condition"))),
        partial=has_unknown(item),
    )


def _principals(value: Value) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for kind, who in value.items():
            for name in texts(who):
                yield kind, name
    else:
        for name in texts(value):
            yield "AWS", name


def _conditions(value: Value) -> Iterator[Condition]:
    if not isinstance(value, dict):
        return
    for operator, keys in value.items():
        if isinstance(keys, dict):
            for key, accepted in keys.items():
                words = tuple(
                    str(item).lower() if isinstance(item, bool) else str(item) for item in items(accepted) if not isinstance(item, Gap)
                )
                yield Condition(operator.lower(), key.lower(), words)


def _field(item: Value, name: str) -> Value:
    # AWS reads the element names without regard to case.
    if not isinstance(item, dict):
        return ABSENT
    if name in item:
        return item[name]
    return next((value for key, value in item.items() if key.lower() == name.lower()), ABSENT)


def _owned(arn: str) -> bool:
    """Whether an ARN pattern fixes whose resource it is: by account, or by the name of a bucket (whose ARN has no account)."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    if parts[2] == "s3":
        return not parts[5].startswith(("*", "?"))
    return bool(_ACCOUNT.match(parts[4]))


def _narrow(cidr: str) -> bool:
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (8 if network.version == 4 else 32)
