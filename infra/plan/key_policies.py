"""Key policies: who may use which KMS key. Pure: plain values in, a policy document out.

Every key belongs to one data class. Its policy has three parts:

- the account's IAM administers the key (without that statement a key can never be managed again) but uses it for nothing;
- the account's IAM uses it through the services whose data it protects (`kms:ViaService`) and lets them make grants: a role that IAM
  allows to decrypt reads a secret through Secrets Manager, and cannot decrypt a stolen snapshot or blob with the same permission;
- the services that act on their own behalf, by name, each bound to this account's sources where it sends any.

`ADMITTED` is the one table of the second and third part; docs/keys.md shows it, and a test holds it against the whole platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Statement = dict[str, object]
Document = dict[str, object]

USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
"""What a service needs that stores data under the key."""

THROUGH = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
"""What callers do with a key, and only through a service."""

ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What the account's IAM may allow its administrators: everything about the key, and nothing with it. No `kms:DisableKeyRotation` either:
nobody needs it, and it is one call back for whoever changes this policy first."""


class DataClass(StrEnum):
    """What a key protects. One key each, so that access to one class of data never opens another (POLICY-RULES KMS-05)."""

    DATABASE = "database"
    CACHE = "cache"
    SECRETS = "secrets"
    LOGS = "logs"
    STORAGE = "storage"
    BACKUP = "backup"
    MESSAGING = "messaging"
    REGISTRY = "registry"


SECOND_REGION = frozenset({DataClass.DATABASE, DataClass.SECRETS, DataClass.BACKUP})
"""Classes that have a key in the second region as well: a copy there needs a key of that region."""


@dataclass(frozen=True)
class Admitted:
    """Who uses the keys of a class, beside its administrators.

    Args:
        through: Services that act with their caller's permissions, by the first word of their `kms:ViaService` name.
        services: Service principals that act on their own behalf; `{region}` stands for the key's region.
        roles: Service-linked roles, by what they are for.
    """

    through: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


ADMITTED: Mapping[DataClass, Admitted] = {
    # Performance Insights comes through RDS; the leases stand in DynamoDB; TimescaleDB's volumes are EC2's; a password that RDS manages
    # itself stands in Secrets Manager under the database's key.
    DataClass.DATABASE: Admitted(through=("backup", "dynamodb", "ec2", "rds", "secretsmanager"), roles=("autoscaling",)),
    # ElastiCache calls KMS under both names: its guide asks for the two together wherever `kms:ViaService` is asked for.
    DataClass.CACHE: Admitted(through=("dax", "elasticache")),
    # The authority of TimescaleDB's nodes is an encrypted parameter: a node makes it and reads it through Systems Manager.
    DataClass.SECRETS: Admitted(through=("secretsmanager", "ssm")),
    DataClass.LOGS: Admitted(services=("logs.{region}.amazonaws.com",)),
    # AppConfig's documents: written through `appconfig`, read by the data plane, whose own name may be the one that KMS sees.
    DataClass.STORAGE: Admitted(
        through=("appconfig", "appconfigdata", "backup", "elasticfilesystem", "s3"),
        services=("cloudfront.amazonaws.com", "cloudtrail.amazonaws.com", "fargate.amazonaws.com"),
    ),
    # A recovery point that AWS Backup does not manage itself is copied by its own service, under the vault's key.
    DataClass.BACKUP: Admitted(through=("backup", "dynamodb", "ec2", "elasticfilesystem", "rds", "s3")),
    DataClass.MESSAGING: Admitted(
        through=("sns", "sqs"),
        services=(
            "backup.amazonaws.com",
            "budgets.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "costalerts.amazonaws.com",
            "events.amazonaws.com",
            "events.rds.amazonaws.com",
        ),
    ),
    DataClass.REGISTRY: Admitted(through=("ecr",)),
}
"""Every user of every class. A service that is not listed here is refused, whatever its caller's IAM policies say."""


@dataclass(frozen=True)
class Place:
    """Where a key lives."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN of this account; `region=""` for global services."""
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{self.account}:{resource}"


def _service(sid: str, service: str, actions: Sequence[str], condition: Mapping[str, Mapping[str, object]]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Resource": "*",
        "Condition": {operator: dict(keys) for operator, keys in condition.items()},
    }


