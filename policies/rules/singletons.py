"""Rules about processes that must run exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator

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
from policies.values import ABSENT, UNKNOWN, Gap, Value, items, parse_json

SERVICE = "aws:ecs/service:Service"
TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"
SCALING = "aws:appautoscaling/target:Target"

_LEAST, _MOST = "deploymentMinimumHealthyPercent", "deploymentMaximumPercent"


def _percent(value: Value, default: int) -> float | Gap:
    if value is ABSENT:
        return default
    if isinstance(value, (int, float)):
        return value
    return float(value) if isinstance(value, str) and value.isdigit() else UNKNOWN


def stops_first(service: Resource) -> bool | Gap:
    """Whether a deployment stops the old tasks before it starts new ones: at least 0 %, at most 100 % (ECS's defaults are 100 and 200)."""
    least, most = _percent(service.get(_LEAST), 100), _percent(service.get(_MOST), 200)
    if isinstance(least, Gap) or isinstance(most, Gap):
        return UNKNOWN
    return least == 0 and most <= 100


def _alone(service: Resource) -> Iterator[Problem]:
    once = stops_first(service)
    if once is UNKNOWN:
        # Each of a service's own bounds is plain; which kind of service it is must be seen.
        yield unresolved(service, _LEAST if service.get(_LEAST) is UNKNOWN else _MOST)
        return
    if not once:
        return
    count = service.get("desiredCount")
    if count is UNKNOWN:
        yield unresolved(service, "desiredCount")
    elif count is ABSENT or _percent(count, 0) not in (0, 1):
        yield violation(service, "desiredCount", f"asks for {'no number of' if count is ABSENT else count} tasks of what runs once")
    spread = service.get("availabilityZoneRebalancing")
    if spread is UNKNOWN:
        yield unresolved(service, "availabilityZoneRebalancing")
    elif spread != "DISABLED":
        yield violation(service, "availabilityZoneRebalancing", "lets ECS start a second task in another zone before it stops the first")
    strategy = service.get("deploymentConfiguration.strategy")
    if strategy is UNKNOWN:
        yield unresolved(service, "deploymentConfiguration")
    elif strategy not in (ABSENT, "ROLLING"):
        yield violation(service, "deploymentConfiguration", f"deploys by {strategy}, which runs two versions side by side")
    for entry in items(service.get("capacityProviderStrategies")):
        provider = entry.get("capacityProvider", ABSENT) if isinstance(entry, dict) else entry
        if provider is UNKNOWN:
            yield unresolved(service, "capacityProviderStrategies")
        elif isinstance(provider, str) and "SPOT" in provider.upper():
            yield violation(
                service, "capacityProviderStrategies", f"{provider} is taken away with two minutes' notice, in the middle of an order"
            )


def _service(**props: object) -> Given:
    sound: dict[str, object] = {
        "desiredCount": 1,
        _LEAST: 0,
        _MOST: 100,
        "availabilityZoneRebalancing": "DISABLED",
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
    }
    return Given(SERVICE, "engine", {key: value for key, value in {**sound, **props}.items() if value is not None})


_WEB = {_LEAST: 100, _MOST: 200, "desiredCount": 3, "availabilityZoneRebalancing": "ENABLED"}

SNG_01 = ResourceRule(
    id="SNG-01",
    severity=Severity.HIGH,
    title="What a deployment stops first runs exactly once.",
    rationale="Two trading engines send the same orders twice, and two gateways throw each other's login out.",
    remediation='Set `desired_count=1`, `availability_zone_rebalancing="DISABLED"`, capacity provider FARGATE, and no deployment strategy.',
    references=(),
    types=(SERVICE,),
    check=_alone,
    examples=(
        good("one task, stopped first", _service()),
        good("stopped by hand", _service(desiredCount=0)),
        good("a web service", _service(**_WEB)),
        good("a rolling deployment by name", _service(deploymentConfiguration={"strategy": "ROLLING"})),
        bad("two tasks", _service(desiredCount=2)),
        bad("rebalancing", _service(availabilityZoneRebalancing="ENABLED")),
        bad("spot", _service(capacityProviderStrategies=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])),
        bad("blue-green", _service(deploymentConfiguration={"strategy": "BLUE_GREEN"})),
        unknown("a number nobody knows", _service(desiredCount=UNKNOWN), expect={"engine": Kind.UNRESOLVED}),
        unknown("bounds nobody knows", _service(**{_LEAST: UNKNOWN}), expect={"engine": Kind.UNRESOLVED}),
        unknown("rebalancing nobody knows", _service(availabilityZoneRebalancing=UNKNOWN), expect={"engine": Kind.UNRESOLVED}),
        unknown("a strategy nobody knows", _service(deploymentConfiguration={"strategy": UNKNOWN}), expect={"engine": Kind.UNRESOLVED}),
        unknown(
            "capacity nobody knows",
            _service(capacityProviderStrategies=[{"capacityProvider": UNKNOWN}]),
            expect={"engine": Kind.UNRESOLVED},
        ),
        absent("ECS's defaults are a web service's", Given(SERVICE, "web", {"desiredCount": 3})),
        absent("rebalancing is on unless somebody says so", _service(availabilityZoneRebalancing=None), expect={"engine": Kind.VIOLATION}),
        absent("no number", _service(desiredCount=None), expect={"engine": Kind.VIOLATION}),
    ),
)


