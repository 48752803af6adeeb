"""What a move does by itself: promote the database, take its snapshot, free the secrets, fill the new stack's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from nautilus.ops.dr.gates import describe, is_replica, snapshot_id, snapshots
from nautilus.ops.dr.step import Check, Kind, Step
from nautilus.ops.steps import code_of

BACKUP_DAYS = 35
"""Retention of the promoted instance's own backups, in days: RDS's longest, as the primary's."""
BACKUP_WINDOW = "23:00-23:30"
"""Clear of the maintenance window of Sunday 03:30 to 04:00 UTC, as the primary's."""


class Promote(Step):
    """The replica becomes a database of its own. It cannot be taken back: the old primary must never serve again."""

    name = "promote"
    title = "Promote the replica"
    kind = Kind.ACTION
    estimate = 900

    def checks(self) -> Sequence[Check]:
        """The replica is there."""
        replica = self.room.facts.replica
        instance = describe(self.room, replica) if replica else None
        return [Check(self.name, instance is not None, f"{replica or 'no replica'} in {self.room.facts.region}")]

    def act(self) -> str:
        """Ask RDS for it, unless it is under way."""
        replica = self.room.facts.replica or ""
        instance = describe(self.room, replica)
        if instance is not None and is_replica(instance) and instance["DBInstanceStatus"] == "available":
            try:
                self.room.there("rds").promote_read_replica(
                    DBInstanceIdentifier=replica, BackupRetentionPeriod=BACKUP_DAYS, PreferredBackupWindow=BACKUP_WINDOW
                )
            except ClientError as error:
                # A promotion that a lost run began may not show in the instance's state yet.
                if code_of(error) not in ("InvalidDBInstanceState", "InvalidDBInstanceStateFault"):
                    raise
        return f"RDS promotes {replica}"

    def done(self) -> Check:
        """It follows nobody and is available."""
        instance = describe(self.room, self.room.facts.replica or "")
        ok = instance is not None and not is_replica(instance) and instance["DBInstanceStatus"] == "available"
        state = (
            "is gone" if instance is None else f"is {instance['DBInstanceStatus']}, {'a replica' if is_replica(instance) else 'its own'}"
        )
        return Check(self.name, ok, f"{self.room.facts.replica} {state}")

    def will(self) -> Sequence[str]:
        """The one irrevocable act."""
        return [f"rds promote-read-replica {self.room.facts.replica} in {self.room.facts.region} (cannot be taken back)"]


class Snapshot(Step):
    """A snapshot of the promoted database: what the stack that takes over makes its own from."""

    name = "snapshot"
    title = "Take the snapshot that the new stack starts from"
    kind = Kind.ACTION
    estimate = 900

    def checks(self) -> Sequence[Check]:
        """The promotion is through."""
        return [Promote(self.room).done()]

    def act(self) -> str:
        """Begin it, unless it has begun."""
        if not snapshots(self.room):
            try:
                self.room.there("rds").create_db_snapshot(
                    DBSnapshotIdentifier=snapshot_id(self.room), DBInstanceIdentifier=self.room.facts.replica or ""
                )
            except ClientError as error:
                if code_of(error) != "DBSnapshotAlreadyExists":
                    raise
        return f"RDS takes {snapshot_id(self.room)}"

    def done(self) -> Check:
        """It is available."""
        found = snapshots(self.room)
        status = str(found[0]["Status"]) if found else "missing"
        return Check(self.name, status == "available", f"{snapshot_id(self.room)} is {status}")

    def will(self) -> Sequence[str]:
        """The snapshot's name."""
        return [f"rds create-db-snapshot {snapshot_id(self.room)}"]


def secrets_under(client: Any, prefix: str) -> Iterator[str]:
    """Names of the secrets of a region that start with `prefix`, sorted."""
    names = [
        str(one["Name"])
        for page in client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
        for one in page["SecretList"]
    ]
    return iter(sorted(name for name in names if name.startswith(prefix)))


