"""Documents in AppConfig: what may follow what, what is refused, and what becomes of a deployment.

moto keeps applications, profiles and versions; it has no environments and no deployments. `FakeAppConfig` adds those with AppConfig's
documented behaviour, and every question and answer of its own is held against botocore's shapes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from moto.appconfig.models import appconfig_backends

from infra.plan import app_config as plan
from infra.plan.app_config import Profile
from infra.settings.flags import Flags
from nautilus.ops import flags
from nautilus.ops.flags import Direction, Place, RefusedError
from tests.ops.conftest import ACCOUNT, REGION, CachedSession

WHY = "a test says so"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c0ffee0-0000-4000-8000-000000000000"
ENVIRONMENTS = {"flags": "envf123", "limits": "envl123", "volume": "envv123"}
STRATEGIES = {"gradual": "grad123", "immediate": "imme123", "watched": "watc123"}
SETTINGS = Flags()
STEPS = (0, 1, 5, 10, 25, 50, 100)


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} of the fake"}}, operation)


class FakeAppConfig:
    """AppConfig on moto, with environments and deployments.

    Args:
        inner: moto's client.
        states: State of each alarm by name, read when a deployment starts.
        monitors: Names of the alarms of each environment.
    """

    def __init__(self, inner: Any, monitors: dict[str, list[str]], region: str = REGION) -> None:
        self.inner = inner
        self.region = region
        self.model = inner.meta.service_model
        self.monitors = monitors
        self.loud: set[str] = set()
        """Alarms that are on."""
        self.ran: dict[str, list[dict[str, Any]]] = {environment: [] for environment in ENVIRONMENTS.values()}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _held(self, operation: str, given: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer, when question and answer are of botocore's shapes."""
        model = self.model.operation_model(operation)
        for values, shape in ((given, model.input_shape), (answer or {}, model.output_shape if answer is not None else None)):
            if shape is not None:
                report = ParamValidator().validate(values, shape)
                assert not report.has_errors(), report.generate_report()
        if answer is None:
            self.asked.append((operation, given))
        return answer or {}

    def create_hosted_configuration_version(self, **given: Any) -> Any:
        self._held("CreateHostedConfigurationVersion", given)
        newest = max((one.version for one in self._versions(given["ConfigurationProfileId"])), default=0)
        if given.get("LatestVersionNumber", newest) != newest:
            raise refusal("ConflictException", "CreateHostedConfigurationVersion")
        return self.inner.create_hosted_configuration_version(**given)

    def _versions(self, profile: str) -> list[Any]:
        backend: Any = appconfig_backends[ACCOUNT][self.region]
        return [
            one
            for application in backend.applications.values()
            if profile in application.config_profiles
            for one in application.config_profiles[profile].config_versions.values()
        ]

    def list_hosted_configuration_versions(self, **given: Any) -> dict[str, Any]:
        self._held("ListHostedConfigurationVersions", given)
        found = [
            {"VersionNumber": one.version, "Description": one.description or "", "ContentType": one.content_type}
            for one in sorted(self._versions(given["ConfigurationProfileId"]), key=lambda one: -one.version)
        ]
        # Two a page, so that nobody reads the first page alone.
        first = int(given.get("NextToken", "0"))
        more = {"NextToken": str(first + 2)} if first + 2 < len(found) else {}
        return self._held("ListHostedConfigurationVersions", given, {"Items": found[first : first + 2], **more})

    def get_environment(self, **given: Any) -> dict[str, Any]:
        self._held("GetEnvironment", given)
        name = next(profile for profile, environment in ENVIRONMENTS.items() if environment == given["EnvironmentId"])
        arns = [f"arn:aws:cloudwatch:{self.region}:{ACCOUNT}:alarm:{one}" for one in self.monitors.get(name, [])]
        answer = {"ApplicationId": given["ApplicationId"], "Id": given["EnvironmentId"], "Name": name, "State": "READY_FOR_DEPLOYMENT"}
        return self._held("GetEnvironment", given, {**answer, "Monitors": [{"AlarmArn": arn} for arn in arns]})

    def start_deployment(self, **given: Any) -> dict[str, Any]:
        self._held("StartDeployment", given)
        ran = self.ran[given["EnvironmentId"]]
        if any(one["State"] in flags.RUNNING for one in ran):
            raise refusal("ConflictException", "StartDeployment")
        name = next(profile for profile, environment in ENVIRONMENTS.items() if environment == given["EnvironmentId"])
        at_once = given["DeploymentStrategyId"] == STRATEGIES["immediate"]
        made: dict[str, Any] = {
            "ApplicationId": given["ApplicationId"],
            "EnvironmentId": given["EnvironmentId"],
            "DeploymentStrategyId": given["DeploymentStrategyId"],
            "ConfigurationProfileId": given["ConfigurationProfileId"],
            "DeploymentNumber": len(ran) + 1,
            "ConfigurationVersion": given["ConfigurationVersion"],
            "Description": given["Description"],
            "State": "COMPLETE" if at_once else "DEPLOYING",
            "PercentageComplete": 100.0 if at_once else 20.0,
            "StartedAt": NOW,
            "EventLog": [{"EventType": "DEPLOYMENT_STARTED", "TriggeredBy": "USER", "OccurredAt": NOW}],
        }
        if self.loud & set(self.monitors.get(name, [])):
            self._back(made, "CLOUDWATCH_ALARM")
        ran.append(made)
        return self._held("StartDeployment", given, made)

    def _back(self, one: dict[str, Any], by: str, state: str = "ROLLED_BACK") -> None:
        one |= {"State": state, "PercentageComplete": 1.0, "CompletedAt": NOW}
        one["EventLog"].insert(0, {"EventType": "ROLLBACK_COMPLETED", "TriggeredBy": by, "Description": "readers went back"})

    def move(self, profile: str, state: str, percent: float = 100.0) -> None:
        """What AppConfig would do next with the newest deployment."""
        one = self.ran[ENVIRONMENTS[profile]][-1]
        if state == "ROLLED_BACK":
            self._back(one, "CLOUDWATCH_ALARM")
        else:
            one |= {"State": state, "PercentageComplete": percent} | ({"CompletedAt": NOW} if state == "COMPLETE" else {})

    def list_deployments(self, **given: Any) -> dict[str, Any]:
        self._held("ListDeployments", given)
        keys = (
            "DeploymentNumber",
            "ConfigurationProfileId",
            "ConfigurationVersion",
            "State",
            "PercentageComplete",
            "StartedAt",
            "CompletedAt",
        )
        items = [{key: one[key] for key in keys if key in one} for one in reversed(self.ran[given["EnvironmentId"]])]
        return self._held("ListDeployments", given, {"Items": items})

    def get_deployment(self, **given: Any) -> dict[str, Any]:
        self._held("GetDeployment", given)
        return self._held("GetDeployment", given, self.ran[given["EnvironmentId"]][given["DeploymentNumber"] - 1])

    def stop_deployment(self, **given: Any) -> dict[str, Any]:
        self._held("StopDeployment", given)
        one = self.ran[given["EnvironmentId"]][given["DeploymentNumber"] - 1]
        if one["State"] not in flags.RUNNING and (not given.get("AllowRevert") or one.get("Old")):
            raise refusal("BadRequestException", "StopDeployment")
        if one["State"] == "BAKING" and not given.get("AllowRevert"):
            raise refusal("BadRequestException", "StopDeployment")
        self._back(one, "USER", "ROLLED_BACK" if one["State"] in flags.RUNNING else "REVERTED")
        return self._held("StopDeployment", given, {key: value for key, value in one.items() if key != "Old"})


