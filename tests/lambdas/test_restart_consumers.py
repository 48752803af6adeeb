"""Who is started again, when, and who is left alone. Secrets on moto; ECS as it describes services (moto knows no rollout states)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from infra.plan.rotation import CLOSES, OPENS, ROTATED, WEEKDAY, window_variable
from lambdas.restart_consumers import handler as restarts
from lambdas.restart_consumers.handler import Settings, State, Window, changed, due, restart, state_of
from lambdas.rotation.values import Value
from tests.lambdas.secret import REGION, Vault

WINDOW = Window(WEEKDAY, OPENS, ROTATED, CLOSES)
SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)
OPENED = SUNDAY + timedelta(hours=2)
EARLY, LATE = SUNDAY + timedelta(hours=2, minutes=20), SUNDAY + timedelta(hours=3, minutes=10)


class Ecs:
    """Services by name, as DescribeServices shows them; a new deployment becomes the primary one."""

    def __init__(self, **services: dict[str, Any]) -> None:
        self.services = services
        self.updated: list[str] = []

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        assert cluster == "c"
        assert len(services) <= 10
        return {"services": [{"serviceName": name, **self.services[name]} for name in services if name in self.services]}

    def update_service(self, *, cluster: str, service: str, forceNewDeployment: bool) -> None:  # noqa: N803 - boto3's name
        assert cluster == "c"
        assert forceNewDeployment
        self.updated.append(service)


class Store:
    """Secrets by ARN, each with the moment when its current version was made."""

    def __init__(self, **moments: datetime | None) -> None:
        self.moments = moments

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"VersionIdsToStages": {"v": ["AWSCURRENT"]} if self.moments[SecretId] else {}}

    def list_secret_version_ids(self, *, SecretId: str, MaxResults: int, NextToken: str = "") -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert MaxResults <= 100
        if not NextToken:
            return {"Versions": [{"VersionId": "old", "CreatedDate": SUNDAY + timedelta(days=9)}], "NextToken": "more"}
        return {"Versions": [{"VersionId": "v", "CreatedDate": self.moments[SecretId]}]}


def service(started: datetime, *, state: str = "COMPLETED", count: int = 1, more: int = 0) -> dict[str, Any]:
    old = {"status": "ACTIVE", "createdAt": started - timedelta(days=1)}
    return {
        "status": "ACTIVE",
        "desiredCount": count,
        "deployments": [{"status": "PRIMARY", "createdAt": started, "rolloutState": state}, *([old] * more)],
    }


def settings(**services: tuple[str, ...]) -> Settings:
    return Settings("c", services, frozenset({"weekly", "other"}), WINDOW)


LAST_WEEK = SUNDAY - timedelta(days=7)


def run(now: datetime, ecs: Ecs, store: Store, **services: tuple[str, ...]) -> dict[str, str]:
    return restart(settings(**services), now, ecs=ecs, store=store)


def test_a_service_whose_secret_is_younger_than_its_tasks_is_started_again() -> None:
    ecs = Ecs(backend=service(LAST_WEEK), engine=service(LAST_WEEK))
    report = run(EARLY, ecs, Store(weekly=OPENED, filled=LAST_WEEK - timedelta(days=1)), backend=("weekly",), engine=("filled",))
    assert ecs.updated == ["backend"]
    assert report == {"backend": "started again: 1 secrets are younger than its tasks", "engine": "has what its secrets hold"}


def test_the_next_call_leaves_it_alone() -> None:
    ecs = Ecs(backend=service(EARLY))
    run(EARLY + timedelta(minutes=10), ecs, Store(weekly=OPENED), backend=("weekly",))
    assert ecs.updated == []


@pytest.mark.parametrize(
    "now",
    [
        SUNDAY + timedelta(hours=1, minutes=59),
        SUNDAY + timedelta(minutes=CLOSES),
        EARLY + timedelta(days=1),
        EARLY - timedelta(days=3),
    ],
)
def test_outside_the_window_nobody_is_started_again(now: datetime) -> None:
    ecs = Ecs(backend=service(LAST_WEEK))
    assert run(now, ecs, Store(weekly=now - timedelta(minutes=1)), backend=("weekly",)) == {}
    assert ecs.updated == []


def test_a_service_waits_for_the_last_of_its_secrets_and_is_started_once() -> None:
    ecs = Ecs(engine=service(LAST_WEEK))
    half = Store(weekly=OPENED, other=LAST_WEEK)
    assert "1 secrets whose turn is still to come" in run(EARLY, ecs, half, engine=("weekly", "other"))["engine"]
    assert ecs.updated == []
    run(EARLY, ecs, Store(weekly=OPENED, other=OPENED), engine=("weekly", "other"))
    assert ecs.updated == ["engine"]


def test_once_no_rotation_can_begin_any_more_nobody_waits() -> None:
    ecs = Ecs(engine=service(LAST_WEEK))
    run(LATE, ecs, Store(weekly=OPENED, other=LAST_WEEK), engine=("weekly", "other"))
    assert ecs.updated == ["engine"], "a rotation that failed must not keep the other secrets from being read"


def test_what_a_person_put_in_during_the_week_is_read_in_the_next_window() -> None:
    ecs = Ecs(gateway=service(LAST_WEEK))
    run(EARLY, ecs, Store(filled=SUNDAY - timedelta(days=3)), gateway=("filled",))
    assert ecs.updated == ["gateway"]


def test_a_deployment_under_way_is_not_disturbed() -> None:
    for busy in (service(LAST_WEEK, state="IN_PROGRESS"), service(LAST_WEEK, more=1)):
        ecs = Ecs(backend=busy)
        assert run(EARLY, ecs, Store(weekly=OPENED), backend=("weekly",)) == {"backend": "is being deployed"}
        assert ecs.updated == []


def test_what_people_stopped_stays_stopped() -> None:
    ecs = Ecs(engine=service(LAST_WEEK, count=0), gone={"status": "INACTIVE", "deployments": []})
    report = run(EARLY, ecs, Store(weekly=OPENED), engine=("weekly",), gone=("weekly",))
    assert report == {"engine": "is stopped", "gone": "is not running"}
    assert ecs.updated == []


def test_a_secret_that_holds_nothing_yet_starts_nobody() -> None:
    ecs = Ecs(engine=service(LAST_WEEK))
    run(LATE, ecs, Store(filled=None), engine=("filled",))
    assert ecs.updated == []


def test_more_services_than_a_call_takes() -> None:
    names = [f"s{n}" for n in range(23)]
    ecs = Ecs(**{name: service(LAST_WEEK) for name in names})
    run(LATE, ecs, Store(weekly=OPENED), **dict.fromkeys(names, ("weekly",)))
    assert ecs.updated == sorted(names)


moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 22, 4)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001


@given(
    st.builds(State, moments, st.booleans(), st.booleans()),
    st.dictionaries(st.sampled_from(["weekly", "other", "filled"]), st.none() | moments),
    st.booleans(),
)
def test_whoever_is_started_again_had_a_reason_and_could_be(state: State, secrets: dict[str, datetime | None], rotating: bool) -> None:
    now_due, why = due(state, secrets, weekly=frozenset({"weekly", "other"}), opened=OPENED, rotating=rotating)
    assert why
    younger = [moment for moment in secrets.values() if moment and moment > state.started]
    if now_due:
        assert younger
        assert not state.deploying
        assert not state.stopped
    elif not rotating and not state.deploying and not state.stopped:
        assert not younger, "after the rotations nobody who is free to go is held back"


# --- what it reads --------------------------------------------------------------------------------------------------------


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Vault("first")


def test_when_a_secret_changed_is_read_without_reading_it(vault: Vault) -> None:
    class Blind:
        exceptions = vault.client.exceptions

        def __getattr__(self, name: str) -> Any:
            assert name in {"describe_secret", "list_secret_version_ids"}, f"{name} is not for this function"
            return getattr(vault.client, name)

    before = changed(Blind(), vault.arn)
    assert before is not None
    assert abs(datetime.now(UTC) - before) < timedelta(minutes=1)
    vault.rotate(Value({"LENGTH": "32"}))
    stored: Any = secretsmanager_backends["123456789012"][REGION].secrets.values()
    (secret,) = stored
    secret.last_rotation_date = int(before.timestamp()) + 3_600  # moto leaves the date to RotateSecret
    after = changed(Blind(), vault.arn)
    assert after is not None
    assert after - before == timedelta(hours=1), "the end of the rotation is what counts"


def test_an_empty_container_has_no_date(vault: Vault) -> None:
    arn = vault.client.create_secret(Name="nautilus/test/empty")["ARN"]
    assert changed(vault.client, arn) is None


def test_ecs_answers_as_read() -> None:
    found = state_of(service(LAST_WEEK, state="IN_PROGRESS", count=2))
    assert found == State(LAST_WEEK, deploying=True, stopped=False)
    assert state_of({"status": "DRAINING", "deployments": service(LAST_WEEK)["deployments"]}) is None


def test_the_environment_is_read() -> None:
    read = Settings.read({"CLUSTER": "c", "SERVICES": '{"s": ["a"]}', "WEEKLY": '["a"]', "WINDOW": window_variable()})
    assert read == Settings("c", {"s": ("a",)}, frozenset({"a"}), WINDOW)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"CLUSTER": None}, "CLUSTER' is not set"),
        ({"SERVICES": "["}, "are JSON"),
        ({"SERVICES": "[]"}, "are JSON"),
        ({"WINDOW": '{"day": 1}'}, "are JSON"),
    ],
)
def test_a_wrong_environment_is_refused(change: dict[str, str | None], says: str) -> None:
    environment = {"CLUSTER": "c", "SERVICES": "{}", "WEEKLY": "[]", "WINDOW": window_variable()} | change
    with pytest.raises(ValueError, match=says):
        Settings.read({key: value for key, value in environment.items() if value is not None})


def test_the_function_runs_on_boto3(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("ecs").create_cluster(clusterName="c")
    for key, value in {
        "CLUSTER": "c",
        "SERVICES": json.dumps({"gone": [vault.arn]}),
        "WEEKLY": json.dumps([vault.arn]),
        "WINDOW": json.dumps({"weekday": datetime.now(UTC).weekday(), "opens": 0, "rotated": 0, "closes": 1440}),
    }.items():
        monkeypatch.setenv(key, value)
    assert restarts.handler({}, None) == {}
