"""Bootstrap, part one: the bucket that keeps Pulumi's state, and the keys that encrypt the state and a stack's secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops.steps import Finding, Status, code_of

NONCURRENT_DAYS: Final = 365
"""How long an old version of the state can be brought back."""

KEPT_VERSIONS: Final = 50
"""Old versions that stay whatever their age (S3 accepts 1 to 100)."""


def key_policy(partition: str, account: str) -> dict[str, Any]:
    """IAM policies of the account decide who uses the key; nobody outside it can."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecides",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


@dataclass
class KmsKey:
    """A symmetric KMS key behind an alias, with yearly rotation."""

    client: Any
    alias: str
    description: str
    partition: str
    account: str
    tags: dict[str, str]
    name: str
    title: str

    def key_id(self) -> str | None:
        """The key's ARN behind the alias, None while there is none or while it waits for its deletion."""
        try:
            found = self.client.describe_key(KeyId=self.alias)["KeyMetadata"]
        except ClientError as error:
            if code_of(error) == "NotFoundException":
                return None
            raise
        return str(found["Arn"]) if found["KeyState"] == "Enabled" else None

    def check(self) -> Finding:
        """Look for the alias, the key behind it and its rotation."""
        key = self.key_id()
        if key is None:
            return Finding(Status.MISSING, f"no enabled key behind {self.alias}", (f"create a key with rotation behind {self.alias}",))
        if not self.client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]:
            return Finding(Status.DIFFERS, f"{self.alias} does not rotate", ("switch rotation on",))
        return Finding(Status.DONE, f"{self.alias} is {key}")

    def apply(self) -> str:
        """Make the key and point the alias at it, or switch its rotation on."""
        key = self.key_id()
        if key is None:
            made = self.client.create_key(
                Description=self.description,
                Policy=json.dumps(key_policy(self.partition, self.account)),
                Tags=[{"TagKey": name, "TagValue": value} for name, value in sorted(self.tags.items())],
            )["KeyMetadata"]
            key = str(made["Arn"])
            try:
                self.client.create_alias(AliasName=self.alias, TargetKeyId=made["KeyId"])
            except ClientError as error:
                if code_of(error) != "AlreadyExistsException":
                    raise
                # The alias stands on a key that is disabled or on its way out.
                self.client.update_alias(AliasName=self.alias, TargetKeyId=made["KeyId"])
        self.client.enable_key_rotation(KeyId=key)
        return f"{self.alias} is {key}"


def bucket_policy(partition: str, bucket: str) -> dict[str, Any]:
    """Refuses clear text, and TLS below 1.2."""
    resources = [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"]

    def deny(sid: str, condition: dict[str, Any]) -> dict[str, Any]:
        return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": condition}

    return {
        "Version": "2012-10-17",
        "Statement": [
            deny("TlsOnly", {"Bool": {"aws:SecureTransport": "false"}}),
            deny("Tls12", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        ],
    }


def lifecycle() -> dict[str, Any]:
    """Old versions go after a year, the last 50 never; uploads that were never finished after a week."""
    return {
        "Rules": [
            {
                "ID": "old-versions",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "NoncurrentVersionExpiration": {"NoncurrentDays": NONCURRENT_DAYS, "NewerNoncurrentVersions": KEPT_VERSIONS},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    }


_PRIVATE: Final = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}


@dataclass
class StateBucket:
    """The state's bucket: versioned, encrypted with a key of its own, private, TLS only, with a life cycle."""

    client: Any
    bucket: str
    region: str
    partition: str
    account: str
    key: KmsKey
    tags: dict[str, str]
    name: str = "state-bucket"
    title: str = "S3 bucket for Pulumi's state"

    def exists(self) -> bool:
        """Whether the bucket is there and this account's.

        Raises ClientError when it belongs to somebody else.
        """
        try:
            self.client.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self.account)
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    def _lacks(self) -> list[str]:
        lacks: list[str] = []
        if self.client.get_bucket_versioning(Bucket=self.bucket).get("Status") != "Enabled":
            lacks.append("switch versioning on")
        if not self._encrypted():
            lacks.append(f"encrypt with {self.key.alias}")
        if self._read("get_public_access_block", "PublicAccessBlockConfiguration") != _PRIVATE:
            lacks.append("block public access")
        owners = self._read("get_bucket_ownership_controls", "OwnershipControls") or {}
        if [rule.get("ObjectOwnership") for rule in owners.get("Rules", [])] != ["BucketOwnerEnforced"]:
            lacks.append("switch access lists off")
        policy = self._read("get_bucket_policy", "Policy")
        if policy is None or json.loads(policy) != bucket_policy(self.partition, self.bucket):
            lacks.append("refuse what is not TLS 1.2 or newer")
        rules = self._read("get_bucket_lifecycle_configuration", "Rules") or []
        if not any(_same_rule(rule, lifecycle()["Rules"][0]) for rule in rules):
            lacks.append(f"remove old versions after {NONCURRENT_DAYS} days")
        return lacks

    def _read(self, operation: str, key: str) -> Any:
        try:
            return getattr(self.client, operation)(Bucket=self.bucket)[key]
        except ClientError as error:
            # "Not configured" has a code of its own for each of them: NoSuchBucketPolicy, NoSuchLifecycleConfiguration …
            if code_of(error).startswith("NoSuch") or code_of(error).endswith("NotFoundError"):
                return None
            raise

    def _encrypted(self) -> bool:
        rules = (self._read("get_bucket_encryption", "ServerSideEncryptionConfiguration") or {}).get("Rules", [])
        defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
        return bool(defaults) and defaults[0].get("SSEAlgorithm") == "aws:kms" and defaults[0].get("KMSMasterKeyID") == self.key.key_id()

    def check(self) -> Finding:
        """Look at the bucket and everything about it."""
        if not self.exists():
            return Finding(
                Status.MISSING, f"there is no bucket {self.bucket}", (f"create s3://{self.bucket}, versioned, encrypted, private",)
            )
        lacks = self._lacks()
        if lacks:
            return Finding(Status.DIFFERS, f"s3://{self.bucket} is not as it should be", tuple(lacks))
        return Finding(Status.DONE, f"s3://{self.bucket}")

    def apply(self) -> str:
        """Make the bucket, and set everything about it; doing so again changes nothing."""
        if not self.exists():
            # us-east-1 is the one region that S3 does not want to hear named.
            where = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            self.client.create_bucket(Bucket=self.bucket, ObjectOwnership="BucketOwnerEnforced", **where)
        client, bucket = self.client, self.bucket
        client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_PRIVATE)
        client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key.key_id()}
        client.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}]},
        )
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(bucket_policy(self.partition, bucket)))
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=lifecycle())
        tags = [{"Key": name, "Value": value} for name, value in sorted(self.tags.items())]
        client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
        return f"s3://{bucket}"


def _same_rule(rule: dict[str, Any], wanted: dict[str, Any]) -> bool:
    def essence(item: dict[str, Any]) -> tuple[Any, ...]:
        expiry = item.get("NoncurrentVersionExpiration", {})
        return item.get("Status"), expiry.get("NoncurrentDays"), item.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")

    return essence(rule) == essence(wanted)
