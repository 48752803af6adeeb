"""The four steps of a rotation, as Secrets Manager takes them and repeats them: stages on moto, a strategy that writes down what it is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.plan.secrets import Rotator
from lambdas.rotation import handler as rotation
from lambdas.rotation.values import Value
from tests.lambdas.secret import STEPS, Vault


class Door:
    """A strategy over something that opens with any of `keys`."""

    def __init__(self) -> None:
        self.keys = {"first"}
        self.asked: list[tuple[Any, ...]] = []
        self.drawn = 0
        self.breaks: str | None = None

    def _maybe_break(self, where: str) -> None:
        if self.breaks == where:
            self.breaks = None
            raise RuntimeError(where)

    def new(self, current: str, first: bool) -> str:
        self.asked.append(("new", current, first))
        self.drawn += 1
        return f"value-{self.drawn}"

    def set(self, current: str, pending: str, previous: str | None) -> None:
        self.asked.append(("set", current, pending, previous))
        self.keys.add(pending)
        self._maybe_break("set")

    def test(self, pending: str) -> None:
        self._maybe_break("test")
        if pending not in self.keys:
            raise PermissionError("does not open")

    def finished(self, value: str) -> None:
        self._maybe_break("finished")
        self.keys = {value}


@pytest.fixture
def vault() -> Iterator[Vault]:
    with mock_aws():
        yield Vault("first")


def test_a_rotation_moves_the_labels(vault: Vault) -> None:
    door = Door()
    first = next(iter(vault.stages()))
    assert vault.rotate(door) == "value-1"
    assert {version: sorted(stages) for version, stages in vault.stages().items()} == {
        vault.token: ["AWSCURRENT"],
        first: ["AWSPREVIOUS", "FIRST"],
    }
    assert door.keys == {"value-1"}


def test_until_the_last_step_consumers_read_the_old_value_and_it_opens(vault: Vault) -> None:
    door = Door()
    vault.begin()
    for step in STEPS[:-1]:
        vault.step(door, step)
        assert vault.value() == "first"
        assert "first" in door.keys
    vault.step(door, STEPS[-1])
    assert vault.value() == "value-1"


def test_only_the_first_rotation_is_told_so_and_never_hands_on_what_stood_in_the_state(vault: Vault) -> None:
    door = Door()
    for _ in range(3):
        vault.rotate(door)
    assert door.asked == [
        ("new", "first", True),
        ("set", "first", "value-1", None),
        ("new", "value-1", False),
        ("set", "value-1", "value-2", "first"),
        ("new", "value-2", False),
        ("set", "value-2", "value-3", "value-1"),
    ]


@pytest.mark.parametrize(("broken", "stops_at"), [("set", "setSecret"), ("test", "testSecret"), ("finished", "finishSecret")])
def test_a_crash_in_a_step_is_made_good_by_starting_over(vault: Vault, broken: str, stops_at: str) -> None:
    door = Door()
    door.breaks = broken
    vault.begin()
    for step in STEPS[: STEPS.index(stops_at)]:
        vault.step(door, step)
    with pytest.raises(RuntimeError, match=broken):
        vault.step(door, stops_at)
    assert vault.value() in door.keys, "whatever happens, what consumers read opens"
    for step in STEPS:
        vault.step(door, step)
    assert vault.value() == "value-1", "the pending value is kept, not drawn again"
    assert (door.drawn, door.keys) == (1, {"value-1"})
    assert vault.stages()[vault.token] == ["AWSCURRENT"]


@pytest.mark.parametrize("step", STEPS)
def test_every_step_may_be_repeated(vault: Vault, step: str) -> None:
    door = Door()
    vault.begin()
    for one in STEPS[: STEPS.index(step) + 1]:
        vault.step(door, one)
        vault.step(door, one)
    for one in STEPS[STEPS.index(step) + 1 :]:
        vault.step(door, one)
    assert (vault.value(), door.keys, door.drawn) == ("value-1", {"value-1"}, 1)


def test_a_version_that_is_current_already_is_left_alone(vault: Vault) -> None:
    door = Door()
    vault.rotate(door)
    asked = list(door.asked)
    for step in STEPS:
        vault.step(door, step)
    assert door.asked == asked
    assert vault.value() == "value-1"


def test_a_version_that_nobody_made_is_refused(vault: Vault) -> None:
    vault.begin()
    with pytest.raises(rotation.RefusedError, match="has no version 11111111"):
        vault.step(Door(), "createSecret", "11111111-1111-1111-1111-111111111111")


def test_a_version_that_is_not_pending_is_refused(vault: Vault) -> None:
    door = Door()
    first = next(iter(vault.stages()))
    vault.rotate(door)
    with pytest.raises(rotation.RefusedError, match="is not pending"):
        vault.step(door, "setSecret", first)
    assert vault.value() == "value-1"


def test_rotation_that_is_not_enabled_is_refused(vault: Vault) -> None:
    token = next(iter(vault.stages()))
    with pytest.raises(rotation.RefusedError, match="not enabled"):
        vault.step(Door(), "createSecret", token)


def test_steps_out_of_order_change_nothing(vault: Vault) -> None:
    door = Door()
    vault.begin()
    for step in STEPS[1:]:
        with pytest.raises(rotation.RefusedError, match="createSecret comes first"):
            vault.step(door, step)
    with pytest.raises(rotation.RefusedError, match="not a step"):
        vault.step(door, "dropSecret")
    assert (vault.value(), door.keys) == ("first", {"first"})


def test_a_secret_without_a_value_is_refused() -> None:
    with mock_aws():
        vault = Vault("first")
        vault.begin()
        current = next(version for version, stages in vault.stages().items() if "AWSCURRENT" in stages)
        from moto.secretsmanager.models import secretsmanager_backends

        (secret,) = secretsmanager_backends["123456789012"]["us-east-1"].secrets.values()
        del secret.versions[current]["secret_string"]
        with pytest.raises(rotation.RefusedError, match="holds nothing yet"):
            vault.step(Door(), "createSecret")


def test_no_value_is_logged_or_part_of_an_error(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    with caplog.at_level(logging.DEBUG, "lambdas.rotation.handler"):
        vault.rotate(door)
        vault.begin()
        vault.step(door, "createSecret")
        door.keys = set()
        door.breaks = "set"
        with pytest.raises(RuntimeError) as error:
            vault.step(door, "setSecret")
    said = caplog.text + str(error.value)
    assert "createSecret is done" in said
    assert "value-" not in said


def test_the_function_takes_its_kind_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name, value in {"KIND": "value", "LENGTH": "40", "SPECIAL": ""}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        vault = Vault("first")
        vault.begin()
        for step in STEPS:
            rotation.handler({"SecretId": vault.arn, "ClientRequestToken": vault.token, "Step": step}, None)
        assert len(vault.value()) == 40
        assert boto3.client("secretsmanager").describe_secret(SecretId=vault.arn)["RotationEnabled"]


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(rotation.RefusedError, match="KIND is 'redis'"):
        rotation.strategy_of({"KIND": "redis"})
    with pytest.raises(rotation.RefusedError, match="KIND is ''"):
        rotation.strategy_of({})
    assert isinstance(rotation.strategy_of({"KIND": "value", "LENGTH": "32"}), Value)


def test_the_kinds_are_the_plans() -> None:
    assert set(rotation.STRATEGIES) == {kind.value for kind in Rotator if kind.by_function}
