"""`rollout` on the command line: plans, refusals and their opposites, what a watch says, and exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from rich.console import Console

from infra.settings.loader import load_stack
from nautilus.cli import account, rollout_stack
from nautilus.cli.rollout_view import bar, duration, watch_view
from nautilus.engine.events import Step
from nautilus.engine.run import Verb
from nautilus.ops.rollout.look import look
from tests.cli.conftest import ROOT, Engines, Nautilus, Ran
from tests.cli.fakes import PREFIX, VPC, result, state, step
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session
from tests.ops.rollout_fake import NOW, FakeEcs, Platform, digest, platform_on, template

session = moto_session
IN_SESSION = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
"""A Monday, 11:00 in New York."""
Clock = Callable[[datetime], None]


class Configured:
    """A session whose clients take a configuration, as boto3's do."""

    def __init__(self, session: CachedSession) -> None:
        self.session = session
        self.asked: list[tuple[str, Any]] = []

    def client(self, name: str, config: Any = None) -> Any:
        self.asked.append((name, config))
        return self.session.client(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the time; waiting moves it on."""
    at = [NOW]

    def go(seconds: float) -> None:
        at[0] += timedelta(seconds=seconds)

    def put(when: datetime) -> None:
        at[0] = when

    monkeypatch.setattr(rollout_stack, "now", lambda: at[0])
    monkeypatch.setattr(rollout_stack, "sleep", go)
    return put


@pytest.fixture
def aws_session(session: CachedSession, monkeypatch: pytest.MonkeyPatch) -> Configured:
    configured = Configured(session)
    number = load_stack("prod", ROOT).account.id
    monkeypatch.setattr(account, "aws_session", lambda _region: configured)
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(number, "arn:aws:sts::1:assumed-role/Deploy/jane"))
    return configured


@pytest.fixture
def platform(session: CachedSession, aws_session: Configured, clock: Clock) -> Generator[Platform]:
    assert aws_session
    assert clock
    with platform_on(session) as made:
        for service, arn in made.templates.items():
            made.fake.add(service, "SUCCESSFUL", arn)
        yield made


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    """A folder with production's settings, where the pipeline owns the images of both web services."""
    document = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())
    for service in ("backend", "frontend"):
        document["config"]["nautilus-infra:services"][service]["imageOwner"] = "pipeline"
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))
    return str(tmp_path)


Begin = Callable[..., Ran]


@pytest.fixture
def begin(nautilus: Nautilus, pipeline: str) -> Begin:
    """`rollout start` of the backend in a pipeline's stack."""

    def call(image: str, *more: str, service: str = "backend", yes: bool = True) -> Ran:
        args = ["--service", service, "--digest", image, "--stack", "prod", "--config-dir", pipeline, "--json"]
        return nautilus("rollout", "start", *args, *(["--yes"] if yes else []), *more)

    return call


def deployed(platform: Platform) -> list[str]:
    """Services that were given another task definition."""
    return [asked["service"] for name, asked in platform.fake.calls if name == "UpdateService"]


