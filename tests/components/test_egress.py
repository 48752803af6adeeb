"""The way out on the simulation's mocks: routes by zone, the dead end, the policy's order, and the locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pulumi
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infra.component import Context
from infra.components.egress import STREAM_EXCEPTION, Egress
from infra.components.network import Network
from infra.naming import Names
from infra.settings.egress import Egress as Settings
from infra.settings.foundation import Network as NetworkSettings
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth

ACCOUNT = "123456789012"
FIREWALL = "aws:networkfirewall/firewall:Firewall"
POLICY = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
GROUP = "aws:networkfirewall/ruleGroup:RuleGroup"
ROUTE = "aws:ec2/route:Route"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0c0ffee0-0000-4000-8000-000000000000"
EMERGENCY = {
    "reason": "incident 4711: broker moved its servers",
    "expires": "2026-12-01",
    "reviewer": "security officer",
    "domains": {"login.example.com": "the new site"},
}


def context(zones: str = "abc", *, unlocked: bool = False) -> Context:
    return Context(
        names=Names("nautilus", "prod"),
        account_id=ACCOUNT,
        region="us-east-1",
        dr_region="us-west-2",
        zones=tuple(f"us-east-1{letter}" for letter in zones),
        log_days=365,
        unlocked=unlocked,
    )


def statuses(endpoints: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """A firewall's computed status with these (zone letter, endpoint) pairs, in this order."""
    states = [
        {
            "availabilityZone": f"us-east-1{letter}",
            "attachments": [{"endpointId": endpoint, "subnetId": f"subnet-{letter}"}] if endpoint else [],
        }
        for letter, endpoint in endpoints
    ]
    return {"firewallStatuses": [{"syncStates": states, "transitGatewayAttachmentSyncStates": []}]}


def build(
    *,
    zones: str = "abc",
    nat: str = "per-zone",
    unlocked: bool = False,
    firewall: dict[str, Any] | None = None,
    preview: bool = False,
    key_arn: str | None = None,
    existing: bool = False,
    **more: Any,
) -> Recording[Egress]:
    """The way out beside a network of its own. `firewall` replaces what the simulated firewall computes."""

    def program() -> Egress:
        ctx = context(zones, unlocked=unlocked)
        given = {"vpcId": "vpc-0123456789abcdef0"} | {
            f"{tier}SubnetIds": [f"subnet-{number:017x}" for number in range(start, start + len(zones))]
            for start, tier in ((0, "public"), (10, "app"), (20, "data"))
        }
        section = NetworkSettings.model_validate(
            {"cidr": "10.20.0.0/16", "zones": list(zones), "nat": nat, "existing": given if existing else None}
        )
        network = Network("network", ctx, settings=section, log_key_arn=KEY)
        return Egress("egress", ctx, network=network, settings=Settings.model_validate(more), log_key_arn=KEY, key_arn=key_arn)

    return synth(program, account=ACCOUNT, preview=preview, overrides={FIREWALL: firewall} if firewall else None)


def routes(made: Recording[Egress]) -> dict[str, Recorded]:
    return {one.name: one for one in made if one.type == ROUTE and one.name.startswith("egress-")}


def id_of(made: Recording[Egress], kind: str, name: str) -> str:
    return next(one.id for one in made if one.type == kind and one.name == name)


def all_of(made: Recording[Egress], kind: str) -> list[Recorded]:
    return [one for one in made if one.type == kind]


ENDPOINTS = [("c", "vpce-0000000000000000c"), ("a", "vpce-0000000000000000a"), ("b", "vpce-0000000000000000b")]


# --- routes -----------------------------------------------------------------------------------------------------------------


