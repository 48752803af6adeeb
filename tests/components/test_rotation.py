"""The rotations of a stack: one function a kind, each secret on a schedule, rights as narrow as the inventory says, restarts in the window."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.component import Context
from infra.components.function import Placement
from infra.components.notify import Notify
from infra.components.rotation import Restarts, Rotation
from infra.components.schedule import Lost
from infra.components.secrets import Secrets
from infra.naming import Names
from infra.plan import rotation as plan
from infra.plan.flows import Role
from infra.plan.origin import HEADER
from infra.plan.rds_authorities import authority
from infra.plan.secrets import Rotator, inventory
from infra.rotation import Opened, Sender, build_origin_rotation, build_restarts, build_rotations, watch_functions
from infra.settings.data import Postgres
from infra.settings.data import Secrets as SecretSettings
from infra.settings.root import Settings
from infra.settings.workloads import Trading
from lambdas.restart_consumers.handler import Settings as RestartSettings
from lambdas.rotation import handler
from nautilus.sandbox.simulation.mocks import Recording, synth

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0c0ffee0-0000-4000-8000-000000000000"
KEY_THERE = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/0c0ffee0-0000-4000-8000-000000000001"
RULES = [f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:listener-rule/app/b/1/2/{n}" for n in "34"]
SPECS = inventory(Trading())
FUNCTION, ROTATION, PERMISSION = (
    "aws:lambda/function:Function",
    "aws:secretsmanager/secretRotation:SecretRotation",
    "aws:lambda/permission:Permission",
)
LOST = Lost(queue_arn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:nautilus-prod-operations-dead", key_arn=KEY)
SERVICES = {role: (f"nautilus-prod-{role.value}",) for role in (Role.BACKEND, Role.ENGINE, Role.FRONTEND)}


def context() -> Context:
    return Context(
        names=Names("nautilus", "prod"),
        account_id=ACCOUNT,
        region="us-east-1",
        dr_region="us-west-2",
        zones=("us-east-1a", "us-east-1b"),
        log_days=365,
        unlocked=False,
    )


def made_secrets(ctx: Context) -> Secrets:
    return Secrets("secrets", ctx, specs=SPECS, key_arn=KEY, dr_key_arn=KEY_THERE)


def build(*, edge: bool = True, standby: bool = False) -> Recording[dict[str, str]]:
    def program() -> dict[str, str]:
        ctx, top = context(), pulumi.ResourceOptions()
        secrets = made_secrets(ctx)
        settings = Settings.model_construct(postgres=Postgres(), secrets=SecretSettings())
        functions = build_rotations(
            settings,
            ctx,
            specs=SPECS,
            secrets=secrets,
            opened=Opened(
                postgres_host="db.abc.us-east-1.rds.amazonaws.com",
                postgres=(),
                postgres_resource_id="db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                cache_host="master.x.cache.amazonaws.com",
                cache_users={"backend": "nautilus-prod-cache-backend", "engine": "nautilus-prod-cache-engine"},
                cache=(),
                standby=standby,
            ),
            placement=Placement(subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], group_id="sg-0123456789abcdef0"),
            key_arn=KEY,
            log_key_arn=KEY,
            top=top,
        )
        sender = Sender(
            distribution_id=pulumi.Output.from_input("E2QWRUHAPOMQZL"),
            distribution_arn=pulumi.Output.from_input(f"arn:aws:cloudfront::{ACCOUNT}:distribution/E2QWRUHAPOMQZL"),
            origin_domain="origin.nautilus.example.com",
            rule_arns=[pulumi.Output.from_input(arn) for arn in RULES],
            resources=(),
        )
        functions |= build_origin_rotation(
            ctx, specs=SPECS, secrets=secrets, sender=sender if edge else None, key_arn=KEY, log_key_arn=KEY, top=top
        )
        notify = Notify("notify", ctx, key_arn=KEY, emails=["a@example.com"])
        functions |= build_restarts(
            ctx,
            specs=SPECS,
            secrets=secrets,
            cluster="nautilus-prod",
            services=SERVICES,
            log_key_arn=KEY,
            topic_arn=notify.critical_arn,
            lost=LOST,
            top=top,
        )
        watch_functions("rotation-alarms", ctx, functions, topics=notify, top=top)
        return functions

    return synth(program, account=ACCOUNT)


@pytest.fixture(scope="module")
def stack() -> Recording[dict[str, str]]:
    return build()


def named(made: Recording[Any], kind: str) -> dict[str, Any]:
    return {one.name: one for one in made if one.type == kind}


def arns(made: Recording[Any]) -> dict[str, str]:
    """Secrets' ARNs by the names of their specs."""
    return {name.removeprefix("secrets-"): one.outputs["arn"] for name, one in named(made, "aws:secretsmanager/secret:Secret").items()}


