"""What people still owe before a stack can run: delegation, images, secrets, confirmed subscriptions, the bootstrap itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from nautilus.ops import bootstrap
from nautilus.ops.name_servers import LookupFailedError
from nautilus.ops.steps import Status, code_of

LookupNameServers = Callable[[str], frozenset[str]]


class Verdict(StrEnum):
    """What a look found."""

    OK = "ok"
    OWED = "owed"
    """A person still has to do something."""
    UNKNOWN = "unknown"
    """It could not be seen."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is in order, owed, or not to be seen; `repair` is what a person does about it."""

    topic: str
    verdict: Verdict
    text: str
    repair: str | None = None

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"topic": self.topic, "verdict": self.verdict.value, "text": self.text, "repair": self.repair}


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What the settings say that people must provide.

    `images` maps each enabled service (its ECR repository) to the digest in the settings, None where none is set, and `setting_of_image` to
    the key that sets it. `filled_secrets` are names of containers that people fill. `shield` says that the
    account's Shield Advanced is to protect the edge. `outputs` are empty before the first `up`.
    """

    stack: str
    domain: str
    own_zone: bool
    emails: tuple[str, ...] = ()
    images: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    setting_of_image: Mapping[str, str] = field(default_factory=dict[str, str])
    filled_secrets: tuple[str, ...] = ()
    shield: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def output(self, key: str) -> str | None:
        """An output that is text, None where it is not there."""
        value = self.outputs.get(key)
        return value if isinstance(value, str) and value else None

    def table(self, key: str) -> dict[str, str]:
        """An output that maps names to text."""
        value = self.outputs.get(key)
        return {str(name): str(item) for name, item in cast("dict[str, Any]", value).items()} if isinstance(value, dict) else {}


def check_bootstrap(session: Any, target: bootstrap.Target) -> list[Item]:
    """Whether the state's bucket and keys are as `nautilus bootstrap` leaves them."""
    from botocore.exceptions import ClientError

    items: list[Item] = []
    for step in bootstrap.state_steps(session, target):
        try:
            found = step.check()
        except ClientError as error:
            items.append(Item("bootstrap", Verdict.UNKNOWN, f"{step.title}: {error}"))
            continue
        verdict = Verdict.OK if found.status is Status.DONE else Verdict.OWED
        repair = None if verdict is Verdict.OK else f"nautilus bootstrap --stack {target.stack}"
        items.append(Item("bootstrap", verdict, f"{step.title}: {found.detail}", repair))
    return items


def check_up(platform: Platform) -> list[Item]:
    """Whether the stack has been up: most of what follows needs its outputs."""
    if platform.outputs:
        return [Item("up", Verdict.OK, f"stack {platform.stack} is up (phase {platform.outputs.get('phase', 'unknown')})")]
    repair = f"nautilus up --stack {platform.stack}   (with platform.phase: foundation while images and secrets are missing)"
    return [Item("up", Verdict.OWED, f"stack {platform.stack} has no outputs: it has not been up", repair)]


def check_delegation(session: Any, platform: Platform, lookup: LookupNameServers) -> list[Item]:
    """Whether the world asks our hosted zone's name servers about the domain."""
    from botocore.exceptions import ClientError

    zone = platform.output("zoneId")
    if zone is None:
        return []
    try:
        answer = session.client("route53").get_hosted_zone(Id=zone)
    except ClientError as error:
        if code_of(error) == "NoSuchHostedZone":
            return [
                Item("delegation", Verdict.OWED, f"the hosted zone {zone} does not exist", f"nautilus refresh --stack {platform.stack}")
            ]
        return [Item("delegation", Verdict.UNKNOWN, f"hosted zone {zone}: {error}")]
    ours = frozenset(str(name).rstrip(".").lower() for name in answer.get("DelegationSet", {}).get("NameServers", []))
    domain = str(answer["HostedZone"]["Name"]).rstrip(".")
    try:
        theirs = lookup(domain)
    except LookupFailedError as error:
        return [Item("delegation", Verdict.UNKNOWN, f"the name servers of {domain} could not be asked for: {error}")]
    if ours and ours == theirs:
        return [Item("delegation", Verdict.OK, f"{domain} is delegated to the hosted zone {zone}")]
    seen = f"the world is told {', '.join(sorted(theirs))}" if theirs else "the world is told none"
    who = "at the registrar, or in the parent zone" if platform.own_zone else "where the zone that you brought along is delegated"
    repair = f"{who}, set the name servers of {domain} to {', '.join(sorted(ours))}"
    return [Item("delegation", Verdict.OWED, f"{domain} is not delegated to the hosted zone {zone}: {seen}", repair)]