class TestPlan:
    def test_the_plan_of_a_web_service(self, nautilus: Nautilus) -> None:
        document = nautilus("rollout", "plan", "--service", "backend", "--stack", "prod", "--json").document
        assert document["strategy"] == "LINEAR"
        assert document["step_percent"] == 10
        assert document["holds"] == [{"percent": 10, "seconds": 300}, {"percent": 50, "seconds": 300}]
        assert document["total_seconds"] == 900
        assert (document["step_bake_minutes"], document["bake_minutes"]) == (0, 5)
        assert document["stages"] == ["PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"]
        assert document["guard_minutes"] < 30

    def test_as_a_timeline(self, nautilus: Nautilus) -> None:
        lines = nautilus("rollout", "plan", "--stack", "prod").out.splitlines()
        assert lines[0] == "backend: LINEAR in steps of 10 %, 15 min from the first shift to the end"
        rows = [line.split() for line in lines[2:7]]
        assert [row[0] for row in rows] == ["min", "0", "5", "10", "15"]
        assert rows[2][1:4] == ["50", "%", "█████·····"]
        assert "passes 20, 30, 40 %" in lines[4]

    @pytest.mark.parametrize(
        ("steps", "first", "second"),
        [
            ([100], "BLUE_GREEN, all at once", "100 %"),
            ([20, 100], "CANARY of 20 %, then the rest", "held by ECS"),
            ([50, 100], "CANARY of 50 %", "held by ECS"),
            ([25, 50, 75, 100], "LINEAR in steps of 25 %", "held by ECS"),
            ([25, 75, 100], "LINEAR in steps of 25 %", "held by the hook"),
        ],
    )
    def test_every_strategy(self, nautilus: Nautilus, tmp_path: Path, steps: list[int], first: str, second: str) -> None:
        document = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())
        document["config"]["nautilus-infra:services"]["backend"]["rollout"] = {"steps": steps, "holdMinutes": 2}
        (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))
        out = nautilus("rollout", "plan", "--stack", "prod", "--config-dir", str(tmp_path)).out
        assert first in out.splitlines()[0]
        assert second in out

    @pytest.mark.parametrize(
        ("hold", "said", "unsaid"),
        [
            (0, ["50 % █████····· goes on at once; passes 20, 30, 40 %", "15 min (seed 004: under 30)"], ["stands", "held by"]),
            (8, ["stands 8 min, held by the hook", "31 min (seed 004 has 30, which the time from the first shift keeps)"], ["under 30"]),
        ],
    )
    def test_no_hold_stands_and_no_time_is_called_shorter_than_it_is(
        self, nautilus: Nautilus, tmp_path: Path, hold: int, said: list[str], unsaid: list[str]
    ) -> None:
        document = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())
        document["config"]["nautilus-infra:services"]["backend"]["rollout"] = {"holdMinutes": hold}
        (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))
        out = " ".join(nautilus("rollout", "plan", "--stack", "prod", "--config-dir", str(tmp_path)).out.split())
        assert [text for text in said if text not in out] == []
        assert [text for text in unsaid if text in out] == []

    @pytest.mark.parametrize("service", ["engine", "ib-gateway"])
    def test_a_singleton_is_stopped_before_it_is_started(self, nautilus: Nautilus, service: str) -> None:
        document = nautilus("rollout", "plan", "--service", service, "--stack", "prod", "--json").document
        assert document["strategy"] == "ROLLING"
        assert (document["minimum_healthy_percent"], document["maximum_percent"]) == (0, 100)
        assert (document["total_seconds"], document["holds"], document["stages"]) == (120, [], [])
        assert "SIGKILL 120 s later" in nautilus("rollout", "plan", "--service", service, "--stack", "prod").out

    def test_an_unknown_service_names_the_known_ones(self, nautilus: Nautilus) -> None:
        ran = nautilus("rollout", "plan", "--service", "timescale", "--stack", "prod", "--json")
        assert ran.code == 2
        assert ran.document["error"]["hint"] == "accepted: backend, frontend, engine, ib-gateway"

    def test_it_asks_nobody_and_works_everywhere_but_in_the_account_stack(self, nautilus: Nautilus, fake: Engines) -> None:
        assert nautilus("rollout", "plan").code == 0
        assert fake.opened == []
        assert nautilus("rollout", "plan", "--stack", "account").code == 2


