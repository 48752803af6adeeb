"""Computed values of IAM, KMS and Secrets Manager."""

from __future__ import annotations

import json
from typing import Any

from nautilus.sandbox.simulation.computed.subject import SPECS, WHEN, Make, Subject, spec
from nautilus.sandbox.simulation.context import partition_of


def _identity(kind: str, prefix: str, property_name: str = "uniqueId") -> Make:
    def make(s: Subject) -> dict[str, Any]:
        path = s.text("path", "/")
        arn = s.arn("iam", f"{kind}{path}{s.name}", region="")
        return {
            "id": arn if kind == "policy" else s.name,
            "arn": arn,
            property_name: s.seed.iam(prefix),
            "createDate": WHEN,
            "path": "/",
            "maxSessionDuration": 3600,
            "managedPolicyArns": [],
            "inlinePolicies": [],
            "attachmentCount": 0,
        }

    return make


SPECS["aws:iam/role:Role"] = _identity("role", "AROA")
SPECS["aws:iam/user:User"] = _identity("user", "AIDA")
SPECS["aws:iam/group:Group"] = _identity("group", "AGPA")
SPECS["aws:iam/policy:Policy"] = _identity("policy", "ANPA", "policyId")
SPECS["aws:iam/instanceProfile:InstanceProfile"] = _identity("instance-profile", "AIPA")


@spec("aws:iam/rolePolicy:RolePolicy")
def _role_policy(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('role')}:{s.name}"}


@spec("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def _role_attachment(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('role')}/{s.text('policyArn')}"}


@spec("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
def _oidc(s: Subject) -> dict[str, Any]:
    arn = s.arn("iam", f"oidc-provider/{s.text('url').removeprefix('https://')}", region="")
    return {"id": arn, "arn": arn, "thumbprintLists": [s.seed.hex(40, "thumbprint")]}


@spec("aws:iam/serviceLinkedRole:ServiceLinkedRole")
def _linked_role(s: Subject) -> dict[str, Any]:
    service = s.text("awsServiceName", "unknown.amazonaws.com")
    name = "AWSServiceRoleFor" + "".join(part.title() for part in service.partition(".")[0].split("-"))
    arn = s.arn("iam", f"role/aws-service-role/{service}/{name}", region="")
    return {
        "id": arn,
        "arn": arn,
        "name": name,
        "path": f"/aws-service-role/{service}/",
        "uniqueId": s.seed.iam("AROA"),
        "createDate": WHEN,
    }


@spec("aws:iam/accessKey:AccessKey")
def _access_key(s: Subject) -> dict[str, Any]:
    return {
        "id": s.seed.iam("AKIA")[:20],
        "secret": s.seed.base64(30, "secret"),
        "sesSmtpPasswordV4": s.seed.base64(32, "smtp"),
        "createDate": WHEN,
        "status": "Active",
    }


@spec("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey")
def _key(s: Subject) -> dict[str, Any]:
    multi = s.inputs.get("multiRegion") is True
    ident = f"mrk-{s.seed.hex(32, 'mrk')}" if multi else s.seed.uuid()
    if "replicaKey" in s.urn.token:
        ident = s.text("primaryKeyArn").rpartition("/")[2] or ident
    root = f"arn:{partition_of(s.region)}:iam::{s.account}:root"
    policy = {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        ],
    }
    return {
        "id": ident,
        "keyId": ident,
        "arn": s.arn("kms", f"key/{ident}"),
        "multiRegion": False,
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyRotationEnabled": True,
        "isEnabled": True,
        "enableKeyRotation": False,
        "bypassPolicyLockoutSafetyCheck": False,
        "policy": json.dumps(policy),
        "rotationPeriodInDays": 365 if s.inputs.get("enableKeyRotation") is True else 0,
        "description": "",
    }


@spec("aws:kms/alias:Alias")
def _alias(s: Subject) -> dict[str, Any]:
    target = s.text("targetKeyId")
    arn = target if target.startswith("arn:") else s.arn("kms", f"key/{target}")
    return {"id": s.name, "arn": s.arn("kms", s.name), "targetKeyArn": arn, "targetKeyId": target.rpartition("/")[2] or target}


@spec("aws:kms/grant:Grant")
def _grant(s: Subject) -> dict[str, Any]:
    ident = s.seed.hex(64)
    return {"id": f"{s.text('keyId')}:{ident}", "grantId": ident, "grantToken": s.seed.base64(32, "token")}


@spec("aws:secretsmanager/secret:Secret")
def _secret(s: Subject) -> dict[str, Any]:
    arn = s.arn("secretsmanager", f"secret:{s.name}-{s.seed.secret_suffix()}")
    return {"id": arn, "arn": arn, "policy": "", "recoveryWindowInDays": 30, "forceOverwriteReplicaSecret": False}


@spec("aws:secretsmanager/secretVersion:SecretVersion")
def _secret_version(s: Subject) -> dict[str, Any]:
    arn = s.text("secretId")
    ident = f"terraform-{s.seed.digits(26)}"
    return {
        "id": f"{arn}|{ident}",
        "arn": arn,
        "secretArn": arn,
        "versionId": ident,
        "versionStages": ["AWSCURRENT"],
        "hasSecretStringWo": "secretStringWo" in s.inputs,
    }


@spec("aws:secretsmanager/secretRotation:SecretRotation", "aws:secretsmanager/secretPolicy:SecretPolicy")
def _of_secret(s: Subject) -> dict[str, Any]:
    arn = s.text("secretId") or s.text("secretArn")
    return {"id": arn or s.urn.name, "rotationEnabled": True, "rotateImmediately": True}
