"""What the settings of a stack ask of its AWS account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus.ops.bootstrap import Target
from nautilus.ops.bootstrap_account import Needs

if TYPE_CHECKING:
    from infra.settings.root import AccountSettings, Settings

VCPU = 1024
"""ECS's CPU units in one vCPU."""

ROLLOUT_FACTOR = 2
"""During a blue-green rollout both versions run at full size."""


def needs_of(settings: Settings | AccountSettings) -> Needs:
    """The quotas that a stack with these settings uses at its largest. The account stack needs none."""
    from infra.settings.foundation import NatMode
    from infra.settings.root import Settings as Full

    if not isinstance(settings, Full):
        return Needs(vpcs=0, elastic_ips=0, nat_gateways_per_zone=0, load_balancers=0, fargate_vcpu=0)
    own = settings.network.existing is None
    nats = 0 if not own else 1 if settings.network.nat is NatMode.SINGLE else len(settings.network.zones)
    services = settings.services
    rolling = sum(service.cpu * service.max_tasks * ROLLOUT_FACTOR for service in (services.backend, services.frontend))
    single = sum(service.cpu for service in (services.engine, services.ib_gateway) if service.enabled)
    return Needs(
        vpcs=1 if own else 0,
        elastic_ips=nats,
        nat_gateways_per_zone=1 if nats else 0,
        load_balancers=1,
        fargate_vcpu=(rolling + single) / VCPU,
    )


def target_of(stack: str, settings: Settings | AccountSettings, *, repository: str | None = None, branch: str = "main") -> Target:
    """What `bootstrap` makes for a stack with these settings.

    Raises ValueError for a repository that is not `OWNER/NAME`.
    """
    return Target(
        stack=stack,
        project=settings.platform.project,
        account=settings.account.id,
        region=settings.account.region,
        needs=needs_of(settings),
        repository=repository,
        branch=branch,
    )
