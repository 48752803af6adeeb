"""The scheduled copies of the configuration: what they are told, when they run, where they write."""

from __future__ import annotations

import json

import pytest

from infra.component import Context
from infra.components.config_backup import ConfigBackup
from infra.components.storage import PrivateBucket
from infra.naming import Names
from lambdas.config_backup.scope import Settings
from nautilus.sandbox.simulation.mocks import Recording, synth

KEY = "arn:aws:kms:us-east-1:123456789012:key/0c0ffee0-0000-4000-8000-000000000000"
NAMESPACE = "Nautilus/nautilus-prod"


def build(state_bucket: str | None = "nautilus-pulumi-state-123456789012-us-east-1") -> Recording[ConfigBackup]:
    def program() -> ConfigBackup:
        ctx = Context(
            names=Names("nautilus", "prod"),
            account_id="123456789012",
            region="us-east-1",
            dr_region="us-west-2",
            zones=("us-east-1a", "us-east-1b"),
            log_days=365,
            unlocked=False,
        )
        bucket = PrivateBucket("config", ctx, bucket_name="copies-123456789012", key_arn=KEY, log_bucket=None, object_lock_days=90)
        return ConfigBackup(
            "config-backup", ctx, bucket=bucket, bucket_key_arn=KEY, log_key_arn=KEY, namespace=NAMESPACE, state_bucket=state_bucket
        )

    return synth(program, account="123456789012")


@pytest.mark.parametrize("state", [None, "state"])
def test_the_function_understands_what_it_is_told(state: str | None) -> None:
    function = build(state).one("aws:lambda/function:Function").inputs
    told = Settings.read(function["environment"]["variables"] | {"AWS_REGION": "us-east-1"})
    assert told == Settings(
        prefix="nautilus-prod",
        path="/nautilus/prod",
        project="nautilus",
        environment="prod",
        region="us-east-1",
        bucket="copies-123456789012",
        namespace=NAMESPACE,
        state_bucket=state,
    )
    assert function["loggingConfig"]["logGroup"] == "/aws/lambda/nautilus-prod-config-backup"


def test_each_part_has_its_schedule() -> None:
    schedules = {one.name: one.inputs for one in build() if one.type == "aws:scheduler/schedule:Schedule"}
    assert {name: (one["scheduleExpression"], json.loads(one["target"]["input"])) for name, one in schedules.items()} == {
        "config-backup-application": ("cron(0 3 * * ? *)", {"part": "application"}),
        "config-backup-system": ("cron(0 4 * * ? *)", {"part": "system"}),
    }
    assert {one["scheduleExpressionTimezone"] for one in schedules.values()} == {"UTC"}


def test_the_schedules_may_call_this_function_alone() -> None:
    policies = {one.name: json.loads(one.inputs["policy"])["Statement"] for one in build() if one.type == "aws:iam/rolePolicy:RolePolicy"}
    (invoke,) = policies["config-backup-invoke-policy"]
    assert invoke["Action"] == "lambda:InvokeFunction"
    assert invoke["Resource"].endswith(":function:nautilus-prod-config-backup")
    write = next(one for one in policies["config-backup-policy"] if one["Sid"] == "WriteCopies")
    assert write["Resource"] == "arn:aws:s3:::copies-123456789012/config/*"
