"""Names of images: our own repositories, and public images through the registry's cache. Pure.

A public image is never pulled from its publisher: ECR's pull-through cache keeps a copy in our registry, encrypted, scanned and within the
VPC's endpoints. The cache is registry-wide, so that the `account` stack makes it (`infra.components.account_registry`); every platform names
images in it with `upstream_image`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from infra.plan.iam import Json, canonical, policy, statement

if TYPE_CHECKING:
    from infra.settings.root import Settings

REPOSITORIES = ("backend", "engine", "etcd", "frontend", "ib-gateway", "timescale", "watchdog")
"""The platform's own images. Migrations run the backend's."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REPOSITORY = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""A repository's name as ECR takes it (ECR API, CreateRepository)."""
LONGEST_REPOSITORY = 256
"""Characters of a repository's name, its prefix included (ECR API)."""


@dataclass(frozen=True)
class Named:
    """An image that the settings name, or ought to."""

    setting: str
    """The settings path of its digest."""
    digest: str | None


def named(settings: Settings) -> dict[str, Named]:
    """Every image that a stack of these settings runs, by its repository, sorted."""
    services, timescale = settings.services, settings.timescale
    engine, gateway = services.engine.enabled, services.ib_gateway.enabled
    found = (
        ("backend", True, "services.backend.imageDigest", services.backend.image_digest),
        ("engine", engine, "services.engine.imageDigest", services.engine.image_digest),
        ("etcd", timescale.enabled, "timescale.etcdImageDigest", timescale.etcd_image_digest),
        ("frontend", True, "services.frontend.imageDigest", services.frontend.image_digest),
        ("ib-gateway", gateway, "services.ibGateway.imageDigest", services.ib_gateway.image_digest),
        ("timescale", timescale.enabled, "timescale.imageDigest", timescale.image_digest),
        # Beside the engine and the gateway, in their tasks.
        ("watchdog", engine or gateway, "services.watchdog.imageDigest", services.watchdog.image_digest),
    )
    return {repository: Named(setting, digest) for repository, runs, setting, digest in found if runs}


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A public registry that the cache copies from."""

    prefix: str
    """First part of the copies' names in our registry, 2 to 30 characters (ECR API, CreatePullThroughCacheRule)."""
    url: str
    """The registry's host name."""
    why: str


UPSTREAMS = MappingProxyType(
    {
        upstream.prefix: upstream
        for upstream in (
            Upstream(
                prefix="ecr-public",
                url="public.ecr.aws",
                why="AWS's own sidecars (FireLens, OpenTelemetry) and base images; the one large public registry that asks for no login",
            ),
        )
    }
)
"""Public registries by prefix. Docker Hub, GitHub and GitLab need a credential in Secrets Manager, so none of them is here."""


def _checked(repository: str, upstream: str) -> Upstream:
    if upstream not in UPSTREAMS:
        raise ValueError(f"no cache of {upstream!r}: known are {', '.join(sorted(UPSTREAMS))}")
    found = UPSTREAMS[upstream]
    if not REPOSITORY.fullmatch(repository) or len(f"{found.prefix}/{repository}") > LONGEST_REPOSITORY:
        raise ValueError(f"{repository!r} is no name of a repository: lower-case words joined by . _ - and /, at most 256 characters")
    return found


def upstream_repository(upstream: str, repository: str) -> str:
    """The repository in our registry that holds the copy: `ecr-public/aws-observability/aws-for-fluent-bit`.

    Raises:
        ValueError: `upstream` is not one of `UPSTREAMS`, or `repository` is not a repository's name.
    """
    return f"{_checked(repository, upstream).prefix}/{repository}"


def upstream_image(account_id: str, region: str, dns_suffix: str, upstream: str, repository: str, digest: str) -> str:
    """The image `digest` of a public repository, as our registry's cache names it.

    Args:
        account_id: The account whose registry it is, 12 digits.
        region: The registry's region.
        dns_suffix: `amazonaws.com`, or the partition's own.
        upstream: Prefix of the public registry: `ecr-public`.
        repository: The repository there, such as `aws-observability/aws-for-fluent-bit`.
        digest: `sha256:` and 64 hexadecimal digits; a tag could be moved by its publisher.

    Raises:
        ValueError: An unknown registry, or something that is not a repository's name or a digest.
    """
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest: sha256: and 64 hexadecimal digits")
    return f"{account_id}.dkr.ecr.{region}.{dns_suffix}/{upstream_repository(upstream, repository)}@{digest}"


