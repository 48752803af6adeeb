"""The pack as the engine meets it: protobuf requests over a real connection, and the process that serves them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import policy as sdk

from policies.analyzer import PACK, Analyzer
from policies.catalogue import RULES
from policies.exemptions import Exemptions, parse
from policies.resources import Resource
from policies.rule import Problem, ResourceRule, Rule, Severity, StackRule, unresolved, violation

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
TODAY = date(2026, 1, 15)
NOBODY: Any = None


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:prod::nautilus-infra::{type_}::{name}"


def struct(props: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(props, struct_pb2.Struct())


def request(type_: str, name: str, provider: dict[str, Any] | None = None, **props: Any) -> proto.AnalyzeRequest:
    made = proto.AnalyzeRequest(type=type_, name=name, urn=urn(type_, name), properties=struct(props))
    if provider is not None:
        made.provider.CopyFrom(
            proto.AnalyzerProviderResource(
                type="pulumi:providers:aws", name="aws", urn=urn("pulumi:providers:aws", "aws"), properties=struct(provider)
            )
        )
    return made


def recorded(type_: str, name: str, depends: dict[str, list[str]] | None = None, **props: Any) -> proto.AnalyzerResource:
    dependencies = {prop: proto.AnalyzerPropertyDependencies(urns=urns) for prop, urns in (depends or {}).items()}
    return proto.AnalyzerResource(type=type_, name=name, urn=urn(type_, name), properties=struct(props), propertyDependencies=dependencies)


def analyzer(*, preview: bool = True, rules: tuple[Rule, ...] = RULES, exemptions: Exemptions | None = None, **secret: str) -> Analyzer:
    made = Analyzer(rules, exemptions=lambda _: exemptions or Exemptions(), clock=lambda: TODAY)
    made.ConfigureStack(
        proto.AnalyzerStackConfigureRequest(
            stack="prod", project="nautilus-infra", dry_run=preview, config=secret, config_secret_keys=list(secret)
        ),
        NOBODY,
    )
    return made


def told(response: proto.AnalyzeResponse) -> list[tuple[str, int]]:
    return [(diagnostic.policyName, diagnostic.enforcementLevel) for diagnostic in response.diagnostics]


SSH = request(INGRESS, "ssh", ipProtocol="tcp", fromPort=22, toPort=22, cidrIpv4="0.0.0.0/0")


def test_a_violation_carries_id_urn_severity_and_repair() -> None:
    [diagnostic] = analyzer().Analyze(SSH, NOBODY).diagnostics
    assert diagnostic.policyName == "NET-02"
    assert diagnostic.policyPackName == PACK
    assert diagnostic.urn == SSH.urn
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert diagnostic.severity == proto.POLICY_SEVERITY_CRITICAL
    assert diagnostic.message.splitlines()[1] == "NET-02: 0.0.0.0/0 is admitted to 22 (SSH)"
    assert diagnostic.message.splitlines()[2].startswith("fix: Remove the rule")


def test_a_level_of_the_configuration_counts() -> None:
    pack = analyzer()
    for level, expected in ((proto.ADVISORY, [("NET-02", proto.ADVISORY)]), (proto.DISABLED, [])):
        pack.Configure(proto.ConfigureAnalyzerRequest(policyConfig={"NET-02": proto.PolicyConfig(enforcementLevel=level)}), NOBODY)
        assert told(pack.Analyze(SSH, NOBODY)) == expected


NO_ROOT = request("aws:ec2/subnet:Subnet", "a", mapPublicIpOnLaunch=True)


def test_critical_and_high_rules_are_mandatory_and_the_others_advise() -> None:
    info = analyzer().GetAnalyzerInfo(empty_pb2.Empty(), NOBODY)
    mandatory = (proto.POLICY_SEVERITY_CRITICAL, proto.POLICY_SEVERITY_HIGH)
    assert {policy.severity for policy in info.policies} >= {*mandatory, proto.POLICY_SEVERITY_MEDIUM, proto.POLICY_SEVERITY_LOW}
    for policy in info.policies:
        assert policy.enforcementLevel == (proto.MANDATORY if policy.severity in mandatory else proto.ADVISORY), policy.name


def test_advice_is_a_warning_whose_last_line_says_it_all() -> None:
    [diagnostic] = analyzer().Analyze(NO_ROOT, NOBODY).diagnostics
    assert (diagnostic.policyName, diagnostic.enforcementLevel) == ("NET-06", proto.ADVISORY)
    assert diagnostic.severity == proto.POLICY_SEVERITY_MEDIUM
    assert diagnostic.message.splitlines()[-1] == (
        "NET-06: a: gives a public address to whatever is started in it (advice: Set `map_public_ip_on_launch=False`.)"
    )


def test_a_stack_may_insist_on_advice() -> None:
    pack = analyzer()
    pack.Configure(proto.ConfigureAnalyzerRequest(policyConfig={"NET-06": proto.PolicyConfig(enforcementLevel=proto.MANDATORY)}), NOBODY)
    assert told(pack.Analyze(NO_ROOT, NOBODY)) == [("NET-06", proto.MANDATORY)]


def test_advice_about_an_unknown_input_stays_advice() -> None:
    subnet = request("aws:ec2/subnet:Subnet", "a", mapPublicIpOnLaunch=UNKNOWN)
    assert told(analyzer(preview=False).Analyze(subnet, NOBODY)) == [("NET-06", proto.ADVISORY)]


def test_what_a_stack_was_only_given_is_advice_and_what_it_could_show_is_not() -> None:
    group = recorded("aws:rds/subnetGroup:SubnetGroup", "postgres", subnetIds=["subnet-0a", "subnet-0b"])
    vpc = recorded("aws:ec2/vpc:Vpc", "vpc")
    rules = tuple(rule for rule in RULES if rule.id in ("NET-09", "RDS-21"))
    response = analyzer(rules=rules).AnalyzeStack(proto.AnalyzeStackRequest(resources=[group]), NOBODY)
    assert told(response) == [("NET-09", proto.ADVISORY), ("RDS-21", proto.ADVISORY)]
    assert response.diagnostics[0].message.splitlines()[-1].startswith("NET-09: postgres: its subnets are of a VPC that was brought along")
    response = analyzer(rules=rules).AnalyzeStack(proto.AnalyzeStackRequest(resources=[group, vpc]), NOBODY)
    assert told(response) == [("NET-09", proto.MANDATORY), ("RDS-21", proto.MANDATORY)]


def test_stack_rules_know_the_day() -> None:
    group = "aws:networkfirewall/ruleGroup:RuleGroup"
    for day, findings in (("2026-01-15", []), ("2026-01-14", [("NFW-04", proto.MANDATORY)])):
        tags = {"Emergency": "true", "Reason": "incident", "Reviewer": "risk", "Expires": day}
        response = analyzer().AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(group, "emergency", tags=tags)]), NOBODY)
        assert told(response) == findings


def test_the_unlock_of_the_configuration_reaches_the_rules() -> None:
    balancer = "aws:lb/loadBalancer:LoadBalancer"
    for unlock, findings in (("false", [("LB-05", proto.MANDATORY)]), ("true", [])):
        pack = Analyzer([rule for rule in RULES if rule.id == "LB-05"], clock=lambda: TODAY)
        pack.ConfigureStack(
            proto.AnalyzerStackConfigureRequest(
                stack="prod", project="nautilus-infra", dry_run=True, config={"nautilus-infra:unlock": unlock}
            ),
            NOBODY,
        )
        resources = [recorded(balancer, "balancer", enableDeletionProtection=False)]
        assert told(pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=resources), NOBODY)) == findings


def test_an_unknown_input_waits_for_the_stack_in_a_preview() -> None:
    pack = analyzer(rules=tuple(rule for rule in RULES if rule.id == "NET-02"))
    ssh = request(INGRESS, "ssh", ipProtocol="tcp", fromPort=22, toPort=22, cidrIpv4=UNKNOWN)
    assert told(pack.Analyze(ssh, NOBODY)) == []
    explained = recorded(INGRESS, "ssh", {"cidrIpv4": [urn("aws:ec2/vpc:Vpc", "vpc")]}, cidrIpv4=UNKNOWN)
    assert told(pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[explained, recorded("aws:ec2/vpc:Vpc", "vpc")]), NOBODY)) == []
    pack.Analyze(ssh, NOBODY)
    assert told(pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(INGRESS, "ssh", cidrIpv4=UNKNOWN)]), NOBODY)) == [
        ("NET-02", proto.MANDATORY)
    ]


def test_an_unknown_input_fails_at_once_in_an_update() -> None:
    ssh = request(INGRESS, "ssh", ipProtocol="tcp", fromPort=22, toPort=22, cidrIpv4=UNKNOWN)
    assert told(analyzer(preview=False).Analyze(ssh, NOBODY)) == [("NET-02", proto.MANDATORY), ("NET-18", proto.MANDATORY)]


def test_a_composed_document_is_announced_and_then_judged() -> None:
    role_policy = "aws:iam/rolePolicy:RolePolicy"
    bucket = recorded("aws:s3/bucket:Bucket", "data")
    block = recorded(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "data",
        {"bucket": [bucket.urn]},
        bucket=UNKNOWN,
        **dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
    )
    pack = analyzer()
    assert told(pack.Analyze(request(role_policy, "all", policy=UNKNOWN), NOBODY)) == []
    resources = [bucket, block, recorded(role_policy, "all", {"policy": [bucket.urn]}, policy=UNKNOWN)]
    diagnostics = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=resources), NOBODY).diagnostics
    [announced] = [one for one in diagnostics if one.policyName == "IAM-01"]
    assert (announced.policyName, announced.enforcementLevel) == ("IAM-01", proto.ADVISORY)
    assert "`up` judges each before it is created: all" in announced.message
    everything = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    assert ("IAM-01", proto.MANDATORY) in told(analyzer(preview=False).Analyze(request(role_policy, "all", policy=everything), NOBODY))


def test_stack_rules_judge_the_inputs_that_were_seen() -> None:
    """At a preview the engine's outputs may miss what an input says; the inputs seen one by one count."""
    database = "aws:rds/instance:Instance"
    pack = analyzer()
    pack.Analyze(request(database, "db", password="hunter2hunter2"), NOBODY)
    response = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(database, "db", password=UNKNOWN)]), NOBODY)
    assert [one for one in told(response) if one[0] == "RDS-14"] == [("RDS-14", proto.MANDATORY)]
    assert not [one for one in response.diagnostics if "hunter2" in one.message]


