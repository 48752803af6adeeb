"""Rules about permissions that hand on other permissions, and about who may call functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

from policies.documents import Statement, allowed
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.rules.identity import POLICY
from policies.values import ABSENT, UNKNOWN

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
PERMISSION = "aws:lambda/permission:Permission"


def _every_role(resource: str) -> bool:
    """Whether an ARN pattern covers roles of any name."""
    name = resource.rpartition(":role/")[2] if ":role/" in resource else resource.rpartition(":")[2]
    return not name.strip("*?/")


def _hands_on(statement: Statement) -> bool:
    return any(fnmatchcase("iam:passrole", action.lower()) for action in statement.actions)


def _scoped(resource: Resource) -> Iterator[Problem]:
    for statement in allowed(resource, "policy"):
        if isinstance(statement, Problem):
            yield statement
        elif _hands_on(statement) and (statement.not_resources or any(map(_every_role, statement.resources))):
            yield violation(resource, "policy", f"{statement.label} hands every role of the account to a service")


def _policy(type_: str = ROLE_POLICY, **changes: object) -> Given:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::123456789012:role/job",
        **changes,
    }
    return Given(type_, "policy", {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


IAM_03 = ResourceRule(
    id="IAM-03",
    severity=Severity.HIGH,
    title="Who may pass a role names it.",
    rationale="Whoever starts a task with any role has what any role may do: the most powerful one of the account is one call away.",
    remediation="List the roles' ARNs, and bind the statement by `iam:PassedToService`.",
    references=("AVD-AWS-0342", "CKV_AWS_286"),
    types=(POLICY, ROLE_POLICY),
    check=_scoped,
    examples=(
        good("one role", _policy()),
        good("roles of one stack", _policy(Resource="arn:aws:iam::123456789012:role/nautilus-*")),
        good("something else everywhere", _policy(Action="ecr:GetAuthorizationToken", Resource="*")),
        good("a denial", _policy(Effect="Deny", Resource="*")),
        bad("every role", _policy(Resource="*")),
        bad("every role of the account", _policy(Resource=["arn:aws:iam::123456789012:role/job", "arn:aws:iam::123456789012:role/*"])),
        bad("by a pattern", _policy(POLICY, Action="iam:Pass*", Resource="*")),
        bad("whatever the service", _policy(Resource="*", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})),
        unknown(
            "composed from what does not exist yet",
            Given(ROLE_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["role"]}),
            Given("aws:iam/role:Role", "role", {}),
            expect={"policy": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(ROLE_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}),
        absent("no policy", Given(ROLE_POLICY, "policy", {})),
    ),
)


def _called(permission: Resource) -> Iterator[Problem]:
    principal = permission.get("principal")
    if principal is UNKNOWN:
        yield unresolved(permission, "principal")
        return
    text = str(principal)
    bound = any(permission.get(prop) not in (ABSENT, "") for prop in ("sourceArn", "sourceAccount", "principalOrgId"))
    if not bound and (text == "*" or text.endswith(".amazonaws.com")):
        yield violation(permission, "principal", f"{'everybody' if text == '*' else text} may call it for anybody: no source is named")


def _permission(**props: object) -> Given:
    return Given(PERMISSION, "call", {"action": "lambda:InvokeFunction", "function": "hook", **props})


LAM_01 = ResourceRule(
    id="LAM-01",
    severity=Severity.HIGH,
    title="A function is called for those whom it names.",
    rationale="AWS's services call for any account: without a source a stranger's rule or bucket calls our function.",
    remediation="Set `source_arn` or `source_account` on the permission.",
    references=("FSBP Lambda.1", "CKV_AWS_301", "CKV_AWS_364"),
    types=(PERMISSION,),
    check=_called,
    examples=(
        good("one rule", _permission(principal="events.amazonaws.com", sourceArn="arn:aws:events:us-east-1:123456789012:rule/x")),
        good("a rule that does not exist yet", _permission(principal="events.amazonaws.com", sourceArn=UNKNOWN)),
        good("one account", _permission(principal="secretsmanager.amazonaws.com", sourceAccount="123456789012")),
        good("a role by name", _permission(principal="arn:aws:iam::123456789012:role/caller")),
        bad("everybody", _permission(principal="*")),
        bad("a service for anybody", _permission(principal="events.amazonaws.com")),
        unknown("nobody knows who", _permission(principal=UNKNOWN), expect={"call": Kind.UNRESOLVED}),
        absent("an empty source", _permission(principal="sns.amazonaws.com", sourceArn=""), expect={"call": Kind.VIOLATION}),
    ),
)

RULES = (IAM_03, LAM_01)
