"""Security groups, and every rule of them, out of the flow table."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.flows import Flow, Role
from infra.plan.rules import Direction, Rule, groups, rules

ANYWHERE = "0.0.0.0/0"


class SecurityGroups(Component):
    """One group for each role of ours, with standalone rules and no inline ones (NET-11).

    Makes: `ec2.SecurityGroup` for each role; for each flow a `vpc.SecurityGroupEgressRule` on its source and a
    `vpc.SecurityGroupIngressRule` on its target, whichever of the two is ours. A group without rules lets nothing through: the default
    egress rule that AWS gives a new group is taken away by the provider.
    Sources: PFC-052, PFC-073, DTO-047, DTO-048; NET-02 to NET-04, NET-12, NET-14, LB-10.
    """

    token: ClassVar[str] = "security-groups"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        vpc_id: pulumi.Input[str],
        table: tuple[Flow, ...],
        cloudfront_prefix_list_id: pulumi.Input[str],
        s3_prefix_list_id: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the groups of `table`.

        Args:
            cloudfront_prefix_list_id: AWS's list of CloudFront's origin-facing addresses; it counts 55 of a group's 60 rules.
            s3_prefix_list_id: AWS's list behind the S3 gateway endpoint; needed if the table has a flow to S3.

        Raises:
            ValueError: The table opens what must stay closed (`infra.plan.rules.check`), or names S3 without its prefix list.
        """
        super().__init__(name, ctx, opts)
        if s3_prefix_list_id is None and any(Role.S3 in (flow.source, flow.target) for flow in table):
            raise ValueError("the flow table opens S3, but this network has no S3 gateway endpoint: build the table with s3_endpoint=False")
        self._lists = {Role.CLOUDFRONT: cloudfront_prefix_list_id, Role.S3: s3_prefix_list_id}
        needed = rules(table)
        self._groups = {
            role: aws.ec2.SecurityGroup(
                f"{name}-{role}",
                name=ctx.names(role, limit=255),
                # A description cannot change without a replacement of the group and of everything that uses it: fixed text.
                description=f"Role {role} of the platform",
                vpc_id=vpc_id,
                revoke_rules_on_delete=True,
                tags={"Name": ctx.names(role)},
                opts=self.child(),
            )
            for role in groups(table)
        }
        for rule in needed:
            self._rule(rule)
        self.register_outputs({"ids": self.ids})

    @property
    def ids(self) -> dict[str, pulumi.Output[str]]:
        """Ids of the groups that exist, by the name of their role."""
        return {role.value: group.id for role, group in self._groups.items()}

    def of(self, role: Role) -> pulumi.Output[str]:
        """Id of the group of `role` (not named `id`: Pulumi sets that attribute on every component).

        Raises:
            ValueError: The role is outside, or TIMESCALE or VPN on a platform without it.
        """
        if role not in self._groups:
            raise ValueError(f"no security group for {role.value}: there is one for {', '.join(sorted(self._groups))}")
        return self._groups[role].id

    def _rule(self, rule: Rule) -> None:
        peer = self._groups.get(rule.peer)
        make = aws.vpc.SecurityGroupIngressRule if rule.direction is Direction.IN else aws.vpc.SecurityGroupEgressRule
        make(
            f"{self.logical}-{rule.key}",
            security_group_id=self._groups[rule.group].id,
            ip_protocol="tcp",
            from_port=rule.first,
            to_port=rule.last,
            referenced_security_group_id=peer.id if peer else None,
            prefix_list_id=self._lists.get(rule.peer),
            cidr_ipv4=ANYWHERE if rule.peer is Role.INTERNET else None,
            description=rule.description,
            tags={"Name": self.ctx.names(rule.key, limit=255)},
            opts=self.child(),
        )
