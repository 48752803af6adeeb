"""What holds data in a planned stack, and what brings it back: AWS Backup's plans, a mechanism of its own, or nothing.

The proof reads planned resources alone. What AWS Backup supports is data here; what selects it is found by ARN, by wildcard, by tag, and
where an ARN is not known yet by what the selection is computed from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from nautilus.inventory.records import Inventory, PlannedResource
from nautilus.inventory.values import UNKNOWN, at, given, known_text, listed, mapping, mappings, number

EXEMPT_TAG: Final = "BackupExempt"
"""A resource with this tag is in no plan on purpose; the tag's value says why."""
SELECTION: Final = "aws:backup/selection:Selection"
PLAN: Final = "aws:backup/plan:Plan"
VAULT: Final = "aws:backup/vault:Vault"
LOCK: Final = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
OBJECT_LOCK: Final = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
BUCKET: Final = "aws:s3/bucket:Bucket"

SUPPORTED: Final[Mapping[str, tuple[str, str]]] = {
    "aws:docdb/cluster:Cluster": ("DocumentDB", "arn:aws:rds:*:*:cluster:*"),
    "aws:dynamodb/table:Table": ("DynamoDB", "arn:aws:dynamodb:*:*:table/*"),
    "aws:ebs/volume:Volume": ("EBS", "arn:aws:ec2:*:*:volume/*"),
    "aws:ec2/instance:Instance": ("EC2", "arn:aws:ec2:*:*:instance/*"),
    "aws:efs/fileSystem:FileSystem": ("EFS", "arn:aws:elasticfilesystem:*:*:file-system/*"),
    "aws:fsx/lustreFileSystem:LustreFileSystem": ("FSx", "arn:aws:fsx:*:*:file-system/*"),
    "aws:fsx/ontapFileSystem:OntapFileSystem": ("FSx", "arn:aws:fsx:*:*:file-system/*"),
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": ("FSx", "arn:aws:fsx:*:*:file-system/*"),
    "aws:fsx/windowsFileSystem:WindowsFileSystem": ("FSx", "arn:aws:fsx:*:*:file-system/*"),
    "aws:neptune/cluster:Cluster": ("Neptune", "arn:aws:rds:*:*:cluster:*"),
    "aws:rds/cluster:Cluster": ("Aurora", "arn:aws:rds:*:*:cluster:*"),
    "aws:rds/instance:Instance": ("RDS", "arn:aws:rds:*:*:db:*"),
    "aws:redshift/cluster:Cluster": ("Redshift", "arn:aws:redshift:*:*:cluster:*"),
    "aws:s3/bucket:Bucket": ("S3", "arn:aws:s3:::*"),
    "aws:timestreamwrite/table:Table": ("Timestream", "arn:aws:timestream:*:*:database/*/table/*"),
}
"""Types that AWS Backup takes: its word for them, and the form of their ARNs (AWS Backup, supported resources)."""


class Verdict(StrEnum):
    """What is to be said about something that holds data."""

    PLANNED = "planned"
    """A plan of AWS Backup selects it."""
    OWN = "own"
    """It has a mechanism of its own, which is on."""
    DERIVED = "derived"
    """It is made from something else that is backed up."""
    EXEMPT = "exempt"
    """It is left out on purpose, and says why."""
    UNCOVERED = "uncovered"
    """Nothing brings it back."""


@dataclass(frozen=True, slots=True)
class Row:
    """One resource that holds data."""

    resource: str
    type: str
    verdict: Verdict
    how: str
    """The rules that take it, its mechanism, or the reason."""

    def as_document(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"resource": self.resource, "type": self.type, "verdict": self.verdict.value, "how": self.how}


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """One rule of a backup plan."""

    plan: str
    name: str
    schedule: str
    keep_days: int | None
    cold_days: int | None
    continuous: bool
    copies: int
    vault: str
    lock: tuple[int | None, int | None] | None
    """Shortest and longest retention of the vault's lock, in days; None for a vault without one."""
    takes: tuple[str, ...]
    """Resources that the plan selects, by path, of whatever type."""
    databases: tuple[str, ...]
    """Those of them that are RDS instances."""


def _mechanism(
    kind: str, words: str, on: Callable[[PlannedResource], bool] = lambda _: True
) -> tuple[str, tuple[str, Callable[..., bool]]]:
    return kind, (words, on)


def _snapshots(resource: PlannedResource) -> bool:
    return (number(resource.inputs.get("snapshotRetentionLimit")) or 0) >= 1


OWN: Final[Mapping[str, tuple[str, Callable[[PlannedResource], bool]]]] = dict(
    (
        _mechanism("aws:elasticache/cluster:Cluster", "its own daily snapshots", _snapshots),
        _mechanism("aws:elasticache/replicationGroup:ReplicationGroup", "its own daily snapshots", _snapshots),
        _mechanism("aws:elasticache/serverlessCache:ServerlessCache", "its own daily snapshots", _snapshots),
        _mechanism("aws:ecr/repository:Repository", "images are built again from the code repository, and named by digest"),
        _mechanism("aws:opensearch/domain:Domain", "the service's own hourly snapshots, kept 14 days"),
        _mechanism(
            "aws:secretsmanager/secret:Secret", "the service's own versions, its recovery window, and the replica where there is one"
        ),
    )
)
"""Types that hold data and that AWS Backup does not know: what brings them back instead, and whether it is on."""


def tags_of(resource: PlannedResource) -> dict[str, str]:
    """The tags of a resource, as far as they are known."""
    found: dict[str, str] = {}
    for source in (resource.inputs.get("tagsAll"), resource.outputs.get("tagsAll"), resource.inputs.get("tags")):
        found |= {key: value for key, value in mapping(source).items() if isinstance(value, str)}
    return found


class _Selection:
    def __init__(self, resource: PlannedResource) -> None:
        inputs = resource.inputs
        self.resource = resource
        self.patterns = [value for value in listed(inputs.get("resources")) if isinstance(value, str)]
        self.without = [value for value in listed(inputs.get("notResources")) if isinstance(value, str)]
        self.open = UNKNOWN in self.patterns or inputs.get("resources") == UNKNOWN
        self.sources = frozenset(resource.property_dependencies.get("resources", ())) if self.open else frozenset[str]()
        self.any_tag = [(known_text(one.get("key")), known_text(one.get("value"))) for one in mappings(inputs.get("selectionTags"))]
        self.every_tag = [
            (known_text(one.get("key")).removeprefix("aws:ResourceTag/"), known_text(one.get("value")))
            for one in mappings(at(inputs, "conditions.stringEquals"))
        ]

    def takes(self, item: PlannedResource) -> bool:
        """Whether the selection takes `item`: its ARNs or tags, and every condition, and not what it leaves out."""
        arn, form, tags = known_text(item.outputs.get("arn")), SUPPORTED[item.type][1], tags_of(item)
        if any(_names(pattern, arn, form) for pattern in self.without):
            return False
        if not all(tags.get(key) == value for key, value in self.every_tag):
            return False
        if any(key and tags.get(key) == value for key, value in self.any_tag):
            return True
        return item.urn in self.sources or any(_names(pattern, arn, form) for pattern in self.patterns)


def _names(pattern: str, arn: str, form: str) -> bool:
    """Whether a pattern of a selection names an ARN. One that is not known yet is named by a wildcard over its whole kind alone."""
    if arn:
        return fnmatchcase(arn, pattern)
    return pattern == "*" or ("*" in pattern and fnmatchcase(form.replace("*", "x"), pattern))


def _plan_of(selection: _Selection, plans: Mapping[str, PlannedResource]) -> PlannedResource | None:
    for urn in selection.resource.property_dependencies.get("planId", ()):
        if urn in plans:
            return plans[urn]
    identity = known_text(selection.resource.inputs.get("planId"))
    return next((plan for plan in plans.values() if identity and identity == plan.outputs.get("id")), None)


def _selected(inventory: Inventory) -> dict[str, list[PlannedResource]]:
    """The plans that take each resource, by its URN. A selection whose plan is not in the stack takes nothing that could be proved."""
    plans = {plan.urn: plan for plan in inventory.of_type(PLAN)}
    found: dict[str, list[PlannedResource]] = {}
    for selection in map(_Selection, inventory.of_type(SELECTION)):
        plan = _plan_of(selection, plans)
        if plan is None or not listed(plan.inputs.get("rules")):
            continue
        for item in inventory.of_type(*SUPPORTED):
            if selection.takes(item) and plan not in found.setdefault(item.urn, []):
                found[item.urn].append(plan)
    return found


def _versions(inventory: Inventory) -> Iterator[tuple[str, str]]:
    """URN of each bucket that keeps its versions, and what else keeps them."""

    def buckets(user: PlannedResource) -> list[str]:
        name = known_text(user.inputs.get("bucket"))
        return [
            bucket.urn
            for bucket in inventory.of_type(BUCKET)
            if bucket.urn in user.property_dependencies.get("bucket", ()) or (name and name == bucket.inputs.get("bucket"))
        ]

    locked = {urn for lock in inventory.of_type(OBJECT_LOCK) for urn in buckets(lock)}
    for versioning in inventory.of_type(VERSIONING):
        if at(versioning.inputs, "versioningConfiguration.status") == "Enabled":
            for urn in buckets(versioning):
                yield urn, "S3 keeps its versions" + (", under object lock" if urn in locked else "")


def coverage(inventory: Inventory) -> list[Row]:
    """Everything in the inventory that holds data, sorted by where it stands, each with what brings it back."""
    selected, versions = _selected(inventory), dict(_versions(inventory))
    rows: list[Row] = []
    for item in inventory:
        if item.type in SUPPORTED:
            verdict, how = _judge(item, selected.get(item.urn, []), versions)
        elif item.type in OWN:
            words, on = OWN[item.type]
            reason = tags_of(item).get(EXEMPT_TAG)
            if on(item):
                verdict, how = Verdict.OWN, words
            else:
                verdict, how = (Verdict.EXEMPT, reason) if reason else (Verdict.UNCOVERED, f"{words}: they are off")
        else:
            continue
        rows.append(Row(item.path, item.type, verdict, how))
    return sorted(rows, key=lambda row: row.resource)


def _judge(item: PlannedResource, plans: list[PlannedResource], versions: Mapping[str, str]) -> tuple[Verdict, str]:
    if plans:
        names = [known_text(rule.get("ruleName")) or "?" for plan in plans for rule in mappings(plan.inputs.get("rules"))]
        return Verdict.PLANNED, ", ".join(sorted(set(names)))
    if given(item.inputs.get("replicateSourceDb")):
        return Verdict.DERIVED, "a replica: its source is what is backed up"
    if item.urn in versions:
        return Verdict.OWN, versions[item.urn]
    if reason := tags_of(item).get(EXEMPT_TAG):
        return Verdict.EXEMPT, reason
    return Verdict.UNCOVERED, f"AWS Backup could take it ({SUPPORTED[item.type][0]}), and no plan does"


def calendar(inventory: Inventory) -> list[PlannedRule]:
    """Every rule of every backup plan, by plan and in the plan's own order."""
    selected = _selected(inventory)
    rules: list[PlannedRule] = []
    for plan in inventory.of_type(PLAN):
        taken = [item for item in inventory.of_type(*SUPPORTED) if plan in selected.get(item.urn, ())]
        for rule in mappings(plan.inputs.get("rules")):
            vault = _vault(inventory, plan, rule)
            lock = _lock(inventory, vault) if vault else None
            rules.append(
                PlannedRule(
                    plan=plan.path,
                    name=known_text(rule.get("ruleName")),
                    schedule=known_text(rule.get("schedule")),
                    keep_days=number(at(rule, "lifecycle.deleteAfter")),
                    cold_days=number(at(rule, "lifecycle.coldStorageAfter")),
                    continuous=rule.get("enableContinuousBackup") is True,
                    copies=len(listed(rule.get("copyActions"))),
                    vault=vault.path if vault else "",
                    lock=(number(lock.inputs.get("minRetentionDays")), number(lock.inputs.get("maxRetentionDays"))) if lock else None,
                    takes=tuple(item.path for item in taken),
                    databases=tuple(item.path for item in taken if SUPPORTED[item.type][0] == "RDS"),
                )
            )
    return rules


def _vault(inventory: Inventory, plan: PlannedResource, rule: Mapping[str, Any]) -> PlannedResource | None:
    name = known_text(rule.get("targetVaultName"))
    vaults = inventory.of_type(VAULT)
    if name:
        return next((vault for vault in vaults if vault.inputs.get("name") == name), None)
    used = plan.property_dependencies.get("rules", ())
    home = [vault for vault in vaults if vault.urn in used and vault.inputs.get("region") == plan.inputs.get("region")]
    return home[0] if len(home) == 1 else None


def _lock(inventory: Inventory, vault: PlannedResource) -> PlannedResource | None:
    name = vault.inputs.get("name")
    for lock in inventory.of_type(LOCK):
        named = known_text(lock.inputs.get("backupVaultName"))
        same_region = lock.inputs.get("region") == vault.inputs.get("region")
        if vault.urn in lock.property_dependencies.get("backupVaultName", ()) or (named and named == name and same_region):
            return lock
    return None
