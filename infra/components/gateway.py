"""The Interactive Brokers Gateway: one login, its session files, and a watch on whether the broker answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.singleton import Singleton
from infra.plan.flows import Role
from infra.plan.iam import files_policy, mount_policy
from infra.plan.tasks import USER, gateway_watch
from infra.settings import workloads
from infra.settings.workloads import Trading, TradingMode

SESSION_PATH = "/sessions"
"""Where the gateway keeps its settings and its autorestart file; without them every restart asks for a second factor again."""


def gateway_environment(trading: Trading) -> dict[str, str]:
    """What the gateway's image is told about the login (variables of gnzsnz/ib-gateway-docker).

    The daily restart keeps the session, a missed second factor waits for a person instead of asking again and again
    (stacked requests lock the operator out), and a second login elsewhere takes over on purpose only. VNC stays off:
    there is no variable for its password.
    """
    return {
        "AUTO_RESTART_TIME": "11:45 PM",
        "EXISTING_SESSION_DETECTED_ACTION": "primary",
        "READ_ONLY_API": "no",
        "RELOGIN_AFTER_TWOFA_TIMEOUT": "no",
        "TIME_ZONE": "America/New_York",
        "TRADING_MODE": trading.mode.value,
        "TWOFA_TIMEOUT_ACTION": "exit",
        "TWS_SETTINGS_PATH": SESSION_PATH,
    }


def api_port(trading: Trading) -> int:
    """The gateway's own port inside its task: 4001 live, 4002 paper. Between tasks it is `trading.gateway_port`."""
    return 4001 if trading.mode is TradingMode.LIVE else 4002


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
    """The gateway as a singleton, with its session on EFS and an API handshake every 15 s in a sidecar.

    The main container has no health check on purpose: a lost login must raise `gateway-disconnected` after 120 s, not
    restart the gateway, because each restart sends a second-factor request.
    """

    token = "gateway"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: workloads.Singleton,
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
        alarm_names: Sequence[pulumi.Input[str]] = (),
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the gateway. What is not named here is passed to `Singleton`.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: Size and processor.
            trading: Paper or live: login mode and ports.
            cluster: Where it runs.
            image: ECR image by digest; it must hold bash and coreutils, write below `/tmp` and `/sessions` only, and
                publish the API between tasks on 4003 live or 4004 paper.
            environment: Further variables; they win over `gateway_environment`.
            secrets: The login, as variable to secret ARN.
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Private subnets with a fixed way out.
            group_id: Security group of the task.
            files_subnet_ids: Data subnets, one a zone.
            files_group_id: Security group of the mount targets.
            files_key_arn: KMS key of the file system.
            log_key_arn: KMS key of the log group.
            alarm_names: Alarms that roll a deployment back.
            policies: Inline policies of the task role by name.
            after: Further resources that must exist first.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self.files = SessionFiles(
            f"{name}-files", ctx, key_arn=files_key_arn, subnet_ids=files_subnet_ids, group_id=files_group_id, opts=self.child()
        )
        mount = pulumi.Output.all(self.files.file_system.arn, self.files.access_point.arn).apply(
            lambda known: mount_policy(file_system_arn=known[0], access_point_arn=known[1])
        )
        self.singleton = Singleton(
            f"{name}-singleton",
            ctx,
            role=Role.IB_GATEWAY,
            settings=settings,
            cluster=cluster,
            image=image,
            environment={**gateway_environment(trading), **environment},
            secrets=secrets,
            secret_key_arn=secret_key_arn,
            subnet_ids=subnet_ids,
            group_id=group_id,
            log_key_arn=log_key_arn,
            port=trading.gateway_port,
            watch=gateway_watch(api_port(trading)),
            alarm_names=alarm_names,
            policies={**(policies or {}), "files": mount},
            files={
                "file_system_id": self.files.file_system.id,
                "transit_encryption": "ENABLED",
                "authorization_config": {"access_point_id": self.files.access_point.id, "iam": "ENABLED"},
            },
            files_path=SESSION_PATH,
            after=[*self.files.mount_targets, *after],
            opts=self.child(),
        )
        aws.efs.FileSystemPolicy(
            f"{name}-files-policy",
            file_system_id=self.files.file_system.id,
            policy=pulumi.Output.all(self.files.file_system.arn, self.files.access_point.arn, self.singleton.task_role_arn).apply(
                lambda known: files_policy(file_system_arn=known[0], access_point_arn=known[1], role_arn=known[2])
            ),
            opts=self.child(),
        )
        self.service_name = self.singleton.service_name
        self.name = self.singleton.name
        self.file_system_arn = self.files.arn
        self.log_group_name = self.singleton.log_group_name
        self.task_role_arn = self.singleton.task_role_arn
        self.register_outputs({"name": self.name, "file_system_arn": self.file_system_arn, "log_group_name": self.log_group_name})