class Desk:
    """A stack's application on moto, as the program makes it, with somebody in front of it."""

    def __init__(self, session: CachedSession, region: str = REGION) -> None:
        self.cloudwatch = session.client("cloudwatch", region)
        inner = session.client("appconfig", region)
        application = inner.create_application(Name="nautilus-prod-flags")["Id"]
        profiles: dict[str, str] = {}
        for profile, document in plan.first_documents(SETTINGS).items():
            validator = plan.validator(profile, SETTINGS)
            profiles[profile.value] = inner.create_configuration_profile(
                ApplicationId=application,
                Name=profile.value,
                LocationUri="hosted",
                Type=profile.kind,
                Validators=[{"Type": "JSON_SCHEMA", "Content": validator}] if validator else [],
            )["Id"]
            inner.create_hosted_configuration_version(
                ApplicationId=application,
                ConfigurationProfileId=profiles[profile.value],
                Content=json.dumps(document).encode(),
                ContentType=plan.CONTENT_TYPE,
                Description="first",
            )
        self.client = FakeAppConfig(inner, {profile.value: list(plan.MONITORS[profile]) for profile in Profile}, region)
        self.facts = {"application": application, "key": KEY}
        self.facts |= {f"profile.{name}": ident for name, ident in profiles.items()}
        self.facts |= {f"environment.{name}": ident for name, ident in ENVIRONMENTS.items()}
        self.facts |= {f"strategy.{name}": ident for name, ident in STRATEGIES.items()}
        self.place: Place = flags.parse_place(self.facts)
        for name in {key for keys in plan.MONITORS.values() for key in keys}:
            self.alarm(name, "OK")

    def alarm(self, name: str, state: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1, MetricName="m", Namespace="n",
            Period=60, Statistic="Sum",
        )  # fmt: skip
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        (self.client.loud.discard if state == "OK" else self.client.loud.add)(name)

    def start(self) -> list[flags.Started | None]:
        return [flags.start_first(self.client, self.cloudwatch, self.place, name, who="ann", why=WHY) for name in flags.PROFILES]

    def deploy(self, profile: str, document: dict[str, Any]) -> flags.Started:
        return flags.deploy(self.client, self.cloudwatch, self.place, profile, document, who="ann", why=WHY)

    def held(self, profile: str) -> dict[str, Any] | None:
        return flags.current(self.client, self.place, profile)[1]

    def limits(self, **more: Any) -> dict[str, Any]:
        return {**plan.first_documents(SETTINGS)[Profile.LIMITS], **more}

    def refused(self, profile: str, document: dict[str, Any]) -> RefusedError:
        before = len(self.client.asked)
        with pytest.raises(RefusedError) as caught:
            self.deploy(profile, document)
        changes = {name for name, _ in self.client.asked[before:]} & {"CreateHostedConfigurationVersion", "StartDeployment"}
        assert not changes, "a refusal changes nothing"
        return caught.value