class FreeSecrets(Step):
    """Replicas of secrets become secrets of their own, so that a region that comes back does not write over them."""

    name = "secrets"
    title = "Free the replicas of the secrets"
    kind = Kind.ACTION
    estimate = 60
    poll = 2.0

    def checks(self) -> Sequence[Check]:
        """There are secrets."""
        found = list(secrets_under(self.room.there("secretsmanager"), self.room.facts.secrets_prefix))
        return [
            Check(self.name, bool(found), f"{len(found)} secrets in {self.room.facts.region}", "" if found else "restore them from people")
        ]

    def act(self) -> str:
        """Stop the replication of each that still has a primary elsewhere."""
        client = self.room.there("secretsmanager")
        replicas = self._replicas()
        for name in replicas:
            client.stop_replication_to_replica(SecretId=name)
        return f"{len(replicas)} replicas become secrets of their own"

    def done(self) -> Check:
        """None has a primary in another region."""
        left = self._replicas()
        return Check(self.name, not left, f"{len(left)} still follow {self.room.facts.home}" if left else "none follows another region")

    def will(self) -> Sequence[str]:
        """How many."""
        return [f"secretsmanager stop-replication-to-replica for {len(self._replicas())} secrets under {self.room.facts.secrets_prefix}"]

    def _replicas(self) -> list[str]:
        client, region = self.room.there("secretsmanager"), self.room.facts.region
        names = list(secrets_under(client, self.room.facts.secrets_prefix))
        return [name for name in names if client.describe_secret(SecretId=name).get("PrimaryRegion", region) != region]


class WriteStack(Step):
    """The stack file of the region that takes over."""

    name = "stack-file"
    title = "Write the stack file of the region that takes over"
    kind = Kind.ACTION
    estimate = 5
    poll = 0.1

    def checks(self) -> Sequence[Check]:
        """The snapshot is there: its id and key stand in the file."""
        return [Snapshot(self.room).done()]

    def act(self) -> str:
        """Write it; another operator's run writes it again on their machine."""
        found = snapshots(self.room)[0]
        key = str(found.get("KmsKeyId") or self.room.facts.database_key)
        self._written = self.room.write_stack({"snapshotId": snapshot_id(self.room), "keyArn": key})
        return self._written

    def done(self) -> Check:
        """It has been written by this run: the file is on one machine, so each run writes it."""
        written = getattr(self, "_written", "")
        return Check(self.name, bool(written), written or "is written anew by each run")

    def will(self) -> Sequence[str]:
        """Where."""
        return [f"write {self.room.config_dir}/Pulumi.{self.room.stack}.yaml with dr.restore = {snapshot_id(self.room)}"]


class FillSecrets(Step):
    """What people once put in is put into the new stack's secrets; what is generated there is left to its rotation."""

    name = "fill-secrets"
    title = "Copy the keys that people filled in into the new stack's secrets"
    kind = Kind.ACTION
    estimate = 60
    poll = 2.0

    def checks(self) -> Sequence[Check]:
        """The new stack's secrets exist."""
        found = self._targets()
        return [
            Check(self.name, bool(found), f"{len(found)} secrets under {self._prefix}", "" if found else "bring the foundation up first")
        ]

    def act(self) -> str:
        """Copy each value that the new secret lacks, without showing it."""
        client = self.room.there("secretsmanager")
        empty = self._empty()
        for name in empty:
            value = client.get_secret_value(SecretId=self._source(name))
            held = {key: value[key] for key in ("SecretString", "SecretBinary") if key in value}
            client.put_secret_value(SecretId=name, **held)
        return f"{len(empty)} secrets filled"

    def done(self) -> Check:
        """Every new secret whose counterpart holds a value holds one."""
        left = self._empty()
        ok = bool(self._targets()) and not left
        return Check(self.name, ok, f"{len(left)} still empty: {', '.join(left)}" if left else f"{len(self._targets())} secrets in order")

    def will(self) -> Sequence[str]:
        """From where to where."""
        return [f"copy values from {self.room.facts.secrets_prefix}… to {self._prefix}… where the latter is empty"]

    @property
    def _prefix(self) -> str:
        return f"{self.room.takeover_project}/{self.room.facts.environment}/"

    def _source(self, name: str) -> str:
        return self.room.facts.secrets_prefix + name.removeprefix(self._prefix)

    def _targets(self) -> list[str]:
        return list(secrets_under(self.room.there("secretsmanager"), self._prefix))

    def _empty(self) -> list[str]:
        return [name for name in self._targets() if not self._filled(name) and self._filled(self._source(name))]

    def _filled(self, name: str) -> bool:
        try:
            versions = self.room.there("secretsmanager").describe_secret(SecretId=name).get("VersionIdsToStages", {})
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return any("AWSCURRENT" in stages for stages in versions.values())
