"""Secrets Manager: passwords that AWS takes, and functions that can check whom they talk to."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.rds_authorities import REGIONS
from infra.plan.secrets import DATABASE_SPECIAL, Target, check_alphabet, database_alphabet
from infra.settings.checks.finding import Finding
from infra.settings.root import Settings
from infra.settings.words import one_of


def passwords(settings: Settings) -> Iterator[Finding]:
    """A drawn password holds no character that RDS or PostgreSQL refuses (RDS CreateDBInstance)."""
    special = settings.secrets.password_special
    for target in (Target.RDS, Target.POSTGRES):
        try:
            check_alphabet(database_alphabet(special), target)
        except ValueError as wrong:
            yield Finding(("secrets", "passwordSpecial"), f"cannot be used: {wrong}", "characters such as `-_.~`", DATABASE_SPECIAL)
            return


def authority(settings: Settings) -> Iterator[Finding]:
    """The functions that rotate PostgreSQL's passwords check its certificate, and know the authorities of these regions."""
    if settings.account.region not in REGIONS:
        yield Finding(
            ("account", "region"),
            "has a certificate authority of RDS's that the rotation does not know (infra/plan/rds_authorities.py)",
            one_of(REGIONS),
            "us-east-1",
        )
