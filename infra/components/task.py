"""What a service and a singleton have in common: a Fargate task with its roles, its log and its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.extras import NO_EXTRAS, Extras, Tracing
from infra.components.logs import log_group
from infra.plan.endpoint_policies import guardduty_agent
from infra.plan.iam import Json, execution_policy, secret_arn, trust
from infra.plan.reading import unreadable
from infra.plan.sidecars import (
    COLLECTOR_HEALTH,
    COLLECTOR_MEMORY,
    COLLECTOR_NAME,
    ROUTER_MEMORY,
    ROUTER_NAME,
    SHELL_MOUNTS,
    collector_configuration,
    telemetry_environment,
)
from infra.plan.tasks import SCRATCH, Condition, Log, Mount, Probe, Routed, check_size, container, definitions
from infra.settings.workloads import FREE_STORAGE_GB, Container


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


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A container beside the main one. It is hardened as that is, logs to the same group, and shares its address and task role."""

    name: str
    """Name in the task, 1 to 255 letters, digits, hyphens and underscores."""
    image: pulumi.Input[str]
    """ECR image by digest; the execution role may pull it."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Variable to secret ARN (`:json-key::` allowed), encrypted by the task's `secret_key_arn`; the execution role may read it."""
    entry_point: Sequence[str] = ()
    command: Sequence[str] = ()
    health: Probe | None = None
    essential: bool = True
    """Whether the task stops with it."""
    stop_seconds: int = 30
    """From SIGTERM to SIGKILL, 2 to 120. The main container stops before a sidecar that it waits for."""
    cpu: int | None = None
    memory: int | None = None
    """MiB beyond which ECS kills it."""
    before_main: Condition | None = None
    """The main container starts only when this one has started (`START`) or passes its health check (`HEALTHY`)."""
    scratch: bool = False
    """Whether it sees the task's scratch volume at `/tmp`, where the main container's files lie too."""


