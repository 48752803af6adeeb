"""Queues: encrypted, TLS alone, nothing lost without a word, and workers that may do no more than work."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.queue import Queue, variables, work_policy
from infra.plan.iam import worker_policy
from infra.settings.queues import Queue as Settings
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth
from policies.testing import evaluate, simulated
from tests.components.data import ACCOUNT, context, key

KEY = key("messaging")
QUEUE = "aws:sqs/queue:Queue"


def made(name: str = "jobs", **settings: Any) -> Recording[Any]:
    def program() -> dict[str, Any]:
        queue = Queue(name, context(), settings=Settings.model_validate(settings), key_arn=KEY)
        pulumi.export("url", queue.url)
        pulumi.export("policy", work_policy({name: queue}, key_arn=KEY, region="us-east-1"))
        pulumi.export("variables", variables({name: queue}))
        return {"alarms": queue.alarms()}

    return synth(program)


def pair(recording: Recording[Any], name: str = "jobs") -> tuple[Recorded, Recorded]:
    queues = {one.name: one for one in recording.by_type(QUEUE)}
    return queues[name], queues[f"{name}-dead"]


def test_a_queue_is_encrypted_polled_long_and_has_a_dead_letter_queue() -> None:
    queue, dead = pair(made())
    assert (queue.inputs["name"], dead.inputs["name"]) == ("nautilus-prod-jobs", "nautilus-prod-jobs-dead")
    for one in (queue, dead):
        assert one.inputs["kmsMasterKeyId"] == KEY
        assert one.inputs["receiveWaitTimeSeconds"] == 20
        assert one.inputs["visibilityTimeoutSeconds"] == 6 * 300
        assert not one.protect
    assert json.loads(queue.inputs["redrivePolicy"]) == {"deadLetterTargetArn": dead.outputs["arn"], "maxReceiveCount": 5}
    assert dead.inputs.get("redrivePolicy") is None
    assert (queue.inputs["messageRetentionSeconds"], dead.inputs["messageRetentionSeconds"]) == (4 * 86_400, 14 * 86_400)


@pytest.mark.parametrize("settings", [{"workerSeconds": 10}, {"workerSeconds": 10, "visibilitySeconds": 90}])
def test_a_message_stays_hidden_while_it_is_worked_on(settings: dict[str, Any]) -> None:
    queue, _ = pair(made(**settings))
    assert queue.inputs["visibilityTimeoutSeconds"] == settings.get("visibilitySeconds", 60)


def test_a_fifo_queue_has_a_fifo_dead_letter_queue() -> None:
    queue, dead = pair(made("orders", fifo=True), "orders")
    assert (queue.inputs["name"], dead.inputs["name"]) == ("nautilus-prod-orders.fifo", "nautilus-prod-orders-dead.fifo")
    assert queue.inputs["fifoQueue"] is dead.inputs["fifoQueue"] is True
    assert queue.inputs["contentBasedDeduplication"] is False
    plain, _ = pair(made())
    assert plain.inputs.get("fifoQueue") is None
    assert plain.inputs.get("contentBasedDeduplication") is None


def test_a_long_name_fits_with_its_ending() -> None:
    recording = made("a" * 30, fifo=True)
    assert all(len(one.inputs["name"]) <= 80 and one.inputs["name"].endswith(".fifo") for one in recording.by_type(QUEUE))


def test_both_refuse_clear_text_and_other_accounts() -> None:
    recording = made()
    policies = recording.by_type("aws:sqs/queuePolicy:QueuePolicy")
    assert len(policies) == 2
    for one in policies:
        statements = {item["Sid"]: item for item in json.loads(one.inputs["policy"])["Statement"]}
        assert {item["Effect"] for item in statements.values()} == {"Deny"}, "who may do what stands in the roles' policies"
        assert statements["RefuseClearText"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statements["RefuseOtherAccounts"]["Condition"] == {
            "StringNotEquals": {"aws:PrincipalAccount": ACCOUNT},
            "Null": {"aws:PrincipalAccount": "false"},
        }
        assert statements["RefuseClearText"]["Resource"] in {queue.outputs["arn"] for queue in recording.by_type(QUEUE)}


def test_a_worker_may_work_and_nothing_else() -> None:
    recording = made()
    queue, dead = pair(recording)
    document = recording.exports["policy"]
    use, keyed = json.loads(document)["Statement"]
    assert use["Resource"] == queue.outputs["arn"]
    assert dead.outputs["arn"] not in document
    assert set(use["Action"]) == {
        f"sqs:{action}"
        for action in (
            "ChangeMessageVisibility",
            "DeleteMessage",
            "GetQueueAttributes",
            "GetQueueUrl",
            "ReceiveMessage",
            "SendMessage",
        )
    }
    assert keyed["Condition"] == {"StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com"}}
    with pytest.raises(ValueError, match="needs a queue"):
        worker_policy(queue_arns=[], key_arn=KEY, region="us-east-1")
    with pytest.raises(ValueError, match="needs a queue"):
        work_policy({}, key_arn=KEY, region="us-east-1")


def test_a_service_finds_its_queue_in_the_environment() -> None:
    recording = made("night-reports")
    assert recording.exports["variables"] == {"NIGHT_REPORTS_QUEUE_URL": recording.exports["url"]}


def test_alarms_name_the_queues_that_are_made() -> None:
    recording = made(oldestSeconds=120, mostMessages=7)
    alarms = {one.key: one for one in recording.result["alarms"]}
    assert sorted(alarms) == ["jobs-dead", "jobs-deep", "jobs-old"]
    queue, dead = pair(recording)
    assert alarms["jobs-dead"].source.dimensions == (("QueueName", dead.inputs["name"]),)
    assert alarms["jobs-old"].source.dimensions == (("QueueName", queue.inputs["name"]),)
    assert (alarms["jobs-dead"].threshold, alarms["jobs-old"].threshold, alarms["jobs-deep"].threshold) == (0, 120, 7)


def test_the_policies_find_nothing_and_the_opposite_is_found() -> None:
    recorded = simulated(made().resources)
    assert [str(one) for one in evaluate(recorded, advice=True)] == []

    def broken(kind: str, **props: Any) -> set[str]:
        from dataclasses import replace

        changed = [replace(one, props={**one.props, **props}) if one.type == kind else one for one in recorded]
        return {one.rule for one in evaluate(changed, advice=True)}

    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}})
    assert broken(QUEUE, kmsMasterKeyId="") == {"MSG-01"}
    assert broken(QUEUE, redrivePolicy="") == {"MSG-04"}
    assert broken("aws:sqs/queuePolicy:QueuePolicy", policy=allow) == {"MSG-02", "MSG-05"}
    assert {one.rule for one in evaluate([one for one in recorded if "queuePolicy" not in one.type])} == {"MSG-05"}
