"""The administrators' way in: AWS Client VPN to the databases, and to nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.logs import log_group
from infra.plan.access import authorizations
from infra.settings.access import Vpn as Settings
from infra.settings.access import VpnAuthentication, VpnLanding

PORT = 443
"""UDP 443, which hotel and office networks let out more often than OpenVPN's own 1194."""

ASSOCIATION_TIME = "30m"
"""AWS takes ten minutes and more to bring a client VPN into a subnet, and as long to take it out."""


class Vpn(Component):
    """Client VPN with split tunnel: traffic to the VPC goes through it, everything else stays on the administrator's own line.

    Makes: a `cloudwatch.LogGroup` and `LogStream` of connections; an `ec2clientvpn.Endpoint`; a `NetworkAssociation` in each zone or in the
    first one; an `AuthorizationRule` for each group and each block of addresses that the group's databases stand in.
    Sources: PFC-077, DTO-039 (VPN for administration), PFC-060, DTO-030 (second factor: the identity provider asks for it at every
    sign-in, which `session_hours` forces); Security Hub EC2.51 (connection log).

    Two gates stand one behind the other: the authorization rules say which addresses a group may send to, the security group says which
    ports, and it opens the databases' alone. Clients keep their own name servers: the databases' names resolve publicly to private
    addresses, while the VPC's resolver would lead every AWS call of a laptop into our endpoints, and its DNS firewall would close the web.
    """

    token: ClassVar[str] = "vpn"

    endpoint_id: pulumi.Output[str]
    """For `aws ec2 export-client-vpn-client-configuration`."""
    portal_url: pulumi.Output[str] | None
    """Where people fetch their client and configuration; None without a portal."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        targets: Mapping[str, Sequence[str]],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the VPN.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: The section `access.vpn`.
            vpc_id: The VPC.
            subnet_ids: App subnets in the order of `ctx.zones`; clients come in with addresses of these.
            group_id: Security group of VPN.
            targets: CIDR blocks in which each database stands, by `infra.settings.access.Database`. A database that is off is left out.
            log_key_arn: KMS key of LOGS.
            opts: Options of the component.

        Raises:
            ValueError: Something is missing that the way of signing in needs, not one subnet for each zone, or
                `infra.plan.access.authorizations` refuses the grants.
        """
        super().__init__(name, ctx, opts)
        if len(subnet_ids) != len(ctx.zones):
            raise ValueError(f"vpn: {len(subnet_ids)} subnets for {len(ctx.zones)} zones")
        if settings.server_certificate_arn is None:
            raise ValueError("access.vpn.serverCertificateArn is unset")
        saml = settings.authentication is VpnAuthentication.SAML
        grants = {group: [each.value for each in databases] for group, databases in settings.grants.items()} if saml else None
        rules = authorizations(grants, targets)

        log = log_group(self, f"{name}-log", path=ctx.names.path("vpn", "connections"), key_arn=log_key_arn)
        stream = aws.cloudwatch.LogStream(
            f"{name}-log-stream", name="connections", log_group_name=log.name, opts=self.child(delete_before_replace=True)
        )
        portal = saml and settings.self_service_saml_provider_arn is not None
        endpoint = aws.ec2clientvpn.Endpoint(
            name,
            description=f"Administrators of {ctx.names.prefix}",
            vpc_id=vpc_id,
            security_group_ids=[group_id],
            client_cidr_block=settings.client_cidr,
            server_certificate_arn=settings.server_certificate_arn,
            authentication_options=[_authentication(settings)],
            transport_protocol="udp",
            vpn_port=PORT,
            split_tunnel=True,
            session_timeout_hours=settings.session_hours,
            # Without this the client signs in again by itself, and nobody is asked for the second factor.
            disconnect_on_session_timeout=True,
            self_service_portal="enabled" if portal else "disabled",
            client_login_banner_options={"enabled": True, "banner_text": settings.banner},
            connection_log_options={"enabled": True, "cloudwatch_log_group": log.name, "cloudwatch_log_stream": stream.name},
            tags={"Name": ctx.names("vpn")},
            opts=self.child(),
        )
        landings = 1 if settings.landing is VpnLanding.SINGLE else len(subnet_ids)
        times = pulumi.CustomTimeouts(create=ASSOCIATION_TIME, delete=ASSOCIATION_TIME)
        associations = [
            aws.ec2clientvpn.NetworkAssociation(
                f"{name}-{zone[-1]}",
                client_vpn_endpoint_id=endpoint.id,
                subnet_id=subnet,
                opts=self.child(custom_timeouts=times, delete_before_replace=True),
            )
            for zone, subnet in list(zip(ctx.zones, subnet_ids, strict=True))[:landings]
        ]
        for rule in rules:
            aws.ec2clientvpn.AuthorizationRule(
                f"{name}-allow-{rule.key}",
                client_vpn_endpoint_id=endpoint.id,
                target_network_cidr=rule.cidr,
                access_group_id=rule.group,
                authorize_all_groups=True if rule.group is None else None,
                description=f"{rule.what} for {rule.group or 'every certificate'}"[:255],
                # AWS takes ten changes of an endpoint at a time; associations are the slow ones and go first.
                opts=self.child(depends_on=associations[:1], delete_before_replace=True),
            )
        self.endpoint_id = endpoint.id
        self.portal_url = endpoint.self_service_portal_url if portal else None
        self.log_group_name = log.name
        self.register_outputs({"endpoint_id": self.endpoint_id, "portal_url": self.portal_url})


def _authentication(settings: Settings) -> aws.ec2clientvpn.EndpointAuthenticationOptionArgs:
    if settings.authentication is VpnAuthentication.CERTIFICATE:
        if settings.root_certificate_chain_arn is None:
            raise ValueError("access.vpn.rootCertificateChainArn is unset: certificates need it")
        return aws.ec2clientvpn.EndpointAuthenticationOptionArgs(
            type="certificate-authentication", root_certificate_chain_arn=settings.root_certificate_chain_arn
        )
    if settings.saml_provider_arn is None:
        raise ValueError("access.vpn.samlProviderArn is unset: SAML needs it")
    return aws.ec2clientvpn.EndpointAuthenticationOptionArgs(
        type="federated-authentication",
        saml_provider_arn=settings.saml_provider_arn,
        self_service_saml_provider_arn=settings.self_service_saml_provider_arn,
    )
