"""What must stand in an AWS account before the first `pulumi up` of a stack: made by steps that can be run again at any time."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

from nautilus.ops.bootstrap_account import SERVICE_LINKED_ROLES, Needs, ServiceLinkedRole, quotas
from nautilus.ops.bootstrap_ci import DEPLOY_SECONDS, CiRole, CiScope, OidcProvider, deploy_policy, preview_policy
from nautilus.ops.bootstrap_state import KmsKey, StateBucket
from nautilus.ops.steps import Step

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:@\d{1,20})?/[A-Za-z0-9._-]{1,100}(?:@\d{1,20})?")
"""`OWNER/NAME`, or `OWNER@id/NAME@id`: the subject of repositories that were created, renamed or moved since July 2026 carries the numbers."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is bootstrapped.

    `project` is the first part of physical names; `repository` is `OWNER/NAME` on GitHub, None for no CI roles; `branch` is the one whose
    workflows may preview beside pull requests.

    Raises ValueError when the repository is not of that form.
    """

    stack: str
    project: str
    account: str
    region: str
    needs: Needs
    repository: str | None = None
    branch: str = "main"
    partition: str = "aws"

    def __post_init__(self) -> None:
        if self.repository is not None and not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f"{self.repository!r} is not a GitHub repository of the form OWNER/NAME or OWNER@id/NAME@id")

    @property
    def bucket(self) -> str:
        """The state bucket: one an account and region, for all stacks of the project in it.

        A project has at most 12 characters, so S3's 63 are never exceeded.
        """
        return f"{self.project}-pulumi-state-{self.account}-{self.region}"

    @property
    def state_alias(self) -> str:
        """Alias of the key that encrypts the state bucket."""
        return f"alias/{self.project}-pulumi-state"

    @property
    def secrets_alias(self) -> str:
        """Alias of the key that encrypts this stack's secrets: one a stack, so that who deploys staging cannot read production's."""
        return f"alias/{self.project}-{self.stack}-pulumi-secrets"

    @property
    def prefix(self) -> str:
        """First part of the stack's physical names."""
        return f"{self.project}-{self.stack}"

    @property
    def role_prefix(self) -> str:
        """First part of the CI roles' names. Not `prefix`, which the deploy role may manage."""
        return f"{self.project}-ci-{self.stack}"

    def tags(self) -> dict[str, str]:
        """Tags of what bootstrap makes."""
        return {"Project": self.project, "ManagedBy": "nautilus-bootstrap"}

    def login(self) -> str:
        """The command that points Pulumi at the bucket."""
        return shlex.join(["pulumi", "login", f"s3://{self.bucket}?region={self.region}"])

    def secrets_provider(self) -> str:
        """The secrets provider's URL."""
        return f"awskms://{self.secrets_alias}?region={self.region}"

    def commands(self) -> list[str]:
        """The commands that a person runs next, exactly."""
        return [
            self.login(),
            shlex.join(["pulumi", "stack", "init", self.stack, "--secrets-provider", self.secrets_provider()]),
            shlex.join(["nautilus", "up", "--stack", self.stack]),
            shlex.join(["nautilus", "doctor", "--stack", self.stack]),
        ]


def state_steps(session: Any, target: Target) -> tuple[KmsKey, KmsKey, StateBucket]:
    """The two keys and the bucket."""
    kms = session.client("kms")

    def key(alias: str, description: str, name: str, title: str) -> KmsKey:
        return KmsKey(kms, alias, description, target.partition, target.account, target.tags(), name, title)

    state = key(target.state_alias, f"Pulumi state of {target.project}", "state-key", "KMS key of the state bucket")
    secrets = key(
        target.secrets_alias, f"Pulumi secrets of {target.project} {target.stack}", "secrets-key", f"KMS secrets provider of {target.stack}"
    )
    bucket = StateBucket(session.client("s3"), target.bucket, target.region, target.partition, target.account, state, target.tags())
    return state, secrets, bucket


class _LateRole:
    """A CI role whose policy names keys that an earlier step of the same run makes."""

    def __init__(self, session: Any, target: Target, provider: OidcProvider, keys: tuple[KmsKey, ...], *, deploys: bool) -> None:
        self._session, self._target, self._provider, self._keys, self._deploys = session, target, provider, keys, deploys
        self.name = "ci-deploy-role" if deploys else "ci-preview-role"
        self.title = "role of CI that deploys" if deploys else "role of CI that previews (reads only)"

    def _role(self) -> CiRole:
        target = self._target
        # In a dry run the keys may not exist yet; the aliases then stand in for them, in a policy that is never written.
        arns = tuple(key.key_id() or key.alias for key in self._keys)
        scope = CiScope(target.partition, target.account, target.region, target.bucket, arns, target.prefix, target.role_prefix)
        repository = f"repo:{target.repository}"
        if self._deploys:
            subjects, managed, policy, seconds = (
                [f"{repository}:environment:{target.stack}"],
                "PowerUserAccess",
                deploy_policy(scope),
                DEPLOY_SECONDS,
            )
        else:
            subjects, managed, policy, seconds = (
                [f"{repository}:pull_request", f"{repository}:ref:refs/heads/{target.branch}"],
                "ReadOnlyAccess",
                preview_policy(scope),
                3600,
            )
        kind = "deploy" if self._deploys else "preview"
        return CiRole(
            self._session.client("iam"),
            f"{target.role_prefix}-{kind}",
            f"GitHub Actions of {target.repository}: {kind} {target.stack}",
            self._provider,
            subjects,
            f"arn:{target.partition}:iam::aws:policy/{managed}",
            policy,
            self.name,
            self.title,
            target.tags(),
            seconds,
        )

    def check(self) -> Any:
        """See CiRole."""
        return self._role().check()

    def apply(self) -> str:
        """See CiRole."""
        return self._role().apply()


def steps(session: Any, target: Target) -> list[Step]:
    """All steps of a bootstrap, in their order: keys, bucket, CI, service-linked roles, quotas."""
    state, secrets, bucket = state_steps(session, target)
    found: list[Step] = [state, secrets, bucket]
    iam = session.client("iam")
    if target.repository is not None:
        provider = OidcProvider(iam, target.partition, target.account)
        found += [provider, *(_LateRole(session, target, provider, (state, secrets), deploys=deploys) for deploys in (False, True))]
    found += [ServiceLinkedRole(iam, service) for service in SERVICE_LINKED_ROLES]
    found += quotas(session, target.needs, target.prefix)
    return found
