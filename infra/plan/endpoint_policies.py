"""VPC endpoints: which ones a profile has, and who may reach what through them. Pure.

A policy admits principals of our account to resources of our account, so that a foreign credential cannot carry data out through our
endpoints. AWS's own resources, which live in AWS's accounts, are the exceptions: without them tasks cannot pull an image.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from infra.settings.foundation import EndpointProfile

ESSENTIAL = ("ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager")
"""What a Fargate task needs to start without a way out (with S3 through the gateway)."""

FULL = (*ESSENTIAL, "ec2", "monitoring", "ssm", "ssmmessages", "sts")
"""And what else tasks and TimescaleDB nodes call: shell access (ECS Exec, Session Manager), metrics, volumes and interfaces, roles."""

INTERFACES = MappingProxyType(
    {EndpointProfile.FULL: tuple(sorted(FULL)), EndpointProfile.ESSENTIAL: tuple(sorted(ESSENTIAL)), EndpointProfile.NONE: ()}
)
"""Services of the interface endpoints of a profile, as the last part of `com.amazonaws.<region>.<service>`."""

GATEWAYS = ("dynamodb", "s3")
"""Services of the gateway endpoints, which cost nothing and so exist with every profile."""

_PREFIX = {"ecr.api": "ecr", "ecr.dkr": "ecr", "monitoring": "cloudwatch"}
"""IAM prefix of a service where its endpoint is called otherwise."""


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


def s3_objects_of_aws(region: str, partition: str = "aws") -> list[str]:
    """Objects in AWS's own buckets that tasks and nodes read through the S3 gateway, where their requests land even if a NAT exists."""
    buckets = (
        f"prod-{region}-starport-layer-bucket",  # image layers of ECR
        f"al2023-repos-{region}-de612dc2",  # packages of Amazon Linux 2023
        f"amazon-ssm-{region}",  # the SSM agent's updates
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
    elif service in ("ecr.api", "ecr.dkr"):
        agent = f"arn:{partition}:ecr:{region}:*:repository/aws-guardduty-agent-fargate"
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        statements.append(_aws_resources("GuardDutyAgent", pull, [agent], account))
    elif service == "ssm":
        read = ["ssm:DescribeDocument", "ssm:GetDocument", "ssm:GetParameter", "ssm:GetParameters"]
        public = [f"arn:{partition}:ssm:{region}::{kind}" for kind in ("document/*", "parameter/aws/*")]
        statements.append(_aws_resources("DocumentsOfAws", read, public, account))
    return {"Version": "2012-10-17", "Statement": statements}
