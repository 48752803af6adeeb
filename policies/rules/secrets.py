"""Rules about secrets: they change within 30 days, and they are encrypted, copied and closed as ours are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.checks import partnered
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
LONGEST_DAYS = 30
"""Days between two rotations at most (DTO-025)."""
ROTATED_BY = "RotatedBy"
"""The tag that says who rotates a secret which no function of Secrets Manager does."""
OTHERS = frozenset({"along", "node"})
"""Its values that count: a node of the cluster that the secret opens, and the rotation of another secret."""


def longest_days(schedule: str) -> float | None:
    """Days that may pass between two rotations of a schedule of Secrets Manager's; None when it cannot be read."""
    if found := re.fullmatch(r"rate\((\d+) (hour|day)s?\)", schedule):
        return int(found[1]) / (24 if found[2] == "hour" else 1)
    fields = schedule.removeprefix("cron(").removesuffix(")").split()
    if not schedule.startswith("cron(") or len(fields) != 6:
        return None
    _minute, _hour, day, month, weekday, _year = fields
    if month not in {"*", "*/1", "1/1"}:
        return 366
    if weekday not in {"?", "*"}:
        return 31 if "#" in weekday or "L" in weekday else 7
    return 1 if day in {"*", "?"} else 31


def _of(user: Resource) -> list[Resource]:
    """The secrets that a version or a rotation belongs to; a rotation may know its secret through the version."""
    found: list[Resource] = []
    for source in user.sources("secretId", SECRET, VERSION):
        found += _of(source) if source.type == VERSION and source is not user else [source]
    return found


def _rotated(stack: Stack) -> Iterator[Problem]:
    rotations = stack.of(ROTATION)
    lost = [one for one in rotations if one.get("secretId") is UNKNOWN and not _of(one)]
    for one in lost:
        yield unresolved(one, "secretId")
    covered: set[str] = set()
    for one in rotations:
        covered |= {secret.urn for secret in _of(one)}
        yield from _often(one)
    holding = {secret.urn: secret for version in stack.of(VERSION) for secret in _of(version)}
    for urn, secret in sorted(holding.items()):
        tags = secret.get("tags")
        said = tags.get(ROTATED_BY) if isinstance(tags, dict) else None
        if not lost and urn not in covered and said not in OTHERS:
            yield violation(secret, "name", "the program gives this secret its value and nobody ever replaces it")


def _often(rotation: Resource) -> Iterator[Problem]:
    days, schedule = rotation.get("rotationRules.automaticallyAfterDays"), rotation.get("rotationRules.scheduleExpression")
    if UNKNOWN in (days, schedule, rotation.get("rotationRules")):
        yield unresolved(rotation, "rotationRules")
        return
    if days is ABSENT and schedule is ABSENT:
        yield violation(rotation, "rotationRules", "the rotation has no schedule")
        return
    every = longest_days(str(schedule)) if schedule is not ABSENT else float(str(days))
    if every is None or every > LONGEST_DAYS:
        shown = "at times that cannot be read" if every is None else f"after {every:g} days"
        yield violation(rotation, "rotationRules", f"the secret is replaced {shown}; {LONGEST_DAYS} days are the most")


def _schedule(text: str) -> dict[str, object]:
    return {"secretId": "s", "rotationLambdaArn": "f", "rotationRules": {"scheduleExpression": text, "duration": "1h"}}


_NAMED = Given(SECRET, "secret", {"name": "s"})
_VALUE = Given(VERSION, "version", {"secretId": "s"})

SEC_01 = StackRule(
    id="SEC-01",
    severity=Severity.HIGH,
    title="A secret whose value the program makes is replaced within 30 days, and then again.",
    rationale="Its first value stands in the stack's state; whoever has read a backup of it could use it for ever.",
    remediation="Add a `SecretRotation` of at most 30 days. A secret that a node rotates is tagged `RotatedBy: node`.",
    references=("FSBP SecretsManager.1", "FSBP SecretsManager.4", "CKV_AWS_304"),
    types=(SECRET, VERSION, ROTATION),
    check=_rotated,
    examples=(
        good("every Sunday", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("cron(0 2 ? * SUN *)"))),
        good("every 30 days", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("rate(30 days)"))),
        good("by days", _NAMED, _VALUE, Given(ROTATION, "rotation", {"secretId": "s", "rotationRules": {"automaticallyAfterDays": 30}})),
        good("a container that people fill", _NAMED),
        good("rotated by a node", Given(SECRET, "secret", {"name": "s", "tags": {"RotatedBy": "node"}}), _VALUE),
        bad("never", _NAMED, _VALUE),
        bad("a tag that means nothing", Given(SECRET, "secret", {"name": "s", "tags": {"RotatedBy": "nobody"}}), _VALUE),
        bad("every 31 days", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("rate(31 days)")), at="rotation"),
        bad("once a month", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("cron(0 2 1 * ? *)")), at="rotation"),
        bad("on the first Sunday", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("cron(0 2 ? * SUN#1 *)")), at="rotation"),
        bad("once a year", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("cron(0 2 ? 1 SUN *)")), at="rotation"),
        bad("in words", _NAMED, _VALUE, Given(ROTATION, "rotation", _schedule("weekly")), at="rotation"),
        bad(
            "by too many days",
            _NAMED,
            Given(ROTATION, "rotation", {"secretId": "s", "rotationRules": {"automaticallyAfterDays": 90}}),
            at="rotation",
        ),
        bad("without a schedule", _NAMED, Given(ROTATION, "rotation", {"secretId": "s"}), at="rotation"),
        unknown(
            "known through its version",
            Given(SECRET, "secret", {}),
            Given(VERSION, "version", {"secretId": UNKNOWN}, {"secretId": ["secret"]}),
            Given(ROTATION, "rotation", _schedule("rate(7 days)") | {"secretId": UNKNOWN}, {"secretId": ["version"]}),
        ),
        unknown(
            "of a secret that nothing explains",
            _NAMED,
            _VALUE,
            Given(ROTATION, "rotation", _schedule("rate(7 days)") | {"secretId": UNKNOWN}),
            expect={"rotation": Kind.UNRESOLVED},
        ),
        unknown(
            "at times that are computed",
            _NAMED,
            _VALUE,
            Given(ROTATION, "rotation", {"secretId": "s", "rotationRules": UNKNOWN}),
            expect={"rotation": Kind.UNRESOLVED},
        ),
        absent("no secret, no rotation", Given(SECRET, "secret", {})),
    ),
)