class TestStart:
    def test_an_image_is_deployed(self, platform: Platform, begin: Begin) -> None:
        image = platform.push("backend")
        ran = begin(image, "--why", "fills were late")
        assert ran.code == 0, ran.out
        document = ran.document
        assert document["deployment"] == platform.fake.deployments[-1]["serviceDeploymentArn"]
        assert document["taskDefinition"].endswith("nautilus-prod-backend:2")
        assert (document["who"], document["why"]) == ("assumed-role/Deploy/jane", "fills were late")
        assert document["next"] == ["nautilus rollout watch --service backend --stack prod"]
        assert deployed(platform) == ["nautilus-prod-backend"]
        assert platform.parameter("rollouts/backend/override") is None

    def test_for_people(self, platform: Platform, nautilus: Nautilus, pipeline: str) -> None:
        image = platform.push("backend")
        args = ["--service", "backend", "--digest", image, "--stack", "prod", "--config-dir", pipeline, "--yes"]
        ran = nautilus("rollout", "start", *args)
        assert ran.code == 0
        assert ran.out.splitlines()[0] == f"backend: ECS has taken nautilus-prod-backend:2 with {image[:19]}…"
        assert ran.out.splitlines()[-1] == "next: nautilus rollout watch --service backend --stack prod"

    @pytest.mark.parametrize("service", ["backend", "engine"])
    def test_pulumi_owns_the_image(self, platform: Platform, nautilus: Nautilus, service: str) -> None:
        image = platform.push(service)
        ran = nautilus("rollout", "start", "--service", service, "--digest", image, "--stack", "prod", "--yes", "--json")
        assert (ran.code, ran.document["error"]["code"]) == (1, "image-owner")
        assert ran.document["error"]["hint"] == f"set services.{service}.imageDigest to {image} and run nautilus up --stack prod"
        assert deployed(platform) == []

    def test_refusals_name_each_reason_and_its_repair(self, platform: Platform, begin: Begin, clock: Clock) -> None:
        clock(IN_SESSION)
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        ran = begin(digest("9"))
        assert (ran.code, ran.document["error"]["code"]) == (1, "refused")
        assert [one["code"] for one in ran.document["objections"]] == ["busy", "no-image", "session"]
        assert "nautilus rollout watch --service backend --stack prod" in ran.document["objections"][0]["repair"]
        assert all("{stack}" not in one["repair"] for one in ran.document["objections"])
        assert deployed(platform) == []

    def test_a_single_refusal_is_the_error(self, platform: Platform, begin: Begin) -> None:
        image = platform.push("backend")
        platform.put("migrations/backend", {"digest": image, "status": "failed", "who": "jane", "at": "t", "detail": "rows differ"})
        ran = begin(image)
        assert (ran.code, ran.document["error"]["code"]) == (1, "migration")
        assert "rows differ" in ran.document["error"]["message"]
        assert begin(platform.push("frontend"), service="frontend").code == 0

    def test_in_session_a_reason_lets_it_through_and_is_recorded(self, platform: Platform, begin: Begin, clock: Clock) -> None:
        clock(IN_SESSION)
        image = platform.push("backend")
        assert begin(image).document["error"]["code"] == "session"
        without = begin(image, "--in-session")
        assert (without.code, without.document["error"]["where"]) == (2, "--why")
        ran = begin(image, "--in-session", "--why", "orders are lost")
        assert ran.code == 0
        written = platform.parameter("rollouts/backend/override")
        assert written == {"who": "assumed-role/Deploy/jane", "why": "orders are lost", "until": "2026-11-23T17:00:00+00:00"}
        assert ran.document["overrideUntil"] == written["until"]
        assert ran.document["notices"][0].startswith("in session")

    def test_an_override_does_not_outlive_a_start_that_failed(self, platform: Platform, begin: Begin) -> None:
        platform.fake.client.deregister_task_definition(taskDefinition=platform.templates["backend"])
        ran = begin(platform.push("backend"), "--in-session", "--why", "orders are lost")
        assert (ran.code, ran.document["error"]["code"]) == (1, "no-template")
        assert platform.parameter("rollouts/backend/override") is None

    def test_nobody_says_yes(self, platform: Platform, begin: Begin) -> None:
        ran = begin(platform.push("backend"), yes=False)
        assert (ran.code, ran.document["error"]["hint"]) == (2, "add --yes")
        assert deployed(platform) == []

    @pytest.mark.parametrize("text", ["latest", "sha256:12", "SHA256:" + "1" * 64])
    def test_a_tag_is_no_digest(self, platform: Platform, begin: Begin, text: str) -> None:
        assert begin(text).code == 2

    def test_an_unknown_service(self, platform: Platform, begin: Begin) -> None:
        ran = begin(digest("1"), service="timescale")
        assert (ran.code, ran.document["error"]["hint"]) == (2, "accepted: backend, engine, frontend, ib-gateway")

    def test_reads_slow_down_instead_of_failing(self, platform: Platform, begin: Begin, aws_session: Configured) -> None:
        begin(platform.push("backend"))
        config = next(config for name, config in aws_session.asked if name == "ecs")
        assert config.retries == {"mode": "adaptive", "total_max_attempts": 8}


class TestCheck:
    def check(self, nautilus: Nautilus, *args: str) -> Ran:
        return nautilus("rollout", "check", *args, "--stack", "prod", "--json")

    def test_a_live_engine_that_trades(self, platform: Platform, nautilus: Nautilus) -> None:
        ran = self.check(nautilus, "--service", "engine")
        assert (ran.code, ran.document["error"]["code"]) == (1, "trading")
        flag = {"halted": True, "who": "jane", "why": "release", "at": "2026-11-21T10:00:00+00:00"}
        platform.put("trading/halt", flag)
        assert self.check(nautilus, "--service", "engine").code == 0
        platform.put("trading/halt", {**flag, "halted": False})
        assert self.check(nautilus, "--service", "engine").code == 1

    def test_the_gateway_in_session_and_out_of_it(self, platform: Platform, nautilus: Nautilus, clock: Clock) -> None:
        assert self.check(nautilus, "--service", "ib-gateway").code == 0
        clock(IN_SESSION)
        ran = self.check(nautilus, "--service", "ib-gateway")
        assert (ran.code, ran.document["error"]["code"]) == (1, "session")
        assert "15 minutes without trading" in ran.document["error"]["message"]

    def test_a_standby_has_the_settings_and_the_image_of_its_other(self, platform: Platform, nautilus: Nautilus, clock: Clock) -> None:
        platform.outputs["serviceNames"]["ib-gateway-standby"] = "nautilus-prod-ib-gateway-standby"
        platform.publish()
        image = platform.push("ib-gateway")
        assert self.check(nautilus, "--service", "ib-gateway-standby", "--digest", image).code == 0
        clock(IN_SESSION)
        assert self.check(nautilus, "--service", "ib-gateway-standby", "--digest", image).document["error"]["code"] == "session"

    def test_it_deploys_nothing_whoever_owns_the_image(self, platform: Platform, nautilus: Nautilus) -> None:
        ran = self.check(nautilus, "--service", "backend", "--digest", platform.push("backend"))
        assert (ran.code, deployed(platform)) == (0, [])
        assert "may be deployed now" in nautilus("rollout", "check", "--service", "backend", "--stack", "prod").out