@pytest.fixture
def desk(session: CachedSession) -> Desk:
    return Desk(session)


# --- pure ----------------------------------------------------------------------------------------------------------------------


def test_a_place_with_a_hole_is_refused(desk: Desk) -> None:
    for key in desk.facts:
        with pytest.raises(ValueError, match="no "):
            flags.parse_place({name: value for name, value in desk.facts.items() if name != key})


def test_both_rooms_say_the_same() -> None:
    """`ops` may not import `infra`: what both say is held together here."""
    assert flags.NOT_ABOVE == plan.NOT_ABOVE
    assert set(flags.PROFILES) == {profile.value for profile in Profile}
    assert {flags.strategy_for(name, change) for name in flags.PROFILES for change in Direction} == set(plan.strategies(SETTINGS))
    assert flags.steps_of(plan.schemas(SETTINGS)[Profile.VOLUME]) == STEPS


@given(current=st.sampled_from((None, *STEPS)), wanted=st.integers(0, 100))
def test_the_volume_rises_one_step_at_a_time(current: int | None, wanted: int) -> None:
    allowed = flags.step_refusal(current, wanted, STEPS) is None
    position = STEPS.index(current or 0)
    assert allowed == (wanted in STEPS[: position + 2])


def test_the_whole_way_up_is_six_steps() -> None:
    now, ways = 0, 0
    while now < 100:
        now = max(step for step in STEPS if flags.step_refusal(now, step, STEPS) is None)
        ways += 1
    assert ways == len(STEPS) - 1


