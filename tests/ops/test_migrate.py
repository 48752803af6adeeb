"""What a migration's task says, what speaks against an execution, and which record follows: on moto, with tasks that a test ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from nautilus.ops import jobs
from nautilus.ops.jobs import Ended, JobError, JobFacts, JobLostError, parse_job
from nautilus.ops.migrate import Answer, Clients, Mode, Notes, Runs, carry_out, complete, judge, objections, parse_line
from nautilus.ops.rollout.facts import Facts
from nautilus.ops.rollout.records import Migration, read_migration
from tests.ops.conftest import ACCOUNT, REGION, CachedSession
from tests.ops.conftest import session as moto_session

session = moto_session

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-prod/backend"
PARAMETER = "/nautilus/prod/migrations/backend"
FACTS = Facts("/nautilus/prod", "nautilus-prod-cluster", {})
GROUP = "/nautilus/prod/migrations"


def line(event: str, **more: Any) -> str:
    return json.dumps({"event": f"migration.{event}", **more})


CHECKED = line("check", database="relational", name="foreign-keys", ok=True, detail="every child row has its parent")
BROKEN = line("check", database="relational", name="foreign-keys", ok=False, detail="rows without their parent: x on y")
APPLIED = line("applied", database="relational", file="0003_x.sql", seconds=1)
END = line("end", mode="x", ok=True)


def state(*pending: str) -> str:
    return line("state", database="relational", version=3, pending=list(pending), ahead=0)


def ended(*lines: str, code: int | None = 0, stop: str = "EssentialContainerExited", reason: str = "") -> Ended:
    return Ended("arn:task/1", code, stop, reason, lines)


class TestJudge:
    def test_yes_needs_a_data_check(self) -> None:
        assert judge(Mode.DRY_RUN, ended(CHECKED, END)).answer is Answer.YES
        silent = judge(Mode.DRY_RUN, ended("all fine!", END))
        assert (silent.answer, silent.why) == (Answer.UNCLEAR, "the program reported no data check")

    def test_a_check_that_fails_outweighs_exit_code_0(self) -> None:
        found = judge(Mode.CHECK, ended(CHECKED, BROKEN, END))
        assert (found.answer, found.why) == (Answer.NO, "data check foreign-keys: rows without their parent: x on y")

    @pytest.mark.parametrize(
        ("code", "answer"), [(1, Answer.NO), (2, Answer.UNCLEAR), (3, Answer.UNCLEAR), (137, Answer.UNCLEAR), (None, Answer.UNCLEAR)]
    )
    def test_no_line_outweighs_an_exit_code(self, code: int | None, answer: Answer) -> None:
        assert judge(Mode.EXECUTE, ended(CHECKED, END, code=code)).answer is answer

    def test_an_execution_that_leaves_something_is_a_no(self) -> None:
        assert judge(Mode.EXECUTE, ended(CHECKED, state("0004_y.sql"), END)).why == "still not applied: relational: 0004_y.sql"
        assert judge(Mode.DRY_RUN, ended(CHECKED, state("0004_y.sql"), END)).answer is Answer.YES

    def test_what_can_have_changed_nothing(self) -> None:
        assert judge(Mode.EXECUTE, ended(code=None, stop="TaskFailedToStart", reason="CannotPullContainerError")).untouched
        assert judge(Mode.EXECUTE, ended(line("unclear", detail="locked"), END, code=3)).untouched
        assert not judge(Mode.EXECUTE, ended(APPLIED, line("unclear", detail="locked"), END, code=3)).untouched
        assert not judge(Mode.EXECUTE, ended(line("unclear", detail="locked"), code=3)).untouched, "its log is not whole"
        assert not judge(Mode.EXECUTE, ended(code=137, reason="OutOfMemoryError")).untouched

    def test_why_it_never_started_is_said(self) -> None:
        found = judge(Mode.DRY_RUN, ended(code=None, stop="TaskFailedToStart", reason="CannotPullContainerError: no such image"))
        assert found.why == "it never started: CannotPullContainerError: no such image"

    @given(
        st.lists(st.one_of(st.text(), st.sampled_from([CHECKED, BROKEN, APPLIED, END, '{"event": 3}', "{", "[1]"]))), st.integers(1, 255)
    )
    def test_nothing_but_exit_code_0_is_a_yes(self, lines: list[str], code: int) -> None:
        assert judge(Mode.EXECUTE, ended(*lines, code=code)).answer is not Answer.YES
        assert (judge(Mode.CHECK, ended(*lines)).answer is Answer.YES) == (CHECKED in lines and BROKEN not in lines)
        assert complete(lines) == (END in lines)

    @pytest.mark.parametrize("text", ["", "{", "{}", "null", '{"event": null}', '{"event": "other.thing"}', ' {"event": "migration.end"}'])
    def test_other_lines_are_no_events(self, text: str) -> None:
        assert parse_line(text) is None


@dataclass
class Script:
    """ECS's tasks as a test lets them end; everything else is moto's."""

    ecs: Any
    logs: Any
    answers: list[Ended] = field(default_factory=list[Ended])
    begun: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    stopped: list[str] = field(default_factory=list[str])
    polls: int = 0
    ends: dict[int, Ended] = field(default_factory=dict[int, Ended])
    started: int = 0
    on_start: Callable[[], None] | None = None
    failures: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    hidden: range = range(0)
    """Numbers of the polls that do not show the task."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ecs, name)

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.begun.append(request)
        if self.failures:
            return {"tasks": [], "failures": self.failures}
        if self.on_start:
            self.on_start()
        self.started += 1
        number = self.started
        if self.answers:
            self.ends[number] = self.answers[len(self.begun) - 1]
        stream = f"migrations/migrations/{number}"
        self.logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        at = int(NOW.timestamp() * 1000)
        lines = self.ends[number].lines if number in self.ends else ()
        if lines:
            self.logs.put_log_events(
                logGroupName=GROUP, logStreamName=stream, logEvents=[{"timestamp": at + i, "message": one} for i, one in enumerate(lines)]
            )
        return {"tasks": [{"taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/nautilus-prod-cluster/{number}"}], "failures": []}

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "nautilus-prod-cluster"
        self.polls += 1
        if self.polls in self.hidden:
            return {"tasks": [], "failures": [{"arn": tasks[0], "reason": "MISSING"}]}
        number = int(tasks[0].rpartition("/")[2])
        if number not in self.ends or self.polls % 2:
            return {"tasks": [{"lastStatus": "RUNNING", "containers": []}]}
        how = self.ends[number]
        container: dict[str, Any] = {"name": "migrations", "reason": how.reason}
        if how.exit_code is not None:
            container["exitCode"] = how.exit_code
        return {"tasks": [{"lastStatus": "STOPPED", "stopCode": how.stop_code, "containers": [container]}]}

    def stop_task(self, *, task: str, **_: Any) -> None:
        self.stopped.append(task)


