"""The application in AppConfig: what is made, what people own afterwards, what takes deployments back, who may read."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.component import Context
from infra.components.app_config import AppConfig
from infra.naming import Names
from infra.plan.app_config import MONITORS, Profile
from infra.settings.flags import Flags
from nautilus.sandbox.simulation.mocks import Recording, synth

KEY = "arn:aws:kms:us-east-1:123456789012:key/0c0ffee0-0000-4000-8000-000000000000"
KNOWN = ("backend-rollout-errors", "backend-rollout-latency", "engine-absent", "engine-twice", "backend-rollout-blue")
ARNS = {key: f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:nautilus-prod-{key}" for key in KNOWN}


def build(
    *, flags: Flags | None = None, alarms: dict[str, str] | None = None, unlocked: bool = False, account: str = "123456789012"
) -> Recording[Any]:
    def program() -> dict[str, Any]:
        ctx = Context(
            names=Names("nautilus", "prod"),
            account_id=account,
            region="us-east-1",
            dr_region="us-west-2",
            zones=("us-east-1a", "us-east-1b"),
            log_days=365,
            unlocked=unlocked,
        )
        made = AppConfig("app-config", ctx, settings=flags or Flags(), key_arn=KEY, alarm_arns=ARNS if alarms is None else alarms)
        pulumi.export("facts", made.facts)
        pulumi.export("policy", made.reader_policy)
        return {"variables": made.variables}

    return synth(program, account=account)


def of(made: Recording[Any], kind: str) -> dict[str, Any]:
    return {one.name: one for one in made.by_type(f"appconfig.{kind}")}


def test_each_document_has_a_profile_and_an_environment_of_its_own() -> None:
    made = build()
    profiles, environments = of(made, "ConfigurationProfile"), of(made, "Environment")
    application = made.one("appconfig.Application").id
    for found in (profiles, environments):
        assert sorted(one.inputs["name"] for one in found.values()) == ["flags", "limits", "volume"]
        assert {one.inputs["applicationId"] for one in found.values()} == {application}
    for one in profiles.values():
        assert (one.inputs["locationUri"], one.inputs["kmsKeyIdentifier"]) == ("hosted", KEY)
    assert profiles["app-config-flags"].inputs["type"] == "AWS.AppConfig.FeatureFlags"
    assert not profiles["app-config-flags"].inputs.get("validators"), "AppConfig brings its own"
    for name in ("volume", "limits"):
        one = profiles[f"app-config-{name}"].inputs
        assert one["type"] == "AWS.Freeform"
        (validator,) = one["validators"]
        assert validator["type"] == "JSON_SCHEMA"
        assert "draft-04" in json.loads(validator["content"])["$schema"]


def test_documents_belong_to_people_once_they_exist() -> None:
    """A later stack file changes bounds and nothing that people deployed: no new version, and no deployment is a resource at all."""
    made = build()
    versions = of(made, "HostedConfigurationVersion")
    assert len(versions) == 3
    for one in versions.values():
        assert {"content", "contentType", "description", "versionLabel"} <= set(one.ignore_changes)
    assert made.by_type("appconfig.Deployment") == []
    assert json.loads(versions["app-config-volume-first"].inputs["content"]) == {"percent": 1}


def test_what_people_wrote_is_protected_until_the_stack_is_unlocked() -> None:
    for unlocked in (False, True):
        for one in of(build(unlocked=unlocked), "ConfigurationProfile").values():
            assert (one.protect, one.retain_on_delete) == (not unlocked, not unlocked)


def test_alarms_take_back_what_rises_and_never_a_limit() -> None:
    made = build()
    role = made.named("app-config-alarm-role")
    environments = of(made, "Environment")
    for profile in Profile:
        monitors = environments[f"app-config-{profile.value}-environment"].inputs.get("monitors") or []
        assert [one["alarmArn"] for one in monitors] == [ARNS[key] for key in MONITORS[profile] if key in ARNS]
        assert {one["alarmRoleArn"] for one in monitors} <= {role.outputs["arn"]}
    assert not environments["app-config-limits-environment"].inputs.get("monitors")
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "appconfig.amazonaws.com"}
    permission = made.named("app-config-alarm-policy")
    assert "cloudwatch:DescribeAlarms" in permission.inputs["policy"]
    for one in environments.values():
        assert permission.urn in one.dependencies, "AppConfig could not look while the role may do nothing"


def test_without_alarms_there_is_no_role() -> None:
    made = build(alarms={})
    assert made.by_type("iam.Role") == []
    assert not any(one.inputs.get("monitors") for one in made.by_type("appconfig.Environment"))


def test_strategies() -> None:
    found = {name: one.inputs for name, one in of(build(flags=Flags(volume_bake_minutes=45)), "DeploymentStrategy").items()}
    shape = {
        name.removeprefix("app-config-"): (one["deploymentDurationInMinutes"], one["growthFactor"], one["finalBakeTimeInMinutes"])
        for name, one in found.items()
    }
    assert shape == {"gradual": (10, 20, 10), "watched": (0, 100, 45), "immediate": (0, 100, 0)}
    assert {(one["growthType"], one["replicateTo"]) for one in found.values()} == {("LINEAR", "NONE")}


def test_the_facts_are_what_the_command_needs() -> None:
    from nautilus.ops.flags import parse_place

    made = build()
    place = parse_place(made.exports["facts"])
    assert place.application == made.one("appconfig.Application").id
    assert place.key == KEY
    profiles, environments = of(made, "ConfigurationProfile"), of(made, "Environment")
    for name in ("flags", "limits", "volume"):
        assert place.profiles[name] == profiles[f"app-config-{name}"].outputs["configurationProfileId"]
        assert place.environments[name] == environments[f"app-config-{name}-environment"].outputs["environmentId"]
    assert len({*place.profiles.values(), *place.environments.values(), *place.strategies.values()}) == 9


def test_readers_may_read_their_three_documents_and_no_other() -> None:
    made = build()
    read = json.loads(made.exports["policy"])["Statement"][0]
    facts = made.exports["facts"]
    prefix = f"arn:aws:appconfig:us-east-1:123456789012:application/{facts['application']}"
    assert read["Resource"] == sorted(
        f"{prefix}/environment/{facts[f'environment.{name}']}/configuration/{facts[f'profile.{name}']}"
        for name in ("flags", "limits", "volume")
    )
    assert made.result["variables"]["APPCONFIG_APPLICATION"] == made.one("appconfig.Application").inputs["name"]


def test_the_stack_file_reaches_the_validators() -> None:
    def limits(flags: Flags) -> Any:
        profile = of(build(flags=flags), "ConfigurationProfile")["app-config-limits"]
        return json.loads(profile.inputs["validators"][0]["content"])["properties"]["maxDailyLossUsd"]["maximum"]

    assert limits(Flags()) == 5_000
    assert limits(Flags.model_validate({"limits": {"maxDailyLossUsd": 700, "headroom": 2}})) == 1_400


@pytest.mark.parametrize("alarms", [ARNS, {}])
def test_the_policy_pack_has_nothing_to_say(alarms: dict[str, str]) -> None:
    from policies.testing import evaluate, simulated

    found = evaluate(simulated(build(alarms=alarms)), accounts=["123456789012"])
    assert [(one.rule, one.urn.rpartition("::")[2], one.message) for one in found] == []
