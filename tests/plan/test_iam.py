"""IAM documents: least privilege, canonical form, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import iam

ACCOUNT = "123456789012"
DIGEST = "sha256:" + "ab" * 32
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/nautilus-dev/backend@{DIGEST}"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:nautilus-dev/jwt-AbCdEf"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/nautilus/dev/backend"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"


def parse(document: str) -> dict[str, dict[str, Any]]:
    """Statements by sid."""
    loaded = json.loads(document)
    assert loaded["Version"] == "2012-10-17"
    return {one.get("Sid", ""): one for one in loaded["Statement"]}


def execution(*secrets: str) -> dict[str, dict[str, Any]]:
    return parse(iam.execution_policy(images=[IMAGE], log_group_arn=LOGS, secrets=secrets, secret_key_arn=KEY, region="us-east-1"))


def test_trust_names_one_service_and_this_account() -> None:
    [only] = parse(iam.trust("ecs-tasks.amazonaws.com", account_id=ACCOUNT, source_arn=f"arn:aws:ecs:us-east-1:{ACCOUNT}:*")).values()
    assert only == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"},
        },
    }
    [bare] = parse(iam.trust("ecs.amazonaws.com")).values()
    assert "Condition" not in bare


def test_the_execution_role_reads_exactly_the_secrets_of_its_containers() -> None:
    made = execution(f"{SECRET}:password::", SECRET)
    assert made["ReadSecrets"] == {
        "Sid": "ReadSecrets",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": SECRET,
    }
    assert made["DecryptSecrets"]["Resource"] == KEY
    assert made["DecryptSecrets"]["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    assert made["PullImage"]["Resource"] == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/nautilus-dev/backend"
    assert made["WriteLogs"]["Resource"] == f"{LOGS}:*"
    assert [sid for sid, one in made.items() if one["Resource"] == "*"] == ["RegistryLogin"]


def test_without_secrets_the_execution_role_decrypts_nothing() -> None:
    assert set(execution()) == {"RegistryLogin", "PullImage", "WriteLogs"}


@pytest.mark.parametrize(
    "image",
    [
        "nginx:latest",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/backend:1.2",
        f"docker.io/backend@{DIGEST}",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/backend@sha256:abc",
    ],
)
def test_images_are_named_by_digest(image: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        iam.repository_arn(image)


@pytest.mark.parametrize("value", ["hunter2", "arn:aws:ssm:us-east-1:123456789012:parameter/x", "", f"{SECRET}:a:b:c:d"])
def test_a_secret_is_the_arn_of_a_secret(value: str) -> None:
    with pytest.raises(ValueError, match="ARN of a secret"):
        iam.secret_arn(value)


@pytest.mark.parametrize("action", ["*", "s3:*", "kms:*"])
def test_no_statement_allows_everything_of_a_service(action: str) -> None:
    with pytest.raises(ValueError, match="name the actions"):
        iam.statement([action], ["*"])
    assert iam.statement([action], ["*"], effect="Deny")["Effect"] == "Deny"


def test_broken_statements_and_policies_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one action"):
        iam.statement([])
    with pytest.raises(ValueError, match="neither"):
        iam.statement(["a:b"], effect="Maybe")
    with pytest.raises(ValueError, match="letters and digits"):
        iam.statement(["a:b"], sid="no spaces")
    with pytest.raises(ValueError, match="at least one statement"):
        iam.policy()
    with pytest.raises(ValueError, match="twice"):
        iam.policy(iam.statement(["a:b"], sid="X"), iam.statement(["a:c"], sid="X"))
    with pytest.raises(ValueError, match="names of its leases"):
        iam.lease_policy(table_arn="t", key_arn="k", leases=[], region="us-east-1")


words = st.lists(st.from_regex(r"[a-z]{2,6}:[A-Z][a-z]{1,5}", fullmatch=True), min_size=1, max_size=6)


@given(words, st.randoms())
def test_order_and_repetition_do_not_change_a_document(actions: list[str], random: Any) -> None:
    shuffled = [*actions, actions[0]]
    random.shuffle(shuffled)
    assert iam.policy(iam.statement(shuffled, ["*"])) == iam.policy(iam.statement(actions, ["*"]))
    made = iam.statement(actions, ["*"])["Action"]
    assert made == (sorted(set(actions)) if len(set(actions)) > 1 else actions[0])


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_canonical_json_reads_back_and_is_its_own_canonical_form(document: Any) -> None:
    text = iam.canonical(document)
    assert json.loads(text) == document
    assert iam.canonical(json.loads(text)) == text


def test_the_hook_reads_alarms_and_deployments_and_invokes_nothing() -> None:
    made = parse(iam.hook_policy(log_group_arn=LOGS, region="us-east-1", account_id=ACCOUNT))
    actions = {action for one in made.values() for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    assert actions == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "cloudwatch:DescribeAlarms",
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ec2:DescribeNetworkInterfaces",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    # A narrower scope shows no composite alarm (CloudWatch API reference, DescribeAlarms), and the hook asks for both kinds.
    assert made["ReadAlarms"]["Resource"] == "*"
    assert made["ReadDeployments"]["Resource"] == [
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-deployment/*",
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-revision/*",
    ]


def test_ecs_invokes_one_function() -> None:
    [only] = parse(iam.invoke_policy("arn:f")).values()
    assert (only["Action"], only["Resource"]) == ("lambda:InvokeFunction", ["arn:f", "arn:f:*"])


def test_a_lease_holder_touches_its_own_rows_and_deletes_none() -> None:
    made = parse(iam.lease_policy(table_arn="arn:t", key_arn=KEY, leases=["engine"], region="us-east-1"))
    assert made["OwnLeases"]["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    assert made["OwnLeases"]["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "engine"}}


def test_session_files_are_mounted_by_one_role_through_one_access_point_over_tls() -> None:
    made = parse(iam.files_policy(file_system_arn="arn:fs", role_arns=["arn:role"], access_point_arn="arn:ap"))
    allowed, denied = made["MountThroughAccessPoint"], made["RefuseClearText"]
    assert allowed["Principal"] == {"AWS": "arn:role"}
    assert allowed["Condition"]["StringEquals"] == {"elasticfilesystem:AccessPointArn": "arn:ap"}
    assert "elasticfilesystem:ClientRootAccess" not in allowed["Action"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    [mount] = parse(iam.mount_policy(file_system_arn="arn:fs", access_point_arn="arn:ap")).values()
    assert mount["Action"] == allowed["Action"]


def test_topics_are_open_to_services_of_this_account_alone() -> None:
    made = parse(iam.topic_policy("arn:topic", account_id=ACCOUNT))
    assert made["PublishFromAccount"]["Principal"] == {"Service": sorted(iam.TOPIC_PUBLISHERS)}
    assert made["PublishFromAccount"]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert made["RefuseClearText"]["Effect"] == "Deny"


def test_only_this_trail_writes_to_its_bucket() -> None:
    acl, write = iam.trail_bucket_statements(bucket_arn="arn:aws:s3:::b", trail_arn="arn:trail", account_id=ACCOUNT)
    assert acl["Resource"] == "arn:aws:s3:::b"
    assert write["Resource"] == f"arn:aws:s3:::b/AWSLogs/{ACCOUNT}/*"
    assert write["Condition"]["StringEquals"] == {"aws:SourceArn": "arn:trail", "s3:x-amz-acl": "bucket-owner-full-control"}
    [log] = parse(iam.trail_log_policy(LOGS)).values()
    assert log["Resource"] == f"{LOGS}:log-stream:*"


PUBLIC = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:{'cd' * 32}"


def test_an_image_of_the_cache_may_be_copied_by_its_own_name_alone() -> None:
    made = parse(
        iam.execution_policy(
            images=[IMAGE, PUBLIC], cached=[PUBLIC], log_group_arn=LOGS, secrets=[], secret_key_arn=KEY, region="us-east-1"
        )
    )
    copied = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/ecr-public/aws-observability/aws-otel-collector"
    assert made["CopyPublicImage"]["Action"] == ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    assert made["CopyPublicImage"]["Resource"] == copied
    assert copied in made["PullImage"]["Resource"]
    assert "CopyPublicImage" not in parse(
        iam.execution_policy(images=[IMAGE], log_group_arn=LOGS, secrets=[], secret_key_arn=KEY, region="us-east-1")
    )


@pytest.mark.parametrize("document", [iam.log_writer_policy(LOGS), iam.telemetry_policy(LOGS)])
def test_a_sidecar_writes_the_tasks_own_group_and_makes_none(document: str) -> None:
    for one in parse(document).values():
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert "logs:CreateLogGroup" not in actions
        assert one["Resource"] == ("*" if all(action.startswith("xray:") for action in actions) else f"{LOGS}:*")


def test_a_shell_logs_into_the_clusters_group_and_opens_its_channel() -> None:
    made = parse(iam.shell_policy(session_log_arn=LOGS, key_arn=KEY))
    assert {sid for sid, one in made.items() if one["Resource"] == "*"} == {"FindLog", "OpenChannels"}, "calls that know no resource"
    assert all(action.startswith("ssmmessages:") for action in made["OpenChannels"]["Action"])
    assert (made["LogSessions"]["Resource"], made["ReadChannel"]["Resource"]) == (f"{LOGS}:*", KEY)
    assert made["ReadChannel"]["Action"] == "kms:Decrypt"
