"""Relational data: RDS for PostgreSQL with a standby, read replicas, and everything that watches them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan import postgres as plan
from infra.settings import data

PORT = 5432
_CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"


class Postgres(Component):
    """`nautilus:postgres`: PostgreSQL on RDS.

    Makes: `rds.SubnetGroup`, `rds.ParameterGroup`, the role of enhanced monitoring, log groups for the exported logs, the primary
    `rds.Instance` (stateful; Multi-AZ and gp3 with autoscaled storage by settings), `settings.replicas` read replicas (stateful), and an
    `rds.EventSubscription` where a topic is given.
    Sources: NRC-013, DTO-085 to DTO-089, DTO-113, PFC-043 to PFC-048; POLICY-RULES RDS-01 to RDS-22.

    AWS Backup owns snapshots and continuous backup, so retention and backup window are set once and then left to it. The minor version,
    the password after its first rotation and the size after autoscaling are AWS's and Secrets Manager's affairs as well.

    Args:
        settings: The section `postgres`.
        subnet_ids: Data subnets, two zones or more.
        group_id: Security group of POSTGRES.
        key_arn: KMS key of DATABASE.
        log_key_arn: KMS key of LOGS.
        username: Administrator's name; `settings.user` unless a stack says otherwise.
        password: First password of the administrator.
        zones: Zones over which replicas are spread; `ctx.zones` if unset.
        topic_arn: SNS topic of the instance's events, or None.

    Raises:
        ValueError: RDS would refuse the settings (`infra.plan.postgres.refusals`), or fewer than two subnets are given.
    """

    token: ClassVar[str] = "postgres"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Postgres,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        username: str,
        password: pulumi.Input[str],
        zones: Sequence[str] | None = None,
        topic_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        settings = settings.model_copy(update={"user": username})
        plan.check(settings)
        if len(subnet_ids) < 2:
            raise ValueError("postgres: RDS wants subnets in two zones or more")
        spread = tuple(zones or ctx.zones)
        identifier = ctx.names("postgres", limit=50)
        family = plan.family(settings.major)

        subnets = aws.rds.SubnetGroup(
            f"{name}-subnets",
            name=identifier,
            description="Data subnets of the platform",
            subnet_ids=list(subnet_ids),
            tags={"Name": identifier},
            opts=self.child(),
        )
        # The family is part of the name: a new major version needs a new group beside the old one until the instance has moved.
        group = aws.rds.ParameterGroup(
            f"{name}-parameters",
            name=ctx.names(family),
            family=family,
            description="Forced TLS, statements on record, limits of the platform",
            parameters=[{"name": p.name, "value": p.value, "apply_method": p.apply_method} for p in plan.parameters(settings)],
            opts=self.child(),
        )
        monitoring, attachment = self._monitoring_role()
        suffix = random.RandomId(f"{name}-final", byte_length=4, keepers={"instance": identifier}, opts=self.child())
        logs = self._log_groups(name, identifier, log_key_arn)

        self.primary = aws.rds.Instance(
            f"{name}-primary",
            identifier=identifier,
            engine="postgres",
            engine_version=str(settings.major),
            instance_class=settings.instance_class,
            db_name=settings.database,
            username=username,
            password=password,
            port=PORT,
            allocated_storage=settings.storage_gb,
            max_allocated_storage=settings.max_storage_gb,
            storage_type="gp3",
            iops=settings.iops,
            storage_encrypted=True,
            kms_key_id=key_arn,
            multi_az=settings.multi_az,
            publicly_accessible=False,
            network_type="IPV4",
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group_id],
            parameter_group_name=group.name,
            ca_cert_identifier=_CERTIFICATE_AUTHORITY,
            iam_database_authentication_enabled=True,
            backup_retention_period=plan.BACKUP_DAYS,
            backup_window=plan.BACKUP_WINDOW,
            maintenance_window=plan.MAINTENANCE_WINDOW,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            apply_immediately=False,
            copy_tags_to_snapshot=True,
            delete_automated_backups=ctx.unlocked,
            deletion_protection=ctx.guarded,
            skip_final_snapshot=not settings.final_snapshot,
            final_snapshot_identifier=suffix.hex.apply(lambda text: f"{identifier}-final-{text}"),
            enabled_cloudwatch_logs_exports=list(plan.LOG_EXPORTS),
            monitoring_interval=settings.monitoring_seconds,
            monitoring_role_arn=monitoring.arn,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key_arn,
            performance_insights_retention_period=settings.insights_days,
            tags={"Name": identifier},
            opts=self.stateful(
                # RDS makes unmanaged, unencrypted log groups at once if it does not find ours.
                depends_on=[*logs, attachment],
                ignore_changes=["password", "backup_retention_period", "backup_window"],
            ),
        )
        self.replicas: list[aws.rds.Instance] = []
        for index in range(settings.replicas):
            replica = f"{identifier}-replica-{index + 1}"
            self.replicas.append(
                aws.rds.Instance(
                    f"{name}-replica-{index + 1}",
                    identifier=replica,
                    replicate_source_db=self.primary.identifier,
                    instance_class=settings.instance_class,
                    availability_zone=spread[(index + 1) % len(spread)],
                    max_allocated_storage=settings.max_storage_gb,
                    # Same region, same key: AWS takes the key from the source and refuses to be told one.
                    storage_encrypted=True,
                    multi_az=False,
                    publicly_accessible=False,
                    network_type="IPV4",
                    vpc_security_group_ids=[group_id],
                    parameter_group_name=group.name,
                    ca_cert_identifier=_CERTIFICATE_AUTHORITY,
                    iam_database_authentication_enabled=True,
                    maintenance_window=plan.MAINTENANCE_WINDOW,
                    auto_minor_version_upgrade=True,
                    apply_immediately=False,
                    copy_tags_to_snapshot=True,
                    deletion_protection=ctx.guarded,
                    # AWS takes no final snapshot of a replica.
                    skip_final_snapshot=True,
                    enabled_cloudwatch_logs_exports=list(plan.LOG_EXPORTS),
                    monitoring_interval=settings.monitoring_seconds,
                    monitoring_role_arn=monitoring.arn,
                    performance_insights_enabled=True,
                    performance_insights_kms_key_id=key_arn,
                    performance_insights_retention_period=settings.insights_days,
                    tags={"Name": replica},
                    opts=self.stateful(
                        depends_on=self._log_groups(f"{name}-replica-{index + 1}", replica, log_key_arn),
                        ignore_changes=["backup_retention_period", "backup_window"],
                    ),
                )
            )
        if topic_arn is not None:
            aws.rds.EventSubscription(
                f"{name}-events",
                name=identifier,
                sns_topic=topic_arn,
                source_type="db-instance",
                source_ids=[instance.identifier for instance in (self.primary, *self.replicas)],
                event_categories=list(plan.EVENT_CATEGORIES),
                enabled=True,
                opts=self.child(),
            )

        self.address: pulumi.Output[str] = self.primary.address
        self.port: pulumi.Output[int] = self.primary.port
        self.reader_address: pulumi.Output[str] = self.replicas[0].address if self.replicas else self.primary.address
        self.instance_arn: pulumi.Output[str] = self.primary.arn
        self.instance_id: pulumi.Output[str] = self.primary.identifier
        self.resource_id: pulumi.Output[str] = self.primary.resource_id
        self.replica_ids: list[pulumi.Output[str]] = [replica.identifier for replica in self.replicas]
        self.log_group_name: pulumi.Output[str] = logs[plan.LOG_EXPORTS.index("postgresql")].name
        """Group of the primary's server log, where slow queries stand."""
        self.register_outputs({"address": self.address, "readerAddress": self.reader_address, "instanceArn": self.instance_arn})

    def _log_groups(self, logical: str, identifier: str, key_arn: pulumi.Input[str]) -> list[aws.cloudwatch.LogGroup]:
        return [
            log_group(self, f"{logical}-{kind}-log", path=f"/aws/rds/instance/{identifier}/{kind}", key_arn=key_arn)
            for kind in plan.LOG_EXPORTS
        ]

    def _monitoring_role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicyAttachment]:
        ctx = self.ctx
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "monitoring.rds.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": ctx.account_id},
                        "ArnLike": {"aws:SourceArn": ctx.arn("rds", "db:*")},
                    },
                }
            ],
        }
        role = aws.iam.Role(
            f"{self.logical}-monitoring",
            name=ctx.names("postgres-monitoring", limit=64),
            description="Lets RDS write enhanced monitoring",
            assume_role_policy=json.dumps(trust, sort_keys=True, separators=(",", ":")),
            opts=self.child(),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{self.logical}-monitoring",
            role=role.name,
            policy_arn=f"arn:{ctx.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
            opts=self.child(),
        )
        return role, attachment
