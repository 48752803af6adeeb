"""Documents, schemas, strategies and alarms of AppConfig: what is refused, and that everything a stack file may say is accepted."""

from __future__ import annotations

import copy
import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from pydantic import ValidationError

from infra.plan import alarms, iam
from infra.plan import app_config as plan
from infra.plan.app_config import Profile
from infra.settings.flags import Flags, RiskLimits
from infra.settings.operations import Alarms as Thresholds
from tests.settings.samples import changed as stack_with
from tests.settings.samples import problems_of

DEFAULTS = Flags()
LIMITS = plan.first_documents(DEFAULTS)[Profile.LIMITS]


def errors(profile: Profile, document: Any, flags: Flags = DEFAULTS) -> list[str]:
    return [error.message for error in Draft4Validator(plan.schemas(flags)[profile]).iter_errors(document)]


@pytest.mark.parametrize("profile", Profile)
def test_a_schema_is_a_schema_of_draft_04(profile: Profile) -> None:
    schema = plan.schemas(DEFAULTS)[profile]
    Draft4Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    later = {"const", "if", "then", "else", "contains", "propertyNames", "examples", "$id", "$defs"}

    def keywords(part: Any) -> set[str]:
        if isinstance(part, dict):
            return set(part) | {word for value in part.values() for word in keywords(value)}
        return {word for value in part for word in keywords(value)} if isinstance(part, list) else set()

    assert not keywords(schema) & later, "AppConfig would not know the word, and let everything pass"


def test_an_exclusive_bound_is_a_truth_value() -> None:
    """From draft-06 on it is a number; AppConfig would refuse the schema."""
    drawdown = plan.schemas(DEFAULTS)[Profile.LIMITS]["properties"]["maxDrawdownPercent"]
    assert drawdown == {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 25, "exclusiveMaximum": True}


@pytest.mark.parametrize("percent", [0, 1, 5, 10, 25, 50, 100])
def test_a_step_is_accepted(percent: int) -> None:
    assert errors(Profile.VOLUME, {"percent": percent}) == []


@pytest.mark.parametrize(
    "document", [{"percent": value} for value in (-1, 2, 99, 101, 1.5, "5", None, [5])] + [{}, {"percent": 5, "note": "x"}, [], 5]
)
def test_anything_else_is_no_volume(document: Any) -> None:
    assert errors(Profile.VOLUME, document)


BOUNDS: list[tuple[str, float, float]] = [
    ("maxOrderValueUsd", 1, 10_000),
    ("maxPositionValueUsd", 1, 50_000),
    ("maxExposureUsd", 1, 100_000),
    ("maxLeverage", 1, 10),
    ("maxDailyLossUsd", 1, 5_000),
    ("maxDrawdownPercent", 0.01, 24.99),
    ("maxOrdersPerMinute", 1, 100),
    ("volumeCeilingPercent", 0, 100),
]


def test_every_limit_has_bounds() -> None:
    assert {name for name, *_ in BOUNDS} | {"instruments"} == set(LIMITS) == set(plan.schemas(DEFAULTS)[Profile.LIMITS]["properties"])


@pytest.mark.parametrize(("name", "least", "most"), BOUNDS)
def test_a_limit_is_accepted_at_its_bounds_and_refused_beyond(name: str, least: float, most: float) -> None:
    step = 0.01 if name == "maxDrawdownPercent" else 1
    for value in (least, most):
        assert errors(Profile.LIMITS, {**LIMITS, name: value}) == []
    for value in (least - step, most + step, -1, "1", None, True):
        assert errors(Profile.LIMITS, {**LIMITS, name: value}), value
    assert errors(Profile.LIMITS, {key: value for key, value in LIMITS.items() if key != name}), "a missing limit is no limit"


@pytest.mark.parametrize(
    "instruments",
    [["AAPL"], ["AAPL.nasdaq"], [".NASDAQ"], ["A.X", "A.X"], [1], "AAPL.NASDAQ", [f"A{number}.X" for number in range(201)], ["*"]],
)
def test_no_other_instruments(instruments: Any) -> None:
    assert errors(Profile.LIMITS, {**LIMITS, "instruments": instruments})


@pytest.mark.parametrize("instruments", [[], ["AAPL.NASDAQ", "EUR/USD.IDEALPRO", "ESZ6.CME"], [f"A{number}.X" for number in range(200)]])
def test_instruments(instruments: list[str]) -> None:
    assert errors(Profile.LIMITS, {**LIMITS, "instruments": instruments}) == []


def test_a_limit_that_nobody_knows_is_refused() -> None:
    assert errors(Profile.LIMITS, {**LIMITS, "maxOrderValue": 1})