def check_images(session: Any, platform: Platform) -> list[Item]:
    """Whether each service's image is named by digest in the settings and stands in its ECR repository."""
    from botocore.exceptions import ClientError

    repositories = platform.table("repositoryUrls")
    items: list[Item] = []
    for service, digest in sorted(platform.images.items()):
        url = repositories.get(service, "")
        setting = platform.setting_of_image.get(service, f"services.{service}.imageDigest")
        set_it = f"pulumi config set --stack {platform.stack} --path nautilus-infra:{setting} sha256:…"
        push = f"docker push {url or '<repository>'}, then {set_it}"
        if digest is None:
            items.append(Item("images", Verdict.OWED, f"{service}: the settings name no image", push))
            continue
        if not url:
            items.append(Item("images", Verdict.UNKNOWN, f"{service}: the stack has no repository of this name yet"))
            continue
        host, _, name = url.partition("/")
        region = host.split(".")[3] if host.count(".") > 3 else None
        try:
            found = session.client("ecr", region_name=region).describe_images(repositoryName=name, imageIds=[{"imageDigest": digest}])
        except ClientError as error:
            if code_of(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
                items.append(Item("images", Verdict.OWED, f"{service}: {digest} is not in {url}", push))
            else:
                items.append(Item("images", Verdict.UNKNOWN, f"{service}: {error}"))
            continue
        pushed = found["imageDetails"][0].get("imagePushedAt", "at an unknown time") if found["imageDetails"] else "at an unknown time"
        items.append(Item("images", Verdict.OK, f"{service}: {digest} in {url}, pushed {pushed}"))
    return items


def check_secrets(session: Any, platform: Platform) -> list[Item]:
    """Whether each container that people fill has a current value. Values are not read."""
    from botocore.exceptions import ClientError

    arns = platform.table("secretArns")
    client = session.client("secretsmanager")
    items: list[Item] = []
    for name in sorted(platform.filled_secrets):
        arn = arns.get(name)
        if arn is None:
            if platform.outputs:
                items.append(Item("secrets", Verdict.UNKNOWN, f"{name}: the stack's outputs do not name it"))
            continue
        fill = f"nautilus secrets put {name} --stack {platform.stack}"
        try:
            versions = client.describe_secret(SecretId=arn).get("VersionIdsToStages") or {}
        except ClientError as error:
            gone = code_of(error) == "ResourceNotFoundException"
            items.append(
                Item(
                    "secrets",
                    Verdict.OWED if gone else Verdict.UNKNOWN,
                    f"{name}: {error}",
                    f"nautilus up --stack {platform.stack}" if gone else None,
                )
            )
            continue
        filled = any("AWSCURRENT" in stages for stages in versions.values())
        items.append(
            Item("secrets", Verdict.OK, f"{name} has a value") if filled else Item("secrets", Verdict.OWED, f"{name} is empty", fill)
        )
    return items


def _subscriptions(client: Any, topic: str) -> Iterable[dict[str, str]]:
    for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
        yield from page["Subscriptions"]


def check_subscriptions(session: Any, platform: Platform) -> list[Item]:
    """Whether everybody who should hear of alarms has confirmed; without that AWS sends nothing."""
    from botocore.exceptions import ClientError

    items: list[Item] = []
    if not platform.emails:
        repair = f"pulumi config set --stack {platform.stack} --path nautilus-infra:alarms.emails[0] oncall@…"
        return [Item("alarms", Verdict.OWED, "the settings name nobody who hears of alarms", repair)]
    for label, key in (("critical", "criticalTopicArn"), ("warning", "warningTopicArn")):
        topic = platform.output(key)
        if topic is None:
            continue
        try:
            found = [item for item in _subscriptions(session.client("sns"), topic) if item["Protocol"] in ("email", "email-json")]
        except ClientError as error:
            items.append(Item("alarms", Verdict.UNKNOWN, f"{label} alarms: {error}"))
            continue
        state = {item["Endpoint"].lower(): item["SubscriptionArn"] for item in found}
        for email in platform.emails:
            arn = state.get(email.lower())
            if arn is None:
                repair = f"nautilus up --stack {platform.stack}"
                items.append(Item("alarms", Verdict.OWED, f"{email} is not subscribed to {label} alarms", repair))
            elif not arn.startswith("arn:"):
                repair = f"open AWS's message in the mailbox of {email} and confirm (subscribe again after three days)"
                items.append(Item("alarms", Verdict.OWED, f"{email} has not confirmed {label} alarms", repair))
            else:
                items.append(Item("alarms", Verdict.OK, f"{email} hears of {label} alarms"))
    return items


def check_shield(session: Any, platform: Platform) -> list[Item]:
    """Whether the account has the Shield Advanced subscription that the settings count on: AWS refuses protections without one."""
    from botocore.exceptions import ClientError

    if not platform.shield:
        return []
    try:
        session.client("shield", region_name="us-east-1").describe_subscription()
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            return [Item("shield", Verdict.UNKNOWN, f"Shield Advanced: {error}")]
        repair = "set edge.shield.adopt to false, or subscribe in the console: a commitment of a year, for 3,000 $ a month"
        return [Item("shield", Verdict.OWED, "edge.shield.adopt is true, and the account has no Shield Advanced", repair)]
    return [Item("shield", Verdict.OK, "the account has Shield Advanced")]


def examine(session: Any, platform: Platform, target: bootstrap.Target, lookup: LookupNameServers) -> list[Item]:
    """Everything that people may owe for a stack on AWS.

    Errors of boto3 other than refusals (no credentials, no network) are the caller's.
    """
    return [
        *check_bootstrap(session, target),
        *check_up(platform),
        *check_delegation(session, platform, lookup),
        *check_images(session, platform),
        *check_secrets(session, platform),
        *check_subscriptions(session, platform),
        *check_shield(session, platform),
    ]
