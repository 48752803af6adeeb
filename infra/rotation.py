"""Who rotates what: the functions over the secrets of a stack, and their alarms. A part of the composition root."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.alarms import Alarms
from infra.components.function import Placement
from infra.components.notify import Notify
from infra.components.rotation import Restarts, Rotation
from infra.components.schedule import Lost
from infra.components.secrets import Secrets
from infra.plan import alarms as alarm_plan
from infra.plan import rotation as plan
from infra.plan.flows import POSTGRES_PORT, Role
from infra.plan.origin import HEADER
from infra.plan.rds_authorities import authority
from infra.plan.secrets import APP_OWNER, APP_USERS, PROXY_USER, RESTORE_USER, Rotator, SecretSpec
from infra.settings.root import Settings


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The edge, for the rotation of the origin header."""

    distribution_id: pulumi.Output[str]
    distribution_arn: pulumi.Output[str]
    origin_domain: str
    """Name of the distribution's origin that gets the header."""
    rule_arns: Sequence[pulumi.Output[str]]
    """Listener rules that ask for the header."""
    resources: Sequence[pulumi.Resource]
    """What must stand before a rotation: the distribution and the rules."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What the rotated secrets open."""

    postgres_host: pulumi.Input[str]
    postgres: Sequence[pulumi.Resource]
    postgres_resource_id: pulumi.Input[str]
    """RDS's id of the instance (`db-…`): by it IAM knows the administrator."""
    cache_host: pulumi.Input[str]
    cache_users: Mapping[str, pulumi.Input[str]]
    """The cache's user ids, by role."""
    cache: Sequence[pulumi.Resource]
    standby: bool
    """Whether the cache's users exist in the second region too."""


def build_rotations(
    settings: Settings,
    ctx: Context,
    *,
    specs: Sequence[SecretSpec],
    secrets: Secrets,
    opened: Opened,
    placement: Placement,
    key_arn: pulumi.Input[str],
    log_key_arn: pulumi.Input[str],
    top: pulumi.ResourceOptions,
) -> dict[str, str]:
    """Every rotation by function but the origin header's. Returns the functions' physical names by their logical ones, for alarms.

    Raises:
        ValueError: RDS's authority of the region is not known.
    """
    database = {
        "HOST": opened.postgres_host,
        "PORT": str(POSTGRES_PORT),
        "DATABASE": settings.postgres.database,
        "CA": authority(ctx.region),
    }
    administrator = pulumi.Output.from_input(opened.postgres_resource_id).apply(
        lambda known: plan.login_statements(ctx.arn("rds-db", f"dbuser:{known}/{settings.postgres.user}"))
    )
    made: dict[str, str] = {}
    for name, group in plan.by_function(specs).items():
        rotator = group[0].rotator
        if rotator is Rotator.ORIGIN_HEADER:
            continue
        variables: dict[str, pulumi.Input[str]] = {}
        reads: list[str] = []
        statements: pulumi.Input[Sequence[plan.Json]] = ()
        after: Sequence[pulumi.Resource] = ()
        if rotator is Rotator.POSTGRES_ADMINISTRATOR:
            variables, after = {**database, "USERNAME": settings.postgres.user}, opened.postgres
            statements = administrator
        elif rotator is Rotator.POSTGRES_APP:
            reads, after = ["database-password"], opened.postgres
            statements = administrator
            variables = {
                **database,
                "ADMINISTRATOR": settings.postgres.user,
                "ADMINISTRATOR_SECRET": secrets.arn("database-password"),
                "USERNAMES": ",".join(APP_USERS),
                "OWNER": APP_OWNER,
                "PROXY_USER": PROXY_USER,
                "READER": RESTORE_USER,
            }
        elif rotator is Rotator.CACHE_USER:
            user = group[0].consumers[0].value
            identifier = opened.cache_users[user]
            regions = (ctx.region, ctx.dr_region) if opened.standby else (ctx.region,)
            variables = {"USER_ID": identifier, "USERNAME": user, "HOST": opened.cache_host, "PORT": "6379"}
            if opened.standby:
                variables["STANDBY_REGION"] = ctx.dr_region
            statements = pulumi.Output.from_input(identifier).apply(
                lambda known, regions=regions: plan.cache_statements(
                    [ctx.arn("elasticache", f"user:{known}", region=region) for region in regions]
                )
            )
            after = opened.cache
        elif rotator is Rotator.JWT:
            variables = {"SESSION_MINUTES": str(settings.secrets.session_minutes), "RESTART_MINUTES": str(plan.RESTART_MINUTES)}
        rotation = Rotation(
            name,
            ctx,
            specs=group,
            secrets=secrets,
            key_arn=key_arn,
            log_key_arn=log_key_arn,
            variables=variables,
            reads=reads,
            statements=statements,
            placement=placement if plan.KINDS[rotator].in_vpc else None,
            after=after,
            opts=top,
        )
        made[name] = rotation.function_name
    return made


