"""The settings of one stack as a whole, and the checks that need more than one section."""

from __future__ import annotations

from pydantic import Field

from infra.settings.access import Access, AccountAccess
from infra.settings.base import Section
from infra.settings.data import Backup, Cache, Postgres, Secrets, Timescale
from infra.settings.dr import Dr
from infra.settings.edge import Edge
from infra.settings.egress import Egress
from infra.settings.flags import Flags
from infra.settings.foundation import Account, Network, Platform
from infra.settings.jobs import Jobs
from infra.settings.operations import Alarms
from infra.settings.queues import Queues
from infra.settings.registry import AccountRegistry, Registry
from infra.settings.schedules import Schedules
from infra.settings.workloads import Services, Trading


class Settings(Section):
    """Every top-level key of a stack file under `nautilus-infra:`."""

    platform: Platform = Field(description="Identity of the stack.")
    account: Account = Field(description="The AWS account and its two regions.")
    network: Network = Field(description="Address plan and zones.")
    egress: Egress = Field(default_factory=Egress, description="The way out: egress firewall and its allow-list.")
    access: Access = Field(default_factory=Access, description="Ways in for people: the VPN.")
    edge: Edge = Field(description="Names, certificates, CDN, web application firewall, load balancer.")
    postgres: Postgres = Field(default_factory=Postgres, description="Relational data on RDS.")
    timescale: Timescale = Field(default_factory=Timescale, description="Market data on TimescaleDB.")
    cache: Cache = Field(default_factory=Cache, description="Valkey or Redis on ElastiCache.")
    secrets: Secrets = Field(default_factory=Secrets, description="Secrets Manager.")
    backup: Backup = Field(default_factory=Backup, description="AWS Backup.")
    dr: Dr = Field(default_factory=Dr, description="The second region: what stands ready there.")
    services: Services = Field(default_factory=Services, description="What runs on ECS.")
    jobs: Jobs = Field(default_factory=Jobs, description="Tasks that run once and end: migrations, reconciliation.")
    trading: Trading = Field(default_factory=Trading, description="Paper or live.")
    flags: Flags = Field(
        default_factory=Flags, description="Feature flags, trading volume and risk limits: the first documents, and their bounds."
    )
    registry: Registry = Field(default_factory=Registry, description="What an image must show before it is deployed.")
    queues: Queues = Field(default_factory=Queues, description="Queues of background jobs.")
    schedules: Schedules = Field(default_factory=Schedules, description="Recurring operations of machines and people.")
    alarms: Alarms = Field(default_factory=Alarms, description="Thresholds and who hears of them.")
    unlock: bool = Field(
        default=False,
        description="The one unlock: clears protection, retention and AWS's deletion protection, so that the stack can be destroyed.",
    )


class AccountSettings(Section):
    """The keys of the `account` stack, which holds what exists once in an AWS account."""

    platform: Platform = Field(description="Identity of the stack.")
    account: Account = Field(description="The AWS account and its two regions.")
    alarms: Alarms = Field(default_factory=Alarms, description="Who hears of findings.")
    registry: AccountRegistry = Field(default_factory=AccountRegistry, description="The registry of images, for all stacks of the account.")
    access: AccountAccess = Field(default_factory=AccountAccess, description="Ways in for people: sessions, and rights that nobody uses.")
    unlock: bool = Field(default=False, description="The one unlock: clears protection and retention, so that the stack can be destroyed.")
