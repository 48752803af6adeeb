"""Backups that did not happen, and restores that did not work."""

from __future__ import annotations

from collections.abc import Mapping

from infra.plan.alarms.functions import function_alarms
from infra.plan.alarms.model import AlarmSpec, Comparison, Dimension, Metric, Missing, Severity


def backup_alarms(*, vault: Dimension) -> tuple[AlarmSpec, ...]:
    """A backup or a copy to the second region that did not happen (seed 003: notification on failure)."""
    of: tuple[tuple[str, Dimension], ...] = (("BackupVaultName", vault),)
    kinds = {
        "failed": ("NumberOfBackupJobsFailed", "A backup job failed."),
        "expired": ("NumberOfBackupJobsExpired", "A backup job did not start within its window."),
        "copy-failed": ("NumberOfCopyJobsFailed", "A copy to the second region failed."),
    }
    return tuple(
        AlarmSpec(
            key=f"backup-{kind}",
            severity=Severity.CRITICAL,
            source=Metric("AWS/Backup", metric, "Sum", of, period=300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why=why,
            seeds=("DTO-129", "DTO-183"),
            runbook="backup",
        )
        for kind, (metric, why) in kinds.items()
    )


def config_backup_alarms(*, namespace: str) -> tuple[AlarmSpec, ...]:
    """The copies of the configuration (lambdas/config_backup): two runs a day, each of which reports how old what it saved is."""

    def of(name: str, statistic: str) -> Metric:
        return Metric(namespace, name, statistic, period=86_400)

    return (
        AlarmSpec(
            key="config-backup-failed",
            severity=Severity.WARNING,
            source=Metric(namespace, "ConfigSourcesFailed", "Maximum", period=3600),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="A part of the configuration could not be saved; the rest was. The run's manifest names the part.",
            seeds=("DTO-181", "DTO-182", "DTO-183"),
            runbook="config-backup",
        ),
        AlarmSpec(
            key="config-backup-silent",
            severity=Severity.WARNING,
            source=of("ConfigRuns", "Sum"),
            comparison=Comparison.BELOW,
            threshold=2,
            missing=Missing.BREACHING,
            why="Fewer than two copies of the configuration were finished within a day.",
            seeds=("DTO-181", "DTO-182", "DTO-183"),
            runbook="config-backup",
        ),
        AlarmSpec(
            key="config-backup-repository",
            severity=Severity.WARNING,
            source=of("RepositoryBundleAgeHours", "Maximum"),
            comparison=Comparison.ABOVE,
            threshold=26,
            missing=Missing.BREACHING,
            why="The newest copy of the Git repository is older than a day, or there is none: the pipeline has not uploaded one.",
            seeds=("NRC-038", "DTO-174"),
            runbook="config-backup",
        ),
    )


def restore_alarms(
    *, namespace: str, rto_minutes: int, rpo_minutes: int, age_days: int, functions: Mapping[str, str]
) -> tuple[AlarmSpec, ...]:
    """The weekly restore test (`infra.components.restore_testing`): it failed, took too long, lost too much, or has not happened.

    `functions` are the judge and the comparison: physical names by key.

    CloudWatch looks back a week at most, so the age of the last proof is a metric of its own, published every six hours.
    """

    def of(metric: str, period: int) -> Metric:
        return Metric(namespace, metric, "Maximum", period=period)

    return (
        AlarmSpec(
            key="restore-failed",
            severity=Severity.CRITICAL,
            source=of("RestoreFailed", 300),
            comparison=Comparison.ABOVE,
            threshold=0,
            why="A backup could not be restored, or what was restored is not what was backed up.",
            seeds=("DTO-160", "DTO-161", "NRC-054"),
            runbook="restore-test",
        ),
        AlarmSpec(
            key="restore-rto",
            severity=Severity.WARNING,
            source=of("RestoreRto", 300),
            comparison=Comparison.ABOVE,
            threshold=rto_minutes * 60,
            why=f"A restore took more than {rto_minutes} minutes until it answered.",
            seeds=("DTO-163",),
            runbook="restore-test",
        ),
        AlarmSpec(
            key="restore-rpo",
            severity=Severity.CRITICAL,
            source=of("RestoreRpo", 300),
            comparison=Comparison.ABOVE,
            threshold=rpo_minutes * 60,
            why=f"The newest row of a restored database is more than {rpo_minutes} minutes older than it was when the backup was taken.",
            seeds=("DTO-164",),
            runbook="restore-test",
        ),
        AlarmSpec(
            key="restore-age",
            severity=Severity.WARNING,
            source=of("RestoreAgeDays", 86_400),
            comparison=Comparison.ABOVE,
            threshold=age_days,
            missing=Missing.BREACHING,
            why=f"For more than {age_days} days no restore test has succeeded for something that holds data, or nobody has looked.",
            seeds=("DTO-186", "OTE-140"),
            runbook="restore-test",
        ),
        *(
            spec
            for key, function in sorted(functions.items())
            for spec in function_alarms(
                key,
                function=function,
                why="A function of the restore test fails: nobody knows whether backups restore.",
                seeds=("DTO-109", "DTO-160"),
                runbook="restore-test",
            )
        ),
    )
