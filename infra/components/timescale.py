"""Market data: three TimescaleDB nodes with Patroni, etcd and pgBackRest, behind an internal load balancer that knows the leader."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.components.storage import PrivateBucket
from infra.plan import timescale as plan
from infra.plan.access import node_statements
from infra.plan.alarms import custom_namespace
from infra.plan.endpoint_policies import s3_objects_of_aws
from infra.plan.key_policies import Place
from infra.plan.secrets import TIMESCALE_SECRETS
from infra.settings import data


class Timescale(Component):
    """`nautilus:timescale`: TimescaleDB on EC2, because RDS cannot run it (DESIGN.md decision 4).

    Makes, for each of three zones: an `ec2.NetworkInterface` with a fixed address, a data volume and an etcd volume (`ebs.Volume`,
    stateful), an `ec2.LaunchTemplate`, and an `autoscaling.Group` of exactly one, which ends the old instance before it starts a new one.
    For all: an IAM role with its instance profile, a log group, and a network load balancer whose target groups ask Patroni who leads:
    port 5432 writes, port 5433 reads from the replicas.
    Sources: NRC-014, NRC-013; POLICY-RULES NET-15, NET-17, LB-05, LB-07, LB-09.

    The image carries Patroni and pgBackRest; etcd comes as an image of its own. The machine image is Amazon Linux 2023 with Docker.
    Without a way to the APIs of EC2, ECR, Secrets Manager, Systems Manager, CloudWatch Logs and S3 a node waits, and without one to
    CloudWatch and EventBridge it is silent: endpoints or a NAT route must exist.

    The nodes' certificates come from an authority that the first node makes and keeps in an SSM parameter, which no stack owns: its value
    would stand in the state. `ca_parameter` is its name; it stays when the stack goes.

    Args:
        settings: The section `timescale`.
        subnet_ids: Private subnets in the order of `ctx.zones`, with a way to the APIs above; the first three are used.
        vpc_id: The VPC.
        group_id: Security group of TIMESCALE, for nodes and load balancer alike.
        key_arn: KMS key of DATABASE, for the volumes.
        log_key_arn: KMS key of LOGS.
        secret_arns: ARNs by the names in `infra.plan.secrets.TIMESCALE_SECRETS`.
        secret_key_arn: KMS key of SECRETS.
        replica_key_arn: KMS key of their copies in the second region; None where they have none.
        registry_url: ECR repository of the timescaledb-ha image; `settings.image_digest` pins it.
        etcd_image: The etcd image in ECR, by digest: `<repository>@sha256:…`.
        archive: pgBackRest's bucket, with object lock.
        archive_key_arn: KMS key of the bucket.
        slow_query_ms: Slower queries are logged, in milliseconds.

    Raises:
        ValueError: Settings that cannot work (`infra.plan.timescale.refusals`), fewer than three subnets, or a secret is missing.
    """

    token: ClassVar[str] = "timescale"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: data.Timescale,
        subnet_ids: Sequence[pulumi.Input[str]],
        vpc_id: pulumi.Input[str],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        secret_arns: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        registry_url: pulumi.Input[str],
        etcd_image: pulumi.Input[str],
        archive: PrivateBucket,
        archive_key_arn: pulumi.Input[str],
        replica_key_arn: pulumi.Input[str] | None = None,
        slow_query_ms: int = 1_000,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        plan.check(settings, ctx.zones)
        if len(subnet_ids) < plan.NODES:
            raise ValueError(f"timescale: {len(subnet_ids)} subnets for {plan.NODES} nodes")
        missing = [secret for secret in TIMESCALE_SECRETS if secret not in secret_arns]
        if missing:
            raise ValueError(f"timescale: no secret {', '.join(missing)}")
        self._settings = settings
        self._key_arn = key_arn
        secrets = [secret_arns[secret] for secret in TIMESCALE_SECRETS]
        self.ca_parameter: str = ctx.names.path("timescale", "ca")
        zones = ctx.zones[: plan.NODES]
        letters = [zone[-1] for zone in zones]
        subnets = list(subnet_ids[: plan.NODES])

        log_path = ctx.names.path("timescale")
        logs = log_group(self, f"{name}-log", path=log_path, key_arn=log_key_arn)
        interfaces = [
            aws.ec2.NetworkInterface(
                f"{name}-{letter}-address",
                subnet_id=subnet,
                security_groups=[group_id],
                description=f"Fixed address of TimescaleDB node {letter}",
                tags={"Name": ctx.names("timescale", letter)},
                opts=self.child(),
            )
            for letter, subnet in zip(letters, subnets, strict=True)
        ]
        volumes = [
            self._volume(f"{name}-{letter}-data", zone, "data", letter, size=settings.volume_gb, iops=settings.volume_iops, throughput=250)
            for letter, zone in zip(letters, zones, strict=True)
        ]
        # etcd has its own small volume, outside every backup: a member that returns with an old log would vote for the past.
        etcd_volumes = [
            self._volume(f"{name}-{letter}-etcd", zone, "etcd", letter, size=plan.ETCD_VOLUME_GB, iops=3_000, throughput=125)
            for letter, zone in zip(letters, zones, strict=True)
        ]

        role, profile = self._identity()
        reach = pulumi.Output.all(
            volumes=[volume.arn for volume in (*volumes, *etcd_volumes)],
            instance_profile=profile.arn,
            volume_key=key_arn,
            secrets=secrets,
            secret_key=secret_key_arn,
            replica_key=replica_key_arn or "",
            bucket=archive.arn,
            bucket_key=archive_key_arn,
            log_group=logs.arn,
            repositories=[registry_url, etcd_image],
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-node",
            name="node",
            role=role.name,
            policy=reach.apply(self._policy),
            opts=self.child(),
        )

        facts = pulumi.Output.all(
            addresses=[interface.private_ip for interface in interfaces],
            data=[volume.id for volume in volumes],
            etcd=[volume.id for volume in etcd_volumes],
            registry=registry_url,
            etcd_image=etcd_image,
            bucket=archive.name,
            secrets=secrets,
            secret_key=secret_key_arn,
        )

        def cluster(known: dict[str, Any]) -> plan.Cluster:
            return plan.Cluster(
                scope=plan.SCOPE,
                region=ctx.region,
                major=settings.major,
                image=f"{known['registry']}@{settings.image_digest}",
                etcd_image=known["etcd_image"],
                log_group=log_path,
                bucket=known["bucket"],
                retention_days=settings.retention_days,
                slow_query_ms=slow_query_ms,
                secrets=tuple(known["secrets"]),
                namespace=custom_namespace(ctx.names.prefix),
                ca_parameter=self.ca_parameter,
                ca_key=known["secret_key"],
                memory_mib=plan.instance_memory_mib(settings.instance_type),
                nodes=tuple(plan.Node(*each) for each in zip(letters, known["addresses"], known["data"], known["etcd"], strict=True)),
            )

        def document(known: dict[str, Any], index: int) -> str:
            whole = cluster(known)
            return base64.b64encode(plan.user_data(whole, whole.nodes[index])).decode()

        self.groups = [
            self._group(
                f"{name}-{letter}",
                letter,
                zone,
                interfaces[index],
                profile,
                facts.apply(lambda known, index=index: document(known, index)),
                [permissions, logs, volumes[index], etcd_volumes[index]],
            )
            for index, (letter, zone) in enumerate(zip(letters, zones, strict=True))
        ]
        self.target_groups: dict[str, aws.lb.TargetGroup] = {}
        self.load_balancer = self._balancer(subnets, vpc_id, group_id, interfaces)

        self.writer_address: pulumi.Output[str] = self.load_balancer.dns_name
        self.reader_address: pulumi.Output[str] = self.load_balancer.dns_name
        self.writer_port: int = plan.WRITER_PORT
        self.reader_port: int = plan.READER_PORT
        self.database: str = plan.SCOPE
        self.user: str = plan.SCOPE
        self.volume_arns: list[pulumi.Output[str]] = [volume.arn for volume in volumes]
        self.node_group_names: list[pulumi.Output[str]] = [group.name for group in self.groups]
        self.balancer_suffix: pulumi.Output[str] = self.load_balancer.arn_suffix
        self.writer_suffix: pulumi.Output[str] = self.target_groups["writer"].arn_suffix
        """The last parts of the ARNs of the load balancer and its writer group, by which CloudWatch knows them."""
        self.log_group_name: pulumi.Output[str] = logs.name
        self.register_outputs({"writerAddress": self.writer_address, "readerAddress": self.reader_address})

    def _volume(self, logical: str, zone: str, kind: str, letter: str, *, size: int, iops: int, throughput: int) -> aws.ebs.Volume:
        return aws.ebs.Volume(
            logical,
            availability_zone=zone,
            type="gp3",
            size=size,
            iops=iops,
            throughput=throughput,
            encrypted=True,
            kms_key_id=self._key_arn,
            tags={
                "Name": self.ctx.names("timescale", letter, kind),
                **({"BackupExempt": "a stale Raft member must not return"} if kind == "etcd" else {}),
            },
            opts=self.stateful(),
        )

    def _identity(self) -> tuple[aws.iam.Role, aws.iam.InstanceProfile]:
        ctx = self.ctx
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        }
        role = aws.iam.Role(
            f"{self.logical}-role",
            name=ctx.names("timescale", limit=64),
            description="Nodes of the TimescaleDB cluster",
            assume_role_policy=json.dumps(trust, sort_keys=True, separators=(",", ":")),
            opts=self.child(),
        )
        aws.iam.RolePolicyAttachment(
            f"{self.logical}-sessions",
            role=role.name,
            policy_arn=f"arn:{ctx.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            opts=self.child(),
        )
        profile = aws.iam.InstanceProfile(
            f"{self.logical}-profile", name=ctx.names("timescale", limit=64), role=role.name, opts=self.child()
        )
        return role, profile

    def _policy(self, known: dict[str, Any]) -> str:
        ctx = self.ctx
        # <account>.dkr.ecr.<region>.amazonaws.com/<name>, with or without a digest
        names = sorted({reference.split("/", 1)[1].split("@", 1)[0] for reference in known["repositories"]})
        reach = plan.Reach(
            volumes=tuple(known["volumes"]),
            instance_profile=known["instance_profile"],
            volume_key=known["volume_key"],
            secrets=tuple(known["secrets"]),
            secret_key=known["secret_key"],
            bucket=known["bucket"],
            bucket_key=known["bucket_key"],
            log_group=known["log_group"],
            repositories=tuple(ctx.arn("ecr", f"repository/{each}") for each in names),
            instances=ctx.arn("ec2", "instance/*"),
            region=ctx.region,
            namespace=custom_namespace(ctx.names.prefix),
            ca_parameter=ctx.arn("ssm", f"parameter{self.ca_parameter}"),
            event_bus=ctx.arn("events", "event-bus/default"),
            replica_key=known["replica_key"],
            replica_region=ctx.dr_region,
            agent_objects=tuple(s3_objects_of_aws(ctx.region, ctx.partition)),
        )
        sessions = node_statements(
            project=ctx.names.project, place=Place(account=ctx.account_id, region=ctx.region, partition=ctx.partition)
        )
        document = plan.node_policy(reach)
        statements = [*cast("list[dict[str, Any]]", document["Statement"]), *sessions]
        return json.dumps({**document, "Statement": statements}, sort_keys=True, separators=(",", ":"))

    def _group(
        self,
        logical: str,
        letter: str,
        zone: str,
        interface: aws.ec2.NetworkInterface,
        profile: aws.iam.InstanceProfile,
        user_data: pulumi.Output[str],
        needs: Sequence[pulumi.Resource],
    ) -> aws.autoscaling.Group:
        ctx = self.ctx
        title = ctx.names("timescale", letter)
        template = aws.ec2.LaunchTemplate(
            f"{logical}-template",
            name=title,
            description=f"TimescaleDB node {letter}",
            image_id=self._settings.ami_id,
            instance_type=self._settings.instance_type,
            update_default_version=True,
            iam_instance_profile={"arn": profile.arn},
            monitoring={"enabled": True},
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
                "instance_metadata_tags": "disabled",
            },
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": plan.ROOT_VOLUME_GB,
                        "encrypted": "true",
                        "kms_key_id": self._key_arn,
                        "delete_on_termination": "true",
                    },
                }
            ],
            # The interface brings subnet, address and security group: a new instance is the old one to its peers.
            network_interfaces=[{"device_index": 0, "network_interface_id": interface.id, "delete_on_termination": "false"}],
            tag_specifications=[
                {"resource_type": "instance", "tags": {"Name": title}},
                {"resource_type": "volume", "tags": {"Name": f"{title}-root"}},
            ],
            user_data=user_data,
            opts=self.child(depends_on=needs),
        )
        return aws.autoscaling.Group(
            f"{logical}-group",
            name=title,
            availability_zones=[zone],
            min_size=1,
            max_size=1,
            desired_capacity=1,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            health_check_type="EC2",
            health_check_grace_period=300,
            # One volume and one address exist: the old instance ends before the new one starts.
            instance_maintenance_policy={"min_healthy_percentage": 0, "max_healthy_percentage": 100},
            suspended_processes=["AZRebalance"],
            enabled_metrics=[aws.autoscaling.Metric.GROUP_DESIRED_CAPACITY, aws.autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES],
            # A first `up` may come before the images: the group is there, and its node waits for them.
            wait_for_capacity_timeout="0",
            tags=[{"key": "Name", "value": title, "propagate_at_launch": True}],
            opts=self.child(),
        )

    def _balancer(
        self,
        subnets: Sequence[pulumi.Input[str]],
        vpc_id: pulumi.Input[str],
        group_id: pulumi.Input[str],
        interfaces: Sequence[aws.ec2.NetworkInterface],
    ) -> aws.lb.LoadBalancer:
        ctx, name = self.ctx, self.logical
        balancer = aws.lb.LoadBalancer(
            f"{name}-balancer",
            name=ctx.names("timescale", limit=32),
            load_balancer_type="network",
            internal=True,
            ip_address_type="ipv4",
            subnets=list(subnets),
            security_groups=[group_id],
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=ctx.guarded,
            tags={"Name": ctx.names("timescale")},
            opts=self.child(),
        )
        for kind, port, path in (("writer", plan.WRITER_PORT, "/primary"), ("reader", plan.READER_PORT, "/replica")):
            targets = aws.lb.TargetGroup(
                f"{name}-{kind}",
                name=ctx.names("market", kind, limit=32),
                vpc_id=vpc_id,
                target_type="ip",
                protocol="TCP",
                port=plan.WRITER_PORT,
                # Nodes see their clients' addresses, and admit them by the same security-group rules as the load balancer.
                preserve_client_ip="true",
                deregistration_delay=30,
                # After a failover the old leader's clients must notice at once.
                connection_termination=True,
                health_check={
                    "protocol": "HTTPS",
                    "port": str(plan.CONTROL_PORT),
                    "path": path,
                    "matcher": "200",
                    "interval": 5,
                    "timeout": 3,
                    "healthy_threshold": 2,
                    "unhealthy_threshold": 2,
                },
                tags={"Name": ctx.names("market", kind)},
                opts=self.child(),
            )
            self.target_groups[kind] = targets
            aws.lb.Listener(
                f"{name}-{kind}",
                load_balancer_arn=balancer.arn,
                port=port,
                protocol="TCP",
                default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
                opts=self.child(),
            )
            for index, interface in enumerate(interfaces):
                aws.lb.TargetGroupAttachment(
                    f"{name}-{kind}-{index + 1}",
                    target_group_arn=targets.arn,
                    target_id=interface.private_ip,
                    port=plan.WRITER_PORT,
                    opts=self.child(),
                )
        return balancer
