"""The second region: a closed network, a replica of the database, a copy of the archive, repositories for images, and who hears of it.

Two components, because the archive belongs to a later phase than the database. Neither makes anything that runs: what a failover creates
stands in docs/dr.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.alarms import regional_alarms
from infra.components.flow_log import flow_log
from infra.components.notify import TOPIC_LIMIT, alarm_topic
from infra.components.postgres import REPLICA_IGNORES, parameter_group, replica_args, timeouts
from infra.components.registry import LIFECYCLE
from infra.components.storage import PrivateBucket
from infra.plan import alarms
from infra.plan import dr as plan
from infra.plan import postgres as database
from infra.plan.alarms import Severity, Target
from infra.plan.bucket_policies import server_access_logs
from infra.plan.iam import canonical, trust
from infra.plan.key_policies import DataClass, Place, key_policy
from infra.plan.subnets import Tier
from infra.plan.subnets import plan as subnet_plan
from infra.settings import data
from infra.settings.dr import Dr

WINDOW_DAYS = 30
"""Days before a deleted key is gone for good: AWS's longest (KMS-03)."""


class SecondRegion(Component):
    """`nautilus:second-region`: what stands ready in `ctx.dr_region` from the phase `foundation` on.

    Makes, all in the second region: a `kms.Key` each for logs, topics and images; a critical and a warning `sns.Topic`; an `ec2.Vpc` with data
    subnets in `settings.zones` and no way in or out, locked defaults, a network ACL that stays inside, a flow log; the security groups of
    POSTGRES and CACHE, without a rule; an `ecr.Repository` for each image, into which ECR's replication copies; and with
    `settings.postgres_replica` an `rds.SubnetGroup`, an `rds.ParameterGroup`, the replica (`rds.Instance`, stateful) and its alarms. One
    `ssm.Parameter` says there what a failover must know, because the home region's parameters are lost with it.

    The replica is promoted by `nautilus dr failover`, never by this program: that it has a source is left alone afterwards. Its backups begin
    with the promotion, which sets their retention; until then AWS Backup copies the primary's.
    Sources: NRC-039, PFC-151, PFC-152, DTO-202; POLICY-RULES RDS-01 to RDS-22, NET-01, NET-07.
    """

    token: ClassVar[str] = "second-region"

    data_subnet_ids: list[pulumi.Output[str]]
    """In the order of `settings.zones`."""
    postgres_group_id: pulumi.Output[str]
    cache_group_id: pulumi.Output[str]
    replica: aws.rds.Instance | None
    topics: dict[Severity, pulumi.Output[str]]
    """ARNs of the topics there: an alarm speaks through a topic of its own region alone."""
    alarm_names: dict[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Dr,
        postgres: data.Postgres,
        primary_arn: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        monitoring_role_arn: pulumi.Input[str],
        repositories: Sequence[str],
        emails: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build what stands ready.

        Args:
            settings: The section `dr`.
            postgres: The section `postgres`: class, major and limits of the replica are the primary's unless `settings` says otherwise.
            primary_arn: ARN of the primary; a source in another region is named by its ARN (RDS).
            key_arn: KMS key of DATABASE in the second region.
            monitoring_role_arn: Role of enhanced monitoring, which is global: the primary's.
            repositories: Images by the names of their repositories at home, without the prefix.
            emails: Who hears of its alarms; each address confirms twice, once a topic.

        Raises:
            ValueError: The section is not enabled, or the address plan refuses its block or a zone.
        """
        super().__init__(name, ctx, opts)
        if not settings.enabled:
            raise ValueError("dr.enabled is false: there is no second region to build")
        self._region = ctx.dr_region
        self._emails = sorted(set(emails))
        self._log_key = self._key(DataClass.LOGS, "log groups of the second region")
        self._topic_key = self._key(DataClass.MESSAGING, "alarms of the second region")
        self.topics = {severity: self._topic(severity) for severity in Severity}
        self._network(settings)
        self._images(repositories)
        self.alarm_names = {}
        self.replica = None
        if settings.postgres_replica:
            self.replica = self._replica(settings, postgres, primary_arn, key_arn, monitoring_role_arn)
            table = alarms.replica_alarms(replica=Target("replica"), max_lag_seconds=settings.max_lag_seconds)
            self.alarm_names = regional_alarms(self, table, {"replica": self.replica.identifier}, self.topics, region=self._region)
        self._publish(settings, key_arn)
        self.register_outputs({"dataSubnetIds": self.data_subnet_ids, "replica": self.replica.identifier if self.replica else None})

    def _named(self, *parts: str) -> dict[str, str]:
        return {"Name": self.ctx.names("dr", *parts)}

    # --- keys and topics --------------------------------------------------------------------------------------------------

    def _key(self, kind: DataClass, holds: str) -> aws.kms.Key:
        ctx = self.ctx
        physical = ctx.names("dr", kind.value)
        policy = key_policy(kind, Place(account=ctx.account_id, region=self._region, partition=ctx.partition))
        key = aws.kms.Key(
            f"{self.logical}-{kind}",
            description=f"{ctx.names.prefix}: {holds}",
            deletion_window_in_days=WINDOW_DAYS,
            enable_key_rotation=True,
            policy=canonical(policy),
            region=self._region,
            tags={"Name": physical},
            opts=self.stateful(),
        )
        aws.kms.Alias(
            f"{self.logical}-{kind}",
            name=f"alias/{physical}",
            target_key_id=key.key_id,
            region=self._region,
            opts=self.child(delete_before_replace=True),
        )
        return key

    def _topic(self, severity: Severity) -> pulumi.Output[str]:
        physical = self.ctx.names("dr", severity, limit=TOPIC_LIMIT)
        return alarm_topic(self, severity, physical=physical, key_arn=self._topic_key.arn, emails=self._emails, region=self._region).arn

    def _log_group(self, part: str, path: str) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self.logical}-{part}",
            name=path,
            retention_in_days=self.ctx.log_days,
            kms_key_id=self._log_key.arn,
            region=self._region,
            opts=self.child(),
        )

    # --- network ----------------------------------------------------------------------------------------------------------

    def _network(self, settings: Dr) -> None:
        name, region = self.logical, self._region
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            region=region,
            tags=self._named("vpc"),
            opts=self.child(),
        )
        subnets = [
            aws.ec2.Subnet(
                f"{name}-data-{place.zone}",
                vpc_id=vpc.id,
                cidr_block=place.cidr,
                availability_zone=f"{region}{place.zone}",
                map_public_ip_on_launch=False,
                region=region,
                tags={**self._named("data", place.zone), "Tier": place.tier},
                opts=self.child(),
            )
            for place in subnet_plan(settings.cidr, settings.zones, (Tier.DATA,))
        ]
        table = aws.ec2.RouteTable(f"{name}-data", vpc_id=vpc.id, region=region, tags=self._named("data"), opts=self.child())
        for letter, subnet in zip(settings.zones, subnets, strict=True):
            aws.ec2.RouteTableAssociation(
                f"{name}-data-{letter}", route_table_id=table.id, subnet_id=subnet.id, region=region, opts=self.child()
            )
        inside: dict[str, Any] = {
            "protocol": "-1",
            "from_port": 0,
            "to_port": 0,
            "rule_no": 100,
            "action": "allow",
            "cidr_block": settings.cidr,
        }
        acl = aws.ec2.NetworkAcl(
            f"{name}-data",
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in subnets],
            ingress=[aws.ec2.NetworkAclIngressArgs(**inside)],
            egress=[aws.ec2.NetworkAclEgressArgs(**inside)],
            region=region,
            tags={**self._named("data"), "Tier": Tier.DATA},
            opts=self.child(),
        )
        # What AWS makes with every VPC is taken over and left empty (NET-01).
        closed = self._named("default-closed")
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], region=region, tags=closed, opts=self.child())
        aws.ec2.DefaultRouteTable(
            f"{name}-default", default_route_table_id=vpc.default_route_table_id, routes=[], region=region, tags=closed, opts=self.child()
        )
        aws.ec2.DefaultNetworkAcl(
            f"{name}-default",
            default_network_acl_id=vpc.default_network_acl_id,
            ingress=[],
            egress=[],
            region=region,
            tags=closed,
            opts=self.child(depends_on=[acl], ignore_changes=["subnet_ids"]),
        )
        self.postgres_group_id = self._group("postgres", vpc).id
        self.cache_group_id = self._group("cache", vpc).id
        self.data_subnet_ids = [subnet.id for subnet in subnets]
        self._flow_log(vpc)

    def _group(self, role: str, vpc: aws.ec2.Vpc) -> aws.ec2.SecurityGroup:
        """Without a rule: a replica is fed by RDS and ElastiCache themselves, past the VPC, and nobody reads it before a failover."""
        return aws.ec2.SecurityGroup(
            f"{self.logical}-{role}",
            name=self.ctx.names("dr", role, limit=255),
            description=f"Role {role} of the second region",
            vpc_id=vpc.id,
            revoke_rules_on_delete=True,
            region=self._region,
            tags=self._named(role),
            opts=self.child(),
        )

    def _flow_log(self, vpc: aws.ec2.Vpc) -> None:
        flow_log(
            self,
            vpc_id=vpc.id,
            group=self._log_group("flow", self.ctx.names.path("vpc", "flow")),
            role_name=self.ctx.names("dr-vpc-flow", limit=64),
            whose="Lets the second region's flow log write to its log group",
            tags=self._named("flow"),
            region=self._region,
        )

    def _images(self, repositories: Sequence[str]) -> None:
        """Repositories of the same names: ECR's replication copies into one that exists, and makes one without our key where none does."""
        key = self._key(DataClass.REGISTRY, "container images of the second region")
        for repository in repositories:
            made = aws.ecr.Repository(
                f"{self.logical}-{repository}",
                name=f"{self.ctx.names.prefix}/{repository}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
                force_delete=self.ctx.unlocked,
                region=self._region,
                opts=self.stateful(),
            )
            # Replication copies images, not what removes them.
            aws.ecr.LifecyclePolicy(
                f"{self.logical}-{repository}-lifecycle", repository=made.name, policy=LIFECYCLE, region=self._region, opts=self.child()
            )

    # --- database ---------------------------------------------------------------------------------------------------------

    def _replica(
        self,
        settings: Dr,
        postgres: data.Postgres,
        primary_arn: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        monitoring_role_arn: pulumi.Input[str],
    ) -> aws.rds.Instance:
        ctx, name, region = self.ctx, f"{self.logical}-postgres", self._region
        identifier = ctx.names("postgres-dr", limit=50)
        subnets = aws.rds.SubnetGroup(
            name,
            name=identifier,
            description="Data subnets of the second region",
            subnet_ids=self.data_subnet_ids,
            region=region,
            tags={"Name": identifier},
            opts=self.child(),
        )
        group = parameter_group(self, f"{name}-parameters", settings=postgres, region=region)
        logs = [self._log_group(f"postgres-{kind}-log", f"/aws/rds/instance/{identifier}/{kind}") for kind in database.LOG_EXPORTS]
        return aws.rds.Instance(
            name,
            replica_args(
                ctx,
                identifier=identifier,
                source=primary_arn,
                settings=postgres,
                group_id=self.postgres_group_id,
                parameter_group=group.name,
                monitoring_role_arn=monitoring_role_arn,
                insights_key_arn=key_arn,
                instance_class=settings.postgres_instance_class,
                region=region,
                key_arn=key_arn,
                subnet_group=subnets.name,
            ),
            self.stateful(
                depends_on=logs,
                # A promoted replica has no source any more: an `up` at home must not try to give it one, which would replace it.
                ignore_changes=["replicate_source_db", *REPLICA_IGNORES],
                custom_timeouts=timeouts(postgres),
            ),
        )

    # --- what a failover must know ----------------------------------------------------------------------------------------

    def _publish(self, settings: Dr, key_arn: pulumi.Input[str]) -> None:
        ctx = self.ctx
        replica = self.replica.identifier if self.replica else pulumi.Output.from_input(None)

        def document(known: list[Any]) -> str:
            return canonical(
                plan.facts(
                    account=ctx.account_id,
                    home=ctx.region,
                    region=ctx.dr_region,
                    project=ctx.names.project,
                    environment=ctx.names.environment,
                    replica=known[0],
                    database_key=known[1],
                    max_lag_seconds=settings.max_lag_seconds,
                )
            )

        aws.ssm.Parameter(
            f"{self.logical}-facts",
            name=plan.facts_parameter(ctx.names.path("dr")),
            description="What nautilus dr must know while the home region is silent",
            type="String",
            value=pulumi.Output.all(replica, key_arn).apply(document),
            overwrite=True,
            region=self._region,
            opts=self.child(),
        )


class ArchiveCopy(Component):
    """`nautilus:archive-copy`: TimescaleDB's archive, copied into the second region under the same lock.

    Makes: in the second region a `PrivateBucket` with object lock and one for its access log, and an `ssm.Parameter` that names the copy; at
    home the replication's role and the `s3.BucketReplicationConfig` with Replication Time Control (15 minutes) and copied delete markers,
    so that what pgBackRest expires expires there too while the lock still keeps every version; an alarm in each region.
    Sources: PFC-152, DTO-202, NRC-039; POLICY-RULES S3-01 to S3-09.
    """

    token: ClassVar[str] = "archive-copy"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        source: PrivateBucket,
        source_key_arn: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        lock_days: int,
        topics: Mapping[Severity, pulumi.Input[str]],
        home_topics: Mapping[Severity, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the copy.

        Args:
            source: The archive, versioned and with object lock.
            source_key_arn: KMS key of BACKUP at home.
            key_arn: KMS key of BACKUP in the second region.
            lock_days: Days that a version is locked, as at home; a replica keeps its original's date.
            topics: Topics of the second region.
            home_topics: Topics of the home region.
        """
        super().__init__(name, ctx, opts)
        region = ctx.dr_region
        logs_name = ctx.names.bucket("dr-logs", account=ctx.account_id, region=region)
        logs = PrivateBucket(
            f"{name}-logs",
            ctx,
            bucket_name=logs_name,
            key_arn=None,
            log_bucket=None,
            expire_days=ctx.log_days,
            policy_statements=server_access_logs(logs_name, ctx.account_id, partition=ctx.partition),
            region=region,
            opts=self.child(),
        )
        self.bucket = PrivateBucket(
            f"{name}-bucket",
            ctx,
            bucket_name=ctx.names.bucket("archive", account=ctx.account_id, region=region),
            key_arn=key_arn,
            log_bucket=logs.name,
            object_lock_days=lock_days,
            region=region,
            opts=self.child(),
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=ctx.names("archive-copy", limit=64),
            description="Lets S3 copy the archive into the second region",
            # S3 documents no condition for a replication's role, and a key that it did not send would stop the copy. It takes a role of the
            # source bucket's own account alone (`iam:PassRole`).
            assume_role_policy=trust("s3.amazonaws.com"),
            opts=self.child(),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-role",
            name="copy",
            role=role.id,
            policy=pulumi.Output.all(source.arn, self.bucket.arn, source_key_arn, key_arn).apply(
                lambda known: plan.replication_policy(
                    source=known[0], target=known[1], source_key=known[2], target_key=known[3], home=ctx.region, region=region
                )
            ),
            opts=self.child(),
        )
        aws.s3.BucketReplicationConfig(
            name,
            bucket=source.bucket.id,
            role=role.arn,
            rules=[
                {
                    "id": alarms.REPLICATION_RULE,
                    "status": "Enabled",
                    "priority": 0,
                    "filter": {"prefix": ""},
                    "delete_marker_replication": {"status": "Enabled"},
                    "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                    "destination": {
                        "bucket": self.bucket.arn,
                        "storage_class": "STANDARD",
                        "encryption_configuration": {"replica_kms_key_id": key_arn},
                        "replication_time": {"status": "Enabled", "time": {"minutes": alarms.REPLICATION_MINUTES}},
                        "metrics": {"status": "Enabled", "event_threshold": {"minutes": alarms.REPLICATION_MINUTES}},
                    },
                }
            ],
            opts=self.child(depends_on=[source.versioning, self.bucket.versioning, policy]),
        )
        aws.ssm.Parameter(
            f"{name}-fact",
            name=ctx.names.path("dr", "archive"),
            description="Copy of the market data's archive",
            type="String",
            value=self.bucket.name,
            overwrite=True,
            region=region,
            opts=self.child(),
        )
        both = {"source": source.bucket.bucket, "target": self.bucket.bucket.bucket}
        buckets = {"source": Target("source"), "target": Target("target")}
        self.alarm_names: dict[str, pulumi.Output[str]] = {
            **regional_alarms(self, alarms.archive_alarms(**buckets), both, topics, region=region),
            **regional_alarms(self, alarms.archive_source_alarms(**buckets), both, home_topics, region=None),
        }
        self.name: pulumi.Output[str] = self.bucket.name
        self.register_outputs({"name": self.name})
