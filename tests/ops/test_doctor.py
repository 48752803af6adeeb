"""`doctor` sees what is owed, what is in order, and what it cannot see."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nautilus.ops import doctor
from nautilus.ops.bootstrap import Target, steps
from nautilus.ops.bootstrap_account import Needs
from nautilus.ops.doctor import Item, Platform, Verdict
from nautilus.ops.name_servers import LookupFailedError
from nautilus.ops.steps import run_steps
from tests.ops.conftest import ACCOUNT, REGION, CachedSession

TARGET = Target(stack="prod", project="nautilus", account=ACCOUNT, region=REGION, needs=Needs(0, 0, 0, 0, 0))
DIGEST = "sha256:" + "0" * 64
BASE = Platform(stack="prod", domain="nautilus.example.com", own_zone=True)


def verdicts(items: list[Item]) -> list[tuple[str, Verdict]]:
    return [(item.topic, item.verdict) for item in items]


def nowhere(_domain: str) -> frozenset[str]:
    return frozenset()


def test_bootstrap_is_owed_until_it_has_run(session: CachedSession) -> None:
    before = doctor.check_bootstrap(session, TARGET)
    assert verdicts(before) == [("bootstrap", Verdict.OWED)] * 3
    assert {item.repair for item in before} == {"nautilus bootstrap --stack prod"}
    run_steps(steps(session, TARGET)[:3], dry_run=False)
    assert verdicts(doctor.check_bootstrap(session, TARGET)) == [("bootstrap", Verdict.OK)] * 3


def test_a_stack_without_outputs_has_not_been_up() -> None:
    assert verdicts(doctor.check_up(BASE)) == [("up", Verdict.OWED)]
    assert verdicts(doctor.check_up(replace(BASE, outputs={"phase": "services"}))) == [("up", Verdict.OK)]


def zone(session: CachedSession) -> tuple[Platform, frozenset[str]]:
    made = session.client("route53").create_hosted_zone(Name="nautilus.example.com", CallerReference="1")
    servers = frozenset(made["DelegationSet"]["NameServers"])
    return replace(BASE, outputs={"zoneId": made["HostedZone"]["Id"].rpartition("/")[2]}), servers


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (lambda ours: ours, Verdict.OK),
        (lambda ours: frozenset(), Verdict.OWED),
        (lambda ours: frozenset({"ns1.registrar.example"}), Verdict.OWED),
        (lambda ours: frozenset(sorted(ours)[:1]), Verdict.OWED),
    ],
    ids=["delegated", "not at all", "elsewhere", "in part"],
)
def test_delegation_compares_the_world_with_the_zone(
    session: CachedSession, told: Callable[[frozenset[str]], frozenset[str]], verdict: Verdict
) -> None:
    platform, ours = zone(session)
    items = doctor.check_delegation(session, platform, lambda domain: told(ours) if domain == "nautilus.example.com" else frozenset())
    assert verdicts(items) == [("delegation", verdict)]
    if verdict is Verdict.OWED:
        assert all(server in (items[0].repair or "") for server in ours)


def test_delegation_is_unknown_without_dns_and_skipped_before_the_first_up(session: CachedSession) -> None:
    platform, _ = zone(session)

    def offline(_domain: str) -> frozenset[str]:
        raise LookupFailedError("network is unreachable")

    assert verdicts(doctor.check_delegation(session, platform, offline)) == [("delegation", Verdict.UNKNOWN)]
    assert doctor.check_delegation(session, BASE, offline) == []


def test_a_zone_that_is_gone_is_owed(session: CachedSession) -> None:
    assert verdicts(doctor.check_delegation(session, replace(BASE, outputs={"zoneId": "Z0000000000"}), nowhere)) == [
        ("delegation", Verdict.OWED)
    ]


def test_images_must_be_set_and_pushed(session: CachedSession) -> None:
    ecr = session.client("ecr")
    url = ecr.create_repository(repositoryName="nautilus-prod/backend")["repository"]["repositoryUri"]
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {"digest": "sha256:1"}, "layers": []})
    pushed = ecr.put_image(repositoryName="nautilus-prod/backend", imageManifest=manifest, imageTag="1")["image"]["imageId"]["imageDigest"]
    platform = replace(
        BASE,
        images={"backend": pushed, "frontend": None, "engine": DIGEST, "ib-gateway": DIGEST},
        setting_of_image={"frontend": "services.frontend.imageDigest"},
        outputs={"repositoryUrls": {"backend": url, "engine": f"{url.rpartition('/')[0]}/engine"}},
    )
    items = doctor.check_images(session, platform)
    assert [(item.text.split(":")[0], item.verdict) for item in items] == [
        ("backend", Verdict.OK),
        ("engine", Verdict.OWED),
        ("frontend", Verdict.OWED),
        ("ib-gateway", Verdict.UNKNOWN),
    ]
    assert "nautilus-infra:services.frontend.imageDigest" in (items[2].repair or "")
    wrong = doctor.check_images(session, replace(platform, images={"backend": DIGEST}))
    assert verdicts(wrong) == [("images", Verdict.OWED)]


def test_secrets_need_a_current_value_which_is_not_read(session: CachedSession) -> None:
    client = session.client("secretsmanager")
    full = client.create_secret(Name="nautilus/prod/full", SecretString="value-5f1c")["ARN"]
    empty = client.create_secret(Name="nautilus/prod/empty")["ARN"]
    platform = replace(
        BASE,
        filled_secrets=("full", "empty", "gone", "unnamed"),
        outputs={"secretArns": {"full": full, "empty": empty, "gone": full.replace("full", "gone")}},
    )
    items = doctor.check_secrets(session, platform)
    assert [(item.text.split(" ")[0].rstrip(":"), item.verdict) for item in items] == [
        ("empty", Verdict.OWED),
        ("full", Verdict.OK),
        ("gone", Verdict.OWED),
        ("unnamed", Verdict.UNKNOWN),
    ]
    assert "value-5f1c" not in str(items)
    assert items[0].repair == f"nautilus secrets put empty --stack {BASE.stack}"


def topic(session: CachedSession) -> str:
    return str(session.client("sns").create_topic(Name="critical")["TopicArn"])


def test_alarms_need_confirmed_subscriptions(session: CachedSession) -> None:
    arn = topic(session)
    session.client("sns").subscribe(TopicArn=arn, Protocol="email", Endpoint="OnCall@example.com")
    platform = replace(BASE, emails=("oncall@example.com", "boss@example.com"), outputs={"criticalTopicArn": arn})
    items = doctor.check_subscriptions(session, platform)
    assert [(item.text.split(" ")[0], item.verdict) for item in items] == [
        ("oncall@example.com", Verdict.OK),
        ("boss@example.com", Verdict.OWED),
    ]


class Pending:
    """SNS with a subscription that waits for its confirmation."""

    def client(self, _name: str) -> Pending:
        return self

    def get_paginator(self, _name: str) -> Pending:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Subscriptions": [{"Protocol": "email", "Endpoint": "oncall@example.com", "SubscriptionArn": "PendingConfirmation"}]}]


def test_a_pending_subscription_is_owed() -> None:
    platform = replace(BASE, emails=("oncall@example.com",), outputs={"warningTopicArn": "arn:aws:sns:eu-west-1:123456789012:warning"})
    items = doctor.check_subscriptions(Pending(), platform)
    assert verdicts(items) == [("alarms", Verdict.OWED)]
    assert "has not confirmed warning alarms" in items[0].text


def test_nobody_to_hear_of_alarms_is_owed(session: CachedSession) -> None:
    assert verdicts(doctor.check_subscriptions(session, BASE)) == [("alarms", Verdict.OWED)]


def test_the_whole_examination_before_the_first_up(session: CachedSession) -> None:
    items = doctor.examine(
        session, replace(BASE, images={"backend": None}, filled_secrets=("x",), emails=("a@example.com",)), TARGET, nowhere
    )
    assert verdicts(items) == [*[("bootstrap", Verdict.OWED)] * 3, ("up", Verdict.OWED), ("images", Verdict.OWED)]


def test_shield_is_adopted_and_never_bought(session: CachedSession) -> None:
    assert doctor.check_shield(session, BASE) == []
    adopting = replace(BASE, shield=True)
    (owed,) = doctor.check_shield(session, adopting)
    assert (owed.topic, owed.verdict) == ("shield", Verdict.OWED)
    assert "edge.shield.adopt to false" in str(owed.repair)
    session.client("shield", region_name="us-east-1").create_subscription()
    assert verdicts(doctor.check_shield(session, adopting)) == [("shield", Verdict.OK)]
