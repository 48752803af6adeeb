"""IAM documents as pure data: trust policies, task and execution roles, topic and bucket statements.

Every document is rendered in one canonical form (sorted keys, sorted lists, one-element lists as plain strings), which is
the form in which AWS hands policies back; a plan therefore does not change by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
"""A JSON object: a policy statement or a whole document."""

VERSION = "2012-10-17"

_IMAGE = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^@:]+)@sha256:[0-9a-f]{64}$"
)
_SECRET = re.compile(r"^(?P<arn>arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[^:]+)(?::[^:]*){0,3}$")


def canonical(document: object) -> str:
    """`document` as JSON without spaces and with sorted keys: equal documents give equal strings."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def one_or_many(values: Iterable[str]) -> str | list[str]:
    """Sorted, without duplicates; a single value stands alone, as AWS writes it."""
    unique = sorted(set(values))
    return unique[0] if len(unique) == 1 else unique


def statement(
    actions: Sequence[str],
    resources: Sequence[str] = (),
    *,
    sid: str = "",
    effect: str = "Allow",
    principal: Mapping[str, Sequence[str]] | str | None = None,
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
) -> Json:
    """One policy statement.

    Args:
        actions: Such as `ecr:BatchGetImage`; at least one.
        resources: ARNs; empty in trust policies only.
        sid: Letters and digits (IAM's limit for identity policies), empty for none.
        effect: `Allow` or `Deny`.
        principal: Kind to names (`{"Service": ["ecs.amazonaws.com"]}`), or `"*"`.
        conditions: Operator to key to value or values.

    Raises:
        ValueError: no action, an unknown effect, a sid with other characters, or an `Allow` of `*` or `service:*`
            (controls IAM.1 and IAM.21: a role lists what it does).
    """
    if not actions:
        raise ValueError("a statement needs at least one action")
    if effect not in {"Allow", "Deny"}:
        raise ValueError(f"the effect {effect!r} is neither Allow nor Deny")
    if not re.fullmatch(r"[A-Za-z0-9]*", sid):
        raise ValueError(f"the sid {sid!r} may hold letters and digits only")
    if effect == "Allow":
        broad = sorted(action for action in actions if action == "*" or action.endswith(":*"))
        if broad:
            raise ValueError(f"the statement {sid or actions!r} allows {', '.join(broad)}; name the actions")
    out: Json = {"Effect": effect, "Action": one_or_many(actions)}
    if sid:
        out["Sid"] = sid
    if resources:
        out["Resource"] = one_or_many(resources)
    if principal is not None:
        out["Principal"] = principal if isinstance(principal, str) else {kind: one_or_many(names) for kind, names in principal.items()}
    if conditions:
        out["Condition"] = {
            operator: {key: value if isinstance(value, str) else one_or_many(value) for key, value in keys.items()}
            for operator, keys in conditions.items()
        }
    return out


def policy(*statements: Json) -> str:
    """A whole policy document.

    Raises:
        ValueError: no statement, or the same sid twice (IAM refuses both).
    """
    if not statements:
        raise ValueError("a policy needs at least one statement")
    sids = [one["Sid"] for one in statements if "Sid" in one]
    if len(sids) != len(set(sids)):
        raise ValueError(f"a sid occurs twice: {', '.join(sorted(sids))}")
    return canonical({"Version": VERSION, "Statement": list(statements)})


def trust(service: str, *, account_id: str | None = None, source_arn: str | None = None) -> str:
    """Who may take a role: one AWS service, and where the service says so, only on behalf of this account.

    Args:
        service: Such as `ecs-tasks.amazonaws.com`.
        account_id: Adds `aws:SourceAccount`. Only for services that send it when they assume a role (ECS tasks do; ECS's
            infrastructure role and Lambda's execution role are documented without a condition).
        source_arn: Adds `aws:SourceArn` with wildcards allowed.
    """
    conditions: dict[str, dict[str, str | Sequence[str]]] = {}
    if account_id is not None:
        conditions["StringEquals"] = {"aws:SourceAccount": account_id}
    if source_arn is not None:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    return policy(statement(["sts:AssumeRole"], principal={"Service": [service]}, conditions=conditions or None))


def repository_arn(image: str, *, partition: str = "aws") -> str:
    """The ARN of the ECR repository that holds `image`.

    Raises:
        ValueError: `image` is not `<account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:<digest>`. Tags are refused,
            because a tag can be moved to another image after the review.
    """
    match = _IMAGE.match(image)
    if match is None:
        raise ValueError(f"the image {image!r} is not an ECR image named by digest (…amazonaws.com/<name>@sha256:<64 hex digits>)")
    return f"arn:{partition}:ecr:{match['region']}:{match['account']}:repository/{match['name']}"


def secret_arn(value_from: str) -> str:
    """The secret behind a container's `valueFrom`, which may end in `:json-key:stage:version`.

    Raises:
        ValueError: not a Secrets Manager ARN.
    """
    match = _SECRET.match(value_from)
    if match is None:
        raise ValueError(f"{value_from!r} is not the ARN of a secret (arn:aws:secretsmanager:<region>:<account>:secret:<name>)")
    return match["arn"]


