"""AWS Backup Audit Manager: what must hold for the backups, judged every day by AWS, and the reports as evidence."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.storage import PrivateBucket
from infra.plan import backup_calendar as plan
from infra.plan.backup_calendar import Control
from infra.settings import data

REPORTS = {
    "backup_jobs": "BACKUP_JOB_REPORT",
    "copy_jobs": "COPY_JOB_REPORT",
    "restore_jobs": "RESTORE_JOB_REPORT",
    "controls": "CONTROL_COMPLIANCE_REPORT",
}
"""The daily reports, and AWS's templates. `controls` is about the framework."""
KEEP_DAYS = 400
"""How long reports are kept, in days: a year's, and time to look at them."""


class BackupAudit(Component):
    """`nautilus:backup-audit`: a framework of controls and four daily reports in a bucket of their own.

    Makes: a `backup.Framework` with the controls of `infra.plan.backup_calendar.controls`; a `backup.ReportPlan` for each of `REPORTS`; a
    private bucket whose policy admits AWS Backup's reporting role. That role exists only once a report plan does, and S3 refuses a policy
    that names a role which does not exist, so the policy comes last.

    The framework makes AWS Config rules: AWS Config must be recording, which the stack `account` sees to. A framework names a
    control once, and an account has 50 controls a region.
    Sources: DTO-160, DTO-167, DTO-189, OTE-130; POLICY-RULES BKP-03, BKP-04.

    Args:
        settings: The section `backup`.
        log_bucket: Name of the bucket that takes the access log of the reports' bucket.
    """

    token: ClassVar[str] = "backup-audit"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Backup,
        log_bucket: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        bucket_name = ctx.names.bucket("backup-reports", account=ctx.account_id, region=ctx.region)
        self.bucket = PrivateBucket(
            f"{name}-reports",
            ctx,
            bucket_name=bucket_name,
            # The reporting role may use no key of ours, and the reports name resources alone.
            key_arn=None,
            log_bucket=log_bucket,
            expire_days=KEEP_DAYS,
            defer_policy=True,
            opts=self.child(),
        )
        framework = aws.backup.Framework(
            f"{name}-framework",
            name=ctx.names.under("backup", "framework", limit=256),
            description="What must hold for the platform's backups",
            controls=[self._control(control) for control in plan.controls(settings, dr_region=ctx.dr_region)],
            opts=self.child(),
        )
        reports = [
            aws.backup.ReportPlan(
                f"{name}-{key.replace('_', '-')}",
                name=ctx.names.under("backup", key, limit=256),
                description=f"Daily report: {key.replace('_', ' ')}",
                report_delivery_channel={"s3_bucket_name": self.bucket.name, "s3_key_prefix": "reports", "formats": ["CSV", "JSON"]},
                report_setting={
                    "report_template": template,
                    "framework_arns": [framework.arn] if key == "controls" else None,
                    "number_of_frameworks": 1 if key == "controls" else None,
                },
                opts=self.child(),
            )
            for key, template in REPORTS.items()
        ]
        role = ctx.arn("iam", "role/aws-service-role/reports.backup.amazonaws.com/AWSServiceRoleForBackupReports", region="")
        after = pulumi.Output.all(*(report.arn for report in reports))
        self.bucket.attach_policy(
            [
                {
                    "Sid": "BackupWritesReports",
                    "Effect": "Allow",
                    "Principal": {"AWS": after.apply(lambda _: role)},
                    "Action": "s3:PutObject",
                    "Resource": f"arn:{ctx.partition}:s3:::{bucket_name}/*",
                    "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
                }
            ]
        )
        self.framework_arn: pulumi.Output[str] = framework.arn
        self.register_outputs({"frameworkArn": self.framework_arn, "bucket": bucket_name})

    def _control(self, control: Control) -> aws.backup.FrameworkControlArgs:
        return aws.backup.FrameworkControlArgs(
            name=control.name,
            input_parameters=[
                aws.backup.FrameworkControlInputParameterArgs(name=key, value=value) for key, value in sorted(control.parameters.items())
            ]
            or None,
            scope=aws.backup.FrameworkControlScopeArgs(compliance_resource_types=list(control.types)) if control.types else None,
        )
