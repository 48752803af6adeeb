"""Rules of S3, DynamoDB, SNS, SQS, ECR and EFS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from nautilus.sandbox.simulation.rules import Finding, RuleContext, arn, listed, number, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_COLD = {"STANDARD_IA", "ONEZONE_IA"}


@rule(
    "s3-lifecycle",
    "S3 PutBucketLifecycleConfiguration: unique ids, 30 days before infrequent access, expiry after the last transition",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
)
def lifecycle(ctx: RuleContext) -> Iterator[Finding]:
    """Lifecycle rules that S3 refuses."""
    ids = [each.get("id") for each in ctx.items("rules") if is_map(each)]
    for index, each in enumerate(ctx.items("rules")):
        if not is_map(each):
            continue
        path = f"rules[{index}]"
        if ids.count(each.get("id")) > 1:
            yield f"{path}.id", f"is {shown(each.get('id'))}, which another rule has too"
        actions = (
            "expiration",
            "transitions",
            "noncurrentVersionExpiration",
            "noncurrentVersionTransitions",
            "abortIncompleteMultipartUpload",
        )
        if not any(each.get(name) for name in actions):
            yield path, f"does nothing: give one of {', '.join(actions)}"
        yield from _transitions(each.get("transitions"), "days", f"{path}.transitions")
        yield from _transitions(each.get("noncurrentVersionTransitions"), "noncurrentDays", f"{path}.noncurrentVersionTransitions")
        expiry = each.get("expiration")
        if is_map(expiry):
            given = [name for name in ("date", "days", "expiredObjectDeleteMarker") if expiry.get(name) not in (None, False)]
            if len(given) > 1:
                yield f"{path}.expiration", f"has {' and '.join(given)}, but takes one"
            last = max(
                (found for item in listed(each.get("transitions")) if is_map(item) and (found := number(item.get("days"))) is not None),
                default=None,
            )
            days = number(expiry.get("days"))
            if days is not None and last is not None and days <= last:
                yield f"{path}.expiration.days", f"is {days:g}, but must come after the last transition ({last:g})"


def _transitions(value: Any, name: str, path: str) -> Iterator[Finding]:
    for index, each in enumerate(value if is_list(value) else []):
        if is_map(each):
            days = number(each.get(name))
            if days is not None and days < 30 and each.get("storageClass") in _COLD:
                yield f"{path}[{index}].{name}", f"is {days:g}, but objects stay 30 days before {each.get('storageClass')}"


@rule(
    "s3-object-lock",
    "S3 PutObjectLockConfiguration: days or years, a mode, on a versioned bucket",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
)
def object_lock(ctx: RuleContext) -> Iterator[Finding]:
    """Default retention that S3 refuses."""
    default = ctx.get("rule")
    retention = default.get("defaultRetention") if is_map(default) else None
    if is_map(retention):
        given = [name for name in ("days", "years") if retention.get(name) is not None]
        if len(given) != 1:
            yield "rule.defaultRetention", f"names {len(given)} of days and years, but takes one"
        if retention.get("mode") is None:
            yield "rule.defaultRetention.mode", "is missing: GOVERNANCE or COMPLIANCE"
        days, years = number(retention.get("days")), number(retention.get("years"))
        if (days is not None and not 1 <= days <= 36500) or (years is not None and not 1 <= years <= 100):
            yield "rule.defaultRetention", "must be 1 to 36500 days or 1 to 100 years"
    buckets, _ = ctx.related("bucket", "aws:s3/bucket:Bucket")
    for bucket in buckets:
        for known in ctx.run.of_token("aws:s3/bucketVersioning:BucketVersioning"):
            config = known.get("versioningConfiguration")
            if known.get("bucket") == bucket.id and bucket.id and is_map(config) and config.get("status") == "Suspended":
                yield "bucket", f"has versioning suspended ({known.urn.rpartition('::')[2]}), but object lock needs it enabled"


@rule(
    "s3-replication",
    "S3 PutBucketReplication: unique ids and priorities, a filter's own companions, Replication Time Control of 15 minutes with metrics",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
)
def replication(ctx: RuleContext) -> Iterator[Finding]:
    """Replication rules that S3 refuses."""
    rules = [each for each in ctx.items("rules") if is_map(each)]
    if len(rules) > 1000:
        yield "rules", f"are {len(rules)}, but a configuration takes 1000"
    for index, each in enumerate(rules):
        path = f"rules[{index}]"
        identifier = each.get("id")
        if isinstance(identifier, str) and len(identifier) > 255:
            yield f"{path}.id", f"has {len(identifier)} characters, but S3 takes 255"
        for name in ("id", "priority"):
            if each.get(name) is not None and [other.get(name) for other in rules].count(each.get(name)) > 1:
                yield f"{path}.{name}", f"is {shown(each.get(name))}, which another rule has too"
        if is_map(each.get("filter")) and not is_map(each.get("deleteMarkerReplication")):
            yield f"{path}.deleteMarkerReplication", "is missing, but a rule with a filter needs it"
        yield from _destination(each, path)


def _destination(each: dict[str, Any], path: str) -> Iterator[Finding]:
    target = each.get("destination")
    if not is_map(target):
        return
    encryption, criteria = target.get("encryptionConfiguration"), each.get("sourceSelectionCriteria")
    selects = is_map(criteria) and is_map(chosen := criteria.get("sseKmsEncryptedObjects")) and chosen.get("status") == "Enabled"
    if selects and not is_map(encryption):
        yield f"{path}.destination.encryptionConfiguration", "is missing, but objects under KMS are selected"
    if is_map(encryption) and not is_map(criteria):
        yield f"{path}.sourceSelectionCriteria", "is missing, but a key for the copies is given: select sseKmsEncryptedObjects"
    control, metrics = target.get("replicationTime"), target.get("metrics")
    if is_map(control) and control.get("status") == "Enabled" and not (is_map(metrics) and metrics.get("status") == "Enabled"):
        yield f"{path}.destination.metrics", "must be enabled, because replicationTime is"
    for name, key, value in (("replicationTime", "time", control), ("metrics", "eventThreshold", metrics)):
        limit = value.get(key) if is_map(value) else None
        minutes = number(limit.get("minutes")) if is_map(limit) else None
        if minutes is not None and minutes != 15:
            yield f"{path}.destination.{name}.{key}.minutes", f"is {minutes:g}, but S3 takes 15"


@rule(
    "s3-encryption",
    "S3 PutBucketEncryption: a key goes with aws:kms",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
)
def bucket_encryption(ctx: RuleContext) -> Iterator[Finding]:
    """Encryption settings that contradict themselves."""
    for index, each in enumerate(ctx.items("rules")):
        default = each.get("applyServerSideEncryptionByDefault") if is_map(each) else None
        if not is_map(default):
            continue
        path = f"rules[{index}].applyServerSideEncryptionByDefault"
        if default.get("sseAlgorithm") == "AES256" and default.get("kmsMasterKeyId") not in (None, ""):
            yield f"{path}.kmsMasterKeyId", "is given, but AES256 has no key"
        if isinstance(default.get("sseAlgorithm"), str) and default["sseAlgorithm"] not in {"AES256", "aws:kms", "aws:kms:dsse"}:
            yield f"{path}.sseAlgorithm", f"is {shown(default['sseAlgorithm'])}, but S3 accepts AES256, aws:kms, aws:kms:dsse"


@rule(
    "s3-lb-log-bucket",
    "Elastic Load Balancing access logs: the bucket must use SSE-S3, not KMS",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
)
def log_bucket(ctx: RuleContext) -> Iterator[Finding]:
    """Access logs to a bucket encrypted with KMS, where nothing could be delivered."""
    for name in ("accessLogs", "connectionLogs", "healthCheckLogs"):
        logs = ctx.get(name)
        if not is_map(logs) or truth(logs.get("enabled")) is False:
            continue
        bucket = logs.get("bucket")
        for known in ctx.run.of_token("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"):
            if not isinstance(bucket, str) or known.get("bucket") != bucket:
                continue
            for each in listed(known.get("rules")):
                default = each.get("applyServerSideEncryptionByDefault") if is_map(each) else None
                if (
                    is_map(default)
                    and default.get("sseAlgorithm") in {"aws:kms", "aws:kms:dsse"}
                    and ctx.text("loadBalancerType") in {None, "application"}
                ):
                    yield (
                        f"{name}.bucket",
                        f"is {bucket}, encrypted with KMS ({known.urn.rpartition('::')[2]}), but load balancers deliver logs to SSE-S3 buckets only",
                    )


@rule("dynamodb-table", "DynamoDB CreateTable: attributes are those of keys; capacities go with PROVISIONED", "aws:dynamodb/table:Table")
def dynamodb(ctx: RuleContext) -> Iterator[Finding]:
    """Tables that DynamoDB refuses."""
    attributes = [each.get("name") for each in ctx.items("attributes") if is_map(each)]
    indexes = [each for name in ("globalSecondaryIndexes", "localSecondaryIndexes") for each in ctx.items(name) if is_map(each)]
    keys: list[Any] = [ctx.inputs.get("hashKey"), ctx.inputs.get("rangeKey")]
    for each in indexes:
        keys += [
            each.get("hashKey"),
            each.get("rangeKey"),
            *(part.get("attributeName") for part in listed(each.get("keySchemas")) if is_map(part)),
        ]
    used = {key for key in keys if isinstance(key, str)}
    unknown = any(key is UNKNOWN for key in keys) or UNKNOWN in attributes or ctx.inputs.get("attributes") is UNKNOWN
    for key in sorted(used - {each for each in attributes if isinstance(each, str)}):
        if not unknown:
            yield "attributes", f"lacks {shown(key)}, which is a key"
    for index, name in enumerate(attributes):
        if isinstance(name, str) and name not in used and not unknown:
            yield f"attributes[{index}]", f"is {shown(name)}, which is no key of the table or an index; DynamoDB wants key attributes only"
    mode = ctx.chosen("billingMode", "PROVISIONED")
    for name in ("readCapacity", "writeCapacity"):
        value = ctx.number(name)
        if mode == "PAY_PER_REQUEST" and value:
            yield name, f"is {value:g}, but PAY_PER_REQUEST has no capacity"
        if mode == "PROVISIONED" and value is None and ctx.absent(name):
            yield name, "is missing, but PROVISIONED needs it (or set billingMode PAY_PER_REQUEST)"
    recovery = ctx.get("pointInTimeRecovery")
    if is_map(recovery):
        days = number(recovery.get("recoveryPeriodInDays"))
        if days is not None and not 1 <= days <= 35:
            yield "pointInTimeRecovery.recoveryPeriodInDays", f"is {days:g}, but AWS accepts 1 to 35"
    ttl = ctx.get("ttl")
    if is_map(ttl) and truth(ttl.get("enabled")) and not ttl.get("attributeName"):
        yield "ttl.attributeName", "is missing, but ttl is enabled"
    if truth(ctx.inputs.get("streamEnabled")) and ctx.absent("streamViewType"):
        yield "streamViewType", "is missing, but streamEnabled is set"


@rule("sns-fifo", "SNS CreateTopic: FIFO topics end with .fifo", "aws:sns/topic:Topic")
def sns_fifo(ctx: RuleContext) -> Iterator[Finding]:
    """FIFO topics without the suffix, or the suffix without FIFO."""
    name, fifo = ctx.text("name"), truth(ctx.inputs.get("fifoTopic"))
    if name is not None and bool(fifo) != name.endswith(".fifo") and ctx.inputs.get("fifoTopic") is not UNKNOWN:
        yield "name", f"is {shown(name)}, but {'a FIFO topic ends' if fifo else 'only FIFO topics end'} with .fifo"


_ENDPOINTS: dict[str, str] = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "https": r"https://.+",
    "http": r"http://.+",
    "sqs": r"arn:aws[a-z-]*:sqs:.+",
    "lambda": r"arn:aws[a-z-]*:lambda:.+",
    "firehose": r"arn:aws[a-z-]*:firehose:.+",
    "application": r"arn:aws[a-z-]*:sns:.+",
    "sms": r"\+?\d{5,15}",
}


@rule("sns-subscription", "SNS Subscribe: endpoints by protocol; firehose needs a role", "aws:sns/topicSubscription:TopicSubscription")
def subscription(ctx: RuleContext) -> Iterator[Finding]:
    """Endpoints that do not fit the protocol."""
    protocol, endpoint = ctx.text("protocol"), ctx.text("endpoint")
    if protocol is not None and protocol not in _ENDPOINTS:
        yield "protocol", f"is {shown(protocol)}, but SNS accepts {', '.join(_ENDPOINTS)}"
    elif protocol is not None and endpoint is not None and not re.fullmatch(_ENDPOINTS[protocol], endpoint):
        yield "endpoint", f"is {shown(endpoint)}, which is none of protocol {protocol}"
    if protocol == "firehose" and ctx.absent("subscriptionRoleArn"):
        yield "subscriptionRoleArn", "is missing, but firehose needs it"
    for name in ("filterPolicy", "deliveryPolicy", "redrivePolicy"):
        text = ctx.text(name)
        if text:
            try:
                json.loads(text)
            except ValueError as error:
                yield name, f"is no JSON ({error})"


@rule("sqs-fifo", "SQS CreateQueue: FIFO queues end with .fifo; redrive policies are JSON", "aws:sqs/queue:Queue")
def sqs(ctx: RuleContext) -> Iterator[Finding]:
    """Queues that SQS refuses."""
    name, fifo = ctx.text("name"), truth(ctx.inputs.get("fifoQueue"))
    if name is not None and bool(fifo) != name.endswith(".fifo") and ctx.inputs.get("fifoQueue") is not UNKNOWN:
        yield "name", f"is {shown(name)}, but {'a FIFO queue ends' if fifo else 'only FIFO queues end'} with .fifo"
    if not fifo and truth(ctx.inputs.get("contentBasedDeduplication")):
        yield "contentBasedDeduplication", "is set, but only FIFO queues have it"
    if truth(ctx.inputs.get("sqsManagedSseEnabled")) and not ctx.absent("kmsMasterKeyId"):
        yield "sqsManagedSseEnabled", "is set together with kmsMasterKeyId; give one"
    text = ctx.text("redrivePolicy")
    if text:
        try:
            policy = json.loads(text)
        except ValueError as error:
            yield "redrivePolicy", f"is no JSON ({error})"
            return
        count = number(policy.get("maxReceiveCount")) if is_map(policy) else None
        if not is_map(policy) or not policy.get("deadLetterTargetArn") or count is None:
            yield "redrivePolicy", "needs deadLetterTargetArn and maxReceiveCount"
        elif not 1 <= count <= 1000:
            yield "redrivePolicy.maxReceiveCount", f"is {count:g}, but AWS accepts 1 to 1000"
        elif ctx.inputs.get("fifoQueue") is not UNKNOWN and str(policy["deadLetterTargetArn"]).endswith(".fifo") != bool(fifo):
            yield "redrivePolicy.deadLetterTargetArn", f"must be a {'FIFO' if fifo else 'standard'} queue, as the queue itself is"
    size = ctx.number("maxMessageSize")
    if size is not None and not 1024 <= size <= 1048576:
        yield "maxMessageSize", f"is {size:g} bytes, but AWS accepts 1024 to 1048576"


@rule("sqs-redrive-allow", "SQS SetQueueAttributes: RedriveAllowPolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
def redrive_allow(ctx: RuleContext) -> Iterator[Finding]:
    """Which queues may use this one as their dead-letter queue: all, none, or up to ten by name."""
    text = ctx.text("redriveAllowPolicy")
    if text is None:
        return
    try:
        policy = json.loads(text)
    except ValueError as error:
        yield "redriveAllowPolicy", f"is no JSON ({error})"
        return
    kind = policy.get("redrivePermission") if is_map(policy) else None
    if not is_map(policy) or kind not in ("allowAll", "denyAll", "byQueue"):
        yield "redriveAllowPolicy.redrivePermission", "is none of allowAll, denyAll and byQueue"
        return
    sources = policy.get("sourceQueueArns")
    if kind == "byQueue" and not (is_list(sources) and 1 <= len(sources) <= 10):
        yield "redriveAllowPolicy.sourceQueueArns", "must name 1 to 10 queues"
    elif kind != "byQueue" and sources is not None:
        yield "redriveAllowPolicy.sourceQueueArns", f"is not accepted with {kind}"


@rule(
    "ecr-template",
    "ECR CreateRepositoryCreationTemplate: a role for keys and tags",
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
)
def ecr_template(ctx: RuleContext) -> Iterator[Finding]:
    """ECR makes a repository with a KMS key or with tags only under a role that may do so."""
    keyed = any(is_map(one) and str(one.get("encryptionType", "")).startswith("KMS") for one in ctx.items("encryptionConfigurations"))
    if (keyed or not ctx.absent("resourceTags")) and ctx.absent("customRoleArn"):
        yield "customRoleArn", "is missing, but repositories with a KMS key or tags need it"
    for index, kind in enumerate(ctx.items("appliedFors")):
        if isinstance(kind, str) and kind not in ("CREATE_ON_PUSH", "PULL_THROUGH_CACHE", "REPLICATION"):
            yield f"appliedFors[{index}]", f"is {shown(kind)}, but ECR accepts CREATE_ON_PUSH, PULL_THROUGH_CACHE and REPLICATION"


@rule(
    "ecr-scanning",
    "ECR PutRegistryScanningConfiguration: frequencies by scan type, at most two rules",
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
)
def ecr_scanning(ctx: RuleContext) -> Iterator[Finding]:
    """ECR's own scan knows no continuous scan; a registry has two rules at most, each with up to 100 filters."""
    rules = ctx.items("rules")
    if len(rules) > 2:
        yield "rules", f"are {len(rules)}, but ECR accepts 2"
    for index, one in enumerate(rules):
        if not is_map(one):
            continue
        if ctx.text("scanType") == "BASIC" and one.get("scanFrequency") == "CONTINUOUS_SCAN":
            yield f"rules[{index}].scanFrequency", "is CONTINUOUS_SCAN, which needs scanType ENHANCED"
        filters = one.get("repositoryFilters")
        if is_list(filters) and len(filters) > 100:
            yield f"rules[{index}].repositoryFilters", f"are {len(filters)}, but ECR accepts 100"


