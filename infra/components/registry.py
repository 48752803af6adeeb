"""Container images: one ECR repository for each service."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.iam import canonical

REPOSITORIES = ("backend", "engine", "etcd", "frontend", "ib-gateway", "timescale")
"""The platform's images."""
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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make a repository `<project>-<environment>/<name>` for each name.

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
