"""Sessions, cached answers and the engine's state: Valkey or Redis on ElastiCache, a user for each service, if asked a copy abroad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan import cache as plan
from infra.settings import data

DESCRIPTION = "Sessions, cached answers and the engine's state"


@dataclass(frozen=True, kw_only=True)
class Standby:
    """Where the copy in the second region stands."""

    subnet_ids: Sequence[pulumi.Input[str]]
    """Data subnets of the second region's VPC."""
    group_id: pulumi.Input[str]
    """Its security group for the cache."""
    key_arn: pulumi.Input[str]
    """KMS key of CACHE in the second region."""


class Cache(Component):
    """`nautilus:cache`: a replication group with one shard.

    Makes: `elasticache.SubnetGroup`, `elasticache.ParameterGroup`, log groups for the slow log and the engine log, an `elasticache.User`
    for each consumer and their `elasticache.UserGroup`, and the `elasticache.ReplicationGroup` (stateful) with TLS, our own key at rest,
    automatic failover over several zones as soon as there is a replica, and daily snapshots. With a standby also the
    `elasticache.GlobalReplicationGroup` and, in the second region, subnet group, users, user group and replication group (stateful).
    Sources: NRC-015, DTO-080, DTO-082; POLICY-RULES CCH-01 to CCH-07.

    Seed 004 runs Redis with `--appendonly yes`. ElastiCache offers no append-only file for these engines; replicas in other zones,
    failover and daily snapshots take its place. Up to a second of writes may be lost at a failover, because replication is asynchronous:
    what must never be lost belongs in PostgreSQL.

    Nobody signs in without a name: there is no AUTH token (ElastiCache takes a token or a user group, never both), and the user `default`
    is switched off where the engine insists on it.

    Args:
        settings: The section `cache`.
        subnet_ids: Data subnets.
        group_id: Security group of CACHE.
        key_arn: KMS key of CACHE.
        log_key_arn: KMS key of LOGS.
        passwords: First password by the name of each of `infra.plan.cache.USERS`, 16 to 128 characters; later ones come from rotation.
        standby: The place of the copy in the second region; given exactly where `settings.global_datastore` is set.

    Raises:
        ValueError: ElastiCache does not offer the engine's version; a user's password is missing, or one is nobody's; a standby is missing
            or not asked for; ElastiCache would refuse the global datastore.
    """

    token: ClassVar[str] = "cache"

    user_ids: Mapping[str, str]
    """ElastiCache's id of each user, by its name: the same in both regions. Rotation changes passwords by it."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Cache,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        passwords: Mapping[str, pulumi.Input[str]],
        standby: Standby | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self._settings = settings
        self._passwords = passwords
        self._check(standby)
        identifier = ctx.names("cache", limit=plan.ID_LIMIT)
        known = plan.family(settings.engine, settings.version)
        replicated = settings.replicas >= 1
        self.user_ids = {user.name: ctx.names("cache", user.name, limit=plan.ID_LIMIT) for user in plan.USERS}
        subnets = self._subnets(f"{name}-subnets", subnet_ids, region=None)
        group = aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            name=ctx.names(known),
            family=known,
            description="Keep-alive and slow log of the platform",
            parameters=[{"name": key, "value": value} for key, value in sorted(plan.PARAMETERS.items())],
            opts=self.child(),
        )
        # ElastiCache writes to groups of this prefix without a resource policy of the account, whose size AWS bounds.
        logs = {
            kind: log_group(self, f"{name}-{kind}", path=f"/aws/vendedlogs/elasticache/{identifier}/{kind}", key_arn=log_key_arn)
            for kind in ("slow-log", "engine-log")
        }
        users = self._user_group(name, region=None)
        self.group = aws.elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=identifier,
            description=DESCRIPTION,
            engine=settings.engine,
            engine_version=settings.version,
            node_type=settings.node_type,
            num_cache_clusters=1 + settings.replicas,
            automatic_failover_enabled=replicated,
            multi_az_enabled=replicated,
            port=plan.PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[group_id],
            parameter_group_name=group.name,
            at_rest_encryption_enabled=True,
            kms_key_id=key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            user_group_ids=[users.user_group_id],
            snapshot_name=settings.snapshot_name,
            snapshot_retention_limit=settings.snapshot_days,
            snapshot_window=plan.SNAPSHOT_WINDOW,
            maintenance_window=plan.MAINTENANCE_WINDOW,
            auto_minor_version_upgrade=True,
            apply_immediately=False,
            log_delivery_configurations=[
                {"log_type": kind, "destination_type": "cloudwatch-logs", "destination": made.name, "log_format": "json"}
                for kind, made in logs.items()
            ],
            tags={"Name": identifier},
            # In a global datastore these three belong to the datastore: ElastiCache refuses them on a member, and swaps the parameter group
            # for a copy of its own.
            opts=pulumi.ResourceOptions.merge(
                self.stateful(ignore_changes=["engine_version", "node_type", "parameter_group_name"] if standby else None),
                # Its id and its members' are fixed, so that a restore takes the old group's place.
                pulumi.ResourceOptions(delete_before_replace=True),
            ),
        )
        self.primary_address: pulumi.Output[str] = self.group.primary_endpoint_address
        self.port: pulumi.Output[int] = pulumi.Output.from_input(plan.PORT)
        self.replication_group_id: pulumi.Output[str] = self.group.replication_group_id
        self.member_ids: list[pulumi.Output[str]] = [
            # ElastiCache numbers the members; their names are known before they exist, so that alarms can name them.
            self.group.replication_group_id.apply(lambda group_id, number=number: f"{group_id}-{number:03d}")
            for number in range(1, settings.replicas + 2)
        ]
        self.standby_address: pulumi.Output[str] | None = None
        """Address of the copy in the second region, which takes no writes until a failover; None without one."""
        self.global_datastore_id: pulumi.Output[str] | None = None
        """`<AWS's prefix>-<suffix>`, which a failover names; None without a standby."""
        if standby is not None:
            self._copy(standby)
        self.register_outputs({"primaryAddress": self.primary_address})

    def _check(self, standby: Standby | None) -> None:
        settings, names = self._settings, {user.name for user in plan.USERS}
        if set(self._passwords) != names:
            raise ValueError(
                f"cache: passwords of {', '.join(sorted(names))} are needed, not of {', '.join(sorted(self._passwords)) or 'nobody'}"
            )
        if settings.global_datastore != (standby is not None):
            raise ValueError(
                "cache.globalDatastore and the second region disagree: "
                + ("there is no place for the copy" if settings.global_datastore else "a place without a copy")
            )
        if standby is not None:
            refusal = plan.refused_globally(
                node_type=settings.node_type, replicas=settings.replicas, regions=(self.ctx.region, self.ctx.dr_region)
            )
            if refusal:
                raise ValueError(f"cache.globalDatastore: {refusal}")

    def _subnets(self, logical: str, subnet_ids: Sequence[pulumi.Input[str]], *, region: str | None) -> aws.elasticache.SubnetGroup:
        return aws.elasticache.SubnetGroup(
            logical,
            name=self.ctx.names("cache", limit=plan.ID_LIMIT),
            description="Data subnets of the platform",
            subnet_ids=list(subnet_ids),
            region=region,
            opts=self.child(),
        )

    def _user_group(self, prefix: str, *, region: str | None) -> aws.elasticache.UserGroup:
        """The users and their group, in one region: users do not follow a global datastore."""
        ctx, engine = self.ctx, self._settings.engine
        made = [
            aws.elasticache.User(
                f"{prefix}-user-{user.name}",
                user_id=self.user_ids[user.name],
                user_name=user.name,
                engine=engine,
                access_string=user.access,
                passwords=[self._passwords[user.name]],
                region=region,
                # Later passwords come from rotation, which adds the new one before it drops the old one.
                opts=self.child(ignore_changes=["passwords"], delete_before_replace=True),
            )
            for user in plan.USERS
        ]
        if plan.needs_default(engine):
            made.append(
                aws.elasticache.User(
                    f"{prefix}-user-default",
                    user_id=ctx.names("cache-default", limit=plan.ID_LIMIT),
                    user_name="default",
                    engine=engine,
                    access_string=plan.DISABLED,
                    no_password_required=True,
                    region=region,
                    opts=self.child(delete_before_replace=True),
                )
            )
        return aws.elasticache.UserGroup(
            f"{prefix}-users",
            user_group_id=ctx.names("cache-users", limit=plan.ID_LIMIT),
            engine=engine,
            user_ids=[user.user_id for user in made],
            region=region,
            opts=self.child(delete_before_replace=True),
        )

    def _copy(self, standby: Standby) -> None:
        """The datastore and its secondary. What the secondary has of the primary (engine, version, nodes, TLS, parameters) it may not name."""
        ctx, name, settings = self.ctx, self.logical, self._settings
        datastore = aws.elasticache.GlobalReplicationGroup(
            f"{name}-global",
            global_replication_group_id_suffix=ctx.names("cache", limit=plan.ID_LIMIT),
            global_replication_group_description=DESCRIPTION,
            primary_replication_group_id=self.group.id,
            cache_node_type=settings.node_type,
            engine_version=settings.version,
            opts=self.stateful(),
        )
        subnets = self._subnets(f"{name}-standby-subnets", standby.subnet_ids, region=ctx.dr_region)
        users = self._user_group(f"{name}-standby", region=ctx.dr_region)
        identifier = ctx.names("cache-standby", limit=plan.ID_LIMIT)
        secondary = aws.elasticache.ReplicationGroup(
            f"{name}-standby",
            replication_group_id=identifier,
            description=DESCRIPTION,
            # The datastore is called by its id, `<prefix of AWS>-<suffix>`.
            global_replication_group_id=datastore.id,
            num_cache_clusters=1 + settings.replicas,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            port=plan.PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[standby.group_id],
            kms_key_id=standby.key_arn,
            user_group_ids=[users.user_group_id],
            snapshot_retention_limit=settings.snapshot_days,
            snapshot_window=plan.SNAPSHOT_WINDOW,
            maintenance_window=plan.MAINTENANCE_WINDOW,
            auto_minor_version_upgrade=True,
            apply_immediately=False,
            region=ctx.dr_region,
            tags={"Name": identifier},
            opts=self.stateful(),
        )
        self.standby_address = secondary.primary_endpoint_address
        self.global_datastore_id = datastore.id
