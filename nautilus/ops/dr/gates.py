"""What must hold before anything moves: trading is halted, no process can trade any more, and the copy is good enough.

A gate asks the home region first. A person's word counts only where that region does not answer: a region that answers is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from nautilus.ops.dr.room import Room, unreachable
from nautilus.ops.dr.step import Check, Kind, Step
from nautilus.ops.halt import HaltUnreadableError, read_halt
from nautilus.ops.steps import code_of

LONGEST_LEASE_SECONDS = 300
"""No lease lives longer without renewal, in seconds: twice the longest stop of a task (120 s) and a minute of clock error.
A holder that lost its region cannot renew; so long after the loss nobody can hold one."""
LEASE_EXPIRY = "expires"
"""Attribute of a lease's row: when it runs out, in seconds since 1970."""
LAG_WINDOW_SECONDS = 3_600
"""How far back a measured lag is looked for."""
STALE_SECONDS = 600
"""A lag measured longer ago says nothing about now, unless the region was lost since."""

_T = TypeVar("_T")


class Silent(Exception):  # noqa: N818 - not an error: the answer of a lost region
    """The home region does not answer."""


def ask_home(question: Callable[[], _T]) -> _T:
    """The answer of the home region.

    Raises:
        Silent: It does not answer. A refusal is an answer, and raises as it is.
    """
    try:
        return question()
    except (ClientError, BotoCoreError) as error:
        if unreachable(error):
            raise Silent(str(error)) from error
        raise


def lost_words(room: Room, silence: str) -> Check:
    """Whether a person's word stands in for a silent home region."""
    home, lost = room.facts.home, room.stated.lost
    if room.controlled:
        return Check("region", False, f"{home} does not answer ({silence}); a failback needs both regions")
    if lost is None or not lost.evidence.strip():
        return Check(
            "region",
            False,
            f"{home} does not answer ({silence}), and nobody has stated that it is lost",
            "add --region-lost EVIDENCE --lost-since TIME; say what the AWS Health dashboard shows",
        )
    age = (room.now() - lost.since).total_seconds()
    if age < LONGEST_LEASE_SECONDS:
        return Check(
            "region",
            False,
            f"{home} is lost for {max(age, 0):.0f} s; a lease may live {LONGEST_LEASE_SECONDS} s",
            f"wait {LONGEST_LEASE_SECONDS - age:.0f} s",
        )
    return Check("region", True, f"{home} is silent and stated as lost for {age:.0f} s: {lost.evidence}")


class Confirmed(Step):
    """A person typed the stack's name."""

    name = "confirmation"
    title = "A person confirms by typing the stack's name"
    kind = Kind.GATE
    estimate = 60

    def checks(self) -> Sequence[Check]:
        """The typed word equals the stack's name."""
        ok = self.room.stated.confirmed == self.room.stack
        detail = f"{self.room.stack} was typed" if ok else "nobody has typed the stack's name"
        return [Check(self.name, ok, detail, "" if ok else f"--confirm {self.room.stack}; no other option stands in for it")]


class Halted(Step):
    """Trading is halted."""

    name = "halt"
    title = "Trading is halted"
    kind = Kind.GATE
    estimate = 30

    def checks(self) -> Sequence[Check]:
        """A readable `halted: true`, or a lost region."""
        room = self.room
        hint = "halt trading first; a region that answers is not lost, so no statement stands in for it"
        try:
            halt = ask_home(lambda: read_halt(room.home("ssm"), room.facts.halt_parameter))
        except HaltUnreadableError as error:
            return [Check(self.name, False, str(error), hint)]
        except Silent as silence:
            return [lost_words(room, str(silence))]
        if not halt.halted:
            return [Check(self.name, False, f"trading is on: {room.facts.halt_parameter} says halted = false", hint)]
        return [Check(self.name, True, f"halted by {halt.who} at {halt.at.isoformat()}: {halt.why}")]


