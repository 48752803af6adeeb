"""Bootstrap, part two: what a GitHub workflow signs in with.

No long-lived key: an OIDC provider, a role that reads and a role that deploys.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops.steps import Finding, Status, code_of

ISSUER: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
INLINE: Final = "nautilus"
DEPLOY_SECONDS: Final = 7200
"""Longest session of the deploy role: a first `up` and a canary with holds outlast AWS's default of one hour."""


@dataclass
class OidcProvider:
    """GitHub as an identity provider of the account. There is one an account, and other projects may use it."""

    client: Any
    partition: str
    account: str
    name: str = "github-oidc"
    title: str = "GitHub as OIDC provider"

    @property
    def arn(self) -> str:
        """The provider's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{ISSUER}"

    def _found(self) -> dict[str, Any] | None:
        try:
            return dict(self.client.get_open_id_connect_provider(OpenIDConnectProviderArn=self.arn))
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return None
            raise

    def check(self) -> Finding:
        """Look for the provider and its audience."""
        found = self._found()
        if found is None:
            return Finding(Status.MISSING, f"{ISSUER} is not known to the account", (f"create {self.arn}",))
        if AUDIENCE not in found["ClientIDList"]:
            return Finding(Status.DIFFERS, f"{self.arn} does not know the audience {AUDIENCE}", (f"add the audience {AUDIENCE}",))
        return Finding(Status.DONE, self.arn)

    def apply(self) -> str:
        """Make it, or add the audience. AWS checks GitHub's certificate by its own roots, so no thumbprint is given."""
        if self._found() is None:
            self.client.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE])
        else:
            self.client.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=self.arn, ClientID=AUDIENCE)
        return self.arn


def trust(provider_arn: str, subjects: list[str]) -> dict[str, Any]:
    """Who may take the role: tokens of GitHub for exactly these subjects.

    No wildcard: `repo:owner/*` would let in every repository of the owner.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "GitHubActions",
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": sorted(subjects)}},
            }
        ],
    }


@dataclass(frozen=True)
class CiScope:
    """What the roles' policies speak about."""

    partition: str
    account: str
    region: str
    bucket: str
    key_arns: tuple[str, ...]
    prefix: str
    """First part of every physical name of the stack: `nautilus-prod`."""
    role_prefix: str
    """First part of the CI roles' own names, which they must not change."""


