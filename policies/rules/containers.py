"""Rules about containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, later, unknown, violation
from policies.values import ABSENT, UNKNOWN, Gap, items, parse_json

TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"

_SECRET_NAME = re.compile(
    r"(^|_)(PASS(WORD|WD|PHRASE)?|PWD|SECRET|SECRETS|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|AUTH_?KEY)(_|$)"
)
_HARMLESS_NAME = re.compile(
    r"_(ARN|NAME|ID|PATH|FILE|DIR|URI|ENDPOINT|HOST|PORT|TTL|SECONDS|MINUTES|HOURS|DAYS|LENGTH|MIN_LENGTH|ALGORITHM|PREFIX|HEADER|ISSUER|AUDIENCE|ENABLED|REQUIRED|POLICY|ROTATION|QUEUE_URL)$"
)
_SECRET_VALUE = (
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"), "a password inside an address"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\."), "a signed token"),
    (re.compile(r"\b(ghp|gho|ghs|github_pat|xox[abpr]|sk_live|rk_live)_?[A-Za-z0-9_-]{10,}"), "a service's access token"),
)


def looks_secret(name: str, value: str) -> str | None:
    """Why an environment variable looks like a secret; `None` where it does not. Never quotes the value."""
    upper = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper().replace("-", "_").replace(".", "_")
    if value and _SECRET_NAME.search(upper) and not _HARMLESS_NAME.search(upper):
        return "its name is a secret's"
    return next((f"its value is {what}" for pattern, what in _SECRET_VALUE if pattern.search(value)), None)


def _environment(task: Resource) -> Iterator[Problem]:
    raw = task.get("containerDefinitions")
    if raw is ABSENT:
        return
    if isinstance(raw, Gap):
        yield later(task, "containerDefinitions")
        return
    containers = raw
    if isinstance(raw, str):
        try:
            containers = parse_json(raw)
        except ValueError:
            yield violation(task, "containerDefinitions", "is not a JSON document")
            return
    if not isinstance(containers, list):
        yield violation(task, "containerDefinitions", "is not a list of containers")
        return
    for container in containers:
        if not isinstance(container, dict):
            yield later(task, "containerDefinitions")
            continue
        for variable in items(container.get("environment", ABSENT)):
            if not isinstance(variable, dict):
                yield later(task, "containerDefinitions")
                continue
            name, value = variable.get("name", ABSENT), variable.get("value", ABSENT)
            if name is UNKNOWN or value is UNKNOWN:
                yield later(task, "containerDefinitions")
            else:
                reason = looks_secret(str(name), "" if value is ABSENT else str(value))
                if reason:
                    yield violation(
                        task, "containerDefinitions", f"container {container.get('name')} has {name} in its environment: {reason}"
                    )


def _task(*environment: tuple[str, str], secrets: tuple[tuple[str, str], ...] = ()) -> Given:
    container = {
        "name": "app",
        "image": "app@sha256:0",
        "environment": [{"name": name, "value": value} for name, value in environment],
        "secrets": [{"name": name, "valueFrom": value} for name, value in secrets],
    }
    return Given(TASK_DEFINITION, "task", {"containerDefinitions": json.dumps([container])})


ECS_06 = ResourceRule(
    id="ECS-06",
    severity=Severity.CRITICAL,
    title="Containers get secrets from Secrets Manager, not in their environment.",
    rationale="What stands in a task definition is readable by everybody who may describe it, and stays in every old revision.",
    remediation="Move the variable from `environment` to `secrets` with the ARN of a Secrets Manager entry.",
    references=("FSBP ECS.8", "AVD-AWS-0036"),
    types=(TASK_DEFINITION,),
    check=_environment,
    examples=(
        good("settings in the environment", _task(("ENVIRONMENT", "production"), ("DATABASE_HOST", "db.internal"))),
        good("a secret by reference", _task(secrets=(("JWT_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-a1b2c3"),))),
        good(
            "settings about secrets",
            _task(("ACCESS_TOKEN_EXPIRE_MINUTES", "30"), ("JWT_SECRET_ARN", "arn:aws:secretsmanager:x"), ("PASSWORD_MIN_LENGTH", "12")),
        ),
        good("where a queue of that name is", _task(("SECRETS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/x-secrets"))),
        good("an address without a password", _task(("DATABASE_URL", "postgresql://db.internal:5432/nautilus"))),
        good("an empty value", _task(("API_KEY", ""))),
        bad("a secret by name", _task(("JWT_SECRET", "0123456789abcdef"))),
        bad("in another spelling", _task(("binanceApiKey", "0123456789abcdef"))),
        bad("a password inside an address", _task(("DATABASE_URL", "postgresql://user:hunter2@db.internal:5432/nautilus"))),
        bad("an access key by its form", _task(("SETTING", "AKIAIOSFODNN7EXAMPLE"))),
        bad("a broken document", Given(TASK_DEFINITION, "task", {"containerDefinitions": "[{"})),
        unknown(
            "composed from what does not exist yet",
            Given(TASK_DEFINITION, "task", {"containerDefinitions": UNKNOWN}, {"containerDefinitions": ["repository"]}),
            Given("aws:ecr/repository:Repository", "repository", {}),
            expect={"task": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it",
            Given(TASK_DEFINITION, "task", {"containerDefinitions": UNKNOWN}),
            expect={"task": Kind.UNRESOLVED},
        ),
        absent("no environment", Given(TASK_DEFINITION, "task", {"containerDefinitions": '[{"name": "app"}]'})),
    ),
)

RULES = (ECS_06,)