class LeasesExpired(Step):
    """Nobody holds a fencing lease any more."""

    name = "leases"
    title = "The old leases have run out"
    kind = Kind.GATE
    estimate = LONGEST_LEASE_SECONDS

    def checks(self) -> Sequence[Check]:
        """Each lease's row is past its expiry, or there is none; or the region is lost for longer than any lease lives."""
        return [self._lease(lease) for lease in self.room.facts.leases]

    def _lease(self, lease: str) -> Check:
        room, name = self.room, f"lease {lease}"
        try:
            row: dict[str, Any] = ask_home(
                lambda: room.home("dynamodb").get_item(TableName=room.facts.lease_table, Key={"lease": {"S": lease}}, ConsistentRead=True)
            ).get("Item", {})
        except Silent as silence:
            return lost_words(room, str(silence))
        if not row:
            return Check(name, True, "was never held")
        try:
            expires = datetime.fromtimestamp(float(row[LEASE_EXPIRY]["N"]), UTC)
        except (KeyError, TypeError, ValueError):
            return Check(name, False, f"its row has no readable `{LEASE_EXPIRY}`: it counts as held", "look at docs/runbooks/singleton.md")
        left = (expires - room.now()).total_seconds()
        holder = row.get("holder", {}).get("S", "somebody")
        if left > 0:
            return Check(name, False, f"{holder} holds it for another {left:.0f} s", f"stop its task and wait {left:.0f} s")
        return Check(name, True, f"{holder}'s ran out {-left:.0f} s ago")


class BrokerSessionGone(Step):
    """Neither engine nor gateway runs: the broker has no session of ours."""

    name = "broker-session"
    title = "Engine and gateway are stopped, the broker has no session of ours"
    kind = Kind.GATE
    estimate = 120

    def checks(self) -> Sequence[Check]:
        """No task of either, in the service or beside it; or, in a lost region, a person who looked at the broker's own page."""
        return [self._stopped(part, service) for part, service in sorted(self.room.facts.services.items())]

    def _stopped(self, part: str, service: str) -> Check:
        room = self.room
        hint = f"aws ecs update-service --region {room.facts.home} --cluster {room.facts.cluster} --service {service} --desired-count 0"
        try:
            running = ask_home(lambda: self._tasks(service))
        except Silent as silence:
            words = lost_words(room, str(silence))
            if not words.ok:
                return words
            gone = room.stated.broker_session_gone.strip()
            if not gone:
                return Check(
                    part,
                    False,
                    "the home region cannot say whether it runs",
                    "look at the broker's own page (Client Portal, sessions) and add --broker-session-gone 'WHO saw WHAT'",
                )
            return Check(part, True, f"stated: {gone}")
        if running:
            return Check(part, False, f"{running} of {service} is wanted or runs", hint)
        return Check(part, True, f"{service} has no task and wants none")

    def _tasks(self, service: str) -> int:
        """Tasks that the service wants or has, and tasks of its definition that somebody started beside it."""
        ecs, cluster = self.room.home("ecs"), self.room.facts.cluster
        try:
            found = ecs.describe_services(cluster=cluster, services=[service])["services"]
            beside = ecs.list_tasks(cluster=cluster, family=service)["taskArns"]
        except ClientError as error:
            if code_of(error) == "ClusterNotFoundException":
                return 0
            raise
        counts = [one["desiredCount"] + one["runningCount"] + one["pendingCount"] for one in found if one["status"] != "INACTIVE"]
        return max(sum(counts), len(beside))


class ReplicaFit(Step):
    """The replica is there and not too far behind."""

    name = "replica"
    title = "The replica is close enough to the primary"
    kind = Kind.GATE
    estimate = 30

    def checks(self) -> Sequence[Check]:
        """Its state, and its lag against the settings' limit; in a failback, that it has replayed everything up to the halt."""
        room = self.room
        if room.facts.replica is None:
            return [
                Check(self.name, False, "dr.postgresReplica is false: there is no replica", "docs/runbooks/region.md, without a replica")
            ]
        instance = describe(room, room.facts.replica)
        if instance is None:
            return [
                Check(
                    self.name,
                    False,
                    f"there is no {room.facts.replica} in {room.facts.region}",
                    "docs/runbooks/region.md, without a replica",
                )
            ]
        if not is_replica(instance):
            return [Check(self.name, True, f"{room.facts.replica} is promoted already")]
        status = str(instance["DBInstanceStatus"])
        if status != "available":
            return [Check(self.name, False, f"{room.facts.replica} is {status}", "wait until it is available")]
        return [self._lag()]

    def _lag(self) -> Check:
        room = self.room
        measured = lag(room)
        if room.controlled:
            return self._replayed(measured)
        accepted = room.stated.accept_loss
        if measured is None:
            ok = accepted == "unknown"
            detail = "its lag is not known" + (", and a loss of unknown size was accepted" if ok else "")
            return Check(self.name, ok, detail, "" if ok else "--accept-loss unknown, if the owner of the data agrees")
        seconds, at = measured
        limit = max(room.facts.max_lag_seconds, int(accepted) if accepted.isdigit() else 0)
        detail = f"{seconds:.0f} s behind at {at.isoformat()}; {limit} s are accepted"
        return Check(self.name, seconds <= limit, detail, "" if seconds <= limit else f"wait, or --accept-loss {seconds:.0f}")

    def _replayed(self, measured: tuple[float, datetime] | None) -> Check:
        if measured is None:
            return Check(
                self.name, False, "its lag is not known: a failback loses nothing, so it waits", "look at the alarm dr-replica-broken"
            )
        try:
            halted = read_halt(self.room.home("ssm"), self.room.facts.halt_parameter).at
        except HaltUnreadableError as error:
            return Check(self.name, False, str(error), "halt trading first")
        seconds, at = measured
        through = at - timedelta(seconds=seconds)
        ok = through >= halted
        detail = f"has replayed everything up to {through.isoformat()}; trading was halted at {halted.isoformat()}"
        return Check(self.name, ok, detail, "" if ok else "wait; an idle database moves on every five minutes")