def _state_read(scope: CiScope) -> list[dict[str, Any]]:
    bucket = f"arn:{scope.partition}:s3:::{scope.bucket}"
    return [
        {"Sid": "ListState", "Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": bucket},
        {"Sid": "ReadState", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
        {"Sid": "DecryptState", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": sorted(scope.key_arns)},
    ]


def preview_policy(scope: CiScope) -> dict[str, Any]:
    """Beside AWS's ReadOnlyAccess: read the state, and never read data. A pull request's code runs with this role.

    One secret it may read, which stands in the state anyway: the header by which the load balancer knows CloudFront. The program asks for
    its value at each evaluation, because rotation may have changed it.
    """
    bucket = f"arn:{scope.partition}:s3:::{scope.bucket}"
    project, _, environment = scope.prefix.rpartition("-")
    header = f"arn:{scope.partition}:secretsmanager:{scope.region}:{scope.account}:secret:{project}/{environment}/origin-header-*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            *_state_read(scope),
            {
                "Sid": "NoObjects",
                "Effect": "Deny",
                "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "NotResource": f"{bucket}/*",
            },
            {
                "Sid": "NoData",
                "Effect": "Deny",
                "Action": [
                    "athena:GetQueryResults",
                    "dynamodb:BatchGetItem",
                    "dynamodb:GetItem",
                    "dynamodb:PartiQLSelect",
                    "dynamodb:Query",
                    "dynamodb:Scan",
                    "ecr:GetDownloadUrlForLayer",
                    "logs:FilterLogEvents",
                    "logs:GetLogEvents",
                    "logs:StartQuery",
                    "sqs:ReceiveMessage",
                ],
                "Resource": "*",
            },
            {"Sid": "NoSecrets", "Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "NotResource": header},
            {"Sid": "ReadOriginHeader", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": header},
            {
                "Sid": "DecryptOriginHeader",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{scope.region}.amazonaws.com"},
                    "StringLike": {"kms:EncryptionContext:SecretARN": header},
                },
            },
        ],
    }


def deploy_policy(scope: CiScope) -> dict[str, Any]:
    """Beside AWS's PowerUserAccess: write the state, and manage the IAM of this stack's own names.

    It may make roles for the stack, so whoever deploys can reach what such a role may reach: the role is taken from a protected GitHub
    environment alone. It cannot change how it is itself trusted, hand out AWS's administrator policies, or destroy the state.
    """
    iam = f"arn:{scope.partition}:iam::{scope.account}"
    bucket = f"arn:{scope.partition}:s3:::{scope.bucket}"
    own = [
        f"{iam}:role/{scope.prefix}-*",
        f"{iam}:policy/{scope.prefix}-*",
        f"{iam}:instance-profile/{scope.prefix}-*",
        f"{iam}:user/{scope.prefix}-*",
    ]
    powerful = [f"arn:{scope.partition}:iam::aws:policy/{name}" for name in ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            *_state_read(scope),
            {"Sid": "WriteState", "Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": f"{bucket}/*"},
            {
                "Sid": "EncryptState",
                "Effect": "Allow",
                "Action": ["kms:Encrypt", "kms:GenerateDataKey*"],
                "Resource": sorted(scope.key_arns),
            },
            {"Sid": "SeeIam", "Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"},
            {"Sid": "OwnIam", "Effect": "Allow", "Action": "iam:*", "Resource": own},
            {
                "Sid": "AccountBaseline",
                "Effect": "Allow",
                "Action": ["iam:CreateServiceLinkedRole", "iam:UpdateAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy"],
                "Resource": "*",
            },
            {
                "Sid": "NotItself",
                "Effect": "Deny",
                "NotAction": ["iam:Get*", "iam:List*", "sts:*"],
                "Resource": [f"{iam}:role/{scope.role_prefix}-*", f"{iam}:oidc-provider/{ISSUER}"],
            },
            {
                "Sid": "NoAdministrators",
                "Effect": "Deny",
                "Action": ["iam:AttachRolePolicy", "iam:AttachUserPolicy"],
                "Resource": "*",
                "Condition": {"ArnEquals": {"iam:PolicyARN": powerful}},
            },
            {
                "Sid": "KeepState",
                "Effect": "Deny",
                "Action": [
                    "s3:DeleteBucket",
                    "s3:DeleteBucketPolicy",
                    "s3:DeleteObjectVersion",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketPublicAccessBlock",
                    "s3:PutBucketVersioning",
                    "s3:PutEncryptionConfiguration",
                    "s3:PutLifecycleConfiguration",
                ],
                "Resource": [bucket, f"{bucket}/*"],
            },
            {
                "Sid": "KeepKeys",
                "Effect": "Deny",
                "Action": ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
                "Resource": sorted(scope.key_arns),
            },
        ],
    }


@dataclass
class CiRole:
    """A role of a workflow: its trust, one policy of AWS's and one of ours. What somebody else attached to it is named, not removed."""

    client: Any
    role: str
    description: str
    provider: OidcProvider
    subjects: list[str]
    managed: str
    policy: dict[str, Any]
    name: str
    title: str
    tags: dict[str, str] = field(default_factory=dict[str, str])
    seconds: int = 3600

    def _found(self) -> dict[str, Any] | None:
        try:
            return dict(self.client.get_role(RoleName=self.role)["Role"])
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return None
            raise

    def _inline(self) -> dict[str, Any] | None:
        try:
            document = self.client.get_role_policy(RoleName=self.role, PolicyName=INLINE)["PolicyDocument"]
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return None
            raise
        return document if isinstance(document, dict) else json.loads(document)

    def _attached(self) -> list[str]:
        return [str(item["PolicyArn"]) for item in self.client.list_attached_role_policies(RoleName=self.role)["AttachedPolicies"]]

    def check(self) -> Finding:
        """Look at the role, who may take it, and what it may do."""
        found = self._found()
        if found is None:
            return Finding(Status.MISSING, f"there is no role {self.role}", (f"create {self.role} for {', '.join(sorted(self.subjects))}",))
        lacks: list[str] = []
        if found["AssumeRolePolicyDocument"] != trust(self.provider.arn, self.subjects):
            lacks.append(f"trust exactly {', '.join(sorted(self.subjects))}")
        if found.get("MaxSessionDuration", 3600) != self.seconds:
            lacks.append(f"allow sessions of {self.seconds} s")
        if self._inline() != self.policy:
            lacks.append("set its policy")
        if self.managed not in self._attached():
            lacks.append(f"attach {self.managed}")
        if lacks:
            return Finding(Status.DIFFERS, f"{self.role} is not as it should be", tuple(lacks))
        return Finding(Status.DONE, str(found["Arn"]))

    def apply(self) -> str:
        """Make the role, or set its trust and its policies."""
        document = json.dumps(trust(self.provider.arn, self.subjects))
        if self._found() is None:
            self.client.create_role(
                RoleName=self.role,
                AssumeRolePolicyDocument=document,
                Description=self.description,
                MaxSessionDuration=self.seconds,
                Tags=[{"Key": name, "Value": value} for name, value in sorted(self.tags.items())],
            )
        else:
            self.client.update_assume_role_policy(RoleName=self.role, PolicyDocument=document)
            self.client.update_role(RoleName=self.role, MaxSessionDuration=self.seconds, Description=self.description)
        self.client.put_role_policy(RoleName=self.role, PolicyName=INLINE, PolicyDocument=json.dumps(self.policy))
        if self.managed not in self._attached():
            self.client.attach_role_policy(RoleName=self.role, PolicyArn=self.managed)
        found = self._found() or {}
        return str(found.get("Arn", self.role))
