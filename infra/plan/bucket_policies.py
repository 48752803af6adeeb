"""Statements of bucket policies. Pure: names in, statements out; `bucket_policy` puts them together with what every bucket denies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
"""One statement of a policy document; values may be Pulumi inputs."""

ALB_PREFIXES = ("alb", "alb-connections")
"""Prefixes of the load balancer's access log and connection log."""


SERVER_LOG_PREFIX = "s3/"
"""Prefix of S3's own access logs; S3 adds account, region, bucket and date."""


def bucket_arn(bucket: str, partition: str = "aws") -> str:
    """The ARN of the bucket of this name."""
    return f"arn:{partition}:s3:::{bucket}"


def bucket_policy(bucket: str, statements: Sequence[Statement] = (), *, partition: str = "aws") -> dict[str, Any]:
    """The policy of a private bucket: `statements`, after the denial of everything that is not TLS 1.2 or newer (S3-02, DTO-041)."""
    arn = bucket_arn(bucket, partition)
    everything: dict[str, Any] = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    denials: list[Statement] = [
        {"Sid": "DenyClearText", **everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "DenyOldTls", **everything, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]
    return {"Version": "2012-10-17", "Statement": [*denials, *statements]}


def load_balancer_logs(bucket: str, account: str, *, partition: str = "aws") -> list[Statement]:
    """Lets Application Load Balancers write access and connection logs. The bucket must be encrypted with SSE-S3, AWS takes nothing else.

    The path holds the number of the account that owns the load balancer, so a foreign one cannot write here; AWS's own
    example has no further condition.
    """
    arn = bucket_arn(bucket, partition)
    return [
        {
            "Sid": "LoadBalancerLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": [f"{arn}/{prefix}/AWSLogs/{account}/*" for prefix in ALB_PREFIXES],
        }
    ]


def server_access_logs(bucket: str, account: str, *, partition: str = "aws") -> list[Statement]:
    """Lets S3 write the access logs of the account's other buckets (S3-06).

    S3 takes a bucket with SSE-S3 and without object lock only.
    """
    return [
        {
            "Sid": "BucketAccessLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{bucket_arn(bucket, partition)}/{SERVER_LOG_PREFIX}*",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    ]


def cdn_logs(bucket: str, account: str, *, partition: str = "aws") -> list[Statement]:
    """Lets CloudWatch's log delivery write CloudFront's access logs, which it does from us-east-1.

    Shaped like the statements that AWS would append by itself where they are missing: that would be a drift of the bucket's policy.
    """
    arn = bucket_arn(bucket, partition)
    source = f"arn:{partition}:logs:us-east-1:{account}"
    delivery: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}}
    return [
        {
            "Sid": "AWSLogDeliveryAclCheck",
            **delivery,
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": f"{source}:*"}},
        },
        {
            "Sid": "AWSLogDeliveryWrite",
            **delivery,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{account}/*",
            "Condition": {
                "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"{source}:delivery-source:*"},
            },
        },
    ]


def log_bucket_statements(bucket: str, account: str, *, partition: str = "aws") -> list[Statement]:
    """Everything that the platform's log bucket must admit: load balancer, S3's access logs, CloudFront."""
    return [
        *load_balancer_logs(bucket, account, partition=partition),
        *server_access_logs(bucket, account, partition=partition),
        *cdn_logs(bucket, account, partition=partition),
    ]


def origin_access(bucket: str, distribution_arn: Any, *, partition: str = "aws") -> list[Statement]:
    """Lets one CloudFront distribution read objects (CF-06). `distribution_arn` may be a Pulumi input."""
    return [
        {
            "Sid": "CdnReads",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"{bucket_arn(bucket, partition)}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
        }
    ]
