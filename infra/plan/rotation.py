"""Rotation of secrets: when, by which function, with which rights, and who is started again afterwards. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from infra.plan.flows import Role
from infra.plan.iam import Json, canonical, policy, statement, through_service, write_logs, write_traces
from infra.plan.secrets import Rotator, SecretKind, SecretSpec, read_by

SCHEDULE = "cron(0 2 ? * SUN *)"
"""Sundays 02:00 UTC, in the seed's window, clear of RDS's own maintenance at 03:30. A Secrets Manager window opens on the hour."""
DURATION = "1h"
"""Secrets Manager's shortest window."""
EVERY_DAYS = 7
"""A week: one rotation may fail, and the secret is still younger than 30 days; three may, and it still is."""

WEEKDAY = 6
"""Sunday, as Python counts."""
OPENS, ROTATED, CLOSES = 2 * 60, 3 * 60, 3 * 60 + 45
"""Minutes after midnight UTC: the window opens, the last rotation has begun, the last restart may begin (the seed's window ends at 04:00)."""
RESTARTS = "cron(0/10 2-3 ? * SUN *)"
"""When the consumers are looked at; EventBridge Scheduler's form."""
RESTART_MINUTES = 4 * 60 - OPENS
"""From the earliest rotation to the end of the window."""
SESSION_MINUTES = (15, 30)
"""Shortest and longest session (DTO-032)."""


@dataclass(frozen=True)
class Kind:
    """What the function of a kind needs."""

    in_vpc: bool
    """Whether it stands in the VPC, beside what the secret opens."""
    seconds: int
    libraries: tuple[str, ...] = ()
    memory_mb: int = 256


_DRIVER = ("pg8000", "scramp", "asn1crypto")
KINDS: Mapping[Rotator, Kind] = MappingProxyType(
    {
        Rotator.POSTGRES_APP: Kind(True, 120, _DRIVER),
        Rotator.POSTGRES_ADMINISTRATOR: Kind(True, 120, _DRIVER),
        Rotator.CACHE_USER: Kind(True, 900, ("redis",)),
        Rotator.JWT: Kind(False, 60),
        Rotator.VALUE: Kind(False, 60),
        Rotator.ORIGIN_HEADER: Kind(False, 900),
    }
)
"""By the kinds that a function rotates. ElastiCache may take minutes to change a user, and CloudFront to tell its edges."""


@dataclass(frozen=True)
class Replica:
    """Where the secrets have a copy."""

    key_arn: str
    region: str


@dataclass(frozen=True)
class Extra:
    """Rights beyond those on the secret itself, as action to resources."""

    reads: tuple[str, ...] = ()
    """Other secrets that it reads."""
    writes: tuple[str, ...] = ()
    """Other secrets that it reads, with their labels, and writes."""
    statements: tuple[Json, ...] = field(default_factory=tuple[Json, ...])


def origin_statements(*, distribution_arn: str, rule_arns: Sequence[str]) -> tuple[Json, ...]:
    """What the rotation of the origin header does at the edge: one distribution, and the conditions of its rules.

    ELB's describing calls know no resource, and ModifyRule has no right for conditions alone.
    """
    return (
        statement(
            ["cloudfront:GetDistribution", "cloudfront:GetDistributionConfig", "cloudfront:UpdateDistribution"],
            [distribution_arn],
            sid="ChangeDistribution",
        ),
        statement(["elasticloadbalancing:DescribeRules"], ["*"], sid="ReadRules"),
        statement(["elasticloadbalancing:ModifyRule"], list(rule_arns), sid="ChangeRules"),
    )


def api_domains(standby: str) -> dict[str, str]:
    """What the functions in the VPC call in the second region, with the reason: names for the egress firewall's list.

    The users of a cache with a global datastore exist there too, and an interface endpoint serves one region alone. So that call goes
    through the NAT, and `Role.ROTATION` needs a flow to the internet on 443.

    Args:
        standby: The second region.
    """
    return {f"elasticache.{standby}.amazonaws.com": "passwords of the cache's users"}


def cache_statements(user_arns: Sequence[str]) -> tuple[Json, ...]:
    """What the rotation of a user of the cache does at ElastiCache: this user, here and in the second region."""
    return (statement(["elasticache:DescribeUsers", "elasticache:ModifyUser"], list(user_arns), sid="ChangeUser"),)


def login_statements(connect_arn: str) -> tuple[Json, ...]:
    """What lets a function in as PostgreSQL's administrator where no password does (lambdas/rotation/postgres.py, `first_that_opens`).

    Args:
        connect_arn: `rds-db:connect` ARN of the administrator on the instance.
    """
    return (statement(["rds-db:connect"], [connect_arn], sid="LogInByIam"),)


