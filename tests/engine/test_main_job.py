"""The main job on the real engine: up, a second preview without changes, outputs, drift, unlock, destroy."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import jsonschema
import pytest

from infra.outputs import schema
from nautilus.engine.run import Outcome
from nautilus.sandbox.engine import PolicyPack, Sandbox
from tests.conftest import ROOT
from tests.engine.conftest import Life, explain, spoil

pytestmark = pytest.mark.engine


def digests() -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ROOT.glob("Pulumi*.yaml")}


def test_up_makes_the_platform_and_a_second_preview_finds_nothing(life: Life) -> None:
    before = digests()
    assert life.first.changes["create"] > 450
    assert not life.first.mandatory_violations
    again = life.sandbox.preview(expect_no_changes=True)
    assert again.outcome is Outcome.SUCCEEDED, explain(again) + str([step.urn for step in again.steps if step.changes])
    assert again.change_count == 0
    assert digests() == before


def test_refresh_finds_no_drift_where_nobody_meddled(life: Life) -> None:
    result = life.sandbox.refresh(preview_only=True, expect_no_changes=True)
    assert result.outcome is Outcome.SUCCEEDED, explain(result)


def test_outputs_keep_their_contract(life: Life) -> None:
    outputs = life.sandbox.outputs()
    jsonschema.validate(outputs, schema())
    assert outputs["postgresAddress"].endswith(f".{outputs['region']}.rds.amazonaws.com")
    assert len(outputs["natAddresses"]) == 3


def test_state_keeps_secrets_encrypted(life: Life) -> None:
    shown = life.sandbox.export(show_secrets=True)
    passwords = [
        json.loads(item["outputs"]["result"]["plaintext"])
        for item in shown["deployment"]["resources"]
        if item["type"] == "random:index/randomPassword:RandomPassword"
    ]
    assert len(passwords) >= 5
    hidden = json.dumps(life.sandbox.export())
    assert not [password for password in passwords if password in hidden]


DEFECTS = [
    pytest.param(
        "infra/components/web_route.py",
        "limit=NAME_LIMIT",
        "limit=60",
        "aws:lb/targetGroup:TargetGroup",
        "32",
        id="target-group-name-too-long",
    ),
    pytest.param(
        "infra/components/secrets.py",
        "override_special=alphabet.special or None",
        'override_special=f"{alphabet.special}@"',
        "password",
        "@",
        id="rds-password-generator-allows-at",
    ),
    pytest.param(
        "infra/edge.py",
        "subnet_ids=base.network.public_subnet_ids",
        "subnet_ids=[base.network.public_subnet_ids[0], base.network.public_subnet_ids[0]]",
        "aws:lb/loadBalancer:LoadBalancer",
        "two",
        id="load-balancer-in-one-zone",
    ),
    pytest.param(
        "infra/components/keys.py",
        "WINDOW_DAYS = 30",
        "WINDOW_DAYS = 3",
        "aws:kms/key:Key",
        "7",
        id="key-window-too-short",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "where", "rule"), DEFECTS)
def test_a_wrong_property_fails_before_anything_is_made(
    toolchain: object, copy: Path, tmp_path: Path, file: str, old: str, new: str, where: str, rule: str
) -> None:
    if file == "infra/components/web_route.py":
        spoil(copy, "Pulumi.local.yaml", "nautilus-infra:platform:", "nautilus-infra:platform:\n    project: nautilusplat")
    spoil(copy, file, old, new)
    sandbox = Sandbox(copy, "local", root=tmp_path / "sandbox")
    result = sandbox.preview()
    assert result.outcome is Outcome.FAILED
    text = "\n".join(f"{item.urn} {item.message}" for item in result.errors)
    assert where in text, text
    assert rule in text, text
    assert "Traceback" not in text
    assert sandbox.resources() == []


def test_an_unknown_argument_is_one_line(toolchain: object, copy: Path, tmp_path: Path) -> None:
    spoil(copy, "infra/components/keys.py", "enable_key_rotation=", "enable_key_rotations=")
    result = Sandbox(copy, "local", root=tmp_path / "sandbox").preview()
    assert result.outcome is Outcome.FAILED
    text = "\n".join(item.message for item in result.errors)
    assert "enable_key_rotations" in text
    assert "keys.py" in text
    assert "Traceback" not in text


def test_a_broken_rule_of_the_pack_stops_the_preview(toolchain: object, copy: Path, tmp_path: Path) -> None:
    spoil(copy, "infra/components/postgres.py", "publicly_accessible=False", "publicly_accessible=True")
    sandbox = Sandbox(copy, "local", root=tmp_path / "sandbox", policy_packs=[PolicyPack(copy / "policies")])
    result = sandbox.preview()
    assert result.outcome is Outcome.FAILED
    assert any("RDS-01" in f"{item.policy} {item.message}" for item in result.mandatory_violations), explain(result)


@pytest.mark.parametrize("stack", ["prod", "account"])
def test_other_stacks_preview_without_credentials(toolchain: object, tmp_path: Path, stack: str) -> None:
    """The two that differ most from `local`; `.ci/run` previews the others as well."""
    sandbox = Sandbox(ROOT, stack, root=tmp_path, policy_packs=[PolicyPack(ROOT / "policies")])
    result = sandbox.preview()
    assert result.ok, explain(result)
    assert not result.mandatory_violations


def test_drift_is_found_and_repaired(life: Life) -> None:
    """Someone turns off a key's rotation behind our back."""
    store = life.sandbox.workspace.store_file("local")
    with sqlite3.connect(store) as base:
        assert base.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    key = next(item for item in life.sandbox.resources() if item["type"] == "aws:kms/key:Key")
    from nautilus.sandbox.simulation.store import Store

    with Store(store) as drifted:
        drifted.drift(key["urn"], "enableKeyRotation", value=False)
    found = life.sandbox.refresh(preview_only=True, expect_no_changes=True)
    assert found.outcome is Outcome.CHANGES
    assert [step.urn for step in found.steps if step.changes] == [key["urn"]]
    assert life.sandbox.refresh().ok
    repaired = life.sandbox.up()
    assert repaired.ok, explain(repaired)
    assert repaired.changes["update"] == 1
    assert life.sandbox.refresh(preview_only=True, expect_no_changes=True).ok


