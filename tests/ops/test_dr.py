"""A move into the second region, on two simulated regions: every gate refuses, every step takes effect once, and a crash costs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from moto.rds.models import rds_backends
from moto.secretsmanager.models import FakeSecret, ReplicaSecret, secretsmanager_backends

from infra.plan import dr as published
from nautilus.ops.dr import actions, gates, people
from nautilus.ops.dr.inspection import inspect
from nautilus.ops.dr.journal import AlreadyOpenError, Journal, Move, Record, State, run_name
from nautilus.ops.dr.moves import ORDER, steps
from nautilus.ops.dr.room import Facts, Lost, NotReadyError, Room, Stated, parse_facts, read_facts
from nautilus.ops.dr.runner import Outcome, Taken, look, noted, remembered, rto, take, with_statements
from nautilus.ops.dr.stack_file import free_block, takeover_project
from nautilus.ops.dr.step import Check, Kind, Step
from nautilus.ops.halt import Halt, HaltUnreadableError, parse_halt, read_halt

ACCOUNT, HOME, THERE = "123456789012", "us-east-1", "us-west-2"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {}, "layers": []})
HALTED = {"halted": True, "who": "desk", "why": "the region shakes", "at": "2030-01-01T00:00:00+00:00"}
_REAL: dict[tuple[str, str], Any] = {}


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Wrapped:
    """A moto client with what moto lacks; counts calls, and can fail at one."""

    def __init__(self, real: Any, world: World, service: str, region: str) -> None:
        self._real, self._world, self._service, self._region = real, world, service, region

    def __getattr__(self, name: str) -> Any:
        own = f"_{self._service}_{name}"
        found = getattr(self, own) if own in vars(type(self)) else getattr(self._real, name)
        if not callable(found) or name in ("get_paginator",):
            return found

        def call(**given: Any) -> Any:
            self._world.calls.append(f"{self._service}.{name}")
            if self._region in self._world.dark:
                raise EndpointConnectionError(endpoint_url=f"https://{self._service}.{self._region}.amazonaws.com")
            answer = found(**given)
            if self._world.crash_after == f"{self._service}.{name}":
                self._world.crash_after = ""
                raise KeyboardInterrupt
            return answer

        return call

    def _rds_promote_read_replica(self, **given: Any) -> Any:
        """Moto goes on naming the source of a promoted replica."""
        assert given["BackupRetentionPeriod"] == 35, "a promoted replica has no backups unless it is told to"
        answer = self._real.promote_read_replica(**given)
        rds_backends[ACCOUNT][self._region].databases[given["DBInstanceIdentifier"]].source_db_instance_identifier = None
        return answer

    def _secretsmanager_stop_replication_to_replica(self, SecretId: str) -> None:  # noqa: N803 - AWS's name
        """Moto has no such call: the replica becomes a secret of its own."""
        backend = secretsmanager_backends[ACCOUNT][self._region]
        held = backend.secrets[SecretId]
        assert isinstance(held, ReplicaSecret), "AWS refuses a secret that is no replica"
        value = self._real.get_secret_value(SecretId=SecretId).get("SecretString") if held.source.versions else None
        source: FakeSecret = held.source
        dict.pop(backend.secrets, held.arn)
        self._real.create_secret(Name=source.name, **({"SecretString": value} if value else {}))


@dataclass
class World:
    """Two regions with a platform in the first and what is warm in the second."""

    clock: Clock
    dark: set[str] = field(default_factory=set[str])
    calls: list[str] = field(default_factory=list[str])
    crash_after: str = ""
    written: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    digest: str = ""

    def client(self, service: str, region_name: str, config: Any = None) -> Any:
        """As boto3's session."""
        key = (service, region_name)
        if key not in _REAL:
            _REAL[key] = boto3.client(service, region_name=region_name)
        return Wrapped(_REAL[key], self, service, region_name)

    def lag(self, seconds: float, *, ago: float = 60) -> None:
        """RDS measures a lag."""
        self.client("cloudwatch", THERE).put_metric_data(
            Namespace="AWS/RDS",
            MetricData=[
                {
                    "MetricName": "ReplicaLag",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "nautilus-prod-postgres-dr"}],
                    "Timestamp": self.clock.now() - timedelta(seconds=ago),
                    "Value": seconds,
                }
            ],
        )

    def halt(self, **more: Any) -> None:
        """The flag."""
        self.client("ssm", HOME).put_parameter(
            Name="/nautilus/prod/trading/halt",
            Type="String",
            Value=json.dumps({**HALTED, "at": self.clock.now().isoformat(), **more}),
            Overwrite=True,
        )

    def lease(self, name: str, *, left: float) -> None:
        """A lease that runs out in so many seconds."""
        expires = self.clock.now().timestamp() + left
        self.client("dynamodb", HOME).put_item(
            TableName="nautilus-prod-leases",
            Item={"lease": {"S": name}, "holder": {"S": "task-1"}, "expires": {"N": str(expires)}, "token": {"N": "7"}},
        )

    def scale(self, service: str, count: int) -> None:
        """A service's wish."""
        self.client("ecs", HOME).update_service(cluster="nautilus-prod-cluster", service=service, desiredCount=count)

    def room(self, **stated: Any) -> Room:
        """The room of a confirmed move."""
        said = replace(Stated(confirmed="prod"), **stated)
        facts = read_facts(self, THERE, "/nautilus/prod/dr")

        def write(values: Any) -> str:
            self.written.append(dict(values))
            return "written"

        return Room(
            self,
            facts,
            "prod",
            "nautilus-dr",
            {"backend": self.digest},
            stated=said,
            now=self.clock.now,
            sleep=self.clock.sleep,
            write_stack=write,
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        made = World(Clock())
        key = made.client("kms", THERE).create_key()["KeyMetadata"]["Arn"]
        facts = published.facts(
            account=ACCOUNT,
            home=HOME,
            region=THERE,
            project="nautilus",
            environment="prod",
            replica="nautilus-prod-postgres-dr",
            database_key=key,
            max_lag_seconds=300,
        )
        made.client("ssm", THERE).put_parameter(Name="/nautilus/prod/dr/facts", Type="String", Value=json.dumps(facts))
        made.halt()
        made.client("dynamodb", HOME).create_table(
            TableName="nautilus-prod-leases",
            KeySchema=[{"AttributeName": "lease", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "lease", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        made.lease("engine", left=-10)
        _services(made)
        _database(made)
        made.lag(5)
        _secrets(made)
        _image(made, "nautilus-prod/backend")
        made.calls.clear()
        yield made


def _services(world: World) -> None:
    ecs = world.client("ecs", HOME)
    ecs.create_cluster(clusterName="nautilus-prod-cluster")
    for part in ("engine", "ib-gateway"):
        ecs.register_task_definition(
            family=f"nautilus-prod-{part}", containerDefinitions=[{"name": part, "image": "x", "memory": 128}], networkMode="awsvpc"
        )
        ecs.create_service(
            cluster="nautilus-prod-cluster", serviceName=f"nautilus-prod-{part}", taskDefinition=f"nautilus-prod-{part}", desiredCount=0
        )


def _database(world: World) -> None:
    primary = world.client("rds", HOME).create_db_instance(
        DBInstanceIdentifier="nautilus-prod-postgres",
        Engine="postgres",
        DBInstanceClass="db.m7g.large",
        MasterUsername="nautilus_admin",
        MasterUserPassword="only-for-a-test",
        AllocatedStorage=20,
    )["DBInstance"]
    world.client("rds", THERE).create_db_instance_read_replica(
        DBInstanceIdentifier="nautilus-prod-postgres-dr", SourceDBInstanceIdentifier=primary["DBInstanceArn"]
    )


def _secrets(world: World) -> None:
    home = world.client("secretsmanager", HOME)
    for name, value in (("ib-password", "broker"), ("jwt-signing-key", "old")):
        home.create_secret(Name=f"nautilus/prod/{name}", SecretString=value, AddReplicaRegions=[{"Region": THERE}])


def _image(world: World, repository: str) -> None:
    ecr = world.client("ecr", THERE)
    ecr.create_repository(repositoryName=repository)
    put = ecr.put_image(repositoryName=repository, imageManifest=MANIFEST, imageTag="one")
    world.digest = put["image"]["imageId"]["imageDigest"]


def foundation(world: World, phase: str = "foundation") -> None:
    """What a person's `nautilus up` makes in the second region."""
    ssm = world.client("ssm", THERE)
    ssm.put_parameter(Name="/nautilus-dr/prod/outputs/phase", Type="String", Value=phase, Overwrite=True)
    if phase == "foundation":
        world.client("rds", THERE).restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="nautilus-dr-prod-postgres", DBSnapshotIdentifier="nautilus-dr-prod-from-nautilus-prod-postgres-dr"
        )
        secrets = world.client("secretsmanager", THERE)
        secrets.create_secret(Name="nautilus-dr/prod/ib-password")
        secrets.create_secret(Name="nautilus-dr/prod/jwt-signing-key", SecretString="new")
        return
    ecs = world.client("ecs", THERE)
    ecs.create_cluster(clusterName="nautilus-dr-prod-cluster")
    for part in ("backend", "frontend"):
        name = f"nautilus-dr-prod-{part}"
        ecs.register_task_definition(family=name, containerDefinitions=[{"name": part, "image": "x", "memory": 128}])
        ecs.create_service(cluster="nautilus-dr-prod-cluster", serviceName=name, taskDefinition=name, desiredCount=0)


def move(world: World, room: Room | None = None, only: tuple[type[Step], ...] = ORDER) -> list[Taken]:
    """One run of an operator: it opens a move, or goes on with the open one."""
    room = room or world.room()
    journal = Journal(room.there("ssm"), room.path)
    current = journal.current()
    if current is None:
        current = Move(run_name(room.now()), "failover", "me", room.now().isoformat())
        journal.open(current)
    room = with_statements(room, journal, current.run)
    return take([step(room) for step in only], journal, current.run, room=room)


def outcomes(taken: list[Taken]) -> dict[str, str]:
    return {one.step: one.outcome.value for one in taken}


def gate(step: type[Step], room: Room) -> Check:
    """The first failed check of a gate, or its first."""
    checks = step(room).checks()
    return next((check for check in checks if not check.ok), checks[0])


# --- the whole way --------------------------------------------------------------------------------------------------------


DATA = ORDER[: ORDER.index(people.Foundation)]


def test_a_failover_from_halt_to_the_new_region(world: World) -> None:
    first = move(world)
    assert outcomes(first) == {
        "confirmation": "holds",
        "halt": "holds",
        "broker-session": "holds",
        "leases": "holds",
        "vacant": "holds",
        "replica": "holds",
        "promote": "done",
        "secrets": "done",
        "snapshot": "done",
        "stack-file": "done",
        "foundation": "waits",
    }
    assert any("nautilus up --stack prod --config-dir takeover" in line for line in first[-1].will)
    assert world.written[0]["snapshotId"] == "nautilus-dr-prod-from-nautilus-prod-postgres-dr"
    assert world.written[0]["keyArn"].startswith("arn:aws:kms:us-west-2:")

    foundation(world)
    second = move(world)
    assert (second[-1].step, second[-1].outcome) == ("images", Outcome.WAITS)
    assert outcomes(second)["promote"] == "earlier"
    secrets = world.client("secretsmanager", THERE)
    assert secrets.get_secret_value(SecretId="nautilus-dr/prod/ib-password")["SecretString"] == "broker"
    assert secrets.get_secret_value(SecretId="nautilus-dr/prod/jwt-signing-key")["SecretString"] == "new", "what has a value keeps it"
    assert any("--preserve-digests" in line for line in second[-1].will)

    _image(world, "nautilus-dr-prod/backend")
    assert move(world)[-1].step == "services"
    foundation(world, "services")
    waiting = move(world)[-1]
    assert (waiting.step, waiting.outcome) == ("services", Outcome.WAITS), "no task runs"
    assert "too few tasks" in waiting.detail


def test_people_say_what_only_people_see_and_say_it_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people.Services, "done", lambda _self: Check("services", True, "runs"))
    only = (people.MarketData, people.Reconcile, people.Names)
    assert outcomes(move(world, only=only)) == {"market-data": "waits"}
    said = world.room(done={"market-data": "ann saw row counts"})
    assert outcomes(move(world, said, only)) == {"market-data": "done", "reconcile": "waits"}
    said = world.room(done={"reconcile": "desk agrees", "names": "users told"})
    assert outcomes(move(world, said, only)) == {"market-data": "earlier", "reconcile": "done", "names": "done"}
    journal = Journal(said.there("ssm"), said.path)
    current = journal.current()
    assert current
    assert journal.records(current.run)["market-data"].detail == "stated: ann saw row counts"


MUTATIONS = (
    "rds.promote_read_replica",
    "secretsmanager.stop_replication_to_replica",
    "rds.create_db_snapshot",
    "ssm.put_parameter",
)


@pytest.mark.parametrize("at", MUTATIONS)
def test_a_crash_right_after_any_change_is_resumed_without_repeating_it(world: World, at: str) -> None:
    world.crash_after = at
    with pytest.raises(KeyboardInterrupt):
        move(world)
    resumed = move(world)
    assert (resumed[-1].step, resumed[-1].outcome) == ("foundation", Outcome.WAITS)
    assert world.calls.count("rds.promote_read_replica") == 1
    assert world.calls.count("rds.create_db_snapshot") == 1
    assert world.calls.count("secretsmanager.stop_replication_to_replica") == 2, "two secrets, each once"


def test_a_kill_after_every_single_step_and_another_operator_each_time(world: World) -> None:
    """Each run sees one step more and dies; nothing is done twice, and the journal has each step's own seconds."""
    for count in range(1, len(DATA) + 1):
        world.clock.sleep(10)
        assert len(move(world, only=DATA[:count])) == count
    assert world.calls.count("rds.promote_read_replica") == 1
    assert world.calls.count("rds.create_db_snapshot") == 1
    room = world.room()
    journal = Journal(room.there("ssm"), room.path)
    current = journal.current()
    assert current
    records = journal.records(current.run)
    assert sorted(records) == ["promote", "secrets", "snapshot", "stack-file"]
    assert all(one.state is State.DONE for one in records.values())


def test_a_step_waits_for_its_effect_and_gives_up_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, False, True])
    monkeypatch.setattr(actions.Promote, "done", lambda _self: Check("promote", next(answers), "later"))
    (done,) = move(world, only=(actions.Promote,))
    assert (done.outcome, done.seconds) == (Outcome.DONE, 2 * actions.Promote.poll)
    monkeypatch.setattr(actions.Snapshot, "checks", lambda _self: [])
    monkeypatch.setattr(actions.Snapshot, "done", lambda _self: Check("snapshot", False, "creating"))
    (late,) = move(world, only=(actions.Snapshot,))
    assert late.outcome is Outcome.LATE
    assert "after 7200 s" in late.detail


