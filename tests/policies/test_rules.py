"""Every rule against its own examples, and the catalogue against its own form."""

from __future__ import annotations

import re
import subprocess
import sys
from keyword import iskeyword
from pathlib import Path

import pytest

from policies.catalogue import RULES
from policies.rule import Case, Enforcement, Example, Kind, Problem, ResourceRule, Rule, Severity, StackRule, violation
from policies.rules.alarms import DIMENSIONS
from policies.rules.services import SCALING_POLICY
from policies.rules.task_partners import PARAMETER, SECRET
from policies.testing import Recorded, evaluate, judge, recorded_stack
from policies.values import UNKNOWN

EXAMPLES = [pytest.param(rule, example, id=f"{rule.id}-{example.case.value}-{example.why}") for rule in RULES for example in rule.examples]
CRITICAL = "NET-02 NET-04 NET-09 NET-14 RDS-01 RDS-14 RDS-17 RDS-21 ECS-06 S3-01 S3-08 SEC-04 KMS-02 IAM-01 IAM-05 IAM-06 MSG-02 CCH-01 CCH-02 CCH-05 CCH-08"


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_example(rule: Rule, example: Example) -> None:
    assert judge(rule, example.given) == dict(example.expect)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_shows_every_side(rule: Rule) -> None:
    shown = {example.case for example in rule.examples}
    assert shown == set(Case), f"{rule.id} lacks examples for {set(Case) - shown}"
    kinds = [kind for example in rule.examples for kind in example.expect.values()]
    assert Kind.VIOLATION in kinds
    assert Kind.UNRESOLVED in kinds, f"{rule.id} never fails closed"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_described(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z0-9]+-\d\d", rule.id)
    for text in (rule.title, rule.rationale, rule.remediation):
        assert text.endswith("."), f"{rule.id}: {text}"
    assert all(re.fullmatch(r"aws:[A-Za-z0-9]+/[A-Za-z0-9]+:[A-Za-z0-9]+", type_) for type_ in rule.types)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_reports_only_on_its_types(rule: Rule) -> None:
    for example in rule.examples:
        types = {given.name: given.type for given in example.given}
        assert {types[name] for name in example.expect} <= set(rule.types)


def test_catalogue_holds_the_critical_rules() -> None:
    assert {rule.id for rule in RULES if rule.severity is Severity.CRITICAL} == set(CRITICAL.split())
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_what_the_catalogue_holds_for_network_and_edge() -> None:
    """A rule that changes its weight changes whether it stops a deployment."""
    high = "NET-01 NET-03 NET-11 NET-15 NET-17 NFW-01 NFW-02 NFW-03 NFW-04 LB-01 LB-02 LB-05 LB-07 LB-08 LB-10 WAF-01 WAF-04"
    high += " CF-01 CF-02 CF-05 CF-06 CF-07 CF-10 DNS-02 ACM-01 NET-18 NET-19 NFW-06 NFW-08 LB-11 LB-12"
    advice = "NET-05 NET-06 NET-07 NET-08 NET-12 NET-13 NFW-05 NFW-07 LB-03 LB-04 LB-06 LB-09 WAF-02 WAF-03 CF-03 CF-04 CF-08 CF-09 DNS-01"
    rooms = ("NET", "NFW", "LB", "WAF", "CF", "DNS", "ACM")
    mine = [rule for rule in RULES if rule.id.split("-")[0] in rooms and rule.severity is not Severity.CRITICAL]
    assert {rule.id for rule in mine if rule.enforcement is Enforcement.MANDATORY} == set(high.split())
    assert {rule.id for rule in mine if rule.enforcement is Enforcement.ADVISORY} == set(advice.split())


