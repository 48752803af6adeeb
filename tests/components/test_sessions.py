"""Session Manager is the only shell: sessions are recorded and encrypted, and no platform has SSH, a key pair or remote desktop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi_aws as aws
import pytest

from infra.component import Context
from infra.components.sessions import Sessions
from infra.naming import Names
from infra.plan.rules import ADMINISTRATION_PORTS
from infra.settings.access import AccountAccess
from infra.settings.access import Sessions as Settings
from infra.settings.checks import access as checks
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth


def context(*, unlocked: bool = False) -> Context:
    return Context(
        names=Names("nautilus", "account"),
        account_id="123456789012",
        region="us-east-1",
        dr_region="us-west-2",
        zones=(),
        log_days=365,
        unlocked=unlocked,
    )


def build(*, region: str | None = None, unlocked: bool = False, **durations: int) -> Recording[Sessions]:
    settings = Settings.model_validate(durations)
    return synth(lambda: Sessions("sessions", context(unlocked=unlocked), settings=settings, project="nautilus", region=region))


def test_the_preferences_bind_every_session_of_the_region() -> None:
    made = build()
    document = made.one("ssm.Document")
    assert (document.inputs["name"], document.inputs["documentType"]) == ("SSM-SessionManagerRunShell", "Session")
    inputs = json.loads(document.inputs["content"])["inputs"]
    key, log = made.one("kms.Key"), made.one("cloudwatch.LogGroup")
    assert inputs["kmsKeyId"] == key.outputs["arn"] == log.inputs["kmsKeyId"]
    assert inputs["cloudWatchLogGroupName"] == log.inputs["name"] == "/nautilus/account/sessions"
    assert (inputs["idleSessionTimeout"], inputs["maxSessionDuration"]) == ("15", "120")
    assert log.inputs["retentionInDays"] == 365


def test_durations_come_from_the_settings() -> None:
    inputs = json.loads(build(idleMinutes=5, maxMinutes=30).one("ssm.Document").inputs["content"])["inputs"]
    assert (inputs["idleSessionTimeout"], inputs["maxSessionDuration"]) == ("5", "30")


@pytest.mark.parametrize(("idle", "most", "wrong"), [(15, 120, False), (15, 15, False), (30, 20, True)])
def test_a_session_is_not_idle_for_longer_than_it_lasts(idle: int, most: int, wrong: bool) -> None:
    given = AccountAccess.model_validate({"sessions": {"idleMinutes": idle, "maxMinutes": most}})
    found = list(checks.sessions(given))
    assert [(one.path, one.good) for one in found] == ([(("access", "sessions", "maxMinutes"), idle)] if wrong else [])


def test_key_and_log_outlive_a_slip_until_the_unlock() -> None:
    for unlocked in (False, True):
        made = build(unlocked=unlocked)
        for kind in ("kms.Key", "cloudwatch.LogGroup"):
            held = made.one(kind)
            assert (held.protect, held.retain_on_delete) == (not unlocked, not unlocked)
    key = build().one("kms.Key").inputs
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30


def test_the_second_region_has_a_key_and_a_log_of_its_own() -> None:
    made = build(region="us-west-2")
    assert {item.inputs["region"] for item in made if item.custom} == {"us-west-2"}
    policy = made.one("kms.Key").inputs["policy"]
    assert "logs.us-west-2.amazonaws.com" in policy
    assert "us-east-1" not in policy


def test_two_stacks_cannot_both_have_preferences() -> None:
    """AWS knows one such document a region: that is why the account stack has it and no platform does."""

    def twice() -> None:
        for name in ("first", "second"):
            Sessions(name, context(), settings=Settings(), project="nautilus")

    refused = [failure for token, _, failure in synth(twice, strict=False).failures if token == "aws:ssm/document:Document"]
    assert [failure.rule for failure in refused] == ["unique-name"]
    assert "SSM-SessionManagerRunShell" in refused[0].reason


# --- no SSH ---------------------------------------------------------------------------------------------------------------


def opens(protocol: Any, first: Any, last: Any) -> bool:
    """Whether a rule lets an administration port through; `-1` is every protocol and port."""
    if str(protocol) in ("-1", "all"):
        return True
    return str(protocol) in ("tcp", "6") and first is not None and any(int(first) <= port <= int(last) for port in ADMINISTRATION_PORTS)


def ssh(resources: Recording[Any]) -> Iterator[str]:
    """Everything with which somebody could sign in to a machine past Systems Manager."""
    for item in resources:
        given = item.inputs
        match item.type.rpartition(":")[2]:
            case "SecurityGroupIngressRule" | "SecurityGroupEgressRule":
                if opens(given.get("ipProtocol"), given.get("fromPort"), given.get("toPort")):
                    yield f"{item.name} opens a port of administration"
            case "SecurityGroupRule":
                if opens(given.get("protocol"), given.get("fromPort"), given.get("toPort")):
                    yield f"{item.name} opens a port of administration"
            case "SecurityGroup" | "DefaultSecurityGroup":
                for rule in (*given.get("ingress", ()), *given.get("egress", ())):
                    if opens(rule.get("protocol"), rule.get("fromPort"), rule.get("toPort")):
                        yield f"{item.name} opens a port of administration"
            case "KeyPair":
                yield f"{item.name} is a key pair"
            case _:
                pass
        if given.get("keyName"):
            yield f"{item.name} names a key"


def rule(kind: Any, **more: Any) -> Callable[[], Any]:
    return lambda: kind("wrong", security_group_id="sg-0123456789abcdef0", cidr_ipv4="10.0.0.0/8", **more)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (rule(aws.vpc.SecurityGroupIngressRule, ip_protocol="tcp", from_port=22, to_port=22), "opens"),
        (rule(aws.vpc.SecurityGroupIngressRule, ip_protocol="tcp", from_port=1, to_port=65535), "opens"),
        (rule(aws.vpc.SecurityGroupEgressRule, ip_protocol="tcp", from_port=3389, to_port=3389), "opens"),
        (rule(aws.vpc.SecurityGroupEgressRule, ip_protocol="-1"), "opens"),
        (
            lambda: aws.ec2.SecurityGroup(
                "wrong",
                vpc_id="vpc-0123456789abcdef0",
                ingress=[{"protocol": "tcp", "from_port": 20, "to_port": 25, "cidr_blocks": ["10.0.0.0/8"]}],
            ),
            "opens",
        ),
        (lambda: aws.ec2.KeyPair("wrong", key_name="k", public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL k"), "is a key pair"),
        (lambda: aws.ec2.LaunchTemplate("wrong", name="nodes", key_name="k"), "names a key"),
    ],
)
def test_a_way_around_session_manager_is_found(make: Callable[[], Any], told: str) -> None:
    assert any(told in found for found in ssh(synth(make)))


def test_a_database_port_is_no_way_to_a_shell() -> None:
    sound = rule(aws.vpc.SecurityGroupIngressRule, ip_protocol="tcp", from_port=5432, to_port=5433)
    assert list(ssh(synth(sound))) == []


@pytest.mark.whole
def test_the_platform_has_no_ssh(local_platform: Recording[Any]) -> None:
    assert list(ssh(local_platform)) == []
    machines: list[Recorded] = local_platform.by_type("ec2.LaunchTemplate")
    assert machines, "the nodes of TimescaleDB are the machines that somebody could want a shell on"
    assert all(made.inputs["metadataOptions"]["httpTokens"] == "required" for made in machines)
    assert local_platform.by_type("ssm.Document") == [], "preferences belong to the account stack"


@pytest.mark.whole
def test_nobody_gets_a_shell_in_a_container(local_platform: Recording[Any]) -> None:
    """ECS Exec is off; where somebody turns it on in an emergency, the cluster still encrypts and records it."""
    assert {bool(made.inputs.get("enableExecuteCommand")) for made in local_platform.by_type("ecs.Service")} == {False}
    command = local_platform.one("ecs.Cluster").inputs["configuration"]["executeCommandConfiguration"]
    assert command["logging"] == "OVERRIDE"
    assert command["kmsKeyId"]
    assert command["logConfiguration"]["cloudWatchEncryptionEnabled"] is True
    group = command["logConfiguration"]["cloudWatchLogGroupName"]
    assert any(made.inputs["name"] == group and made.inputs["kmsKeyId"] for made in local_platform.by_type("cloudwatch.LogGroup"))