def test_measured_seconds_include_the_time_until_a_person_was_done(world: World) -> None:
    only = (people.Foundation,)
    move(world, only=DATA)
    assert outcomes(move(world, only=only)) == {"foundation": "waits"}
    world.clock.sleep(1_800)
    foundation(world)
    (done,) = move(world, only=only)
    assert (done.outcome, done.seconds) == (Outcome.DONE, 1_800)


# --- refusals -------------------------------------------------------------------------------------------------------------


def stops_at(taken: list[Taken], step: str) -> Taken:
    assert (taken[-1].step, taken[-1].outcome) == (step, Outcome.REFUSED)
    return taken[-1]


def untouched(world: World) -> bool:
    return not {"rds.promote_read_replica", "rds.create_db_snapshot", "secretsmanager.stop_replication_to_replica"} & set(world.calls)


@pytest.mark.parametrize("typed", ["", "yes", "PROD", "staging"])
def test_nothing_moves_without_the_stacks_name_typed(world: World, typed: str) -> None:
    stops_at(move(world, world.room(confirmed=typed)), "confirmation")
    assert untouched(world)


def test_nothing_moves_while_trading_is_on_or_nobody_knows(world: World) -> None:
    world.halt(halted=False)
    assert "trading is on" in stops_at(move(world), "halt").detail
    world.client("ssm", HOME).put_parameter(Name="/nautilus/prod/trading/halt", Type="String", Value="true", Overwrite=True)
    stops_at(move(world), "halt")
    world.client("ssm", HOME).delete_parameter(Name="/nautilus/prod/trading/halt")
    assert "no halt flag" in stops_at(move(world), "halt").detail
    assert untouched(world)