def function_policy(
    *, log_group_arn: str, secret_arns: Sequence[str], key_arn: str, region: str, replica: Replica | None = None, extra: Extra = Extra()
) -> str:
    """What a rotation function may do: its own secrets' versions, and what `extra` adds. It deletes nothing and changes no policy.

    Args:
        log_group_arn: Its log.
        secret_arns: The secrets that it rotates.
        key_arn: The secrets' KMS key, which it uses through Secrets Manager alone.
        region: The region of both.
        replica: Their copies. Secrets Manager seals a copy under its key with the rights of whoever asked for it (ReplicateSecretToRegions
            names them: `kms:Encrypt` and `kms:GenerateDataKey`), and a new value is copied because the function wrote it.
        extra: What its kind needs besides.
    """
    own = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
    statements = [
        write_logs(log_group_arn),
        statement([*own, "secretsmanager:UpdateSecretVersionStage"], list(secret_arns), sid="RotateSecrets"),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="secretsmanager", region=region, sid="UseKey"),
        write_traces(),
    ]
    if replica:
        through = sorted(f"secretsmanager.{one}.amazonaws.com" for one in (region, replica.region))
        statements.append(
            statement(
                ["kms:Encrypt", "kms:GenerateDataKey"],
                [replica.key_arn],
                sid="SealCopies",
                conditions={"StringEquals": {"kms:ViaService": through}},
            )
        )
    if extra.reads:
        statements.append(statement(["secretsmanager:GetSecretValue"], list(extra.reads), sid="ReadOthers"))
    if extra.writes:
        statements.append(statement(own, list(extra.writes), sid="WriteOthers"))
    return policy(*statements, *extra.statements)


def restart_policy(*, log_group_arn: str, secret_arns: Sequence[str], service_arns: Sequence[str]) -> str:
    """What the restart of consumers may do: see when secrets changed, never what they hold, and deploy these services again."""
    return policy(
        write_logs(log_group_arn),
        statement(["secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"], list(secret_arns), sid="SeeDates"),
        statement(["ecs:DescribeServices", "ecs:UpdateService"], list(service_arns), sid="DeployAgain"),
        write_traces(),
    )


def consumers(specs: Iterable[SecretSpec], roles: Iterable[Role]) -> dict[Role, tuple[str, ...]]:
    """Role to the secrets that its containers are given, sorted; roles without any are left out."""
    specs = tuple(specs)
    found = {role: tuple(sorted(spec.name for spec in read_by(specs, role) if spec.variables)) for role in roles}
    return {role: names for role, names in found.items() if names}


def weekly(specs: Iterable[SecretSpec]) -> tuple[str, ...]:
    """Secrets that change in every window: all that we generate."""
    return tuple(sorted(spec.name for spec in specs if spec.kind is SecretKind.GENERATED))


def readers(spec: SecretSpec, specs: Iterable[SecretSpec]) -> tuple[str, ...]:
    """Everything that may read a secret's value, by name: the execution roles of its consumers, nodes, and functions. People are not among it.

    `docs/secrets.md` shows it, and a test holds the plan's IAM documents against it.
    """
    found = {role.value for role in spec.consumers if spec.variables or role is Role.TIMESCALE}
    if spec.rotator.by_function:
        found.add(function_name(spec))
    for other in specs:
        if spec.rotator is Rotator.POSTGRES_ADMINISTRATOR and other.rotator is Rotator.POSTGRES_APP:
            found.add(function_name(other))
        if spec.rotator is Rotator.ORIGIN_PREVIOUS and other.rotator is Rotator.ORIGIN_HEADER:
            found.add(function_name(other))
    return tuple(sorted(found))


def function_name(spec: SecretSpec) -> str:
    """Logical name of the function that rotates a secret: plain values share one, every other secret has its own.

    Raises:
        ValueError: no function rotates it.
    """
    if not spec.rotator.by_function:
        raise ValueError(f"`{spec.name}` is rotated by {spec.rotator.value}, not by a function")
    return "rotate-values" if spec.rotator is Rotator.VALUE else f"rotate-{spec.name}"


def by_function(specs: Iterable[SecretSpec]) -> dict[str, tuple[SecretSpec, ...]]:
    """Function to the secrets that it rotates, in the order of the names.

    Raises:
        ValueError: secrets of one function differ in length or characters, which it takes from its environment.
    """
    found: dict[str, list[SecretSpec]] = {}
    for spec in sorted(specs, key=lambda one: one.name):
        if spec.rotator.by_function:
            found.setdefault(function_name(spec), []).append(spec)
    for name, group in found.items():
        if len({spec.alphabet for spec in group}) > 1:
            raise ValueError(f"{name} would draw {' and '.join(spec.name for spec in group)} alike, but their characters differ")
    return {name: tuple(found[name]) for name in sorted(found)}


def alphabet_variables(spec: SecretSpec) -> dict[str, str]:
    """LENGTH and SPECIAL of the function that rotates `spec`.

    Raises:
        ValueError: it is not generated.
    """
    if spec.alphabet is None:
        raise ValueError(f"`{spec.name}` has no alphabet: people fill it")
    return {"LENGTH": str(spec.alphabet.length), "SPECIAL": spec.alphabet.special}


def window_variable() -> str:
    """WINDOW of the restart function."""
    return json.dumps({"weekday": WEEKDAY, "opens": OPENS, "rotated": ROTATED, "closes": CLOSES})


def failures_pattern() -> str:
    """EventBridge: a rotation failed or was given up. Secrets Manager tells CloudTrail, as a service event.

    It names the secret in a field whose place AWS does not promise, so nothing is left out by it: better an alarm about a neighbour's secret
    than none about ours.
    """
    return canonical(
        {
            "source": ["aws.secretsmanager"],
            "detail-type": ["AWS Service Event via CloudTrail"],
            "detail": {
                "eventSource": ["secretsmanager.amazonaws.com"],
                "eventName": ["RotationAbandoned", "RotationFailed", "TestRotationFailed"],
            },
        }
    )