def test_what_the_catalogue_holds_for_services_and_what_they_use() -> None:
    """Severities that the list of rules names; where it names none, those of the same demand on databases (RDS-02, RDS-04, RDS-05)."""
    high = "CW-03 CW-05 DDB-01 DDB-02 DDB-03 ECS-14 ECS-18 ECS-19 ECS-20 EFS-03 LAM-03 SCH-01"
    advice = "CW-01 CW-02 ECS-07 ECS-08 ECS-09 ECS-17 LAM-02 SCH-02 SCH-03"
    weights = {rule.id: rule.enforcement for rule in RULES}
    assert {weights[name] for name in high.split()} == {Enforcement.MANDATORY}
    assert {weights[name] for name in advice.split()} == {Enforcement.ADVISORY}


def test_advice_is_left_out_unless_asked_for() -> None:
    subnet = [Recorded("aws:ec2/subnet:Subnet", "a", {"mapPublicIpOnLaunch": True})]
    assert evaluate(subnet) == []
    assert [finding.rule for finding in evaluate(subnet, advice=True)] == ["NET-06"]


def test_users_of_a_resource_are_found_by_every_way_of_naming_it() -> None:
    table = "aws:ec2/routeTable:RouteTable"
    stack = recorded_stack(
        [
            Recorded(table, "one", outputs={"id": "rtb-1"}),
            Recorded(table, "two", outputs={"id": "rtb-2"}),
            Recorded("aws:ec2/route:Route", "by-id", {"routeTableId": "rtb-1"}),
            Recorded("aws:ec2/route:Route", "by-dependency", {"routeTableId": UNKNOWN}, dependencies={"routeTableId": ["one"]}),
            Recorded("aws:ec2/route:Route", "another", {"routeTableId": "rtb-2"}),
        ]
    )
    one, two = stack.of(table)
    assert {user.name for user in stack.users(one, "routeTableId", "aws:ec2/route:Route")} == {"by-id", "by-dependency"}
    assert [user.name for user in stack.users(two, "routeTableId", "aws:ec2/route:Route")] == ["another"]


def test_types_exist_in_the_provider() -> None:
    """A token with a typing error would silence its rule: each must be one that the installed provider registers."""
    root = Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages", "pulumi_aws")
    watched = {type_ for named in DIMENSIONS.values() for types in named.values() for type_ in types}
    for type_ in sorted({type_ for rule in RULES for type_ in rule.types} | watched | {SECRET, PARAMETER, SCALING_POLICY}):
        package, _, module = type_.split(":")[1].partition("/")
        file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", module).lower()
        # A module cannot be called `lambda`.
        source = root / (f"{package}_" if iskeyword(package) else package) / f"{file}.py"
        assert source.exists(), type_
        assert f"'{type_}'" in source.read_text(encoding="utf-8"), type_


def test_importing_the_pack_stays_cheap() -> None:
    """The provider's SDK costs seconds, and nothing of the pack may know the program or the other rooms."""
    script = (
        "import sys; import policies.analyzer, policies.testing, policies.docs;"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in ('pulumi_aws', 'pulumi_policy', 'infra', 'nautilus', 'boto3')))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert loaded.stdout.strip() == ""


def test_rules_do_not_depend_on_the_engines_order() -> None:
    for rule in RULES:
        for example in rule.examples:
            assert judge(rule, tuple(reversed(example.given))) == dict(example.expect), f"{rule.id}: {example.why}"


def _rule(check: object) -> ResourceRule:
    return ResourceRule(
        id="TST-01",
        severity=Severity.CRITICAL,
        title="Title.",
        rationale="Because.",
        remediation="Do.",
        references=(),
        types=("aws:s3/bucket:Bucket",),
        examples=(),
        check=check,  # pyright: ignore[reportArgumentType]
    )


def test_a_broken_rule_is_named_and_silences_nobody() -> None:
    def broken(resource: object) -> list[Problem]:
        raise KeyError("hunter2hunter2")

    good = _rule(lambda resource: [violation(resource, "bucket", "bad name")])
    stack_rule = StackRule(
        id="TST-02", severity=Severity.LOW, title="T.", rationale="R.", remediation="F.", references=(), types=(), examples=(), check=broken
    )
    both = [_rule(broken), good, stack_rule]
    found = evaluate([Recorded("aws:s3/bucket:Bucket", "b", {"bucket": "x"})], rules=both)
    assert [(finding.rule, finding.kind, finding.blocks) for finding in found] == [
        ("TST-01", Kind.BROKEN, True),
        ("TST-01", Kind.VIOLATION, True),
        ("TST-02", Kind.BROKEN, True),
    ]
    assert "KeyError at test_rules.py" in found[0].message
    assert "hunter2" not in found[0].message


