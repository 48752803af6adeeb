"""ECS's deployment controller, as far as its documents describe it: it walks a deployment through its stages and calls the real hook.

What is modelled: the order of the stages, weights that change at each shift, lifecycle hooks with `callBackDelay`, `hookDetails` that go
round, a hook's time-out, a hook that crashes or answers nonsense, alarms that ECS watches itself (those that were on at the start excepted),
and the rollback, in which the hooks of the two `*_TRAFFIC_SHIFT` stages run again. What ECS does not document is a switch: whether the weights
stand in the payload, whether `hookDetails` of one stage are handed to the next, and what becomes of a deployment that a second one finds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.plan.rollout import RolloutPlan, Strategy
from lambdas.rollout_hook import handler as hook
from lambdas.rollout_hook.orders import Smoke
from lambdas.rollout_hook.world import CannotSeeError, Deployment
from nautilus.runtime.smoke import Report, Result

ARN = "arn:aws:ecs:us-east-1:123456789012:"
TICK = 10
"""Seconds between two looks of ECS at its alarms."""
START_SECONDS = 120
"""How long tasks take until they are healthy."""
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)


class HookCrashError(Exception):
    """The function ends without an answer."""


@dataclass
class Scene:
    """AWS as the hook sees it. Time passes as the controller says."""

    now: float
    alarms: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    healthy: bool = True
    """Whether the new version passes the smoke test."""
    blind: bool = False
    """Whether AWS's APIs fail."""
    images: frozenset[str] = frozenset({"sha256:new"})
    deployments: dict[str, Controller] = field(default_factory=dict)
    smoked: int = 0

    def alarm_states(self, names: tuple[str, ...]) -> Mapping[str, str]:
        self._look("DescribeAlarms")
        return {name: self.alarms[name] for name in names if name in self.alarms}

    def deployment(self, arn: str) -> Deployment:
        self._look("DescribeServiceDeployments")
        found = self.deployments[arn]
        return Deployment(found.first, found.status.startswith("ROLLBACK"), found.percent, found.revision)

    def parameter(self, name: str) -> str | None:
        self._look("GetParameter")
        return self.parameters.get(name)

    def digests(self, revision: str) -> frozenset[str]:
        self._look("DescribeServiceRevisions")
        return self.images

    def smoke(self, orders: Smoke) -> Report:
        self._look("DescribeNetworkInterfaces")
        self.smoked += 1
        detail = "200 in 4 ms" if self.healthy else "answered 503, not 200"
        return Report(tuple(Result(check.path, self.healthy, detail, 200 if self.healthy else 503, 4.0) for check in orders.checks))

    def call(self, event: Any) -> Any:
        """The real hook, with what it answers sent through JSON as Lambda does."""
        return json.loads(json.dumps(hook.decide(json.loads(json.dumps(event)), now=self.now, world=self)))

    def _look(self, what: str) -> None:
        if self.blind:
            raise CannotSeeError(f"{what}: throttled")