class World:
    """The stack on moto: a template, a log group, a database that can be restored to five minutes ago."""

    def __init__(self, session: CachedSession) -> None:
        self.logs, self.ssm, self.rds = (session.client(one) for one in ("logs", "ssm", "rds"))
        ecs = session.client("ecs")
        ecs.create_cluster(clusterName="nautilus-prod-cluster")
        made = ecs.register_task_definition(
            family="nautilus-prod-migrations",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="512",
            memory="1024",
            containerDefinitions=[{"name": "migrations", "image": f"{REPOSITORY}@{OLD}", "command": ["tool", "check"]}],
            tags=[{"key": "Stack", "value": "prod"}],
        )
        self.logs.create_log_group(logGroupName=GROUP)
        self.script = Script(ecs, self.logs)
        self.restorable: datetime | None = NOW - timedelta(minutes=5)
        self.job = parse_job(
            {
                "jobs": {
                    "migrations": json.dumps(
                        {
                            "cluster": "nautilus-prod-cluster",
                            "taskDefinition": made["taskDefinition"]["taskDefinitionArn"],
                            "container": "migrations",
                            "command": ["tool"],
                            "subnets": ["subnet-a"],
                            "group": "sg-1",
                            "logGroup": GROUP,
                            "service": "backend",
                            "database": "nautilus-prod-postgres",
                            "dryRunHours": 24,
                            "restorePointMinutes": 15,
                        }
                    )
                }
            },
            "migrations",
        )
        self.time = 0.0

    def describe_db_instances(self, *, DBInstanceIdentifier: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert DBInstanceIdentifier == "nautilus-prod-postgres"
        return {"DBInstances": [{"LatestRestorableTime": self.restorable} if self.restorable else {}]}

    @property
    def clients(self) -> Clients:
        return Clients(self.script, self.logs, self.ssm, self)

    @property
    def known(self) -> Migration | None:
        return read_migration(self.ssm, FACTS, "backend")

    def put(self, status: str, digest: str = NEW, age: timedelta = timedelta(hours=1)) -> None:
        document = {"digest": digest, "status": status, "who": "jane", "at": (NOW - age).isoformat(), "detail": "d"}
        self.ssm.put_parameter(Name=PARAMETER, Value=json.dumps(document), Type="String", Overwrite=True)

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def runs(self, digest: str = NEW, **more: Any) -> Runs:
        revision = jobs.revision_of(self.script, self.job, digest)
        return Runs(self.clients, self.job, revision, clock=lambda: self.time, sleep=self.sleep, **{"seconds": 600, **more})

    def do(self, mode: Mode, *answers: Ended, **more: Any) -> Any:
        self.script.answers, self.script.begun = list(answers), []
        return carry_out(self.runs(**more), mode, Notes(PARAMETER, "jane", "monthly", lambda: NOW), self.known)

    def against(self, mode: Mode = Mode.EXECUTE, digest: str = NEW) -> list[str]:
        return [one.code for one in objections(self.clients, self.job, self.known, digest, mode=mode, now=NOW)]


@pytest.fixture
def world(session: CachedSession) -> World:
    return World(session)


GOOD = ended(CHECKED, state(), END)


class TestObjections:
    def test_a_fresh_dry_run_of_this_image_and_a_restorable_database_are_enough(self, world: World) -> None:
        world.put("checked")
        assert world.against() == []

    def test_without_one_there_is_no_execution(self, world: World) -> None:
        assert world.against() == ["no-dry-run"]
        world.put("checked", OLD)
        assert world.against() == ["no-dry-run"]
        world.put("checked", age=timedelta(hours=24, minutes=1))
        assert world.against() == ["old"]
        world.put("checked", age=timedelta(hours=-1))
        assert world.against() == ["old"], "a time in the future is no proof"
        world.put("failed")
        assert world.against() == ["failed"]

    @pytest.mark.parametrize("value", ["not JSON", '{"status": "checked"}', '{"status": "fine", "digest": "x"}', "[]"])
    def test_an_unreadable_record_counts_as_failed(self, world: World, value: str) -> None:
        world.ssm.put_parameter(Name=PARAMETER, Value=value, Type="String")
        assert world.against() == ["failed"]

    def test_a_time_without_its_zone_proves_nothing(self, world: World) -> None:
        document = {"digest": NEW, "status": "checked", "who": "jane", "at": "2026-11-21T19:00:00", "detail": ""}
        world.ssm.put_parameter(Name=PARAMETER, Value=json.dumps(document), Type="String")
        assert world.against() == ["no-dry-run"]

    def test_no_execution_without_a_way_back(self, world: World) -> None:
        world.put("checked")
        world.restorable = NOW - timedelta(minutes=16)
        assert world.against() == ["no-restore-point"]
        world.restorable = None
        assert world.against() == ["no-restore-point"]
        assert world.against(Mode.DRY_RUN) == [], "nothing is changed, so nothing needs a way back"

    def test_one_at_a_time(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict[str, Any]] = []

        class Pages:
            def paginate(self, **request: Any) -> Iterable[dict[str, Any]]:
                asked.append(request)
                return [{"taskArns": []}, {"taskArns": ["arn:task/7"]}]

        monkeypatch.setattr(world.script, "get_paginator", lambda _name: Pages(), raising=False)
        for mode in Mode:
            world.put("checked")
            assert world.against(mode) == ["busy"]
        assert asked[0] == {"cluster": "nautilus-prod-cluster", "family": "nautilus-prod-migrations", "desiredStatus": "RUNNING"}


class TestDryRun:
    def test_yes_is_checked(self, world: World) -> None:
        done = world.do(Mode.DRY_RUN, ended(CHECKED, state("0003_x.sql"), END))
        assert done.answer is Answer.YES
        known = world.known
        assert known is not None
        assert (known.digest, known.status, known.who, known.detail) == (NEW, "checked", "jane", "1 checks passed; monthly")
        assert world.against() == []

    def test_the_task_is_the_asked_image_with_the_argument(self, world: World) -> None:
        world.do(Mode.DRY_RUN, GOOD)
        [request] = world.script.begun
        assert request["overrides"] == {"containerOverrides": [{"name": "migrations", "command": ["tool", "dry-run"]}]}
        assert request["networkConfiguration"]["awsvpcConfiguration"] == {
            "subnets": ["subnet-a"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "DISABLED",
        }
        assert request["startedBy"] == "nautilus-migrate"
        definition = world.script.describe_task_definition(taskDefinition=request["taskDefinition"], include=["TAGS"])
        [container] = definition["taskDefinition"]["containerDefinitions"]
        assert container["image"] == f"{REPOSITORY}@{NEW}"
        assert {"key": "Stack", "value": "prod"} in definition["tags"]

    def test_the_templates_own_image_needs_no_new_revision(self, world: World) -> None:
        assert jobs.revision_of(world.script, world.job, None) == jobs.Revision(world.job.task_definition, OLD, temporary=False)
        made = jobs.revision_of(world.script, world.job, NEW)
        assert made.temporary
        jobs.discard(world.script, made)
        assert world.script.describe_task_definition(taskDefinition=made.arn)["taskDefinition"]["status"] == "INACTIVE"
        kept = jobs.revision_of(world.script, world.job, OLD)
        jobs.discard(world.script, kept)
        assert world.script.describe_task_definition(taskDefinition=kept.arn)["taskDefinition"]["status"] == "ACTIVE"

    def test_no_is_failed_and_stops_rollouts(self, world: World) -> None:
        done = world.do(Mode.DRY_RUN, ended(BROKEN, END, code=1))
        assert done.answer is Answer.NO
        assert world.known is not None
        assert (world.known.status, world.known.failed) == ("failed", True)
        assert world.against() == ["failed"]

    def test_without_an_answer_nothing_is_recorded(self, world: World) -> None:
        done = world.do(Mode.DRY_RUN, ended(line("unclear", detail="another runner"), END, code=3))
        assert (done.answer, world.known) == (Answer.UNCLEAR, None)

    def test_a_task_that_ecs_does_not_show_at_once_is_waited_for(self, world: World) -> None:
        world.script.hidden = range(1, 6)
        assert world.do(Mode.DRY_RUN, GOOD).answer is Answer.YES

    def test_a_task_that_ecs_never_shows_is_lost_after_a_minute(self, world: World) -> None:
        world.script.hidden = range(1, 10_000)
        with pytest.raises(JobLostError, match="does not know"):
            world.do(Mode.DRY_RUN, GOOD)
        assert jobs.APPEAR_SECONDS < world.time <= jobs.APPEAR_SECONDS + 2 * jobs.POLL_SECONDS

    def test_a_task_that_ecs_has_shown_and_forgotten_is_lost_at_once(self, world: World) -> None:
        world.script.hidden = range(2, 10_000)
        with pytest.raises(JobLostError, match="does not know"):
            world.do(Mode.DRY_RUN)
        assert world.time <= 2 * jobs.POLL_SECONDS

    def test_too_slow_is_stopped(self, world: World) -> None:
        with pytest.raises(JobLostError, match="after 10 minutes"):
            world.do(Mode.DRY_RUN)
        assert len(world.script.stopped) == 1
        assert world.known is None

    def test_what_parameter_store_refuses_is_not_written(self, world: World) -> None:
        world.do(Mode.DRY_RUN, ended(line("failed", detail="jinja {{ x }} and {{{y}}} " + "y" * 6000), END, code=1))
        assert world.known is not None
        assert "{{" not in world.known.detail
        assert len(world.known.detail) <= 500


class TestExecute:
    def test_it_is_checked_by_a_task_of_its_own(self, world: World) -> None:
        world.put("checked")
        seen: list[str] = []
        world.script.on_start = lambda: seen.append(world.known.status if world.known else "")
        done = world.do(Mode.EXECUTE, ended(APPLIED, CHECKED, state(), END), GOOD)
        assert [one["overrides"]["containerOverrides"][0]["command"][-1] for one in world.script.begun] == ["execute", "check"]
        assert seen == ["failed", "failed"], "nothing may be deployed while it runs"
        assert (done.answer, done.record.status) == (Answer.YES, "executed")
        assert world.known == done.record

    @pytest.mark.parametrize(
        ("executed", "checked", "told"),
        [
            (ended(APPLIED, line("failed", detail="0004: boom"), END, code=1), None, "execution: 0004: boom"),
            (ended(APPLIED, line("unclear", detail="lock"), END, code=3), None, "execution: lock"),
            (ended(code=137, reason="OutOfMemoryError: killed"), None, "exit code 137: OutOfMemoryError: killed"),
            (ended(APPLIED, END), None, "reported no data check"),
            (GOOD, ended(BROKEN, state(), END, code=1), "data check after the execution"),
            (GOOD, ended(CHECKED, state("0009_z.sql"), END), "still not applied: relational: 0009_z.sql"),
            (GOOD, ended(code=None, stop="TaskFailedToStart", reason="no capacity"), "never started: no capacity"),
        ],
    )
    def test_every_other_end_is_failed(self, world: World, executed: Ended, checked: Ended | None, told: str) -> None:
        world.put("checked")
        done = world.do(Mode.EXECUTE, executed, *([checked] if checked else []))
        assert done.answer is not Answer.YES
        assert world.known is not None
        assert world.known.status == "failed"
        assert told in world.known.detail

    @pytest.mark.parametrize(
        "how",
        [
            ended(code=None, stop="TaskFailedToStart", reason="CannotPullContainerError"),
            ended(line("unclear", detail="another runner works"), END, code=3),
        ],
    )
    def test_what_changed_nothing_leaves_the_dry_run_as_it_was(self, world: World, how: Ended) -> None:
        world.put("checked")
        before = world.known
        assert world.do(Mode.EXECUTE, how).answer is Answer.UNCLEAR
        assert world.known == before
        assert world.against() == []

    def test_a_task_that_ecs_refuses_changes_nothing(self, world: World) -> None:
        world.put("checked")
        before = world.known
        world.script.failures = [{"reason": "RESOURCE:CPU"}]
        with pytest.raises(JobError, match="RESOURCE:CPU"):
            world.do(Mode.EXECUTE)
        assert world.known == before

    def test_too_slow_is_left_running_and_recorded(self, world: World) -> None:
        world.put("checked")
        with pytest.raises(JobLostError):
            world.do(Mode.EXECUTE)
        assert world.script.stopped == []
        assert world.known is not None
        assert (world.known.status, world.known.detail) == ("failed", "an execution has begun and has not reported its end; monthly")


class TestCheck:
    def test_yes_with_nothing_pending_is_executed(self, world: World) -> None:
        """An image without a migration of its own needs neither dry run nor execution."""
        world.do(Mode.CHECK, GOOD)
        assert world.known is not None
        assert world.known.status == "executed"

    def test_yes_with_something_pending_changes_nothing(self, world: World) -> None:
        world.put("failed")
        before = world.known
        assert world.do(Mode.CHECK, ended(CHECKED, state("0003_x.sql"), END)).answer is Answer.YES
        assert world.do(Mode.CHECK, ended(CHECKED, END)).answer is Answer.YES, "it does not say what is pending"
        assert world.known == before

    def test_no_is_failed(self, world: World) -> None:
        world.put("executed")
        world.do(Mode.CHECK, ended(BROKEN, state(), END, code=1))
        assert world.known is not None
        assert world.known.status == "failed"


class TestFollow:
    def test_lines_come_once_and_in_order(self, world: World) -> None:
        heard: list[str] = []
        world.do(Mode.DRY_RUN, ended("one", "two", CHECKED, END), on_line=heard.append)
        assert heard == ["one", "two", CHECKED, END]

    def test_a_log_that_never_ends_is_waited_for_a_while(self, world: World) -> None:
        done = world.do(Mode.DRY_RUN, ended(CHECKED))
        assert done.answer is Answer.YES
        assert jobs.LOG_SECONDS <= world.time < jobs.LOG_SECONDS + 10

    def test_what_never_started_is_not_waited_for(self, world: World) -> None:
        world.do(Mode.DRY_RUN, ended(code=None, stop="TaskFailedToStart"))
        assert world.time < 10

    def test_a_refusal_of_the_log_is_an_error(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetLogEvents")

        class Logs:
            get_log_events = staticmethod(refuse)

        with pytest.raises(ClientError):
            jobs.Log(Logs(), world.job, "arn:task/1").read()


@pytest.mark.parametrize(
    "outputs",
    [{}, {"jobs": {}}, {"jobs": None}, {"jobs": {"migrations": "{"}}, {"jobs": {"migrations": "{}"}}, {"jobs": {"migrations": "3"}}],
)
def test_a_stack_without_the_job_is_told(outputs: dict[str, Any]) -> None:
    with pytest.raises(JobError, match="migrations"):
        parse_job(outputs, "migrations")


def test_a_template_without_a_digest_is_refused(world: World) -> None:
    made = world.script.register_task_definition(
        family="other", containerDefinitions=[{"name": "migrations", "image": "backend:latest", "memory": 64}]
    )
    job = JobFacts("migrations", "c", made["taskDefinition"]["taskDefinitionArn"], "migrations", ("t",), (), "g", GROUP)
    with pytest.raises(JobError, match="names no digest"):
        jobs.revision_of(world.script, job, NEW)
