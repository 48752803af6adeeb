"""A Lambda function as every component of ours makes one: its own role, its own log, its code by content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackagePath, files
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.component import Component
from infra.components.logs import log_group
from infra.plan.iam import trust

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "lambdas"
SHARED = "nautilus/runtime"
NAME_LIMIT = 64
"""Characters of a function's name, and of a role's (Lambda, IAM)."""


@cache
def library_files(distribution: str) -> Mapping[str, Path]:
    """The Python files of an installed pure-Python distribution, by their place in the archive.

    Raises:
        ValueError: It has compiled parts, which would run on this machine's architecture alone.
    """
    found: dict[str, Path] = {}
    for file in files(distribution) or ():
        if file.suffix in {".so", ".pyd"}:
            raise ValueError(f"{distribution} has compiled parts ({file}); a Lambda function takes pure Python only")
        # Some ask for their own version when they are imported, and it stands in METADATA.
        if (file.suffix == ".py" or file.name == "METADATA") and ".." not in file.parts:
            found[file.as_posix()] = Path(str(file.locate()))
    return found


@cache
def _installed(distribution: str) -> Mapping[str, PackagePath]:
    """Every file of a distribution by its place: reading the list of `tzdata` anew for each zone costs more than all other archives."""
    return {file.as_posix(): file for file in files(distribution) or ()}


@cache
def data_file(distribution: str, place: str) -> Path:
    """One file of an installed distribution, by its place in the archive: `tzdata/zoneinfo/Europe/London` of `tzdata`.

    Raises:
        ValueError: It has no such file, or an empty one, which the engine does not take.
    """
    file = _installed(distribution).get(place)
    if file is not None and (path := Path(str(file.locate()))).stat().st_size:
        return path
    raise ValueError(f"{distribution} has no file {place} with anything in it")


def source_archive(
    folder: Path, libraries: Sequence[str] = (), shared: Sequence[str] = (), data: Mapping[str, Sequence[str]] | None = None
) -> pulumi.AssetArchive:
    """The Python files of `folder`, those of `libraries`, modules of `nautilus.runtime`, and single files of distributions, by content.

    No compiled leftover and no checkout's place can change the plan. Libraries are pinned by uv.lock. They go in as files, because text
    would stand in the state, function by function.
    """
    found: dict[str, pulumi.Asset | pulumi.Archive] = {
        place: pulumi.FileAsset(path) for library in libraries for place, path in sorted(library_files(library).items())
    }
    found |= {
        place: pulumi.FileAsset(data_file(library, place)) for library, places in sorted((data or {}).items()) for place in sorted(places)
    }
    found |= {file.name: pulumi.StringAsset(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))}
    if shared:
        # `nautilus` itself needs no file there, and the engine takes no empty one.
        places = [f"{SHARED}/{module}.py" for module in ("__init__", *sorted(shared))]
        found |= {place: pulumi.StringAsset((ROOT / place).read_text(encoding="utf-8")) for place in places}
    return pulumi.AssetArchive(found)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in the VPC a function stands. Without one it runs outside, and reaches public addresses alone."""

    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets with a way to the AWS APIs that the function calls."""
    group_id: pulumi.Input[str]


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
    variables: Mapping[str, pulumi.Input[str]] | None = None
    """Environment; nothing secret."""
    memory_mb: int = 256
    libraries: tuple[str, ...] = ()
    """Installed pure-Python distributions that the runtime lacks, each by name: nothing that they need in turn comes along."""
    shared: tuple[str, ...] = ()
    """Modules of `nautilus.runtime`, which the code imports under that name."""
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Single files of installed distributions, by the distribution: what of a large one is needed."""


def lambda_function(
    owner: Component,
    code: Code,
    *,
    permissions: Callable[[str], pulumi.Input[str]],
    log_key_arn: pulumi.Input[str],
    placement: Placement | None = None,
) -> aws.lambda_.Function:
    """Make a function named after `owner`: the function, an encrypted `cloudwatch.LogGroup`, and an `iam.Role` for this function alone.

    Args:
        owner: The component that it belongs to; one function a component.
        code: What runs.
        permissions: The role's policy, as JSON, from the ARN of the log group.
        log_key_arn: KMS key of the log.
        placement: Its place in the VPC, if it needs one; the role may then make and remove network interfaces.
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
    needs: list[pulumi.Resource] = [log, allowed]
    if placement is not None:
        needs.append(
            aws.iam.RolePolicyAttachment(
                f"{name}-interfaces",
                role=role.name,
                policy_arn=f"arn:{owner.ctx.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
                opts=owner.child(),
            )
        )
    return aws.lambda_.Function(
        f"{name}-function",
        name=physical,
        description=code.description,
        role=role.arn,
        runtime="python3.13",
        architectures=["arm64"],
        handler="handler.handler",
        code=source_archive(LAMBDAS / code.folder, code.libraries, code.shared, code.data),
        timeout=code.seconds,
        memory_size=code.memory_mb,
        environment={"variables": dict(code.variables)} if code.variables else None,
        tracing_config={"mode": "Active"},
        vpc_config={"subnet_ids": list(placement.subnet_ids), "security_group_ids": [placement.group_id]} if placement else None,
        logging_config={"log_format": "JSON", "log_group": log.name, "application_log_level": "INFO", "system_log_level": "WARN"},
        opts=owner.child(depends_on=needs),
    )
