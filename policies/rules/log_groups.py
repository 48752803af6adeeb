"""Rules about log groups: under which key their lines lie, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import own_key
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.tokens import LOG_GROUP
from policies.values import ABSENT, UNKNOWN

FEWEST_DAYS = 90
"""Days that every stack keeps its lines, a development one too (seed DTO-150)."""

_KEY = "arn:aws:kms:us-east-1:123456789012:key/0"


def _encrypted(group: Resource) -> Iterator[Problem]:
    yield from own_key(group, "kmsKeyId", "its lines lie under a key of AWS's, about which nobody here decides")


def _group(**props: object) -> Given:
    return Given(LOG_GROUP, "log", props)


CW_01 = ResourceRule(
    id="CW-01",
    severity=Severity.MEDIUM,
    title="Log groups are encrypted with a key of ours.",
    rationale="Lines hold orders, accounts and errors with their values; a key of ours says who reads them.",
    remediation="Set `kms_key_id` to a key whose policy admits CloudWatch Logs.",
    references=("CKV_AWS_158", "AVD-AWS-0017"),
    types=(LOG_GROUP,),
    check=_encrypted,
    examples=(
        good("a key", _group(kmsKeyId=_KEY)),
        bad("an empty word", _group(kmsKeyId="")),
        unknown(
            "a key that does not exist yet",
            Given(LOG_GROUP, "log", {"kmsKeyId": UNKNOWN}, {"kmsKeyId": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown("unknown, and nothing explains it", _group(kmsKeyId=UNKNOWN), expect={"log": Kind.UNRESOLVED}),
        absent("none", _group(), expect={"log": Kind.VIOLATION}),
    ),
)


def _kept(group: Resource) -> Iterator[Problem]:
    days = group.get("retentionInDays")
    if days is UNKNOWN:
        yield unresolved(group, "retentionInDays")
    # CloudWatch Logs has no number for ever: the provider writes it as 0.
    elif days is ABSENT or days == 0:
        yield violation(group, "retentionInDays", "nobody says for how long: its lines are kept, and paid for, for ever")
    elif not isinstance(days, int) or days < FEWEST_DAYS:
        yield violation(group, "retentionInDays", f"its lines are gone after {days} days, and {FEWEST_DAYS} is the least")


CW_02 = ResourceRule(
    id="CW-02",
    severity=Severity.MEDIUM,
    title="Log groups keep their lines for 90 days or longer, and not for ever.",
    rationale="A break-in is found after weeks, when short logs no longer show it; logs without an end cost more every month.",
    remediation="Set `retention_in_days` to 90 or more.",
    references=("FSBP CloudWatch.16", "CKV_AWS_66", "CKV_AWS_338"),
    types=(LOG_GROUP,),
    check=_kept,
    examples=(
        good("a quarter", _group(retentionInDays=90)),
        good("a year", _group(retentionInDays=365)),
        bad("two months", _group(retentionInDays=60)),
        bad("for ever, in the provider's words", _group(retentionInDays=0)),
        bad("no number", _group(retentionInDays="long")),
        unknown("nobody knows", _group(retentionInDays=UNKNOWN), expect={"log": Kind.UNRESOLVED}),
        absent("for ever", _group(), expect={"log": Kind.VIOLATION}),
    ),
)

RULES = (CW_01, CW_02)