def test_a_rule_that_forgets_unknown_values_is_broken_rather_than_content() -> None:
    forgetful = _rule(lambda resource: [violation(resource, "x", "is set")] if resource.get("forceDestroy") else [])
    [finding] = evaluate([Recorded("aws:s3/bucket:Bucket", "b", {"forceDestroy": UNKNOWN})], rules=[forgetful])
    assert finding.kind is Kind.BROKEN


def test_secrets_stay_out_of_messages() -> None:
    talkative = _rule(lambda resource: [violation(resource, "x", f"has {resource.get('note')} and {resource.get('tags.apiToken')}")])
    marked = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "marked-as-secret"}
    [finding] = evaluate(
        [Recorded("aws:s3/bucket:Bucket", "b", {"note": marked, "tags": {"apiToken": "named-as-secret"}})], rules=[talkative]
    )
    assert finding.message == "has [secret] and [secret]"


def test_a_password_of_the_configuration_is_no_literal() -> None:
    database = Recorded("aws:rds/instance:Instance", "db", {"password": "from-the-configuration"})
    rules = [rule for rule in RULES if rule.id == "RDS-14"]
    assert evaluate([database], rules=rules, secrets=["from-the-configuration"]) == []
    [finding] = evaluate([database], rules=rules)
    assert finding.kind is Kind.VIOLATION
    assert "from-the-configuration" not in finding.message


def test_composed_documents_fail_closed_outside_a_preview() -> None:
    policy = Recorded("aws:s3/bucketPolicy:BucketPolicy", "policy", {"policy": UNKNOWN}, dependencies={"policy": ["bucket"]})
    bucket = Recorded("aws:s3/bucket:Bucket", "bucket")
    rules = [rule for rule in RULES if rule.id == "S3-08"]
    assert [finding.kind for finding in evaluate([policy, bucket], rules=rules, preview=True)] == [Kind.LATER]
    assert [finding.kind for finding in evaluate([policy, bucket], rules=rules)] == [Kind.UNRESOLVED]


def test_the_path_through_the_network_is_drawn() -> None:
    rule = next(rule for rule in RULES if rule.id == "NET-14")
    example = next(example for example in rule.examples if "bastion" in example.why)
    stack = [Recorded(given.type, given.name, given.props, dependencies=given.depends) for given in example.given]
    [finding] = evaluate(stack, rules=[rule], preview=True)
    assert "the internet —443→ bastion —8000→ app —5432→ db" in finding.message


def test_references_are_found_by_id_when_nothing_recorded_them() -> None:
    stack = recorded_stack(
        [
            Recorded("aws:ec2/securityGroup:SecurityGroup", "app", outputs={"id": "sg-1"}),
            Recorded("aws:ec2/securityGroup:SecurityGroup", "db", outputs={"id": "sg-2"}),
            Recorded("aws:rds/instance:Instance", "one", {"vpcSecurityGroupIds": ["sg-2", "sg-9"]}),
            Recorded(
                "aws:rds/instance:Instance", "two", {"vpcSecurityGroupIds": ["sg-1"]}, dependencies={"vpcSecurityGroupIds": ["app", "db"]}
            ),
        ]
    )
    one, two = stack.of("aws:rds/instance:Instance")
    assert [group.name for group in one.sources("vpcSecurityGroupIds", "aws:ec2/securityGroup:SecurityGroup")] == ["db"]
    assert [group.name for group in two.sources("vpcSecurityGroupIds", "aws:ec2/securityGroup:SecurityGroup")] == ["app"]
