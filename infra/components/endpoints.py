"""Interface endpoints: AWS's APIs inside the VPC, so that their traffic needs no way out."""

from __future__ import annotations

import json
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.network import Network
from infra.plan.endpoint_policies import INTERFACES, endpoint_policy
from infra.settings.foundation import EndpointProfile


class Endpoints(Component):
    """The interface endpoints of a profile, in the app subnet of every zone, with private DNS and a policy that admits this account alone.

    Makes: one `ec2.VpcEndpoint` for each service of the profile (`infra.plan.endpoint_policies.INTERFACES`); none with profile `none`.
    Sources: NET-08; PFC-073 (only what is needed is open).

    In a VPC that you brought along a service may have an endpoint with private DNS already, and AWS refuses a second one: use profile
    `none` there.
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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.services = INTERFACES[profile]
        for service in self.services:
            short = service.replace(".", "-")
            policy = endpoint_policy(service, account=ctx.account_id, region=ctx.region, partition=ctx.partition)
            aws.ec2.VpcEndpoint(
                f"{name}-{short}",
                vpc_id=network.vpc_id,
                service_name=f"com.amazonaws.{ctx.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=network.app_subnet_ids,
                security_group_ids=[group_id],
                private_dns_enabled=True,
                policy=json.dumps(policy),
                tags={"Name": ctx.names("endpoint", short)},
                opts=self.child(),
            )
        self.register_outputs({"services": list(self.services)})
