"""Relational data: RDS for PostgreSQL with a standby, read replicas, and everything that watches them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra.component import Component, Context
from infra.components.database_proxy import DatabaseProxy, ProxyWiring
from infra.components.logs import log_group
from infra.plan import postgres as plan
from infra.settings import data

PORT = 5432
_CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
REPLICA_IGNORES = ("backup_retention_period", "backup_window")
"""Inputs of a replica that AWS Backup owns."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the primary is made from instead of an empty database."""

    identifier: str
    """A database snapshot of the stack's region. Looked at when the instance is made, never later."""
    key_arn: pulumi.Input[str]
    """The snapshot's KMS key: the instance keeps it for life (RDS)."""


def timeouts(settings: data.Postgres) -> pulumi.CustomTimeouts:
    """How long the provider waits for an instance.

    A large volume is initialised for hours, a Multi-AZ conversion copies it, a deletion writes the last snapshot, and a blue-green upgrade
    builds a second instance, lets it catch up and switches. The provider's own 40, 80 and 60 minutes would leave a half-made resource.
    """
    update = "12h" if settings.major_upgrade is data.MajorUpgrade.BLUE_GREEN else "6h"
    return pulumi.CustomTimeouts(create="3h", update=update, delete="3h")


def at_once(settings: data.Postgres) -> bool:
    """Whether changes are made during the `up`, not in the maintenance window.

    Only where a major upgrade is asked for: put off, it would leave the instance in the old parameter group, which the `up` then could not
    delete, and the replicas in the old version, which the new group does not fit.
    """
    return settings.major_upgrade is not data.MajorUpgrade.REFUSE


def replica_args(
    ctx: Context,
    *,
    identifier: str,
    source: pulumi.Input[str],
    settings: data.Postgres,
    group_id: pulumi.Input[str],
    parameter_group: pulumi.Input[str],
    monitoring_role_arn: pulumi.Input[str],
    insights_key_arn: pulumi.Input[str],
    zone: str | None = None,
    instance_class: str | None = None,
    multi_az: bool = False,
    region: str | None = None,
    key_arn: pulumi.Input[str] | None = None,
    subnet_group: pulumi.Input[str] | None = None,
) -> aws.rds.InstanceArgs:
    """Inputs of a read replica, in the same region or in another.

    Use them with `opts=self.stateful(ignore_changes=list(REPLICA_IGNORES), custom_timeouts=timeouts(settings), depends_on=<log groups>)`; the
    log groups of `plan.LOG_EXPORTS` must exist before RDS would make its own.

    Args:
        ctx: The stack.
        identifier: Name of the replica, unique in its region.
        source: The primary: its identifier in the same region, its ARN from another one (RDS).
        settings: The section `postgres`.
        group_id: Security group of POSTGRES, in the replica's region.
        parameter_group: Parameter group of the primary's family, in the replica's region.
        monitoring_role_arn: Role of enhanced monitoring; it is global, so the primary's serves (`Postgres.monitoring_role_arn`).
        insights_key_arn: KMS key of Performance Insights, in the replica's region.
        zone: Availability zone; AWS chooses where there is none.
        instance_class: Another class than the primary's.
        multi_az: Whether the replica has a standby of its own.
        region: Another region than the stack's.
        key_arn: KMS key of the storage; required in another region and refused in the same one, where AWS takes the source's.
        subnet_group: DB subnet group; required in another region and taken from the source in the same one.

    Raises:
        ValueError: A replica in another region without key or subnet group, or one in the same region with them.
    """
    if (region is None) != (key_arn is None) or (region is None) != (subnet_group is None):
        raise ValueError(
            f"{identifier}: a replica in another region names region, key and subnet group; one in the same region none of them"
        )
    return aws.rds.InstanceArgs(
        identifier=identifier,
        region=region,
        replicate_source_db=source,
        instance_class=instance_class or settings.instance_class,
        availability_zone=zone,
        db_subnet_group_name=subnet_group,
        max_allocated_storage=settings.max_storage_gb,
        # Unset, RDS makes a replica with IOPS of its own on io1, which takes no throughput and costs several times as much.
        storage_type="gp3",
        iops=settings.iops,
        storage_throughput=settings.storage_throughput,
        storage_encrypted=True,
        kms_key_id=key_arn,
        multi_az=multi_az,
        publicly_accessible=False,
        network_type="IPV4",
        vpc_security_group_ids=[group_id],
        parameter_group_name=parameter_group,
        ca_cert_identifier=_CERTIFICATE_AUTHORITY,
        iam_database_authentication_enabled=True,
        maintenance_window=plan.MAINTENANCE_WINDOW,
        auto_minor_version_upgrade=True,
        apply_immediately=at_once(settings),
        copy_tags_to_snapshot=True,
        deletion_protection=ctx.guarded,
        # AWS takes no final snapshot of a replica.
        skip_final_snapshot=True,
        enabled_cloudwatch_logs_exports=list(plan.LOG_EXPORTS),
        monitoring_interval=settings.monitoring_seconds,
        monitoring_role_arn=monitoring_role_arn,
        performance_insights_enabled=True,
        performance_insights_kms_key_id=insights_key_arn,
        performance_insights_retention_period=settings.insights_days,
        tags={"Name": identifier},
    )


def parameter_group(component: Component, name: str, *, settings: data.Postgres, region: str | None = None) -> aws.rds.ParameterGroup:
    """The parameter group of the major version, as a child of `component`; `region` for one beside a replica in another region.

    The family is part of the physical name: a new major version needs a new group beside the old one until the instance has moved.
    """
    family = plan.family(settings.major)
    return aws.rds.ParameterGroup(
        name,
        name=component.ctx.names(family),
        region=region,
        family=family,
        description="Forced TLS, statements on record, limits of the platform",
        parameters=[{"name": p.name, "value": p.value, "apply_method": p.apply_method} for p in plan.parameters(settings)],
        opts=component.child(),
    )