def policy_of(made: Recording[Any], function: str) -> dict[str, dict[str, Any]]:
    document = json.loads(named(made, "aws:iam/rolePolicy:RolePolicy")[f"{function}-policy"].inputs["policy"])
    return {one["Sid"]: one for one in document["Statement"]}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_every_secret_that_a_function_rotates_has_its_schedule(stack: Recording[Any]) -> None:
    found = {one.inputs["secretId"]: one.inputs for one in named(stack, ROTATION).values()}
    by_arn = {arn: name for name, arn in arns(stack).items()}
    assert {by_arn[arn] for arn in found} == {spec.name for spec in SPECS if spec.rotator.by_function}
    for inputs in found.values():
        assert inputs["rotationRules"] == {"scheduleExpression": plan.SCHEDULE, "duration": "1h"}


def test_each_is_rotated_by_the_function_of_its_kind(stack: Recording[Any]) -> None:
    by_arn = {arn: name for name, arn in arns(stack).items()}
    functions = {one.outputs["arn"]: one for one in named(stack, FUNCTION).values()}
    specs = {spec.name: spec for spec in SPECS}
    for one in named(stack, ROTATION).values():
        spec = specs[by_arn[one.inputs["secretId"]]]
        variables = functions[one.inputs["rotationLambdaArn"]].inputs["environment"]["variables"]
        assert variables["KIND"] == spec.rotator.value
        assert spec.alphabet
        assert (variables["LENGTH"], variables["SPECIAL"]) == (str(spec.alphabet.length), spec.alphabet.special)


def test_the_first_rotation_kills_what_stands_in_the_state_at_once(stack: Recording[Any]) -> None:
    at_once = {name: one.inputs["rotateImmediately"] for name, one in named(stack, ROTATION).items()}
    assert {name for name, now in at_once.items() if not now} == {"rotate-origin-header-value-schedule"}, "CloudFront is in use"
    before = {name: one.inputs["rotateImmediately"] for name, one in named(build(edge=False), ROTATION).items()}
    assert all(before.values())


def test_secrets_manager_alone_calls_each_for_its_secret_alone(stack: Recording[Any]) -> None:
    known = arns(stack)
    found = [one.inputs for one in named(stack, PERMISSION).values()]
    assert {one["sourceArn"] for one in found} == {known[spec.name] for spec in SPECS if spec.rotator.by_function}
    for one in found:
        assert (one["principal"], one["sourceAccount"], one["action"]) == ("secretsmanager.amazonaws.com", ACCOUNT, "lambda:InvokeFunction")


def test_rights_are_exactly_the_inventorys(stack: Recording[Any]) -> None:
    """Who may read a secret's value, from the IAM documents, is who the plan says."""
    by_arn = {arn: name for name, arn in arns(stack).items()}
    found: dict[str, set[str]] = {}
    for name in [*plan.by_function(SPECS), "restart-consumers"]:
        for one in policy_of(stack, name).values():
            if "secretsmanager:GetSecretValue" in listed(one["Action"]):
                for arn in listed(one["Resource"]):
                    found.setdefault(by_arn[arn], set()).add(name)
    functions = set(plan.by_function(SPECS))
    assert found == {spec.name: readers for spec in SPECS if (readers := functions.intersection(plan.readers(spec, SPECS)))}


def test_writing_rights_are_narrower_still(stack: Recording[Any]) -> None:
    by_arn = {arn: name for name, arn in arns(stack).items()}
    for name, group in plan.by_function(SPECS).items():
        written = {
            by_arn[arn]
            for one in policy_of(stack, name).values()
            if "secretsmanager:PutSecretValue" in listed(one["Action"])
            for arn in listed(one["Resource"])
        }
        own = {spec.name for spec in group}
        assert written == (own | {"origin-header-previous"} if name == "rotate-origin-header-value" else own)


