"""What holds data, what opens it, what changes the passwords, and what of it stands in the second region. A part of the composition root."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.cache import Cache, Standby
from infra.components.database_proxy import ProxyWiring
from infra.components.function import Placement
from infra.components.keys import DataClass, Keys
from infra.components.notify import Notify
from infra.components.postgres import Postgres, Snapshot
from infra.components.registry import REPOSITORIES
from infra.components.second_region import SecondRegion
from infra.components.secrets import Secrets
from infra.network import Networking
from infra.plan.cache import USERS as CACHE_USERS
from infra.plan.flows import Role
from infra.plan.jobs import reconciles
from infra.plan.postgres import Demand
from infra.plan.secrets import SecretSpec, inventory
from infra.rotation import Opened, build_origin_rotation, build_rotations, watch_functions
from infra.settings.foundation import Phase
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data's pieces, for the workloads that read and write them."""

    specs: tuple[SecretSpec, ...]
    secrets: Secrets
    rotations: dict[str, str]
    """Physical names of the functions that rotate secrets, by their logical ones."""
    postgres: Postgres
    second_region: SecondRegion | None
    cache: Cache


def build_data(
    settings: Settings, ctx: Context, top: pulumi.ResourceOptions, *, keys: Keys, notify: Notify, networking: Networking
) -> Data:
    """Provision secrets, databases and their rotation.

    Raises:
        ValueError: A planner refuses what the settings' own checks could not see.
    """
    # Secrets, then what opens with them.
    specs = inventory(
        settings.trading,
        rotation_days=settings.secrets.rotation_days,
        timescale=settings.timescale.enabled,
        proxy=settings.postgres.proxy.enabled,
        password_special=settings.secrets.password_special,
        migrations=settings.jobs.migrations.enabled,
        reconciliation=reconciles(settings),
    )
    secrets = Secrets(
        "secrets",
        ctx,
        specs=specs,
        key_arn=keys.arn(DataClass.SECRETS),
        dr_key_arn=keys.dr_arn(DataClass.SECRETS),
        recovery_days=settings.secrets.recovery_days,
        opts=top,
    )
    postgres = Postgres(
        "postgres",
        ctx,
        settings=settings.postgres,
        subnet_ids=networking.network.data_subnet_ids,
        group_id=networking.groups.of(Role.POSTGRES),
        key_arn=keys.arn(DataClass.DATABASE),
        log_key_arn=keys.arn(DataClass.LOGS),
        username=settings.postgres.user,
        password=secrets.value("database-password"),
        topic_arn=notify.critical_arn,
        proxy=ProxyWiring(
            group_id=networking.groups.of(Role.PROXY),
            secret_arn=secrets.arn("database-app-login"),
            secret_key_arn=keys.arn(DataClass.SECRETS),
            demand=Demand(
                min_tasks=settings.services.backend.min_tasks,
                max_tasks=settings.services.backend.max_tasks,
                pool_min=settings.services.backend.pool_min,
                pool_max=settings.services.backend.pool_max,
            ),
        )
        if settings.postgres.proxy.enabled
        else None,
        snapshot=Snapshot(identifier=settings.dr.restore.snapshot_id, key_arn=settings.dr.restore.key_arn) if settings.dr.restore else None,
        second_region=settings.dr.enabled and settings.dr.postgres_replica,
        opts=top,
    )
    second = (
        SecondRegion(
            "second-region",
            ctx,
            settings=settings.dr,
            postgres=settings.postgres,
            primary_arn=postgres.instance_arn,
            key_arn=keys.dr_arn(DataClass.DATABASE),
            monitoring_role_arn=postgres.monitoring_role_arn,
            repositories=REPOSITORIES,
            emails=settings.alarms.emails,
            opts=top,
        )
        if settings.dr.enabled
        else None
    )
    cache = Cache(
        "cache",
        ctx,
        settings=settings.cache,
        subnet_ids=networking.network.data_subnet_ids,
        group_id=networking.groups.of(Role.CACHE),
        key_arn=keys.arn(DataClass.CACHE),
        log_key_arn=keys.arn(DataClass.LOGS),
        passwords={user.name: secrets.value(f"cache-{user.name}-password") for user in CACHE_USERS},
        standby=Standby(subnet_ids=second.data_subnet_ids, group_id=second.cache_group_id, key_arn=keys.dr_arn(DataClass.CACHE))
        if second and settings.cache.global_datastore
        else None,
        opts=top,
    )

    # What changes the passwords, every Sunday.
    rotations = build_rotations(
        settings,
        ctx,
        specs=specs,
        secrets=secrets,
        opened=Opened(
            postgres_host=postgres.address,
            postgres=(postgres, *networking.ways_out),
            postgres_resource_id=postgres.resource_id,
            cache_host=cache.primary_address,
            cache_users=cache.user_ids,
            cache=(cache, *networking.ways_out),
            standby=cache.standby_address is not None,
        ),
        placement=Placement(subnet_ids=networking.network.app_subnet_ids, group_id=networking.groups.of(Role.ROTATION)),
        key_arn=keys.arn(DataClass.SECRETS),
        log_key_arn=keys.arn(DataClass.LOGS),
        top=top,
    )
    if settings.platform.phase is Phase.FOUNDATION:
        rotations |= build_origin_rotation(
            ctx,
            specs=specs,
            secrets=secrets,
            sender=None,
            key_arn=keys.arn(DataClass.SECRETS),
            log_key_arn=keys.arn(DataClass.LOGS),
            top=top,
        )
        watch_functions("rotation-alarms", ctx, rotations, topics=notify, top=top)

    return Data(specs=specs, secrets=secrets, rotations=rotations, postgres=postgres, second_region=second, cache=cache)
