"""What stands ready in the second region: names and documents. Pure."""

from __future__ import annotations

from infra.plan.iam import policy, statement, through_service
from infra.plan.singletons import ENGINE_LEASE, GATEWAY_LEASE, halt_parameter

FACTS_VERSION = 1
"""Version of the document that `facts` makes; `nautilus dr` refuses another."""
FACTS_BYTES = 4_096
"""Longest value of a standard parameter (SSM)."""


def facts_parameter(path: str) -> str:
    """The parameter, in the second region, that a failover reads before anything else. `path` is the stack's, `/nautilus/prod/dr`."""
    return f"{path}/facts"


def facts(
    *,
    account: str,
    home: str,
    region: str,
    project: str,
    environment: str,
    replica: str | None,
    database_key: str,
    max_lag_seconds: int,
) -> dict[str, object]:
    """What `nautilus dr` must know while the home region is silent: names and ARNs only, nothing secret.

    Names are those that the components give; a test compares them with the plan of the whole platform.
    """
    prefix = f"{project}-{environment}"
    return {
        "version": FACTS_VERSION,
        "account": account,
        "home": home,
        "region": region,
        "project": project,
        "environment": environment,
        "replica": replica,
        "databaseKey": database_key,
        "maxLagSeconds": max_lag_seconds,
        "secretsPrefix": f"{project}/{environment}/",
        "repositoriesPrefix": f"{prefix}/",
        "haltParameter": halt_parameter(project, environment),
        "leaseTable": f"{prefix}-leases",
        "leases": [ENGINE_LEASE, GATEWAY_LEASE],
        "cluster": f"{prefix}-cluster",
        "services": {"engine": f"{prefix}-engine", "gateway": f"{prefix}-ib-gateway", "standby": f"{prefix}-ib-gateway-standby"},
        "vault": f"{prefix}-backup",
    }


def replication_policy(*, source: str, target: str, source_key: str, target_key: str, home: str, region: str) -> str:
    """What S3 may do while it copies the archive: read the source's versions with their locks, write replicas, and use a key at each end.

    Args:
        source: ARN of the bucket at home.
        target: ARN of its copy.
        source_key: KMS key of the objects at home.
        target_key: KMS key of their copies.
        home: Home region.
        region: Second region.
    """
    return policy(
        statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], [source], sid="ReadConfiguration"),
        statement(
            [
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionTagging",
            ],
            [f"{source}/*"],
            sid="ReadVersions",
        ),
        statement(["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], [f"{target}/*"], sid="WriteCopies"),
        through_service(source_key, ["kms:Decrypt"], service="s3", region=home, sid="OpenSource"),
        through_service(target_key, ["kms:Encrypt", "kms:GenerateDataKey"], service="s3", region=region, sid="SealCopies"),
    )