class Task(Component):
    """A task definition of one main container and its sidecars.

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
        sidecars: Sequence[Sidecar] = (),
        extras: Extras = NO_EXTRAS,
        secret_keys: Mapping[str, pulumi.Input[str]] | None = None,
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
            sidecars: Further containers.
            extras: Log router, collector and shell.
            secret_keys: KMS key of a secret by its variable, as the secret itself has it; it must be one that the role may use.
            policies: Inline policies of the task role by name.
            files: EFS configuration of a volume that outlives the task.
            files_path: Where it is mounted.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer, containers that ECS refuses (`infra.plan.tasks`), a policy with the name of
                an extra's, or a secret that the execution role may not read (`infra.plan.reading`).
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
        main_environment = dict(environment)
        cached: list[pulumi.Input[str]] = []
        router: Sidecar | None = None
        if extras.router_image is not None:
            router = Sidecar(name=ROUTER_NAME, image=extras.router_image, memory=ROUTER_MEMORY, before_main="START")
            sidecars = [*sidecars, router]
            cached.append(extras.router_image)
        if extras.tracing is not None:
            sidecars = [*sidecars, self._collector(extras.tracing, service=container_name)]
            cached.append(extras.tracing.image)
            main_environment = {
                **telemetry_environment(
                    service=container_name,
                    environment=extras.tracing.environment,
                    sampling_percent=extras.tracing.sampling_percent,
                ),
                **environment,
            }
        images = [image, *(sidecar.image for sidecar in sidecars)]
        read = [given[key] for given in (secrets, *(sidecar.secrets for sidecar in sidecars)) for key in sorted(given)]
        may_start = pulumi.Output.all(images=images, cached=cached, log=self.log.arn, key=secret_key_arn, secrets=read).apply(
            lambda known: execution_policy(
                images=known["images"],
                cached=known["cached"],
                agent=guardduty_agent(ctx.region, ctx.partition),
                log_group_arn=known["log"],
                secret_key_arn=known["key"],
                secrets=known["secrets"],
                region=ctx.region,
                partition=ctx.partition,
            )
        )
        execution = aws.iam.RolePolicy(
            f"{name}-execution-policy", name="start", role=self.execution_role.name, policy=may_start, opts=self.child()
        )
        self.role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names(container_name, "task", limit=64),
            description=f"What {container_name} itself may do in AWS",
            assume_role_policy=assume,
            opts=self.child(),
        )
        self.permissions: list[pulumi.Resource] = [execution]
        of_extras, own = extras.policies(self.log.arn), dict(policies or {})
        if of_extras.keys() & own.keys():
            raise ValueError(
                f"{container_name}: the policies {', '.join(sorted(of_extras.keys() & own.keys()))} are the sidecars'; name yours otherwise"
            )
        for key, document in sorted({**of_extras, **own}.items()):
            self.permissions.append(
                aws.iam.RolePolicy(f"{name}-policy-{key}", name=key, role=self.role.name, policy=document, opts=self.child())
            )

        scratch = Mount("scratch", SCRATCH)
        mounts = [
            scratch,
            *([Mount("files", files_path)] if files is not None and files_path else []),
            *(SHELL_MOUNTS.values() if extras.shell is not None else ()),
        ]
        routed = router is not None

        def render(known: Mapping[str, Any]) -> str:
            main = container(
                container_name,
                image=known["image"],
                log=self._log(container_name, routed=routed),
                environment=known["environment"],
                secrets=known["secrets"],
                port=port,
                health=health,
                mounts=mounts,
                command=command,
                stop_seconds=stop_seconds,
                after={one.name: one.before_main for one in sidecars if one.before_main is not None},
                open_files=settings.open_files,
            )
            beside = [
                self._sidecar(one, given, scratch, routed=routed and one is not router, router=one is router)
                for one, given in zip(sidecars, known["sidecars"], strict=True)
            ]
            made = definitions(main, *beside)
            keys = {secret_arn(value): known["keys"].get(variable, known["key"]) for variable, value in known["secrets"].items()}
            for given in known["sidecars"]:
                keys |= {secret_arn(value): known["key"] for value in given["secrets"].values()}
            refused = list(unreadable(known["policy"], made, keys=keys))
            if refused:
                raise ValueError(f"ECS cannot read the secrets of {container_name}: {'; '.join(refused)}")
            return made

        volumes: list[aws.ecs.TaskDefinitionVolumeArgsDict] = [{"name": "scratch"}]
        if extras.shell is not None:
            volumes.extend({"name": volume} for volume in SHELL_MOUNTS)
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
            # Fargate's own 20 GiB cannot be written down: ECS takes 21 to 200.
            ephemeral_storage={"size_in_gib": settings.storage_gb} if settings.storage_gb > FREE_STORAGE_GB else None,
            # A replaced revision must stay active: ECS cannot start a task of the old version from an inactive one while it
            # rolls back (NRC-076). Only an unlocked stack, about to be destroyed, takes its revisions with it.
            skip_destroy=ctx.guarded,
            container_definitions=pulumi.Output.all(
                image=image,
                environment=main_environment,
                secrets=dict(secrets),
                sidecars=[{"image": one.image, "environment": dict(one.environment), "secrets": dict(one.secrets)} for one in sidecars],
                policy=may_start,
                key=secret_key_arn,
                keys=dict(secret_keys or {}),
            ).apply(render),
            opts=self.child(depends_on=[self.log, *self.permissions]),
        )
        self.arn = self.definition.arn
        self.role_arn = self.role.arn
        self.register_outputs({"arn": self.arn, "role_arn": self.role_arn})

    def _log(self, prefix: str, *, routed: bool = False) -> Log | Routed:
        return (Routed if routed else Log)(group=self.log_path, region=self.ctx.region, prefix=prefix)

    def _sidecar(self, one: Sidecar, known: Mapping[str, Any], scratch: Mount, *, routed: bool, router: bool) -> Json:
        return container(
            one.name,
            image=known["image"],
            log=self._log(one.name, routed=routed),
            environment=known["environment"],
            secrets=known["secrets"],
            health=one.health,
            mounts=[scratch] if one.scratch else [],
            entry_point=one.entry_point,
            command=one.command,
            essential=one.essential,
            stop_seconds=one.stop_seconds,
            after={ROUTER_NAME: "START"} if routed else None,
            cpu=one.cpu,
            memory=one.memory,
            router=router,
        )

    def _collector(self, tracing: Tracing, *, service: str) -> Sidecar:
        """Not essential: a service without traces still serves."""
        configuration = collector_configuration(
            service=service,
            environment=tracing.environment,
            log_group=self.log_path,
            namespace=tracing.namespace,
            region=self.ctx.region,
        )
        return Sidecar(
            name=COLLECTOR_NAME,
            image=tracing.image,
            environment={"AOT_CONFIG_CONTENT": configuration},
            health=COLLECTOR_HEALTH,
            essential=False,
            memory=COLLECTOR_MEMORY,
            before_main="START",
        )
