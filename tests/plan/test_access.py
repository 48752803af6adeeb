"""Ways in for people, as data: what sessions keep to, who may open and read them, and what the VPN lets a group reach."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.naming import Names
from infra.plan.access import (
    MOST_AUTHORIZATIONS,
    PREFERENCES,
    TUNNEL,
    Authorization,
    authorizations,
    node_statements,
    operator_policy,
    session_key_policy,
    session_log,
    session_preferences,
    vpn_targets,
)
from infra.plan.key_policies import Place
from infra.plan.subnets import Tier, plan

PLACE = Place(account="123456789012", region="eu-west-1")
DATA = ["10.20.10.0/24", "10.20.11.0/24"]
APP = ["10.20.0.0/23", "10.20.2.0/23"]


def by_sid(document: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(document)["Statement"]}


def preferences(**more: Any) -> dict[str, Any]:
    given_: dict[str, Any] = {"log_group": "/nautilus/account/sessions", "key_arn": "arn:key", "idle_minutes": 15, "max_minutes": 120}
    found: dict[str, Any] = json.loads(session_preferences(**given_ | more))
    return found


# --- sessions -------------------------------------------------------------------------------------------------------------


def test_the_log_is_the_account_stacks() -> None:
    """Nodes of other stacks name it without asking that stack."""
    assert session_log("desk") == Names("desk", "account").path("sessions") == "/desk/account/sessions"


def test_every_session_is_recorded_encrypted_and_ends() -> None:
    made = preferences()
    assert (made["schemaVersion"], made["sessionType"]) == ("1.0", "Standard_Stream")
    inputs = made["inputs"]
    assert inputs["cloudWatchLogGroupName"] == "/nautilus/account/sessions"
    assert inputs["cloudWatchEncryptionEnabled"] is True
    assert inputs["cloudWatchStreamingEnabled"] is True, "a log written at the end is not written when the node dies"
    assert inputs["kmsKeyId"] == "arn:key"
    assert (inputs["idleSessionTimeout"], inputs["maxSessionDuration"]) == ("15", "120")
    assert inputs["runAsEnabled"] is False


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"idle_minutes": 0}, "1 to 60"),
        ({"idle_minutes": 61}, "1 to 60"),
        ({"max_minutes": 14}, "not less than the idle 15"),
        ({"max_minutes": 1441}, "1 to 1,440"),
    ],
)
def test_durations_that_session_manager_does_not_take(more: dict[str, int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        preferences(**more)


@given(st.integers(1, 60), st.integers(1, 1440))
def test_the_document_says_the_same_twice(idle: int, most: int) -> None:
    longest = max(idle, most)
    first = session_preferences(log_group="/g", key_arn="k", idle_minutes=idle, max_minutes=longest)
    assert first == session_preferences(log_group="/g", key_arn="k", idle_minutes=idle, max_minutes=longest)
    assert json.loads(first)["inputs"]["maxSessionDuration"] == str(longest)


def test_nodes_may_decrypt_a_session_and_nothing_else() -> None:
    found = by_sid(session_key_policy(project="desk", place=PLACE))
    assert set(found) == {"AccountAdministration", "SessionLog", "NodesOpenSessions"}
    nodes = found["NodesOpenSessions"]
    assert nodes["Action"] == "kms:Decrypt"
    assert nodes["Condition"] == {
        "StringEquals": {"kms:CallerAccount": "123456789012"},
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/desk-*-timescale"},
    }
    log = found["SessionLog"]
    assert log["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    assert log["Condition"] == {
        "ArnEquals": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/desk/account/sessions"}
    }, "no other log group may be encrypted with the sessions' key"


def test_nodes_write_the_session_log_alone() -> None:
    record, find = node_statements(project="desk", place=PLACE)
    assert record["Resource"] == "arn:aws:logs:eu-west-1:123456789012:log-group:/desk/account/sessions:*"
    assert record["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert find["Action"] == ["logs:DescribeLogGroups", "logs:DescribeLogStreams"]
    assert not any("Delete" in str(one) or "GetLogEvents" in str(one) for one in (record, find)), "who is logged reads and deletes no log"


def operators() -> dict[str, dict[str, Any]]:
    return by_sid(operator_policy(project="desk", place=PLACE, regions=("eu-west-1", "eu-central-1"), key_arns=("arn:key:1", "arn:key:2")))


def test_people_open_recorded_sessions_on_our_nodes() -> None:
    found = operators()
    assert found["OpenOnOwnNodes"]["Condition"]["StringLike"] == {"ssm:resourceTag/Name": "desk-*"}
    documents = found["OpenRecordedOrTunnel"]["Resource"]
    assert len(documents) == 4
    assert {one.rpartition("/")[2] for one in documents} == {PREFERENCES, TUNNEL}
    assert all("eu-west-1" in one or "eu-central-1" in one for one in documents)
    allowed = [
        action
        for one in found.values()
        if one["Effect"] == "Allow"
        for action in ([*one["Action"]] if isinstance(one["Action"], list) else [one["Action"]])
    ]
    assert "ssm:SendCommand" not in allowed, "a command is not a session, and its output is not in the session log"
    assert not [action for action in allowed if action.endswith("*")]


def test_nobody_opens_a_session_without_a_second_factor() -> None:
    refused = operators()["RefuseWithoutSecondFactor"]
    assert (refused["Effect"], refused["Action"], refused["Resource"]) == ("Deny", "ssm:StartSession", "*")
    # An access key carries no mark at all: `IfExists` makes the refusal hold then, too.
    assert refused["Condition"]["BoolIfExists"] == {"aws:MultiFactorAuthPresent": "false"}
    assert refused["Condition"]["ArnNotLike"] == {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*"}


def test_people_end_their_own_sessions_alone() -> None:
    assert operators()["EndOwnSessions"]["Condition"] == {"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}}


# --- the VPN --------------------------------------------------------------------------------------------------------------


def test_a_group_reaches_the_addresses_of_its_databases() -> None:
    made = authorizations({"dba": ["postgres", "timescale"], "quants": ["timescale"]}, {"postgres": DATA, "timescale": APP})
    assert [(one.cidr, one.group, one.what) for one in made] == [
        ("10.20.0.0/23", "dba", "timescale"),
        ("10.20.0.0/23", "quants", "timescale"),
        ("10.20.2.0/23", "dba", "timescale"),
        ("10.20.2.0/23", "quants", "timescale"),
        ("10.20.10.0/24", "dba", "postgres"),
        ("10.20.11.0/24", "dba", "postgres"),
    ]
    assert ("10.20.10.0/24", "quants") not in {(one.cidr, one.group) for one in made}


def test_certificates_know_no_groups() -> None:
    made = authorizations(None, {"postgres": DATA})
    assert [(one.cidr, one.group) for one in made] == [(cidr, None) for cidr in DATA]


def test_databases_in_the_same_place_share_a_rule() -> None:
    """A VPC that was brought along: nobody told us its subnets' blocks."""
    (only,) = authorizations({"dba": ["timescale", "postgres"]}, {"postgres": ["10.0.0.0/16"], "timescale": ["10.0.0.0/16"]})
    assert (only.cidr, only.what) == ("10.0.0.0/16", "postgres and timescale")


