"""Rules about buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from policies.documents import account_of, allowed
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN

BUCKET = "aws:s3/bucket:Bucket"
BUCKETS = (BUCKET, "aws:s3/bucketV2:BucketV2")
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
_FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _blocked(stack: Stack) -> Iterator[Problem]:
    for bucket in stack.of(*BUCKETS):
        blocks = stack.users(bucket, "bucket", PUBLIC_ACCESS_BLOCK)
        if not blocks:
            yield violation(bucket, "bucket", "has no BucketPublicAccessBlock of its own")
    for block in stack.of(PUBLIC_ACCESS_BLOCK):
        for flag in _FLAGS:
            value = block.flag(flag, default=False)
            if value is UNKNOWN:
                yield unresolved(block, flag)
            elif value is not True:
                yield violation(block, flag, f"`{flag}` is not set")


def _block(**changes: object) -> Given:
    props = {"bucket": UNKNOWN, **dict.fromkeys(_FLAGS, True), **changes}
    return Given(PUBLIC_ACCESS_BLOCK, "closed", {key: value for key, value in props.items() if value is not None}, {"bucket": ["data"]})


_DATA = Given(BUCKET, "data", {})

S3_01 = StackRule(
    id="S3-01",
    severity=Severity.CRITICAL,
    title="Every bucket blocks public access in all four ways.",
    rationale="Without the block one wrong policy or object ACL publishes the bucket.",
    remediation="Add an `aws.s3.BucketPublicAccessBlock` for the bucket with all four settings true.",
    references=("FSBP S3.8", "CIS 2.1.4", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV2_AWS_6"),
    types=(*BUCKETS, PUBLIC_ACCESS_BLOCK),
    check=_blocked,
    examples=(
        good("all four", _DATA, _block()),
        good(
            "matched by name",
            Given(BUCKET, "data", {"bucket": "nautilus-data"}),
            Given(PUBLIC_ACCESS_BLOCK, "closed", {"bucket": "nautilus-data", **dict.fromkeys(_FLAGS, True)}),
        ),
        bad("no block", _DATA),
        bad("a block for another bucket", Given(BUCKET, "other", {}), _DATA, _block()),
        *(bad(f"without {flag}", _block(**{flag: False}), _DATA) for flag in _FLAGS),
        unknown("a setting that is not known", _DATA, _block(restrictPublicBuckets=UNKNOWN), expect={"closed": Kind.UNRESOLVED}),
        absent("a setting that is not made is off", _DATA, _block(ignorePublicAcls=None), expect={"closed": Kind.VIOLATION}),
    ),
)


def _own_principals(policy: Resource) -> Iterator[Problem]:
    for statement in allowed(policy, "policy"):
        if isinstance(statement, Problem):
            yield statement
            continue
        if statement.public:
            yield violation(policy, "policy", f"{statement.label} admits everybody to {', '.join(statement.actions)}")
            continue
        for kind, principal in statement.principals:
            if kind != "AWS" or "*" in principal:
                continue
            account = account_of(principal)
            if account in policy.accounts or principal.startswith("arn:aws:iam::cloudfront:"):
                continue
            if not account:
                yield violation(policy, "policy", f"{statement.label} admits {principal}, which names no account")
            elif not policy.accounts:
                yield unresolved(
                    policy,
                    "policy",
                    f"{statement.label} admits account {account}; `allowedAccountIds` of the provider says which one is yours",
                )
            else:
                yield violation(policy, "policy", f"{statement.label} admits the foreign account {account}")


def _policy(*statements: Mapping[str, object]) -> Given:
    return Given(BUCKET_POLICY, "policy", {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})})


_OURS = Given("pulumi:providers:aws", "aws", {"allowedAccountIds": '["123456789012"]'})
_DENY_PLAIN = {
    "Sid": "DenyPlain",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
_READ = {
    "Sid": "Read",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "s3:GetObject",
    "Resource": "*",
}

S3_08 = ResourceRule(
    id="S3-08",
    severity=Severity.CRITICAL,
    title="Bucket policies admit neither the public nor a foreign account.",
    rationale="An Allow for everybody publishes the objects; one for another account hands them to whoever runs it.",
    remediation="Name roles of your own account or AWS services, the latter bound by `aws:SourceAccount` or `aws:SourceArn`.",
    references=("FSBP S3.2", "FSBP S3.3", "FSBP S3.6", "CKV_AWS_70"),
    types=(BUCKET_POLICY,),
    check=_own_principals,
    examples=(
        good("deny for everybody", _policy(_DENY_PLAIN)),
        good("a role of one's own account", _policy(_READ), _OURS),
        good("a service", _policy({**_READ, "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}})),
        good(
            "everybody, if they come through one's own distribution",
            _policy(
                {
                    **_READ,
                    "Principal": "*",
                    "Condition": {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}},
                }
            ),
        ),
        bad("everybody", _policy({**_READ, "Principal": "*"})),
        bad("everybody, written out", _policy(_DENY_PLAIN, {**_READ, "Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}})),
        bad(
            "a condition that keeps nobody out",
            _policy({**_READ, "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        ),
        bad(
            "a condition that passes without its key",
            _policy({**_READ, "Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}}),
        ),
        bad(
            "everybody but one",
            _policy({"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:*", "Resource": "*"}),
        ),
        bad("a foreign account", _policy({**_READ, "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}), _OURS),
        bad("no JSON", Given(BUCKET_POLICY, "policy", {"policy": "{"})),
        unknown(
            "composed from what does not exist yet",
            Given(BUCKET_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["data"]}),
            _DATA,
            expect={"policy": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it", Given(BUCKET_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}
        ),
        unknown("an account, and nobody said whose", _policy(_READ), expect={"policy": Kind.UNRESOLVED}),
        absent("no policy", Given(BUCKET_POLICY, "policy", {"policy": ABSENT})),
    ),
)

RULES = (S3_01, S3_08)
