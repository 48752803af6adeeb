"""VPC endpoints: which ones a profile has, and who may reach what through them. Pure.

A policy admits principals of our account to resources of our account, so that a foreign credential cannot carry data out through our
endpoints. AWS's own resources, which live in AWS's accounts, are the exceptions: without them tasks cannot pull an image.

Every service below takes an endpoint policy (AWS's page on each service's interface endpoints). ECS's is for our own functions alone:
Fargate's agent talks to ECS outside the VPC, so its two further endpoints (`ecs-agent`, `ecs-telemetry`) are missing. There is none for
`ec2messages` either: the SSM agent from 3.3.40 on uses `ssmmessages` instead.

A function in the app tier calls AWS through endpoints wherever it can: AWS lets it open connections from 1024 on, and the tier's network
ACL takes replies from outside the VPC on the upper half of these ports only (`infra.plan.nacls.LINUX`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import Any

from infra.plan.flows import Role
from infra.settings.foundation import EndpointProfile

ESSENTIAL = ("ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager")
"""What a Fargate task needs to start without a way out (with S3 through the gateway)."""

FULL = (
    *ESSENTIAL,
    "appconfigdata",  # feature flags, trading volume, risk limits
    "aps-workspaces",  # Prometheus: remote write and queries
    "ec2",  # volumes and interfaces of TimescaleDB's nodes
    "ecs",  # deployments, for the rollout hook
    "elasticache",  # passwords of the cache's users, for their rotation
    "events",  # nodes tell when they have changed a password
    "guardduty-data",  # findings of GuardDuty's agent beside the tasks
    "monitoring",  # metrics
    "sqs",  # background jobs
    "ssm",  # documents and parameters
    "ssmmessages",  # ECS Exec and Session Manager
    "sts",  # roles
    "xray",  # traces
)
"""And what else tasks and nodes call."""

INTERFACES = MappingProxyType(
    {EndpointProfile.FULL: tuple(sorted(FULL)), EndpointProfile.ESSENTIAL: tuple(sorted(ESSENTIAL)), EndpointProfile.NONE: ()}
)
"""Services of the interface endpoints of a profile, as the last part of `com.amazonaws.<region>.<service>`."""

GATEWAYS = ("dynamodb", "s3")
"""Services of the gateway endpoints, which cost nothing and so exist with every profile."""

CALLS = MappingProxyType(
    {
        # Volumes and interfaces, changed passwords, metrics, and the SSM agent.
        Role.TIMESCALE: ("ec2", "events", "monitoring", "ssm", "ssmmessages"),
        # The load balancer's addresses, deployments, alarms, and what people have said.
        Role.ROLLOUT_HOOK: ("ec2", "ecs", "monitoring", "ssm"),
        Role.ROTATION: ("elasticache",),
    }
)
"""What a role calls beyond what every task does (`ESSENTIAL`). Tasks have a way out for other reasons, so they are not here."""

_PREFIX = {
    "appconfigdata": "appconfig",
    "aps-workspaces": "aps",
    "ecr.api": "ecr",
    "ecr.dkr": "ecr",
    "guardduty-data": "guardduty",
    "monitoring": "cloudwatch",
}
"""IAM prefix of a service where its endpoint is called otherwise."""

_HOST = {"ecr.api": "api.ecr", "ecr.dkr": "{account}.dkr.ecr"}
"""First part of a service's host name where it is not the endpoint's name."""

GUARDDUTY_AGENT_ACCOUNTS = MappingProxyType(
    {
        "af-south-1": "197869348890",
        "ap-east-1": "258348409381",
        "ap-east-2": "259886477082",
        "ap-northeast-1": "533107202818",
        "ap-northeast-2": "914738172881",
        "ap-northeast-3": "273192626886",
        "ap-south-1": "251508486986",
        "ap-south-2": "950823858135",
        "ap-southeast-1": "174946120834",
        "ap-southeast-2": "005257825471",
        "ap-southeast-3": "510637619217",
        "ap-southeast-4": "251357961535",
        "ap-southeast-5": "156041399949",
        "ap-southeast-7": "054037130133",
        "ca-central-1": "354763396469",
        "ca-west-1": "339712888787",
        "eu-central-1": "323658145986",
        "eu-central-2": "529164026651",
        "eu-north-1": "591436053604",
        "eu-south-1": "266869475730",
        "eu-south-2": "919611009337",
        "eu-west-1": "694911143906",
        "eu-west-2": "892757235363",
        "eu-west-3": "665651866788",
        "il-central-1": "870907303882",
        "me-central-1": "000014521398",
        "me-south-1": "536382113932",
        "mx-central-1": "311141559934",
        "sa-east-1": "758426053663",
        "us-east-1": "593207742271",
        "us-east-2": "307168627858",
        "us-west-1": "684579721401",
        "us-west-2": "733349766148",
    }
)
"""AWS's account behind the repository of GuardDuty's Fargate agent, by region (GuardDuty's user guide). Elsewhere the agent is not offered."""


def guardduty_agent(region: str, partition: str = "aws") -> str | None:
    """ARN of the repository from which ECS pulls the agent that GuardDuty puts beside a Fargate task; None where it offers none.

    The task's execution role pulls it, so the role must be allowed to; otherwise the task runs without its agent, unwatched.
    """
    owner = GUARDDUTY_AGENT_ACCOUNTS.get(region)
    return f"arn:{partition}:ecr:{region}:{owner}:repository/aws-guardduty-agent-fargate" if owner else None


def placed(profile: EndpointProfile, zones: Sequence[str], without: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """The interface endpoints of a profile and the zones that each stands in, in the order of their names.

    Args:
        profile: The cost profile.
        zones: Letters of the zones, in order.
        without: What AWS does not offer: a service (`aps-workspaces`) or a service in one zone (`aps-workspaces/c`). In such a zone the
            private name leads to the endpoint of another zone. A service left out of every zone has no endpoint at all.
    """
    found = {service: tuple(zone for zone in zones if f"{service}/{zone}" not in without) for service in INTERFACES[profile]}
    return {service: where for service, where in found.items() if where and service not in without}


def _by_nat(profile: EndpointProfile, without: Collection[str]) -> list[str]:
    return [service for service in sorted(FULL) if service not in INTERFACES[profile] or service in without]


def through_nat(profile: EndpointProfile, without: Collection[str] = ()) -> frozenset[Role]:
    """The roles that reach one of their APIs (`CALLS`) through the NAT alone."""
    missing = _by_nat(profile, without)
    return frozenset(role for role, services in CALLS.items() if any(service in missing for service in services))


def apis_through_nat(profile: EndpointProfile, region: str, *, account: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Host names of the AWS APIs that have no endpoint under this profile, so that the egress firewall must let them out, sorted.

    ECR's registry is named with our account: the firewall opens no way to a foreign registry.
    """
    hosts = [_HOST.get(service, service).format(account=account) for service in _by_nat(profile, without)]
    return tuple(sorted(f"{host}.{region}.amazonaws.com" for host in hosts))


def _own(action: str, account: str) -> dict[str, Any]:
    return {
        "Sid": "OwnPrincipalsOwnResources",
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:PrincipalAccount": account},
            # Calls that name no resource carry no such key (sts:GetCallerIdentity, ecr:GetAuthorizationToken).
            "StringEqualsIfExists": {"aws:ResourceAccount": account},
        },
    }


def _aws_resources(sid: str, actions: list[str], resources: list[str], account: str) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": {"StringEquals": {"aws:PrincipalAccount": account}},
    }


def _guardduty(account: str) -> list[dict[str, Any]]:
    """The form that GuardDuty's guide gives for its agent's endpoint: the telemetry goes to a resource of AWS's, so only callers are named."""
    every = {"Principal": "*", "Action": "*", "Resource": "*"}
    return [
        {"Sid": "OwnPrincipals", "Effect": "Allow", **every, "Condition": {"StringEquals": {"aws:PrincipalAccount": account}}},
        {"Sid": "NobodyElse", "Effect": "Deny", **every, "Condition": {"StringNotEquals": {"aws:PrincipalAccount": account}}},
    ]


def s3_objects_of_aws(region: str, partition: str = "aws") -> list[str]:
    """Objects in AWS's own buckets that tasks and nodes read through the S3 gateway, where their requests land even if a NAT exists."""
    buckets = (
        f"prod-{region}-starport-layer-bucket",  # image layers of ECR
        f"al2023-repos-{region}-de612dc2",  # packages of Amazon Linux 2023
        f"amazon-ssm-{region}",  # the SSM agent's updates
        # Packages that Systems Manager installs, GuardDuty's agent for nodes among them, and what its documents bring along.
        f"aws-ssm-{region}",
        f"aws-ssm-distributor-file-{region}",
        f"aws-ssm-document-attachments-{region}",
        f"{region}-birdwatcher-prod",
        f"patch-baseline-snapshot-{region}",  # Patch Manager's baselines
    )
    return [f"arn:{partition}:s3:::{bucket}/*" for bucket in buckets]


def endpoint_policy(service: str, *, account: str, region: str, partition: str = "aws") -> dict[str, Any]:
    """The policy of the endpoint of `service`.

    Raises:
        ValueError: No profile has an endpoint of that service.
    """
    if service not in (*FULL, *GATEWAYS):
        raise ValueError(f"no endpoint policy for {service!r}: known are {', '.join(sorted((*FULL, *GATEWAYS)))}")
    if service == "guardduty-data":
        return {"Version": "2012-10-17", "Statement": _guardduty(account)}
    statements = [_own(f"{_PREFIX.get(service, service)}:*", account)]
    if service == "s3":
        # Presigned by AWS's own accounts or anonymous, so the caller's account is no condition here.
        statements.append(
            {
                "Sid": "ObjectsOfAws",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": s3_objects_of_aws(region, partition),
            }
        )
    elif service in ("ecr.api", "ecr.dkr") and (agent := guardduty_agent(region, partition)):
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        statements.append(_aws_resources("GuardDutyAgent", pull, [agent], account))
    elif service == "ssm":
        read = ["ssm:DescribeDocument", "ssm:GetDocument", "ssm:GetParameter", "ssm:GetParameters"]
        public = [f"arn:{partition}:ssm:{region}::{kind}" for kind in ("document/*", "parameter/aws/*")]
        statements.append(_aws_resources("DocumentsOfAws", read, public, account))
    return {"Version": "2012-10-17", "Statement": statements}
