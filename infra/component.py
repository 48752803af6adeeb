"""The one base class of our components: type token, parentage, protection, and what every component is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.naming import Names


@dataclass(frozen=True)
class Context:
    """What every component knows about its stack. Plain values: nothing here is an output."""

    names: Names
    account_id: str
    region: str
    dr_region: str
    zones: tuple[str, ...]
    """Availability zones in their settings' order, such as `us-east-1a`."""
    log_days: int
    """Retention of every log group, in days (seed 003: 90 or more)."""
    unlocked: bool
    """True while `nautilus-infra:unlock` is set: no protection, no retained resource, no AWS deletion protection."""
    partition: str = "aws"

    @property
    def guarded(self) -> bool:
        """Whether what holds data is protected: the value for AWS's own deletion-protection switches."""
        return not self.unlocked

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN of this account: `ctx.arn("sqs", "jobs")`. Pass `region=""` or `account=""` for global services."""
        at = self.region if region is None else region
        owner = self.account_id if account is None else account
        return f"arn:{self.partition}:{service}:{at}:{owner}:{resource}"


class Component(pulumi.ComponentResource):
    """A component resource of this project, of type `nautilus:infra:<token>`.

    Children take their options from `child()`, never from the caller's options: merging those would hand the children
    the caller's parent, protection and aliases.
    """

    token: ClassVar[str]

    def __init__(self, name: str, ctx: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"nautilus:infra:{self.token}", name, None, opts)
        self.ctx = ctx
        self.logical = name

    def child(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] | None = None,
        ignore_changes: list[str] | None = None,
        delete_before_replace: bool | None = None,
        replace_on_changes: list[str] | None = None,
        custom_timeouts: pulumi.CustomTimeouts | None = None,
        import_: str | None = None,
        aliases: list[str | pulumi.Alias] | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of an ordinary child."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=depends_on,
            ignore_changes=ignore_changes,
            delete_before_replace=delete_before_replace,
            replace_on_changes=replace_on_changes,
            custom_timeouts=custom_timeouts,
            import_=import_,
            aliases=aliases,
        )

    def stateful(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] | None = None,
        ignore_changes: list[str] | None = None,
        custom_timeouts: pulumi.CustomTimeouts | None = None,
        aliases: list[str | pulumi.Alias] | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child that holds data: protected and retained until the stack is unlocked (DESIGN.md decision 10)."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=depends_on,
            ignore_changes=ignore_changes,
            custom_timeouts=custom_timeouts,
            aliases=aliases,
            protect=self.ctx.guarded,
            retain_on_delete=self.ctx.guarded,
        )
