"""Rules about secrets and the keys that protect them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping

from policies.checks import flag_on, partnered
from policies.documents import Statement, account_of, allowed, public_statements
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN, Gap

SECRET = "aws:secretsmanager/secret:Secret"
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
LONGEST_WINDOW = 30
"""Days that AWS waits at most before it deletes a key."""
_KEYS = (
    KEY,
    "aws:kms/keyPolicy:KeyPolicy",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:kms/externalKey:ExternalKey",
    "aws:kms/replicaExternalKey:ReplicaExternalKey",
)


def _no_wildcard(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
        elif statement.admits_everyone:
            yield violation(
                resource, "policy", f"{statement.label} names everybody as principal; no condition makes that good for a secret"
            )


def _document(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


_ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "*", "Resource": "*"}

SEC_04 = ResourceRule(
    id="SEC-04",
    severity=Severity.CRITICAL,
    title="Policies of secrets name who may read them, never everybody.",
    rationale="A secret that everybody may read is none; conditions around a wildcard are lost with the next edit.",
    remediation="Name the roles that read the secret; put exclusions into Deny statements.",
    references=("CIS v7 2.21",),
    types=(SECRET_POLICY, SECRET),
    check=_no_wildcard,
    examples=(
        good("one role", Given(SECRET_POLICY, "policy", {"policy": _document({**_ROOT, "Action": "secretsmanager:GetSecretValue"})})),
        good("deny for everybody", Given(SECRET_POLICY, "policy", {"policy": _document({**_ROOT, "Effect": "Deny", "Principal": "*"})})),
        bad("everybody", Given(SECRET_POLICY, "policy", {"policy": _document({**_ROOT, "Principal": "*"})})),
        bad(
            "everybody, with a condition",
            Given(
                SECRET_POLICY,
                "policy",
                {
                    "policy": _document(
                        {**_ROOT, "Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}}
                    )
                },
            ),
        ),
        bad("everybody, in the secret itself", Given(SECRET, "secret", {"policy": _document({**_ROOT, "Principal": "*"})})),
        unknown(
            "composed from what does not exist yet",
            Given(SECRET_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["secret"]}),
            Given(SECRET, "secret", {}),
            expect={"policy": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it", Given(SECRET_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}
        ),
        absent("a secret without a policy belongs to its account", Given(SECRET, "secret", {})),
    ),
)


def _no_strangers(resource: Resource) -> Iterator[Problem]:
    yield from public_statements(resource, "policy")


_AUTO_SCALING = {
    **_ROOT,
    "Principal": {"AWS": "*"},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
    "Condition": {
        "StringEquals": {"kms:CallerAccount": "123456789012"},
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/aws-service-role/*"},
    },
}

KMS_02 = ResourceRule(
    id="KMS-02",
    severity=Severity.CRITICAL,
    title="Key policies admit nobody without naming an account.",
    rationale="A key that strangers may use protects nothing, and they can lock its owner out.",
    remediation="Name the account's root, roles or services; bind a wildcard by `kms:CallerAccount` and `aws:PrincipalArn`.",
    references=("FSBP KMS.5", "CKV_AWS_33"),
    types=_KEYS,
    check=_no_strangers,
    examples=(
        good("the account's root", Given(KEY, "key", {"policy": _document({**_ROOT, "Action": "kms:*"})})),
        good("callers of one account", Given(KEY, "key", {"policy": _document(_ROOT, _AUTO_SCALING)})),
        good("a service", Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": {"Service": "logs.us-east-1.amazonaws.com"}})})),
        bad("everybody", Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": "*"})})),
        bad("everybody, written out", Given(KEY, "key", {"policy": _document(_ROOT, {**_ROOT, "Principal": {"AWS": ["*"]}})})),
        bad(
            "everybody through one service",
            Given(KEY, "key", {"policy": _document({**_AUTO_SCALING, "Condition": {"StringEquals": {"kms:ViaService": "ec2"}}})}),
        ),
        bad(
            "any role of any account",
            Given(
                KEY,
                "key",
                {"policy": _document({**_AUTO_SCALING, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}})},
            ),
        ),
        unknown(
            "composed from what does not exist yet",
            Given(KEY, "key", {"policy": UNKNOWN}, {"policy": ["role"]}),
            Given("aws:iam/role:Role", "role", {}),
            expect={"key": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(KEY, "key", {"policy": UNKNOWN}), expect={"key": Kind.UNRESOLVED}),
        absent("AWS's default policy names the account", Given(KEY, "key", {})),
    ),
)


def _rotates(resource: Resource) -> Iterator[Problem]:
    usage, spec = resource.get("keyUsage"), resource.get("customerMasterKeySpec")
    if usage not in (ABSENT, "ENCRYPT_DECRYPT") or spec not in (ABSENT, "SYMMETRIC_DEFAULT"):
        return  # AWS rotates symmetric encryption keys alone
    yield from flag_on(resource, "enableKeyRotation", "the key's material is never replaced")


KMS_01 = ResourceRule(
    id="KMS-01",
    severity=Severity.HIGH,
    title="Keys rotate.",
    rationale="Material that is never replaced protects more with every year, and one leak opens all of it.",
    remediation="Set `enable_key_rotation`; what was encrypted before stays readable.",
    references=("FSBP KMS.4", "CIS 3.6", "CKV_AWS_7", "AVD-AWS-0065"),
    types=(KEY,),
    check=_rotates,
    examples=(
        good("it rotates", Given(KEY, "key", {"enableKeyRotation": True})),
        good("a key that signs, which AWS does not rotate", Given(KEY, "key", {"keyUsage": "SIGN_VERIFY"})),
        good("an asymmetric key", Given(KEY, "key", {"customerMasterKeySpec": "RSA_4096"})),
        bad("it does not", Given(KEY, "key", {"enableKeyRotation": False})),
        unknown("unknown", Given(KEY, "key", {"enableKeyRotation": UNKNOWN}), expect={"key": Kind.UNRESOLVED}),
        absent("AWS's default is not to", Given(KEY, "key", {}), expect={"key": Kind.VIOLATION}),
    ),
)


def _dies_slowly(resource: Resource) -> Iterator[Problem]:
    days = resource.get("deletionWindowInDays")
    if isinstance(days, Gap):
        if days is UNKNOWN:
            yield unresolved(resource, "deletionWindowInDays")
    elif not isinstance(days, int | float) or days < LONGEST_WINDOW:
        yield violation(resource, "deletionWindowInDays", f"the key is gone for good after {days} days")


KMS_03 = ResourceRule(
    id="KMS-03",
    severity=Severity.HIGH,
    title="A deleted key can be brought back for 30 days.",
    rationale="With a key goes everything that it encrypted, backups included; a mistake must be noticed in time.",
    remediation="Set `deletion_window_in_days` to 30, or leave it out.",
    references=("FSBP KMS.3",),
    types=(KEY, "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/replicaExternalKey:ReplicaExternalKey"),
    check=_dies_slowly,
    examples=(
        good("30 days", Given(KEY, "key", {"deletionWindowInDays": 30})),
        bad("a week", Given(KEY, "key", {"deletionWindowInDays": 7})),
        unknown("unknown", Given(KEY, "key", {"deletionWindowInDays": UNKNOWN}), expect={"key": Kind.UNRESOLVED}),
        absent("AWS's default is 30", Given(KEY, "key", {})),
    ),
)

_DOCUMENTS = ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", "aws:iam/userPolicy:UserPolicy", "aws:iam/groupPolicy:GroupPolicy")
_OPENING = ("kms:decrypt", "kms:reencryptfrom")
_NARROWING = ("kms:viaservice", "kms:resourcealiases", "kms:encryptioncontext", "aws:resourcetag/")
"""Starts of condition keys that say which keys are meant, or by which way."""


def _opens(statement: Statement) -> bool:
    return any(
        fnmatch.fnmatchcase(opening, action.lower())
        for action in statement.actions
        if action.lower().startswith("kms:")
        for opening in _OPENING
    )


def _every_key(resource: str) -> bool:
    return set(resource) <= {"*"} or resource.rpartition(":")[2] in ("*", "key/*")


def _named_keys(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
        elif (
            _opens(statement)
            and (statement.not_resources or any(map(_every_key, statement.resources)))
            and not any(condition.key.startswith(_NARROWING) for condition in statement.conditions)
        ):
            yield violation(resource, "policy", f"{statement.label} decrypts with every key")


def _identity(**changes: object) -> dict[str, object]:
    return {"policy": _document({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", **changes})}


_POLICY = _DOCUMENTS[0]
KMS_04 = ResourceRule(
    id="KMS-04",
    severity=Severity.HIGH,
    title="No identity decrypts with every key.",
    rationale="One key a class of data separates nothing when a role may open all of them.",
    remediation="Name the keys, or bind the statement by `kms:ViaService` or `kms:ResourceAliases`.",
    references=("FSBP KMS.1", "FSBP KMS.2"),
    types=_DOCUMENTS,
    check=_named_keys,
    examples=(
        good("a named key", Given(_POLICY, "policy", _identity(Resource="arn:aws:kms:us-east-1:123456789012:key/1"))),
        good(
            "through one service",
            Given(_POLICY, "policy", _identity(Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})),
        ),
        good("actions that open nothing", Given(_POLICY, "policy", _identity(Action=["kms:DescribeKey", "kms:GenerateDataKey"]))),
        good("denied", Given(_POLICY, "policy", _identity(Effect="Deny"))),
        bad("every key", Given(_POLICY, "policy", _identity())),
        bad("every action", Given(_POLICY, "policy", _identity(Action="kms:*"))),
        bad("every key of the account", Given(_POLICY, "policy", _identity(Resource="arn:aws:kms:us-east-1:123456789012:key/*"))),
        bad("by another name", Given(_POLICY, "policy", _identity(Action=["kms:ReEncrypt*"]))),
        unknown(
            "composed from what does not exist yet",
            Given(_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["key"]}),
            Given(KEY, "key", {}),
            expect={"policy": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}),
        absent("no document", Given(_POLICY, "policy", {})),
    ),
)

_HANDS_OVER = ("kms:putkeypolicy", "kms:schedulekeydeletion", "kms:creategrant")
"""What makes its holder the key's master: another policy, its end, or a grant for whatever one likes."""


