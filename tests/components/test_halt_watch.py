"""People hear of every change of the halt flag."""

from __future__ import annotations

import json

from infra.components.halt_watch import HaltWatch
from infra.plan import iam
from tests.components.compute import Stack, context, synth

TOPIC = "arn:aws:sns:us-east-1:123456789012:nautilus-dev-critical"
FLAG = "/nautilus/dev/trading/halt"


def build() -> Stack:
    return synth(lambda: HaltWatch("halt-watch", context(), parameter=FLAG, topic_arn=TOPIC) and None)


def test_every_operation_on_this_parameter_and_on_no_other_is_told() -> None:
    rule = build().one("EventRule")
    assert json.loads(rule["eventPattern"]) == {
        "source": ["aws.ssm"],
        "detail-type": ["Parameter Store Change"],
        "detail": {"name": [FLAG]},
    }, "no operation is named: a deletion halts trading too"
    assert rule["state"] == "ENABLED"


def test_the_critical_topic_hears_who_and_why() -> None:
    target = build().one("EventTarget")
    assert target["arn"] == TOPIC
    shown = target["inputTransformer"]
    said = json.loads(shown["inputTemplate"])
    assert isinstance(said, str), "EventBridge takes a JSON string"
    for name, path in shown["inputPaths"].items():
        assert f"<{name}>" in said
        assert path.startswith("$.")
    assert shown["inputPaths"]["description"] == "$.detail.description", "`nautilus engine halt` writes who and why there"


def test_the_topics_policy_admits_events() -> None:
    made = json.loads(iam.topic_policy(TOPIC, account_id="123456789012"))["Statement"]
    assert any(one["Effect"] == "Allow" and one["Principal"] == {"Service": "events.amazonaws.com"} for one in made)
