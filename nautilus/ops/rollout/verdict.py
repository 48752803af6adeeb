"""Whether a service runs what was last asked of it, in plain words.

An `up` that says success has only handed a new version to ECS. What became of it stands in the service's newest deployment alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nautilus.ops.rollout.deployments import GOING_BACK, Deployment, Live


class Outcome(StrEnum):
    """How a service stands."""

    SERVES = "serves"
    """What was asked for has all the traffic."""
    ROLLING = "rolling"
    """It is on its way."""
    GOING_BACK = "going-back"
    """ECS is rolling it back."""
    ROLLED_BACK = "rolled-back"
    """ECS has put the old version back."""
    ROLLBACK_FAILED = "rollback-failed"
    """ECS could not put the old version back either."""
    STOPPED = "stopped"
    """Somebody, or ECS, stopped it on its way."""
    OTHER = "other"
    """The service runs something that its newest deployment, or Pulumi, did not ask for."""
    UNKNOWN = "unknown"
    """ECS remembers no deployment."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, and a sentence about it."""

    outcome: Outcome
    text: str

    @property
    def ended(self) -> bool:
        """Whether waiting longer changes nothing."""
        return self.outcome not in (Outcome.ROLLING, Outcome.GOING_BACK)

    @property
    def ok(self) -> bool:
        """Whether nothing shows that it is not as asked: it is, may still become so, or was deployed too long ago to say more."""
        return self.outcome in (Outcome.SERVES, Outcome.ROLLING, Outcome.UNKNOWN)

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"outcome": self.outcome.value, "asAsked": self.ok, "text": self.text}


def short(arn: str) -> str:
    """The end of an ARN: `family:revision`."""
    return arn.rpartition("/")[2]


def version(image_digest: str, task_definition: str) -> str:
    """A version as people compare it: the start of its image's digest and its task definition."""
    parts = [f"image {image_digest.removeprefix('sha256:')[:12]}"] if image_digest else []
    return " ".join([*parts, f"({short(task_definition)})"]) if task_definition else (parts[0] if parts else "an unknown version")


def judge(deployment: Deployment | None, live: Live | None, *, wanted: str | None = None, image: str = "", applied: bool = True) -> Verdict:
    """How a service stands.

    Args:
        deployment: Its newest one; None where ECS remembers none (older than 90 days).
        live: The service's definition now; None where a deployment alone is judged.
        wanted: Task definition that Pulumi registered last, where Pulumi owns the image; None where a pipeline does.
        image: The image of `live`'s task definition, for the sentence about a difference.
        applied: Whether an `up` brought it, and told its success.
    """
    if deployment is None:
        return _differs(live, wanted, image) or Verdict(Outcome.UNKNOWN, _forgotten(live, image))
    new = version(deployment.target.digest, deployment.target.task_definition)
    old = _old(deployment, new)
    if any(source.task_definition == deployment.target.task_definition != "" for source in deployment.sources):
        # A forced deployment of what runs already: a restart, such as that after a rotated secret.
        new, old = f"a restart of {new}", "the tasks before"
    why = deployment.why or "ECS gives no reason"
    asked = f"asked for {new}; {'the apply said success; ' if applied else ''}ECS"
    match deployment.status:
        case "ROLLBACK_SUCCESSFUL":
            return Verdict(Outcome.ROLLED_BACK, f"{asked} rolled back to {old}: {why}")
        case "ROLLBACK_FAILED":
            return Verdict(Outcome.ROLLBACK_FAILED, f"{asked} failed to roll back to {old}: {why}: look at its tasks")
        case "STOPPED":
            return Verdict(
                Outcome.STOPPED, f"asked for {new}; the deployment was stopped on its way, and the traffic stays where it was: {why}"
            )
        case status if status in GOING_BACK:
            return Verdict(Outcome.GOING_BACK, f"{asked} is rolling back to {old}: {why}")
        case "SUCCESSFUL":
            return _successful(deployment, live, wanted, new, image)
        case _:
            return Verdict(Outcome.ROLLING, f"{new} is on its way, {share(deployment)}")


def share(deployment: Deployment) -> str:
    """How much of the new version serves."""
    target = deployment.target
    if target.production is not None and deployment.strategy != "ROLLING":
        return f"{target.production:g} % of the traffic"
    return f"{target.running} of {target.requested} task{'' if target.requested == 1 else 's'}"


def _old(deployment: Deployment, new: str) -> str:
    for source in deployment.sources:
        found = version(source.digest, source.task_definition)
        if found != new:
            return found
    return "the version before" if deployment.sources else "nothing, because there was no version before"


def _successful(deployment: Deployment, live: Live | None, wanted: str | None, new: str, image: str) -> Verdict:
    target = deployment.target
    if deployment.strategy != "ROLLING" and target.production is not None and target.production < 100:
        return Verdict(Outcome.OTHER, f"ECS calls the deployment of {new} successful, and sends it {target.production:g} % of the traffic")
    if live is not None and target.task_definition and short(live.task_definition) != short(target.task_definition):
        runs = version(image.partition("@")[2], live.task_definition)
        return Verdict(Outcome.OTHER, f"its newest deployment brought {new}, and the service names {runs}")
    if other := _differs(live, wanted, image):
        return other
    return Verdict(Outcome.SERVES, f"{new} serves {share(deployment)}")


def _differs(live: Live | None, wanted: str | None, image: str) -> Verdict | None:
    """The service names another task definition than Pulumi registered last."""
    if live is None or not wanted or short(live.task_definition) == short(wanted):
        return None
    runs = version(image.partition("@")[2], live.task_definition)
    return Verdict(Outcome.OTHER, f"Pulumi last asked for {short(wanted)}, and the service runs {runs}")


def _forgotten(live: Live | None, image: str) -> str:
    said = f"runs {version(image.partition('@')[2], live.task_definition)}; " if live is not None else ""
    return f"{said}ECS remembers no deployment of it in the last 90 days"
