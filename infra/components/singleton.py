"""Processes that must never run twice (DESIGN.md decision 7): the table of their fencing leases, their watchdog, their service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.task import Sidecar, Task
from infra.plan.flows import Role
from infra.plan.iam import halt_policy, lease_policy
from infra.plan.singletons import (
    ENGINE_LEASE,
    GATEWAY_LEASE,
    LONGEST_STOP,
    StopPlan,
    alive_probe,
    halt_parameter,
    held_probe,
    watchdog_environment,
)
from infra.plan.tasks import Probe
from infra.settings import workloads
from infra.settings.broker import Watchdog

STOP = StopPlan()
"""How every singleton stops. A plan that does not fit into its 120 s cannot be made."""

STOP_SECONDS = LONGEST_STOP
"""From the order to stop until the lease is free; Fargate's longest stop of one container is the same."""

WATCHDOG = "watchdog"
_PROGRAM = ("python", "-m", "nautilus.runtime.gate")


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

    def policy(self, *leases: str, reads: Sequence[str] = ()) -> pulumi.Output[str]:
        """An inline policy for a role that may take, renew and release exactly `leases`, and look at those of `reads`."""
        return pulumi.Output.all(self.table.arn, self._key_arn).apply(
            lambda known: lease_policy(table_arn=known[0], key_arn=known[1], leases=leases, reads=reads, region=self.ctx.region)
        )


@dataclass(frozen=True, kw_only=True)
class Fence:
    """What keeps a process from acting twice: a watchdog beside it, and what the task's role needs for that.

    The broker checks no token, so the fence is outside of the process: its way to the broker leads through the watchdog, which closes
    it before the lease runs out (docs/singletons.md).
    """

    ctx: Context
    image: pulumi.Input[str]
    """The watchdog's image by digest."""
    settings: Watchdog
    table: LeaseTable

    @property
    def halt(self) -> str:
        """Name of the halt flag."""
        return halt_parameter(self.ctx.names.project, self.ctx.names.environment)

    def engine(self, *, gateway_port: int | None) -> Sidecar:
        """The engine's: it relays 127.0.0.1 to whoever holds the gateway's lease, on `gateway_port`; None where there is no gateway.

        Without the lease the engine does not even start, because it reaches exchanges past every relay; and where the lease is lost
        for 15 s, the failed health check ends the task.
        """
        return self._sidecar(ENGINE_LEASE, held_probe(), listen=gateway_port, waits=True)

    def gateway(self) -> Sidecar:
        """The gateway's: it relays nothing. The standby waits for its turn for days, so only a dead watchdog is unhealthy."""
        return self._sidecar(GATEWAY_LEASE, alive_probe(), listen=None, waits=False)

    def policies(self, lease: str, *, reads: Sequence[str] = ()) -> dict[str, pulumi.Input[str]]:
        """Inline policies of the task's role: its own lease, those it looks at, and the halt flag."""
        return {
            "lease": self.table.policy(lease, reads=reads),
            "halt": halt_policy(self.ctx.arn("ssm", f"parameter{self.halt}")),
        }

    def _sidecar(self, lease: str, health: Probe, *, listen: int | None, waits: bool) -> Sidecar:
        return Sidecar(
            name=WATCHDOG,
            image=self.image,
            entry_point=_PROGRAM,
            environment=watchdog_environment(
                self.settings,
                lease=lease,
                lease_table=self.table.name,
                halt=self.halt,
                listen=listen,
                upstream_lease="" if listen is None else GATEWAY_LEASE,
                upstream_port=listen,
            ),
            health=health,
            essential=True,
            stop_seconds=STOP.watchdog,
            before_main="HEALTHY" if waits else "START",
        )


class Singleton(Component):
    """One task, never two: the old one is stopped before the new one starts, and nothing else starts or moves one.

    ECS alone cannot promise it (a replacement may start while the old task still stops), so a watchdog beside the process
    must hold a lease (`Fence`), and an alarm watches the count (`infra.plan.alarms.singleton_alarms`). No deployment happens
    in a session: the command line and CI refuse it, because a lifecycle hook needs a strategy that runs two versions at once.
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
        part: str | None = None,
        port: int | None = None,
        command: Sequence[str] = (),
        sidecars: Sequence[Sidecar] = (),
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
            role: Gives the container's, the service's and the log group's name.
            settings: Size and processor.
            cluster: Where it runs.
            image: ECR image by digest.
            environment: Plain variables.
            secrets: Variable to secret ARN.
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Private subnets.
            group_id: Security group of the task.
            log_key_arn: KMS key of the log group.
            part: Name in place of the role's, for a second service of one role.
            port: TCP port of the main container.
            command: Overrides the image's.
            sidecars: Containers beside it, the watchdog first of all (`Fence`). The main container has no health check of its
                own: a restart does harm, so what is wrong raises an alarm.
            alarm_names: Alarms that roll a deployment back. They must stay quiet while the task is down for the change.
            policies: Inline policies of the task role by name.
            files: EFS configuration of a volume that outlives the task.
            files_path: Where it is mounted.
            after: Further resources that must exist first.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer, or a stop that takes longer than 120 s.
        """
        super().__init__(name, ctx, opts)
        key = part or role.value
        waited = sum(one.stop_seconds for one in sidecars if one.before_main)
        if STOP.main + waited > LONGEST_STOP:
            raise ValueError(f"{key} stops in {STOP.main} s and its sidecars in {waited} s more, a singleton has {LONGEST_STOP} s")
        self.service_name = ctx.names(key)
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
            container_name=key,
            port=port,
            stop_seconds=STOP.main,
            command=command,
            sidecars=sidecars,
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
