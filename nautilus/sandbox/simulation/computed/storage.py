"""Computed values of S3, AWS Backup and EFS."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.computed.subject import SPECS, Subject, simple, spec, zone_of
from nautilus.sandbox.simulation.context import partition_of


@spec("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
def _bucket(s: Subject) -> dict[str, Any]:
    name = s.text("bucket", s.name)
    partition = partition_of(s.region)
    website = formats.website_domain(s.region)
    return {
        "id": name,
        "bucket": name,
        "arn": f"arn:{partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.{s.suffix()}",
        "bucketRegionalDomainName": f"{name}.s3.{s.region}.{s.suffix()}",
        "bucketRegion": s.region,
        "hostedZoneId": formats.s3_zone(s.region),
        "websiteDomain": website if s.inputs.get("website") else "",
        "websiteEndpoint": f"{name}.{website}" if s.inputs.get("website") else "",
        "acl": "private",
        "requestPayer": "BucketOwner",
        "accelerationStatus": "",
        "objectLockEnabled": False,
        "forceDestroy": False,
        "bucketNamespace": "global",
        "policy": "",
        "versioning": {"enabled": False, "mfaDelete": False},
    }


_OF_BUCKET = (
    "bucketPolicy:BucketPolicy bucketPublicAccessBlock:BucketPublicAccessBlock bucketVersioning:BucketVersioning bucketOwnershipControls:BucketOwnershipControls "
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration bucketLifecycleConfiguration:BucketLifecycleConfiguration "
    "bucketLogging:BucketLogging bucketObjectLockConfiguration:BucketObjectLockConfiguration bucketNotification:BucketNotification "
    "bucketReplicationConfig:BucketReplicationConfig bucketCorsConfiguration:BucketCorsConfiguration bucketWebsiteConfiguration:BucketWebsiteConfiguration"
)
for _each in _OF_BUCKET.split():
    SPECS[f"aws:s3/{_each}"] = lambda s: {"id": s.text("bucket", s.urn.name)}


@spec("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")
def _object(s: Subject) -> dict[str, Any]:
    bucket, key = s.text("bucket"), s.text("key", s.urn.name)
    return {
        "id": f"{bucket}/{key}" if "v2" in s.urn.token else key,
        "arn": f"arn:{partition_of(s.region)}:s3:::{bucket}/{key}",
        "etag": s.seed.hex(32, "etag"),
        "versionId": s.seed.base36(32, "version"),
        "acl": "private",
        "contentType": "application/octet-stream",
        "storageClass": "STANDARD",
        "serverSideEncryption": "AES256",
        "bucketKeyEnabled": False,
    }


simple("aws:backup/vault:Vault", "backup", "backup-vault:{name}", extra=lambda _s: {"recoveryPoints": 0, "forceDestroy": False})


@spec("aws:backup/plan:Plan")
def _plan(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {
        "id": ident,
        "arn": s.arn("backup", f"backup-plan:{ident}"),
        "version": s.seed.base64(32, "version").replace("/", "_").replace("+", "-").rstrip("="),
    }


@spec("aws:backup/selection:Selection")
def _selection(s: Subject) -> dict[str, Any]:
    return {"id": s.seed.uuid(), "notResources": []}


@spec(
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:backup/vaultPolicy:VaultPolicy",
    "aws:backup/vaultNotifications:VaultNotifications",
)
def _of_vault(s: Subject) -> dict[str, Any]:
    name = s.text("backupVaultName", s.urn.name)
    return {"id": name, "backupVaultArn": s.arn("backup", f"backup-vault:{name}")}


simple(
    "aws:backup/restoreTestingPlan:RestoreTestingPlan",
    "backup",
    "restore-testing-plan:{name}-{hex}",
    extra=lambda _s: {"scheduleExpressionTimezone": "UTC", "startWindowHours": 24},
)


@spec("aws:backup/framework:Framework", "aws:backup/reportPlan:ReportPlan")
def _audit(s: Subject) -> dict[str, Any]:
    kind = "framework" if s.urn.token.endswith(":Framework") else "report-plan"
    found: dict[str, Any] = {
        "id": s.name,
        "arn": s.arn("backup", f"{kind}:{s.name}-{s.seed.uuid()}"),
        "creationTime": "2024-01-01T00:00:00Z",
        "deploymentStatus": "COMPLETED",
    }
    return found | ({"status": "ACTIVE"} if kind == "framework" else {})


@spec("aws:backup/restoreTestingSelection:RestoreTestingSelection")
def _restore_selection(s: Subject) -> dict[str, Any]:
    return {
        "id": f"{s.name}:{s.text('restoreTestingPlanName')}",
        "validationWindowHours": 4,
        "protectedResourceArns": [],
        "restoreMetadataOverrides": {},
    }


@spec("aws:efs/fileSystem:FileSystem")
def _efs(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("fs")
    return {
        "id": ident,
        "arn": s.arn("elasticfilesystem", f"file-system/{ident}"),
        "dnsName": f"{ident}.efs.{s.region}.{s.suffix()}",
        "ownerId": s.account,
        "name": s.urn.name,
        "creationToken": s.text("creationToken") or f"terraform-{s.seed.digits(26)}",
        "numberOfMountTargets": 0,
        "performanceMode": "generalPurpose",
        "throughputMode": "bursting",
        "encrypted": False,
        "availabilityZoneId": "",
        "availabilityZoneName": "",
        "protection": {"replicationOverwrite": "ENABLED"},
        "sizeInBytes": [{"value": 6144, "valueInIa": 0, "valueInStandard": 6144}],
    }


@spec("aws:efs/mountTarget:MountTarget")
def _mount(s: Subject) -> dict[str, Any]:
    system = s.text("fileSystemId")
    zone = zone_of(s, "subnetId")
    return {
        "id": s.seed.ec2("fsmt"),
        "networkInterfaceId": s.seed.ec2("eni"),
        "ipAddress": s.seed.address("10.0"),
        "ipAddressType": "IPV4_ONLY",
        "availabilityZoneName": zone,
        "availabilityZoneId": formats.zone_id(zone),
        "dnsName": f"{system}.efs.{s.region}.{s.suffix()}",
        "mountTargetDnsName": f"{zone}.{system}.efs.{s.region}.{s.suffix()}",
        "fileSystemArn": s.arn("elasticfilesystem", f"file-system/{system}"),
        "ownerId": s.account,
    }


@spec("aws:efs/accessPoint:AccessPoint")
def _access_point(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("fsap")
    return {
        "id": ident,
        "arn": s.arn("elasticfilesystem", f"access-point/{ident}"),
        "fileSystemArn": s.arn("elasticfilesystem", f"file-system/{s.text('fileSystemId')}"),
        "ownerId": s.account,
        "rootDirectory": {"path": "/"},
    }
