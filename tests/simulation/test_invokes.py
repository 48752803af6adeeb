"""Provider functions: every one that is simulated answers with its declared shape, the others say that they are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nautilus.sandbox.simulation import invokes
from nautilus.sandbox.simulation.context import Peer, Run
from nautilus.sandbox.simulation.invokes import UnknownFunctionError
from nautilus.sandbox.simulation.store import Store
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, reveal
from tests.simulation.rule_cases import BASE
from tests.simulation.support import exists, table


def call(token: str, args: dict[str, Any] | None = None, *, peer: Peer | None = None, run: Run | None = None) -> dict[str, Any]:
    return invokes.invoke(token, args or {}, peer or Peer(), run or Run(), table())


@pytest.mark.parametrize("token", invokes.functions())
def test_every_function_is_one_of_the_sdk(token: str) -> None:
    assert table().function(token) is not None


def test_who_and_where() -> None:
    peer = Peer(region="eu-west-1", account="210987654321")
    assert call("aws:index/getCallerIdentity:getCallerIdentity", peer=peer)["accountId"] == "210987654321"
    assert call("aws:index/getRegion:getRegion", peer=peer)["region"] == "eu-west-1"
    assert call("aws:index/getPartition:getPartition", peer=peer)["dnsSuffix"] == "amazonaws.com"
    zones = call("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"}, peer=peer)
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert zones["zoneIds"] == ["euw1-az1", "euw1-az2", "euw1-az3"]


def test_a_policy_document() -> None:
    statements = [
        {
            "sid": "A",
            "actions": ["s3:GetObject", "s3:ListBucket"],
            "resources": ["*"],
            "principals": [{"type": "Service", "identifiers": ["ecs.amazonaws.com"]}],
            "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}],
        }
    ]
    body = json.loads(call("aws:iam/getPolicyDocument:getPolicyDocument", {"statements": statements})["json"])
    assert body == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "A",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": "*",
                "Principal": {"Service": "ecs.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
            }
        ],
    }


def test_documents_are_merged_by_sid() -> None:
    base = json.dumps({"Statement": [{"Sid": "A", "Effect": "Allow"}, {"Sid": "B", "Effect": "Allow"}]})
    over = json.dumps({"Statement": {"Sid": "A", "Effect": "Deny"}})
    body = json.loads(
        call("aws:iam/getPolicyDocument:getPolicyDocument", {"sourcePolicyDocuments": [base], "overridePolicyDocuments": [over]})["json"]
    )
    assert [(each["Sid"], each["Effect"]) for each in body["Statement"]] == [("B", "Allow"), ("A", "Deny")]


def test_managed_policies_of_cloudfront_by_name_and_id() -> None:
    found = call("aws:cloudfront/getCachePolicy:getCachePolicy", {"name": "Managed-CachingOptimized"})
    assert found["id"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    assert call("aws:cloudfront/getCachePolicy:getCachePolicy", {"id": found["id"]})["name"] == "Managed-CachingOptimized"
    with pytest.raises(UnknownFunctionError, match="no managed cache-policy named 'Mine'"):
        call("aws:cloudfront/getCachePolicy:getCachePolicy", {"name": "Mine"})


def test_prefix_lists_images_and_accounts() -> None:
    assert (
        call("aws:ec2/getManagedPrefixList:getManagedPrefixList", {"name": "com.amazonaws.global.cloudfront.origin-facing"})["id"]
        == "pl-3b927c52"
    )
    image = call(
        "aws:ec2/getAmi:getAmi", {"mostRecent": True, "owners": ["amazon"], "filters": [{"name": "architecture", "values": ["arm64"]}]}
    )
    assert image["architecture"] == "arm64"
    assert image["id"].startswith("ami-0")
    assert call("aws:elb/getServiceAccount:getServiceAccount")["arn"] == "arn:aws:iam::127311923021:root"
    assert call("aws:ssm/getParameter:getParameter", {"name": "/aws/service/ami-amazon-linux-latest/al2023"})["value"].startswith("ami-0")


def test_resources_of_the_stack_are_found() -> None:
    run = Run()
    zone = exists(run, "route53.Zone", BASE["route53.Zone"])
    certificate = exists(run, "acm.Certificate", BASE["acm.Certificate"])
    assert call("aws:route53/getZone:getZone", {"name": "example.com"}, run=run)["zoneId"] == zone.id
    assert call("aws:acm/getCertificate:getCertificate", {"domain": "example.com"}, run=run)["arn"] == certificate.id


def test_a_secrets_value_is_the_one_that_the_stack_gave_it() -> None:
    run = Run()
    secret = exists(run, "secretsmanager.Secret", BASE["secretsmanager.Secret"])
    exists(run, "secretsmanager.SecretVersion", {"secretId": secret.id, "secretString": "a value"})
    found = call("aws:secretsmanager/getSecretVersion:getSecretVersion", {"secretId": secret.id}, run=run)
    assert isinstance(found["secretString"], Secret), "it stays one"
    assert (reveal(found["secretString"]), found["versionStage"]) == ("a value", "AWSCURRENT")
    with pytest.raises(UnknownFunctionError, match="gives the secret no value"):
        call("aws:secretsmanager/getSecretVersion:getSecretVersion", {"secretId": "arn:aws:secretsmanager:::secret:other"}, run=run)


def test_a_secrets_value_is_read_from_the_account_in_a_later_run() -> None:
    """A later run has only checked the version's inputs; rotation may have put another value there meanwhile."""
    token = "aws:secretsmanager/secretVersion:SecretVersion"
    urn = f"urn:pulumi:local::nautilus-infra::{token}::version"
    with Store(":memory:") as store:
        given = {"secretId": "arn:one", "secretString": Secret("the first value")}
        store.put(urn, "arn:one|1", token, Peer(), given, {**given, "versionId": "1"})
        run = Run(store)
        run.note_checked(urn, token, given)
        ask = {"secretId": "arn:one"}
        assert reveal(call("aws:secretsmanager/getSecretVersion:getSecretVersion", ask, run=run)["secretString"]) == "the first value"
        store.drift(urn, "secretString", value=Secret("rotated"))
        assert reveal(call("aws:secretsmanager/getSecretVersion:getSecretVersion", ask, run=run)["secretString"]) == "rotated"


