"""What the check fills in, and how it words findings about types."""

from __future__ import annotations

import json

import pytest

from nautilus.sandbox.simulation.check import merged_tags
from nautilus.sandbox.simulation.context import Peer, Run
from nautilus.sandbox.simulation.values import UNKNOWN, Secret
from tests.simulation.rule_cases import BASE, TRUST
from tests.simulation.support import check, token


def test_region_comes_from_the_provider_and_its_own_wins() -> None:
    peer = Peer(region="eu-west-1")
    assert check("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"}, peer=peer).inputs["region"] == "eu-west-1"
    assert check("ec2.Vpc", {"cidrBlock": "10.0.0.0/16", "region": "us-west-2"}, peer=peer).inputs["region"] == "us-west-2"


def test_default_tags_go_into_tags_all() -> None:
    peer = Peer(default_tags={"Project": "nautilus", "Owner": "us"})
    checked = check("ec2.Vpc", {"cidrBlock": "10.0.0.0/16", "tags": {"Owner": "them"}}, peer=peer)
    assert checked.inputs["tags"] == {"Owner": "them"}
    assert checked.inputs["tagsAll"] == {"Project": "nautilus", "Owner": "them"}


def test_tags_that_are_ignored_or_unknown() -> None:
    peer = Peer(default_tags={"a": "1", "kubernetes/x": "2"}, ignored_keys=("a",), ignored_prefixes=("kubernetes/",))
    assert merged_tags({"b": "3"}, peer) == {"b": "3"}
    assert merged_tags(UNKNOWN, peer) is UNKNOWN
    assert merged_tags({"b": UNKNOWN}, peer) is UNKNOWN


class TestAutomaticNames:
    def test_a_name_is_made_and_noted(self) -> None:
        checked = check("sns.Topic", {}, name="alerts")
        assert checked.inputs["name"].startswith("alerts-")
        assert len(checked.inputs["name"]) == len("alerts-") + 7
        assert checked.inputs["__defaults"] == ["name"]

    def test_it_is_the_same_every_time(self) -> None:
        assert check("sns.Topic", {}).inputs["name"] == check("sns.Topic", {}).inputs["name"]

    def test_a_replacement_gets_another(self) -> None:
        assert check("sns.Topic", {}).inputs["name"] != check("sns.Topic", {}, generation=1).inputs["name"]

    def test_the_name_of_the_last_deployment_is_kept(self) -> None:
        olds = {"name": "alerts-kept", "__defaults": ["name"]}
        assert check("sns.Topic", {}, olds=olds).inputs["name"] == "alerts-kept"

    def test_a_name_that_the_program_gave_and_took_away_is_not_kept(self) -> None:
        assert check("sns.Topic", {}, olds={"name": "fixed"}).inputs["name"] != "fixed"

    @pytest.mark.parametrize(
        ("short", "prop", "given"),
        [
            ("rds.Instance", "identifier", {}),
            ("s3.Bucket", "bucket", {}),
            ("elasticache.ReplicationGroup", "replicationGroupId", {"description": "x"}),
            ("ecr.Repository", "name", {}),
        ],
    )
    def test_lower_case_and_other_properties(self, short: str, prop: str, given: dict[str, object]) -> None:
        made = check(short, given, name="MyThing").inputs[prop]
        assert made.startswith("mything-")

    def test_no_name_where_pulumi_makes_none(self) -> None:
        assert "name" not in check("route53.Zone", {}).inputs
        assert "name" not in check("sns.Topic", {"namePrefix": "x"}).inputs

    def test_an_alias_keeps_its_prefix(self) -> None:
        assert check("kms.Alias", {"targetKeyId": "k"}, name="main").inputs["name"].startswith("alias/main-")


def test_a_policy_given_as_an_object_becomes_json() -> None:
    checked = check("iam.Role", {"assumeRolePolicy": TRUST})
    assert json.loads(checked.inputs["assumeRolePolicy"]) == TRUST
    assert checked.failures == []


def test_an_unknown_type_names_the_nearest() -> None:
    checked = check("aws:rds/instanc:Instance", {})
    assert checked.failures[0].rule == "unknown-type"
    assert token("rds.Instance") in checked.failures[0].reason


def test_an_unknown_nested_property_suggests_the_nearest() -> None:
    reason = check("lb.TargetGroup", BASE["lb.TargetGroup"] | {"healthCheck": {"intervall": 5}}).failures[0].reason
    assert "interval" in reason


def test_a_missing_nested_property_is_named() -> None:
    found = check("lb.Listener", BASE["lb.Listener"] | {"defaultActions": [{"targetGroupArn": "x"}]}).failures
    assert ("missing-property", "defaultActions[0].type") in {(one.rule, one.path) for one in found}


def test_numbers_and_booleans_may_come_as_text() -> None:
    assert check("lb.TargetGroup", BASE["lb.TargetGroup"] | {"port": "8000", "slowStart": "30"}).failures == []


def test_the_secret_wrapper_survives() -> None:
    checked = check("rds.Instance", BASE["rds.Instance"] | {"password": Secret("abcdefgh1234")})
    assert isinstance(checked.inputs["password"], Secret)


def test_the_run_remembers() -> None:
    run = Run()
    check("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"}, run=run)
    assert [known.token for known in run.of_token(token("ec2.Vpc"))] == [token("ec2.Vpc")]