def _own_account(place: Place) -> dict[str, dict[str, object]]:
    return {"StringEquals": {"aws:SourceAccount": place.account}}


def _root(place: Place) -> dict[str, str]:
    """The account's IAM: whom this principal admits is decided by identity policies."""
    return {"AWS": f"arn:{place.partition}:iam::{place.account}:root"}


def _administration(place: Place) -> Statement:
    return {
        "Sid": "AccountAdministration",
        "Effect": "Allow",
        "Principal": _root(place),
        "Action": list(ADMINISTRATION),
        "Resource": "*",
    }


def _through(services: Sequence[str], regions: Sequence[str], place: Place) -> list[Statement]:
    names = sorted({f"{service}.{region}.amazonaws.com" for service in services for region in regions})
    use: Statement = {
        "Sid": "AccountUsesThroughServices",
        "Effect": "Allow",
        "Principal": _root(place),
        "Action": list(THROUGH),
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": names}},
    }
    # A grant outlives the call: without the condition one CreateGrant would hand out direct use for ever.
    grant: Statement = {
        "Sid": "AccountLetsServicesGrant",
        "Effect": "Allow",
        "Principal": _root(place),
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    }
    return [use, grant]


def _log_groups(place: Place, patterns: Sequence[str]) -> Statement:
    groups = sorted(place.arn("logs", f"log-group:{pattern}") for pattern in patterns)
    return _service(
        "LogGroups",
        f"logs.{place.region}.amazonaws.com",
        USE,
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups if len(groups) > 1 else groups[0]}},
    )


def _trail(place: Place) -> Statement:
    return _service(
        "Trail",
        "cloudtrail.amazonaws.com",
        ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"),
        {"ArnLike": {"aws:SourceArn": place.arn("cloudtrail", "trail/*")}},
    )


def _origin_access(place: Place) -> Statement:
    return _service(
        "OriginAccess",
        "cloudfront.amazonaws.com",
        ("kms:Decrypt",),
        {"ArnLike": {"aws:SourceArn": place.arn("cloudfront", "distribution/*", region="")}},
    )


