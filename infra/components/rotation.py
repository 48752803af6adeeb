"""Rotation of secrets: the functions of lambdas/rotation with their schedules, and the restart of those who read what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.events import RULE_LIMIT, tell
from infra.components.function import NAME_LIMIT, Code, Placement, lambda_function
from infra.components.schedule import Call, Lost, schedule
from infra.components.secrets import Secrets
from infra.plan import rotation as plan
from infra.plan.secrets import SecretSpec


class Rotation(Component):
    """One function, and the schedule of each secret that it rotates.

    Makes: `lambda.Function` with its `iam.Role` and `cloudwatch.LogGroup`; for each secret a `lambda.Permission`, by which Secrets Manager
    calls it for that secret of this account alone, and a `secretsmanager.SecretRotation` (SEC-01, DTO-025).

    The first rotation happens when the schedule is made, because the first value stands in the stack's state (DESIGN.md decision 5); later
    ones on Sundays from 02:00 UTC. Secrets Manager also rotates whenever a schedule is changed.
    """

    token: ClassVar[str] = "rotation"

    function_name: str
    """Physical name, for alarms."""
    function_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        specs: Sequence[SecretSpec],
        secrets: Secrets,
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        variables: Mapping[str, pulumi.Input[str]] | None = None,
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        statements: pulumi.Input[Sequence[plan.Json]] = (),
        placement: Placement | None = None,
        at_once: bool = True,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the function and the schedules.

        Args:
            name: Logical name (`infra.plan.rotation.function_name`).
            ctx: The stack.
            specs: The secrets, all of one kind.
            secrets: Where they are.
            key_arn: KMS key of SECRETS.
            log_key_arn: KMS key of the log.
            variables: What the kind reads beside KIND, LENGTH and SPECIAL; nothing secret.
            reads: Other secrets that it reads, by name.
            writes: Other secrets that it reads and writes, by name.
            statements: Rights at what the secret opens.
            placement: Its place in the VPC, for the kinds that need one.
            at_once: Rotate when the schedule is made. False where a running consumer would be surprised; the next Sunday is then the first.
            after: What must exist before the first rotation.
            opts: Options of the component.

        Raises:
            ValueError: No secret, secrets of several kinds, or a kind of the VPC without a placement.
        """
        super().__init__(name, ctx, opts)
        kinds = {spec.rotator for spec in specs}
        if len(kinds) != 1 or not (rotator := next(iter(kinds))).by_function:
            raise ValueError(f"{name}: one function rotates secrets of one kind, not {', '.join(sorted(kinds)) or 'none'}")
        kind = plan.KINDS[rotator]
        if kind.in_vpc != (placement is not None):
            raise ValueError(f"{name}: a function of kind {rotator.value} {'needs' if kind.in_vpc else 'has no'} place in the VPC")
        self.function_name = ctx.names(name, limit=NAME_LIMIT)
        names = [spec.name for spec in specs]
        own = [secrets.arn(one) for one in names]
        # The role's policy knows the log group first; everything else arrives as outputs beside it.
        known = pulumi.Output.all(
            own=own,
            reads=[secrets.arn(one) for one in reads],
            writes=[secrets.arn(one) for one in writes],
            key=key_arn,
            more=statements,
            replica=secrets.replica_key_arn,
        )
        function = lambda_function(
            self,
            Code(
                folder="rotation",
                description=f"Rotates {', '.join(names)}",
                seconds=kind.seconds,
                purpose=f"What the rotation of {', '.join(names)} may do",
                variables={"KIND": rotator.value, **plan.alphabet_variables(specs[0]), **(variables or {})},
                libraries=kind.libraries,
                memory_mb=kind.memory_mb,
            ),
            permissions=lambda log: known.apply(
                lambda found: plan.function_policy(
                    log_group_arn=log,
                    secret_arns=found["own"],
                    key_arn=found["key"],
                    region=ctx.region,
                    replica=plan.Replica(found["replica"], ctx.dr_region),
                    extra=plan.Extra(tuple(found["reads"]), tuple(found["writes"]), tuple(found["more"])),
                )
            ),
            log_key_arn=log_key_arn,
            placement=placement,
        )
        self.function_arn = function.arn
        for spec in specs:
            self._schedule(spec, secrets, function, at_once=at_once, after=after)
        self.register_outputs({"functionArn": self.function_arn})

    def _schedule(
        self, spec: SecretSpec, secrets: Secrets, function: aws.lambda_.Function, *, at_once: bool, after: Sequence[pulumi.Resource]
    ) -> None:
        name = f"{self.logical}-{spec.name}" if f"rotate-{spec.name}" != self.logical else self.logical
        permission = aws.lambda_.Permission(
            f"{name}-permission",
            function=function.name,
            action="lambda:InvokeFunction",
            principal="secretsmanager.amazonaws.com",
            source_account=self.ctx.account_id,
            source_arn=secrets.arn(spec.name),
            opts=self.child(delete_before_replace=True),
        )
        rotation = aws.secretsmanager.SecretRotation(
            f"{name}-schedule",
            # Only a secret that holds something can be rotated.
            secret_id=secrets.holder(spec.name),
            rotation_lambda_arn=function.arn,
            rotation_rules={"schedule_expression": plan.SCHEDULE, "duration": plan.DURATION},
            rotate_immediately=at_once,
            opts=self.child(depends_on=[permission, *after]),
        )
        secrets.rotated(spec.name, rotation.secret_id)