def test_a_secret_of_the_configuration_may_be_a_password() -> None:
    database = "aws:rds/instance:Instance"
    for value, findings in (("from-the-settings", []), ("hunter2hunter2", [("RDS-14", proto.MANDATORY)])):
        pack = analyzer(**{"nautilus-infra:database": json.dumps({"password": "from-the-settings"})})
        pack.Analyze(request(database, "db", password=value), NOBODY)
        answer = told(pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(database, "db")]), NOBODY))
        assert [one for one in answer if one[0] == "RDS-14"] == findings


def test_the_provider_says_which_account_is_ours() -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Statement": [statement]})
    for accounts, findings in (('["123456789012"]', []), ('["999999999999"]', [("S3-08", proto.MANDATORY)])):
        asked = request("aws:s3/bucketPolicy:BucketPolicy", "p", {"allowedAccountIds": accounts}, policy=policy)
        assert told(analyzer().Analyze(asked, NOBODY)) == findings


def test_a_broken_rule_fails_loud_even_when_it_is_advisory() -> None:
    def broken(resource: object) -> list[Any]:
        raise ZeroDivisionError

    rule = ResourceRule(
        id="TST-01",
        severity=Severity.LOW,
        title="T.",
        rationale="R.",
        remediation="F.",
        references=(),
        types=(INGRESS,),
        examples=(),
        check=broken,
    )
    pack = analyzer(rules=(rule, *RULES))
    pack.Configure(proto.ConfigureAnalyzerRequest(policyConfig={"TST-01": proto.PolicyConfig(enforcementLevel=proto.ADVISORY)}), NOBODY)
    response = pack.Analyze(SSH, NOBODY)
    assert told(response) == [("TST-01", proto.MANDATORY), ("NET-02", proto.MANDATORY)]
    assert "the rule itself is broken (ZeroDivisionError" in response.diagnostics[0].message


