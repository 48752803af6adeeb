"""The only bucket that the platform makes: private, encrypted, versioned, TLS only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.bucket_policies import SERVER_LOG_PREFIX, Statement, bucket_policy

ABORT_UPLOAD_DAYS = 7
"""Days after which an unfinished upload is dropped; it is invisible and costs as much as an object."""
NONCURRENT_DAYS = 90
"""Days that an overwritten or deleted version stays."""


class PrivateBucket(Component):
    """A bucket that nothing but this account reaches, unless a statement says so.

    Makes: `s3.Bucket` (stateful; emptied on destroy only while the stack is unlocked), `s3.BucketPublicAccessBlock` (all four, S3-01),
    `s3.BucketOwnershipControls` (BucketOwnerEnforced: no ACLs, S3-07), `s3.BucketVersioning` (S3-04),
    `s3.BucketServerSideEncryptionConfiguration` (KMS with a bucket key, else SSE-S3; S3-03), `s3.BucketLifecycleConfiguration` (S3-05),
    `s3.BucketPolicy` (denies clear text and TLS below 1.2, S3-02), and where asked `s3.BucketLogging` (S3-06) and
    `s3.BucketObjectLockConfiguration` (governance mode, S3-09).
    """

    token: ClassVar[str] = "private-bucket"

    bucket: aws.s3.Bucket
    bucket_name: str
    """The physical name as a plain string."""
    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    """The bucket's name, known to its users once its policy is in place: some of them test at once whether they may write."""
    versioning: aws.s3.BucketVersioning
    """What a replication has to wait for."""
    domain_name: pulumi.Output[str]
    """The regional endpoint, `<name>.s3.<region>.amazonaws.com`."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        bucket_name: str,
        key_arn: pulumi.Input[str] | None,
        log_bucket: pulumi.Input[str] | None,
        versioned: bool = True,
        object_lock_days: int | None = None,
        expire_days: int | None = None,
        noncurrent_days: int = NONCURRENT_DAYS,
        policy_statements: Sequence[Statement] = (),
        defer_policy: bool = False,
        region: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the bucket.

        Args:
            bucket_name: The physical name, 3 to 63 characters, unique in the world.
            key_arn: The KMS key of new objects; None for SSE-S3, which load-balancer and S3 access logs need.
            log_bucket: Name of the bucket that takes S3's access log of this one, under `s3/<account>/<region>/<bucket>/`; None for the log
                bucket.
            versioned: Keep overwritten and deleted versions.
            object_lock_days: Days that every new version is locked, in governance mode; needs `versioned`.
            expire_days: Days after which objects expire; None keeps them.
            noncurrent_days: Days that noncurrent versions stay.
            policy_statements: Further statements of the bucket policy; values may be inputs.
            defer_policy: Leave the policy to a later `attach_policy`, for a statement that needs something which needs the bucket.
            region: Another region than the stack's.

        Raises:
            ValueError: A name or a number that S3 refuses, or a lock without versions.
        """
        super().__init__(name, ctx, opts)
        if not 3 <= len(bucket_name) <= 63:
            raise ValueError(f"bucket {bucket_name!r}: S3 takes names of 3 to 63 characters")
        if object_lock_days is not None and not versioned:
            raise ValueError(f"bucket {bucket_name!r}: object lock needs versioning (S3)")
        for what, days in (("object_lock_days", object_lock_days), ("expire_days", expire_days), ("noncurrent_days", noncurrent_days)):
            if days is not None and days < 1:
                raise ValueError(f"bucket {bucket_name!r}: {what} = {days}; it takes 1 or more")
        self.bucket_name = bucket_name
        self._region = None if region == ctx.region else region
        self._policy: aws.s3.BucketPolicy | None = None
        self.bucket = aws.s3.Bucket(
            name,
            bucket=bucket_name,
            force_destroy=ctx.unlocked,
            object_lock_enabled=True if object_lock_days is not None else None,
            region=self._region,
            tags={"Name": bucket_name},
            opts=self.stateful(),
        )
        self.arn = self.bucket.arn
        self.domain_name = self.bucket.bucket_regional_domain_name
        self._block = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self._region,
            opts=self.child(),
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=self.bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            region=self._region,
            opts=self.child(),
        )
        self._encrypt(key_arn)
        self._keep(versioned=versioned, lock=object_lock_days, expire=expire_days, noncurrent=noncurrent_days)
        if log_bucket is not None:
            aws.s3.BucketLogging(
                name,
                bucket=self.bucket.id,
                target_bucket=log_bucket,
                target_prefix=SERVER_LOG_PREFIX,
                target_object_key_format=aws.s3.BucketLoggingTargetObjectKeyFormatArgs(
                    partitioned_prefix=aws.s3.BucketLoggingTargetObjectKeyFormatPartitionedPrefixArgs(partition_date_source="EventTime")
                ),
                region=self._region,
                opts=self.child(),
            )
        self.name = self.bucket.bucket if defer_policy else self.attach_policy(policy_statements)
        self.register_outputs({"name": bucket_name, "arn": self.arn})

    def attach_policy(self, statements: Sequence[Statement]) -> pulumi.Output[str]:
        """Give a bucket whose policy was deferred its policy: the denials of every bucket, and `statements`.

        Returns:
            The bucket's name, known once the policy is in place.

        Raises:
            ValueError: The bucket has its policy already; S3 keeps one.
        """
        if self._policy is not None:
            raise ValueError(f"bucket {self.bucket_name!r} has its policy already, and S3 keeps one a bucket")
        document = bucket_policy(self.bucket_name, statements, partition=self.ctx.partition)
        self._policy = aws.s3.BucketPolicy(
            self.logical,
            bucket=self.bucket.id,
            policy=pulumi.Output.json_dumps(document),
            region=self._region,
            # S3 answers one change of a bucket's access settings at a time and refuses the other with a conflict.
            opts=self.child(depends_on=[self._block]),
        )
        return self._policy.bucket

    def _encrypt(self, key_arn: pulumi.Input[str] | None) -> None:
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256" if key_arn is None else "aws:kms", kms_master_key_id=key_arn
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            self.logical,
            bucket=self.bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default, bucket_key_enabled=key_arn is not None
                )
            ],
            region=self._region,
            opts=self.child(),
        )

    def _keep(self, *, versioned: bool, lock: int | None, expire: int | None, noncurrent: int) -> None:
        versioning = self.versioning = aws.s3.BucketVersioning(
            self.logical,
            bucket=self.bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled" if versioned else "Disabled"),
            region=self._region,
            opts=self.child(),
        )
        everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
        rules = [
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="abort-uploads",
                status="Enabled",
                filter=everything,
                abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=ABORT_UPLOAD_DAYS
                ),
            )
        ]
        if versioned:
            rules.append(
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="drop-old-versions",
                    status="Enabled",
                    filter=everything,
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=noncurrent
                    ),
                )
            )
        if expire is not None:
            rules.append(
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="expire",
                    status="Enabled",
                    filter=everything,
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=expire),
                )
            )
        aws.s3.BucketLifecycleConfiguration(
            self.logical, bucket=self.bucket.id, rules=rules, region=self._region, opts=self.child(depends_on=[versioning])
        )
        if lock is not None:
            aws.s3.BucketObjectLockConfiguration(
                self.logical,
                bucket=self.bucket.id,
                rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                    default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(mode="GOVERNANCE", days=lock)
                ),
                region=self._region,
                opts=self.child(depends_on=[versioning]),
            )
