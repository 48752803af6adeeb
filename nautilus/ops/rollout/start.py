"""Starting a deployment of an image where a pipeline owns it, and stopping or letting go on one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops.rollout.definitions import BY_TAG, WHY_TAG, CannotCopyError, copy_of
from nautilus.ops.rollout.deployments import RUNNING, Deployment, brief, describe
from nautilus.ops.rollout.facts import Facts, workload
from nautilus.ops.rollout.gate import Clients, busy
from nautilus.ops.steps import code_of

SEEN_SECONDS: Final = 60
"""How long a new deployment may take to appear in ECS's list."""


class NotStartedError(Exception):
    """Nothing was deployed. `code` is a stable word for machines."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class NotStoppedError(Exception):
    """ECS does not stop a deployment in this way."""


@dataclass(frozen=True, slots=True)
class Started:
    """A deployment that ECS has taken."""

    task_definition: str
    image: str
    deployment: str | None
    """Its ARN; None where ECS did not list it within `SEEN_SECONDS`."""


def template_of(clients: Clients, facts: Facts, service: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The task definition that Pulumi registered last, with its tags.

    Raises:
        NotStartedError: The stack names none, or ECS has it no more.
    """
    arn = facts.templates.get(service)
    again = "nautilus up --stack {stack}"
    if not arn:
        raise NotStartedError("no-template", f"the stack names no template of {service}'s task definition", again)
    try:
        answer = clients.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    except ClientError as error:
        if code_of(error) != "ClientException":
            raise
        raise NotStartedError("no-template", f"ECS has no task definition {arn}: {error}", again) from None
    if answer["taskDefinition"].get("status", "ACTIVE") != "ACTIVE":
        raise NotStartedError("no-template", f"{arn} is no longer active", again)
    return answer["taskDefinition"], answer.get("tags", [])


def start(
    clients: Clients,
    facts: Facts,
    service: str,
    digest: str,
    *,
    who: str,
    why: str,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Started:
    """Register a copy of the template with this image, and have ECS deploy it. The gate was asked before.

    A singleton keeps its 0 and 100 percent: the service's own deployment configuration is not touched.

    Args:
        clients: AWS.
        facts: The stack.
        service: The service.
        digest: The image.
        who: The caller's name, kept as a tag of the copy.
        why: The reason, kept likewise.
        now: The time.
        sleep: Waits so many seconds.

    Raises:
        NotStartedError: The template cannot be copied, or somebody else was faster.
    """
    definition, tags = template_of(clients, facts, service)
    image = f"{facts.repositories[workload(service)]}@{digest}"
    try:
        request = copy_of(clients.ecs, definition, tags, container=service, image=image, more_tags={BY_TAG: who, WHY_TAG: why})
    except CannotCopyError as error:
        raise NotStartedError("template", str(error), "nautilus up --stack {stack}") from None
    registered = str(clients.ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"])
    # ECS takes no condition with an update. This second look leaves another person a moment instead of minutes.
    if raced := busy(clients.ecs, facts, service):
        clients.ecs.deregister_task_definition(taskDefinition=registered)
        raise NotStartedError(raced[0].code, raced[0].text, raced[0].repair)
    clients.ecs.update_service(cluster=facts.cluster, service=facts.services[service], taskDefinition=registered)
    return Started(registered, image, _seen(clients, facts, service, registered, now, sleep))


def _seen(
    clients: Clients, facts: Facts, service: str, task_definition: str, now: Callable[[], datetime], sleep: Callable[[float], None]
) -> str | None:
    """The ARN of the deployment that brings this task definition."""
    until = now().timestamp() + SEEN_SECONDS
    while True:
        for one in brief(clients.ecs, facts.cluster, facts.services[service])[:3]:
            if describe(clients.ecs, [one.arn], container=service)[0].target.task_definition == task_definition:
                return one.arn
        if now().timestamp() >= until:
            return None
        sleep(2)


def running(clients: Clients, facts: Facts, service: str) -> Deployment | None:
    """The deployment of a service that has not ended."""
    found = brief(clients.ecs, facts.cluster, facts.services[service], states=RUNNING)
    return describe(clients.ecs, [found[0].arn], container=service)[0] if found else None


def stop(clients: Clients, deployment: Deployment, *, roll_back: bool) -> None:
    """Stop a deployment.

    Args:
        clients: AWS.
        deployment: One that has not ended.
        roll_back: Put the old version back; else leave what runs where it is (`ABORT`, which ECS's API names and does not take everywhere).

    Raises:
        NotStoppedError: ECS does not take this way of stopping, or the deployment has ended meanwhile.
    """
    try:
        clients.ecs.stop_service_deployment(serviceDeploymentArn=deployment.arn, stopType="ROLLBACK" if roll_back else "ABORT")
    except ClientError as error:
        if code_of(error) in (
            "InvalidParameterException",
            "UnsupportedFeatureException",
            "ConflictException",
            "ServiceDeploymentNotFoundException",
        ):
            raise NotStoppedError(str(error.response.get("Error", {}).get("Message") or error)) from None
        raise


def go_on(clients: Clients, deployment: Deployment) -> list[str]:
    """Let a deployment go on that stands at a hook which waits for people; the hooks' ids, none where it stands at none."""
    waiting = [hook.id for hook in deployment.hooks if hook.waits_for_people]
    for hook in waiting:
        clients.ecs.continue_service_deployment(serviceDeploymentArn=deployment.arn, hookId=hook, action="CONTINUE")
    return waiting
