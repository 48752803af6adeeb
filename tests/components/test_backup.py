"""AWS Backup: the calendar in two regions, locked, and heard of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components import backup as module
from infra.components.backup import Backup
from infra.plan.backup_calendar import Rule
from infra.settings import data
from tests.components.data import Stack, context, key, protected, synth

POSTGRES = "arn:aws:rds:us-east-1:123456789012:db:nautilus-prod-postgres"
CRITICAL = "arn:aws:sns:us-east-1:123456789012:critical"
REPORTS = "arn:aws:sns:us-east-1:123456789012:warning"
VOLUME = "arn:aws:ec2:us-east-1:123456789012:volume/vol-1"


def made(*, unlocked: bool = False, topic: bool = True, resources: Any = None, continuous: Any = ("postgres",), **settings: Any) -> Stack:
    def build() -> dict[str, Any]:
        backup = Backup(
            "backup",
            context(unlocked=unlocked),
            settings=data.Backup(**settings),
            key_arn=key("backup"),
            dr_key_arn=key("backup", region="us-west-2"),
            resource_arns={"postgres": POSTGRES, "timescale-0": VOLUME} if resources is None else resources,
            continuous=continuous,
            topic_arn=CRITICAL if topic else None,
            report_topic_arn=REPORTS if topic else None,
        )
        return {"vault": backup.vault_arn, "dr": backup.dr_vault_arn, "plan": backup.plan_id}

    return synth(build)


def test_a_vault_in_each_region_under_its_own_key() -> None:
    stack = made()
    home, away = stack.one("backup.Vault", "backup-vault"), stack.one("backup.Vault", "backup-dr-vault")
    assert (home["kmsKeyArn"], home.inputs.get("region"), home["forceDestroy"]) == (key("backup"), None, False)
    assert (away["kmsKeyArn"], away["region"], away["forceDestroy"]) == (key("backup", region="us-west-2"), "us-west-2", False)


def test_the_calendar_is_the_seeds_with_a_copy_of_each() -> None:
    stack = made()
    rules = {rule["ruleName"]: rule for rule in stack.one("backup.Plan", "backup-calendar")["rules"]}
    assert {name: (rule["schedule"], rule["lifecycle"]["deleteAfter"]) for name, rule in rules.items()} == {
        "daily": ("cron(0 2 * * ? *)", 30),
        "weekly": ("cron(0 1 ? * SUN *)", 84),
        "monthly": ("cron(0 0 ? * 1#1 *)", 366),
        "four-hourly": ("cron(0 0/4 * * ? *)", 7),
    }
    for rule in rules.values():
        (copy,) = rule["copyActions"]
        assert copy["lifecycle"] == rule["lifecycle"]
        assert copy["destinationVaultArn"] == stack.outputs["dr"]
        assert rule["enableContinuousBackup"] is False
        assert rule["completionWindow"] >= rule["startWindow"] + 60, "AWS Backup's own rule"


def test_log_shipping_is_for_those_who_can() -> None:
    stack = made()
    (rule,) = stack.one("backup.Plan", "backup-continuous")["rules"]
    assert (rule["enableContinuousBackup"], rule["lifecycle"]["deleteAfter"]) == (True, 35)
    assert "copyActions" not in rule
    assert stack.one("backup.Selection", "backup-continuous")["resources"] == [POSTGRES]
    assert made(continuous=()).names("backup.Plan") == ["backup-calendar"]


def test_resources_are_selected_by_arn_and_by_tag() -> None:
    stack = made()
    assert stack.one("backup.Selection", "backup-resources")["resources"] == [POSTGRES, VOLUME]
    (tag,) = stack.one("backup.Selection", "backup-tagged")["selectionTags"]
    assert tag == {"type": "STRINGEQUALS", "key": "BackupCalendar", "value": "nautilus-prod"}


def test_both_vaults_are_locked_in_governance_mode() -> None:
    stack = made()
    locks = stack.all("backup.VaultLockConfiguration")
    assert {one.inputs.get("region") for one in locks} == {None, "us-west-2"}
    for one in locks:
        assert (one["minRetentionDays"], one["maxRetentionDays"]) == (7, 366)
        assert "changeableForDays" not in one.inputs, "with it AWS would choose compliance mode"


def test_compliance_mode_needs_its_words() -> None:
    with pytest.raises(ValueError, match="this lock can never be removed"):
        made(lock="compliance")
    stack = made(lock="compliance", acknowledge_compliance="this lock can never be removed", cooling_off_days=4)
    assert {one["changeableForDays"] for one in stack.all("backup.VaultLockConfiguration")} == {4}
    assert made(lock="none").all("backup.VaultLockConfiguration") == []


def test_nobody_deletes_a_recovery_point() -> None:
    stack = made()
    policies = stack.all("backup.VaultPolicy")
    assert {one.inputs.get("region") for one in policies} == {None, "us-west-2"}
    for policy in policies:
        (statement,) = json.loads(policy["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert "backup:DeleteRecoveryPoint" in statement["Action"]
        assert "backup:PutBackupVaultAccessPolicy" not in statement["Action"], "or the vault could never be taken down"


def test_the_role_is_for_aws_backup_of_this_account() -> None:
    stack = made()
    (trust,) = json.loads(stack.one("iam.Role", "backup-role")["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert {one["policyArn"].rpartition("/")[2] for one in stack.all("iam.RolePolicyAttachment")} == {
        "AWSBackupServiceRolePolicyForBackup",
        "AWSBackupServiceRolePolicyForRestores",
    }
    attached = set(stack.names("iam.RolePolicyAttachment"))
    for selection in stack.all("backup.Selection"):
        assert attached <= set(selection.needs)


def test_the_vault_reports_to_the_quiet_topic() -> None:
    one = made().one("backup.VaultNotifications")
    assert {"BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED"} <= set(one["backupVaultEvents"])
    assert one["snsTopicArn"] == REPORTS
    silent = made(topic=False)
    assert (silent.all("backup.VaultNotifications"), silent.all("cloudwatch.EventRule")) == ([], [])


def fits(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """EventBridge's matching, as far as these patterns use it: lists of values, nested objects, `$or`."""
    for field, wanted in pattern.items():
        if field == "$or":
            if not any(fits(one, event) for one in wanted):
                return False
        elif isinstance(wanted, dict):
            if not fits(wanted, event.get(field, {})):
                return False
        elif event.get(field) not in wanted:
            return False
    return True