def test_both_directions_cross_the_firewall_of_their_zone() -> None:
    made = build(firewall=statuses(ENDPOINTS))
    found = routes(made)
    assert sorted(found) == [f"egress-{part}-{letter}" for part in ("app", "firewall", "return") for letter in "abc"]
    result = made.result
    assert len(result.allowed_domains) > 5
    for index, letter in enumerate("abc"):
        own = f"vpce-0000000000000000{letter}"
        out, back, on = found[f"egress-app-{letter}"], found[f"egress-return-{letter}"], found[f"egress-firewall-{letter}"]
        assert out.inputs["destinationCidrBlock"] == "0.0.0.0/0"
        assert out.inputs["vpcEndpointId"] == back.inputs["vpcEndpointId"] == own
        assert out.inputs.get("networkInterfaceId") is None
        assert on.inputs["natGatewayId"] == id_of(made, "aws:ec2/natGateway:NatGateway", f"network-nat-{letter}")
        app = next(one for one in made if one.type == "aws:ec2/subnet:Subnet" and one.name == f"network-app-{letter}")
        assert back.inputs["destinationCidrBlock"] == app.inputs["cidrBlock"], index
        # The return route stands in the table of the NAT that the zone leaves through.
        nat = next(one for one in made if one.type == "aws:ec2/natGateway:NatGateway" and one.name == f"network-nat-{letter}")
        table = next(
            one.inputs["routeTableId"]
            for one in made
            if one.type == "aws:ec2/routeTableAssociation:RouteTableAssociation" and one.inputs["subnetId"] == nat.inputs["subnetId"]
        )
        assert back.inputs["routeTableId"] == table


@hypothesis_settings(max_examples=6, deadline=None)
@given(st.permutations(ENDPOINTS))
def test_the_order_in_which_aws_lists_endpoints_changes_no_route(order: list[tuple[str, str | None]]) -> None:
    found = routes(build(firewall=statuses(order)))
    for letter in "abc":
        assert found[f"egress-app-{letter}"].inputs["vpcEndpointId"] == f"vpce-0000000000000000{letter}"
        assert found[f"egress-return-{letter}"].inputs["vpcEndpointId"] == f"vpce-0000000000000000{letter}"


@pytest.mark.parametrize("listed", [ENDPOINTS[:2], [*ENDPOINTS[:2], ("b", None)], []], ids=["missing", "not attached", "none"])
def test_a_zone_without_an_endpoint_is_closed_and_nobody_elses(listed: list[tuple[str, str | None]]) -> None:
    """As when a zone is added: AWS names its endpoint only after the update."""
    made = build(firewall=statuses(listed))
    found = routes(made)
    dead_end = id_of(made, "aws:ec2/networkInterface:NetworkInterface", "egress-dead-end")
    known = {letter for letter, endpoint in listed if endpoint}
    for letter in "abc":
        for part in ("app", "return"):
            inputs = found[f"egress-{part}-{letter}"].inputs
            given = {key: inputs[key] for key in ("vpcEndpointId", "networkInterfaceId", "natGatewayId") if inputs.get(key) is not None}
            expected = {"vpcEndpointId": f"vpce-0000000000000000{letter}"} if letter in known else {"networkInterfaceId": dead_end}
            assert given == expected, (part, letter)


def test_the_simulation_names_endpoints_out_of_order() -> None:
    """Guards the tests above: a program that went by position would be wrong on the sandbox too."""
    made = build(zones="abcd")
    (firewall,) = all_of(made, FIREWALL)
    states = firewall.outputs["firewallStatuses"][0]["syncStates"]
    assert [state["availabilityZone"][-1] for state in states] != list("abcd")
    by_zone = {state["availabilityZone"][-1]: state["attachments"][0]["endpointId"] for state in states}
    assert {letter: route.inputs["vpcEndpointId"] for letter in "abcd" if (route := routes(made)[f"egress-app-{letter}"])} == by_zone


def test_a_single_nat_leads_back_to_every_zone() -> None:
    made = build(nat="single", firewall=statuses(ENDPOINTS))
    found = routes(made)
    nat = id_of(made, "aws:ec2/natGateway:NatGateway", "network-nat-a")
    assert {found[f"egress-firewall-{letter}"].inputs["natGatewayId"] for letter in "abc"} == {nat}
    back = [found[f"egress-return-{letter}"].inputs for letter in "abc"]
    assert len({one["routeTableId"] for one in back}) == 1
    assert [one["vpcEndpointId"][-1] for one in back] == ["a", "b", "c"]
    assert len({one["destinationCidrBlock"] for one in back}) == 3