class Restarts(Component):
    """The function that starts services again after their secrets have changed, every ten minutes of the maintenance window.

    Makes: `lambda.Function` with its `iam.Role` and `cloudwatch.LogGroup`; `scheduler.Schedule` with a role that may invoke this function
    alone; `cloudwatch.EventRule` and `EventTarget` that announce failed rotations on the critical topic.

    The next call of the window makes up for a lost one; where all are lost, because the schedule may no longer call, the queue says so.
    """

    token: ClassVar[str] = "restarts"

    function_name: str
    function_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        cluster: str,
        services: Mapping[str, Sequence[str]],
        weekly: Sequence[str],
        secrets: Secrets,
        log_key_arn: pulumi.Input[str],
        topic_arn: pulumi.Input[str],
        lost: Lost,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the function and the schedule.

        Args:
            name: Logical name.
            ctx: The stack.
            cluster: Physical name of the cluster.
            services: Physical name of each service to the secrets that its containers read, by name.
            weekly: Secrets that change in every window, by name.
            secrets: Where they are.
            log_key_arn: KMS key of the log.
            topic_arn: Who hears of a failed rotation.
            lost: Where calls go that could not be made: services would keep old passwords, and nobody would hear of it.
            opts: Options of the component.

        Raises:
            ValueError: No service reads any secret.
        """
        super().__init__(name, ctx, opts)
        used = sorted({secret for names in services.values() for secret in names})
        if not used:
            raise ValueError(f"{name}: no service reads a secret, so there is nothing to start again")
        self.function_name = ctx.names(name, limit=NAME_LIMIT)
        arns = pulumi.Output.all(**{one: secrets.arn(one) for one in used})
        service_arns = [ctx.arn("ecs", f"service/{cluster}/{service}") for service in sorted(services)]
        function = lambda_function(
            self,
            Code(
                folder="restart_consumers",
                description="Starts services again, in the maintenance window, whose secrets have changed",
                seconds=300,
                purpose="What the restart of secrets' readers may do",
                variables={
                    "CLUSTER": cluster,
                    "SERVICES": arns.apply(
                        lambda known: json.dumps(
                            {service: sorted(known[one] for one in names) for service, names in services.items()}, sort_keys=True
                        )
                    ),
                    "WEEKLY": arns.apply(lambda known: json.dumps(sorted(known[one] for one in used if one in weekly))),
                    "WINDOW": plan.window_variable(),
                },
            ),
            permissions=lambda log: arns.apply(
                lambda known: plan.restart_policy(log_group_arn=log, secret_arns=sorted(known.values()), service_arns=service_arns)
            ),
            log_key_arn=log_key_arn,
        )
        self.function_arn = function.arn
        schedule(
            self,
            function,
            Call(when=plan.RESTARTS, description="Looks, in the maintenance window, for services that hold old secrets"),
            purpose="With which the schedule calls the restart of secrets' readers",
            patience_seconds=300,
            retries=1,
            lost=lost,
        )
        self._announce(topic_arn)
        self.register_outputs({"functionArn": self.function_arn})

    def _announce(self, topic_arn: pulumi.Input[str]) -> None:
        name = self.logical
        tell(
            self,
            f"{name}-failed",
            name=self.ctx.names(name, "failed", limit=RULE_LIMIT),
            what="A rotation of a secret failed or was given up. Runbook: docs/runbooks/secrets.md.",
            pattern=plan.failures_pattern(),
            topic_arn=topic_arn,
        )
