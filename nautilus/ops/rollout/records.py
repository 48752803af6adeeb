"""Records in Parameter Store that stop or admit a rollout: who, why and when, outside of Pulumi, so that no deployment changes them.

The hook inside AWS reads the same parameters. An unreadable pause holds, an unreadable override admits nothing, and an unreadable migration
record counts as a failed migration: each mistake leaves the version that serves in place.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops.rollout.facts import Facts
from nautilus.ops.steps import code_of

LONGEST_OVERRIDE: Final = timedelta(hours=1)
"""An override that outlives its emergency would admit the next deployment too."""
LONGEST_WHY: Final = 500
"""Characters of a reason; a parameter of the standard tier takes 4,096 bytes."""
MIGRATION_STATES: Final = ("checked", "executed", "failed")


@dataclass(frozen=True, slots=True)
class Pause:
    """While it stands, the hook holds before the next shift of traffic."""

    who: str
    why: str
    at: str
    readable: bool = True

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Migration:
    """How the newest migration of a service's database went."""

    digest: str
    status: str
    who: str
    at: str
    detail: str
    readable: bool = True

    @property
    def failed(self) -> bool:
        """Whether the database may not be given a new version."""
        return not self.readable or self.status == "failed"


def _get(ssm: Any, name: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return None
        raise


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _put(ssm: Any, name: str, document: dict[str, Any]) -> None:
    # Not escaped: the longest reason in another script would not fit into a parameter.
    ssm.put_parameter(Name=name, Value=json.dumps(document, sort_keys=True, ensure_ascii=False), Type="String", Overwrite=True)


def read_pause(ssm: Any, facts: Facts, service: str) -> Pause | None:
    """The pause of a service; None where nothing holds it."""
    text = _get(ssm, facts.record(service, "pause"))
    if text is None:
        return None
    document = _object(text)
    keys = ("who", "why", "at")
    if all(isinstance(document.get(key), str) for key in keys):
        return Pause(str(document["who"]), str(document["why"]), str(document["at"]))
    return Pause("unknown", "the record cannot be read, which holds too", "unknown", readable=False)


def put_pause(ssm: Any, facts: Facts, service: str, *, who: str, why: str, at: datetime) -> Pause:
    """Hold the service's rollout before its next shift."""
    pause = Pause(who, why[:LONGEST_WHY], at.astimezone(UTC).isoformat(timespec="seconds"))
    _put(ssm, facts.record(service, "pause"), {"who": pause.who, "why": pause.why, "at": pause.at})
    return pause


def delete_pause(ssm: Any, facts: Facts, service: str) -> bool:
    """Take the pause away; whether there was one."""
    return _delete(ssm, facts.record(service, "pause"))


def delete_override(ssm: Any, facts: Facts, service: str) -> bool:
    """Take the override away, because nothing was deployed with it; whether there was one."""
    return _delete(ssm, facts.record(service, "override"))


def _delete(ssm: Any, name: str) -> bool:
    try:
        ssm.delete_parameter(Name=name)
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return False
        raise
    return True


def put_override(ssm: Any, facts: Facts, service: str, *, who: str, why: str, now: datetime) -> datetime:
    """Let one emergency deployment in session pass the guard; when the permission ends, at most `LONGEST_OVERRIDE` ahead."""
    until = (now + LONGEST_OVERRIDE).astimezone(UTC)
    _put(ssm, facts.record(service, "override"), {"who": who, "why": why[:LONGEST_WHY], "until": until.isoformat(timespec="seconds")})
    return until


def read_migration(ssm: Any, facts: Facts, service: str) -> Migration | None:
    """The record of the newest migration; None where none ever ran."""
    text = _get(ssm, facts.migration_parameter(service))
    if text is None:
        return None
    document = _object(text)
    if document.get("status") not in MIGRATION_STATES or not isinstance(document.get("digest"), str):
        return Migration("unknown", "failed", "unknown", "unknown", "the record cannot be read", readable=False)
    digest, status, who, at, detail = (str(document.get(key, "")) for key in ("digest", "status", "who", "at", "detail"))
    return Migration(digest, status, who, at, detail)


def put_migration(ssm: Any, parameter: str, record: Migration) -> None:
    """Write the record of a service's newest migration, as `read_migration` reads it."""
    document = asdict(record)
    del document["readable"]
    _put(ssm, parameter, document)