def test_what_is_outside_the_stack_is_invented_where_that_helps() -> None:
    assert call("aws:route53/getZone:getZone", {"name": "other.example"})["zoneId"].startswith("Z")
    assert call("aws:ec2/getVpc:getVpc", {"id": "vpc-0abc"})["id"] == "vpc-0abc"
    with pytest.raises(UnknownFunctionError, match="no SSM parameter '/mine'"):
        call("aws:ssm/getParameter:getParameter", {"name": "/mine"})


def test_a_function_that_is_not_simulated_is_named() -> None:
    with pytest.raises(UnknownFunctionError, match=r"does not know the function aws:ec2/getSpotPrice:getSpotPrice"):
        call("aws:ec2/getSpotPrice:getSpotPrice")
    with pytest.raises(UnknownFunctionError, match="has no argument nam"):
        call("aws:route53/getZone:getZone", {"nam": "x"})


def test_unknown_arguments_give_unknown_results() -> None:
    found = call("aws:route53/getZone:getZone", {"name": UNKNOWN})
    assert found["zoneId"] is UNKNOWN


@pytest.mark.parametrize(
    ("token", "args"),
    [(each, {}) for each in invokes.functions() if each not in invokes.LOOKUPS and "Policy" not in each]
    + [("aws:iam/getPolicyDocument:getPolicyDocument", {})],
)
def test_every_result_is_there(token: str, args: dict[str, Any]) -> None:
    row = table().function(token)
    assert row is not None
    found = call(token, args)
    assert set(row.results) <= set(found)
