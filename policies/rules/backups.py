"""Rules about backups: what is saved, how long, where, and who hears when it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from policies.checks import partnered
from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.schedules import DAY, WEEK, clock, starts, window
from policies.tokens import DB_CLUSTER, DB_INSTANCE
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, has_unknown, items

VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
NOTIFICATIONS = "aws:backup/vaultNotifications:VaultNotifications"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
VOLUME = "aws:ebs/volume:Volume"
FILES = "aws:efs/fileSystem:FileSystem"
TABLE = "aws:dynamodb/table:Table"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
EXEMPT_TAG = "BackupExempt"
"""A resource with this tag stays out of every plan on purpose; its value, of ten characters or more, says why."""
SHORTEST_REASON = 10

STATEFUL: Mapping[str, str] = {
    DB_INSTANCE: "arn:aws:rds:x:x:db:x",
    DB_CLUSTER: "arn:aws:rds:x:x:cluster:x",
    VOLUME: "arn:aws:ec2:x:x:volume/x",
    FILES: "arn:aws:elasticfilesystem:x:x:file-system/x",
    TABLE: "arn:aws:dynamodb:x:x:table/x",
    "aws:docdb/cluster:Cluster": "arn:aws:rds:x:x:cluster:x",
    "aws:neptune/cluster:Cluster": "arn:aws:rds:x:x:cluster:x",
    "aws:redshift/cluster:Cluster": "arn:aws:redshift:x:x:cluster:x",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "arn:aws:fsx:x:x:file-system/x",
    "aws:fsx/ontapFileSystem:OntapFileSystem": "arn:aws:fsx:x:x:file-system/x",
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": "arn:aws:fsx:x:x:file-system/x",
    "aws:fsx/windowsFileSystem:WindowsFileSystem": "arn:aws:fsx:x:x:file-system/x",
    "aws:timestreamwrite/table:Table": "arn:aws:timestream:x:x:database/x/table/x",
}
"""What AWS Backup takes and what must be in a plan, with the form of its ARNs. Buckets are S3-04's: they keep their versions."""

DAILY_DAYS = 30
"""The shortest life of a daily backup (seed 003)."""
SHORTEST_DAYS = 7
COLD_DAYS = 90


def _vault(**props: Value) -> Given:
    return Given(VAULT, "vault", {"name": "main", **props})


def _own_key(resource: Resource) -> Iterator[Problem]:
    if resource.get("kmsKeyArn") is ABSENT:
        yield violation(
            resource, "kmsKeyArn", "the vault is encrypted with AWS's own key, which nobody can close and no copy elsewhere can use"
        )
    elif resource.get("kmsKeyArn") is UNKNOWN and not resource.sources("kmsKeyArn"):
        yield unresolved(resource, "kmsKeyArn")


