"""Rollouts on moto: what is refused and what is not, what a start changes, and whether a service runs what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from infra.plan.trading_calendar import guard
from infra.settings.trading import Trading
from nautilus.ops.rollout import deployments, records
from nautilus.ops.rollout.alarms import alarm_states
from nautilus.ops.rollout.definitions import BY_TAG, WHY_TAG, CannotCopyError, copy_of, tag_value
from nautilus.ops.rollout.facts import NotReadyError, read_facts
from nautilus.ops.rollout.gate import Rules, ask
from nautilus.ops.rollout.look import look
from nautilus.ops.rollout.orders import orders
from nautilus.ops.rollout.start import NotStartedError, NotStoppedError, go_on, running, start, stop
from nautilus.ops.rollout.verdict import Outcome, judge
from tests.ops.conftest import CachedSession
from tests.ops.rollout_fake import NOW, ROOT, DriftError, FakeEcs, Platform, check_answer, digest, platform_on, template

IN_SESSION = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
"""A Monday, 11:00 in New York."""
GUARD = guard(Trading.model_validate({"deployGuard": "refuse"}), minutes=25)
CRITICAL: dict[str, Any] = {
    "findings": [{"name": "CVE-2026-1", "severity": "CRITICAL"}, {"name": "CVE-2026-2", "severity": "HIGH"}],
    "findingSeverityCounts": {"CRITICAL": 1, "HIGH": 1},
}


@pytest.fixture
def platform(session: CachedSession) -> Iterator[Platform]:
    with platform_on(session) as made:
        yield made


def codes(platform: Platform, service: str = "backend", rules: Rules | None = None, **more: Any) -> list[str]:
    """What the gate objects to."""
    asked: dict[str, Any] = {"digest": None, "now": NOW, "in_session": False, **more}
    return [one.code for one in ask(platform.clients, platform.facts, rules or Rules(), service, **asked).objections]


class TestTheFakeItself:
    """A fake that AWS could not be would prove nothing."""

    @pytest.mark.parametrize(
        "wrong",
        [
            {"serviceDeployment": []},
            {"serviceDeployments": [{"status": "DONE"}]},
            {"serviceDeployments": [{"targetServiceRevision": {"requestedProductionTrafficWeight": "10"}}]},
            {"serviceDeployments": [{"lifecycleHookDetails": [{"hook": "x"}]}]},
        ],
    )
    def test_an_answer_that_aws_could_not_give_is_refused(self, platform: Platform, wrong: dict[str, Any]) -> None:
        model: OperationModel = platform.fake.client.meta.service_model.operation_model("DescribeServiceDeployments")
        with pytest.raises(DriftError):
            check_answer(model, wrong)
        check_answer(model, {"serviceDeployments": [{"status": "IN_PROGRESS"}], "failures": []})

    def test_a_request_that_aws_would_not_take_is_refused(self, platform: Platform) -> None:
        with pytest.raises(Exception, match="serviceDeploymentArns"):
            platform.fake.client.describe_service_deployments()


class TestFacts:
    def test_what_the_stack_published(self, platform: Platform) -> None:
        facts = platform.facts
        assert (facts.cluster, list(facts.services)) == ("nautilus-prod-cluster", ["backend", "engine", "frontend", "ib-gateway"])
        assert facts.templates == platform.templates
        assert facts.record("backend", "pause") == "/nautilus/prod/rollouts/backend/pause"

    def test_a_stack_that_is_not_up(self, platform: Platform) -> None:
        with pytest.raises(NotReadyError, match="not up"):
            read_facts(platform.session.client("ssm"), "/nautilus/paper")
        platform.put("outputs/serviceNames", "null")
        with pytest.raises(NotReadyError, match="foundation"):
            read_facts(platform.session.client("ssm"), ROOT)


class TestGate:
    def test_nothing_speaks_against_a_scanned_image_on_a_saturday(self, platform: Platform) -> None:
        platform.fake.add("backend", "SUCCESSFUL", platform.templates["backend"])
        rules = Rules(guard=GUARD, migrations="checked", live=True)
        assert codes(platform, rules=rules, digest=platform.push("backend")) == []

    @pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
    def test_a_deployment_that_has_not_ended(self, platform: Platform, status: str) -> None:
        platform.fake.add("backend", status, platform.templates["backend"])
        assert codes(platform) == ["busy"]
        assert codes(platform, "frontend") == []

    @pytest.mark.parametrize("status", ["SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"])
    def test_one_that_has_ended_stops_nobody(self, platform: Platform, status: str) -> None:
        platform.fake.add("backend", status, platform.templates["backend"])
        assert codes(platform) == []

    def test_a_failed_migration(self, platform: Platform) -> None:
        record = {
            "digest": digest("2"),
            "status": "failed",
            "who": "jane",
            "at": "2026-11-21T10:00:00+00:00",
            "detail": "row counts differ",
        }
        platform.put("migrations/backend", record)
        answer = ask(platform.clients, platform.facts, Rules(migrations="checked"), "backend", digest=None, now=NOW, in_session=False)
        assert [one.code for one in answer.objections] == ["migration"]
        assert "row counts differ" in answer.objections[0].text
        assert codes(platform, rules=Rules(migrations="off")) == []
        # The way back to an older image stays open; the failed one's own does not.
        image = platform.push("backend")
        assert codes(platform, rules=Rules(migrations="checked"), digest=image) == []
        platform.put("migrations/backend", {**record, "digest": image})
        assert codes(platform, rules=Rules(migrations="checked"), digest=image) == ["migration"]
        platform.put("migrations/backend", {**record, "status": "executed"})
        assert codes(platform, rules=Rules(migrations="checked")) == []

    @pytest.mark.parametrize("text", ["{", "[]", '{"status": "fine", "digest": "x"}', '{"status": "executed"}'])
    def test_an_unreadable_migration_record_counts_as_failed(self, platform: Platform, text: str) -> None:
        platform.put("migrations/backend", text)
        assert codes(platform, rules=Rules(migrations="checked")) == ["migration"]

    def test_where_a_migration_is_required_it_must_be_this_images(self, platform: Platform) -> None:
        image, rules = platform.push("backend"), Rules(migrations="required")
        assert codes(platform, rules=rules, digest=image) == ["migration"]
        record = {"digest": digest("2"), "status": "executed", "who": "", "at": "", "detail": ""}
        platform.put("migrations/backend", record)
        assert codes(platform, rules=rules, digest=image) == ["migration"]
        platform.put("migrations/backend", {**record, "digest": image, "status": "checked"})
        assert codes(platform, rules=rules, digest=image) == ["migration"]
        platform.put("migrations/backend", {**record, "digest": image})
        assert codes(platform, rules=rules, digest=image) == []

    def test_a_migration_that_was_only_checked_is_told(self, platform: Platform) -> None:
        image = platform.push("backend")
        platform.put("migrations/backend", {"digest": image, "status": "checked", "who": "", "at": "", "detail": ""})
        answer = ask(platform.clients, platform.facts, Rules(migrations="checked"), "backend", digest=image, now=NOW, in_session=False)
        assert answer.open
        assert "not executed" in answer.notices[0]

    def test_a_venue_in_session(self, platform: Platform) -> None:
        rules = Rules(guard=GUARD)
        answer = ask(platform.clients, platform.facts, rules, "engine", digest=None, now=IN_SESSION, in_session=False)
        assert [one.code for one in answer.objections] == ["session"]
        assert "wait until 2026-11-23 21:00 UTC" in answer.objections[0].repair
        assert codes(platform, rules=rules, now=IN_SESSION + timedelta(hours=6)) == []
        # It must end before the next session opens.
        assert codes(platform, rules=rules, now=IN_SESSION.replace(hour=14, minute=20)) == ["session"]
        assert codes(platform, rules=rules, now=IN_SESSION.replace(hour=14, minute=0)) == []

    def test_somebody_takes_a_session_on(self, platform: Platform) -> None:
        answer = ask(platform.clients, platform.facts, Rules(guard=GUARD), "backend", digest=None, now=IN_SESSION, in_session=True)
        assert answer.open
        assert answer.notices[0].startswith("in session: nyse trades")

    def test_an_unreadable_calendar_refuses(self, platform: Platform) -> None:
        assert codes(platform, rules=Rules(guard={"mode": "refuse", "minutes": 25, "calendar": {}})) == ["session"]
        assert codes(platform, rules=Rules(guard={"mode": "refuse"})) == ["session"]

    def test_a_live_engine_must_be_halted_in_clear_words(self, platform: Platform) -> None:
        flag = {"halted": False, "who": "jane", "why": "", "at": "2026-11-21T10:00:00+00:00"}
        live = Rules(live=True)
        assert codes(platform, "engine", live) == ["trading"]
        platform.put("trading/halt", flag)
        assert codes(platform, "engine", live) == ["trading"]
        platform.put("trading/halt", "halted")
        assert codes(platform, "engine", live) == ["trading"]
        assert codes(platform, "engine", Rules()) == []
        assert codes(platform, "backend", live) == []
        platform.put("trading/halt", {**flag, "halted": True})
        assert codes(platform, "engine", live) == []

    def test_every_reason_is_told_at_once(self, platform: Platform) -> None:
        platform.fake.add("engine", "IN_PROGRESS", platform.templates["engine"])
        rules = Rules(guard=GUARD, live=True)
        assert codes(platform, "engine", rules, digest=digest("9"), now=IN_SESSION) == ["busy", "no-image", "session", "trading"]


class TestImages:
    """The image's own gate is tested in test_images; here is what rollouts make of its answers."""

    def look(self, platform: Platform, found: str, **more: Any) -> list[str]:
        return codes(platform, rules=Rules(**more), digest=found)

    def test_an_image_that_is_not_there(self, platform: Platform) -> None:
        assert self.look(platform, digest("9")) == ["no-image"]
        platform.session.client("ecr").delete_repository(repositoryName="nautilus-prod/backend", force=True)
        assert self.look(platform, digest("9")) == ["no-repository"]
        del platform.outputs["repositoryUrls"]["backend"]
        platform.publish()
        assert self.look(platform, digest("9")) == ["no-repository"]

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("COMPLETE", []),
            ("ACTIVE", []),
            ("IN_PROGRESS", ["scan-runs"]),
            ("PENDING", ["scan-runs"]),
            ("FAILED", ["image"]),
            ("UNSUPPORTED_IMAGE", ["image"]),
        ],
    )
    def test_a_scan_must_be_done(self, platform: Platform, status: str, expected: list[str]) -> None:
        assert self.look(platform, platform.push("backend", status=status)) == expected

    def test_an_image_that_was_never_scanned(self, platform: Platform) -> None:
        assert self.look(platform, platform.push("backend", scanned=False)) == ["image"]

    def test_critical_findings_unless_they_are_accepted_today(self, platform: Platform) -> None:
        found = platform.push("backend", CRITICAL)
        assert self.look(platform, found) == ["image"]
        assert self.look(platform, found, accepted={"CVE-2026-1": NOW.date() - timedelta(days=1)}) == ["image"]
        rules = Rules(accepted={"CVE-2026-1": NOW.date()})
        answer = ask(platform.clients, platform.facts, rules, "backend", digest=found, now=NOW, in_session=False)
        assert (answer.open, answer.notices) == (True, ("accepted critical findings (registry.acceptFindings): CVE-2026-1",))

    def test_of_an_index_the_image_that_runs_is_judged(self, platform: Platform) -> None:
        clean, bad = platform.push("backend"), platform.push("backend", CRITICAL)
        index = platform.push_index("backend", arm64=clean, amd64=bad)
        assert self.look(platform, index) == []
        assert self.look(platform, index, processor="X86_64") == ["image"]

    def test_where_signatures_are_required_a_profile_must_be_known(self, platform: Platform) -> None:
        assert self.look(platform, platform.push("backend"), signed=True) == ["no-profile"]