def changed_flags(part: str, key: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(plan.first_documents(DEFAULTS)[Profile.FLAGS])
    document[part][key] = value
    return document


@pytest.mark.parametrize(
    "document",
    [
        {"version": "2", "flags": {}, "values": {}},
        {"version": "1", "flags": {}},
        changed_flags("flags", "Upper", {"name": "Upper"}),
        changed_flags("flags", "x" * 65, {"name": "x"}),
        changed_flags("flags", "extra", {"name": "x", "colour": "red"}),
        changed_flags("values", "new_strategies", {"enabled": "yes"}),
        changed_flags("values", "new_strategies", {}),
    ],
)
def test_flags_that_appconfig_would_refuse(document: Any) -> None:
    assert errors(Profile.FLAGS, document)


def test_flags_with_what_appconfig_adds() -> None:
    assert (
        errors(
            Profile.FLAGS, changed_flags("values", "new_strategies", {"enabled": True, "share": 5, "_updatedAt": "2026-11-21T12:00:00Z"})
        )
        == []
    )
    assert errors(Profile.FLAGS, changed_flags("flags", "new_strategies", {"name": "n", "_createdAt": "2026-11-21T12:00:00Z"})) == []


dollars = st.integers(1, 100_000_000)


@st.composite
def settings(draw: st.DrawFn) -> Flags:
    """Everything that a stack file may say."""
    order, position, exposure = sorted(draw(st.tuples(dollars, dollars, dollars)))
    return Flags(
        names=draw(st.dictionaries(st.from_regex(r"[a-z][a-zA-Z0-9_-]{0,63}", fullmatch=True), st.just("some words"), max_size=5)),
        volume_steps=sorted(draw(st.sets(st.integers(1, 100), min_size=1, max_size=20))),
        volume_bake_minutes=draw(st.integers(1, 1440)),
        limits=RiskLimits(
            max_order_value_usd=order,
            max_position_value_usd=position,
            max_exposure_usd=exposure,
            max_leverage=draw(st.floats(1, 50)),
            max_daily_loss_usd=draw(dollars),
            max_drawdown_percent=draw(st.integers(1, 24)),
            max_orders_per_minute=draw(st.integers(1, 3_000)),
            instruments=draw(st.lists(st.from_regex(r"[A-Z0-9]{1,5}\.[A-Z]{1,5}", fullmatch=True), max_size=5, unique=True)),
            headroom=draw(st.integers(1, 100)),
        ),
    )


@given(settings())
def test_the_first_documents_pass_their_own_validators(flags: Flags) -> None:
    for profile, document in plan.first_documents(flags).items():
        assert errors(profile, json.loads(iam.canonical(document)), flags) == []
        text = plan.validator(profile, flags)
        assert text is None or len(text) <= plan.LONGEST_SCHEMA
    limits = plan.first_documents(flags)[Profile.LIMITS]
    assert all(limits[small] <= limits[large] for small, large in plan.NOT_ABOVE)


@given(settings(), st.integers(2, 200))
def test_nothing_beyond_the_headroom(flags: Flags, times: int) -> None:
    document = plan.first_documents(flags)[Profile.LIMITS]
    raised = {**document, "maxOrderValueUsd": document["maxOrderValueUsd"] * times}
    assert (errors(Profile.LIMITS, raised, flags) == []) == (times <= flags.limits.headroom)


def test_the_first_documents_are_safe() -> None:
    documents = plan.first_documents(DEFAULTS)
    assert documents[Profile.VOLUME] == {"percent": 1}, "NRC-073"
    assert not any(value["enabled"] for value in documents[Profile.FLAGS]["values"].values())
    assert documents[Profile.LIMITS]["instruments"] == [], "nothing is traded before somebody says what"
    assert documents[Profile.LIMITS]["maxDrawdownPercent"] < plan.DRAWDOWN_BELOW


@given(settings())
def test_strategies_are_what_appconfig_takes(flags: Flags) -> None:
    model = botocore.session.get_session().get_service_model("appconfig").operation_model("CreateDeploymentStrategy")
    for name, one in plan.strategies(flags).items():
        asked: dict[str, Any] = {
            "Name": name,
            "DeploymentDurationInMinutes": one.minutes,
            "FinalBakeTimeInMinutes": one.bake_minutes,
            "GrowthFactor": float(one.growth_percent),
            "ReplicateTo": "NONE",
        }
        report = ParamValidator().validate(asked, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        assert max(one.minutes, one.bake_minutes) <= 1440
    assert plan.strategies(flags)["immediate"].bake_minutes == 0, "what falls is never taken back"
    assert plan.strategies(flags)["watched"].bake_minutes == flags.volume_bake_minutes


def known_alarms() -> dict[str, alarms.AlarmSpec]:
    slots = {part: alarms.Target(part) for part in ("blue", "green")}
    balancer = alarms.Target("balancer")
    found = [
        *(
            one
            for key in ("backend", "frontend")
            for one in alarms.rollout_alarms(key, load_balancer=balancer, thresholds=Thresholds(), **slots)
        ),
        *(one for key in ("engine", "ib-gateway") for one in alarms.singleton_alarms(key, cluster="c", service=key)),
    ]
    return {one.key: one for one in found}


def test_every_monitor_is_an_alarm_that_always_has_a_verdict() -> None:
    """An alarm without data takes a deployment back; each of these says what no data means."""
    known = known_alarms()
    for profile in Profile:
        assert set(plan.MONITORS[profile]) <= set(known)
        assert len(plan.MONITORS[profile]) <= plan.MOST_MONITORS
        for key in plan.MONITORS[profile]:
            assert known[key].missing in (alarms.Missing.BREACHING, alarms.Missing.NOT_BREACHING)


def test_nothing_takes_a_limit_back() -> None:
    """AWS-RULES section 6: nothing whose loss is dangerous rides on AppConfig's rollback."""
    assert plan.MONITORS[Profile.LIMITS] == ()


def test_a_stack_without_an_engine_has_fewer_monitors() -> None:
    assert plan.monitors(Profile.VOLUME, {"backend-rollout-errors", "frontend-rollout-errors"}) == ("backend-rollout-errors",)
    assert plan.monitors(Profile.VOLUME, ()) == ()


def test_a_reader_reads_these_configurations_and_no_other() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    configuration = "arn:aws:appconfig:us-east-1:123456789012:application/a/environment/e/configuration/c"
    read, decrypt = json.loads(iam.configuration_policy(configurations=[configuration], key_arn=key, region="us-east-1"))["Statement"]
    assert read["Resource"] == configuration
    assert read["Action"] == ["appconfig:GetLatestConfiguration", "appconfig:StartConfigurationSession"]
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", key)
    assert decrypt["Condition"]["StringEquals"]["kms:ViaService"] == [
        "appconfig.us-east-1.amazonaws.com",
        "appconfigdata.us-east-1.amazonaws.com",
    ]
    with pytest.raises(ValueError, match="needs the configurations"):
        iam.configuration_policy(configurations=[], key_arn=key, region="us-east-1")


def test_appconfig_sees_alarms_and_nothing_else() -> None:
    (only,) = json.loads(plan.alarm_policy(region="us-east-1", account_id="123456789012"))["Statement"]
    assert (only["Action"], only["Resource"]) == ("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*")


def test_readers_are_told_names() -> None:
    assert plan.variables("nautilus-prod-flags") == {
        "APPCONFIG_APPLICATION": "nautilus-prod-flags",
        "APPCONFIG_PROFILES": "flags,limits,volume",
    }


# --- settings -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"flags.volumeSteps": [5, 1, 100]}, "flags.volumeSteps", "does not rise"),
        ({"flags.volumeSteps": [1, 1]}, "flags.volumeSteps", "does not rise"),
        ({"flags.volumeSteps": [0, 100]}, "flags.volumeSteps[0]", "is below 1"),
        ({"flags.limits.maxOrderValueUsd": 6_000}, "flags.limits.maxOrderValueUsd", "above flags.limits.maxPositionValueUsd = 5,000"),
        ({"flags.limits.maxPositionValueUsd": 20_000}, "flags.limits.maxPositionValueUsd", "above flags.limits.maxExposureUsd = 10,000"),
        ({"flags.limits.maxDrawdownPercent": 25}, "flags.limits.maxDrawdownPercent", "is above 24"),
        ({"flags.limits.instruments": ["AAPL"]}, "flags.limits.instruments[0]", "is not of the form"),
        ({"flags.limits.instruments": ["A.X", "A.X"]}, "flags.limits.instruments[1]", "names A.X twice"),
        ({"flags.names": {"Big": "some words"}}, "flags.names.Big", "has a name that"),
    ],
)
def test_settings_are_held_against_the_rules(changes: dict[str, Any], key: str, message: str) -> None:
    (problem,) = problems_of(stack_with("staging", changes), "staging")
    assert problem.key == f"nautilus-infra:{key}"
    assert message in problem.message
    assert problem.accepted
    assert problem.repair


def test_two_limits_at_once_are_two_findings() -> None:
    found = problems_of(
        stack_with("staging", {"flags.limits.maxOrderValueUsd": 50_000, "flags.limits.maxPositionValueUsd": 20_000}), "staging"
    )
    assert {one.key for one in found} == {"nautilus-infra:flags.limits.maxOrderValueUsd", "nautilus-infra:flags.limits.maxPositionValueUsd"}


def test_a_wrong_type_never_makes_a_document() -> None:
    with pytest.raises(ValidationError):
        Flags.model_validate({"volumeSteps": ["all"]})


def test_a_schema_that_outgrows_appconfig_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LONGEST_SCHEMA", 100)
    with pytest.raises(ValueError, match="AppConfig takes 100"):
        plan.validator(Profile.LIMITS, DEFAULTS)
