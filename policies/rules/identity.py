"""Rules about identities: what roles may do, and who may become them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policies.documents import Statement, account_of, allowed
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN, Gap, items

POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"
_DOCUMENTS = (
    POLICY,
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
_INLINE = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"


def _everything(resource: Resource) -> Iterator[Problem]:
    if resource.type == ROLE:
        for inline in items(resource.get("inlinePolicies")):
            if isinstance(inline, Gap):
                yield unresolved(resource, "inlinePolicies")
            elif isinstance(inline, dict) and inline.get("policy", ABSENT) is not ABSENT:
                yield from _all_of_all(resource, "inlinePolicies", allowed(resource, "inlinePolicies", inline["policy"]))
        return
    prop = "inlinePolicy" if resource.type == _INLINE else "policy"
    yield from _all_of_all(resource, prop, allowed(resource, prop))


def _all_of_all(resource: Resource, prop: str, found: Iterator[Statement | Problem]) -> Iterator[Problem]:
    for statement in found:
        if isinstance(statement, Problem):
            yield statement
            continue
        everywhere = any(set(where) <= {"*"} for where in statement.resources) or bool(statement.not_resources)
        if not everywhere:
            continue
        if any(re.fullmatch(r"[*?]+(:[*?]+)?", action) for action in statement.actions):
            yield violation(resource, prop, f"{statement.label} allows every action on everything")
        elif statement.not_actions:
            yield violation(
                resource,
                prop,
                f"{statement.label} allows everything but {', '.join(statement.not_actions[:3])}, also what AWS adds tomorrow",
            )


def _document(**changes: object) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*", **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [{key: value for key, value in statement.items() if value is not None}]})


IAM_01 = ResourceRule(
    id="IAM-01",
    severity=Severity.CRITICAL,
    title="No policy allows every action on every resource.",
    rationale="Whoever gets hold of such a role owns the account: data, backups and the audit trail alike.",
    remediation="List the actions that the role needs and the resources that it needs them on.",
    references=("FSBP IAM.1", "CIS 1.15", "CKV_AWS_62", "CKV_AWS_63", "AVD-AWS-0057"),
    types=(*_DOCUMENTS, ROLE, _INLINE),
    check=_everything,
    examples=(
        good("one action on one bucket", Given(POLICY, "policy", {"policy": _document()})),
        good(
            "all resources for an action that knows none",
            Given(POLICY, "policy", {"policy": _document(Action="ecr:GetAuthorizationToken", Resource="*")}),
        ),
        good("deny everything", Given(POLICY, "policy", {"policy": _document(Effect="Deny", Action="*", Resource="*")})),
        good(
            "an object instead of text",
            Given(POLICY, "policy", {"policy": {"Statement": [{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["*"]}]}}),
        ),
        bad("everything", Given(POLICY, "policy", {"policy": _document(Action="*", Resource="*")})),
        bad(
            "everything, in lists",
            Given(POLICY, "policy", {"policy": _document(Action=["s3:Get*", "*:*"], Resource=["arn:aws:s3:::a", "*"])}),
        ),
        bad("everything but one thing", Given(POLICY, "policy", {"policy": _document(Action=None, NotAction="iam:*", Resource="*")})),
        bad(
            "an object instead of text",
            Given(POLICY, "policy", {"policy": {"statement": {"effect": "Allow", "action": "*", "resource": "*"}}}),
        ),
        bad(
            "a role's inline policy",
            Given(ROLE, "role", {"inlinePolicies": [{"name": "all", "policy": _document(Action="*", Resource="*")}]}),
        ),
        unknown(
            "composed from what does not exist yet",
            Given(POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["bucket"]}),
            Given("aws:s3/bucket:Bucket", "bucket", {}),
            expect={"policy": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}),
        unknown(
            "an object with an unknown part",
            Given(
                POLICY,
                "policy",
                {"policy": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": UNKNOWN}]}},
                {"policy": ["bucket"]},
            ),
            Given("aws:s3/bucket:Bucket", "bucket", {}),
            expect={"policy": Kind.LATER},
        ),
        absent("a role without inline policies", Given(ROLE, "role", {})),
    ),
)

_DEPUTIES = frozenset(
    {"bedrock.amazonaws.com", "cognito-idp.amazonaws.com", "fis.amazonaws.com", "pipes.amazonaws.com", "scheduler.amazonaws.com"}
)
"""Services that act for resources of any account and whose guides bind the trust policy by `aws:SourceAccount` or `aws:SourceArn`.

