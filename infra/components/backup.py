"""AWS Backup: vaults in two regions, the seed's calendar, log shipping, and who hears of a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.events import RULE_LIMIT, tell
from infra.plan import backup_calendar as plan
from infra.plan.backup_calendar import Rule
from infra.plan.iam import canonical, policy, statement, trust
from infra.plan.postgres import MAINTENANCE_WINDOW
from infra.settings import data

SELECTION_TAG = "BackupCalendar"
"""Resources with this tag and the stack's prefix as its value join the calendar, beside those that are named by ARN."""
EVENTS = ("BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED")
"""What the vault reports: the first and the last tell of every end of a job, a failed one too (DTO-183: on completion and failure)."""
FAILED_EVENTS: Mapping[str, object] = {
    "source": ["aws.backup"],
    "detail-type": ["Backup Job State Change", "Copy Job State Change", "Restore Job State Change"],
    # Backup and copy jobs name their end `state`, restore jobs `status`.
    "detail": {"$or": [{"state": ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"]}, {"status": ["ABORTED", "FAILED"]}]},
}
"""A job that did not do what it was for, in whichever region: the second one forwards its own."""
WEAKENED_EVENTS: Mapping[str, object] = {
    "source": ["aws.backup"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {
        "eventSource": ["backup.amazonaws.com"],
        "eventName": [
            "DeleteBackupPlan",
            "DeleteBackupSelection",
            "DeleteBackupVault",
            "DeleteBackupVaultAccessPolicy",
            "DeleteBackupVaultLockConfiguration",
            "DeleteRecoveryPoint",
            "PutBackupVaultAccessPolicy",
            "PutBackupVaultLockConfiguration",
            "UpdateRecoveryPointLifecycle",
        ],
    },
}
"""Somebody takes a protection away, or tries to; a deployment of this program that changes one is heard as well."""

_POLICIES = ("AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores")


def deletion_denied() -> dict[str, object]:
    """The access policy of both vaults: nobody deletes a recovery point or shortens its life by hand (DTO-168).

    AWS Backup's own expiry does not pass through this policy. Taking the policy away is a change of this program, seen in review.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "NobodyDeletesRecoveryPoints",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"],
                "Resource": "*",
            }
        ],
    }


class Backup(Component):
    """`nautilus:backup`: the calendar of seed 003 on AWS Backup.

    Makes: a `backup.Vault` (stateful), its policy and its lock in each of two regions; a plan with the daily, weekly, monthly and
    four-hourly rules, each with a copy to the second region; a plan for continuous backup; the role; a selection by ARN and one by the
    tag `BackupCalendar`; and where a topic is given: the vault's reports, EventBridge rules for failed jobs of both regions (the second
    region's are forwarded to the home region's bus, because an SNS target must be of the rule's own region) and for calls that weaken the
    protection.
    Sources: DTO-155 to DTO-169, NRC-037, PFC-143; POLICY-RULES BKP-01 to BKP-05; DESIGN.md decision 9.

    Args:
        settings: The section `backup`.
        key_arn: KMS key of BACKUP in the home region.
        dr_key_arn: KMS key of BACKUP in the second region.
        resource_arns: What is backed up, by a short name: RDS, EBS, EFS, DynamoDB. ElastiCache has its own snapshots.
        continuous: Names out of `resource_arns` that take continuous backup. Only RDS and S3 can; a resource belongs in one such rule.
        topic_arn: SNS topic of failures, in the home region, or None. Its policy and its key must admit `backup` and `events`.
        report_topic_arn: SNS topic of the vault's reports, of good ends too; that of failures if None. Six backups a day of each resource
            would teach people to look away from the topic that wakes them.

    Raises:
        ValueError: No resource; an unknown name in `continuous`; a start in RDS's maintenance or the hour before; retention that breaks
            AWS's rule of cold storage; a compliance lock without its acknowledgement.
    """

    token: ClassVar[str] = "backup"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Backup,
        key_arn: pulumi.Input[str],
        dr_key_arn: pulumi.Input[str],
        resource_arns: Mapping[str, pulumi.Input[str]],
        continuous: Sequence[str] = (),
        topic_arn: pulumi.Input[str] | None = None,
        report_topic_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        if not resource_arns:
            raise ValueError("backup: nothing to back up")
        strange = sorted(set(continuous) - set(resource_arns))
        if strange:
            raise ValueError(f"backup: continuous backup of {', '.join(strange)}, which is not among the resources")
        rules = plan.calendar(settings)
        met = plan.conflicts((*rules, plan.log_shipping()), MAINTENANCE_WINDOW)
        if met:
            raise ValueError("backup: RDS refuses backups in its maintenance window and the hour before: " + "; ".join(met))
        bounds = plan.lock(settings)

        self.vault = self._vault(name, key_arn, None, bounds)
        self.dr_vault = self._vault(f"{name}-dr", dr_key_arn, ctx.dr_region, bounds)
        role, attachments = self._role()

        calendar = aws.backup.Plan(
            f"{name}-calendar",
            name=ctx.names("calendar", limit=50),
            rules=[self._rule(rule) for rule in rules],
            opts=self.child(),
        )
        aws.backup.Selection(
            f"{name}-resources",
            name=ctx.names("resources", limit=50),
            plan_id=calendar.id,
            iam_role_arn=role.arn,
            resources=list(resource_arns.values()),
            opts=self.child(depends_on=attachments, delete_before_replace=True),
        )
        aws.backup.Selection(
            f"{name}-tagged",
            name=ctx.names("tagged", limit=50),
            plan_id=calendar.id,
            iam_role_arn=role.arn,
            selection_tags=[{"type": "STRINGEQUALS", "key": SELECTION_TAG, "value": ctx.names.prefix}],
            opts=self.child(depends_on=attachments, delete_before_replace=True),
        )
        if continuous:
            shipping = aws.backup.Plan(
                f"{name}-continuous",
                name=ctx.names("continuous", limit=50),
                rules=[self._rule(plan.log_shipping())],
                opts=self.child(),
            )
            aws.backup.Selection(
                f"{name}-continuous",
                name=ctx.names("continuous", limit=50),
                plan_id=shipping.id,
                iam_role_arn=role.arn,
                resources=[resource_arns[key] for key in continuous],
                opts=self.child(depends_on=attachments, delete_before_replace=True),
            )
        if topic_arn is not None:
            aws.backup.VaultNotifications(
                f"{name}-notifications",
                backup_vault_name=self.vault.name,
                sns_topic_arn=report_topic_arn or topic_arn,
                backup_vault_events=list(EVENTS),
                opts=self.child(),
            )
            self._announce("failed", "A backup, a copy or a restore failed", FAILED_EVENTS, topic_arn)
            self._announce("weakened", "A protection of the backups is taken away", WEAKENED_EVENTS, topic_arn)
            self._forward()

        self.vault_arn: pulumi.Output[str] = self.vault.arn
        self.dr_vault_arn: pulumi.Output[str] = self.dr_vault.arn
        self.plan_id: pulumi.Output[str] = calendar.id
        self.role_arn: pulumi.Output[str] = role.arn
        self.register_outputs({"vaultArn": self.vault_arn, "drVaultArn": self.dr_vault_arn, "planId": self.plan_id})

    def _vault(self, logical: str, key_arn: pulumi.Input[str], region: str | None, bounds: plan.Lock | None) -> aws.backup.Vault:
        ctx = self.ctx
        vault = aws.backup.Vault(
            f"{logical}-vault",
            name=ctx.names("backup", limit=50),
            kms_key_arn=key_arn,
            # An unlocked stack may be destroyed, recovery points and all; a guarded one keeps its vault as long as it holds any.
            force_destroy=ctx.unlocked,
            region=region,
            opts=self.stateful(),
        )
        aws.backup.VaultPolicy(
            f"{logical}-vault-policy",
            backup_vault_name=vault.name,
            policy=json.dumps(deletion_denied(), sort_keys=True, separators=(",", ":")),
            region=region,
            opts=self.child(),
        )
        if bounds is not None:
            aws.backup.VaultLockConfiguration(
                f"{logical}-vault-lock",
                backup_vault_name=vault.name,
                min_retention_days=bounds.min_days,
                max_retention_days=bounds.max_days,
                changeable_for_days=bounds.cooling_off_days,
                region=region,
                opts=self.child(),
            )
        return vault

    def _rule(self, rule: Rule) -> aws.backup.PlanRuleArgs:
        lifecycle = aws.backup.PlanRuleLifecycleArgs(delete_after=rule.keep_days, cold_storage_after=rule.cold_days)
        copy = aws.backup.PlanRuleCopyActionArgs(
            destination_vault_arn=self.dr_vault.arn,
            lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=rule.keep_days, cold_storage_after=rule.cold_days),
        )
        return aws.backup.PlanRuleArgs(
            rule_name=rule.name,
            target_vault_name=self.vault.name,
            schedule=rule.schedule,
            start_window=plan.START_MINUTES,
            completion_window=plan.COMPLETION_MINUTES,
            enable_continuous_backup=rule.continuous,
            lifecycle=lifecycle,
            copy_actions=[copy] if rule.copied else None,
        )

    def _announce(self, key: str, what: str, pattern: Mapping[str, object], topic_arn: pulumi.Input[str]) -> None:
        """Tell the topic of every event that `pattern` fits."""
        logical = f"{self.logical}-{key}"
        tell(
            self,
            logical,
            name=self.ctx.names("backup", key, limit=RULE_LIMIT),
            what=what,
            pattern=canonical(pattern),
            topic_arn=topic_arn,
            target=logical,
            target_id="topic",
        )

    def _forward(self) -> None:
        """Send the second region's failures to the home region's default bus, where the rules above and the topic are."""
        ctx, name = self.ctx, f"{self.logical}-dr-failed"
        bus = ctx.arn("events", "event-bus/default")
        role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names("backup", "forward", limit=64),
            description="With which the second region's failed backup jobs are told to the home region",
            assume_role_policy=trust("events.amazonaws.com", account_id=ctx.account_id),
            opts=self.child(),
        )
        permission = aws.iam.RolePolicy(
            f"{name}-policy",
            name="forward",
            role=role.name,
            policy=policy(statement(["events:PutEvents"], [bus], sid="TellHomeRegion")),
            opts=self.child(),
        )
        rule = aws.cloudwatch.EventRule(
            name,
            name=ctx.names("backup", "failed", limit=64),
            description="A backup, a copy or a restore failed in the second region",
            event_pattern=canonical(FAILED_EVENTS),
            state="ENABLED",
            region=ctx.dr_region,
            opts=self.child(),
        )
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            target_id="home",
            arn=bus,
            role_arn=role.arn,
            region=ctx.dr_region,
            opts=self.child(depends_on=[permission]),
        )

    def _role(self) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
        ctx = self.ctx
        role = aws.iam.Role(
            f"{self.logical}-role",
            name=ctx.names("backup", limit=64),
            description="Lets AWS Backup take and restore recovery points",
            assume_role_policy=trust("backup.amazonaws.com", account_id=ctx.account_id),
            opts=self.child(),
        )
        attachments = [
            aws.iam.RolePolicyAttachment(
                f"{self.logical}-role-{managed.removeprefix('AWSBackupServiceRolePolicyFor').lower()}",
                role=role.name,
                policy_arn=f"arn:{ctx.partition}:iam::aws:policy/service-role/{managed}",
                opts=self.child(),
            )
            for managed in _POLICIES
        ]
        return role, attachments