@dataclass
class Controller:
    """One service deployment."""

    plan: RolloutPlan
    details: Mapping[str, Any]
    scene: Scene
    name: str = "d1"
    first: bool = False
    """The service is new: nothing is replaced."""
    reconciles: bool = False
    """It found another deployment under way."""
    hook_stages: Sequence[str] | None = None
    """Where the hook runs; None takes the plan's."""
    watches_alarms: bool = True
    """Whether ECS looks at the deployment's alarms itself."""
    weights_in_payload: bool = True
    details_travel: bool = False
    """Whether a stage starts with the `hookDetails` that the stage before it returned."""
    invoke: Callable[[Any], Any] | None = None
    events: Mapping[str, Callable[[Controller], None]] = field(default_factory=dict)
    """What happens at `<stage>@<percent>`, once, when the stage begins."""
    later: list[tuple[float, Callable[[Controller], None]]] = field(default_factory=list)
    """What happens at a time; events add to it."""
    asked_back: str = ""
    """Somebody asked ECS for a rollback (StopServiceDeployment), and why."""
    status: str = "IN_PROGRESS"
    reason: str = ""
    percent: float = 0.0
    """Production traffic on the new version."""
    most: float = 0.0
    stood: dict[float, float] = field(default_factory=dict)
    """Seconds that the traffic stood at each share, from the first shift on until the old version may go."""
    called: list[tuple[str, float, Any]] = field(default_factory=list)
    """Each call of the hook: stage, share, answer."""
    began: float = 0.0
    ended: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.scene.now
        self.scene.deployments[self.arn] = self
        self._on_at_start = {name for name, state in self.scene.alarms.items() if state == "ALARM"}
        self._shifting = False
        self._fired: set[str] = set()

    @property
    def arn(self) -> str:
        return f"{ARN}service-deployment/apps/backend/{self.name}"

    @property
    def revision(self) -> str:
        return f"{ARN}service-revision/apps/backend/{self.name}"

    @property
    def before(self) -> str:
        return f"{ARN}service-revision/apps/backend/old"

    @property
    def minutes(self) -> float:
        return (self.ended - self.began) / 60

    def payload(self, stage: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """An invocation as ECS documents it; the weights are empty at most stages."""
        shown = self.weights_in_payload and stage in ("PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
        production = {self.revision: self.percent} | ({} if self.first else {self.before: 100 - self.percent})
        return {
            "executionId": f"execution-{self.name}-{stage}",
            "lifecycleStage": stage,
            "resourceArn": self.arn,
            "executionDetails": {
                "serviceArn": f"{ARN}service/apps/backend",
                "targetServiceRevisionArn": self.revision,
                "testTrafficWeights": {},
                "productionTrafficWeights": production if shown else {},
            },
            "hookDetails": dict(details),
        }

    def run(self) -> Controller:
        """The whole deployment, alone."""
        play(self)
        return self

    def steps(self) -> Iterator[float]:
        """The deployment: yields seconds that pass before it goes on. It ends when its status is final."""
        try:
            yield from self._forward()
            self.status = "SUCCESSFUL"
        except _RollBackError as why:
            self.reason = str(why)
            yield from self._back()
        self.ended = self.scene.now

    def stop(self, status: str, reason: str) -> None:
        """A second deployment takes the service over."""
        self.status, self.reason, self.ended = status, reason, self.scene.now

    def _forward(self) -> Iterator[float]:
        if self.reconciles:
            yield from self._stage("RECONCILE_SERVICE")
        yield from self._stage("PRE_SCALE_UP")
        yield from self._pass(START_SECONDS)
        for stage in ("POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"):
            yield from self._stage(stage)
        while self.percent < 100:
            yield from self._stage("PRE_PRODUCTION_TRAFFIC_SHIFT")
            self._shift()
            yield from self._stage("PRODUCTION_TRAFFIC_SHIFT")
            if self.percent < 100:
                yield from self._pass(self.plan.step_bake_minutes * 60)
        yield from self._stage("POST_PRODUCTION_TRAFFIC_SHIFT")
        self._event("BAKE_TIME")
        yield from self._pass(self.plan.bake_minutes * 60)

    def _shift(self) -> None:
        at_once = self.first or self.plan.strategy is Strategy.BLUE_GREEN or (self.plan.strategy is Strategy.CANARY and self.percent > 0)
        step = 100 if at_once else self.plan.step_percent
        self.percent = min(100.0, self.percent + step)
        self.most = max(self.most, self.percent)
        self._shifting = True

    def _back(self) -> Iterator[float]:
        """The old version gets everything back at once; the hooks at the two shifts run again."""
        self.status = "ROLLBACK_IN_PROGRESS"
        self.percent, self._shifting = 0.0, False
        try:
            for stage in ("PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT"):
                yield from self._stage(stage)
            self.status = "ROLLBACK_SUCCESSFUL"
        except _RollBackError as why:
            self.status, self.reason = "ROLLBACK_FAILED", f"{self.reason}; then {why}"

    def _event(self, stage: str) -> None:
        key = f"{stage}@{self.percent:g}"
        if key in self.events and key not in self._fired:
            self._fired.add(key)
            self.events[key](self)

    def _stage(self, stage: str) -> Iterator[float]:
        self._event(stage)
        if stage not in (self.plan.stages if self.hook_stages is None else self.hook_stages):
            return
        began, details = self.scene.now, dict(self.details)
        if not self.details_travel:
            details.pop("memory", None)
        while True:
            try:
                answer = (self.invoke or self.scene.call)(self.payload(stage, details))
            except HookCrashError as crash:
                raise _RollBackError(f"the hook crashed at {stage}: {crash}") from crash
            self.called.append((stage, self.percent, answer))
            status = answer.get("hookStatus") if isinstance(answer, dict) else None
            if status == "SUCCEEDED":
                return
            if status != "IN_PROGRESS":
                raise _RollBackError(f"the hook refused at {stage}: {answer.get('reason') if isinstance(answer, dict) else answer}")
            details = answer.get("hookDetails", details)
            if self.details_travel:
                self.details = details
            yield from self._pass(answer.get("callBackDelay", 30))
            if self.scene.now - began >= self.plan.hook_minutes * 60:
                raise _RollBackError(f"the hook timed out at {stage} after {self.plan.hook_minutes} minutes")

    def _pass(self, seconds: float) -> Iterator[float]:
        """Time goes by; ECS looks at its alarms."""
        left = seconds
        while left > 0:
            step = min(TICK, left)
            yield step
            left -= step
            if self._shifting:
                self.stood[self.percent] = self.stood.get(self.percent, 0.0) + step
            for due in [one for one in self.later if one[0] <= self.scene.now]:
                self.later.remove(due)
                due[1](self)
            if self.asked_back and self.status == "IN_PROGRESS":
                raise _RollBackError(self.asked_back)
            on = sorted(name for name, state in self.scene.alarms.items() if state == "ALARM" and name not in self._on_at_start)
            if self.watches_alarms and on and self.status == "IN_PROGRESS":
                raise _RollBackError(f"ECS saw an alarm: {', '.join(on)}")


class _RollBackError(Exception):
    pass


def play(*controllers: Controller) -> None:
    """Several deployments at once, all on one clock, until each has ended."""
    scene = controllers[0].scene
    running = {index: (scene.now, one.steps()) for index, one in enumerate(controllers)}
    for _ in range(200_000):
        if not running:
            return
        index = min(running, key=lambda one: running[one][0])
        due, steps = running[index]
        scene.now = max(scene.now, due)
        if controllers[index].status in ("STOPPED",):
            del running[index]
            continue
        try:
            running[index] = (scene.now + next(steps), steps)
        except StopIteration:
            del running[index]
    raise AssertionError("the deployment never ends")
