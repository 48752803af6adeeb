"""Container images: one ECR repository for each service."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.events import RULE_LIMIT, tell
from infra.plan.iam import canonical
from infra.plan.images import REPOSITORIES, findings_pattern, push_policy
from infra.settings.registry import Registry as Settings
from infra.settings.registry import Signing

__all__ = ["LIFECYCLE", "REPOSITORIES", "Registry", "ScanWatch"]

NOTATION = "Notation-OCI-SHA384-ECDSA"
"""AWS Signer's platform for container images; its key never leaves it, and it rotates the certificates by itself."""

_KEPT = 30
_UNTAGGED_DAYS = 14

LIFECYCLE = canonical(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"layers of unfinished pushes go after {_UNTAGGED_DAYS} days",
                "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": _UNTAGGED_DAYS},
                "action": {"type": "expire"},
            },
            {
                "rulePriority": 2,
                "description": f"the last {_KEPT} releases stay, for rollbacks",
                "selection": {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": _KEPT},
                "action": {"type": "expire"},
            },
        ]
    }
)
"""What ECR removes by itself (control ECR.3)."""


class Registry(Component):
    """Private repositories with immutable tags, a scan of every push and our own key (NRC-004, controls ECR.1, ECR.2)."""

    token = "registry"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        repositories: tuple[str, ...],
        key_arn: pulumi.Input[str],
        settings: Settings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make a repository `<project>-<environment>/<name>` for each name, the policy of whoever pushes, and with
        `settings.signing: required` a `signer.SigningProfile`.

        Args:
            name: Logical name.
            ctx: The stack.
            repositories: Names without the prefix.
            key_arn: KMS key of the images.
            settings: The section `registry`; its defaults if it is not given.
            opts: Options of the component.

        Raises:
            ValueError: the same name twice.
        """
        super().__init__(name, ctx, opts)
        if len(set(repositories)) != len(repositories):
            raise ValueError(f"a repository is named twice: {', '.join(repositories)}")
        self.repositories: dict[str, aws.ecr.Repository] = {}
        for repository in repositories:
            made = aws.ecr.Repository(
                f"{name}-{repository}",
                name=f"{ctx.names.prefix}/{repository}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
                force_delete=ctx.unlocked,
                opts=self.stateful(),
            )
            aws.ecr.LifecyclePolicy(f"{name}-{repository}-lifecycle", repository=made.name, policy=LIFECYCLE, opts=self.child())
            self.repositories[repository] = made
        settings = settings or Settings()
        self.signing_profile: aws.signer.SigningProfile | None = None
        if settings.signing is Signing.REQUIRED:
            self.signing_profile = aws.signer.SigningProfile(
                f"{name}-signing",
                # A profile is cancelled, never deleted, and keeps its name for ever (AWS Signer): the next one needs another.
                name_prefix=f"{ctx.names.under('images', limit=37)}_",
                platform_id=NOTATION,
                signature_validity_period={"value": settings.signature_months, "type": "MONTHS"},
                opts=self.child(),
            )
        self.signing_profile_arn: pulumi.Output[str] | None = self.signing_profile.arn if self.signing_profile else None
        """What the gate compares signatures with; None where none is asked for."""
        arns = [made.arn for made in self.repositories.values()]
        self.push_policy = aws.iam.Policy(
            f"{name}-push",
            name=ctx.names("push-images", limit=128),
            description="For the pipeline: push images, read their scans, and have them signed",
            policy=pulumi.Output.all(self.signing_profile_arn, *arns).apply(
                lambda known: push_policy(repository_arns=known[1:], profile_arn=known[0])
            ),
            opts=self.child(),
        )
        self.register_outputs({"urls": {key: made.repository_url for key, made in self.repositories.items()}})

    def url(self, repository: str) -> pulumi.Output[str]:
        """Where to push and pull, without tag or digest: `<account>.dkr.ecr.<region>.amazonaws.com/<name>`."""
        return self.repositories[repository].repository_url

    def arn(self, repository: str) -> pulumi.Output[str]:
        """The repository's ARN."""
        return self.repositories[repository].arn

    def image(self, repository: str, digest: str) -> pulumi.Output[str]:
        """An image by digest (`sha256:…`)."""
        return pulumi.Output.concat(self.url(repository), "@", digest)


class ScanWatch(Component):
    """`nautilus:scan-watch`: a critical finding in one of the stack's images is announced as soon as a scan has it (DTO-057, DTO-277).

    Makes a `cloudwatch.EventRule` with its `cloudwatch.EventTarget` for ECR's own scan and for Amazon Inspector: which of them scans is the
    account's choice (`registry.scanning` of the `account` stack). The gate before a deployment is another thing: it asks by itself, and
    this watch speaks of images that run already.
    """

    token = "scan-watch"

    rules: dict[str, str]
    """Physical names of the rules, for `infra.plan.alarms.registry_alarms`."""

    def __init__(self, name: str, ctx: Context, *, topic_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Watch.

        Args:
            name: Logical name.
            ctx: The stack.
            topic_arn: Who hears of it; the topic must admit EventBridge.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self.rules = {}
        for key, pattern in findings_pattern(f"{ctx.names.prefix}/").items():
            self.rules[key] = ctx.names(name, key, limit=RULE_LIMIT)
            tell(
                self,
                f"{name}-{key}",
                name=self.rules[key],
                what="A scan found a critical vulnerability in an image. Runbook: docs/runbooks/images.md.",
                pattern=pattern,
                topic_arn=topic_arn,
                target=f"{name}-{key}",
                target_id="topic",
            )
        self.register_outputs({"rules": sorted(self.rules.values())})
