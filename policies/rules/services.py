"""Rules about ECS services and their cluster: what runs them, how many of them, and who is asked when they are deployed."""

from __future__ import annotations

from collections.abc import Iterator

from policies.environments import PRODUCTION, environment_of, of_environment
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.rules.rollouts import shifts
from policies.tokens import ECS_SERVICE
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, items

CLUSTER = "aws:ecs/cluster:Cluster"
FUNCTION = "aws:lambda/function:Function"
SCALING_TARGET = "aws:appautoscaling/target:Target"
SCALING_POLICY = "aws:appautoscaling/policy:Policy"

_CONFIGURATION = "deploymentConfiguration"
_LEAST = 2
"""Tasks of a web service in production: one for each of two zones."""
_ARN_PARTS = 7
"""Of a function's ARN without a version."""
_START = "PRE_SCALE_UP"
_BEFORE_SHIFT = ("POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT")
"""Stages after which nobody but a test listener's clients has seen the new version."""


def _service(**props: object) -> Given:
    return Given(ECS_SERVICE, "backend", props)


def _shifting(**props: object) -> Given:
    return _service(**{_CONFIGURATION: {"strategy": "LINEAR"}, **props})


_UNKNOWN_STRATEGY = _service(**{_CONFIGURATION: {"strategy": UNKNOWN}})


def _newest(service: Resource) -> Iterator[Problem]:
    version = service.get("platformVersion")
    if version is UNKNOWN:
        yield unresolved(service, "platformVersion")
    elif version not in (ABSENT, "LATEST"):
        yield violation(service, "platformVersion", f"stays on platform version {version}, however many holes are closed in newer ones")


