"""The `account` stack: what exists once in an AWS account, whatever the number of platforms in it."""

from __future__ import annotations

import pulumi

from infra.components.account_baseline import AccountBaseline
from infra.components.account_registry import AccountRegistry, ImageReplication
from infra.settings.root import AccountSettings
from infra.stack import start


def build_account(settings: AccountSettings) -> AccountBaseline:
    """Provision the account's baseline."""
    root, ctx = start(settings.platform, settings.account, zones=[], unlock=settings.unlock)
    top = pulumi.ResourceOptions(parent=root)
    # The registry of images is one for the account; production's images are needed in both regions.
    prefixes = [f"{settings.platform.project}-{environment.value}/" for environment in settings.registry.replicated]
    ImageReplication("images", ctx, prefixes=prefixes, opts=top)
    AccountRegistry("registry", ctx, settings=settings.registry, opts=top)
    return AccountBaseline("account", ctx, access=settings.access, opts=top)
