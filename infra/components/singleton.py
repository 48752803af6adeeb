"""Processes that must never run twice (DESIGN.md decision 7), and the table of their fencing leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.task import Task, service_connect
from infra.plan.flows import Role
from infra.plan.iam import lease_policy
from infra.plan.tasks import Probe
from infra.settings import workloads

STOP_SECONDS = 120
"""Fargate's longest stop; the engine's disconnection (10 s) and clean-up (10 s) have to fit into it (AWS-RULES section 3)."""


class LeaseTable(Component):
    """A DynamoDB table with one row for each lease: who holds it, until when, and a token that only rises.

    Rows are never deleted and have no time-to-live: a token that started again from zero would let an old holder back in.
    """

    token = "lease-table"

    def __init__(self, name: str, ctx: Context, *, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the table; its partition key is `lease`."""
        super().__init__(name, ctx, opts)
        self._key_arn = key_arn
        self.table = aws.dynamodb.Table(
            name,
            name=ctx.names(name, limit=255),
            billing_mode="PAY_PER_REQUEST",
            hash_key="lease",
            attributes=[{"name": "lease", "type": "S"}],
            server_side_encryption={"enabled": True, "kms_key_arn": key_arn},
            point_in_time_recovery={"enabled": True},
            deletion_protection_enabled=ctx.guarded,
            opts=self.stateful(),
        )
        self.arn = self.table.arn
        self.name = self.table.name
        self.register_outputs({"arn": self.arn, "name": self.name})

    def policy(self, *leases: str) -> pulumi.Output[str]:
        """An inline policy for a role that may take, renew and release exactly these leases."""
        return pulumi.Output.all(self.table.arn, self._key_arn).apply(
            lambda known: lease_policy(table_arn=known[0], key_arn=known[1], leases=leases, region=self.ctx.region)
        )


class Singleton(Component):
    """One task, never two: the old one is stopped before the new one starts, and nothing else starts or moves one.

    ECS alone cannot promise it (a replacement may start while the old task still stops), so the process must also hold a
    lease of `LeaseTable`, and an alarm watches the count (`infra.plan.alarms.singleton_alarms`).
    """

    token = "singleton"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        role: Role,
        settings: workloads.Singleton,
        cluster: Cluster,
        image: pulumi.Input[str],
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        port: int | None = None,
        health: Probe | None = None,
        watch: str | None = None,
        alarm_names: Sequence[pulumi.Input[str]] = (),
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        files: aws.ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgsDict | None = None,
        files_path: str | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the service.

        Args:
            name: Logical name.
            ctx: The stack.
            role: Gives the container's, the service's, the Service Connect and the log group's name.
            settings: Size and processor.
            cluster: Where it runs.
            image: ECR image by digest.
            environment: Plain variables.
            secrets: Variable to secret ARN.
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Private subnets.
            group_id: Security group of the task.
            log_key_arn: KMS key of the log group.
            port: Set on a server: other tasks reach it as `<role>:<port>` through Service Connect. A client (None) finds
                only servers that existed when its task started, so let it come `after` them.
            health: Health check that replaces the task. Leave it None where a restart does harm.
            watch: Script of a sidecar that reports and does not restart.
            alarm_names: Alarms that roll a deployment back. They must stay quiet while the task is down for the change.
            policies: Inline policies of the task role by name.
            files: EFS configuration of a volume that outlives the task.
            files_path: Where it is mounted.
            after: Further resources that must exist first.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer.
        """
        super().__init__(name, ctx, opts)
        self.service_name = ctx.names(role.value)
        """Physical name, known before the service exists: alarms name it."""
        self.task = Task(
            f"{name}-task",
            ctx,
            settings=settings,
            image=image,
            environment=environment,
            secrets=secrets,
            secret_key_arn=secret_key_arn,
            log_key_arn=log_key_arn,
            container_name=role.value,
            port=port,
            health=health,
            stop_seconds=STOP_SECONDS,
            watch=watch,
            policies=policies,
            files=files,
            files_path=files_path,
            opts=self.child(),
        )
        self.service = aws.ecs.Service(
            f"{name}-service",
            name=self.service_name,
            cluster=cluster.arn,
            task_definition=self.task.arn,
            desired_count=1,
            capacity_provider_strategies=[{"capacity_provider": "FARGATE", "base": 1, "weight": 1}],
            platform_version="LATEST",
            scheduling_strategy="REPLICA",
            # A rebalancing would start a second task before it stops the first.
            availability_zone_rebalancing="DISABLED",
            network_configuration={"subnets": list(subnet_ids), "security_groups": [group_id], "assign_public_ip": False},
            deployment_controller={"type": "ECS"},
            deployment_minimum_healthy_percent=0,
            deployment_maximum_percent=100,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            alarms={"alarm_names": list(alarm_names), "enable": True, "rollback": True} if alarm_names else None,
            service_connect_configuration=service_connect(
                cluster,
                log_path=self.task.log_path,
                region=ctx.region,
                port_name=role.value,
                discovery_name=role.value,
                port=port,
            ),
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            enable_execute_command=False,
            wait_for_steady_state=False,
            opts=self.child(
                depends_on=[cluster.capacity, *self.task.permissions, *after],
                custom_timeouts=pulumi.CustomTimeouts(create="30m", update="30m", delete="30m"),
            ),
        )
        self.name = self.service.name
        self.arn = self.service.arn
        self.task_role_arn = self.task.role_arn
        self.log_group_name = self.task.log.name
        self.register_outputs({"name": self.name, "task_role_arn": self.task_role_arn, "log_group_name": self.log_group_name})
