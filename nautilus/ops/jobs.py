"""One-off jobs on ECS: what the stack says about them, starting one, following its log, and how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from nautilus.ops.rollout.definitions import CannotCopyError, copy_of, image_of
from nautilus.ops.steps import code_of

POLL_SECONDS: Final = 2.0
APPEAR_SECONDS: Final = 60.0
"""How long a task that RunTask named may stay unknown to DescribeTasks: ECS's API is eventually consistent (RunTask, API reference)."""
LOG_SECONDS: Final = 45.0
"""How long the last lines of a task may take after it has stopped: the log driver sends them in batches."""


class JobError(Exception):
    """The stack says nothing about the job, or ECS would not run it."""


class JobLostError(JobError):
    """The task did not end in time; what becomes of it is not known."""

    def __init__(self, message: str, task: str) -> None:
        super().__init__(message)
        self.task = task


@dataclass(frozen=True)
class JobFacts:
    """A job, as the stack's output `jobs` describes it."""

    name: str
    cluster: str
    task_definition: str
    """ARN of the revision that Pulumi made last: the template of what is run."""
    container: str
    command: tuple[str, ...]
    subnets: tuple[str, ...]
    group: str
    log_group: str
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What this job alone has, such as `service`."""

    @property
    def family(self) -> str:
        """Name of its task definitions without the revision."""
        return self.task_definition.rpartition("/")[2].rpartition(":")[0]

    def log_stream(self, task: str) -> str:
        """Where the task of this ARN or id logs."""
        return f"{self.container}/{self.container}/{task.rpartition('/')[2]}"


def parse_job(outputs: Mapping[str, Any], name: str) -> JobFacts:
    """The job of this name in a stack's outputs.

    Raises:
        JobError: the outputs have none, or it lacks something.
    """
    found: Any = outputs.get("jobs")
    text = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    if text is None:
        raise JobError(f"the stack's outputs have no job {name}: it is not up, or it is switched off in the settings (jobs.{name})")
    try:
        document: dict[str, Any] = dict(json.loads(text)) if isinstance(text, str) else dict(text)
        return JobFacts(
            name=name,
            cluster=str(document.pop("cluster")),
            task_definition=str(document.pop("taskDefinition")),
            container=str(document.pop("container")),
            command=tuple(str(word) for word in document.pop("command")),
            subnets=tuple(str(one) for one in document.pop("subnets")),
            group=str(document.pop("group")),
            log_group=str(document.pop("logGroup")),
            more=document,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"the stack's output for the job {name} cannot be read: {error}") from None


@dataclass(frozen=True)
class Ended:
    """How a task ended."""

    task: str
    """Its ARN."""
    exit_code: int | None
    """Of its container; None where that never ran."""
    stop_code: str
    """ECS's word for why the task stopped, such as `EssentialContainerExited` or `TaskFailedToStart`."""
    reason: str
    lines: tuple[str, ...]
    """Everything it wrote."""


@dataclass(frozen=True)
class Revision:
    """A task definition to run, and whether it was registered for one run only."""

    arn: str
    digest: str
    temporary: bool