def _unscaled(stack: Stack) -> Iterator[Problem]:
    for target in stack.of(SCALING):
        if target.get("serviceNamespace") not in ("ecs", UNKNOWN):
            continue
        services = target.sources("resourceId", SERVICE)
        if not services and target.get("resourceId") is UNKNOWN:
            yield unresolved(target, "resourceId")
        for service in services:
            if stops_first(service) is not False:
                yield violation(target, "resourceId", f"scales {service.name}, which must run exactly once")


def _scales(**more: object) -> Given:
    return Given(
        SCALING, "scaling", {"serviceNamespace": "ecs", "resourceId": UNKNOWN, "maxCapacity": 4, **more}, {"resourceId": ["engine"]}
    )


SNG_02 = StackRule(
    id="SNG-02",
    severity=Severity.HIGH,
    title="Nothing scales what runs exactly once.",
    rationale="Autoscaling sets the number of tasks, past what the program asked for: the second engine comes with the first busy morning.",
    remediation="Remove the `appautoscaling.Target` of the service.",
    references=(),
    types=(SCALING,),
    check=_unscaled,
    examples=(
        good("a web service", _service(**_WEB), _scales()),
        good("another AWS service's", Given(SCALING, "scaling", {"serviceNamespace": "dynamodb", "resourceId": UNKNOWN})),
        bad("an engine", _scales(), _service(), at="scaling"),
        bad("a service that may run once", _scales(), _service(**{_MOST: UNKNOWN}), at="scaling"),
        unknown(
            "nobody knows what it scales",
            Given(SCALING, "scaling", {"serviceNamespace": "ecs", "resourceId": UNKNOWN}),
            expect={"scaling": Kind.UNRESOLVED},
        ),
        absent("nothing scales", _service()),
    ),
)


def _leases(definition: Resource) -> bool | Gap:
    """Whether one of a task's containers takes a lease."""
    raw = definition.get("containerDefinitions")
    if isinstance(raw, Gap):
        return raw
    try:
        containers = parse_json(raw) if isinstance(raw, str) else raw
    except ValueError:
        return False
    return any(
        isinstance(variable, dict) and variable.get("name") == "LEASE_NAME"
        for container in items(containers)
        if isinstance(container, dict)
        for variable in items(container.get("environment", ABSENT))
    )


def _holders(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(SERVICE):
        if stops_first(service) is True or items(service.get("loadBalancers")):
            continue
        definitions = service.sources("taskDefinition", TASK_DEFINITION)
        if not definitions and service.get("taskDefinition") is UNKNOWN:
            yield unresolved(service, "taskDefinition")
        for definition in definitions:
            leases = _leases(definition)
            if leases is UNKNOWN:
                yield later(service, "taskDefinition")
            elif leases is True:
                yield violation(service, _MOST, "its tasks hold a lease, and a deployment would start the new one beside the old one")


def _task(*names: str) -> Given:
    made = [{"name": "watchdog", "environment": [{"name": name, "value": "x"} for name in names]}]
    return Given(TASK_DEFINITION, "task", {"containerDefinitions": json.dumps(made)})


def _runs(**props: object) -> Given:
    made = _service(**props)
    return Given(SERVICE, made.name, {**made.props, "taskDefinition": UNKNOWN}, {"taskDefinition": ["task"]})


SNG_03 = StackRule(
    id="SNG-03",
    severity=Severity.HIGH,
    title="What holds a lease is stopped before its next version starts.",
    rationale="The next version waits for the lease that the old one renews: with two side by side a deployment hangs, or trades twice.",
    remediation="Set `deployment_minimum_healthy_percent=0` and `deployment_maximum_percent=100`.",
    references=(),
    types=(SERVICE,),
    check=_holders,
    examples=(
        good("stopped first", _runs(), _task("LEASE_NAME")),
        good("no lease", _runs(**_WEB), _task("LEASE_TABLE")),
        good("a web service", _runs(**_WEB, loadBalancers=[{"containerPort": 8000}]), _task("LEASE_NAME")),
        bad("side by side", _runs(**_WEB), _task("LEASE_NAME")),
        bad("one hundred percent healthy", _runs(**{_LEAST: 100}), _task("LEASE_NAME")),
        unknown(
            "nobody knows which task",
            Given(SERVICE, "engine", {**_WEB, "taskDefinition": UNKNOWN}),
            expect={"engine": Kind.UNRESOLVED},
        ),
        absent("no containers", _runs(**_WEB), Given(TASK_DEFINITION, "task", {})),
        absent("no task definition", Given(SERVICE, "engine", _WEB)),
    ),
)

RULES = (SNG_01, SNG_02, SNG_03)
