"""Rules about secrets and the keys that protect them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from policies.documents import allowed, public_statements
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, violation
from policies.values import UNKNOWN

SECRET = "aws:secretsmanager/secret:Secret"
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
KEY = "aws:kms/key:Key"
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

RULES = (SEC_04, KMS_02)
