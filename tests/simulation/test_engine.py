"""A small program on the real engine and this provider: what only an engine can show."""

from __future__ import annotations

from pathlib import Path

import pytest

from nautilus.engine.run import OperationResult, Outcome
from nautilus.sandbox.engine import Sandbox
from nautilus.sandbox.simulation.context import Peer
from nautilus.sandbox.simulation.store import Store
from nautilus.sandbox.toolchain import ToolchainError, resolve

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_aws as aws
import pulumi_random as random

config = pulumi.Config()
options = pulumi.ResourceOptions(provider=aws.Provider("main", region="eu-west-1", default_tags={"tags": {"Project": "tiny"}}))
topic = aws.sns.Topic("alerts", name=config.get("topic") or "alerts", display_name=config.get("display"), opts=options)
queue = aws.sqs.Queue("jobs", opts=options)
secret = random.RandomPassword("pw", length=20, override_special=config.get("special") or "!#")
stored = aws.ssm.Parameter("pw", name="/tiny/pw", type="SecureString", value=secret.result, opts=options)
if config.get("token"):
    aws.elasticache.ReplicationGroup(
        "cache", description="c", engine="valkey", node_type="cache.t4g.micro", num_cache_clusters=1, transit_encryption_enabled=True,
        auth_token=secret.result, opts=options,
    )
if config.get("import"):
    aws.kms.Key("kept", description="made by hand", enable_key_rotation=True, opts=pulumi.ResourceOptions(import_=config.get("import")))
if config.get("zone"):
    zone = aws.route53.Zone.get("zone", config.get("zone"))
    pulumi.export("zone", zone.zone_id)
pulumi.export("topic", topic.arn)
pulumi.export("queue", queue.url)
"""


def explain(result: OperationResult) -> str:
    return "\n".join([item.message for item in result.errors] or [f"see {result.output_log}"])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    try:
        resolve(print)
    except ToolchainError as error:
        pytest.skip(f"no Pulumi CLI: {error}")
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (folder / "Pulumi.local.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / ".venv").symlink_to(Path(__file__).parents[2] / ".venv")
    found = Sandbox(folder, "local")
    result = found.up()
    assert result.ok, explain(result)
    return found


def test_a_second_preview_shows_nothing(sandbox: Sandbox) -> None:
    result = sandbox.preview(expect_no_changes=True)
    assert result.ok, explain(result)


def test_outputs_have_awss_formats(sandbox: Sandbox) -> None:
    outputs = sandbox.outputs()
    assert outputs["topic"] == "arn:aws:sns:eu-west-1:123456789012:alerts"
    assert outputs["queue"].startswith("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs-")
    topic = next(each for each in sandbox.resources() if each["type"] == "aws:sns/topic:Topic")
    assert topic["outputs"]["tagsAll"] == {"Project": "tiny"}


def test_an_update_is_no_replacement_and_a_new_name_is_one(sandbox: Sandbox) -> None:
    update = sandbox.preview(config_override={"tiny:display": "Alerts"})
    assert [step.op for step in update.steps if step.changes] == ["update"]
    renamed = sandbox.preview(config_override={"tiny:topic": "alarms"})
    assert "replace" in " ".join(renamed.changes)


def test_a_generator_that_draws_refused_characters_stops_the_preview(sandbox: Sandbox) -> None:
    before = len(sandbox.resources())
    result = sandbox.preview(config_override={"tiny:token": "yes", "tiny:special": "'@'"})
    assert result.outcome is Outcome.FAILED
    assert any("elasticache-auth" in item.message and "cache" in item.message for item in result.errors), explain(result)
    assert len(sandbox.resources()) == before
    with Store(sandbox.workspace.store_file("local")) as store:
        assert [row.token for row in store.all() if "elasticache" in row.token] == []


def test_import_by_option_and_lookup(sandbox: Sandbox) -> None:
    """Someone has made a key by hand; the program takes it over."""
    ident = "0c0ffee0-1234-4abc-8def-0123456789ab"
    with Store(sandbox.workspace.store_file("local")) as store:
        inputs = {"description": "made by hand", "enableKeyRotation": True, "region": "us-east-1", "tagsAll": {}}
        outputs = inputs | {"keyId": ident, "arn": f"arn:aws:kms:us-east-1:123456789012:key/{ident}"}
        store.put("urn:pulumi:hand::hand::aws:kms/key:Key::hand", ident, "aws:kms/key:Key", Peer(), inputs, outputs)
    override = {"tiny:import": ident, "tiny:zone": "Z0123456789ABC"}
    result = sandbox.up(config_override=override)
    assert result.ok, explain(result)
    key = next(each for each in sandbox.resources() if each["type"] == "aws:kms/key:Key")
    assert key["id"] == ident
    assert sandbox.outputs()["zone"] == "Z0123456789ABC"
    assert sandbox.preview(config_override=override, expect_no_changes=True).ok
    assert sandbox.refresh(preview_only=True, expect_no_changes=True).ok
