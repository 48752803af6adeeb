"""The VPC: five tiers in every zone, a way out, network ACLs, locked defaults, gateway endpoints, flow logs; or a VPC that you bring along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.flow_log import flow_log
from infra.components.logs import log_group
from infra.plan.endpoint_policies import GATEWAYS, endpoint_policy
from infra.plan.flows import Flow
from infra.plan.nacls import EVERY, ICMP, Entry, acls, every_flow
from infra.plan.subnets import TIERS, Tier, block, plan
from infra.settings.foundation import NatMode
from infra.settings.foundation import Network as Settings

ANYWHERE = "0.0.0.0/0"
"""Aggregation of the flow log, in seconds; AWS offers 60 and 600."""


_NUMBERS = {"tcp": "6", "icmp": "1", "all": "-1"}
"""IP protocol numbers, as AWS returns them: with a name there the provider would see a change in every preview."""


def _properties(entry: Entry) -> dict[str, Any]:
    """A rule in the form of the provider's inline blocks."""
    ports = (0, 0) if entry.protocol in (ICMP, EVERY) else (entry.first, entry.last)
    kind = {"icmp_type": entry.first, "icmp_code": entry.last} if entry.protocol == ICMP else {}
    return {
        "rule_no": entry.number,
        "action": "allow" if entry.allow else "deny",
        "protocol": _NUMBERS[entry.protocol],
        "cidr_block": entry.cidr,
        "from_port": ports[0],
        "to_port": ports[1],
        **kind,
    }


