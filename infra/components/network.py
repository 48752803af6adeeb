"""The VPC: three tiers in every zone, ways out for the app tier alone, gateway endpoints, flow logs; or a VPC that you bring along."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan.endpoint_policies import GATEWAYS, endpoint_policy
from infra.plan.subnets import TIERS, Tier, plan
from infra.settings.foundation import NatMode
from infra.settings.foundation import Network as Settings

ANYWHERE = "0.0.0.0/0"
FLOW_LOG_SECONDS = 60
"""Aggregation of the flow log, in seconds; AWS offers 60 and 600."""


class Network(Component):
    """Subnets and routes of one stack. IPv4 only: brokers allow-list IPv4 addresses, and a second protocol would need every rule twice.

    Makes: `ec2.Vpc`; `ec2.Subnet` in the tiers public, app and data of each zone, none with automatic public addresses (NET-06);
    `ec2.InternetGateway`; an `ec2.Eip` and `ec2.NatGateway` a zone or one for all; `ec2.RouteTable`s: the public one leads to the
    internet gateway, each app one to its NAT, the data one nowhere (NET-09); the default security group and default route table, both
    emptied (NET-01); gateway endpoints for S3 and DynamoDB on the app and data tables; a flow log of all traffic (NET-07).
    The NAT's addresses are stateful: brokers have them on their allow-lists, and a released one never comes back.

    With `settings.existing` nothing is made, and its ids are handed through.

    Sources: PFC-051, PFC-074, DTO-037, DTO-050, NDS-014.
    """

    token: ClassVar[str] = "network"

    vpc_id: pulumi.Output[str]
    vpc_cidr: str
    public_subnet_ids: list[pulumi.Output[str]]
    """In the order of `ctx.zones`, as are the others."""
    app_subnet_ids: list[pulumi.Output[str]]
    data_subnet_ids: list[pulumi.Output[str]]
    app_route_table_ids: list[pulumi.Output[str]]
    """One a zone; empty with a VPC that you brought along."""
    nat_addresses: list[pulumi.Output[str]]
    """Public addresses that the platform's traffic comes from; empty with a VPC that you brought along."""
    nat_gateway_ids: list[pulumi.Output[str]]
    """For alarms; empty with a VPC that you brought along."""
    s3_prefix_list_id: pulumi.Output[str] | None
    """AWS's prefix list behind the S3 gateway endpoint, for security-group rules; None with a VPC that you brought along."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the network of `ctx.zones`.

        Raises:
            ValueError: The address plan refuses the block or a zone, or an existing VPC does not name one subnet a zone in each tier.
        """
        super().__init__(name, ctx, opts)
        self.vpc_cidr = settings.cidr
        if settings.existing is None:
            self._make(settings, log_key_arn)
        else:
            self._adopt(settings)
        self.register_outputs({"vpcId": self.vpc_id, "natAddresses": self.nat_addresses})

    def _adopt(self, settings: Settings) -> None:
        given = settings.existing
        if given is None:
            raise ValueError("no existing VPC in the settings")
        tiers = (
            ("publicSubnetIds", given.public_subnet_ids),
            ("appSubnetIds", given.app_subnet_ids),
            ("dataSubnetIds", given.data_subnet_ids),
        )
        for key, ids in tiers:
            if len(ids) != len(self.ctx.zones):
                raise ValueError(
                    f"network.existing.{key}: {len(ids)} subnets for {len(self.ctx.zones)} zones; name one for each zone, in order"
                )
        self.vpc_id = pulumi.Output.from_input(given.vpc_id)
        self.public_subnet_ids, self.app_subnet_ids, self.data_subnet_ids = (
            [pulumi.Output.from_input(one) for one in ids] for _, ids in tiers
        )
        self.app_route_table_ids = []
        self.nat_addresses = []
        self.nat_gateway_ids = []
        self.s3_prefix_list_id = None

    def _make(self, settings: Settings, log_key_arn: pulumi.Input[str]) -> None:
        name = self.logical
        self._vpc = aws.ec2.Vpc(
            name,
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._named("vpc"),
            opts=self.child(),
        )
        self.vpc_id = self._vpc.id
        self._lock_defaults()
        subnets = self._subnets(settings.cidr)
        self.public_subnet_ids, self.app_subnet_ids, self.data_subnet_ids = ([subnet.id for subnet in subnets[tier]] for tier in TIERS)
        nats = self._ways_out(subnets[Tier.PUBLIC], settings.nat)

        app_tables: list[aws.ec2.RouteTable] = []
        for index, letter in enumerate(self._letters):
            table = self._table(f"app-{letter}", [subnets[Tier.APP][index]])
            nat = nats[index % len(nats)]
            self._route(f"app-{letter}", table, nat_gateway_id=nat.id)
            app_tables.append(table)
        data_table = self._table("data", subnets[Tier.DATA])
        self.app_route_table_ids = [table.id for table in app_tables]
        self._gateway_endpoints([*app_tables, data_table])
        self._flow_log(log_key_arn)

    @property
    def _letters(self) -> list[str]:
        return [zone[-1] for zone in self.ctx.zones]

    def _named(self, *parts: str) -> dict[str, str]:
        return {"Name": self.ctx.names(*parts)}

    def _lock_defaults(self) -> None:
        """Take over what AWS makes with every VPC and leave it empty, so that nothing works by accident (NET-01)."""
        aws.ec2.DefaultSecurityGroup(
            f"{self.logical}-default", vpc_id=self.vpc_id, ingress=[], egress=[], tags=self._named("default-closed"), opts=self.child()
        )
        aws.ec2.DefaultRouteTable(
            f"{self.logical}-default",
            default_route_table_id=self._vpc.default_route_table_id,
            routes=[],
            tags=self._named("default-closed"),
            opts=self.child(),
        )

    def _subnets(self, cidr: str) -> dict[Tier, list[aws.ec2.Subnet]]:
        made: dict[Tier, list[aws.ec2.Subnet]] = {tier: [] for tier in TIERS}
        for block in plan(cidr, self._letters):
            made[block.tier].append(
                aws.ec2.Subnet(
                    f"{self.logical}-{block.tier}-{block.zone}",
                    vpc_id=self.vpc_id,
                    cidr_block=block.cidr,
                    availability_zone=f"{self.ctx.region}{block.zone}",
                    map_public_ip_on_launch=False,
                    tags={**self._named(block.tier, block.zone), "Tier": block.tier},
                    opts=self.child(),
                )
            )
        return made

    def _ways_out(self, public: list[aws.ec2.Subnet], mode: NatMode) -> list[aws.ec2.NatGateway]:
        name = self.logical
        gateway = aws.ec2.InternetGateway(name, vpc_id=self.vpc_id, tags=self._named("internet"), opts=self.child())
        table = self._table("public", public)
        self._route("public", table, gateway_id=gateway.id)
        nats: list[aws.ec2.NatGateway] = []
        self.nat_addresses = []
        for letter, subnet in zip(self._letters, public if mode is NatMode.PER_ZONE else public[:1], strict=False):
            address = aws.ec2.Eip(f"{name}-nat-{letter}", domain="vpc", tags=self._named("nat", letter), opts=self.stateful())
            nats.append(
                aws.ec2.NatGateway(
                    f"{name}-nat-{letter}",
                    allocation_id=address.allocation_id,
                    subnet_id=subnet.id,
                    connectivity_type="public",
                    tags=self._named("nat", letter),
                    opts=self.child(depends_on=[gateway]),
                )
            )
            self.nat_addresses.append(address.public_ip)
        self.nat_gateway_ids = [nat.id for nat in nats]
        return nats

    def _table(self, part: str, subnets: list[aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(f"{self.logical}-{part}", vpc_id=self.vpc_id, tags=self._named(part), opts=self.child())
        several = len(subnets) > 1
        for letter, subnet in zip(self._letters, subnets, strict=False):
            aws.ec2.RouteTableAssociation(
                f"{self.logical}-{part}-{letter}" if several else f"{self.logical}-{part}",
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self.child(),
            )
        return table

    def _route(
        self,
        part: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        aws.ec2.Route(
            f"{self.logical}-{part}-out",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )

    def _gateway_endpoints(self, tables: list[aws.ec2.RouteTable]) -> None:
        ctx = self.ctx
        made: dict[str, aws.ec2.VpcEndpoint] = {}
        for service in GATEWAYS:
            policy = endpoint_policy(service, account=ctx.account_id, region=ctx.region, partition=ctx.partition)
            made[service] = aws.ec2.VpcEndpoint(
                f"{self.logical}-{service}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{ctx.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                policy=json.dumps(policy),
                tags=self._named(service),
                opts=self.child(),
            )
        self.s3_prefix_list_id = made["s3"].prefix_list_id

    def _flow_log(self, log_key_arn: pulumi.Input[str]) -> None:
        ctx, name = self.ctx, f"{self.logical}-flow"
        group = log_group(self, name, path=ctx.names.path("vpc", "flow"), key_arn=log_key_arn)
        trust: dict[str, Any] = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": ctx.account_id},
                        "ArnLike": {"aws:SourceArn": ctx.arn("ec2", "vpc-flow-log/*")},
                    },
                }
            ],
        }
        role = aws.iam.Role(
            name,
            name=ctx.names("vpc-flow", limit=64),
            description="Lets VPC flow logs write to their log group",
            assume_role_policy=json.dumps(trust),
            opts=self.child(),
        )
        write = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    "Resource": pulumi.Output.concat(group.arn, ":*"),
                },
                {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": ctx.arn("logs", "log-group:*")},
            ],
        }
        policy = aws.iam.RolePolicy(name, name="write", role=role.id, policy=pulumi.Output.json_dumps(write), opts=self.child())
        aws.ec2.FlowLog(
            name,
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=FLOW_LOG_SECONDS,
            tags=self._named("flow"),
            opts=self.child(depends_on=[policy]),
        )
