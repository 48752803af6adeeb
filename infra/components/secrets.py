"""Secrets Manager: one secret for each line of the inventory, closed to other accounts, with a replica in the second region."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import ClassVar

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra.component import Component, Context
from infra.plan.flows import Role
from infra.plan.secret_tags import secret_tags
from infra.plan.secrets import SecretKind, SecretSpec, references, value_from

FIRST_STAGES = ("AWSCURRENT", "FIRST")
"""Labels of a first version. FIRST stays with it: by it a rotation knows a value that stands in the stack's state, and Secrets Manager
never removes a version that has a label, so no refresh can find it gone and put it back."""


def foreign_principals_denied(account: str) -> dict[str, object]:
    """The resource policy of every secret: nobody of another account, whatever that account's own policies say (SEC-04).

    AWS's own services are left to IAM, because they carry no account of their own.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyForeignPrincipals",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "secretsmanager:*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:PrincipalAccount": account}, "Bool": {"aws:PrincipalIsAWSService": "false"}},
            }
        ],
    }


class Secrets(Component):
    """`nautilus:secrets`: the secrets of a stack.

    Makes, for each spec: a `secretsmanager.Secret` (stateful) with the secrets' key and a replica in the second region, and a
    `SecretPolicy`; for GENERATED ones a `RandomPassword` and the first `SecretVersion`. FILLED ones stay empty containers, so that no
    broker's or vendor's key ever stands in Pulumi's state (DESIGN.md decision 5). Sources: OTE-034, PFC-064, PFC-068, DTO-028.

    Args:
        specs: What exists: `infra.plan.secrets.inventory`.
        key_arn: KMS key of SECRETS in the home region.
        dr_key_arn: KMS key of SECRETS in the second region.
        recovery_days: Days in which a deleted secret can be restored, 7 to 30. An unlocked stack deletes at once, because AWS keeps
            the name blocked for as long as a secret can be restored.

    Raises:
        ValueError: Two specs share a name, or `recovery_days` is out of bounds.
    """

    token: ClassVar[str] = "secrets"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        specs: Iterable[SecretSpec],
        key_arn: pulumi.Input[str],
        dr_key_arn: pulumi.Input[str],
        recovery_days: int = 30,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        if not 7 <= recovery_days <= 30:
            raise ValueError(f"recovery of secrets: {recovery_days} days (accepted: 7 to 30)")
        self.replica_key_arn = dr_key_arn
        """KMS key of the copies in the second region; who writes a secret needs it too."""
        self._arns: dict[str, pulumi.Output[str]] = {}
        self._keys: dict[str, pulumi.Output[str]] = {}
        self._values: dict[str, pulumi.Output[str]] = {}
        self._holders: dict[str, pulumi.Output[str]] = {}
        self._specs: tuple[SecretSpec, ...] = tuple(specs)
        self._rotated: dict[str, pulumi.Output[str]] = {}
        policy = json.dumps(foreign_principals_denied(ctx.account_id), sort_keys=True, separators=(",", ":"))
        for spec in self._specs:
            if spec.name in self._arns:
                raise ValueError(f"two secrets are called `{spec.name}`")
            secret = aws.secretsmanager.Secret(
                f"{name}-{spec.name}",
                name=ctx.names.path(spec.name).removeprefix("/"),
                description=f"{spec.description} (owner: {spec.owner}, rotated every {spec.rotation_days} days)",
                kms_key_id=key_arn,
                recovery_window_in_days=recovery_days if ctx.guarded else 0,
                replicas=[{"region": ctx.dr_region, "kms_key_id": dr_key_arn}],
                tags=secret_tags(spec),
                opts=self.stateful(),
            )
            aws.secretsmanager.SecretPolicy(
                f"{name}-{spec.name}-policy", secret_arn=secret.arn, policy=policy, block_public_policy=True, opts=self.child()
            )
            self._arns[spec.name] = secret.arn
            self._keys[spec.name] = secret.kms_key_id.apply(lambda known: known or "")
            if spec.kind is SecretKind.GENERATED:
                self._values[spec.name] = self._first_value(spec, secret)
        self.register_outputs({"arns": dict(self._arns)})

    @property
    def arns(self) -> dict[str, pulumi.Output[str]]:
        """ARNs by the names of the specs."""
        return dict(self._arns)

    def arn(self, spec_name: str) -> pulumi.Output[str]:
        """ARN of a secret, by the name of its spec.

        Raises:
            ValueError: The inventory has no such secret.
        """
        if spec_name not in self._arns:
            raise ValueError(f"no secret `{spec_name}`; there are {', '.join(self._arns)}")
        return self._arns[spec_name]

    def rotated(self, spec_name: str, arn: pulumi.Output[str]) -> None:
        """From now on `environment` hands out `arn`, the secret's as its rotation knows it: readers then come after the rotation was set up."""
        self.arn(spec_name)
        self._rotated[spec_name] = arn

    def environment(self, role: Role) -> dict[str, pulumi.Output[str]]:
        """What containers of `role` are given: environment variable to `valueFrom` (`infra.plan.secrets.references`).

        Raises:
            ValueError: Two of its secrets fill the same variable.
        """
        return {
            variable: self._rotated.get(name, self._arns[name]).apply(lambda arn, key=key: value_from(arn, key))
            for variable, (name, key) in references(self._specs, role).items()
        }

    def keys(self, role: Role) -> dict[str, pulumi.Output[str]]:
        """The KMS key of each of these variables' secrets, as the secret itself has it.

        Raises:
            ValueError: Two of its secrets fill the same variable.
        """
        return {variable: self._keys[name] for variable, (name, _) in references(self._specs, role).items()}

    def value(self, spec_name: str) -> pulumi.Output[str]:
        """The first value of a GENERATED secret, itself secret: for creating the resource that it opens, and for nothing else.

        Of a JSON secret it is the generated part alone.

        Raises:
            ValueError: There is no such secret, or people fill it.
        """
        if spec_name not in self._values:
            raise ValueError(f"`{spec_name}` has no generated value; these have one: {', '.join(self._values)}")
        return self._values[spec_name]

    def holder(self, spec_name: str) -> pulumi.Output[str]:
        """Id of a GENERATED secret, known once it has a value: for reading what it holds now.

        Raises:
            ValueError: There is no such secret, or people fill it.
        """
        if spec_name not in self._holders:
            raise ValueError(f"`{spec_name}` has no generated value; these have one: {', '.join(self._holders)}")
        return self._holders[spec_name]

    def _first_value(self, spec: SecretSpec, secret: aws.secretsmanager.Secret) -> pulumi.Output[str]:
        logical, alphabet = f"{self.logical}-{spec.name}", spec.alphabet
        if alphabet is None:
            raise ValueError(f"`{spec.name}` is generated but has no alphabet")
        value = random.RandomPassword(
            f"{logical}-value",
            length=alphabet.length,
            min_lower=1,
            min_upper=1,
            min_numeric=1,
            min_special=1 if alphabet.special else 0,
            special=bool(alphabet.special),
            override_special=alphabet.special or None,
            # A value that opens a running resource is replaced by rotation, not by an edit of the alphabet.
            opts=self.child(ignore_changes=["length", "special", "override_special", "min_special"]),
        )
        version = aws.secretsmanager.SecretVersion(
            f"{logical}-version",
            secret_id=secret.id,
            secret_string=pulumi.Output.secret(value.result.apply(spec.first_version)),
            version_stages=list(FIRST_STAGES),
            # From its first rotation on the secret belongs to Secrets Manager.
            opts=self.child(ignore_changes=["secret_string", "version_stages"]),
        )
        self._holders[spec.name] = version.secret_id
        return pulumi.Output.secret(value.result)
