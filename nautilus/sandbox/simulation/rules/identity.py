"""Rules of IAM documents, KMS and Secrets Manager."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nautilus.sandbox.simulation.rules import Finding, RuleContext, arn, number, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

# Property that holds a policy document → (kind, longest), by type. Sizes are characters without white space (IAM quotas) or bytes.
_DOCUMENTS: dict[str, dict[str, tuple[str, int]]] = {
    "aws:iam/role:Role": {"assumeRolePolicy": ("trust", 2048)},
    "aws:iam/rolePolicy:RolePolicy": {"policy": ("identity", 10240)},
    "aws:iam/policy:Policy": {"policy": ("identity", 6144)},
    "aws:iam/userPolicy:UserPolicy": {"policy": ("identity", 2048)},
    "aws:iam/groupPolicy:GroupPolicy": {"policy": ("identity", 5120)},
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": ("resource", 20480)},
    "aws:kms/key:Key": {"policy": ("resource", 32768)},
    "aws:kms/replicaKey:ReplicaKey": {"policy": ("resource", 32768)},
    "aws:kms/keyPolicy:KeyPolicy": {"policy": ("resource", 32768)},
    "aws:sns/topicPolicy:TopicPolicy": {"policy": ("resource", 30720)},
    "aws:sns/topic:Topic": {"policy": ("resource", 30720)},
    "aws:sqs/queuePolicy:QueuePolicy": {"policy": ("resource", 8192)},
    "aws:sqs/queue:Queue": {"policy": ("resource", 8192)},
    "aws:backup/vaultPolicy:VaultPolicy": {"policy": ("resource", 20480)},
    "aws:ecr/repositoryPolicy:RepositoryPolicy": {"policy": ("resource", 10240)},
    "aws:secretsmanager/secret:Secret": {"policy": ("resource", 20480)},
    "aws:secretsmanager/secretPolicy:SecretPolicy": {"policy": ("resource", 20480)},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"policy": ("resource", 20480)},
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": {"policyDocument": ("resource", 5120)},
    "aws:efs/fileSystemPolicy:FileSystemPolicy": {"policy": ("resource", 20000)},
    "aws:dynamodb/resourcePolicy:ResourcePolicy": {"policy": ("resource", 20480)},
}
_STATEMENT = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"})
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals|Like)(IgnoreCase)?|Numeric(Not)?(Equals|LessThan(Equals)?|GreaterThan(Equals)?)|"
    r"Date(Not)?(Equals|LessThan(Equals)?|GreaterThan(Equals)?)|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like)|Null)(IfExists)?"
)


def _as_list(value: Any) -> list[Any]:
    return value if is_list(value) else [value]


def document_findings(text: str, kind: str, longest: int, path: str) -> Iterator[Finding]:
    """Findings about a policy document.

    Args:
        text: the JSON.
        kind: `identity` (no principal), `trust` (a principal, no resource) or `resource` (a principal).
        longest: characters without white space.
        path: property path for the findings.
    """
    try:
        body = json.loads(text)
    except ValueError as error:
        yield path, f"is no JSON ({error})"
        return
    if not is_map(body):
        yield path, "must be a JSON object with Version and Statement"
        return
    size = len(re.sub(r"\s", "", text)) if kind != "resource" else len(text.encode())
    if size > longest:
        yield path, f"has {size} characters, but AWS accepts {longest} (IAM quotas)"
    version = body.get("Version")
    if version is not None and version not in {"2012-10-17", "2008-10-17"}:
        yield f"{path}.Version", f"is {shown(version)}, but must be 2012-10-17"
    for key in body:
        if key not in {"Version", "Id", "Statement"}:
            yield f"{path}.{key}", "is no element of a policy (Version, Id, Statement)"
    statements = body.get("Statement")
    if statements is None or statements == []:
        yield f"{path}.Statement", "is missing"
        return
    sids: list[str] = []
    for index, each in enumerate(_as_list(statements)):
        here = f"{path}.Statement[{index}]"
        if not is_map(each):
            yield here, f"is {shown(each)}, but must be an object"
            continue
        yield from _statement(each, kind, here)
        sid = each.get("Sid")
        if isinstance(sid, str) and sid:
            if sid in sids:
                yield f"{here}.Sid", f"is {shown(sid)}, which another statement has too"
            sids.append(sid)
            if kind in {"identity", "trust"} and not re.fullmatch(r"[A-Za-z0-9]*", sid):
                yield f"{here}.Sid", f"is {shown(sid)}, but IAM accepts letters and digits only"


def _statement(each: Mapping[str, Any], kind: str, path: str) -> Iterator[Finding]:
    for key in each:
        if key not in _STATEMENT:
            yield f"{path}.{key}", f"is no element of a statement ({', '.join(sorted(_STATEMENT))})"
    if each.get("Effect") not in {"Allow", "Deny"}:
        yield f"{path}.Effect", f"is {shown(each.get('Effect'))}, but must be Allow or Deny"
    actions = [name for name in ("Action", "NotAction") if each.get(name) is not None]
    if len(actions) != 1:
        yield f"{path}.Action", f"is given {len(actions)} times; a statement takes Action or NotAction"
    for name in actions:
        if each[name] == []:
            yield f"{path}.{name}", "is empty"
        for action in _as_list(each[name]):
            if not isinstance(action, str) or not _ACTION.fullmatch(action):
                yield f"{path}.{name}", f"has {shown(action)}, but an action is like s3:GetObject"
    principals = [name for name in ("Principal", "NotPrincipal") if each.get(name) is not None]
    if kind == "identity" and principals:
        yield f"{path}.{principals[0]}", "is given, but a policy of a role or user has no principal"
    if kind != "identity" and len(principals) != 1:
        yield f"{path}.Principal", "is missing, but this policy needs to say who"
    for name in principals:
        yield from _principal(each[name], f"{path}.{name}")
    resources = [name for name in ("Resource", "NotResource") if each.get(name) is not None]
    if kind == "identity" and len(resources) != 1:
        yield f"{path}.Resource", f"is given {len(resources)} times; a statement takes Resource or NotResource"
    if kind == "trust" and resources:
        yield f"{path}.{resources[0]}", "is given, but a trust policy has no resource"
    for name in resources:
        if each[name] == []:
            yield f"{path}.{name}", "is empty"
        for value in _as_list(each[name]):
            if not isinstance(value, str) or not (
                value == "*" or re.match(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.", value) or value.startswith("*")
            ):
                yield f"{path}.{name}", f"has {shown(value)}, but must be an ARN or *"
    condition = each.get("Condition")
    if condition is not None:
        if not is_map(condition):
            yield f"{path}.Condition", "must be an object of operators"
        else:
            for operator, block in condition.items():
                if not _OPERATOR.fullmatch(operator):
                    yield f"{path}.Condition.{operator}", "is no condition operator of IAM"
                if not is_map(block):
                    yield f"{path}.Condition.{operator}", "must be an object of condition keys"


def _principal(value: Any, path: str) -> Iterator[Finding]:
    if value == "*":
        return
    if not is_map(value):
        yield path, f"is {shown(value)}, but must be * or an object such as {{'Service': 'ecs.amazonaws.com'}}"
        return
    for kind, names in value.items():
        if kind not in {"AWS", "Service", "Federated", "CanonicalUser"}:
            yield f"{path}.{kind}", "is no kind of principal (AWS, Service, Federated, CanonicalUser)"
        for name in _as_list(names):
            if (
                kind == "Service"
                and isinstance(name, str)
                and not re.fullmatch(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)", name)
            ):
                yield f"{path}.Service", f"has {shown(name)}, but a service principal is like ecs-tasks.amazonaws.com"
            if (
                kind == "AWS"
                and isinstance(name, str)
                and not (name == "*" or re.fullmatch(r"\d{12}", name) or name.startswith("arn:") or re.fullmatch(r"A[A-Z0-9]{15,}", name))
            ):
                yield f"{path}.AWS", f"has {shown(name)}, but must be an account, an ARN or *"


@rule("iam-document", "IAM JSON policy elements and IAM quotas: inline 10240, managed 6144, trust 2048 characters", *_DOCUMENTS)
def documents(ctx: RuleContext) -> Iterator[Finding]:
    """Policy documents, element by element."""
    for name, (kind, longest) in _DOCUMENTS[ctx.token].items():
        value = ctx.inputs.get(name)
        if isinstance(value, str) and value:
            yield from document_findings(value, kind, longest, name)
        elif value is UNKNOWN:
            ctx.later(name)


@rule("iam-role-attachments", "IAM quotas: 10 managed policies a role (20 by request)", "aws:iam/role:Role")
def role_attachments(ctx: RuleContext) -> Iterator[Finding]:
    """Roles with too many policies, and permission boundaries that are none."""
    values = ctx.get("managedPolicyArns")
    if is_list(values) and len(values) > 20:
        yield "managedPolicyArns", f"names {len(values)}, but IAM accepts 20 at most"
    for index, each in enumerate(ctx.items("inlinePolicies")):
        if is_map(each) and isinstance(each.get("policy"), str):
            yield from document_findings(each["policy"], "identity", 10240, f"inlinePolicies[{index}].policy")


@rule("iam-policy-arn", "IAM AttachRolePolicy: the ARN of a managed policy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def policy_arn(ctx: RuleContext) -> Iterator[Finding]:
    """Attachments of something that is no policy."""
    value = ctx.text("policyArn")
    found = arn(value)
    if value is not None and (found is None or found.service != "iam" or not found.resource.startswith("policy/")):
        yield "policyArn", f"is {shown(value, limit=120)}, but must be the ARN of a managed policy"


@rule("kms-key", "KMS CreateKey: rotation is for symmetric keys; a key policy must leave someone in charge", "aws:kms/key:Key")
def kms_key(ctx: RuleContext) -> Iterator[Finding]:
    """Keys that KMS refuses."""
    usage, spec = ctx.chosen("keyUsage", "ENCRYPT_DECRYPT"), ctx.chosen("customerMasterKeySpec", "SYMMETRIC_DEFAULT")
    spec = spec or "SYMMETRIC_DEFAULT"
    if truth(ctx.inputs.get("enableKeyRotation")) and spec != "SYMMETRIC_DEFAULT":
        yield "enableKeyRotation", f"is set, but {spec} keys do not rotate"
    if not ctx.absent("rotationPeriodInDays") and not truth(ctx.inputs.get("enableKeyRotation")):
        yield "rotationPeriodInDays", "is given, but enableKeyRotation is not set"
    if usage == "GENERATE_VERIFY_MAC" and not spec.startswith("HMAC"):
        yield "customerMasterKeySpec", f"is {spec}, but keyUsage {usage} needs an HMAC spec"
    policy = ctx.text("policy")
    if policy is None or truth(ctx.inputs.get("bypassPolicyLockoutSafetyCheck")):
        return
    try:
        body = json.loads(policy)
    except ValueError:
        return
    statements = [each for each in _as_list(body.get("Statement") if is_map(body) else None) if is_map(each)]

    def in_charge(each: Mapping[str, Any]) -> bool:
        actions = _as_list(each.get("Action"))
        wide = any(isinstance(action, str) and action in {"kms:*", "*", "kms:Put*", "kms:PutKeyPolicy"} for action in actions)
        return each.get("Effect") == "Allow" and wide and each.get("Principal") is not None

    if statements and not any(in_charge(each) for each in statements):
        yield "policy", "lets nobody change the key policy (kms:PutKeyPolicy): KMS refuses that as a lockout"


@rule(
    "secret-value",
    "Secrets Manager PutSecretValue: one of string, binary and write-only, 65536 bytes",
    "aws:secretsmanager/secretVersion:SecretVersion",
)
def secret_value(ctx: RuleContext) -> Iterator[Finding]:
    """Secret versions without a value, or with two."""
    given = [name for name in ("secretString", "secretBinary", "secretStringWo") if not ctx.absent(name)]
    if len(given) != 1:
        yield "secretString", f"{len(given)} of secretString, secretBinary and secretStringWo are given, but a version takes one"
    text = ctx.text("secretString")
    if text is not None and not 1 <= len(text.encode()) <= 65536:
        yield "secretString", f"has {len(text.encode())} bytes, but AWS accepts 1 to 65536"
    if "secretStringWo" in given and ctx.absent("secretStringWoVersion"):
        yield "secretStringWoVersion", "is missing, but a write-only value changes with its version only"


@rule(
    "secret-rotation",
    "Secrets Manager RotateSecret: a schedule or a number of days; a window within the day",
    "aws:secretsmanager/secretRotation:SecretRotation",
)
def secret_rotation(ctx: RuleContext) -> Iterator[Finding]:
    """Rotation schedules that Secrets Manager refuses."""
    rules = ctx.get("rotationRules")
    if not is_map(rules):
        return
    schedule, days, duration = rules.get("scheduleExpression"), rules.get("automaticallyAfterDays"), rules.get("duration")
    if (schedule is None) == (days is None):
        yield "rotationRules", "takes either scheduleExpression or automaticallyAfterDays"
    if isinstance(schedule, str) and not re.fullmatch(r"(rate\(\d+ (hours?|days?)\)|cron\(.+\))", schedule):
        yield "rotationRules.scheduleExpression", f"is {shown(schedule)}, but must be rate(…) in hours or days, or cron(…)"
    if isinstance(schedule, str):
        fields = schedule.removeprefix("cron(").removesuffix(")").split()
        if schedule.startswith("cron(") and (len(fields) != 6 or fields[0] != "0" or fields[5] != "*"):
            yield (
                "rotationRules.scheduleExpression",
                f"is {shown(schedule)}, but a window opens on the hour, every year: cron(0 <hour> <day> <month> <weekday> *)",
            )
        found = re.fullmatch(r"rate\((\d+) hours?\)", schedule)
        if found and int(found[1]) < 4:
            yield "rotationRules.scheduleExpression", f"is {shown(schedule)}, but AWS rotates every 4 hours at most"
    if isinstance(duration, str):
        found = re.fullmatch(r"(\d{1,2})h", duration)
        if found is None:
            yield "rotationRules.duration", f"is {shown(duration)}, but must be hours such as 3h"
        elif (
            isinstance(schedule, str)
            and (start := re.fullmatch(r"cron\(0 (\d{1,2}) .+\)", schedule))
            and int(start[1]) + int(found[1]) > 24
        ):
            yield "rotationRules.duration", f"is {shown(duration)} from {start[1]}:00 UTC, but the window must end within the UTC day"
    if number(days) is not None and number(days) == 0:
        yield "rotationRules.automaticallyAfterDays", "is 0, but must be 1 to 1000"


@rule("oidc-provider", "IAM CreateOpenIDConnectProvider: an https URL, client ids", "aws:iam/openIdConnectProvider:OpenIdConnectProvider")
def oidc(ctx: RuleContext) -> Iterator[Finding]:
    """Identity providers that IAM refuses."""
    url = ctx.text("url")
    if url is not None and not url.startswith("https://"):
        yield "url", f"is {shown(url)}, but must start with https://"
    if ctx.inputs.get("clientIdLists") == []:
        yield "clientIdLists", "is empty"
