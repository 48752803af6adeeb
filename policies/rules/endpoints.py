"""Rules about VPC endpoints: whose credentials may be used through them, and on whose resources."""

from __future__ import annotations

from collections.abc import Iterator

from policies.documents import Condition, Statement, statements
from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, later, unknown, violation
from policies.tokens import VPC_ENDPOINT, VPC_ENDPOINT_POLICY
from policies.values import ABSENT, UNKNOWN

_ACCOUNTS = ("aws:principalaccount", "aws:resourceaccount")
_ORGANISATIONS = ("aws:principalorgid", "aws:resourceorgid")
_EQUAL, _UNEQUAL = (
    ("stringequals", "stringequalsignorecase", "stringlike"),
    ("stringnotequals", "stringnotequalsignorecase", "stringnotlike"),
)
_WITHOUT_POLICY = ("GatewayLoadBalancer", "Resource", "ServiceNetwork")


def _names_us(condition: Condition, operators: tuple[str, ...], accounts: frozenset[str]) -> bool:
    if condition.operator not in operators or not condition.values:
        return False
    if condition.key in _ACCOUNTS:
        return all(value.isdigit() and len(value) == 12 and (not accounts or value in accounts) for value in condition.values)
    return condition.key in _ORGANISATIONS and all(value.startswith("o-") and "*" not in value for value in condition.values)


def _refuses_strangers(statement: Statement, accounts: frozenset[str]) -> bool:
    """Whether it denies everything to callers of other accounts and says nothing else: the form of GuardDuty's guide."""
    return (
        not statement.allow
        and statement.admits_everyone
        and "*" in statement.actions
        and "*" in statement.resources
        and len(statement.conditions) == 1
        and _names_us(statement.conditions[0], _UNEQUAL, accounts)
    )


def _open(statement: Statement, accounts: frozenset[str]) -> bool:
    if not statement.allow or not statement.admits_everyone:
        return False
    if any(_names_us(condition, _EQUAL, accounts) for condition in statement.conditions):
        return False
    # What belongs to AWS is named one by one: packages and image layers in AWS's buckets.
    return not statement.resources or any(_anybodys(resource) for resource in statement.resources)


def _anybodys(resource: str) -> bool:
    parts = resource.split(":", 5)
    return len(parts) < 6 or parts[5].startswith(("*", "?")) or not parts[5] or (parts[2] != "s3" and "*" in parts[4])


def _ours_alone(resource: Resource) -> Iterator[Problem]:
    kind, service = resource.get("vpcEndpointType"), resource.get("serviceName")
    if kind in _WITHOUT_POLICY or (isinstance(service, str) and service.startswith("com.amazonaws.vpce.")):
        return  # endpoints of machines and of services that are not AWS's take no policy
    if resource.get("policy") in (ABSENT, ""):
        yield violation(resource, "policy", "has no policy of its own: AWS's lets every account's credentials through")
        return
    found = list(statements(resource, "policy"))
    yield from (each for each in found if isinstance(each, Problem))
    known = [each for each in found if isinstance(each, Statement)]
    if any(statement.partial for statement in known):
        yield later(resource, "policy")
        return
    accounts = resource.accounts
    if not any(_refuses_strangers(statement, accounts) for statement in known):
        for statement in known:
            if _open(statement, accounts):
                yield violation(
                    resource, "policy", f"{statement.label} names no account of ours: foreign credentials carry data out through it"
                )


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(condition: object = None, resource: object = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": resource, **({"Condition": condition} if condition else {})}


def _endpoint(policy: object, **props: object) -> Given:
    service = "com.amazonaws.us-east-1.logs"
    return Given(VPC_ENDPOINT, "logs", {"serviceName": service, "vpcEndpointType": "Interface", "policy": policy, **props})


_OURS = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
_STRANGERS: dict[str, object] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}},
}

NET_19 = ResourceRule(
    id="NET-19",
    severity=Severity.HIGH,
    title="The policy of a VPC endpoint names the accounts whose credentials, or whose resources, it is for.",
    rationale="An endpoint goes around the egress firewall: without a policy an intruder's own credentials carry data to an intruder's bucket.",
    remediation="Set a `policy` whose statements have `StringEquals` on `aws:PrincipalAccount` or `aws:ResourceAccount`, or name AWS's resources.",
    references=(),
    types=(VPC_ENDPOINT, VPC_ENDPOINT_POLICY),
    check=_ours_alone,
    examples=(
        good("our principals", _endpoint(_policy(_allow(_OURS)))),
        good("our resources", _endpoint(_policy(_allow({"StringEquals": {"aws:ResourceAccount": ["123456789012"]}})))),
        good("our organisation", _endpoint(_policy(_allow({"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}})))),
        good("everybody else is denied, as GuardDuty's guide has it", _endpoint(_policy(_allow(), _STRANGERS))),
        good(
            "AWS's own buckets, named",
            _endpoint(_policy(_allow(_OURS), _allow(resource=["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]))),
        ),
        good("an endpoint of machines takes none", _endpoint(None, vpcEndpointType="GatewayLoadBalancer")),
        bad("everybody", _endpoint(_policy(_allow()))),
        bad("one statement of two", _endpoint(_policy(_allow(_OURS), _allow()))),
        bad("any account", _endpoint(_policy(_allow({"StringLike": {"aws:PrincipalAccount": "*"}})))),
        bad(
            "only where the caller says so", _endpoint(_policy(_allow({"StringEqualsIfExists": {"aws:PrincipalAccount": "123456789012"}})))
        ),
        bad("any bucket", _endpoint(_policy(_allow(resource="arn:aws:s3:::*")))),
        bad(
            "others are denied one action",
            _endpoint(_policy(_allow(), {**_STRANGERS, "Action": "logs:PutLogEvents"})),
        ),
        bad("a policy of its own resource", Given(VPC_ENDPOINT_POLICY, "open", {"policy": _policy(_allow())})),
        unknown("not known", _endpoint(UNKNOWN), expect={"logs": Kind.UNRESOLVED}),
        unknown(
            "an account that is not known",
            _endpoint(_policy(_allow({"StringEquals": {"aws:PrincipalAccount": UNKNOWN}}))),
            expect={"logs": Kind.UNRESOLVED},
        ),
        absent("AWS's own lets everybody through", _endpoint(None), expect={"logs": Kind.VIOLATION}),
    ),
)

RULES = (NET_19,)