def _mastery(statement: Statement) -> list[str]:
    def held(wanted: str) -> bool:
        if any(fnmatch.fnmatchcase(wanted, action.lower()) for action in statement.actions):
            return True
        return bool(statement.not_actions) and not any(fnmatch.fnmatchcase(wanted, action.lower()) for action in statement.not_actions)

    found = [action for action in _HANDS_OVER if held(action)]
    # Grants that AWS's services make for a caller hand the key to the service alone.
    grants_alone = any(
        condition.key == "kms:grantisforawsresource" and condition.operator == "bool" and condition.values == ("true",)
        for condition in statement.conditions
    )
    # A service whose grants may only decrypt, and only what carries a named encryption context, grants a way to read that and no more.
    decrypts_alone = (
        all(kind == "Service" for kind, _ in statement.principals)
        and not statement.inverted
        and any(condition.key == "kms:grantoperations" and condition.values == ("Decrypt",) for condition in statement.conditions)
        and any(condition.key.startswith("kms:encryptioncontext:") for condition in statement.conditions)
    )
    return [action for action in found if not ((grants_alone or decrypts_alone) and action == "kms:creategrant")]


def _masters(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
            continue
        others = [who for kind, who in statement.principals if not (kind == "AWS" and (account_of(who) == who or who.endswith(":root")))]
        if (others or statement.inverted) and (found := _mastery(statement)):
            yield violation(resource, "policy", f"{statement.label} lets {', '.join(others) or 'all but a few'} do {', '.join(found)}")


def _task_storage(*, operations: list[str] | None = None, context: bool = True) -> dict[str, object]:
    """How Fargate grants a task's host the right to read the task's own disk."""
    own = {"StringEquals": {"kms:EncryptionContext:aws:ecs:clusterAccount": "123456789012"}} if context else {}
    return {
        "Effect": "Allow",
        "Principal": {"Service": "fargate.amazonaws.com"},
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": {**own, "ForAllValues:StringEquals": {"kms:GrantOperations": operations or ["Decrypt"]}},
    }


KMS_05 = ResourceRule(
    id="KMS-05",
    severity=Severity.HIGH,
    title="Nobody but the account itself is master of a key.",
    rationale="Whoever may change a key's policy, delete the key or grant it on holds the data, whatever else the policy says.",
    remediation="Give administration to the account's root, where IAM decides; give others the actions they use, and grants with "
    "`kms:GrantIsForAWSResource`.",
    references=("least privilege of key policies",),
    types=_KEYS,
    check=_masters,
    examples=(
        good("the account's root", Given(KEY, "key", {"policy": _document({**_ROOT, "Action": "kms:*"})})),
        good("the account by its number", Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": {"AWS": "123456789012"}})})),
        good("a service that uses it", Given(KEY, "key", {"policy": _document({**_AUTO_SCALING, "Principal": {"Service": "logs"}})})),
        good(
            "grants for AWS's resources",
            Given(
                KEY,
                "key",
                {
                    "policy": _document(
                        {
                            **_AUTO_SCALING,
                            "Action": "kms:CreateGrant",
                            "Condition": {
                                "StringEquals": {"kms:CallerAccount": "123456789012"},
                                "Bool": {"kms:GrantIsForAWSResource": "true"},
                            },
                        }
                    )
                },
            ),
        ),
        bad(
            "a role with everything",
            Given(
                KEY, "key", {"policy": _document({**_ROOT, "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}, "Action": "kms:*"})}
            ),
        ),
        bad(
            "a service with everything", Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": {"Service": "logs.amazonaws.com"}})})
        ),
        good("a service's grants to read its own", Given(KEY, "key", {"policy": _document(_task_storage())})),
        bad("the same for everything", Given(KEY, "key", {"policy": _document(_task_storage(operations=["Decrypt", "CreateGrant"]))})),
        bad("the same without a context", Given(KEY, "key", {"policy": _document(_task_storage(context=False))})),
        bad(
            "the same for a role",
            Given(KEY, "key", {"policy": _document({**_task_storage(), "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}})}),
        ),
        bad(
            "grants for whomever",
            Given(KEY, "key", {"policy": _document({**_AUTO_SCALING, "Action": ["kms:Decrypt", "kms:Create*"]})}),
        ),
        bad(
            "all actions but one",
            Given(
                KEY,
                "key",
                {
                    "policy": _document(
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"},
                            "NotAction": "kms:Decrypt",
                            "Resource": "*",
                        }
                    )
                },
            ),
        ),
        unknown("unknown, and nothing explains it", Given(KEY, "key", {"policy": UNKNOWN}), expect={"key": Kind.UNRESOLVED}),
        absent("AWS's default policy names the account", Given(KEY, "key", {})),
    ),
)

_BINDING = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "kms:encryptioncontext", "kms:viaservice", "kms:calleraccount")
_SENDS_NOTHING = frozenset({"events.amazonaws.com"})
"""Services whose calls carry none of these keys, so that a condition would shut them out; the topic's own policy binds them."""


def _bound(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
            continue
        services = [who for kind, who in statement.principals if kind == "Service" and who not in _SENDS_NOTHING]
        if services and not any(condition.key.startswith(_BINDING) for condition in statement.conditions):
            yield violation(resource, "policy", f"{statement.label} admits {', '.join(services)} on anybody's behalf")


KMS_06 = ResourceRule(
    id="KMS-06",
    severity=Severity.MEDIUM,
    title="Services use a key for this account alone.",
    rationale="A service works for every account: without a condition a stranger's resource makes it use our key.",
    remediation="Bind the service by `aws:SourceAccount`, `aws:SourceArn` or, for log groups, by the encryption context.",
    references=("confused deputy",),
    types=_KEYS,
    check=_bound,
    examples=(
        good(
            "bound by the account",
            Given(
                KEY,
                "key",
                {
                    "policy": _document(
                        {
                            **_ROOT,
                            "Principal": {"Service": "cloudwatch.amazonaws.com"},
                            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
                        }
                    )
                },
            ),
        ),
        good(
            "EventBridge, which sends no such key",
            Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": {"Service": "events.amazonaws.com"}})}),
        ),
        bad("bound by nothing", Given(KEY, "key", {"policy": _document({**_ROOT, "Principal": {"Service": "cloudtrail.amazonaws.com"}})})),
        unknown("unknown, and nothing explains it", Given(KEY, "key", {"policy": UNKNOWN}), expect={"key": Kind.UNRESOLVED}),
        absent("AWS's default policy names no service", Given(KEY, "key", {})),
    ),
)


def _has_name(stack: Stack) -> Iterator[Problem]:
    yield from partnered(stack, KEY, ALIAS, "targetKeyId", "description", "no alias says what the key is for")


KMS_07 = StackRule(
    id="KMS-07",
    severity=Severity.MEDIUM,
    title="Every key has an alias.",
    rationale="A key without a name is deleted or used by mistake: its id says nothing to the person who looks at it.",
    remediation="Give it an `aws.kms.Alias` that names stack and class of data.",
    references=("a name for every key",),
    types=(KEY, ALIAS),
    check=_has_name,
    examples=(
        good("named", Given(KEY, "key", {}), Given(ALIAS, "alias", {"targetKeyId": UNKNOWN}, {"targetKeyId": ["key"]})),
        bad("not named", Given(KEY, "key", {})),
        bad(
            "another one is",
            Given(KEY, "key", {}),
            Given(KEY, "other", {}),
            Given(ALIAS, "alias", {"targetKeyId": UNKNOWN}, {"targetKeyId": ["other"]}),
        ),
        unknown(
            "an alias of an unknown key",
            Given(KEY, "key", {}),
            Given(ALIAS, "alias", {"targetKeyId": UNKNOWN}),
            expect={"alias": Kind.UNRESOLVED},
        ),
        absent("no key at all", Given("aws:sns/topic:Topic", "topic", {})),
    ),
)

RULES = (SEC_04, KMS_01, KMS_02, KMS_03, KMS_04, KMS_05, KMS_06, KMS_07)