Services that only ever get a role passed to them by its own account (ECS tasks, Lambda, RDS, flow logs, Backup, CloudTrail …) need none.
"""
_GITHUB = "token.actions.githubusercontent.com"


def _narrow_trust(role: Resource) -> Iterator[Problem]:
    prop = "assumeRolePolicy"
    for statement in allowed(role, prop):
        if isinstance(statement, Problem):
            yield statement
            continue
        if statement.public:
            yield violation(role, prop, f"{statement.label} lets everybody take the role")
            continue
        for kind, principal in statement.principals:
            match kind.lower():
                case "federated":
                    yield from _federated(role, prop, statement, principal)
                case "aws":
                    yield from _account(role, prop, statement, principal)
                case "service":
                    if principal in _DEPUTIES and not statement.guarded:
                        yield violation(
                            role, prop, f"{statement.label} lets {principal} take the role for anybody: bind it by `aws:SourceAccount`"
                        )
                case _:
                    yield violation(role, prop, f"{statement.label} has a principal of kind {kind}, which cannot take a role")


def _federated(role: Resource, prop: str, statement: Statement, principal: str) -> Iterator[Problem]:
    if ":saml-provider/" in principal:
        if not _pinned(statement, "saml:aud"):
            yield violation(role, prop, f"{statement.label} does not fix `SAML:aud`")
        return
    issuer = principal.rpartition(":oidc-provider/")[2]
    cognito = issuer == "cognito-identity.amazonaws.com"
    if not _pinned(statement, f"{issuer.lower()}:aud"):
        yield violation(role, prop, f"{statement.label} does not fix `{issuer}:aud`")
    if not cognito and not _pinned(statement, f"{issuer.lower()}:sub"):
        yield violation(role, prop, f"{statement.label} does not fix `{issuer}:sub`: everybody with a token of {issuer} may take the role")
    elif issuer == _GITHUB:
        for value in _accepted(statement, f"{_GITHUB}:sub"):
            if not re.match(r"^repo:[^*?/:]+/[^*?/:]+:[^*?]", value):
                yield violation(role, prop, f"{statement.label} accepts `{value}`: name the repository and a branch, tag or environment")


def _account(role: Resource, prop: str, statement: Statement, principal: str) -> Iterator[Problem]:
    if "*" in principal or statement.guarded or _accepted(statement, "sts:externalid"):
        return
    account = account_of(principal)
    if account and account in role.accounts:
        return
    if not account:
        yield violation(role, prop, f"{statement.label} trusts {principal}, which names no account")
    elif role.accounts:
        yield violation(role, prop, f"{statement.label} trusts the foreign account {account} without an external id")
    else:
        yield unresolved(
            role, prop, f"{statement.label} trusts account {account}; `allowedAccountIds` of the provider says which one is yours"
        )


def _accepted(statement: Statement, key: str) -> list[str]:
    wanted = ("stringequals", "stringlike", "stringequalsignorecase")
    return [
        value
        for condition in statement.conditions
        if condition.key == key and condition.operator.removeprefix("foranyvalue:") in wanted
        for value in condition.values
    ]


def _pinned(statement: Statement, key: str) -> bool:
    values = _accepted(statement, key)
    return bool(values) and all(value.strip("*?") for value in values)


def _trust(name: str = "role", **changes: object) -> Given:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **changes}
    return Given(ROLE, name, {"assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


def _github(sub: object) -> Given:
    return _trust(
        Action="sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": f"arn:aws:iam::123456789012:oidc-provider/{_GITHUB}"},
        Condition={"StringEquals": {f"{_GITHUB}:aud": "sts.amazonaws.com"}, **({"StringLike": {f"{_GITHUB}:sub": sub}} if sub else {})},
    )


_OURS = Given("pulumi:providers:aws", "aws", {"allowedAccountIds": '["123456789012"]'})

IAM_05 = ResourceRule(
    id="IAM-05",
    severity=Severity.CRITICAL,
    title="Roles trust exactly who needs them.",
    rationale="A role that strangers may take is an open door, however narrow its permissions are.",
    remediation=(
        "Name the service or role; for OIDC fix `aud` and `sub`; for another account demand `sts:ExternalId`; "
        "bind services that act for anybody by `aws:SourceAccount`."
    ),
    references=("CKV_AWS_60", "CKV_AWS_61", "CKV_AWS_393"),
    types=(ROLE,),
    check=_narrow_trust,
    examples=(
        *(
            good(f"the service {service}", _trust(Principal={"Service": f"{service}.amazonaws.com"}))
            for service in ("ecs-tasks", "lambda", "monitoring.rds", "vpc-flow-logs", "backup", "cloudtrail", "ecs", "ec2")
        ),
        good(
            "a deputy that is bound",
            _trust(Principal={"Service": "scheduler.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        ),
        good("one repository and environment", _github("repo:acme/nautilus:environment:prod")),
        good("one's own account", _trust(Principal={"AWS": "arn:aws:iam::123456789012:root"}), _OURS),
        good(
            "another account with an external id",
            _trust(Principal={"AWS": "999999999999"}, Condition={"StringEquals": {"sts:ExternalId": "x1"}}),
            _OURS,
        ),
        bad("everybody", _trust(Principal="*")),
        bad("everybody, written out", _trust(Principal={"AWS": "*"})),
        bad("everybody but one", _trust(NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"})),
        bad("a deputy for anybody", _trust(Principal={"Service": "scheduler.amazonaws.com"})),
        bad("any repository", _github("repo:*")),
        bad("any repository of one owner", _github("repo:acme/*")),
        bad("any branch of one repository", _github("repo:acme/nautilus:*")),
        bad("no subject at all", _github(None)),
        bad("another account without an external id", _trust(Principal={"AWS": "arn:aws:iam::999999999999:role/x"}), _OURS),
        unknown(
            "composed from what does not exist yet",
            Given(ROLE, "role", {"assumeRolePolicy": UNKNOWN}, {"assumeRolePolicy": ["issuer"]}),
            Given("aws:iam/openIdConnectProvider:OpenIdConnectProvider", "issuer", {}),
            expect={"role": Kind.LATER},
        ),
        unknown("unknown, and nothing explains it", Given(ROLE, "role", {"assumeRolePolicy": UNKNOWN}), expect={"role": Kind.UNRESOLVED}),
        unknown("an account, and nobody said whose", _trust(Principal={"AWS": "999999999999"}), expect={"role": Kind.UNRESOLVED}),
        absent("no trust policy yet", Given(ROLE, "role", {})),
    ),
)

_ATTACHMENTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
    ROLE: "managedPolicyArns",
}
_ATTACHMENT = next(iter(_ATTACHMENTS))
_ADMINISTRATOR = re.compile(r":aws:policy/([\w+=,.@-]+/)*AdministratorAccess(-[\w-]+)?$")


def _administrators(resource: Resource) -> Iterator[Problem]:
    prop = _ATTACHMENTS[resource.type]
    value = resource.get(prop)
    if value is UNKNOWN and not resource.sources(prop, POLICY):
        yield unresolved(resource, prop)
        return
    for arn in items(value):
        if isinstance(arn, str) and _ADMINISTRATOR.search(arn):
            yield violation(resource, prop, f"attaches {arn.rpartition('/')[2]}")
        elif arn is UNKNOWN and not resource.sources(prop, POLICY):
            yield unresolved(resource, prop)


def _attached(arn: object, **depends: list[str]) -> Given:
    return Given(_ATTACHMENT, "attachment", {"role": "role", "policyArn": arn}, depends)


IAM_06 = ResourceRule(
    id="IAM-06",
    severity=Severity.CRITICAL,
    title="Nobody gets AdministratorAccess.",
    rationale="An administrator of the account can switch off every other control in it.",
    remediation="Attach a policy with what the role needs.",
    references=("CKV_AWS_274",),
    types=tuple(_ATTACHMENTS),
    check=_administrators,
    examples=(
        good("a service role's policy", _attached("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")),
        good("a policy of one's own with a like name", _attached("arn:aws:iam::123456789012:policy/NotAdministratorAccess")),
        bad("administrator", _attached("arn:aws:iam::aws:policy/AdministratorAccess")),
        bad("one of its variants", _attached("arn:aws:iam::aws:policy/AdministratorAccess-Amplify")),
        bad("in another partition", _attached("arn:aws-us-gov:iam::aws:policy/AdministratorAccess")),
        bad("a role that brings it along", Given(ROLE, "role", {"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]})),
        unknown("a policy of this stack", _attached(UNKNOWN, policyArn=["own"]), Given(POLICY, "own", {})),
        unknown("a policy from nowhere", _attached(UNKNOWN), expect={"attachment": Kind.UNRESOLVED}),
        absent("a role without managed policies", Given(ROLE, "role", {})),
    ),
)

RULES = (IAM_01, IAM_05, IAM_06)
