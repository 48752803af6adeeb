"""The way out: app subnets reach the NAT through a firewall that lets out what the settings list and nothing else, or directly without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.egress import (
    THREAT_PRIORITY,
    Group,
    RuleGroup,
    allowed_domains,
    default_actions,
    emergency_tags,
    endpoints_by_zone,
    rule_groups,
    threat_arn,
)
from infra.settings.egress import Egress as Settings
from infra.settings.egress import EgressMode

ANYWHERE = "0.0.0.0/0"
STREAM_EXCEPTION = "REJECT"
"""What happens to the rest of a connection whose beginning the firewall has not seen, after a failover say. It stays closed as with DROP, and
a reset tells the client to connect anew; a trading connection that hangs until it times out is worse than one that is gone."""


class Routed(Protocol):
    """What the way out needs of a network (`infra.components.network.Network`)."""

    vpc_id: pulumi.Output[str]
    app_cidrs: list[str]
    firewall_subnet_ids: list[pulumi.Output[str]]
    app_tables: list[aws.ec2.RouteTable]
    firewall_tables: list[aws.ec2.RouteTable]
    nat_tables: list[aws.ec2.RouteTable]
    nat_gateways: list[aws.ec2.NatGateway]


class Egress(Component):
    """Routes from the app tier to the NAT, with an AWS Network Firewall between them unless `settings.mode` is `off`.

    Makes with a firewall: a `networkfirewall.RuleGroup` for each list of the settings that is not empty and one that closes everything else;
    one `networkfirewall.FirewallPolicy` in strict order, AWS's threat signatures first; the `networkfirewall.Firewall` with an endpoint in
    each zone's firewall subnet; `networkfirewall.LoggingConfiguration` with alerts and flows to encrypted `cloudwatch.LogGroup`s; an
    unattached `ec2.NetworkInterface` as a dead end; and in each zone three `ec2.Route`s: app tier to the zone's endpoint, firewall tier to the
    NAT, and from the NAT's table back to the endpoint, because a stateful firewall must see both directions of a connection.

    Endpoints are found by availability zone, never by position: AWS lists them in no order. A zone whose endpoint AWS does not name yet is
    routed to the dead end. That is closed, not open, and the next `up` mends it.

    Names of rule groups hold their capacity, which AWS fixes at creation: a larger one is a new group that the policy takes before the old
    one goes. The policy names the groups by ARNs that are known beforehand, so that a plan can be checked against its rules.

    Deleting the firewall, or putting another policy in its place, is refused by AWS until the stack is unlocked (NetworkFirewall.9). Its
    subnets are not locked, because a zone may be added (NetworkFirewall.10 is given up for that).

    Sources: DTO-009, DTO-048, DTO-049, DTO-050, DTO-052, OTE-035, PFC-072; NetworkFirewall.2 to .6.
    """

    token: ClassVar[str] = "egress"

    firewall_name: pulumi.Output[str] | None
    """For alarms and `nautilus` commands; None without a firewall."""
    firewall_arn: pulumi.Output[str] | None
    allowed_domains: tuple[str, ...]
    """What the resolver must answer: `.binance.com` with everything below it, `api.stlouisfed.org` exactly. Known with mode `off` too."""
    alert_log_name: pulumi.Output[str] | None
    """The log group of refused and noticed connections; None without a firewall."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        network: Routed,
        settings: Settings,
        log_key_arn: pulumi.Input[str],
        aws_domains: Mapping[str, str] = MappingProxyType({}),
        key_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the way out of `ctx.zones`.

        Args:
            name: Logical name.
            ctx: The stack.
            network: The VPC; with one that was brought along its lists are empty and nothing is routed.
            settings: The mode and the lists.
            log_key_arn: KMS key of the logs; its policy must admit CloudWatch Logs and its delivery service.
            aws_domains: AWS's own hosts that must be reached through the NAT (`infra.plan.endpoint_policies.apis_through_nat`).
            key_arn: KMS key of the rules and the firewall; None leaves them to AWS's own key.
            opts: Options of the component.

        Raises:
            ValueError: a firewall without a network of ours, or more rules than a group holds.
        """
        super().__init__(name, ctx, opts)
        self.allowed_domains = allowed_domains(settings, aws_domains)
        self.firewall_name = self.firewall_arn = self.alert_log_name = None
        self._letters = [zone[-1] for zone in ctx.zones]
        if settings.mode is EgressMode.OFF:
            self._direct(network)
        elif not network.firewall_subnet_ids:
            raise ValueError("egress.mode needs a VPC of ours: one that was brought along has no firewall subnets")
        else:
            encryption = None if key_arn is None else {"type": "CUSTOMER_KMS", "key_id": key_arn}
            firewall = self._firewall(network, settings, rule_groups(settings, aws_domains), encryption)
            self._logging(firewall, settings.log_days or ctx.log_days, log_key_arn)
            self._inspected(network, firewall)
            self.firewall_name, self.firewall_arn = firewall.name, firewall.arn
        self.register_outputs({"firewallName": self.firewall_name, "firewallArn": self.firewall_arn})

    def _direct(self, network: Routed) -> None:
        for index, (letter, table) in enumerate(zip(self._letters, network.app_tables, strict=bool(network.app_tables))):
            nat = network.nat_gateways[index % len(network.nat_gateways)]
            aws.ec2.Route(
                f"{self.logical}-app-{letter}",
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=nat.id,
                opts=self.child(),
            )

    def _rule_group(self, one: RuleGroup, settings: Settings, encryption: Any) -> aws.networkfirewall.RuleGroup:
        emergency = settings.emergency if one.group is Group.EMERGENCY else None
        physical = self._group_name(one)
        return aws.networkfirewall.RuleGroup(
            f"{self.logical}-{one.group}",
            name=physical,
            description=f"Egress of {self.ctx.names.prefix}: {one.group}",
            type="STATEFUL",
            capacity=one.capacity,
            rule_group={"stateful_rule_options": {"rule_order": "STRICT_ORDER"}, "rules_source": {"rules_string": one.text}},
            encryption_configuration=encryption,
            tags={"Name": physical, **(emergency_tags(emergency) if emergency else {})},
            opts=self.child(),
        )

    def _group_name(self, one: RuleGroup) -> str:
        return self.ctx.names(self.logical, one.group, str(one.capacity), limit=128)

    def _firewall(self, network: Routed, settings: Settings, groups: Sequence[RuleGroup], encryption: Any) -> aws.networkfirewall.Firewall:
        ctx, name = self.ctx, self.logical
        made = [self._rule_group(one, settings, encryption) for one in groups]
        noticed = settings.mode is EgressMode.ALERT
        references: list[dict[str, Any]] = [
            {
                "priority": THREAT_PRIORITY + 10 * position,
                "resource_arn": threat_arn(group, region=ctx.region, partition=ctx.partition),
                **({"override": {"action": "DROP_TO_ALERT"}} if noticed else {}),
            }
            for position, group in enumerate(settings.threat_signatures)
        ]
        references += [
            {"priority": one.priority, "resource_arn": ctx.arn("network-firewall", f"stateful-rulegroup/{self._group_name(one)}")}
            for one in groups
        ]
        document: Any = {
            "stateless_default_actions": ["aws:forward_to_sfe"],
            "stateless_fragment_default_actions": ["aws:forward_to_sfe"],
            "stateful_engine_options": {"rule_order": "STRICT_ORDER", "stream_exception_policy": STREAM_EXCEPTION},
            "stateful_default_actions": list(default_actions(settings.mode)),
            "stateful_rule_group_references": references,
            "policy_variables": {"rule_variables": [{"key": "HOME_NET", "ip_set": {"definitions": sorted(network.app_cidrs)}}]},
        }
        physical = ctx.names(name, limit=128)
        policy = aws.networkfirewall.FirewallPolicy(
            name,
            name=physical,
            description=f"Egress of {ctx.names.prefix}: closed but for the settings' lists",
            firewall_policy=document,
            encryption_configuration=encryption,
            tags={"Name": physical},
            opts=self.child(depends_on=made),
        )
        return aws.networkfirewall.Firewall(
            name,
            name=physical,
            description=f"Between app tier and NAT of {ctx.names.prefix}",
            vpc_id=network.vpc_id,
            firewall_policy_arn=policy.arn,
            subnet_mappings=[{"subnet_id": subnet, "ip_address_type": "IPV4"} for subnet in network.firewall_subnet_ids],
            delete_protection=ctx.guarded,
            firewall_policy_change_protection=ctx.guarded,
            subnet_change_protection=False,
            encryption_configuration=encryption,
            tags={"Name": physical},
            opts=self.child(),
        )

    def _logging(self, firewall: aws.networkfirewall.Firewall, days: int, key_arn: pulumi.Input[str]) -> None:
        ctx, name = self.ctx, self.logical
        groups = {
            kind: aws.cloudwatch.LogGroup(
                f"{name}-{kind}",
                name=ctx.names.path(name, kind),
                retention_in_days=days,
                kms_key_id=key_arn,
                opts=self.child(),
            )
            for kind in ("alert", "flow")
        }
        self.alert_log_name = groups["alert"].name
        aws.networkfirewall.LoggingConfiguration(
            name,
            firewall_arn=firewall.arn,
            logging_configuration={
                "log_destination_configs": [
                    {"log_type": kind.upper(), "log_destination_type": "CloudWatchLogs", "log_destination": {"logGroup": group.name}}
                    for kind, group in groups.items()
                ]
            },
            opts=self.child(),
        )

    def _inspected(self, network: Routed, firewall: aws.networkfirewall.Firewall) -> None:
        name, ctx = self.logical, self.ctx
        dead_end = aws.ec2.NetworkInterface(
            f"{name}-dead-end",
            subnet_id=network.firewall_subnet_ids[0],
            description=f"Attached to nothing: routes of {ctx.names.prefix} lead here until their zone has a firewall endpoint",
            tags={"Name": ctx.names(name, "dead-end")},
            opts=self.child(),
        )
        endpoints = firewall.firewall_statuses.apply(_endpoints)
        single = len(network.nat_gateways) == 1
        for index, (zone, letter) in enumerate(zip(ctx.zones, self._letters, strict=True)):
            endpoint = endpoints.apply(lambda found, zone=zone: found.get(zone))
            blocked = pulumi.Output.all(endpoint, dead_end.id).apply(lambda pair: pair[1] if pair[0] is None else None)
            # One NAT serves every zone from the table of its own subnet, which then leads back to all endpoints.
            nat = 0 if single else index
            self._to_endpoint(f"app-{letter}", network.app_tables[index], ANYWHERE, endpoint, blocked)
            aws.ec2.Route(
                f"{name}-firewall-{letter}",
                route_table_id=network.firewall_tables[index].id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=network.nat_gateways[nat].id,
                opts=self.child(),
            )
            self._to_endpoint(f"return-{letter}", network.nat_tables[nat], network.app_cidrs[index], endpoint, blocked)

    def _to_endpoint(
        self,
        part: str,
        table: aws.ec2.RouteTable,
        cidr: str,
        endpoint: pulumi.Output[str | None],
        blocked: pulumi.Output[str | None],
    ) -> None:
        aws.ec2.Route(
            f"{self.logical}-{part}",
            route_table_id=table.id,
            destination_cidr_block=cidr,
            vpc_endpoint_id=endpoint,
            network_interface_id=blocked,
            opts=self.child(),
        )


def _endpoints(statuses: Sequence[Any] | None) -> dict[str, str]:
    """Endpoint by zone, from the firewall's statuses as pulumi-aws hands them over."""
    pairs: list[tuple[str | None, str | None]] = []
    for status in statuses or ():
        for state in status.sync_states or ():
            attachments = state.attachments or ()
            pairs += [(state.availability_zone, attachment.endpoint_id) for attachment in attachments]
    return endpoints_by_zone(pairs)