def test_a_volume_that_is_no_step_any_more_goes_to_the_next_one() -> None:
    """The stack file's steps changed while 7 % was deployed."""
    assert flags.step_refusal(7, 10, STEPS) is None
    assert flags.step_refusal(7, 25, STEPS) == "from 7 % the next step is 10 %, not 25 %: the volume rises one step at a time"
    assert flags.step_refusal(7, 5, STEPS) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Direction.SAME),
        ({"maxOrderValueUsd": 999}, Direction.FALLS),
        ({"maxOrderValueUsd": 1001}, Direction.RISES),
        ({"maxOrderValueUsd": 999, "maxDailyLossUsd": 501}, Direction.RISES),
        ({"volumeCeilingPercent": 5}, Direction.FALLS),
        ({"instruments": ["AAPL.NASDAQ"]}, Direction.RISES),
    ],
)
def test_a_mixed_change_of_limits_is_a_rise(changes: dict[str, Any], expected: Direction) -> None:
    old = plan.first_documents(SETTINGS)[Profile.LIMITS]
    assert flags.direction("limits", old, {**old, **changes}) is expected
    if expected is Direction.FALLS:
        assert flags.direction("limits", {**old, **changes}, old) is Direction.RISES


def test_fewer_instruments_are_a_fall_and_a_missing_limit_is_a_rise() -> None:
    old = {**plan.first_documents(SETTINGS)[Profile.LIMITS], "instruments": ["A.X", "B.X"]}
    assert flags.direction("limits", old, {**old, "instruments": ["B.X"]}) is Direction.FALLS
    assert flags.direction("limits", old, {**old, "instruments": ["B.X", "C.X"]}) is Direction.RISES
    assert flags.direction("limits", old, {key: value for key, value in old.items() if key != "maxDailyLossUsd"}) is Direction.RISES
    assert flags.direction("limits", None, old) is Direction.RISES


def test_flags_that_are_only_turned_off_are_a_fall() -> None:
    def document(**on: bool) -> dict[str, Any]:
        return {
            "version": "1",
            "flags": {name: {"name": name} for name in on},
            "values": {name: {"enabled": is_on} for name, is_on in on.items()},
        }

    stamped = document(a=True, b=True)
    stamped["flags"]["a"]["_createdAt"] = stamped["values"]["a"]["_updatedAt"] = "2026-11-21T12:00:00Z"
    assert flags.direction("flags", stamped, document(a=True, b=True)) is Direction.SAME, "AppConfig adds times of its own"
    assert flags.direction("flags", stamped, document(a=False, b=True)) is Direction.FALLS
    assert flags.direction("flags", document(a=False, b=True), document(a=True, b=False)) is Direction.RISES
    assert flags.direction("flags", document(a=True), document(a=False, b=False)) is Direction.RISES


def test_a_document_says_nothing_twice() -> None:
    assert flags.parse_document('{"percent": 5}') == {"percent": 5}
    for text, words in (('{"percent": 1, "percent": 100}', "percent twice"), ("[]", "no JSON object"), ("percent: 1", "no JSON")):
        with pytest.raises(ValueError, match=words):
            flags.parse_document(text)


def test_an_order_fits_into_a_position() -> None:
    limits = plan.first_documents(SETTINGS)[Profile.LIMITS]
    schema = plan.schemas(SETTINGS)[Profile.LIMITS]
    assert flags.findings("limits", limits, schema) == []
    assert flags.findings("limits", {**limits, "maxOrderValueUsd": 6_000}, schema) == [
        "maxOrderValueUsd: is 6,000, above maxPositionValueUsd = 5,000"
    ]