ECS_08 = ResourceRule(
    id="ECS-08",
    severity=Severity.LOW,
    title="Services run on Fargate's newest platform version.",
    rationale="A version that is named keeps its kernel and runtime, with whatever is found in them later.",
    remediation='Set `platform_version="LATEST"`, or leave it out.',
    references=("FSBP ECS.10", "CKV_AWS_332"),
    types=(ECS_SERVICE,),
    check=_newest,
    examples=(
        good("the newest", _service(platformVersion="LATEST")),
        bad("an old one", _service(platformVersion="1.3.0")),
        unknown("nobody knows", _service(platformVersion=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        absent("ECS's default is the newest", _service()),
    ),
)


def _insights(cluster: Resource) -> Iterator[Problem]:
    settings = items(cluster.get("settings"))
    told = [descend(setting, "value") for setting in settings if descend(setting, "name") == "containerInsights"]
    if UNKNOWN in told or UNKNOWN in settings:
        yield unresolved(cluster, "settings")
    elif not any(value in ("enabled", "enhanced") for value in told):
        yield violation(cluster, "settings", "counts neither its tasks nor what they use")


def _cluster(value: object) -> Given:
    return Given(CLUSTER, "cluster", {"settings": [{"name": "containerInsights", "value": value}]})


ECS_09 = ResourceRule(
    id="ECS-09",
    severity=Severity.MEDIUM,
    title="Clusters have Container Insights.",
    rationale="Without it nobody counts running tasks, and alarms on a service that lost one stay silent.",
    remediation='Set `settings=[{"name": "containerInsights", "value": "enabled"}]`.',
    references=("FSBP ECS.12", "CKV_AWS_65", "AVD-AWS-0034"),
    types=(CLUSTER,),
    check=_insights,
    examples=(
        good("on", _cluster("enabled")),
        good("on, with every task's own numbers", _cluster("enhanced")),
        bad("off", _cluster("disabled")),
        unknown("nobody knows", _cluster(UNKNOWN), expect={"cluster": Kind.UNRESOLVED}),
        unknown("settings nobody knows", Given(CLUSTER, "cluster", {"settings": UNKNOWN}), expect={"cluster": Kind.UNRESOLVED}),
        absent("the account's default may be off", Given(CLUSTER, "cluster", {}), expect={"cluster": Kind.VIOLATION}),
    ),
)


def _several(stack: Stack) -> Iterator[Problem]:
    environment = environment_of(stack)
    if environment not in (PRODUCTION, UNKNOWN):
        return
    for found in _alone(stack):
        unsure = environment is UNKNOWN and found.kind is Kind.VIOLATION
        yield unresolved(found.resource, found.prop, f"{found.message}, and whether this is production is not known") if unsure else found


def _alone(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(ECS_SERVICE):
        moves = shifts(service)
        if moves is UNKNOWN:
            yield unresolved(service, _CONFIGURATION)
        if moves is not True:
            continue
        # The provider asks for no task where nobody says how many, and ECS keeps all of them healthy.
        yield from _at_least(service, "desiredCount", _LEAST, "asks for {} tasks: its only zone takes it along", default=0)
        yield from _at_least(service, "deploymentMinimumHealthyPercent", 100, "may run {} % of its tasks while it is deployed", default=100)
        for target in stack.users(service, "resourceId", SCALING_TARGET):
            yield from _at_least(target, "minCapacity", _LEAST, "scales it down to {} tasks", default=0)


def _at_least(resource: Resource, prop: str, least: int, message: str, *, default: int) -> Iterator[Problem]:
    value = resource.get(prop)
    if value is UNKNOWN:
        yield unresolved(resource, prop)
        return
    number = default if value is ABSENT else value
    if not isinstance(number, (int, float)) or number < least:
        yield violation(resource, prop, message.format(number))


def _scaled(least: object = 2, name: str = "scaling") -> Given:
    return Given(SCALING_TARGET, name, {"resourceId": UNKNOWN, "minCapacity": least}, {"resourceId": ["backend"]})


_PROD = of_environment("prod")

ECS_14 = StackRule(
    id="ECS-14",
    severity=Severity.HIGH,
    title="In production, services that shift traffic run two tasks or more, while they are deployed too.",
    rationale="One task is one zone and one crash: everybody is logged out until the next one has started.",
    remediation="Set `desired_count` and scaling's `min_capacity` to 2 or more, and `deployment_minimum_healthy_percent` to 100.",
    references=("AWS Well-Architected REL10-BP01",),
    types=(ECS_SERVICE, SCALING_TARGET),
    check=_several,
    examples=(
        good("two", _PROD, _shifting(desiredCount=2, deploymentMinimumHealthyPercent=100), _scaled()),
        good("one, and not production", of_environment("staging"), _shifting(desiredCount=1), _scaled(1)),
        good("one that must run once", _PROD, _service(desiredCount=1)),
        bad("one", _shifting(desiredCount=1), _PROD),
        bad("half of them", _shifting(desiredCount=2, deploymentMinimumHealthyPercent=50), _PROD),
        bad("scaled down to one", _shifting(desiredCount=2), _scaled(1), _PROD, at="scaling"),
        unknown("nobody knows how many", _PROD, _shifting(desiredCount=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        unknown("a strategy nobody knows", _PROD, _UNKNOWN_STRATEGY, expect={"backend": Kind.UNRESOLVED}),
        unknown("nobody knows the least", _PROD, _shifting(desiredCount=2), _scaled(UNKNOWN), expect={"scaling": Kind.UNRESOLVED}),
        unknown("an environment nobody knows", of_environment(UNKNOWN), _shifting(desiredCount=1), expect={"backend": Kind.UNRESOLVED}),
        absent("nobody says how many", _PROD, _shifting(), expect={"backend": Kind.VIOLATION}),
        absent("a stack without tags", _shifting(desiredCount=1)),
    ),
)


def _scaling(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(ECS_SERVICE):
        moves = shifts(service)
        if moves is UNKNOWN:
            yield unresolved(service, _CONFIGURATION)
        if moves is not True:
            continue
        targets = stack.users(service, "resourceId", SCALING_TARGET)
        if not targets:
            yield violation(service, "desiredCount", "nothing scales it: it is as large at the market's opening as at night")
        for target in targets:
            if not stack.users(target, "resourceId", SCALING_POLICY) and not _policies_by_name(stack, target):
                yield violation(target, "resourceId", "no policy says when to scale")


def _policies_by_name(stack: Stack, target: Resource) -> bool:
    """Whether a policy names the same service by its literal: a scaling target has no ARN that others name."""
    wanted = target.get("resourceId")
    return isinstance(wanted, str) and wanted in stack.view(_scaled_services)


def _scaled_services(stack: Stack) -> frozenset[str]:
    """The services that policies scale, as Application Auto Scaling names them."""
    return frozenset(named for policy in stack.of(SCALING_POLICY) if isinstance(named := policy.get("resourceId"), str))


_POLICY = Given(SCALING_POLICY, "cpu", {"resourceId": UNKNOWN}, {"resourceId": ["scaling"]})
_LITERAL = "service/cluster/backend"

ECS_17 = StackRule(
    id="ECS-17",
    severity=Severity.MEDIUM,
    title="Services that shift traffic are scaled by what they have to do.",
    rationale="The market's opening is many times as busy as the night: a fixed number is too small at one time and too dear at the other.",
    remediation="Add an `appautoscaling.Target` for the service, and an `appautoscaling.Policy` for the target.",
    references=("AWS Well-Architected REL07-BP01",),
    types=(ECS_SERVICE, SCALING_TARGET),
    check=_scaling,
    examples=(
        good("scaled", _shifting(), _scaled(), _POLICY),
        good(
            "scaled, in literals",
            _shifting(),
            Given(SCALING_TARGET, "scaling", {"resourceId": _LITERAL}, {"resourceId": ["backend"]}),
            Given(SCALING_POLICY, "cpu", {"resourceId": _LITERAL}),
        ),
        good("one that must run once", _service()),
        bad("nobody scales it", _shifting()),
        bad("nobody says when", _shifting(), _scaled(), at="scaling"),
        bad("another one is scaled", _shifting(), Given(SCALING_TARGET, "other", {"resourceId": "service/cluster/other"}), _POLICY),
        unknown("a strategy nobody knows", _UNKNOWN_STRATEGY, expect={"backend": Kind.UNRESOLVED}),
        absent("no strategy is a rolling one", _service(desiredCount=1)),
    ),
)


def _asked(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(ECS_SERVICE):
        moves = shifts(service)
        if moves is UNKNOWN:
            yield unresolved(service, _CONFIGURATION)
        elif moves:
            yield from _hooked(stack, service)


def _hooked(stack: Stack, service: Resource) -> Iterator[Problem]:
    hooks = items(service.get(f"{_CONFIGURATION}.lifecycleHooks"))
    stages: list[Value] = [stage for hook in hooks for stage in items(descend(hook, "lifecycleStages"))]
    if UNKNOWN in stages:
        yield unresolved(service, _CONFIGURATION)
        return
    if _START not in stages:
        yield violation(service, _CONFIGURATION, f"starts without asking anybody: it has no hook at {_START}")
    if not any(stage in _BEFORE_SHIFT for stage in stages):
        yield violation(service, _CONFIGURATION, "shows the new version to people before anybody has tried it")
    for hook in hooks:
        target = descend(hook, "hookTargetArn")
        if target is UNKNOWN:
            if not service.sources(_CONFIGURATION, FUNCTION):
                yield unresolved(service, _CONFIGURATION)
        # A version or an alias of a function stands behind its ARN.
        elif not stack.identified([":".join(str(target).split(":")[:_ARN_PARTS])], [FUNCTION]):
            yield violation(service, _CONFIGURATION, "has a hook that calls no function of this stack")


_HOOK = "arn:aws:lambda:us-east-1:123456789012:function:hook"
_FUNCTION = Given(FUNCTION, "hook", {}, {}, {"arn": _HOOK})


def _rollout(*stages: object, target: object = _HOOK, **depends: list[str]) -> Given:
    hook = {"lifecycleStages": list(stages), **({} if target is None else {"hookTargetArn": target})}
    return Given(ECS_SERVICE, "backend", {_CONFIGURATION: {"strategy": "LINEAR", "lifecycleHooks": [hook]}}, depends)


ECS_19 = StackRule(
    id="ECS-19",
    severity=Severity.HIGH,
    title="A deployment that shifts traffic asks a hook before it starts, and one before people see the new version.",
    rationale="Without the first, a version goes out while the market is open or trading has been halted; without the second, it goes out untried.",
    remediation="Set `lifecycle_hooks` at PRE_SCALE_UP and at POST_TEST_TRAFFIC_SHIFT or PRE_PRODUCTION_TRAFFIC_SHIFT, each with a function of the stack.",
    references=(),
    types=(ECS_SERVICE,),
    check=_asked,
    examples=(
        good("before and after the test", _rollout(_START, "POST_TEST_TRAFFIC_SHIFT"), _FUNCTION),
        good("a version of the function", _rollout(_START, "POST_TEST_TRAFFIC_SHIFT", target=f"{_HOOK}:7"), _FUNCTION),
        good("a rolling deployment", _service(**{_CONFIGURATION: {"strategy": "ROLLING"}})),
        bad("nobody is asked at the start", _rollout("POST_TEST_TRAFFIC_SHIFT"), _FUNCTION),
        bad("nobody tries it", _rollout(_START), _FUNCTION),
        bad("nobody tries it in time", _rollout(_START, "POST_PRODUCTION_TRAFFIC_SHIFT"), _FUNCTION),
        bad("no stage", _rollout(), _FUNCTION),
        bad("no function", _rollout(_START, "POST_TEST_TRAFFIC_SHIFT", target=None), _FUNCTION),
        bad("somebody else's function", _rollout(_START, "POST_TEST_TRAFFIC_SHIFT", target=f"{_HOOK}s"), _FUNCTION),
        bad("an empty list", _service(**{_CONFIGURATION: {"strategy": "BLUE_GREEN", "lifecycleHooks": []}})),
        unknown(
            "a function that does not exist yet",
            _rollout(_START, "POST_SCALE_UP", target=UNKNOWN, deploymentConfiguration=["hook"]),
            Given(FUNCTION, "hook"),
        ),
        unknown("a strategy nobody knows", _UNKNOWN_STRATEGY, expect={"backend": Kind.UNRESOLVED}),
        unknown("a stage nobody knows", _rollout(UNKNOWN), _FUNCTION, expect={"backend": Kind.UNRESOLVED}),
        unknown(
            "a function of nobody's", _rollout(_START, "POST_SCALE_UP", target=UNKNOWN), _FUNCTION, expect={"backend": Kind.UNRESOLVED}
        ),
        unknown(
            "hooks nobody knows",
            _service(**{_CONFIGURATION: {"strategy": "CANARY", "lifecycleHooks": UNKNOWN}}),
            expect={"backend": Kind.UNRESOLVED},
        ),
        absent("no hooks", _shifting(), expect={"backend": Kind.VIOLATION}),
        absent("no strategy is a rolling one", _service()),
    ),
)


def _alarmed(service: Resource) -> Iterator[Problem]:
    # Of what shifts traffic ECS-13 speaks, which also asks what the alarms watch.
    if shifts(service) is True:
        return
    for switch, what in (("enable", "asks no alarm"), ("rollback", "leaves a deployment that an alarm has stopped where it is")):
        value = service.flag(f"alarms.{switch}", default=False)
        if isinstance(value, Gap):
            yield unresolved(service, "alarms")
            return
        if not value:
            yield violation(service, "alarms", what)
            return
    if not items(service.get("alarms.alarmNames")):
        yield violation(service, "alarms", "names no alarm that could stop a deployment")


def _with_alarms(**changes: object) -> Given:
    return _service(alarms={"enable": True, "rollback": True, "alarmNames": ["engine-twice"], **changes})


ECS_20 = ResourceRule(
    id="ECS-20",
    severity=Severity.HIGH,
    title="A deployment that replaces tasks is stopped and rolled back by an alarm.",
    rationale="The circuit breaker sees tasks that do not start; one that starts, and does harm, is seen by alarms alone.",
    remediation='Set `alarms={"enable": True, "rollback": True, "alarm_names": […]}`.',
    references=(),
    types=(ECS_SERVICE,),
    check=_alarmed,
    examples=(
        good("stopped and rolled back", _with_alarms()),
        good("what shifts traffic is judged by another rule", _shifting()),
        bad("switched off", _with_alarms(enable=False)),
        bad("stopped and left", _with_alarms(rollback=False)),
        bad("no name", _with_alarms(alarmNames=[])),
        unknown("a name nobody knows is a name", _with_alarms(alarmNames=[UNKNOWN])),
        unknown("a switch nobody knows", _with_alarms(enable=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        absent("no alarms", _service(), expect={"backend": Kind.VIOLATION}),
    ),
)

RULES = (ECS_08, ECS_09, ECS_14, ECS_17, ECS_19, ECS_20)
