"""Settings of the ways in for people: Session Manager and the administrators' VPN."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Accepts, CertificateArn, Cidr, Section

SamlProviderArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:saml-provider/[A-Za-z0-9._-]{1,128}$"),
    Accepts(
        "the ARN of an IAM SAML provider, such as arn:aws:iam::123456789012:saml-provider/vpn",
        "arn:aws:iam::123456789012:saml-provider/vpn",
    ),
]
GroupName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9 ._:/=+@,-]{1,255}$"),
    Accepts("a group as the identity provider's attribute `memberOf` names it: 1 to 255 letters, digits, spaces and ._:/=+@,-", "dba"),
]
Banner = Annotated[
    str,
    Field(pattern=r"^[ -~]{1,1400}$"),
    Accepts("1 to 1,400 printable ASCII characters on one line", "Authorised administrators only."),
]


class VpnAuthentication(StrEnum):
    """How an administrator proves who they are: at the company's identity provider, or by a client certificate alone."""

    SAML = "saml"
    CERTIFICATE = "certificate"


class VpnLanding(StrEnum):
    """Where the VPN lands: in every zone, or in the first one, for a third of the price and without a second way in."""

    PER_ZONE = "per-zone"
    SINGLE = "single"


class Database(StrEnum):
    """What administrators may reach through the VPN."""

    POSTGRES = "postgres"
    TIMESCALE = "timescale"


Databases = Annotated[list[Database], Field(min_length=1, max_length=2)]


class Vpn(Section):
    """AWS Client VPN for administrators. Off unless a stack turns it on: every zone that it lands in costs by the hour."""

    enabled: bool = Field(default=False, description="Whether there is a VPN; without one, the databases are reached by nobody's laptop.")
    authentication: VpnAuthentication = Field(
        default=VpnAuthentication.SAML,
        description="`saml` (the identity provider asks for the second factor) or `certificate` (one factor); production needs `saml`.",
    )
    server_certificate_arn: CertificateArn | None = Field(
        default=None, description="The VPN server's certificate in ACM, of `account.region`; needed when the VPN is on."
    )
    saml_provider_arn: SamlProviderArn | None = Field(
        default=None, description="The IAM SAML provider of the identity provider's VPN application; needed for `saml`."
    )
    self_service_saml_provider_arn: SamlProviderArn | None = Field(
        default=None, description="The SAML provider of the self-service portal, where people fetch their client; unset has no portal."
    )
    root_certificate_chain_arn: CertificateArn | None = Field(
        default=None, description="The certificate in ACM that signed the clients' certificates; needed for `certificate`."
    )
    client_cidr: Cidr = Field(
        default="10.255.252.0/22",
        description="Addresses of the clients, /12 to /22, private (RFC 1918) or shared (100.64.0.0/10), clear of `network.cidr` and "
        "`network.peerCidrs`; a change replaces the VPN.",
    )
    landing: VpnLanding = Field(default=VpnLanding.PER_ZONE, description="`per-zone` or `single`: in how many zones the VPN lands.")
    session_hours: Literal[8, 10, 12, 24] = Field(
        default=8, description="Hours after which everybody signs in again, second factor included: 8, 10, 12 or 24."
    )
    grants: dict[GroupName, Databases] = Field(
        default_factory=dict,
        max_length=16,
        description="Which group of the identity provider may reach which databases, up to 16 groups, named as the SAML attribute `memberOf` "
        "carries them; needed for `saml`, while certificates know no groups and reach both.",
    )
    banner: Banner = Field(
        default="Authorised administrators only. Connections are logged.",
        description="What the client shows after signing in, 1 to 1,400 characters.",
    )


class Access(Section):
    """How people reach private addresses."""

    vpn: Vpn = Field(default_factory=Vpn, description="The administrators' VPN.")


class Sessions(Section):
    """What every Session Manager session of the account and its two regions keeps to."""

    idle_minutes: Annotated[int, Field(ge=1, le=60)] = Field(
        default=15, description="Minutes without a key after which a session ends, 1 to 60 (seed 003: 15 to 30)."
    )
    max_minutes: Annotated[int, Field(ge=1, le=1_440)] = Field(
        default=120, description="Minutes after which any session ends, 1 to 1,440; not less than `idleMinutes`."
    )


class AccountAccess(Section):
    """How people reach machines, and how unused rights are found; the settings of the `account` stack."""

    sessions: Sessions = Field(default_factory=Sessions, description="Session Manager.")
    unused_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        default=None,
        description="Days after which the unused-access analyzer reports a role, key or permission that nobody used, 1 to 365; unset has no "
        "such analyzer, which AWS bills for each role and user.",
    )
