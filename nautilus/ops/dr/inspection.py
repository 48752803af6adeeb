"""What is warm in the second region, how old it is, and whether a failover could use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nautilus.ops.dr.actions import secrets_under
from nautilus.ops.dr.gates import describe, is_replica, lag
from nautilus.ops.dr.people import missing_images
from nautilus.ops.dr.room import Room
from nautilus.ops.dr.step import Step
from nautilus.ops.steps import code_of

OLDEST_BACKUP_SECONDS = 6 * 3_600
"""A copy of a recovery point older than this is late: there is one every four hours, and it needs time to arrive."""


@dataclass(frozen=True, slots=True)
class Warm:
    """One kind of thing in the second region."""

    what: str
    ok: bool
    detail: str
    age_seconds: float | None = None
    """How far behind the home region, where that can be measured."""

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"what": self.what, "ok": self.ok, "detail": self.detail, "ageSeconds": self.age_seconds}


def inspect(room: Room, any_step: Step) -> list[Warm]:
    """Everything that should be warm. What cannot be seen is not in order, and says why; nothing is changed."""
    looks: tuple[tuple[str, Callable[[], Warm]], ...] = (
        ("replica", lambda: _replica(room)),
        ("secrets", lambda: _secrets(room)),
        ("images", lambda: _images(room, any_step)),
        ("backups", lambda: _backups(room)),
        ("archive", lambda: _archive(room)),
        ("keys", lambda: _key(room)),
    )
    found: list[Warm] = []
    for what, see in looks:
        try:
            found.append(see())
        except (ClientError, BotoCoreError) as error:
            found.append(Warm(what, False, f"cannot be seen: {error}"))
    return found


def _replica(room: Room) -> Warm:
    name = room.facts.replica
    if name is None:
        return Warm("replica", False, "dr.postgresReplica is false: the database comes from a copied backup, hours old at worst")
    instance = describe(room, name)
    if instance is None:
        return Warm("replica", False, f"there is no {name}")
    if not is_replica(instance):
        return Warm("replica", True, f"{name} is promoted: a database of its own")
    measured = lag(room)
    if measured is None:
        return Warm("replica", False, f"{name} is {instance['DBInstanceStatus']}; its lag is not known")
    seconds, at = measured
    ok = instance["DBInstanceStatus"] == "available" and seconds <= room.facts.max_lag_seconds
    return Warm("replica", ok, f"{name} is {instance['DBInstanceStatus']}, {seconds:.0f} s behind at {at.isoformat()}", seconds)


def _secrets(room: Room) -> Warm:
    client = room.there("secretsmanager")
    names = list(secrets_under(client, room.facts.secrets_prefix))
    empty = [name for name in names if not client.describe_secret(SecretId=name).get("VersionIdsToStages")]
    detail = f"{len(names)} secrets" + (f", {len(empty)} of them empty: {', '.join(empty)}" if empty else "")
    return Warm("secrets", bool(names) and not empty, detail)


def _images(room: Room, step: Step) -> Warm:
    missing = missing_images(step, room.facts.repositories_prefix)
    detail = f"missing: {', '.join(missing)}" if missing else f"{len(room.digests)} digests of the stack file"
    return Warm("images", not missing, detail)


def _backups(room: Room) -> Warm:
    points = [
        one
        for page in room.there("backup").get_paginator("list_recovery_points_by_backup_vault").paginate(BackupVaultName=room.facts.vault)
        for one in page["RecoveryPoints"]
        if one.get("Status") == "COMPLETED"
    ]
    if not points:
        return Warm("backups", False, f"no recovery point in {room.facts.vault}")
    age = (room.now() - max(one["CreationDate"] for one in points)).total_seconds()
    return Warm("backups", age <= OLDEST_BACKUP_SECONDS, f"{len(points)} recovery points, the newest {age / 3600:.1f} h old", age)


def _archive(room: Room) -> Warm:
    try:
        bucket = str(room.there("ssm").get_parameter(Name=f"{room.path}/archive")["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        return Warm("archive", False, "no copy of the market data's archive")
    versioning = room.there("s3").get_bucket_versioning(Bucket=bucket).get("Status")
    return Warm("archive", versioning == "Enabled", f"s3://{bucket}; how far behind: the alarm dr-archive-late")


def _key(room: Room) -> Warm:
    state = str(room.there("kms").describe_key(KeyId=room.facts.database_key)["KeyMetadata"]["KeyState"])
    return Warm("keys", state == "Enabled", f"the database's key is {state}")
