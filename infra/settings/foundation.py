"""Settings of the platform itself, its AWS account and its network."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, AccountId, Cidr, LogDays, Region, Section, TagKey, TagText, TagValue

SubnetId = Annotated[
    str,
    Field(pattern=r"^subnet-[0-9a-f]{8,17}$"),
    Accepts("a subnet's id, such as subnet-0123456789abcdef0", "subnet-0123456789abcdef0"),
]
ZoneLetter = Annotated[str, Field(pattern=r"^[a-f]$"), Accepts("the letter of an availability zone, a to f", "a")]
EndpointExclusion = Annotated[
    str,
    Field(
        pattern=r"^(appconfigdata|aps-workspaces|ec2|ecr\.api|ecr\.dkr|ecs|elasticache|events|guardduty-data|kms|logs|monitoring|secretsmanager|sqs|ssm|ssmmessages|sts|xray)(/[a-f])?$"
    ),
    Accepts("a service of the endpoint profile `full`, alone or with a zone, such as aps-workspaces or aps-workspaces/c", "aps-workspaces"),
]


class Environment(StrEnum):
    """What a stack is for. Each has its own VPC, keys and data (DESIGN.md decision 11)."""

    LOCAL = "local"
    STAGING = "staging"
    PAPER = "paper"
    PROD = "prod"
    ACCOUNT = "account"


class Phase(StrEnum):
    """How far an `up` goes: `foundation` needs neither images nor filled secrets, `services` adds what runs them."""

    FOUNDATION = "foundation"
    SERVICES = "services"


class Platform(Section):
    """Identity of the stack."""

    environment: Environment = Field(
        description="What the stack is for; must equal the stack's name, because production invariants follow it."
    )
    phase: Phase = Field(
        default=Phase.SERVICES,
        description="`foundation` finishes without container images and filled secrets; `services` adds tasks, rollouts and their alarms.",
    )
    project: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=12),
        Accepts("2 to 12 lower-case letters, digits and single inner hyphens, starting with a letter", "nautilus"),
    ] = Field(default="nautilus", description="First part of every physical name, 2 to 12 characters: letters, digits, hyphens.")
    owner: TagText = Field(description="Team that answers for the stack; becomes the tag `Owner`.")
    cost_center: TagText = Field(default="trading", description="Becomes the tag `CostCenter`.")
    log_days: LogDays = Field(
        default=365, description="Retention of every log group, in days; the seed asks for 90 or more, and CloudWatch offers fixed steps."
    )
    tags: dict[TagKey, TagValue] = Field(
        # A secret has eleven of ours, and AWS takes 50 on a resource.
        default_factory=dict,
        description="Further tags on everything, at most 38; none may start with `aws:`.",
        max_length=38,
    )


class Account(Section):
    """The AWS account and its two regions."""

    id: AccountId = Field(description="The 12-digit account. The provider refuses credentials of any other account.")
    region: Region = Field(default="us-east-1", description="Where the platform runs.")
    dr_region: Region = Field(default="us-west-2", description="Where copies of backups and secrets go; must differ from `region`.")


class NatMode(StrEnum):
    """How many NAT gateways: one a zone survives the loss of a zone, a single one is cheaper."""

    PER_ZONE = "per-zone"
    SINGLE = "single"


class EndpointProfile(StrEnum):
    """Which interface endpoints exist: `full` keeps all AWS traffic off the NAT, `essential` only what private tasks start with, `none` goes through the NAT."""

    FULL = "full"
    ESSENTIAL = "essential"
    NONE = "none"


class DnsFirewallMode(StrEnum):
    """What the VPC's resolver does with a name that is not on the list: `off` answers, `alert` answers and logs it, `block` says that there is no such name."""

    OFF = "off"
    ALERT = "alert"
    BLOCK = "block"


MOST_DNS_DOMAINS = 300
"""Entries in one list of the settings. The resolver takes 1,000 in a request (Route 53 Resolver API), and others come from elsewhere."""


DomainPattern = Annotated[
    str,
    Field(max_length=253, pattern=r"^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    Accepts(
        "a domain in lower case, or `*.` and a domain for every name below it, such as api.example.com or *.example.com", "*.example.com"
    ),
]


class VpcDns(Section):
    """The VPC's resolver: what it logs and which names it answers. A VPC that is brought along keeps its own resolver settings."""

    query_log: bool = Field(
        default=True, description="Whether every question to the resolver is logged, with who asked it: `true` or `false`."
    )
    firewall: DnsFirewallMode = Field(
        default=DnsFirewallMode.BLOCK,
        description="What happens to a name that is on no list: `block` says that it does not exist, `alert` answers and logs it, `off` has no "
        "DNS firewall. Allowed by themselves are the egress firewall's domains, AWS's own names and the platform's domain.",
    )
    allowed_domains: list[DomainPattern] = Field(
        default_factory=list,
        max_length=MOST_DNS_DOMAINS,
        description="Further names that are answered, at most 300: `api.example.com` is that name, `*.example.com` every name below it. "
        "They are answered; a connection to them still needs `egress`.",
    )
    blocked_domains: list[DomainPattern] = Field(
        default_factory=list,
        max_length=MOST_DNS_DOMAINS,
        description="Names that are never answered (with `alert`: logged), at most 300; they go before what is allowed. AWS's names and "
        "the platform's domain cannot be blocked.",
    )


class ExistingVpc(Section):
    """A VPC that you bring along; subnets are listed in the order of `network.zones`."""

    vpc_id: Annotated[
        str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$"), Accepts("a VPC's id, such as vpc-0123456789abcdef0", "vpc-0123456789abcdef0")
    ] = Field(description="The VPC's id.")
    public_subnet_ids: list[SubnetId] = Field(description="One public subnet for each zone.")
    app_subnet_ids: list[SubnetId] = Field(description="One private subnet for each zone, with a route out.")
    data_subnet_ids: list[SubnetId] = Field(description="One private subnet for each zone, without a route out.")


class Network(Section):
    """Address plan, zones and the VPC's resolver. IPv6 is off: the VPC has no block of it, so no address and no way around a rule."""

    cidr: Cidr = Field(
        description="IPv4 address block of the VPC, /16 to /20, private (RFC 1918); must not overlap `peerCidrs`. There is no IPv6."
    )
    zones: list[ZoneLetter] = Field(
        default_factory=lambda: ["a", "b", "c"],
        min_length=2,
        max_length=6,
        description="Letters of the availability zones, 2 to 6; TimescaleDB needs three or more and runs in the first three.",
    )
    nat: NatMode = Field(default=NatMode.PER_ZONE, description="`per-zone` or `single`; production needs `per-zone`.")
    endpoints: EndpointProfile = Field(
        default=EndpointProfile.FULL, description="`full`, `essential` or `none`: which interface endpoints exist."
    )
    endpoints_without: list[EndpointExclusion] = Field(
        default_factory=list,
        max_length=40,
        description="Interface endpoints that AWS does not offer here, or that something else makes: a service (`aps-workspaces`), whose calls then "
        "go through the NAT, or a service in one zone (`aps-workspaces/c`), which then uses the endpoint of another zone.",
    )
    peer_cidrs: list[Cidr] = Field(
        default_factory=list, description="Blocks of networks that this one will be joined to; an overlap is refused."
    )
    dns: VpcDns = Field(default_factory=VpcDns, description="The VPC's resolver.")
    existing: ExistingVpc | None = Field(default=None, description="Bring your own VPC instead of making one; `cidr` is then its block.")
