"""Rules about functions (Lambda): what runs them, and what stands in their environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    later,
    unknown,
    unresolved,
    violation,
)
from policies.rules.containers import looks_secret
from policies.values import ABSENT, UNKNOWN, Gap

FUNCTION = "aws:lambda/function:Function"

SUPPORTED_UNTIL = {
    "dotnet8": date(2026, 11, 10),
    "dotnet10": date(2028, 11, 14),
    "java21": date(2029, 6, 30),
    "java25": date(2029, 6, 30),
    "nodejs20.x": date(2026, 4, 30),
    "nodejs22.x": date(2027, 4, 30),
    "nodejs24.x": date(2028, 4, 30),
    "provided.al2023": date(2029, 6, 30),
    "python3.11": date(2027, 6, 30),
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
    "ruby3.3": date(2027, 3, 31),
    "ruby3.4": date(2028, 3, 31),
}
"""Runtime → the last day on which AWS repairs it (Lambda's table of runtimes, read in 2026). What is not here is not supported."""


def _maintained(stack: Stack) -> Iterator[Problem]:
    for function in stack.of(FUNCTION):
        kind, runtime = function.get("packageType"), function.get("runtime")
        if kind is UNKNOWN:
            yield unresolved(function, "packageType")
        # An image brings its runtime along.
        if kind in (UNKNOWN, "Image"):
            continue
        if runtime is UNKNOWN:
            yield unresolved(function, "runtime")
        elif runtime is ABSENT:
            yield violation(function, "runtime", "names no runtime")
        elif (last := SUPPORTED_UNTIL.get(str(runtime))) is None:
            yield violation(function, "runtime", f"runs on {runtime}, which AWS does not repair")
        elif last < stack.today:
            yield violation(function, "runtime", f"runs on {runtime}, which AWS has not repaired since {last.isoformat()}")


def _function(**props: object) -> Given:
    return Given(FUNCTION, "function", props)


LAM_02 = StackRule(
    id="LAM-02",
    severity=Severity.MEDIUM,
    title="Functions run on a runtime that AWS repairs.",
    rationale="A runtime out of support keeps its holes, and one day Lambda refuses every change of the function.",
    remediation="Set `runtime` to a supported one, such as `python3.13`.",
    references=("FSBP Lambda.2", "CKV_AWS_363"),
    types=(FUNCTION,),
    check=_maintained,
    examples=(
        good("Python", _function(runtime="python3.13")),
        good("an image", _function(packageType="Image")),
        bad("an old one", _function(runtime="python3.8")),
        bad("an old one, and a package of files", _function(runtime="nodejs16.x", packageType="Zip")),
        bad("a word", _function(runtime="python")),
        unknown("nobody knows", _function(runtime=UNKNOWN), expect={"function": Kind.UNRESOLVED}),
        unknown("nobody knows what it is", _function(packageType=UNKNOWN), expect={"function": Kind.UNRESOLVED}),
        absent("none", _function(), expect={"function": Kind.VIOLATION}),
    ),
)

_VARIABLES = "environment.variables"
_REFERENCE = re.compile(r"^arn:aws[a-z-]*:(secretsmanager|ssm):")
"""Where a secret is, which is no secret."""


def _open(function: Resource) -> Iterator[Problem]:
    variables = function.get(_VARIABLES)
    if isinstance(variables, Gap):
        if variables is UNKNOWN:
            yield later(function, "environment")
        return
    if not isinstance(variables, dict):
        yield violation(function, "environment", "has variables that are no names with values")
        return
    if UNKNOWN in variables.values():
        yield later(function, "environment")
    for name, value in variables.items():
        if not isinstance(value, Gap) and not _REFERENCE.match(str(value)):
            reason = looks_secret(name, str(value))
            if reason:
                yield violation(function, "environment", f"has {name} in its environment: {reason}")


def _with(**variables: object) -> Given:
    return _function(environment={"variables": variables})


LAM_03 = ResourceRule(
    id="LAM-03",
    severity=Severity.HIGH,
    title="Functions read secrets from Secrets Manager, not from their environment.",
    rationale="Whoever may see a function's configuration reads its environment, and every published version keeps it.",
    remediation="Give the function the secret's ARN, and let it ask for the value.",
    references=("CKV_AWS_45", "AVD-AWS-0036"),
    types=(FUNCTION,),
    check=_open,
    examples=(
        good("settings", _with(STACK="prod", LENGTH="32", CA="-----BEGIN CERTIFICATE-----\nMII")),
        good("where a secret is", _with(PREVIOUS_SECRET="arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-a1b2c3")),
        bad("a secret by name", _with(API_KEY="0123456789abcdef")),
        bad("an access key by its form", _with(SETTING="AKIAIOSFODNN7EXAMPLE")),
        bad("a password inside an address", _with(DATABASE_URL="postgresql://user:hunter2@db.internal:5432/nautilus")),
        bad("a private key", _with(CA="-----BEGIN RSA PRIVATE KEY-----\nMII")),
        bad("no variables", _function(environment={"variables": "A=b"})),
        unknown(
            "composed from what does not exist yet",
            Given(FUNCTION, "function", {"environment": {"variables": {"HOST": UNKNOWN}}}, {"environment": ["database"]}),
            Given("aws:rds/instance:Instance", "database", {}),
            expect={"function": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", _with(HOST=UNKNOWN), expect={"function": Kind.UNRESOLVED}),
        unknown("variables nobody knows", _function(environment={"variables": UNKNOWN}), expect={"function": Kind.UNRESOLVED}),
        absent("no environment", _function()),
        absent("an empty value", _with(API_KEY="")),
    ),
)

RULES = (LAM_02, LAM_03)
