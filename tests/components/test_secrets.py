"""Secrets Manager: containers for what people fill, first values for what we make, closed to strangers."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.secrets import Secrets
from infra.plan.flows import Role
from infra.plan.secrets import VALUE, Alphabet, Rotator, SecretKind, SecretSpec, inventory
from infra.settings.workloads import Trading
from tests.components.data import Secret, Stack, context, key, protected, synth

SPECS = (
    SecretSpec(
        "database-password",
        SecretKind.GENERATED,
        "platform",
        (Role.BACKEND,),
        "DATABASE_PASSWORD",
        30,
        "it",
        Alphabet(48, "-_"),
        Rotator.POSTGRES_ADMINISTRATOR,
    ),
    SecretSpec(
        "jwt-signing-key",
        SecretKind.GENERATED,
        "backend",
        (Role.BACKEND,),
        "",
        30,
        "it",
        Alphabet(64),
        Rotator.JWT,
        keys={"JWT_SECRET": "current"},
        template={"current": VALUE, "previous": ""},
    ),
    SecretSpec("fred-api-key", SecretKind.FILLED, "data", (Role.BACKEND,), "FRED_API_KEY", 14, "FRED"),
)


def made(*, unlocked: bool = False, recovery_days: int = 30, specs: tuple[SecretSpec, ...] = SPECS) -> Stack:
    def build() -> dict[str, Any]:
        secrets = Secrets(
            "secrets",
            context(unlocked=unlocked),
            specs=specs,
            key_arn=key("secrets"),
            dr_key_arn=key("dr", region="us-west-2"),
            recovery_days=recovery_days,
        )
        return {"arn": secrets.arn("fred-api-key"), "value": secrets.value("database-password")}

    return synth(build)


def test_names_key_and_replica() -> None:
    one = made().one("secretsmanager.Secret", "secrets-fred-api-key")
    assert one["name"] == "nautilus/prod/fred-api-key"
    assert one["kmsKeyId"] == key("secrets")
    assert one["replicas"] == [{"region": "us-west-2", "kmsKeyId": key("dr", region="us-west-2")}]
    assert one["description"] == "FRED (owner: data, rotated every 14 days)"


def test_what_people_fill_has_no_value_from_us() -> None:
    stack = made()
    assert set(stack.names("secretsmanager.SecretVersion")) == {"secrets-database-password-version", "secrets-jwt-signing-key-version"}
    assert set(stack.names("index.RandomPassword")) == {"secrets-database-password-value", "secrets-jwt-signing-key-value"}


def test_values_have_their_consumers_characters() -> None:
    stack = made()
    database = stack.one("index.RandomPassword", "secrets-database-password-value")
    assert (database["length"], database["special"], database["overrideSpecial"], database["minSpecial"]) == (48, True, "-_", 1)
    token = stack.one("index.RandomPassword", "secrets-jwt-signing-key-value")
    assert (token["length"], token["special"], token["minSpecial"]) == (64, False, 0)
    assert "overrideSpecial" not in token.inputs


def test_values_stay_secret_and_rotation_owns_them_later() -> None:
    version = made().one("secretsmanager.SecretVersion", "secrets-database-password-version")
    assert isinstance(version["secretString"], Secret)
    assert version.ignored == ("secretString", "versionStages")


def test_a_first_version_is_known_as_one_and_never_removed() -> None:
    for version in made().all("secretsmanager.SecretVersion"):
        assert version["versionStages"] == ["AWSCURRENT", "FIRST"]


def test_a_json_secret_starts_with_all_its_parts() -> None:
    version = made().one("secretsmanager.SecretVersion", "secrets-jwt-signing-key-version")
    assert isinstance(version["secretString"], Secret)
    assert json.loads(version["secretString"].value) == {"current": "value-of-secrets-jwt-signing-key-value", "previous": ""}


def test_containers_are_given_references_and_readers_come_after_the_rotation() -> None:
    def build() -> dict[str, Any]:
        secrets = Secrets("secrets", context(), specs=SPECS, key_arn=key("a"), dr_key_arn=key("b"))
        before = secrets.environment(Role.BACKEND)
        secrets.rotated("jwt-signing-key", pulumi.Output.from_input("arn-by-its-rotation"))
        return {"before": pulumi.Output.all(**before), "after": pulumi.Output.all(**secrets.environment(Role.BACKEND))}

    outputs = synth(build).outputs
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod"
    assert outputs["before"] == {
        "DATABASE_PASSWORD": f"{arn}/database-password-AbCdEf",
        "FRED_API_KEY": f"{arn}/fred-api-key-AbCdEf",
        "JWT_SECRET": f"{arn}/jwt-signing-key-AbCdEf:current::",
    }
    assert outputs["after"]["JWT_SECRET"] == "arn-by-its-rotation:current::"


def test_a_rotation_of_what_is_not_there_is_refused() -> None:
    def build() -> dict[str, Any]:
        Secrets("secrets", context(), specs=SPECS, key_arn=key("a"), dr_key_arn=key("b")).rotated("nothing", pulumi.Output.from_input("x"))
        return {}

    with pytest.raises(ValueError, match="no secret `nothing`"):
        synth(build)


def test_the_policy_shuts_strangers_out() -> None:
    policies = made().all("secretsmanager.SecretPolicy")
    assert len(policies) == len(SPECS)
    for policy in policies:
        assert policy["blockPublicPolicy"] is True
        (statement,) = json.loads(policy["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"]["StringNotEquals"] == {"aws:PrincipalAccount": "123456789012"}


def test_a_locked_stack_protects_and_an_unlocked_one_frees_the_names() -> None:
    locked = made()
    assert protected(locked) == set(locked.names("secretsmanager.Secret"))
    assert {one["recoveryWindowInDays"] for one in locked.all("secretsmanager.Secret")} == {30}
    unlocked = made(unlocked=True)
    assert protected(unlocked) == set()
    assert {one["recoveryWindowInDays"] for one in unlocked.all("secretsmanager.Secret")} == {0}


@pytest.mark.parametrize("days", [6, 31])
def test_recovery_is_within_aws_bounds(days: int) -> None:
    with pytest.raises(ValueError, match="7 to 30"):
        made(recovery_days=days)


def test_a_name_comes_once() -> None:
    with pytest.raises(ValueError, match="two secrets are called `fred-api-key`"):
        made(specs=(*SPECS, SPECS[-1]))


@pytest.mark.parametrize(("ask", "reason"), [("nothing", "no secret `nothing`"), ("fred-api-key", "has no generated value")])
def test_asking_for_what_is_not_there_says_what_is(ask: str, reason: str) -> None:
    def build() -> dict[str, Any]:
        secrets = Secrets("secrets", context(), specs=SPECS, key_arn=key("a"), dr_key_arn=key("b"))
        return {"x": secrets.arn(ask) if ask == "nothing" else secrets.value(ask)}

    with pytest.raises(ValueError, match=reason):
        synth(build)


def test_the_whole_inventory_can_be_made() -> None:
    specs = inventory(Trading())
    stack = made(specs=specs)
    assert len(stack.all("secretsmanager.Secret")) == len(specs)
    assert len({one["name"] for one in stack.all("secretsmanager.Secret")}) == len(specs)


def test_every_variable_of_a_role_names_its_secrets_key() -> None:
    def build() -> dict[str, Any]:
        secrets = Secrets("secrets", context(), specs=SPECS, key_arn=key("secrets"), dr_key_arn=key("dr", region="us-west-2"))
        keys = secrets.keys(Role.BACKEND)
        assert set(keys) == set(secrets.environment(Role.BACKEND)), "the same variables"
        assert secrets.keys(Role.FRONTEND) == {}
        return {"keys": pulumi.Output.all(**keys)}

    assert set(synth(build).outputs["keys"].values()) == {key("secrets")}
