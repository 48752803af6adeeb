"""Physical names for resources that were given none: `<logical name>-<7 hex digits>`, as pulumi-aws makes them, but deterministic.

Which property is named, its longest length and its case follow pulumi-aws's own table (provider/resources.go and autonaming.go).
"""

from __future__ import annotations

from dataclasses import dataclass

from nautilus.sandbox.simulation.context import digest
from nautilus.sandbox.simulation.types_table import ResourceType

_SUFFIX = 8
"""A hyphen and seven hex digits."""


@dataclass(frozen=True)
class Naming:
    """How one type is named automatically."""

    prop: str | None = "name"
    """The property, or None for types that never get an automatic name."""
    longest: int = 255
    """Characters, the suffix included."""
    lower: bool = False
    prefix: str = ""
    exact: bool = False
    """The logical name itself, without a suffix."""


_DEFAULT = Naming()
_NAMINGS: dict[str, Naming] = {
    "aws:acm/certificate:Certificate": Naming(None),
    "aws:alb/loadBalancer:LoadBalancer": Naming(longest=32),
    "aws:alb/targetGroup:TargetGroup": Naming(longest=32),
    "aws:budgets/budget:Budget": Naming(longest=100),
    "aws:cloudwatch/dashboard:Dashboard": Naming(None),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Naming("policyName"),
    "aws:dynamodb/tableItem:TableItem": Naming(None),
    "aws:ec2/instance:Instance": Naming(None),
    "aws:ecr/repository:Repository": Naming(longest=256, lower=True),
    "aws:ecs/taskDefinition:TaskDefinition": Naming(None),
    "aws:elasticache/cluster:Cluster": Naming("clusterId", longest=50, lower=True),
    "aws:elasticache/parameterGroup:ParameterGroup": Naming(lower=True),
    "aws:elasticache/replicationGroup:ReplicationGroup": Naming("replicationGroupId", longest=40, lower=True),
    "aws:elasticache/subnetGroup:SubnetGroup": Naming(lower=True),
    "aws:iam/role:Role": Naming(longest=64),
    "aws:iam/user:User": Naming(longest=64),
    "aws:kms/alias:Alias": Naming(prefix="alias/"),
    "aws:lambda/function:Function": Naming(longest=64),
    "aws:lb/loadBalancer:LoadBalancer": Naming(longest=32),
    "aws:lb/targetGroup:TargetGroup": Naming(longest=32),
    "aws:rds/cluster:Cluster": Naming("clusterIdentifier", lower=True),
    "aws:rds/clusterInstance:ClusterInstance": Naming("identifier", lower=True),
    "aws:rds/instance:Instance": Naming("identifier", lower=True),
    "aws:rds/optionGroup:OptionGroup": Naming(lower=True),
    "aws:rds/parameterGroup:ParameterGroup": Naming(lower=True),
    "aws:rds/subnetGroup:SubnetGroup": Naming(lower=True),
    "aws:route53/record:Record": Naming(None),
    "aws:route53/zone:Zone": Naming(None),
    "aws:s3/bucket:Bucket": Naming("bucket", longest=63, lower=True),
    "aws:s3/bucketV2:BucketV2": Naming("bucket", longest=63, lower=True),
    "aws:s3/bucketObject:BucketObject": Naming("key", exact=True),
    "aws:s3/bucketObjectv2:BucketObjectv2": Naming("key", exact=True),
    "aws:secretsmanager/secret:Secret": Naming(longest=512),
    "aws:ses/domainIdentity:DomainIdentity": Naming(None),
}
NAME_PROPERTIES: dict[str, str] = {token: naming.prop for token, naming in _NAMINGS.items() if naming.prop and naming.prop != "name"} | {
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": "name",
    "aws:efs/fileSystem:FileSystem": "creationToken",
    "aws:ecs/taskDefinition:TaskDefinition": "family",
    "aws:rds/proxyTarget:ProxyTarget": "",
}
"""Where the physical name is not in `name`."""


class NameTooLongError(ValueError):
    """A logical name leaves no room for the suffix within the type's limit."""


def naming_of(row: ResourceType) -> Naming | None:
    """How the type is named automatically, or None if it is not: a property that the SDK demands is the program's to name."""
    naming = _NAMINGS.get(row.token, _DEFAULT)
    if naming.prop is None:
        return None
    found = row.inputs.get(naming.prop)
    if found is None or found.type.kind != "str" or found.required:
        return None
    return naming


def automatic(naming: Naming, logical: str, seed: str) -> str:
    """The automatic name.

    Args:
        naming: the type's rule.
        logical: the resource's logical name.
        seed: what makes the suffix: URN and generation.

    Raises:
        NameTooLongError: the name and its suffix exceed the type's limit.
    """
    if naming.exact:
        return logical
    if len(naming.prefix) + len(logical) + _SUFFIX > naming.longest:
        raise NameTooLongError(
            f"the automatic name '{logical}' plus {_SUFFIX} characters is longer than the {naming.longest} characters that this type may have; set it"
        )
    name = f"{naming.prefix}{logical}-{digest(seed, naming.prop or '')[:7]}"
    return name.lower() if naming.lower else name
