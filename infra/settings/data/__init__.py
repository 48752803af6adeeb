"""Settings of what holds data, a module for each section: PostgreSQL, TimescaleDB, cache, secrets, backups."""

from infra.settings.data.backup import Backup, LockMode
from infra.settings.data.cache import Cache
from infra.settings.data.postgres import Postgres
from infra.settings.data.secrets import Secrets
from infra.settings.data.timescale import Timescale, TimescalePlacement

__all__ = ["Backup", "Cache", "LockMode", "Postgres", "Secrets", "Timescale", "TimescalePlacement"]
