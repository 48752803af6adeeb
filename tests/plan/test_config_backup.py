"""What the copies of the configuration may read and write."""

from __future__ import annotations

import json
from typing import Any

from infra.plan.config_backup import SCHEDULES, bucket_statements, run_policy
from lambdas.config_backup import handler


def statements(state_bucket: str | None = "state") -> dict[str, dict[str, Any]]:
    text = run_policy(
        log_group_arn="arn:aws:logs:us-east-1:123456789012:log-group:x",
        namespace="Nautilus/nautilus-prod",
        bucket="copies",
        bucket_key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
        state_bucket=state_bucket,
        project="nautilus",
        environment="prod",
        prefix="nautilus-prod",
        path="/nautilus/prod",
        account="123456789012",
        region="us-east-1",
    )
    assert len(text) < 10_240, "IAM's limit of a role's inline policies"
    return {one["Sid"]: one for one in json.loads(text)["Statement"]}


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def actions() -> set[str]:
    return {action for one in statements().values() for action in listed(one["Action"])}


def test_the_schedules_are_the_seeds() -> None:
    assert SCHEDULES == {"application": "cron(0 3 * * ? *)", "system": "cron(0 4 * * ? *)"}
    assert set(SCHEDULES) == set(handler.SOURCES), "every part has its hour, and no hour is without a part"


def test_it_reads_no_secret_and_takes_nothing_back() -> None:
    forbidden = ("secretsmanager:", "s3:Delete", "s3:BypassGovernance", "s3:PutObjectRetention", "s3:PutBucket", "iam:Put", "ssm:Put")
    assert not [action for action in actions() if action.startswith(forbidden)]
    verbs = {action.partition(":")[2] for action in actions()}
    writing = {verb for verb in verbs if not verb.startswith(("Get", "List", "Describe"))}
    assert writing == {
        "CreateLogStream",
        "PutLogEvents",
        "PutMetricData",
        "PutTelemetryRecords",
        "PutTraceSegments",
        "PutObject",
        "GenerateDataKey",
        "Decrypt",
    }


def test_decryption_is_for_the_state_alone() -> None:
    """Without `kms:Decrypt` of the parameters' key a SecureString cannot be read, whatever the code asks for."""
    found = statements()
    decrypting = [sid for sid, one in found.items() if "kms:Decrypt" in listed(one["Action"])]
    assert decrypting == ["DecryptState"]
    assert found["DecryptState"]["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/nautilus-pulumi-state"}}
    assert not {"SeeState", "ReadState", "DecryptState"} & set(statements(state_bucket=None))


def test_it_writes_in_one_folder_of_one_bucket() -> None:
    assert statements()["WriteCopies"]["Resource"] == "arn:aws:s3:::copies/config/*"


def test_what_is_read_by_name_is_this_stacks() -> None:
    for sid, one in statements().items():
        if sid.startswith("Read") and sid not in {"ReadCertificates", "ReadAlarms"}:
            for resource in listed(one["Resource"]):
                assert "nautilus-prod" in resource or "/nautilus/prod/" in resource or "/prod.json" in resource, (sid, resource)


def test_only_lists_know_no_narrower_resource() -> None:
    everywhere = {sid for sid, one in statements().items() if "*" in listed(one["Resource"])}
    assert everywhere == {"List", "WriteMetrics", "WriteTraces"}


def test_nobody_lifts_the_lock_until_the_stack_is_unlocked() -> None:
    (only,) = bucket_statements("copies", guarded=True)
    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", {"AWS": "*"}, "s3:BypassGovernanceRetention")
    assert only["Resource"] == "arn:aws:s3:::copies/*"
    assert bucket_statements("copies", guarded=False) == []
