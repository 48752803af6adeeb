"""Key policies: who may use which KMS key. Pure: plain values in, a policy document out.

Every key belongs to one data class. Its policy hands administration to the account's own IAM (without that statement a key can never be
managed again) and admits, by name, the AWS services that encrypt or decrypt on their own behalf. Services that act with the caller's
permissions (RDS, ElastiCache, ECR, Secrets Manager, EFS, AWS Backup with its role) need no statement: IAM decides for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Statement = dict[str, object]
Document = dict[str, object]

USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
"""What a service needs that stores data under the key."""


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


def _administration(place: Place) -> Statement:
    return {
        "Sid": "AccountAdministration",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{place.partition}:iam::{place.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def _log_groups(place: Place) -> Statement:
    return _service(
        "LogGroups",
        f"logs.{place.region}.amazonaws.com",
        USE,
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": place.arn("logs", "*")}},
    )


def _log_delivery(place: Place) -> Statement:
    return _service(
        "LogDelivery",
        "delivery.logs.amazonaws.com",
        USE,
        _own_account(place) | {"ArnLike": {"aws:SourceArn": place.arn("logs", "*")}},
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


def key_policy(data_class: DataClass, place: Place) -> Document:
    """The policy of the key of `data_class` at `place`.

    - LOGS: CloudWatch Logs, bound by encryption context to log groups of this account and region; CloudTrail.
    - STORAGE: log delivery, CloudTrail and CloudFront's origin access, each bound to this account's sources.
    - MESSAGING: the services that publish to encrypted topics (POLICY-RULES MSG-03).
    - DATABASE: EC2 Auto Scaling's service-linked role, which starts the TimescaleDB nodes with encrypted root volumes.
    - CACHE, SECRETS, BACKUP, REGISTRY: nobody beyond the account's IAM, because these services act with their caller's permissions.

    No statement admits a bare `*`: the one wildcard principal is bound to one role of this account (POLICY-RULES KMS-02).
    """
    more: list[Statement]
    match data_class:
        case DataClass.LOGS:
            more = [_log_groups(place), _trail(place)]
        case DataClass.STORAGE:
            more = [_log_delivery(place), _trail(place), _origin_access(place)]
        case DataClass.MESSAGING:
            more = _publishers(place)
        case DataClass.DATABASE:
            more = _auto_scaling(place)
        case DataClass.CACHE | DataClass.SECRETS | DataClass.BACKUP | DataClass.REGISTRY:
            more = []
    return {"Version": "2012-10-17", "Statement": [_administration(place), *more]}
