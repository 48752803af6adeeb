"""Rules about several resources: known ones by id, unknown ones by the dependencies that the engine or the language host names."""

from __future__ import annotations

import json

import pytest

from nautilus.sandbox.simulation.context import Run
from nautilus.sandbox.simulation.values import UNKNOWN, Secret
from tests.simulation.rule_cases import BACKUP_RULE, BASE, CERT, GONE, changed
from tests.simulation.support import check, exists, findings, token, urn


def subnets(run: Run, *zones: str) -> list[str]:
    return [
        exists(run, "ec2.Subnet", {"vpcId": "vpc-0", "cidrBlock": f"10.0.{index}.0/24", "availabilityZone": zone}, name=f"s{index}").id
        for index, zone in enumerate(zones)
    ]


@pytest.mark.parametrize(
    ("short", "prop", "rule"), [("lb.LoadBalancer", "subnets", "lb-two-zones"), ("rds.SubnetGroup", "subnetIds", "rds-two-zones")]
)
class TestTwoZones:
    def test_known_subnets_of_one_zone_are_refused(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        ids = subnets(run, "us-east-1a", "us-east-1a")
        assert (rule, prop) in findings(short, {prop: ids}, run=run)

    def test_known_subnets_of_two_zones_pass(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        ids = subnets(run, "us-east-1a", "us-east-1b")
        assert findings(short, {prop: ids}, run=run) == set()

    def test_unknown_subnets_are_found_through_their_dependencies(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1a", "us-east-1b")
        told = {prop: [urn("ec2.Subnet", "s0"), urn("ec2.Subnet", "s1")]}
        run.note_dependencies(token(short), "it", told)
        assert (rule, prop) in findings(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True)

    def test_unknown_subnets_of_two_zones_pass(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1b")
        run.note_dependencies(token(short), "it", {prop: [urn("ec2.Subnet", "s0"), urn("ec2.Subnet", "s1")]})
        assert findings(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True) == set()

    def test_one_unknown_subnet_named_twice_is_refused(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1b")
        run.note_dependencies(token(short), "it", {prop: [urn("ec2.Subnet", "s0")]})
        assert (rule, prop) in findings(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True)

    def test_a_dependency_on_something_else_waits_for_up(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1b")
        exists(run, "ec2.Vpc", {"cidrBlock": "10.0.0.0/16"}, name="vpc")
        run.note_dependencies(token(short), "it", {prop: [urn("ec2.Subnet", "s0"), urn("ec2.Vpc", "vpc")]})
        assert findings(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True) == set()

    def test_without_dependencies_one_zone_everywhere_is_refused(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1a")
        assert (rule, prop) in findings(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True)

    def test_without_dependencies_the_rest_waits_for_up(self, short: str, prop: str, rule: str) -> None:
        run = Run()
        subnets(run, "us-east-1a", "us-east-1b")
        result = check(short, {prop: [UNKNOWN, UNKNOWN]}, run=run, preview=True)
        assert result.failures == []
        assert prop in result.unchecked


def test_two_subnets_in_one_zone_beside_another_are_refused() -> None:
    run = Run()
    ids = subnets(run, "us-east-1a", "us-east-1b", "us-east-1b")
    assert ("lb-two-zones", "subnets") in findings("lb.LoadBalancer", {"subnets": ids}, run=run)


def test_a_generator_that_may_draw_refused_characters() -> None:
    run = Run()
    check("random:index/randomPassword:RandomPassword", {"length": 20}, name="pw", run=run)
    run.note_dependencies(token("rds.Instance"), "it", {"password": [urn("random:index/randomPassword:RandomPassword", "pw")]})
    assert ("rds-password", "password") in findings("rds.Instance", changed("rds.Instance", {"password": UNKNOWN}), run=run, preview=True)
    run.note_dependencies(
        token("elasticache.ReplicationGroup"), "it", {"authToken": [urn("random:index/randomPassword:RandomPassword", "pw")]}
    )
    assert ("elasticache-auth", "authToken") in findings(
        "elasticache.ReplicationGroup", changed("elasticache.ReplicationGroup", {"authToken": UNKNOWN}), run=run, preview=True
    )


def test_a_generator_of_accepted_characters_passes() -> None:
    run = Run()
    check("random:index/randomPassword:RandomPassword", {"length": 20, "overrideSpecial": "!#"}, name="pw", run=run)
    run.note_dependencies(token("rds.Instance"), "it", {"password": [urn("random:index/randomPassword:RandomPassword", "pw")]})
    assert findings("rds.Instance", changed("rds.Instance", {"password": UNKNOWN}), run=run, preview=True) == set()


def test_names_collide() -> None:
    run = Run()
    assert findings("iam.Role", BASE["iam.Role"] | {"name": "app"}, name="one", run=run) == set()
    result = check("iam.Role", BASE["iam.Role"] | {"name": "app"}, name="two", run=run)
    assert [(one.rule, one.path) for one in result.failures] == [("unique-name", "name")]
    assert "one" in result.failures[0].reason
    assert "EntityAlreadyExists" in result.failures[0].reason


def test_a_name_checked_again_and_a_name_given_up_do_not_collide() -> None:
    run = Run()
    for name in ("app", "app", "other"):
        assert findings("iam.Role", BASE["iam.Role"] | {"name": name}, name="one", run=run) == set()
    assert findings("iam.Role", BASE["iam.Role"] | {"name": "app"}, name="two", run=run) == set()


def test_names_in_two_regions_do_not_collide() -> None:
    run = Run()
    assert findings("sns.Topic", {"name": "alerts"}, name="one", run=run) == set()
    assert findings("sns.Topic", {"name": "alerts", "region": "eu-west-1"}, name="two", run=run) == set()


def test_a_subnet_outside_its_vpc_or_over_another() -> None:
    run = Run()
    vpc = exists(run, "ec2.Vpc", {"cidrBlock": "10.0.0.0/16"}).id
    assert ("subnet-in-vpc", "cidrBlock") in findings("ec2.Subnet", {"vpcId": vpc, "cidrBlock": "10.1.0.0/24"}, run=run)
    exists(run, "ec2.Subnet", {"vpcId": vpc, "cidrBlock": "10.0.0.0/24"}, name="first")
    assert ("subnet-in-vpc", "cidrBlock") in findings("ec2.Subnet", {"vpcId": vpc, "cidrBlock": "10.0.0.128/25"}, name="second", run=run)
    assert findings("ec2.Subnet", {"vpcId": vpc, "cidrBlock": "10.0.1.0/24"}, name="third", run=run) == set()


def test_a_replica_needs_backups_at_its_source() -> None:
    run = Run()
    source = exists(run, "rds.Instance", BASE["rds.Instance"] | {"backupRetentionPeriod": 0}, name="source")
    replica = {
        "identifier": "replica",
        "instanceClass": "db.r7g.large",
        "replicateSourceDb": source.outputs["arn"],
        "skipFinalSnapshot": True,
    }
    assert ("rds-replica-source", "replicateSourceDb") in findings("rds.Instance", replica, name="replica", run=run)


def test_a_parameter_group_of_another_version() -> None:
    run = Run()
    exists(run, "rds.ParameterGroup", {"name": "pg16", "family": "postgres16"}, name="pg")
    assert ("rds-family", "parameterGroupName") in findings(
        "rds.Instance", changed("rds.Instance", {"parameterGroupName": "pg16"}), run=run
    )


def test_priorities_of_one_listener_are_unique() -> None:
    run = Run()
    assert findings("lb.ListenerRule", BASE["lb.ListenerRule"], name="one", run=run) == set()
    assert ("lb-rule-priority-unique", "priority") in findings("lb.ListenerRule", BASE["lb.ListenerRule"], name="two", run=run)
    other = BASE["lb.ListenerRule"] | {"listenerArn": BASE["lb.ListenerRule"]["listenerArn"][:-1] + "1"}
    assert findings("lb.ListenerRule", other, name="three", run=run) == set()


def test_an_alias_belongs_to_one_distribution() -> None:
    run = Run()
    assert findings("cloudfront.Distribution", BASE["cloudfront.Distribution"], name="one", run=run) == set()
    assert ("cloudfront-alias-unique", "aliases[0]") in findings(
        "cloudfront.Distribution", BASE["cloudfront.Distribution"], name="two", run=run
    )


def test_an_unknown_certificate_of_another_region() -> None:
    run = Run()
    exists(run, "acm.Certificate", BASE["acm.Certificate"] | {"region": "eu-west-1"}, name="cert")
    viewer = {"acmCertificateArn": UNKNOWN, "sslSupportMethod": "sni-only"}
    path = "viewerCertificate.acmCertificateArn"
    assert ("cloudfront-certificate", path) in findings(
        "cloudfront.Distribution", changed("cloudfront.Distribution", {"viewerCertificate": viewer}), run=run, preview=True
    )
    exists(run, "acm.Certificate", BASE["acm.Certificate"], name="edge")
    result = check("cloudfront.Distribution", changed("cloudfront.Distribution", {"viewerCertificate": viewer}), run=run, preview=True)
    assert result.failures == []
    assert path in result.unchecked
    assert CERT


def test_retention_outside_the_vaults_lock() -> None:
    run = Run()
    exists(run, "backup.VaultLockConfiguration", BASE["backup.VaultLockConfiguration"], name="lock")
    rules = [BACKUP_RULE | {"lifecycle": {"deleteAfter": 500}}]
    assert ("backup-lock-retention", "rules[0].lifecycle.deleteAfter") in findings("backup.Plan", {"rules": rules}, run=run)


def test_load_balancer_logs_to_a_kms_bucket() -> None:
    run = Run()
    bucket = exists(run, "s3.Bucket", {"bucket": "lb-logs"}).id
    encryption = {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]}
    exists(run, "s3.BucketServerSideEncryptionConfiguration", encryption)
    logs = {"accessLogs": {"bucket": bucket, "enabled": True}}
    assert ("s3-lb-log-bucket", "accessLogs.bucket") in findings("lb.LoadBalancer", BASE["lb.LoadBalancer"] | logs, run=run)


def test_a_cname_at_the_apex() -> None:
    run = Run()
    zone = exists(run, "route53.Zone", {"name": "example.com"}).id
    record = {"zoneId": zone, "name": "example.com", "type": "CNAME", "ttl": 60, "records": ["x.example.net"]}
    assert ("route53-record", "type") in findings("route53.Record", record, run=run)


def test_a_container_of_an_unknown_image_waits() -> None:
    task = changed("ecs.TaskDefinition", {"containerDefinitions": UNKNOWN})
    result = check("ecs.TaskDefinition", task, preview=True)
    assert result.failures == []
    assert "containerDefinitions" in result.unchecked


def test_a_secret_password_is_compared_but_not_shown() -> None:
    result = check("rds.Instance", changed("rds.Instance", {"password": Secret("abc/defgh123")}))
    assert "contains /" in result.failures[0].reason
    assert json.dumps(result.failures[0].reason).count("abc/") == 0


def test_a_subnet_has_one_network_acl() -> None:
    run = Run()
    exists(run, "ec2.NetworkAcl", {"vpcId": "vpc-0", "subnetIds": ["subnet-1", "subnet-2"]}, name="app")
    assert ("network-acl-subnets", "subnetIds") in findings(
        "ec2.NetworkAcl", changed("ec2.NetworkAcl", {"subnetIds": ["subnet-0", "subnet-2"]}), run=run
    )
    assert findings("ec2.NetworkAcl", changed("ec2.NetworkAcl", {"subnetIds": ["subnet-0", "subnet-3"]}), run=run) == set()


def test_an_acl_has_inline_rules_or_standalone_ones() -> None:
    run = Run()
    inline = exists(run, "ec2.NetworkAcl", {"vpcId": "vpc-0", "ingress": BASE["ec2.NetworkAcl"]["ingress"]}, name="inline")
    bare = exists(run, "ec2.NetworkAcl", {"vpcId": "vpc-0"}, name="bare")
    assert ("network-acl-mixed", "networkAclId") in findings(
        "ec2.NetworkAclRule", changed("ec2.NetworkAclRule", {"networkAclId": inline.id}), run=run
    )
    assert findings("ec2.NetworkAclRule", changed("ec2.NetworkAclRule", {"networkAclId": bare.id}), run=run) == set()
    run.note_dependencies(token("ec2.NetworkAclRule"), "it", {"networkAclId": [urn("ec2.NetworkAcl", "inline")]})
    assert ("network-acl-mixed", "networkAclId") in findings(
        "ec2.NetworkAclRule", changed("ec2.NetworkAclRule", {"networkAclId": UNKNOWN}), run=run, preview=True
    )


def test_priorities_are_unique_in_a_dns_firewall() -> None:
    run = Run()
    exists(run, "route53.ResolverFirewallRule", BASE["route53.ResolverFirewallRule"], name="first")
    assert ("resolver-rule-priority", "priority") in findings(
        "route53.ResolverFirewallRule", changed("route53.ResolverFirewallRule", {}), run=run
    )
    assert findings("route53.ResolverFirewallRule", changed("route53.ResolverFirewallRule", {"priority": 101}), run=run) == set()
    assert (
        findings("route53.ResolverFirewallRule", changed("route53.ResolverFirewallRule", {"firewallRuleGroupId": "rslvr-frg-1"}), run=run)
        == set()
    )


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ({"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "ECC_NIST_P256"}, False),
        ({"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "ECC_NIST_P384"}, True),
        ({}, True),
    ],
)
def test_a_zone_is_signed_by_a_key_of_one_kind(key: dict[str, str], wrong: bool) -> None:
    run = Run()
    arn = exists(run, "kms.Key", changed("kms.Key", {**key, "enableKeyRotation": False})).outputs["arn"]
    found = findings("route53.KeySigningKey", changed("route53.KeySigningKey", {"keyManagementServiceArn": arn}), run=run)
    assert found == ({("route53-signing-key", "keyManagementServiceArn")} if wrong else set())


def cache_user(run: Run, name: str, **changes: object) -> None:
    exists(run, "elasticache.User", changed("elasticache.User", {"userId": name, "userName": name, **changes}), name=name)


def grouped(run: Run, engine: str, *ids: str) -> set[tuple[str, str]]:
    return findings("elasticache.UserGroup", changed("elasticache.UserGroup", {"engine": engine, "userIds": list(ids)}), run=run)


def test_a_redis_group_needs_a_default_user_and_a_valkey_group_one_who_authenticates() -> None:
    run = Run()
    cache_user(run, "backend", engine="redis")
    cache_user(run, "modern")
    cache_user(run, "quiet", engine="redis", userName="default", passwords=GONE, noPasswordRequired=True)
    refused = ("elasticache-default-user", "userIds")
    assert refused in grouped(run, "redis", "backend")
    assert refused not in grouped(run, "redis", "backend", "quiet")
    assert refused in grouped(run, "redis", "modern", "quiet"), "a Valkey user in a Redis group"
    assert refused not in grouped(run, "valkey", "backend", "modern")
    assert refused in grouped(run, "valkey", "modern", "quiet"), "nobody signs in to a Valkey group without a password"


def test_a_redis_cluster_takes_no_valkey_group() -> None:
    run = Run()
    cache_user(run, "modern")
    exists(run, "elasticache.UserGroup", changed("elasticache.UserGroup", {"userGroupId": "people", "userIds": ["modern"]}), name="people")
    shared = {"authToken": GONE, "userGroupIds": ["people"]}
    refused = ("elasticache-users", "userGroupIds")
    valkey, old = (changed("elasticache.ReplicationGroup", shared | {"engine": engine}) for engine in ("valkey", "redis"))
    assert refused not in findings("elasticache.ReplicationGroup", valkey, run=run)
    assert refused in findings("elasticache.ReplicationGroup", old, run=run)


def test_a_datastore_of_a_single_node_or_of_burstable_ones_is_refused() -> None:
    for change in ({"numCacheClusters": 1, "automaticFailoverEnabled": False, "multiAzEnabled": False}, {"nodeType": "cache.t4g.medium"}):
        run = Run()
        exists(run, "elasticache.ReplicationGroup", changed("elasticache.ReplicationGroup", change), name="main")
        found = findings("elasticache.GlobalReplicationGroup", BASE["elasticache.GlobalReplicationGroup"], run=run)
        assert ("elasticache-datastore", "primaryReplicationGroupId") in found