class TestStatus:
    def test_all_is_as_asked(self, platform: Platform, nautilus: Nautilus) -> None:
        ran = nautilus("rollout", "status", "--stack", "prod", "--json")
        assert (ran.code, ran.document["asAsked"]) == (0, True)
        assert [one["service"] for one in ran.document["services"]] == ["backend", "engine", "frontend", "ib-gateway"]
        out = nautilus("rollout", "status", "--stack", "prod").out
        assert [line.split()[:2] for line in out.splitlines()] == [
            ["ok", "backend"],
            ["ok", "engine"],
            ["ok", "frontend"],
            ["ok", "ib-gateway"],
        ]

    def test_a_successful_apply_that_was_a_rollback(self, platform: Platform, nautilus: Nautilus) -> None:
        new = platform.fake.client.register_task_definition(**template("backend", f"r/backend@{digest('2')}"))["taskDefinition"]
        platform.fake.add(
            "backend",
            "ROLLBACK_SUCCESSFUL",
            new["taskDefinitionArn"],
            platform.templates["backend"],
            statusReason="hook failed: smoke test",
        )
        ran = nautilus("rollout", "status", "--stack", "prod", "--json")
        assert (ran.code, ran.document["error"]["code"]) == (1, "rolled-back")
        assert ran.document["services"][0]["outcome"] == "rolled-back"
        text = nautilus("rollout", "status", "--service", "backend", "--stack", "prod")
        assert text.code == 1
        said = " ".join(text.out.split())
        assert "the apply said success; ECS rolled back to image 111111111111" in said
        assert "hook failed: smoke test" in said
        assert nautilus("rollout", "status", "--service", "frontend", "--stack", "prod").code == 0

    def test_pulumis_template_counts_where_pulumi_owns_the_image(self, platform: Platform, nautilus: Nautilus, pipeline: str) -> None:
        new = platform.fake.client.register_task_definition(**template("backend", f"r/backend@{digest('2')}"))["taskDefinition"]
        platform.outputs["taskTemplates"]["backend"] = new["taskDefinitionArn"]
        platform.publish()
        args = ["rollout", "status", "--service", "backend", "--stack", "prod", "--json"]
        ran = nautilus(*args)
        assert (ran.code, ran.document["services"][0]["outcome"]) == (1, "other")
        assert nautilus(*args, "--config-dir", pipeline).code == 0


def lines(ran: Ran) -> list[dict[str, Any]]:
    """A watch's documents, one a line."""
    return [json.loads(line) for line in ran.out.splitlines()]


def script(*looks: dict[str, Any]) -> Callable[[FakeEcs], None]:
    """What becomes of the newest deployment at each look."""
    left = list(looks)

    def step(fake: FakeEcs) -> None:
        if left:
            change = dict(left.pop(0))
            newest = fake.deployments[-1]
            newest["targetServiceRevision"]["requestedProductionTrafficWeight"] = change.pop("weight", 0.0)
            newest |= change

    return step


