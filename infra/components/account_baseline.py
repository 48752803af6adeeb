"""What exists once in an AWS account and region, and protects every stack in it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context

GUARD_FEATURES = ("EBS_MALWARE_PROTECTION", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS")
"""GuardDuty's protection plans beside the foundation and the agents at run time; there is no EKS here to protect."""

RUNTIME_AGENTS = ("EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT")
"""Run-time agents that GuardDuty installs by itself; EKS's stays off and is named, because AWS reports all three."""


class AccountBaseline(Component):
    """Password policy, public-access block, default encryption, external-access analyzer, threat detection, image scanning."""

    token = "account-baseline"

    def __init__(self, name: str, ctx: Context, *, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the baseline of `ctx.account_id` in `ctx.region`."""
        super().__init__(name, ctx, opts)
        # Seed 003 asks for 12 characters, CIS for 14; AWS's own console passwords are the only ones it governs.
        aws.iam.AccountPasswordPolicy(
            f"{name}-passwords",
            minimum_password_length=14,
            require_lowercase_characters=True,
            require_uppercase_characters=True,
            require_numbers=True,
            require_symbols=True,
            allow_users_to_change_password=True,
            hard_expiry=False,
            max_password_age=90,
            password_reuse_prevention=24,
            opts=self.child(),
        )
        aws.s3.AccountPublicAccessBlock(
            f"{name}-public-access",
            account_id=ctx.account_id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        aws.ebs.EncryptionByDefault(f"{name}-volumes", enabled=True, opts=self.child())
        analyzer = aws.accessanalyzer.Analyzer(
            f"{name}-analyzer", analyzer_name=ctx.names("external-access", limit=255), type="ACCOUNT", opts=self.child()
        )
        aws.ecr.RegistryScanningConfiguration(
            f"{name}-image-scan",
            scan_type="BASIC",
            rules=[{"scan_frequency": "SCAN_ON_PUSH", "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}]}],
            opts=self.child(),
        )
        detector = aws.guardduty.Detector(
            f"{name}-detector", enable=True, finding_publishing_frequency="FIFTEEN_MINUTES", opts=self.child()
        )
        for feature in GUARD_FEATURES:
            aws.guardduty.DetectorFeature(
                f"{name}-detect-{feature.lower().replace('_', '-')}",
                detector_id=detector.id,
                name=feature,
                status="ENABLED",
                opts=self.child(),
            )
        aws.guardduty.DetectorFeature(
            f"{name}-detect-runtime",
            detector_id=detector.id,
            name="RUNTIME_MONITORING",
            status="ENABLED",
            additional_configurations=[
                {"name": "EKS_ADDON_MANAGEMENT", "status": "DISABLED"},
                *({"name": agent, "status": "ENABLED"} for agent in reversed(RUNTIME_AGENTS)),
            ],
            opts=self.child(),
        )
        self.detector_id = detector.id
        self.analyzer_arn = analyzer.arn
        self.register_outputs({"detector_id": self.detector_id, "analyzer_arn": self.analyzer_arn})
