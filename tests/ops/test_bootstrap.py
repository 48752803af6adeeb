"""`bootstrap` makes what is missing, repairs what differs, and does nothing twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nautilus.ops.bootstrap import Target, state_steps, steps
from nautilus.ops.bootstrap_account import SERVICE_LINKED_ROLES, Needs, Quota, ServiceLinkedRole
from nautilus.ops.bootstrap_ci import CiScope, OidcProvider, deploy_policy, preview_policy
from nautilus.ops.bootstrap_state import StateBucket, bucket_policy
from nautilus.ops.steps import Finding, Status, StepResult, run_steps
from tests.ops.conftest import ACCOUNT, REGION, CachedSession

NEEDS = Needs(vpcs=1, elastic_ips=3, nat_gateways_per_zone=1, load_balancers=1, fargate_vcpu=106)


def target(**more: Any) -> Target:
    settings: dict[str, Any] = {"stack": "prod", "project": "nautilus", "account": ACCOUNT, "region": REGION, "needs": NEEDS}
    return Target(**{**settings, **more})


def run(session: CachedSession, goal: Target, *, dry_run: bool = False) -> dict[str, StepResult]:
    # Of Service Quotas moto knows the VPC's alone, and no defaults.
    known = [step for step in steps(session, goal) if not step.name.startswith("quota:") or step.name.startswith("quota:vpc/")]
    return {result.name: result for result in run_steps(known, dry_run=dry_run)}


def makeable(results: dict[str, StepResult]) -> dict[str, StepResult]:
    return {name: result for name, result in results.items() if not name.startswith("quota:")}


CI = target(repository="acme/nautilus-infra")


def test_the_bucket_is_versioned_encrypted_private_and_tls_only(session: CachedSession) -> None:
    run(session, target())
    s3, bucket = session.client("s3"), f"nautilus-pulumi-state-{ACCOUNT}-{REGION}"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    key = session.client("kms").describe_key(KeyId="alias/nautilus-pulumi-state")["KeyMetadata"]["Arn"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rule["BucketKeyEnabled"] is True
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Effect"] == "Deny"
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    life = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
    assert life["NoncurrentVersionExpiration"]["NoncurrentDays"] == 365


def test_us_east_1_is_created_without_naming_the_region(session: CachedSession) -> None:
    bucket = StateBucket(
        session.client("s3", region_name="us-east-1"), "one", "us-east-1", "aws", ACCOUNT, state_steps(session, target())[0], {}
    )
    bucket.key.apply()
    bucket.apply()
    names = [item["Name"] for item in session.client("s3").list_buckets()["Buckets"]]
    assert names == ["one"]
    assert bucket.check().status is Status.DONE


def test_keys_rotate_and_each_stack_has_its_own_for_secrets(session: CachedSession) -> None:
    run(session, target())
    run(session, target(stack="staging"))
    kms = session.client("kms")
    arns = {
        alias: kms.describe_key(KeyId=f"alias/nautilus-{alias}")["KeyMetadata"]["KeyId"]
        for alias in ("pulumi-state", "prod-pulumi-secrets", "staging-pulumi-secrets")
    }
    assert len(set(arns.values())) == 3
    assert all(kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] for key in arns.values())
    assert len(kms.list_keys()["Keys"]) == 3


def test_a_dry_run_says_everything_and_changes_nothing(session: CachedSession) -> None:
    results = makeable(run(session, CI, dry_run=True))
    assert {result.status for result in results.values()} == {Status.MISSING}
    assert all(result.actions for result in results.values())
    assert session.client("s3").list_buckets()["Buckets"] == []
    assert session.client("kms").list_keys()["Keys"] == []
    assert session.client("iam").list_roles()["Roles"] == []


@pytest.mark.usefixtures("managed_policies")
def test_a_second_run_finds_everything_done(session: CachedSession) -> None:
    first, second = makeable(run(session, CI)), makeable(run(session, CI))
    assert {result.status for result in first.values()} == {Status.APPLIED}
    assert {result.status for result in second.values()} == {Status.DONE}, second
    assert len(session.client("kms").list_keys()["Keys"]) == 2


@pytest.mark.parametrize(
    ("step", "break_it"),
    [
        ("state-bucket", lambda s, b: s.client("s3").put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Suspended"})),
        ("state-bucket", lambda s, b: s.client("s3").delete_bucket_policy(Bucket=b)),
        ("state-bucket", lambda s, b: s.client("s3").delete_public_access_block(Bucket=b)),
        ("state-bucket", lambda s, b: s.client("s3").delete_bucket_lifecycle(Bucket=b)),
        ("state-bucket", lambda s, b: s.client("s3").delete_bucket_encryption(Bucket=b)),
        (
            "secrets-key",
            lambda s, _: s.client("kms").disable_key_rotation(
                KeyId=s.client("kms").describe_key(KeyId="alias/nautilus-prod-pulumi-secrets")["KeyMetadata"]["KeyId"]
            ),
        ),
        ("ci-deploy-role", lambda s, _: s.client("iam").delete_role_policy(RoleName="nautilus-ci-prod-deploy", PolicyName="nautilus")),
        (
            "ci-preview-role",
            lambda s, _: s.client("iam").detach_role_policy(
                RoleName="nautilus-ci-prod-preview", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"
            ),
        ),
        (
            "ci-preview-role",
            lambda s, _: s.client("iam").update_assume_role_policy(
                RoleName="nautilus-ci-prod-preview",
                PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}',
            ),
        ),
    ],
)
@pytest.mark.usefixtures("managed_policies")
def test_what_somebody_changed_is_seen_and_repaired(session: CachedSession, step: str, break_it: Any) -> None:
    run(session, CI)
    break_it(session, CI.bucket)
    seen = run(session, CI, dry_run=True)[step]
    assert (seen.status, bool(seen.actions)) == (Status.DIFFERS, True)
    assert run(session, CI)[step].status is Status.APPLIED
    assert run(session, CI)[step].status is Status.DONE


def test_an_alias_on_a_key_that_is_being_deleted_gets_a_new_key(session: CachedSession) -> None:
    run(session, target())
    kms = session.client("kms")
    old = kms.describe_key(KeyId="alias/nautilus-pulumi-state")["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=old, PendingWindowInDays=7)
    results = run(session, target())
    assert (results["state-key"].status, results["state-bucket"].status) == (Status.APPLIED, Status.APPLIED)
    assert kms.describe_key(KeyId="alias/nautilus-pulumi-state")["KeyMetadata"]["KeyId"] != old


@pytest.mark.usefixtures("managed_policies")
def test_ci_roles_are_for_one_repository_and_never_a_wildcard(session: CachedSession) -> None:
    run(session, CI)
    iam = session.client("iam")
    subjects = {}
    for kind in ("preview", "deploy"):
        role = iam.get_role(RoleName=f"nautilus-ci-prod-{kind}")["Role"]
        statement = role["AssumeRolePolicyDocument"]["Statement"][0]
        assert list(statement["Condition"]) == ["StringEquals"]
        assert statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
        subjects[kind] = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subjects == {
        "preview": ["repo:acme/nautilus-infra:pull_request", "repo:acme/nautilus-infra:ref:refs/heads/main"],
        "deploy": ["repo:acme/nautilus-infra:environment:prod"],
    }
    assert iam.get_role(RoleName="nautilus-ci-prod-deploy")["Role"]["MaxSessionDuration"] == 7200


def test_without_a_repository_there_is_no_identity_provider(session: CachedSession) -> None:
    run(session, target())
    assert session.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


class SharedProvider:
    """IAM with GitHub's provider of another project, for another audience."""

    def __init__(self) -> None:
        self.audiences = ["other"]

    def get_open_id_connect_provider(self, **_: str) -> dict[str, Any]:
        return {"ClientIDList": self.audiences}

    def add_client_id_to_open_id_connect_provider(self, *, ClientID: str, **_: str) -> None:  # noqa: N803 - boto3's name
        self.audiences = [*self.audiences, ClientID]


