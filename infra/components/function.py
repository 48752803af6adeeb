"""A Lambda function as every component of ours makes one: its own role, its own log, its code by content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.component import Component
from infra.components.logs import log_group
from infra.plan.iam import trust

LAMBDAS = Path(__file__).resolve().parents[2] / "lambdas"
NAME_LIMIT = 64
"""Characters of a function's name, and of a role's (Lambda, IAM)."""


def source_archive(folder: Path) -> pulumi.AssetArchive:
    """The Python files of `folder` by content: neither compiled leftovers nor the checkout's place can change the plan."""
    return pulumi.AssetArchive({file.name: pulumi.StringAsset(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))})


@dataclass(frozen=True, kw_only=True)
class Code:
    """What runs, and within which bounds."""

    folder: str
    """Its folder in lambdas/, with a `handler.py` whose `handler` is called."""
    description: str
    seconds: int
    """Time-out, 1 to 900 seconds (Lambda)."""
    purpose: str
    """Description of its role: what the role is for."""
    variables: Mapping[str, str] | None = None
    """Environment; nothing secret."""
    memory_mb: int = 256


def lambda_function(
    owner: Component, code: Code, *, permissions: Callable[[str], str], log_key_arn: pulumi.Input[str]
) -> aws.lambda_.Function:
    """Make a function named after `owner`: the function, an encrypted `cloudwatch.LogGroup`, and an `iam.Role` for this function alone.

    Args:
        owner: The component that it belongs to; one function a component.
        code: What runs.
        permissions: The role's policy, as JSON, from the ARN of the log group.
        log_key_arn: KMS key of the log.
    """
    name, names = owner.logical, owner.ctx.names
    physical = names(name, limit=NAME_LIMIT)
    log = log_group(owner, f"{name}-log", path=f"/aws/lambda/{physical}", key_arn=log_key_arn)
    role = aws.iam.Role(
        f"{name}-role",
        name=names(name, "run", limit=NAME_LIMIT),
        description=code.purpose,
        assume_role_policy=trust("lambda.amazonaws.com"),
        opts=owner.child(),
    )
    allowed = aws.iam.RolePolicy(f"{name}-policy", name="run", role=role.name, policy=log.arn.apply(permissions), opts=owner.child())
    return aws.lambda_.Function(
        f"{name}-function",
        name=physical,
        description=code.description,
        role=role.arn,
        runtime="python3.13",
        architectures=["arm64"],
        handler="handler.handler",
        code=source_archive(LAMBDAS / code.folder),
        timeout=code.seconds,
        memory_size=code.memory_mb,
        environment={"variables": dict(code.variables)} if code.variables else None,
        tracing_config={"mode": "Active"},
        logging_config={"log_format": "JSON", "log_group": log.name, "application_log_level": "INFO", "system_log_level": "WARN"},
        opts=owner.child(depends_on=[log, allowed]),
    )
