"""Which environment a stack is: some rules hold in production alone."""

from __future__ import annotations

from policies.resources import AWS_PROVIDER, Stack
from policies.rule import Given
from policies.values import ABSENT, UNKNOWN, descend, parse_json

PRODUCTION = "prod"


def environment_of(stack: Stack) -> object:
    """The tag `Environment` that the stack's providers put on everything; the stack's name where there is none."""
    for provider in stack.of(AWS_PROVIDER):
        tags = provider.get("defaultTags")
        if isinstance(tags, str):
            tags = parse_json(tags)
        found = UNKNOWN if tags is UNKNOWN else descend(tags, "tags.Environment")
        if found is not ABSENT:
            return found
    return stack.name


def of_environment(environment: object) -> Given:
    """For examples of rules: a provider that says which environment the stack is."""
    return Given(AWS_PROVIDER, "aws", {"defaultTags": {"tags": {"Environment": environment}}})
