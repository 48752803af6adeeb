"""Interface endpoints: AWS's APIs inside the VPC, so that their traffic needs no way out."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.network import Network
from infra.plan.endpoint_policies import endpoint_policy, placed
from infra.settings.foundation import EndpointProfile


class Endpoints(Component):
    """The interface endpoints of a profile, in the app subnet of every zone, with private DNS and a policy that admits this account alone.

    Makes: one `ec2.VpcEndpoint` for each service of the profile (`infra.plan.endpoint_policies.placed`); none with profile `none`.
    IPv4 only, as is the VPC. Another zone, or one less, changes an endpoint in place.
    Sources: NET-08; PFC-073 (only what is needed is open).

    Args:
        without: Services, or services in one zone, that AWS does not offer: `aps-workspaces`, `aps-workspaces/c`.

    In a VPC that you brought along a service may have an endpoint with private DNS already, and AWS refuses a second one: use profile
    `none` there, or leave that service out. The same holds for `guardduty-data` where GuardDuty manages its agent itself and made the
    endpoint first.
    """

    token: ClassVar[str] = "endpoints"

    services: tuple[str, ...]
    """Services that have an endpoint, such as `ecr.api`."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        network: Network,
        profile: EndpointProfile,
        group_id: pulumi.Input[str],
        without: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        subnets = dict(zip((zone[-1] for zone in ctx.zones), network.app_subnet_ids, strict=True))
        endpoints = placed(profile, tuple(subnets), without)
        self.services = tuple(endpoints)
        for service, zones in endpoints.items():
            short = service.replace(".", "-")
            policy = endpoint_policy(service, account=ctx.account_id, region=ctx.region, partition=ctx.partition)
            aws.ec2.VpcEndpoint(
                f"{name}-{short}",
                vpc_id=network.vpc_id,
                service_name=f"com.amazonaws.{ctx.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=[subnets[zone] for zone in zones],
                security_group_ids=[group_id],
                private_dns_enabled=True,
                # Its names follow: AWS answers with IPv4 addresses alone.
                ip_address_type="ipv4",
                policy=json.dumps(policy),
                tags={"Name": ctx.names("endpoint", short)},
                opts=self.child(),
            )
        self.register_outputs({"services": list(self.services)})