OTHER_IMAGE = f"sha256:{hashlib.sha256(b'another build').hexdigest()}"
SHIFTED = ("aws:lb/listenerRule:ListenerRule", "aws:lb/listener:Listener", "aws:lb/targetGroup:TargetGroup")
"""What a rollout's traffic runs through; ECS moves the weights in it, and a replacement would drop connections."""


def test_what_ecs_owns_is_left_to_it(life: Life, copy: Path) -> None:
    """After a rollout and a scale-out of ECS's own: other weights, another order of target groups, more tasks."""
    from nautilus.sandbox.simulation.store import Store

    found = life.sandbox.resources()
    rules = [item for item in found if item["type"] == SHIFTED[0] and item["inputs"]["actions"][0]["type"] == "forward"]
    services = [item for item in found if item["type"] == "aws:ecs/service:Service" and item["inputs"].get("loadBalancers")]
    assert len(rules) == 2 * len(services) == 4
    with Store(life.sandbox.workspace.store_file("local")) as shifted:
        for rule in rules:
            shifted.drift(rule["urn"], "actions[0].forward.targetGroups[0].weight", 0)
            shifted.drift(rule["urn"], "actions[0].forward.targetGroups[1].weight", 100)
        for service in services:
            pair = service["outputs"]["loadBalancers"][0]
            blue, green = pair["targetGroupArn"], pair["advancedConfiguration"]["alternateTargetGroupArn"]
            shifted.drift(service["urn"], "loadBalancers[0].targetGroupArn", green)
            shifted.drift(service["urn"], "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn", blue)
            shifted.drift(service["urn"], "desiredCount", 7)
    seen = life.sandbox.refresh()
    assert seen.ok, explain(seen)
    again = life.sandbox.preview(expect_no_changes=True)
    assert again.outcome is Outcome.SUCCEEDED, str([(step.urn, step.op) for step in again.steps if step.changes])

    # The opposite: a rule whose actions are not left to ECS is put back, which is an outage after a rollout.
    spoil(copy, "infra/components/web_route.py", 'opts=self.child(ignore_changes=["actions"])', "opts=self.child()")
    careless = Sandbox(copy, "local", root=life.sandbox.workspace.root).preview()
    assert {step.urn for step in careless.steps if step.changes} == {rule["urn"] for rule in rules}


def test_a_new_image_moves_no_traffic_by_itself(life: Life) -> None:
    """One service's image: its task definition and the service change; no listener, rule or target group is touched."""
    result = life.sandbox.preview(config_override={"services.backend.imageDigest": OTHER_IMAGE})
    assert result.ok, explain(result)
    changed = {(step.type, step.op) for step in result.steps if step.changes}
    assert ("aws:ecs/service:Service", "update") in changed
    assert ("aws:ecs/taskDefinition:TaskDefinition", "replace") in changed
    assert not {kind for kind, _ in changed} & set(SHIFTED)
    assert all("replace" not in op or kind == "aws:ecs/taskDefinition:TaskDefinition" for kind, op in changed if op != "same"), changed


def test_what_is_protected_stays(life: Life) -> None:
    """The engine may delete what holds no data; what does hold some stays, in the state and outside."""
    protected = {item["urn"] for item in life.sandbox.resources() if item.get("protect")}
    assert len(protected) > 40
    result = life.sandbox.destroy()
    assert result.outcome is Outcome.FAILED
    assert any("protect" in item.message for item in result.errors), explain(result)
    assert protected <= {item["urn"] for item in life.sandbox.resources()}


def test_the_unlock_and_destroy_leave_nothing(life: Life) -> None:
    """Last in the file: it takes the shared stack down. What the refused `destroy` before it took is made again first."""
    unlocked = life.sandbox.up(config_override={"unlock": "true"})
    assert unlocked.ok, explain(unlocked)
    assert not any("replace" in op for op in unlocked.changes)
    result = life.sandbox.destroy(config_override={"unlock": "true"})
    assert result.ok, explain(result)
    assert [item["type"] for item in life.sandbox.resources() if item["type"] != "pulumi:pulumi:Stack"] == []
