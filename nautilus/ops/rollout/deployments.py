"""Deployments of a service as ECS tells them, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, cast

RUNNING: Final = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
"""States of a deployment that has not ended."""
GOING_BACK: Final = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
_A_CALL: Final = 20
"""Most ARNs that one DescribeServiceDeployments or DescribeServiceRevisions takes."""
_OLDEST: Final = datetime.min.replace(tzinfo=UTC)


class UnseenError(Exception):
    """ECS answered, and did not tell what was asked: a service or a deployment that it does not know."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a service inside a deployment."""

    arn: str
    requested: int
    running: int
    pending: int
    production: float | None
    """Percent of production traffic that ECS sends it; None where ECS shifts no traffic."""
    test: float | None
    task_definition: str = ""
    image: str = ""
    """The main container's image as the task definition names it."""
    digest: str = ""

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "revision": self.arn.rpartition("/")[2],
            "taskDefinition": self.task_definition.rpartition("/")[2],
            "digest": self.digest or None,
            "productionPercent": self.production,
            "testPercent": self.test,
            "tasks": {"requested": self.requested, "running": self.running, "pending": self.pending},
        }


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook of a running deployment."""

    id: str
    kind: str
    """`AWS_LAMBDA` or `PAUSE`."""
    target: str
    status: str
    """`IN_PROGRESS`, `AWAITING_ACTION`, `SUCCEEDED`, `FAILED` or `TIMED_OUT`."""
    expires: datetime | None
    on_time_out: str

    @property
    def waits_for_people(self) -> bool:
        """Whether `continue` or a rollback is what it waits for."""
        return self.kind == "PAUSE" and self.status == "AWAITING_ACTION"

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "hook": self.target.rpartition(":")[2] or self.id,
            "type": self.kind,
            "status": self.status,
            "expires": _text(self.expires),
            "onTimeOut": self.on_time_out or None,
        }


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a service."""

    arn: str
    status: str
    reason: str
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    target: Revision
    strategy: str = ""
    stage: str = ""
    sources: tuple[Revision, ...] = ()
    hooks: tuple[Hook, ...] = ()
    rollback_reason: str = ""
    alarm_status: str = ""
    alarms: tuple[str, ...] = ()
    triggered: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The end of the ARN, which people copy."""
        return self.arn.rpartition("/")[2]

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status in RUNNING

    @property
    def why(self) -> str:
        """ECS's reason for its state, and for its rollback where there was one; empty where it says none."""
        said: list[str] = []
        for text in (self.rollback_reason, self.reason):
            text = text.strip().rstrip(".")
            if text and text not in said:
                said.append(text)
        if self.triggered:
            said.append(f"in alarm: {', '.join(self.triggered)}")
        return "; ".join(said)

    @property
    def seconds(self) -> int | None:
        """How long it took; None while it runs or where ECS does not say."""
        begun = self.started or self.created
        return round((self.finished - begun).total_seconds()) if begun and self.finished else None

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "deployment": self.arn,
            "status": self.status,
            "reason": self.why or None,
            "strategy": self.strategy or None,
            "stage": self.stage or None,
            "created": _text(self.created),
            "started": _text(self.started),
            "finished": _text(self.finished),
            "seconds": self.seconds,
            "new": self.target.as_document(),
            "old": [item.as_document() for item in self.sources],
            "hooks": [item.as_document() for item in self.hooks],
            "alarmStatus": self.alarm_status or None,
            "triggeredAlarms": list(self.triggered),
        }


@dataclass(frozen=True, slots=True)
class Live:
    """What a service's definition says at this moment."""

    name: str
    task_definition: str
    desired: int
    running: int


