"""Restore tests: every week the newest backups are restored, opened, counted, compared with what is live, measured, and thrown away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.function import NAME_LIMIT, Code, Placement, lambda_function
from infra.plan import backup_calendar as plan
from infra.plan.iam import canonical, policy, statement, write_logs, write_traces
from infra.plan.rds_authorities import authority
from infra.plan.secrets import RESTORE_USER
from infra.settings import data

ResourceType = Literal["RDS", "EBS", "EFS", "DynamoDB"]
"""AWS Backup's words for what the platform holds; lambdas/restore_check knows how to check each."""
RESTORED = "awsbackup-restore-test-"
"""What AWS Backup begins the names of its test copies with."""
ENDED_EVENTS: Mapping[str, object] = {
    "source": ["aws.backup"],
    "detail-type": ["Restore Job State Change"],
    "detail": {"status": ["ABORTED", "COMPLETED", "FAILED"]},
}
COMPARE_SECONDS = 840
"""Within the judge's own 900 seconds, Lambda's longest."""
WINDOW_DAYS = 7
"""How old a recovery point may be to be taken for the test; snapshots come every four hours."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """The live PostgreSQL, and where its copies are restored."""

    name: str
    host: pulumi.Input[str]
    """Where it is read for the comparison: a replica, where there is one."""
    port: pulumi.Input[int]
    subnet_group_name: pulumi.Input[str]
    group_id: pulumi.Input[str]
    """Security group of the copies: that of PostgreSQL, so that the comparing function reaches them and the world does not."""
    instance_class: str
    user: str = RESTORE_USER


def _logs(log_group_arn: str) -> list[dict[str, object]]:
    return [
        write_logs(log_group_arn),
        write_traces(),
    ]


def compare_policy(ctx: Context, *, log_group_arn: str, user: str) -> str:
    """What the comparing function may do: log in to databases as `user`, by IAM. A copy's resource id is unknown before it exists."""
    return policy(*_logs(log_group_arn), statement(["rds-db:connect"], [ctx.arn("rds-db", f"dbuser:*/{user}")], sid="ReadDatabases"))


def judge_policy(ctx: Context, *, log_group_arn: str, namespace: str, compare_arn: str) -> str:
    """What the judge may do: read restore jobs and what they made, ask the comparing function, say its verdict, publish metrics.

    It may change nothing: AWS Backup deletes its copies itself. AWS Backup's calls about restore jobs know no resource.
    """
    return policy(
        *_logs(log_group_arn),
        statement(
            ["cloudwatch:PutMetricData"], ["*"], sid="WriteMetrics", conditions={"StringEquals": {"cloudwatch:namespace": namespace}}
        ),
        statement(["backup:DescribeRestoreJob", "backup:ListRestoreJobs", "backup:PutRestoreValidationResult"], ["*"], sid="JudgeRestores"),
        statement(["lambda:InvokeFunction"], [compare_arn], sid="Compare"),
        statement(["rds:DescribeDBInstances"], [ctx.arn("rds", f"db:{RESTORED}*")], sid="SeeInstances"),
        statement(["ec2:DescribeVolumes"], ["*"], sid="SeeVolumes"),
        statement(["elasticfilesystem:DescribeFileSystems"], [ctx.arn("elasticfilesystem", "file-system/*")], sid="SeeFileSystems"),
        statement(["dynamodb:DescribeTable", "dynamodb:Scan"], [ctx.arn("dynamodb", f"table/{RESTORED}*")], sid="ReadTables"),
    )


