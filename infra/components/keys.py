"""One KMS key for each class of data, in the home region and, where copies go there, in the second one."""

from __future__ import annotations

import json
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.key_policies import HOLDS, SECOND_REGION, DataClass, Place, key_policy, log_group_patterns

__all__ = ["DataClass", "Keys"]

WINDOW_DAYS = 30
"""Days before a deleted key is gone for good: AWS's longest (POLICY-RULES KMS-03)."""


class Keys(Component):
    """`nautilus:keys`: customer-managed keys with yearly rotation, a 30-day deletion window and a least-privilege policy each.

    Makes, for every `DataClass`: a `kms.Key` (stateful: losing one loses its data) and a `kms.Alias`
    `alias/<project>-<environment>-<class>`; the same again in the second region for the classes whose data is copied there, as separate
    keys and not as replicas of one (docs/decisions/0019). Sources: DTO-043, NRC-009 (encryption at rest); POLICY-RULES KMS-01 to KMS-05.

    Args:
        second_region: Classes with a key in the second region: DATABASE, SECRETS and BACKUP; with CACHE for a global datastore.
    """

    token: ClassVar[str] = "keys"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        second_region: frozenset[DataClass] = SECOND_REGION,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self._copied = second_region
        self._keys = {kind: self._key(f"{name}-{kind}", kind, ctx.region) for kind in DataClass}
        self._dr_keys = {kind: self._key(f"{name}-{kind}-dr", kind, ctx.dr_region) for kind in DataClass if kind in second_region}
        self.register_outputs(
            {
                "arns": {kind.value: key.arn for kind, key in self._keys.items()},
                "drArns": {kind.value: key.arn for kind, key in self._dr_keys.items()},
            }
        )

    def arn(self, data_class: DataClass) -> pulumi.Output[str]:
        """ARN of the key of `data_class` in the home region."""
        return self._keys[data_class].arn

    def key_id(self, data_class: DataClass) -> pulumi.Output[str]:
        """Id (a UUID) of the key of `data_class` in the home region."""
        return self._keys[data_class].key_id

    def dr_arn(self, data_class: DataClass) -> pulumi.Output[str]:
        """ARN of the key of `data_class` in the second region.

        Raises:
            ValueError: The class has no key there: it is not in `second_region`.
        """
        if data_class not in self._dr_keys:
            raise ValueError(
                f"no key for {data_class.value} in {self.ctx.dr_region}: only {', '.join(sorted(self._dr_keys))} are copied there"
            )
        return self._dr_keys[data_class].arn

    def _key(self, logical: str, kind: DataClass, region: str) -> aws.kms.Key:
        ctx = self.ctx
        place = Place(account=ctx.account_id, region=region, partition=ctx.partition)
        elsewhere = None if region == ctx.region else region
        policy = key_policy(
            kind,
            place,
            log_groups=log_group_patterns(prefix=ctx.names.prefix, path=ctx.names.path()),
            other_regions=sorted({ctx.region, ctx.dr_region} - {region}) if kind in self._copied else (),
        )
        key = aws.kms.Key(
            logical,
            description=f"{ctx.names.prefix}: {HOLDS[kind]}",
            deletion_window_in_days=WINDOW_DAYS,
            enable_key_rotation=True,
            policy=json.dumps(policy, sort_keys=True, separators=(",", ":")),
            region=elsewhere,
            tags={"Name": ctx.names(kind.value)},
            opts=self.stateful(),
        )
        aws.kms.Alias(
            f"{logical}-alias",
            name=f"alias/{ctx.names(kind.value)}",
            target_key_id=key.key_id,
            region=elsewhere,
            opts=self.child(delete_before_replace=True),
        )
        return key
