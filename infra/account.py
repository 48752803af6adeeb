"""The `account` stack: what exists once in an AWS account, whatever the number of platforms in it."""

from __future__ import annotations

import pulumi

from infra.components.account_baseline import AccountBaseline
from infra.settings.root import AccountSettings
from infra.stack import start


def build_account(settings: AccountSettings) -> AccountBaseline:
    """Provision the account's baseline."""
    root, ctx = start(settings.platform, settings.account, zones=[], unlock=settings.unlock)
    return AccountBaseline("account", ctx, access=settings.access, opts=pulumi.ResourceOptions(parent=root))
