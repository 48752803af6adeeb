"""The key that signs a zone, and the log of its queries: what Route 53 must be allowed. Pure."""

from __future__ import annotations

from infra.plan.iam import policy, statement
from infra.plan.key_policies import Document, Place

SIGNER = "dnssec-route53.amazonaws.com"
SIGNING_SPEC = "ECC_NIST_P256"
"""The only key that Route 53 signs with (Route 53 CreateKeySigningKey)."""
QUERY_LOG_PREFIX = "/aws/route53/"
"""Start of a query log's name; the permission to write covers it."""


def signing_key_policy(place: Place) -> Document:
    """The policy of the key-signing key: the account's IAM administers it, Route 53 signs zones of this account with it (KMS-02).

    Route 53 grants its signers the use of the key, so it may make grants, for AWS's own resources alone; AWS documents no further condition.
    """
    ours: dict[str, object] = {
        "StringEquals": {"aws:SourceAccount": place.account},
        "ArnLike": {"aws:SourceArn": f"arn:{place.partition}:route53:::hostedzone/*"},
    }
    service: dict[str, object] = {"Effect": "Allow", "Principal": {"Service": SIGNER}, "Resource": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountAdministration",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{place.partition}:iam::{place.account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {"Sid": "SignZones", **service, "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"], "Condition": ours},
            {
                "Sid": "GrantToSigners",
                **service,
                "Action": "kms:CreateGrant",
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
        ],
    }


def query_log_policy(account: str, region: str, *, partition: str = "aws") -> str:
    """Lets Route 53 write the query logs of this account's zones."""
    return policy(
        statement(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"arn:{partition}:logs:{region}:{account}:log-group:{QUERY_LOG_PREFIX}*"],
            sid="QueryLogs",
            principal={"Service": ["route53.amazonaws.com"]},
            conditions={
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:route53:::hostedzone/*"},
            },
        )
    )
