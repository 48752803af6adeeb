"""The Interactive Brokers Gateway: one login, a warm standby in another zone, their session files, and a watch on whether the broker answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.singleton import Fence, Singleton
from infra.components.task import Sidecar
from infra.plan.flows import Role
from infra.plan.gateway import SESSION_PATH, api_port, gateway_environment, watch, wrapper
from infra.plan.iam import files_policy, mount_policy
from infra.plan.singletons import GATEWAY_LEASE, STATUS_PORT, apart
from infra.plan.tasks import USER
from infra.settings.trading import Trading
from infra.settings.workloads import IbGateway

STANDBY = f"{Role.IB_GATEWAY.value}-standby"
"""Name of the standby's service, container and log group."""


class SessionFiles(Component):
    """An EFS file system with one access point: encrypted, TLS and IAM only, in every zone.

    EFS's own backup policy stays off, because the platform's AWS Backup plan covers the file system by its ARN.
    """

    token = "session-files"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the file system, a mount target in each subnet (one a zone), and the access point of user 10001."""
        super().__init__(name, ctx, opts)
        self.file_system = aws.efs.FileSystem(
            name,
            creation_token=ctx.names(name, limit=64),
            encrypted=True,
            kms_key_id=key_arn,
            performance_mode="generalPurpose",
            throughput_mode="elastic",
            tags={"Name": ctx.names(name)},
            opts=self.stateful(),
        )
        aws.efs.BackupPolicy(
            f"{name}-own-backup", file_system_id=self.file_system.id, backup_policy={"status": "DISABLED"}, opts=self.child()
        )
        self.mount_targets = [
            aws.efs.MountTarget(
                f"{name}-{zone}",
                file_system_id=self.file_system.id,
                subnet_id=subnet,
                security_groups=[group_id],
                opts=self.child(),
            )
            for zone, subnet in zip(ctx.zones, subnet_ids, strict=True)
        ]
        self.access_point = aws.efs.AccessPoint(
            f"{name}-access",
            file_system_id=self.file_system.id,
            posix_user={"uid": int(USER), "gid": int(USER)},
            root_directory={
                "path": "/sessions",
                "creation_info": {"owner_uid": int(USER), "owner_gid": int(USER), "permissions": "0700"},
            },
            tags={"Name": ctx.names(name)},
            opts=self.child(),
        )
        self.arn = self.file_system.arn
        self.register_outputs({"arn": self.arn})


class Gateway(Component):
    """The gateway as two services of exactly one task each, in zones that they never share; the lease says which of them logs in.

    Each task has a watchdog on the lease `ib-gateway`, which is essential, and a watch that asks for an API handshake every 15 s. The
    gateway's own process starts once its task holds the lease; the standby waits with everything pulled and mounted, logged in nowhere.
    The main container has no health check on purpose: a lost login must raise `gateway-disconnected` after 120 s, not restart the
    gateway, because each restart sends a second-factor request.

    Makes: one or two `Singleton`s, `SessionFiles` that both mount and only the holder writes, the file system's policy.
    """

    token = "gateway"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: IbGateway,
        trading: Trading,
        cluster: Cluster,
        image: pulumi.Input[str],
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        files_subnet_ids: Sequence[pulumi.Input[str]],
        files_group_id: pulumi.Input[str],
        files_key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        fence: Fence,
        alarm_names: Sequence[pulumi.Input[str]] = (),
        standby_alarm_names: Sequence[pulumi.Input[str]] = (),
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the gateway. What is not named here is passed to `Singleton`.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: Size, processor, start program, restart window, standby.
            trading: Paper or live: login mode and ports.
            cluster: Where it runs.
            image: ECR image by digest; it must hold bash, coreutils and tzdata, write below `/tmp` and `/sessions` only, and
                publish the API between tasks on 4003 live or 4004 paper.
            environment: Further variables; they win over `gateway_environment`.
            secrets: The login, as variable to secret ARN.
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Private subnets with a fixed way out, one a zone; two or more for a standby.
            group_id: Security group of the tasks.
            files_subnet_ids: Data subnets, one a zone.
            files_group_id: Security group of the mount targets.
            files_key_arn: KMS key of the file system.
            log_key_arn: KMS key of the log group.
            fence: The lease, for which a standby waits, and its watchdog.
            alarm_names: Alarms that roll a deployment of the first task back.
            standby_alarm_names: The same for the standby.
            policies: Further inline policies of the task roles by name.
            after: Further resources that must exist first.
            opts: Options of the component.

        Raises:
            ValueError: a standby with fewer than two subnets, or what `Singleton` refuses.
        """
        super().__init__(name, ctx, opts)
        self.files = SessionFiles(
            f"{name}-files", ctx, key_arn=files_key_arn, subnet_ids=files_subnet_ids, group_id=files_group_id, opts=self.child()
        )
        mount = pulumi.Output.all(self.files.file_system.arn, self.files.access_point.arn).apply(
            lambda known: mount_policy(file_system_arn=known[0], access_point_arn=known[1])
        )
        shared: dict[str, Any] = {
            "role": Role.IB_GATEWAY,
            "settings": settings,
            "cluster": cluster,
            "image": image,
            "environment": {**gateway_environment(trading, settings.restart), **environment},
            "secrets": secrets,
            "secret_key_arn": secret_key_arn,
            "group_id": group_id,
            "log_key_arn": log_key_arn,
            "port": trading.gateway_port,
            "command": ["bash", "-c", wrapper(settings.command, status_port=STATUS_PORT, pause_seconds=settings.start_pause_seconds)],
            "policies": {**(policies or {}), **fence.policies(GATEWAY_LEASE), "files": mount},
            "files": {
                "file_system_id": self.files.file_system.id,
                "transit_encryption": "ENABLED",
                "authorization_config": {"access_point_id": self.files.access_point.id, "iam": "ENABLED"},
            },
            "files_path": SESSION_PATH,
            "after": [*self.files.mount_targets, *after],
            "opts": self.child(),
        }

        def sidecars(key: str) -> list[Sidecar]:
            script = watch(api_port(trading), service=key, status_port=STATUS_PORT, restart=settings.restart)
            return [
                fence.gateway(),
                Sidecar(name=f"{key}-watch", image=image, entry_point=("bash", "-c"), command=(script,), essential=False, stop_seconds=2),
            ]

        active, passive = apart(subnet_ids) if settings.standby else (list(subnet_ids), [])
        self.singleton = Singleton(
            f"{name}-singleton",
            ctx,
            subnet_ids=active,
            sidecars=sidecars(Role.IB_GATEWAY.value),
            alarm_names=alarm_names,
            **shared,
        )
        self.standby = (
            Singleton(
                f"{name}-standby",
                ctx,
                part=STANDBY,
                subnet_ids=passive,
                sidecars=sidecars(STANDBY),
                alarm_names=standby_alarm_names,
                **shared,
            )
            if passive
            else None
        )
        """The second task; None where nobody stands by."""
        tasks = [self.singleton, *([self.standby] if self.standby else [])]
        aws.efs.FileSystemPolicy(
            f"{name}-files-policy",
            file_system_id=self.files.file_system.id,
            policy=pulumi.Output.all(self.files.file_system.arn, self.files.access_point.arn, *(one.task_role_arn for one in tasks)).apply(
                lambda known: files_policy(file_system_arn=known[0], access_point_arn=known[1], role_arns=known[2:])
            ),
            opts=self.child(),
        )
        self.service_name = self.singleton.service_name
        self.name = self.singleton.name
        self.file_system_arn = self.files.arn
        self.log_group_name = self.singleton.log_group_name
        self.log_groups = {key: one.log_group_name for key, one in zip((Role.IB_GATEWAY.value, STANDBY), tasks, strict=False)}
        """Log groups by service, for the alarm that follows the holder."""
        self.task_role_arn = self.singleton.task_role_arn
        self.register_outputs({"name": self.name, "file_system_arn": self.file_system_arn, "log_group_name": self.log_group_name})
