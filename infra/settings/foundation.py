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
        default_factory=dict, description="Further tags on everything, at most 40; none may start with `aws:`.", max_length=40
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


class ExistingVpc(Section):
    """A VPC that you bring along; subnets are listed in the order of `network.zones`."""

    vpc_id: Annotated[
        str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$"), Accepts("a VPC's id, such as vpc-0123456789abcdef0", "vpc-0123456789abcdef0")
    ] = Field(description="The VPC's id.")
    public_subnet_ids: list[SubnetId] = Field(description="One public subnet for each zone.")
    app_subnet_ids: list[SubnetId] = Field(description="One private subnet for each zone, with a route out.")
    data_subnet_ids: list[SubnetId] = Field(description="One private subnet for each zone, without a route out.")


class Network(Section):
    """Address plan and zones."""

    cidr: Cidr = Field(description="Address block of the VPC, /16 to /20, private (RFC 1918); must not overlap `peerCidrs`.")
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
    peer_cidrs: list[Cidr] = Field(
        default_factory=list, description="Blocks of networks that this one will be joined to; an overlap is refused."
    )
    existing: ExistingVpc | None = Field(default=None, description="Bring your own VPC instead of making one; `cidr` is then its block.")
