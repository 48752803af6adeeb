"""Who asked for a deployment and why, as `start` wrote it on the task definition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from nautilus.ops.rollout.definitions import BY_TAG, WHY_TAG
from nautilus.ops.rollout.deployments import Deployment
from nautilus.ops.steps import code_of


@dataclass(frozen=True, slots=True)
class Order:
    """Both are empty for a deployment that `start` did not begin."""

    who: str = ""
    why: str = ""

    @property
    def sentence(self) -> str:
        """For people; empty where nothing is known."""
        return f"by {self.who}{f': {self.why}' if self.why else ''}" if self.who else ""


def orders(ecs: Any, found: Iterable[Deployment]) -> dict[str, Order]:
    """The order behind each deployment, by its ARN."""
    known: dict[str, Order] = {"": Order()}
    made: dict[str, Order] = {}
    for one in found:
        definition = one.target.task_definition
        if definition not in known:
            known[definition] = _order(ecs, definition)
        made[one.arn] = known[definition]
    return made


def _order(ecs: Any, definition: str) -> Order:
    try:
        answer = ecs.describe_task_definition(taskDefinition=definition, include=["TAGS"])
    except ClientError as error:
        # Deleted since: who asked for it is forgotten with it.
        if code_of(error) == "ClientException":
            return Order()
        raise
    tags = {str(tag["key"]): str(tag.get("value", "")) for tag in answer.get("tags", [])}
    return Order(tags.get(BY_TAG, ""), tags.get(WHY_TAG, ""))