def test_flags_and_values_belong_together() -> None:
    schema = plan.schemas(SETTINGS)[Profile.FLAGS]
    document: dict[str, Any] = {"version": "1", "flags": {"a": {"name": "a"}}, "values": {"b": {"enabled": True}}}
    assert flags.findings("flags", document, schema) == ["values.b: is no flag", "flags.a: has no value"]
    assert flags.findings("flags", {**document, "version": "2"}, schema) == ["version: '2' is not one of ['1']"]


@pytest.mark.parametrize(("volume", "ceiling", "counts"), [(50, 100, 50), (50, 5, 5), (50, 0, 0), (None, 100, 0), (50, None, 0)])
def test_the_lower_of_volume_and_ceiling_counts(volume: int | None, ceiling: int | None, counts: int) -> None:
    documents = (None if volume is None else {"percent": volume}, None if ceiling is None else {"volumeCeilingPercent": ceiling})
    assert flags.effective_volume(*documents) == counts


@pytest.mark.parametrize("why", ["", "abc", "größer als gestern", "x" * 401, " a  b "])
def test_a_reason_travels_in_a_header(why: str) -> None:
    with pytest.raises(ValueError, match="400 printable ASCII"):
        flags.check_why(why)


def test_a_reason_is_one_line() -> None:
    assert flags.check_why("first\n second") == "first second"


# --- against AppConfig ------------------------------------------------------------------------------------------------------------


def test_first_documents_are_deployed_once(desk: Desk) -> None:
    assert all(desk.held(name) is None for name in flags.PROFILES)
    begun = desk.start()
    assert [(one.profile, one.version, one.strategy) for one in begun if one] == [(name, 1, "immediate") for name in flags.PROFILES]
    assert desk.held("volume") == {"percent": 1}
    assert desk.held("limits") == desk.limits()
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", "COMPLETE")
    assert desk.start() == [None, None, None], "a second start changes nothing"
    assert desk.held("volume") == {"percent": 5}


def test_a_start_waits_for_quiet_alarms(desk: Desk) -> None:
    desk.alarm("engine-absent", "INSUFFICIENT_DATA")
    with pytest.raises(RefusedError, match="volume starts only while every alarm is quiet") as caught:
        desk.start()
    assert caught.value.details == ("engine-absent: INSUFFICIENT_DATA",)
    assert desk.held("limits") == desk.limits(), "limits have no alarms"


def test_a_step_is_watched_and_says_who_and_why(desk: Desk) -> None:
    desk.start()
    begun = desk.deploy("volume", {"percent": 5})
    assert begun == flags.Started("volume", 2, 2, "watched", Direction.RISES)
    _, asked = desk.client.asked[-1]
    assert (asked["DeploymentStrategyId"], asked["KmsKeyIdentifier"]) == (STRATEGIES["watched"], KEY)
    assert asked["Description"] == f"ann: {WHY}"
    assert desk.held("volume") == {"percent": 1}, "what is being handed out does not count yet"
    desk.client.move("volume", "COMPLETE")
    assert desk.held("volume") == {"percent": 5}
    newest = flags.versions(desk.client, desk.place, "volume")[0]
    assert (newest.number, newest.description) == (2, f"ann: {WHY}")


@pytest.mark.parametrize("percent", [10, 100])
def test_a_jump_is_refused(desk: Desk, percent: int) -> None:
    desk.start()
    refused = desk.refused("volume", {"percent": percent})
    assert (refused.code, str(refused)) == ("step", f"from 1 % the next step is 5 %, not {percent} %: the volume rises one step at a time")


