"""What both compositions start from: the explicit provider, the context and the root component."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.naming import Names
from infra.settings.foundation import Account, Platform


class Root(Component):
    """The component that everything else stands under, and that hands its AWS provider down."""

    token: ClassVar[str] = "platform"


def default_tags(platform: Platform) -> dict[str, str]:
    """Tags that ride on the provider and so reach every taggable resource."""
    return {
        "Project": platform.project,
        "Environment": platform.environment.value,
        "Owner": platform.owner,
        "CostCenter": platform.cost_center,
        "ManagedBy": "pulumi",
        **platform.tags,
    }


def start(platform: Platform, account: Account, *, zones: list[str], unlock: bool) -> tuple[Root, Context]:
    """The root component with its provider, and the context for all components.

    The provider refuses credentials of any account but the one in the settings.
    """
    ctx = Context(
        names=Names(platform.project, platform.environment.value),
        account_id=account.id,
        region=account.region,
        dr_region=account.dr_region,
        zones=tuple(f"{account.region}{letter}" for letter in zones),
        log_days=platform.log_days,
        unlocked=unlock,
    )
    provider = aws.Provider(
        "aws",
        region=account.region,
        allowed_account_ids=[account.id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=default_tags(platform)),
    )
    return Root(platform.project, ctx, pulumi.ResourceOptions(providers=[provider])), ctx
