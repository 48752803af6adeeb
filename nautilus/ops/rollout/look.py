"""One look at one service: its newest deployment, its alarms, what holds it, and whether it runs what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.ops.rollout.alarms import alarm_states
from nautilus.ops.rollout.definitions import image_of
from nautilus.ops.rollout.deployments import Deployment, Live, describe, live, newest
from nautilus.ops.rollout.facts import Facts
from nautilus.ops.rollout.gate import Clients
from nautilus.ops.rollout.records import Pause, read_pause
from nautilus.ops.rollout.verdict import Verdict, judge


@dataclass(frozen=True)
class View:
    """What was seen."""

    service: str
    live: Live
    image: str
    """The main container's image in the task definition that the service names."""
    deployment: Deployment | None
    verdict: Verdict
    alarms: Mapping[str, str]
    pause: Pause | None

    @property
    def digest(self) -> str:
        """The digest that the service names; empty for an image by tag."""
        return self.image.partition("@")[2]

    @property
    def ringing(self) -> list[str]:
        """The deployment's alarms that are on, or that do not exist."""
        return [name for name, state in self.alarms.items() if state in ("ALARM", "MISSING")]

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "service": self.service,
            "name": self.live.name,
            **self.verdict.as_document(),
            "taskDefinition": self.live.task_definition.rpartition("/")[2],
            "digest": self.digest or None,
            "tasks": {"desired": self.live.desired, "running": self.live.running},
            "newest": None if self.deployment is None else self.deployment.as_document(),
            "alarms": dict(self.alarms),
            "pause": None if self.pause is None else self.pause.as_document(),
        }


def look(clients: Clients, cloudwatch: Any, facts: Facts, service: str, *, pulumi_owns: bool, deployment: str | None = None) -> View:
    """Look at a service.

    Args:
        clients: AWS.
        cloudwatch: A CloudWatch client of the platform's region.
        facts: The stack.
        service: The service.
        pulumi_owns: Whether Pulumi names the image, so that the service must run Pulumi's newest task definition.
        deployment: ARN of the deployment to judge; None for the newest.

    Raises:
        UnseenError: ECS does not know the service or the deployment.
    """
    name = facts.services[service]
    now = live(clients.ecs, facts.cluster, name)
    found = (
        describe(clients.ecs, [deployment], container=service)[0]
        if deployment
        else newest(clients.ecs, facts.cluster, name, container=service)
    )
    image = ""
    if now.task_definition:
        image = image_of(clients.ecs.describe_task_definition(taskDefinition=now.task_definition)["taskDefinition"], service) or ""
    verdict = judge(found, now, wanted=facts.templates.get(service) if pulumi_owns else None, image=image, applied=pulumi_owns)
    alarms = alarm_states(cloudwatch, found.alarms) if found is not None and found.running and found.alarms else {}
    return View(service, now, image, found, verdict, alarms, read_pause(clients.ssm, facts, service))