@pytest.mark.parametrize("document", [{"percent": 3}, {"percent": "5"}, {"percent": 5.5}, {"percent": 5, "more": 1}, {}])
def test_appconfigs_validator_is_asked_first(desk: Desk, document: dict[str, Any]) -> None:
    desk.start()
    assert desk.refused("volume", document).code == "document"


def test_one_deployment_at_a_time(desk: Desk) -> None:
    desk.start()
    desk.deploy("volume", {"percent": 5})
    assert desk.refused("volume", {"percent": 1}).code == "running"
    desk.deploy("limits", desk.limits(volumeCeilingPercent=1))  # another environment: a cut waits for nobody
    assert desk.held("limits") == desk.limits(volumeCeilingPercent=1)


def test_what_is_deployed_already_is_refused(desk: Desk) -> None:
    desk.start()
    assert desk.refused("volume", {"percent": 1}).code == "same"


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_nothing_rises_while_an_alarm_is_not_quiet(desk: Desk, state: str) -> None:
    desk.start()
    desk.alarm("engine-absent", state)
    assert desk.refused("volume", {"percent": 5}).details == (f"engine-absent: {state}",)
    assert desk.refused("limits", desk.limits(maxOrderValueUsd=1_500)).code == "alarm"
    desk.alarm("engine-absent", "OK")
    assert desk.deploy("volume", {"percent": 5}).direction is Direction.RISES


def test_a_tightened_limit_stays_whatever_the_alarms_say(desk: Desk) -> None:
    """The reason for an environment without alarms: in the volume's own AppConfig would take the fall back."""
    desk.start()
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", "COMPLETE")
    for name in plan.MONITORS[Profile.VOLUME]:
        desk.alarm(name, "ALARM")
    refused = desk.refused("volume", {"percent": 1})
    assert (refused.code, len(refused.details)) == ("alarm-volume", 4)
    begun = desk.deploy("limits", desk.limits(volumeCeilingPercent=1))
    assert (begun.direction, begun.strategy) == (Direction.FALLS, "immediate")
    assert flags.effective_volume(desk.held("volume"), desk.held("limits")) == 1


def test_an_alarm_that_is_gone_is_not_quiet(desk: Desk) -> None:
    desk.start()
    desk.cloudwatch.delete_alarms(AlarmNames=["engine-twice"])
    assert desk.refused("volume", {"percent": 5}).details == ("engine-twice: INSUFFICIENT_DATA",)


def test_a_fall_goes_at_once(desk: Desk) -> None:
    desk.start()
    for percent in (5, 10):
        desk.deploy("volume", {"percent": percent})
        desk.client.move("volume", "COMPLETE")
    assert desk.deploy("volume", {"percent": 0}).strategy == "immediate"
    assert desk.held("volume") == {"percent": 0}


def test_what_an_alarm_took_back_does_not_count(desk: Desk) -> None:
    desk.start()
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", "ROLLED_BACK")
    assert desk.held("volume") == {"percent": 1}
    assert desk.refused("volume", {"percent": 10}).code == "step", "a step that was taken back was not made"
    seen = flags.deployment(desk.client, desk.place, "volume", 2)
    assert seen.events == ("deployment started by user", "rollback completed by cloudwatch alarm: readers went back")


@pytest.mark.parametrize("state", ["DEPLOYING", "BAKING"])
def test_a_running_deployment_is_stopped(desk: Desk, state: str) -> None:
    desk.start()
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", state, 50.0)
    assert flags.stop(desk.client, desk.place, "volume", revert=False).state == "ROLLED_BACK"
    assert desk.held("volume") == {"percent": 1}


def test_a_completed_one_is_taken_back_on_request_only(desk: Desk) -> None:
    desk.start()
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", "COMPLETE")
    with pytest.raises(RefusedError, match="no deployment of volume runs"):
        flags.stop(desk.client, desk.place, "volume", revert=False)
    desk.alarm("engine-absent", "ALARM")
    assert flags.stop(desk.client, desk.place, "volume", revert=True).state == "REVERTED"
    assert desk.held("volume") == {"percent": 1}


