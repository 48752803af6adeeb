"""Audit Manager: the controls follow the settings, and the reports reach a bucket that admits their writer."""

from __future__ import annotations

import json
from typing import Any

from infra.components.backup_audit import BackupAudit
from infra.settings import data
from nautilus.sandbox.simulation.mocks import Recording, synth
from tests.components.data import context

FRAMEWORK = "aws:backup/framework:Framework"
REPORT = "aws:backup/reportPlan:ReportPlan"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"


def made(**settings: Any) -> Recording[BackupAudit]:
    return synth(lambda: BackupAudit("backup-audit", context(), settings=data.Backup(**settings), log_bucket="nautilus-prod-logs"))


def controls(recording: Recording[BackupAudit]) -> dict[str, dict[str, str]]:
    return {
        control["name"]: {one["name"]: one["value"] for one in control.get("inputParameters") or []}
        for control in recording.one(FRAMEWORK).inputs["controls"]
    }


def test_every_promise_of_the_calendar_is_a_control() -> None:
    found = controls(made())
    assert found["BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK"] == {
        "requiredFrequencyUnit": "days",
        "requiredFrequencyValue": "1",
        "requiredRetentionDays": "30",
    }
    assert found["BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK"] == {"maxRetentionDays": "366", "minRetentionDays": "7"}
    assert found["BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION"] == {"crossRegionList": "us-west-2"}
    assert found["RESTORE_TIME_FOR_RESOURCES_MEET_TARGET"] == {"maxRestoreTime": "60"}
    assert found["BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK"] == {"requiredRetentionDays": "7"}
    assert {
        "BACKUP_LAST_RECOVERY_POINT_CREATED",
        "BACKUP_RECOVERY_POINT_ENCRYPTED",
        "BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED",
        "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN",
    } <= found.keys()


def test_controls_follow_the_settings() -> None:
    found = controls(made(lock="none", daily_days=60, weekly_days=90, restore_test=data.RestoreTest(enabled=False)))
    assert "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK" not in found
    assert "RESTORE_TIME_FOR_RESOURCES_MEET_TARGET" not in found
    assert found["BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK"]["requiredRetentionDays"] == "35", "the log's plan keeps no longer"


def test_a_control_looks_at_types_that_are_all_backed_up() -> None:
    scopes = {one["name"]: one.get("scope") for one in made().one(FRAMEWORK).inputs["controls"]}
    assert scopes["BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN"] == {"complianceResourceTypes": ["DynamoDB", "EFS", "RDS"]}
    assert scopes["BACKUP_RECOVERY_POINT_ENCRYPTED"] is None


def test_names_have_no_hyphen() -> None:
    found = made()
    names = [one.inputs["name"] for one in (*found.by_type(FRAMEWORK), *found.by_type(REPORT))]
    assert len(set(names)) == 5
    assert all(name.replace("_", "").isalnum() for name in names)


def test_four_reports_in_a_bucket_of_their_own() -> None:
    found = made()
    reports = {one.name: one.inputs for one in found.by_type(REPORT)}
    assert {name: one["reportSetting"]["reportTemplate"] for name, one in reports.items()} == {
        "backup-audit-backup-jobs": "BACKUP_JOB_REPORT",
        "backup-audit-controls": "CONTROL_COMPLIANCE_REPORT",
        "backup-audit-copy-jobs": "COPY_JOB_REPORT",
        "backup-audit-restore-jobs": "RESTORE_JOB_REPORT",
    }
    assert reports["backup-audit-controls"]["reportSetting"]["frameworkArns"] == [found.one(FRAMEWORK).outputs["arn"]]
    assert reports["backup-audit-copy-jobs"]["reportSetting"].get("frameworkArns") is None
    assert {one["reportDeliveryChannel"]["s3BucketName"] for one in reports.values()} == {
        found.one("aws:s3/bucket:Bucket").inputs["bucket"]
    }


def test_the_bucket_admits_its_writer_once_the_role_exists() -> None:
    found = made()
    policy = found.one(POLICY)
    [writes] = [one for one in json.loads(policy.inputs["policy"])["Statement"] if one["Sid"] == "BackupWritesReports"]
    role = "arn:aws:iam::123456789012:role/aws-service-role/reports.backup.amazonaws.com/AWSServiceRoleForBackupReports"
    assert (writes["Effect"], writes["Principal"], writes["Action"]) == ("Allow", {"AWS": role}, "s3:PutObject")
    assert writes["Resource"] == f"arn:aws:s3:::{found.one('aws:s3/bucket:Bucket').inputs['bucket']}/*"
    assert {one.urn for one in found.by_type(REPORT)} <= set(policy.dependencies), "S3 refuses a policy that names a role before it exists"