def execution_policy(
    *, image: str, log_group_arn: str, secrets: Sequence[str], secret_key_arn: str, region: str, partition: str = "aws"
) -> str:
    """What ECS itself may do to start a task: pull this image, write this log group, read these secrets.

    `secrets` are `valueFrom` references; the same list makes the container's `secrets`, so a container cannot name a secret
    that its role may not read. The key may be used through Secrets Manager only.
    """
    statements = [
        statement(["ecr:GetAuthorizationToken"], ["*"], sid="RegistryLogin"),
        statement(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [repository_arn(image, partition=partition)],
            sid="PullImage",
        ),
        statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"], sid="WriteLogs"),
    ]
    if secrets:
        statements += [
            statement(["secretsmanager:GetSecretValue"], [secret_arn(one) for one in secrets], sid="ReadSecrets"),
            statement(
                ["kms:Decrypt"],
                [secret_key_arn],
                sid="DecryptSecrets",
                conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}},
            ),
        ]
    return policy(*statements)


def invoke_policy(function_arn: str) -> str:
    """The role with which ECS calls a lifecycle hook: this one function and its versions."""
    return policy(statement(["lambda:InvokeFunction"], [function_arn, f"{function_arn}:*"], sid="InvokeHook"))


def hook_policy(*, log_group_arn: str, region: str, account_id: str, partition: str = "aws") -> str:
    """What the rollout hook may do: write its log and its trace, read alarms and this account's deployments.

    Neither `cloudwatch:DescribeAlarms` for a list of names nor X-Ray's calls know a narrower resource.
    """
    return policy(
        statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"], sid="WriteLogs"),
        statement(["cloudwatch:DescribeAlarms"], [f"arn:{partition}:cloudwatch:{region}:{account_id}:alarm:*"], sid="ReadAlarms"),
        statement(
            ["ecs:DescribeServiceDeployments"],
            [f"arn:{partition}:ecs:{region}:{account_id}:service-deployment/*"],
            sid="ReadDeployments",
        ),
        statement(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"], sid="WriteTraces"),
    )


def lease_policy(*, table_arn: str, key_arn: str, leases: Sequence[str], region: str) -> str:
    """What a holder of a fencing lease may do: read and update its own leases, no other row, and never delete one.

    Raises:
        ValueError: no lease is named.
    """
    if not leases:
        raise ValueError("a lease policy needs the names of its leases")
    return policy(
        statement(
            ["dynamodb:GetItem", "dynamodb:UpdateItem"],
            [table_arn],
            sid="OwnLeases",
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": sorted(leases)}},
        ),
        statement(
            ["kms:Decrypt"],
            [key_arn],
            sid="ReadTable",
            conditions={"StringEquals": {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}},
        ),
    )


def files_policy(*, file_system_arn: str, role_arn: str, access_point_arn: str) -> str:
    """A file system's own policy: one role may mount and write, through one access point, and nobody without TLS."""
    return policy(
        statement(
            ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            [file_system_arn],
            sid="MountThroughAccessPoint",
            principal={"AWS": [role_arn]},
            conditions={
                "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                "StringEquals": {"elasticfilesystem:AccessPointArn": access_point_arn},
            },
        ),
        statement(
            ["*"],
            [file_system_arn],
            sid="RefuseClearText",
            effect="Deny",
            principal={"AWS": ["*"]},
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


def mount_policy(*, file_system_arn: str, access_point_arn: str) -> str:
    """The same permission on the task's side."""
    return policy(
        statement(
            ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            [file_system_arn],
            sid="MountSessionFiles",
            conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": access_point_arn}},
        )
    )


TOPIC_PUBLISHERS = (
    "backup.amazonaws.com",
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "events.rds.amazonaws.com",
)
"""AWS services that announce something on our topics and say for which account. The topics' key must admit the same list, and EventBridge."""


def topic_policy(topic_arn: str, *, account_id: str) -> str:
    """Who may publish on a topic: AWS's services on behalf of this account, over TLS. People and roles need an IAM policy."""
    return policy(
        statement(
            ["sns:Publish"],
            [topic_arn],
            sid="PublishFromAccount",
            principal={"Service": TOPIC_PUBLISHERS},
            conditions={"StringEquals": {"aws:SourceAccount": account_id}},
        ),
        # EventBridge does not say whom it works for when it publishes to a topic: a condition would silence it without a trace.
        statement(["sns:Publish"], [topic_arn], sid="PublishFromRules", principal={"Service": ["events.amazonaws.com"]}),
        statement(
            ["sns:Publish"],
            [topic_arn],
            sid="RefuseClearText",
            effect="Deny",
            principal="*",
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


def trail_bucket_statements(*, bucket_arn: str, trail_arn: str, account_id: str) -> list[Json]:
    """What CloudTrail needs in the policy of the bucket it writes to; only this trail may (confused-deputy guard)."""
    service = {"Service": ["cloudtrail.amazonaws.com"]}
    return [
        statement(
            ["s3:GetBucketAcl"],
            [bucket_arn],
            sid="TrailReadsAcl",
            principal=service,
            conditions={"StringEquals": {"aws:SourceArn": trail_arn}},
        ),
        statement(
            ["s3:PutObject"],
            [f"{bucket_arn}/AWSLogs/{account_id}/*"],
            sid="TrailWrites",
            principal=service,
            conditions={"StringEquals": {"aws:SourceArn": trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    ]


def trail_log_policy(log_group_arn: str) -> str:
    """The role with which CloudTrail copies events to its log group."""
    return policy(statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:log-stream:*"], sid="WriteTrail"))
