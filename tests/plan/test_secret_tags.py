"""Tags of secrets: what AWS takes, and what `nautilus secrets` understands."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.plan.secret_tags import secret_tags
from infra.plan.secrets import Rotator, SecretSpec, inventory
from infra.settings.workloads import Trading
from nautilus.ops.secrets import Hands, look

SPECS = inventory(Trading())
_TAG = re.compile(r"[A-Za-z0-9 +=._:/@-]{0,256}")
"""What AWS takes as the value of a tag (Secrets Manager: up to 50 tags of 256 characters)."""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_tags_are_ones_that_aws_takes(spec: SecretSpec) -> None:
    for key, value in secret_tags(spec).items():
        assert re.fullmatch(r"[A-Za-z]{1,128}", key)
        assert _TAG.fullmatch(value), value


class Described:
    """Secrets Manager, as it describes a secret without versions."""

    def __init__(self, tags: dict[str, str]) -> None:
        self.tags = tags

    def describe_secret(self, **_: str) -> dict[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]}

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        return {"Versions": []}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_commands_read_back_what_the_inventory_says(spec: SecretSpec) -> None:
    held = look(Described(secret_tags(spec)), spec.name, "arn")
    assert held.trouble is None
    assert held.hands is not None
    assert (held.owner, held.days) == (spec.owner, spec.rotation_days)
    assert set(held.consumers) == {role.value for role in spec.consumers}
    assert set(held.json_keys) == set(spec.template)
    assert (held.hands is Hands.PERSON) == (spec.rotator is Rotator.PERSON)
    assert (held.hands is Hands.LAMBDA) == spec.rotator.by_function
    assert (held.hands is Hands.NODE) == (spec.rotator is Rotator.NODE)
    assert (held.hands is Hands.ALONG) == (spec.rotator is Rotator.ORIGIN_PREVIOUS)


def test_every_rotator_has_hands() -> None:
    assert {spec.rotator for spec in SPECS} == set(Rotator)