def test_exemptions_are_read_with_the_day_and_their_faults_reported() -> None:
    listed = [{"rule": "NET-02", "urn": urn("*", "ssh"), "reason": "until the vendor has moved", "owner": "ops", "expires": "2026-01-15"}]
    exemptions = parse({"exemptions": [*listed, "nonsense"]}, rules={"NET-02"}, today=TODAY)
    pack = analyzer(exemptions=exemptions)
    assert told(pack.Analyze(SSH, NOBODY)) == [("NET-02", proto.ADVISORY)]
    response = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(INGRESS, "ssh")]), NOBODY)
    assert told(response) == [("PACK-01", proto.MANDATORY)]


def test_a_second_run_of_the_same_process_starts_afresh() -> None:
    pack = analyzer()
    pack.Analyze(request(INGRESS, "ssh", ipProtocol="tcp", fromPort=22, toPort=22, cidrIpv4=UNKNOWN), NOBODY)
    pack.AnalyzeStack(proto.AnalyzeStackRequest(), NOBODY)
    assert told(pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(INGRESS, "ssh")]), NOBODY)) == []


def test_what_only_the_stack_shows_is_not_lost_and_nothing_is_told_twice() -> None:
    def check(resource: Resource) -> list[Problem]:
        problems = [violation(resource, "b", "certain at once")]
        if resource.stack is None:
            return [*problems, unresolved(resource, "a")]
        return [*problems, violation(resource, "a", "certain now")]

    rule = ResourceRule(
        id="TST-01",
        severity=Severity.LOW,
        title="T.",
        rationale="R.",
        remediation="F.",
        references=(),
        types=(INGRESS,),
        examples=(),
        check=check,
    )
    pack = analyzer(rules=(rule,))
    [alone] = pack.Analyze(SSH, NOBODY).diagnostics
    [together] = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(INGRESS, "ssh")]), NOBODY).diagnostics
    assert "certain at once" in alone.message
    assert "certain now" in together.message