def test_a_provider_of_another_project_gets_our_audience_and_keeps_its_own() -> None:
    iam = SharedProvider()
    provider = OidcProvider(iam, "aws", ACCOUNT)
    assert provider.check().status is Status.DIFFERS
    provider.apply()
    assert iam.audiences == ["other", "sts.amazonaws.com"]
    assert provider.check().status is Status.DONE


@pytest.mark.parametrize("name", ["acme", "acme/", "*/nautilus", "acme/*", "acme/a/b", "repo:acme/x", "-a/b"])
def test_a_repository_must_be_owner_and_name(name: str) -> None:
    with pytest.raises(ValueError, match="OWNER/NAME"):
        target(repository=name)


def test_a_repository_whose_subject_carries_numbers() -> None:
    assert target(repository="acme@12/nautilus@345").repository == "acme@12/nautilus@345"


SCOPE = CiScope("aws", ACCOUNT, REGION, "bucket", ("arn:key/1",), "nautilus-prod", "nautilus-ci-prod")


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["Sid"]: item for item in policy["Statement"]}


def test_preview_reads_the_state_and_no_data() -> None:
    found = statements(preview_policy(SCOPE))
    assert found["NoObjects"]["NotResource"] == "arn:aws:s3:::bucket/*"
    assert {"dynamodb:Query", "logs:GetLogEvents"} <= set(found["NoData"]["Action"])
    header = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:nautilus/prod/origin-header-*"
    assert (found["NoSecrets"]["Effect"], found["NoSecrets"]["NotResource"]) == ("Deny", header), "the program reads this one, and no other"
    assert (found["ReadOriginHeader"]["Effect"], found["ReadOriginHeader"]["Resource"]) == ("Allow", header)
    assert found["DecryptOriginHeader"]["Condition"]["StringLike"] == {"kms:EncryptionContext:SecretARN": header}
    allowed = [
        action
        for item in found.values()
        if item["Effect"] == "Allow"
        for action in ([item["Action"]] if isinstance(item["Action"], str) else item["Action"])
    ]
    state = ["kms:Decrypt", "kms:DescribeKey", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]
    assert sorted(allowed) == sorted([*state, "kms:Decrypt", "secretsmanager:GetSecretValue"])