def running(ecs: Any, job: JobFacts) -> list[str]:
    """ARNs of the job's tasks that have not stopped, whoever started them."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=job.cluster, family=job.family, desiredStatus="RUNNING")
    return [str(arn) for page in pages for arn in page["taskArns"]]


def revision_of(ecs: Any, job: JobFacts, digest: str | None, *, register: bool = True) -> Revision:
    """The task definition that runs the image `digest` of the template's repository; the template's own image for None.

    A digest that the template does not have is registered as another revision: RunTask replaces a command, never an image.

    Raises:
        JobError: the template has no such container, or its image has no digest.
    """
    answer = ecs.describe_task_definition(taskDefinition=job.task_definition, include=["TAGS"])
    template: dict[str, Any] = answer["taskDefinition"]
    image = image_of(template, job.container) or ""
    repository, _, own = image.partition("@")
    if not own:
        raise JobError(f"{job.task_definition} runs {image or 'nothing'} in {job.container}, which names no digest")
    if digest is None or digest == own:
        return Revision(job.task_definition, own, temporary=False)
    if not register:
        return Revision("", digest, temporary=False)
    try:
        request = copy_of(
            ecs, template, answer.get("tags", ()), container=job.container, image=f"{repository}@{digest}", more_tags={"MadeFor": "one run"}
        )
    except CannotCopyError as error:
        raise JobError(str(error)) from None
    made = ecs.register_task_definition(**request)
    return Revision(str(made["taskDefinition"]["taskDefinitionArn"]), digest, temporary=True)


def discard(ecs: Any, revision: Revision) -> None:
    """Take a revision away that was made for one run; a task that still runs is not touched by that."""
    if revision.temporary:
        ecs.deregister_task_definition(taskDefinition=revision.arn)


def start(ecs: Any, job: JobFacts, revision: Revision, *arguments: str, by: str) -> str:
    """Run the job once, with `arguments` behind its command; the task's ARN.

    Raises:
        JobError: ECS has no capacity for it, or finds something missing.
    """
    answer = ecs.run_task(
        cluster=job.cluster,
        taskDefinition=revision.arn,
        count=1,
        launchType="FARGATE",
        startedBy=by[:128],
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": list(job.subnets), "securityGroups": [job.group], "assignPublicIp": "DISABLED"}
        },
        overrides={"containerOverrides": [{"name": job.container, "command": [*job.command, *arguments]}]},
    )
    if not answer.get("tasks"):
        failures = "; ".join(f"{one.get('reason')} {one.get('detail', '')}".strip() for one in answer.get("failures", []))
        raise JobError(f"ECS did not run {job.name}: {failures or 'it gives no reason'}")
    return str(answer["tasks"][0]["taskArn"])


class Log:
    """The lines of a task, as they come."""

    def __init__(self, logs: Any, job: JobFacts, task: str) -> None:
        self._logs = logs
        self._place = {"logGroupName": job.log_group, "logStreamName": job.log_stream(task), "startFromHead": True}
        self._token: str | None = None

    def read(self) -> list[str]:
        """Lines that have come since the last call; none before the stream exists."""
        lines: list[str] = []
        while True:
            given = {"nextToken": self._token} if self._token else {}
            try:
                answer = self._logs.get_log_events(**self._place, **given)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return lines
                raise
            lines += [str(event["message"]) for event in answer["events"]]
            # At the end CloudWatch gives the token back that it was given.
            if answer["nextForwardToken"] == self._token:
                return lines
            self._token = str(answer["nextForwardToken"])


def follow(
    ecs: Any,
    logs: Any,
    job: JobFacts,
    task: str,
    *,
    seconds: float,
    last: Callable[[Sequence[str]], bool],
    on_line: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Ended:
    """Wait for the end of a task, handing on its lines.

    Args:
        ecs: A client.
        logs: A client.
        job: The job.
        task: ARN of the task.
        seconds: How long it may take.
        last: Whether the lines so far are all of them; without that, `LOG_SECONDS` after the end are waited for.
        on_line: Hears each line at once.
        clock: Seconds.
        sleep: Waits.

    Raises:
        JobLostError: it did not end in time, or ECS has forgotten it.
    """
    began = clock()
    log, lines, until = Log(logs, job, task), list[str](), began + seconds
    stopped: dict[str, Any] | None = None
    seen = False
    while True:
        found = ecs.describe_tasks(cluster=job.cluster, tasks=[task]) if stopped is None else None
        for line in log.read():
            lines.append(line)
            if on_line is not None:
                on_line(line)
        if found is not None:
            seen = seen or bool(found.get("tasks"))
            if not found.get("tasks") and (seen or clock() - began > APPEAR_SECONDS):
                raise JobLostError(f"ECS does not know {task} any more", task)
            if found.get("tasks") and found["tasks"][0]["lastStatus"] == "STOPPED":
                stopped, until = found["tasks"][0], clock() + LOG_SECONDS
                continue
        if stopped is not None and (last(lines) or clock() > until or _never_ran(stopped, job)):
            return _ended(stopped, job, task, lines)
        if stopped is None and clock() > until:
            raise JobLostError(f"{task} has not ended after {seconds / 60:g} minutes", task)
        sleep(POLL_SECONDS)


def _container(task: Mapping[str, Any], job: JobFacts) -> Mapping[str, Any]:
    return next((one for one in task.get("containers", []) if one.get("name") == job.container), {})


def _never_ran(task: Mapping[str, Any], job: JobFacts) -> bool:
    return task.get("stopCode") == "TaskFailedToStart" and _container(task, job).get("exitCode") is None


def _ended(task: Mapping[str, Any], job: JobFacts, arn: str, lines: Sequence[str]) -> Ended:
    own = _container(task, job)
    code = own.get("exitCode")
    reason = str(own.get("reason") or task.get("stoppedReason") or "")
    return Ended(arn, None if code is None else int(code), str(task.get("stopCode") or ""), reason, tuple(lines))


def stop(ecs: Any, job: JobFacts, task: str, why: str) -> None:
    """End a task: its container gets SIGTERM, and SIGKILL when its stop time is over."""
    ecs.stop_task(cluster=job.cluster, task=task, reason=why[:255])
