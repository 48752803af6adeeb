"""Shield Advanced for the edge, with a subscription that the account has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context

NAME_LIMIT = 128
"""Characters of a protection's name (Shield)."""


class Shield(Component):
    """Protections of resources that face the internet.

    Makes for each resource a `shield.Protection`, and where a health check tells how it is, a `shield.ProtectionHealthCheckAssociation`,
    by which Shield judges faster whether traffic is an attack. It never makes a subscription: that is a commitment of a year, for 3,000 $
    a month, which deleting the resource does not end. Without one AWS refuses the protections. Sources: PFC-056, NRC-028.
    """

    token: ClassVar[str] = "shield"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        resources: Mapping[str, pulumi.Input[str]],
        health_checks: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Protect the resources.

        Args:
            resources: ARNs by short name: a distribution, a hosted zone, a load balancer, elastic addresses (`address_arn`).
            health_checks: ARNs of Route 53 health checks by the name of the resource that they speak of.

        Raises:
            ValueError: A health check of a resource that is not protected.
        """
        super().__init__(name, ctx, opts)
        checks = dict(health_checks or {})
        strange = sorted(checks.keys() - resources.keys())
        if strange:
            raise ValueError(f"{name}: health checks of {', '.join(strange)}, which Shield does not protect here")
        for short, arn in resources.items():
            physical = ctx.names(short, limit=NAME_LIMIT)
            protection = aws.shield.Protection(
                f"{name}-{short}", name=physical, resource_arn=arn, tags={"Name": physical}, opts=self.child(delete_before_replace=True)
            )
            if short in checks:
                aws.shield.ProtectionHealthCheckAssociation(
                    f"{name}-{short}", shield_protection_id=protection.id, health_check_arn=checks[short], opts=self.child()
                )
        self.register_outputs({"protected": sorted(resources)})


def zone_arn(ctx: Context, zone_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """ARN of a hosted zone, as Shield names it."""
    return pulumi.Output.from_input(zone_id).apply(lambda known: ctx.arn("route53", f"hostedzone/{known}", region="", account=""))


def address_arn(ctx: Context, allocation_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """ARN of an elastic address, as Shield names it (`eip-allocation`, not EC2's own `elastic-ip`)."""
    return pulumi.Output.from_input(allocation_id).apply(lambda known: ctx.arn("ec2", f"eip-allocation/{known}"))