def test_deploy_manages_its_own_names_and_cannot_change_its_own_trust_or_lose_the_state() -> None:
    found = statements(deploy_policy(SCOPE))
    assert all(arn.split("/")[-1] == "nautilus-prod-*" for arn in found["OwnIam"]["Resource"])
    assert f"arn:aws:iam::{ACCOUNT}:role/nautilus-ci-prod-*" in found["NotItself"]["Resource"]
    assert "s3:DeleteObjectVersion" in found["KeepState"]["Action"]
    assert "kms:ScheduleKeyDeletion" in found["KeepKeys"]["Action"]
    assert found["NoAdministrators"]["Effect"] == "Deny"
    assert len(json.dumps(deploy_policy(SCOPE), separators=(",", ":"))) < 10_240  # the limit of a role's inline policies


def test_service_linked_roles_are_made_once(session: CachedSession) -> None:
    results = run(session, target())
    names = {f"service-role:{service}" for service in SERVICE_LINKED_ROLES}
    assert {results[name].status for name in names} == {Status.APPLIED}
    again = run(session, target())
    assert {again[name].status for name in names} == {Status.DONE}


class Iam:
    """IAM that refuses to make a role."""

    def __init__(self, code: str, message: str) -> None:
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, "CreateServiceLinkedRole")

    def create_service_linked_role(self, **_: str) -> None:
        raise self.error

    def list_roles(self, **_: Any) -> dict[str, list[dict[str, str]]]:
        return {"Roles": [{"Arn": "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"}]}


