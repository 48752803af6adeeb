"""Topics and subscriptions."""

from __future__ import annotations

from infra.components.notify import Notify
from infra.plan.iam import TOPIC_PUBLISHERS
from tests.components.compute import ACCOUNT, KEY, Stack, context, synth


def build(*emails: str) -> Stack:
    return synth(lambda: Notify("notify", context(), key_arn=KEY, emails=emails) and None)


def test_two_encrypted_topics_open_to_this_accounts_services_alone() -> None:
    stack = build()
    assert {made.name: made["name"] for made in stack.all("Topic")} == {
        "notify-critical": "nautilus-dev-critical",
        "notify-warning": "nautilus-dev-warning",
    }
    assert {made["kmsMasterKeyId"] for made in stack.all("Topic")} == {KEY}
    for made in stack.all("TopicPolicy"):
        allowed = made.document("policy")["PublishFromAccount"]
        assert allowed["Resource"] == made["arn"]
        assert allowed["Principal"] == {"Service": sorted(TOPIC_PUBLISHERS)}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        rules = made.document("policy")["PublishFromRules"]
        assert (rules["Principal"], rules["Resource"]) == ({"Service": "events.amazonaws.com"}, made["arn"])
        assert "Condition" not in rules, "EventBridge names no account: a condition would silence it"


def test_every_address_hears_of_both_once() -> None:
    stack = build("b@example.com", "a@example.com", "b@example.com")
    heard = sorted((made["topic"], made["endpoint"]) for made in stack.all("TopicSubscription"))
    assert heard == [
        ("arn:notify-critical", "a@example.com"),
        ("arn:notify-critical", "b@example.com"),
        ("arn:notify-warning", "a@example.com"),
        ("arn:notify-warning", "b@example.com"),
    ]


def test_a_new_address_replaces_no_other_subscription() -> None:
    before = {made.urn for made in build("b@example.com").all("TopicSubscription")}
    after = {made.urn for made in build("a@example.com", "b@example.com").all("TopicSubscription")}
    assert before < after