def _task_storage(place: Place) -> list[Statement]:
    """Fargate encrypts the scratch disks of this account's tasks, and grants each task's host the right to read its own."""
    cluster: dict[str, object] = {"kms:EncryptionContext:aws:ecs:clusterAccount": place.account}
    return [
        _service("TaskStorage", "fargate.amazonaws.com", ("kms:GenerateDataKeyWithoutPlaintext",), {"StringEquals": cluster}),
        _service(
            "TaskStorageGrants",
            "fargate.amazonaws.com",
            ("kms:CreateGrant",),
            {"StringEquals": cluster, "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
        ),
    ]


def _shell_channels(place: Place) -> Statement:
    """ECS Exec: a task and the person at the other end call KMS themselves, for a session's channel and for nothing else."""
    return {
        "Sid": "ShellChannels",
        "Effect": "Allow",
        "Principal": _root(place),
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        # Systems Manager names the session's target; log groups are encrypted under another context, so this opens none.
        "Condition": {"StringLike": {"kms:EncryptionContext:aws:ssm:TargetId": "ecs:*"}},
    }


def _publishers(place: Place) -> list[Statement]:
    actions = ("kms:Decrypt", "kms:GenerateDataKey*")
    senders = (
        ("AlarmsPublish", "cloudwatch.amazonaws.com"),
        ("BackupPublishes", "backup.amazonaws.com"),
        ("BudgetsPublish", "budgets.amazonaws.com"),
        ("CostAnomaliesPublish", "costalerts.amazonaws.com"),
        ("DatabaseEventsPublish", "events.rds.amazonaws.com"),
    )
    events = _service("EventsPublish", "events.amazonaws.com", actions, {})
    # EventBridge sends none of the aws:Source* keys when it publishes to an encrypted topic: a condition would silence it.
    # The topic's own policy binds it to the rules of this account.
    del events["Condition"]
    return [*(_service(sid, service, actions, _own_account(place)) for sid, service in senders), events]


def _auto_scaling(place: Place) -> list[Statement]:
    # Naming the service-linked role as principal is refused while the role does not exist yet, and the role's own policy has no KMS
    # permission, so that delegation through the account would not reach it. A condition on the caller's ARN needs neither.
    role = place.arn("iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*", region="")
    caller: dict[str, dict[str, object]] = {
        "StringEquals": {"kms:CallerAccount": place.account},
        "ArnLike": {"aws:PrincipalArn": role},
    }
    use: Statement = {
        "Sid": "AutoScalingUsesVolumes",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(USE),
        "Resource": "*",
        "Condition": caller,
    }
    grant: Statement = {
        "Sid": "AutoScalingGrantsToVolumes",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": {**caller, "Bool": {"kms:GrantIsForAWSResource": "true"}},
    }
    return [use, grant]


def log_group_patterns(*, prefix: str, path: str) -> tuple[str, ...]:
    """Names of the log groups of one stack: its own tree, what AWS names after a resource of the stack, WAF's, and DNS query logs.

    Args:
        prefix: What the names of the stack's resources begin with, such as `nautilus-prod`.
        path: The stack's tree, such as `/nautilus/prod`.
    """
    return (
        f"{path}/*",
        f"/aws/*/{prefix}-*",
        "/aws/route53/*",
        f"aws-waf-logs-{prefix}-*",
    )


def key_policy(data_class: DataClass, place: Place, *, log_groups: Sequence[str] = ("*",), other_regions: Sequence[str] = ()) -> Document:
    """The policy of the key of `data_class` at `place`.

    Args:
        data_class: What the key protects; `ADMITTED` says who uses it.
        place: Where the key lives.
        log_groups: LOGS only: patterns of the names of the log groups; all of the account where a stack has no say in them.
        other_regions: Regions between which copies travel: the copying service may work from either end.

    Raises:
        ValueError: `log_groups` is empty.

    No statement admits a bare `*`: the one wildcard principal is bound to one role of this account (POLICY-RULES KMS-02). Services of their
    own are bound by the encryption context, by the account or by the ARN of what sends; EventBridge alone sends none of these keys.
    """
    if not log_groups:
        raise ValueError("a key of log groups needs the pattern of at least one name")
    admitted = ADMITTED[data_class]
    more: list[Statement] = _through(admitted.through, (place.region, *other_regions), place) if admitted.through else []
    match data_class:
        case DataClass.LOGS:
            more += [_log_groups(place, log_groups), _shell_channels(place)]
        case DataClass.STORAGE:
            more += [_trail(place), _origin_access(place), *_task_storage(place)]
        case DataClass.MESSAGING:
            more += _publishers(place)
        case DataClass.DATABASE:
            more += _auto_scaling(place)
        case DataClass.CACHE | DataClass.SECRETS | DataClass.BACKUP | DataClass.REGISTRY:
            pass
    return {"Version": "2012-10-17", "Statement": [_administration(place), *more]}


HOLDS: Mapping[DataClass, str] = {
    DataClass.DATABASE: "databases and their volumes",
    DataClass.CACHE: "cache nodes and their snapshots",
    DataClass.SECRETS: "secrets",
    DataClass.LOGS: "log groups",
    DataClass.STORAGE: "buckets, file systems, tasks' scratch disks and AppConfig's documents",
    DataClass.BACKUP: "recovery points and archives",
    DataClass.MESSAGING: "topics and queues",
    DataClass.REGISTRY: "container images",
}
"""What each class protects, in words."""


def table() -> str:
    """The table of docs/keys.md: a line for each class."""
    lines = ["| Class | Holds | Also in the second region | Callers use it through | Services of their own |", "|---|---|---|---|---|"]
    for kind in DataClass:
        admitted = ADMITTED[kind]
        through = ", ".join(admitted.through) or "nothing"
        own = [
            *(service.format(region="<region>") for service in admitted.services),
            *(f"{role}'s service-linked role" for role in admitted.roles),
        ]
        second = "yes" if kind in SECOND_REGION else "no"
        lines.append(f"| `{kind}` | {HOLDS[kind]} | {second} | {through} | {', '.join(own) or 'none'} |")
    return "\n".join(lines)
