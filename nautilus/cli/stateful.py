"""The replacement guard: what holds data may not be replaced or deleted while the stack is locked (DESIGN.md decision 10).

CrossGuard sees resources, not operations, so this reads the steps of a preview.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nautilus.engine.events import Step

STATEFUL_TYPES: Final = frozenset(
    {
        "aws:backup/vault:Vault",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:dynamodb/table:Table",
        "aws:ebs/volume:Volume",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:elasticache/cluster:Cluster",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "aws:kms/key:Key",
        "aws:kms/replicaKey:ReplicaKey",
        "aws:opensearch/domain:Domain",
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:route53/zone:Zone",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
        "aws:secretsmanager/secret:Secret",
    }
)
"""Types that hold data, keys to data, or (a hosted zone) a delegation that people must set up again."""

DESTROYING_OPS: Final = frozenset({"delete", "delete-replaced", "replace", "create-replacement", "import-replacement"})
"""Operations after which the old resource is gone."""


@dataclass(frozen=True, slots=True)
class GuardFinding:
    """A resource that holds data and that the plan would remove.

    `action` is replace or delete; `because` names the properties that force a replacement.
    """

    urn: str
    type: str
    name: str
    action: str
    because: tuple[str, ...]

    def text(self) -> str:
        """One line for people."""
        reason = f" because of {', '.join(self.because)}" if self.because else ""
        return f"{self.type} {self.name}: would be {self.action}d{reason}"


def endangered(steps: Iterable[Step]) -> tuple[GuardFinding, ...]:
    """What a plan would destroy although it holds data: every resource of a stateful type, and every one that the state protects."""
    found: dict[str, GuardFinding] = {}
    for step in steps:
        protected = step.old is not None and step.old.protect
        if step.op not in DESTROYING_OPS or not (step.type in STATEFUL_TYPES or protected):
            continue
        replaced = step.op != "delete"
        forced = tuple(sorted({path for path, diff in (step.detailed_diff or {}).items() if diff.replaces} or set(step.keys)))
        previous = found.get(step.urn)
        found[step.urn] = GuardFinding(
            step.urn,
            step.type,
            step.name,
            "replace" if replaced or (previous is not None and previous.action == "replace") else "delete",
            forced or (previous.because if previous else ()),
        )
    return tuple(found[urn] for urn in sorted(found))
