"""Private buckets: closed, encrypted, versioned, and what the log bucket admits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.storage import PrivateBucket
from infra.plan.bucket_policies import log_bucket_statements, origin_access
from tests.components.edge import Stack, context, synth


def build(*, unlocked: bool = False, name: str = "nautilus-prod-archive", **more: Any) -> Stack:
    given: dict[str, Any] = {"key_arn": "arn:key", "log_bucket": "nautilus-prod-logs", **more}

    def program() -> dict[str, Any]:
        bucket = PrivateBucket("archive", context(unlocked=unlocked), bucket_name=name, **given)
        return {"name": bucket.name, "arn": bucket.arn, "domain": bucket.domain_name}

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_nothing_public(stack: Stack) -> None:
    """S3-01, S3-07."""
    block = stack.one("BucketPublicAccessBlock")
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[switch] for switch in switches] == [True] * 4
    assert stack.one("BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_clear_text_and_old_tls_are_denied(stack: Stack) -> None:
    """S3-02, DTO-041."""
    denials = json.loads(stack.one("BucketPolicy")["policy"])["Statement"]
    assert [denial["Effect"] for denial in denials] == ["Deny", "Deny"]
    assert denials[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denials[1]["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
    assert {tuple(denial["Resource"]) for denial in denials} == {
        ("arn:aws:s3:::nautilus-prod-archive", "arn:aws:s3:::nautilus-prod-archive/*")
    }
    assert [(denial["Principal"], denial["Action"]) for denial in denials] == [({"AWS": "*"}, "s3:*")] * 2


def test_encrypted_versioned_logged_and_tidied(stack: Stack) -> None:
    rule = stack.one("BucketServerSideEncryptionConfiguration")["rules"][0]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:key"},
        "bucketKeyEnabled": True,
    }
    assert stack.one("BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    logging = stack.one("BucketLogging")
    assert (logging["targetBucket"], logging["targetPrefix"]) == ("nautilus-prod-logs", "s3/")
    assert logging["targetObjectKeyFormat"] == {"partitionedPrefix": {"partitionDateSource": "EventTime"}}
    rules = {rule["id"]: rule for rule in stack.one("BucketLifecycleConfiguration")["rules"]}
    assert rules["abort-uploads"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rules["drop-old-versions"]["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
    assert set(rules) == {"abort-uploads", "drop-old-versions"}


def test_the_bucket_is_protected_until_the_stack_is_unlocked(stack: Stack) -> None:
    """S3-10, DESIGN.md decision 10."""
    locked, free = stack.one("Bucket"), build(unlocked=True).one("Bucket")
    assert (locked.protect, locked.retain, locked["forceDestroy"]) == (True, True, False)
    assert (free.protect, free.retain, free["forceDestroy"]) == (False, False, True)


def test_a_locked_bucket_holds_every_version() -> None:
    """S3-09."""
    stack = build(object_lock_days=30, expire_days=400)
    assert stack.one("Bucket")["objectLockEnabled"] is True
    assert stack.one("BucketObjectLockConfiguration")["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 30}}
    rules = {rule["id"]: rule for rule in stack.one("BucketLifecycleConfiguration")["rules"]}
    assert rules["expire"]["expiration"] == {"days": 400}


def test_the_log_bucket_is_what_aws_writes_to() -> None:
    """Load-balancer and S3 access logs need SSE-S3; each writer is bound to this account (AWS-RULES.md section 5)."""
    name = "nautilus-prod-logs"
    stack = build(name=name, key_arn=None, log_bucket=None, policy_statements=log_bucket_statements(name, "123456789012"))
    assert stack.all("BucketLogging") == []
    rule = stack.one("BucketServerSideEncryptionConfiguration")["rules"][0]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "bucketKeyEnabled": False}
    allowed = {entry["Sid"]: entry for entry in json.loads(stack.one("BucketPolicy")["policy"])["Statement"] if entry["Effect"] == "Allow"}
    assert {sid: entry["Principal"]["Service"] for sid, entry in allowed.items()} == {
        "LoadBalancerLogs": "logdelivery.elasticloadbalancing.amazonaws.com",
        "BucketAccessLogs": "logging.s3.amazonaws.com",
        "AWSLogDeliveryAclCheck": "delivery.logs.amazonaws.com",
        "AWSLogDeliveryWrite": "delivery.logs.amazonaws.com",
    }
    assert allowed["LoadBalancerLogs"]["Resource"] == [
        f"arn:aws:s3:::{name}/alb/AWSLogs/123456789012/*",
        f"arn:aws:s3:::{name}/alb-connections/AWSLogs/123456789012/*",
    ]
    assert allowed["BucketAccessLogs"]["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert allowed["AWSLogDeliveryWrite"]["Condition"]["ArnLike"] == {
        "aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:delivery-source:*"
    }


def test_a_deferred_policy_comes_once_and_with_the_denials() -> None:
    def program() -> None:
        bucket = PrivateBucket("assets", context(), bucket_name="nautilus-assets", key_arn="arn:key", log_bucket=None, defer_policy=True)
        bucket.attach_policy(origin_access("nautilus-assets", bucket.arn))
        with pytest.raises(ValueError, match="has its policy already"):
            bucket.attach_policy([])

    policy = json.loads(synth(program).one("BucketPolicy")["policy"])
    assert [entry["Sid"] for entry in policy["Statement"]] == ["DenyClearText", "DenyOldTls", "CdnReads"]
    assert policy["Statement"][2]["Condition"] == {"StringEquals": {"AWS:SourceArn": "arn:aws:s3:::nautilus-assets"}}


def test_another_region_reaches_every_part() -> None:
    stack = build(region="eu-west-1", object_lock_days=1)
    assert {one["region"] for one in stack.made if one.type.startswith("aws:s3/")} == {"eu-west-1"}
    assert not [one for one in build(region="us-east-1").made if "region" in one.inputs]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "ab"}, "3 to 63 characters"),
        ({"name": "a" * 64}, "3 to 63 characters"),
        ({"versioned": False, "object_lock_days": 30}, "object lock needs versioning"),
        ({"object_lock_days": 0}, "object_lock_days = 0"),
        ({"expire_days": -1}, "expire_days = -1"),
        ({"noncurrent_days": 0}, "noncurrent_days = 0"),
    ],
)
def test_what_s3_refuses_is_refused_first(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(**wrong)