class Postgres(Component):
    """`nautilus:postgres`: PostgreSQL on RDS.

    Makes: `rds.SubnetGroup`, `rds.ParameterGroup`, the role of enhanced monitoring, log groups for the exported logs, the primary
    `rds.Instance` (stateful; Multi-AZ and gp3 with autoscaled storage by settings), `settings.replicas` read replicas (stateful), an
    `rds.EventSubscription` where a topic is given, and a `DatabaseProxy` where it is told of one.
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
        proxy: What the proxy is told, or None for a database without one (`settings.proxy.enabled` decides at the caller).
        snapshot: What the primary is made from, or None for an empty database.
        second_region: Whether a replica in another region follows this primary: RDS then refuses some features.

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
        proxy: ProxyWiring | None = None,
        snapshot: Snapshot | None = None,
        second_region: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        settings = settings.model_copy(update={"user": username})
        plan.check(settings, second_region=second_region)
        if len(subnet_ids) < 2:
            raise ValueError("postgres: RDS wants subnets in two zones or more")
        spread = tuple(zones or ctx.zones)
        identifier = ctx.names("postgres", limit=50)

        subnets = aws.rds.SubnetGroup(
            f"{name}-subnets",
            name=identifier,
            description="Data subnets of the platform",
            subnet_ids=list(subnet_ids),
            tags={"Name": identifier},
            opts=self.child(),
        )
        group = parameter_group(self, f"{name}-parameters", settings=settings)
        monitoring, attachment = self._monitoring_role()
        # What makes RDS replace the instance changes its suffix too: the second instance's last snapshot needs a name beside the first's.
        keepers = {
            "instance": identifier,
            "database": settings.database,
            "user": username,
            "key": snapshot.key_arn if snapshot else key_arn,
        }
        suffix = random.RandomId(f"{name}-final", byte_length=4, keepers=keepers, opts=self.child())
        logs = self._log_groups(name, identifier, log_key_arn)

        self.primary = aws.rds.Instance(
            f"{name}-primary",
            identifier=identifier,
            engine="postgres",
            engine_version=str(settings.major),
            instance_class=settings.instance_class,
            # A snapshot brings its databases and its administrator along.
            snapshot_identifier=snapshot.identifier if snapshot else None,
            db_name=None if snapshot else settings.database,
            username=None if snapshot else username,
            password=None if settings.managed_password else password,
            manage_master_user_password=settings.managed_password or None,
            master_user_secret_kms_key_id=key_arn if settings.managed_password else None,
            port=PORT,
            allocated_storage=settings.storage_gb,
            max_allocated_storage=settings.max_storage_gb,
            storage_type="gp3",
            iops=settings.iops,
            storage_throughput=settings.storage_throughput,
            storage_encrypted=True,
            kms_key_id=snapshot.key_arn if snapshot else key_arn,
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
            allow_major_version_upgrade=settings.major_upgrade is not data.MajorUpgrade.REFUSE,
            blue_green_update={"enabled": True} if settings.major_upgrade is data.MajorUpgrade.BLUE_GREEN else None,
            apply_immediately=at_once(settings),
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
                ignore_changes=["password", "backup_retention_period", "backup_window", "snapshot_identifier"],
                custom_timeouts=timeouts(settings),
            ),
        )
        self.replicas: list[aws.rds.Instance] = []
        for index in range(settings.replicas):
            replica = f"{identifier}-replica-{index + 1}"
            self.replicas.append(
                aws.rds.Instance(
                    f"{name}-replica-{index + 1}",
                    replica_args(
                        ctx,
                        identifier=replica,
                        source=self.primary.identifier,
                        settings=settings,
                        group_id=group_id,
                        parameter_group=group.name,
                        monitoring_role_arn=monitoring.arn,
                        insights_key_arn=key_arn,
                        zone=spread[(index + 1) % len(spread)],
                    ),
                    opts=self.stateful(
                        depends_on=self._log_groups(f"{name}-replica-{index + 1}", replica, log_key_arn),
                        ignore_changes=list(REPLICA_IGNORES),
                        custom_timeouts=timeouts(settings),
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
        self.monitoring_role_arn: pulumi.Output[str] = monitoring.arn
        """Role of enhanced monitoring, for replicas in either region."""
        self.managed_secret_arn: pulumi.Output[str] | None = (
            self.primary.master_user_secrets.apply(lambda found: found[0].secret_arn or "") if settings.managed_password else None
        )
        """The administrator's secret where RDS makes it (a JSON object with `username` and `password`); None with `database-password`."""
        self.proxy: DatabaseProxy | None = None
        if proxy is not None:
            self.proxy = DatabaseProxy(
                f"{name}-proxy",
                ctx,
                settings=settings.proxy,
                wiring=proxy,
                database=self.primary,
                max_connections=settings.max_connections,
                subnet_ids=subnet_ids,
                log_key_arn=log_key_arn,
                opts=self.child(),
            )
        self.proxy_address: pulumi.Output[str] | None = self.proxy.address if self.proxy else None
        self.connect_arn: pulumi.Output[str] | None = self.proxy.connect_arn if self.proxy else None
        """What a task needs `rds-db:connect` on to reach the database through the proxy; None without one."""
        self.connect_policy: pulumi.Output[str] | None = self.proxy.connect_arn.apply(plan.connect_policy) if self.proxy else None
        """The same as an inline policy for a task role."""
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
                        "ArnLike": {
                            "aws:SourceArn": [ctx.arn("rds", "db:*", region=region) for region in sorted({ctx.region, ctx.dr_region})]
                        },
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