CACHED = 50
CACHE_LIFECYCLE = canonical(
    {
        "rules": [
            {
                "rulePriority": 1,
                # By number, not by age and not by tag: what is pulled by digest has no tag, and what still runs may be old.
                "description": f"the last {CACHED} copies stay",
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": CACHED},
                "action": {"type": "expire"},
            }
        ]
    }
)
"""What ECR removes from a repository of the cache by itself."""


def scanning_rules(*, enhanced: bool, continuous: Sequence[str]) -> dict[str, list[str]]:
    """What is scanned how often: patterns of repositories by frequency, in the order of the frequencies' names.

    Args:
        enhanced: Whether Amazon Inspector scans; ECR's own scan knows pushes alone.
        continuous: Prefixes of repositories that Inspector looks at again with every new vulnerability.
    """
    rules = {"SCAN_ON_PUSH": ["*"]}
    if enhanced and continuous:
        rules["CONTINUOUS_SCAN"] = sorted(f"{prefix}/*" for prefix in set(continuous))
    return dict(sorted(rules.items()))


def registry_policy(*, account_id: str, region: str, partition: str = "aws") -> str:
    """No other account copies images into this registry or has it make a repository, whatever somebody else allows it.

    Calls of AWS's services for themselves name no account; they are not meant, and the condition on its presence leaves them alone.
    """
    return policy(
        statement(
            ["ecr:CreateRepository", "ecr:ReplicateImage"],
            [f"arn:{partition}:ecr:{region}:{account_id}:repository/*"],
            sid="RefuseOtherAccounts",
            effect="Deny",
            principal={"AWS": ["*"]},
            conditions={"StringNotEquals": {"aws:PrincipalAccount": account_id}, "Null": {"aws:PrincipalAccount": "false"}},
        )
    )


def findings_pattern(prefix: str) -> dict[str, str]:
    """Event patterns of a critical finding in a stack's repositories, by which scan says so: ECR's own, or Amazon Inspector.

    Args:
        prefix: What the repositories' names start with, such as `nautilus-prod/`.
    """
    names = [{"prefix": prefix}]
    basic = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Scan"],
        "detail": {"repository-name": names, "finding-severity-counts": {"CRITICAL": [{"numeric": [">", 0]}]}},
    }
    enhanced = {
        "source": ["aws.inspector2"],
        "detail-type": ["Inspector2 Finding"],
        "detail": {
            "severity": ["CRITICAL"],
            "status": ["ACTIVE"],
            "resources": {"type": ["AWS_ECR_CONTAINER_IMAGE"], "details": {"awsEcrContainerImage": {"repositoryName": names}}},
        },
    }
    return {"enhanced": canonical(enhanced), "scan": canonical(basic)}


def push_statements(*, repository_arns: Sequence[str], profile_arn: str | None) -> list[Json]:
    """What a pipeline needs to push images, to read what a scan says of them, and to have ECR sign them.

    ECR signs with the identity of whoever pushes (ECR user guide, managed signing), so the pusher needs `signer:SignPayload` on the profile.
    """
    found = [
        statement(["ecr:GetAuthorizationToken"], ["*"], sid="RegistryLogin"),
        statement(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImageScanFindings",
                "ecr:DescribeImageSigningStatus",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:ListImageReferrers",
                "ecr:PutImage",
                "ecr:StartImageScan",
                "ecr:UploadLayerPart",
            ],
            repository_arns,
            sid="PushAndRead",
        ),
    ]
    if profile_arn is not None:
        found.append(statement(["signer:GetSigningProfile", "signer:SignPayload"], [profile_arn], sid="Sign"))
    return found


def push_policy(*, repository_arns: Sequence[str], profile_arn: str | None) -> str:
    """`push_statements` as a whole document."""
    return policy(*push_statements(repository_arns=repository_arns, profile_arn=profile_arn))