BKP_01 = ResourceRule(
    id="BKP-01",
    severity=Severity.HIGH,
    title="Backup vaults are encrypted with a key of one's own.",
    rationale="Whoever reads a backup reads the data: it needs a key whose policy says who may.",
    remediation="Set `kms_key_arn` to the key of the data class BACKUP in the vault's region.",
    references=("FSBP Backup.1", "CKV_AWS_166"),
    types=(VAULT,),
    check=_own_key,
    examples=(
        good("a key of one's own", _vault(kmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/k")),
        bad("an empty hand", _vault()),
        unknown("nothing explains it", _vault(kmsKeyArn=UNKNOWN), expect={"vault": Kind.UNRESOLVED}),
        absent("a bare vault", Given(VAULT, "vault", {}), expect={"vault": Kind.VIOLATION}),
    ),
)


def _locked(stack: Stack) -> Iterator[Problem]:
    yield from partnered(
        stack, VAULT, LOCK, "backupVaultName", "name", "the vault has no lock: an administrator can shorten or delete what it holds"
    )


_LOCK = Given(LOCK, "lock", {"backupVaultName": UNKNOWN}, {"backupVaultName": ["vault"]})

BKP_02 = StackRule(
    id="BKP-02",
    severity=Severity.HIGH,
    title="Backup vaults are locked.",
    rationale="Without a lock, whoever takes over an administrator's account deletes the backups first.",
    remediation="Set `backup.lock` to `governance`, or to `compliance` once the retention is final.",
    references=(),
    types=(VAULT, LOCK),
    check=_locked,
    examples=(
        good("locked", _vault(), _LOCK),
        bad("open", _vault()),
        bad("another one is locked", _vault(), Given(VAULT, "other", {"name": "other"}), _LOCK, at="other"),
        unknown(
            "a lock on nobody knows what", _vault(), Given(LOCK, "lock", {"backupVaultName": UNKNOWN}), expect={"lock": Kind.UNRESOLVED}
        ),
        absent("no vault, no lock", Given(PLAN, "plan", {})),
    ),
)


def _matches(pattern: Value, resource: Resource) -> bool:
    """Whether one entry of a selection is a wildcard over this resource: its ARN, or the form of its kind's where that is unknown."""
    if not isinstance(pattern, str) or "*" not in pattern:
        return False
    arn = resource.outputs.values.get("arn")
    return fnmatchcase(arn if isinstance(arn, str) else STATEFUL[resource.type], pattern)


def _tag(resource: Resource, key: str) -> Value:
    for prop in ("tags", "tagsAll"):
        tags = resource.get(prop)
        if tags is UNKNOWN:
            return UNKNOWN
        if isinstance(tags, dict) and key in tags:
            return tags[key]
    return ABSENT


def _takes(selection: Resource, resource: Resource) -> bool | Gap:
    """Whether a selection takes a resource; UNKNOWN where that cannot be said."""
    if any(_matches(one, resource) for one in items(selection.get("notResources"))):
        return False
    if resource in selection.sources("resources", resource.type):
        return True
    if any(_matches(one, resource) for one in items(selection.get("resources"))):
        return True
    open_ends = has_unknown(selection.get("resources")) and not selection.sources("resources")
    for tag in items(selection.get("selectionTags")):
        key, value = descend(tag, "key"), descend(tag, "value")
        if not isinstance(key, str):
            open_ends = True
            continue
        own = _tag(resource, key)
        if own is UNKNOWN or value is UNKNOWN:
            open_ends = True
        elif own is not ABSENT and own == value:
            return True
    return UNKNOWN if open_ends else False


def _covered(stack: Stack) -> Iterator[Problem]:
    selections = stack.of(SELECTION)
    for resource in stack.of(*STATEFUL):
        if resource.get("replicateSourceDb") is not ABSENT:
            continue
        reason = _tag(resource, EXEMPT_TAG)
        if isinstance(reason, str) and len(reason.strip()) >= SHORTEST_REASON:
            continue
        answers = [_takes(selection, resource) for selection in selections]
        if True in answers:
            continue
        if UNKNOWN in answers or reason is UNKNOWN:
            yield unresolved(resource, "tags", "whether a backup plan takes it is not known yet")
        else:
            yield violation(resource, "tags", f"no backup plan takes it, and no tag `{EXEMPT_TAG}` says why")


def _by_arn(*names: str) -> Given:
    return Given(SELECTION, "selection", {"resources": [UNKNOWN] * len(names)}, {"resources": list(names)})


_DATABASE = Given(DB_INSTANCE, "db", {"maintenanceWindow": "sun:03:30-sun:04:00"})
_BY_TAG = Given(SELECTION, "selection", {"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}]})

BKP_03 = StackRule(
    id="BKP-03",
    severity=Severity.HIGH,
    title="What holds data is in a backup plan, or says why it is not.",
    rationale="A new database that nobody added to a plan is missed on the day when it is lost.",
    remediation=f"Add its ARN to `Backup(resource_arns=…)`, give it the selection's tag, or the tag `{EXEMPT_TAG}` with the reason.",
    references=("FSBP RDS.26", "FSBP EC2.28", "FSBP EFS.2", "FSBP DynamoDB.4"),
    types=tuple(STATEFUL),
    check=_covered,
    examples=(
        good("by ARN", _DATABASE, _by_arn("db")),
        good("by tag", Given(VOLUME, "volume", {"tags": {"Backup": "yes"}}), _BY_TAG),
        good("by wildcard", Given(VOLUME, "volume", {}), Given(SELECTION, "selection", {"resources": ["arn:aws:ec2:*:*:volume/*"]})),
        good("a replica of what is saved", _DATABASE, Given(DB_INSTANCE, "replica", {"replicateSourceDb": "db"}), _by_arn("db")),
        good("left out with a reason", Given(VOLUME, "volume", {"tags": {EXEMPT_TAG: "a stale Raft member must not return"}})),
        bad("left out with a word", Given(VOLUME, "volume", {"tags": {EXEMPT_TAG: "later"}})),
        bad("nothing takes it", Given(TABLE, "table", {}), _DATABASE, _by_arn("db"), at="table"),
        bad("another tag", Given(VOLUME, "volume", {"tags": {"Backup": "no"}}), _BY_TAG),
        bad(
            "a wildcard over another kind",
            Given(FILES, "files", {}),
            Given(SELECTION, "selection", {"resources": ["arn:aws:ec2:*:*:volume/*"]}),
        ),
        bad(
            "a wildcard that leaves it out",
            Given(TABLE, "table", {}),
            Given(SELECTION, "selection", {"resources": ["*"], "notResources": ["arn:aws:dynamodb:*"]}),
        ),
        unknown(
            "a selection of nobody knows what",
            Given(TABLE, "table", {}),
            Given(SELECTION, "selection", {"resources": UNKNOWN}),
            expect={"table": Kind.UNRESOLVED},
        ),
        unknown("unknown tags", Given(VOLUME, "volume", {"tags": UNKNOWN}), _BY_TAG, expect={"volume": Kind.UNRESOLVED}),
        absent("no plan at all", _DATABASE, expect={"db": Kind.VIOLATION}),
    ),
)


def _calendar(resource: Resource) -> Iterator[Problem]:
    rules = items(resource.get("rules"))
    if UNKNOWN in rules:
        yield unresolved(resource, "rules")
        return
    daily = False
    for index, rule in enumerate(rules):
        path = f"rules.{index}"
        keep, schedule = descend(rule, "lifecycle.deleteAfter"), descend(rule, "schedule")
        if keep is UNKNOWN or schedule is UNKNOWN:
            yield unresolved(resource, "rules", "retention or schedule is not known yet")
            return
        if isinstance(keep, (int, float)) and keep < SHORTEST_DAYS:
            yield violation(resource, path, f"a backup is deleted after {keep:g} days, before the weekly one is taken")
        if descend(rule, "enableContinuousBackup") is not True and not items(descend(rule, "copyActions")):
            yield violation(resource, path, "a snapshot is not copied to another vault")
        daily = daily or (_every_day(schedule) and (keep is ABSENT or (isinstance(keep, (int, float)) and keep >= DAILY_DAYS)))
    if not daily:
        yield violation(resource, "rules", f"no rule saves every day and keeps it for {DAILY_DAYS} days or more")


def _every_day(schedule: Value) -> bool:
    try:
        return isinstance(schedule, str) and len({minute // DAY for minute in starts(schedule)}) == 7
    except ValueError:
        return False


def _rule(**changes: Value) -> dict[str, Value]:
    base: dict[str, Value] = {
        "ruleName": "daily",
        "schedule": "cron(0 2 * * ? *)",
        "lifecycle": {"deleteAfter": 30},
        "copyActions": [{"destinationVaultArn": "arn:aws:backup:us-west-2:123456789012:backup-vault:main"}],
    }
    return base | changes


def _plan(*rules: Mapping[str, Value]) -> Given:
    return Given(PLAN, "plan", {"rules": [dict(rule) for rule in rules]})


BKP_04 = ResourceRule(
    id="BKP-04",
    severity=Severity.HIGH,
    title="A backup plan saves every day, keeps that for 30 days, and copies its snapshots elsewhere.",
    rationale="A shorter life than a fault's discovery, or a copy in the same place, is no backup.",
    remediation="Keep to the calendar of `infra/plan/backup_calendar.py`, and give every snapshot rule a copy in the second region.",
    references=("CKV2_AWS_18",),
    types=(PLAN,),
    check=_calendar,
    examples=(
        good("daily, 30 days, copied", _plan(_rule())),
        good("the log, which is never copied", _plan(_rule(enableContinuousBackup=True, lifecycle={"deleteAfter": 35}, copyActions=[]))),
        good("weekly beside daily", _plan(_rule(), _rule(schedule="cron(0 1 ? * SUN *)", lifecycle={"deleteAfter": 84}))),
        bad("kept for two weeks", _plan(_rule(lifecycle={"deleteAfter": 14}))),
        bad("weekly alone", _plan(_rule(schedule="cron(0 1 ? * SUN *)"))),
        bad("on weekdays", _plan(_rule(schedule="cron(0 1 ? * MON-FRI *)"))),
        bad("not copied", _plan(_rule(copyActions=[]))),
        bad("gone after three days", _plan(_rule(), _rule(ruleName="often", lifecycle={"deleteAfter": 3}))),
        unknown("unknown rules", Given(PLAN, "plan", {"rules": UNKNOWN}), expect={"plan": Kind.UNRESOLVED}),
        unknown("an unknown life", _plan(_rule(lifecycle={"deleteAfter": UNKNOWN})), expect={"plan": Kind.UNRESOLVED}),
        absent("without an end it is kept for ever", _plan(_rule(lifecycle={}))),
    ),
)


def _heard(stack: Stack) -> Iterator[Problem]:
    topics = stack.of(TOPIC)
    for vault in stack.of(VAULT):
        if topics and all(topic.region != vault.region for topic in topics):
            # A topic must be in the vault's region: a copy's vault is heard through events that its region forwards.
            continue
        notifications = stack.users(vault, "backupVaultName", NOTIFICATIONS)
        if not notifications:
            yield violation(vault, "name", "nobody hears of a backup that fails: the vault announces nothing")
        for one in notifications:
            told = one.sources("snsTopicArn", TOPIC)
            if not told and one.get("snsTopicArn") is UNKNOWN:
                yield unresolved(one, "snsTopicArn")
            for topic in told:
                if not stack.users(topic, "topic", SUBSCRIPTION):
                    yield violation(one, "snsTopicArn", "the vault announces to a topic that nobody has subscribed to")


_TOPIC = Given(TOPIC, "topic", {})
_TOLD = Given(
    NOTIFICATIONS, "told", {"backupVaultName": UNKNOWN, "snsTopicArn": UNKNOWN}, {"backupVaultName": ["vault"], "snsTopicArn": ["topic"]}
)
_READER = Given(SUBSCRIPTION, "reader", {"topic": UNKNOWN, "protocol": "email"}, {"topic": ["topic"]})

BKP_05 = StackRule(
    id="BKP-05",
    severity=Severity.MEDIUM,
    title="What a backup vault announces reaches somebody.",
    rationale="A backup that has failed for weeks is found on the day when it is needed.",
    remediation="Give `Backup` a topic, and `alarms.emails` an address.",
    references=(),
    types=(VAULT, NOTIFICATIONS),
    check=_heard,
    examples=(
        good("a vault, its topic, a reader", _vault(), _TOPIC, _TOLD, _READER),
        good(
            "the copies' vault in the second region",
            Given(VAULT, "away", {"region": "us-west-2"}),
            Given(TOPIC, "topic", {"region": "us-east-1"}),
        ),
        bad("silent", _vault()),
        bad("a topic that the vault does not know", _vault(region="us-east-1"), Given(TOPIC, "topic", {"region": "us-east-1"})),
        bad("nobody reads it", _vault(), _TOPIC, _TOLD, at="told"),
        unknown(
            "a topic of nobody knows where",
            _vault(),
            Given(NOTIFICATIONS, "told", {"backupVaultName": UNKNOWN, "snsTopicArn": UNKNOWN}, {"backupVaultName": ["vault"]}),
            expect={"told": Kind.UNRESOLVED},
        ),
        absent("no vault", _TOPIC),
    ),
)


def _cold(resource: Resource) -> Iterator[Problem]:
    for index, rule in enumerate(items(resource.get("rules"))):
        if rule is UNKNOWN:
            yield unresolved(resource, "rules")
            continue
        copies = [descend(copy, "lifecycle") for copy in items(descend(rule, "copyActions"))]
        for life in (descend(rule, "lifecycle"), *copies):
            cold, delete = descend(life, "coldStorageAfter"), descend(life, "deleteAfter")
            if cold is UNKNOWN or (cold is not ABSENT and delete is UNKNOWN):
                yield unresolved(resource, "rules", "cold storage or the end of its life is not known yet")
            elif isinstance(cold, (int, float)) and isinstance(delete, (int, float)) and cold > 0 and delete < cold + COLD_DAYS:
                yield violation(
                    resource,
                    f"rules.{index}.lifecycle",
                    f"a backup moves to cold storage after {cold:g} days and is deleted after {delete:g}, but AWS Backup keeps it there for {COLD_DAYS}",
                )
                break


BKP_06 = ResourceRule(
    id="BKP-06",
    severity=Severity.HIGH,
    title="What moves to cold storage stays there for 90 days.",
    rationale="AWS Backup refuses such a plan in the middle of an update, or bills 90 days for less.",
    remediation="Set `backup.coldAfterDays` to 90 less than `backup.monthlyDays`, or less.",
    references=(),
    types=(PLAN,),
    check=_cold,
    examples=(
        good("90 days after the move", _plan(_rule(lifecycle={"coldStorageAfter": 30, "deleteAfter": 120}))),
        good("never moved", _plan(_rule())),
        good("moved and kept for ever", _plan(_rule(lifecycle={"coldStorageAfter": 30}))),
        bad("a day too early", _plan(_rule(lifecycle={"coldStorageAfter": 30, "deleteAfter": 119}))),
        bad("its copy", _plan(_rule(copyActions=[{"lifecycle": {"coldStorageAfter": 30, "deleteAfter": 60}}]))),
        unknown(
            "an unknown end", _plan(_rule(lifecycle={"coldStorageAfter": 30, "deleteAfter": UNKNOWN})), expect={"plan": Kind.UNRESOLVED}
        ),
        unknown("unknown rules", Given(PLAN, "plan", {"rules": UNKNOWN}), expect={"plan": Kind.UNRESOLVED}),
        absent("no lifecycle", _plan(_rule(lifecycle={}))),
    ),
)


def _clear(stack: Stack) -> Iterator[Problem]:
    for plan in stack.of(PLAN):
        databases = {
            database.urn: database
            for selection in stack.users(plan, "planId", SELECTION)
            for database in stack.of(DB_INSTANCE)
            if _takes(selection, database) is True
        }
        for database in databases.values():
            yield from _meets(plan, database)


def _meets(plan: Resource, database: Resource) -> Iterator[Problem]:
    text = database.get("maintenanceWindow")
    if not isinstance(text, str):
        yield unresolved(
            plan, "rules", f"the maintenance window of {database.name} is not known, so no start can be shown to be clear of it"
        )
        return
    for rule in items(plan.get("rules")):
        name, schedule = descend(rule, "ruleName"), descend(rule, "schedule")
        try:
            first, length = window(text)
            minutes = sorted(starts(schedule)) if isinstance(schedule, str) else None
        except ValueError as strange:
            yield unresolved(plan, "rules", f"`{strange}` cannot be read")
            continue
        if minutes is None:
            yield unresolved(plan, "rules", "a schedule is not known yet")
            continue
        met = [minute for minute in minutes if (minute - (first - 60)) % WEEK < length + 60]
        if met:
            yield violation(
                plan,
                "rules",
                f"{name} starts {clock(met[0])}; RDS refuses backups of {database.name} from {clock(first - 60)} to {clock(first + length)}",
            )


def _of_plan(**changes: Value) -> tuple[Given, Given, Given]:
    selection = Given(SELECTION, "selection", {"planId": UNKNOWN, "resources": [UNKNOWN]}, {"planId": ["plan"], "resources": ["db"]})
    return _plan(_rule(**changes)), selection, _DATABASE


BKP_07 = StackRule(
    id="BKP-07",
    severity=Severity.HIGH,
    title="No backup of a database starts in RDS's maintenance or in the hour before.",
    rationale="AWS Backup's jobs for RDS fail there, and the week's backup is missing.",
    remediation="Move the rule's start, or the instance's maintenance window.",
    references=(),
    types=(PLAN,),
    check=_clear,
    examples=(
        good("before the hour before", *_of_plan(schedule="cron(29 2 ? * SUN *)")),
        good("as the window ends", *_of_plan(schedule="cron(0 4 ? * SUN *)")),
        good("no database in the plan", _plan(_rule(schedule="cron(0 3 ? * SUN *)")), _DATABASE),
        bad("in the window", *_of_plan(schedule="cron(45 3 ? * SUN *)")),
        bad("in the hour before", *_of_plan(schedule="cron(30 2 * * ? *)")),
        bad("on the first Sunday of the month", *_of_plan(schedule="cron(0 3 ? * 1#1 *)")),
        unknown("an unknown schedule", *_of_plan(schedule=UNKNOWN), expect={"plan": Kind.UNRESOLVED}),
        absent(
            "a window of AWS's choice",
            *_of_plan()[:2],
            Given(DB_INSTANCE, "db", {}),
            expect={"plan": Kind.UNRESOLVED},
        ),
    ),
)

RULES = (BKP_01, BKP_02, BKP_03, BKP_04, BKP_05, BKP_06, BKP_07)