class Network(Component):
    """Subnets, routes and network ACLs of one stack.

    IPv4 only: no block of IPv6 is asked for, so nothing in the VPC has such an address and no rule for it can be forgotten. Brokers
    allow-list IPv4 addresses, and a second protocol would need every route and rule twice.

    Makes: `ec2.Vpc`; an `ec2.Subnet` in each tier of each zone (`infra.plan.subnets`), none with automatic public addresses (NET-06);
    `ec2.InternetGateway`; an `ec2.Eip` and an `ec2.NatGateway` in the NAT tier, one a zone or one for all; `ec2.RouteTable`s: public and
    NAT lead to the internet gateway, data leads nowhere (NET-09), app and firewall get their way out from `Egress`; an `ec2.NetworkAcl`
    a tier with inline rules (`infra.plan.nacls`); the default security group, route table and network ACL, all emptied (NET-01); gateway
    endpoints for S3 and DynamoDB on the app and data tables; a flow log of all traffic (NET-07).
    The NAT's addresses are stateful: brokers have them on their allow-lists, and a released one never comes back.

    The data tier's ACL lets nothing outside the VPC through, S3's and DynamoDB's addresses included: what stands there uses neither.

    With `settings.existing` nothing is made, and its ids are handed through.

    Sources: PFC-051, PFC-074, DTO-037, DTO-050, NDS-014.
    """

    token: ClassVar[str] = "network"

    own: bool
    """Whether the VPC is ours; False for one that you brought along."""
    vpc_id: pulumi.Output[str]
    vpc_cidr: str
    public_subnet_ids: list[pulumi.Output[str]]
    """In the order of `ctx.zones`, as is every list here."""
    nat_subnet_ids: list[pulumi.Output[str]]
    """Empty with a VPC that you brought along, as is every list below but those of app and data subnets."""
    firewall_subnet_ids: list[pulumi.Output[str]]
    app_subnet_ids: list[pulumi.Output[str]]
    data_subnet_ids: list[pulumi.Output[str]]
    app_cidrs: list[str]
    """Blocks of the app subnets."""
    app_tables: list[aws.ec2.RouteTable]
    """One a zone, without a default route."""
    firewall_tables: list[aws.ec2.RouteTable]
    """One a zone, without a default route."""
    nat_tables: list[aws.ec2.RouteTable]
    """One a zone, leading to the internet gateway; with a single NAT gateway the first is its."""
    nat_gateways: list[aws.ec2.NatGateway]
    """One a zone, or one in the first."""
    nat_addresses: list[pulumi.Output[str]]
    """Public addresses that the platform's traffic comes from, for the allow-lists of brokers."""
    nat_gateway_ids: list[pulumi.Output[str]]
    """For alarms."""
    s3_prefix_list_id: pulumi.Output[str] | None
    """AWS's prefix list behind the S3 gateway endpoint, for security-group rules; None with a VPC that you brought along."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        log_key_arn: pulumi.Input[str],
        table: Sequence[Flow] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the network of `ctx.zones`.

        Args:
            table: The flows that the network ACLs admit; None for every flow that any platform of this program may have.

        Raises:
            ValueError: The address plan refuses the block or a zone, the network ACLs cannot hold the table, or an existing VPC does not
                name one subnet a zone in each tier.
        """
        super().__init__(name, ctx, opts)
        self.vpc_cidr = settings.cidr
        self.own = settings.existing is None
        if settings.existing is None:
            self._make(settings, log_key_arn, every_flow() if table is None else table)
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
        self.nat_subnet_ids, self.firewall_subnet_ids = [], []
        self.app_cidrs = []
        self.app_tables, self.firewall_tables, self.nat_tables = [], [], []
        self.nat_gateways = []
        self.nat_addresses = []
        self.nat_gateway_ids = []
        self.s3_prefix_list_id = None

    def _make(self, settings: Settings, log_key_arn: pulumi.Input[str], table: Sequence[Flow]) -> None:
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
        subnets = self._subnets(settings.cidr)
        self.public_subnet_ids, self.nat_subnet_ids, self.firewall_subnet_ids, self.app_subnet_ids, self.data_subnet_ids = (
            [subnet.id for subnet in subnets[tier]] for tier in TIERS
        )
        self.app_cidrs = [block(settings.cidr, letter, Tier.APP) for letter in self._letters]
        self._lock_defaults(self._acls(settings.cidr, table, subnets))

        gateway = aws.ec2.InternetGateway(name, vpc_id=self.vpc_id, tags=self._named("internet"), opts=self.child())
        self._route("public", self._table("public", subnets[Tier.PUBLIC]), gateway)
        self.nat_tables = self._tables(Tier.NAT, subnets)
        for letter, nat_table in zip(self._letters, self.nat_tables, strict=True):
            self._route(f"nat-{letter}", nat_table, gateway)
        self.firewall_tables = self._tables(Tier.FIREWALL, subnets)
        self.app_tables = self._tables(Tier.APP, subnets)
        data_table = self._table("data", subnets[Tier.DATA])

        self._nats(subnets[Tier.NAT], settings.nat, gateway)
        self._gateway_endpoints([*self.app_tables, data_table])
        self._flow_log(log_key_arn)

    @property
    def _letters(self) -> list[str]:
        return [zone[-1] for zone in self.ctx.zones]

    def _named(self, *parts: str) -> dict[str, str]:
        return {"Name": self.ctx.names(*parts)}

    def _lock_defaults(self, own: list[aws.ec2.NetworkAcl]) -> None:
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
        aws.ec2.DefaultNetworkAcl(
            f"{self.logical}-default",
            default_network_acl_id=self._vpc.default_network_acl_id,
            ingress=[],
            egress=[],
            tags=self._named("default-closed"),
            # Emptied last: subnets leave it for their own ACLs first. Which subnets it has is AWS's business: each new one starts in it,
            # and the provider would propose to take it out again.
            opts=self.child(depends_on=own, ignore_changes=["subnet_ids"]),
        )

    def _acls(self, cidr: str, table: Sequence[Flow], subnets: dict[Tier, list[aws.ec2.Subnet]]) -> list[aws.ec2.NetworkAcl]:
        # Inline rules: a changed one is changed in place, a foreign one is taken away. Standalone rules beside them would be fought over.
        return [
            aws.ec2.NetworkAcl(
                f"{self.logical}-{acl.tier}",
                vpc_id=self.vpc_id,
                subnet_ids=[subnet.id for subnet in subnets[acl.tier]],
                ingress=[aws.ec2.NetworkAclIngressArgs(**_properties(entry)) for entry in acl.ingress],
                egress=[aws.ec2.NetworkAclEgressArgs(**_properties(entry)) for entry in acl.egress],
                tags={**self._named(acl.tier), "Tier": acl.tier},
                opts=self.child(),
            )
            for acl in acls(cidr, self._letters, table)
        ]

    def _subnets(self, cidr: str) -> dict[Tier, list[aws.ec2.Subnet]]:
        made: dict[Tier, list[aws.ec2.Subnet]] = {tier: [] for tier in TIERS}
        for place in plan(cidr, self._letters):
            made[place.tier].append(
                aws.ec2.Subnet(
                    f"{self.logical}-{place.tier}-{place.zone}",
                    vpc_id=self.vpc_id,
                    cidr_block=place.cidr,
                    availability_zone=f"{self.ctx.region}{place.zone}",
                    map_public_ip_on_launch=False,
                    tags={**self._named(place.tier, place.zone), "Tier": place.tier},
                    opts=self.child(),
                )
            )
        return made

    def _nats(self, subnets: list[aws.ec2.Subnet], mode: NatMode, gateway: aws.ec2.InternetGateway) -> None:
        name = self.logical
        self.nat_gateways, self.nat_addresses = [], []
        for letter, subnet in zip(self._letters, subnets if mode is NatMode.PER_ZONE else subnets[:1], strict=False):
            address = aws.ec2.Eip(f"{name}-nat-{letter}", domain="vpc", tags=self._named("nat", letter), opts=self.stateful())
            self.nat_gateways.append(
                aws.ec2.NatGateway(
                    f"{name}-nat-{letter}",
                    allocation_id=address.allocation_id,
                    subnet_id=subnet.id,
                    connectivity_type="public",
                    tags=self._named("nat", letter),
                    # The address serves one gateway at a time, so a replacement waits until the old one has let go of it.
                    opts=self.child(depends_on=[gateway], delete_before_replace=True),
                )
            )
            self.nat_addresses.append(address.public_ip)
        self.nat_gateway_ids = [nat.id for nat in self.nat_gateways]

    def _tables(self, tier: Tier, subnets: dict[Tier, list[aws.ec2.Subnet]]) -> list[aws.ec2.RouteTable]:
        return [self._table(f"{tier}-{letter}", [subnet]) for letter, subnet in zip(self._letters, subnets[tier], strict=True)]

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

    def _route(self, part: str, table: aws.ec2.RouteTable, gateway: aws.ec2.InternetGateway) -> None:
        aws.ec2.Route(
            f"{self.logical}-{part}-out",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
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
        flow_log(
            self,
            vpc_id=self.vpc_id,
            group=log_group(self, f"{self.logical}-flow", path=self.ctx.names.path("vpc", "flow"), key_arn=log_key_arn),
            role_name=self.ctx.names("vpc-flow", limit=64),
            whose="Lets VPC flow logs write to their log group",
            tags=self._named("flow"),
        )