def test_a_preview_of_a_new_firewall_passes_its_rules() -> None:
    """Endpoint and dead end are both unknown then, and one of them will be nothing."""
    assert len(routes(build(preview=True))) == 9


@pytest.mark.parametrize(("nat", "of"), [("per-zone", "abc"), ("single", "aaa")])
def test_without_a_firewall_the_app_tier_leads_to_its_nat(nat: str, of: str) -> None:
    made = build(nat=nat, mode="off")
    found = routes(made)
    assert sorted(found) == ["egress-app-a", "egress-app-b", "egress-app-c"]
    for letter, behind in zip("abc", of, strict=True):
        assert found[f"egress-app-{letter}"].inputs["natGatewayId"] == id_of(made, "aws:ec2/natGateway:NatGateway", f"network-nat-{behind}")
    assert not [one for one in made if "networkfirewall" in one.type or one.type == "aws:ec2/networkInterface:NetworkInterface"]
    assert made.result.firewall_name is made.result.firewall_arn is None
    assert ".binance.com" in made.result.allowed_domains


def test_a_vpc_that_was_brought_along() -> None:
    assert routes(build(existing=True, mode="off")) == {}
    with pytest.raises(ValueError, match="no firewall subnets"):
        build(existing=True)


# --- policy and rules -------------------------------------------------------------------------------------------------------


def policy(made: Recording[Egress]) -> dict[str, Any]:
    (one,) = all_of(made, POLICY)
    return cast("dict[str, Any]", one.inputs["firewallPolicy"])


def test_signatures_come_first_and_ours_by_name() -> None:
    made = build(emergency=EMERGENCY)
    found = policy(made)
    references = found["statefulRuleGroupReferences"]
    priorities = [one["priority"] for one in references]
    assert priorities == sorted(priorities)
    names = [one["resourceArn"].rpartition("/")[2] for one in references]
    ours = [index for index, one in enumerate(references) if ":aws-managed:" not in one["resourceArn"]]
    assert ours == list(range(len(names) - 4, len(names))), "a pass before the signatures would blind them"
    assert names[-4:] == [
        "nautilus-prod-egress-emergency-100",
        "nautilus-prod-egress-addresses-300",
        "nautilus-prod-egress-domains-600",
        "nautilus-prod-egress-closed-20",
    ]
    assert all(name.endswith("StrictOrder") for name in names[:-4])
    # The ARNs are written down beforehand: they must be those that the groups get.
    arns = {one["resourceArn"] for one in references if ":aws-managed:" not in one["resourceArn"]}
    assert arns == {one.outputs["arn"] for one in all_of(made, GROUP)}
    (one,) = all_of(made, POLICY)
    assert {group.urn for group in all_of(made, GROUP)} <= set(one.dependencies)


def test_the_policy_in_drop_mode() -> None:
    found = policy(build())
    assert found["statefulDefaultActions"] == ["aws:alert_established_app_layer_to_server", "aws:drop_established_app_layer_to_server"]
    assert found["statelessDefaultActions"] == found["statelessFragmentDefaultActions"] == ["aws:forward_to_sfe"]
    assert found["statefulEngineOptions"] == {"ruleOrder": "STRICT_ORDER", "streamExceptionPolicy": STREAM_EXCEPTION}
    assert STREAM_EXCEPTION in ("REJECT", "DROP"), "both stay closed; CONTINUE would not"
    assert not [one for one in found["statefulRuleGroupReferences"] if one.get("override")]
    (home,) = found["policyVariables"]["ruleVariables"]
    assert home["key"] == "HOME_NET"


def test_home_is_the_app_tier() -> None:
    made = build()
    apps = [one.inputs["cidrBlock"] for one in made if one.type == "aws:ec2/subnet:Subnet" and one.name.startswith("network-app-")]
    assert policy(made)["policyVariables"]["ruleVariables"][0]["ipSet"]["definitions"] == sorted(apps)


def test_alert_mode_only_notices() -> None:
    found = policy(build(mode="alert"))
    assert found["statefulDefaultActions"] == ["aws:alert_established_app_layer_to_server"]
    managed = [one for one in found["statefulRuleGroupReferences"] if ":aws-managed:" in one["resourceArn"]]
    assert managed
    assert all(one["override"] == {"action": "DROP_TO_ALERT"} for one in managed)