@given(
    st.sampled_from(["10.0.0.0/16", "10.20.0.0/18", "192.168.16.0/20"]),
    st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True),
)
def test_databases_stand_where_the_address_plan_puts_them(cidr: str, zones: list[str]) -> None:
    blocks_ = {(one.tier, one.zone): one.cidr for one in plan(cidr, zones)}
    made = vpn_targets(cidr, zones, timescale=True, existing=False)
    assert made["postgres"] == [blocks_[Tier.DATA, zone] for zone in zones]
    assert made["timescale"] == [blocks_[Tier.APP, zone] for zone in zones[:3]]
    assert set(vpn_targets(cidr, zones, timescale=False, existing=False)) == {"postgres"}
    public = {blocks_[Tier.PUBLIC, zone] for zone in zones}
    assert not public & {one.cidr for one in authorizations(None, made)}, "nobody is let into the load balancer's subnets"
    whole = vpn_targets(cidr, zones, timescale=True, existing=True)
    assert [(one.cidr, one.what) for one in authorizations({"dba": ["postgres", "timescale"]}, whole)] == [(cidr, "postgres and timescale")]


@pytest.mark.parametrize(
    ("grants", "targets", "told"),
    [
        ({}, {"postgres": DATA}, "grants nobody anything"),
        ({"dba": ["timescale"]}, {"postgres": DATA}, "cannot lead to timescale"),
        ({"dba": ["postgres"]}, {"postgres": []}, "cannot lead to postgres"),
        ({"a": ["postgres"], "b": ["timescale"]}, {"postgres": ["10.0.0.0/16"], "timescale": ["10.0.4.0/24"]}, "10.0.4.0/24 lies inside"),
        ({str(n): ["postgres"] for n in range(26)}, {"postgres": DATA}, "52 authorization rules; AWS takes 50"),
    ],
)
def test_rules_that_would_not_do_what_they_say(grants: dict[str, list[str]], targets: dict[str, list[str]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        authorizations(grants, targets)


names = st.text("abcxyz ./", min_size=1, max_size=6)
blocks = st.lists(st.integers(0, 255).map(lambda n: f"10.0.{n}.0/24"), min_size=1, max_size=4, unique=True)
databases = st.lists(st.sampled_from(["postgres", "timescale"]), min_size=1, max_size=2, unique=True)


@given(st.dictionaries(names, databases, min_size=1, max_size=5), blocks, blocks)
def test_a_rule_exists_exactly_where_a_grant_says_so(grants: dict[str, list[str]], postgres: list[str], timescale: list[str]) -> None:
    targets = {"postgres": postgres, "timescale": timescale}
    made = authorizations(grants, targets)
    assert {(one.cidr, one.group) for one in made} == {
        (cidr, group) for group, known in grants.items() for name in known for cidr in targets[name]
    }
    assert len({one.key for one in made}) == len(made) <= MOST_AUTHORIZATIONS
    assert list(made) == sorted(made, key=lambda one: (IPv4Network(one.cidr), one.group or ""))


@given(st.dictionaries(names, databases, min_size=2, max_size=5), blocks)
def test_a_change_of_one_grant_renames_no_other_rule(grants: dict[str, list[str]], cidrs: list[str]) -> None:
    targets = {"postgres": cidrs, "timescale": cidrs}
    before = {(one.cidr, one.group): one.key for one in authorizations(grants, targets)}
    gone = sorted(grants)[0]
    after = {(one.cidr, one.group): one.key for one in authorizations({k: v for k, v in grants.items() if k != gone}, targets)}
    assert after == {place: key for place, key in before.items() if place[1] != gone}


def test_a_key_tells_group_and_block_apart() -> None:
    keys = {Authorization("10.0.0.0/24", group, "postgres").key for group in (None, "a", "b")} | {
        Authorization("10.0.1.0/24", "a", "x").key
    }
    assert len(keys) == 4