def test_a_role_that_the_service_made_meanwhile_is_as_good() -> None:
    taken = Iam("InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account")
    assert ServiceLinkedRole(taken, "ecs.amazonaws.com").apply().endswith("AWSServiceRoleForECS")
    with pytest.raises(ClientError):
        ServiceLinkedRole(Iam("AccessDenied", "no"), "ecs.amazonaws.com").apply()


def test_the_vpc_quota_counts_what_others_use_but_not_the_stack_itself(session: CachedSession) -> None:
    ec2 = session.client("ec2")
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    own = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[own], Tags=[{"Key": "Name", "Value": "nautilus-prod-vpc"}])
    result = run(session, target(), dry_run=True)["quota:vpc/L-F678F1CE"]
    # moto's account comes with one default VPC; AWS allows five.
    assert (result.status, result.detail) == (Status.WARNING, "5 allowed, 5 used by others, 1 needed")
    assert result.actions == (
        "aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 6",
    )


class Quotas:
    """Service Quotas with an applied value, a default value, or neither."""

    def __init__(self, applied: float | None, default: float | None, code: str = "NoSuchResourceException") -> None:
        self.values = {"get_service_quota": applied, "get_aws_default_service_quota": default}
        self.code = code

    def __getattr__(self, name: str) -> Any:
        def answer(**_: str) -> dict[str, Any]:
            if self.values[name] is None:
                raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, name)
            return {"Quota": {"Value": self.values[name]}}

        return answer


@pytest.mark.parametrize(
    ("client", "need", "status"),
    [
        (Quotas(200, 6), 106, Status.DONE),
        (Quotas(6, 200), 106, Status.WARNING),
        (Quotas(None, 200), 106, Status.DONE),
        (Quotas(None, 6), 106, Status.WARNING),
        (Quotas(None, None), 106, Status.UNKNOWN),
        (Quotas(None, None, "AccessDeniedException"), 106, Status.UNKNOWN),
        (Quotas(None, None), 0, Status.DONE),
    ],
)
def test_a_quota_takes_the_applied_value_then_the_default(client: Any, need: float, status: Status) -> None:
    assert Quota(client, "fargate", "L-3032A538", "vCPUs", need, None).check().status is status


class Refusing:
    """A step that AWS refuses."""

    name = "second"
    title = "second"

    def check(self) -> Finding:
        return Finding(Status.MISSING, "not there", ("make it",))

    def apply(self) -> str:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Make")


class Fine:
    """A step that works."""

    title = "fine"

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self) -> Finding:
        return Finding(Status.MISSING, "not there", ("make it",))

    def apply(self) -> str:
        return "made"


def test_a_refusal_stops_the_run_and_is_reported() -> None:
    told: list[str] = []
    results = run_steps([Fine("first"), Refusing(), Fine("third")], dry_run=False, on_result=lambda result: told.append(result.name))
    assert [(item.name, item.status) for item in results] == [("first", Status.APPLIED), ("second", Status.FAILED)]
    assert told == ["first", "second"]
    assert "not you" in results[1].detail


def test_the_commands_are_exact() -> None:
    assert target().commands()[:2] == [
        f"pulumi login 's3://nautilus-pulumi-state-{ACCOUNT}-{REGION}?region={REGION}'",
        f"pulumi stack init prod --secrets-provider 'awskms://alias/nautilus-prod-pulumi-secrets?region={REGION}'",
    ]


def test_the_longest_project_and_region_still_give_a_bucket_name() -> None:
    assert len(target(project="a" * 12, region="ap-southeast-1").bucket) <= 63


def test_the_bucket_policy_refuses_old_tls() -> None:
    assert bucket_policy("aws", "b")["Statement"][1]["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
