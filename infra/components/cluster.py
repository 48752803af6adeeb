"""The ECS cluster: where tasks run, and the namespace in which they find each other."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group


class Cluster(Component):
    """A Fargate cluster with Container Insights (control ECS.12), audited ECS Exec, and a Service Connect namespace.

    Tasks' scratch disks are encrypted by a key of ours. Fargate Spot is not offered: a task of this platform may be an open order
    (DESIGN.md decision 7).
    """

    token = "cluster"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        log_key_arn: pulumi.Input[str],
        storage_key_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the cluster.

        Args:
            name: Logical name.
            ctx: The stack.
            log_key_arn: KMS key of the log groups and of ECS Exec's sessions.
            storage_key_arn: KMS key of the tasks' scratch disks, of this region alone; its policy admits Fargate. None leaves them to a key of
                AWS's. A change concerns tasks started afterwards.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self.cluster_name = ctx.names(name)
        """Physical name, known before the cluster exists: alarms name it."""
        # Container Insights would make this group itself, without our key and retention.
        insights = log_group(
            self, f"{name}-insights-log", path=f"/aws/ecs/containerinsights/{self.cluster_name}/performance", key_arn=log_key_arn
        )
        sessions = log_group(self, f"{name}-exec-log", path=ctx.names.path(name, "exec"), key_arn=log_key_arn)
        self.cluster = aws.ecs.Cluster(
            name,
            name=self.cluster_name,
            settings=[{"name": "containerInsights", "value": "enabled"}],
            configuration={
                "execute_command_configuration": {
                    "kms_key_id": log_key_arn,
                    "logging": "OVERRIDE",
                    "log_configuration": {"cloud_watch_encryption_enabled": True, "cloud_watch_log_group_name": sessions.name},
                },
                "managed_storage_configuration": None
                if storage_key_arn is None
                else {"fargate_ephemeral_storage_kms_key_id": storage_key_arn},
            },
            opts=self.child(depends_on=[insights]),
        )
        self.capacity = aws.ecs.ClusterCapacityProviders(
            f"{name}-capacity",
            cluster_name=self.cluster.name,
            capacity_providers=["FARGATE"],
            default_capacity_provider_strategies=[{"capacity_provider": "FARGATE", "base": 1, "weight": 1}],
            opts=self.child(),
        )
        self.namespace = aws.servicediscovery.HttpNamespace(
            f"{name}-namespace",
            name=self.cluster_name,
            description="Names of the platform's services for ECS Service Connect",
            opts=self.child(),
        )
        self.session_log_arn = sessions.arn
        """Log group of ECS Exec's sessions."""
        self.arn = self.cluster.arn
        self.name = self.cluster.name
        self.namespace_arn = self.namespace.arn
        self.register_outputs({"arn": self.arn, "name": self.name, "namespace_arn": self.namespace_arn})
