"""Whether a role's policy covers a task's secrets: every way in which it may not is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.iam import execution_policy, policy, statement
from infra.plan.reading import allows, unreadable

ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/backend@sha256:{'ab' * 32}"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
OTHER_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/2"
GET, DECRYPT = "secretsmanager:GetSecretValue", "kms:Decrypt"
VIA = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}


def secret(name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:nautilus/dev/{name}-AbCdEf"


def role(*secrets: str, key: str = KEY) -> str:
    return execution_policy(images=[IMAGE], log_group_arn="arn:logs", secrets=secrets, secret_key_arn=key, region="us-east-1")


def task(**secrets: str) -> str:
    return json.dumps([{"name": "backend", "secrets": [{"name": name, "valueFrom": value} for name, value in secrets.items()]}])


def test_what_the_policy_was_made_for_is_readable() -> None:
    document = role(f"{secret('jwt')}:key::", secret("cache"))
    made = task(JWT=f"{secret('jwt')}:key::", CACHE=secret("cache"))
    assert list(unreadable(document, made, keys={secret("jwt"): KEY, secret("cache"): KEY})) == []


@pytest.mark.parametrize(
    ("document", "containers", "keys", "words"),
    [
        (role(secret("jwt")), task(CACHE=secret("cache")), {secret("cache"): KEY}, "CACHE of the container backend: the role may not read"),
        (role(), task(JWT=secret("jwt")), {secret("jwt"): KEY}, "may not read"),
        (role(secret("jwt")), task(JWT=secret("jwt")), {secret("jwt"): OTHER_KEY}, f"may not use the key {OTHER_KEY}"),
        (role(secret("jwt"), key=OTHER_KEY), task(JWT=secret("jwt")), {secret("jwt"): KEY}, f"may not use the key {KEY}"),
        (role(secret("jwt")), task(JWT=secret("jwt")), {}, "nobody says which key"),
        # The role may use its key through Secrets Manager of its own region alone.
        (role(secret("jwt", "us-west-2")), task(JWT=secret("jwt", "us-west-2")), {secret("jwt", "us-west-2"): KEY}, "in us-west-2"),
    ],
)
def test_a_gap_is_found_and_named(document: str, containers: str, keys: dict[str, str], words: str) -> None:
    [found] = unreadable(document, containers, keys=keys)
    assert words in found


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_exactly_the_uncovered_secrets_are_reported(covered: set[str], wanted: set[str]) -> None:
    document = role(*(secret(name) for name in sorted(covered)))
    keys = {secret(name): KEY for name in wanted}
    found = list(unreadable(document, task(**{name: secret(name) for name in wanted}), keys=keys))
    assert sorted(one.split(" ")[0] for one in found) == sorted(wanted - covered)


def document(**change: Any) -> str:
    return policy({**statement([GET], [secret("jwt")]), **change})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Action": "secretsmanager:Get*"}, True),
        ({"Action": ["kms:Decrypt", "SecretsManager:getsecretvalue"]}, True),
        ({"Action": "secretsmanager:PutSecretValue"}, False),
        ({"Resource": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:nautilus/dev/*"}, True),
        ({"Resource": secret("jwt")[:-1] + "?"}, True),
        ({"Resource": secret("jwt")[:-1] + "[a-z]"}, False),
        ({"Resource": secret("jwt").lower()}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}, True),
        ({"Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}}, False),
        ({"Condition": {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}}, True),
        ({"Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}, False),
        # Not understood: no grant.
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}}, False),
        ({"NotAction": ["s3:GetObject"]}, False),
    ],
)
def test_a_statement_is_read_as_iam_reads_it(change: dict[str, Any], expected: bool) -> None:
    assert allows(document(**change), GET, secret("jwt"), VIA) is expected


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (statement([GET], ["*"], effect="Deny"), False),
        (statement([DECRYPT], ["*"], effect="Deny"), True),
        (statement([GET], [secret("cache")], effect="Deny"), True),
        (statement([GET], ["*"], effect="Deny", conditions={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}), True),
        # A refusal whose condition is not understood counts.
        (statement([GET], ["*"], effect="Deny", conditions={"Bool": {"aws:SecureTransport": "false"}}), False),
        ({"Effect": "Deny", "NotAction": ["s3:GetObject"], "Resource": "*"}, False),
    ],
)
def test_a_refusal_wins_over_every_grant(refusal: dict[str, Any], expected: bool) -> None:
    assert allows(policy(statement([GET], ["*"]), refusal), GET, secret("jwt"), VIA) is expected
