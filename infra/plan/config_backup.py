"""The copies of the configuration: when they are taken and what the function that takes them may read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.plan.bucket_policies import Statement, bucket_arn
from infra.plan.iam import policy, statement, write_logs, write_traces

SCHEDULES: Final[Mapping[str, str]] = {"application": "cron(0 3 * * ? *)", "system": "cron(0 4 * * ? *)"}
"""UTC, by the part that is saved (DTO-181: application 03:00, DTO-182: system 04:00)."""

FOLDER: Final = "config/"
"""Where the function writes, and nowhere else."""
REPOSITORY: Final = "repository/"
"""Where the pipeline puts Git bundles."""

STATE_KEY_ALIAS: Final = "{project}-pulumi-state"
"""The key of the state bucket, as `nautilus bootstrap` names it."""


def bucket_statements(bucket: str, *, guarded: bool, partition: str = "aws") -> list[Statement]:
    """What the bucket's own policy adds: nobody deletes a locked copy before its time, administrators included.

    Governance mode alone yields to whoever has `s3:BypassGovernanceRetention`, which AWS's own administrator policies contain.

    Args:
        bucket: Its name.
        guarded: Whether the stack is locked. An unlocked one has to be able to empty its bucket, so it adds nothing.
        partition: AWS partition.
    """
    if not guarded:
        return []
    return [
        {
            "Sid": "KeepLockedCopies",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:BypassGovernanceRetention",
            "Resource": f"{bucket_arn(bucket, partition)}/*",
        }
    ]


def run_policy(
    *,
    log_group_arn: str,
    namespace: str,
    bucket: str,
    bucket_key_arn: str,
    state_bucket: str | None,
    project: str,
    environment: str,
    prefix: str,
    path: str,
    account: str,
    region: str,
    partition: str = "aws",
) -> str:
    """What a run may do: read the configuration of this stack, and write below `config/` of one bucket.

    It may neither decrypt a SecureString nor read a secret's value, nor read back, delete or unlock what it has written. Lists know no
    narrower resource in IAM; what they lead to is bound to the stack's names.

    Args:
        log_group_arn: Of the function.
        namespace: CloudWatch namespace of the stack.
        bucket: Name of the bucket.
        bucket_key_arn: Its KMS key.
        state_bucket: Bucket of Pulumi's state, if that is in S3.
        project: The project's name, which the key of the state is called after.
        environment: The stack's name, as the state file is called.
        prefix: Start of physical names.
        path: Start of parameters' names.
        account: Id of the account.
        region: The stack's region.
        partition: AWS partition.
    """

    def arn(service: str, resource: str, *, where: str = region) -> str:
        return f"arn:{partition}:{service}:{where}:{account}:{resource}"

    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    statements = [
        write_logs(log_group_arn),
        statement(
            ["cloudwatch:PutMetricData"], ["*"], sid="WriteMetrics", conditions={"StringEquals": {"cloudwatch:namespace": namespace}}
        ),
        write_traces(),
        statement(["s3:PutObject"], [f"arn:{partition}:s3:::{bucket}/{FOLDER}*"], sid="WriteCopies"),
        statement(
            ["s3:ListBucket"],
            [f"arn:{partition}:s3:::{bucket}"],
            sid="SeeBundles",
            conditions={"StringLike": {"s3:prefix": f"{REPOSITORY}*"}},
        ),
        statement(["kms:GenerateDataKey"], [bucket_key_arn], sid="EncryptCopies", conditions=through_s3),
        statement(
            [
                "acm:ListCertificates",
                "cloudwatch:ListDashboards",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribeNetworkAcls",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroupRules",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
                "ecr:DescribeRepositories",
                "ecs:DescribeTaskDefinition",
                "ecs:ListClusters",
                "ecs:ListServices",
                "ecs:ListTaskDefinitionFamilies",
                "iam:ListPolicies",
                "iam:ListRoles",
                "network-firewall:ListFirewallPolicies",
                "network-firewall:ListFirewalls",
                "network-firewall:ListRuleGroups",
                "route53resolver:ListFirewallDomainLists",
                "route53resolver:ListFirewallDomains",
                "route53resolver:ListFirewallRuleGroups",
                "route53resolver:ListFirewallRules",
                "ssm:DescribeParameters",
                "wafv2:ListIPSets",
                "wafv2:ListRegexPatternSets",
                "wafv2:ListRuleGroups",
                "wafv2:ListWebACLs",
            ],
            ["*"],
            sid="List",
        ),
        statement(["ecs:DescribeServices"], [arn("ecs", f"service/{prefix}*/*")], sid="ReadServices"),
        statement(["ecr:DescribeImages"], [arn("ecr", f"repository/{prefix}*")], sid="ReadImages"),
        statement(["ssm:GetParameter"], [arn("ssm", f"parameter{path}/*")], sid="ReadParameters"),
        statement(
            ["acm:DescribeCertificate", "acm:GetCertificate", "acm:ListTagsForCertificate"],
            [arn("acm", "certificate/*", where="*")],
            sid="ReadCertificates",
        ),
        statement(
            ["iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            [arn("iam", f"role/{prefix}-*", where="")],
            sid="ReadRoles",
        ),
        statement(["iam:GetPolicyVersion"], [arn("iam", f"policy/{prefix}-*", where="")], sid="ReadPolicies"),
        statement(["cloudwatch:DescribeAlarms"], [arn("cloudwatch", "alarm:*")], sid="ReadAlarms"),
        statement(["cloudwatch:GetDashboard"], [arn("cloudwatch", f"dashboard/{prefix}*", where="")], sid="ReadDashboards"),
        statement(
            ["network-firewall:DescribeFirewall", "network-firewall:DescribeFirewallPolicy", "network-firewall:DescribeRuleGroup"],
            [
                arn("network-firewall", f"{kind}/{prefix}*")
                for kind in ("firewall", "firewall-policy", "stateful-rulegroup", "stateless-rulegroup")
            ],
            sid="ReadEgressFirewall",
        ),
        statement(
            ["wafv2:GetIPSet", "wafv2:GetRegexPatternSet", "wafv2:GetRuleGroup", "wafv2:GetWebACL"],
            [arn("wafv2", f"{scope}/*/{prefix}*", where="*") for scope in ("regional", "global")],
            sid="ReadWebFirewall",
        ),
    ]
    if state_bucket:
        statements += [
            statement(
                ["s3:ListBucket"],
                [f"arn:{partition}:s3:::{state_bucket}"],
                sid="SeeState",
                conditions={"StringLike": {"s3:prefix": ".pulumi/stacks/*"}},
            ),
            statement(
                ["s3:GetObject"],
                [f"arn:{partition}:s3:::{state_bucket}/.pulumi/stacks/*/{environment}.json*"],
                sid="ReadState",
            ),
            statement(
                ["kms:Decrypt"],
                [arn("kms", "key/*", where="*")],
                sid="DecryptState",
                conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{STATE_KEY_ALIAS.format(project=project)}"}},
            ),
        ]
    return policy(*statements)
