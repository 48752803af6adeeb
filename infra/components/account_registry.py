"""What an account's image registry does, whatever the number of platforms in it: a part of the `account` stack.

A registry is one for each account and region: its way of scanning, its cache of public images, what becomes of repositories that ECR makes by
itself, and whom it never serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.registry import LIFECYCLE
from infra.plan.iam import canonical, policy, statement, trust
from infra.plan.images import CACHE_LIFECYCLE, UPSTREAMS, registry_policy, scanning_rules
from infra.plan.key_policies import DataClass, Place, key_policy
from infra.settings.foundation import Environment
from infra.settings.registry import AccountRegistry as Settings
from infra.settings.registry import Scanning

MOST_FILTERS = 100
"""Repository filters that ECR takes in one rule of a registry's replication."""
WINDOW_DAYS = 30
"""Days before a deleted key is gone for good: AWS's longest (KMS-03)."""


def creation_policy(*, key_arns: Sequence[str], repositories: Sequence[str]) -> str:
    """What ECR may do when it makes a repository by itself: make and tag one of these, copy into it, and put it under these keys."""
    return policy(
        statement(["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"], repositories, sid="MakeRepositories"),
        statement(["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], key_arns, sid="EncryptRepositories"),
    )


class AccountRegistry(Component):
    """`nautilus:account-registry`: the registry of images in both regions.

    Makes, in each region: an `ecr.RegistryScanningConfiguration`, an `ecr.AccountSetting` for the scanner, an `ecr.RegistryPolicy`
    that lets no other account copy into it, and a `kms.Key` for repositories that ECR makes by itself. At home: the
    `ecr.PullThroughCacheRule` of each public registry of `infra.plan.images.UPSTREAMS`, with an `ecr.RepositoryCreationTemplate`, so that the
    copies have immutable tags and our key. In the second region: a template for each stack whose images are copied there, for the repository
    that nobody made beforehand; without one ECR makes it with tags that can be moved and without our key.
    Sources: issue 6 item 5; NRC-039, DTO-057; FSBP ECR.1, ECR.2, ECR.5.
    """

    token: ClassVar[str] = "account-registry"

    def __init__(self, name: str, ctx: Context, *, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Set the registry up.

        Args:
            name: Logical name.
            ctx: The `account` stack; its project is the platforms' project.
            settings: The section `registry` of the `account` stack.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        self._settings = settings
        keys = {region: self._in_region(region) for region in (ctx.region, ctx.dr_region)}
        prefixes = {self._prefix(one): ctx.dr_region for one in settings.replicated}
        cached = [f"{upstream}/*" for upstream in sorted(UPSTREAMS)] if settings.pull_through_cache else []
        repositories = [
            *(ctx.arn("ecr", f"repository/{prefix}/*", region=region) for prefix, region in prefixes.items()),
            *(ctx.arn("ecr", f"repository/{prefix}") for prefix in cached),
        ]
        role = aws.iam.Role(
            f"{name}-create-role",
            name=ctx.names("repositories", limit=64),
            description="With which ECR makes repositories by itself: of the cache, and of copies in the second region",
            assume_role_policy=trust("ecr.amazonaws.com"),
            opts=self.child(),
        )
        allowed = aws.iam.RolePolicy(
            f"{name}-create-policy",
            name="create",
            role=role.name,
            policy=pulumi.Output.all(*(key.arn for key in keys.values())).apply(
                lambda arns: creation_policy(key_arns=arns, repositories=repositories)
            ),
            opts=self.child(),
        )

        def template(part: str, prefix: str, applied: str, lifecycle: str, words: str, region: str) -> aws.ecr.RepositoryCreationTemplate:
            return aws.ecr.RepositoryCreationTemplate(
                f"{name}-{part}",
                prefix=prefix,
                description=words,
                applied_fors=[applied],
                image_tag_mutability="IMMUTABLE",
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": keys[region].arn}],
                lifecycle_policy=lifecycle,
                custom_role_arn=role.arn,
                region=self._elsewhere(region),
                opts=self.child(depends_on=[allowed]),
            )

        for prefix, region in prefixes.items():
            template(f"replica-{prefix}", prefix, "REPLICATION", LIFECYCLE, "Copies of a stack's images", region)
        if settings.pull_through_cache:
            for prefix, upstream in sorted(UPSTREAMS.items()):
                made = template(f"cache-{prefix}", prefix, "PULL_THROUGH_CACHE", CACHE_LIFECYCLE, f"Copies from {upstream.url}", ctx.region)
                aws.ecr.PullThroughCacheRule(
                    f"{name}-{prefix}",
                    ecr_repository_prefix=prefix,
                    upstream_registry_url=upstream.url,
                    # The first pull makes the repository: the template must be there to say how.
                    opts=self.child(depends_on=[made]),
                )
        self.register_outputs({"roleArn": role.arn})

    def _prefix(self, environment: Environment) -> str:
        return f"{self.ctx.names.project}-{environment.value}"

    def _elsewhere(self, region: str) -> str | None:
        return None if region == self.ctx.region else region

    def _in_region(self, region: str) -> aws.kms.Key:
        """What every region's registry has; its key."""
        ctx, settings, elsewhere = self.ctx, self._settings, self._elsewhere(region)
        name = self.logical if elsewhere is None else f"{self.logical}-dr"
        # ECR's own scan, not the Clair of its first years, whose database stands still.
        aws.ecr.AccountSetting(
            f"{name}-basic-scan", name="BASIC_SCAN_TYPE_VERSION", value="AWS_NATIVE", region=elsewhere, opts=self.child()
        )
        aws.ecr.RegistryScanningConfiguration(
            f"{name}-scanning",
            scan_type="ENHANCED" if settings.scanning is Scanning.ENHANCED else "BASIC",
            rules=[
                {
                    "scan_frequency": frequency,
                    "repository_filters": [{"filter": pattern, "filter_type": "WILDCARD"} for pattern in patterns],
                }
                for frequency, patterns in scanning_rules(
                    enhanced=settings.scanning is Scanning.ENHANCED, continuous=[self._prefix(one) for one in settings.continuous]
                ).items()
            ],
            region=elsewhere,
            opts=self.child(),
        )
        aws.ecr.RegistryPolicy(
            f"{name}-policy",
            policy=registry_policy(account_id=ctx.account_id, region=region, partition=ctx.partition),
            region=elsewhere,
            opts=self.child(),
        )
        document = key_policy(DataClass.REGISTRY, Place(account=ctx.account_id, region=region, partition=ctx.partition))
        key = aws.kms.Key(
            f"{name}-key",
            description=f"{ctx.names.prefix}: images in repositories that ECR makes by itself",
            deletion_window_in_days=WINDOW_DAYS,
            enable_key_rotation=True,
            policy=canonical(document),
            region=elsewhere,
            tags={"Name": ctx.names(DataClass.REGISTRY.value)},
            opts=self.stateful(),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=f"alias/{ctx.names(DataClass.REGISTRY.value)}",
            target_key_id=key.key_id,
            region=elsewhere,
            opts=self.child(delete_before_replace=True),
        )
        return key


class ImageReplication(Component):
    """`nautilus:image-replication`: every push is copied into the second region. Of the `account` stack: a registry has one configuration.

    Makes: an `ecr.ReplicationConfiguration` with a rule for the repositories whose names start with one of `prefixes`. ECR copies what is
    pushed from then on, within half an hour as a rule, and never what was pushed before. Sources: NRC-039, PFC-151.

    Raises:
        ValueError: No prefix, or more than 100 of them (ECR's filters in a rule); without a filter every repository would be copied.
    """

    token: ClassVar[str] = "image-replication"

    def __init__(self, name: str, ctx: Context, *, prefixes: Sequence[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, ctx, opts)
        wanted = sorted(set(prefixes))
        if not 1 <= len(wanted) <= MOST_FILTERS:
            raise ValueError(f"image replication: {len(wanted)} prefixes (accepted: 1 to {MOST_FILTERS})")
        aws.ecr.ReplicationConfiguration(
            name,
            replication_configuration={
                "rules": [
                    {
                        "destinations": [{"region": ctx.dr_region, "registry_id": ctx.account_id}],
                        "repository_filters": [{"filter": prefix, "filter_type": "PREFIX_MATCH"} for prefix in wanted],
                    }
                ]
            },
            opts=self.child(),
        )
        self.register_outputs({"prefixes": wanted})