def test_a_word_about_a_lost_region_does_not_count_while_it_answers(world: World) -> None:
    world.halt(halted=False)
    lost = Lost("the status page is red", world.clock.now() - timedelta(hours=1))
    stops_at(move(world, world.room(lost=lost, broker_session_gone="ann")), "halt")


def test_a_lease_that_lives_or_cannot_be_read_stops_the_move(world: World) -> None:
    world.lease("ib-gateway", left=90)
    refused = stops_at(move(world), "leases")
    assert "holds it for another 90 s" in refused.detail
    world.clock.sleep(91)
    world.lag(5)
    assert move(world)[-1].step == "foundation"
    world.client("dynamodb", HOME).put_item(TableName="nautilus-prod-leases", Item={"lease": {"S": "engine"}, "until": {"S": "soon"}})
    assert "counts as held" in stops_at(move(world), "leases").detail


@pytest.mark.parametrize("service", ["nautilus-prod-engine", "nautilus-prod-ib-gateway"])
def test_a_service_that_runs_or_wants_to_stops_the_move(world: World, service: str) -> None:
    world.scale(service, 1)
    refused = stops_at(move(world), "broker-session")
    assert service in refused.detail
    assert any("--desired-count 0" in check.hint for check in refused.checks)
    assert untouched(world)


