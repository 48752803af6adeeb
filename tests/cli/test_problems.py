"""Every failure in one line: resource, property, rule."""

from __future__ import annotations

import pytest

from nautilus.cli.problems import explain, explain_all, resource_path, violation_text
from nautilus.engine.events import Diagnostic, PolicyViolation, Severity

URN = "urn:pulumi:local::nautilus-infra::nautilus:platform$nautilus:load-balancer$aws:lb/loadBalancer:LoadBalancer::alb"


def error(message: str, urn: str | None = None) -> Diagnostic:
    return Diagnostic(Severity.ERROR, message, urn)


def test_a_path_leaves_out_the_stack_and_the_root() -> None:
    assert resource_path(URN) == "load-balancer › alb (aws:lb/loadBalancer:LoadBalancer)"
    assert resource_path("urn:pulumi:s::p::aws:sqs/queue:Queue::a::b") == "a::b (aws:sqs/queue:Queue)"


def test_a_property_with_its_value() -> None:
    found = explain(
        error("aws:lb/loadBalancer:LoadBalancer resource 'alb': property subnets[0] value {[a b]} has a problem: two\n zones", URN)
    )
    assert (found.kind, found.property, found.rule) == ("property", "subnets[0]", "two zones (value [a b])")
    assert found.text() == "load-balancer › alb (aws:lb/loadBalancer:LoadBalancer): subnets[0]: two zones (value [a b])"


def test_a_resource_without_a_property_and_without_a_urn() -> None:
    found = explain(error("aws:lb/loadBalancer:LoadBalancer resource 'alb' has a problem: Missing required argument. \"subnets\""))
    assert found.text() == 'alb (aws:lb/loadBalancer:LoadBalancer): Missing required argument. "subnets"'


def test_long_values_are_cut() -> None:
    assert len(explain(error(f"a:b/c:D resource 'x': property p value {{{'v' * 500}}} has a problem: no")).rule) < 200


TRACE = """Program failed with an unhandled exception:
Traceback (most recent call last):
  File "/somewhere/lib/python3.11/runpy.py", line 88, in _run_code
    exec(code, run_globals)
  File "/checkout/__main__.py", line 12, in <module>
    build()
  File "/checkout/infra/components/network.py", line 40, in __init__
    aws.ec2.Vpc("x", cidr="10.0.0.0/16")
  File "/checkout/.venv/lib/python3.11/site-packages/pulumi_aws/ec2/vpc.py", line 9, in __init__
    __self__._internal_init(resource_name, *args, **kwargs)
"""


@pytest.mark.parametrize(
    ("last", "kind", "text"),
    [
        ("TypeError: Vpc._internal_init() got an unexpected keyword argument 'cidr'", "argument", "cidr: Vpc has no argument of this name"),
        (
            "TypeError: Vpc._internal_init() got an unexpected keyword argument 'cidr'. Did you mean 'cidr_block'?",
            "argument",
            "cidr: Vpc has no argument of this name",
        ),
        ("TypeError: Missing required property 'subnets'", "argument", "subnets: the resource needs this argument"),
        ("KeyError: 'zones'", "program", "KeyError: 'zones'"),
    ],
)
def test_a_traceback_is_one_line_with_the_programs_own_place(last: str, kind: str, text: str) -> None:
    found = explain(error(TRACE + last))
    assert found.kind == kind
    assert found.text() == f"/checkout/infra/components/network.py:40: {text}"


@pytest.mark.parametrize(
    "what",
    [
        "aws.lb.TargetGroup \"blue\": unknown argument 'nam' (did you mean 'name'?)",
        "aws.lb.TargetGroup \"blue\": the required argument 'port' is missing",
        "ProviderArgs: required and missing: 'a' and 'b'",
    ],
)
def test_what_our_language_host_says_of_an_argument_is_taken_as_it_is(what: str) -> None:
    found = explain(error(f"{what} at infra/components/web_route.py:78"))
    assert (found.kind, found.text()) == ("argument", f"infra/components/web_route.py:78: {what}")


def test_protection_is_named() -> None:
    text = 'unable to replace resource "urn"\nas it is currently marked for protection. To unprotect the resource, remove the flag'
    assert (
        explain(error(text, URN)).text()
        == "load-balancer › alb (aws:lb/loadBalancer:LoadBalancer): is protected, and the plan would remove it"
    )


def test_closing_phrases_go_unless_they_are_all_there_is() -> None:
    assert [item.rule for item in explain_all([error("connection refused"), error("preview failed"), error("connection refused")])] == [
        "connection refused"
    ]
    assert [item.rule for item in explain_all([error("update failed")])] == ["update failed"]
    assert explain_all([error("  ")]) == ()


def test_a_policy_of_the_whole_stack_has_no_place() -> None:
    finding = PolicyViolation("NTL-1", "p", "1", "mandatory", "No trail.\n", None)
    assert violation_text(finding) == "NTL-1 [mandatory]: No trail."
