"""Rules about what the containers of a task name: the log group that they write to, and the secrets that they get."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, later, unknown, violation
from policies.rules.containers import TASK_DEFINITION
from policies.rules.tasks import each_container
from policies.tokens import LOG_GROUP
from policies.values import ABSENT, UNKNOWN, Value, descend, items

SECRET = "aws:secretsmanager/secret:Secret"
PARAMETER = "aws:ssm/parameter:Parameter"

_DOCUMENT = "containerDefinitions"
_GROUP_OPTIONS = {"awslogs": "awslogs-group", "awsfirelens": "log_group_name"}
"""Log driver → the option that names the group. Of FireLens it is Fluent Bit's, whose output is said to be CloudWatch's."""
_TO_CLOUDWATCH = ("cloudwatch", "cloudwatch_logs")
_ARN_PARTS = 7
"""Of a secret's ARN; ECS takes the key, stage and version behind them."""


def _logged(stack: Stack) -> Iterator[Problem]:
    for task in stack.of(TASK_DEFINITION):
        for found in each_container(task):
            if isinstance(found, Problem):
                yield found
                continue
            container, name = found
            yield from _group_of(stack, task, container, name)


def _group_of(stack: Stack, task: Resource, container: dict[str, Value], name: str) -> Iterator[Problem]:
    log: Value = container.get("logConfiguration", ABSENT)
    driver = descend(log, "logDriver")
    group = descend(log, f"options.{_GROUP_OPTIONS.get(str(driver), '')}")
    plugin = descend(log, "options.Name") if driver == "awsfirelens" else ABSENT
    if UNKNOWN in (driver, group, plugin):
        yield later(task, _DOCUMENT)
    elif driver is ABSENT:
        yield violation(task, _DOCUMENT, f"{name} has no log: what it says is gone with it")
    elif driver not in _GROUP_OPTIONS or (driver == "awsfirelens" and plugin not in _TO_CLOUDWATCH):
        yield violation(task, _DOCUMENT, f"{name} logs by {driver} to somewhere else than CloudWatch")
    elif group is ABSENT:
        yield violation(task, _DOCUMENT, f"{name} names no log group")
    elif not stack.identified([str(group)], [LOG_GROUP]):
        yield violation(task, _DOCUMENT, f"{name} logs to {group}, which is no log group of this stack")


_SOUND_LOG: dict[str, object] = {"logDriver": "awslogs", "options": {"awslogs-group": "/app"}}
_APP = Given(LOG_GROUP, "log", {"name": "/app"})


def _task(**container: object) -> Given:
    return Given(TASK_DEFINITION, "task", {_DOCUMENT: json.dumps([{"name": "app", **container}])})


def _firelens(**options: object) -> Given:
    return _task(logConfiguration={"logDriver": "awsfirelens", "options": options})


_LATER = unknown(
    "composed from what does not exist yet",
    Given(TASK_DEFINITION, "task", {_DOCUMENT: UNKNOWN}, {_DOCUMENT: ["repository"]}),
    Given("aws:ecr/repository:Repository", "repository", {}),
    expect={"task": Kind.LATER},
)
_UNEXPLAINED = unknown(
    "unknown, and nothing explains it", Given(TASK_DEFINITION, "task", {_DOCUMENT: UNKNOWN}), expect={"task": Kind.UNRESOLVED}
)

ECS_07 = StackRule(
    id="ECS-07",
    severity=Severity.MEDIUM,
    title="Containers log to a log group that the stack manages.",
    rationale="ECS keeps no output, and a group that a driver makes by itself has neither our key nor an end.",
    remediation="Set `logConfiguration` to `awslogs`, or to `awsfirelens` with Fluent Bit's `cloudwatch_logs`, with a log group of the stack.",
    references=("FSBP ECS.9",),
    types=(TASK_DEFINITION,),
    check=_logged,
    examples=(
        good("the stack's group", _task(logConfiguration=_SOUND_LOG), _APP),
        good("the stack's group, by FireLens", _firelens(Name="cloudwatch_logs", log_group_name="/app"), _APP),
        bad("nobody's group", _task(logConfiguration=_SOUND_LOG)),
        bad("another group", _task(logConfiguration=_SOUND_LOG), Given(LOG_GROUP, "log", {"name": "/other"})),
        bad("a file of the host", _task(logConfiguration={"logDriver": "json-file"}), _APP),
        bad("by FireLens to somewhere else", _firelens(Name="datadog", log_group_name="/app"), _APP),
        bad("by FireLens to nobody's group", _firelens(Name="cloudwatch_logs", log_group_name="/other"), _APP),
        bad("by FireLens, and nobody says where to", _firelens(), _APP),
        bad("no group", _task(logConfiguration={"logDriver": "awslogs", "options": {}}), _APP),
        bad("a broken document", Given(TASK_DEFINITION, "task", {_DOCUMENT: "[{"})),
        _LATER,
        _UNEXPLAINED,
        absent("no log", _task(), _APP, expect={"task": Kind.VIOLATION}),
        absent("no containers", Given(TASK_DEFINITION, "task", {})),
    ),
)


def _known_secrets(stack: Stack) -> Iterator[Problem]:
    for task in stack.of(TASK_DEFINITION):
        for found in each_container(task):
            if isinstance(found, Problem):
                yield found
                continue
            container, name = found
            for secret in items(container.get("secrets", ABSENT)):
                source = descend(secret, "valueFrom")
                if source is UNKNOWN:
                    yield later(task, _DOCUMENT)
                elif not _made(stack, source):
                    yield violation(task, _DOCUMENT, f"{name} gets {descend(secret, 'name')} from what this stack does not make")


def _made(stack: Stack, source: Value) -> bool:
    """Whether what a `valueFrom` names is a secret or a parameter of the stack."""
    named = ":".join(str(source).split(":")[:_ARN_PARTS]) if str(source).startswith("arn:") else str(source)
    return source is not ABSENT and bool(stack.identified([named], [SECRET, PARAMETER]))


_JWT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-a1b2c3"
_OURS = Given(SECRET, "jwt", {"name": "jwt"}, {}, {"arn": _JWT})


def _getting(source: object) -> Given:
    return _task(secrets=[{"name": "JWT_SECRET", **({} if source is None else {"valueFrom": source})}])


ECS_18 = StackRule(
    id="ECS-18",
    severity=Severity.HIGH,
    title="Secrets that containers get exist in the stack.",
    rationale="ECS asks for them before it starts a container: one that is gone stops every new task, in the middle of an incident too.",
    remediation="Name in `valueFrom` the ARN of a secret or a parameter that the stack makes.",
    references=(),
    types=(TASK_DEFINITION,),
    check=_known_secrets,
    examples=(
        good("a secret of the stack", _getting(_JWT), _OURS),
        good("one of its fields", _getting(f"{_JWT}:current::"), _OURS),
        good("a parameter of the stack", _getting("/app/jwt"), Given(PARAMETER, "jwt", {"name": "/app/jwt"})),
        bad("nobody's secret", _getting(_JWT)),
        bad("another secret", _getting(_JWT.replace("jwt-a1b2c3", "old-d4e5f6")), _OURS),
        bad("nobody's parameter", _getting("/app/jwt"), _OURS),
        bad("no source", _getting(None), _OURS),
        bad("a broken document", Given(TASK_DEFINITION, "task", {_DOCUMENT: "[{"})),
        _LATER,
        _UNEXPLAINED,
        absent("no secrets", _task(), _OURS),
    ),
)

RULES = (ECS_07, ECS_18)