class TestWatch:
    @pytest.fixture
    def rolling(self, platform: Platform) -> Platform:
        new = platform.fake.client.register_task_definition(**template("backend", f"r/backend@{digest('2')}"))["taskDefinition"]
        platform.fake.client.update_service(
            cluster="nautilus-prod-cluster", service="nautilus-prod-backend", taskDefinition=new["taskDefinitionArn"]
        )
        platform.outputs["taskTemplates"]["backend"] = new["taskDefinitionArn"]
        platform.publish()
        return platform

    def test_to_all_the_traffic(self, rolling: Platform, nautilus: Nautilus) -> None:
        hook = {"hookId": "h1", "targetType": "AWS_LAMBDA", "targetArn": "arn:aws:lambda:x:1:function:hook", "status": "IN_PROGRESS"}
        rolling.fake.on_look = script(
            {"status": "IN_PROGRESS", "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT"},
            {"weight": 10.0, "lifecycleStage": "PRODUCTION_TRAFFIC_SHIFT", "lifecycleHookDetails": [hook]},
            {"weight": 10.0},
            {"weight": 50.0},
            {"weight": 100.0, "lifecycleStage": "BAKE_TIME", "lifecycleHookDetails": []},
            {"weight": 100.0, "status": "SUCCESSFUL", "finishedAt": NOW + timedelta(minutes=20)},
        )
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod", "--json")
        assert ran.code == 0
        told = lines(ran)
        assert [line["newest"]["new"]["productionPercent"] for line in told[:-1]] == [0, 10, 50, 100, 100]
        assert told[1]["newest"]["hooks"] == [
            {"hook": "hook", "type": "AWS_LAMBDA", "status": "IN_PROGRESS", "expires": None, "onTimeOut": None}
        ]
        assert told[-1]["ended"]
        assert (told[-1]["exitCode"], told[-1]["services"]["backend"]["outcome"]) == (0, "serves")

    def test_to_a_rollback_in_plain_words(self, rolling: Platform, nautilus: Nautilus) -> None:
        rolling.fake.on_look = script(
            {"weight": 10.0, "status": "IN_PROGRESS"},
            {"weight": 0.0, "status": "ROLLBACK_IN_PROGRESS", "statusReason": "alarms detected"},
            {"weight": 0.0, "status": "ROLLBACK_SUCCESSFUL"},
        )
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod")
        assert ran.code == 1
        assert [line.split(": ")[0].split()[1] for line in ran.out.splitlines()] == ["backend"] * 3
        assert "new 10 % 2/2 tasks" in ran.out.splitlines()[0]
        last = ran.out.splitlines()[-1]
        assert "the apply said success; ECS rolled back to image 111111111111" in last
        assert "alarms detected" in last
        assert "backend does not run what was last asked for" in ran.err

    def test_all_services_at_once(self, rolling: Platform, nautilus: Nautilus) -> None:
        rolling.fake.on_look = script({"weight": 10.0, "status": "IN_PROGRESS"}, *[{"weight": 100.0, "status": "SUCCESSFUL"}] * 8)
        ran = nautilus("rollout", "watch", "--stack", "prod", "--json")
        assert ran.code == 0
        assert set(lines(ran)[-1]["services"]) == {"backend", "engine", "frontend", "ib-gateway"}

    def test_what_ran_at_first_is_followed_to_its_end(self, rolling: Platform, nautilus: Nautilus) -> None:
        first = rolling.fake.deployments[-1]

        def replaced(fake: FakeEcs) -> None:
            if len(fake.deployments) == 5:
                first["status"] = "STOPPED"
                fake.add("backend", "SUCCESSFUL", rolling.templates["backend"])

        seen = [False]

        def step(fake: FakeEcs) -> None:
            if seen[0]:
                replaced(fake)
            seen[0] = True

        rolling.fake.on_look = step
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod", "--json")
        assert (ran.code, lines(ran)[-1]["services"]["backend"]["outcome"]) == (1, "stopped")

    def test_a_named_deployment(self, rolling: Platform, nautilus: Nautilus) -> None:
        rolling.fake.deployments[-1]["status"] = "SUCCESSFUL"
        old = rolling.fake.add("backend", "ROLLBACK_SUCCESSFUL", rolling.templates["backend"])
        args = ["rollout", "watch", "--stack", "prod", "--json", "--deployment", old["serviceDeploymentArn"]]
        assert nautilus(*args, "--service", "backend").code == 1
        assert nautilus(*args).code == 2

    def test_it_gives_up_in_time(self, rolling: Platform, nautilus: Nautilus) -> None:
        rolling.fake.on_look = script({"status": "IN_PROGRESS"})
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod", "--timeout", "2", "--json")
        assert ran.code == 3
        assert (lines(ran)[-1]["error"]["code"], lines(ran)[-1]["exitCode"]) == ("timeout", 3)

    def test_a_short_outage_ends_nothing(self, rolling: Platform, nautilus: Nautilus) -> None:
        rolling.fake.errors["DescribeServiceDeployments"] = [("ServerException", "try again")] * 20
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod", "--json")
        assert (ran.code, lines(ran)[-1]["error"]["code"]) == (3, "aws")
        rolling.fake.errors["DescribeServiceDeployments"] = [("ServerException", "try again")] * 4
        rolling.fake.on_look = script({"status": "SUCCESSFUL", "weight": 100.0})
        ran = nautilus("rollout", "watch", "--service", "backend", "--stack", "prod", "--json")
        assert ran.code == 0
        assert ran.err.count("looking again") == 4

    def test_there_is_nothing_to_watch(self, platform: Platform, nautilus: Nautilus) -> None:
        platform.fake.deployments.clear()
        assert nautilus("rollout", "watch", "--service", "backend", "--stack", "prod").code == 3