def _own_key(resource: Resource) -> Iterator[Problem]:
    key = resource.get("kmsKeyId")
    if key is UNKNOWN and not resource.sources("kmsKeyId"):
        yield unresolved(resource, "kmsKeyId")
    elif key is ABSENT or str(key).endswith("alias/aws/secretsmanager"):
        yield violation(resource, "kmsKeyId", "the secret is encrypted with AWS's key, which every role of the account may use")


SEC_02 = ResourceRule(
    id="SEC-02",
    severity=Severity.MEDIUM,
    title="Secrets are encrypted with a key of one's own.",
    rationale="The right to use the key is then a second lock; AWS's own key opens for everybody who may read the secret.",
    remediation="Set `kms_key_id` to the key of the data class SECRETS.",
    references=("CKV_AWS_149",),
    types=(SECRET,),
    check=_own_key,
    examples=(
        good("a key of one's own", Given(SECRET, "secret", {"kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/a"})),
        bad("AWS's key by its alias", Given(SECRET, "secret", {"kmsKeyId": "alias/aws/secretsmanager"})),
        unknown(
            "a key that is still to be made",
            Given(SECRET, "secret", {"kmsKeyId": UNKNOWN}, {"kmsKeyId": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown("a key from nowhere", Given(SECRET, "secret", {"kmsKeyId": UNKNOWN}), expect={"secret": Kind.UNRESOLVED}),
        absent("the default is AWS's", Given(SECRET, "secret", {}), expect={"secret": Kind.VIOLATION}),
    ),
)


def _copied(resource: Resource) -> Iterator[Problem]:
    replicas = resource.get("replicas")
    if replicas is UNKNOWN:
        yield unresolved(resource, "replicas")
        return
    listed = [one for one in replicas if isinstance(one, dict)] if isinstance(replicas, list) else []
    if not listed:
        yield violation(resource, "replicas", "the secret has no copy in another region: what it opens cannot be reached there")
    for one in listed:
        if one.get("kmsKeyId") is None:
            yield violation(resource, "replicas", "the secret's copy is encrypted with AWS's key")


SEC_05 = ResourceRule(
    id="SEC-05",
    severity=Severity.HIGH,
    title="Secrets have a copy in the second region, under a key of one's own.",
    rationale="A database that was carried over opens with nothing when its password was lost with the first region.",
    remediation="Set `replicas` with the second region and its key.",
    references=("DTO-028",),
    types=(SECRET,),
    check=_copied,
    examples=(
        good("copied", Given(SECRET, "secret", {"replicas": [{"region": "us-west-2", "kmsKeyId": "k"}]})),
        good("copied with a key to come", Given(SECRET, "secret", {"replicas": [{"region": "us-west-2", "kmsKeyId": UNKNOWN}]})),
        bad("no copies", Given(SECRET, "secret", {"replicas": []})),
        bad("a copy under AWS's key", Given(SECRET, "secret", {"replicas": [{"region": "us-west-2"}]})),
        unknown("computed", Given(SECRET, "secret", {"replicas": UNKNOWN}), expect={"secret": Kind.UNRESOLVED}),
        absent("no copy by default", Given(SECRET, "secret", {}), expect={"secret": Kind.VIOLATION}),
    ),
)


def _closed(stack: Stack) -> Iterator[Problem]:
    yield from partnered(
        stack, SECRET, SECRET_POLICY, "secretArn", "policy", "the secret has no resource policy that keeps other accounts out"
    )


SEC_06 = StackRule(
    id="SEC-06",
    severity=Severity.HIGH,
    title="Every secret has a resource policy.",
    rationale="Without one, a role that another account may take decides alone who reads the secret.",
    remediation="Add a `SecretPolicy` that denies principals of other accounts.",
    references=("OTE-034",),
    types=(SECRET, SECRET_POLICY),
    check=_closed,
    examples=(
        good("closed", Given(SECRET, "secret", {"name": "s"}), Given(SECRET_POLICY, "policy", {"secretArn": "s", "policy": "{}"})),
        bad("open", Given(SECRET, "secret", {"name": "s"})),
        bad(
            "another secret's",
            Given(SECRET, "secret", {"name": "s"}),
            Given(SECRET, "other", {"name": "o"}),
            Given(SECRET_POLICY, "policy", {"secretArn": "o", "policy": "{}"}),
        ),
        unknown(
            "to be made",
            Given(SECRET, "secret", {"name": "s"}),
            Given(SECRET_POLICY, "policy", {"secretArn": UNKNOWN}, {"secretArn": ["secret"]}),
        ),
        unknown(
            "of a secret that nothing explains",
            Given(SECRET, "secret", {"name": "s"}),
            Given(SECRET_POLICY, "policy", {"secretArn": UNKNOWN}),
            expect={"policy": Kind.UNRESOLVED},
        ),
        absent("nothing at all", Given(SECRET, "secret", {}), expect={"secret": Kind.VIOLATION}),
    ),
)

RULES = (SEC_01, SEC_02, SEC_05, SEC_06)
