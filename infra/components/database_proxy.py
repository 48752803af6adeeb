"""RDS Proxy: a pool of connections in front of the primary, reached over TLS and by IAM authentication alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan import postgres as plan
from infra.plan.iam import trust
from infra.settings import data


@dataclass(frozen=True, kw_only=True)
class ProxyWiring:
    """What the proxy is told by the rooms around it."""

    group_id: pulumi.Input[str]
    """Security group of PROXY."""
    secret_arn: pulumi.Input[str]
    """The secret `database-app-login`, a JSON object with `username` and `password`. Nobody logs in with it here: `auth` is an argument that
    older versions of the provider insist on, and AWS takes it beside IAM as the default."""
    secret_key_arn: pulumi.Input[str]
    """KMS key of that secret."""
    demand: plan.Demand
    """Tasks and pools of the backend; they give the size of the proxy's pool."""


class DatabaseProxy(Component):
    """`nautilus:infra:database-proxy`: RDS Proxy for the primary.

    Makes: a role that may log in to the instance as `nautilus_proxy` and read one secret, a log group under the name that AWS
    prescribes, `rds.Proxy` (TLS required, IAM to the proxy and from the proxy to the database), its default target group with the
    pool, and `rds.ProxyTarget`.
    Sources: DTO-086 to DTO-089, POLICY-RULES RDS-25.

    RDS Proxy has no endpoint for readers on an RDS instance; readers go to the replicas directly, or through it to the primary.

    Args:
        settings: The section `postgres.proxy`.
        wiring: Security group, secret, and what the backend asks for.
        database: The primary.
        max_connections: The server's connection limit.
        subnet_ids: Data subnets, two zones or more.
        log_key_arn: KMS key of LOGS.

    Raises:
        ValueError: Fewer than two subnets, or no connection to spare for a pool.
    """

    token: ClassVar[str] = "database-proxy"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.DatabaseProxy,
        wiring: ProxyWiring,
        database: aws.rds.Instance,
        max_connections: int,
        subnet_ids: Sequence[pulumi.Input[str]],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        if len(subnet_ids) < 2:
            raise ValueError("postgres.proxy: RDS Proxy wants subnets in two zones or more")
        self.pool = plan.proxy_pool(wiring.demand, max_connections)
        physical = ctx.names("postgres-proxy", limit=60)

        def arn_of(resource_id: str) -> str:
            return plan.connect_arn(resource_id=resource_id, region=ctx.region, account_id=ctx.account_id, partition=ctx.partition)

        role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names("postgres-proxy", limit=64),
            description="With which RDS Proxy logs in to the database",
            # RDS documents no condition for a proxy's role, and a key that it did not send would shut the proxy out. It takes a role of the
            # proxy's own account alone (`iam:PassRole`).
            assume_role_policy=trust("rds.amazonaws.com"),
            opts=self.child(),
        )
        allowed = aws.iam.RolePolicy(
            f"{name}-policy",
            name="connect",
            role=role.name,
            policy=pulumi.Output.all(database.resource_id, wiring.secret_arn, wiring.secret_key_arn).apply(
                lambda known: plan.proxy_policy(
                    database_arn=arn_of(known[0]), secret_arn=known[1], secret_key_arn=known[2], region=ctx.region
                )
            ),
            opts=self.child(),
        )
        log = log_group(self, f"{name}-log", path=f"/aws/rds/proxy/{physical}", key_arn=log_key_arn)
        self.proxy = aws.rds.Proxy(
            f"{name}-proxy",
            name=physical,
            engine_family="POSTGRESQL",
            require_tls=True,
            # From the client to the proxy and from the proxy to the database: no password anywhere. A provider that does not know this
            # argument drops it; the entry below then demands IAM of clients all the same.
            default_auth_scheme="IAM_AUTH",
            auths=[
                {
                    "auth_scheme": "SECRETS",
                    "secret_arn": wiring.secret_arn,
                    "iam_auth": "REQUIRED",
                    "client_password_auth_type": "POSTGRES_SCRAM_SHA_256",
                    "description": "Not used: clients log in by IAM",
                }
            ],
            idle_client_timeout=settings.idle_client_seconds,
            # Its log then holds whole statements, with the values in them.
            debug_logging=False,
            role_arn=role.arn,
            vpc_subnet_ids=list(subnet_ids),
            vpc_security_group_ids=[wiring.group_id],
            tags={"Name": physical},
            # RDS makes an unmanaged, unencrypted log group at once if it does not find ours.
            opts=self.child(
                depends_on=[allowed, log],
                delete_before_replace=True,
                # RDS never changes them: a zone more would replace the proxy, and its name with it. Two zones stay enough.
                ignore_changes=["vpc_subnet_ids"],
                custom_timeouts=pulumi.CustomTimeouts(create="1h", update="1h", delete="1h"),
            ),
        )
        targets = aws.rds.ProxyDefaultTargetGroup(
            f"{name}-targets",
            db_proxy_name=self.proxy.name,
            connection_pool_config={
                "max_connections_percent": self.pool.most_percent,
                "max_idle_connections_percent": self.pool.idle_percent,
                "connection_borrow_timeout": settings.borrow_seconds,
            },
            opts=self.child(),
        )
        aws.rds.ProxyTarget(
            f"{name}-target",
            db_proxy_name=self.proxy.name,
            target_group_name=targets.name,
            db_instance_identifier=database.identifier,
            opts=self.child(),
        )
        self.name: pulumi.Output[str] = self.proxy.name
        self.address: pulumi.Output[str] = self.proxy.endpoint
        self.log_group_name: pulumi.Output[str] = log.name
        self.connect_arn: pulumi.Output[str] = self.proxy.arn.apply(lambda arn: arn_of(arn.rpartition(":")[2]))
        """What a task needs `rds-db:connect` on: `nautilus_proxy` on this proxy, known by the `prx-…` of its ARN."""
        self.register_outputs({"address": self.address, "connectArn": self.connect_arn})