class RestoreCompare(Component):
    """The function that stands in the VPC and counts: see lambdas/restore_compare. It calls no API of AWS, so it needs no endpoint."""

    token: ClassVar[str] = "restore-compare"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.RestoreTest,
        database: Database,
        placement: Placement,
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=NAME_LIMIT)
        function = lambda_function(
            self,
            Code(
                folder="restore_compare",
                description="Counts a restored database and the live one, and compares them",
                seconds=COMPARE_SECONDS,
                purpose="What the comparison of restored databases may do",
                variables={
                    "CA": authority(ctx.region),
                    "DATABASE_USER": database.user,
                    "MISSING_ROWS_PERCENT": f"{settings.missing_rows_percent:g}",
                },
                libraries=("asn1crypto", "pg8000", "scramp"),
            ),
            permissions=lambda arn: compare_policy(ctx, log_group_arn=arn, user=database.user),
            log_key_arn=log_key_arn,
            placement=placement,
        )
        self.function_arn: pulumi.Output[str] = function.arn
        self.register_outputs({"functionArn": self.function_arn})


class RestoreTesting(Component):
    """`nautilus:restore-testing`: two weekly restore testing plans, their selections, and the two functions that judge the copies.

    Makes: a `backup.RestoreTestingPlan` of the newest snapshots of everything, and one of the database from its log, three hours later;
    a `backup.RestoreTestingSelection` for each resource type; the judge (lambdas/restore_check), woken by the end of restore jobs and
    every six hours for the age of the last proof; the comparing function in the VPC.

    The databases are opened by IAM: a restored instance has the passwords of its backup, which a rotation may have replaced, and changing
    its administrator's password would need rights to change instances. The user's rights are in the backup itself.

    When: on Saturday, because the exchanges are closed then, so the counting queries disturb nobody; because the newest backup is a quiet
    one; and because a day is left before Sunday's maintenance, which may need a backup that is known to be good.
    Sources: DTO-160 to DTO-164, DTO-186, DTO-188, OTE-140, NRC-040, NRC-054, PFC-144.

    Args:
        settings: The section `backup.restoreTest`.
        vault_arn: The vault whose recovery points are restored.
        role_arn: The role with which AWS Backup restores.
        resource_arns: What is restored: ARNs by short name, by resource type; a type without an ARN gets no selection.
        database: The live database.
        placement: Where the comparing function stands: subnets and security group of RESTORE_CHECK.
        namespace: CloudWatch namespace of the stack (`infra.plan.alarms.custom_namespace`).
        log_key_arn: KMS key of LOGS.

    Raises:
        ValueError: No database among the resources, more than 30 resources of one type (AWS Backup), or a copy that would still be there
            in the maintenance window.
    """

    token: ClassVar[str] = "restore-testing"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.RestoreTest,
        vault_arn: pulumi.Input[str],
        role_arn: pulumi.Input[str],
        resource_arns: Mapping[ResourceType, Mapping[str, pulumi.Input[str]]],
        database: Database,
        placement: Placement,
        namespace: str,
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        kinds: dict[ResourceType, list[pulumi.Input[str]]] = {kind: list(arns.values()) for kind, arns in resource_arns.items() if arns}
        if "RDS" not in kinds:
            raise ValueError("restore tests: no database to restore")
        for kind, arns in kinds.items():
            if len(arns) > 30:
                raise ValueError(f"restore tests: {len(arns)} resources of {kind}; a selection names 30 at most")
        if conflict := plan.restore_conflict(settings):
            raise ValueError(f"restore tests: {conflict}")
        self._settings, self._role_arn = settings, role_arn

        schedules = plan.restore_schedules(settings)
        snapshots = self._plan("snapshots", schedules["snapshots"], vault_arn, "SNAPSHOT")
        log = self._plan("log", schedules["log"], vault_arn, "CONTINUOUS")
        overrides: dict[ResourceType, dict[str, pulumi.Input[str]]] = {"RDS": self._restored_database(database)}
        for kind, arns in sorted(kinds.items()):
            self._selection(f"snapshots-{kind.lower()}", snapshots, kind, arns, overrides.get(kind))
        self._selection("log-rds", log, "RDS", kinds["RDS"], overrides["RDS"])

        self.compare = RestoreCompare(
            f"{name}-compare",
            ctx,
            settings=settings,
            database=database,
            placement=placement,
            log_key_arn=log_key_arn,
            opts=self.child(),
        )
        self.function_name = ctx.names(name, limit=NAME_LIMIT)
        function = lambda_function(
            self,
            Code(
                folder="restore_check",
                description="Judges restored backups, and publishes how long they took and how much they lost",
                seconds=900,
                purpose="What the judge of restore tests may do",
                variables={
                    "COMPARE": self.compare.function_name,
                    "LIVE": pulumi.Output.json_dumps(
                        {"database": database.name, "host": database.host, "port": database.port}, sort_keys=True
                    ),
                    "NAMESPACE": namespace,
                    "PLANS": pulumi.Output.json_dumps([snapshots.arn, log.arn]),
                    "TYPES": json.dumps(sorted(kinds)),
                },
            ),
            permissions=lambda arn: self.compare.function_arn.apply(
                lambda compare_arn: judge_policy(ctx, log_group_arn=arn, namespace=namespace, compare_arn=compare_arn)
            ),
            log_key_arn=log_key_arn,
        )
        self._wake(function, "ended", "A restore job has come to its end", pattern=canonical(ENDED_EVENTS))
        self._wake(function, "age", "How old the last proof is, asked every six hours", schedule="rate(6 hours)", event='{"kind":"age"}')
        self.function_arn: pulumi.Output[str] = function.arn
        self.register_outputs({"functionArn": self.function_arn})

    def _plan(self, key: str, schedule: str, vault_arn: pulumi.Input[str], kind: str) -> aws.backup.RestoreTestingPlan:
        return aws.backup.RestoreTestingPlan(
            f"{self.logical}-{key}",
            name=self.ctx.names.under("restore", key, limit=50),
            schedule_expression=schedule,
            start_window_hours=plan.TEST_START_HOURS,
            recovery_point_selection={
                "algorithm": "LATEST_WITHIN_WINDOW",
                "include_vaults": [vault_arn],
                "recovery_point_types": [kind],
                "selection_window_days": WINDOW_DAYS,
            },
            opts=self.child(),
        )

    def _selection(
        self,
        key: str,
        test: aws.backup.RestoreTestingPlan,
        kind: ResourceType,
        arns: Sequence[pulumi.Input[str]],
        overrides: Mapping[str, pulumi.Input[str]] | None,
    ) -> None:
        aws.backup.RestoreTestingSelection(
            f"{self.logical}-{key}",
            name=self.ctx.names.under("restore", key, limit=50),
            restore_testing_plan_name=test.name,
            protected_resource_type=kind,
            protected_resource_arns=list(arns),
            iam_role_arn=self._role_arn,
            restore_metadata_overrides=dict(overrides) if overrides else None,
            validation_window_hours=self._settings.keep_hours,
            opts=self.child(delete_before_replace=True),
        )

    def _restored_database(self, database: Database) -> dict[str, pulumi.Input[str]]:
        """What AWS Backup would otherwise guess: the default VPC, and no login by IAM."""
        return {
            "dbInstanceClass": database.instance_class,
            "dbSubnetGroupName": database.subnet_group_name,
            "enableIamDatabaseAuthentication": "true",
            "multiAz": "false",
            "publiclyAccessible": "false",
            "vpcSecurityGroupIds": pulumi.Output.json_dumps([database.group_id]),
        }

    def _wake(
        self,
        function: aws.lambda_.Function,
        key: str,
        why: str,
        *,
        pattern: str | None = None,
        schedule: str | None = None,
        event: str | None = None,
    ) -> None:
        name = f"{self.logical}-{key}"
        rule = aws.cloudwatch.EventRule(
            name,
            name=self.ctx.names("restore", key, limit=64),
            description=why,
            event_pattern=pattern,
            schedule_expression=schedule,
            state="ENABLED",
            opts=self.child(),
        )
        permission = aws.lambda_.Permission(
            name,
            statement_id=key,
            action="lambda:InvokeFunction",
            function=function.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self.child(),
        )
        aws.cloudwatch.EventTarget(
            name, rule=rule.name, target_id="judge", arn=function.arn, input=event, opts=self.child(depends_on=[permission])
        )
