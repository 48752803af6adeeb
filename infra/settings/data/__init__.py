"""Settings of what holds data, a module for each section: PostgreSQL, TimescaleDB, cache, secrets, backups."""

from infra.settings.data.backup import Backup, LockMode, RestoreTest, Weekday
from infra.settings.data.cache import Cache
from infra.settings.data.postgres import DatabaseProxy, MajorUpgrade, Postgres
from infra.settings.data.secrets import Secrets
from infra.settings.data.timescale import Timescale, TimescalePlacement

__all__ = [
    "Backup",
    "Cache",
    "DatabaseProxy",
    "LockMode",
    "MajorUpgrade",
    "Postgres",
    "RestoreTest",
    "Secrets",
    "Timescale",
    "TimescalePlacement",
    "Weekday",
]
