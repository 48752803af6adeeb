"""Rules about deployments that shift traffic between two versions."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import LISTENER_RULES, TARGET_GROUPS
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, items

SERVICE = "aws:ecs/service:Service"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
UNHEALTHY = "UnHealthyHostCount"

_CONFIGURATION = "deploymentConfiguration"
_AGAIN = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
_RULE, _GROUP = LISTENER_RULES[0], TARGET_GROUPS[0]


def shifts(service: Resource) -> bool | Gap:
    """Whether its deployments move traffic from one version to another, instead of replacing tasks."""
    strategy = service.get(f"{_CONFIGURATION}.strategy")
    return UNKNOWN if strategy is UNKNOWN else strategy not in (ABSENT, "ROLLING")


def _alarmed(stack: Stack) -> Iterator[Problem]:
    for service in stack.of(SERVICE):
        moves = shifts(service)
        if moves is UNKNOWN:
            yield unresolved(service, _CONFIGURATION)
        elif moves:
            yield from _rolled_back(service)


def _rolled_back(service: Resource) -> Iterator[Problem]:
    for switch, what in (("enable", "asks no alarm"), ("rollback", "leaves a deployment that an alarm has stopped where it is")):
        value = service.get(f"alarms.{switch}")
        if value is UNKNOWN:
            yield unresolved(service, "alarms")
            return
        if value not in (True, "true"):
            yield violation(service, "alarms", what)
            return
    alarms = service.sources("alarms", ALARM)
    if not alarms and UNKNOWN in items(service.get("alarms.alarmNames")):
        yield unresolved(service, "alarms")
        return
    watched = {
        group.urn for alarm in alarms if alarm.get("metricName") == UNHEALTHY for group in alarm.sources("dimensions", *TARGET_GROUPS)
    }
    groups = service.sources("loadBalancers", *TARGET_GROUPS)
    if not groups:
        yield unresolved(service, "loadBalancers", "its target groups are not known, so that nothing shows that alarms watch them")
    for group in groups:
        if group.urn not in watched:
            yield violation(service, "alarms", f"no alarm on {UNHEALTHY} of {group.name} rolls a deployment back")


def _shift(**props: object) -> Given:
    sound: dict[str, object] = {
        _CONFIGURATION: {"strategy": "LINEAR"},
        "alarms": {"alarmNames": [UNKNOWN, UNKNOWN], "enable": True, "rollback": True},
        "loadBalancers": [{"targetGroupArn": UNKNOWN, "advancedConfiguration": {"alternateTargetGroupArn": UNKNOWN}}],
    }
    return Given(
        SERVICE,
        "backend",
        {key: value for key, value in {**sound, **props}.items() if value is not None},
        {"alarms": ["unhealthy-blue", "unhealthy-green"], "loadBalancers": ["blue", "green"]},
    )


def _watch(colour: str, metric: str = UNHEALTHY, of: str = "") -> Given:
    return Given(
        ALARM, f"unhealthy-{colour}", {"metricName": metric, "dimensions": {"TargetGroup": UNKNOWN}}, {"dimensions": [of or colour]}
    )


_SLOTS = (Given(_GROUP, "blue"), Given(_GROUP, "green"))
_WATCHED = (_watch("blue"), _watch("green"))

ECS_13 = StackRule(
    id="ECS-13",
    severity=Severity.HIGH,
    title="Alarms on both target groups roll a deployment back that shifts traffic.",
    rationale="The new version stands now in one target group and next time in the other: an alarm on one of them sees every second deployment.",
    remediation='Set `alarms` with `enable` and `rollback`, and name in it an alarm on "UnHealthyHostCount" of each target group.',
    references=(),
    types=(SERVICE,),
    check=_alarmed,
    examples=(
        good("both are watched", _shift(), *_SLOTS, *_WATCHED),
        good("a rolling deployment", _shift(**{_CONFIGURATION: {"strategy": "ROLLING"}}, alarms=None), *_SLOTS),
        bad("one is not", _shift(), *_SLOTS, _watch("blue")),
        bad("one is watched twice", _shift(), *_SLOTS, _watch("blue"), _watch("green", of="blue")),
        bad("another metric", _shift(), *_SLOTS, _watch("blue"), _watch("green", metric="RequestCount")),
        bad("stopped and left", _shift(alarms={"alarmNames": [UNKNOWN], "enable": True, "rollback": False}), *_SLOTS, *_WATCHED),
        bad("switched off", _shift(alarms={"alarmNames": [UNKNOWN], "enable": False, "rollback": True}), *_SLOTS, *_WATCHED),
        bad("no name", _shift(alarms={"alarmNames": [], "enable": True, "rollback": True}), *_SLOTS),
        unknown("a strategy nobody knows", _shift(**{_CONFIGURATION: {"strategy": UNKNOWN}}), *_SLOTS, expect={"backend": Kind.UNRESOLVED}),
        unknown("alarms of nobody's", _shift(), *_SLOTS, expect={"backend": Kind.UNRESOLVED}),
        unknown("target groups of nobody's", _shift(), *_WATCHED, expect={"backend": Kind.UNRESOLVED}),
        unknown(
            "a switch nobody knows",
            _shift(alarms={"alarmNames": [UNKNOWN], "enable": UNKNOWN, "rollback": True}),
            *_SLOTS,
            expect={"backend": Kind.UNRESOLVED},
        ),
        absent("no alarms", _shift(alarms=None), *_SLOTS, expect={"backend": Kind.VIOLATION}),
        absent("no strategy is a rolling one", _shift(**{_CONFIGURATION: None}, alarms=None), *_SLOTS),
    ),
)


def _guarded(service: Resource) -> Iterator[Problem]:
    moves = shifts(service)
    if moves is UNKNOWN:
        yield unresolved(service, _CONFIGURATION)
    if moves is not True:
        return
    bake = service.get(f"{_CONFIGURATION}.bakeTimeInMinutes")
    if bake is UNKNOWN:
        yield unresolved(service, _CONFIGURATION)
    elif bake is ABSENT or str(bake) in ("0", "0.0"):
        yield violation(service, _CONFIGURATION, "stops the old version in the moment in which the new one gets all traffic")
    for hook in items(service.get(f"{_CONFIGURATION}.lifecycleHooks")):
        yield from _hook(service, hook)


def _hook(service: Resource, hook: Value) -> Iterator[Problem]:
    stages, late = descend(hook, "lifecycleStages"), descend(hook, "timeoutConfiguration.action")
    if late is UNKNOWN or UNKNOWN in items(stages):
        yield unresolved(service, _CONFIGURATION)
    for stage in items(stages):
        if stage in _AGAIN:
            yield violation(service, _CONFIGURATION, f"has a hook at {stage}, which a rollback passes again and waits for")
    if late == "CONTINUE":
        yield violation(service, _CONFIGURATION, "goes on when a hook does not answer in time")


def _rollout(*stages: object, bake: object = "5", action: object = None, strategy: object = "LINEAR") -> Given:
    hook = {"lifecycleStages": list(stages), **({"timeoutConfiguration": {"action": action}} if action is not None else {})}
    made = {"strategy": strategy, "bakeTimeInMinutes": bake, "lifecycleHooks": [hook]}
    return Given(SERVICE, "backend", {_CONFIGURATION: {key: value for key, value in made.items() if value is not None}})


ECS_16 = ResourceRule(
    id="ECS-16",
    severity=Severity.HIGH,
    title="A rollout keeps the way back open: the old version bakes, and no hook stands where a rollback passes.",
    rationale="A rollback needs the old version's tasks, and a hook at a traffic shift runs in a rollback too: broken, it keeps the bad version.",
    remediation="Set `bake_time_in_minutes` above 0, hooks at PRE_… and POST_… stages only, and `ROLLBACK` as what their time-out does.",
    references=(),
    types=(SERVICE,),
    check=_guarded,
    examples=(
        good("before and after", _rollout("PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", action="ROLLBACK")),
        good("a rolling deployment", _rollout(bake=None, strategy="ROLLING")),
        bad("at the test shift", _rollout("TEST_TRAFFIC_SHIFT")),
        bad("at the production shift", _rollout("PRE_SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT")),
        bad("a late hook lets through", _rollout("PRE_SCALE_UP", action="CONTINUE")),
        bad("no bake", _rollout("PRE_SCALE_UP", bake="0")),
        unknown("a stage nobody knows", _rollout(UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        unknown("a bake nobody knows", _rollout("PRE_SCALE_UP", bake=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        unknown("a time-out nobody knows", _rollout("PRE_SCALE_UP", action=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        unknown("a strategy nobody knows", _rollout("PRE_SCALE_UP", strategy=UNKNOWN), expect={"backend": Kind.UNRESOLVED}),
        absent("a bake that nobody names", _rollout("PRE_SCALE_UP", bake=None), expect={"backend": Kind.VIOLATION}),
        absent("no hook, and the time-out's default rolls back", _rollout()),
    ),
)


def _sticky(group: Resource) -> bool | Gap:
    """Whether it keeps a client on a target. A block that does not say so does (the provider's default)."""
    return group.flag("stickiness.enabled", default=group.get("stickiness") is not ABSENT)


def _kept(stack: Stack) -> Iterator[Problem]:
    for rule in stack.of(*LISTENER_RULES):
        for action in items(rule.get("actions")):
            if len(items(descend(action, "forward.targetGroups"))) < 2:
                continue
            same = descend(action, "forward.stickiness.enabled")
            if same in (True, "true"):
                continue
            for group in rule.sources("actions", *TARGET_GROUPS):
                sticky = _sticky(group)
                if sticky is UNKNOWN or (sticky is True and same is UNKNOWN):
                    yield unresolved(rule, "actions")
                elif sticky is True:
                    yield violation(rule, "actions", f"spreads over groups without keeping a client on one, and {group.name} is sticky")


def _spread(*, kept: object = None, groups: int = 2) -> Given:
    forward: dict[str, object] = {"targetGroups": [{"arn": UNKNOWN, "weight": 100} for _ in range(groups)]}
    if kept is not None:
        forward["stickiness"] = {"enabled": kept, "duration": 600}
    depends = {"actions": ["blue", "green"][:groups]}
    return Given(_RULE, "rule", {"actions": [{"type": "forward", "forward": forward}]}, depends)


def _group(sticky: object) -> Given:
    return Given(_GROUP, "blue", {"stickiness": {"type": "lb_cookie", "enabled": sticky}})


_GREEN = Given(_GROUP, "green", {"stickiness": {"type": "lb_cookie", "enabled": False}})

LB_12 = StackRule(
    id="LB-12",
    severity=Severity.HIGH,
    title="A rule that spreads over target groups has no sticky one, unless it is sticky itself.",
    rationale="ELB refuses the rule otherwise. A sticky rule keeps clients on a version that no longer has any share of the traffic.",
    remediation="Switch `stickiness` off in the target groups of a rollout.",
    references=(),
    types=LISTENER_RULES,
    check=_kept,
    examples=(
        good("none is sticky", _spread(), _group(False), _GREEN),
        good("one group alone", _spread(groups=1), _group(True)),
        good("the rule is sticky too", _spread(kept=True), _group(True), _GREEN),
        bad("a sticky group", _spread(), _group(True), _GREEN),
        bad("a sticky group, and a rule that is not", _spread(kept=False), _group(True), _GREEN),
        unknown("nobody knows of the group", _spread(), _group(UNKNOWN), _GREEN, expect={"rule": Kind.UNRESOLVED}),
        unknown("nobody knows of the rule", _spread(kept=UNKNOWN), _group(True), _GREEN, expect={"rule": Kind.UNRESOLVED}),
        absent("no stickiness", _spread(), Given(_GROUP, "blue"), Given(_GROUP, "green")),
        absent(
            "a block that does not say",
            _spread(),
            Given(_GROUP, "blue", {"stickiness": {"type": "lb_cookie"}}),
            _GREEN,
            expect={"rule": Kind.VIOLATION},
        ),
    ),
)

RULES = (ECS_13, ECS_16, LB_12)