def test_a_task_beside_the_service_counts_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = type(_REAL["ecs", HOME])
    monkeypatch.setattr(
        client, "list_tasks", lambda _self, **given: {"taskArns": ["arn:task"] if given["family"].endswith("engine") else []}
    )
    assert "1 of nautilus-prod-engine" in stops_at(move(world), "broker-session").detail


def test_a_replica_too_far_behind_asks_for_the_loss_to_be_accepted(world: World) -> None:
    world.lag(900, ago=1)
    refused = stops_at(move(world), "replica")
    assert "900 s behind" in refused.detail
    assert untouched(world)
    assert not gate(gates.ReplicaFit, world.room(accept_loss="899")).ok
    assert gate(gates.ReplicaFit, world.room(accept_loss="900")).ok


def test_an_unknown_lag_is_no_small_lag(world: World) -> None:
    world.clock.sleep(2 * 3_600)
    assert "not known" in gate(gates.ReplicaFit, world.room()).detail
    assert not gate(gates.ReplicaFit, world.room(accept_loss="3600")).ok
    assert gate(gates.ReplicaFit, world.room(accept_loss="unknown")).ok
    world.lag(-1)
    assert "not known" in gate(gates.ReplicaFit, world.room()).detail, "-1 is RDS's word for broken"


def test_a_region_without_a_replica_is_refused(world: World) -> None:
    room = world.room()
    assert "postgresReplica is false" in gate(gates.ReplicaFit, replace(room, facts=replace(room.facts, replica=None))).detail
    assert "there is no other" in gate(gates.ReplicaFit, replace(room, facts=replace(room.facts, replica="other"))).detail


