"""Rules about shared file systems (EFS), and about tasks that mount them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.documents import Statement, allowed
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
    later,
    unknown,
    unresolved,
    violation,
)
from policies.rules.containers import TASK_DEFINITION
from policies.values import ABSENT, UNKNOWN, Gap, Value, items

FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"


def _encrypted(system: Resource) -> Iterator[Problem]:
    encrypted = system.flag("encrypted", default=False)
    if encrypted is UNKNOWN:
        yield unresolved(system, "encrypted")
    elif encrypted is not True:
        yield violation(system, "encrypted", "its files lie in clear on AWS's disks, and no later change encrypts them")
    key = system.get("kmsKeyId")
    if key is UNKNOWN and not system.sources("kmsKeyId"):
        yield unresolved(system, "kmsKeyId")
    elif key is ABSENT or key == "":
        yield violation(system, "kmsKeyId", "its files lie under a key of AWS's")


_SOUND: dict[str, object] = {"encrypted": True, "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/0"}


def _system(**changes: object) -> Given:
    return Given(FILE_SYSTEM, "files", {key: value for key, value in {**_SOUND, **changes}.items() if value is not None})


EFS_01 = ResourceRule(
    id="EFS-01",
    severity=Severity.HIGH,
    title="File systems are encrypted with a key of ours.",
    rationale="The broker's session lies there: whoever reads it is logged in. A file system cannot be encrypted after it was made.",
    remediation="Set `encrypted=True` and `kms_key_id`.",
    references=("FSBP EFS.1", "CKV_AWS_42", "CKV_AWS_184"),
    types=(FILE_SYSTEM,),
    check=_encrypted,
    examples=(
        good("encrypted", _system()),
        bad("in clear", _system(encrypted=False)),
        bad("AWS's key", _system(kmsKeyId=None)),
        unknown(
            "a key that does not exist yet",
            Given(FILE_SYSTEM, "files", {**_SOUND, "kmsKeyId": UNKNOWN}, {"kmsKeyId": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown("a key from nowhere", _system(kmsKeyId=UNKNOWN), expect={"files": Kind.UNRESOLVED}),
        unknown("nobody knows", _system(encrypted=UNKNOWN), expect={"files": Kind.UNRESOLVED}),
        absent("EFS's default is clear", Given(FILE_SYSTEM, "files", {}), expect={"files": Kind.VIOLATION}),
    ),
)


def _anybody(statement: Statement) -> bool:
    """Whether a statement hands files to every client that reaches a mount target, which is what a condition on the way in amounts to."""
    named = [condition for condition in statement.conditions if condition.key in ("aws:principalarn", "elasticfilesystem:accesspointarn")]
    return statement.public or (statement.admits_everyone and not named)


def _policies(stack: Stack) -> Iterator[Problem]:
    for system in stack.of(FILE_SYSTEM):
        if not stack.users(system, "fileSystemId", POLICY):
            yield violation(system, "encrypted", "has no policy: every client that reaches a mount target is root on it")
    for policy in stack.of(POLICY):
        for statement in allowed(policy, "policy"):
            if isinstance(statement, Problem):
                yield statement
            elif _anybody(statement):
                yield violation(policy, "policy", f"{statement.label} lets in every client that reaches a mount target")


def _policy(**changes: object) -> Given:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/ib-gateway"},
        "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
        **changes,
    }
    return Given(POLICY, "policy", {"fileSystemId": UNKNOWN, "policy": json.dumps({"Statement": [statement]})}, {"fileSystemId": ["files"]})


EFS_02 = StackRule(
    id="EFS-02",
    severity=Severity.HIGH,
    title="File systems let in the roles that they name, and nobody else.",
    rationale="Without a policy EFS asks nobody for an identity: one open port, and the broker's session is read or replaced.",
    remediation="Add an `efs.FileSystemPolicy` that names the tasks' roles and their access point.",
    references=("FSBP EFS.6",),
    types=(FILE_SYSTEM, POLICY),
    check=_policies,
    examples=(
        good("one role", _system(), _policy()),
        good("everybody is denied something", _system(), _policy(Effect="Deny", Principal="*")),
        bad("no policy", _system()),
        bad("everybody", _system(), _policy(Principal="*"), at="policy"),
        bad(
            "whoever reaches a mount target",
            _system(),
            _policy(Principal={"AWS": "*"}, Condition={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}),
            at="policy",
        ),
        unknown(
            "composed from what does not exist yet",
            _system(),
            Given(POLICY, "policy", {"fileSystemId": UNKNOWN, "policy": UNKNOWN}, {"fileSystemId": ["files"], "policy": ["files"]}),
            expect={"policy": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it",
            _system(),
            Given(POLICY, "policy", {"fileSystemId": UNKNOWN, "policy": UNKNOWN}, {"fileSystemId": ["files"]}),
            expect={"policy": Kind.UNRESOLVED},
        ),
        absent("no file system", Given(TASK_DEFINITION, "task", {})),
    ),
)


def _switched(task: Resource, value: Value, message: str) -> Iterator[Problem]:
    if value is UNKNOWN:
        yield later(task, "volumes")
    elif value != "ENABLED":
        yield violation(task, "volumes", message)


def _mounted(task: Resource) -> Iterator[Problem]:
    for volume in items(task.get("volumes")):
        files = volume if isinstance(volume, Gap) else volume.get("efsVolumeConfiguration", ABSENT) if isinstance(volume, dict) else ABSENT
        if files is UNKNOWN:
            yield later(task, "volumes")
        if not isinstance(files, dict):
            continue
        yield from _switched(task, files.get("transitEncryption", ABSENT), "files travel in clear text")
        access = files.get("authorizationConfig", ABSENT)
        iam = access if isinstance(access, Gap) else access.get("iam", ABSENT) if isinstance(access, dict) else ABSENT
        yield from _switched(task, iam, "mounts without its role: the file system cannot tell who it is")


def _mount(**changes: object) -> Given:
    files: dict[str, object] = {
        "fileSystemId": "fs-0",
        "transitEncryption": "ENABLED",
        "authorizationConfig": {"iam": "ENABLED"},
        **changes,
    }
    return Given(TASK_DEFINITION, "task", {"volumes": [{"name": "files", "efsVolumeConfiguration": files}, {"name": "tmp"}]})


ECS_11 = ResourceRule(
    id="ECS-11",
    severity=Severity.HIGH,
    title="Tasks mount file systems over TLS and with their role.",
    rationale="NFS knows neither: on the wire the broker's session is readable, and the server believes every client.",
    remediation='Set `transit_encryption="ENABLED"` and `authorization_config={"iam": "ENABLED", "access_point_id": …}`.',
    references=("FSBP ECS.18", "CKV_AWS_97"),
    types=(TASK_DEFINITION,),
    check=_mounted,
    examples=(
        good("both", _mount()),
        bad("in clear text", _mount(transitEncryption="DISABLED")),
        bad("without a role", _mount(authorizationConfig={"accessPointId": "fsap-0"})),
        unknown(
            "composed from what does not exist yet",
            Given(TASK_DEFINITION, "task", {"volumes": [UNKNOWN]}, {"volumes": ["files"]}),
            _system(),
            expect={"task": Kind.LATER},
        ),
        unknown("encryption nobody knows", _mount(transitEncryption=UNKNOWN), expect={"task": Kind.UNRESOLVED}),
        unknown("volumes nobody knows", Given(TASK_DEFINITION, "task", {"volumes": [UNKNOWN]}), expect={"task": Kind.UNRESOLVED}),
        absent("no volume", Given(TASK_DEFINITION, "task", {})),
        absent("ECS's defaults are off", _mount(transitEncryption=None, authorizationConfig=None), expect={"task": Kind.VIOLATION}),
    ),
)

RULES = (EFS_01, EFS_02, ECS_11)
