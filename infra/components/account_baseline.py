"""What exists once in an AWS account and region, and protects every stack in it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.sessions import Sessions
from infra.plan.access import operator_policy
from infra.plan.key_policies import Place
from infra.settings.access import AccountAccess

GUARD_FEATURES = ("EBS_MALWARE_PROTECTION", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS")
"""GuardDuty's protection plans beside the foundation and the agents at run time; there is no EKS here to protect."""

RUNTIME_AGENTS = ("EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT")
"""Run-time agents that GuardDuty installs by itself; EKS's stays off and is named, because AWS reports all three."""

BACKED_UP = ("DynamoDB", "EBS", "EFS", "RDS")
"""Kinds of resources that AWS Backup may take care of: those that a platform stack hands to it. AWS knows more, and not the same in every region."""

BACKUP_MANAGED = ("DynamoDB", "EFS")
"""Kinds whose recovery points AWS Backup encrypts and copies itself; without it DynamoDB's cannot go to the second region."""


class AccountBaseline(Component):
    """What protects every stack of an account, whatever is in it.

    Once in the account: the password policy; no public bucket; GuardDuty in the home region; the policy with which people open sessions.
    In the home region and in the second one, where backups are restored: sessions' preferences with their log and key; encrypted volumes; no
    public snapshot, machine image or document; instance metadata by token alone; no serial console; the analyzer of access from outside, and on
    demand that of access that nobody uses; scanned images and AWS Backup's opt-in.
    Sources: DTO-030, DTO-032, DTO-034, PFC-060, NRC-012; CIS 1.8 to 1.9; Security Hub EC2.7, EC2.170, EC2.182, SSM.7, SSM.4, IAM.28.

    VPC's own public-access block stays off: it would cut the load balancer off from CloudFront.
    """

    token = "account-baseline"

    def __init__(self, name: str, ctx: Context, *, access: AccountAccess | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the baseline of `ctx.account_id`.

        Args:
            name: Logical name.
            ctx: The `account` stack.
            access: The section `access`; its defaults where there is none.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        access = access or AccountAccess()
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
        analyzer = self._in_region("", None)
        self._in_region("-dr", ctx.dr_region)
        if access.unused_days is not None:
            # One region is enough: what it looks at, IAM, is the same in all.
            aws.accessanalyzer.Analyzer(
                f"{name}-unused",
                analyzer_name=ctx.names("unused-access", limit=255),
                type="ACCOUNT_UNUSED_ACCESS",
                configuration={"unused_access": {"unused_access_age": access.unused_days}},
                opts=self.child(),
            )
        sessions = [
            Sessions(
                f"{name}-sessions{suffix}",
                ctx,
                settings=access.sessions,
                project=ctx.names.project,
                region=region,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for suffix, region in (("", None), ("-dr", ctx.dr_region))
        ]
        operators = aws.iam.Policy(
            f"{name}-operators",
            name=ctx.names("session-operators", limit=128),
            description="Lets people on duty open recorded sessions on nodes, after a second factor",
            policy=pulumi.Output.all(*(each.key_arn for each in sessions)).apply(
                lambda arns: operator_policy(
                    project=ctx.names.project,
                    place=Place(account=ctx.account_id, region=ctx.region, partition=ctx.partition),
                    regions=(ctx.region, ctx.dr_region),
                    key_arns=list(arns),
                )
            ),
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
        self.operator_policy_arn = operators.arn
        """The policy that a person's role needs for Session Manager."""
        self.register_outputs(
            {"detector_id": self.detector_id, "analyzer_arn": self.analyzer_arn, "operator_policy_arn": self.operator_policy_arn}
        )

    def _in_region(self, suffix: str, region: str | None) -> aws.accessanalyzer.Analyzer:
        """What AWS keeps for each region by itself; None is the stack's own. Returns the analyzer of access from outside."""
        name, ctx = self.logical, self.ctx
        aws.ebs.EncryptionByDefault(f"{name}-volumes{suffix}", enabled=True, region=region, opts=self.child())
        aws.ebs.SnapshotBlockPublicAccess(f"{name}-snapshots{suffix}", state="block-all-sharing", region=region, opts=self.child())
        aws.ec2.ImageBlockPublicAccess(f"{name}-images{suffix}", state="block-new-sharing", region=region, opts=self.child())
        # A machine made by hand asks for a token too, and hands it to no container; launch templates say so themselves.
        aws.ec2.InstanceMetadataDefaults(
            f"{name}-metadata{suffix}", http_tokens="required", http_put_response_hop_limit=1, region=region, opts=self.child()
        )
        aws.ec2.SerialConsoleAccess(f"{name}-serial-console{suffix}", enabled=False, region=region, opts=self.child())
        aws.ssm.ServiceSetting(
            f"{name}-documents{suffix}",
            setting_id="/ssm/documents/console/public-sharing-permission",
            setting_value="Disable",
            region=region,
            opts=self.child(),
        )
        aws.backup.RegionSettings(
            f"{name}-backup{suffix}",
            resource_type_opt_in_preference=dict.fromkeys(BACKED_UP, True),
            resource_type_management_preference=dict.fromkeys(BACKUP_MANAGED, True),
            region=region,
            # AWS answers with every kind that it knows in the region, new ones too: naming ours alone would differ from that forever,
            # and naming one that the region lacks is refused.
            opts=self.child(ignore_changes=["resource_type_opt_in_preference", "resource_type_management_preference"]),
        )
        aws.ecr.RegistryScanningConfiguration(
            f"{name}-image-scan{suffix}",
            scan_type="BASIC",
            rules=[{"scan_frequency": "SCAN_ON_PUSH", "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}]}],
            region=region,
            opts=self.child(),
        )
        return aws.accessanalyzer.Analyzer(
            f"{name}-analyzer{suffix}",
            analyzer_name=ctx.names("external-access", limit=255),
            type="ACCOUNT",
            region=region,
            opts=self.child(),
        )