class TestCopies:
    def test_only_the_main_containers_image_differs(self, platform: Platform) -> None:
        ecs = platform.fake.client
        answer = ecs.describe_task_definition(taskDefinition=platform.templates["backend"], include=["TAGS"])
        request = copy_of(
            ecs, answer["taskDefinition"], answer["tags"], container="backend", image="new@" + digest("2"), more_tags={BY_TAG: "jane"}
        )
        registered = ecs.register_task_definition(**request)["taskDefinition"]
        old = answer["taskDefinition"]
        assert registered["revision"] == old["revision"] + 1
        for key in ("family", "taskRoleArn", "executionRoleArn", "networkMode", "cpu", "memory", "volumes", "runtimePlatform"):
            assert registered[key] == old[key], key
        main, sidecar = registered["containerDefinitions"]
        assert main == {**old["containerDefinitions"][0], "image": "new@" + digest("2")}
        assert sidecar == old["containerDefinitions"][1]
        assert request["tags"] == [{"key": "Environment", "value": "prod"}, {"key": BY_TAG, "value": "jane"}]

    def test_what_only_an_answer_has_is_left_out(self, platform: Platform) -> None:
        definition: dict[str, Any] = {
            **template("backend", "x"),
            "revision": 3,
            "status": "ACTIVE",
            "registeredAt": NOW,
            "requiresAttributes": [],
            "compatibilities": [],
        }
        request = copy_of(platform.fake.client, definition, [], container="backend", image="y", more_tags={})
        assert not {"revision", "status", "registeredAt", "requiresAttributes", "compatibilities"} & request.keys()
        assert definition["containerDefinitions"][0]["image"] == "x"

    def test_an_older_copys_reason_is_not_kept(self, platform: Platform) -> None:
        tags = [{"key": WHY_TAG, "value": "old"}, {"key": "aws:ecs:x", "value": "theirs"}, {"key": "Owner", "value": "desk"}]
        request = copy_of(platform.fake.client, template("backend", "x"), tags, container="backend", image="y", more_tags={WHY_TAG: ""})
        assert request["tags"] == [{"key": "Owner", "value": "desk"}]

    def test_no_such_container_and_no_room(self, platform: Platform) -> None:
        with pytest.raises(CannotCopyError, match="no container api, only backend, collector"):
            copy_of(platform.fake.client, template("backend", "x"), [], container="api", image="y", more_tags={})
        tags = [{"key": f"k{number}", "value": ""} for number in range(50)]
        with pytest.raises(CannotCopyError, match="50"):
            copy_of(platform.fake.client, template("backend", "x"), tags, container="backend", image="y", more_tags={BY_TAG: "jane"})

    def test_a_reason_as_a_tag(self) -> None:
        assert tag_value('fix #12: "late" fills {now}; 5 % (a/b)') == "fix 12: late fills now 5 a/b"
        assert len(tag_value("x" * 400)) == 256


