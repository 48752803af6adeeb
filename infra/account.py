"""The `account` stack: what exists once in an AWS account, whatever the number of platforms in it."""

from __future__ import annotations

import pulumi

from infra.components.account_baseline import AccountBaseline
from infra.components.second_region import ImageReplication
from infra.settings.foundation import Environment
from infra.settings.root import AccountSettings
from infra.stack import start


def build_account(settings: AccountSettings) -> AccountBaseline:
    """Provision the account's baseline."""
    root, ctx = start(settings.platform, settings.account, zones=[], unlock=settings.unlock)
    top = pulumi.ResourceOptions(parent=root)
    # A registry has one replication configuration, whatever the number of platforms; production's images are needed in both regions.
    ImageReplication("images", ctx, prefixes=(f"{settings.platform.project}-{Environment.PROD.value}/",), opts=top)
    return AccountBaseline("account", ctx, access=settings.access, opts=top)