def test_the_emergency_group_exists_only_while_it_is_set_and_says_why() -> None:
    assert "egress-emergency" not in {one.name for one in all_of(build(), GROUP)}
    group = next(one for one in all_of(build(emergency=EMERGENCY), GROUP) if one.name == "egress-emergency")
    assert group.inputs["tags"] == {
        "Name": "nautilus-prod-egress-emergency-100",
        "Expires": "2026-12-01",
        "Reason": EMERGENCY["reason"],
        "Reviewer": "security officer",
    }
    assert "login.example.com" in group.inputs["ruleGroup"]["rulesSource"]["rulesString"]


def test_a_key_encrypts_rules_policy_and_firewall() -> None:
    for kind in (GROUP, POLICY, FIREWALL):
        for one in all_of(build(key_arn=KEY), kind):
            assert one.inputs["encryptionConfiguration"] == {"type": "CUSTOMER_KMS", "keyId": KEY}
        assert all(one.inputs.get("encryptionConfiguration") is None for one in all_of(build(), kind))


# --- firewall and logs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unlocked", [False, True])
def test_the_locks_follow_the_unlock_and_leave_room_for_a_zone(unlocked: bool) -> None:
    (firewall,) = all_of(build(unlocked=unlocked), FIREWALL)
    assert firewall.inputs["deleteProtection"] is firewall.inputs["firewallPolicyChangeProtection"] is not unlocked
    assert firewall.inputs["subnetChangeProtection"] is False, "AWS would refuse a third zone"


def test_one_endpoint_in_each_firewall_subnet() -> None:
    made = build()
    (firewall,) = all_of(made, FIREWALL)
    subnets = [id_of(made, "aws:ec2/subnet:Subnet", f"network-firewall-{letter}") for letter in "abc"]
    assert [one["subnetId"] for one in firewall.inputs["subnetMappings"]] == subnets


def test_decisions_and_flows_are_logged_encrypted() -> None:
    made = build(logDays=90)
    (logging,) = all_of(made, "aws:networkfirewall/loggingConfiguration:LoggingConfiguration")
    configs = logging.inputs["loggingConfiguration"]["logDestinationConfigs"]
    assert {one["logType"]: one["logDestination"]["logGroup"] for one in configs} == {
        "ALERT": "/nautilus/prod/egress/alert",
        "FLOW": "/nautilus/prod/egress/flow",
    }
    groups = [one.inputs for one in made if one.type == "aws:cloudwatch/logGroup:LogGroup" and "/egress/" in one.inputs["name"]]
    assert [(one["kmsKeyId"], one["retentionInDays"]) for one in groups] == [(KEY, 90)] * 2
    follows = [
        one.inputs["retentionInDays"]
        for one in build()
        if one.type == "aws:cloudwatch/logGroup:LogGroup" and "/egress/" in one.inputs["name"]
    ]
    assert follows == [365, 365], "unset follows platform.logDays"


def test_names_keep_to_letters_digits_and_hyphens() -> None:
    for one in build():
        if "networkfirewall" in one.type and "name" in one.inputs:
            assert one.inputs["name"].replace("-", "").isalnum()


def test_outputs_are_the_firewalls() -> None:
    def program() -> pulumi.Output[list[str]]:
        ctx = context()
        network = Network("network", ctx, settings=NetworkSettings(cidr="10.20.0.0/16"), log_key_arn=KEY)
        egress = Egress("egress", ctx, network=network, settings=Settings(), log_key_arn=KEY)
        assert egress.firewall_name is not None
        assert egress.firewall_arn is not None
        pulumi.export("name", egress.firewall_name)
        pulumi.export("arn", egress.firewall_arn)
        return pulumi.Output.all(egress.firewall_name)

    exports = synth(program, account=ACCOUNT).exports
    assert exports["name"] == "nautilus-prod-egress"
    assert exports["arn"] == f"arn:aws:network-firewall:us-east-1:{ACCOUNT}:firewall/nautilus-prod-egress"