@rule("signer-profile", "Signer PutSigningProfile: validity of a signature", "aws:signer/signingProfile:SigningProfile")
def signer_profile(ctx: RuleContext) -> Iterator[Finding]:
    """A signature is valid for up to 135 months (AWS Signer developer guide)."""
    period = ctx.get("signatureValidityPeriod")
    if not is_map(period):
        return
    value, unit = number(period.get("value")), period.get("type")
    months = {"DAYS": 1 / 30.4, "MONTHS": 1.0, "YEARS": 12.0}
    if unit not in months:
        yield "signatureValidityPeriod.type", f"is {shown(unit)}, but Signer accepts {', '.join(months)}"
    elif value is not None and not 0 < value * months[unit] <= 135.1:
        yield "signatureValidityPeriod.value", f"is {value:g} {unit}, but Signer accepts up to 135 months"


@rule(
    "ecr-lifecycle",
    "ECR PutLifecyclePolicy: JSON with unique priorities; `any` and untagged rules come last",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
)
def ecr_lifecycle(ctx: RuleContext) -> Iterator[Finding]:
    """Lifecycle policies that ECR refuses."""
    text = ctx.text("policy")
    if text is None:
        return
    try:
        body = json.loads(text)
    except ValueError as error:
        yield "policy", f"is no JSON ({error})"
        return
    rules = body.get("rules") if is_map(body) else None
    if not is_list(rules) or not rules:
        yield "policy.rules", "is missing"
        return
    priorities = [each.get("rulePriority") for each in rules if is_map(each)]
    for index, each in enumerate(rules):
        path = f"policy.rules[{index}]"
        if not is_map(each):
            yield path, "must be an object"
            continue
        if priorities.count(each.get("rulePriority")) > 1 or not isinstance(each.get("rulePriority"), int):
            yield f"{path}.rulePriority", f"is {shown(each.get('rulePriority'))}, but must be a whole number of its own"
        chosen = each.get("selection")
        if not is_map(chosen):
            yield f"{path}.selection", "is missing"
            continue
        status = chosen.get("tagStatus")
        if status not in {"tagged", "untagged", "any"}:
            yield f"{path}.selection.tagStatus", f"is {shown(status)}, but must be tagged, untagged or any"
        if status == "tagged" and not (chosen.get("tagPrefixList") or chosen.get("tagPatternList")):
            yield f"{path}.selection", "needs tagPrefixList or tagPatternList for tagged images"
        if (
            status == "any"
            and isinstance(each.get("rulePriority"), int)
            and any(isinstance(other, int) and other > each["rulePriority"] for other in priorities)
        ):
            yield f"{path}.rulePriority", "is not the highest, but a rule for any image must come last"
        kind = chosen.get("countType")
        if kind not in {"imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"}:
            yield f"{path}.selection.countType", f"is {shown(kind)}, but must be imageCountMoreThan or sinceImagePushed"
        if kind == "sinceImagePushed" and chosen.get("countUnit") != "days":
            yield f"{path}.selection.countUnit", "must be days"
        action = each.get("action")
        if not is_map(action) or action.get("type") not in {"expire", "transition"}:
            yield f"{path}.action.type", "must be expire"


