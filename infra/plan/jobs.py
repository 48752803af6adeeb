"""One-off jobs as pure data: when a daily one starts, who may start it, which ends of it are failures, and what operations need to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.plan.iam import Json, canonical, keep_statements, policy, statement
from infra.settings.root import Settings

MIGRATIONS = "migrations"
RECONCILIATION = "reconciliation"

RECONCILED = "reconciliation.done"
"""Event of the line with which a reconciliation ends: `{"event":"reconciliation.done","breaks":0}`."""
CHECK = "check"
"""Last argument of the migrations' program where nobody names another: it changes nothing."""

RETRIES = 3
"""How often EventBridge Scheduler repeats a RunTask that ECS refused; it repeats no task that ran and failed."""
PATIENCE_SECONDS = 3_600
"""How old a start may become before it goes to the dead-letter queue: an hour later the evening's figures are still the day's."""


def daily(at: str) -> str:
    """`HH:MM` as an expression of EventBridge Scheduler, which reads it in the schedule's own time zone: every day.

    Weekends are no exception: exchanges that trade day and night have positions then, the broker books corrections, and the alarm on a
    missing end needs no calendar.

    Raises:
        ValueError: not a time of day.
    """
    hour, _, minute = at.partition(":")
    if not (hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise ValueError(f"{at!r} is not a time of day as HH:MM")
    return f"cron({int(minute)} {int(hour)} * * ? *)"


def reconciles(settings: Settings) -> bool:
    """Whether the stack reconciles: without an engine there are no orders."""
    return settings.jobs.reconciliation.enabled and settings.services.engine.enabled


def failures_pattern(*, cluster_arn: str, family_arn: str, container: str) -> str:
    """EventBridge's pattern of a job that ended badly: another exit code than 0, or an end that its program did not choose.

    The program's own end has the stop code EssentialContainerExited; the others are a start that failed, a stop by a person or by AWS.
    Only the program's own container is asked for its exit code: GuardDuty puts an agent beside it, which AWS kills when the program has
    ended. EventBridge wants name and exit code in the same element of the list.

    Args:
        cluster_arn: Where the job runs.
        family_arn: ARN of its task definitions without the revision.
        container: The program's container.
    """
    return canonical(
        {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {
                "clusterArn": [cluster_arn],
                "taskDefinitionArn": [{"prefix": f"{family_arn}:"}],
                "lastStatus": ["STOPPED"],
                "$or": [
                    {"containers": {"exitCode": [{"anything-but": [0]}], "name": [container]}},
                    {"stopCode": [{"anything-but": ["EssentialContainerExited"]}]},
                ],
            },
        }
    )


def start_policy(*, cluster_arn: str, family_arn: str, role_arns: Sequence[str], queue_arn: str, queue_key_arn: str, region: str) -> str:
    """What EventBridge Scheduler may do for a job: run its task in this cluster with its two roles, and file what could not be started.

    Args:
        cluster_arn: The only cluster.
        family_arn: ARN of the job's task definitions without the revision: each `up` may make another.
        role_arns: The task's execution role and task role; they are handed to ECS and to nobody else.
        queue_arn: The dead-letter queue.
        queue_key_arn: Its KMS key.
        region: The queue's region.
    """
    return policy(
        statement(["ecs:RunTask"], [f"{family_arn}:*"], sid="RunJob", conditions={"ArnEquals": {"ecs:cluster": cluster_arn}}),
        statement(
            ["iam:PassRole"],
            role_arns,
            sid="HandRolesToTask",
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        *keep_statements(queue_arn=queue_arn, key_arn=queue_key_arn, region=region),
    )


def facts(
    *,
    cluster: str,
    task_definition: str,
    container: str,
    command: Sequence[str],
    subnets: Sequence[str],
    group: str,
    log_group: str,
    more: Mapping[str, Json | str | int] | None = None,
) -> str:
    """What operations need to run a job, as the value of the stack's output `jobs`: canonical JSON.

    Args:
        cluster: Name of the cluster.
        task_definition: ARN of the newest revision, the template of what is run.
        container: The main container; its name is also the prefix of its log streams, `<container>/<container>/<task id>`.
        command: Its command without an argument that says what to do.
        subnets: Where it runs.
        group: Its security group.
        log_group: Where it logs.
        more: What this job alone needs.
    """
    return canonical(
        {
            "cluster": cluster,
            "taskDefinition": task_definition,
            "container": container,
            "command": list(command),
            "subnets": list(subnets),
            "group": group,
            "logGroup": log_group,
            **(more or {}),
        }
    )