def build_origin_rotation(
    ctx: Context,
    *,
    specs: Sequence[SecretSpec],
    secrets: Secrets,
    sender: Sender | None,
    key_arn: pulumi.Input[str],
    log_key_arn: pulumi.Input[str],
    top: pulumi.ResourceOptions,
) -> dict[str, str]:
    """The origin header's rotation. Before there is a distribution it draws both values afresh, at once; afterwards on Sundays alone.

    Returns the function's physical name by its logical one, for alarms.
    """
    made: dict[str, str] = {}
    for name, group in plan.by_function(specs).items():
        if group[0].rotator is not Rotator.ORIGIN_HEADER:
            continue
        variables: dict[str, pulumi.Input[str]] = {"HEADER": HEADER, "PREVIOUS_SECRET": secrets.arn("origin-header-previous")}
        statements: pulumi.Input[Sequence[plan.Json]] = ()
        if sender:
            variables |= {
                "DISTRIBUTION_ID": sender.distribution_id,
                "ORIGIN_DOMAIN": sender.origin_domain,
                "RULES": pulumi.Output.all(*sender.rule_arns).apply(lambda arns: json.dumps(sorted(arns))),
            }
            statements = pulumi.Output.all(sender.distribution_arn, *sender.rule_arns).apply(
                lambda known: plan.origin_statements(distribution_arn=known[0], rule_arns=known[1:])
            )
        rotation = Rotation(
            name,
            ctx,
            specs=group,
            secrets=secrets,
            key_arn=key_arn,
            log_key_arn=log_key_arn,
            variables=variables,
            writes=["origin-header-previous"],
            statements=statements,
            at_once=sender is None,
            after=sender.resources if sender else (),
            opts=top,
        )
        made[name] = rotation.function_name
    return made


def build_restarts(
    ctx: Context,
    *,
    specs: Sequence[SecretSpec],
    secrets: Secrets,
    cluster: str,
    services: Mapping[Role, Sequence[str]],
    log_key_arn: pulumi.Input[str],
    topic_arn: pulumi.Input[str],
    lost: Lost,
    top: pulumi.ResourceOptions,
) -> dict[str, str]:
    """The restart of the services that read secrets, by physical name. Returns the function's name for alarms; empty where nobody reads any."""
    reading = plan.consumers(specs, services)
    if not reading:
        return {}
    restarts = Restarts(
        "restart-consumers",
        ctx,
        cluster=cluster,
        services={service: names for role, names in reading.items() for service in services[role]},
        weekly=plan.weekly(specs),
        secrets=secrets,
        log_key_arn=log_key_arn,
        topic_arn=topic_arn,
        lost=lost,
        opts=top,
    )
    return {"restart-consumers": restarts.function_name}


def watch_functions(name: str, ctx: Context, functions: Mapping[str, str], *, topics: Notify, top: pulumi.ResourceOptions) -> Alarms:
    """An alarm for each function that fails (`infra.plan.alarms.rotation_alarms`)."""
    table = alarm_plan.table(*(alarm_plan.rotation_alarms(key, function=physical) for key, physical in functions.items()))
    return Alarms(name, ctx, table=table, topics=topics, opts=top)
