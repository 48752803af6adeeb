"""Rules about tables of DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import flag_on, own_key
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN

TABLE = "aws:dynamodb/table:Table"
_KEY = "arn:aws:kms:us-east-1:123456789012:key/0"


def _table(**props: object) -> Given:
    return Given(TABLE, "leases", props)


def _encrypted(table: Resource) -> Iterator[Problem]:
    own = table.flag("serverSideEncryption.enabled", default=False)
    if own is UNKNOWN:
        yield unresolved(table, "serverSideEncryption")
    elif own is not True:
        # DynamoDB encrypts every table; without the switch it is with a key that AWS shares between customers.
        yield violation(table, "serverSideEncryption", "its rows lie under a key that belongs to DynamoDB")
    else:
        yield from own_key(table, "serverSideEncryption.kmsKeyArn", "its rows lie under a key of AWS's, about which nobody here decides")


def _sse(enabled: object = True, key: object = _KEY) -> Given:
    return _table(serverSideEncryption={"enabled": enabled, **({} if key is None else {"kmsKeyArn": key})})


DDB_01 = ResourceRule(
    id="DDB-01",
    severity=Severity.HIGH,
    title="Tables are encrypted with a key of ours.",
    rationale="Who may read the rows is then decided in two places, and the key's trail shows who did.",
    remediation='Set `server_side_encryption={"enabled": True, "kms_key_arn": …}`.',
    references=("CKV_AWS_119", "AVD-AWS-0025"),
    types=(TABLE,),
    check=_encrypted,
    examples=(
        good("a key", _sse()),
        bad("DynamoDB's own key", _sse(enabled=False)),
        bad("AWS's key", _sse(key=None)),
        bad("AWS's key by its name", _sse(key="alias/aws/dynamodb")),
        unknown(
            "a key that does not exist yet",
            Given(TABLE, "leases", {"serverSideEncryption": {"enabled": True, "kmsKeyArn": UNKNOWN}}, {"serverSideEncryption": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown("a key from nowhere", _sse(key=UNKNOWN), expect={"leases": Kind.UNRESOLVED}),
        unknown("nobody knows", _sse(enabled=UNKNOWN), expect={"leases": Kind.UNRESOLVED}),
        absent("the default is DynamoDB's own key", _table(), expect={"leases": Kind.VIOLATION}),
    ),
)


def _recoverable(table: Resource) -> Iterator[Problem]:
    yield from flag_on(table, "pointInTimeRecovery.enabled", "its rows cannot be brought back to what they were a minute ago")
    days = table.get("pointInTimeRecovery.recoveryPeriodInDays")
    if days is UNKNOWN:
        yield unresolved(table, "pointInTimeRecovery")
    elif days is not ABSENT and isinstance(days, int) and days < _FEWEST_DAYS:
        yield violation(table, "pointInTimeRecovery", f"its past is kept for {days} days, and {_FEWEST_DAYS} is the least")


_FEWEST_DAYS = 14
"""Days that a restore must reach back, as for databases (RDS-05). DynamoDB's default is 35."""


def _past(**recovery: object) -> Given:
    return _table(pointInTimeRecovery=recovery)


DDB_02 = ResourceRule(
    id="DDB-02",
    severity=Severity.HIGH,
    title="Tables can be restored to any second of two weeks or more.",
    rationale="A wrong program overwrites rows in seconds; a daily copy knows neither what stood there nor when it changed.",
    remediation='Set `point_in_time_recovery={"enabled": True}`.',
    references=("FSBP DynamoDB.2", "CKV_AWS_28", "AVD-AWS-0024"),
    types=(TABLE,),
    check=_recoverable,
    examples=(
        good("on", _past(enabled=True)),
        good("on for three weeks", _past(enabled=True, recoveryPeriodInDays=21)),
        bad("off", _past(enabled=False)),
        bad("on for a day", _past(enabled=True, recoveryPeriodInDays=1)),
        unknown("nobody knows", _past(enabled=UNKNOWN), expect={"leases": Kind.UNRESOLVED}),
        unknown("nobody knows for how long", _past(enabled=True, recoveryPeriodInDays=UNKNOWN), expect={"leases": Kind.UNRESOLVED}),
        absent("the default is off", _table(), expect={"leases": Kind.VIOLATION}),
    ),
)


def _kept(stack: Stack) -> Iterator[Problem]:
    if stack.unlocked:
        return
    for table in stack.of(TABLE):
        yield from flag_on(table, "deletionProtectionEnabled", "can be deleted by one call")


DDB_03 = StackRule(
    id="DDB-03",
    severity=Severity.HIGH,
    title="Tables are protected from deletion unless the stack is unlocked.",
    rationale="Without its leases nothing that must run once knows whether it may: every engine stops, and none starts.",
    remediation="Set `deletion_protection_enabled=True`; to destroy a stack, unlock it.",
    references=("FSBP DynamoDB.6",),
    types=(TABLE,),
    check=_kept,
    examples=(
        good("protected", _table(deletionProtectionEnabled=True)),
        bad("not protected", _table(deletionProtectionEnabled=False)),
        unknown("computed", _table(deletionProtectionEnabled=UNKNOWN), expect={"leases": Kind.UNRESOLVED}),
        absent("the default is not to", _table(), expect={"leases": Kind.VIOLATION}),
    ),
)

RULES = (DDB_01, DDB_02, DDB_03)
