"""Judgements that many rules share: a flag that must be on, a word that must be one of some, a partner that must exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from policies.resources import Resource, Stack
from policies.rule import Problem, unresolved, violation
from policies.values import ABSENT, UNKNOWN, Gap, Value


def flag_on(resource: Resource, path: str, message: str, *, default: bool = False) -> Iterator[Problem]:
    """A problem unless the boolean at `path` is true; `default` is what AWS or the provider makes of its absence."""
    value = resource.flag(path, default=default)
    if isinstance(value, Gap):
        yield unresolved(resource, path)
    elif not value:
        yield violation(resource, path, message)


def own_key(resource: Resource, path: str, message: str) -> Iterator[Problem]:
    """A problem with `message` unless a KMS key stands at `path` that is not AWS's own (`alias/aws/…`).

    A key that the stack has yet to make is one of ours: it is unknown, and something of the stack explains it.
    """
    key = resource.get(path)
    if key is UNKNOWN:
        if not resource.sources(path):
            yield unresolved(resource, path)
    elif key is ABSENT or key == "" or (isinstance(key, str) and "alias/aws/" in key):
        yield violation(resource, path, message)


def word_in(
    resource: Resource, prop: str, value: Value, accepted: Callable[[str], bool], message: str, *, default: str = ""
) -> Iterator[Problem]:
    """A problem unless `value`, which stands in the input `prop`, is an accepted word; `default` stands in for an absent one.

    `{}` in the message becomes the word, or `nothing`.
    """
    if value is UNKNOWN:
        yield unresolved(resource, prop)
        return
    word = default if value is ABSENT else str(value)
    if not accepted(word):
        yield violation(resource, prop, message.format(f"`{word}`" if word else "nothing"))


def one_of(words: Iterable[str]) -> Callable[[str], bool]:
    """Whether a word is among `words`."""
    known = frozenset(words)
    return lambda word: word in known


def partnered(stack: Stack, target: str, partner: str, path: str, prop: str, message: str) -> Iterator[Problem]:
    """A problem for each resource of type `target` that no resource of type `partner` names in its input `path`.

    A partner whose target is unknown, and that nothing of the stack explains, may belong to any of them: it is unresolved itself.
    """
    targets = stack.of(target)
    if not targets:
        return
    lost = [user for user in stack.of(partner) if user.get(path) is UNKNOWN and not user.sources(path)]
    for user in lost:
        yield unresolved(user, path)
    for resource in targets:
        if not lost and not stack.users(resource, path, partner):
            yield violation(resource, prop, message)
