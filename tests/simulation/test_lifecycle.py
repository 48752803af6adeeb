"""The life of resources in the simulated account, as an engine would ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nautilus.sandbox.simulation import types_table
from nautilus.sandbox.simulation.context import Peer
from nautilus.sandbox.simulation.lifecycle import AwsError, Change, Kind, Simulator
from nautilus.sandbox.simulation.store import Store
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, has_unknown, reveal
from tests.simulation.rule_cases import BASE, TRUST
from tests.simulation.support import urn

PEER = Peer()


class Account:
    """A simulator with the steps that the engine takes."""

    def __init__(self) -> None:
        self.store = Store(":memory:")
        self.notes: list[tuple[str, str]] = []
        self.restart()

    def restart(self) -> None:
        """A new provider process on the same store."""
        self.sim = Simulator(
            self.store, types_table.default_cache(), lambda severity, message, _urn: self.notes.append((severity, message))
        )

    def create(self, short: str, inputs: dict[str, Any], name: str = "it") -> tuple[str, dict[str, Any], dict[str, Any]]:
        checked = self.sim.check(urn(short, name), inputs, {}, PEER)
        assert [str(one) for one in checked.failures] == []
        ident, outputs = self.sim.create(urn(short, name), checked.inputs, PEER, preview=False)
        return ident, checked.inputs, outputs

    def diff(self, short: str, ident: str, olds: dict[str, Any], inputs: dict[str, Any], name: str = "it") -> Any:
        checked = self.sim.check(urn(short, name), inputs, olds, PEER)
        assert [str(one) for one in checked.failures] == []
        return self.sim.diff(urn(short, name), ident, olds, checked.inputs, [], PEER)


@pytest.fixture
def account() -> Iterator[Account]:
    found = Account()
    yield found
    found.store.close()


def test_a_preview_makes_nothing(account: Account) -> None:
    ident, outputs = account.sim.create(urn("ec2.Vpc"), {"cidrBlock": "10.0.0.0/16", "region": "us-east-1"}, PEER, preview=True)
    assert ident == ""
    assert outputs["arn"] is UNKNOWN
    assert len(account.store) == 0


def test_a_create_after_a_crash_finds_its_own(account: Account) -> None:
    first = account.create("sns.Topic", {})
    account.restart()
    assert account.create("sns.Topic", {}) == first
    assert len(account.store) == 1


def test_a_create_after_a_crash_and_a_change_adopts_it(account: Account) -> None:
    ident, _, _ = account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})
    account.restart()
    again, _, outputs = account.create("ec2.Vpc", {"cidrBlock": "10.1.0.0/16"})
    assert again == ident
    assert outputs["cidrBlock"] == "10.1.0.0/16"
    assert len(account.store) == 1


def test_a_replacement_is_another_resource(account: Account) -> None:
    old, inputs, _ = account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})
    account.restart()
    found = account.diff("ec2.Vpc", old, inputs, {"cidrBlock": "10.1.0.0/16"})
    assert found.replaces == ["cidrBlock"]
    new, _, _ = account.create("ec2.Vpc", {"cidrBlock": "10.1.0.0/16"})
    assert new != old
    assert len(account.store) == 2
    account.sim.delete(urn("ec2.Vpc"), old)
    assert [row.id for row in account.store.all()] == [new]


def test_a_forced_replacement_with_the_same_inputs_is_another_resource(account: Account) -> None:
    old, inputs, _ = account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})
    account.restart()
    assert not account.diff("ec2.Vpc", old, inputs, {"cidrBlock": "10.0.0.0/16"}).changes
    assert account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})[0] != old


def test_a_replacement_gets_another_automatic_name(account: Account) -> None:
    old, inputs, _ = account.create("iam.Role", {"assumeRolePolicy": TRUST})
    found = account.diff("iam.Role", old, inputs, {"assumeRolePolicy": TRUST, "path": "/x/"})
    assert found.replaces == ["path"]
    assert not found.delete_first
    new, _, _ = account.create("iam.Role", {"assumeRolePolicy": TRUST, "path": "/x/"})
    assert new != old


def test_an_emptied_account_starts_anew(account: Account) -> None:
    first = account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})[0]
    account.sim.delete(urn("ec2.Vpc"), first)
    account.restart()
    assert account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})[0] == first


class TestDiff:
    def test_nothing(self, account: Account) -> None:
        ident, inputs, _ = account.create("lb.TargetGroup", BASE["lb.TargetGroup"])
        assert account.diff("lb.TargetGroup", ident, inputs, BASE["lb.TargetGroup"]).changes == {}

    def test_paths_and_kinds(self, account: Account) -> None:
        ident, inputs, _ = account.create("lb.TargetGroup", BASE["lb.TargetGroup"])
        news = BASE["lb.TargetGroup"] | {"healthCheck": {"path": "/ready", "interval": 30}, "slowStart": 30, "port": 9000}
        found = account.diff("lb.TargetGroup", ident, inputs, news)
        assert found.changes == {
            "healthCheck.path": Change(Kind.UPDATE, False),
            "healthCheck.timeout": Change(Kind.DELETE, False),
            "slowStart": Change(Kind.ADD, False),
            "port": Change(Kind.UPDATE, True),
        }
        assert found.replaces == ["port"]
        assert found.delete_first, "the name is fixed"

    def test_numbers_as_text_and_sets_in_another_order_are_the_same(self, account: Account) -> None:
        ident, inputs, _ = account.create("lb.TargetGroup", BASE["lb.TargetGroup"])
        assert account.diff("lb.TargetGroup", ident, inputs, BASE["lb.TargetGroup"] | {"port": "8000"}).changes == {}
        ident, inputs, _ = account.create("lb.LoadBalancer", BASE["lb.LoadBalancer"])
        turned = BASE["lb.LoadBalancer"] | {"subnets": ["subnet-b", "subnet-a"]}
        assert account.diff("lb.LoadBalancer", ident, inputs, turned).changes == {}

    def test_a_secret_is_compared_by_its_value(self, account: Account) -> None:
        sound = BASE["rds.Instance"] | {"password": Secret("abcdefgh1234")}
        ident, inputs, _ = account.create("rds.Instance", sound)
        assert account.diff("rds.Instance", ident, inputs, sound).changes == {}
        found = account.diff("rds.Instance", ident, inputs, sound | {"password": Secret("abcdefgh5678")})
        assert set(found.changes) == {"password"}

    def test_an_unknown_value_is_a_change(self, account: Account) -> None:
        ident, inputs, _ = account.create("ec2.Subnet", BASE["ec2.Subnet"])
        found = account.diff("ec2.Subnet", ident, inputs, BASE["ec2.Subnet"] | {"vpcId": UNKNOWN})
        assert found.replaces == ["vpcId"]

    def test_an_unreviewed_property_is_reported(self, account: Account) -> None:
        ident, inputs, _ = account.create("ssm.Document", {"content": "{}", "documentType": "Command"})
        found = account.diff("ssm.Document", ident, inputs, {"content": "{}", "documentType": "Automation"})
        assert found.unknown_effect == ["documentType"]
        assert any("replacement unknown" in message for severity, message in account.notes if severity == "warning")

    def test_ignored_properties_are_left_alone(self, account: Account) -> None:
        ident, inputs, _ = account.create("ecs.Cluster", BASE["ecs.Cluster"])
        news = inputs | {"tags": {"a": "b"}, "tagsAll": {"a": "b"}}
        assert account.sim.diff(urn("ecs.Cluster"), ident, inputs, news, ["tags", "tagsAll"], PEER).changes == {}


def test_an_update_keeps_what_aws_made(account: Account) -> None:
    ident, inputs, outputs = account.create("lb.LoadBalancer", BASE["lb.LoadBalancer"])
    updated = account.sim.update(urn("lb.LoadBalancer"), ident, inputs | {"idleTimeout": 30}, outputs, PEER, preview=False)
    assert updated["dnsName"] == outputs["dnsName"]
    assert updated["idleTimeout"] == 30
    row = account.store.get(urn("lb.LoadBalancer"), ident)
    assert row is not None
    assert row.outputs["idleTimeout"] == 30


def test_versions_count_up(account: Account) -> None:
    ident, inputs, outputs = account.create("ec2.LaunchTemplate", BASE["ec2.LaunchTemplate"])
    assert account.sim.update(urn("ec2.LaunchTemplate"), ident, inputs, outputs, PEER, preview=False)["latestVersion"] == 2
    ident, inputs, outputs = account.create("ssm.Parameter", BASE["ssm.Parameter"])
    assert account.sim.update(urn("ssm.Parameter"), ident, inputs, outputs, PEER, preview=False)["version"] == 2


def test_a_new_revision_of_a_task_definition(account: Account) -> None:
    old, inputs, outputs = account.create("ecs.TaskDefinition", BASE["ecs.TaskDefinition"])
    assert outputs["revision"] == 1
    news = BASE["ecs.TaskDefinition"] | {"memory": "4096"}
    found = account.diff("ecs.TaskDefinition", old, inputs, news)
    assert found.replaces == ["memory"]
    assert not found.delete_first, "revisions live side by side"
    assert account.create("ecs.TaskDefinition", news)[2]["revision"] == 2


class TestRead:
    def test_what_was_made(self, account: Account) -> None:
        ident, inputs, outputs = account.create("sns.Topic", {"name": "alerts"})
        assert account.sim.read(urn("sns.Topic"), ident, inputs, outputs, PEER) == (ident, inputs, outputs)

    def test_drift_is_seen(self, account: Account) -> None:
        ident, inputs, outputs = account.create("sns.Topic", {"name": "alerts", "tags": {"Owner": "us"}})
        account.store.drift("it", "tags.Owner", "them")
        account.store.drift("it", "displayName", "Alerts")
        _, live, now = account.sim.read(urn("sns.Topic"), ident, inputs, outputs, PEER)
        assert live["tags"] == {"Owner": "them"}
        assert live["displayName"] == "Alerts"
        assert now["displayName"] == "Alerts"
        found = account.sim.diff(urn("sns.Topic"), ident, live, inputs, [], PEER)
        assert set(found.changes) == {"tags.Owner", "displayName"}

    def test_a_deleted_resource_is_gone(self, account: Account) -> None:
        ident, inputs, outputs = account.create("sns.Topic", {"name": "alerts"})
        account.store.delete(urn("sns.Topic"), ident)
        assert account.sim.read(urn("sns.Topic"), ident, inputs, outputs, PEER)[0] == ""

    def test_an_import_finds_a_resource_by_id_or_arn(self, account: Account) -> None:
        ident, inputs, outputs = account.create("kms.Key", {"description": "main"})
        for identity in (ident, outputs["arn"]):
            found, live, _ = account.sim.read(urn("kms.Key", "imported"), identity, {}, {}, PEER)
            assert found == ident
            assert live["description"] == inputs["description"]

    def test_something_older_than_the_simulation_is_taken_to_exist(self, account: Account) -> None:
        ident, _, outputs = account.sim.read(urn("route53.Zone", "old"), "Z0123456", {}, {}, PEER)
        assert ident == "Z0123456"
        assert outputs["zoneId"] == "Z0123456"
        assert outputs["arn"] == "arn:aws:route53:::hostedzone/Z0123456"
        assert account.sim.diff(urn("route53.Zone", "old"), ident, {}, {"name": "example.com"}, [], PEER).changes == {}
        assert any("taken to exist" in message for _, message in account.notes)


class TestRefusals:
    @pytest.mark.parametrize(
        ("short", "change", "words"),
        [
            ("rds.Instance", {"deletionProtection": True}, "Cannot delete protected DB Instance"),
            ("lb.LoadBalancer", {"enableDeletionProtection": True}, "deletion protection is enabled"),
            ("dynamodb.Table", {"deletionProtectionEnabled": True}, "protected against deletion"),
            ("networkfirewall.Firewall", {"deleteProtection": True}, "delete protection"),
        ],
    )
    def test_protected(self, account: Account, short: str, change: dict[str, Any], words: str) -> None:
        ident, inputs, outputs = account.create(short, BASE[short] | change)
        with pytest.raises(AwsError, match=words):
            account.sim.delete(urn(short), ident)
        cleared = inputs | dict.fromkeys(change, False)
        account.sim.update(urn(short), ident, cleared, outputs, PEER, preview=False)
        account.sim.delete(urn(short), ident)
        assert len(account.store) == 0

    def test_a_final_snapshot(self, account: Account) -> None:
        ident, _, _ = account.create("rds.Instance", BASE["rds.Instance"])
        account.store.drift("it", "finalSnapshotIdentifier", None)
        with pytest.raises(AwsError, match="FinalDBSnapshotIdentifier is required"):
            account.sim.delete(urn("rds.Instance"), ident)

    def test_a_full_bucket_and_a_used_zone(self, account: Account) -> None:
        bucket, _, _ = account.create("s3.Bucket", BASE["s3.Bucket"])
        account.create("s3.BucketObjectv2", {"bucket": bucket, "key": "a", "content": "x"})
        with pytest.raises(AwsError, match="BucketNotEmpty"):
            account.sim.delete(urn("s3.Bucket"), bucket)
        zone, _, _ = account.create("route53.Zone", BASE["route53.Zone"])
        account.create("route53.Record", BASE["route53.Record"] | {"zoneId": zone})
        with pytest.raises(AwsError, match="HostedZoneNotEmpty"):
            account.sim.delete(urn("route53.Zone"), zone)

    def test_a_taken_name(self, account: Account) -> None:
        account.create("iam.Role", {"name": "app", "assumeRolePolicy": TRUST}, name="one")
        account.sim.begin()
        with pytest.raises(AwsError, match="EntityAlreadyExists: app exists already"):
            account.create("iam.Role", {"name": "app", "assumeRolePolicy": TRUST}, name="two")

    def test_deleting_twice_is_no_error(self, account: Account) -> None:
        account.sim.delete(urn("ec2.Vpc"), "vpc-0")


def test_random_passwords_are_known_at_preview_and_the_same_at_up(account: Account) -> None:
    where = urn("random:index/randomPassword:RandomPassword", "pw")
    inputs = account.sim.check(where, {"length": 20}, {}, PEER).inputs
    before = account.sim.create(where, inputs, PEER, preview=True)[1]
    ident, after = account.sim.create(where, inputs, PEER, preview=False)
    assert before["result"] == after["result"]
    assert isinstance(after["result"], Secret)
    assert account.sim.read(where, ident, inputs, after, PEER) == (ident, inputs, after)


def test_a_value_that_was_unknown_at_preview_is_said_to_have_been(account: Account) -> None:
    where = urn("lb.LoadBalancer")
    account.sim.check(where, {"name": "web", "subnets": [UNKNOWN, UNKNOWN]}, {}, PEER)
    assert any("unknown until `up`" in message for _, message in account.notes)
    ids = [
        account.create("ec2.Subnet", BASE["ec2.Subnet"] | {"cidrBlock": f"10.0.{index}.0/24"}, name=f"s{index}")[0] for index in range(2)
    ]
    failures = account.sim.check(where, {"name": "web", "subnets": ids}, {}, PEER).failures
    assert [one.rule for one in failures] == ["lb-two-zones"]
    assert "unknown at preview" in failures[0].reason


def test_functions_see_what_exists(account: Account) -> None:
    vpc, _, _ = account.create("ec2.Vpc", {"cidrBlock": "10.0.0.0/16"})
    account.create("ec2.Subnet", BASE["ec2.Subnet"] | {"vpcId": vpc})
    account.restart()
    assert account.sim.invoke("aws:ec2/getVpc:getVpc", {"id": vpc}, PEER)["cidrBlock"] == "10.0.0.0/16"
    found = account.sim.invoke("aws:ec2/getSubnets:getSubnets", {"filters": [{"name": "vpc-id", "values": [vpc]}]}, PEER)
    assert len(found["ids"]) == 1
    assert not has_unknown(reveal(found))
