"""Session Manager: how people get a shell without SSH, and where every key stroke is written down."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan.access import PREFERENCES, session_key_policy, session_log, session_preferences
from infra.plan.key_policies import Place
from infra.settings.access import Sessions as Settings

WINDOW_DAYS = 30
"""Days before a deleted key is gone for good: AWS's longest (POLICY-RULES KMS-03)."""


class Sessions(Component):
    """The preferences of every Session Manager session in one region of an account, with the log and the key that they name.

    Makes: a `kms.Key` (stateful) and its `kms.Alias`, for the channel and the log alike; a `cloudwatch.LogGroup`
    `/<project>/account/sessions`; and the `ssm.Document` `SSM-SessionManagerRunShell`, which AWS reads by that name. There is one in an
    account and region, so it belongs to the `account` stack and no platform makes one: two would overwrite each other.
    Sources: DTO-032, DTO-035 and DTO-036 (met by having no SSH at all), NRC-012; controls SSM.4, KMS-01 to KMS-05.

    Where somebody has saved preferences in the console, the document exists and must be deleted or imported before the first `up`.
    """

    token: ClassVar[str] = "sessions"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        project: str,
        region: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the preferences.

        Args:
            name: Logical name.
            ctx: The `account` stack.
            settings: Durations.
            project: First part of all names; nodes of any stack of it write here.
            region: Another region than the stack's own.
            opts: Options of the component.

        Raises:
            ValueError: a duration that Session Manager does not take.
        """
        super().__init__(name, ctx, opts)
        place = Place(account=ctx.account_id, region=region or ctx.region, partition=ctx.partition)
        elsewhere = None if place.region == ctx.region else place.region
        self.log_group = session_log(project)
        """Name of the log group, the same in every region."""
        key = aws.kms.Key(
            f"{name}-key",
            description=f"{ctx.names.prefix}: sessions of people on nodes, and their log",
            deletion_window_in_days=WINDOW_DAYS,
            enable_key_rotation=True,
            policy=session_key_policy(project=project, place=place),
            region=elsewhere,
            tags={"Name": ctx.names("sessions")},
            opts=self.stateful(),
        )
        aws.kms.Alias(
            f"{name}-key-alias",
            name=f"alias/{ctx.names('sessions')}",
            target_key_id=key.key_id,
            region=elsewhere,
            opts=self.child(delete_before_replace=True),
        )
        log = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=self.log_group,
            retention_in_days=ctx.log_days,
            kms_key_id=key.arn,
            region=elsewhere,
            opts=self.stateful(),
        )
        self.document = aws.ssm.Document(
            f"{name}-preferences",
            name=PREFERENCES,
            document_type="Session",
            document_format="JSON",
            content=pulumi.Output.all(group=log.name, key=key.arn).apply(
                lambda known: session_preferences(
                    log_group=known["group"],
                    key_arn=known["key"],
                    idle_minutes=settings.idle_minutes,
                    max_minutes=settings.max_minutes,
                )
            ),
            region=elsewhere,
            tags={"Name": ctx.names("sessions")},
            opts=self.child(delete_before_replace=True),
        )
        self.key_arn = key.arn
        self.register_outputs({"log_group": self.log_group, "key_arn": self.key_arn})
