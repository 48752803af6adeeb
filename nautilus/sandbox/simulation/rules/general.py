"""Rules for every resource type: tags, ARNs, zones, names that collide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nautilus.sandbox.simulation.autoname import NAME_PROPERTIES
from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown, walk

_TAG = re.compile(r"[\w\s_.:/=+\-@]*")


_OBJECT_TAGS = {"aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject", "aws:s3/objectCopy:ObjectCopy"}
"""Types that take 10 tags (S3 object tagging)."""


@rule("tags", "Tag naming limits: 50 tags, on an object of S3 10, keys of 1 to 128 and values of up to 256 characters, no prefix 'aws:'")
def tags(ctx: RuleContext) -> Iterator[Finding]:
    """Tags that AWS refuses."""
    found = ctx.get("tagsAll") or ctx.get("tags")
    if not is_map(found):
        return
    most = 10 if ctx.token in _OBJECT_TAGS else 50
    if len(found) > most:
        yield "tags", f"has {len(found)} tags, but AWS accepts at most {most} on a resource of this type"
    for key, value in found.items():
        path = f"tags.{key}"
        if not 1 <= len(key) <= 128:
            yield path, f"has a key of {len(key)} characters, but AWS accepts 1 to 128"
        if key.lower().startswith("aws:"):
            yield path, "has a key that starts with 'aws:', which is AWS's own"
        if isinstance(value, str):
            if len(value) > 256:
                yield path, f"has a value of {len(value)} characters, but AWS accepts at most 256"
            if not _TAG.fullmatch(value) or not _TAG.fullmatch(key):
                yield path, f"is {shown(value)}, but tags take letters, digits, spaces and _.:/=+-@ only"


_ARN_NAME = re.compile(r"(^a|.*A)rns?$")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:.*", re.DOTALL)


@rule("arn-format", "ARN format: arn:partition:service:region:account:resource")
def arn_format(ctx: RuleContext) -> Iterator[Finding]:
    """Inputs named …Arn that hold something else, such as a name or an id."""
    for path, value in walk(dict(ctx.inputs)):
        name = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
        if isinstance(value, str) and value and _ARN_NAME.match(name) and not _ARN.fullmatch(value) and value != "*":
            yield path, f"is {shown(value)}, but must be an ARN (arn:partition:service:region:account:resource)"


_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d+)[a-z]$")
_ZONE_NAMES = ("availabilityZone", "availabilityZones", "preferredCacheClusterAzs", "availabilityZoneName")


@rule("zone-in-region", "Availability zones belong to one region")
def zone_in_region(ctx: RuleContext) -> Iterator[Finding]:
    """A zone of another region than the resource's."""
    for name in _ZONE_NAMES:
        value = ctx.get(name)
        for index, each in enumerate(value if is_list(value) else [value]):
            path = f"{name}[{index}]" if is_list(value) else name
            if not isinstance(each, str) or not each:
                continue
            found = _ZONE.match(each)
            if found is None:
                yield path, f"is {shown(each)}, but must be a zone such as {ctx.region}a"
            elif found[1] != ctx.region:
                yield path, f"is {shown(each)}, a zone of {found[1]}, but the resource is in {ctx.region}"