class TestHistory:
    def test_deployments_with_their_reasons(self, platform: Platform, begin: Begin, nautilus: Nautilus) -> None:
        image = platform.push("backend")
        begin(image, "--why", "fills were late")
        platform.fake.deployments[-1] |= {
            "status": "ROLLBACK_SUCCESSFUL",
            "statusReason": "alarm at 10 %",
            "finishedAt": NOW + timedelta(minutes=30),
        }
        ran = nautilus("rollout", "history", "--service", "backend", "--stack", "prod", "--json")
        assert ran.code == 0
        newest, oldest = ran.document["deployments"]
        assert (newest["status"], newest["reason"], newest["new"]["digest"]) == ("ROLLBACK_SUCCESSFUL", "alarm at 10 %", image)
        assert (newest["who"], newest["why"]) == ("assumed-role/Deploy/jane", "fills were late")
        assert (oldest["status"], oldest["who"], oldest["seconds"]) == ("SUCCESSFUL", None, 900)
        out = nautilus("rollout", "history", "--stack", "prod").out
        assert "by assumed-role/Deploy/jane: fills were late" in out
        assert out.count("deployments, the newest first") == 4
        assert "rolled back" in out
        assert len(nautilus("rollout", "history", "--limit", "1", "--stack", "prod", "--json").document["deployments"]) == 4

    def test_none(self, platform: Platform, nautilus: Nautilus) -> None:
        platform.fake.deployments.clear()
        assert nautilus("rollout", "history", "--service", "backend", "--stack", "prod").out == (
            "backend: no deployment in the last 90 days\n"
        )


class TestHolding:
    def test_pause_and_continue(self, platform: Platform, nautilus: Nautilus) -> None:
        args = ("--service", "backend", "--stack", "prod", "--json")
        ran = nautilus("rollout", "pause", *args, "--why", "look at the fills")
        assert (ran.code, ran.document["deployment"]) == (0, None)
        assert platform.parameter("rollouts/backend/pause") == {
            "who": "assumed-role/Deploy/jane",
            "why": "look at the fills",
            "at": "2026-11-21T19:30:00+00:00",
        }
        assert "held by assumed-role/Deploy/jane" in nautilus("rollout", "status", "--service", "backend", "--stack", "prod").out
        gone = nautilus("rollout", "continue", *args)
        assert (gone.code, gone.document["pause"]["why"]) == (0, "look at the fills")
        assert platform.parameter("rollouts/backend/pause") is None
        again = nautilus("rollout", "continue", *args)
        assert (again.code, again.document["error"]["code"]) == (1, "not-held")

    def test_a_hook_that_waits_for_people(self, platform: Platform, nautilus: Nautilus) -> None:
        hook = {"hookId": "h1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"], lifecycleHookDetails=[hook])
        ran = nautilus("rollout", "continue", "--service", "backend", "--stack", "prod", "--json")
        assert (ran.code, ran.document["hooks"], hook["status"]) == (0, ["h1"], "SUCCEEDED")

    @pytest.mark.parametrize("command", [("pause", "--why", "look first"), ("continue",)])
    def test_a_singleton_has_nothing_to_hold(self, platform: Platform, nautilus: Nautilus, command: tuple[str, ...]) -> None:
        ran = nautilus("rollout", *command, "--service", "engine", "--stack", "prod", "--json")
        assert (ran.code, platform.parameter("rollouts/engine/pause")) == (2, None)

    @pytest.mark.parametrize("why", ["no", "x" * 501, "look at {{this}}"])
    def test_a_reason_must_be_one(self, platform: Platform, nautilus: Nautilus, why: str) -> None:
        assert nautilus("rollout", "pause", "--service", "backend", "--why", why, "--stack", "prod").code == 2
        assert platform.parameter("rollouts/backend/pause") is None


class TestAbort:
    def test_a_rollback_is_the_default(self, platform: Platform, nautilus: Nautilus) -> None:
        made = platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        ran = nautilus("rollout", "abort", "--service", "backend", "--stack", "prod", "--yes", "--json")
        assert (ran.code, ran.document["how"], made["status"]) == (0, "ROLLBACK", "ROLLBACK_REQUESTED")

    def test_ecs_refuses_to_stop_without_a_rollback(self, platform: Platform, nautilus: Nautilus) -> None:
        made = platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        ran = nautilus("rollout", "abort", "--stop", "--service", "backend", "--stack", "prod", "--yes", "--json")
        assert (ran.code, ran.document["error"]["code"], made["status"]) == (1, "not-stopped", "IN_PROGRESS")
        assert ran.document["error"]["hint"] == "nautilus rollout abort --rollback --service backend --stack prod"

    def test_nothing_is_on_its_way(self, platform: Platform, nautilus: Nautilus) -> None:
        ran = nautilus("rollout", "abort", "--service", "backend", "--stack", "prod", "--yes", "--json")
        assert (ran.code, ran.document["error"]["code"]) == (1, "nothing-runs")

    def test_nobody_says_yes(self, platform: Platform, nautilus: Nautilus) -> None:
        made = platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        assert nautilus("rollout", "abort", "--service", "backend", "--stack", "prod").code == 2
        assert made["status"] == "IN_PROGRESS"