@pytest.mark.parametrize("kind", ["Backup", "Copy"])
@pytest.mark.parametrize(("state", "heard"), [("FAILED", True), ("ABORTED", True), ("COMPLETED", False), ("RUNNING", False)])
def test_a_failed_job_of_either_region_reaches_the_topic_that_wakes_people(kind: str, state: str, heard: bool) -> None:
    stack = made()
    event = {"source": "aws.backup", "detail-type": f"{kind} Job State Change", "detail": {"state": state}}
    home, away = stack.one("cloudwatch.EventRule", "backup-failed"), stack.one("cloudwatch.EventRule", "backup-dr-failed")
    assert fits(json.loads(home["eventPattern"]), event) is heard
    assert fits(json.loads(away["eventPattern"]), event) is heard
    assert stack.one("cloudwatch.EventTarget", "backup-failed")["arn"] == CRITICAL
    forward = stack.one("cloudwatch.EventTarget", "backup-dr-failed")
    assert (away["region"], forward["region"], forward["arn"]) == (
        "us-west-2",
        "us-west-2",
        "arn:aws:events:us-east-1:123456789012:event-bus/default",
    )
    (allowed,) = json.loads(stack.one("iam.RolePolicy", "backup-dr-failed-policy")["policy"])["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("events:PutEvents", forward["arn"])


@pytest.mark.parametrize(("status", "heard"), [("FAILED", True), ("ABORTED", True), ("COMPLETED", False)])
def test_a_failed_restore_is_heard_too(status: str, heard: bool) -> None:
    event = {"source": "aws.backup", "detail-type": "Restore Job State Change", "detail": {"status": status}}
    assert fits(json.loads(made().one("cloudwatch.EventRule", "backup-failed")["eventPattern"]), event) is heard


@pytest.mark.parametrize(
    ("call", "heard"), [("DeleteBackupVaultLockConfiguration", True), ("PutBackupVaultAccessPolicy", True), ("ListBackupVaults", False)]
)
def test_who_weakens_the_protection_is_heard(call: str, heard: bool) -> None:
    stack = made()
    event = {
        "source": "aws.backup",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventSource": "backup.amazonaws.com", "eventName": call},
    }
    assert fits(json.loads(stack.one("cloudwatch.EventRule", "backup-weakened")["eventPattern"]), event) is heard
    assert stack.one("cloudwatch.EventTarget", "backup-weakened")["arn"] == CRITICAL


def test_cold_storage_is_for_the_monthly_rule_and_its_copy() -> None:
    rules = {rule["ruleName"]: rule for rule in made(cold_after_days=60).one("backup.Plan", "backup-calendar")["rules"]}
    assert {name for name, rule in rules.items() if "coldStorageAfter" in rule["lifecycle"]} == {"monthly"}
    monthly = rules["monthly"]
    assert monthly["lifecycle"] == monthly["copyActions"][0]["lifecycle"] == {"coldStorageAfter": 60, "deleteAfter": 366}
    with pytest.raises(ValueError, match="monthly is deleted after 366 days, but AWS Backup keeps what moved to cold storage"):
        made(cold_after_days=277)


def test_vaults_are_protected_until_the_stack_is_unlocked() -> None:
    assert protected(made()) == {"backup-vault", "backup-dr-vault"}
    stack = made(unlocked=True)
    assert protected(stack) == set()
    assert {one["forceDestroy"] for one in stack.all("backup.Vault")} == {True}


def test_a_start_in_the_maintenance_window_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    late = (Rule("late", "cron(45 3 ? * SUN *)", 30, copied=True),)
    monkeypatch.setattr(module.plan, "calendar", lambda _: late)
    with pytest.raises(ValueError, match="late starts Sun 03:45"):
        made()


def test_what_cannot_be_backed_up_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to back up"):
        made(resources={}, continuous=())
    with pytest.raises(ValueError, match="not among the resources"):
        made(continuous=("mysql",))