def test_functions_stand_where_what_they_open_is(stack: Recording[Any]) -> None:
    for name, one in named(stack, FUNCTION).items():
        in_vpc = bool(one.inputs.get("vpcConfig"))
        assert in_vpc == name.startswith(("rotate-database", "rotate-cache")), name


def test_postgres_is_reached_over_tls_with_the_regions_authority(stack: Recording[Any]) -> None:
    for name in ("rotate-database-password-function", "rotate-database-app-login-function"):
        variables = named(stack, FUNCTION)[name].inputs["environment"]["variables"]
        assert variables["CA"] == authority("us-east-1")
        assert variables["HOST"] == "db.abc.us-east-1.rds.amazonaws.com"


def test_every_function_may_seal_the_copies_of_what_it_writes(stack: Recording[Any]) -> None:
    for name in plan.by_function(SPECS):
        assert policy_of(stack, name)["SealCopies"]["Resource"] == KEY_THERE, name


def test_postgres_lets_its_administrator_in_by_iam_too(stack: Recording[Any]) -> None:
    """One role on one instance, and only for the two functions that log in with it."""
    allowed = {name: policy_of(stack, name).get("LogInByIam") for name in plan.by_function(SPECS)}
    assert {name for name, one in allowed.items() if one} == {"rotate-database-password", "rotate-database-app-login"}
    for one in filter(None, allowed.values()):
        assert one["Action"] == "rds-db:connect"
        assert one["Resource"] == f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:db-ABCDEFGHIJKLMNOPQRSTUVWXYZ/{Postgres().user}"