class TestTrouble:
    def test_a_missing_permission_is_named(self, platform: Platform, nautilus: Nautilus) -> None:
        platform.fake.errors["ListServiceDeployments"] = [("AccessDeniedException", "jane may not ecs:ListServiceDeployments")]
        ran = nautilus("rollout", "status", "--stack", "prod", "--json")
        assert (ran.code, ran.document["error"]["code"]) == (3, "permission")
        assert "AWS refuses ListServiceDeployments" in ran.document["error"]["message"]

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ClientError({"Error": {"Code": "ExpiredTokenException"}}, "DescribeServices"), "credentials"),
            (ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "DescribeServices"), "aws"),
            (NoCredentialsError(), "credentials"),
            (EndpointConnectionError(endpoint_url="https://ecs"), "network"),
        ],
    )
    def test_no_answer_is_3(self, error: Exception, code: str) -> None:
        told = account.aws_trouble(error, "looking")
        assert (told.code, int(told.exit_code)) == (code, 3)

    def test_a_stack_that_is_not_up(self, session: CachedSession, aws_session: Configured, nautilus: Nautilus) -> None:
        assert session
        assert aws_session
        ran = nautilus("rollout", "status", "--stack", "prod", "--json")
        assert (ran.code, ran.document["error"]["hint"]) == (1, "nautilus up --stack prod")

    @pytest.mark.parametrize("stack", ["local", "account"])
    def test_stacks_without_rollouts(self, nautilus: Nautilus, stack: str) -> None:
        assert nautilus("rollout", "status", "--stack", stack).code == 2
        assert nautilus("rollout", "status").code == 2


SERVICE = f"{PREFIX}nautilus:platform$nautilus:service$aws:ecs/service:Service::backend-service"


class TestUp:
    """An `up` has only handed a new version to ECS, and says where to see what becomes of it."""

    @pytest.mark.parametrize(
        ("steps", "told"),
        [
            ([step("update", SERVICE)], True),
            ([step("create", SERVICE), step("create", VPC)], True),
            ([step("same", SERVICE)], False),
            ([], False),
        ],
    )
    def test_it_names_the_watch(self, nautilus: Nautilus, fake: Engines, aws: dict[str, str], steps: list[Step], told: bool) -> None:
        aws["account"] = load_stack("prod", ROOT).account.id
        fake.engine.answers["up"] = result(Verb.UP, steps)
        document = nautilus("up", "--stack", "prod", "--yes", "--json").document
        assert any(hint.startswith("nautilus rollout watch --stack prod") for hint in document["next"]) is told

    def test_not_in_the_simulation(self, nautilus: Nautilus, fake: Engines) -> None:
        fake.engine.answers["up"] = result(Verb.UP, [step("update", SERVICE)])
        assert not any("rollout" in hint for hint in nautilus("up", "--json").document["next"])


def service_step(name: str, *paths: str, op: str = "update") -> Step:
    """A step on an ECS service of this name that changes these properties."""
    made = step(op, f"{PREFIX}nautilus:platform$nautilus:x$aws:ecs/service:Service::{name}-service", replaces=paths)
    found = replace(state(made.urn), inputs={"name": f"nautilus-prod-{name}"})
    return replace(made, new=found, old=found)


