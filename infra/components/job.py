"""A one-off job: a task that somebody or something starts, that does one thing and ends. Nothing of it runs in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.events import RULE_LIMIT, tell
from infra.components.task import Task
from infra.plan import jobs as plan
from infra.settings.workloads import Container


class Job(Component):
    """`nautilus:job`: a task definition for `ecs run-task`, and word of every run that ended badly.

    Makes: a `Task` (task definition, its two roles, its encrypted log group), and a `cloudwatch.EventRule` with its target that tells the
    critical topic of a run with another exit code than 0, of one that could not start, and of one that was stopped.
    """

    token: ClassVar[str] = "job"

    facts: pulumi.Output[str]
    """What operations need to run it: its value in the stack's output `jobs`, JSON (`infra.plan.jobs.facts`)."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Container,
        cluster: Cluster,
        image: pulumi.Input[str],
        command: Sequence[str],
        argument: str = "",
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        topic_arn: pulumi.Input[str],
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        stop_seconds: int = 120,
        more: Mapping[str, pulumi.Input[Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the job.

        Args:
            name: Logical name; also the container's, the task family's and the log group's last part, and its runbook's below docs/runbooks/.
            ctx: The stack.
            settings: Size and processor: those of the image.
            cluster: Where it runs.
            image: ECR image by digest.
            command: The program, without an argument that says what to do.
            argument: That argument where nobody names another; it should change nothing.
            environment: Plain variables.
            secrets: Variable to secret ARN (`:json-key::` allowed).
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Where it runs.
            group_id: Its security group.
            log_key_arn: KMS key of the log group.
            topic_arn: Who hears of a run that ended badly.
            policies: Inline policies of its task role by name; none for a job that calls no API of AWS.
            stop_seconds: From SIGTERM to SIGKILL, 2 to 120 (Fargate): a transaction is rolled back in it.
            more: What operations need beside the rest, as JSON's types.
            opts: Options of the component.

        Raises:
            ValueError: What `Task` refuses.
        """
        super().__init__(name, ctx, opts)
        self.task = Task(
            f"{name}-task",
            ctx,
            settings=settings,
            image=image,
            environment=environment,
            secrets=secrets,
            secret_key_arn=secret_key_arn,
            log_key_arn=log_key_arn,
            container_name=name,
            command=[*command, *([argument] if argument else [])],
            stop_seconds=stop_seconds,
            policies=policies,
            opts=self.child(),
        )
        self.log_group_name = self.task.log.name
        self.family_arn = ctx.arn("ecs", f"task-definition/{ctx.names(name)}")
        """ARN of its task definitions without the revision."""
        tell(
            self,
            f"{name}-failed",
            name=ctx.names(name, "failed", limit=RULE_LIMIT),
            what=f"A run of {name} failed, was stopped or could not start. Runbook: docs/runbooks/{name}.md.",
            pattern=cluster.arn.apply(lambda arn: plan.failures_pattern(cluster_arn=arn, family_arn=self.family_arn, container=name)),
            topic_arn=topic_arn,
        )
        self.facts = pulumi.Output.all(
            cluster=cluster.name,
            definition=self.task.arn,
            subnets=list(subnet_ids),
            group=group_id,
            log=self.log_group_name,
            more=dict(more or {}),
        ).apply(
            lambda known: plan.facts(
                cluster=known["cluster"],
                task_definition=known["definition"],
                container=name,
                command=command,
                subnets=known["subnets"],
                group=known["group"],
                log_group=known["log"],
                more=known["more"],
            )
        )
        self.register_outputs({"arn": self.task.arn, "facts": self.facts})