def _text(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat(timespec="seconds") if when else None


def _percent(value: Any) -> float | None:
    return None if value is None else float(value)


def _revision(found: Mapping[str, Any]) -> Revision:
    return Revision(
        arn=str(found.get("arn", "")),
        requested=int(found.get("requestedTaskCount") or 0),
        running=int(found.get("runningTaskCount") or 0),
        pending=int(found.get("pendingTaskCount") or 0),
        production=_percent(found.get("requestedProductionTrafficWeight")),
        test=_percent(found.get("requestedTestTrafficWeight")),
    )


def _brief(found: Mapping[str, Any]) -> Deployment:
    return Deployment(
        arn=str(found["serviceDeploymentArn"]),
        status=str(found.get("status", "")),
        reason=str(found.get("statusReason") or ""),
        created=found.get("createdAt"),
        started=found.get("startedAt"),
        finished=found.get("finishedAt"),
        target=_revision({"arn": found.get("targetServiceRevisionArn", "")}),
    )


def _full(found: Mapping[str, Any]) -> Deployment:
    alarms: Mapping[str, Any] = found.get("alarms") or {}
    configuration: Mapping[str, Any] = found.get("deploymentConfiguration") or {}
    return Deployment(
        arn=str(found["serviceDeploymentArn"]),
        status=str(found.get("status", "")),
        reason=str(found.get("statusReason") or ""),
        created=found.get("createdAt"),
        started=found.get("startedAt"),
        finished=found.get("finishedAt") or found.get("stoppedAt"),
        target=_revision(found.get("targetServiceRevision") or {}),
        strategy=str(configuration.get("strategy") or "ROLLING"),
        stage=str(found.get("lifecycleStage") or ""),
        sources=tuple(_revision(item) for item in found.get("sourceServiceRevisions") or []),
        hooks=tuple(
            Hook(
                id=str(item.get("hookId", "")),
                kind=str(item.get("targetType", "")),
                target=str(item.get("targetArn") or ""),
                status=str(item.get("status", "")),
                expires=item.get("expiresAt"),
                on_time_out=str(item.get("timeoutAction") or ""),
            )
            for item in found.get("lifecycleHookDetails") or []
        ),
        rollback_reason=str((found.get("rollback") or {}).get("reason") or ""),
        alarm_status=str(alarms.get("status") or ""),
        alarms=tuple(alarms.get("alarmNames") or (configuration.get("alarms") or {}).get("alarmNames") or ()),
        triggered=tuple(alarms.get("triggeredAlarmNames") or ()),
    )


def _chunks(items: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _A_CALL):
        yield list(items[start : start + _A_CALL])


def _pages(call: Callable[..., Mapping[str, Any]], **asked: Any) -> Iterator[Mapping[str, Any]]:
    """Pages of an API that boto3 has no paginator for."""
    token: str | None = None
    while True:
        page = call(**asked, **({"nextToken": token} if token else {}))
        yield page
        token = page.get("nextToken")
        if not token:
            return


def brief(ecs: Any, cluster: str, service: str, *, states: frozenset[str] | None = None) -> list[Deployment]:
    """A service's deployments without their details, the newest first; ECS remembers 90 days.

    Args:
        ecs: An ECS client.
        cluster: The cluster's name.
        service: ECS's name of the service.
        states: Only these; None for all.
    """
    asked: dict[str, Any] = {"cluster": cluster, "service": service, "maxResults": 100}
    if states is not None:
        asked["status"] = sorted(states)
    found = [_brief(item) for page in _pages(ecs.list_service_deployments, **asked) for item in page.get("serviceDeployments", [])]
    # The API promises no order.
    return sorted(found, key=lambda item: item.created or _OLDEST, reverse=True)


def describe(ecs: Any, arns: Sequence[str], *, container: str) -> list[Deployment]:
    """Deployments with their details, in the order of `arns`, each version with what it runs.

    Args:
        ecs: An ECS client.
        arns: Deployments' ARNs.
        container: Name of the main container, whose image is told.

    Raises:
        UnseenError: ECS does not know one of them.
    """
    found: dict[str, Deployment] = {}
    for chunk in _chunks(arns):
        answer = ecs.describe_service_deployments(serviceDeploymentArns=chunk)
        for item in answer.get("serviceDeployments", []):
            found[str(item["serviceDeploymentArn"])] = _full(item)
        for failure in answer.get("failures", []):
            raise UnseenError(f"{failure.get('arn')}: {failure.get('reason')} {failure.get('detail') or ''}".strip())
    missing = [arn for arn in arns if arn not in found]
    if missing:
        raise UnseenError(f"ECS does not know the deployment {missing[0]}")
    revisions = sorted({item.arn for one in found.values() for item in (one.target, *one.sources) if item.arn})
    contents = _contents(ecs, revisions, container)
    return [_with_contents(found[arn], contents) for arn in arns]


def _contents(ecs: Any, arns: Sequence[str], container: str) -> dict[str, tuple[str, str, str]]:
    """Task definition, image and digest of each revision; one that ECS has forgotten is left out."""
    known: dict[str, tuple[str, str, str]] = {}
    for chunk in _chunks(arns):
        for item in ecs.describe_service_revisions(serviceRevisionArns=chunk).get("serviceRevisions", []):
            images = [image for image in item.get("containerImages", []) if image.get("containerName") == container]
            image = str(images[0].get("image", "")) if images else ""
            digest = str(images[0].get("imageDigest") or image.partition("@")[2]) if images else ""
            known[str(item["serviceRevisionArn"])] = (str(item.get("taskDefinition", "")), image, digest)
    return known


def _with_contents(deployment: Deployment, contents: Mapping[str, tuple[str, str, str]]) -> Deployment:
    def known(revision: Revision) -> Revision:
        definition, image, digest = contents.get(revision.arn, ("", "", ""))
        return replace(revision, task_definition=definition, image=image, digest=digest)

    return replace(deployment, target=known(deployment.target), sources=tuple(known(item) for item in deployment.sources))


def newest(ecs: Any, cluster: str, service: str, *, container: str) -> Deployment | None:
    """The service's newest deployment; None where ECS remembers none."""
    found = brief(ecs, cluster, service)
    return describe(ecs, [found[0].arn], container=container)[0] if found else None


def history(ecs: Any, cluster: str, service: str, *, container: str, limit: int) -> list[Deployment]:
    """The service's newest `limit` deployments."""
    return describe(ecs, [item.arn for item in islice(brief(ecs, cluster, service), limit)], container=container)


def live(ecs: Any, cluster: str, service: str) -> Live:
    """What the service's definition says now.

    Raises:
        UnseenError: There is no such service, or it was deleted.
    """
    answer = ecs.describe_services(cluster=cluster, services=[service])
    found = [item for item in cast("list[dict[str, Any]]", answer.get("services", [])) if item.get("status") != "INACTIVE"]
    if not found:
        raise UnseenError(f"ECS has no service {service} in the cluster {cluster}")
    item = found[0]
    return Live(
        name=str(item["serviceName"]),
        task_definition=str(item.get("taskDefinition", "")),
        desired=int(item.get("desiredCount") or 0),
        running=int(item.get("runningCount") or 0),
    )
