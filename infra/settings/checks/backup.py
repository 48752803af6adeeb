"""AWS Backup."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings.checks.finding import Finding
from infra.settings.data import LockMode
from infra.settings.root import Settings


def backup(settings: Settings) -> Iterator[Finding]:
    """Longer-lived backups live longer, and an irrevocable lock is accepted in words."""
    own = settings.backup
    for name, value, shorter, least in (
        ("weeklyDays", own.weekly_days, "dailyDays", own.daily_days),
        ("monthlyDays", own.monthly_days, "weeklyDays", own.weekly_days),
    ):
        if value < least:
            yield Finding(("backup", name), f"is less than backup.{shorter} = {least}", f"{least} or more", least, (("backup", shorter),))
    phrase = "this lock can never be removed"
    if own.lock is LockMode.COMPLIANCE and own.acknowledge_compliance != phrase:
        yield Finding(
            ("backup", "acknowledgeCompliance"),
            f"is needed for backup.lock = compliance: after {own.cooling_off_days} days nobody can delete a backup before its time, not even AWS; "
            "if that is not meant, take governance",
            phrase,
            LockMode.GOVERNANCE.value,
            (("backup", "lock"),),
            ("backup", "lock"),
        )