def test_the_pack_and_the_project_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pack = yaml.safe_load((ROOT / "policies" / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    assert pack["version"] == project["version"]
    assert pack["runtime"] == {"name": "python", "options": {"virtualenv": "../.venv"}}


def test_rule_ids_are_unique() -> None:
    with pytest.raises(ValueError, match="NET-02"):
        Analyzer((RULES[0], RULES[0]))


def test_the_pack_describes_itself_as_the_sdk_would() -> None:
    """Our server and the SDK's, given the same policies, must tell the engine the same."""
    levels = {severity: sdk.Severity(severity.value) for severity in Severity}
    policies = [
        (sdk.StackValidationPolicy if isinstance(rule, StackRule) else sdk.ResourceValidationPolicy)(
            name=rule.id,
            description=rule.title,
            validate=lambda args, report: None,
            display_name=rule.id,
            severity=levels[rule.severity],
            enforcement_level=sdk.EnforcementLevel(rule.enforcement.value),
            tags=list(rule.references),
            remediation_steps=rule.remediation,
        )
        for rule in RULES
    ]
    theirs = sdk._PolicyAnalyzerServicer(PACK, "1", policies, sdk.EnforcementLevel.MANDATORY).GetAnalyzerInfo(empty_pb2.Empty(), None)
    ours = Analyzer().GetAnalyzerInfo(empty_pb2.Empty(), NOBODY)
    assert list(ours.policies)[:-1] == list(theirs.policies)
    assert ours.policies[-1].name == "PACK-01"
    assert (ours.name, ours.supportsConfig) == (theirs.name, theirs.supportsConfig)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The pack started as a language host starts it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(ROOT / "policies")]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT / "policies",
        env={**os.environ, "PULUMI_DRY_RUN": "true"},
    )
    yield running
    running.kill()
    running.communicate()


def test_the_process_serves_and_ends_when_asked(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = analyzer_pb2_grpc.AnalyzerStub(channel)
        info = stub.GetAnalyzerInfo(empty_pb2.Empty())
        assert len(info.policies) == len(RULES) + 1
        stub.ConfigureStack(proto.AnalyzerStackConfigureRequest(dry_run=True))
        assert told(stub.Analyze(SSH)) == [("NET-02", proto.MANDATORY)]
        assert list(stub.Remediate(SSH).remediations) == []
        assert told(stub.AnalyzeStack(proto.AnalyzeStackRequest(resources=[recorded(INGRESS, "ssh")]))) == []
        stub.Cancel(empty_pb2.Empty())
        assert process.wait(timeout=10) == 0


def test_the_process_is_quiet_and_quick_on_an_interrupt(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - begun < 2
    assert errors == ""
