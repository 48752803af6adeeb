"""What a service and a singleton have in common: a Fargate task with its roles, its log and its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.logs import log_group
from infra.plan.iam import execution_policy, trust
from infra.plan.tasks import SCRATCH, Log, Mount, Probe, check_size, container, definitions
from infra.settings.workloads import Container


def service_connect(
    cluster: Cluster, *, log_path: str, region: str, port_name: str, discovery_name: str | None, port: int | None
) -> aws.ecs.ServiceServiceConnectConfigurationArgsDict:
    """A service's part in Service Connect: a client of the cluster's namespace, and with a port also a server in it.

    The port has no application protocol, so the proxy passes bytes on: WebSockets and the broker's API are not HTTP.
    """
    servers: list[aws.ecs.ServiceServiceConnectConfigurationServiceArgsDict] = []
    if port is not None and discovery_name is not None:
        servers.append(
            {
                "port_name": port_name,
                "discovery_name": discovery_name,
                "client_alias": [{"port": port, "dns_name": discovery_name}],
            }
        )
    return {
        "enabled": True,
        "namespace": cluster.namespace_arn,
        "log_configuration": {"log_driver": "awslogs", "options": Log(log_path, region, "service-connect").options()},
        "services": servers or None,
    }


class Task(Component):
    """A task definition of one container, if need be with a watching sidecar of the same image.

    Two roles: ECS starts the task with the execution role (pull, log, read secrets), the program runs with the task role,
    which may do nothing that is not in `policies`.
    """

    token = "task"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Container,
        image: pulumi.Input[str],
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        container_name: str,
        port: int | None = None,
        health: Probe | None = None,
        stop_seconds: int = 60,
        command: Sequence[str] = (),
        watch: str | None = None,
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        files: aws.ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgsDict | None = None,
        files_path: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the task definition.

        Args:
            name: Logical name; also the family and the log group.
            ctx: The stack.
            settings: Size and processor.
            image: ECR image by digest.
            environment: Plain variables.
            secrets: Variable to secret ARN (`:json-key::` allowed); the execution role may read exactly these.
            secret_key_arn: KMS key of the secrets.
            log_key_arn: KMS key of the log group.
            container_name: Name of the main container and of its port.
            port: TCP port of the main container.
            health: Container health check; failing it replaces the task.
            stop_seconds: From SIGTERM to SIGKILL, 2 to 120.
            command: Overrides the image's.
            watch: Bash script of a sidecar from the same image that is not essential.
            policies: Inline policies of the task role by name.
            files: EFS configuration of a volume that outlives the task.
            files_path: Where it is mounted.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer.
        """
        super().__init__(name, ctx, opts)
        check_size(settings.cpu, settings.memory, setting=f"services.{container_name}")
        ours = f"arn:{ctx.partition}:ecs:{ctx.region}:{ctx.account_id}:*"
        assume = trust("ecs-tasks.amazonaws.com", account_id=ctx.account_id, source_arn=ours)
        self.log = log_group(self, f"{name}-log", path=ctx.names.path(container_name), key_arn=log_key_arn)
        self.log_path = ctx.names.path(container_name)
        self.execution_role = aws.iam.Role(
            f"{name}-execution-role",
            name=ctx.names(container_name, "execution", limit=64),
            description=f"With which ECS starts tasks of {container_name}",
            assume_role_policy=assume,
            opts=self.child(),
        )
        names = sorted(secrets)
        execution = aws.iam.RolePolicy(
            f"{name}-execution-policy",
            name="start",
            role=self.execution_role.name,
            policy=pulumi.Output.all(image, self.log.arn, secret_key_arn, *(secrets[key] for key in names)).apply(
                lambda known: execution_policy(
                    image=known[0],
                    log_group_arn=known[1],
                    secret_key_arn=known[2],
                    secrets=known[3:],
                    region=ctx.region,
                    partition=ctx.partition,
                )
            ),
            opts=self.child(),
        )
        self.role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names(container_name, "task", limit=64),
            description=f"What {container_name} itself may do in AWS",
            assume_role_policy=assume,
            opts=self.child(),
        )
        self.permissions: list[pulumi.Resource] = [execution]
        for key, document in sorted((policies or {}).items()):
            self.permissions.append(
                aws.iam.RolePolicy(f"{name}-policy-{key}", name=key, role=self.role.name, policy=document, opts=self.child())
            )

        log = Log(group=self.log_path, region=ctx.region, prefix=container_name)
        mounts = [Mount("scratch", SCRATCH), *([Mount("files", files_path)] if files is not None and files_path else [])]

        def render(known: Mapping[str, Any]) -> str:
            main = container(
                container_name,
                image=known["image"],
                log=log,
                environment=known["environment"],
                secrets=known["secrets"],
                port=port,
                health=health,
                mounts=mounts,
                command=command,
                stop_seconds=stop_seconds,
            )
            if watch is None:
                return definitions(main)
            sidecar = container(
                f"{container_name}-watch",
                image=known["image"],
                log=Log(group=self.log_path, region=ctx.region, prefix=f"{container_name}-watch"),
                entry_point=["bash", "-c"],
                command=[watch],
                essential=False,
                stop_seconds=2,
            )
            return definitions(main, sidecar)

        volumes: list[aws.ecs.TaskDefinitionVolumeArgsDict] = [{"name": "scratch"}]
        if files is not None:
            volumes.append({"name": "files", "efs_volume_configuration": files})
        self.definition = aws.ecs.TaskDefinition(
            f"{name}-definition",
            family=ctx.names(container_name),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(settings.cpu),
            memory=str(settings.memory),
            runtime_platform={"cpu_architecture": settings.architecture.value, "operating_system_family": "LINUX"},
            execution_role_arn=self.execution_role.arn,
            task_role_arn=self.role.arn,
            volumes=volumes,
            # A replaced revision must stay active: ECS cannot start a task of the old version from an inactive one while it
            # rolls back (NRC-076). Only an unlocked stack, about to be destroyed, takes its revisions with it.
            skip_destroy=ctx.guarded,
            container_definitions=pulumi.Output.all(image=image, environment=dict(environment), secrets=dict(secrets)).apply(render),
            opts=self.child(depends_on=[self.log, *self.permissions]),
        )
        self.arn = self.definition.arn
        self.role_arn = self.role.arn
        self.register_outputs({"arn": self.arn, "role_arn": self.role_arn})
