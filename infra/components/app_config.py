"""AWS AppConfig: feature flags, the share of the trading volume and risk limits, which people change while the platform runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.plan import app_config as plan
from infra.plan.app_config import Profile
from infra.plan.iam import canonical, configuration_policy, trust
from infra.settings.flags import Flags

NAME_LIMIT = 64
"""Characters of an AppConfig application's or strategy's name, and of an IAM role's."""


class AppConfig(Component):
    """One application a stack with a profile, and an environment of the same name, for each document; the strategies; the alarms' role.

    Makes: `appconfig.Application`, three `appconfig.ConfigurationProfile` (stateful: people's documents lie in them) with draft-04
    validators and our key, the first `appconfig.HostedConfigurationVersion` of each, three `appconfig.Environment`, three
    `appconfig.DeploymentStrategy`, and an `iam.Role` that may look at alarms. Why there are three environments, and why `limits` has no
    alarms, stands in `infra.plan.app_config`.

    There is no `appconfig.Deployment`: a resource that stands for what is deployed is one refresh away from deploying an old document again.
    `nautilus flags start` deploys the first documents, once. Until then a reader gets nothing, which means no flag, no volume and no order.
    The first versions ignore every later change of their own inputs, so that no `up` makes another one.

    Sources: NRC-073 (start with 1 % of the volume), PFC-135 (feature flags), NRC-022 and PFC-221 to PFC-225 (risk limits); AWS-RULES section 6.
    """

    token: ClassVar[str] = "app-config"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Flags,
        key_arn: pulumi.Input[str],
        alarm_arns: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the application.

        Args:
            name: Logical name.
            ctx: The stack.
            settings: The first documents, and what the validators allow.
            key_arn: KMS key of the documents (`DataClass.STORAGE`).
            alarm_arns: Alarms that exist, by their key in the alarm table; those in `plan.MONITORS` roll deployments back, others are left out.
            opts: Options of the component.

        Raises:
            ValueError: A validator is longer than AppConfig takes.
        """
        super().__init__(name, ctx, opts)
        alarms = dict(alarm_arns or {})
        self.application_name = ctx.names("flags", limit=NAME_LIMIT)
        application = aws.appconfig.Application(
            name,
            name=self.application_name,
            description=f"{ctx.names.prefix}: feature flags, trading volume, risk limits",
            opts=self.child(),
        )
        role, permission = self._alarm_role(name) if any(plan.monitors(profile, alarms) for profile in Profile) else (None, None)
        self.application_id: pulumi.Output[str] = application.id
        self.profile_ids: dict[Profile, pulumi.Output[str]] = {}
        self.environment_ids: dict[Profile, pulumi.Output[str]] = {}
        documents = plan.first_documents(settings)
        for profile in Profile:
            validator = plan.validator(profile, settings)
            made = aws.appconfig.ConfigurationProfile(
                f"{name}-{profile.value}",
                application_id=application.id,
                name=profile.value,
                description=profile.holds,
                location_uri="hosted",
                type=profile.kind,
                kms_key_identifier=key_arn,
                validators=[{"type": "JSON_SCHEMA", "content": validator}] if validator else None,
                opts=self.stateful(),
            )
            aws.appconfig.HostedConfigurationVersion(
                f"{name}-{profile.value}-first",
                application_id=application.id,
                configuration_profile_id=made.configuration_profile_id,
                content=canonical(documents[profile]),
                content_type=plan.CONTENT_TYPE,
                description=f"{ctx.names.prefix}: first version, from the stack file",
                opts=self.child(ignore_changes=["content", "content_type", "description", "version_label"]),
            )
            environment = aws.appconfig.Environment(
                f"{name}-{profile.value}-environment",
                application_id=application.id,
                name=profile.value,
                description=f"{profile.holds}: where it is deployed",
                monitors=[
                    {"alarm_arn": alarms[key], "alarm_role_arn": role.arn} for key in plan.monitors(profile, alarms) if role is not None
                ]
                or None,
                opts=self.child(depends_on=[permission] if permission else None),
            )
            self.profile_ids[profile] = made.configuration_profile_id
            # The resource's id is `<environment>:<application>`, known wherever the resource is.
            self.environment_ids[profile] = environment.id.apply(lambda both: both.partition(":")[0])
        self.strategy_ids: dict[str, pulumi.Output[str]] = {
            key: aws.appconfig.DeploymentStrategy(
                f"{name}-{key}",
                name=ctx.names("flags", key, limit=NAME_LIMIT),
                description=one.why,
                deployment_duration_in_minutes=one.minutes,
                final_bake_time_in_minutes=one.bake_minutes,
                growth_factor=one.growth_percent,
                growth_type="LINEAR",
                replicate_to="NONE",
                opts=self.child(),
            ).id
            for key, one in plan.strategies(settings).items()
        }
        self.variables = plan.variables(self.application_name)
        """Plain environment variables of a reader."""
        parts: dict[str, pulumi.Input[str]] = {"application": application.id, "key": key_arn}
        parts |= {f"profile.{profile.value}": one for profile, one in self.profile_ids.items()}
        parts |= {f"environment.{profile.value}": one for profile, one in self.environment_ids.items()}
        parts |= {f"strategy.{key}": one for key, one in self.strategy_ids.items()}
        self.facts: pulumi.Output[dict[str, str]] = pulumi.Output.all(**parts).apply(dict)
        """What `nautilus flags` needs to know, for the stack output `appConfig`: ids by `application`, `profile.<name>`, `environment.<name>`
        and `strategy.<name>`, and the key's ARN as `key`."""
        self.reader_policy = self.facts.apply(self._reader_policy)
        """What a task that reads all three documents may do."""
        self.register_outputs({"applicationId": self.application_id})

    def _alarm_role(self, name: str) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        ctx = self.ctx
        role = aws.iam.Role(
            f"{name}-alarm-role",
            name=ctx.names("flags", "alarms", limit=NAME_LIMIT),
            description="With which AppConfig looks at the alarms that roll a deployment back",
            assume_role_policy=trust("appconfig.amazonaws.com"),
            opts=self.child(),
        )
        permission = aws.iam.RolePolicy(
            f"{name}-alarm-policy",
            name="alarms",
            role=role.name,
            policy=plan.alarm_policy(region=ctx.region, account_id=ctx.account_id, partition=ctx.partition),
            opts=self.child(),
        )
        return role, permission

    def _reader_policy(self, facts: Mapping[str, str]) -> str:
        paths = [
            f"application/{facts['application']}/environment/{facts[f'environment.{profile.value}']}/configuration/{facts[f'profile.{profile.value}']}"
            for profile in Profile
        ]
        return configuration_policy(
            configurations=[self.ctx.arn("appconfig", path) for path in paths], key_arn=facts["key"], region=self.ctx.region
        )
