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


def write_logs(log_group_arn: str) -> Json:
    """What a function's role may do with its own log group, which exists already."""
    return statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"], sid="WriteLogs")


def write_traces() -> Json:
    """What a function's role may do with X-Ray, whose calls know no narrower resource."""
    return statement(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"], sid="WriteTraces")


def through_service(key_arn: str, actions: Sequence[str], *, service: str, region: str, sid: str) -> Json:
    """Use of a key by a role, through one AWS service of this region alone."""
    return statement(actions, [key_arn], sid=sid, conditions={"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}})


def keep_statements(*, queue_arn: str, key_arn: str, region: str) -> tuple[Json, ...]:
    """What a schedule's role needs to put what it gives up into a dead-letter queue under `key_arn`."""
    return (
        statement(["sqs:SendMessage"], [queue_arn], sid="FileLostStarts"),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="sqs", region=region, sid="SealLostStarts"),
    )


def refuse_clear_text(actions: Sequence[str], resource: str) -> Json:
    """In a resource's own policy: nobody does this without TLS."""
    return statement(
        actions, [resource], sid="RefuseClearText", effect="Deny", principal="*", conditions={"Bool": {"aws:SecureTransport": "false"}}
    )


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
    *,
    images: Sequence[str],
    log_group_arn: str,
    secrets: Sequence[str],
    secret_key_arn: str,
    region: str,
    cached: Sequence[str] = (),
    agent: str | None = None,
    partition: str = "aws",
) -> str:
    """What ECS itself may do to start a task: pull these images, write this log group, read these secrets.

    Args:
        images: By digest.
        log_group_arn: Of the task's own log group.
        secrets: `valueFrom` references. The key may be used through Secrets Manager only; `infra.plan.reading` checks the finished
            document against the finished containers.
        secret_key_arn: KMS key of the secrets.
        region: Of the secrets.
        cached: Those of `images` that the registry copies from a public one at the first pull. ECR then asks for two rights more:
            `BatchImportUpstreamImage`, and `CreateRepository` while there is no repository of the copy yet.
        agent: ARN of the repository of GuardDuty's agent, which AWS puts beside the task; None where there is none.
        partition: Of the repositories.
    """
    statements = [
        statement(["ecr:GetAuthorizationToken"], ["*"], sid="RegistryLogin"),
        statement(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [repository_arn(image, partition=partition) for image in images],
            sid="PullImage",
        ),
        write_logs(log_group_arn),
    ]
    if agent is not None:
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        statements.append(statement(pull, [agent], sid="PullGuardDutyAgent"))
    if cached:
        statements.append(
            statement(
                ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"],
                [repository_arn(image, partition=partition) for image in cached],
                sid="CopyPublicImage",
            )
        )
    if secrets:
        statements += [
            statement(["secretsmanager:GetSecretValue"], [secret_arn(one) for one in secrets], sid="ReadSecrets"),
            through_service(secret_key_arn, ["kms:Decrypt"], service="secretsmanager", region=region, sid="DecryptSecrets"),
        ]
    return policy(*statements)


def log_writer_policy(log_group_arn: str) -> str:
    """What a log router may do with the task role: write streams of one group, which exists already."""
    return policy(statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"], sid="RouteLogs"))


def telemetry_policy(log_group_arn: str) -> str:
    """What a collector of traces and metrics may do with the task role. X-Ray's calls know no narrower resource."""
    return policy(
        write_traces(),
        statement(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [f"{log_group_arn}:*"], sid="WriteMetrics"),
    )


def shell_policy(*, session_log_arn: str, key_arn: str) -> str:
    """What a task needs of its own role for ECS Exec: Systems Manager's channels, and the cluster's log of the sessions.

    Neither the channels nor `logs:DescribeLogGroups` know a narrower resource. The key encrypts the channel.
    """
    return policy(
        statement(
            [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            ["*"],
            sid="OpenChannels",
        ),
        statement(["logs:DescribeLogGroups"], ["*"], sid="FindLog"),
        statement(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [f"{session_log_arn}:*"], sid="LogSessions"),
        statement(["kms:Decrypt"], [key_arn], sid="ReadChannel"),
    )


def invoke_policy(function_arn: str) -> str:
    """The role with which ECS calls a lifecycle hook: this one function and its versions."""
    return policy(statement(["lambda:InvokeFunction"], [function_arn, f"{function_arn}:*"], sid="InvokeHook"))


def hook_policy(
    *,
    log_group_arn: str,
    region: str,
    account_id: str,
    partition: str = "aws",
    services: Sequence[str] = (),
    parameters: str = "",
) -> str:
    """What the rollout hook may do: write its log and its trace, read alarms, this account's deployments and what people wrote for them.

    Neither X-Ray's calls nor EC2's describing ones know a narrower resource; `cloudwatch:DescribeAlarms` does, and then shows no composite
    alarm (CloudWatch API reference).

    Args:
        log_group_arn: Its log.
        region: The region of everything.
        account_id: The account of everything.
        partition: AWS's partition.
        services: Workloads whose pauses, overrides and migration records it reads; none reads no parameter.
        parameters: Path under which they stand, such as `/nautilus/prod`.
    """
    own = f"{region}:{account_id}"
    statements = [
        write_logs(log_group_arn),
        statement(["cloudwatch:DescribeAlarms"], ["*"], sid="ReadAlarms"),
        statement(
            ["ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"],
            [f"arn:{partition}:ecs:{own}:service-deployment/*", f"arn:{partition}:ecs:{own}:service-revision/*"],
            sid="ReadDeployments",
        ),
        statement(["ec2:DescribeNetworkInterfaces"], ["*"], sid="FindLoadBalancer"),
        write_traces(),
    ]
    names = [
        f"{parameters}/{name}"
        for service in services
        for name in (f"rollouts/{service}/pause", f"rollouts/{service}/override", f"migrations/{service}")
    ]
    if names:
        statements.append(
            statement(["ssm:GetParameter"], [f"arn:{partition}:ssm:{own}:parameter{name}" for name in names], sid="ReadOrders")
        )
    return policy(*statements)


def lease_policy(*, table_arn: str, key_arn: str, leases: Sequence[str], region: str, reads: Sequence[str] = ()) -> str:
    """What a holder of a fencing lease may do: read and update its own leases, no other row, and never delete one.

    Args:
        table_arn: The table.
        key_arn: Its KMS key.
        leases: The leases that it takes.
        region: Where the table is.
        reads: Leases of others that it only looks at: who holds them, and where.

    Raises:
        ValueError: no lease is named, or one is both its own and another's.
    """
    if not leases:
        raise ValueError("a lease policy needs the names of its leases")
    both = sorted(set(leases) & set(reads))
    if both:
        raise ValueError(f"a lease is its own or another's, not both: {', '.join(both)}")

    def rows(sid: str, actions: Sequence[str], names: Sequence[str]) -> Json:
        return statement(actions, [table_arn], sid=sid, conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": sorted(names)}})

    return policy(
        rows("OwnLeases", ["dynamodb:GetItem", "dynamodb:UpdateItem"], leases),
        *([rows("OthersLeases", ["dynamodb:GetItem"], reads)] if reads else []),
        through_service(key_arn, ["kms:Decrypt"], service="dynamodb", region=region, sid="ReadTable"),
    )


def halt_policy(parameter_arn: str) -> str:
    """Reading the halt flag, and no other parameter. Nobody who trades may write it."""
    return policy(statement(["ssm:GetParameter"], [parameter_arn], sid="ReadHaltFlag"))


def files_policy(*, file_system_arn: str, role_arns: Sequence[str], access_point_arn: str) -> str:
    """A file system's own policy: these roles may mount and write, through one access point, and nobody without TLS."""
    return policy(
        statement(
            ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            [file_system_arn],
            sid="MountThroughAccessPoint",
            principal={"AWS": role_arns},
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


def configuration_policy(*, configurations: Sequence[str], key_arn: str, region: str) -> str:
    """What a reader of AppConfig may do: open a session on exactly these configurations and fetch what is deployed.

    `configurations` are ARNs of the form `…:application/<id>/environment/<id>/configuration/<id>`. The documents lie under a key of ours,
    which may be used through AppConfig alone; under which of its two names KMS sees a reader's call AWS does not say, so both are admitted.

    Raises:
        ValueError: no configuration is named.
    """
    if not configurations:
        raise ValueError("a reader of AppConfig needs the configurations that it reads")
    return policy(
        statement(["appconfig:GetLatestConfiguration", "appconfig:StartConfigurationSession"], configurations, sid="ReadConfiguration"),
        statement(
            ["kms:Decrypt"],
            [key_arn],
            sid="DecryptConfiguration",
            conditions={"StringEquals": {"kms:ViaService": [f"{name}.{region}.amazonaws.com" for name in ("appconfig", "appconfigdata")]}},
        ),
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
        refuse_clear_text(["sns:Publish"], topic_arn),
    )


def private_topic_policy(topic_arn: str) -> str:
    """A topic of our own senders: their roles say who may publish, no AWS service may, and nobody does so in clear text."""
    return policy(refuse_clear_text(["sns:Publish"], topic_arn))


def queue_policy(queue_arn: str, *, account_id: str) -> str:
    """Who may reach a queue at all: this account, over TLS. Which of its roles may do what stands in their own policies (FSBP SQS.3)."""
    return policy(
        refuse_clear_text(["sqs:*"], queue_arn),
        statement(
            ["sqs:*"],
            [queue_arn],
            sid="RefuseOtherAccounts",
            effect="Deny",
            principal="*",
            # Services that act for themselves say no account; the first statement of no policy admits any.
            conditions={"StringNotEquals": {"aws:PrincipalAccount": account_id}, "Null": {"aws:PrincipalAccount": "false"}},
        ),
    )


def worker_policy(*, queue_arns: Sequence[str], key_arn: str, region: str) -> str:
    """What a service may do that sends to its queues and works on what lies in them; it neither empties nor changes a queue.

    Raises:
        ValueError: no queue is named.
    """
    if not queue_arns:
        raise ValueError("a policy of queues needs a queue")
    return policy(
        statement(
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ],
            queue_arns,
            sid="WorkOnQueues",
        ),
        through_service(key_arn, ["kms:Decrypt", "kms:GenerateDataKey"], service="sqs", region=region, sid="UseQueueKey"),
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
