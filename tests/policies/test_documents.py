"""Policy documents: which conditions keep strangers out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.documents import Condition, Statement, account_of, allowed, statements
from policies.resources import Resource
from policies.rule import Kind, Problem
from policies.values import UNKNOWN, properties


def holder(policy: Any) -> Resource:
    return Resource(urn="urn:pulumi:s::p::t::n", type_="t", name="n", inputs=properties({"policy": policy}))


def read(*listed: dict[str, Any]) -> list[Statement | Problem]:
    return list(statements(holder(json.dumps({"Statement": list(listed)})), "policy"))


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "AWS:SourceOwner", "123456789012"),
        ("StringEquals", "aws:PrincipalAccount", ["123456789012", "210987654321"]),
        ("StringLike", "aws:PrincipalOrgID", "o-abc123"),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc123/r-1/*"),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::one-bucket"),
        ("ArnEquals", "aws:SourceArn", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*"),
        ("StringEquals", "aws:SourceVpce", "vpce-0a"),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
    ],
)
def test_what_keeps_strangers_out(operator: str, key: str, value: Any) -> None:
    [statement] = read({"Effect": "Allow", "Principal": "*", "Action": "a:B", "Condition": {operator: {key: value}}})
    assert isinstance(statement, Statement)
    assert statement.guarded
    assert not statement.public


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringNotEquals", "aws:SourceAccount", "123456789012"),
        ("StringEqualsIfExists", "aws:SourceAccount", "123456789012"),
        ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abc123"),
        ("StringLike", "aws:SourceAccount", "*"),
        ("StringLike", "aws:PrincipalOrgID", "*"),
        ("StringLike", "aws:PrincipalOrgID", "o-*"),
        ("StringEquals", "aws:SourceAccount", ["123456789012", "*"]),
        ("StringEquals", "aws:SourceAccount", []),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:topic"),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
        ("ArnLike", "aws:SourceArn", "*"),
        ("Bool", "aws:SecureTransport", "true"),
        ("StringEquals", "aws:RequestedRegion", "us-east-1"),
        ("StringEquals", "kms:ViaService", "ec2.us-east-1.amazonaws.com"),
        ("Null", "aws:PrincipalArn", "false"),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
        ("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "::/0"]),
        ("IpAddress", "aws:SourceIp", "anywhere"),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
    ],
)
def test_what_keeps_nobody_out(operator: str, key: str, value: Any) -> None:
    [statement] = read({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "a:B", "Condition": {operator: {key: value}}})
    assert isinstance(statement, Statement)
    assert not statement.guarded
    assert statement.public


def test_one_good_condition_is_enough_because_all_must_be_met() -> None:
    conditions = {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": "123456789012"}}
    [statement] = read({"Effect": "Allow", "Principal": "*", "Action": "a:B", "Condition": conditions})
    assert isinstance(statement, Statement)
    assert statement.guarded
    assert Condition("bool", "aws:securetransport", ("true",)) in statement.conditions


def test_case_and_single_values_do_not_matter() -> None:
    [statement] = statements(holder('{"statement": {"effect": "allow", "principal": "*", "action": "a:B", "resource": "*"}}'), "policy")
    assert isinstance(statement, Statement)
    assert statement.public
    assert (statement.actions, statement.resources) == (("a:B",), ("*",))


@pytest.mark.parametrize(
    "policy", ["{", "[]", '"*"', "{}", '{"Statement": [{"Action": "*"}]}', '{"Statement": [{"Effect": "Maybe"}]}', '{"Statement": ["x"]}']
)
def test_a_broken_document_is_a_violation(policy: str) -> None:
    [problem] = statements(holder(policy), "policy")
    assert isinstance(problem, Problem)
    assert problem.kind is Kind.VIOLATION


def test_no_document_is_no_problem() -> None:
    assert list(statements(holder(""), "policy")) == []
    assert list(statements(holder(None), "policy")) == []


@pytest.mark.parametrize(
    "policy",
    [
        UNKNOWN,
        {"Statement": UNKNOWN},
        {"Statement": [UNKNOWN]},
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": UNKNOWN}, "Action": "a:B"}]},
        {"Statement": [{"Effect": UNKNOWN, "Principal": "*", "Action": "a:B"}]},
    ],
)
def test_what_is_unknown_is_put_off(policy: Any) -> None:
    [problem] = allowed(holder(policy), "policy")
    assert isinstance(problem, Problem)
    assert problem.kind is Kind.LATER


def test_a_known_statement_is_judged_beside_an_unknown_one() -> None:
    document = {
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "a:B"}, {"Effect": "Allow", "Principal": UNKNOWN, "Action": "a:B"}]
    }
    first, second = allowed(holder(document), "policy")
    assert isinstance(first, Statement)
    assert first.public
    assert isinstance(second, Problem)


@pytest.mark.parametrize(
    ("principal", "account"),
    [
        ("123456789012", "123456789012"),
        ("arn:aws:iam::123456789012:role/a/b", "123456789012"),
        ("AROAEXAMPLE", ""),
        ("arn:aws:iam::cloudfront:user/x", "cloudfront"),
    ],
)
def test_account_of_a_principal(principal: str, account: str) -> None:
    assert account_of(principal) == account