def test_after_three_days_nothing_is_taken_back(desk: Desk) -> None:
    desk.start()
    desk.client.ran[ENVIRONMENTS["volume"]][-1]["Old"] = True
    with pytest.raises(RefusedError, match="72 hours"):
        flags.stop(desk.client, desk.place, "volume", revert=True)


def test_two_people_at_once_are_not_both_served(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one looked before the first one's version was there."""
    desk.start()
    stale = flags.versions(desk.client, desk.place, "volume")
    desk.deploy("volume", {"percent": 5})
    desk.client.move("volume", "COMPLETE")
    monkeypatch.setattr(flags, "versions", lambda *_: stale)
    with pytest.raises(ClientError, match="ConflictException"):
        desk.deploy("volume", {"percent": 10})
    assert desk.held("volume") == {"percent": 5}


def test_following_ends_with_the_deployment_or_the_time(desk: Desk) -> None:
    desk.start()
    desk.deploy("volume", {"percent": 5})
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            desk.client.move("volume", "COMPLETE")

    looks = flags.follow(desk.client, desk.place, "volume", 2, seconds=600, sleep=sleep)
    assert [one.state for one in looks] == ["DEPLOYING"] * 3 + ["COMPLETE"]
    desk.deploy("volume", {"percent": 10})
    slept.clear()
    seen = list(flags.follow(desk.client, desk.place, "volume", 3, seconds=20, sleep=slept.append))
    assert (len(seen), seen[-1].running) == (3, True)


def numbers(desk: Desk) -> list[int]:
    return [one.number for one in flags.versions(desk.client, desk.place, "limits")]


def test_pruning_keeps_what_is_used(desk: Desk) -> None:
    desk.start()
    for ceiling in (90, 80, 70, 60):
        desk.deploy("limits", desk.limits(volumeCeilingPercent=ceiling))
    flags.stop(desk.client, desk.place, "limits", revert=True)
    assert numbers(desk) == [5, 4, 3, 2, 1]
    assert flags.prune(desk.client, desk.place, "limits", keep=1) == [3, 2], "5 is the newest, 4 is deployed, 1 is the stack's"
    assert flags.prune(desk.client, desk.place, "limits", keep=0) == [5, 4]
    assert numbers(desk) == [1]


def test_a_version_that_is_gone_is_said_so(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="volume has no version 9"):
        flags.document_of(desk.client, desk.place, "volume", 9)


def test_a_flag_that_is_turned_off_in_trouble_is_reverted_instead(desk: Desk) -> None:
    desk.start()
    on = plan.first_documents(SETTINGS)[Profile.FLAGS]
    on["values"]["new_strategies"]["enabled"] = True
    assert desk.deploy("flags", on).strategy == "gradual"
    desk.client.move("flags", "COMPLETE")
    desk.alarm("backend-rollout-errors", "ALARM")
    assert desk.refused("flags", plan.first_documents(SETTINGS)[Profile.FLAGS]).code == "alarm-flags"
    flags.stop(desk.client, desk.place, "flags", revert=True)
    assert desk.held("flags") == plan.first_documents(SETTINGS)[Profile.FLAGS]


def test_a_document_of_another_profile_is_not_mistaken_for_ones_own(desk: Desk) -> None:
    """Somebody deployed by hand, in the console, into the wrong environment."""
    desk.start()
    desk.client.ran[ENVIRONMENTS["volume"]].append(
        {**desk.client.ran[ENVIRONMENTS["limits"]][-1], "DeploymentNumber": 2, "State": "BAKING"}
    )
    assert desk.refused("volume", {"percent": 5}).code == "running"
    desk.client.move("volume", "COMPLETE")
    assert desk.held("volume") == {"percent": 1}
    assert desk.deploy("volume", {"percent": 5}).deployment == 3