class Vacant(Step):
    """Nothing of the stack that takes over stands in the way."""

    name = "vacant"
    title = "No older database has the name of the one that takes over"
    kind = Kind.GATE
    estimate = 10

    def checks(self) -> Sequence[Check]:
        """The names differ, and the database of that name, if any, is younger than the snapshot of this move."""
        room = self.room
        if room.takeover_project == room.facts.project:
            return [
                Check(
                    self.name,
                    False,
                    f"the stack that takes over would be called {room.takeover_prefix}, as the present one: names of roles are global",
                    "--takeover-project with another name",
                )
            ]
        old = describe(room, f"{room.takeover_prefix}-postgres")
        if old is None:
            return [Check(self.name, True, f"{room.facts.region} has no {room.takeover_prefix}-postgres")]
        mine = snapshot_id(room)
        ok = any(one["DBSnapshotIdentifier"] == mine and one["SnapshotCreateTime"] <= old["InstanceCreateTime"] for one in snapshots(room))
        detail = "was made from this move's snapshot" if ok else "is older than this move: its data is stale"
        hint = "" if ok else f"destroy the stack {room.takeover_prefix} first, or --takeover-project with another name"
        return [Check(self.name, ok, f"{room.takeover_prefix}-postgres {detail}", hint)]


def describe(room: Room, identifier: str) -> dict[str, Any] | None:
    """A database instance of the second region, or None."""
    try:
        return room.there("rds").describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    except ClientError as error:
        if code_of(error) in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            return None
        raise


def is_replica(instance: dict[str, Any]) -> bool:
    """Whether it still follows a source."""
    return bool(instance.get("ReadReplicaSourceDBInstanceIdentifier"))


def snapshot_id(room: Room) -> str:
    """The one snapshot of a move: named after who takes over and who is replaced, so that a repeated run finds it again."""
    return f"{room.takeover_prefix}-from-{room.facts.replica}"[:255].rstrip("-")


def snapshots(room: Room) -> list[dict[str, Any]]:
    """The move's snapshot, in a list that is empty while there is none."""
    try:
        return room.there("rds").describe_db_snapshots(DBSnapshotIdentifier=snapshot_id(room))["DBSnapshots"]
    except ClientError as error:
        if code_of(error) in ("DBSnapshotNotFound", "DBSnapshotNotFoundFault"):
            return []
        raise


def lag(room: Room) -> tuple[float, datetime] | None:
    """Seconds that the replica was behind, and when that was measured; None where nothing useful is known.

    RDS reports -1 while replication is broken off. Where the region was lost the last value before the loss counts, because the replica's
    distance from a source that it cannot reach says nothing.
    """
    now = room.now()
    lost = room.stated.lost
    end = min(now, lost.since) if lost else now
    answer = room.there("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS",
        MetricName="ReplicaLag",
        Dimensions=[{"Name": "DBInstanceIdentifier", "Value": room.facts.replica or ""}],
        StartTime=end - timedelta(seconds=LAG_WINDOW_SECONDS),
        EndTime=end + timedelta(seconds=1),
        Period=60,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    if not points:
        return None
    newest = points[-1]
    if newest["Maximum"] < 0 or (end - newest["Timestamp"]).total_seconds() > STALE_SECONDS:
        return None
    return float(newest["Maximum"]), newest["Timestamp"].astimezone(UTC)