# Types whose physical names are unique in account and region (S3: in the world), with what AWS answers.
_UNIQUE: dict[str, str] = {
    "aws:alb/loadBalancer:LoadBalancer": "DuplicateLoadBalancerName",
    "aws:alb/targetGroup:TargetGroup": "DuplicateTargetGroupName",
    "aws:autoscaling/group:Group": "AlreadyExists",
    "aws:backup/vault:Vault": "AlreadyExistsException",
    "aws:cloudtrail/trail:Trail": "TrailAlreadyExistsException",
    "aws:cloudwatch/dashboard:Dashboard": "",
    "aws:cloudwatch/eventRule:EventRule": "",
    "aws:cloudwatch/logGroup:LogGroup": "ResourceAlreadyExistsException",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "",
    "aws:dynamodb/table:Table": "ResourceInUseException",
    "aws:ec2/launchTemplate:LaunchTemplate": "InvalidLaunchTemplateName.AlreadyExistsException",
    "aws:ecr/repository:Repository": "RepositoryAlreadyExistsException",
    "aws:ecs/cluster:Cluster": "",
    "aws:elasticache/parameterGroup:ParameterGroup": "CacheParameterGroupAlreadyExists",
    "aws:elasticache/replicationGroup:ReplicationGroup": "ReplicationGroupAlreadyExists",
    "aws:elasticache/subnetGroup:SubnetGroup": "CacheSubnetGroupAlreadyExists",
    "aws:iam/instanceProfile:InstanceProfile": "EntityAlreadyExists",
    "aws:iam/policy:Policy": "EntityAlreadyExists",
    "aws:iam/role:Role": "EntityAlreadyExists",
    "aws:kms/alias:Alias": "AlreadyExistsException",
    "aws:lambda/function:Function": "ResourceConflictException",
    "aws:lb/loadBalancer:LoadBalancer": "DuplicateLoadBalancerName",
    "aws:lb/targetGroup:TargetGroup": "DuplicateTargetGroupName",
    "aws:networkfirewall/firewall:Firewall": "InvalidRequestException",
    "aws:networkfirewall/firewallPolicy:FirewallPolicy": "InvalidRequestException",
    "aws:networkfirewall/ruleGroup:RuleGroup": "InvalidRequestException",
    "aws:rds/instance:Instance": "DBInstanceAlreadyExists",
    "aws:rds/parameterGroup:ParameterGroup": "DBParameterGroupAlreadyExists",
    "aws:rds/subnetGroup:SubnetGroup": "DBSubnetGroupAlreadyExists",
    "aws:s3/bucket:Bucket": "BucketAlreadyOwnedByYou",
    "aws:scheduler/schedule:Schedule": "ConflictException",
    "aws:secretsmanager/secret:Secret": "ResourceExistsException",
    "aws:sns/topic:Topic": "",
    "aws:sqs/queue:Queue": "QueueNameExists",
    "aws:ssm/document:Document": "DocumentAlreadyExists",
    "aws:ssm/parameter:Parameter": "ParameterAlreadyExists",
    "aws:wafv2/webAcl:WebAcl": "WAFDuplicateItemException",
    "aws:wafv2/ipSet:IpSet": "WAFDuplicateItemException",
}
_GLOBAL = frozenset({"aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/instanceProfile:InstanceProfile", "aws:s3/bucket:Bucket"})


def unique_key(token: str, inputs: dict[str, Any], region: str) -> tuple[str, ...] | None:
    """What may exist once: type, region and physical name; None for types that do not mind or a name that is unknown."""
    if token not in _UNIQUE:
        return None
    name = inputs.get(NAME_PROPERTIES.get(token, "dashboardName" if "dashboard" in token else "name"))
    if not isinstance(name, str) or not name:
        return None
    parts = [name]
    if token == "aws:scheduler/schedule:Schedule":  # a type token
        parts.append(str(inputs.get("groupName") or "default"))
    if token == "aws:cloudwatch/eventRule:EventRule":  # a type token
        parts.append(str(inputs.get("eventBusName") or "default"))
    if token.startswith("aws:wafv2/"):
        parts.append(str(inputs.get("scope")))
    return (token, "" if token in _GLOBAL else region, *parts)


def unique_answer(token: str) -> str:
    """AWS's error code for a name that is taken; empty where a second create overwrites or returns the first."""
    return _UNIQUE.get(token, "")


@rule("unique-name", "Names are unique in account and region (roles and policies in the account, buckets in the world)")
def unique_name(ctx: RuleContext) -> Iterator[Finding]:
    """Two resources of one type with one physical name."""
    key = unique_key(ctx.token, dict(ctx.inputs), ctx.region)
    if key is None:
        return
    holder = ctx.run.claim(ctx.urn.text, key)
    if holder is not None:
        code = _UNIQUE[ctx.token]
        answer = f" (AWS answers {code})" if code else " (the second would overwrite the first)"
        yield NAME_PROPERTIES.get(ctx.token, "name"), f"is {shown(key[2])}, which {holder.rpartition('::')[2]} has too{answer}"


@rule("region-name", "AWS regions")
def region_name(ctx: RuleContext) -> Iterator[Finding]:
    """A region that does not look like one."""
    region = ctx.inputs.get("region")
    if region is not None and region is not UNKNOWN and (not isinstance(region, str) or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region)):
        yield "region", f"is {shown(region)}, but must be a region such as us-east-1"