class TestUpGuard:
    """No hook is asked for a singleton: `up` itself looks at the calendar."""

    def up(self, nautilus: Nautilus, fake: Engines, *steps: Step, more: tuple[str, ...] = ()) -> Ran:
        fake.engine.answers["preview"] = result(Verb.PREVIEW, steps)
        return nautilus("up", "--stack", "prod", "--yes", "--json", *more)

    def test_a_singleton_is_not_deployed_in_session(self, platform: Platform, nautilus: Nautilus, fake: Engines, clock: Clock) -> None:
        changed = service_step("ib-gateway", "taskDefinition")
        clock(IN_SESSION)
        ran = self.up(nautilus, fake, changed)
        assert (ran.code, ran.document["error"]["code"]) == (1, "session")
        assert 'nautilus up --in-session "…" --stack prod' in ran.document["error"]["hint"]
        assert fake.engine.operations == ["preview"]
        clock(NOW)
        assert self.up(nautilus, fake, changed).code == 0
        assert fake.engine.operations[-1] == "up"
        assert platform.parameter("rollouts/ib-gateway/override") is None

    def test_a_reason_lets_it_through_and_the_hook_hears_of_it(
        self, platform: Platform, nautilus: Nautilus, fake: Engines, clock: Clock
    ) -> None:
        clock(IN_SESSION)
        steps = (service_step("ib-gateway", "taskDefinition"), service_step("backend", "taskDefinition"))
        assert self.up(nautilus, fake, *steps).code == 1
        assert self.up(nautilus, fake, *steps, more=("--in-session", "no")).code == 2
        ran = self.up(nautilus, fake, *steps, more=("--in-session", "orders are lost"))
        assert ran.code == 0, ran.out
        assert platform.parameter("rollouts/backend/override")["why"] == "orders are lost"
        assert platform.parameter("rollouts/ib-gateway/override") is None
        assert "in session: nyse trades" in ran.err

    def test_a_live_engine_must_be_halted(self, platform: Platform, nautilus: Nautilus, fake: Engines) -> None:
        changed = service_step("engine", "taskDefinition")
        assert self.up(nautilus, fake, changed).document["error"]["code"] == "trading"
        platform.put("trading/halt", {"halted": True, "who": "jane", "why": "release", "at": "2026-11-21T10:00:00+00:00"})
        assert self.up(nautilus, fake, changed).code == 0

    def test_two_at_once(self, platform: Platform, nautilus: Nautilus, fake: Engines) -> None:
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        assert self.up(nautilus, fake, service_step("backend", "taskDefinition")).document["error"]["code"] == "busy"
        assert self.up(nautilus, fake, service_step("frontend", "taskDefinition")).code == 0

    @pytest.mark.parametrize(
        "quiet",
        [
            service_step("engine", "deploymentConfiguration.bakeTimeInMinutes", "tags.Owner"),
            service_step("engine", op="create"),
            service_step("engine", op="same"),
            service_step("engine", op="delete"),
        ],
    )
    def test_what_deploys_nothing_is_let_through(
        self, platform: Platform, nautilus: Nautilus, fake: Engines, clock: Clock, quiet: Step
    ) -> None:
        assert platform
        clock(IN_SESSION)
        fake.engine.answers["preview"] = result(Verb.PREVIEW, [quiet])
        ran = nautilus("up", "--stack", "prod", "--yes", "--json")
        assert ran.code == 0, ran.out


class TestScreen:
    """What a person sees while it runs, at two widths."""

    @pytest.mark.parametrize("width", [100, 60])
    def test_a_running_deployment(self, platform: Platform, width: int) -> None:
        hook = {
            "hookId": "h1",
            "targetType": "AWS_LAMBDA",
            "targetArn": "arn:aws:lambda:x:1:function:nautilus-prod-rollout-hook",
            "status": "IN_PROGRESS",
            "expiresAt": NOW + timedelta(minutes=30),
            "timeoutAction": "ROLLBACK",
        }
        platform.fake.add(
            "backend",
            "IN_PROGRESS",
            platform.templates["backend"],
            platform.templates["backend"],
            weight=10.0,
            lifecycleStage="PRODUCTION_TRAFFIC_SHIFT",
            lifecycleHookDetails=[hook],
            alarms={"status": "MONITORING", "alarmNames": ["backend-rollout-errors"]},
        )
        platform.put("rollouts/backend/pause", {"who": "jane", "why": "look first", "at": "2026-11-21T19:00:00+00:00"})
        view = look(platform.clients, platform.cloudwatch, platform.facts, "backend", pulumi_owns=False)
        console = Console(width=width, file=io.StringIO(), force_terminal=False)
        console.print(watch_view([view], NOW + timedelta(minutes=10)))
        shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
        assert max(map(len, shown.splitlines())) <= width
        flat = " ".join(shown.split())
        assert "new █·········  10 % 2/2 tasks" in flat.replace("  ", " ").replace("· 10", "·  10")
        assert "old █████████·  90 %" in flat.replace("· 90", "·  90")
        assert "nautilus-prod-rollout-hook IN_PROGRESS until 20:00 UTC, then ROLLBACK" in flat
        assert "held by jane" in flat
        assert "backend-rollout-errors MISSING" in flat

    def test_a_terminal_gets_a_live_block(self, platform: Platform, nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
        class Screen(io.StringIO):
            def isatty(self) -> bool:
                return True

        screen = Screen()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stdout", screen)
        assert nautilus("rollout", "watch", "--service", "backend", "--stack", "prod").code == 0
        assert "serves 100 %" in screen.getvalue()
        assert "\x1b[" in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (330, "5 min 30 s"), (3600, "1 h"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_little_traffic_is_seen() -> None:
    assert (bar(0), bar(1), bar(50), bar(100)) == ("·" * 10, "█" + "·" * 9, "█" * 5 + "·" * 5, "█" * 10)