def test_an_older_database_of_the_same_name_stands_in_the_way(world: World) -> None:
    assert gate(gates.Vacant, world.room()).ok
    assert "names of roles are global" in gate(gates.Vacant, replace(world.room(), takeover_project="nautilus")).detail
    world.client("rds", THERE).create_db_instance(
        DBInstanceIdentifier="nautilus-dr-prod-postgres",
        Engine="postgres",
        DBInstanceClass="db.m7g.large",
        MasterUsername="nautilus_admin",
        MasterUserPassword="only-for-a-test",
        AllocatedStorage=20,
    )
    assert "its data is stale" in stops_at(move(world), "vacant").detail
    assert untouched(world)


def test_a_region_that_is_not_enabled_is_not_ready(world: World) -> None:
    world.client("ssm", THERE).delete_parameter(Name="/nautilus/prod/dr/facts")
    with pytest.raises(NotReadyError, match=r"dr\.enabled is false"):
        world.room()


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"version": 2})])
def test_facts_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(NotReadyError):
        parse_facts(text)


def test_two_moves_are_never_open(world: World) -> None:
    room = world.room()
    journal = Journal(room.there("ssm"), room.path)
    journal.open(Move("1", "failover", "ann", "2030-01-01T00:00:00+00:00"))
    with pytest.raises(AlreadyOpenError, match="failover 1 of ann is open"):
        journal.open(Move("2", "failback", "bob", "2030-01-01T00:00:00+00:00"))
    journal.close()
    journal.close()
    assert journal.current() is None


# --- the region is lost ---------------------------------------------------------------------------------------------------


def lost(world: World, *, ago: float = 600, evidence: str = "AWS Health: all of us-east-1") -> Lost:
    return Lost(evidence, world.clock.now() - timedelta(seconds=ago))


