"""Rules about leases: what must run once holds one, nobody else takes it, and the next in line stands somewhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from policies.documents import allowed
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
from policies.rules.identity import POLICY
from policies.rules.singletons import SERVICE, TASK_DEFINITION, stops_first
from policies.values import ABSENT, UNKNOWN, Gap, Value, items, parse_json, texts

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_SUBNET = "aws:ec2/subnet:Subnet"
_DOCUMENT = "containerDefinitions"
_WRITES = frozenset(f"dynamodb:{action}" for action in ("updateitem", "putitem", "deleteitem", "batchwriteitem", "*"))
_LEADING = "dynamodb:leadingkeys"


@dataclass(frozen=True)
class _Task:
    """What a task definition says about its lease."""

    leases: frozenset[str]
    problems: tuple[str, ...]


def _fields(container: Value) -> dict[str, Value]:
    return container if isinstance(container, dict) else {}


def _lease_of(container: dict[str, Value]) -> Value:
    """The lease that a container takes: the value of its variable LEASE_NAME."""
    for variable in items(container.get("environment", ABSENT)):
        if _fields(variable).get("name") == "LEASE_NAME":
            return _fields(variable).get("value", ABSENT)
    return ABSENT


def _waits_for(container: dict[str, Value]) -> set[str]:
    return {str(_fields(entry).get("containerName")) for entry in items(container.get("dependsOn", ABSENT))}


def _task_of(definition: Resource) -> _Task | Gap:
    """The leases of a task, and in what its containers go past them; a gap where the document is not known."""
    raw = definition.get(_DOCUMENT)
    if raw is UNKNOWN:
        return UNKNOWN
    try:
        found = parse_json(raw) if isinstance(raw, str) else raw
    except ValueError:
        return _Task(frozenset(), ("its containers are no JSON document",))
    containers = [_fields(container) for container in items(found)]
    holders = {str(container.get("name")): container for container in containers if _lease_of(container) is not ABSENT}
    if not holders:
        return _Task(frozenset(), ("none of its containers holds a lease",))
    problems = [
        f"container {name} holds the lease, and the task outlives its end"
        for name, container in holders.items()
        # ECS's default is essential.
        if container.get("essential", True) is False
    ]
    problems += [
        f"container {container.get('name')} starts without waiting for the lease's holder"
        for container in containers
        if str(container.get("name")) not in holders
        and container.get("essential", True) is not False
        and not _waits_for(container) & set(holders)
    ]
    return _Task(frozenset(str(_lease_of(container)) for container in holders.values()), tuple(problems))


def _held(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(SERVICE):
        # Of a service whose bounds are not known SNG-01 speaks.
        if stops_first(service) is not True:
            continue
        definitions = service.sources("taskDefinition", TASK_DEFINITION)
        if not definitions:
            yield unresolved(service, "taskDefinition")
        for definition in definitions:
            task = _task_of(definition)
            if isinstance(task, Gap):
                yield later(service, "taskDefinition")
                continue
            for problem in task.problems:
                yield violation(service, "taskDefinition", f"{definition.name}: {problem}")


_ONCE: dict[str, object] = {"deploymentMinimumHealthyPercent": 0, "deploymentMaximumPercent": 100, "desiredCount": 1}
_WEB: dict[str, object] = {"deploymentMinimumHealthyPercent": 100, "deploymentMaximumPercent": 200, "desiredCount": 3}
_HOLDER: dict[str, object] = {"name": "watchdog", "essential": True, "environment": [{"name": "LEASE_NAME", "value": "engine"}]}
_MAIN: dict[str, object] = {
    "name": "engine",
    "essential": True,
    "dependsOn": [{"containerName": "watchdog", "condition": "HEALTHY"}],
}


def _task(*containers: dict[str, object], name: str = "task") -> Given:
    return Given(TASK_DEFINITION, name, {_DOCUMENT: json.dumps(containers)})


def _service(name: str = "engine", task: str | None = "task", **props: object) -> Given:
    depends = {"taskDefinition": [task]} if task else {}
    return Given(SERVICE, name, {**_ONCE, "taskDefinition": UNKNOWN, **props}, depends)


SNG_04 = StackRule(
    id="SNG-04",
    severity=Severity.HIGH,
    title="What runs exactly once starts with its lease and ends with it.",
    rationale="ECS counts tasks by what it hears of them: in a partition the old one trades on. The lease is what stops it.",
    remediation="Put the watchdog beside the program: `LEASE_NAME` set, `essential`, and named in the `dependsOn` of every essential container.",
    references=(),
    types=(SERVICE,),
    check=_held,
    examples=(
        good("held, essential, waited for", _service(), _task(_HOLDER, _MAIN)),
        good("what only watches waits for nobody", _service(), _task(_HOLDER, _MAIN, {"name": "watch", "essential": False})),
        good(
            "a web service needs none",
            Given(SERVICE, "web", {**_WEB, "taskDefinition": UNKNOWN}, {"taskDefinition": ["task"]}),
            _task({"name": "backend"}),
        ),
        bad("nobody holds a lease", _service(), _task(_MAIN), at="engine"),
        bad("the holder may die", _service(), _task({**_HOLDER, "essential": False}, _MAIN), at="engine"),
        bad("nobody waits", _service(), _task(_HOLDER, {"name": "engine"}), at="engine"),
        bad("no document", _service(), Given(TASK_DEFINITION, "task", {_DOCUMENT: "[{"}), at="engine"),
        unknown(
            "composed from what does not exist yet",
            _service(),
            Given(TASK_DEFINITION, "task", {_DOCUMENT: UNKNOWN}, {_DOCUMENT: ["repository"]}),
            Given("aws:ecr/repository:Repository", "repository", {}),
            expect={"engine": Kind.LATER},
        ),
        unknown("nobody knows which task", _service(task=None), expect={"engine": Kind.UNRESOLVED}),
        absent("no containers", _service(), Given(TASK_DEFINITION, "task", {}), expect={"engine": Kind.VIOLATION}),
    ),
)


def _places(service: Resource) -> frozenset[str] | Gap:
    """The subnets of a service: URNs of those that the stack makes, ids of the others."""
    made = service.sources("networkConfiguration.subnets", _SUBNET)
    if made:
        return frozenset(subnet.urn for subnet in made)
    named = service.get("networkConfiguration.subnets")
    return UNKNOWN if named is UNKNOWN or UNKNOWN in items(named) else frozenset(texts(named))


def _apart(stack: Stack) -> Iterator[Problem]:
    seen: list[tuple[Resource, frozenset[str], frozenset[str]]] = []
    for service in stack.of(SERVICE):
        if stops_first(service) is not True:
            continue
        for definition in service.sources("taskDefinition", TASK_DEFINITION):
            task = _task_of(definition)
            if isinstance(task, Gap):
                yield later(service, "taskDefinition")
                continue
            if not task.leases:
                continue
            places = _places(service)
            if isinstance(places, Gap):
                yield unresolved(service, "networkConfiguration")
                continue
            for other, leases, taken in seen:
                if task.leases & leases and places & taken:
                    yield violation(
                        service, "networkConfiguration", f"may stand in the same zone as {other.name}, whose lease it is there to take over"
                    )
            seen.append((service, task.leases, places))


def _pair(first: object, second: object, lease: str = "engine") -> tuple[Given, ...]:
    other = {**_HOLDER, "environment": [{"name": "LEASE_NAME", "value": lease}]}
    return (
        _service("active", networkConfiguration={"subnets": first}),
        _service("standby", "other", networkConfiguration={"subnets": second}),
        _task(_HOLDER, _MAIN),
        _task(other, _MAIN, name="other"),
    )


SNG_05 = StackRule(
    id="SNG-05",
    severity=Severity.HIGH,
    title="Services that take the same lease share no subnet.",
    rationale="The standby is there for the day on which a zone is gone; in the same zone it goes with the one that it stands by for.",
    remediation="Give each of them subnets of zones of its own.",
    references=(),
    types=(SERVICE,),
    check=_apart,
    examples=(
        good("a zone of its own", *_pair(["subnet-a", "subnet-c"], ["subnet-b"])),
        good("another lease may stand anywhere", *_pair(["subnet-a"], ["subnet-a"], lease="ib-gateway")),
        bad("the same zone", *_pair(["subnet-a", "subnet-b"], ["subnet-b"]), at="standby"),
        unknown("subnets nobody knows", *_pair(["subnet-a"], [UNKNOWN]), expect={"standby": Kind.UNRESOLVED}),
        unknown(
            "a task that is still composed",
            _service(networkConfiguration={"subnets": ["subnet-a"]}),
            Given(TASK_DEFINITION, "task", {_DOCUMENT: UNKNOWN}, {_DOCUMENT: ["repository"]}),
            Given("aws:ecr/repository:Repository", "repository", {}),
            expect={"engine": Kind.LATER},
        ),
        absent("no standby", _service(networkConfiguration={"subnets": ["subnet-a"]}), _task(_HOLDER, _MAIN)),
    ),
)


def _own_rows(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
            continue
        if not {action.lower() for action in statement.actions} & _WRITES:
            continue
        bound = [condition for condition in statement.conditions if condition.key == _LEADING]
        if not any(condition.values and not any(set(value) & set("*?") for value in condition.values) for condition in bound):
            yield violation(resource, "policy", f"{statement.label} writes every row of its table: `dynamodb:LeadingKeys` names none")


def _lease(**changes: object) -> Given:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/leases",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["engine"]}},
        **changes,
    }
    return Given(ROLE_POLICY, "lease", {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


SNG_06 = ResourceRule(
    id="SNG-06",
    severity=Severity.HIGH,
    title="Who may write a lease may write that lease alone.",
    rationale="A program that can write another's row takes its lease away, or hands out a second one: two of them trade.",
    remediation="Bind the statement by `ForAllValues:StringEquals` on `dynamodb:LeadingKeys`, with the names of the rows.",
    references=(),
    types=(POLICY, ROLE_POLICY),
    check=_own_rows,
    examples=(
        good("one row", _lease()),
        good("reading alone", _lease(Action="dynamodb:GetItem", Condition={})),
        good("a denial", _lease(Effect="Deny", Condition={})),
        bad("every row", _lease(Condition={})),
        bad("everything on the table", _lease(Action="dynamodb:*", Condition={})),
        bad("a pattern", _lease(Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*"]}})),
        bad("another condition", _lease(Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}})),
        unknown(
            "composed from what does not exist yet",
            Given(ROLE_POLICY, "lease", {"policy": UNKNOWN}, {"policy": ["table"]}),
            Given("aws:dynamodb/table:Table", "table", {}),
            expect={"lease": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(ROLE_POLICY, "lease", {"policy": UNKNOWN}), expect={"lease": Kind.UNRESOLVED}),
        absent("no policy", Given(ROLE_POLICY, "lease", {})),
    ),
)

RULES = (SNG_04, SNG_05, SNG_06)