def test_every_function_understands_its_environment(stack: Recording[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The strategies themselves are made of what the program gives them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    rotators = {name for name in named(stack, FUNCTION) if name.startswith("rotate-")}
    assert len(rotators) == len(plan.by_function(SPECS))
    for name in rotators:
        one = named(stack, FUNCTION)[name]
        variables = one.inputs["environment"]["variables"]
        assert type(handler.strategy_of(variables)).__name__ == handler.STRATEGIES[variables["KIND"]][1]
        assert sum(len(key) + len(value) for key, value in variables.items()) < 4_096, "Lambda's limit"
    read = RestartSettings.read(named(stack, FUNCTION)["restart-consumers-function"].inputs["environment"]["variables"])
    known = arns(stack)
    assert read.services == {
        SERVICES[role][0]: tuple(sorted(known[name] for name in names)) for role, names in plan.consumers(SPECS, SERVICES).items()
    }
    assert "nautilus-prod-frontend" not in read.services
    assert known["database-app-login"] in read.weekly
    assert known["fred-api-key"] not in read.weekly


def test_the_caches_functions_change_their_own_user(stack: Recording[Any]) -> None:
    for user in ("backend", "engine"):
        change = policy_of(stack, f"rotate-cache-{user}-password")["ChangeUser"]
        assert change["Resource"] == f"arn:aws:elasticache:us-east-1:{ACCOUNT}:user:nautilus-prod-cache-{user}"
    both = build(standby=True)
    change = policy_of(both, "rotate-cache-engine-password")["ChangeUser"]
    assert [arn.split(":")[3] for arn in change["Resource"]] == ["us-east-1", "us-west-2"]
    assert (
        named(both, FUNCTION)["rotate-cache-engine-password-function"].inputs["environment"]["variables"]["STANDBY_REGION"] == "us-west-2"
    )


def test_the_origins_function_changes_its_rules_and_its_distribution(stack: Recording[Any]) -> None:
    found = policy_of(stack, "rotate-origin-header-value")
    assert found["ChangeRules"]["Resource"] == RULES
    assert found["ChangeDistribution"]["Resource"].endswith(":distribution/E2QWRUHAPOMQZL")
    variables = named(stack, FUNCTION)["rotate-origin-header-value-function"].inputs["environment"]["variables"]
    assert (variables["HEADER"], json.loads(variables["RULES"])) == (HEADER, RULES)
    assert "ChangeRules" not in policy_of(build(edge=False), "rotate-origin-header-value")


def test_the_restarts_touch_the_services_that_read_secrets_and_no_other(stack: Recording[Any]) -> None:
    deploy = policy_of(stack, "restart-consumers")["DeployAgain"]
    assert deploy["Resource"] == [
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/nautilus-prod/nautilus-prod-backend",
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/nautilus-prod/nautilus-prod-engine",
    ]
    schedule = stack.one("aws:scheduler/schedule:Schedule").inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == (plan.RESTARTS, "UTC")


def test_restarts_that_nobody_could_call_are_heard_of(stack: Recording[Any]) -> None:
    """A schedule that may no longer call leaves no trace at the function: without a queue old passwords would stay in silence."""
    target = stack.one("aws:scheduler/schedule:Schedule").inputs["target"]
    assert target["deadLetterConfig"] == {"arn": LOST.queue_arn}
    [rights] = [
        json.loads(one.inputs["policy"])["Statement"]
        for one in named(stack, "aws:iam/rolePolicy:RolePolicy").values()
        if one.inputs["name"] == "invoke"
    ]
    by_action = {listed(one["Action"])[0]: one["Resource"] for one in rights}
    assert by_action == {"lambda:InvokeFunction": by_action["lambda:InvokeFunction"], "sqs:SendMessage": LOST.queue_arn, "kms:Decrypt": KEY}


def test_failures_reach_people(stack: Recording[Any]) -> None:
    rule = stack.one("aws:cloudwatch/eventRule:EventRule").inputs
    assert json.loads(rule["eventPattern"]) == json.loads(plan.failures_pattern())
    target = stack.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert ":nautilus-prod-critical" in target["arn"]
    alarms = [one.inputs for one in named(stack, "aws:cloudwatch/metricAlarm:MetricAlarm").values()]
    watched = {one["dimensions"]["FunctionName"] for one in alarms}
    assert watched == set(stack.result.values()) == {one.inputs["name"] for one in named(stack, FUNCTION).values()}
    assert all("docs/runbooks/secrets.md" in one["alarmDescription"] for one in alarms)


def test_no_value_of_a_secret_is_in_a_functions_environment(stack: Recording[Any]) -> None:
    drawn = {one.outputs["result"] for one in named(stack, "random:index/randomPassword:RandomPassword").values()}
    shown = json.dumps([one.inputs["environment"] for one in named(stack, FUNCTION).values()])
    assert drawn
    assert not [value for value in drawn if value in shown]


def refused(reason: str, names: tuple[str, ...], placement: Placement | None = None) -> None:
    def program() -> None:
        ctx = context()
        specs = [spec for spec in SPECS if spec.name in names]
        Rotation("rotate-x", ctx, specs=specs, secrets=made_secrets(ctx), key_arn=KEY, log_key_arn=KEY, placement=placement)

    with pytest.raises(ValueError, match=reason):
        synth(program, account=ACCOUNT)


def test_what_cannot_be_rotated_together_or_at_all_is_refused() -> None:
    place = Placement(subnet_ids=["subnet-0123456789abcdef0"], group_id="sg-0123456789abcdef0")
    refused("not none", ())
    refused("not jwt, value", ("jwt-signing-key", "prometheus-password"))
    refused("not person", ("fred-api-key",))
    refused("not node", ("timescale-market-password",))
    refused("kind postgres-app needs place in the VPC", ("database-app-login",))
    refused("kind jwt has no place in the VPC", ("jwt-signing-key",), place)


def test_restarts_of_nobody_are_refused_and_not_made() -> None:
    def program() -> None:
        ctx = context()
        secrets = made_secrets(ctx)
        top = pulumi.ResourceOptions()
        none = build_restarts(
            ctx,
            specs=SPECS,
            secrets=secrets,
            cluster="c",
            services={Role.FRONTEND: ("f",)},
            log_key_arn=KEY,
            topic_arn="t",
            lost=LOST,
            top=top,
        )
        assert none == {}
        Restarts("r", ctx, cluster="c", services={"s": ()}, weekly=(), secrets=secrets, log_key_arn=KEY, topic_arn="t", lost=LOST)

    with pytest.raises(ValueError, match="no service reads a secret"):
        synth(program, account=ACCOUNT)


def test_kinds_of_the_plan_and_of_the_functions_are_the_same() -> None:
    assert {kind.value for kind in plan.KINDS} == set(handler.STRATEGIES)
    assert Rotator.NODE not in plan.KINDS
