"""What brings data back: by ARN, by tag, by wildcard, by a mechanism of its own, or by nothing."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from infra.components.backup import Backup
from infra.components.notify import Notify
from infra.components.storage import PrivateBucket
from infra.settings import data
from nautilus.inventory.backups import Verdict, calendar, coverage
from nautilus.inventory.loaders import from_mocks
from nautilus.inventory.records import Inventory
from nautilus.sandbox.simulation.mocks import Recording, synth
from tests.components.data import context

P = "urn:pulumi:test::p::"
DB, VOLUME, FILES, TABLE = (
    "aws:rds/instance:Instance",
    "aws:ebs/volume:Volume",
    "aws:efs/fileSystem:FileSystem",
    "aws:dynamodb/table:Table",
)
PLAN, SELECTION, BUCKET = "aws:backup/plan:Plan", "aws:backup/selection:Selection", "aws:s3/bucket:Bucket"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
RULES = [{"ruleName": "daily", "schedule": "cron(0 2 * * ? *)", "lifecycle": {"deleteAfter": 30}}]


def one(kind: str, name: str, inputs: Any = None, depends: dict[str, list[str]] | None = None, **outputs: Any) -> dict[str, Any]:
    return {
        "urn": f"{P}{kind}::{name}",
        "type": kind,
        "name": name,
        "inputs": inputs or {},
        "outputs": outputs,
        "propertyDependencies": depends or {},
    }


def selection(inputs: dict[str, Any], resources: list[str] | None = None, plan: bool = True) -> dict[str, Any]:
    depends = {"resources": resources or []} | ({"planId": [f"{P}{PLAN}::plan"]} if plan else {})
    return one(SELECTION, "selection", {"planId": "[unknown]"} | inputs, depends)


def judged(*resources: dict[str, Any], rules: Any = RULES) -> dict[str, tuple[Verdict, str]]:
    inventory = from_mocks([one(PLAN, "plan", {"rules": rules}), *resources])
    return {row.resource: (row.verdict, row.how) for row in coverage(inventory)}


def verdict(*resources: dict[str, Any], rules: Any = RULES) -> Verdict:
    [(found, _)] = judged(*resources, rules=rules).values()
    return found


ARN = "arn:aws:ec2:us-east-1:123456789012:volume/vol-0123456789abcdef0"


@pytest.mark.parametrize(
    ("inputs", "resources", "taken"),
    [
        ({"resources": ["[unknown]"]}, [f"{P}{VOLUME}::volume"], True),
        ({"resources": ["[unknown]"]}, [f"{P}{VOLUME}::another"], False),
        ({"resources": [ARN]}, [], True),
        ({"resources": ["arn:aws:ec2:us-east-1:123456789012:volume/vol-another"]}, [f"{P}{VOLUME}::volume"], False),
        ({"resources": ["arn:aws:ec2:*:*:volume/*"]}, [], True),
        ({"resources": ["arn:aws:rds:*:*:db:*"]}, [], False),
        ({"resources": ["*"]}, [], True),
        ({"resources": ["*"], "notResources": ["arn:aws:ec2:*"]}, [], False),
        ({"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}]}, [], True),
        ({"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "no"}]}, [], False),
        ({"resources": ["*"], "conditions": {"stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "yes"}]}}, [], True),
        ({"resources": ["*"], "conditions": {"stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "no"}]}}, [], False),
    ],
)
def test_a_selection_takes_what_it_names(inputs: dict[str, Any], resources: list[str], taken: bool) -> None:
    volume = one(VOLUME, "volume", {"tags": {"Backup": "yes"}}, arn=ARN)
    assert verdict(volume, selection(inputs, resources)) is (Verdict.PLANNED if taken else Verdict.UNCOVERED)


def test_an_arn_that_is_not_known_yet_is_named_by_its_kind() -> None:
    volume = one(VOLUME, "volume")
    assert verdict(volume, selection({"resources": ["arn:aws:ec2:*:*:volume/*"]})) is Verdict.PLANNED
    assert verdict(volume, selection({"resources": [ARN]})) is Verdict.UNCOVERED


def test_a_selection_without_a_plan_or_a_plan_without_rules_saves_nothing() -> None:
    volume = one(VOLUME, "volume", arn=ARN)
    assert verdict(volume, selection({"resources": ["*"]}, plan=False)) is Verdict.UNCOVERED
    assert verdict(volume, selection({"resources": ["*"]}), rules=[]) is Verdict.UNCOVERED


def test_what_is_not_in_a_plan_says_why() -> None:
    rows = judged(
        one(VOLUME, "etcd", {"tags": {"BackupExempt": "a stale Raft member must not return"}}),
        one(DB, "replica", {"replicateSourceDb": "db"}),
        one(TABLE, "forgotten"),
    )
    assert rows == {
        "etcd": (Verdict.EXEMPT, "a stale Raft member must not return"),
        "replica": (Verdict.DERIVED, "a replica: its source is what is backed up"),
        "forgotten": (Verdict.UNCOVERED, "AWS Backup could take it (DynamoDB), and no plan does"),
    }


def test_a_mechanism_must_be_on() -> None:
    assert verdict(one(CACHE, "cache", {"snapshotRetentionLimit": 7})) is Verdict.OWN
    assert judged(one(CACHE, "cache", {"snapshotRetentionLimit": 0})) == {
        "cache": (Verdict.UNCOVERED, "its own daily snapshots: they are off")
    }
    assert verdict(one(CACHE, "cache", {"tags": {"BackupExempt": "holds nothing that is not in the database"}})) is Verdict.EXEMPT
    assert verdict(one("aws:secretsmanager/secret:Secret", "secret")) is Verdict.OWN


def test_a_bucket_that_keeps_its_versions() -> None:
    bucket = one(BUCKET, "bucket", {"bucket": "archive"})
    versions = one("aws:s3/bucketVersioning:BucketVersioning", "v", {"bucket": "archive", "versioningConfiguration": {"status": "Enabled"}})
    lock = one("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "l", {}, {"bucket": [bucket["urn"]]})
    assert judged(bucket, versions, lock) == {"bucket": (Verdict.OWN, "S3 keeps its versions, under object lock")}
    assert judged(bucket, versions)["bucket"][1] == "S3 keeps its versions"
    off = one("aws:s3/bucketVersioning:BucketVersioning", "v", {"bucket": "archive", "versioningConfiguration": {"status": "Suspended"}})
    assert verdict(bucket, off, lock) is Verdict.UNCOVERED


# --- the program's own components ------------------------------------------------------------------------------------------------

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
AWAY = "arn:aws:kms:us-west-2:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"


def house(*, forget: bool = False, emails: tuple[str, ...] = ("oncall@example.com",)) -> Recording[Backup]:
    def build() -> Backup:
        ctx = context()
        notify = Notify("notify", ctx, key_arn=KEY, emails=emails)
        PrivateBucket("archive", ctx, bucket_name="nautilus-prod-archive", key_arn=KEY, log_bucket=None, object_lock_days=30)
        volume = aws.ebs.Volume("volume", availability_zone="us-east-1a", size=10, encrypted=True)
        aws.ebs.Volume(
            "etcd", availability_zone="us-east-1a", size=10, encrypted=True, tags={"BackupExempt": "a stale Raft member must not return"}
        )
        tagged = {"BackupCalendar": "nautilus-prod"}
        aws.efs.FileSystem("files", encrypted=True, tags=tagged)
        arns: dict[str, pulumi.Input[str]] = {"postgres": "arn:aws:rds:us-east-1:123456789012:db:nautilus-prod-postgres"}
        return Backup(
            "backup",
            ctx,
            settings=data.Backup(),
            key_arn=KEY,
            dr_key_arn=AWAY,
            resource_arns=arns if forget else arns | {"volume": volume.arn},
            continuous=("postgres",),
            topic_arn=notify.critical_arn,
            report_topic_arn=notify.warning_arn,
        )

    return synth(build)


def planned(recording: Recording[Backup]) -> Inventory:
    return from_mocks(
        {
            "type": item.type,
            "name": item.name,
            "urn": item.urn,
            "inputs": item.inputs,
            "outputs": item.outputs,
            "custom": item.custom,
            "parent": item.parent,
            "dependencies": list(item.dependencies),
            "propertyDependencies": {key: list(urns) for key, urns in item.property_dependencies.items()},
        }
        for item in recording.resources
    )


def test_the_programs_backups_take_what_they_are_told() -> None:
    rows = {row.resource.rpartition("/")[2]: row for row in coverage(planned(house()))}
    assert {name: row.verdict for name, row in rows.items()} == {
        "archive": Verdict.OWN,
        "etcd": Verdict.EXEMPT,
        "files": Verdict.PLANNED,
        "volume": Verdict.PLANNED,
    }
    assert rows["volume"].how == "daily, four-hourly, monthly, weekly"
    forgotten = {row.resource.rpartition("/")[2]: row.verdict for row in coverage(planned(house(forget=True)))}
    assert forgotten["volume"] is Verdict.UNCOVERED


def test_the_programs_calendar() -> None:
    rules = {rule.name: rule for rule in calendar(planned(house()))}
    assert {name: (rule.keep_days, rule.copies, rule.continuous) for name, rule in rules.items()} == {
        "daily": (30, 1, False),
        "weekly": (84, 1, False),
        "monthly": (366, 1, False),
        "four-hourly": (7, 1, False),
        "continuous": (35, 0, True),
    }
    assert {rule.lock for rule in rules.values()} == {(7, 366)}
    assert len(rules["daily"].takes) == 2


def test_a_vault_whose_name_is_not_known_yet_is_found_by_what_the_plan_uses() -> None:
    inventory = planned(house())
    hidden = [
        {
            "type": item.type,
            "name": item.name,
            "urn": item.urn,
            "inputs": dict(item.inputs)
            | ({"rules": [dict(rule, targetVaultName="[unknown]") for rule in item.inputs["rules"]]} if item.type == PLAN else {}),
            "outputs": item.outputs,
            "custom": item.custom,
            "parent": item.parent,
            "propertyDependencies": {key: list(urns) for key, urns in item.property_dependencies.items()},
        }
        for item in inventory
    ]
    found = calendar(from_mocks(hidden))
    assert {(rule.vault.rpartition("/")[2], rule.lock) for rule in found} == {("backup-vault", (7, 366))}


def _reached(recording: Recording[Backup], topic: str) -> set[str]:
    """Addresses that a topic, by ARN, sends e-mail to."""
    subscriptions = recording.by_type("aws:sns/topicSubscription:TopicSubscription")
    return {one.inputs["endpoint"] for one in subscriptions if one.inputs["topic"] == topic and one.inputs["protocol"] == "email"}


def _admits(recording: Recording[Backup], topic: str, service: str) -> bool:
    import json

    for policy in recording.by_type("aws:sns/topicPolicy:TopicPolicy"):
        if policy.inputs["arn"] == topic:
            for statement in json.loads(policy.inputs["policy"])["Statement"]:
                principals = statement["Principal"] if isinstance(statement["Principal"], dict) else {}
                services = principals.get("Service", [])
                if statement["Effect"] == "Allow" and service in ([services] if isinstance(services, str) else services):
                    return True
    return False


def _heard_by(recording: Recording[Backup]) -> dict[str, set[str]]:
    """From a vault's failures to the people who read of them, along every link that the plan has."""
    found: dict[str, set[str]] = {}
    for one in recording.by_type("aws:backup/vaultNotifications:VaultNotifications"):
        topic = one.inputs["snsTopicArn"]
        found["vault"] = _reached(recording, topic) if _admits(recording, topic, "backup.amazonaws.com") else set()
    targets = recording.by_type("aws:cloudwatch/eventTarget:EventTarget")
    topics = {one.inputs["rule"]: one.inputs["arn"] for one in targets if not str(one.inputs["arn"]).startswith("arn:aws:events")}
    home = recording.one("aws:cloudwatch/eventRule:EventRule", "backup-failed").outputs["name"]
    found["home"] = _reached(recording, topics[home]) if _admits(recording, topics[home], "events.amazonaws.com") else set()
    forward = recording.one("aws:cloudwatch/eventTarget:EventTarget", "backup-dr-failed").inputs
    same = recording.one("aws:cloudwatch/eventRule:EventRule", "backup-dr-failed").inputs["eventPattern"]
    fits = same == recording.one("aws:cloudwatch/eventRule:EventRule", "backup-failed").inputs["eventPattern"]
    found["away"] = found["home"] if fits and forward["arn"] == "arn:aws:events:us-east-1:123456789012:event-bus/default" else set()
    return found


def test_a_failure_in_either_region_reaches_a_person() -> None:
    reader = {"oncall@example.com"}
    assert _heard_by(house()) == {"vault": reader, "home": reader, "away": reader}
    assert _heard_by(house(emails=())) == {"vault": set(), "home": set(), "away": set()}