@rule(
    "efs-throughput",
    "EFS CreateFileSystem: provisioned throughput goes with its mode; a key goes with encryption",
    "aws:efs/fileSystem:FileSystem",
)
def efs(ctx: RuleContext) -> Iterator[Finding]:
    """File systems that EFS refuses."""
    mode = ctx.text("throughputMode")
    if mode == "provisioned" and ctx.absent("provisionedThroughputInMibps"):
        yield "provisionedThroughputInMibps", "is missing, but throughputMode is provisioned"
    if mode != "provisioned" and ctx.number("provisionedThroughputInMibps"):
        yield "provisionedThroughputInMibps", f"is given, but throughputMode is {mode or 'bursting'}"
    if mode == "elastic" and ctx.text("performanceMode") == "maxIO":
        yield "performanceMode", "is maxIO, but elastic throughput needs generalPurpose"
    if not ctx.absent("kmsKeyId") and truth(ctx.inputs.get("encrypted")) is False:
        yield "encrypted", "is off, but kmsKeyId is given"
    key = arn(ctx.inputs.get("kmsKeyId"))
    if isinstance(ctx.inputs.get("kmsKeyId"), str) and key is None:
        yield "kmsKeyId", f"is {shown(ctx.inputs.get('kmsKeyId'))}, but must be the key's ARN"


@rule(
    "efs-access-point",
    "EFS CreateAccessPoint: paths start with '/', creation info has octal permissions",
    "aws:efs/accessPoint:AccessPoint",
)
def access_point(ctx: RuleContext) -> Iterator[Finding]:
    """Root directories that EFS refuses."""
    root = ctx.get("rootDirectory")
    if is_map(root):
        path = root.get("path")
        if isinstance(path, str) and (not path.startswith("/") or path.count("/") > 4 or len(path) > 100):
            yield "rootDirectory.path", f"is {shown(path)}, but must start with '/', with four levels and 100 characters at most"
        info = root.get("creationInfo")
        if is_map(info) and isinstance(info.get("permissions"), str) and not re.fullmatch(r"[0-7]{3,4}", info["permissions"]):
            yield "rootDirectory.creationInfo.permissions", f"is {shown(info['permissions'])}, but must be octal such as 0755"
