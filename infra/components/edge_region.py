"""CloudFront's region: where AWS keeps certificates, firewalls and logs of the edge whatever region the platform is in, and a key for it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra.component import Component
from infra.plan.dnssec import SIGNING_SPEC
from infra.plan.iam import canonical

CDN_REGION = "us-east-1"
"""Where AWS keeps everything of CloudFront: its firewall, the firewall's log and its certificates."""
WINDOW_DAYS = 30
"""Days before a deleted key is gone for good: AWS's longest (KMS-03)."""


def edge_region(component: Component) -> str | None:
    """CloudFront's region as a resource's `region`; None where the stack is there already."""
    return None if component.ctx.region == CDN_REGION else CDN_REGION


def edge_key(
    owner: Component, part: str, *, holds: str, policy: Mapping[str, object], signing: bool = False, options: pulumi.ResourceOptions
) -> aws.kms.Key:
    """Make a key with its alias `alias/<project>-<environment>-<owner>-<part>` in CloudFront's region.

    Args:
        owner: The component that it belongs to.
        part: Last part of its logical and physical names.
        holds: What it protects, in words.
        policy: Its policy.
        signing: An asymmetric key that signs; AWS rotates no such key. Else a symmetric one with yearly rotation (KMS-01).
        options: Options of the key, from `owner.stateful()`.
    """
    ctx = owner.ctx
    region = edge_region(owner)
    physical = ctx.names(owner.logical, part)
    key = aws.kms.Key(
        f"{owner.logical}-{part}",
        description=f"{ctx.names.prefix}: {holds}",
        deletion_window_in_days=WINDOW_DAYS,
        key_usage="SIGN_VERIFY" if signing else "ENCRYPT_DECRYPT",
        customer_master_key_spec=SIGNING_SPEC if signing else "SYMMETRIC_DEFAULT",
        enable_key_rotation=not signing,
        policy=canonical(policy),
        region=region,
        tags={"Name": physical},
        opts=options,
    )
    aws.kms.Alias(
        f"{owner.logical}-{part}",
        name=f"alias/{physical}",
        target_key_id=key.key_id,
        region=region,
        opts=owner.child(delete_before_replace=True),
    )
    return key