def begin(platform: Platform, service: str = "backend", image: str | None = None, why: str = "a better price") -> Any:
    return start(
        platform.clients,
        platform.facts,
        service,
        image or platform.push(service),
        who="assumed-role/Deploy/jane",
        why=why,
        now=lambda: NOW,
        sleep=lambda _seconds: None,
    )


class TestStart:
    def test_a_copy_of_the_template_is_deployed(self, platform: Platform) -> None:
        old = platform.fake.add("backend", "SUCCESSFUL", platform.templates["backend"])
        image = platform.push("backend")
        done = begin(platform, image=image)
        live = deployments.live(platform.fake.client, platform.facts.cluster, "nautilus-prod-backend")
        assert live.task_definition == done.task_definition != platform.templates["backend"]
        assert done.image.endswith(f"/nautilus-prod/backend@{image}")
        assert done.deployment not in (None, old["serviceDeploymentArn"])
        (one,) = deployments.describe(platform.fake.client, [str(done.deployment)], container="backend")
        assert (one.status, one.target.digest, one.target.task_definition) == ("PENDING", image, done.task_definition)
        order = orders(platform.fake.client, [one])[one.arn]
        assert order.sentence == "by assumed-role/Deploy/jane: a better price"

    def test_a_singleton_keeps_its_percentages(self, platform: Platform) -> None:
        done = begin(platform, "engine")
        asked = [params for name, params in platform.fake.calls if name == "UpdateService"]
        assert asked == [{"cluster": "nautilus-prod-cluster", "service": "nautilus-prod-engine", "taskDefinition": done.task_definition}]

    def test_who_is_slower_deploys_nothing(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        register = platform.fake.client.register_task_definition

        def meanwhile(**request: Any) -> Any:
            answer = register(**request)
            platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
            return answer

        monkeypatch.setattr(platform.fake.client, "register_task_definition", meanwhile)
        with pytest.raises(NotStartedError, match="already in progress, since 19:31 UTC") as caught:
            begin(platform)
        assert caught.value.code == "busy"
        live = deployments.live(platform.fake.client, platform.facts.cluster, "nautilus-prod-backend")
        assert live.task_definition == platform.templates["backend"]
        listed = platform.fake.client.list_task_definitions(familyPrefix="nautilus-prod-backend", status="ACTIVE")
        assert listed["taskDefinitionArns"] == [platform.templates["backend"]]

    def test_without_a_template_nothing_starts(self, platform: Platform) -> None:
        platform.outputs["taskTemplates"] = {"backend": platform.templates["backend"].replace(":1", ":99")}
        platform.publish()
        with pytest.raises(NotStartedError, match="no task definition"):
            begin(platform)
        with pytest.raises(NotStartedError, match="no template of frontend"):
            begin(platform, "frontend")
        platform.outputs["taskTemplates"] = platform.templates
        platform.publish()
        platform.fake.client.deregister_task_definition(taskDefinition=platform.templates["backend"])
        with pytest.raises(NotStartedError, match="no longer active"):
            begin(platform)

    def test_a_deployment_that_ecs_does_not_list_in_time(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter(NOW + timedelta(seconds=20 * number) for number in range(100))
        image = platform.push("backend")
        waits: list[float] = []
        hidden = platform.fake.answer

        def nothing(operation: str, asked: Any) -> Any:
            return {"serviceDeployments": []} if operation == "ListServiceDeployments" else hidden(operation, asked)

        monkeypatch.setattr(platform.fake, "answer", nothing)
        done = start(platform.clients, platform.facts, "backend", image, who="jane", why="", now=lambda: next(clock), sleep=waits.append)
        assert done.deployment is None
        assert waits == [2, 2]


class TestDeployments:
    def test_pages_are_followed_and_the_newest_comes_first(self, platform: Platform) -> None:
        template_arn = platform.templates["backend"]
        for number in range(5):
            platform.fake.add("backend", "SUCCESSFUL", template_arn, createdAt=NOW + timedelta(hours=(number * 3) % 5))
        platform.fake.add("frontend", "SUCCESSFUL", platform.templates["frontend"])
        found = deployments.history(platform.fake.client, platform.facts.cluster, "nautilus-prod-backend", container="backend", limit=4)
        assert [one.created for one in found] == [NOW + timedelta(hours=hour) for hour in (4, 3, 2, 1)]
        lists = [asked for name, asked in platform.fake.calls if name == "ListServiceDeployments"]
        assert [asked.get("nextToken") for asked in lists] == [None, "2", "4"]

    def test_more_than_twenty_are_described_in_turns(self, platform: Platform) -> None:
        for _ in range(23):
            platform.fake.add("backend", "SUCCESSFUL", platform.templates["backend"])
        platform.fake.page = 100
        found = deployments.history(platform.fake.client, platform.facts.cluster, "nautilus-prod-backend", container="backend", limit=50)
        sizes = [len(asked["serviceDeploymentArns"]) for name, asked in platform.fake.calls if name == "DescribeServiceDeployments"]
        assert (len(found), sizes) == (23, [20, 3])

    def test_an_unknown_deployment_or_service(self, platform: Platform) -> None:
        with pytest.raises(deployments.UnseenError, match="MISSING"):
            deployments.describe(platform.fake.client, ["arn:none"], container="backend")
        with pytest.raises(deployments.UnseenError, match="no service"):
            deployments.live(platform.fake.client, platform.facts.cluster, "nautilus-prod-other")

    def test_reasons_are_told_once(self, platform: Platform) -> None:
        made = platform.fake.add(
            "backend",
            "ROLLBACK_SUCCESSFUL",
            platform.templates["backend"],
            statusReason="alarms detected.",
            rollback={"reason": "alarms detected", "startedAt": NOW},
            alarms={"status": "TRIGGERED", "alarmNames": ["a", "b"], "triggeredAlarmNames": ["b"]},
        )
        (one,) = deployments.describe(platform.fake.client, [made["serviceDeploymentArn"]], container="backend")
        assert one.why == "alarms detected; in alarm: b"
        assert one.seconds == 900


def seen(platform: Platform, service: str = "backend", *, pulumi: bool = True) -> Any:
    return look(platform.clients, platform.cloudwatch, platform.facts, service, pulumi_owns=pulumi)


class TestVerdict:
    @pytest.fixture
    def two(self, platform: Platform) -> tuple[str, str]:
        """The old and the new task definition; the service names the old one."""
        new = platform.fake.client.register_task_definition(**template("backend", f"r/backend@{digest('2')}"))
        return platform.templates["backend"], new["taskDefinition"]["taskDefinitionArn"]

    def name(self, platform: Platform, definition: str) -> None:
        """Let the service name this task definition, without a deployment."""
        from moto.ecs.models import ecs_backends

        from tests.ops.conftest import ACCOUNT, REGION

        ecs_backends[ACCOUNT][REGION].services["nautilus-prod-cluster:nautilus-prod-backend"].task_definition = definition

    def test_what_was_asked_for_serves(self, platform: Platform, two: tuple[str, str]) -> None:
        old, new = two
        platform.fake.add("backend", "SUCCESSFUL", new, old)
        self.name(platform, new)
        platform.outputs["taskTemplates"]["backend"] = new
        platform.publish()
        view = seen(platform)
        assert (view.verdict.outcome, view.verdict.ok, view.digest) == (Outcome.SERVES, True, digest("2"))
        assert "serves 100 % of the traffic" in view.verdict.text

    @pytest.mark.parametrize(
        ("status", "outcome", "words"),
        [
            ("ROLLBACK_SUCCESSFUL", Outcome.ROLLED_BACK, "ECS rolled back to image 111111111111"),
            ("ROLLBACK_FAILED", Outcome.ROLLBACK_FAILED, "ECS failed to roll back"),
            ("ROLLBACK_IN_PROGRESS", Outcome.GOING_BACK, "ECS is rolling back"),
            ("ROLLBACK_REQUESTED", Outcome.GOING_BACK, "ECS is rolling back"),
            ("STOPPED", Outcome.STOPPED, "stopped on its way"),
        ],
    )
    def test_a_rollback_is_no_success(self, platform: Platform, two: tuple[str, str], status: str, outcome: Outcome, words: str) -> None:
        old, new = two
        platform.fake.add("backend", "SUCCESSFUL", old)
        platform.fake.add("backend", status, new, old, statusReason="hook failed")
        view = seen(platform, pulumi=False)
        assert (view.verdict.outcome, view.verdict.ok) == (outcome, False)
        assert words in view.verdict.text
        assert "image 222222222222" in view.verdict.text
        assert "hook failed" in view.verdict.text
        # Only an `up` has said anything before.
        assert "the apply said success" not in view.verdict.text
        assert ("the apply said success" in seen(platform).verdict.text) is (status != "STOPPED")

    def test_a_restart_that_was_refused(self, platform: Platform) -> None:
        same = platform.templates["backend"]
        platform.fake.add("backend", "ROLLBACK_SUCCESSFUL", same, same, statusReason="nyse trades")
        verdict = seen(platform).verdict
        assert (verdict.outcome, verdict.ok) == (Outcome.ROLLED_BACK, False)
        assert "a restart of image 111111111111" in verdict.text
        assert "rolled back to the tasks before: nyse trades" in verdict.text

    def test_pulumi_asked_for_another_one(self, platform: Platform, two: tuple[str, str]) -> None:
        old, new = two
        platform.fake.add("backend", "SUCCESSFUL", old)
        platform.outputs["taskTemplates"]["backend"] = new
        platform.publish()
        assert seen(platform).verdict.outcome is Outcome.OTHER
        assert "Pulumi last asked for nautilus-prod-backend:2" in seen(platform).verdict.text
        # Where a pipeline owns the image, Pulumi's template is not what should run.
        assert seen(platform, pulumi=False).verdict.outcome is Outcome.SERVES

    def test_the_service_names_something_else_than_its_deployment_brought(self, platform: Platform, two: tuple[str, str]) -> None:
        old, new = two
        platform.fake.add("backend", "SUCCESSFUL", new, old)
        assert seen(platform, pulumi=False).verdict.outcome is Outcome.OTHER

    def test_a_success_without_all_the_traffic_is_none(self, platform: Platform) -> None:
        platform.fake.add("backend", "SUCCESSFUL", platform.templates["backend"], weight=50.0)
        assert seen(platform).verdict.outcome is Outcome.OTHER

    def test_a_rolling_singleton_has_tasks_instead_of_weights(self, platform: Platform) -> None:
        made = platform.fake.add("engine", "SUCCESSFUL", platform.templates["engine"], weight=0.0)
        made["deploymentConfiguration"] = {"strategy": "ROLLING", "minimumHealthyPercent": 0, "maximumPercent": 100}
        view = seen(platform, "engine")
        assert (view.verdict.outcome, view.verdict.text.endswith("serves 2 of 2 tasks")) == (Outcome.SERVES, True)

    def test_without_a_deployment_in_ecs_memory(self, platform: Platform, two: tuple[str, str]) -> None:
        assert seen(platform).verdict.outcome is Outcome.UNKNOWN
        assert judge(None, None).ok
        platform.outputs["taskTemplates"]["backend"] = two[1]
        platform.publish()
        assert seen(platform).verdict.outcome is Outcome.OTHER

    def test_alarms_and_pauses_are_seen(self, platform: Platform) -> None:
        for name in ("a", "b"):
            platform.cloudwatch.put_metric_alarm(
                AlarmName=name,
                Namespace="N",
                MetricName="M",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        platform.cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
        platform.cloudwatch.set_alarm_state(AlarmName="b", StateValue="OK", StateReason="test")
        assert alarm_states(platform.cloudwatch, ["a", "b", "c"]) == {"a": "ALARM", "b": "OK", "c": "MISSING"}
        platform.fake.add(
            "backend", "IN_PROGRESS", platform.templates["backend"], alarms={"status": "MONITORING", "alarmNames": ["a", "b", "c"]}
        )
        records.put_pause(platform.session.client("ssm"), platform.facts, "backend", who="jane", why="look first", at=NOW)
        view = seen(platform)
        assert view.ringing == ["a", "c"]
        assert view.pause is not None
        assert view.as_document()["pause"]["why"] == "look first"


class TestRecords:
    def test_the_longest_reason_fits_into_a_parameter_in_any_script(self, platform: Platform) -> None:
        ssm, why = platform.session.client("ssm"), "\U0001f6d1" * records.LONGEST_WHY
        assert records.put_pause(ssm, platform.facts, "backend", who="jane", why=why, at=NOW).why == why
        found = ssm.get_parameter(Name=platform.facts.record("backend", "pause"))["Parameter"]["Value"]
        assert len(found.encode()) < 4096
        pause = records.read_pause(ssm, platform.facts, "backend")
        assert pause is not None
        assert pause.why == why

    def test_a_pause_comes_and_goes(self, platform: Platform) -> None:
        ssm, facts = platform.session.client("ssm"), platform.facts
        assert records.read_pause(ssm, facts, "backend") is None
        records.put_pause(ssm, facts, "backend", who="jane", why="look first", at=NOW)
        assert platform.parameter("rollouts/backend/pause") == {"who": "jane", "why": "look first", "at": "2026-11-21T19:30:00+00:00"}
        assert records.delete_pause(ssm, facts, "backend")
        assert not records.delete_pause(ssm, facts, "backend")

    @pytest.mark.parametrize("text", ["{", '"stop"', '{"who": "jane"}'])
    def test_an_unreadable_pause_holds_too(self, platform: Platform, text: str) -> None:
        platform.put("rollouts/backend/pause", text)
        found = records.read_pause(platform.session.client("ssm"), platform.facts, "backend")
        assert found is not None
        assert not found.readable

    def test_an_override_ends_within_an_hour(self, platform: Platform) -> None:
        ssm, facts = platform.session.client("ssm"), platform.facts
        until = records.put_override(ssm, facts, "backend", who="jane", why="fills are lost", now=NOW)
        assert until == NOW + timedelta(hours=1)
        written = platform.parameter("rollouts/backend/override")
        assert written == {"who": "jane", "why": "fills are lost", "until": "2026-11-21T20:30:00+00:00"}
        assert datetime.fromisoformat(written["until"]) == until


class TestStopping:
    def test_a_rollback(self, platform: Platform) -> None:
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        one = running(platform.clients, platform.facts, "backend")
        assert one is not None
        stop(platform.clients, one, roll_back=True)
        assert platform.fake.deployments[0]["status"] == "ROLLBACK_REQUESTED"
        assert ("StopServiceDeployment", {"serviceDeploymentArn": one.arn, "stopType": "ROLLBACK"}) in platform.fake.calls

    def test_what_ecs_does_not_take_is_told(self, platform: Platform) -> None:
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
        one = running(platform.clients, platform.facts, "backend")
        assert one is not None
        with pytest.raises(NotStoppedError, match="ABORT"):
            stop(platform.clients, one, roll_back=False)
        platform.fake.errors["StopServiceDeployment"] = [("AccessDeniedException", "no")]
        with pytest.raises(ClientError, match="AccessDenied"):
            stop(platform.clients, one, roll_back=True)

    def test_a_hook_that_waits_for_people_is_told_to_go_on(self, platform: Platform) -> None:
        hooks = [
            {"hookId": "h1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"},
            {"hookId": "h2", "targetType": "AWS_LAMBDA", "targetArn": "arn:aws:lambda:x:1:function:hook", "status": "IN_PROGRESS"},
        ]
        platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"], lifecycleHookDetails=hooks)
        one = running(platform.clients, platform.facts, "backend")
        assert one is not None
        assert go_on(platform.clients, one) == ["h1"]
        again = running(platform.clients, platform.facts, "backend")
        assert again is not None
        assert go_on(platform.clients, again) == []


def test_the_fake_remembers_in_the_order_of_creation(platform: Platform) -> None:
    assert isinstance(platform.fake, FakeEcs)
    first = platform.fake.add("backend", "SUCCESSFUL", platform.templates["backend"])
    second = platform.fake.add("backend", "IN_PROGRESS", platform.templates["backend"])
    assert first["createdAt"] < second["createdAt"]