def test_a_silent_region_needs_a_statement_and_the_longest_lease(world: World) -> None:
    world.lag(7, ago=660)
    world.dark.add(HOME)
    assert "nobody has stated that it is lost" in stops_at(move(world), "halt").detail
    assert "nobody has stated" in stops_at(move(world, world.room(lost=lost(world, evidence=" "))), "halt").detail
    early = stops_at(move(world, world.room(lost=lost(world, ago=299))), "halt")
    assert "299 s" in early.detail
    refused = stops_at(move(world, world.room(lost=lost(world))), "broker-session")
    assert "cannot say whether it runs" in refused.detail
    assert untouched(world)
    done = move(world, world.room(lost=lost(world), broker_session_gone="ann saw no session on the broker's page"))
    assert done[-1].step == "foundation"
    assert "stated: ann" in next(one for one in done if one.step == "broker-session").detail


def test_after_a_loss_the_last_lag_before_it_counts(world: World) -> None:
    world.lag(7, ago=700)
    world.lag(590, ago=10)
    assert "7 s behind" in gate(gates.ReplicaFit, world.room(lost=lost(world))).detail
    assert "590 s behind" in gate(gates.ReplicaFit, world.room()).detail


def test_a_refusal_is_an_answer_and_no_loss(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_args: Any, **_given: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "GetParameter")

    monkeypatch.setattr("nautilus.ops.dr.gates.read_halt", denied)
    with pytest.raises(ClientError):
        gates.Halted(world.room(lost=lost(world))).checks()

    def broken(*_args: Any, **_given: Any) -> Any:
        raise ClientError({"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "GetParameter")

    monkeypatch.setattr("nautilus.ops.dr.gates.read_halt", broken)
    assert gate(gates.Halted, world.room(lost=lost(world))).ok


def test_what_was_stated_is_remembered_and_the_confirmation_never() -> None:
    since = datetime(2030, 1, 31, 9, 29, tzinfo=UTC)
    said = Stated("prod", Lost("red", since), "ann looked", "900")
    move = noted(Move("1", "failover", "ann", "2030-01-31T10:00:00+00:00"), said)
    assert remembered(move, Stated()) == replace(said, confirmed="")
    assert remembered(move, Stated(accept_loss="unknown")).accept_loss == "unknown", "a newer word goes before"
    assert noted(move, Stated()) == move
    assert remembered(Move("1", "failover", "ann", "x"), Stated()) == Stated()


# --- the way back ---------------------------------------------------------------------------------------------------------


def test_a_failback_waits_until_everything_before_the_halt_is_there(world: World) -> None:
    room = replace(world.room(), controlled=True)
    refused = gate(gates.ReplicaFit, room)
    assert not refused.ok, "5 s behind a minute ago is before a halt just now"
    world.clock.sleep(120)
    world.lag(5, ago=60)
    assert gate(gates.ReplicaFit, room).ok
    world.dark.add(HOME)
    failed = gate(gates.Halted, replace(room, stated=replace(room.stated, lost=lost(world))))
    assert "a failback needs both regions" in failed.detail


@pytest.mark.parametrize(("given", "back"), [("nautilus", "nautilus-dr"), ("nautilus-dr", "nautilus"), ("exactly12chr", "exactly12-dr")])
def test_the_names_of_the_two_stacks_differ_and_fit(given: str, back: str) -> None:
    assert takeover_project(given) == back
    assert len(takeover_project(given)) <= 12


def test_a_free_block_overlaps_nothing() -> None:
    assert free_block(["10.0.0.0/15", "10.2.0.0/20"]) == "10.3.0.0/16"


# --- looking --------------------------------------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_and_says_everything(world: World) -> None:
    taken = look(steps(world.room(confirmed="")))
    assert len(taken) == len(ORDER)
    assert outcomes(taken)["confirmation"] == "refused"
    assert outcomes(taken)["promote"] == "would"
    assert any("cannot be taken back" in line for one in taken for line in one.will)
    changing = [call for call in world.calls if not call.split(".")[1].startswith(("get", "describe", "list"))]
    assert changing == []


def test_the_rto_is_the_sum_and_stands_apart() -> None:
    one = Taken("a", "A", Kind.ACTION, Outcome.DONE, "", 100, 80.0)
    other = Taken("b", "B", Kind.PERSON, Outcome.WAITS, "", 300)
    assert rto([one, other]) == {
        "estimateSeconds": 400,
        "estimateOfPeopleSeconds": 300,
        "measuredSeconds": 80.0,
        "measuredSteps": 1,
        "steps": 2,
    }
    assert one.as_document()["measuredSeconds"] == 80.0


def recovery_points(world: World, monkeypatch: pytest.MonkeyPatch, *ages: float) -> None:
    """Moto lists none."""
    points = [{"Status": "COMPLETED", "CreationDate": world.clock.now() - timedelta(hours=age)} for age in ages]

    class Pages:
        def paginate(self, **_given: Any) -> list[dict[str, Any]]:
            return [{"RecoveryPoints": points}]

    real: Callable[..., Any] = World.client

    def client(self: World, service: str, region_name: str, config: Any = None) -> Any:
        found = real(self, service, region_name, config)
        if service == "backup":
            found.get_paginator = lambda _name: Pages()  # pyright: ignore[reportAttributeAccessIssue]
        return found

    monkeypatch.setattr(World, "client", client)


def test_what_is_warm_is_listed_with_its_age(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recovery_points(world, monkeypatch, 3, 9)
    room = world.room()
    bucket = "nautilus-prod-archive"
    s3 = world.client("s3", THERE)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": THERE})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    world.client("ssm", THERE).put_parameter(Name="/nautilus/prod/dr/archive", Type="String", Value=bucket)
    found = {one.what: one for one in inspect(room, steps(room)[0])}
    assert {what: one.ok for what, one in found.items()} == dict.fromkeys(
        ("replica", "secrets", "images", "backups", "archive", "keys"), True
    )
    assert found["replica"].age_seconds == 5
    assert found["backups"].age_seconds == 3 * 3_600


def test_what_is_cold_is_listed_as_cold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recovery_points(world, monkeypatch, 9)
    world.lag(400, ago=1)
    world.client("ecr", THERE).delete_repository(repositoryName="nautilus-prod/backend", force=True)
    world.client("secretsmanager", HOME).create_secret(Name="nautilus/prod/empty", AddReplicaRegions=[{"Region": THERE}])
    room = world.room()
    found = {one.what: one for one in inspect(room, steps(room)[0])}
    assert {what for what, one in found.items() if not one.ok} == {"replica", "secrets", "images", "backups", "archive"}
    assert "nautilus/prod/empty" in found["secrets"].detail
    assert found["images"].detail == "missing: backend"


# --- the halt flag --------------------------------------------------------------------------------------------------------


def test_a_halt_flag_is_read(world: World) -> None:
    found = read_halt(world.client("ssm", HOME), "/nautilus/prod/trading/halt")
    assert found == Halt(True, "desk", "the region shakes", world.clock.now())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "true",
        "null",
        json.dumps({"halted": True}),
        json.dumps({**HALTED, "halted": "true"}),
        json.dumps({**HALTED, "halted": 1}),
        json.dumps({**HALTED, "at": "yesterday"}),
        json.dumps({**HALTED, "at": "2030-01-01T00:00:00"}),
        json.dumps({**HALTED, "who": None}),
    ],
)
def test_anything_else_is_no_halt_flag(text: str) -> None:
    with pytest.raises(HaltUnreadableError):
        parse_halt(text)


def test_a_record_survives_the_journal(world: World) -> None:
    room = world.room()
    journal = Journal(room.there("ssm"), room.path)
    record = Record("promote", State.DONE, "a", "b", 12.5, "is its own")
    journal.write("1", Record("promote", State.STARTED, "a"))
    journal.write("1", record)
    assert journal.records("1") == {"promote": record}
    assert journal.records("2") == {}


def test_the_facts_are_what_the_program_publishes(world: World) -> None:
    facts: Facts = world.room().facts
    assert (facts.lease_table, facts.cluster, facts.vault) == ("nautilus-prod-leases", "nautilus-prod-cluster", "nautilus-prod-backup")
    assert facts.services == {
        "engine": "nautilus-prod-engine",
        "gateway": "nautilus-prod-ib-gateway",
        "standby": "nautilus-prod-ib-gateway-standby",
    }


# --- the handbook ---------------------------------------------------------------------------------------------------------


def test_the_page_of_the_second_region_has_every_step_and_its_sum() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "dr.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (gate|action|person) \| (\d+) \|", page, flags=re.MULTILINE)
    assert rows == [(step.name, step.kind.value, str(step.estimate)) for step in ORDER]
    total = sum(step.estimate for step in ORDER)
    people_only = sum(step.estimate for step in ORDER if step.kind is Kind.PERSON)
    assert f"{total:,} s, {total // 3600} hours {total % 3600 // 60} minutes**, {people_only:,} s of them people's" in page
